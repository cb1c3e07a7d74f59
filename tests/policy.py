#!/usr/bin/python3
"""What holds for a zone's transfers, said in the configuration, by anserctl and by PowerDNS's API.

A zone of kind secondary is there without a file and answers SERVFAIL; nobody edits it; what it is
changes with a reload, and its contents stay. What one road says, the others show.
"""

import http.client
import json
import subprocess
import sys

from checks import HttpSocket, check, free_port, passes, until
from control_plane import OK, REFUSED, USAGE, ZONE, ControlPlane

ZONES = "/api/v1/servers/localhost/zones"

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0"

CONFIG = """server:
  listen: 127.0.0.1@%(port)d
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
api:
  listen: 127.0.0.1@%(api)d
remotes:
  - {name: east, addresses: [127.0.0.1@%(nobody)d], key: east.key}
  - {name: west, addresses: ["::1@%(nobody)d"]}
keys:
  - {name: Configured.Key, algorithm: hmac-sha256, secret: %(secret)s}
acls:
  - {name: friends, addresses: [192.0.2.0/24], actions: [transfer, update], update-names: [self]}
  - {name: foes, addresses: [192.0.2.66], deny: yes}
templates:
  - {name: default, notify-ns: "no"}
  - {name: followers, kind: secondary, primaries: [east]}
  - {name: leaders, kind: primary, notify: [west], acls: [foes, friends], notify-ns: hosted}
dnssec-policies:
  - name: %(policy)s
zones:
  - {name: follower.example, template: followers}
  - {name: leader.example, file: leader.zone, template: %(template)s}
"""


class Server(ControlPlane):
    def __init__(self):
        super().__init__("anser-policy")
        self.port = free_port()
        self.nobody = free_port()
        self.api = free_port()
        self.write("leader.zone", ZONE)
        self.configure("leaders")
        self.launch()
        self.wait_until_loaded()

    def configure(self, template, policy="careful"):
        self.write("anser.yaml", CONFIG % {"port": self.port, "nobody": self.nobody, "policy": policy,
                                           "api": self.api, "secret": SECRET, "template": template})

    def done(self, *words):
        result = self.anserctl("--json", *words)
        check(result.returncode == OK, words, result.stdout, result.stderr)
        return json.loads(result.stdout)

    def refused(self, words, text, outcome=REFUSED):
        result = self.anserctl(*words)
        check(result.returncode == outcome and text in result.stderr, words, result.returncode,
              result.stdout, result.stderr)

    def policy(self, zone):
        return self.done("zone", "policy", zone)

    def ask(self, method, path, body=None):
        client = HttpSocket(self.path("api.sock"))
        status, _, text = client.ask(method, path, body)
        client.close()
        return status, json.loads(text) if text else None

    def rcode(self, name, kind="SOA"):
        text = subprocess.run(["dig", "+tries=1", "+time=2", "@127.0.0.1", "-p", str(self.port), name,
                               kind], capture_output=True, text=True, check=False).stdout
        return text.split("status: ")[1].split(",")[0] if "status: " in text else None


def names(remotes):
    return [r["name"] for r in remotes]


def configured_zones(server):
    until("the follower answers", lambda: server.rcode("follower.example") == "SERVFAIL")
    follower = server.policy("follower.example")
    check(follower["kind"] == "secondary" and follower["from"]["kind"] == "template", follower)
    check(follower["primaries"] == [{
        "name": "east", "addresses": ["127.0.0.1:%d" % server.nobody], "source": [],
        "key": "east.key.", "tls": None}], follower["primaries"])
    check([(r["name"], r["actions"], r["keys"]) for r in follower["rules"]] ==
          [("east", ["notify"], ["east.key."])], follower["rules"])
    leader = server.policy("leader.example")
    check(leader["kind"] == "primary" and names(leader["notify"]) == ["west"], leader)
    check(leader["notify_ns"] == "hosted" and leader["template"] == "leaders", leader)
    check([(r["name"], r["verdict"]) for r in leader["rules"]] ==
          [("foes", "deny"), ("friends", "allow")], leader["rules"])
    check(leader["rules"][1]["update_names"] == "self", leader["rules"])


