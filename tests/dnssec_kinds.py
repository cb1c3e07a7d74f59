#!/usr/bin/python3
"""Every kind of rollover by every algorithm, each in a zone of its own: no cache ever finds one bogus.

The clock jumps by hours (clock.py). Records and DS live for a little less than two of them, and the policies wait for no
longer than that, so that a step that is made too early is made in front of a cache that knows better. Each hour the
parent takes the DS that the CDS ask for, and then of every zone are asked: an answer, one of a wildcard, a type and a
name that are not there, and a name below a cut without a DS. Nothing may be bogus for resolvers that want all
algorithms to be right, do not ask twice, and have

* what they were asked since the beginning, each hour or seldom;
* nothing;
* only what is an hour old;
* nothing, but are behind a cache that has of the hour before only answers, only DNSKEYs, or only DS.

A rollover is over when the keys that are left wait for nothing. Then as many keys have been seen as it takes, and
never more of them at a time, nor signatures, nor DS, than its kind has.
"""

import collections
import contextlib
import selectors
import socket
import struct
import sys

import dns.dnssec
import dns.flags
import dns.message
import dns.rdatatype

from checks import ControlSocket, check, passes, say, until
from clock import HOUR, PARENT, World
from signing import keys_of, policies, whole

from peers import Stage, Zone

TTL = 6600
ALGORITHMS = (8, 10, 13, 14, 15, 16)
DELAYS = ("dnskey-ttl: %ds, propagation: 5m, parent-ds-ttl: %ds, parent-propagation: 1m, safety: 0s, algorithm: %%s,"
          " parental-agents: [127.0.0.1@%%d], %%s") % (TTL, TTL)
SETTINGS = {"split": "csk: no", "double-ds": "csk: no, ksk-roll: double-ds", "csk": "csk: yes",
            "double-signature": "csk: no, zsk-roll: double-signature",
            "hashed": "csk: yes, nsec3: yes, nsec3-salt-length: 2"}
# By name, of each algorithm. Some have hashed names, so that another algorithm can bring another denial with it.
HASHED = ("split-10", "split-14", "split-16")
POLICIES = {policy: settings + (", nsec3: yes" if policy in HASHED else "") for policy, settings in (
    ("%s-%d" % (label, number), settings) for label, settings in SETTINGS.items() for number in ALGORITHMS)}
TEXT = """$ORIGIN %%s
$TTL %d
@ SOA ns hostmaster 1 3600 600 864000 %d
@ NS ns
ns A 127.0.0.1
p0 TXT "0"
p1 TXT "1"
p2 TXT "2"
*.any A 192.0.2.1
plain NS ns
""" % (TTL, TTL)
PLAIN = """$ORIGIN plain.%%s
$TTL %d
@ SOA ns.%%s hostmaster 1 3600 600 864000 %d
@ NS ns.%%s
*.any A 192.0.2.2
""" % (TTL, TTL)

