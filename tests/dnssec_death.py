#!/usr/bin/python3
"""kill -9 of the control plane while it signs a large zone for the first time, while the zone is edited, while it is
denied in another way, and while all signatures are made again.

After each: what was acknowledged is there, the keys are those that they were, and all of the zone that is served is
right, whichever way that the work had gone. Then the work goes on where it was.

    dnssec_death.py [--names N] [--seed N]
"""

import argparse
import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

from checks import ControlSocket, check, passes, say, until
from signing import is_signed, keys_of, policies, wait_signed

from peers import Anser, Stage, Zone

NAME = "large.example."
POLICIES = policies(nsec="signatures-validity: 14d, signatures-refresh: 1d, signatures-jitter: 1h",
                    nsec3="nsec3: yes, signatures-validity: 14d, signatures-refresh: 1d, signatures-jitter: 1h",
                    # All that was made before is due at once.
                    again="nsec3: yes, signatures-validity: 40d, signatures-validity-dnskey: 40d,"
                          " signatures-refresh: 20d, signatures-jitter: 1h")
KILLS = 3               # of each kind


def complete(lines):
    """All that is to be signed is, and once; the chain is one ring, and names are in it once."""
    signatures = collections.Counter((line[0], line[4]) for line in lines if line[3] == "RRSIG")
    sets = {(line[0], line[3]) for line in lines if line[3] != "RRSIG"}
    check(set(signatures) == sets, "signed and not there, or the other way round:",
          sorted(sets.symmetric_difference(signatures))[:5])
    check(set(signatures.values()) == {1}, "signed twice:", signatures.most_common(3))
    kinds = {line[3] for line in lines} & {"NSEC", "NSEC3"}
    check(len(kinds) == 1, "denied by", kinds)
    kind = kinds.pop()
    hashed = kind == "NSEC3"
    links = {line[0].split(".")[0].lower() if hashed else line[0].lower(): line[8 if hashed else 4].lower()
             for line in lines if line[3] == kind}
    at, seen = next(iter(links)), 0
    while seen < len(links):
        at, seen = links.get(at), seen + 1
        check(at, "the chain is broken after", seen, "of", len(links))
    check(at == next(iter(links)) and len(set(links.values())) == len(links), "the chain is no ring")
    if not hashed:
        check(set(links) == {line[0].lower() for line in lines}, "not all names are in the chain")


