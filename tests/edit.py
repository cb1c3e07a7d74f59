#!/usr/bin/env python3
"""Whole zones by anserctl, with a real server: edited in an editor (a script), imported, exported, and
compared with files and with what NSD and Knot hand out.

* an edit is made of the RRsets that differ; nothing is changed where nothing was;
* what is wrong is told with its line, and can be mended; what is not applied is kept, and named;
* what somebody else has changed meanwhile is never written over;
* an import is one change, whatever its size, and no file of the configuration undoes it;
* compare tells the same from different, and different from not comparable.
"""

import json
import os
import pty
import re
import shutil
import socket
import stat
import subprocess
import sys

import dns.name

from checks import check, say, until
from records import ADDRESS, BIN, ZONE, prove

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "diff"))
import peers  # noqa: E402

MANY = 100000


class Editing:
    """A server, and editors that are shell scripts."""

    def __init__(self, server):
        self.server = server
        self.dir = server.dir
        self.tmp = os.path.join(self.dir, "tmp")
        os.mkdir(self.tmp)

    def environment(self, script):
        path = os.path.join(self.dir, "editor")
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nset -e\nctl() { '%s' -s '%s/control.sock' \"$@\" >&2; }\n%s\n"
                       % (os.path.join(BIN, "anserctl"), self.dir, script))
        os.chmod(path, 0o755)
        environment = dict(os.environ, EDITOR="env SOME=thing " + path, TMPDIR=self.tmp,
                           RUN=self.dir)
        environment.pop("VISUAL", None)
        return environment

    def command(self, args):
        return [os.path.join(BIN, "anserctl"), "-s", os.path.join(self.dir, "control.sock"), *args]

    def edit(self, script, *args):
        """Without a terminal."""
        return subprocess.run(self.command(args), env=self.environment(script), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, check=False)

    def edit_at_terminal(self, script, typed, *args):
        """Gives the exit status, and what was said."""
        terminal, end = pty.openpty()
        os.write(terminal, typed.encode())
        with subprocess.Popen(self.command(args), env=self.environment(script), stdin=end, stdout=end,
                              stderr=end, start_new_session=True) as process:
            os.close(end)
            said = b""
            while True:
                try:
                    part = os.read(terminal, 65536)
                except OSError:
                    break
                if not part:
                    break
                said += part
            os.close(terminal)
            return process.wait(60), said.decode()

    def kept(self, said):
        """The file that is said to be kept, which is then forgotten."""
        found = re.search(r"kept in (\S+)", said)
        check(found, "no file is kept:", said)
        with open(found.group(1), encoding="ascii") as file:
            text = file.read()
        shutil.rmtree(os.path.dirname(found.group(1)))
        return text

    def nothing_is_left(self):
        check(os.listdir(self.tmp) == [], "left behind:", os.listdir(self.tmp))


def done(result, status=0):
    check(result.returncode == status, "ended with", result.returncode, result.stdout, result.stderr)
    return result


def versions(server, zone="example.com"):
    return server.command("zone export", {"zone": zone})["result"]["version"]


# ---- zone edit ----

