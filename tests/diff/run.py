#!/usr/bin/python3
"""Asks Anser, Knot, NSD and BIND the same questions and explains every difference.

  run.py --quick               a fixed sample, for CI (under three minutes)
  run.py --full                every query
  run.py --peers-only          how the three peers differ among themselves
  run.py --zones PATTERN       only zones whose name matches (fnmatch)
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import os
import shutil
import sys
import tempfile
import time

import allowed
import compare
import message
import peers
import queries
import zones

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT_ZONE = os.path.join(HERE, "..", "data", "root.zone.gz")
CHUNK = 2000
UDP_SIZES = (None, 512, 1232, 4096)
EXAMPLES = 7
SILENT = 0.5           # seconds until there is no answer to an odd message


class Parser:
    """Takes responses apart, each distinct one once."""

    def __init__(self):
        self.seen = {}

    def __call__(self, wire):
        if wire is None:
            return None
        key = wire[2:]
        if key not in self.seen:
            if len(self.seen) > 20000:
                self.seen.clear()
            try:
                self.seen[key] = message.Message(wire)
            except message.Malformed as error:
                self.seen[key] = error
        return self.seen[key]


class Report:
    """Classes of difference with their counts and first examples."""

    def __init__(self):
        self.classes = collections.OrderedDict()
        self.asked = 0
        self.agreed = 0

    def note(self, group, label, example):
        entry = self.classes.setdefault((group, label), [0, []])
        entry[0] += 1
        if len(entry[1]) < EXAMPLES:
            entry[1].append(example)

    def show(self, group, title, verbose, out=sys.stdout):
        """Prints one group of classes; the number of differences in it."""
        total = 0
        chosen = [(k[1], v) for k, v in self.classes.items() if k[0] == group]
        if chosen:
            print("\n%s" % title, file=out)
        for label, (count, examples) in sorted(chosen, key=lambda item: -item[1][0]):
            total += count
            print("  %6d  %s" % (count, label), file=out)
            for example in examples[: EXAMPLES if verbose else 1]:
                print("          %s" % example.replace("\n", "\n          "), file=out)
        return total


class Run:
    def __init__(self, options, servers, anser, hosted):
        self.options = options
        self.servers = servers
        self.anser = anser
        self.report = Report()
        self.parse = Parser()
        self.hosted = hosted

    def all_asked(self, ask):
        """What each server answers, all asked at the same time."""
        with concurrent.futures.ThreadPoolExecutor(len(self.servers)) as pool:
            return dict(zip([server.name for server in self.servers], pool.map(ask, self.servers)))

    # Content, over TCP.

    def content(self, asked):
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            wires = [query.wire() for query in part]
            answers = self.all_asked(lambda server, wires=wires: server.ask_tcp(wires))
            for i, query in enumerate(part):
                self.one(query, {name: wires[i] for name, wires in answers.items()})

    def one(self, query, wires):
        self.report.asked += 1
        forms, responses = {}, {}
        apex = self.hosted.answering(query)
        for name, wire in wires.items():
            response = self.parse(wire)
            if isinstance(response, message.Malformed):
                self.fault(name, "malformed: %s" % response, query.text())
                response = None
            elif response is None:
                self.fault(name, "no answer", query.text())
            else:
                for fault in compare.check_alone(query, wire, response):
                    self.fault(name, fault, query.text())
            forms[name] = compare.canonical(response, apex, query.qtype)
            responses[name] = response
        if self.anser is not None and query.qtype in (compare.ANY, compare.RRSIG):
            self.chosen_from_the_zone(query, responses)
        groups = partition(forms)
        if len(groups) == 1:
            self.report.agreed += 1
        else:
            self.difference(query, forms, groups, responses)

    def chosen_from_the_zone(self, query, responses):
        """Whatever is chosen for ANY and RRSIG, some peer must have it too."""
        found = {name: {(r[0], r[1], r[4]) for r in response.answer}
                 for name, response in responses.items() if response is not None}
        ours = found.pop("anser", set())
        if ours - set().union(*found.values()):
            self.fault("anser", "an answer to %s that no peer has" %
                       message.type_text(query.qtype), query.text())

    def fault(self, name, fault, example):
        group = "anser-fault" if name == "anser" else "peer-fault"
        label = fault if name == "anser" else "%s: %s" % (name, fault)
        self.report.note(group, label, example)

    def difference(self, query, forms, groups, responses):
        fields = difference_fields(groups)
        meta = {compare.ANY: " ANY", compare.RRSIG: " RRSIG"}.get(query.qtype, "")
        label = "%s in %s%s" % (partition_text(groups), "+".join(fields), meta)
        example = "%s (%s)" % (query.text(), query.kind)
        if self.options.verbose:
            example += "\n" + difference_text(groups)
        if self.anser is None:
            left, reasons = allowed.counted(query, forms, responses, self.hosted)
            if len(set(left.values())) <= 1:
                self.report.note("mistaken", "; ".join(reasons), example)
            else:
                self.report.note("peers", label, example)
            return
        verdict, rule = allowed.judge(query, forms, responses, self.hosted)
        self.report.note(verdict, rule or label, example)

    # Truncation, over UDP.

    def truncation(self, asked):
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            wires = [query.wire() for query in part]
            full = self.all_asked(lambda server, wires=wires: server.ask_tcp(wires))
            for size in UDP_SIZES:
                self.sizes(part, full, size)

    def sizes(self, part, full, size):
        limit = 512 if size is None else min(max(size, 512), 1232)
        chosen = [i for i, query in enumerate(part) if query.edns == (size is not None)]
        asked = [part[i].wire(size or 512) for i in chosen]
        for name, wires in self.all_asked(lambda server: server.ask_udp(asked)).items():
            for i, wire in zip(chosen, wires):
                self.one_size(name, part[i], (limit, size), wire, full[name][i])

    def one_size(self, name, query, sizes, wire, full):
        limit, size = sizes
        small, whole = self.parse(wire), self.parse(full)
        self.report.asked += 1
        if not isinstance(small, message.Message) or not isinstance(whole, message.Message):
            self.fault(name, "UDP: no answer or malformed", query.text())
            return
        for fault in compare.check_size(query, limit, small, whole):
            if query.qtype == compare.ANY:
                fault += " (ANY)"
            self.fault(name, fault, "%s size %s" % (query.text(), size))

    # Messages that are not ordinary queries.

    def odd(self, zone):
        cases = list(queries.odd_messages(zone))
        for transport in ("UDP", "TCP"):
            def answers(server, transport=transport):
                return [server.ask_udp([wire], SILENT, 1)[0] if transport == "UDP" else
                        server.ask_tcp([wire], SILENT)[0] for _, wire in cases]
            found = self.all_asked(answers)
            for i, (what, _) in enumerate(cases):
                self.report.asked += 1
                self.odd_verdict(what, transport, {name: shape(self.parse(wires[i]))
                                                   for name, wires in found.items()})

    def odd_verdict(self, what, transport, shapes):
        text = "; ".join("%s %s" % item for item in sorted(shapes.items()))
        example = "%s: %s" % (transport, text)
        if self.anser is None:
            if len(set(shapes.values())) > 1:
                self.report.note("peers", "odd message: " + what, example)
            return
        verdict, rule = allowed.judge_odd(what, shapes)
        self.report.note(verdict, rule or "odd message: " + what, example)


def shape(response):
    if response is None:
        return "no answer"
    if isinstance(response, message.Malformed):
        return "malformed (%s)" % response
    return "%s%s%s" % (message.rcode_text(response.rcode), " +answer" if response.answer else "",
                       "" if response.opt is None else " +OPT")


def partition(forms):
    """The servers by what they said: {form: [names]}."""
    groups = {}
    for name, form in forms.items():
        groups.setdefault(form, []).append(name)
    return groups


def partition_text(groups):
    return " | ".join("=".join(names) for names in sorted(groups.values()))


def difference_fields(groups):
    forms = list(groups)
    found = set()
    for form in forms[1:]:
        found.update(compare.differing(forms[0], form))
    return [field for field in compare.FIELDS if field in found]


def difference_text(groups):
    """What the groups have in common left out."""
    lines = []
    forms = list(groups)
    for form, names in groups.items():
        lines.append("%s: %s aa=%s" % ("=".join(names), form.rcode, form.aa))
        for field in ("answer", "authority", "glue"):
            common = frozenset.intersection(*(getattr(other, field) for other in forms))
            for record in sorted(getattr(form, field) - common)[:8]:
                lines.append("    %s: %s" % (field, message.record_text(record)))
    return "\n".join(lines)


def choose(asked, options, salt):
    if options.share >= 1:
        return asked
    return [query for query in asked if queries.keep(query, options.share, salt)]


def in_pattern(zone, pattern):
    return pattern is None or fnmatch.fnmatch(zone.origin, pattern)


def session(options, report_into, hosted, with_outside):
    """One set of zones on every server."""
    directory = tempfile.mkdtemp(prefix="anser-diff-")
    servers = [kind(directory) for kind in (peers.Knot, peers.Nsd, peers.Bind)]
    anser = None
    if not options.peers_only:
        anser = peers.Anser(directory, options.binaries)
        servers.append(anser)
    try:
        all_zones = hosted(directory)
        peers.start_all(servers, all_zones)
        run = Run(options, servers, anser,
                  allowed.Hosted(all_zones, queries.existing_names))
        run.report = report_into
        ask_all(run, options, [z for z in all_zones if in_pattern(z, options.zones)],
                with_outside)
    finally:
        peers.stop_all(servers)
        if options.keep:
            print("kept: %s" % directory)
        else:
            shutil.rmtree(directory)


def ask_all(run, options, chosen, with_outside):
    for number, zone in enumerate(chosen):
        began = time.monotonic()
        asked = choose(list(queries.zone_queries(zone)), options, options.seed)
        asked += list(queries.class_queries(zone)) if number % 7 == 0 else []
        run.content(asked)
        on_udp = [q for q in asked if queries.keep(q, options.udp_share, options.seed + 1)]
        run.truncation(on_udp)
        if options.progress:
            print("%-40.40s %6d over TCP %6d over UDP %5.1f s" % (
                zone.origin, len(asked), len(on_udp), time.monotonic() - began), flush=True)
    if with_outside and options.zones is None:
        run.content(list(queries.outside_queries()))
        run.odd(chosen[0])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fixed sample")
    parser.add_argument("--full", action="store_true", help="every query")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--zones", metavar="PATTERN")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", "-v", action="store_true", help="more examples, in full")
    parser.add_argument("--progress", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the directory behind")
    parser.add_argument("--no-root", action="store_true", help="leave the root zone out")
    parser.add_argument("--binaries", default=os.environ.get("ANSER_BIN_DIR", ""))
    options = parser.parse_args()
    options.share = 1 if options.full else 0.06
    options.udp_share = 0.25 if options.full else 0.3
    options.randoms = 60 if options.full else 24
    return options


def missing(options):
    """What this machine lacks to run the comparison, or None."""
    for program in ("knotd", "nsd", "named", "dnssec-signzone", "ldns-signzone"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            return program
    if not options.peers_only and not os.access(
            os.path.join(options.binaries, "anser-control"), os.X_OK):
        return "anser-control (ANSER_BIN_DIR)"
    return None


def main():
    options = arguments()
    lacking = missing(options)
    if lacking:
        print("skipped: %s is not installed" % lacking)
        return 77
    began = time.monotonic()
    report = Report()
    session(options, report, lambda directory: zones.build(
        os.path.join(directory, "zones"), options.seed, options.randoms), True)
    if not options.no_root and os.path.exists(ROOT_ZONE):
        root_options = argparse.Namespace(**vars(options))
        root_options.share = options.share / 20
        session(root_options, report, lambda directory: zones.build_root(
            os.path.join(directory, "zones"), ROOT_ZONE), False)
    return summary(options, report, time.monotonic() - began)


def summary(options, report, seconds):
    report.show("peer-fault", "Faults of the peers, each seen alone:", options.verbose)
    if options.peers_only:
        report.show("mistaken", "Where one peer does not count:", options.verbose)
        report.show("peers", "Where the peers differ:", options.verbose)
        print("\n%d asked, %d agreed, %.0f s" % (report.asked, report.agreed, seconds))
        return 0
    report.show("sided", "The peers differ; Anser agrees with some of them:", options.verbose)
    allowed_count = report.show("allowed", "Allowed differences:", options.verbose)
    bad = report.show("unexplained", "UNEXPLAINED differences:", True)
    bad += report.show("anser-fault", "FAULTS of Anser:", True)
    print("\n%d asked, %d agreed by all, %d allowed, %d unexplained, %.0f s" % (
        report.asked, report.agreed, allowed_count, bad, seconds))
    return 1 if bad or not report.agreed else 0


if __name__ == "__main__":
    sys.exit(main())
