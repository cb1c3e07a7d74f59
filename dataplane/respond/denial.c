/*
 * Proofs of non-existence from the records that the zone was signed with.
 *
 * NSEC (RFC 4035 §3.1.3): the record that covers a name is the one with the greatest owner not
 * above it, which the denial index finds. NSEC3 (RFC 5155 §7.2): hashes of existing names lie in
 * their nodes; the hash of the next closer name is the only one computed here.
 *
 * The records are noted, not written: a chain goes on filling the answer section after the proof
 * for its first name is known.
 */
#include <string.h>

#include "dataplane/respond/answer.h"
#include "dataplane/respond/nsec3hash.h"
#include "shared/rrtype.h"
#include "shared/table_index.h"

static void need(struct answer *a, table_ref ref)
{
	for (unsigned i = 0; i < a->ndenials; i++)
		if (a->denials[i] == ref)
			return;
	if (ref != 0 && a->ndenials < DENIALS_MAX)
		a->denials[a->ndenials++] = ref;
}

/* The cover of the question's name, if that is missing and its cover has been searched for. */
static table_ref found_cover(const struct answer *a)
{
	return a->chain == 0 && !a->q->node ? a->q->cover.found : 0;
}

/* ---- NSEC ---- */

static void nsec_cover(struct answer *a, const uint8_t *name)
{
	const struct table_zone_version *v = answer_zone(a);
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_to_key(name, v->apex_len, key);
	bool exact;

	need(a, table_index_find(a->s->base, v->denial_root, key, len, &exact));
}

/* The record that denies the wildcard below the encloser. */
static void nsec_no_wildcard(struct answer *a, unsigned labels)
{
	const struct table_zone_version *v = answer_zone(a);
	uint8_t name[2 + NAME_MAX_LEN];

	if (labels == v->apex_labels) {
		need(a, v->apex_wild);
		return;
	}
	name[0] = 1;
	name[1] = '*';
	memcpy(name + 2, path_suffix(&a->path, labels),
	       path_suffix_len(&a->path, labels));
	nsec_cover(a, name);
}

static void nsec_at(struct answer *a, const struct table_node *n)
{
	const struct table_entry *e = node_entry(n, RRTYPE_NSEC);

	if (e)
		need(a, e->ref);
	else
		nsec_cover(a, n->name); /* an empty non-terminal has none of its own */
}

/* At the subject, or a delegation above it, whose name stands in the message already: the record's owner is a
 * pointer there. */
static void nsec_at_subject(struct answer *a, const struct table_node *n)
{
	const struct table_entry *e = node_entry(n, RRTYPE_NSEC);
	unsigned into = (unsigned)a->subject.name_len - n->name_len;
	unsigned at = emit_name_at(a->e.dns, a->subject.at, into);

	nsec_at(a, n);
	if (e && at <= POINTER_MAX) {
		a->own_denial = e->ref;
		a->own_denial_at = at;
	}
}

/* ---- NSEC3 ---- */

static const uint8_t *node_hashes(const struct table_node *n)
{
	const struct table_entry *e = n ? node_entry(n, 0) : NULL;

	return e && (e->flags & ENTRY_HASHES) ? e->body : NULL;
}

static table_ref nsec3_find(struct answer *a, const uint8_t *hash, bool *exact)
{
	return table_index_find(a->s->base, answer_zone(a)->denial_root, hash,
	                        NSEC3_HASH_LEN, exact);
}

static void nsec3_cover(struct answer *a, const uint8_t *hash)
{
	bool exact;

	need(a, nsec3_find(a, hash, &exact));
}

/* The record that matches an existing node, 0 when opt-out left it out. */
static table_ref nsec3_match(struct answer *a, const struct table_node *n)
{
	const uint8_t *hashes = node_hashes(n);
	bool exact = false;
	table_ref ref = hashes ? nsec3_find(a, hashes, &exact) : 0;

	return exact ? ref : 0;
}

/* RFC 5155 §7.2.1: the closest provable encloser at or above labels (left out for a wildcard
 * answer, whose RRSIG shows it), and the cover of the next closer name. Gives the labels of the
 * encloser that it came to. */
