#!/usr/bin/python3
"""DNS over TLS (RFC 7858) of anser-control: real clients, and hostile ones.

Starts anser-control of ANSER_BIN_DIR (or of the directory given as argument) without a data plane: TLS is
the control plane's alone. With the argument --idle N it measures the memory of so many idle connections.
"""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import warnings

import dns.message
import dns.opcode
import dns.rcode

from checks import SKIP, Failure, Planes, check, end_process, free_port, resident, say, until
from tcp_hostile import ZONE

IDLE, READ = 1.0, 0.6  # seconds, as configured
LATE = 1.5             # how much later than that is still in time
CONNECTIONS, PER_CLIENT = 12, 10
IDLE_MOST = 20 * 1024  # octets of an idle connection

CONFIG = """server:
  listen: [127.0.0.1@%(port)d]
  tls-listen: [127.0.0.1@%(tls)d]
  tls-certificate: cert.pem
  tls-key: key.pem
tcp:
  max-tls: %(connections)d
  max-per-client: %(per_client)d
  idle-timeout: %(idle)dms
  read-timeout: %(read)dms
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones:
  - { name: example., file: example.zone }
"""


def run(*command, stdin=b""):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=30, check=False).stdout.decode(errors="replace")


class Server(Planes):
    def __init__(self, binaries, idle=IDLE, connections=CONNECTIONS):
        super().__init__("anser-dot", binaries)
        self.port, self.tls = free_port(), free_port()
        self.make_certificate()
        self.write("example.zone", ZONE)
        self.write("anser.yaml", CONFIG % {
            "port": self.port, "tls": self.tls, "connections": connections,
            "per_client": PER_CLIENT, "idle": idle * 1000, "read": READ * 1000})
        self.process = self.run_control()

    def wait_until_it_answers(self):
        until("an answer over TLS", self.answers, 20)

    def make_certificate(self, days=2):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", str(days), "-subj", "/CN=dot.example", "-addext",
            "subjectAltName=DNS:dot.example", "-keyout", self.path("key.pem"), "-out",
            self.path("new.pem"))
        os.chmod(self.path("key.pem"), 0o600)
        os.rename(self.path("new.pem"), self.path("cert.pem"))

    def answers(self):
        check(self.process.poll() is None, "anser-control has ended")
        with contextlib.suppress(OSError):
            with Client(self) as client:
                return client.ask().rcode() == dns.rcode.NOERROR
        return False

    def stop(self):
        return end_process(self.process)


class Client:
    """A connection over TLS; source is the last octet of its loopback address."""

    def __init__(self, server, source=1, alpn=("dot",), session=None, most=None, context=None):
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(server.path("cert.pem"))
            if alpn:
                context.set_alpn_protocols(list(alpn))
            if most:
                context.maximum_version = most
        self.context = context
        raw = socket.create_connection(("127.0.0.1", server.tls), 10,
                                       source_address=("127.0.0.%d" % source, 0))
        try:
            self.socket = context.wrap_socket(raw, server_hostname="dot.example", session=session)
        except BaseException:
            raw.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(frame(m) for m in messages))

    def octets(self, count):
        got = b""
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            check(part, "closed after %d of %d octets" % (len(got), count))
            got += part
        return got

    def answer(self):
        return dns.message.from_wire(self.octets(struct.unpack(">H", self.octets(2))[0]))

    def ask(self, name="www.example.", rdtype="A"):
        message = dns.message.make_query(name, rdtype)
        self.send(message)
        answer = self.answer()
        check(answer.id == message.id, "answer to something else")
        return answer

    def ended_after(self, patience=10):
        """Seconds until the server ends it in good order."""
        start = time.monotonic()
        self.socket.settimeout(patience)
        check(self.socket.recv(1) == b"", "octets instead of an end")
        return time.monotonic() - start


def frame(message):
    wire = message.to_wire()
    return struct.pack(">H", len(wire)) + wire


