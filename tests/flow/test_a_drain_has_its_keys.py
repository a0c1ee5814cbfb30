"""A token that comes back while p11gate drains signs for the sessions that are left."""

import clients
import control
import ftp_wire
import sick_token
import tls_wire
import waiting

CONTENT = b"0123456789abcdef" * 4096


def test_data_channels_of_a_drain_are_signed_for(make_gate, configuration, own_folder, token, pki, pyftpd, echo):
    sickness = sick_token.SickToken(own_folder / "fake")
    configuration.keystores[0].update(module=sickness.module, signers=1)
    port = configuration.listener("ftp", "ftp", pyftpd.port)
    raw = configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration, {**token.environment, **sickness.environment}).start()
    gate.wait_for("signer-ready")
    wire = ftp_wire.Wire(pki, port)
    assert wire.reply()[0] == 220
    wire.start_tls()
    wire.login(pyftpd)
    assert wire.say("CWD in")[0] == 250
    sickness.says("absent")
    waiting.until(lambda: not tls_wire.full_handshake(clients.client_context(pki), raw) and gate.log("keystore-absent"),
                  "the token to be missed")
    assert control.ctl(gate, "drain").returncode == 0
    waiting.until(lambda: not waiting.connects(port), "the port to be closed")
    sickness.says()
    gate.wait_for("keystore-up", count=2)
    data = wire.open_data("STOR in-a-drain", reuse=False)
    data.sendall(CONTENT)
    ftp_wire.say_end(data)
    data.close()
    assert wire.reply()[0] == 226
    assert wire.say("QUIT")[0] == 221
    wire.close()
    assert gate.wait_exit() == 0
