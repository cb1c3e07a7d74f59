/*
 * The chain in the store.
 *
 * A link is found by its key at once. What comes before a key is another matter, for the store has the
 * zone's names in one order, with all their RRsets, and links among them.
 *
 * With NSEC that costs little: every name that counts is a link, and what is below a delegation is
 * skipped by looking for the delegation. With NSEC3 a million names may stand between two
 * hashes that are next to each other ("host1" to "host999999", say). But hashes are spread evenly, so that names
 * cannot be in the way everywhere. Any link not too far before the key will do, since
 * links lead onwards: what is found near the key is taken, or else near places twice, four times and so on as far
 * before it, and at last the apex.
 */
#include "control/sign/chain_internal.h"
#include "shared/err.h"

enum {
	LOOKS_MAX = 32,  /* names that are looked at in one place */
	DISTANCES = 48,  /* doublings */
	NUMBER_SIZE = 8, /* octets of a hash that say where it is */
};

int chain_stored_get(const struct chain_stored *s, const uint8_t *key, size_t len,
                     struct rrset *out)
{
	struct rrset set;

	TRY(store_rrset_get(s->txn, s->zone->id, key, len, chain_type(s->chain), &set));
	if (set.count == 0) /* signatures alone */
		return ERR_NOTFOUND;
	*out = set;
	return 0;
}

static int has(const struct chain_stored *s, const uint8_t *key, size_t len,
               uint16_t type, bool *out)
{
	struct rrset set;
	int err = store_rrset_get(s->txn, s->zone->id, key, len, type, &set);

	*out = err == 0 && set.count > 0;
	return err == ERR_NOTFOUND ? 0 : err;
}

static int links(const struct chain_stored *s, const struct chain_key *k, bool *out)
{
	return has(s, k->bytes, k->len, chain_type(s->chain), out);
}

/* ---- NSEC ---- */

/* Cuts a key off at the first delegation or DNAME from the apex down, if it is below one. */
static int cut_off(const struct chain_stored *s, struct chain_key *k)
{
	for (size_t at = 0; at < k->len; at = chain_label_end(k->bytes, at)) {
		bool cut = false;

		if (at > 0)
			TRY(has(s, k->bytes, at, RRTYPE_NS, &cut));
		if (!cut)
			TRY(has(s, k->bytes, at, RRTYPE_DNAME, &cut));
		if (cut) {
			k->len = at;
			return 0;
		}
	}
	return 0;
}

static int before_nsec(const struct chain_stored *s, const struct chain_key *key,
                       struct chain_key *out)
{
	struct store_entry e;
	bool found = false;

	chain_key_set(out, key->bytes, key->len);
	while (!found) {
		int err = store_cursor_before(s->cursor, out->bytes, out->len, &e);
		if (err ==
		    ERR_NOTFOUND) /* the first of all is the apex, which has a link */
			return ERR_INVALID;
		TRY(err);
		chain_key_set(out, e.key, e.key_len);
		TRY(links(s, out, &found));
		if (found)
			break;
		TRY(cut_off(s, out));
		TRY(links(s, out, &found));
	}
	return 0;
}

/* ---- NSEC3 ---- */

static int compare(struct chain_ref a, struct chain_ref b)
{
	return name_key_compare(a.bytes, a.len, b.bytes, b.len);
}

bool chain_is_between(struct chain_ref k, struct chain_ref from, struct chain_ref to)
{
	bool behind = compare(k, from) > 0;
	bool before = compare(k, to) < 0;

	/* From one to itself, or round by the first of all. */
	if (compare(from, to) >= 0)
		return compare(from, to) == 0 ? compare(k, from) != 0 : behind || before;
	return behind && before;
}

/* Looks for a link before a place, but not far, by the first labels of names. */
static int look_near(const struct chain_stored *s, uint64_t place, struct chain_key *out,
                     bool *found)
{
	uint8_t hash[NSEC3_HASH_LEN] = {0};
	struct store_entry e;

	for (unsigned i = 0; i < NUMBER_SIZE; i++)
		hash[i] = (uint8_t)(place >> (8 * (NUMBER_SIZE - 1 - i)));
	chain_hash_key(hash, out);
	for (unsigned i = 0; i < LOOKS_MAX && !*found; i++) {
		int err = store_cursor_before(s->cursor, out->bytes, out->len, &e);

		if (err == ERR_NOTFOUND || (err == 0 && e.key_len == 0))
			return 0;
		TRY(err);
		chain_key_set(out, e.key, chain_label_end(e.key, 0));
		if (chain_key_hash(out->bytes, out->len, hash))
			TRY(links(s, out, found));
	}
	return 0;
}

/* Gives a link from which the key is not far. */
static int look_around(const struct chain_stored *s, const struct chain_key *key,
                       struct chain_key *out)
{
	static const struct chain_key apex;
	uint64_t apart = UINT64_MAX / (s->zone->rrsets + 1); /* links at the most dense */
	uint8_t hash[NSEC3_HASH_LEN];
	uint64_t number = 0;
	bool found = false;

	if (!chain_key_hash(key->bytes, key->len, hash))
		return ERR_INVALID;
	for (unsigned i = 0; i < NUMBER_SIZE; i++)
		number = number << 8 | hash[i];
	for (unsigned i = 0; i < DISTANCES && (s->zone->rrsets >> i) > 0 && !found; i++)
		TRY(look_near(s, number - apart * ((1ULL << i) - 1), out, &found));
	if (!found)
		chain_link_key(s->chain, &apex, out);
	return 0;
}

/* Follows the chain to the link that comes before a key. */
static int before_nsec3(const struct chain_stored *s, const struct chain_key *key,
                        struct chain_key *out)
{
	TRY(look_around(s, key, out));
	for (uint64_t i = 0; i <= s->zone->rrsets; i++) {
		struct chain_link l;
		struct chain_key next;
		struct rrset set;

		int err = chain_stored_get(s, out->bytes, out->len, &set);
		if (err == ERR_NOTFOUND)
			return ERR_INVALID;
		TRY(err);
		TRY(chain_link_read(s->chain, &set, &l, &next));
		if (chain_key_is(key, next.bytes, next.len) ||
		    chain_is_between(chain_ref_of(key), chain_ref_of(out),
		                     chain_ref_of(&next)))
			return 0;
		chain_key_set(out, next.bytes, next.len);
	}
	return ERR_INVALID;
}

int chain_stored_before(const struct chain_stored *s, const struct chain_key *key,
                        struct chain_key *out)
{
	return s->chain->params->kind == CHAIN_NSEC ? before_nsec(s, key, out)
	                                            : before_nsec3(s, key, out);
}
