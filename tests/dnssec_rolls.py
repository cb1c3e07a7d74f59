#!/usr/bin/python3
"""Every kind of rollover at once, each in a zone of its own, while the control plane is killed at each step.

The policies' TTLs and delays are a second or two. The parent is this test: it takes the DS that it is asked for, some
time later, and says so by dnssec ds ZONE seen and gone. anser-control is ended by kill -9 soon after each change that
the history of a zone shows, and at random in between, and started again. All that time, and after each start:

* each zone as transferred is right for ldns-verify-zone;
* delv validates a positive answer, one from a wildcard and an NXDOMAIN, of the data plane, by the DS that the parent
  has then, or had as long before as caches keep it;
* no key is lost, and none is made twice; the parent is never told to have no DS of a zone that is to be secure.

And each rollover ends, with as many keys as it takes.

    dnssec_rolls.py [--seed N]
"""

import argparse
import concurrent.futures
import os
import random
import signal
import subprocess
import sys
import threading
import time

from checks import ControlSocket, check, passes, say, until
from signing import Delv, policies, text_of, whole

import dns.rdatatype

from peers import Anser, Stage, Zone

DS_TTL = 2
DELAYS = ("dnskey-ttl: 1s, propagation: 1s, parent-ds-ttl: %ds, parent-propagation: 0s, safety: 0s,"
          " algorithm: %%d, csk: %%s, %%s") % DS_TTL
POLICIES = policies(
    split=DELAYS % (13, "no", "nsec3: no"), double_ds=DELAYS % (13, "no", "ksk-roll: double-ds"),
    csk=DELAYS % (13, "yes", "nsec3: no"), csk_ed25519=DELAYS % (15, "yes", "nsec3: no"),
    rsa=DELAYS % (8, "no", "nsec3: yes"), split_nsec3=DELAYS % (13, "no", "nsec3: yes"),
    nsec3=DELAYS % (13, "yes", "nsec3: yes, nsec3-salt-length: 2"))
TEXT = """$ORIGIN %s
$TTL 1
@ SOA ns hostmaster 1 3600 600 864000 1
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
*.wild TXT "any"
a.b.empty A 192.0.2.3
sub NS ns.sub
ns.sub A 192.0.2.4
"""
# Of each zone: its first policy, and what is done with it in turn. What is said is a command about the zone; behind it,
# how many keys of which role the zone has had by the end of that.
LIVES = {
    "zsk": ("split", ("ksk 1 zsk 1",), ("dnssec roll zsk", "ksk 1 zsk 2")),
    "double-ksk": ("split", ("ksk 1 zsk 1",), ("dnssec roll ksk", "ksk 2 zsk 1")),
    "double-ds": ("double-ds", ("ksk 1 zsk 1",), ("dnssec roll ksk", "ksk 2 zsk 1")),
    "csk": ("csk", ("csk 1",), ("dnssec roll csk", "csk 2")),
    "ed25519": ("csk", ("csk 1",), ("dnssec=csk-ed25519", "csk 2")),
    "rsa": ("rsa", ("ksk 1 zsk 1",), ("dnssec=split-nsec3", "ksk 2 zsk 2")),
    "parted": ("csk", ("csk 1",), ("dnssec=split", "csk 1 ksk 1 zsk 1"), ("dnssec=csk", "csk 2 ksk 1 zsk 1")),
    "hashed": ("csk", ("csk 1",), ("dnssec=nsec3", "csk 1"), ("dnssec=csk", "csk 1")),
    "emergency": ("split-nsec3", ("ksk 1 zsk 1",), ("dnssec roll", "ksk 2 zsk 2")),
    "left": ("csk", ("csk 1",), ("dnssec=no", ""), ("dnssec=csk", "csk 1")),
}
ONE_KEY, HASHED = ("csk", "csk-ed25519", "nsec3"), ("rsa", "split-nsec3", "nsec3")
ASKED = (("www", "A"), ("%x.wild", "TXT"), ("no%x", "A"))
REFUSED = "connection refused"
END = 240


