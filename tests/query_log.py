#!/usr/bin/python3
"""The query log has what was asked: all of it, or the sample that was asked for, and never a half line.

Known queries go to a server by UDP and TCP, IPv4 and IPv6, while its file is renamed and its data plane
killed and replaced. The rings that carry the log cost no memory before they are used.
"""

import collections
import ipaddress
import json
import os
import re
import signal
import sys

import counters
from checks import check, passes
from counters import until


class Server(counters.Server):
    def __init__(self, binaries, addresses, sample):
        self.sample = sample
        super().__init__(binaries, addresses)

    def write(self, name, content):
        if name == "anser.yaml":
            content += "query-log:\n  sample: %d\n  file: queries.json\n" % self.sample
        super().write(name, content)

    def logged(self):
        """While the server writes, the last line may be there in part."""
        lines = []
        for name in sorted(os.listdir(self.dir)):
            if name.startswith("queries.json"):
                with open(self.path(name)) as file:
                    text = file.read()
                whole, _, rest = text.rpartition("\n")
                check(not rest or self.control.poll() is None, "half a line")
                lines += [json.loads(line) for line in whole.splitlines()]
        return lines


class Asked(counters.Sums):
    """By what a line of the log has."""

    def __init__(self):
        super().__init__()
        self.lines = collections.Counter()

    def add_answered(self, case, way, address):
        before = self["responses"]
        super().add_answered(case, way, address)
        if self["responses"] == before:
            return
        name, rdtype, _, rcode = case
        self.lines[(name, rdtype, rcode.upper(), way, address)] += 1


def line_of(entry):
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"]), "time: %s" % entry)
    check(re.fullmatch(r"control|\d+/\d+", entry["by"]), "by: %s" % entry)
    check((entry["by"] == "control") == (entry["protocol"] == "tcp"), "by whom: %s" % entry)
    check(entry["port"] > 0 and entry["size"] >= 12, "numbers: %s" % entry)
    kind = {"MD": "TYPE3"}.get(entry.get("type"), entry.get("type"))
    return (entry["name"], kind, entry["rcode"], entry["protocol"],
            str(ipaddress.ip_address(entry["client"])))


def everything(binaries, addresses):
    with Server(binaries, addresses, 1) as server:
        asked = Asked()
        server.start_plane()
        counters.ask_all(server, asked)
        until("all is logged or counted", lambda: len(server.logged()) +
              server.json("stats")["counters"]["log_lost"] >= asked["responses"])
        os.rename(server.path("queries.json"), server.path("queries.json.1"))
        server.end(server.plane, signal.SIGKILL)
        server.start_plane()
        counters.ask_all(server, asked)
        lost = server.json("stats")["counters"]["log_lost"]
        server.end(server.control, signal.SIGTERM)
        found = collections.Counter(line_of(entry) for entry in server.logged())
        check(not found - asked.lines, "logged and not asked: %s" % (found - asked.lines))
        missing = asked.lines - found
        check(missing.total() == lost, "%d lost, missing: %s" % (lost, missing))
        # A machine that has other things to do may be late once.
        check(lost < asked["responses"] / 4, "%d of %d lost" % (lost, asked["responses"]))
        print("-- %d answers, all in the log but %d that were counted as lost"
              % (asked["responses"], lost), flush=True)


def sample(binaries, addresses):
    with Server(binaries, addresses, 10) as server:
        asked = Asked()
        server.start_plane()
        counters.ask_all(server, asked)
        server.end(server.control, signal.SIGTERM)
        found = collections.Counter(line_of(entry) for entry in server.logged())
        # Each of three that answer rounds in its own way: TCP, and two workers. Messages that are
        # handed over count for the sample, but are not in the log; which are hit is chance.
        share = asked["responses"] / 10
        check(abs(found.total() - share) <= 3 + 5 * (asked["handed_over"] / 10) ** 0.5, "%d logged, not %g" % (found.total(), share))
        check(not found - asked.lines, "logged and not asked: %s" % (found - asked.lines))
        print("-- %d of %d in a sample of one in ten" % (found.total(), asked["queries"]), flush=True)


def slots_memory(process):
    """kB that the process's mapping of the slots occupies."""
    size = inside = 0
    with open("/proc/%d/smaps" % process.pid) as file:
        for line in file:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                inside = "memfd:anser-slots" in line
            elif inside and line.startswith("Rss:"):
                size += int(line.split()[1])
    return size


def nothing(binaries, addresses):
    with Server(binaries, addresses, 0) as server:
        server.start_plane()
        counters.ask_all(server, Asked())
        check(not server.logged(), "logged, and nobody wants it")
        for process in (server.control, server.plane):
            size = slots_memory(process)
            check(0 < size < 4096, "the slots take %d kB" % size)
        print("-- nothing where nothing is wanted, and no memory for it", flush=True)


def run():
    for case in (everything, sample, nothing):
        case(os.environ["ANSER_BIN_DIR"], counters.addresses())


if __name__ == "__main__":
    sys.exit(passes(run))
