#!/usr/bin/env python3
"""TSIG keys with a real control plane, and real clients.

* a key is made, shown, changed, removed; read from files of BIND's and Knot's form; it counts at once;
* dig and kdig get signed answers with every algorithm, and the refusals that RFC 8945 has;
* its secret is told where it is asked for, and is neither in what is listed nor in logs, the audit log or
  a reason of a refusal;
* who has a tenant keeps that tenant's keys only, who has grants none;
* a backup has the secrets only where that is asked for;
* over UDP a data plane hands on what is signed, and answers that do not fit are cut;
* what was acknowledged is there after kill -9.
"""

import http.client
import base64
import json
import os
import re
import shutil
import subprocess
import sys

from checks import Skipped, check, free_port, passes, say, until
from control_plane import OK, REFUSED, USAGE, ZONE, ControlPlane

ADDRESS = "127.0.0.1"

CONFIG = """
server:
  listen: [%(address)s@%(port)d]
  tsig-md5: %(md5)s
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(supervise)s
api:
  listen: [%(address)s@%(http)d]
  socket: no
zones:
  - name: example.com
    file: zone
"""

ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


class Server(ControlPlane):
    def __init__(self, supervise="no"):
        super().__init__("tsig")
        self.supervise = supervise
        self.port = free_port()
        self.http = free_port()
        self.secrets = []
        self.write("zone", ZONE)
        self.configure()

    def configure(self, md5="yes", keys=""):
        self.write("anser.yaml", CONFIG % {"address": ADDRESS, "port": self.port, "http": self.http,
                                           "md5": md5, "supervise": self.supervise} + keys)

    def start(self):
        self.launch()
        self.wait_until_loaded()

    def stop(self):
        self.process.terminate()
        check(self.process.wait(20) == 0, "it does not end well")

    def json(self, *words, given=None):
        done = self.anserctl("--json", *words, given=given)
        check(done.returncode == OK, words, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *words, given=None, code=REFUSED):
        done = self.anserctl(*words, given=given)
        check(done.returncode == code, words, done.stdout, done.stderr)
        return done.stderr

    def create(self, *words):
        key = self.json("tsig", "create", *words)
        self.secrets.append(key["secret"])
        return key

    def dig(self, key, *words, over="+tcp"):
        """Signed. Gives all that dig says."""
        return subprocess.run(["dig", over, "+tries=1", "+timeout=5", "@" + ADDRESS, "-p", str(self.port),
                               "-y", "%s:%s:%s" % key, *(words or ["example.com.", "SOA"])],
                              capture_output=True, text=True, timeout=60, check=False).stdout

    def is_known(self, key):
        said = self.dig(key)
        good = "status: NOERROR" in said and "could not be validated" not in said and " NOERROR 0" in said
        check(good or ("status: NOTAUTH" in said), said)
        return good

    def request(self, method, path, body=None, key=None):
        connection = http.client.HTTPConnection(ADDRESS, self.http, timeout=20)
        headers = {"Content-Type": "application/json"}
        if key:
            headers["X-API-Key"] = key
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, json.loads(said) if said else None


def triple(key):
    return (key["algorithm"], key["name"], key["secret"])


def keys_come_and_go(server):
    key = server.create("Key.Example")
    check(key["name"] == "key.example." and key["algorithm"] == "hmac-sha256", key)
    check(server.is_known(triple(key)), "a new key is not known")
    check("already" in server.refused("tsig", "create", "key.example."), "a name twice")
    shown = server.json("tsig", "show", "key.example")
    check("secret" not in shown, shown)
    check(server.json("tsig", "show", "key.example", "secret")["secret"] == key["secret"], "another secret")
    anew = server.json("tsig", "set", "key.example", "new-secret", "algorithm=hmac-sha512")
    server.secrets.append(anew["secret"])
    check(anew["secret"] != key["secret"] and anew["algorithm"] == "hmac-sha512", anew)
    check(not server.is_known(triple(key)) and server.is_known(triple(anew)), "the old secret counts")
    check("secret" not in server.json("tsig", "remove", "key.example"), "removed with its secret")
    check(not server.is_known(triple(anew)), "a key that is gone counts")
    server.refused("tsig", "show", "key.example")
    for words in (["create", "a..b"], ["create", "."], ["create", "k", "algorithm=hmac-sha3"],
                  ["create", "k", "secret=AAAA"], ["create", "k", "tenant=a b"]):
        server.refused("tsig", *words, code=USAGE)


