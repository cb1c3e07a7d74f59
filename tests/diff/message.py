"""DNS messages as plain tuples: building queries, taking responses apart, canonical forms.

Reads wire format itself, strictly, because a tolerant parser would hide the very mistakes that
these tests look for: compression where RFC 3597 section 4 forbids it, counts that do not match,
octets left over.
"""

import struct

TYPES = {
    "A": 1, "NS": 2, "MD": 3, "CNAME": 5, "SOA": 6, "MB": 7, "NULL": 10, "WKS": 11, "PTR": 12,
    "HINFO": 13, "MINFO": 14, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18, "RT": 21, "SIG": 24,
    "KEY": 25, "PX": 26, "AAAA": 28, "LOC": 29, "NXT": 30, "SRV": 33, "NAPTR": 35, "KX": 36,
    "CERT": 37, "DNAME": 39, "OPT": 41, "APL": 42, "DS": 43, "SSHFP": 44, "IPSECKEY": 45,
    "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "DHCID": 49, "NSEC3": 50, "NSEC3PARAM": 51,
    "TLSA": 52, "SMIMEA": 53, "HIP": 55, "CDS": 59, "CDNSKEY": 60, "OPENPGPKEY": 61,
    "CSYNC": 62, "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "SPF": 99, "NID": 104, "L32": 105,
    "L64": 106, "LP": 107, "EUI48": 108, "EUI64": 109, "TKEY": 249, "TSIG": 250, "IXFR": 251,
    "AXFR": 252, "MAILB": 253, "MAILA": 254, "ANY": 255, "URI": 256, "CAA": 257,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
RCODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
    6: "YXDOMAIN", 7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS",
    23: "BADCOOKIE",
}

# Rdata layouts: digits are octets, s a character string, N a name that RFC 1035 lets a server
# compress, n a name that it must not (RFC 3597 section 4, RFC 4034 section 3.1.7, RFC 9460).
LAYOUTS = {
    2: "N", 3: "N", 4: "N", 5: "N", 6: "NN20", 7: "N", 8: "N", 9: "N", 12: "N", 14: "NN",
    15: "2N", 17: "nn", 18: "2n", 21: "2n", 26: "2nn", 33: "6n", 35: "4sssn", 36: "2n",
    39: "n", 46: "18n", 47: "n", 64: "2n", 65: "2n", 107: "2n",
}


class Malformed(Exception):
    """The octets are not a DNS message."""


def type_number(text):
    text = text.upper()
    return int(text[4:]) if text.startswith("TYPE") and text[4:].isdigit() else TYPES[text]


def type_text(number):
    return TYPE_NAMES.get(number, "TYPE%d" % number)


def rcode_text(number):
    return RCODES.get(number, "RCODE%d" % number)


def name_labels(text):
    """The labels of a name in presentation form; the final dot is understood."""
    labels, label, i = [], bytearray(), 0
    if text == ".":
        return []
    while i < len(text):
        c = text[i]
        if c == "\\" and text[i + 1].isdigit():
            label.append(int(text[i + 1 : i + 4]))
            i += 4
        elif c == "\\":
            label.append(ord(text[i + 1]))
            i += 2
        elif c == ".":
            labels.append(bytes(label))
            label = bytearray()
            i += 1
        else:
            label += c.encode("latin-1")
            i += 1
    if label:
        labels.append(bytes(label))
    return labels


