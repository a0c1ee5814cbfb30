"""`p11gate ctl`: what it shows, and who may use it."""

import grp
import os
import pathlib
import signal
import socket
import stat
import subprocess

import clients
import control
import pytest
import tls_wire
import waiting

STRANGER = "p11gate-signer"
GROUP_MEMBER = "p11gate"  # its group stands for admin.group here


@pytest.fixture
def gate(make_gate, configuration, echo):
    configuration.top["admin"] = {"bind": "", "control_socket": configuration.folder / "run" / "control",
                                  "group": GROUP_MEMBER}
    port = configuration.listener("raw", "tls", echo.port)
    configuration.listener("unused", "tls", echo.port, enabled=False)
    gate = make_gate(configuration).start()
    gate.wait_for("signer-ready", count=2)
    # Where every test of control.py looks for it.
    (gate.folder / "control").symlink_to(gate.folder / "run" / "control")
    gate.ports, gate.configuration = port, configuration
    return gate


def path(gate):
    return gate.folder / "run" / "control"


def test_status_tells_what_there_is(gate, pki):
    established = tls_wire.Conversation(clients.client_context(pki), gate.ports)
    assert established.echo(b"here")
    told = control.status(gate)
    assert (told["pid"], told["state"], told["reload"]) == (gate.process.pid, "running", "idle")
    generation, = told["generations"]
    assert (generation["number"], generation["state"]) == (1, "serving")
    assert sorted(worker["pid"] for worker in generation["workers"]) == gate.pids("worker")
    assert sum(worker["sessions"] for worker in generation["workers"]) == 1
    keystore, = told["keystores"]
    assert (keystore["alias"], keystore["can_sign"], keystore["signers"]) == ("edge", True, {"ready": 2})
    raw, unused = told["listeners"]
    assert (raw["alias"], raw["sessions"], raw["sessions_total"], raw["handshakes_full"]) == ("raw", 1, 1, 1)
    assert (unused["enabled"], unused["sessions_total"]) == (False, 0)
    text = control.ctl(gate, "status").stdout
    for line in ("generation 1: serving", "keystore edge: can sign; signers: 2 ready", "listener raw: 1 sessions (1 in all)"):
        assert line in text
    established.close()


def test_totals_outlive_workers_and_generations(gate, pki):
    for _ in range(3):
        assert tls_wire.full_handshake(clients.client_context(pki), gate.ports)
    for pid in gate.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    waiting.until(lambda: tls_wire.full_handshake(clients.client_context(pki), gate.ports), "a handshake")
    before = control.status(gate)["listeners"][0]["sessions_total"]
    assert before >= 4
    control.reload(gate)
    gate.wait_for("generation-end", generation=1)
    after = control.status(gate)
    assert after["listeners"][0]["sessions_total"] == before
    assert [one["number"] for one in after["generations"]] == [2]


def test_the_socket_has_its_rights(gate):
    status = path(gate).stat()
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o660
    assert (status.st_uid, status.st_gid) == (0, grp.getgrnam(GROUP_MEMBER).gr_gid)
    assert stat.S_IMODE(path(gate).parent.stat().st_mode) == 0o755


def test_others_are_refused(gate):
    answer = control.ctl(gate, "status", user=STRANGER)
    assert (answer.returncode, answer.stdout) == (1, "") and "Permission denied" in answer.stderr
    # The socket looks at who comes, too, and not only at its file's rights.
    path(gate).chmod(0o666)
    answer = control.ctl(gate, "reload", user=STRANGER)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert gate.wait_for("control-refused")
    assert not gate.log("reload")


def test_members_of_the_group_may(gate):
    assert control.ctl(gate, "status", user=GROUP_MEMBER).returncode == 0


def test_supplementary_members_of_the_group_may(gate):
    number = grp.getgrnam(GROUP_MEMBER).gr_gid
    run = clients.run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", f"--groups={number}", gate.program, "ctl",
                       "-s", path(gate), "status"])
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("words, code, said", [
    (["nonsense"], 1, "one of status, reload"),
    ([], 2, "usage"),
    (["status", "reload"], 2, "usage"),
    (["--no-such", "status"], 2, "usage"),
    (["-s", "/nowhere/control", "status"], 1, "/nowhere/control"),
])
def test_mistakes_are_explained(gate, words, code, said):
    answer = control.ctl(gate, *words)
    assert (answer.returncode, answer.stdout) == (code, "") and said in answer.stderr


def test_hostile_clients_hold_nobody_up(gate):
    idle = []
    for words in (b"", b"x" * 500, b"status", b"\0\0\0\n", b"status\nreload\n"):
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(path(gate)))
        one.sendall(words)
        idle.append(one)
    assert control.status(gate)["state"] == "running"
    for one in idle:
        one.close()
    assert not gate.log("reload")


def test_a_socket_that_was_left_behind_is_replaced(make_gate, configuration, echo):
    left = configuration.folder / "control"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(left))
    configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration).start()
    assert control.status(gate)["state"] == "running"
    gate.stop()
    assert not left.exists()


def test_two_of_them_do_not_share_a_socket(gate, make_gate, pki):
    waiting.until(lambda: path(gate).exists(), "the socket")
    run = subprocess.run([gate.program, "-c", other_configuration(gate)], capture_output=True, text=True, check=False,
                         timeout=60, env={**os.environ, **gate.environment})
    assert run.returncode == 1 and "another p11gate listens" in run.stderr
    assert control.status(gate)["pid"] == gate.process.pid


def other_configuration(gate):
    """The same, at other ports."""
    for listener in gate.configuration.listeners:
        listener["bind"] = f"127.0.0.1:{waiting.free_port()}"
    other = pathlib.Path(gate.folder / "other.conf")
    other.write_text(gate.configuration.text())
    return other


def test_a_file_that_is_no_socket_is_left_alone(make_gate, configuration, echo):
    (configuration.folder / "control").write_text("precious")
    configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration).start(ready=False)
    assert gate.wait_exit() == 1
    assert "no socket" in gate.text and (configuration.folder / "control").read_text() == "precious"
