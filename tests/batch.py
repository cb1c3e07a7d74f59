#!/usr/bin/env python3
"""anserctl batch with a real control plane, by its socket and by HTTPS.

* all forms of lines, comments, zones, JSON; a transaction is done as a whole or not at all;
* it stops at what is refused, or goes on, and names its line, wherever in a command it was; what was
  before it is done, and what is behind it only with --keep-going;
* what is written is done while the input is still open; what is cut off by the end of it as well;
* a server that ends under way: what is said to be done is there;
* many more than fit into a command, of one change and of many each, all of them; a dry run does none.
"""

import contextlib
import json
import random
import subprocess
import sys
import threading
import time

from checks import check, free_ports, say, until
from control_plane import NOT_RUNNING, OK, REFUSED, ZONE, ControlPlane

CONFIG = """
server:
  listen: [127.0.0.1@%(port)d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
api:
  tls-listen: [127.0.0.1@%(https)d]
  socket: no
zones:
  - name: example.com
    file: zone
  - name: example.net
    file: zone
"""


class Server(ControlPlane):
    def __init__(self):
        super().__init__("batch")
        self.port, self.https = free_ports(2)
        self.write("zone", ZONE)
        self.write("anser.yaml", CONFIG % vars(self))
        self.environment = {}
        self.start()

    def start(self):
        self.launch()
        self.wait_until_loaded()

    def ctl(self, *args, text=None):
        return self.anserctl(*args, given=text, **self.environment)

    def batch(self, text, *args):
        """Gives the exit status, the refusals as line and error, and the summary."""
        done = self.ctl("--json", "batch", *args, text=text)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        check(lines, done)
        return done.returncode, [(x["line"], x["error"]) for x in lines[:-1]], lines[-1]

    def records(self, zone="example.com"):
        text = self.ctl("zone", "export", zone).stdout
        return {tuple(line.split(None, 4)) for line in text.splitlines() if " SOA " not in
                line.replace("\t", " ")}

    def commits(self):
        return json.loads(self.ctl("--json", "status").stdout)["commit"]

    def has(self, name, value):
        return any(r[0] == name and r[-1] == value for r in self.records(name.split(".", 1)[1]))


def forms(server):
    status, refused, summary = server.batch("""
# a comment
set www.example.com. 300 A 192.0.2.7
add www.example.com. A 192.0.2.8
  ; another
zone example.net
set www 60 IN TXT "one; two" three
{"op": "add", "zone": "example.net", "name": "www", "type": "TXT", "rdata": ["four"]}
commit
{"edits": [{"op": "set", "name": "json.example.com.", "type": "A", "rdata": ["192.0.2.9"]}]}
zone
del ns1.example.com. TXT
set last.example.com. A 192.0.2.10""", "-")
    check(status == OK and not refused, status, refused)
    check(summary["changes"] == 7 and summary["transactions"] == 3, summary)
    check(server.has("www.example.com.", "192.0.2.7") and server.has("www.example.com.", "192.0.2.8"))
    check(server.has("json.example.com.", "192.0.2.9") and server.has("last.example.com.", "192.0.2.10"))
    check(server.has("www.example.net.", '"one; two" "three"') and server.has("www.example.net.", '"four"'),
          server.records("example.net"))
    server.write("file", "del www 300 IN A 192.0.2.8\r\n\r\ndel json A\r\n")
    status, refused, summary = server.batch(None, "file", "--zone", "example.com")
    check(status == OK and summary["transactions"] == 2, refused, summary)
    check(not server.has("www.example.com.", "192.0.2.8") and server.has("www.example.com.", "192.0.2.7"))
    check(not server.has("json.example.com.", "192.0.2.9"))
    done = server.ctl("batch", text="set x.example.com. A 192.0.2.1\n")
    check(done.returncode == OK and done.stdout.startswith("1 changes in 1 transactions made"), done)
    check(server.ctl("batch", "no-such-file").returncode == REFUSED)
    say("all forms of lines are understood")


def refusals(server):
    """A good one, a bad one at line 4, a good one."""
    form = ("set %(a)s.example.com. A 192.0.2.1\n\nset %(b)s.example.com. A 192.0.2.2\n%%s\n\n"
            "set %(c)s.example.com. A 192.0.2.3\n")
    for bad, words in (
            ("add example.com. CNAME www.example.com.", "CNAME"),
            ("set www.nowhere. A 192.0.2.1", "no zone"),
            ("set y.example.com. A 192.0.2.300", "A"),
            ("set y.example.com. NONSENSE 1", "NONSENSE"),
            ("set y..example.com. A 192.0.2.1", "not a domain name"),
            ("set y.example.com. A", "expected"),
            ("set y.example.com. 99999999999 A 192.0.2.1", "ttl"),
            ("put y.example.com. A 192.0.2.1", "expected"),
            ("{\"op\": \"set\"", "not JSON"),
            ("{\"op\": \"put\", \"name\": \"y.example.com.\"}", "op"),
            ("set y.example.com. TXT \x1b\"", "")):
        for keep_going in (False, True):
            n = {x: "%s%d" % (x, random.getrandbits(40)) for x in "abc"}
            status, refused, summary = server.batch(form % n % bad, *(["--keep-going"] * keep_going))
            check(status == REFUSED and len(refused) == 1, bad, status, refused)
            check(refused[0][0] == 4 and words in refused[0][1], bad, refused)
            check(summary["refused"] == 1 and summary["stopped"] == (not keep_going), summary)
            check(summary["changes"] == summary["transactions"] == 1 + keep_going, bad, summary)
            there = [server.has(n[x] + ".example.com.", "192.0.2.%d" % i) for i, x in enumerate("abc", 1)]
            check(there == [True, False, keep_going], bad, keep_going, there)
    done = server.ctl("batch", text="\nset y.example.com. A nonsense\n")
    check(done.returncode == REFUSED and "line 2: " in done.stderr, done)
    say("what is refused is named by its line, and what is behind it is not done")


