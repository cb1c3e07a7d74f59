/*
 * What a zone must obey before it may be served.
 *
 * Errors, which refuse the zone:
 *
 *   soa-missing, soa-multiple     exactly one SOA, at the apex (RFC 1035 §5.2, RFC 2181 §6.1)
 *   soa-not-at-apex               and nowhere else
 *   ns-missing                    NS at the apex (RFC 1034 §4.2.1)
 *   cname-multiple                one CNAME at a name (RFC 2181 §10.1)
 *   cname-and-other-data          beside it NSEC and signatures only (RFC 1034 §3.6.2,
 *                                 RFC 4035 §2.5)
 *   dname-multiple                one DNAME at a name (RFC 6672 §2.4)
 *   dname-and-ns                  a DNAME is not at a delegation (RFC 6672 §2.3)
 *   data-below-dname              nothing but denial and its signatures (RFC 6672 §2.4)
 *   too-many-types                more than 250 at one name
 *   rrset-too-large               header, question, RRset and its RRSIGs within 65535 octets
 *   nsec3param-algorithm          SHA-1 is the only one (RFC 5155 §11)
 *   nsec3param-iterations         above 150 resolvers treat the zone as unsigned or fail
 *                                 (RFC 9276 §3.2)
 *   nsec-and-nsec3                one kind of denial in a zone (RFC 5155 §7.1, §10.4)
 *
 * Warnings:
 *
 *   occluded-data                 data at or below a delegation that no one will ever see
 *                                 (RFC 1034 §4.2.1, RFC 2136 §7.18)
 *   glue-missing                  the delegation cannot be followed (RFC 1034 §4.2.1, RFC 9471)
 *   ns-target-no-address          an NS names a host of this zone that has no address
 *   ns-target-cname, mx-target-cname, srv-target-cname
 *                                 these may not be aliases (RFC 2181 §10.3, RFC 2782)
 *   ds-without-ns, ds-at-apex     DS belongs to a delegation, on its upper side (RFC 4035 §2.4)
 *   wildcard-ns, wildcard-dname   undefined, and discouraged (RFC 4592 §4.2, §4.4)
 *   cname-loop                    a CNAME that leads to itself
 *   nsec3param-iterations         above 0 it costs and gains nothing (RFC 9276 §3.1)
 *   rrsig-signer                  a signer that is not the apex (RFC 4034 §3.1.7)
 *   rrsig-covers-nothing          a signature over a type that is not there (RFC 4035 §2.2)
 *
 * "out-of-zone", "meta-type" and "rdata-format" are the builder's.
 *
 * The RRsets are walked once in canonical order, in which everything below a name follows it at
 * once; so one delegation and one DNAME are all there is to remember.
 */
#include "control/zone/contents.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	MESSAGE_MAX = 65535,
	MESSAGE_HEADER = 12,
	QUESTION_TAIL = 4,
	RR_HEADER = 12, /* owner as a pointer, type, class, TTL, length */
	NSEC3_ITERATIONS_MAX = 150,
	NSEC3_SHA1 = 1,
	RRSIG_SIGNER_AT = 18,
	MX_TARGET_AT = 2,
	SRV_TARGET_AT = 6,
};

/* All RRsets of one owner. */
struct node {
	const struct contents_rrset *sets;
	size_t count;
	const uint8_t *key;
	size_t key_len;
};

struct check {
	const struct contents *contents;
	struct diag *diag;
	struct node cut; /* the delegation that the walk is at or below; no sets: none */
	struct node dname; /* the same for a DNAME */
	const struct contents_rrset *nsec;
	const struct contents_rrset *nsec3;
};

/* ---- saying it ---- */

/* A name as text, for one diagnostic. */
struct shown_name {
	char text[NAME_TEXT_MAX];
};

static const char *show_key(const struct check *c, const uint8_t *key, size_t key_len,
                            struct shown_name *out)
{
	uint8_t name[NAME_MAX_LEN];

	if (name_from_key(key, key_len, c->contents->apex, name) < 0)
		return "?";
	return name_to_text(name, out->text);
}

static void report(const struct check *c, enum diag_severity severity, const char *rule,
                   const struct contents_rrset *at, const char *text)
{
	struct shown_name owner;
	char type[RRTYPE_TEXT_MAX];

	diag_add(c->diag, severity, rule, contents_file(c->contents, at->file), at->line,
	         0, "%s %s: %s", show_key(c, at->key, at->key_len, &owner),
	         rrtype_to_text(at->type, type), text);
}

static void refuse(const struct check *c, const char *rule,
                   const struct contents_rrset *at, const char *text)
{
	report(c, DIAG_ERROR, rule, at, text);
}

