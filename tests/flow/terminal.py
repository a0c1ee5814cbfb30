"""A p11gate that is started from a terminal, and the person who sits there."""

import os
import pty
import subprocess
import termios
import threading

from gate import end_with_the_test


class Terminal:
    """A gate whose standard input and error are a terminal; shown is what a person sees there."""

    def __init__(self, gate):
        self.gate, self.shown = gate, ""
        self.near, far = pty.openpty()
        gate.process = subprocess.Popen([gate.program, "-c", gate.path], stdin=far, stderr=subprocess.PIPE, text=True,
                                        errors="replace", env=gate.environment, preexec_fn=end_with_the_test())
        os.close(far)
        gate.reader = threading.Thread(target=gate.read, daemon=True)
        gate.reader.start()
        # What the terminal echoes comes back here.
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while piece := os.read(self.near, 4096):
                self.shown += piece.decode()
        except OSError:
            """The other end is gone."""

    def types(self, text):
        os.write(self.near, text.encode())


def is_silent(terminal):
    return not termios.tcgetattr(terminal.near)[3] & termios.ECHO
