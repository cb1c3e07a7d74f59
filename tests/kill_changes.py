#!/usr/bin/python3
"""kill -9 of the control plane at random moments of thousands of transactions.

Writers change records, over HTTP and over the control socket, several zones in one transaction at
times, each in names of its own and one transaction after the other. So it is known at any time what
is there: what was acknowledged, and of the one transaction that a writer had under way when the
control plane was killed either all or nothing. After each kill

* the data plane shows that, and nothing that is not in the store when it is read again;
* the audit log tells every acknowledged transaction once, those under way once or not at all, no
  other, each with just the records that it was sent with, and its chain is whole;
* what the log tells, record by record and serial by serial, comes to what is in the zones;
* what is served, by every worker, is what is stored.

    kill_changes.py [--transactions N] [--kills N] [--seed N]

The seed decides what is sent and about when is killed; how far the server is then, it does not.
"""

import argparse
import collections
import contextlib
import http.client
import json
import random
import re
import socket
import sys
import threading
import time

import dns.message
import dns.rcode

import death
from checks import PATIENCE, ControlSocket, HttpSocket, check, say, until

ZONES = ["z%d.example." % i for i in range(4)]
NAMES = 10             # of each writer in each zone
SOCKETS = 8            # that ask; the kernel deals them out to the workers
API = "/api/v1/servers/localhost/zones"

ZONE = """@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS ns
ns 60 A 192.0.2.1
"""


class Programs(death.Programs):
    """Zones of which each is there from the start."""

    def write_files(self):
        self.write("zone", ZONE)
        self.write("anser.yaml", self.configuration(dict.fromkeys(ZONES, "zone"), workers=2))

    def control_socket(self):
        return contextlib.closing(ControlSocket(self.path("control.sock")))


# ---- transactions ----

# A transaction is what it makes of RRsets: {(zone, name, type): (ttl, sorted texts) or None}.

def writer_of(key):
    """The label of the writer whose RRset it is, or None."""
    label = re.search(r"\bw[0-9]+\b", key[1])
    return label[0] if label and key[2] in ("A", "TXT") else None


class Writer:
    """Makes transactions, and knows what is in its names once they are done."""

    def __init__(self, number, random_):
        self.label = "w%d" % number
        self.random = random_
        self.made = 0
        self.here = {}           # RRsets that are there
        self.acknowledged = 0
        self.unchecked = []      # what was acknowledged since the log was last read
        self.under_way = None    # sent, and not answered

    def own_zone(self):
        """A zone that it makes and removes."""
        return "%s.made.example." % self.label

    def sets_of(self, zones):
        """A random value for some names of each zone, or none where there is one."""
        sets = {}
        for zone in zones:
            for i in self.random.sample(range(NAMES), self.random.randint(1, 4)):
                key = (zone, "%s-%d.%s" % (self.label, i, zone), self.random.choice(["A", "TXT"]))
                gone = key in self.here and self.random.random() < 0.3
                sets[key] = None if gone else self.value(key[2], i)
        return sets

    def value(self, rrtype, salt):
        ttl = self.random.randint(1, 9999)
        if rrtype == "TXT":
            return ttl, ('"%s %d %d"' % (self.label, self.made, salt),)
        return ttl, tuple(sorted("10.%d.%d.%d" % (self.made >> 8 & 255, self.made & 255, i)
                                 for i in range(self.random.randint(1, 3))))

    def tagged(self, zone, sets):
        """With a record that every transaction changes."""
        sets[(zone, "tag-%s.%s" % (self.label, zone), "TXT")] = (60, ('"%d"' % self.made,))
        return sets

    def next(self, most_zones):
        self.made += 1
        zones = self.random.sample(ZONES, self.random.randint(1, most_zones))
        return self.tagged(zones[0], self.sets_of(zones))

    def do(self, transaction, send):
        """OSError: it is not known what came of it."""
        self.under_way = transaction
        send(transaction)
        self.settle(True)

    def settle(self, done):
        if done:
            self.acknowledged += 1
            self.unchecked.append(self.under_way)
            self.here = self.after(self.under_way)
        self.under_way = None

    def after(self, transaction):
        here = {**self.here, **transaction}
        return {key: value for key, value in here.items() if value}