static void warn(const struct check *c, const char *rule, const struct contents_rrset *at,
                 const char *text)
{
	report(c, DIAG_WARNING, rule, at, text);
}

/* Names the target too. */
static void warn_target(const struct check *c, const char *rule,
                        const struct contents_rrset *at, const uint8_t *target,
                        const char *text)
{
	struct shown_name name;
	struct shown_name owner;
	char type[RRTYPE_TEXT_MAX];

	diag_add(c->diag, DIAG_WARNING, rule, contents_file(c->contents, at->file),
	         at->line, 0, "%s %s: %s %s", show_key(c, at->key, at->key_len, &owner),
	         rrtype_to_text(at->type, type), name_to_text(target, name.text), text);
}

/* ---- finding ---- */

static struct node node_from(const struct contents *c, const struct contents_rrset *first)
{
	const struct contents_rrset *end = c->rrsets + c->count;
	const struct contents_rrset *at = first + 1;

	while (at < end && contents_same_owner(at, first))
		at++;
	return (struct node){
		.sets = first,
		.count = (size_t)(at - first),
		.key = first->key,
		.key_len = first->key_len,
	};
}

/* No sets: there is no such owner. */
static struct node node_find(const struct contents *c, const uint8_t *key, size_t key_len)
{
	const struct contents_rrset *first = contents_find(c, key, key_len);

	return first ? node_from(c, first) : (struct node){0};
}

static uint16_t records_of(const struct contents_rrset *set)
{
	uint16_t count;

	memcpy(&count, set->blob + 8, sizeof count);
	return count;
}

static struct rrset open_set(const struct contents_rrset *set)
{
	struct rrset s = {0};
	int err = rrset_open(set->type, set->blob, set->size, &s);

	assert(err == 0);
	return s;
}

/* Gives the RRset of a type if it has any record, not signatures alone. */
static const struct contents_rrset *node_get(const struct node *n, uint16_t type)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->sets[i].type == type && records_of(&n->sets[i]))
			return &n->sets[i];
	return NULL;
}

static bool has_address(const struct node *n)
{
	return node_get(n, RRTYPE_A) || node_get(n, RRTYPE_AAAA);
}

/* A key is below another when it goes on where that ends; every label part ends with a zero. */
static bool key_under(const uint8_t *key, size_t key_len, const uint8_t *above,
                      size_t above_len)
{
	return key_len >= above_len && memcmp(key, above, above_len) == 0;
}

static bool is_below(const struct node *n, const struct node *above)
{
	return above->count && n->key_len > above->key_len &&
	       key_under(n->key, n->key_len, above->key, above->key_len);
}

static bool is_wildcard(const struct node *n)
{
	return n->key_len >= 2 && n->key[n->key_len - 2] == '*' &&
	       (n->key_len == 2 || n->key[n->key_len - 3] == 0);
}

/* Gives the length of the key's part up to and with the label that starts at at. */
static size_t part_end(const uint8_t *key, size_t key_len, size_t at)
{
	const uint8_t *zero = memchr(key + at, 0, key_len - at);

	return zero ? (size_t)(zero - key) + 1 : key_len;
}

/* Says whether the name or anything below it exists. */
static bool key_exists(const struct contents *c, const uint8_t *key, size_t key_len)
{
	size_t at = contents_lower_bound(c, key, key_len);

	return at < c->count &&
	       key_under(c->rrsets[at].key, c->rrsets[at].key_len, key, key_len);
}

/* What a name inside the zone turns out to be. */
enum reach {
	REACH_NODE,    /* the name itself, or the wildcard that stands for it */
	REACH_NOTHING, /* no such name */
	REACH_CUT,     /* at or below a delegation */
	REACH_ALIASED, /* below a DNAME */
};

/* Gives the wildcard's node that stands for a name whose closest encloser is the first
 * encloser_len octets of its key. */
static enum reach reach_wildcard(const struct contents *c, const uint8_t *key,
                                 size_t encloser_len, struct node *out)
{
	uint8_t wildcard[NAME_KEY_MAX];

	/* A key that long has no room for one more label in its name either. */
	if (encloser_len + 2 > sizeof wildcard)
		return REACH_NOTHING;
	memcpy(wildcard, key, encloser_len);
	memcpy(wildcard + encloser_len, "*", 2);
	*out = node_find(c, wildcard, encloser_len + 2);
	return out->count ? REACH_NODE : REACH_NOTHING;
}

/* Follows a key from the apex down, as a server does (RFC 1034 §4.3.2). *out is the node reached,
 * or that of the delegation. */
