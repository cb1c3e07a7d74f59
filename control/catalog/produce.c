/*
 * The catalog is all ours: whatever is below its label "zones" and should not be there goes. A member's
 * label follows from the zone's number in the store, which a zone that is made anew under the same name does
 * not have again: who follows the catalog then knows that it has to begin anew (RFC 9432 §5.4). It is the
 * same in all catalogs, so that one that moves need not begin anew.
 *
 * A zone that moves is in both catalogs, and the old one says so (coo, RFC 9432 §4.4.1), until the operator ends
 * that: only he knows who follows them, and when all have seen it.
 *
 * What should be there and what is there, both in order, are walked side by side; what differs becomes
 * edits, so that the catalog has a history, and its changes go out as differences.
 */
#include "control/catalog/produce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "control/diag.h"
#include "control/policy/policy.h"
#include "control/policy/words.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t zones_key[] = "zones";
static const uint8_t version_key[] = "version";
static const uint8_t version_two[] = "\0012";
static const uint8_t invalid[] = "\7invalid";

enum {
	LABEL_LEN = 13, /* 64 bits, five an octet */
	KEY_LEN = sizeof zones_key + LABEL_LEN + 1,
	TTL = 0,
};

/* What should be there. */
struct wanted {
	const uint8_t *key;
	size_t key_len;
	uint16_t type;
	const uint8_t *rdata;
	size_t rdata_len;
};

struct producing {
	struct store_txn *t;
	const struct config *config;
	const struct store_zone *zone; /* the catalog */
	struct contents_arena *arena;
	struct wanted *wanted;
	size_t wanted_count, wanted_room;
	struct zone_change *edits; /* NULL: there is none yet */
	struct catalog_steps *steps;
	struct catalog_report *report;
};

/* ---- what should be there ---- */

/* base32hex of a digest's beginning (RFC 4648 §7), in lower case. */
static void make_label(const struct store_zone *z, uint8_t out[static LABEL_LEN])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint8_t bytes[4 + NAME_MAX_LEN];
	size_t len = name_len(z->name, NAME_MAX_LEN);
	uint64_t bits = 0;

	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(z->id >> (24 - 8 * i));
	memcpy(bytes + 4, z->name, len);
	SHA256(bytes, 4 + len, digest);
	for (unsigned i = 0; i < 8; i++)
		bits = bits << 8 | digest[i];
	for (unsigned i = 0; i < LABEL_LEN; i++)
		out[i] = (uint8_t)
			digits[i * 5 < 60 ? bits >> (59 - 5 * i) & 31 : bits & 15];
}

static void want(struct producing *p, const struct wanted *w)
{
	p->wanted = array_room(p->wanted, p->wanted_count, &p->wanted_room,
	                       sizeof *p->wanted);
	p->wanted[p->wanted_count++] = *w;
}

static void want_group(struct producing *p, const uint8_t *key, const char *group)
{
	static const uint8_t below[] = "group";
	size_t len = strlen(group);
	uint8_t *longer = arena_alloc(p->arena, KEY_LEN + sizeof below);
	uint8_t *rdata = arena_alloc(p->arena, 1 + len + 1);

	memcpy(longer, key, KEY_LEN);
	memcpy(longer + KEY_LEN, below, sizeof below);
	rdata[0] = (uint8_t)len;
	memcpy(rdata + 1, group, len + 1);
	want(p, &(struct wanted){longer, KEY_LEN + sizeof below, RRTYPE_TXT, rdata,
	                         1 + len});
}

/* The catalog that a member is to move to. */
static int want_coo(struct producing *p, const uint8_t *key, const char *catalog)
{
	static const uint8_t below[] = "coo";
	uint8_t *longer = arena_alloc(p->arena, KEY_LEN + sizeof below);
	const uint8_t *name = word_name(p->arena, catalog);

	if (!name)
		return ERR_CORRUPT;
	memcpy(longer, key, KEY_LEN);
	memcpy(longer + KEY_LEN, below, sizeof below);
	want(p, &(struct wanted){longer, KEY_LEN + sizeof below, RRTYPE_PTR, name,
	                         name_len(name, NAME_MAX_LEN)});
	return 0;
}