class OverHttp(Writer):
    def connect(self, programs):
        return contextlib.closing(HttpSocket(programs.path("api.sock")))

    def work(self, client):
        if self.random.random() < 0.5:
            self.do(self.next(1), lambda t: self.patch(client, t))
        else:
            self.do(self.next(3), lambda t: self.batch(client, t))

    @staticmethod
    def rrset(key, value):
        _, name, rrtype = key
        rrset = {"name": name, "type": rrtype, "changetype": "REPLACE" if value else "DELETE"}
        if value:
            rrset["ttl"] = value[0]
            rrset["records"] = [{"content": text, "disabled": False} for text in value[1]]
        return rrset

    def patch(self, client, transaction):
        zone = next(iter(transaction))[0]
        rrsets = [self.rrset(*item) for item in transaction.items()]
        status, _, text = client.ask("PATCH", "%s/%s" % (API, zone), {"rrsets": rrsets})
        check(status == 204, "a change is refused:", status, text)

    def batch(self, client, transaction):
        zones = collections.defaultdict(list)
        for key, value in transaction.items():
            zones[key[0]].append(self.rrset(key, value))
        body = {"zones": [{"name": zone, "rrsets": sets} for zone, sets in zones.items()]}
        status, _, text = client.ask("POST", "/api/anser/v1/batch", body)
        check(status == 200, "a change of several zones is refused:", status, text)


class OverControlSocket(Writer):
    def connect(self, programs):
        return programs.control_socket()

    def work(self, client):
        self.do(self.next(3), lambda t: self.change(client, t))

    @staticmethod
    def change(client, transaction):
        edits = []
        for (_, name, rrtype), value in transaction.items():
            edit = {"op": "set" if value else "del", "name": name, "type": rrtype}
            if value:
                edit.update(ttl=value[0], rdata=list(value[1]))
            edits.append(edit)
        client.done("change", edits=edits, timeout_ms=60000)


class Maker(OverHttp):
    """Makes and removes a zone in turns, and changes records of it."""

    def work(self, client):
        zone = self.own_zone()
        self.made += 1
        if not self.here:
            self.do(self.tagged(zone, {(zone, "www." + zone, "A"): self.value("A", 0)}),
                    lambda t: self.create(client, t))
        elif self.random.random() < 0.3:
            self.do(dict.fromkeys(self.here),
                    lambda t: self.remove(client))
        else:
            self.do(self.tagged(zone, {(zone, "www." + zone, "A"): self.value("A", 0)}),
                    lambda t: self.patch(client, t))

    def create(self, client, transaction):
        rrsets = [self.rrset(*item) for item in transaction.items()]
        body = {"name": self.own_zone(), "kind": "Native", "nameservers": ["ns.example."],
                "rrsets": rrsets}
        status, _, text = client.ask("POST", API, body)
        check(status == 201, "a zone is refused:", status, text)

    def remove(self, client):
        status, _, text = client.ask("DELETE", "%s/%s" % (API, self.own_zone()))
        check(status == 204, "a zone cannot be removed:", status, text)


# ---- what is stored, told and served ----

def exported(client, zone):
    """Its RRsets, SOA included; None: there is no such zone."""
    text, page = "", {"next": None}
    while "next" in page:
        after = {"after": page["next"]} if page["next"] else {}
        outcome, page = client.command("zone export", zone=zone, **after)
        if outcome:
            return None
        text += page["text"]
    sets = collections.defaultdict(list)
    for line in text.splitlines():
        name, ttl, _, rrtype, rdata = line.split(None, 4)
        sets[(zone, name, rrtype)].append((int(ttl), rdata))
    return {key: (records[0][0], tuple(sorted(rdata for _, rdata in records)))
            for key, records in sets.items()}