static enum reach reach(const struct contents *c, const uint8_t *key, size_t key_len,
                        struct node *out)
{
	size_t at = 0;

	while (at < key_len) {
		size_t end = part_end(key, key_len, at);

		if (!key_exists(c, key, end))
			return reach_wildcard(c, key, at, out);
		*out = node_find(c, key, end);
		if (node_get(out, RRTYPE_NS))
			return REACH_CUT;
		if (node_get(out, RRTYPE_DNAME) && end < key_len)
			return REACH_ALIASED;
		at = end;
	}
	*out = node_find(c, key, key_len);
	return out->count ? REACH_NODE : REACH_NOTHING;
}

/* Gives the sort key of a name if it is in the zone. */
static bool key_in_zone(const struct contents *c, const uint8_t *name, uint8_t *key,
                        size_t *len)
{
	if (!name_is_under(name, c->apex, NULL))
		return false;
	*len = name_to_key(name, c->apex_len, key);
	return true;
}

/* ---- targets ---- */

/* The target of an NS, in the zone, seen from the owner of the NS. */
static void check_ns_target(const struct check *c, const struct contents_rrset *set,
                            const uint8_t *target)
{
	const struct contents *z = c->contents;
	uint8_t key[NAME_KEY_MAX];
	size_t key_len;
	struct node found = {0};

	if (!key_in_zone(z, target, key, &key_len))
		return;
	if (set->key_len && key_under(key, key_len, set->key, set->key_len)) {
		found = node_find(z, key, key_len);
		if (!has_address(&found))
			warn_target(
				c, "glue-missing", set, target,
				"is at or below this delegation and has no address here");
		return;
	}
	switch (reach(z, key, key_len, &found)) {
	case REACH_CUT: break; /* another delegation leads there */
	case REACH_ALIASED:
		warn_target(c, "ns-target-cname", set, target, "is below a DNAME");
		break;
	case REACH_NODE:
		if (node_get(&found, RRTYPE_CNAME))
			warn_target(c, "ns-target-cname", set, target, "is an alias");
		else if (!has_address(&found))
			warn_target(c, "ns-target-no-address", set, target,
			            "has no address");
		break;
	case REACH_NOTHING:
		warn_target(c, "ns-target-no-address", set, target, "does not exist");
	}
}

static void check_ns_targets(const struct check *c, const struct contents_rrset *set)
{
	struct rrset s = open_set(set);
	const uint8_t *at = rrset_first(&s);

	for (unsigned i = 0; i < s.count; i++)
		check_ns_target(c, set, rrset_next(&at).bytes);
}

/* MX and SRV: the target stands at an offset in the data. */
static void check_alias_targets(const struct check *c, const struct contents_rrset *set,
                                size_t target_at, const char *rule)
{
	struct rrset s = open_set(set);
	const uint8_t *at = rrset_first(&s);
	uint8_t key[NAME_KEY_MAX];
	size_t key_len;

	for (unsigned i = 0; i < s.count; i++) {
		const uint8_t *target = rrset_next(&at).bytes + target_at;

		if (!key_in_zone(c->contents, target, key, &key_len))
			continue;
		struct node found = node_find(c->contents, key, key_len);
		if (node_get(&found, RRTYPE_CNAME))
			warn_target(c, rule, set, target, "is an alias");
	}
}

/* A CNAME whose target is its own owner, or a name that its own wildcard stands for. */
static void check_cname_loop(const struct check *c, const struct contents_rrset *set)
{
	struct rrset s = open_set(set);
	const uint8_t *at = rrset_first(&s);
	const uint8_t *target = rrset_next(&at).bytes;
	uint8_t key[NAME_KEY_MAX];
	size_t key_len;
	struct node found = {0};

	if (!key_in_zone(c->contents, target, key, &key_len))
		return;
	if (reach(c->contents, key, key_len, &found) == REACH_NODE &&
	    found.key_len == set->key_len &&
	    memcmp(found.key, set->key, set->key_len) == 0)
		warn_target(c, "cname-loop", set, target, "leads back here");
}

/* ---- one RRset ---- */

static void check_size(const struct check *c, const struct contents_rrset *set)
{
	uint8_t owner[NAME_MAX_LEN];
	char text[80];

	/* Each record takes less than RR_HEADER + 2 beside its data: nearly all sets end here. */
	if (set->size < MESSAGE_MAX / 8)
		return;

	int owner_len = name_from_key(set->key, set->key_len, c->contents->apex, owner);
	assert(owner_len > 0);
	struct rrset s = open_set(set);
	size_t records = (size_t)s.count + s.sig_count;
	size_t rdata = set->size - RRSET_HEADER - records * sizeof(uint16_t);
	size_t size = MESSAGE_HEADER + (size_t)owner_len + QUESTION_TAIL +
	              records * RR_HEADER + rdata;
	if (size <= MESSAGE_MAX)
		return;
	(void)snprintf(text, sizeof text, "takes %zu octets in a message, which holds %d",
	               size, MESSAGE_MAX);
	refuse(c, "rrset-too-large", set, text);
}

