"""Name servers that transfer zones among each other: Anser, and those that others run.

    with Stage("name") as stage:
        one, two = stage.add(Knot), stage.add(Bind)
        key = Key("transfer.key.")
        one.start([Zone("example.", TEXT, to=[two], key=key)])      # primary: it has a text
        two.start([Zone("example.", primaries=[one], key=key)])     # secondary: it has primaries
        serial = one.change("example.", add=["www 60 A 192.0.2.7"])
        two.wait("example.", serial)
        same(one.records("example."), two.records("example."))

A server's port is known from stage.add() on, so each may name the other before either runs. All are
on 127.0.0.1 and told apart by port, or in a network of their own (network.py); they are ended with the stage,
whatever happens, by their own process IDs. A server that was stopped, by a signal of one's choice, starts again
with restart() and what it had on its disk.

    start(zones)                runs it; gives up when it ends, or does not serve its primary zones
    axfr(zone), ixfr(zone, serial)     a Transfer: what came, in order, and how it was signed
    records(zone)               the contents by AXFR, as a set that is the same on all servers
    change(zone, add, delete)   of a primary: by UPDATE where the zone has Zone(updates=KEY), else by a
                                new text; the new serial
    replace(zone, text)         of a primary without updates: a new text, which has to have a newer serial
    serial(zone)                by UDP, None while there is none; wait(zone, serial) until it is that one
    refresh(zone)               of a secondary: look at once
    stop(number)                by that signal; restart()

What these versions do (BIND 9.18, Knot 3.2, NSD 4.6, PowerDNS 4.7 with SQLite), as matrix.py and dnspython see it:

* All sign every message of a transfer, and send a NOTIFY signed with the zone's key from a port of its own.
  Knot sends it over TCP, with EDNS. PowerDNS leaves the SOA out of it.
* BIND, Knot and NSD answer IXFR with one step for each change, not condensed; PowerDNS with all of the zone.
  NSD keeps differences with create-ixfr (of files) and store-ixfr (of transfers); those of files bring RRsets
  of the apex that were there already, which all let pass.
  PowerDNS asks for IXFR only with the metadata IXFR.
* IXFR over UDP: NSD answers with the differences when they fit, BIND and Knot with the SOA alone, PowerDNS
  with REFUSED. A serial that is as new, or newer: the SOA alone, from all. An unknown one: all of the zone.
* Wrong key: NOTAUTH, with BADKEY in a TSIG record from all but PowerDNS.
* A NOTIFY that comes while PowerDNS is down is lost; Knot and BIND look when they start. PowerDNS as a
  secondary tells others of what came by AXFR, and not of what came by IXFR.
* PowerDNS makes NSEC records itself, of signed zones too: it has to be rectified before it is told that
  the zone is signed.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.update
import dns.zone
import dns.zonetypes

from checks import ControlSocket, Failure, Skipped, check, end_process, free_port, say, until

ADDRESS = "127.0.0.1"
# What an unsigned zone may hold, behind its $ORIGIN. Who is told and then gets no answer asks again soon.
EVERYTHING = """$TTL 3600
@ SOA ns1 hostmaster 1 3600 5 864000 300
@ NS ns1
@ MX 10 mail
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
*.wild TXT "any"
a.b.c.empty A 192.0.2.3
_sip._tcp SRV 1 2 5060 mail
alias CNAME mail
www 60 A 192.0.2.10
www 60 A 192.0.2.11
sub NS ns.sub
ns.sub A 192.0.2.4
odd TYPE65280 \\# 4 0a000001
svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9
"""


class Key:
    """A secret that two servers share. Its secret follows from its name."""

    def __init__(self, name, algorithm="hmac-sha256"):
        self.name = name
        self.algorithm = algorithm
        self.secret = base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()

    def signing(self):
        """As dnspython's queries take it."""
        return {"keyring": dns.tsigkeyring.from_text({self.name: (self.algorithm + ".", self.secret)}),
                "keyname": dns.name.from_text(self.name)}


class Zone:
    """What one server is to a zone: a primary has its text, a secondary its primaries.

    to: servers that are told of changes. key: of transfers and notifications, on both sides; secondaries
    ask with primary_key if that is another. updates: the key that may change it by UPDATE. signed: the
    text holds signatures, or will. dnssec: the policy that the server signs it by (Anser). catalog: it is a
    catalog zone, "made" by the server itself out of those that are member_of it, each in its group or none
    (Knot, Anser), or "followed" (all that know catalogs)."""

    def __init__(self, name, text=None, primaries=(), to=(), key=None, primary_key=None, updates=None,
                 ixfr=True, catalog=None, member_of=None, group=None, dnssec=None):
        self.name = name
        self.text = text
        self.primaries = list(primaries)
        self.to = list(to)
        self.key = key
        self.primary_key = primary_key or key
        self.updates = updates
        self.ixfr = ixfr
        self.catalog = catalog
        self.member_of = member_of
        self.group = group
        self.dnssec = dnssec

    @property
    def plain(self):
        return self.name.rstrip(".") or "root"

    def keys(self):
        return [key for key in (self.key, self.primary_key, self.updates) if key]


