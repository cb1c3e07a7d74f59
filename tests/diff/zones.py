"""The zones that every server is asked about.

Each zone is written once as unsigned text and then signed in the ways that differ on the wire.
Content depends on the seed only; signatures do not repeat (ECDSA is randomised), which is why
every server loads the very same signed files.
"""

import gzip
import os
import random
import re
import subprocess

import message

EXPIRY = "20371231000000"
INCEPTION = "20200101000000"

# How a zone is signed: (name, tool, denial).
PLAIN, NSEC, NSEC3, NSEC3_SALT, OPTOUT, OPTOUT_LDNS = (
    "plain", "nsec", "nsec3", "nsec3salt", "optout", "optoutldns",
)
VARIANTS = (PLAIN, NSEC, NSEC3, NSEC3_SALT, OPTOUT, OPTOUT_LDNS)

LONG_LABEL = "l" * 63


class Zone:
    """One zone: where it is, how it is signed, the records that went in."""

    def __init__(self, origin, variant, path):
        self.origin = origin
        self.variant = variant
        self.path = path
        self.records = []  # (owner wire, type) of the unsigned text

    @property
    def wire(self):
        return message.name_wire(self.origin)


def long_name(origin, size=255):
    """A name of exactly so many octets in wire form that ends in origin."""
    left = size - len(message.name_wire(origin))
    labels = []
    while left > 0:
        take = min(left, 64)
        if left - take == 1:
            take -= 1
        labels.append(chr(ord("a") + len(labels)) * (take - 1))
        left -= take
    return ".".join(labels)


