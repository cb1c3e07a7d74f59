#!/usr/bin/python3
"""The same updates (RFC 2136) to Anser, BIND and Knot: each case has a zone of its own on every server, and
what they answer and what becomes of the zone must be the same. Where one of the others does something
else, the case says so, and what it answers is checked as well.

    update.py [--others]        --others: only what the others do, which proves the cases
"""

import os
import socket
import sys
import time

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Anser, Bind, Key, Knot, Stage, Zone, same

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import Failure, check, passes, say

KEY = Key("update.key.")

TEXT = """@ 300 SOA ns.other. who.other. 7 3600 600 86400 60
@ 300 NS ns.other.
@ 300 TXT "apex"
www 300 A 192.0.2.1
www 300 A 192.0.2.2
www 300 AAAA 2001:db8::1
alias 300 CNAME www
old 300 DNAME other.
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.3
a.ent 300 TXT "x"
*.wild 300 TXT "x"
mail 300 MX 10 Mail.Other.
"""

# What it is, the steps in the words of add_step(), and who of the others does otherwise: {server: (rcode, in
# what)}; None: is not asked.
CASES = [
    # prerequisites, §2.4 and §3.2
    ("name in use", "name www / add n 60 A 192.0.2.9"),
    ("name not in use", "name nobody / add n 60 A 192.0.2.9"),
    ("empty non-terminal is not in use", "name ent / add n 60 A 192.0.2.9"),
    ("wildcard is no name in use", "name x.wild / add n 60 A 192.0.2.9"),
    ("wildcard is literal", "name *.wild / add n 60 A 192.0.2.9"),
    ("no such name", "no-name nobody / add n 60 A 192.0.2.9"),
    ("no such name, but there is", "no-name www / add n 60 A 192.0.2.9"),
    ("set there", "set www A / add n 60 A 192.0.2.9"),
    ("set not there", "set www TXT / add n 60 A 192.0.2.9"),
    ("no set", "no-set www TXT / add n 60 A 192.0.2.9"),
    ("no set, but there is", "no-set www A / add n 60 A 192.0.2.9"),
    ("set is", "is www A 192.0.2.2 / is www A 192.0.2.1 / add n 60 A 192.0.2.9"),
    ("set is part", "is www A 192.0.2.1 / add n 60 A 192.0.2.9"),
    ("set is more", "is www A 192.0.2.1 / is www A 192.0.2.2 / is www A 192.0.2.4"),
    ("set is other", "is www A 192.0.2.1 / is www A 192.0.2.4"),
    ("set is, in other case", "is mail MX 10 mail.OTHER."),
    ("two sets are", "is www A 192.0.2.1 / is www AAAA 2001:db8::1 / is www A 192.0.2.2 / drop www"),
    ("prerequisite elsewhere", "name other. / add n 60 A 192.0.2.9"),
    ("first that fails counts", "no-name www / set www TXT"),
    ("first that fails counts, 2", "set www TXT / no-name www"),
    ("only prerequisites", "name www"),
    ("nothing at all", ""),
    # additions, §3.4.2.2
    ("add", "add n 60 A 192.0.2.9"),
    ("add to a set", "add www 300 A 192.0.2.9"),
    ("add what is there", "add www 300 A 192.0.2.1"),
    ("add with another TTL", "add www 60 A 192.0.2.9"),
    ("add what is there with another TTL", "add www 60 A 192.0.2.1",
     {"knot": ("NOERROR", "keeps the TTL")}),
    ("add twice", "add n 60 A 192.0.2.9 / add n 60 A 192.0.2.9"),
    ("CNAME beside data", "add www 60 CNAME x"),
    ("data beside CNAME", "add alias 60 A 192.0.2.9"),
    ("another CNAME", "add alias 300 CNAME x"),
    ("data in place of CNAME", "drop alias CNAME / add alias 60 A 192.0.2.9"),
    ("data before CNAME goes", "add alias 60 A 192.0.2.9 / drop alias CNAME"),
    ("CNAME in place of data", "drop www / add www 60 CNAME x"),
    ("another DNAME", "add old 300 DNAME x", {"knot": None}),     # Knot 3.2 ends at an assertion
    ("CNAME at the apex", "add @ 60 CNAME x"),
    ("newer SOA", "add @ 300 SOA ns.other. other. 9 1 1 1 1"),
    ("older SOA", "add @ 300 SOA ns.other. other. 6 1 1 1 1"),
    ("same SOA serial", "add @ 300 SOA ns.other. other. 7 1 1 1 1"),
    ("SOA elsewhere", "add www 300 SOA ns.other. other. 9 1 1 1 1"),
    ("delegation", "add new 60 NS ns.new / add ns.new 60 A 192.0.2.9"),
    ("wildcard", "add *.new 60 TXT x"),
    ("unknown type", "add n 60 TYPE65280 \\# 2 0102"),
    ("add elsewhere", "add n.other. 60 A 192.0.2.9"),
    ("add here and elsewhere", "add n 60 A 192.0.2.9 / add n.other. 60 A 192.0.2.9"),
    # deletions, §3.4.2.3 and §3.4.2.4
    ("drop a record", "drop www A 192.0.2.1"),
    ("drop a record in other case", "drop mail MX 10 mail.OTHER."),
    ("drop a record that is not there", "drop www A 192.0.2.9"),
    ("drop all records", "drop www A 192.0.2.1 / drop www A 192.0.2.2"),
    ("drop a set", "drop www A"),
    ("drop a set that is not there", "drop www TXT"),
    ("drop a name", "drop www"),
    ("drop the name of a CNAME", "drop alias"),
    ("drop a name that is not there", "drop nobody"),
    ("drop elsewhere", "drop n.other."),
    ("drop the apex", "drop @"),
    ("drop the NS of the apex", "drop @ NS"),
    ("drop the SOA", "drop @ SOA"),
    ("drop the last NS", "drop @ NS ns.other."),
    ("another NS for the last", "add @ 300 NS a.other. / drop @ NS ns.other."),
    ("drop a delegation", "drop sub NS ns.sub"),
    ("drop and add", "drop www A / add www 60 A 192.0.2.9"),
    ("drop and add the same", "drop www A 192.0.2.1 / add www 300 A 192.0.2.1"),
    ("add and drop", "add n 60 A 192.0.2.9 / drop n"),
    # form
    ("class CH", "raw update www CH 0 A -"),
    ("prerequisite with TTL", "raw prereq www ANY 1 A -"),
    ("prerequisite of class CH", "raw prereq www CH 0 A -"),
    ("drop a set with TTL", "raw update www ANY 1 A -", {"knot": ("NOERROR", "does it")}),
    ("drop a record with TTL", "raw update www NONE 1 A 192.0.2.1"),
    ("add type ANY", "raw update www IN 1 ANY -"),
    ("drop a record of type ANY", "raw update www NONE 0 ANY -"),
    ("drop type AXFR", "raw update www ANY 0 AXFR -"),
]


