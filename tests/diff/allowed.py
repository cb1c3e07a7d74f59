"""Why a difference is in order.

Two lists. MISTAKEN says where a peer's answer does not count, because it departs from an RFC or
takes a liberty that others do not take; the peers left over must agree, or Anser must agree with
one of them. ALLOWED says where Anser may differ from all of them, with the sentence that lets it.
"""

from collections import namedtuple

import message
from message import TYPES

# A peer's answer left out of account where applies(query, response, context) holds.
Mistaken = namedtuple("Mistaken", "peer why applies")
# A difference of Anser's where applies(query, ours, theirs) holds.
Allowed = namedtuple("Allowed", "why applies")


CNAME, DNAME, NSEC, ANY, RRSIG = (
    TYPES[name] for name in ("CNAME", "DNAME", "NSEC", "ANY", "RRSIG"))
# With so many CNAMEs in an answer the last one has not been followed.
KNOT_CHAIN, ANSER_CHAIN = 5, 9


def zero_octet(query, _response, _hosted):
    return b"\0" in query.name[:-1]


def cnames(response):
    return [record for record in response.answer if record[1] == CNAME]


def chain_cut_short(query, response, _hosted):
    return len(cnames(response)) >= KNOT_CHAIN


def signalled_loop(_query, response, _hosted):
    return response.rcode == 2 and bool(cnames(response))


def left_the_zone(_query, response, hosted):
    """Whether a chain was followed into another of the zones that are hosted."""
    first = hosted.closest(response.answer[0][0]) if response.answer else None
    return bool(cnames(response)) and any(
        hosted.closest(record[0]) != first for record in response.answer + response.authority)


def any_stopped_at_alias(query, response, _hosted):
    return query.qtype == ANY and any(r[1] in (CNAME, DNAME) for r in response.answer)


def wildcard_is_empty(query, response, hosted):
    """Whether the wildcard that the name, or what it leads to, falls on is an empty non-terminal."""
    led_to = cnames(response)[-1][4] if cnames(response) else query.name
    return hosted.wildcard_is_empty(query, led_to)


def meta_at_wildcard(query, response, hosted):
    return query.qtype in (NSEC, RRSIG) and not hosted.exists(query)


def overflow_missed(query, response, _hosted):
    """A DNAME whose substitution does not fit, with no CNAME made from it and no YXDOMAIN."""
    owners = [r for r in response.answer if r[1] == DNAME]
    return bool(owners) and not cnames(response) and response.rcode != 6


def overflow_with_denial(_query, response, _hosted):
    return response.rcode == 6 and bool(response.authority)


def denial_after_dname(query, response, _hosted):
    return query.do and any(r[1] == DNAME for r in response.answer)


def star_asked_with_nsec3(query, response, _hosted):
    return query.name[:2] == b"\1*" and any(r[1] == TYPES["NSEC3"] for r in response.authority)


MISTAKEN = [
    Mistaken("knot", "Knot 3.2 orders and finds names with zero octets wrongly "
             "(RFC 4034 section 6.1: the absence of an octet sorts before a zero value octet)",
             zero_octet),
    Mistaken("knot", "Knot follows no more than 5 CNAMEs", chain_cut_short),
    Mistaken("named", "BIND answers SERVFAIL for a loop (RFC 1034 section 3.6.2: loops are "
             "signalled as an error); an authoritative server may leave that to the resolver",
             signalled_loop),
    Mistaken("nsd", "NSD follows a chain into another zone that it hosts", left_the_zone),
    Mistaken("named", "BIND does not follow an alias for ANY", any_stopped_at_alias),
    Mistaken("knot", "Knot leaves out the proof about a wildcard that is an empty non-terminal "
             "(RFC 4035 section 3.1.3.4)", wildcard_is_empty),
    Mistaken("named", "BIND leaves out the proof about a wildcard that is an empty non-terminal "
             "(RFC 4035 section 3.1.3.4)", wildcard_is_empty),
    Mistaken("knot", "Knot leaves out the proof that there is no closer match when NSEC or RRSIG "
             "is asked of a wildcard (RFC 4035 section 3.1.3.3)", meta_at_wildcard),
    Mistaken("knot", "Knot does not answer YXDOMAIN for a DNAME that overflows "
             "(RFC 6672 section 2.2)", overflow_missed),
    Mistaken("knot", "Knot puts a denial of the name into YXDOMAIN answers", overflow_with_denial),
    Mistaken("nsd", "NSD proves a wildcard asked for by its own name like a name that it covers "
             "(RFC 5155 section 7.2.3 wants the matching NSEC3 alone)", star_asked_with_nsec3),
    Mistaken("nsd", "NSD denies another name than the one a DNAME led to "
             "(RFC 4035 section 3.1.3)", denial_after_dname),
]


