#!/usr/bin/env python3
"""Keys and the audit log with a real control plane.

* a key is made, shown, confined, revoked; its secret is shown once, and is nowhere on disk;
* what was acknowledged is there after kill -9;
* every change is an event of the audit log, also of those that kill -9 came right behind;
* what is exported can be checked with SHA-256 alone, and a flipped bit in the file is found;
* over HTTP each role may what it may and no more, a grant opens what it names, and what has another
  tenant is not there; a key that expires or is revoked opens nothing from then on;
* who shows wrong keys is locked out, with the right one as well, and nobody else is.
"""

import hashlib
import http.client

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from checks import check, free_port, say

BIN = os.environ["ANSER_BIN_DIR"]
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

ZONE = """@ 60 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ 60 NS ns1
ns1 60 A 192.0.2.1
"""

SECRET = re.compile(r"^ans_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$")


class Server:
    def __init__(self):
        self.run = tempfile.mkdtemp(prefix="access.")
        self.port = free_port()
        self.process = None
        self.write("zone", ZONE)
        self.http = free_port()
        self.write("anser.yaml", CONFIG % {"address": ADDRESS, "port": self.port, "http": self.http})

    def path(self, name):
        return os.path.join(self.run, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(BIN, "anser-control"), "-c", "anser.yaml"],
                                            cwd=self.run, stdout=log, stderr=log)
        for _ in range(200):
            done = self.ctl("--json", "status")
            if done.returncode == 0 and json.loads(done.stdout)["state"] != "loading":
                return
            time.sleep(0.05)
        raise AssertionError("no start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        check(self.process.wait(20) == 0, "it does not end well")

    def ctl(self, *args):
        return subprocess.run([os.path.join(BIN, "anserctl"), "-s", self.path("control.sock"), *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)

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
    events, before = [], "0" * 64
    for line in done.stdout.splitlines():
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
    check(run(server, acme, "zone list") != 200, "a list of all zones")
    check(run(server, acme, "zone export", zone="example.net") != 200, "another zone")

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
        for command in "zone list", "zone export", "conf show", "audit verify", "audit export", "zone sync":
            check(run(server, key, command, zone=other + ".example.") != 200, own, command)
        check(run(server, key, "key create", label="x", role="admin", tenant=other) != 200, own, "a key of", other)
        behind(server)
        events = json.loads(ask(server, key, "POST", "/api/anser/v1/run", {"command": "audit list"})[1])["events"]
        check(events and {event["actor"].get("tenant") for event in events} == {own}, own, events)
    event = server.json("audit", "list", "actor=blue", "limit=1")["events"][0]
    check(event["actor"]["address"] == ADDRESS and event["actor"]["kind"] == "key", event)


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
    server = Server()
    try:
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
        say("ends of keys")
        ends(server)
        say("lockout")
        lockout(server)
        say("deaths")
        deaths(server)
        say("damage")
        damage(server)
        server.stop()
    except BaseException:
        server.process.kill()
        with open(server.path("log"), encoding="utf-8", errors="replace") as log:
            sys.stdout.write(log.read())
        raise
    finally:
        shutil.rmtree(server.run)
    print("ok")


main()
