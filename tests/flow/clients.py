"""The programs that partners use: curl and lftp, and Python's ftplib."""

import ftplib
import hashlib
import os
import socket
import ssl
import subprocess

LIMIT_S = 120
CURL_TLS = {"1.2": ["--tlsv1.2", "--tls-max", "1.2"], "1.3": ["--tlsv1.3"]}
LFTP_TLS = {"1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}


def make_file(path, size):
    """Random, so that no two pieces of it are the same."""
    with open(path, "wb") as file:
        for start in range(0, size, 1 << 20):
            file.write(os.urandom(min(size - start, 1 << 20)))
    return path


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(command, limit_s=LIMIT_S, **options):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=limit_s, **options)


class Curl:
    """curl with what every call of a test needs; calls return the CompletedProcess."""

    def __init__(self, pki, tls=None, options=()):
        self.words = ["curl", "-sS", "--cacert", pki.ca_file, "--max-time", LIMIT_S, *CURL_TLS.get(tls, []), *options]

    def __call__(self, *words):
        return run([*self.words, *words])


class FtpsCurl:
    """Files through FTPS with curl: put, get, list."""

    def __init__(self, pki, backend, port, implicit, passive, tls):
        options = ["-u", f"{backend.user}:{backend.password}"]
        options += [] if implicit else ["--ssl-reqd"]
        options += ["--disable-epsv"] if passive == "PASV" else []
        self.curl = Curl(pki, tls, options)
        self.base = f"{'ftps' if implicit else 'ftp'}://127.0.0.1:{port}/in/"

    def do(self, *words):
        result = self.curl(*words)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def put(self, path, name):
        self.do("-T", path, self.base + name)

    def get(self, name, path):
        self.do("-o", path, self.base + name)

    def list(self):
        return self.do(self.base)


class FtpsLftp:
    """The same with lftp."""

    def __init__(self, pki, backend, port, implicit, passive, tls):
        self.settings = ["set cmd:fail-exit true", "set net:max-retries 1", "set net:timeout 20",
                         f"set ssl:ca-file {pki.ca_file}", f"set ssl:priority {LFTP_TLS[tls]}",
                         "set ftp:ssl-force true", "set ftp:ssl-protect-data true", "set ftp:passive-mode true",
                         f"set ftp:prefer-epsv {'true' if passive == 'EPSV' else 'false'}", "set xfer:clobber true",
                         f"open -u {backend.user},{backend.password} "
                         f"{'ftps' if implicit else 'ftp'}://127.0.0.1:{port}/in"]

    def do(self, command):
        result = run(["lftp", "--norc", "-c", "; ".join([*self.settings, command])])
        assert result.returncode == 0, result.stderr + result.stdout
        return result.stdout

    def put(self, path, name):
        self.do(f"put {path} -o {name}")

    def get(self, name, path):
        self.do(f"get {name} -o {path}")

    def list(self):
        return self.do("ls")


def client_context(pki, tls=None, certificate=None):
    """An SSL context that trusts the test's authority; certificate: "trusted" or "untrusted"."""
    context = ssl.create_default_context(cafile=str(pki.ca_file))
    if tls:
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, f"TLSv{tls.replace('.', '_')}")
    if certificate:
        context.load_cert_chain(*pki.client_files[certificate])
    return context


class ReusingFtp(ftplib.FTP_TLS):
    """ftplib, with the control channel's session on each data channel; reused tells how each went."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.reused = []

    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        connection = self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session)
        self.reused.append(connection.session_reused)
        return connection, size


class HttpsExchange:
    """One GET on a connection of its own, offering a session: status, reused, and the session for the next.
    fields: whole lines."""

    def __init__(self, context, port, session=None, fields=b""):
        with socket.create_connection(("127.0.0.1", port), 20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as made:
                made.sendall(b"GET /as2 HTTP/1.1\r\nHost: localhost\r\n" + fields + b"Connection: close\r\n\r\n")
                answer = b"".join(iter(lambda: made.recv(65536), b""))
                self.session, self.reused = made.session, made.session_reused
        self.status = int(answer.split()[1])
