#!/usr/bin/python3
"""The same answers over every back end, and right frames from those that make them.

First a corpus of queries (those of the fixtures, and a sample of those that the comparison with
other servers asks), over IPv4 and IPv6: every reply must be equal to what plain sockets give. Then
frames of all kinds, most of them wrong in some way, each followed by a good one, whose reply says
that the one before has been dealt with. What came of them is seen in the counters.

    over_back_ends.py [KIND...]
"""

import contextlib
import glob
import os
import socket
import struct
import sys
import tempfile
import time

import dns.flags
import dns.message
import dns.query
import dns.tsigkeyring

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "diff"))

import backends
import frames
import message
import queries
import zones
from backends import CLIENT4, CLIENT6, SERVER4, SERVER6
from checks import SKIP, Failure, Skipped, check, say, until

SHARE = 0.03           # of the queries that there are for each zone
WINDOW = 24
PUNTED = 9             # of the corpus, messages that the control plane answers
TRIES = 4
SOON = 3.0
STRANGER4, STRANGER6 = "10.77.0.99", "fd00:77::99"   # addresses that nobody has

LONG = "$ORIGIN long.\n$TTL 60\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n" + "".join(
    'big TXT "%03d %s"\n' % (i, "y" * 200) for i in range(120))


# ---- the corpus ----

def fixture_questions(path):
    """(zones, messages) of a file of fixtures; tests/fixture_test.c has their form."""
    hosted, asked = [], []
    with open(path) as file:
        for line in file:
            words = line.split()
            if words[:1] == ["zone"]:
                hosted.append((words[1] + ".", os.path.join(os.path.dirname(path), words[2])))
            elif words[:1] == ["?"] and "tcp" not in words:
                asked.append(fixture_message(words[1], words[2], words[3:]))
    return hosted, asked


def fixture_message(name, rrtype, words):
    options = dict(w.split("=") for w in words if "=" in w)
    size = int(options.get("size", 1232 if "do" in words else 0))
    edns = message.opt_record(size, "do" in words) if size else None
    return message.build_query(message.name_wire(name), message.type_number(rrtype),
                               int(options.get("class", 1)), 0, edns)


def padded(name, size):
    """A query of that many octets: the EDNS option of RFC 7830 fills it up."""
    bare = len(message.build_query(message.name_wire(name), 1, 1, 0, message.opt_record()))
    filling = size - bare - 4
    return message.build_query(message.name_wire(name), 1, 1, 0, message.opt_record(
        options=struct.pack("!HH", 12, filling) + bytes(filling)))


def special_messages():
    cookie = struct.pack("!HH8s", 10, 8, b"clientck")
    yield message.build_query(message.name_wire("www.example.com."), 1, 1, 0,
                              message.opt_record(options=cookie))
    yield message.build_query(message.name_wire("www.example.com."), 1, 1, 0,
                              message.opt_record(options=struct.pack("!HH", 3, 0)))
    for name in ("id.server.", "version.bind."):
        yield message.build_query(message.name_wire(name), 16, 3)
    yield from punted_messages("example.com.")
    for size in [*range(60, 80), 511, 512, 513, 1231, 1400]:
        yield padded("www.example.com.", size)


def punted_messages(zone):
    """What the data plane leaves to the control plane."""
    soa = message.name_wire(zone) + struct.pack("!HH", 6, 1)
    new = b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, 0, 26) + b"\1a\0\1b\0" + struct.pack(
        "!5I", 7, 1, 2, 3, 4)
    yield struct.pack("!6H", 0, 4 << 11 | 0x400, 1, 1, 0, 0) + soa + new
    yield struct.pack("!6H", 0, 4 << 11 | 0x400, 1, 0, 0, 0) + soa
    yield struct.pack("!6H", 0, 5 << 11, 1, 0, 1, 0) + soa + b"\3new\xc0\x0c" + struct.pack(
        "!HHIH4s", 1, 1, 60, 4, b"\xc0\0\2\1")
    yield struct.pack("!6H", 0, 5 << 11, 1, 0, 7, 0) + soa     # six records are missing
    yield message.build_query(message.name_wire(zone), 251)
    yield message.build_query(message.name_wire(zone), 251, 1, 0, message.opt_record())
    for name in (zone, "www." + zone, "nobody.invalid."):
        yield message.build_query(message.name_wire(name), 6, 1, 0, message.opt_record(
            options=struct.pack("!HH", 9, 0)))