def success(e):
    say("an edit is one change of what differs")
    result = done(e.edit('stat -c %a "$1" "$(dirname "$1")" > "$RUN/modes"\n'
                         'sed -i s/192.0.2.1$/192.0.2.2/ "$1"\n'
                         'echo "new 77 TXT \\"a b\\"" >> "$1"\n'
                         'sed -i /^alias/d "$1"', "zone", "edit", "example.com", "--yes"))
    with open(os.path.join(e.dir, "modes"), encoding="ascii") as file:
        check(file.read().split() == ["600", "700"], "others can read what is edited")
    check(result.stdout.startswith(
        "-alias.example.com. 60 IN CNAME ns1.example.com.\n"
        '+new.example.com. 77 IN TXT "a b"\n'
        "-ns1.example.com. 60 IN A 192.0.2.1\n"
        "+ns1.example.com. 60 IN A 192.0.2.2\n"), result.stdout)
    check("serial 2, before 1" in result.stdout and "zone reload" in result.stdout, result.stdout)
    check(e.server.short("ns1.example.com", "A") == ["192.0.2.2"])
    check(e.server.short("new.example.com", "TXT") == ['"a b"'])
    check(e.server.status_of("alias.example.com") == "NXDOMAIN")
    audit = until("the audit log has it", lambda: [
        event for event in e.server.ctl_json("audit", "list")["events"] if event["why"] == "change"])[0]
    kinds = {row["type"] for row in audit["rows"] if row["of"] == "rrset"}
    check(kinds == {"A", "TXT", "CNAME", "SOA"}, audit)
    e.nothing_is_left()

    say("a serial that is raised by hand is kept")
    done(e.edit('sed -i "s/ 2 7200/ 50 7200/" "$1"', "zone", "edit", "example.com", "--yes"))
    check(e.server.serial() == 50)

    say("nothing changed, nothing done")
    before = versions(e.server)
    result = done(e.edit("true", "zone", "edit", "example.com", "--yes"))
    check(result.stdout == "nothing was changed\n", result.stdout)
    result = json.loads(done(e.edit("true", "--json", "zone", "edit", "example.com", "--yes")).stdout)
    check(result == {"change": None, "diff": []}, result)
    check(versions(e.server) == before)
    e.nothing_is_left()

    say("as JSON")
    result = json.loads(done(e.edit('sed -i "/^new/s/77/78/" "$1"', "--json", "zone", "edit",
                                    "example.com", "--yes")).stdout)
    check(result["zones"][0]["serial"] == 51, result)
    check(result["diff"] == [{"name": "new.example.com.", "type": "TXT",
                              "before": {"ttl": 77, "records": ['"a b"']},
                              "after": {"ttl": 78, "records": ['"a b"']}}], result)


def at_terminal(e):
    say("an error is told with its line, and mended")
    script = ('if [ -e "$RUN/second" ]; then sed -i s/192.0.2.x/192.0.2.3/ "$1"; '
              'else touch "$RUN/second"; echo "bad 60 A 192.0.2.x" >> "$1"; fi')
    status, said = e.edit_at_terminal(script, "what\ne\na\n", "zone", "edit", "example.com")
    check(status == 0 and re.search(r"zone:\d+: error: .* \[rdata-syntax\]", said), status, said)
    check("\033[32m+bad.example.com. 60 IN A 192.0.2.3\033[0m" in said, said)
    check(e.server.short("bad.example.com", "A") == ["192.0.2.3"])
    e.nothing_is_left()

    say("quit, keep, discard")
    serial = e.server.serial()
    add = 'echo "quit 60 A 192.0.2.4" >> "$1"'
    status, said = e.edit_at_terminal(add, "q\n", "zone", "edit", "example.com")
    check(status == 1 and "+quit.example.com." in said, status, said)
    e.nothing_is_left()
    status, said = e.edit_at_terminal(add, "k\n", "zone", "edit", "example.com")
    check(status == 1 and "quit 60 A" in e.kept(said), status, said)
    status, said = e.edit_at_terminal(add, "\x04", "zone", "edit", "example.com")
    check(status == 1 and "quit 60 A" in e.kept(said), status, said)
    status, said = e.edit_at_terminal('echo "( x" >> "$1"', "d\n", "zone", "edit", "example.com")
    check(status == 1 and "error:" in said, status, said)
    e.nothing_is_left()
    check(e.server.serial() == serial, "something was changed")


