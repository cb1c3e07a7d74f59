#!/usr/bin/python3
"""Months of a signed zone, in jumps of the clock (libfaketime), with two resolvers that validate and cache all along.

* Hour by hour, and then in days: ZSKs and KSKs replace each other, with a parent that takes its DS from the CDS. Both
  resolvers, of which one asks seldom, always find all of it secure. So they do where the parent's servers never come
  to have the new DS, where one of two does not, and where nobody answers who is asked: those rollovers wait.
* The clock goes back by days, and forth again: what is served is right in the time it is.
* A zone goes insecure, and no resolver ever loses it.
"""

import contextlib
import socket
import sys
import threading
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from checks import check, free_port, passes, say, until
from clock import DAY, HOUR, PARENT, World
from signing import keys_of, policies

from peers import Stage, Zone

HASTY = ("csk: no, zsk-lifetime: 8h, ksk-lifetime: 16h, dnskey-ttl: 1h, propagation: 5m, safety: 10m, purge-after: 1h,"
         " parent-ds-ttl: 2h, parent-propagation: 5m, parental-agents: [%s]")
TEXT = """$ORIGIN %s
$TTL 1h
@ SOA ns hostmaster 1 3600 600 864000 900
@ NS ns
@ TXT "apex"
ns A 127.0.0.1
*.any A 192.0.2.1
"""
PAUSE = 0.35            # seconds in which the keeper has its turn, or goes on in the next step


