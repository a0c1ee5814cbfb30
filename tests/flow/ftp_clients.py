"""The FTPS clients that partners use, each driven in the same way: connect as a cell of the matrix says, upload a file,
get it back, and list it. What a client cannot do at all stands in its table `cannot`, with whose fault it is."""

import ftplib
import pathlib
import re
import socket
import ssl
import subprocess

import clients

HERE = pathlib.Path(__file__).parent
LIMIT_S = 30
GNUTLS_TLS = clients.LFTP_TLS
OPENSSL_TLS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


class Cell:
    """One way to connect; certificate: what the listener wants. With request and require the client shows one."""

    def __init__(self, kind, tls, mode, certificate, port):
        self.kind, self.tls, self.mode, self.certificate, self.port = kind, tls, mode, certificate, port

    @property
    def implicit(self):
        return self.kind == "implicit"

    @property
    def shows_certificate(self):
        return self.certificate != "none"


class Client:
    """cannot: mode -> why, behind the client's name: whose fault it is. transfer() raises when anything goes wrong."""

    cannot = {}
    works = "works"
    at_once = 3  # transfers that may be under way

    def __init__(self, pki, backend, folder):
        self.pki, self.backend, self.folder = pki, backend, folder
        self.certificate, self.key = pki.client_files["trusted"]

    def reason_why_not(self, cell):
        why_not = self.cannot.get(cell.mode)
        return why_not and f"{self.name} {why_not}"

    def checked(self, command, **options):
        result = clients.run(command, LIMIT_S, **options)
        assert result.returncode == 0, result.stderr + result.stdout
        return result.stdout


class Curl(Client):
    name = "curl"
    # In clear it works: test_active_mode_works.
    cannot = {"active": "7.87 and 7.88 forget TLS there (curl#10666)"}

    def transfer(self, cell, sample, name, back):
        words = ["-u", f"{self.backend.user}:{self.backend.password}"]
        words += [] if cell.implicit else ["--ssl-reqd"]
        words += ["--disable-epsv"] if cell.mode == "PASV" else []
        if cell.shows_certificate:
            words += ["--cert", self.certificate, "--key", self.key]
        words += ["--cacert", self.pki.ca_file, *clients.CURL_TLS[cell.tls]]
        base = f"{'ftps' if cell.implicit else 'ftp'}://127.0.0.1:{cell.port}/in/"
        assert name in self.checked(["curl", "-sS", "--fail-early", *words, "-T", sample, base + name, "--next", *words, "-o", back,
                                     base + name, "--next", *words, base])


class LftpFiles(Client):
    """A file after the other."""

    name = "lftp"

    def settings(self, cell):
        lines = ["set cmd:fail-exit true", "set net:max-retries 1", f"set net:timeout {LIMIT_S}",
                 f"set ssl:ca-file {self.pki.ca_file}", f"set ssl:priority {clients.LFTP_TLS[cell.tls]}",
                 "set ftp:ssl-force true", "set ftp:ssl-protect-data true", "set xfer:clobber true",
                 f"set ftp:passive-mode {'false' if cell.mode == 'active' else 'true'}",
                 f"set ftp:prefer-epsv {'true' if cell.mode == 'EPSV' else 'false'}"]
        if cell.shows_certificate:
            lines += [f"set ssl:cert-file {self.certificate}", f"set ssl:key-file {self.key}"]
        return lines + [f"open -u {self.backend.user},{self.backend.password} "
                        f"{'ftps' if cell.implicit else 'ftp'}://127.0.0.1:{cell.port}/in"]

    def do(self, cell, *lines):
        return self.checked(["lftp", "--norc", "-c", "; ".join([*self.settings(cell), *lines])])

    def transfer(self, cell, sample, name, back):
        assert name in self.do(cell, f"put {sample} -o {name}", f"get {name} -o {back}", "cls -1")


