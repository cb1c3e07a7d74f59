#!/usr/bin/python3
"""Signed zones, as BIND and ldns make them, and zone check with --dnssec.

* they are good in a file, on standard input, and once they are served;
* a record that another takes the place of is found, and only with --dnssec: a load does not look at signatures;
* a zone that is not signed is refused, in a file and as it is served.
"""

import os
import shutil
import subprocess
import sys

from checks import Skipped, check, free_port, passes, say
from control_plane import OK, REFUSED, ControlPlane

CONFIG = """
server:
  listen: [127.0.0.1@%d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones:
  - name: example
    file: plain
"""

SERIAL = 2100000010  # nothing else in a signed zone looks like that

ZONE = """$ORIGIN example.
$TTL 3600
@ SOA NS1 hostmaster SERIAL 3600 600 864000 300
@ NS ns1
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
*.wild TXT "any"
a.b.c.Empty A 192.0.2.3
alias CNAME Mail.Example.
sub NS ns.sub
ns.sub A 192.0.2.4
sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
plain NS ns.elsewhere.
more.plains NS ns.elsewhere.
red DNAME other.test.
odd TYPE65280 \\# 4 0a000001
svc HTTPS 1 Foo.example. alpn=h2
"""


def made(server):
    """Signed files."""
    def run(*command):
        return subprocess.run(command, cwd=server.dir, check=True, capture_output=True, text=True,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}).stdout.strip()

    serial = SERIAL
    for algorithm in ("13", "8"):
        keys = [run("dnssec-keygen", "-q", "-a", algorithm, *flags, "example") for flags in ([], ["-f", "KSK"])]
        for denial, flags in (("nsec", []), ("nsec3", ["-3", "-"]), ("salt", ["-3", "beef"]),
                              ("opt-out", ["-3", "-", "-A"])):
            name = "bind-%s-%s" % (algorithm, denial)
            server.write("plain", ZONE.replace("SERIAL", str(serial)))
            run("dnssec-signzone", "-q", "-S", "-K", ".", "-o", "example", "-f", name, *flags, "plain")
            yield name, serial
            serial += 2
        for key in keys:
            for suffix in (".key", ".private"):
                os.unlink(server.path(key + suffix))
    keys = [run("ldns-keygen", "-a", "ECDSAP256SHA256", *flags, "example.") for flags in (["-k"], [])]
    for name, flags in (("ldns-nsec", []), ("ldns-nsec3", ["-n", "-t", "0"])):
        server.write("plain", ZONE.replace("SERIAL", str(serial)))
        run("ldns-signzone", *flags, "-f", name, "plain", *keys)
        yield name, serial
        serial += 2


def run():
    for program in ("ldns-signzone", "dnssec-signzone"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            raise Skipped("%s is not installed" % program)
    with ControlPlane("zone_check") as server:
        server.write("anser.yaml", CONFIG % free_port())
        names = list(made(server))
        server.write("plain", ZONE.replace("SERIAL", "1"))
        server.launch()
        server.wait_until_loaded()
        refused(server, "dnskey-missing", server.path("plain"))
        refused(server, "dnskey-missing")
        for name, serial in names:
            look(server, name, serial)
        say("what BIND and ldns sign is good, and bogus when a record is another")


def answers(server, *words, given=None):
    answer = server.anserctl("zone", "check", "example", *words, given=given)
    return answer.returncode, answer.stdout + answer.stderr


def good(server, *words, given=None):
    code, said = answers(server, *words, given=given)
    check(code == OK and "[" not in said, words, code, said)


def refused(server, rule, *words, given=None):
    code, said = answers(server, "--dnssec", *words, given=given)
    check(code == REFUSED and "[%s]" % rule in said, words, code, said)


def replace(server, name):
    answer = server.anserctl("zone", "import", "--replace", "example", server.path(name))
    check(answer.returncode == OK, answer.stdout + answer.stderr)


def look(server, name, serial):
    good(server, "--dnssec", server.path(name))
    with open(server.path(name), encoding="ascii") as file:
        text = file.read()
    good(server, "--dnssec", "-", given=text)
    replace(server, name)
    good(server, "--dnssec")
    check("192.0.2.3" in text, "the zone is not what this test thinks")
    other = text.replace("192.0.2.3", "192.0.2.33")
    server.write("other", other)
    good(server, server.path("other"))
    refused(server, "rrsig-bogus", server.path("other"))
    refused(server, "rrsig-bogus", "-", given=other)
    server.write("other", other.replace(str(serial), str(serial + 1)))
    replace(server, "other")
    refused(server, "rrsig-bogus")


if __name__ == "__main__":
    sys.exit(passes(run))
