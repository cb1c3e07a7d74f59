#!/usr/bin/python3
"""Changes by HTTP and by the control socket while there is no room for them: on the disk, in the table,
among the descriptors.

They are refused in so many words; queries come by the thousand all the while, and none is lost; what was
acknowledged is there and what was refused is not, also after kill -9; and when there is room again
changes are made again, by the process that refused them.
"""

import contextlib
import os
import resource
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode

import death
from checks import PATIENCE, ControlSocket, Failure, HttpSocket, busy_seconds, check, say, until
from failed_changes import inside_mount_name_space, on_small_disk

API = "/api/v1/servers/localhost/zones"
STRINGS, STRING = 40, 240     # of the text of one RRset
REFUSALS = 5                  # by each road
TRIES = 4000

ZONE = """@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS ns
ns 60 A 192.0.2.1
"""


class Programs(death.Programs):
    def write_files(self):
        self.write("anser.yaml", self.configuration({"example.": "zone", "edits.": "edits"},
                                                    table_limit="16M"))
        self.write("edits", ZONE)
        self.write_zone()

    def answer(self, name):
        query = dns.message.make_query(name, "TXT")
        query.flags = 0
        return dns.query.udp(query, "127.0.0.1", timeout=PATIENCE, port=self.port,
                             ignore_unexpected=True)


class Edits:
    """RRsets of names of their own that are added over both roads, and what became of them."""

    def __init__(self, programs):
        self.programs = programs
        self.there, self.refused = [], []
        self.count = 0
        self.connect()

    def connect(self):
        self.http = HttpSocket(self.programs.path("api.sock"))
        self.line = ControlSocket(self.programs.path("control.sock"))

    def by_http(self, name, texts):
        """Gives why it is refused, or None."""
        records = [{"content": text, "disabled": False} for text in texts]
        status, _, text = self.http.ask("PATCH", API + "/edits.", {"rrsets": [
            {"name": name, "type": "TXT", "ttl": 60, "changetype": "REPLACE", "records": records}]})
        check(status in (204, 507), "HTTP has", status, text)
        return None if status == 204 else text

    def by_line(self, name, texts):
        rdata = {"rdata": texts} if texts else {}
        outcome, result = self.line.command(
            "change", edits=[{"op": "set" if texts else "del", "name": name, "type": "TXT", **rdata}])
        check(outcome in (0, 1), "the control socket has", outcome, result)
        return result["error"] if outcome else None

    def add(self, road):
        self.count += 1
        name = "e%d.edits." % self.count
        error = road(name, ['"%04d%s"' % (i, "x" * STRING) for i in range(STRINGS)])
        (self.refused if error else self.there).append(name)
        return error

    def add_until_refused(self, word):
        """By both roads in turns."""
        told = {self.by_http: 0, self.by_line: 0}
        for i in range(TRIES):
            road = (self.by_http, self.by_line)[i % 2]
            error = self.add(road)
            if error:
                check(word in error, "no word of the", word, "in:", error)
                told[road] += 1
            if min(told.values()) >= REFUSALS:
                say("  %d made, %d refused: %s" % (len(self.there), len(self.refused), error))
                return
        raise Failure("%d changes were made, and room was left" % TRIES)

    def remove(self, count):
        for name in self.there[:count]:
            error = (self.by_http if count % 2 else self.by_line)(name, [])
            check(not error, "not even removed:", error)
            self.refused.append(name)
        del self.there[:count]

    def made_again(self):
        """By both roads, as soon as may be."""
        for road in (self.by_http, self.by_line):
            until("changes are made again", lambda road=road: not self.add(road))

    def compare(self):
        for name in self.there:
            answer = self.programs.answer(name)
            check(len(answer.answer) == 1 or answer.flags & dns.flags.TC, name, "was made:", answer)
        for name in self.refused:
            check(self.programs.answer(name).rcode() == dns.rcode.NXDOMAIN, name, "was refused")
        self.line.done("audit verify")
        until("the audit log has come up",
              lambda: self.line.done("status")["audit"]["behind"] == 0)


