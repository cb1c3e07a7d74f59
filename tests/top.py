#!/usr/bin/env python3
"""anserctl top, on a terminal and for scripts, while queries come.

* what it says comes up to what is asked: in all, by type, rcode, protocol, for each worker;
* its keys sort, pause, change the interval, quit; it lives through another size of the terminal, and
  through a server that ends and comes back;
* --once and --json say the same, by HTTPS as well; without a terminal, or a server, it says so.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import threading
import time

import dns.message

from checks import Failure, Skipped, check, end_process, free_ports, passes, say, until
from control_plane import BIN, NOT_RUNNING, OK, USAGE, ZONE, ControlPlane

CONFIG = """
server:
  listen: [127.0.0.1@%(port)d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(bin)s/anser-dataplane
api:
  tls-listen: [127.0.0.1@%(https)d]
  socket: no
zones:
  - name: example.com
    file: zone
"""


class Server(ControlPlane):
    def __init__(self):
        super().__init__("top")
        self.bin = BIN
        self.port, self.https = free_ports(2)
        self.write("zone", ZONE)
        self.write("anser.yaml", CONFIG % vars(self))
        self.start()

    def start(self):
        self.launch()
        check(self.ctl("status", "--wait", "--timeout", "30").returncode == OK, "it does not start")

    def ctl(self, *args, **environment):
        return self.anserctl(*args, **environment)


class Asker(threading.Thread):
    """Asks about so many times a second: of four, two for A, one for AAAA, one for what is not there."""

    def __init__(self, port, a_second):
        super().__init__(daemon=True)
        self.port = port
        self.pause = 4 / a_second
        self.asking = True
        self.queries = [dns.message.make_query(name, kind).to_wire() for name, kind in (
            ("ns1.example.com", "A"), ("example.com", "A"), ("ns1.example.com", "AAAA"),
            ("nothing.example.com", "TXT"))]

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            while self.asking:
                began = time.monotonic()
                with contextlib.suppress(OSError):
                    for query in self.queries:
                        s.sendto(query, ("127.0.0.1", self.port))
                        s.recv(4096)
                time.sleep(max(0, self.pause - (time.monotonic() - began)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.asking = False
        self.join()


class Terminal:
    """anserctl top in tmux."""

    def __init__(self, server):
        self.socket = server.path("tmux")
        self.server = server
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "30", "-s", "top",
                  "sh", "-c", "%s/anserctl top --interval 0.2; echo ended with $?; sleep 60" % BIN)

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-S", self.socket, *args], env=self.server.arguments()["env"],
                              cwd=self.server.dir, capture_output=True, text=True, timeout=20, check=False)
        check(done.returncode == 0, "tmux", args, done.stderr)
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "top").splitlines()

    def press(self, key):
        self.tmux("send-keys", "-t", "top", key)

    def line(self, beginning):
        return next((line for line in self.screen() if line.lstrip().startswith(beginning)), "")

    def rate(self, beginning, name):
        words = self.line(beginning).split()
        return float(words[words.index(name) + 1]) if name in words else 0.0

    def close(self):
        with contextlib.suppress(Failure):
            self.tmux("kill-server")


def near(value, wanted):
    """Within what a busy machine makes of it."""
    return 0.3 * wanted < value < 1.5 * wanted


def on_a_terminal(server):
    terminal = Terminal(server)
    try:
        with Asker(server.port, 400):
            until("it shows the rate", lambda: near(terminal.rate("per second", "queries"), 400))
            until("it shows types", lambda: near(terminal.rate("types", "A"), 200)
                  and near(terminal.rate("types", "AAAA"), 100))
            until("it shows rcodes", lambda: near(terminal.rate("rcodes", "NOERROR"), 300)
                  and near(terminal.rate("rcodes", "NXDOMAIN"), 100))
            check(terminal.line("burst us").split()[3] != "-", terminal.screen())
            check(terminal.line("DATA PLANE"), terminal.screen())
            terminal.press("p")
            until("it has stopped", lambda: "GO ON" in terminal.screen()[-1])
            still = terminal.line("per second")
            time.sleep(0.6)
            check(terminal.line("per second") == still, "it goes on in a pause")
            terminal.press("p")
            until("it goes on", lambda: terminal.line("per second") != still)
            for key, order in (("r", "queries"), ("d", "drops"), ("t", "time"), ("w", "worker")):
                terminal.press(key)
                until("sorted by " + order, lambda: "sorted by " + order in terminal.screen()[-1])
            terminal.press("+")
            until("it looks less often", lambda: "every 0.4 s" in terminal.screen()[-1])
            terminal.press("-")
            for columns, rows in ((40, 8), (150, 40)):
                terminal.tmux("resize-window", "-t", "top", "-x", str(columns), "-y", str(rows))
                until("it fits into %d by %d" % (columns, rows), lambda: len(terminal.screen()) == rows
                      and terminal.screen()[-1].startswith("q quit") and terminal.line("anser "))
        until("it falls", lambda: terminal.rate("per second", "queries") == 0)
        say("the screen shows what happens")
        end_process(server.process)
        until("it says that there is no server", lambda: terminal.line("no server on"))
        server.start()
        with Asker(server.port, 400):
            until("it shows the new server", lambda: not terminal.line("no server on")
                  and near(terminal.rate("per second", "queries"), 400))
        terminal.press("q")
        until("it has ended", lambda: terminal.line("ended with 0"))
        say("it lives through an end of the server")
    finally:
        terminal.close()


def for_scripts(server):
    with Asker(server.port, 400):
        for environment in ({}, {"ANSER_URL": "https://127.0.0.1:%d" % server.https,
                                 "ANSER_CACERT": "store/tls/cert.pem", "ANSER_KEY_FILE": "key"}):
            done = server.ctl("top", "--once", "--json", "--interval", "2", **environment)
            check(done.returncode == OK, done)
            f = json.loads(done.stdout)
            check(near(f["rates"]["queries"], 400) and near(f["rates"]["udp"], 400), f)
            check(near(f["types"]["A"], 200) and near(f["rcodes"]["NXDOMAIN"], 100), f)
            check(0 < f["burst_us"]["p50"] <= f["burst_us"]["p99"], f)
            check(f["rates"]["tcp"] == 0 and sum(f["drops"].values()) == 0, f)
            check(near(sum(w["queries"] for w in f["workers"]), 400), f["workers"])
        done = server.ctl("top", "--once", "--interval", "0.5")
        check(done.returncode == OK and "QUERIES/S" in done.stdout, done)
        child = subprocess.Popen(**server.arguments("--json", "top", "-e", "0.2"),
                                 stdout=subprocess.PIPE, text=True)
        lines = [json.loads(child.stdout.readline()) for _ in range(4)]
        child.stdout.close()
        check(all(near(f["rates"]["queries"], 400) for f in lines[1:]), lines)
        child.wait(20)
    server.ctl("batch", "-K", "/dev/null")
    watching = subprocess.Popen(**server.arguments("--json", "top", "-O", "-e", "2"),
                                stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    for i in range(10):
        check(server.ctl("record", "set", "x.example.com", "A", "192.0.2.%d" % i).returncode == OK)
    f = json.loads(watching.communicate(timeout=20)[0])
    check(4 <= f["changes"]["changes"] * f["seconds"] <= 10.01 and f["changes"]["commits"] > 0, f["changes"])
    check(server.ctl("top").returncode == USAGE)
    check(server.ctl("top", "--once", "-e", "0").returncode == USAGE)
    done = server.ctl("-s", "/nowhere", "top", "--once")
    check(done.returncode == NOT_RUNNING and "no server on" in done.stderr, done)
    say("scripts get the same")


def main():
    if not shutil.which("tmux"):
        raise Skipped("tmux is not installed")
    with Server() as server:
        made = server.ctl("--json", "key", "create", "looker", "reader")
        server.write("key", json.loads(made.stdout)["secret"])
        for_scripts(server)
        on_a_terminal(server)


if __name__ == "__main__":
    sys.exit(passes(main))
