"""A server whose clock jumps (libfaketime), resolvers that jump with it, and a parent that takes what is asked of it.

    world = World(stage, ds_ttl=7200)
    world.start(policies(parent="csk: yes", some="..."), "$ORIGIN example...", [
        Zone("child.example.", text="...", dnssec="some")])     # each below PARENT, or below another
    with world.resolver("often") as often:
        world.clock.go(HOUR)
        world.registry(["child.example."])
        often.secure("www.child.example.", "A")
"""

import os
import time

import dns.message
import dns.query

from checks import Skipped
from signing import Unbound, anchors, wait_signed

from peers import Anser, Zone

HOUR, DAY = 3600, 86400
PARENT = "example."
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class Clock:
    """A time that processes have, so many seconds from ours."""

    def __init__(self, directory):
        paths = [LIBRARY, *(os.path.join(part, "libfaketimeMT.so.1")
                            for part in os.environ.get("LD_LIBRARY_PATH", "").split(":") if part)]
        library = next(filter(os.path.exists, paths), None)
        if not library:
            raise Skipped("libfaketime is not installed")
        self.path, self.offset = os.path.join(directory, "clock"), 0
        self.environment = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        self.go(0)

    def go(self, seconds):
        self.offset += seconds
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write("%+d\n" % self.offset)
        os.rename(self.path + ".new", self.path)

    def now(self):
        return time.time() + self.offset


class Elsewhen(Anser):
    """The control plane has another time; the data plane, which may open no files, has ours."""

    def live_in(self, clock):
        self.environment = {**os.environ, **clock.environment}

    def configure(self):
        super().configure()
        plane = self.program.replace("anser-control", "anser-dataplane")
        script = self.write("plane", '#!/bin/sh\nunset LD_PRELOAD\nexec %s "$@"\n' % plane)
        os.chmod(script, 0o700)
        with open(self.path("anser.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.write("anser.yaml", text.replace("supervise: " + plane, "supervise: " + script))


class World:
    """ds_ttl: of the DS at PARENT, in seconds."""

    def __init__(self, stage, ds_ttl):
        self.directory, self.ds_ttl = stage.directory, ds_ttl
        self.clock = Clock(stage.directory)
        self.server = stage.add(Elsewhen)
        self.server.live_in(self.clock)
        self.children, self.ds = [], {}     # lines without owner, TTL and type, of each that has one

    def start(self, settings, parent, zones):
        """Until all are signed that are to be. settings: with a policy "parent", by which PARENT is signed, whose text
        without delegations is parent."""
        self.server.settings = settings
        self.children = [zone.name for zone in zones]
        text = parent + "".join("%s NS ns\n" % name for name in self.children if name.split(".", 1)[1] == PARENT)
        self.server.start([Zone(PARENT, text=text, dnssec="parent"), *zones])
        for zone in self.server.zones.values():
            if zone.dnssec:
                wait_signed(self.server, zone.name)

    def resolver(self, name, by=None):
        """One that wants all algorithms to be right, and does not ask again for what does not fit what it has. by:
        another resolver, that it has everything from."""
        directory = os.path.join(self.directory, name)
        os.makedirs(directory, exist_ok=True)
        zones = {PARENT: by} if by else dict.fromkeys((PARENT, *self.children), self.server)
        return Unbound(directory, zones, anchors(self.server, PARENT), self.clock.environment,
                       ["harden-algo-downgrade: yes", "val-max-restart: 0"], forwards=bool(by))

    def cache(self, name):
        """A resolver that believes everything."""
        directory = os.path.join(self.directory, name)
        os.makedirs(directory, exist_ok=True)
        return Unbound(directory, dict.fromkeys((PARENT, *self.children), self.server), [], self.clock.environment,
                       ['module-config: "iterator"', "minimal-responses: no"])

    def answer(self, name, rrtype, want_dnssec=False):
        query = dns.message.make_query(name, rrtype, want_dnssec=want_dnssec)
        return dns.query.tcp(query, self.server.address, 5, self.server.port).answer

    def wanted(self, name):
        """The DS that the CDS ask for, or None: as it is."""
        found = self.answer(name, "CDS")
        texts = sorted(rdata.to_text() for rdata in found[0]) if found else None
        return [] if texts and texts[0].startswith("0 0 0") else texts

    def registry(self, names):
        """The parent has what they ask for. Gives the names of those that have another DS now."""
        changed, gone, come = [], [], []
        for name in names:
            wanted, has = self.wanted(name), self.ds.get(name, [])
            if wanted is None or wanted == has:
                continue
            gone += ["%s %d DS %s" % (name, self.ds_ttl, ds) for ds in has if ds not in wanted]
            come += ["%s %d DS %s" % (name, self.ds_ttl, ds) for ds in wanted if ds not in has]
            self.ds[name] = wanted
            changed.append(name)
        if changed:
            self.server.edit(PARENT, come, gone)
        return changed
