#!/usr/bin/python3
"""The configuration changes while the server runs: from the file and by overrides, all or nothing.

Every option is set to another value, and does what its class says: it counts at once, or is told to
wait for a data plane or a control plane that starts anew. What counts at once is seen by a client. A
value that is wrong, wherever, changes nothing. Overrides survive a restart; queries that come while
the file is read again and again are answered, all of them.
"""

import http.client
import json
import os
import signal
import socket
import sys
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

import counters
from checks import passes
from counters import PATIENCE, check, until

ADDRESS = "127.0.0.1"
KEY = "0123456789abcdef0123456789abcdef"
QUERY = dns.message.make_query("www.example.", "A")

# Another value of every option, which a server can be started with.
OTHER = {
    "server.workers": "1", "server.cpus": "0", "server.io": "auto", "server.nsid": "here",
    "server.id": "me", "server.version": "none of yours", "server.cookies": "no", "server.tsig-md5": "yes",
    "server.udp-max-ipv4": "1400", "server.udp-max-ipv6": "1400", "dpdk.eal": "--no-huge",
    "dpdk.ports": "net_null0", "dpdk.descriptors": "1024", "dpdk.idle": "sleep",
    "dpdk.exception": "none", "xdp.interfaces": "lo", "xdp.mode": "generic", "xdp.zero-copy": "no",
    "xdp.busy-poll": "yes", "tcp.max-connections": "7", "tcp.max-per-client": "6",
    "tcp.idle-timeout": "3s", "tcp.read-timeout": "4s", "tcp.write-timeout": "3s",
    "tcp.max-pending": "128K", "control.control-socket": "other.sock",
    "control.dataplane-socket": "others.sock", "control.supervise": "yes", "control.sandbox": "no",
    "control.table-limit": "1G", "control.retired-limit": "64M", "control.stopped-after": "9s",
    "log.format": "json", "log.level": "warning", "query-log.sample": "2",
    "query-log.file": "other.json",
    "query-log.dnstap-socket": "tap.sock", "query-log.dnstap-file": "tap", "query-log.count-zones": "example.",
    "api.socket": "other-api.sock", "api.listen": None,
    "api.tls-listen": "127.0.0.1@2", "api.tls-certificate": None, "api.tls-key": None,
    "api.key-file": "key", "api.max-connections": "19", "api.max-per-client": "18",
    "api.timeout": "11s", "api.max-body": "3M", "api.max-rate": "900",
    "api.max-burst": "90", "history.keep-days": "40", "history.keep-changes": "4000",
    "history.keep-bytes": "3G", "transfer.max-out": "90", "transfer.max-out-per-client": "9",
    "catalog.max-members": "900", "catalog.max-removed": "9",
    "dnssec.master-secret": "other.secret", "dnssec.tokens": "pkcs11:token=A?module-path=/none.so",
    "api.powerdns-version": "4.9.0",
    "server.tls-listen": None, "server.tls-certificate": None, "server.tls-key": None,
    "tcp.max-tls": "5",
    "server.listen": None, "control.store": None, "zones": None, "zone-dirs": None,
    "remotes": None, "acls": None, "tls-profiles": None, "templates": None, "keys": None,
    "dnssec-policies": None,
}
LISTS = {"live": "applied", "data plane": "needs_data_plane_restart", "restart": "needs_restart"}


class Server(counters.Server):
    def __init__(self):
        self.http = counters.free_port()
        super().__init__(os.environ["ANSER_BIN_DIR"], [ADDRESS])
        self.write("key", KEY)
        self.start_plane()

    def write(self, name, content):
        if name == "anser.yaml":
            content = content.replace("zones:", "api:\n  listen: [\"%s@%d\"]\n"
                                      "query-log:\n  file: queries.json\nzones:"
                                      % (ADDRESS, self.http))
            self.file = content
        super().write(name, content)

    def edit(self, *replacements):
        for old, new in replacements:
            check(old in self.file, "not in the file:", old)
            self.file = self.file.replace(old, new)
        super().write("anser.yaml", self.file)

    def try_ctl(self, *words):
        done = self.anserctl("--json", *words)
        return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}

    def conf(self, *words):
        status, result = self.try_ctl("conf", *words)
        check(status == 0, words, result)
        return result

    def refused(self, *words):
        status, result = self.try_ctl("conf", *words)
        check(status == 1, words, "was not refused:", result)
        return result

    def running(self):
        return {s["option"]: s["value"] for s in self.conf("show")["settings"]}

    def hang_up(self):
        self.control.send_signal(signal.SIGHUP)

    def restart(self, *more):
        self.end(self.control, signal.SIGTERM)
        self.control = self.run("anser-control", "-c", self.path("anser.yaml"), *more)
        until("zones are loaded",
              lambda: self.json("status").get("zones", {}).get("served") == 1)
        self.wait_for_plane()

    def ask(self, method, path, body=None, key=None, headers=None):
        c = http.client.HTTPConnection(ADDRESS, self.http, timeout=PATIENCE)
        c.request(method, path, body if body is None else json.dumps(body),
                  {**({"X-API-Key": key} if key else {}), **(headers or {})})
        response = c.getresponse()
        text = response.read().decode()
        c.close()
        return response.status, json.loads(text) if text.startswith(("{", "[")) else text