def make_corpus(directory):
    """(zones, messages), and the same of a second time, when zones of these names are others."""
    builder = zones.Builder(os.path.join(directory, "zones"))
    for variant in (zones.NSEC, zones.OPTOUT):
        builder.add_family(variant)
    hosted = [(z.origin, z.path) for z in builder.zones]
    asked = [q.wire() for zone in builder.zones for q in queries.zone_queries(zone)
             if queries.keep(q, SHARE, 1)]
    asked += [q.wire() for q in queries.outside_queries()]
    asked += [wire for _, wire in queries.odd_messages(builder.zones[-1])]
    asked += list(special_messages())
    second = []
    here = os.path.join(os.environ["ANSER_SOURCE_DIR"], "tests", "fixtures", "*.fixture")
    for path in sorted(glob.glob(here)):
        own, questions = fixture_questions(path)
        if {z for z, _ in own} & {z for z, _ in hosted}:
            second.append((own, questions))
            continue
        hosted += own
        asked += questions
    check(len(asked) > 2000 and second, "there are few queries")
    return hosted, asked, second


def masked(answer):
    """Without the ID and what a server's secret makes of a cookie (RFC 9018)."""
    at = answer.find(struct.pack("!HH8s", 10, 24, b"clientck"))
    if at >= 0:
        answer = answer[:at + 12] + bytes(16) + answer[at + 28:]
    return answer[2:]


def ask_all(server, address, wires):
    """The answer to each, or None where several tries have got none."""
    found = [None] * len(wires)
    with server.client(address) as sock:
        sock.settimeout(0.3)
        for _ in range(TRIES):
            missing = [i for i, answer in enumerate(found) if answer is None]
            for at in range(0, len(missing), WINDOW):
                ask_some(sock, wires, missing[at:at + WINDOW], found)
    return found


def ask_some(sock, wires, numbers, found):
    for i in numbers:
        # A new socket a family: what comes late from before is for the same query.
        with contextlib.suppress(ConnectionRefusedError):
            sock.send(struct.pack("!H", i) + wires[i][2:])
    for _ in numbers:
        try:
            answer = sock.recv(65535)
        except (socket.timeout, ConnectionRefusedError):
            return
        number = struct.unpack_from("!H", answer)[0]
        if number < len(wires):
            found[number] = masked(answer)


def all_answers(server, corpus):
    hosted, asked, second = corpus
    found = {}
    for address in (SERVER4, SERVER6):
        found[address] = ask_all(server, address, asked)
    for own, questions in second:
        for origin, path in own:
            server.ctl("zone", "remove", origin)
            check(server.ctl("zone", "add", origin, path) is not None, "zone add " + origin)
        for address in (SERVER4, SERVER6):
            found[address] += ask_all(server, address, questions)
    return found


def compare(found, wanted, corpus):
    wires = corpus[1] + [q for _, questions in corpus[2] for q in questions]
    for address, answers in found.items():
        wrong = [i for i, answer in enumerate(answers) if answer != wanted[address][i]]
        for i in wrong[:3]:
            print("query %s\nwanted %s\n   got %s" % (
                wires[i].hex(), wanted[address][i] and wanted[address][i].hex(),
                answers[i] and answers[i].hex()))
        check(not wrong, "%d of %d answers of %s are not those of plain sockets"
              % (len(wrong), len(answers), address))


# ---- frames ----

def question(ident, size=0):
    if size:
        return struct.pack("!H", ident) + padded("www.example.com.", size)[2:]
    return message.build_query(message.name_wire("www.example.com."), 1, ident=ident)


