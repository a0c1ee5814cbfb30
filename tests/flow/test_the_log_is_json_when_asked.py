"""log.format = "json": one line is one object, with the keys of the other format."""

import json

import clients
import pytest
import waiting


@pytest.fixture
def gate(make_gate, configuration, web):
    configuration.top["log"] = {"format": "json"}
    port = configuration.listener("web", "https", web.port)
    gate = make_gate(configuration)
    gate.start(ready=False)
    until_said(gate, event="ready")
    gate.ports = {"web": port}
    return gate


def objects(gate):
    """Without what a sanitizer says of its own accord: it does not know fibres."""
    foreign = ("==", "False positive", "For details see")
    return [json.loads(line) for line in gate.text.splitlines() if not line.startswith(foreign)]


def said(gate, **fields):
    return [line for line in objects(gate) if fields.items() <= line.items()]


def until_said(gate, **fields):
    waiting.until(lambda: said(gate, **fields), f"{fields}: {gate.last_words()}")
    return said(gate, **fields)[0]


def test_every_line_is_an_object_from_the_first_to_the_last(gate, pki):
    posted = clients.Curl(pki)("-d", "an order", f"https://localhost:{gate.ports['web']}/as%22%0a2?x=\"")
    assert posted.returncode == 0, posted.stderr
    request = until_said(gate, event="request")
    assert request["code"] == 200 and request["bytes_in"] > len("an order")
    assert request["command"] == "POST" and request["listener"] == "web"
    assert isinstance(request["ms"], int)
    assert request["path"] == '/as%22%0a2?x="'
    assert gate.stop() == 0
    assert all(line["time"] and line["level"] and line["event"] for line in objects(gate))