class Lftp(LftpFiles):
    """With mirror in both directions, and pget, which opens several sessions for one file."""

    def transfer(self, cell, sample, name, back):
        up, down = self.folder / f"up-{name}", self.folder / f"down-{name}"
        up.mkdir()
        (up / name).write_bytes(sample.read_bytes())
        assert name in self.do(cell, f"mirror -R {up} {name}.d", f"mirror {name}.d {down}",
                               f"pget -n 3 {name}.d/{name} -o {back}", f"mv {name}.d/{name} {name}", "cls -1")
        assert clients.digest(down / name) == clients.digest(sample)


class ImplicitMixin:
    """ftplib knows AUTH TLS only."""

    implicit = False

    def connect(self, host, port, timeout):
        self.host, self.port, self.timeout = host, port, timeout
        self.sock = socket.create_connection((host, port), timeout)
        self.af = self.sock.family
        if self.implicit:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()


class EpsvMixin:
    epsv = False

    def makepasv(self):
        if not self.epsv:
            return super().makepasv()
        return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())


class PlainFtplib(EpsvMixin, ImplicitMixin, ftplib.FTP_TLS):
    """A full handshake on each data channel."""


class ReusingFtplib(EpsvMixin, ImplicitMixin, clients.ReusingFtp):
    """The control channel's session on each data channel."""


class Ftplib(Client):
    name = "ftplib"
    made = PlainFtplib

    def transfer(self, cell, sample, name, back):
        context = clients.client_context(self.pki, cell.tls, "trusted" if cell.shows_certificate else None)
        ftp = self.made(context=context, timeout=LIMIT_S)
        ftp.implicit, ftp.epsv = cell.implicit, cell.mode == "EPSV"
        ftp.set_pasv(cell.mode != "active")
        ftp.connect("127.0.0.1", cell.port, LIMIT_S)
        if cell.implicit:
            ftplib.FTP.login(ftp, self.backend.user, self.backend.password)
        else:
            ftp.login(self.backend.user, self.backend.password)
        ftp.prot_p()
        ftp.cwd("in")
        with open(sample, "rb") as file:
            ftp.storbinary(f"STOR {name}", file)
        with open(back, "wb") as file:
            ftp.retrbinary(f"RETR {name}", file.write)
        assert name in ftp.nlst()
        ftp.quit()
        self.look(ftp)

    def look(self, ftp):
        pass


class FtplibReusing(Ftplib):
    name = "ftplib, reusing"
    made = ReusingFtplib

    def look(self, ftp):
        assert ftp.reused == [True, True, True], ftp.reused


class Wget(Client):
    """It only downloads, and sends no close_notify."""

    name = "wget"
    cannot = {"EPSV": "says PASV over IPv4"}
    works = "works, downloads only"
    TLS = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}

    def transfer(self, cell, sample, name, back):
        (self.backend.files / name).write_bytes(sample.read_bytes())
        words = ["--ftp-user", self.backend.user, "--ftp-password", self.backend.password, "--tries", "1", "-q",
                 "--timeout", LIMIT_S, "--ca-certificate", self.pki.ca_file, "--secure-protocol", self.TLS[cell.tls], "-O", back]
        words += ["--ftps-implicit"] if cell.implicit else []
        words += ["--no-passive-ftp"] if cell.mode == "active" else []
        if cell.shows_certificate:
            words += ["--certificate", self.certificate, "--private-key", self.key]
        self.checked(["wget", *words, f"ftps://127.0.0.1:{cell.port}/in/{name}"])


