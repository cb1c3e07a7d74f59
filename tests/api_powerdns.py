#!/usr/bin/python3
"""The API with the paths and shapes of PowerDNS: what its clients send, sent to Anser and, where it
is installed, to a PowerDNS with SQLite; both must give the same statuses and the same JSON, but for
the differences that a step names. Then lexicon and lego, as they are, against Anser. What a change
brought is asked over DNS as soon as its 204 is there.

Starts anser-control of ANSER_BIN_DIR (or of the directory given as argument) with a data plane.
"""

import base64
import contextlib
import http.client
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import dns.message
import dns.query
import dns.rcode

from checks import Failure, Programs, check, end_process, free_ports, until

KEY = "correct-horse-battery"
BASE = "/api/v1/servers/localhost"
PATIENCE = 15

ANSER = """server:
  listen: 127.0.0.1@%(dns)d
  io: udp
api:
  listen: 127.0.0.1@%(http)d
  key-file: key
  powerdns-version: 4.7.3-anser
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
dnssec-policies:
  - {name: offline, csk: no, ksk: offline}
"""

POWERDNS = """launch=gsqlite3
gsqlite3-database=%(dir)s/pdns.sqlite3
gsqlite3-dnssec=yes
local-address=127.0.0.1
local-port=%(dns)d
api=yes
api-key=%(key)s
webserver=yes
webserver-address=127.0.0.1
webserver-port=%(http)d
socket-dir=%(dir)s
zone-cache-refresh-interval=0
negquery-cache-ttl=0
query-cache-ttl=0
cache-ttl=0
"""

# In the content of an SOA: between its names and its other numbers.
SERIAL = re.compile(r"^(.*\. \S+\.) \d+ (\d+ \d+ \d+ \d+)$")

DS_SHA1 = re.compile(r"^\d+ \d+ 1 [0-9a-f]{40}$")

SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


class Server(Programs):
    """A running server with an API."""

    def __init__(self, name, ready):
        """ready: a path that is there when the server is."""
        super().__init__(name)
        self.name, self.ready = name, ready
        self.dns, self.http = free_ports(2)

    def start(self, config, text, *command):
        """config: what the file is named that is to hold the text."""
        self.write(config, text % {"dns": self.dns, "http": self.http, "key": KEY, "dir": self.dir})
        self.process = self.spawn(*command)
        until(self.name + " is there", self.is_ready, PATIENCE)

    def is_ready(self):
        check(self.process.poll() is None, "%s has ended" % self.name)
        with contextlib.suppress(OSError):
            return self.ask("GET", self.ready)[0] == 200
        return False

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.http, timeout=PATIENCE)

    def ask(self, method, path, body=None, headers=None):
        """Gives status, headers and body as text."""
        client = self.connect()
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        client.request(method, path, body, {"X-API-Key": KEY, **(headers or {})})
        answer = client.getresponse()
        text = answer.read().decode(errors="replace")
        client.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text

    def query(self, name, rdtype):
        """Gives rcode and the texts of the answer's records."""
        q = dns.message.make_query(name, rdtype)
        r = dns.query.udp(q, "127.0.0.1", port=self.dns, timeout=3)
        return (dns.rcode.to_text(r.rcode()),
                sorted(d.to_text() for s in r.answer for d in s))

    def stop(self):
        return end_process(self.process)


def start_anser(server, binaries):
    server.write("key", KEY + "\n")
    server.start("anser.yaml", ANSER, os.path.join(binaries, "anser-control"), "-c", "anser.yaml")


def start_powerdns(server):
    import sqlite3
    with contextlib.closing(sqlite3.connect(server.path("pdns.sqlite3"))) as db:
        with open(SCHEMA) as schema:
            db.executescript(schema.read())
    server.start("pdns.conf", POWERDNS, "pdns_server", "--config-dir=" + server.dir, "--daemon=no", "--guardian=no")


# ---- what is sent ----

def rrset(name, rdtype, changetype, *contents, ttl=60, **more):
    r = {"name": name, "type": rdtype, "changetype": changetype, **more}
    if changetype == "REPLACE":
        r.setdefault("ttl", ttl)
        r.setdefault("records", [{"content": c, "disabled": False} for c in contents])
    return r


class Step:
    """One request. anser: the status that Anser gives instead; why: what is allowed to differ,
    with the status or, with any, in the body alone."""

    def __init__(self, method, path, body=None, status=200, anser=None, why=None, headers=None):
        self.method, self.path, self.body, self.status = method, path, body, status
        self.anser, self.why, self.headers = anser or status, why, headers

    def __str__(self):
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return "%s %s %s" % (self.method, self.path, body[:160] if self.body else "")


def patch(*rrsets, status=204, **more):
    return Step("PATCH", BASE + "/zones/c.test.", {"rrsets": list(rrsets)}, status, **more)


ZONES = BASE + "/zones"
ZONE = ZONES + "/c.test."
WWW = "www.c.test."
TSIGKEYS = BASE + "/tsigkeys"
KEYS = ZONES + "/k.test./cryptokeys"
PRIVATE = """Private-key-format: v1.2
Algorithm: 13 (ECDSAP256SHA256)
PrivateKey: fO0koTMZij4VR2r/mb0lcQbVEIPjePQlbtI4TdCpUxk=
"""
DNSKEY = "257 3 13 Qaqs+doDySklalI0NuUFL+n/s3JatcQjxKDBz/lbT5O85d232TuJreG8CMi40OrWK573+5soPzeEZnkD7SXJlw=="
SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