def nobody_edits_a_secondary(server):
    for words in (["record", "add", "www.follower.example", "A", "192.0.2.1"],
                  ["zone", "import", "follower.example", "leader.zone"]):
        result = server.anserctl(*words)
        check(result.returncode != OK, words)
    check("secondary" in server.anserctl("zone", "import", "follower.example", "leader.zone").stderr)
    status, body = server.ask("PATCH", ZONES + "/follower.example.", {"rrsets": [{
        "name": "follower.example.", "type": "A", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "192.0.2.1"}]}]})
    check(status == 422, status, body)
    check(server.rcode("follower.example") == "SERVFAIL")


def a_zone_that_becomes_a_secondary_keeps_what_it_has(server):
    """And gets a file again."""
    check(server.rcode("leader.example") == "NOERROR")
    before = server.done("zone", "show", "leader.example")
    server.configure("followers")
    server.refused(["conf", "reload"], "come from its primaries")
    with open(server.path("anser.yaml"), encoding="ascii") as file:
        text = file.read()
    server.write("anser.yaml", text.replace("file: leader.zone, ", ""))
    server.done("conf", "reload")
    after = server.done("zone", "show", "leader.example")
    check(after["id"] == before["id"] and after["records"] == before["records"] == 3, before, after)
    check(server.policy("leader.example")["kind"] == "secondary")
    check(server.rcode("leader.example") == "NOERROR")
    server.refused(["record", "add", "www.leader.example", "A", "192.0.2.1"], "secondary")
    server.configure("leaders")
    server.done("conf", "reload")
    check(server.policy("leader.example")["kind"] == "primary")
    check(server.done("zone", "show", "leader.example")["id"] == before["id"])


def made_by_anserctl(server):
    server.done("zone", "create", "made.example", "kind=secondary", "primaries=192.0.2.1:5353,west",
                "primary-key=made.key", "source=192.0.2.9", "transfer-addresses=192.0.2.0/24,::1")
    check(server.rcode("made.example") == "SERVFAIL")
    policy = server.policy("made.example")
    check(names(policy["primaries"]) == ["192.0.2.1:5353", "west"], policy)
    check({r["key"] for r in policy["primaries"]} == {"made.key."}, policy)
    check(policy["primaries"][0]["source"] == ["192.0.2.9"], policy)
    check(policy["rules"][0]["addresses"] == ["192.0.2.0/24", "::1"], policy["rules"])
    status, zone = server.ask("GET", ZONES + "/made.example.")
    check(status == 200 and zone["kind"] == "Slave", zone)
    check(zone["masters"] == ["192.0.2.1:5353", "west"], zone)
    server.refused(["zone", "create", "made.example"], "already")
    for setting, text in (("kind=slave", "kind"), ("template=none", "template"),
                          ("primaries=host.example", "primaries"), ("colour=red", "no setting"),
                          ("transfer-addresses=192.0.2.1/24", "prefix"), ("transfer-keys=a..b", "name"),
                          ("renotify=2", "0 or 1"), ("kind", "KEY=VALUE"), ("catalog=a..b", "domain name"),
                          ("catalog-to=a..b", "domain name"), ("dnssec=none", "dnssec-policies"),
                          ("dnssec=default,no", "one value"), ("catalog-to=a.,b.", "catalog-to")):
        server.refused(["zone", "set", "made.example", setting], text, USAGE)
    server.refused(["zone", "set", "none.example", "kind=primary"], "no zone")
    server.done("zone", "set", "made.example", "kind=primary", "primary-key=", "notify=east",
                "template=leaders", "catalog-to=next.example")
    policy = server.policy("made.example")
    check(policy["catalog_to"] == "next.example." and "catalog=next.example." in str(policy["warnings"]), policy)
    check(policy["kind"] == "primary" and policy["from"]["kind"] == "zone", policy)
    check(names(policy["notify"]) == ["east"] and policy["from"]["notify"] == "zone", policy)
    check([r["name"] for r in policy["rules"]] == ["ALLOW-AXFR-FROM", "foes", "friends"], policy["rules"])
    check("kind             primary (zone)" in server.anserctl("zone", "policy", "made.example").stdout)
    server.done("zone", "remove", "made.example")


