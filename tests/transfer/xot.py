#!/usr/bin/python3
"""Zone transfers over TLS (RFC 9103) between anser-control and BIND, both ways, and who is not let in; and to NSD.

BIND has the zones "in.example." and "up.example." (of which Anser is a secondary) and "out.example." (of which it is
one). Nothing but a NOTIFY goes between them without TLS.
"""

import base64
import hashlib
import os
import re
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.update

from checks import SKIP, Failure, Planes, check, end_process, free_ports, say, until

NAMED = "/usr/sbin/named"
NSD_PROGRAM = "/usr/sbin/nsd"

ZONE = """$ORIGIN %(name)s
$TTL 60
@ SOA ns hostmaster %(serial)d 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
serial TXT "%(serial)d"
""" + "".join("host-%03d A 192.0.2.%d\n" % (i, i % 250) for i in range(2000))

BIND = """
tls own { cert-file "bind.pem"; key-file "bind.key"; };
tls anser { ca-file "anser.pem"; remote-hostname "anser.example";
            cert-file "bind.pem"; key-file "bind.key"; };
options {
  directory "%(directory)s";
  listen-on port %(bind)d { 127.0.0.1; };
  listen-on port %(bind_tls)d tls own { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
  min-refresh-time 1; min-retry-time 1; ixfr-from-differences yes;
};
controls { };
zone "in.example" {
  type primary; file "in.zone"; notify explicit; also-notify { 127.0.0.1 port %(anser)d; };
  allow-transfer port %(bind_tls)d transport tls { any; };
};
zone "up.example" {
  type primary; file "up.zone"; allow-update { 127.0.0.1; };
  allow-transfer port %(bind_tls)d transport tls { any; };
};
zone "out.example" {
  type secondary; file "out.bind"; masterfile-format text; allow-notify { 127.0.0.1; };
  primaries { 127.0.0.1 port %(anser_tls)d tls anser; };
};
"""

NSD = """server:
  ip-address: 127.0.0.1@%(nsd)d
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "%(directory)s"
  zonelistfile: "%(directory)s/zone.list"
  xfrdfile: "%(directory)s/xfrd.state"
  xfrdir: "%(directory)s"
  pidfile: "%(directory)s/nsd.pid"
  zonefiles-write: 0
  xfrd-reload-timeout: 1
  verbosity: 2
  tls-cert-bundle: "%(directory)s/anser.pem"
tls-auth:
  name: anser
  auth-domain-name: "%(name)s"
  client-cert: "%(directory)s/nsd.pem"
  client-key: "%(directory)s/nsd.key"
zone:
  name: out.example
  zonefile: out.nsd
  allow-notify: 127.0.0.1 NOKEY
  request-xfr: 127.0.0.1@%(anser_tls)d NOKEY anser
  min-retry-time: 1
  max-retry-time: 1
"""

ANSER = """server:
  listen: [127.0.0.1@%(anser)d]
  tls-listen: [127.0.0.1@%(anser_tls)d]
  tls-certificate: anser.pem
  tls-key: anser.key
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(dataplane)s
tls-profiles:
  - { name: by-pin, pins: ["%(pin)s"] }
  - { name: by-name, ca: bind.pem, host: bind.example }
  - { name: nsd-by-pin, pins: ["%(nsd_pin)s"] }
  - { name: wrong-pin, pins: ["%(wrong)s"] }
  - { name: wrong-name, ca: bind.pem, host: other.example }
  - { name: no-authority, ca: none.pem, host: bind.example }
remotes:
  - { name: bind, addresses: ["127.0.0.1@%(bind_tls)d"], tls: %(profile)s }
  - { name: mute, addresses: ["127.0.0.1@%(mute)d"], tls: by-pin }
  - { name: nsd, addresses: ["127.0.0.1@%(nsd)d"] }
acls:
  - { name: bind-itself, addresses: [127.0.0.1], tls: %(client)s, actions: [transfer] }
  - { name: nsd-itself, addresses: [127.0.0.1], tls: %(nsd_client)s, actions: [transfer] }
templates:
  - { name: default, notify-ns: "no", refresh-min: 1s, retry-min: 1s }
  - { name: forwards, forward-updates: yes }
zones:
  - { name: in.example., kind: secondary, primaries: [bind] }
  - { name: up.example., kind: secondary, primaries: [bind], template: forwards }
  - { name: mute.example., kind: secondary, primaries: [mute] }
  - { name: out.example., kind: primary, file: out.zone, acls: [bind-itself, nsd-itself], notify: [bind, nsd] }
"""


