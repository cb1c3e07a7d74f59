#!/usr/bin/python3
"""Zones that Anser gives to other servers: AXFR and IXFR, signed and not, to dnspython, dig and all the
servers that peers.py knows, which are told of changes by NOTIFY; and what is refused.

    out.py [small] [large] [deaf] [beside] [renewed] [shown] [crash] [names]
"""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import dns.edns
import dns.message
import dns.query
import dns.rcode
import dns.tsig

from peers import EVERYTHING, Anser, Bind, Key, Knot, Nsd, Pdns, Stage, Zone, contents_of, same
from checks import Failure, Skipped, check, free_port, passes, say, until

NAME = "example."
TEXT = "$ORIGIN example.\n" + EVERYTHING + "@ NS ns2.elsewhere.test.\n"
SECONDARIES = (Bind, Knot, Nsd, Pdns)


def change(anser, *words):
    """Gives the new serial."""
    anser.tell("record", *words)
    return anser.serial(NAME)


def refused(peer, name, rcode, key=None, rrtype="AXFR", source=None):
    query = dns.message.make_query(name, rrtype)
    if key:
        query.use_tsig(**key.signing())
    try:
        answer = dns.query.tcp(query, peer.address, 10, peer.port, source=source)
        check(answer.rcode() == rcode, rrtype, "of", name, "is answered with",
              dns.rcode.to_text(answer.rcode()))
        check(not answer.answer, "an answer that is refused has records")
    except dns.tsig.PeerError as error:
        check(rcode == dns.rcode.NOTAUTH, repr(error))


def all_follow(anser, others, wanted, serial):
    for other in others:
        other.wait(NAME, serial)
        same(wanted, other.records(NAME), "what %s has" % other.id)


def is_told(other):
    """It may not be up yet."""
    try:
        other.refresh(NAME)
        return True
    except Failure:
        return False


def check_followers(stage, key):
    """They fetch the zone, and follow changes within a moment because they are told."""
    anser = stage.add(Anser)
    others = []
    for kind in SECONDARIES:
        try:
            others.append(stage.add(kind))
        except Skipped as reason:
            say("without %s: %s" % (kind.__name__, reason))
    anser.start([Zone(NAME, text=TEXT, to=others, key=key)])
    for other in others:
        other.start([Zone(NAME, primaries=[anser], key=key)])
        until("%s can be told to look" % other.id, lambda other=other: is_told(other))
    all_follow(anser, others, contents_of(TEXT, NAME), 1)
    say("%s have it, %s" % (", ".join(other.id for other in others), "signed" if key else "unsigned"))
    for words in (("add", "new.example.", "60", "A", "192.0.2.50"),
                  ("add", "www.example.", "60", "A", "192.0.2.12"),
                  ("del", "odd.example.", "TYPE65280"),
                  ("set", "mail.example.", "120", "A", "192.0.2.99", "192.0.2.98")):
        serial = change(anser, *words)
        all_follow(anser, others, anser.records(NAME), serial)
    say("they follow changes")
    first = contents_of(TEXT, NAME)
    answer = anser.ixfr(NAME, 1)
    check(answer.kind == "differences", "IXFR gives", answer.kind)
    same(anser.records(NAME), answer.applied_to(first), "IXFR since the first serial")
    check(all(signed == bool(key) for _, signed in answer.messages), "signed:", answer.messages)
    return anser


def check_refusals(anser, key):
    refused(anser, NAME, dns.rcode.REFUSED, key, source="127.0.0.2")
    refused(anser, "nowhere.test.", dns.rcode.NOTAUTH, key)
    refused(anser, "www." + NAME, dns.rcode.NOTAUTH, key)
    if key:
        refused(anser, NAME, dns.rcode.REFUSED)
        refused(anser, NAME, dns.rcode.NOTAUTH, Key("unknown.key."))
        check(anser.figure('tsig_errors_total{error="BADKEY"}') == 1, anser.tell("metrics"))
    check(anser.figure('transfers_out_total{result="refused"}') == (4 if key else 3), anser.tell("metrics"))
    for result in ("whole", "differences"):
        check(anser.figure('transfers_out_total{result="%s"}' % result) >= 2, anser.tell("metrics"))
    check(anser.figure('transfer_out_bytes_total') > 1000, anser.tell("metrics"))
    check(anser.figure('notifications_sent_total{result="told"}') >= 4, anser.tell("metrics"))
    say("others are refused")


