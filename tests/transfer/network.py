"""A network that loses packets, has them wait, and lets some overtake others.

    network = Network(loss=0.05, delay=0.002, overtaking=0.1, seed=1)
    with Stage("name", network) as stage:       # its servers are in it, each at an address of its own

Each server has a network namespace of its own, as has the test, with a TUN interface in it; what goes into one comes
out of another because a process of ours carries it. That needs no netem, which many kernels do not have. What
the test itself asks and is told is not lost. Namespaces and interfaces have no names outside, and end with
the processes and descriptors that hold them, however those end.
"""

import ctypes
import fcntl
import heapq
import ipaddress
import multiprocessing
import os
import random
import select
import struct
import subprocess
import time

from checks import Skipped

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
NET = ipaddress.ip_network("10.77.0.0/24")
BATCH = 64             # packets from one interface before the others have their turn
PACKET_MAX = 65535
CARRIED, LOST, OVERTOOK = range(3)
LIBC = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result < 0:
        raise Skipped("no network of its own: %s: %s" % (what, os.strerror(ctypes.get_errno())))


def new_namespace():
    """Enters one, and gives it as a descriptor."""
    must(LIBC.unshare(CLONE_NEWNET), "unshare")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace):
    must(LIBC.setns(namespace, CLONE_NEWNET), "setns")


def new_interface(address):
    """In the namespace that we are in. Gives the descriptor that its packets come by."""
    try:
        wire = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(wire, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
    except OSError as error:
        raise Skipped("no TUN interface: %s" % error) from error
    for words in ("link set lo up", "address add %s/%d dev wire" % (address, NET.prefixlen), "link set wire up"):
        subprocess.run(["ip", *words.split()], check=True)
    return wire


class Carrier:
    """What the process does that has the other ends of all wires."""

    def __init__(self, network, alive):
        self.network, self.alive = network, alive
        self.random = random.Random(network.seed)
        self.waiting = []          # (when, number, wire, packet)
        self.number = 0

    def run(self):
        poll = select.epoll()
        for wire in [self.alive, *self.network.wires.values()]:
            poll.register(wire, select.EPOLLIN)
        while True:
            for ready, _ in poll.poll(self.patience()):
                if ready == self.alive:        # the test has ended
                    return
                self.take(ready)
            self.deliver()

    def patience(self):
        return max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None

    def take(self, wire):
        for _ in range(BATCH):
            try:
                packet = os.read(wire, PACKET_MAX)
            except BlockingIOError:
                return
            target = self.network.wires.get(packet[16:20])
            if packet[0] >> 4 == 4 and target is not None:
                self.carry(packet, target)

    def carry(self, packet, target):
        network = self.network
        if network.own in (packet[12:16], packet[16:20]):
            self.put(target, packet)
            return
        network.counts[CARRIED] += 1
        if self.random.random() < network.loss:
            network.counts[LOST] += 1
        elif self.waiting and self.random.random() < network.overtaking:
            network.counts[OVERTOOK] += 1
            self.put(target, packet)
        else:
            self.number += 1
            heapq.heappush(self.waiting, (time.monotonic() + network.delay, self.number, target, packet))

    def deliver(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(self.waiting)
            self.put(target, packet)

    @staticmethod
    def put(wire, packet):
        try:
            os.write(wire, packet)
        except OSError:            # its queue is full, as on any network
            pass


class Network:
    """loss, overtaking: of how many packets, 0 to 1. delay: seconds."""

    def __init__(self, loss, delay, overtaking, seed):
        self.loss, self.delay, self.overtaking, self.seed = loss, delay, overtaking, seed
        self.addresses = NET.hosts()
        self.wires = {}            # descriptors, by address as in packets
        self.counts = multiprocessing.Array("Q", 3, lock=False)
        self.carrier = None
        self.alive = None
        self.home, self.own = self.place()

    def place(self):
        """Gives a namespace, in which we are then, and its address."""
        namespace = new_namespace()
        address = next(self.addresses)
        self.wires[address.packed] = new_interface(address)
        return namespace, address.packed

    def take_in(self, peer):
        """A server, before it is configured."""
        namespace, address = self.place()
        enter(self.home)
        peer.address, peer.neighbours = str(ipaddress.ip_address(address)), str(NET)
        peer.enter = lambda: enter(namespace)

    def start(self):
        """When all are there."""
        watched, self.alive = os.pipe()
        self.carrier = multiprocessing.get_context("fork").Process(target=self.carry, args=(watched,), daemon=True)
        self.carrier.start()
        os.close(watched)

    def carry(self, watched):
        os.close(self.alive)
        Carrier(self, watched).run()

    def stop(self):
        if self.carrier:
            os.close(self.alive)
            self.carrier.join()

    def lost(self):
        return self.counts[LOST]

    def __str__(self):
        return "%d packets between servers, of which %d were lost and %d overtook others" % tuple(self.counts)
