"""A name server on a port of 127.0.0.1: what it answers is a dict that a test changes as it likes."""

import socket
import struct
import threading

A, NXDOMAIN, SERVFAIL = 1, 3, 2


class DnsServer:
    """answers: name -> addresses, or a code of refusal; names that are not there do not exist. TTLs are 0."""

    def __init__(self):
        self.answers = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def resolv_conf(self):
        return f"nameserver 127.0.0.1:{self.port}\n"

    def serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(512)
            except OSError:
                return
            self.socket.sendto(self.answer(question), client)

    def answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        known = self.answers.get(".".join(labels).lower(), NXDOMAIN)
        code, addresses = (known, []) if isinstance(known, int) else (0, known if kind == A else [])
        records = b"".join(struct.pack(">HHHIH", 0xc00c, A, 1, 0, 4) + socket.inet_aton(address) for address in addresses)
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
        return head + question[12:at + 5] + records

    def stop(self):
        self.socket.close()
