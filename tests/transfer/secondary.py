#!/usr/bin/python3
"""A secondary of ours and primaries of others: it has what they have, by AXFR and IXFR, by notifications
and by the timers of the SOA, signed with TSIG; goes on with another primary; expires, and comes back."""

import re
import signal
import struct
import sys

import dns.edns
import dns.message
import dns.query

from peers import Anser, Bind, Key, Knot, Stage, Zone, check, notify, same
from checks import passes, say, until

TEXT = """$TTL 3600
@ SOA ns1 hostmaster 1 %(refresh)d %(retry)d %(expire)d 300
@ NS ns1
@ MX 10 mail
ns1 A 192.0.2.1
mail A 192.0.2.2
*.wild TXT "any"
a.b.c.empty A 192.0.2.3
alias CNAME mail
www 60 A 192.0.2.10
sub NS ns.sub
ns.sub A 192.0.2.4
odd TYPE65280 \\# 4 0a000001
"""
SOON = {"refresh-min": "1s", "retry-min": "1s", "expire-min": "1s"}
KEY = Key("transfer.key.")


def text(refresh=3600, retry=600, expire=864000):
    return TEXT % {"refresh": refresh, "retry": retry, "expire": expire}


def check_same(primary, ours, what):
    """What is served, name by name: transfers out are tested elsewhere."""
    for owner, rrtype, _, _ in sorted(primary.records("example.")):
        theirs, mine = (peer.ask(owner, rrtype) for peer in (primary, ours))
        check(theirs is not None and mine is not None and theirs.rcode() == mine.rcode(), what, owner,
              rrtype, theirs, mine)
        check(sorted(theirs.answer, key=str) == sorted(mine.answer, key=str), what, owner, rrtype,
              theirs.answer, mine.answer)


def fails(peer, name):
    answer = peer.ask(name, "SOA")
    return answer is not None and answer.rcode() == 2


def follows(stage, kind, key):
    """Changes come by notification, and from a primary that sends none by the SOA's timers."""
    primary, ours = stage.add(kind), stage.add(Anser, template=SOON)
    primary.start([Zone("example.", text(), to=[ours], key=key),
                   Zone("quiet.example.", text(refresh=1, retry=1), key=key)])
    ours.start([Zone("example.", primaries=[primary], key=key),
                Zone("quiet.example.", primaries=[primary], key=key)])
    for name in ("example.", "quiet.example."):
        ours.wait(name, 1)
        for number in range(3):
            serial = primary.change(name, add=["new%d 60 A 192.0.2.50" % number],
                                    delete=["www 60 A 192.0.2.10"] if number == 1 else [])
            ours.wait(name, serial)
        same(primary.records(name), ours.records(name))
    check_same(primary, ours, "after changes")
    check(ours.log().count("by IXFR") >= 6, "no change has come as a difference", ours.log())
    primary.stop()
    ours.stop()
    say("%s, %s: followed" % (kind.__name__, "TSIG" if key else "unsigned"))


def needs_its_key(stage):
    """Who does not know the key gives nothing, and nothing is taken from who does not sign."""
    primary, ours = stage.add(Knot), stage.add(Anser, template=SOON)
    primary.start([Zone("example.", text(), key=KEY), Zone("open.example.", text())])
    wrong = Key("transfer.key.")
    wrong.secret = Key("another.key.").secret
    ours.start([Zone("example.", primaries=[primary], key=wrong),
                Zone("open.example.", primaries=[primary], primary_key=wrong)])
    until("a wrong key is refused", lambda: ours.log().count("primary") >= 2)
    for name in ("example.", "open.example."):
        until("%s is not there" % name, lambda name=name: fails(ours, name))
    until("wrong answers are counted", lambda: ours.figure('tsig_errors_total{error="answer"}') >= 2)
    check(ours.figure('secondary_zones{state="failing"}') == 2, ours.tell("metrics"))
    primary.stop()
    ours.stop()
    say("took nothing without its key")