def failures(e):
    serial = e.server.serial()
    say("without a terminal, what is wrong is kept")
    result = done(e.edit("true", "zone", "edit", "example.com"), 2)
    check("--yes" in result.stderr, result.stderr)
    result = done(e.edit('printf "x 60 A \\033[31m\\n" >> "$1"', "zone", "edit", "example.com",
                         "--yes"), 1)
    check(result.stderr.count("error:") == 1 and "\033" not in result.stderr, result.stderr)
    check("x 60 A" in e.kept(result.stderr))
    result = done(e.edit('sed -i /SOA/d "$1"', "zone", "edit", "example.com", "--yes"), 1)
    check("SOA" in result.stderr and "SOA" not in e.kept(result.stderr), result.stderr)
    result = done(e.edit('echo "x 60 A 192.0.2.x" >> "$1"', "--json", "zone", "edit", "example.com",
                         "--yes"), 1)
    told = json.loads(result.stdout)
    check(told["diagnostics"][0]["rule"] == "rdata-syntax" and os.path.exists(told["file"]), told)
    e.kept(result.stderr)
    result = done(e.edit("exit 3", "zone", "edit", "example.com", "--yes"), 1)
    check("the editor has failed" in result.stderr and e.kept(result.stderr), result.stderr)
    result = done(e.edit("true", "zone", "edit", "example.net", "--yes"), 1)
    check("no zone" in result.stderr, result.stderr)
    e.nothing_is_left()
    check(e.server.serial() == serial, "something was changed")


def concurrent(e):
    say("a zone that somebody else has changed meanwhile is left alone")
    result = done(e.edit('ctl record set other.example.com A 192.0.2.50\n'
                         'sed -i "/^new/s/78/79/" "$1"', "zone", "edit", "example.com", "--yes"), 1)
    check("changed meanwhile" in result.stderr, result.stderr)
    check("79" in e.kept(result.stderr))
    check(e.server.short("other.example.com", "A") == ["192.0.2.50"])
    check("\t78\t" in e.server.kdig("+noall", "+answer", "new.example.com", "TXT"))

    say("the version of a change by hand")
    edit = {"op": "set", "name": "v.example.com.", "type": "A", "rdata": ["192.0.2.1"]}
    version = versions(e.server)
    result = e.server.command("change", {"edits": [edit], "if_version": {"example.com": version - 1}})
    check(result["outcome"] == 1 and result["result"]["stale"], result)
    result = e.server.command("change", {"edits": [edit], "if_version": {"Example.COM.": version}})
    check(result["outcome"] == 0 and result["result"]["zones"][0]["version"] > version, result)
    for wrong in 1, {"example.com": "1"}, {"example.com": -1}, {"a..b": 1}:
        result = e.server.command("change", {"edits": [edit], "if_version": wrong})
        check(result["outcome"] == 2, wrong, result)


# ---- record edit ----

