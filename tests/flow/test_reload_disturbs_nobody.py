"""A reload takes new keys, certificates and settings; whoever is connected goes on as if nothing had happened. One
that fails changes nothing."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import io
import os
import shutil
import signal
import socket
import ssl
import threading

import clients
import control
import ftp_wire
import pytest
import sick_token
import softhsm
import tls_wire
import waiting

WEB_CLIENTS, FTP_CLIENTS, RELOADS = 6, 3, 4
CONTENT = os.urandom(2 << 20)


class Directory:
    """A `directory` keystore with one key, "server", that can be exchanged."""

    def __init__(self, folder, pki):
        self.folder, self.pki = folder, pki
        folder.mkdir()
        self.renew()

    def renew(self):
        """Another key and its certificate, each in one step; returns the fingerprint."""
        made = self.pki.authority.server("a directory's server", "ec")
        for path in made.write(self.folder, "new"):
            shutil.chown(path, softhsm.SIGNER_USER)
            path.chmod(0o600)
            path.rename(self.folder / f"server{path.suffix}")
        return made.fingerprint


def presented(port):
    """The SHA-256 of the certificate that a new connection sees."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 20) as plain:
        with context.wrap_socket(plain) as made:
            return hashlib.sha256(made.getpeercert(True)).hexdigest()


class Load:
    """Clients that never pause, until the block ends; what went wrong is raised there."""

    def __init__(self):
        self.stopping, self.done = threading.Event(), []

    def work(self, turns):
        counted = 0
        for counted, _ in enumerate(turns, 1):
            self.done.append(None)
            if self.stopping.is_set():
                break
        return counted

    @contextlib.contextmanager
    def running(self, makers):
        with concurrent.futures.ThreadPoolExecutor(len(makers)) as pool:
            workers = [pool.submit(self.work, maker()) for maker in makers]
            try:
                yield self
            finally:
                self.stopping.set()
            assert all(worker.result() for worker in workers)

    def until_more(self):
        """Everybody has had time for something since now."""
        now = len(self.done)
        waiting.until(lambda: len(self.done) > now + 20, "the load to go on", 60)


