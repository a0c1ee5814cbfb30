"""The rules of RFC 4217 and 2428, typed by hand (F1 to F5, F7, F9, F18, F19)."""

import re
import socket
import ssl

import ftp_wire
import pytest
import waiting


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    def prepare(configuration):
        return {"explicit": configuration.listener("explicit", "ftp", pyftpd.port),
                "implicit": configuration.listener("implicit", "ftps", pyftpd.port),
                "lenient": configuration.listener("lenient", "ftp", pyftpd.port, secure_clients_only=False,
                                                  require_data_tls=False),
                "quirky": configuration.listener("quirky", "ftp", pyftpd.port, quirks=[
                    "no-pbsz", "auth-implies-private", "allow-ccc"]),
                "nat": configuration.listener("nat", "ftps", pyftpd.port, passive_address="203.0.113.7")}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def wire(gate, pki):
    """wire(listener) -> a control connection behind its greeting."""
    made = []

    def connect(listener):
        made.append(ftp_wire.Wire(pki, gate.ports[listener], implicit=listener in ("implicit", "nat")))
        code, text = made[-1].reply()
        assert code == 220, text
        return made[-1]

    yield connect
    for one in made:
        one.close()


@pytest.fixture
def secured(wire):
    made = wire("explicit")
    made.start_tls()
    return made


@pytest.mark.parametrize("command, code", [
    ("AUTH FOO", 504), ("AUTH", 501), ("AUTH GSSAPI", 504), ("PBSZ 0", 503), ("PROT P", 503),
    ("USER acme", 530), ("PASS x", 530), ("LIST", 530), ("MIC x", 503), ("CCC", 534),
])
def test_in_clear(wire, command, code):
    """F1, F2, F4, F7."""
    assert wire("explicit").say(command)[0] == code


@pytest.mark.parametrize("command", ["ADAT", "ADAT xyz", "CONF x", "ENC x", "MIC x", "mic x"])
def test_other_protection_than_tls_is_503(wire, pyftpd, command):
    """F7: in clear, under TLS, and behind the login."""
    made = wire("explicit")
    assert made.say(command)[0] == 503
    made.start_tls()
    assert made.say(command)[0] == 503
    made.login(pyftpd)
    assert made.say(command)[0] == 503


@pytest.mark.parametrize("word", ["TLS", "tls", "TLS-C", "SSL"])
def test_auth_begins_tls(wire, word):
    """F1."""
    made = wire("explicit")
    made.start_tls(word)
    assert made.say("PBSZ 0") == (200, "200 PBSZ=0")


def test_features_name_what_protects_before_and_after_auth(wire):
    """F8."""
    made = wire("explicit")
    before = made.say("FEAT")[1]
    made.start_tls()
    after = made.say("FEAT")[1]
    for word in ("AUTH TLS", "PBSZ", "PROT"):
        assert word in before and word in after


def test_a_second_auth_is_refused(secured):
    """F2."""
    assert secured.say("AUTH TLS")[0] == 503


def test_bytes_in_clear_behind_auth_end_the_session(wire, gate):
    """F2."""
    made = wire("explicit")
    made.send("AUTH TLS\r\nUSER mallory")
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            assert made.line().startswith("234")
    assert gate.wait_for("session-end", reason="injected")


def test_a_failed_handshake_never_goes_on_in_clear(wire, gate):
    """F3."""
    made = wire("explicit")
    assert made.say("AUTH TLS")[0] == 234
    made.send("USER mallory")
    made.send("PASS mallory")
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            assert not made.line()[:3].isdigit()
    assert gate.wait_for("session-end", reason="handshake-failed")


def test_protection_is_asked_for_in_order(secured):
    """F4."""
    assert secured.say("PROT P")[0] == 503
    assert secured.say("PBSZ 0")[0] == 200
    for level, code in (("S", 536), ("E", 536), ("X", 504), ("P", 200), ("C", 534)):
        assert secured.say(f"PROT {level}")[0] == code, level


def test_clear_data_is_allowed_where_the_listener_says_so(wire, pyftpd):
    (pyftpd.files / "clear").write_bytes(b"not a secret")
    made = wire("lenient")
    made.login(pyftpd, protect=False)
    data = made.connect_data(made.passive())
    assert made.say("RETR in/clear")[0] in (125, 150)
    assert data.recv(100) == b"not a secret"
    assert made.reply()[0] == 226


