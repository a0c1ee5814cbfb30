"""H4: a body of 2 GB streams through; the worker's memory does not grow with it."""

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


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_two_gigabytes(make_gate, configuration, web, pki, tmp_path, framing):
    port = configuration.listener("web", "https", web.port)
    gate = make_gate(configuration).start()
    body = tmp_path / "body"
    body.touch()
    os.truncate(body, SIZE)
    words = clients.Curl(pki).words + ["-X", "POST", "-T", body, "-H", "Expect:", f"https://localhost:{port}/as2"]
    if framing == "chunked":
        words += ["-H", "Transfer-Encoding: chunked"]
    with subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as client:
        waiting.until(lambda: web.requests and web.requests[0].get("bytes", 0) > WARM, "the first 100 MB")
        workers = gate.pids("worker")
        before = {pid: memory_kb(pid, "VmRSS") for pid in workers}
        for pid in workers:
            forget_peak(pid)
        assert client.wait(clients.LIMIT_S) == 0
    assert web.requests[0]["bytes"] == SIZE and web.requests[0]["whole"]
    growth = {pid: memory_kb(pid, "VmHWM") - before[pid] for pid in workers}
    print(f"growth in KB after the first 100 MB: {growth}")
    assert len(growth) == 2 and max(growth.values()) < GROWTH_KB_MAX
