"""Under load, whatever a token does: established connections, transfers that are under way, and resumptions notice
nothing, and full handshakes work again by themselves. Each row prints what it cost (load.show)."""

import contextlib
import datetime
import http.client
import os
import signal
import socket
import ssl
import time

import clients
import ftp_wire
import load
import metrics_page
import pki as pki_module
import pytest
import sign_request
import softhsm
import tls_wire
import waiting

SIGNERS = 4
CLIENTS = 4  # of each kind
RESUMED_PAUSE_S = 0.02
WARM = 20  # handshakes that make a load
HEALED_WITHIN_S = 15
ECHO_WITHIN_S = 5
SIGN_TIMEOUT_S = 2
PATIENT_S = 10  # sign-timeout where the question is who is told at once
AT_ONCE_S = PATIENT_S / 4
LOGIN_S = 30  # what a login has
LOGIN_LIMIT_S = LOGIN_S + 15
WRONG_RETRIED_WITHIN_S = 45  # likewise
BACKOFF_MS = (0, 50, 100, 200)  # before a start; later ones wait for BACKOFF_CAP_MS
BACKOFF_CAP_MS = 400
CRASHES = 24  # of all signers together
LOOKS = 2  # in vain, for a token that is away
VERSIONS = ("1.2", "1.3")


@pytest.fixture
def prepared(make_gate, configuration, echo, web, pyftpd, token, sick):
    """prepared(sign-timeout in seconds, listener options) -> the gate, every signer ready."""
    def start(sign_timeout_s=SIGN_TIMEOUT_S, **options):
        configuration.keystores[0].update(module=sick.module, signers=SIGNERS, sign_timeout=f"{sign_timeout_s}s")
        # Signers that try again and again say so at this level.
        configuration.top["log"] = {"level": "debug"}
        ports = {name: configuration.listener(name, protocol, backend.port, **options)
                 for name, protocol, backend in (("raw", "tls", echo), ("https", "https", web), ("ftps", "ftps", pyftpd),
                                                 ("ftp", "ftp", pyftpd))}
        ports["admin"] = metrics_page.add(configuration)
        gate = make_gate(configuration, {**token.environment, **sick.environment})
        gate.ports = ports
        gate.start()
        gate.wait_for("signer-ready", count=SIGNERS)
        return gate
    return start


@pytest.fixture(scope="module")
def long_file(pyftpd):
    return load.file_to_download(pyftpd)


class Load:
    """Everybody who must notice nothing, and those who make full handshakes."""

    STAY = ("resumed", "echo", "control", "https", "upload", "download", "transfers")

    def __init__(self, gate, pki, backend, long_file):
        self.gate, raw, ftps = gate, gate.ports["raw"], gate.ports["ftps"]
        self.tasks = {}
        self.begin("upload", load.long_upload, pki, ftps, backend)
        self.begin("download", load.long_download, pki, ftps, backend, long_file)
        self.begin("control", load.established_control, pki, ftps, backend)
        self.begin("transfers", load.short_transfers, pki, ftps, backend)
        self.begin("https", load.established_https, pki, gate.ports["https"])
        self.begin("echo", load.established_echo, pki, raw)
        self.begin("resumed", load.resumed_handshakes, pki, raw, CLIENTS, RESUMED_PAUSE_S)
        self.begin("full", load.full_handshakes, pki, raw, CLIENTS)
        self.until_more("full", WARM)
        self.until_more("upload", 1)
        self.until_more("download", 1)

    def begin(self, name, work, *args):
        self.tasks[name] = load.Task(work, *args)

    def until_more(self, name, count, timeout_s=waiting.PATIENCE_S):
        """Waits until so many more have gone well."""
        task = self.tasks[name]
        wanted = task.done.value + count
        waiting.until(lambda: task.done.value >= wanted, f"{count} more of {name}: {self.gate.last_words()}", timeout_s)

    def end(self, name, *more):
        """name -> attempts; those that stay have noticed nothing."""
        attempts = {kind: task.end() for kind, task in self.tasks.items()}
        load.show(name, attempts, *more)
        load.assert_undisturbed(attempts, self.STAY, ECHO_WITHIN_S)
        return attempts

    def kill(self):
        for task in self.tasks.values():
            task.kill()


