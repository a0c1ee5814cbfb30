"""/metrics counts what partners did and what the token answered, across the deaths of processes; /readyz says
whether every keystore can sign."""

import http.client
import os
import pathlib
import re
import signal

import clients
import load
import pytest
import sick_token
import softhsm
import tls_wire
import waiting

SAMPLE = re.compile(r'([a-z0-9_]+)((?:\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)*\})?) ([0-9.]+)')
SIGNERS = 2


@pytest.fixture
def sickness(own_folder):
    return sick_token.SickToken(own_folder / "fake")


def pages(configuration):
    """Adds the address of the pages; returns its port."""
    port = waiting.free_port()
    configuration.top["admin"] = {"bind": f"127.0.0.1:{port}", "control_socket": ""}
    return port


@pytest.fixture
def gate(make_gate, configuration, echo, web, pyftpd, token, sickness):
    configuration.keystores[0].update(module=sickness.module)
    ports = {"raw": configuration.listener("raw", "tls", echo.port, keys=["ec"]),
             "web": configuration.listener("web", "https", web.port),
             "ftp": configuration.listener("ftp", "ftps", pyftpd.port), "pages": pages(configuration)}
    gate = make_gate(configuration, {**token.environment, **sickness.environment}).start()
    gate.ports = ports
    gate.wait_for("signer-ready", count=SIGNERS)
    return gate


