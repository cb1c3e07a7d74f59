/*
 * One link of a chain: the NSEC or NSEC3 of a name, as it stands.
 *
 * It tells of a name's types (RFC 4034 §4.1.2, RFC 5155 §3.2.8):
 *
 *   what is there       all types of the name that the zone answers with: at a delegation NS and DS alone
 *   RRSIG               where something is signed: not in the NSEC3 of a delegation without DS
 *   NSEC                in NSEC
 *
 * The bitmap is read here and not compared with one that is made: two ways to the same.
 */
#include <stdlib.h>

#include "control/sign/check_internal.h"
#include "shared/base32hex.h"
#include "shared/wire.h"

enum {
	HASH_SHA1 = 1,
	FLAG_OPT_OUT = 1,
	PARAM_FIXED = 5, /* octets before the salt */
	WINDOW_HEADER = 2,
	WINDOW_MAX = 32,
};

/* ---- which chain ---- */

/* The first NSEC3PARAM that servers go by (RFC 5155 §4.1.2). */
static bool read_params(const struct rrset *set, struct chain_params *p)
{
	const uint8_t *at = set->count ? rrset_first(set) : NULL;

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);

		if (d.len < PARAM_FIXED || d.len != PARAM_FIXED + d.bytes[4] ||
		    d.bytes[0] != HASH_SHA1 || d.bytes[1] != 0)
			continue;
		p->kind = CHAIN_NSEC3;
		p->iterations = wire_load16(d.bytes + 2);
		p->salt_len = d.bytes[4];
		memcpy(p->salt, d.bytes + PARAM_FIXED, p->salt_len);
		return true;
	}
	return false;
}

void check_chain_read(const struct checking *c, struct check_chain *chain,
                      const struct rrset *nsec, const struct rrset *param)
{
	*chain = (struct check_chain){.param = param->count > 0};
	chain->chain.params = &chain->params;
	chain->chain.apex = c->apex;
	chain->chain.apex_len = c->apex_len;
	if (!read_params(param, &chain->params) && nsec->count)
		chain->params.kind = CHAIN_NSEC;
}

bool check_chain_begin(const struct checking *c, struct check_chain *chain,
                       const struct rrset *nsec, const struct rrset *param)
{
	struct check_place at = {
		.file = "", .key = (const uint8_t *)"", .type = RRTYPE_NSEC};

	check_chain_read(c, chain, nsec, param);
	if (chain->params.kind == CHAIN_NONE) {
		check_say(c, DIAG_ERROR, "nsec-missing", &at,
		          "the zone has neither that nor NSEC3PARAM, and cannot deny "
		          "anything");
		return false;
	}
	at.type = RRTYPE_NSEC3PARAM;
	if (chain->params.iterations > CHECK_ITERATIONS_MAX) {
		check_say(c, DIAG_ERROR, "nsec3-iterations", &at,
		          "%u iterations, and validators go by %d at most",
		          chain->params.iterations, CHECK_ITERATIONS_MAX);
		return false;
	}
	return true;
}

/* ---- what a link says ---- */

static const char *read_name(const struct check_chain *c, struct wire_reader *r,
                             struct check_link *out)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(r->at, wire_left(r));

	if (len == 0 || !name_is_under(r->at, c->chain.apex, NULL))
		return "names a next one that is not in the zone";
	memcpy(name, wire_read_bytes(r, len), len);
	name_fold(name, len);
	out->next.len = name_to_key(name, c->chain.apex_len, out->next.bytes);
	return NULL;
}

static const char *read_hash(const struct check_chain *c, struct wire_reader *r,
                             struct check_link *out)
{
	const struct chain_params *p = &c->params;
	uint8_t algorithm = wire_read8(r);
	uint8_t flags = wire_read8(r);
	uint16_t iterations = wire_read16(r);
	uint8_t salt_len = wire_read8(r);
	const uint8_t *salt = wire_read_bytes(r, salt_len);
	uint8_t hash_len = wire_read8(r);
	const uint8_t *hash = wire_read_bytes(r, hash_len);

	if (!r->ok || algorithm != HASH_SHA1 || iterations != p->iterations ||
	    salt_len != p->salt_len || memcmp(salt, p->salt, salt_len) != 0)
		return "is hashed in another way than NSEC3PARAM says";
	if (flags & ~FLAG_OPT_OUT)
		return "has flags that validators do not know";
	if (hash_len != NSEC3_HASH_LEN)
		return "names a next hash that is not as long as one";
	out->opt_out = flags & FLAG_OPT_OUT;
	chain_hash_key(hash, &out->next);
	return NULL;
}

const char *check_link_read(const struct check_chain *c, const struct rrset *set,
                            struct check_link *out)
{
	if (set->count != 1)
		return "is more than one record";
	struct rdata d = rrset_first_record(set);
	struct wire_reader r = wire_reader_on(d.bytes, d.len);
	out->opt_out = false;
	const char *wrong = c->params.kind == CHAIN_NSEC ? read_name(c, &r, out)
	                                                 : read_hash(c, &r, out);
	if (wrong)
		return wrong;
	out->types = (struct rdata){.bytes = r.at, .len = (uint16_t)wire_left(&r)};
	return NULL;
}

