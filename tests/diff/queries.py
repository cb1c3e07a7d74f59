"""What is asked: for every zone the names that exist, all the ways not to exist, and odd messages."""

import binascii
import struct

import message
from message import TYPES

EXTRA_TYPES = [TYPES[name] for name in (
    "A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DNAME", "DS", "DNSKEY", "NSEC", "NSEC3",
    "NSEC3PARAM", "RRSIG", "ANY", "SRV", "HINFO", "SVCB", "CDS", "TLSA")] + [65280, 65399]
ABSENT_TYPES = [TYPES[name] for name in ("A", "DS", "CNAME", "NS", "TXT", "SOA", "MX", "ANY",
                                          "DNAME", "NSEC", "RRSIG")]
PLAIN_TYPES = [TYPES[name] for name in ("A", "DS", "TXT", "CNAME", "NS", "ANY")]

RD, CD, AD, Z = 0x0100, 0x0010, 0x0020, 0x0040


class Query:
    """One question and the message that carries it."""

    __slots__ = ("zone", "name", "qtype", "do", "edns", "flags", "kind", "qclass")

    def __init__(self, zone, name, qtype, kind, do=True, edns=True, flags=0, qclass=1):
        self.zone = zone
        self.name = name
        self.qtype = qtype
        self.kind = kind
        self.do = do and edns
        self.edns = edns
        self.flags = flags
        self.qclass = qclass

    def wire(self, size=4096):
        edns = message.opt_record(size, self.do) if self.edns else None
        return message.build_query(self.name, self.qtype, self.qclass, self.flags, edns)

    def key(self):
        return b"%s/%d/%d/%d/%d" % (self.name, self.qtype, self.do, self.flags, self.edns)

    def text(self):
        marks = [mark for mark, on in (("do", self.do), ("edns", self.edns),
                                       ("rd", self.flags & RD), ("cd", self.flags & CD),
                                       ("ad", self.flags & AD)) if on]
        return "%s %s [%s]" % (message.name_text(self.name), message.type_text(self.qtype),
                               " ".join(marks))


def flip_case(wire):
    """Every other letter in the other case, as 0x20 mixing does."""
    out = bytearray(wire)
    for i in range(0, len(out), 2):
        if 0x41 <= out[i] <= 0x5A or 0x61 <= out[i] <= 0x7A:
            out[i] ^= 0x20
    return bytes(out)


def ancestors(labels, apex_count):
    return [labels[i:] for i in range(1, len(labels) - apex_count + 1)]


def existing_names(zone):
    """Owners and the empty non-terminals above them, in wire form, each with its types."""
    apex_count = len(message.wire_labels(zone.wire))
    types = {}
    for owner, rrtype in zone.records:
        types.setdefault(message.lower(owner), set()).add(rrtype)
        for above in ancestors(message.wire_labels(message.lower(owner)), apex_count):
            types.setdefault(message.labels_wire(above), set())
    return types


def neighbours(labels):
    """Names beside and below a name, most of which do not exist; (kind, labels)."""
    first, rest = labels[0], labels[1:]
    yield "below", [b"nx"] + labels
    yield "far-below", [b"a", b"b", b"nx"] + labels
    yield "star-below", [b"*"] + labels
    yield "below-star", [b"x", b"*"] + labels
    yield "after", [first + b"\0"] + rest
    yield "after-sibling", [first + b"~"] + rest
    yield "before", [first[:-1] + bytes([(first[-1] - 1) % 256])] + rest
    if len(first) > 1:
        yield "prefix", [first[:-1]] + rest
    yield "low-sibling", [b"\0"] + rest
    yield "bang-sibling", [b"!x"] + rest
    yield "star-sibling", [b"*"] + rest
    yield "high-sibling", [b"\xff\xff"] + rest
    yield "long-below", [b"q" * 63] + labels
    yield "longest-below", longest_below(labels)


def longest_below(labels):
    """A name of 255 octets below another: what a DNAME above it makes too long."""
    left = 255 - len(message.labels_wire(labels))
    out = []
    while left > 1:
        take = min(left, 64)
        if left - take == 1:
            take -= 1
        out.append(b"z" * (take - 1))
        left -= take
    return out + labels


