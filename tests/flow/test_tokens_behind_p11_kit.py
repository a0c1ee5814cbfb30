"""The same token directly, through p11-kit's proxy module, and far away: through p11-kit server and p11-kit remote.
Whatever is between, handshakes work; when the far side is killed, they work again without a restart. A configuration
without `module` goes through the proxy module."""

import os
import pathlib
import shutil
import signal
import subprocess

import clients
import gate as gate_module
import load
import pytest
import softhsm
import tls_wire
import waiting

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")
CLIENT = LIBRARIES / "pkcs11/p11-kit-client.so"
PROXY = "p11-kit-proxy.so"
WAYS = ("direct", "server", "proxy", "proxy-remote", "default")
HEALED_WITHIN_S = 20
CLIENTS, WARM = 2, 20  # of the load


@pytest.fixture(autouse=True, scope="module")
def p11_kit():
    assert shutil.which("p11-kit") and CLIENT.exists(), "p11-kit and p11-kit-modules of conf/packages are not installed"


class Server:
    """p11-kit server, which has the token, as the signers' user; its children serve one client each."""

    def __init__(self, folder, token):
        self.folder, self.token = folder, token
        folder.mkdir()
        shutil.chown(folder, softhsm.SIGNER_USER, softhsm.SIGNER_USER)
        self.process = None
        self.start()

    @property
    def environment(self):
        return {"P11_KIT_SERVER_ADDRESS": f"unix:path={self.folder}/socket"}

    def start(self):
        (self.folder / "socket").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["p11-kit", "server", "-f", "--provider", softhsm.MODULE, "-n", self.folder / "socket",
             f"pkcs11:token={self.token.name}"],
            env={**os.environ, **self.token.environment}, user=softhsm.SIGNER_USER, group=softhsm.SIGNER_USER,
            extra_groups=[], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        waiting.until((self.folder / "socket").exists, "p11-kit server")

    def kill(self):
        """All of it at once, as when the far machine loses power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(own_folder, token):
    made = Server(own_folder / "far", token)
    yield made
    made.kill()


def module_name():
    """A file of this name in a user's configuration replaces the machine's own for SoftHSM2, if it has one: the token
    would be there twice."""
    for path in pathlib.Path("/usr/share/p11-kit/modules").glob("*.module"):
        if "libsofthsm2" in path.read_text():
            return path.name
    return "edge.module"


def proxy_environment(folder, module):
    """The signers' user has a p11-kit configuration of its own."""
    modules = folder / "config/pkcs11/modules"
    modules.mkdir(parents=True)
    (modules / module_name()).write_text(module + "\n")
    return {"XDG_CONFIG_HOME": str(folder / "config")}


@pytest.fixture
def reach(request, own_folder):
    """way -> (the module to name, or None, and what its environment needs)."""
    def make(way):
        if way == "direct":
            return softhsm.MODULE, {}
        if way == "server":
            return CLIENT, request.getfixturevalue("server").environment
        if way in ("proxy", "default"):
            return PROXY if way == "proxy" else None, proxy_environment(own_folder, f"module: {softhsm.MODULE}")
        return PROXY, proxy_environment(own_folder, f"remote: |p11-kit remote {softhsm.MODULE}")

    return make


@pytest.fixture
def start(reach, configuration, echo, token, make_gate):
    def run(way):
        module, environment = reach(way)
        configuration.keystores[0]["module"] = module
        if not module:
            del configuration.keystores[0]["module"]
        ports = {kind: configuration.listener(kind, "tls", echo.port, keys=[kind]) for kind in ("rsa", "ec")}
        gate = make_gate(configuration, {**token.environment, **environment})
        gate.ports = ports
        gate.start()
        gate.wait_for("signer-ready", count=2)
        return gate

    return run


def succeeds(pki, port, tls=None):
    return tls_wire.full_handshake(clients.client_context(pki, tls), port)


@pytest.mark.parametrize("way", WAYS)
def test_handshakes_work_through_it(start, pki, way):
    gate = start(way)
    for kind, port in gate.ports.items():
        for tls in ("1.2", "1.3"):
            assert succeeds(pki, port, tls), f"{kind}, TLS {tls}: {gate.last_words()}"


@pytest.fixture
def tasks():
    made = {}
    yield made
    for task in made.values():
        task.kill()


def test_without_a_module_a_crowd_is_served(start, pki, tasks):
    """Through the proxy module; signers are killed in the middle."""
    gate = start("default")
    assert "module" not in gate.path.read_text()
    tasks.update(full=load.Task(load.full_handshakes, pki, gate.ports["ec"], CLIENTS),
                 resumed=load.Task(load.resumed_handshakes, pki, gate.ports["rsa"], CLIENTS),
                 echo=load.Task(load.established_echo, pki, gate.ports["ec"]))
    for wanted in (WARM, 2 * WARM, 3 * WARM):
        waiting.until(lambda wanted=wanted: tasks["full"].done.value >= wanted, f"{wanted} handshakes: {gate.last_words()}")
        os.kill(gate.pids("signer")[0], signal.SIGKILL)
    waiting.until(lambda: tasks["full"].done.value >= 4 * WARM, f"handshakes afterwards: {gate.last_words()}")
    attempts = {name: task.end() for name, task in tasks.items()}
    load.show("without a module, signers killed", attempts)
    assert {name: load.causes(made) for name, made in attempts.items()} == {"full": [], "resumed": [], "echo": []}


def test_a_far_side_that_was_killed_is_found_again(start, server, pki):
    gate = start("server")
    established = tls_wire.Conversation(clients.client_context(pki), gate.ports["ec"])
    assert established.echo(b"before")
    server.kill()
    assert not succeeds(pki, gate.ports["ec"])
    assert established.echo(b"meanwhile")
    server.start()
    waiting.until(lambda: succeeds(pki, gate.ports["ec"]), f"a full handshake: {gate.last_words()}", HEALED_WITHIN_S)
    assert established.echo(b"afterwards")
    established.close()


def remotes_of(gate):
    """The p11-kit remote processes that the signers have started."""
    children = []
    for pid in gate.pids("signer"):
        listing = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        children += [int(child) for child in listing.read_text().split()] if listing.exists() else []
    return children


def test_a_remote_process_that_was_killed_is_started_again(start, pki):
    gate = start("proxy-remote")
    remotes = remotes_of(gate)
    assert remotes
    for pid in remotes:
        os.kill(pid, signal.SIGKILL)
    waiting.until(lambda: succeeds(pki, gate.ports["rsa"]), f"a full handshake: {gate.last_words()}", HEALED_WITHIN_S)
    waiting.until(lambda: not any(gate_module.is_alive(pid) for pid in remotes), "the killed ones to be gone")
