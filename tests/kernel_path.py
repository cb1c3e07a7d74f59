#!/usr/bin/python3
"""What the control plane answers over UDP itself, for data planes that take packets past the kernel.

Asked by dig, kdig and dnspython: with io: xdp and no data plane at all; with io: auto after a data
plane has said that it runs xdp (one of this script's own, that says no more than that), and again
after a real one with UDP sockets has come and gone. Who has the sockets is seen in /proc.

Everything runs in a network namespace of its own, where the loopback interface has addresses that
are not of the loopback network: io: xdp takes no others.
"""

import contextlib
import glob
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import dns.edns
import dns.message
import dns.rcode

from checks import PATIENCE, SKIP, Failure, Planes, check, free_port, has_ipv6, say, until

IPV4 = "192.0.2.53"
IPV6 = "2001:db8::53"
ABSENT = "192.0.2.99"   # what the namespace does not have

CONFIG = """server:
  listen: [%(listen)s]
  io: %(io)s
  nsid: kernel-path
  id: kernel-path
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones:
  - { name: example., file: example.zone }
"""

ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail AAAA 2001:db8::25
www A 192.0.2.80
alias CNAME www
*.wild TXT "any"
below NS ns.below
ns.below A 192.0.2.53
""" + "".join('big TXT "%03d %s"\n' % (i, "x" * 90) for i in range(30))


def udp_sockets(pid, port):
    """How many UDP sockets on that port the process has."""
    inodes = set()
    for path in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(FileNotFoundError), open(path) as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if int(fields[1].split(":")[1], 16) == port:
                    inodes.add("socket:[%s]" % fields[9])
    count = 0
    for descriptor in glob.glob("/proc/%d/fd/*" % pid):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(descriptor) in inodes
    return count


# ---- a data plane that only says what it is ----

def constant(header, name):
    path = os.path.join(os.environ["ANSER_SOURCE_DIR"], "shared", header)
    with open(path) as file:
        return int(re.search(r"\b%s = (\d+)" % name, file.read()).group(1))


def text(value):
    return struct.pack("!H", len(value)) + value.encode()


def port(name, up, speed, numbers):
    return text(name) + struct.pack("!BI8Q", up, speed, *numbers)


def pretend(path, io):
    """Says STARTED and PORTS, and answers what is asked, until it is killed."""
    hello, _, _, segment, done, _, grace, grace_done, started, ports = range(1, 11)
    version = constant("ipc.h", "IPC_VERSION")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        def send(kind, body):
            control.send(struct.pack("!HH", version, kind) + body)

        control.connect(path)
        send(hello, struct.pack("!IIB", constant("table.h", "TABLE_LAYOUT"),
                                constant("slots.h", "SLOTS_LAYOUT"), 0) + text(""))
        control.recv(4096)
        send(started, text(io) + text("%s: for the test" % io))
        send(ports, struct.pack("!H", 2) + port("eth0", 1, 10000, (70, 7000, 5, 3, 4, 60, 6000, 2))
             + port("eth1", 0, 0, (0,) * 8))
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
            if not message:
                return
            for descriptor in descriptors:
                os.close(descriptor)
            kind = struct.unpack_from("!H", message, 2)[0]
            send({segment: done, grace: grace_done}[kind], message[4:12])


# ---- the programs ----

class Server(Planes):
    """A control plane, and the data planes that a case starts."""

    def __init__(self, binaries, io, ipv6, absent=False):
        super().__init__("anser-kernel-path", binaries)
        self.port = free_port(IPV4)
        self.addresses = [IPV4] + ([IPV6] if ipv6 else [])
        listen = self.addresses + ([ABSENT] if absent else [])
        self.listening = len(listen)
        self.write("example.zone", ZONE)
        self.write("anser.yaml", CONFIG % {
            "io": io, "listen": ", ".join('"%s@%d"' % (a, self.port) for a in listen)})
        self.control = self.run_control()

    def pretender(self, io):
        return self.spawn(sys.executable, os.path.abspath(__file__), "--pretend",
                          self.path("dataplane.sock"), io)

    def is_loaded(self):
        check(self.control.poll() is None, "anser-control has ended")
        return self.json("status").get("zones", {}).get("served") == 1

    def sockets(self, process=None):
        return udp_sockets((process or self.control).pid, self.port)

    def attached(self, process):
        return [a for a in self.json("status")["attachments"] if a["pid"] == process.pid]

    # Asking.

    def dig(self, address, *words, program="dig"):
        done = subprocess.run([program, "@" + address, "-p", str(self.port), "+norec",
                               "+time=2", *words],
                              capture_output=True, text=True, timeout=20, check=False)
        return done.stdout

    def ask(self, wire, address=IPV4):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(3)
            client.connect((address, self.port))
            client.send(wire)
            return client.recv(65535)

    def refuses(self):
        try:
            self.ask(query("www.example.", "A"))
        except ConnectionRefusedError:
            return True
        return False


def query(name, rdtype, ident=4711, rdclass="IN", **edns):
    message = dns.message.make_query(name, rdtype, rdclass, **edns)
    message.id = ident
    message.flags = 0
    return message.to_wire()


def expect(what, pattern, out):
    check(re.search(pattern, out, re.S), "%s: no %r in\n%s" % (what, pattern, out))


# ---- cases ----

def clients_are_answered(server):
    for address in server.addresses:
        for program in ("dig", "kdig"):
            say("%s %s" % (program, address))
            expect("UDP", r"192\.0\.2\.80.*UDP",
                   server.dig(address, "www.example", "A", program=program))
            expect("TCP", r"192\.0\.2\.80.*TCP",
                   server.dig(address, "+tcp", "www.example", "A", program=program))
            expect("NXDOMAIN", r"NXDOMAIN.*SOA",
                   server.dig(address, "nothing.example", "A", program=program))
            expect("NSID", r"NSID.*kernel-path",
                   server.dig(address, "+nsid", "www.example", "A", program=program))
        expect("EDNS", r"udp: 1232", server.dig(address, "www.example", "A"))
        expect("BADVERS", r"status: BADVERS",
               server.dig(address, "+edns=1", "+noednsneg", "www.example", "A"))
        expect("TC", r"flags: qr aa tc;",
               server.dig(address, "+ignore", "+notcp", "big.example", "TXT"))
        expect("TC, then TCP", r"Truncated, retrying in TCP.*ANSWER: 30,.*TCP",
               server.dig(address, "big.example", "TXT"))
        expect("cookie", r"COOKIE: 0123456789abcdef[0-9a-f]{32} \(good\)",
               server.dig(address, "+cookie=0123456789abcdef", "www.example", "A"))


def cookie_is_valid_when_it_comes_back(server):
    before = server.json("stats")["counters"]["cookies_valid"]
    option = dns.edns.GenericOption(10, b"clientck")
    for _ in range(2):
        answer = dns.message.from_wire(
            server.ask(query("www.example.", "A", use_edns=0, options=[option])))
        option = [o for o in answer.options if o.otype == 10][0]
        check(len(option.to_wire()) == 24, "a server cookie has 16 octets")
    check(server.json("stats")["counters"]["cookies_valid"] == before + 1, "one was valid")


def past_the_kernel_alone(binaries, ipv6):
    with Server(binaries, "xdp", ipv6, absent=True) as server:
        until("the zone is loaded", server.is_loaded)
        check(server.sockets() == server.listening, "one socket for each address")
        status = server.json("status")
        check(status["udp_sockets"] == server.listening, "udp_sockets")
        check(status["attachments"] == [] and status["state"] == "degraded", "no data plane")
        check("the control plane answers over UDP" in status["alarms"][0], status["alarms"])
        expect("status", "No data plane is attached: the control plane answers over UDP, slowly",
               server.ctl("status"))
        clients_are_answered(server)
        cookie_is_valid_when_it_comes_back(server)
        counters = server.json("stats")["counters"]
        check(counters["queries"] > counters["tcp"] > 0, "counted: %s" % counters)
        check(counters["truncated"] > 0 and (counters["ipv6"] > 0 or not ipv6), "counted")
        check(counters["responses"] == counters["queries"], "everything was answered")


def queries():
    names = ["example.", "www.example.", "alias.example.", "x.wild.example.", "no.example.",
             "a.below.example.", "big.example.", "ns.example.", "example.org.", "."]
    for name in names:
        for rdtype in ("A", "SOA", "TXT", "MX", "ANY", "DS"):
            yield query(name, rdtype)
            yield query(name, rdtype, use_edns=0, payload=512)
            yield query(name, rdtype, use_edns=0, payload=4096, want_dnssec=True)
    yield query("id.server.", "TXT", rdclass="CH")
    yield query("www.example.", "A", use_edns=1)
    yield query("www.example.", "A", use_edns=0,
                options=[dns.edns.GenericOption(3, b""), dns.edns.GenericOption(65001, b"x")])
    yield query("www.example.", "A")[:-3]                    # ends too early
    yield query("www.example.", "A") + b"rubbish"
    yield b"\x12\x34\x28\x00" + bytes(8)                     # UPDATE
    yield b"\x12\x34\x00\x00" + bytes(8)                     # no question


def answers(server):
    return [server.ask(wire, address) for address in server.addresses for wire in queries()]


def own_queries(server, process):
    """Queries that one data plane has counted, and those of all."""
    stats = server.json("stats")
    own = [a["counters"]["queries"] for a in stats["attachments"] if a["pid"] == process.pid]
    return sum(own), stats["counters"]["queries"]


def data_planes_come_and_go(binaries, ipv6):
    with Server(binaries, "auto", ipv6) as server:
        until("the zone is loaded", server.is_loaded)
        say("auto: nothing before a data plane has said what it runs")
        check(server.sockets() == 0 and server.refuses(), "somebody answers")
        expect("status", "No data plane is attached: nothing answers over UDP",
               server.ctl("status"))

        say("a data plane says xdp: the control plane answers beside it")
        pretender = server.pretender("xdp")
        until("sockets", lambda: server.sockets() == server.listening)
        until("ports", lambda: server.attached(pretender)[0]["ports"])
        check_ports(server, pretender)
        beside = answers(server)

        say("it dies: the sockets stay")
        pretender.kill()
        pretender.wait()
        until("it is gone", lambda: not server.json("status")["attachments"])
        check(server.sockets() == server.listening, "the sockets stay")
        check(answers(server) == beside, "the same answers")

        say("a data plane with UDP sockets comes: the control plane's are closed")
        dataplane = server.run_plane()
        until("no sockets", lambda: server.sockets() == 0)
        until("it serves", lambda: server.json("status")["attachments"][0]["generation"])
        check(server.sockets(dataplane) == server.listening, "its sockets")
        check(server.json("status")["udp_sockets"] == 0, "udp_sockets")
        expect("reason", r"WHY THIS IO.*xdp: nothing is configured for it; udp",
               server.ctl("status"))
        own, total = own_queries(server, dataplane)
        check(answers(server) == beside, "the data plane answers otherwise")
        asked = len(beside)
        check(own_queries(server, dataplane) == (own + asked, total + asked), "who has counted")

        say("it is killed: the control plane answers again")
        dataplane.kill()
        dataplane.wait()
        until("sockets", lambda: server.sockets() == server.listening)
        check(answers(server) == beside, "the same answers")


def check_ports(server, pretender):
    attachment = server.attached(pretender)[0]
    check(attachment["io"] == "xdp" and attachment["reason"] == "xdp: for the test", attachment)
    up, down = attachment["ports"]
    check(up == {"name": "eth0", "up": True, "speed_mbit": 10000, "rx_packets": 70,
                 "rx_bytes": 7000, "rx_missed": 5, "rx_errors": 3, "rx_no_buffer": 4,
                 "tx_packets": 60, "tx_bytes": 6000, "tx_errors": 2}, up)
    check(down["up"] is False and down["speed_mbit"] is None, down)
    out = server.ctl("status")
    expect("port", r"%d +eth0 +up +10000 +70 +60 +5 +4 +3 +2\n" % pretender.pid, out)
    expect("port", r"%d +eth1 +down +- +0 " % pretender.pid, out)


def control_plane_that_starts_anew_learns_what_runs(binaries, ipv6):
    with Server(binaries, "auto", ipv6) as server:
        until("the zone is loaded", server.is_loaded)
        dataplane = server.run_plane()
        until("it serves", lambda: server.attached(dataplane))
        first = until("why", lambda: server.attached(dataplane)[0]["reason"])
        server.control.kill()
        server.control.wait()
        server.control = server.run_control()
        until("it is back", lambda: server.json("status").get("attachments"))
        again = until("why", lambda: server.attached(dataplane)[0]["reason"])
        check(again == first and server.attached(dataplane)[0]["io"] == "udp", again)
        check(server.sockets() == 0, "the data plane has the sockets")


def never_with_udp(binaries, ipv6):
    with Server(binaries, "udp", ipv6) as server:
        until("the zone is loaded", server.is_loaded)
        pretender = server.pretender("xdp")
        until("it is attached", lambda: server.attached(pretender)
              and server.attached(pretender)[0]["io"])
        time.sleep(0.2)
        check(server.sockets() == 0 and server.refuses(), "there are UDP sockets")
    with Server(binaries, "udp", ipv6, absent=True) as server:
        check(server.control.wait(PATIENCE) == 1, "an address that is not there is an error")


def flood(port):
    """Sends queries as fast as it can, and takes no answer, until it is killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((IPV4, port))
        wire = query("www.example.", "A")
        while True:
            client.send(wire)