/* What comes from a catalog itself has its attributes from there. */
static bool is_ours(const struct producing *p, const struct store_zone *z)
{
	return !z->attrs.member[0] && z->id != p->zone->id;
}

/* Says whether a text names a catalog, and this one. */
static bool is_this(const struct producing *p, const char *text)
{
	uint8_t name[NAME_MAX_LEN];

	return text[0] &&
	       name_from_text(text, strlen(text), (const uint8_t *)"", name) >= 0 &&
	       name_equal(name, p->zone->name);
}

static int want_zone(const struct store_zone *z, void *arg)
{
	struct producing *p = arg;

	const char *next = z->attrs.catalog_to;
	bool arrives = is_this(p, next);

	if (!is_ours(p, z) ||
	    (!arrives && !is_this(p, zone_policy_catalog(p->config, z))))
		return 0;
	size_t len = name_len(z->name, NAME_MAX_LEN);
	uint8_t *key = arena_alloc(p->arena, KEY_LEN);
	uint8_t *name = arena_alloc(p->arena, len);
	memcpy(key, zones_key, sizeof zones_key);
	make_label(z, key + sizeof zones_key);
	key[KEY_LEN - 1] = 0;
	memcpy(name, z->name, len);
	want(p, &(struct wanted){key, KEY_LEN, RRTYPE_PTR, name, len});
	if (z->attrs.group[0])
		want_group(p, key, z->attrs.group);
	if (next[0] && !arrives)
		TRY(want_coo(p, key, next));
	p->report->members++;
	return 0;
}

static int compare_keys(const uint8_t *a, size_t a_len, uint16_t a_type,
                        const struct wanted *b)
{
	int order = name_key_compare(a, a_len, b->key, b->key_len);

	return order ? order : (int)a_type - (int)b->type;
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *one = a;

	return compare_keys(one->key, one->key_len, one->type, b);
}

/* ---- edits ---- */

/* Gives the next edit, or NULL: there are enough for now. */
static struct edit *add_edit(struct producing *p, enum edit_kind kind, const uint8_t *key,
                             size_t key_len, uint16_t type)
{
	uint8_t owner[NAME_MAX_LEN];

	if (!p->edits) {
		p->steps->first = change_new(actor_self());
		p->steps->first->why = "members of the catalog";
		p->edits = change_zone(p->steps->first, ZONE_EDIT, p->zone->name);
	}
	if (p->edits->edit_count == CATALOG_EDITS_AT_ONCE) {
		p->steps->more = true;
		return NULL;
	}
	if (name_from_key(key, key_len, p->zone->name, owner) < 0)
		return NULL;
	return change_edit(p->steps->first, p->edits, kind, owner, type);
}

static int put_set(struct producing *p, const struct wanted *w)
{
	struct edit *e = add_edit(p, EDIT_REPLACE, w->key, w->key_len, w->type);

	if (!e)
		return p->steps->more ? 0 : ERR_TOOBIG;
	e->set_records = true;
	e->ttl = TTL;
	return change_edit_record(p->steps->first, e, w->rdata, w->rdata_len, false);
}

static bool is_as_wanted(const struct rrset *set, const struct wanted *w)
{
	const uint8_t *at = rrset_first(set);

	if (set->count != 1)
		return false;
	const struct rdata r = rrset_next(&at);
	return r.len == w->rdata_len && memcmp(r.bytes, w->rdata, r.len) == 0;
}

static bool is_below_zones(const struct store_entry *e)
{
	return e->key_len > sizeof zones_key &&
	       memcmp(e->key, zones_key, sizeof zones_key) == 0;
}

static int compare_all(struct producing *p, struct store_cursor *c)
{
	struct store_entry e;
	size_t at = 0;
	int err = store_cursor_seek(c, zones_key, sizeof zones_key, &e);

	while (err == 0 && e.key_len == sizeof zones_key &&
	       memcmp(e.key, zones_key, e.key_len) == 0)
		err = store_cursor_next(c, &e);
	while (!p->steps->more) {
		bool there = err == 0 && is_below_zones(&e);
		if (err < 0 && err != ERR_NOTFOUND)
			return err;
		if (!there && at == p->wanted_count)
			return 0;
		const struct wanted *w = &p->wanted[at];
		int order = !there ? 1
		            : at == p->wanted_count
		                    ? -1
		                    : compare_keys(e.key, e.key_len, e.set.type, w);
		if (order < 0)
			(void)add_edit(p, EDIT_DELETE, e.key, e.key_len, e.set.type);
		else if (order > 0 || !is_as_wanted(&e.set, w))
			TRY(put_set(p, w));
		at += order >= 0;
		if (order <= 0)
			err = store_cursor_next(c, &e);
	}
	return 0;
}

