"""A start that fails through no fault of the configuration ends, with a code that a service manager takes for "again"."""

import os

import pytest

NOBODY_ELSE = 54321  # a user without a process
TRY_AGAIN = 75


@pytest.mark.parametrize("options, code", [((), TRY_AGAIN), (("-t", "--no-token"), 1)], ids=["start", "check"])
def test_no_process_can_be_started(make_gate, configuration, echo, own_folder, options, code):
    configuration.listener("raw", "tls", echo.port)
    for path in (own_folder, configuration.pin_file):
        path.chmod(0o755 if path.is_dir() else 0o600)
        os.chown(path, NOBODY_ELSE, NOBODY_ELSE)
    gate = make_gate(configuration)
    gate.prefix = ["setpriv", f"--reuid={NOBODY_ELSE}", f"--regid={NOBODY_ELSE}", "--clear-groups", "prlimit", "--nproc=1:1"]
    gate.start(*options, ready=False)
    assert gate.wait_exit() == code
    assert "cannot fork" in gate.text
