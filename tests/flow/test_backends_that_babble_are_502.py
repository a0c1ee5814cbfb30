"""H1, H2, H10: what a backend says is held to the same rules as what clients say: a client never gets an answer that two
readers could take for two, and one that turns out to be wrong in its body is seen as cut."""

import clients
import ftp_wire
import http_wire
import pytest
import tls_wire

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

HEADS = [
    ("two lengths", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n" + BODY),
    ("length and coding", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + BODY),
    ("a signed length", OK + b"Content-Length: +5\r\n" + BODY),
    ("a huge length", OK + b"Content-Length: 99999999999999999999\r\n" + BODY),
    ("an unknown coding", OK + b"Transfer-Encoding: gzip\r\n" + BODY),
    ("chunked not last", OK + b"Transfer-Encoding: chunked, gzip\r\n" + BODY),
    ("a coding in 1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a folded line", OK + b"X-A: b\r\n c\r\n" + BODY),
    ("a bare LF", OK + b"X-A: b\nContent-Length: 5\r\n" + BODY),
    ("a bare CR", OK + b"X-A: b\rc\r\n" + BODY),
    ("a space before the colon", OK + b"X-A : b\r\n" + BODY),
    ("NUL", OK + b"X-A: b\0c\r\n" + BODY),
    ("no status line", b"hello\r\n\r\n"),
    ("HTTP/2", b"HTTP/2 200\r\n\r\n"),
    ("status 99", b"HTTP/1.1 099 OK\r\n\r\n"),
    ("status 600", b"HTTP/1.1 600 OK\r\n\r\n"),
    ("an upgrade", b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"),
    ("an empty line", b"\r\n" + OK + BODY),
    ("a head above 64 KB", OK + b"X-A: " + b"b" * 66_000 + b"\r\n" + BODY),
    ("too many fields", OK + b"X-A: b\r\n" * 129 + BODY),
]
BODIES = [
    ("no size", b"\r\nhello"),
    ("a signed size", b"+1\r\nx\r\n0\r\n\r\n"),
    ("a size of 2^64", b"10000000000000000\r\n"),
    ("a longer chunk", b"1\r\nxy\r\n0\r\n\r\n"),
    ("a bad trailer", b"1\r\nx\r\n0\r\nX-A b\r\n\r\n"),
    ("a LF", b"1\nx\n0\n\n"),
]
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"


class Babbler(http_wire.Recorder):
    def __init__(self):
        super().__init__(lambda seen, _: seen.socket.sendall(self.words))
        self.words = b""


@pytest.fixture(scope="module")
def babbler():
    made = Babbler()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, babbler):
    with gate_running(lambda configuration: configuration.listener("web", "https", babbler.port)) as gate:
        yield gate


@pytest.fixture
def ask(gate, pki, babbler):
    """The backend will say these words to one request."""
    made = []

    def ask_once(words, version="1.1"):
        babbler.words = words
        made.append(tls_wire.Conversation(clients.client_context(pki), gate.ports))
        made[-1].send(f"GET /as2 HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        return made[-1]

    yield ask_once
    for one in made:
        one.close()


@pytest.mark.parametrize("words", [row[1] for row in HEADS], ids=[row[0] for row in HEADS])
def test_a_wrong_head_is_502(ask, babbler, words):
    before = len(babbler.connections)
    assert ask(words).receive_all() == http_wire.own_answer(502)
    assert babbler.until_ended(before)[0].end == "rst"


@pytest.mark.parametrize("words", [row[1] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_wrong_body_is_cut(ask, words):
    with pytest.raises(ftp_wire.CUT):
        ask(CHUNKED + b"3\r\nabc\r\n" + words).receive_all()


def test_eight_interim_answers_are_relayed_and_the_ninth_is_too_many(ask):
    answer = OK + b"Content-Length: 2\r\nConnection: close\r\n\r\nok"
    assert ask(INTERIM * 8 + answer).receive_all() == INTERIM * 8 + answer
    assert ask(INTERIM * 9 + answer).receive_all() == INTERIM * 8 + http_wire.own_answer(502)


def test_an_old_client_gets_neither_interim_answers_nor_chunks(ask, babbler):
    before = len(babbler.connections)
    answer = OK + b"Content-Length: 2\r\n\r\nok"
    assert ask(INTERIM * 2 + answer, "1.0").receive_all() == http_wire.CLOSED
    expected = b"GET /as2 HTTP/1.0\r\nHost: a\r\n" + http_wire.forwarded() + b"Connection: close\r\n\r\n"
    assert babbler.connections[before].data == expected
    assert ask(CHUNKED + b"0\r\n\r\n", "1.0").receive_all() == http_wire.own_answer(502)


def test_bytes_behind_an_answer_are_nobodys(ask, babbler):
    """A second answer that no request asked for would be the next one's."""
    answer = OK + b"Content-Length: 2\r\n\r\nok"
    evil = OK + b"Content-Length: 4\r\n\r\nevil"
    assert ask(answer + evil).receive_all() == answer
    # The same when it comes later.
    conversation = ask(answer)
    assert conversation.receive() == answer
    babbler.connections[-1].socket.sendall(evil)
    assert conversation.receive_all() == b""


@pytest.mark.parametrize("status, fields", [(204, b""), (304, b"Content-Length: 5\r\n")])
def test_204_and_304_have_no_body(ask, status, fields):
    words = b"HTTP/1.1 %d No\r\nContent-Length: 5\r\n\r\nhello" % status
    assert ask(words).receive_all() == b"HTTP/1.1 %d No\r\n%s\r\n" % (status, fields)