STEPS = [
    # Creation, as Terraform, dnscontrol, octoDNS, PowerDNS-Admin and Designate do it.
    Step("POST", ZONES, {"name": "c.test.", "kind": "Native", "nameservers": [
        "ns1.c.test.", "ns2.c.test."], "type": "Zone", "dnssec": False,
        "soa_edit_api": "DEFAULT"}, 201),
    Step("POST", ZONES, {"name": "c.test.", "kind": "Native"}, 409),
    Step("POST", ZONES, {"name": "octo.test.", "kind": "Master", "serial": 0, "rrsets": [
        {"name": "octo.test.", "type": "NS", "ttl": 300, "changetype": "REPLACE",
         "records": [{"content": "ns.example.net.", "disabled": False}]},
        {"name": "octo.test.", "type": "MX", "ttl": 300, "changetype": "REPLACE",
         "records": [{"content": "10 mx.example.net.", "disabled": False}], "comments": [
             {"account": "octo", "content": "mail", "modified_at": 1700000000}]}]}, 201),
    Step("POST", ZONES, {"name": "none.test.", "kind": "Native", "nameservers": []}, 201,
         why="a zone without NS gets one: it could not be served"),
    Step("POST", ZONES, {"name": "second.test.", "kind": "slave",
                         "masters": ["192.0.2.1:5300", "[2001:db8::1]:53"]}, 201),
    Step("POST", ZONES, {"name": "text.test.", "kind": "Native", "soa_edit_api": "", "zone":
         "$ORIGIN text.test.\n@ 60 IN SOA ns.text.test. host.text.test. 7 2 3 4 5\n"
         "@ 60 IN NS ns\nns 60 IN A 192.0.2.53\nwww 60 IN A 192.0.2.1\n"}, 201),
    Step("GET", ZONES + "/text.test"),
    Step("GET", ZONES + "/octo.test."),
    Step("GET", ZONES + "/second.test"),
    Step("POST", ZONES, {"name": "bad.test", "kind": "Native"}, 422),
    Step("POST", ZONES, {"name": "b!d.test.", "kind": "Native"}, 422),
    Step("POST", ZONES, {"kind": "Native"}, 422),
    Step("POST", ZONES, {"name": "bad.test."}, 422),
    Step("POST", ZONES, {"name": "bad.test.", "kind": "Native", "nameservers": ["ns1"]}, 422),
    Step("POST", ZONES, {"name": "bad.test.", "kind": "Native", "nameservers": [1]}, 422),
    Step("POST", ZONES, {"name": "bad.test.", "kind": "Native", "nameservers": ["ns.bad.test."],
                         "rrsets": [{"name": "bad.test.", "type": "NS", "ttl": 60, "records": [
                             {"content": "ns.bad.test."}]}]}, 422),
    Step("POST", ZONES, {"name": "bad.test.", "kind": "Native", "zone": "x", "rrsets": [
        rrset("bad.test.", "A", "REPLACE", "192.0.2.1")]}, 422),
    Step("POST", ZONES, "{", 400),
    Step("POST", ZONES, "", 400),
    Step("GET", ZONES + "/bad.test.", status=404),
    # Looking, as everybody does it.
    Step("GET", ZONES),
    Step("GET", ZONES, "{}"),
    Step("GET", ZONES + "?dnssec=false"),
    Step("GET", ZONES + "?zone=c.test."),
    Step("GET", ZONES + "?zone=nowhere.test."),
    Step("GET", ZONES + "?zone=c.test", status=422),
    Step("GET", ZONE),
    Step("GET", ZONES + "/C.test"),
    Step("GET", ZONES + "/c=2Etest."),
    Step("GET", ZONE + "?rrsets=false"),
    Step("GET", ZONE + "?rrsets=maybe", status=422),
    Step("GET", ZONES + "/nowhere.test.", status=404),
    Step("GET", ZONES + "/nowhere.test", "{}", status=404),
    Step("GET", BASE + "/nothing", status=404),
    Step("POST", ZONE, {}, 405),
    # Changes that are made.
    patch(rrset(WWW, "A", "REPLACE", "192.0.2.1", "192.0.2.2")),
    Step("GET", ZONE + "?rrset_name=www.c.test.&rrset_type=A"),
    Step("GET", ZONE + "?rrset_name=www.c.test."),
    Step("GET", ZONE + "?rrset_name=nowhere.c.test."),
    patch(),
    patch(rrset("txt.c.test.", "TXT", "REPLACE", "\"one two\" \"three\"", "\"q\\\"uote\"")),
    patch(rrset("mix.c.test.", "MX", "REPLACE", "10 mx.c.test.", "20 mx.example.net.")),
    patch(rrset("_sip._tcp.c.test.", "SRV", "REPLACE", "0 5 5060 sip.c.test.")),
    patch(rrset("caa.c.test.", "CAA", "REPLACE", "0 issue \"ca.example.net\"")),
    patch(rrset("six.c.test.", "AAAA", "REPLACE", "2001:db8::1")),
    patch(rrset("six.c.test.", "AAAA", "REPLACE", "2001:0DB8::0002")),
    patch(rrset("*.w.c.test.", "CNAME", "REPLACE", "www.c.test.")),
    patch(rrset("svc.c.test.", "HTTPS", "REPLACE", "1 . alpn=h2,h3")),
    patch(rrset("n.c.test.", "NAPTR", "REPLACE",
                "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@c.test!\" .")),
    patch(rrset("t.c.test.", "TLSA", "REPLACE", "3 1 1 " + "00112233" * 8)),
    patch(rrset("d.c.test.", "NS", "REPLACE", "ns.d.c.test."),
          rrset("ns.d.c.test.", "A", "REPLACE", "192.0.2.9"),
          rrset("d.c.test.", "DS", "REPLACE", "12345 13 2 " + "00112233" * 8)),
    patch({"name": "str.c.test.", "type": "A", "changetype": "replace", "ttl": "70",
           "records": [{"content": "192.0.2.3", "ttl": 5, "set-ptr": False, "name": "x",
                        "type": "A"}], "kind": "x"}),
    patch(rrset("com.c.test.", "A", "REPLACE", "192.0.2.4", comments=[
        {"account": "me", "content": "a \"comment\"\n\u00fc", "modified_at": 1700000000}])),
    patch({"name": "com.c.test.", "type": "A", "changetype": "REPLACE", "ttl": 60,
           "records": [{"content": "192.0.2.5", "disabled": False}]}),
    patch({"name": "off.c.test.", "type": "A", "changetype": "REPLACE", "ttl": 60, "records": [
        {"content": "192.0.2.6", "disabled": True}, {"content": "192.0.2.7"}]}),
    patch({"name": "alone.c.test.", "type": "A", "changetype": "REPLACE", "comments": [
        {"account": "me", "content": "only a comment", "modified_at": 1700000000}]}),
    Step("GET", ZONE),
    # cert-manager: an empty list removes; others: DELETE, with records or without, twice.
    patch(rrset("six.c.test.", "AAAA", "REPLACE")),
    patch(rrset("caa.c.test.", "CAA", "DELETE", records=[{"content": "x"}], ttl=5)),
    patch(rrset("caa.c.test.", "CAA", "DELETE")),
    patch(rrset("elsewhere.example.", "A", "DELETE")),
    patch(rrset("turn.c.test.", "CNAME", "REPLACE", "www.c.test.")),
    patch(rrset("turn.c.test.", "CNAME", "DELETE"),
          rrset("turn.c.test.", "A", "REPLACE", "192.0.2.8")),
    patch(rrset(WWW, "A", "DELETE"), rrset(WWW, "A", "REPLACE", "192.0.2.8")),
    Step("GET", ZONE),
    Step("GET", ZONES + "?zone=c.test."),
    # Changes that are refused, and leave nothing behind.
    patch(rrset("ok.c.test.", "A", "REPLACE", "192.0.2.1"),
          rrset("bad.c.test.", "A", "REPLACE", "192.0.2"), status=422, why="words of the parser"),
    Step("GET", ZONE + "?rrset_name=ok.c.test.", why="4.7 shows comments of other names"),
    patch(rrset("bad.c.test.", "A", "REPLACE", "192.0.2.1", "192.0.2.1"), status=422),
    patch(rrset(WWW, "CNAME", "REPLACE", "x.c.test."), status=422),
    patch(rrset("x.w.c.test.", "CNAME", "REPLACE", "x.c.test.", "y.c.test."), status=422),
    patch(rrset("bad.c.test.", "CNAME", "REPLACE", "x.c.test"), status=422),
    patch(rrset("bad.c.test.", "TXT", "REPLACE", "unquoted"), status=422),
    patch(rrset("bad.c.test.", "MX", "REPLACE", "10 a_b.c.test."), status=422),
    patch(rrset("bad.c.test.", "BOGUS", "REPLACE", "x"), status=422),
    patch(rrset("bad.c.test.", "OPT", "REPLACE", "x"), status=422),
    patch(rrset("bad.c.test", "A", "REPLACE", "192.0.2.1"), status=422),
    patch(rrset("bad.example.", "A", "REPLACE", "192.0.2.1"), status=422),
    patch(rrset("b!d.c.test.", "A", "REPLACE", "192.0.2.1"), status=422),
    patch(rrset("a.*.c.test.", "A", "REPLACE", "192.0.2.1"), status=422),
    patch(rrset("f.c.test.", "DNSKEY", "REPLACE", "257 3 13 AAAA"), status=422),
    patch(rrset("f.c.test.", "SOA", "REPLACE", "a.c.test. b.c.test. 1 2 3 4 5"), status=422),
    patch(rrset("bad.c.test.", "A", "REPLACE", "192.0.2.1", ttl=None), status=422),
    patch(rrset("bad.c.test.", "A", "REPLACE", "192.0.2.1", ttl=-1), anser=422,
          why="4.7 takes negative TTLs"),
    patch(rrset("bad.c.test.", "A", "DELETE")),
    patch({"name": WWW, "type": "A", "changetype": "REPLACE", "ttl": 60}, status=422),
    patch({"name": WWW, "type": "A", "changetype": "BOGUS"}, status=422,
          why="the words of later versions"),
    patch({"name": WWW, "type": "A"}, status=422),
    patch({"name": WWW, "changetype": "DELETE"}, status=422),
    patch({"type": "A", "changetype": "DELETE"}, status=422),
    patch({"name": WWW, "type": "A", "changetype": "REPLACE", "ttl": 60, "records": [{}]},
          status=422),
    patch({"name": WWW, "type": "A", "changetype": "REPLACE", "comments": [{"content": "c"}]},
          status=422),
    patch(rrset(WWW, "A", "REPLACE", "192.0.2.1"), rrset(WWW, "A", "REPLACE", "192.0.2.2"),
          status=422),
    patch(rrset("c.test.", "SOA", "DELETE"), anser=422, why="a zone without SOA is no zone"),
    patch(rrset("c.test.", "SOA", "REPLACE",
                "a.c.test. b.c.test. 2040010101 10800 3600 604800 3600", ttl=3600)),
    Step("PATCH", ZONE, {}, 422),
    Step("PATCH", ZONE, "nothing", 400),
    Step("PATCH", ZONES + "/nowhere.test.", {"rrsets": []}, 404),
    Step("GET", ZONE),
    # Attributes.
    Step("PUT", ZONE, {"kind": "Master", "account": "me", "catalog": "", "soa_edit_api": "INCREASE",
                       "api_rectify": True, "masters": ["192.0.2.1"]}, 204),
    Step("GET", ZONE + "?rrsets=false"),
    Step("PUT", ZONE, {"masters": ["nobody"]}, 422, why="words of the parser"),
    Step("PUT", ZONE, {"master_tsig_key_ids": ["nokey."]}, 422, why="words of the refusal"),
    Step("PUT", ZONE, {"slave_tsig_key_ids": ["nokey."]}, 422, why="words of the refusal"),
    Step("PUT", ZONE, {"master_tsig_key_ids": [], "slave_tsig_key_ids": []}, 204),
    Step("POST", ZONES, {"name": "keyless.test.", "kind": "Slave", "masters": ["192.0.2.1"],
                         "slave_tsig_key_ids": ["nokey."]}, 422, why="words of the refusal"),
    Step("GET", ZONES + "/second.test.?rrsets=false"),
    Step("PUT", ZONES + "/nowhere.test.", {"kind": "Master"}, 404),
    patch(rrset("up.c.test.", "A", "REPLACE", "192.0.2.1")),
    Step("GET", ZONE + "?rrset_name=c.test.", why="4.7 shows comments of other names"),
    # Metadata.
    Step("POST", ZONE + "/metadata", {"kind": "X-ONE", "metadata": ["a", "b"]}, 201),
    Step("POST", ZONE + "/metadata", {"kind": "ALSO-NOTIFY", "metadata": ["192.0.2.1"]}, 201),
    Step("GET", ZONE + "/metadata/X-ONE"),
    Step("PUT", ZONE + "/metadata/X-ONE", {"metadata": ["c", "d"]}),
    Step("GET", ZONE + "/metadata"),
    Step("GET", ZONE + "/metadata/X-NONE"),
    Step("GET", ZONE + "/metadata/NONE", status=422),
    Step("POST", ZONE + "/metadata", {"kind": "NONE", "metadata": ["a"]}, 422),
    Step("DELETE", ZONE + "/metadata/X-ONE", anser=204, why="later versions give 204"),
    Step("GET", ZONE + "/metadata/X-ONE"),
    # The rest.
    Step("GET", BASE + "/search-data?q=*c.test*&object_type=zone"),
    Step("GET", BASE + "/search-data?q=octo.test&object_type=zone"),
    Step("GET", BASE + "/search-data?q=192.0.2.*&object_type=record"),
    Step("GET", BASE + "/search-data?q=up.c.test&object_type=record"),
    Step("GET", BASE + "/search-data?q=*comment*&object_type=comment"),
    Step("GET", BASE + "/search-data", status=422),
    Step("GET", BASE + "/search-data?q=x&object_type=bogus", status=422),
    Step("GET", ZONE + "/export"),
    Step("GET", ZONES + "/nowhere.test./export", status=404),
    Step("GET", ZONE + "/cryptokeys"),
    Step("GET", ZONES + "/nowhere.test./cryptokeys", status=404),
    Step("GET", ZONE + "/cryptokeys/1", status=404),
    # Keys, as dnscontrol, PowerDNS-Admin and poweradmin handle them.
    Step("POST", ZONES, {"name": "k.test.", "kind": "Native", "nameservers": ["ns.k.test."]}, 201),
    Step("GET", KEYS),
    Step("PUT", ZONES + "/k.test.", {"nsec3param": "1 0 0 -"}, 422),
    Step("POST", KEYS, {"active": True}, 422),
    Step("POST", KEYS, {"keytype": "tsk", "active": True}, 422, why="words"),
    Step("POST", KEYS, {"keytype": "csk", "bits": -1}, 422),
    Step("POST", KEYS, {"keytype": "csk", "bits": "many"}, 422),
    Step("POST", KEYS, {"keytype": "csk", "algorithm": "rot13"}, 422),
    Step("POST", KEYS, {"keytype": "csk", "active": True, "content": "nothing"}, 422, why="words"),
    Step("POST", KEYS, {"keytype": "csk", "active": True, "content": PRIVATE.replace("13 (", "8 (")}, 500,
         anser=422, why="it is the client's mistake"),
    Step("GET", KEYS),
    Step("GET", ZONES + "/k.test.?rrsets=false"),
    Step("POST", KEYS, {"keytype": "csk", "active": True, "content": PRIVATE}, 201),
    Step("GET", KEYS),
    Step("GET", KEYS + "/1"),
    Step("GET", ZONES + "/k.test.?rrsets=false"),
    Step("PUT", ZONES + "/k.test.", {"nsec3param": "1 0 0 -"}, 204),
    Step("GET", ZONES + "/k.test.?rrsets=false"),
    Step("PUT", ZONES + "/k.test.", {"nsec3param": "1 0 1000 -"}, 422, why="words"),
    Step("PUT", ZONES + "/k.test.", {"nsec3param": "2 0 0 -"}, 422, why="words"),
    Step("PUT", ZONES + "/k.test.", {"nsec3param": ""}, 204),
    Step("GET", KEYS + "/2", status=404),
    Step("PUT", KEYS + "/2", {"active": True}, 404),
    Step("DELETE", KEYS + "/2", status=404),
    Step("GET", KEYS + "/one", status=500, anser=404, why="there is none"),
    Step("PUT", KEYS + "/1", {}, 422),
    Step("PUT", KEYS + "/1", {"active": "yes"}, 422),
    Step("PUT", KEYS + "/1", {"active": True}, 204),
    Step("PUT", KEYS + "/1", {"active": False}, 204, anser=422, why="validators would fail"),
    Step("POST", KEYS, {"keytype": "zsk", "algorithm": "rsasha256", "bits": 2048}, 201, why="made at random"),
    Step("GET", KEYS + "/2", why="made at random"),
    Step("PUT", KEYS + "/2", {"active": True}, 204, anser=422, why="not as the policy has it"),
    Step("DELETE", KEYS + "/2", status=204),
    Step("DELETE", KEYS + "/2", status=404),
    Step("DELETE", KEYS + "/1", status=204),
    Step("GET", ZONES + "/k.test.?rrsets=false"),
    Step("DELETE", ZONES + "/k.test.", status=204),
    Step("GET", KEYS, status=404),
    Step("GET", TSIGKEYS),
    Step("GET", TSIGKEYS + "/none.", status=404),
    Step("PUT", TSIGKEYS + "/none.", {"name": "x"}, 404),
    Step("DELETE", TSIGKEYS + "/none.", status=404),
    Step("POST", TSIGKEYS, {"name": "one", "algorithm": "hmac-sha256", "key": SECRET}, 201),
    Step("POST", TSIGKEYS, {"name": "two.example.", "algorithm": "hmac-sha512"}, 201, why="made at random"),
    Step("POST", TSIGKEYS, {"name": "three", "algorithm": "hmac-md5", "key": ""}, 201, why="made at random"),
    Step("POST", TSIGKEYS, {"name": "one", "algorithm": "hmac-sha1", "key": SECRET}, 409),
    Step("POST", TSIGKEYS, {"name": "four", "algorithm": "hmac-foo", "key": SECRET}, 422),
    Step("POST", TSIGKEYS, {"name": "four", "algorithm": "hmac-sha1", "key": "a*b"}, 422, why="a secret is not shown"),
    Step("POST", TSIGKEYS, {"name": "four"}, 422),
    Step("POST", TSIGKEYS, {"algorithm": "hmac-md5"}, 422),
    Step("POST", TSIGKEYS, {"name": "a..b", "algorithm": "hmac-md5", "key": SECRET}, 500, anser=422,
         why="it is the client's mistake"),
    Step("POST", TSIGKEYS, "[]", 422),
    Step("GET", TSIGKEYS),
    Step("GET", TSIGKEYS + "/one"),
    Step("GET", TSIGKEYS + "/one."),
    Step("PUT", TSIGKEYS + "/one.", {"algorithm": "hmac-sha384"}),
    Step("PUT", TSIGKEYS + "/one.", {"algorithm": "hmac-sha256", "key": "AQID"}),
    Step("PUT", TSIGKEYS + "/one.", {"key": "A*"}, 422, why="a secret is not shown"),
    Step("PUT", TSIGKEYS + "/one.", {"algorithm": "hmac-x"}, 422),
    Step("PUT", TSIGKEYS + "/one.", {}),
    Step("PUT", TSIGKEYS + "/one.", {"name": "uno", "key": SECRET}),
    Step("GET", TSIGKEYS + "/one.", status=404),
    Step("GET", TSIGKEYS + "/uno."),
    Step("DELETE", TSIGKEYS + "/uno.", status=204),
    Step("DELETE", TSIGKEYS + "/uno.", status=404),
    Step("GET", TSIGKEYS),
    Step("GET", BASE + "/autoprimaries"),
    Step("DELETE", BASE + "/autoprimaries/192.0.2.1/ns.example.net", status=204, anser=404, why="there is none"),
    Step("POST", BASE + "/autoprimaries", {"ip": "192.0.2.1", "nameserver": "ns.example.net", "account": ""}, 201,
         anser=501, why="nothing is taken from primaries"),
    Step("PUT", BASE + "/cache/flush?domain=c.test.", why="there are no caches, nothing is counted"),
    Step("PUT", BASE + "/cache/flush?domain=c.test", status=422),
    Step("PUT", BASE + "/cache/flush", status=422),
    Step("GET", BASE + "/views", status=404, anser=200, why="later versions have views"),
    Step("GET", BASE + "/networks", status=404, anser=200, why="later versions have views"),
    Step("GET", BASE + "/statistics?statistic=uptime", why="how long each has run"),
    Step("GET", BASE + "/statistics?statistic=none", status=422),
    Step("PUT", ZONE + "/notify"),
    Step("PUT", ZONES + "/none.test./axfr-retrieve", status=422, why="words"),
    Step("PUT", ZONES + "/none.test./rectify"),
    Step("DELETE", ZONES + "/nowhere.test.", status=404),
    Step("DELETE", ZONE, status=204),
    Step("GET", ZONE, status=404),
    Step("POST", ZONES, {"name": "c.test.", "kind": "Native", "nameservers": ["ns.c.test."]}, 201),
    Step("GET", ZONE + "/metadata/ALSO-NOTIFY"),
    Step("DELETE", ZONE, status=204),
]


