"""H4, H5, H11: a backend that dies in each phase of a request, in order or with a reset: the client gets the right
thing, an answer that is not whole is seen as cut, and nothing is ever sent twice."""

import select
import socket
import threading

import clients
import ftp_wire
import http_wire
import pytest
import tls_wire
import waiting

POST = b"POST /as2 HTTP/1.1\r\nHost: a\r\n"
WHOLE = POST + b"Content-Length: 5\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH, CHUNKED = OK + b"Content-Length: 9\r\n\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
HOW = ("fin", "rst")

# What the client has sent when the backend dies without a word.
REQUESTS = [
    ("behind the head", POST + b"Content-Length: 5\r\n\r\n"),
    ("in a body", POST + b"Content-Length: 4000000\r\n\r\n" + b"x" * 1_000_000),
    ("in a chunk", POST + b"Transfer-Encoding: chunked\r\n\r\n3d0900\r\n" + b"x" * 1_000_000),
    ("behind the request", WHOLE),
]
# What it says before it dies, as the last bytes that reach the client.
ANSWERS = [
    ("in the status line", b"HTTP/1.1 20"),
    ("in the head", OK + b"Content-Le"),
    ("behind an interim answer", INTERIM),
]
CUT_ANSWERS = [
    ("in front of a length", LENGTH),
    ("in a length", LENGTH + b"half"),
    ("in front of a chunk", CHUNKED),
    ("in a chunk", CHUNKED + b"9\r\nhalf"),
    ("between chunks", CHUNKED + b"4\r\nhalf\r\n"),
    ("in the last chunk", CHUNKED + b"4\r\nhalf\r\n0\r\n"),
]


class Mortal(http_wire.Recorder):
    """Says its words when it has seen so many bytes, and dies when it is told to."""

    def __init__(self):
        super().__init__(self.speak)
        self.will(0, b"")

    def will(self, after, words):
        self.after, self.words, self.said, self.before = after, words, threading.Event(), len(self.connections)

    def speak(self, seen, _):
        # What p11gate adds to a request is more than nothing.
        if len(seen.data) >= self.after and not self.said.is_set():
            seen.socket.sendall(self.words)
            self.said.set()

    def die(self, how):
        assert self.said.wait(waiting.PATIENCE_S)
        seen = self.only
        if how == "rst":
            ftp_wire.linger_zero(seen.socket)
        seen.socket.shutdown(socket.SHUT_RDWR if how == "fin" else socket.SHUT_RD)
        seen.socket.close()

    @property
    def only(self):
        """The one connection since will()."""
        (seen,) = self.connections[self.before:]
        return seen


@pytest.fixture(scope="module")
def mortal():
    made = Mortal()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def unaccepting():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture(scope="module")
def gate(gate_running, mortal, unaccepting):
    def prepare(configuration):
        return {alias: configuration.listener(alias, "https", port) for alias, port in
                (("mortal", mortal.port), ("unaccepting", unaccepting.getsockname()[1]), ("dead", 1))}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def converse(gate, pki):
    made = []

    def begin(listener="mortal"):
        made.append(tls_wire.Conversation(clients.client_context(pki), gate.ports[listener]))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def begin(converse, mortal, words, request=WHOLE):
    """The backend will say the words when it has seen the request, and wait for its death."""
    mortal.will(len(request), words)
    conversation = converse()
    conversation.send(request)
    return conversation


def receive_exactly(conversation, expected):
    got = b""
    while len(got) < len(expected):
        got += conversation.receive() or pytest.fail(f"it ended behind {got}")
    assert got == expected


def sent_once(mortal):
    """Long after the client knows how it ended."""
    assert mortal.only.data.count(b"POST /as2 HTTP/1.1\r\n") == 1


def test_before_it_listens(converse):
    conversation = converse("dead")
    conversation.send(WHOLE)
    assert conversation.receive_all() == http_wire.own_answer(503)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("request_bytes", [row[1] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_without_a_word(converse, mortal, request_bytes, how):
    conversation = begin(converse, mortal, b"", request_bytes)
    mortal.die(how)
    assert conversation.receive_all() == http_wire.own_answer(502)
    sent_once(mortal)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("words", [row[1] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_before_its_answer_has_begun(converse, mortal, words, how):
    conversation = begin(converse, mortal, words)
    if words == INTERIM:
        receive_exactly(conversation, INTERIM)
    mortal.die(how)
    assert conversation.receive_all() == http_wire.own_answer(502)
    sent_once(mortal)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("words", [row[1] for row in CUT_ANSWERS], ids=[row[0] for row in CUT_ANSWERS])
def test_inside_its_answer(converse, mortal, words, how):
    conversation = begin(converse, mortal, words)
    receive_exactly(conversation, words)
    mortal.die(how)
    with pytest.raises(ftp_wire.CUT):
        conversation.receive_all()
    sent_once(mortal)


def test_an_answer_without_a_length_is_whole_at_its_end_only(converse, mortal):
    for how in HOW:
        conversation = begin(converse, mortal, OK + b"\r\nall of it")
        receive_exactly(conversation, OK + b"Connection: close\r\n\r\nall of it")
        mortal.die(how)
        if how == "fin":
            assert conversation.receive_all() == b""
        else:
            with pytest.raises(ftp_wire.CUT):
                conversation.receive_all()
        sent_once(mortal)


@pytest.mark.parametrize("how", HOW)
def test_behind_a_whole_answer(converse, mortal, how):
    """The client sees the end that it would see without us, and may send its next request elsewhere."""
    conversation = begin(converse, mortal, LENGTH + b"all of it")
    receive_exactly(conversation, LENGTH + b"all of it")
    mortal.die(how)
    assert conversation.receive_all() == b""
    sent_once(mortal)


def test_an_early_answer_arrives(converse, mortal):
    """It answers before it has read everything; what would be left of the request is cut for it."""
    early = b"HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno"
    mortal.will(1000, early)
    conversation = converse()
    conversation.send(POST + b"Content-Length: 4000000\r\n\r\n" + b"x" * 100_000)
    receive_exactly(conversation, early.replace(b"2\r\n", b"2\r\nConnection: close\r\n"))
    # Lingering close: who still sends can do so until it has read.
    conversation.send(b"x" * 100_000)
    assert conversation.receive_all() == b""
    assert mortal.until_ended(mortal.before)[0].end == "rst"
    sent_once(mortal)


def test_before_it_accepts(converse, unaccepting):
    """The kernel has taken the connection, the server never does; who is told first decides whether it was reached. The
    last test: it closes the listening socket."""
    conversation = converse("unaccepting")
    conversation.send(WHOLE)
    assert select.select([unaccepting], [], [], waiting.PATIENCE_S)[0]
    unaccepting.close()
    assert conversation.receive_all() in (http_wire.own_answer(502), http_wire.own_answer(503))