def raw_connection(server, source=1):
    return socket.create_connection(("127.0.0.1", server.tls), 10,
                                    source_address=("127.0.0.%d" % source, 0))


def ends(connection, patience):
    """Seconds until nothing more comes; a reset is an end."""
    start = time.monotonic()
    connection.settimeout(patience)
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return time.monotonic() - start


# ---- real clients ----

def kdig_is_answered(server):
    words = ["kdig", "@127.0.0.1", "-p", str(server.tls), "+tls-ca=" + server.path("cert.pem"),
             "+tls-hostname=dot.example"]
    said = run(*words, "www.example", "A")
    check("192.0.2.2" in said and "TLS1.3" in said, said)
    said = run(*words, "big.example", "TXT")
    check(said.count("TXT\t\"") == 40, said)
    # Handed over, and answered by way of the dispatcher.
    check("REFUSED" in run(*words, "example", "AXFR"), "AXFR is not refused")
    with Client(server) as client:
        message = dns.message.make_query("example.", "SOA")
        message.set_opcode(dns.opcode.UPDATE)
        client.send(message)
        check(client.answer().rcode() == dns.rcode.REFUSED, "UPDATE is not refused")


def dnsperf_is_answered(server):
    with open(server.path("queries"), "w") as file:
        file.write("www.example A\nns.example A\nexample SOA\nnone.example A\n")
    said = run("dnsperf", "-m", "dot", "-s", "127.0.0.1", "-p", str(server.tls), "-d",
               server.path("queries"), "-n", "500", "-c", "4", "-q", "40")
    check("Queries completed:    2000 (100.00%)" in said, said)
    check("NOERROR 1500" in said and "NXDOMAIN 500" in said, said)


def plain_port_is_as_ever(server):
    said = run("kdig", "+tcp", "@127.0.0.1", "-p", str(server.port), "www.example", "A", "+short")
    check(said.strip() == "192.0.2.2", said)


# ---- what is agreed on ----

def protocol_is_agreed_on(server):
    with Client(server, 2) as client:
        check(client.socket.selected_alpn_protocol() == "dot", "ALPN")
        check(client.socket.version() == "TLSv1.3", client.socket.version())
        client.ask()
    with Client(server, 2, alpn=("h2", "dot")) as client:
        check(client.socket.selected_alpn_protocol() == "dot", "ALPN among others")
    with Client(server, 2, alpn=None) as client:
        check(client.socket.selected_alpn_protocol() is None, "ALPN of who offers none")
        client.ask()
    with Client(server, 2, most=ssl.TLSVersion.TLSv1_2) as client:
        check(client.socket.version() == "TLSv1.2", client.socket.version())
        client.ask()


def what_is_not_ours_is_refused(server):
    for what, words in (("other protocols", {"alpn": ("h2", "http/1.1")}),
                        ("TLS 1.1", {"most": ssl.TLSVersion.TLSv1_1})):
        try:
            with Client(server, 3, **words):
                raise Failure("%s: let in" % what)
        except (ssl.SSLError, ConnectionError):
            pass


def sessions_are_resumed(server):
    for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Client(server, 4, most=most) as first:
            first.ask()
            check(not first.socket.session_reused, "resumed from nothing")
            session, context = first.socket.session, first.context
        check(session.has_ticket, "no ticket")
        server.ctl("conf", "reload")  # the same certificate keeps them good
        with Client(server, 4, session=session, context=context) as second:
            second.ask()
            check(second.socket.session_reused, "%s: not resumed" % most)


def openssl_resumes_its_session(server):
    """Over TLS 1.3 the ticket comes with the first answer, and early data are not taken with it."""
    question = frame(dns.message.make_query("www.example.", "A"))
    with open(server.path("early"), "wb") as file:
        file.write(question)
    words = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.tls, "-alpn", "dot", "-ign_eof"]
    for version in ("-tls1_2", "-tls1_3"):
        said = run(*words, version, "-sess_out", server.path("session"), stdin=question)
        check("New, TLS" in said and os.path.getsize(server.path("session")), said)
        said = run(*words, version, "-sess_in", server.path("session"), stdin=question)
        check("Reused, TLS" in said, said)
    said = run(*words, "-sess_in", server.path("session"), "-early_data", server.path("early"), stdin=question)
    check("Reused, TLS" in said and "Early data was accepted" not in said, said)


