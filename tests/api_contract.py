#!/usr/bin/python3
"""The description of the API (OpenAPI) against the server:

* it is a good description: by the language's schema, with every reference leading somewhere and every
  example fitting, the same in YAML and in JSON;
* each of the server's routes is described, and there is no other; OPTIONS, 405 and 401 are as it says;
* what comes of each GET, of the main changes and of what is refused has the status, the media type and
  the members that are described, and no other.

Starts anser-control of ANSER_BIN_DIR (or of the directory given as argument) with a data plane.
Skipped where python3-jsonschema, python3-yaml or openapi-specification is not installed.
"""

import contextlib
import json
import os
import re
import subprocess
import sys

from checks import SKIP, check, say, until

try:
    import yaml

    import openapi
except ImportError as missing:
    print("skipped: %s" % missing)
    sys.exit(SKIP)
from api_powerdns import PRIVATE, Server, start_anser

V1 = "/api/v1/servers/{server_id}"
OWN = "/api/anser/v1"
ZONES, ZONE = V1 + "/zones", V1 + "/zones/{zone_id}"
METADATA = ZONE + "/metadata"
# What is not there before it is made.
NEED_MORE = {V1 + "/tsigkeys/{tsigkey_id}": "404", ZONE + "/cryptokeys/{cryptokey_id}": "404",
             OWN + "/keys/{key_id}": "404", OWN + "/tenants/{tenant}": "404",
             OWN + "/zones/{zone_id}/dnssec/skr": "422"}