def flood_leaves_tcp_and_commands_their_turn(binaries, ipv6):
    with Server(binaries, "xdp", ipv6) as server:
        until("the zone is loaded", server.is_loaded)
        before = server.json("stats")["counters"]["queries"]
        floods = [server.spawn(sys.executable, os.path.abspath(__file__), "--flood",
                               str(server.port)) for _ in range(2)]
        until("the flood has come",
              lambda: server.json("stats")["counters"]["queries"] > before + 10000)
        slowest = 0.0
        for _ in range(20):
            start = time.monotonic()
            expect("TCP", r"192\.0\.2\.80.*TCP",
                   server.dig(IPV4, "+tcp", "www.example", "A"))
            check(server.json("status")["state"] == "degraded", "no status")
            slowest = max(slowest, time.monotonic() - start)
        check(all(f.poll() is None for f in floods), "the flood has ended early")
        asked = server.json("stats")["counters"]["queries"] - before
        say("%d queries over UDP; over TCP, and status, in %.0f ms at worst"
            % (asked, slowest * 1000))
        check(slowest < 2, "TCP or commands were starved")


CASES = [
    past_the_kernel_alone,
    flood_leaves_tcp_and_commands_their_turn,
    data_planes_come_and_go,
    control_plane_that_starts_anew_learns_what_runs,
    never_with_udp,
]