class Stage(Planes):
    def __init__(self, binaries):
        super().__init__("anser-xot", binaries)
        self.bind, self.bind_tls, self.anser, self.anser_tls, self.mute, self.nsd = free_ports(6)
        self.named = {}
        for name, host in (("bind", "bind"), ("anser", "anser"), ("false", "bind"), ("nsd", "nsd")):
            self.make_certificate(name, host)
        self.write_zone("in", 1)
        self.write_zone("out", 1)
        self.write_zone("up", 1)

    def write(self, name, text):
        """Whoever reads it meanwhile reads the old one."""
        os.rename(super().write("new", text), self.path(name))

    def write_zone(self, name, serial):
        self.write(name + ".zone", ZONE % {"name": name + ".example.", "serial": serial})

    def tool(self, *command):
        return subprocess.run(command, cwd=self.dir, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False).stdout

    def make_certificate(self, name, host):
        self.tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "2", "-subj", "/CN=%s.example" % host, "-addext",
                 "subjectAltName=DNS:%s.example" % host, "-keyout", name + ".key", "-out", name + ".pem")
        os.chmod(self.path(name + ".key"), 0o600)

    def pin(self, name):
        public = self.tool("openssl", "x509", "-in", name + ".pem", "-pubkey", "-noout")
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public,
                             stdout=subprocess.PIPE, check=True).stdout
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    def configure(self, profile, client="by-pin"):
        """How Anser knows BIND: as a server, and as a client."""
        values = {"directory": self.dir, "bind": self.bind, "bind_tls": self.bind_tls,
                  "anser": self.anser, "anser_tls": self.anser_tls, "pin": self.pin("bind"),
                  "nsd": self.nsd, "nsd_pin": self.pin("nsd"),
                  "nsd_client": "nsd-by-pin" if client == "by-pin" else client,
                  "wrong": self.pin("anser"), "profile": profile,
                  "client": client, "mute": self.mute,
                  "dataplane": os.path.join(self.binaries, "anser-dataplane")}
        self.write("named.conf", BIND % values)
        self.write("anser.yaml", ANSER % values)

    def start(self, name, *command):
        self.named[name] = self.spawn(*command, log=name)

    def start_anser(self):
        self.start("anser", os.path.join(self.binaries, "anser-control"), "-c", "anser.yaml")

    def start_bind(self):
        self.start("bind", NAMED, "-g", "-n", "1", "-c", self.path("named.conf"))

    def start_nsd(self, name):
        """It takes Anser for that."""
        self.write("nsd.conf", NSD % {"directory": self.dir, "nsd": self.nsd, "name": name,
                                      "anser_tls": self.anser_tls})
        self.start("nsd", NSD_PROGRAM, "-d", "-c", self.path("nsd.conf"))

    def transfer(self, name):
        """What comes of asking for out.example with the certificate of that name."""
        return self.tool("kdig", "@127.0.0.1", "-p", str(self.anser_tls), "+retry=0", "+tls",
                        "+tls-certfile=%s.pem" % name, "+tls-keyfile=%s.key" % name, "out.example", "AXFR").decode()

    def serial(self, port, name):
        """None: it is not served."""
        try:
            answer = dns.query.udp(dns.message.make_query(name, "SOA"), "127.0.0.1", 2, port)
        except (dns.exception.DNSException, OSError):
            return None
        return answer.answer[0][0].serial if answer.answer else None


def follows(stage, port, name, serial):
    until("%s at serial %d on port %d" % (name, serial, port),
          lambda: stage.serial(port, name) == serial, 20)


def anser_follows_bind(stage):
    follows(stage, stage.anser, "in.example.", 1)
    stage.write_zone("in", 2)
    stage.named["bind"].send_signal(1)
    until("BIND at serial 2", lambda: stage.serial(stage.bind, "in.example.") == 2, 20)
    stage.ctl("zone", "refresh", "in.example")
    follows(stage, stage.anser, "in.example.", 2)
    said = stage.ctl("zone", "show", "in.example")
    check("2005" in said or "2004" in said, said)


def bind_follows_anser(stage):
    """By notifications over TLS."""
    follows(stage, stage.bind, "out.example.", 1)
    stage.write_zone("out", 2)
    stage.ctl("zone", "reload", "out.example")
    follows(stage, stage.anser, "out.example.", 2)
    follows(stage, stage.bind, "out.example.", 2)


