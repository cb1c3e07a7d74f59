#include "control/sign/set_signer.h"

#include <stdlib.h>

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
	unsigned parts = 0;

	for (size_t i = 0; i < t->key_count; i++)
		parts |= t->keys[i].parts;
	return t->key_count <= SIGN_KEYS_MAX && parts == (SIGN_KEYS | SIGN_ZONE)
	               ? 0
	               : ERR_INVALID;
}

static enum sign_part part_of(uint16_t type, bool apex)
{
	bool keys = type == RRTYPE_DNSKEY || type == RRTYPE_CDS || type == RRTYPE_CDNSKEY;

	return keys && apex ? SIGN_KEYS : SIGN_ZONE;
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

	for (size_t i = 0; i < t->key_count; i++)
		if (t->keys[i].parts & part)
			size += signature_size(t->keys[i].key, zone_len);
	return size;
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
	struct rrsig_times times = sign_times(t->periods, &occasion, t->now);
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
	int count = make_signatures(s, &what, part_of(set->type, apex), signatures);

	TRY(count);
	if (rrsig_blob_size(set, signatures, (unsigned)count) !=
	    sign_blob_size(s->terms, set, apex))
		return ERR_SYSTEM; /* a signature of another length than its kind has */
	rrsig_blob_write(set, signatures, (unsigned)count, blob);
	return 0;
}
