"""What partners do meanwhile: full and resumed handshakes all the time, an established echo, an FTPS control
connection. Each is a process of its own, so that it measures p11gate and not the test; end() tells what
became of it."""

import multiprocessing
import socket
import threading
import time

import clients
import ftp_wire
import tls_wire

PACE_S = 0.005  # between two echoes
REST_S = 0.02  # after a failure, so that whoever is refused at once does not spin
LIMIT_S = 60


class Attempt:
    """When it began and ended (time.monotonic, the same in all processes), and whether it went well."""

    def __init__(self, call):
        self.begun_s, self.cause = time.monotonic(), "false"
        try:
            self.ok = bool(call())
        except (OSError, EOFError) as error:
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
            task.attempt(attempts, lambda: tls_wire.full_handshake(context, port))

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


def paced(task, attempts, call):
    """Until it fails once: a connection that broke is not made again."""
    task.begun()
    while not task.halt.wait(PACE_S) and task.attempt(attempts, call):
        continue


def established_echo(task, attempts, pki, port):
    conversation = tls_wire.Conversation(clients.client_context(pki), port)
    paced(task, attempts, lambda: conversation.echo(b"ping"))
    conversation.close()


def established_control(task, attempts, pki, port, backend):
    wire = ftp_wire.Wire(pki, port, implicit=True)
    wire.reply()
    wire.login(backend)
    paced(task, attempts, lambda: wire.say("NOOP")[0] == 200)
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
