"""partners-dir: a file makes a partner, at the next reload and without a new generation; its removal ends him; a
wrong file changes nothing and is named."""

import control
import partner_certificates
import pytest


class Stage:
    """An https listener that wants the certificates of partners; Acme has a file, Beta has none yet."""

    def __init__(self, make_gate, configuration, folder, pki, backend):
        self.pki, self.folder, self.directory = pki, folder, folder / "partners.d"
        self.directory.mkdir()
        self.certificates = {name: partner_certificates.make(name).write(folder, name) for name in ("acme", "beta")}
        configuration.top["partners_dir"] = self.directory
        self.port = configuration.listener("https", "https", backend.port, client_certificate="require")
        self.write("acme")
        (self.directory / "readme.txt").write_text("no partner")
        self.gate = make_gate(configuration).start()
        self.workers = self.gate.pids("worker")

    def write(self, name, more=""):
        (self.directory / f"{name}.conf").write_text(f'alias = "{name}";\ncertificate-file = "../{name}.crt";\n{more}')

    def reload(self):
        control.reload_policy(self.gate)
        self.gate.until_pids("worker", lambda pids: pids == self.workers)

    def answer(self, name):
        return partner_certificates.Caller(self.pki, self.port, "1.3", self.certificates[name]).get()[0]


@pytest.fixture
def stage(make_gate, configuration, own_folder, pki, web):
    return Stage(make_gate, configuration, own_folder, pki, web)


def test_a_file_makes_a_partner_and_its_removal_ends_him(stage):
    assert stage.answer("acme") == 200
    assert stage.answer("beta") != 200
    stage.write("beta")
    stage.reload()
    assert (stage.answer("acme"), stage.answer("beta")) == (200, 200)
    (stage.directory / "acme.conf").unlink()
    stage.reload()
    assert stage.answer("acme") != 200
    assert stage.answer("beta") == 200


def test_the_last_one_may_go_and_the_first_one_come(stage):
    (stage.directory / "acme.conf").unlink()
    stage.reload()
    assert stage.answer("acme") != 200
    stage.gate.stop()
    stage.gate.start()
    assert stage.answer("acme") != 200
    stage.write("acme")
    control.reload_policy(stage.gate)
    assert stage.answer("acme") == 200


def test_a_wrong_file_is_named_and_changes_nothing(stage):
    stage.write("beta", 'as2-ids = "BETA";\n')
    said = control.reload_fails(stage.gate)
    assert f'{stage.directory}/beta.conf:3: partner "beta": unknown option "as2-ids"; did you mean "as2-id"?' in said
    assert stage.answer("acme") == 200
    assert stage.answer("beta") != 200


def test_a_password_that_everybody_may_read_is_refused(stage):
    password = stage.folder / "acme.pw"
    password.write_text("secret\n")
    password.chmod(0o644)
    stage.write("acme", 'ftp-user = "acme";\nftp-password-file = "../acme.pw";\n')
    assert "everybody may read it" in control.reload_fails(stage.gate)
    password.chmod(0o600)
    stage.reload()
    assert stage.answer("acme") == 200
