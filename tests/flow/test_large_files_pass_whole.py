"""200 MB each way through each FTP server: what no buffer holds."""

import clients
import pytest

SIZE = 200 * 1024 * 1024


@pytest.fixture
def gate(gate_running, ftp_backend):
    with gate_running(lambda configuration: configuration.listener("ftps", "ftps", ftp_backend.port)) as gate:
        yield gate


def test_200_megabytes_come_back_as_they_went(gate, ftp_backend, pki, tmp_path):
    sample = clients.make_file(tmp_path / "sample", SIZE)
    curl = clients.FtpsCurl(pki, ftp_backend, gate.ports, True, "EPSV", "1.3")
    curl.put(sample, "large")
    assert clients.digest(ftp_backend.files / "large") == clients.digest(sample)
    curl.get("large", tmp_path / "back")
    assert clients.digest(tmp_path / "back") == clients.digest(sample)
