#!/usr/bin/python3
"""Servers that end in the middle of a large transfer or commit, by SIGTERM and by SIGKILL, and start again.

    interrupted.py [--rounds N] [--seed N]

A primary has a zone of one and a half million octets, of which each change replaces near a half. Two secondaries
fetch it, one by IXFR and one by AXFR, through proxies that let octets pass as slowly as the test likes. In each
round the primary takes a new version, and while that is committed, comes to a secondary or is committed
there, one of them is ended at random. Started again, and cut off from its primary, it must have a whole version,
the old or the new one; then it must come to have the new one without being told, and must have left nothing on the
disk.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import sys
import threading
import time

import dns.rcode

from peers import Anser, Key, Stage, Zone, contents_of, same
from checks import Failure, check, free_port, passes, say, until

NAME = "large.example."
RECORDS = 2000
CHANGED = 900               # by each version
STRINGS = 3
SOON = {"refresh-min": "1s", "retry-min": "1s"}
SECONDS = 0.8               # that a transfer takes when it is to be interrupted
PATIENCE = 90               # seconds until what was interrupted has been done
CHUNK = 8192


def children(pid):
    """Of a process's first thread, which starts them."""
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


class Versions:
    """What the zone is, by serial: a text and contents, the same each time for one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.since = [1] * RECORDS        # the serial at which each record was made
        self.texts = {1: self.written(1)}
        self.contents = {}

    def written(self, serial):
        lines = ["$TTL 60", "@ SOA ns hostmaster %d 1 1 86400 60" % serial, "@ NS ns", "ns A 192.0.2.1"]
        for number, since in enumerate(self.since):
            source = random.Random(number << 32 | since)
            lines.append("n%d TXT %s" % (number, " ".join(
                "%0240x" % source.getrandbits(960) for _ in range(STRINGS))))
        return "\n".join(lines) + "\n"

    @property
    def newest(self):
        return max(self.texts)

    def make(self):
        serial = self.newest + 1
        for number in self.random.sample(range(RECORDS), CHANGED):
            self.since[number] = serial
        self.texts[serial] = self.written(serial)
        return serial

    def of(self, serial):
        check(serial in self.texts, "serial", serial, "was never made")
        if serial not in self.contents:
            self.contents[serial] = contents_of(self.texts[serial], NAME)
        return self.contents[serial]


class Proxy:
    """Stands before a server: a primary for a Zone. What comes from the server passes at a pace, in octets
    per second; while it is shut nothing passes, and no connection lives."""

    def __init__(self, server):
        self.server = server
        self.id = "proxy-" + server.id
        self.address, self.port = server.address, free_port()
        self.pace = None
        self.passed = 0
        self.is_open = True
        self.sockets = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server((self.address, self.port))
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind((self.address, self.port))
        for serve in (self.accept_all, self.forward_datagrams):
            threading.Thread(target=serve, daemon=True).start()

    def accept_all(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection((self.server.address, self.server.port))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.sockets |= {client, server}
                shut = not self.is_open
            if shut:
                self.end(client, server)
                continue
            for pair in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, target, is_paced):
        with contextlib.suppress(OSError):
            while True:
                octets = source.recv(CHUNK)
                if not octets:
                    break
                target.sendall(octets)
                if is_paced:
                    self.passed += len(octets)
                    if self.pace:
                        time.sleep(len(octets) / self.pace)
        self.end(source, target)

    def end(self, *sockets):
        with self.lock:
            ours = self.sockets & set(sockets)
            self.sockets -= ours
        for each in ours:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        # Not closed by who is not the last to use it: collected when both threads are done.

    def forward_datagrams(self):
        """One at a time: a server that is down has its client wait, which is well."""
        while True:
            question, client = self.datagrams.recvfrom(65535)
            with contextlib.suppress(OSError), \
                 socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
                upstream.settimeout(2)
                upstream.connect((self.server.address, self.server.port))
                if not self.is_open:
                    continue
                upstream.send(question)
                answer = upstream.recv(65535)
                if self.is_open:
                    self.datagrams.sendto(answer, client)

    def shut(self):
        with self.lock:
            self.is_open = False
            sockets = set(self.sockets)
        self.end(*sockets)

    def open(self):
        self.is_open = True

    def slow(self, octets):
        """So many in SECONDS, from now on."""
        self.pace, self.passed = octets / SECONDS, 0

    def quick(self):
        self.pace = None


class Secondary:
    def __init__(self, stage, primary, key, way):
        self.way = way
        self.proxy = Proxy(primary)
        self.server = stage.add(Anser, settings=["history:", "  keep-changes: 4"],
                                template={**SOON, "request-ixfr": way == "IXFR"})
        self.key = key
        self.size = None          # octets of a transfer
        self.files = None
        self.used = None          # octets in the store

    def start(self):
        self.server.start([Zone(NAME, primaries=[self.proxy], key=self.key)])

    def all_files(self):
        return {os.path.join(where, name)[len(self.server.directory):]
                for where, _, names in os.walk(self.server.directory) for name in names}

    def octets_used(self):
        return json.loads(self.server.tell("--json", "status"))["store"]["bytes_used"]


class Test:
    def __init__(self, stage, source):
        self.random = source
        self.versions = Versions(source.randrange(1 << 32))
        self.key = Key("interrupted.key.")
        self.primary = stage.add(Anser, template=SOON)
        self.secondaries = [Secondary(stage, self.primary, self.key, way) for way in ("IXFR", "AXFR")]
        # Seconds in which a commit of theirs, or the primary's, is over about as often as not.
        self.within = {each: 0.1 for each in [self, *self.secondaries]}

    # What has to hold.

    def check_stored(self, server, allowed):
        """Gives the serial."""
        transfer = server.axfr(NAME)
        check(transfer.serial in allowed, server.id, "has serial", transfer.serial, "and not one of", allowed)
        same(self.versions.of(transfer.serial), transfer.contents(),
             "version %d, and what %s has stored," % (transfer.serial, server.id))
        return transfer.serial

    def check_whole(self, server, allowed):
        """Of a server whose contents do not change meanwhile. Gives the serial."""
        serial = self.check_stored(server, allowed)
        server.wait(NAME, serial)
        for owner, rrtype, ttl, rdata in self.random.sample(sorted(self.versions.of(serial)), 20):
            answer = server.ask(owner, rrtype, tcp=True, timeout=5)
            check(answer is not None and [
                record.to_digestable() for rrset in answer.answer for record in rrset] == [rdata],
                  "version", serial, "and what", server.id, "answers about", owner, rrtype, ttl, answer)
        return serial

    def has_nothing(self, server):
        answer = server.ask(NAME, "SOA")
        return answer is not None and answer.rcode() == dns.rcode.SERVFAIL

    def converged(self):
        for secondary in self.secondaries:
            secondary.server.wait(NAME, self.versions.newest, PATIENCE)
            self.check_whole(secondary.server, {self.versions.newest})
            left = secondary.all_files() ^ secondary.files if secondary.files else None
            check(not left, secondary.server.id, "files that have come or gone:", left)

    # What is done.

    def end(self, server, number):
        """One that is told to end does so in good order, whatever is under way. With one that is killed the data
        plane goes at times, too, and with it the table that it would have served on from."""
        process = server.process
        others = children(process.pid)
        server.stop(number)
        if number == signal.SIGKILL and self.random.randrange(2):
            for pid in others:
                os.kill(pid, signal.SIGKILL)
        check(number == signal.SIGKILL or process.returncode == 0, server.id, "ended with", process.returncode,
              server.log_tail())

    def begin_change(self):
        """The primary is told, and has not said that it is done."""
        serial = self.versions.make()
        zone = self.primary.zones[NAME]
        zone.text = self.versions.texts[serial]
        self.primary.write(zone.plain + ".zone", zone.text)
        thread = threading.Thread(target=self.reload_once, daemon=True)
        thread.start()
        return serial, thread

    def reload_once(self):
        with contextlib.suppress(Failure):        # it has been ended
            self.primary.reload(self.primary.zones[NAME])

    def within_transfer(self, secondary):
        """Waits until a random part of a transfer has passed."""
        wanted = self.random.random() * secondary.size
        until("%d octets have passed" % wanted, lambda: secondary.proxy.passed > wanted, PATIENCE)

    def within_commit(self, secondary):
        """Waits until near all has passed, and a random part of the time that a commit may take."""
        until("all has passed", lambda: secondary.proxy.passed > secondary.size * 0.98, PATIENCE)
        time.sleep(self.random.random() * self.within[secondary])

    def bring_back(self, secondary, allowed):
        """What it has without its primary is whole."""
        secondary.proxy.shut()
        secondary.proxy.quick()
        secondary.server.restart()
        until("%s has its contents" % secondary.server.id,
              lambda: secondary.server.serial(NAME) is not None
              or (None in allowed and self.has_nothing(secondary.server)))
        serial = secondary.server.serial(NAME)
        if serial is not None:
            self.check_whole(secondary.server, allowed)
        secondary.proxy.open()
        return serial

    def end_secondary(self, secondary, number, phase):
        old = self.versions.newest
        if phase == "transfer":
            secondary.proxy.slow(secondary.size)
        secondary.proxy.passed = 0
        serial, reload = self.begin_change()
        if phase == "transfer":
            self.within_transfer(secondary)
        else:
            self.within_commit(secondary)
        self.end(secondary.server, number)
        back = self.bring_back(secondary, {old, serial})
        reload.join()
        return back == old

    def end_primary(self, secondary, number, phase):
        """In the midst of a transfer to this secondary, or of its own commit."""
        old = self.versions.newest
        if phase == "transfer":
            for each in self.secondaries:
                each.proxy.slow(each.size)
        serial, reload = self.begin_change()
        if phase == "transfer":
            self.within_transfer(secondary)
        else:
            time.sleep(self.random.random() * self.within[self])
        self.end(self.primary, number)
        reload.join()
        for each in self.secondaries:
            each.proxy.quick()
        for each in self.secondaries:       # they may just be committing
            self.check_stored(each.server, {old, serial})
        self.primary.restart()
        back = self.check_stored(self.primary, {old, serial})
        # It finds out for itself that its file is another.
        self.primary.wait(NAME, serial, PATIENCE)
        self.check_whole(self.primary, {serial})
        return back == old

    def first(self):
        """A secondary that had nothing yet, ended in its first transfer."""
        self.primary.start([Zone(NAME, text=self.versions.texts[1], key=self.key,
                                 to=[each.server for each in self.secondaries])])
        size = len(self.versions.texts[1])
        for secondary, number in zip(self.secondaries, (signal.SIGKILL, signal.SIGTERM)):
            secondary.size = size
            secondary.proxy.slow(size)
            secondary.start()
            self.within_transfer(secondary)
            self.end(secondary.server, number)
            back = self.bring_back(secondary, {None, 1})
            say("first transfer, %s: %s" % (number.name, "nothing" if back is None else "whole"))
        self.converged()

    def measure(self):
        """How large transfers of a change are, and what is on the disk."""
        for secondary in self.secondaries:
            secondary.proxy.passed = 0
        _, reload = self.begin_change()
        reload.join()
        self.converged()
        for secondary in self.secondaries:
            secondary.size = secondary.proxy.passed
            secondary.files = secondary.all_files()
            secondary.used = secondary.octets_used()
            check(secondary.size > 1000000, "octets of a transfer:", secondary.size)
            check(("serial 2 by %s from" % secondary.way) in secondary.server.log(), secondary.server.log())
            say("%s: %d octets come, %d are used" % (secondary.way, secondary.size, secondary.used))

    def rounds(self, count):
        every = list(itertools.product((self.end_secondary, self.end_primary), ("transfer", "commit"),
                                       (signal.SIGKILL, signal.SIGTERM)))
        for number in range(count):
            if number % len(every) == 0:
                self.random.shuffle(every)
            end, phase, sent = every[number % len(every)]
            secondary = self.random.choice(self.secondaries)
            was_old = end(secondary, sent, phase)
            if phase == "commit":
                whose = secondary if end == self.end_secondary else self
                self.within[whose] *= 1.5 if was_old else 1 / 1.5
            say("%s by %s, %s in a %s: %s" % (end.__name__, secondary.way, sent.name, phase,
                                              "old" if was_old else "new"))
            self.converged()

    def room(self):
        """The log of changes is kept short: what is used beyond it would be of versions that nobody has."""
        for secondary in self.secondaries:
            until("%s uses little more than before: %d octets" % (secondary.server.id, secondary.octets_used()),
                  lambda each=secondary: each.octets_used() < 6 * each.used)
            say("%s: %d octets are used" % (secondary.way, secondary.octets_used()))


def run(arguments):
    with Stage("interrupted") as stage:
        test = Test(stage, random.Random(arguments.seed))
        test.first()
        test.measure()
        test.rounds(arguments.rounds)
        test.room()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    say("seed %d" % arguments.seed)
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
