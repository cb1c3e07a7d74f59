#!/usr/bin/python3
"""A large zone gets signed although the server is killed, and although the zone changes, all the time.

* kill -9 at random moments of the signing: each start goes on with what was signed before, the keys are those of the
  first start, nothing is left behind, and all of the zone is right.
* A change every few milliseconds, from before the signing until after it: the zone is signed, and has every change. So
  it is when the TTL of negative answers, and with it that of all the chain of denial, becomes another.
* All of it comes anew by the API, without signatures: it gets them.

    dnssec_resumed.py [killed|changed|put]... [--names N] [--kills N] [--seed N]
"""

import argparse
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading

import dns.message
import dns.query

from checks import HttpSocket, Skipped, check, passes, say, until
from signing import is_signed, keys_of, policies, wait_signed

from peers import Anser, Stage, Zone

NAME = "large.example."
POLICIES = policies(nsec="nsec3: no, csk: no", nsec3="nsec3: yes, nsec3-salt-length: 8")
PATIENCE = 300.0
PAUSE = 0.05            # seconds between two changes
PUT_MOST = 8000         # names: a request has two megabytes at most
RRSET = 100             # octets of one that is kept, about; a name has two


def text(names):
    lines = ["$ORIGIN " + NAME, "$TTL 600", "@ SOA ns1 hostmaster 1 3600 600 864000 300", "@ NS ns1",
             "ns1 A 192.0.2.1"]
    lines += ["n%06d A 192.0.2.%d" % (i, i % 250 + 1) for i in range(names)]
    return "\n".join(lines) + "\n"


def journals(server):
    return glob.glob(os.path.join(server.directory, "store", "signing-*"))


def kept(server):
    """Octets."""
    return sum(os.stat(path).st_size for path in journals(server))


def found(server):
    """How many RRsets were taken from what was signed before, by the starts so far."""
    return [int(number) for number in re.findall(r"signing goes on: ([0-9]+) of", server.log())]


