#!/usr/bin/env python3
"""Keys and the audit log with a real control plane.

* a key is made, shown, confined, revoked; its secret is shown once, and is nowhere on disk;
* what was acknowledged is there after kill -9;
* every change is an event of the audit log, also of those that kill -9 came right behind;
* what is exported can be checked with SHA-256 alone, and a flipped bit in the file is found;
* over HTTP each role may what it may and no more, a grant opens what it names, and what has another
  tenant is not there; a key that expires or is revoked opens nothing from then on;
* each role of each tenant, and one with grants, gets of each route what it should and nothing of others;
* who shows wrong keys is locked out, with the right one as well, and nobody else is.
"""

import hashlib
import http.client
import json
import os
import re
import time

from checks import check, free_port, say
from control_plane import ZONE, ControlPlane

ADDRESS = "127.0.0.1"

CONFIG = """
server:
  listen: [%(address)s@%(port)d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
api:
  listen: [%(address)s@%(http)d]
  socket: no
zones:
  - name: example.com
    file: zone
  - name: example.net
    file: zone
"""

SECRET = re.compile(r"^ans_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$")


class Server(ControlPlane):
    def __init__(self):
        super().__init__("access")
        self.port = free_port()
        self.http = free_port()
        self.write("zone", ZONE)
        self.write("anser.yaml", CONFIG % {"address": ADDRESS, "port": self.port, "http": self.http})

    def start(self):
        self.launch()
        self.wait_until_loaded()

    def stop(self):
        self.process.terminate()
        check(self.process.wait(20) == 0, "it does not end well")

    def ctl(self, *args):
        return self.anserctl(*args)

    def json(self, *args):
        done = self.ctl("--json", *args)
        check(done.returncode == 0, args, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *args):
        done = self.ctl("--json", *args)
        check(done.returncode in (1, 2), args, "was not refused", done.stdout)
        return json.loads(done.stdout)["error"] if done.stdout else done.stderr

    def on_disk(self, text):
        for where, _, names in os.walk(self.path("store")):
            for name in names:
                with open(os.path.join(where, name), "rb") as file:
                    if text.encode() in file.read():
                        return name
        return None


def keys(server):
    made = server.json("key", "create", "acme", "writer", "tenant=blue", "expires=1h", "zone=example.com",
                       "name=_acme-challenge", "type=TXT")
    found = SECRET.match(made["secret"])
    check(found and found.group(1) == made["id"], made)
    check(made["expires_at"] == made["created_at"] + 3600, made)
    shown = server.json("key", "show", made["id"])
    check("secret" not in shown and "hash" not in str(shown), shown)
    check(shown["grants"] == [{"zone": "example.com.", "below": False, "write": True,
                               "names": ["_acme-challenge"], "types": ["TXT"]}], shown)
    check(server.on_disk("acme"), "the store is not where it was looked for")
    check(not server.on_disk(made["secret"][21:]), "the secret is on disk")

    changed = server.json("key", "grant", made["id"], "zone=example.net", "below", "read")
    check([grant["zone"] for grant in changed["grants"]] == ["example.net."], changed)
    check(server.json("key", "grant", made["id"], "all")["grants"] == [], "all lifts all")
    check("not found" in server.refused("key", "show", "0123456789abcdef"), "there is none")
    check("\"role\"" in server.refused("key", "create", "x", "root"), "no such role")
    check("\"types\"" in server.refused("key", "create", "x", "writer", "zone=a", "type=FOO"), "no such type")
    check("\"names\"" in server.refused("key", "create", "x", "writer", "zone=a", "name=b."), "no such name")
    check("\"tenant\"" in server.refused("key", "create", "x", "writer", "tenant=a/b"), "no such tenant")

    revoked = server.json("key", "revoke", made["id"])
    check(revoked["state"] == "revoked" and revoked["change"], revoked)
    check("change" not in server.json("key", "revoke", made["id"]), "revoked twice")
    check("revoked" in server.refused("key", "grant", made["id"], "all"), "it is revoked")
    before = server.json("key", "list")
    server.kill()
    server.start()
    check(server.json("key", "list") == before, "not durable")


def export(server):
    """The chain is followed here by what docs/CONTROL.md says of it, and nothing else."""
    done = server.ctl("audit", "export")
    check(done.returncode == 0, done.stderr)
    return follow(done.stdout)


