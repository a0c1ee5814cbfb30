"""Partners and access lists change in running workers (DESIGN.md 1): no process is replaced, no session is cut, and
whoever is there is judged by what is true now (C5)."""

import http.client
import os
import socket
import threading

import clients
import control
import ftp_wire
import partner_certificates
import pytest
import sick_token
import tls_wire
import waiting

REFUSED = (ConnectionError, EOFError, OSError)


class Stage:
    """A p11gate whose partner acme is known by a certificate of its own, and by nothing else."""

    def __init__(self, make_gate, configuration, folder, pki, backends):
        self.pki, self.configuration, self.folder = pki, configuration, folder
        self.ftp, self.web, self.echo = backends
        self.certificate = partner_certificates.make("acme").write(folder, "acme")
        self.acme = {"alias": "acme", "certificate_file": self.certificate[0]}
        configuration.partners = [self.acme]
        self.ports = {
            "ftp": configuration.listener("ftp", "ftp", self.ftp.port, client_certificate="require"),
            "https": configuration.listener("https", "https", self.web.port, client_certificate="require"),
            "raw": configuration.listener("raw", "tls", self.echo.port, client_certificate="require"),
        }
        self.gate = make_gate(configuration).start()
        self.workers = self.gate.pids("worker")

    def context(self, tls=None):
        context = clients.client_context(self.pki, tls)
        context.load_cert_chain(*self.certificate)
        return context

    def reload(self):
        """Policy only: the same workers go on, and nobody else is left beside them."""
        self.gate.path.write_text(self.configuration.text())
        done = len(self.gate.log("reload-done", kind="policy"))
        control.reload_policy(self.gate)
        assert self.gate.wait_for("reload-done", kind="policy", count=done + 1)["generation"] == "1"
        self.gate.until_pids("worker", lambda pids: pids == self.workers)

    def logged_in(self, tls=None):
        wire = ftp_wire.Wire(self.pki, self.ports["ftp"], tls=tls)
        wire.context.load_cert_chain(*self.certificate)
        assert wire.reply()[0] == 220
        wire.start_tls()
        wire.login(self.ftp)
        return wire

    def stored(self, wire, name, content=b"some bytes"):
        with wire.open_data(f"STOR {name}") as data:
            data.sendall(content)
            ftp_wire.say_end(data)
        return wire.reply()[0]

    def connected(self, tls=None):
        self.used = self.context(tls)
        made = http.client.HTTPSConnection("localhost", self.ports["https"], timeout=20, context=self.used)
        made.connect()
        return made

    def asked(self, made):
        made.request("GET", "/")
        answer = made.getresponse()
        answer.read()
        return answer.status


@pytest.fixture
def stage(make_gate, configuration, own_folder, pki, pyftpd, web, echo):
    return Stage(make_gate, configuration, own_folder, pki, (pyftpd, web, echo))


def refused_transfer(wire):
    """The reply to a transfer, or None when the session has ended instead."""
    try:
        return wire.say("STOR in/never")[0]
    except REFUSED:
        return None


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_partner_that_is_disabled_is_refused_at_its_next_step(stage, tls):
    wire, web = stage.logged_in(tls), stage.connected(tls)
    raw = tls_wire.Conversation(stage.context(tls), stage.ports["raw"])
    assert stage.stored(wire, "in/before") == 226 and stage.asked(web) == 200 and raw.echo(b"before")
    session = web.sock.session
    stage.acme["enabled"] = False
    stage.reload()
    # Between two steps nobody is cut; raw bytes have no steps: they end at once.
    assert wire.say("NOOP")[0] == 200
    assert (refused_transfer(wire) or 421) >= 400
    assert stage.asked(web) == 403
    assert stage.gate.wait_for("session-end", listener="raw", reason="refused")["detail"]
    # Nor does a session of before bring it in again (C5).
    with pytest.raises(REFUSED), socket.create_connection(("127.0.0.1", stage.ports["https"]), 20) as plain:
        made = stage.used.wrap_socket(plain, server_hostname="localhost", session=session)
        made.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not made.recv(100):
            raise EOFError
    stage.acme["enabled"] = True
    stage.reload()
    assert stage.asked(stage.connected(tls)) == 200


def test_a_partner_that_comes_is_known_at_once(stage):
    late = partner_certificates.make("late").write(stage.folder, "late")
    stage.configuration.partners.append({"alias": "late", "certificate_file": late[0]})
    context = clients.client_context(stage.pki)
    context.load_cert_chain(*late)
    with pytest.raises(REFUSED):
        tls_wire.Conversation(context, stage.ports["raw"]).echo(b"too early")
    stage.reload()
    known = tls_wire.Conversation(context, stage.ports["raw"])
    assert known.echo(b"now")
    known.close()
    assert stage.gate.wait_for("session-end", listener="raw", partner="late")


