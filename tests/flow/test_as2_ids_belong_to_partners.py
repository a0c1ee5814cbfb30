"""require-as2-id: AS2-From is a name of the partner whose certificate came, exactly one, compared exactly (H6, RFC 4130
6.2); and a partner that is not trusted any more is refused at its next request (C5)."""

import signal

import clients
import http_wire
import pytest
import tls_wire

IDS = {"acme": ["ACME", 'Acme "GmbH"'], "globex": ["GLOBEX"]}


@pytest.fixture
def recorder():
    made = http_wire.Recorder()
    yield made
    made.stop()


@pytest.fixture
def partners(pki, own_folder):
    """Two of them, each with a certificate signed by itself; alias -> files."""
    return {alias: pki.stranger.client(alias).write(own_folder, alias) for alias in IDS}


@pytest.fixture
def listen(configuration, partners, recorder):
    for alias, (certificate, _) in partners.items():
        configuration.partners.append({"alias": alias, "certificate_file": [certificate], "as2_id": IDS[alias]})
    return configuration.listener("as2", "https", recorder.port, client_certificate="require", require_as2_id=True)


@pytest.fixture
def converse(pki, partners, listen):
    made = []

    def begin(alias, tls=None):
        context = clients.client_context(pki, tls, "trusted" if alias == "signed" else None)
        if alias != "signed":
            context.load_cert_chain(*partners[alias])
        made.append(tls_wire.Conversation(context, listen))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def post(*names):
    fields = "".join(f"AS2-From: {name}\r\n" if ":" not in name else name + "\r\n" for name in names)
    return f"POST /as2 HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: 0\r\n\r\n".encode()


GOOD = [
    ("acme", ["ACME"]),
    ("acme", ['"ACME"']),
    ("acme", ['"Acme \\"GmbH\\""']),
    ("acme", ["as2-from:   ACME  "]),
    ("globex", ["GLOBEX"]),
]
BAD = [
    ("acme", [], "no AS2-From"),
    ("acme", ["acme"], "AS2-From acme is not one of partner acme"),
    ("acme", ["GLOBEX"], "AS2-From GLOBEX is not one of partner acme"),
    ("globex", ["ACME"], "AS2-From ACME is not one of partner globex"),
    ("acme", ["ACME", "ACME"], "more than one AS2-From"),
    ("acme", ["ACME", "AS2_From: GLOBEX"], "more than one AS2-From"),
    ("acme", ["AS2_From: ACME"], "no AS2-From"),
    ("acme", ["ACME, GLOBEX"], "an AS2-From that is no AS2 name"),
    ("acme", ['"ACME'], "an AS2-From that is no AS2 name"),
    ("acme", ['"ACME" '], None),
    ("acme", ['" ACME"'], "AS2-From  ACME is not one of partner acme"),
    ("signed", ["ACME"], "the client certificate is no partner's"),
]


def test_names_belong_to_certificates(make_gate, configuration, converse, recorder):
    gate = make_gate(configuration).start()
    for alias, names in GOOD:
        before = len(recorder.connections)
        conversation = converse(alias)
        conversation.send(post(*names))
        assert conversation.receive() == http_wire.OK, names
        (seen,) = recorder.connections[before:]
        # What stands there is not touched.
        assert all((name if ":" in name else f"AS2-From: {name}").encode() + b"\r\n" in seen.data for name in names)
    for number, (alias, names, detail) in enumerate(BAD):
        before = len(recorder.connections)
        conversation = converse(alias)
        conversation.send(post(*names))
        if detail is None:
            assert conversation.receive() == http_wire.OK
            continue
        assert conversation.receive_all() == http_wire.own_answer(403), (number, names)
        assert len(recorder.connections) == before
        line = gate.wait_for("request", code=403, detail=detail)
        assert line["reason"] == "refused" and line["fingerprint"] and line["cert"]
        assert line.get("partner") == (alias if alias in IDS else None)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_partner_that_was_disabled_is_refused_at_its_next_request(make_gate, configuration, converse, recorder, tls):
    gate = make_gate(configuration).start()
    acme, globex = converse("acme", tls), converse("globex", tls)
    for conversation, name in ((acme, "ACME"), (globex, "GLOBEX")):
        conversation.send(post(name))
        assert conversation.receive() == http_wire.OK
    configuration.partners[0]["enabled"] = False
    gate.path.write_text(configuration.text())
    gate.signal(signal.SIGHUP)
    gate.wait_for("reload-done")
    before = len(recorder.connections)
    acme.send(post("ACME"))
    assert acme.receive_all() == http_wire.own_answer(403)
    assert gate.wait_for("request", code=403)["reason"] == "certificate-refused"
    globex.send(post("GLOBEX"))
    assert globex.receive() == http_wire.OK
    assert len(recorder.connections) == before
