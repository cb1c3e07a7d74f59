#!/usr/bin/python3
"""The commands about zones that are signed here.

* dnssec enable: what is served then is right for ldns-verify-zone and, with the DS that dnssec ds prints, for delv;
* dnssec status and dnssec policy tell how it is, and what keys wait for;
* dnssec ds ... seen and gone, dnssec roll: the life of keys goes on by that, and only by that;
* dnssec resign: all signatures are others, once;
* dnssec secret: another master secret, with a restart between any two steps;
* dnssec disable: nothing goes before it may, and everything in the end;
* dnssec import: a zone that BIND has signed goes on with its keys and its DS; keys that nobody knows are used, too; dnssec
  export gives them back, and nothing else does;
* what makes no sense is refused, and changes nothing.
"""

import json
import os
import subprocess
import sys
import time

from checks import check, free_port, passes, say, until
from control_plane import BIN, OK, REFUSED, USAGE, ControlPlane

CONFIG = """
server:
  listen: [127.0.0.1@%(port)d]
  io: udp
  workers: 1
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(bin)s/anser-dataplane
dnssec-policies:
  - {name: quick, dnskey-ttl: 1s, propagation: 0s, parent-ds-ttl: 1s, parent-propagation: 0s, safety: 0s}
  - {name: two, csk: no, nsec3: yes, algorithm: ED25519, dnskey-ttl: 1s, propagation: 0s, parent-ds-ttl: 1s,
     parent-propagation: 0s, safety: 0s}
acls:
  - {name: all, addresses: [127.0.0.1], actions: [transfer]}
templates:
  - {name: default, acls: [all]}
zones:
  - {name: example, file: zone}
  - {name: other, file: zone}
  - {name: said, file: zone, dnssec: quick}
  - {name: fresh, file: zone}
  - {name: second, kind: secondary, primaries: [127.0.0.1]}
"""

ZONE = """$TTL 1
@ SOA ns hostmaster 1 3600 600 864000 1
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
*.wild TXT "any"
a.b.c A 192.0.2.3
sub NS ns.sub
ns.sub A 192.0.2.4
"""


class Server(ControlPlane):
    def __init__(self):
        super().__init__("dnssec_commands")
        self.port = free_port()
        self.write("zone", ZONE)
        self.write("anser.yaml", CONFIG % {"port": self.port, "bin": BIN})

    def start(self):
        self.launch()
        self.wait_until_loaded()

    def json(self, *words, given=None):
        done = self.anserctl("--json", *words, given=given)
        check(done.returncode == OK, words, done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def refused(self, *words, says="", code=REFUSED):
        done = self.anserctl(*words)
        check(done.returncode == code and says in done.stderr, words, done.returncode, done.stdout, done.stderr)

    def status(self, zone):
        return self.json("dnssec", "status", zone)

    def run_tool(self, *command, given=None):
        return subprocess.run(command, cwd=self.dir, input=given, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}, check=False)

    def axfr(self, zone):
        done = self.run_tool("dig", "@127.0.0.1", "-p", str(self.port), zone, "AXFR", "+tcp", "+noall", "+answer",
                             "+onesoa")
        check(done.returncode == 0 and done.stdout, done.stdout, done.stderr)
        return done.stdout

    def verify(self, zone):
        """All of the zone, by what is not ours."""
        self.write("signed", self.axfr(zone))
        done = self.run_tool("ldns-verify-zone", "signed")
        check(done.returncode == 0, done.stdout, done.stderr)

    def validate(self, zone, *names):
        """Answers, from the DS that we print."""
        ds = self.json("dnssec", "ds", zone)["ds"]
        check(ds, "no DS of", zone)
        words = [line.split() for line in ds]
        self.write("anchors", "trust-anchors {\n%s};\n" % "".join(
            '  "%s" static-ds %s %s %s "%s";\n' % (w[0], w[3], w[4], w[5], "".join(w[6:])) for w in words))
        for name, kind, what in names:
            done = self.run_tool("delv", "@127.0.0.1", "-p", str(self.port), "-a", "anchors", "+root=" + zone + ".",
                                 name, kind)
            check(what in done.stdout + done.stderr, name, kind, done.stdout, done.stderr)


def states(key):
    return key["dnskey_state"], key["signatures_state"], key["ds_state"]


def in_use(server, zone):
    return [key for key in server.status(zone)["keys"] if not key["retired_at"]]


# ---- to be signed ----

