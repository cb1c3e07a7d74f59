"""What the bars of zones that the server signs are made of: changes in them."""
import os
import socket
import struct
import time

import changes
import servers
import wire
from servers import Failed

TYPE_OPT, TYPE_RRSIG = 41, 46
SMALL = 1000  # hosts of the zone that a large one is compared with
VALIDATED = 5  # of the changed names, by delv


def with_do(owner, rrtype):
    opt = b"\0" + struct.pack("!HHIH", TYPE_OPT, 4096, 0x8000, 0)
    return wire.header(4711, 0, 1, 0, 0, 1) + wire.question(owner, rrtype) + opt


def is_signed(server, owner, rrtype):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        s.connect(("127.0.0.1", server.port))
        try:
            s.send(with_do(owner, rrtype))
            return struct.pack("!2H", TYPE_RRSIG, wire.CLASS_IN) in s.recv(4096)
        except OSError:
            return False


class Signed(changes.Live):
    """Signs its zones, by a policy whose numbers are lines of the configuration."""
    policy = []

    def config(self):
        return super().config() + "\n".join(
            ["dnssec-policies:", "  - name: perf", *(f"    {line}" for line in self.policy)]) + "\n"

    def contents(self):
        return ["zones:"] + [line for origin, path in self.zones for line in (
            f"  - name: {origin}", f"    file: {path}", "    dnssec: perf")]

    def wait_until_ready(self):
        deadline = time.monotonic() + changes.PATIENCE
        self.wait_until_loaded()
        while not is_signed(self, self.zones[-1][0], wire.TYPE_SOA):
            if time.monotonic() > deadline:
                raise Failed(f"not signed after {changes.PATIENCE} s: {self.log()}")
            time.sleep(0.1)

    def validate(self, names):
        """By BIND, from the zone's own keys."""
        anchors = os.path.join(self.dir, "anchors")
        origin = self.zones[0][0]
        at = ["@127.0.0.1", "-p", str(self.port)]
        with open(anchors, "w") as f:
            f.write("trust-anchors {\n")
            for line in servers.run_tool(["dig", *at, "+short", origin, "DNSKEY"], 60).splitlines():
                flags, protocol, algorithm, *key = line.split()
                f.write(f'"{origin}" static-key {flags} {protocol} {algorithm} "{"".join(key)}";\n')
            f.write("};\n")
        for name in names:
            said = servers.run_tool(["delv", *at, "-a", anchors, f"+root={origin}", name, "A"], 60)
            if "fully validated" not in said:
                raise Failed(f"{name} is bogus: {said[-500:]}")


# ---- one change ----

class Changed(changes.Changed):
    """In a zone that is signed here. Some of the changed names are validated in the end."""
    kind = Signed

    def end(self):
        self.server.validate(self.changed[-VALIDATED:])
