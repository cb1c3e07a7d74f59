#!/usr/bin/python3
"""Loads the profiles with a stand-in for TRex's API, does what its field engine would do, and looks
at the packets."""
import collections
import importlib
import os
import random
import re
import sys
import types

import dns.flags
import dns.message
import dns.rdatatype

PACKETS = 3000


class Bytes:
    """A layer: so many octets, and what was said of it."""
    size = 0

    def __init__(self, **fields):
        self.octets = bytes(self.size)
        self.fields = {type(self).__name__: fields}

    def __truediv__(self, other):
        whole = Bytes()
        if isinstance(other, bytes):
            whole.octets, whole.fields = self.octets + other, self.fields
        else:
            whole.octets, whole.fields = self.octets + other.octets, {**self.fields, **other.fields}
        return whole


class Said:
    def __init__(self, *args, **fields):
        self.args = args
        self.__dict__.update(fields)


def stand_in():
    api = types.ModuleType("trex.stl.api")
    for name, size in (("Ether", 14), ("IP", 20), ("IPv6", 40), ("UDP", 8)):
        setattr(api, name, type(name, (Bytes,), {"size": size}))
    for name in ("STLVmFlowVar", "STLVmWrFlowVar", "STLVmFixChecksumHw", "STLScVmRaw",
                 "STLPktBuilder", "STLStream", "STLTXCont"):
        setattr(api, name, type(name, (Said,), {}))
    api.CTRexVmInsFixHwCs = types.SimpleNamespace(L4_TYPE_UDP=11)
    for name in ("trex", "trex.stl"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["trex.stl.api"] = api


def packet(stream):
    """One packet as the field engine would make it. Gives its octets and where DNS begins."""
    octets = bytearray(stream.packet.pkt.octets)
    values, written = {}, set()
    *instructions, last = stream.packet.vm.args[0]
    assert type(last).__name__ == "STLVmFixChecksumHw" and last.l4_offset == "UDP"
    for i in instructions:
        if type(i).__name__ == "STLVmFlowVar":
            assert i.size in (1, 2) and 0 <= i.min_value <= i.max_value < 256 ** i.size
            assert i.name not in values and i.op == "random"
            values[i.name] = random.randint(i.min_value, i.max_value).to_bytes(i.size, "big")
        else:
            value = values[i.fv_name]
            where = set(range(i.pkt_offset, i.pkt_offset + len(value)))
            assert not where & written and max(where) < len(octets)
            written |= where
            octets[i.pkt_offset:i.pkt_offset + len(value)] = value
    ipv6 = "IPv6" in stream.packet.pkt.fields
    assert last.l3_offset == ("IPv6" if ipv6 else "IP")
    udp = 14 + (40 if ipv6 else 20)
    # Source address's last octets, source port, DNS id.
    source = udp - 18 if ipv6 else udp - 6
    assert {source, source + 1, udp, udp + 1, udp + 8, udp + 9} <= written
    assert min(written) == source, "nothing before the source address varies"
    return bytes(octets), udp + 8, ipv6


def sample(profile, tunables):
    """Counts of what random packets of a profile are, as shares; and its names."""
    streams = profile.get_streams(direction=0, tunables=tunables)
    rates = [s.mode.pps for s in streams]
    assert abs(sum(rates) - 1000) < 1e-6
    shares, names = collections.Counter(), set()
    for stream in random.choices(streams, rates, k=PACKETS):
        octets, at, ipv6 = packet(stream)
        query = dns.message.from_wire(octets[at:])
        assert query.opcode() == 0 and not query.flags & dns.flags.QR and query.edns == 0
        assert query.payload == 1232 and len(query.question) == 1
        question = query.question[0]
        shares["ipv6"] += 1 / PACKETS * ipv6
        shares["do"] += 1 / PACKETS * bool(query.ednsflags & dns.flags.DO)
        shares[dns.rdatatype.to_text(question.rdtype)] += 1 / PACKETS
        names.add(question.name.to_text())
    return shares, names


def share_of(names, pattern):
    return sum(bool(re.fullmatch(pattern, n)) for n in names)


def near(got, wanted):
    assert abs(got - wanted) < 0.05, (got, wanted)


def test_root(profile):
    shares, names = sample(profile, ["--do", "65", "--ipv6", "40"])
    near(shares["do"], 0.65)
    near(shares["ipv6"], 0.4)
    assert share_of(names, r"[a-z]{7,13}\.") > 0.4 * PACKETS
    assert share_of(names, r"[a-z]{8}\.(com|net|org|de|uk|fr|nl|jp|io|arpa)\.") > 0.3 * PACKETS
    assert {"com.", "arpa."} <= names
    near(shares["DS"], 0.05)
    assert sample(profile, ["--nxdomain", "100"])[0]["NS"] == 0


def test_tld(profile):
    shares, names = sample(profile, ["--origin", "example.", "--digits", "4"])
    near(shares["do"], 0.7)
    assert shares["ipv6"] == 0
    assert share_of(names, r"(www\.)?d000\d{4}\.example\.") + \
        share_of(names, r"[a-z]{6,14}\.example\.") == len(names)
    assert share_of(names, r"[a-z]{6,14}\.example\.") > 0.25 * PACKETS
    near(shares["NS"], 0.07)


def test_hosting(profile):
    shares, names = sample(profile, ["--ipv6", "100", "--do", "0", "--nxdomain", "0"])
    assert shares["ipv6"] > 0.999 and shares["do"] == 0
    assert share_of(names, r"h00\d{5}\.example\.com\.") == len(names)
    near(shares["AAAA"], 0.25)
    # A decade of names is asked about as often as the next: few names, many queries.
    assert share_of(names, r"h000000[1-9]\.example\.com\.") == 9
    assert share_of(names, r"h00[1-9]\d{4}\.example\.com\.") < 0.3 * PACKETS


def test_random_subdomain(profile):
    _, names = sample(profile, ["--origin", "a.b."])
    assert share_of(names, r"([a-z]{5,24}|[a-z]{6}\.[a-z]{6})\.a\.b\.") == len(names)
    assert len(names) > 0.99 * PACKETS and len({len(n) for n in names}) == 6


def main():
    random.seed(4711)
    stand_in()
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    for name in ("root", "tld", "hosting", "random_subdomain"):
        module = importlib.import_module(name)
        globals()[f"test_{name}"](module.register())
        print(f"{name}: as it should be")


if __name__ == "__main__":
    main()
