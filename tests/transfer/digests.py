#!/usr/bin/python3
"""Digests of zones (RFC 8976) that come by transfers, where the policy says that they are checked: a zone that has not
the digest that it says is not served, by AXFR nor by IXFR. dnspython makes the digests.

Digests that are made here, where the policy says so: they are right after every kind of change, and a secondary that
checks them follows.

    digests.py [whole] [differences] [large] [unasked] [made]
"""

import sys

import dns.exception
import dns.rdatatype
import dns.rrset
import dns.zone

from hostile_primary import NS, ZONE, Primary, a, message, soa
from peers import Anser, Key, Stage, Zone, same
from checks import check, passes, say, until

MANY = 20500    # RRsets; the digest of a zone of so many is looked at after its differences are committed


def contents(serial, filler=()):
    return [soa(serial), NS, a("ns1." + ZONE, 1), a("www." + ZONE, serial % 250), *filler]


def digest_of(records):
    """The ZONEMD that is right for them."""
    text = "\n".join("%s %d IN %s %s" % (record.name, record.ttl, dns.rdatatype.to_text(record.rdtype), record[0])
                     for record in records)
    zone = dns.zone.from_text(text, ZONE, relativize=False)
    return dns.rrset.from_rdata(ZONE, 60, zone.compute_digest(dns.zone.DigestHashAlgorithm.SHA384))


def other(digest):
    """The same record with another digest."""
    text = digest[0].to_text()
    return dns.rrset.from_text(ZONE, 60, "IN", "ZONEMD", text[:-2] + ("00" if text[-2:] != "00" else "01"))


def without(records, others):
    there = {str(record) for record in others}
    return [record for record in records if str(record) not in there]


class Test:
    """A primary, and a secondary of it that checks; zone: what it has now, with its digest behind it."""

    def __init__(self, stage, policy="check", filler=()):
        self.primary = Primary()
        self.filler = list(filler)
        self.primary.answers = self.answers
        self.differences = self.wrong = self.wrong_whole = False
        self.old = None
        self.said = 0
        self.zone = self.made(1)
        self.ours = stage.add(Anser, template={"zonemd": policy, "timeout": "60s"})
        self.ours.start([Zone(ZONE, primaries=[self.primary])])
        self.ours.wait(ZONE, 1)

    def made(self, serial):
        records = contents(serial, self.filler)
        return [*records, digest_of(records)]

    def answers(self, query):
        wrong = self.wrong_whole
        if query.question[0].rdtype == dns.rdatatype.IXFR and self.differences:
            gone, come = without(self.old[1:], self.zone[1:]), without(self.zone[1:], self.old[1:])
            if self.wrong:
                come[-1] = other(come[-1])
            yield message(query, [self.zone[0], self.old[0], *gone, self.zone[0], *come, self.zone[0]])
            return
        records = [*self.zone[:-1], other(self.zone[-1]) if wrong else self.zone[-1], self.zone[0]]
        for at in range(0, len(records), 500):
            yield message(query, records[at:at + 500])

    def next(self, differences=False, wrong=False, wrong_whole=False):
        """A new serial, which the secondary is told to look at."""
        self.differences, self.wrong, self.wrong_whole = differences, wrong, wrong_whole
        self.old = self.zone
        self.primary.serial += 1
        self.zone = self.made(self.primary.serial)
        self.primary.asked.clear()
        self.ours.tell("zone", "refresh", ZONE)

    def is_taken(self, *asked):
        serial = self.primary.serial
        self.ours.wait(ZONE, serial)
        until("asked %s, not %s" % (self.primary.asked, asked), lambda: self.primary.asked[-len(asked):] == list(asked))
        answer = self.ours.ask("www." + ZONE, "A")
        check([str(record[0]) for record in answer.answer] == ["192.0.2.%d" % (serial % 250)], answer)
        until("the right digest is served", self.has_digest)

    def has_digest(self):
        answer = self.ours.ask(ZONE, "ZONEMD", tcp=True)
        return answer is not None and answer.answer and answer.answer[0][0] == self.zone[-1][0]

    def is_refused(self, what):
        until("something is said of %s" % what, lambda: self.ours.log().count("[zonemd-mismatch]") > self.said)
        check(self.ours.serial(ZONE) == self.primary.serial - 1, what, "is served")
        self.primary.serial -= 1
        self.zone = self.old

    def remember(self):
        self.said = self.ours.log().count("[zonemd-mismatch]")


def check_whole(stage):
    test = Test(stage)
    test.next()
    test.is_taken("IXFR")
    test.remember()
    test.next(wrong_whole=True)
    test.is_refused("a wrong zone")
    test.next()
    test.is_taken("IXFR")
    say("whole zones: only with the right digest")


