#!/usr/bin/python3
"""Frames from a file through the DPDK back end into a file, compared byte for byte.

What must come out is computed (frames.py) from what the back end with plain sockets answers. Then a
million frames and more, the same ones over and over: when the data plane has been told to end, it
has counted all of them and every buffer is back.
"""

import os
import random
import struct
import sys
import tempfile

import backends
import frames
import over_back_ends
from backends import CLIENT4, CLIENT6, SERVER4, SERVER6
from checks import SKIP, Failure, Skipped, check, say, until

SAMPLE = 1500          # queries of the corpus
MILLION = 1_200_000
SERVER_MAC, CLIENT_MAC = bytes.fromhex("020000770001"), bytes.fromhex("020000770002")


class Pcap(backends.Kind):
    """A port whose frames come out of a file. Nothing else is joined to it."""
    name = "dpdk-pcap"
    is_veth = False
    arguments = ""     # those of the port, set by whoever makes it

    def settings(self):
        return ('  io: dpdk\ndpdk:\n  eal: "%s --vdev=net_pcap0,%s"\n  idle: sleep\n'
                '  exception: none' % (backends.EAL, self.arguments))

    def after(self):
        pass


# ---- files ----

def write_pcap(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, packet in enumerate(packets):
            file.write(struct.pack("!IIII", number, 0, len(packet), len(packet)) + packet)


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    check(len(data) >= 24, "there is nothing in " + path)
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    found, at = [], 24
    while at < len(data):
        kept, length = struct.unpack_from(order + "II", data, at + 8)
        check(kept == length, "a frame was cut")
        found.append(data[at + 16:at + 16 + kept])
        at += 16 + kept
    return found


# ---- frames ----

def frame_of(number, wire):
    """A query's frame, one of many forms."""
    chance = random.Random(number)
    tags = chance.choice([(), (), ((frames.CTAG, 7),), ((frames.STAG, 9), (frames.CTAG, 4095))])
    sport, summed = chance.randrange(1, 65536), True
    if number % 2:
        ends = frames.packed(CLIENT6), frames.packed(SERVER6)
        packet = frames.ipv6(frames.udp(wire, *ends, sport), *ends, flow=chance.getrandbits(20))
    else:
        ends = frames.packed(CLIENT4), frames.packed(SERVER4)
        summed = chance.random() < 0.9
        packet = frames.ipv4(frames.udp(wire, *ends, sport, summed=summed), *ends,
                             ident=chance.getrandbits(16), ttl=chance.randrange(1, 256))
    kind = frames.IPV6 if number % 2 else frames.IPV4
    frame = frames.ethernet(SERVER_MAC, CLIENT_MAC, kind, packet, tags)
    return frame.ljust(frames.MIN, b"\0") if chance.random() < 0.5 else frame


def junk(number, frame):
    """What must not be answered, made of a query's frame."""
    chance = random.Random(number)
    at = frames.link_length(frame)
    kind = chance.randrange(5)
    if kind == 0:
        return chance.randbytes(chance.randrange(14, 1514))
    if kind == 1:                                   # the payload ends too early
        return frame[:chance.randrange(14, at + 28)]
    if kind == 2:                                   # a wrong sum, in either header
        place = at + (24 if number % 2 == 0 else 30)
        return frame[:place] + bytes([frame[place] ^ 0x10]) + frame[place + 1:]
    if kind == 3:                                   # another protocol
        return frame[:at - 2] + struct.pack("!H", 0x88CC) + frame[at:]
    return b"\xff" * 6 + frame[6:]                  # to everybody


def is_in_turn(wire, handed_over):
    """Whether the worker answers it: what the control plane answers may go out after what came later."""
    return wire[2:] not in handed_over and wire[2] >> 3 & 15 not in (4, 5)


def make_frames(corpus, answers):
    """(frame that comes, frame that must go or None) for each."""
    chance = random.Random(1)
    made = []
    handed_over = {wire[2:] for wire in over_back_ends.punted_messages("example.com.")}
    # What a server makes of a cookie is its secret.
    known = [i for i, wire in enumerate(corpus[1])
             if b"clientck" not in wire and is_in_turn(wire, handed_over)]
    for number in chance.sample(known, SAMPLE):
        address = SERVER6 if number % 2 else SERVER4
        ident = struct.pack("!H", chance.getrandbits(16))
        frame = frame_of(number, ident + corpus[1][number][2:])
        answer = answers[address][number]
        made.append((frame, answer and frames.reply_to(frame, ident + answer)))
        if chance.random() < 0.3:
            made.append((junk(number, frame), None))
    return made


# ---- the cases ----

def start(server):
    """The data plane looks at its file at once, so the zones have to be there first."""
    server.start_control()
    until("the zones are loaded", lambda: server.status()["zones"]["served"] > 0)
    server.start_dataplane()


def every_frame_is_right(corpus, made, directory):
    due = [reply for _, reply in made if reply]
    Pcap.arguments = "rx_pcap=%s/in.pcap,tx_pcap=%s/out.pcap" % (directory, directory)
    write_pcap(os.path.join(directory, "in.pcap"), [frame for frame, _ in made])
    with backends.Server(Pcap, corpus[0]) as server:
        start(server)
        until("all have been looked at", lambda: handled(server) == len(made))
        stop(server)
        gone = read_pcap(os.path.join(directory, "out.pcap"))
        for number, (got, wanted) in enumerate(zip(gone, due)):
            check(got == wanted, "frame %d: wanted %s\n   got %s" % (
                number, wanted.hex(), got.hex()))
        check(len(gone) == len(due), "%d frames, not %d" % (len(gone), len(due)))
    say("%d frames came, %d went, all right" % (len(made), len(gone)))


def a_million_leave_nothing_behind(corpus, made, directory):
    few = made[:300]
    Pcap.arguments = "rx_pcap=%s/few.pcap,infinite_rx=1" % directory
    write_pcap(os.path.join(directory, "few.pcap"), [frame for frame, _ in few])
    with backends.Server(Pcap, corpus[0]) as server:
        start(server)
        until("a million frames", lambda: handled(server) >= MILLION, 60)
        counters = server.counters()
        stop(server)
        share = counters["responses"] / handled_in(counters)
        wanted = sum(reply is not None for _, reply in few) / len(few)
        check(abs(share - wanted) < 0.01,
              "%.3f of the frames are answered, not %.3f" % (share, wanted))
    say("%d frames, %d responses, no buffer lost" % (handled_in(counters), counters["responses"]))


def stop(server):
    check(server.stop_dataplane() == 0, "the data plane's status is not 0")
    check("were lost" not in server.log(), "buffers were lost")


def handled(server):
    """Frames that were looked at."""
    return handled_in(server.counters())


def handled_in(counters):
    return sum(counters[n] for n in ("queries", "dropped_checksum", "dropped_malformed",
                                     "dropped_source", "to_kernel", "dropped_to_kernel"))


def main():
    with tempfile.TemporaryDirectory(prefix="anser-pcap-") as directory:
        try:
            backends.needs()
            corpus = over_back_ends.make_corpus(directory)
            with backends.opened("udp", corpus[0]) as server:
                answers = {a: over_back_ends.ask_all(server, a, corpus[1])
                           for a in (SERVER4, SERVER6)}
            made = make_frames(corpus, answers)
            every_frame_is_right(corpus, made, directory)
            a_million_leave_nothing_behind(corpus, made, directory)
        except Skipped as reason:
            say("skipped: %s" % reason)
            return SKIP
        except Failure as failure:
            say("FAILED: %s" % failure)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
