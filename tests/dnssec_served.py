#!/usr/bin/python3
"""Zones that Anser signs, by each algorithm and in each way to deny names, as others find them.

* All of a zone is looked through by the tools of BIND, ldns and Knot; delv and unbound validate what
  the data plane answers: records, aliases, wildcards, what is not there, and cuts with and without a DS. dnsviz asks
  it in its own ways, and is content. validns looks through what it is old enough for.
* So it is after each of many edits, one by one: by commands, by UPDATE, by the API, by a whole new text, by going
  back; and after the policy became another.
"""

import contextlib
import os
import shutil
import subprocess
import sys

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update

from checks import ControlSocket, HttpSocket, check, passes, say, until
from signing import EVERYTHING, Delv, Unbound, anchors, dnsviz, policies, text_of, wait_signed, whole

from peers import Anser, Key, Stage, Zone, same

WAYS = {"nsec": "nsec3: no", "nsec3": "nsec3: yes, nsec3-salt-length: 4, nsec3-iterations: 1",
        "opt-out": "nsec3: yes, nsec3-opt-out: yes"}
ALGORITHMS = {8: "nsec", 10: "opt-out", 13: "nsec", 14: "nsec3", 15: "opt-out", 16: "nsec3"}
TEXT = "$ORIGIN %s\n" + EVERYTHING.replace("ns1 A 192.0.2.1", "ns1 A 127.0.0.1")
OLD_TEXT = """$ORIGIN %s
$TTL 600
@ SOA ns hostmaster 1 3600 600 864000 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail AAAA 2001:db8::1
*.wild TXT "any"
host.wild A 192.0.2.2
a.b.c.empty A 192.0.2.3
plain NS ns.plain
ns.plain A 192.0.2.4
secure NS ns
secure DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
alias CNAME mail
"""
KEY = Key("edits.key.")
EDITED = "edited.example."

# Below a zone: what is asked, what comes, and whether all of it is signed where there is opt-out.
QUESTIONS = (
    ("", "MX", "NOERROR", True), ("mail", "AAAA", "NOERROR", True), ("odd", "TYPE65280", "NOERROR", True),
    ("MIXED.case", "A", "NOERROR", True), ("any.of.it.wild", "A", "NOERROR", False),
    ("any.wild", "TXT", "NOERROR", False), ("any.wild", "AAAA", "NOERROR", False),
    ("*.wild", "A", "NOERROR", True), ("*.wild", "MX", "NOERROR", True),
    ("host.wild", "TXT", "NOERROR", True), ("below.host.wild", "A", "NXDOMAIN", False),
    ("b.c.empty", "A", "NOERROR", True), ("empty", "TXT", "NOERROR", True), ("x.empty", "A", "NXDOMAIN", False),
    ("mail", "MX", "NOERROR", True), ("nobody", "A", "NXDOMAIN", False), ("a.b.nobody", "A", "NXDOMAIN", False),
    ("alias", "A", "NOERROR", True), ("alias", "MX", "NOERROR", True), ("x.aliases", "A", "NOERROR", False),
    ("host.tree", "A", "NOERROR", True), ("any.tree", "TXT", "NOERROR", False), ("zzzz", "TXT", "NXDOMAIN", False),
    ("secure", "DS", "NOERROR", True), ("plain", "DS", "NOERROR", False), ("a.cut.below", "DS", "NOERROR", False),
    ("cut.below", "A", "NOERROR", False), ("tree", "A", "NOERROR", True),
)
CUTS = ("secure", "plain", "a.cut.below")


def settings():
    named = {"alg%d" % number: "algorithm: %d, csk: %s, %s" % (number, "no" if number % 2 else "yes", WAYS[way])
             for number, way in ALGORITHMS.items()}
    old = {"old_" + way: "algorithm: 8, csk: no, " + WAYS[way] for way in WAYS}
    return policies(**named, **old, **{way: WAYS[way] for way in WAYS})


def name_of(algorithm):
    return "alg%d.example." % algorithm


def old_name_of(way):
    return "old-%s.example." % way


# ---- zones as they are ----