def enables(server):
    status = server.status("example")
    check(status["state"] == "unsigned" and status["policy"] is None and status["keys"] == [], status)
    done = server.anserctl("dnssec", "enable", "example", "quick", "--wait", "--dry-run")
    check(done.stdout == "example.: is to be signed; nothing was changed\n", done.stdout, done.stderr)
    check(server.status("example")["policy"] is None)
    status = server.json("dnssec", "enable", "example", "quick", "--wait")
    check(status["state"] == "signed" and status["policy"] == "quick", status)
    check(len(status["keys"]) == 1 and status["keys"][0]["role"] == "csk" and status["keys"][0]["private"], status)
    check(status["denial"] == "nsec" and status["work"]["rrsets"] > 8 and status["work"]["due"] == 0, status)
    server.verify("example")
    server.json("dnssec", "enable", "other", "two", "--wait")
    server.verify("other")
    status = server.status("other")
    check([key["role"] for key in status["keys"]] == ["ksk", "zsk"] and status["denial"] == "nsec3", status)
    check(all(key["algorithm"] == 15 and key["bits"] is None for key in status["keys"]), status)
    check([zone["zone"] for zone in server.json("dnssec", "status")["zones"]].count("example.") == 1)
    text = server.anserctl("dnssec", "status", "example").stdout
    check("ECDSAP256SHA256" in text and "signed" in text, text)
    say("dnssec enable: signed, and right for ldns-verify-zone")


def names_policies(server):
    done = server.anserctl("dnssec", "policy", "list", "--plain")
    names = [line.split("\t")[0] for line in done.stdout.splitlines()]
    check(names == ["quick", "two", "default"], names)
    done = server.anserctl("dnssec", "policy", "show", "two", "--plain")
    settings = dict(line.split("\t") for line in done.stdout.splitlines())
    check(settings["csk"] == "no" and settings["algorithm"] == "ED25519" and settings["nsec3"] == "yes", settings)
    check("name" not in settings, settings)
    server.refused("dnssec", "policy", "show", "third")
    server.refused("dnssec", "policy", "show", code=USAGE)
    server.refused("dnssec", "policy", "seen", "two", code=USAGE)
    say("dnssec policy")


def refuses(server):
    server.refused("dnssec", "enable", "example", "third", says="no policy")
    server.refused("dnssec", "enable", "second", says="secondary")
    server.refused("dnssec", "disable", "second", says="not signed here")
    server.refused("dnssec", "enable", "nowhere", says="no zone")
    server.refused("dnssec", "status", "nowhere", says="no zone")
    server.refused("dnssec", "roll", "other", "csk", says="no CSK")
    server.refused("dnssec", "roll", "other", "7", says="no key 7")
    server.refused("dnssec", "roll", "other", "x", says="no key's number")
    server.refused("dnssec", "roll", "second", says="not signed here")
    server.refused("dnssec", "ds", "other", "seen", "2", says="ZSK")
    server.refused("dnssec", "ds", "other", "there", code=USAGE, says="neither")
    server.refused("dnssec", "ds", "other", "gone", says="withdraw")
    for key in server.status("other")["keys"]:
        check(not key["rolls"] and not key["retired_at"], key)
    say("what makes no sense is refused")


# ---- the parent, and successors ----

def publishes_ds(server):
    """The DS is asked for when caches have the DNSKEY, and in use when somebody has seen it and they have it, too."""
    until("the DS is asked for", lambda: server.status("example")["ds"])
    status = server.status("example")
    key = status["keys"][0]
    check(states(key) == ("omnipresent", "omnipresent", "rumoured"), key)
    check("waits for the parent to publish its DS" in key["waits"], key)
    server.verify("example")
    printed = server.json("dnssec", "ds", "example")
    check(printed["ds"] == status["ds"] and printed["ds_later"] == [] and printed["ds_to_remove"] == [], printed)
    zone = [line.split() for line in server.axfr("example").splitlines()]
    for kind in ("CDS", "CDNSKEY", "DNSKEY"):
        served = [(w[0], w[2], w[3], w[4], w[5], w[6], "".join(w[7:]).lower()) for w in zone if w[3] == kind]
        given = [line.split() for line in printed[kind.lower()]]
        check([(w[0], w[1], w[2], w[3], w[4], w[5], "".join(w[6:]).lower()) for w in given] == served, given, served)
    plain = server.anserctl("dnssec", "ds", "example", "--plain").stdout
    check(plain.splitlines() == printed["ds"], plain)
    server.validate("example", ("www.example", "A", "; fully validated"), ("x.wild.example", "TXT", "; fully validated"),
                    ("no.example", "A", "negative response, fully validated"),
                    ("a.b.c.example", "A", "; fully validated"))
    server.json("dnssec", "ds", "example", "seen")
    until("the DS is everywhere", lambda: server.status("example")["keys"][0]["ds_state"] == "omnipresent")
    server.refused("dnssec", "ds", "example", "seen", says="publish")
    say("dnssec ds: right for delv; seen, and it is in use")


