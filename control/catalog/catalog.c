/*
 *      version.CATALOG                 TXT "2"      this and nothing else
 *      LABEL.zones.CATALOG             PTR member   one at each name, each member once
 *      group.LABEL.zones.CATALOG       TXT          any number; the first counts
 *      coo.LABEL.zones.CATALOG         PTR catalog  one
 *
 * All else is left alone: types, properties and depths that nobody has given a meaning (RFC 9432 §4.1,
 * §4.4). In canonical order a member's properties follow it at once.
 */
#include "control/catalog/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

/* Parts of sort keys: labels, topmost first, each with a zero behind it. */
static const uint8_t version_key[] = "version";
static const uint8_t zones_key[] = "zones";
static const uint8_t group_key[] = "group";
static const uint8_t coo_key[] = "coo";

struct reading {
	struct contents_arena *arena;
	struct catalog *catalog;
	const uint8_t *apex;
	size_t room;
	size_t max;
	const uint8_t *last_key; /* of the member read last: lent */
	size_t last_key_len;
	char *why; /* CATALOG_WHY_SIZE */
};

static int broken(struct reading *r, const uint8_t *name, const char *reason)
{
	char shown[NAME_TEXT_MAX];

	(void)snprintf(r->why, CATALOG_WHY_SIZE, "%s %s", name_to_text(name, shown),
	               reason);
	return ERR_REFUSED;
}

/* The same of a key below the apex. */
static int broken_at(struct reading *r, const uint8_t *key, size_t key_len,
                     const char *reason)
{
	uint8_t name[NAME_MAX_LEN];

	if (name_from_key(key, key_len, r->apex, name) < 0)
		return ERR_CORRUPT;
	return broken(r, name, reason);
}

/* ---- what records say ---- */

static const uint8_t *kept_name(struct reading *r, struct rdata ptr)
{
	uint8_t *name = arena_copy(r->arena, ptr.bytes, ptr.len);

	name_fold(name, ptr.len);
	return name;
}

/* The first string of a TXT record. */
static const char *kept_string(struct reading *r, struct rdata txt)
{
	size_t len = txt.len > txt.bytes[0] ? txt.bytes[0] : 0;
	char *text = arena_alloc(r->arena, len + 1);

	memcpy(text, txt.bytes + 1, len);
	text[len] = 0;
	return strlen(text) == len ? text : "";
}

static int check_version(struct reading *r, struct store_txn *t, uint32_t zone)
{
	static const uint8_t two[] = "\0012";
	struct rrset set = {0};
	int err = store_rrset_get(t, zone, version_key, sizeof version_key, RRTYPE_TXT,
	                          &set);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (err == ERR_NOTFOUND || set.count != 1)
		return broken_at(r, version_key, sizeof version_key,
		                 "has not one TXT record");
	struct rdata version = rrset_first_record(&set);
	if (version.len != sizeof two - 1 ||
	    memcmp(version.bytes, two, sizeof two - 1) != 0)
		return broken_at(r, version_key, sizeof version_key,
		                 "has another version than 2");
	return 0;
}

/* ---- members ---- */

/* The label that a member's key ends with, as text without the final dot. */
static int keep_label(struct reading *r, const uint8_t *part, size_t part_len,
                      const char **out)
{
	static const uint8_t root[] = "";
	uint8_t name[NAME_MAX_LEN];
	char shown[NAME_TEXT_MAX];

	if (name_from_key(part, part_len, root, name) < 0)
		return ERR_CORRUPT;
	size_t len = strlen(name_to_text(name, shown)) - 1;
	char *text = arena_alloc(r->arena, len + 1);
	memcpy(text, shown, len);
	text[len] = 0;
	*out = text;
	return 0;
}

static struct catalog_member *new_member(struct reading *r)
{
	struct catalog *c = r->catalog;

	c->members =
		arena_room(r->arena, c->members, c->count, &r->room, sizeof *c->members);
	return &c->members[c->count++];
}