@pytest.mark.parametrize("protection", [None, "nothing but PBSZ", "REIN"])
@pytest.mark.parametrize("active", [False, True], ids=["EPSV", "PORT"])
@pytest.mark.parametrize("command", ["STOR in/unprotected", "RETR in/there", "LIST", "NLST", "STOU", "APPE in/unprotected", "MLSD"])
def test_a_transfer_without_prot_p_is_refused_at_the_transfer(secured, pyftpd, command, active, protection):
    """F5: the set-up is not, whoever connects; the level is Clear from the beginning, and again behind REIN."""
    (pyftpd.files / "there").touch()
    if protection == "REIN":
        secured.login(pyftpd)
        assert secured.say("REIN")[0] == 220
        secured.socket = secured.socket.unwrap()
        secured.start_tls()
    secured.login(pyftpd, protect=False)
    if protection == "nothing but PBSZ":
        assert secured.say("PBSZ 0")[0] == 200
    before = set(pyftpd.files.iterdir())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if active:
            port = listening.getsockname()[1]
            assert secured.say(f"PORT 127,0,0,1,{port // 256},{port % 256}")[0] == 200
        else:
            secured.passive()
        assert secured.say(command)[0] == 521
        assert secured.say("PROT P")[0] == (200 if protection == "nothing but PBSZ" else 503)
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert set(pyftpd.files.iterdir()) == before


def test_the_name_of_a_unique_file_reaches_the_client(secured, pyftpd):
    """RFC 1123 4.1.2.9: in the reply that its server gave it."""
    secured.login(pyftpd)
    assert secured.say("CWD in")[0] == 250
    plain = secured.connect_data(secured.passive())
    secured.send("STOU")
    code, begin = secured.reply()
    assert code in (125, 150)
    data = secured.wrap_data(plain)
    data.sendall(b"one of a kind")
    data.unwrap()
    code, end = secured.reply()
    assert code == 226
    name = re.search(r"FILE: (\S+)|filename=(\S+?)\.?$", begin + "\n" + end, re.M)
    assert name, (begin, end)
    made = pyftpd.files / (name[1] or name[2])
    assert made.read_bytes() == b"one of a kind"
    made.unlink()


def test_a_data_channel_that_does_not_speak_tls_is_refused(secured, pyftpd):
    secured.login(pyftpd)
    data = secured.connect_data(secured.passive())
    secured.send("LIST")
    data.sendall(b"GET / HTTP/1.1\r\n\r\n")
    code = secured.reply()[0]
    while code in (125, 150):
        code = secured.reply()[0]
    assert code == 522
    assert secured.say("NOOP")[0] == 200


def test_after_epsv_all_every_other_set_up_is_refused(secured, pyftpd):
    """F9."""
    secured.login(pyftpd)
    assert secured.say("EPSV ALL")[0] == 200
    for command in ("PASV", "PORT 127,0,0,1,200,10", "EPRT |1|127.0.0.1|51210|", "LPRT 4,127,0,0,1,2,200,10", "LPSV"):
        assert 500 <= secured.say(command)[0] < 600, command
    assert secured.passive("EPSV")


def test_the_passive_address_is_the_configured_one(wire, pyftpd):
    made = wire("nat")
    made.login(pyftpd)
    assert "(203,0,113,7," in made.say("PASV")[1]


def test_the_passive_address_is_the_dialled_one_by_default(wire, pyftpd):
    made = wire("implicit")
    made.login(pyftpd)
    assert "(127,0,0,1," in made.say("PASV")[1]


def test_active_mode_towards_others_is_refused(wire, pyftpd):
    made = wire("implicit")
    made.login(pyftpd)
    assert 500 <= made.say("PORT 198,51,100,9,200,10")[0] < 600


def test_a_new_passive_port_gives_the_old_one_up(wire, pyftpd):
    made = wire("implicit")
    made.login(pyftpd)
    old = made.passive()
    new = made.passive()
    assert new != old and waiting.connects(new) and not waiting.connects(old)


@pytest.mark.parametrize("verb", ["GET / HTTP/1.1", "POST /as2 HTTP/1.1"])
def test_http_in_place_of_ftp_ends_the_session(wire, verb):
    made = wire("explicit")
    made.send(verb)
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            assert verb.split()[1] not in made.line()


def test_commands_may_come_all_at_once(wire, pyftpd):
    made = wire("implicit")
    made.send(f"USER {pyftpd.user}\r\nPASS {pyftpd.password}\r\nPBSZ 0\r\nPROT P\r\nPWD\r\nNOOP")
    assert [made.reply()[0] for _ in range(6)] == [331, 230, 200, 200, 257, 200]


def test_a_wrong_password_is_refused_by_the_backend(wire, pyftpd):
    made = wire("implicit")
    assert made.say(f"USER {pyftpd.user}")[0] == 331
    assert made.say("PASS wrong")[0] == 530


def test_the_password_is_in_no_log_line(wire, pyftpd, gate):
    made = wire("implicit")
    made.login(pyftpd)
    assert made.say("QUIT")[0] == 221
    gate.wait_for("session-end", user=pyftpd.user, listener="implicit")
    assert pyftpd.password not in gate.text


