#!/usr/bin/python3
"""After random changes over a network that loses packets all servers hold the same zone.

    loss.py [--changes N] [--loss PER_CENT] [--seed N] [--without NAME]...

Anser is primary. BIND, Knot, NSD and PowerDNS have the zone from it, and a second Anser has it from them. Packets
between them are lost, wait for two milliseconds, and overtake others (network.py). The primary is changed by UPDATE and
by commands, which do not get lost, and makes a ZONEMD of each version. Nobody is told to look. In the end what all
give by AXFR is what was acknowledged, and has the digest that it says (RFC 8976).
"""

import argparse
import random
import sys
import time

from dns.rdatatype import ZONEMD

from converge import NAME, TEXT, Model
from network import Network
from peers import KINDS, Anser, Key, Peer, Stage, Zone, contents_of, same
from checks import check, passes, say

PATIENCE = 180             # seconds
DELAY = 0.002
OVERTAKING = 0.1
PAUSE = 0.03               # seconds between changes, so that many come by a transfer of their own
REPORTS = 10               # while it goes on


def without_numbers(contents):
    return {record for record in contents if record[1] not in ("SOA", "ZONEMD")}


class Test:
    def __init__(self, stage, arguments):
        self.random = random.Random(arguments.seed)
        self.model = Model(self.random)
        self.key = Key("loss.key.")
        self.changes = arguments.changes
        self.primary = stage.add(Anser, template={"zonemd": "make"})
        self.between = [stage.add(kind) for name, kind in KINDS.items()
                        if kind is not Anser and name not in arguments.without]
        self.last = stage.add(Anser, template={"zonemd": "check"})

    def secondaries(self):
        return self.between + [self.last]

    def start(self):
        self.primary.start([Zone(NAME, text=TEXT, to=self.between, key=self.key, updates=self.key)])
        for peer in self.between:
            peer.start([Zone(NAME, primaries=[self.primary], to=[self.last], key=self.key)])
        self.last.start([Zone(NAME, primaries=self.between, key=self.key)])
        for peer in self.secondaries():
            peer.wait(NAME, 1, PATIENCE)

    def change(self):
        for number in range(1, self.changes + 1):
            change = self.random.choice([self.primary.edit, lambda *what: Peer.change(self.primary, *what)])
            change(NAME, *self.model.change())
            time.sleep(PAUSE)
            if number % max(1, self.changes // REPORTS) == 0:
                say("%d changes; serials: %s" % (number, ", ".join(
                    "%s %s" % (peer.id, peer.serial(NAME)) for peer in self.secondaries())))

    def compare(self):
        serial = 1 + self.changes
        wanted = without_numbers(contents_of(TEXT + "\n".join(self.model.lines) + "\n", NAME))
        digests = {}
        for peer in [self.primary] + self.secondaries():
            peer.wait(NAME, serial, PATIENCE)
            transfer = peer.axfr(NAME)
            same(wanted, without_numbers(transfer.contents()), "what was acknowledged, and %s" % peer.id)
            said = [rdata.digest.hex() for _, rrtype, _, rdata in transfer.records if rrtype == ZONEMD]
            check(said == [transfer.digest()], peer.id, "says the digest", said, "and it is", transfer.digest())
            digests[peer.id] = said
        check(all(said == digests[self.primary.id] for said in digests.values()), "digests differ:", digests)


def run(arguments):
    network = Network(arguments.loss / 100, DELAY, OVERTAKING, arguments.seed)
    with Stage("loss", network) as stage:
        test = Test(stage, arguments)
        network.start()
        test.start()
        say("all have the first version")
        test.change()
        test.compare()
        say("all the same after %d changes; %s" % (arguments.changes, network))
        check(not arguments.loss or network.lost(), "nothing was lost")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--loss", type=float, default=5)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    say("seed %d" % arguments.seed)
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
