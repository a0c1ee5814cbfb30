"""H1, H2, H3, H10: hostile requests, each with the exact bytes of its answer and with what the backend saw of it:
nothing; nothing complete, on a connection that was then reset; or, where a request is only odd, exactly what we
made of it."""

import clients
import http_wire
import pytest
import tls_wire

NOTHING, NOTHING_WHOLE = "nothing", "nothing whole"
P, A = "POST /as2 HTTP/1.1\r\n", "Host: a\r\n"
POST, CHUNKED = P + A, P + A + "Transfer-Encoding: chunked\r\n\r\n"


def get(target, method="GET", fields=A):
    return f"{method} {target} HTTP/1.1\r\n{fields}\r\n"


def post(fields, body="hello"):
    return f"{POST}{fields}\r\n\r\n{body}"


def coding(value, fields=""):
    return post(f"{fields}Transfer-Encoding:{value}", "0\r\n\r\n")


# Smuggling: two readings of where a message ends.
FRAMING = [
    ("length, then coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400),
    ("coding, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), 400),
    ("two lengths", post("Content-Length: 5\r\nContent-Length: 6"), 400),
    ("the same length twice", post("Content-Length: 5\r\nContent-Length: 5"), 400),
    ("a list of lengths", post("Content-Length: 5, 5"), 400),
    ("a positive length", post("Content-Length: +5"), 400),
    ("a negative length", post("Content-Length: -5"), 400),
    ("a hexadecimal length", post("Content-Length: 0x5"), 400),
    ("a length in two words", post("Content-Length: 5 5"), 400),
    ("a fractional length", post("Content-Length: 5.0"), 400),
    ("an empty length", post("Content-Length:"), 400),
    ("a length of 2^63", post("Content-Length: 9223372036854775808"), 400),
    ("a length of 2^64 + 5", post("Content-Length: 18446744073709551621"), 400),
    ("a length with another mark", post("Content_Length: 5"), 400),
    ("a coding with another mark", post("Transfer_Encoding: chunked", "0\r\n\r\n"), 400),
    ("a length with a space behind its name", post("Content-Length : 5"), 400),
    ("a length in a folded line", post("X-A: b\r\n Content-Length: 5"), 400),
    ("a length behind a bare CR", post("X-A: b\rContent-Length: 5"), 400),
    ("a length behind a bare LF", post("X-A: b\nContent-Length: 5"), 400),
    ("chunked twice", coding(" chunked, chunked"), 400),
    ("chunked not last", coding(" chunked, identity"), 400),
    ("two codings", coding(" chunked", "Transfer-Encoding: identity\r\n"), 400),
    ("no coding", coding(""), 400),
    ("a coding in quotes", coding(' "chunked"'), 400),
    ("a coding with a parameter", coding(" chunked;q=1"), 400),
    ("a coding behind a vertical tab", coding(" \x0bchunked"), 400),
    ("a coding with NUL", coding(" chunked\0"), 400),
    ("a coding in 1.0", coding(" chunked").replace("1.1", "1.0"), 400),
    ("an unknown coding", coding(" xchunked"), 501),
    ("identity", coding(" identity"), 501),
    ("gzip", coding(" gzip, chunked"), 501),
]

LINES = [
    ("no version", "GET /as2\r\n\r\n", 400),
    ("a version in lower case", "GET / http/1.1\r\n" + A + "\r\n", 400),
    ("a version without a dot", "GET / HTTP/11\r\n" + A + "\r\n", 400),
    ("version 1.2", "GET / HTTP/1.2\r\n" + A + "\r\n", 505),
    ("version 0.9", "GET / HTTP/0.9\r\n" + A + "\r\n", 505),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("a blank behind the version", "GET / HTTP/1.1 \r\n" + A + "\r\n", 400),
    ("two blanks", "GET  / HTTP/1.1\r\n" + A + "\r\n", 400),
    ("a tab", "GET\t/ HTTP/1.1\r\n" + A + "\r\n", 400),
    ("a blank in front", " GET / HTTP/1.1\r\n" + A + "\r\n", 400),
    ("two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\n" + A + "\r\n", 400),
    ("a LF in front", "\nGET / HTTP/1.1\r\n" + A + "\r\n", 400),
    ("a method that is no token", get("/", "GE(T"), 400),
    ("a method without end", get("/", "X" * 33), 400),
    ("CONNECT", get("a:443", "CONNECT"), 405),
    ("another protocol", "EHLO partner.example\r\n", 400),
    ("TLS inside of TLS", "\x16\x03\x01\x02\x00\r\n", 400),
    ("a folded first field", "GET / HTTP/1.1\r\n X-A: b\r\n" + A + "\r\n", 400),
    ("a folded line", get("/", fields=A + "X-A: b\r\n\tc\r\n"), 400),
    ("a line without colon", get("/", fields=A + "X-A b\r\n"), 400),
    ("a name that is empty", get("/", fields=A + ": b\r\n"), 400),
    ("a name that is no token", get("/", fields=A + "X[A]: b\r\n"), 400),
    ("a name with NUL", get("/", fields=A + "X\0A: b\r\n"), 400),
    ("a name in UTF-8", get("/", fields=A + "X-\xc3\x84: b\r\n"), 400),
    ("a value with NUL", get("/", fields=A + "X-A: b\0c\r\n"), 400),
    ("a value with DEL", get("/", fields=A + "X-A: b\x7f\r\n"), 400),
    ("too many fields", get("/", fields=A + "X-A: b\r\n" * 128), 431),
    ("a field above 64 KB", get("/", fields=A + "X-A: " + "b" * 66_000 + "\r\n"), 431),
    ("a target above 64 KB", get("/" + "b" * 66_000), 431),
    ("33 names in Connection", get("/", fields=A + "Connection: " + ", ".join(f"x{i}" for i in range(33)) + "\r\n"), 400),
    ("another expectation", post("Content-Length: 5\r\nExpect: 200-ok"), 417),
    ("two expectations", post("Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue"), 417),
]

TARGETS = [(f"target {target}", get(target), 400) for target in
           ("/..", "/../as2", "/a/./b", "/%2e%2e/as2", "/a/.%2E/b", "/a/..;x/b", "/.;/b", "//as2", "/a//b", "/a%2Fb", "/a%5Cb",
            "/a\\b", "/a%00", "/a#b", "/a?b#c", "/%", "/%2", "/%zz", "/\x80", "as2", "*", "a:443", "http:///as2",
            "ftp://a/as2", "http://b/as2", "http://u@a/as2", "http://a:1/as2")]
HOSTS = [(f"host {fields!r}", get("/", fields=fields), 400) for fields in
         ("", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n", "Host:\r\n", "Host: a, b\r\n", "Host: a b\r\n", "Host: a/b\r\n",
          "Host: u@a\r\n", "Host: a:99999\r\n", "Host: a:\x2b80\r\n", "Host: [::1\r\n", "Host: a?b\r\n")]

# The head goes on at once (H3), then the body turns out to be wrong.
CHUNKS = [(f"chunk {name}", CHUNKED + body, 400) for name, body in (
    ("without a size", "\r\nhello\r\n0\r\n\r\n"), ("of size -1", "-1\r\n"), ("of size +1", "+1\r\nx\r\n0\r\n\r\n"),
    ("of size 0x1", "0x1\r\nx\r\n0\r\n\r\n"), ("of size 1_0", "1_0\r\n"), ("of size 2^63", "8000000000000000\r\n"),
    ("of size 2^64 + 1", "10000000000000001\r\nx\r\n0\r\n\r\n"), ("with 17 digits", "00000000000000001\r\nx\r\n0\r\n\r\n"),
    ("behind a blank", " 1\r\nx\r\n0\r\n\r\n"), ("with a blank", "1 \r\nx\r\n0\r\n\r\n"), ("that ends in LF", "1\nx\n0\n\n"),
    ("that ends in CR", "1\rx\r0\r\r"), ("longer than it says", "1\r\nxy\r\n0\r\n\r\n"),
    ("with CR LF replaced", "1\r\nx\n\n0\r\n\r\n"), ("with NUL", "1;\0\r\nx\r\n0\r\n\r\n"),
    ("with a long extension", "1;" + "x" * 300 + "\r\nx\r\n0\r\n\r\n"), ("with a folded extension", "1;a\r\n b\r\nx\r\n0\r\n\r\n"),
    ("with many extensions", ("1;" + "x" * 200 + "\r\nx\r\n") * 100 + "0\r\n\r\n"),
    ("with a bad trailer", "1\r\nx\r\n0\r\nX-A b\r\n\r\n"), ("with a folded trailer", "1\r\nx\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    ("with endless trailers", "1\r\nx\r\n0\r\n" + "X-A: b\r\n" * 3000 + "\r\n"),
    ("with a trailer that ends in LF", "1\r\nx\r\n0\r\nX-A: b\n\r\n"))]
REFUSED = [(*row, NOTHING) for row in FRAMING + LINES + TARGETS + HOSTS] + [(*row, NOTHING_WHOLE) for row in CHUNKS]

F = http_wire.forwarded()
# Odd, but with one meaning only: what the backend is told instead.
TAMED = [
    ("an empty line in front", "\r\n" + get("/a"), b"GET /a HTTP/1.1\r\nHost: a\r\n" + F + b"\r\n"),
    ("an unknown method", get("/a", "get"), b"get /a HTTP/1.1\r\nHost: a\r\n" + F + b"\r\n"),
    ("an upgrade", get("/a", fields=A + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
     b"GET /a HTTP/1.1\r\nHost: a\r\n" + F + b"\r\n"),
    ("a length that is to be removed", get("/a", fields=A + "Connection: Content-Length, Host\r\nContent-Length: 0\r\n"),
     b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + F + b"\r\n"),
    ("fields for one hop", get("/a", fields=A + "TE: trailers\r\nTrailer: X\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n"),
     b"GET /a HTTP/1.1\r\nHost: a\r\n" + F + b"\r\n"),
    ("a target with a host", get("http://a/a%20b?c//../d"), b"GET /a%20b?c//../d HTTP/1.1\r\nHost: a\r\n" + F + b"\r\n"),
    ("a length with zeros", get("/a", fields=A + "Content-Length: 0000\r\n"),
     b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + F + b"\r\n"),
    ("a head of 60 KB", get("/a", fields=A + "AS2-From: A\r\nX-A: " + "b" * 60_000 + "\r\n"),
     b"GET /a HTTP/1.1\r\nHost: a\r\nAS2-From: A\r\nX-A: " + b"b" * 60_000 + b"\r\n" + F + b"\r\n"),
    ("64 fields", get("/a", fields=A + "X-A: b\r\n" * 64), b"GET /a HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 64 + F + b"\r\n"),
]


@pytest.fixture(scope="module")
def recorder():
    made = http_wire.Recorder()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(gate_running, recorder):
    def prepare(configuration):
        def listen(alias, port, **options):
            return configuration.listener(alias, "https", port, **options)

        route = {"path": "/as2", "backend": f"127.0.0.1:{recorder.port}", "methods": ["POST"], "max_body": "4"}
        return {"web": listen("web", recorder.port),
                "hasty": listen("hasty", recorder.port, head_timeout="400ms", idle_timeout="600ms"),
                "bounded": listen("bounded", None, routes=[route])}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture(scope="module")
def converse(gate, pki):
    made = []

    def begin(listener="web"):
        made.append(tls_wire.Conversation(clients.client_context(pki), gate.ports[listener]))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def saw_nothing_whole(recorder, before):
    """A part of the request at most, and then a reset."""
    for seen in recorder.until_ended(before):
        assert seen.end == "rst", seen.data
        assert not seen.data.endswith(b"0\r\n\r\n"), seen.data


@pytest.mark.parametrize("request_text, code, backend", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(converse, recorder, request_text, code, backend):
    before = len(recorder.connections)
    conversation = converse()
    # A second request behind the first is nobody's.
    conversation.send(request_text.encode("latin-1") + b"\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n")
    assert conversation.receive_all() == http_wire.own_answer(code)
    if backend == NOTHING:
        assert len(recorder.connections) == before
    else:
        saw_nothing_whole(recorder, before)


def test_the_table_is_long_enough():
    assert len(REFUSED) >= 60 and len({row[1] for row in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize("request_text, seen", [row[1:] for row in TAMED], ids=[row[0] for row in TAMED])
def test_tamed(converse, recorder, request_text, seen):
    before = len(recorder.connections)
    conversation = converse()
    conversation.send(request_text.encode("latin-1"))
    assert conversation.receive() == http_wire.OK
    assert [one.data for one in recorder.connections[before:]] == [seen]


def test_behind_a_good_request_the_bad_one_is_refused(converse, recorder):
    before = len(recorder.connections)
    conversation = converse()
    conversation.send((get("/a") + post("Content-Length: 5\r\nContent-Length: 6")).encode())
    assert conversation.receive_all() == http_wire.OK + http_wire.own_answer(400)
    (seen,) = recorder.until_ended(before)
    assert (seen.data, seen.end) == (b"GET /a HTTP/1.1\r\nHost: a\r\n" + F + b"\r\n", "fin")


def test_a_large_body_behind_a_refused_head_does_not_hide_the_answer(converse):
    conversation = converse()
    conversation.send(post("Content-Length: 3000000\r\nContent-Length: 3000001", "x" * 3_000_000).encode())
    assert conversation.receive_all() == http_wire.own_answer(400)


@pytest.mark.parametrize("text", [get("/a", fields=A + "X-A: "), post("Content-Length: 6"), CHUNKED + "6\r\nhello",
                                  CHUNKED + "0\r\n"], ids=["head", "length", "chunk", "trailers"])
@pytest.mark.parametrize("end", ["close_notify", "fin", "rst"])
def test_an_early_end_is_no_request(converse, recorder, gate, text, end):
    before = len(recorder.connections)
    conversation = converse()
    text = text.rstrip("\r\n") + "\r\n" if text.endswith("X-A: \r\n\r\n") else text
    conversation.send(text.encode())
    {"close_notify": conversation.say_end, "fin": conversation.cut, "rst": conversation.reset}[end]()
    if end == "close_notify":
        assert conversation.receive_all() == http_wire.own_answer(400)
    saw_nothing_whole(recorder, before)


def test_half_a_head_is_408(converse, recorder):
    before = len(recorder.connections)
    conversation = converse("hasty")
    conversation.send(b"POST /as2 HTTP/1.1\r\nHost: a\r\nX-")
    assert conversation.receive_all() == http_wire.own_answer(408)
    assert len(recorder.connections) == before


def test_no_head_is_no_answer(converse):
    assert converse("hasty").receive_all() == b""


def test_a_body_that_stands_still_is_408(converse, recorder):
    before = len(recorder.connections)
    conversation = converse("hasty")
    conversation.send(post("Content-Length: 6").encode())
    assert conversation.receive_all() == http_wire.own_answer(408)
    saw_nothing_whole(recorder, before)


@pytest.mark.parametrize("fields, body", [("Content-Length: 5", "hello"), ("Content-Length: 5\r\nExpect: 100-continue", ""),
                                          ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
                                          ("Transfer-Encoding: chunked", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
                                          ("Content-Length: 9223372036854775807", "")])
def test_a_body_above_max_body_is_413(converse, recorder, fields, body):
    before = len(recorder.connections)
    conversation = converse("bounded")
    conversation.send(post(fields, body).encode())
    assert conversation.receive_all() == http_wire.own_answer(413)
    if "chunked" not in fields:
        assert len(recorder.connections) == before
    saw_nothing_whole(recorder, before)


@pytest.mark.parametrize("text, code, fields", [(get("/as2"), 405, "Allow: POST\r\n"), (get("/as2", "TRACE"), 405, "Allow: POST\r\n"),
                                                (get("/as2", "post"), 405, "Allow: POST\r\n"), (get("/as3"), 404, None),
                                                (get("/as2x"), 404, None), (get("*", "OPTIONS"), 404, None),
                                                (get("a:443", "CONNECT"), 405, None)])
def test_what_no_route_takes_is_refused(converse, recorder, text, code, fields):
    before = len(recorder.connections)
    conversation = converse("bounded")
    conversation.send(text.encode())
    assert conversation.receive_all() == http_wire.own_answer(code, fields)
    assert len(recorder.connections) == before
