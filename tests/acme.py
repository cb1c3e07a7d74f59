#!/usr/bin/python3
"""ACME by DNS: certbot (dns-rfc2136) and lego prove to a certificate authority that they hold a zone, by updates
signed with a key that may change the names of challenges and nothing else, and get a certificate for the
zone's names and all below it. The authority is pebble, which asks Anser."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request

import dns.message
import dns.query

from checks import ControlSocket, Programs, Skipped, check, free_ports, passes, say, until

BIN = os.path.abspath(os.environ.get("ANSER_BIN_DIR", "build/dev/bin"))
ZONE = "acme.example."
KEY, SECRET = "acme.key.", base64.b64encode(b"0123456789abcdef" * 2).decode()
TEXT = """$ORIGIN acme.example.
@ 300 SOA ns.other. who.other. 7 3600 600 86400 0
@ 300 NS ns.other.
www 300 A 192.0.2.1
"""
CONFIG = """server:
  listen: [127.0.0.1@%(port)d]
  workers: 1
  io: udp
control:
  store: %(dir)s/store
  control-socket: %(dir)s/control.sock
  dataplane-socket: %(dir)s/dataplane.sock
  supervise: %(bin)s/anser-dataplane
acls:
  - {name: acme, keys: acme.key., actions: update, update-names: [_acme-challenge, "_acme-challenge.*"], update-types: TXT}
zones:
  - {name: acme.example., file: %(dir)s/acme.zone, acls: acme}
"""
PROGRAMS = ("pebble", "certbot", "lego", "openssl")


class Stage(Programs):
    def __init__(self):
        super().__init__("acme")
        self.port, self.acme_port, self.manage_port = free_ports(3)

    def run(self, *command, **environment):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False, cwd=self.dir, env={**os.environ, **environment})
        check(done.returncode == 0, " ".join(command), "ended with", done.returncode, done.stdout[-2000:],
              done.stderr[-2000:])
        return done.stdout

    def serial(self):
        try:
            answer = dns.query.udp(dns.message.make_query(ZONE, "SOA"), "127.0.0.1", 1, self.port)
        except (OSError, dns.exception.DNSException):
            return None
        return answer.answer[0][0].serial if answer.answer else None

    def start_anser(self):
        self.write("acme.zone", TEXT)
        config = self.write("anser.yaml", CONFIG % {"dir": self.dir, "port": self.port, "bin": BIN})
        self.spawn(BIN + "/anser-control", "-c", config)
        until("the zone is served", lambda: self.serial() == 7)
        control = ControlSocket(self.path("control.sock"))
        control.done("tsig import", text="hmac-sha256:%s:%s" % (KEY.rstrip("."), SECRET))
        control.close()

    def start_pebble(self):
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", "pebble.key", "-out", "pebble.crt", "-days", "2", "-subj", "/CN=pebble",
                 "-addext", "subjectAltName=IP:127.0.0.1")
        self.write("pebble.json", json.dumps({"pebble": {
            "listenAddress": "127.0.0.1:%d" % self.acme_port,
            "managementListenAddress": "127.0.0.1:%d" % self.manage_port,
            "certificate": self.path("pebble.crt"), "privateKey": self.path("pebble.key"),
            "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": ""}}))
        pebble = self.spawn("pebble", "-config", "pebble.json", "-dnsserver", "127.0.0.1:%d" % self.port,
                            PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0", PEBBLE_AUTHZREUSE="0")
        until("pebble answers", lambda: self.answers(pebble))

    @property
    def directory(self):
        return "https://127.0.0.1:%d/dir" % self.acme_port

    def answers(self, pebble):
        check(pebble.poll() is None, "pebble ended:", self.log())
        trusted = ssl.create_default_context(cafile=self.path("pebble.crt"))
        try:
            with urllib.request.urlopen(self.directory, timeout=2, context=trusted) as answer:
                return answer.status == 200
        except OSError:
            return False

    def history(self):
        control = ControlSocket(self.path("control.sock"))
        changes = control.done("zone history", zone=ZONE, limit=100)["changes"]
        control.close()
        return changes


def names_of(stage, certificate):
    return stage.run("openssl", "x509", "-in", certificate, "-noout", "-ext", "subjectAltName")


def expect(stage, who, certificate, before):
    names = names_of(stage, certificate)
    check("DNS:*.acme.example" in names, who, "got a certificate for", names)
    changes = [c for c in stage.history() if c["serial"] > before]
    check(changes and all(c["actor"]["name"] == "acme.key" for c in changes), who, "changed", changes)
    check(sum(c["records_added"] - c["records_removed"] for c in changes) == 0, who, "left records behind")
    say("%s has a certificate for *.acme.example, by %d updates" % (who, len(changes)))


def by_certbot(stage):
    before = stage.serial()
    settings = stage.write("certbot.ini", "\n".join([
        "dns_rfc2136_server = 127.0.0.1", "dns_rfc2136_port = %d" % stage.port,
        "dns_rfc2136_name = %s" % KEY, "dns_rfc2136_secret = %s" % SECRET,
        "dns_rfc2136_algorithm = HMAC-SHA256", ""]))
    stage.run("certbot", "certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email",
              "--server", stage.directory, "--config-dir", "certbot", "--work-dir", "certbot",
              "--logs-dir", "certbot", "--dns-rfc2136", "--dns-rfc2136-credentials", settings,
              "--dns-rfc2136-propagation-seconds", "0", "-d", "*.acme.example", "-d", "acme.example",
              REQUESTS_CA_BUNDLE=stage.path("pebble.crt"))
    expect(stage, "certbot", "certbot/live/acme.example/cert.pem", before)


def by_lego(stage):
    before = stage.serial()
    server = "127.0.0.1:%d" % stage.port
    stage.run("lego", "--accept-tos", "--email", "who@acme.example", "--server", stage.directory, "--path",
              "lego", "--dns", "rfc2136", "--dns.resolvers", server, "--dns.disable-cp",
              "--domains", "*.acme.example", "run",
              LEGO_CA_CERTIFICATES=stage.path("pebble.crt"), RFC2136_NAMESERVER=server,
              RFC2136_TSIG_KEY=KEY, RFC2136_TSIG_SECRET=SECRET, RFC2136_TSIG_ALGORITHM="hmac-sha256.")
    expect(stage, "lego", "lego/certificates/_.acme.example.crt", before)


def main():
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        raise Skipped("not installed: " + " ".join(missing))
    with Stage() as stage:
        stage.start_anser()
        stage.start_pebble()
        by_certbot(stage)
        by_lego(stage)


sys.exit(passes(main))
