#!/usr/bin/python3
"""Sends Anser messages that no honest client sends, over UDP and TCP.

Each must be answered as the RFCs say or be dropped, none may end a process or stop the server
from answering, and what is answered must be well-formed. --peer asks another server instead.
"""

import argparse
import os
import random
import shutil
import socket
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "diff"))

import allowed
import message
import peers
import queries
import serve
import zones

class Attack:
    def __init__(self, server, zone, strict):
        self.server = server
        self.zone = zone
        self.strict = strict
        self.sent = 0
        self.failures = []
        self.good = message.build_query(message.name_wire("www." + zone.origin), 1,
                                        edns=message.opt_record(1232, True))
        self.pids = serve.children(server.process.pid)

    def fail(self, what, detail):
        self.failures.append("%s: %s" % (what, detail))
        print("FAILED %s: %s" % (what, detail), flush=True)

    # Between messages.

    def still_well(self, what):
        """A normal query is answered over both transports, and by the same processes."""
        for ask in (self.server.ask_udp, self.server.ask_tcp):
            wire = ask([self.good])[0]
            if wire is None or message.Message(wire).rcode != 0:
                self.fail(what, "a normal query is not answered afterwards")
                return
        if self.strict and serve.children(self.server.process.pid) != self.pids:
            self.fail(what, "a process has ended")
            self.pids = serve.children(self.server.process.pid)

    def check_answer(self, what, query, wire, limit):
        """What is answered must be a response to that query and well-formed."""
        if len(wire) < 12:
            return self.fail(what, "an answer shorter than a header")
        if not wire[2] & 0x80:
            return self.fail(what, "QR is clear")
        if wire[:2] != query[:2] or (wire[2] ^ query[2]) & 0x78:
            return self.fail(what, "ID or opcode of another message")
        if len(wire) > limit:
            return self.fail(what, "%d octets, allowed %d" % (len(wire), limit))
        try:
            response = message.Message(wire)
        except message.Malformed as error:
            return self.fail(what, "malformed answer: %s: %s" % (error, query.hex()))
        if response.counts[0] > 1:
            return self.fail(what, "%d questions in the answer" % response.counts[0])
        if response.counts[0] == 1 and not query[12:].startswith(response.question):
            return self.fail(what, "the question is not the one asked")
        return None

    # The table of known oddities.

    def known(self):
        for what, query in queries.odd_messages(self.zone):
            for transport in ("UDP", "TCP"):
                self.sent += 1
                if transport == "UDP":
                    wire = self.server.ask_udp([query], timeout=0.15, tries=1)[0]
                else:
                    wire = self.server.ask_tcp([query], timeout=0.3)[0]
                self.verdict("%s over %s" % (what, transport), query, wire, allowed.expected(what))
        self.still_well("known oddities")

    def verdict(self, what, query, wire, outcome):
        if wire is None:
            got = allowed.NONE
        else:
            self.check_answer(what, wire[:2] + query[2:], wire, 65535)
            try:
                got = message.rcode_text(message.Message(wire).rcode)
            except message.Malformed:
                return
        if self.strict and got not in outcome:
            self.fail(what, "%s, expected %s" % (got, " or ".join(sorted(outcome))))

    # Everything at random, but the same in every run.

    def raw_udp(self, what, packets, limit=1232):
        """Sends octets as they are, collects what comes, checks each against what was sent. What
        the control plane answers may come after what was sent later."""
        by_id = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sock.connect((peers.ADDRESS, self.server.port))
            for start in range(0, len(packets), 64):
                part = packets[start : start + 64]
                for packet in part:
                    self.sent += 1
                    by_id.setdefault(packet[:2], []).append(packet)
                    sock.send(packet)
                self.collect(what, sock, by_id, limit)
        self.still_well(what)

    def collect(self, what, sock, by_id, limit):
        # A well-formed query after the rest of the batch: its answer ends the wait.
        marker = b"\xff\xfe" + self.good[2:]
        sock.send(marker)
        sock.settimeout(2)
        while True:
            try:
                wire = sock.recv(65535)
            except socket.timeout:
                return self.fail(what, "a query after the batch got no answer")
            if wire[:2] == b"\xff\xfe":
                return None
            sent = by_id.get(wire[:2])
            if sent is None:
                self.fail(what, "an answer that belongs to nothing sent")
            elif len(sent) == 1 and len(sent[0]) < 12:
                self.fail(what, "an answer to %d octets" % len(sent[0]))
            elif sent[0][2] & 0x80:
                self.fail(what, "an answer to a response")
            else:
                self.check_answer(what, sent[0], wire, limit)

    def truncated(self):
        options = struct.pack("!HH8s", 10, 8, b"abcdefgh") + struct.pack("!HH", 3, 0)
        whole = message.build_query(message.name_wire("a.b.c.www." + self.zone.origin), 1,
                                    edns=message.opt_record(4096, True, options=options))
        packets = []
        for size in range(len(whole) + 1):
            packets.append(struct.pack("!H", size + 1) + whole[2:size] if size >= 2
                           else whole[:size])
        self.raw_udp("truncated at every octet", [packet for packet in packets if packet])

    def counted(self):
        """Every pattern of a few counts over one body."""
        body = self.good[12:]
        packets = []
        for number, counts in enumerate(
                (a, b, c, d) for a in (0, 1, 2, 65535) for b in (0, 1, 65535)
                for c in (0, 1, 65535) for d in (0, 1, 2, 65535)):
            packets.append(struct.pack("!6H", number + 1, 0, *counts) + body)
        self.raw_udp("counts", packets)

    def flagged(self):
        """Every opcode with every class and some types; every header flag."""
        packets, number = [], 0
        name = self.zone.wire
        for opcode in range(16):
            for qclass in (0, 1, 2, 3, 4, 253, 254, 255, 256, 65535):
                for qtype in (0, 1, 6, 41, 43, 46, 47, 50, 128, 249, 250, 251, 252, 253, 255,
                              256, 32768, 65280, 65535):
                    number += 1
                    packets.append(message.build_query(name, qtype, qclass, opcode << 11,
                                                       ident=number))
        for flags in range(0, 0x8000, 0x10):
            number += 1
            packets.append(message.build_query(name, 6, 1, flags, ident=number))
        self.raw_udp("opcodes, classes, types, flags", packets, 512)

    def mutated(self, rng, count):
        """Octets of a correct query changed, removed, doubled."""
        models = [self.good] + [wire for _, wire in queries.odd_messages(self.zone)]
        packets = []
        for number in range(1, count + 1):
            octets = bytearray(rng.choice(models))
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(2, max(3, len(octets)))
                action = rng.randrange(4)
                if action == 0:
                    octets[at:at + 1] = bytes([rng.randrange(256)])
                elif action == 1:
                    del octets[at:at + rng.randint(1, 4)]
                elif action == 2:
                    octets[at:at] = octets[max(0, at - 8):at]
                else:
                    octets[at:at + 1] = bytes([rng.choice((0, 1, 63, 64, 0xC0, 0xFF))])
            octets[0:2] = struct.pack("!H", number)
            packets.append(bytes(octets))
        self.raw_udp("mutated queries", packets)

    def noise(self, rng, count):
        packets = []
        for number in range(1, count + 1):
            size = rng.choice((0, 1, 11, 12, 17, 64, 512, 1232, 4000))
            octets = bytes(rng.randrange(256) for _ in range(size))
            # Half of them as plain queries, so that the body is reached.
            head = struct.pack("!HHH", number, rng.choice((0, 0x0100, rng.randrange(0x8000))), 1)
            packets.append(head + octets)
        self.raw_udp("noise", packets)
        self.raw_udp("datagrams of 60000 octets",
                     [struct.pack("!H", n) + self.good[2:] + b"\0" * 59000 for n in range(1, 9)])

    def names(self):
        """Names at the limits: depth, length, pointers in every place."""
        packets, number = [], 0
        tail = self.zone.wire
        bodies = [b"\1a" * ((255 - len(tail)) // 2) + tail, b"\1a" * 127 + b"\0",
                  (b"\x3f" + b"\xff" * 63) * 3 + b"\x3d" + b"\0" * 61 + b"\0",
                  b"\1\0" * 100 + tail, b"\1*" * 50 + tail, b"\0", b"\1.\0", b"\4%s%n\0",
                  b"\x3f" + b"../" * 21 + b"\0", b"\1a" * 128 + b"\0", b"\1a" * 5000 + b"\0"]
        bodies += [b"\xc0" + bytes([target]) for target in range(0, 40)]
        bodies += [b"\1a\xc0" + bytes([target]) for target in range(0, 40)]
        bodies += [bytes([kind]) + b"a" * 63 + b"\0" for kind in range(0x40, 0x100, 8)]
        for body in bodies:
            for qtype in (1, 43, 255):
                number += 1
                packets.append(struct.pack("!6H", number, 0, 1, 0, 0, 0) + body +
                               struct.pack("!HH", qtype, 1))
        self.raw_udp("names", packets, 512)

    # TCP as a stream.

    def connect(self):
        return socket.create_connection((peers.ADDRESS, self.server.port), 2)

    def streams(self, rng):
        framed = struct.pack("!H", len(self.good)) + self.good
        for what, data in (
                ("a length of zero", b"\0\0" + framed),
                ("a length of one", b"\0\1x" + framed),
                ("a length and nothing", b"\xff\xff"),
                ("a length of 65535 and a little", b"\xff\xff" + b"x" * 100),
                ("half a length", b"\0"),
                ("noise", bytes(rng.randrange(256) for _ in range(5000))),
                ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                ("TLS", bytes.fromhex("16030100a5010000a10303") + b"\0" * 160),
                ("65535 zero octets", b"\xff\xff" + b"\0" * 65535),
                ("65535 octets of 0xff", b"\xff\xff" * 32768),
                ("many runts", b"\0\5abcde" * 2000)):
            self.sent += 1
            self.stream(data)
            self.still_well("TCP, " + what)
        self.split_and_pipelined(framed)
        self.held_open()

    def stream(self, data):
        """Sends, reads a moment, and resets instead of closing."""
        with self.connect() as sock:
            try:
                sock.sendall(data)
                sock.settimeout(0.1)
                sock.recv(65535)
            except OSError:
                pass
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def split_and_pipelined(self, framed):
        with self.connect() as sock:
            for octet in framed:
                sock.sendall(bytes([octet]))
            if read_messages(sock, 1) != 1:
                self.fail("TCP, octet by octet", "no answer")
        with self.connect() as sock:
            sock.sendall(framed * 200)
            got = read_messages(sock, 200)
            if got != 200:
                self.fail("TCP, 200 queries at once", "%d answers" % got)
        big = message.build_query(message.name_wire("huge." + self.zone.origin), 16)
        with self.connect() as sock:
            # A client that asks for much and reads nothing, then goes.
            try:
                sock.settimeout(0.5)
                for _ in range(300):
                    sock.sendall(struct.pack("!H", len(big)) + big)
            except OSError:
                pass
            self.still_well("TCP, a client that never reads")

    def held_open(self):
        held = []
        try:
            for _ in range(60):
                sock = self.connect()
                sock.sendall(b"\0")
                held.append(sock)
            self.still_well("TCP, 60 connections held open")
        except OSError:
            pass
        finally:
            for sock in held:
                sock.close()


def read_messages(sock, count):
    """How many framed messages come before the peer stops."""
    sock.settimeout(3)
    buffer, got = b"", 0
    while got < count:
        try:
            data = sock.recv(1 << 16)
        except OSError:
            break
        if not data:
            break
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2], "big"):
            buffer = buffer[2 + int.from_bytes(buffer[:2], "big"):]
            got += 1
    return got


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["knot", "nsd", "named"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=6000, help="mutated queries to send")
    parser.add_argument("--binaries", default=os.environ.get("ANSER_BIN_DIR", ""))
    options = parser.parse_args()
    kinds = {"knot": peers.Knot, "nsd": peers.Nsd, "named": peers.Bind}
    if options.peer is None and not os.access(
            os.path.join(options.binaries, "anser-control"), os.X_OK):
        print("skipped: no anser-control (ANSER_BIN_DIR)")
        return 77
    directory = tempfile.mkdtemp(prefix="anser-hostile-")
    server = (kinds[options.peer](directory) if options.peer
              else peers.Anser(directory, options.binaries))
    try:
        builder = zones.Builder(os.path.join(directory, "zones"))
        zone = builder.add("plain.test.", zones.full_zone("plain.test."))
        peers.start_all([server], builder.zones)
        began = time.monotonic()
        attack = Attack(server, zone, options.peer is None)
        run_all(attack, random.Random(options.seed), options.count)
        print("%d messages, %d failures, %.0f s" % (
            attack.sent, len(attack.failures), time.monotonic() - began))
        return 1 if attack.failures else 0
    finally:
        server.stop()
        shutil.rmtree(directory)


def run_all(attack, rng, count):
    attack.known()
    attack.truncated()
    attack.counted()
    attack.flagged()
    attack.names()
    attack.mutated(rng, count)
    attack.noise(rng, 300)
    attack.streams(rng)


if __name__ == "__main__":
    sys.exit(main())
