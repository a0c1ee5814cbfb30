"""H1, H2, H10: what two servers could read in two ways never reaches the backend."""

import clients
import pytest
import tls_wire

GOOD = "POST /as2 HTTP/1.1\r\nHost: a\r\n"
REQUESTS = [
    ("length and coding", GOOD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", GOOD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400),
    ("a signed length", GOOD + "Content-Length: +5\r\n\r\nhello", 400),
    ("a huge length", GOOD + "Content-Length: 99999999999999999999\r\n\r\n", 400),
    ("chunked not last", GOOD + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    ("an unknown coding", GOOD + "Transfer-Encoding: frob, chunked\r\n\r\n0\r\n\r\n", 501),
    ("coding in 1.0", "POST /as2 HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a folded line", GOOD + "X-A: b\r\n c\r\n\r\n", 400),
    ("a bare LF", GOOD + "X-A: b\nX-B: c\r\n\r\n", 400),
    ("a bare CR", GOOD + "X-A: b\rc\r\n\r\n", 400),
    ("a space before the colon", GOOD + "X-A : b\r\n\r\n", 400),
    ("no host", "GET /as2 HTTP/1.1\r\n\r\n", 400),
    ("two hosts", GOOD + "Host: b\r\n\r\n", 400),
    ("a control character", GOOD + "X-A: b\x01\r\n\r\n", 400),
    ("no version", "GET /as2\r\n\r\n", 400),
    ("dots", "GET /a/../as2 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("an encoded slash", "GET /a%2Fas2 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a bad chunk size", GOOD + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400),
    ("an overflowing chunk size", GOOD + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    ("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
]


@pytest.fixture(scope="module")
def gate(gate_running, web_for_all):
    with gate_running(lambda configuration: configuration.listener("web", "https", web_for_all.port)) as gate:
        yield gate


@pytest.fixture
def conversation(gate, pki):
    made = tls_wire.Conversation(clients.client_context(pki), gate.ports)
    yield made
    made.close()


@pytest.mark.parametrize("request_text, code", [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_refused_and_closed(conversation, web_for_all, request_text, code):
    whole = sum(record["whole"] for record in web_for_all.requests)
    conversation.send(request_text.encode("latin-1"))
    answer = conversation.receive_all()
    assert answer.startswith(b"HTTP/1.1 %d " % code), answer
    assert answer.count(b"HTTP/1.") == 1
    assert sum(record["whole"] for record in web_for_all.requests) == whole


def test_a_head_without_end_is_refused(conversation):
    conversation.send(b"GET /as2 HTTP/1.1\r\nHost: a\r\n" + b"X-Filler: " + b"x" * 70_000)
    assert conversation.receive_all().split()[1] in (b"400", b"431")


def test_pipelined_requests_are_answered_in_order(conversation, web_for_all):
    before = len(web_for_all.requests)
    one = "POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n{}\r\nx"
    conversation.send((one.format("first", "") + one.format("second", "Connection: close\r\n")).encode())
    answer = conversation.receive_all()
    assert answer.count(b"HTTP/1.1 200") == 2
    assert [record["path"] for record in web_for_all.requests[before:]] == ["/first", "/second"]
