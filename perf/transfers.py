"""What the bars of transfers are made of: a zone given to another server and fetched from one, beside
knotd, and the time from the last octet of a difference until every worker answers by it.

    perf/transfers.py [out|in|visible]... [--records N] [--names N]     some, or all, of these figures
"""
import argparse
import contextlib
import math
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

import changes
import data
import servers
import wire
from servers import Failed
from wire import FLAG_AA, FLAG_QR, OPCODE_NOTIFY, TYPE_A, TYPE_IXFR, TYPE_SOA

TTL = 3600
SOA_TIMERS = (7200, 900, 1209600, 300)  # as zonegen writes them
FIRST_SERIAL = 2024010100
APART = 0.3  # seconds between two differences
PATIENCE = 60
FORGOTTEN = 11  # seconds behind a transfer, when Anser has to pack the zone anew


# ---- out ----

class AnserPrimary(servers.Anser):
    def contents(self):
        return ["acls:", "  - name: here", "    addresses: [127.0.0.1]", "    actions: transfer",
                "zones:"] + [line for origin, path in self.zones for line in (
                    f"  - name: {origin}", f"    file: {path}", "    acls: here")]


class KnotPrimary(servers.Knot):
    def config(self):
        return super().config().replace(
            "template:", "acl:\n  - id: here\n    address: 127.0.0.1\n    action: transfer\ntemplate:"
        ).replace("    semantic-checks: off\n", "    semantic-checks: off\n    acl: here\n")


def fetch(server):
    """What axfr says of a transfer."""
    return servers.records(servers.run_tool(
        [servers.tool("axfr"), str(server.port), data.ORIGIN], timeout=600))[0]


def fetch_all(server, records):
    """The same, of one that must be whole."""
    figures = fetch(server)
    if figures["records"] < records:
        raise Failed(f"{server.name} gives {figures['records']:.0f} records of {records}")
    return figures


def out(records, rounds):
    """{server: figures of its fastest transfer}. Both have all processors, and take turns. Nobody has fetched
    the zone for some time, but for those figures that are under "again"."""
    zones = [(data.ORIGIN, data.hosts(records))]
    best = {}

    def note(server, what, figures):
        of = best.setdefault(server.name, {})
        if what not in of or figures["seconds"] < of[what]["seconds"]:
            of[what] = figures

    with AnserPrimary(zones) as ours, KnotPrimary(zones, cpu=servers.BOTH_CPUS) as theirs:
        for server in (ours, theirs):
            server.wait_until_serving()
        for number in range(rounds):
            if number:
                time.sleep(FORGOTTEN)
            for server in (ours, theirs):
                for what in ("anew", "again"):
                    note(server, what, fetch_all(server, records))
    return {name: {**of["anew"], "again": of["again"]["seconds"]} for name, of in best.items()}


def rate(figures):
    return figures["records"] / figures["seconds"]


def describe_out(best):
    return ", ".join(
        f"{name} {rate(f):.0f} records/s, {f['octets'] / f['seconds'] / 1e6:.0f} MB/s in {f['messages']:.0f} "
        f"messages, first after {f['first'] * 1e3:.1f} ms, client busy {f['own'] / f['seconds']:.2f}, the next "
        f"one in {f['again'] / f['seconds']:.2f} of the time" for name, f in best.items())


# ---- in ----

class Empty:
    """A secondary that learns of its zone from a configuration that is another after the start."""
    knows = False

    def take_up(self):
        """Tells it of the zone. Gives the seconds until it answers."""
        self.knows = True
        with open(os.path.join(self.dir, "conf"), "w") as f:
            f.write(self.config())
        began = time.monotonic()
        self.processes[0].send_signal(signal.SIGHUP)
        while not self.serves():
            if time.monotonic() - began > PATIENCE * 10:
                raise Failed(f"{self.name} does not serve the zone: {self.log()}")
            time.sleep(0.002)
        return time.monotonic() - began

    def wait_until_awake(self):
        """Until it answers at all, which it can only do by refusing."""
        deadline = time.monotonic() + PATIENCE
        while not self.ask(data.ORIGIN, TYPE_SOA):
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} does not answer: {self.log()}")
            time.sleep(0.02)


