#include "control/sign/bundle_stored.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/wire.h"

/*
 * A value, in network order:
 *
 *      u8 version, and for each part: u32 TTL, u8 records, u8 signatures, and of each u16 length, RDATA
 *
 * A part without records has no signatures and a TTL of 0.
 */
enum { VALUE_VERSION = 1, PART_HEADER = 6 };
STATIC_ASSERT(BUNDLE_KEYS_MAX <= UINT8_MAX, "they are counted in an octet");

/* ---- values ---- */

static size_t part_size(const struct rrset *set)
{
	return PART_HEADER + (set->count ? set->size - RRSET_HEADER : 0);
}

static void write_part(struct wire_writer *w, const struct rrset *set)
{
	const uint8_t *at = set->count ? rrset_first(set) : NULL;
	unsigned records = set->count ? set->count + set->sig_count : 0;

	wire_write32(w, records ? set->ttl : 0);
	wire_write8(w, (uint8_t)set->count);
	wire_write8(w, (uint8_t)(records - set->count));
	for (unsigned i = 0; i < records; i++) {
		struct rdata d = rrset_next(&at);

		wire_write16(w, d.len);
		wire_write_bytes(w, d.bytes, d.len);
	}
}

uint8_t *bundle_encode(const struct bundle *b, size_t *size)
{
	size_t needed = 1;

	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++)
		needed += part_size(&b->sets[part]);
	uint8_t *value = must(malloc(needed));
	struct wire_writer w = wire_writer_on(value, needed);
	wire_write8(&w, VALUE_VERSION);
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++)
		write_part(&w, &b->sets[part]);
	assert(w.ok && wire_written(&w) == needed);
	*size = needed;
	return value;
}

static int read_record(struct wire_reader *r, uint16_t type, struct rdata *out)
{
	out->len = wire_read16(r);
	out->bytes = wire_read_bytes(r, out->len);
	return out->bytes ? rdata_check(type, out->bytes, out->len) : ERR_CORRUPT;
}

/* Writes the blob of an RRset whose records come next, each at most as long as what is left. */
static int read_set(struct wire_reader *r, struct bundles *b, struct rrset *set)
{
	unsigned records = (unsigned)set->count + set->sig_count;
	uint8_t *blob = arena_alloc(b->arena, RRSET_HEADER + wire_left(r));
	uint8_t *at = blob + RRSET_HEADER;
	struct rdata d;

	rrset_write_header(blob, set);
	for (unsigned i = 0; i < records; i++) {
		TRY(read_record(r, i < set->count ? set->type : RRTYPE_RRSIG, &d));
		at = rrset_write_rdata(at, d.bytes, d.len);
	}
	return rrset_open(set->type, blob, (size_t)(at - blob), set);
}

static int read_part(struct wire_reader *r, struct bundles *b, struct rrset *set)
{
	set->ttl = wire_read32(r);
	set->count = wire_read8(r);
	set->sig_count = wire_read8(r);
	set->sig_ttl = set->sig_count ? set->ttl : 0;
	if (!r->ok || set->ttl > TTL_MAX || set->count > BUNDLE_KEYS_MAX ||
	    set->sig_count > BUNDLE_KEYS_MAX)
		return ERR_CORRUPT;
	if (set->count)
		return read_set(r, b, set);
	return set->sig_count || set->ttl ? ERR_CORRUPT : 0;
}

int bundle_decode(const void *bytes, size_t size, uint64_t from, struct bundles *to)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct bundle *b;

	if (wire_read8(&r) != VALUE_VERSION)
		return r.ok ? ERR_VERSION : ERR_CORRUPT;
	if (bundles_add(to, from, &b) < 0)
		return ERR_CORRUPT;
	int err = 0;
	for (enum bundle_part part = 0; err == 0 && part < BUNDLE_PARTS; part++)
		err = read_part(&r, to, &b->sets[part]);
	if (err < 0 || wire_left(&r) || !b->sets[BUNDLE_DNSKEY].count) {
		to->count--;
		return ERR_CORRUPT;
	}
	return 0;
}

/* ---- in the store ---- */

enum { KEY_SIZE = 4 + 8 };

struct item_key {
	uint8_t bytes[KEY_SIZE];
};

/* Big endian, so that the order of the octets is that of the times. */
static struct item_key key_of(uint32_t id, uint64_t from)
{
	struct item_key k;

	wire_store32(k.bytes, id);
	wire_store32(k.bytes + 4, (uint32_t)(from >> 32));
	wire_store32(k.bytes + 8, (uint32_t)from);
	return k;
}

/* What is looked for among a zone's bundles. */
struct search {
	struct bundles *to;
	uint64_t now;             /* whatever no longer held then is left out */
	struct store_item before; /* the last that began until then; lent */
	bool first_only;          /* of those that begin later */
};

static uint64_t from_of(const struct store_item *item)
{
	struct wire_reader r = wire_reader_on(item->key, item->key_len);

	(void)wire_read32(&r);
	return wire_read64(&r);
}

static int take(const struct search *s, const struct store_item *item)
{
	return bundle_decode(item->value, item->size, from_of(item), s->to);
}