class Contract:
    def __init__(self, server, binaries):
        self.server, self.binaries = server, binaries
        self.description = openapi.Description(json.loads(server.ask("GET", OWN + "/openapi.json")[2]))
        self.seen = set()      # path, method and status, as described
        self.headers = {}      # of the last answer

    def address(self, path, **values):
        """The path with its parameters filled in by values, or else by their examples."""
        parameters = {}
        for at, _, _, found in self.description.operations():
            if at == path:
                parameters.update(found)

        def value_of(match):
            parameter = parameters[match.group(1)]
            return values.get(parameter["name"],
                              parameter.get("example", parameter["schema"].get("enum", [""])[0]))

        return re.sub(r"\{([^}]*)\}", value_of, path)

    def required_query(self, parameters):
        return "&".join("%s=%s" % (p["name"], p["example"]) for p in parameters.values()
                        if p["in"] == "query" and p.get("required"))

    def ask(self, method, path, status, body=None, query="", headers=None, **values):
        """Asks, and holds the answer against the description. Gives its body."""
        address = self.address(path, **values) + ("?" + query if query else "")
        answer = self.server.ask(method, address, body, headers)
        check(answer[0] == status, method, address, "gave", answer[0], "and not", status, answer[2][:300])
        described = self.description.check_answer(path, method.lower(), answer)
        self.seen.add((path, method.lower(), described))
        self.headers = answer[1]
        is_json = answer[1].get("content-type") == "application/json"
        return json.loads(answer[2]) if is_json else answer[2]

    # ---- what there is ----

    def languages(self):
        as_json = self.server.ask("GET", "/api/docs", headers={"Accept": "application/json"})
        as_yaml = self.server.ask("GET", "/api/docs")
        check(as_json[1]["content-type"] == "application/json", as_json[1])
        check(as_yaml[1]["content-type"] == "application/yaml", as_yaml[1])
        check(json.loads(as_json[2]) == self.description.document, "two descriptions")
        # Dates and the like are text for us.
        check(yaml.load(as_yaml[2], yaml.SafeLoader) == self.description.document, "YAML and JSON differ")

    def routes(self):
        said = set()
        for path, method, operation, parameters in self.description.operations():
            for parameter in parameters.values():
                if parameter["in"] == "path" and len(parameter["schema"].get("enum", [])) == 1:
                    path = path.replace("{%s}" % parameter["name"], parameter["schema"]["enum"][0])
            said.add((method.upper(), re.sub(r"\{[^}]*\}", "{}", path), {} in operation.get("security", [])))
        there = {(r["method"], r["path"], r["open"]) for r in self.ask("GET", OWN + "/routes", 200)}
        check(not there - said, "not described:", sorted(there - said))
        check(not said - there, "not there:", sorted(said - there))

    def methods(self):
        for path, item in self.description.document["paths"].items():
            address = self.address(path)
            described = {m.upper() for m in openapi.METHODS if m in item}
            status, headers, _ = self.server.ask("OPTIONS", address, headers={"X-API-Key": ""})
            check(status == 200, "OPTIONS", address, status)
            check(set(headers["allow"].split(", ")) == described | {"OPTIONS"}, address, headers["allow"])
            for method in {m.upper() for m in openapi.METHODS} - described:
                status, headers, _ = self.server.ask(method, address)
                check(status == 405, method, address, status)
                check(set(headers["allow"].split(", ")) == described | {"OPTIONS"}, method, address, headers["allow"])

    def keys(self):
        """Nothing but what is open is answered without a key; a wrong one is not asked for here, it
        would be locked out."""
        for path, method, operation, parameters in self.description.operations():
            address = self.address(path)
            with contextlib.closing(self.server.connect()) as client:
                client.request(method.upper(), address)
                answer = client.getresponse()
                body = answer.read().decode()
            headers = {k.lower(): v for k, v in answer.getheaders()}
            if {} in operation.get("security", []):
                check(answer.status == 200, method, address, "takes a key")
            else:
                check(answer.status == 401, method, address, "takes no key:", answer.status)
            self.description.check_answer(path, method, (answer.status, headers, body))

    # ---- answers ----

    def gets(self):
        for path, method, operation, parameters in self.description.operations():
            if method != "get":
                continue
            good = NEED_MORE.get(path, "200" if "200" in operation["responses"] else "404")
            self.ask("GET", path, int(good), query=self.required_query(parameters))
            if "404" in operation["responses"] and "{zone_id}" in path:
                self.ask("GET", path, 404, zone_id="nowhere.example.")

    def make(self):
        """The zone that the examples speak of, with one of each."""
        self.ask("POST", ZONES, 201, {
            "name": "example.com.", "kind": "Native", "nameservers": ["ns1.example.com."], "account": "someone",
            "masters": ["192.0.2.1"], "rrsets": [
                {"name": "www.example.com.", "type": "A", "ttl": 60,
                 "records": [{"content": "192.0.2.1", "disabled": False}, {"content": "192.0.2.2", "disabled": True}],
                 "comments": [{"content": "example.com of old", "account": "someone", "modified_at": 1}]}]})
        note = {"kind": "X-NOTE", "metadata": ["one", "two"]}
        self.ask("POST", METADATA, 200, note, query="dry-run=true")
        self.ask("POST", METADATA, 201, note)
        self.ask("GET", ZONES, 200, query="limit=1")
        self.ask("GET", V1 + "/search-data", 200, query="q=*example*")
        self.ask("GET", ZONE + "/export", 200, headers={"Accept": "application/json"})

    def changes(self):
        replace = {"rrsets": [{"name": "new.example.com.", "type": "TXT", "ttl": 60, "changetype": "REPLACE",
                               "records": [{"content": "\"x\"", "disabled": False}]}]}
        batch = {"zones": [{"name": "example.com.", "rrsets": replace["rrsets"]}]}
        for method, path, body, good in [
                ("PATCH", ZONE, replace, 204), ("PUT", ZONE, {"account": "another"}, 204),
                ("PUT", METADATA + "/{metadata_kind}", {"metadata": ["three"]}, 200),
                ("POST", OWN + "/batch", batch, 200)]:
            self.ask(method, path, 200, body, query="dry-run=true")
            self.ask(method, path, good, body)
            self.ask(method, path, 422 if path != ZONE or method == "PATCH" else 204, {})
            self.ask(method, path, 400, "{")
        self.ask("PATCH", ZONE, 412, replace, headers={"If-Match": "\"0-0\""})
        self.ask("PATCH", ZONE, 404, replace, zone_id="nowhere.example.")
        self.ask("POST", ZONES, 409, {"name": "example.com.", "kind": "Native"})
        self.ask("POST", ZONES, 422, {"name": "example.com", "kind": "Native"})
        self.ask("POST", ZONES, 200, {"name": "other.example.", "kind": "Native"}, query="dry-run=true")
        self.ask("PUT", ZONE + "/rectify", 200)
        self.ask("PUT", ZONE + "/notify", 200)
        self.ask("PUT", ZONE + "/axfr-retrieve", 422)
        self.ask("POST", ZONES, 201, {"name": "fetched.example.", "kind": "Slave", "masters": ["127.0.0.1:1"]})
        self.ask("PUT", ZONE + "/axfr-retrieve", 200, zone_id="fetched.example.")
        self.ask("PUT", V1 + "/cache/flush", 200, query="domain=example.com.")
        self.ask("PUT", V1 + "/cache/flush", 422, query="domain=example.com")
        self.ask("GET", V1 + "/statistics", 422, query="statistic=none")
        self.ask("GET", V1 + "/search-data", 422)
        self.ask("DELETE", METADATA + "/{metadata_kind}", 200, query="dry-run=true")
        self.ask("DELETE", METADATA + "/{metadata_kind}", 204)

    def tsig_keys(self):
        keys, key = V1 + "/tsigkeys", V1 + "/tsigkeys/{tsigkey_id}"
        new = {"name": "key", "algorithm": "hmac-sha256"}
        self.ask("POST", keys, 422, {"name": "key"})
        self.ask("POST", keys, 201, new)
        self.ask("POST", keys, 409, new)
        self.ask("GET", keys, 200)
        self.ask("GET", key, 200)
        self.ask("PUT", key, 200, {"algorithm": "hmac-sha512"})
        self.ask("PUT", key, 422, {"algorithm": "rot13"})
        self.ask("PUT", key, 404, {}, tsigkey_id="none.")
        self.ask("DELETE", key, 204)
        self.ask("DELETE", key, 404)

    def signing_keys(self):
        keys, key = ZONE + "/cryptokeys", ZONE + "/cryptokeys/{cryptokey_id}"
        at = {"zone_id": "signed.example."}
        self.ask("POST", ZONES, 201, {"name": "signed.example.", "kind": "Native", "nameservers": ["ns.example."]})
        self.ask("POST", keys, 422, {"keytype": "ssk"}, **at)
        self.ask("POST", keys, 200, {"keytype": "csk", "active": True}, query="dry-run=true", **at)
        check(self.ask("GET", keys, 200, **at) == [], "was added on trial")
        made = self.ask("POST", keys, 201, {"keytype": "csk", "active": True, "algorithm": 13}, **at)
        check(made["active"] and made["privatekey"], made)
        del made["privatekey"]
        check(self.ask("GET", keys, 200, **at) == [made], "the only one")
        self.ask("GET", key, 200, **at)
        brought = {"keytype": "zsk", "content": PRIVATE}
        self.ask("POST", keys, 201, brought, **at)
        self.ask("POST", keys, 409, brought, **at)
        self.ask("POST", keys, 201, {"keytype": "csk"}, **at)
        self.ask("PUT", key, 200, {"active": True}, query="dry-run=true", cryptokey_id="3", **at)
        self.ask("PUT", key, 204, {"active": True}, **at)
        self.ask("PUT", key, 422, {"active": False}, **at)
        self.ask("PUT", key, 422, {}, **at)
        self.ask("PUT", key, 404, {"active": True}, cryptokey_id="7", **at)
        self.ask("DELETE", key, 200, query="dry-run=true", cryptokey_id="2", **at)
        self.ask("DELETE", key, 204, cryptokey_id="2", **at)
        self.ask("DELETE", key, 404, cryptokey_id="2", **at)
        self.ask("DELETE", ZONE, 204, **at)

    def signing(self):
        zone, at = OWN + "/zones/{zone_id}/dnssec", {"zone_id": "signed.example."}
        self.ask("POST", ZONES, 201, {"name": "signed.example.", "kind": "Native", "nameservers": ["ns.example."]})
        check(self.ask("GET", zone, 200, **at)["state"] == "unsigned", "signed already")
        self.ask("POST", zone + "/roll", 422, {"key": "csk"}, **at)
        for wrong in {}, {"policy": 1}:
            self.ask("PUT", zone, 400, wrong, **at)
        self.ask("PUT", zone, 404, {"policy": "none"}, **at)
        self.ask("PUT", zone, 404, {"policy": "default"}, zone_id="nowhere.example.")
        self.ask("PUT", zone, 200, {"policy": "default"}, query="dry-run=true", **at)
        check(self.ask("GET", zone, 200, **at)["policy"] is None, "was said on trial")
        self.ask("PUT", zone, 200, {"policy": "default"}, query="wait=stored", **at)
        until("it is signed", lambda: self.ask("GET", zone, 200, **at)["state"] == "signed")
        said = self.ask("GET", zone, 200, **at)
        check([key["ds_state"] for key in said["keys"]] == ["hidden"] and said["ds_later"] and not said["ds"], said)
        self.ask("POST", zone + "/saw-ds", 400, {}, **at)
        self.ask("POST", zone + "/saw-ds", 404, {"present": True, "key": "7"}, **at)
        self.ask("POST", zone + "/saw-ds", 200, {"present": True, "key": 1}, **at)
        said = self.ask("GET", zone, 200, **at)
        check(said["keys"][0]["ds_state"] == "rumoured" and said["ds"] and said["cds"], said)
        self.ask("POST", zone + "/roll", 404, {"key": "zsk"}, **at)
        self.ask("POST", zone + "/roll", 400, {"key": []}, **at)
        self.ask("POST", zone + "/roll", 400, [], **at)
        self.ask("POST", zone + "/roll", 200, {"key": "csk"}, query="dry-run=true", **at)
        check(len(self.ask("GET", zone, 200, **at)["keys"]) == 1, "rolled on trial")
        self.ask("POST", zone + "/roll", 200, {}, **at)
        until("there are two keys", lambda: len(self.ask("GET", zone, 200, **at)["keys"]) == 2)
        self.ask("POST", zone + "/resign", 200, {}, query="dry-run=true", **at)
        self.ask("POST", zone + "/resign", 200, {}, **at)
        self.ask("POST", zone + "/ksr", 422, {"seconds": 86400}, **at)
        self.ask("PUT", zone, 200, {"policy": None}, **at)
        until("it is on its way", lambda: self.ask("GET", zone, 200, **at)["state"] == "leaving")
        self.ask("DELETE", ZONE, 204, **at)

    def sign_elsewhere(self, request):
        """The response of the one who has the KSK, and no server."""
        self.server.write("ksr", request)

        def run(*command):
            done = subprocess.run(command, cwd=self.server.dir, capture_output=True, text=True, timeout=60, check=False)
            check(done.returncode == 0, command, done.stdout, done.stderr)
            return done.stdout

        key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "offline.example.").strip()
        return run(os.path.join(self.binaries, "anserctl"), "dnssec", "sign-request", "ksr", key)

    def elsewhere(self):
        """A zone whose KSK is."""
        zone, at = OWN + "/zones/{zone_id}/dnssec", {"zone_id": "offline.example."}
        self.ask("POST", ZONES, 201, {"name": "offline.example.", "kind": "Native", "nameservers": ["ns.example."]})
        self.ask("PUT", zone, 200, {"policy": "offline"}, **at)
        until("it waits for signatures", lambda: "trouble" in (self.ask("GET", zone, 200, **at)["work"] or {}))
        for wrong in {}, {"seconds": 0}, {"seconds": "long"}:
            self.ask("POST", zone + "/ksr", 400, wrong, **at)
        made = self.ask("POST", zone + "/ksr", 200, {"seconds": 86400}, **at)
        check(made["request"].startswith(";; KeySigningRequest") and made["bundles"] > 0, made)
        check(self.ask("GET", zone + "/skr", 200, **at)["bundles"] == [], "signed by nobody")
        self.ask("POST", zone + "/skr", 400, {}, **at)
        self.ask("POST", zone + "/skr", 422, {"response": "what is this"}, **at)
        self.ask("POST", zone + "/skr", 422, {"response": made["request"]}, **at)
        self.ask("POST", zone + "/skr", 200, {"response": self.sign_elsewhere(made["request"])}, **at)
        check(self.ask("GET", zone + "/skr", 200, **at)["bundles"], "the response was not kept")
        until("it is signed", lambda: self.ask("GET", zone, 200, **at)["work"]["signed"])
        self.ask("DELETE", ZONE, 204, **at)

    def streams(self):
        line = {"zones": [{"name": "example.com.", "rrsets": [
            {"name": "s.example.com.", "type": "A", "ttl": 60, "changetype": "REPLACE",
             "records": [{"content": "192.0.2.9", "disabled": False}]}]}]}
        text = self.ask("POST", OWN + "/batch", 200, json.dumps(line) + "\n{\n",
                        headers={"Content-Type": "application/x-ndjson"})
        check([json.loads(one)["status"] for one in text.splitlines()] == [200, 400, 200], text)
        text = self.ask("POST", OWN + "/batch", 200, json.dumps(line) + "\n", query="dry-run=true&wait=served",
                        headers={"Content-Type": "application/x-ndjson"})
        check(json.loads(text.splitlines()[0])["dry_run"], text)
        text = self.ask("POST", OWN + "/batch", 200, "{}\n{}\n", query="stop-on-error&wait=visible",
                        headers={"Content-Type": "application/x-ndjson"})
        check([json.loads(one)["status"] for one in text.splitlines()] == [422, 200], text)
        self.ask("POST", OWN + "/batch", 422, "{}\n", query="wait=never", headers={"Content-Type": "application/x-ndjson"})

    def commands(self):
        self.ask("POST", OWN + "/run", 200, {"command": "zone list"})
        self.ask("POST", OWN + "/run", 422, {"command": "zone show", "args": {"zone": "nowhere.example"}})
        self.ask("POST", OWN + "/run", 400, {"command": "no such"})
        self.ask("POST", OWN + "/run", 403, {"command": "zone check", "args": {"zone": "a", "file": "/etc/passwd"}})

    def configuration(self):
        config = OWN + "/config"
        self.ask("PATCH", config, 200, {"log.level": "warning"}, query="dry-run=true")
        check(self.ask("PATCH", config, 200, {"log.level": "error"})["applied"] == ["log.level"], "was set on trial")
        shown = {one["option"]: one for one in self.ask("GET", config, 200)["settings"]}
        check(shown["log.level"]["override"] == "error", shown["log.level"])
        self.ask("PATCH", config, 200, {"log.level": None})
        wrong = self.ask("PATCH", config, 422, {"log.level": "loud"})
        check(wrong["field"] == "log.level", wrong)
        self.ask("PATCH", config, 400, {})
        self.ask("PATCH", config, 400, [])
        self.ask("POST", config + "/reload", 200, query="dry-run=true")
        self.ask("POST", config + "/reload", 200)

    def access(self):
        """Keys, tenants and the audit log."""
        keys, key = OWN + "/keys", OWN + "/keys/{key_id}"
        made = self.ask("POST", keys, 201, {"label": "one", "role": "writer", "tenant": "red", "expires_in": 3600})
        check(self.headers["location"] == "%s/%s" % (keys, made["id"]), self.headers)
        at = {"key_id": made["id"]}
        self.ask("POST", keys, 400, {"label": "one"})
        self.ask("GET", key, 200, **at)
        self.ask("GET", keys, 200)
        changed = self.ask("PATCH", key, 200, {"label": "two", "disabled": True, "expires_at": None}, **at)
        check((changed["label"], changed["state"], changed["expires_at"]) == ("two", "disabled", None), changed)
        self.ask("PATCH", key, 400, {"tenant": "blue"}, **at)
        self.ask("PATCH", key, 400, {}, **at)
        self.ask("PATCH", key, 404, {"label": "x"})
        self.ask("PUT", key + "/grants", 200, {"grants": [{"zone": "example.com."}]}, **at)
        self.ask("PUT", key + "/grants", 400, {"grants": 1}, **at)
        self.ask("DELETE", key, 200, **at)
        self.ask("DELETE", key, 200, **at)
        self.ask("PATCH", key, 422, {"disabled": False}, **at)

        tenants, tenant = OWN + "/tenants", OWN + "/tenants/{tenant}"
        self.ask("POST", tenants, 201, {"name": "green"})
        self.ask("POST", tenants, 409, {"name": "green"})
        self.ask("POST", tenants, 400, {"name": "a/b"})
        self.ask("PATCH", tenant, 200, {"name": "blue"}, tenant="green")
        self.ask("PATCH", tenant, 404, {"name": "blue"}, tenant="green")
        self.ask("PUT", tenant + "/zones/{zone_id}", 204)
        self.ask("PUT", tenant + "/zones/{zone_id}", 404, zone_id="nowhere.example.")
        check(self.ask("GET", tenant, 200)["zones"] == 1, "its zone")
        self.ask("PATCH", tenant, 200, {"name": "green"})
        check(self.ask("GET", tenant, 200, tenant="green")["zones"] == 1, "its zone goes along")
        self.ask("POST", tenants, 201, {"name": "blue"})
        self.ask("PATCH", tenant, 409, {"name": "green"})
        self.ask("DELETE", tenant, 409, tenant="green")
        self.ask("DELETE", tenant + "/zones/{zone_id}", 404)
        self.ask("DELETE", tenant + "/zones/{zone_id}", 204, tenant="green")
        self.ask("DELETE", tenant, 204, tenant="green")
        self.ask("GET", tenant, 404, tenant="green")
        self.ask("GET", tenants, 200)

        until("the audit log is up to date", lambda: not self.ask("GET", OWN + "/status", 200)["audit"]["behind"])
        page = self.ask("GET", OWN + "/audit", 200, query="limit=2&what=change&since=20")
        check(len(page["events"]) == 2 and page["next"], page)
        self.ask("GET", OWN + "/audit", 200, query="from=%d" % page["next"])
        self.ask("GET", OWN + "/audit", 400, query="limit=many")
        last = page["events"][0]
        self.ask("GET", OWN + "/audit/verify", 200, query="seq=%d&hash=%s" % (last["seq"], last["hash"]))
        self.ask("GET", OWN + "/audit/verify", 422, query="seq=%d&hash=%s" % (last["seq"], "0" * 64))
        lines = self.ask("GET", OWN + "/audit/export", 200, query="from=%d" % last["seq"]).splitlines()
        check(json.loads(lines[0])["hash"] == last["hash"], lines)

    def history(self):
        zone = OWN + "/zones/{zone_id}/"
        changes = self.ask("GET", zone + "history", 200, query="full=true")["changes"]
        self.ask("GET", zone + "history", 400, query="limit=many")
        self.ask("GET", zone + "diff", 200, query="from=change:%d&to=now" % changes[-1]["change"])
        self.ask("GET", zone + "diff", 422, query="from=serial:1")
        self.ask("POST", zone + "revert", 200, {"to": "change:%d" % changes[-1]["change"]}, query="dry-run=true")
        self.ask("POST", zone + "revert", 200, {"to": "change:%d" % changes[-1]["change"]})
        self.ask("POST", zone + "revert", 400, {})
        stale = self.ask("POST", zone + "revert", 412, {"to": "now"}, headers={"If-Match": "\"0-0\""})
        check("field" not in stale, "that body has no such field:", stale)
        self.ask("POST", zone + "revert", 404, {"to": "now"}, zone_id="nowhere.example.")

    def absent(self):
        for path, method, operation, _ in self.description.operations():
            if method != "get" and "501" in operation["responses"]:
                self.ask(method.upper(), path, 501, {})
            elif {status[0] for status in operation["responses"]} == {"4", "d"} and method != "get" and \
                    "422" not in operation["responses"]:
                self.ask(method.upper(), path, 404, {})

    def ends(self):
        self.ask("DELETE", ZONE, 200, query="dry-run=true")
        self.ask("DELETE", ZONE, 204)
        self.ask("DELETE", ZONE, 404)

    def all_were_asked(self):
        for path, method, operation, _ in self.description.operations():
            good = {status for status in operation["responses"] if status[0] == "2"}
            seen = {status for at, how, status in self.seen if (at, how) == (path, method)}
            check(good <= seen or not good and seen, method.upper(), path, "never gave", good - seen)


