"""A p11gate whose listeners lead out to partners, with client keys on a token of its own."""

import contextlib
import datetime

import clients
import gate as gate_module
import softhsm
import tls_partner

KEY, KEY_EC = "way-out", "way-out-ec"
CLIENT = {"keystore": "edge", "key_alias": KEY}


class WayOut:
    """One gate with a listener for each partner."""

    def __init__(self, pki, folder, token):
        self.pki, self.folder, self.token = pki, folder, token
        self.configuration = gate_module.Configuration(folder, pki, token)
        self.configuration.truststores += [{"alias": "partner-cas", "ca_file": pki.ca_file}]
        self.ports, self.partners, self.gate = {}, [], None
        self.curl = clients.Curl(pki)

    def partner(self, alias, identity, key_alias=None, server_name="localhost", **options):
        folder = self.folder / alias
        folder.mkdir()
        self.partners.append(tls_partner.Partner(folder, identity, **options))
        self.listener(alias, self.partners[-1].port, key_alias, server_name)

    def listener(self, alias, port, key_alias=None, server_name="localhost", protocol="http", **options):
        backend_tls = {"truststore": "partner-cas", "server_name": server_name}
        if key_alias:
            backend_tls.update(CLIENT, key_alias=key_alias)
        self.ports[alias] = self.configuration.listener(alias, protocol, port, backend_tls=backend_tls, **options)

    def post(self, alias, scheme="http", *words):
        """Code and answer."""
        result = self.curl("-d", "an order", "-w", "\n%{http_code}", *words, f"{scheme}://localhost:{self.ports[alias]}/as2")
        body, code = result.stdout.rsplit("\n", 1)
        return int(code), body

    def why(self, alias, code):
        """What the request's line says about its end with this code."""
        return self.gate.wait_for("request", listener=alias, code=code)["detail"]


@contextlib.contextmanager
def running(program, pki, folder, prepare):
    token = softhsm.Token(folder / "token", pki)
    client = pki.authority.client("edge outbound", "rsa")
    token.add_identity(KEY, client, "11")
    token.add_identity(KEY_EC, pki.authority.client("edge outbound EC", "ec"), "12")
    one = WayOut(pki, folder, token)
    one.ends = client.certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    prepare(one)
    try:
        with gate_module.running(program, one.configuration, token.environment) as one.gate:
            yield one
    finally:
        for partner in one.partners:
            partner.stop()