static unsigned nsec3_encloser(struct answer *a, unsigned labels, bool prove_encloser)
{
	const struct table_zone_version *v = answer_zone(a);
	uint8_t hash[NSEC3_HASH_LEN];
	table_ref match = 0;

	for (; labels > v->apex_labels; labels--) {
		match = nsec3_match(a, path_node(a->s, &a->path, labels));
		if (match)
			break;
	}
	if (prove_encloser)
		need(a, match ? match : v->apex_match);
	if (found_cover(a) && labels == a->q->encloser_labels) {
		need(a, found_cover(a));
		return labels;
	}
	nsec3_hash(path_suffix(&a->path, labels + 1),
	           path_suffix_len(&a->path, labels + 1), v->salt, v->salt_len,
	           v->nsec3_iterations, hash);
	nsec3_cover(a, hash);
	return labels;
}

static void nsec3_no_wildcard(struct answer *a, unsigned labels)
{
	const struct table_zone_version *v = answer_zone(a);

	if (labels == v->apex_labels) {
		need(a, v->apex_wild);
		return;
	}
	const uint8_t *hashes = node_hashes(path_node(a->s, &a->path, labels));
	if (hashes)
		nsec3_cover(a, hashes + NSEC3_HASH_LEN);
}

/* The wildcard is there but lacks the type; under opt-out it may have no record of its own. */
static void nsec3_wildcard_nodata(struct answer *a, const struct table_node *wildcard,
                                  unsigned labels)
{
	table_ref match = nsec3_match(a, wildcard);

	labels = nsec3_encloser(a, labels, true);
	if (match)
		need(a, match);
	else
		nsec3_no_wildcard(a, labels);
}

static void nsec3_at(struct answer *a, const struct table_node *n)
{
	table_ref match = nsec3_match(a, n);

	if (match) {
		need(a, match);
		return;
	}
	/* RFC 5155 §7.2.4, §7.2.7: under opt-out a closest encloser proof stands in for it. */
	path_of(&a->path, &a->s->hash_key, n->name, n->name_len, &a->path_room);
	if (a->path.labels > answer_zone(a)->apex_labels)
		nsec3_encloser(a, a->path.labels - 1, true);
}

/* ---- either ---- */

static uint8_t signed_how(struct answer *a)
{
	return a->e.dnssec ? answer_zone(a)->flags & (ZONE_NSEC | ZONE_NSEC3) : 0;
}

void denial_nodata(struct answer *a, const struct table_node *n)
{
	switch (signed_how(a)) {
	case ZONE_NSEC: nsec_at_subject(a, n); break;
	case ZONE_NSEC3: nsec3_at(a, n); break;
	default: break;
	}
}

void denial_wildcard_nodata(struct answer *a, const struct table_node *wildcard,
                            unsigned labels)
{
	switch (signed_how(a)) {
	case ZONE_NSEC:
		nsec_at(a, wildcard);
		nsec_cover(a, a->subject.name);
		break;
	case ZONE_NSEC3: nsec3_wildcard_nodata(a, wildcard, labels); break;
	default: break;
	}
}

void denial_wildcard(struct answer *a, unsigned labels)
{
	switch (signed_how(a)) {
	case ZONE_NSEC: nsec_cover(a, a->subject.name); break;
	case ZONE_NSEC3: nsec3_encloser(a, labels, false); break;
	default: break;
	}
}

void denial_nxdomain(struct answer *a, unsigned labels)
{
	switch (signed_how(a)) {
	case ZONE_NSEC:
		if (found_cover(a))
			need(a, found_cover(a));
		else
			nsec_cover(a, a->subject.name);
		nsec_no_wildcard(a, labels);
		break;
	case ZONE_NSEC3: nsec3_no_wildcard(a, nsec3_encloser(a, labels, true)); break;
	default: break;
	}
}

static bool write_one(struct answer *a, table_ref ref)
{
	const struct table_denial *d = table_at(a->s->base, ref);

	/* The root's owner is shorter than a pointer to it. */
	if (ref == a->own_denial && d->owner_len > 2)
		return emit_denial_as_data(&a->e, d, a->own_denial_at, SECTION_AUTHORITY);
	return emit_denial(&a->e, d, answer_apex_at(a));
}

bool denial_write(struct answer *a)
{
	for (unsigned i = 0; i < a->ndenials; i++)
		if (!write_one(a, a->denials[i]))
			return false;
	return true;
}
