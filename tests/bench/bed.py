"""What the bench programs stand on: the flow tests' p11gate, token and servers, without pytest."""

import argparse
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))


def arguments(description):
    """--build FOLDER, --short; names the build folder to the flow tests' modules, so import those afterwards."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", default=HERE.parent.parent / "build/release", type=pathlib.Path)
    parser.add_argument("--short", action="store_true", help="one quick turn, to see that the program works")
    chosen = parser.parse_args()
    os.environ["P11GATE_BUILD"] = str(chosen.build.resolve())
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
def raw_gate(folder, backend_port, prepare=lambda configuration: {}, **listener):
    """A running p11gate with one `tls` listener; prepare(configuration) returns more environment."""
    import gate
    import pki
    import softhsm

    (folder / "pki").mkdir()
    made = pki.Pki(folder / "pki")
    token = softhsm.Token(folder / "token", made)
    configuration = gate.Configuration(folder, made, token)
    environment = prepare(configuration)
    port = configuration.listener("raw", "tls", backend_port, keys=["ec"], **listener)
    with gate.running(gate.copy_programs(folder / "bin"), configuration, {**token.environment, **environment}) as one:
        one.port, one.pki = port, made
        yield one


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