class Transfer:
    """What came of a transfer: records in order, each (owner, type, ttl, rdata); messages as (number of
    RRsets, whether it was signed)."""

    def __init__(self, qtype, messages):
        self.messages = []
        self.records = []
        for message in messages:
            check(message.rcode() == 0, "transfer ended with", dns.rcode.to_text(message.rcode()))
            self.messages.append((len(message.answer), message.had_tsig))
            for rrset in message.answer:
                self.records += [(rrset.name, rdata.rdtype, rrset.ttl, rdata) for rdata in rrset]
        check(self.records and self.records[0][1] == dns.rdatatype.SOA, "a transfer without SOA")
        self.serial = self.records[0][3].serial
        self.kind = self._kind(qtype)

    def _kind(self, qtype):
        """differences, whole, or alone: an SOA and nothing behind it."""
        if len(self.records) == 1:
            return "alone"
        if qtype == dns.rdatatype.IXFR and self.records[1][1] == dns.rdatatype.SOA:
            return "differences"
        return "whole"

    def contents(self):
        """Of one that is whole."""
        return {canonical(*record) for record in self.records[:-1]}

    def digest(self):
        """Of one that is whole, as ZONEMD records have it (RFC 8976)."""
        zone = dns.zone.Zone(self.records[0][0], relativize=False)
        for owner, rrtype, ttl, rdata in self.records[:-1]:
            zone.find_rdataset(owner, rrtype, rdata.covers(), create=True).add(rdata, ttl)
        return zone.compute_digest(dns.zonetypes.DigestHashAlgorithm.SHA384).digest.hex()

    def differences(self):
        """[(deleted, added)], as canonical sets. Each has its SOA."""
        steps, at = [], -1
        for record in self.records[1:-1]:
            if record[1] == dns.rdatatype.SOA:
                at += 1
                if at % 2 == 0:
                    steps.append((set(), set()))
            steps[-1][at % 2].add(canonical(*record))
        return steps

    def applied_to(self, contents):
        """What a secondary that has these contents then has."""
        if self.kind == "whole":
            return self.contents()
        result = set(contents)
        for deleted, added in self.differences() if self.kind == "differences" else ():
            check(deleted <= result, "deletes what is not there:", shown(deleted - result))
            result = (result - deleted) | added
        return result


def canonical(owner, rrtype, ttl, rdata):
    """One record as a tuple that compares and sorts whoever wrote it."""
    if rrtype == dns.rdatatype.NSEC:
        # RFC 6840 §5.1 lets its name keep its case, and servers differ in what they do to it.
        rdata = rdata.replace(next=rdata.next.canonicalize())
    return (owner.canonicalize().to_text(), dns.rdatatype.to_text(rrtype), ttl,
            rdata.to_digestable(dns.name.root))


def shown(records):
    return [(*record[:3], dns.rdata.from_wire("IN", record[1], record[3], 0, len(record[3])).to_text())
            for record in sorted(records)[:5]]


def same(one, two, what="contents"):
    """Fails with what differs."""
    if one != two:
        raise Failure("%s differ: only the first has %s; only the second has %s" % (
            what, shown(one - two), shown(two - one)))


def contents_of(text, name):
    """The contents of a zone's text, as records() gives them."""
    zone = dns.zone.from_text(text, name, relativize=False, check_origin=False)
    return {canonical(owner, rdata.rdtype, ttl, rdata)
            for owner, ttl, rdata in zone.iterate_rdatas()}


