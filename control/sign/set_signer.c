#include "control/sign/set_signer.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/signer.h"
#include "shared/err.h"
#include "shared/name.h"

struct set_signer {
	const struct sign_terms *terms;
	struct signer *signers[SIGN_KEYS_MAX]; /* one for each key */
	struct rrsig_room room;
	uint8_t rdata[SIGN_KEYS_MAX][RRSIG_MAX];
};

int sign_terms_check(const struct sign_terms *t)
{
	unsigned parts = t->given ? SIGN_KEYS : 0;

	for (size_t i = 0; i < t->key_count; i++)
		parts |= t->keys[i].parts;
	return t->key_count <= SIGN_KEYS_MAX && parts == (SIGN_KEYS | SIGN_ZONE)
	               ? 0
	               : ERR_INVALID;
}

static enum sign_part part_of(uint16_t type, bool apex)
{
	return rrtype_is_of_keys(type) && apex ? SIGN_KEYS : SIGN_ZONE;
}

static const struct sign_periods *periods_of(const struct sign_terms *t,
                                             enum sign_part part)
{
	return part == SIGN_KEYS && t->key_periods ? t->key_periods : t->periods;
}

/* Says whether its signatures are made elsewhere, and gives it with them (count 0: it is not to be there). */
static bool is_given(const struct sign_terms *t, const struct rrset *set, bool apex,
                     struct rrset *out)
{
	*out = (struct rrset){.type = set->type};
	if (!t->given || part_of(set->type, apex) != SIGN_KEYS)
		return false;
	for (size_t i = 0; i < t->given_count; i++)
		if (t->given[i].type == set->type)
			*out = t->given[i];
	return true;
}

static uint32_t signature_size(const struct sign_key *k, size_t zone_len)
{
	const struct sign_algorithm_facts *f = sign_algorithm(sign_key_algorithm(k));
	uint32_t len = f->signature_len ? f->signature_len : (sign_key_bits(k) + 7) / 8;

	return (uint32_t)(sizeof(uint16_t) + RRSIG_FIXED + zone_len) + len;
}

uint32_t sign_blob_size(const struct sign_terms *t, const struct rrset *set, bool apex)
{
	enum sign_part part = part_of(set->type, apex);
	size_t zone_len = name_len(t->zone, NAME_MAX_LEN);
	uint32_t size = (uint32_t)rrsig_blob_size(set, NULL, 0);
	struct rrset given;

	if (is_given(t, set, apex, &given))
		return given.count ? (uint32_t)given.size : size;
	for (size_t i = 0; i < t->key_count; i++)
		if (t->keys[i].parts & part)
			size += signature_size(t->keys[i].key, zone_len);
	return size;
}

/* Gives which of the keys for a part has made a signature, as a bit; 0: none. Those that have made another do not count:
 * two may have one tag. */
static unsigned key_of(const struct sign_terms *t, const struct rrsig *r,
                       enum sign_part part, unsigned others)
{
	for (size_t i = 0; i < t->key_count; i++)
		if (t->keys[i].parts & part && !(others & 1U << i) &&
		    sign_key_algorithm(t->keys[i].key) == r->algorithm &&
		    sign_key_tag(t->keys[i].key) == r->tag)
			return 1U << i;
	return 0;
}

/* Those of the keys that are to have signed a part. */
static unsigned keys_for(const struct sign_terms *t, enum sign_part part)
{
	unsigned keys = 0;

	for (size_t i = 0; i < t->key_count; i++)
		keys |= t->keys[i].parts & part ? 1U << i : 0;
	return keys;
}

static const uint8_t *first_signature(const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	return at;
}

/* What the signatures of an RRset come to. */
struct signed_by {
	unsigned keys; /* bits */
	bool strange;  /* others are there, or they say what is not so */
	uint64_t due;
};

/* Gives when a signature is due. */
static uint64_t due_of(const struct sign_terms *t, const struct rrsig *r,
                       enum sign_part part)
{
	const struct sign_periods *p = periods_of(t, part);
	uint64_t made = sign_time_near(r->inception, t->now) + p->skew;
	const struct rrsig_times times = {.inception = r->inception,
	                                  .expiration = r->expiration};

	return made < t->renew ? 0 : sign_times_due(p, times, t->now);
}

static struct signed_by look_at_signatures(const struct sign_terms *t,
                                           const struct rrset *set, enum sign_part part)
{
	struct signed_by by = {.due = UINT64_MAX};
	const uint8_t *at = first_signature(set);

	for (unsigned i = 0; i < set->sig_count; i++) {
		struct rrsig r;
		if (rrsig_open(rrset_next(&at), &r) < 0) {
			by.strange = true;
			break;
		}
		unsigned key = key_of(t, &r, part, by.keys);
		uint64_t due = due_of(t, &r, part);
		by.strange |= key == 0 || r.ttl != set->ttl;
		by.keys |= key;
		by.due = due < by.due ? due : by.due;
	}
	return by;
}