def zone_name(number):
    return "c%d.example." % number


def rdata_of(update, rrtype, words):
    return dns.rdata.from_text(dns.rdataclass.IN, rrtype, " ".join(words), origin=update.origin,
                               relativize=False)


def add_raw(update, section, owner, rrclass, ttl, rrtype, *rdata):
    rrset = dns.rrset.from_rdata(dns.name.from_text(owner, update.origin), int(ttl),
                                 rdata_of(update, rrtype, rdata))
    rrset.deleting = dns.rdataclass.from_text(rrclass)
    {"prereq": update.prerequisite, "update": update.update}[section].append(rrset)


def add_step(update, words):
    verb, owner, rest = words[0], words[1], words[2:]
    if verb == "raw":
        add_raw(update, *words[1:])
    elif verb == "name":
        update.present(owner)
    elif verb == "no-name":
        update.absent(owner)
    elif verb == "set":
        update.present(owner, rest[0])
    elif verb == "no-set":
        update.absent(owner, rest[0])
    elif verb == "is":
        update.present(owner, rest[0], " ".join(rest[1:]))
    elif verb == "add":
        update.add(owner, int(rest[0]), rest[1], " ".join(rest[2:]))
    elif len(rest) > 1:
        update.delete(owner, rest[0], " ".join(rest[1:]))
    else:
        update.delete(owner, *rest)