def check_serials(anser, key):
    now = anser.serial(NAME)
    check(anser.ixfr(NAME, now, key).kind == "alone", "IXFR from the present serial")
    check(anser.ixfr(NAME, now + 5, key).kind == "alone", "IXFR from a later serial")
    check(anser.ixfr(NAME, now - 1000 & 0xffffffff, key).kind == "whole", "IXFR from an unknown one")
    small = anser.ixfr_by_udp(NAME, now - 1, key)
    check(small.kind == "differences", "IXFR over UDP gives", small.kind)
    check(anser.ixfr_by_udp(NAME, now, key).kind == "alone", "the same from the present serial")
    for tcp in (False, True):
        query = dns.message.make_query(NAME, "SOA", use_edns=0, options=[dns.edns.GenericOption(9, b"")])
        answer = (dns.query.tcp if tcp else dns.query.udp)(query, anser.address, 10, anser.port)
        check(answer.answer and [(option.otype, option.data) for option in answer.options] == [
            (9, struct.pack("!I", 864000))], "EXPIRE:", answer)
    query = dns.message.make_query(NAME, "AXFR", use_edns=0, options=[dns.edns.GenericOption(9, b"")])
    if key:
        query.use_tsig(**key.signing())
    answer = dns.query.tcp(query, anser.address, 10, anser.port)
    check([(option.otype, option.data) for option in answer.options] == [(9, struct.pack("!I", 864000))],
          "EXPIRE of AXFR:", answer)
    say("each serial is answered as it should be")


class Deaf:
    """A server that hears NOTIFY over UDP and does not answer until it has come over TCP."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", free_port()))
        self.address, self.port = self.udp.getsockname()
        self.id = "deaf"
        self.tcp = socket.create_server((self.address, self.port))
        self.udp.settimeout(40)
        self.tcp.settimeout(60)

    def hear(self):
        return dns.message.from_wire(self.udp.recv(4096))

    def reply(self):
        """To one that has come over UDP, if any has."""
        if self.is_there(0.2):
            wire, client = self.udp.recvfrom(4096)
            self.udp.sendto(dns.message.make_response(dns.message.from_wire(wire)).to_wire(), client)

    def is_there(self, patience=0.0):
        return bool(select.select([self.udp], [], [], patience)[0])

    def answer(self):
        connection, _ = self.tcp.accept()
        with connection, connection.makefile("rb") as stream:
            (size,) = struct.unpack("!H", stream.read(2))
            asked = dns.message.from_wire(stream.read(size))
            reply = dns.message.make_response(asked).to_wire()
            connection.sendall(struct.pack("!H", len(reply)) + reply)
        return asked


def check_deaf(stage):
    anser, deaf = stage.add(Anser), Deaf()
    anser.start([Zone(NAME, text=TEXT, to=[deaf])])
    times, ids = [], set()
    for _ in range(5):
        ids.add(deaf.hear().id)
        times.append(time.monotonic())
    waits = [later - earlier for earlier, later in zip(times, times[1:])]
    # The first may have come before anybody listened.
    check(waits[2] > 3 and waits[3] > 6 and sum(waits) < 40, "it waits", waits)
    asked = deaf.answer()
    check(asked.opcode() == 4 and asked.id in ids and asked.answer[0][0].serial == 1, asked)
    until("it is content", lambda: "has been told of serial 1" in anser.log())
    anser.tell("zone", "notify", NAME)
    check(deaf.hear().opcode() == 4, "zone notify is not heard")
    said = json.loads(anser.tell("zone", "transfers", "--json"))
    check(said["transfers"] == [] and said["notify"]["told"] == 1 and said["notify"]["asked"] == 1, said)
    say("who does not hear is told again, and over TCP")


def check_beside(stage):
    """One that does not answer keeps the others from nothing, and in the end hears of all."""
    anser, deaf, good = stage.add(Anser), Deaf(), Deaf()
    good.id = "good"
    text = "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 864000 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    anser.start([Zone(NAME, text=text, to=[deaf, good])])
    until("one is told of all", lambda: good.reply() or "has been told of serial 1" in anser.log())
    deaf.hear()
    began = time.monotonic()
    for number in range(3):
        serial = anser.change(NAME, add=["n%d 60 A 192.0.2.1" % number])
        until("it is told of the next", lambda serial=serial: good.reply()
              or "%d has been told of serial %d" % (good.port, serial) in anser.log())
    waited = time.monotonic() - began
    check(waited < 30 and "has not been told" not in anser.log(), waited, "seconds:", anser.log())
    until("the other is told of the newest at last", lambda: deaf.reply()
          or "%d has been told of serial %d" % (deaf.port, serial) in anser.log())
    anser.stop()
    say("who does not hear keeps nobody else from hearing")


class Hearing:
    """Answers each NOTIFY over UDP at once, and remembers when it heard of which serial."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", free_port()))
        self.address, self.port = self.udp.getsockname()
        self.id = "hearing"
        self.heard = {}
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            wire, client = self.udp.recvfrom(4096)
            asked = dns.message.from_wire(wire)
            self.heard.setdefault(asked.answer[0][0].serial, time.monotonic())
            self.udp.sendto(dns.message.make_response(asked).to_wire(), client)