class Hosted:
    """The zones that the servers have, for what a rule must know about them."""

    def __init__(self, zones, names_of):
        self.apexes = {message.lower(zone.wire) for zone in zones}
        self.names = {}
        self.names_of = names_of

    def closest(self, name, above=False):
        """The apex of the longest hosted zone that a name is in."""
        labels = message.wire_labels(message.lower(name))
        for i in range(1 if above else 0, len(labels) + 1):
            wire = message.labels_wire(labels[i:])
            if wire in self.apexes:
                return wire
        return None

    def answering(self, query):
        """The apex of the zone that answers a query: for DS at an apex the parent's."""
        name = message.lower(query.name)
        above = query.qtype == TYPES["DS"] and name in self.apexes
        return self.closest(name, above) or self.closest(name)

    def existing(self, query):
        if query.zone is None:
            return {}
        if query.zone.origin not in self.names:
            self.names[query.zone.origin] = self.names_of(query.zone)
        return self.names[query.zone.origin]

    def exists(self, query):
        return message.lower(query.name) in self.existing(query)

    def wildcard_is_empty(self, query, name):
        names = self.existing(query)
        labels = message.wire_labels(message.lower(name))
        for i in range(len(labels)):
            encloser = labels[i:]
            if message.labels_wire(encloser) in names:
                star = names.get(message.labels_wire([b"*"] + encloser))
                return i > 0 and star is not None and not star
        return False


def chain_at_limit(_query, response, _responses):
    return len(cnames(response)) == ANSER_CHAIN


def class_any(query, response, _responses):
    return query.qclass == 255 and response.rcode == 5


def ds_without_signature(query, response, _responses):
    """DS in a referral of a zone that is not signed."""
    return query.zone is not None and query.zone.variant == "plain" and any(
        record[1] == TYPES["DS"] for record in response.authority)


def alias_left_alone(query, response, _responses):
    return (query.qtype in (ANY, RRSIG) and response.rcode == 0
            and any(record[1] in (CNAME, DNAME) for record in response.answer)
            and not any(record[1] == TYPES["SOA"] for record in response.authority))


def proves_all_of_it(query, response, responses):
    """Every denial that any peer sends is there, where the peers disagree on which are needed."""
    peers = [set(r.authority) for name, r in responses.items()
             if name != "anser" and isinstance(r, message.Message)]
    return (len(peers) > 1 and any(p != peers[0] for p in peers)
            and set(response.authority) == set().union(*peers))


ALLOWED = [
    Allowed("where one peer leaves out one proof and another the other, Anser sends both "
            "(RFC 4035 section 3.1.3.4: the NSEC that proves that there is no closer match, and "
            "the one at the wildcard)", proves_all_of_it),
    Allowed("Anser follows no more than 8 CNAMEs; a resolver goes on from there (RFC 1034 "
            "section 5.3.3 step 4c: if the response shows a CNAME and that is not the answer "
            "itself, change the SNAME to the canonical name and go to step 1)", chain_at_limit),
    Allowed("class ANY is REFUSED, for only class IN is served (RFC 1035 section 4.1.1: a name "
            "server refuses to perform the specified operation for policy reasons)", class_any),
    Allowed("DS goes into a referral also without a signature (RFC 4035 section 3.1.4: if a DS "
            "RRset is present at the delegation point, the name server MUST return it)",
            ds_without_signature),
    Allowed("an alias is the answer to ANY and RRSIG by itself (RFC 8482 section 4.1: a "
            "responder MAY send a single RRset or a larger subset)", alias_left_alone),
]

NONE = "no answer"

