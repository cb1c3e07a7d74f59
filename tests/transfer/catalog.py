#!/usr/bin/python3
"""Catalog zones (RFC 9432), from Knot and BIND to Anser, and from Anser to both.

    catalog.py {followed|made|moved} [--members N]

followed: Anser has what they name, and nothing else; it moves zones between catalogs, begins anew what has
another label, gives groups their templates, and changes nothing for a broken catalog, nor for one that takes
too much away at once.
made: they have what is a member here.
moved: a zone goes from one catalog of ours to another; a second Anser is not without it at any time, nor fetches
it anew, and BIND follows. (Knot 3.2 does not know how zones move.)
"""

import argparse
import contextlib
import re
import signal
import sys
import threading

from peers import Anser, Bind, Key, Knot, Stage, Zone
from checks import ControlSocket, check, passes, say, until

TEXT = "$TTL 60\n@ SOA ns h 1 60 60 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
CATALOG = "$TTL 0\n@ SOA . . 1 60 60 86400 0\n@ NS invalid.\nversion TXT \"2\"\n"
KEY = Key("catalog.key.")
# All zones at once: who is told SERVFAIL comes again after a minute.
MANY = ["transfer:", "  max-out: 10000", "  max-out-per-client: 10000"]


def member(number):
    return "m%d.example." % number


def control(anser, name, /, **args):
    with contextlib.closing(ControlSocket(anser.path("control.sock"))) as socket:
        return socket.done(name, **args)


def catalog_of(anser, name):
    return next((one for one in control(anser, "catalog list")["catalogs"] if one["zone"] == name), {})


def metric(anser, name, catalog, **labels):
    wanted = {"catalog": catalog, **labels}
    for line in anser.tell("metrics").splitlines():
        match = re.fullmatch(r"anser_%s\{(.*)\} (\d+)" % name, line)
        if match and wanted.items() <= dict(re.findall(r'(\w+)="([^"]*)"', match.group(1))).items():
            return int(match.group(2))
    return None


def zones_of(anser):
    return {zone["name"] for zone in control(anser, "zone list")["zones"]}


def wait_for(anser, name, **wanted):
    """Until what is told of a catalog is that."""
    return until("%s is %s: %s" % (name, wanted, catalog_of(anser, name)),
                 lambda: wanted.items() <= catalog_of(anser, name).items() and catalog_of(anser, name), 60)


def wait_for_zones(anser, wanted):
    until("there are %d zones" % len(wanted), lambda: anser.is_alive() and zones_of(anser) == set(wanted), 60)


def lines(*members):
    """Of a catalog: each (label, name), with group= or coo=."""
    result = []
    for label, name, *more in members:
        result.append("%s.zones 0 PTR %s" % (label, name))
        for prop in more:
            key, value = prop.split("=")
            result.append("%s.%s.zones 0 %s %s" % (key, label, "TXT" if key == "group" else "PTR", value))
    return result


# ---- Anser follows ----

def follow_knot(stage, count):
    """A catalog that Knot makes by itself."""
    knot = stage.add(Knot)
    anser = stage.add(Anser, template={"groups": ["fast=fast"]},
                      templates=[{"name": "fast", "refresh-max": "7s"}])
    names = [member(number) for number in range(count)]
    knot.start([Zone("cat.", catalog="made", to=[anser], key=KEY)]
               + [Zone(name, TEXT, to=[anser], key=KEY, member_of="cat.",
                       group="fast" if name == names[0] else None) for name in names])
    anser.start([Zone("cat.", catalog="followed", primaries=[knot], key=KEY)])
    for name in names:
        anser.wait(name, 1)
    wait_for_zones(anser, names + ["cat."])
    wait_for(anser, "cat.", state="ok", members=count, alarm=None)
    policy = control(anser, "zone policy", zone=names[0])
    check(policy["template"] == "fast" and policy["group"] == "fast" and policy["refresh_max"] == 7
          and policy["from"]["primaries"] == "catalog" and policy["kind"] == "secondary", policy)
    check(control(anser, "zone policy", zone=names[1])["template"] == "default", "another group")
    say("%d zones came from Knot's catalog" % count)
    knot.remove_zone(names[1])
    knot.add_zone(Zone("late.example.", TEXT, to=[anser], key=KEY, member_of="cat."))
    anser.wait("late.example.", 1)
    wait_for_zones(anser, set(names) - {names[1]} | {"cat.", "late.example."})
    serial = knot.change("late.example.", add=["new 60 A 192.0.2.9"])
    anser.wait("late.example.", serial)
    say("one went and one came")
    knot.add_zone(Zone("last.example.", TEXT, to=[anser], key=KEY, member_of="cat."))
    anser.stop(signal.SIGKILL)
    knot.remove_zone(names[2])
    anser.restart()
    anser.wait("late.example.", serial)
    anser.refresh("cat.")
    anser.wait("last.example.", 1)
    wait_for(anser, "cat.", state="ok", alarm=None)
    wait_for_zones(anser, set(names) - set(names[1:3]) | {"cat.", "late.example.", "last.example."})
    check("consumer" in anser.tell("catalog", "list"), "catalog list")
    say("all is found again after a SIGKILL")