class Family:
    """Makes frames from the client to the server."""

    def __init__(self, server, number, ends):
        self.macs = (server.net.server.mac(server.kind.service),
                     server.net.client.mac(server.kind.device))
        self.number = number
        self.client, self.server = (frames.packed(a) for a in ends)
        self.type = frames.IPV4 if number == 4 else frames.IPV6

    def packet(self, inner, source=None, **header):
        make = frames.ipv4 if self.number == 4 else frames.ipv6
        return make(inner, source or self.client, self.server, **header)

    def udp(self, payload, source=None, **header):
        return frames.udp(payload, source or self.client, self.server, **header)

    def frame(self, packet, tags=(), to=None):
        return frames.ethernet(to or self.macs[0], self.macs[1], self.type, packet, tags)

    def query(self, ident, size=0, tags=(), sport=4000, **header):
        return self.frame(self.packet(self.udp(question(ident, size), sport=sport), **header), tags)


class Frames:
    """One server's frames: what is sent, what comes, what is counted."""
    COUNTED = ("queries", "responses", "dropped_runt", "dropped_checksum", "dropped_malformed",
               "dropped_source", "dropped_io", "dropped_to_kernel")

    def __init__(self, server):
        self.server, self.kind = server, server.kind
        self.bypasses = server.kind.io != "udp"
        self.families = [Family(server, 4, (CLIENT4, SERVER4)), Family(server, 6, (CLIENT6, SERVER6))]
        self.ident = 0x1000
        with server.client(SERVER4) as sock:
            sock.settimeout(SOON)
            self.answers = {}
            for size in (0, 71, 72, 511, 1400):
                sock.send(question(0, size))
                self.answers[size] = sock.recv(65535)[2:]
        self.wire = frames.Wire(server.net.client, server.kind.device)

    def new_ident(self):
        self.ident += 1
        return self.ident

    def answer(self, ident, size=0):
        return struct.pack("!H", ident) + self.answers[size]

    def wait_for(self, ident, possible=None):
        """The frame with the reply of that ID. possible: other replies that may come."""
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            frame = self.wire.receive(end - time.monotonic())
            reply = frames.message_in(frame) if frame else None
            if reply is None:
                continue
            if reply[:2] == struct.pack("!H", ident):
                return frame
            check((possible or {}).get(struct.unpack_from("!H", reply)[0]) == reply,
                  "answered, and must not be: " + frame.hex())
        raise Failure("no reply to %04x" % ident)

    def is_not_answered_wrongly(self, family, ident, size):
        """The link may take it or not."""
        self.wire.send(family.query(ident, size))
        last = self.new_ident()
        self.wire.send(family.query(last))
        self.wait_for(last, {ident: self.answer(ident, 72)})

    def good(self, family):
        """A query that is answered, after which all before it has been seen to."""
        ident = self.new_ident()
        frame = family.query(ident)
        self.wire.send(frame)
        self.check_reply(frame, self.wait_for(ident), self.answer(ident))

    def check_reply(self, frame, reply, answer):
        if self.bypasses:
            wanted = frames.reply_to(frame, answer)
            check(reply == wanted, "wanted %s\n   got %s" % (wanted.hex(), reply.hex()))
        else:
            check(frames.message_in(reply) == answer, "got " + reply.hex())

    @contextlib.contextmanager
    def counted(self, what, **expected):
        """What is done in here adds exactly that to the data plane's counters; those of a name
        with at_least_ before it may be more."""
        if not self.bypasses:
            yield     # the kernel drops without telling
            return
        least = {n[9:]: v for n, v in expected.items() if n.startswith("at_least_")}
        exact = {n: expected.get(n, 0) for n in self.COUNTED}
        before = self.server.counters()
        yield

        def added():
            after = self.server.counters()
            return {n: after[n] - before[n] for n in (*exact, *least)}

        def holds(now):
            return all(now[n] == v for n, v in exact.items()) and all(
                now[n] >= v for n, v in least.items())

        with contextlib.suppress(Failure):
            until("counted", lambda: holds(added()), SOON)
        check(holds(added()), "%s: counted %s, not %s" % (what, added(), expected))

    # Cases.

    def is_answered(self, what, family, make, size=0, changed=None):
        """make(ident) is answered. changed: what the driver makes of the frame."""
        ident = self.new_ident()
        frame = make(ident)
        try:
            with self.counted(what, queries=1, responses=1):
                self.wire.send(frame)
                reply = self.wait_for(ident)
                self.check_reply(changed(frame) if changed else frame, reply,
                                 self.answer(ident, size))
        except Failure as failure:
            raise Failure("%s, IPv%d: %s" % (what, family.number, failure)) from None

    def is_dropped(self, what, family, packets, **counters):
        try:
            with self.counted(what, queries=1 + counters.pop("queries", 0), responses=1, **counters):
                for frame in packets:
                    self.wire.send(frame)
                self.good(family)
        except Failure as failure:
            raise Failure("%s, IPv%d: %s" % (what, family.number, failure)) from None

    def is_the_kernels(self, what, family, packets, ident, size=0):
        """It is answered, but not by the data plane."""
        handed = {"at_least_to_kernel": len(packets)} if self.kind.io == "dpdk" else {}
        try:
            with self.counted(what, **handed):
                for frame in packets:
                    self.wire.send(frame)
                reply = self.wait_for(ident)
                check(frames.message_in(reply) == self.answer(ident, size), "got " + reply.hex())
        except Failure as failure:
            raise Failure("%s, IPv%d: %s" % (what, family.number, failure)) from None