def record_edit(e):
    say("record edit: its RRset and no other")
    e.server.ctl("record", "set", "www.example.com", "300", "A", "192.0.2.7")
    e.server.ctl("record", "set", "www.example.com", "300", "AAAA", "2001:db8::7")
    result = done(e.edit('grep -v "^;" "$1" > "$RUN/seen"\n'
                         'sed -i s/192.0.2.7/192.0.2.8/ "$1"\necho "www 300 A 192.0.2.9" >> "$1"',
                         "record", "edit", "example.com", "www", "A", "--yes"))
    with open(os.path.join(e.dir, "seen"), encoding="ascii") as file:
        check(file.read() == "www.example.com.\t300\tIN\tA\t192.0.2.7\n", "more is shown")
    check(e.server.short("www.example.com", "A") == ["192.0.2.8", "192.0.2.9"], result.stdout)
    check(e.server.short("www.example.com", "AAAA") == ["2001:db8::7"])
    for script in ('echo "w2 60 A 192.0.2.1" >> "$1"', 'echo "www 60 TXT x" >> "$1"'):
        result = done(e.edit(script, "record", "edit", "example.com", "www", "A", "--yes"), 1)
        check("[other-record]" in result.stderr and e.kept(result.stderr), result.stderr)

    say("record edit: all types, a new name, the apex, and none at all")
    done(e.edit('sed -i /AAAA/d "$1"; echo "WWW 60 TXT x" >> "$1"', "record", "edit", "example.com",
                "www.example.com.", "--yes"))
    check(e.server.short("www.example.com", "AAAA") == [])
    check(e.server.short("www.example.com", "TXT") == ['"x"'])
    done(e.edit('echo "fresh 60 A 192.0.2.1" >> "$1"', "record", "edit", "example.com", "fresh",
                "--yes"))
    check(e.server.short("fresh.example.com", "A") == ["192.0.2.1"])
    done(e.edit('echo "@ 60 MX 10 mail" >> "$1"', "record", "edit", "example.com", "@", "MX", "--yes"))
    check(e.server.short("example.com", "MX") == ["10 mail.example.com."])
    done(e.edit(': > "$1"', "record", "edit", "example.com", "fresh", "--yes"))
    check(e.server.status_of("fresh.example.com") == "NXDOMAIN")

    say("record edit: what the server refuses, and what others do")
    result = done(e.edit('echo "www 60 CNAME ns1" >> "$1"', "record", "edit", "example.com", "www",
                         "--yes"), 1)
    check("cname-and-other-data" in result.stderr and e.kept(result.stderr), result.stderr)
    done(e.edit('ctl record set elsewhere.example.com A 192.0.2.60\nsed -i s/192.0.2.8/192.0.2.10/ "$1"',
                "record", "edit", "example.com", "www", "A", "--yes"))
    check("192.0.2.10" in e.server.short("www.example.com", "A"))
    result = done(e.edit('ctl record set www.example.com A 192.0.2.61\n'
                         'sed -i s/192.0.2.10/192.0.2.11/ "$1"',
                         "record", "edit", "example.com", "www", "A", "--yes"), 1)
    check("changed meanwhile" in result.stderr and e.kept(result.stderr), result.stderr)
    check(e.server.short("www.example.com", "A") == ["192.0.2.61"])
    for name in "www.example.net.", "a..b":
        done(e.edit("true", "record", "edit", "example.com", name, "--yes"), 2)
    done(e.edit("true", "record", "edit", "example.com", "www", "ANY", "--yes"), 2)
    e.nothing_is_left()


# ---- import, export ----

def many_records(extra=""):
    lines = ["h%d 60 A 10.%d.%d.%d" % (i, i >> 16, i >> 8 & 255, i & 255) for i in range(MANY)]
    return ZONE + "\n".join(lines) + "\n" + extra


def run_in(e, text, *args):
    return subprocess.run(e.command(args), input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)