class Followed:
    """Two catalogs that are zones like others to BIND."""

    def __init__(self, stage):
        self.bind = stage.add(Bind)
        self.anser = stage.add(Anser)
        self.names = [member(number) for number in range(6)]
        self.bind.start([Zone(name, CATALOG, to=[self.anser], key=KEY) for name in ("one.", "two.")]
                        + [Zone(name, TEXT, to=[self.anser], key=KEY) for name in self.names])
        self.bind.change("one.", add=lines(*(("l%d" % at, name) for at, name in enumerate(self.names))))
        self.own = "own.example."
        self.anser.start([Zone(name, catalog="followed", primaries=[self.bind], key=KEY)
                          for name in ("one.", "two.")] + [Zone(self.own, TEXT, key=KEY)])
        for name in self.names:
            self.anser.wait(name, 1)
        self.serial = wait_for(self.anser, "one.", state="ok", members=6)["serial"]

    def id_of(self, name):
        return control(self.anser, "zone show", zone=name)["id"]

    def change(self, name, state="ok", **more):
        """In a catalog, until Anser has looked at it."""
        serial = self.bind.change(name, **more)
        return wait_for(self.anser, name, serial=serial, state=state)

    def all_are_here(self, *but):
        wanted = set(self.names) - set(but) | {"one.", "two.", self.own}
        check(zones_of(self.anser) == wanted, zones_of(self.anser), wanted)

    def has_metrics(self, name, told, state):
        for field, figure in (("serial", "serial"), ("members", "members"), ("gone", "kept_zones"),
                              ("foreign", "foreign_members"), ("refused", "refused_versions_total"),
                              ("followed_at", "followed_timestamp_seconds")):
            check(metric(self.anser, "catalog_" + figure, name, kind="consumer") == told[field], field, told)
        check(metric(self.anser, "catalog_state", name, state=state) == 1, state)

    def broken(self):
        """Nothing changes, and an operator gets to know."""
        told = self.change("one.", "broken", delete=["version 0 TXT \"2\"", *lines(("l0", self.names[0]))],
                           add=lines(("l9", "m9.example.")))
        check("broken" in told["alarm"] and "version.one." in told["alarm"], told)
        self.all_are_here()
        check(told["refused"] == 1 and told["followed_at"], told)
        self.has_metrics("one.", told, "broken")
        for asked in ({"zone": "one."}, {"zone": self.names[0]}):
            check(told["alarm"] in control(self.anser, "zone policy", **asked)["warnings"], asked)
        check(told["alarm"] in control(self.anser, "status")["alarms"], "status")
        self.change("one.", add=["version 0 TXT \"2\"", *lines(("l0", self.names[0]))],
                    delete=lines(("l9", "m9.example.")))
        self.all_are_here()
        check(control(self.anser, "zone policy", zone="one.")["warnings"] == [], "it is well again")
        say("a broken catalog changes nothing")

    def reset(self):
        before = {name: self.id_of(name) for name in self.names}
        self.change("one.", delete=lines(("l0", self.names[0])), add=lines(("other", self.names[0])))
        until("it begins anew", lambda: self.id_of(self.names[0]) != before[self.names[0]])
        self.anser.wait(self.names[0], 1)
        check(all(self.id_of(name) == before[name] for name in self.names[1:]), "others are what they were")
        say("another label makes a zone anew")

    def foreign(self):
        told = self.change("one.", add=lines(("own", self.own)))
        check(told["foreign"] == 1 and self.own in told["alarm"], told)
        self.has_metrics("one.", told, "ok")
        check(control(self.anser, "zone policy", zone=self.own)["kind"] == "primary", "it is ours")
        told = self.change("two.", add=lines(("l1", self.names[1])))
        check(told["foreign"] == 1 and self.names[1] in told["alarm"], told)
        self.change("two.", delete=lines(("l1", self.names[1])))
        told = self.change("one.", delete=lines(("own", self.own)))
        check(told["alarm"] is None, told)
        self.all_are_here()
        say("what is here for another reason is left alone")

    def moves(self):
        """With its label: as it is; with another: anew."""
        kept, anew = self.names[1:3]
        before = {name: self.id_of(name) for name in (kept, anew)}
        self.change("one.", add=["coo.l1.zones 0 PTR two.", "coo.l2.zones 0 PTR two."])
        self.change("two.", add=lines(("l1", kept), ("x2", anew)))
        until("they have moved", lambda: all(control(self.anser, "zone policy", zone=name)["catalog"] == "two."
                                             for name in (kept, anew)))
        until("only one is what it was",
              lambda: self.id_of(kept) == before[kept] and self.id_of(anew) != before[anew])
        for told in (wait_for(self.anser, "one.", alarm=None), wait_for(self.anser, "two.", alarm=None)):
            check(told["foreign"] == 0, told)
        self.change("one.", delete=["coo.l1.zones 0 PTR two.", "coo.l2.zones 0 PTR two.",
                                    *lines(("l1", kept), ("l2", anew))])
        self.all_are_here()
        self.anser.wait(anew, 1)
        say("zones move from catalog to catalog")

    def cap(self):
        """What is left of catalog one. is m0, m3, m4, m5."""
        told = self.change("one.", "held", delete=lines(*(("l%d" % at, self.names[at]) for at in (3, 4, 5))))
        check(told["gone"] == 3 and "accept" in told["alarm"], told)
        self.has_metrics("one.", told, "held")
        self.all_are_here()
        said = self.anser.tell("catalog", "accept", "one.")
        check("one." in said, said)
        wait_for(self.anser, "one.", state="ok", members=1)
        until("they go", lambda: zones_of(self.anser) & set(self.names) == set(self.names[:3]))
        with contextlib.closing(ControlSocket(self.anser.path("control.sock"))) as socket:
            check(socket.command("catalog accept", zone="one.")[0] == 1, "nothing is left to be accepted")
        say("too many go only when that is accepted")