def enter_namespace():
    """Starts this script anew in a namespace. Comes back only where there can be none."""
    own = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    tried = subprocess.run([*own, "true"], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        os.execvp(own[0], [*own, sys.executable, os.path.abspath(__file__), "--inside"])
    return tried.stderr.strip()


def set_addresses():
    for words in ("link set lo up", "addr add %s/32 dev lo" % IPV4):
        subprocess.run(["ip", *words.split()], check=True)
    subprocess.run(["ip", "addr", "add", IPV6 + "/128", "dev", "lo", "nodad"], check=False)


def main():
    if sys.argv[1:2] == ["--pretend"]:
        pretend(*sys.argv[2:])
        return 0
    if sys.argv[1:2] == ["--flood"]:
        flood(int(sys.argv[2]))
    for program in ("dig", "kdig", "unshare", "ip"):
        if not shutil.which(program):
            print("skipped: %s is not installed" % program)
            return SKIP
    if sys.argv[1:2] != ["--inside"]:
        print("skipped: no network namespace: %s" % enter_namespace())
        return SKIP
    set_addresses()
    ipv6 = has_ipv6(IPV6)
    if not ipv6:
        print("no IPv6 here: IPv4 only")
    for case in CASES:
        print(case.__name__.replace("_", " "), flush=True)
        try:
            case(os.environ["ANSER_BIN_DIR"], ipv6)
        except Failure as failure:
            print("FAILED: %s" % failure)
            return 1
    print("all passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