def signed_by_policy(server):
    """A policy is named where it is there; that it goes is told of."""
    def holds(said, place, warning=None):
        policy = server.policy("signed.example")
        check(policy["dnssec"] == said and policy["from"]["dnssec"] == place, policy)
        check(len(policy["warnings"]) == (warning is not None), policy)
        check(warning is None or warning in policy["warnings"][0], policy)

    server.done("zone", "create", "signed.example")
    holds("no", "default")
    server.refused(["zone", "set", "signed.example", "dnssec=Careful"], "dnssec-policies", USAGE)
    holds("no", "default")
    server.done("zone", "set", "signed.example", "dnssec=careful")
    holds("careful", "zone")
    check("DNSSEC           careful (zone)" in server.anserctl("zone", "policy", "signed.example").stdout)
    server.configure("leaders", "other")
    server.done("conf", "reload")
    holds("careful", "zone", "not in the configuration")
    server.refused(["zone", "set", "signed.example", "dnssec=careful"], "dnssec-policies", USAGE)
    server.configure("leaders")
    server.done("conf", "reload")
    holds("careful", "zone")
    server.done("zone", "set", "signed.example", "kind=secondary", "primaries=192.0.2.1")
    holds("no", "default", "signed there")
    server.done("zone", "set", "signed.example", "kind=", "dnssec=no")
    holds("no", "zone")
    server.done("zone", "set", "signed.example", "dnssec=default")
    holds("default", "zone")
    server.done("zone", "remove", "signed.example")


def signed_by_the_api(server):
    """PowerDNS's clients know one word, and send back what they have read."""
    zone = ZONES + "/signed.example."

    def tells(wanted, policy):
        status, answer = server.ask("GET", zone + "?rrsets=false")
        check(status == 200 and answer["dnssec"] == wanted, answer)
        listed = {z["name"]: z["dnssec"] for z in server.ask("GET", ZONES)[1]}
        check(listed["signed.example."] == wanted, listed)
        check(server.policy("signed.example")["dnssec"] == policy)
        check(server.ask("PUT", zone, {"kind": "Native", "dnssec": wanted})[0] == 204)
        check(server.policy("signed.example")["dnssec"] == policy)

    new = {"name": "signed.example.", "kind": "Native", "nameservers": ["ns.example."]}
    check(server.ask("POST", ZONES, {**new, "dnssec": False})[0] == 201)
    tells(False, "no")
    server.done("zone", "set", "signed.example", "dnssec=careful")
    tells(True, "careful")
    check(server.ask("PUT", zone, {"dnssec": False})[0] == 204)
    tells(False, "no")
    check(server.ask("PUT", zone, {"dnssec": True})[0] == 204)
    tells(True, "default")
    check(server.ask("PUT", zone, {"kind": "Slave", "dnssec": True})[0] == 422)
    tells(True, "default")
    check(server.ask("DELETE", zone)[0] == 204)
    check(server.ask("POST", ZONES, {**new, "dnssec": True})[0] == 201)
    tells(True, "default")
    check(server.ask("DELETE", zone)[0] == 204)
    check(server.ask("POST", ZONES, {"name": "signed.example.", "kind": "Slave", "dnssec": True})[0] == 422)


