"""A token of a test's own that misbehaves as its control file says (tests/fake)."""

import shutil

import gate
import softhsm


class SickToken:
    """The control file: what it says is in force at once, in every process that loaded this module."""

    def __init__(self, folder):
        folder.mkdir()
        shutil.chown(folder, softhsm.SIGNER_USER)
        self.module = shutil.copy(gate.FAKE_TOKEN, folder / "libfake-token.so")
        self.control = folder / "control"
        self.says()

    def says(self, *lines):
        fresh = self.control.with_suffix(".new")
        fresh.write_text("".join(line + "\n" for line in lines))
        fresh.rename(self.control)

    @property
    def environment(self):
        return {"P11GATE_FAKE_MODULE": softhsm.MODULE, "P11GATE_FAKE_CONTROL": str(self.control)}
