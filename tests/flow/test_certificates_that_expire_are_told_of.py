"""A certificate of ours that ends soon is warned of in the log, and every one is a figure of /metrics."""

import metrics_page
import partner_certificates
import pytest
import waiting

DAY_S = 86400


@pytest.fixture
def gate(make_gate, configuration, pki, own_folder, echo):
    """One listener with a certificate that ends in five days, one with a certificate that ends much later."""
    keys = own_folder / "keys"
    keys.mkdir()
    soon = partner_certificates.make("soon", pki.authority, usage=partner_certificates.SERVER, ends_s=5 * DAY_S - 60)
    soon.write(keys, "soon")
    partner_certificates.make("later", pki.authority, usage=partner_certificates.SERVER, ends_s=100 * DAY_S).write(keys, "later")
    for path in (keys, *keys.iterdir()):
        path.chmod(0o755)
    configuration.keystores = [{"alias": "edge", "directory": keys, "signers": 1}]
    for alias in ("soon", "later"):
        configuration.listener(alias, "tls", echo.port, key_alias=alias)
    page = metrics_page.add(configuration)
    gate = make_gate(configuration).start()
    gate.page = page
    return gate


def expiry(gate, alias):
    return metrics_page.read(gate.page).get(f'p11gate_certificate_expiry_seconds{{listener="{alias}",alias="{alias}"}}')


def test_the_one_that_ends_soon_is_warned_of_once(gate):
    line = gate.wait_for("certificate-expires")
    assert (line["listener"], line["key"], line["days"], line["level"]) == ("soon", "soon", "5", "warning")
    waiting.until(lambda: expiry(gate, "soon") and expiry(gate, "later"), "the metrics")
    assert 4 * DAY_S < expiry(gate, "soon") < 5 * DAY_S
    assert 99 * DAY_S < expiry(gate, "later") < 100 * DAY_S + 60
    assert gate.stop() == 0
    assert len(gate.log("certificate-expires")) == 1  # by all workers together, and not for the other one