def good_frames(f, family):
    for size in (71, 72, 511, 1400):
        f.is_answered("%d octets" % size, family, lambda i, s=size: family.query(i, s), size)
    for sport in (1, 53, 65535):
        f.is_answered("port %d" % sport, family, lambda i, p=sport: family.query(i, sport=p))
    trailer = b"\xaa" * 23
    f.is_answered("a trailer behind the packet", family, lambda i: family.query(i) + trailer)
    if family.number == 4:
        f.is_answered("TOS and DF", family, lambda i: family.query(i, tos=0xB8, fragment=0x4000))
        f.is_answered("no UDP checksum", family, lambda i: family.frame(family.packet(
            family.udp(question(i), summed=False))))
    else:
        f.is_answered("a flow label", family, lambda i: family.query(i, flow=0xFFBEEF))
    if f.bypasses:
        f.is_answered("from a neighbour that is not resolved", family, lambda i: family.frame(
            family.packet(family.udp(question(i), frames.packed(
                STRANGER4 if family.number == 4 else STRANGER6)),
                          frames.packed(STRANGER4 if family.number == 4 else STRANGER6))))


def tags_are_kept(f, family):
    def as_ctag(frame):
        return frame[:12] + b"\x81\0" + frame[14:]

    if not f.bypasses:
        return     # that would be a VLAN interface of the kernel's
    # The driver of packet sockets puts the tag back that the kernel has taken off, but always as
    # 802.1Q.
    service = as_ctag if f.kind.name == "dpdk-af_packet" else None
    for what, tags, changed in [
            ("802.1Q", [(frames.CTAG, 7)], None),
            ("802.1Q with priority", [(frames.CTAG, 5 << 13 | 4094)], None),
            ("QinQ", [(frames.STAG, 100), (frames.CTAG, 200)], service),
            ("two tags of 802.1Q", [(frames.CTAG, 3), (frames.CTAG, 4)], None)]:
        if f.kind.io == "xdp" and len(tags) == 2:
            # Of two tags a card may have taken one off: its program leaves them to the kernel,
            # which has no such interface here.
            f.is_dropped(what, family, [family.query(0x0BAD, tags=tags)])
            continue
        f.is_answered(what, family, lambda i, t=tags: family.query(i, tags=t), changed=changed)


def bad_frames(f, family):
    query, packet = question(0x0BAD), family.packet
    f.is_dropped("a wrong UDP checksum", family,
                 [family.frame(packet(family.udp(query, damage=d))) for d in (1, 0x8000, 0x0100)],
                 dropped_checksum=3)
    f.is_dropped("UDP lengths", family,
                 [family.frame(packet(family.udp(query, length=n))) for n in (0, 7, 200, 65535)],
                 dropped_malformed=4)
    f.is_dropped("a packet longer than its frame", family,
                 [family.frame(packet(family.udp(query), longer=40))], dropped_malformed=1)
    f.is_dropped("source port 0", family, [family.query(0x0BAD, sport=0)], dropped_source=1)
    f.is_dropped("messages without a header", family,
                 [family.frame(packet(family.udp(query[:n]))) for n in (0, 1, 11)],
                 queries=3, dropped_runt=3)
    whole = family.query(0x0BAD)
    f.is_dropped("runts", family, [whole[:n] for n in range(14, 42)])
    if family.number == 4:
        f.is_dropped("a wrong header checksum", family,
                     [family.frame(packet(family.udp(query), damage=0x0100))], dropped_checksum=1)
        martians = [frames.packed(a) for a in ("127.0.0.1", "0.0.0.0", "224.0.0.1",
                                               "255.255.255.255", "240.0.0.1")]
    else:
        f.is_dropped("no UDP checksum", family,
                     [family.frame(packet(family.udp(query, summed=False)))], dropped_checksum=1)
        martians = [frames.packed(a) for a in ("::", "::1", "ff02::1", "::ffff:10.77.0.2")]
    f.is_dropped("martians", family,
                 [family.frame(packet(family.udp(query, m), m)) for m in martians],
                 dropped_source=len(martians))