def rolls(server):
    until("the DS is asked for", lambda: server.status("other")["ds"])
    server.json("dnssec", "ds", "other", "seen", "1")
    until("the DS is everywhere", lambda: server.status("other")["keys"][0]["ds_state"] == "omnipresent")
    server.json("dnssec", "roll", "other", "zsk")
    until("the ZSK is another", lambda: [k["key"] for k in in_use(server, "other")] == [1, 3])
    until("it signs alone", lambda: states(server.status("other")["keys"][2])[1] == "omnipresent" and
          server.status("other")["keys"][1]["gone_at"])
    server.verify("other")
    old = server.status("other")["keys"][0]
    server.json("dnssec", "roll", "other", str(old["tag"]))
    until("the KSK has a successor", lambda: [k["key"] for k in in_use(server, "other")] == [3, 4])
    until("another DS is asked for", lambda: server.status("other")["keys"][3]["ds_state"] == "rumoured")
    server.refused("dnssec", "roll", "other", "1", says="on its way out")
    server.verify("other")
    new = server.json("dnssec", "ds", "other")
    check(len(new["ds"]) == 1, new)
    check(len(new["ds_to_remove"]) == 1, new)
    server.json("dnssec", "ds", "other", "seen", "4")
    server.json("dnssec", "ds", "other", "gone", "id:1")
    until("the old KSK is of no use any more", lambda: server.status("other")["keys"][0]["gone_at"])
    server.verify("other")
    server.validate("other", ("www.other", "A", "; fully validated"), ("no.other", "A", "negative response"))
    say("dnssec roll: by role and by tag, as far as the parent goes along")


def signs_again(server):
    def inceptions():
        return [line.split()[9] for line in server.axfr("other").splitlines() if line.split()[3] == "RRSIG"]

    before = max(inceptions())
    until("another second", lambda: time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() - 3601)) > before)
    server.json("dnssec", "resign", "other")
    until("all is signed again", lambda: min(inceptions()) > before)
    server.verify("other")
    keys = server.status("other")["keys"]
    server.refused("dnssec", "resign", "second", says="not signed here")
    until("it comes to rest", lambda: server.status("other")["work"]["due"] == 0)
    latest = max(inceptions())
    check(min(inceptions()) > before and max(inceptions()) == latest, "it is signed again and again")
    check([k["key"] for k in server.status("other")["keys"]] == [k["key"] for k in keys], keys)
    say("dnssec resign")


# ---- keys of others ----

def has_taken_over(server):
    """From BIND, with the DS as it was."""
    def keygen(*words):
        done = server.run_tool("dnssec-keygen", "-q", "-a", "ED25519", *words, "taken")
        check(done.returncode == 0, done.stderr)
        return done.stdout.strip()

    ksk, zsk = keygen("-f", "KSK"), keygen()
    done = server.run_tool("dnssec-signzone", "-S", "-o", "taken", "-f", "taken.signed", "zone", ksk, zsk)
    check(done.returncode == 0, done.stdout, done.stderr)
    done = server.anserctl("zone", "import", "taken", "taken.signed")
    check(done.returncode == OK, done.stdout, done.stderr)
    done = server.run_tool("dnssec-dsfromkey", "-2", ksk + ".key")
    ds = done.stdout.split()
    server.refused("dnssec", "enable", "taken", "two", says="import its keys")
    server.refused("dnssec", "import", "other", ksk, says="another zone")
    server.refused("dnssec", "import", "taken", ksk + ".absent", says="No such file", code=USAGE)
    os.rename(server.path(zsk + ".private"), server.path("kept"))
    server.write(zsk + ".private", open(server.path(ksk + ".private"), encoding="ascii").read())
    server.refused("dnssec", "import", "taken", zsk, says="not that of the DNSKEY")
    os.rename(server.path("kept"), server.path(zsk + ".private"))
    os.chmod(server.path(zsk + ".private"), 0o644)
    server.refused("dnssec", "import", "taken", zsk, code=USAGE)
    os.chmod(server.path(zsk + ".private"), 0o600)
    check(server.status("taken")["keys"] == [])
    imported = server.json("dnssec", "import", "taken", ksk, zsk + ".private", "--dry-run")
    check([k["known"] for k in imported["keys"]] == [True, True] and server.status("taken")["keys"] == [], imported)
    imported = server.json("dnssec", "import", "taken", ksk, zsk + ".private")
    check([k["role"] for k in imported["keys"]] == ["ksk", "zsk"] and all(k["known"] for k in imported["keys"]),
          imported)
    server.refused("dnssec", "import", "taken", zsk, says="its number is 2")
    status = server.status("taken")
    check(status["state"] == "presigned" and len(status["keys"]) == 2, status)
    server.json("dnssec", "enable", "taken", "two", "--wait")
    server.json("record", "set", "-z", "taken", "new", "60", "A", "192.0.2.9")
    server.verify("taken")
    check("new.taken." in server.axfr("taken"))
    status = server.status("taken")
    check([states(k) for k in status["keys"]] == [("omnipresent", None, "omnipresent"),
                                                  ("omnipresent", "omnipresent", None)], status)
    given = [line.split() for line in status["ds"]]
    check(len(given) == 1 and given[0][3:6] == ds[3:6] and "".join(given[0][6:]).lower() == "".join(ds[6:]).lower(),
          given, ds)
    server.validate("taken", ("new.taken", "A", "; fully validated"), ("no.taken", "A", "negative response"))
    say("dnssec import: what BIND has signed goes on with its keys and its DS")