class Peer:
    """A name server. Subclasses say how it is configured and told things."""

    program = None
    startup = 60
    by_socket = False           # change() needs no key

    def __init__(self, directory):
        if not (self.program and (os.path.exists(self.program) or shutil.which(self.program))):
            raise Skipped("%s is not installed" % self.program)
        self.directory = directory
        os.makedirs(directory)
        self.id = os.path.basename(directory)
        self.address, self.port = ADDRESS, free_port()
        self.neighbours = ADDRESS       # who may ask
        self.enter = None               # called by its process before it runs
        self.environment = None         # of its process, where that is not ours
        self.process = None
        self.zones = {}

    # What the kinds differ in.

    def configure(self):
        """Writes what it reads when it starts."""
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def reload(self, zone):
        """The zone's file is another."""
        raise NotImplementedError

    def refresh(self, name):
        """Of a secondary: asks its primary now."""
        raise NotImplementedError

    # Running.

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        temporary = self.path(name + ".new")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(temporary, self.path(name))
        return self.path(name)

    def file(self, zone):
        return self.path(zone.plain + ".zone")

    def keys(self):
        return {key.name: key for zone in self.zones.values() for key in zone.keys()}.values()

    def start(self, zones):
        self.zones = {zone.name: zone for zone in zones}
        for zone in zones:
            if zone.text is not None:
                self.write(zone.plain + ".zone", zone.text)
        self.configure()
        self.restart()

    def restart(self):
        self.run_it()
        for zone in self.zones.values():
            self.expect(zone)

    def expect(self, zone):
        """Of a primary: it is served."""
        if zone.text is not None:
            until("%s serves %s: %s" % (self.id, zone.name, self.log_tail()),
                  lambda: self.is_alive() and self.serial(zone.name) is not None, self.startup)

    def add_zone(self, zone):
        """While it runs. Knot and BIND."""
        self.zones[zone.name] = zone
        if zone.text is not None:
            self.write(zone.plain + ".zone", zone.text)
        self.configure()
        self.reload_all()
        self.expect(zone)

    def remove_zone(self, name):
        del self.zones[name]
        self.configure()
        self.reload_all()

    def reload_all(self):
        """What it is configured to be is another."""
        raise NotImplementedError

    def run_it(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.directory,
                                            stdin=subprocess.DEVNULL, preexec_fn=self.enter,
                                            env=self.environment)

    def is_alive(self):
        check(self.process.poll() is None, self.id, "ended:", self.log_tail())
        return True

    def stop(self, number=signal.SIGTERM):
        if self.process is not None:
            end_process(self.process, number)
            self.process = None

    def run(self, *command):
        """A program that tells the server something; gives what it says."""
        done = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        check(done.returncode == 0, " ".join(command), "ended with", done.returncode, done.stdout,
              done.stderr)
        return done.stdout

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def log_tail(self):
        return self.log()[-2000:]

    # Asking.

    def ask(self, name, rrtype, tcp=False, timeout=1.0):
        """The response, or None when there is none."""
        query = dns.message.make_query(name, rrtype)
        try:
            return (dns.query.tcp if tcp else dns.query.udp)(query, self.address, timeout, self.port)
        except (OSError, EOFError, dns.exception.DNSException):
            return None

    def serial(self, name):
        answer = self.ask(name, "SOA")
        if answer is None or answer.rcode() != 0 or not answer.answer:
            return None
        return answer.answer[0][0].serial

    def wait(self, name, serial, patience=60.0):
        until("%s has serial %s of %s" % (self.id, serial, name),
              lambda: self.is_alive() and self.serial(name) == serial, patience)

    def transfer(self, name, rrtype, serial=0, key=None, lifetime=120.0):
        """Failure: refused, or not a transfer."""
        key = key or self.zones[name].key
        try:
            return Transfer(rrtype, list(dns.query.xfr(
                self.address, name, rrtype, port=self.port, relativize=False, lifetime=lifetime,
                serial=serial, **(key.signing() if key else {}))))
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise Failure("%s does not give %s: %r" % (self.id, name, error)) from error

    def axfr(self, name, key=None):
        return self.transfer(name, dns.rdatatype.AXFR, key=key)

    def ixfr(self, name, serial, key=None):
        return self.transfer(name, dns.rdatatype.IXFR, serial, key)

    def ixfr_by_udp(self, name, serial, key=None):
        """A lone SOA that is newer than serial says: by TCP, please."""
        key = key or self.zones[name].key
        query = dns.message.make_query(name, "IXFR", use_edns=0, payload=1232)
        query.authority.append(dns.rrset.from_text(name, 0, "IN", "SOA", ". . %d 0 0 0 0" % serial))
        if key:
            query.use_tsig(**key.signing())
        return Transfer(dns.rdatatype.IXFR, [dns.query.udp(query, self.address, 5, self.port,
                                                            one_rr_per_rrset=True)])

    def records(self, name):
        return self.axfr(name).contents()

    # Changing.

    def change(self, name, add=(), delete=()):
        """Lines of a zone file, with a TTL; owners are relative to the zone. Gives the new serial."""
        zone = self.zones[name]
        if not zone.updates:
            return self.replace(name, edited(zone.text, name, add, delete))
        before = self.serial(name)
        update = dns.update.UpdateMessage(name, **zone.updates.signing())
        for line in delete:
            owner, _, rrtype, rdata = line.split(None, 3)
            update.delete(owner, rrtype, rdata)
        for line in add:
            owner, ttl, rrtype, rdata = line.split(None, 3)
            update.add(owner, int(ttl), rrtype, rdata)
        answer = dns.query.tcp(update, self.address, 20, self.port)
        check(answer.rcode() == 0, self.id, "answers an UPDATE with", dns.rcode.to_text(answer.rcode()))
        return until("%s has a new serial" % self.id,
                     lambda: (lambda now: now != before and now)(self.serial(name)))

    def replace(self, name, text):
        zone = self.zones[name]
        zone.text = text
        self.write(zone.plain + ".zone", text)
        self.reload(zone)
        serial = serial_of(text)
        self.wait(name, serial)
        return serial


