"""Starts the servers to compare, each on a loopback port of its own, and ends them again."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time

import message

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from checks import free_port

ADDRESS = "127.0.0.1"
START_SECONDS = 60


class StartFailed(Exception):
    """A server ended, or did not answer for all of its zones in time."""


class Server:
    """A running name server and the two ways to ask it."""

    name = "server"

    def __init__(self, directory):
        self.directory = os.path.join(directory, self.name)
        os.makedirs(self.directory)
        self.port = free_port()
        self.process = None
        self._ident = 0

    # What the kinds of server differ in.

    def configure(self, zones):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    # Running.

    def start(self, zones):
        self.configure(zones)
        self.log = open(os.path.join(self.directory, "log"), "w")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL, cwd=self.directory,
                                        start_new_session=True)

    def await_zones(self, zones):
        """Returns when every zone's SOA is answered with authority."""
        deadline = time.monotonic() + START_SECONDS
        missing = list(zones)
        while missing:
            if self.process.poll() is not None:
                raise StartFailed("%s ended: %s" % (self.name, self.log_tail()))
            if time.monotonic() > deadline:
                raise StartFailed("%s does not answer for %s: %s" % (
                    self.name, missing[0].origin, self.log_tail()))
            queries = [message.build_query(zone.wire, 6) for zone in missing]
            answers = self.ask_udp(queries, timeout=0.2, tries=1)
            missing = [zone for zone, answer in zip(missing, answers) if not is_soa(answer)]
            if missing:
                time.sleep(0.1)

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()
        self.process = None

    def log_tail(self):
        with open(os.path.join(self.directory, "log"), errors="replace") as file:
            return file.read()[-2000:]

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        return path

    # Asking. Queries get an ID of their own, by which the answers are sorted.

    def _number(self, query):
        self._ident = (self._ident + 1) & 0xFFFF
        return self._ident, struct.pack("!H", self._ident) + query[2:]

    def ask_udp(self, queries, timeout=1.0, tries=3, window=32):
        """The answers to queries, None where there is none, in their order."""
        answers = [None] * len(queries)
        todo = list(range(len(queries)))
        for _ in range(tries):
            if not todo:
                break
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
                sock.connect((ADDRESS, self.port))
                self._exchange_udp(sock, queries, todo, answers, (timeout, window))
            todo = [i for i in todo if answers[i] is None]
        return answers

    def _exchange_udp(self, sock, queries, todo, answers, limits):
        timeout, window = limits
        pending, position = {}, 0
        while position < len(todo) or pending:
            while position < len(todo) and len(pending) < window:
                ident, wire = self._number(queries[todo[position]])
                pending[ident] = todo[position]
                position += 1
                try:
                    sock.send(wire)
                except ConnectionRefusedError:
                    time.sleep(0.01)
            sock.settimeout(timeout)
            try:
                wire = sock.recv(65535)
            except (socket.timeout, ConnectionRefusedError):
                # The rest of the window is lost; what was not sent yet still has its turn.
                pending.clear()
                continue
            index = pending.pop(int.from_bytes(wire[:2], "big"), None)
            if index is not None:
                answers[index] = wire

    def ask_tcp(self, queries, timeout=5.0, window=16):
        """As ask_udp(), over connections that are opened again when the server closes them."""
        answers = [None] * len(queries)
        todo = list(range(len(queries)))
        for _ in range(1000):
            before = len(todo)
            if not todo:
                break
            try:
                with socket.create_connection((ADDRESS, self.port), timeout) as sock:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._exchange_tcp(sock, queries, todo, answers, window)
            except OSError:
                pass
            todo = [i for i in todo if answers[i] is None]
            if len(todo) == before:
                # No answer on a whole connection: the first query is the one it fails on.
                answers[todo[0]] = b""
                todo = todo[1:]
        return [answer or None for answer in answers]

    def _exchange_tcp(self, sock, queries, todo, answers, window):
        pending, position, buffer = {}, 0, b""
        while position < len(todo) or pending:
            batch = b""
            while position < len(todo) and len(pending) < window:
                ident, wire = self._number(queries[todo[position]])
                pending[ident] = todo[position]
                position += 1
                batch += struct.pack("!H", len(wire)) + wire
            if batch:
                sock.sendall(batch)
            data = sock.recv(1 << 18)
            if not data:
                return
            buffer += data
            while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2], "big"):
                end = 2 + int.from_bytes(buffer[:2], "big")
                index = pending.pop(int.from_bytes(buffer[2:4], "big"), None)
                if index is not None:
                    answers[index] = buffer[2:end]
                buffer = buffer[end:]


