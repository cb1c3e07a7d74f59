#!/usr/bin/python3
"""Every server transfers zones to every other: unsigned, with TSIG, and signed.

    matrix.py [--without NAME]...

Each server is primary of zones of its own and secondary of all others'. First all secondaries have to have
what the primaries' texts say. Then the primaries change, and tell: the secondaries have to have what the
primaries have, again and again. In the end, differences from the first state have to lead there, too.
"""

import argparse
import sys

from peers import EVERYTHING, KINDS, Key, Signer, Stage, Zone, contents_of, edited, same
from checks import check, passes, say

VARIANTS = ("plain", "tsig", "signed")
TEXT = "$ORIGIN %(name)s\n" + EVERYTHING + """@ TXT "of %(name)s" "two strings"
caa CAA 0 issue "ca.example.net"
"""
CHANGES = (
    (["new 60 A 192.0.2.50"], []),
    (["www 60 A 192.0.2.12"], ["www 60 A 192.0.2.10"]),
    (["deep.new 60 TXT \"of the third change\""], ["new 60 A 192.0.2.50", "odd 3600 TYPE65280 \\# 4 0a000001"]),
)
# Which transfers the primaries of these versions answer with differences.
GIVES_DIFFERENCES = {"anser": True, "bind": True, "knot": True, "nsd": True, "pdns": False}


class Matrix:
    def __init__(self, stage, kinds):
        self.peers = {name: stage.add(kind) for name, kind in kinds.items()}
        self.signer = Signer(stage.directory)
        self.key = Key("matrix.key.")
        self.texts = {}

    def name(self, variant, primary):
        return "%s.%s.example." % (variant, primary)

    def zones_of(self, which):
        """What one server is primary and secondary of."""
        for variant in VARIANTS:
            key = self.key if variant == "tsig" else None
            for primary, peer in self.peers.items():
                name = self.name(variant, primary)
                if primary == which:
                    others = [other for kind, other in self.peers.items() if kind != which]
                    yield Zone(name, text=self.text(name), to=others, key=key)
                else:
                    yield Zone(name, primaries=[peer], key=key)

    def text(self, name):
        if name not in self.texts:
            self.texts[name] = TEXT % {"name": name}
        return self.dressed(name)

    def dressed(self, name):
        text = self.texts[name]
        return self.signer.sign(name, text) if name.startswith("signed") else text

    def start(self):
        for which, peer in self.peers.items():
            peer.start(list(self.zones_of(which)))
            say("%s is up" % which)
        for peer in self.peers.values():
            for name, zone in peer.zones.items():
                if zone.primaries:
                    peer.refresh(name)

    def compare(self, variant, primary, serial):
        name = self.name(variant, primary)
        wanted = contents_of(self.dressed(name), name)
        for which, peer in self.peers.items():
            peer.wait(name, serial)
            same(wanted, peer.records(name), "%s on %s and the text" % (name, which))

    def each(self):
        return [(variant, primary) for variant in VARIANTS for primary in self.peers]

    def change(self, number):
        add, delete = CHANGES[number]
        for variant, primary in self.each():
            name = self.name(variant, primary)
            self.texts[name] = edited(self.texts[name], name, add, delete)
            self.peers[primary].replace(name, self.dressed(name))
        for variant, primary in self.each():
            self.compare(variant, primary, number + 2)

    def differences(self, first):
        """By IXFR from all states, from all servers: what a secondary has in the end."""
        for variant, primary in self.each():
            name = self.name(variant, primary)
            wanted = contents_of(self.dressed(name), name)
            answer = self.peers[primary].ixfr(name, 1)
            check((answer.kind == "differences") == GIVES_DIFFERENCES[primary],
                  primary, "answers IXFR of", name, "with", answer.kind)
            same(wanted, answer.applied_to(first[name]), "IXFR of %s from %s" % (name, primary))
            if variant == "tsig":
                check(answer.messages[-1][1], primary, "does not sign its last message")


def run(arguments):
    kinds = {name: kind for name, kind in KINDS.items() if name not in arguments.without}
    with Stage("matrix") as stage:
        matrix = Matrix(stage, kinds)
        matrix.start()
        first = {}
        for variant, primary in matrix.each():
            matrix.compare(variant, primary, 1)
            name = matrix.name(variant, primary)
            first[name] = contents_of(matrix.dressed(name), name)
        say("all have all zones")
        for number in range(len(CHANGES)):
            matrix.change(number)
            say("all have change %d" % (number + 1))
        matrix.differences(first)
        say("differences lead to the same")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", action="append", default=[])
    arguments = parser.parse_args()
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
