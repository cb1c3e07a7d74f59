#!/usr/bin/python3
"""A zone whose KSK is offline, through months in jumps of the clock (libfaketime).

* Without a signed response the zone stays unsigned, and says why; with one that Knot's keymgr has signed it is signed,
  and no private half of a KSK is in the store.
* From bundle to bundle, over successors of the ZSK and a second response, it is right for ldns-verify-zone at each time,
  whatever is edited in between, and after restarts.
* What does not fit is refused, and changes nothing: responses of other zones, with signatures that do not hold, with
  ZSKs that are not the zone's, for times that are over.
* A KSK that was here goes on in a safe, without a new DS.
* When bundles run out that is said in time; a KSK's successor comes with a response; a zone becomes unsigned when the
  parent has no DS any more.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time

from checks import Skipped, check, free_port, passes, say, until
from clock import DAY, Clock
from control_plane import OK, REFUSED, USAGE, ControlPlane

CONFIG = """
server:
  listen: [127.0.0.1@%d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
dnssec-policies:
  - {name: off, csk: no, ksk: offline, zsk-lifetime: 30d, dnskey-ttl: 1h, propagation: 5m, parent-ds-ttl: 1h,
     parent-propagation: 5m, safety: 5m}
  - {name: on, csk: no}
zones:
  - {name: example, file: zone, dnssec: off}
  - {name: other, file: zone, dnssec: on}
"""

ZONE = """$TTL 1h
@ SOA ns hostmaster 1 3600 600 864000 1h
@ NS ns
ns A 192.0.2.1
*.wild TXT "any"
sub NS ns.sub
ns.sub A 192.0.2.4
"""

SAFE = """
server:
  rundir: safe
database:
  storage: safe
policy:
  - id: off
    manual: on
    algorithm: ecdsap256sha256
    offline-ksk: on
    dnskey-ttl: 1h
    zone-max-ttl: 1h
    rrsig-lifetime: 14d
    rrsig-refresh: 5d
    rrsig-pre-refresh: 1h
    propagation-delay: 5m
    cds-cdnskey-publish: always
zone:
  - domain: example.
    dnssec-signing: on
    dnssec-policy: off
"""


class Server(ControlPlane):
    def __init__(self):
        super().__init__("dnssec_offline")
        self.clock, self.edits = Clock(self.dir), 0
        self.write("zone", ZONE)
        self.write("anser.yaml", CONFIG % free_port())

    def go(self, seconds):
        """The server's clock jumps."""
        self.clock.go(seconds)

    def now(self):
        return int(self.clock.now())

    def start(self):
        self.process = self.spawn(os.path.join(os.environ["ANSER_BIN_DIR"], "anser-control"), "-c", "anser.yaml",
                                  **self.clock.environment)
        self.wait_until_loaded()

    def json(self, *words, given=None):
        done = self.anserctl("--json", *words, given=given)
        check(done.returncode == OK, words, done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def refused(self, *words, given=None, code=REFUSED):
        done = self.anserctl(*words, given=given)
        check(done.returncode == code, words, done.returncode, done.stdout, done.stderr)
        return done.stderr

    def status(self, zone="example"):
        return self.json("dnssec", "status", zone)

    def trouble(self):
        return (self.status()["work"] or {}).get("trouble", "")

    def exported(self, zone="example"):
        return self.anserctl("zone", "export", zone).stdout

    def request(self, how_long):
        text = self.anserctl("dnssec", "ksr", "example", how_long).stdout
        check("KeySigningRequest 1.0 generated" in text, text)
        return text

    def tool(self, *command, fake=True):
        """Somebody else's program, at the server's time."""
        when = self.clock.environment if fake else {}
        return subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin", **when})

    def keymgr(self, *words):
        done = self.tool("keymgr", "-c", "safe.conf", "example.", *words)
        check(done.returncode == 0, words, done.stdout, done.stderr)
        return done.stdout

    def sign(self, request):
        """The safe's answer."""
        self.write("ksr", request)
        return self.keymgr("sign-ksr", "ksr")

    def take(self, response):
        return self.json("dnssec", "skr", "example", "-", given=response)

    def wrong(self, zone="example"):
        """What a validator has against the zone, or nothing."""
        self.write("signed", self.exported(zone))
        when = time.strftime("%Y%m%d%H%M%S", time.gmtime(self.now()))
        done = self.tool("ldns-verify-zone", "-t", when, "signed", fake=False)
        return done.stdout + done.stderr if done.returncode else ""

    def verify(self, zone="example"):
        wrong = self.wrong(zone)
        check(not wrong, "%+d s" % self.clock.offset, wrong, self.status(zone))

    def settle(self):
        """The keeper has its turn, and has no more to do. Gives when it looks again."""
        def rests():
            work = self.status()["work"]
            return (work and work["next_look"] and work["next_look"] > self.now() + 2 and not self.wrong() and
                    work["next_look"])
        return until("all is done at %+.1f days" % (self.clock.offset / DAY), rests, patience=20)

    def edit(self):
        self.edits += 1
        done = self.anserctl("record", "add", "e%d.example." % self.edits, "60", "A", "192.0.2.9")
        check(done.returncode == OK, done.stdout, done.stderr)
        self.verify()


def signers(server, kind="SOA"):
    """The tags of the keys that have signed such RRsets at the apex."""
    return set(re.findall(r"^example\.\s+\d+\s+(?:IN\s+)?RRSIG\s+%s \d+ \d+ \d+ \d+ \d+ (\d+)" % kind,
                          server.exported(), re.M))


def waits(server):
    until("it says what is missing", lambda: "no signed response" in server.trouble())
    check("RRSIG" not in server.exported() and server.status()["state"] == "signing", server.status())
    check("does not say" in server.refused("dnssec", "ksr", "other", "30d"))
    check("no zone" in server.refused("dnssec", "ksr", "nowhere", "30d"))
    server.refused("dnssec", "ksr", "example", "soon", code=USAGE)
    check(server.json("dnssec", "skr", "example")["bundles"] == [])
    say("without a signed response the zone stays as it is, and says why")


def refuses(server, request, response):
    """Broken ones, in each way."""
    seq = server.json("zone", "show", "example")["serial"]
    lines = response.splitlines(keepends=True)
    for name, text in (("nothing", ""), ("a request", request), ("half of it", "".join(lines[:len(lines) // 2])),
                       ("another zone's", response.replace("example.", "example2."))):
        check(server.anserctl("dnssec", "skr", "example", "-", given=text).returncode == REFUSED, name)
    at = response.index("==", response.index("RRSIG")) - 5
    spoilt = response[:at] + ("A" if response[at] != "A" else "B") + response[at + 1:]
    check("signature" in server.refused("dnssec", "skr", "example", "-", given=spoilt))
    server.refused("dnssec", "skr", "example", "/nowhere", code=USAGE)
    check("not say" in server.refused("dnssec", "skr", "other", "-", given=response))
    check(server.json("zone", "show", "example")["serial"] == seq)
    check(server.json("dnssec", "skr", "example")["bundles"] == [])
    say("responses that do not fit are refused")


def signs(server, response):
    taken = server.take(response)
    check(taken["bundles"] > 3 and taken["until"] > server.now() + 79 * DAY, taken)
    until("the zone is signed", lambda: server.status()["state"] == "signed")
    server.settle()
    status = server.status()
    ksk = next(key for key in status["keys"] if key["role"] == "ksk")
    check(not ksk["private"] and [key["role"] for key in status["keys"]].count("zsk") == 1, status)
    check(signers(server, "DNSKEY") == {str(ksk["tag"])} != signers(server), server.exported())
    listed = server.json("dnssec", "skr", "example")["bundles"]
    check(len(listed) == taken["bundles"] and [b["in_use"] for b in listed].count(True) == 1, listed)
    check("offline" in server.refused("dnssec", "roll", "example", "ksk"))
    check("offline" in server.refused("dnssec", "roll", "example", "zsk"))
    check("made with it" in server.refused("record", "add", "example.", "60", "CDS", "0 0 0 00"))
    server.edit()
    say("with a response of keymgr's it is signed")


def lives(server, days, most=4):
    """As long as that, from one look of the keeper's to the next. Gives how many ZSKs have signed."""
    seen, end, looks = set(), server.now() + days * DAY, 0
    while server.now() < end:
        server.go(min(server.settle() + 1, server.now() + most * DAY, end) - server.now())
        server.settle()
        seen |= signers(server)
        looks += 1
        if looks % 8 == 1:
            server.edit()
        if looks % 16 == 9:
            server.stop()
            server.start()
            server.edit()
    return seen


def runs_out(server):
    """Nobody brings another response."""
    until("it is said", lambda: "have another request signed" in server.trouble())
    server.verify()
    say("that bundles run out is said in time")


def replaces_ksk(server):
    """In the safe, where a second one comes and the first one goes, and at the parent in between."""
    old = next(key for key in server.status()["keys"] if key["role"] == "ksk")["tag"]
    server.keymgr("generate", "ksk=yes", "created=t", "publish=t+2d", "ready=t+6d", "active=t+10d")
    ids = [line.split()[0] for line in server.keymgr("list").splitlines() if " %d " % old in " " + line]
    check(len(ids) == 1, server.keymgr("list"))
    server.keymgr("set", ids[0], "retire=t+12d", "remove=t+16d")
    server.take(server.sign(server.request("30d")))
    lives(server, 11)
    new = next(key for key in server.status()["keys"] if key["role"] == "ksk")
    check(new["tag"] != old and str(old) in signers(server, "DNSKEY"), server.status())
    server.json("dnssec", "ds", "example", "seen")
    lives(server, 13)
    check(signers(server, "DNSKEY") == {str(new["tag"])}, server.status())
    say("a KSK has its successor by a response")


def moves(server):
    """A zone that was signed with a KSK here goes on with it in a safe, which is anserctl itself."""
    until("it is signed", lambda: server.status("other")["state"] == "signed")
    before = {key["role"]: key["tag"] for key in server.status("other")["keys"]}
    name = server.anserctl("dnssec", "export", "other", "tag:%d" % before["ksk"], ".").stdout.strip()
    server.json("zone", "set", "other", "dnssec=off")
    until("it says what is missing", lambda: "no signed response" in server.status("other")["work"].get("trouble", ""))
    server.verify("other")
    server.write("other.ksr", server.anserctl("dnssec", "ksr", "other", "60d").stdout)
    for stranger in ("ksk", "zsk"):     # what is not its own does not sign for it
        done = server.tool("dnssec-keygen", "-a", "ECDSAP256SHA256", *(("-f", "KSK") if stranger == "ksk" else ()),
                           "other", fake=False)
        done = server.anserctl("dnssec", "sign-request", "other.ksr", done.stdout.strip())
        check((done.returncode == OK) == (stranger == "ksk"), done.stderr)
        if stranger == "ksk":
            server.json("dnssec", "skr", "other", "-", given=done.stdout)
            until("it is not taken", lambda: "lacks key" in server.status("other")["work"].get("trouble", ""))
            server.verify("other")
    response = server.anserctl("dnssec", "sign-request", "other.ksr", name)
    check(response.returncode == OK, response.stderr)
    server.json("dnssec", "skr", "other", "-", given=response.stdout)
    until("a bundle is in use",
          lambda: any(bundle["in_use"] for bundle in server.json("dnssec", "skr", "other")["bundles"]))
    until("it is right", lambda: not server.wrong("other"))
    after = {key["role"]: key["tag"] for key in server.status("other")["keys"]}
    check(after == before, before, after)
    say("a KSK goes into a safe, and the zone and its parent notice nothing")


def leaves(server):
    server.json("dnssec", "disable", "example")
    until("it is on its way", lambda: server.status()["state"] == "leaving")
    server.verify()
    server.go(3600)
    server.settle()
    check("RRSIG" in server.exported())
    server.json("dnssec", "ds", "example", "gone")
    for _ in range(12):
        server.go(3600)
        time.sleep(1)
    until("it is unsigned", lambda: server.status()["state"] == "unsigned")
    check("RRSIG" not in server.exported() and "DNSKEY" not in server.exported() and not server.status()["keys"])
    say("it becomes unsigned when the parent has no DS")


def run():
    for program in ("/usr/sbin/keymgr", "ldns-verify-zone"):
        if not shutil.which(program) and not os.path.exists(program):
            raise Skipped("%s is not installed" % program)
    with Server() as server:
        os.mkdir(server.path("safe"))
        server.write("safe.conf", SAFE)
        server.keymgr("generate", "ksk=yes", "created=t-1d", "publish=t-1d", "ready=t-1d", "active=t-1d")
        server.start()
        waits(server)
        request = server.request("80d")
        check(server.request("80d").count("DNSKEY") == request.count("DNSKEY"), "other keys than before")
        response = server.sign(request)
        refuses(server, request, response)
        moves(server)
        signs(server, response)
        first = lives(server, 66)
        check(len(first) == 3, first)
        say("it lives by its bundles")
        server.take(server.sign(server.request("40d")))
        second = lives(server, 38)
        check(len(second) == 2 and len(first & second) == 1, first, second)
        say("and by those of a second response")
        lives(server, 6)
        runs_out(server)
        replaces_ksk(server)
        leaves(server)
        server.stop()


if __name__ == "__main__":
    sys.exit(passes(run))
