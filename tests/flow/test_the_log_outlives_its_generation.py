"""The log's target and the housekeeper's user are known when the generation that they came from has long ended: a new
generation, then a new policy, whose taking frees it. A use of what was freed is the sanitized build's to see."""

import os
import signal

import control
import pytest

WORKERS = 2


@pytest.fixture
def gate(make_gate, configuration, echo):
    configuration.listener("raw", "tls", echo.port, deny="192.0.2.1")
    gate = make_gate(configuration).start()
    control.reload(gate)
    gate.path.write_text(gate.path.read_text().replace("192.0.2.1", "192.0.2.2"))
    control.reload_policy(gate)
    gate.until_pids("worker", lambda pids: len(pids) == WORKERS)
    return gate


@pytest.mark.parametrize("ask", [lambda gate: gate.signal(signal.SIGUSR1), lambda gate: control.ctl(gate, "reopen-logs")],
                         ids=["USR1", "ctl"])
def test_it_is_opened_anew(gate, ask):
    ask(gate)
    assert gate.wait_for("log-reopen")["reason"] == "stderr"
    assert control.status(gate)


def test_a_housekeeper_is_replaced(gate):
    before = gate.pids("housekeeper")
    os.kill(before[0], signal.SIGKILL)
    now = gate.until_pids("housekeeper", lambda pids: len(pids) == 1 and pids != before)
    control.ctl(gate, "reopen-logs")
    assert gate.wait_for("log-reopen")
    assert len({os.stat(f"/proc/{pid}").st_uid for pid in now + gate.pids("worker")}) == 1