def said_by_the_api(server):
    """As OpenStack Designate makes secondaries."""
    for key in ("in.key", "out.key"):
        server.done("tsig", "create", key)
    status, zone = server.ask("POST", ZONES, {
        "name": "api.example.", "kind": "slave", "masters": ["192.0.2.1:5300", "east"],
        "slave_tsig_key_ids": ["in.key."], "master_tsig_key_ids": ["out.key"]})
    check(status == 201 and zone["kind"] == "Slave", status, zone)
    check(zone["slave_tsig_key_ids"] == ["in.key."], zone)
    check(zone["master_tsig_key_ids"] == ["out.key."], zone)
    check(zone["masters"] == ["192.0.2.1:5300", "east"], zone)
    policy = server.policy("api.example")
    check({r["key"] for r in policy["primaries"]} == {"in.key."}, policy)
    check(policy["rules"][0]["keys"] == ["out.key."], policy["rules"])
    # What a client has read it may send back.
    status, body = server.ask("PUT", ZONES + "/api.example.", {
        k: zone[k] for k in ("kind", "masters", "slave_tsig_key_ids", "master_tsig_key_ids")})
    check(status == 204, status, body)
    check(server.ask("GET", ZONES + "/api.example.")[1] == zone)
    for body in ({"master_tsig_key_ids": ["none."]}, {"slave_tsig_key_ids": ["in.key.", "none."]},
                 {"master_tsig_key_ids": [1]}, {"masters": ["nobody"]}):
        status, answer = server.ask("PUT", ZONES + "/api.example.", body)
        check(status == 422, body, status, answer)
    check(server.ask("GET", ZONES + "/api.example.")[1] == zone)
    status, _ = server.ask("PUT", ZONES + "/api.example.", {"slave_tsig_key_ids": ["configured.key."]})
    check(status == 204 and server.policy("api.example")["primaries"][0]["key"] == "configured.key.")
    status, _ = server.ask("PUT", ZONES + "/api.example.", {"slave_tsig_key_ids": []})
    check(status == 204 and server.policy("api.example")["primaries"][0]["key"] is None)
    status, zone = server.ask("GET", ZONES + "/follower.example.?rrsets=false")
    check(status == 200 and zone["kind"] == "Slave" and zone["masters"] == ["east"], zone)
    kinds = {z["name"]: z["kind"] for z in server.ask("GET", ZONES)[1]}
    check(kinds == {"api.example.": "Slave", "follower.example.": "Slave", "leader.example.": "Master"},
          kinds)
    check(server.ask("DELETE", ZONES + "/api.example.")[0] == 204)


def tenants_have_their_own_keys_alone(server):
    """Who could name the operator's could fetch what they are for."""
    secret = server.done("key", "create", "blue", "operator", "tenant=blue")["secret"]
    server.done("tsig", "create", "blue.key", "tenant=blue")
    server.done("tsig", "create", "red.key", "tenant=red")

    def ask(method, path, body):
        client = http.client.HTTPConnection("127.0.0.1", server.api, timeout=30)
        client.request(method, path, json.dumps(body), {"X-API-Key": secret})
        answer = client.getresponse()
        text = answer.read().decode()
        client.close()
        return answer.status, text

    zone = {"name": "blue.example.", "kind": "Slave", "masters": ["192.0.2.1"]}
    for more in ({"masters": ["east"]}, {"slave_tsig_key_ids": ["configured.key."]},
                 {"slave_tsig_key_ids": ["in.key."]}, {"master_tsig_key_ids": ["red.key."]}):
        status, text = ask("POST", ZONES, {**zone, **more})
        check(status == 422, more, status, text)
    status, text = ask("POST", ZONES, {**zone, "slave_tsig_key_ids": ["blue.key."]})
    check(status == 201, status, text)
    server.done("zone", "remove", "blue.example")


def transfers_by_rule(server):
    """dig fetches the zone when a rule lets it, and then only."""
    def fetched(*more):
        text = subprocess.run(["dig", "+tries=1", "+time=5", "+noall", "+answer", "@127.0.0.1", "-p",
                               str(server.port), *more, "leader.example", "AXFR"],
                              capture_output=True, text=True, check=False).stdout
        return len([line for line in text.splitlines() if line and not line.startswith(";")])

    signed = ("-y", "hmac-sha256:Configured.Key:" + SECRET)
    check(fetched() == 0 and fetched(*signed) == 0, "no rule fits")
    server.done("zone", "set", "leader.example", "transfer-keys=configured.key")
    check(fetched() == 0 and fetched(*signed) == 4, "the key")
    server.done("zone", "set", "leader.example", "transfer-keys=", "transfer-addresses=127.0.0.0/8")
    check(fetched() == 4, "the address")
    server.done("zone", "set", "leader.example", "transfer-addresses=127.0.0.2")
    check(fetched() == 0, "another address")


def main():
    with Server() as server:
        configured_zones(server)
        nobody_edits_a_secondary(server)
        a_zone_that_becomes_a_secondary_keeps_what_it_has(server)
        made_by_anserctl(server)
        signed_by_policy(server)
        signed_by_the_api(server)
        said_by_the_api(server)
        tenants_have_their_own_keys_alone(server)
        transfers_by_rule(server)


if __name__ == "__main__":
    sys.exit(passes(main))
