"""What partners do meanwhile: full and resumed handshakes all the time; on connections that must not break, an echo, an
FTPS control connection, HTTPS requests, a long upload, a long download, short transfers one after the other. Each is
a process of its own, so that it measures p11gate and not the test; end() tells what became of it."""

import hashlib
import http.client
import multiprocessing
import os
import socket
import threading
import time

import clients
import figures
import ftp_wire
import tls_wire
import waiting

PACE_S = 0.005  # between two echoes
PIECE, PIECE_S = 16384, 0.05  # of a long transfer
LONG_BYTES = 32 << 20  # of a download: more than 60 s of pieces
SHORT, SHORT_S = os.urandom(5000), 0.1  # a short transfer, and what lies between two
REST_S = 0.02  # after a failure, so that whoever is refused at once does not spin
LIMIT_S = 60


class Attempt:
    """When it began and ended (time.monotonic, the same in all processes), and whether it went well."""

    def __init__(self, call):
        self.begun_s, self.cause = time.monotonic(), "false"
        try:
            self.ok = bool(call())
        except (OSError, EOFError, AssertionError, http.client.HTTPException) as error:
            self.ok, self.cause = False, repr(error)
        self.ended_s = time.monotonic()

    @property
    def took_s(self):
        return self.ended_s - self.begun_s


class Task:
    """A process that works until end(), which returns its attempts; done counts those that went well."""

    def __init__(self, work, *args):
        self.halt, self.done = multiprocessing.Event(), multiprocessing.Value("Q", 0)
        self.mine, self.theirs = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=self.run, args=(work, args), daemon=True)
        self.process.start()
        assert self.mine.poll(LIMIT_S) and self.mine.recv() == "begun", f"{work.__name__} could not begin"

    def run(self, work, args):
        attempts = []
        work(self, attempts, *args)
        self.theirs.send(attempts)

    def begun(self):
        self.theirs.send("begun")

    def attempt(self, attempts, call):
        made = Attempt(call)
        attempts.append(made)
        if made.ok:
            with self.done.get_lock():
                self.done.value += 1
        else:
            self.halt.wait(REST_S)
        return made.ok

    def end(self):
        self.halt.set()
        assert self.mine.poll(LIMIT_S), "a client hangs"
        attempts = self.mine.recv()
        self.process.join(LIMIT_S)
        return attempts

    def kill(self):
        self.process.kill()
        self.process.join()


def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def full_handshakes(task, attempts, pki, port, count):
    def one():
        context = clients.client_context(pki)
        while not task.halt.is_set():
            task.attempt(attempts, lambda: tls_wire.handshake(context, port))

    task.begun()
    in_threads(count, one)


class Resumption:
    """Connects again and again with the session of a first, full handshake."""

    def __init__(self, pki, port):
        self.context, self.port, self.session = clients.client_context(pki), port, None
        self.again()

    def again(self):
        """One echo on a connection of its own; true when its handshake was a resumption."""
        with socket.create_connection(("127.0.0.1", self.port), tls_wire.LIMIT_S) as plain:
            with self.context.wrap_socket(plain, server_hostname="localhost", session=self.session) as made:
                made.sendall(b"ping")
                assert made.recv(4) == b"ping"
                self.session = made.session
                return made.session_reused


def many(task, attempts, count, make, pause_s=0):
    """count clients, each attempting its own make()() all the time; the task has begun when all are made."""
    ready = threading.Barrier(count + 1)

    def one():
        call = make()
        ready.wait()
        while not task.halt.wait(pause_s):
            task.attempt(attempts, call)

    threads = threading.Thread(target=in_threads, args=(count, one))
    threads.start()
    ready.wait(LIMIT_S)
    task.begun()
    threads.join()


def resumed_handshakes(task, attempts, pki, port, count, pause_s=0):
    many(task, attempts, count, lambda: Resumption(pki, port).again, pause_s)


def paced(task, attempts, call, pause_s=PACE_S):
    """Until it fails once, which is false: a connection that broke is not made again."""
    task.begun()
    while not task.halt.wait(pause_s):
        if not task.attempt(attempts, call):
            return False
    return True


def established_echo(task, attempts, pki, port):
    conversation = tls_wire.Conversation(clients.client_context(pki), port)
    paced(task, attempts, lambda: conversation.echo(b"ping"))
    conversation.close()