def hear_next(deaf, wanted):
    """The serial it is told of, which it answers over UDP only when it is the one wanted."""
    if not deaf.is_there(20):
        return deaf.answer().answer[0][0].serial
    wire, client = deaf.udp.recvfrom(4096)
    asked = dns.message.from_wire(wire)
    if asked.answer[0][0].serial == wanted:
        deaf.udp.sendto(dns.message.make_response(asked).to_wire(), client)
    return asked.answer[0][0].serial


def check_deaf_and_hearing(stage):
    """One that is deaf keeps the other from nothing, and hears of the newest serial when it is its turn."""
    anser, deaf, hearing = stage.add(Anser), Deaf(), Hearing()
    anser.start([Zone(NAME, text=TEXT, to=[deaf, hearing])])
    until("the one hears of the first serial", lambda: 1 in hearing.heard)
    for number in range(4):
        serial = change(anser, "add", "deaf%d.example." % number, "60", "A", "192.0.2.1")
        changed = time.monotonic()
        until("the one hears of serial %d" % serial, lambda: serial in hearing.heard, 20)
        waited = hearing.heard[serial] - changed
        check(waited < 10, "it has heard of serial", serial, "after", waited, "s")
    said = json.loads(anser.tell("zone", "transfers", "--json"))["notify"]
    check((said["asked"], said["waiting"], said["unanswered"]) == (1, 0, 0), "the other is asked:", said)
    serials = []
    while not serials or serials[-1] < serial:
        serials.append(hear_next(deaf, serial))
    check(serials[0] == 1 and serials == sorted(serials) and len(serials) <= 6, "the deaf one hears", serials)
    until("it is content", lambda: "%s@%d has been told of serial %d" % (deaf.address, deaf.port, serial) in anser.log())
    until("nobody is asked", lambda: json.loads(anser.tell("zone", "transfers", "--json"))["notify"]["asked"] == 0)
    anser.stop()
    say("who does not hear is told of the newest serial each time")