def expires(stage):
    """Without its primary a secondary answers with SERVFAIL in the end, after a kill as well, and is back
    with it."""
    primary, ours = stage.add(Knot), stage.add(Anser, template=SOON)
    primary.start([Zone("example.", text(refresh=1, retry=1, expire=3))])
    ours.start([Zone("example.", primaries=[primary])])
    ours.wait("example.", 1)
    primary.stop()
    until("the zone expires", lambda: fails(ours, "example."))
    check("expired: no primary" in ours.log(), ours.log())
    until("it counts as expired", lambda: ours.figure('secondary_zones{state="expired"}') == 1)
    check(ours.figure("primaries_down") == 1, ours.tell("metrics"))
    for alarm in ("1 secondary zone has expired", "1 primary does not answer"):
        check(alarm in ours.tell("--json", "status"), ours.tell("--json", "status"))
    ours.stop(signal.SIGKILL)
    ours.restart()
    until("it is expired after a start", lambda: fails(ours, "example."))
    primary.restart()
    ours.wait("example.", 1)
    check_same(primary, ours, "after it was expired")
    primary.stop()
    until("the zone expires again", lambda: fails(ours, "example."))
    primary.restart()
    serial = primary.change("example.", add=["back 60 A 192.0.2.60"])
    ours.wait("example.", serial)
    check_same(primary, ours, "after it was expired, and changed")
    until("nothing is expired or down", lambda: ours.figure('secondary_zones{state="current"}') == 1 and
          ours.figure("primaries_down") == 0)
    primary.stop()
    ours.stop()
    say("expired, and came back")


def expire_of(peer, rrtype):
    """What is left to a zone, as the EXPIRE option says it."""
    query = dns.message.make_query("example.", rrtype, use_edns=0, options=[dns.edns.GenericOption(9, b"")])
    options = dns.query.tcp(query, peer.address, 10, peer.port).options
    return struct.unpack("!I", options[0].data)[0] if options else None


def expires_in_a_chain(stage):
    """A secondary of a secondary keeps a zone for no longer than the first one does."""
    primary, ours, last = stage.add(Knot), stage.add(Anser, template=SOON), stage.add(Anser, template=SOON)
    primary.start([Zone("example.", text(refresh=1, retry=1, expire=20))])
    ours.start([Zone("example.", primaries=[primary])])
    last.start([Zone("example.", primaries=[ours])])
    last.wait("example.", 1)
    for peer in (ours, last):
        for rrtype in ("SOA", "AXFR"):
            left = expire_of(peer, rrtype)
            check(left is not None and left <= 20, peer.id, "says of", rrtype, left)
    primary.stop()
    for rrtype in ("SOA", "AXFR"):
        until("less and less is left by %s" % rrtype, lambda rrtype=rrtype: expire_of(ours, rrtype) < 15)
    first = expire_of(ours, "SOA")
    check(expire_of(last, "SOA") <= first + 2, "the last one has more time than", first)
    until("the zone expires", lambda: fails(ours, "example."), 40)
    until("the zone expires there too", lambda: fails(last, "example."), 8)
    last.stop()
    ours.stop()
    say("expired in a chain")


def does_as_told(stage):
    """refresh, retransfer and secondaries."""
    primary, ours = stage.add(Knot), stage.add(Anser, template=SOON)
    primary.start([Zone("example.", text())])
    ours.start([Zone("example.", primaries=[primary])])
    ours.wait("example.", 1)
    serial = primary.change("example.", add=["told 60 A 192.0.2.60"])
    ours.tell("zone", "refresh", "example.")
    ours.wait("example.", serial)
    ours.tell("zone", "retransfer", "example.")
    until("all of it was fetched", lambda: primary.log().count("AXFR, outgoing") >= 4)
    until("zone secondaries tells", lambda: '"current"' in ours.tell(
        "--json", "zone", "secondaries", "example."))
    until("a difference and two whole zones are counted",
          lambda: ours.figure('transfers_in_total{result="whole"}') == 2)
    check(ours.figure('transfers_in_total{result="differences"}') == 1, ours.tell("metrics"))
    check(ours.figure("transfer_in_bytes_total") > 1000, ours.tell("metrics"))
    check(ours.figure('secondary_zones{state="current"}') == 1, ours.tell("metrics"))
    primary.stop()
    ours.stop()
    say("did as it was told")


