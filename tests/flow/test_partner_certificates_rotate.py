"""Partners are known by their own certificates or by authorities; certificates overlap, expire, are revoked, and a
partner that is refused hears why (C4, C5, T4, T7), on TLS 1.2 and 1.3."""

import http.client

import control
import partner_certificates
import pytest
import waiting
from partner_certificates import Caller, make

VERSIONS = ("1.2", "1.3")
ALERTS = {"unknown ca": 48, "certificate expired": 45, "certificate revoked": 44, "bad certificate": 42,
          "unsupported certificate": 43}


class World:
    """Authorities, partners, and the files that clients show."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}
        root = self.authority("Partners Root")
        middle = self.authority("Partners Middle", root)
        self.end("by-root", root)
        self.end("by-middle", middle, middle)
        self.end("alone-in-front", middle)
        self.end("expired", root, ends_s=-60)
        self.end("early", root, starts_s=3600)
        self.end("for-servers", root, usage=partner_certificates.SERVER)
        self.end("revoked", middle, middle)
        self.end("acme-2025")
        self.end("acme-2026")
        self.end("off", root)
        self.end("past", ends_s=-60)
        self.ca_file, self.crl_file = folder / "partners-ca.pem", folder / "partners.crl"
        self.ca_file.write_bytes(root.pem)
        self.revoke(self.made["revoked"])

    def authority(self, name, issuer=None):
        self.made[name] = make(name, issuer, authority=True)
        return self.made[name]

    def end(self, name, issuer=None, *behind, **dates):
        self.made[name] = make(name, issuer, **dates)
        self.made[name].files = partner_certificates.write_chain(self.folder, name, self.made[name], *behind)
        (self.folder / f"{name}.pem").write_bytes(self.made[name].pem)
        return self.made[name]

    def pem(self, name):
        return self.folder / f"{name}.pem"

    def revoke(self, *revoked, **dates):
        root, middle = self.made["Partners Root"], self.made["Partners Middle"]
        self.crl_file.write_bytes(partner_certificates.crl(root, *revoked, **dates)
                                  + partner_certificates.crl(middle, *revoked, **dates))


def configure(configuration, world, web, **listener):
    configuration.truststores.append({"alias": "edi", "ca_file": world.ca_file, "crl_file": world.crl_file})
    configuration.partners = [
        {"alias": "acme", "certificate_file": [world.pem("acme-2025"), world.pem("acme-2026")]},
        {"alias": "off", "enabled": False, "certificate_file": world.pem("off")},
        {"alias": "past", "certificate_file": world.pem("past")},
    ]
    return configuration.listener("edi", "https", web.port, client_certificate="require", truststore="edi", **listener)


@pytest.fixture(scope="module")
def world(scratch):
    folder = scratch / "partner-world"
    folder.mkdir()
    return World(folder)


@pytest.fixture(scope="module")
def gate(gate_running, world, web_for_all):
    with gate_running(lambda configuration: configure(configuration, world, web_for_all)) as gate:
        yield gate


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("who, partner", [("by-root", None), ("by-middle", None), ("acme-2025", "acme"), ("acme-2026", "acme")])
def test_who_is_trusted_gets_through_and_resumes(gate, pki, world, who, partner, tls):
    """Certificates of one partner overlap; behind an authority there is no partner (C4, C5)."""
    made = world.made[who]
    caller = Caller(pki, gate.ports, tls, made.files)
    assert caller.get() == (200, False)
    assert caller.get(resume=True) == (200, True)
    for resumed in ("no", "yes"):
        end = gate.wait_for("session-end", fingerprint=made.fingerprint, resumed=resumed, tls=f"TLSv{tls}")
        assert (end["verdict"], end.get("partner")) == ("trusted", partner)


REFUSED = [("alone-in-front", "unknown ca", "unable to get local issuer certificate"),
           ("expired", "certificate expired", "certificate has expired"),
           ("early", "bad certificate", "certificate is not yet valid"),
           ("past", "certificate expired", "certificate has expired"),
           ("for-servers", "unsupported certificate", "unsuitable certificate purpose"),
           ("revoked", "certificate revoked", "certificate revoked"),
           ("off", "bad certificate", "its partner is disabled")]


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("who, alert, why", REFUSED)
def test_who_is_refused_reads_the_alert(gate, pki, world, web_for_all, who, alert, why, tls):
    """T4: also on TLS 1.3, where the client believes that it is connected; and the log names the certificate."""
    made, before = world.made[who], len(web_for_all.requests)
    reason, _ = Caller(pki, gate.ports, tls, made.files).get()
    assert reason.endswith("ALERT_" + alert.upper().replace(" ", "_"))
    assert partner_certificates.alert_number(
        partner_certificates.s_client(pki, gate.ports, tls, made.files)) == ALERTS[alert]
    end = gate.wait_for("session-end", fingerprint=made.fingerprint, count=2)
    assert end["reason"] == "certificate-refused" and end["detail"] == f"client certificate refused: {why}"
    assert (end["verdict"], end["cert_reason"], end["cert"]) == ("untrusted", why, f"CN={who}")
    assert int(end["serial"], 16) == made.certificate.serial_number
    assert len(web_for_all.requests) == before


@pytest.mark.parametrize("tls, number", [("1.2", 40), ("1.3", 116)])
def test_who_shows_nothing_hears_that_one_is_required(gate, pki, tls, number):
    reason, _ = Caller(pki, gate.ports, tls).get()
    assert reason == {"1.2": "SSLV3_ALERT_HANDSHAKE_FAILURE", "1.3": "TLSV13_ALERT_CERTIFICATE_REQUIRED"}[tls]
    assert partner_certificates.alert_number(partner_certificates.s_client(pki, gate.ports, tls)) == number


@pytest.mark.parametrize("tls", VERSIONS)
def test_six_hundred_authorities_are_trusted_and_not_told(gate_running, pki, world, web_for_all, tls):
    """T7: their names fit in no client's buffer, and are nobody's business."""
    authorities = [make(f"Authority {number:03}", authority=True) for number in range(600)]
    store = world.folder / f"many-{tls}.pem"
    store.write_bytes(b"".join(one.pem for one in authorities))
    files = world.end(f"of-the-last-{tls}", authorities[-1]).files

    def prepare(configuration):
        ports = {}
        for announce in (False, True):
            alias = "told" if announce else "untold"
            configuration.truststores.append({"alias": alias, "ca_file": store, "announce": announce})
            ports[announce] = configuration.listener(alias, "https", web_for_all.port, client_certificate="require",
                                                     truststore=alias, tls_versions=tls)
        return ports

    with gate_running(prepare, workers=1) as many:
        for announce, port in many.ports.items():
            assert Caller(pki, port, tls, files).get() == (200, False)
            said = partner_certificates.s_client(pki, port, tls)
            assert said.count("CN = Authority") == (600 if announce else 0)


@pytest.mark.parametrize("tls", VERSIONS)
@pytest.mark.parametrize("protocol", ["ftp", "ftps"])
def test_ftp_clients_read_the_alert_too(gate_running, pki, world, pyftpd, protocol, tls):
    """T4, where `reject-at` says that the handshake ends."""
    def prepare(configuration):
        configuration.truststores.append({"alias": "edi", "ca_file": world.ca_file, "crl_file": world.crl_file})
        return configuration.listener("edi", protocol, pyftpd.port, client_certificate="require", truststore="edi",
                                      reject_at="handshake")

    options = ["-starttls", "ftp"] if protocol == "ftp" else []
    with gate_running(prepare, workers=1) as one:
        said = partner_certificates.s_client(pki, one.ports, tls, world.made["revoked"].files, options)
    assert partner_certificates.alert_number(said) == ALERTS["certificate revoked"]


# ---- while it runs ----

class Changing:
    """A gate whose policy the test changes."""

    def __init__(self, gate, configuration, port):
        self.gate, self.configuration, self.port = gate, configuration, port

    def reload(self):
        """Partners, CRLs and truststores are policy: the same workers go on."""
        self.gate.path.write_text(self.configuration.text())
        workers = self.gate.pids("worker")
        control.reload_policy(self.gate)
        self.gate.until_pids("worker", lambda pids: pids == workers)  # one more has tried the policy before

    def partner(self, *certificates, **options):
        self.configuration.partners = [{"alias": "acme", "certificate_file": list(certificates), **options}]
        self.reload()


@pytest.fixture
def changing(make_gate, configuration, world, web):
    port = configure(configuration, world, web)
    configuration.partners = [{"alias": "acme", "certificate_file": world.pem("acme-2025")}]
    return Changing(make_gate(configuration).start(), configuration, port)


def comes_to(caller, *wanted):
    """A worker takes a new policy within moments."""
    waiting.until(lambda: caller.get(resume=True) == wanted, f"the answer {wanted}")


REVOKED, UNKNOWN, BAD = "SSLV3_ALERT_CERTIFICATE_REVOKED", "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE"


@pytest.mark.parametrize("tls", VERSIONS)
def test_a_partner_changes_its_certificate(changing, pki, world, tls):
    """Old, both, new: nobody who may come is turned away, no ticket of the old one opens the door afterwards (C5)."""
    old = Caller(pki, changing.port, tls, world.made["acme-2025"].files)
    new = Caller(pki, changing.port, tls, world.made["acme-2026"].files)
    assert old.get() == (200, False)
    assert new.get() == (UNKNOWN, None)
    changing.partner(world.pem("acme-2025"), world.pem("acme-2026"))
    assert old.get(resume=True) == (200, True)
    comes_to(new, 200, True)
    changing.partner(world.pem("acme-2026"))
    comes_to(old, UNKNOWN, None)
    assert new.get(resume=True) == (200, True)
    changing.partner(world.pem("acme-2026"), enabled=False)
    comes_to(new, BAD, None)
    changing.partner(world.pem("acme-2026"))
    comes_to(new, 200, True)


@pytest.mark.parametrize("tls", VERSIONS)
def test_what_is_revoked_is_refused_at_once(changing, pki, world, tls):
    """C5: with a ticket, and in the next request of a conversation that goes on; the intermediate's as well."""
    made = world.made["by-middle"]
    caller = Caller(pki, changing.port, tls, made.files)
    assert caller.get() == (200, False)
    lasting = http.client.HTTPSConnection("localhost", changing.port, context=caller.context, timeout=20)
    lasting.auto_open = 0  # this connection and no other
    lasting.connect()
    try:
        assert status(lasting) == 200
        world.revoke(made if tls == "1.2" else world.made["Partners Middle"])
        changing.reload()
        comes_to(caller, REVOKED, None)
        waiting.until(lambda: status(lasting) != 200, "the end of a conversation")
        world.revoke(ends_s=-60)
        changing.reload()
        comes_to(caller, UNKNOWN, None)
    finally:
        lasting.close()
        world.revoke(world.made["revoked"])
    changing.reload()
    comes_to(caller, 200, True)


def status(connection):
    """Of one more request; None: the connection was ended instead."""
    try:
        connection.request("GET", "/as2")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (http.client.HTTPException, OSError):
        return None


def test_a_certificate_expires_while_its_partner_has_tickets(changing, pki, world):
    """C5, on both versions."""
    made = world.end("soon", ends_s=4)
    changing.partner(world.pem("soon"))
    callers = [Caller(pki, changing.port, tls, made.files) for tls in VERSIONS]
    waiting.until(lambda: all(caller.get(resume=True) == ("SSLV3_ALERT_CERTIFICATE_EXPIRED", None) for caller in callers),
                  "the end of a certificate")
