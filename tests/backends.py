"""Anser behind each of its back ends, in a network namespace, and clients in another joined to it.

    with backends.opened("dpdk-tap", zones) as server:
        with server.net.client.inside():
            ...                              # sockets made here are a client's

A kind is a back end and the link it is asked over. Where frames pass by the kernel of the server's
side, the addresses are those of the exception interface, and are given to it after the data plane
has made it, as an operator does.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess

from checks import PATIENCE, Failure, Planes, Skipped, check, end_process, until

SERVER4, CLIENT4 = "10.77.0.1", "10.77.0.2"
SERVER6, CLIENT6 = "fd00:77::1", "fd00:77::2"
EAL = "--no-huge -m 256 --no-pci"

CONFIG = """server:
  listen: [%(listen)s]
  workers: %(workers)d
  id: back-ends
  nsid: back-ends
%(io)s
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: %(supervise)s
zones:
%(zones)s
"""


# ---- namespaces ----

def ip(*arguments, must=True):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    check(done.returncode == 0 or not must, "ip %s: %s" % (" ".join(arguments), done.stderr))
    return done


class Namespace:
    serial = 0

    def __init__(self, letter):
        Namespace.serial += 1
        self.name = "anser-%s-%d-%d" % (letter, os.getpid(), Namespace.serial)
        if ip("netns", "add", self.name, must=False).returncode != 0:
            raise Skipped("network namespaces are not permitted")
        # Before there is an interface, so that it holds for all.
        self.set("ipv6/conf/default/accept_dad", 0)
        self.set("ipv6/conf/default/router_solicitations", 0)
        self.ip("link", "set", "lo", "up")

    def within(self, *command):
        return ["ip", "netns", "exec", self.name, *command]

    def ip(self, *arguments, must=True):
        return ip("-n", self.name, *arguments, must=must)

    def run(self, *command, must=True):
        done = subprocess.run(self.within(*command), capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        check(done.returncode == 0 or not must,
              "%s: %s%s" % (" ".join(command), done.stdout, done.stderr))
        return done

    def set(self, name, value):
        with self.inside(), open("/proc/sys/net/" + name, "w") as file:
            file.write(str(value))

    @contextlib.contextmanager
    def inside(self):
        """What this thread opens in here stays there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, open("/run/netns/" + self.name) as there:
            check(libc.setns(there.fileno(), 0) == 0, "setns")
            try:
                yield
            finally:
                check(libc.setns(home.fileno(), 0) == 0, "setns")

    def socket(self, *arguments):
        with self.inside():
            return socket.socket(*arguments)

    def has(self, device):
        return self.ip("link", "show", device, must=False).returncode == 0

    def mac(self, device):
        link = json.loads(self.ip("-j", "link", "show", device).stdout)[0]
        return bytes.fromhex(link["address"].replace(":", ""))

    def program(self, device):
        """The XDP program on an interface, or None."""
        link = json.loads(self.ip("-j", "link", "show", device).stdout)[0]
        return link.get("xdp", {}).get("prog")

    def give(self, device, *addresses):
        """Addresses to an interface, as an operator does."""
        for address in addresses:
            family = ["nodad"] if ":" in address else []
            self.ip("addr", "add", address + ("/64" if family else "/24"), "dev", device, *family)
        self.ip("link", "set", device, "up")

    def delete(self):
        ip("netns", "del", self.name, must=False)


class Net:
    def __init__(self):
        self.server = Namespace("server")
        try:
            self.client = Namespace("client")
        except BaseException:
            self.server.delete()
            raise

    def close(self):
        self.client.delete()
        self.server.delete()


# ---- kinds ----

