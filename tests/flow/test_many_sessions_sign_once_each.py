"""F16: 500 FTPS sessions at the same time, each with 20 small files up and 20 down: no error, and one signature a
session, not one a file."""

import time

import figures
import many_sessions
import metrics_page
import pytest
import waiting

SESSIONS, FILES, PROCESSES = 500, 20, 4
CONTENT = b"a small file\n" * 100


@pytest.fixture(scope="module")
def gate(gate_running, vsftpd):
    def prepare(configuration):
        return {"ftps": configuration.listener("ftps", "ftps", vsftpd.port, passive_ports="23000-31999",
                                               login_timeout="2m"),
                "page": metrics_page.add(configuration)}

    with gate_running(prepare) as gate:
        yield gate


def test_five_hundred_sessions_cost_five_hundred_signatures(gate, pki, vsftpd):
    crowd = many_sessions.Crowd(pki, gate.ports["ftps"], vsftpd, SESSIONS, FILES, CONTENT, PROCESSES)
    began = time.monotonic()
    resumed, errors = crowd.run()
    took_s = time.monotonic() - began
    assert not errors, (errors, gate.last_words())
    figures.show("FTPS sessions at once", SESSIONS, "transfers", resumed, f"{took_s:.1f} s")
    assert resumed == 2 * FILES * SESSIONS
    waiting.until(lambda: len(gate.log("session-end")) == SESSIONS, "the last line of each session")
    assert {line["reason"] for line in gate.log("session-end")} == {"quit"}
    assert len(gate.log("transfer", code=226, resumed="yes", reason="done")) == 2 * FILES * SESSIONS
    assert metrics_page.signatures(gate.ports["page"]) == SESSIONS
