"""What the scripts share that start the programs and look at what becomes of them."""

import contextlib
import os
import random
import signal
import socket
import subprocess
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


def free_port(address="127.0.0.1"):
    """A port that nobody has, neither for UDP nor for TCP, and that the kernel hands to nobody while
    a server that had it is down."""
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
             contextlib.suppress(OSError):
            tcp.bind((address, port))
            udp.bind((address, port))
            return port


def free_ports(count):
    ports = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def end_process(process, number=signal.SIGTERM, patience=10):
    """Gives its exit status; one that does not heed the signal is killed."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def busy_seconds(pid):
    """Processor time that a process has had."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def has_ipv6(address="::1"):
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return True
    return False
