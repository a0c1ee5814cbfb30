"""An AS2 message of a gigabyte passes both p11gates with its framing, is received whole, and is answered with its MIC; neither
keeps it (H4, C4)."""

import os
import pathlib
import re

import as2
import as2_companies
import pytest

SIZE = 1024 * 1024 * 1024
MEMORY_MAX = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def companies(program, new_folder, pki):
    with as2_companies.two(program, new_folder(), pki) as both:
        yield both


def pieces():
    """The same noise again and again, each time behind its number."""
    noise = os.urandom(as2.PIECE_BYTES - 8)
    for number in range(SIZE // as2.PIECE_BYTES):
        yield number.to_bytes(8, "big") + noise


def most_memory(gate):
    """The most that a worker has ever had."""
    texts = [pathlib.Path(f"/proc/{pid}/status").read_text() for pid in gate.pids("worker")]
    return max(int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) * 1024 for text in texts)


def test_a_gigabyte_is_answered_with_its_receipt(companies):
    acme, edge = companies
    answer = acme.station.send_stream("EDGE", pieces(), SIZE)
    receipt = acme.station.receipt_of("EDGE", answer)
    assert (receipt.disposition, receipt.mic) == ("processed", answer.mic)
    assert edge.station.messages[answer.message_id] == SIZE
    assert edge.station.requests[-1]["content-length"] == str(SIZE)
    for company in companies:
        assert most_memory(company.gate) < MEMORY_MAX
