#!/usr/bin/python3
"""A primary that sends what it should not, in each way there is. Whatever comes, the old version goes on being
served whole, and the server with it; and after each of them a good transfer is taken.

The primary is here: it answers the question for the SOA over UDP, and over TCP sends what the case says, octet by
octet made by hand where no library would make it.
"""

import json
import socket
import struct
import sys
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from peers import ADDRESS, Anser, Stage, Zone, check
from checks import passes, say, until

ZONE = "example."
NAME = dns.name.from_text(ZONE)
OTHER_TTL = 60


def rr(owner, rrtype, rdata, rrclass="IN"):
    return dns.rrset.from_text(owner, OTHER_TTL, rrclass, rrtype, rdata)


def soa(serial, name=ZONE, mname="ns1.example."):
    return rr(name, "SOA", "%s hostmaster.example. %d 3600 1 864000 300" % (mname, serial))


NS = rr(ZONE, "NS", "ns1.example.")


def a(owner, last):
    return rr(owner, "A", "192.0.2.%d" % last)


def whole(serial):
    return [soa(serial), NS, a("ns1.example.", 1), a("www.example.", serial % 250), soa(serial)]


def message(query, records, rcode=0, **header):
    """An answer of these records, each by itself and in this order; dnspython would gather those of one set."""
    answer = dns.message.make_response(query)
    question = header.get("question", query.question)[0]
    wire = struct.pack("!HHHHHH", header.get("id", query.id), answer.flags | dns.flags.AA | rcode, 1, len(records), 0, 0)
    wire += question.name.to_wire() + struct.pack("!HH", question.rdtype, question.rdclass)
    return wire + b"".join(raw(record) for record in records)


def raw(record):
    if isinstance(record, bytes):
        return record
    rdata = record[0].to_wire()
    return record.name.to_wire() + struct.pack("!HHIH", record.rdtype, record.rdclass, record.ttl,
                                               len(rdata)) + rdata


def bytes_of(owner, rrtype, rdata, length=None, rrclass=1):
    return dns.name.from_text(owner).to_wire() + struct.pack(
        "!HHIH", rrtype, rrclass, 60, len(rdata) if length is None else length) + rdata


class Primary:
    """serial: what it says over UDP. answers: from a question over TCP to a list of messages (bytes), or
    None to close at once; a message of None leaves the connection open and silent."""

    def __init__(self):
        self.serial = 1
        self.answers = lambda query: [message(query, whole(self.serial))]
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        while True:
            self.udp.bind((ADDRESS, 0))
            try:
                self.tcp.bind(self.udp.getsockname())
                break
            except OSError:
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.listen(20)
        self.address, self.port = self.udp.getsockname()
        self.id = "hostile"
        for loop in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=loop, daemon=True).start()

    def serve_udp(self):
        while True:
            wire, client = self.udp.recvfrom(4096)
            query = dns.message.from_wire(wire)
            self.udp.sendto(message(query, [soa(self.serial)]), client)

    def serve_tcp(self):
        while True:
            client, _ = self.tcp.accept()
            threading.Thread(target=self.serve_client, args=(client,), daemon=True).start()

    def serve_client(self, client):
        with client:
            try:
                head = client.recv(2, socket.MSG_WAITALL)
                query = dns.message.from_wire(client.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL))
                kind = dns.rdatatype.to_text(query.question[0].rdtype)
                self.asked.append(kind)
                for wire in self.answers(query):
                    if wire is None:
                        client.recv(1)
                        return
                    client.sendall(struct.pack("!H", len(wire)) + wire)
                client.settimeout(5)
                client.recv(1)
            except (OSError, struct.error):
                pass