def early_data_are_not_offered(server):
    said = run("openssl", "s_client", "-connect", "127.0.0.1:%d" % server.tls, "-alpn", "dot",
               "-sess_out", server.path("session"), "-ign_eof", stdin=frame(
                   dns.message.make_query("www.example.", "A")))
    check("Max Early Data: 0" in said, said)


def nobody_is_asked_for_a_certificate(server):
    """Where no rule goes by one; tests/transfer/xot.py has some."""
    for words in (["-tls1_2"], ["-tls1_3"]):
        said = run("openssl", "s_client", "-connect", "127.0.0.1:%d" % server.tls, "-alpn", "dot",
                   "-msg", *words)
        check("ServerHello" in said and "Finished" in said, said)
        check("CertificateRequest" not in said, "%s: asked" % words)


def renegotiation_is_refused(server):
    process = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.tls,
                                "-tls1_2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    time.sleep(0.3)
    with contextlib.suppress(BrokenPipeError):
        said = process.communicate(b"R\n", 20)[0].decode(errors="replace")
    check("no renegotiation" in said, said)


def certificates(server):
    return json.loads(server.ctl("status", "--json"))["certificates"]


def certificate_that_expires_is_an_alarm(server):
    server.make_certificate(days=1)
    server.ctl("conf", "reload")
    until("an alarm", lambda: "certificate for DNS over TLS expires within a day" in server.ctl("status"), 10)
    check("DNS cert days" in server.ctl("status"), "it is not shown")
    server.make_certificate()
    server.ctl("conf", "reload")
    check("certificate for DNS over TLS" not in server.ctl("status"), "it goes on")


def new_certificate_counts_after_a_reload(server):
    with Client(server, 5) as old:
        check(certificates(server)["dns"]["days_left"] == 1, str(certificates(server)))
        server.make_certificate(days=90)
        server.process.send_signal(signal.SIGHUP)
        # All the while the old connection is asked, or it would end for being idle.
        until("the new certificate", lambda: old.ask() and certificates(server)["dns"]["days_left"] == 89, 10)
        with Client(server, 5) as new:  # which trusts the new one alone
            check(not new.socket.session_reused, "resumed")
            new.ask()
        old.ask()
    said = certificates(server)
    found = re.search(r'anser_certificate_expiry_timestamp_seconds{use="dns"} (\d+)', server.ctl("metrics"))
    check(int(found.group(1)) == said["dns"]["expires_at"] and "https" not in said, str(said))
    with open(server.path("cert.pem")) as file:
        good = file.read()
    with open(server.path("cert.pem"), "w") as file:
        file.write("nonsense")
    said = server.ctl("conf", "reload")
    check("cert.pem" in said, said)
    with open(server.path("cert.pem"), "w") as file:
        file.write(good)
    with Client(server, 5) as client:
        client.ask()


# ---- messages ----

def messages_may_be_cut_anywhere(server):
    with Client(server, 6) as client:
        message = dns.message.make_query("www.example.", "A")
        whole = frame(message)
        for cut in range(1, len(whole)):
            client.socket.sendall(whole[:cut])
            client.socket.sendall(whole[cut:])
            check(client.answer().id == message.id, "cut at %d" % cut)


def many_messages_are_answered_in_order(server):
    with Client(server, 7) as client:
        asked = [dns.message.make_query("big.example.", "TXT") for _ in range(200)]
        client.send(*asked)
        for message in asked:
            check(client.answer().id == message.id, "not in order")