def every_option(server):
    """Each alone: its class is what comes of it, and afterwards all is as it was."""
    before = server.conf("show")["settings"]
    check({s["option"] for s in before} == set(OTHER), "the list of options is another one:",
          {s["option"] for s in before} ^ set(OTHER))
    for setting in before:
        name, value = setting["option"], OTHER[setting["option"]]
        if value is None:
            continue
        result = server.conf("set", "--", name, value)
        lists = {kind: result[LISTS[kind]] for kind in LISTS}
        check(lists == {kind: [name] if kind == setting["class"] else [] for kind in LISTS},
              name, "is of class", setting["class"], "and was:", lists)
        counts = server.running()[name] != setting["value"]
        check(counts == (setting["class"] != "restart"), name, "counts" if counts else "does not")
        shown, = server.conf("diff")["settings"]
        check(shown["option"] == name and shown["override"] == value
              and shown["file"] == setting["value"], shown)
        server.conf("unset", name)
        check(server.running()[name] == setting["value"], name, "does not go back")
    check(server.conf("show")["settings"] == before, "something is left")
    check(server.conf("diff")["settings"] == [], "the file and what runs differ")
    print("-- %d options, each as its class says" % sum(v is not None for v in OTHER.values()),
          flush=True)


def answers(server, address=ADDRESS, way=dns.query.udp, query=QUERY):
    return way(query, address, timeout=PATIENCE, port=server.port)


def chaos(server, name):
    reply = answers(server, query=dns.message.make_query(name, "TXT", "CH"))
    return reply.answer[0][0].strings[0].decode() if reply.answer else None


def nsid(server):
    query = dns.message.make_query("www.example.", "A", use_edns=0,
                                   options=[dns.edns.GenericOption(dns.edns.NSID, b"")])
    return [o.data for o in answers(server, query=query).options if o.otype == dns.edns.NSID]


def answering(server):
    """What answers say of the configuration is what a commit has made visible to every core."""
    server.conf("set", "server.version", "none of yours")
    check(chaos(server, "version.bind.") == "none of yours", "version.bind")
    server.conf("set", "server.nsid", "here")
    check(nsid(server) == [b"here"], "NSID", nsid(server))
    large = dns.message.make_query("example.", "NS", use_edns=0, payload=4096)
    check(answers(server, query=large).payload == 1232, "payload before")
    server.conf("set", "server.udp-max-ipv4", "1400")
    check(answers(server, query=large).payload == 1400, "payload")
    cookie = dns.message.make_query("www.example.", "A", use_edns=0,
                                    options=[dns.edns.GenericOption(10, b"12345678")])
    check(answers(server, query=cookie).options, "no cookie before")
    server.conf("set", "server.cookies", "no")
    check(not answers(server, query=cookie).options, "a cookie all the same")
    server.conf("unset", "server.version", "server.nsid", "server.udp-max-ipv4", "server.cookies")
    check(chaos(server, "version.bind.") is None and not nsid(server), "it does not go back")
    print("-- answers change at once", flush=True)


def is_closed(client, patience):
    client.settimeout(patience)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def tcp(server):
    with socket.create_connection((ADDRESS, server.port)) as first:
        server.conf("set", "tcp.max-per-client", "1")
        with socket.create_connection((ADDRESS, server.port)) as second:
            check(is_closed(second, PATIENCE), "one more than may be")
        check(not is_closed(first, 0.2), "the one before is gone")
        server.conf("unset", "tcp.max-per-client")
        with socket.create_connection((ADDRESS, server.port)) as second:
            check(not is_closed(second, 0.2), "refused, with room")
        server.conf("set", "tcp.idle-timeout", "100ms")
        check(is_closed(first, PATIENCE), "the timeout of before")
        server.conf("unset", "tcp.idle-timeout")
    print("-- limits of TCP change at once", flush=True)


