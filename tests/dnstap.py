#!/usr/bin/python3
"""The sampled query log as dnstap: what was asked is what others' readers decode.

A collector (fstrm_capture) comes late, is killed, and comes back; another takes nothing at all; a file is
written. Clients are answered all the same, and every frame is either decoded or counted as lost. Zones
that are to be counted have the number of their queries, from the sample as well.
"""

import collections
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import counters
import query_log
from checks import Skipped, check, passes
from counters import until

TOOLS = ("fstrm_capture", "dnstap", "dnstap-ldns")
SUB = "$ORIGIN sub.example.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n"


class Server(query_log.Server):
    def __init__(self, binaries, addresses, sample, options):
        self.options = options
        super().__init__(binaries, addresses, sample)

    def write(self, name, content):
        if name == "anser.yaml":
            content = content.replace("server:\n", "server:\n  id: ns1.test\n")
        if name == "example.zone":
            content += "sub NS ns.sub\nns.sub A 192.0.2.1\n"
        super().write(name, content)
        if name == "anser.yaml":
            with open(self.path(name), "a") as file:
                file.write("".join("  %s\n" % o for o in self.options))

    def lines(self):
        """Whole ones in the file, which may just be written."""
        try:
            with open(self.path("queries.json"), "rb") as file:
                return file.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def tap(self, which):
        return self.json("stats")["dnstap"][which]

    def lost(self):
        return self.json("stats")["counters"]["log_lost"]

    def settled(self, which, records):
        """Waits until so many records are sent or lost; gives how many were sent."""
        until("%d frames are sent or lost" % records, lambda: sum(
            self.tap(which)[k] for k in ("sent", "lost")) + self.lost() >= records)
        tap = self.tap(which)
        check(tap["sent"] + tap["lost"] + self.lost() == records,
              "%s of %d, %d not in a ring" % (tap, records, self.lost()))
        return tap["sent"]

    def collect(self, name):
        try:
            os.unlink(self.path("tap.sock"))
        except FileNotFoundError:
            pass
        process = self.spawn("fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", self.path("tap.sock"),
                             "-w", self.path(name))
        until("the collector is connected to", lambda: self.tap("socket")["connected"])
        return process


