#!/usr/bin/python3
"""What hostile, broken and merely impatient TCP clients get from anser-control.

Starts anser-control of ANSER_BIN_DIR (or of the directory given as argument) without a data
plane: TCP is answered by the control plane alone. Every case has its own source address, so that
the caps per client do not mix the cases.
"""

import contextlib
import os
import random
import select
import socket
import struct
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode

from checks import (SKIP, Failure, Programs, busy_seconds, check, end_process, free_port, has_ipv6, keeps_little,
                    resident, until)

IDLE, READ, WRITE = 1.0, 0.6, 0.8  # seconds, as configured
LATE = 1.0                         # how much later than that is still in time
PATIENCE = 5.0
CONNECTIONS, PER_CLIENT = 40, 10
PENDING = 131072

ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
""" + "".join('big TXT "%s"\n' % ("%02d" % i * 120) for i in range(40))

CONFIG = """server:
  listen: [%(listen)s]
tcp:
  max-connections: %(connections)d
  max-per-client: %(per_client)d
  idle-timeout: %(idle)dms
  read-timeout: %(read)dms
  write-timeout: %(write)dms
  max-pending: %(pending)d
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones:
  - { name: example., file: example.zone }
"""


class Server(Programs):
    def __init__(self, binary):
        super().__init__("anser-tcp")
        self.port = free_port()
        self.ipv6 = has_ipv6()
        listen = ['"127.0.0.1@%d"' % self.port]
        if self.ipv6:
            listen.append('"::1@%d"' % self.port)
        values = {
            "listen": ", ".join(listen), "connections": CONNECTIONS,
            "per_client": PER_CLIENT, "idle": IDLE * 1000, "read": READ * 1000,
            "write": WRITE * 1000, "pending": PENDING,
        }
        self.write("example.zone", ZONE)
        self.write("anser.yaml", CONFIG % values)
        self.process = self.spawn(binary, "-c", self.path("anser.yaml"), **keeps_little())

    def answers(self):
        self.check_alive()
        with contextlib.suppress(OSError, Failure), Client(self, 1) as client:
            client.send(query("example.", "SOA"))
            return client.answer().rcode() == dns.rcode.NOERROR
        return False

    def check_alive(self):
        status = self.process.poll()
        check(status is None, "anser-control has ended with %s" % status)

    def busy_seconds(self):
        return busy_seconds(self.process.pid)

    def stop(self):
        return end_process(self.process)


class Client:
    """A connection from 127.0.0.source."""

    def __init__(self, server, source, receive_buffer=None, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET:
            self.socket.bind(("127.0.0.%d" % source, 0))
        self.socket.connect((address, server.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def receive(self, count):
        octets = bytearray()
        while len(octets) < count:
            piece = self.socket.recv(count - len(octets))
            check(piece, "closed after %d of %d octets" % (len(octets), count))
            octets += piece
        return bytes(octets)

    def octets(self):
        return self.receive(struct.unpack("!H", self.receive(2))[0])

    def answer(self):
        message = dns.message.from_wire(self.octets())
        check(message.flags & dns.flags.QR, "not a response")
        return message

    def works(self, ident=4711):
        self.send(query("www.example.", "A", ident))
        message = self.answer()
        check(message.id == ident, "answer to another query")
        check(message.rcode() == dns.rcode.NOERROR and message.answer, "no answer")

    def seconds_until_closed(self):
        """Throws away what still comes. A reset counts as closed."""
        start = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(65536):
                pass
        return time.monotonic() - start

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def frame(octets):
    return struct.pack("!H", len(octets)) + octets


def query(name, rdtype, ident=1, **edns):
    message = dns.message.make_query(name, rdtype, id=ident, **edns)
    return frame(message.to_wire())


def check_near(seconds, limit, what):
    check(limit - 0.1 <= seconds <= limit + LATE,
          "%s after %.2f s, the limit is %.2f s" % (what, seconds, limit))


def check_refused(server, source):
    """The reset may come as early as the connection."""
    start = time.monotonic()
    with contextlib.suppress(ConnectionResetError), Client(server, source) as client:
        client.seconds_until_closed()
    check_at_once(time.monotonic() - start)


def check_at_once(seconds):
    check(seconds < IDLE / 2, "closed only after %.2f s" % seconds)


# ---- cases ----

def thousand_queries_in_one_go(server, source):
    with Client(server, source) as client:
        client.send(b"".join(query("www.example.", "A", i) for i in range(1000)))
        for i in range(1000):
            check(client.answer().id == i, "answer %d is out of order" % i)
        client.works()


def large_answers_pipelined(server, source):
    with Client(server, source) as client:
        client.send(query("big.example.", "TXT", 7))
        one = client.octets()
        check(len(one) > 9000, "the large answer has only %d octets" % len(one))
        client.send(query("big.example.", "TXT", 7) * 300)
        time.sleep(READ / 2)
        for i in range(300):
            check(client.octets() == one, "large answer %d differs" % i)


def byte_by_byte(server, source):
    with Client(server, source) as client:
        for octet in query("www.example.", "A", 5) + query("www.example.", "A", 6):
            client.send(bytes([octet]))
            time.sleep(0.002)
        check(client.answer().id == 5, "first answer")
        check(client.answer().id == 6, "second answer")


def ipv6(server, source):
    if not server.ipv6:
        return
    with Client(server, source, address="::1") as client:
        client.works()


def keepalive_is_announced(server, source):
    option = dns.edns.GenericOption(dns.edns.OptionType(11), b"")
    with Client(server, source) as client:
        client.send(query("www.example.", "A", use_edns=0, options=[option]))
        found = [o for o in client.answer().options if o.otype == 11]
        check(len(found) == 1, "no edns-tcp-keepalive (RFC 7828)")
        value = struct.unpack("!H", found[0].to_wire())[0]
        check(value == IDLE * 10, "announces %d00 ms" % value)
        client.send(query("www.example.", "A", use_edns=0))
        check(not [o for o in client.answer().options if o.otype == 11], "not asked for")


def idle_connection(server, source):
    with Client(server, source) as client:
        check_near(client.seconds_until_closed(), IDLE, "idle connection cut")


def slow_message(server, source):
    with Client(server, source) as client:
        octets = query("www.example.", "A")
        start = time.monotonic()
        for i in range(len(octets) - 1):
            client.send(octets[i:i + 1])
            if select.select([client.socket], [], [], READ / 10)[0]:
                break
        client.seconds_until_closed()
        check_near(time.monotonic() - start, READ, "slow message cut")


def announced_but_not_sent(server, source):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server, source)) for _ in range(PER_CLIENT)]
        for client in clients:
            client.send(b"\xff\xff" + bytes(16))
        with Client(server, source + 1) as other:
            start = time.monotonic()
            other.works()
            check(time.monotonic() - start < 0.3, "others have to wait")
        start = time.monotonic()
        for client in clients:
            client.seconds_until_closed()
        check_near(time.monotonic() - start, READ, "begun messages cut")


def nothing_is_read(server, source):
    """Clients that ask for 10 MB each and take nothing."""
    with contextlib.ExitStack() as stack:
        before = resident(server.process.pid)
        clients = [stack.enter_context(Client(server, source, receive_buffer=4096))
                   for _ in range(PER_CLIENT)]
        start = time.monotonic()
        for client in clients:
            client.send(query("big.example.", "TXT") * 1000)
        time.sleep(WRITE / 2)
        with Client(server, source + 1) as other:
            other.works()
        grown = resident(server.process.pid) - before
        # Responses waiting (one more than the limit, memory up to 1.5 times that) and input
        # waiting, and as much again for what the allocator does with it.
        most = PER_CLIENT * 2 * ((PENDING + 65537) * 3 // 2 + 65536)
        check(grown < most, "memory grew by %d bytes" % grown)
        while time.monotonic() - start < WRITE + LATE:
            if all(is_reset(client) for client in clients):
                break
            time.sleep(0.02)
        check_near(time.monotonic() - start, WRITE, "clients that take nothing cut")


def is_reset(client):
    poll = select.poll()
    poll.register(client.socket, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def reads_late(server, source):
    """A client that pauses for less than the limit gets everything."""
    with Client(server, source, receive_buffer=16384) as client:
        client.send(query("big.example.", "TXT") * 200)
        for _ in range(4):
            time.sleep(WRITE / 4)
            for _ in range(50):
                client.octets()


def takes_little(server, source):
    """A client that takes something, however little, within each write timeout is not cut."""
    with Client(server, source, receive_buffer=8192) as client:
        client.send(query("big.example.", "TXT") * 200)
        end = time.monotonic() + 3 * WRITE
        while time.monotonic() < end:
            client.receive(8192)
            time.sleep(WRITE / 4)


def per_client_cap(server, source):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server, source)) for _ in range(PER_CLIENT)]
        for client in clients:
            client.works()
        check_refused(server, source)
        with Client(server, source + 1) as other:
            other.works()
        for client in clients:
            client.works()


def total_cap(server, source):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server, source + i // PER_CLIENT))
                   for i in range(CONNECTIONS)]
        for client in clients:
            client.works()
        with Client(server, source + CONNECTIONS) as newest:
            newest.works()
            check_at_once(clients[0].seconds_until_closed())
            for client in clients[1:]:
                client.works()


def total_cap_of_busy_clients(server, source):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server, source + i // PER_CLIENT))
                   for i in range(CONNECTIONS)]
        for client in clients:
            client.send(b"\0\x20half")
        time.sleep(0.1)
        check_refused(server, source + CONNECTIONS)


def come_and_go(server, source):
    for i in range(300):
        client = Client(server, source + i % 20)
        # They come faster than the server learns that others have gone: the caps may hit them.
        with contextlib.suppress(ConnectionError):
            if i % 3:
                client.send(query("big.example.", "TXT") * (i % 7))
        if i % 2:
            client.reset()
        else:
            client.socket.close()
    time.sleep(0.1)
    with contextlib.ExitStack() as stack:
        for _ in range(PER_CLIENT):
            stack.enter_context(Client(server, source)).works()


def shut_down_then_read(server, source):
    with Client(server, source) as client:
        client.send(query("big.example.", "TXT") * 40 + query("www.example.", "A", 9)[:-3])
        client.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.1)
        for _ in range(40):
            check(len(client.octets()) > 9000, "answer after shutdown")
        check_at_once(client.seconds_until_closed())


def bad_lengths(server, source):
    for length in (0, 1, 11):
        with Client(server, source) as client:
            client.send(query("www.example.", "A", 3) + struct.pack("!H", length) + bytes(20000))
            check(client.answer().id == 3, "the query before it is answered")
            check_at_once(client.seconds_until_closed())


def largest_message_of_garbage(server, source):
    with Client(server, source) as client:
        header = struct.pack("!HHHHHH", 77, 0, 1, 0, 0, 0)
        client.send(frame(header + b"\xff" * (65535 - len(header))))
        answer = client.octets()
        check(answer[:2] == header[:2] and answer[3] & 15 == dns.rcode.FORMERR, "no FORMERR")
        client.works()


def random_garbage(server, source):
    chance = random.Random(1)
    for i in range(150):
        with Client(server, source + i % 20) as client:
            octets = bytearray(chance.randbytes(chance.randrange(1, 3000)))
            if i % 2:
                octets = bytearray(query("www.example.", "A") * 5)
                for _ in range(chance.randrange(1, 20)):
                    octets[chance.randrange(len(octets))] = chance.randrange(256)
            client.send(octets)
            client.socket.shutdown(socket.SHUT_WR)
            check(client.seconds_until_closed() < READ + LATE, "stays open")


def garbage_after_a_query(server, source):
    with Client(server, source) as client:
        client.send(query("www.example.", "A", 21) + b"\xff\xff" + b"\xff" * 100)
        check(client.answer().id == 21, "the query before it is answered")
        check_near(client.seconds_until_closed(), READ, "garbage cut")


def responses_are_not_answered(server, source):
    with Client(server, source) as client:
        octets = bytearray(query("www.example.", "A", 8))
        octets[4] |= 0x80
        client.send(octets)
        client.works()


CASES = (
    thousand_queries_in_one_go, large_answers_pipelined, byte_by_byte, ipv6,
    keepalive_is_announced, idle_connection, slow_message, announced_but_not_sent,
    nothing_is_read, reads_late, takes_little, per_client_cap, total_cap, total_cap_of_busy_clients,
    come_and_go, shut_down_then_read, bad_lengths, largest_message_of_garbage, random_garbage,
    garbage_after_a_query, responses_are_not_answered,
)


def run_cases(server):
    failed = 0
    for number, case in enumerate(CASES):
        start = time.monotonic()
        busy = server.busy_seconds()
        result = "ok"
        try:
            case(server, 2 + number)
            server.check_alive()
        except (Failure, OSError, dns.exception.DNSException) as error:
            failed += 1
            result = "FAILED: %s: %s" % (type(error).__name__, error)
            server.check_alive()
        print("%-30s %5.2f s, %.2f s of processor: %s" % (
            case.__name__, time.monotonic() - start, server.busy_seconds() - busy, result))
    return failed


def main():
    binaries = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ANSER_BIN_DIR", "")
    binary = os.path.abspath(os.path.join(binaries, "anser-control"))
    if not os.access(binary, os.X_OK):
        print("skipped: no anser-control in ANSER_BIN_DIR (%r)" % binaries)
        return SKIP
    with Server(binary) as server:
        failed = len(CASES)
        try:
            until("an answer of the zone", server.answers, 10)
            failed = run_cases(server)
            server.check_alive()
        except Failure as failure:
            print(failure)
            failed += 1
        status = server.stop()
        if status != 0:
            print("anser-control ended with %d after SIGTERM" % status)
            failed += 1
        if failed:
            print(server.log())
    print("%d of %d cases failed" % (failed, len(CASES)) if failed else "all cases passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
