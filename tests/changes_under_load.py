#!/usr/bin/python3
"""What is changed together is seen together, and what was reported visible is seen by every worker.

anser-pairs changes records of two zones, three in a transaction, from several clients at once, and asks
for them all the while: no reply may show two versions, none may go back behind what the same
worker has shown, nor behind what was acknowledged, and none may be missing. How fast it goes is
not looked at: the queries that are open at once fit into the smallest buffer.
"""

import os
import subprocess
import sys

import death
from checks import PATIENCE, check, say

CHANGES = 2000
WRITERS = 4


class Programs(death.Programs):
    def pairs(self, *words):
        return subprocess.run([os.path.join(self.binaries, "anser-pairs"), "--writers", str(WRITERS),
                               *words], stdout=subprocess.PIPE, text=True, timeout=150, check=False)

    def write_files(self):
        zones = ("pairs", "other")
        self.write("anser.yaml", self.configuration({z + ".example.": z for z in zones}, workers=2))
        for zone in zones:
            self.write(zone, self.pairs("--zone", zone).stdout)

    def check_pairs(self, changes):
        for zone in ("pairs.example.", "other.example."):
            check(self.ctl_start("zone", "reload", zone).wait(PATIENCE) == 0, "no reload")
        done = self.pairs("--port", str(self.port), "--control", self.path("control.sock"),
                          "--changes", str(changes), "--seconds", "0.5")
        say(done.stdout.strip())
        check(done.returncode == 0, "not seen as it was changed")
        check(" changes=%d " % changes in done.stdout, "not all changes were made")


def run(programs):
    programs.start_control()
    programs.start_dataplane()
    programs.serve_the_same()
    programs.check_pairs(CHANGES)
    say("two data planes")
    programs.start_dataplane()
    programs.serve_the_same()
    programs.check_pairs(CHANGES // 4)
    statuses = programs.stop()
    check(statuses == [0, 0, 0], "exit statuses %s" % statuses)


if __name__ == "__main__":
    sys.exit(death.prove("changes-under-load.", Programs, run))