def nsd_follows_anser(stage):
    """With a certificate of its own, and a primary of no other name than it has been told. Its first connection
    is without that, and so refused."""
    if not os.access(NSD_PROGRAM, os.X_OK):
        say("without NSD: there is no %s" % NSD_PROGRAM)
        return
    stage.start_nsd("other.example")
    until("NSD does not take Anser for another", lambda: "TLS verify failed" in stage.log("nsd"))
    check(stage.serial(stage.nsd, "out.example.") is None, "NSD took a zone from somebody else")
    end_process(stage.named["nsd"])
    stage.start_nsd("anser.example")
    follows(stage, stage.nsd, "out.example.", 2)
    stage.write_zone("out", 3)
    stage.ctl("zone", "reload", "out.example")
    for port in (stage.anser, stage.bind, stage.nsd):
        follows(stage, port, "out.example.", 3)
    end_process(stage.named["nsd"])


def update_is_forwarded(stage):
    follows(stage, stage.anser, "up.example.", 1)
    update = dns.update.Update("up.example.")
    update.add("new", 60, "A", "192.0.2.77")
    answer = dns.query.tcp(update, "127.0.0.1", 10, stage.anser)
    check(answer.rcode() == dns.rcode.NOERROR, answer.to_text())
    check(stage.serial(stage.bind, "up.example.") == 2, "it has not come to BIND")
    stage.ctl("zone", "refresh", "up.example")
    follows(stage, stage.anser, "up.example.", 2)


def others_get_nothing(stage):
    """Over TLS without BIND's certificate, and from BIND's address without TLS."""
    words = ["kdig", "@127.0.0.1", "+retry=0"]
    said = stage.tool(*words, "-p", str(stage.anser_tls), "+tls", "out.example", "AXFR").decode()
    check("REFUSED" in said, said)
    said = stage.tool(*words, "-p", str(stage.anser), "+tcp", "out.example", "AXFR").decode()
    check("REFUSED" in said, said)


def wrong_server_is_not_followed(stage):
    for profile, why in (("wrong-pin", "not one of those pinned"), ("wrong-name", "hostname mismatch")):
        stage.configure(profile)
        said = stage.ctl("conf", "reload")
        before = len(stage.log("anser"))
        # Again and again: one that comes while another check is under way adds nothing to it.
        until("a complaint about it (%s)" % said,
              lambda: stage.ctl("zone", "retransfer", "in.example") is not None
              and why in stage.log("anser")[before:], 20)
        check(stage.serial(stage.anser, "in.example.") == 2, "the old contents are gone")


def server_is_known_by_name(stage):
    stage.configure("by-name")
    stage.ctl("conf", "reload")
    stage.write_zone("in", 3)
    stage.named["bind"].send_signal(1)
    until("BIND at serial 3", lambda: stage.serial(stage.bind, "in.example.") == 3, 20)
    stage.ctl("zone", "refresh", "in.example")
    follows(stage, stage.anser, "in.example.", 3)


def client_is_asked_for_a_certificate(stage):
    said = stage.tool("openssl", "s_client", "-connect", "127.0.0.1:%d" % stage.anser_tls, "-msg").decode()
    check("CertificateRequest" in said, said)


def client_is_known_by_name(stage):
    stage.configure("by-name", "by-name")
    said = stage.ctl("conf", "reload")
    stage.write_zone("out", 4)
    stage.ctl("zone", "reload", "out.example")
    follows(stage, stage.anser, "out.example.", 4)
    follows(stage, stage.bind, "out.example.", 4)
    # Who proves to be somebody else is told of.
    for name, why in (("anser", "for profile by-name: it has not the name"),
                      ("false", "for profile by-name: self-signed certificate")):
        said = stage.transfer(name)
        check("REFUSED" in said, said)
        check("127.0.0.1 is nobody whom a rule knows: certificate of CN=" in stage.log("anser")
              and why in stage.log("anser"), "nothing is said of %s" % name)
    check(stage.transfer("bind").count("host-") == 2000, "not with BIND's own certificate")


def receive(client):
    octets = b""
    while len(octets) < 2 or len(octets) < 2 + int.from_bytes(octets[:2], "big"):
        part = client.recv(65537)
        check(part, "closed after %d octets" % len(octets))
        octets += part
    return octets[2:2 + int.from_bytes(octets[:2], "big")]