def comes_with_new_keys(server):
    """Keys that no cache has, with no word about what they are for; and what comes out again."""
    for name, words in (("p256.pem", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")), ("ed.pem", ("ED25519",))):
        done = server.run_tool("openssl", "genpkey", "-out", name, "-algorithm", *words)
        check(done.returncode == 0, done.stderr)
        os.chmod(server.path(name), 0o600)
    server.refused("dnssec", "import", "fresh", "p256.pem", says="ksk, zsk or csk")
    server.refused("dnssec", "import", "fresh", "csk", "algorithm=14", "p256.pem", says="not a key of the algorithm")
    server.refused("dnssec", "import", "fresh", "csk", "algorithm=7", "p256.pem", says="algorithm", code=USAGE)
    server.refused("dnssec", "import", "fresh", "csk", code=USAGE)
    server.refused("dnssec", "import", "fresh", "csk", "anser.yaml", says="Private-key-format")
    server.refused("dnssec", "import", "other", "csk", "ed.pem", says="not such a key")
    server.json("dnssec", "import", "fresh", "csk", "p256.pem")
    tag = server.status("fresh")["keys"][0]["tag"]
    server.json("dnssec", "enable", "fresh", "quick", "--wait")
    keys = server.status("fresh")["keys"]
    check([k["tag"] for k in keys] == [tag] and keys[0]["role"] == "csk", keys)
    server.verify("fresh")

    os.mkdir(server.path("out"))
    name = server.anserctl("dnssec", "export", "fresh", "1", "out").stdout.strip()
    private = server.path("out/%s.private" % name)
    check(name.startswith("Kfresh.+013+") and os.stat(private).st_mode & 0o777 == 0o600, name)
    server.refused("dnssec", "export", "fresh", "1", "out", says="exists")
    server.refused("dnssec", "export", "fresh", "2", "out", says="no key 2")
    done = server.run_tool("dnssec-dsfromkey", "-2", "out/%s.key" % name)
    printed = server.json("dnssec", "ds", "fresh")
    ds = (printed["ds"] + printed["ds_later"])[0].split()
    check(done.stdout.split()[3:6] == ds[3:6] and done.stdout.split()[6].lower() == "".join(ds[6:]).lower(),
          done.stdout, ds)
    with open(private, encoding="ascii") as file:
        secret = [line.split()[1] for line in file if line.startswith("PrivateKey:")][0]
    audit = server.anserctl("audit", "list", "--json").stdout
    check("dnssec export" in audit and "dnssec import" in audit, audit)
    for what in (audit, server.log(), server.anserctl("dnssec", "status", "fresh", "--json").stdout,
                 server.anserctl("audit", "export").stdout):
        check(secret not in what, "a private key is told")
    server.refused("dnssec", "import", "fresh", "out/" + name, says="its number is 1")
    say("dnssec import of new keys, dnssec export")


# ---- the master secret ----

def changes_master_secret(server):
    """By a command, and by hand; no key is lost, none stays behind, and no zone notices."""
    def secrets():
        with open(server.path("store.secret"), encoding="ascii") as file:
            return [line.strip() for line in file if line.strip() and not line.startswith("#")]

    def edits(last):
        for zone in ("other", "taken", "fresh"):
            server.json("record", "set", "-z", zone, "secret", "60", "A", "192.0.2.%d" % last)
            server.verify(zone)

    first = secrets()
    listed = server.json("dnssec", "secret", "list")
    keys = sum(len(zone["keys"]) for zone in map(server.status, ("example", "other", "said", "taken", "fresh")))
    check(len(first) == 1 and [s["keys"] for s in listed["secrets"]] == [keys], listed, keys)
    rotated = server.json("dnssec", "secret", "rotate")
    check([s["keys"] for s in rotated["secrets"]] == [keys, 0] and rotated["sealed"] == keys and
          rotated["failed"] == 0 and rotated["keys_under_others"] == 0, rotated)
    check(len(secrets()) == 2 and secrets()[1] == first[0] and os.stat(server.path("store.secret")).st_mode & 0o77 == 0)
    edits(21)
    pruned = server.json("dnssec", "secret", "prune")
    check([s["keys"] for s in pruned["secrets"]] == [keys] and first[0] not in secrets(), pruned)
    edits(22)
    second = secrets()
    server.write("store.secret", "".join(line + "\n" for line in [os.urandom(32).hex()] + second))
    server.refused("dnssec", "secret", "prune", says="other master secrets than were read")
    server.refused("dnssec", "secret", "rotate", says="other master secrets than were read")
    server.stop()
    server.start()
    check(server.json("dnssec", "secret", "list")["secrets"][1]["keys"] == keys)
    server.refused("dnssec", "secret", "prune", says="%d keys are sealed under older" % keys)
    check(server.json("dnssec", "secret", "reseal")["sealed"] == keys)
    check(server.json("dnssec", "secret", "reseal")["sealed"] == 0)
    server.json("dnssec", "secret", "prune")
    check(len(secrets()) == 1 and secrets() != second)
    edits(23)
    os.rename(server.path("store.secret"), server.path("elsewhere"))
    server.refused("dnssec", "secret", "reseal", says="store.secret")
    edits(24)
    os.rename(server.path("elsewhere"), server.path("store.secret"))
    server.refused("dnssec", "secret", "forget", code=USAGE)
    server.stop()
    server.start()
    edits(25)
    audit = server.anserctl("audit", "export").stdout + server.log()
    check("dnssec secret rotate" in audit and "dnssec secret prune" in audit, audit)
    check(not any(secret in audit for secret in first + second + secrets()), "a master secret is told")
    say("dnssec secret: another one, and nobody notices")


# ---- and not any more ----

def disables(server):
    server.json("dnssec", "disable", "example")
    until("it is on its way", lambda: server.status("example")["state"] == "leaving")
    until("no DS is asked for", lambda: server.json("dnssec", "ds", "example")["ds_to_remove"])
    server.refused("dnssec", "roll", "example", says="to be unsigned")
    zone = server.axfr("example")
    check("CDS\t0 0 0 00" in zone or "CDS 0 0 0 00" in zone, zone)
    server.verify("example")
    server.json("dnssec", "ds", "example", "gone")
    until("it is unsigned", lambda: server.status("example")["state"] == "unsigned")
    check("RRSIG" not in server.axfr("example") and server.status("example")["keys"] == [])
    server.refused("dnssec", "disable", "example", says="not signed here")
    say("dnssec disable: unsigned, when the parent has no DS any more")


def says_nothing_twice(server):
    """Where the configuration has a policy already, enabling is going back to that."""
    until("it is signed", lambda: server.status("said")["state"] == "signed")
    server.json("dnssec", "enable", "said")
    policy = server.json("zone", "policy", "said")
    check(policy["from"]["dnssec"] == "configuration", policy)
    server.json("dnssec", "disable", "said")
    check(server.json("zone", "policy", "said")["dnssec"] == "no")
    server.json("dnssec", "enable", "said")
    policy = server.json("zone", "policy", "said")
    check(policy["dnssec"] == "quick" and policy["from"]["dnssec"] == "configuration", policy)
    until("it is signed on", lambda: server.status("said")["state"] == "signed")
    server.verify("said")
    say("dnssec enable of what the configuration signs")


def main():
    with Server() as server:
        server.start()
        enables(server)
        names_policies(server)
        refuses(server)
        publishes_ds(server)
        rolls(server)
        signs_again(server)
        has_taken_over(server)
        comes_with_new_keys(server)
        changes_master_secret(server)
        disables(server)
        says_nothing_twice(server)
        server.stop()


if __name__ == "__main__":
    sys.exit(passes(main))