def test_an_access_list_is_asked_at_the_next_step(stage):
    wire, web = stage.logged_in(), stage.connected()
    assert stage.stored(wire, "in/before") == 226 and stage.asked(web) == 200
    for listener in stage.configuration.listeners:
        listener["deny"] = ["127.0.0.0/8"]
    stage.reload()
    assert (refused_transfer(wire) or 421) >= 400
    assert stage.asked(web) == 403
    with pytest.raises(REFUSED):
        stage.connected()
    assert stage.gate.wait_for("session-refused", listener="https", reason="not-allowed")
    # In clear there are words for it.
    wire = ftp_wire.Wire(stage.pki, stage.ports["ftp"])
    assert wire.reply()[0] == 421
    wire.close()


def test_the_partners_own_address_list_counts(stage):
    web = stage.connected()
    assert stage.asked(web) == 200
    stage.acme["allow"] = ["192.0.2.0/24"]
    stage.reload()
    assert stage.asked(web) == 403
    stage.acme["allow"] = ["192.0.2.0/24", "127.0.0.1"]
    stage.reload()
    assert stage.asked(stage.connected()) == 200


def test_a_transfer_that_runs_is_not_cut(stage):
    """C5 asks at the beginning of each; what has begun ends whole."""
    wire = stage.logged_in()
    content = os.urandom(1 << 20)
    with wire.open_data("STOR in/whole") as data:
        data.sendall(content[:1000])
        stage.acme["enabled"] = False
        stage.reload()
        data.sendall(content[1000:])
        ftp_wire.say_end(data)
    assert wire.reply()[0] == 226
    assert (refused_transfer(wire) or 421) >= 400


def test_nobody_notices_ten_policies(stage):
    """Load over all of them: every request is answered, by the same workers."""
    stopping, answers = threading.Event(), []

    def ask():
        made = stage.connected()
        while not stopping.is_set():
            answers.append(stage.asked(made))

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for one in asking:
        one.start()
    for number in range(10):

        stage.acme["max_sessions"] = 100 + number
        stage.reload()
    waiting.until(lambda: len(answers) > 50, "answers")
    stopping.set()
    for one in asking:
        one.join()
    assert set(answers) == {200}


def test_a_policy_that_workers_cannot_use_changes_nothing(stage):
    """What stands in a certificate file is read by workers alone: one of them tries it first."""
    broken = stage.folder / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    stage.configuration.partners.append({"alias": "broken", "certificate_file": broken})
    stage.gate.path.write_text(stage.configuration.text())
    assert "broken" in control.reload_fails(stage.gate)
    stage.gate.until_pids("worker", lambda pids: pids == stage.workers)
    assert stage.asked(stage.connected()) == 200


def test_a_worker_that_is_replaced_has_the_newest_policy(stage):
    stage.acme["enabled"] = False
    stage.reload()
    for pid in stage.workers:
        os.kill(pid, 9)
    stage.gate.until_pids("worker", lambda pids: len(pids) == 2 and not set(pids) & set(stage.workers))
    waiting.until_port(stage.ports["https"])
    with pytest.raises(REFUSED):
        stage.asked(stage.connected())


SICK = {"absent": ["absent"], "hanging": ["hang C_OpenSession"], "faulty": ["fail C_Login 1000 CKR_GENERAL_ERROR"],
        "without a session that is free": ["sessions 2"]}


@pytest.mark.parametrize("sickness", SICK.values(), ids=SICK)
def test_no_sick_token_keeps_a_partner_in(make_gate, configuration, own_folder, token, pki, pyftpd, web, echo, sickness):
    """Established sessions outlive their token; a partner that is shut out (C5) does not wait for it."""
    sick = sick_token.SickToken(own_folder / "fake")
    configuration.keystores[0].update(module=sick.module, signers=2)
    stage = Stage(lambda config: make_gate(config, {**token.environment, **sick.environment}), configuration, own_folder, pki,
                  (pyftpd, web, echo))
    stage.gate.wait_for("signer-ready", count=2)
    web_session = stage.connected()
    assert stage.asked(web_session) == 200
    sick.says(*sickness)
    stage.acme["enabled"] = False
    started = len(stage.gate.log("child-start", process="signer"))
    stage.reload()
    assert len(stage.gate.log("child-start", process="signer")) == started
    assert stage.gate.wait_for("reload-done", kind="policy", tokens="not-asked")
    assert stage.asked(web_session) == 403
    sick.says()
    # The same file again: it is the token that somebody asks about.
    control.reload_policy(stage.gate)
    assert stage.gate.wait_for("reload-done", kind="policy", tokens="asked")
