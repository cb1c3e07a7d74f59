#!/usr/bin/python3
"""What a change that cannot be finished leaves behind: nothing.

The store lies on a small file system that is filled up; a record set is made too large to be
compiled. Queries come all the while, and each is accounted for as in death.py: none is lost, none
shows what was not committed. The table stays the same one, of the same generation, with the same
names; when the cause is gone, the change is made.
"""

import json
import os
import subprocess
import sys
import time

import death
from checks import PATIENCE, SKIP, Failure, check, say, until

STORE_SIZE = 128 << 20
ROOM_LEFT = 256 << 10    # far less than a change of every name takes
EXCHANGES = 2100         # more than one answer can point at
TRIES = 20


class Disk:
    """A small file system, seen by this process and its children only."""

    def __init__(self, path):
        self.path = path
        os.mkdir(path, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % STORE_SIZE, "small", path],
                       check=True)

    def ballast(self):
        return os.path.join(self.path, "ballast")

    def fill(self, left=ROOM_LEFT):
        state = os.statvfs(self.path)
        free = state.f_bavail * state.f_frsize
        with open(self.ballast(), "wb") as file:
            file.write(bytes(max(0, free - left)))

    def empty(self):
        os.unlink(self.ballast())

    def unmount(self):
        subprocess.run(["umount", self.path], check=True)


def place(status):
    """Where the table is, and what is in it."""
    return [status["generation"], status["table"]["names"], status["zones"]["total"],
            status["zones"]["failed"], status["rrsets"], status["records"]]


def reload(programs):
    """Gives the error of a reload, or None when there was none."""
    ctl = programs.ctl_start("zone", "reload", "example.")
    out = ctl.communicate(timeout=PATIENCE)[0].decode()
    return json.loads(out)["error"] if ctl.returncode else None


def grown_full(programs):
    """Reloads until the store has no free page left to write to."""
    for _ in range(TRIES):
        before = place(programs.status())
        version = programs.write_next()
        error = reload(programs)
        if error:
            return before, error
        programs.versions.visible = version
    raise Failure("%d changes fit onto a full disk" % TRIES)


def check_untouched(programs, before):
    status = programs.serve_the_same()
    check(place(status) == before, "%s before, %s after" % (before, place(status)))


def disk_is_full(programs, load, disk):
    load.resume()
    disk.fill()
    before, error = grown_full(programs)
    say("  refused: %s" % error)
    check_untouched(programs, before)
    for _ in range(3):
        check(reload(programs), "a change fitted that did not before")
        check_untouched(programs, before)
    time.sleep(0.3)
    load.settle_without_loss()
    disk.empty()
    load.resume()
    programs.reload()
    check(place(programs.status())[0] == before[0], "the table is another one")
    time.sleep(0.3)
    load.settle_without_loss()


def record_set_is_too_large(programs, load, _disk):
    load.resume()
    before = place(programs.status())
    programs.write_next()
    with open(programs.path("zone"), "a") as file:
        for i in range(EXCHANGES):
            file.write("big 60 MX 10 h%d\n" % i)
    error = reload(programs)
    check(error and "commit failed" in error, "not refused while compiling: %s" % error)
    check_untouched(programs, before)
    time.sleep(0.3)
    load.settle_without_loss()
    load.resume()
    programs.reload()
    check(place(programs.status()) == before, "the table is another one")
    load.settle_without_loss()


def run(programs, disk):
    programs.start_control()
    programs.start_dataplane()
    until("the zone is served", lambda: programs.serve_the_same())
    load = death.Load(programs.port, programs.versions)
    load.start()
    for case, text in [(record_set_is_too_large, "a record set too large"),
                       (disk_is_full, "a full disk")]:
        say(text)
        case(programs, load, disk)
    load.ending = True
    load.join()
    statuses = programs.stop()
    check(statuses == [0, 0], "exit statuses %s" % statuses)


def on_small_disk(run_):
    """A proof whose store is on such a disk."""
    def proof(programs):
        disk = Disk(programs.path("store"))
        try:
            run_(programs, disk)
        finally:
            programs.stop()
            disk.unmount()
    return proof


def main():
    return death.prove("failed-changes.", death.Programs, on_small_disk(run))


def can_mount():
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


def inside_mount_name_space(main, path):
    """Runs a script of that path again where what it mounts is seen by nobody else."""
    if "--inside" in sys.argv:
        sys.exit(main())
    if not can_mount():
        print("skipped: no mount name space can be made here")
        sys.exit(SKIP)
    os.execvp("unshare", ["unshare", "-m", sys.executable, path, "--inside"])


if __name__ == "__main__":
    inside_mount_name_space(main, __file__)