def value_in(told):
    return told and (told["ttl"], tuple(sorted(told["records"])))


class Told:
    """What the audit log tells, event by event, from the beginning."""

    def __init__(self):
        self.events = 0
        self.sets = {}       # all RRsets of all zones
        self.serials = {}

    def read_on(self, client):
        """Gives for each writer what its transactions did of which events have come."""
        until("the audit log has come up",
              lambda: client.done("status")["audit"]["behind"] == 0)
        count = client.done("audit verify")["events"]
        found = collections.defaultdict(list)
        while self.events < count:
            for line in client.done("audit export", **{"from": self.events + 1})["lines"]:
                self.take(json.loads(line)["event"], found)
        return found

    def take(self, event, found):
        self.events += 1
        check(event["seq"] == self.events, "event", event["seq"], "after", self.events - 1)
        for zone in event.get("zones", []):
            self.take_serials(zone)
        own = {}
        for row in event.get("rows", []):
            if row["of"] != "rrset":
                continue
            key = (row["zone"], row["name"], row["type"])
            before, after = value_in(row["before"]), value_in(row["after"])
            check(self.sets.get(key) == before, key, "was", self.sets.get(key), "not", before)
            self.sets[key] = after
            if writer_of(key):
                own[key] = after
        if own:
            found[writer_of(next(iter(own)))].append(own)

    def take_serials(self, zone):
        name, before, serial = zone["zone"], zone["serial_before"], zone["serial"]
        if zone["kind"] == "edit":
            check(before == self.serials.get(name), name, "had", self.serials.get(name), "not", before)
            check(serial > before, name, "went from", before, "to", serial)
        self.serials[name] = serial

    def of_zone(self, zone):
        return {key: value for key, value in self.sets.items() if value and key[0] == zone}


class Eyes:
    """Asks the data plane, through sockets of which each worker has some."""

    def __init__(self, port):
        self.sockets = []
        for _ in range(SOCKETS):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect(("127.0.0.1", port))
            s.settimeout(PATIENCE)
            self.sockets.append(s)

    def served(self, keys):
        """The RRsets that are there, each as one of the workers has it."""
        found = ((key, self.value(key, random.choice(self.sockets))) for key in keys)
        return {key: value for key, value in found if value}

    @staticmethod
    def value(key, s):
        query = dns.message.make_query(key[1], key[2])
        query.flags = 0
        s.send(query.to_wire())
        answer = dns.message.from_wire(s.recv(4096))
        check(answer.id == query.id, "an answer to something else")
        check(answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.REFUSED),
              key[1], "has", dns.rcode.to_text(answer.rcode()))
        if not answer.answer:
            return None
        rrset = answer.answer[0]
        return rrset.ttl, tuple(sorted(item.to_text() for item in rrset))


# ---- the proof ----

def same(what, is_there, wanted):
    for key in is_there.keys() | wanted.keys():
        check(is_there.get(key) == wanted.get(key), "%s: %s is %s, not %s" %
              (what, key, is_there.get(key), wanted.get(key)))


