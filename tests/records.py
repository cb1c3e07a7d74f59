#!/usr/bin/env python3
"""Edits of single records with real processes: anserctl changes them, kdig sees what came of it.

* set, add, del, dry run; refusals say what is wrong and change nothing;
* wildcards, empty non-terminals and delegations come and go with the records that make them;
* what was acknowledged is there after kill -9, serial included;
* a zone that was edited is not overwritten by its file, except on demand;
* after many random edits, one by one and in transactions, by several clients at once, the zone that
  is served is the zone that is exported, and a server that is given the export answers the same.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading

import dns.message
import dns.query
import dns.rdatatype
import dns.zone

from checks import check, free_port, say
from control_plane import BIN, ControlPlane

ADDRESS = "127.0.0.1"

CONFIG = """
server:
  listen: [%(address)s@%(port)d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(bin)s/anser-dataplane
zones:
  - name: example.com
    file: zone
"""

ZONE = """@ 60 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ 60 NS ns1
ns1 60 A 192.0.2.1
alias 60 CNAME ns1
"""

OTHER = """@ 60 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ 60 NS ns1
ns1 60 A 192.0.2.2
"""


class Server(ControlPlane):
    def __init__(self, zone):
        super().__init__("records")
        self.port = free_port()
        self.write("zone", zone)
        self.write("anser.yaml", CONFIG % {"address": ADDRESS, "port": self.port, "bin": BIN})

    def start(self):
        self.launch()
        self.ctl("status", "--wait", "--timeout", "20")

    def kill(self):
        """The control plane and its data plane, without a word."""
        planes = self.ctl_json("status")["attachments"]
        for pid in [self.process.pid] + [plane["pid"] for plane in planes]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def ctl_run(self, *args):
        return self.anserctl(*args)

    def ctl(self, *args):
        done = self.ctl_run(*args)
        check(done.returncode == 0, args, "ended with", done.returncode, done.stderr)
        return done.stdout

    def ctl_json(self, *args):
        return json.loads(self.ctl("--json", *args))

    def refused(self, *args):
        """Gives what it says. Nothing has changed."""
        before = self.serial()
        done = self.ctl_run(*args)
        check(done.returncode == 1, args, "ended with", done.returncode, done.stderr)
        check(self.serial() == before, args, "was refused, but the serial has changed")
        return done.stderr

    def command(self, name, args):
        """One command over the control socket as it is."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect(self.path("control.sock"))
            s.sendall(json.dumps({"command": name, "args": args}).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                part = s.recv(65536)
                check(part, "the server hung up")
                text += part
        return json.loads(text)

    def kdig(self, *args):
        return subprocess.run(["kdig", "@" + ADDRESS, "-p", str(self.port), *args],
                              stdout=subprocess.PIPE, text=True, timeout=20, check=True).stdout

    def short(self, name, kind):
        return sorted(self.kdig("+short", name, kind).split("\n")[:-1])

    def status_of(self, name, kind="A"):
        for line in self.kdig(name, kind).split("\n"):
            if "status:" in line:
                return line.split("status:")[1].split(";")[0].strip()
        raise AssertionError("kdig tells no status")

    def serial(self):
        return int(self.short("example.com", "SOA")[0].split()[2])

    def ask(self, name, kind):
        query = dns.message.make_query(name, kind)
        query.flags = 0
        answer = dns.query.udp(query, ADDRESS, timeout=5, port=self.port)
        answer.id = 0
        return answer


# ---- one after the other ----

def edits(server):
    say("set, add, del")
    serial = server.serial()
    out = server.ctl("record", "set", "www.example.com", "300", "A", "192.0.2.7", "192.0.2.8")
    check("serial %d, before %d" % (serial + 1, serial) in out, out)
    check("served by every core" in out, out)
    check(server.short("www.example.com", "A") == ["192.0.2.7", "192.0.2.8"])
    check("\t300\t" in server.kdig("+noall", "+answer", "www.example.com", "A"), "the TTL is lost")
    server.ctl("record", "add", "www.example.com", "A", "192.0.2.9")
    check(len(server.short("www.example.com", "A")) == 3)
    check("\t300\t" in server.kdig("+noall", "+answer", "www.example.com", "A"), "the TTL is lost")
    server.ctl("record", "del", "www.example.com", "A", "192.0.2.7")
    check(server.short("www.example.com", "A") == ["192.0.2.8", "192.0.2.9"])
    server.ctl("record", "set", "WWW.Example.com", "A", "192.0.2.10")
    check(server.short("www.example.com", "A") == ["192.0.2.10"])
    server.ctl("record", "del", "www.example.com", "A")
    check(server.status_of("www.example.com") == "NXDOMAIN")
    server.ctl("record", "set", "-z", "example.com", "@", "MX", "10 mail", "20 mail.example.net.")
    check(server.short("example.com", "MX") == ["10 mail.example.com.", "20 mail.example.net."])
    server.ctl("record", "set", "txt.example.com", "TXT", '"a b" "c\\"d"')
    check(server.short("txt.example.com", "TXT") == ['"a b" "c\\"d"'])

    say("nothing to do, nothing done")
    serial = server.serial()
    result = server.ctl_json("record", "set", "txt.example.com", "TXT", '"a b" "c\\"d"')
    check(result["change"] is None and not result["zones"][0]["changed"], result)
    result = server.ctl_json("record", "set", "--dry-run", "new.example.com", "A", "192.0.2.1")
    check(result["change"] is None and result["zones"][0]["serial"] == serial + 1, result)
    check(server.status_of("new.example.com") == "NXDOMAIN")
    check(server.serial() == serial, "the serial has changed")
    for zone, outcome in ("example.com", 0), ("nowhere.example", 1):
        answer = server.command("zone remove", {"zone": zone, "dry_run": True})
        check(answer["outcome"] == outcome, answer)
    check([z["name"] for z in server.command("zone list", {"match": "example.com."})["result"]["zones"]] ==
          ["example.com."], "a dry run removed it")


def refusals(server):
    say("refusals")
    server.ctl("record", "set", "www.example.com", "A", "192.0.2.7")
    for args, words in (
            (("set", "www.example.com", "CNAME", "ns1.example.com"), "cname-and-other-data"),
            (("set", "alias.example.com", "A", "192.0.2.1"), "CNAME"),
            (("add", "alias.example.com", "CNAME", "other.example.com"), "CNAME"),
            (("del", "example.com", "SOA"), "SOA"),
            (("del", "example.com", "NS"), "NS"),
            (("set", "www.example.net", "A", "192.0.2.1"), "no zone here holds the name"),
            (("set", "www.example.com", "NSEC", "a.example.com. A"), "NSEC"),
            (("set", "-z", "example.net", "www", "A", "192.0.2.1"), "no such zone")):
        said = server.refused("record", *args)
        check(words in said, args, "is refused with", said)
    for args in (("set", "www.example.com", "A", "192.0.2"), ("set", "www.example.com", "A"),
                 ("set", "www.example.com", "NOTYPE", "x"), ("set", "www.example.com", "ANY", "x"),
                 ("set", "www.example.com", "A", "192.0.2.1\nx 1 A 192.0.2.2"),
                 ("set", "a..b", "A", "192.0.2.1"),
                 ("set", "www.example.com", "99999999999", "A", "192.0.2.1")):
        done = server.ctl_run("record", *args)
        check(done.returncode == 2, args, "ended with", done.returncode, done.stderr)
    check(server.short("www.example.com", "A") == ["192.0.2.7"])


def shapes(server):
    say("a wildcard comes and goes")
    server.ctl("record", "set", "*.wild.example.com", "A", "192.0.2.20")
    check(server.short("any.wild.example.com", "A") == ["192.0.2.20"])
    server.ctl("record", "set", "here.wild.example.com", "TXT", "x")
    check(server.short("here.wild.example.com", "A") == [])
    server.ctl("record", "del", "here.wild.example.com", "TXT")
    check(server.short("here.wild.example.com", "A") == ["192.0.2.20"])
    server.ctl("record", "del", "*.wild.example.com", "A")
    check(server.status_of("any.wild.example.com") == "NXDOMAIN")

    say("an empty non-terminal comes and goes")
    check(server.status_of("b.ent.example.com") == "NXDOMAIN")
    server.ctl("record", "set", "a.b.ent.example.com", "A", "192.0.2.21")
    check(server.status_of("b.ent.example.com") == "NOERROR")
    check(server.status_of("ent.example.com") == "NOERROR")
    server.ctl("record", "del", "a.b.ent.example.com", "A")
    check(server.status_of("ent.example.com") == "NXDOMAIN")

    say("a delegation comes and goes")
    server.ctl("record", "set", "www.sub.example.com", "A", "192.0.2.22")
    check("aa" in server.kdig("www.sub.example.com", "A").split("Flags:")[1].split(";")[0])
    result = server.command("change", {"edits": [
        {"op": "set", "name": "sub.example.com.", "type": "NS", "rdata": ["ns.sub.example.com."]},
        {"op": "set", "name": "ns.sub.example.com.", "type": "A", "rdata": ["192.0.2.23"]}]})
    check(result["outcome"] == 0, result)
    answer = server.ask("www.sub.example.com", "A")
    check(not answer.answer and answer.authority[0].rdtype == dns.rdatatype.NS, answer)
    check(answer.additional, "no glue")
    server.ctl("record", "del", "sub.example.com", "NS")
    check(server.short("www.sub.example.com", "A") == ["192.0.2.22"])


def transactions(server):
    say("a transaction over two zones is done whole or not at all")
    server.write("other", OTHER)
    server.ctl("zone", "add", "example.org", server.path("other"))
    edit = {"op": "set", "name": "t.example.com.", "type": "A", "rdata": ["192.0.2.30"]}
    result = server.command("change", {"edits": [
        edit, {"op": "del", "name": "example.org.", "type": "SOA"}]})
    check(result["outcome"] == 1, result)
    problem = result["result"]["problems"][0]
    check(problem["zone"] == "example.org." and problem["rule"], problem)
    check(server.status_of("t.example.com") == "NXDOMAIN")
    result = server.command("change", {"edits": [
        edit, {"op": "set", "zone": "example.org", "name": "t", "type": "CNAME",
               "rdata": ["t.example.com."]}]})
    check(result["outcome"] == 0, result)
    check([zone["zone"] for zone in result["result"]["zones"]] == ["example.com.", "example.org."])
    check("192.0.2.30" in server.short("t.example.com", "A"))
    check("t.example.com." in server.short("t.example.org", "CNAME"))
    for args in ({}, {"edits": []}, {"edits": [1]}, {"edits": [{"op": "x"}]},
                 {"edits": [{"op": "set", "name": "a", "type": "A", "rdata": "x"}]},
                 {"edits": [{"op": "set", "name": 1, "type": "A", "rdata": ["x"]}]},
                 {"edits": [{"op": "set", "name": "a.example.com", "type": "A", "rdata": [1]}]}):
        result = server.command("change", args)
        check(result["outcome"] == 2, args, result)


def files(server):
    say("a file does not overwrite what was edited, unless it is told to")
    server.ctl("record", "set", "kept.example.com", "A", "192.0.2.40")
    server.write("zone", ZONE.replace(" 1 7200", " 5000 7200"))
    server.ctl("zone", "reload")
    check(server.short("kept.example.com", "A") == ["192.0.2.40"])
    status = server.ctl_json("status")
    check(any("edited" in alarm for alarm in status["alarms"]), status["alarms"])
    server.ctl("zone", "reload", "example.com")
    check(server.status_of("kept.example.com") == "NXDOMAIN")
    check(server.serial() == 5000)
    server.ctl("zone", "reload")
    check(server.ctl_json("status")["alarms"] == [])


# ---- many ----

LABELS = ("a", "b", "c", "*", "d", "www")


def random_edit(random_):
    name = ".".join(random_.choice(LABELS) for _ in range(random_.randint(1, 3))) + ".example.com."
    target = ".".join(random_.choice(LABELS) for _ in range(2)) + ".example.com."
    kind, rdata = random_.choice((
        ("A", "192.0.2.%d" % random_.randint(0, 5)), ("A", "192.0.2.%d" % random_.randint(0, 5)),
        ("AAAA", "2001:db8::%d" % random_.randint(0, 5)), ("TXT", '"%d"' % random_.randint(0, 5)),
        ("CNAME", target), ("DNAME", target), ("NS", target), ("MX", "10 " + target)))
    op = random_.choice(("set", "add", "del", "del"))
    edit = {"op": op, "name": name, "type": kind}
    if op != "del" or random_.random() < 0.5:
        edit["rdata"] = [rdata]
    return edit


def edit_at_random(server, seed, count, outcomes):
    random_ = random.Random(seed)
    for _ in range(count):
        several = [random_edit(random_) for _ in range(random_.randint(1, 4))]
        result = server.command("change", {"edits": several, "wait": random_.random() < 0.5})
        check(result["outcome"] in (0, 1), result)
        outcomes.append((result["outcome"], result["result"].get("change"),
                         result["result"].get("commit")))


def compare(server, other):
    """Both answer the same; what is answered is in the export."""
    exported = server.ctl("zone", "export", "example.com")
    zone = dns.zone.from_text(exported, "example.com", relativize=False, check_origin=False)
    random_ = random.Random(1)
    for _ in range(400):
        name = ".".join(random_.choice(LABELS) for _ in range(random_.randint(0, 4)))
        name = (name + "." if name else "") + "example.com."
        kind = random_.choice(("A", "AAAA", "TXT", "CNAME", "NS", "MX", "DNAME", "SOA"))
        one, two = server.ask(name, kind), other.ask(name, kind)
        check(one == two, name, kind, "differs:\n", one, "\n", two)
        for rrset in one.answer:
            there = zone.get_rrset(rrset.name, rrset.rdtype)
            made = rrset.rdtype == dns.rdatatype.CNAME or there is None
            check(made or there == rrset, name, kind, "is answered with", rrset)


def many(server, seeds, count):
    say("%d transactions of %d clients at once" % (count * len(seeds), len(seeds)))
    outcomes = []
    threads = [threading.Thread(target=edit_at_random, args=(server, seed, count, outcomes))
               for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(len(outcomes) == count * len(seeds), "a client has failed")
    done = sorted(change for outcome, change, _ in outcomes if outcome == 0 and change)
    check(len(set(done)) == len(done) > 0, "two changes have one number")
    check(any(outcome for outcome, _, _ in outcomes), "no edit was refused")
    say("%d done, %d refused" % (len(done), sum(o for o, _, _ in outcomes)))


def same_as_from_scratch(server):
    with Server(server.ctl("zone", "export", "example.com")) as other:
        other.start()
        compare(server, other)


def durable(server):
    say("what was acknowledged is there after kill -9")
    for number in range(20):
        server.ctl("record", "set", "d%d.example.com" % number, "A", "192.0.2.%d" % number)
    serial = server.serial()
    server.kill()
    server.start()
    check(server.serial() == serial)
    for number in range(20):
        check(server.short("d%d.example.com" % number, "A") == ["192.0.2.%d" % number])
    result = server.ctl_json("record", "set", "after.example.com", "A", "192.0.2.1")
    check(result["zones"][0]["serial"] == serial + 1, result)


def prove(case):
    """Gives the exit status of a script that is this case, with a server of its own."""
    if not shutil.which("kdig"):
        print("kdig is not installed")
        return 77
    with Server(ZONE) as server:
        server.start()
        case(server)
    return 0


def run(server):
    edits(server)
    refusals(server)
    shapes(server)
    transactions(server)
    files(server)
    many(server, [1], 150)
    same_as_from_scratch(server)
    many(server, [2, 3, 4, 5], 60)
    same_as_from_scratch(server)
    durable(server)


if __name__ == "__main__":
    sys.exit(prove(run))