static void check_signer(const struct check *c, const struct contents_rrset *set,
                         const struct rrset *s)
{
	const uint8_t *at = rrset_first(s);

	for (unsigned i = 0; i < s->count; i++)
		(void)rrset_next(&at);
	for (unsigned i = 0; i < s->sig_count; i++) {
		const uint8_t *signer = rrset_next(&at).bytes + RRSIG_SIGNER_AT;

		if (!name_equal(signer, c->contents->apex))
			warn_target(c, "rrsig-signer", set, signer,
			            "signed it, which is not this zone");
	}
}

static void check_nsec3param(const struct check *c, const struct contents_rrset *set,
                             const struct rrset *s)
{
	const uint8_t *at = rrset_first(s);

	for (unsigned i = 0; i < s->count; i++) {
		const uint8_t *rdata = rrset_next(&at).bytes;
		unsigned iterations = wire_load16(rdata + 2);

		if (rdata[0] != NSEC3_SHA1)
			refuse(c, "nsec3param-algorithm", set,
			       "only hash algorithm 1 is defined (RFC 5155 section 11)");
		if (iterations > NSEC3_ITERATIONS_MAX)
			refuse(c, "nsec3param-iterations", set,
			       "more than 150 iterations (RFC 9276 section 3.2)");
		else if (iterations > 0)
			warn(c, "nsec3param-iterations", set,
			     "iterations ought to be 0 (RFC 9276 section 3.1)");
	}
}

static void check_set(struct check *c, const struct contents_rrset *set)
{
	struct rrset s = open_set(set);

	check_size(c, set);
	if (s.sig_count)
		check_signer(c, set, &s);
	if (s.count == 0) {
		warn(c, "rrsig-covers-nothing", set,
		     "a signature, and nothing that it covers");
		return;
	}
	switch (set->type) {
	case RRTYPE_SOA:
		if (set->key_len)
			refuse(c, "soa-not-at-apex", set, "an SOA below the apex");
		if (s.count > 1)
			refuse(c, "soa-multiple", set, "more than one SOA");
		break;
	case RRTYPE_NS: check_ns_targets(c, set); break;
	case RRTYPE_MX:
		check_alias_targets(c, set, MX_TARGET_AT, "mx-target-cname");
		break;
	case RRTYPE_SRV:
		check_alias_targets(c, set, SRV_TARGET_AT, "srv-target-cname");
		break;
	case RRTYPE_NSEC: c->nsec = set; break;
	case RRTYPE_NSEC3: c->nsec3 = set; break;
	case RRTYPE_NSEC3PARAM: check_nsec3param(c, set, &s); break;
	default: break;
	}
}

/* ---- one owner ---- */

static void check_cname(const struct check *c, const struct node *n)
{
	const struct contents_rrset *cname = node_get(n, RRTYPE_CNAME);

	if (!cname)
		return;
	if (records_of(cname) > 1)
		refuse(c, "cname-multiple", cname, "more than one CNAME at a name");
	check_cname_loop(c, cname);
	for (size_t i = 0; i < n->count; i++) {
		const struct contents_rrset *other = &n->sets[i];
		if (other == cname || other->type == RRTYPE_NSEC || !records_of(other))
			continue;
		refuse(c, "cname-and-other-data", other, "beside a CNAME");
		return;
	}
}

static void check_dname(struct check *c, const struct node *n)
{
	const struct contents_rrset *dname = node_get(n, RRTYPE_DNAME);

	if (!dname)
		return;
	if (records_of(dname) > 1)
		refuse(c, "dname-multiple", dname, "more than one DNAME at a name");
	if (n->key_len && node_get(n, RRTYPE_NS))
		refuse(c, "dname-and-ns", dname, "a DNAME at a delegation");
	if (is_wildcard(n))
		warn(c, "wildcard-dname", dname, "a wildcard DNAME is not defined");
	c->dname = *n;
}

/* Denial, and signatures without what they sign, are no data. */
static bool is_data(const struct contents_rrset *set)
{
	return set->type != RRTYPE_NSEC && set->type != RRTYPE_NSEC3 && records_of(set);
}