def fetch(wire, pyftpd):
    """A whole transfer, protected."""
    (pyftpd.files / "some").write_bytes(b"some content")
    data = wire.open_data("RETR in/some", reuse=False)
    assert ftp_wire.receive_all(data) == b"some content"
    assert wire.reply()[0] == 226


def test_rein_begins_anew_in_clear(secured, pyftpd):
    """F7, RFC 4217 11: TLS ends behind its reply, and nothing that was said counts any more."""
    secured.login(pyftpd)
    assert secured.say("EPSV ALL")[0] == 200
    assert secured.say("REIN")[0] == 220
    secured.socket = secured.socket.unwrap()
    for command, code in (("PWD", 530), ("USER acme", 530), ("PROT P", 503), ("FEAT", 211), ("NOOP", 200)):
        assert secured.say(command)[0] == code, command
    secured.start_tls()
    assert secured.say("PWD")[0] == 530 and secured.say("PROT P")[0] == 503
    secured.login(pyftpd)
    assert secured.say("PASV")[0] == 227
    fetch(secured, pyftpd)


def test_rein_keeps_the_tls_that_came_first(wire, pyftpd):
    """F7: on an implicit port."""
    made = wire("implicit")
    for _ in range(3):
        made.login(pyftpd)
        fetch(made, pyftpd)
        assert made.say("REIN")[0] == 220
        assert made.say("PWD")[0] == 530


def test_commands_behind_rein_are_nobodys(secured, pyftpd, gate):
    """F7: what came before TLS ended could be anybody's."""
    secured.login(pyftpd)
    secured.send("REIN\r\nUSER mallory")
    with pytest.raises((EOFError, OSError)):
        while True:
            assert secured.line().startswith("220")
    assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, secured))["reason"] == "bad-request"


@pytest.mark.parametrize("says_end", [True, False], ids=["close_notify", "no close_notify"])
def test_ccc_goes_on_in_clear(wire, pyftpd, says_end):
    """F7: with the quirk; data channels stay protected. Some clients answer our close_notify, some do not."""
    made = wire("quirky")
    made.start_tls()
    assert made.say("CCC")[0] == 530
    made.login(pyftpd)
    assert made.say("CCC")[0] == 200
    if says_end:
        plain = made.socket.unwrap()
    else:
        assert made.socket.read() == b""
        plain = socket.socket(fileno=made.socket.detach())
        plain.settimeout(ftp_wire.LIMIT_S)
    made.socket = plain
    assert made.say("PWD")[0] == 257
    assert made.say("CCC")[0] == 533 and made.say("AUTH TLS")[0] == 503 and made.say("REIN")[0] == 502
    port = made.passive()
    data = made.wrap(made.connect_data(port))
    made.send("LIST")
    assert b"in" in ftp_wire.receive_all(data)
    assert made.final_code() == 226


def test_abor_with_urgent_data_in_clear_loses_no_byte(wire, pyftpd):
    """F11: the classic way, IAC IP IAC and the data mark as urgent; the kernel would keep the last byte to itself."""
    made = wire("quirky")
    made.start_tls()
    made.login(pyftpd)
    assert made.say("CCC")[0] == 200
    made.socket = made.socket.unwrap()
    assert made.say("PWD")[0] == 257
    made.socket.send(b"\xff\xf4\xff\xf2", socket.MSG_OOB)
    made.send("ABOR")
    assert made.reply()[0] == 226


def test_quirks_of_old_clients(wire, pyftpd):
    """F1, F4, F5: TLS-P, PROT without PBSZ, and data that is private without PROT."""
    made = wire("quirky")
    made.start_tls("TLS-P")
    made.login(pyftpd, protect=False)
    fetch(made, pyftpd)
    assert made.say("PROT P")[0] == 200
    assert wire("explicit").say("AUTH TLS-P")[0] == 504


@pytest.mark.parametrize("offered, chosen", [(["ftp"], "ftp"), (["x-filezilla-ftp", "ftp"], "ftp"), (None, None)])
def test_alpn_is_ftp(gate, pki, offered, chosen):
    """F18."""
    made = ftp_wire.Wire(pki, gate.ports["implicit"])
    if offered:
        made.context.set_alpn_protocols(offered)
    made.socket = made.wrap(made.socket)
    assert made.socket.selected_alpn_protocol() == chosen
    assert made.reply()[0] == 220
    made.close()


@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["x-filezilla-ftp"]])
def test_alpn_without_ftp_is_refused(gate, pki, offered):
    """F18: alert 120."""
    made = ftp_wire.Wire(pki, gate.ports["implicit"])
    made.context.set_alpn_protocols(offered)
    with pytest.raises(ssl.SSLError, match="NO_APPLICATION_PROTOCOL|no application protocol"):
        made.wrap(made.socket)
    made.close()
