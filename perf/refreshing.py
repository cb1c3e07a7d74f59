"""What the bars of refreshing are made of: very many secondary zones that are all due while their primary is
down, so that nothing answers at its address. How many questions come there at a time, and what it costs the answers.

    perf/refreshing.py [herd|rate]... [--zones N] [--seconds N]     these figures, or both
"""
import argparse
import bisect
import contextlib
import os
import signal
import socket
import statistics
import struct
import sys
import threading
import time

import data
import servers
import transfers
import wire
from servers import Failed

ORIGIN = "test."
HOSTS = 3  # of each zone
REFRESH = RETRY = 2  # seconds; knotd's least
EXPIRE = 86400
SERIAL = transfers.FIRST_SERIAL
SPAN = 0.1  # seconds within which questions count as being there at once
SO_TIMESTAMPNS = 35  # of Linux; the module has no name for it
PATIENCE = 300


# ---- the primary, and what is there when it is not ----

def origin(number):
    return f"z{number:07d}.{ORIGIN}"


def zone_text(serial):
    hosts = "".join(f"h{n:07d} A 10.0.0.{n}\n" for n in range(HOSTS))
    return (f"$TTL 3600\n@ SOA ns1 hostmaster {serial} {REFRESH} {RETRY} {EXPIRE} 300\n"
            f"@ NS ns1\nns1 A 192.0.2.1\n{hosts}")


class Primary(transfers.KnotPrimary):
    """Of so many zones, which come and go with it."""

    def __init__(self, count):
        super().__init__([], cpu=servers.BOTH_CPUS)
        self.zones = [(origin(n), f"{self.dir}/zone") for n in range(count)]
        self.write(SERIAL)

    def write(self, serial):
        with open(f"{self.dir}/zone", "w") as f:
            f.write(zone_text(serial))

    def kill(self):
        """Without a chance to answer what has come."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []


class Silent:
    """Has the primary's address, takes all questions there, answers none, and remembers when they came. A
    connection counts when it is taken, a datagram when the kernel had it."""

    def __init__(self, port):
        self.times = []
        self.began = time.time()
        self.connections = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.bind(("127.0.0.1", port))
        self.tcp = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self.take_datagrams, self.take_connections)]
        for thread in self.threads:
            thread.start()

    def take_datagrams(self):
        with contextlib.suppress(OSError):
            while True:
                octets, extra, *_ = self.udp.recvmsg(4096, 128)
                if not octets:
                    return
                for _, kind, value in extra:
                    if kind == SO_TIMESTAMPNS:
                        seconds, ns = struct.unpack("qq", value)
                        self.times.append(seconds + ns / 1e9)

    def take_connections(self):
        with contextlib.suppress(OSError):
            while True:
                self.connections.append(self.tcp.accept()[0])
                self.times.append(time.time())

    def close(self):
        """The address is free afterwards. Gives the seconds that it was silent for."""
        took = time.time() - self.began
        for each in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for each in (self.udp, self.tcp, *self.connections):
            each.close()
        return took

    def most(self):
        """Questions within any SPAN."""
        times = sorted(self.times)
        return max((bisect.bisect_left(times, at + SPAN) - nth for nth, at in enumerate(times)),
                   default=0)

    def rate(self):
        return len(self.times) / (time.time() - self.began)


# ---- the secondaries ----

class AnserSecondary(servers.Anser):
    def contents(self):
        return ["templates:", "  - name: default", f"    refresh-min: {REFRESH}s",
                f"    retry-min: {RETRY}s", "zones:"] + [line for name, port in self.zones for line in (
                    f"  - name: {name}", "    kind: secondary", f"    primaries: 127.0.0.1@{port}")]

    def failing(self):
        """How many of its zones no primary answers for."""
        text = servers.run_tool([servers.tool("anserctl"), "-s", f"{self.dir}/control", "metrics"], 20)
        return sum(int(line.split()[-1]) for line in text.splitlines()
                   if line.startswith("anser_secondary_zones") and '"failing"' in line)


class KnotSecondary(servers.Knot):
    """With its journal, and its own number of workers in the background."""

    def config(self):
        lines = ["server:", f"  rundir: {self.dir}", f"  listen: {self.addresses()}",
                 "  udp-workers: 1", "log:", "  - target: stderr", "    any: error",
                 "database:", f"  storage: {self.dir}",
                 "remote:", "  - id: primary", f"    address: 127.0.0.1@{self.zones[0][1]}",
                 "template:", "  - id: default", "    zonefile-sync: -1", "    master: primary",
                 "zone:"]
        return "\n".join(lines + [f"  - domain: {name}" for name, _ in self.zones]) + "\n"


def has(sock, name, serial):
    sock.send(wire.query(name, wire.TYPE_SOA))
    try:
        answer = sock.recv(4096)
    except OSError:
        return False
    return wire.name(name) in answer and struct.pack("!I", serial) in answer


def wait_for_all(server, serial):
    """Until every zone has this serial. Gives the seconds that it took."""
    began = time.monotonic()
    missing = [name for name, _ in server.zones]
    while missing:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.3)
            sock.connect(("127.0.0.1", server.port))
            # The first that is not there yet ends a turn: others are not either, mostly.
            while missing and has(sock, missing[-1], serial):
                missing.pop()
        if time.monotonic() - began > PATIENCE:
            raise Failed(f"{len(missing)} zones of {server.name} have not serial {serial} after "
                         f"{PATIENCE} s: {server.log()}")
        time.sleep(0.02)
    return time.monotonic() - began


def tell(server, which):
    server.processes[0].send_signal(which)


def silence(primary, server):
    """Puts silence in the primary's place while the secondary sleeps, so that all zones are due when it goes on."""
    # First of all the primary: an answer that is found on waking would let one more ask in its place at once.
    tell(primary, signal.SIGSTOP)
    time.sleep(0.5)
    tell(server, signal.SIGSTOP)
    try:
        primary.kill()
        silent = Silent(primary.port)
        time.sleep(2 * REFRESH)
        silent.began = time.time()
    finally:
        tell(server, signal.SIGCONT)
    return silent


