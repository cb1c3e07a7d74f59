#!/usr/bin/python3
"""Measures what answers without the kernel's sockets, over links that need no network card.

    perf/links.py memif [--peer testpmd|anser] [--hugepages] [--zero-copy near|far]
    perf/links.py veth [--peer testpmd|knotd-xdp|anser|anser-dead|knotd|nsd|anser-udp] [--client af_xdp|af_packet|kxdpgun]

A link joins anser-load, on the clients' processor, with one peer, on the servers'. First the peak:
the most answers a second, offered as much as the link takes, or with few queries under way. Then
the curve: what is answered, lost and late when less and more than that is offered.

memif is memory shared by two processes: nothing but the peer's own work and two copies. veth is
the kernel's, with AF_XDP at both ends in copy mode.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import data
import servers
from servers import CLIENT_CPU, SERVER_CPU, Failed, Server, run_tool, tool

FACTORS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0)
WINDOWS = (64, 256)  # queries under way, for the peak
NEAR = {"mac": "02:00:00:00:00:01", "ipv4": "10.0.0.1", "ipv6": "fd00::1"}  # anser-load's end
FAR = {"mac": "02:00:00:00:00:02", "ipv4": "10.0.0.2", "ipv6": "fd00::2"}   # the peer's


def needs_root():
    if os.geteuid() != 0:
        raise Failed("only root can make network namespaces and huge pages")


class HugePages:
    """Has so many huge pages of 2 MiB at hand while it is open. What was there is put back."""
    path = "/proc/sys/vm/nr_hugepages"

    def __init__(self, pages):
        self.pages = pages
        self.before = None

    def number(self):
        with open(self.path) as f:
            return int(f.read())

    def set(self, number):
        with open(self.path, "w") as f:
            f.write(str(number))

    def __enter__(self):
        needs_root()
        self.before = self.number()
        self.set(self.before + self.pages)
        if self.number() < self.before + self.pages:
            self.set(self.before)
            raise Failed(f"the kernel gives fewer than {self.pages} huge pages")
        return self

    def __exit__(self, *_):
        self.set(self.before)


class Memory:
    """What EAL is told about memory. Both ends are alike."""
    SERVER_MIB = 256
    CLIENT_MIB = 128

    def __init__(self, hugepages=False):
        self.pages = HugePages((self.SERVER_MIB + self.CLIENT_MIB) // 2) if hugepages else None
        self.name = "huge pages" if hugepages else "no huge pages"

    def __enter__(self):
        if self.pages:
            self.pages.__enter__()
        return self

    def __exit__(self, *args):
        if self.pages:
            self.pages.__exit__(*args)

    def eal(self, mib):
        # Nothing in /dev/hugepages or /run that outlives a process killed.
        return ["--in-memory" if self.pages else "--no-huge", "--no-shconf", "-m", str(mib),
                "--no-pci", "--no-telemetry"]


class Link:
    """Two ends. Subclasses say which DPDK port each end is, and where its process runs."""
    name = ""
    peer_last = False  # anser-load makes the link, and the peer is started once it waits there

    def __init__(self, memory):
        self.memory = memory
        self.dir = None

    def __enter__(self):
        os.makedirs(servers.WORK, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix=f"link-{self.name}-", dir=servers.WORK)
        try:
            self.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def open(self):
        pass

    def close(self):
        pass

    def ready(self):
        """Whether there is a peer to connect to, or None where only asking it tells."""
        return None

    def at_server(self, command):
        """The command as it is run at the peer's end."""
        return command

    def at_client(self, command):
        return command

    def server_vdev(self):
        raise NotImplementedError

    def client_vdev(self):
        raise NotImplementedError

    def server_eal(self):
        """EAL's arguments for a peer that is a DPDK program: a main thread that sleeps and one
        that forwards, both on the servers' processor."""
        return ["--lcores", f"0@{SERVER_CPU},1@{SERVER_CPU}", "--vdev", self.server_vdev()] + \
            self.memory.eal(Memory.SERVER_MIB)

    def client_eal(self):
        return ["--lcores", f"0@{CLIENT_CPU}", "--vdev", self.client_vdev()] + \
            self.memory.eal(Memory.CLIENT_MIB)


