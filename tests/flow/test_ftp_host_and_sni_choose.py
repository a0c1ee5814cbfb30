"""F12: the name that a client asks for, in its TLS hello or with HOST (RFC 7151), chooses backend and certificate."""

import ssl

import ftp_recorder
import ftp_wire
import pytest
import softhsm
import waiting


@pytest.fixture(scope="module")
def backends():
    made = {name: ftp_recorder.Recorder(greeting=name) for name in ("usual", "alpha", "beta")}
    yield made
    for one in made.values():
        one.stop()


@pytest.fixture(scope="module")
def gate(gate_running, backends):
    def name(pattern, backend=None, kind="ec"):
        own = {"backend": f"127.0.0.1:{backends[backend].port}"} if backend else {}
        return {"name": pattern, "key_alias": softhsm.label(kind), **own}

    def prepare(configuration):
        names = [name("alpha.example.com", "alpha", "rsa"), name("*.example.com", "beta"), name("same.example.org")]
        ports = {alias: configuration.listener(alias, protocol, backends["usual"].port, keys=("ec",), server_names=names)
                 for alias, protocol in (("implicit", "ftps"), ("explicit", "ftp"))}
        ports["in-clear"] = configuration.listener("in-clear", "ftp", backends["usual"].port, keys=("ec",),
                                                   server_names=names, secure_clients_only=False)
        ports["strict"] = configuration.listener("strict", "ftp", backends["usual"].port, keys=("ec",), server_names=names,
                                                 strict_server_name=True)
        ports["watched"] = configuration.listener("watched", "ftps", backends["usual"].port, keys=("ec",), server_names=names,
                                                  health_check="100ms")
        ports["nameless"] = configuration.listener("nameless", "ftps", backends["usual"].port, keys=("ec",))
        return ports

    with gate_running(prepare) as gate:
        yield gate


@pytest.fixture
def wire(gate, pki, backends):
    """wire(listener, sni) -> a control connection behind its greeting; with TLS unless it is to be in clear."""
    made = []
    for backend in backends.values():
        backend.forget()

    def connect(listener, sni=None, secure=True):
        one = ftp_wire.Wire(pki, gate.ports[listener])
        made.append(one)
        one.context.check_hostname = False
        one.wrap = lambda sock, session=None: one.context.wrap_socket(sock, server_hostname=sni, session=session,
                                                                      suppress_ragged_eofs=False)
        if listener in ("implicit", "watched", "nameless"):
            one.socket = one.wrap(one.socket)
        assert one.reply()[0] == 220
        if listener == "explicit" and secure:
            one.start_tls()
        return one

    yield connect
    for one in made:
        one.close()


def reached(wire, backends):
    """Which backend a login comes to."""
    wire.login(backends["usual"], protect=False)
    return [name for name, backend in backends.items() if backend.said("USER .*")]


@pytest.mark.parametrize("listener", ["implicit", "explicit"])
@pytest.mark.parametrize("sni, backend", [
    (None, "usual"), ("alpha.example.com", "alpha"), ("ALPHA.example.com", "alpha"), ("other.example.com", "beta"),
    ("same.example.org", "usual"), ("unknown.example.org", "usual"),
])
def test_the_name_in_the_hello_chooses(wire, backends, listener, sni, backend):
    assert reached(wire(listener, sni), backends) == [backend]


@pytest.mark.parametrize("host, backend", [
    ("alpha.example.com", "alpha"), ("Alpha.Example.Com.", "alpha"), ("x.example.com", "beta"), ("same.example.org", "usual"),
])
def test_host_chooses_where_the_hello_named_nobody(wire, backends, host, backend):
    made = wire("implicit")
    assert made.say(f"HOST {host}")[0] == 220
    assert reached(made, backends) == [backend]


def test_a_second_host_replaces_the_first(wire, backends):
    made = wire("explicit")
    assert made.say("HOST alpha.example.com")[0] == 220
    assert made.say("HOST same.example.org")[0] == 220
    assert reached(made, backends) == ["usual"]


@pytest.mark.parametrize("host", ["unknown.example.org", "192.0.2.1", "[2001:db8::1]", "x" * 300, "*.example.com"])
def test_a_host_that_is_not_here(wire, backends, host):
    made = wire("implicit")
    assert made.say(f"HOST {host}")[0] == 504
    assert reached(made, backends) == ["usual"]


def test_host_is_the_name_of_the_hello(wire, backends):
    """504 else: the certificate was another host's."""
    made = wire("implicit", "alpha.example.com")
    assert made.say("HOST x.example.com")[0] == 504
    assert made.say("HOST alpha.example.com")[0] == 220
    assert reached(made, backends) == ["alpha"]


