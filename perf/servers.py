"""Starts name servers on loopback for measuring, waits until they serve, and ends them by pid.

Each runs one worker for UDP, with everything that answers pinned to one processor.
"""
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import wire

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.environ.get("ANSER_PERF_WORK", "/var/tmp/anser-perf")
BUILD = os.environ.get("ANSER_BUILD", os.path.join(HERE, "..", "build", "release"))
RESULTS = os.path.join(HERE, "results")
SERVER_CPU = max(os.sched_getaffinity(0))
CLIENT_CPU = min(os.sched_getaffinity(0))
BOTH_CPUS = f"{CLIENT_CPU},{SERVER_CPU}"


class Failed(Exception):
    """A measurement that could not be made, with the reason."""


def tool(name):
    """Path of a program or module of this build."""
    path = os.path.join(BUILD, "bin", name)
    if not os.path.exists(path):
        raise Failed(f"{path} is missing: build the preset \"release\", or set ANSER_BUILD")
    return path


def free_port():
    """A port that nobody has, neither for UDP nor for TCP, and that the kernel gives to no client while a server
    that had it is down."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port


class Server:
    """A peer. Subclasses write a configuration and say which command runs it."""
    name = ""
    program = ""
    listen = ["127.0.0.1"]

    def __init__(self, zones, preload=None, cpu=SERVER_CPU):
        """zones: (origin, file) pairs. preload: environment for the process that answers."""
        self.zones = zones
        self.preload = preload or {}
        self.cpu = cpu
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix=f"{self.name}-", dir=WORK)
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def spawn(self, command, environment=None, pinned=True):
        log = open(os.path.join(self.dir, "log"), "ab")
        if pinned:
            command = ["taskset", "-c", str(self.cpu)] + command
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, **(environment or {})})
        log.close()
        self.processes.append(process)
        return process

    def start(self):
        path = os.path.join(self.dir, "conf")
        with open(path, "w") as f:
            f.write(self.config())
        self.spawn(self.command(path), self.preload)

    def addresses(self):
        """As a list in YAML."""
        return json.dumps([f"{a}@{self.port}" for a in self.listen])

    def config(self):
        raise NotImplementedError

    def command(self, path):
        raise NotImplementedError

    def ask(self, name, rrtype, timeout=0.3):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(timeout)
            s.connect(("127.0.0.1", self.port))
            try:
                s.send(wire.query(name, rrtype))
                return s.recv(4096)
            except OSError:
                return b""

    def serves(self):
        """Whether the last zone's SOA is answered with authority."""
        answer = self.ask(self.zones[-1][0], wire.TYPE_SOA)
        return len(answer) > 12 and wire.flags(answer) & wire.FLAG_AA and wire.rcode(answer) == 0 and answer[7] > 0

    def wait_until_serving(self, timeout=300):
        """Gives the seconds that it took."""
        began = time.monotonic()
        while not self.serves():
            if any(p.poll() is not None for p in self.processes):
                raise Failed(f"{self.name} ended: {self.log()}")
            if time.monotonic() - began > timeout:
                raise Failed(f"{self.name} does not serve {self.zones[-1][0]}: {self.log()}")
            time.sleep(0.02)
        return time.monotonic() - began

    def log(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as f:
            return f.read()[-2000:]

    def end_processes(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.processes = []

    def stop(self):
        self.end_processes()
        shutil.rmtree(self.dir, ignore_errors=True)


class Knot(Server):
    name = "knotd"
    program = "knotd"

    def config(self):
        lines = ["server:", f"  rundir: {self.dir}", f"  listen: {self.addresses()}",
                 "  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1",
                 "log:", "  - target: stderr", "    any: error",
                 "database:", f"  storage: {self.dir}",
                 "template:", "  - id: default", "    zonefile-sync: -1",
                 "    journal-content: none", "    semantic-checks: off", "zone:"]
        for origin, path in self.zones:
            lines += [f"  - domain: {origin}", f"    file: {path}"]
        return "\n".join(lines) + "\n"

    def command(self, path):
        return ["knotd", "-c", path]


class Nsd(Server):
    name = "nsd"
    program = "nsd"
    minimal = "no"

    def config(self):
        # As it comes, except for rate limiting, which is on in Debian's build: 200 a second.
        lines = ["server:", "  server-count: 1",
                 "  username: \"\"", f"  zonesdir: {self.dir}", "  database: \"\"",
                 f"  pidfile: {self.dir}/pid", f"  xfrdfile: {self.dir}/xfrd.state",
                 f"  zonelistfile: {self.dir}/zone.list", f"  xfrdir: {self.dir}",
                 f"  cookie-secret-file: {self.dir}/cookies", "  verbosity: 0",
                 "  rrl-ratelimit: 0", "  rrl-whitelist-ratelimit: 0", f"  minimal-responses: {self.minimal}",
                 *(f"  ip-address: {a}@{self.port}" for a in self.listen),
                 "remote-control:", "  control-enable: no"]
        for origin, path in self.zones:
            lines += ["zone:", f"  name: {origin}", f"  zonefile: {path}"]
        return "\n".join(lines) + "\n"

    def command(self, path):
        return ["nsd", "-d", "-c", path]


class NsdMinimal(Nsd):
    """Without authority and additional records in positive answers, as knotd and Anser answer."""
    name = "nsd-minimal"
    minimal = "yes"


class Named(Server):
    name = "named"
    program = "named"

    def config(self):
        lines = ["options {", f"  directory \"{self.dir}\";",
                 f"  listen-on port {self.port} {{ 127.0.0.1; }};", "  listen-on-v6 { none; };",
                 "  recursion no;", "  minimal-responses yes;", "  notify no;",
                 "  session-keyfile none;", "  pid-file none;", "  dnssec-validation no;", "};",
                 "controls { };"]
        for origin, path in self.zones:
            lines.append(f"zone \"{origin}\" {{ type primary; file \"{path}\"; }};")
        return "\n".join(lines) + "\n"

    def command(self, path):
        return ["named", "-g", "-n", "1", "-c", path]


class Anser(Server):
    name = "anser"
    program = "anser-dataplane"
    workers = 1
    patience = 20

    def back_end(self):
        """Lines of the configuration: the option io of the section server, and what it takes."""
        return ["  io: udp"]

    def config(self):
        lines = ["server:", f"  listen: {self.addresses()}",
                 f"  workers: {self.workers}", f"  cpus: [{self.cpu}]"] + self.back_end() + [
                 "control:", f"  store: {self.dir}/store",
                 f"  control-socket: {self.dir}/control", f"  dataplane-socket: {self.dir}/data",
                 "  supervise: no"]
        return "\n".join(lines + self.contents()) + "\n"

    def contents(self):
        """Lines of the configuration: where zones come from."""
        lines = ["zones:"]
        for origin, path in self.zones:
            lines += [f"  - name: {origin}", f"    file: {path}"]
        return lines

    def start(self):
        self.start_control()
        self.start_dataplane()

    def start_control(self):
        path = os.path.join(self.dir, "conf")
        with open(path, "w") as f:
            f.write(self.config())
        self.spawn([tool("anser-control"), "-c", path], pinned=False)
        deadline = time.monotonic() + self.patience
        while not os.path.exists(f"{self.dir}/data"):
            if self.processes[0].poll() is not None or time.monotonic() > deadline:
                raise Failed(f"anser-control does not start: {self.log()}")
            time.sleep(0.02)

    def start_dataplane(self):
        self.spawn([tool("anser-dataplane"), "-s", f"{self.dir}/data"], self.preload)

    def processor_time(self):
        """Seconds that the control plane has had."""
        with open(f"/proc/{self.processes[0].pid}/stat") as f:
            words = f.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def command(self, path):
        return []


SERVERS = {c.name: c for c in (Knot, Nsd, NsdMinimal, Named, Anser)}


def run_tool(command, timeout=None):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=timeout)
    except subprocess.TimeoutExpired as e:
        raise Failed(f"{' '.join(command)}: not done after {timeout} s") from e
    except OSError as e:
        raise Failed(f"{command[0]}: {e.strerror}") from e
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def records(text):
    """Lines of "word key=value ..." as dictionaries, numbers converted."""
    result = []
    for line in text.splitlines():
        words = line.split()
        record = {"what": words[0]}
        for word in words[1:]:
            key, _, value = word.partition("=")
            try:
                record[key] = float(value)
            except ValueError:
                record[key] = value
        result.append(record)
    return result


def run_bench(program, *args):
    """What one of our benchmarks prints, on the servers' processor, as records."""
    # Benchmarks are as long as they need to be, but a hung one must not hang the rest.
    return records(run_tool(["taskset", "-c", str(SERVER_CPU), tool(program)] +
                            [str(a) for a in args], timeout=1800))


def memio_result(server, path, seconds):
    """What memio writes there when it is over, as a dictionary."""
    deadline = time.monotonic() + seconds * 1.1 + 20
    while not (os.path.exists(path) and os.path.getsize(path)):
        if time.monotonic() > deadline:
            raise Failed(f"{server.name} under memio gives no result: {server.log()}")
        time.sleep(0.02)
    with open(path) as f:
        return {k: float(v) for k, v in (w.split("=") for w in f.read().split())}


def memio(server_name, zones, queries, seconds):
    """User-space cost per query, in memory. Gives memio's figures as a dictionary."""
    handle, result = tempfile.mkstemp(dir=WORK)
    os.close(handle)
    os.unlink(result)
    preload = {"LD_PRELOAD": tool("memio.so"), "MEMIO_QUERIES": queries,
               "MEMIO_SECONDS": str(seconds), "MEMIO_RESULT": result}
    try:
        with SERVERS[server_name](zones, preload) as server:
            server.wait_until_serving()
            server.ask("memio-start." + zones[0][0], wire.TYPE_A, 0.05)
            return memio_result(server, result, seconds)
    finally:
        if os.path.exists(result):
            os.unlink(result)


def ask_by_dnsperf(server, queries, seconds, *options, client_cpus=None):
    """What dnsperf says of a server that serves."""
    text = run_tool(["taskset", "-c", client_cpus or str(CLIENT_CPU), "dnsperf", "-s",
                     "127.0.0.1", "-p", str(server.port), "-d", queries, "-l", str(seconds),
                     "-c", "16", "-T", "1", "-q", "400", "-t", "2", *options])
    figures = {"qps": 0.0, "sent": 0, "lost": 0.0, "bytes": 0.0, "codes": ""}
    for line in text.splitlines():
        key, _, value = line.strip().partition(":")
        value = value.strip()
        if key == "Queries per second":
            figures["qps"] = float(value)
        elif key == "Queries sent":
            figures["sent"] = int(value)
        elif key == "Queries lost":
            figures["lost"] = float(value.partition("(")[2].partition("%")[0] or 0)
        elif key == "Average packet size":
            figures["bytes"] = float(value.rpartition("response ")[2])
        elif key == "Response codes":
            figures["codes"] = value
    return figures


def dnsperf(server_name, zones, queries, seconds, dnssec_ok=False, client_cpus=None):
    """Answers per second over loopback sockets. client_cpus: a list for taskset; the client is
    alone on its own processor unless told."""
    with SERVERS[server_name](zones) as server:
        server.wait_until_serving()
        return ask_by_dnsperf(server, queries, seconds, "-D" if dnssec_ok else "-e",
                              client_cpus=client_cpus)


def check_answers(figures, rcode, least_bytes):
    """A REFUSED is not an answer: refuses figures of answers of the wrong kind."""
    if "codes" in figures:
        share = 0.0
        for part in figures["codes"].split(","):
            words = part.split()
            if words and words[0].lower() == rcode:
                share = float(part.partition("(")[2].partition("%")[0])
    else:
        share = figures[rcode]
        if figures["answered"] < 99.9:
            raise Failed(f"only {figures['answered']} % answered")
        if figures["truncated"] > 0.1 or figures["empty"] > 0.1:
            raise Failed(f"truncated or empty answers: {figures}")
    if share < 99.0 or figures["bytes"] < least_bytes:
        raise Failed(f"not the answers that were asked for: {figures}")


def build_flags():
    """The flags that the responder was compiled with, warnings left out."""
    try:
        with open(os.path.join(BUILD, "compile_commands.json")) as f:
            commands = json.load(f)
    except (OSError, ValueError):
        return "?"
    for c in commands:
        if c["file"].endswith("dataplane/respond/respond.c"):
            words = c["command"].split()
            return " ".join([words[0]] + [w for w in words if w[:2] in ("-O", "-f", "-m", "-s")])
    return "?"


def conditions():
    """What a reader of the figures must know of the machine."""
    def first(path, default="?"):
        try:
            with open(path) as f:
                return f.read().strip()
        except OSError:
            return default

    def words(command):
        try:
            return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False).stdout.strip().splitlines()[0]
        except (OSError, IndexError):
            return "?"

    cpuinfo = first("/proc/cpuinfo").splitlines()
    model = next((l.partition(":")[2].strip() for l in cpuinfo if l.startswith("model name")), "?")
    load = first("/proc/loadavg").split()[0]
    return [f"date: {time.strftime('%Y-%m-%d %H:%M:%S %z')}",
            f"cpu: {model}, {len(os.sched_getaffinity(0))} in use of {os.cpu_count()}",
            f"hypervisor: {'yes' if 'hypervisor' in first('/proc/cpuinfo') else 'no'}",
            f"kernel: {os.uname().release}",
            f"transparent huge pages: {first('/sys/kernel/mm/transparent_hugepage/enabled')}"
            f", shmem: {first('/sys/kernel/mm/transparent_hugepage/shmem_enabled')}",
            f"governor: {first('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'none')}",
            f"load before: {load}",
            f"compiler: {words(['cc', '--version'])}",
            f"build: {build_flags()}",
            f"peers: {words(['knotd', '--version'])}; {words(['nsd', '-v'])}"]


class Report:
    """Prints lines, and keeps them in perf/results/."""

    def __init__(self, name):
        os.makedirs(RESULTS, exist_ok=True)
        self.path = os.path.join(RESULTS, f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.txt")

    def __enter__(self):
        self.file = open(self.path, "w")
        return self

    def __exit__(self, *_):
        self.file.close()

    def line(self, text):
        print(text, flush=True)
        self.file.write(text + "\n")
        self.file.flush()

    def conditions(self):
        for line in conditions():
            self.line("# " + line)


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)