def serial_of(text):
    """That of the first SOA: large zones take long to read."""
    return int(re.search(r"\sSOA\s+\S+\s+\S+\s+\(?\s*(\d+)", text)[1])


def edited(text, name, add, delete):
    """The text of a zone after a change, its serial one higher."""
    zone = dns.zone.from_text(text, name, relativize=False, check_origin=False)
    for line in delete:
        owner, _, rrtype, rdata = line.split(None, 3)
        owner = dns.name.from_text(owner, zone.origin)
        rdataset = zone.get_rdataset(owner, rrtype)
        gone = dns.rdata.from_text("IN", rrtype, rdata, zone.origin, False)
        check(rdataset is not None and gone in rdataset, "not there:", line)
        rdataset.remove(gone)
        if not rdataset:
            zone.delete_rdataset(owner, rrtype)
    for line in add:
        owner, ttl, rrtype, rdata = line.split(None, 3)
        rdataset = zone.find_rdataset(dns.name.from_text(owner, zone.origin), rrtype, create=True)
        rdataset.add(dns.rdata.from_text("IN", rrtype, rdata, zone.origin, False), int(ttl))
    soa = zone.find_rdataset(zone.origin, "SOA")
    soa.add(soa[0].replace(serial=(soa[0].serial + 1) & 0xFFFFFFFF), soa.ttl)
    return zone.to_text(relativize=False, sorted=True)


class Bind(Peer):
    program = "/usr/sbin/named"

    def configure(self):
        lines = ["options {",
                 "  directory \"%s\";" % self.directory,
                 "  listen-on port %d { %s; };" % (self.port, self.address),
                 "  listen-on-v6 { none; };",
                 "  pid-file none; session-keyfile none;",
                 "  recursion no; dnssec-validation no; empty-zones-enable no;",
                 "  check-names primary ignore; check-integrity no; check-mx ignore; check-sibling no;",
                 "  allow-transfer { none; }; notify explicit; notify-delay 0; notify-rate 1000;",
                 "  startup-notify-rate 1000; serial-query-rate 1000; min-refresh-time 1;",
                 "  min-retry-time 1; ixfr-from-differences yes; max-ixfr-ratio unlimited;",
                 "  transfers-in 100; transfers-per-ns 100; masterfile-format text;",
                 "  tcp-clients 1000;", *self.catalog_lines(),
                 "};", "controls { };"]
        for key in self.keys():
            lines.append('key "%s" { algorithm %s; secret "%s"; };' % (key.name, key.algorithm, key.secret))
        for zone in self.zones.values():
            lines += self.zone_lines(zone)
        self.write("named.conf", "\n".join(lines) + "\n")

    @staticmethod
    def remote(peer, key):
        return "%s port %d%s; " % (peer.address, peer.port, ' key "%s"' % key.name if key else "")

    def catalog_lines(self):
        """Their members come from where they come from."""
        lines = ['    zone "%s" default-primaries { %s} in-memory yes min-update-interval 1;' % (
            zone.name, "".join(self.remote(peer, zone.primary_key) for peer in zone.primaries))
            for zone in self.zones.values() if zone.catalog == "followed"]
        return ["  catalog-zones {", *lines, "  };"] if lines else []

    def zone_lines(self, zone):
        lines = ['zone "%s" {' % zone.name, '  file "%s";' % self.file(zone),
                 "  allow-transfer { %s; };" % ('key "%s"' % zone.key.name if zone.key else "any"),
                 "  also-notify { %s};" % "".join(self.remote(peer, zone.key) for peer in zone.to)]
        if zone.text is None:
            lines += ["  type secondary; allow-notify { %s; };" % self.neighbours,
                      "  request-ixfr %s;" % ("yes" if zone.ixfr else "no"),
                      "  primaries { %s};" % "".join(self.remote(p, zone.primary_key)
                                                     for p in zone.primaries)]
        else:
            lines.append("  type primary;")
        if zone.updates:
            lines.append('  allow-update { key "%s"; };' % zone.updates.name)
        return lines + ["};"]

    def command(self):
        return [self.program, "-g", "-n", "1", "-c", self.path("named.conf")]

    def reload(self, zone):
        self.reload_all()

    def reload_all(self):
        self.process.send_signal(signal.SIGHUP)

    def refresh(self, name):
        notify(self, name)


