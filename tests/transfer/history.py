#!/usr/bin/python3
"""A zone's history, from state to state: in by file, out by transfers, and in again elsewhere.

    history.py [--primary NAME] [--secondary NAME]... [--second NAME] [--each] [--root-daily [--states N]] [--every N]

The primary's file is replaced by one state after the other. The secondaries have to hold each, and so has the
second, whose primaries are the secondaries; with --each, one more behind each secondary alone. In the end the
differences from earlier states, as the primary gives them, have to lead to the last one; and what can come as
differences has come so, but for the first state: from Anser to all, and to an Anser that is behind each. An Anser
that is primary makes a ZONEMD of each state, which all have to give, and have to have the digest of; those behind
others check it with each transfer.

By default the history is made up, small, and the same each time. --root-daily takes that of the root zone: the
archive that ANSER_ROOT_DAILY names, or shared/data/root-daily.tar.xz beside the project, with one file for each day.
Contents are compared at every so many states (--every), serials at each.
"""

import argparse
import collections
import os
import random
import re
import sys
import tarfile

from dns.rdatatype import ZONEMD

from peers import KINDS, Anser, Key, Pdns, Stage, Zone, contents_of, same
from checks import Skipped, check, passes, say

SOURCE = os.environ.get("ANSER_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", ".."))
# What not all days have is left out, and keys, which PowerDNS does not take from an unsigned zone.
SKIPPED_TYPES = {"SOA", "RRSIG", "NSEC", "DNSKEY"}
SOA = "%s 60 SOA a.root-servers.net. nstld.verisign-grs.com. %d 3600 600 604800 60\n"


def root_daily(states):
    """("." and the texts), a day each."""
    path = os.environ.get("ANSER_ROOT_DAILY",
                          os.path.join(SOURCE, "..", "shared", "data", "root-daily.tar.xz"))
    if not os.path.exists(path):
        raise Skipped("no history of the root zone: ANSER_ROOT_DAILY names none, and there is no %s" % path)
    texts = []
    with tarfile.open(path) as archive:
        for member in archive:
            if len(texts) == states:
                break
            lines = archive.extractfile(member).read().decode("ascii").splitlines(True)
            # One file ends within a line: a day on which hundreds of names are away.
            kept = [line for line in lines if len(line.split()) > 4 and line.split()[3] not in SKIPPED_TYPES]
            texts.append(SOA % (".", len(texts) + 1) + "".join(kept))
    return ".", texts


def made_up():
    """Names that come and go, delegations that change sides, larger RRsets, and days without a change
    but the serial's."""
    source = random.Random(8)
    zone = {"n%d" % number: ["A 192.0.2.%d" % number] for number in range(60)}
    texts = []
    for serial in range(1, 16):
        texts.append("$TTL 60\n" + SOA % ("@", serial) + "@ NS ns\nns A 192.0.2.1\n"
                     + "".join("%s %s\n" % (owner, line) for owner, lines in zone.items() for line in lines))
        for _ in range(0 if serial % 5 == 0 else source.randrange(1, 30)):
            number = source.randrange(100)
            owner = "n%d" % number
            zone.pop(owner, None)
            kind = source.randrange(5)
            if kind == 0:
                zone[owner] = ["NS ns.%s" % owner]
                zone["ns." + owner] = ["AAAA 2001:db8::%d" % number]
            else:
                zone.pop("ns." + owner, None)
            if kind == 1:
                zone[owner] = ["TXT \"%d %s\"" % (each, "x" * 200) for each in range(source.randrange(1, 60))]
            elif kind == 2:
                zone[owner] = ["MX 10 n1", "A 192.0.2.%d" % source.randrange(256)]
    return "history.example.", texts