def imports(e):
    say("import makes a zone, and replaces it when it is told to")
    done(run_in(e, ZONE, "zone", "import", "example.org", "-"))
    check(e.server.short("ns1.example.org", "A") == ["192.0.2.1"])
    result = done(run_in(e, ZONE, "zone", "import", "example.org", "-"), 1)
    check("already" in result.stderr, result.stderr)
    more = ZONE + "x 1 A 192.0.2.9\n"
    result = done(run_in(e, more, "zone", "import", "example.org", "-", "--replace", "--dry-run"))
    check(result.stdout.split("\n")[-2] == "example.org.: would change, serial 2, before 1",
          result.stdout)
    check("+x.example.org. 1 IN A 192.0.2.9\n" in result.stdout, result.stdout)
    check(e.server.status_of("x.example.org") == "NXDOMAIN")
    result = done(run_in(e, more, "--json", "zone", "import", "example.org", "-", "--replace"))
    result = json.loads(result.stdout)
    check(result["zones"][0]["serial"] == 2 and result["replaces"] and not result["created"], result)
    check(e.server.short("x.example.org", "A") == ["192.0.2.9"])
    result = done(run_in(e, ZONE, "zone", "import", "example.info", "-", "--dry-run"))
    check("+ns1.example.info. 60 IN A 192.0.2.1\n" in result.stdout, result.stdout)
    check(e.server.status_of("ns1.example.info") == "REFUSED")

    say("an import of what is there changes nothing, not even the serial")
    before = e.server.ctl_json("status")["commit"], versions(e.server, "example.org")
    for options in ("--dry-run",), ():
        result = done(run_in(e, more, "zone", "import", "example.org", "-", "--replace", *options))
        check(result.stdout == "example.org.: unchanged, serial 2\n", result.stdout)
    check((e.server.ctl_json("status")["commit"], versions(e.server, "example.org")) == before)
    raised = more.replace("hostmaster 1 ", "hostmaster 7 ", 1)
    result = json.loads(done(run_in(e, raised, "--json", "zone", "import", "example.org", "-",
                                    "--replace")).stdout)
    check(result["zones"][0]["serial"] == 7 and result["zones"][0]["changed"], result)

    say("the serial of signed contents is not raised")
    signed = ZONE + ("@ 60 RRSIG SOA 13 2 60 20400101000000 20200101000000 1 @ %s==\n" % ("A" * 86))
    done(run_in(e, signed, "zone", "import", "signed.example", "-"))
    result = done(run_in(e, signed, "zone", "import", "signed.example", "-", "--replace"))
    check("unchanged" in result.stdout, result.stdout)
    result = done(run_in(e, signed + "x 1 A 192.0.2.9\n", "zone", "import", "signed.example", "-",
                         "--replace"), 1)
    check("above 1 [presigned]" in result.stderr, result.stderr)
    e.server.ctl("zone", "remove", "signed.example")

    say("what is wrong is told with its line")
    for text, words in ((ZONE + "x A 192.0.2.x\n", "standard input:5:"),
                        ("a 60 A 192.0.2.1\n", "soa-missing")):
        result = done(run_in(e, text, "zone", "import", "example.org", "-", "--replace"), 1)
        check(words in result.stderr, result.stderr)
    told = json.loads(done(run_in(e, "x", "--json", "zone", "import", "example.org", "-"), 1).stdout)
    check(told["error"] and told["diagnostics"], told)
    e.server.write("part", "part 60 A 192.0.2.12\n")
    e.server.write("with-part", more + "$INCLUDE part\n")
    done(run_in(e, "", "zone", "import", "example.org", os.path.join(e.dir, "with-part"), "--replace"))
    check(e.server.short("part.example.org", "A") == ["192.0.2.12"])

    say("an import is not undone by the file of the configuration")
    done(run_in(e, ZONE + "kept 60 A 192.0.2.13\n", "zone", "import", "example.com", "-", "--replace"))
    e.server.ctl("zone", "reload")
    check(e.server.short("kept.example.com", "A") == ["192.0.2.13"])
    check(e.server.ctl_json("status")["alarms"] == [], "the file has not changed")
    e.server.kill()
    e.server.start()
    check(e.server.short("kept.example.com", "A") == ["192.0.2.13"])
    e.server.ctl("zone", "reload", "example.com")
    check(e.server.status_of("kept.example.com") == "NXDOMAIN")


def uploads(e):
    say("pieces over the socket")

    def piece(**args):
        return e.server.command("zone import", dict(args, zone="example.org"))

    first = piece(text=ZONE[:20], more=True)["result"]["upload"]
    check(piece(text=ZONE[20:], upload=first)["outcome"] == 1, "replaced without a word")
    check(piece(text=ZONE[20:], upload=first)["outcome"] == 1, "an upload is there twice")
    first = piece(text=ZONE[:20], more=True)["result"]["upload"]
    check(piece(text=ZONE[20:40], more=True, upload=first)["result"]["upload"] == first)
    result = piece(text=ZONE[40:], upload=first, replace=True)
    check(result["outcome"] == 0 and result["result"]["records"] == 4, result)
    result = piece(text="$INCLUDE /etc/passwd\n", replace=True)
    check(result["result"]["diagnostics"][0]["rule"] == "include-from-memory", result)
    for args in ({}, {"text": 1}, {"text": "", "upload": 1}, {"text": "", "if_version": "x"}):
        check(piece(**args)["outcome"] == 2, args)
    check(piece(text="x", upload="0" * 32)["outcome"] == 1)
    check(piece(text="x", upload="x" * 100000, more=True)["outcome"] == 1)
    open_ones = [piece(text="x", more=True)["outcome"] for _ in range(9)]
    check(open_ones == [0] * 8 + [1], "uploads without bound:", open_ones)
    check(not any(name.startswith("upload") for name in os.listdir(os.path.join(e.dir, "store"))))


