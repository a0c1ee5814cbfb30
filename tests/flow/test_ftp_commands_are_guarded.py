"""F8, F13, F19, F20: which commands reach the backend, how long lines may be, how often a login may fail, and where
it begins. Spoken by hand to a backend that remembers everything."""

import re

import ftp_recorder
import ftp_wire
import gate as gate_module
import pytest
import waiting

COMMAND_MAX, REPLY_LINE_MAX, WAITING_MAX = 1024, 4096, 32


def command_table():
    """(macro, verb) of every row of ftp_command_rows; the macro of one without is the brace."""
    text = (gate_module.SOURCE / "proxy/ftp/ftp_commands.c").read_text()
    body = re.search(r"ftp_command_rows\[\] = \{\n(.*?)\n\};", text, re.S)[1]
    rows = [re.match(r'    (\w+\(|\{)"([A-Z0-9]+)",', line) for line in body.splitlines() if line]
    assert all(rows), body
    return [(row[1].rstrip("("), row[2]) for row in rows]


ODD = ' with  two blanks, "quotes", \xe9, %s and an end '
# Of rows that are more than a line that passes: what is said behind the login, what arrives, what the client is told.
SAID = {
    "AUTH": [("AUTH TLS", [], 503)], "PBSZ": [("PBSZ 0", [], 200)], "PROT": [("PROT P", [], 200), ("PROT C", [], 534)],
    "HOST": [("HOST edge.example", [], 502)], "CCC": [("CCC", [], 534)], "REIN": [("REIN", [], 220)],
    "ABOR": [("ABOR", [], 226)], "STAT": [("STAT", [], 211), ("STAT" + ODD, ["STAT" + ODD], 213)],
    "FEAT": [("FEAT", ["FEAT"], 211)], "NOOP": [("NOOP", ["NOOP"], 200)], "QUIT": [("QUIT", ["QUIT"], 221)],
    "USER": [("USER root", [], 503)], "PASS": [("PASS root", [], 503)], "ACCT": [("ACCT root", ["ACCT root"], 500)],
    "PASV": [("PASV", ["PASV"], 227)], "EPSV": [("EPSV", ["EPSV"], 229), ("EPSV 1", ["EPSV"], 229), ("EPSV 2", [], 522)],
    "PORT": [("PORT 127,0,0,1,200,10", ["PASV"], 200), ("PORT 10,0,0,1,200,10", [], 501)],
    "EPRT": [("EPRT |1|127.0.0.1|51210|", ["EPSV"], 200), ("EPRT |1|10.0.0.1|51210|", [], 501)],
    "MODE": [("MODE S", ["MODE S"], 200), ("MODE Z", [], 504)], "STRU": [("STRU F", ["STRU F"], 200), ("STRU R", [], 504)],
}
TRANSFERS = {verb for macro, verb in command_table() if macro == "TRANSFER"}
REFUSED = {verb for macro, verb in command_table() if macro == "REFUSED"}
PASSED = {verb for macro, verb in command_table() if macro in ("PASS", "NEXT")}


@pytest.fixture(scope="module")
def backend():
    made = ftp_recorder.Recorder(users={"other": "x", "../etc": "x"})
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, backend):
    def prepare(configuration):
        def listener(alias, protocol="ftps", **options):
            return configuration.listener(alias, protocol, backend.port, keys=("ec",), **options)

        return {
            "usual": listener("usual", greeting="Acme file exchange"),
            "explicit": listener("explicit", "ftp"),
            "denying": listener("denying", deny_commands=["SITE", "DELE", "PASV", "FEAT"]),
            "allowing": listener("allowing", allow_commands=["RETR", "CWD", "TYPE", "COMB"], deny_commands=["SITE"]),
            "at-home": listener("at-home", login_directory="/home/%u"),
            "fixed": listener("fixed", login_directory="/in"),
            "strict": listener("strict", max_login_failures=2),
            "patient": listener("patient", max_login_failures=0),
        }

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def greeted(gate, pki, backend):
    """greeted(listener) -> a control connection, and its greeting as wire.greeting."""
    made = []
    backend.forget()

    def connect(listener):
        one = ftp_wire.Wire(pki, gate.ports[listener], implicit=listener != "explicit")
        made.append(one)
        code, one.greeting = one.reply()
        assert code == 220
        return one

    yield connect
    for one in made:
        one.close()


@pytest.fixture
def logged_in(greeted, backend):
    def connect(listener):
        one = greeted(listener)
        one.login(backend)
        backend.forget()
        return one

    return connect


