#!/usr/bin/python3
"""Zones that Anser signs, on the secondaries of others: BIND, Knot, which validates what it gets, and NSD.

Names come and go, the way names are denied changes, signatures are made again every few seconds, and one key replaces
the other. All have what the primary has, each time; and the differences from the first state lead there.
"""

import random
import sys
import time

import dns.rdatatype

from checks import check, passes, say, until
from signing import EVERYTHING, keys_of, policies, wait_signed, whole

from peers import Anser, Bind, Knot, Nsd, Stage, Zone, same

ZONES = {"nsec.example.": "nsec", "nsec3.example.": "nsec3", "hasty.example.": "hasty"}
# Times so short that all happens within this test.
POLICIES = policies(
    nsec="nsec3: no", nsec3="nsec3: yes, csk: no",
    hasty="csk: no, zsk-lifetime: 16s, dnskey-ttl: 1s, propagation: 1s, safety: 1s, purge-after: 5s,"
          " signatures-validity: 20s, signatures-validity-dnskey: 20s, signatures-refresh: 12s,"
          " signatures-jitter: 3s")
ROUNDS = 12
HASTE = 20.0            # seconds that the hasty zone is looked at


class Validating(Knot):
    """Takes no zone that is wrong."""

    def zone_lines(self, number, zone):
        return super().zone_lines(number, zone) + ["dnssec-validation: on"]


def text(name):
    lines = "$ORIGIN %s\n%s" % (name, EVERYTHING)
    if ZONES[name] == "hasty":
        lines = lines.replace("$TTL 600", "$TTL 1").replace("864000 300", "864000 1").replace(" 60 ", " 1 ")
    return lines


def changes(rng, number):
    """What comes and what goes, in turn."""
    owner = rng.choice(("a%d", "x.y%d", "*.w%d", "b.c.empty.e%d", "%d.wild")) % number
    lines = ["%s 1 A 192.0.2.%d" % (owner, number), "%s 1 TXT \"%d\"" % (owner, number)]
    if rng.random() < 0.3:
        lines = ["%s 1 NS ns1" % owner.replace("*", "star")]
    return lines


def all_have(primary, secondaries, name, patience=60.0):
    """Gives the records."""
    serial = primary.serial(name)
    for secondary in secondaries:
        until("%s has serial %d of %s, or a newer one" % (secondary.id, serial, name),
              lambda s=secondary: (s.serial(name) or 0) >= serial, patience)
    return primary.axfr(name)


def settled(primary, secondaries, name):
    """Compares, of a zone that nobody changes meanwhile."""
    transfer = all_have(primary, secondaries, name)
    for secondary in secondaries:
        same(transfer.contents(), secondary.records(name), "%s on the primary and %s" % (name, secondary.id))
    return transfer


def steady(primary, secondaries, directory):
    rng = random.Random(7)
    names = [name for name in ZONES if ZONES[name] != "hasty"]
    first = {name: settled(primary, secondaries, name) for name in names}
    had = {name: [] for name in names}
    for number in range(ROUNDS):
        for name in names:
            lines = changes(rng, number)
            gone = had[name].pop(rng.randrange(len(had[name]))) if number % 3 == 2 else []
            primary.edit(name, lines, gone)
            had[name].append(lines)
    for name in names:
        transfer = settled(primary, secondaries, name)
        whole(secondaries[0], name, directory)
        for peer in [primary, *secondaries]:
            steps = peer.ixfr(name, first[name].serial)
            check(peer.id.startswith("nsd") or steps.kind == "differences", peer.id, "gives", steps.kind)
            same(transfer.contents(), steps.applied_to(first[name].contents()), "IXFR from " + peer.id)
        again = primary.ixfr(name, first[name].serial)
        check(len(again.records) < len(transfer.records) * 3, "its differences are of", len(again.records),
              "records")
    say("%d changes on all, and all differences lead there" % (ROUNDS * len(names)))


def other_denial(primary, secondaries, directory):
    for policy in ("nsec3", "nsec"):
        name, before = "nsec.example.", primary.serial("nsec.example.")
        kept, gone = ("NSEC3", "NSEC") if policy == "nsec3" else ("NSEC", "NSEC3")
        primary.tell("zone", "set", name, "dnssec=" + policy)
        until("it has %s alone" % kept, lambda: (lambda types: kept in types and gone not in types)(
            {record[1] for record in primary.records(name)}))
        check(primary.serial(name) != before, "the serial is that from before")
        # From one key to two, or back, takes the time of all TTLs.
        settled(primary, secondaries, name)
        whole(secondaries[1], name, directory)
    say("another way to deny names")


def haste(primary, secondaries, directory):
    name, end, keys, serials = "hasty.example.", time.monotonic() + HASTE, set(), set()
    first = primary.axfr(name)
    rounds = 0
    while time.monotonic() < end or len(keys) < 4:
        check(time.monotonic() < end + 20, "its keys were only", keys)
        keys |= {key.to_text() for key in keys_of(primary, name)}
        primary.edit(name, ["r%d 1 A 192.0.2.1" % rounds], ["r%d 1 A 192.0.2.1" % (rounds - 1)] if rounds else [])
        serials.add(all_have(primary, secondaries, name).serial)
        for secondary in secondaries:
            whole(secondary, name, directory)
        rounds += 1
        time.sleep(0.5)
    steps = primary.ixfr(name, first.serial)
    for secondary in secondaries:
        log = secondary.log()
        check("fell back" not in log and "validation failed" not in log, secondary.id, "says", log[-2000:])
    check(steps.kind == "differences", "IXFR gives", steps.kind)
    made = {(rdata.covers(), rdata.inception) for _, rrtype, _, rdata in steps.records
            if rrtype == dns.rdatatype.RRSIG}
    check(len(made) > 20, "there are only", len(made), "times of signatures")
    say("%d keys, %d serials, %d looks: all is right on all of them, always" % (len(keys), len(serials), rounds))


def run():
    with Stage("dnssec-secondaries") as stage:
        primary = stage.add(Anser, settings=POLICIES)
        secondaries = [stage.add(kind) for kind in (Bind, Validating, Nsd)]
        primary.start([Zone(name, text=text(name), to=secondaries, dnssec=policy) for name, policy in ZONES.items()])
        for name in ZONES:
            wait_signed(primary, name)
        for secondary in secondaries:
            secondary.start([Zone(name, primaries=[primary]) for name in ZONES])
        for name in ZONES:
            all_have(primary, secondaries, name)
        say("all have all zones")
        steady(primary, secondaries, stage.directory)
        other_denial(primary, secondaries, stage.directory)
        haste(primary, secondaries, stage.directory)


if __name__ == "__main__":
    sys.exit(passes(run))
