#!/usr/bin/python3
"""After random changes, restarts and kill -9 of any server all of them hold the same zone.

    converge.py [--chain NAME,...]... [--changes N] [--signals N] [--seed N]

A chain begins with a primary, and each server in it is primary of the next: "bind,anser,knot". Changes go to
the first. Now and then one of the servers is ended, by SIGTERM or SIGKILL, and started again, some changes
later. Nobody is told to look: servers that were away have to find out by NOTIFY and by the SOA's timers. What
the primary has acknowledged must be there in the end, on all of them.
"""

import argparse
import random
import signal
import sys

from peers import KINDS, Key, Stage, Zone, contents_of, same
from checks import check, passes, say

NAME = "converge.example."
TEXT = """$ORIGIN converge.example.
$TTL 60
@ SOA ns1 hostmaster 1 2 1 3600 60
@ NS ns1
ns1 A 192.0.2.1
"""
OWNERS = 60
PATIENCE = 120             # seconds


class Model:
    """What the primary has been told, as lines."""

    def __init__(self, source):
        self.random = source
        self.lines = set()

    def line(self):
        owner = "n%d" % self.random.randrange(OWNERS)
        kind = self.random.randrange(3)
        if kind == 0:
            return "%s 60 A 192.0.2.%d" % (owner, self.random.randrange(1, 255))
        if kind == 1:
            return "%s 60 TXT \"%d\"" % (owner, self.random.randrange(10))
        return "a.b.%s 60 MX %d mail.example." % (owner, self.random.randrange(1, 10))

    def change(self):
        """What comes and what goes: at least one record."""
        add = {self.line() for _ in range(self.random.randrange(1, 4))} - self.lines
        there = sorted(self.lines)
        delete = set(self.random.sample(there, min(len(there), self.random.randrange(0, 4))))
        if not add and not delete:
            return self.change()
        self.lines = (self.lines | add) - delete
        return sorted(add), sorted(delete)


class Chain:
    def __init__(self, stage, names, source):
        self.random = source
        self.peers = [stage.add(KINDS[name]) for name in names]
        self.key = Key("converge.key.")
        self.model = Model(source)
        self.away = {}          # peer: changes until it comes back
        self.serial = None      # that the last change was answered with

    def start(self):
        for at, peer in enumerate(self.peers):
            said = {"to": self.peers[at + 1:at + 2], "key": self.key}
            if at:
                peer.start([Zone(NAME, primaries=[self.peers[at - 1]], **said)])
            else:
                peer.start([Zone(NAME, text=TEXT, updates=None if peer.by_socket else self.key, **said)])

    def end_one(self):
        peer = self.random.choice([each for each in self.peers if each not in self.away])
        number = self.random.choice([signal.SIGKILL, signal.SIGTERM])
        peer.stop(number)
        # Without the primary there is nothing to change.
        self.away[peer] = 0 if peer is self.peers[0] else self.random.randrange(10)

    def bring_back(self, all_of_them=False):
        for peer in list(self.away):
            self.away[peer] -= 1
            if all_of_them or self.away[peer] < 0:
                del self.away[peer]
                peer.restart()

    def run(self, changes, signals):
        when = set(self.random.sample(range(changes), signals))
        for number in range(changes):
            self.bring_back()
            self.serial = self.peers[0].change(NAME, *self.model.change())
            if number in when and len(self.away) < len(self.peers):
                self.end_one()
        self.bring_back(all_of_them=True)

    def compare(self):
        wanted = {record for record in contents_of(TEXT + "\n".join(self.model.lines) + "\n", NAME)
                  if record[1] != "SOA"}
        for peer in self.peers:
            # The primary, too: Anser's data plane serves an old table until it has found the new one.
            peer.wait(NAME, self.serial, PATIENCE)
            same(wanted, {record for record in peer.records(NAME) if record[1] != "SOA"},
                 "what was acknowledged, and %s" % peer.id)


def run(arguments):
    for text in arguments.chain:
        names = text.split(",")
        source = random.Random("%d %s" % (arguments.seed, text))
        with Stage("converge") as stage:
            chain = Chain(stage, names, source)
            chain.start()
            chain.run(arguments.changes, arguments.signals)
            chain.compare()
            check(chain.peers[0].serial(NAME) >= arguments.changes, "fewer changes than were made")
        say("%s: all the same after %d changes" % (" -> ".join(names), arguments.changes))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--chain", action="append", default=[])
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--signals", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    arguments.chain = arguments.chain or ["bind,anser,knot", "anser,bind", "knot,anser"]
    say("seed %d" % arguments.seed)
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
