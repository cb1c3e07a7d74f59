#!/usr/bin/python3
"""The back end xdp between two network namespaces that a veth pair joins.

What a client is told is not enough to tell who answered: the kernel's sockets may be served as
well. So the data plane's own counters say what it took, and a raw socket in the server's namespace
says what the kernel's stack was given.
"""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode

import backends
from checks import PATIENCE, SKIP, Failure, Skipped, check, say, until

SOON = 2.0           # for an answer
NOT_COMING = 0.3     # how long to wait for what must not come
LOAD = 20000         # queries to find lost chunks by: each comes by many times
WINDOW = 64

SERVER4, CLIENT4 = "192.0.2.1", "192.0.2.2"
SERVER6, CLIENT6 = "2001:db8::1", "2001:db8::2"
VLAN = 7

CONFIG = """server:
  listen: [%(listen)s]
  workers: %(workers)d
  io: xdp
xdp:
%(xdp)s
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones:
  - { name: example., file: zone }
"""

ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
www AAAA 2001:db8::80
%s
"""


# ---- the link ----

class Net:
    """srv0 in one namespace, cli0 in the other, and a VLAN on both where the kernel has any."""

    def __init__(self, server, client):
        self.server, self.client = server, client
        server.ip("link", "add", "srv0", "numrxqueues", "2", "numtxqueues", "2", "type", "veth",
                  "peer", "name", "cli0", "numrxqueues", "2", "numtxqueues", "2",
                  "netns", client.name)
        self.set_queues(1)
        for side, device, v4, v6 in [(server, "srv0", SERVER4, SERVER6),
                                     (client, "cli0", CLIENT4, CLIENT6)]:
            side.give(device, v4, v6)
        self.vlan = self.add_vlan()
        self.macs = [server.mac("srv0"), client.mac("cli0")]
        # What of the kernel's came to the stack.
        self.stack = server.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self.wire = client.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.wire.bind(("cli0", 0))

    def set_queues(self, n):
        for side, device in [(self.client, "cli0"), (self.server, "srv0")]:
            side.run("ethtool", "-L", device, "rx", "2", "tx", "2", must=False)
        for side, device in [(self.client, "cli0"), (self.server, "srv0")]:
            # An AF_XDP socket holds its queue for a moment after its process has ended.
            until("ethtool -L %s" % device, lambda: side.run(
                "ethtool", "-L", device, "tx", str(n), "rx", str(n),
                must=False).returncode in (0, 80))

    def add_vlan(self):
        if self.server.ip("link", "add", "link", "srv0", "name", "srv0.7", "type", "vlan",
                          "id", str(VLAN), must=False).returncode != 0:
            say("no VLAN interfaces: the kernel has none; tagged frames are sent as they are")
            return False
        self.client.ip("link", "add", "link", "cli0", "name", "cli0.7", "type", "vlan",
                       "id", str(VLAN))
        self.server.give("srv0.7", "198.51.100.1")
        self.client.give("cli0.7", "198.51.100.2")
        self.client.run("ethtool", "-K", "cli0", "txvlan", "off", must=False)
        return True

    def program(self):
        """The XDP program on srv0, or None."""
        return self.server.program("srv0")


# ---- the programs ----

class Programs:
    def __init__(self, net, directory, binaries):
        self.net, self.directory, self.binaries = net, directory, binaries
        self.log = open(os.path.join(directory, "log"), "w+")
        self.control = self.dataplane = None
        big = "\n".join('big TXT "%s"' % (("%02d" % i) * 100) for i in range(12))
        with open(self.path("zone"), "w") as file:
            file.write(ZONE % big)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, program, *arguments):
        return subprocess.Popen(
            self.net.server.within(os.path.join(self.binaries, program), *arguments),
            stdout=self.log, stderr=subprocess.STDOUT)

    def configure(self, listen=(SERVER4, SERVER6), workers=1, xdp="  interfaces: [srv0]"):
        """Starts the control plane, anew."""
        self.stop()
        if self.net.vlan:
            listen = [*listen, "198.51.100.1"]
        with open(self.path("anser.yaml"), "w") as file:
            file.write(CONFIG % {"listen": ", ".join('"%s@53"' % a for a in listen),
                                 "workers": workers, "xdp": xdp})
        self.control = self.start("anser-control", "-c", self.path("anser.yaml"))
        until("anser-control runs", lambda: self.ctl("status") is not None)

    def ctl(self, *arguments):
        done = subprocess.run([os.path.join(self.binaries, "anserctl"), "--json", "-s",
                               self.path("control.sock"), *arguments],
                              stdout=subprocess.PIPE, stderr=self.log)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def start_dataplane(self):
        self.dataplane = self.start("anser-dataplane", "-s", self.path("dataplane.sock"))
        until("a query is answered", lambda: self.attached() and self.answers())

    def attached(self):
        check(self.dataplane.poll() is None, "the data plane has ended")
        attachments = self.ctl("status")["attachments"]
        return [a for a in attachments if a["pid"] == self.dataplane.pid and a["io"] == "xdp"]

    def answers(self):
        before = self.counters()["queries"]
        with contextlib.suppress(dns.exception.Timeout, OSError):
            ask(self.net, SERVER4, "www.example", timeout=0.2)
        return self.counters()["queries"] > before

    def counters(self):
        attachments = self.ctl("stats")["attachments"]
        return [a["counters"] for a in attachments if a["pid"] == self.dataplane.pid][0]

    def kill_dataplane(self):
        self.dataplane.kill()
        self.dataplane.wait()

    def stop_dataplane(self):
        """In the orderly way: at its end it checks that no chunk was lost."""
        self.dataplane.terminate()
        status = self.dataplane.wait(PATIENCE)
        self.dataplane = None
        check(status == 0, "the data plane ended with status %d" % status)

    def stop(self):
        for process in [self.dataplane, self.control]:
            if process and process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
                process.kill()
                process.wait()
        self.dataplane = self.control = None

    def output(self):
        self.log.flush()
        with open(self.path("log")) as file:
            return file.read()

    def refused(self, *words):
        """A data plane started now ends, and says these words."""
        begin = len(self.output())
        process = self.start("anser-dataplane", "-s", self.path("dataplane.sock"))
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure("it was not refused") from None
        said = self.output()[begin:].strip()
        say("  " + said)
        check(status == 1, "status %d" % status)
        check(all(w in said for w in words), "%s is not all in: %s" % (words, said))


# ---- asking ----

def ask(net, server, name, rdtype="A", timeout=SOON, tcp=False, **options):
    query = dns.message.make_query(name, rdtype, **options)
    with net.client.inside():
        if tcp:
            return dns.query.tcp(query, server, timeout=timeout)
        return dns.query.udp(query, server, timeout=timeout)


def addresses(answer):
    return [str(r) for rrset in answer.answer for r in rrset]


@contextlib.contextmanager
def counted(programs, **expected):
    """What is done in here adds exactly that to the data plane's counters."""
    before = programs.counters()
    yield
    names = {"queries", "responses", "dropped_checksum", "dropped_malformed", "dropped_source",
             "dropped_io", *expected}

    def added():
        after = programs.counters()
        return {n: after[n] - before[n] for n in names if after[n] != before[n]}

    if expected:
        with contextlib.suppress(Failure):
            until("counted", lambda: added() == expected, SOON)
    check(added() == expected, "counted %s, not %s" % (added(), expected))