class Stale(threading.Thread):
    """A server of the parent's that has what it first had, for ever."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = free_port()
        self.socket.bind(("127.0.0.1", self.port))
        self.sets = {}
        self.asked = 0

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                wire, who = self.socket.recvfrom(4096)
                if not wire:        # shut down
                    break
                query = dns.message.from_wire(wire)
                answer = dns.message.make_response(query)
                answer.flags |= dns.flags.AA
                rrset = self.sets.get(query.question[0].name.to_text())
                if rrset:
                    answer.answer.append(rrset)
                self.asked += 1
                self.socket.sendto(answer.to_wire(), who)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Years(World):
    # By whom the DS is taken from the CDS, and who is asked for it.
    CHILDREN = {"hours.example.": (True, ["here"]), "months.example.": (True, ["here"]),
                "never.example.": (False, ["here"]), "split.example.": (True, ["here", "stale"]),
                "silent.example.": (True, ["nobody"]), "mute.example.": (True, ["nobody"]),
                "quiet.example.": (True, ["nobody"])}

    def __init__(self, stage):
        super().__init__(stage, ds_ttl=7200)
        self.stale, self.step = Stale(), 0
        where = {"here": "127.0.0.1@%d" % self.server.port, "stale": "127.0.0.1@%d" % self.stale.port,
                 "nobody": "127.0.0.1@%d" % free_port()}
        named = {name.split(".")[0]: HASTY % ", ".join(where[one] for one in agents)
                 for name, (_, agents) in self.CHILDREN.items()}
        named["months"] = named["months"].replace("8h", "10d").replace("16h", "20d")
        zones = [Zone(name, text=TEXT % name, dnssec=name.split(".")[0]) for name in self.CHILDREN]
        self.seen = {name: {0: set(), 1: set()} for name in self.CHILDREN}
        self.stale.start()
        self.start(policies(parent="csk: yes", **named), TEXT % PARENT, zones)

    def take(self, first=False):
        """The parent takes what the children ask for, of those whose DS it takes after the first."""
        for name in self.registry([name for name, (takes, _) in self.CHILDREN.items() if takes or first]):
            if name.startswith("split") and self.ds[name]:
                self.stale.sets.setdefault(name, self.answer(name, "DS")[0])

    # Time.

    def begin(self):
        """Until all have their first DS."""
        for _ in range(8):
            self.go(HOUR)
            self.take(first=True)
        check(set(self.ds) == set(self.CHILDREN), "only these have asked for a DS:", self.ds)
        self.go(3 * HOUR)

    def go(self, seconds):
        self.clock.go(seconds)
        self.step += 1
        time.sleep(PAUSE)
        self.server.is_alive()
        for name in self.CHILDREN:
            with contextlib.suppress(KeyError):
                for key in keys_of(self.server, name):
                    self.seen[name][key.flags & 1].add(dns.dnssec.key_id(key))

    def renewed(self, left=4.9 * DAY):
        """Whatever is due has been made again: signatures hold, and five days are left, as the policy says."""
        def holds(name):
            now = self.clock.now()
            return all(rdata.inception <= now < rdata.expiration - left
                       for _, rrtype, _, rdata in self.server.axfr(name).records if rrtype == dns.rdatatype.RRSIG)
        until("signatures of all zones are made again", lambda: all(holds(name) for name in (PARENT, *self.CHILDREN)))

    def look(self, resolver, secure=True, only=None):
        for name in only or self.CHILDREN:
            for owner, rrtype in (("n%d.any." % self.step, "A"), ("fixed.any.", "A"), ("", "TXT"),
                                  ("no%d." % self.step, "A")):
                rcode = "NXDOMAIN" if owner.startswith("no") else "NOERROR"
                try:
                    answer = resolver.secure(owner + name, rrtype, rcode) if secure else resolver.ask(
                        owner + name, rrtype)
                    check(dns.rcode.to_text(answer.rcode()) == rcode, name, "is lost:", answer)
                except Exception:
                    say("step %d, %+.1f h: keys %s, DS %s\n%s" % (
                        self.step, self.clock.offset / HOUR, self.seen[name], self.ds.get(name),
                        [key.to_text()[:20] for key in keys_of(self.server, name)]))
                    raise


def live(world, often, seldom, steps, seconds):
    for number in range(steps):
        world.go(seconds)
        if seconds > DAY:
            world.renewed()
        world.take()
        world.look(often)
        if number % 5 == 4:
            world.look(seldom)


def rolled(world, name, zsks, ksks, what):
    seen = world.seen[name]
    check(len(seen[0]) >= zsks and len(seen[1]) >= ksks, name, "has had only", seen, "in", what)


def hours(world, often, seldom):
    live(world, often, seldom, 24, HOUR)
    rolled(world, "hours.example.", 3, 2, "24 hours")
    say("24 hours: ZSKs %d, KSKs %d" % tuple(len(world.seen["hours.example."][kind]) for kind in (0, 1)))


def days(world, often, seldom):
    live(world, often, seldom, 10, 4 * DAY)
    rolled(world, "months.example.", 3, 2, "40 days")
    say("40 days: ZSKs %d, KSKs %d" % tuple(len(world.seen["months.example."][kind]) for kind in (0, 1)))


def parents(world):
    """Those that never came to be seen keep who waits."""
    for name, ksks in (("never.example.", 2), ("split.example.", 2), ("silent.example.", 1)):
        now = [key for key in keys_of(world.server, name) if key.flags & 1]
        check(len(now) == ksks and len(world.seen[name][1]) == ksks, name, "has", len(now), "KSKs, and had",
              world.seen[name][1])
        rolled(world, name, 4, ksks, "all that time")
    check(world.stale.asked > 2, "a parent's server is not asked")
    say("no KSK goes before the next one's DS was seen everywhere")


def back_and_forth(world):
    for number in (-9, 1, 30, -3):
        world.clock.go(number * DAY)
        world.renewed()
        with world.resolver("after") as resolver:
            world.look(resolver)
    say("the clock went back and forth")


def insecure(world, often):
    name = "hours.example."
    world.server.tell("zone", "set", name, "dnssec=no")
    for number in range(16):
        world.go(HOUR)
        world.take()
        world.look(often, secure=False, only=[name])
        if not world.answer(name, "DNSKEY"):
            break
    check(not world.answer(name, "DNSKEY") and world.ds[name] == [], "it is not unsigned after", number, "hours")
    check(number > 1, "it took", number, "hours")
    world.go(2 * HOUR)
    often.insecure("other.any." + name, "A")
    world.look(often, only=[other for other in world.CHILDREN if other != name])
    say("insecure within %d hours" % (number + 1))


def run():
    with Stage("dnssec-clock") as stage:
        world = Years(stage)
        try:
            world.begin()
            say("all have a DS")
            with world.resolver("often") as often, world.resolver("seldom") as seldom:
                world.look(often)
                hours(world, often, seldom)
                days(world, often, seldom)
            parents(world)
            back_and_forth(world)
            with world.resolver("last") as last:
                insecure(world, last)
        finally:
            world.stale.stop()


if __name__ == "__main__":
    sys.exit(passes(run))