class Scene:
    def __init__(self, gate, sick, under_load, pki):
        self.gate, self.sick, self.load, self.pki = gate, sick, under_load, pki

    def kill_signers(self):
        for pid in self.gate.pids("signer"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def heal(self, within_s=HEALED_WITHIN_S):
        """How long it takes to the first full handshake; all signers are there in the end."""
        healed_s = time.monotonic()
        self.sick.says()
        self.load.until_more("full", 1, within_s)
        took_s = time.monotonic() - healed_s
        self.load.until_more("full", WARM)
        self.gate.until_pids("signer", lambda pids: len(pids) == SIGNERS)
        return f"healed within: {took_s:.2f} s"


@pytest.fixture
def begin(prepared, sick, pki, pyftpd, long_file):
    """begin(as prepared) -> a Scene: the load is there, nothing has happened."""
    made = []

    def start(*args, **options):
        gate = prepared(*args, **options)
        made.append(Load(gate, pki, pyftpd, long_file))
        return Scene(gate, sick, made[-1], pki)

    yield start
    for one in made:
        one.kill()


@pytest.fixture
def scene(begin):
    return begin()


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


def log_ms(line):
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp() * 1000


def starts_allowed(passed_ms):
    """Of one signer whose every life is short."""
    count, due_ms = 0, 0
    while due_ms <= passed_ms:
        due_ms += BACKOFF_MS[count] if count < len(BACKOFF_MS) else BACKOFF_CAP_MS
        count += due_ms <= passed_ms
    return count


def crashes_at_start(scene):
    """New signers are started, and crash, again and again; not more often than their back-off allows."""
    before = len(scene.gate.log("child-start", process="signer"))
    begun_ms = time.time() * 1000
    scene.sick.says("crash C_Initialize")
    scene.kill_signers()
    assert scene.gate.wait_for("keystore-faulty")["level"] == "error"
    last = scene.gate.wait_for("child-start", process="signer", count=before + CRASHES)
    crashed = scene.gate.log("child-exit", process="signer", signal=signal.SIGSEGV.value)
    assert len(crashed) >= CRASHES - 2
    passed_ms = log_ms(last) - begun_ms
    assert CRASHES <= SIGNERS * starts_allowed(passed_ms), f"{CRASHES} starts in {passed_ms:.0f} ms"


def crashes_in_sign(scene):
    scene.sick.says("crash C_Sign")
    scene.gate.wait_for("child-exit", process="signer", signal=signal.SIGSEGV.value)
    scene.gate.wait_for("keystore-faulty")


def corrupts(scene):
    """RSA only: a fault in one signature would give the key away."""
    scene.sick.says("corrupt C_Sign")
    scene.gate.wait_for("sign-failed", count=WARM)


def asks_for_everything(scene):
    """Somebody has a worker's queue in his hand and asks for what is no handshake: each is refused and counted."""
    refused = 'p11gate_sign_refused_total{keystore="edge"}'
    assert metrics_page.read(scene.gate.ports["admin"])[refused] == 0
    with sign_request.Queue(*scene.gate.pids("worker")) as queue:
        key = sign_request.key_name(scene.pki.servers["rsa"].certificate)
        assert queue.ask(key, sign_request.HANDSHAKE) == sign_request.DONE
        for name, message in sign_request.NO_HANDSHAKES.items():
            assert queue.ask(key, message) == sign_request.NOT_ALLOWED, name
    assert scene.gate.wait_for("sign-refused")
    wanted = len(sign_request.NO_HANDSHAKES)
    waiting.until(lambda: metrics_page.read(scene.gate.ports["admin"])[refused] == wanted, "each to be counted")


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


# What strikes, how many full handshakes it may cost (None is as many as try meanwhile), and listener options.
FAULTS = {
    "one signer killed": (one_killed, 0, {}),
    "all signers killed": (killed, 0, {}),
    "CKR_DEVICE_REMOVED": (fails("CKR_DEVICE_REMOVED", 2), 0, {}),
    "CKR_SESSION_HANDLE_INVALID": (fails("CKR_SESSION_HANDLE_INVALID", 2), 0, {}),
    "CKR_TOKEN_NOT_PRESENT": (fails("CKR_TOKEN_NOT_PRESENT", 2), 0, {}),
    "CKR_GENERAL_ERROR": (fails("CKR_GENERAL_ERROR", 2), 0, {}),
    "CKR_DEVICE_ERROR 40 times": (fails("CKR_DEVICE_ERROR", 40), None, {}),
    "hung in C_Sign": (hung_in_sign, None, {}),
    "hung in C_Login": (hung_at_start("C_Login"), None, {}),
    "hung in C_OpenSession": (hung_at_start("C_OpenSession"), None, {}),
    "crash in C_Initialize": (crashes_at_start, None, {}),
    "crash in C_Sign": (crashes_in_sign, None, {}),
    "wrong signatures": (corrupts, None, {"keys": ["rsa"]}),
    "sessions forgotten": (forgets, None, {}),
    "one session only": (few_sessions, 0, {}),
    "asked for everything but handshakes": (asks_for_everything, 0, {}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_under_load_is_noticed_by_full_handshakes_only(name, begin):
    strike, allowed, options = FAULTS[name]
    scene = begin(**options)
    strike(scene)
    healed = scene.heal()
    full = scene.load.end(name, healed)["full"]
    assert allowed is None or load.failures(full) <= allowed, load.causes(full)
    assert not any("bad signature" in cause.lower() for cause in load.causes(full)), "a wrong signature has left"


def test_a_login_that_hangs_for_ever_is_replaced(scene):
    scene.sick.says("hang C_Login")
    scene.kill_signers()
    killed = scene.gate.wait_for("child-kill", LOGIN_LIMIT_S, process="signer")
    begun = scene.gate.wait_for("child-start", process="signer", pid=killed["pid"])
    assert killed["reason"] == "its login takes too long" and log_ms(killed) - log_ms(begun) >= LOGIN_S * 1000
    scene.load.end("hung in C_Login until killed", scene.heal())


def refused_in_s(pki, port):
    """How long it takes to refuse a full handshake; it must be refused."""
    begun_s = time.monotonic()
    assert not tls_wire.full_handshake(clients.client_context(pki), port)
    return time.monotonic() - begun_s


class Partner:
    """What one has who was here before the trouble: sessions to resume, and an FTPS session that is logged in."""

    def __init__(self, gate, pki, backend, tls):
        self.ports, self.tls = gate.ports, tls
        self.contexts = {name: clients.client_context(pki, tls) for name in ("https", "ftps")}
        self.sessions = {"https": clients.HttpsExchange(self.contexts["https"], gate.ports["https"]).session}
        self.greeted(None)
        self.wire = load.logged_in(pki, gate.ports["ftps"], backend, tls)

    def greeted(self, session):
        """Greets with FTPS; true when it was resumed."""
        with socket.create_connection(("127.0.0.1", self.ports["ftps"]), tls_wire.LIMIT_S) as plain:
            with self.contexts["ftps"].wrap_socket(plain, server_hostname="localhost", session=session) as made:
                assert made.recv(4096).startswith(b"220")
                self.sessions["ftps"] = made.session
                return made.session_reused

    def assert_not_left_alone(self):
        """Nobody can sign: resumptions and resuming data channels work, one that does not resume is refused (F22)."""
        exchange = clients.HttpsExchange(self.contexts["https"], self.ports["https"], self.sessions["https"])
        assert (exchange.status, exchange.reused) == (200, True), self.tls
        assert self.greeted(self.sessions["ftps"]), self.tls
        assert load.put_and_get(self.wire, f"partner-{self.tls}")
        with pytest.raises((OSError, ssl.SSLError)):
            self.wire.open_data(f"RETR in/partner-{self.tls}", reuse=False)
        assert 400 <= self.wire.final_code() < 500
        assert load.put_and_get(self.wire, f"partner-{self.tls}")
        self.wire.close()


def ready(gate):
    """What a balancer sees."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.ports["admin"], timeout=tls_wire.LIMIT_S)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def assert_told_at_once(scene, partners):
    """Nobody can sign: who asks for it is told so, long before sign-timeout."""
    gate, pki = scene.gate, scene.pki
    waiting.until(lambda: ready(gate) == 503 and ftp_wire.auth_reply(pki, gate.ports["ftp"]) == 431, "the token to be missed")
    times = {listener: refused_in_s(pki, gate.ports[listener]) for listener in ("raw", "https", "ftps")}
    assert max(times.values()) < AT_ONCE_S, times
    for partner in partners:
        partner.assert_not_left_alone()
    assert ready(gate) == 503 and ftp_wire.auth_reply(pki, gate.ports["ftp"]) == 431


def assert_healthy(scene):
    gate, pki = scene.gate, scene.pki
    waiting.until(lambda: ready(gate) == 200 and ftp_wire.auth_reply(pki, gate.ports["ftp"]) == 234, "the token to be found")
    for listener in ("raw", "https", "ftps"):
        assert tls_wire.full_handshake(clients.client_context(pki), gate.ports[listener]), listener


@pytest.fixture
def partners_of(pki, pyftpd):
    return lambda scene: [Partner(scene.gate, pki, pyftpd, tls) for tls in VERSIONS]


@pytest.fixture
def stranger(own_folder):
    """Another token of the same name, with keys of the same names."""
    folder = own_folder / "stranger"
    folder.mkdir()
    return softhsm.Token(folder / "token", pki_module.Pki(folder))


@pytest.mark.parametrize("certificate, event, retried_s", [("file", "keystore-wrong", WRONG_RETRIED_WITHIN_S),
                                                           ("token", "keystore-keys-changed", HEALED_WITHIN_S)])
def test_another_key_in_the_same_place_is_refused_and_said(begin, pki, partners_of, stranger, certificate, event, retried_s):
    """T5. The token was exchanged: its key is not that of the certificate in the file; or both are others than before."""
    options = {"certificate_file": pki.server_files["ec"][0]} if certificate == "file" else {}
    scene = begin(PATIENT_S, keys=["ec"], **options)
    partners = partners_of(scene)
    scene.sick.says(f"token {stranger.conf}")
    said = scene.gate.wait_for(event)
    assert said["level"] == "error"
    assert ("server-ec" if certificate == "file" else "other keys") in said["reason"]
    assert_told_at_once(scene, partners)
    healed = scene.heal(retried_s)
    assert_healthy(scene)
    scene.load.end(f"another key, certificate from the {certificate}", healed)
    assert len(scene.gate.log(event)) == 1


def test_with_the_token_away_clients_are_told_at_once_and_resumptions_work(begin, partners_of):
    scene = begin(PATIENT_S)
    partners = partners_of(scene)
    scene.sick.says("absent")
    # What shows that it is gone is a signature that fails.
    assert scene.gate.wait_for("keystore-absent")
    assert_told_at_once(scene, partners)
    old, seen = set(scene.gate.pids("signer")), set()
    waiting.until(lambda: seen.update(set(scene.gate.pids("signer")) - old) or len(seen) >= LOOKS, "looks for the token")
    healed = scene.heal()
    assert_healthy(scene)
    scene.load.end("token away and back", healed)
