"""Python's ftplib: as it comes (no session reuse on data channels), and with reuse."""

import ftplib
import io

import clients
import pytest

CONTENT = b"0123456789abcdef" * 65536


@pytest.fixture(scope="module")
def gate(gate_running, ftp_backend):
    def prepare(configuration):
        return {"explicit": configuration.listener("explicit", "ftp", ftp_backend.port),
                "never": configuration.listener("never", "ftp", ftp_backend.port, data_resumption="off")}

    with gate_running(prepare) as gate:
        yield gate


def session(made, gate, ftp_backend, listener="explicit"):
    made.connect("127.0.0.1", gate.ports[listener])
    made.login(ftp_backend.user, ftp_backend.password)
    made.prot_p()
    made.cwd("in")
    return made


def round_trip(ftp, name):
    ftp.storbinary(f"STOR {name}", io.BytesIO(CONTENT))
    back = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", back.write)
    assert back.getvalue() == CONTENT
    assert name in ftp.nlst()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_without_session_reuse(gate, ftp_backend, pki, tls):
    with session(ftplib.FTP_TLS(context=clients.client_context(pki, tls), timeout=30), gate, ftp_backend) as ftp:
        round_trip(ftp, f"plain-{tls}")
        ftp.quit()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_with_session_reuse_every_data_channel_is_resumed(gate, ftp_backend, pki, tls):
    with session(clients.ReusingFtp(context=clients.client_context(pki, tls), timeout=30), gate, ftp_backend) as ftp:
        for turn in range(3):
            round_trip(ftp, f"reused-{tls}-{turn}")
        assert ftp.reused == [True] * 9
        ftp.quit()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_with_data_resumption_off_none_is_resumed(gate, ftp_backend, pki, tls):
    made = clients.ReusingFtp(context=clients.client_context(pki, tls), timeout=30)
    with session(made, gate, ftp_backend, "never") as ftp:
        round_trip(ftp, f"never-{tls}")
        assert ftp.reused == [False] * 3
        ftp.quit()


def test_a_login_in_clear_is_refused(gate, ftp_backend):
    with ftplib.FTP(timeout=30) as ftp:
        ftp.connect("127.0.0.1", gate.ports["explicit"])
        with pytest.raises(ftplib.Error) as refused:
            ftp.login(ftp_backend.user, ftp_backend.password)
        assert refused.value.args[0].startswith("530")
