"""T3: ticket secrets are shared by workers, and by nodes that have the same ticket-secret-file; they are rotated while
p11gate serves, and a session is good as long as the secret that sealed its ticket is there."""

import contextlib
import os
import socket

import clients
import control
import gate as gate_module
import pytest

WORKERS = 3


@pytest.fixture(params=["1.2", "1.3"])
def context(request, pki):
    """One client: sessions of one node can be shown to the other."""
    return clients.client_context(pki, request.param)


class Node:
    def __init__(self, gate, configuration, port):
        self.gate, self.configuration, self.port = gate, configuration, port

    def use(self, *files):
        """The first seals. Running workers take them."""
        self.configuration.listeners[0]["ticket_secret_file"] = [str(one) for one in files]
        self.gate.path.write_text(self.configuration.text())
        workers = self.gate.pids("worker")
        control.reload_policy(self.gate)
        self.gate.until_pids("worker", lambda pids: pids == workers)

    def talk(self, context, session=None):
        """(was it resumed, the session to show next time)"""
        with socket.create_connection(("127.0.0.1", self.port), 20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as made:
                made.sendall(b"hello")
                assert made.recv(5) == b"hello"  # in TLS 1.3 the ticket comes before it
                return made.session_reused, made.session


@pytest.fixture
def node(program, token, new_folder, pki, echo):
    """node(files...) -> one that runs, with these secrets."""
    with contextlib.ExitStack() as stack:
        def make(*files):
            configuration = gate_module.Configuration(new_folder(), pki, token, workers=WORKERS)
            options = {"ticket_secret_file": [str(one) for one in files]} if files else {}
            port = configuration.listener("raw", "tls", echo.port, **options)
            gate = stack.enter_context(gate_module.running(program, configuration, token.environment))
            return Node(gate, configuration, port)

        yield make


@pytest.fixture
def secret(own_folder):
    """secret(name) -> a file of 80 random bytes that nobody else may read."""
    def make(name, size=80):
        path = own_folder / name
        path.write_bytes(os.urandom(size))
        path.chmod(0o600)
        return path

    return make


def test_all_workers_have_the_same(node, context):
    one = node()
    session = one.talk(context)[1]
    for _ in range(4 * WORKERS):
        reused, session = one.talk(context, session)
        assert reused


def test_nodes_with_the_same_file_are_one(node, secret, context):
    files = secret("shared"), secret("of-48-bytes", 48)
    one, other, stranger = node(files[0]), node(files[0], files[1]), node(files[1])
    session = one.talk(context)[1]
    assert other.talk(context, session)[0]
    assert not stranger.talk(context, session)[0]
    assert other.talk(context, stranger.talk(context)[1])[0]


def test_nodes_without_one_are_strangers(node, context):
    one, other = node(), node()
    assert not other.talk(context, one.talk(context)[1])[0]


def test_secrets_rotate_in_running_workers(node, secret, context):
    old, new = secret("old"), secret("new")
    one = node(old)
    by_old = one.talk(context)[1]
    one.use(new, old)
    # Shown again and again: one ticket of TLS 1.2 is good for many.
    assert all(one.talk(context, by_old)[0] for _ in range(2 * WORKERS))
    by_new = one.talk(context)[1]
    one.use(new)
    assert not one.talk(context, by_old)[0]
    assert one.talk(context, by_new)[0]
