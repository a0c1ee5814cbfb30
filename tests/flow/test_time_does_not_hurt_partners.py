"""What takes its time: a token that is away for minutes, an idle link that a firewall dropped (found and replaced
before any client needs it), sessions that cannot be opened until the signers that wait for them are killed. All at
once, each in a p11gate of its own, with partners connected, resuming and echoing all the while."""

import contextlib
import os
import signal
import time

import clients
import figures
import gate as gate_module
import load
import pytest
import sick_token
import tls_wire
import waiting

SIGNERS = 2
RESUMING = 2
PAUSE_S = 0.1  # between two resumptions of a client: two minutes are long
AWAY_S = 125
IDLE_FOUND_WITHIN_S = 90  # idle signers ask every 60 s; then 2 s of sign-timeout and 1 s
OPENING_KILLED_WITHIN_S = 30
HEALED_WITHIN_S = 20


class Scene:
    def __init__(self, stack, name, program, folder, pki, token, echo):
        self.name, self.pki = name, pki
        self.sick = sick_token.SickToken(folder / "fake")
        configuration = gate_module.Configuration(folder, pki, token)
        configuration.keystores[0].update(module=self.sick.module, signers=SIGNERS, sign_timeout="2s")
        self.port = configuration.listener("raw", "tls", echo.port)
        self.gate = stack.enter_context(
            gate_module.running(program, configuration, {**token.environment, **self.sick.environment}))
        stack.callback(self.sick.says)
        self.gate.wait_for("signer-ready", count=SIGNERS)
        self.old = self.gate.pids("signer")
        self.tasks = {"resumed": load.Task(load.resumed_handshakes, pki, self.port, RESUMING, PAUSE_S),
                      "echo": load.Task(load.established_echo, pki, self.port)}
        for task in self.tasks.values():
            stack.callback(task.kill)

    def full_handshake(self):
        return tls_wire.full_handshake(clients.client_context(self.pki), self.port)

    def heals(self):
        self.sick.says()
        waiting.until(self.full_handshake, f"{self.name} to heal: {self.gate.last_words()}", HEALED_WITHIN_S)
        self.gate.until_pids("signer", lambda pids: len(pids) == SIGNERS and not set(pids) & set(self.old))

    def nobody_noticed(self):
        attempts = {name: task.end() for name, task in self.tasks.items()}
        figures.show(self.name, *(f"{name}: {len(made)}, failed {load.failures(made)}, "
                                  f"longest {load.longest_wait_s(made) * 1000:.0f} ms" for name, made in attempts.items()))
        for name, made in attempts.items():
            assert made and load.failures(made) == 0, (self.name, name, load.causes(made))


@pytest.fixture
def scenes(program, new_folder, pki, token, echo):
    with contextlib.ExitStack() as stack:
        yield {name: Scene(stack, name, program, new_folder(), pki, token, echo)
               for name in ("away for minutes", "dropped when idle", "no session to be had")}


def test_minutes_pass_and_partners_notice_nothing(scenes):
    away, idle, stuck = scenes.values()
    for scene in scenes.values():
        assert scene.full_handshake()
    away.sick.says("absent")
    waiting.until(lambda: not away.full_handshake() and away.gate.log("keystore-absent"), "it to be missed")
    away_since_s = time.monotonic()
    idle.sick.says("hang C_GetSessionInfo")
    stuck.sick.says("hang C_OpenSession")
    for pid in stuck.old:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    killed = stuck.gate.wait_for("child-kill", OPENING_KILLED_WITHIN_S, process="signer")
    assert "could not open its token" in killed["reason"]
    stuck.heals()

    # No client has asked for a signature since.
    idle.gate.wait_for("child-kill", IDLE_FOUND_WITHIN_S, count=SIGNERS, process="signer")
    idle.heals()

    waiting.until(lambda: time.monotonic() - away_since_s > AWAY_S, "two minutes", AWAY_S + 10)
    assert len(away.gate.log("keystore-absent")) == 1
    away.heals()
    for scene in scenes.values():
        scene.nobody_noticed()
