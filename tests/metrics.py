#!/usr/bin/python3
"""What monitoring is told is well formed, complete, and true.

A server is asked known queries, by UDP and TCP; `anserctl metrics` must give what `anserctl stats`
counts and what was asked. promtool has the last word on the format.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import counters
from checks import check, passes
from counters import until

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? ([-+0-9.e]+)$')
LABEL = re.compile(r'(\w+)="([^"\\]*)"(?:,|$)')


def parse(text):
    """{(name, frozenset of labels): value}; every sample belongs to the family above it."""
    samples = {}
    kind = {}
    family = None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            check(family not in kind, "%s twice" % family)
            check(len(line.split(None, 3)) == 4, "no help: %s" % line)
            kind[family] = None
            continue
        if line.startswith("# TYPE "):
            check(line.split()[2] == family, "a type out of place: %s" % line)
            kind[family] = line.split()[3]
            continue
        match = SAMPLE.match(line)
        check(match, "not a sample: %s" % line)
        name, labels, value = match.groups()
        base = re.sub(r"_(bucket|sum|count)$", "", name) if kind[family] == "histogram" else name
        check(base == family, "%s out of place" % line)
        key = (name, frozenset(LABEL.findall(labels or "")))
        check(key not in samples, "twice: %s" % line)
        samples[key] = float(value)
    return samples


def value(samples, name, **labels):
    key = ("anser_" + name, frozenset(labels.items()))
    check(key in samples, "no %s %s" % (name, labels))
    return samples[key]


def total(samples, name):
    return sum(v for (n, _), v in samples.items() if n == "anser_" + name)


def expect(samples, wanted, name, **labels):
    found = value(samples, name, **labels)
    check(found == wanted, "%s %s: %g, not %g" % (name, labels, found, wanted))


def promtool_accepts(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, timeout=60, check=False)
    check(done.returncode == 0 and not done.stdout and not done.stderr,
          "promtool: %s%s" % (done.stdout, done.stderr))


def monitoring():
    """The expressions of the alerts and of the dashboard, by where they stand."""
    directory = os.path.join(os.environ["ANSER_SOURCE_DIR"], "docs", "monitoring")
    with open(os.path.join(directory, "alerts.yml")) as file:
        alerts = file.read()
    with open(os.path.join(directory, "dashboard.json")) as file:
        dashboard = json.load(file)
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    check(len(queries) > 10, "an empty dashboard")
    return alerts, queries


def promtool_takes_rules(text):
    with tempfile.NamedTemporaryFile("w", prefix="anser-rules-", suffix=".yml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True,
                              text=True, timeout=60, check=False)
    check(done.returncode == 0, "promtool: %s%s" % (done.stdout, done.stderr))


def monitoring_is_good(text, samples):
    """What alerts and dashboard ask for is there, and promtool takes their expressions."""
    alerts, queries = monitoring()
    # Families without a sample here count: of ports, which sockets have none of, certificates, catalogs and signatures.
    known = {name for name, _ in samples} | set(re.findall(r"^# TYPE (\w+) (?!histogram)", text, re.M))
    for name in re.findall(r"\banser_\w+", alerts + "\n".join(queries)):
        check(name in known, "%s is asked for, and there is none" % name)
    if not shutil.which("promtool"):
        return
    promtool_takes_rules(alerts)
    # A dashboard's expressions as rules, with what Grafana puts in.
    rules = [{"record": "dashboard:%d" % i, "expr": q.replace("$__rate_interval", "5m")}
             for i, q in enumerate(queries)]
    promtool_takes_rules(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    print("-- promtool takes the alerts, and %d expressions of the dashboard" % len(rules))


def same_as_stats(samples, stats):
    for rcode in ("noerror", "formerr", "servfail", "nxdomain", "notimp", "refused"):
        expect(samples, stats["counters"]["rcode_" + rcode], "responses_by_rcode_total",
               rcode=rcode.upper())
    for name, count in stats["types"].items():
        expect(samples, count, "queries_by_type_total", type=name)
    expect(samples, stats["counters"]["dropped_runt"], "dropped_total", reason="runt")
    expect(samples, stats["counters"]["bytes_out"], "response_bytes_total")


def adds_up(samples):
    queries = value(samples, "queries_total")
    for metric in ("queries_by_protocol_total", "queries_by_family_total", "queries_by_type_total",
                   "worker_queries_total"):
        check(total(samples, metric) == queries,
              "%s: %g, not %g" % (metric, total(samples, metric), queries))
    check(total(samples, "responses_by_rcode_total") == value(samples, "responses_total"), "rcodes")
    expect(samples, queries, "burst_queries_sum")
    check(value(samples, "burst_queries_count") == total(samples, "worker_bursts_total"), "bursts")


def scraped(server):
    done = subprocess.run(["curl", "-sS", "--fail", "--unix-socket", server.path("api.sock"),
                           "http://localhost/metrics"],
                          capture_output=True, text=True, timeout=counters.PATIENCE)
    check(done.returncode == 0, "curl: " + done.stderr)
    return done.stdout


def same_over_http(server, samples):
    """Figures go on, but nothing is there in one and not in the other."""
    check(set(parse(scraped(server))) == set(samples), "HTTP gives other samples")


def catalogs_are_told(server):
    """Before there is one, as long as it is one, and no more after that."""
    check(not any(dict(labels).get("catalog") for _, labels in parse(server.ctl("metrics"))), "no catalogs")
    begun = time.time()
    server.ctl("zone", "create", "cat.example.", "kind=producer")
    server.ctl("zone", "set", "example.", "catalog=cat.example.")
    one = {"catalog": "cat.example.", "kind": "producer"}
    key = ("anser_catalog_members", frozenset(one.items()))
    until("the catalog has its member", lambda: parse(server.ctl("metrics")).get(key) == 1)
    text = server.ctl("metrics")
    samples = parse(text)
    if shutil.which("promtool"):
        promtool_accepts(text)
    same_over_http(server, samples)
    for state in ("unread", "empty", "ok", "broken", "held", "failed"):
        expect(samples, state == "ok", "catalogs", state=state)
        expect(samples, state == "ok", "catalog_state", state=state, **one)
    expect(samples, 0, "catalog_refused_versions_total", **one)
    expect(samples, 0, "catalog_kept_zones", **one)
    expect(samples, 0, "catalog_foreign_members", **one)
    check(value(samples, "catalog_followed_timestamp_seconds", **one) >= int(begun), "followed when")
    server.ctl("zone", "set", "cat.example.", "kind=primary")
    until("it is no catalog any more", lambda: key not in parse(server.ctl("metrics")))
    expect(parse(server.ctl("metrics")), 0, "catalogs", state="ok")
    print("-- so is a catalog")


def signing_is_told(server):
    """Of a zone that is signed, and of one that was."""
    ends = ("anser_signing_first_expiry_timestamp_seconds", frozenset())
    before = parse(server.ctl("metrics"))
    expect(before, 0, "signing_zones")
    check(ends not in before, "a signature ends, and there is none")
    server.ctl("zone", "set", "example.", "dnssec=default")
    until("it is signed", lambda: value(parse(server.ctl("metrics")), "signing_zones_signed") == 1)
    until("its signatures end", lambda: ends in parse(server.ctl("metrics")))
    text = server.ctl("metrics")
    samples = parse(text)
    if shutil.which("promtool"):
        promtool_accepts(text)
    same_over_http(server, samples)
    expect(samples, 1, "signing_zones")
    expect(samples, 0, "signing_zones_troubled")
    expect(samples, 0, "signing_zones_asking_parent")
    expect(samples, 1, "signing_key_records", record="dnskey", state="rumoured")
    expect(samples, 0, "signing_key_records", record="dnskey", state="omnipresent")
    check(samples[ends] > time.time() + 86400, "ends within a day")
    rrsets = value(samples, "signing_rrsets")
    check(rrsets > 5, "%d RRsets" % rrsets)
    check(value(samples, "signing_rrsets_signed_total", **{"with": "zone"}) >= rrsets, "the zone")
    edited = value(samples, "signing_rrsets_signed_total", **{"with": "change"})
    server.ctl("record", "add", "new.example.", "A", "192.0.2.81")
    until("the change is signed", lambda: value(parse(server.ctl("metrics")), "signing_rrsets_signed_total",
                                                **{"with": "change"}) >= edited + 3)
    print("-- so is signing")


def prove(server):
    sums = counters.Sums()

    server.start_plane()
    counters.ask_all(server, sums)
    text = server.ctl("metrics")
    samples = parse(text)
    if shutil.which("promtool"):
        promtool_accepts(text)
        print("-- promtool takes %d samples" % len(samples))
    else:
        print("-- not checked by promtool: it is not installed")
    monitoring_is_good(text, samples)
    same_as_stats(samples, server.json("stats"))
    same_over_http(server, samples)
    adds_up(samples)
    expect(samples, sums["queries"], "queries_total")
    expect(samples, sums["tcp"], "queries_by_protocol_total", protocol="tcp")
    expect(samples, sums["ipv6"], "queries_by_family_total", family="ipv6")
    expect(samples, sums["tcp"], "worker_queries_total", pid=str(server.control.pid),
           backend="control", worker="0")
    expect(samples, 1, "data_planes")
    expect(samples, 0, "data_plane_stopped", pid=str(server.plane.pid), backend="udp")
    expect(samples, 1, "zones_served")
    expect(samples, 1, "zones_loaded")
    status = server.json("status")
    expect(samples, status["commit"], "table_commits_total")
    expect(samples, status["generation"], "data_plane_table_generation",
           pid=str(server.plane.pid), backend="udp")
    check(value(samples, "store_commit_duration_seconds_count") > 0, "no commit was timed")
    check(value(samples, "store_commit_duration_seconds_sum") > 0, "commits took no time")
    # The publisher asks for a grace period now and then, changes or not.
    until("a grace period was timed",
          lambda: value(parse(server.ctl("metrics")), "grace_period_seconds_count") > 0)
    print("-- %d queries are where they belong" % sums["queries"])
    catalogs_are_told(server)
    signing_is_told(server)


def run():
    with counters.Server(os.environ["ANSER_BIN_DIR"], counters.addresses()) as server:
        prove(server)


if __name__ == "__main__":
    sys.exit(passes(run))
