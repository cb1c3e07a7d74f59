#!/usr/bin/python3
"""Signalling records for bootstrapping (RFC 9615), as those find them who ask.

* They are copies of a zone's CDS and CDNSKEY below the names of its servers, in zones that are signed here, with
  their TTL, and delv and ldns-verify-zone take them for right;
* not in zones that are unsigned, below cuts, in those of other tenants, or below names inside of the zone itself;
* they follow the CDS and the NS of the zone, and come back when somebody takes them away, or reads a zone file again;
* they go when the parent has the DS, with the policy's option, which may go while nobody looks, and with the zone;
* what somebody else has put there stays;
* who has no server here is told once.
"""

import subprocess
import sys

from checks import check, free_port, passes, say, until
from control_plane import BIN, OK, ControlPlane

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
  - {name: quick, dnskey-ttl: 2s, propagation: 0s, parent-ds-ttl: 1s, parent-propagation: 0s, safety: 0s}
  - {name: boot, dnskey-ttl: 2s, propagation: 0s, parent-ds-ttl: 1s, parent-propagation: 0s, safety: 0s,
     bootstrap: yes}
  - {name: other, dnskey-ttl: 2s, propagation: 0s, parent-ds-ttl: 1s, parent-propagation: 0s, safety: 0s,
     bootstrap: %(other)s}
acls:
  - {name: all, addresses: [127.0.0.1], actions: [transfer]}
templates:
  - {name: default, acls: [all]}
zones:
  - {name: op.test, file: op, dnssec: quick}
  - {name: op3.test, file: op, dnssec: quick}
  - {name: unsigned.test, file: op}
  - {name: cut.test, file: cut, dnssec: quick}
  - {name: theirs.test, file: op, dnssec: quick}
  - {name: child.example, file: child, dnssec: boot}
  - {name: second.example, file: second, dnssec: other}
  - {name: plain.example, file: second, dnssec: quick}
  - {name: lost.example, file: lost, dnssec: boot}
