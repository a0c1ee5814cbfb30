"""Through a router that translates addresses and ports, PASV and EPSV work only because p11gate rewrites the replies:
the address is the router's, the ports are those that it passes on (C6). Three network namespaces."""

import clients
import ftp_backends
import gate as gate_module
import namespaces
import pytest
import softhsm

IMPLICIT, EXPLICIT, UNAWARE = 990, 21, 991
LISTENING, ADVERTISED, COUNT = 30000, 40000, 50  # passive ports: the router passes others on than it shows
SIZE = 200 * 1024
LIMIT_S = 8  # for what does not work


def ports(first):
    return f"{first}-{first + COUNT - 1}"


@pytest.fixture(scope="module")
def machines():
    made = namespaces.Namespaces()
    made.translate(f"tcp dport {{ {IMPLICIT}, {EXPLICIT}, {UNAWARE} }} dnat to {namespaces.SERVER}",
                   "dnat to tcp dport map { " + ", ".join(
                       f"{ADVERTISED + number} : {namespaces.SERVER} . {LISTENING + number}" for number in range(COUNT)) + " }")
    yield made
    made.remove()


class PyftpdInside(ftp_backends.Pyftpd):
    """In the server's namespace, on its loopback."""

    def __init__(self, folder, machines):
        self.machines = machines
        super().__init__(folder)

    def prepare(self):
        super().prepare()
        self.command = [*self.machines.inside(self.machines.server), *self.command]

    def until_ready(self):
        self.machines.until_port(self.machines.server, self.port)


@pytest.fixture(scope="module")
def backend(machines, scratch):
    made = PyftpdInside(scratch / "inside", machines)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gate(machines, backend, program, token, new_folder, pki):
    configuration = gate_module.Configuration(new_folder(), pki, token)
    aware = {"passive_address": namespaces.OUTSIDE, "passive_ports": ports(LISTENING),
             "passive_ports_advertised": ports(ADVERTISED)}
    for alias, protocol, port, options in (("implicit", "ftps", IMPLICIT, aware), ("explicit", "ftp", EXPLICIT, aware),
                                           ("unaware", "ftps", UNAWARE, {"passive_ports": "31000-31049"})):
        configuration.listener(alias, protocol, backend.port, **options)
        configuration.listeners[-1]["bind"] = f"{namespaces.SERVER}:{port}"
    one = gate_module.Gate(program, configuration.folder, configuration.text(), token.environment)
    one.prefix = machines.inside(machines.server)
    try:
        yield one.start()
    finally:
        one.stop()


@pytest.fixture
def sample(tmp_path):
    return clients.make_file(tmp_path / "sample", SIZE)


def curl(machines, pki, backend, port, passive, *words):
    """As the partner; the name leads to the router, and the address of the reply is believed."""
    options = ["-u", f"{backend.user}:{backend.password}", "--resolve", f"localhost:{port}:{namespaces.OUTSIDE}",
               "--no-ftp-skip-pasv-ip", "--cacert", pki.ca_file, "-sS", "--ssl-reqd"]
    options += ["--disable-epsv"] if passive == "PASV" else []
    return clients.run([*machines.inside(machines.client), "curl", *options, *words])


def url(port, name):
    return f"{'ftp' if port == EXPLICIT else 'ftps'}://localhost:{port}/in/{name}"


@pytest.mark.parametrize("passive", ["PASV", "EPSV"])
@pytest.mark.parametrize("port", [IMPLICIT, EXPLICIT])
def test_files_cross_the_router(gate, machines, pki, backend, sample, tmp_path, port, passive):
    name, back = f"{port}-{passive}", tmp_path / "back"
    sent = curl(machines, pki, backend, port, passive, "--max-time", clients.LIMIT_S, "-T", sample, url(port, name))
    assert sent.returncode == 0, sent.stderr
    got = curl(machines, pki, backend, port, passive, "--max-time", clients.LIMIT_S, "-o", back, url(port, name))
    assert got.returncode == 0, got.stderr
    assert clients.digest(back) == clients.digest(sample) == clients.digest(backend.files / name)


@pytest.mark.parametrize("passive", ["PASV", "EPSV"])
def test_without_the_rewriting_they_do_not(gate, machines, pki, backend, sample, passive):
    """The same partner and router; the listener's replies carry what stands behind the router."""
    name = f"unaware-{passive}"
    sent = curl(machines, pki, backend, UNAWARE, passive, "--max-time", LIMIT_S, "-v", "-T", sample, url(UNAWARE, name))
    assert sent.returncode != 0
    assert "230" in sent.stderr, "it did not come as far as the data connection"
    assert not (backend.files / name).exists()


def test_the_session_is_that_of_the_router(gate):
    """Masqueraded: what p11gate sees as the client is the router."""
    assert {line["client"].rsplit(":", 1)[0] for line in gate.log("session-begin")} == {namespaces.INSIDE}
    assert softhsm.PIN not in gate.text