# ---- how answers are compared ----

def normal(value):
    """Without what may differ between two servers: times, the order of lists, serials, which
    PowerDNS raises for what changes nothing, too, and DS of SHA-1, which later versions do not make."""
    if isinstance(value, dict):
        return {k: normal(v) for k, v in value.items()
                if k not in ("modified_at", "serial", "edited_serial")}
    if isinstance(value, str):
        return SERIAL.sub(r"\1 SERIAL \2", value)
    if isinstance(value, list):
        return sorted((normal(v) for v in value if not DS_SHA1.match(str(v))), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def body_of(text):
    try:
        return normal(json.loads(text))
    except ValueError:
        return normal(text.split("\n"))


def run_step(step, anser, powerdns):
    """Gives whether the bodies were compared."""
    status, headers, text = anser.ask(step.method, step.path, step.body, step.headers)
    check(status == step.anser, "status %d, not %d: %s" % (status, step.anser, text[:300]))
    check(status != 422 or headers.get("content-type") == "application/json",
          "422 as %s" % headers.get("content-type"))
    check(status != 204 or not text, "204 with a body")
    check(status >= 400 or "\"error\"" not in text, "a success with \"error\"")
    if not powerdns:
        return False
    status, _, other = powerdns.ask(step.method, step.path, step.body, step.headers)
    check(status == step.status, "PowerDNS gives %d, not %d: %s" %
          (status, step.status, other[:300]))
    # Errors without a text of their own come as plain text from PowerDNS, as JSON from Anser.
    if step.why or status >= 400 and status != 422:
        return False
    mine, theirs = body_of(text), body_of(other)
    check(mine == theirs, "\nAnser:    %s\nPowerDNS: %s" % (mine, theirs))
    return True


def run_steps(anser, powerdns):
    compared = failed = 0
    for step in STEPS:
        try:
            compared += run_step(step, anser, powerdns)
        except Failure as failure:
            failed += 1
            print("%s: %s" % (step, failure))
    print("%d requests to Anser, %d bodies as PowerDNS has them" % (len(STEPS), compared))
    check(not failed, "%d requests answered wrongly" % failed)


def main():
    binaries = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ["ANSER_BIN_DIR"])
    with Server("anser", "/readyz") as anser, Server("pdns", BASE) as powerdns:
        start_anser(anser, binaries)
        if shutil.which("pdns_server") and os.path.exists(SCHEMA):
            start_powerdns(powerdns)
        else:
            print("pdns-server is not installed: nothing to compare with")
            powerdns = None
        run_steps(anser, powerdns)
        for test in TESTS:
            test(anser)
            print("ok: " + test.__doc__.split("\n")[0])
        check(anser.stop() == 0, "anser-control has not ended well")
    return 0


