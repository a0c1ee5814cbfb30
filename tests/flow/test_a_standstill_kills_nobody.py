"""The machine stands still (a paused virtual machine, a frozen control group): what did nothing in that time did not
hang."""

import concurrent.futures
import contextlib
import os
import signal
import time

import clients
import control
import sick_token
import tls_wire
import waiting

SIGN_TIMEOUT_S = 3
STANDSTILL_S = SIGN_TIMEOUT_S + 2  # a signer is killed that is busy for sign-timeout and 1 s
LOOKS = 2  # by the second answer its loop has turned


@contextlib.contextmanager
def standing_still(gate):
    """The supervisor is the first to go on, and has looked at everybody before they do."""
    children = [*gate.children()]
    for pid in [*children, gate.process.pid]:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
        gate.signal(signal.SIGCONT)
        for _ in range(LOOKS):
            control.status(gate)
    finally:
        for pid in [gate.process.pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def busy(gate):
    return control.status(gate)["keystores"][0]["signers"].get("busy")


def test_a_busy_signer_goes_on(make_gate, configuration, own_folder, token, pki, echo):
    sickness = sick_token.SickToken(own_folder / "fake")
    configuration.keystores[0].update(module=sickness.module, sign_timeout=f"{SIGN_TIMEOUT_S}s", signers=1)
    port = configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration, {**token.environment, **sickness.environment}).start()
    gate.wait_for("signer-ready")
    context, before = clients.client_context(pki), gate.children()
    sickness.says("hang C_Sign")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        handshake = pool.submit(tls_wire.full_handshake, context, port)
        waiting.until(lambda: busy(gate), "a signature to be under way")
        with standing_still(gate):
            begun = time.monotonic()
            waiting.until(lambda: time.monotonic() - begun > STANDSTILL_S, "the standstill to last")
            sickness.says()
        handshake.result()
    waiting.until(lambda: not busy(gate), "the signature to be over")
    assert tls_wire.full_handshake(context, port)
    assert not gate.log("child-kill")
    assert gate.children() == before