def follow(lines):
    events, before = [], "0" * 64
    for line in lines.splitlines():
        whole = json.loads(line)
        text = line[len('{"hash":"') + 64 + len('","event":'):-1]
        check(hashlib.sha256(text.encode()).hexdigest() == whole["hash"], line)
        check(whole["event"]["prev"] == before, line)
        check(whole["event"]["seq"] == len(events) + 1, line)
        before = whole["hash"]
        events.append(whole["event"])
    return events, before


def behind(server):
    for _ in range(200):
        if server.json("status")["audit"]["behind"] == 0:
            return
        time.sleep(0.02)
    raise AssertionError("the audit log does not follow")


def audit(server):
    server.json("record", "set", "www.example.com.", "300", "A", "192.0.2.7")
    server.json("record", "set", "www.example.net.", "300", "TXT", '"it\'s \u00e9"')
    behind(server)
    events, last = export(server)
    told = [event for event in events if event["why"].startswith("key ")]
    verbs = [event["why"].split()[1] for event in told if event["actor"]["kind"] == "socket"]
    check(verbs == ["create", "grant", "grant", "revoke"], verbs)
    check("hash" not in str(told), "the hash of a key is shown")
    check(told[0]["rows"][0]["before"] is None, told[0])
    check(told[1]["rows"][0]["before"]["grants"][0]["zone"] == "example.com.", told[1])
    check(told[1]["rows"][0]["after"]["grants"][0]["zone"] == "example.net.", told[1])
    check(told[0]["actor"]["uid"] == os.getuid() and told[0]["actor"]["pid"] > 0, told[0])
    edit = next(event for event in events if event["why"] == "record set")
    check({"of": "rrset", "zone": "example.com.", "name": "www.example.com.", "type": "A", "before": None,
           "after": {"ttl": 300, "records": ["192.0.2.7"]}} in edit["rows"], edit)
    check(edit["zones"][0]["serial"] == edit["zones"][0]["serial_before"] + 1, edit)

    verified = server.json("audit", "verify")
    check(verified["events"] == len(events) and verified["hash"] == last, verified)
    server.json("audit", "verify", "3", server.json("audit", "list", "from=3", "limit=1")["events"][0]["hash"])
    check("has not that hash" in server.refused("audit", "verify", "2", last), "another hash")
    listed = server.json("audit", "list", "zone=example.net", "what=change")["events"]
    check([event["why"] for event in listed][:1] == ["record set"], listed)
    check(all("example.net." in [zone["zone"] for zone in event["zones"]] for event in listed), listed)
    check(server.json("audit", "list", "actor=nobody")["events"] == [], "nobody did anything")
    check(server.json("audit", "list", "until=1999")["events"] == [], "nothing was then")
    pages, at = [], None
    while True:
        page = server.json("audit", "list", "limit=2", *(["from=%d" % at] if at else []))
        pages += [event["seq"] for event in page["events"]]
        at = page["next"]
        if not at:
            break
    check(pages == list(range(len(events), 0, -1)), pages)


SERVER = "/api/v1/servers/localhost"


def ask(server, key, method, path, body=None, address=ADDRESS, header="X-API-Key"):
    c = http.client.HTTPConnection(ADDRESS, server.http, timeout=20, source_address=(address, 0))
    headers = {} if key is None else {header: key}
    c.request(method, path, None if body is None else json.dumps(body), headers)
    response = c.getresponse()
    text = response.read().decode()
    c.close()
    ask.retry_after = response.getheader("Retry-After")
    return response.status, text


def patch(server, key, zone, name, kind="A", content="192.0.2.77"):
    return ask(server, key, "PATCH", "%s/zones/%s" % (SERVER, zone), {"rrsets": [
        {"name": name, "type": kind, "ttl": 60, "changetype": "REPLACE",
         "records": [{"content": content, "disabled": False}]}]})[0]


def new_zone(server, key, zone):
    return ask(server, key, "POST", SERVER + "/zones",
               {"name": zone, "kind": "Native", "nameservers": ["ns1." + zone]})[0]


def make_key(server, *words):
    return server.json("key", "create", *words)["secret"]


def run(server, key, command, **args):
    return ask(server, key, "POST", "/api/anser/v1/run", {"command": command, "args": args})[0]