static int check_version(struct producing *p)
{
	const struct wanted w = {version_key, sizeof version_key, RRTYPE_TXT, version_two,
	                         sizeof version_two - 1};
	struct rrset set = {0};
	int err = store_rrset_get(p->t, p->zone->id, w.key, w.key_len, w.type, &set);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	return err == 0 && is_as_wanted(&set, &w) ? 0 : put_set(p, &w);
}

static int produce(struct producing *p)
{
	struct store_cursor *c;

	TRY(store_zone_each(p->t, NULL, want_zone, p));
	if (p->wanted_count)
		qsort(p->wanted, p->wanted_count, sizeof *p->wanted, compare_wanted);
	TRY(check_version(p));
	TRY(store_cursor_open(p->t, p->zone->id, &c));
	int err = compare_all(p, c);
	store_cursor_close(&c);
	return err;
}

/* ---- a catalog that has nothing yet ---- */

static int add_start(struct contents_builder *b, const struct producing *p,
                     struct diag *diag)
{
	uint8_t soa[2 * sizeof invalid + 20];
	uint8_t version[NAME_MAX_LEN];
	const uint32_t numbers[] = {(uint32_t)(clock_wall_us() / 1000000), 3600, 600,
	                            2147483646, 0};
	uint8_t *at = soa;

	if (name_from_key(version_key, sizeof version_key, p->zone->name, version) < 0)
		return ERR_TOOBIG;
	for (unsigned i = 0; i < 2; i++, at += sizeof invalid)
		memcpy(at, invalid, sizeof invalid);
	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
		for (unsigned k = 0; k < 4; k++)
			*at++ = (uint8_t)(numbers[i] >> (24 - 8 * k));
	TRY(contents_builder_add(b, p->zone->name, RRTYPE_SOA, TTL, soa, sizeof soa, 0, 0,
	                         diag));
	TRY(contents_builder_add(b, p->zone->name, RRTYPE_NS, TTL, invalid,
	                         sizeof invalid, 0, 0, diag));
	return contents_builder_add(b, version, RRTYPE_TXT, TTL, version_two,
	                            sizeof version_two - 1, 0, 0, diag);
}

/* RFC 9432 §4.1. Its serial is the time: one that was here before, and that others know, had a lower one. */
static int begin(struct producing *p)
{
	struct contents_builder *b = contents_builder_new(p->zone->name);
	struct contents *contents = NULL;
	struct diag diag;

	diag_init(&diag);
	int err = add_start(b, p, &diag);
	if (err == 0)
		err = contents_builder_finish(&b, &contents, &diag);
	diag_fini(&diag);
	if (b)
		contents_builder_free(b);
	TRY(err);
	p->steps->first = change_new(actor_self());
	p->steps->first->why = "the catalog begins";
	struct zone_change *zc =
		change_zone(p->steps->first, ZONE_CONTENTS, p->zone->name);
	zc->contents = contents;
	zc->serial = SERIAL_AS_GIVEN;
	p->steps->more = true;
	return 0;
}

int catalog_produce(struct store_txn *t, const struct config *config,
                    const struct store_zone *z, struct catalog_steps *out,
                    struct catalog_report *report)
{
	struct contents_arena *arena = arena_new();
	struct producing p = {
		.t = t,
		.config = config,
		.zone = z,
		.arena = arena,
		.steps = out,
		.report = report,
	};

	*out = (struct catalog_steps){0};
	*report = (struct catalog_report){.state = CATALOG_OK, .serial = z->serial};
	int err = z->loaded ? produce(&p) : begin(&p);
	free(p.wanted);
	arena_free(arena);
	if (err < 0)
		change_free(&out->first);
	return err;
}
