"""conf/demo/run --once: the transfers, the log lines, and nothing left behind."""

import glob
import os
import pathlib

import clients

SOURCE = pathlib.Path(os.environ["P11GATE_SOURCE"])


def test_the_demo_runs_once():
    before = set(glob.glob("/tmp/p11gate-demo.*"))
    result = clients.run([SOURCE / "conf/demo/run", "--once"], limit_s=280)
    assert result.returncode == 0, result.stdout + result.stderr
    for text in ("are the same", "received, decrypted and verified", "event=session-begin", "event=session-end",
                 "event=transfer", "event=request", "== Done"):
        assert text in result.stdout, result.stdout
    assert set(glob.glob("/tmp/p11gate-demo.*")) == before