# ---- what only Anser does, or what is asked of it over DNS ----

def make_zone(anser, name="t.test."):
    status, _, text = anser.ask("POST", ZONES, {"name": name, "kind": "Native",
                                                "nameservers": ["ns." + name]})
    check(status == 201, "%s: %d %s" % (name, status, text))
    return ZONES + "/" + name


def drop_zone(anser, name="t.test."):
    status, _, text = anser.ask("DELETE", ZONES + "/" + name)
    check(status == 204, "%s: %d %s" % (name, status, text))


def change(anser, zone, *rrsets, status=204, query="", headers=None):
    got, answer, text = anser.ask("PATCH", zone + query, {"rrsets": list(rrsets)}, headers)
    check(got == status, "PATCH: %d, not %d: %s" % (got, status, text))
    return answer, text


def test_visible(anser):
    """what a 204 says is served at once"""
    zone = make_zone(anser)
    check(anser.query("t.test.", "NS") == ("NOERROR", ["ns.t.test."]), "the new zone")
    for i in range(1, 100):
        content = "192.0.2.%d" % i
        answer, _ = change(anser, zone, rrset("www.t.test.", "A", "REPLACE", content))
        check(anser.query("www.t.test.", "A") == ("NOERROR", [content]), content)
        old, new = (int(answer["x-pdns-%s-serial" % w]) for w in ("old", "new"))
        check(new == old + 1, "serials %d, %d" % (old, new))
    answer, _ = change(anser, zone, rrset("www.t.test.", "A", "REPLACE", content))
    check("x-pdns-new-serial" not in answer, "a serial for no change")
    change(anser, zone, rrset("www.t.test.", "A", "DELETE"))
    check(anser.query("www.t.test.", "A") == ("NXDOMAIN", []), "deleted")
    change(anser, zone, {"name": "off.t.test.", "type": "A", "changetype": "REPLACE", "ttl": 60,
                         "records": [{"content": "192.0.2.1", "disabled": True}]})
    check(anser.query("off.t.test.", "A") == ("NXDOMAIN", []), "disabled")
    drop_zone(anser)
    check(anser.query("t.test.", "NS")[0] == "REFUSED", "the zone has gone")