def roles(server):
    """What each may do is worked out here from one table, and asked for one by one."""
    order = ["reader", "writer", "operator", "admin"]
    secrets = {role: make_key(server, role, role) for role in order}
    number = 0
    for role in order:
        rank, key = order.index(role), secrets[role]
        number += 1
        zone = "made%d.example." % number
        asked = [
            ("look", 0, 200, lambda: ask(server, key, "GET", SERVER + "/zones/example.com.")[0]),
            ("list", 0, 200, lambda: ask(server, key, "GET", SERVER + "/zones")[0]),
            ("status", 0, 200, lambda: ask(server, key, "GET", "/api/anser/v1/status")[0]),
            ("edit", 1, 204, lambda: patch(server, key, "example.com.", role + ".example.com.")),
            ("edit by command", 1, 200, lambda: run(server, key, "record set", name="c.example.com.", type="A",
                                                    rdata=["192.0.2.%d" % number], wait=False)),
            ("create", 2, 201, lambda: new_zone(server, key, zone)),
            ("delete", 2, 204, lambda: ask(server, key, "DELETE", SERVER + "/zones/" + zone)[0]),
            ("reload", 2, 200, lambda: run(server, key, "zone reload", zone="example.com", wait=False)),
            ("keys", 3, 200, lambda: run(server, key, "key list")),
            ("audit", 3, 200, lambda: run(server, key, "audit list")),
        ]
        for what, least, good, do in asked:
            status = do()
            check((status == good) == (rank >= least), role, what, status)
            # What is not there is not told from what is not allowed only where nothing is to be hidden.
            check(rank >= least or status in (403, 404, 422), role, what, status)
    check(ask(server, None, "GET", SERVER)[0] == 401, "no key")
    check(ask(server, secrets["reader"], "GET", SERVER + "/zones", header="Authorization")[0] == 401, "no Bearer")
    check(ask(server, "Bearer " + secrets["reader"], "GET", SERVER + "/zones", header="Authorization")[0] == 200,
          "Bearer")


def answer(server, key, command, **args):
    status, text = ask(server, key, "POST", "/api/anser/v1/run", {"command": command, "args": args})
    return status, json.loads(text)


def looks(server, key, own, other):
    """By command, too, a zone of another is as one that nobody has, and those of its own are there."""
    zones = answer(server, key, "zone list")[1]["zones"]
    check([zone["name"] for zone in zones] == own, zones)
    check([zone["source"] for zone in zones] == [""] * len(zones), "paths of the host", zones)
    check(answer(server, key, "zone list", match=other)[1]["zones"] == [], "a pattern finds", other)
    for command in "zone show", "zone export", "zone history", "zone diff":
        check(run(server, key, command, zone=own[0]) == 200, command, own[0])
        there, not_there = (answer(server, key, command, zone=zone) for zone in (other, "nowhere.example."))
        check(there[0] == 422, command, there)
        check(there[1]["error"].replace(other, "nowhere.example.") == not_there[1]["error"], there, not_there)
    check("192.0.2" in answer(server, key, "zone export", zone=own[0])[1]["text"] and
          answer(server, key, "zone show", zone=own[0])[1]["source"] == "", own)
    there, not_there = (answer(server, key, "record set", name="x." + zone, type="TXT", rdata=['"x"'], dry_run=True)
                        for zone in (other, "nowhere.example."))
    check(there[0] == not_there[0] == 422, there, not_there)
    check(there[1]["error"].replace(other, "nowhere.example.") == not_there[1]["error"], there, not_there)
    for command in "explain", "zone check", "zone reload":
        check(run(server, key, command, zone=own[0], name=own[0], type="A") == 422, command, "is not for it")


