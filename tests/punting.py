#!/usr/bin/python3
"""What the data plane leaves to the control plane, while there is too much of it, and while either dies.

NOTIFY, UPDATE and signed questions are answered by the control plane, through the data plane; the others
of here are answered by the data plane whatever becomes of those.

    punting.py [KIND...]
"""

import os
import signal
import struct
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "diff"))

import backends
import message
from backends import SERVER4, SERVER6
from checks import SKIP, Failure, Skipped, check, say, until

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n"
FLOOD = 20000
BATCH = 50             # of the flood, between two questions
TRIES = 20
NAME = message.name_wire("example.")
SOA = NAME + struct.pack("!HH", 6, 1)


def notify(ident):
    return struct.pack("!6H", ident, 4 << 11, 1, 0, 0, 0) + SOA


def update(ident):
    """The only kind of which there are thousands: it is refused, or not implemented."""
    return struct.pack("!6H", ident, 5 << 11, 1, 0, 0, 0) + SOA


def expire(ident):
    return message.build_query(NAME, 6, 1, 0, message.opt_record(
        options=struct.pack("!HH", 9, 0)), ident)


def plain(ident):
    return message.build_query(NAME, 6, 1, ident=ident)


class Client:
    def __init__(self, server, address=SERVER4):
        self.socket = server.client(address)
        self.socket.settimeout(0.5)
        self.ident = 0

    def ask(self, make, tries=TRIES):
        """The answer to the first try that gets one, or None."""
        for _ in range(tries):
            self.ident = (self.ident + 1) % 65536
            try:
                self.socket.send(make(self.ident))
                while True:
                    answer = self.socket.recv(4096)
                    if struct.unpack_from("!H", answer)[0] == self.ident:
                        return answer
            except OSError:
                pass
        return None

    def must(self, what, make, tries=TRIES):
        answer = self.ask(make, tries)
        check(answer is not None, what + " is not answered")
        return answer

    def close(self):
        self.socket.close()


class Flood(threading.Thread):
    """UPDATE without end, whose answers nobody reads."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.socket = server.client(SERVER4)
        self.ending = False
        self.start()

    def run(self):
        while not self.ending:
            try:
                self.socket.send(update(1))
            except OSError:
                pass

    def end(self):
        self.ending = True
        self.join()
        self.socket.close()


def all_is_answered(server):
    for address in (SERVER4, SERVER6):
        client = Client(server, address)
        for what, make in (("NOTIFY", notify), ("UPDATE", update), ("EXPIRE", expire),
                           ("a question", plain)):
            client.must(what, make)
        client.close()


def flood_leaves_questions_alone(server):
    """Each of them is answered at the first try, unless the machine is busy with other things."""
    before = server.counters()
    noise, client = server.client(SERVER4), Client(server)
    missed = 0
    for _ in range(FLOOD // BATCH):
        for ident in range(BATCH):
            noise.send(update(ident))
        if client.ask(plain, 1) is None:
            missed += 1
            client.must("a question in a flood", plain)
    check(missed < FLOOD // BATCH // 20, "%d questions were not answered at once" % missed)
    client.must("NOTIFY after a flood", notify)

    def counted():
        after = server.counters()
        return {n: after[n] - before[n] for n in ("handed_over", "dropped_hand", "relayed")}

    until("the flood has been seen to", lambda: sum(
        counted()[n] for n in ("handed_over", "dropped_hand")) > FLOOD // 2)
    until("what was taken is answered", lambda: counted()["relayed"] > 0)
    say("  %s" % counted())
    noise.close()
    client.close()


def control_plane_is_killed(server):
    """With records in the rings."""
    flood, client = Flood(server), Client(server)
    for _ in range(3):
        client.must("a question", plain)
        server.control.kill()
        server.control.wait()
        for _ in range(200):
            client.must("a question without a control plane", plain)
        # Once the data plane has noticed.
        client.must("EXPIRE without a control plane", expire)
        check(client.ask(notify, 1) is None, "NOTIFY is answered by nobody")
        server.start_control()
        until("the data plane is attached again", server.attached)
        client.must("NOTIFY of the next control plane", notify, 100)
    flood.end()
    client.close()
    all_is_answered(server)


def data_plane_is_killed(server):
    flood, client = Flood(server), Client(server)
    for _ in range(3):
        client.must("NOTIFY", notify, 100)
        server.dataplane.send_signal(signal.SIGKILL)
        server.dataplane.wait()
        until("it is gone", lambda: not server.ctl("status")["attachments"])
        server.start_dataplane()
        client.must("NOTIFY of the next data plane", notify, 100)
    flood.end()
    client.close()
    all_is_answered(server)


def run_kind(kind, path):
    with backends.opened(kind, [("example.", path)], workers=1) as server:
        for case in (all_is_answered, flood_leaves_questions_alone, control_plane_is_killed,
                     data_plane_is_killed):
            say("%s: %s" % (kind, case.__name__.replace("_", " ")))
            case(server)
        check(server.stop_dataplane() == 0, "the data plane's status is not 0")


def main():
    directory = tempfile.TemporaryDirectory(prefix="anser-punting-")
    with directory:
        path = os.path.join(directory.name, "zone")
        with open(path, "w") as file:
            file.write(ZONE)
        skipped = 0
        kinds = sys.argv[1:] or ["udp", "xdp"]
        try:
            backends.needs()
            for kind in kinds:
                try:
                    run_kind(kind, path)
                except Skipped as reason:
                    say("%s: skipped: %s" % (kind, reason))
                    skipped += 1
        except Skipped as reason:
            say("skipped: %s" % reason)
            return SKIP
        except Failure as failure:
            say("FAILED: %s" % failure)
            return 1
    return SKIP if skipped == len(kinds) else 0


if __name__ == "__main__":
    sys.exit(main())