def read_go(path):
    """What golang-dnstap makes of a file."""
    done = subprocess.run(["dnstap", "-r", path, "-j"], capture_output=True, text=True,
                          timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def read_ldns(path):
    done = subprocess.run(["dnstap-ldns", "-r", path, "-q"], capture_output=True, text=True,
                          timeout=60, check=True)
    return done.stdout.splitlines()


def line_of(entry):
    """As query_log.Asked has it."""
    message = entry["message"]
    text = message["response_message"]
    check(entry["identity"] == "ns1.test" and entry["version"].startswith("anser "),
          "sender: %s" % entry)
    check(message["type"] == "AUTH_RESPONSE" and int(message["query_port"]) > 0, "%s" % entry)
    question = re.search(r";; QUESTION SECTION:\n;(\S+)\s+IN\s+(\S+)", text)
    name, kind = question.groups() if question else (None, None)
    kind = {"MD": "TYPE3"}.get(kind, kind)
    zone = "example." if name and name.endswith("example.") else None
    check(message.get("query_zone") == zone, "zone: %s" % entry)
    rcode = re.search(r"status: (\w+)", text).group(1)
    return (name, kind, rcode, message["socket_protocol"].lower(), message["query_address"])


def compare(asked, entries, missing):
    found = collections.Counter(line_of(e) for e in entries)
    check(not found - asked.lines, "decoded and not asked: %s" % (found - asked.lines))
    check((asked.lines - found).total() == missing,
          "%d are missing, not %d" % ((asked.lines - found).total(), missing))


def collector(binaries, addresses):
    options = ["dnstap-socket: tap.sock", "dnstap-file: tap.file"]
    with Server(binaries, addresses, 1, options) as server:
        asked = query_log.Asked()
        server.start_plane()
        counters.ask_all(server, asked)
        check(server.settled("socket", asked["responses"]) == 0, "sent to nobody")
        lost = server.tap("socket")["lost"]
        check(lost > 0, "nothing is lost without a collector")
        print("-- no collector: %d answered, %d frames lost" % (asked["responses"], lost), flush=True)
        second = query_log.Asked()
        first = server.collect("first")
        counters.ask_all(server, second)
        sent = server.settled("socket", asked["responses"] + second["responses"])
        server.end(first, signal.SIGTERM)
        in_ring = server.lost()
        entries = read_go(server.path("first"))
        check(len(entries) == sent > 0, "%d decoded of %d sent" % (len(entries), sent))
        compare(second, entries, second["responses"] - sent)
        check(len([l for l in read_ldns(server.path("first")) if " AR " in l]) == sent,
              "dnstap-ldns sees something else")
        print("-- %d frames decoded by two readers" % sent, flush=True)
        # Killed, not ended: nobody says good-bye.
        third = server.collect("second")
        counters.ask_all(server, query_log.Asked())
        server.end(third, signal.SIGKILL)
        counters.ask_all(server, query_log.Asked())
        until("the collector is missed", lambda: not server.tap("socket")["connected"])
        # What still waits in the queue would go to the next.
        before = server.settled("socket", 4 * asked["responses"])
        fourth = server.collect("third")
        last = query_log.Asked()
        counters.ask_all(server, last)
        sent = server.settled("socket", 5 * asked["responses"]) - before
        server.end(fourth, signal.SIGTERM)
        compare(last, read_go(server.path("third")), last["responses"] - sent)
        check(sent > last["responses"] / 2, "%d of %d sent" % (sent, last["responses"]))
        print("-- %d more after the collector was killed and came back" % sent, flush=True)
        # The file has had all of it.
        server.settled("file", 5 * asked["responses"])
        server.end(server.control, signal.SIGTERM)
        entries = read_go(server.path("tap.file"))
        check(len(entries) > 5 * asked["responses"] - in_ring - 5 * asked["responses"] / 4,
              "%d in the file" % len(entries))
        check(len([l for l in read_ldns(server.path("tap.file")) if " AR " in l]) == len(entries),
              "dnstap-ldns sees something else")
        print("-- %d frames in the file" % len(entries), flush=True)
        server.start_control()
        check(read_go(server.path("tap.file.old")) == entries, "the old file is not kept")


def stalled(binaries, addresses):
    """A collector that says yes and takes nothing: everybody else goes on."""
    with Server(binaries, addresses, 1, ["dnstap-socket: tap.sock"]) as server:
        asked = query_log.Asked()
        server.start_plane()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(server.path("tap.sock"))
            listener.listen(1)
            for _ in range(3):
                counters.ask_all(server, asked)
            until("all is logged or counted", lambda: server.lines() + server.lost() >=
                  asked["responses"])
            server.settled("socket", asked["responses"])
            check(server.tap("socket")["sent"] == 0, "sent to who takes nothing")
            started = time.monotonic()
            server.end(server.control, signal.SIGTERM)
            took = time.monotonic() - started
        check(took < 9, "the end took %.1f s" % took)
        print("-- a collector that takes nothing: %d answered, the end took %.1f s"
              % (asked["responses"], took), flush=True)


def statistic(server, name):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(server.path("api.sock"))
    connection.request("GET", "/api/v1/servers/localhost/statistics?statistic=" + name)
    reply = connection.getresponse()
    check(reply.status == 200, "statistics: %d" % reply.status)
    item, = json.loads(reply.read())
    connection.close()
    return {v["name"]: int(v["value"]) for v in item["value"]}


def count(server):
    return {z["zone"]: z for z in server.json("stats")["zones"]}


def zones(binaries, addresses):
    for sample, error in ((1, 0), (10, 0.2)):
        options = ["count-zones: [Example, sub.example., elsewhere.]"]
        with Server(binaries, addresses, sample, options) as server:
            server.write("sub.zone", SUB)
            server.ctl("zone", "add", "sub.example.", server.path("sub.zone"))
            server.start_plane()
            wanted = collections.Counter()
            for name, kind, rcode, n in (("www.example.", "A", "noerror", 700),
                                         ("x.sub.example.", "A", "nxdomain", 400),
                                         ("sub.example.", "DS", "noerror", 100),
                                         ("elsewhere.", "A", "other", 100)):
                message = counters.message_of(name, kind, 1)
                list(server.udp(addresses[0], [message] * n))
                zone = "sub.example." if name.startswith("x.") else "example."
                if rcode != "other":
                    wanted[(zone, rcode)] += n
                    wanted[(zone, "queries")] += n
            until("the log is read", lambda: sum(
                z["queries"] for z in count(server).values()) >= (1 - error) * 1200 - server.lost() * sample)
            until("all is logged", lambda: server.lines() + server.lost() >= 1300 / sample - 3)
            found = count(server)
            check(list(found) == ["example.", "sub.example.", "elsewhere."], str(found))
            slack = 1300 * error + server.lost() * sample
            for (zone, what), n in wanted.items():
                check(abs(found[zone][what] - n) <= slack, "%s %s: %d, not %d"
                      % (zone, what, found[zone][what], n))
            check(found["elsewhere."]["queries"] == 0, "counted without a zone")
            check(found["example."]["nxdomain"] == 0, "counted for the zone above")
            one = json.loads(server.ctl("stats", "SUB.example", "--json"))["zones"]
            check(one == [found["sub.example."]], "one zone: %s" % one)
            check("not counted" in json.loads(server.ctl("stats", "other.", "--json"))["error"],
                  "a zone that is not counted")
            check(statistic(server, "anser-zone-queries-estimated") ==
                  {n: z["queries"] for n, z in found.items()}, "HTTP says something else")
            check('anser_zone_queries_estimated_total{zone="sub.example.",rcode="NXDOMAIN"} %d\n'
                  % found["sub.example."]["nxdomain"] in server.ctl("metrics"), "metrics")
            server.ctl("conf", "set", "query-log.count-zones", "other.", "sub.example")
            kept = count(server)
            check(list(kept) == ["other.", "sub.example."] and
                  kept["sub.example."] == found["sub.example."], "another list: %s" % kept)
            print("-- one in %d: %s" % (sample, {n: z["queries"] for n, z in found.items()}),
                  flush=True)


def run():
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        raise Skipped("no %s" % ", ".join(missing))
    for case in (collector, stalled, zones):
        case(os.environ["ANSER_BIN_DIR"], counters.addresses())


if __name__ == "__main__":
    sys.exit(passes(run))