class Knot(Peer):
    program = "/usr/sbin/knotd"

    def configure(self):
        lines = ["server:", "    listen: %s@%d" % (self.address, self.port),
                 "    rundir: %s" % self.directory,
                 "    udp-workers: 1", "    tcp-workers: 1", "    background-workers: 2",
                 "    tcp-max-clients: 1000", "    tcp-io-timeout: 20000",
                 "control:", "    listen: %s" % self.path("control.sock"),
                 "database:", "    storage: %s" % self.directory,
                 "log:", "  - target: stderr", "    any: info"]
        lines += self.list_of("key", (["id: %s" % key.name, "algorithm: %s" % key.algorithm,
                                       "secret: %s" % key.secret] for key in self.keys()))
        remotes = {}
        for zone in self.zones.values():
            for peers, key in ((zone.to, zone.key), (zone.primaries, zone.primary_key)):
                for peer in peers:
                    remotes[self.remote(peer, key)] = (
                        ["address: %s@%d" % (peer.address, peer.port)]
                        + (["key: %s" % key.name] if key else []))
        lines += self.list_of("remote", (["id: %s" % name] + what for name, what in remotes.items()))
        rules = []
        for number, zone in enumerate(self.zones.values()):
            rules.append(["id: out%d" % number, "action: transfer", "address: %s" % self.neighbours]
                         + (["key: %s" % zone.key.name] if zone.key else []))
            rules.append(["id: in%d" % number, "action: notify", "address: %s" % self.neighbours]
                         + (["key: %s" % zone.primary_key.name] if zone.primary_key else []))
            rules.append(["id: plain%d" % number, "action: notify", "address: %s" % self.neighbours])
            if zone.updates:
                rules.append(["id: update%d" % number, "action: update", "key: %s" % zone.updates.name])
        lines += self.list_of("acl", rules)
        lines += ["template:", "  - id: default", "    storage: %s" % self.directory,
                  "    semantic-checks: off", "    journal-content: changes",
                  "    zonefile-load: difference", "    zonefile-sync: -1",
                  "    refresh-min-interval: 2", "    retry-min-interval: 2"]
        for number, zone in enumerate(self.zones.values()):
            if zone.catalog == "followed":
                lines += self.list_of("template", [["id: members%d" % number, "storage: %s" % self.directory,
                                                    *self.secondary_lines(number, zone)]])[1:]
        lines += self.list_of("zone", (self.zone_lines(*each) for each in enumerate(self.zones.values())))
        self.write("knot.conf", "\n".join(lines) + "\n")

    @staticmethod
    def list_of(section, entries):
        lines = []
        for entry in entries:
            lines += ["  - " + entry[0]] + ["    " + line for line in entry[1:]]
        return [section + ":"] + lines if lines else []

    @staticmethod
    def remote(peer, key):
        return "%s-%s" % (peer.id, key.name if key else "plain")

    def zone_lines(self, number, zone):
        rules = ["out%d" % number]
        lines = ['domain: "%s"' % zone.name, 'file: "%s"' % self.file(zone)]
        if zone.to:
            lines.append("notify: [%s]" % ", ".join(self.remote(peer, zone.key) for peer in zone.to))
        if zone.catalog == "made":
            lines.append("catalog-role: generate")
        elif zone.text is None:
            lines += self.secondary_lines(number, zone)[:-1]
            rules += ["in%d" % number, "plain%d" % number]
        if zone.catalog == "followed":
            lines += ["catalog-role: interpret", "catalog-template: members%d" % number]
        if zone.member_of:
            lines += ["catalog-role: member", "catalog-zone: %s" % zone.member_of]
            lines += ["catalog-group: %s" % zone.group] if zone.group else []
        if zone.updates:
            rules.append("update%d" % number)
        if not zone.ixfr:
            lines.append("provide-ixfr: off")
        return lines + ["acl: [%s]" % ", ".join(rules)]

    def secondary_lines(self, number, zone):
        return ["master: [%s]" % ", ".join(self.remote(p, zone.primary_key) for p in zone.primaries),
                "zonefile-load: none", "journal-content: all",
                "acl: [out%d, in%d, plain%d]" % (number, number, number)]

    def command(self):
        return [self.program, "-c", self.path("knot.conf")]

    def tell(self, *words):
        return self.run("/usr/sbin/knotc", "-b", "-c", self.path("knot.conf"), *words)

    def reload(self, zone):
        self.tell("zone-reload", zone.name)

    def reload_all(self):
        self.tell("reload")

    def refresh(self, name):
        self.tell("zone-refresh", name)


