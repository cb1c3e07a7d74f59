"""What the scripts share that start the programs and look at what becomes of them."""

import contextlib
import socket
import time

PATIENCE = 20.0        # seconds until what has not come by then will not
SKIP = 77              # the exit status of a test that this machine cannot do
STARTED = time.monotonic()


class Failure(Exception):
    pass


class Skipped(Exception):
    """This machine has not what it takes."""


def check(holds, text):
    if not holds:
        raise Failure(text)


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
    """A port that nobody has, neither for UDP nor for TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                return tcp.getsockname()[1]


def has_ipv6(address="::1"):
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return True
    return False