def clients_get_signed_answers(server):
    for algorithm in ALGORITHMS:
        key = server.create(algorithm + ".example", "algorithm=" + algorithm)
        check(server.is_known(triple(key)), "dig with", algorithm)
        if shutil.which("kdig"):
            said = subprocess.run(["kdig", "+tcp", "@" + ADDRESS, "-p", str(server.port), "-y",
                                   "%s:%s:%s" % triple(key), "example.com.", "SOA"],
                                  capture_output=True, text=True, timeout=60, check=False)
            check("status: NOERROR" in said.stdout and "TSIG error" not in said.stderr and
                  "hostmaster" in said.stdout, algorithm, said)
    good = server.create("good.example")
    bad = ("hmac-sha256", "good.example", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    said = server.dig(bad)
    check("status: NOTAUTH" in said and "BADSIG" in said, said)
    said = server.dig(("hmac-sha1", good["name"], good["secret"]))
    check("status: NOTAUTH" in said and "BADKEY" in said, said)
    said = server.dig(("hmac-sha256", "nobody.example", good["secret"]))
    check("status: NOTAUTH" in said and "BADKEY" in said, said)
    said = server.dig(triple(good), "example.com.", "SOA", "+fuzztime=1000000000")
    check("status: NOTAUTH" in said and "BADTIME" in said, said)


BIND = 'options { directory "/"; };\nkey "b.example" {\n\talgorithm hmac-sha384;\n\tsecret "%s";\n};\n'
KNOT = "# hmac-sha256:k.example:%s\nkey:\n  - id: k.example\n    algorithm: hmac-sha256\n    secret: %s\n"
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISEhISE="


def keys_are_imported(server):
    server.secrets.append(SECRET)
    server.write("bind.key", BIND % SECRET)
    done = server.json("tsig", "import", "bind.key")
    check([k["name"] for k in done["keys"]] == ["b.example."], done)
    check(server.is_known(("hmac-sha384", "b.example", SECRET)), "of BIND's form")
    server.json("tsig", "import", "-", given=KNOT % (SECRET, SECRET))
    check(server.is_known(("hmac-sha256", "k.example", SECRET)), "of Knot's form")
    check("line 2" in server.refused("tsig", "import", "bind.key"), "twice")
    server.json("tsig", "import", "--replace", "-", given="hmac-sha1:b.example:" + SECRET + "\n")
    check(server.is_known(("hmac-sha1", "b.example", SECRET)), "replaced")
    for text in ("", "key k { algorithm hmac-sha256; };", "hmac-sha256:k2:" + SECRET + "!"):
        said = server.refused("tsig", "import", "-", given=text)
        check(SECRET[:20] not in said, said)
    # All or none.
    server.refused("tsig", "import", "-", given="hmac-sha1:new.example:%s\nhmac-sha1:b.example:%s\n" %
                   (SECRET, SECRET))
    server.refused("tsig", "show", "new.example")
    for tool in ("tsig-keygen", "keymgr"):
        if shutil.which(tool):
            words = [tool, "-t", "made." + tool] if tool == "keymgr" else [tool, "made." + tool]
            text = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
            done = server.json("tsig", "import", "-", given=text)
            check([k["name"] for k in done["keys"]] == ["made.%s." % tool], done)


def keys_stand_in_the_configuration(server):
    files = {"bare.secret": SECRET + "\n", "bind.key": BIND % SECRET}
    for name, text in files.items():
        server.write(name, text)
    keys = """keys:
  - {name: C.Example, algorithm: hmac-sha512, secret: "%s"}
  - {name: bare.example., secret-file: bare.secret}
  - {name: b.example, algorithm: hmac-sha384, secret-file: bind.key}
""" % SECRET
    server.configure(keys=keys)
    done = server.anserctl("conf", "reload")
    check(done.returncode == OK, done)
    for key in (("hmac-sha512", "c.example"), ("hmac-sha256", "bare.example"), ("hmac-sha384", "b.example")):
        check(server.is_known((*key, SECRET)), "configured", key)
    check(not server.is_known(("hmac-sha1", "b.example", SECRET)), "the store's key of that name counts")
    listed = [k["name"] for k in server.json("tsig", "list")["keys"] if k["configured"]]
    check(listed == ["c.example.", "bare.example.", "b.example."], listed)
    check(SECRET not in server.anserctl("conf", "show").stdout, "conf show shows it")
    check(SECRET not in server.anserctl("conf", "diff").stdout, "conf diff shows it")
    # What cannot be had is refused, and all stays as it is.
    os.chmod(server.path("bare.secret"), 0o644)
    said = server.refused("conf", "reload")
    check("bare.secret" in said and SECRET not in said, said)
    check(server.is_known(("hmac-sha512", "c.example", SECRET)), "a refused reload has changed keys")
    # Files are read with the configuration, and not because some other key comes.
    server.create("meanwhile.example")
    check(server.is_known(("hmac-sha256", "bare.example", SECRET)), "a key has made another one go")
    server.configure(md5="no")
    check(server.anserctl("conf", "reload").returncode == OK, "reload")
    check(not server.is_known(("hmac-sha512", "c.example", SECRET)), "a key that is gone counts")
    check(server.is_known(("hmac-sha1", "b.example", SECRET)), "the store's key does not count again")
    md5 = server.create("md5.example", "algorithm=hmac-md5")
    check(not server.is_known(triple(md5)), "MD5 counts")
    check(server.json("tsig", "show", "md5.example")["state"] == "not allowed", "MD5 seems to count")


def keys_that_are_used_stay(server):
    key = server.create("used.example")
    named = {'remotes:\n  - {name: hidden, addresses: [192.0.2.1], key: Used.Example}\n': 'remote "hidden"',
             'acls:\n  - {name: some, keys: [other.example, used.example.]}\n': 'rule "some"'}
    for text, who in named.items():
        server.configure(keys=text)
        check(server.anserctl("conf", "reload").returncode == OK, "reload")
        check(who in server.refused("tsig", "remove", "used.example"), who)
    server.configure()
    check(server.anserctl("conf", "reload").returncode == OK, "reload")
    for setting in ("primary-key", "transfer-keys", "update-keys"):
        server.json("zone", "set", "example.com", setting + "=used.example")
        check("zone example.com." in server.refused("tsig", "remove", "Used.Example"), setting)
        server.json("zone", "set", "example.com", setting + "=")
    server.json("zone", "set", "example.com", "transfer-keys=used.example")
    operator = server.json("key", "create", "keeper", "operator")["secret"]
    tenant = server.json("key", "create", "blue", "operator", "tenant=blue")["secret"]
    path = "/api/v1/servers/localhost/tsigkeys/used.example."
    for method, body in (("DELETE", None), ("PUT", {"name": "new.example"})):
        status, said = server.request(method, path, body, operator)
        check(status == 409 and "example.com." in said["error"], method, status, said)
    status, said = server.request("PUT", path, {"name": "used.example", "algorithm": "hmac-sha512"}, operator)
    check(status == 200, "of the same name", status, said)
    check(server.is_known(("hmac-sha512", "used.example", key["secret"])), "a key that was refused is gone")
    # The configuration's goes before it, so that nobody has it; and zones of others are no reason.
    server.configure(keys='keys:\n  - {name: used.example, secret: "%s"}\n' % SECRET)
    check(server.anserctl("conf", "reload").returncode == OK, "reload")
    server.json("tsig", "remove", "used.example")
    server.configure()
    check(server.anserctl("conf", "reload").returncode == OK, "reload")
    server.create("used.example", "tenant=blue")
    status, said = server.request("DELETE", path, None, tenant)
    check(status == 204, "a zone that the tenant does not see", status, said)
    server.json("zone", "set", "example.com", "transfer-keys=")


def everybody_keeps_the_own_ones(server):
    def make(*words):
        return server.json("key", "create", *words)["secret"]

    operator = make("o", "operator", "tenant=one")
    other = make("p", "operator", "tenant=two")
    writer = make("w", "writer")
    confined = make("c", "operator", "zone=example.com")
    run = "/api/anser/v1/run"

    def command(actor, name, **args):
        return server.request("POST", run, {"command": name, "args": args}, actor)

    status, said = command(operator, "tsig create", key="one.example")
    check(status == 200 and said["tenant"] == "one", status, said)
    server.secrets.append(said["secret"])
    status, said = command(operator, "tsig list")
    check([k["name"] for k in said["keys"]] == ["one.example."], said)
    for actor, name in ((other, "show"), (other, "remove"), (other, "set"), (confined, "show")):
        status, said = command(actor, "tsig " + name, key="one.example", algorithm="hmac-sha1")
        check(status != 200 and "secret" not in said, name, status, said)
    status, said = command(other, "tsig import", text="hmac-sha1:one.example:" + SECRET, replace=True)
    check(status != 200, "another tenant's key was replaced")
    # A key goes where its tenant goes.
    server.refused("tenant", "remove", "one")
    check(server.anserctl("tenant", "rename", "one", "uno").returncode == OK, "rename")
    check(server.json("tsig", "show", "one.example")["tenant"] == "uno", "left behind")
    check([k["name"] for k in command(operator, "tsig list")[1]["keys"]] == ["one.example."], "not seen")
    for actor in (writer, confined):
        check(command(actor, "tsig list")[0] != 200, "a list for", actor)
    status, said = command(operator, "tsig create", key="x.example", tenant="two")
    check(status != 200, said)


def secrets_stay(server):
    said = [server.log()]
    for words in (["tsig", "list"], ["audit", "list"], ["audit", "export"], ["conf", "show"], ["status"]):
        said.append(server.anserctl("--json", *words).stdout)
    for text in said:
        for secret in server.secrets:
            check(secret not in text, "a secret is in", text[:200])
    check(len(said[2]) > 1000 and "tsig" in said[2], "nothing of keys in the audit log")


def backups_have_no_secrets(server):
    key = server.create("before.example")
    again = server.json("tsig", "set", "before.example", "new-secret")
    server.secrets.append(again["secret"])
    server.json("tsig", "remove", "md5.example")
    seen = {}
    for name, words in {"without": [], "with": ["--with-secrets"]}.items():
        check(server.anserctl("backup", server.path(name), *words).returncode == OK, "backup", name)
        with open(server.path(name), "rb") as file:
            text = file.read()
        seen[name] = {s for s in server.secrets if base64.b64decode(s) in text or s.encode() in text}
    check(not seen["without"], "secrets in a backup:", seen["without"])
    check({key["secret"], again["secret"], SECRET} <= seen["with"], "a backup with secrets has not", seen["with"])
    # Each change can be undone in a store that was restored, whose keys are there but count no more.
    change = server.json("tsig", "show", "before.example")
    restore = [os.path.join(os.environ["ANSER_BIN_DIR"], "anser-control"), "--store"]
    for name, last in ("without", "1"), ("without", None), ("with", None):
        shutil.rmtree(server.path("restored"), ignore_errors=True)
        done = subprocess.run([*restore, server.path("restored"), "--restore", server.path(name)] +
                              (["--until", last] if last else []), capture_output=True, text=True, timeout=60,
                              check=False)
        check(done.returncode == 0, name, last, done.stdout, done.stderr)
    server.stop()
    shutil.move(server.path("store"), server.path("first"))
    done = subprocess.run([*restore, server.path("store"), "--restore", server.path("without")],
                          capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, done)
    server.start()
    keys = {k["name"]: k for k in server.json("tsig", "list")["keys"]}
    check(keys["before.example."]["state"] == "without secret" and
          keys["before.example."]["created_at"] == change["created_at"], keys["before.example."])
    check(not server.is_known(triple(again)), "a key without a secret counts")
    server.json("tsig", "import", "--replace", "-", given="hmac-sha256:before.example:%s\n" % again["secret"])
    check(server.is_known(triple(again)), "a key with its secret again")


def questions_over_udp():
    """By way of a data plane, which hands on what is signed."""
    with Server("yes") as server:
        server.start()
        key = triple(server.create("udp.example"))
        for name in ("big", "small"):
            text = '"%s"' % ("x" * (200 if name == "big" else 20))
            done = server.anserctl("record", "set", name + ".example.com.", "60", "TXT", text + " " + text)
            check(done.returncode == OK, done)

        def answered(name, wanted, *words):
            said = server.dig(key, name + ".example.com.", "TXT", "+ignore", *words, over="+notcp")
            check("could not be validated" not in said, said)
            return "status: NOERROR" in said and " NOERROR 0" in said and wanted(said)

        def flags(said):
            return re.search(r"flags: ([a-z ]*);", said).group(1).split()

        until("a data plane answers", lambda: answered("small", lambda said: "ANSWER: 1" in said))
        # Where the signature is what does not fit, the answer is cut, and signed (RFC 8945 section 5.3).
        check(answered("big", lambda said: "tc" in flags(said) and "ANSWER: 0" in said, "+noedns"), "cut")
        check(answered("big", lambda said: "tc" not in flags(said) and "ANSWER: 1" in said), "with EDNS")
        said = server.dig(("hmac-sha256", "nobody.example", SECRET), "example.com.", "SOA", over="+notcp")
        check("status: NOTAUTH" in said and "BADKEY" in said, said)
        server.stop()


def kill_loses_nothing(server):
    key = server.create("kept.example")
    server.kill()
    server.start()
    check(server.is_known(triple(key)), "a key is gone")


def main():
    if not shutil.which("dig"):
        raise Skipped("there is no dig")
    with Server() as server:
        server.start()
        for step in (keys_come_and_go, clients_get_signed_answers, keys_are_imported, keys_that_are_used_stay,
                     keys_stand_in_the_configuration, everybody_keeps_the_own_ones, backups_have_no_secrets, kill_loses_nothing, secrets_stay):
            step(server)
            say("%s: passed" % step.__name__.replace("_", " "))
        server.stop()
    questions_over_udp()
    say("questions over UDP: passed")


if __name__ == "__main__":
    sys.exit(passes(main))