static void check_below_dname(const struct check *c, const struct node *n)
{
	for (size_t i = 0; i < n->count; i++) {
		if (!is_data(&n->sets[i]))
			continue;
		refuse(c, "data-below-dname", &n->sets[i], "below a DNAME");
		return;
	}
}

static bool is_address(const struct contents_rrset *set)
{
	return set->type == RRTYPE_A || set->type == RRTYPE_AAAA;
}

static void check_below_cut(const struct check *c, const struct node *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (records_of(&n->sets[i]) && !is_address(&n->sets[i]))
			warn(c, "occluded-data", &n->sets[i],
			     "below a delegation; never answered from this zone");
}

/* Says whether one of the NS records names their own owner: its addresses are glue. */
static bool names_itself(const struct check *c, const struct contents_rrset *ns)
{
	struct rrset s = open_set(ns);
	const uint8_t *at = rrset_first(&s);
	uint8_t owner[NAME_MAX_LEN];

	if (name_from_key(ns->key, ns->key_len, c->contents->apex, owner) < 0)
		return false;
	for (unsigned i = 0; i < s.count; i++)
		if (name_equal(rrset_next(&at).bytes, owner))
			return true;
	return false;
}

static void check_at_cut(const struct check *c, const struct node *n,
                         const struct contents_rrset *ns)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct contents_rrset *set = &n->sets[i];

		switch (set->type) {
		case RRTYPE_NS:
		case RRTYPE_DS:
		case RRTYPE_NSEC:
		case RRTYPE_CNAME:        /* an error already */
		case RRTYPE_DNAME: break; /* the same */
		default:
			if (records_of(set) && !(is_address(set) && names_itself(c, ns)))
				warn(c, "occluded-data", set,
				     "at a delegation; never answered from this zone");
		}
	}
}

/* Delegations: what is at them, and what is missing beside. */
static void check_cut(struct check *c, const struct node *n)
{
	const struct contents_rrset *ns = node_get(n, RRTYPE_NS);
	const struct contents_rrset *ds = node_get(n, RRTYPE_DS);

	if (ds && n->key_len == 0)
		warn(c, "ds-at-apex", ds,
		     "a DS at the apex; it belongs into the parent zone");
	else if (ds && !ns)
		warn(c, "ds-without-ns", ds, "a DS without a delegation");
	if (!ns || n->key_len == 0)
		return;
	if (is_wildcard(n))
		warn(c, "wildcard-ns", ns, "a wildcard delegation is not defined");
	check_at_cut(c, n, ns);
	c->cut = *n;
}

static void check_types(const struct check *c, const struct node *n)
{
	char text[64];

	if (n->count <= RRSET_TYPES_MAX)
		return;
	(void)snprintf(text, sizeof text, "%zu types at one name, of at most %d",
	               n->count, RRSET_TYPES_MAX);
	refuse(c, "too-many-types", &n->sets[RRSET_TYPES_MAX], text);
}

static void check_node(struct check *c, const struct node *n)
{
	check_types(c, n);
	for (size_t i = 0; i < n->count; i++)
		check_set(c, &n->sets[i]);
	check_cname(c, n);
	if (is_below(n, &c->cut)) {
		check_below_cut(c, n);
		return;
	}
	if (is_below(n, &c->dname))
		check_below_dname(c, n);
	else
		check_dname(c, n);
	check_cut(c, n);
}

/* ---- the zone ---- */

static void refuse_zone(const struct check *c, const char *rule, const char *text)
{
	struct shown_name apex;

	diag_add(c->diag, DIAG_ERROR, rule, contents_file(c->contents, 0), 0, 0, "%s: %s",
	         name_to_text(c->contents->apex, apex.text), text);
}

static void check_apex(const struct check *c)
{
	struct node apex = node_find(c->contents, c->contents->apex, 0);

	if (!node_get(&apex, RRTYPE_SOA))
		refuse_zone(c, "soa-missing", "the zone has no SOA");
	if (!node_get(&apex, RRTYPE_NS))
		refuse_zone(c, "ns-missing", "the zone has no NS at its apex");
}

int contents_check(const struct contents *c, struct diag *diag)
{
	struct check check = {.contents = c, .diag = diag};
	size_t errors = diag->errors;

	check_apex(&check);
	for (size_t at = 0; at < c->count;) {
		struct node n = node_from(c, &c->rrsets[at]);
		check_node(&check, &n);
		at += n.count;
	}
	if (check.nsec && check.nsec3)
		refuse(&check, "nsec-and-nsec3", check.nsec3,
		       "the zone has both NSEC and NSEC3 records");
	return diag->errors > errors ? ERR_REFUSED : 0;
}