# ---- frames ----

def total(data):
    data += b"\0" * (len(data) & 1)
    value = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value


def question(ident):
    return struct.pack("!6H", ident, 0, 1, 0, 0, 0) + b"\3www\7example\0\0\1\0\1"


def udp(payload, pseudo, sport=4000, length=None, damage=0):
    length = len(payload) + 8 if length is None else length
    header = struct.pack("!4H", sport, 53, length, 0)
    value = 0xffff ^ total(pseudo + struct.pack("!2H", 17, length) + header + payload)
    return header[:6] + struct.pack("!H", value ^ damage) + payload


def ipv4(inner, source=CLIENT4, options=b"", fragment=0, damage=0, longer=0):
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0,
                         20 + len(options) + len(inner) + longer, 77, fragment, 64, 17, 0)
    header += socket.inet_aton(source) + socket.inet_aton(SERVER4) + options
    value = 0xffff ^ total(header)
    return header[:10] + struct.pack("!H", value ^ damage) + header[12:] + inner


def ends4(source=CLIENT4):
    return socket.inet_aton(source) + socket.inet_aton(SERVER4)


ENDS6 = socket.inet_pton(socket.AF_INET6, CLIENT6) + socket.inet_pton(socket.AF_INET6, SERVER6)


def ipv6(inner):
    return struct.pack("!IHBB", 6 << 28, len(inner), 17, 64) + ENDS6 + inner


def frame(net, packet, ethertype=0x0800, to=None, tags=b""):
    return (to or net.macs[0]) + net.macs[1] + tags + struct.pack("!H", ethertype) + packet


def tag(vlan):
    return struct.pack("!HH", 0x8100, vlan)


