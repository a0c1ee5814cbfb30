"""H4: bodies of 2 GB stream through, up and down; a worker's memory does not grow with them."""

import os
import subprocess

import clients
import pytest
import waiting

SIZE = 2 << 30
WARM = 100 << 20
GROWTH_KB_MAX = 1024


def memory_kb(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")


@pytest.fixture
def url(make_gate, configuration, web):
    port = configuration.listener("web", "https", web.port)
    made = make_gate(configuration).start()
    yield made, f"https://localhost:{port}"


def growth_kb(gate, web, counter, words):
    """Runs the client; what each worker's memory has grown behind the first 100 MB that the backend counted."""
    with subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as client:
        waiting.until(lambda: web.requests and web.requests[0].get(counter, 0) > WARM, "the first 100 MB")
        workers = gate.pids("worker")
        before = {pid: memory_kb(pid, "VmRSS") for pid in workers}
        for pid in workers:
            forget_peak(pid)
        assert client.wait(clients.LIMIT_S) == 0
    growth = {pid: memory_kb(pid, "VmHWM") - before[pid] for pid in workers}
    print(f"growth in KB after the first 100 MB: {growth}")
    assert len(growth) == 2
    return max(growth.values())


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_two_gigabytes_up(url, web, pki, tmp_path, framing):
    body = tmp_path / "body"
    body.touch()
    os.truncate(body, SIZE)
    words = clients.Curl(pki).words + ["-X", "POST", "-T", body, "-H", "Expect:", f"{url[1]}/as2"]
    if framing == "chunked":
        words += ["-H", "Transfer-Encoding: chunked"]
    assert growth_kb(url[0], web, "bytes", words) < GROWTH_KB_MAX
    assert web.requests[0]["bytes"] == SIZE and web.requests[0]["whole"]


@pytest.mark.parametrize("path", ["/big", "/big-chunked"])
def test_two_gigabytes_down(url, web, pki, path):
    web.server.big_bytes = SIZE
    words = clients.Curl(pki).words + ["-o", "/dev/null", url[1] + path]
    assert growth_kb(url[0], web, "sent", words) < GROWTH_KB_MAX
    assert int(url[0].wait_for("request")["bytes_out"]) > SIZE