def followed(arguments):
    with Stage("catalog") as stage:
        follow_knot(stage, arguments.members)
    with Stage("catalog") as stage:
        with_bind = Followed(stage)
        with_bind.broken()
        with_bind.reset()
        with_bind.foreign()
        with_bind.moves()
        with_bind.cap()


# ---- Anser makes ----

def made(arguments):
    with Stage("catalog") as stage:
        knot, bind, second = stage.add(Knot), stage.add(Bind), stage.add(Anser)
        anser = stage.add(Anser, settings=MANY)
        others = [knot, bind, second]
        names = [member(number) for number in range(arguments.members)]
        anser.start([Zone("cat.", catalog="made", to=others, key=KEY)]
                    + [Zone(name, TEXT, to=others, key=KEY, member_of="cat.") for name in names]
                    + [Zone("aside.example.", TEXT, key=KEY)])
        wait_for(anser, "cat.", state="ok", members=len(names))
        for peer in others:
            peer.start([Zone("cat.", catalog="followed", primaries=[anser], key=KEY)])
        for peer in others:
            for name in names:
                peer.wait(name, 1)
            check(peer.serial("aside.example.") is None, peer.id, "has what is no member")
            say("%s has %d zones" % (peer.id, len(names)))
        serial = anser.change(names[0], add=["new 60 A 192.0.2.9"])
        for peer in others:
            peer.wait(names[0], serial)
        anser.tell("zone", "set", names[1], "group=fast")
        anser.tell("zone", "set", "aside.example.", "catalog=cat.")
        for peer in others:
            peer.wait("aside.example.", 1)
        records = {record[:2] for record in anser.records("cat.")}
        check(sum(rrtype == "PTR" for _, rrtype in records) == len(names) + 1, records)
        until("there is a group",
              lambda: any(owner.startswith("group.") for owner, _, _, _ in anser.records("cat.")))
        anser.tell("zone", "set", "aside.example.", "catalog=")
        for peer in others:
            until("%s has it no more" % peer.id, lambda peer=peer: peer.serial("aside.example.") is None, 60)
            check(peer.serial(names[0]) == serial, peer.id, "has lost others")
        check(control(anser, "zone history", zone="cat.")["changes"], "a history")
        say("a zone came and went everywhere")