def comes(sock, wanted, timeout):
    """Whether sock gets something that holds the bytes wanted; gives that."""
    end = time.monotonic() + timeout
    while True:
        sock.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = sock.recv(65535)
        except socket.timeout:
            return None
        if wanted in data:
            return data


def forget(sock):
    """What has come to it."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while sock.recv(65535):
            pass


def reply_start(ident):
    return struct.pack("!HH", ident, 0x8400)


# ---- the cases ----

def clients_are_answered(programs, net):
    say("clients over IPv4 and IPv6")
    forget(net.stack)
    with counted(programs, queries=7, responses=7, truncated=1):
        check(addresses(ask(net, SERVER4, "www.example")) == ["192.0.2.80"], "A, IPv4")
        check(addresses(ask(net, SERVER6, "www.example")) == ["192.0.2.80"], "A, IPv6")
        check(addresses(ask(net, SERVER6, "www.example", "AAAA")) == ["2001:db8::80"], "AAAA")
        answer = ask(net, SERVER4, "nothing.example", use_edns=0, payload=1232)
        check(answer.rcode() == dns.rcode.NXDOMAIN and answer.edns == 0, "NXDOMAIN, EDNS")
        check(ask(net, SERVER6, "www.test").rcode() == dns.rcode.REFUSED, "REFUSED")
        cut = ask(net, SERVER4, "big.example", "TXT", use_edns=0, payload=1232)
        check(cut.flags & dns.flags.TC, "a large answer is not truncated")
        done = net.client.run("kdig", "+short", "@" + SERVER4, "www.example")
        check(done.stdout == "192.0.2.80\n", "kdig: " + done.stdout + done.stderr)
    check(comes(net.stack, b"\7example", NOT_COMING) is None, "the kernel saw a query")

    say("TCP to the same addresses is the kernel's")
    with counted(programs):
        for server in [SERVER4, SERVER6]:
            whole = ask(net, server, "big.example", "TXT", tcp=True)
            check(len(addresses(whole)) == 12, "TCP to " + server)


def neighbours_are_the_kernels(programs, net):
    say("ARP, neighbour discovery, ping")
    for side, device in [(net.server, "srv0"), (net.client, "cli0")]:
        side.ip("neigh", "flush", "dev", device)
    check(ask(net, SERVER4, "www.example").answer, "no answer after a flush, IPv4")
    check(ask(net, SERVER6, "www.example").answer, "no answer after a flush, IPv6")
    echo = struct.pack("!BBHHH", 8, 0, 0, 0x1234, 1)
    echo = echo[:2] + struct.pack("!H", 0xffff ^ total(echo)) + echo[4:]
    with net.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as ping:
        ping.sendto(echo, (SERVER4, 0))
        check(comes(ping, struct.pack("!BB", 0, 0), SOON), "no echo")


def vlans_are_kept(programs, net):
    say("VLAN tags")
    for ident, vlan, packet, ethertype in [
            (0x7001, 7, ipv4(udp(question(0x7001), ends4())), 0x0800),
            (0x7002, 4095, ipv6(udp(question(0x7002), ENDS6)), 0x86dd)]:
        with counted(programs, queries=1, responses=1):
            net.wire.setsockopt(263, 8, 1)   # SOL_PACKET, PACKET_AUXDATA: a tag taken off
            net.wire.send(frame(net, packet, ethertype, tags=tag(vlan)))
            check(seen_with_tag(net, reply_start(ident), vlan), "no reply with tag %d" % vlan)
    if net.vlan:
        with counted(programs, queries=1, responses=1):
            check(ask(net, "198.51.100.1", "www.example").answer, "no answer over the VLAN")


def seen_with_tag(net, wanted, vlan):
    """The tag is in the frame, or beside it where the kernel has taken it off."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        net.wire.settimeout(SOON)
        with contextlib.suppress(socket.timeout):
            data, extra, _, _ = net.wire.recvmsg(65535, 256)
            if wanted not in data:
                continue
            beside = [struct.unpack("IIIHHHH", d)[5] for _, kind, d in extra if kind == 8]
            return tag(vlan) == data[12:16] or vlan in [t & 0xfff for t in beside]
    return False


