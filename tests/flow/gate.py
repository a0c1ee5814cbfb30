"""A p11gate of a test's own: its configuration, its processes, its log lines."""

import contextlib
import ctypes
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time

import softhsm
import waiting

SOURCE = pathlib.Path(os.environ.get("P11GATE_SOURCE", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("P11GATE_BUILD", SOURCE / "build/dev"))
# The fake token is loaded by any build's signer and built without sanitizers.
FAKE_TOKEN = pathlib.Path(os.environ.get("P11GATE_FAKE_BUILD", BUILD)) / "tests/fake/libfake-token.so"
SANITIZER_WORDS = re.compile(r"ERROR: (Address|Leak|Undefined\w*)Sanitizer|runtime error:")
STOP_S = 30


PR_SET_PDEATHSIG = 1


def end_with_the_test(number=signal.SIGTERM):
    """For preexec_fn: a test that is killed leaves no server behind."""
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, number)


def copy_programs(folder):
    """The programs where every user may read them, wherever the build folder is."""
    folder.mkdir()
    for program in ("proxy/p11gate", "pkcs11/p11gate-signer"):
        shutil.copy(BUILD / program, folder)
    folder.chmod(0o755)
    return folder / "p11gate"


def setting(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], dict):
            return "( " + ", ".join(group(item) for item in value) + " )"
        return "[ " + ", ".join(setting(item) for item in value) + " ]"
    if isinstance(value, dict):
        return group(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def settings(pairs):
    return [f"{name.replace('_', '-')} = {setting(value)};" for name, value in pairs.items()]


def group(pairs):
    return "{ " + " ".join(settings(pairs)) + " }"


def parse_line(text):
    """One logfmt line as a dict; None when it is something else."""
    if not text.startswith("time="):
        return None
    pairs = re.findall(r'([\w-]+)=("(?:[^"\\]|\\.)*"|\S*)', text)
    return {key: re.sub(r'\\(["\\])', r"\1", value[1:-1]) if value.startswith('"') else value for key, value in pairs}


class Gate:
    """p11gate -c FILE; everything it says is kept in text and, line by line, in lines."""

    def __init__(self, program, folder, config, environment):
        self.program, self.folder = program, folder
        self.path = folder / "p11gate.conf"
        self.path.write_text(config)
        self.environment = {**os.environ, **environment,
                            "ASAN_OPTIONS": "exitcode=99:handle_abort=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
        self.lines, self.pieces, self.news = [], [], threading.Condition()
        self.process = None
        self.prefix = []  # words in front of the command

    def start(self, *options, ready=True):
        before = len(self.log("ready"))
        self.process = subprocess.Popen([*self.prefix, self.program, "-c", self.path, *options], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace", env=self.environment,
                                        preexec_fn=end_with_the_test())
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if ready:
            self.wait_for("ready", count=before + 1)
        return self

    def read(self):
        for text in self.process.stderr:
            with self.news:
                self.pieces.append(text)
                line = parse_line(text)
                if line:
                    self.lines.append(line)
                self.news.notify_all()

    def matching(self, event, fields):
        return [line for line in self.lines if line["event"] == event
                and all(str(value) == line.get(key) for key, value in fields.items())]

    def wait_for(self, event, timeout_s=waiting.PATIENCE_S, count=1, **fields):
        """The count-th line of this event with these fields."""
        deadline = time.monotonic() + timeout_s
        with self.news:
            while len(self.matching(event, fields)) < count:
                left = deadline - time.monotonic()
                if left <= 0 or (not self.news.wait(min(left, 1)) and not self.reader.is_alive()):
                    raise TimeoutError(f"no {event} {fields} in what p11gate said:\n{self.last_words()}")
            return self.matching(event, fields)[count - 1]

    def log(self, event, **fields):
        with self.news:
            return self.matching(event, fields)

    @property
    def text(self):
        return "".join(self.pieces)

    def last_words(self):
        return "".join(self.pieces[-40:])[-5000:]

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout_s=STOP_S):
        code = self.process.wait(timeout_s)
        self.reader.join(timeout_s)
        return code

    def stop(self):
        """TERM, and its exit code; afterwards nothing of it is left and no sanitizer has complained."""
        if not self.process:
            return None
        children = self.children()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait_exit()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"p11gate did not stop:\n{self.last_words()}") from None
        waiting.until(lambda: not any(is_alive(pid) for pid in children), "every child to end")
        self.process = None
        assert not SANITIZER_WORDS.search(self.text), self.text
        return code

    def children(self):
        """pid -> what it is: the last word that tells, of its command line."""
        listing = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            return {int(pid): command_line(int(pid)) for pid in listing.read_text().split()}
        except OSError:
            return {}

    def pids(self, role):
        """role: worker, signer or housekeeper."""
        return sorted(pid for pid, command in self.children().items() if role in command)

    def until_pids(self, role, wanted):
        """Waits until wanted(pids) holds, and returns them."""
        waiting.until(lambda: wanted(self.pids(role)), f"{role}s: {self.last_words()}")
        return self.pids(role)


@contextlib.contextmanager
def running(program, configuration, environment):
    """For fixtures that live longer than one test."""
    one = Gate(program, configuration.folder, configuration.text(), environment)
    try:
        yield one.start()
    finally:
        one.stop()


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid):
    try:
        return shlex.join(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0"))
    except OSError:
        return ""


class Configuration:
    """Collects what stands in the file; text() is the file."""

    def __init__(self, folder, pki, token, **top):
        self.folder, self.pki = folder, pki
        # Two of them on one machine must not meet.
        self.top = {"workers": 2, "admin": {"bind": "", "control_socket": folder / "control"}, **top}
        self.keystores, self.listeners = [], []
        self.pin_file = folder / "edge.pin"
        self.pin_file.write_text(softhsm.PIN + "\n")
        self.pin_file.chmod(0o600)
        self.truststores, self.partners = [{"alias": "partners", "ca_file": pki.ca_file}], []
        self.keystore("edge", token=f"pkcs11:token={token.name}", signers=2)

    def keystore(self, alias, **options):
        defaults = {"module": softhsm.MODULE, "pin_file": self.pin_file}
        self.keystores.append({"alias": alias, **defaults, **options})

    def listener(self, alias, protocol, backend, keys=("rsa", "ec"), **options):
        """Returns the port it will listen on. backend: a port of this machine, or a list of HOST:PORT."""
        port = waiting.free_port()
        first, last = waiting.free_port_range()
        backends = backend if isinstance(backend, list) else f"127.0.0.1:{backend}"
        # Without health checks: tests look at every connection that their servers see.
        made = {"alias": alias, "protocol": protocol, "bind": f"127.0.0.1:{port}", "keystore": "edge",
                "key_alias": [softhsm.label(kind) for kind in keys], "backend": backends, "health_check": "0"}
        if protocol == "http":
            del made["keystore"], made["key_alias"]
        if backend is None:
            del made["backend"]
        if protocol in ("ftp", "ftps"):
            made["passive_ports"] = f"{first}-{last}"
            # Tests that fail to log in all come from the same address.
            made["ban_time"] = "0"
        if options.get("client_certificate", "none") != "none":
            made["truststore"] = "partners"
        self.listeners.append({**made, **options})
        return port

    def text(self):
        lines = settings(self.top)
        for name in ("keystores", "truststores", "partners", "listeners"):
            if not getattr(self, name):
                continue
            groups = ",\n".join("  " + group(item) for item in getattr(self, name))
            lines.append(f"{name} = (\n{groups}\n);")
        return "\n".join(lines) + "\n"
