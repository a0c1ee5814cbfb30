"""Signers and workers are killed under load: nobody notices who need not."""

import concurrent.futures
import os
import signal
import time

import clients
import pytest
import tls_wire
import waiting

HANDSHAKES = 200
SIGNERS = 2
CLIENTS = 8
BACK_WITHIN_S = 3
MANY = 400


@pytest.fixture(params=["rsa", "ec"])
def gate(request, make_gate, configuration, echo, own_token):
    """With a token of its own, and every signer behind its login: SoftHSM loses a token whose user is killed
    in the middle of one."""
    port = configuration.listener("raw", "tls", echo.port, keys=[request.param])
    gate = make_gate(configuration, own_token.environment).start()
    gate.wait_for("signer-ready", count=SIGNERS)
    gate.ports = port
    return gate


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_one_signer_killed_under_load_fails_no_handshake(gate, pki):
    context = clients.client_context(pki)
    victim = gate.pids("signer")[0]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        handshakes = [pool.submit(tls_wire.full_handshake, context, gate.ports) for _ in range(HANDSHAKES)]
        waiting.until(lambda: sum(handshake.done() for handshake in handshakes) >= HANDSHAKES // 4, "the load to run")
        kill([victim])
        results = [handshake.result() for handshake in handshakes]
    assert results == [True] * HANDSHAKES
    gate.until_pids("signer", lambda pids: len(pids) == SIGNERS and victim not in pids)
    gate.wait_for("signer-ready", count=SIGNERS + 1)


def test_all_signers_killed_is_over_within_3_seconds(gate, pki):
    context = clients.client_context(pki)
    established = tls_wire.Conversation(context, gate.ports)
    killed = time.monotonic()
    kill(gate.pids("signer"))
    assert established.echo(b"still here")
    waiting.until(lambda: tls_wire.full_handshake(context, gate.ports), "a full handshake", BACK_WITHIN_S)
    assert time.monotonic() - killed < BACK_WITHIN_S
    assert established.echo(b"and still")
    gate.wait_for("signer-ready", count=2 * SIGNERS)
    established.close()


def echoes(conversation):
    try:
        return conversation.echo(b"ping")
    except (OSError, EOFError):
        return False


def established_inodes():
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table.read().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "01"}


def sessions(pid):
    """A session of a raw listener has two sockets that are connected."""
    inodes, folder, count = established_inodes(), f"/proc/{pid}/fd", 0
    for fd in os.listdir(folder):
        link = os.readlink(f"{folder}/{fd}")
        count += link.startswith("socket:[") and link[8:-1] in inodes
    return count // 2


def test_a_killed_worker_costs_its_own_sessions_only(gate, pki):
    context = clients.client_context(pki)
    workers, conversations = gate.pids("worker"), []
    while not all(sessions(pid) for pid in workers):
        assert len(conversations) < MANY
        conversations.append(tls_wire.Conversation(context, gate.ports))
        assert conversations[-1].echo(b"ping")
    victim, other = workers
    left = sessions(other)
    kill([victim])
    now = gate.until_pids("worker", lambda pids: len(pids) == 2 and victim not in pids)
    assert other in now
    assert sum(echoes(conversation) for conversation in conversations) == left
    waiting.until(lambda: tls_wire.full_handshake(context, gate.ports), "a full handshake", BACK_WITHIN_S)
    for conversation in conversations:
        conversation.close()
