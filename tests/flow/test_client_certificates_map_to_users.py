"""C1 to C3 and C5: the two tables of webMethods for client certificates on FTPS ports, every row, on implicit and
explicit listeners: who may log in, and as whom the backend sees him."""

import itertools
import signal

import ftp_recorder
import ftp_wire
import pki as pki_module
import pytest
import waiting

MODES = ("none", "request", "require")
# As partners: "mapped" has a user at the backend, "unmapped" has none, "untrusted" is a stranger's.
CERTIFICATES = ("none", "mapped", "self-signed", "unmapped", "untrusted")
TYPED, MAPPED, REJECTED = "what was typed", "the partner's user", "530"
CERT_MAP = {
    ("none", "any"): TYPED,
    ("request", "none"): TYPED, ("request", "untrusted"): TYPED, ("request", "unmapped"): TYPED,
    ("request", "mapped"): MAPPED, ("request", "self-signed"): MAPPED,
    ("require", "none"): REJECTED, ("require", "untrusted"): REJECTED, ("require", "unmapped"): REJECTED,
    ("require", "mapped"): MAPPED, ("require", "self-signed"): MAPPED,
}
NO_CERT_MAP = {
    ("none", "any"): TYPED, ("request", "any"): TYPED,
    ("require", "none"): REJECTED, ("require", "untrusted"): REJECTED, ("require", "unmapped"): TYPED,
    ("require", "mapped"): TYPED, ("require", "self-signed"): TYPED,
}
PROTOCOLS = {"explicit": "ftp", "implicit": "ftps"}
PARTNER, PARTNER_PASSWORD = "acme-ftp", "from the file: #1 %u"
LISTENERS = list(itertools.product((True, False), MODES))
CASES = [(*listener, certificate, kind, tls) for listener, certificate, kind, tls
         in itertools.product(LISTENERS, CERTIFICATES, ("explicit", "implicit"), ("1.2", "1.3"))]


def expected(cert_map, mode, certificate):
    table = CERT_MAP if cert_map else NO_CERT_MAP
    return table.get((mode, certificate)) or table[mode, "any"]


def name_of(cert_map, mode, kind):
    return f"{kind}-{mode}-{'map' if cert_map else 'plain'}"


@pytest.fixture(scope="module")
def backend():
    made = ftp_recorder.Recorder(users={PARTNER: PARTNER_PASSWORD})
    yield made
    made.stop()


@pytest.fixture(scope="module")
def certificates(pki, new_folder):
    """Like pki.client_files, with what the tables need."""
    folder = new_folder()
    made = {"mapped": pki.authority.client("Mapped"), "unmapped": pki.authority.client("Unmapped"),
            "self-signed": pki_module.Authority("Self"), "untrusted": pki.clients["untrusted"]}
    return {name: certificate.write(folder, name) for name, certificate in made.items()}


def add_partner(configuration, certificates, enabled=True):
    password = configuration.folder / "acme.pw"
    password.write_text(PARTNER_PASSWORD + "\n")
    password.chmod(0o600)
    configuration.partners = [{
        "alias": "acme", "enabled": enabled, "certificate_file": [certificates["mapped"][0], certificates["self-signed"][0]],
        "ftp_user": PARTNER, "ftp_password_file": password}]


@pytest.fixture(scope="module")
def gate(gate_running, backend, certificates):
    def prepare(configuration):
        add_partner(configuration, certificates)
        ports = {}
        for (cert_map, mode), kind in itertools.product(LISTENERS, ("explicit", "implicit")):
            name = name_of(cert_map, mode, kind)
            ports[name] = configuration.listener(name, PROTOCOLS[kind], backend.port, keys=("ec",),
                                                 client_certificate=mode, cert_map=cert_map)
        return ports

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def wire(pki, certificates):
    """wire(port, implicit, certificate, tls) -> under TLS, behind the greeting."""
    made = []

    def connect(port, implicit, certificate, tls=None):
        one = ftp_wire.Wire(pki, port, implicit=False, tls=tls)
        if certificate != "none":
            one.context.load_cert_chain(*certificates[certificate])
        if implicit:
            one.socket = one.wrap(one.socket)
        made.append(one)
        assert one.reply()[0] == 220
        if not implicit:
            one.start_tls()
        return one

    yield connect
    for one in made:
        one.close()


def what_happened(wire, backend, gate, gone_through):
    """The login of a client that types what the backend knows."""
    backend.forget()
    assert wire.say(f"USER {backend.user}")[0] == 331  # C2: always asked for
    code, text = wire.say(f"PASS {backend.password}")
    line = gate.wait_for("login", session=ftp_wire.session_of(gate, wire))
    assert line["code"] == str(code)
    if code == 530:
        assert not backend.commands and wire.say("PWD")[0] == 530
        return REJECTED
    assert code == 230, text
    user, password = gone_through[text.removeprefix("230 You are ")]
    assert backend.said("(USER|PASS) .*") == [f"USER {user}", f"PASS {password}"]
    assert line["user"] == user and line.get("typed", user) == backend.user
    return MAPPED if user == PARTNER else TYPED


@pytest.mark.parametrize("cert_map, mode, certificate, kind, tls", CASES)
def test_the_tables(gate, wire, backend, cert_map, mode, certificate, kind, tls):
    """C1, C2, C3."""
    made = wire(gate.ports[name_of(cert_map, mode, kind)], kind == "implicit", certificate, tls)
    users = {backend.user: (backend.user, backend.password), PARTNER: (PARTNER, PARTNER_PASSWORD)}
    assert what_happened(made, backend, gate, users) == expected(cert_map, mode, certificate)