def client_that_ends_gets_its_answers(server):
    with Client(server, 8) as client:
        asked = [dns.message.make_query("www.example.", "A") for _ in range(20)]
        client.send(*asked)
        # Behind the back of the ssl module, which reads nothing after that.
        with socket.socket(fileno=os.dup(client.socket.fileno())) as same:
            same.shutdown(socket.SHUT_WR)
        for message in asked:
            check(client.answer().id == message.id, "not in order")


# ---- time and number ----

def idle_connection_is_closed_in_time(server):
    with Client(server, 9) as client:
        client.ask()
        seconds = client.ended_after()
        check(IDLE - 0.1 <= seconds <= IDLE + LATE, "closed after %.1f s" % seconds)


def handshake_has_its_time(server):
    hello = client_hello()
    for count in (0, 1, len(hello) // 2):
        with raw_connection(server, 10) as connection:
            connection.sendall(hello[:count])
            seconds = ends(connection, 10)
            check(READ - 0.1 <= seconds <= READ + LATE, "closed after %.1f s" % seconds)


def oldest_idle_connection_makes_room(server):
    clients = [Client(server, 20 + i % 3) for i in range(CONNECTIONS)]
    for client in clients:
        client.ask()
    with Client(server, 30) as new:
        new.ask()
        check(clients[0].ended_after(IDLE / 2) < IDLE / 2, "the oldest stays")
    for client in clients:
        client.socket.close()


def client_has_a_cap(server):
    clients = [Client(server, 40) for _ in range(PER_CLIENT)]
    try:
        with Client(server, 40):
            raise Failure("one more than allowed")
    except (ssl.SSLError, OSError):
        pass
    for client in clients:
        client.socket.close()


# ---- hostile ones ----

def client_hello():
    """The first octets that a client sends."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["dot"])
    session = context.wrap_bio(into, out, server_hostname="dot.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


def early_ends_leave_nothing_behind(server):
    hello = client_hello()
    for round_ in range(3):
        for count in range(0, len(hello) + 1, 7):
            with raw_connection(server, 50 + count % 20) as connection:
                connection.sendall(hello[:count])
                if round_ == 1:
                    connection.shutdown(socket.SHUT_WR)
                elif round_ == 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
    for count in range(5):  # in the middle of what the server sends
        with raw_connection(server, 70) as connection:
            connection.sendall(hello)
            connection.recv(1 + count * 100)
    until("all of them to be gone", lambda: connections(server) == 0, 10)


def connections(server):
    """Of the server, established, as the kernel counts them."""
    with open("/proc/net/tcp") as file:
        lines = [line.split() for line in file][1:]
    port = ":%04X" % server.tls
    return sum(words[1].endswith(port) and words[3] in ("01", "08") for words in lines)


def nonsense_ends_the_connection(server):
    for octets in (b"GET / HTTP/1.0\r\n\r\n", b"\x00" * 100, os.urandom(3000),
                   frame(dns.message.make_query("www.example.", "A")),
                   b"\x16\x03\x01\xff\xff" + b"\x01" * 70000):
        with raw_connection(server, 80) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(octets)
            seconds = ends(connection, 10)
            check(seconds <= READ + LATE, "still open after %.1f s" % seconds)


def figures(server):
    """Of TLS, {"in": {...}, "out": {...}}."""
    found = {"in": {}, "out": {}}
    for line in server.ctl("metrics").splitlines():
        match = re.match(r'anser_tls_(\w+)\{direction="(\w+)"(?:,\w+="(\w+)")?\} (\d+)$', line)
        if match:
            name, direction, what, count = match.groups()
            found[direction][what or name] = int(count)
    return found


def handshakes_are_counted(server):
    until("all of them to be gone", lambda: figures(server)["in"]["connections"] == 0, 10)
    before = figures(server)["in"]
    with Client(server, 90) as first:
        first.ask()
        check(figures(server)["in"]["connections"] == 1, "it is not counted")
        session, context = first.socket.session, first.context
    with Client(server, 90, session=session, context=context) as second:
        second.ask()
    # One that thinks nothing of our certificate. It stays until it has been heard, and does not reset.
    raw = raw_connection(server, 90)
    with socket.socket(fileno=os.dup(raw.fileno())) as same:
        with contextlib.suppress(ssl.SSLError):
            ssl.create_default_context().wrap_socket(raw, server_hostname="dot.example")
            raise Failure("taken")
        ends(same, 10)
    with raw_connection(server, 90) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        ends(connection, 10)
    with raw_connection(server, 90) as connection:
        ends(connection, 10)
    with raw_connection(server, 90) as connection:
        connection.sendall(client_hello()[:50])
    expected = {"full": 1, "resumed": 1, "certificate": 1, "protocol": 1, "timeout": 1, "broken_off": 1}
    until("each of them once, after %s: %s" % (before, figures(server)), lambda: all(
        figures(server)["in"][what] - before[what] == expected.get(what, 0) for what in before), 10)
    check(not any(figures(server)["out"].values()), "of what nobody did")


def damaged_record_ends_the_connection(server):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    session = context.wrap_bio(into, out)
    with raw_connection(server, 81) as connection:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(out.read())
                into.write(connection.recv(65536))
        session.write(frame(dns.message.make_query("www.example.", "A")))
        octets = bytearray(out.read())
        octets[-1] ^= 1
        connection.sendall(octets)
        check(ends(connection, 10) <= LATE, "still open")


CASES = [
    kdig_is_answered, dnsperf_is_answered, plain_port_is_as_ever, protocol_is_agreed_on,
    what_is_not_ours_is_refused, sessions_are_resumed, openssl_resumes_its_session,
    early_data_are_not_offered, nobody_is_asked_for_a_certificate, renegotiation_is_refused,
    new_certificate_counts_after_a_reload, certificate_that_expires_is_an_alarm,
    messages_may_be_cut_anywhere,
    many_messages_are_answered_in_order, client_that_ends_gets_its_answers,
    idle_connection_is_closed_in_time, handshake_has_its_time, oldest_idle_connection_makes_room,
    client_has_a_cap, early_ends_leave_nothing_behind, nonsense_ends_the_connection,
    damaged_record_ends_the_connection, handshakes_are_counted,
]


def measure_idle(binaries, count):
    with Server(binaries, idle=600, connections=count + 10) as server:
        server.wait_until_it_answers()
        clients = []
        before = resident(server.process.pid)
        for i in range(count):
            clients.append(Client(server, 1 + i // PER_CLIENT % 250))
            clients[-1].ask()
        each = (resident(server.process.pid) - before) / count
        say("%d idle connections: %.1f KiB each" % (count, each / 1024))
        check(each <= IDLE_MOST, "more than %d" % IDLE_MOST)


def run_all(binaries):
    failed = []
    with Server(binaries) as server:
        server.wait_until_it_answers()
        for case in CASES:
            try:
                case(server)
                check(server.answers(), "nothing is answered after it")
                say("ok %s" % case.__name__)
            except (Failure, OSError) as error:
                failed.append(case.__name__)
                say("FAILED %s: %s" % (case.__name__, error))
        status = server.stop()
        check(status == 0, "anser-control has ended with %s" % status)
        check(not failed, "failed:", ", ".join(failed))


def main():
    arguments = sys.argv[1:]
    idle = int(arguments.pop(arguments.index("--idle") + 1)) if "--idle" in arguments else 0
    arguments = [a for a in arguments if a != "--idle"]
    binaries = os.path.abspath(arguments[0] if arguments else os.environ["ANSER_BIN_DIR"])
    for name in ("anser-control", "anserctl"):
        if not os.access(os.path.join(binaries, name), os.X_OK):
            say("skipped: no %s in ANSER_BIN_DIR (%r)" % (name, binaries))
            return SKIP
    warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1, which is asked for in order to be refused
    if idle:
        measure_idle(binaries, idle)
    else:
        run_all(binaries)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say("FAILED: %s" % failure)
        sys.exit(1)
