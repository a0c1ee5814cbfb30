"""`p11gate ctl`, as an administrator types it."""

import itertools
import json
import re

import clients

shapes = itertools.count(1)


def ctl(gate, *words, user=None):
    """The CompletedProcess; user: somebody else than root."""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return clients.run([*become, gate.program, "ctl", "-s", gate.folder / "control", *words])


def status(gate):
    answer = ctl(gate, "--json", "status")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def change_shape(gate):
    """The next reload makes a new generation, whatever else has changed: a listener has another description."""
    text, changed = re.subn(r'(listeners = \(\s*\{ )(?:description = "shape \d+"; )?',
                            rf'\1description = "shape {next(shapes)}"; ', gate.path.read_text(), count=1)
    assert changed == 1
    fresh = gate.path.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.rename(gate.path)


def reload(gate):
    """A new generation, also where the test has changed nothing in the file."""
    change_shape(gate)
    assert reload_as_it_is(gate) == "reloaded: a new generation serves\n"


def reload_policy(gate):
    """Nothing but policy has changed."""
    assert reload_as_it_is(gate) == "reloaded: the policy, in running workers\n"


def reload_as_it_is(gate):
    """What ctl says of it."""
    answer = ctl(gate, "reload")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def reload_fails(gate):
    """Why."""
    answer = ctl(gate, "reload")
    assert (answer.returncode, answer.stdout) == (1, "")
    return answer.stderr
