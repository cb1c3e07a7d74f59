/*
 * All of a zone: its names in canonical order, in which what is below one follows it at once, so that one delegation or
 * DNAME is all there is to remember. Each is asked what link of the chain it is to have, and each of its RRsets
 * whether it is the zone's own; then come the hashes, if it is NSEC3, and the signatures.
 *
 * Errors, of the chain:
 *
 *   nsec-missing        there is none, or a name has no link in it (RFC 4035 §2.3, RFC 5155 §7.1)
 *   nsec-unwanted       a link where none is to be: at a name that is not there, or hidden (RFC 6840 §4.1)
 *   nsec-types          it tells of other types than there are
 *   nsec-next           it names another next one than there is
 *   nsec-malformed      it is of another chain, or of none
 *   nsec3-opt-out       a delegation without NSEC3, and what covers it knows of no opt-out (RFC 5155 §6)
 *   nsec3-iterations    more than any validator goes by (RFC 9276 §3.2)
 *
 * Warnings:
 *
 *   nsec-ttl            a greater TTL than that of the SOA or its MINIMUM (RFC 9077 §3); said once
 */
#include <stdlib.h>

#include "control/must.h"
#include "control/sign/check_internal.h"
#include "control/sign/set_signer.h"
#include "control/zone/soa.h"
#include "shared/err.h"

enum { SAMPLE_ONE_IN = 64 };

/* A walk through the names. */
struct names {
	struct check_whole *whole;
	struct chain_node node;
	struct chain_roof roof;
	struct check_order order;   /* of NSEC */
	struct check_hashes hashes; /* of NSEC3 */
};

/* ---- contents ---- */

struct rrset check_open(const struct contents_rrset *r)
{
	struct rrset s;
	int err = rrset_open(r->type, r->blob, r->size, &s);

	assert(err == 0);
	return s;
}

struct check_place check_place_of(const struct check_whole *w,
                                  const struct contents_rrset *r)
{
	return (struct check_place){
		.file = r->line ? contents_file(w->contents, r->file) : "",
		.line = r->line,
		.key = r->key,
		.key_len = r->key_len,
		.type = r->type,
	};
}

size_t check_read_name(const struct contents *c, size_t at, struct chain_node *n)
{
	const struct contents_rrset *first = &c->rrsets[at];

	chain_node_begin(n, first->key, first->key_len);
	for (; at < c->count && contents_same_owner(&c->rrsets[at], first); at++) {
		struct rrset set = check_open(&c->rrsets[at]);
		chain_node_add(n, &set);
	}
	return at;
}

static struct rrset at_apex(const struct contents *c, uint16_t type)
{
	const struct contents_rrset *r = contents_at_apex(c, type);

	return r ? check_open(r) : (struct rrset){.type = type};
}

/* ---- one link ---- */

static void check_ttl(struct check_whole *w, const struct check_place *at, uint32_t ttl)
{
	if (ttl <= w->denial_ttl || w->ttl_told)
		return;
	w->ttl_told = true;
	check_say(&w->c, DIAG_WARNING, "nsec-ttl", at,
	          "its TTL is greater than that of the SOA or its MINIMUM, %u",
	          w->denial_ttl);
}

void check_whole_link(struct check_whole *w, struct check_order *o,
                      const struct contents_rrset *r, const struct check_place *at,
                      const struct chain_node *n, struct check_link *out)
{
	struct rrset set = check_open(r);
	const char *wrong = check_link_read(&w->chain, &set, out);

	check_follow(&w->c, o, (struct chain_ref){r->key, r->key_len});
	if (wrong) {
		check_say(&w->c, DIAG_ERROR, "nsec-malformed", at, "%s", wrong);
		return;
	}
	check_link_types(&w->c, &w->chain, at, n, out->types);
	check_ttl(w, at, set.ttl);
	check_follow_on(o, at, out);
}

/* ---- one name ---- */

/* Gives the NSEC among a name's RRsets, or NULL. */
static const struct contents_rrset *find_nsec(const struct contents *c, size_t from,
                                              size_t end)
{
	for (size_t i = from; i < end; i++)
		if (c->rrsets[i].type == RRTYPE_NSEC && check_open(&c->rrsets[i]).count)
			return &c->rrsets[i];
	return NULL;
}