def what_the_kernel_answers(f, family):
    ident = f.new_ident()
    f.is_the_kernels("to all stations", family, [family.frame(
        family.packet(family.udp(question(ident))), to=b"\xff" * 6)], ident)
    ident = f.new_ident()
    whole = family.udp(question(ident, 511))
    if family.number == 4:
        parts = [family.packet(whole[:256], ident=ident, fragment=0x2000),
                 family.packet(whole[256:], ident=ident, fragment=32)]
    else:
        def part(at, more, data):
            return family.packet(struct.pack("!BBHI", 17, 0, at | more, ident) + data, following=44)
        parts = [part(0, 1, whole[:256]), part(256, 0, whole[256:])]
    if f.kind.name == "dpdk-af_packet" and family.number == 4:
        # Its packet sockets are a fanout group, for which the kernel puts fragments together.
        with f.counted("fragments", queries=1, responses=1):
            for part in parts:
                f.wire.send(family.frame(part))
            reply = f.wait_for(ident)
            check(frames.message_in(reply) == f.answer(ident, 511), "got " + reply.hex())
    else:
        f.is_the_kernels("fragments", family, [family.frame(p) for p in parts], ident, 511)
    ident = f.new_ident()
    inner = family.udp(question(ident))
    if family.number == 4:
        f.is_the_kernels("IP options", family,
                         [family.frame(family.packet(inner, options=b"\1" * 8))], ident)
        return
    for following, what in ((60, "destination options"), (0, "hop-by-hop options")):
        ident = f.new_ident()
        header = struct.pack("!BBBB4s", 17, 0, 1, 4, bytes(4))
        f.is_the_kernels(what, family, [family.frame(family.packet(
            header + family.udp(question(ident)), following=following))], ident)


def frames_beyond_the_mtu(f):
    """Links of memory take what is larger than either end's MTU says."""
    if f.kind.is_veth:
        return     # the kernel drops it at this end
    f.server.net.client.ip("link", "set", f.kind.device, "mtu", "4000")
    family = f.families[0]
    for size in (1473, 1600, 1990, 2100, 3500):
        f.is_not_answered_wrongly(family, f.new_ident(), size)
    f.server.net.client.ip("link", "set", f.kind.device, "mtu", "1500")


def kernels_services(server):
    """ARP, neighbour discovery, ping, TCP at the addresses that are served."""
    client, device = server.net.client, server.kind.device
    for address in (SERVER4, SERVER6):
        client.ip("neigh", "flush", "dev", device)
        check(ask_all(server, address, [question(1)])[0], "no answer after a flush: " + address)
        shown = client.ip("neigh", "show", address, "dev", device).stdout
        mac = ":".join("%02x" % b for b in server.net.server.mac(server.kind.service))
        check("lladdr " + mac in shown, "the neighbour is %s, not %s" % (shown, mac))
        check(pings(client, address), "no echo from " + address)
        with client.inside():
            asked = dns.message.make_query("big.long.", "TXT", use_edns=0, payload=1232)
            check(dns.query.udp(asked, address, timeout=SOON).flags & dns.flags.TC, "no TC")
            whole = dns.query.tcp(asked, address, timeout=SOON)
            short = dns.query.tcp(dns.message.make_query("ns.long.", "A"), address, timeout=SOON)
        check(len(whole.answer[0]) == 120, "%d records by TCP" % len(whole.answer[0]))
        check(short.answer[0].to_text().endswith("A 192.0.2.1"), "by TCP: %s" % short)