def logged_in(pki, port, backend, tls=None):
    wire = ftp_wire.Wire(pki, port, implicit=True, tls=tls)
    assert wire.reply()[0] == 220
    wire.login(backend)
    return wire


def established_control(task, attempts, pki, port, backend):
    wire = logged_in(pki, port, backend)
    paced(task, attempts, lambda: wire.say("NOOP")[0] == 200)
    wire.close()


def established_https(task, attempts, pki, port):
    """One connection that is kept; http.client may not make it anew."""
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=clients.client_context(pki), timeout=LIMIT_S)
    connection.connect()
    connection.auto_open = 0

    def ask():
        connection.request("POST", "/as2", b"ping")
        answer = connection.getresponse()
        return answer.read() and answer.status == 200

    paced(task, attempts, ask)
    connection.close()


def long_upload(task, attempts, pki, port, backend):
    """One file, for as long as it lasts; each piece is seen to arrive, all but the server's own buffer. The last
    attempt is the end of the transfer."""
    wire, path, sent = logged_in(pki, port, backend), backend.files / "long-upload", 0
    data = wire.open_data("STOR in/long-upload")

    def piece():
        nonlocal sent
        data.sendall(bytes(PIECE))
        sent += PIECE
        return waiting.until(lambda: os.path.getsize(path) >= sent - 2 * PIECE, "a piece to arrive")

    def end():
        data.unwrap()
        data.close()
        return wire.final_code() == 226 and os.path.getsize(path) == sent

    if paced(task, attempts, piece, PIECE_S):
        task.attempt(attempts, end)
    wire.close()


def file_to_download(backend):
    """Made for long_download, which wants its digest."""
    return clients.digest(clients.make_file(backend.files / "long-download", LONG_BYTES))


def long_download(task, attempts, pki, port, backend, wanted):
    """Likewise; its last attempt takes the rest of the file."""
    wire, seen = logged_in(pki, port, backend), hashlib.sha256()
    data = wire.open_data("RETR in/long-download")

    def piece():
        got = data.recv(PIECE)
        seen.update(got)
        return got

    def end():
        while piece():
            continue
        data.close()
        return wire.final_code() == 226 and seen.hexdigest() == wanted

    if paced(task, attempts, piece, PIECE_S):
        task.attempt(attempts, end)
    wire.close()


def put_and_get(wire, name):
    """Each on a data channel of its own, both of which must be resumptions (F22)."""
    data = wire.open_data(f"STOR in/{name}")
    assert data.session_reused, "a full handshake"
    data.sendall(SHORT)
    data.unwrap()
    data.close()
    assert wire.final_code() == 226
    data = wire.open_data(f"RETR in/{name}")
    assert data.session_reused, "a full handshake"
    got = ftp_wire.receive_all(data)
    data.close()
    assert wire.final_code() == 226
    return got == SHORT


def short_transfers(task, attempts, pki, port, backend):
    wire = logged_in(pki, port, backend)
    paced(task, attempts, lambda: put_and_get(wire, "short"), SHORT_S)
    wire.close()


def longest_outage_s(attempts, end_s):
    """The longest time in which no attempt ended well, up to end_s."""
    ends = sorted(attempt.ended_s for attempt in attempts if attempt.ok and attempt.ended_s <= end_s)
    return max((later - earlier for earlier, later in zip(ends, [*ends[1:], end_s])), default=end_s)


def longest_wait_s(attempts):
    return max((attempt.took_s for attempt in attempts), default=0)


def causes(attempts):
    """Why attempts failed, each once."""
    return sorted({attempt.cause for attempt in attempts if not attempt.ok})


def failures(attempts):
    return sum(not attempt.ok for attempt in attempts)


def show(name, attempts, *more):
    """What it cost; the longest outage is that of full handshakes."""
    full, resumed = attempts["full"], attempts["resumed"]
    end_s = max(attempt.ended_s for attempt in full)
    figures.show(name, f"full: {len(full)}", f"failed: {failures(full)}",
                 f"longest outage: {longest_outage_s(full, end_s):.2f} s", f"resumed: {len(resumed)}",
                 f"failed: {failures(resumed)}", f"longest echo: {longest_wait_s(attempts['echo']) * 1000:.0f} ms", *more)


def assert_undisturbed(attempts, kinds, within_s):
    for kind in kinds:
        assert attempts[kind] and not failures(attempts[kind]), (kind, causes(attempts[kind]))
        assert longest_wait_s(attempts[kind]) < within_s, kind
