#!/usr/bin/python3
"""Kills data planes that take packets past the kernel, changes what they serve, and refuses them.

A load runs all the while, and each of its queries is accounted for, as in death.py: the address of
every name is the version of the zone.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time

import backends
import death
from backends import SERVER4, SERVER6
from checks import PATIENCE, SKIP, Failure, Skipped, check, end_process, say, until

RELOADS = 12
BACK_WITHIN = 5.0      # seconds until queries are answered again


class Zone:
    """The file that is loaded again and again."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "zone")
        self.versions = death.Versions()
        self.write(1)

    def write(self, version):
        with open(self.path + ".new", "w") as file:
            file.write(death.ZONE % {"version": version, "last": death.NAMES - 1,
                                     "address": death.address_of(version)})
        os.rename(self.path + ".new", self.path)
        self.versions.written = version

    def reload(self, server):
        self.write(self.versions.written + 1)
        check(server.ctl("zone", "reload", "example.", "--wait") is not None, "zone reload")
        self.versions.visible = self.versions.written


class Load(death.Load):
    """That of death.py, from a client's namespace."""

    def __init__(self, net, zone):
        with net.client.inside():
            super().__init__(53, zone.versions, SERVER4)
        self.start()

    def run_for(self, seconds):
        self.resume()
        time.sleep(seconds)

    def close(self):
        self.ending = True
        self.join()
        for asker in self.askers:
            asker.socket.close()


@contextlib.contextmanager
def loaded(net, zone):
    load = Load(net, zone)
    try:
        yield load
    finally:
        load.close()


def answers(server):
    return server.asks(SERVER4, death.query(7))


def kill(server):
    """Gives its number, and when that was."""
    victim = server.attached()[0]["pid"]
    os.kill(victim, signal.SIGKILL)
    return victim, time.monotonic()


def back(server, what, begun):
    until(what, lambda: answers(server), BACK_WITHIN)
    say("  %s after %.2f s" % (what, time.monotonic() - begun))


# ---- the cases ----

def changes_lose_nothing(server, zone, load):
    load.resume()
    for _ in range(RELOADS):
        zone.reload(server)
    load.settle_without_loss()


def supervised_one_is_killed(kind, zone):
    """Another is started; with DPDK its interface for the kernel is a new one as well."""
    with backends.opened(kind, [("example.", zone.path)], supervise=True) as server, \
            loaded(server.net, zone) as load:
        for _ in range(2):
            load.run_for(0.3)
            victim, begun = kill(server)
            back(server, "answered again", begun)
            until("another is attached", lambda v=victim: [
                a for a in server.attached() if a["pid"] != v and a["generation"]])
            load.settle(0.1)     # some were lost
            # UDP alone needs no more; for the rest the addresses are needed, by an operator.
            if server.kind.io == "dpdk":
                server.kind.after()
            server.await_answers()
            load.count_from_now()
            load.run_for(0.3)
            load.settle_without_loss()
        changes_lose_nothing(server, zone, load)


def kernel_answers_meanwhile(zone):
    """Nobody starts another for a while."""
    with backends.opened("xdp", [("example.", zone.path)]) as server, \
            loaded(server.net, zone) as load:
        check(server.net.server.program(server.kind.far), "there is no program while it runs")
        load.run_for(0.3)
        _, begun = kill(server)
        server.dataplane.wait()
        check(not server.net.server.program(server.kind.far), "the program has outlived it")
        back(server, "answered by way of the kernel", begun)
        load.settle(0.1)
        load.count_from_now()
        load.run_for(0.5)
        load.settle_without_loss()
        changes_lose_nothing(server, zone, load)
        server.start_dataplane()
        until("the program is back", lambda: server.net.server.program(server.kind.far))
        load.run_for(0.3)
        until("the data plane counts", lambda: server.counters()["queries"] > 100)
        load.settle_without_loss()


