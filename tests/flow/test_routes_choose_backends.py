"""H10: the longest path wins, at the borders of raw segments; methods and sizes are each route's own; and when the next
request of a connection goes elsewhere, the old backend connection ends in order (H5)."""

import clients
import http_wire
import pytest
import tls_wire
import waiting

BACKENDS = ("listener", "as2", "mdn", "root")


def get(target, fields="", method="GET"):
    return f"{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()


@pytest.fixture(scope="module")
def recorders():
    made = {name: http_wire.Recorder() for name in BACKENDS}
    yield made
    for one in made.values():
        one.stop()


@pytest.fixture(scope="module")
def gate(gate_running, recorders):
    def prepare(configuration):
        to = {name: f"127.0.0.1:{one.port}" for name, one in recorders.items()}
        routes = [{"path": "/as2", "backend": to["as2"]}, {"path": "/as2/mdn", "backend": to["mdn"], "methods": ["POST", "PUT"]},
                  {"path": "/also", "backend": to["as2"], "max_body": "1K"}]
        return {"some": configuration.listener("some", "https", recorders["listener"].port, routes=routes),
                "all": configuration.listener("all", "https", None, routes=[*routes, {"path": "/", "backend": to["root"]}]),
                "own": configuration.listener("own", "https", recorders["listener"].port,
                                              routes=[{"path": "/as2", "max_body": "4"}, {"path": "/mdn", "backend": to["mdn"]}]),
                "dead": configuration.listener("dead", "https", recorders["listener"].port,
                                               routes=[{"path": "/as2", "backend": "127.0.0.1:1"}])}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def converse(gate, pki):
    made = []

    def begin(listener):
        made.append(tls_wire.Conversation(clients.client_context(pki), gate.ports[listener]))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def heads(recorder, before):
    return [line for seen in recorder.connections[before:] for line in seen.data.split(b"\r\n") if line.endswith(b" HTTP/1.1")]


TARGETS = [("/as2", "as2"), ("/as2/", "as2"), ("/as2?x=/as2/mdn", "as2"), ("/as2/mdns", "as2"), ("/as2/x/mdn", "as2"),
           ("/also", "as2"), ("/as2x", None), ("/as2;x", None), ("/AS2", None), ("/%61s2", None), ("/", None), ("/?/as2", None),
           ("http://a", None), ("http://a/as2", "as2"), ("/mdn/as2", None)]


@pytest.mark.parametrize("target, name", TARGETS)
@pytest.mark.parametrize("listener", ["some", "all"])
def test_the_longest_path_wins(converse, recorders, gate, listener, target, name):
    name = name or {"some": "listener", "all": "root"}[listener]
    before = {one: len(recorders[one].connections) for one in BACKENDS}
    conversation = converse(listener)
    conversation.send(get(target))
    assert conversation.receive() == http_wire.OK
    assert [one for one in BACKENDS if len(recorders[one].connections) > before[one]] == [name]
    path = target.removeprefix("http://a") or "/"
    assert heads(recorders[name], before[name]) == [f"GET {path} HTTP/1.1".encode()]
    line = gate.wait_for("request", path=target, listener=listener)
    assert line["backend"] == f"127.0.0.1:{recorders[name].port}" and line["code"] == "200"
    assert line.get("route", "/" if listener == "all" else None) == {"as2": "/also" if target == "/also" else "/as2",
                                                                     "root": "/", "listener": None}[name]


@pytest.mark.parametrize("method, code", [("POST", 200), ("PUT", 200), ("GET", 405), ("HEAD", 405), ("TRACE", 405), ("post", 405)])
def test_methods_are_the_routes_own(converse, recorders, method, code):
    before = len(recorders["mdn"].connections)
    conversation = converse("some")
    conversation.send(get("/as2/mdn/1", "Content-Length: 0\r\n", method))
    if code == 200:
        assert conversation.receive() == http_wire.OK
        return
    refused = http_wire.own_answer(405, "Allow: POST, PUT\r\n")
    assert conversation.receive_all() == (refused if method != "HEAD" else refused[:refused.index(b"\r\n\r\n") + 4])
    assert len(recorders["mdn"].connections) == before


def test_a_connection_wanders_from_route_to_route(converse, recorders):
    """Each server sees whole requests only, and its connection end in order when the next request goes elsewhere; two
    routes to the same server share one."""
    before = {one: len(recorders[one].connections) for one in BACKENDS}
    conversation = converse("all")
    way = ["/as2/1", "/also/2", "/3", "/4", "/as2/5"]
    for target in way:
        conversation.send(get(target))
        assert conversation.receive() == http_wire.OK
    assert len(recorders["as2"].connections) == before["as2"] + 2
    assert len(recorders["root"].connections) == before["root"] + 1
    first, second = recorders["as2"].connections[before["as2"]:]
    root = recorders["root"].connections[before["root"]]
    waiting.until(lambda: first.end and root.end, "the left connections to end")
    assert (first.end, root.end, second.end) == ("fin", "fin", "")
    assert heads(recorders["as2"], before["as2"]) == [b"GET %s HTTP/1.1" % way[i].encode() for i in (0, 1, 4)]
    assert heads(recorders["root"], before["root"]) == [b"GET %s HTTP/1.1" % way[i].encode() for i in (2, 3)]


def test_pipelined_requests_wander_in_order(converse, recorders):
    before = {one: len(recorders[one].connections) for one in BACKENDS}
    conversation = converse("all")
    conversation.send(get("/as2/1") + get("/2") + get("/as2/3", "Connection: close\r\n"))
    assert conversation.receive_all() == http_wire.OK * 2 + http_wire.CLOSED
    assert heads(recorders["as2"], before["as2"]) == [b"GET /as2/1 HTTP/1.1", b"GET /as2/3 HTTP/1.1"]
    assert heads(recorders["root"], before["root"]) == [b"GET /2 HTTP/1.1"]


def test_a_route_without_servers_is_the_listeners(converse, recorders):
    before = {one: len(recorders[one].connections) for one in BACKENDS}
    conversation = converse("own")
    for target in ("/as2", "/other", "/as2/x"):
        conversation.send(get(target))
        assert conversation.receive() == http_wire.OK
    assert heads(recorders["listener"], before["listener"]) == [b"GET /as2 HTTP/1.1", b"GET /other HTTP/1.1", b"GET /as2/x HTTP/1.1"]
    assert len(recorders["listener"].connections) == before["listener"] + 1
    conversation.send(get("/as2", "Content-Length: 5\r\n", "POST"))
    assert conversation.receive_all() == http_wire.own_answer(413)


def test_a_dead_route_is_503_for_its_own_requests(converse, recorders):
    conversation = converse("dead")
    conversation.send(get("/other"))
    assert conversation.receive() == http_wire.OK
    conversation.send(get("/as2"))
    assert conversation.receive_all() == http_wire.own_answer(503)
    conversation = converse("dead")
    conversation.send(get("/other"))
    assert conversation.receive() == http_wire.OK


def test_a_backend_that_closes_after_it_was_left_changes_nothing(converse, recorders):
    before = len(recorders["as2"].connections)
    conversation = converse("all")
    for target in ("/as2", "/"):
        conversation.send(get(target))
        assert conversation.receive() == http_wire.OK
    recorders["as2"].until_ended(before)
    conversation.send(get("/again"))
    assert conversation.receive() == http_wire.OK