class Life:
    """A zone, its parent, and what is to become of it."""

    def __init__(self, label, policy, stages):
        self.name, self.policy, self.stages, self.at = label + ".example.", policy, stages, 0
        self.ended = False
        self.lock = threading.Lock()
        self.ds, self.before, self.until = [], [], 0.0    # lines, those before them, and until when caches have these
        self.seen = None                # when it was last looked at
        self.tags = {}                  # by the key's number
        self.counts = {}

    @property
    def wanted(self):
        words = self.stages[self.at][-1].split()
        return dict(zip(words[::2], map(int, words[1::2])))

    @property
    def leaves(self):
        return self.policy == "no"

    def go_on(self, server):
        """To the next part of its life."""
        if self.at + 1 == len(self.stages):
            self.ended = True
            return
        self.at += 1
        words = self.stages[self.at][0].split()
        if "=" in words[0]:
            server.tell("zone", "set", self.name, words[0])
            self.policy = words[0].split("=")[1]
        else:
            server.tell(*words[:2], self.name, *words[2:])

    # Keys.

    def look_at(self, status):
        """No key is lost, none is there twice, and there are not more than it takes."""
        keys = status["keys"]
        tags = {key["key"]: key["tag"] for key in keys}
        lost = {number: tag for number, tag in self.tags.items() if tags.get(number) != tag}
        check(not lost or not keys and self.leaves, self.name, "has lost keys", lost, "of", self.tags, "and has", keys)
        check(len(tags) == len(keys) and len(set(tags.values())) == len(keys), self.name, "has a key twice:", keys)
        self.tags = tags
        self.counts = {role: sum(key["role"] == role for key in keys) for role in {key["role"] for key in keys}}
        if not self.leaves:
            check(all(self.wanted.get(role, 0) >= count for role, count in self.counts.items()), self.name,
                  "has too many keys:", self.counts, "and not", self.wanted, keys)

    def is_done(self, status):
        if self.leaves:
            return status["state"] == "unsigned" and not status["keys"]
        used = [key for key in status["keys"] if not key["gone_at"]]
        return (status["state"] == "signed" and status["signed_by"] == self.policy and self.counts == self.wanted
                and len(used) == (1 if self.policy in ONE_KEY else 2)
                and status["denial"] == ("nsec3" if self.policy in HASHED else "nsec")
                and all("in use, and waits for nothing" in key["waits"] for key in used)
                and status["ds"] == self.ds and not status["ds_later"] and not status["ds_to_remove"])

    # The parent.

    def parent(self, status, server, rng):
        """Takes a step: takes the DS, or tells that it has."""
        if status["ds"] != self.ds and status["state"] in ("signed", "leaving"):
            check(status["ds"] or self.leaves or not self.ds, self.name, "asks for no DS:", status)
            with self.lock:
                self.before, self.ds, self.until = self.ds, status["ds"], time.monotonic() + DS_TTL
        if status["ds"] == self.ds and rng.random() < 0.5:
            for key in status["keys"]:
                for what, said in (("publish", "seen"), ("withdraw", "gone")):
                    if "waits for the parent to %s its DS" % what in key["waits"]:
                        server.tell("dnssec", "ds", self.name, said, str(key["key"]))

    def is_remembered(self):
        """Says whether caches may have other DS than the parent."""
        return self.before and time.monotonic() < self.until

    def trusted(self):
        """Gives the DS that a validator may have, of now or of before."""
        with self.lock:
            return self.before if self.is_remembered() and random.random() < 0.7 else self.ds

    def may_trust(self, trusted):
        with self.lock:
            return trusted == self.ds or trusted == self.before and self.is_remembered()


class Trusting(Delv):
    """By these DS."""

    def __init__(self, directory, server, life, trusted):
        self.server, self.name = server, life.name
        self.path = os.path.join(directory, "%s%d.anchor" % (life.name, threading.get_ident()))
        with open(self.path, "w", encoding="ascii") as file:
            file.write("trust-anchors {\n%s};\n" % "".join(
                '"%s" static-ds %s %s %s "%s";\n' % (life.name, *line.split(None, 6)[3:6], line.split(None, 6)[6])
                for line in trusted))


