"""What the bars of zones that the server signs are made of: changes in them, what it costs the answers when they
are signed again, and how large answers and table are."""
import json
import os
import signal
import socket
import statistics
import struct
import tempfile
import time

import changes
import data
import servers
import signing
import wire
from servers import Failed

TYPE_OPT, TYPE_RRSIG = 41, 46
SMALL = 1000  # hosts of the zone that a large one is compared with
ASKS = 8  # to begin: each may come to a socket that nobody reads any more
VALIDATED = 5  # of the changed names, by delv


def with_do(owner, rrtype):
    opt = b"\0" + struct.pack("!HHIH", TYPE_OPT, 4096, 0x8000, 0)
    return wire.header(4711, 0, 1, 0, 0, 1) + wire.question(owner, rrtype) + opt


def is_signed(server, owner, rrtype):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        s.connect(("127.0.0.1", server.port))
        try:
            s.send(with_do(owner, rrtype))
            return struct.pack("!2H", TYPE_RRSIG, wire.CLASS_IN) in s.recv(4096)
        except OSError:
            return False


class Signed(changes.Live):
    """Signs its zones, by a policy whose numbers are lines of the configuration."""
    policy = []

    def config(self):
        return super().config() + "\n".join(
            ["dnssec-policies:", "  - name: perf", *(f"    {line}" for line in self.policy)]) + "\n"

    def contents(self):
        return ["zones:"] + [line for origin, path in self.zones for line in (
            f"  - name: {origin}", f"    file: {path}", "    dnssec: perf")]

    def wait_until_ready(self):
        deadline = time.monotonic() + changes.PATIENCE
        self.wait_until_loaded()
        while not is_signed(self, self.zones[-1][0], wire.TYPE_SOA):
            if time.monotonic() > deadline:
                raise Failed(f"not signed after {changes.PATIENCE} s: {self.log()}")
            time.sleep(0.1)

    def validate(self, names):
        """By BIND, from the zone's own keys."""
        anchors = os.path.join(self.dir, "anchors")
        origin = self.zones[0][0]
        at = ["@127.0.0.1", "-p", str(self.port)]
        with open(anchors, "w") as f:
            f.write("trust-anchors {\n")
            for line in servers.run_tool(["dig", *at, "+short", origin, "DNSKEY"], 60).splitlines():
                flags, protocol, algorithm, *key = line.split()
                f.write(f'"{origin}" static-key {flags} {protocol} {algorithm} "{"".join(key)}";\n')
            f.write("};\n")
        for name in names:
            said = servers.run_tool(["delv", *at, "-a", anchors, f"+root={origin}", name, "A"], 60)
            if "fully validated" not in said:
                raise Failed(f"{name} is bogus: {said[-500:]}")


# ---- one change ----

class Changed(changes.Changed):
    """In a zone that is signed here. Some of the changed names are validated in the end."""
    kind = Signed

    def end(self):
        self.server.validate(self.changed[-VALIDATED:])


# ---- signing again ----

class Again(Signed):
    """Its signatures are due some seconds after they are made, though they hold for an hour: so there is always something
    to be signed, and it is done as fast as it ever is. The data plane has a processor and one worker, which is
    asked in memory, so that nobody who asks needs the other processor."""
    policy = ["signatures-validity: 3600s", "signatures-refresh: 3580s", "signatures-jitter: 10s"]

    def __init__(self, zones):
        super().__init__(zones)
        self.workers = 1
        self.cpu = servers.SERVER_CPU
        self.attached = 1

    def serial(self):
        with self.api() as api:
            _, answer = api.ask(changes.request(
                "GET", f"/api/v1/servers/localhost/zones/{self.zones[0][0]}?rrsets=false"))
        return json.loads(answer.partition(b"\r\n\r\n")[2])["serial"]

    def wait_until_signing(self):
        deadline = time.monotonic() + changes.PATIENCE
        before = self.serial()
        while self.serial() == before:
            if time.monotonic() > deadline:
                raise Failed(f"nothing is signed again: {self.log()}")
            time.sleep(0.1)

    def end_dataplane(self):
        process = self.processes.pop()
        if process.poll() is None:
            process.terminate()
        process.wait(20)

    def wait_until_attached(self):
        """The data plane, which answers in the control plane's place then."""
        deadline = time.monotonic() + self.patience
        while True:
            with open(os.path.join(self.dir, "log"), errors="replace") as f:
                if f.read().count("attached") > self.attached:
                    break
            if time.monotonic() > deadline:
                raise Failed(f"the data plane does not attach: {self.log()}")
            time.sleep(0.02)
        self.attached += 1
        self.wait_until_serving()

    def answers(self, queries, seconds, signing):
        """Answers a second, of a new data plane, while the control plane goes on or not; and how many changes it
        made meanwhile."""
        result = os.path.join(self.dir, "result")
        self.preload = {"LD_PRELOAD": servers.tool("memio.so"), "MEMIO_QUERIES": queries + ".bin",
                        "MEMIO_SECONDS": str(seconds), "MEMIO_RESULT": result}
        self.start_dataplane()
        self.wait_until_attached()
        if signing:
            self.wait_until_signing()
        before = self.serial()
        if not signing:
            self.processes[0].send_signal(signal.SIGSTOP)
        try:
            for _ in range(ASKS):
                self.ask("memio-start." + self.zones[0][0], wire.TYPE_A, 0.05)
            figures = servers.memio_result(self, result, seconds)
        finally:
            self.processes[0].send_signal(signal.SIGCONT)
        made = self.serial() - before
        os.unlink(result)
        self.end_dataplane()
        servers.check_answers(figures, "noerror", 150)
        return 1e9 / figures["ns"], made