def labels_wire(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_wire(text):
    return labels_wire(name_labels(text))


def wire_labels(wire):
    labels, i = [], 0
    while wire[i]:
        labels.append(wire[i + 1 : i + 1 + wire[i]])
        i += 1 + wire[i]
    return labels


def name_text(wire):
    """Presentation form of an uncompressed name."""
    out = []
    for label in wire_labels(wire):
        text = ""
        for octet in label:
            if octet in b'.;\\"()@$ ' or not 0x21 <= octet <= 0x7E:
                text += "\\%03d" % octet
            else:
                text += chr(octet)
        out.append(text)
    return ".".join(out) + "."


def lower(wire):
    """Label lengths are below 0x41, so that bytes.lower() touches letters only."""
    return wire.lower()


def is_subdomain(wire, of):
    return is_at_or_below(wire_labels(wire), wire_labels(of))


def is_at_or_below(labels, of):
    return len(labels) >= len(of) and (not of or labels[-len(of) :] == of)


def read_name(message, at):
    """An uncompressed copy of the name at an offset, the offset after it, whether it was compressed."""
    out, end, last, compressed = b"", None, at, False
    while True:
        if at >= len(message):
            raise Malformed("name runs past the end")
        length = message[at]
        if length >= 0xC0:
            if at + 1 >= len(message):
                raise Malformed("pointer runs past the end")
            target = (length & 0x3F) << 8 | message[at + 1]
            end = at + 2 if end is None else end
            if target >= last:
                raise Malformed("pointer does not point backwards")
            at = last = target
            compressed = True
        elif length > 63:
            raise Malformed("label type %#x" % length)
        else:
            out += message[at : at + 1 + length]
            at += 1 + length
            if len(out) > 255:
                raise Malformed("name longer than 255 octets")
            if length == 0:
                return out, at if end is None else end, compressed


def read_rdata(message, at, length, rrtype):
    """Rdata with its names uncompressed and in lower case."""
    layout = LAYOUTS.get(rrtype)
    if layout is None:
        return message[at : at + length]
    end, out, digits = at + length, b"", ""
    for letter in layout + ".":
        if letter.isdigit():
            digits += letter
            continue
        if digits:
            out += message[at : at + int(digits)]
            at += int(digits)
            digits = ""
        if letter == "s":
            out += message[at : at + 1 + message[at]]
            at += 1 + message[at]
        elif letter in "Nn":
            name, at, compressed = read_name(message, at)
            if compressed and letter == "n":
                raise Malformed("compressed name in %s rdata" % type_text(rrtype))
            out += lower(name)
    if at > end:
        raise Malformed("%s rdata too short" % type_text(rrtype))
    return out + message[at:end]


class Message:
    """A response taken apart. Records are tuples (owner, type, class, ttl, rdata), names folded."""

    __slots__ = ("id", "flags", "opcode", "rcode", "counts", "question", "sections", "opt",
                 "size", "additional_sizes")

    def __init__(self, wire):
        if len(wire) < 12:
            raise Malformed("shorter than a header")
        self.id, self.flags, *self.counts = struct.unpack("!6H", wire[:12])
        self.opcode = self.flags >> 11 & 15
        self.rcode = self.flags & 15
        self.size = len(wire)
        self.sections = []
        self.additional_sizes = []
        self.opt = None
        at = self._read_question(wire)
        for count in self.counts[1:]:
            records = []
            sizes = []
            for _ in range(count):
                start = at
                record, at = self._read_record(wire, at)
                if record[1] == 41:
                    self._take_opt(record)
                else:
                    records.append(record)
                    sizes.append(at - start)
            self.additional_sizes = sizes
            self.sections.append(records)
        if at != len(wire):
            raise Malformed("%d octets after the last record" % (len(wire) - at))

    def _read_question(self, wire):
        at, self.question = 12, b""
        for _ in range(self.counts[0]):
            _, at, _ = read_name(wire, at)
            at += 4
        if at > len(wire):
            raise Malformed("question runs past the end")
        self.question = wire[12:at]
        return at

    @staticmethod
    def _read_record(wire, at):
        owner, at, _ = read_name(wire, at)
        if at + 10 > len(wire):
            raise Malformed("record header runs past the end")
        rrtype, rrclass, ttl, length = struct.unpack("!HHIH", wire[at : at + 10])
        at += 10
        if at + length > len(wire):
            raise Malformed("rdata runs past the end")
        rdata = read_rdata(wire, at, length, rrtype)
        return (lower(owner), rrtype, rrclass, ttl, rdata), at + length

    def _take_opt(self, record):
        if self.opt is not None:
            raise Malformed("two OPT records")
        if record[0] != b"\0":
            raise Malformed("OPT owner is not the root")
        self.opt = record
        self.rcode |= record[3] >> 24 << 4

    @property
    def answer(self):
        return self.sections[0]

    @property
    def authority(self):
        return self.sections[1]

    @property
    def additional(self):
        return self.sections[2]

    @property
    def aa(self):
        return bool(self.flags & 0x0400)

    @property
    def tc(self):
        return bool(self.flags & 0x0200)


def edns_options(opt):
    """The options of an OPT record: a list of (code, data)."""
    options, rdata = [], opt[4]
    while rdata:
        if len(rdata) < 4:
            raise Malformed("option header runs past the end")
        code, length = struct.unpack("!HH", rdata[:4])
        if len(rdata) < 4 + length:
            raise Malformed("option runs past the end")
        options.append((code, rdata[4 : 4 + length]))
        rdata = rdata[4 + length :]
    return options


def opt_record(size=1232, do=False, version=0, options=b"", ext_rcode=0, z=0):
    ttl = ext_rcode << 24 | version << 16 | (0x8000 if do else 0) | z
    return b"\0" + struct.pack("!HHIH", 41, size, ttl, len(options)) + options


def build_query(name, qtype, qclass=1, flags=0, edns=None, ident=0):
    """A query for one name (wire form). edns: an OPT record's octets, or None."""
    header = struct.pack("!6H", ident, flags, 1, 0, 0, 0 if edns is None else 1)
    return header + name + struct.pack("!HH", qtype, qclass) + (edns or b"")


def record_text(record):
    owner, rrtype, rrclass, ttl, rdata = record
    return "%s %d %s %s" % (name_text(owner), ttl, type_text(rrtype), rdata_text(rrtype, rdata))


def rdata_text(rrtype, rdata):
    """Readable rdata for reports; falls back to hexadecimal."""
    import dns.rdata

    try:
        return dns.rdata.from_wire(1, rrtype, rdata, 0, len(rdata)).to_text()[:200]
    except Exception:
        return rdata.hex()[:120]
