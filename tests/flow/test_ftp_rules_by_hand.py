"""The rules of RFC 4217 and 2428, typed by hand (F1 to F5, F9, F19)."""

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
    assert wire("explicit").say(command)[0] == code


@pytest.mark.parametrize("word", ["TLS", "tls", "TLS-C", "SSL"])
def test_auth_begins_tls(wire, word):
    made = wire("explicit")
    made.start_tls(word)
    assert made.say("PBSZ 0") == (200, "200 PBSZ=0")


def test_features_name_what_protects_before_and_after_auth(wire):
    made = wire("explicit")
    before = made.say("FEAT")[1]
    made.start_tls()
    after = made.say("FEAT")[1]
    for word in ("AUTH TLS", "PBSZ", "PROT"):
        assert word in before and word in after


def test_a_second_auth_is_refused(secured):
    assert secured.say("AUTH TLS")[0] == 503


def test_bytes_in_clear_behind_auth_end_the_session(wire, gate):
    made = wire("explicit")
    made.send("AUTH TLS\r\nUSER mallory")
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            assert made.line().startswith("234")
    assert gate.wait_for("session-end", reason="injected")


def test_a_failed_handshake_never_goes_on_in_clear(wire, gate):
    made = wire("explicit")
    assert made.say("AUTH TLS")[0] == 234
    made.send("USER mallory")
    made.send("PASS mallory")
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            assert not made.line()[:3].isdigit()
    assert gate.wait_for("session-end", reason="handshake-failed")


def test_protection_is_asked_for_in_order(secured):
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


def test_a_transfer_without_prot_p_is_refused_at_the_transfer(secured, pyftpd):
    secured.login(pyftpd, protect=False)
    secured.passive()
    assert secured.say("LIST")[0] == 521


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
    secured.login(pyftpd)
    assert secured.say("EPSV ALL")[0] == 200
    assert 500 <= secured.say("PASV")[0] < 600
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