"""
ZONES = {
    "op": "@ NS ns1\nns1 A 192.0.2.1\n",
    "cut": "@ NS ns1\nns1 A 192.0.2.1\n_signal.ns1 NS ns1\n",
    "child": "@ NS NS1.op.test.\n@ NS ns1.cut.test.\n@ NS ns\n@ NS ns1.elsewhere.invalid.\n"
             "@ NS ns1.unsigned.test.\n@ NS ns1.theirs.test.\nns A 192.0.2.2\n",
    "second": "@ NS ns1.op.test.\n",
    "lost": "@ NS ns1.elsewhere.invalid.\n@ NS ns\nns A 192.0.2.3\n",
}
START = "$TTL 1\n@ SOA ns hostmaster 1 3600 600 864000 1\n"
FOREIGN = "12345 13 2 " + 64 * "a"
KINDS = "CDS", "CDNSKEY"


class Server(ControlPlane):
    def __init__(self):
        super().__init__("dnssec_bootstrap")
        self.port = free_port()
        for name, text in ZONES.items():
            self.write(name, START + text)
        self.configure("yes")

    def configure(self, other):
        self.write("anser.yaml", CONFIG % {"port": self.port, "bin": BIN, "other": other})

    def start(self):
        self.launch()
        self.wait_until_loaded()
        until("the data plane answers", lambda: self.asked("op.test", "SOA", "+time=1").returncode == 0)

    def tell(self, *words):
        done = self.anserctl(*words)
        check(done.returncode == OK, words, done.stdout, done.stderr)

    def tool(self, *command):
        return subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=60, check=False)

    def asked(self, *words):
        return self.tool("dig", "@127.0.0.1", "-p", str(self.port), "+noall", "+answer", "+onesoa", *words)

    def dig(self, *words):
        done = self.asked(*words)
        check(done.returncode == 0, words, done.stdout, done.stderr)
        return done.stdout

    def records(self, name, kind):
        """TTL and data of each."""
        found = [line.split(None, 4) for line in self.dig(name, kind, "+norec").splitlines()]
        return sorted((int(words[1]), words[4].strip()) for words in found if words[3] == kind)

    def said(self, zone, ns):
        return [self.records("_dsboot.%s._signal.%s" % (zone, ns), kind) for kind in KINDS]

    def of_zone(self, zone):
        return [self.records(zone, kind) for kind in KINDS]

    def copied(self, zone, ns):
        """Says whether both are there and are as those of the zone."""
        want = self.of_zone(zone)
        return all(want) and self.said(zone, ns) == want

    def nothing(self, zone, ns):
        return self.said(zone, ns) == [[], []]

    def verify(self, zone):
        self.write("signed", self.dig(zone, "AXFR", "+tcp"))
        done = self.tool("ldns-verify-zone", "signed")
        check(done.returncode == 0, done.stdout, done.stderr)

    def validate(self, zone, name):
        ds = self.anserctl("dnssec", "ds", zone, "--plain").stdout.splitlines()
        check(ds, "no DS of", zone)
        words = [line.split() for line in ds]
        self.write("anchors", "trust-anchors {\n%s};\n" % "".join(
            '  "%s" static-ds %s %s %s "%s";\n' % (w[0], w[3], w[4], w[5], "".join(w[6:])) for w in words))
        for kind in KINDS:
            done = self.tool("delv", "@127.0.0.1", "-p", str(self.port), "-a", "anchors", "+root=" + zone + ".",
                             name, kind)
            said = done.stdout + done.stderr
            check("; fully validated" in said and "negative" not in said, name, kind, said)


def comes(server):
    server.tell("tenant", "assign", "theirs.test", "somebody")
    server.tell("record", "set", "_dsboot.away.invalid._signal.ns1.op.test", "3", "CDS", FOREIGN)
    for zone in "child.example", "second.example":
        until("copies of " + zone, lambda zone=zone: server.copied(zone, "ns1.op.test"))
    check([ttl for sets in server.said("child.example", "ns1.op.test") for ttl, _ in sets] == [2, 2],
          server.said("child.example", "ns1.op.test"))
    until("the DS of the other zone is asked for",
          lambda: server.anserctl("dnssec", "ds", "op.test", "--plain").stdout)
    for zone in "child.example", "second.example":
        server.validate("op.test", "_dsboot.%s._signal.ns1.op.test" % zone)
    server.verify("op.test")
    say("copies come, and are right for delv and ldns-verify-zone")


def elsewhere(server):
    until("what was there before it was another's is gone",
          lambda: server.nothing("child.example", "ns1.theirs.test"))
    for ns in "ns1.unsigned.test", "ns1.cut.test", "ns1.theirs.test", "ns.child.example":
        check(server.nothing("child.example", ns), server.said("child.example", ns))
    check(server.nothing("plain.example", "ns1.op.test"))
    for zone in "child.example", "unsigned.test", "cut.test", "theirs.test":
        check("_dsboot" not in server.dig(zone, "AXFR", "+tcp"), zone)
    # As soon as nothing is in the way any more.
    server.tell("record", "del", "_signal.ns1.cut.test", "NS")
    until("copies where a cut was", lambda: server.copied("child.example", "ns1.cut.test"))
    server.tell("tenant", "assign", "theirs.test")
    until("copies where nobody minds", lambda: server.copied("child.example", "ns1.theirs.test"))
    server.tell("tenant", "assign", "theirs.test", "somebody")
    until("they are gone again", lambda: server.nothing("child.example", "ns1.theirs.test"))
    server.tell("zone", "set", "unsigned.test", "dnssec=quick")
    until("copies where it is signed now", lambda: server.copied("child.example", "ns1.unsigned.test"))
    say("nowhere else")


def follows(server):
    server.tell("record", "add", "child.example", "CDS", FOREIGN)
    check(len(server.of_zone("child.example")[0]) == 2, server.of_zone("child.example"))
    until("another CDS is copied", lambda: server.copied("child.example", "ns1.op.test"))
    server.tell("record", "del", "child.example", "CDS", FOREIGN)
    until("a CDS less", lambda: len(server.said("child.example", "ns1.op.test")[0]) == 1 and
          server.copied("child.example", "ns1.op.test"))
    server.tell("record", "del", "_dsboot.child.example._signal.ns1.op.test", "CDS")
    until("it is back", lambda: server.copied("child.example", "ns1.op.test"))
    server.tell("record", "add", "child.example", "NS", "ns1.op3.test.")
    until("copies at another server", lambda: server.copied("child.example", "ns1.op3.test"))
    server.tell("record", "del", "child.example", "NS", "ns1.op3.test.")
    until("none there", lambda: server.nothing("child.example", "ns1.op3.test"))
    server.tell("zone", "reload", "cut.test")
    until("the file's cut is back", lambda: server.nothing("child.example", "ns1.cut.test"))
    server.write("cut", START + ZONES["op"])
    server.tell("zone", "reload", "cut.test")
    until("copies beside what the file has", lambda: server.copied("child.example", "ns1.cut.test"))
    for zone in "op.test", "op3.test", "cut.test":
        server.verify(zone)
    say("they follow CDS and NS")


def goes(server):
    server.tell("dnssec", "ds", "child.example", "seen")
    for ns in "ns1.op.test", "ns1.cut.test", "ns1.unsigned.test":
        until("the DS was seen: none below " + ns, lambda ns=ns: server.nothing("child.example", ns))
    check(all(server.of_zone("child.example")), "the zone's own are gone, too")
    check(server.copied("second.example", "ns1.op.test"), "those of another zone are gone, too")
    server.configure("no")
    server.tell("conf", "reload")
    until("the option went", lambda: server.nothing("second.example", "ns1.op.test"))
    server.configure("yes")
    server.tell("conf", "reload")
    until("the option is back", lambda: server.copied("second.example", "ns1.op.test"))
    server.stop()
    server.configure("no")
    server.start()
    until("the option went meanwhile", lambda: server.nothing("second.example", "ns1.op.test"))
    server.configure("yes")
    server.tell("conf", "reload")
    until("the option is back", lambda: server.copied("second.example", "ns1.op.test"))
    server.tell("zone", "set", "second.example", "dnssec=no")
    until("it is to be unsigned", lambda: server.nothing("second.example", "ns1.op.test"))
    say("they go with the DS, the option, and the policy")


def goes_with_its_zone(server):
    server.write("third", START + ZONES["second"])
    server.tell("zone", "add", "third.example", "third")
    server.tell("zone", "set", "third.example", "dnssec=boot")
    until("copies of the third", lambda: server.copied("third.example", "ns1.op.test"))
    server.tell("zone", "remove", "third.example")
    until("its zone went", lambda: server.nothing("third.example", "ns1.op.test"))
    left = server.records("_dsboot.away.invalid._signal.ns1.op.test", "CDS")
    check(len(left) == 1 and left[0][0] == 3, "what is somebody else's is", left)
    owners = {line.split()[0] for line in server.dig("op.test", "AXFR", "+tcp").splitlines() if line}
    check({owner for owner in owners if "_dsboot" in owner} == {"_dsboot.away.invalid._signal.ns1.op.test."}, owners)
    server.verify("op.test")
    say("they go with the zone, and what is somebody else's stays")


def tells(server):
    lines = [line for line in server.log().splitlines() if "bootstrapping" in line]
    # The server was started twice.
    check(len([line for line in lines if "lost.example." in line]) == 2, lines)
    check(not any("child.example." in line or "plain.example." in line for line in lines), lines)
    say("who has no server here is told once")


def main():
    with Server() as server:
        server.start()
        comes(server)
        elsewhere(server)
        follows(server)
        goes(server)
        goes_with_its_zone(server)
        tells(server)
        server.stop()


if __name__ == "__main__":
    sys.exit(passes(main))
