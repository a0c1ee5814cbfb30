"""What an administrator gets wrong: a sentence that says what to do, the right exit code, and no second
try of a PIN."""

import shutil
import signal
import socket
import subprocess

import clients
import ftp_wire
import pytest
import softhsm
import tls_wire
import waiting

OK, CONFIGURATION, USAGE, PIN_REFUSED = 0, 1, 2, 77
SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"


def spied(environment, folder):
    """The token through pkcs11-spy: what is called is written down."""
    calls = folder / "calls"
    calls.touch()
    shutil.chown(calls, softhsm.SIGNER_USER)
    return {**environment, "PKCS11SPY": softhsm.MODULE, "PKCS11SPY_OUTPUT": str(calls)}, calls


def outcome(gate, *options):
    """Exit code and what was said."""
    code = gate.start(*options, ready=False).wait_exit()
    return code, gate.text


@pytest.fixture(params=[[], ["-t"]], ids=["run", "check"])
def options(request):
    return request.param


def test_a_good_configuration_passes_the_check(make_gate, configuration, echo):
    configuration.listener("raw", "tls", echo.port)
    code, text = outcome(make_gate(configuration), "-t")
    assert code == OK, text


def test_the_check_can_leave_the_token_alone(make_gate, configuration, echo, token, own_folder):
    configuration.keystores[0]["module"] = SPY
    configuration.listener("raw", "tls", echo.port)
    environment, calls = spied(token.environment, own_folder)
    code, text = outcome(make_gate(configuration, environment), "-t", "--no-token")
    assert code == OK, text
    assert "C_Login" not in calls.read_text()


def test_a_wrong_pin_is_tried_once(make_gate, configuration, echo, own_token, own_folder, options):
    configuration.keystores[0]["module"] = SPY
    configuration.pin_file.write_text("wrong-pin\n")
    configuration.listener("raw", "tls", echo.port)
    environment, calls = spied(own_token.environment, own_folder)
    code, text = outcome(make_gate(configuration, environment), *options)
    assert code == PIN_REFUSED, text
    assert "PIN" in text and "edge" in text
    assert "wrong-pin" not in text
    assert calls.read_text().count("C_Login") == 1
    assert "count low" in own_token.flags().lower()


def test_a_token_that_warns_is_left_alone_unless_forced(make_gate, configuration, echo, own_token, own_folder):
    configuration.keystores[0]["module"] = SPY
    configuration.listener("raw", "tls", echo.port)
    environment, calls = spied(own_token.environment, own_folder)
    with pytest.raises(subprocess.CalledProcessError):
        own_token.run("pkcs11-tool", "--module", softhsm.MODULE, "--login", "--pin", "wrong-pin", "--list-objects")
    own_token.give_to_signer()
    code, text = outcome(make_gate(configuration, environment), "-t")
    assert code == PIN_REFUSED, text
    assert "--force-login" in text and "C_Login" not in calls.read_text()
    code, text = outcome(make_gate(configuration, environment), "-t", "--force-login")
    assert code == OK, text


def test_a_missing_module(make_gate, configuration, echo, options):
    configuration.keystores[0]["module"] = "/nonexistent/module.so"
    configuration.listener("raw", "tls", echo.port)
    code, text = outcome(make_gate(configuration), *options)
    assert code == CONFIGURATION, text
    assert "/nonexistent/module.so" in text and "edge" in text


def test_a_missing_key(make_gate, configuration, echo, options):
    configuration.listener("raw", "tls", echo.port, key_alias="no-such-key")
    code, text = outcome(make_gate(configuration), *options)
    assert code == CONFIGURATION, text
    assert "no-such-key" in text and "p11gate.conf:" in text


def test_a_certificate_of_another_key(make_gate, configuration, echo, pki, options):
    configuration.listener("raw", "tls", echo.port, keys=["rsa"], certificate_file=pki.other_certificate)
    code, text = outcome(make_gate(configuration), *options)
    assert code == CONFIGURATION, text
    assert "server-rsa" in text and "someone else" in text and "p11gate.conf:" in text


def test_a_certificate_file_of_the_key_serves(make_gate, configuration, echo, pki):
    port = configuration.listener("raw", "tls", echo.port, keys=["rsa"], certificate_file=pki.server_files["rsa"][0])
    make_gate(configuration).start()
    assert tls_wire.full_handshake(clients.client_context(pki), port)


def test_a_missing_pin_file(make_gate, configuration, echo, options):
    configuration.pin_file.unlink()
    configuration.listener("raw", "tls", echo.port)
    code, text = outcome(make_gate(configuration), *options)
    assert code == CONFIGURATION, text
    assert str(configuration.pin_file) in text


def test_an_unknown_option_names_the_nearest(make_gate, configuration, echo):
    configuration.listener("raw", "tls", echo.port, idle_timeot="5m")
    code, text = outcome(make_gate(configuration))
    assert code == CONFIGURATION, text
    assert "idle-timeout" in text and "p11gate.conf:" in text


def test_an_address_in_use(make_gate, configuration, echo):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        configuration.listener("raw", "tls", echo.port, bind=f"127.0.0.1:{holder.getsockname()[1]}")
        code, text = outcome(make_gate(configuration))
        assert code == CONFIGURATION, text
        assert f":{holder.getsockname()[1]}" in text


@pytest.mark.parametrize("words, code", [(["--version"], OK), (["--help"], OK), (["--nonsense"], USAGE),
                                         (["-c"], USAGE), (["-c", "/nonexistent/p11gate.conf"], CONFIGURATION)])
def test_the_command_line(program, words, code):
    result = clients.run([program, *words])
    assert result.returncode == code, result.stderr
    assert result.stdout + result.stderr


def test_an_absent_token_is_waited_for(make_gate, configuration, pyftpd, pki, own_token):
    own_token.take_away()
    explicit = configuration.listener("explicit", "ftp", pyftpd.port)
    implicit = configuration.listener("implicit", "ftps", pyftpd.port)
    gate = make_gate(configuration, own_token.environment).start()
    wire = ftp_wire.Wire(pki, explicit)
    assert wire.reply()[0] == 220
    assert wire.say("AUTH TLS")[0] == 431
    assert not tls_wire.full_handshake(clients.client_context(pki), implicit)
    own_token.bring_back()
    waiting.until(lambda: wire.say("AUTH TLS")[0] == 234, "the token to be found")
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit() == OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean(make_gate, configuration, echo, number):
    configuration.listener("raw", "tls", echo.port)
    gate = make_gate(configuration).start()
    gate.signal(number)
    assert gate.wait_exit() == OK


def test_a_second_term_stops_at_once(make_gate, configuration, pyftpd, pki):
    port = configuration.listener("implicit", "ftps", pyftpd.port)
    clients.make_file(pyftpd.files / "endless", 64 << 20)
    gate = make_gate(configuration).start()
    wire = ftp_wire.Wire(pki, port, implicit=True)
    wire.reply()
    wire.login(pyftpd)
    assert wire.open_data("RETR in/endless")
    gate.signal(signal.SIGTERM)
    gate.wait_for("stop")
    gate.signal(signal.SIGTERM)
    assert gate.wait_exit(5) == OK