def wire_of(zone, steps):
    """The message, signed. Records without RDATA but with a TTL, or of other classes, are written by hand."""
    update = dns.update.UpdateMessage(zone)
    raw = []
    for step in filter(None, steps.split(" / ")):
        words = step.split()
        if words[0] == "raw" and words[-1] == "-":
            raw.append(words)
        else:
            add_step(update, words)
    wire = bytearray(update.to_wire())
    for _, section, owner, rrclass, ttl, rrtype, _ in raw:
        at = 6 if section == "prereq" else 8
        wire[at:at + 2] = (int.from_bytes(wire[at:at + 2], "big") + 1).to_bytes(2, "big")
        wire += dns.name.from_text(owner, dns.name.from_text(zone)).to_wire()
        wire += dns.rdatatype.from_text(rrtype).to_bytes(2, "big")
        wire += dns.rdataclass.from_text(rrclass).to_bytes(2, "big")
        wire += int(ttl).to_bytes(4, "big") + b"\0\0"
    return update, bytes(wire)


def sign(update, wire):
    """Gives the message with a TSIG record, and its MAC."""
    update.use_tsig(**KEY.signing())
    key = update.keyring
    rdata, _ = dns.tsig.sign(wire, key, update.tsig[0], int(time.time()), b"")
    body = rdata.to_wire()
    count = int.from_bytes(wire[10:12], "big") + 1
    return (wire[:10] + count.to_bytes(2, "big") + wire[12:] + key.name.to_wire()
            + dns.rdatatype.TSIG.to_bytes(2, "big") + dns.rdataclass.ANY.to_bytes(2, "big") + bytes(4)
            + len(body).to_bytes(2, "big") + body), rdata.mac


def send(peer, zone, steps):
    """Gives the text of the answer's code."""
    update, wire = wire_of(zone, steps)
    with socket.create_connection((peer.address, peer.port), 20) as sock:
        signed, mac = sign(update, wire)
        sock.sendall(len(signed).to_bytes(2, "big") + signed)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            more = sock.recv(65536)
            check(more, peer.id, "hung up on", steps)
            data += more
    answer = dns.message.from_wire(data[2:], keyring=update.keyring, request_mac=mac)
    check(answer.had_tsig or answer.rcode() == dns.rcode.FORMERR, peer.id, "does not sign its answer to", steps)
    return dns.rcode.to_text(answer.rcode())


def outcome(peer, zone):
    """What there is, and the SOA apart: what it says besides the serial, and whether that is newer."""
    records = peer.records(zone)
    soa = next(record for record in records if record[1] == "SOA")
    rdata = soa[3]
    return records - {soa}, (soa[2], rdata[:-20] + rdata[-16:]), int.from_bytes(rdata[-20:-16], "big") > 7


def run_case(peers, number, case):
    name, steps, *rest = case
    others = rest[0] if rest else {}
    zone = zone_name(number)
    wanted = None
    for kind, peer in peers.items():
        if kind in others and others[kind] is None:
            continue
        rcode = send(peer, zone, steps)
        got = (rcode, *outcome(peer, zone))
        if kind in others:
            check(rcode == others[kind][0], name, kind, "answers", rcode)
            continue
        if wanted is None:
            wanted, first = got, kind
            continue
        check(got[0] == wanted[0], name, ":", first, "answers", wanted[0], "but", kind, got[0])
        same(wanted[1], got[1], "%s: records of %s and %s" % (name, first, kind))
        check(got[2:] == wanted[2:], name, ": SOA of", first, wanted[2:], "of", kind, got[2:])


def main():
    others = "--others" in sys.argv
    with Stage("update") as stage:
        zones = [Zone(zone_name(i), "$ORIGIN %s\n%s" % (zone_name(i), TEXT), updates=KEY)
                 for i in range(len(CASES))]
        peers = {} if others else {"anser": stage.add(Anser)}
        peers.update(bind=stage.add(Bind), knot=stage.add(Knot))
        for peer in peers.values():
            peer.start(zones)
        failed = []
        for number, case in enumerate(CASES):
            try:
                run_case(peers, number, case)
            except Failure as failure:      # all are told
                failed.append("%s: %s" % (case[0], failure))
        say("%d cases" % len(CASES))
        check(not failed, *("\n  " + text for text in failed))


sys.exit(passes(main))