class AnserSecondary(Empty, servers.Anser):
    """zones: of each the name, and the port of its primary."""

    def contents(self):
        if not self.knows:
            return []
        return ["zones:"] + [line for origin, port in self.zones for line in (
            f"  - name: {origin}", "    kind: secondary", f"    primaries: 127.0.0.1@{port}")]


class KnotSecondary(Empty, servers.Knot):
    """With its journal and zone file as they come: it writes the file after it answers."""

    def config(self):
        (origin, port), = self.zones
        lines = ["server:", f"  rundir: {self.dir}", f"  listen: {self.addresses()}",
                 "  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1",
                 "log:", "  - target: stderr", "    any: error",
                 "database:", f"  storage: {self.dir}",
                 "remote:", "  - id: primary", f"    address: 127.0.0.1@{port}",
                 "template:", "  - id: default", f"    storage: {self.dir}"]
        if self.knows:
            lines += ["zone:", f"  - domain: {origin}", "    master: primary"]
        return "\n".join(lines) + "\n"


def fetched_by(kind, port, records, **options):
    """Seconds that an empty secondary takes until it answers."""
    with kind([(data.ORIGIN, port)], **options) as server:
        server.wait_until_awake()
        took = server.take_up()
        name = f"h{records - 1:07d}.{data.ORIGIN}"
        changes.wait_for(server, name, changes.address(records - 1))
        return took


def taken_in(records, rounds):
    """{server: seconds, of its fastest}, and what a client that keeps nothing takes."""
    with KnotPrimary([(data.ORIGIN, data.hosts(records))], cpu=servers.BOTH_CPUS) as primary:
        primary.wait_until_serving()
        least = min(fetch_all(primary, records)["seconds"] for _ in range(rounds))
        took = {"anser": math.inf, "knotd": math.inf}
        for _ in range(rounds):
            took["anser"] = min(took["anser"], fetched_by(AnserSecondary, primary.port, records))
            took["knotd"] = min(took["knotd"], fetched_by(
                KnotSecondary, primary.port, records, cpu=servers.BOTH_CPUS))
    return took, least


def describe_in(took, least):
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()) + (
        f" from knotd to answering; a client that keeps nothing {least:.2f} s")


# ---- differences ----

def soa(serial):
    rdata = wire.name(f"ns1.{data.ORIGIN}") + wire.name(
        f"hostmaster.{data.ORIGIN}") + struct.pack("!5I", serial, *SOA_TIMERS)
    return wire.record(data.ORIGIN, TYPE_SOA, TTL, rdata)


def host(number):
    return f"h{number:07d}.{data.ORIGIN}"


def host_record(number, address):
    return wire.record(host(number), TYPE_A, TTL, socket.inet_aton(address))


def answer(query, records):
    """To a message with one question."""
    end = query.index(b"\0", 12) + 5
    number = int.from_bytes(query[:2], "big")
    return wire.header(number, FLAG_QR | FLAG_AA, 1, len(records)) + query[12:end] + b"".join(records)