class Memif(Link):
    """Memory shared by two processes.

    DPDK 22.11's port does not always outlive a peer that goes: its memory is unmapped by another
    thread while the one that forwards may still read it. So a server is not asked before it is
    measured, and what is measured in one run (peak_and_curve) needs one connection.
    """
    name = "memif"

    def __init__(self, memory, zero_copy=None, ring=10):
        """zero_copy: which end lends its own buffers (huge pages only), so that the other one does
        all the copying: "near" is anser-load, "far" the peer, as a card would have it. None: both
        copy. ring: descriptors each way, as a power of two."""
        super().__init__(memory)
        if zero_copy and not memory.pages:
            raise Failed("zero copy needs memory that is a file: huge pages")
        self.zero_copy = zero_copy
        self.ring = ring
        # Only memif's client can lend, and it does not start without a server to connect to.
        self.peer_last = zero_copy == "far"

    def vdev(self, role):
        return f"net_memif0,role={role},socket={self.dir}/memif,socket-abstract=no,rsize={self.ring}"

    def ready(self):
        return os.path.exists(f"{self.dir}/memif")

    def lends(self, end):
        return ",zero-copy=yes" if self.zero_copy == end else ""

    def server_vdev(self):
        return self.vdev("client" if self.peer_last else "server") + self.lends("far")

    def client_vdev(self):
        return self.vdev("server" if self.peer_last else "client") + self.lends("near")

    def server_eal(self):
        # Zero copy hands over descriptors of memory, one for all of it.
        return super().server_eal() + \
            (["--single-file-segments"] if self.zero_copy == "far" else [])

    def client_eal(self):
        return super().client_eal() + \
            (["--single-file-segments"] if self.zero_copy == "near" else [])


class Veth(Link):
    """A veth pair between two namespaces.

    AF_XDP sends through the driver's ordinary transmit function, not by XDP_TX or a redirect, so
    the other end needs no XDP program of its own and no GRO for frames to arrive. A program is
    attached in native mode at each end that receives by AF_XDP, which is what makes veth receive
    in NAPI context there. Checksums of frames from the kernel's own stack would not be computed
    until they leave the machine, and would look wrong to whoever reads them: switched off.
    """
    name = "veth"

    def __init__(self, memory, client="af_xdp"):
        """client: the port of anser-load, af_xdp or af_packet."""
        super().__init__(memory)
        self.client = client
        self.near = f"anser-near-{os.getpid()}"
        self.far = f"anser-far-{os.getpid()}"
        self.made = []

    def ip(self, *args):
        run_tool(["ip"] + list(args))

    def open(self):
        needs_root()
        for namespace in (self.near, self.far):
            self.ip("netns", "add", namespace)
            self.made.append(namespace)
        self.ip("link", "add", "near", "netns", self.near, "numrxqueues", "1", "numtxqueues", "1",
                "type", "veth", "peer", "name", "far", "netns", self.far, "numrxqueues", "1",
                "numtxqueues", "1")
        for namespace, device, own, other in ((self.near, "near", NEAR, FAR),
                                              (self.far, "far", FAR, NEAR)):
            run_tool(self.within(namespace, ["sysctl", "-q", "-w",
                                             "net.ipv6.conf.all.accept_dad=0",
                                             f"net.ipv6.conf.{device}.accept_dad=0"]))
            run_tool(self.within(namespace, ["ethtool", "-K", device, "tx", "off"]))
            self.ip("-n", namespace, "link", "set", "lo", "up")
            self.ip("-n", namespace, "link", "set", device, "address", own["mac"], "up")
            self.ip("-n", namespace, "address", "add", own["ipv4"] + "/24", "dev", device)
            self.ip("-n", namespace, "address", "add", own["ipv6"] + "/64", "dev", device, "nodad")
            # Whoever takes all frames by AF_XDP answers neither ARP nor neighbour discovery.
            for family in ("ipv4", "ipv6"):
                self.ip("-n", namespace, "neighbour", "replace", other[family], "lladdr",
                        other["mac"], "dev", device)

    def close(self):
        while self.made:
            subprocess.run(["ip", "netns", "del", self.made.pop()], check=False)

    def within(self, namespace, command):
        return ["ip", "netns", "exec", namespace] + command

    def at_server(self, command):
        return self.within(self.far, command)

    def at_client(self, command):
        return self.within(self.near, command)

    def server_vdev(self):
        return "net_af_xdp0,iface=far"

    def client_vdev(self):
        return f"net_{self.client}0,iface=near"