def streamed(server):
    with subprocess.Popen(**server.arguments("--json", "batch"), text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        child.stdin.write("set slow.example.com. A 192.0.2.1\n\nset cut.example.com. A 192.0")
        child.stdin.flush()
        until("the first is done", lambda: server.has("slow.example.com.", "192.0.2.1"))
        time.sleep(0.1)
        check(not server.has("cut.example.com.", "192.0"))
        child.stdin.write(".2.2")
        child.stdin.close()
        check(json.loads(child.stdout.read())["transactions"] == 2)
        check(child.wait(20) == OK and server.has("cut.example.com.", "192.0.2.2"))
    say("what is written is done while there is more to come")


def many(server):
    """Transactions of one, of two, and of thousands."""
    count = 24000
    for each, tag in ((1, "one"), (2, "two"), (6000, "many")):
        wanted = {"%s-%05d.example.com." % (tag, i): "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)
                  for i in range(count)}
        text = "".join("set %s 60 A %s\n%s" % (name, value, "\n" if i % each == 0 else "")
                       for i, (name, value) in enumerate(wanted.items(), 1))
        status, refused, summary = server.batch(text, "--dry-run")
        check(status == OK and summary["changes"] == count and summary["dry_run"], refused, summary)
        check(not any(r[0].startswith(tag + "-") for r in server.records()), "a dry run did something")
        status, refused, summary = server.batch(text)
        check(status == OK and not refused, refused[:3], summary)
        check(summary["changes"] == count and summary["transactions"] == count // each, summary)
        found = {r[0]: r[-1] for r in server.records() if r[0].startswith(tag + "-")}
        check(found == wanted, len(found), "are there of", count)
        say("%d changes, %d a transaction: %.0f/s" % (count, each, summary["per_second"]))
    text = "".join("set big-%05d.example.com. 60 A 10.0.0.1\n" % i for i in range(20001))
    status, refused, summary = server.batch(text)
    check(status == REFUSED and refused[0][0] == 20001 and "20000" in refused[0][1], refused)


def stops_in_the_middle(server):
    """Of transactions that share a command and its commits."""
    rng = random.Random(7)
    for keep_going in (False, True):
        tag = "k" if keep_going else "s"
        bad = set(rng.sample(range(100, 2500), 5))
        text = "".join("set %s%04d.example.com. A %s\n\n" % (
            tag, i, "192.0.2.1\nadd %s%04d.example.com. CNAME x.example.com." % (tag, i)
            if i in bad else "192.0.2.1") for i in range(2600))
        status, refused, summary = server.batch(text, *(["--keep-going"] * keep_going))
        expected = sorted(bad) if keep_going else [min(bad)]
        # Each has two lines, and one more for each bad one before it; the edit that clashes is named.
        lines = [2 * i + 1 + sum(b < i for b in bad) for i in expected]
        check(status == REFUSED and [r[0] // 1 for r in refused] == lines or
              [r[0] - 1 for r in refused] == lines, lines, refused)
        done = {int(r[0][1:5]) for r in server.records()
                if r[0][0] == tag and r[0][1:5].isdigit() and r[0][5] == "."}
        wanted = set(range(2600)) - bad if keep_going else set(range(min(bad)))
        check(done == wanted, len(done), len(wanted))
        check(summary["changes"] == summary["transactions"] == len(wanted), summary)
    say("none behind the first refusal is done, unless it is to go on")


def cut_off(server):
    """The server ends under way: nothing is claimed that is not there."""
    text = "".join("set cut-%05d.example.com. A 192.0.2.1\n\n" % i for i in range(50000))
    before = server.commits()
    with subprocess.Popen(**server.arguments("--json", "batch"), text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        sender = threading.Thread(target=send, args=(child, text))
        sender.start()
        until("some are there", lambda: server.commits() > before + 10)
        server.kill()
        lines = [json.loads(line) for line in child.stdout]
        sender.join()
    check(child.returncode == NOT_RUNNING and "is not known" in lines[0]["error"], lines)
    server.start()
    there = sum(r[0].startswith("cut-") for r in server.records())
    claimed = lines[-1]["changes"]
    check(claimed <= there <= claimed + 1000 and lines[0]["line"] == 2 * claimed + 1, claimed, there, lines)
    say("what was cut off is told, and what was acknowledged is there: %d of %d" % (claimed, there))


def send(child, text):
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(text)
        child.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()


def main():
    with Server() as server:
        for test in (forms, refusals, streamed, stops_in_the_middle, cut_off, many):
            test(server)
        made = server.ctl("--json", "key", "create", "writer", "writer")
        server.write("key", json.loads(made.stdout)["secret"])
        made = server.ctl("--json", "key", "create", "other", "writer", "zone=example.net")
        server.write("other", json.loads(made.stdout)["secret"])
        server.environment.update(ANSER_URL="https://127.0.0.1:%d" % server.https,
                                  ANSER_CACERT="store/tls/cert.pem", ANSER_KEY_FILE="other")
        status, refused, _ = server.batch("set remote.example.net. A 192.0.2.1\n\n"
                                          "set remote.example.com. A 192.0.2.1\n")
        check(status == REFUSED and [r[0] for r in refused] == [3], refused)
        server.environment.update(ANSER_KEY_FILE="key")
        status, refused, summary = server.batch(
            "".join("set https-%d.example.com. A 192.0.2.1\n\n" % i for i in range(5000)))
        check(status == OK and summary["changes"] == 5000, refused, summary)
        say("by HTTPS as well: %.0f/s" % summary["per_second"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
