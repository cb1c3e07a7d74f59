"""Zones and query files, made once and kept in the work directory (ANSER_PERF_WORK)."""
import os
import tempfile

from servers import WORK, run_tool, tool

ORIGIN = "example.com."
TLD = "tld-example."
QUERIES = 1000000


def made(path, make):
    """Calls make with a temporary path, and keeps the result under path when it succeeds."""
    if not os.path.exists(path):
        os.makedirs(WORK, exist_ok=True)
        temporary = f"{path}.{os.getpid()}.new"
        make(temporary)
        os.rename(temporary, path)
    return path


def hosts(names):
    return made(f"{WORK}/hosts-{names}.zone",
                lambda path: run_tool([tool("zonegen"), "hosts", ORIGIN, str(names), path]))


def tld(names):
    return made(f"{WORK}/tld-{names}.zone",
                lambda path: run_tool([tool("zonegen"), "tld", TLD, str(names), path]))


def zones(count, names):
    """A directory of count zones with names hosts each: (origin, file) pairs."""
    directory = made(f"{WORK}/zones-{count}-{names}",
                     lambda path: run_tool([tool("zonegen"), "zones", "test.", str(count),
                                            str(names), path]))
    return [(f"z{i:07d}.test.", f"{directory}/z{i:07d}.test.zone") for i in range(count)]


def sign(source, target, nsec3):
    """One ECDSA P-256 key for all; NSEC3 as RFC 9276 asks: no iterations, no salt."""
    with tempfile.TemporaryDirectory(dir=WORK) as keys:
        run_tool(["dnssec-keygen", "-q", "-K", keys, "-a", "ECDSAP256SHA256", "-f", "KSK", ORIGIN])
        denial = ["-3", "-", "-H", "0"] if nsec3 else []
        run_tool(["dnssec-signzone", "-q", "-S", "-z", "-K", keys, "-d", keys, "-o", ORIGIN, "-O",
                  "full", "-e", "20500101000000", "-s", "20240101000000", "-f", target] + denial +
                 [source])


def signed(names, nsec3):
    kind = "nsec3" if nsec3 else "nsec"
    return made(f"{WORK}/hosts-{names}-{kind}.zone",
                lambda path: sign(hosts(names), path, nsec3))


def queries(kind, names, count=0, origin=ORIGIN, dnssec_ok=False):
    """Base path of a query file: .txt for dnsperf, .bin for memio."""
    suffix = "+do" if dnssec_ok else ""
    base = f"{WORK}/{kind}{suffix}-{origin}{count}-{names}"
    if not (os.path.exists(base + ".txt") and os.path.exists(base + ".bin")):
        os.makedirs(WORK, exist_ok=True)
        run_tool([tool("zonegen"), "queries", kind + suffix, origin, str(count), str(names),
                  str(QUERIES), base + ".new"])
        os.rename(base + ".new.txt", base + ".txt")
        os.rename(base + ".new.bin", base + ".bin")
    return base


# What the measurements are made of: zones, queries, and what an answer to them must look like.
def mix(name, names):
    """Gives (zones, base path of queries, DO, rcode, least average bytes of an answer)."""
    if name == "positive":
        return [(ORIGIN, hosts(names))], queries("positive", names), False, "noerror", 60
    if name == "hot":
        return [(ORIGIN, hosts(names))], queries("hot", names), False, "noerror", 60
    if name == "nxdomain":
        return [(ORIGIN, hosts(names))], queries("nxdomain", names), False, "nxdomain", 90
    if name == "random":
        return [(ORIGIN, hosts(names))], queries("random", names), False, "nxdomain", 110
    if name == "referral":
        return ([(TLD, tld(names))], queries("referral", names, origin=TLD), False, "noerror", 100)
    if name == "nxdomain-nsec":
        return ([(ORIGIN, signed(names, False))],
                queries("nxdomain", names, dnssec_ok=True), True, "nxdomain", 400)
    if name == "nxdomain-nsec3":
        return ([(ORIGIN, signed(names, True))],
                queries("nxdomain", names, dnssec_ok=True), True, "nxdomain", 500)
    raise ValueError(name)


MIXES = ["positive", "hot", "nxdomain", "random", "referral", "nxdomain-nsec", "nxdomain-nsec3"]
