#!/usr/bin/python3
"""A DHCP server's updates (RFC 4703): Kea's D2 adds names of leases with the DHCID of whose they are, does not touch
those of somebody else, and takes them away when the lease is over. What Anser answers to its prerequisites
decides."""

import base64
import json
import os
import shutil
import socket
import sys
import time

import dns.message
import dns.query

from checks import ControlSocket, Programs, Skipped, check, free_ports, passes, say, until

BIN = os.path.abspath(os.environ.get("ANSER_BIN_DIR", "build/dev/bin"))
PROGRAM = shutil.which("kea-dhcp-ddns") or "/usr/sbin/kea-dhcp-ddns"
SECRET = base64.b64encode(b"0123456789abcdef" * 2).decode()
TEXT = "@ 300 SOA ns.other. who.other. 7 3600 600 86400 0\n@ 300 NS ns.other.\n"
FORWARD, REVERSE = "dyn.example.", "2.0.192.in-addr.arpa."
CONFIG = """server:
  listen: [127.0.0.1@%(port)d]
  workers: 1
  io: udp
control:
  store: %(dir)s/store
  control-socket: %(dir)s/control.sock
  dataplane-socket: %(dir)s/dataplane.sock
  supervise: %(bin)s/anser-dataplane
keys:
  - {name: dhcp.key., secret: "%(secret)s"}
acls:
  - {name: names, keys: dhcp.key., actions: update, update-types: [A, AAAA, DHCID]}
  - {name: addresses, keys: dhcp.key., actions: update, update-types: [PTR, DHCID]}
zones:
  - {name: dyn.example., file: %(dir)s/forward.zone, acls: names}
  - {name: 2.0.192.in-addr.arpa., file: %(dir)s/reverse.zone, acls: addresses}
"""
ADD, REMOVE = 0, 1


class Stage(Programs):
    def __init__(self):
        super().__init__("kea")
        self.port, self.kea_port = free_ports(2)

    def records(self, name, rrtype):
        try:
            answer = dns.query.udp(dns.message.make_query(name, rrtype), "127.0.0.1", 1, self.port)
        except (OSError, dns.exception.DNSException):
            return []
        return sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)

    def start_anser(self):
        for name in ("forward", "reverse"):
            self.write(name + ".zone", TEXT)
        self.spawn(BIN + "/anser-control", "-c", self.write("anser.yaml", CONFIG % {
            "dir": self.dir, "port": self.port, "bin": BIN, "secret": SECRET}))
        until("the zones are served", lambda: self.records(FORWARD, "SOA") and self.records(REVERSE, "SOA"))

    def start_kea(self):
        def domains(name):
            return {"ddns-domains": [{"name": name, "key-name": "dhcp.key", "dns-servers": [
                {"ip-address": "127.0.0.1", "port": self.port}]}]}

        self.spawn(PROGRAM, "-c", self.write("kea.conf", json.dumps({"DhcpDdns": {
            "ip-address": "127.0.0.1", "port": self.kea_port, "dns-server-timeout": 2000,
            "tsig-keys": [{"name": "dhcp.key", "algorithm": "HMAC-SHA256", "secret": SECRET}],
            "forward-ddns": domains(FORWARD), "reverse-ddns": domains(REVERSE),
            "loggers": [{"name": "kea-dhcp-ddns", "severity": "INFO",
                         "output_options": [{"output": "stdout"}]}]}})),
            KEA_PIDFILE_DIR=self.dir, KEA_LOCKFILE_DIR=self.dir)
        until("Kea listens", lambda: "DHCP_DDNS_STARTED" in self.log())

    def lease(self, change, address, client):
        """What a DHCP server tells D2 of one."""
        text = json.dumps({
            "change-type": change, "forward-change": True, "reverse-change": True, "fqdn": "host." + FORWARD,
            "ip-address": address, "dhcid": "000001" + "%02x" % client * 32,
            "lease-expires-on": time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 3600)),
            "lease-length": 3600, "use-conflict-resolution": True}).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(len(text).to_bytes(2, "big") + text, ("127.0.0.1", self.kea_port))


def leases(stage):
    host = "host." + FORWARD

    def has(address):
        return stage.records(host, "A") == ([address] if address else [])

    stage.lease(ADD, "192.0.2.9", 1)
    until("a name is added", lambda: has("192.0.2.9"))
    owner = stage.records(host, "DHCID")
    check(len(owner) == 1, "it has", owner, "for a DHCID")
    until("its address has a name", lambda: stage.records("9." + REVERSE, "PTR") == [host])
    stage.lease(ADD, "192.0.2.10", 2)
    until("Kea is refused the name of another", lambda: "DHCP_DDNS_ADD_FAILED" in stage.log())
    check(has("192.0.2.9") and stage.records(host, "DHCID") == owner, "another client has got the name")
    stage.lease(ADD, "192.0.2.11", 1)
    until("the same client has another address", lambda: has("192.0.2.11"))
    stage.lease(REMOVE, "192.0.2.11", 1)
    until("the name is gone", lambda: has(None) and not stage.records(host, "DHCID"))
    until("and that of the address", lambda: not stage.records("11." + REVERSE, "PTR"))
    control = ControlSocket(stage.path("control.sock"))
    changes = control.done("zone history", zone=FORWARD)["changes"]
    control.close()
    check(all(change["actor"]["name"] == "dhcp.key" for change in changes[:-1]), "changed by", changes)
    say("Kea adds, keeps apart and removes names, by %d updates" % (len(changes) - 1))


def main():
    if not os.path.exists(PROGRAM):
        raise Skipped("kea-dhcp-ddns is not installed")
    with Stage() as stage:
        stage.start_anser()
        stage.start_kea()
        leases(stage)


sys.exit(passes(main))
