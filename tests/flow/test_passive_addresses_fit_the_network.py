"""C6, F9, F21: the 227 names the address that the client's network reaches, and the port that NAT maps; never one
outside of the range, also while two generations share it."""

import re

import control
import ftp_wire
import metrics_page
import pytest
import waiting

NETWORKS = [{"network": "127.0.0.0/24", "address": "10.1.1.1"}, {"network": "127.0.0.8/29", "address": "10.2.2.2"},
            {"network": "127.1.0.0/16", "address": "localhost"}, {"network": "127.2.0.0/16", "address": "nowhere.invalid"}]
SHIFT = 10000


@pytest.fixture(scope="module")
def gate(gate_running, pyftpd):
    first, last = waiting.free_port_range(10)
    two, _ = waiting.free_port_range(2)
    six = waiting.free_port()

    def prepare(configuration):
        def add(alias, **options):
            return configuration.listener(alias, "ftps", pyftpd.port, **options)

        return {"dialled": add("dialled"), "address": add("address", passive_address="203.0.113.7"),
                "name": add("name", passive_address="localhost"),
                "networks": add("networks", passive_address="203.0.113.7", passive_address_for=NETWORKS),
                "mapped": add("mapped", passive_ports=f"{first}-{last}",
                              passive_ports_advertised=f"{first + SHIFT}-{last + SHIFT}"),
                "six": add("six", bind=f"[::1]:{six}", passive_ports=f"{first}-{last}",
                           passive_ports_advertised=f"{first + SHIFT}-{last + SHIFT}") and six,
                "two": add("two", passive_ports=f"{two}-{two + 1}"), "page": metrics_page.add(configuration)}

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def connect(pki, pyftpd):
    """connect(gate, listener) -> a control connection behind its login."""
    with ftp_wire.logins(pki) as login:
        yield lambda gate, listener, source="127.0.0.1": login(gate.ports[listener], pyftpd, source=source)


def named(wire):
    """The address of the 227."""
    code, text = wire.say("PASV")
    assert code == 227, text
    return ".".join(re.search(r"\((\d+),(\d+),(\d+),(\d+),\d+,\d+\)", text).groups())


@pytest.mark.parametrize("listener,source,address", [
    ("dialled", "127.0.0.1", "127.0.0.1"), ("address", "127.0.0.1", "203.0.113.7"),
    ("networks", "127.0.0.1", "10.1.1.1"), ("networks", "127.0.0.8", "10.2.2.2"), ("networks", "127.0.0.15", "10.2.2.2"),
    ("networks", "127.0.0.16", "10.1.1.1"), ("networks", "127.0.1.1", "203.0.113.7"),
    ("networks", "127.1.2.3", "127.0.0.1"), ("name", "127.0.0.1", "127.0.0.1")])
def test_the_address_is_that_of_the_clients_network(gate, connect, listener, source, address):
    """C6: the most specific network, else the listener's address or name, else the address that was dialled."""
    if address == "127.0.0.1" and listener != "dialled":
        gate.wait_for("name-resolved", name="localhost")
    assert named(connect(gate, listener, source)) == address


def test_a_name_without_address_is_425_and_epsv_goes_on(gate, connect):
    wire = connect(gate, "networks", "127.2.0.1")
    assert wire.say("PASV")[0] == 425
    assert "nowhere.invalid" in gate.wait_for("passive-address-unknown", client=wire.client)["reason"]
    assert wire.passive("EPSV")


def test_the_servers_own_address_wins(make_gate, configuration, connect, pyftpd):
    """C6: over everything that a listener says."""
    configuration.top["passive_address"] = "192.0.2.99"
    port = configuration.listener("ftp", "ftps", pyftpd.port, passive_address="203.0.113.7",
                                  passive_address_for=NETWORKS[:1])
    gate = make_gate(configuration).start()
    gate.ports = {"ftp": port}
    assert named(connect(gate, "ftp")) == "192.0.2.99"


def works(wire, port):
    wire.send("LIST")
    ftp_wire.receive_all(wire.wrap_data(wire.connect_data(port)))
    return wire.final_code() == 226


@pytest.mark.parametrize("verb", ["PASV", "EPSV"])
def test_the_port_is_the_one_that_nat_maps(gate, connect, verb):
    wire = connect(gate, "mapped")
    told = wire.passive(verb)
    options = next(line for line in gate.path.read_text().splitlines() if "mapped" in line)
    first, last = map(int, re.search(r'passive-ports = "(\d+)-(\d+)"', options).groups())
    assert first + SHIFT <= told <= last + SHIFT
    assert works(wire, told - SHIFT)


class Wire6(ftp_wire.Wire):
    """Over IPv6."""

    host = "::1"


def test_over_ipv6_no_address_is_named_and_epsv_works(gate, pki, pyftpd):
    """F9, C6: PASV is an error there, never an invented address."""
    wire = Wire6(pki, gate.ports["six"], implicit=True, source="::1")
    wire.reply()
    wire.login(pyftpd)
    assert wire.say("PASV")[0] == 425
    assert wire.say("EPSV 1")[0] == 522
    assert works(wire, wire.passive() - SHIFT)
    wire.close()


def test_the_servers_own_address_means_nothing_over_ipv6(make_gate, configuration, pki, pyftpd):
    """C6: it is not applicable where the listener is bound to IPv6; EPSV, at the bound address, works."""
    configuration.top["passive_address"] = "192.0.2.99"
    at = waiting.free_port()
    configuration.listener("six", "ftps", pyftpd.port, bind=f"[::1]:{at}")
    make_gate(configuration).start()
    wire = Wire6(pki, at, implicit=True, source="::1")
    wire.reply()
    wire.login(pyftpd)
    code, text = wire.say("PASV")
    assert code == 425 and "192" not in text
    assert works(wire, wire.passive())
    wire.close()


def test_ports_are_not_given_in_a_row(gate, connect):
    """F10: nobody is to guess the next one."""
    wire = connect(gate, "dialled")
    ports = [wire.passive() for _ in range(12)]
    assert len({later - earlier for earlier, later in zip(ports, ports[1:])}) > 3, ports


def figure(gate, name):
    return metrics_page.read(gate.ports["page"])[f'p11gate_passive_ports_{name}{{listener="two"}}']


def test_a_range_that_is_used_up_is_425_and_the_figures_show_it(gate, connect):
    holders = [connect(gate, "two") for _ in range(2)]
    assert len({wire.passive() for wire in holders}) == 2
    late = connect(gate, "two")
    assert late.say("EPSV")[0] == 425
    assert gate.wait_for("passive-port-failed", client=late.client)
    assert (figure(gate, "in_use"), figure(gate, "exhausted_total")) == (2, 1)
    holders[0].socket.close()
    waiting.until(lambda: figure(gate, "in_use") == 1, "the port to be free")
    assert works(late, late.passive())
    waiting.until(lambda: figure(gate, "in_use") == 1, "the port to be free")


def test_two_generations_share_a_range(make_gate, configuration, connect, pyftpd):
    """F21: what the other one listens at is taken, and nothing else is."""
    first, last = waiting.free_port_range(2)
    port = configuration.listener("ftp", "ftps", pyftpd.port, passive_ports=f"{first}-{last}")
    gate = make_gate(configuration).start()
    gate.ports = {"ftp": port}
    old = connect(gate, "ftp")
    held = old.passive()
    control.reload(gate)
    new = connect(gate, "ftp")
    assert {held, new.passive()} == {first, last}
    assert connect(gate, "ftp").say("EPSV")[0] == 425
    assert works(old, held)
    assert works(old, old.passive())