# first: the policy. orders: what is done then, each when all before is over, or an hour after the one before ("soon").
# keys: how many of each role there have been in the end. most: DNSKEYs with and without the SEP flag, keys that sign the
# zone, and DS, at a time.
Kind = collections.namedtuple("Kind", "first orders keys most")
KINDS = {
    "zsk": Kind("split", ["roll zsk"], {"ksk": 1, "zsk": 2}, (1, 2, 1, 1)),             # pre-publication
    "twice": Kind("double-signature", ["roll zsk"], {"ksk": 1, "zsk": 2}, (1, 2, 2, 1)),    # double signature
    "ksk": Kind("split", ["roll ksk"], {"ksk": 2, "zsk": 1}, (2, 1, 1, 1)),             # double-KSK
    "ds": Kind("double-ds", ["roll ksk"], {"ksk": 2, "zsk": 1}, (1, 1, 1, 2)),          # double-DS
    "csk": Kind("csk", ["roll csk"], {"csk": 2}, (2, 0, 1, 1)),
    "other": Kind("split", ["set split other"], {"ksk": 2, "zsk": 2}, (2, 2, 2, 1)),    # the next algorithm
    "other-csk": Kind("csk", ["set csk other"], {"csk": 2}, (2, 0, 2, 1)),
    "haste": Kind("split", ["roll", "soon roll"], {"ksk": 3, "zsk": 3}, (2, 2, 1, 1)),  # somebody has all keys; again
    "later": Kind("split", ["roll", "soon wait", "soon wait", "soon roll"], {"ksk": 3, "zsk": 3}, (3, 3, 1, 1)),
    "parts": Kind("csk", ["set split"], {"csk": 1, "ksk": 1, "zsk": 1}, (2, 1, 1, 1)),
    "joins": Kind("split", ["set csk"], {"csk": 1, "ksk": 1, "zsk": 1}, (2, 1, 1, 1)),
    "hashed": Kind("csk", ["roll csk", "soon set hashed"], {"csk": 2}, (2, 0, 1, 1)),
    "plain": Kind("hashed", ["roll csk", "soon set csk"], {"csk": 2}, (2, 0, 1, 1)),
}
STEPS = 40
A, TXT, OPT, DS, DNSKEY, PRIVATE = 1, 16, 41, 43, 48, 65280
OVER = "in use, and waits for nothing"


# ---- questions ----

class Question:
    """secure: whether the answer is to be said so; None: it is not validated."""

    def __init__(self, name, rrtype, rcode=0, secure=True):
        self.name, self.rrtype, self.rcode, self.secure = name, rrtype, rcode, secure

    def wire(self, number):
        flags = dns.flags.RD | dns.flags.AD | (dns.flags.CD if self.secure is None else 0)
        name = b"".join(struct.pack("B", len(label)) + label for label in self.name.encode().split(b"."))
        return (struct.pack("!6H", number, flags, 1, 0, 0, 1) + name + struct.pack("!2H", self.rrtype, 1) +
                b"\0" + struct.pack("!HHIH", OPT, 4096, 0x8000, 0))

    def is_answered_by(self, wire):
        flags = struct.unpack("!H", wire[2:4])[0]
        return (flags & 15) == self.rcode and self.secure in (None, bool(flags & dns.flags.AD))


def questions(name, number, secure=True):
    """Of a zone, others than those of the two hours before."""
    return [Question("p%d.%s" % (number % 3, name), TXT, 0, secure),
            Question("n%d.any.%s" % (number, name), A, 0, secure),
            Question("ns." + name, PRIVATE + number, 0, secure),
            Question("no%d.%s" % (number, name), A, 3, secure),
            Question("n%d.any.plain.%s" % (number, name), A, 0, secure and False)]


