"""One line a transfer, with everything that CONFIGURATION names: who, what, how much, how it ended."""

import datetime

import ftp_clients
import ftp_wire
import pytest

SIZE = 12345


@pytest.fixture(scope="module")
def acme(pki):
    return pki.clients["trusted"]


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd, pki):
    def prepare(configuration):
        configuration.partners = [{"alias": "acme", "certificate_file": pki.client_files["trusted"][0]}]
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
def test_a_protected_upload(gate, wire, pyftpd, acme, reuse):
    """Every field there is."""
    name = f"in/logged-{reuse}"
    before = datetime.datetime.now(datetime.timezone.utc)
    data = wire.open_data(f"STOR {name}", reuse=reuse)
    cipher = data.cipher()[0]
    data.sendall(b"x" * SIZE)
    data.unwrap()
    assert wire.reply()[0] == 226
    took_ms = (datetime.datetime.now(datetime.timezone.utc) - before).total_seconds() * 1000
    line = gate.wait_for("transfer", path=name)
    wanted = {"level": "info", "event": "transfer", "listener": "ftps", "session": ftp_wire.session_of(gate, wire),
              "client": wire.client, "tls": "TLSv1.3", "cipher": cipher, "resumed": "yes" if reuse else "no", "sni": "localhost",
              "cert": acme.certificate.subject.rfc4514_string(), "fingerprint": acme.fingerprint, "partner": "acme",
              "user": pyftpd.user, "command": "STOR", "path": name, "bytes_in": str(SIZE), "bytes_out": "0",
              "close_notify": "yes", "backend": f"127.0.0.1:{pyftpd.port}", "code": "226", "reason": "done"}
    assert {key: line.get(key) for key in wanted} == wanted
    assert set(line) == {*wanted, "time", "ms", "key_ms"}
    assert before - datetime.timedelta(seconds=1) < datetime.datetime.fromisoformat(line["time"]) < before + datetime.timedelta(
        milliseconds=took_ms + 1000)
    assert 0 <= int(line["key_ms"]) <= took_ms and 0 <= int(line["ms"]) <= took_ms + 1
    assert (int(line["key_ms"]) == 0) >= reuse


@pytest.mark.parametrize("sni", [None, "Other.Example", "under_score"])
def test_who_asked_for_whom(gate, pki, pyftpd, sni):
    """sni is what the hello named, and is left out when it named nobody."""
    made = ftp_wire.Wire(pki, gate.ports["ftps"])
    made.context.check_hostname = False
    made.socket = made.context.wrap_socket(made.socket, server_hostname=sni, suppress_ragged_eofs=False)
    assert made.reply()[0] == 220
    made.login(pyftpd)
    made.passive()
    assert made.say("RETR in/not-there")[0] == 550
    line = gate.wait_for("transfer", session=ftp_wire.session_of(gate, made))
    assert line.get("sni", "").lower() == (sni or "").lower() and ("sni" in line) == bool(sni)
    made.close()


@pytest.mark.parametrize("sni, shown", [('a" user=root', 'a" user=root'), ("a\ntime=0 event=login user=root",
                                        r"a\x0atime=0 event=login user=root"), ("a\x1b[2J", r"a\x1b[2J"), ("\u00e9", r"\xc3\xa9")])
def test_whoever_is_asked_for_the_line_is_one_line(gate, pyftpd, sni, shown):
    """Whatever the hello has in it, nobody can write a field."""
    lines = len(gate.log("transfer"))
    control = ftp_clients.Piped(["openssl", "s_client", "-connect", f"127.0.0.1:{gate.ports['ftps']}", "-quiet",
                                 "-verify_quiet", "-servername", sni])
    try:
        assert control.reply().startswith("220")
        for command, code in ((f"USER {pyftpd.user}", "331"), (f"PASS {pyftpd.password}", "230"), ("EPSV", "229"),
                              ("RETR not-there", "550"), ("QUIT", "221")):
            control.say(command, code)
    finally:
        control.kill()
    line = gate.wait_for("transfer", count=lines + 1)
    assert (line["sni"], line["user"]) == (shown, pyftpd.user)
    assert gate.log("login", user="root") == []


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