def new_zone_and_key(edits, word):
    """They are small, and may have room: then they are there."""
    zone = "new-%s." % word
    status, _, text = edits.http.ask("POST", API, {"name": zone, "kind": "Native",
                                                   "nameservers": ["ns." + zone]})
    check(status == 201 or (status == 507 and word in text), "a new zone:", status, text)
    check(edits.http.ask("GET", API + "/" + zone)[0] == (200 if status == 201 else 404), zone)
    outcome, result = edits.line.command("key create", label=word, role="reader")
    check(outcome == 0 or (outcome == 1 and word in result["error"]), "a new key:", result)
    labels = [key["label"] for key in edits.line.done("key list")["keys"]]
    check((word in labels) == (outcome == 0), "keys:", labels)


def made_zones_until_refused(edits):
    """They are small: what is left of the table goes to them. Then the first of them goes."""
    for i in range(TRIES):
        status, _, text = edits.http.ask("POST", API, {"name": "small-%d." % i, "kind": "Native",
                                                       "nameservers": ["ns.small-%d." % i]})
        if status != 201:
            break
    check(status == 507 and "table" in text, "zones are made on and on:", status, text)
    if i:
        status, _, text = edits.http.ask("DELETE", API + "/small-0.")
        check(status == 204, "a zone of a full table cannot be removed:", status, text)


# ---- the shortages ----

def disk_is_full(programs, edits, disk):
    disk.fill(0)
    edits.add_until_refused("store")
    new_zone_and_key(edits, "store")
    disk.empty()
    edits.made_again()


def table_is_full(programs, edits, _disk):
    """What is there can be removed, however full the table is, and then there is room."""
    edits.add_until_refused("table")
    new_zone_and_key(edits, "table")
    made_zones_until_refused(edits)
    edits.remove(20)
    edits.made_again()


def descriptors(process):
    return len(os.listdir("/proc/%d/fd" % process.pid))


def no_descriptor_is_left(programs, edits, _disk):
    """Who is connected goes on, unless a file has to be opened; the others wait."""
    pid = programs.control.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    until("nobody else is connected", lambda: programs.status() and True)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    for _ in range(20):
        check(not edits.add(edits.by_http) and not edits.add(edits.by_line), "not made")
    outcome, result = edits.line.command("zone reload", zone="example.")
    check(outcome == 1 and "open files" in str(result), "a file was opened:", outcome, result)
    late = [ControlSocket(programs.path("control.sock"), 1) for _ in range(5)]
    before = busy_seconds(pid)
    for client in late:
        with contextlib.suppress(TimeoutError):
            raise Failure("served without a descriptor: %s" % (client.command("version"),))
    check(busy_seconds(pid) - before < 2.5, "it is busy doing nothing")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    for client in late:
        client.close()
    edits.made_again()
    check(programs.status(), "nobody comes in any more")
    programs.reload()


def run(programs, disk):
    programs.start_control()
    programs.start_dataplane()
    programs.serve_the_same()
    load = death.Load(programs.port, programs.versions)
    load.start()
    edits = Edits(programs)
    for case, text in [(no_descriptor_is_left, "no descriptors"), (disk_is_full, "a full disk"),
                       (table_is_full, "a full table")]:
        say(text)
        load.resume()
        case(programs, edits, disk)
        time.sleep(0.1)
        edits.compare()
        load.settle_without_loss()
        until("all is well", lambda: programs.status()["state"] == "ok")
    say("kill -9")
    programs.kill_control()
    programs.start_control()
    programs.serve_the_same()
    edits.connect()
    edits.compare()
    load.ending = True
    load.join()
    statuses = programs.stop()
    check(statuses == [0, 0], "exit statuses %s" % statuses)


def main():
    return death.prove("no-room.", Programs, on_small_disk(run))


if __name__ == "__main__":
    inside_mount_name_space(main, __file__)