class Ask:
    """What anser-load asks, and what a good reply is."""

    def __init__(self, options, echo=None, rcode=None, least_bytes=0):
        """options: of anser-load. echo: what a peer swaps that only sends queries back. rcode: of
        99 % of the replies, at least."""
        self.options = list(options)
        self.echo = echo
        self.rcode = rcode
        self.least_bytes = least_bytes
        if echo:
            self.options += ["--echo", echo]

    def check(self, step):
        """A REFUSED is not an answer, and a flawed reply is none either."""
        if step["answered"] == 0:
            raise Failed("no reply at all")
        share = step["rcodes"].get(self.rcode, 0) / step["answered"] if self.rcode else 1
        if share < 0.99 or step["mean_bytes"] < self.least_bytes or step["flawed"]:
            raise Failed(f"not the replies that were asked for: {step['rcodes']}, "
                         f"{step['mean_bytes']} octets, {step['checks']}")


class Linked(Server):
    """A peer at the far end of a link."""

    def __init__(self, link, ask, zones=()):
        super().__init__(list(zones))
        self.link = link
        self.question = ask
        self.port = 53
        self.reason = ""

    def start(self):
        self.prepare()
        if not self.link.peer_last:
            self.start_peer()

    def prepare(self):
        """All that takes time and needs no link."""

    def start_peer(self):
        super().start()

    def spawn(self, command, environment=None, pinned=True):
        return super().spawn(self.link.at_server(command), environment, pinned)

    def serves(self):
        """Whether a few queries over the link get good replies, where the link stands to be asked."""
        ready = True if self.link.peer_last else self.link.ready()
        if ready is not None:
            self.reason = "no peer"
            return ready
        try:
            self.question.check(load(self, "--rate", "2000", "--seconds", "0.1", "--warm-up", "0",
                                     "--link-wait", "1")[0])
        except Failed as e:
            self.reason = str(e)
            return False
        return True

    def wait_until_serving(self, timeout=60):
        try:
            return super().wait_until_serving(timeout)
        except Failed as e:
            raise Failed(f"{e}\nanser-load: {self.reason}") from e

    def cpu_seconds(self):
        """What its processes have used so far, in user space and for their system calls."""
        total = 0
        for process in self.processes:
            with open(f"/proc/{process.pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")


class Testpmd(Linked):
    """DPDK's forwarder: the least that a peer can do with a packet."""
    name = "testpmd"
    program = "dpdk-testpmd"

    def __init__(self, link, mode="macswap", burst=32, descriptors=None, asked=None):
        """mode: macswap or 5tswap. descriptors: where the port heeds them (memif: rsize). asked: a
        mix of queries and the names it is made of, so that making them costs anser-load as much as
        it does where they are answered."""
        self.mode = mode
        self.burst = burst
        self.descriptors = descriptors
        questions = ["--queries", data.mix(*asked)[1] + ".txt"] if asked else \
            ["--pattern", "h%07u.example.com. A"]
        super().__init__(link, Ask(questions, echo={"macswap": "mac", "5tswap": "all"}[mode]))

    def config(self):
        return ""

    def command(self, path):
        # It ends when its input does, except when it prints statistics.
        return [self.program] + self.link.server_eal() + \
            ["--", f"--forward-mode={self.mode}", f"--burst={self.burst}", "--nb-cores=1",
             "--total-num-mbufs=16384", "--no-flush-rx", "--stats-period=3600"] + \
            ([f"--rxd={self.descriptors}", f"--txd={self.descriptors}"] if self.descriptors else [])


class NameServer(Linked):
    """A peer that answers a mix of queries (perf/data.py)."""

    def __init__(self, link, mix="positive", names=100000):
        zones, self.queries, dnssec_ok, rcode, least = data.mix(mix, names)
        super().__init__(link, Ask(["--queries", self.queries + ".txt", "--do",
                                    "100" if dnssec_ok else "0"], None, rcode, least), zones)
        self.listen = [FAR["ipv4"], FAR["ipv6"]]


class KnotXdp(NameServer, servers.Knot):
    name = "knotd-xdp"

    def config(self):
        return servers.Knot.config(self).replace(
            f"  listen: {self.addresses()}\n", f"xdp:\n  listen: far@{self.port}\nserver:\n")


class KnotSockets(NameServer, servers.Knot):
    name = "knotd"


class NsdSockets(NameServer, servers.Nsd):
    name = "nsd"