def test_kdig(anser):
    """kdig sees a change behind its 204"""
    zone = make_zone(anser)
    change(anser, zone, rrset("_acme-challenge.t.test.", "TXT", "REPLACE", "\"token\""))
    for transport in ("+notcp", "+tcp"):
        said = subprocess.run(["kdig", "@127.0.0.1", "-p", str(anser.dns), "+short", transport,
                               "_acme-challenge.t.test.", "TXT"], stdout=subprocess.PIPE,
                              timeout=10, check=True, text=True).stdout
        check(said == "\"token\"\n", said)
    drop_zone(anser)


def test_extend(anser):
    """EXTEND and PRUNE, with a TTL or without"""
    zone = make_zone(anser)

    def one(kind, content, **more):
        return {"name": "www.t.test.", "type": "A", "changetype": kind,
                "records": [{"content": content}], **more}

    change(anser, zone, one("EXTEND", "192.0.2.1", ttl=77))
    change(anser, zone, one("EXTEND", "192.0.2.2"), rrset("x.t.test.", "A", "REPLACE", "192.0.2.9"))
    change(anser, zone, one("EXTEND", "192.0.2.2"))
    check(anser.query("www.t.test.", "A")[1] == ["192.0.2.1", "192.0.2.2"], "EXTEND")
    check('"ttl": 77' in anser.ask("GET", zone + "?rrset_name=www.t.test.")[2], "TTL")
    change(anser, zone, one("PRUNE", "192.0.2.1"))
    change(anser, zone, one("PRUNE", "192.0.2.1"))
    check(anser.query("www.t.test.", "A")[1] == ["192.0.2.2"], "PRUNE")
    change(anser, zone, one("PRUNE", "192.0.2.2"))
    check(anser.query("www.t.test.", "A") == ("NXDOMAIN", []), "the last one")
    change(anser, zone, {"name": "www.t.test.", "type": "A", "changetype": "EXTEND", "ttl": 60,
                         "records": [{"content": "192.0.2.1"}, {"content": "192.0.2.2"}]},
           status=422)
    change(anser, zone, {"name": "www.t.test.", "type": "A", "changetype": "PRUNE"}, status=422)
    drop_zone(anser)


