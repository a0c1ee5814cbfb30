"""The figures that p11gate shows over HTTP, for tests that count."""

import http.client
import re

import waiting


def add(configuration):
    """Has the configuration serve them; returns the port."""
    port = waiting.free_port()
    configuration.top["admin"] = {**configuration.top["admin"], "bind": f"127.0.0.1:{port}"}
    return port


def read(port):
    """name{labels} -> number."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert answer.status == 200, text
    return {sample: float(value) for sample, value in re.findall(r"^([a-z].*) ([0-9.]+)$", text, re.MULTILINE)}


def signatures(port):
    """That workers were given, of all keystores."""
    return sum(value for sample, value in read(port).items() if sample.startswith("p11gate_sign_seconds_count"))