def fits(labels):
    return (len(message.labels_wire(labels)) <= 255
            and all(1 <= len(label) <= 63 for label in labels))


def absent_names(zone, existing):
    """(name, kind) of names derived from the zone's own that are not owners in it."""
    apex = message.wire_labels(zone.wire)
    found = {}
    for owner in existing:
        labels = message.wire_labels(owner)
        for kind, derived in neighbours(labels) if labels else ():
            wire = message.labels_wire(derived)
            inside = message.is_at_or_below(derived, apex)
            if inside and fits(derived) and wire.lower() not in existing:
                found.setdefault(wire.lower(), (wire, kind))
    return list(found.values())


def zone_queries(zone):
    """Every query for one zone."""
    existing = existing_names(zone)
    zone_types = {rrtype for types in existing.values() for rrtype in types}
    every = sorted(zone_types | set(EXTRA_TYPES))
    for owner, types in existing.items():
        kind = "owner" if types else "ent"
        for qtype in every:
            yield Query(zone, owner, qtype, kind if qtype in types else kind + "-notype")
        for qtype in sorted(types | set(PLAIN_TYPES)):
            mark = kind if qtype in types else kind + "-notype"
            yield Query(zone, owner, qtype, mark, edns=False)
            yield Query(zone, owner, qtype, mark, do=False, flags=RD)
        yield Query(zone, flip_case(owner), 1, "case", flags=RD | CD)
        yield Query(zone, flip_case(owner), TYPES["ANY"], "case", do=False, flags=AD)
    for name, kind in absent_names(zone, existing):
        for qtype in ABSENT_TYPES:
            yield Query(zone, name, qtype, kind)
        for qtype in (1, TYPES["DS"], TYPES["CNAME"], TYPES["ANY"]):
            yield Query(zone, name, qtype, kind, edns=False)
        yield Query(zone, flip_case(name), 1, kind, flags=CD | AD | RD)


def outside_queries():
    """Names in none of the zones."""
    for name in (".", "test.", "com.", "elsewhere.invalid.", "a.b.c.example.", "rnd.",
                 "in-addr.arpa.", "0.192.in-addr.arpa.", "xplain.test.", "x.test.",
                 "apex.test.", "detached.invalid."):
        for qtype in ("A", "NS", "SOA", "DS", "ANY", "DNSKEY"):
            for do in (False, True):
                yield Query(None, message.name_wire(name), TYPES[qtype], "outside", do=do,
                            edns=do)


def class_queries(zone):
    for qclass in (0, 2, 3, 4, 254, 255, 65535):
        for qtype in ("A", "SOA", "ANY"):
            yield Query(zone, zone.wire, TYPES[qtype], "class%d" % qclass, qclass=qclass)


def keep(query, share, salt):
    """Whether a sample of this share holds the query; the same one in every run."""
    return binascii.crc32(query.key(), salt) % 1000 < share * 1000


