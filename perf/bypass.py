"""What the bars of kernel bypass are made of: peers over links, measured in turns.

Two polling processes take both processors. A run in which one of them had to share its own says
nothing: it does not count, and of several rounds that do the best one of each peer is taken.
"""
import contextlib
import functools
import json
import os
import random
import threading
import time

import links
import servers
from servers import Failed

MIX = "positive"
ROUNDS = 5
SECONDS = 1.0
BUSY = 0.85  # less, and somebody else had its processor; starting takes the rest
PATIENCE = 4  # rounds made for one that counts, before that is called hopeless


@contextlib.contextmanager
def link(name):
    """memif: the peer's end lends its buffers, as a card's ring would; huge pages for both."""
    with links.Memory(hugepages=name == "memif") as memory:
        with links.Memif(memory, "far") if name == "memif" else links.Veth(memory) as made:
            yield made


def make(peer, made, names, mix=MIX):
    if peer is links.Testpmd:
        return peer(made, burst=64, asked=(mix, names))
    return peer(made, mix, names)


def rate_of(name, peer, mix, names, seconds):
    """Answers a second at a peer's peak."""
    return run(name, peer, names, lambda server: links.measure_peak(server, seconds=seconds),
               mix)["answered_rate"]


def run(name, peer, names, measure, mix=MIX):
    """Gives what measure(server) gives for a peer that serves over a new link."""
    with link(name) as made, make(peer, made, names, mix) as server:
        server.wait_until_serving(300)
        return measure(server)


def polls(name, peer):
    return peer is links.Testpmd or name == "memif"


def in_turns(name, peers, names, rounds=None):
    """{peer: its best step} over so many rounds."""
    best, counted = {}, dict.fromkeys(peers, 0)
    wanted = rounds or ROUNDS
    for _ in range(wanted * PATIENCE):
        for peer in (p for p in peers if counted[p] < wanted):
            step = run(name, peer, names,
                       lambda server: links.measure_peak(server, seconds=SECONDS))
            if polls(name, peer) and step["server_busy"] < BUSY:
                continue
            counted[peer] += 1
            if peer not in best or step["answered_rate"] > best[peer]["answered_rate"]:
                best[peer] = step
    if len(best) < len(peers):
        raise Failed(f"in {wanted * PATIENCE} rounds over {name} a peer never had its processor")
    return best


def describe(best):
    return ", ".join(f"{peer.name} {step['answered_rate']:.0f}/s" for peer, step in best.items())


def rate(best, peer):
    return best[peer]["answered_rate"]


@functools.lru_cache(maxsize=None)
def memif(names):
    return in_turns("memif", (links.Testpmd, links.Anser), names)


@functools.lru_cache(maxsize=None)
def veth(names):
    return in_turns("veth", (links.Testpmd, links.KnotXdp, links.Anser), names)


@functools.lru_cache(maxsize=None)
def sockets(names):
    return in_turns("veth", (links.KnotSockets, links.NsdSockets, links.AnserSockets), names)


# ---- overload ----

OVERLOAD = (1.0, 1.5, 2.0, 3.0)
BACK_ENDS = (("memif", links.Anser), ("veth", links.Anser), ("veth", links.AnserSockets))


def label(name, peer):
    return {"memif": "dpdk", "veth": "udp" if peer is links.AnserSockets else "xdp"}[name]


def overload(names, report):
    """{back end: the share of its peak that it answers when three times as much is offered}: the
    best of the rounds. All curves go to the report."""
    shares = {}
    for name, peer in BACK_ENDS:
        for _ in range(max(1, ROUNDS // 2)):
            peak, steps = run(name, peer, names, lambda server: links.peak_and_curve(
                server, (0.1, 0.5, 0.9) + OVERLOAD, SECONDS))
            report(f"# {label(name, peer)}: {names} names, peak {peak['answered_rate']:.0f}/s")
            report("# " + links.head())
            for step in steps:
                report("# " + links.row(step))
            share = steps[-1]["answered_rate"] / peak["answered_rate"]
            shares[label(name, peer)] = max(share, shares.get(label(name, peer), 0))
    return shares


# ---- changes under load ----

class Changes:
    """Changes count records of the zone and reloads it, once a second while it is open."""

    def __init__(self, server, count):
        self.server = server
        self.count = count
        self.done = 0
        self.error = None
        self.stop = threading.Event()
        self.origin, source = server.zones[-1]
        self.path = os.path.join(server.dir, "changing.zone")
        with open(source) as f:
            self.lines = f.readlines()
        self.hosts = [i for i, line in enumerate(self.lines) if " A " in line or "\tA\t" in line]
        self.write()
        server.zones[-1] = (self.origin, self.path)
        self.thread = threading.Thread(target=self.work)

    def write(self):
        with open(self.path + ".new", "w") as f:
            f.writelines(self.lines)
        os.rename(self.path + ".new", self.path)

    def change(self):
        for i in random.sample(self.hosts, min(self.count, len(self.hosts))):
            owner = self.lines[i].rpartition(".")[0]
            self.lines[i] = f"{owner}.{random.randrange(1, 255)}\n"
        for i, line in enumerate(self.lines):
            if "SOA" in line:
                words = line.split()
                at = words.index("SOA") + 3
                words[at] = str(int(words[at]) + 1)
                self.lines[i] = " ".join(words) + "\n"
                break
        self.write()

    def work(self):
        os.sched_setaffinity(0, {servers.SERVER_CPU})  # of this thread: not where the client works
        try:
            while not self.stop.is_set():
                began = time.monotonic()
                self.change()
                self.server.ctl("zone", "reload", self.origin)
                self.done += 1
                self.stop.wait(max(0, began + 1 - time.monotonic()))
        except (Failed, OSError, ValueError, IndexError) as e:
            self.error = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def churn(name, peer, names, changes, seconds):
    """Gives the step at 90 % of the peak with so many changes a second under way, how many reloads
    there were, and how many replies the link had no room for. The control plane works on the
    processor of the data plane: on the other one it would keep the generator from taking replies,
    and they would be lost there."""
    peak = run(name, peer, names, lambda s: links.measure_peak(s, seconds=SECONDS))
    with link(name) as made:
        server = make(peer, made, names)
        server.control_pinned = True
        changing = Changes(server, changes)
        with server:
            server.wait_until_serving(300)
            with changing:
                steps = links.measure(server, [f"{peak['answered_rate'] * 0.9:.0f}"],
                                      "--seconds", seconds)
            unsent = json.loads(server.ctl("stats"))["counters"]["dropped_io"]
    if changing.error:
        raise Failed(f"a change failed: {changing.error}")
    return steps[0], changing.done, unsent


# ---- latency ----

def latency(name, names):
    """{peer: (steps at 10 % and 90 % of its peak)} for the link's own and ours, the round with the
    least difference of each."""
    best = {}
    for _ in range(ROUNDS):
        for peer in (links.Testpmd, links.Anser):
            _, steps = run(name, peer, names,
                           lambda server: links.peak_and_curve(server, (0.1, 0.9), SECONDS))
            if peer not in best or spread(steps) < spread(best[peer]):
                best[peer] = steps
    return best


def spread(steps):
    return abs(steps[1]["latency_us"]["p50"] - steps[0]["latency_us"]["p50"])
