#!/usr/bin/python3
"""Zones signed with keys in a PKCS#11 token (SoftHSM).

* a zone whose policy names a token is signed by keys that are made there, as ldns-verify-zone takes it;
* it is so after changes, and after a restart, and nothing of the keys is in the store;
* without the token the zone is served as it was, changes of it are refused, and it comes back with the token.
"""

import json
import os
import re
import shutil
import subprocess
import sys

from checks import Skipped, check, free_port, passes, say, until
from control_plane import OK, ZONE, ControlPlane

MODULE = "/usr/lib/softhsm/libsofthsm2.so"

CONFIG = """
server:
  listen: [127.0.0.1@%d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
dnssec:
  tokens: ['pkcs11:token=Anser?module-path=%s&pin-source=file:%s']
dnssec-policies:
  - {name: hsm, csk: no, token: 'pkcs11:token=Anser'}
zones:
  - {name: example, file: zone, dnssec: hsm}
"""


def make_token(server):
    os.mkdir(server.path("tokens"))
    server.write("softhsm2.conf", "directories.tokendir = %s\n" % server.path("tokens"))
    os.environ["SOFTHSM2_CONF"] = server.path("softhsm2.conf")
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "Anser", "--pin", "123456",
                    "--so-pin", "123456"], check=True, capture_output=True)
    server.write("pin", "123456\n")
    os.chmod(server.path("pin"), 0o600)


def exported(server):
    return server.anserctl("zone", "export", "example").stdout


def is_valid(server):
    """As a validator has it that trusts the zone's own keys."""
    server.write("signed", exported(server))
    answer = subprocess.run(["ldns-verify-zone", server.path("signed")], capture_output=True, text=True,
                            check=False)
    return answer.returncode == 0


def add(server, label):
    return server.anserctl("record", "add", label + ".example.", "60", "A", "192.0.2.9")


def run():
    for program in ("softhsm2-util", "ldns-verify-zone"):
        if not shutil.which(program):
            raise Skipped("%s is not installed" % program)
    with ControlPlane("tokens") as server:
        make_token(server)
        server.write("zone", ZONE)
        server.write("anser.yaml", CONFIG % (free_port(), MODULE, server.path("pin")))
        server.launch()
        server.wait_until_loaded()
        until("the zone is signed", lambda: "RRSIG" in exported(server))
        check(is_valid(server), exported(server))
        keys = sorted(re.findall(r"DNSKEY.*", exported(server)))
        say("a zone is signed by keys in a token")

        check(add(server, "a").returncode == OK, "a change is refused")
        check(is_valid(server), exported(server))
        server.stop()
        server.launch()
        server.wait_until_loaded()
        check(add(server, "b").returncode == OK, "a change is refused after a restart")
        check(is_valid(server), exported(server))
        check(sorted(re.findall(r"DNSKEY.*", exported(server))) == keys, "the keys are others")
        check(not os.path.exists(server.path("store.secret")), "something was sealed")
        say("and stays so after changes and a restart")

        server.stop()
        os.rename(server.path("tokens"), server.path("away"))
        os.mkdir(server.path("tokens"))
        before = exported_after_start(server)
        until("status has an alarm", lambda: alarms(server))
        check(add(server, "c").returncode != OK, "a change is made without the token")
        check(exported(server) == before, "the zone is another")
        os.rmdir(server.path("tokens"))
        os.rename(server.path("away"), server.path("tokens"))
        check(add(server, "c").returncode == OK, "a change is refused although the token is back")
        check(is_valid(server), exported(server))
        server.anserctl("conf", "reload")
        until("the alarm is over", lambda: not alarms(server))
        say("a token that is away keeps the zone as it is")


def alarms(server):
    """That a zone is not kept signed."""
    out = json.loads(server.anserctl("status", "--json").stdout)
    return [alarm for alarm in out["alarms"] if "kept signed" in alarm]


def exported_after_start(server):
    server.launch()
    server.wait_until_loaded()
    return exported(server)


if __name__ == "__main__":
    sys.exit(passes(run))