/* ---- what follows ---- */

void check_follow(const struct checking *c, struct check_order *o, struct chain_ref key)
{
	char named[NAME_TEXT_MAX];
	char follows[NAME_TEXT_MAX];

	if (!o->has_first)
		chain_key_set(&o->first, key.bytes, key.len);
	o->has_first = true;
	if (o->pending && !chain_key_is(&o->next, key.bytes, key.len))
		check_say(c, DIAG_ERROR, "nsec-next", &o->at,
		          "names %s as the next one, which is %s",
		          check_name_text(c, chain_ref_of(&o->next), named),
		          check_name_text(c, key, follows));
	o->pending = false;
}

void check_follow_end(const struct checking *c, struct check_order *o)
{
	if (o->has_first)
		check_follow(c, o, chain_ref_of(&o->first));
}

void check_follow_on(struct check_order *o, const struct check_place *at,
                     const struct check_link *link)
{
	o->pending = true;
	o->at = *at;
	o->next = link->next;
}

/* ---- types ---- */

static int compare_types(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Says whether a link of a name is to tell of a type. */
static bool is_told(const struct check_chain *c, const struct chain_node *n,
                    uint16_t type)
{
	bool nsec = c->params.kind == CHAIN_NSEC;

	if (!n || n->count == 0)
		return false;
	switch (type) {
	case RRTYPE_RRSIG: return nsec || !n->cut || n->secure;
	case RRTYPE_NSEC: return nsec;
	case RRTYPE_NSEC3: return false;
	case RRTYPE_NSEC3PARAM:
		if (n->key.len == 0)
			return c->param;
		break;
	default: break;
	}
	if (n->cut && type != RRTYPE_NS && type != RRTYPE_DS)
		return false;
	return bsearch(&type, n->types, n->count, sizeof type, compare_types) != NULL;
}

static bool tells_of(struct rdata types, uint16_t type)
{
	struct wire_reader r = wire_reader_on(types.bytes, types.len);

	while (r.ok && wire_left(&r) > WINDOW_HEADER) {
		uint8_t window = wire_read8(&r);
		uint8_t len = wire_read8(&r);
		const uint8_t *bits = wire_read_bytes(&r, len);
		unsigned octet = type % 256 / 8;

		if (bits && window == type / 256)
			return octet < len && (bits[octet] & 0x80 >> type % 8);
	}
	return false;
}

/* Gives the first type of a block that the link is not to tell of, or -1. */
static int wrong_in_window(const struct check_chain *c, const struct chain_node *n,
                           uint8_t window, struct rdata bits)
{
	for (unsigned i = 0; i < 8U * bits.len; i++) {
		uint16_t type = (uint16_t)(window * 256U + i);

		if ((bits.bytes[i / 8] & 0x80 >> i % 8) && !is_told(c, n, type))
			return type;
	}
	return -1;
}

static int first_wrong(const struct check_chain *c, const struct chain_node *n,
                       struct rdata types)
{
	struct wire_reader r = wire_reader_on(types.bytes, types.len);
	int wrong = -1;

	while (wrong < 0 && r.ok && wire_left(&r) > WINDOW_HEADER) {
		uint8_t window = wire_read8(&r);
		uint8_t len = wire_read8(&r);
		const uint8_t *bits = wire_read_bytes(&r, len);

		if (bits && len <= WINDOW_MAX)
			wrong = wrong_in_window(c, n, window, (struct rdata){bits, len});
	}
	return wrong;
}

/* Gives the first type that the link is to tell of and does not, or -1. */
static int first_left_out(const struct check_chain *c, const struct chain_node *n,
                          struct rdata types)
{
	static const uint16_t brought[] = {RRTYPE_RRSIG, RRTYPE_NSEC, RRTYPE_NSEC3PARAM};

	for (size_t i = 0; n && i < n->count; i++)
		if (is_told(c, n, n->types[i]) && !tells_of(types, n->types[i]))
			return n->types[i];
	for (size_t i = 0; i < ARRAY_LEN(brought); i++)
		if (is_told(c, n, brought[i]) && !tells_of(types, brought[i]))
			return brought[i];
	return -1;
}

void check_link_types(const struct checking *c, const struct check_chain *chain,
                      const struct check_place *at, const struct chain_node *n,
                      struct rdata types)
{
	int left_out = first_left_out(chain, n, types);
	int wrong = first_wrong(chain, n, types);
	char text[RRTYPE_TEXT_MAX];

	if (left_out >= 0)
		check_say(c, DIAG_ERROR, "nsec-types", at,
		          "does not tell of %s, which the name has",
		          rrtype_to_text((uint16_t)left_out, text));
	if (wrong >= 0)
		check_say(c, DIAG_ERROR, "nsec-types", at,
		          "tells of %s, which the name does not have here",
		          rrtype_to_text((uint16_t)wrong, text));
}
