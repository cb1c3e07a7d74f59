"""What the bar of signing in bulk is made of: all of a zone signed in memory with P-256, beside what OpenSSL's own
benchmark makes of as many processes, and the whole commands of others.

    perf/signing.py [NAMES]     the figures
"""
import os
import re
import shutil
import sys
import tempfile
import time

import data
import servers
from servers import Failed

ALGORITHM = 13
IN_A_SECOND = 15000     # names whose signatures take a processor about so long
KNOT = """server:
  rundir: {dir}
database:
  storage: {dir}
policy:
  - id: one
    algorithm: ecdsap256sha256
    single-type-signing: on
    signing-threads: {threads}
template:
  - id: default
    storage: {dir}
    dnssec-signing: on
    dnssec-policy: one
    file: {zone}
zone:
  - domain: {origin}
"""


def processors():
    return servers.BOTH_CPUS.count(",") + 1


def openssl(seconds):
    """Signatures a second, of one process for each processor, by the clock on the wall as ours are."""
    text = servers.run_tool(["openssl", "speed", "-elapsed", "-seconds", str(seconds), "-multi", str(processors()),
                             "ecdsap256"], timeout=600)
    found = re.search(r"nistp256\)\s+\S+\s+\S+\s+([\d.]+)", text)
    if not found:
        raise Failed("openssl speed says something else")
    return float(found[1])


def ours(names, path=None):
    """What bench_sign says of itself."""
    return servers.records(servers.run_tool(
        [servers.tool("bench_sign"), str(names), str(ALGORITHM), str(processors())] +
        ([path] if path else []), timeout=1800))[0]


def timed(command):
    began = time.monotonic()
    servers.run_tool(command, timeout=1800)
    return time.monotonic() - began


def by_knot(zone, directory):
    """Signs a zone file by kzonesign. Gives the file with what came out, and the seconds that it took."""
    conf = os.path.join(directory, "conf")
    with open(conf, "w") as f:
        f.write(KNOT.format(dir=directory, threads=processors(), zone=zone, origin=data.ORIGIN))
    took = timed(["kzonesign", "-c", conf, "-o", directory, data.ORIGIN])
    return os.path.join(directory, os.path.basename(zone)), took


def whole_commands(names):
    """{program: seconds from a zone file to a signed one}."""
    zone = data.hosts(names)
    took = {}
    with tempfile.TemporaryDirectory(dir=servers.WORK) as directory:
        signed = os.path.join(directory, "signed")
        took["anser"] = timed([servers.tool("bench_sign"), str(names), str(ALGORITHM),
                               str(processors()), signed])
        servers.run_tool(["ldns-verify-zone", signed], timeout=1800)
        if shutil.which("kzonesign"):
            _, took["kzonesign"] = by_knot(zone, directory)
        if shutil.which("ldns-signzone"):
            key = servers.run_tool(["sh", "-c", f"cd {directory} && ldns-keygen -k -a {ALGORITHM} {data.ORIGIN}"])
            took["ldns-signzone"] = timed(["ldns-signzone", "-o", data.ORIGIN, "-f", signed, zone,
                                           os.path.join(directory, key.split()[-1])])
    return took


def bulk(names, rounds, seconds):
    """Ours as a part of OpenSSL's, which take turns, and what it is made of. Both sign for about as long: of two that
    are disturbed now and then the one with longer turns would look the worse."""
    best = {"signatures_per_second": 0}
    reference = 0
    in_turn = int(IN_A_SECOND * processors() * seconds)
    for _ in range(rounds):
        reference = max(reference, openssl(seconds))
        best = max(best, ours(in_turn), key=lambda r: r["signatures_per_second"])
    took = whole_commands(names)
    return best["signatures_per_second"] / reference, (
        f"{best['signatures_per_second']:.0f} signatures/s with P-256, each {best['processor_us']:.1f} us of a processor, "
        f"openssl speed {reference:.0f}, {processors()} processors; {names} names from nothing or text to signed text: " +
        ", ".join(f"{program} {seconds:.1f} s" for program, seconds in took.items()))


def main():
    names = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    try:
        value, text = bulk(names, 10, 1)
    except Failed as e:
        sys.exit(str(e))
    print(f"sign-bulk {value:.2f} ({text})")


if __name__ == "__main__":
    main()