# ---- Anser moves ----

class Watch:
    """Asks servers for a zone all the time: each has to have it, whatever happens to it."""

    def __init__(self, peers, name):
        self.peers, self.name, self.over = peers, name, threading.Event()
        self.missing, self.asked = [], 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(0.02):
            for peer in self.peers:
                if peer.serial(self.name) is None:
                    self.missing.append(peer.id)
                self.asked += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        if not kind:
            check(self.asked > 10 and not self.missing, "were without it:", self.missing, self.asked)


def coo_records(anser, catalog):
    return {rdata for owner, _, rrtype, rdata in anser.records(catalog) if owner.startswith("coo.")}


def bind_has_moved(bind, name):
    """It takes a zone that is given away out of one catalog, and into the other anew."""
    text = bind.log()
    name = name.rstrip(".")
    return ("deleting zone '%s' from catalog 'one' - success" % name in text
            and "adding zone '%s' from catalog 'two' - success" % name in text)


def number_of(anser, name):
    """None: it is not there."""
    with contextlib.closing(ControlSocket(anser.path("control.sock"))) as socket:
        outcome, result = socket.command("zone show", zone=name)
        return result["id"] if outcome == 0 else None


def moved(arguments):
    with Stage("catalog") as stage:
        bind, second = stage.add(Bind), stage.add(Anser)
        anser = stage.add(Anser, settings=MANY)
        others = [bind, second]
        names = [member(number) for number in range(min(arguments.members, 5))]
        goes, hurried = names[:2]
        anser.start([Zone(name, catalog="made", to=others, key=KEY) for name in ("one.", "two.")]
                    + [Zone(name, TEXT, to=others, key=KEY, member_of="one.") for name in names])
        wait_for(anser, "one.", state="ok", members=len(names))
        wait_for(anser, "two.", state="ok", members=0)
        for peer in others:
            peer.start([Zone(name, catalog="followed", primaries=[anser], key=KEY) for name in ("one.", "two.")])
        for peer in others:
            for name in names:
                peer.wait(name, 1)
        before = {name: number_of(second, name) for name in names}
        with Watch([second], goes):
            anser.tell("zone", "set", goes, "catalog-to=two.")
            wait_for(anser, "two.", members=1)
            wait_for(anser, "one.", members=len(names))
            check(any("catalog=two." in text for text in control(anser, "zone policy", zone=goes)["warnings"]),
                  "nothing warns of the second step")
            until("the old one says so", lambda: coo_records(anser, "one."))
            check(not coo_records(anser, "two."), "so does the new one")
            until("the second Anser has taken it over",
                  lambda: control(second, "zone policy", zone=goes)["catalog"] == "two.")
            until("BIND has", lambda: bind_has_moved(bind, goes))
            for peer in others:
                for name in ("one.", "two."):
                    peer.wait(name, anser.serial(name))
            anser.tell("zone", "set", goes, "catalog=two.", "catalog-to=")
            wait_for(anser, "one.", members=len(names) - 1)
            check(not control(anser, "zone policy", zone=goes)["warnings"], "still warned of")
            for peer in others:
                peer.wait("one.", anser.serial("one."))
            serial = anser.change(goes, add=["new 60 A 192.0.2.9"])
            for peer in others:
                peer.wait(goes, serial)
        check(number_of(second, goes) == before[goes], "it began anew")
        for told in (wait_for(second, "one.", state="ok"), wait_for(second, "two.", state="ok")):
            check(told["foreign"] == 0 and told["alarm"] is None, told)
        say("a zone has moved, and was there all the time")
        # What the first step is for.
        anser.tell("zone", "set", hurried, "catalog=two.")
        until("without the first step it begins anew",
              lambda: number_of(second, hurried) not in (None, before[hurried]), 60)
        say("without the first step it begins anew")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["followed", "made", "moved"])
    parser.add_argument("--members", type=int, default=30)
    arguments = parser.parse_args()
    what = {"followed": followed, "made": made, "moved": moved}[arguments.what]
    return passes(lambda: what(arguments))


if __name__ == "__main__":
    sys.exit(main())
