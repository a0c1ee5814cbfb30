"""Two companies that exchange AS2 messages, each with a station behind a p11gate of its own, and a token of its own with a
key for its server and one for its way out."""

import contextlib

import as2
import gate
import softhsm

CLIENT_KEY = "way-out"


class Company:
    """Loads its client key for the other one, and imports and requires the other one's certificate."""

    def __init__(self, name, folder, pki):
        folder.mkdir()
        folder.chmod(0o755)
        self.name, self.station = name, as2.Station(name, folder / "station", pki.authority)
        self.token = softhsm.Token(folder / "token", pki, name=f"token-{name.lower()}")
        self.client = pki.stranger.client(f"{name} outbound", "rsa")
        self.client_certificate = self.token.add_identity(CLIENT_KEY, self.client, "11")
        self.configuration = gate.Configuration(folder, pki, self.token)
        self.configuration.truststores += [{"alias": "partner-cas", "ca_file": pki.ca_file}]
        self.port = self.way_in()
        self.gate = None

    def way_in(self):
        """Whose certificate is not the one that was imported is nobody."""
        return self.configuration.listener("as2-in", "https", self.station.port, client_certificate="require",
                                           require_as2_id=True, client_cert_header="rfc9440", response_timeout="2m")

    def meet(self, other):
        self.configuration.partners.append({"alias": other.name.lower(), "certificate_file": [other.client_certificate],
                                            "as2_id": [other.name]})
        # A way out presents nothing of its listener's: no certificate of ours but the client key.
        backend_tls = {"truststore": "partner-cas", "server_name": "localhost", "keystore": "edge", "key_alias": CLIENT_KEY}
        self.station.way_out = self.configuration.listener("as2-out", "http", other.port, backend_tls=backend_tls,
                                                           response_timeout="2m")


@contextlib.contextmanager
def two(program, folder, pki):
    """acme and edge, connected."""
    companies = [Company(name, folder / name.lower(), pki) for name in ("ACME", "EDGE")]
    acme, edge = companies
    acme.meet(edge)
    edge.meet(acme)
    acme.station.meet(edge.station)
    with contextlib.ExitStack() as stack:
        for company in companies:
            stack.callback(company.station.stop)
            company.gate = stack.enter_context(gate.running(program, company.configuration, company.token.environment))
        yield acme, edge