def grants(server):
    acme = make_key(server, "acme", "writer", "zone=example.com", "name=_acme-challenge",
                    "name=_acme-challenge.*", "type=TXT")
    text = '"x"'
    for zone, name, kind, content, good in [
            ("example.com.", "_acme-challenge.example.com.", "TXT", text, True),
            ("example.com.", "_ACME-Challenge.Example.COM.", "TXT", text, True),
            ("example.com.", "_acme-challenge.www.example.com.", "TXT", text, True),
            ("example.com.", "_acme-challenge.example.com.", "A", "192.0.2.1", False),
            ("example.com.", "example.com.", "TXT", text, False),
            ("example.com.", "www.example.com.", "TXT", text, False),
            ("example.com.", "*.example.com.", "TXT", text, False),
            ("example.com.", "*._acme-challenge.example.com.", "TXT", text, False),
            ("example.com.", "x_acme-challenge.example.com.", "TXT", text, False),
            ("example.net.", "_acme-challenge.example.net.", "TXT", text, False)]:
        status = patch(server, acme, zone, name, kind, content)
        check(status == 204 if good else status in (403, 404, 422), zone, name, kind, status)
    check(patch(server, acme, "example.net.", "_acme-challenge.example.net.", "TXT", text) == 404, "404, not 403")
    listed = json.loads(ask(server, acme, "GET", SERVER + "/zones")[1])
    check([zone["name"] for zone in listed] == ["example.com."], listed)
    looks(server, acme, ["example.com."], "example.net.")

    root = make_key(server, "root", "admin")
    check(new_zone(server, root, "granted.example.") == 201, "a zone of its own")
    granted = SERVER + "/zones/granted.example."
    look = make_key(server, "look", "operator", "zone=granted.example", "read")
    some = make_key(server, "some", "operator", "zone=granted.example", "type=A")
    check(patch(server, look, "granted.example.", "www.granted.example.") == 403, "it may only look")
    check(patch(server, some, "granted.example.", "www.granted.example.") == 204, "an A")
    for key in look, some:
        check(ask(server, key, "GET", granted)[0] == 200, "it may look")
        check(ask(server, key, "DELETE", granted)[0] == 403, "not all of it is its own")
        check(ask(server, key, "PUT", granted, {"account": "x"})[0] == 403, "not all of it is its own")
        check(new_zone(server, key, "other.example.") in (403, 404, 422), "not its own")
        check(new_zone(server, key, "sub.granted.example.") in (403, 404, 422), "not its own")
    whole = make_key(server, "whole", "operator", "zone=granted.example", "below")
    check(new_zone(server, whole, "sub.granted.example.") == 201, "below its own")
    check(ask(server, whole, "DELETE", granted)[0] == 204, "its own")
    confined = make_key(server, "confined", "admin", "zone=example.com")
    check(run(server, confined, "key create", label="more", role="admin") != 200, "it made a better key")


def tenants(server):
    blue, red = (make_key(server, name, "admin", "tenant=" + name) for name in ("blue", "red"))
    check(new_zone(server, blue, "blue.example.") == 201, "blue makes a zone")
    check(new_zone(server, red, "red.example.") == 201, "red makes a zone")
    for key, own, other in (blue, "blue", "red"), (red, "red", "blue"):
        listed = json.loads(ask(server, key, "GET", SERVER + "/zones")[1])
        check([zone["name"] for zone in listed] == [own + ".example."], own, listed)
        path = SERVER + "/zones/%s.example." % other
        check(ask(server, key, "GET", path)[0] == 404, own, "sees", other)
        check(ask(server, key, "DELETE", path)[0] == 404, own, "deletes", other)
        check(ask(server, key, "GET", path + "/export")[0] == 404, own, "exports", other)
        check(patch(server, key, other + ".example.", "x.%s.example." % other) == 404, own, "edits", other)
        check(patch(server, key, own + ".example.", "x.%s.example." % own) == 204, own, "edits its own")
        check(ask(server, key, "GET", SERVER + "/zones/nowhere.example.")[0] == 404, "as if it were not there")
        found = ask(server, key, "GET", SERVER + "/search-data?q=*example*&max=100")[1]
        check(other + ".example" not in found and "example.com" not in found, own, "finds", found)
        keys_seen = json.loads(ask(server, key, "POST", "/api/anser/v1/run", {"command": "key list"})[1])
        check({one["tenant"] for one in keys_seen["keys"]} == {own}, keys_seen)
        looks(server, key, [own + ".example."], other + ".example.")
        for command in "conf show", "audit verify", "audit export", "zone sync", "metrics", "backup":
            check(run(server, key, command, zone=other + ".example.") != 200, own, command)
        check(run(server, key, "key create", label="x", role="admin", tenant=other) != 200, own, "a key of", other)
        behind(server)
        events = json.loads(ask(server, key, "POST", "/api/anser/v1/run", {"command": "audit list"})[1])["events"]
        check(events and {event["actor"].get("tenant") for event in events} == {own}, own, events)
    event = server.json("audit", "list", "actor=blue", "limit=1")["events"][0]
    check(event["actor"]["address"] == ADDRESS and event["actor"]["kind"] == "key", event)


