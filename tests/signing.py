"""What the tests of zones that Anser signs share: zones with everything in them, and those who validate.

    whole(server, "example.", directory)        # all of it, by all who look through zones
    with Unbound(directory, {"example.": server}, anchors(server, "example.")) as unbound:
        unbound.secure("www.example.", "A")
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "transfer"))

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from checks import Skipped, check, end_process, free_port, until

DS = "0000000000000000000000000000000000000000000000000000000000000000"
# What is in the way of chains and signatures, behind an $ORIGIN: wildcards, names that are there only because others
# are below them, cuts with and without a DS, glue, what lies below a cut, DNAME, CNAME, and names in mixed case.
EVERYTHING = """$TTL 600
@ SOA ns1 hostmaster 1 3600 600 864000 300
@ NS ns1
@ MX 10 mail
@ CAA 0 issue "ca.example.net"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
mail 60 AAAA 2001:db8::2
*.wild TXT "any"
*.wild A 192.0.2.3
host.wild A 192.0.2.4
a.b.c.empty A 192.0.2.5
_sip._tcp SRV 1 2 5060 mail
alias CNAME mail
*.aliases CNAME mail
tree DNAME wild
secure NS ns.secure
secure DS 1 13 2 """ + DS + """
ns.secure A 192.0.2.6
plain NS ns.plain
plain NS ns.secure
ns.plain A 192.0.2.7
deep.plain A 192.0.2.8
a.cut.below NS ns1
Mixed.CASE A 192.0.2.9
sp\\032ace.\\000zero TXT "odd" "\\000\\255"
odd TYPE65280 \\# 4 0a000001
svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9
rp RP Me.example. You.Example.
"""


def policies(**named):
    """Lines of a configuration. named: the settings of each, as they stand in a file."""
    lines = ["dnssec-policies:"]
    for name, settings in named.items():
        lines.append("  - {name: %s, %s}" % (name.replace("_", "-"), settings))
    return lines


# ---- all of a zone ----

def text_of(records):
    """Records of a Transfer, as a file."""
    return "".join("%s %d IN %s %s\n" % (owner, ttl, dns.rdatatype.to_text(rrtype), rdata.to_text())
                   for owner, rrtype, ttl, rdata in records)


def verifiers(name, path, keys, opt_out, moment):
    """Those who look through all of a signed zone, and are there, each as a command; moment: when it is to be
    right, or None for now."""
    at = [] if moment is None else ["-t", str(int(moment))]
    if moment is None:
        alone = ["-z"] if all(key.flags & 1 for key in keys) else []
        yield ["dnssec-verify", "-q", *alone, "-o", name, path]
        # It takes names without a record of their own for errors where there is opt-out.
        if not opt_out:
            yield ["ldns-verify-zone", "-V", "1", path]
    yield ["kzonecheck", "-d", "on", *at, "-o", name, path]
    yield ["named-checkzone", "-q", "-i", "none", name, path]


def whole(server, name, directory, opt_out=False, moment=None):
    """Fails unless all of a zone that a server has is right. Gives the Transfer."""
    transfer = server.axfr(name)
    path = os.path.join(directory, "whole.zone")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text_of(transfer.records[:-1]))
    keys = [rdata for _, rrtype, _, rdata in transfer.records if rrtype == dns.rdatatype.DNSKEY]
    check(keys, name, "has no keys")
    looked = 0
    for command in verifiers(name, path, keys, opt_out, moment):
        if not shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin"):
            continue
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode == 0, " ".join(command[:-1]), "says of", name, "serial", transfer.serial,
              (done.stdout + done.stderr)[-3000:])
        looked += 1
    if not looked:
        raise Skipped("nobody is there who looks through signed zones")
    return transfer


def is_signed(server, name):
    """Says whether its SOA has signatures."""
    query = dns.message.make_query(name, "SOA", want_dnssec=True)
    with contextlib.suppress(OSError, dns.exception.DNSException):
        answer = dns.query.tcp(query, server.address, 2, server.port)
        return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer.answer)
    return False


def wait_signed(server, name, patience=60.0):
    until("%s is signed" % name, lambda: server.is_alive() and is_signed(server, name), patience)


def keys_of(server, name):
    """The DNSKEY RRset."""
    answer = dns.query.tcp(dns.message.make_query(name, "DNSKEY"), server.address, 2, server.port)
    return answer.find_rrset(answer.answer, dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.DNSKEY)


def anchors(server, name):
    """DS records of the keys that sign keys, each as a line."""
    owner = dns.name.from_text(name)
    return ["%s 3600 IN DS %s" % (owner, dns.dnssec.make_ds(owner, key, "SHA256").to_text())
            for key in keys_of(server, name) if key.flags & 1]


# ---- validators ----

class Unbound:
    """A resolver that trusts these anchors, and knows these servers. environment: of its process. more: of its
    settings. forwards: the servers are resolvers themselves."""

    program = "/usr/sbin/unbound"

    def __init__(self, directory, zones, trusted, environment=None, more=(), forwards=False):
        """zones: the server of each."""
        if not os.path.exists(self.program):
            raise Skipped("unbound is not installed")
        self.address, self.port = "127.0.0.1", free_port()
        self.directory = directory
        self.environment = {**os.environ, **(environment or {})}
        lines = ["server:", "  interface: 127.0.0.1", "  port: %d" % self.port, '  chroot: ""',
                 '  username: ""', '  pidfile: ""', '  directory: "%s"' % directory, "  do-daemonize: no",
                 "  use-syslog: no", "  verbosity: 1", "  val-log-level: 2", "  num-threads: 1",
                 "  do-not-query-localhost: no", "  do-ip6: no", '  module-config: "validator iterator"',
                 "  qname-minimisation: no", "  root-hints: /dev/null", "  infra-host-ttl: 0",
                 "  val-sig-skew-min: 0", "  val-sig-skew-max: 0", "  val-bogus-ttl: 0",
                 "  serve-expired: no", "  aggressive-nsec: no"]
        lines += ["  " + line for line in more]
        lines += ['  trust-anchor: "%s"' % line for line in trusted]
        lines += ['  local-zone: "%s" nodefault' % name for name in zones]
        lines += ["remote-control:", "  control-enable: no"]
        for name, server in zones.items():
            kind = "forward" if forwards else "stub"
            lines += [kind + "-zone:", '  name: "%s"' % name,
                      "  %s-addr: %s@%d" % (kind, server.address, server.port)]
        self.path = os.path.join(directory, "unbound.conf")
        with open(self.path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        self.process = None

    def begin(self):
        """It runs, and will answer."""
        with open(self.path + ".log", "ab") as log:
            self.process = subprocess.Popen([self.program, "-d", "-c", self.path], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.environment)

    def __enter__(self):
        if not self.process:
            self.begin()
        until("unbound answers", lambda: self.answers("version.bind.", "TXT", "CH", 0.2))
        return self

    def __exit__(self, *_):
        end_process(self.process)

    def log(self):
        with open(self.path + ".log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def answers(self, name, rrtype, rrclass="IN", timeout=5):
        query = dns.message.make_query(name, rrtype, rrclass, want_dnssec=True)
        query.flags |= dns.flags.AD
        with contextlib.suppress(OSError, dns.exception.DNSException):
            return dns.query.udp(query, "127.0.0.1", timeout, self.port)
        return None

    def ask(self, name, rrtype):
        answer = self.answers(name, rrtype)
        check(answer is not None, "unbound does not answer", name, rrtype, self.log()[-2000:])
        return answer

    def finds(self, name, rrtype, rcode, secure):
        answer = self.ask(name, rrtype)
        got = dns.rcode.to_text(answer.rcode()), bool(answer.flags & dns.flags.AD)
        check(got == (rcode, secure), "unbound says", *got, "of", name, rrtype, "and not", rcode, secure,
              self.log()[-2000:])
        return answer

    def secure(self, name, rrtype, rcode="NOERROR"):
        return self.finds(name, rrtype, rcode, True)

    def insecure(self, name, rrtype, rcode="NOERROR"):
        return self.finds(name, rrtype, rcode, False)


def faults(found, path=()):
    """Those in what dnsviz grok says, each with where it is."""
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        if key in ("errors", "warnings"):
            yield from (("/".join(map(str, path)), fault) for fault in value)
        elif isinstance(value, (dict, list)):
            yield from faults(value, (*path, key))


def dnsviz(server, zones, owners):
    """What dnsviz has against answers about these owners in each of the zones, as (where, fault). It asks every IPv4
    address of a zone's name servers: there is to be none but the server's, of which it knows the port. It has no trust
    anchors, for which it wants a module that Debian 12 does not have."""
    if not shutil.which("dnsviz"):
        raise Skipped("dnsviz is not installed")
    told = [word for name in zones for word in ("-x", "%s+:ns1.%s=%s:%d" % (name, name, server.address, server.port))]
    names = [owner + "." + name if owner else name for name in zones for owner in owners]
    text = None
    for command in (["dnsviz", "probe", "-4", "-d", "1", "-A", *told, *names], ["dnsviz", "grok", "-P", "-l", "warning"]):
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
        check(done.returncode == 0 and not done.stderr, command, "says", done.stderr[-2000:])
        text = done.stdout
    return list(faults(json.loads(text or "{}")))


class Delv:
    """Asks the server itself for all it needs, and trusts the keys that it has now."""

    def __init__(self, directory, server, name):
        if not shutil.which("delv"):
            raise Skipped("delv is not installed")
        self.server, self.name = server, name
        self.path = os.path.join(directory, "anchor.conf")
        with open(self.path, "w", encoding="ascii") as file:
            file.write("trust-anchors {\n%s};\n" % "".join(
                '"%s" static-ds %s %s %s "%s";\n' % (name, *line.split(None, 7)[4:7], line.split(None, 7)[7])
                for line in anchors(server, name)))

    def says(self, name, rrtype):
        done = subprocess.run(["delv", "@" + self.server.address, "-p", str(self.server.port), "-a", self.path,
                               "+root=" + self.name, name, rrtype], capture_output=True, text=True,
                              timeout=30, check=False)
        return done.stdout + done.stderr

    def secure(self, name, rrtype, negative=False):
        said = self.says(name, rrtype)
        wanted = "; negative response, fully validated" if negative else "; fully validated"
        check(wanted in said and "unsigned" not in said, "delv says of", name, rrtype, said)
