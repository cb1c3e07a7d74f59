/*
 * The signatures of one RRset.
 *
 * Errors:
 *
 *   rrsig-missing       no signature by an algorithm that the DNSKEYs have (RFC 4035 §2.2)
 *   rrsig-bogus         there are some, and none of them holds (RFC 4035 §5.3)
 *   rrsig-unwanted      a signature at what is not the zone's own: NS at a delegation, and glue (RFC 4035 §2.2)
 *
 * Warnings:
 *
 *   rrsig-spare         one that does not hold beside one that does
 *   rrsig-ttl           another TTL than what it signs has (RFC 4034 §3)
 *
 * Signatures by an algorithm that no DNSKEY has are what a new algorithm begins with, and an old one ends with
 * (RFC 6781 §4.1.4): nothing is said of them. Of those by an algorithm that is not known here nobody here can say
 * whether they hold; they are good enough for being there.
 */
#include "control/sign/check_internal.h"
#include "control/sign/rrsig.h"
#include "control/sign/set_signer.h"

/* What there is of each algorithm. */
struct tally {
	bool holds[UINT8_MAX + 1];
	uint8_t fault[UINT8_MAX + 1]; /* of the first that does not */
	uint16_t tag[UINT8_MAX + 1];  /* and its key */
};

/* Says whether the signatures of an owner are verified. */
static bool is_chosen(const struct checking *c, const struct check_set *s)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ c->how->seed; /* FNV-1a */

	if (c->how->one_in <= 1 || s->key_len == 0)
		return c->how->one_in > 0;
	for (size_t i = 0; i < s->key_len; i++)
		hash = (hash ^ s->key[i]) * UINT64_C(0x100000001b3);
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	return (hash >> 32) % c->how->one_in == 0;
}

static void count_one(const struct checking *c, struct rdata signature,
                      enum rrsig_fault fault, struct tally *t)
{
	struct rrsig s;

	if (rrsig_open(signature, &s) < 0 || !c->keys.is[s.algorithm])
		return;
	if (fault == RRSIG_GOOD || fault == RRSIG_ALGORITHM) {
		t->holds[s.algorithm] = true;
	} else if (!t->fault[s.algorithm]) {
		t->fault[s.algorithm] = (uint8_t)fault;
		t->tag[s.algorithm] = s.tag;
	}
}

static void count_all(const struct checking *c, struct verifier *v,
                      const struct check_set *s, struct tally *t)
{
	const uint8_t *at = rrset_first(s->set);
	bool deep = is_chosen(c, s);
	uint8_t owner[NAME_MAX_LEN];

	if (name_from_key(s->key, s->key_len, c->apex, owner) < 0)
		return;
	for (unsigned i = 0; i < s->set->count; i++)
		(void)rrset_next(&at);
	for (unsigned i = 0; i < s->set->sig_count; i++) {
		struct rdata d = rrset_next(&at);

		count_one(c, d,
		          (deep ? verifier_check : verifier_look)(v, owner, s->set, d,
		                                                  c->how->now),
		          t);
	}
}

static struct check_finding finding(enum check_result result, const struct tally *t,
                                    uint8_t algorithm)
{
	return (struct check_finding){.result = (uint8_t)result,
	                              .algorithm = algorithm,
	                              .fault = t->fault[algorithm],
	                              .tag = t->tag[algorithm]};
}

static struct check_finding worst(const struct checking *c, const struct check_set *s,
                                  const struct tally *t)
{
	struct check_finding spare = {.result = CHECK_FINE};

	for (unsigned i = 0; i < c->keys.count; i++) {
		uint8_t a = c->keys.list[i];

		if (!t->holds[a])
			return finding(t->fault[a] ? CHECK_BOGUS : CHECK_MISSING, t, a);
		if (t->fault[a] && spare.result == CHECK_FINE)
			spare = finding(CHECK_SPARE, t, a);
	}
	if (spare.result == CHECK_FINE && s->set->sig_count &&
	    s->set->sig_ttl != s->set->ttl)
		spare.result = CHECK_TTL;
	return spare;
}

struct check_finding check_signatures(const struct checking *c, struct verifier *v,
                                      const struct check_set *s)
{
	struct tally t = {.holds = {false}};

	if (s->set->count == 0)
		return (struct check_finding){.result = CHECK_FINE};
	if (!s->own)
		return (struct check_finding){.result = s->set->sig_count ? CHECK_UNWANTED
		                                                          : CHECK_FINE};
	count_all(c, v, s, &t);
	return worst(c, s, &t);
}

void check_say_finding(const struct checking *c, const struct check_place *at,
                       struct check_finding f)
{
	const char *fault = rrsig_fault_text((enum rrsig_fault)f.fault);

	switch ((enum check_result)f.result) {
	case CHECK_FINE: break;
	case CHECK_MISSING:
		check_say(c, DIAG_ERROR, "rrsig-missing", at,
		          "no signature of algorithm %u", f.algorithm);
		break;
	case CHECK_BOGUS:
		check_say(c, DIAG_ERROR, "rrsig-bogus", at,
		          "the signature of algorithm %u by key %u %s", f.algorithm,
		          f.tag, fault);
		break;
	case CHECK_UNWANTED:
		check_say(c, DIAG_ERROR, "rrsig-unwanted", at,
		          "is signed, and is not the zone's own");
		break;
	case CHECK_SPARE:
		check_say(c, DIAG_WARNING, "rrsig-spare", at,
		          "beside one that holds, a signature of algorithm %u by key %u "
		          "%s",
		          f.algorithm, f.tag, fault);
		break;
	case CHECK_TTL:
		check_say(c, DIAG_WARNING, "rrsig-ttl", at,
		          "the signatures have another TTL than what they sign");
		break;
	}
}
