"""A token signs so often a second: a network that floods waits behind itself, data channels come first, who
would wait too long is told at once, and limits hold."""

import concurrent.futures
import contextlib
import socket
import statistics
import threading
import time

import clients
import control
import figures
import ftp_wire
import metrics_page
import pytest
import tls_wire
import waiting

SIGNERS, TOKEN_MS = 2, 200
FLOOD = 48
FLOOD_NET, OTHER_NET = "127.0.1", "127.0.2"
PATIENT = {"handshake_timeout": "60s"}
LIMIT_S = 60


@pytest.fixture
def start(make_gate, configuration, echo, pyftpd, token, sick):
    """start(keystore options, listener options) -> the gate; one worker, so that there is one queue."""
    def run(keystore=(), listener=(), workers=1):
        configuration.top["workers"] = workers
        configuration.keystores[0].update({"module": sick.module, "signers": SIGNERS, "sign_timeout": "30s", **dict(keystore)})
        ports = {"raw": configuration.listener("raw", "tls", echo.port, keys=["ec"], **dict(listener)),
                 "ftps": configuration.listener("ftps", "ftps", pyftpd.port, keys=["ec"], **dict(listener))}
        admin = metrics_page.add(configuration)
        gate = make_gate(configuration, {**token.environment, **sick.environment})
        gate.ports, gate.admin, gate.configuration = ports, admin, configuration
        gate.start()
        gate.wait_for("signer-ready", count=configuration.keystores[0]["signers"])
        return gate
    return run


def handshake_s(context, port, source, session=None):
    """How long a handshake from this address takes; None when it is refused."""
    begun_s = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), LIMIT_S, (source, 0)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session):
                return time.monotonic() - begun_s
    except OSError:
        return None


class Flood:
    """FLOOD clients of one network, each with an address of its own, all the time."""

    def __init__(self, pki, port, count=FLOOD):
        self.context, self.port = clients.client_context(pki), port
        self.halt, self.times = threading.Event(), []
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        for number in range(count):
            self.pool.submit(self.one, f"{FLOOD_NET}.{number + 1}")

    def one(self, source):
        while not self.halt.is_set():
            self.times.append(handshake_s(self.context, self.port, source))

    def end(self):
        self.halt.set()
        self.pool.shutdown()
        return self.times


@contextlib.contextmanager
def flooded(gate, pki):
    """While a flood is under way and everybody in it waits."""
    flood = Flood(pki, gate.ports["raw"])
    try:
        gate.wait_for("session-begin", count=FLOOD)
        yield flood
    finally:
        flood.end()


def test_a_flood_from_one_network_keeps_no_other_waiting(start, pki, sick):
    gate = start(listener=PATIENT)
    sick.says(f"delay_ms {TOKEN_MS}")
    context = clients.client_context(pki)
    with flooded(gate, pki) as flood:
        others = [handshake_s(context, gate.ports["raw"], f"{OTHER_NET}.{number}") for number in range(1, 6)]
    assert None not in others and None not in flood.times
    figures.show("flood of one network", f"it waited {statistics.median(flood.times):.2f} s (median)",
                 f"others {max(others):.2f} s at most")
    # In line behind the flood it would be as long as theirs.
    assert max(others) < statistics.median(flood.times) / 2


def test_data_channels_of_logged_in_sessions_come_first(start, pki, pyftpd, sick):
    clients.make_file(pyftpd.files / "small", 1000)
    gate = start(listener=PATIENT)
    wire = ftp_wire.Wire(pki, gate.ports["ftps"], implicit=True)
    wire.reply()
    wire.login(pyftpd)
    sick.says(f"delay_ms {TOKEN_MS}")
    times = []
    with flooded(gate, pki) as flood:
        for _ in range(3):
            begun_s = time.monotonic()
            data = wire.open_data("RETR in/small", reuse=False)
            times.append(time.monotonic() - begun_s)
            assert not data.session_reused
            while data.recv(65536):
                continue
            data.close()
            assert wire.reply()[0] == 226
    wire.close()
    figures.show("flood, and data channels", f"it waited {statistics.median(flood.times):.2f} s (median)",
                 f"data channels {max(times):.2f} s at most")
    assert max(times) < statistics.median(flood.times) / 2


