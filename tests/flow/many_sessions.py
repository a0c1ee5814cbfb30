"""Hundreds of FTPS sessions at the same time, each with many small files: a few processes of many threads."""

import multiprocessing
import re
import socket
import ssl
import threading

import clients

LIMIT_S = 300
LOGINS_AT_ONCE = 20  # vsftpd lets no more than 32 wait to be accepted, and forgets the others
END = re.compile(rb"^(\d{3}) ", re.MULTILINE)


class Session:
    """No more of a client than it takes: every command is answered before the next is said."""

    def __init__(self, context, port):
        self.context = context
        plain = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.control = context.wrap_socket(plain, server_hostname="localhost")
        self.resumed = 0
        self.expect("220")

    def expect(self, code, text=b""):
        while not END.search(text) or not text.endswith(b"\n"):
            text += self.control.recv(4096)
        if END.search(text)[1] != code.encode():
            raise AssertionError(f"{code} expected: {text!r}")
        return text

    def say(self, command, code):
        self.control.sendall(command.encode() + b"\r\n")
        return self.expect(code)

    def login(self, user, password):
        for command, code in ((f"USER {user}", "331"), (f"PASS {password}", "230"), ("PBSZ 0", "200"),
                              ("PROT P", "200"), ("TYPE I", "200")):
            self.say(command, code)

    def transfer(self, command, work):
        port = int(re.search(rb"\|\|\|(\d+)\|", self.say("EPSV", "229"))[1])
        plain = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self.control.sendall(command.encode() + b"\r\n")
        with self.context.wrap_socket(plain, server_hostname="localhost", session=self.control.session) as data:
            self.resumed += data.session_reused
            result = work(data)
        self.expect_end()
        return result

    def expect_end(self):
        """150 and 226 may come in one piece."""
        text = b""
        while not re.search(rb"^226 .*\n", text, re.MULTILINE):
            piece = self.control.recv(4096)
            if not piece or re.search(rb"^[45]", text + piece, re.MULTILINE):
                raise AssertionError(f"226 expected: {text + piece!r}")
            text += piece

    def put(self, name, content):
        def send(data):
            data.sendall(content)
            data.unwrap()

        self.transfer(f"STOR {name}", send)

    def get(self, name):
        return self.transfer(f"RETR {name}", lambda data: b"".join(iter(lambda: data.recv(65536), b"")))


class Crowd:
    """count sessions, all of them logged in before the first transfer begins."""

    def __init__(self, pki, port, backend, count, files, content, processes):
        self.where, self.files, self.content = (pki, port, backend), files, content
        self.each, self.count = count // processes, count
        self.door = multiprocessing.Semaphore(LOGINS_AT_ONCE)
        self.everybody = multiprocessing.Barrier(count)
        self.results = multiprocessing.Queue()
        self.processes = [multiprocessing.Process(target=self.process, args=(number,), daemon=True)
                          for number in range(processes)]

    def run(self):
        """(resumed data channels, errors)"""
        for process in self.processes:
            process.start()
        results = [self.results.get(timeout=LIMIT_S) for _ in self.processes]
        for process in self.processes:
            process.join()
        return sum(resumed for resumed, _ in results), [error for _, errors in results for error in errors]

    def process(self, number):
        context = clients.client_context(self.where[0])
        resumed, errors = [], []

        def one(place):
            try:
                resumed.append(self.session(context, f"in/crowd-{number}-{place}"))
            except (OSError, ssl.SSLError, AssertionError, TypeError, threading.BrokenBarrierError) as error:
                self.everybody.abort()
                errors.append(repr(error))

        threading.stack_size(256 * 1024)
        threads = [threading.Thread(target=one, args=(place,)) for place in range(self.each)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.results.put((sum(resumed), errors[:5]))

    def session(self, context, name):
        _, port, backend = self.where
        with self.door:
            session = Session(context, port)
            session.login(backend.user, backend.password)
        self.everybody.wait(LIMIT_S)
        for _ in range(self.files):
            session.put(name, self.content)
            if session.get(name) != self.content:
                raise AssertionError(f"{name} has changed on its way")
        session.say(f"DELE {name}", "250")
        session.say("QUIT", "221")
        session.control.close()
        return session.resumed
