"""Who fails to log in too often is banned by address, in every worker at once (max-login-failures, ban-time)."""

import contextlib
import os

import control
import ftp_recorder
import ftp_wire
import metrics_page
import pytest
import waiting

FAILURES, WORKERS = 3, 3


def connect(pki, gate, source="127.0.0.2", listener="ftp"):
    return ftp_wire.Wire(pki, gate.ports[listener], source=source)


def fail(pki, gate, source="127.0.0.2"):
    """One session, one failed login; the code of the reply."""
    wire = connect(pki, gate, source)
    assert wire.reply()[0] == 220
    wire.start_tls()
    assert wire.say("USER nobody")[0] == 331
    code = wire.say("PASS wrong")[0]
    wire.close()
    return code


def greeted(pki, gate, source="127.0.0.2", listener="ftp"):
    """220, or the code of the refusal."""
    with contextlib.closing(connect(pki, gate, source, listener)) as wire:
        return wire.reply()[0]


def is_refused_everywhere(pki, gate, source="127.0.0.2"):
    """Often enough that every worker is asked."""
    return all(greeted(pki, gate, source) == 421 for _ in range(8 * WORKERS))


@pytest.fixture(scope="module")
def backend():
    """It says no at once."""
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


@pytest.fixture
def gate(make_gate, configuration, backend):
    configuration.top["workers"] = WORKERS
    guard = {"max_login_failures": FAILURES, "ban_time": "10m", "ban_exempt": ["127.0.0.9"]}
    ports = {"ftp": configuration.listener("ftp", "ftp", backend.port, **guard),
             "other": configuration.listener("other", "ftp", backend.port, **guard)}
    configuration.listeners[-1]["ban_exempt"] = ["127.0.0.2"]
    made = make_gate(configuration).start()
    made.ports, made.configuration = ports, configuration
    return made


def ban(pki, gate, source="127.0.0.2"):
    count = len(gate.log("ban"))
    for _ in range(FAILURES):
        assert fail(pki, gate, source) == 530
    return gate.wait_for("ban", count=count + 1)


def test_an_address_is_banned_in_all_workers(gate, pki):
    told = ban(pki, gate)
    assert (told["client"], told["failures"], told["ms"]) == ("127.0.0.2", str(FAILURES), "600000")
    assert is_refused_everywhere(pki, gate)
    assert gate.wait_for("session-refused", reason="banned")["client"].startswith("127.0.0.2:")
    # Its neighbour is not, and nobody whom the listener exempts.
    assert greeted(pki, gate, "127.0.0.3") == 220
    assert greeted(pki, gate, listener="other") == 220


def test_failures_below_the_limit_ban_nobody(gate, pki):
    for _ in range(FAILURES - 1):
        assert fail(pki, gate) == 530
    assert greeted(pki, gate) == 220
    assert not gate.log("ban")


def test_an_exempt_address_is_never_banned(gate, pki):
    for _ in range(2 * FAILURES):
        assert fail(pki, gate, "127.0.0.9") == 530
    assert greeted(pki, gate, "127.0.0.9") == 220
    assert not gate.log("ban")


def test_a_session_ends_with_its_last_failure(gate, pki):
    wire = connect(pki, gate)
    wire.reply()
    wire.start_tls()
    codes = []
    with contextlib.suppress(EOFError, ConnectionError):
        for _ in range(FAILURES + 1):
            wire.say("USER nobody")
            codes.append(wire.say("PASS wrong")[0])
    assert codes == [530] * FAILURES or codes == [530] * (FAILURES - 1) + [421]
    wire.close()
    assert gate.wait_for("ban", client="127.0.0.2")
    assert is_refused_everywhere(pki, gate)


def secured(pki, gate, listener="ftp"):
    wire = connect(pki, gate, listener=listener)
    assert wire.reply()[0] == 220
    wire.start_tls()
    return wire


def test_sessions_that_are_open_already_guess_no_more(gate, pki, backend):
    """A ban counts for whoever has not logged in, at USER and at PASS: otherwise a client opens many first."""
    backend.users["partner"] = "right"
    silent, typing = ([secured(pki, gate) for _ in range(2 * WORKERS)] for _ in range(2))
    exempt, member = secured(pki, gate, "other"), secured(pki, gate)
    for wire in typing:
        assert wire.say("USER early")[0] == 331
    assert (member.say("USER partner")[0], member.say("PASS right")[0]) == (331, 230)
    ban(pki, gate)
    for wire in silent + typing:
        assert wire.say("USER late" if wire in silent else "PASS guess")[0] == 421
        with pytest.raises(EOFError):
            wire.line()
        wire.close()
    assert not {"USER late", "PASS guess"} & set(backend.commands)
    assert gate.wait_for("session-end", count=4 * WORKERS, reason="banned")
    # Who is logged in is not a guesser; nor is anybody whom the listener exempts.
    assert member.say("NOOP")[0] == 200 and exempt.say("USER guess")[0] == 331
    for wire in (exempt, member):
        wire.close()


def test_a_ban_ends_when_it_is_asked_for(gate, pki):
    ban(pki, gate)
    ban(pki, gate, "127.0.0.4")
    assert control.ctl(gate, "unban", "127.0.0.2").stdout == "1 bans ended\n"
    assert gate.wait_for("unban", client="127.0.0.2")
    assert greeted(pki, gate) == 220 and greeted(pki, gate, "127.0.0.4") == 421
    assert control.ctl(gate, "unban", "127.0.0.2").returncode == 1
    assert control.ctl(gate, "unban", "nobody").returncode == 1
    assert control.ctl(gate, "unban", "all").stdout == "1 bans ended\n"
    assert greeted(pki, gate, "127.0.0.4") == 220


def test_a_ban_ends_by_itself(gate, pki):
    for listener in gate.configuration.listeners:
        listener["ban_time"] = "1s"
    gate.path.write_text(gate.configuration.text())
    control.reload(gate)
    ban(pki, gate)
    assert gate.wait_for("unban", client="127.0.0.2")
    assert greeted(pki, gate) == 220


def test_bans_outlive_workers_and_reloads(gate, pki):
    ban(pki, gate)
    before = gate.pids("worker")
    for pid in before:
        os.kill(pid, 9)
    gate.until_pids("worker", lambda pids: len(pids) == WORKERS and not set(pids) & set(before))
    assert is_refused_everywhere(pki, gate)
    control.reload(gate)
    assert is_refused_everywhere(pki, gate)


def test_the_metric_counts_them(gate, pki):
    port = metrics_page.add(gate.configuration)
    gate.path.write_text(gate.configuration.text())
    control.reload(gate)
    waiting.until(lambda: waiting.connects(port) and metrics_page.read(port)["p11gate_bans"] == 0, "the metric")
    ban(pki, gate)
    waiting.until(lambda: metrics_page.read(port)["p11gate_bans"] == 1, "a ban in the metric")
    control.ctl(gate, "unban", "all")
    waiting.until(lambda: metrics_page.read(port)["p11gate_bans"] == 0, "no ban in the metric")
