"""max-sessions, max-sessions-per-ip and a partner's max-sessions are counted over all workers of the machine, to the
last one: never one more, and each that ends makes room."""

import contextlib
import http.client
import os
import socket

import clients
import control
import ftp_recorder
import partner_certificates
import pytest
import waiting

WORKERS, MAX, PER_IP, PER_PARTNER = 4, 10, 3, 5


@pytest.fixture(scope="module")
def backend():
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


@pytest.fixture
def gate(make_gate, configuration, backend, web, own_folder):
    configuration.top["workers"] = WORKERS
    certificate = partner_certificates.make("acme").write(own_folder, "acme")
    configuration.partners = [{"alias": "acme", "certificate_file": certificate[0], "max_sessions": PER_PARTNER}]
    ports = {
        "all": configuration.listener("all", "ftp", backend.port, max_sessions=MAX),
        "each": configuration.listener("each", "ftp", backend.port, max_sessions_per_ip=PER_IP),
        "partner": configuration.listener("partner", "https", web.port, client_certificate="require"),
    }
    made = make_gate(configuration).start()
    made.ports, made.certificate, made.configuration = ports, certificate, configuration
    return made


def connect(port, source="127.0.0.1"):
    """The socket and the code of the greeting."""
    made = socket.create_connection(("127.0.0.1", port), 20, (source, 0))
    return made, int(made.recv(3))


def crowd(port, count, source="127.0.0.1"):
    """As many as are let in; the others have their 421."""
    inside = []
    for _ in range(count):
        made, code = connect(port, source)
        if code == 220:
            inside.append(made)
        else:
            assert code == 421
            made.close()
    return inside


def leave(gate, inside, count, listener):
    """So many of them end, and p11gate knows."""
    ended = len(gate.log("session-end", listener=listener))
    for _ in range(count):
        inside.pop().close()
    gate.wait_for("session-end", listener=listener, count=ended + count)


def test_a_listener_has_its_sessions_and_no_more(gate):
    inside = crowd(gate.ports["all"], 3 * MAX)
    assert len(inside) == MAX
    assert gate.wait_for("session-refused", listener="all", reason="too-many", detail="max-sessions")
    leave(gate, inside, 4, "all")
    inside += crowd(gate.ports["all"], 3 * MAX)
    assert len(inside) == MAX
    # Its neighbours are not concerned.
    assert connect(gate.ports["each"])[1] == 220


def test_an_address_has_its_sessions_and_no_more(gate):
    inside = crowd(gate.ports["each"], 4 * PER_IP)
    assert len(inside) == PER_IP
    assert gate.wait_for("session-refused", listener="each", reason="too-many", detail="max-sessions-per-ip")
    others = crowd(gate.ports["each"], 4 * PER_IP, "127.0.0.2")
    assert len(others) == PER_IP
    leave(gate, inside, 1, "each")
    assert len(crowd(gate.ports["each"], 4 * PER_IP)) == 1


def test_what_a_dead_worker_had_is_free_again(gate):
    inside = crowd(gate.ports["all"], 3 * MAX)
    assert len(inside) == MAX
    before = gate.pids("worker")
    for pid in before:
        os.kill(pid, 9)
    gate.until_pids("worker", lambda pids: len(pids) == WORKERS and not set(pids) & set(before))
    assert len(crowd(gate.ports["all"], 3 * MAX)) == MAX


def test_generations_are_counted_together(gate):
    inside = crowd(gate.ports["all"], MAX - 3)
    control.reload(gate)
    assert len(crowd(gate.ports["all"], 2 * MAX)) == 3
    assert len(inside) == MAX - 3


def asked(gate, kept):
    """The status of one request on a connection of its own, which stays open."""
    context = clients.client_context(gate.configuration.pki)
    context.load_cert_chain(*gate.certificate)
    made = http.client.HTTPSConnection("localhost", gate.ports["partner"], timeout=20, context=context)
    made.request("GET", "/")
    answer = made.getresponse()
    answer.read()
    if answer.status == 200:
        kept.append(made)
    return answer.status


def test_a_partner_has_its_sessions_and_no_more(gate):
    kept = []
    answers = [asked(gate, kept) for _ in range(3 * PER_PARTNER)]
    assert sorted(set(answers)) == [200, 403] and len(kept) == PER_PARTNER
    # A session has its place once, however many requests it makes.
    for made in kept:
        made.request("GET", "/")
        assert made.getresponse().read() is not None
    kept.pop().close()
    waiting.until(lambda: asked(gate, kept) == 200, "the place that became free")
    assert len(kept) == PER_PARTNER
    gate.configuration.partners[0]["max_sessions"] = PER_PARTNER + 1
    gate.path.write_text(gate.configuration.text())
    control.reload_policy(gate)
    assert asked(gate, kept) == 200
    assert asked(gate, kept) == 403


def test_a_burst_from_everywhere_keeps_the_limit(gate):
    """All at once, so that workers decide side by side."""
    sockets = []
    with contextlib.ExitStack() as stack:
        for _ in range(6 * MAX):
            made = stack.enter_context(socket.socket())
            made.setblocking(False)
            made.connect_ex(("127.0.0.1", gate.ports["all"]))
            sockets.append(made)
        codes = []
        for made in sockets:
            made.settimeout(20)
            codes.append(int(made.recv(3)))
        assert codes.count(220) <= MAX and set(codes) <= {220, 421}
        # None of them is lost for good: whoever comes now fills what two refused at the same moment have left.
        waiting.until(lambda: len(crowd_more(gate, stack)) + codes.count(220) >= MAX, "a full house")


def crowd_more(gate, stack):
    """Those who are let in stay until the test ends."""
    gate.late = getattr(gate, "late", [])
    for made in crowd(gate.ports["all"], 1):
        gate.late.append(stack.enter_context(made))
    return gate.late