class Nsd(Peer):
    program = "/usr/sbin/nsd"

    def transfer(self, *args, **more):
        """Whoever is connected when it takes up another version is hung up on."""
        for _ in range(3):
            try:
                return super().transfer(*args, **more)
            except Failure as failure:
                if not isinstance(failure.__cause__, (ConnectionResetError, EOFError)):
                    raise
        return super().transfer(*args, **more)

    def configure(self):
        lines = ["server:", "  ip-address: %s@%d" % (self.address, self.port), "  server-count: 1",
                 '  username: ""', '  chroot: ""', '  database: ""', '  zonesdir: "%s"' % self.directory,
                 '  zonelistfile: "%s"' % self.path("zone.list"),
                 '  xfrdfile: "%s"' % self.path("xfrd.state"), '  xfrdir: "%s"' % self.directory,
                 '  pidfile: "%s"' % self.path("nsd.pid"), "  tcp-count: 200",
                 "  rrl-ratelimit: 0", "  rrl-whitelist-ratelimit: 0", "  verbosity: 2",
                 "  zonefiles-write: 0", "  xfrd-reload-timeout: 1",
                 "remote-control:", "  control-enable: yes",
                 '  control-interface: "%s"' % self.path("control.sock")]
        for key in self.keys():
            lines += ["key:", '  name: "%s"' % key.name, "  algorithm: %s" % key.algorithm,
                      '  secret: "%s"' % key.secret]
        for zone in self.zones.values():
            lines += self.zone_lines(zone)
        self.write("nsd.conf", "\n".join(lines) + "\n")

    def zone_lines(self, zone):
        check(not zone.updates, "nsd takes no UPDATE")
        key = zone.key.name if zone.key else "NOKEY"
        primary_key = zone.primary_key.name if zone.primary_key else "NOKEY"
        lines = ["zone:", '  name: "%s"' % zone.name, '  zonefile: "%s.zone"' % zone.plain,
                 "  provide-xfr: %s %s" % (self.neighbours, key)]
        lines += ["  notify: %s@%d %s" % (peer.address, peer.port, key) for peer in zone.to]
        if zone.ixfr:
            lines += ["  store-ixfr: yes", "  create-ixfr: yes", "  ixfr-number: 10"]
        if zone.text is None:
            lines += ["  min-refresh-time: 1", "  min-retry-time: 1", "  allow-axfr-fallback: yes",
                      *("  allow-notify: %s %s" % (self.neighbours, name)
                        for name in sorted({primary_key, "NOKEY"}))]
            for peer in zone.primaries:
                lines.append("  request-xfr: %s%s@%d %s" % ("" if zone.ixfr else "AXFR ", peer.address,
                                                            peer.port, primary_key))
        return lines

    def command(self):
        return [self.program, "-d", "-c", self.path("nsd.conf")]

    def tell(self, *words):
        return self.run("/usr/sbin/nsd-control", "-c", self.path("nsd.conf"), *words)

    def reload(self, zone):
        self.tell("reload", zone.name)

    def refresh(self, name):
        self.tell("transfer", name)

    def wait(self, name, serial, patience=60.0):
        """What it has fetched its servers sometimes do not load, until they are told once more, and sometimes
        not even then, until they are started again."""
        for remedy in (lambda: self.tell("reload", name), self.start_again):
            try:
                super().wait(name, serial, patience / 4)
                return
            except Failure:
                remedy()
        super().wait(name, serial, patience)

    def start_again(self):
        say("%s does not load what it has fetched, and is started again" % self.id)
        self.stop()
        self.restart()


class Pdns(Peer):
    program = "/usr/sbin/pdns_server"
    schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

    def configure(self):
        if not os.path.exists(self.schema):
            raise Skipped("PowerDNS has no SQLite back end here")
        self.write("pdns.conf", "\n".join([
            "launch=gsqlite3", "gsqlite3-database=%s" % self.path("pdns.sqlite3"),
            "gsqlite3-pragma-synchronous=0", "gsqlite3-dnssec=yes",
            "local-address=%s" % self.address, "local-port=%d" % self.port,
            "socket-dir=%s" % self.directory, "setuid=", "setgid=", "daemon=no", "guardian=no",
            "version-string=anonymous", "primary=yes", "secondary=yes", "xfr-cycle-interval=1",
            *("%s=%s" % (option, self.neighbours)
              for option in ("allow-axfr-ips", "allow-notify-from", "allow-dnsupdate-from")),
            "only-notify=", "dnsupdate=yes", "cache-ttl=0", "query-cache-ttl=0",
            "negquery-cache-ttl=0", "zone-cache-refresh-interval=0", "zone-metadata-cache-ttl=0",
            "loglevel=5", "distributor-threads=1", "receiver-threads=1", "retrieval-threads=2", ""]))
        with open(self.schema, encoding="ascii") as file:
            subprocess.run(["sqlite3", self.path("pdns.sqlite3")] if shutil.which("sqlite3") else [
                "/usr/bin/python3", "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1])"
                ".executescript(sys.stdin.read())", self.path("pdns.sqlite3")], stdin=file, check=True)
        for key in self.keys():
            self.util("import-tsig-key", key.name, key.algorithm, key.secret)
        for zone in self.zones.values():
            self.add(zone)

    def add(self, zone):
        if zone.text is not None:
            self.load(zone)
            self.util("set-kind", zone.name, "primary")
        else:
            self.util("create-secondary-zone", zone.name,
                      *("%s:%d" % (peer.address, peer.port) for peer in zone.primaries))
            if zone.to:
                self.util("set-meta", zone.name, "SLAVE-RENOTIFY", "1")
            if zone.primary_key:
                self.util("activate-tsig-key", zone.name, zone.primary_key.name, "secondary")
            if zone.ixfr:
                self.util("set-meta", zone.name, "IXFR", "1")
        if zone.key:
            self.util("activate-tsig-key", zone.name, zone.key.name, "primary")
        if zone.to:
            self.util("set-meta", zone.name, "ALSO-NOTIFY",
                      *("%s:%d" % (peer.address, peer.port) for peer in zone.to))
        if zone.updates:
            self.util("set-meta", zone.name, "TSIG-ALLOW-DNSUPDATE", zone.updates.name)
            self.util("set-meta", zone.name, "SOA-EDIT-DNSUPDATE", "INCREASE")
            self.util("set-meta", zone.name, "NOTIFY-DNSUPDATE", "1")

    def command(self):
        return [self.program, "--config-dir=%s" % self.directory]

    def util(self, *words):
        return self.run("pdnsutil", "--config-dir=%s" % self.directory, *words)

    def tell(self, *words):
        return self.run("pdns_control", "--config-dir=%s" % self.directory, *words)

    def load(self, zone):
        self.util("load-zone", zone.name, self.file(zone))
        if self.is_signed(zone):
            self.util("rectify-zone", zone.name)
            self.util("set-presigned", zone.name)

    @staticmethod
    def is_signed(zone):
        return re.search(r"\sRRSIG\s", zone.text)

    def wait(self, name, serial, patience=60.0):
        """A notification that it has acknowledged and not acted upon before it was stopped is lost."""
        try:
            super().wait(name, serial, patience / 4)
        except Failure:
            if self.zones[name].text is not None:
                raise
            say("%s has forgotten that it was told of %s, and is told again" % (self.id, name))
            self.refresh(name)
            super().wait(name, serial, patience)

    def reload(self, zone):
        if self.is_signed(zone):
            # It makes the NSEC records itself, from what rectify-zone finds, which it does not do for
            # a zone that is signed already.
            self.stop()
            self.util("unset-presigned", zone.name)
            self.load(zone)
            self.restart()
            for name, other in self.zones.items():      # a NOTIFY may have been lost, either way
                if other.primaries:
                    self.refresh(name)
                elif other.to:
                    self.tell("notify", name)
        else:
            self.load(zone)
        self.tell("notify", zone.name)

    def refresh(self, name):
        self.tell("retrieve", name)