class Anser(NameServer, servers.Anser):
    """Ours, by the back end that fits the link: dpdk at the end of a memif, else xdp."""

    control_pinned = False  # to the processor of what answers, so that nothing disturbs the client

    def spawn(self, command, environment=None, pinned=True):
        return super().spawn(command, environment, pinned or self.control_pinned)

    def prepare(self):
        self.start_control()
        deadline = time.monotonic() + 300
        while self.state() in ("", "loading"):
            if time.monotonic() > deadline:
                raise Failed(f"anser does not load its zones: {self.log()}")
            time.sleep(0.1)

    def state(self):
        try:
            return json.loads(self.ctl("status")).get("state", "")
        except (Failed, ValueError):
            return ""

    def ctl(self, *command):
        return run_tool([tool("anserctl"), "-s", f"{self.dir}/control", "--json", *command])

    def start_peer(self):
        self.start_dataplane()

    def back_end(self):
        if isinstance(self.link, Veth):
            return ["  io: xdp", "xdp:", "  interfaces: far"]
        eal = " ".join(self.link.server_eal())
        return ["  io: dpdk", "dpdk:", f'  eal: "{eal}"', "  exception: none"]


class AnserSockets(Anser):
    name = "anser-udp"

    def back_end(self):
        return ["  io: udp"]


class AnserDead(Anser):
    """Its data plane has died, and what came past the kernel comes by the kernel."""
    name = "anser-dead"
    control_pinned = True

    def start_peer(self):
        pass


PEERS = {c.name: c for c in (Testpmd, KnotXdp, KnotSockets, NsdSockets, Anser, AnserSockets,
                             AnserDead)}
ON_MEMIF = (Testpmd.name, Anser.name)


def load(server, *options):
    """Runs anser-load against a peer. Gives its steps, as in its JSON."""
    link = server.link
    path = os.path.join(link.dir, "steps.json")
    command = link.at_client(["taskset", "-c", str(CLIENT_CPU), tool("anser-load")] +
                             server.question.options + ["--json", path] +
                             [str(o) for o in options] + ["--"] + link.client_eal())
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as run:
        if link.peer_last:
            while not link.ready() and run.poll() is None:
                time.sleep(0.05)
            server.start_peer()
        output = run.communicate()[0]
    if run.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {run.returncode}: {output[-2000:]}")
    with open(path) as f:
        return json.load(f)


def measure(server, rates, *options):
    """Gives the steps of one run against a peer that serves, each checked. One more goes before
    them, for the link may be up before the peer is."""
    cpu, began = server.cpu_seconds(), time.monotonic()
    try:
        steps = load(server, "--rate", ",".join(["1000"] + rates), "--link-wait", "30", *options)[1:]
    except Failed as e:
        ended = [p.returncode for p in server.processes if p.poll() is not None]
        raise Failed(f"{server.name} ended, status {ended[0]}: {server.log()[-400:]}") if ended else e
    busy = (server.cpu_seconds() - cpu) / (time.monotonic() - began)
    for step in steps:
        server.question.check(step)
        step["server_busy"] = round(busy, 2)
    return steps


def peak_rates(windows):
    return ["max"] + [f"max/{w}" for w in windows]


def best(steps):
    return max(steps, key=lambda step: step["answered_rate"])


def measure_peak(server, seconds=1, windows=WINDOWS):
    """The step with most answers a second: without limit, and with so many queries under way, for
    some peers answer fewer when they are offered more than they can answer."""
    return best(measure(server, peak_rates(windows), "--seconds", seconds))


def curve(server, peak, factors=FACTORS, seconds=1):
    """Steps at multiples of a peak (answers a second)."""
    return measure(server, [f"{peak * f:.0f}" for f in factors], "--seconds", seconds)


def peak_and_curve(server, factors=FACTORS, seconds=1, windows=WINDOWS):
    """Both in one run of anser-load, as (peak, steps of the curve)."""
    steps = measure(server, peak_rates(windows), "--curve", ",".join(str(f) for f in factors),
                    "--seconds", seconds)
    peaks = 1 + len(windows)
    return best(steps[:peaks]), steps[peaks:]