def again(names, pairs, seconds):
    """Gives the median of the pairs' ratios, and what it is made of."""
    queries = data.queries("positive", names, dnssec_ok=True)
    rates = []
    changed = 0
    with Again([(data.ORIGIN, data.hosts(names))]) as server:
        server.wait_until_ready()
        server.end_dataplane()
        for turn in range(pairs):
            rate = {}
            for signing in ((True, False) if turn % 2 else (False, True)):
                rate[signing], made = server.answers(queries, seconds, signing)
                changed += made if signing else 0
            rates.append((rate[True], rate[False]))
    if changed < pairs:
        raise Failed("nothing was signed again")
    busy, idle = (statistics.median(column) for column in zip(*rates))
    return statistics.median(a / b for a, b in rates), (
        f"of what is answered while the control plane is halted, median of {pairs} pairs; {busy:.0f}/s in memory, with DO, "
        f"while a zone of {names} names is signed again, {idle:.0f}/s without; {changed / (pairs * seconds):.1f} changes "
        "a second, of 128 RRsets each")


# ---- answers, and what holds them ----

def first_queries(path, count):
    """Of a file for memio."""
    with open(path, "rb") as f:
        for _ in range(count):
            yield f.read(int.from_bytes(f.read(2), "big"))


def answered(server, queries):
    """Octets of the answer to each."""
    octets = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", server.port))
        for query in queries:
            s.send(query)
            answer = s.recv(4096)
            if wire.rcode(answer) not in (0, 3) or answer[2] & 2 or struct.pack("!2H", TYPE_RRSIG, 1) not in answer:
                raise Failed(f"{server.name} does not answer with signatures: {answer[:12].hex()}")
            octets.append(len(answer))
    return octets


def sizes(names, count):
    """How many of so many answers of each kind are larger than knotd's, which has the zone as kzonesign has signed
    it; ours is signed by us."""
    text = []
    larger = 0
    with tempfile.TemporaryDirectory(dir=servers.WORK) as directory:
        ours = os.path.join(directory, "ours")
        signing.ours(names, ours)
        theirs, _ = signing.by_knot(data.hosts(names), directory)
        with servers.Anser([(data.ORIGIN, ours)]) as anser, servers.Knot([(data.ORIGIN, theirs)]) as knot:
            anser.wait_until_serving()
            knot.wait_until_serving()
            for kind in ("positive", "nxdomain", "mix"):
                queries = list(first_queries(data.queries(kind, names, dnssec_ok=True) + ".bin", count))
                pairs = list(zip(answered(anser, queries), answered(knot, queries)))
                larger += sum(a > b for a, b in pairs)
                mean_a, mean_b = (statistics.mean(column) for column in zip(*pairs))
                text.append(f"{kind} {mean_a:.1f} octets, knotd {mean_b:.1f}")
    return larger, f"of {count} of each kind with DO, NSEC, P-256, {names} names; {'; '.join(text)}"


def resident(server):
    """Octets, when it is at rest."""
    before, now = -1, 0
    while before != now:
        time.sleep(1)
        with open(f"/proc/{server.processes[0].pid}/statm") as f:
            before, now = now, int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return now


def memory(names):
    """Octets of the table for each name of a signed zone, as a part of those that knotd takes for the same file more than for
    a zone of one host."""
    with tempfile.TemporaryDirectory(dir=servers.WORK) as directory:
        took = {}
        for count in (1, names):
            path = os.path.join(directory, str(count))
            signing.ours(count, path)
            with servers.Knot([(data.ORIGIN, path)]) as knot:
                knot.wait_until_serving()
                took[count] = resident(knot)
        table = servers.run_bench("bench_respond", "--work", servers.WORK, "--rounds", 1, "--ring", 4, "--names", names,
                                  "--file", path, "positive+do")[0]
    ours = table["resident_per_name"]
    theirs = (took[names] - took[1]) / table["names"]
    return ours / theirs, (f"octets of the table a name of {table['names']:.0f} {ours:.1f}, {table['used'] / table['names']:.1f} in live "
                           f"objects; memory of knotd {theirs:.1f}")
