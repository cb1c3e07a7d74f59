#!/usr/bin/python3
"""Another certificate for HTTPS, without a restart.

Who is connected keeps the one that he was shown, whatever he is in the middle of; who comes gets the new one.
A certificate that cannot be taken is refused with all of the configuration, and says why; the old one stays.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys

from checks import ControlSocket, Programs, check, free_ports, passes, say, until

KEY = "correct-horse-battery"
TIMEOUT = 60  # seconds that a request may take, so that none ends while something is waited for

CONFIG = """server:
  listen: 127.0.0.1@%(dns)d
  io: udp
api:
  tls-listen: 127.0.0.1@%(https)d
  %(certificate)skey-file: key
  timeout: %(timeout)ds
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
zones: []
"""
OF_THE_OPERATOR = "tls-certificate: cert.pem\n  tls-key: key.pem\n  "


class Server(Programs):
    def __init__(self, certificate):
        super().__init__("anser-https")
        dns, self.https = free_ports(2)
        self.write("key", KEY + "\n")
        self.write("anser.yaml", CONFIG % {"dns": dns, "https": self.https, "certificate": certificate,
                                           "timeout": TIMEOUT})

    def start(self):
        self.process = self.spawn(os.path.join(os.environ["ANSER_BIN_DIR"], "anser-control"), "-c",
                                  self.path("anser.yaml"))
        until("it is ready", self.is_ready, 20)
        self.control = ControlSocket(self.path("control.sock"))

    def is_ready(self):
        check(self.process.poll() is None, "anser-control has ended")
        with contextlib.suppress(OSError, http.client.HTTPException), Client(self) as client:
            return client.ask("GET", "/healthz") == 200
        return False

    def make_certificate(self, days, name="cert.pem", key="key.pem"):
        """Gives its fingerprint."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", str(days), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", self.path(key), "-out", self.path(name)],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=True)
        os.chmod(self.path(key), 0o600)
        with open(self.path(name), encoding="ascii") as file:
            return fingerprint(ssl.PEM_cert_to_DER_cert(file.read()))

    def reload(self):
        self.control.done("conf reload")

    def refuses(self, *words):
        outcome, result = self.control.command("conf reload")
        check(outcome == 1, "was not refused", result)
        check(all(word in result["error"] for word in words), result)

    def alarms_name(self, what):
        return any(what in alarm for alarm in self.control.done("status")["alarms"])

    def shown(self):
        with Client(self) as client:
            check(client.ask("GET", "/healthz") == 200, "a new client")
            return client.shown

    def polls(self):
        """How many epoll descriptors it has: one for the loop, and one for each libmicrohttpd."""
        directory = "/proc/%d/fd" % self.process.pid
        count = 0
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                count += os.readlink(os.path.join(directory, name)) == "anon_inode:[eventpoll]"
        return count


def fingerprint(certificate):
    return hashlib.sha256(certificate).hexdigest().upper()


class Client:
    """A connection that stays, whatever certificate it is shown."""

    def __init__(self, server):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.http = http.client.HTTPSConnection("127.0.0.1", server.https, timeout=30, context=context)
        self.http.connect()
        self.shown = fingerprint(self.http.sock.getpeercert(True))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def ask(self, method, path):
        check(self.http.sock, "the connection has ended")
        self.http.request(method, path, headers={"X-API-Key": KEY})
        answer = self.http.getresponse()
        answer.read()
        return answer.status

    def begin_zone(self, name):
        """Half of a request; the function that it gives sends the rest, and gives the status."""
        body = json.dumps({"name": name, "kind": "Native", "nameservers": ["ns1.example."]}).encode()
        self.http.putrequest("POST", "/api/v1/servers/localhost/zones")
        self.http.putheader("X-API-Key", KEY)
        self.http.putheader("Content-Length", str(len(body)))
        self.http.endheaders(body[:10])

        def end():
            self.http.send(body[10:])
            answer = self.http.getresponse()
            answer.read()
            return answer.status
        return end


def renewed(server, old_print):
    new_print = server.make_certificate(90)
    with Client(server) as old, Client(server) as busy:
        end = busy.begin_zone("half.example.")
        check(old.ask("GET", "/api/v1/servers/localhost") == 200, "before")
        check(server.shown() == old_print, "it is read before it is told to")
        server.process.send_signal(signal.SIGHUP)
        until("the new certificate", lambda: server.shown() == new_print)
        check(old.shown == old_print and old.ask("GET", "/healthz") == 200, "who is connected")
        status = end()
        check(status == 201, "a request that had begun", status)
        check(old.ask("GET", "/api/v1/servers/localhost/zones/half.example.") == 200, "what it has done")
        server.reload()
        check(server.shown() == new_print and old.ask("GET", "/healthz") == 200, "once more")
    status = server.control.done("status")["certificates"]["https"]
    check(status["days_left"] in (89, 90), status)
    text = server.control.done("metrics")["text"]
    found = re.search(r'anser_certificate_expiry_timestamp_seconds{use="https"} (\d+)', text)
    check(int(found.group(1)) == status["expires_at"], found.group(0), status)
    logged = re.findall(r"HTTPS: certificate with SHA-256 fingerprint (\S+)", server.log())
    check([one.replace(":", "") for one in logged] == [old_print, new_print], logged)
    say("a new certificate counts for who comes, and is told")
    return new_print


