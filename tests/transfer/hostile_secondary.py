#!/usr/bin/python3
"""Secondaries, and those who would like to be taken for one, that do what they should not. Each case has source
addresses of its own; whatever it does, a well-behaved secondary at another address then has the whole zone, and
the server lives.
"""

import contextlib
import random
import select
import socket
import struct
import sys
import threading
import time

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from peers import Anser, Key, Stage, Zone, contents_of, same
from checks import busy_seconds, check, keeps_little, memory_text, passes, resident, say, until

NAME = "example."
SECRET = "secret.test."
HOSTS = 6000  # more than a spool keeps in memory
TEXT = """$ORIGIN %s
$TTL 60
@ SOA ns1 hostmaster 100 3600 600 864000 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.2
""" % NAME + "".join("host%d TXT \"%s\"\n" % (i, "x" * 200) for i in range(HOSTS))
SMALL = TEXT.split("host0 ", 1)[0].replace(NAME, SECRET)
KEY = Key("secret.key.")
PENDING = 131072
CONNECTIONS, PER_CLIENT, TRANSFERS = 200, 50, 8
CHANGES = 5
MEMORY = 160 << 20  # when all is over; without a sanitizer it is a quarter of that
IXFR, AXFR = dns.rdatatype.IXFR, dns.rdatatype.AXFR


class Server(Anser):
    """Anybody here may have its zones, so that each case can come from where it likes to."""

    def __init__(self, directory):
        super().__init__(directory, ["tcp:", "  write-timeout: 1s", "  read-timeout: 1s", "  idle-timeout: 2s",
                                     "  max-connections: %d" % CONNECTIONS, "  max-per-client: %d" % PER_CLIENT,
                                     "  max-pending: %d" % PENDING, "transfer:", "  max-out: %d" % (3 * TRANSFERS),
                                     "  max-out-per-client: %d" % TRANSFERS])
        self.neighbours = "127.0.0.0/16"
        self.environment = keeps_little()

    def resident(self):
        return resident(self.process.pid)