def referrals(server, name, opt_out):
    """What is said of cuts comes with what it takes to believe it."""
    for cut, wanted in (("secure", "DS"), ("plain", "NSEC3" if opt_out or "14" in name or "16" in name else "NSEC")):
        query = dns.message.make_query("www.%s.%s" % (cut, name), "A", want_dnssec=True)
        answer = dns.query.udp(query, server.address, 5, server.port)
        types = {dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.authority}
        check(not answer.answer and {"NS", wanted, "RRSIG"} <= types, "the referral to", cut, "is", answer)
        for rrset in answer.authority:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                check(rrset.covers != dns.rdatatype.NS, "the NS of a cut are signed")


def questions(unbound, delv, name, opt_out):
    for owner, rrtype, rcode, always in QUESTIONS:
        asked = "%s.%s" % (owner, name) if owner else name
        # What an opt-out record proves is not said to be secure (RFC 5155 section 9.2).
        answer = unbound.ask(asked, rrtype) if opt_out and not always else unbound.secure(asked, rrtype, rcode)
        check(dns.rcode.to_text(answer.rcode()) == rcode, asked, rrtype, "is answered with", answer)
        if delv:
            delv.secure(asked, rrtype, negative=not answer.answer)


def each_way(server, directory):
    for algorithm in ALGORITHMS:
        wait_signed(server, name_of(algorithm))
    say("all are signed")
    names = {name_of(algorithm): server for algorithm in ALGORITHMS}
    trusted = [line for name in names for line in anchors(server, name)]
    with Unbound(directory, names, trusted) as unbound:
        for algorithm, way in ALGORITHMS.items():
            name, opt_out = name_of(algorithm), way == "opt-out"
            transfer = whole(server, name, directory, opt_out)
            signers = {rdata.algorithm for _, rrtype, _, rdata in transfer.records
                       if rrtype == dns.rdatatype.RRSIG}
            check(signers == {algorithm}, name, "is signed by", signers)
            referrals(server, name, opt_out)
            questions(unbound, Delv(directory, server, name) if algorithm == 13 else None, name, opt_out)
            say("algorithm %d and %s: by all who validate" % (algorithm, way))


def by_validns(server, directory):
    """It knows neither curves nor the types that came after it."""
    if not shutil.which("validns"):
        return
    for way in WAYS:
        name, path = old_name_of(way), os.path.join(directory, "old.zone")
        wait_signed(server, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text_of(server.axfr(name).records[:-1]))
        done = subprocess.run(["validns", "-z", name, path], capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode == 0, "validns says of", name, done.stdout, done.stderr)
    say("validns is content with %d zones" % len(WAYS))


def by_dnsviz(server):
    """Whatever is asked below a zone, but for cuts, behind which it would look for servers."""
    if not shutil.which("dnsviz"):
        return
    owners = sorted({owner for owner, *_ in QUESTIONS if owner not in CUTS})
    found = [(where, fault) for where, fault in dnsviz(server, [name_of(algorithm) for algorithm in ALGORITHMS], owners)
             if (fault["code"], "algorithm 10 " in fault["description"]) != ("ALGORITHM_NOT_RECOMMENDED", True)]
    check(not found, "dnsviz says", *found[:10])
    say("dnsviz is content with %d names of each" % len(owners))


# ---- edits ----

def ctl(*lines):
    """Edits that are one change."""
    return lambda server: server.edit(EDITED, [line[1:] for line in lines if line[0] == "+"],
                                      [line[1:] for line in lines if line[0] == "-"])


def command(*words):
    return lambda server: server.tell(*words)


def update(*added, deleted=()):
    def send(server):
        message = dns.update.UpdateMessage(EDITED, **KEY.signing())
        for line in deleted:
            message.delete(*line.split(None, 2))
        for line in added:
            owner, ttl, rrtype, rdata = line.split(None, 3)
            message.add(owner, int(ttl), rrtype, rdata)
        answer = dns.query.tcp(message, server.address, 20, server.port)
        check(answer.rcode() == 0, "an UPDATE is answered with", answer, server.tell("audit", "list"))
    return send