def refused(server, good):
    """However it is wrong: nothing changes."""
    def is_as_before():
        check(server.shown() == good, "another certificate is shown")

    with open(server.path("cert.pem"), encoding="ascii") as file:
        certificate = file.read()
    with open(server.path("key.pem"), encoding="ascii") as file:
        key = file.read()
    with Client(server) as client:
        for name, text in (("cert.pem", "nonsense"), ("cert.pem", ""), ("key.pem", "nonsense"),
                           ("cert.pem", certificate[:len(certificate) // 2])):
            server.write(name, text)
            server.refuses(name)
            is_as_before()
            server.write("cert.pem", certificate)
            server.write("key.pem", key)
        server.make_certificate(30, name="other.pem", key="key.pem")
        server.refuses("key.pem is not the key of", "cert.pem")
        is_as_before()
        server.write("key.pem", key)
        os.chmod(server.path("key.pem"), 0o644)
        server.refuses("key.pem")
        os.remove(server.path("key.pem"))
        server.refuses("key.pem")
        is_as_before()
        check(server.alarms_name("key.pem"), "no alarm")
        server.write("key.pem", key)
        server.reload()
        check(not server.alarms_name("key.pem"), "the alarm is not over")
        check(client.ask("GET", "/healthz") == 200, "who was connected all the while")
        is_as_before()
    say("a bad one is refused, and the old one stays")


def other_files(server):
    """By its path, and together with something that cannot be: all or nothing."""
    before = server.shown()
    new_print = server.make_certificate(60, name="moved.pem", key="moved.key")
    with open(server.path("anser.yaml"), encoding="ascii") as file:
        good = file.read()
    moved = good.replace("cert.pem", "moved.pem").replace("key.pem", "moved.key")
    server.write("anser.yaml", moved.replace("api:", "api:\n  listen: 192.0.2.1@8081"))
    server.refuses("192.0.2.1")
    check(server.shown() == before, "half of a configuration")
    server.write("anser.yaml", moved)
    result = server.control.done("conf reload")
    check(not result["needs_restart"], result)
    check(server.shown() == new_print, "the other file's")
    say("so are other files")


def many(server):
    """Each has its own libmicrohttpd as long as somebody is connected, and no longer."""
    before = server.polls()
    with contextlib.ExitStack() as stack:
        clients = []
        for days in range(100, 120):
            wanted = server.make_certificate(days, name="moved.pem", key="moved.key")
            server.reload()
            clients.append(stack.enter_context(Client(server)))
            check(clients[-1].shown == wanted, "which certificate")
        check(all(client.ask("GET", "/healthz") == 200 for client in clients), "all of them")
        check(server.polls() == before + len(clients) - 1, server.polls(), before)
    until("the old ones have gone: %d, %d" % (server.polls(), before), lambda: server.polls() == before)
    say("old ones go with their last connection")


def begun(server):
    """It ends while connections stand that were made by several certificates, in the middle of requests."""
    with Client(server) as one, Client(server) as two:
        one.begin_zone("never.example.")
        server.make_certificate(10, name="moved.pem", key="moved.key")
        server.reload()
        with Client(server) as three:
            three.begin_zone("neither.example.")
            check(two.ask("GET", "/healthz") == 200, "before the end")
            server.process.send_signal(signal.SIGTERM)
            check(server.process.wait(20) == 0, "its end")
    say("the end comes for all")


def given():
    with Server(OF_THE_OPERATOR) as server:
        first = server.make_certificate(2)
        server.start()
        check(server.shown() == first, "the first one")
        refused(server, renewed(server, first))
        other_files(server)
        many(server)
        begun(server)


def own():
    """What it has made itself is made anew when it is not there any more."""
    with Server("") as server:
        server.start()
        first = server.shown()
        server.reload()
        check(server.shown() == first, "it is kept")
        for name in ("cert.pem", "key.pem"):
            os.remove(server.path("store/tls/" + name))
        server.reload()
        check(server.shown() != first, "another one")
        say("the server's own is made anew when it has been removed")


def main():
    given()
    own()


if __name__ == "__main__":
    sys.exit(passes(main))
