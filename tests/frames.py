"""Ethernet frames with DNS queries in them, and the very frames that must come back.

Computed here from the RFCs alone, field by field, so that a reply is right when it is equal.
"""

import socket
import struct
import sys

IPV4, IPV6 = 0x0800, 0x86DD
CTAG, STAG = 0x8100, 0x88A8
MIN = 60
HOP_LIMIT = 64
PACKET_AUXDATA, SOL_PACKET, TP_STATUS_VLAN_VALID = 8, 263, 1 << 4


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def pseudo(source, target, length, protocol=17):
    if len(source) == 4:
        return source + target + struct.pack("!BBH", 0, protocol, length)
    return source + target + struct.pack("!II", length, protocol)


def udp(payload, source, target, sport=4000, dport=53, length=None, damage=0, summed=True):
    """source, target: packed addresses. damage: what is added to the checksum."""
    length = len(payload) + 8 if length is None else length
    header = struct.pack("!4H", sport, dport, length, 0)
    total = checksum(pseudo(source, target, length) + header + payload) or 0xFFFF
    return header[:6] + struct.pack("!H", total ^ damage if summed else 0) + payload


def ipv4(inner, source, target, ident=77, ttl=17, tos=0, options=b"", fragment=0, damage=0,
         longer=0, protocol=17):
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos,
                         20 + len(options) + len(inner) + longer, ident, fragment, ttl, protocol, 0)
    header += source + target + options
    return header[:10] + struct.pack("!H", checksum(header) ^ damage) + header[12:] + inner


def ipv6(inner, source, target, flow=0, hops=17, following=17, longer=0):
    return struct.pack("!IHBB", 6 << 28 | flow, len(inner) + longer, following, hops) + (
        source + target + inner)


def ethernet(target, source, ethertype, packet, tags=()):
    tag = b"".join(struct.pack("!HH", *t) for t in tags)
    return target + source + tag + struct.pack("!H", ethertype) + packet


def flow_label(client, port):
    """One for all replies to a client's socket."""
    low = int.from_bytes(client[8:], sys.byteorder)
    return ((low + port) * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 44


def link_length(frame):
    at = 14
    while frame[at - 2:at] in (b"\x81\0", b"\x88\xa8") and at < 22:
        at += 4
    return at


def reply_to(frame, answer):
    """The frame that answers a query's, byte for byte. answer: the DNS message."""
    at = link_length(frame)
    link = frame[6:12] + frame[:6] + frame[12:at]
    packet = frame[at:]
    if frame[at - 2:at] == b"\x08\x00":
        client, server = packet[12:16], packet[16:20]
        sport, dport = struct.unpack_from("!HH", packet, 20)
        inner = udp(answer, server, client, dport, sport)
        out = ipv4(inner, server, client, struct.unpack_from("!H", packet, 4)[0], HOP_LIMIT)
    else:
        client, server = packet[8:24], packet[24:40]
        sport, dport = struct.unpack_from("!HH", packet, 40)
        inner = udp(answer, server, client, dport, sport)
        out = ipv6(inner, server, client, flow_label(client, sport), HOP_LIMIT)
    return (link + out).ljust(MIN, b"\0")


def message_in(frame):
    """The DNS message in a frame from port 53, or None."""
    at = link_length(frame)
    ethertype, packet = frame[at - 2:at], frame[at:]
    if ethertype == b"\x08\x00" and packet[0:1] == b"\x45" and packet[9] == 17:
        start = 20
    elif ethertype == b"\x86\xdd" and packet[6] == 17:
        start = 40
    else:
        return None
    sport, _, length = struct.unpack_from("!HHH", packet, start)
    return packet[start + 8:start + length] if sport == 53 else None


class Wire:
    """A packet socket on an interface of a namespace; a tag that the kernel takes off is put back."""

    def __init__(self, namespace, device):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((device, 0))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def close(self):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, timeout):
        """The next frame that came in, or None."""
        self.socket.settimeout(max(timeout, 0.001))
        try:
            data, extra, _, origin = self.socket.recvmsg(65535, 256)
        except socket.timeout:
            return None
        if origin[2] == socket.PACKET_OUTGOING:
            return b""
        for level, kind, value in extra:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value)
                if status & TP_STATUS_VLAN_VALID:
                    data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data
