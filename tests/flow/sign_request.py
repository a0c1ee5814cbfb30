"""A worker's queue to the signers, taken out of its hands as a debugger would: requests of any kind, by
pkcs11/sign_message.h."""

import array
import contextlib
import ctypes
import hashlib
import os
import socket
import struct
import time

from cryptography.hazmat.primitives import serialization

MAGIC, VERSION = 0x70313167, 1
TLS13_SERVER = 1  # the stated form
RSA_PSS_SHA256 = 0x0804
DONE, NOT_ALLOWED = 1, 4
REQUEST, ANSWER = struct.Struct("=II32sQIIII"), struct.Struct("=IIIIII")
LIMIT_S = 20
SYS_PIDFD_GETFD = 438


def server_verify(context=b"TLS 1.3, server CertificateVerify", spaces=64, hashed=32):
    return b" " * spaces + context + b"\0" + bytes(hashed)


HANDSHAKE = server_verify()
# One of each kind; tests/unit/test_signer_oracle.c has them all.
NO_HANDSHAKES = {
    "nothing": b"",
    "one byte": b"x",
    "a bare hash": hashlib.sha256(b"a document").digest(),
    "a DigestInfo": bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"a document").digest(),
    "noise as long as a CertificateVerify": os.urandom(len(HANDSHAKE)),
    "a web token": b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9",
    "a client's CertificateVerify": server_verify(b"TLS 1.3, client CertificateVerify"),
    "another context string": server_verify(b"TLS 1.3, server CertificateVerifi"),
    "a transcript hash of 64 bytes": server_verify(hashed=64),
    "63 spaces": server_verify(spaces=63),
    "a delegated credential": server_verify(b"TLS, server delegated credentials", hashed=90),
    "a ServerKeyExchange with another form stated": os.urandom(64) + b"\x03\x00\x17\x41\x04" + os.urandom(64),
}


def key_name(certificate):
    """SHA-256 of the SubjectPublicKeyInfo."""
    key = certificate.public_key()
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER,
                                           serialization.PublicFormat.SubjectPublicKeyInfo)).digest()


def sockets(pid):
    """What each is called -> its number in this process. Those that wait for an answer come and go meanwhile."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(f"/proc/{pid}/fd/{number}")
            if target.startswith("socket:"):
                found[target] = int(number)
    return found


def borrowed(pid, number):
    """Another process's descriptor as a socket."""
    pidfd = os.pidfd_open(pid)
    fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    os.close(pidfd)
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"cannot borrow descriptor {number}")
    return socket.socket(fileno=fd)


class Queue:
    """Of two workers that have one keystore: the one socket for messages that they share."""

    def __init__(self, one, other):
        mine, theirs = sockets(one), sockets(other)
        shared = [borrowed(one, mine[name]) for name in mine.keys() & theirs.keys()]
        (self.socket,) = (made for made in shared if made.type == socket.SOCK_SEQPACKET)
        for made in shared:
            if made is not self.socket:
                made.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, key, message):
        """The answer's status."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        deadline_ms = int((time.monotonic() + LIMIT_S) * 1000)
        head = REQUEST.pack(MAGIC, VERSION, key, deadline_ms, TLS13_SERVER, RSA_PSS_SHA256, 0, len(message))
        with mine:
            with theirs:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
                self.socket.sendmsg([head + message], rights)
            mine.settimeout(LIMIT_S)
            answer = mine.recv(65536)
        return ANSWER.unpack(answer[:ANSWER.size])[2]
