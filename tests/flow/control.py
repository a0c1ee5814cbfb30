"""`p11gate ctl`, as an administrator types it."""

import json

import clients


def ctl(gate, *words, user=None):
    """The CompletedProcess; user: somebody else than root."""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return clients.run([*become, gate.program, "ctl", "-s", gate.folder / "control", *words])


def status(gate):
    answer = ctl(gate, "--json", "status")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def reload(gate):
    answer = ctl(gate, "reload")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "reloaded\n"


def reload_fails(gate):
    """Why."""
    answer = ctl(gate, "reload")
    assert (answer.returncode, answer.stdout) == (1, "")
    return answer.stderr
