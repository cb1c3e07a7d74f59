#!/usr/bin/python3
"""Every query is counted once: by type, by family, by protocol, by rcode.

A mix of queries with known answers goes to a server by UDP and by TCP, by IPv4 and by IPv6, while its
data plane is ended, killed, and replaced, and the control plane starts anew. After each step the counters
must have grown by exactly what was sent and what came back.
"""

import collections
import os
import random
import signal
import socket
import struct
import sys

import dns.message
import dns.rcode
import dns.rdatatype

import checks
from checks import Planes, check, end_process, free_port, has_ipv6, passes

PATIENCE = 10.0
ADDRESSES = ["127.0.0.1", "::1"]
EACH = 60    # queries of each case by each way in a round

CONFIG = """server:
  listen: [%(listen)s]
  io: udp
  workers: 2
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones:
  - { name: example., file: example.zone }
"""

ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 ns
ns A 192.0.2.1
www A 192.0.2.80
"""

# name, type, the type's counter, the rcode's
CASES = [
    ("www.example.", "A", "A", "noerror"),
    ("www.example.", "AAAA", "AAAA", "noerror"),
    ("example.", "MX", "MX", "noerror"),
    ("example.", "SOA", "SOA", "noerror"),
    ("nothing.example.", "TXT", "TXT", "nxdomain"),
    ("nothing.example.", "CAA", "CAA", "nxdomain"),
    ("www.example.", "TYPE3", "other", "noerror"),
    ("www.example.", "TYPE65280", "other", "noerror"),
    ("elsewhere.", "A", "A", "refused"),
    ("example.", "AXFR", "AXFR", "refused"),
    (None, None, "none", "formerr"),
]


def until(what, condition):
    return checks.until(what, condition, PATIENCE)


def message_of(name, rdtype, ident):
    if name is None:
        return struct.pack("!HHHHHH", ident, 0, 0, 0, 0, 0)
    message = dns.message.make_query(name, rdtype)
    message.id = ident
    message.flags = 0
    return message.to_wire()


class Server(Planes):
    def __init__(self, binaries, addresses):
        super().__init__("anser-counters", binaries)
        self.addresses = addresses
        self.port = free_port()
        self.write("example.zone", ZONE)
        self.write("anser.yaml", CONFIG % {
            "listen": ", ".join('"%s@%d"' % (a, self.port) for a in addresses)})
        self.start_control()

    def end(self, process, number):
        end_process(process, number, PATIENCE)

    def start_control(self):
        self.control = self.run_control()
        until("zones are loaded", lambda: self.json("status").get("zones", {}).get("served") == 1)

    def start_plane(self):
        self.plane = self.run_plane()
        self.wait_for_plane()

    def wait_for_plane(self):
        def attached():
            found = self.json("status")["attachments"]
            return [a for a in found if a["pid"] == self.plane.pid and a["generation"] > 0
                    and a["io"] == "udp"]
        until("the data plane is attached", attached)

    # Asking.

    def udp(self, address, messages):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for message in messages:
            # A port of its own for each: all workers get some.
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.connect((address, self.port))
                client.send(message)
                yield client.recv(65535)

    def tcp(self, address, messages):
        with socket.create_connection((address, self.port), PATIENCE) as client:
            stream = client.makefile("rb")
            for message in messages:
                client.sendall(struct.pack("!H", len(message)) + message)
                size, = struct.unpack("!H", stream.read(2))
                yield stream.read(size)


class Sums(collections.Counter):
    """What the counters must say."""

    def add_answered(self, case, way, address):
        _, _, rdtype, rcode = case
        # It is answered by who knows of transfers, and not by the responder.
        handed = rdtype == "AXFR" and way == "tcp"
        self["queries"] += 1
        self["handed_over"] += handed
        self["responses"] += not handed
        self["type " + rdtype] += 1
        self["rcode_" + rcode] += not handed
        self["ipv6" if ":" in address else "ipv4"] += 1
        self["tcp"] += way == "tcp"


WATCHED = ["queries", "responses", "handed_over", "ipv4", "ipv6", "tcp", "rcode_noerror", "rcode_formerr",
           "rcode_servfail", "rcode_nxdomain", "rcode_notimp", "rcode_refused", "rcode_other"]


def ask_all(server, sums):
    for address in server.addresses:
        for way in ("udp", "tcp"):
            cases = random.sample(CASES * EACH, len(CASES) * EACH)
            messages = [message_of(c[0], c[1], i & 0xffff) for i, c in enumerate(cases)]
            replies = getattr(server, way)(address, messages)
            for case, message, reply in zip(cases, messages, replies):
                check(reply[:2] == message[:2], "an answer to something else")
                check(dns.rcode.to_text(reply[3] & 15).lower() == case[3],
                      "%s %s: rcode %d" % (case[0], case[1], reply[3] & 15))
                sums.add_answered(case, way, address)


def compare(what, sums, stats):
    wrong = []
    for name in WATCHED:
        if stats["counters"][name] != sums[name]:
            wrong.append("%s: %d, not %d" % (name, stats["counters"][name], sums[name]))
    for name, value in stats["types"].items():
        if value != sums["type " + name]:
            wrong.append("type %s: %d, not %d" % (name, value, sums["type " + name]))
    check(sum(stats["types"].values()) == stats["counters"]["queries"], "types do not add up")
    check(sum(b["count"] for b in stats["burst_sizes"]) == stats["counters"]["bursts"],
          "sizes of bursts do not add up")
    timed = sum(b["count"] for b in stats["burst_ns"])
    check(0 < timed <= stats["counters"]["bursts"], "%d bursts were timed" % timed)
    check(not wrong, "%s: %s" % (what, "; ".join(wrong)))
    print("-- %s: %d queries, each counted once" % (what, sums["queries"]), flush=True)


def workers_add_up(server, carried):
    """The workers of the only data plane have counted all but what was carried over."""
    stats = server.json("stats")
    plane, = [a for a in stats["attachments"] if a["pid"] == server.plane.pid]
    check(len(plane["per_worker"]) == plane["workers"] == 2, "not two workers")
    for member, name in [("counters", n) for n in WATCHED] + [("types", t) for t in stats["types"]]:
        own = sum(w[member][name] for w in plane["per_worker"])
        check(own == plane[member][name] - carried[member][name],
              "%s: workers %d, in all %d, carried %d"
              % (name, own, plane[member][name], carried[member][name]))
    for number, worker in enumerate(plane["per_worker"]):
        check(worker["counters"]["queries"] > 0, "worker %d has counted nothing" % number)
    return plane


def prove(server):
    sums = Sums()
    nothing = collections.defaultdict(collections.Counter)

    server.start_plane()
    ask_all(server, sums)
    compare("at first", sums, server.json("stats"))
    workers_add_up(server, nothing)
    server.end(server.plane, signal.SIGTERM)
    compare("after its end", sums, server.json("stats"))
    server.start_plane()
    ask_all(server, sums)
    compare("by another data plane", sums, server.json("stats"))
    server.end(server.plane, signal.SIGKILL)
    compare("after it was killed", sums, server.json("stats"))
    server.start_plane()
    ask_all(server, sums)
    compare("by a third", sums, server.json("stats"))
    plane = workers_add_up(server, nothing)
    # What this data plane has counted goes with it to the next control plane, and nothing else.
    server.end(server.control, signal.SIGKILL)
    server.start_control()
    server.wait_for_plane()
    sums = Sums({n: plane["counters"][n] for n in WATCHED})
    sums.update({"type " + t: n for t, n in plane["types"].items()})
    compare("by a new control plane", sums, server.json("stats"))
    ask_all(server, sums)
    compare("and on", sums, server.json("stats"))
    workers_add_up(server, plane)


def addresses():
    """Those of ADDRESSES that this machine has."""
    return ADDRESSES if has_ipv6() else ADDRESSES[:1]


def run():
    if len(addresses()) < 2:
        print("no IPv6 here: IPv4 only")
    with Server(os.environ["ANSER_BIN_DIR"], addresses()) as server:
        prove(server)


if __name__ == "__main__":
    sys.exit(passes(run))