def large(e):
    say("%d records" % MANY)
    e.server.write("many", many_records())
    done(run_in(e, "", "zone", "import", "many.example", os.path.join(e.dir, "many")))
    check(e.server.ctl_json("zone", "show", "many.example")["records"] == MANY + 4)
    done(run_in(e, "", "zone", "compare", "many.example", os.path.join(e.dir, "many")))
    result = done(run_in(e, many_records("x 60 A 192.0.2.1\n"), "zone", "import", "many.example", "-",
                         "--replace", "--dry-run"))
    check(result.stdout == "+x.many.example. 60 IN A 192.0.2.1\n"
                           "many.example.: would change, serial 2, before 1\n", result.stdout[:1000])

    say("an edit of most of them is sent as a whole")
    result = done(e.edit('sed -i "s/IN\\tA\\t10/IN\\tA\\t11/" "$1"', "--json", "zone", "edit",
                         "many.example", "--yes"))
    zone = json.loads(result.stdout)["zones"][0]
    check(zone["rrsets_changed"] == MANY + 1 and zone["serial"] == 2, zone)
    check(e.server.short("h77777.many.example", "A") == ["11.1.47.209"])
    result = done(e.edit('sed -i "s/IN\\tA\\t11/IN\\tA\\t12/" "$1"; '
                         'ctl record set other.many.example A 192.0.2.1',
                         "zone", "edit", "many.example", "--yes"), 1)
    check("changed meanwhile" in result.stderr and e.kept(result.stderr), result.stderr)
    check(e.server.short("h77777.many.example", "A") == ["11.1.47.209"])
    e.server.ctl("zone", "remove", "many.example")


def exports(e):
    say("export to a file")
    path = os.path.join(e.dir, "exported")
    e.server.ctl("zone", "export", "example.org", path)
    with open(path, encoding="ascii") as file:
        text = file.read()
    check(text == e.server.ctl("zone", "export", "example.org", "-"), "another text")
    owners = [line.split("\t")[0] for line in text.splitlines()]
    check(owners == ["example.org.", "example.org.", "alias.example.org.", "ns1.example.org."], owners)
    e.server.write("exported", "precious")
    done(run_in(e, "", "zone", "export", "example.org", path), 2)
    status, _ = e.edit_at_terminal("true", "q\n", "zone", "export", "example.org", path)
    with open(path, encoding="ascii") as file:
        check(status == 1 and file.read() == "precious", "written over")
    status, _ = e.edit_at_terminal("true", "o\n", "zone", "export", "example.org", path)
    with open(path, encoding="ascii") as file:
        check(status == 0 and file.read() == text, "not written over")
    e.server.ctl("zone", "export", "example.org", path, "--yes")
    check(stat.S_IMODE(os.stat(path).st_mode) & 0o400, "cannot be read")


# ---- compare ----

class Origin:
    def __init__(self, origin, path):
        self.origin = origin
        self.path = path
        self.wire = dns.name.from_text(origin).to_wire()


class Nsd(peers.Nsd):
    def configure(self, zones):
        super().configure(zones)
        with open(os.path.join(self.directory, "nsd.conf"), "a", encoding="ascii") as file:
            file.write("    provide-xfr: 127.0.0.1 NOKEY\n")


class Knot(peers.Knot):
    def configure(self, zones):
        super().configure(zones)
        path = os.path.join(self.directory, "knot.conf")
        with open(path, encoding="ascii") as file:
            text = file.read()
        with open(path, "w", encoding="ascii") as file:
            file.write("acl:\n  - id: all\n    action: transfer\n" + text + "    acl: all\n")


RICH = ZONE + """long 60 TXT "%s" "%s"
*.w 60 MX 10 Mail.Example.NET.
sub 60 NS ns.sub
ns.sub 60 AAAA 2001:db8::1
_s._tcp 60 SRV 1 2 3 ns1
h 60 HTTPS 1 . alpn=h2,h3
caa 60 CAA 0 issue "ca.example"
u 60 TYPE65280 \\# 4 01020304
""" % ("a" * 250, "b" * 250) + "".join("m%d 60 A 192.0.2.%d\n" % (i, i % 250) for i in range(3000))