/* Takes the one that holds at the time, once it is known which that is. */
static int take_before(struct search *s)
{
	struct store_item item = s->before;

	s->before = (struct store_item){0};
	return item.key ? take(s, &item) : 0;
}

static int see_item(const struct store_item *item, void *arg)
{
	enum { STOP = 1 };
	struct search *s = arg;

	if (item->key_len != KEY_SIZE)
		return ERR_CORRUPT;
	if (from_of(item) <= s->now) {
		s->before = *item;
		return 0;
	}
	TRY(take_before(s));
	TRY(take(s, item));
	return s->first_only ? STOP : 0;
}

static int find(struct store_txn *t, uint32_t id, struct search *s)
{
	struct item_key k = key_of(id, 0);

	TRY(store_item_each(t, STORE_BUNDLE, k.bytes, 4, see_item, s));
	return take_before(s);
}

int bundle_stored_all(struct store_txn *t, uint32_t id, const uint8_t *zone,
                      struct bundles **out)
{
	struct search s = {.to = bundles_new(zone, BUNDLE_RESPONSE)};
	int err = find(t, id, &s);

	if (err < 0)
		bundles_free(&s.to);
	else
		*out = s.to;
	return err;
}

int bundle_stored_at(struct store_txn *t, uint32_t id, const uint8_t *zone, uint64_t now,
                     struct bundles **out)
{
	struct search s = {
		.to = bundles_new(zone, BUNDLE_RESPONSE), .now = now, .first_only = true};
	int err = find(t, id, &s);

	if (err >= 0 && !bundles_at(s.to, now))
		err = ERR_NOTFOUND;
	if (err < 0)
		bundles_free(&s.to);
	else
		*out = s.to;
	return err < 0 ? err : 0;
}

/* Gives the last item of a change about a bundle, or NULL. */
static const struct item_change *find_item(const struct change *c,
                                           const struct item_key *k)
{
	for (size_t i = c ? c->item_count : 0; i-- > 0;) {
		const struct item_change *item = &c->items[i];
		if (item->list == STORE_BUNDLE && item->key_len == KEY_SIZE &&
		    memcmp(item->key, k->bytes, KEY_SIZE) == 0)
			return item;
	}
	return NULL;
}

int bundle_stored_get(struct store_txn *t, const struct change *with, uint32_t id,
                      const uint8_t *zone, uint64_t from, struct bundles **out)
{
	struct item_key k = key_of(id, from);
	const struct item_change *item = find_item(with, &k);
	struct store_item stored = {0};

	if (item && !item->value)
		return ERR_NOTFOUND;
	if (!item)
		TRY(store_item_get(t, STORE_BUNDLE, k.bytes, KEY_SIZE, &stored.value,
		                   &stored.size));
	struct bundles *b = bundles_new(zone, BUNDLE_RESPONSE);
	int err = bundle_decode(item ? item->value : stored.value,
	                        item ? item->size : stored.size, from, b);
	if (err < 0)
		bundles_free(&b);
	else
		*out = b;
	return err;
}

/* What a change removes. */
struct removal {
	struct change *change;
	const struct bundles
		*response; /* takes the place of what is removed; NULL: nothing does */
	uint64_t now;
	struct store_item before; /* as in struct search */
};

static void remove_item(struct change *c, const struct store_item *item)
{
	if (item->key)
		(void)change_item(c, STORE_BUNDLE, item->key, item->key_len, NULL, 0);
}

/* Says whether the response has one that begins at the same time. */
static bool is_replaced(const struct removal *r, uint64_t from)
{
	const struct bundle *b = r->response ? bundles_at(r->response, from) : NULL;

	return b && b->from == from;
}

static int see_removal(const struct store_item *item, void *arg)
{
	struct removal *r = arg;

	if (item->key_len != KEY_SIZE)
		return ERR_CORRUPT;
	uint64_t from = from_of(item);
	if (!r->response || from >= r->response->list[0].from) {
		if (!is_replaced(r, from))
			remove_item(r->change, item);
	} else if (from <= r->now) {
		remove_item(r->change, &r->before);
		r->before = *item;
	}
	return 0;
}

int bundle_stored_change(struct change *c, struct store_txn *t, uint32_t id,
                         const struct bundles *response, uint64_t now)
{
	struct item_key k = key_of(id, 0);
	struct removal r = {.change = c, .response = response, .now = now};

	TRY(store_item_each(t, STORE_BUNDLE, k.bytes, 4, see_removal, &r));
	if (response->list[0].from <= now)
		remove_item(c, &r.before);
	for (size_t i = 0; i < response->count; i++) {
		const struct bundle *b = &response->list[i];
		size_t size;
		uint8_t *value = bundle_encode(b, &size);

		k = key_of(id, b->from);
		(void)change_item(c, STORE_BUNDLE, k.bytes, sizeof k.bytes, value, size);
		free(value);
	}
	return 0;
}

int bundle_stored_forget(struct change *c, struct store_txn *t, uint32_t id)
{
	struct item_key k = key_of(id, 0);
	struct removal r = {.change = c};

	return store_item_each(t, STORE_BUNDLE, k.bytes, 4, see_removal, &r);
}