def check_differences(stage):
    test = Test(stage)
    test.next(differences=True)
    test.is_taken("IXFR")
    test.next(differences=True, wrong=True)
    test.is_taken("IXFR", "AXFR")
    test.remember()
    test.next(differences=True, wrong=True, wrong_whole=True)
    test.is_refused("a wrong difference, and a wrong zone")
    test.next(differences=True)
    test.is_taken("IXFR")
    say("differences: only with the right digest, or else the whole zone")


def check_large(stage):
    test = Test(stage, filler=[a("host%d.%s" % (i, ZONE), i % 250) for i in range(MANY)])
    test.next(differences=True)
    test.is_taken("IXFR")
    test.remember()
    test.next(differences=True, wrong=True)
    test.is_taken("IXFR", "AXFR")
    check(test.ours.log().count("[zonemd-mismatch]") == test.said + 1, "it is not said")
    say("differences of a large zone: the whole zone after a wrong one")


def check_unasked(stage):
    test = Test(stage, "no")
    test.next(wrong_whole=True)
    test.ours.wait(ZONE, test.primary.serial)
    say("unasked: nothing is checked")


# ---- made ----

def text_of(serial, hosts=0):
    return "\n".join("%s %d IN %s %s" % (record.name, record.ttl, dns.rdatatype.to_text(record.rdtype), record[0])
                     for record in contents(serial, [a("host%d.%s" % (i, ZONE), i % 250) for i in range(hosts)])) + "\n"


def is_right(peer):
    """Whether the whole zone has the one digest that is right for it."""
    zone = dns.zone.Zone(ZONE, relativize=False)
    for owner, rrtype, ttl, rdata in peer.axfr(ZONE).records[:-1]:
        zone.find_rdataset(owner, rrtype, covers=rdata.covers(), create=True).add(rdata, ttl)
    try:
        zone.verify_digest()
        return len(zone.get_rdataset(ZONE, "ZONEMD")) == 1
    except (dns.exception.DNSException, TypeError):
        return False


def check_made_small(stage):
    updates = Key("update.key.")
    one, two = stage.add(Anser, template={"zonemd": "make"}), stage.add(Anser, template={"zonemd": "check"})
    zone = Zone(ZONE, text=text_of(1), to=[two], updates=updates)
    one.start([zone])
    two.start([Zone(ZONE, primaries=[one])])
    check(is_right(one), "not after it was read")
    two.wait(ZONE, one.serial(ZONE))
    for words in (("add", "new." + ZONE, "60", "A", "192.0.2.9"), ("set", ZONE, "60", "MX", "10 new." + ZONE),
                  ("del", ZONE, "MX")):
        one.tell("record", *words)
        check(is_right(one), "not after", words)
        two.wait(ZONE, one.serial(ZONE))
        same(one.records(ZONE), two.records(ZONE), "what the secondary has")
    one.change(ZONE, add=["more 60 A 192.0.2.10"])
    check(is_right(one), "not after an UPDATE")
    one.replace(ZONE, text_of(100))
    check(is_right(one), "not after a reload")
    two.wait(ZONE, 100)
    same(one.records(ZONE), two.records(ZONE), "what the secondary has")
    check("zonemd-mismatch" not in two.log(), "the secondary does not like it")
    one.tell("zone", "set", ZONE, "zonemd=no")
    one.tell("record", "add", "last." + ZONE, "60", "A", "192.0.2.11")
    check(not is_right(one), "still made")
    one.tell("zone", "set", ZONE, "zonemd=make")
    check(is_right(one), "not made when it was asked for")
    two.wait(ZONE, one.serial(ZONE))


def check_made_large(stage):
    """The digest of a large zone follows."""
    anser = stage.add(Anser, template={"zonemd": "make"})
    anser.start([Zone(ZONE, text=text_of(1, 6000))])
    check(is_right(anser), "not after it was read")
    for i in range(20):
        anser.tell("record", "set", "www." + ZONE, "60", "A", "192.0.2.%d" % (100 + i))
    before = anser.serial(ZONE)
    until("its digest follows", lambda: is_right(anser))
    check(before < anser.serial(ZONE) < before + 4, "its serial was", before, "and is", anser.serial(ZONE))
    anser.tell("record", "set", "www." + ZONE, "60", "A", "192.0.2.1")
    anser.stop(9)
    anser.restart()
    until("it follows a restart", lambda: is_right(anser))


def check_made(stage):
    check_made_small(stage)
    say("made: right after each change, and a secondary follows")
    check_made_large(stage)
    say("made for a large zone: right in the end")


def main():
    parts = {"whole": check_whole, "differences": check_differences, "large": check_large, "unasked": check_unasked,
             "made": check_made}

    with Stage("digests") as stage:
        for part in sys.argv[1:] or parts:
            parts[part](stage)


if __name__ == "__main__":
    sys.exit(passes(main))
