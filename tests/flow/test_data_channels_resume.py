"""F16: data channels resume the session of their own control connection, with every version and client: one
signature a session, not one a file. `data-resumption = "require"` refuses the others with 522."""

import ftplib
import io
import ssl

import clients
import ftp_wire
import metrics_page
import pytest

FILES = 5
CONTENT = b"a small file\n" * 400


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    def prepare(configuration):
        ports = {mode: configuration.listener(mode, "ftp", pyftpd.port, data_resumption=mode)
                 for mode in ("off", "prefer", "require")}
        return {**ports, "page": metrics_page.add(configuration)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def files(pyftpd, tmp_path):
    """What goes up, and what comes down."""
    for number in range(FILES):
        (tmp_path / f"up-{number}").write_bytes(CONTENT)
        (pyftpd.files / f"down-{number}").write_bytes(CONTENT)
    return tmp_path


# ---- clients, each with one session: FILES up, FILES down ----

def curl(gate, pki, backend, folder, mode, tls):
    """TLS 1.2 without tickets: it resumes by session id."""
    run = clients.Curl(pki, tls, ["-u", f"{backend.user}:{backend.password}", "--ssl-reqd"])
    base = f"ftp://127.0.0.1:{gate.ports[mode]}/in"
    up = ",".join(f"{folder}/up-{number}" for number in range(FILES))
    result = run("-T", "{" + up + "}", f"{base}/", "--next", *run.words[2:], "-o", f"{folder}/down-#1",
                 f"{base}/down-[0-{FILES - 1}]")
    assert result.returncode == 0, result.stderr


def lftp(gate, pki, backend, folder, mode, tls):
    client = clients.FtpsLftp(pki, backend, gate.ports[mode], False, "EPSV", tls)
    numbers = range(FILES)
    client.do("; ".join([*(f"put {folder}/up-{n} -o up-{n}" for n in numbers),
                         *(f"get down-{n} -o {folder}/down-{n}" for n in numbers)]))


def reusing_ftplib(gate, pki, backend, folder, mode, tls, options=0, passive=True):
    context = clients.client_context(pki, tls)
    context.options |= options
    with clients.ReusingFtp(context=context, timeout=30) as ftp:
        ftp.connect("127.0.0.1", gate.ports[mode])
        ftp.login(backend.user, backend.password)
        ftp.prot_p()
        ftp.set_pasv(passive)
        ftp.cwd("in")
        for number in range(FILES):
            ftp.storbinary(f"STOR up-{number}", io.BytesIO(CONTENT))
            with open(folder / f"down-{number}", "wb") as file:
                ftp.retrbinary(f"RETR down-{number}", file.write)
        ftp.quit()


def ftplib_without_tickets(*where):
    reusing_ftplib(*where, options=ssl.OP_NO_TICKET)


def ftplib_in_active_mode(*where):
    """F6: the FTP client is the TLS client there, too."""
    reusing_ftplib(*where, passive=False)


def forget(pyftpd):
    for path in pyftpd.files.glob("up-*"):
        path.unlink()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("mode", ["prefer", "require"])
@pytest.mark.parametrize("client", [curl, lftp, reusing_ftplib, ftplib_without_tickets,
                                    ftplib_in_active_mode])
def test_a_session_costs_one_signature(gate, pki, pyftpd, files, client, mode, tls):
    forget(pyftpd)
    before, begun = metrics_page.signatures(gate.ports["page"]), len(gate.log("session-begin"))
    seen = len(gate.log("transfer"))
    client(gate, pki, pyftpd, files, mode, tls)
    for number in range(FILES):
        assert (pyftpd.files / f"up-{number}").read_bytes() == CONTENT
        assert (files / f"down-{number}").read_bytes() == CONTENT
    gate.wait_for("transfer", count=seen + 2 * FILES)
    sessions = gate.log("session-begin")[begun:]
    assert {line["resumed"] for line in gate.log("transfer")[seen:]} == {"yes"}
    assert metrics_page.signatures(gate.ports["page"]) - before == len(sessions) == 1


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_off_resumes_nothing(gate, pki, pyftpd, files, tls):
    before = metrics_page.signatures(gate.ports["page"])
    reusing_ftplib(gate, pki, pyftpd, files, "off", tls)
    assert metrics_page.signatures(gate.ports["page"]) - before == 1 + 2 * FILES
    gate.wait_for("transfer", listener="off", count=2 * FILES)
    assert {line["resumed"] for line in gate.log("transfer", listener="off")} == {"no"}


# ---- who cannot, or does not ----

def plain_ftplib(gate, pki, backend, mode, tls):
    ftp = ftplib.FTP_TLS(context=clients.client_context(pki, tls), timeout=30)
    ftp.connect("127.0.0.1", gate.ports[mode])
    ftp.login(backend.user, backend.password)
    ftp.prot_p()
    ftp.cwd("in")
    return ftp


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_prefer_takes_clients_that_do_not_resume(gate, pki, pyftpd, tls):
    """Python, Java, Go and Perl do not."""
    with plain_ftplib(gate, pki, pyftpd, "prefer", tls) as ftp:
        ftp.storbinary("STOR plain", io.BytesIO(CONTENT))
    assert (pyftpd.files / "plain").read_bytes() == CONTENT


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_require_refuses_them_with_522_that_they_can_read(gate, pki, pyftpd, tls):
    with plain_ftplib(gate, pki, pyftpd, "require", tls) as ftp:
        with pytest.raises(ftplib.error_perm, match="522 "):
            ftp.retrlines("LIST", lambda line: None)
        assert ftp.voidcmd("NOOP").startswith("2")
    gate.wait_for("transfer", listener="require", command="LIST", reason="data-not-resumed", code=522, resumed="no")


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_an_upload_that_did_not_resume_is_not_stored(gate, pki, pyftpd, tls):
    name = f"refused-{tls}"
    wire = connect(gate, pki, pyftpd, "require", tls)
    plain = wire.connect_data(wire.passive())
    wire.send(f"STOR in/{name}")
    with wire.wrap(plain) as data:
        data.sendall(CONTENT)
        assert wire.final_code() == 522
    assert wire.say("NOOP")[0] == 200
    path = pyftpd.files / name
    assert not path.exists() or path.stat().st_size == 0  # pyftpdlib had opened it when the command came


def connect(gate, pki, backend, mode, tls):
    wire = ftp_wire.Wire(pki, gate.ports[mode], tls=tls)
    wire.reply()
    wire.start_tls()
    wire.login(backend)
    return wire


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_the_session_of_another_control_connection_is_not_resumed(gate, pki, pyftpd, tls):
    """A ticket carries the number of its control session."""
    mine, others = (connect(gate, pki, pyftpd, "require", tls) for _ in range(2))
    # A session knows the context that it was made with, and is for no other.
    mine.context = others.context
    plain = mine.connect_data(mine.passive())
    mine.send("LIST")
    data = mine.wrap(plain, others.socket.session)
    assert not data.session_reused
    assert mine.final_code() == 522


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("offered,chosen", [(["ftp"], "ftp"), (["x-filezilla-ftp", "ftp"], "ftp"),
                                            (["x-filezilla-ftp"], None)])
def test_alpn_on_data_channels_is_ftp_or_nothing(gate, pki, pyftpd, tls, offered, chosen):
    """F18."""
    wire = connect(gate, pki, pyftpd, "prefer", tls)
    context = clients.client_context(pki, tls)
    context.set_alpn_protocols(offered)
    plain = wire.connect_data(wire.passive())
    wire.send("LIST")
    if chosen:
        data = context.wrap_socket(plain, server_hostname="localhost")
        assert data.selected_alpn_protocol() == chosen
        ftp_wire.receive_all(data)
        assert wire.final_code() == 226
    else:
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            context.wrap_socket(plain, server_hostname="localhost")
        assert wire.final_code() == 522