def check_shown(stage):
    """What the API says: of which serial others were told, and when a primary has answered; also after a restart."""
    path = "/api/v1/servers/localhost/zones"
    servers = {}
    for name in "primary", "secondary":
        port = free_port()
        server = stage.add(Anser, ["api:", "  listen: 127.0.0.1@%d" % port, "  key-file: api.key"])
        server.write("api.key", "correct-horse-battery")
        os.chmod(server.path("api.key"), 0o600)
        servers[name] = server, port

    def get(port, of):
        request = urllib.request.Request("http://127.0.0.1:%d%s%s" % (port, path, of),
                                         headers={"X-API-Key": "correct-horse-battery"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def alike(port):
        zone, (listed,) = get(port, "/" + NAME), get(port, "")
        return all(zone[what] == listed[what] for what in ("last_check", "notified_serial")) and zone

    def shown(name):
        """Between two questions somebody may answer."""
        return until("a zone and the list say the same", lambda: alike(servers[name][1]))

    began = int(time.time())
    primary, secondary = servers["primary"][0], servers["secondary"][0]
    primary.start([Zone(NAME, text=TEXT, to=[secondary])])
    check(shown("primary")["last_check"] == 0, "a primary has checked nothing")
    # Nobody is there to hear.
    check(shown("primary")["notified_serial"] == 0, "who is not there was told")
    secondary.start([Zone(NAME, primaries=[primary])])
    secondary.wait(NAME, 1)
    first = shown("secondary")["last_check"]
    check(began <= first <= time.time(), "last checked", first)
    check(shown("secondary")["notified_serial"] == 0, "a secondary has told somebody")
    serial = change(primary, "add", "shown.example.", "60", "A", "192.0.2.1")
    until("the serial it is told of", lambda: shown("primary")["notified_serial"] == serial)
    secondary.wait(NAME, serial)
    until("it has checked again", lambda: shown("secondary")["last_check"] > first
          or shown("secondary")["last_check"] == int(time.time()))
    last = shown("secondary")["last_check"]
    primary.stop()
    secondary.stop()
    primary.restart()
    until("what it was told of is known again", lambda: shown("primary")["notified_serial"] == serial)
    secondary.restart()
    until("when it was checked is known again", lambda: shown("secondary")["last_check"] >= last)
    secondary.stop()
    primary.tell("zone", "remove", NAME)
    primary.tell("zone", "create", NAME)
    check(shown("primary")["notified_serial"] == 0, "a new zone of that name was told of")
    primary.stop()
    say("the API shows who was told, and who has answered")


def check_crash(stage):
    """What nobody has heard before a crash is told after it, and after that no more."""
    anser, deaf = stage.add(Anser), Deaf()
    text = "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 864000 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    anser.start([Zone(NAME, text=text, to=[deaf]), Zone("quiet.example.", text=text, to=[deaf])])
    anser.change("quiet.example.", add=["one 60 A 192.0.2.1"])
    while not all("has been told of serial " + what in anser.log() for what in ("1 of " + NAME, "2 of quiet.example.")):
        deaf.reply()
    anser.stop()
    anser.restart()
    serial = anser.change(NAME, add=["crash 60 A 192.0.2.1"])
    anser.stop(9)
    while deaf.is_there():
        deaf.hear()
    anser.restart()
    asked = deaf.hear()
    check(str(asked.question[0].name) == NAME and asked.answer[0][0].serial == serial, "told of", asked)
    check("quiet.example." not in anser.log().rsplit("attached", 1)[-1], anser.log())
    anser.stop()
    say("what was not told before a crash is told after it")


def check_names(stage):
    """A server that only the system's resolver knows is told, if it is to be asked."""
    text = "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 864000 300\n@ NS ns1\n@ NS localhost.\nns1 A 127.0.0.2\n"
    for word, expected in ("resolve", 1), ("hosted", 0):
        anser, deaf = stage.add(Anser, template={"notify-ns": word}), Deaf()
        anser.address = "127.0.0.2"     # localhost would be itself
        anser.start([Zone(NAME, text=text, to=[deaf])])
        deaf.hear()

        def others():
            return sum(json.loads(anser.tell("zone", "transfers", "--json"))["notify"][what]
                       for what in ("waiting", "asked", "told", "refused", "unanswered")) - 1

        until("%d more are told" % expected, lambda: others() >= expected)
        check(others() == expected, word, others())
        anser.stop()
    say("names are looked up")


# ---- many, slow ones, and changes meanwhile ----

LARGE = 6000
RECEIVERS = 30


def receive(peer, name):
    """The messages of a transfer as they come, without being looked at but for its end."""
    query = dns.message.make_query(name, "AXFR").to_wire()
    with socket.create_connection((peer.address, peer.port), 30) as connection:
        connection.sendall(struct.pack("!H", len(query)) + query)
        with connection.makefile("rb") as stream:
            records, messages = 0, []
            while records < 2 or not ends(messages[-1], messages[0]):
                (size,) = struct.unpack("!H", stream.read(2))
                messages.append(stream.read(size)[2:])
                check(messages[-1], "a message that is cut")
                records += struct.unpack("!H", messages[-1][4:6])[0]
    return messages


def ends(last, first):
    """The SOA's numbers stand at the end of the last message, and near the beginning of the first."""
    return last[-20:] in first[:120] and (last is not first or last.count(last[-20:]) > 1)


def check_many(anser):
    """All at once get the same, and none the worse for one that takes nothing."""
    got, threads = [], []
    began = time.monotonic()
    slow = slow_receiver(anser)
    until("its transfer is told of", lambda: json.loads(anser.tell("zone", "transfers", "--json"))["transfers"])
    for _ in range(RECEIVERS):
        threads.append(threading.Thread(target=lambda: got.append(receive(anser, NAME))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    check(len(got) == RECEIVERS, len(got), "of", RECEIVERS, "have got it")
    check(all(messages == got[0] for messages in got), "they have not got the same")
    size = sum(map(len, got[0]))
    say("%d receivers, %d octets each, %.1f s" % (RECEIVERS, size, time.monotonic() - began))
    try:
        until("a receiver that takes a little now and then is cut off", lambda: is_cut(anser, slow), 30)
    finally:
        slow.close()


def slow_receiver(anser):
    query = dns.message.make_query(NAME, "AXFR").to_wire()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((anser.address, anser.port))
    connection.sendall(struct.pack("!H", len(query)) + query)
    return connection


def is_cut(anser, connection):
    """Takes some 20 KB/s. On a slow machine that may be as nothing at all."""
    try:
        connection.recv(4096)
    except ConnectionResetError:
        pass
    time.sleep(0.2)
    return "it is too slow" in anser.log() or "the connection ended" in anser.log()


def check_kept(anser):
    """Who comes soon after another is given what was packed for that one, until there is a newer version, or for
    some seconds."""
    until("nobody has a transfer", lambda: not json.loads(anser.tell("zone", "transfers", "--json"))["transfers"])
    before = receive(anser, NAME)
    until("it is kept", anser.spooled)
    kept = anser.spooled()
    check(receive(anser, NAME) == before, "who comes later has got something else")
    until("it is still kept", lambda: anser.spooled() == kept)
    change(anser, "set", "kept." + NAME, "60", "TXT", "new")
    check(receive(anser, NAME) != before, "who comes after a change has got what was before")
    until("nothing is kept", lambda: not anser.spooled(), 60)


def check_changes_meanwhile(anser):
    """What is given is one state of the zone: the differences since its serial lead from there to now."""
    states = []
    receiver = threading.Thread(target=lambda: states.extend(anser.axfr(NAME) for _ in range(3)))
    receiver.start()
    count = 0
    while receiver.is_alive() or count < 20:
        anser.tell("record", "set", "host%d.example." % (count * 997 % LARGE), "60", "TXT",
                   "\"change %d\"" % count)
        count += 1
    receiver.join()
    check(len(states) == 3, "a transfer failed")
    wanted = anser.records(NAME)
    for state in states:
        answer = anser.ixfr(NAME, state.serial)
        check(answer.kind != "whole", "IXFR gives all of it")
        same(wanted, answer.applied_to(state.contents()), "serial %d and what came since" % state.serial)
    say("%d changes under %d transfers" % (count, len(states)))


def check_killed(anser):
    """A transfer that the server does not live to complete is no transfer."""
    connection = slow_receiver(anser)
    check(connection.recv(2), "nothing comes")
    anser.stop(9)
    anser.restart()
    connection.close()
    until("it listens again", lambda: anser.ask(NAME, "SOA", tcp=True) is not None)
    check(len(anser.records(NAME)) > LARGE, "the zone is not whole after a restart")


def check_large(stage):
    anser = stage.add(Anser, ["tcp:", "  write-timeout: 1s", "transfer:", "  max-out-per-client: 100"])
    text = TEXT + "".join("host%d 300 TXT \"%d\"%s\n" % (i, i, (" " + "x" * 240) * 6)
                          for i in range(LARGE))
    anser.start([Zone(NAME, text=text)])
    same(contents_of(text, NAME), anser.records(NAME), "a large zone")
    check_many(anser)
    check_kept(anser)
    check_changes_meanwhile(anser)
    check_killed(anser)


def check_dig(anser, key):
    words = ["dig", "@" + anser.address, "-p", str(anser.port), "eXaMpLe.", "axfr", "+tries=1"]
    if key:
        words += ["-y", "%s:%s:%s" % (key.algorithm, key.name, key.secret)]
    said = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stdout
    check("XFR size: %d records" % (len(anser.records(NAME)) + 1) in said, said)


def check_small(stage):
    for key in (None, Key("out.key.")):
        anser = check_followers(stage, key)
        check_dig(anser, key)
        check_refusals(anser, key)
        check_serials(anser, key)


def main():
    parts = {"small": check_small, "large": check_large, "deaf": check_deaf, "beside": check_beside, "renewed": check_deaf_and_hearing,
             "shown": check_shown, "crash": check_crash,
             "names": check_names}

    def run():
        with Stage("out") as stage:
            for part in sys.argv[1:] or parts:
                parts[part](stage)

    return passes(run)


if __name__ == "__main__":
    sys.exit(main())
