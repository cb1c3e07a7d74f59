#!/usr/bin/python3
"""The service manager is told what happens, by a control plane that a socket of this test started.

READY comes when queries are answered and not before; a reload is announced and ends; the watchdog is
fed, and starves with a process that is stopped; STOPPING comes with SIGTERM. The units of docs/systemd
are ones that systemd takes.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode

import counters
from checks import Planes, check, passes

WATCHDOG = 0.4

CONFIG = """server:
  listen: ["127.0.0.1@%(port)d"]
  io: udp
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(supervise)s
zones:
  - { name: example., file: example.zone }
"""


class Manager(Planes):
    """Starts a control plane and hears what it says."""

    def __init__(self, supervise, abstract):
        super().__init__("anser-service", os.environ["ANSER_BIN_DIR"])
        self.port = counters.free_port()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = "@" + os.path.basename(self.dir) if abstract else self.path("notify")
        self.socket.bind(name.replace("@", "\0", 1) if abstract else name)
        self.write("example.zone", counters.ZONE)
        self.write("anser.yaml", CONFIG % {
            "port": self.port,
            "supervise": os.path.join(self.binaries, "anser-dataplane") if supervise else "no"})
        self.process = self.run_control(NOTIFY_SOCKET=name, WATCHDOG_USEC=str(int(WATCHDOG * 1000000)))

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGCONT)
        super().__exit__(kind)
        self.socket.close()

    def heard(self, seconds):
        """The next thing said but for the watchdog, as a dictionary; None: nothing in that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                said = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))
                if "WATCHDOG" not in said:
                    return said
        return None

    def fed(self, seconds):
        """How often the watchdog was fed in that time."""
        end = time.monotonic() + seconds
        count = 0
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                count += self.socket.recv(4096) == b"WATCHDOG=1"
        return count

    def answers(self, tcp=False):
        ask = dns.query.tcp if tcp else dns.query.udp
        try:
            reply = ask(dns.message.make_query("www.example.", "A"), "127.0.0.1", timeout=2,
                        port=self.port)
        except (OSError, dns.exception.Timeout):
            return False
        return reply.rcode() == dns.rcode.NOERROR and len(reply.answer) == 1


def life(supervise, abstract):
    with Manager(supervise, abstract) as manager:
        check(manager.heard(counters.PATIENCE) == {"READY": "1"}, "not ready")
        check(manager.answers(tcp=True), "ready, but no answer over TCP")
        if supervise:
            check(manager.answers(), "ready, but no answer over UDP")
        print("-- ready, and answers", flush=True)
        check(manager.fed(4 * WATCHDOG) >= 4, "the watchdog is not fed")
        manager.process.send_signal(signal.SIGSTOP)
        manager.fed(0.1)
        check(manager.fed(2 * WATCHDOG) == 0, "the watchdog is fed by a stopped process")
        manager.process.send_signal(signal.SIGCONT)
        check(manager.fed(2 * WATCHDOG) > 0, "the watchdog is not fed any more")
        print("-- feeds the watchdog", flush=True)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        manager.process.send_signal(signal.SIGHUP)
        said = manager.heard(counters.PATIENCE)
        check(said and said.get("RELOADING") == "1", "no reload: %s" % said)
        check(int(said["MONOTONIC_USEC"]) >= before, "the time of the reload is not that of now")
        check(manager.heard(counters.PATIENCE) == {"READY": "1"}, "the reload does not end")
        print("-- reloads", flush=True)
        manager.process.send_signal(signal.SIGTERM)
        check(manager.heard(counters.PATIENCE) == {"STOPPING": "1"}, "no end")
        check(manager.process.wait(counters.PATIENCE) == 0, "it did not end well")
        print("-- ends", flush=True)


def units_are_good():
    if not shutil.which("systemd-analyze"):
        print("-- units not checked: there is no systemd-analyze")
        return
    source = os.path.join(os.environ["ANSER_SOURCE_DIR"], "docs", "systemd")
    with tempfile.TemporaryDirectory(prefix="anser-units-") as directory:
        units = []
        for name in sorted(os.listdir(source)):
            with open(os.path.join(source, name)) as file:
                unit = file.read().replace("/usr/local/sbin", os.environ["ANSER_BIN_DIR"])
            units.append(os.path.join(directory, name))
            with open(units[-1], "w") as file:
                file.write(unit)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                               *units], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0 and not done.stderr, "systemd-analyze: " + done.stderr)
    print("-- systemd takes %d units" % len(units))


def run():
    for supervise in (True, False):
        print("the data plane is %s" % ("its own" if supervise else "somebody else's"), flush=True)
        life(supervise, abstract=supervise)
    units_are_good()


if __name__ == "__main__":
    sys.exit(passes(run))