def as_role(anser, role):
    """The headers of somebody with that role."""
    status, _, text = anser.ask("POST", "/api/anser/v1/keys", {"label": role, "role": role})
    check(status == 201, "a key: %d %s" % (status, text))
    return {"X-API-Key": json.loads(text)["secret"]}


def test_signing_keys(anser):
    """keys have a zone signed, take over from each other, and are not lost"""
    zone = make_zone(anser)
    keys = zone + "/cryptokeys"
    reader, operator = as_role(anser, "reader"), as_role(anser, "operator")

    def ask(method, path, status, body=None, headers=None):
        got, _, text = anser.ask(method, path, body, headers)
        check(got == status, "%s %s: %d %s" % (method, path, got, text))
        return json.loads(text) if text else None

    ask("POST", keys, 403, {"keytype": "csk", "active": True}, reader)
    ask("POST", keys, 422, {"keytype": "zsk", "active": True})
    ask("POST", keys, 422, {"keytype": "csk", "active": True, "algorithm": "rsasha512"})
    check(ask("GET", keys, 200) == [], "a refused key is there")
    # As PowerDNS-Admin does it.
    first = ask("POST", keys, 201, {"keytype": "ksk", "active": True}, operator)
    check((first["keytype"], first["active"], first["published"]) == ("csk", True, True), first)
    check("privatekey" not in first, "a private half for an operator")
    until("it is signed", lambda: len(anser.query("t.test.", "DNSKEY")[1]) == 1, PATIENCE)
    check("privatekey" not in ask("GET", keys + "/1", 200, headers=operator), "a private half for an operator")
    check("privatekey" in ask("GET", keys + "/1", 200), "none for an administrator")
    until("that was noted", lambda: ask("GET", "/api/anser/v1/audit?what=signing%20key%20shown", 200)["events"],
          PATIENCE)
    shown = {one["type"] for one in ask("GET", zone, 200)["rrsets"]}
    check(shown == {"NS", "SOA"}, "a client is shown %s" % shown)
    change(anser, zone, rrset("www.t.test.", "A", "REPLACE", "192.0.2.1"))
    change(anser, zone, rrset("www.t.test.", "NSEC", "REPLACE", "t.test. A"), status=422)
    check(ask("PUT", zone, 204, {"nsec3param": "1 0 2 ab01"}) is None, "NSEC3")
    until("it has NSEC3", lambda: anser.query("t.test.", "NSEC3PARAM")[1] == ["1 0 2 ab01"], PATIENCE)
    ask("PUT", zone, 204, {"nsec3param": "1 1 0 -"})
    until("it has opt-out", lambda: anser.query("t.test.", "NSEC3PARAM")[1] == ["1 0 0 -"], PATIENCE)
    check({one["type"] for one in ask("GET", zone, 200)["rrsets"]} == {"NS", "SOA", "A"}, "NSEC3 is shown")
    ask("PUT", zone, 204, {"nsec3param": ""})
    until("it has NSEC", lambda: anser.query("t.test.", "NSEC")[1], PATIENCE)
    # A second one takes over, and at once: nobody can have counted on the first yet.
    ask("POST", keys, 409, {"keytype": "csk", "active": True, "content": ask("GET", keys + "/1", 200)["privatekey"]})
    second = ask("POST", keys, 201, {"keytype": "csk", "active": True}, operator)
    check((second["id"], second["active"]) == (2, False), second)
    until("it signs", lambda: ask("GET", keys + "/2", 200)["active"], PATIENCE)
    check(not ask("GET", keys + "/1", 200)["published"], "the first one is still there")
    with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
        file.write(anser.ask("GET", zone + "/export")[2])
        file.flush()
        said = subprocess.run(["ldns-verify-zone", file.name], capture_output=True, text=True, timeout=30, check=False)
    check(said.returncode == 0, "ldns-verify-zone: %s%s" % (said.stdout, said.stderr))
    ask("PUT", keys + "/2", 422, {"active": False})
    ask("DELETE", keys + "/1", 422)
    ask("DELETE", keys + "/1", 403, headers=reader)
    check(anser.query("t.test.", "DNSKEY")[0] == "NOERROR", "DNSKEY")
    drop_zone(anser)
    ask("GET", keys, 404)


def test_keys_of_others(anser):
    """a zone that comes signed gets no key that is not its own, and none has it signed anew"""
    zone = make_zone(anser, "pre.test.")
    keys = zone + "/cryptokeys"
    change(anser, zone, rrset("pre.test.", "DNSKEY", "REPLACE", DNSKEY))
    check(anser.ask("POST", keys, {"keytype": "csk", "active": True})[0] == 422, "a key was made")
    status, _, text = anser.ask("POST", keys, {"keytype": "csk", "active": True, "content": PRIVATE})
    check(status == 201 and json.loads(text)["dnskey"] == DNSKEY, text)
    check(not json.loads(anser.ask("GET", zone)[2])["dnssec"], "is to be signed")
    check(anser.ask("PUT", zone, {"dnssec": True})[0] == 204, "PUT")
    until("it is signed by it", lambda: anser.query("pre.test.", "NSEC")[1], PATIENCE)
    check(anser.query("pre.test.", "DNSKEY")[1][0].replace(" ", "") == DNSKEY.replace(" ", ""), "DNSKEY")
    check(len(json.loads(anser.ask("GET", keys)[2])) == 1, "another key")
    drop_zone(anser, "pre.test.")


def test_versions(anser):
    """If-Match lets one of two writers through; dry-run changes nothing"""
    zone = make_zone(anser)
    tag = anser.ask("GET", zone)[1]["etag"]
    answer, _ = change(anser, zone, rrset("a.t.test.", "A", "REPLACE", "192.0.2.1"),
                       headers={"If-Match": tag})
    check(answer["etag"] != tag, "the same ETag after a change")
    check(anser.ask("GET", zone)[1]["etag"] == answer["etag"], "ETag of PATCH and GET")
    change(anser, zone, rrset("a.t.test.", "A", "REPLACE", "192.0.2.1"),
           headers={"If-Match": "%s, %s" % (tag, answer["etag"])})
    for stale in (tag, "\"nonsense\"", "W/" + answer["etag"]):
        change(anser, zone, rrset("b.t.test.", "A", "REPLACE", "192.0.2.1"), status=412,
               headers={"If-Match": stale})
    _, text = change(anser, zone, rrset("b.t.test.", "A", "REPLACE", "192.0.2.1"), status=200,
                     query="?dry-run=true")
    said = json.loads(text)
    check(said["changed"] and said["new_serial"] == said["old_serial"] + 1, text)
    _, text = change(anser, zone, rrset("a.t.test.", "A", "REPLACE", "192.0.2.1"), status=200,
                     query="?dry-run=true")
    check(not json.loads(text)["changed"], text)
    change(anser, zone, rrset("a.t.test.", "CNAME", "REPLACE", "x.t.test."), status=422,
           query="?dry-run=true")
    check(anser.ask("GET", zone)[1]["etag"] == answer["etag"], "a dry run changed the zone")
    check(anser.query("b.t.test.", "A") == ("NXDOMAIN", []), "a dry run is served")
    drop_zone(anser)