def what_is_wrong_is_dropped(programs, net):
    say("wrong checksums, lengths and sources are dropped, and counted")
    for counter, bad in [
            ("dropped_checksum", ipv4(udp(question(1), ends4()), damage=0x0100)),
            ("dropped_checksum", ipv4(udp(question(2), ends4(), damage=0x0001))),
            ("dropped_malformed", ipv4(udp(question(4), ends4(), length=200))),
            ("dropped_malformed", ipv4(udp(question(5), ends4(), length=7))),
            ("dropped_malformed", ipv4(udp(question(6), ends4()), longer=40)),
            ("dropped_source", ipv4(udp(question(7), ends4(), sport=0))),
            ("dropped_source", ipv4(udp(question(8), ends4("127.0.0.1")), "127.0.0.1"))]:
        with counted(programs, **{counter: 1}):
            net.wire.send(frame(net, bad))
    with counted(programs, dropped_checksum=1):
        net.wire.send(frame(net, ipv6(udp(question(3), ENDS6, damage=0x8000)), 0x86dd))
    with counted(programs, queries=1, dropped_runt=1):
        net.wire.send(frame(net, ipv4(udp(b"\1\2\3", ends4()))))


def what_is_doubtful_goes_to_the_kernel(programs, net):
    say("fragments, options and other addresses are the kernel's")
    whole = udp(question(0x6001), ends4())
    with counted(programs):
        for part in [ipv4(whole[:24], fragment=0x2000), ipv4(whole[24:], fragment=3)]:
            net.wire.send(frame(net, part))
        check(comes(net.stack, question(0x6001), SOON), "fragments did not get to the kernel")
        for ident, packet in [(0x6002, ipv4(udp(question(0x6002), ends4()), options=b"\1" * 4)),
                              (0x6003, ipv4(udp(question(0x6003), ends4())
                                            .replace(b"\0\x35", b"\x15\x15", 1)))]:
            net.wire.send(frame(net, packet))
            check(comes(net.stack, question(ident), SOON), "%x is not the kernel's" % ident)
        # The kernel drops what is not sent to this station; neither does the program take it.
        net.wire.send(frame(net, ipv4(udp(question(0x6004), ends4())), to=b"\xff" * 6))
        net.wire.send(frame(net, b"")[:14])
        net.wire.send(frame(net, ipv4(udp(question(0x6005), ends4()))[:24]))
        time.sleep(NOT_COMING)