# ---- how many at a time ----

def herd_of(kind, count, seconds):
    """Gives what came to the silent address, and the seconds until all zones were fresh after it."""
    with Primary(count) as primary, kind([(name, primary.port) for name, _ in primary.zones],
                                         cpu=servers.BOTH_CPUS) as server:
        wait_for_all(server, SERIAL)
        with contextlib.closing(silence(primary, server)) as silent:
            time.sleep(seconds)
            figures = {"most": silent.most(), "rate": silent.rate()}
        primary.write(SERIAL + 1)
        primary.start()
        primary.wait_until_serving()
        figures["recovered"] = wait_for_all(server, SERIAL + 1)
        return figures


def herd(count, seconds):
    return {kind.name: herd_of(kind, count, seconds) for kind in (AnserSecondary, KnotSecondary)}


def describe_herd(figures, count, seconds):
    return (f"questions within any {SPAN * 1e3:.0f} ms, {count} zones due at once, primary silent for "
            f"{seconds:.0f} s; " + "; ".join(
                f"{name}: most {f['most']}, {f['rate']:.1f}/s in all, all fresh {f['recovered']:.1f} s "
                "after the primary answers again" for name, f in figures.items()))


# ---- what it costs ----

def turns(server, queries, pairs, seconds):
    """Answers a second with the control plane at work and without, in turns; and the part of a processor that it
    took in the former."""
    rates, busy = [], 0.0
    try:
        for turn in range(pairs):
            rate = {}
            for working in ((True, False) if turn % 2 else (False, True)):
                tell(server, signal.SIGCONT if working else signal.SIGSTOP)
                began = server.processor_time()
                asked = servers.ask_by_dnsperf(server, queries + ".txt", seconds, "-e",
                                               client_cpus=servers.BOTH_CPUS)
                servers.check_answers(asked, "noerror", 60)
                busy += server.processor_time() - began
                rate[working] = asked["qps"]
            rates.append((rate[True], rate[False]))
    finally:
        tell(server, signal.SIGCONT)
    return rates, busy / (pairs * seconds)


def rate(count, pairs, seconds):
    """Gives the median of the pairs' ratios, and what it is made of."""
    queries = data.queries("positive", HOSTS, count, ORIGIN)
    with Primary(count) as primary, AnserSecondary(
            [(name, primary.port) for name, _ in primary.zones]) as server:
        wait_for_all(server, SERIAL)
        with contextlib.closing(silence(primary, server)) as silent:
            deadline = time.monotonic() + PATIENCE
            while server.failing() < count:
                if time.monotonic() > deadline:
                    raise Failed(f"only {server.failing()} zones of {count} find their primary down")
                time.sleep(0.1)
            rates, busy = turns(server, queries, pairs, seconds)
            asked = silent.rate()
            if server.failing() < count:
                raise Failed("there are zones that have found a primary")
    working, halted = (statistics.median(column) for column in zip(*rates))
    return statistics.median(a / b for a, b in rates), (
        f"of what is answered while the control plane is halted, median of {pairs} pairs; {working:.0f}/s with "
        f"{count} zones whose primary is down, {halted:.0f}/s without; {asked:.1f} questions a second at "
        f"its address since it went, control plane {100 * busy:.1f} % of a processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="herd or rate; both without")
    parser.add_argument("--zones", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20, help="that the primary is silent for herd")
    args = parser.parse_args()
    os.makedirs(servers.WORK, exist_ok=True)
    for what in args.what or ("herd", "rate"):
        if what == "herd":
            print("herd:", describe_herd(herd(args.zones, args.seconds), args.zones, args.seconds))
        elif what == "rate":
            print("rate: %.3f %s" % rate(args.zones, 5, 1))
        else:
            parser.error(f"{what} is none of herd, rate")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        sys.exit(f"refreshing.py: {e}")