def histories(server):
    """Who is confined sees and reverts what it may, and is not told who else did what."""
    own = "/api/anser/v1/zones/%s/"
    blue, red = (make_key(server, name, "writer", "tenant=" + name) for name in ("blue", "red"))
    look = make_key(server, "look", "reader")
    some = make_key(server, "some", "writer", "zone=blue.example", "name=mine")
    check(patch(server, blue, "blue.example.", "mine.blue.example.") == 204, "an edit")
    server.json("record", "set", "other.blue.example", "A", "192.0.2.1")
    changes = json.loads(ask(server, blue, "GET", own % "blue.example." + "history")[1])["changes"]
    check(changes[0]["actor"] is None and changes[0]["why"] is None, changes[0])
    check(changes[1]["actor"]["name"] == "blue" and changes[1]["records_added"] == 1, changes[1])
    seen = json.loads(ask(server, some, "GET", own % "blue.example." + "history?full=true")[1])["changes"]
    check([c["actor"] for c in seen] == [None] * len(seen) and seen[0]["rows"], seen)
    check(len(json.loads(ask(server, look, "GET", own % "blue.example." + "diff")[1])["lines"]) == 3, "look")
    for method, rest, body in ("GET", "history", None), ("GET", "diff", None), ("POST", "revert", {"to": "now"}):
        check(ask(server, red, method, own % "blue.example." + rest, body)[0] == 404, rest)
    check(run(server, red, "zone history", zone="blue.example.") == 422, "red looks by command")
    check(run(server, blue, "zone history", zone="blue.example.") == 200, "blue looks by command")
    undo = {"change": changes[1]["change"]}
    check(ask(server, look, "POST", own % "blue.example." + "revert", {"to": "now"})[0] == 403, "a reader")
    answer = ask(server, some, "POST", own % "blue.example." + "revert", {"to": "change:%d" % (undo["change"] - 1)})
    check(answer[0] == 403 and "other.blue.example. A is not yours" in answer[1], answer)
    check(ask(server, some, "POST", own % "blue.example." + "revert", undo)[0] == 200, "its own")
    check("mine.blue" not in server.ctl("zone", "export", "blue.example").stdout, "not reverted")


OWN = "/api/anser/v1"
ORDER = ["reader", "writer", "operator", "admin"]
TENANTS = ["", "blue", "red"]

# Looked at by everybody alike: nothing of it is a tenant's.
FOR_ALL = {"/api", "/api/docs", "/api/v1", "/api/v1/servers", SERVER, SERVER + "/config", SERVER + "/statistics",
           SERVER + "/autoprimaries", SERVER + "/views", SERVER + "/networks",
           OWN + "/status", OWN + "/stats", OWN + "/routes"}
# Where there is nothing, and nobody can make any.
FOR_NOBODY = {SERVER + "/autoprimaries/{}/{}", SERVER + "/views/{}", SERVER + "/views/{}/{}",
              SERVER + "/networks/{}/{}", SERVER + "/cache/flush"}
# Lists of what a key sees, and what makes a new thing; the cases above ask them, and backup.py for backups.
ELSEWHERE = {SERVER + "/zones", SERVER + "/search-data", OWN + "/run", OWN + "/batch", OWN + "/backup"}


class Asker:
    """The holder of a key, and what it should get, by the sentences of docs/API.md."""

    def __init__(self, server, role, tenant, confined=False):
        self.server, self.role, self.tenant, self.confined = server, role, tenant, confined
        words = (["tenant=" + tenant] if tenant else []) + (["zone=%s.example" % (tenant or "blue")] * confined)
        self.key = server and make_key(server, "%s-%s" % (role, tenant), role, *words)

    def __str__(self):
        return "%s of %r%s" % (self.role, self.tenant, " with grants" if self.confined else "")

    def rank(self):
        return ORDER.index(self.role)

    def sees(self, tenant):
        return self.tenant in ("", tenant) and not (self.confined and (self.tenant or "blue") != tenant)

    def administers(self, tenant, good, own=None):
        """own: for who has that tenant himself, unless that is as good."""
        if self.role != "admin" or self.confined:
            return 403
        if self.tenant not in ("", tenant):
            return 404
        return own if own and self.tenant else good


def is_about_zone(path):
    return path.startswith((SERVER + "/zones/{}", OWN + "/zones/{}"))