class Kind:
    """service: the interface of the server's side that has the addresses; device: the client's."""
    io = "dpdk"
    is_veth = True
    service = "anser0"
    device = "cli0"
    queues = 1

    def __init__(self, net, directory, number=0):
        """number: of several servers in a pair of namespaces."""
        self.net, self.directory, self.number = net, directory, number
        self.processes = []

    @property
    def far(self):
        return "srv%d" % self.number

    def settings(self):
        """Lines of the configuration."""
        return ('  io: dpdk\ndpdk:\n  eal: "%s --vdev=%s"\n  idle: sleep\n  exception: tap'
                % (EAL, self.vdev()))

    def vdev(self):
        raise NotImplementedError

    def before(self):
        """What has to be there when the data plane starts."""
        if self.io == "dpdk" and not os.path.exists("/dev/net/tun"):
            raise Skipped("there is no /dev/net/tun")
        if "xdp" in self.name:
            needs_af_xdp()
        if self.is_veth:
            self.make_veth()

    def make_veth(self):
        server, client = self.net.server, self.net.client
        queues = ["numrxqueues", str(self.queues), "numtxqueues", str(self.queues)]
        server.ip("link", "add", self.far, *queues, "type", "veth", "peer", "name", self.device,
                  *queues, "netns", client.name)
        for side, device in [(server, self.far), (client, self.device)]:
            # Sums that are left for a card to compute would look wrong to whoever sees frames.
            side.run("ethtool", "-K", device, "tx", "off")
            side.run("ethtool", "-K", device, "txvlan", "off", must=False)
        if self.io == "dpdk":
            # The kernel sees the frames of this interface as well, but the addresses are another
            # one's: no answer by this one to ARP, nor to packets whose way back is not this one.
            for name in ("ipv4/conf/%s/rp_filter", "ipv4/conf/%s/arp_ignore",
                         "ipv6/conf/%s/disable_ipv6"):
                server.set(name % self.far, 1)
            server.ip("link", "set", self.far, "up")
        else:
            server.give(self.far, SERVER4, SERVER6)
        client.give(self.device, CLIENT4, CLIENT6)

    def after(self):
        """What is done once the data plane is there."""
        if self.io == "dpdk":
            until("anser0 is there", lambda: self.net.server.has("anser0"))
            self.net.server.give("anser0", SERVER4, SERVER6)

    def close(self):
        """When the server has ended; what has nothing to lose is killed."""
        for process in self.processes:
            process.kill()
            process.wait()


class Udp(Kind):
    name = "udp"
    io = "udp"
    service = "srv0"

    def settings(self):
        return "  io: udp"


class AfPacket(Kind):
    name = "dpdk-af_packet"

    def vdev(self):
        return "net_af_packet%d,iface=%s" % (self.number, self.far)


class AfXdp(Kind):
    name = "dpdk-af_xdp"

    def vdev(self):
        return "net_af_xdp%d,iface=%s" % (self.number, self.far)


class Tap(Kind):
    """The other end of a net_tap port is an interface, which moves to the client."""
    name = "dpdk-tap"
    is_veth = False
    device = "dtap0"

    def vdev(self):
        return "net_tap0,iface=dtap0"

    def after(self):
        until("dtap0 is there", lambda: self.net.server.has("dtap0"))
        client = self.net.client
        self.net.server.ip("link", "set", "dtap0", "netns", client.name)
        # It comes with the port's own address, which is the server's.
        client.ip("link", "set", "dtap0", "address", "02:00:00:77:00:02")
        client.give("dtap0", CLIENT4, CLIENT6)
        super().after()