class Large:
    def __init__(self, stage, names, rng):
        self.server, self.random = stage.add(Anser, settings=POLICIES), rng
        self.path = os.path.join(stage.directory, "large.zone")
        self.names, self.keys, self.done = names, None, {}
        lines = ["$ORIGIN " + NAME, "$TTL 300", "@ SOA ns hostmaster 1 3600 600 864000 300", "@ NS ns",
                 "ns A 192.0.2.1"]
        lines += ["n%d A 192.0.2.%d" % (number, number % 256) for number in range(names)]
        self.server.start([Zone(NAME, text="\n".join(lines) + "\n", dnssec="nsec")])

    def again(self):
        self.server.stop(signal.SIGKILL)
        self.server.restart()

    def transfer(self):
        """By a client that is quick. Gives lines, each as words, and leaves a file."""
        with open(self.path, "w", encoding="ascii") as file:
            subprocess.run(["dig", "@" + self.server.address, "-p", str(self.server.port), NAME, "AXFR", "+onesoa",
                            "+noall", "+answer", "+nocomments"], stdout=file, check=True, timeout=60)
        with open(self.path, encoding="ascii") as file:
            return [line.split() for line in file]

    def right(self, percent=0):
        """All of it is, and nothing is lost or there twice. percent: of the signatures, which are verified."""
        now = sorted(key.to_text() for key in keys_of(self.server, NAME))
        self.keys = self.keys or now
        check(self.keys == now and len(now) == 1, "the keys were", self.keys, "and are", now)
        lines = self.transfer()
        complete(lines)
        if percent:
            done = subprocess.run(["ldns-verify-zone", "-V", "1", "-p", str(percent), self.path], capture_output=True,
                                  text=True, timeout=60, check=False)
            check(done.returncode == 0, "ldns-verify-zone says", (done.stdout + done.stderr)[-2000:])
        served = {line[0].lower(): line[4].strip('"') for line in lines if line[3] == "TXT"}
        for owner, (acknowledged, sent) in self.done.items():
            check(served.get(owner) in (acknowledged, sent), owner, "is", served.get(owner), "and not", acknowledged)

    # What is under way when it is killed.

    def first(self):
        for _ in range(KILLS):
            check(not is_signed(self.server, NAME), "the zone is too small to be killed while it is signed")
            self.again()
            time.sleep(self.random.random() / 2)
        wait_signed(self.server, NAME)
        self.again()
        self.right(1)
        say("%d names are signed after %d kills" % (self.names, KILLS))

    def edit(self, stop):
        """One after the other, until the server is gone."""
        with contextlib.suppress(OSError, ValueError), \
             contextlib.closing(ControlSocket(self.server.path("control.sock"))) as control:
            while not stop.is_set():
                owner = self.random.choice(["n%d", "*.n%d", "a.b.n%d"]) % self.random.randrange(self.names) + "." + NAME
                value = "%d" % self.random.randrange(1000000)
                self.done[owner] = (self.done.get(owner, (None, None))[0], value)
                control.done("change", edits=[{"op": "set", "zone": NAME, "name": owner, "type": "TXT", "ttl": 60,
                                               "rdata": ['"%s"' % value]}])
                self.done[owner] = (value, value)

    def killed_at_edits(self, seconds):
        stop = threading.Event()
        writer = threading.Thread(target=self.edit, args=(stop,))
        writer.start()
        time.sleep(seconds)
        self.server.stop(signal.SIGKILL)
        stop.set()
        writer.join()
        self.server.restart()

    def edits(self):
        for _ in range(KILLS):
            self.killed_at_edits(0.2 + self.random.random())
            self.right()
        say("%d names were edited, %d kills" % (len(self.done), KILLS))

    def types(self):
        return {line[3] for line in self.transfer()}

    def denial(self):
        self.server.tell("zone", "set", NAME, "dnssec=nsec3")
        for _ in range(KILLS):
            time.sleep(0.1 + 0.5 * self.random.random())
            self.again()
        until("it has NSEC3", lambda: "NSEC3" in self.types())
        check("NSEC" not in self.types(), "it has both")
        self.right()
        say("they are hashed after %d kills" % KILLS)

    def expiries(self):
        """How many signatures end when they did before, and how many later."""
        soon = time.strftime("%Y%m%d", time.gmtime(time.time() + 20 * 86400))
        ends = [line[8] for line in self.transfer() if line[3] == "RRSIG" and line[4] != "DNSKEY"]
        return sum(end < soon for end in ends), sum(end >= soon for end in ends)

    def renewal(self):
        self.server.tell("zone", "set", NAME, "dnssec=again")
        went = []
        for _ in range(KILLS):
            self.killed_at_edits(1.5 + self.random.random())
            self.right()
            went.append(self.expiries())
        check(went[0][1] > 0, "nothing is made again:", went)
        check(all(one[0] >= two[0] for one, two in zip(went, went[1:])), "it goes backwards:", went)
        self.right(1)
        check(went[-1][0] < went[0][0] or went[0][0] == 0, "it does not go on:", went)
        say("old signatures: %s" % ", ".join("%d of %d" % (old, old + new) for old, new in went))


def run(arguments):
    with Stage("dnssec-death") as stage:
        large = Large(stage, arguments.names, random.Random(arguments.seed))
        for part in (large.first, large.edits, large.denial, large.renewal):
            part()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--names", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=random.randrange(10000))
    arguments = parser.parse_args()
    print("--seed %d" % arguments.seed)
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
