"""What the bar of dynamic updates is made of: one client that sends updates of one record each, signed with
TSIG, over one TCP connection, so many of them ahead of their answers. What is answered is durable.

    perf/updates.py [COUNT [AHEAD]]     Anser's figure and knotd's
"""
import base64
import hmac
import socket
import struct
import sys
import threading
import time

import changes
import data
import servers
import wire
from servers import Failed
from wire import CLASS_ANY, OPCODE_UPDATE, TYPE_A, TYPE_SOA, TYPE_TSIG

KEY = "update.key."
SECRET = b"0123456789abcdef" * 2
ALGORITHM = "hmac-sha256."
NAMES = 10000  # of the zone that is updated
FUDGE = 300
PATIENCE = 60

TTL = 300


def update(number, now):
    """The message that adds the so-manieth record, with its TSIG and its length before it."""
    name, wanted = changes.added(number)
    sections = wire.question(data.ORIGIN, TYPE_SOA) + wire.record(
        name, TYPE_A, TTL, socket.inet_aton(wanted))
    message = wire.header(number, OPCODE_UPDATE, 1, 0, 1) + sections
    key, algorithm = wire.name(KEY), wire.name(ALGORITHM)
    when = struct.pack("!HIH", now >> 32, now & 0xffffffff, FUDGE)
    mac = hmac.digest(SECRET, message + key + struct.pack("!HI", CLASS_ANY, 0) + algorithm + when +
                      struct.pack("!HH", 0, 0), "sha256")
    rdata = algorithm + when + struct.pack("!H", len(mac)) + mac + struct.pack(
        "!HHH", number & 0xffff, 0, 0)
    message = wire.header(number, OPCODE_UPDATE, 1, 0, 1, 1) + sections + wire.record(
        KEY, TYPE_TSIG, 0, rdata, CLASS_ANY)
    return struct.pack("!H", len(message)) + message


class Answers:
    """Of one connection: each must be there, signed, and say that it is done."""

    def __init__(self, sock, ahead):
        self.socket = sock
        self.room = threading.Semaphore(ahead)
        self.count = 0
        self.wrong = None

    def read(self, count):
        rest = b""
        try:
            while self.count < count:
                part = self.socket.recv(65536)
                if not part:
                    raise Failed(f"the connection ends after {self.count} answers")
                rest = self.take(rest + part)
        except (OSError, Failed) as e:
            self.wrong = e
            self.room.release(count)

    def take(self, octets):
        at = 0
        while len(octets) - at >= 2:
            size = octets[at] << 8 | octets[at + 1]
            if len(octets) - at < 2 + size:
                break
            message = octets[at + 2:at + 2 + size]
            if wire.rcode(message) or message[11] != 1:
                raise Failed(f"an update is answered with {message.hex()}")
            self.count += 1
            self.room.release()
            at += 2 + size
        return octets[at:]


def stream(server, count, ahead):
    """Updates a second."""
    messages = [update(number, int(time.time())) for number in range(count)]
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = Answers(sock, ahead)
        reader = threading.Thread(target=answers.read, args=(count,))
        reader.start()
        began = time.monotonic()
        for message in messages:
            answers.room.acquire()
            if answers.wrong:
                break
            sock.sendall(message)
        reader.join()
        took = time.monotonic() - began
    if answers.wrong:
        raise Failed(f"{server.name}: {answers.wrong}")
    name, wanted = changes.added(count - 1)
    changes.wait_for(server, name, wanted)
    return count / took


class Anser(servers.Anser):
    def contents(self):
        secret = base64.b64encode(SECRET).decode()
        (origin, path), = self.zones
        return ["keys:", f"  - name: {KEY}", "    algorithm: hmac-sha256", f"    secret: {secret}",
                "acls:", "  - name: updates", f"    keys: {KEY}", "    actions: update",
                "zones:", f"  - name: {origin}", f"    file: {path}", "    acls: updates"]


class Knot(servers.Knot):
    """Its journal is on the disk before it answers, as Anser's store is."""

    def config(self):
        secret = base64.b64encode(SECRET).decode()
        (origin, path), = self.zones
        return "\n".join([
            "server:", f"  rundir: {self.dir}", f"  listen: {self.addresses()}",
            "  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1",
            "log:", "  - target: stderr", "    any: error",
            "database:", f"  storage: {self.dir}", "  journal-db-mode: robust",
            "key:", f"  - id: {KEY}", "    algorithm: hmac-sha256", f"    secret: {secret}",
            "acl:", "  - id: updates", f"    key: {KEY}", "    action: update",
            "template:", "  - id: default", "    zonefile-sync: -1", "    journal-content: changes",
            "    semantic-checks: off", "zone:",
            f"  - domain: {origin}", f"    file: {path}", "    acl: updates"]) + "\n"


def measure(kind, count, ahead):
    with kind([(data.ORIGIN, data.hosts(NAMES))]) as server:
        server.wait_until_serving()
        return stream(server, count, ahead)


def both(count, ahead):
    """Gives Anser's updates a second, and knotd's or why there are none."""
    ours = measure(Anser, count, ahead)
    try:
        theirs = f"knotd {measure(Knot, count // 10, ahead):.0f}/s"
    except Failed as e:
        theirs = f"knotd not measured ({e})"
    return ours, theirs


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]] + [20000, 64][len(sys.argv) - 1:]
    print("anser %.0f/s, %s" % both(*words))