# What may come back for the messages of queries.odd_messages(), by the beginning of their names:
# a set of rcodes, or NONE for silence.
EXPECTED = [
    ("QR set", {NONE}),
    # RFC 1035 section 4.1.1, RFC 3425, RFC 8490 section 5.1: what is not implemented is NOTIMP.
    ("opcode", {"NOTIMP"}),
    # RFC 9619 section 4: QDCOUNT above 1 MUST be FORMERR; without a question there is no query.
    ("no question", {"FORMERR"}),
    ("two questions", {"FORMERR"}),
    ("the same question twice", {"FORMERR"}),
    ("question count 65535", {"FORMERR"}),
    # RFC 6891 section 6.1.3: BADVERS; it goes before the question's zone is looked at.
    ("EDNS version", {"BADVERS"}),
    # RFC 6891 section 6.1.1: more than one OPT MUST be FORMERR; 6.1.2: the owner MUST be the root.
    ("two OPT", {"FORMERR"}),
    ("OPT owner not the root", {"FORMERR"}),
    ("OPT owner a pointer", {"FORMERR"}),
    ("OPT in", {"FORMERR", "NOERROR"}),
    ("OPT rdlength past the end", {"FORMERR"}),
    ("option header cut", {"FORMERR"}),
    ("option length past the end", {"FORMERR"}),
    # RFC 6891 section 6.1.2: options that are not understood MUST be ignored.
    ("unknown option", {"NOERROR"}),
    # RFC 7873 section 5.2.2: a COOKIE option of a wrong length MUST be FORMERR.
    ("cookie of", {"FORMERR"}),
    ("EDNS reserved flags", {"NOERROR"}),
    # RFC 6891 section 6.2.3: sizes below 512 MUST be treated as 512.
    ("EDNS size", {"NOERROR"}),
    ("extended rcode in query", {"NOERROR", "FORMERR"}),
    ("one octet after", {"FORMERR", "NOERROR"}),
    ("garbage after", {"FORMERR", "NOERROR"}),
    ("answer record", {"FORMERR", "NOERROR"}),
    ("authority record", {"FORMERR", "NOERROR"}),
    ("A record in additional", {"FORMERR", "NOERROR"}),
    ("counts without records", {"FORMERR"}),
    ("additional count 1", {"FORMERR"}),
    ("pointer", {"FORMERR"}),
    ("label type", {"FORMERR"}),
    ("name of 256 octets", {"FORMERR"}),
    ("name without end", {"FORMERR"}),
    # RFC 1035 section 4.1.1: bits that have no meaning in a query are ignored.
    ("AA, TC and RA set", {"NOERROR"}),
    ("Z set", {"NOERROR"}),
    ("rcode in query", {"NOERROR", "FORMERR"}),
    ("qtype TKEY", {"FORMERR", "NOTIMP", "REFUSED", "NOERROR", "NOTAUTH"}),
    ("qtype AXFR", {"REFUSED", "NOTIMP", "NOTAUTH", "FORMERR"}),
    # RFC 1995 section 2: over UDP the SOA alone is an answer.
    ("qtype IXFR", {"REFUSED", "NOTIMP", "NOTAUTH", "FORMERR", "NOERROR"}),
    ("qtype", {"FORMERR", "NOTIMP", "REFUSED", "NOERROR"}),
    ("qclass", {"REFUSED", "FORMERR", "NOTIMP", "NOTAUTH", "NOERROR"}),
    ("cut to", {"FORMERR", NONE}),
    ("root name only", {"REFUSED"}),
]


def expected(what):
    for prefix, outcome in EXPECTED:
        if what.startswith(prefix):
            return outcome
    raise KeyError(what)


def counted(query, forms, responses, hosted):
    """The peers' forms that count, and the reasons why others do not."""
    left, reasons = {}, []
    for name, form in forms.items():
        if name == "anser":
            continue
        response = responses[name]
        reason = next((rule.why for rule in MISTAKEN if rule.peer == name
                       and isinstance(response, message.Message)
                       and rule.applies(query, response, hosted)), None)
        if reason:
            reasons.append(reason)
        else:
            left[name] = form
    if not left:
        left = {name: form for name, form in forms.items() if name != "anser"}
    return left, reasons


def judge(query, forms, responses, hosted):
    """A verdict (agreed, allowed, sided, unexplained) on a difference, and the rule or class."""
    left, reasons = counted(query, forms, responses, hosted)
    ours = forms["anser"]
    distinct = set(left.values())
    if ours in distinct and len(distinct) == 1:
        return "allowed", "; ".join(reasons)
    if ours in distinct:
        agree = "=".join(name for name, form in left.items() if form == ours)
        return "sided", "with %s against %s" % (agree, "=".join(
            name for name, form in left.items() if form != ours))
    for rule in ALLOWED:
        if isinstance(responses["anser"], message.Message) and rule.applies(
                query, responses["anser"], responses):
            return "allowed", rule.why
    return "unexplained", None


def judge_odd(what, shapes):
    """As judge(), by the table of what may come back; OPT answers OPT (RFC 6891 section 6.1.1)."""
    ours = shapes["anser"]
    rcode = ours.split(" ")[0] if ours != NONE else NONE
    if rcode not in expected(what):
        return "unexplained", None
    with_opt = what.startswith("cookie of") or what == "no question with OPT"
    if with_opt and "+OPT" not in ours:
        return "unexplained", "no OPT in the response to " + what
    return "allowed", "odd messages, as allowed.EXPECTED says"