def zone_route(asker, method, path, tenant):
    """What a key should get of a route about a zone; None: that depends on more than who asks."""
    if "/dnssec" in path and method != "GET":
        return dnssec_route(asker, path, tenant)
    if asker.confined and path.endswith("/dnssec/skr"):
        return 403
    if not asker.sees(tenant):
        return 404
    if path.endswith("/dnssec/skr"):
        return 422
    if method == "GET":
        return 404 if path.endswith("{}/cryptokeys/{}") else 200
    if path == OWN + "/zones/{}/revert":
        return 200 if asker.rank() >= 1 else 403
    if "/cryptokeys" in path:
        return 403 if asker.rank() < 2 else 422 if method == "POST" else 404
    if path.endswith(("/zones/{}", "/metadata", "/metadata/{}")):
        least = 1 if method == "PATCH" else 2
        return 200 if asker.rank() >= least else 403
    return None


def dnssec_route(asker, path, tenant):
    """The same of one that says how a zone that is not signed is to be."""
    if asker.rank() < 2 or (asker.confined and not path.endswith("/dnssec")):
        return 403
    if not asker.sees(tenant):
        return 404
    return 200 if path.endswith("/dnssec") else 400 if path.endswith("/saw-ds") else 422


def other_route(asker, method, path, tenant):
    """The same of a route about anything else."""
    if path == SERVER + "/tsigkeys" and method == "POST":
        return 422  # what is asked here has no name
    if path.startswith(SERVER + "/tsigkeys"):
        return 403 if asker.confined or asker.rank() < 2 else 404 if path.endswith("{}") else 200
    if path == OWN + "/keys" and method == "POST":
        return 403 if asker.administers(tenant, 201) == 404 else asker.administers(tenant, 201)
    if path in (OWN + "/keys", OWN + "/tenants", OWN + "/audit") and method == "GET":
        return asker.administers(asker.tenant, 200)
    if path.startswith(OWN + "/keys/"):
        return asker.administers(tenant, 200)
    if path == OWN + "/tenants" and method == "POST":
        return 409 if asker.administers("", 409) == 409 else 403
    if path == OWN + "/tenants/{}" and method == "GET":
        return asker.administers(tenant, 200)
    if path == OWN + "/tenants/{}":
        return asker.administers(tenant, 409, 403)
    if path == OWN + "/tenants/{}/zones/{}":
        return asker.administers(tenant, 204 if method == "PUT" else 404, 403)
    if path in (OWN + "/audit/verify", OWN + "/audit/export"):
        return 200 if asker.administers("", 200) == 200 else 403
    if path.startswith(OWN + "/dnssec-policies"):
        return 403 if asker.tenant or asker.confined else 404 if path.endswith("{}") else 200
    if path.startswith(OWN + "/config"):
        least = {"GET": 0, "POST": 2, "PATCH": 3}[method]
        return 403 if asker.tenant or asker.confined or asker.rank() < least else 200
    return None


def judge_route(server, asker, route, tenant, key_id):
    method, path = route["method"], route["path"]
    zone = "nowhere.example." if method == "DELETE" and "/tenants/" in path else tenant + ".example."
    if is_about_zone(path):
        should, values = zone_route(asker, method, path, tenant), [zone, "X-NOTE"]
    else:
        thing = key_id if "/keys/" in path else "none." if "/tsigkeys/" in path else tenant
        should, values = other_route(asker, method, path, tenant), [thing, zone]
    address = re.sub(r"\{\}", lambda _: values.pop(0), path) + \
        ("?dry-run=true" if "/zones/" in path or "/config" in path else "")
    body = {"rrsets": [{"name": "x." + zone, "type": "TXT", "ttl": 60, "changetype": "REPLACE",
                        "records": [{"content": "\"x\""}]}]} if method == "PATCH" and "/zones/" in path else \
        {"kind": "X-NOTE", "metadata": ["a"], "account": "x"} if path.startswith(SERVER) else \
        {"label": "again", "role": "reader", "tenant": tenant} if path == OWN + "/keys" else \
        {"policy": "default"} if path.endswith("/dnssec") else \
        {"to": "now"} if path.endswith("/revert") else {"grants": []} if path.endswith("/grants") else \
        {"label": "again"} if "/keys/" in path else {"log.level": "info"} if "/config" in path else {"name": "listed"}
    status, text = ask(server, asker.key, method, address, None if method in ("GET", "DELETE") else body)
    check(should is None or status == should, asker, method, address, "gives", status, "and not", should, text)
    check(should is None or should != 404 or tenant not in text.replace(tenant + ".example.", "").replace(
        '\\"%s\\"' % tenant, ""), asker, method, address, "tells of another", text)