class Client:
    """A connection from 127.0.n.m."""

    def __init__(self, server, source, buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.bind((source, 0))
        self.socket.connect((server.address, server.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(struct.pack("!H", len(wire)) + wire for wire in messages))

    def take(self, size):
        octets = bytearray()
        while len(octets) < size:
            piece = self.socket.recv(size - len(octets))
            if not piece:
                return None
            octets += piece
        return bytes(octets)

    def message(self):
        """None: the connection has ended."""
        try:
            head = self.take(2)
            return head and self.take(struct.unpack("!H", head)[0])
        except ConnectionError:
            return None

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def is_cut(self):
        """Throws away what still comes."""
        self.socket.settimeout(0.001)
        try:
            return not self.socket.recv(65536)
        except TimeoutError:
            return False
        except ConnectionError:
            return True


def question(rrtype, number=1, name=NAME):
    return dns.message.make_query(name, rrtype, id=number, use_edns=False).to_wire()


def soa(serial, name=NAME, rdata=None):
    """As a record of bytes."""
    rdata = rdata if rdata is not None else b"\0\0" + struct.pack("!IIIII", serial & 0xffffffff, 0, 0, 0, 0)
    return dns.name.from_text(name).to_wire() + struct.pack("!HHIH", 6, 1, 0, len(rdata)) + rdata


def ixfr(authority, number=1, answer=(), additional=(), counts=None):
    """An IXFR with these records, and with these numbers of them in its header."""
    wire = question(IXFR, number)
    counts = counts or (len(answer), len(authority), len(additional))
    return wire[:6] + struct.pack("!HHH", *counts) + wire[12:] + b"".join([*answer, *authority, *additional])


def rcode(message):
    return message[3] & 15


class Test:
    def __init__(self, stage):
        self.server = stage.add(Server)
        self.server.start([Zone(NAME, text=TEXT), Zone(SECRET, text=SMALL, key=KEY)])
        for i in range(CHANGES):
            self.server.tell("record", "set", "www." + NAME, "60", "A", "192.0.2.%d" % (10 + i))
        self.wanted = self.server.records(NAME)
        check(len(self.wanted) == len(contents_of(TEXT, NAME)), "the zone is another")
        self.serial = self.server.serial(NAME)

    def good(self):
        """A secondary of good manners gets all of it, and the server answers questions."""
        self.server.is_alive()
        until("a place for a transfer", self.has_place)
        same(self.wanted, self.server.records(NAME), "what a good secondary gets")
        check(self.server.ask("www." + NAME, "A", tcp=True, timeout=10) is not None, "no answer over TCP")
        check(self.server.ask("www." + NAME, "A", timeout=10) is not None, "no answer over UDP")

    def has_place(self):
        return self.server.tell("zone", "transfers", "--json").count("\"octets\"") < TRANSFERS

    def client(self, source, **more):
        return Client(self.server, source, **more)


# ---- those who do not take what they asked for ----

def nothing_is_read(test):
    """Transfers that nobody takes hold little memory, and end."""
    before = test.server.resident()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(test.client("127.0.1.%d" % (1 + i), buffer=4096)) for i in range(2 * TRANSFERS)]
        for client in clients:
            client.send(question(AXFR))
        test.good()
        grown = test.server.resident() - before
        most = (2 * TRANSFERS + 1) * 3 * (PENDING + 65537) + (16 << 20)
        check(grown < most, "memory grew by", grown, "octets, more than", most)
        until("all who read nothing are cut", lambda: all([is_reset(client) for client in clients]))


def is_reset(client):
    poll = select.poll()
    poll.register(client.socket, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def little_is_read(test):
    """An octet now and then is not enough to hold a place for ever."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(test.client("127.0.2.%d" % (1 + i), buffer=4096)) for i in range(TRANSFERS)]
        for client in clients:
            client.send(question(AXFR))

        until("all who read little are cut", lambda: not any([takes_an_octet(client) for client in clients]))


def takes_an_octet(client):
    """False: there is nobody any more who would give more than that."""
    time.sleep(0.01)
    client.socket.settimeout(0.001)
    with contextlib.suppress(OSError):
        client.socket.recv(1)
    return not is_reset(client)


# ---- those who do not ask ----

def half_requests(test):
    """More of them than there may be connections; some never go on, some by an octet at a time."""
    whole = struct.pack("!H", len(question(AXFR))) + question(AXFR)
    clients = []
    try:
        for i in range(3 * CONNECTIONS):
            with contextlib.suppress(ConnectionError):
                client = test.client("127.0.3.%d" % (1 + i % 200))
                clients.append(client)
                client.socket.sendall(whole[:random.randrange(1, len(whole) - 1)])
        for _ in range(3):
            for client in clients[::3]:
                with contextlib.suppress(OSError):
                    client.socket.sendall(b"\0")
        until("all of them are cut", lambda: all([client.is_cut() for client in clients]))
    finally:
        for client in clients:
            client.socket.close()


def come_and_go(test):
    """Thousands, each with half a request and then a reset."""
    for i in range(3000):
        with contextlib.suppress(ConnectionError):
            client = test.client("127.0.4.%d" % (1 + i % 250))
            client.send(question(AXFR)[:random.randrange(2, 20)])
            client.reset()


# ---- those who ask too much ----

def floods(test):
    """Each client has its share of transfers; the others' are refused or served, and nobody's is cut short. All of it
    is packed once."""
    outcomes, threads = [], []

    def ask(source):
        with test.client(source) as client:
            client.send(*[question(AXFR, i) for i in range(60)])
            outcomes.append(count_answers(client, 60))

    before = test.server.spooled()
    threads = [threading.Thread(target=ask, args=("127.0.5.%d" % (1 + i),)) for i in range(12)]
    for thread in threads:
        thread.start()
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, test.server.spooled() - before)
        time.sleep(0.01)
    check(len(outcomes) == 12 and all(sum(each) == 60 for each in outcomes), "not all are answered:", outcomes)
    check(sum(whole for whole, _ in outcomes) >= 12, "hardly anybody is served:", outcomes)
    check(most < 8 << 20, "spools of", most, "octets")


def count_answers(client, number):
    """(whole transfers, refusals) of so many, whose messages come mixed."""
    records, whole, failed = {}, 0, 0
    while whole + failed < number:
        wire = client.message()
        check(wire is not None, "ended after", whole, "transfers and", failed, "refusals")
        ident, count = struct.unpack("!H", wire[:2])[0], struct.unpack("!H", wire[6:8])[0]
        if rcode(wire):
            check(ident not in records, "refused after it had begun")
            failed += 1
            continue
        records[ident] = records.get(ident, 0) + count
        if records[ident] == HOSTS + 5:
            whole += 1
        check(records[ident] <= HOSTS + 5, "more than the zone has")
    return whole, failed


def pipelined(test):
    """AXFR, IXFR and questions on one connection: each gets what it asked for, whole and in order."""
    wire = []
    for i in range(6):
        wire += [question(AXFR, 100 + i), ixfr([soa(test.serial - 1 - i % CHANGES)], 200 + i),
                 question(dns.rdatatype.A, 300 + i, "www." + NAME)]
    answers = {}
    with test.client("127.0.6.1") as client:
        client.send(*wire)
        while not complete(answers, wire):
            got = client.message()
            check(got is not None, "ended with", sorted(answers))
            answers.setdefault(struct.unpack("!H", got[:2])[0], []).append(got)
    for ident, messages in answers.items():
        check(len({rcode(message) for message in messages}) == 1, "of two minds about", ident)
    axfr = [messages for ident, messages in answers.items() if 100 <= ident < 200 and not rcode(messages[0])]
    check(axfr, "no AXFR is answered")
    for messages in axfr:
        check([message[2:] for message in messages] == [message[2:] for message in axfr[0]], "not the same")


def complete(answers, asked):
    if len(answers) < len(asked):
        return False
    return all(rcode(messages[0]) or not 100 <= ident < 200 or
               sum(struct.unpack("!H", message[6:8])[0] for message in messages) == HOSTS + 5
               for ident, messages in answers.items())


def all_alike(test):
    """Many with one ID, and unread, then gone."""
    for i in range(10):
        client = test.client("127.0.7.%d" % (1 + i), buffer=4096)
        client.send(*[question(AXFR, 7)] * 500)
        client.take(2)
        client.reset()


def many_serials(test):
    """Differences since serials that nobody ever had are the whole zone, which is packed once for all of them."""
    before = test.server.spooled()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(test.client("127.0.8.%d" % (1 + i), buffer=4096)) for i in range(3)]
        for number, client in enumerate(clients):
            client.send(*[ixfr([soa(test.serial - 5000 - 100 * number - i)], i) for i in range(TRANSFERS)])
        for client in clients:
            check(client.take(2), "nothing comes")
        time.sleep(0.3)
        spooled = test.server.spooled() - before
        check(spooled < 8 << 20, "spools of", spooled, "octets")


def datagrams(test):
    """A flood of IXFR over UDP, whose sources may be anybody, does not keep others from their transfers."""
    ended = threading.Event()

    def flood():
        sockets = []
        for i in range(50):
            sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[-1].bind(("127.0.9.%d" % (1 + i), 0))
        number = 0
        while not ended.is_set():
            for each in sockets:
                number += 1
                each.sendto(ixfr([soa(test.serial - number % 7)], number & 0xffff), (test.server.address, test.server.port))
            time.sleep(0.001)
        for each in sockets:
            each.close()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(8):
            same(test.wanted, test.server.records(NAME), "what a good secondary gets")
    finally:
        ended.set()
        thread.join()


# ---- those who ask wrongly ----

def wrong_keys(test):
    """Only the right key has the zone; the others are answered, briefly, and the connection goes on."""
    right = dns.message.make_query(SECRET, AXFR, id=1)
    right.use_tsig(**KEY.signing())
    wire = right.to_wire()
    other_name, other_secret = Key("other.key."), Key("secret.key.")
    other_secret.secret = Key("quite.another.").secret
    made = {"no key": question(AXFR, 1, SECRET)}
    for what, key in (("an unknown key", other_name), ("a wrong secret", other_secret)):
        message = dns.message.make_query(SECRET, AXFR, id=1)
        message.use_tsig(**key.signing())
        made[what] = message.to_wire()
    for what, seconds in (("of an hour ago", -3600), ("of tomorrow", 86400)):
        message = dns.message.make_query(SECRET, AXFR, id=1)
        message.use_tsig(**KEY.signing())
        made[what] = signed_at(message, time.time() + seconds)
    made["behind it something else"] = wire[:11] + b"\2" + wire[12:] + soa(1, SECRET)
    made["twice"] = wire[:11] + b"\3" + wire[12:] + wire[len(question(AXFR, 1, SECRET)):]
    made["of another question"] = wire.replace(b"\6secret\4test", b"\6sacret\4test", 1)
    for at in range(len(wire) - 100, len(wire)):
        made["an octet changed at %d" % at] = wire[:at] + bytes([wire[at] ^ 0x41]) + wire[at + 1:]
    for end in range(len(question(AXFR)), len(wire)):
        made["cut at %d" % end] = wire[:end]
    with test.client("127.0.10.1") as client:
        for what, each in made.items():
            client.send(each)
            answer = client.message()
            check(answer is not None and rcode(answer) and answer[6:8] == b"\0\0", what, answer and rcode(answer))
    same(contents_of(SMALL, SECRET), test.server.records(SECRET), "the secret zone")


def signed_at(message, when):
    real = time.time
    time.time = lambda: when
    try:
        return message.to_wire()
    finally:
        time.time = real


def strange_serials(test):
    """Any serial has an answer that is one, over UDP and TCP."""
    now = test.serial
    serials = [0, 1, now, now + 1, now - 1, now - CHANGES, now - CHANGES - 1, 0x7fffffff, 0x80000000, 0xffffffff,
               now + 0x7fffffff, now + 0x80000000, now + 0x80000001]
    with test.client("127.0.11.1") as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams_to:
        datagrams_to.settimeout(10)
        datagrams_to.bind(("127.0.11.2", 0))
        for number, serial in enumerate(serials):
            client.send(ixfr([soa(serial)], number))
            check(count_ixfr(client, now) > 0, "no answer to", serial)
            datagrams_to.sendto(ixfr([soa(serial)], number), (test.server.address, test.server.port))
            answer = dns.message.from_wire(datagrams_to.recv(65536), one_rr_per_rrset=True)
            check(answer.rcode() == 0 and answer.answer[0][0].serial == now, "over UDP", serial, answer)


def count_ixfr(client, serial):
    """The records of an answer, whichever kind it is."""
    records = []
    while True:
        wire = client.message()
        check(wire is not None, "the connection ended")
        message = dns.message.from_wire(wire, one_rr_per_rrset=True, xfr=True, origin=dns.name.from_text(NAME))
        check(message.rcode() == 0, "rcode", message.rcode())
        records += [(each.rdtype, each[0]) for each in message.answer]
        ends = [i for i, (rrtype, rdata) in enumerate(records)
                if rrtype == dns.rdatatype.SOA and rdata.serial == serial]
        alone = len(records) == 1
        differences = len(records) > 1 and records[1][0] == dns.rdatatype.SOA
        if alone or len(ends) == (3 if differences else 2):
            return len(records)


# What else may stand where the serial should; each is answered once, by an error.
NAMELESS = struct.pack("!IIIII", 1, 0, 0, 0, 0)
STRANGE = {
    "no authority": lambda n: ixfr([], n),
    "an SOA in the answer": lambda n: ixfr([], n, answer=[soa(1)]),
    "an SOA in the additional section": lambda n: ixfr([], n, additional=[soa(1)]),
    "an SOA of another zone": lambda n: ixfr([soa(1, "example.net.")], n),
    "an SOA of a name below": lambda n: ixfr([soa(1, "www." + NAME)], n),
    "an SOA without numbers": lambda n: ixfr([soa(1, rdata=b"\0\0")], n),
    "an SOA without anything": lambda n: ixfr([soa(1, rdata=b"")], n),
    "an SOA cut short": lambda n: ixfr([soa(1, rdata=b"\0\0" + NAMELESS[:-1])], n),
    "an SOA too long": lambda n: ixfr([soa(1, rdata=b"\0\0" + NAMELESS + b"x")], n),
    "an SOA whose name is beyond its end": lambda n: ixfr([soa(1, rdata=b"\x3f" + NAMELESS)], n),
    "an SOA that points to itself": lambda n: ixfr([soa(1, rdata=b"\xc0\x2c\0" + NAMELESS)], n),
    "an SOA that points ahead": lambda n: ixfr([soa(1, rdata=b"\xff\xff\0" + NAMELESS)], n),
    "an NS": lambda n: ixfr([soa(1).replace(b"\0\6\0\1", b"\0\2\0\1", 1)], n),
    "more than there is": lambda n: ixfr([soa(1)], n, counts=(0, 2, 0)),
    "very much more": lambda n: ixfr([soa(1)], n, counts=(65535, 65535, 65535)),
    "less than there is": lambda n: ixfr([soa(1)], n, counts=(0, 0, 0)),
}


def strange_authority(test):
    with test.client("127.0.12.1") as client:
        for number, (what, make) in enumerate(STRANGE.items()):
            client.send(make(number))
            answer = client.message()
            check(answer is not None and rcode(answer) == dns.rcode.FORMERR, what, answer and rcode(answer))
        wire = ixfr([soa(1)], 77)
        for end in range(13, len(wire)):
            client.send(wire[:end])
            answer = client.message()
            check(answer is not None and rcode(answer) == dns.rcode.FORMERR, "cut at", end, answer and rcode(answer))
    dice = random.Random(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.12.2", 0))
        for number in range(3000):
            wire = bytearray(ixfr([soa(test.serial - 1), soa(2)], number))
            for _ in range(dice.randrange(1, 8)):
                wire[dice.randrange(2, len(wire))] = dice.randrange(256)
            sender.sendto(wire, (test.server.address, test.server.port))


# ---- those who go ----

def resets(test):
    """At every stage of a transfer, while others have theirs."""
    dice = random.Random(3)
    for i in range(300):
        with contextlib.suppress(ConnectionError):
            client = test.client("127.0.13.%d" % (1 + i % 200))
            client.send(question(AXFR) if i % 2 else ixfr([soa(test.serial - i)]))
            client.take(dice.choice((0, 0, 1, 2, 1000, 20000, 200000)))
            if i % 3:
                client.reset()
            else:
                client.socket.close()


def says_no_more(test):
    """Who says that he has nothing more to ask is still given what he asked for."""
    with test.client("127.0.14.1") as client:
        client.send(question(AXFR, 1), question(AXFR, 2))
        client.socket.shutdown(socket.SHUT_WR)
        check(count_answers(client, 2) == (2, 0), "not both")


CASES = (nothing_is_read, little_is_read, half_requests, come_and_go, floods, pipelined, all_alike, many_serials,
         datagrams, wrong_keys, strange_serials, strange_authority, resets, says_no_more)


def main():
    with Stage("hostile-secondary") as stage:
        test = Test(stage)
        for case in CASES:
            if sys.argv[1:] and case.__name__ not in sys.argv[1:]:
                continue
            busy = busy_seconds(test.server.process.pid)
            case(test)
            test.good()
            say("%s: %.2f s of processor, %d MiB" % (case.__name__, busy_seconds(test.server.process.pid) - busy, test.server.resident() >> 20))
        until("all places are free again",
              lambda: "\"octets\"" not in test.server.tell("zone", "transfers", "--json"))
        process = test.server.process
        check(test.server.resident() < MEMORY, "memory:", memory_text(process.pid))
        test.server.stop()
        check(process.returncode == 0, "ended with", process.returncode)


if __name__ == "__main__":
    sys.exit(passes(main))
