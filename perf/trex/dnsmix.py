"""DNS queries for TRex's stateless mode: a mix is a list of parts, a part a kind of name.

A part's name is made of labels in which some octets vary: digits, letters, or nothing at all. The
field engine writes those octets anew for every packet, together with DNS id, source port and the
last two octets of the source address; the card or TRex computes the checksums. What cannot vary
octet by octet, such as the length of a name, is a part of its own, and so is each combination of
DO or not, IPv4 or IPv6.

Rates are shares of 1000: choose the real one with start's -m.
"""
import argparse
import struct

from trex.stl.api import *  # scapy's layers, too

DIGIT = (0x30, 0x39)
DIGIT_FROM_1 = (0x31, 0x39)
LETTER = (0x61, 0x7a)
TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "AAAA": 28, "DS": 43, "HTTPS": 65}
HEADER = 12
EDNS_SIZE = 1232


class Part:
    """labels: each a list of an octet's (least, most) or a fixed character. share: of the mix."""

    def __init__(self, share, labels, rrtype="A"):
        self.share = share
        self.labels = labels
        self.rrtype = rrtype

    def wire(self):
        """The name, and where in it which octets vary."""
        name, varying = b"", []
        for label in self.labels:
            name += bytes([len(label)])
            for octet in label:
                if isinstance(octet, tuple):
                    varying.append((len(name), octet))
                    octet = chr(octet[0])
                name += octet.encode()
        return name + b"\0", varying

    def query(self, dnssec_ok):
        """The message, and where in it which octets vary."""
        name, varying = self.wire()
        opt = struct.pack(">BHHIH", 0, 41, EDNS_SIZE, 0x8000 if dnssec_ok else 0, 0)
        message = struct.pack(">6H", 0, 0, 1, 0, 0, 1) + name + \
            struct.pack(">2H", TYPES[self.rrtype], 1) + opt
        return message, [(HEADER + at, octet) for at, octet in varying]


def fixed(name):
    """Labels of a name in which nothing varies."""
    return [list(label) for label in name.split(".") if label]


def variable(name, at, octet, size, instructions):
    least, most = octet
    instructions.append(STLVmFlowVar(name=name, min_value=least, max_value=most, size=size,
                                     op="random"))
    instructions.append(STLVmWrFlowVar(fv_name=name, pkt_offset=at))


def stream(part, rate, dnssec_ok, ipv6, args):
    """One stream of a part."""
    message, varying = part.query(dnssec_ok)
    ethernet = Ether(dst=args.dst_mac) if args.dst_mac else Ether()
    if ipv6:
        layers, ip, size = ethernet / IPv6(src=args.src6, dst=args.dst6), "IPv6", 40
    else:
        layers, ip, size = ethernet / IP(src=args.src, dst=args.dst), "IP", 20
    udp = 14 + size
    dns = udp + 8
    instructions = []
    # The last two octets of the source, a block of 65536 addresses.
    variable("source", udp - 18 if ipv6 else udp - 6, (0, 0xffff), 2, instructions)
    variable("port", udp, (1024, 65535), 2, instructions)
    variable("id", dns, (0, 0xffff), 2, instructions)
    for number, (at, octet) in enumerate(varying):
        variable(f"octet{number}", dns + at, octet, 1, instructions)
    instructions.append(STLVmFixChecksumHw(l3_offset=ip, l4_offset="UDP",
                                           l4_type=CTRexVmInsFixHwCs.L4_TYPE_UDP))
    packet = layers / UDP(sport=1024, dport=args.port) / message
    return STLStream(packet=STLPktBuilder(pkt=packet, vm=STLScVmRaw(instructions)),
                     mode=STLTXCont(pps=rate))


class Mix:
    """A profile. Subclasses give add_options() and parts()."""

    def add_options(self, parser):
        pass

    def parts(self, args):
        raise NotImplementedError

    def arguments(self, tunables):
        parser = argparse.ArgumentParser(description=self.__doc__)
        parser.add_argument("--src", default="10.1.0.0", help="first of 65536 addresses")
        parser.add_argument("--dst", default="10.0.0.2")
        parser.add_argument("--src6", default="fd01::", help="first of 65536 addresses")
        parser.add_argument("--dst6", default="fd00::2")
        parser.add_argument("--dst-mac", help="unless TRex has resolved it")
        parser.add_argument("--port", type=int, default=53)
        parser.add_argument("--do", type=float, default=70, help="percent with DO")
        parser.add_argument("--ipv6", type=float, default=0, help="percent over IPv6")
        self.add_options(parser)
        return parser.parse_args(list(tunables))

    def get_streams(self, direction=0, tunables=(), **_):
        args = self.arguments(tunables)
        parts = self.parts(args)
        total = sum(part.share for part in parts)
        streams = []
        for part in parts:
            for dnssec_ok, share_do in ((True, args.do), (False, 100 - args.do)):
                for ipv6, share_6 in ((True, args.ipv6), (False, 100 - args.ipv6)):
                    rate = 1000 * part.share / total * share_do / 100 * share_6 / 100
                    if rate > 0:
                        streams.append(stream(part, rate, dnssec_ok, ipv6, args))
        return streams
