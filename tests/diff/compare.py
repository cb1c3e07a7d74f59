"""What of a response must agree, and what is wrong with a response on its own."""

from collections import namedtuple

import message
from message import TYPES

NS, SOA, A, AAAA, RRSIG, ANY = (TYPES[name] for name in ("NS", "SOA", "A", "AAAA", "RRSIG", "ANY"))

# The parts of a response that must agree. Sets of records, so that order does not matter.
Canon = namedtuple("Canon", "rcode aa answer authority glue edns")
FIELDS = Canon._fields

NO_ANSWER = Canon("none", None, frozenset(), frozenset(), frozenset(), None)


SOME = (b"\0", 0, 0, 0, b"some")


def canonical(response, apex=None, qtype=0):
    """The comparable form of a message (or None) about a name in the zone of this apex.

    Of the answer to ANY and to RRSIG only whether there is one: RFC 8482 section 4.1 lets a
    server choose what to put there.
    """
    if response is None:
        return NO_ANSWER
    authority = response.authority
    if response.answer:
        # The NS set of the zone itself beside an answer is optional.
        authority = [r for r in authority if covered_type(r) != NS or r[0] != apex]
    return Canon(
        message.rcode_text(response.rcode), response.aa, answer_form(response, qtype),
        frozenset(authority), frozenset(required_glue(response, apex)),
        response.opt is not None)


def answer_form(response, qtype):
    if qtype in (ANY, RRSIG) and response.answer:
        return frozenset([SOME])
    return frozenset(response.answer)


def covered_type(record):
    """A record's type; of an RRSIG the type it signs."""
    if record[1] == RRSIG:
        return int.from_bytes(record[4][:2], "big")
    return record[1]


def referral_cut(response, apex=None):
    """Owner and targets of the NS set of a referral, or None."""
    targets = [r for r in response.authority if r[1] == NS]
    if not targets or targets[0][0] == apex or any(r[1] == SOA for r in response.authority):
        return None
    if response.aa and not ends_in_alias(response):
        return None
    return targets[0][0], {r[4] for r in targets}


def ends_in_alias(response):
    """An alias chain that leaves for a delegation keeps the AA of its first owner (RFC 1034
    section 6.2.7)."""
    return bool(response.answer) and all(
        covered_type(r) in (TYPES["CNAME"], TYPES["DNAME"]) for r in response.answer)


def required_glue(response, apex=None):
    """The addresses that RFC 9471 section 3.1 requires of a referral: in-domain name servers."""
    referral = referral_cut(response, apex)
    if referral is None:
        return []
    cut, targets = referral
    return [r for r in response.additional if r[1] in (A, AAAA) and r[0] in targets
            and message.is_subdomain(r[0], cut)]


def sibling_glue(response, apex=None):
    """Addresses of the other name servers of a referral: RFC 9471 section 3.2 says SHOULD."""
    referral = referral_cut(response, apex)
    if referral is None:
        return []
    cut, targets = referral
    return [r for r in response.additional if r[1] in (A, AAAA) and r[0] in targets
            and not message.is_subdomain(r[0], cut)]


def differing(one, two):
    return tuple(f for f, a, b in zip(FIELDS, one, two) if a != b)


def check_alone(query, wire, response):
    """Faults that need no second server to be seen; a list of short texts."""
    faults = []
    flags = response.flags
    if not flags & 0x8000:
        faults.append("QR clear")
    if flags & 0x00A0:
        faults.append("RA or AD set")
    if (flags ^ query.flags) & 0x0100:
        faults.append("RD not copied")
    if flags & 0x0010:
        faults.append("CD set (RFC 4035 section 3.1.6: SHOULD clear)")
    sent = query.wire()
    question = sent[12 : 12 + len(query.name) + 4]
    if response.question != question:
        faults.append("question not echoed octet for octet")
    if query.edns != (response.opt is not None):
        faults.append("OPT in response does not follow the query")
    if response.opt is not None and bool(response.opt[3] & 0x8000) != query.do:
        faults.append("DO not copied (RFC 3225 section 3)")
    faults += record_faults(query, response)
    return faults


def record_faults(query, response):
    faults = []
    sections = [response.answer, response.authority, response.additional]
    for name, records in zip(("answer", "authority", "additional"), sections):
        if len(set(records)) != len(records):
            faults.append("a record twice in " + name)
        ttls = {}
        for record in records:
            # RRSIGs of different types share owner and type but are sets of their own.
            key = (record[0], record[1], covered_type(record))
            if ttls.setdefault(key, record[3]) != record[3]:
                faults.append("TTLs of one set differ in " + name)
        if not query.do and query.qtype not in (RRSIG, ANY):
            if any(r[1] == RRSIG for r in records):
                faults.append("RRSIG without DO in " + name)
        sets = {(r[0], r[1]) for r in records if r[1] != RRSIG}
        orphans = [r for r in records if r[1] == RRSIG and (r[0], covered_type(r)) not in sets]
        if orphans and query.qtype not in (RRSIG, ANY):
            faults.append("RRSIG without what it signs in " + name)
    answered = {(r[0], r[1]) for r in response.answer}
    if any((r[0], r[1]) in answered and r[1] != RRSIG for r in response.additional):
        faults.append("a set of the answer again in additional")
    if response.rcode == 0 and response.answer and not chain_leads_on(query, response):
        faults.append("an answer record of a name that was not asked for and not led to")
    return faults


def chain_leads_on(query, response):
    """Each CNAME's target owns what follows it; a DNAME stands before the CNAME it makes."""
    current = message.lower(query.name)
    for record in response.answer:
        if record[1] == RRSIG:
            continue
        if record[1] == TYPES["DNAME"] and record[0] != current:
            if not message.is_subdomain(current, record[0]):
                return False
            continue
        if record[0] != current:
            return False
        if record[1] == TYPES["CNAME"] and query.qtype not in (TYPES["CNAME"], ANY):
            current = record[4]
    return True


def check_size(query, limit, small, full):
    """A UDP response against the same server's TCP response; a list of short texts."""
    faults = []
    if small.size > limit:
        faults.append("%s octets on UDP" % ("more than 1232" if limit >= 1232 else "too many"))
    if full is None:
        return faults
    if small.tc:
        if least_size(full) <= limit:
            faults.append("TC although all that is required fits")
        return faults
    apex = message.lower(query.zone.wire)
    differences = differing(canonical(small, apex, query.qtype),
                            canonical(full, apex, query.qtype))
    if differences:
        faults.append("UDP without TC differs from TCP in " + "+".join(differences))
    return faults


def least_size(response):
    """The size of a response without the additional records that may be left out."""
    required = set(required_glue(response))
    optional = sum(size for record, size in zip(response.additional, response.additional_sizes)
                   if record not in required)
    return response.size - optional