def listening(server):
    more = "127.0.0.2@%d" % server.port
    result = server.conf("set", "server.listen", "%s@%d" % (ADDRESS, server.port), more)
    check(result["needs_data_plane_restart"] == ["server.listen"], result)
    check(answers(server, "127.0.0.2", dns.query.tcp).answer, "no answer over TCP")
    server.end(server.plane, signal.SIGTERM)
    server.start_plane()
    check(answers(server, "127.0.0.2").answer, "no answer over UDP")
    check(not server.conf("diff")["needs_data_plane_restart"], "the new data plane is behind")
    with socket.create_connection(("127.0.0.2", server.port)) as kept:
        server.conf("unset", "server.listen")
        check(not is_closed(kept, 0.2), "who is connected stays so")
    try:
        socket.create_connection(("127.0.0.2", server.port), 1).close()
        check(False, "still listens")
    except ConnectionRefusedError:
        pass
    check(answers(server, way=dns.query.tcp).answer, "no answer where nothing changed")
    server.end(server.plane, signal.SIGTERM)
    server.start_plane()
    also = counters.free_port()
    server.conf("set", "api.listen", "%s@%d" % (ADDRESS, server.http), "%s@%d" % (ADDRESS, also))
    with socket.create_connection((ADDRESS, also)) as kept:
        first = server.http
        server.http = also
        check(server.ask("GET", "/healthz")[0] == 200, "no answer where it listens now")
        server.conf("set", "api.listen", "%s@%d" % (ADDRESS, first))
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(kept.recv(4096).startswith(b"HTTP/1.1 200"), "who is connected does not stay so")
        try:
            server.ask("GET", "/healthz")
            check(False, "still listens for HTTP")
        except ConnectionRefusedError:
            pass
        server.http = first
    check(server.ask("GET", "/healthz")[0] == 200, "no answer where nothing changed")
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()
        wrong = server.refused("set", "api.listen", "%s@%d" % taken.getsockname())
        check("127.0.0.1" in wrong["error"] and "applied" not in wrong, wrong)
    check(server.ask("GET", "/healthz")[0] == 200, "what was refused has changed something")
    server.conf("unset", "api.listen")
    print("-- addresses come and go", flush=True)


def logs(server):
    server.conf("set", "log.format", "json")
    server.conf("set", "server.version", "a")
    check('"text":"configuration: server.version has changed"' in server.log(), "no JSON")
    server.conf("set", "log.level", "error")
    size = len(server.log())
    server.conf("set", "server.version", "b")
    check(len(server.log()) == size, "said, though no error:", server.log()[size:])
    server.conf("unset", "log.level", "log.format", "server.version")
    file = server.path("queries.json")
    server.conf("set", "query-log.file", file)
    server.conf("set", "query-log.sample", "1")

    def is_logged(name):
        answers(server)
        return os.path.exists(name) and "www.example." in open(name).read()
    until("queries are logged", lambda: is_logged(file))
    server.conf("set", "query-log.file", file + ".2")
    until("queries are logged elsewhere", lambda: is_logged(file + ".2"))
    server.conf("unset", "query-log.sample")
    time.sleep(0.1)
    size = os.path.getsize(file + ".2")
    for _ in range(20):
        answers(server)
    time.sleep(0.1)
    check(os.path.getsize(file + ".2") == size, "logged, and nobody wants it")
    trial = server.conf("set", "query-log.sample", "1", "--dry-run")
    check(trial["applied"] == ["query-log.sample"], trial)
    check(server.running()["query-log.sample"] == "0", "a dry run has changed it")
    server.conf("unset", "query-log.file")
    print("-- logs change at once", flush=True)