def odd_messages(zone):
    """(what, octets) of messages that are not ordinary queries. The ID is set when sending."""
    name, other = zone.wire, message.name_wire("www." + zone.origin)
    question = name + struct.pack("!HH", 6, 1)
    opt = message.opt_record(1232)

    def header(flags=0, qd=1, an=0, ns=0, ar=0):
        return struct.pack("!6H", 0, flags, qd, an, ns, ar)

    for opcode in (1, 2, 3, 6, 7, 15):
        yield "opcode %d" % opcode, header(opcode << 11) + question
        yield "opcode %d with OPT" % opcode, header(opcode << 11, ar=1) + question + opt
        yield "opcode %d without question" % opcode, header(opcode << 11, qd=0)
    yield "no question", header(qd=0)
    yield "no question with OPT", header(qd=0, ar=1) + opt
    yield "two questions", header(qd=2) + question + other + struct.pack("!HH", 1, 1)
    yield "the same question twice", header(qd=2) + question + question
    yield "question count 65535", header(qd=65535) + question
    yield "EDNS version 1", header(ar=1) + question + message.opt_record(version=1)
    yield "EDNS version 255", header(ar=1) + question + message.opt_record(version=255, do=True)
    yield "EDNS version 1, unknown zone", header(ar=1) + message.name_wire("x.invalid.") + (
        struct.pack("!HH", 1, 1) + message.opt_record(version=1))
    yield "two OPT", header(ar=2) + question + opt + opt
    yield "OPT owner not the root", header(ar=1) + question + b"\1a" + opt
    yield "OPT owner a pointer", header(ar=1) + question + b"\xc0\x0c" + opt[1:]
    yield "OPT in answer", header(an=1) + question + opt
    yield "OPT in authority", header(ns=1) + question + opt
    yield "OPT rdlength past the end", header(ar=1) + question + opt[:-2] + b"\0\x09"
    yield "option header cut", header(ar=1) + question + message.opt_record(options=b"\0\x0a\0")
    yield "option length past the end", header(ar=1) + question + message.opt_record(
        options=b"\0\x0a\0\x09\1\2")
    yield "unknown option", header(ar=1) + question + message.opt_record(
        options=struct.pack("!HH4s", 65001, 4, b"abcd"))
    yield "cookie of 7 octets", header(ar=1) + question + message.opt_record(
        options=struct.pack("!HH7s", 10, 7, b"abcdefg"))
    yield "cookie of 12 octets", header(ar=1) + question + message.opt_record(
        options=struct.pack("!HH12s", 10, 12, b"abcdefghijkl"))
    yield "cookie of 41 octets", header(ar=1) + question + message.opt_record(
        options=struct.pack("!HH41s", 10, 41, b"a" * 41))
    yield "EDNS reserved flags", header(ar=1) + question + message.opt_record(z=0x7FFF)
    yield "EDNS size 0", header(ar=1) + question + message.opt_record(size=0)
    yield "EDNS size 65535", header(ar=1) + question + message.opt_record(size=65535)
    yield "extended rcode in query", header(ar=1) + question + message.opt_record(ext_rcode=7)
    yield "one octet after the question", header() + question + b"\0"
    yield "garbage after the question", header() + question + b"garbage!" * 8
    yield "garbage after OPT", header(ar=1) + question + opt + b"x"
    yield "answer record in query", header(an=1) + question + (
        b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 0, 4, b"\1\2\3\4"))
    yield "authority record in query", header(ns=1) + question + (
        b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 0, 4, b"\1\2\3\4"))
    yield "A record in additional", header(ar=1) + question + (
        b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 0, 4, b"\1\2\3\4"))
    yield "counts without records", header(an=1, ns=1, ar=1) + question
    yield "additional count 1 without a record", header(ar=1) + question
    yield "pointer in question to itself", header() + b"\xc0\x0c" + struct.pack("!HH", 6, 1)
    yield "pointer in question forwards", header() + b"\xc0\x12" + struct.pack("!HH", 6, 1) + name
    yield "pointer in question to the header", header() + b"\1a\xc0\0" + struct.pack("!HH", 6, 1)
    yield "pointer loop in question", header() + b"\1a\xc0\x0c" + struct.pack("!HH", 6, 1)
    yield "label type 0x40", header() + b"\x41a\0" + struct.pack("!HH", 6, 1)
    yield "label type 0x80", header() + b"\x81a\0" + struct.pack("!HH", 6, 1)
    yield "name of 256 octets", header() + b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 2 + (
        b"\x3e" + b"c" * 62 + b"\0" + struct.pack("!HH", 6, 1))
    yield "name without end", header() + b"\3www"
    yield "QR set", header(0x8000) + question
    yield "AA, TC and RA set in query", header(0x0680) + question
    yield "Z set in query", header(0x0040) + question
    yield "rcode in query", header(0x000F) + question
    for qtype in ("TKEY", "TSIG", "IXFR", "AXFR", "MAILB", "MAILA", "OPT"):
        yield "qtype %s" % qtype, header() + name + struct.pack("!HH", TYPES[qtype], 1)
    for qtype in (0, 65535, 128, 247):
        yield "qtype %d" % qtype, header() + name + struct.pack("!HH", qtype, 1)
    for qclass in (0, 2, 4, 254, 255, 65535):
        yield "qclass %d" % qclass, header() + name + struct.pack("!HH", 6, qclass)
    for size in (12, 13, 16, len(header() + question) - 1):
        yield "cut to %d octets" % size, (header() + question)[:size]
    yield "root name only", header() + b"\0" + struct.pack("!HH", 2, 1)
