"""Messages as far as measuring takes them: what they have in common, octet by octet."""
import struct

TYPE_A, TYPE_SOA, TYPE_TSIG, TYPE_IXFR = 1, 6, 250, 251
CLASS_IN, CLASS_ANY = 1, 255
FLAG_QR = 0x8000
FLAG_AA = 0x0400
OPCODE_NOTIFY, OPCODE_UPDATE = 4 << 11, 5 << 11


def name(text):
    labels = [l for l in text.split(".") if l]
    return b"".join(bytes([len(l)]) + l.encode() for l in labels) + b"\0"


def header(number, flags, *counts):
    """counts: of the four sections; those that are not given are empty."""
    return struct.pack("!6H", number & 0xffff, flags, *(counts + (0,) * (4 - len(counts))))


def question(owner, rrtype):
    return name(owner) + struct.pack("!2H", rrtype, CLASS_IN)


def record(owner, rrtype, ttl, rdata, rrclass=CLASS_IN):
    return name(owner) + struct.pack("!HHIH", rrtype, rrclass, ttl, len(rdata)) + rdata


def query(owner, rrtype):
    return header(4711, 0, 1) + question(owner, rrtype)


def question_type(message):
    """Of a message with one question."""
    return struct.unpack_from("!H", message, message.index(b"\0", 12) + 1)[0]


def flags(message):
    return int.from_bytes(message[2:4], "big")


def rcode(message):
    return message[3] & 15