class Memif(Kind):
    """The client's side is testpmd between memif and an interface."""
    name = "dpdk-memif"
    is_veth = False

    def before(self):
        if not shutil.which("dpdk-testpmd"):
            raise Skipped("dpdk-testpmd is not installed")
        super().before()

    def socket(self):
        return os.path.join(self.directory, "memif.sock")

    def vdev(self):
        return "net_memif0,role=server,socket=%s,socket-abstract=no" % self.socket()

    def after(self):
        until("the memif socket is there", lambda: os.path.exists(self.socket()))
        log = open(os.path.join(self.directory, "testpmd.log"), "w")
        # It ends when its input does; the niceness leaves processor time to the server.
        self.processes.append(subprocess.Popen(
            self.net.client.within(
                "nice", "dpdk-testpmd", "--no-huge", "--no-shconf", "--no-telemetry", "-m", "128",
                "--no-pci", "--lcores", "0,1",
                "--vdev=net_memif0,role=client,socket=%s,socket-abstract=no" % self.socket(),
                "--vdev=net_tap0,iface=cli0",
                "--", "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=4096",
                "--no-flush-rx", "--stats-period=3600"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT))
        log.close()
        until("testpmd has made cli0", lambda: self.net.client.has("cli0"))
        self.net.client.give("cli0", CLIENT4, CLIENT6)
        super().after()


class Xdp(Kind):
    name = "xdp"
    io = "xdp"
    service = "srv0"

    def settings(self):
        return "  io: xdp\nxdp:\n  interfaces: [%s]" % self.far


KINDS = {kind.name: kind for kind in (Udp, AfPacket, AfXdp, Tap, Memif, Xdp)}


# ---- the programs ----

def needs():
    """Raises Skipped where nothing of this can be done."""
    if os.geteuid() != 0:
        raise Skipped("only root can make network namespaces")
    for program in ("ip", "ethtool"):
        if not shutil.which(program):
            raise Skipped("%s is not installed" % program)
    if not os.access(os.path.join(binaries(), "anser-control"), os.X_OK):
        raise Skipped("no anser-control (ANSER_BIN_DIR)")


def needs_af_xdp():
    try:
        socket.socket(44, socket.SOCK_RAW).close()     # AF_XDP
    except OSError as error:
        raise Skipped("AF_XDP: %s" % error) from None


def binaries():
    return os.environ.get("ANSER_BIN_DIR", "")


class Server(Planes):
    """A control plane and a data plane. kind: a name of KINDS, or a class like those. zones:
    (origin, path)."""

    def __init__(self, kind, zones, workers=1, supervise=False, settings=None,
                 listen=(SERVER4, SERVER6)):
        """settings: in place of the kind's lines of the configuration."""
        super().__init__("anser-back-end", binaries())
        self.net = Net()
        self.kind = (KINDS[kind] if isinstance(kind, str) else kind)(self.net, self.dir)
        self.control = self.dataplane = None
        self.supervise = supervise
        text = CONFIG % {
            "listen": ", ".join('"%s@53"' % a for a in listen), "workers": workers,
            "io": settings or self.kind.settings(), "supervise": "yes" if supervise else "no",
            "zones": "\n".join('  - { name: "%s", file: "%s" }' % z for z in zones)}
        with open(self.path("anser.yaml"), "w", encoding="latin-1") as file:
            file.write(text)

    def __exit__(self, kind, *_):
        self.stop()
        self.kind.close()
        self.net.close()
        super().__exit__(None if kind and issubclass(kind, Skipped) else kind)

    def spawn(self, *command, **environment):
        return super().spawn(*self.net.server.within(*command), XDG_RUNTIME_DIR=self.dir, **environment)

    def start(self):
        self.kind.before()
        self.start_control()
        if self.supervise:
            until("a data plane is attached", self.attached)
        else:
            self.start_dataplane()
        self.kind.after()
        self.await_answers()

    def start_control(self):
        self.control = self.run_control()
        until("anser-control runs", self.status)

    def start_dataplane(self):
        self.dataplane = self.run_plane()
        until("the data plane is attached", self.attached)

    def refused(self):
        """Starts what cannot start, and gives the exit status and what it says: of the data plane,
        or of the control plane where that sees it already."""
        self.control = self.run_control()
        until("anser-control runs or ends",
              lambda: self.control.poll() is not None or self.ctl("status"))
        if self.control.poll() is not None:
            return self.control.returncode, self.log()
        begin = len(self.log())
        process = self.run_plane()
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure("it was not refused: " + self.log()[begin:]) from None
        return status, self.log()[begin:]

    def attached(self):
        """The attachments of data planes that have said what back end they run."""
        if "built without it" in self.log():
            raise Skipped("the data plane is built without " + self.kind.io)
        if self.dataplane and self.dataplane.poll() is not None:
            if "EAL: failed to parse device" in self.log():
                raise Skipped("DPDK lacks the driver of " + self.kind.name)
            raise Failure("the data plane has ended: " + self.log()[-2000:])
        return [a for a in (self.status() or {}).get("attachments", [])
                if a["io"] == self.kind.io]

    def await_answers(self):
        """A CHAOS query: it needs no zone. Whoever takes neither address for long is broken."""
        wire = struct.pack("!6H", 4711, 0, 1, 0, 0, 0) + b"\2id\6server\0\0\x10\0\3"
        for address in (SERVER4, SERVER6):
            until("an answer from " + address, lambda a=address: self.asks(a, wire))
        until("the zones are loaded", lambda: (self.status() or {}).get("state") == "ok")

    def asks(self, address, wire):
        with self.client(address) as sock:
            sock.settimeout(0.3)
            with contextlib.suppress(OSError):
                sock.send(wire)
                return sock.recv(65535)
        return None

    def client(self, address, port=53):
        """A client's UDP socket."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self.net.client.socket(family, socket.SOCK_DGRAM)
        try:
            sock.connect((address, port))
        except OSError:
            sock.close()
            raise
        return sock

    def ctl(self, *words):
        """The result of a command that is done, or None."""
        done = self.anserctl("--json", *words)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def status(self):
        check(self.control.poll() is None, "anser-control has ended: " + self.log()[-2000:])
        return self.ctl("status")

    def counters(self):
        """Those of the data plane."""
        attachments = (self.ctl("stats") or {}).get("attachments", [])
        check(attachments, "no data plane is attached: " + self.log()[-2000:])
        return attachments[0]["counters"]

    def stop_dataplane(self):
        """Gives its exit status."""
        status = end_process(self.dataplane, patience=PATIENCE)
        self.dataplane = None
        return status

    def stop(self):
        for process in (self.dataplane, self.control):
            if process:
                end_process(process, patience=PATIENCE)
        self.dataplane = self.control = None


@contextlib.contextmanager
def opened(kind, zones, **options):
    """A server that answers."""
    with Server(kind, zones, **options) as server:
        server.start()
        yield server
