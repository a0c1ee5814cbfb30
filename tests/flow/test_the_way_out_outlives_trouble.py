"""The way out while its token, its signers or its truststore change: a 503 at once when the token is away, no request lost with
a signer, a new truststore without a new start (H5)."""

import concurrent.futures
import os
import shutil
import signal
import ssl

import softhsm
import tls_partner
import way_out
from way_out import KEY

MANY = 16


def test_without_the_token_it_fails_at_once_and_goes_on_when_it_is_back(program, pki, own_folder):
    def prepare(one):
        one.partner("asks", tls_partner.identity(pki.authority), KEY, asks=ssl.CERT_REQUIRED, clients_ca=pki.authority)
        one.partner("free", tls_partner.identity(pki.authority))

    with way_out.running(program, pki, own_folder, prepare) as one:
        assert one.post("asks")[0] == 200
        # A signer that is killed while it logs in can take the token with it.
        one.gate.wait_for("signer-ready", count=2)
        one.token.take_away()
        for pid in one.gate.pids("signer"):
            os.kill(pid, signal.SIGKILL)
        one.gate.wait_for("keystore-absent")
        assert one.post("asks")[0] == 503
        assert "its token is away" in one.why("asks", 503)
        assert one.post("free")[0] == 200
        one.token.bring_back()
        one.gate.wait_for("keystore-up", count=2)
        assert one.post("asks")[0] == 200


def test_signers_that_die_fail_no_request(program, pki, own_folder):
    """What a signer was to sign for a client is asked of another one."""
    files = own_folder / "keys"
    files.mkdir()
    pki.authority.client("edge from a file", "ec").write(files, "outbound")
    for path in (files, *files.iterdir()):
        shutil.chown(path, softhsm.SIGNER_USER)

    def prepare(one):
        one.configuration.keystores.append({"alias": "files", "directory": files, "signers": 2})
        one.partner("asks", tls_partner.identity(pki.authority), asks=ssl.CERT_REQUIRED, clients_ca=pki.authority)
        one.configuration.listeners[-1]["backend_tls"].update(keystore="files", key_alias="outbound")

    with way_out.running(program, pki, own_folder, prepare) as one:
        with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
            posts = [pool.submit(one.post, "asks") for _ in range(8 * MANY)]
            for count in range(2, 6):
                newest = one.gate.wait_for("child-start", keystore="files", count=count)
                os.kill(int(newest["pid"]), signal.SIGKILL)
            codes = [post.result()[0] for post in posts]
        assert codes == [200] * len(codes)
        one.gate.wait_for("child-exit", keystore="files", signal=9, count=4)


def test_a_new_truststore_counts_after_a_reload(program, pki, own_folder):
    """The partner's authority changes: a reload takes it, and the old one is nobody's any more."""
    store = own_folder / "partner-cas.pem"
    store.write_bytes(pki.authority.pem)

    def prepare(one):
        one.configuration.truststores[-1]["ca_file"] = store
        one.partner("old", tls_partner.identity(pki.authority))
        one.partner("new", tls_partner.identity(pki.stranger))

    with way_out.running(program, pki, own_folder, prepare) as one:
        assert [one.post(alias)[0] for alias in ("old", "new")] == [200, 502]
        store.write_bytes(pki.stranger.pem)
        one.gate.signal(signal.SIGHUP)
        one.gate.wait_for("reload-done", kind="policy")
        assert [one.post(alias)[0] for alias in ("old", "new")] == [502, 200]