def whole(server, directory):
    """Fails unless all of the zone is right. Gives its lines: it is too large for what other tests do."""
    path = os.path.join(directory, "whole.zone")
    for program in ("dig", "kzonecheck"):
        if not shutil.which(program):
            raise Skipped("there is no " + program)
    with open(path, "w", encoding="utf-8") as file:
        subprocess.run(["dig", "@" + server.address, "-p", str(server.port), NAME, "AXFR", "+noall", "+answer",
                        "+onesoa"], stdout=file, timeout=PATIENCE, check=True)
    done = subprocess.run(["kzonecheck", "-d", "on", "-o", NAME, path], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    check(done.returncode == 0, "kzonecheck says", (done.stdout + done.stderr)[-3000:])
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


# ---- killed ----

def killed(stage, policy, arguments):
    rng = random.Random(arguments.seed)
    server = stage.add(Anser, settings=POLICIES)
    server.start([Zone(NAME, text=text(arguments.names), dnssec=policy)])
    kills = size = 0
    while kills < arguments.kills:
        # Mostly in the middle of it, and at times when all is made and being written.
        more = rng.uniform(1, RRSET * arguments.names)
        until("signatures are made, or all are", lambda: kept(server) >= size + more or is_signed(server, NAME),
              PATIENCE)
        if is_signed(server, NAME):
            break
        size = kept(server)
        server.stop(signal.SIGKILL)
        server.run_it()
        kills += 1
    check(kills > 0, "it was signed before it could be killed")
    wait_signed(server, NAME, PATIENCE)
    say("it is signed, after %d kills" % kills)
    until("nothing is left of the signing", lambda: not journals(server), PATIENCE)
    return server, kills


def run_killed(arguments):
    for policy, keys in (("nsec", 2), ("nsec3", 1)):
        with Stage("dnssec-killed-" + policy) as stage:
            server, kills = killed(stage, policy, arguments)
            check(len(keys_of(server, NAME)) == keys, "there are", len(keys_of(server, NAME)), "keys")
            taken = found(server)
            check(taken and all(a <= b for a, b in zip(taken, taken[1:])), "taken over were", taken)
            whole(server, stage.directory)
            say("%s: killed %d times, and went on with %s RRsets" % (policy, kills, taken))


# ---- changed ----

class Changes(threading.Thread):
    """One after the other, each to a name of its own."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.made = 0
        self.failed = None
        self.over = threading.Event()

    def run(self):
        try:
            while not self.over.wait(PAUSE):
                self.server.edit(NAME, ["c%06d 600 A 192.0.2.7" % self.made],
                                 ["n%06d 600 A 192.0.2.%d" % (self.made, self.made % 250 + 1)])
                self.made += 1
        except Exception as error:      # pylint: disable=broad-except
            self.failed = error


def denial_ttl(server):
    """That of the apex's NSEC."""
    answer = dns.query.tcp(dns.message.make_query(NAME, "NSEC"), server.address, 5, server.port).answer
    return answer[0].ttl


def another_ttl(server):
    server.tell("record", "set", NAME, "600", "SOA", "ns1 hostmaster 0 3600 600 864000 77", "--zone", NAME)
    until("the chain has another TTL", lambda: denial_ttl(server) == 77, PATIENCE)
    until("nothing is left of the signing", lambda: not journals(server), PATIENCE)


def run_changed(arguments):
    with Stage("dnssec-changed") as stage:
        server = stage.add(Anser, settings=POLICIES)
        server.start([Zone(NAME, text=text(arguments.names))])
        until("it answers", lambda: server.serial(NAME), PATIENCE)
        changes = Changes(server)
        changes.start()
        try:
            server.tell("zone", "set", NAME, "dnssec=nsec")
            wait_signed(server, NAME, PATIENCE)
            until("nothing is left of the signing", lambda: not journals(server), PATIENCE)
            another_ttl(server)
        finally:
            changes.over.set()
            changes.join()
        check(changes.failed is None and changes.made > 0, "changes fail:", changes.failed)
        records = [line.split() for line in whole(server, stage.directory)]
        there = {record[0].split(".")[0] for record in records if record[3:4] == ["A"]}
        wanted = {"c%06d" % i for i in range(changes.made)} | \
            {"n%06d" % i for i in range(changes.made, arguments.names)} | {"ns1"}
        check(there == wanted, "changes are lost:", sorted(there ^ wanted)[:10])
        ttls = {record[1] for record in records if record[3:4] == ["NSEC"]}
        check(ttls == {"77"}, "of the chain, TTLs are", ttls)
        say("signed with %d changes meanwhile" % changes.made)


def put(server):
    """All of the zone by the API, as it is but for what the changes have brought."""
    connection = HttpSocket(server.path("api.sock"))
    path = "/api/v1/servers/localhost/zones/" + NAME
    status, _, text = connection.ask("GET", path)
    check(status == 200, "the API says", status, text[:1000])
    made = ("RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY")
    rrsets = [rrset for rrset in json.loads(text)["rrsets"]
              if rrset["type"] not in made and not rrset["name"].startswith("c")]
    status, _, text = connection.ask("PUT", path, {"rrsets": rrsets})
    connection.close()
    check(status == 204, "the API says", status, text[:1000])


def run_put(arguments):
    names = min(arguments.names, PUT_MOST)
    with Stage("dnssec-put") as stage:
        server = stage.add(Anser, settings=POLICIES)
        server.start([Zone(NAME, text=text(names), dnssec="nsec3")])
        wait_signed(server, NAME, PATIENCE)
        keys = {key.to_text() for key in keys_of(server, NAME)}
        server.edit(NAME, ["c%06d 600 A 192.0.2.7" % i for i in range(10)])
        before = server.serial(NAME)
        put(server)
        until("it is another version", lambda: server.serial(NAME) != before, PATIENCE)
        records = [line.split() for line in whole(server, stage.directory)]
        check(sum(record[3:4] == ["A"] for record in records) == names + 1, "there are other names")
        check({key.to_text() for key in keys_of(server, NAME)} == keys, "it has other keys")
        say("all of it by the API, and signed")


def run(arguments):
    for what in arguments.what or ("killed", "changed", "put"):
        {"killed": run_killed, "changed": run_changed, "put": run_put}[what](arguments)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", metavar="killed|changed|put")
    parser.add_argument("--names", type=int, default=20000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    return passes(lambda: run(arguments))


if __name__ == "__main__":
    sys.exit(main())
