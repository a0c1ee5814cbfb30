"""Under load, whatever a token does: established connections and resumptions notice nothing, and full
handshakes work again by themselves. Each row prints what it cost (figures.py)."""

import contextlib
import os
import signal
import time

import clients
import figures
import ftp_wire
import load
import pki as pki_module
import pytest
import sick_token
import softhsm
import tls_wire
import waiting

SIGNERS = 4
CLIENTS = 4  # of each kind
WARM = 20  # handshakes that make a load
HEALED_WITHIN_S = 15
ECHO_WITHIN_S = 5
REFUSED_WITHIN_S = 2
LOGIN_LIMIT_S = 45  # a login has 30 s
WRONG_RETRIED_WITHIN_S = 45  # likewise


@pytest.fixture
def sick(own_folder):
    made = sick_token.SickToken(own_folder / "fake")
    yield made
    made.says()  # what hangs can then end


@pytest.fixture
def prepared(make_gate, configuration, echo, web, pyftpd, token, sick):
    """prepared(listener options) -> the gate, every signer ready."""
    def start(**options):
        configuration.keystores[0].update(module=sick.module, signers=SIGNERS, sign_timeout="2s")
        ports = {name: configuration.listener(name, protocol, backend.port, **options)
                 for name, protocol, backend in (("raw", "tls", echo), ("https", "https", web), ("ftps", "ftps", pyftpd),
                                                 ("ftp", "ftp", pyftpd))}
        gate = make_gate(configuration, {**token.environment, **sick.environment})
        gate.ports = ports
        gate.start()
        gate.wait_for("signer-ready", count=SIGNERS)
        return gate
    return start


@pytest.fixture
def gate(prepared):
    return prepared()


class Load:
    """Everybody who must notice nothing, and those who make full handshakes."""

    def __init__(self, gate, pki, backend):
        self.gate, raw = gate, gate.ports["raw"]
        self.tasks = {}
        self.begin("full", load.full_handshakes, pki, raw, CLIENTS)
        self.begin("resumed", load.resumed_handshakes, pki, raw, CLIENTS)
        self.begin("echo", load.established_echo, pki, raw)
        self.begin("control", load.established_control, pki, gate.ports["ftps"], backend)
        self.until_more("full", WARM)

    def begin(self, name, work, *args):
        self.tasks[name] = load.Task(work, *args)

    def until_more(self, name, count, timeout_s=waiting.PATIENCE_S):
        """Waits until so many more have gone well."""
        task = self.tasks[name]
        wanted = task.done.value + count
        waiting.until(lambda: task.done.value >= wanted, f"{count} more of {name}: {self.gate.last_words()}", timeout_s)

    def end(self):
        """name -> attempts."""
        return {name: task.end() for name, task in self.tasks.items()}

    def kill(self):
        for task in self.tasks.values():
            task.kill()


@pytest.fixture
def under_load(gate, pki, pyftpd):
    made = Load(gate, pki, pyftpd)
    yield made
    made.kill()


