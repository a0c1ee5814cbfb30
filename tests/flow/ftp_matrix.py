"""The ways in which FTPS clients go, and docs/ftp-clients.md, whose tables tell of each whether it works. A table is
compared with what was seen, and written anew with P11GATE_WRITE_DOCS=1."""

import concurrent.futures
import itertools
import os

import clients
import ftp_clients
import gate as gate_module

KINDS, TLS, CERTIFICATES = ("implicit", "explicit"), ("1.2", "1.3"), ("none", "request", "require")
PROTOCOLS = {"implicit": "ftps", "explicit": "ftp"}
# A listener for each mode, where every other one is denied: a client that falls back to another does not work.
DENIED = {"PASV": ("EPSV", "PORT", "EPRT"), "EPSV": ("PASV", "PORT", "EPRT"), "active": ("PASV", "EPSV")}
MODES = tuple(DENIED)
WAYS = list(itertools.product(KINDS, TLS))
PAGE = gate_module.SOURCE / "docs/ftp-clients.md"
PAGE_HEAD = """# FTPS clients

What flow tests see: each client uploads a file through p11gate, gets it back and lists it. The column "certificate" is the
listener's `client-certificate`; the client shows one where it is asked. "mode" is the only one that the listener lets pass.
"""


def listeners(configuration, backend_port):
    """(kind, tls, mode, certificate) -> port. Which key serves is mixed."""
    made = {}
    for number, way in enumerate(itertools.product(KINDS, TLS, MODES, CERTIFICATES)):
        kind, tls, mode, certificate = way
        made[way] = configuration.listener(
            "-".join(way), PROTOCOLS[kind], backend_port, keys=[("rsa", "ec")[number.bit_count() % 2]], tls_versions=tls,
            client_certificate=certificate, deny_commands=DENIED[mode])
    return made


def see_all(client, gate, kind, tls, mode, sample, folder):
    """certificate -> what see() says, at the same time: clients and servers like to sleep."""
    def one(certificate):
        return certificate, see(client, gate, (kind, tls, mode, certificate), sample, folder)

    with concurrent.futures.ThreadPoolExecutor(client.at_once) as pool:
        return dict(pool.map(one, CERTIFICATES))


def see(client, gate, way, sample, folder):
    """What the page says of this way: the client goes it, or cannot."""
    cell = ftp_clients.Cell(*way, gate.ports[way])
    why_not = client.reason_why_not(cell)
    if why_not:
        return why_not
    name = "-".join((client.name.replace(" ", "-").replace(",", ""), *way))
    back = folder / name
    client.transfer(cell, sample, name, back)
    assert clients.digest(back) == clients.digest(sample)
    assert clients.digest(client.backend.files / name) == clients.digest(sample)
    return client.works


class Table:
    """One of the page. rows: keys of what is seen, without the way that is the column."""

    def __init__(self, title, text, columns, rows):
        heads = [*columns, *(f"{kind}, TLS {tls}" for kind, tls in WAYS)]
        self.title, self.rows = f"## {title}", rows
        self.head = ["", *text.splitlines(), "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]

    def lines(self, seen):
        """Those of rows that were seen in every way."""
        made = []
        for row in self.rows:
            cells = [seen.get((*row, *way)) for way in WAYS]
            if all(cells):
                made.append("| " + " | ".join((*row, *cells)) + " |")
        return made

    def sections(self):
        """Of the page: title -> lines."""
        made, title = {}, None
        for line in PAGE.read_text().splitlines():
            if line.startswith("## "):
                title = line
            if title:
                made.setdefault(title, []).append(line)
        return {title: "\n".join(lines[1:]).rstrip("\n").split("\n") for title, lines in made.items()}

    def check(self, seen):
        made = self.lines(seen)
        assert made, "nothing was run in every way"
        if os.environ.get("P11GATE_WRITE_DOCS"):
            sections = {**self.sections(), self.title: [*self.head, *made]}
            PAGE.write_text("\n".join([PAGE_HEAD] + ["\n".join([title, *lines, ""]) for title, lines in sections.items()]))
        section = self.sections()[self.title]
        assert section[:len(self.head)] == self.head
        assert set(made) <= set(section)
        assert len(section) == len(self.head) + len(self.rows)