class Load:
    """Asks from many sockets, a window at a time."""

    def __init__(self, net):
        self.sockets = [net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
        for s in self.sockets:
            s.connect((SERVER4, 53))
            s.settimeout(0.5)
        self.ident = 0

    def ask(self, count):
        """Gives how many were answered."""
        answered = 0
        for _ in range(count // WINDOW + 1):
            asker = self.sockets[self.ident // WINDOW % len(self.sockets)]
            asked = set()
            for _ in range(WINDOW):
                self.ident = self.ident + 1 & 0xffff
                asked.add(self.ident)
                with contextlib.suppress(ConnectionRefusedError):
                    asker.send(question(self.ident))
            while asked:
                try:
                    asked.discard(int.from_bytes(asker.recv(4096)[:2], "big"))
                    answered += 1
                except ConnectionRefusedError:
                    continue
                except socket.timeout:
                    break
        return answered


def no_chunk_is_lost(programs, net):
    say("%d queries, and bad ones among them" % LOAD)
    load = Load(net)
    before = programs.counters()
    for _ in range(10):
        answered = load.ask(LOAD // 10)
        check(answered > LOAD // 10 * 0.99, "%d answers" % answered)
        for i in range(200):
            net.wire.send(frame(net, ipv4(udp(question(i), ends4(), damage=1))))
    after = programs.counters()
    check(after["queries"] - before["queries"] >= LOAD, "somebody else answered")
    check(after["dropped_checksum"] - before["dropped_checksum"] == 2000, "not all are counted")
    check(after["dropped_io"] == 0, "%d replies were not sent" % after["dropped_io"])


def ports_are_told(programs, net):
    say("status shows the interface")

    def port():
        return [p for a in programs.attached() for p in a.get("ports", [])
                if p["name"] == "srv0" and p["up"] and p["rx_packets"] > LOAD]

    told = until("its packets are counted", port)
    check(told[0]["rx_missed"] == told[0]["rx_no_buffer"] == 0, "lost on the way: %s" % told)


def second_one_is_refused(programs, net):
    say("a second data plane on the same interface")
    programs.refused("srv0", "another XDP program is attached", "id %d" % net.program()["id"])
    check(ask(net, SERVER4, "www.example").answer, "the first one has suffered")


def death_leaves_nothing(programs, net):
    say("kill -9, and again under load")
    load = Load(net)
    for _ in range(3):
        load.ask(500)
        programs.kill_dataplane()
        until("the program is gone", lambda: net.program() is None, SOON)
        whole = ask(net, SERVER4, "big.example", "TXT", tcp=True)
        check(whole.answer, "TCP without a data plane")
        programs.dataplane = programs.start("anser-dataplane", "-s",
                                            programs.path("dataplane.sock"))
        load.ask(64)
        until("it serves", lambda: programs.attached() and programs.answers())
        check(load.ask(500) >= 500, "answers are missing after a restart")

    say("a successor that does not wait for the old one's end")
    programs.dataplane.kill()
    programs.dataplane.wait()
    programs.start_dataplane()


def interface_goes_down_and_up(programs, net):
    say("the interface goes down and comes up again")
    net.server.ip("link", "set", "srv0", "down")
    load = Load(net)
    load.ask(WINDOW)
    net.server.ip("link", "set", "srv0", "up")
    until("it is answered again", programs.answers)
    check(load.ask(500) >= 500, "answers are missing")
    net.server.ip("addr", "replace", SERVER6 + "/64", "dev", "srv0", "nodad")


def queues_and_workers(programs, net):
    say("two queues, two workers")
    programs.stop_dataplane()
    net.set_queues(2)
    programs.configure(workers=1)
    programs.refused("srv0 has 2 queues for 1 worker:", "server.workers",
                     "ethtool -L srv0")
    programs.configure(workers=2)
    programs.start_dataplane()
    no_chunk_is_lost(programs, net)
    programs.stop_dataplane()
    net.set_queues(1)
    programs.refused("srv0 has 1 queue for 2 workers:")


def settings_that_are_refused(programs, net):
    say("settings that this machine cannot serve")
    for settings, words in [
            ({"xdp": "  interfaces: [nosuch0]"}, ["nosuch0: there is no such interface"]),
            ({"xdp": "  interfaces: [srv0]\n  zero-copy: yes"}, ["srv0", "zero copy"]),
            ({"listen": ["203.0.113.9"], "xdp": "  zero-copy: auto"},
             ["no interface has an address of server.listen", "xdp.interfaces"])]:
        vlan, net.vlan = net.vlan, False
        programs.configure(**settings)
        programs.refused(*words)
        check(net.program() is None, "the program was left behind")
        net.vlan = vlan
    programs.configure()
    net.server.ip("link", "set", "srv0", "down")
    programs.refused("srv0 is down")
    net.server.ip("link", "set", "srv0", "up")
    net.server.ip("addr", "replace", SERVER6 + "/64", "dev", "srv0", "nodad")
    if net.vlan:
        net.server.run("ethtool", "-K", "srv0", "rxvlan", "on")
        programs.refused("srv0 has VLANs", "ethtool -K srv0 rxvlan off")
        net.server.run("ethtool", "-K", "srv0", "rxvlan", "off")


def other_modes(programs, net):
    say("generic mode, busy polling, and the interface found by its address")
    for settings, words in [("  mode: generic", "srv0 (generic, copy, 1 queue)"),
                            ("  mode: native\n  busy-poll: yes", "srv0 (native, copy, 1 queue)")]:
        programs.configure(xdp=settings)
        programs.start_dataplane()
        check(words in programs.output(), "it did not say: " + words)
        clients_are_answered(programs, net)
        no_chunk_is_lost(programs, net)
        programs.stop_dataplane()


def run(programs, net):
    programs.configure()
    programs.start_dataplane()
    check(net.program(), "no program on srv0")
    for case in [clients_are_answered, neighbours_are_the_kernels, vlans_are_kept,
                 what_is_wrong_is_dropped, what_is_doubtful_goes_to_the_kernel,
                 no_chunk_is_lost, ports_are_told, second_one_is_refused, death_leaves_nothing,
                 interface_goes_down_and_up, queues_and_workers, settings_that_are_refused,
                 other_modes]:
        case(programs, net)


def prerequisites():
    if os.geteuid() != 0:
        raise Skipped("network namespaces and XDP take root")
    if not (shutil.which("ethtool") and shutil.which("kdig")):
        raise Skipped("ethtool or kdig is not installed")
    backends.needs_af_xdp()


def main():
    directory = tempfile.mkdtemp(prefix="xdp.")
    pair = programs = None
    try:
        prerequisites()
        pair = backends.Net()
        net = Net(pair.server, pair.client)
        net.server.run("ethtool", "-K", "srv0", "rxvlan", "off", must=False)
        programs = Programs(net, directory, os.environ["ANSER_BIN_DIR"])
        run(programs, net)
    except Skipped as why:
        say("skipped: %s" % why)
        return SKIP
    except Failure as failure:
        say("FAILED: %s" % failure)
        if programs:
            sys.stdout.write(programs.output()[-4000:])
        return 1
    finally:
        if programs:
            programs.stop()
        if pair:
            pair.close()
        shutil.rmtree(directory)
    say("all as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
