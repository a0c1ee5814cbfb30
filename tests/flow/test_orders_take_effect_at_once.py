"""What `p11gate ctl` orders: listeners and backends switched, sessions shown and ended, and the end of p11gate when the
last of them has ended."""

import json
import os
import signal
import threading

import control
import ftp_recorder
import ftp_wire
import pytest
import waiting


@pytest.fixture
def backends():
    made = [ftp_recorder.Recorder(), ftp_recorder.Recorder()]
    yield made
    for one in made:
        one.stop()


@pytest.fixture
def gate(make_gate, configuration, backends):
    addresses = [f"127.0.0.1:{one.port}" for one in backends]
    ports = {name: configuration.listener(name, "ftp", None, group=group, health_check="0")
             for name, group in (("a", "edi"), ("b", "edi"), ("c", "bank"))}
    for listener in configuration.listeners:
        listener["backend"] = addresses
    made = make_gate(configuration).start()
    made.ports, made.backends = ports, addresses
    return made


def say(gate, *words):
    answer = control.ctl(gate, *words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def refuse(gate, *words):
    answer = control.ctl(gate, *words)
    assert (answer.returncode, answer.stdout) == (1, "")
    return answer.stderr


def connected(pki, gate, name):
    wire = ftp_wire.Wire(pki, gate.ports[name])
    assert wire.reply()[0] == 220
    return wire


def logged_in(pki, gate, name, backend):
    wire = connected(pki, gate, name)
    wire.start_tls()
    wire.login(backend, protect=False)
    return wire


def is_closed(gate, name):
    waiting.until(lambda: not waiting.connects(gate.ports[name]), f"{name} to be closed")
    return True


def test_a_listener_is_closed_and_its_sessions_go_on(gate, pki, backends):
    wire = logged_in(pki, gate, "a", backends[0])
    assert "a: disabled" in say(gate, "disable", "a")
    assert is_closed(gate, "a") and waiting.connects(gate.ports["b"])
    assert wire.say("NOOP")[0] == 200
    shown = {one["alias"]: one["enabled"] for one in control.status(gate)["listeners"]}
    assert shown == {"a": False, "b": True, "c": True}
    assert "enabled" in say(gate, "enable", "a")
    connected(pki, gate, "a").close()
    wire.close()


def test_a_group_is_switched_as_one(gate, pki):
    say(gate, "disable", "group:edi")
    assert is_closed(gate, "a") and is_closed(gate, "b") and waiting.connects(gate.ports["c"])
    say(gate, "enable", "group:edi")
    for name in gate.ports:
        connected(pki, gate, name).close()


def test_what_is_off_stays_off(gate, pki):
    """Through a reload, and when a worker is replaced."""
    say(gate, "disable", "a")
    control.reload(gate)
    assert is_closed(gate, "a")
    before = gate.pids("worker")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    gate.until_pids("worker", lambda pids: len(pids) == 2 and not set(pids) & set(before))
    assert is_closed(gate, "a") and waiting.connects(gate.ports["b"])
    say(gate, "enable", "a")
    connected(pki, gate, "a").close()


def test_what_cannot_be_switched_is_said(gate):
    assert "no listener" in refuse(gate, "disable", "nobody")
    assert "no listener" in refuse(gate, "enable", "group:nobody")
    assert "not in the configuration" in refuse(gate, "disable", "backend:127.0.0.1:1")
    assert "is enabled" in say(gate, "enable", "a")


def test_a_backend_gets_no_new_sessions(gate, pki, backends):
    first = logged_in(pki, gate, "a", backends[0])
    assert (len(backends[0].connections), len(backends[1].connections)) == (1, 0)
    say(gate, "disable", f"backend:{gate.backends[0]}")
    for _ in range(4):
        logged_in(pki, gate, "a", backends[1]).close()
    assert (len(backends[0].connections), len(backends[1].connections)) == (1, 4)
    assert first.say("NOOP")[0] == 200
    # New workers know it, too.
    control.reload(gate)
    logged_in(pki, gate, "a", backends[1]).close()
    assert len(backends[0].connections) == 1
    say(gate, "enable", f"backend:{gate.backends[0]}")
    logged_in(pki, gate, "a", backends[0]).close()
    assert len(backends[0].connections) == 2
    first.close()


def test_sessions_are_shown_and_ended(gate, pki):
    wires = {name: connected(pki, gate, name) for name in gate.ports}
    shown = {one["listener"]: one for one in json.loads(say(gate, "--json", "sessions"))}
    assert {name: one["client"] for name, one in shown.items()} == {name: wire.client for name, wire in wires.items()}
    assert {one["worker"] for one in shown.values()} <= set(gate.pids("worker"))
    for name, wire in wires.items():
        assert f"{shown[name]['id']} {name} {wire.client} " in say(gate, "sessions")
    say(gate, "kick", shown["b"]["id"])
    assert gate.wait_for("session-end", session=shown["b"]["id"])["reason"] == "kicked"
    assert wires["b"].reply()[0] == 421
    assert wires["a"].say("NOOP")[0] == 200
    waiting.until(lambda: len(json.loads(say(gate, "--json", "sessions"))) == 2, "two to be left")
    assert "no session" in refuse(gate, "kick", shown["b"]["id"])
    assert "id" in refuse(gate, "kick", "everybody")


def test_a_drain_waits_for_the_last(gate, pki, backends):
    wire = logged_in(pki, gate, "a", backends[0])
    say(gate, "drain")
    for name in gate.ports:
        assert is_closed(gate, name)
    assert wire.say("NOOP")[0] == 200
    assert wire.say("QUIT")[0] == 221
    wire.close()
    assert gate.wait_exit() == 0


def test_a_drain_lets_transfers_end_whole(gate, pki, backends):
    """An upload and a download that stand in their middle when the order comes; their sessions may go on, too."""
    begun, go_on = threading.Barrier(2), threading.Event()
    halves = b"one half" * 10000, b"the other" * 10000

    def send_halves(data):
        data.sendall(halves[0])
        begun.wait(ftp_wire.LIMIT_S)
        assert go_on.wait(ftp_wire.LIMIT_S)
        data.sendall(halves[1])

    backends[0].doings["RETR"] = lambda talk, _: talk.transfer(send_halves)
    wires = [logged_in(pki, gate, "a", backends[0]) for _ in range(2)]
    for wire in wires:
        assert wire.say("PBSZ 0")[0] == wire.say("PROT P")[0] == 200
    up, down = wires[0].open_data("STOR up"), wires[1].open_data("RETR down")
    up.sendall(halves[0])
    begun.wait(ftp_wire.LIMIT_S)
    say(gate, "drain")
    assert is_closed(gate, "a")
    up.sendall(halves[1])
    go_on.set()
    up.unwrap().close()
    assert ftp_wire.receive_all(down) == b"".join(halves)
    down.close()
    for wire in wires:
        assert wire.reply()[0] == 226
        assert wire.say("QUIT")[0] == 221
        wire.close()
    assert backends[0].files["up"] == b"".join(halves)
    assert {line["reason"] for line in gate.log("transfer")} == {"done"}
    assert gate.wait_exit() == 0


def test_a_term_ends_a_drain(gate, pki, backends):
    wire = logged_in(pki, gate, "a", backends[0])
    say(gate, "drain")
    assert is_closed(gate, "a")
    gate.signal(signal.SIGTERM)
    assert wire.reply()[0] == 421
    wire.close()
    assert gate.wait_exit() == 0


def test_the_log_is_opened_anew(gate):
    say(gate, "reopen-logs")
    assert gate.wait_for("log-reopen")