def signed_questions(server):
    """By a key that nobody knows: the refusal is not signed, and names the error."""
    secret = dns.tsigkeyring.from_text({"nobody.": "c2VjcmV0c2VjcmV0c2VjcmV0"})
    for address in (SERVER4, SERVER6):
        asked = dns.message.make_query("www.example.com.", "A")
        asked.use_tsig(secret)
        with server.client(address) as sock:
            sock.settimeout(SOON)
            sock.send(asked.to_wire())
            answer = sock.recv(4096)
        check(answer[:2] == struct.pack("!H", asked.id), "not the answer")
        check(answer[3] & 15 == 9 and answer[-4:-2] == struct.pack("!H", 17),
              "not NOTAUTH with BADKEY: " + answer.hex())


def pings(client, address):
    is_ipv6 = ":" in address
    family, protocol = (socket.AF_INET6, 58) if is_ipv6 else (socket.AF_INET, 1)
    ask, reply = (128, 129) if is_ipv6 else (8, 0)
    for number in range(3):
        echo = struct.pack("!BBHHH", ask, 0, 0, 0x4A4A, number) + b"anser" * 8
        if not is_ipv6:
            echo = echo[:2] + struct.pack("!H", frames.checksum(echo)) + echo[4:]
        with client.socket(family, socket.SOCK_RAW, protocol) as sock:
            sock.settimeout(0.5)
            sock.sendto(echo, (address, 0))
            with contextlib.suppress(socket.timeout):
                while True:
                    got = sock.recv(2048)
                    got = got if is_ipv6 else got[20:]
                    if got[0] == reply and got[4:] == echo[4:]:
                        return True
    return False


# ---- all of it ----

def run_kind(kind, corpus, wanted):
    """Gives the answers to the corpus."""
    with backends.opened(kind, corpus[0]) as server:
        say("%s: ARP, ND, ping, TCP" % kind)
        kernels_services(server)
        say("%s: signed questions" % kind)
        signed_questions(server)
        say("%s: frames" % kind)
        f = Frames(server)
        for family in f.families:
            good_frames(f, family)
            tags_are_kept(f, family)
            bad_frames(f, family)
            what_the_kernel_answers(f, family)
        frames_beyond_the_mtu(f)
        f.wire.close()
        say("%s: the corpus" % kind)
        before = server.counters()
        found = all_answers(server, corpus)
        after = server.counters()
        check(after["handed_over"] - before["handed_over"] >= 2 * PUNTED,
              "answered without the control plane")
        compare(found, wanted or found, corpus)
        answered = sum(a is not None for answers in found.values() for a in answers)
        say("%s: %d answers, %d queries without one" % (
            kind, answered, sum(map(len, found.values())) - answered))
        check(answered > 2000, "few answers")
        check(server.stop_dataplane() == 0, "the data plane's status is not 0")
        # What the kernel holds to receive in, the driver of AF_XDP does not get back.
        check("were lost" not in server.log() or kind == "dpdk-af_xdp", "buffers were lost")
    return found


def main():
    kinds = sys.argv[1:] or list(backends.KINDS)
    kinds = ["udp"] + [k for k in kinds if k != "udp"]
    directory = tempfile.TemporaryDirectory(prefix="anser-over-")
    skipped = []
    with directory:
        try:
            backends.needs()
            corpus = make_corpus(directory.name)
            path = os.path.join(directory.name, "long.zone")
            with open(path, "w") as file:
                file.write(LONG)
            corpus[0].append(("long.", path))
            wanted = None
            for kind in kinds:
                try:
                    found = run_kind(kind, corpus, wanted)
                    wanted = wanted or found
                except Skipped as reason:
                    say("%s: skipped: %s" % (kind, reason))
                    skipped.append(kind)
        except Skipped as reason:
            say("skipped: %s" % reason)
            return SKIP
        except Failure as failure:
            say("FAILED: %s" % failure)
            return 1
    if len(skipped) == len(kinds) - 1 and skipped:
        return SKIP
    say("the same over all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