def main():
    binaries = sys.argv[1] if len(sys.argv) > 1 else os.environ["ANSER_BIN_DIR"]
    if not openapi.is_installed():
        print("skipped: openapi-specification is not installed")
        return SKIP
    with Server("contract", "/readyz") as server:
        start_anser(server, binaries)
        contract = Contract(server, binaries)
        for what, run in [("the description", contract.description.lint), ("YAML and JSON", contract.languages),
                          ("routes", contract.routes), ("methods", contract.methods), ("keys", contract.keys),
                          ("a zone", contract.make), ("everything that is looked at", contract.gets),
                          ("changes", contract.changes), ("TSIG keys", contract.tsig_keys),
                          ("keys that sign", contract.signing_keys), ("signing", contract.signing),
                          ("a KSK elsewhere", contract.elsewhere),
                          ("a stream", contract.streams), ("commands", contract.commands),
                          ("the configuration", contract.configuration),
                          ("keys, tenants, audit", contract.access),
                          ("history", contract.history), ("what there is not", contract.absent),
                          ("the end of the zone", contract.ends),
                          ("every operation was asked", contract.all_were_asked)]:
            say(what)
            run()
        check(server.stop() == 0, "anser-control has not ended well")
    return 0


if __name__ == "__main__":
    sys.exit(main())