def waits(stage):
    """Without contents it asks often, until the primary is there; and at once when it gets the key."""
    primary, ours = stage.add(Knot), stage.add(Anser, settings=["log:", "  level: debug"])
    primary.start([Zone("example.", text()), Zone("signed.example.", text(), key=KEY)])
    primary.stop()
    ours.write("keys", "")      # it gets none by itself
    ours.start([Zone("example.", primaries=[primary]), Zone("signed.example.", primaries=[primary], key=KEY)])
    until("it says why", lambda: "primary %s:%d: Connection refused" % (primary.address, primary.port) in ours.log())
    primary.restart()
    ours.wait("example.", 1, 30)
    until("it has asked for its key", lambda: ours.log().count("zone signed.example.: primary") >= 5)
    check("its TSIG key is not known" in ours.log(), ours.log())
    ours.write("keys", "%s:%s:%s\n" % (KEY.algorithm, KEY.name, KEY.secret))
    ours.tell("tsig", "import", "keys")
    ours.wait("signed.example.", 1, 12)     # it would have been due after 14 s
    check(notify(ours, "example.", source=primary.address) == 0, "a notification is not taken")
    until("it is said who has notified", lambda: "notification from %s\n" % primary.address in ours.log())
    primary.stop()
    ours.stop()
    say("waited for its primary")


def says_it_once(stage):
    """A primary of many zones that is down is one line in the log for as long as it is; who asks about one of
    its zones, or for all that there is, is told more."""
    primary, ours = stage.add(Knot), stage.add(Anser, template=SOON)
    names = ["m%d.example." % number for number in range(40)]
    primary.start([Zone(name, text(refresh=1, retry=1)) for name in names])
    ours.start([Zone(name, primaries=[primary]) for name in names])
    for name in names:
        ours.wait(name, 1)
    down = "primary %s@%d does not answer" % (primary.address, primary.port)
    again = "primary %s@%d answers again" % (primary.address, primary.port)
    for spell in (1, 2):
        primary.stop()
        until("all of its zones fail", lambda: ours.figure('secondary_zones{state="failing"}') == len(names))
        check(ours.log().count(down) == spell and ours.log().count(again) == spell - 1, ours.log())
        check(not re.search(r"zone \S+: primary", ours.log()), "of each zone:", ours.log())
        if spell == 2:
            break
        primary.restart()
        until("they are current", lambda: ours.figure('secondary_zones{state="current"}') == len(names))
        check(ours.log().count(again) == spell, ours.log())
    ours.tell("zone", "refresh", names[0])
    until("who asks is told", lambda: "zone %s: primary" % names[0] in ours.log())
    check("zone %s: primary" % names[1] not in ours.log(), "of another zone")
    ours.tell("conf", "set", "log.level", "debug")
    until("all is told", lambda: all("zone %s: primary" % name in ours.log() for name in names))
    ours.stop()
    say("one line for a primary of many zones")


def goes_on(stage):
    """With three primaries, of which two are dead, one after the other."""
    primaries = [stage.add(Knot) for _ in range(3)]
    ours = stage.add(Anser, template=SOON)
    for primary in primaries[1:]:
        primary.start([Zone("example.", text(refresh=1, retry=1))])
    ours.start([Zone("example.", primaries=primaries)])
    ours.wait("example.", 1)
    primaries[1].stop()
    serial = primaries[2].change("example.", add=["third 60 A 192.0.2.33"])
    ours.wait("example.", serial)
    primaries[2].stop()
    ours.stop()
    say("went on with another primary")


def becomes(stage):
    """A primary that is made a secondary by another configuration has what it had, and then what is new."""
    primary, ours = stage.add(Knot), stage.add(Anser, template=SOON)
    primary.start([Zone("example.", text())])
    serial = primary.change("example.", add=["newer 60 A 192.0.2.61"])
    ours.start([Zone("example.", text())])
    ours.zones = {"example.": Zone("example.", primaries=[primary])}
    ours.configure()
    ours.tell("conf", "reload")
    ours.wait("example.", serial)
    check_same(primary, ours, "after it became a secondary")
    primary.stop()
    ours.stop()
    say("became a secondary")


def check_changes(stage):
    follows(stage, Bind, KEY)
    follows(stage, Knot, None)
    needs_its_key(stage)
    does_as_told(stage)
    expires(stage)
    says_it_once(stage)
    goes_on(stage)
    becomes(stage)


def check_waits(stage):
    """What takes its time."""
    expires_in_a_chain(stage)
    waits(stage)


def main():
    parts = {"changes": check_changes, "waits": check_waits}
    with Stage("secondary") as stage:
        for part in sys.argv[1:] or parts:
            parts[part](stage)
    return 0


if __name__ == "__main__":
    sys.exit(passes(main))