class Anser(Peer):
    """settings: further lines of its configuration. template: what its default template says. templates:
    others."""

    by_socket = True
    program = os.path.abspath(os.path.join(os.environ.get("ANSER_BIN_DIR", "build/dev/bin"), "anser-control"))

    def __init__(self, directory, settings=(), template=(), templates=()):
        super().__init__(directory)
        self.settings = list(settings)
        self.templates = list(templates)
        self.template = {"notify-ns": "no", "refresh-min": "1s", "retry-min": "1s", **dict(template)}

    def spooled(self):
        """Octets of files without a name that it has open, on a disk."""
        total = 0
        directory = "/proc/%d/fd" % self.process.pid
        for number in os.listdir(directory):
            with contextlib.suppress(OSError):
                name = os.readlink(os.path.join(directory, number))
                if name.endswith("(deleted)") and not name.startswith("/memfd:"):
                    total += os.stat(os.path.join(directory, number)).st_size
        return total

    def configure(self):
        lines = ["server:", "  listen: [%s@%d]" % (self.address, self.port), "  workers: 1", "  io: udp",
                 "control:", "  store: store", "  control-socket: control.sock",
                 "  dataplane-socket: dataplane.sock",
                 "  supervise: %s" % self.program.replace("anser-control", "anser-dataplane")]
        lines += self.settings
        remotes, rules, zones = {}, {}, []
        templates = [{"name": "default", **self.template}, *self.templates]
        for zone in self.zones.values():
            kind = {"made": "producer", "followed": "consumer"}.get(zone.catalog)
            said = {"name": zone.name, "kind": kind or ("primary" if zone.text is not None else "secondary")}
            if zone.member_of:
                said["template"] = "members-of-" + zone.member_of
                if said["template"] not in [template["name"] for template in templates]:
                    templates.append({"name": said["template"], "catalog": zone.member_of})
            if zone.text is not None:
                said["file"] = self.file(zone)
            if zone.dnssec:
                said["dnssec"] = zone.dnssec
            for option, peers, key in (("notify", zone.to, zone.key),
                                       ("primaries", zone.primaries, zone.primary_key)):
                for peer in peers:
                    said.setdefault(option, []).append(self.remote(remotes, peer, key))
            said["acls"] = [self.rule(rules, "transfer", zone.key)]
            if zone.updates:
                said["acls"].append(self.rule(rules, "update", zone.updates))
            zones.append(said)
        lines += self.list_of("remotes", remotes.values())
        lines += self.list_of("acls", rules.values())
        lines += self.list_of("templates", templates)
        lines += self.list_of("zones", zones)
        self.write("anser.yaml", "\n".join(lines) + "\n")

    @staticmethod
    def remote(remotes, peer, key):
        """The name of another server, asked and told with this key."""
        name = "%s-%s" % (peer.id, key.name.rstrip(".") if key else "plain")
        remotes[name] = {"name": name, "addresses": ["%s@%d" % (peer.address, peer.port)],
                         **({"key": key.name} if key else {})}
        return name

    def rule(self, rules, action, key):
        """The name of a rule that lets those who have the key, or all here without one."""
        name = "%s-%s" % (action, key.name.rstrip(".") if key else "plain")
        rules[name] = {"name": name, "addresses": [self.neighbours], "actions": [action],
                       **({"keys": [key.name]} if key else {})}
        return name

    @staticmethod
    def list_of(section, entries):
        lines = ["  - " + json.dumps(entry) for entry in entries]
        return [section + ":"] + lines if lines else []

    def command(self):
        return [self.program, "-c", "anser.yaml"]

    def tell(self, *words):
        return self.run(self.program.replace("anser-control", "anserctl"), "-s", self.path("control.sock"),
                        *words)

    def figure(self, metric):
        """The value of a metric, by its name without anser_, and its labels."""
        for line in self.tell("metrics").splitlines():
            if line.startswith("anser_%s " % metric):
                return float(line.split()[-1])
        raise Failure("there is no metric %s" % metric)

    def reload(self, zone):
        self.tell("zone", "reload", zone.name)

    def change(self, name, add=(), delete=()):
        """By UPDATE where the zone has a key for it, else by the control socket."""
        if self.zones[name].updates:
            return super().change(name, add, delete)
        return self.edit(name, add, delete)

    def edit(self, name, add=(), delete=()):
        """change() by the control socket."""
        edits = []
        for op, lines in (("del", delete), ("add", add)):
            for line in lines:
                owner, ttl, rrtype, rdata = line.split(None, 3)
                edits.append({"op": op, "zone": name, "name": owner, "type": rrtype, "rdata": [rdata],
                              **({"ttl": int(ttl)} if op == "add" else {})})
        with contextlib.closing(ControlSocket(self.path("control.sock"))) as control:
            return control.done("change", edits=edits)["zones"][0]["serial"]

    def restart(self):
        super().restart()
        until("%s takes commands" % self.id, lambda: self.is_alive() and self.is_there())
        if self.keys() and not os.path.exists(self.path("keys")):
            self.write("keys", "".join("%s:%s:%s\n" % (key.algorithm, key.name, key.secret)
                                       for key in self.keys()))
            self.tell("tsig", "import", "keys")
            for name, zone in self.zones.items():
                if zone.primaries:      # asked in vain, without the key
                    self.refresh(name)

    def is_there(self):
        with contextlib.suppress(OSError), \
             contextlib.closing(ControlSocket(self.path("control.sock"))) as control:
            return control.command("version")[0] == 0
        return False

    def refresh(self, name):
        self.tell("zone", "refresh", name)


