#include "control/sign/zone_contents.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/sign/chain.h"
#include "control/zone/arena.h"
#include "control/zone/zonemd.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* ---- from the store ---- */

static void read_one(struct contents *c, size_t *room, const struct store_entry *e)
{
	c->rrsets = array_room(c->rrsets, c->count, room, sizeof *c->rrsets);
	c->rrsets[c->count++] = (struct contents_rrset){
		.key = arena_copy(c->arena, e->key, e->key_len),
		.key_len = (uint16_t)e->key_len,
		.type = e->set.type,
		.size = (uint32_t)e->set.size,
		.blob = arena_copy(c->arena, e->set.bytes, e->set.size),
	};
	c->records += (size_t)e->set.count + e->set.sig_count;
}

int zone_contents_load(struct store_txn *t, const struct store_zone *zone,
                       struct contents **out)
{
	struct contents *c = memory_get(sizeof *c);
	struct store_cursor *cursor;
	struct store_entry e;
	size_t room = 0;

	*c = (struct contents){.apex_len = (uint8_t)name_len(zone->name, NAME_MAX_LEN),
	                       .arena = arena_new()};
	memcpy(c->apex, zone->name, c->apex_len);
	int err = store_cursor_open(t, zone->id, &cursor);
	while (err == 0 && (err = store_cursor_next(cursor, &e)) == 0)
		read_one(c, &room, &e);
	store_cursor_close(&cursor);
	if (err < 0 && err != ERR_NOTFOUND) {
		contents_free(c);
		return err;
	}
	*out = c;
	return 0;
}

/* ---- bare ---- */

static int bare_all(struct contents *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct contents_rrset s = c->rrsets[i];
		struct rrset set;

		TRY(rrset_open(s.type, s.blob, s.size, &set));
		c->records -= set.sig_count;
		if (chain_is_denial(s.key_len, s.type) || set.count == 0) {
			c->records -= set.count;
			continue;
		}
		rrsig_take_out(&set, c->arena);
		s.blob = set.bytes;
		s.size = (uint32_t)set.size;
		c->rrsets[kept++] = s;
	}
	c->count = kept;
	return 0;
}

static int put_keys(struct contents *c, const struct zone_keys *k, uint16_t type)
{
	const struct contents_rrset *s = contents_at_apex(c, type);
	struct rrset now = {.type = type};
	size_t size;

	if (s)
		TRY(rrset_open(type, s->blob, s->size, &now));
	const uint8_t *blob = zone_keys_apex(k, &now, c->arena, &size);
	return contents_put_apex(c, type, blob, size);
}

int zone_contents_bare(struct contents *c, const struct zone_keys *keys)
{
	TRY(bare_all(c));
	TRY(contents_put_apex(c, RRTYPE_ZONEMD, NULL, 0));
	if (!keys)
		return 0;
	TRY(put_keys(c, keys, RRTYPE_DNSKEY));
	TRY(put_keys(c, keys, RRTYPE_CDS));
	return put_keys(c, keys, RRTYPE_CDNSKEY);
}

/* ---- signatures that stay ---- */

static int order_of(const struct contents_rrset *s, const struct store_entry *e)
{
	int order = name_key_compare(s->key, s->key_len, e->key, e->key_len);

	return order ? order : (int)s->type - (int)e->set.type;
}

/* set: as it is now. */
static void take_over(struct contents *c, struct contents_rrset *s,
                      const struct rrset *set, const struct rrset *from)
{
	c->records += (size_t)from->sig_count - set->sig_count;
	s->blob = arena_copy(c->arena, from->bytes, from->size);
	s->size = (uint32_t)from->size;
}

static struct contents_rrset *find(struct contents *c, const struct contents_rrset *like)
{
	size_t i = contents_lower_bound(c, like->key, like->key_len);

	for (; i < c->count && contents_same_owner(&c->rrsets[i], like); i++)
		if (c->rrsets[i].type == like->type)
			return &c->rrsets[i];
	return NULL;
}

bool zone_contents_reuse(struct contents *c, const struct zone_keys *k,
                         const struct contents_rrset *from)
{
	struct contents_rrset *s = find(c, from);
	bool apex = from->key_len == 0;
	struct rrset set;
	struct rrset with;

	if (!s || rrset_open(s->type, s->blob, s->size, &set) < 0 ||
	    rrset_open(from->type, from->blob, from->size, &with) < 0 ||
	    sign_is_current(&k->terms, &set, apex) ||
	    !sign_is_current(&k->terms, &with, apex) || !rrsig_same_data(&set, &with))
		return false;
	take_over(c, s, &set, &with);
	return true;
}

/* One walk through both, in canonical order. */
static int merge(struct contents *c, struct store_cursor *cursor)
{
	struct store_entry e;
	struct rrset set;
	int err = store_cursor_next(cursor, &e);

	for (size_t i = 0; i < c->count && err == 0;) {
		struct contents_rrset *s = &c->rrsets[i];
		int order = order_of(s, &e);

		if (order == 0 && e.set.sig_count > 0 &&
		    rrset_open(s->type, s->blob, s->size, &set) == 0 &&
		    rrsig_same_data(&set, &e.set))
			take_over(c, s, &set, &e.set);
		if (order <= 0)
			i++;
		if (order >= 0)
			err = store_cursor_next(cursor, &e);
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

static int keep_signatures(struct contents *c, const struct zone_keys *k,
                           struct store_txn *t)
{
	struct store_cursor *cursor;

	TRY(store_cursor_open(t, k->id, &cursor));
	int err = merge(c, cursor);
	store_cursor_close(&cursor);
	return err;
}

/* ---- signing ---- */

static int read_serial(const struct contents *c, uint32_t *out)
{
	const struct contents_rrset *s = contents_at_apex(c, RRTYPE_SOA);
	struct rrset soa;

	if (!s)
		return ERR_INVALID;
	TRY(rrset_open(s->type, s->blob, s->size, &soa));
	return serial_read(&soa, out);
}

int zone_contents_prepare(struct contents *c, struct zone_keys *k, struct store_txn *t,
                          bool digest, uint64_t now)
{
	k->terms.now = now;
	TRY(read_serial(c, &k->terms.serial));
	TRY(zone_contents_bare(c, k));
	if (digest)
		TRY(zonemd_put(c)); /* for the chain to know of it */
	TRY(chain_put(c, &k->state.chain));
	return t ? keep_signatures(c, k, t) : 0;
}

int zone_contents_sign(struct contents *c, const struct zone_keys *k, unsigned threads,
                       struct bulk_progress *progress, const struct bulk_watcher *watcher)
{
	const struct bulk bulk = {.contents = c,
	                          .terms = &k->terms,
	                          .keep = true,
	                          .threads = threads,
	                          .progress = progress,
	                          .watcher = watcher};

	return bulk_sign(&bulk);
}

int zone_contents_sign_apex(struct contents *c, struct zone_keys *k, uint16_t type)
{
	const struct contents_rrset *s = contents_at_apex(c, type);
	struct rrset set;

	if (!s)
		return ERR_INVALID;
	TRY(read_serial(c, &k->terms.serial));
	TRY(rrset_open(type, s->blob, s->size, &set));
	uint32_t size = set_signer_size(k->signer, &set, true);
	uint8_t *blob = arena_alloc(c->arena, size);
	TRY(set_signer_sign(k->signer, k->zone, &set, blob));
	return contents_put_apex(c, type, blob, size);
}
