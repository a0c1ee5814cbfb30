"""Backends and passive addresses as host names: looked up by DNS and by /etc/hosts while p11gate runs, again and
again; an answer that was good stays until there is a better one. p11gate runs in a mount namespace of its own, so
that /etc/hosts and /etc/resolv.conf are the test's."""

import re
import socket
import threading

import clients
import control
import dns_server
import ftp_wire
import gate as gate_module
import pytest
import tcp_backend
import tls_wire
import waiting

WRAPPER = """#!/bin/sh
exec unshare --mount --propagation private sh -c \
'mount --bind {folder}/hosts /etc/hosts && mount --bind {folder}/resolv.conf /etc/resolv.conf && exec {program} "$@"' sh "$@"
"""


class Who:
    """Servers that say their address, at one port of several addresses of this machine."""

    def __init__(self, *hosts):
        self.port = waiting.free_port()
        self.sockets = [socket.create_server((host, self.port)) for host in hosts]
        for made in self.sockets:
            threading.Thread(target=self.serve, args=(made,), daemon=True).start()

    @staticmethod
    def serve(listening):
        for made in tcp_backend.connections(listening):
            with made:
                try:
                    if made.recv(100):
                        made.sendall(made.getsockname()[0].encode())
                except OSError:
                    pass

    def stop(self):
        for made in self.sockets:
            made.close()


@pytest.fixture
def dns():
    server = dns_server.DnsServer()
    yield server
    server.stop()


@pytest.fixture
def who():
    servers = Who("127.0.0.2", "127.0.0.3")
    yield servers
    servers.stop()


@pytest.fixture
def start(configuration, own_folder, program, token, dns):
    """start(hosts) -> a Gate that sees these hosts and the test's name server."""
    made = []

    def make(hosts="127.0.0.1 localhost\n"):
        configuration.top["workers"] = 1
        (own_folder / "hosts").write_text(hosts)
        (own_folder / "resolv.conf").write_text(dns.resolv_conf)
        wrapper = own_folder / "p11gate-with-names"
        wrapper.write_text(WRAPPER.format(folder=own_folder, program=program))
        wrapper.chmod(0o755)
        made.append(gate_module.Gate(wrapper, own_folder, configuration.text(), token.environment))
        return made[-1].start()

    yield make
    for one in made:
        print(one.last_words())
        one.stop()


def ask(pki, port):
    """The address of the backend that serves; "" when there is none."""
    with socket.create_connection(("127.0.0.1", port), tls_wire.LIMIT_S) as plain:
        with clients.client_context(pki).wrap_socket(plain, server_hostname="localhost") as made:
            try:
                made.sendall(b"who are you?")
                return made.recv(100).decode()
            except ftp_wire.CUT:
                return ""


def test_names_become_known_change_and_survive_failures(start, configuration, dns, who, pki):
    ports = {name: configuration.listener(name, "tls", [f"{name}.example.com:{who.port}"], health_check="0")
             for name in ("later", "moves", "fails")}
    dns.answers = {"moves.example.com": ["127.0.0.2"], "fails.example.com": ["127.0.0.2"]}
    gate = start()
    for name in ("moves", "fails"):
        assert gate.wait_for("name-resolved", name=f"{name}.example.com")["addresses"] == "127.0.0.2"
        assert ask(pki, ports[name]) == "127.0.0.2"
    assert gate.wait_for("name-failed", name="later.example.com")["reason"]
    assert ask(pki, ports["later"]) == ""  # the listener is there, the backend is not
    end = gate.wait_for("session-end", listener="later")
    assert end["reason"] == "backend-unreachable" and "later.example.com" in end["detail"]
    # In the next round of questions, five seconds later:
    dns.answers = {"later.example.com": ["127.0.0.3"], "moves.example.com": ["127.0.0.3"],
                   "fails.example.com": dns_server.SERVFAIL}
    gate.wait_for("name-resolved", name="later.example.com")
    gate.wait_for("name-resolved", name="moves.example.com", addresses="127.0.0.3")
    gate.wait_for("name-failed", name="fails.example.com")
    assert [ask(pki, ports[name]) for name in ("later", "moves", "fails")] == ["127.0.0.3", "127.0.0.3", "127.0.0.2"]
    assert len(gate.log("name-resolved")) == 4, gate.last_words()  # only what is new is told


def test_h5_every_address_of_a_name_is_tried(start, configuration, dns, pki):
    one = Who("127.0.0.3")
    port = configuration.listener("both", "tls", [f"both.example.com:{one.port}"], health_check="0")
    dns.answers = {"both.example.com": ["127.0.0.3", "127.0.0.2"]}
    gate = start()
    assert gate.wait_for("name-resolved")["addresses"] == "127.0.0.2 127.0.0.3"
    assert ask(pki, port) == "127.0.0.3"
    assert gate.wait_for("session-end")["backend"] == f"both.example.com:{one.port}"
    one.stop()


def test_hosts_come_first_and_a_reload_reads_them_again(start, configuration, dns, who, pki, own_folder):
    port = configuration.listener("inside", "tls", [f"inside.example.com:{who.port}"])
    dns.answers = {"inside.example.com": ["127.0.0.3"]}
    gate = start("127.0.0.2 other inside.example.com\n")
    assert ask(pki, port) == "127.0.0.2"
    (own_folder / "hosts").write_text("127.0.0.3 inside.example.com\n")
    assert ask(pki, port) == "127.0.0.2"
    control.reload(gate)
    waiting.until(lambda: ask(pki, port) == "127.0.0.3", "the new generation")


def named(wire):
    """The address of the 227."""
    code, text = wire.say("PASV")
    assert code == 227, text
    return ".".join(re.search(r"\((\d+),(\d+),(\d+),(\d+),\d+,\d+\)", text).groups())


def test_c6_a_passive_address_may_be_a_name_and_change(start, configuration, dns, pyftpd, pki):
    port = configuration.listener("files", "ftps", pyftpd.port, passive_address="nat.example.com")
    dns.answers = {"nat.example.com": ["203.0.113.9"]}
    gate = start()
    gate.wait_for("name-resolved", name="nat.example.com")
    wire = ftp_wire.Wire(pki, port, implicit=True)
    assert wire.reply()[0] == 220
    wire.login(pyftpd)
    assert named(wire) == "203.0.113.9"
    # NAT has another address; the session that runs names it, too.
    dns.answers["nat.example.com"] = ["203.0.113.10"]
    gate.wait_for("name-resolved", name="nat.example.com", addresses="203.0.113.10")
    assert named(wire) == "203.0.113.10"
    wire.close()