def compare_files(e):
    say("compare with files")
    e.server.write("rich", RICH)
    path = os.path.join(e.dir, "rich")
    done(run_in(e, RICH, "zone", "import", "example.org", "-", "--replace"))
    result = done(run_in(e, "", "zone", "compare", "example.org", path), 1)
    check(result.stdout.count("\n") == 2 and "SOA" in result.stdout, result.stdout)
    check(done(run_in(e, "", "zone", "compare", "-I", "example.org", path)).stdout == "")
    result = done(run_in(e, RICH.replace("h2,h3", "h2"), "--json", "zone", "compare", "example.org",
                         "-", "--ignore-serial"), 1)
    result = json.loads(result.stdout)
    check(not result["equal"] and [d["type"] for d in result["differences"]] == ["HTTPS"], result)
    for args in (("example.org", "no-such-file"), ("example.net", path), ("example.org", "@127.0.0.1:1")):
        result = done(run_in(e, "", "zone", "compare", *args), 2)
        check(result.stderr and not result.stdout, args, result.stderr)


def compare_servers(e):
    path = os.path.join(e.dir, "rich")
    for kind in Nsd, Knot:
        if not shutil.which("nsd" if kind is Nsd else "knotd"):
            say("%s is not installed" % kind.name)
            continue
        say("compare with " + kind.name)
        peer = kind(e.dir)
        zones = [Origin("example.org.", path)]
        peer.start(zones)
        try:
            peer.await_zones(zones)
            server = "@%s:%d" % (ADDRESS, peer.port)
            result = done(run_in(e, "", "zone", "compare", "example.org", server), 1)
            check(result.stdout.count("\n") == 2 and "SOA" in result.stdout, result.stdout)
            check(done(run_in(e, "", "zone", "compare", "-I", "example.org", server)).stdout == "")
            e.server.ctl("record", "del", "m77.example.org", "A")
            result = done(run_in(e, "", "zone", "compare", "-I", "example.org", server), 1)
            check(result.stdout == "+m77.example.org. 60 IN A 192.0.2.77\n", result.stdout)
            e.server.ctl("record", "set", "m77.example.org", "60", "A", "192.0.2.77")
            done(run_in(e, "", "zone", "compare", "-I", "example.org", server))
            result = done(run_in(e, "", "zone", "compare", "example.com", server), 2)
            check("error:" in result.stderr, result.stderr)
        finally:
            peer.stop()


def transfer_refused(e):
    say("a server that sends nonsense")
    with socket.socket() as listening:
        listening.bind((ADDRESS, 0))
        listening.listen(4)
        port = listening.getsockname()[1]
        for answer, rule in ((b"", b"transfer-connection"), (b"\0\x05hello", b"transfer-format"),
                             (b"\xff\xffx", b"transfer-connection"), (b"\0\x0c" + b"\0" * 12, b"transfer-answer")):
            with subprocess.Popen(e.command(["zone", "compare", "-t", "3", "example.org",
                                             "@%s:%d" % (ADDRESS, port)]),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                with listening.accept()[0] as client:
                    client.recv(512)
                    client.sendall(answer)
                _, said = process.communicate(timeout=30)
                check(process.returncode == 2 and b"error:" in said and rule in said, process.returncode, said)
    result = done(run_in(e, "", "zone", "compare", "example.org", "@%s:%d" % (ADDRESS, port)), 2)
    check("Connection refused" in result.stderr, result.stderr)


def run(server):
    e = Editing(server)
    success(e)
    at_terminal(e)
    failures(e)
    concurrent(e)
    record_edit(e)
    imports(e)
    uploads(e)
    server.kill()  # and with it the uploads that were begun
    server.start()
    large(e)
    exports(e)
    compare_files(e)
    compare_servers(e)
    transfer_refused(e)


if __name__ == "__main__":
    sys.exit(prove(run))