def two_at_once(kind, zone):
    """Two data planes, each with clients of its own, and one control plane."""
    with backends.opened(kind, [("example.", zone.path)]) as first:
        net = backends.Net()
        second = None
        try:
            other = backends.KINDS[kind](net, first.dir)
            other.before()
            # The same settings: their names are those of its own namespace.
            here, first.net = first.net, net
            second = first.run_plane()
            until("two are attached", lambda: len(first.attached()) == 2)
            other.after()
            until("it answers, too", lambda: answers(first))
            first.net = here
            with loaded(here, zone) as one, loaded(net, zone) as two:
                one.resume()
                two.resume()
                for _ in range(RELOADS):
                    zone.reload(first)
                one.settle_without_loss()
                two.settle_without_loss()
                second.kill()
                second.wait()
                one.run_for(0.3)
                one.settle_without_loss()
            until("one is attached", lambda: len(first.attached()) == 1)
        finally:
            if second:
                end_process(second, patience=PATIENCE)
            net.close()


def refusals(zone):
    eal = "  io: dpdk\ndpdk:\n  exception: none\n  eal: \"%s\"\n" % backends.EAL
    port = eal.replace("--no-pci", "--no-pci --vdev=net_af_packet0,iface=srv0")
    for what, settings, options, words in [
            ("more workers than queues", port, {"workers": 4},
             ["net_af_packet0", "1 queues for 4 workers"]),
            ("a wildcard", port, {"listen": ["0.0.0.0", SERVER6]}, ["0.0.0.0", "wildcard"]),
            ("a port that is not there", port + "  ports: [nosuch]\n", {},
             ["nosuch", "EAL has found no such port"]),
            ("no port", eal, {}, ["EAL has found no port"]),
            ("an argument that EAL does not know", eal.replace("--no-huge", "--no-hugs"), {},
             ["EAL:", "Invalid argument"]),
            ("a driver that EAL does not know", eal.replace("--no-pci",
                                                            "--no-pci --vdev=net_nothing0"), {},
             ["net_nothing0"]),
            ("an interface that is not there", port.replace("srv0", "srv9"), {},
             ["net_af_packet0", "EAL has found no port"])]:
        say("refused: " + what)
        with backends.Server("dpdk-af_packet", [("example.", zone.path)], settings=settings,
                             **options) as server:
            server.kind.before()
            status, said = server.refused()
            check(status == 1, "status %d: %s" % (status, said))
            check(all(w in said for w in words), "%s are not all in: %s" % (words, said))


def has_dpdk(zone):
    try:
        with backends.opened("dpdk-af_packet", [("example.", zone.path)]):
            return True
    except Skipped as reason:
        say("skipped: %s" % reason)
        return False


def run(zone):
    cases = []
    if has_dpdk(zone):
        cases += [("dpdk: kill -9 under load", supervised_one_is_killed, "dpdk-af_packet"),
                  ("dpdk: two at once", two_at_once, "dpdk-af_packet"),
                  ("dpdk: refusals", refusals, None)]
    cases += [("xdp: kill -9 under load", supervised_one_is_killed, "xdp"),
              ("xdp: kill -9, the kernel answers", kernel_answers_meanwhile, None),
              ("xdp: two at once", two_at_once, "xdp")]
    done = 0
    for text, case, kind in cases:
        say(text)
        try:
            case(*([kind] if kind else []), zone)
            done += 1
        except Skipped as reason:
            say("skipped: %s" % reason)
    return done


def main():
    with tempfile.TemporaryDirectory(prefix="anser-back-end-death-") as directory:
        try:
            backends.needs()
            done = run(Zone(directory))
        except Skipped as reason:
            say("skipped: %s" % reason)
            return SKIP
        except Failure as failure:
            say("FAILED: %s" % failure)
            return 1
    say("all survived")
    return 0 if done else SKIP


if __name__ == "__main__":
    sys.exit(main())