class Talk:
    """Questions to one resolver, many at a time."""

    AT_ONCE = 64

    def __init__(self, resolver, asked):
        self.resolver = resolver
        self.left, self.open = list(enumerate(asked)), {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", resolver.port))

    def go_on(self):
        """Gives whether anything is open."""
        while self.left and len(self.open) < self.AT_ONCE:
            number, question = self.left.pop()
            self.open[number] = question
            self.socket.send(question.wire(number))
        return bool(self.open)

    def receive(self):
        wire = self.socket.recv(65535)
        question = self.open.pop(struct.unpack("!H", wire[:2])[0], None)
        check(question is None or question.is_answered_by(wire), self.resolver.directory, "says:",
              dns.message.from_wire(wire), self.resolver.log()[-2000:])


def ask(talks):
    """All that is to be asked, side by side."""
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as sockets:
        for talk in talks:
            sockets.enter_context(talk.socket)
            if talk.go_on():
                selector.register(talk.socket, selectors.EVENT_READ, talk)
        while selector.get_map():
            ready = selector.select(20)
            check(ready, "no answer to", [(question.name, question.rrtype) for key in selector.get_map().values()
                                          for question in key.data.open.values()][:10])
            for key, _ in ready:
                key.data.receive()
                if not key.data.go_on():
                    selector.unregister(key.fileobj)


# ---- zones ----

class Life:
    """A zone, what is to become of it, and what was seen of it."""

    def __init__(self, label, algorithm):
        self.kind, self.name = KINDS[label], "%s-%d.%s" % (label, algorithm, PARENT)
        self.algorithm, self.policy = algorithm, "%s-%d" % (self.kind.first, algorithm)
        self.orders = list(self.kind.orders)
        self.tags, self.most, self.over = set(), (0, 0, 0, 0), False

    def obey(self, server):
        """What is to be done next."""
        what, *words = self.orders.pop(0).replace("soon ", "").split()
        if what == "roll":
            server.tell("dnssec", "roll", self.name, *words)
        if what == "set":
            if "other" in words:
                self.algorithm = ALGORITHMS[(ALGORITHMS.index(self.algorithm) + 1) % len(ALGORITHMS)]
            self.policy = "%s-%d" % (words[0], self.algorithm)
            server.tell("zone", "set", self.name, "dnssec=" + self.policy)

    def is_over(self, status, ds):
        used = [key for key in status["keys"] if not key["gone_at"]]
        return (status["state"] == "signed" and status["signed_by"] == self.policy
                and all(OVER in key["waits"] and key["algorithm"] == self.algorithm for key in used)
                and len(used) == (2 if self.policy.startswith(("split", "double")) else 1)
                and status["denial"] == ("nsec3" if "nsec3: yes" in POLICIES[self.policy] else "nsec")
                and not status["ds_later"] and not status["ds_to_remove"]
                and sorted(line.split(" DS ")[1].upper() for line in status["ds"]) == sorted(map(str.upper, ds)))

    def see(self, keys, signers, ds):
        """What there is at a time."""
        self.tags |= {dns.dnssec.key_id(key) for key in keys}
        sep = sum(key.flags & 1 for key in keys)
        self.most = tuple(map(max, self.most, (sep, len(keys) - sep, signers, ds)))

    def is_right(self, status):
        keys = collections.Counter(key["role"] for key in status["keys"])
        check(dict(keys) == self.kind.keys, self.name, "has had", keys, "and not", self.kind.keys)
        check(self.tags == {key["tag"] for key in status["keys"]}, self.name, "was seen with", self.tags, "of", status)
        check(self.most == self.kind.most, self.name, "was seen with", self.most, "at a time, and not", self.kind.most)


# ---- all of them ----

class Hours(World):
    """new, before: resolvers that have nothing, and only what is an hour old. caches: two of each way, asked in turn.
    behind: resolvers that have nothing, and take all from the cache that was asked an hour ago."""

    WAYS = ("answers", "keys", "ds")

    def __init__(self, stage):
        super().__init__(stage, TTL)
        self.stack = contextlib.ExitStack()
        self.number, self.new, self.before, self.behind = 0, None, None, {}
        self.lives = {life.name: life for life in (Life(label, number) for label in KINDS for number in ALGORITHMS)}
        named = {label: DELAYS % (label.split("-")[-1], self.server.port, settings)
                 for label, settings in POLICIES.items()}
        zones = [Zone(name, text=TEXT % name, dnssec=life.policy) for name, life in self.lives.items()]
        zones += [Zone("plain." + name, text=PLAIN % (name, name, name)) for name in self.lives]
        self.start(policies(parent="csk: yes", **named), TEXT % PARENT, zones)
        self.control = ControlSocket(self.server.path("control.sock"))
        self.often = self.seldom = self.caches = None

    def status(self, name):
        return self.control.done("dnssec status", zone=name)

    def settle(self):
        """The keeper has done what is due."""
        def rests():
            works = self.control.done("dnssec status", limit=1000)["zones"]
            check(not any("trouble" in work for work in works), works)
            return not any(work["looking"] for work in works)
        until("what is due is done", rests, 60)

    def see(self):
        for name, life in self.lives.items():
            signers = {rdata.key_tag for rrset in self.answer(name, "SOA", True) for rdata in rrset
                       if rrset.rdtype == dns.rdatatype.RRSIG}
            life.see(keys_of(self.server, name), len(signers), len(self.ds.get(name, [])))

    def begin(self):
        """Until each is signed, and has a DS that is everywhere."""
        while len(self.over()) < len(self.lives):
            check(self.number < STEPS, "not all have a DS:", [
                self.status(name) for name in set(self.lives) - self.over()][:3])
            self.turn()
        self.often, self.seldom = self.open(self.resolver("often")), self.open(self.resolver("seldom"))
        self.caches = {way: [self.open(self.cache("cache-%s-%d" % (way, odd))) for odd in (0, 1)] for way in self.WAYS}

    def turn(self):
        """An hour, and what it brings."""
        self.number += 1
        self.clock.go(HOUR)
        if self.often:
            self.begin_new()
            ask([Talk(self.often, self.everything())])      # while the keeper has its turn
        self.server.is_alive()
        self.settle()
        self.registry(self.lives)
        self.see()

    # What is to become of them.

    def over(self):
        """Names of those that wait for nothing."""
        return {name for name, life in self.lives.items() if life.is_over(self.status(name), self.ds.get(name, []))}

    def give_orders(self):
        """Gives whether there was nothing more to do."""
        over, given = self.over(), 0
        for name, life in self.lives.items():
            if life.orders and (name in over or life.orders[0].startswith("soon ")):
                life.obey(self.server)
                given += 1
        return not given and len(over) == len(self.lives)

    def live(self):
        self.turn()
        ask([Talk(caches[self.number % 2], self.first(way)) for way, caches in self.caches.items()])
        first = self.number
        while not self.give_orders():
            check(self.number < first + STEPS, "not over:", [
                self.status(name) for name in set(self.lives) - self.over()][:3])
            self.turn()
            self.look()
        say("all over after %d hours" % (self.number - first))
        for name, life in self.lives.items():
            life.is_right(self.status(name))
            whole(self.server, name, self.directory, moment=self.clock.now())

    # Resolvers.

    def open(self, resolver):
        return self.stack.enter_context(resolver)

    def begin_new(self):
        """New ones, one with nothing, and others behind the caches of an hour ago."""
        self.before, self.new = self.new, self.resolver("new-%d" % self.number)
        self.behind = {way: self.resolver("%s-%d" % (way, self.number), caches[1 - self.number % 2])
                       for way, caches in self.caches.items()}
        for resolver in (self.new, *self.behind.values()):
            resolver.begin()
            self.stack.push(resolver)

    def first(self, way):
        """What a cache is asked first."""
        for name in self.lives:
            if way == "answers":
                yield from questions(name, self.number, None)[1::2]
            else:
                yield Question(name, DNSKEY if way == "keys" else DS, 0, None)

    def everything(self):
        return [question for name in self.lives for question in questions(name, self.number)]

    def through(self, way):
        """What is asked through it an hour later, for which it takes what it has: wildcards, and what is not there."""
        for name in self.lives:
            yield from questions(name, self.number - (way == "answers"))[1::2]

    def look(self):
        for resolver in filter(None, (self.new, self.before, *self.behind.values())):
            resolver.__enter__()        # it answers by now
        talks = [Talk(self.new, self.everything())]
        talks += [Talk(self.before, self.through("all"))] if self.before else []
        talks += [Talk(resolver, self.through(way)) for way, resolver in self.behind.items()]
        talks += [Talk(caches[self.number % 2], self.first(way)) for way, caches in self.caches.items()]
        talks += [Talk(self.seldom, self.everything())] if self.number % 5 == 0 else []
        ask(talks)
        for resolver in filter(None, (self.before, *self.behind.values())):
            resolver.__exit__()


def run():
    with Stage("dnssec-kinds") as stage:
        world = Hours(stage)
        with world.stack:
            say("%d zones are signed" % len(world.lives))
            world.begin()
            say("all have a DS")
            world.live()


if __name__ == "__main__":
    sys.exit(passes(run))