@pytest.fixture
def resumed(gate, pki, wire):
    """resumed(port, implicit, certificate, tls) -> a second connection with the TLS session of a first one."""
    made = []

    def connect(port, implicit, certificate, tls):
        first = wire(port, implicit, certificate, tls)
        assert first.say("NOOP")[0] == 200  # and TLS 1.3's ticket has come before it
        one = ftp_wire.Wire(pki, port, tls=tls)
        made.append(one)
        one.context = first.context
        if not implicit:
            assert one.reply()[0] == 220 and one.say("AUTH TLS")[0] == 234
        one.socket = one.wrap(one.socket, first.socket.session)
        assert one.socket.session_reused
        assert not implicit or one.reply()[0] == 220
        return one

    yield connect
    for one in made:
        one.close()


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_resumed_session_maps_too(gate, resumed, tls, kind):
    """C5: the certificate is not shown again."""
    second = resumed(gate.ports[name_of(True, "require", kind)], kind == "implicit", "mapped", tls)
    assert second.say("USER x")[0] == 331
    assert second.say("PASS x") == (230, f"230 You are {PARTNER}")


@pytest.mark.parametrize("cert_map", [True, False])
@pytest.mark.parametrize("certificate", ["none", "untrusted"])
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_resumed_session_is_no_way_in(gate, resumed, backend, tls, kind, certificate, cert_map):
    """C5: what was refused in the full handshake's session stays refused, with the right password too."""
    second = resumed(gate.ports[name_of(cert_map, "require", kind)], kind == "implicit", certificate, tls)
    assert what_happened(second, backend, gate, {}) == REJECTED


def test_whatever_is_typed_is_ignored(gate, wire, backend):
    """C3: another user, a wrong password, all at once."""
    made = wire(gate.ports[name_of(True, "require", "implicit")], True, "mapped")
    backend.forget()
    made.send("USER root\r\nPASS wrong\r\nPWD")
    assert [made.reply()[0] for _ in range(3)] == [331, 230, 257]
    assert not any("root" in command or "wrong" in command for command in backend.commands)


def test_passwords_are_in_no_log_line(gate, wire, backend):
    """F20: neither the typed one nor the partner's."""
    made = wire(gate.ports[name_of(True, "request", "implicit")], True, "mapped")
    assert made.say("USER x")[0] == 331
    assert made.say("PASS y")[0] == 230
    assert made.say("QUIT")[0] == 221
    end = gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))
    assert end["user"] == PARTNER and end["partner"] == "acme"
    assert PARTNER_PASSWORD not in gate.text and backend.password not in gate.text


def test_reject_at_handshake_is_the_other_way(make_gate, configuration, wire, backend):
    """C1: with reject-at = "handshake" nobody gets as far as a greeting."""
    port = configuration.listener("early", "ftps", backend.port, client_certificate="require", reject_at="handshake")
    make_gate(configuration).start()
    for certificate in ("none", "untrusted"):
        with pytest.raises((EOFError, OSError)):
            wire(port, True, certificate)


@pytest.mark.parametrize("cert_map", [True, False])
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_bad_certificates_may_be_refused_where_none_is_fine(make_gate, configuration, certificates, wire, backend, kind, cert_map):
    """C1: bad-certificate = "fail" in request mode, at the login and in the handshake."""
    add_partner(configuration, certificates)
    implicit = kind == "implicit"
    ports = {reject_at: configuration.listener(reject_at, PROTOCOLS[kind], backend.port, client_certificate="request",
                                               cert_map=cert_map, bad_certificate="fail", reject_at=reject_at)
             for reject_at in ("login", "handshake")}
    gate = make_gate(configuration).start()
    users = {backend.user: (backend.user, backend.password), PARTNER: (PARTNER, PARTNER_PASSWORD)}
    for reject_at, port in ports.items():
        for certificate in ("none", "unmapped", "mapped"):
            for tls in ("1.2", "1.3"):
                assert what_happened(wire(port, implicit, certificate, tls), backend, gate, users) == expected(
                    cert_map, "request", certificate)
    for tls in ("1.2", "1.3"):
        assert what_happened(wire(ports["login"], implicit, "untrusted", tls), backend, gate, users) == REJECTED
        with pytest.raises(ftp_wire.CUT + (EOFError,)):
            wire(ports["handshake"], implicit, "untrusted", tls).say("NOOP")
    gate.wait_for("session-end", listener="handshake", reason="certificate-refused", count=2)


def test_a_partner_that_is_disabled_meanwhile_goes_no_further(make_gate, configuration, certificates, wire, backend):
    """C5: judged again at each command, and at a login that was begun before."""
    add_partner(configuration, certificates)
    port = configuration.listener("edge", "ftps", backend.port, client_certificate="require", cert_map=True)
    gate = make_gate(configuration).start()
    logged_in, asked = wire(port, True, "self-signed"), wire(port, True, "self-signed")
    assert logged_in.say("USER x")[0] == 331 and logged_in.say("PASS x")[0] == 230
    assert asked.say("USER x")[0] == 331
    add_partner(configuration, certificates, enabled=False)
    gate.path.write_text(configuration.text())
    gate.signal(signal.SIGHUP)
    waiting.until(lambda: gate.log("policy") or gate.log("reload-done"), "the new policy")

    def refused():
        """It reaches each worker in its time."""
        code = asked.say("PASS x")[0]
        return code == 530

    waiting.until(refused, "the refusal")
    backend.forget()
    assert logged_in.say("NOOP")[0] == 200
    assert logged_in.say("DELE invoice")[0] == 421
    assert not backend.said("DELE .*")
    assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, logged_in))["reason"] == "certificate-refused"