KINDS = {"anser": Anser, "bind": Bind, "knot": Knot, "nsd": Nsd, "pdns": Pdns}


class Signer:
    """Signs zones. The same contents have the same signatures, so a change changes what it must."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "signer")
        os.makedirs(self.directory)
        self.keys = {}

    def run(self, *command):
        done = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
        check(done.returncode == 0, " ".join(command), "says", done.stderr)
        return done.stdout.strip()

    def sign(self, name, text, nsec3=False):
        if name not in self.keys:
            self.keys[name] = self.run("dnssec-keygen", "-a", "ED25519", "-f", "KSK", name)
        path = os.path.join(self.directory, name + "zone")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.run("dnssec-signzone", "-S", "-z", "-P", "-q", "-O", "full", "-s", "20260101000000", "-e",
                 "20360101000000", *(["-3", "-"] if nsec3 else []), "-o", name, "-f", path + ".signed", path)
        with open(path + ".signed", encoding="utf-8") as file:
            return file.read()


class Stage:
    """Servers in a directory of their own, which are ended and removed with it. network: that they are in."""

    def __init__(self, name, network=None):
        self.directory = tempfile.mkdtemp(prefix=name + ".")
        self.network = network
        self.peers = []

    def add(self, kind, *args, **more):
        peer = kind(os.path.join(self.directory, "%s%d" % (kind.__name__.lower(), len(self.peers))),
                    *args, **more)
        if self.network:
            self.network.take_in(peer)
        self.peers.append(peer)
        return peer

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for peer in reversed(self.peers):
            peer.stop()
            if kind is Failure:
                print("--- %s\n%s" % (peer.id, peer.log_tail() if os.path.exists(peer.path("log")) else ""))
        if self.network:
            self.network.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def notify(peer, name, key=None, source=None):
    """A NOTIFY of ours; gives the answer's code, None without an answer."""
    message = dns.message.make_query(name, "SOA")
    message.set_opcode(4)
    message.flags = (message.flags & ~dns.flags.RD) | dns.flags.AA
    if key:
        message.use_tsig(**key.signing())
    try:
        return dns.query.udp(message, peer.address, 2, peer.port, source=source).rcode()
    except (OSError, dns.exception.DNSException):
        return None
