#!/usr/bin/python3
"""Dynamic updates (RFC 2136) as clients send them: nsupdate and knsupdate change zones, which shows in the next
answer, in the history and in the audit log; a stream of updates is done in its order, and what was
answered is there after the server was killed."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import dns.message
import dns.query
import dns.rcode
import dns.update

from checks import PATIENCE, ControlSocket, HttpSocket, Programs, check, end_process, free_port, passes, say, until

BIN = os.path.abspath(os.environ.get("ANSER_BIN_DIR", "build/dev/bin"))
ZONE = "example."
TEXT = """$ORIGIN example.
@ 300 SOA ns.other. who.other. 7 3600 600 86400 60
@ 300 NS ns.other.
www 300 A 192.0.2.1
alias 300 CNAME www
"""
SIGNED = "$ORIGIN signed.\n@ 300 SOA ns.other. who.other. 7 3600 600 86400 60\n@ 300 NS ns.other.\n" \
    "@ 300 NSEC signed. NS SOA RRSIG NSEC\n"
CONFIG = """server:
  listen: [127.0.0.1@%(port)d]
  workers: 1
  io: udp
control:
  store: %(dir)s/store
  control-socket: %(dir)s/control.sock
  dataplane-socket: %(dir)s/dataplane.sock
  supervise: no
api:
  socket: %(dir)s/api.sock
acls:
  - {name: here, addresses: 127.0.0.1, actions: update}
  - {name: dynamic, addresses: 127.0.0.1, actions: update, update-names: "*.dyn", update-types: [A, AAAA]}
zones:
  - {name: example., file: %(dir)s/example.zone, acls: here}
  - {name: signed., file: %(dir)s/signed.zone, acls: here}
  - {name: partly., file: %(dir)s/partly.zone, acls: dynamic}
  - {name: closed., file: %(dir)s/closed.zone}
"""


class Server(Programs):
    def __init__(self):
        super().__init__("update")
        self.port = free_port()
        for name, text in (("example", TEXT), ("signed", SIGNED), ("partly", TEXT), ("closed", TEXT)):
            self.write(name + ".zone", text.replace("example.", name + "."))
        self.write("anser.yaml", CONFIG % {"dir": self.dir, "port": self.port})

    def start(self):
        self.spawn(BIN + "/anser-control", "-c", "anser.yaml")
        until("the control plane is there",
              lambda: self.is_alive() and os.path.exists(self.path("dataplane.sock")))
        self.spawn(BIN + "/anser-dataplane", "-s", self.path("dataplane.sock"))
        until("the zones are served", lambda: self.is_alive() and self.serial("closed.") == 7)

    def is_alive(self):
        check(all(process.poll() is None for process in self.processes), "ended:", self.log())
        return True

    def stop(self, number=signal.SIGTERM):
        for process in self.processes:
            end_process(process, number)
        self.processes.clear()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("dataplane.sock"))

    def answer(self, name, rrtype):
        with contextlib.suppress(OSError, dns.exception.DNSException):
            return dns.query.udp(dns.message.make_query(name, rrtype), "127.0.0.1", 2, self.port)
        return None

    def records(self, name, rrtype):
        answer = self.answer(name, rrtype)
        check(answer is not None, "no answer to", name, rrtype)
        return sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)

    def serial(self, zone=ZONE):
        answer = self.answer(zone, "SOA")
        return answer.answer[0][0].serial if answer is not None and answer.answer else None

    @contextlib.contextmanager
    def control(self):
        control = ControlSocket(self.path("control.sock"))
        try:
            yield control
        finally:
            control.close()

    def changes(self, zone=ZONE):
        with self.control() as control:
            return control.done("zone history", zone=zone)["changes"]

    def refused(self):
        with self.control() as control:
            return control.done("audit list", what="update refused")["events"]

    def exchange(self, wire):
        """One message over TCP; gives the answer's octets."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(len(wire).to_bytes(2, "big") + wire)
            answer = sock.makefile("rb")
            return answer.read(int.from_bytes(answer.read(2), "big"))

    def update(self, update):
        """The text of the answer's code."""
        return dns.rcode.to_text(dns.query.tcp(update, "127.0.0.1", PATIENCE, self.port).rcode())