def test_who_would_wait_too_long_is_refused_at_once(start, pki, sick):
    gate = start({"sign_timeout": "10s", "signers": 1}, {"handshake_timeout": "2s"})
    sick.says(f"delay_ms {TOKEN_MS}")
    context = clients.client_context(pki)
    # One teaches the pace.
    assert handshake_s(context, gate.ports["raw"], f"{OTHER_NET}.1")
    begun_s = time.monotonic()

    def refused_after_s(number):
        if handshake_s(context, gate.ports["raw"], f"{FLOOD_NET}.{number}"):
            return None
        return time.monotonic() - begun_s

    with concurrent.futures.ThreadPoolExecutor(FLOOD) as pool:
        refused = [after for after in pool.map(refused_after_s, range(1, FLOOD + 1)) if after is not None]
    assert 0 < len(refused) < FLOOD
    figures.show("predicted waits", f"{len(refused)} of {FLOOD} refused", f"the first after {min(refused):.2f} s")
    assert min(refused) < 1


def test_max_signatures_per_second_holds(start, pki):
    rate = 5
    gate = start({"max_signatures_per_second": rate}, PATIENT)
    context = clients.client_context(pki)
    begun_s = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda number: handshake_s(context, gate.ports["raw"], f"{OTHER_NET}.{number}"), range(1, 25)))
    took_s = time.monotonic() - begun_s
    assert None not in times
    # A second's worth may come at once.
    assert took_s > (24 - rate) / rate - 1
    assert tls_wire.full_handshake(context, gate.ports["raw"])


def test_handshakes_per_second_per_ip_are_full_ones_of_one_address(start, pki):
    rate = 3
    gate = start(listener={"handshakes_per_second_per_ip": rate})
    context, port = clients.client_context(pki), gate.ports["ftps"]
    wire = ftp_wire.Wire(pki, port, implicit=True)
    wire.reply()
    session, own_context = wire.socket.session, wire.context
    done = [handshake_s(context, port, f"{FLOOD_NET}.1") is not None for _ in range(30)]
    assert not all(done) and sum(done) >= rate
    assert gate.wait_for("session-end", reason="too-many")
    assert handshake_s(context, port, f"{OTHER_NET}.1")
    # A resumption costs the token nothing; 127.0.0.1 has used up what it may.
    full = [handshake_s(context, port, "127.0.0.1") is not None for _ in range(30)]
    assert not all(full)
    assert handshake_s(own_context, port, "127.0.0.1", session)
    wire.close()
    waiting.until(lambda: handshake_s(context, port, f"{FLOOD_NET}.1"), "the next second")


# --- rates, over all workers ---

CROWD, RATE = 8, 2  # many clients all the time; so much a second
WORKERS = 4
COUNTED_S = 3


def counted(read):
    """How often something was done while a few seconds passed, and how often it may have been at most: no second
    of the clock has more than RATE, one more of them has begun than have passed, and what was asked for in the one
    before may be answered now."""
    begun_s, before = time.monotonic(), read()
    waiting.until(lambda: time.monotonic() - begun_s > COUNTED_S, "the time to pass in which it is counted")
    done = read() - before
    return done, RATE * (int(time.monotonic() - begun_s) + 3)


@contextlib.contextmanager
def crowd(port, pki, source):
    """CROWD clients that shake hands again and again, each from source(number); yields what counts the good ones."""
    halt, context, good = threading.Event(), clients.client_context(pki), []

    def one(number):
        while not halt.is_set():
            if handshake_s(context, port, source(number)):
                good.append(None)

    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        for number in range(CROWD):
            pool.submit(one, number + 1)
        try:
            yield lambda: len(good)
        finally:
            halt.set()


def test_all_workers_together_keep_max_signatures_per_second(start, pki):
    """Those of a generation that drains, too."""
    gate = start({"max_signatures_per_second": RATE}, {"handshake_timeout": "10s"}, workers=WORKERS)
    with crowd(gate.ports["raw"], pki, lambda number: f"{OTHER_NET}.{number}"):
        gate.wait_for("session-begin", count=CROWD)
        done, most = counted(lambda: metrics_page.signatures(gate.admin))
        control.reload(gate)
        drained, most_drained = counted(lambda: metrics_page.signatures(gate.admin))
    figures.show(f"max-signatures-per-second {RATE}, {WORKERS} workers", f"{done:.0f} in {COUNTED_S} s",
                 f"{drained:.0f} with a generation that drains", f"{most} at most")
    assert RATE <= done <= most and drained <= most_drained


def test_all_workers_together_keep_handshakes_per_second_per_ip(start, pki):
    gate = start(listener={"handshakes_per_second_per_ip": RATE}, workers=WORKERS)
    with crowd(gate.ports["raw"], pki, lambda _: f"{FLOOD_NET}.1") as good:
        done, most = counted(good)
        other = handshake_s(clients.client_context(pki), gate.ports["raw"], f"{OTHER_NET}.1")
    figures.show(f"handshakes-per-second-per-ip {RATE}, {WORKERS} workers", f"{done} in {COUNTED_S} s", f"{most} at most")
    assert RATE <= done <= most and other
