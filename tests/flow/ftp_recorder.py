"""An FTP server in clear that does little, and remembers every command that reached it."""

import re
import socket
import socketserver
import threading


class Talk(socketserver.StreamRequestHandler):
    """One control connection."""

    def say(self, text):
        self.wfile.write(text.encode("latin-1") + b"\r\n")

    def handle(self):
        self.owner, self.name, self.user, self.listening, self.rest = self.server.owner, None, None, None, 0
        self.owner.connections.append(self.client_address)
        try:
            self.say(f"220 {self.owner.greeting}")
            for line in self.rfile:
                text = line.rstrip(b"\r\n").decode("latin-1")
                self.owner.commands.append(text)
                verb, _, argument = text.partition(" ")
                if not self.answer(verb.upper(), argument):
                    return
        except OSError:
            return

    def answer(self, verb, argument):
        own = getattr(self, f"do_{verb.lower()}", None)
        if verb in self.owner.doings:
            return self.owner.doings[verb](self, argument) is not False
        if verb in self.owner.replies:
            self.say(self.owner.replies[verb])
        elif verb in self.owner.unknown or not own:
            self.say("500 Unknown")
        else:
            return own(argument) is not False
        return True

    def do_user(self, name):
        self.name = name
        self.say("331 Password")

    def do_pass(self, password):
        good = self.owner.users.get(self.name) == password
        self.say(f"230 You are {self.name}" if good else "530 No")

    def do_quit(self, _):
        self.say("221 Bye")
        return False

    def do_noop(self, _):
        self.say("200 OK")

    do_type = do_opts = do_site = do_mode = do_stru = do_noop

    def do_cwd(self, folder):
        self.say("250 There" if folder in self.owner.folders else "550 Not there")

    def do_pwd(self, _):
        self.say('257 "/"')

    def do_rest(self, position):
        self.rest = int(position)
        self.say("350 OK")

    def do_feat(self, _):
        self.say("211-Features:\r\n SIZE\r\n MLST type*;\r\n REST STREAM\r\n SITE\r\n211 End")

    def do_stat(self, _):
        self.say("213-Status\r\n214 not the end\r\n 213 nor this\r\n213-nor this\r\n\r\n213 End")

    def listen(self):
        self.listening = socket.create_server((self.server.server_address[0], 0), family=self.server.address_family)
        return self.listening.getsockname()[1]

    def do_epsv(self, _):
        self.say(f"229 ok (|||{self.listen()}|)")

    def do_pasv(self, _):
        port = self.listen()
        self.say(f"227 ok (10,99,99,99,{port // 256},{port % 256})")

    def transfer(self, work):
        self.say("150 Here it comes")
        data, _ = self.listening.accept()
        self.listening.close()
        with data:
            work(data)
        self.say("226 Done")

    def do_retr(self, name):
        content, self.rest = self.owner.files.get(name, b"")[self.rest:], 0
        self.transfer(lambda data: data.sendall(content))

    def do_list(self, _):
        self.transfer(lambda data: data.sendall("".join(f"{name}\r\n" for name in self.owner.files).encode()))

    do_nlst = do_mlsd = do_list

    def store(self, name, begin):
        def take(data):
            self.owner.files[name] = begin + b"".join(iter(lambda: data.recv(65536), b""))

        self.transfer(take)

    def do_stor(self, name):
        begin, self.rest = self.owner.files.get(name, b"")[:self.rest], 0
        self.store(name, begin)

    def do_appe(self, name):
        self.store(name, self.owner.files.get(name, b""))

    def do_stou(self, _):
        self.store("unique", b"")


class Recorder:
    """users: name -> password; replies: verb -> what is said to it; unknown: verbs that it has not got; doings: verb ->
    what is done instead, with the Talk and the argument (False: the connection ends)."""

    user, password = "typed", "typed password"

    def __init__(self, greeting="ready", users=(), host="127.0.0.1"):
        self.greeting, self.users = greeting, {self.user: self.password, **dict(users)}
        self.commands, self.connections, self.files, self.folders = [], [], {}, set()
        self.replies, self.unknown, self.doings = {}, set(), {}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = type("Server", (socketserver.ThreadingTCPServer,), {"address_family": family, "daemon_threads": True})
        self.server = kind((host, 0), Talk)
        self.server.owner = self
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forget(self):
        self.commands.clear()
        self.replies.clear()
        self.unknown.clear()
        self.doings.clear()

    def said(self, pattern):
        """The commands that match."""
        return [command for command in self.commands if re.fullmatch(pattern, command)]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
