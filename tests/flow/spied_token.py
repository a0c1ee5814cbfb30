"""A sick token behind pkcs11-spy, which writes down every call and what it returned."""

import re
import shutil

import sick_token
import softhsm

SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"


class SpiedToken(sick_token.SickToken):
    """Its keystore's module is SPY; calls is what all signers have called."""

    def __init__(self, folder):
        super().__init__(folder)
        self.calls = folder / "calls"
        self.forget_calls()

    def forget_calls(self):
        """Signers write behind the end, wherever that is by now."""
        self.calls.write_text("")
        shutil.chown(self.calls, softhsm.SIGNER_USER)

    @property
    def environment(self):
        return {**super().environment, "PKCS11SPY": str(self.module), "PKCS11SPY_OUTPUT": str(self.calls)}

    def logins(self):
        return len(re.findall(r"^\d+: C_Login$", self.calls.read_text(), re.MULTILINE))

    def refused_logins(self):
        return self.calls.read_text().count("CKR_PIN_INCORRECT")

    def unfinished(self):
        """Calls that have not returned: those of a process that was killed never do."""
        text = self.calls.read_text()
        return len(re.findall(r"^\d+: C_", text, re.MULTILINE)) - len(re.findall(r"^Returned: ", text, re.MULTILINE))