def split(records, number):
    """The same in so many messages."""
    size = max(1, len(records) // number)
    return [records[i:i + size] for i in range(0, len(records), size)]


def sequence(old, new, gone=(), come=()):
    return [soa(new), soa(old), *gone, soa(new), *come, soa(new)]


LONG = bytes([63]) + b"x" * 63

# What is sent for an AXFR of a newer serial n; every one of them is wrong.
WHOLE = {
    "no SOA first": lambda n: [NS, a("www.example.", 1), soa(n)],
    "no SOA last": lambda n: [soa(n), NS, a("www.example.", 1)],
    "another SOA last": lambda n: [soa(n), NS, soa(n + 1)],
    "another SOA with the same serial last": lambda n: [soa(n), NS, soa(n, mname="ns2.example.")],
    "an SOA of a name below": lambda n: [soa(n), NS, soa(n, "www.example."), soa(n)],
    "an SOA of another zone": lambda n: [soa(n, "example.net."), NS, soa(n, "example.net.")],
    "records of another zone": lambda n: [soa(n), NS, a("www.example.net.", 1), soa(n)],
    "records of the zone above": lambda n: [soa(n), NS, a(".", 1), soa(n)],
    "records of class CH": lambda n: [soa(n), NS, bytes_of("www.example.", 1, b"\xc0\0\2\1", rrclass=3), soa(n)],
    "records of class ANY": lambda n: [soa(n), NS, bytes_of("www.example.", 1, b"\xc0\0\2\1", rrclass=255), soa(n)],
    "records of type ANY": lambda n: [soa(n), NS, bytes_of("www.example.", 255, b""), soa(n)],
    "an OPT record among them": lambda n: [soa(n), NS, bytes_of("www.example.", 41, b""), soa(n)],
    "a TSIG record among them": lambda n: [soa(n), NS, bytes_of("www.example.", 250, b"\0" * 20), soa(n)],
    "type 0": lambda n: [soa(n), NS, bytes_of("www.example.", 0, b""), soa(n)],
    "no NS": lambda n: [soa(n), a("www.example.", 1), soa(n)],
    "a CNAME beside others": lambda n: [soa(n), NS, a("www.example.", 1), rr("www.example.", "CNAME", "ns1.example."),
                                        soa(n)],
    "an address of three octets": lambda n: [soa(n), NS, bytes_of("www.example.", 1, b"\xc0\0\2"), soa(n)],
    "an address of five octets": lambda n: [soa(n), NS, bytes_of("www.example.", 1, b"\xc0\0\2\1\1"), soa(n)],
    "data beyond the message": lambda n: [soa(n), NS, bytes_of("www.example.", 1, b"\xc0\0\2\1", 400)],
    "an SOA cut short": lambda n: [bytes_of(ZONE, 6, b"\0\0\0\0\0\1"), NS],
    "an SOA too long": lambda n: [bytes_of(ZONE, 6, soa(n)[0].to_wire() + b"x"), NS],
    "a name that points to itself": lambda n: [soa(n), NS, b"\xc0" + bytes([12 + 9 + 4]) + b"\0\1\0\1\0\0\0\1\0\0"],
    "a name that points ahead": lambda n: [soa(n), NS, b"\xff\xff" + b"\0\1\0\1\0\0\0\1\0\0"],
    "a label of an unknown kind": lambda n: [soa(n), NS, b"\x80\0" + b"\0\1\0\1\0\0\0\1\0\0"],
    "a name of 260 octets": lambda n: [soa(n), NS, LONG * 4 + b"\0" + b"\0\1\0\1\0\0\0\1\0\0", soa(n)],
    "a signature of a signature": lambda n: [soa(n), NS, bytes_of("www.example.", 46, struct.pack("!H", 46) + b"\0" * 18),
                                             soa(n)],
    "a signature cut short": lambda n: [soa(n), NS, bytes_of("www.example.", 46, b"\0\1\x0d"), soa(n)],
    "an SVCB that says too much": lambda n: [soa(n), NS, bytes_of("www.example.", 64, b"\0\1\0\0\1\xff\xffx"), soa(n)],
    "an APL that says too much": lambda n: [soa(n), NS, bytes_of("www.example.", 42, b"\0\1\x20\x7f\1"), soa(n)],
}

# In a message of its own that SOA would be the end, of a good transfer.
IN_ONE_MESSAGE = {
    "an SOA in the middle": lambda n: [soa(n), NS, soa(n), a("www.example.", 1), soa(n)],
    "records behind the end": lambda n: whole(n) + [a("x.example.", 1)],
}

# What is sent for an IXFR from n - 1 to n; the server is to ask for all of the zone instead.
DIFFERENCES = {
    "a serial that is not ours": lambda n: sequence(n - 3, n, [a("www.example.", 7)]),
    "records that are not there go": lambda n: sequence(n - 1, n, [a("nobody.example.", 1)]),
    "a serial that does not rise": lambda n: [soa(n), soa(n - 1), soa(n - 1), soa(n)],
    "a chain with a gap": lambda n: [soa(n), soa(n - 1), soa(n + 5), soa(n + 6), soa(n), soa(n)],
    "another SOA last": lambda n: [soa(n), soa(n - 1), soa(n), a("x.example.", 1), soa(n, mname="ns2.example.")],
    "records behind the end": lambda n: sequence(n - 1, n) + [a("x.example.", 1)],
    "records of another zone": lambda n: sequence(n - 1, n, [], [a("www.example.net.", 1)]),
    "no NS left": lambda n: sequence(n - 1, n, [NS]),
    "the SOA goes": lambda n: [soa(n), soa(n - 1), soa(n - 1), soa(n), soa(n)],
    "a CNAME comes beside others": lambda n: sequence(n - 1, n, [], [rr("ns1.example.", "CNAME", "www.example.")]),
}


class Test:
    def __init__(self, stage):
        self.primary = Primary()
        self.ours = stage.add(Anser, template={"refresh-min": "1s", "retry-min": "1s", "timeout": "2s",
                                               "max-records": 2000})
        self.ours.start([Zone(ZONE, primaries=[self.primary])])
        self.ours.wait(ZONE, 1)

    def good(self):
        """A good transfer of a new serial is taken."""
        self.primary.answers = lambda query: [message(query, whole(self.primary.serial))]
        self.primary.serial += 1
        self.ours.tell("zone", "refresh", ZONE)
        self.ours.wait(ZONE, self.primary.serial)
        self.check_served(self.primary.serial)

    def check_served(self, serial):
        answer = self.ours.ask("www.example.", "A")
        check(answer is not None and [str(record[0]) for record in answer.answer] ==
              ["192.0.2.%d" % (serial % 250)], "what is served:", answer)
        check(self.ours.serial(ZONE) == serial, "another serial")

    def failures(self):
        return self.ours.log().count("primary 127.0.0.1")

    def refuses(self, what, answers):
        """The old version stays, and something is said about it."""
        before, old = self.failures(), self.primary.serial
        self.primary.serial = old + 1
        self.primary.answers = answers
        self.ours.tell("zone", "refresh", ZONE)
        until("%s is refused" % what, lambda: self.ours.is_alive() and self.failures() > before)
        self.primary.serial = old
        self.check_served(old)

    def refuses_whole(self, what, records, messages=1):
        def answers(query):
            if query.question[0].rdtype == dns.rdatatype.IXFR:
                return [message(query, [], dns.rcode.NOTIMP)]
            return [message(query, part) for part in split(records, messages)]
        self.refuses(what, answers)

    def goes_on_whole(self, what, make):
        """What is wrong with the differences does not keep all of the zone from being fetched."""
        self.primary.serial += 1
        serial = self.primary.serial

        def answers(query):
            if query.question[0].rdtype == dns.rdatatype.IXFR:
                return [message(query, make(serial))]
            return [message(query, whole(serial))]

        self.primary.answers = answers
        self.primary.asked.clear()
        self.ours.tell("zone", "refresh", ZONE)
        self.ours.wait(ZONE, serial)
        check(self.primary.asked == ["IXFR", "AXFR"], what, self.primary.asked)
        self.check_served(serial)


def has_alarm(test):
    alarms = json.loads(test.ours.tell("status", "--json"))["alarms"]
    check(len(alarms) < 2 and all("IXFR" in alarm for alarm in alarms), alarms)
    check(test.ours.figure("secondary_zones_without_ixfr") == len(alarms), test.ours.tell("metrics"))
    return bool(alarms)


def alarms(test):
    """Differences that are wrong are an alarm until a transfer is good; so is a third refusal, and not the first."""
    until("there is an alarm", lambda: has_alarm(test))
    until("the last is over", lambda: "checking" not in test.ours.tell("zone", "secondaries", ZONE))
    (said,) = json.loads(test.ours.tell("zone", "secondaries", ZONE, "--json"))["secondaries"]
    check(said["ixfr_failures"] == len(DIFFERENCES) and said["ixfr_error"].startswith("127.0.0.1"), said)
    check(said["error"] is None and said["state"] in ("current", "checking"), said)
    test.good()
    until("there is none", lambda: not has_alarm(test))
    for number in range(1, 4):
        test.primary.serial += 1
        test.primary.answers = lambda query: [
            message(query, [], dns.rcode.NOTIMP) if query.question[0].rdtype == dns.rdatatype.IXFR
            else message(query, whole(test.primary.serial))]
        test.ours.tell("zone", "refresh", ZONE)
        until("it is counted", lambda: json.loads(test.ours.tell("zone", "secondaries", ZONE, "--json"))
              ["secondaries"][0]["ixfr_failures"] == number)
        check(has_alarm(test) == (number == 3), "an alarm after", number)
    test.good()
    until("there is none again", lambda: not has_alarm(test))
    say("differences: an alarm")


def headers(test):
    """Messages that are wrong before the first record."""
    good = lambda query, **more: [message(query, whole(test.primary.serial), **more)]
    other = [dns.rrset.RRset(dns.name.from_text("example.net."), 1, dns.rdatatype.AXFR)]
    for what, answers in {
            "another ID": lambda query: good(query, id=query.id ^ 1),
            "another question": lambda query: good(query, question=other),
            "two octets": lambda query: [b"xx"],
            "no octet": lambda query: [b""],
            "an empty answer": lambda query: [message(query, [])],
            "SERVFAIL": lambda query: [message(query, [], dns.rcode.SERVFAIL)],
            "REFUSED": lambda query: [message(query, [], dns.rcode.REFUSED)],
            "a question": lambda query: [query.to_wire()],
            "nothing at all": lambda query: [],
            "nothing, and no end": lambda query: [None],
            "half of it": lambda query: [message(query, whole(test.primary.serial)[:3])],
            "half of it, and no end": lambda query: [message(query, whole(test.primary.serial)[:3]), None],
            "octets beyond the records": lambda query: [good(query)[0] + b"x"],
    }.items():
        test.refuses(what, answers)


def too_much(test):
    """More than the zone may have; it never ends."""
    def answers(query):
        if query.question[0].rdtype == dns.rdatatype.IXFR:
            yield message(query, [], dns.rcode.NOTIMP)
            return
        yield message(query, [soa(test.primary.serial), NS])
        number = 0
        while True:
            yield message(query, [a("n%d.example." % (number * 100 + i), 1) for i in range(100)])
            number += 1
    test.refuses("what never ends", answers)


def cut_anywhere(test):
    """A transfer that ends at each of its records as if that were all."""
    records = whole(test.primary.serial + 1)
    for end in range(1, len(records)):
        test.refuses_whole("%d of %d records" % (end, len(records)), records[:end])


def comes_again(test):
    """Records that are there already may come with a difference."""
    test.primary.serial += 1
    serial = test.primary.serial
    test.primary.answers = lambda query: [message(query, sequence(
        serial - 1, serial, [a("www.example.", (serial - 1) % 250)],
        [NS, a("ns1.example.", 1), a("www.example.", serial % 250)]))]
    test.primary.asked.clear()
    test.ours.tell("zone", "refresh", ZONE)
    test.ours.wait(ZONE, serial)
    check(test.primary.asked == ["IXFR"], "not taken as a difference", test.primary.asked)
    test.check_served(serial)


def falls(test):
    """An older serial is taken by force alone."""
    old = test.primary.serial
    test.primary.serial = old - 1
    test.primary.answers = lambda query: [message(query, whole(test.primary.serial))]
    before = test.failures()
    test.ours.tell("zone", "retransfer", ZONE)
    until("an older serial is refused", lambda: test.failures() > before)
    test.check_served(old)
    test.ours.tell("zone", "retransfer", ZONE, "--force")
    test.ours.wait(ZONE, old - 1)
    test.check_served(old - 1)


def main():
    with Stage("hostile-primary") as stage:
        test = Test(stage)
        for messages in (1, 3):
            for what, make in WHOLE.items():
                test.refuses_whole(what, make(test.primary.serial + 1), messages)
            test.good()
        for what, make in IN_ONE_MESSAGE.items():
            test.refuses_whole(what, make(test.primary.serial + 1))
        say("whole zones: refused")
        cut_anywhere(test)
        headers(test)
        too_much(test)
        test.good()
        say("messages: refused")
        for what, make in DIFFERENCES.items():
            test.goes_on_whole(what, make)
        say("differences: the whole zone instead")
        alarms(test)
        comes_again(test)
        falls(test)
        test.good()
        test.ours.stop()
    return 0


if __name__ == "__main__":
    sys.exit(passes(main))