def judge_lists(server, asker):
    """Nothing of another tenant is in what a tenant may list."""
    for path in SERVER + "/zones", OWN + "/keys", OWN + "/tenants", OWN + "/audit", SERVER + "/search-data?q=*":
        status, text = ask(server, asker.key, "GET", path)
        for other in ["red", "blue"]:
            check(status != 200 or asker.sees(other) or not re.search(r"\b%s\b" % other, text), asker, path, "lists", other, text)


def many_changes(server, key):
    """A transaction a line, so that the log is longer than what is kept in memory of an answer."""
    lines = [json.dumps({"zones": [{"name": "example.com.", "rrsets": [
        {"name": "many.example.com.", "type": "TXT", "ttl": 60, "changetype": "REPLACE",
         "records": [{"content": '"%d %s"' % (i, "x" * 200)}]}]}]}) for i in range(1500)]
    c = http.client.HTTPConnection(ADDRESS, server.http, timeout=60)
    c.request("POST", OWN + "/batch", "\n".join(lines) + "\n", {"X-API-Key": key, "Content-Type": "application/x-ndjson"})
    summary = json.loads(c.getresponse().read().splitlines()[-1])
    c.close()
    check(summary["changed"] == len(lines), summary)


def exported_at_once(server):
    """All of the log in one answer is what anserctl gets page by page; a limit makes pages of it."""
    path, key = OWN + "/audit/export", make_key(server, "auditor", "admin")
    many_changes(server, key)
    behind(server)
    status, text = ask(server, key, "GET", path)
    events = follow(text)[0]
    check(status == 200 and len(text) > 1 << 20 and len(events) > 1500, status, len(events))
    check(export(server)[0][:len(events)] == events, "two logs")
    lines = text.splitlines()
    check(ask(server, key, "GET", path + "?from=90")[1].splitlines()[:20] == lines[89:109], "from the 90th on")
    check(ask(server, key, "GET", path + "?from=90&limit=2")[1].splitlines() == lines[89:91], "two of them")
    check(ask(server, key, "GET", path + "?from=99999999") == (200, ""), "behind the last one")
    check(ask(server, key, "GET", path + "?from=x")[0] == 400, "from where?")


def kept_key(server, tenant):
    return server.json("key", "create", "kept", "reader", "tenant=" + tenant)["id"]


def matrix(server):
    routes = [r for r in json.loads(ask(server, make_key(server, "root", "admin"), "GET", OWN + "/routes")[1])
              if not r["open"] and r["path"] not in FOR_ALL | FOR_NOBODY | ELSEWHERE]
    server.json("tenant", "add", "listed")
    askers = [Asker(server, role, tenant) for role in ORDER for tenant in TENANTS]
    askers += [Asker(server, "admin", tenant, True) for tenant in TENANTS]
    kept = {tenant: kept_key(server, tenant) for tenant in TENANTS[1:]}
    for route in routes:
        check(is_about_zone(route["path"]) or
              other_route(Asker(None, "admin", ""), route["method"], route["path"], "blue"),
              "nobody has said who may", route)
        for asker in askers:
            for tenant in TENANTS[1:]:
                revoked = route["path"] == OWN + "/keys/{}" and route["method"] == "DELETE"
                judge_route(server, asker, route, tenant, kept_key(server, tenant) if revoked else kept[tenant])
    for asker in askers:
        judge_lists(server, asker)
    exported_at_once(server)
    server.json("tenant", "remove", "listed")


def ends(server):
    made = server.json("key", "create", "short", "reader", "expires=2s")
    check(ask(server, made["secret"], "GET", SERVER)[0] == 200, "it works")
    time.sleep(2.2)
    check(ask(server, made["secret"], "GET", SERVER)[0] == 401, "it has expired")
    made = server.json("key", "create", "gone", "reader")
    check(ask(server, made["secret"], "GET", SERVER)[0] == 200, "it works")
    server.json("key", "revoke", made["id"])
    check(ask(server, made["secret"], "GET", SERVER)[0] == 401, "it is revoked")
    made = server.json("key", "create", "used", "reader")
    ask(server, made["secret"], "GET", SERVER)
    server.stop()
    server.start()
    check(server.json("key", "show", made["id"])["used_at"], "its last use is forgotten")