def mute_server(stage, protocols, most=ssl.TLSVersion.TLSv1_3):
    """One that has BIND's certificate. Gives what it is asked, or nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stage.path("bind.pem"), stage.path("bind.key"))
    context.maximum_version = most
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_server(("127.0.0.1", stage.mute)) as listener:
        listener.settimeout(20)
        stage.ctl("zone", "refresh", "mute.example")
        with context.wrap_socket(listener.accept()[0], server_side=True) as one:
            one.settimeout(20)
            return one.recv(1000)


def server_has_to_agree_to_the_protocol(stage):
    before = len(stage.log("anser"))
    check(mute_server(stage, []) == b"", "it is asked without having said that it speaks DNS")
    until("a word on it", lambda: "has not agreed to ALPN" in stage.log("anser")[before:], 20)
    check(b"\4mute\7example" in mute_server(stage, ["dot"]), "it is not asked")


def other_versions_are_not_for_transfers(stage):
    """The certificate alone is not enough, and a server of TLS 1.2 is not asked."""
    question = dns.message.make_query("out.example.", "AXFR")
    for most, rcode in ((ssl.TLSVersion.TLSv1_2, dns.rcode.REFUSED), (ssl.TLSVersion.TLSv1_3, dns.rcode.NOERROR)):
        context = ssl.create_default_context(cafile=stage.path("anser.pem"))
        context.load_cert_chain(stage.path("bind.pem"), stage.path("bind.key"))
        context.maximum_version = most
        with socket.create_connection(("127.0.0.1", stage.anser_tls), 10) as raw, \
                context.wrap_socket(raw, server_hostname="anser.example") as client:
            dns.query.send_tcp(client, question)
            # Of a transfer that is the first message of some.
            answer = dns.message.from_wire(receive(client), one_rr_per_rrset=True)
            check(answer.rcode() == rcode, "%s: %s" % (most, dns.rcode.to_text(answer.rcode())))
    before = len(stage.log("anser"))
    try:
        check(mute_server(stage, ["dot"], ssl.TLSVersion.TLSv1_2) == b"", "it is asked over TLS 1.2")
    except (ssl.SSLError, ConnectionError):
        pass
    until("a word on it", lambda: re.search(r"mute\.example\.: .*TLS: .*(version|protocol)", stage.log("anser")[before:]), 20)


def sessions_are_resumed_with_the_server(stage):
    def count():
        said = re.search(r'handshakes_total\{direction="out",kind="resumed"\} (\d+)', stage.ctl("metrics"))
        return int(said.group(1))
    before = count()
    until("a session that is resumed", lambda: stage.ctl("zone", "refresh", "in.example") is not None
          and count() > before, 20)


def authority_that_cannot_be_read_is_refused(stage):
    stage.configure("by-name", "no-authority")
    said = stage.ctl("conf", "reload")
    check("tls-profiles: no-authority: rules name it, and it fits nobody" in said and "none.pem" in said, said)
    check(stage.transfer("bind").count("host-") == 2000, "what counted before does not count")
    # But it is no reason to answer nobody.
    end_process(stage.named["anser"])
    stage.start_anser()
    follows(stage, stage.anser, "out.example.", 4)
    check("no-authority: rules name it, and it fits nobody" in stage.log("anser"), "nothing is said at the start")
    check("REFUSED" in stage.transfer("bind"), "it fits")


CASES = [anser_follows_bind, bind_follows_anser, nsd_follows_anser, update_is_forwarded, others_get_nothing,
         wrong_server_is_not_followed, server_is_known_by_name, client_is_asked_for_a_certificate, client_is_known_by_name,
         server_has_to_agree_to_the_protocol, other_versions_are_not_for_transfers,
         sessions_are_resumed_with_the_server, authority_that_cannot_be_read_is_refused]


def main():
    binaries = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ["ANSER_BIN_DIR"])
    for program in (NAMED, os.path.join(binaries, "anser-control")):
        if not os.access(program, os.X_OK):
            say("skipped: no %s" % program)
            return SKIP
    with Stage(binaries) as stage:
        stage.configure("by-pin")
        stage.start_bind()
        until("BIND", lambda: stage.serial(stage.bind, "in.example.") == 1, 20)
        stage.start_anser()
        for case in CASES:
            case(stage)
            say("ok %s" % case.__name__)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say("FAILED: %s" % failure)
        sys.exit(1)