class World:
    def __init__(self, stage, rng):
        self.server, self.random = stage.add(Anser, settings=POLICIES), rng
        self.directory = stage.directory
        self.lives = [Life(label, policy, stages) for label, (policy, *stages) in LIVES.items()]
        self.kills = self.asked = self.verified = 0
        self.control, self.newest = None, {}
        self.ends = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(3)
        self.server.start([Zone(life.name, text=TEXT % life.name, dnssec=life.policy) for life in self.lives])
        self.connect()

    def connect(self):
        self.control = ControlSocket(self.server.path("control.sock"))

    def status(self, life):
        return self.control.done("dnssec status", zone=life.name)

    # What is served.

    def says(self, life, owner, rrtype):
        """Gives by which DS, or None, and what delv says then. What takes longer than a DS or a DNSKEY may be kept,
        as where this machine is busy, says nothing; what is too long for UDP waits for a control plane."""
        said = ""
        for _ in range(20):
            began, trusted = time.monotonic(), life.trusted()
            if not trusted:
                return None, None
            said = Trusting(self.directory, self.server, life, trusted).says(owner, rrtype)
            if time.monotonic() < began + 1 and life.may_trust(trusted) and REFUSED not in said:
                return trusted, said
        return (trusted, said) if REFUSED in said else (None, None)

    def validate(self, life, asked=ASKED):
        """Answers of now."""
        for owner, rrtype in asked:
            owner = owner.replace("%x", "%x" % random.randrange(1 << 32)) + "." + life.name
            trusted, said = self.says(life, owner, rrtype)
            if not trusted:
                return
            self.asked += 1
            wanted = "; negative response, fully validated" if owner.startswith("no") else "; fully validated"
            check(wanted in said and "; unsigned" not in said, "delv says of", owner, rrtype, "by", trusted, said)

    def watch(self):
        """All the time, with or without a control plane."""
        while not self.ends.is_set():
            for life in self.lives:
                for other in filter(Life.is_remembered, self.lives):
                    self.validate(other, [random.choice(ASKED)])
                self.validate(life)
                time.sleep(0.05)

    def verify(self, life):
        """Gives the serial."""
        transfer = self.server.axfr(life.name)
        types = [rrtype for _, rrtype, _, _ in transfer.records]
        if dns.rdatatype.DNSKEY not in types:
            check(not life.ds, life.name, "has no keys, and its parent has", life.ds)
            check(dns.rdatatype.RRSIG not in types, life.name, "has signatures, and no keys")
            return transfer.serial
        path = os.path.join(self.directory, life.name + "whole")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text_of(transfer.records[:-1]))
        done = subprocess.run(["ldns-verify-zone", "-V", "1", path], capture_output=True, text=True, timeout=60,
                              check=False)
        check(done.returncode == 0, "ldns-verify-zone says of", life.name, "serial", transfer.serial,
              (done.stdout + done.stderr)[-3000:])
        self.verified += 1
        return transfer.serial

    def look(self, life):
        """All of the zone; and an answer, where it was not looked at before."""
        seen = self.verify(life), tuple(life.ds)
        if seen != life.seen:
            self.validate(life, [random.choice(ASKED)])
        life.seen = seen

    def everything(self):
        list(self.pool.map(self.look, self.lives))

    # Kills.

    def changes(self):
        return {life.name: self.control.done("zone history", zone=life.name, limit=1)["changes"]
                for life in self.lives}

    def again(self):
        """Killed, and started again."""
        time.sleep(self.random.choice((0, 0.01, 0.1)) * self.random.random())
        self.control.close()
        self.server.stop(signal.SIGKILL)
        self.server.restart()
        self.connect()
        self.kills += 1
        if self.kills % 4 == 0:         # RSA keys take longer to be made than it lives otherwise
            until("all have keys", lambda: all(life.leaves or self.status(life)["keys"] for life in self.lives))

    # All of it.

    def turn(self):
        """Gives whether anything is left to do."""
        for life in self.lives:
            status = self.status(life)
            life.look_at(status)
            life.parent(status, self.server, self.random)
            if not life.ended and life.is_done(status):
                say("%s: %s" % (life.name, life.stages[life.at][0]))
                life.go_on(self.server)
        return not all(life.ended for life in self.lives)

    def live(self, watch):
        began = time.monotonic()
        while self.turn():
            check(time.monotonic() - began < END, "not at an end:", [
                (life.name, self.status(life)["keys"]) for life in self.lives if not life.ended])
            newest = self.changes()
            if newest != self.newest or self.random.random() < 0.02:
                self.newest = newest
                self.again()
                self.everything()
            if watch.done():
                break
            time.sleep(0.02)

    def run(self):
        watch = self.pool.submit(self.watch)
        try:
            self.live(watch)
        finally:
            self.ends.set()
            watch.result()
        for life in self.lives:
            whole(self.server, life.name, self.directory)
            self.validate(life)
        say("%d kills, %d zones verified, %d answers validated" % (self.kills, self.verified, self.asked))


def run(arguments):
    with Stage("dnssec-rolls") as stage:
        World(stage, random.Random(arguments.seed)).run()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(10000))
    arguments = parser.parse_args()
    print("--seed %d" % arguments.seed)
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
