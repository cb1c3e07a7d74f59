#!/usr/bin/python3
"""Logs for machines: whatever happens, every line on standard error is one JSON object.

A control plane runs a data plane that is killed, a zone file is broken, an address is somebody else's;
what is said of it must be there, by the right program and at the right level, and with a higher level
only what is important.
"""

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import counters
from checks import check, passes
from counters import until

CONFIG = """server:
  listen: ["127.0.0.1@%(port)d"]
  io: udp
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(supervise)s
log:
  format: %(format)s
  level: %(level)s
zones:
  - { name: example., file: example.zone }
  - { name: broken., file: broken.zone }
"""

BROKEN = "@ SOA ns \"\x1b[1mand\" more\n"


class Control:
    def __init__(self, form, level):
        self.binaries = os.environ["ANSER_BIN_DIR"]
        self.directory = tempfile.mkdtemp(prefix="anser-logs-")
        self.write("example.zone", counters.ZONE)
        self.write("broken.zone", BROKEN)
        self.write("anser.yaml", CONFIG % {
            "port": counters.free_port(), "format": form, "level": level,
            "supervise": os.path.join(self.binaries, "anser-dataplane")})
        self.log = open(os.path.join(self.directory, "log"), "w+")
        self.process = subprocess.Popen(
            [os.path.join(self.binaries, "anser-control"), "-c",
             os.path.join(self.directory, "anser.yaml")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.end()
        if kind:
            print(self.said())
        self.log.close()
        shutil.rmtree(self.directory)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(counters.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def write(self, name, content):
        with open(os.path.join(self.directory, name), "w") as file:
            file.write(content)

    def said(self):
        with open(self.log.name) as file:
            return file.read()

    def planes(self):
        out = subprocess.run(
            [os.path.join(self.binaries, "anserctl"), "-s",
             os.path.join(self.directory, "control.sock"), "status", "--json"],
            capture_output=True, text=True, timeout=counters.PATIENCE, check=False).stdout
        attached = json.loads(out).get("attachments", []) if out else []
        return [a["pid"] for a in attached if a["generation"]]


def trouble(control):
    """A data plane is killed, and another comes."""
    first, = until("a data plane is attached", control.planes)
    os.kill(first, signal.SIGKILL)
    until("another one is", lambda: [p for p in control.planes() if p != first])
    control.end()
    return control.said(), first


def objects(said):
    lines = []
    for line in said.splitlines():
        entry = json.loads(line)
        check(sorted(entry) == ["level", "pid", "program", "text", "time"], "members of %s" % line)
        when = datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
        age = datetime.datetime.now(datetime.timezone.utc) - when
        check(-1 < age.total_seconds() < 60, "not the time: %s" % line)
        lines.append(entry)
    return lines


def has(lines, program, level, text, pid=None):
    found = [l for l in lines if l["program"] == program and l["level"] == level
             and text in l["text"] and pid in (None, l["pid"])]
    check(found, "no %s of %s with %r" % (level, program, text))


def run():
    with Control("json", "info") as control:
        said, killed = trouble(control)
        lines = objects(said)
        has(lines, "anser-control", "warning", "broken.zone:1:", control.process.pid)
        has(lines, "anser-control", "warning", "the data plane ended by signal 9")
        has(lines, "anser-dataplane", "info", "udp", killed)
        print("-- %d lines, all JSON" % len(lines))
    with Control("json", "warning") as control:
        lines = objects(trouble(control)[0])
        has(lines, "anser-control", "warning", "the data plane ended by signal 9")
        check(not [l for l in lines if l["level"] == "info"], "info all the same")
    with Control("json", "error") as control:
        said = trouble(control)[0]
        check(all(l["level"] == "error" for l in objects(said)), "more than errors:\n" + said)
        print("-- less with higher levels")
    with Control("text", "info") as control:
        said = trouble(control)[0]
        check("\nanser-control: the data plane ended by signal 9\n" in "\n" + said, "no text")
        check(all(l.startswith(("anser-control: ", "anser-dataplane: ")) for l in said.splitlines()),
              "a line of nobody:\n" + said)
        print("-- and text for people")


if __name__ == "__main__":
    sys.exit(passes(run))