def by_http(server):
    path = "/api/anser/v1/config"
    check(server.ask("GET", path, key=KEY)[0] == 401, "a key that nobody has set")
    server.conf("set", "api.key-file", server.path("key"))
    status, shown = server.ask("GET", path, key=KEY)
    check(status == 200 and {s["option"] for s in shown["settings"]} == set(OTHER), status, shown)
    status, done = server.ask("PATCH", path, {"tcp.max-connections": 77, "server.cookies": False,
                                              "server.cpus": [0]}, KEY)
    check(status == 200 and done["applied"] == ["server.cookies", "tcp.max-connections"], done)
    check(done["needs_data_plane_restart"] == ["server.cpus"], done)
    for body, field in (({"server.cookies": True, "tcp.max-connections": 0}, "tcp.max-connections"),
                        ({"server.cookies": True, "tcp.connections": 1}, "tcp.connections"),
                        ({"server.cookies": True, "server.nsid": {}}, "server.nsid"),
                        ({"server.cookies": True, "control.store": "/x"}, "control.store"),
                        ({"server.cookies": True, "zones": []}, "zones"),
                        ({"server.cookies": True, "log.levle": None}, "log.levle")):
        status, wrong = server.ask("PATCH", path, body, KEY)
        check(status == 422 and wrong["field"] == field and wrong["error"], body, status, wrong)
    check(server.ask("PATCH", path, {"log.level": None}, KEY)[1]["applied"] == [], "null twice")
    check(server.ask("PATCH", path, [], KEY)[0] == 400, "a list is no object")
    check(server.running()["server.cookies"] == "no", "one of them was done")
    status, done = server.ask("PATCH", path + "?dry-run", {"server.cookies": None}, KEY)
    check(status == 200 and done["applied"] == ["server.cookies"], status, done)
    check(server.running()["server.cookies"] == "no", "a dry run has changed it")
    server.ask("PATCH", path, {"api.max-body": 1024}, KEY)
    check(server.ask("PATCH", path, {"server.nsid": "x" * 2000}, KEY)[0] == 413, "a large body")
    status, done = server.ask("PATCH", path, {"api.max-body": None, "server.cookies": None,
                                              "tcp.max-connections": None, "server.cpus": None}, KEY)
    check(status == 200, done)
    version = server.ask("PATCH", path, {"api.powerdns-version": "4.9.0"}, KEY)[0]
    check(version == 200 and server.ask("GET", "/api/v1/servers/localhost", key=KEY)[1]["version"]
          == "4.9.0", "version")
    check(server.ask("POST", path + "/reload", key=KEY)[0] == 200, "reload")
    with open(server.path("key"), "w") as file:
        file.write(KEY[::-1])
    server.conf("reload")
    check(server.ask("GET", path, key=KEY)[0] == 401, "the key of before")
    check(server.ask("GET", path, key=KEY[::-1])[0] == 200, "the new key")
    server.conf("unset", "api.powerdns-version", "api.key-file")
    check(server.conf("diff")["settings"] == [], "something is left")
    print("-- over HTTP, with errors that name the field", flush=True)


def from_the_file(server):
    server.write("more.zone", counters.ZONE.replace("example.", "more."))
    server.edit(("  io: udp\n", "  io: udp\n  version: first\n"),
                ("zones:\n", "zones:\n  - { name: more., file: more.zone }\n"))
    server.hang_up()
    until("the zone is there", lambda: server.json("status")["zones"]["served"] == 2)
    check(chaos(server, "version.bind.") == "first", "the file was not read")
    server.edit(("version: first", "version: second"), ("  workers: 2\n", "  workers: many\n"))
    server.hang_up()
    until("it is refused", lambda: any("refused" in a for a in server.json("status")["alarms"]))
    alarm, = (a for a in server.json("status")["alarms"] if "refused" in a)
    check("anser.yaml:5:12: error: workers: expected a whole number" in alarm, alarm)
    check(chaos(server, "version.bind.") == "first", "half of it counts")
    wrong = server.refused("reload")
    check(wrong["error"] in alarm and wrong["diagnostics"][0]["line"] == 5, wrong)
    check(server.refused("diff")["error"] == wrong["error"], "the file cannot be compared")
    check(server.conf("set", "tcp.idle-timeout", "7s")["applied"] == ["tcp.idle-timeout"],
          "what is set does not go by the file as it is being edited")
    server.edit(("  workers: many\n", "  workers: 2\n"))
    check(server.conf("reload", "--dry-run")["applied"] == ["server.version"], "a dry run")
    diff = server.conf("diff")
    check(diff["needs_reload"] == ["server.version"], diff)
    check([(s["option"], s["file"], s["override"], s["running"]) for s in diff["settings"]]
          == [("server.version", '"second"', None, '"first"'),
              ("tcp.idle-timeout", "10s", "7s", "7s")], diff)
    server.edit(("  io: udp\n", "  io: udp\n  cookies: no\n"),
                ("  store: store\n", "  store: elsewhere\n"),
                ("  - { name: more., file: more.zone }\n", ""))
    done = server.conf("reload")
    check(sorted(done["applied"]) == ["server.cookies", "server.version", "zones"], done)
    # Where the master secret is comes from where the store is.
    check(done["needs_restart"] == ["control.store", "dnssec.master-secret"], done)
    check(chaos(server, "version.bind.") == "second", "version")
    check(not any("refused" in a for a in server.json("status")["alarms"]), "the alarm stays")
    check(server.json("status")["zones"]["total"] == 1, "the zone stays")
    server.edit(("  store: elsewhere\n", "  store: store\n"))
    server.conf("reload")
    # A port that somebody else has.
    with socket.socket() as taken:
        taken.bind(("127.0.0.3", 0))
        taken.listen()
        listen = '"%s@%d"' % (ADDRESS, server.port)
        server.edit(("[%s]" % listen, "[%s, \"127.0.0.3@%d\"]" % (listen, taken.getsockname()[1])),
                    ("version: second", "version: third"))
        wrong = server.refused("reload")
        check("127.0.0.3" in wrong["error"], wrong)
        check(chaos(server, "version.bind.") == "second", "half of it counts")
        server.edit((", \"127.0.0.3@%d\"" % taken.getsockname()[1], ""))
    server.conf("set", "query-log.file", server.path("nowhere/queries.json"))
    check("nowhere" in server.refused("set", "query-log.sample", "1")["error"], "no such directory")
    server.conf("unset", "query-log.file")
    server.conf("unset", "tcp.idle-timeout")
    server.conf("reload")
    print("-- from the file: all of it or nothing", flush=True)