class History:
    def __init__(self, stage, arguments):
        self.primary = self.add(stage, arguments.primary, "make")
        self.secondaries = [stage.add(KINDS[name]) for name in arguments.secondary]
        self.second = self.add(stage, arguments.second, "check")
        self.behind = {self.add(stage, arguments.second, "check"): peer
                       for peer in self.secondaries if arguments.each}
        self.name, self.texts = (root_daily(arguments.states) if arguments.root_daily else made_up())
        self.key = Key("history.key.")
        self.compared = 0

    @staticmethod
    def add(stage, name, zonemd):
        return stage.add(Anser, template={"zonemd": zonemd}) if name == "anser" else stage.add(KINDS[name])

    def all_others(self):
        return self.secondaries + [self.second] + list(self.behind)

    def start(self):
        self.primary.start([Zone(self.name, text=self.texts[0], to=self.secondaries, key=self.key)])
        for peer in self.secondaries:
            to = [self.second] + [each for each, primary in self.behind.items() if primary is peer]
            peer.start([Zone(self.name, primaries=[self.primary], to=to, key=self.key)])
            peer.wait(self.name, 1)
        self.second.start([Zone(self.name, primaries=self.secondaries, key=self.key)])
        for peer, primary in self.behind.items():
            peer.start([Zone(self.name, primaries=[primary], key=self.key)])

    def go(self, every):
        for at, text in enumerate(self.texts):
            if at:
                self.primary.replace(self.name, text)
            last = at == len(self.texts) - 1
            for peer in self.all_others():
                if isinstance(self.behind.get(peer), Pdns):     # which tells nobody of what came by IXFR
                    peer.refresh(self.name)
                peer.wait(self.name, at + 1)
            if last or at % every == 0:
                self.compare(text)
                say("state %d is everywhere" % (at + 1))

    def compare(self, text):
        wanted = contents_of(text, self.name)
        self.compared += 1
        for peer in [self.primary] + self.all_others():
            transfer = peer.axfr(self.name)
            said = [rdata.digest.hex() for _, rrtype, _, rdata in transfer.records if rrtype == ZONEMD]
            check(len(said) == isinstance(self.primary, Anser), peer.id, "has the digests", said)
            check(all(digest == transfer.digest() for digest in said), "the digest of %s is wrong" % peer.id)
            self.leave_out_digest(transfer)
            same(wanted, transfer.contents(), "the file and %s" % peer.id)

    @staticmethod
    def leave_out_digest(transfer):
        """The files have none."""
        transfer.records = [record for record in transfer.records if record[1] != ZONEMD]

    def differences(self):
        """From the first, the one before the last, and some between."""
        count = len(self.texts)
        wanted = contents_of(self.texts[-1], self.name)
        for serial in sorted({1, count // 2, count - 1}):
            answer = self.primary.ixfr(self.name, serial)
            check(answer.kind == "differences", "IXFR from", serial, "is", answer.kind)
            self.leave_out_digest(answer)
            same(wanted, answer.applied_to(contents_of(self.texts[serial - 1], self.name)),
                 "the file and IXFR from %d" % serial)

    def ways(self):
        """By which the states came, as Anser's logs tell it."""
        if isinstance(self.primary, Anser):
            self.check_way("out of Anser", re.findall(r"serial \d+ by (.XFR),", self.primary.log()),
                           len(self.secondaries) + self.compared)
        for peer, primary in self.behind.items():
            came = re.findall(r"serial \d+ by (.XFR) from", peer.log())
            self.check_way("in from %s" % primary.id, came, len(came) if isinstance(primary, Pdns) else 1)

    def check_way(self, what, ways, whole):
        """At most so many may have come whole."""
        count = collections.Counter(ways)
        say("%s: %s" % (what, dict(count)))
        check(count["AXFR"] <= whole, "by AXFR", what, count)
        check(count["IXFR"] + count["AXFR"] >= len(self.texts), "fewer transfers than states", what, count)


def run(arguments):
    with Stage("history") as stage:
        history = History(stage, arguments)
        history.start()
        history.go(arguments.every)
        history.differences()
        say("differences lead to the last state")
        history.ways()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--primary", default="anser")
    parser.add_argument("--secondary", action="append", default=[])
    parser.add_argument("--second", default="anser")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--root-daily", action="store_true")
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--every", type=int, default=5)
    arguments = parser.parse_args()
    arguments.secondary = arguments.secondary or ["bind", "knot", "nsd", "pdns"]
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