def reset_of(wire):
    """It is over: whatever is read, an end comes."""
    with pytest.raises((EOFError, ConnectionError, OSError)):
        while True:
            wire.line()


def test_the_greeting_is_our_own(greeted):
    """F2."""
    assert greeted("usual").greeting == "220 Acme file exchange"


@pytest.mark.parametrize("command", ["SITE CHMOD 644 x", "site help", "DELE x", "PASV", "FEAT"])
def test_denied_commands_do_not_reach_the_backend(gate, logged_in, backend, command):
    """F20: and the first one of a session is in the log."""
    made = logged_in("denying")
    code, text = made.say(command)
    assert code == 502 and command.split()[-1] not in text
    assert made.say("DELE y")[0] == 502
    assert backend.commands == []
    gate.wait_for("command-refused", session=ftp_wire.session_of(gate, made), command=command.split()[0].upper())
    assert made.say("QUIT")[0] == 221
    gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))
    assert len(gate.log("command-refused", session=ftp_wire.session_of(gate, made))) == 1


def test_only_allowed_commands_reach_the_backend(logged_in, backend):
    """F20: what p11gate answers itself needs no permission."""
    made = logged_in("allowing")
    for command in ("STOR x", "MKD x", "SITE HELP", "LIST", "DELE x", "OPTS UTF8 ON"):
        assert made.say(command)[0] == 502, command
    assert backend.commands == []
    for command, code in (("TYPE I", 200), ("CWD nowhere", 550), ("NOOP", 200), ("EPSV", 229), ("STAT", 211), ("ABOR", 226)):
        assert made.say(command)[0] == code, command


def test_a_command_that_p11gate_does_not_know_passes_where_it_is_named(logged_in, greeted, backend):
    """F20: behind the login only."""
    backend.replies["COMB"] = "250 Combined"
    assert greeted("allowing").say("COMB a b")[0] == 500
    assert logged_in("usual").say("COMB a b")[0] == 500
    assert backend.commands == []
    made = logged_in("allowing")
    backend.replies["COMB"] = "250 Combined"
    assert made.say("COMB a b")[0] == 250
    assert backend.commands == ["COMB a b"]


def test_names_in_latin_1_pass_as_they_are(logged_in, backend):
    """F11: a byte 255 is a letter there; Telnet's signs in front of ABOR are known by what follows it."""
    made = logged_in("usual")
    assert made.say("CWD \xffe\xff\xe4\xff")[0] == 550
    made.socket.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
    assert made.reply()[0] == 226
    assert backend.commands == ["CWD \xffe\xff\xe4\xff"]


def test_features_are_what_passes(logged_in):
    """F8."""
    usual, allowing = logged_in("usual").say("FEAT")[1], logged_in("allowing").say("FEAT")[1]
    for feature in (" AUTH TLS", " EPSV", " PBSZ", " PROT", " EPRT"):
        assert feature in usual and feature in allowing
    assert " SIZE" in usual and " MLST type*;" in usual
    assert " SIZE" not in allowing and " MLST" not in allowing


def test_features_before_the_login_are_those_that_were_seen(greeted, backend):
    """F2, F8: without a word to the backend."""
    first = greeted("explicit")
    assert first.say("FEAT")[0] == 211
    assert backend.commands == []
    first.start_tls()
    first.login(backend)
    seen = first.say("FEAT")[1]
    assert " MLST type*;" in seen
    backend.forget()
    # Each worker has its own memory.
    waiting.until(lambda: greeted("explicit").say("FEAT")[1] == seen, "the worker that remembers")
    assert backend.commands == []


@pytest.mark.parametrize("listener, logins", [("usual", 3), ("strict", 2)])
def test_too_many_failed_logins_end_the_session(gate, greeted, listener, logins):
    """F19: 530 each, then 421."""
    made = greeted(listener)
    for _ in range(logins):
        assert made.say("USER other")[0] == 331
        assert made.say("PASS wrong")[0] == 530
    assert made.reply()[0] == 421
    reset_of(made)
    assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))["reason"] == "login-failures"
    assert len(gate.log("login", session=ftp_wire.session_of(gate, made), code=530, user="other")) == logins


def test_without_a_limit_logins_may_fail_for_long(greeted, backend):
    made = greeted("patient")
    for _ in range(10):
        assert made.say("USER other")[0] == 331
        assert made.say("PASS wrong")[0] == 530
    made.login(backend)


