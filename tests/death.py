#!/usr/bin/python3
"""Kills and stops the programs while queries come by the thousand, and counts every answer.

survival.sh asks one question at a time; here a load runs all the while, and each query of it is
accounted for: answered once, with an address that was in the zone while the query was under way.
The address of every name is the version of the zone, so an answer says where it comes from:

* no older than the last version that was reported visible before the query was sent, unless a
  stopped data plane gives it, which may show what it had;
* no newer than the last version that was written before the answer came;
* never older than what the same socket was told before, as long as one data plane answers it.
"""

import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from checks import PATIENCE, Failure, check, free_port, say, until

SOCKETS = 16
WINDOW = 12            # queries open on one socket: all of them fit the smallest receive buffer
RATE = 3000            # queries a second, all sockets together
NAMES = 20000
RETIRED_LIMIT = 8 << 20   # several changes of the whole zone
STOPPED_AFTER = 1.0
RELOADS_WHILE_STOPPED = 200
RELOADS_UNDER_LOAD = 50
LATENCY_MAX = 2.0      # of one answer, on a machine that does other things as well

CONFIG = """server:
  listen: ["127.0.0.1@%d"]
  workers: %d
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
"""

ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster %(version)d 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
$GENERATE 0-%(last)d h$ A %(address)s
"""


# ---- queries and answers ----

def address_of(version):
    return "10.%d.%d.%d" % (version >> 16, version >> 8 & 255, version & 255)


def query(ident):
    label = b"h%d" % random.randrange(NAMES)
    return (struct.pack("!HHHHHHB", ident, 0, 1, 0, 0, 0, len(label)) + label
            + b"\7example\0\0\1\0\1")


def version_in(question, answer):
    """The version of the zone that an answer comes from; the answer must be whole and true."""
    flags, asked, answers = struct.unpack_from("!HHH", answer, 2)
    size = len(question)
    check(flags == 0x8400 and asked == 1 and answers == 1
          and answer[12:size] == question[12:]
          and answer[size:size + 12] == b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4"
          and answer[size + 12] == 10,
          "not a true answer to %s: %s" % (question.hex(), answer.hex()))
    return int.from_bytes(answer[size + 13:size + 16], "big")


class Versions:
    """Which versions an answer may come from. The main thread moves them forward."""

    def __init__(self):
        self.visible = 1   # the last that a reload has reported as visible
        self.written = 1   # the last that may have been read


class Asker:
    """A socket of the load and its open queries."""

    def __init__(self, port, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((address, port))
        self.open = {}     # by ID: the query, when it was sent, the version visible then
        self.ident = 0
        self.newest = 0    # version that this socket was told


class Load(threading.Thread):
    """Asks all the time. What goes wrong is kept, and raised by settle()."""

    def __init__(self, port, versions, address="127.0.0.1"):
        super().__init__(daemon=True)
        self.askers = [Asker(port, address) for _ in range(SOCKETS)]
        self.by_fd = {a.socket.fileno(): a for a in self.askers}
        self.versions = versions
        self.sending = False
        self.quiet = threading.Event()   # it has seen that it shall not send
        self.ending = False
        self.stale_allowed = set()   # askers that a stopped data plane may answer
        self.sent = self.answered = self.refused = 0
        self.slowest = 0.0
        self.wrong = []
        self.poll = select.poll()
        for fd in self.by_fd:
            self.poll.register(fd, select.POLLIN)

    def run(self):
        due = time.monotonic()
        turn = 0
        while not self.ending:
            if not self.sending:
                self.quiet.set()
            now = time.monotonic()
            due = max(due, now - 0.01)   # what could not be sent in time is not made up for
            while self.sending and due <= now:
                self.ask(self.askers[turn % SOCKETS], now)
                turn += 1
                due += 1 / RATE
            for fd, _ in self.poll.poll(1):
                self.take(self.by_fd[fd])

    def ask(self, asker, now):
        if len(asker.open) >= WINDOW:
            return
        while True:
            asker.ident = asker.ident + 1 & 0xffff
            if asker.ident not in asker.open:
                break
        wire = query(asker.ident)
        visible = self.versions.visible   # before it is sent: the other thread goes on
        try:
            asker.socket.send(wire)
        except ConnectionRefusedError:
            self.refused += 1
            return
        asker.open[asker.ident] = (wire, now, visible)
        self.sent += 1

    def take(self, asker):
        while True:
            try:
                answer = asker.socket.recv(4096)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.refused += 1
                continue
            try:
                self.judge(asker, answer)
            except Failure as failure:
                self.wrong.append(str(failure))

    def judge(self, asker, answer):
        asked = asker.open.pop(int.from_bytes(answer[:2], "big"), None)
        check(asked, "answered twice, or never asked: %s" % answer.hex())
        question, sent, visible = asked
        version = version_in(question, answer)
        self.answered += 1
        check(1 <= version <= self.versions.written,
              "version %d, before it was written" % version)
        if asker in self.stale_allowed:
            return
        self.slowest = max(self.slowest, time.monotonic() - sent)
        check(version >= visible, "version %d, when %d was visible" % (version, visible))
        check(version >= asker.newest, "version %d after %d" % (version, asker.newest))
        asker.newest = version

    # For the main thread.

    def resume(self):
        self.sending = True

    def count_from_now(self):
        self.sent = self.answered = self.refused = 0
        self.slowest = 0.0

    def settle(self, patience=2.0):
        """Stops asking. Gives the queries that are not answered, and forgets them."""
        self.quiet.clear()
        self.sending = False
        self.quiet.wait()
        end = time.monotonic() + patience
        while any(a.open for a in self.askers) and time.monotonic() < end:
            time.sleep(0.02)
        lost = [sent for a in self.askers for _, sent, _ in a.open.values()]
        for asker in self.askers:
            asker.open.clear()
        check(not self.wrong, "%d wrong answers, as: %s" % (len(self.wrong), self.wrong[:3]))
        return lost

    def settle_without_loss(self):
        lost = self.settle()
        check(not lost, "%d queries were lost" % len(lost))
        check(self.refused == 0, "%d times nobody listened" % self.refused)
        check(self.slowest < LATENCY_MAX, "an answer took %.2f s" % self.slowest)
        say("  %d queries, all answered, the slowest in %.0f ms"
            % (self.answered, self.slowest * 1000))
        self.count_from_now()

    def silent_askers(self):
        """Those that have waited for an answer for half a second."""
        since = time.monotonic() - 0.5
        return {a for a in self.askers
                if any(sent < since for _, sent, _ in list(a.open.values()))}


# ---- the programs ----

class Programs:
    def __init__(self, directory, binaries):
        self.directory = directory
        self.binaries = binaries
        self.port = free_port()
        self.versions = Versions()
        self.log = open(os.path.join(directory, "log"), "w+")
        self.control = None
        self.dataplanes = []
        self.write_files()

    def write_files(self):
        """The configuration, and what it names."""
        self.write("anser.yaml", self.configuration(
            {"example.": "zone"}, retired_limit=RETIRED_LIMIT, stopped_after="%dms" % (STOPPED_AFTER * 1000)))
        self.write_zone()

    def configuration(self, zones, workers=1, **control):
        """zones: the file of each. control: more options of that section."""
        text = CONFIG % (self.port, workers)
        for option, value in control.items():
            text += "  %s: %s\n" % (option.replace("_", "-"), value)
        return text + "zones:\n" + "".join("  - { name: %s, file: %s }\n" % zone for zone in zones.items())

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, program, *arguments):
        return subprocess.Popen([os.path.join(self.binaries, program), *arguments],
                                stdout=self.log, stderr=subprocess.STDOUT)

    def start_control(self):
        self.control = self.start("anser-control", "-c", self.path("anser.yaml"))

    def start_dataplane(self):
        dataplane = self.start("anser-dataplane", "-s", self.path("dataplane.sock"))
        self.dataplanes.append(dataplane)
        return dataplane

    def kill_control(self):
        self.control.kill()
        self.control.wait()

    def kill_dataplane(self, dataplane):
        """When this returns, the process and its sockets are gone."""
        self.dataplanes.remove(dataplane)
        dataplane.kill()
        dataplane.wait()

    def stop(self):
        """Ends all in the orderly way; gives the exit statuses."""
        processes = [p for p in [self.control, *self.dataplanes] if p]
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return [p.returncode for p in processes]

    def show_log(self):
        self.log.flush()
        with open(self.path("log")) as file:
            sys.stdout.write(file.read()[-6000:])

    # Commands.

    def ctl_start(self, *arguments):
        return subprocess.Popen([os.path.join(self.binaries, "anserctl"), "--json", "-s",
                                 self.path("control.sock"), *arguments],
                                stdout=subprocess.PIPE, stderr=self.log)

    def status(self):
        """None while nobody answers."""
        ctl = self.ctl_start("status")
        out = ctl.communicate(timeout=PATIENCE)[0]
        return json.loads(out) if ctl.returncode == 0 else None

    def write_zone(self, version=1):
        with open(self.path("zone.new"), "w") as file:
            file.write(ZONE % {"version": version, "last": NAMES - 1,
                               "address": address_of(version)})
        os.rename(self.path("zone.new"), self.path("zone"))

    def write_next(self):
        version = self.versions.written + 1
        self.write_zone(version)
        self.versions.written = version
        return version

    def reload(self, wait=True):
        """Changes every address of the zone; gives the seconds until that was visible, or
        durable."""
        version = self.write_next()
        begun = time.monotonic()
        ctl = self.ctl_start("zone", "reload", "example.", "--wait" if wait else "--no-wait")
        out = ctl.communicate(timeout=PATIENCE)[0]
        check(ctl.returncode == 0, "reload: status %d: %s" % (ctl.returncode, out))
        if wait:
            self.versions.visible = version
        return time.monotonic() - begun

    def serve_the_same(self):
        """The status, once every data plane, and no other, shows the table of control."""
        pids = sorted(p.pid for p in self.dataplanes)

        def same():
            status = self.status()
            if not status or status["pid"] != self.control.pid:
                return None
            attachments = status["attachments"]
            if sorted(a["pid"] for a in attachments) != pids:
                return None
            if any(a["generation"] != status["generation"] or a["stopped"]
                   for a in attachments):
                return None
            return status if status["state"] == "ok" else None

        return until("every data plane shows control's table", same)

    def shared_memory(self):
        """Of the tables that control maps, in bytes."""
        with open("/proc/%d/status" % self.control.pid) as file:
            for line in file:
                if line.startswith("RssShmem:"):
                    return int(line.split()[1]) * 1024
        raise Failure("no RssShmem")


def first_answer(port, patience):
    """Seconds until somebody answers, asked every few milliseconds."""
    begun = time.monotonic()
    while time.monotonic() < begun + patience:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.01)
            asker.connect(("127.0.0.1", port))
            wire = query(7)
            try:
                asker.send(wire)
                version_in(wire, asker.recv(4096))
                return time.monotonic() - begun
            except socket.timeout:
                pass
            except ConnectionRefusedError:
                time.sleep(0.005)
    raise Failure("no answer within %g s" % patience)


# ---- the cases ----

def control_is_killed(programs, load):
    """At rest, and at several moments of a change; meanwhile every query is answered."""
    for moment in [None, 0.01, 0.02, 0.03, 0.04, 0.06]:
        generation = programs.status()["generation"]
        load.resume()
        time.sleep(0.3)
        ctl = None
        if moment is not None:
            programs.write_next()
            ctl = programs.ctl_start("zone", "reload", "example.")
            time.sleep(moment)
        programs.kill_control()
        if ctl:
            ctl.communicate(timeout=PATIENCE)
        before = load.answered
        time.sleep(0.5)
        check(load.answered - before > RATE * 0.2,
              "%d answers in half a second without control" % (load.answered - before))
        programs.start_control()
        check(programs.serve_the_same()["generation"] > generation,
              "two tables are generation %d" % generation)
        programs.reload()
        time.sleep(0.1)
        programs.serve_the_same()
        load.settle_without_loss()


def republishing_loses_nothing(programs, load):
    load.resume()
    took = [programs.reload() for _ in range(RELOADS_UNDER_LOAD)]
    load.settle_without_loss()
    say("  %d reloads of %d names, the slowest in %.2f s"
        % (len(took), NAMES, max(took)))


def dataplane_is_killed(programs, load):
    """What was in its own queue is lost with it, and nothing that was sent later."""
    victim = programs.dataplanes[0]
    load.resume()
    time.sleep(0.5)
    programs.kill_dataplane(victim)
    killed = time.monotonic()
    programs.serve_the_same()
    programs.reload()
    time.sleep(0.5)
    lost = load.settle()
    late = [sent for sent in lost if sent > killed]
    check(not late, "%d queries were lost after the kill" % len(late))
    check(len(lost) < SOCKETS * WINDOW, "all that was open is lost, the other's as well")
    check(load.refused <= len(lost), "refused %d times" % load.refused)
    say("  %d queries died with it, of %d" % (len(lost), load.sent))
    load.count_from_now()

    say("another one joins under load")
    load.resume()
    time.sleep(0.2)
    programs.start_dataplane()
    programs.serve_the_same()
    programs.reload()
    load.settle_without_loss()

    say("all of them killed: a fresh one serves at once")
    for dataplane in list(programs.dataplanes):
        programs.kill_dataplane(dataplane)
    programs.start_dataplane()
    say("  first answer after %.3f s" % first_answer(programs.port, 1.0))
    programs.start_dataplane()
    programs.serve_the_same()


class Memory:
    """The largest sizes that status has shown, and what they may be."""

    def __init__(self, programs):
        self.programs = programs
        self.one = programs.status()["table"]["resident"]
        self.forget()

    def forget(self):
        self.retired = self.resident = self.mapped = 0

    def look(self):
        status = self.programs.status()
        check(status, "no status")
        self.retired = max(self.retired, status["table"]["bytes_retired"])
        self.resident = max(self.resident, status["table"]["resident"])
        self.mapped = max(self.mapped, self.programs.shared_memory())
        return status

    def check(self):
        """The limit, what one change adds before it is noticed, and the table itself. A table
        takes whole huge pages, so one counts for two."""
        say("  retired %d, resident %d, mapped %d; one table %d"
            % (self.retired, self.resident, self.mapped, self.one))
        check(self.retired <= RETIRED_LIMIT + self.one, "too much is retired")
        check(self.resident <= RETIRED_LIMIT + 4 * self.one, "the table is too large")
        check(self.mapped <= RETIRED_LIMIT + 4 * self.one, "too much is mapped")


def alarms_about(status, dataplane):
    return [a for a in status["alarms"] if "data plane %d " % dataplane.pid in a]


def reload_until_alarm(programs, victim, memory):
    """Fills more than the limit: nothing tells yet that nobody will come for it."""
    begun = time.monotonic()
    while not alarms_about(memory.look(), victim):
        after = time.monotonic() - begun
        check(after < STOPPED_AFTER + 1, "no alarm %.2f s after the stop" % after)
        programs.reload(wait=False)
    check(memory.retired > 0, "nothing was kept for the stopped one")
    say("  alarm %.2f s after the stop; retired by then: %d"
        % (time.monotonic() - begun, memory.retired))
    memory.forget()


def reload_while_stopped(programs, victims, memory, count):
    slowest = 0.0
    for i in range(count):
        slowest = max(slowest, programs.reload())
        if i % 5 == 0:
            status = memory.look()
            check(all(alarms_about(status, v) for v in victims), "an alarm has gone")
    say("  %d reloads, the slowest in %.2f s" % (count, slowest))
    check(slowest < STOPPED_AFTER + 1, "a reload took %.2f s" % slowest)
    memory.check()


def resume(programs, load, victims):
    """They answer what waits for them, perhaps from what they had, and then as the others."""
    for victim in victims:
        victim.send_signal(signal.SIGCONT)
    status = programs.serve_the_same()
    say("  continued, and at generation %d" % status["generation"])
    time.sleep(0.2)
    load.stale_allowed = set()
    load.slowest = 0.0
    programs.reload()
    load.settle_without_loss()


def dataplane_is_stopped(programs, load):
    """The other one shows every change, and memory stays within bounds."""
    victim, other = programs.dataplanes
    memory = Memory(programs)
    before = programs.status()["generation"]
    load.resume()
    time.sleep(0.2)
    load.stale_allowed = set(load.askers)
    victim.send_signal(signal.SIGSTOP)
    reload_until_alarm(programs, victim, memory)
    # Those that the stopped one should answer.
    load.stale_allowed = load.silent_askers()
    check(0 < len(load.stale_allowed) < SOCKETS,
          "%d of %d sockets are silent" % (len(load.stale_allowed), SOCKETS))
    load.count_from_now()
    reload_while_stopped(programs, [victim], memory, RELOADS_WHILE_STOPPED)
    check(load.answered > RATE / 10, "the other one gave %d answers" % load.answered)
    status = memory.look()
    check(status["generation"] > before, "control stayed in the table that was held back")
    check([a["generation"] for a in status["attachments"] if a["pid"] == other.pid]
          == [status["generation"]], "the other one does not show the newest table")
    resume(programs, load, [victim])


def all_are_stopped(programs, load):
    """The second one just before control gives up on the first: it is offered the next table, and
    never says that it has it."""
    first, second = programs.dataplanes
    memory = Memory(programs)
    load.resume()
    time.sleep(0.2)
    load.stale_allowed = set(load.askers)
    first.send_signal(signal.SIGSTOP)
    for _ in range(8):
        programs.reload(wait=False)
    until("the first one is stopped, nearly",
          lambda: [a for a in memory.look()["attachments"]
                   if a["pid"] == first.pid and a["silent_ms"] > STOPPED_AFTER * 960])
    second.send_signal(signal.SIGSTOP)
    until("both are stopped",
          lambda: len([a for a in memory.look()["alarms"] if "has not answered" in a]) == 2)
    memory.forget()
    reload_while_stopped(programs, [first, second], memory, 60)
    resume(programs, load, [first, second])


def control_is_killed_while_one_is_stopped(programs, load):
    """The next control plane does not know of it, until it continues."""
    victim = programs.dataplanes[0]
    load.resume()
    time.sleep(0.2)
    load.stale_allowed = set(load.askers)
    victim.send_signal(signal.SIGSTOP)
    time.sleep(1)
    load.stale_allowed = load.silent_askers()
    programs.kill_control()
    programs.start_control()
    until("the other one is back", lambda: (programs.status() or {}).get("state") == "ok")
    load.count_from_now()
    for _ in range(5):
        programs.reload()
    resume(programs, load, [victim])


def run(programs):
    programs.start_control()
    programs.start_dataplane()
    programs.start_dataplane()
    programs.serve_the_same()
    load = Load(programs.port, programs.versions)
    load.start()
    for case, text in [
            (control_is_killed, "kill -9 the control plane"),
            (republishing_loses_nothing, "reload under load"),
            (dataplane_is_killed, "kill -9 a data plane"),
            (dataplane_is_stopped, "SIGSTOP a data plane"),
            (all_are_stopped, "SIGSTOP both"),
            (control_is_killed_while_one_is_stopped, "SIGSTOP a data plane, kill -9 control")]:
        say(text)
        case(programs, load)
    load.ending = True
    load.join()
    statuses = programs.stop()
    check(statuses == [0, 0, 0], "exit statuses %s" % statuses)


def prove(prefix, kind, run_):
    """Runs a proof with such programs in a directory of their own. Gives the exit status."""
    directory = tempfile.mkdtemp(prefix=prefix)
    programs = kind(directory, os.environ["ANSER_BIN_DIR"])
    try:
        run_(programs)
    except Failure as failure:
        say("FAILED: %s" % failure)
        programs.show_log()
        return 1
    finally:
        programs.stop()
        shutil.rmtree(directory)
    return 0


def main():
    status = prove("death.", Programs, run)
    if status == 0:
        say("all survived")
    return status


if __name__ == "__main__":
    sys.exit(main())
