"""`p11gate ctl disable` and `enable` that come while a reload waits for its token: they hold at once, and when the new
generation, or the new policy, has taken over."""

import concurrent.futures

import control
import ftp_recorder
import pytest
import sick_token
import waiting

NAMES = ("a", "b", "c")


@pytest.fixture
def sickness(own_folder):
    return sick_token.SickToken(own_folder / "fake")


@pytest.fixture
def backend():
    made = ftp_recorder.Recorder()
    yield made
    made.stop()


@pytest.fixture
def gate(make_gate, configuration, backend, token, sickness):
    configuration.keystores[0].update(module=sickness.module, signers=1)
    ports = {name: configuration.listener(name, "ftp", backend.port) for name in NAMES}
    made = make_gate(configuration, {**token.environment, **sickness.environment}).start()
    made.wait_for("signer-ready")
    made.ports = ports
    return made


def change_nothing(gate):
    """The token is asked all the same; what is taken over then is the policy."""
    assert gate.path.exists()


def switch(gate, way, name):
    answer = control.ctl(gate, way, name)
    assert answer.returncode == 0, answer.stderr


def disable(gate, name):
    """Workers close their sockets in their own time, and an address that is still bound cannot be enabled."""
    switch(gate, "disable", name)
    waiting.until(lambda: not waiting.connects(gate.ports[name]), f"{name} to be closed")


def listening(gate):
    return {name for name, port in gate.ports.items() if waiting.connects(port)}


@pytest.mark.parametrize("change", [control.change_shape, change_nothing])
def test_switches_turn_in_the_middle(gate, sickness, change):
    disable(gate, "a")
    sickness.says("hang C_Login")
    change(gate)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reload = pool.submit(control.reload_as_it_is, gate)
        gate.wait_for("reload")
        try:
            switch(gate, "enable", "a")
            disable(gate, "b")
            disable(gate, "c")
            switch(gate, "enable", "c")
            assert listening(gate) == {"a", "c"}
            assert not reload.done()
        finally:
            sickness.says()
        reload.result()
    assert listening(gate) == {"a", "c"}
    # What was disabled in the middle can be enabled again.
    switch(gate, "enable", "b")
    assert listening(gate) == set(NAMES)
