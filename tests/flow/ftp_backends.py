"""FTP servers in clear, as they stand behind p11gate: pyftpdlib, vsftpd, ProFTPD and Pure-FTPd, each with one user."""

import grp
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import gate
import waiting

HERE = pathlib.Path(__file__).parent
# Where tests/unpack-packages put the servers that cannot be installed beside vsftpd.
ASIDE = pathlib.Path(os.environ.get("P11GATE_ASIDE", gate.SOURCE / "build/aside"))
SYSTEM_USER = "nobody"  # whose rights an FTP server's user has


def hashed(password):
    return subprocess.run(["openssl", "passwd", "-6", password], check=True, capture_output=True, text=True).stdout.strip()


class FtpBackend:
    """A server process on a port of 127.0.0.1; files are in the folder /in of what it serves."""

    command = ()

    def __init__(self, folder):
        self.folder, self.root = folder, folder / "files"
        self.files = self.root / "in"
        self.files.mkdir(parents=True)
        self.port = waiting.free_port()
        self.prepare()
        self.start()

    def start(self):
        """Again, after stop: at the same port, with the same files."""
        self.process = subprocess.Popen([str(word) for word in self.command], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=gate.end_with_the_test())
        self.until_ready()

    def until_ready(self):
        waiting.until_port(self.port)

    def prepare(self):
        """Fills command, and writes what it needs."""

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Pyftpd(FtpBackend):
    user, password = "acme", "backend-password"

    def prepare(self):
        self.command = [sys.executable, HERE / "pyftpd_server.py", self.port, self.root, self.user, self.password]


class Vsftpd(FtpBackend):
    """Anonymous with write access (never at the root: it refuses that), so that no user of the machine is
    needed; a failed upload is deleted."""

    user, password = "anonymous", "guest@example.com"

    def prepare(self):
        empty = self.folder / "empty"
        empty.mkdir()
        empty.chmod(0o555)
        shutil.chown(self.files, "ftp")
        conf = self.folder / "vsftpd.conf"
        conf.write_text("\n".join([
            "listen=YES", "listen_ipv6=NO", "listen_address=127.0.0.1", f"listen_port={self.port}", "background=NO",
            "anonymous_enable=YES", "no_anon_password=NO", "local_enable=NO", "write_enable=YES",
            "anon_upload_enable=YES", "anon_mkdir_write_enable=YES", "anon_other_write_enable=YES",
            "anon_world_readable_only=NO", "anon_umask=022", f"anon_root={self.root}",
            "ftp_username=ftp", f"secure_chroot_dir={empty}", "seccomp_sandbox=NO", "isolate=NO", "isolate_network=NO",
            "delete_failed_uploads=YES", "xferlog_enable=YES", "xferlog_std_format=NO", "log_ftp_protocol=YES",
            f"vsftpd_log_file={self.folder}/log", "max_per_ip=0", "connect_from_port_20=NO", ""]))
        self.command = ["/usr/sbin/vsftpd", conf]

    def verdict(self, name):
        """Waits for the end of the upload: "complete" or "incomplete". (pyftpdlib cannot tell: it takes a RST
        for an end.)"""
        def seen():
            log = (self.folder / "log").read_text()
            return [line for line in log.splitlines() if f'"/in/{name}"' in line and " UPLOAD: " in line]
        return "complete" if " OK UPLOAD: " in waiting.until(seen, f"the end of the upload of {name}")[-1] else "incomplete"

    def has_whole(self, name, size):
        path = self.files / name
        return path.exists() and path.stat().st_size == size


class Proftpd(FtpBackend):
    """As root, so that it can become another user; its user is one of a file of its own."""

    user, password = "acme", "backend-password"

    def prepare(self):
        account = pwd.getpwnam(SYSTEM_USER)
        group = grp.getgrgid(account.pw_gid).gr_name
        shutil.chown(self.files, account.pw_uid, account.pw_gid)
        users = self.folder / "users"
        users.write_text(f"{self.user}:{hashed(self.password)}:{account.pw_uid}:{account.pw_gid}::{self.root}:/bin/sh\n")
        users.chmod(0o600)
        conf = self.folder / "proftpd.conf"
        conf.write_text("\n".join([
            'ServerName "backend"', "ServerType standalone", "DefaultAddress 127.0.0.1", "SocketBindTight on", f"Port {self.port}",
            f"User {SYSTEM_USER}", f"Group {group}", "UseIPv6 off", "UseReverseDNS off", "WtmpLog off", "MaxInstances 700",
            f"AuthUserFile {users}", "AuthOrder mod_auth_file.c", "RequireValidShell off", f"DefaultRoot {self.root}",
            "AllowOverwrite on", "AllowStoreRestart on", "AllowRetrieveRestart on", "HiddenStores off", "TimesGMT on",
            f"PidFile {self.folder}/pid", f"ScoreboardFile {self.folder}/scoreboard", f"SystemLog {self.folder}/log",
            f"DelayTable {self.folder}/delay", "DelayEngine off", "TransferLog NONE", ""]))
        self.command = [ASIDE / "usr/sbin/proftpd", "--nodaemon", "--config", conf]


class PureFtpd(FtpBackend):
    """It takes options and no file; its user is in a data base of its own."""

    user, password = "acme", "backend-password"

    def prepare(self):
        account = pwd.getpwnam(SYSTEM_USER)
        shutil.chown(self.files, account.pw_uid, account.pw_gid)
        users, database = self.folder / "users", self.folder / "users.pdb"
        # pure-pw useradd would take seconds of CPU for its hash, at each login too.
        users.write_text(f"{self.user}:{hashed(self.password)}:{account.pw_uid}:{account.pw_gid}::{self.root}/./::::::::::::\n")
        subprocess.run([ASIDE / "usr/bin/pure-pw", "mkdb", database, "-f", users], check=True, capture_output=True)
        self.command = [ASIDE / "usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{self.port}", "-4", "-A", "-E", "-H", "-u", "1",
                        "-l", f"puredb:{database}", "-c", "700", "-C", "700", "-g", self.folder / "pid", "-O",
                        f"clf:{self.folder}/log"]


BACKENDS = {"pyftpdlib": Pyftpd, "vsftpd": Vsftpd, "ProFTPD": Proftpd, "Pure-FTPd": PureFtpd}