bool sign_is_by_keys(const struct sign_terms *t, const struct rrset *set, bool apex)
{
	enum sign_part part = part_of(set->type, apex);
	struct signed_by by = look_at_signatures(t, set, part);

	return !by.strange && by.keys == keys_for(t, part);
}

bool sign_is_current(const struct sign_terms *t, const struct rrset *set, bool apex)
{
	enum sign_part part = part_of(set->type, apex);
	struct signed_by by = look_at_signatures(t, set, part);
	struct rrset given;

	if (is_given(t, set, apex, &given))
		return given.count && given.size == set->size &&
		       memcmp(given.bytes, set->bytes, set->size) == 0;
	return !by.strange && by.keys == keys_for(t, part) && by.due > t->now;
}

uint64_t sign_due(const struct sign_terms *t, const struct rrset *set, bool apex)
{
	struct rrset given;

	if (is_given(t, set, apex, &given))
		return UINT64_MAX;
	return look_at_signatures(t, set, part_of(set->type, apex)).due;
}

uint64_t sign_ends(const struct sign_terms *t, const struct rrset *set)
{
	const uint8_t *at = first_signature(set);
	uint64_t ends = UINT64_MAX;
	struct rrsig r;

	for (unsigned i = 0; i < set->sig_count; i++) {
		if (rrsig_open(rrset_next(&at), &r) < 0)
			continue;
		uint64_t end = sign_time_near(r.expiration, t->now);
		ends = end < ends ? end : ends;
	}
	return ends;
}

bool sign_holds(const struct rrset *set, uint64_t now)
{
	const uint8_t *at = first_signature(set);
	bool holds = true;
	struct rrsig r;

	for (unsigned i = 0; i < set->sig_count && holds; i++)
		holds = rrsig_open(rrset_next(&at), &r) == 0 &&
		        sign_time_near(r.inception, now) <= now &&
		        sign_time_near(r.expiration, now) > now;
	return holds;
}

int set_signer_new(const struct sign_terms *t, struct set_signer **out)
{
	struct set_signer *s = must(calloc(1, sizeof *s));

	s->terms = t;
	for (size_t i = 0; i < t->key_count; i++) {
		int err = signer_new(t->keys[i].key, &s->signers[i]);
		if (err < 0) {
			set_signer_free(&s);
			return err;
		}
	}
	*out = s;
	return 0;
}

void set_signer_free(struct set_signer **signer)
{
	struct set_signer *s = *signer;

	*signer = NULL;
	if (!s)
		return;
	for (size_t i = 0; i < SIGN_KEYS_MAX; i++)
		signer_free(&s->signers[i]);
	rrsig_room_fini(&s->room);
	free(s);
}

uint32_t set_signer_size(const struct set_signer *s, const struct rrset *set, bool apex)
{
	return sign_blob_size(s->terms, set, apex);
}

/* Makes all signatures that it is to have. Gives how many. */
static int make_signatures(struct set_signer *s, const struct signed_set *what,
                           enum sign_part part, struct rdata *out)
{
	const struct sign_terms *t = s->terms;
	const struct sign_occasion occasion = {
		.owner = what->owner, .type = what->set->type, .serial = t->serial};
	struct rrsig_times times = sign_times(periods_of(t, part), &occasion, t->now);
	unsigned count = 0;

	for (size_t i = 0; i < t->key_count; i++) {
		if (!(t->keys[i].parts & part))
			continue;
		int len =
			rrsig_make(s->signers[i], &s->room, what, times, s->rdata[count]);
		TRY(len);
		out[count] =
			(struct rdata){.bytes = s->rdata[count], .len = (uint16_t)len};
		count++;
	}
	return (int)count;
}

int set_signer_sign(struct set_signer *s, const uint8_t *owner, const struct rrset *set,
                    uint8_t *blob)
{
	const struct signed_set what = {
		.owner = owner, .zone = s->terms->zone, .set = set};
	bool apex = name_equal(owner, s->terms->zone);
	struct rdata signatures[SIGN_KEYS_MAX];
	struct rrset given;

	if (is_given(s->terms, set, apex, &given)) {
		if (!given.count || !rrsig_same_data(&given, set))
			return ERR_INVALID;
		memcpy(blob, given.bytes, given.size);
		return 0;
	}
	int count = make_signatures(s, &what, part_of(set->type, apex), signatures);
	TRY(count);
	if (rrsig_blob_size(set, signatures, (unsigned)count) !=
	    sign_blob_size(s->terms, set, apex))
		return ERR_SYSTEM; /* a signature of another length than its kind has */
	rrsig_blob_write(set, signatures, (unsigned)count, blob);
	return 0;
}
