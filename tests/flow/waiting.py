"""Waiting for something that is seen, never for a time."""

import random
import select
import socket
import time

PATIENCE_S = 20


def until(happened, what, timeout_s=PATIENCE_S):
    """Returns the first true result of happened(); asks again every 20 ms."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = happened()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        select.select([], [], [], 0.02)


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


def until_port(port):
    until(lambda: connects(port), f"port {port}")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


given_ports = set()


def free_port():
    """Below the ephemeral ports, so that no client's own port takes it before the server does; none twice."""
    while True:
        port = random.randrange(12000, 22000)
        if port not in given_ports and is_free(port):
            given_ports.add(port)
            return port


def free_port_range(count=200):
    first = random.randrange(22000, 32000 - count)
    return first, first + count - 1