def api(owner, rrtype, *contents):
    def send(server):
        connection = HttpSocket(server.path("api.sock"))
        rrset = {"name": owner + "." + EDITED, "type": rrtype, "ttl": 60,
                 "changetype": "REPLACE" if contents else "DELETE",
                 "records": [{"content": content, "disabled": False} for content in contents]}
        status, _, text = connection.ask("PATCH", "/api/v1/servers/localhost/zones/" + EDITED,
                                         {"rrsets": [rrset]})
        connection.close()
        check(status == 204, "the API says", status, text)
    return send


def imported(change):
    """All of a new text, which has no signatures."""
    def send(server):
        text = change(TEXT % EDITED)
        server.write("next.zone", text)
        server.tell("zone", "import", "--replace", EDITED, "next.zone")
    return send


def policy(name):
    return lambda server: server.tell("zone", "set", EDITED, "dnssec=" + name)


EDITS = (
    ("a name", ctl("+new 60 A 192.0.2.20")),
    ("a name below two that are not there", ctl("+x.y.z 60 A 192.0.2.20")),
    ("another type", ctl("+new 60 TXT \"second\"")),
    ("one of two types", ctl("-new 60 A 192.0.2.20")),
    ("a name that goes, and those above it", ctl("-x.y.z 60 A 192.0.2.20")),
    ("a cut over names that are there", ctl("+wild 60 NS ns1", "-*.wild 600 TXT \"any\"")),
    ("the cut goes", ctl("-wild 60 NS ns1")),
    ("a DS at a cut", command("record", "add", "plain." + EDITED, "600", "DS", "1 13 2 " + "00" * 32)),
    ("no DS at a cut", command("record", "del", "secure." + EDITED, "DS")),
    ("a cut in a subtree", update("deep.b.c.empty 60 NS ns1")),
    ("glue", update("ns.deep.b.c.empty 60 A 192.0.2.21")),
    ("wildcards", update("*.new 60 A 192.0.2.22", "*.*.new 60 A 192.0.2.23")),
    ("a wildcard that goes", update(deleted=["*.wild"])),
    ("a TTL", command("record", "set", "mail." + EDITED, "30", "AAAA", "2001:db8::2")),
    ("the apex", api("_dmarc", "TXT", '"v=DMARC1; p=none"')),
    ("an RRset that is replaced", api("mail", "A", "192.0.2.30", "192.0.2.31", "192.0.2.32")),
    ("an RRset that goes", api("svc", "HTTPS")),
    ("a DNAME", update("under 60 DNAME wild")),
    ("a new text without much", imported(lambda text: text[:text.index("*.wild TXT")])),
    ("a new text with everything", imported(lambda text: text.replace("hostmaster 1", "hostmaster 9999"))),
    ("the TTL of negative answers", imported(lambda text: text.replace("864000 300", "864000 77"))),
    ("NSEC3", policy("nsec3")), ("a name by hash", ctl("+h.a.s.h 60 A 192.0.2.20")),
    ("opt-out", policy("opt-out")), ("an unsigned cut", ctl("+insecure 60 NS ns1", "+in.sec.ure 60 NS ns1")),
    ("a DS where there was opt-out", update("in.sec.ure 60 DS 1 13 2 " + "00" * 32)),
    ("names by hash that go", ctl("-h.a.s.h 60 A 192.0.2.20", "-insecure 60 NS ns1")),
    ("NSEC again", policy("nsec")),
    ("a digest", command("zone", "set", EDITED, "zonemd=make")),
    ("a name and a digest", ctl("+digested 60 A 192.0.2.20")),
)


def denial(transfer):
    """By which policy the names of a zone seem to be denied."""
    types = {rrtype for _, rrtype, _, _ in transfer.records}
    if dns.rdatatype.NSEC in types:
        return "nsec"
    return "opt-out" if any(rdata.flags & 1 for _, rrtype, _, rdata in transfer.records
                            if rrtype == dns.rdatatype.NSEC3) else "nsec3"


