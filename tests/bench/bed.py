"""What the bench programs stand on: the flow tests' p11gate, token and servers, without pytest."""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))


def arguments(description):
    """--build FOLDER, --short; names the build folder to the flow tests' modules, so import those afterwards."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", default=HERE.parent.parent / "build/release", type=pathlib.Path)
    parser.add_argument("--fake-build", type=pathlib.Path,
                        help="the folder that holds tests/fake and tests/bench, when the build has none")
    parser.add_argument("--short", action="store_true", help="one quick turn, to see that the program works")
    chosen = parser.parse_args()
    os.environ["P11GATE_BUILD"] = str(chosen.build.resolve())
    os.environ["P11GATE_FAKE_BUILD"] = str((chosen.fake_build or chosen.build).resolve())
    return chosen


@contextlib.contextmanager
def scratch():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="p11gate-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(folder, backend_port, protocol="tls", prepare=lambda configuration: {}, **listener):
    """A p11gate with one listener; prepare(configuration) returns more environment."""
    import gate
    import pki
    import softhsm

    (folder / "pki").mkdir()
    made = pki.Pki(folder / "pki")
    token = softhsm.Token(folder / "token", made)
    configuration = gate.Configuration(folder, made, token)
    environment = prepare(configuration)
    port = configuration.listener("bench", protocol, backend_port, keys=["ec"], **listener)
    with gate.running(gate.copy_programs(folder / "bin"), configuration, {**token.environment, **environment}) as one:
        one.port, one.pki = port, made
        yield one


@contextlib.contextmanager
def slow_token(folder, signers, protocol="https", backend_port=9):
    """A p11gate whose token is as slow as gate.token.says(); nobody needs to stand behind it. Patient, because
    many wait on purpose."""
    import gate as flow_gate
    import sick_token

    token = sick_token.SickToken(folder / "fake")

    def prepare(configuration):
        configuration.keystores[0].update(module=token.module, signers=signers, sign_timeout="60s")
        return token.environment

    with running(folder, backend_port, protocol, prepare, handshake_timeout="120s", max_sessions=100000) as gate:
        gate.token = token
        gate.wait_for("signer-ready", flow_gate.STOP_S, count=signers)
        yield gate


class Handshakes:
    """Client processes that shake hands for so many seconds (handshakes.c); result() waits for the figures."""

    def __init__(self, kind, port, clients, seconds):
        program = pathlib.Path(os.environ["P11GATE_FAKE_BUILD"]) / "tests/bench/handshakes"
        self.process = subprocess.Popen([program, kind, str(port), str(clients), str(seconds)], stdout=subprocess.PIPE,
                                        text=True)

    def result(self):
        out = self.process.communicate()[0]
        assert self.process.returncode == 0, out
        return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", out)}


def valid(what, result):
    """These figures, when all handshakes were what was asked for; else they say nothing, and this is the end: exit 1."""
    if not result["done"] or result["failed"] or result["other"]:
        sys.exit(f"{what}: {result['done']:.0f} handshakes, {result['failed']:.0f} failed, {result['other']:.0f} of the other "
                 "kind: no figures")
    return result


def verdict(passed, what):
    """A line for people, no exit code: whether a threshold is kept is up to the machine, too."""
    print(f"{'PASS' if passed else 'FAIL'}: {what}", flush=True)


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
