#!/usr/bin/env python3
"""Backups and restores with real control planes.

* what is restored, in whole or up to a change or a time, is what was exported then: zones, comments,
  disabled records, metadata, keys;
* a backup goes to a file, to standard output, and over HTTP, to admins only, and is an event of
  the audit log, which is whole afterwards;
* backups in a storm of changes are each as one change has left the store;
* the log of changes is trimmed as the configuration says, and a backup tells how far back it goes;
* kill -9 in the middle of a backup leaves no file, in the middle of a restore nothing that would be
  served, and both can be done again.
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from checks import HttpSocket, check, free_port, say, until
from control_plane import BIN, ZONE, ControlPlane

ADDRESS = "127.0.0.1"

CONFIG = """
server:
  listen: [%(address)s@%(port)d]
control:
  store: %(store)s
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
api:
  listen: [%(address)s@%(http)d]
history:
  keep-changes: %(keep)d
zones:
  - name: example.com
    file: zone
  - name: example.net
    file: zone
"""

LARGE = 60000


class Server(ControlPlane):
    """One directory; the stores in it are served one at a time."""

    def __init__(self):
        super().__init__("backup")
        self.port = free_port()
        self.http = free_port()
        self.write("zone", ZONE)

    def configure(self, store, keep=0):
        self.write("anser.yaml", CONFIG % {"address": ADDRESS, "port": self.port, "http": self.http,
                                           "store": store, "keep": keep})
        return "anser.yaml"

    def start(self, store="store", keep=0):
        self.configure(store, keep)
        self.launch()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            check(self.process.poll() is None, "the server has ended:", self.log())
            done = self.ctl_run("status", "--json")
            if done.returncode == 0 and json.loads(done.stdout)["zones"]["served"] >= 2:
                return
            time.sleep(0.02)
        check(False, "zones are not loaded")

    def end(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def ctl_run(self, *args, text=True, given=None):
        return self.anserctl(*args, text=text, given=given)

    def ctl(self, *args):
        done = self.ctl_run(*args)
        check(done.returncode == 0, args, "ended with", done.returncode, done.stderr)
        return done.stdout

    def ctl_json(self, *args):
        return json.loads(self.ctl("--json", *args))

    def refused(self, *args):
        done = self.ctl_run(*args)
        check(done.returncode == 1, args, "ended with", done.returncode, done.stderr)
        return done.stderr

    def restore_run(self, *args):
        return subprocess.run([os.path.join(BIN, "anser-control"), *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              cwd=self.dir, timeout=120, check=False)

    def restore(self, *args):
        done = self.restore_run(*args)
        check(done.returncode == 0, args, "ended with", done.returncode, done.stderr)
        return done.stdout

    def request(self, method, path, body=None, key=None):
        c = (http.client.HTTPConnection(ADDRESS, self.http, timeout=60) if key
             else HttpSocket(self.path("api.sock")))
        headers = {"X-API-Key": key} if key else {}
        c.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = c.getresponse()
        data = answer.read()
        c.close()
        return answer.status, data

    def picture(self):
        """All that anybody can see of what is in the store."""
        zones = [z["name"] if "name" in z else z["zone"] for z in self.ctl_json("zone", "list")["zones"]]
        seen = {"keys": self.ctl_json("key", "list")}
        for zone in zones:
            path = "/api/v1/servers/localhost/zones/" + zone
            seen[zone] = (self.ctl("zone", "export", zone), self.request("GET", path)[1],
                          self.request("GET", path + "/metadata")[1])
        return seen


def last_change(server):
    """The audit log tells it, when it has come so far."""
    until("the audit log has caught up",
          lambda: server.ctl_json("status")["audit"]["behind"] == 0)
    return server.ctl_json("audit", "verify")["change"]


def api_change(server, random_, number):
    """Something of each kind, through the API."""
    name = "n%d.example.com." % random_.randrange(8)
    path = "/api/v1/servers/localhost/zones/"
    kind = random_.randrange(6)
    if kind == 0:
        return server.request("PUT", path + "example.com./metadata/X-TEST",
                              {"kind": "X-TEST", "metadata": ["value %d" % number]})
    if kind == 1 and random_.random() < 0.5:
        return server.request("DELETE", path + "other.example.")
    if kind == 1:
        return server.request("POST", path, {"name": "other.example.", "kind": "Native",
                                             "nameservers": ["ns1.example.com."]})
    rrset = {"name": name, "type": "A", "ttl": 60 + number, "changetype": "REPLACE",
             "records": [{"content": "192.0.2.%d" % (number % 250 + 1), "disabled": kind == 2}]}
    if kind == 3:
        rrset["comments"] = [{"content": "comment %d" % number, "account": "me"}]
    if kind == 4:
        rrset = {"name": name, "type": "A", "changetype": "DELETE"}
    return server.request("PATCH", path + "example.com.", {"rrsets": [rrset]})


def points_in_time(server):
    say("restores up to every tenth change are what was exported then")
    random_ = random.Random(5)
    pictures = {}
    times = {}
    server.start()
    for number in range(80):
        if number % 20 == 7:
            server.ctl("key", "create", "key%d" % number, "writer")
        else:
            status, data = api_change(server, random_, number)
            check(status < 300 or status in (404, 409, 422), status, data)
        if number % 10 == 0:
            seq = last_change(server)
            pictures[seq] = server.picture()
            time.sleep(0.001)
            now = time.time_ns() // 1000
            times[seq] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000000)) + \
                ".%06dZ" % (now % 1000000)
    check(len(pictures) == 8, sorted(pictures))
    out = server.ctl_json("backup", server.path("points.backup"))
    check(out["bytes"] == os.path.getsize(server.path("points.backup")), out)
    check(os.stat(server.path("points.backup")).st_mode & 0o777 == 0o600)
    final = server.picture()
    server.end()
    said = server.restore("--restore", "points.backup", "--check")
    check("last change" in said, said)

    def compare(name, expected, *words):
        server.restore("--restore", "points.backup", "--store", name, *words)
        server.start(name)
        is_ = server.picture()
        for what, value in expected.items():
            check(is_.get(what) == value, words, what, "was", value, "but is", is_.get(what))
        check(is_.keys() == expected.keys(), is_.keys())
        server.ctl("audit", "verify")
        server.end()
        shutil.rmtree(server.path(name))

    for seq, expected in pictures.items():
        compare("restored", expected, "--until", str(seq))
    for seq in list(times)[2::3]:
        compare("restored", pictures[seq], "--until", times[seq])
    compare("restored", final)

    say("refusals of restores")
    done = server.restore_run("--restore", "points.backup", "--store", "store")
    check(done.returncode == 1 and "not empty" in done.stderr, done.stderr)
    done = server.restore_run("--restore", "points.backup", "--store", "x", "--until", "100000")
    check(done.returncode == 1 and "only" in done.stderr, done.stderr)
    done = server.restore_run("--restore", "points.backup", "--store", "x", "--until", "soon")
    check(done.returncode == 2, done.returncode)
    check(not os.path.exists(server.path("x")), "a refused restore has made a directory")
    with open(server.path("points.backup"), "rb") as file:
        whole = file.read()
    for name, data in (("cut", whole[:-1]), ("half", whole[:len(whole) // 2]), ("empty", b""),
                       ("more", whole + b"x"), ("zone", ZONE.encode())):
        with open(server.path("bad"), "wb") as file:
            file.write(data)
        done = server.restore_run("--restore", "bad", "--store", "x")
        check(done.returncode == 1 and "bad: offset " in done.stderr, name, done.stderr)
        check("bad: offset " in server.refused("backup", "check", "bad"))
    check(not os.path.exists(server.path("x")), "a refused restore has made a directory")


def ways(server):
    say("to a file, to standard output, over HTTP")
    server.start()
    before = len(server.ctl_json("audit", "list", "what=backup")["events"])
    server.ctl("backup", server.path("one"))
    check("already" in server.refused("backup", server.path("one")))
    server.ctl("backup", "--force", "one")
    check("No such file" in server.refused("backup", "/nowhere/at/all"))
    done = server.ctl_run("backup", "-", text=False)
    check(done.returncode == 0, done.stderr)
    with open(server.path("two"), "wb") as file:
        file.write(done.stdout)
    server.ctl("backup", "check", "two")
    piped = server.ctl_run("backup", "check", "-", text=False, given=done.stdout)
    check(piped.returncode == 0 and b"zones" in piped.stdout, piped)
    status, data = server.request("GET", "/api/anser/v1/backup")
    check(status == 200, status, data[:200])
    with open(server.path("three"), "wb") as file:
        file.write(data)
    check(server.ctl_json("backup", "check", "three")["last"] ==
          server.ctl_json("backup", "check", "two")["last"])
    for role, *words in (("reader",), ("operator",), ("admin", "tenant=blue"),
                         ("admin", "zone=example.com"), ("admin",)):
        secret = server.ctl_json("key", "create", "for " + role, role, *words)["secret"]
        status, data = server.request("GET", "/api/anser/v1/backup", key=secret)
        check(status == (200 if role == "admin" and not words else 403), role, words, status, data[:200])
        status, data = server.request("POST", "/api/anser/v1/run",
                                      {"command": "backup", "args": {"file": "/tmp/x"}}, secret)
        check(status == 403, role, status, data)
    time.sleep(0.2)
    events = server.ctl_json("audit", "list", "what=backup")["events"]
    check(len(events) == before + 5, events)
    check(events[0]["last_change"] > 0 and events[0]["bytes"] > 0, events[0])
    server.end()
    left = set(os.listdir(server.path("store"))) - {"data.mdb", "lock.mdb", "audit", "tls"}
    check(not left, "left in the store:", left)


def storm(server):
    say("backups in a storm of changes are each as one change has left the store")
    server.start()
    stop = threading.Event()
    failures = []

    def change(number):
        value = 0
        while not stop.is_set():
            value += 1
            text = json.dumps({"command": "change", "args": {"wait": False, "edits": [
                {"op": "set", "name": "s%d.%s." % (number, zone), "type": "TXT",
                 "rdata": ["\"%d\"" % value]} for zone in ("example.com", "example.net")]}})
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.settimeout(60)
                s.connect(server.path("control.sock"))
                s.sendall(text.encode() + b"\n")
                if json.loads(s.makefile().readline())["outcome"] != 0:
                    failures.append(text)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    seqs = []
    for number in range(6):
        time.sleep(0.3)
        seqs.append(server.ctl_json("backup", "storm%d" % number)["change"])
    stop.set()
    for thread in threads:
        thread.join()
    server.end()
    check(not failures, failures[:1])
    check(sorted(set(seqs)) == seqs, "no changes between backups:", seqs)
    for number, seq in enumerate(seqs):
        for words in ((), ("--until", str(seq - number))):
            server.restore("--restore", "storm%d" % number, "--store", "stormy", *words)
            server.start("stormy")
            one, two = (sorted(line.split()[-1] for line in server.ctl("zone", "export", zone)
                               .split("\n") if line.startswith("s") and "TXT" in line)
                        for zone in ("example.com", "example.net"))
            check(one == two and one, "half a change:", one, two)
            server.end()
            shutil.rmtree(server.path("stormy"))


def trimmed(server):
    say("the log is trimmed, and a backup tells how far back it goes")
    server.start("trimmed", keep=10)
    for number in range(40):
        server.ctl("record", "set", "t.example.com", "A", "192.0.2.%d" % number)
    last = last_change(server)
    end = time.monotonic() + 20
    while True:
        server.ctl("backup", "--force", "trimmed.backup")
        is_ = server.ctl_json("backup", "check", "trimmed.backup")
        if is_["first"] == is_["last"] - 9:
            break
        check(time.monotonic() < end, "not trimmed:", is_)
        time.sleep(0.2)
    check(is_["last"] == last and is_["oldest"] == is_["first"] - 1, is_)
    check(len(server.ctl_json("audit", "list", "what=change", "limit=1000")["events"]) >= 40)
    server.ctl("audit", "verify")
    server.end()
    done = server.restore_run("--restore", "trimmed.backup", "--store", "back", "--until",
                              str(is_["oldest"] - 1))
    check(done.returncode == 1 and "changes %(first)d to %(last)d only" % is_ in done.stderr,
          done.stderr)
    server.restore("--restore", "trimmed.backup", "--store", "back", "--until", str(is_["oldest"]))
    server.start("back")
    check("192.0.2.29" in server.ctl("zone", "export", "example.com"))
    result = server.ctl_json("record", "set", "t.example.com", "A", "192.0.2.250")
    check(result["change"] == last + 2, result)
    server.end()


def kills(server):
    say("kill -9 in the middle of a backup")
    server.start("killed")
    with open(server.path("large"), "w", encoding="ascii") as file:
        file.write(ZONE + "".join("h%d 60 A 192.0.2.1\n" % i for i in range(LARGE)))
    server.ctl("zone", "add", "large.example", "large")
    took = server.ctl_json("backup", "whole")["seconds"]
    random_ = random.Random(6)
    there = 0
    for number in range(8):
        name = "k%d" % number
        client = subprocess.Popen([os.path.join(BIN, "anserctl"), "-s",
                                   server.path("control.sock"), "backup", name], cwd=server.dir,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random_.random() * (took * 1.5 + 0.03))
        server.end(signal.SIGKILL)
        client.wait(20)
        if os.path.exists(server.path(name)):
            there += 1
            server.ctl("backup", "check", name)
        server.start("killed")
    say("%d of 8 files were there, and whole" % there)
    left = [name for name in os.listdir(server.dir) if name.startswith(".")]
    check(not left, "left:", left)
    server.end()

    say("kill -9 in the middle of a restore")
    start = time.monotonic()
    server.restore("--restore", "whole", "--store", "timed")
    took = time.monotonic() - start
    outcomes = {"done": 0, "again": 0}
    for _ in range(10):
        process = subprocess.Popen([os.path.join(BIN, "anser-control"), "--restore", "whole",
                                    "--store", "cut"], cwd=server.dir,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(took * random_.uniform(0.2, 1.1))
        process.kill()
        process.wait()
        made = os.path.exists(server.path("cut"))
        if made and os.path.exists(server.path("cut/data.mdb")):
            outcomes["done"] += 1
        else:
            outcomes["again"] += 1
            if made and os.path.exists(server.path("cut/restoring")):
                done = server.restore_run("-c", server.configure("cut"))
                check(done.returncode == 1 and "not finished" in done.stderr, done.stderr)
            server.restore("--restore", "whole", "--store", "cut")
        server.start("cut")
        check(server.ctl("zone", "export", "large.example").count("\n") >= LARGE)
        server.end()
        shutil.rmtree(server.path("cut"))
    say("%(done)d were done, %(again)d were begun again" % outcomes)


def main():
    with Server() as server:
        points_in_time(server)
        ways(server)
        storm(server)
        trimmed(server)
        kills(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
