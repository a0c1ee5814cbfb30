"""Three machines of a test's own, as network namespaces: a partner, a router that translates addresses, a server. The
partner reaches the router's outer address only; the server's network is unknown to it."""

import subprocess
import uuid

import waiting

CLIENT, OUTSIDE = "10.77.1.2", "10.77.1.1"
INSIDE, SERVER = "10.77.2.1", "10.77.2.2"


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


class Namespaces:
    def __init__(self):
        tag = uuid.uuid4().hex[:6]
        self.client, self.router, self.server = (f"p11gate-{tag}-{role}" for role in ("c", "r", "s"))
        self.made = []
        try:
            self.build(tag)
        except BaseException:
            self.remove()
            raise

    def build(self, tag):
        for name in (self.client, self.router, self.server):
            run("ip", "netns", "add", name)
            self.made.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self.cable(f"c{tag}", self.client, CLIENT, OUTSIDE)
        self.cable(f"s{tag}", self.server, SERVER, INSIDE)
        run(*self.inside(self.router), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    def cable(self, name, end, address, router_address):
        far = f"{name}r"
        run("ip", "link", "add", name, "netns", end, "type", "veth", "peer", "name", far, "netns", self.router)
        for where, link, at in ((end, name, address), (self.router, far, router_address)):
            run("ip", "-n", where, "addr", "add", f"{at}/24", "dev", link)
            run("ip", "-n", where, "link", "set", link, "up")

    def translate(self, *rules):
        """nft's words for what comes in from outside; everything that goes on looks as if it came from the router."""
        lines = ["table ip nat {", "chain before { type nat hook prerouting priority dstnat;", *rules, "}",
                 "chain after { type nat hook postrouting priority srcnat; masquerade", "}", "}"]
        subprocess.run([*self.inside(self.router), "nft", "-f", "-"], input="\n".join(lines) + "\n", text=True, check=True)

    @staticmethod
    def inside(name):
        """What stands in front of a command that is to run there."""
        return ["ip", "netns", "exec", name]

    def until_port(self, name, port):
        def listens():
            return subprocess.run([*self.inside(name), "ss", "-Hltn", f"sport = :{port}"], capture_output=True, check=True).stdout

        waiting.until(listens, f"port {port} in {name}")

    def remove(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False)
