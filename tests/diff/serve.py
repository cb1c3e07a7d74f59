#!/usr/bin/python3
"""Serves signed test zones until its standard input closes, for scripts that drive clients.

Prints shell assignments: PORT, DIR (with a trust anchor file for each signed zone, ZONEanchor),
PIDS (of the server and its children). --peer starts another server in Anser's place.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import peers
import zones


def write_anchors(builder, directory):
    """A file for delv and one for unbound for every signed zone."""
    for zone in builder.zones:
        if zone.variant == zones.PLAIN:
            continue
        for name in sorted(os.listdir(builder.directory)):
            if not (name.startswith("K%s+" % zone.origin) and name.endswith(".key")):
                continue
            with open(os.path.join(builder.directory, name)) as file:
                record = [line for line in file if not line.startswith(";")][0].split()
            flags = record.index("DNSKEY") + 1
            if record[flags] == "257":
                write_anchor(directory, zone.origin, record, flags)


def write_anchor(directory, origin, record, flags):
    key = "".join(record[flags + 3 :])
    with open(os.path.join(directory, origin + "anchor"), "w") as file:
        file.write('trust-anchors { "%s" static-key 257 3 %s "%s"; };\n' % (
            origin, record[flags + 2], key))
    with open(os.path.join(directory, origin + "ds"), "w") as file:
        file.write(" ".join([origin, "IN", "DNSKEY"] + record[flags:]) + "\n")


def children(pid):
    """The process and its descendants, ended ones left out."""
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    found = [pid]
    for child in out.stdout.split():
        found += children(int(child))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["knot", "nsd", "named"])
    parser.add_argument("--binaries", default=os.environ.get("ANSER_BIN_DIR", ""))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    directory = tempfile.mkdtemp(prefix="anser-clients-")
    kinds = {"knot": peers.Knot, "nsd": peers.Nsd, "named": peers.Bind}
    server = None
    try:
        builder = zones.Builder(os.path.join(directory, "zones"))
        for variant in zones.VARIANTS:
            builder.add_family(variant)
        write_anchors(builder, directory)
        server = (kinds[options.peer](directory) if options.peer
                  else peers.Anser(directory, options.binaries))
        peers.start_all([server], builder.zones)
        pids = " ".join(str(pid) for pid in children(server.process.pid))
        print("PORT=%d DIR=%s PIDS='%s'" % (server.port, directory, pids), flush=True)
        sys.stdin.read()
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