def keep_alive(pki, port):
    """One request after the other on one connection, until an answer says that it closes."""
    context = clients.client_context(pki)
    while True:
        connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
        closes = False
        while not closes:
            connection.request("POST", "/as2", b"a message", {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
            closes = answer.will_close
            yield
        connection.close()


def transfers(pki, port, backend, name):
    """Up and down in one session that outlives every reload."""
    with clients.ReusingFtp(context=clients.client_context(pki), timeout=60) as ftp:
        ftp.connect("127.0.0.1", port)
        ftp.login(backend.user, backend.password)
        ftp.prot_p()
        ftp.cwd("in")
        while True:
            ftp.storbinary(f"STOR {name}", io.BytesIO(CONTENT))
            back = io.BytesIO()
            ftp.retrbinary(f"RETR {name}", back.write)
            assert back.getvalue() == CONTENT
            yield


@pytest.fixture
def directory(own_folder, pki):
    return Directory(own_folder / "keys", pki)


@pytest.fixture
def on_disk(make_gate, configuration, directory, web, pyftpd):
    """https and ftp with the directory's key."""
    configuration.keystores.append({"alias": "files", "directory": directory.folder})
    disk = {"keystore": "files", "key_alias": "server"}
    ports = {"https": configuration.listener("https", "https", web.port, **disk),
             "ftp": configuration.listener("ftp", "ftp", pyftpd.port, **disk)}
    gate = make_gate(configuration).start()
    gate.ports, gate.configuration = ports, configuration
    return gate


def test_a_new_key_is_taken_under_load(on_disk, directory, pki, pyftpd):
    load = [lambda: keep_alive(pki, on_disk.ports["https"])] * WEB_CLIENTS
    load += [lambda number=number: transfers(pki, on_disk.ports["ftp"], pyftpd, f"reload-{number}")
             for number in range(FTP_CLIENTS)]
    with Load().running(load) as running:
        running.until_more()
        for _ in range(RELOADS):
            fingerprint = directory.renew()
            control.reload(on_disk)
            assert presented(on_disk.ports["https"]) == fingerprint
            running.until_more()
    assert on_disk.wait_for("reload-done", generation=RELOADS + 1, new_keystores=1)
    cut = [line for line in on_disk.log("session-end") if line["reason"] not in ("quit", "client-closed", "stopping", "client-cut")]
    assert not cut


def test_unchanged_keys_keep_their_signers(on_disk):
    on_disk.wait_for("signer-ready", count=6)
    signers, workers = on_disk.pids("signer"), on_disk.pids("worker")
    control.reload(on_disk)
    on_disk.until_pids("worker", lambda pids: len(pids) == 2 and not set(pids) & set(workers))
    on_disk.until_pids("signer", lambda pids: pids == signers)
    assert on_disk.wait_for("reload-done", new_keystores=0)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_sessions_are_resumed_across_a_reload(on_disk, pki, tls):
    context = clients.client_context(pki, tls)
    first = clients.HttpsExchange(context, on_disk.ports["https"])
    control.reload(on_disk)
    second = clients.HttpsExchange(context, on_disk.ports["https"], first.session)
    assert (first.reused, second.reused) == (False, True)


def test_addresses_come_and_go(on_disk, pki, pyftpd):
    wire = ftp_wire.Wire(pki, on_disk.ports["ftp"])
    wire.reply()
    removed = on_disk.configuration.listeners.pop()
    added = on_disk.configuration.listener("added", "https", on_disk.ports["ftp"], keystore="files", key_alias="server")
    on_disk.path.write_text(on_disk.configuration.text())
    assert not waiting.connects(added)
    control.reload(on_disk)
    assert waiting.connects(added) and waiting.connects(on_disk.ports["https"])
    waiting.until(lambda: not waiting.connects(on_disk.ports["ftp"]), "the old port to be closed")
    assert removed["alias"] == "ftp"
    wire.start_tls()
    wire.login(pyftpd)
    wire.close()


def test_the_oldest_generation_is_asked_to_go(make_gate, configuration, pki, pyftpd):
    configuration.top["max_generations"] = 2
    port = configuration.listener("ftp", "ftp", pyftpd.port)
    gate = make_gate(configuration).start()
    wire = ftp_wire.Wire(pki, port)
    wire.reply()
    wire.start_tls()
    wire.login(pyftpd)
    control.reload(gate)
    assert wire.say("NOOP")[0] == 200
    control.reload(gate)
    assert wire.reply()[0] == 421
    assert gate.wait_for("generation-end", generation=1)
    wire.close()


def test_all_who_ask_at_once_are_answered(on_disk):
    control.change_shape(on_disk)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for asked in [pool.submit(control.reload_as_it_is, on_disk) for _ in range(4)]:
            asked.result()
    served, = [one["number"] for one in control.status(on_disk)["generations"] if one["state"] == "serving"]
    assert served == 2
    assert on_disk.wait_for("reload-done", generation=served)


def test_who_asks_during_a_reload_gets_one_of_its_own(on_disk, directory):
    """A key that is written while the first reload runs is in force when the second is answered."""
    on_disk.signal(signal.SIGHUP)
    on_disk.wait_for("reload")
    fingerprint = directory.renew()
    control.reload(on_disk)
    assert presented(on_disk.ports["https"]) == fingerprint


def test_a_hup_reloads(on_disk, directory):
    fingerprint = directory.renew()
    on_disk.signal(signal.SIGHUP)
    assert on_disk.wait_for("reload-done", generation=2)
    assert presented(on_disk.ports["https"]) == fingerprint


def test_log_level_and_target_change(on_disk, own_folder):
    target = own_folder / "the-new.log"
    on_disk.configuration.top["log"] = {"level": "warning", "target": target}
    on_disk.path.write_text(on_disk.configuration.text())
    control.reload(on_disk)
    on_disk.configuration.top["log"] = {"level": "info", "target": target}
    on_disk.path.write_text(on_disk.configuration.text())
    control.reload(on_disk)
    waiting.until(lambda: "event=reload-done generation=3" in target.read_text(), "the line in the new log")
    assert "reload-done generation=2" not in target.read_text()


# --- on a token ---


class KeyOnToken:
    """Exchanges the EC key of a token and its certificate, under the same label."""

    def __init__(self, token, pki):
        self.token, self.pki = token, pki

    def renew(self):
        made = self.pki.authority.server("a new one on the token", "ec")
        certificate, key = made.write(self.token.folder, "renewed")
        for kind in ("privkey", "pubkey"):
            self.tool("--delete-object", "--type", kind, *self.name)
        self.token.run("softhsm2-util", "--import", key, "--token", self.token.name, *self.name, "--pin", softhsm.PIN)
        return self.certify(made)

    name = ("--label", softhsm.label("ec"), "--id", softhsm.KEY_IDS["ec"])

    def tool(self, *words):
        self.token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", self.token.name, "--login", "--pin", softhsm.PIN,
                       *words)

    def certify(self, made):
        """This certificate instead of the one that is there; the fingerprint."""
        der = self.token.folder / "renewed.der"
        der.write_bytes(made.der)
        self.tool("--delete-object", "--type", "cert", *self.name)
        self.tool("--write-object", der, "--type", "cert", *self.name)
        self.token.give_to_signer()
        return made.fingerprint


@pytest.fixture
def key(own_token, pki):
    return KeyOnToken(own_token, pki)


@pytest.fixture
def on_token(make_gate, configuration, own_token, key, echo):
    port = configuration.listener("raw", "tls", echo.port, keys=["ec"])
    gate = make_gate(configuration, own_token.environment).start()
    gate.wait_for("signer-ready", count=2)
    gate.ports, gate.configuration = port, configuration
    return gate


@pytest.fixture
def established(on_token, pki):
    made = tls_wire.Conversation(clients.client_context(pki), on_token.ports)
    assert made.echo(b"before")
    yield made
    made.close()


def test_a_new_key_on_the_token_is_taken(on_token, established, key):
    before = presented(on_token.ports)
    fingerprint = key.renew()
    assert fingerprint != before
    control.reload(on_token)
    assert presented(on_token.ports) == fingerprint
    assert established.echo(b"after")


def test_other_keys_on_the_token_wait_for_a_reload(on_token, established, key, pki):
    fingerprint = key.renew()
    for pid in on_token.pids("signer"):
        os.kill(pid, signal.SIGKILL)
    told = on_token.wait_for("keystore-keys-changed", keystore="edge")
    assert told["level"] == "error" and "reload" in told["reason"]
    assert not tls_wire.full_handshake(clients.client_context(pki), on_token.ports)
    assert established.echo(b"still here")
    assert not control.status(on_token)["keystores"][0]["can_sign"]
    control.reload(on_token)
    assert presented(on_token.ports) == fingerprint
    assert len(on_token.log("keystore-keys-changed")) == 1


# --- another certificate, the same key: how most renewals are ---


def test_a_renewed_certificate_on_the_token_is_told_and_taken_by_a_reload(on_token, established, key, pki):
    before = presented(on_token.ports)
    fingerprint = key.certify(pki.authority.renewed(pki.servers["ec"]))
    os.kill(on_token.pids("signer")[0], signal.SIGKILL)
    told = on_token.wait_for("keystore-certificates-changed", keystore="edge")
    assert told["level"] == "warning" and "reload" in told["reason"]
    # The key is the one that is known: it goes on signing for the certificate of before.
    assert presented(on_token.ports) == before
    assert control.status(on_token)["keystores"][0]["can_sign"]
    on_token.signal(signal.SIGHUP)
    assert on_token.wait_for("reload-done", kind="generation", new_keystores=1)
    assert presented(on_token.ports) == fingerprint
    assert established.echo(b"undisturbed")
    assert not on_token.log("keystore-keys-changed")


def test_a_renewed_certificate_file_is_taken_by_a_hup(make_gate, configuration, own_folder, token, pki, echo):
    path = own_folder / "edge.crt"
    path.write_bytes(pki.servers["ec"].pem)
    port = configuration.listener("raw", "tls", echo.port, keys=["ec"], certificate_file=path)
    gate = make_gate(configuration, token.environment).start()
    gate.wait_for("signer-ready", count=2)
    conversation = tls_wire.Conversation(clients.client_context(pki), port)
    assert conversation.echo(b"before") and presented(port) == pki.servers["ec"].fingerprint
    renewed = pki.authority.renewed(pki.servers["ec"])
    fresh = path.with_suffix(".new")
    fresh.write_bytes(renewed.pem)
    fresh.rename(path)
    gate.signal(signal.SIGHUP)
    assert gate.wait_for("reload-done", kind="generation")
    assert presented(port) == renewed.fingerprint
    assert conversation.echo(b"undisturbed")
    conversation.close()


# --- a token with as many sessions as the keystore has signers ---


@pytest.fixture
def full(make_gate, configuration, own_folder, own_token, echo):
    """full(signers) -> the gate; its token has no session for one more."""
    def start(signers):
        sick = sick_token.SickToken(own_folder / "fake")
        sick.says(f"sessions {signers}")
        configuration.keystores[0].update(module=sick.module, signers=signers)
        port = configuration.listener("raw", "tls", echo.port, keys=["ec"])
        gate = make_gate(configuration, {**own_token.environment, **sick.environment}).start()
        gate.wait_for("signer-ready", count=signers)
        gate.ports, gate.configuration = port, configuration
        return gate
    return start


def test_a_full_token_with_nothing_new_is_looked_at_all_the_same(full, pki):
    gate = full(3)
    context = clients.client_context(pki)
    conversation, signers = tls_wire.Conversation(context, gate.ports), gate.pids("signer")
    control.reload_policy(gate)
    assert gate.wait_for("reload-done", kind="policy", tokens="asked")
    assert tls_wire.full_handshake(context, gate.ports) and conversation.echo(b"as ever")
    # One of them made room, and has a successor.
    gate.until_pids("signer", lambda pids: len(pids) == 3 and len(set(pids) & set(signers)) == 2)
    gate.wait_for("signer-ready", count=4)
    assert not gate.log("keystore-faulty") and not gate.log("session-end", reason="handshake-failed")
    conversation.close()


def test_a_full_token_gives_what_is_new_to_a_reload(full, pki, key):
    gate = full(3)
    conversation = tls_wire.Conversation(clients.client_context(pki), gate.ports)
    fingerprint = key.renew()
    gate.signal(signal.SIGHUP)
    assert gate.wait_for("reload-done", kind="generation", new_keystores=1)
    assert presented(gate.ports) == fingerprint and conversation.echo(b"undisturbed")
    # One signer is left to whom the old generation serves, the others' sessions are the new one's.
    gate.wait_for("signer-ready", count=3 + 2)
    assert not gate.log("keystore-faulty")
    conversation.close()
    gate.wait_for("generation-end", generation=1)
    gate.wait_for("signer-ready", count=3 + 3)


def test_a_full_token_with_one_signer_says_what_to_do(full, pki):
    gate = full(1)
    signers = gate.pids("signer")
    said = control.reload_fails(gate)
    assert "CKR_SESSION_COUNT" in said and "none of them can be spared" in said
    gate.until_pids("signer", lambda pids: pids == signers)
    assert tls_wire.full_handshake(clients.client_context(pki), gate.ports)


def broken_configuration(gate, token):
    gate.path.write_text(gate.configuration.text() + "\nno-such-option = 1;\n")
    return "no-such-option"


def absent_token(gate, token):
    token.take_away()
    return "token"


def wrong_key(gate, token):
    gate.configuration.listeners[0]["key_alias"] = ["nobody-has-it"]
    gate.path.write_text(gate.configuration.text())
    return "nobody-has-it"


def wrong_pin(gate, token):
    gate.configuration.pin_file.write_text("0000-wrong\n")
    return "PIN"


def busy_port(gate, token):
    gate.taken = socket.create_server(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % gate.taken.getsockname()[1]
    gate.configuration.listeners.append({**gate.configuration.listeners[0], "alias": "second", "bind": address})
    gate.path.write_text(gate.configuration.text())
    return address


def log_in_no_folder(gate, token):
    gate.configuration.top["log"] = {"target": gate.folder / "nowhere" / "log"}
    gate.path.write_text(gate.configuration.text())
    return "log.target"


@pytest.mark.parametrize("spoil", [broken_configuration, absent_token, wrong_key, wrong_pin, busy_port, log_in_no_folder])
def test_a_reload_that_fails_changes_nothing(on_token, established, own_token, pki, spoil):
    before = on_token.children()
    word = spoil(on_token, own_token)
    for count in (1, 2):
        assert word in control.reload_fails(on_token)
        assert on_token.wait_for("reload-failed", count=count)
    waiting.until(lambda: on_token.children() == before, "what it started to be gone")
    assert established.echo(b"unmoved")
    assert control.status(on_token)["generations"][0]["state"] == "serving"
    assert [one["number"] for one in control.status(on_token)["generations"]] == [1]
    if spoil is not absent_token:
        assert tls_wire.full_handshake(clients.client_context(pki), on_token.ports)


def test_a_refused_pin_is_not_tried_again(on_token, own_token):
    wrong_pin(on_token, own_token)
    assert "before" not in control.reload_fails(on_token)
    started = len(on_token.log("child-start", process="signer"))
    assert "refused this PIN before" in control.reload_fails(on_token)
    assert len(on_token.log("child-start", process="signer")) == started
    # A login elsewhere takes the token's warning back.
    own_token.run("pkcs11-tool", "--module", softhsm.MODULE, "--token-label", own_token.name, "--login", "--pin", softhsm.PIN,
                  "--list-objects")
    own_token.give_to_signer()
    on_token.configuration.pin_file.write_text(softhsm.PIN + "\n")
    control.reload(on_token)
