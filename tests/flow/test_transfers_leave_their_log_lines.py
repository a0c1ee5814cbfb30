"""One line a transfer, with everything that CONFIGURATION names: who, what, how much, how it ended."""

import ftp_wire
import pytest

SIZE = 12345
SECURE = {"time", "event", "listener", "session", "client", "tls", "cipher", "resumed", "cert", "fingerprint", "user",
          "command", "path", "bytes_in", "bytes_out", "ms", "key_ms", "close_notify", "backend", "code", "reason"}


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    def prepare(configuration):
        return {"ftps": configuration.listener("ftps", "ftps", pyftpd.port, client_certificate="request",
                                               require_data_tls=False)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def wire(gate, pki, pyftpd):
    made = ftp_wire.Wire(pki, gate.ports["ftps"], implicit=True, tls="1.3", certificate="trusted")
    made.reply()
    made.login(pyftpd)
    yield made
    made.close()


@pytest.mark.parametrize("reuse", [True, False])
def test_a_protected_upload(gate, wire, pyftpd, reuse):
    name = f"in/logged-{reuse}"
    data = wire.open_data(f"STOR {name}", reuse=reuse)
    cipher = data.cipher()[0]
    data.sendall(b"x" * SIZE)
    data.unwrap()
    assert wire.reply()[0] == 226
    line = gate.wait_for("transfer", path=name)
    session = ftp_wire.session_of(gate, wire)
    assert SECURE <= set(line), SECURE - set(line)
    wanted = {"listener": "ftps", "session": session, "client": wire.client, "tls": "TLSv1.3",
              "cipher": cipher, "resumed": "yes" if reuse else "no", "user": pyftpd.user, "command": "STOR",
              "bytes_in": str(SIZE), "bytes_out": "0", "close_notify": "yes", "backend": f"127.0.0.1:{pyftpd.port}",
              "code": "226", "reason": "done"}
    assert {key: line[key] for key in wanted} == wanted
    assert (int(line["key_ms"]) == 0) >= reuse
    wire.send("QUIT")
    end = gate.wait_for("session-end", session=session)
    assert (line["cert"], line["fingerprint"]) == (end["cert"], end["fingerprint"])


def test_a_download_in_clear(gate, wire, pyftpd):
    (pyftpd.files / "plain").write_bytes(b"x" * SIZE)
    assert wire.say("PROT C")[0] == 200
    data = wire.connect_data(wire.passive())
    assert wire.say("RETR in/plain")[0] in (125, 150)
    assert len(ftp_wire.receive_all(data)) == SIZE
    data.close()
    assert wire.reply()[0] == 226
    line = gate.wait_for("transfer", path="in/plain")
    assert (line["bytes_in"], line["bytes_out"], line["close_notify"], line["resumed"]) == ("0", str(SIZE), "-", "-")
    assert not {"tls", "cipher"} & set(line)


@pytest.mark.parametrize("name,shown", [
    ('with "quotes" and blanks', 'in/with "quotes" and blanks'), ("tab\tand escape\x1b[2J", r"in/tab\x09and escape\x1b[2J"),
    ("latin-1 \xe9", r"in/latin-1 \xe9"), ("reason=done code=226", "in/reason=done code=226"), ("x" * 900, "in/" + "x" * 900),
    ("\x01" * 1000, None)])
def test_whatever_a_file_is_called_its_line_is_one_line(gate, wire, name, shown):
    """Escaped; a path that is too long for a line, and no other value, is shown in part."""
    lines = len(gate.log("transfer"))
    wire.passive()
    wire.send(f"RETR in/{name}")
    code = wire.final_code()
    assert code in (425, 501, 550)
    line = gate.wait_for("transfer", count=lines + 1)
    assert (line["command"], line["code"], line["reason"]) == ("RETR", str(code), "refused")
    if shown is None:
        assert line["path"].startswith(r"in/\x01\x01") and len(line["path"]) > 500
    else:
        assert line["path"] == shown