def deep_name(origin, size=255):
    """A name of one-octet labels, as deep as fits."""
    left = size - len(message.name_wire(origin))
    return ".".join(["d"] * (left // 2))


BASIC = r"""
@ SOA ns1 Host.Master 2024010101 7200 3600 1209600 300
@ NS ns1
@ NS ns2
@ NS ns.elsewhere.invalid.
@ MX 10 mail
@ MX 20 mail.elsewhere.invalid.
@ TXT "v=spf1 -all"
@ A 192.0.2.1
@ AAAA 2001:db8::1
@ CAA 0 issue "ca.invalid"
ns1 A 192.0.2.11
ns1 AAAA 2001:db8::11
ns2 A 192.0.2.12
mail A 192.0.2.13
mail AAAA 2001:db8::13
www A 192.0.2.80
www AAAA 2001:db8::80
"""

EVERY_TYPE = r"""
all A 192.0.2.2
all A 192.0.2.3
all AAAA 2001:db8::2
all MX 10 mail
all MX 0 .
all TXT "one" "two" ""
all SRV 0 5 5060 www
all SRV 0 0 0 .
all CAA 0 iodef "mailto:a@b.invalid"
all NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b.invalid!" .
all NAPTR 100 20 "s" "SIP+D2U" "" _sip._udp
all PTR Www
all HINFO "PDP-11" "UNIX"
all RP host.master txt.www
all AFSDB 1 www
all RT 10 www
all KX 10 mail
all LOC 51 30 12.748 N 0 7 39.612 W 0.00m 1m 10000m 10m
all SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
all TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
all SMIMEA 3 0 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
all URI 10 1 "https://www.invalid/path"
all SVCB 1 www alpn=h2 port=8443
all SVCB 0 Mail
all HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.80
all TYPE65280 \# 4 0a000001
all TYPE65281 \# 0
all CERT 1 0 0 AQIDBA==
all APL 1:192.168.32.0/21 !1:192.168.38.0/28
all DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
all EUI48 00-00-5e-00-53-2a
all EUI64 00-00-5e-ef-10-00-00-2a
all OPENPGPKEY AQIDBA==
all NID 10 1014:4fff:ff20:ee64
all L32 10 10.1.2.0
all L64 10 2001:1db8:1140:1000
all LP 10 www
all SPF "v=spf1"
all IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
srvonly SRV 0 0 53 ns1
srvonly SRV 0 1 53 www.insecure
mxonly MX 5 www.insecure
mxonly MX 6 foo.wild
mxonly MX 7 chain1
svconly SVCB 1 svctarget
svconly SVCB 2 svcalias
svctarget A 192.0.2.90
svctarget SVCB 1 www
svcalias SVCB 0 www
httpself HTTPS 1 . port=8443
httpself A 192.0.2.91
onlytxt TXT "x"
ttl0 0 A 192.0.2.4
ttlmax 2147483647 A 192.0.2.5
lowttl 30 TXT "low"
"""

TREE = r"""
leaf.b.ent A 192.0.2.6
x.y.z.deep.deeper TXT "deep"
_sip._tcp SRV 0 0 5060 www
_443._tcp.www TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
under.www A 192.0.2.7
MiXeD.CaSe A 192.0.2.8
MiXeD.CaSe MX 1 MiXeD.CaSe
*.wild A 192.0.2.20
*.wild TXT "wild"
*.wild MX 10 mail
existing.wild TXT "exists"
x.ent.wild A 192.0.2.21
deleg.wild NS ns.deleg.wild
ns.deleg.wild A 192.0.2.22
!bang.wild A 192.0.2.23
#hash.wild A 192.0.2.24
\(paren.wild A 192.0.2.25
\032space.wild A 192.0.2.26
\000nul.wild A 192.0.2.27
*.*.ww A 192.0.2.28
*.ww TXT "one star"
sub.*.wsub A 192.0.2.29
*.wonly A 192.0.2.30
*.a.wnest A 192.0.2.31
*.wnest A 192.0.2.32
b.a.wnest TXT "b"
*.wcname CNAME www
*.wcnamewild CNAME x.wild
*.wcnameself CNAME y.wcnameself
*.wcnamenx CNAME nope
*.wcnameout CNAME www.elsewhere.invalid.
*.wcnamedel CNAME www.insecure
*.wcnamechain CNAME chain3
*.wmx MX 5 mail
*.wmx MX 6 x.wild
*.wsrv SRV 0 0 1 x.wild
*.wdeep.wdeeper.wdeepest A 192.0.2.33
star* A 192.0.2.34
*star A 192.0.2.35
*.txtonly TXT "t"
"""

CUTS = r"""
insecure NS ns.insecure
ns.insecure A 192.0.2.40
below.insecure A 192.0.2.41
insecure NS ns1.insecure
ns1.insecure AAAA 2001:db8::40
a.ns2.insecure A 192.0.2.42
secure NS ns.secure
secure DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
secure DS 12346 13 4 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766e2d3c916f6deeac73294e8268fb58850
ns.secure A 192.0.2.43
ns.secure AAAA 2001:db8::43
glueself NS glueself
glueself A 192.0.2.44
glueself AAAA 2001:db8::44
sib1 NS ns.sib2
sib2 NS ns.sib1
sib2 NS ns.sib2
ns.sib1 A 192.0.2.45
ns.sib2 A 192.0.2.46
ns.sib2 AAAA 2001:db8::46
outside NS ns.elsewhere.invalid.
outside NS ns.other.invalid.
inzone NS ns1
inzone NS ns2
inzone NS wild.wild
deleg.ent2.ent1 NS ns.deleg.ent2.ent1
ns.deleg.ent2.ent1 A 192.0.2.47
sdeleg.ent4.ent3 NS ns.elsewhere.invalid.
sdeleg.ent4.ent3 DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
idel.mixent NS ns.elsewhere.invalid.
host.mixent A 192.0.2.48
noglue NS ns.noglue
mixed NS ns.mixed
mixed NS ns.elsewhere.invalid.
mixed NS ns1
ns.mixed A 192.0.2.49
CaseCut NS NS.CaseCut
NS.CaseCut A 192.0.2.50
deepglue NS a.b.c.deepglue
a.b.c.deepglue A 192.0.2.51
cnamens NS chain1
"""

ALIASES = r"""
chain1 CNAME www
chain2 CNAME chain1
chain3 CNAME chain2
chain4 CNAME chain3
chain5 CNAME chain4
chain6 CNAME chain5
chain7 CNAME chain6
chain8 CNAME chain7
chain9 CNAME chain8
chain10 CNAME chain9
loop1 CNAME loop2
loop2 CNAME loop3
loop3 CNAME loop1
selfloop CNAME selfloop
intoloop CNAME loop1
cout CNAME www.elsewhere.invalid.
coutchain CNAME cout
cnx CNAME nope
cnxdeep CNAME a.b.nope
cnxchain CNAME cnx
cbelowhost CNAME nope.www
cdel CNAME foo.insecure
cdelat CNAME insecure
csec CNAME foo.secure
csecat CNAME secure
cglue CNAME ns.insecure
cwild CNAME foo.wild
cwildstar CNAME *.wild
cwildexists CNAME existing.wild
cwildent CNAME ent.wild
cwildcname CNAME foo.wcname
cent CNAME ent
cdname CNAME foo.dn
cdnamelong CNAME foo.dnlong
capex CNAME @
cchild CNAME www.hosted
cother CNAME www.plain.test.
CMixed CNAME MiXeD.CaSe
cdeepdn CNAME a.b.d.e.dn2
ctxt CNAME onlytxt
dn DNAME target
x.target A 192.0.2.60
a.b.target A 192.0.2.61
foo.target CNAME www
*.w.target A 192.0.2.62
d.target DNAME wild
dnout DNAME elsewhere.invalid.
dnchain DNAME dn
dnchain2 DNAME dnchain
dnloop1 DNAME dnloop2
dnloop2 DNAME dnloop1
dngrow DNAME x.dngrow
dnself DNAME dnself
dnwild DNAME wild
dnnx DNAME nope
dndel DNAME insecure
dnsec DNAME secure
dnwith DNAME target
dnwith A 192.0.2.63
dnwith TXT "beside a DNAME"
dnapex DNAME @
dncname DNAME chaintarget
a.chaintarget CNAME a.dn
x.chaintarget CNAME x.dn
d.e.dn2 DNAME target
dnchild DNAME hosted
dnother DNAME plain.test.
DnCase DNAME MiXeD.CaSe
"""

ESCAPES = r"""
dot\.in.esc A 192.0.2.70
\000zero.esc A 192.0.2.71
sp\032ace.esc A 192.0.2.72
quo\"te.esc A 192.0.2.73
semi\;colon.esc A 192.0.2.74
paren\(\).esc A 192.0.2.75
back\\slash.esc A 192.0.2.76
\255\254high.esc A 192.0.2.77
\@.esc A 192.0.2.78
dol\$lar.esc A 192.0.2.79
\000.esc A 192.0.2.80
\000\000.esc A 192.0.2.81
@.esc2 TXT "at"
\192\193.esc CNAME dot\.in.esc
upper\091\096.esc A 192.0.2.82
a\000.nulsort A 192.0.2.83
a.nulsort A 192.0.2.84
a\001.nulsort A 192.0.2.85
\000.a.nulsort A 192.0.2.86
-.nulsort A 192.0.2.87
_.nulsort A 192.0.2.88
~.nulsort A 192.0.2.89
Z.nulsort A 192.0.2.90
123.nulsort A 192.0.2.91
tab\009.nulsort A 192.0.2.92
nl\010.nulsort A 192.0.2.93
"""


def big_sets():
    lines = ["big50 A 198.51.100.%d" % i for i in range(1, 51)]
    lines += ['bigtxt TXT "%02d%s"' % (i, "t" * 198) for i in range(20)]
    lines += ['huge TXT "%03d%s"' % (i, "h" * 247) for i in range(90)]
    lines += ["huge MX %d mx%d.huge" % (i, i) for i in range(20)]
    for i in range(20):
        lines += ["bigmx MX %d mx%d.bigmx" % (i, i), "mx%d.bigmx A 203.0.113.%d" % (i, i)]
        lines += ["mx%d.bigmx AAAA 2001:db8:1::%x" % (i, i)]
    for i in range(1, 14):
        lines += ["bigcut NS ns%02d.bigcut" % i, "ns%02d.bigcut A 203.0.113.%d" % (i, i)]
        lines += ["ns%02d.bigcut AAAA 2001:db8:2::%x" % (i, i)]
    lines += ["bigglue NS ns.bigglue"]
    lines += ["ns.bigglue A 203.0.113.%d" % i for i in range(1, 61)]
    lines += ["bigsib NS ns.bigglue", "bigsib NS ns.bigsib", "ns.bigsib A 203.0.113.99"]
    for i in range(12):
        lines += ["bigns NS a-rather-long-name-server-label-%02d.elsewhere.invalid." % i]
    lines += ["*.bigwild A 198.51.100.%d" % i for i in range(1, 41)]
    lines += ["cbig CNAME big50", "dnbig DNAME bigwild"]
    return lines


def long_names(origin, longest):
    lines = ["%s A 192.0.2.100" % LONG_LABEL, "x.%s A 192.0.2.101" % LONG_LABEL]
    lines.append("%s A 192.0.2.102" % long_name(origin, longest))
    lines.append("%s A 192.0.2.103" % deep_name(origin, longest))
    lines.append("clong CNAME %s" % long_name(origin, longest))
    # A subtree whose DNAME target leaves room for a label of two octets below it.
    lines.append("dnlong DNAME %s" % long_name(origin, 255 - 4))
    lines.append("*.%s A 192.0.2.104" % long_name("w." + origin, 240).replace("a", "w"))
    return lines


def full_zone(origin, longest=255):
    lines = []
    for part in (BASIC, EVERY_TYPE, TREE, CUTS, ALIASES, ESCAPES):
        lines += [line for line in part.splitlines() if line]
    return lines + big_sets() + long_names(origin, longest)


CHILD = r"""
@ SOA ns hostmaster 1 7200 3600 1209600 86400
@ NS ns
@ TXT "child"
ns A 192.0.2.110
ns AAAA 2001:db8::110
www A 192.0.2.111
a.b.c TXT "deep"
*.w A 192.0.2.112
up CNAME www.plain.test.
"""

APEX_WILD = r"""
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.120
* A 192.0.2.121
* MX 10 ns
host TXT "h"
a.b.c A 192.0.2.122
cut NS ns.cut
ns.cut A 192.0.2.123
c CNAME q.w.e.r.t.y
"""

APEX_DNAME = r"""
@ SOA ns.plain.test. hostmaster.plain.test. 1 7200 3600 1209600 3600
@ NS ns1.plain.test.
@ NS ns1.nsec.test.
@ DNAME plain.test.
@ TXT "dname at the apex"
"""

SELF_DNAME_TARGET = r"""
@ SOA ns hostmaster 1 7200 3600 1209600 3600
@ NS ns
@ A 192.0.2.130
ns A 192.0.2.131
"""

# The SOA's own TTL below its minimum, so that it is the one that bounds negative answers.
TINY = r"""
@ 60 SOA . . 1 7200 3600 1209600 86400
@ NS .
"""

REVERSE = r"""
@ SOA ns1.plain.test. hostmaster.plain.test. 1 7200 3600 1209600 300
@ NS ns1.plain.test.
@ NS ns1.nsec.test.
1 PTR www.plain.test.
2 PTR a.invalid.
2 PTR b.invalid.
0/25 NS ns1.plain.test.
129 CNAME 129.0/25
130 CNAME 130.128-255
128-255 NS ns.elsewhere.invalid.
"""

DETACHED = r"""
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.140
www A 192.0.2.141
"""


def random_zone(seed):
    """A small zone over few labels, so that every kind of neighbourhood comes up."""
    rng = random.Random(seed)
    names, cuts, dnames = {}, set(), set()
    labels = ["a", "b", "c", "*", "\\033"]
    for _ in range(rng.randint(6, 16)):
        owner = tuple(rng.choice(labels) for _ in range(rng.randint(1, 4)))
        kind = rng.choice(["A", "A", "TXT", "MX", "CNAME", "CNAME", "NS", "NSDS", "DNAME"])
        if owner in names or (owner[0] == "*" and kind in ("NS", "NSDS", "DNAME")):
            continue
        names[owner] = kind
        if kind in ("NS", "NSDS"):
            cuts.add(owner)
        if kind == "DNAME":
            dnames.add(owner)

    def hidden(owner):
        above = [owner[i:] for i in range(1, len(owner))]
        return any(name in cuts or name in dnames for name in above)

    def target():
        name = ".".join(rng.choice(labels[:4]) for _ in range(rng.randint(1, 4)))
        return rng.choice([name, name, name, name + ".elsewhere.invalid."])

    lines = ["@ SOA ns.a hostmaster 1 7200 3600 1209600 %d" % rng.choice([30, 300, 7200])]
    lines += ["@ NS ns.elsewhere.invalid."]
    for i, owner in enumerate(sorted(o for o in names if not hidden(o))):
        text, kind = ".".join(owner), names[owner]
        if kind in ("NS", "NSDS"):
            lines += ["%s NS ns.%s" % (text, text), "ns.%s A 192.0.2.%d" % (text, i)]
            if rng.random() < 0.5:
                lines += ["%s NS ns.%s" % (text, target())]
        if kind == "NSDS":
            lines += ["%s DS 1 13 2 %s" % (text, "ab" * 32)]
        if kind == "A":
            lines += ["%s A 192.0.2.%d" % (text, i)]
        if kind == "TXT":
            lines += ['%s TXT "%d"' % (text, i)]
        if kind == "MX":
            lines += ["%s MX 1 %s" % (text, target())]
        if kind in ("CNAME", "DNAME"):
            lines += ["%s %s %s" % (text, kind, target())]
    return lines


class Builder:
    """Writes zones into a directory and signs them."""

    def __init__(self, directory, seed=1):
        self.directory = directory
        self.seed = seed
        self.zones = []
        os.makedirs(directory, exist_ok=True)

    def add(self, origin, lines, variant=PLAIN):
        """Writes one zone, signs it by its variant and reads back what is in it."""
        text = "$ORIGIN %s\n$TTL 3600\n" % origin + "\n".join(lines) + "\n"
        base = origin if origin != "." else "root."
        path = os.path.join(self.directory, base + "zone")
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        zone = Zone(origin, variant, path)
        zone.records = parse_owners(text, origin)
        if variant != PLAIN:
            zone.path = self.sign(origin, path, variant)
        neutralise(zone.path)
        self.zones.append(zone)
        return zone

    def add_file(self, origin, path, variant):
        zone = Zone(origin, variant, path)
        with open(path, encoding="latin-1") as file:
            zone.records = parse_owners(file.read(), origin)
        self.zones.append(zone)
        return zone

    def sign(self, origin, path, variant):
        keys = [self.key(origin, flag) for flag in ([], ["-f", "KSK"])]
        signed = path + ".signed"
        if variant == OPTOUT_LDNS:
            command = ["ldns-signzone", "-n", "-p", "-s", "beef", "-t", "3", "-i", INCEPTION,
                       "-e", EXPIRY, "-o", origin, "-f", signed, path] + keys
            run(command, self.directory)
            return signed
        denial = {NSEC: [], NSEC3: ["-3", "-", "-H", "0"], NSEC3_SALT: ["-z", "-3", "aabbccdd", "-H", "5"],
                  OPTOUT: ["-3", "-", "-H", "0", "-A"]}[variant]
        lines = [open(os.path.join(self.directory, key + ".key")).read() for key in keys]
        keyed = path + ".keyed"
        with open(path, encoding="latin-1") as file, open(keyed, "w", encoding="latin-1") as out:
            out.write(file.read() + "".join(lines))
        command = ["dnssec-signzone", "-s", INCEPTION, "-e", EXPIRY, "-O", "full", "-P", "-x",
                   "-o", origin, "-f", signed] + denial + [keyed] + keys
        run(command, self.directory)
        return signed

    def key(self, origin, flags):
        out = run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256"] + flags + [origin],
                  self.directory)
        return out.strip()

    def ds_lines(self, origin, owner):
        """The DS records of a signed zone, as text for its parent."""
        out = []
        for name in sorted(os.listdir(self.directory)):
            if name.startswith("K%s+" % origin) and name.endswith(".key"):
                with open(os.path.join(self.directory, name)) as file:
                    if " 257 " not in file.read():
                        continue
                text = run(["dnssec-dsfromkey", "-2", name], self.directory)
                out.append("%s DS %s" % (owner, text.split(" DS ")[1].strip()))
        return out

    def add_family(self, variant):
        """The full zone of one variant with its children and its companions."""
        origin = variant + ".test."
        self.add("hosted." + origin, CHILD.splitlines(), variant)
        self.add("hostedplain." + origin, CHILD.splitlines(), PLAIN)
        self.add("a.detached." + origin, DETACHED.splitlines(), PLAIN)
        # dnssec-signzone refuses, and NSD 4.6.1 ends on, an NSEC3 zone with a name that leaves
        # no room for the wildcard below it.
        lines = full_zone(origin, 255 if variant in (PLAIN, NSEC) else 253)
        lines += ["hosted NS ns.hosted", "ns.hosted A 192.0.2.110"]
        lines += ["hostedplain NS ns.hostedplain", "ns.hostedplain A 192.0.2.110"]
        lines += self.ds_lines("hosted." + origin, "hosted")
        self.add(origin, lines, variant)
        self.add("tiny-%s.test." % variant, TINY.splitlines(), variant)
        self.add("apexwild-%s.test." % variant, APEX_WILD.splitlines(), variant)
        self.add("apexdname-%s.test." % variant, APEX_DNAME.splitlines(), variant)

    def add_random(self, count):
        for i in range(count):
            variant = VARIANTS[i % len(VARIANTS)]
            lines = random_zone(self.seed * 1000 + i // len(VARIANTS))
            self.add("random%d.%s.rnd." % (i, variant), lines, variant)


def run(command, directory):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("%s: %s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


def parse_owners(text, origin):
    """(owner, type) of every record of a zone text of one record a line, without doubles."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        if not fields or line[0] in "$;":
            continue
        owner = owner_wire(fields[0], origin)
        for field in fields[1:]:
            if not field.isdigit() and field != "IN":
                found[(owner, message.type_number(field))] = None
                break
    return list(found)


# Types whose rdata begins with a name that may hold unusual characters, and what is before it.
NAME_FIRST = re.compile(r"((?:\d+\s+)?(?:IN\s+)?(?:NS|CNAME|DNAME|NSEC|MX\s+\d+)\s+)(\S+)(.*)")


def neutralise(path):
    """Rewrites names so that they hold nothing but letters, digits, - _ * and \\DDD.

    The master file readers of the servers, and the writers of the signers, differ in which other
    characters may stand as they are.
    """
    with open(path, encoding="latin-1") as file:
        lines = file.read().splitlines()
    with open(path, "w", encoding="latin-1") as out:
        for line in lines:
            out.write(neutral_line(line) + "\n")


def neutral_line(line):
    if not line or line[0] in "$;":
        return line
    fields = line.split(None, 1)
    owner = fields[0] if fields[0] == "@" else neutral_name(fields[0])
    rest = fields[1]
    match = NAME_FIRST.match(rest)
    if match and match.group(2) != "@":
        rest = match.group(1) + neutral_name(match.group(2)) + match.group(3)
    return owner + " " + rest


def neutral_name(text):
    if text == ".":
        return text
    labels = []
    for label in message.name_labels(text):
        labels.append("".join(
            chr(octet) if chr(octet).isalnum() and octet < 128 or chr(octet) in "-_*"
            else "\\%03d" % octet for octet in label))
    absolute = text.endswith(".") and not text.endswith("\\.")
    return ".".join(labels) + ("." if absolute else "")


def owner_wire(text, origin):
    if text == "@":
        return message.name_wire(origin)
    labels = message.name_labels(text)
    if not text.endswith("."):
        labels += message.name_labels(origin)
    return message.labels_wire(labels)


def build(directory, seed=1, randoms=24, variants=VARIANTS):
    """Every zone but the root."""
    builder = Builder(directory, seed)
    for variant in variants:
        builder.add_family(variant)
    builder.add("2.0.192.in-addr.arpa.", REVERSE.splitlines(), PLAIN)
    long_apex = long_name("apex.test.", 200) + ".apex.test."
    builder.add(long_apex, SELF_DNAME_TARGET.splitlines(), PLAIN)
    builder.add_random(randoms)
    return builder.zones


def build_root(directory, packed):
    """The root zone as published, with nothing of it removed."""
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "root.zone")
    with gzip.open(packed) as source, open(path, "wb") as out:
        out.write(source.read())
    builder = Builder(directory)
    builder.add_file(".", path, NSEC)
    builder.add("plain.test.", full_zone("plain.test."), PLAIN)
    return builder.zones