COLUMNS = (("offered/s", 11, lambda s: f"{s['offered_rate']:.0f}"),
           ("answered/s", 11, lambda s: f"{s['answered_rate']:.0f}"),
           ("lost %", 8, lambda s: f"{100 * s['lost'] / s['offered']:.3f}"),
           ("p50 us", 9, lambda s: f"{s['latency_us']['p50']:.1f}"),
           ("p99 us", 9, lambda s: f"{s['latency_us']['p99']:.1f}"),
           ("p99.9 us", 9, lambda s: f"{s['latency_us']['p99.9']:.1f}"),
           ("refused", 9, lambda s: str(s["refused"])),
           ("skipped", 9, lambda s: str(s["skipped"])),
           ("octets", 7, lambda s: f"{s['mean_bytes']:.1f}"),
           ("load idle", 9, lambda s: f"{s['idle_share']:.2f}"),
           ("peer busy", 9, lambda s: f"{s['server_busy']:.2f}"))


def head():
    return " ".join(f"{name:>{width}}" for name, width, _ in COLUMNS)


def row(step):
    return " ".join(f"{text(step):>{width}}" for _, width, text in COLUMNS)


def kxdpgun(link, queries, seconds, rate):
    """Knot's own generator at the near end. Gives offered and answered, per second."""
    text = run_tool(link.at_client(["taskset", "-c", str(CLIENT_CPU), "kxdpgun", "-t", str(seconds),
                                    "-Q", str(rate), "-i", queries, FAR["ipv4"]]))
    found = {}
    for line in text.splitlines():
        for word in ("queries", "replies"):
            if line.startswith(f"total {word}:"):
                found[word] = int(line.split(":")[1].split()[0]) / seconds
    if len(found) != 2:
        raise Failed(f"kxdpgun: {text[-500:]}")
    return found["queries"], found["replies"]


def make_peer(link, args):
    if args.peer == Testpmd.name:
        return Testpmd(link, args.mode, args.burst)
    return PEERS[args.peer](link, args.mix, args.names)


def measure_link(report, link, args):
    with make_peer(link, args) as server:
        server.wait_until_serving()
        if args.client == "kxdpgun":
            rates = kxdpgun(link, data.queries("positive", args.names) + ".txt",
                            max(1, round(args.seconds)), args.rate)
            report.line("kxdpgun: offered/s {:.0f}, answered/s {:.0f}".format(*rates))
            return
        peak, steps = peak_and_curve(server, seconds=args.seconds)
        report.line(head())
        report.line(row(peak) + f"  peak, under way: {peak['in_flight'] or 'any number'}")
        for step in steps:
            report.line(row(step))


def make_link(memory, args):
    if args.link == "memif":
        return Memif(memory, args.zero_copy, args.ring)
    return Veth(memory, "af_xdp" if args.client == "kxdpgun" else args.client)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("link", choices=["memif", "veth"])
    parser.add_argument("--peer", default="testpmd", choices=sorted(PEERS))
    parser.add_argument("--mode", default="macswap", choices=["macswap", "5tswap"],
                        help="what testpmd swaps")
    parser.add_argument("--burst", type=int, default=32, help="of testpmd")
    parser.add_argument("--client", default="af_xdp", choices=["af_xdp", "af_packet", "kxdpgun"],
                        help="what asks over veth: anser-load on that port, or kxdpgun")
    parser.add_argument("--rate", type=int, default=1000000, help="of kxdpgun")
    parser.add_argument("--ring", type=int, default=10, help="memif: log2 of descriptors")
    parser.add_argument("--hugepages", action="store_true")
    parser.add_argument("--zero-copy", choices=["near", "far"],
                        help="memif: which end lends its buffers, anser-load's or the peer's")
    parser.add_argument("--mix", default="positive", choices=data.MIXES, help="for name servers")
    parser.add_argument("--names", type=int, default=100000)
    parser.add_argument("--seconds", type=float, default=1, help="of each step")
    args = parser.parse_args()
    if args.link == "memif" and (args.peer not in ON_MEMIF or args.client != "af_xdp"):
        parser.error(f"memif joins anser-load with {' or '.join(ON_MEMIF)} only")
    if args.client == "kxdpgun" and args.peer == Testpmd.name:
        parser.error("kxdpgun does not count queries that come back")
    if CLIENT_CPU == SERVER_CPU:
        parser.error("both ends on one processor measure nothing")
    try:
        with servers.Report("links") as report, Memory(args.hugepages) as memory, \
                make_link(memory, args) as link:
            report.conditions()
            report.line(f"# {' '.join(sys.argv[1:])}; {memory.name}")
            measure_link(report, link, args)
    except Failed as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
