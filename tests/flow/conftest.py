"""What every flow test stands on: a real p11gate with a real token, as root, because p11gate gives its
processes users of their own. P11GATE_BUILD names the build folder whose programs are tested."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import ftp_backends
import gate
import http_backend
import pki as pki_module
import pytest
import sick_token
import softhsm
import tcp_backend


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("flow tests must run as root: p11gate starts processes as other users", 1)


@pytest.fixture(scope="session")
def scratch():
    """A folder that every user may enter; gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="p11gate-flow-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def program(scratch):
    return gate.copy_programs(scratch / "bin")


@pytest.fixture(scope="session")
def pki(scratch):
    folder = scratch / "pki"
    folder.mkdir()
    return pki_module.Pki(folder)


@pytest.fixture(scope="session")
def token(scratch, pki):
    """The token that tests share: nobody may break it. own_token is for those who do."""
    return softhsm.Token(scratch / "token", pki)


@pytest.fixture(scope="session")
def new_folder(scratch):
    def make():
        folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        folder.chmod(0o755)
        return folder

    return make


@pytest.fixture
def own_folder(new_folder):
    return new_folder()


@pytest.fixture
def own_token(own_folder, pki):
    return softhsm.Token(own_folder / "token", pki)


@pytest.fixture
def sick(own_folder):
    made = sick_token.SickToken(own_folder / "fake")
    yield made
    made.says()  # what hangs can then end


@pytest.fixture
def configuration(own_folder, pki, token):
    return gate.Configuration(own_folder, pki, token)


@pytest.fixture(scope="session")
def gate_running(program, token, new_folder, pki):
    """with gate_running(prepare) as gate: prepare(configuration) adds the listeners."""
    @contextlib.contextmanager
    def run(prepare, **top):
        configuration = gate.Configuration(new_folder(), pki, token, **top)
        ports = prepare(configuration)
        with gate.running(program, configuration, token.environment) as one:
            one.ports = ports
            yield one

    return run


@pytest.fixture
def make_gate(program, own_folder, token):
    """make_gate(configuration or text, ...) -> a Gate that is not started; stopped at the end."""
    made = []

    def make(config, environment=None):
        text = config if isinstance(config, str) else config.text()
        made.append(gate.Gate(program, own_folder, text, environment or token.environment))
        return made[-1]

    yield make
    for one in made:
        # pytest shows it when the test has failed.
        print(one.last_words())
        one.stop()


@pytest.fixture(scope="session", params=list(ftp_backends.BACKENDS))
def ftp_backend(request, scratch):
    """Each FTP server in turn."""
    backend = ftp_backends.BACKENDS[request.param](scratch / request.param)
    backend.name = request.param
    yield backend
    backend.stop()


@pytest.fixture(scope="session")
def pyftpd(scratch):
    backend = ftp_backends.Pyftpd(scratch / "the-pyftpd")
    yield backend
    backend.stop()


@pytest.fixture(scope="session")
def vsftpd(scratch):
    backend = ftp_backends.Vsftpd(scratch / "the-vsftpd")
    yield backend
    backend.stop()


@pytest.fixture
def web():
    backend = http_backend.HttpBackend()
    yield backend
    backend.stop()


@pytest.fixture
def echo():
    backend = tcp_backend.EchoBackend()
    yield backend
    backend.stop()


@pytest.fixture(scope="session")
def web_for_all():
    """The same for tests that share a p11gate."""
    backend = http_backend.HttpBackend()
    yield backend
    backend.stop()
