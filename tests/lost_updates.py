#!/usr/bin/python3
"""Several clients change the same RRset at once, and no change of anybody is lost.

Each reads a counter with the zone's ETag, and puts the next number there with If-Match. Of those who
have read one version exactly one gets through; the others are told, and read again. So the
counter ends at the number of those who got through, and every number was there once. Then all add
records to one RRset without looking, over both roads, and all of them are there.

    lost_updates.py [--increments N]
"""

import argparse
import collections
import sys
import threading

import dns.message
import dns.query

import death
from checks import PATIENCE, ControlSocket, HttpSocket, check, say

CLIENTS = 6
ADDED = 15      # records by each client
ZONE_PATH = "/api/v1/servers/localhost/zones/example."
COUNTER, SHARED = "counter.example.", "shared.example."

ZONE = """@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS ns
ns 60 A 192.0.2.1
counter 60 TXT 0
"""


class Programs(death.Programs):
    def write_files(self):
        self.write("anser.yaml", self.configuration({"example.": "zone"}, workers=2))
        self.write("zone", ZONE)

    def served(self, name):
        answer = dns.query.tcp(dns.message.make_query(name, "TXT"), "127.0.0.1", PATIENCE, self.port)
        return sorted(item.strings[0].decode() for item in answer.answer[0])


def together(work, *args):
    """Each client in a thread of its own."""
    errors = []

    def run(number):
        try:
            work(number, *args)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not errors, *["%r" % error for error in errors[:1]])


def change(client, name, kind, text, **headers):
    body = {"rrsets": [{"name": name, "type": "TXT", "ttl": 60, "changetype": kind,
                        "records": [{"content": '"%s"' % text, "disabled": False}]}]}
    return client.ask("PATCH", ZONE_PATH, body, **headers)


# ---- with If-Match ----

class Race:
    def __init__(self, programs, until):
        self.programs = programs
        self.until = until
        self.won = collections.Counter()     # by version
        self.numbers = collections.Counter()
        self.lost = 0
        self.lock = threading.Lock()

    def read(self, client):
        status, headers, text = client.ask(
            "GET", ZONE_PATH + "?rrset_name=%s&rrset_type=TXT" % COUNTER)
        check(status == 200, "GET:", status, text)
        number = text.partition('"content": "\\"')[2].partition("\\")[0]
        return headers["ETag"], int(number)

    def run(self, _):
        client = HttpSocket(self.programs.path("api.sock"))
        while True:
            etag, number = self.read(client)
            if number >= self.until:
                return
            status, _, text = change(client, COUNTER, "REPLACE", number + 1, If_Match=etag)
            check(status in (204, 412), "PATCH:", status, text)
            with self.lock:
                if status == 204:
                    self.won[etag] += 1
                    self.numbers[number + 1] += 1
                else:
                    self.lost += 1


def increments(programs, count):
    race = Race(programs, count)
    together(race.run)
    check(race.numbers == {i: 1 for i in range(1, count + 1)}, "not each number once")
    check(set(race.won.values()) == {1} and len(race.won) == count, "a version was changed twice")
    check(programs.served(COUNTER) == [str(count)], "served:", programs.served(COUNTER))
    check(race.lost > 0, "nobody was in anybody's way")
    say("%d increments by %d clients, who were told %d times that it had changed"
        % (count, CLIENTS, race.lost))


# ---- without looking ----

def add(number, programs):
    for i in range(ADDED):
        text = "%d-%d" % (number, i)
        if number % 2:
            status, _, answer = change(HttpSocket(programs.path("api.sock")), SHARED, "EXTEND", text)
            check(status == 204, "EXTEND:", status, answer)
        else:
            ControlSocket(programs.path("control.sock")).done(
                "record add", name=SHARED, type="TXT", rdata=['"%s"' % text])


def additions(programs):
    together(add, programs)
    wanted = sorted("%d-%d" % (n, i) for n in range(CLIENTS) for i in range(ADDED))
    check(programs.served(SHARED) == wanted, "served:", programs.served(SHARED))
    say("%d records of one RRset by %d clients" % (len(wanted), CLIENTS))


def run(programs, count):
    programs.start_control()
    programs.start_dataplane()
    programs.serve_the_same()
    increments(programs, count)
    additions(programs)
    statuses = programs.stop()
    check(statuses == [0, 0], "exit statuses %s" % statuses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--increments", type=int, default=5000)
    args = parser.parse_args()
    return death.prove("lost-updates.", Programs, lambda programs: run(programs, args.increments))


if __name__ == "__main__":
    sys.exit(main())
