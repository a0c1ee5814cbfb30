"""Two AS2 servers exchange signed and encrypted messages through two p11gates, with receipts at once and later: client keys
from tokens on the way out, their certificates imported and required on the way in (C4, H6)."""

import base64

import as2_companies
import pytest

CONTENT = b"UNA:+.? 'UNB+UNOA:2+ACME+EDGE+260101:1200+1'UNZ+0+1'\r\n"


@pytest.fixture(scope="module")
def companies(program, new_folder, pki):
    with as2_companies.two(program, new_folder(), pki) as both:
        yield both


@pytest.fixture(params=["ACME to EDGE", "EDGE to ACME"])
def pair(request, companies):
    """Sender and receiver: each company is both."""
    return companies if request.param.startswith("ACME") else companies[::-1]


def test_a_message_is_answered_with_a_receipt(pair):
    """A synchronous MDN: its MIC is that of what was sent."""
    sender, receiver = pair
    answer = sender.station.send_message(receiver.name, CONTENT)
    receipt = sender.station.receipt_of(receiver.name, answer)
    assert (receipt.disposition, receipt.mic, receipt.message_id) == ("processed", answer.mic, answer.message_id)
    assert receiver.station.messages[answer.message_id] == CONTENT


def test_a_receipt_comes_back_later(pair):
    """An asynchronous MDN: on a connection of its own, out through the receiver's p11gate, in through the sender's."""
    sender, receiver = pair
    answer = sender.station.send_message(receiver.name, CONTENT, receipt_path="/receipts")
    assert (answer.code, answer.body) == (200, b"")
    receipt = sender.station.until_receipt(answer.message_id)
    assert (receipt.disposition, receipt.mic) == ("processed", answer.mic)
    receiver.gate.wait_for("request", listener="as2-out", path="/receipts", code=200)
    sender.gate.wait_for("request", listener="as2-in", path="/receipts", code=200)


def test_the_receiver_knows_who_sends(pair):
    """H7: the certificate from the sender's token reaches the server behind, and the log names the partner."""
    sender, receiver = pair
    answer = sender.station.send_message(receiver.name, CONTENT)
    assert answer.code == 200
    seen = next(fields for fields in reversed(receiver.station.requests) if fields["message-id"] == answer.message_id)
    assert base64.b64decode(seen["client-cert"].strip(":")) == sender.client.der
    assert seen["as2-from"] == sender.name
    end = receiver.gate.wait_for("request", listener="as2-in", partner=sender.name.lower(), code=200)
    assert end["path"] == "/as2"


def test_a_partner_sends_in_his_own_name_only(pair):
    """require-as2-id: what the certificate does not say, AS2-From cannot."""
    sender, receiver = pair
    taken = len(receiver.station.requests)
    headers = {"AS2-From": receiver.name}
    answer = sender.station.send(receiver.name, CONTENT, "application/edifact", None, headers)
    assert answer.code == 403
    assert len(receiver.station.requests) == taken


def test_a_message_that_is_not_the_partners_is_refused_by_the_station(companies):
    """The stations do check: a receipt can fail, so that one that does not means something."""
    acme, edge = companies
    real = edge.station.partners["ACME"]
    edge.station.partners["ACME"] = edge.station.certificate
    try:
        answer = acme.station.send_message("EDGE", CONTENT)
    finally:
        edge.station.partners["ACME"] = real
    receipt = acme.station.receipt_of("EDGE", answer)
    assert receipt.disposition == "failed/Failure: authentication-failed"
    assert receipt.mic is None
