#!/usr/bin/python3
"""Zones that others sign are taken over with their keys, and their DS stays: one that dnssec-signzone has signed, as
files, and one that PowerDNS signs as it is asked, by its answers to a transfer.

Resolvers that have the DS of old find all of it secure, before, at each step, and after edits; those that have cached
what the other has signed do so too. Without its keys, or with those of another zone, such a zone stays as it is.
"""

import os
import subprocess
import sys

import dns.rdatatype

from checks import check, passes, say, until
from signing import EVERYTHING, Unbound, anchors, keys_of, policies, text_of, whole

from peers import Anser, Pdns, Stage, Zone

BIND, PDNS = "bind.example.", "pdns.example."
POLICIES = policies(two="algorithm: 8, csk: no, nsec3: yes", one="algorithm: 13, csk: yes")


class Files:
    """A zone that the tools of BIND have signed."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "bind")
        os.makedirs(self.directory)
        self.keys = [self.run("dnssec-keygen", "-q", "-a", "RSASHA256", "-b", "2048", *flags, BIND)
                     for flags in (["-f", "KSK"], [])]
        with open(os.path.join(self.directory, "zone"), "w", encoding="ascii") as file:
            file.write("$ORIGIN %s\n%s" % (BIND, EVERYTHING))
        self.run("dnssec-signzone", "-S", "-q", "-O", "full", "-o", BIND, "-f", "signed", "zone")
        with open(os.path.join(self.directory, "signed"), encoding="ascii") as file:
            self.text = file.read()

    def run(self, *command):
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode == 0, " ".join(command), "says", done.stdout, done.stderr)
        return done.stdout.strip()

    def private(self):
        return [os.path.join(self.directory, key + ".private") for key in self.keys]


def powerdns(stage):
    """The peer, the text of its zone, and the file of its key."""
    peer = stage.add(Pdns)
    peer.start([Zone(PDNS, text="$ORIGIN %s\n%s" % (PDNS, EVERYTHING))])
    peer.util("secure-zone", PDNS)
    peer.util("rectify-zone", PDNS)
    until("PowerDNS signs", lambda: any(rrtype == dns.rdatatype.RRSIG for _, rrtype, _, _ in peer.axfr(PDNS).records))
    said = peer.util("list-keys", PDNS)
    words = next(line.split() for line in said.splitlines() if "cryptokeys" in line)
    number = words[words.index("cryptokeys") - 1]
    key = peer.write("key", peer.util("export-zone-key", PDNS, number))
    os.chmod(key, 0o600)
    return peer, text_of(peer.axfr(PDNS).records[:-1]), key


def asked(resolver, name, word):
    for owner, rrtype, rcode in (("mail", "A", "NOERROR"), ("x%s.wild" % word, "A", "NOERROR"),
                                 ("no" + word, "A", "NXDOMAIN"), ("alias", "A", "NOERROR"),
                                 ("secure", "DS", "NOERROR"), ("plain", "DS", "NOERROR")):
        resolver.secure("%s.%s" % (owner, name), rrtype, rcode)


def signers(server, name):
    """Of everything but keys."""
    return {rdata.key_tag for _, rrtype, _, rdata in server.axfr(name).records if rrtype == dns.rdatatype.RRSIG
            and rdata.covers() not in (dns.rdatatype.DNSKEY, dns.rdatatype.CDS, dns.rdatatype.CDNSKEY)}


def take(server, resolver, name, files, policy, directory):
    before, tags, serial = {key.to_text() for key in keys_of(server, name)}, signers(server, name), server.serial(name)
    asked(resolver, name, "before")
    server.tell("dnssec", "import", name, *files)
    server.tell("dnssec", "enable", name, policy, "--wait")
    until("it is signed here", lambda: server.serial(name) != serial)
    asked(resolver, name, "taken")
    for number in range(3):
        server.edit(name, ["e%d 60 A 192.0.2.1" % number, "*.e%d 60 TXT any" % number])
        whole(server, name, directory)
        resolver.secure("e%d.%s" % (number, name), "A")
        asked(resolver, name, "edit%d" % number)
    after = {key.to_text() for key in keys_of(server, name)}
    check(after == before and signers(server, name) == tags, name, "has other keys: %s, not %s" % (after, before))
    say("%s goes on with %d keys" % (name, len(after)))


def ask_in_vain(server, before):
    server.tell("zone", "set", BIND, "dnssec=two")
    until("it says why it is not signed here", lambda: "signatures" in server.tell("dnssec", "status", BIND))
    check(server.records(BIND) == before, "a zone without its keys has become another")


def refused(server):
    """Of what could not be believed nothing is done. What is said of that ends when its keys come."""
    before = server.records(BIND)
    ask_in_vain(server, before)
    server.tell("zone", "set", BIND, "dnssec=no")
    check(server.records(BIND) == before, "a zone whose keys were never here has become another")
    ask_in_vain(server, before)
    say("without its keys it stays as it was")


def run():
    with Stage("dnssec-takeover") as stage:
        files = Files(stage.directory)
        pdns, text, key = powerdns(stage)
        server = stage.add(Anser, settings=POLICIES)
        server.start([Zone(BIND, text=files.text), Zone(PDNS, text=text)])
        trusted = anchors(server, BIND) + anchors(pdns, PDNS)
        with Unbound(stage.directory, {BIND: server, PDNS: server}, trusted) as resolver:
            refused(server)
            take(server, resolver, BIND, files.private(), "two", stage.directory)
            take(server, resolver, PDNS, [key], "one", stage.directory)


if __name__ == "__main__":
    sys.exit(passes(run))