def test_host_comes_before_user_and_is_no_echo(wire):
    made = wire("implicit")
    assert made.say("HOST")[0] == 501
    assert made.say("USER typed")[0] == 331
    code, text = made.say("HOST alpha.example.com")
    assert code == 503 and "alpha" not in text


def test_rein_forgets_it(wire, backends):
    """F7, F12."""
    made = wire("implicit")
    assert made.say("HOST alpha.example.com")[0] == 220
    assert reached(made, backends) == ["alpha"]
    backends["alpha"].forget()
    assert made.say("REIN")[0] == 220
    assert reached(made, backends) == ["usual"]


def test_host_before_auth_chooses_certificate_and_backend(wire, backends):
    """RFC 7151: where the hello names nobody, the host that was named before is the one that TLS is made for."""
    usual, named = wire("explicit"), wire("explicit", "alpha.example.com")
    made = wire("explicit", secure=False)
    assert made.say("HOST Alpha.example.com")[0] == 220
    made.start_tls()
    assert made.socket.getpeercert(True) == named.socket.getpeercert(True) != usual.socket.getpeercert(True)
    assert made.say("HOST x.example.com")[0] == 504
    assert made.say("HOST alpha.example.com")[0] == 220
    assert reached(made, backends) == ["alpha"]
    assert [made.say(line)[0] for line in ("PBSZ 0", "PROT P")] == [200, 200]
    with made.open_data("RETR nothing") as data:
        assert data.session_reused
    assert made.final_code() == 226


def test_a_name_in_the_hello_counts_more_than_host_before_auth(wire, backends):
    """F2: what was said in clear is forgotten, and HOST has to be said again: with the name of the hello."""
    made = wire("explicit", "x.example.com", secure=False)
    assert made.say("HOST alpha.example.com")[0] == 220
    made.start_tls()
    assert made.socket.getpeercert(True) == wire("explicit", "x.example.com").socket.getpeercert(True)
    assert made.say("HOST alpha.example.com")[0] == 504
    assert made.say("HOST x.example.com")[0] == 220
    assert reached(made, backends) == ["beta"]


def test_a_session_is_resumed_under_its_host_only(wire):
    """RFC 6066 3: another name is another server."""
    context = wire("explicit", secure=False).context  # Python's sessions belong to a context

    def secured(host, session=None):
        made = wire("explicit", secure=False)
        made.context = context
        if host:
            assert made.say(f"HOST {host}")[0] == 220
        assert made.say("AUTH TLS")[0] == 234
        made.socket = made.wrap(made.socket, session)
        assert made.say("NOOP")[0] == 200  # TLS 1.3: the ticket comes behind the handshake
        return made.socket

    first = secured("alpha.example.com")
    for host, resumed in (("alpha.example.com", True), (None, False), ("x.example.com", False)):
        assert secured(host, first.session).session_reused == resumed


def test_a_strict_listener_takes_host_for_a_name(wire, backends):
    made = wire("strict", secure=False)
    assert made.say("HOST alpha.example.com")[0] == 220
    made.start_tls()
    assert reached(made, backends) == ["alpha"]
    nobody = wire("strict", secure=False)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME|unrecognized name"):
        nobody.start_tls()


def test_in_clear_where_a_login_is_allowed_host_chooses(wire, backends):
    made = wire("in-clear")
    assert made.say("HOST alpha.example.com")[0] == 220
    assert reached(made, backends) == ["alpha"]


def test_without_names_there_is_no_host(wire):
    """F8: and no feature of that name."""
    made = wire("nameless")
    assert made.say("HOST localhost")[0] == 502
    assert " HOST" not in made.say("FEAT")[1]
    assert " HOST" in wire("implicit").say("FEAT")[1]


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_features_before_the_login_are_those_of_the_servers_behind_the_name(wire, backends, name):
    """F2, F8: a health check has asked each of them; none has heard of the client."""
    backends["alpha"].replies["FEAT"] = "211-Features:\r\n MFMT\r\n211 End"
    backends["beta"].replies["FEAT"] = "211-Features:\r\n MLST type*;\r\n211 End"
    own, other = {"alpha": (" MFMT", " MLST"), "beta": (" MLST", " MFMT")}[name]

    def is_told():
        features = wire("watched", f"{name}.example.com").say("FEAT")[1]
        return own in features and other not in features

    waiting.until(is_told, "a health check")  # each worker looks by itself
    assert not backends[name].said("USER .*")