def lockout(server):
    key = make_key(server, "right", "reader")
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    statuses = [ask(server, wrong, "GET", SERVER, address="127.0.0.2")[0] for _ in range(14)]
    check(statuses[:11] == [401] * 11 and statuses[11:] == [429] * 3, statuses)
    check(ask(server, key, "GET", SERVER, address="127.0.0.2")[0] == 429, "locked out with the right key, too")
    check(0 < int(ask.retry_after) <= 30, ask.retry_after)
    check(ask(server, key, "GET", SERVER, address="127.0.0.3")[0] == 200, "its neighbour is not")
    check(ask(server, None, "GET", "/healthz", address="127.0.0.2")[0] == 200, "what is open stays open")
    for _ in range(100):
        event = server.json("audit", "list", "limit=1")["events"][0]
        if event["what"] == "locked out":
            break
        time.sleep(0.02)
    check(event["what"] == "locked out" and event["actor"]["address"] == "127.0.0.2", event)


def requests_counted(server, access):
    text = server.ctl("metrics").stdout
    return int(re.search(r'^anser_api_requests_total\{access="%s"\} (\d+)$' % access, text, re.M).group(1))


def rates(server):
    """Each key has a burst, and then its rate. What needs no key is not concerned."""
    with open(server.path("anser.yaml"), encoding="ascii") as file:
        config = file.read()
    server.stop()
    server.write("anser.yaml", config.replace("  socket: no", "  socket: no\n  max-rate: 1\n  max-burst: 5"))
    server.start()
    one, other = (make_key(server, name, "reader") for name in ("one", "other"))
    began = time.monotonic()
    statuses = [ask(server, one, "GET", SERVER)[0] for _ in range(12)]
    spared = int(time.monotonic() - began)
    check(statuses[:5] == [200] * 5 and statuses.count(200) <= 5 + spared and statuses[-1] == 429, statuses)
    check(ask.retry_after == "1", ask.retry_after)
    check(ask(server, other, "GET", SERVER)[0] == 200, "another key")
    check(ask(server, None, "GET", "/healthz")[0] == 200, "without a key")
    check(requests_counted(server, "too_many") == statuses.count(429), "requests beyond the rate are not counted")
    check(requests_counted(server, "let_in") >= 6, "requests are not counted")
    time.sleep(1.1)
    check(ask(server, one, "GET", SERVER)[0] == 200, "a second later")
    server.stop()
    server.write("anser.yaml", config)
    server.start()


def deaths(server):
    acknowledged = []
    for round_number in range(4):
        for i in range(20):
            done = server.json("record", "set", "n%d.example.com." % (20 * round_number + i), "A", "192.0.2.1",
                               "--no-wait")
            acknowledged.append(done["change"])
        server.kill()
        server.start()
    behind(server)
    events, _ = export(server)
    changes = [event["change"] for event in events if event["change"]]
    check(changes == list(range(1, len(changes) + 1)), "changes are missing, or there twice", changes)
    check(set(acknowledged) <= set(changes), "what was acknowledged has no event")
    server.json("audit", "verify")


def damage(server):
    server.stop()
    path = os.path.join(server.path("store"), "audit", "data.mdb")
    with open(path, "r+b") as file:
        content = file.read()
        at = content.index(b"n17.example.com.")
        file.seek(at)
        file.write(b"n18")
    server.start()
    done = server.ctl("--json", "audit", "verify")
    check(done.returncode == 1 and json.loads(done.stdout)["damaged"] > 1, done.stdout)


def main():
    with Server() as server:
        server.start()
        say("keys")
        keys(server)
        say("the audit log")
        audit(server)
        say("roles")
        roles(server)
        say("grants")
        grants(server)
        say("tenants")
        tenants(server)
        histories(server)
        say("every route for every role and tenant")
        matrix(server)
        say("ends of keys")
        ends(server)
        say("lockout")
        lockout(server)
        say("rates")
        rates(server)
        say("deaths")
        deaths(server)
        say("damage")
        damage(server)
        server.stop()
    print("ok")


main()