def test_a_login_begins_in_its_directory(greeted, backend):
    """login-directory: the client hears of its login alone."""
    backend.folders = {"/home/typed", "/in"}
    for listener, folder in (("at-home", "/home/typed"), ("fixed", "/in")):
        backend.forget()
        made = greeted(listener)
        assert made.say("USER typed")[0] == 331
        assert made.say("PASS typed password") == (230, "230 You are typed")
        assert backend.commands == ["USER typed", "PASS typed password", f"CWD {folder}"]
        assert made.say("PWD")[0] == 257


@pytest.mark.parametrize("user", ["other", "../etc"])
def test_a_login_whose_directory_cannot_be_entered_is_none(gate, greeted, backend, user):
    """530, and the backend's session that was logged in is not used any more."""
    backend.folders = {"/home/typed"}
    made = greeted("at-home")
    assert made.say(f"USER {user}")[0] == 331
    connections = len(backend.connections)
    assert made.say("PASS x")[0] == 530
    assert gate.wait_for("login", session=ftp_wire.session_of(gate, made), code=530)["detail"]
    assert not [command for command in backend.commands if ".." in command and command.startswith("CWD")]
    assert made.say("PWD")[0] == 530
    made.login(backend, protect=False)
    assert made.say("PWD")[0] == 257
    assert len(backend.connections) == connections + 1


def test_a_command_has_a_limit(gate, logged_in, backend):
    """F13: one that is as long as may be passes, one that is longer ends the session."""
    made = logged_in("usual")
    longest = "CWD " + "x" * (COMMAND_MAX - 4)
    assert made.say(longest)[0] == 550
    assert backend.commands == [longest]
    made.send(longest + "x" * COMMAND_MAX)
    assert made.reply()[0] == 500
    reset_of(made)
    assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))["reason"] == "too-long"


def test_a_command_that_never_ends_has_one_too(gate, greeted):
    made = greeted("usual")
    made.socket.sendall(b"x" * 3 * COMMAND_MAX)
    assert made.reply()[0] == 500
    assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))["reason"] == "too-long"


def test_every_command_is_said_here():
    """Whoever adds a row of another kind says in SAID what becomes of it."""
    assert {verb for _, verb in command_table()} == {*SAID, *TRANSFERS, *REFUSED, *PASSED}
    assert len(command_table()) == len(SAID) + len(TRANSFERS) + len(REFUSED) + len(PASSED)


@pytest.mark.parametrize("verb", sorted(PASSED))
def test_commands_that_pass_arrive_byte_for_byte(logged_in, backend, verb):
    """F8: and their replies too."""
    made = logged_in("usual")
    for line in (verb.capitalize() + ODD, verb):
        backend.forget()
        backend.replies[verb] = f"250-{ODD}\r\n {verb}\r\n250 {ODD}"
        assert made.say(line) == (250, backend.replies[verb].replace("\r", ""))
        assert backend.said(f"(?i){verb}.*") == [line]


@pytest.mark.parametrize("verb", sorted(REFUSED))
def test_commands_that_are_refused_never_arrive(logged_in, backend, verb):
    made = logged_in("usual")
    for line in (verb, verb.lower() + ODD):
        code, text = made.say(line)
        assert code in (502, 503) and "quotes" not in text
    assert backend.commands == []


@pytest.mark.parametrize("said, arrives, code", [row for rows in SAID.values() for row in rows], ids=lambda value: str(value)[:20])
def test_commands_that_are_looked_at(logged_in, backend, said, arrives, code):
    made = logged_in("usual")
    assert made.say(said)[0] == code
    assert backend.commands == arrives


@pytest.mark.parametrize("verb", sorted(TRANSFERS))
def test_transfer_commands_arrive_byte_for_byte(logged_in, backend, verb):
    backend.files = {ODD[1:]: b"content"}
    made = logged_in("usual")
    data = made.open_data(verb + ODD)
    if verb in ("STOR", "APPE", "STOU"):
        ftp_wire.say_end(data)
    else:
        assert b"content" in ftp_wire.receive_all(data) or verb != "RETR"
    assert made.reply()[0] == 226
    assert backend.commands == ["EPSV", verb + ODD]


@pytest.mark.parametrize("length, passes", [(REPLY_LINE_MAX - 2, True), (REPLY_LINE_MAX, False)])
def test_a_line_of_a_reply_has_a_limit(gate, logged_in, backend, length, passes):
    """F13."""
    made = logged_in("usual")
    backend.replies["HELP"] = "214 " + "x" * (length - 4)
    code, text = made.say("HELP")
    if passes:
        assert (code, len(text)) == (214, length)
    else:
        assert code == 421
        assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))["reason"] == "backend-protocol"


