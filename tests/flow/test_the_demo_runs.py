"""conf/demo/run: the transfers, the log lines, something to try, and nothing left behind."""

import glob
import os
import signal
import subprocess

import clients
import gate
import pytest
import waiting

DEMO = gate.SOURCE / "conf/demo/run"
FOLDERS = "/tmp/p11gate-demo.*"
LIMIT_S = 280


def left_behind():
    """Processes that were started from a demo's folder."""
    lines = [gate.command_line(int(pid)) for pid in os.listdir("/proc") if pid.isdigit()]
    return [line for line in lines if "/tmp/p11gate-demo." in line]


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    before = set(glob.glob(FOLDERS))
    yield
    assert set(glob.glob(FOLDERS)) == before
    waiting.until(lambda: not left_behind(), "the demo's processes to end")


def test_once():
    result = clients.run([DEMO, "--once"], limit_s=LIMIT_S)
    assert result.returncode == 0, result.stdout + result.stderr
    for text in ("are the same", "received, decrypted and verified", "event=session-begin", "event=session-end",
                 "event=transfer", "event=request", "== Done"):
        assert text in result.stdout, result.stdout


def until_up(demo):
    """Reads what it says up to the commands to try, and returns those."""
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if line.startswith("tail -f "):
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_until_it_is_told_to_end(number):
    with subprocess.Popen([DEMO], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          preexec_fn=gate.end_with_the_test()) as demo:
        listing = next(line for line in until_up(demo) if line.startswith("curl ") and line.endswith("ftps://127.0.0.1:2990/\n"))
        shown = clients.run(["bash", "-c", listing])
        assert shown.returncode == 0 and "invoice.edi" in shown.stdout, shown.stderr
        demo.send_signal(number)
        assert demo.wait(30) == 130
