"""What the scripts share that start the programs and look at what becomes of them."""

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 20.0        # seconds until what has not come by then will not
SKIP = 77              # the exit status of a test that this machine cannot do
STARTED = time.monotonic()


class Failure(Exception):
    pass


class Skipped(Exception):
    """This machine has not what it takes."""


def check(holds, *what):
    if not holds:
        raise Failure(" ".join(str(part) for part in what))


def passes(run):
    """Gives the exit status of a script that is this, and says it."""
    try:
        run()
    except Skipped as reason:
        print("skipped: %s" % reason)
        return SKIP
    except Failure as failure:
        print("FAILED: %s" % failure)
        return 1
    print("all passed")
    return 0


def say(text):
    print("%6.2f  %s" % (time.monotonic() - STARTED, text), flush=True)


def until(what, condition, patience=PATIENCE):
    """Gives what the condition gives, once that is true."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, "not within %g s: %s" % (patience, what))
        time.sleep(0.02)


CLAIMS = []            # sockets whose names keep other tests away from the ports of this one


def free_port(address="127.0.0.1"):
    """A port that nobody has, neither for UDP nor for TCP, and that neither the kernel nor another test
    takes while a server that had it is down."""
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
             contextlib.suppress(OSError):
            claim.bind("\0anser-test-port-%d" % port)
            tcp.bind((address, port))
            udp.bind((address, port))
            CLAIMS.append(claim)
            return port
        claim.close()


def free_ports(count):
    return [free_port() for _ in range(count)]


def end_process(process, number=signal.SIGTERM, patience=30):
    """Gives its exit status; one that does not heed the signal is killed."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Programs:
    """Programs in a directory of their own, with one log unless they are given others, which end and go with it."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix=name + ".")
        self.processes = []
        self.logs = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            end_process(process)
        for name in self.logs if kind else ():
            print("%s:\n%s" % (name, self.log(name)[-6000:]))
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def spawn(self, *command, log="log", **environment):
        if log not in self.logs:
            self.logs.append(log)
        with open(self.path(log), "ab") as said:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                       cwd=self.dir, env={**os.environ, **environment})
        self.processes.append(process)
        return process

    def log(self, name="log"):
        """What they have said."""
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()


class Planes(Programs):
    """The programs of one Anser. Its configuration is anser.yaml, which says that its sockets are control.sock and
    dataplane.sock."""

    def __init__(self, name, binaries):
        super().__init__(name)
        self.binaries = binaries

    def run(self, program, *arguments, **environment):
        return self.spawn(os.path.join(self.binaries, program), *arguments, **environment)

    def run_control(self, **environment):
        return self.run("anser-control", "-c", self.path("anser.yaml"), **environment)

    def run_plane(self):
        return self.run("anser-dataplane", "-s", self.path("dataplane.sock"))

    def anserctl(self, *words):
        return subprocess.run([os.path.join(self.binaries, "anserctl"), "-s", self.path("control.sock"), *words],
                              capture_output=True, text=True, timeout=60, check=False)

    def ctl(self, *words):
        """What it says, whichever way."""
        done = self.anserctl(*words)
        return done.stdout + done.stderr

    def json(self, command):
        """Empty: it prints nothing, as where no server is."""
        out = self.anserctl(command, "--json").stdout
        return json.loads(out) if out else {}


def busy_seconds(pid):
    """Processor time that a process has had."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    """Octets of memory that a process has."""
    with open("/proc/%d/status" % pid) as file:
        return int(file.read().split("VmRSS:")[1].split()[0]) * 1024


def memory_text(pid):
    """Of what kinds that memory is, and how much it was at most."""
    with open("/proc/%d/status" % pid) as file:
        return ", ".join(" ".join(line.split()) for line in file if line.startswith(("VmHWM:", "Rss")))


def keeps_little():
    """The environment of a process whose memory is looked at: AddressSanitizer would keep 256 MiB of what was freed."""
    return dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1")


def has_ipv6(address="::1"):
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return True
    return False


class ControlSocket:
    """A client of the control socket that stays connected."""

    def __init__(self, path, patience=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(patience)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")

    def command(self, name, /, **args):
        """Gives the outcome and the result. OSError: the server has gone."""
        self.socket.sendall(json.dumps({"command": name, "args": args}).encode() + b"\n")
        line = self.lines.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server hung up")
        answer = json.loads(line)
        return answer["outcome"], answer["result"]

    def done(self, name, /, **args):
        """The result of a command that must be done."""
        outcome, result = self.command(name, **args)
        check(outcome == 0, name, "ended with", outcome, result)
        return result

    def close(self):
        self.lines.close()
        self.socket.close()


class HttpSocket(http.client.HTTPConnection):
    """A client of the Unix socket for HTTP that stays connected."""

    def __init__(self, path, patience=60):
        super().__init__("localhost", timeout=patience)
        self.path = path
        self.connect()

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None, **headers):
        """Gives the status, the headers, and the body as text. OSError or http.client.HTTPException:
        the server has gone."""
        self.request(method, path, None if body is None else json.dumps(body),
                     {name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.getresponse()
        return answer.status, answer.headers, answer.read().decode()