def over_a_restart(server):
    server.conf("set", "server.version", "set")
    server.conf("set", "api.max-body", "3M")
    server.conf("set", "server.cpus", "0", "1")
    server.restart()
    check(chaos(server, "version.bind.") == "set", "version")
    running = server.running()
    check(running["api.max-body"] == "3M" and running["server.cpus"] == "[0, 1]", running)
    plane, = server.json("status")["attachments"]
    check("its settings have changed since" in plane["reason"], plane)
    shown = {s["option"]: s for s in server.conf("diff")["settings"]}
    check(set(shown) == {"server.version", "api.max-body", "server.cpus"}, shown)
    check(shown["server.version"]["file"] == '"third"', shown)
    server.restart("--file-only")
    check(chaos(server, "version.bind.") == "third", "not the file alone")
    check({s["option"] for s in server.conf("diff")["settings"]} == set(shown), "not shown")
    server.conf("unset", *shown)
    server.restart()
    check(server.conf("diff")["settings"] == [], "something is left")
    plane, = server.json("status")["attachments"]
    check("settings" not in plane["reason"], plane)
    events = server.try_ctl("audit", "list")[1]["events"]
    rows = [row for e in events for row in e.get("rows") or [] if row.get("of") == "config"
            and row["key"] == "server.version"]
    check({"of": "config", "key": "server.version", "before": None, "after": "set"} in rows, rows)
    check([e for e in events if e["what"] == "conf reload"], "a reload is not in the audit log")
    print("-- overrides survive a restart, and are in the audit log", flush=True)


def no_answer_is_lost(server):
    lost, asked, stop = [], [0], threading.Event()

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect((ADDRESS, server.port))
            while not stop.is_set():
                query = dns.message.make_query("www.example.", "A")
                client.send(query.to_wire())
                asked[0] += 1
                try:
                    reply = dns.message.from_wire(client.recv(4096))
                except TimeoutError:
                    lost.append(query.id)
                    continue
                if not query.is_response(reply) or not reply.answer:
                    lost.append(query.id)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for i in range(30):
            words = ("  cookies: no\n", "  cookies: yes\n")
            server.edit(words if i % 2 == 0 else words[::-1])
            server.hang_up()
            server.conf("set", "server.version", "number %d" % i)
            check(chaos(server, "version.bind.") == "number %d" % i, "version", i)
            check(answers(server, way=dns.query.tcp).answer, "no answer over TCP")
    finally:
        stop.set()
        thread.join()
    check(not lost and asked[0] > 100, "%d of %d lost" % (len(lost), asked[0]))
    server.conf("unset", "server.version")
    print("-- %d queries during 30 reloads, all answered" % asked[0], flush=True)


def run():
    with Server() as server:
        for case in (every_option, answering, tcp, listening, logs, by_http, from_the_file,
                     over_a_restart, no_answer_is_lost):
            case(server)


if __name__ == "__main__":
    sys.exit(passes(run))