def run_client(server, program, *lines, options=("-v",)):
    """Gives the status and what it says; it asks over TCP, unless options say otherwise."""
    script = "\n".join(["server 127.0.0.1 %d" % server.port, *lines, "send", "answer", ""])
    done = subprocess.run([program, *options], input=script, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def clients(server):
    for serial, program in enumerate(("nsupdate", "knsupdate"), 8):
        name = program + ".example."
        lines = ("zone example.", "prereq nxdomain " + name, "update add %s 60 A 192.0.2.9" % name)
        status, text = run_client(server, program, *lines)
        check(status == 0, program, "says", text)
        check(server.records(name, "A") == ["192.0.2.9"], program, "changed nothing")
        check(server.serial() == serial, "the serial after", program, "is", server.serial())
        newest = server.changes()[0]
        check(newest["serial"] == serial and newest["records_added"] == 1, "the history has", newest)
        check(newest["actor"]["kind"] == "dns" and newest["actor"]["name"] == "127.0.0.1"
              and newest["why"] == "UPDATE by 127.0.0.1", "the history has", newest)
        status, text = run_client(server, program, *lines)
        check(status != 0 and "YXDOMAIN" in text, program, "says of a name that is there", text)
        check(server.changes()[0] == newest, "a prerequisite that failed is a change")
    status, text = run_client(server, "nsupdate", "zone example.", "update delete www.example. A",
                              "update add www.example. 60 AAAA 2001:db8::1", "update delete alias.example.")
    check(status == 0, "nsupdate says", text)
    check(not server.records("www.example.", "A") and not server.records("alias.example.", "CNAME"),
          "what was deleted is there")
    say("nsupdate and knsupdate change a zone")


def over_udp(server):
    """By the worker of the data plane, which hands it to the control plane."""
    for program in ("nsupdate", "knsupdate"):
        for verb in ("add", "delete"):
            status, text = run_client(server, program, "zone example.",
                                      "update %s u.example. 60 TXT over-udp" % verb, options=())
            check(status == 0, program, "says over UDP:", text)
            check(bool(server.records("u.example.", "TXT")) == (verb == "add"), "an update over UDP",
                  verb, "is not done")
    say("nsupdate and knsupdate change a zone over UDP")


def reverted(server):
    """What an update did is undone as what anybody did."""
    newest = server.changes()[0]
    with server.control() as control:
        control.done("zone revert", zone=ZONE, change=newest["change"])
    check(server.records("www.example.", "A") == ["192.0.2.1"], "www has", server.records("www.example.", "A"))
    check(server.records("alias.example.", "CNAME") == ["www.example."], "alias is not back")
    say("an update is one change, which a revert undoes")


def unchanged(server):
    before = server.serial(), server.changes()[0]["change"]
    update = dns.update.UpdateMessage(ZONE)
    update.add("www", 300, "A", "192.0.2.1")
    update.delete("nobody")
    check(server.update(update) == "NOERROR", "an update of nothing is refused")
    check((server.serial(), server.changes()[0]["change"]) == before, "an update of nothing is a change")


def refusals(server):
    def code(zone, *add):
        update = dns.update.UpdateMessage(zone)
        update.add(*add)
        return server.update(update)

    check(code("closed.", "n", 60, "A", "192.0.2.9") == "REFUSED", "a zone without a rule is changed")
    check(code("signed.", "n", 60, "A", "192.0.2.9") == "REFUSED", "a signed zone is changed")
    check(code("nowhere.", "n", 60, "A", "192.0.2.9") == "NOTAUTH", "who has no zone answers for it")
    check(code("example.", "n.other.", 60, "A", "192.0.2.9") == "NOTZONE", "a name elsewhere is added")
    check(code("example.", "n", 60, "NSEC", "a. A") == "REFUSED", "NSEC is added")
    check(code("example.", "@", 60, "DNAME", "other.") == "REFUSED", "names end up below a DNAME")
    check(code("partly.", "x.dyn", 60, "A", "192.0.2.9") == "NOERROR", "what is granted is refused")
    check(code("partly.", "x.dyn", 60, "TXT", "x") == "REFUSED", "another type is let in")
    check(code("partly.", "x", 60, "A", "192.0.2.9") == "REFUSED", "another name is let in")
    both = dns.update.UpdateMessage("partly.")
    both.add("y.dyn", 60, "A", "192.0.2.9")
    both.add("www", 60, "A", "192.0.2.9")
    check(server.update(both) == "REFUSED", "part of an update is not granted")
    check(not server.records("y.dyn.partly.", "A"), "half an update was done")
    query = dns.message.make_query("example.", "A")
    query.set_opcode(5)
    check(server.exchange(query.to_wire())[3] & 15 == dns.rcode.FORMERR, "a zone is named by its SOA")
    until("the audit log has all refusals but those of who is nobody", lambda: [
        event["zone"] for event in server.refused()] == ["partly."] * 3 + ["example."] * 3 + ["signed."])
    with server.control() as control:
        figures = control.done("metrics")["text"]
    for rcode, least in (("REFUSED", 7), ("NOTAUTH", 1), ("NOTZONE", 1), ("FORMERR", 1), ("NOERROR", 1)):
        found = re.search(r'^anser_updates_total\{rcode="%s"\} (\d+)$' % rcode, figures, re.M)
        check(int(found[1]) >= least, rcode, found[0])
    say("who may not is refused, and what is refused leaves no trace")


def serials(server):
    """How the serial rises is what the zone's metadata say; other rules are those of the zone."""
    for word, wanted in (("EPOCH", lambda new, old: abs(new - time.time()) < 600),
                         ("DEFAULT", lambda new, old: time.strftime("%Y") == str(new)[:4] and old < new),
                         ("INCREASE", lambda new, old: new == old + 1)):
        connection = HttpSocket(server.path("api.sock"))
        status, _, text = connection.ask("PUT", "/api/v1/servers/localhost/zones/partly./metadata/"
                                         "SOA-EDIT-DNSUPDATE", {"metadata": [word]})
        connection.close()
        check(status == 200, "metadata:", status, text)
        before = server.serial("partly.")
        update = dns.update.UpdateMessage("partly.")
        update.add("%s.dyn" % word, 60, "A", "192.0.2.9")
        check(server.update(update) == "NOERROR", "an update is refused")
        check(wanted(server.serial("partly."), before), word, "makes", server.serial("partly."), "of", before)
    say("the serial rises as SOA-EDIT-DNSUPDATE says")


class Stream:
    """Updates on one connection, none of which waits for the answers of those before it. Each adds a record
    of its own and takes that of the one before away."""

    def __init__(self, server, count):
        self.messages = [self.message(number) for number in range(count)]
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self.answered = {}
        self.sender = threading.Thread(target=self.send)

    @staticmethod
    def message(number):
        update = dns.update.UpdateMessage(ZONE, id=number)
        if number:
            update.present("s%d" % (number - 1))
            update.delete("s%d" % (number - 1))
        update.add("s%d" % number, 60, "TXT", '"%d"' % number)
        return update.to_wire()

    def send(self):
        with contextlib.suppress(OSError):
            for message in self.messages:
                self.socket.sendall(len(message).to_bytes(2, "big") + message)

    def read(self, until_answered=None):
        """Until so many are answered, or the connection ends."""
        rest = b""
        with contextlib.suppress(ConnectionResetError):
            while until_answered is None or len(self.answered) < until_answered:
                part = self.socket.recv(65536)
                if not part:
                    break
                rest += part
                while len(rest) >= 2 and len(rest) >= 2 + int.from_bytes(rest[:2], "big"):
                    size = int.from_bytes(rest[:2], "big")
                    self.answered[int.from_bytes(rest[2:4], "big")] = rest[5] & 15
                    rest = rest[2 + size:]

    def __enter__(self):
        self.sender.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.sender.join()
        self.socket.close()


def pipelined(server, count=400):
    before = server.serial()
    with Stream(server, count) as stream:
        stream.read(count)
    check(set(stream.answered.values()) == {0} and len(stream.answered) == count, "answers are",
          sorted(stream.answered.items())[:5])
    check(server.serial() == before + count, "the serial is", server.serial(), "after", before)
    check(server.records("s%d.example." % (count - 1), "TXT") == ['"%d"' % (count - 1)], "the last is not there")
    check(not server.records("s%d.example." % (count - 2), "TXT"), "the last but one is there")
    say("%d updates on one connection, in their order" % count)


def killed(server):
    update = dns.update.UpdateMessage(ZONE)
    update.delete("s399")
    check(server.update(update) == "NOERROR", "cannot delete")
    before = server.serial()
    with Stream(server, 8000) as stream:
        stream.read(500)
        server.stop(signal.SIGKILL)
        stream.read()
    server.start()
    done = len(stream.answered)
    check(set(stream.answered.values()) == {0}, "answers are", set(stream.answered.values()))
    check(server.serial() >= before + done, done, "were answered, but the serial is", server.serial())
    last = server.serial() - before - 1
    check(server.records("s%d.example." % last, "TXT") == ['"%d"' % last], "not that of change", last)
    say("%d answered before the kill, %d done" % (done, last + 1))


def main():
    with Server() as server:
        server.start()
        for part in (clients, reverted, over_udp, unchanged, refusals, serials, pipelined, killed):
            part(server)


sys.exit(passes(main))