def is_soa(answer):
    if answer is None:
        return False
    response = message.Message(answer)
    return response.rcode == 0 and response.aa and len(response.answer) > 0


class Knot(Server):
    name = "knot"

    def configure(self, zones):
        text = """
server:
    listen: %s@%d
    rundir: %s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-max-clients: 100
database:
    storage: %s
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: %s
    semantic-checks: off
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
zone:
""" % (ADDRESS, self.port, self.directory, self.directory, self.directory)
        for zone in zones:
            text += '  - domain: "%s"\n    file: "%s"\n' % (zone.origin, zone.path)
        self.write("knot.conf", text)

    def command(self):
        return ["knotd", "-c", os.path.join(self.directory, "knot.conf")]


class Nsd(Server):
    name = "nsd"

    def configure(self, zones):
        place = {"dir": self.directory, "address": ADDRESS, "port": self.port}
        text = """
server:
    ip-address: %(address)s@%(port)d
    port: %(port)d
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    zonesdir: "%(dir)s"
    zonelistfile: "%(dir)s/zone.list"
    xfrdfile: "%(dir)s/xfrd.state"
    xfrdir: "%(dir)s"
    pidfile: "%(dir)s/nsd.pid"
    hide-version: no
    tcp-count: 100
    tcp-query-count: 0
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    verbosity: 1
remote-control:
    control-enable: no
""" % place
        for zone in zones:
            text += 'zone:\n    name: "%s"\n    zonefile: "%s"\n' % (zone.origin, zone.path)
        self.write("nsd.conf", text)

    def command(self):
        return ["nsd", "-d", "-c", os.path.join(self.directory, "nsd.conf")]


class Bind(Server):
    name = "named"

    def configure(self, zones):
        place = {"dir": self.directory, "address": ADDRESS, "port": self.port}
        text = """
options {
    directory "%(dir)s";
    listen-on port %(port)d { %(address)s; };
    listen-on-v6 { none; };
    pid-file none;
    session-keyfile none;
    recursion no;
    allow-query { any; };
    allow-transfer { none; };
    notify no;
    minimal-responses yes;
    zero-no-soa-ttl no;
    empty-zones-enable no;
    dnssec-validation no;
    check-names primary ignore;
    check-integrity no;
    check-mx ignore;
    check-sibling no;
    check-wildcard no;
    check-spf ignore;
    tcp-clients 100;
    tcp-idle-timeout 300;
};
controls { };
""" % place
        for zone in zones:
            name = zone.origin.replace('"', '\\"')
            text += 'zone "%s" { type primary; file "%s"; };\n' % (name, zone.path)
        self.write("named.conf", text)

    def command(self):
        return ["named", "-g", "-n", "1", "-c", os.path.join(self.directory, "named.conf")]


class Anser(Server):
    """Anser as its own users start it: the control plane with the data plane as its child."""

    name = "anser"

    def __init__(self, directory, binaries, server_options=""):
        super().__init__(directory)
        self.binaries = binaries
        self.server_options = server_options

    def configure(self, zones):
        text = """
server:
  listen: ["%s@%d"]
  workers: 1
  nsid: "anser-test"
  id: "anser-id"
%scontrol:
  store: "%s"
  control-socket: "%s"
  dataplane-socket: "%s"
  supervise: "%s"
zones:
""" % (ADDRESS, self.port, self.server_options,
       os.path.join(self.directory, "store"), os.path.join(self.directory, "control.sock"),
       os.path.join(self.directory, "dataplane.sock"),
       os.path.join(self.binaries, "anser-dataplane"))
        for zone in zones:
            text += '  - { name: "%s", file: "%s" }\n' % (zone.origin, zone.path)
        self.write("anser.yaml", text)

    def command(self):
        return [os.path.join(self.binaries, "anser-control"), "-c",
                os.path.join(self.directory, "anser.yaml")]


def start_all(servers, zones):
    """Starts servers side by side; on failure everything is ended again."""
    try:
        for server in servers:
            server.start(zones)
        for server in servers:
            server.await_zones(zones)
    except BaseException:
        stop_all(servers)
        raise


def stop_all(servers):
    for server in servers:
        server.stop()