def test_replies_of_many_lines_come_whole(logged_in, backend):
    """F13, RFC 959 4.2: lines in between look like anything."""
    made = logged_in("usual")
    assert made.say("STAT /") == (213, "213-Status\n214 not the end\n 213 nor this\n213-nor this\n\n213 End")


def test_a_reply_of_many_lines_has_no_limit(logged_in, backend):
    """F13: the listing of a folder with ten thousand files."""
    listing = "\r\n".join(f" -rw-r--r-- 1 acme acme 4711 Nov 22 12:00 file-{i}" for i in range(10_000))
    made = logged_in("usual")
    backend.replies["STAT"] = f"213-Status\r\n{listing}\r\n213 End"
    assert made.say("STAT /") == (213, backend.replies["STAT"].replace("\r", ""))
    assert made.say("NOOP")[0] == 200


def test_thirty_two_commands_may_wait(logged_in, backend):
    """F11: and each is answered in its turn."""
    made = logged_in("usual")
    made.send("\r\n".join(f"CWD {i}" for i in range(WAITING_MAX)))
    assert [made.reply()[0] for _ in range(WAITING_MAX)] == [550] * WAITING_MAX
    assert backend.commands == [f"CWD {i}" for i in range(WAITING_MAX)]


@pytest.mark.parametrize("listener", ["usual", "explicit"])
@pytest.mark.parametrize("verb", ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PRI"])
def test_http_ends_the_session_and_is_no_echo(gate, greeted, backend, listener, verb):
    """F19, ALPACA."""
    made = greeted(listener)
    made.send(f"{verb} /<script>evil</script> HTTP/1.1\r\nHost: <script>\r\n")
    code, text = made.reply()
    assert code == 421 and "script" not in text and verb not in text
    reset_of(made)
    assert backend.commands == []
    assert gate.wait_for("session-end", session=ftp_wire.session_of(gate, made))["reason"] == "bad-request"


@pytest.mark.parametrize("listener", ["usual", "explicit"])
def test_five_unknown_commands_end_the_session_and_are_no_echo(greeted, backend, listener):
    """F19."""
    made = greeted(listener)
    for code in (500, 500, 500, 500, 421):
        answered, text = made.say("<evil> x")
        assert answered == code and "evil" not in text
    reset_of(made)
    assert backend.commands == []


@pytest.mark.parametrize("command", [
    "PROT evil", "MODE evil", "STRU evil", "EPSV evil", "PORT evil", "EPRT evil", "AUTH evil", "PBSZ evil", "HOST evil",
    "USER evil", "STAT", "ACCT", "CCC evil", "MIC evil", "evil evil", "ABOR evil", "LPRT evil",
])
def test_replies_of_our_own_never_echo(logged_in, command):
    """F19."""
    assert "evil" not in logged_in("usual").say(command)[1]


@pytest.mark.parametrize("command", ["APPE file", "STOU", "STOR new"])
def test_uploads_of_every_kind(logged_in, backend, command):
    backend.files = {"file": b"begin "}
    made = logged_in("usual")
    if command.startswith("STOR"):
        backend.files["new"] = b"begin and more"
        assert made.say("REST 6")[0] == 350
    data = made.open_data(command)
    data.sendall(b"end")
    ftp_wire.say_end(data)
    assert made.reply()[0] == 226
    name, content = {"APPE file": ("file", b"begin end"), "STOU": ("unique", b"end"), "STOR new": ("new", b"begin end")}[command]
    assert backend.files[name] == content


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
def test_listings_of_every_kind(logged_in, backend, verb):
    backend.files = {"file": b""}
    made = logged_in("usual")
    assert ftp_wire.receive_all(made.open_data(verb)) == b"file\r\n"
    assert made.reply()[0] == 226


@pytest.mark.parametrize("client, missing, used", [("EPSV", "EPSV", "PASV"), ("PASV", "PASV", "EPSV")])
def test_set_ups_are_translated(logged_in, backend, client, missing, used):
    """F9: when the backend lacks one; and the address that it names is not used."""
    backend.files = {"file": b"content"}
    made = logged_in("usual")
    backend.unknown = {missing}
    plain = made.connect_data(made.passive(client))
    made.send("RETR file")
    assert ftp_wire.receive_all(made.wrap_data(plain)) == b"content"
    assert made.final_code() == 226
    assert backend.said("EPSV|PASV") == [missing, used]
