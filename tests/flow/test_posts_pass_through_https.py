"""curl posts through HTTPS: bodies whole, framing kept, connections kept, forged headers gone (H3 to H8)."""

import hashlib
import json

import clients
import pytest

SIZE = 5 * 1024 * 1024
FORGED = ("Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-SSL-Client-S-DN", "Forwarded",
          "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Client_Cert", "X_Forwarded_For",
          "X_SSL_Client_Verify")


@pytest.fixture(scope="module")
def gate(gate_running, web_for_all):
    def prepare(configuration):
        return {"web": configuration.listener("web", "https", web_for_all.port),
                "dead": configuration.listener("dead", "https", 1)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def url(gate):
    return f"https://localhost:{gate.ports['web']}"


@pytest.fixture
def curl(pki):
    return clients.Curl(pki)


@pytest.fixture(scope="module")
def sample(scratch):
    return clients.make_file(scratch / "body", SIZE)


def seen(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_body_arrives_whole_in_its_framing(pki, url, web_for_all, sample, tls, framing):
    words = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" else []
    record = seen(clients.Curl(pki, tls)("--data-binary", f"@{sample}", *words, f"{url}/as2"))
    assert record["sha256"] == clients.digest(sample) and record["bytes"] == SIZE
    lengths, codings = web_for_all.headers("Content-Length"), web_for_all.headers("Transfer-Encoding")
    assert (lengths, codings) == (([], ["chunked"]) if framing == "chunked" else ([str(SIZE)], []))


def test_a_connection_is_kept_on_both_sides(curl, url, web_for_all):
    before = len(web_for_all.requests)
    result = curl("-d", "one", f"{url}/as2", "--next", "-sS", *curl.words[2:4], "-d", "two", f"{url}/as2", "-w", "%{num_connects}")
    assert result.returncode == 0 and result.stdout.endswith("}0"), result.stdout
    first, second = web_for_all.requests[before:]
    assert first["connection"] == second["connection"]


def test_two_clients_never_share_a_backend_connection(curl, url):
    assert seen(curl("-d", "x", f"{url}/as2"))["connection"] != seen(curl("-d", "x", f"{url}/as2"))["connection"]


def test_a_client_that_waits_for_100_continue_gets_it(curl, url, sample):
    result = curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary", f"@{sample}", f"{url}/as2")
    assert seen(result)["bytes"] == SIZE
    assert "HTTP/1.1 100" in result.stderr


def test_an_early_refusal_reaches_the_client_without_the_body(curl, url, sample, web_for_all):
    before = len(web_for_all.requests)
    result = curl("-w", "%{http_code} %{size_upload}", "-H", "Expect: 100-continue", "--expect100-timeout", "60",
                  "--data-binary", f"@{sample}", f"{url}/refuse-early")
    assert result.stdout == "no thanks417 0"
    assert len(web_for_all.requests) == before


def test_an_answer_before_the_body_ends_is_relayed(curl, url, sample):
    result = curl("-w", "%{http_code}", "--data-binary", f"@{sample}", "-H", "Expect:", f"{url}/answer-before-body")
    assert result.stdout == "too large413", result.stderr


@pytest.mark.parametrize("path, body", [("/chunked", "first second third"), ("/until-close", "all of it")])
def test_answers_are_relayed_in_each_framing(curl, url, path, body):
    result = curl(f"{url}{path}")
    assert (result.returncode, result.stdout) == (0, body)


def test_a_large_answer_arrives_whole(curl, url, web_for_all, tmp_path):
    assert curl("-o", tmp_path / "big", f"{url}/big").returncode == 0
    assert clients.digest(tmp_path / "big") == hashlib.sha256(bytes(web_for_all.server.big_bytes)).hexdigest()


def test_an_answer_that_is_cut_is_an_error_for_the_client(curl, url):
    result = curl(f"{url}/in-part")
    assert result.returncode != 0 and result.stdout == "not all of it"


@pytest.mark.parametrize("path, code", [("/nothing", "502"), ("/bad-framing", "502"), ("/close-before-body", "502")])
def test_a_backend_that_fails_is_502(curl, url, path, code):
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x", f"{url}{path}").stdout == code


def test_a_backend_that_is_not_there_is_503_with_retry_after(curl, gate):
    result = curl("-i", "-d", "x", f"https://localhost:{gate.ports['dead']}/as2")
    assert result.stdout.startswith("HTTP/1.1 503 ") and "\nretry-after:" in result.stdout.lower()


def test_a_head_has_no_body(curl, url):
    result = curl("--head", "-w", "%{http_code}", f"{url}/as2")
    assert result.returncode == 0 and result.stdout.endswith("200")


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_identity_is_removed(curl, url, name):
    record = seen(curl("-H", f"{name}: forged-6.6.6.6", "-d", "x", f"{url}/as2"))
    assert "forged" not in json.dumps(record)


def test_a_connection_header_cannot_remove_what_we_set(curl, url, web_for_all):
    seen(curl("-H", "Connection: keep-alive, X-Forwarded-For, Forwarded, Content-Length, X-Hop", "-H", "X-Hop: 1", "-d", "x",
              f"{url}/as2"))
    assert web_for_all.headers("X-Forwarded-For") == ["127.0.0.1"]
    assert web_for_all.headers("Content-Length") == ["1"]
    assert web_for_all.headers("X-Hop") == []


def test_the_backend_learns_who_the_client_is(curl, url, gate, web_for_all):
    seen(curl("-d", "x", f"{url}/as2"))
    host = f"localhost:{gate.ports['web']}"
    assert web_for_all.headers("X-Forwarded-For") == ["127.0.0.1"]
    assert web_for_all.headers("X-Forwarded-Proto") == ["https"]
    assert web_for_all.headers("X-Forwarded-Host") == [host]
    assert web_for_all.headers("Host") == [host]
    forwarded = web_for_all.headers("Forwarded")
    assert len(forwarded) == 1 and "127.0.0.1" in forwarded[0] and "proto=https" in forwarded[0]


def test_as2_headers_arrive_as_they_were(curl, url, web_for_all):
    seen(curl("-H", 'AS2-From: "AcMe  GmbH"', "-H", "AS2-To: Edge", "-H", "Message-ID: <A@b>", "-d", "x", f"{url}/as2"))
    assert web_for_all.headers("AS2-From") == ['"AcMe  GmbH"']
    assert web_for_all.headers("Message-ID") == ["<A@b>"]


def test_only_http_1_1_is_chosen(curl, url):
    result = curl("--http2", "-w", "%{http_version}", "-o", "/dev/null", f"{url}/as2")
    assert (result.returncode, result.stdout) == (0, "1.1")