class Primary:
    """One that gives the differences it is told to give. It has no zone: who asks has that already."""

    def __init__(self):
        self.port = servers.free_port()
        self.serial = FIRST_SERIAL
        self.difference = []
        self.asked = threading.Event()
        self.sent = threading.Event()
        self.sent_at = 0.0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        for work in (self.answer_datagrams, self.answer_connections):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        for each in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def answer_datagrams(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.udp.recvfrom(65535)
                if len(query) > 12 and not wire.flags(query) & FLAG_QR:
                    self.udp.sendto(answer(query, [soa(self.serial)]), client)
                    self.asked.set()

    def answer_connections(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                with connection, contextlib.suppress(OSError):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.answer_queries(connection)

    def answer_queries(self, connection):
        with connection.makefile("rb") as queries:
            while length := queries.read(2):
                query = queries.read(int.from_bytes(length, "big"))
                is_difference = wire.question_type(query) == TYPE_IXFR
                message = answer(query, self.difference if is_difference else [soa(self.serial)])
                if is_difference:
                    self.sent_at = time.monotonic()
                connection.sendall(struct.pack("!H", len(message)) + message)
                if is_difference:
                    self.sent.set()

    def change(self, deleted, added):
        """From now on there is a new version, with these differences."""
        old, new = soa(self.serial), soa(self.serial + 1)
        self.sent.clear()
        self.difference = [new, old] + deleted + [new] + added + [new]
        self.serial += 1

    def notify(self, port):
        self.udp.sendto(wire.header(random.randrange(1 << 16), OPCODE_NOTIFY | FLAG_AA, 1) +
                        wire.question(data.ORIGIN, TYPE_SOA), ("127.0.0.1", port))


class Follower(changes.Live):
    """That has the zone from a file, and then becomes a secondary of it."""
    primary = None

    def contents(self):
        if self.primary is None:
            return super().contents()
        return ["zones:", f"  - name: {data.ORIGIN}", "    kind: secondary",
                f"    primaries: 127.0.0.1@{self.primary.port}"]

    def follow(self, primary):
        self.primary = primary
        with open(os.path.join(self.dir, "conf"), "w") as f:
            f.write(self.config())
        self.processes[0].send_signal(signal.SIGHUP)
        if not primary.asked.wait(PATIENCE):
            raise Failed(f"the primary is not asked: {self.log()}")


class Eye:
    """A socket of its own, which one worker answers."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(1)
        self.socket.connect(("127.0.0.1", port))

    def shows(self, number, wanted):
        self.socket.send(wire.query(host(number), TYPE_A))
        try:
            return self.socket.recv(4096).endswith(socket.inet_aton(wanted))
        except OSError:
            return False


def one_difference(server, primary, eyes, addresses, size):
    """Milliseconds until the last worker shows it. addresses: of hosts that have been changed."""
    numbers = random.sample(range(server.names), size)
    wanted = {number: f"11.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(256)}"
              for number in numbers}
    primary.change([host_record(n, addresses.get(n, changes.address(n))) for n in numbers],
                   [host_record(n, wanted[n]) for n in numbers])
    primary.notify(server.port)
    if not primary.sent.wait(PATIENCE):
        raise Failed(f"differences are not asked for: {server.log()}")
    blind = [(eye, random.choice(numbers)) for eye in eyes]
    while blind:
        blind = [(eye, number) for eye, number in blind if not eye.shows(number, wanted[number])]
        if time.monotonic() - primary.sent_at > PATIENCE:
            raise Failed(f"a difference is not shown: {server.log()}")
    took = (time.monotonic() - primary.sent_at) * 1e3
    for number in numbers:
        if not changes.shows(server, host(number), wanted[number]):
            raise Failed(f"{host(number)} has not the address that it was given")
    addresses.update(wanted)
    return took


def visible(names, count, size=100):
    """Milliseconds of so many differences, sorted, in a zone of so many names."""
    took, addresses = [], {}
    with contextlib.closing(Primary()) as primary, Follower(
            [(data.ORIGIN, data.hosts(names))]) as server:
        server.names = names
        server.wait_until_loaded()
        server.follow(primary)
        server.wait_until_tidy()
        eyes = [Eye(server.port) for _ in range(changes.EYES * server.workers)]
        for _ in range(count):
            time.sleep(APART)
            took.append(one_difference(server, primary, eyes, addresses, size))
    return sorted(took)


def part(took, share):
    return took[math.ceil(share * len(took)) - 1]


def describe_visible(took, names, size=100):
    return (f"ms from the last octet until every worker answers, {len(took)} differences of {size} "
            f"addresses, {names} names; p50 {part(took, 0.5):.2f}, p90 {part(took, 0.9):.2f}, most "
            f"{took[-1]:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="out, in or visible; all without")
    parser.add_argument("--records", type=int, default=1000000)
    parser.add_argument("--names", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    os.makedirs(servers.WORK, exist_ok=True)
    for what in args.what or ("out", "in", "visible"):
        if what == "out":
            print("out:", describe_out(out(args.records, args.rounds)))
        elif what == "in":
            print("in:", describe_in(*taken_in(args.records, args.rounds)))
        elif what == "visible":
            print("visible:", describe_visible(visible(args.names, 20), args.names))
        else:
            parser.error(f"{what} is none of out, in, visible")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        sys.exit(f"transfers.py: {e}")