class Piped:
    """A program that makes TLS of its standard input and output: the control connection, spoken by hand."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def reply(self):
        """The last line of the next reply."""
        while line := self.process.stdout.readline().decode(errors="replace"):
            if re.match(r"\d{3} ", line):
                return line
        raise EOFError("the control connection ended")

    def say(self, command, code):
        self.process.stdin.write((command + "\r\n").encode())
        self.process.stdin.flush()
        if not code:
            return None
        line = self.reply()
        assert line.startswith(code), (command, line)
        return line

    def end(self):
        self.process.stdin.close()
        self.process.wait(LIMIT_S)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class ByHand(Client):
    """Control and data connections are processes of the same program."""

    cannot = {"active": "accepts no connection as a TLS client"}

    def command(self, cell, port, control, session):
        raise NotImplementedError

    def transfer(self, cell, sample, name, back):
        session = self.folder / f"session-{name}"
        control = Piped(self.command(cell, cell.port, True, session))
        try:
            self.session(cell, control, sample, name, back, session)
            control.end()
        finally:
            control.kill()

    def session(self, cell, control, sample, name, back, session):
        if cell.implicit:
            assert control.reply().startswith("220")
        control.say(f"USER {self.backend.user}", "331")
        control.say(f"PASS {self.backend.password}", "230")
        control.say("PBSZ 0", "200")
        control.say("PROT P", "200")
        control.say("TYPE I", "200")
        with open(sample, "rb") as file:
            self.data(cell, control, f"STOR in/{name}", session, stdin=file)
        with open(back, "wb") as file:
            self.data(cell, control, f"RETR in/{name}", session, stdout=file)
        listing = self.folder / f"listing-{name}"
        with open(listing, "wb") as file:
            self.data(cell, control, "NLST in", session, stdout=file)
        assert name in listing.read_text()
        control.say("QUIT", "221")

    def data(self, cell, control, command, session, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        if cell.mode == "EPSV":
            port = int(re.search(r"\|\|\|(\d+)\|", control.say("EPSV", "229"))[1])
        else:
            high, low = re.search(r"(\d+),(\d+)\)", control.say("PASV", "227")).groups()
            port = int(high) * 256 + int(low)
        control.say(command, None)
        words = [str(word) for word in self.command(cell, port, False, session)]
        # What is downloaded: standard input stays open, or the program would end at once.
        keep = subprocess.PIPE if stdin is subprocess.DEVNULL else stdin
        process = subprocess.Popen(words, stdin=keep, stdout=stdout, stderr=subprocess.DEVNULL)
        try:
            for code in ("150", "226"):
                line = control.reply()
                assert line[0] == code[0], (command, line)
            process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()


class OpensslSClient(ByHand):
    name = "openssl s_client"

    def command(self, cell, port, control, session):
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-verify_quiet", "-CAfile", self.pki.ca_file,
                 "-verify_return_error", OPENSSL_TLS[cell.tls]]
        if cell.shows_certificate:
            words += ["-cert", self.certificate, "-key", self.key]
        if control:
            words += ["-sess_out", session] + ([] if cell.implicit else ["-starttls", "ftp"])
        else:
            words += ["-no_ign_eof"] + (["-sess_in", session] if session.exists() else [])
        return words


class GnutlsCli(ByHand):
    name = "gnutls-cli"

    def command(self, cell, port, control, session):
        words = ["gnutls-cli", "--port", port, "--x509cafile", self.pki.ca_file, "--priority", GNUTLS_TLS[cell.tls],
                 "--logfile", "/dev/null", "127.0.0.1"]
        if cell.shows_certificate:
            words += ["--x509certfile", self.certificate, "--x509keyfile", self.key]
        return words + (["--starttls-proto", "ftp"] if control and not cell.implicit else [])


class CommonsNet(Client):
    """Java: one machine for all cells, told what to do line by line."""

    name = "Java, commons-net"
    at_once = 1

    def __init__(self, pki, backend, folder):
        super().__init__(pki, backend, folder)
        bundle = folder / "client.p12"
        self.checked(["openssl", "pkcs12", "-export", "-in", self.certificate, "-inkey", self.key, "-out", bundle, "-passout",
                      "pass:transport"])
        classes = folder / "classes"
        self.checked(["javac", "-cp", "/usr/share/java/commons-net.jar", "-d", classes, HERE / "FtpsMatrix.java"])
        self.process = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-cp", f"/usr/share/java/commons-net.jar:{classes}", "FtpsMatrix",
             str(pki.ca_file), str(bundle), "transport", backend.user, backend.password],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def transfer(self, cell, sample, name, back):
        words = [cell.kind, cell.tls, cell.mode, cell.shows_certificate, cell.port, sample, name, back]
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer == "ok", answer

    def stop(self):
        self.process.stdin.close()
        self.process.wait(LIMIT_S)


CLIENTS = [Curl, Lftp, Ftplib, FtplibReusing, Wget, GnutlsCli, OpensslSClient, CommonsNet]