def test_batch(anser):
    """changes of several zones are made together, or not at all"""
    for name in ("one.test.", "two.test."):
        make_zone(anser, name)

    def batch(second, status, query="", headers=None):
        got, _, text = anser.ask("POST", "/api/anser/v1/batch" + query, {"zones": [
            {"name": "one.test.", "rrsets": [rrset("a.one.test.", "A", "REPLACE", "192.0.2.1")]},
            second]}, headers)
        check(got == status, "batch: %d, not %d: %s" % (got, status, text))
        return json.loads(text)

    good = {"name": "two.test.", "rrsets": [rrset("a.two.test.", "A", "REPLACE", "192.0.2.2")]}
    for bad, status in (
            ({"name": "none.such.", "rrsets": []}, 404),
            ({"name": "two.test.", "rrsets": [rrset("x.", "A", "REPLACE", "192.0.2.2")]}, 422),
            ({"name": "two.test.", "rrsets": [rrset("two.test.", "CNAME", "REPLACE", "x.")]}, 422),
            ({"name": "one.test.", "rrsets": []}, 422),
            ({"name": "two.test."}, 422),
            ({}, 422)):
        batch(bad, status)
        check(anser.query("a.one.test.", "A") == ("NXDOMAIN", []), "half of %s" % bad)
    batch(good, 422, headers={"If-Match": "*"})
    check(all(z["changed"] for z in batch(good, 200, "?dry-run=true")["zones"]), "dry run")
    check(anser.query("a.one.test.", "A") == ("NXDOMAIN", []), "a dry run")
    said = batch(good, 200)["zones"]
    check([z["name"] for z in said] == ["one.test.", "two.test."] and
          all(z["new_serial"] == z["old_serial"] + 1 for z in said), said)
    check(anser.query("a.one.test.", "A")[1] == ["192.0.2.1"], "one.test.")
    check(anser.query("a.two.test.", "A")[1] == ["192.0.2.2"], "two.test.")
    check(not any(z["changed"] for z in batch(good, 200)["zones"]), "the same again")
    for name in ("one.test.", "two.test."):
        drop_zone(anser, name)


def test_contents(anser):
    """PUT with RRsets puts all contents anew"""
    zone = make_zone(anser)
    change(anser, zone, rrset("old.t.test.", "A", "REPLACE", "192.0.2.1", comments=[
        {"account": "me", "content": "old"}]))
    soa = {"name": "t.test.", "type": "SOA", "ttl": 60, "records": [
        {"content": "ns.t.test. host.t.test. 5 1 1 1 1"}]}
    ns = {"name": "t.test.", "type": "NS", "ttl": 60, "records": [{"content": "ns.t.test."}]}
    new = {"name": "new.t.test.", "type": "A", "ttl": 60, "records": [{"content": "192.0.2.2"}],
           "comments": [{"account": "me", "content": "new"}]}
    for rrsets, status in (([soa, new], 422), ([soa, ns, new, new], 422), ([ns, new], 422),
                           ([soa, ns, {**new, "type": "CNAME"}], 422), ([soa, ns, new], 204)):
        got, _, text = anser.ask("PUT", zone, {"rrsets": rrsets})
        check(got == status, "%s: %d %s" % (rrsets, got, text))
        gone = ("NXDOMAIN", []) if status == 204 else ("NOERROR", ["192.0.2.1"])
        check(anser.query("old.t.test.", "A") == gone, "old.t.test.")
    check(anser.query("new.t.test.", "A")[1] == ["192.0.2.2"], "new.t.test.")
    text = anser.ask("GET", zone)[2]
    check('"content": "new"' in text and '"content": "old"' not in text, "comments: " + text)
    drop_zone(anser)


def test_writers(anser):
    """many writers at once lose nothing, and If-Match lets one of them through"""
    zone = make_zone(anser)
    tag = anser.ask("GET", zone)[1]["etag"]
    failures, through = [], []

    def write(writer):
        try:
            got, _, _ = anser.ask("PATCH", zone, {"rrsets": [
                rrset("first.t.test.", "A", "REPLACE", "192.0.2.%d" % writer)]}, {"If-Match": tag})
            check(got in (204, 412), "If-Match: %d" % got)
            through.extend([writer] if got == 204 else [])
            for i in range(20):
                change(anser, zone, {"name": "all.t.test.", "type": "A", "changetype": "EXTEND",
                                     "records": [{"content": "10.0.%d.%d" % (writer, i)}]})
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(w,)) for w in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, failures)
    check(len(through) == 1, "through with If-Match: %s" % through)
    check(anser.query("first.t.test.", "A")[1] == ["192.0.2.%d" % through[0]], "first.t.test.")
    kept = json.loads(anser.ask("GET", zone + "?rrset_name=all.t.test.")[2])["rrsets"][0]["records"]
    check(len(kept) == 8 * 20, "%d records" % len(kept))
    drop_zone(anser)