def get(gate, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", gate.ports["pages"], timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def metrics(gate):
    """name{labels} -> number; every line of the text is checked on the way."""
    status, text = get(gate, "/metrics")
    assert status == 200
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in types
            types[name] = kind
            continue
        made = SAMPLE.fullmatch(line)
        assert made, line
        family = re.sub(r"_(bucket|sum|count)$", "", made[1]) if types.get(made[1]) is None else made[1]
        assert family == list(types)[-1], line
        assert made[1] + made[2] not in samples, line
        samples[made[1] + made[2]] = float(made[3])
    return samples


def until_metric(gate, sample, wanted):
    """What is counted when a session ends is there a moment after its log line."""
    waiting.until(lambda: metrics(gate).get(sample) == wanted,
                  f"{sample} {wanted}, in the end {metrics(gate).get(sample)}")


def until_signers(gate, state, count):
    until_metric(gate, f'p11gate_signers{{keystore="edge",state="{state}"}}', count)


def ready(gate):
    return get(gate, "/readyz")


def raw_session(pki, gate, words=b"x" * 1000):
    conversation = tls_wire.Conversation(clients.client_context(pki, "1.3"), gate.ports["raw"])
    assert conversation.echo(words)
    conversation.say_end()
    conversation.receive_all()
    conversation.close()


def test_what_partners_do_is_counted(gate, pki, pyftpd):
    before = metrics(gate)
    assert before['p11gate_sessions{listener="raw"}'] == 0
    resuming = load.Resumption(pki, gate.ports["raw"])
    assert resuming.again()
    raw_session(pki, gate)
    with tls_wire.socket.create_connection(("127.0.0.1", gate.ports["raw"])) as rude:
        rude.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while rude.recv(4096):
            continue
    until_metric(gate, 'p11gate_handshakes_total{listener="raw",kind="full"}', 2)
    until_metric(gate, 'p11gate_handshakes_total{listener="raw",kind="resumed"}', 1)
    until_metric(gate, 'p11gate_handshakes_total{listener="raw",kind="failed"}', 1)
    until_metric(gate, 'p11gate_sessions_total{listener="raw",reason="handshake-failed"}', 1)
    until_metric(gate, 'p11gate_bytes_total{listener="raw",direction="in"}', 1008)
    until_metric(gate, 'p11gate_sign_seconds_count{keystore="edge"}', 2)
    until_metric(gate, 'p11gate_sessions{listener="raw"}', 0)
    after = metrics(gate)
    assert 0 < after['p11gate_sign_seconds_sum{keystore="edge"}'] < 10
    assert after['p11gate_sign_seconds_bucket{keystore="edge",le="+Inf"}'] == 2


def test_requests_and_transfers_are_counted(gate, pki, pyftpd):
    posted = clients.Curl(pki)("-d", "an order", f"https://localhost:{gate.ports['web']}/as2")
    assert posted.returncode == 0, posted.stderr
    until_metric(gate, 'p11gate_http_requests_total{listener="web",code="200"}', 1)
    (pyftpd.files / "counted").write_bytes(b"x" * 5000)
    ftp = clients.FtpsCurl(pki, pyftpd, gate.ports["ftp"], True, "EPSV", "1.3")
    assert ftp.do(ftp.base + "counted") == "x" * 5000
    until_metric(gate, 'p11gate_transfers_total{listener="ftp",result="done"}', 1)
    missing = ftp.curl(ftp.base + "missing")
    assert missing.returncode != 0
    until_metric(gate, 'p11gate_sessions{listener="ftp"}', 0)
    now = metrics(gate)
    assert now['p11gate_bytes_total{listener="ftp",direction="out"}'] > 5000
    assert now["p11gate_log_lines_dropped_total"] == 0


def test_a_session_that_lives_is_a_session(gate, pki):
    conversation = tls_wire.Conversation(clients.client_context(pki), gate.ports["raw"])
    assert conversation.echo(b"here")
    until_metric(gate, 'p11gate_sessions{listener="raw"}', 1)
    conversation.close()
    until_metric(gate, 'p11gate_sessions{listener="raw"}', 0)


def test_errors_of_the_token_are_counted_by_name(gate, pki, sickness):
    context = clients.client_context(pki)
    sickness.says("fail C_Sign 1 CKR_DEVICE_REMOVED")
    assert tls_wire.full_handshake(context, gate.ports["raw"])
    # The signer that said so is dead by now: its count is the history's.
    until_metric(gate, 'p11gate_sign_errors_total{keystore="edge",ckr="CKR_DEVICE_REMOVED"}', 1)
    until_metric(gate, 'p11gate_sign_resent_total{keystore="edge"}', 1)
    until_signers(gate, "ready", SIGNERS)
    assert metrics(gate)['p11gate_sign_errors_total{keystore="edge",ckr="CKR_DEVICE_REMOVED"}'] == 1


def test_slow_signatures_are_in_the_late_buckets(gate, pki, sickness):
    sickness.says("delay_ms 120")
    assert tls_wire.full_handshake(clients.client_context(pki), gate.ports["raw"])
    now = metrics(gate)
    assert now['p11gate_sign_seconds_bucket{keystore="edge",le="0.1"}'] == 0
    assert now['p11gate_sign_seconds_bucket{keystore="edge",le="5"}'] == 1


def test_signers_are_seen_at_work(gate, pki, sickness):
    until_signers(gate, "ready", SIGNERS)
    sickness.says("hang C_Sign")
    task = load.Task(load.full_handshakes, pki, gate.ports["raw"], 1)
    waiting.until(lambda: metrics(gate)['p11gate_signers{keystore="edge",state="busy"}'] > 0, "a busy signer")
    sickness.says()
    task.end()
    until_signers(gate, "ready", SIGNERS)


def test_ready_follows_the_token(gate, pki, sickness):
    waiting.until(lambda: ready(gate) == (200, "ready\n"), "readiness")
    sickness.says("absent")
    # What shows that it is gone is a signature that fails.
    tls_wire.full_handshake(clients.client_context(pki), gate.ports["raw"])
    waiting.until(lambda: ready(gate)[0] == 503, "the token to be missed")
    assert ready(gate)[1].startswith('keystore "edge" cannot sign: ')
    assert get(gate, "/healthz") == (200, "ok\n")
    sickness.says()
    waiting.until(lambda: ready(gate)[0] == 200, "the token to be found")


def test_it_is_alive_but_not_ready_without_a_token(make_gate, configuration, echo, own_folder, pki):
    absent = softhsm.Token(own_folder / "absent")
    configuration.listener("raw", "tls", echo.port)
    port = pages(configuration)
    gate = make_gate(configuration, absent.environment)
    gate.ports = {"pages": port}
    gate.start()
    assert get(gate, "/healthz")[0] == 200
    status, words = ready(gate)
    assert status == 503 and "edge" in words


def test_what_a_dead_worker_had_counted_stays(gate, pki):
    for _ in range(4):
        raw_session(pki, gate)
    sample = 'p11gate_handshakes_total{listener="raw",kind="full"}'
    until_metric(gate, sample, 4)
    workers = gate.pids("worker")
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    gate.until_pids("worker", lambda pids: len(pids) == len(workers) and not set(pids) & set(workers))
    assert metrics(gate)[sample] == 4
    waiting.until(lambda: waiting.connects(gate.ports["raw"]), "a worker")
    raw_session(pki, gate)
    until_metric(gate, sample, 5)


def test_a_new_housekeeper_knows_what_the_old_one_knew(gate, pki):
    raw_session(pki, gate)
    sample = 'p11gate_handshakes_total{listener="raw",kind="full"}'
    until_metric(gate, sample, 1)
    waiting.until(lambda: ready(gate)[0] == 200, "readiness")
    old = gate.pids("housekeeper")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    gate.until_pids("housekeeper", lambda pids: len(pids) == 1 and pids != old)
    assert metrics(gate)[sample] == 1
    waiting.until(lambda: ready(gate)[0] == 200, "readiness, from the new one")
    until_signers(gate, "ready", SIGNERS)


def reload(gate, configuration, count):
    gate.path.write_text(configuration.text())
    gate.signal(signal.SIGHUP)
    gate.wait_for("reload-done", count=count)


@pytest.fixture
def two_keystores(make_gate, configuration, echo, token):
    """Not started: its listeners and keystores can be turned round."""
    configuration.keystore("other", token=f"pkcs11:token={token.name}", signers=1)
    ports = {"raw": configuration.listener("raw", "tls", echo.port, keys=["ec"])}
    configuration.listener("two", "tls", echo.port, keys=["ec"], keystore="other")
    ports["pages"] = pages(configuration)
    gate = make_gate(configuration)
    gate.ports = ports
    return gate


def test_a_reload_that_renumbers_listeners_keeps_every_count(two_keystores, configuration, pki):
    gate = two_keystores.start()
    raw_session(pki, gate)
    living = tls_wire.Conversation(clients.client_context(pki), gate.ports["raw"])
    assert living.echo(b"before")
    sample = 'p11gate_handshakes_total{listener="raw",kind="full"}'
    until_metric(gate, sample, 2)
    configuration.listeners.reverse()
    reload(gate, configuration, 1)
    assert living.echo(b"after")
    raw_session(pki, gate)
    until_metric(gate, sample, 3)
    assert metrics(gate)['p11gate_handshakes_total{listener="two",kind="full"}'] == 0
    until_metric(gate, 'p11gate_sessions{listener="raw"}', 1)
    living.close()
    # The old generation ends with its last session, and what its workers had counted stays.
    until_signers(gate, "ready", SIGNERS)
    until_metric(gate, 'p11gate_sessions{listener="raw"}', 0)
    assert metrics(gate)[sample] == 3


def test_a_reload_that_renumbers_keystores_keeps_their_names(two_keystores, configuration, pki):
    gate = two_keystores.start()
    gate.wait_for("signer-ready", count=SIGNERS + 1)
    raw_session(pki, gate)
    configuration.keystores.reverse()
    reload(gate, configuration, 1)
    gate.wait_for("generation-end")
    # Nobody of the old set is left, and nobody of the new one is logging in.
    gate.until_pids("signer", lambda pids: len(pids) == SIGNERS + 1)
    until_signers(gate, "ready", SIGNERS)
    until_metric(gate, 'p11gate_signers{keystore="other",state="ready"}', 1)
    until_metric(gate, 'p11gate_sign_seconds_count{keystore="edge"}', 1)
    # Signers that start after the reload are counted where they belong, too.
    old = gate.pids("signer")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    gate.until_pids("signer", lambda pids: len(pids) == SIGNERS + 1 and not set(pids) & set(old))
    until_signers(gate, "ready", SIGNERS)
    until_metric(gate, 'p11gate_signers{keystore="other",state="ready"}', 1)
    waiting.until(lambda: ready(gate)[0] == 200, "readiness")


def test_every_metric_is_documented_with_its_type_and_labels(gate, pki, sickness):
    sickness.says("fail C_Sign 1 CKR_DEVICE_REMOVED")
    raw_session(pki, gate)
    until_metric(gate, 'p11gate_sign_errors_total{keystore="edge",ckr="CKR_DEVICE_REMOVED"}', 1)
    posted = clients.Curl(pki)("-d", "an order", f"https://localhost:{gate.ports['web']}/as2")
    assert posted.returncode == 0, posted.stderr
    for family in ("p11gate_backend_up", "p11gate_http_requests_total", "p11gate_sessions_total"):
        waiting.until(lambda name=family: any(sample.startswith(name + "{") for sample in metrics(gate)), family)
    text = (pathlib.Path(os.environ["P11GATE_SOURCE"]) / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `(p11gate_\w+)` \| (\w+) \|([^|]*)\|", text, re.MULTILINE)
    documented = {name: (kind, labels.strip()) for name, kind, labels in rows}
    served = {}
    for line in get(gate, "/metrics")[1].splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            served[name] = (kind, None)
        elif not line.startswith("#"):
            labels = [label for label in re.findall(r'(\w+)="', line) if label != "le"]
            served[name] = (kind, ", ".join(labels))
    assert served == documented


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404), ("GET", "/metricsx", 404), ("POST", "/metrics", 405), ("DELETE", "/healthz", 405),
    ("HEAD", "/metrics", 200), ("GET", "/metrics?name=x", 200)])
def test_nothing_else_is_served(gate, method, path, status):
    assert get(gate, path, method)[0] == status


def test_without_an_address_there_are_no_pages(make_gate, configuration, echo):
    configuration.listener("raw", "tls", echo.port)
    configuration.top["admin"] = {"bind": "", "control_socket": ""}
    gate = make_gate(configuration).start()
    keeper = gate.pids("housekeeper")[0]
    with open(f"/proc/{keeper}/maps", encoding="utf-8") as maps:
        assert "libmicrohttpd" not in maps.read()


def test_no_other_process_has_the_http_library(gate):
    assert get(gate, "/healthz")[0] == 200
    for role, wanted in (("housekeeper", True), ("worker", False), ("signer", False)):
        for pid in gate.pids(role):
            with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
                assert ("libmicrohttpd" in maps.read()) == wanted, role
