#!/usr/bin/python3
"""Asks Anser for the examples that RFCs print and compares section by section.

  rfc_examples.py [--peer knot|nsd|named] [FILE.answers ...]

Every *.answers file beside this script names its zones; rfc4035.answers describes the format.
With --peer another server is asked instead, which shows whether the expectation is fair.
"""

import argparse
import glob
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "diff"))

import dns.name
import dns.rdata

import message
import peers
import zones

FLAGS = {"aa": 0x0400, "tc": 0x0200, "ad": 0x0020}
SECTIONS = ("answer", "authority", "additional")


class Case:
    """One query and the response that is expected."""

    def __init__(self, where, name, qtype, do):
        self.where = where
        self.name = name
        self.qtype = qtype
        self.do = do
        self.rcode = "NOERROR"
        self.flags = 0
        self.required = {section: set() for section in SECTIONS}
        self.optional = {section: set() for section in SECTIONS}

    def wire(self):
        edns = message.opt_record(4096, True) if self.do else None
        return message.build_query(message.name_wire(self.name), message.type_number(self.qtype),
                                   edns=edns)


def read_answers(path):
    """The zones and the cases of a file."""
    hosted, cases, section = [], [], None
    with open(path) as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if line[0] == " ":
                optional = words[0] == "?"
                kept = cases[-1].optional if optional else cases[-1].required
                kept[section].add(parse_record(line.strip().lstrip("? ")))
            elif words[0] == "zone":
                hosted.append(zones.Zone(words[1], zones.PLAIN, os.path.join(HERE, words[2])))
            elif words[0] == "query":
                where = "%s:%d" % (os.path.basename(path), number)
                cases.append(Case(where, words[1], words[2], "do" in words[3:]))
            elif words[0] == "rcode":
                cases[-1].rcode = words[1]
            elif words[0] == "flags":
                cases[-1].flags = sum(FLAGS[word] for word in words[1:])
            elif words[0] in SECTIONS:
                section = words[0]
            else:
                raise ValueError("%s:%d: %s" % (path, number, line))
    return hosted, cases


def parse_record(text):
    owner, ttl, rrtype, rdata = text.split(None, 3)
    number = message.type_number(rrtype)
    data = dns.rdata.from_text("IN", rrtype, rdata, origin=dns.name.root, relativize=False)
    wire = data.to_wire()
    folded = message.read_rdata(wire, 0, len(wire), number)
    return message.name_wire(owner.lower()), number, 1, int(ttl), folded


def mistakes(case, wire):
    """What is wrong with a response; a list of texts."""
    if wire is None:
        return ["no answer"]
    try:
        response = message.Message(wire)
    except message.Malformed as error:
        return ["malformed: %s" % error]
    found = []
    if message.rcode_text(response.rcode) != case.rcode:
        found.append("rcode %s, expected %s" % (message.rcode_text(response.rcode), case.rcode))
    for name, bit in FLAGS.items():
        if (response.flags ^ case.flags) & bit:
            found.append("flag %s is %s" % (name, "set" if response.flags & bit else "clear"))
    for section, records in zip(SECTIONS, response.sections):
        required, optional = case.required[section], case.optional[section]
        for record in sorted(required - set(records)):
            found.append("%s lacks %s" % (section, message.record_text(record)))
        for record in sorted(set(records) - required - optional):
            found.append("%s has %s" % (section, message.record_text(record)))
        if len(set(records)) != len(records):
            found.append("%s has a record twice" % section)
    return found


def ask(server, case):
    """Mistakes over TCP, and over UDP where the response is not truncated."""
    found = ["TCP: " + text for text in mistakes(case, server.ask_tcp([case.wire()])[0])]
    wire = server.ask_udp([case.wire()])[0]
    if wire is None or not wire[2] & 0x02:
        found += ["UDP: " + text for text in mistakes(case, wire)]
    return found


def run_file(path, make_server):
    """(cases, failures) of one file."""
    hosted, cases = read_answers(path)
    directory = tempfile.mkdtemp(prefix="anser-rfc-")
    failures = 0
    server = make_server(directory)
    try:
        peers.start_all([server], hosted)
        for case in cases:
            found = ask(server, case)
            failures += bool(found)
            if found:
                print("FAILED %s: %s %s\n    %s" % (
                    case.where, case.name, case.qtype, "\n    ".join(found)))
    finally:
        peers.stop_all([server])
        shutil.rmtree(directory)
    return len(cases), failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--peer", choices=["knot", "nsd", "named"])
    parser.add_argument("--binaries", default=os.environ.get("ANSER_BIN_DIR", ""))
    options = parser.parse_args()
    kinds = {"knot": peers.Knot, "nsd": peers.Nsd, "named": peers.Bind}
    if options.peer is None and not os.access(
            os.path.join(options.binaries, "anser-control"), os.X_OK):
        print("skipped: no anser-control (ANSER_BIN_DIR)")
        return 77

    def make_server(directory):
        if options.peer:
            return kinds[options.peer](directory)
        return peers.Anser(directory, options.binaries)

    total, failed = 0, 0
    for path in options.files or sorted(glob.glob(os.path.join(HERE, "*.answers"))):
        count, failures = run_file(path, make_server)
        print("%-20s %3d examples, %d failed" % (os.path.basename(path), count, failures))
        total += count
        failed += failures
    print("%d examples, %d failed" % (total, failed))
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