class Proof:
    def __init__(self, programs, random_, writers):
        self.programs = programs
        self.random = random_
        self.writers = writers
        self.told = Told()
        self.eyes = Eyes(programs.port)
        self.keys = set()    # of all RRsets that were ever sent
        self.kills = 0
        self.unanswered = self.kept = 0

    def acknowledged(self):
        return sum(w.acknowledged for w in self.writers)

    def work_until_killed(self, count, both):
        """Kills when so many transactions more are acknowledged, and a moment later."""
        enough = self.acknowledged() + count
        errors = []
        threads = [threading.Thread(target=self.write, args=(w, errors)) for w in self.writers]
        for thread in threads:
            thread.start()
        while self.acknowledged() < enough and not errors:
            time.sleep(0.0005)
        time.sleep(self.random.uniform(0, 0.004))
        if both:
            self.programs.kill_dataplane(self.programs.dataplanes[0])
        self.programs.kill_control()
        self.kills += 1
        for thread in threads:
            thread.join()
        check(not errors, *errors[:1])

    def write(self, writer, errors):
        try:
            with writer.connect(self.programs) as client:
                while not errors:
                    writer.work(client)
        except (OSError, http.client.HTTPException):
            pass
        except Exception as error:
            errors.append(repr(error))

    def shown_while_down(self):
        """The writers whose transaction under way the data plane shows: all of it."""
        served = self.eyes.served(self.keys)
        shown = []
        for w in self.writers:
            here = {key: value for key, value in served.items() if writer_of(key) == w.label}
            if w.under_way and here == w.after(w.under_way):
                shown.append(w)
            else:
                same("%s, served without control, %s" %
                     (w.label, "one under way" if w.under_way else "none under way"), here, w.here)
        return shown

    def start_again(self):
        """Now and then it is killed on its way up, too."""
        self.programs.start_control()
        while self.random.random() < 0.3:
            time.sleep(self.random.uniform(0, 0.15))
            self.programs.kill_control()
            self.kills += 1
            self.programs.start_control()
        if not self.programs.dataplanes:
            self.programs.start_dataplane()
        self.programs.serve_the_same()

    def compare(self, shown):
        with self.programs.control_socket() as client:
            told = self.told.read_on(client)
            for w in self.writers:
                self.settle(w, told[w.label], w in shown)
            stored = self.stored(client)
        served = self.eyes.served(self.keys | stored.keys())
        same("served", served, stored)
        same("written", {key: value for key, value in served.items() if writer_of(key)},
             {key: value for w in self.writers for key, value in w.here.items()})

    def settle(self, writer, told, shown):
        """The log tells what was acknowledged, and perhaps, whole, what was under way."""
        wanted = writer.unchecked
        if writer.under_way:
            self.unanswered += 1
            kept = told == wanted + [writer.under_way]
            self.kept += kept
            check(kept or not shown, writer.label, "has lost what was served already")
            writer.settle(kept)
        check(told == writer.unchecked, "of %s the log tells %s, not %s" %
              (writer.label, told[-2:], wanted[-2:]))
        writer.unchecked = []

    def stored(self, client):
        """All that is in the zones, which is what the log told."""
        sets = {}
        for zone in self.told.serials:
            there = exported(client, zone) or {}
            same("stored in " + zone, there, self.told.of_zone(zone))
            soa = there.get((zone, zone, "SOA"))
            check(not soa or int(soa[1][0].split()[2]) == self.told.serials[zone],
                  zone, "has", soa, "and not serial", self.told.serials[zone])
            sets.update(there)
        return sets

    def round(self, count):
        both = self.random.random() < 0.25
        self.work_until_killed(count, both)
        for w in self.writers:
            self.keys.update(*w.unchecked, w.under_way or {})
        shown = [] if both else self.shown_while_down()
        self.start_again()
        self.compare(shown)


def run(programs, args):
    random_ = random.Random(args.seed)
    kinds = [OverHttp, OverHttp, OverHttp, OverControlSocket, OverControlSocket, Maker]
    writers = [kind(i, random.Random(random_.random())) for i, kind in enumerate(kinds)]
    programs.start_control()
    programs.start_dataplane()
    programs.serve_the_same()
    proof = Proof(programs, random_, writers)
    most = 2 * args.transactions // args.kills
    while proof.acknowledged() < args.transactions or proof.kills < args.kills:
        proof.round(random_.randint(0, most))
    check(proof.unanswered > 0, "no transaction was under way when it was killed")
    statuses = programs.stop()
    check(statuses == [0, 0], "exit statuses %s" % statuses)
    say("%d kills, %d transactions acknowledged; %d were under way, of which %d were kept"
        % (proof.kills, proof.acknowledged(), proof.unanswered, proof.kept))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--transactions", type=int, default=10000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    say("seed %d" % args.seed)
    return death.prove("kill-changes.", Programs, lambda programs: run(programs, args))


if __name__ == "__main__":
    sys.exit(main())
