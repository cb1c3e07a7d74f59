/*
 * Records are sorted by RRset and RDATA, and those that are equal stay in the order in which they
 * came. So the first of them says whether the record must be there, the last whether it will be, and
 * each RRset is one merge of what it was with what remains of that: one blob read, one written.
 */
#include "control/change/delta.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

struct delta *delta_new(const uint8_t *apex)
{
	struct delta *d = memory_get(sizeof *d);
	size_t len = name_len(apex, NAME_MAX_LEN);

	assert(len > 0);
	*d = (struct delta){.arena = arena_new(), .apex_len = (uint8_t)len};
	memcpy(d->apex, apex, len);
	name_fold(d->apex, len);
	return d;
}

void delta_free(struct delta *d)
{
	if (!d)
		return;
	free(d->records);
	arena_free(d->arena);
	free(d);
}

int delta_add(struct delta *d, enum delta_way way, const uint8_t *owner, uint16_t type,
              uint32_t ttl, struct rdata rdata)
{
	uint8_t key[NAME_KEY_MAX];
	size_t key_len = name_to_key(owner, d->apex_len, key);

	if (d->count == UINT32_MAX)
		return ERR_TOOBIG;
	d->records = array_room(d->records, d->count, &d->room, sizeof d->records[0]);
	d->records[d->count] = (struct record){
		.head = record_head(key, key_len),
		.key = arena_copy(d->arena, key, key_len),
		.rdata = arena_copy(d->arena, rdata.bytes, rdata.len),
		.ttl = ttl,
		.line = (uint32_t)d->count,
		.key_len = (uint16_t)key_len,
		.type = type,
		.rdata_len = rdata.len,
		.file = (uint16_t)way,
	};
	d->count++;
	return 0;
}

void delta_end(struct delta *d)
{
	records_sort(d->records, d->count);
}

/* ---- one RRset ---- */

/* What becomes of one RRset. */
struct merge {
	uint16_t type;
	const struct record *at, *end;  /* of the delta, the RRset's */
	const uint8_t *stored;          /* the next record that is there */
	unsigned left, signatures_left; /* of them, the one at hand not counted */
	struct rdata now;
	uint16_t now_type; /* its own, or RRSIG; 0: none is left */
	uint8_t *to;
	struct rrset head; /* of what it becomes */
	uint32_t ttl_from,
		sig_ttl_from; /* places of the records that gave TTLs, from 1 */
	unsigned count, sig_count;
};

/* What all that the delta says of one record comes to. */
struct net {
	const struct record *last;
	bool must_be_there, will_be;
};

static void stored_next(struct merge *m)
{
	m->now_type = 0;
	if (m->left) {
		m->left--;
		m->now_type = m->type;
	} else if (m->signatures_left) {
		m->signatures_left--;
		m->now_type = RRTYPE_RRSIG;
	}
	if (m->now_type)
		m->now = rrset_next(&m->stored);
}

static void put(struct merge *m, uint16_t type, struct rdata d)
{
	m->to = rrset_write_rdata(m->to, d.bytes, d.len);
	if (type == RRTYPE_RRSIG)
		m->sig_count++;
	else
		m->count++;
}

/* Orders what is there against a record of the delta, signatures behind all others. */
static int compare_stored(const struct merge *m, const struct record *r)
{
	int order = (m->now_type == RRTYPE_RRSIG) - (r->type == RRTYPE_RRSIG);

	return order ? order
	             : rdata_compare(r->type, m->now.bytes, m->now.len, r->rdata,
	                             r->rdata_len);
}

/* Takes all that is said of the next record. ERR_STALE: it goes twice in a row. */
static int take_net(struct merge *m, struct net *out)
{
	const struct record *first = m->at;

	out->must_be_there = first->file == DELTA_GOES;
	for (;;) {
		out->last = m->at++;
		if (m->at == m->end || record_compare(m->at, out->last) != 0)
			break;
		if (m->at->file == DELTA_GOES && out->last->file == DELTA_GOES)
			return ERR_STALE;
	}
	out->will_be = out->last->file == DELTA_COMES;
	return 0;
}

