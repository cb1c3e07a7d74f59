#!/usr/bin/python3
"""Zones with a digest of themselves (RFC 8976), as ldns-signzone makes them.

* zone check finds digests of signed zones right: both algorithms, NSEC and NSEC3, names in mixed case;
* one octet elsewhere in the zone, or another serial, and the file is refused by zone check, zone reload
  and zone import; what was served before is served on.
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

ZONE = """$ORIGIN example.
$TTL 3600
@ SOA NS1 hostmaster 7 3600 600 864000 300
@ NS ns1
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
*.wild TXT "any"
a.b.c.Empty A 192.0.2.3
alias CNAME Mail.Example.
sub NS ns.sub
ns.sub A 192.0.2.4
sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
odd TYPE65280 \\# 4 0a000001
svc HTTPS 1 Foo.example. alpn=h2
naptr NAPTR 1 2 "u" "x" "y" Foo.Example.
rp RP Me.example. You.Example.
under ZONEMD 7 1 1 000102030405060708090a0b0c0d0e0f
"""


def made(server):
    """Files with digests that are right."""
    def run(*command):
        return subprocess.run(command, cwd=server.dir, check=True, capture_output=True, text=True,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}).stdout.strip()

    server.write("plain", ZONE)
    keys = [run("ldns-keygen", "-a", "ECDSAP256SHA256", *flags, "example.") for flags in (["-k"], [])]
    for algorithm in (1, 2):
        for denial, flags in (("nsec", []), ("nsec3", ["-n", "-s", "beef"])):
            name = "%s-%d" % (denial, algorithm)
            run("ldns-signzone", "-b", *flags, "-z", "simple:%d" % algorithm, "-f", name, "plain", *keys)
            yield name


def rules(answer):
    return answer.stdout + answer.stderr


def run():
    if not shutil.which("ldns-signzone"):
        raise Skipped("ldns-signzone is not installed")
    with ControlPlane("zonemd") as server:
        server.write("anser.yaml", CONFIG % free_port())
        names = list(made(server))
        server.launch()
        server.wait_until_loaded()
        for name in names:
            look(server, name)
        say("digests of another make are right, and wrong when the zone is another")
        serve(server, names[0])
        say("a wrong zone replaces no right one")


def look(server, name):
    answer = server.anserctl("zone", "check", "example", server.path(name))
    check(answer.returncode == OK and "[zonemd" not in rules(answer), name, rules(answer))
    with open(server.path(name), encoding="ascii") as file:
        text = file.read()
    check("ZONEMD\t7 1 " in text, "ldns-signzone made no ZONEMD")
    for what, other in (("192.0.2.4", "192.0.2.5"), ("hostmaster.example. 7 ", "hostmaster.example. 8 "),
                        ("\"any\"", "\"ANY\"")):
        check(what in text, "the zone is not what this test thinks:", what)
        server.write("other", text.replace(what, other))
        answer = server.anserctl("zone", "check", "example", server.path("other"))
        check(answer.returncode == REFUSED and "zonemd-mismatch" in rules(answer), name, what,
              answer.returncode, rules(answer))


def serve(server, name):
    shutil.copy(server.path(name), server.path("plain"))
    answer = server.anserctl("zone", "reload", "example")
    check(answer.returncode == OK, rules(answer))
    served = server.anserctl("zone", "export", "example").stdout
    shutil.copy(server.path("other"), server.path("plain"))
    for words in (["zone", "reload", "example"], ["zone", "import", "--replace", "example",
                                                  server.path("other")]):
        answer = server.anserctl(*words)
        check(answer.returncode == REFUSED and "zonemd-mismatch" in rules(answer), words,
              answer.returncode, rules(answer))
    check(server.anserctl("zone", "export", "example").stdout == served, "the zone is another")


if __name__ == "__main__":
    sys.exit(passes(run))
