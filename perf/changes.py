"""What the bars of live changes are made of: servers that are changed while they serve, and servers
that start from their store.

A change is done when it is on disk and every worker answers from it: that is what the servers' own
reports are held to, by asking over DNS afterwards.
"""
import contextlib
import http.client
import json
import math
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

import data
import servers
import wire
from servers import Failed

PATIENCE = 1800  # for the first load of what is large
BULK_NAMES = 100000  # of the zone that is changed in bulk, ours and the peers'
EYES = 4  # for each worker: the kernel deals sockets out among them by their ports
SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


def address(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def shows(server, name, wanted):
    """Whether the server's answer ends with that address."""
    return server.ask(name, wire.TYPE_A, 1).endswith(socket.inet_aton(wanted))


def wait_for(server, name, wanted):
    deadline = time.monotonic() + 30
    while not shows(server, name, wanted):
        if time.monotonic() > deadline:
            raise Failed(f"{server.name} does not serve {name} {wanted}")
        time.sleep(0.001)


class Api:
    """A connection to Anser's Unix socket for HTTP. Requests are octets, so that making them takes
    no time while a clock runs."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def ask(self, request):
        """Gives the status and the whole response, which must have no body or be a short one."""
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = self.socket.recv(65536)
            if not part:
                raise Failed(f"the connection for HTTP ends after {answer}")
            answer += part
        return int(answer[9:12]), answer

    def close(self):
        self.socket.close()


def request(method, path, body=""):
    return (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            f"{body}").encode()


class Live(servers.Anser):
    """With a worker on every processor: visible means in all of them."""
    patience = 300

    def __init__(self, zones):
        every = sorted(os.sched_getaffinity(0))
        self.workers = len(every)
        super().__init__(zones, cpu=",".join(str(c) for c in every))

    def api(self):
        return contextlib.closing(Api(f"{self.dir}/api.sock"))

    def wait_until_loaded(self):
        """Until everything that the configuration names has been tried once."""
        deadline = time.monotonic() + PATIENCE
        self.wait_until_serving(PATIENCE)
        while True:
            with self.api() as api:
                status, answer = api.ask(request("GET", "/readyz"))
            if status == 200:
                return
            if time.monotonic() > deadline:
                raise Failed(f"not loaded after {PATIENCE} s: {answer}")
            time.sleep(0.1)

    def wait_until_ready(self):
        """For changes."""
        self.wait_until_loaded()

    def wait_until_tidy(self):
        """Until the control plane is at rest: what a load leaves to be done, huge pages above all, is
        done. The cleaning of buckets goes on, in slices that are too small to be seen here."""
        deadline = time.monotonic() + PATIENCE
        before, now = -math.inf, self.processor_time()
        while now - before > 0.02:
            if time.monotonic() > deadline:
                raise Failed("the control plane does not come to rest")
            time.sleep(0.5)
            before, now = now, self.processor_time()

    def forget(self):
        """Has the kernel give up its copy of the store: a start then reads it from the disk."""
        for directory, _, files in os.walk(f"{self.dir}/store"):
            for name in files:
                with open(os.path.join(directory, name), "rb") as f:
                    os.fsync(f.fileno())
                    os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def restart(self, cold):
        """Ends the server and starts it from its store. Gives the seconds from the start of the
        first process to the first answer."""
        self.end_processes()
        if cold:
            self.forget()
        began = time.monotonic()
        self.start()
        self.wait_until_serving(PATIENCE)
        return time.monotonic() - began


# ---- one change ----

class Changed:
    """A server with one zone of so many names, and the milliseconds of its changes."""
    kind = Live

    def __init__(self, names):
        self.names = names
        self.server = self.kind([(data.ORIGIN, data.hosts(names))])
        self.took = []
        self.changed = []  # names

    def open(self, stack):
        stack.enter_context(self.server)
        self.server.wait_until_ready()
        self.server.wait_until_tidy()
        self.api = stack.enter_context(self.server.api())

    def change(self):
        name = f"h{random.randrange(self.names):07d}.{data.ORIGIN}"
        wanted = address(random.randrange(1 << 24))
        asked = request("PATCH", f"/api/v1/servers/localhost/zones/{data.ORIGIN}", json.dumps(
            {"rrsets": [{"name": name, "type": "A", "ttl": 3600, "changetype": "REPLACE",
                         "records": [{"content": wanted, "disabled": False}]}]}))
        began = time.monotonic()
        status, answer = self.api.ask(asked)
        self.took.append((time.monotonic() - began) * 1e3)
        if status != 204:
            raise Failed(f"a change is refused: {answer}")
        for _ in range(EYES * self.server.workers):
            if not shows(self.server, name, wanted):
                raise Failed(f"{name} was changed, and a worker still has its old address")
        self.changed.append(name)

    def part(self, share):
        """What so much of the changes took at most."""
        return sorted(self.took)[math.ceil(share * len(self.took)) - 1]


    def end(self):
        """Looks at what became of it."""


def one_by_one(count, many, few):
    """Changes of one address each over the API, in turns in two zones: each has a server of its own."""
    with contextlib.ExitStack() as stack:
        for changed in (many, few):
            changed.open(stack)
        for _ in range(count):
            many.change()
            few.change()
        for changed in (many, few):
            changed.end()
    return many, few


# ---- many changes ----

def added(number):
    """Owner and address of the so-manieth record that is added."""
    return f"n{number:07d}.{data.ORIGIN}", address(number)


def in_parts(count, size):
    return [range(at, min(at + size, count)) for at in range(0, count, size)]


def timed(server, count, send):
    """Records a second, from the first octet sent until DNS shows the last record."""
    began = time.monotonic()
    send()
    wait_for(server, *added(count - 1))
    rate = count / (time.monotonic() - began)
    for number in random.sample(range(count), min(count, 1000)):
        wait_for(server, *added(number))
    return rate


def command(numbers):
    edits = [{"op": "set", "name": name, "type": "A", "ttl": 3600, "rdata": [wanted]}
             for name, wanted in map(added, numbers)]
    return json.dumps({"command": "change",
                       "args": {"edits": edits, "timeout_ms": 60000}}).encode() + b"\n"


def converse(path, commands):
    """Sends commands to the control socket, the next ones while one is worked on."""
    def send():
        with contextlib.suppress(OSError):  # the reader finds out
            for each in commands:
                s.sendall(each)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect(path)
        s.settimeout(120)
        sender = threading.Thread(target=send)
        sender.start()
        with s.makefile("rb") as answers:
            for _ in commands:
                line = answers.readline()
                if not line or json.loads(line)["outcome"] != 0:
                    s.shutdown(socket.SHUT_RDWR)
                    sender.join()
                    raise Failed(f"a transaction is refused: {line[:1000]}")
        sender.join()


def bulk_anser(count, size, streams):
    """Transactions of so many records, dealt out to so many clients."""
    commands = [command(part) for part in in_parts(count, size)]
    failed = []

    def stream(path, own):
        try:
            converse(path, own)
        except (Failed, OSError, ValueError) as e:
            failed.append(e)

    def send():
        threads = [threading.Thread(target=stream, args=(f"{server.dir}/control", commands[i::streams]))
                   for i in range(streams)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failed:
            raise Failed(str(failed[0]))

    with Live([(data.ORIGIN, data.hosts(BULK_NAMES))]) as server:
        server.wait_until_loaded()
        return timed(server, count, send)


def cli_anser(count, size):
    """anserctl, reading so many changes in transactions of that size."""
    text = "".join("".join(f"set {name} 3600 A {wanted}\n" for name, wanted in map(added, part)) + "\n"
                   for part in in_parts(count, size))

    def send():
        done = subprocess.run([servers.tool("anserctl"), "--json", "-s", f"{server.dir}/control",
                               "batch", "--timeout", "600"], input=text, capture_output=True, text=True,
                              check=False, timeout=900)
        if done.returncode != 0 or json.loads(done.stdout)["changes"] != count:
            raise Failed(f"anserctl batch: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    with Live([(data.ORIGIN, data.hosts(BULK_NAMES))]) as server:
        server.wait_until_loaded()
        return timed(server, count, send)


def transaction(numbers):
    rrsets = [{"name": name, "type": "A", "ttl": 3600, "changetype": "REPLACE",
               "records": [{"content": wanted, "disabled": False}]}
              for name, wanted in map(added, numbers)]
    return json.dumps({"zones": [{"name": data.ORIGIN, "rrsets": rrsets}]}) + "\n"


def bulk_stream(count, size):
    """Transactions of so many records, as one body of lines over HTTP, sent by curl."""
    def send():
        sent = subprocess.run(
            ["curl", "-sS", "--unix-socket", f"{server.dir}/api.sock", "-X", "POST", "-T", path,
             "-H", "Content-Type: application/x-ndjson",
             "http://localhost/api/anser/v1/batch?wait=visible&stop-on-error"],
            stdout=subprocess.PIPE, text=True, check=False, timeout=600)
        summary = json.loads(sent.stdout.splitlines()[-1]) if sent.stdout else {}
        if sent.returncode != 0 or summary.get("done") != lines or summary["status"] != 200:
            raise Failed(f"a stream is refused: {sent.stdout[-1000:]}")

    with Live([(data.ORIGIN, data.hosts(BULK_NAMES))]) as server:
        server.wait_until_loaded()
        path = f"{server.dir}/lines"
        parts = in_parts(count, size)
        lines = len(parts)
        with open(path, "w") as f:
            f.writelines(map(transaction, parts))
        return timed(server, count, send)


class KnotLive(servers.Knot):
    """With its journal, which is what makes its changes durable."""

    def config(self):
        return super().config().replace("    journal-content: none\n", "")


def bulk_knot(count):
    """One transaction by one knotc, which reads its commands. Without a home it does not write down
    the history of its commands after each of them, which would take most of its time."""
    lines = [f"zone-begin {data.ORIGIN}"]
    lines += [f"zone-set {data.ORIGIN} {name} 3600 A {wanted}"
              for name, wanted in map(added, range(count))]
    text = "\n".join(lines + [f"zone-commit {data.ORIGIN}", "exit"]) + "\n"

    def send():
        subprocess.run(["knotc", "-s", f"{server.dir}/knot.sock"], input=text, text=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       timeout=600, env={**os.environ, "HOME": f"{server.dir}/none"})

    with KnotLive([(data.ORIGIN, data.hosts(BULK_NAMES))], cpu=servers.BOTH_CPUS) as server:
        server.wait_until_serving()
        return timed(server, count, send)


class Pdns(servers.Server):
    """With SQLite, and changed by its API."""
    name = "pdns"
    program = "pdns_server"

    def config(self):
        self.web = servers.free_port()
        return "\n".join(["launch=gsqlite3", f"gsqlite3-database={self.dir}/db",
                          "local-address=127.0.0.1", f"local-port={self.port}", "api=yes",
                          "api-key=perf", "webserver=yes", "webserver-address=127.0.0.1",
                          f"webserver-port={self.web}", f"socket-dir={self.dir}"]) + "\n"

    def start(self):
        with open(SCHEMA) as f, contextlib.closing(sqlite3.connect(f"{self.dir}/db")) as db:
            db.executescript(f.read())
        with open(f"{self.dir}/pdns.conf", "w") as f:
            f.write(self.config())
        for origin, path in self.zones:
            servers.run_tool(["pdnsutil", f"--config-dir={self.dir}", "load-zone", origin, path], 600)
        self.spawn(["pdns_server", f"--config-dir={self.dir}"])


def bulk_pdns(count, size):
    """One PATCH for so many records, one after the other on one connection."""
    path = f"/api/v1/servers/localhost/zones/{data.ORIGIN}"
    bodies = [json.dumps({"rrsets": [
        {"name": name, "type": "A", "ttl": 3600, "changetype": "REPLACE",
         "records": [{"content": wanted, "disabled": False}]}
        for name, wanted in map(added, part)]}) for part in in_parts(count, size)]

    def send():
        client = http.client.HTTPConnection("127.0.0.1", server.web, timeout=300)
        with contextlib.closing(client):
            for body in bodies:
                client.request("PATCH", path, body, {"X-API-Key": "perf"})
                answer = client.getresponse()
                text = answer.read()
                if answer.status != 204:
                    raise Failed(f"pdns refuses a PATCH: {answer.status} {text[:500]}")

    with Pdns([(data.ORIGIN, data.hosts(BULK_NAMES))], cpu=servers.BOTH_CPUS) as server:
        server.wait_until_serving()
        return timed(server, count, send)


def bulk_peers(count, only=None):
    """What others do, as text; of the slowest fewer are asked for."""
    peers = [("knotc", "knotc", bulk_knot, (count,)),
             ("pdns API", "pdns_server", bulk_pdns, (count // 4, 1000))]
    peers = [peer for peer in peers if only in (None, peer[0])]
    return ", ".join(f"{peer} {bulk(*args):.0f}/s" if shutil.which(program)
                     else f"{peer} not installed" for peer, program, bulk, args in peers)


# ---- changes under load ----

PAIRS_WRITERS = 8
ROUNDS = 4


class Pairs(servers.Anser):
    """With the records that anser-pairs changes. Its worker has one processor, the asker another, and
    the control plane and those who make the changes take what both leave."""
    patience = 60

    def __init__(self):
        self.made = tempfile.mkdtemp(prefix="pairs-", dir=servers.WORK)
        zones = []
        for zone in ("pairs", "other"):
            path = os.path.join(self.made, zone)
            with open(path, "w") as f:
                f.write(servers.run_tool([servers.tool("anser-pairs"), "--zone", zone,
                                          "--writers", str(PAIRS_WRITERS)]))
            zones.append((f"{zone}.example.", path))
        super().__init__(zones)

    def stop(self):
        super().stop()
        shutil.rmtree(self.made, ignore_errors=True)

    def begin_anew(self):
        """With the records as they were before any change."""
        for zone, _ in self.zones:
            servers.run_tool([servers.tool("anserctl"), "-s", f"{self.dir}/control", "zone", "reload",
                              zone], 60)

    def pairs(self, *options):
        """What anser-pairs says. Its exit status is a matter of the figures."""
        command = [servers.tool("anser-pairs"), "--port", self.port, "--cpu", servers.CLIENT_CPU,
                   "--writers", PAIRS_WRITERS, *options]
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True,
                              timeout=600, check=False)
        if not done.stdout:
            raise Failed("anser-pairs says nothing")
        return servers.records(done.stdout)[0]


    def waited(self):
        """Seconds that the busiest thread of the data plane has waited for a processor."""
        tasks = f"/proc/{self.processes[1].pid}/task"
        waits = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat") as f:
                waits.append(int(f.read().split()[1]))
        return max(waits) / 1e9


def under_load(part, changes, seconds):
    """The most answers a second; what anser-pairs says at a part of them with so many changes a
    second; and the seconds that the worker waited meanwhile. A round in which the asker had not the
    processor that it takes says nothing."""
    with Pairs() as server:
        server.wait_until_serving()
        for _ in range(ROUNDS):
            peak = max(server.pairs("--seconds", 1, "--window", window)["rate"]
                       for window in (8, 16, 8, 16))
            before = server.waited()
            step = server.pairs("--seconds", seconds, "--rate", peak * part, "--change-rate",
                                changes, "--control", f"{server.dir}/control")
            waited = server.waited() - before
            if step["asked"] >= 0.95 * part * peak * seconds and step["change_rate"] >= 0.95 * changes:
                return peak, step, waited
            server.begin_anew()
    raise Failed(f"in {ROUNDS} rounds either the queries or the changes were never as many as they "
                 f"should be: peak {peak:.0f}/s, {step}")


# ---- starts ----

class Hosting(Live):
    """All zones of a directory."""

    def __init__(self, zones):
        self.directory = os.path.dirname(zones[0][1])
        super().__init__(zones)

    def contents(self):
        return ["zone-dirs:", f"  - path: {self.directory}"]


def starts(server, names):
    """Seconds of a start that reads the store from the disk, and of one that finds it in memory.
    names: pairs of a name and a type, some of which are asked for after each."""
    took = {}
    with server:
        server.wait_until_loaded()
        for cold in (True, False):
            took[cold] = server.restart(cold)
            for name, rrtype in random.sample(names, min(len(names), 1000)):
                answer = server.ask(name, rrtype, 2)
                if len(answer) < 12 or wire.rcode(answer) or answer[7] == 0:
                    raise Failed(f"{name} is not served after a start")
    return took[True], took[False]


def start_zones(count):
    zones = data.zones(count, 0)
    return starts(Hosting(zones), [(origin, 6) for origin, _ in zones])


def start_names(count):
    names = [(f"h{random.randrange(count):07d}.{data.ORIGIN}", 1) for _ in range(1000)]
    return starts(Live([(data.ORIGIN, data.hosts(count))]), names)