static void put_new(struct merge *m, const struct record *r)
{
	bool signature = r->type == RRTYPE_RRSIG;
	uint32_t *from = signature ? &m->sig_ttl_from : &m->ttl_from;

	put(m, r->type, (struct rdata){.bytes = r->rdata, .len = r->rdata_len});
	if (r->line + 1 <= *from)
		return;
	*from = r->line + 1;
	*(signature ? &m->head.sig_ttl : &m->head.ttl) = r->ttl;
}

static int merge_records(struct merge *m)
{
	struct net n;

	while (m->at < m->end) {
		TRY(take_net(m, &n));
		int order = 1;
		for (; m->now_type; stored_next(m)) {
			order = compare_stored(m, n.last);
			if (order >= 0)
				break;
			put(m, m->now_type, m->now);
		}
		bool found = m->now_type && order == 0;
		if (n.must_be_there && !found)
			return ERR_STALE;
		if (found)
			stored_next(m);
		if (n.will_be)
			put_new(m, n.last);
	}
	for (; m->now_type; stored_next(m))
		put(m, m->now_type, m->now);
	return m->count + m->sig_count > UINT16_MAX ? ERR_TOOBIG : 0;
}

/* What the RRset may take at most. */
static size_t room_for(const struct merge *m, const struct rrset *before)
{
	size_t room = RRSET_HEADER + before->size;

	for (const struct record *r = m->at; r < m->end; r++)
		room += sizeof(uint16_t) + r->rdata_len;
	return room;
}

static int merge_set(const struct record *first, const struct record *end,
                     const struct rrset *before, struct contents_arena *a,
                     struct overlay_set *out)
{
	struct merge m = {
		.type = record_set_type(first),
		.at = first,
		.end = end,
		.head = {.ttl = before->ttl, .sig_ttl = before->sig_ttl},
	};

	uint8_t *blob = arena_alloc(a, room_for(&m, before));
	m.to = blob + RRSET_HEADER;
	if (before->size) {
		m.stored = rrset_first(before);
		m.left = before->count;
		m.signatures_left = before->sig_count;
	}
	stored_next(&m);
	TRY(merge_records(&m));
	if (m.count + m.sig_count == 0)
		return 0;
	m.head.count = (uint16_t)m.count;
	m.head.sig_count = (uint16_t)m.sig_count;
	if (m.count == 0)
		m.head.ttl = 0;
	if (m.sig_count == 0)
		m.head.sig_ttl = 0;
	rrset_write_header(blob, &m.head);
	out->blob = blob;
	out->size = (size_t)(m.to - blob);
	return 0;
}

/* ---- the zone ---- */

static bool same_set(const struct record *a, const struct record *b)
{
	return record_set_type(a) == record_set_type(b) && a->head == b->head &&
	       a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static int add_set(struct change_view *v, struct contents_arena *a,
                   const struct record *first, const struct record *end)
{
	struct rrset before = {0};
	struct overlay_set set = {
		.key = first->key,
		.key_len = first->key_len,
		.type = record_set_type(first),
		.edit = -1,
	};
	int err = store_rrset_get(v->txn, v->zone->id, set.key, set.key_len, set.type,
	                          &before);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (err == 0) {
		set.before = arena_copy(a, before.bytes, before.size);
		set.before_size = before.size;
	}
	TRY(merge_set(first, end, &before, a, &set));
	change_view_append(v, &set);
	return 0;
}

int delta_view(struct store_txn *t, const struct store_zone *zone, const struct delta *d,
               struct contents_arena *a, struct change_view *out)
{
	size_t sets = 0;

	if (!zone->loaded || zone->serial != d->from)
		return ERR_STALE;
	for (size_t i = 0; i < d->count; i++)
		sets += i == 0 || !same_set(&d->records[i - 1], &d->records[i]);
	struct change_view v = {
		.txn = t,
		.zone = zone,
		.sets = arena_aligned(a, sets * sizeof v.sets[0]),
		.foreign = true,
	};
	const struct record *end = d->records + d->count;
	for (const struct record *at = d->records; at < end;) {
		const struct record *next = at + 1;
		while (next < end && same_set(at, next))
			next++;
		TRY(add_set(&v, a, at, next));
		at = next;
	}
	v.changed = v.count > 0;
	*out = v;
	return 0;
}
