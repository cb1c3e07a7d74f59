#!/usr/bin/python3
"""Logs for machines: whatever happens, every line on standard error is one JSON object.

A control plane runs a data plane that is killed, a zone file is broken, an address is somebody else's;
what is said of it must be there, by the right program and at the right level, and with a higher level
only what is important.
"""

import datetime
import json
import os
import signal
import sys

import counters
from checks import Planes, check, end_process, passes
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


class Control(Planes):
    def __init__(self, form, level):
        super().__init__("anser-logs", os.environ["ANSER_BIN_DIR"])
        self.write("example.zone", counters.ZONE)
        self.write("broken.zone", BROKEN)
        self.write("anser.yaml", CONFIG % {
            "port": counters.free_port(), "format": form, "level": level,
            "supervise": os.path.join(self.binaries, "anser-dataplane")})
        self.process = self.run_control()

    def planes(self):
        return [a["pid"] for a in self.json("status").get("attachments", []) if a["generation"]]


def trouble(control):
    """A data plane is killed, and another comes."""
    first, = until("a data plane is attached", control.planes)
    os.kill(first, signal.SIGKILL)
    until("another one is", lambda: [p for p in control.planes() if p != first])
    end_process(control.process)
    return control.log(), first


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