static int take_member(struct reading *r, const struct store_entry *e)
{
	const char *unique;

	if (e->set.count != 1)
		return broken_at(r, e->key, e->key_len, "has more than one PTR record");
	if (r->catalog->count == r->max) {
		(void)snprintf(r->why, CATALOG_WHY_SIZE, "it has more than %zu members",
		               r->max);
		return ERR_LIMITED;
	}
	TRY(keep_label(r, e->key + sizeof zones_key, e->key_len - sizeof zones_key,
	               &unique));
	*new_member(r) = (struct catalog_member){
		.name = kept_name(r, rrset_first_record(&e->set)),
		.unique = unique,
		.group = "",
	};
	r->last_key = e->key;
	r->last_key_len = e->key_len;
	return 0;
}

static bool part_is(const uint8_t *part, size_t len, const uint8_t *key, size_t key_len)
{
	return len == key_len && memcmp(part, key, len) == 0;
}

/* A property of the member that was read last, or of none. */
static int take_property(struct reading *r, const struct store_entry *e)
{
	if (!r->last_key || e->key_len <= r->last_key_len ||
	    memcmp(e->key, r->last_key, r->last_key_len) != 0)
		return 0;

	struct catalog_member *member = &r->catalog->members[r->catalog->count - 1];
	const uint8_t *part = e->key + r->last_key_len;
	size_t len = e->key_len - r->last_key_len;
	if (e->set.type == RRTYPE_TXT && part_is(part, len, group_key, sizeof group_key))
		member->group = kept_string(r, rrset_first_record(&e->set));
	if (e->set.type != RRTYPE_PTR || !part_is(part, len, coo_key, sizeof coo_key))
		return 0;
	if (e->set.count != 1)
		return broken_at(r, e->key, e->key_len, "has more than one PTR record");
	member->coo = kept_name(r, rrset_first_record(&e->set));
	return 0;
}

static int take(struct reading *r, const struct store_entry *e)
{
	const uint8_t *label = e->key + sizeof zones_key;
	size_t len = e->key_len - sizeof zones_key;

	if (!len || !e->set.count)
		return 0;
	const uint8_t *end = memchr(label, 0, len);
	if (end != label + len - 1)
		return take_property(r, e);
	return e->set.type == RRTYPE_PTR ? take_member(r, e) : 0;
}

static int take_all(struct reading *r, struct store_cursor *c)
{
	struct store_entry e;
	int err = store_cursor_seek(c, zones_key, sizeof zones_key, &e);

	while (err == 0 && e.key_len >= sizeof zones_key &&
	       memcmp(e.key, zones_key, sizeof zones_key) == 0) {
		TRY(take(r, &e));
		err = store_cursor_next(c, &e);
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

static int compare_members(const void *a, const void *b)
{
	const struct catalog_member *one = a;
	const struct catalog_member *two = b;

	return name_compare(one->name, two->name);
}

static int sort_members(struct reading *r)
{
	struct catalog *c = r->catalog;

	if (c->count)
		qsort(c->members, c->count, sizeof *c->members, compare_members);
	for (size_t i = 1; i < c->count; i++)
		if (name_equal(c->members[i - 1].name, c->members[i].name))
			return broken(r, c->members[i].name, "is a member twice");
	return 0;
}

int catalog_read(struct store_txn *t, const struct store_zone *z, size_t max,
                 struct contents_arena *a, struct catalog *out,
                 char why[static CATALOG_WHY_SIZE])
{
	struct catalog catalog = {0};
	struct store_cursor *c;
	struct reading r = {
		.arena = a,
		.catalog = &catalog,
		.apex = z->name,
		.max = max,
		.why = why,
	};

	why[0] = 0;
	TRY(check_version(&r, t, z->id));
	TRY(store_cursor_open(t, z->id, &c));
	int err = take_all(&r, c);
	store_cursor_close(&c);
	TRY(err);
	TRY(sort_members(&r));
	*out = catalog;
	return 0;
}