static void check_nsec(struct names *x, size_t from, size_t end, bool links)
{
	struct check_whole *w = x->whole;
	const struct contents_rrset *first = &w->contents->rrsets[from];
	const struct contents_rrset *nsec = find_nsec(w->contents, from, end);
	struct check_place at = check_place_of(w, nsec ? nsec : first);
	struct check_link link;

	at.type = RRTYPE_NSEC;
	if (links && nsec) {
		check_whole_link(w, &x->order, nsec, &at, &x->node, &link);
	} else if (links) {
		check_follow(&w->c, &x->order,
		             (struct chain_ref){first->key, first->key_len});
		check_say(&w->c, DIAG_ERROR, "nsec-missing", &at, "is not there");
	} else if (nsec) {
		check_say(&w->c, DIAG_ERROR, "nsec-unwanted", &at,
		          "stands where the zone has no name of its own");
	}
}

/* A link of the kind that the zone does not have. */
static void check_other_kind(const struct check_whole *w, const struct contents_rrset *r)
{
	enum chain_kind kind = w->chain.params.kind;
	uint16_t other = kind == CHAIN_NSEC ? RRTYPE_NSEC3 : RRTYPE_NSEC;
	struct check_place at = check_place_of(w, r);

	if (kind != CHAIN_NONE && r->type == other && check_open(r).count)
		check_say(&w->c, DIAG_ERROR, "nsec-unwanted", &at,
		          kind == CHAIN_NSEC ? "no NSEC3PARAM says how it is hashed"
		                             : "the zone denies by NSEC3");
}

/* Those of the RRsets from one index to another. */
static void check_owner(struct names *x, size_t from, size_t end)
{
	struct check_whole *w = x->whole;
	const struct contents_rrset *sets = w->contents->rrsets;
	bool hidden = chain_roof_hides(&x->roof, &x->node);
	bool links = !hidden && x->node.count;

	for (size_t i = from; i < end; i++) {
		w->own[i] = sign_is_own(sets[i].type, hidden, x->node.cut);
		check_other_kind(w, &sets[i]);
	}
	if (w->chain.params.kind == CHAIN_NSEC)
		check_nsec(x, from, end, links);
	else if (w->chain.params.kind == CHAIN_NSEC3 && links)
		check_hashes_add(w, &x->hashes, &x->node, sets[from].key);
}

static void check_names(struct check_whole *w)
{
	struct names x = {.whole = w};
	size_t end;

	for (size_t at = 0; at < w->contents->count; at = end) {
		end = check_read_name(w->contents, at, &x.node);
		check_owner(&x, at, end);
	}
	check_follow_end(&w->c, &x.order);
	if (w->chain.params.kind == CHAIN_NSEC3)
		check_hashes_say(w, &x.hashes);
	check_hashes_fini(&x.hashes);
	chain_node_fini(&x.node);
}

/* ---- the zone ---- */

static void look_at_apex(struct check_whole *w)
{
	const struct contents *c = w->contents;
	struct rrset nsec = at_apex(c, RRTYPE_NSEC);
	struct rrset param = at_apex(c, RRTYPE_NSEC3PARAM);
	struct rrset soa = at_apex(c, RRTYPE_SOA);
	const struct contents_rrset *keys = contents_at_apex(c, RRTYPE_DNSKEY);
	struct check_place at = {.file = "", .key = (const uint8_t *)""};

	w->denial_ttl = UINT32_MAX;
	if (soa.count) {
		struct rdata d = rrset_first_record(&soa);
		uint32_t minimum = soa_number(d.bytes, d.len, SOA_MINIMUM);
		w->denial_ttl = minimum < soa.ttl ? minimum : soa.ttl;
	}
	if (keys) {
		struct rrset set = check_open(keys);
		check_keys_take(&w->c.keys, &set);
		at = check_place_of(w, keys);
	}
	at.type = RRTYPE_DNSKEY;
	check_keys_say(&w->c, &at);
	if (!check_chain_begin(&w->c, &w->chain, &nsec, &param))
		w->chain.params.kind = CHAIN_NONE;
}

int sign_check_contents(const struct contents *c, const struct sign_check *how,
                        struct diag *out)
{
	size_t errors = out->errors;
	struct check_whole w = {
		.c = {.how = how, .diag = out, .apex = c->apex, .apex_len = c->apex_len},
		.contents = c,
		.own = must(calloc(c->count + 1, sizeof *w.own)),
	};

	look_at_apex(&w);
	check_names(&w);
	int err = check_verify(&w);
	free(w.own);
	TRY(err);
	return out->errors > errors ? ERR_REFUSED : 0;
}

int sign_check_sample(const struct contents *c, const struct sign_check *how, char *why,
                      size_t size)
{
	struct sign_check some = *how;
	struct diag d;

	some.one_in = SAMPLE_ONE_IN;
	diag_init(&d);
	int err = sign_check_contents(c, &some, &d);
	const struct diag_entry *first = diag_first_error(&d);
	if (err == ERR_REFUSED && first && size > 0)
		diag_format(first, why, size);
	diag_fini(&d);
	return err;
}