class Scene:
    def __init__(self, gate, sick, under_load, pki):
        self.gate, self.sick, self.load, self.pki = gate, sick, under_load, pki

    def kill_signers(self):
        for pid in self.gate.pids("signer"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def scene(gate, sick, under_load, pki):
    return Scene(gate, sick, under_load, pki)


def new_signers(gate, old):
    return gate.until_pids("signer", lambda pids: pids and not set(pids) & set(old))


def killed(scene):
    scene.kill_signers()


def one_killed(scene):
    os.kill(scene.gate.pids("signer")[0], signal.SIGKILL)


def fails(code, times):
    """times: over all signers, until it is over by itself."""
    def strike(scene):
        scene.sick.says(f"fail C_Sign {times} {code}")
        scene.gate.wait_for("sign-failed")
        scene.load.until_more("full", WARM, HEALED_WITHIN_S)
    return strike


def hung_in_sign(scene):
    old = scene.gate.pids("signer")
    scene.sick.says("hang C_Sign")
    scene.gate.wait_for("child-kill", count=SIGNERS)
    new_signers(scene.gate, old)


def hung_at_start(function):
    """New signers hang before they can sign; the one that logs in is left alone."""
    def strike(scene):
        killed_before = len(scene.gate.log("child-kill"))
        old = scene.gate.pids("signer")
        scene.sick.says(f"hang {function}")
        scene.kill_signers()
        victims = new_signers(scene.gate, old)
        failed = len(scene.gate.log("session-end", reason="handshake-failed"))
        scene.gate.wait_for("session-end", count=failed + CLIENTS, reason="handshake-failed")
        assert set(victims) <= set(scene.gate.pids("signer"))
        assert len(scene.gate.log("child-kill")) == killed_before
    return strike


def away(scene):
    """Until it was looked for in vain three times."""
    scene.sick.says("absent")
    scene.gate.wait_for("keystore-absent")
    old, seen = set(scene.gate.pids("signer")), set()
    waiting.until(lambda: seen.update(set(scene.gate.pids("signer")) - old) or len(seen) >= 3, "looks for the token")


def crashes_in(function):
    """New signers are started, and crash, again and again."""
    def strike(scene):
        scene.sick.says(f"crash {function}")
        scene.kill_signers()
        scene.gate.wait_for("keystore-faulty")
        assert scene.gate.log("child-exit", process="signer", signal=signal.SIGSEGV.value)
    return strike


def forgets(scene):
    """Every session is lost at once, as after a token's restart."""
    old = scene.gate.pids("signer")
    scene.sick.says("forget")
    waiting.until(lambda: not set(old) & set(scene.gate.pids("signer")), "every signer to be replaced")


def few_sessions(scene):
    """There is room for one signer only; full handshakes go on with it."""
    scene.sick.says("sessions 1")
    scene.kill_signers()
    scene.load.until_more("full", WARM, HEALED_WITHIN_S)


# What strikes, and how many full handshakes it may cost: None is as many as try meanwhile.
FAULTS = {
    "one signer killed": (one_killed, 0),
    "all signers killed": (killed, 0),
    "CKR_DEVICE_REMOVED": (fails("CKR_DEVICE_REMOVED", 2), 0),
    "CKR_SESSION_HANDLE_INVALID": (fails("CKR_SESSION_HANDLE_INVALID", 2), 0),
    "CKR_TOKEN_NOT_PRESENT": (fails("CKR_TOKEN_NOT_PRESENT", 2), 0),
    "CKR_GENERAL_ERROR": (fails("CKR_GENERAL_ERROR", 2), 0),
    "CKR_DEVICE_ERROR 40 times": (fails("CKR_DEVICE_ERROR", 40), None),
    "hung in C_Sign": (hung_in_sign, None),
    "hung in C_Login": (hung_at_start("C_Login"), None),
    "hung in C_OpenSession": (hung_at_start("C_OpenSession"), None),
    "crash in C_Initialize": (crashes_in("C_Initialize"), None),
    "crash in C_Sign": (crashes_in("C_Sign"), None),
    "sessions forgotten": (forgets, None),
    "one session only": (few_sessions, 0),
    "token away and back": (away, None),
}


def show(name, attempts, healed_s):
    end_s = max(attempt.ended_s for attempt in attempts["full"])
    back_s = min((attempt.ended_s for attempt in attempts["full"] if attempt.ok and attempt.begun_s >= healed_s), default=end_s)
    figures.show(name, len(attempts["full"]), load.failures(attempts["full"]),
                 f"{load.longest_outage_s(attempts['full'], end_s):.2f} s", f"{back_s - healed_s:.2f} s",
                 len(attempts["resumed"]), load.failures(attempts["resumed"]),
                 f"{load.longest_wait_s(attempts['echo']) * 1000:.0f} ms")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_under_load_is_noticed_by_full_handshakes_only(name, scene):
    strike, allowed = FAULTS[name]
    strike(scene)
    healed_s = time.monotonic()
    scene.sick.says()
    scene.load.until_more("full", WARM, HEALED_WITHIN_S)
    scene.gate.until_pids("signer", lambda pids: len(pids) == SIGNERS)
    attempts = scene.load.end()
    show(name, attempts, healed_s)
    for kind in ("resumed", "echo", "control"):
        assert attempts[kind] and load.failures(attempts[kind]) == 0, kind
        assert load.longest_wait_s(attempts[kind]) < ECHO_WITHIN_S, kind
    assert allowed is None or load.failures(attempts["full"]) <= allowed


def test_a_login_that_hangs_for_ever_is_replaced(scene):
    scene.sick.says("hang C_Login")
    scene.kill_signers()
    scene.gate.wait_for("child-kill", LOGIN_LIMIT_S, process="signer")
    healed_s = time.monotonic()
    scene.sick.says()
    scene.load.until_more("full", WARM, HEALED_WITHIN_S)
    attempts = scene.load.end()
    show("hung in C_Login until killed", attempts, healed_s)
    for kind in ("resumed", "echo", "control"):
        assert attempts[kind] and load.failures(attempts[kind]) == 0, kind


@pytest.fixture
def stranger(own_folder):
    """Another token of the same name, with keys of the same names."""
    folder = own_folder / "stranger"
    folder.mkdir()
    return softhsm.Token(folder / "token", pki_module.Pki(folder))


def test_another_key_in_the_same_place_is_refused_and_said(prepared, sick, pki, stranger):
    """The token was exchanged: its key is not that of the certificate."""
    gate, context = prepared(certificate_file=pki.server_files["ec"][0], keys=["ec"]), clients.client_context(pki)
    established = tls_wire.Conversation(context, gate.ports["raw"])
    sick.says(f"token {stranger.conf}")
    waiting.until(lambda: not tls_wire.full_handshake(context, gate.ports["raw"]) and gate.log("keystore-wrong"),
                  "the other key to be seen")
    assert "server-ec" in gate.wait_for("keystore-wrong")["reason"]
    assert refused_in_s(pki, gate.ports["raw"]) < REFUSED_WITHIN_S
    assert established.echo(b"still here")
    sick.says()
    waiting.until(lambda: tls_wire.full_handshake(context, gate.ports["raw"]), "the right token", WRONG_RETRIED_WITHIN_S)
    assert established.echo(b"and still")
    established.close()


def refused_in_s(pki, port):
    """How long it takes to refuse a full handshake; it must be refused."""
    begun_s = time.monotonic()
    assert not tls_wire.full_handshake(clients.client_context(pki), port)
    return time.monotonic() - begun_s


def auth_reply(pki, port):
    wire = ftp_wire.Wire(pki, port)
    assert wire.reply()[0] == 220
    code = wire.say("AUTH TLS")[0]
    wire.close()
    return code


def ftps_resumed(pki, port, session):
    """A NOOP before the login, on a connection that was resumed."""
    wire = ftp_wire.Wire(pki, port)
    wire.context = session.context
    wire.socket = wire.context.wrap_socket(wire.socket, server_hostname="localhost", session=session.session)
    assert wire.reply()[0] == 220
    reused = wire.socket.session_reused
    wire.close()
    return reused


class FtpsSession:
    """A session of an implicit FTPS listener, for a later connection."""

    def __init__(self, pki, port):
        wire = ftp_wire.Wire(pki, port, implicit=True)
        assert wire.reply()[0] == 220
        self.context, self.session = wire.context, wire.socket.session
        wire.close()


def test_with_the_token_away_clients_are_told_at_once_and_resumptions_work(gate, sick, pki):
    context = clients.client_context(pki)
    https = clients.HttpsExchange(context, gate.ports["https"]).session
    ftps = FtpsSession(pki, gate.ports["ftps"])
    sick.says("absent")
    # What shows that it is gone is a signature that fails.
    waiting.until(lambda: not tls_wire.full_handshake(context, gate.ports["raw"])
                  and auth_reply(pki, gate.ports["ftp"]) == 431, "the token to be missed")
    assert gate.wait_for("keystore-absent")
    for listener in ("raw", "https", "ftps"):
        assert refused_in_s(pki, gate.ports[listener]) < REFUSED_WITHIN_S, listener
    exchange = clients.HttpsExchange(context, gate.ports["https"], https)
    assert (exchange.status, exchange.reused) == (200, True)
    assert ftps_resumed(pki, gate.ports["ftps"], ftps)
    sick.says()
    waiting.until(lambda: auth_reply(pki, gate.ports["ftp"]) == 234, "the token to be found", HEALED_WITHIN_S)
    assert tls_wire.full_handshake(context, gate.ports["https"])