def test_pages(anser):
    """pages of the list of zones"""
    names = ["p%02d.test." % i for i in range(7)]
    for name in names:
        make_zone(anser, name)
    path, seen, pages = ZONES + "?limit=3&name=p", [], 0
    while path:
        status, headers, text = anser.ask("GET", path)
        check(status == 200, text)
        seen += [z["name"] for z in json.loads(text)]
        link = re.match(r"<(.*)>; rel=\"next\"", headers.get("link", ""))
        path = link.group(1) + "&name=p" if link else None
        pages += 1
    check([n for n in seen if n in names] == names and pages == (len(seen) + 2) // 3, seen)
    check(anser.ask("GET", ZONES + "?limit=x")[0] == 422, "limit=x")
    check(anser.ask("GET", ZONES + "?limit=3&cursor==")[0] == 422, "cursor==")
    for name in names:
        drop_zone(anser, name)


def test_shell(anser):
    """what shell scripts look for in the text"""
    zone = make_zone(anser)
    change(anser, zone, rrset("_acme-challenge.t.test.", "TXT", "REPLACE", "\"a\"", "\"b\""))
    text = anser.ask("GET", ZONES)[2]
    check('"name": "t.test."' in text and "\n" not in text, text)
    text = anser.ask("GET", zone)[2].replace(" ", "")
    found = re.search(r'"name":"_acme-challenge\.t\.test\.","records":\[([^]]*)\]', text)
    check(found and re.findall(r'"content":"\\"([^"]*)\\""', found.group(1)) == ["a", "b"], text)
    drop_zone(anser)


def test_lexicon(anser):
    """lexicon creates, lists, updates and deletes"""
    if not shutil.which("lexicon"):
        print("lexicon is not installed")
        return
    zone = make_zone(anser, "example.org.")

    def lexicon(*args):
        said = subprocess.run(["lexicon", "powerdns", "--auth-token", KEY, "--pdns-server",
                               "http://127.0.0.1:%d" % anser.http, "--output", "JSON",
                               args[0], "example.org", "TXT", *args[1:]],
                              stdout=subprocess.PIPE, timeout=60, check=True, text=True).stdout
        return json.loads(said)

    name = "_acme-challenge.example.org."
    lexicon("create", "--name", name, "--content", "one", "--ttl", "60")
    check(anser.query(name, "TXT")[1] == ["\"one\""], "create")
    lexicon("create", "--name", name, "--content", "two")
    check(anser.query(name, "TXT")[1] == ["\"one\"", "\"two\""], "a second one")
    listed = lexicon("list", "--name", name)
    check(sorted(r["content"] for r in listed) == ["one", "two"], listed)
    lexicon("delete", "--name", name, "--content", "one")
    check(anser.query(name, "TXT")[1] == ["\"two\""], "delete")
    lexicon("delete", "--name", name)
    check(anser.query(name, "TXT") == ("NXDOMAIN", []), "all of them")
    check(anser.ask("GET", zone)[0] == 200, "the zone")
    drop_zone(anser, "example.org.")


class Authority(http.server.BaseHTTPRequestHandler):
    """As much of an ACME server (RFC 8555) as lego needs. It believes everything but what it has to
    see in the DNS."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, body=None, status=200, location=None, text=None):
        octets = text if text is not None else json.dumps(body).encode() if body else b""
        self.send_response(status)
        self.send_header("Replay-Nonce", base64.urlsafe_b64encode(os.urandom(12)).decode())
        self.send_header("Content-Type", "application/json" if text is None else
                         "application/pem-certificate-chain")
        self.send_header("Content-Length", str(len(octets)))
        if location:
            self.send_header("Location", self.server.url + location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(octets)

    def order(self, status):
        url = self.server.url
        return {"status": status, "identifiers": [{"type": "dns", "value": "example.org"}],
                "authorizations": [url + "/authorization"], "finalize": url + "/finalize",
                "certificate": url + "/certificate"}

    def challenge(self):
        return {"type": "dns-01", "url": self.server.url + "/challenge", "token": "t0ken",
                "status": "valid" if self.server.seen else "pending"}

    def do_HEAD(self):
        self.reply()

    def do_GET(self):
        url = self.server.url
        self.reply({"newNonce": url + "/nonce", "newAccount": url + "/account",
                    "newOrder": url + "/order", "revokeCert": url + "/revoke",
                    "keyChange": url + "/change", "meta": {}})

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sent = message["payload"]
        if self.path == "/account":
            self.reply({"status": "valid"}, 201, "/account/1")
        elif self.path == "/order":
            self.reply(self.order("pending"), 201, "/order/1")
        elif self.path == "/order/1":
            self.reply(self.order("valid"))
        elif self.path == "/authorization":
            self.reply({"status": "valid" if self.server.seen else "pending",
                        "identifier": {"type": "dns", "value": "example.org"},
                        "challenges": [self.challenge()]})
        elif self.path == "/challenge":
            self.server.seen = self.server.anser.query("_acme-challenge.example.org.", "TXT")[1]
            self.reply(self.challenge())
        elif self.path == "/finalize":
            csr = json.loads(base64.urlsafe_b64decode(sent + "=="))["csr"]
            self.server.certificate = self.sign(base64.urlsafe_b64decode(csr + "=="))
            self.reply(self.order("valid"), location="/order/1")
        else:
            self.reply(text=self.server.certificate)

    def sign(self, csr):
        def path(name):
            return os.path.join(self.server.directory, name)

        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, timeout=20,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        with open(path("csr"), "wb") as to:
            to.write(csr)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout",
                path("ca.key"), "-out", path("ca.pem"))
        openssl("x509", "-req", "-inform", "DER", "-in", path("csr"), "-CA", path("ca.pem"),
                "-CAkey", path("ca.key"), "-CAcreateserial", "-out", path("cert.pem"))
        with open(path("cert.pem"), "rb") as cert, open(path("ca.pem"), "rb") as ca:
            return cert.read() + ca.read()


def test_lego(anser):
    """lego presents and cleans up for a certificate"""
    if not shutil.which("lego"):
        print("lego is not installed")
        return
    zone = make_zone(anser, "example.org.")
    change(anser, zone, rrset("_acme-challenge.example.org.", "TXT", "REPLACE", "\"there\""))
    with tempfile.TemporaryDirectory() as directory, \
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authority) as authority:
        authority.url = "http://127.0.0.1:%d" % authority.server_address[1]
        authority.directory, authority.anser, authority.seen = directory, anser, None
        threading.Thread(target=authority.serve_forever, daemon=True).start()
        run = subprocess.run(
            ["lego", "--server", authority.url, "--email", "a@example.org", "--accept-tos",
             "--domains", "example.org", "--path", directory, "--dns", "pdns", "--dns.disable-cp",
             "--dns.resolvers", "127.0.0.1:%d" % anser.dns, "run"],
            env={**os.environ, "PDNS_API_URL": "http://127.0.0.1:%d" % anser.http,
                 "PDNS_API_KEY": KEY}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=90, text=True)
        authority.shutdown()
        check(run.returncode == 0, run.stdout)
        check(os.path.exists(os.path.join(directory, "certificates", "example.org.crt")), "no .crt")
    check(authority.seen and len(authority.seen) == 2 and "\"there\"" in authority.seen,
          "seen: %s" % authority.seen)
    # lego puts its record beside those that are there, and then removes all of them.
    left = anser.query("_acme-challenge.example.org.", "TXT")
    check(left == ("NXDOMAIN", []), "left: %s" % (left,))
    drop_zone(anser, "example.org.")


TESTS = [test_visible, test_kdig, test_extend, test_signing_keys, test_keys_of_others, test_versions, test_batch, test_contents,
         test_writers, test_pages, test_shell, test_lexicon, test_lego]

if __name__ == "__main__":
    sys.exit(main())
