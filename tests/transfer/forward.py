#!/usr/bin/python3
"""Updates of a secondary (RFC 2136 §6): Anser hands them on to its primary, BIND or Knot, which alone knows the key
they are signed with; its answer comes back, and with the transfer that follows, the change. A secondary that
is not told to do so refuses them."""

import json
import os
import sys

import dns.query
import dns.rcode
import dns.tsig
import dns.update

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Anser, Bind, Key, Knot, Stage, Zone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, passes, say, until

UPDATES, TRANSFERS, WRONG = Key("updates.key."), Key("transfers.key."), Key("wrong.key.")
TEXT = "$ORIGIN example.\n@ 300 SOA ns.other. who.other. 7 3600 600 86400 60\n@ 300 NS ns.other.\n"


class Secondary(Anser):
    """Its keys stand in its configuration, so that the first check of its zones has them."""

    def __init__(self, directory, forwards):
        super().__init__(directory, ["keys:"] + ["  - " + json.dumps(
            {"name": key.name, "algorithm": key.algorithm, "secret": key.secret}) for key in (TRANSFERS,)])
        self.forwards = forwards

    def configure(self):
        super().configure()
        self.write("keys", "")      # none to be imported
        with open(self.path("anser.yaml"), encoding="ascii") as file:
            text = file.read()
        wanted = text.replace('"name": "default"', '"name": "default", "forward-updates": %s' % (
            "true" if self.forwards else "false"))
        check(wanted != text, "there is no template to be changed")
        self.write("anser.yaml", wanted)


def send(peer, key, over, *add):
    """The answer's code; its TSIG is verified."""
    update = dns.update.UpdateMessage("example.", **key.signing())
    update.add(*add)
    try:
        answer = over(update, peer.address, 15, peer.port)
    except dns.tsig.PeerBadKey:
        return "BADKEY"
    check(answer.had_tsig == (answer.rcode() in (0, 6)), "signed:", answer.had_tsig)
    return dns.rcode.to_text(answer.rcode())


def forwarded(kind):
    with Stage("forward") as stage:
        first, primary = stage.add(Bind), stage.add(kind)
        secondary, other = stage.add(Secondary, True), stage.add(Secondary, False)
        first.start([Zone("example.", TEXT, key=TRANSFERS)])
        primary.start([Zone("example.", TEXT, to=[secondary, other], key=TRANSFERS, updates=UPDATES)])
        for each in (secondary, other):
            each.start([Zone("example.", primaries=[first, primary], key=TRANSFERS)])
            each.wait("example.", 7)
        first.stop()        # the next one is tried
        for number, over in enumerate((dns.query.tcp, dns.query.udp)):
            check(send(secondary, UPDATES, over, "n%d" % number, 60, "TXT", "x") == "NOERROR",
                  "not forwarded by", over.__name__)
            check(primary.ask("n%d.example." % number, "TXT").answer, "the primary has not done it")
            until("the change comes back", lambda name="n%d.example." % number: secondary.ask(
                name, "TXT").answer)
        code = send(secondary, WRONG, dns.query.tcp, "n", 60, "TXT", "x")
        check(code in ("NOTAUTH", "BADKEY"), "of a wrong key it says", code)
        check(send(other, UPDATES, dns.query.tcp, "n", 60, "TXT", "x") in ("NOTAUTH", "BADKEY"),
              "who does not forward knows the key")
        primary.stop()
        check(send(secondary, UPDATES, dns.query.tcp, "n", 60, "TXT", "x") == "SERVFAIL",
              "there is no primary, but an answer")
        say("updates of a secondary of %s go to their primary" % kind.__name__)


def main():
    forwarded(Bind)
    forwarded(Knot)


sys.exit(passes(main))