def edits(server, directory):
    wait_signed(server, EDITED)
    way, before = "nsec", server.serial(EDITED)
    with Unbound(directory, {EDITED: server}, anchors(server, EDITED)) as unbound:
        for number, (what, edit) in enumerate(EDITS):
            edit(server)
            # The policy is the keeper's matter, not that of who names it.
            after = until("the serial rises by " + what, lambda: (
                lambda now: now != before and now)(server.serial(EDITED)))
            if what.startswith(("NSEC", "opt-out")):
                way = what.split()[0].lower()
                until("it is denied by " + way, lambda: denial(server.axfr(EDITED)) == way)
            before = server.serial(EDITED)
            check(before >= after, what, "took the serial from", after, "to", before)
            try:
                transfer = whole(server, EDITED, directory, way == "opt-out")
                unbound.ask("nobody%d.%s" % (number, EDITED), "A")
                if way != "opt-out":
                    unbound.secure("nobody%d.%s" % (number, EDITED), "A", "NXDOMAIN")
            except Exception:
                say("not after " + what)
                raise
            before = transfer.serial
    check(any(rrtype == dns.rdatatype.ZONEMD for _, rrtype, _, _ in transfer.records), "there is no digest")
    say("%d edits, all is right after each" % len(EDITS))


def data(server):
    """What of the zone is not the signer's."""
    made = {dns.rdatatype.to_text(rrtype) for rrtype in (dns.rdatatype.SOA, dns.rdatatype.RRSIG, dns.rdatatype.NSEC,
                                                         dns.rdatatype.NSEC3, dns.rdatatype.NSEC3PARAM,
                                                         dns.rdatatype.ZONEMD)}
    return {record for record in server.records(EDITED) if record[1] not in made}


def changes(server):
    with contextlib.closing(ControlSocket(server.path("control.sock"))) as control:
        return control.done("zone history", zone=EDITED, limit=100)["changes"]


def back(server, directory):
    """A state that it had, or without one change: as data, with signatures of now."""
    before = data(server)
    newest = changes(server)[0]["change"]
    server.edit(EDITED, ["first 60 A 192.0.2.1", "@ 600 MX 20 mail"])
    between = data(server)
    undone = changes(server)[0]["change"]
    server.edit(EDITED, ["second 60 A 192.0.2.1"], ["alias 600 CNAME mail.%s" % EDITED])
    server.tell("zone", "revert", EDITED, "--change", str(undone))
    whole(server, EDITED, directory)
    check(not between - before & data(server), "what was undone is there:", between - before & data(server))
    server.tell("zone", "revert", EDITED, "change:%d" % newest)
    whole(server, EDITED, directory)
    same(before, data(server), "the state and that before it")
    server.tell("zone", "revert", EDITED, "change:%d" % changes(server)[-2]["change"])
    whole(server, EDITED, directory)
    say("a state that it had, and without one change")


def presigned(server, directory):
    """What comes with signatures is signed as what comes without."""
    before = server.records(EDITED)
    server.write("taken.zone", text_of(server.axfr(EDITED).records[:-1]))
    server.tell("zone", "import", "--replace", EDITED, "taken.zone")
    whole(server, EDITED, directory)
    keys = [record for record in before if record[1] == "DNSKEY"]
    check(all(key in server.records(EDITED) for key in keys), "the keys are others")
    say("a text that is signed already")


def run():
    with Stage("dnssec-served") as stage:
        server = stage.add(Anser, settings=[*settings(), "api:", "  socket: api.sock"])
        zones = [Zone(name_of(algorithm), text=TEXT % name_of(algorithm), dnssec="alg%d" % algorithm) for algorithm in ALGORITHMS]
        zones += [Zone(old_name_of(way), text=OLD_TEXT % old_name_of(way), dnssec="old-" + way) for way in WAYS]
        zones.append(Zone(EDITED, text=TEXT % EDITED, updates=KEY, dnssec="nsec"))
        server.start(zones)
        each_way(server, stage.directory)
        by_validns(server, stage.directory)
        by_dnsviz(server)
        edits(server, stage.directory)
        back(server, stage.directory)
        presigned(server, stage.directory)


if __name__ == "__main__":
    sys.exit(passes(run))
