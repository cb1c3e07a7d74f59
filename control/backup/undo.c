/*
 * Changes undone. The log has for each value that a change touched what it was before and after;
 * undoing puts back what was before, row by row from the last to the first, after having made sure
 * that what is there is what the change left. What a change does to a zone's own entry is in the
 * log as a whole when the zone came, went or was loaded; of an edit, it follows: the serial is in
 * the header, and the counts from the rows. Only which change was the one before is not known until
 * all is undone, and read from the log then.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/backup/restore.h"
#include "control/change/record.h"
#include "control/zone/arena.h"
#include "shared/err.h"

enum { COMMIT_ROWS = 20000 };

struct undo_row {
	struct record_row row; /* lent from the arena */
	uint32_t zone;
};

/* A zone of the change that is being undone. */
struct undo_zone {
	struct record_zone is;
	const struct record_row *zone; /* ROW_ZONE, or NULL */
	const struct record_row *attrs;
	int64_t rrsets; /* that come back, less those that go */
	int64_t records;
};

struct undo {
	struct store *store;
	struct store_txn *txn; /* or NULL */
	uint64_t seq;          /* the change at hand */
	char *text;
	size_t rows_since; /* the last commit */
	bool purges;       /* something is left to purge before one goes on */
	/* Of the change at hand: */
	struct contents_arena *arena;
	struct record_header header;
	struct undo_row *rows;
	size_t row_count, row_room;
	struct undo_zone *zones; /* by id */
	uint32_t part_zone;
};

static int misfit(struct undo *u, const char *what)
{
	(void)snprintf(u->text, RESTORE_TEXT_SIZE,
	               "change %" PRIu64
	               " cannot be undone: %s is not as the change left it",
	               u->seq, what);
	return ERR_CORRUPT;
}

/* ---- reading a change ---- */

static int read_header(uint64_t seq, const void *header, size_t size, void *arg)
{
	struct undo *u = arg;

	(void)seq;
	TRY(record_decode_header(arena_copy(u->arena, header, size), size, &u->header));
	return 1;
}

static int read_row(const struct record_row *row, void *arg)
{
	struct undo *u = arg;

	u->rows = array_room(u->rows, u->row_count, &u->row_room, sizeof *u->rows);
	u->rows[u->row_count++] = (struct undo_row){*row, u->part_zone};
	return 0;
}

static int read_part(const struct store_rows *part, void *arg)
{
	struct undo *u = arg;

	u->part_zone = part->zone;
	return record_each_row(arena_copy(u->arena, part->rows, part->size), part->size,
	                       read_row, u);
}

static int by_id(const void *a, const void *b)
{
	const struct undo_zone *x = a;
	const struct undo_zone *y = b;

	return (x->is.id > y->is.id) - (x->is.id < y->is.id);
}

static int read_change(struct undo *u)
{
	int err = store_log_each(u->txn, u->seq, u->seq, read_header, u);

	if (err <= 0)
		return err < 0 ? err : ERR_CORRUPT;
	TRY(store_log_each_rows(u->txn, u->seq, read_part, u));
	struct wire_reader at = record_zones(&u->header);
	u->zones = memory_get((u->header.zone_count + 1) * sizeof *u->zones);
	for (uint32_t i = 0; i < u->header.zone_count; i++)
		u->zones[i] = (struct undo_zone){.is = record_next_zone(&at)};
	qsort(u->zones, u->header.zone_count, sizeof *u->zones, by_id);
	return 0;
}

static struct undo_zone *zone_of(const struct undo *u, uint32_t id)
{
	const struct undo_zone key = {.is = {.id = id}};

	return bsearch(&key, u->zones, u->header.zone_count, sizeof *u->zones, by_id);
}

/* ---- rows ---- */

static bool same(const void *a, size_t a_size, const void *b, size_t b_size)
{
	if (!a || !b)
		return !a && !b;
	return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static int count_records(const struct record_row *row, const void *bytes, size_t size,
                         int64_t *records)
{
	struct rrset set;

	*records = 0;
	if (!bytes)
		return 0;
	TRY(rrset_open(row->type, bytes, size, &set));
	*records = (int64_t)set.count + set.sig_count;
	return 0;
}

static int undo_rrset(struct undo *u, const struct undo_row *r)
{
	const struct record_row *row = &r->row;
	struct undo_zone *z = zone_of(u, r->zone);
	struct rrset now = {0};
	struct rrset before;
	int64_t had = 0;
	int64_t has = 0;

	int err =
		store_rrset_get(u->txn, r->zone, row->key, row->key_len, row->type, &now);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (!z ||
	    !same(err == 0 ? now.bytes : NULL, now.size, row->after, row->after_size))
		return misfit(u, "an RRset");
	TRY(count_records(row, row->before, row->before_size, &had));
	TRY(count_records(row, row->after, row->after_size, &has));
	z->rrsets += (row->before != NULL) - (row->after != NULL);
	z->records += had - has;
	if (!row->before)
		return row->after ? store_rrset_delete(u->txn, r->zone, row->key,
		                                       row->key_len, row->type)
		                  : 0;
	TRY(rrset_open(row->type, row->before, row->before_size, &before));
	return store_rrset_put(u->txn, r->zone, row->key, row->key_len, &before);
}

static int undo_extra(struct undo *u, const struct undo_row *r)
{
	const struct record_row *row = &r->row;
	struct store_extra now = {
		.key = row->key, .key_len = row->key_len, .type = row->type};
	struct store_extra before = now;

	int err = store_extra_get(u->txn, r->zone, &now);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (!same(now.value, now.size, row->after, row->after_size))
		return misfit(u, "a comment or disabled record");
	before.value = row->before;
	before.size = row->before_size;
	if (row->before)
		return store_extra_put(u->txn, r->zone, &before);
	return row->after ? store_extra_delete(u->txn, r->zone, row->key, row->key_len,
	                                       row->type)
	                  : 0;
}

static int undo_item(struct undo *u, const struct undo_row *r)
{
	const struct record_row *row = &r->row;
	const void *now = NULL;
	size_t size = 0;

	if (row->key_len < 2 || row->key[0] >= STORE_LISTS)
		return ERR_CORRUPT;
	enum store_list list = (enum store_list)row->key[0];
	const uint8_t *key = row->key + 1;
	size_t len = row->key_len - 1;
	int err = store_item_get(u->txn, list, key, len, &now, &size);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (!same(now, size, row->after, row->after_size))
		return misfit(u, "a key, a setting or metadata");
	if (row->before)
		return store_item_put(u->txn, list, key, len, row->before,
		                      row->before_size);
	return row->after ? store_item_delete(u->txn, list, key, len) : 0;
}

static int undo_row(struct undo *u, const struct undo_row *r)
{
	struct undo_zone *z = zone_of(u, r->zone);

	switch (r->row.kind) {
	case ROW_RRSET: return undo_rrset(u, r);
	case ROW_EXTRA: return undo_extra(u, r);
	case ROW_ITEM: return undo_item(u, r);
	case ROW_ZONE:
	case ROW_ATTRS: break;
	}
	if (!z)
		return ERR_CORRUPT;
	if (r->row.kind == ROW_ZONE)
		z->zone = &r->row;
	else
		z->attrs = &r->row;
	return 0;
}

/* ---- zones ---- */

static int undo_edit(struct undo *u, const struct undo_zone *z, struct store_zone *s)
{
	if (s->serial != z->is.new_serial)
		return misfit(u, "the serial of a zone");
	s->serial = z->is.old_serial;
	s->rrsets = (uint64_t)((int64_t)s->rrsets + z->rrsets);
	s->records = (uint64_t)((int64_t)s->records + z->records);
	s->version = 0; /* told by the log when all is undone */
	if (z->attrs)
		TRY(store_attrs_decode(z->attrs->before, z->attrs->before_size,
		                       &s->attrs));
	return store_zone_restore(u->txn, s);
}

static int undo_coming(struct undo *u, const struct undo_zone *z)
{
	u->purges = true;
	return store_zone_delete(u->txn, z->is.name);
}

static int undo_contents(struct undo *u, const struct undo_zone *z,
                         const struct store_zone *now, const struct store_zone *before)
{
	if (z->zone->type == ROW_ZONE_ALONE) {
		if (before->rrsets > 0)
			return misfit(u, "a zone whose old contents the log has not");
		u->purges = true;
		TRY(store_zone_clear(u->txn, now));
	} else if ((int64_t)now->rrsets + z->rrsets != (int64_t)before->rrsets) {
		return misfit(u, "the number of RRsets of a zone");
	}
	return store_zone_restore(u->txn, before);
}

static int undo_zone(struct undo *u, const struct undo_zone *z)
{
	struct store_zone now;
	struct store_zone before;
	int err = store_zone_get(u->txn, z->is.name, &now);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	bool there = err == 0;
	if (there != (z->is.kind != ZONE_REMOVE) || (there && now.id != z->is.id))
		return misfit(u, "a zone");
	if (z->is.kind == ZONE_EDIT)
		return undo_edit(u, z, &now);
	if (!z->zone)
		return ERR_CORRUPT;
	if (!z->zone->before)
		return undo_coming(u, z);
	TRY(store_zone_decode(z->is.name, z->zone->before, z->zone->before_size,
	                      &before));
	return there ? undo_contents(u, z, &now, &before)
	             : store_zone_restore(u->txn, &before);
}

static int undo_read(struct undo *u)
{
	for (size_t i = u->row_count; i-- > 0;)
		TRY(undo_row(u, &u->rows[i]));
	for (uint32_t i = 0; i < u->header.zone_count; i++)
		TRY(undo_zone(u, &u->zones[i]));
	return store_log_drop(u->txn, u->seq);
}

/* ---- one after the other ---- */

static int commit(struct undo *u)
{
	u->rows_since = 0;
	if (u->txn)
		TRY(store_commit(&u->txn));
	for (int more = 1; more > 0 && u->purges;) {
		more = store_purge(u->store);
		TRY(more);
	}
	u->purges = false;
	return 0;
}

static int undo_change(struct undo *u)
{
	u->arena = arena_new();
	u->zones = NULL;
	u->row_count = 0;
	int err = read_change(u);
	if (err == 0)
		err = undo_read(u);
	u->rows_since += u->row_count + 1;
	free(u->zones);
	arena_free(u->arena);
	TRY(err);
	return u->purges || u->rows_since >= COMMIT_ROWS ? commit(u) : 0;
}

static int undo_all(struct undo *u, uint64_t stop)
{
	for (;;) {
		uint64_t next;

		if (!u->txn)
			TRY(store_begin_write(u->store, &u->txn));
		TRY(store_log_next(u->txn, &next));
		u->seq = next - 1;
		if (u->seq <= stop)
			return commit(u);
		TRY(undo_change(u));
	}
}

/* ---- which change was the one before ---- */

/* The last change of a zone in the log, and the last that says all of its entry. */
struct past {
	struct store_txn *txn;
	uint64_t last, whole;
	uint64_t last_us;
	struct store_zone as_whole;
	uint64_t edited; /* the last change behind it that touched what is in the zone */
	uint64_t at;
};

static int look_at_row(const struct record_row *row, void *arg)
{
	struct past *p = arg;

	if (row->kind == ROW_ZONE && row->after) {
		p->whole = p->at;
		return store_zone_decode(p->as_whole.name, row->after, row->after_size,
		                         &p->as_whole);
	}
	if (p->edited < p->at && (row->kind == ROW_RRSET || row->kind == ROW_EXTRA))
		p->edited = p->at;
	return 0;
}

static int look_at_part(const struct store_rows *part, void *arg)
{
	struct past *p = arg;

	if (p->whole > part->seq)
		return 1;
	if (p->last == 0)
		p->last = part->seq;
	p->at = part->seq;
	return record_each_row(part->rows, part->size, look_at_row, p);
}

static int read_time(uint64_t seq, const void *header, size_t size, void *arg)
{
	struct past *p = arg;
	struct record_header h;

	(void)seq;
	TRY(record_decode_header(header, size, &h));
	p->last_us = h.time_us;
	return 1;
}

static int date(struct store_txn *t, struct store_zone *z)
{
	struct past p = {.txn = t};

	memcpy(p.as_whole.name, z->name, sizeof z->name);
	int err = store_history_each(t, z->id, UINT64_MAX, true, look_at_part, &p);
	if (err < 0 || p.last == 0)
		return err < 0 ? err : 0;
	if (p.whole == p.last) {
		*z = p.as_whole;
		return store_zone_restore(t, z);
	}
	err = store_log_each(t, p.last, p.last, read_time, &p);
	if (err < 0)
		return err;
	z->version = p.last;
	if (p.last_us)
		z->changed_at = p.last_us / 1000000;
	if (p.whole)
		z->edited = p.as_whole.edited || (p.edited > p.whole && z->source[0]);
	return store_zone_restore(t, z);
}

struct undated {
	struct store_zone *zones;
	size_t count, room;
};

static int note_undated(const struct store_zone *z, void *arg)
{
	struct undated *u = arg;

	if (z->version != 0)
		return 0;
	u->zones = array_room(u->zones, u->count, &u->room, sizeof *u->zones);
	u->zones[u->count++] = *z;
	return 0;
}

static int date_zones(struct undo *u)
{
	struct undated list = {0};

	TRY(store_begin_write(u->store, &u->txn));
	int err = store_zone_each(u->txn, NULL, note_undated, &list);
	for (size_t i = 0; i < list.count && err == 0; i++)
		err = date(u->txn, &list.zones[i]);
	free(list.zones);
	TRY(err);
	return commit(u);
}

/* ---- whether it adds up ---- */

struct tally {
	struct undo *undo;
	struct {
		uint32_t zone;
		uint64_t rrsets;
	} * runs; /* by zone */
	size_t count, room;
	size_t seen;
};

static int tally_rrset(const struct store_raw *raw, void *arg)
{
	struct tally *t = arg;
	struct wire_reader r = wire_reader_on(raw->key, raw->key_len);
	uint32_t zone = wire_read32(&r);

	if (t->count == 0 || t->runs[t->count - 1].zone != zone) {
		t->runs = array_room(t->runs, t->count, &t->room, sizeof *t->runs);
		t->runs[t->count].zone = zone;
		t->runs[t->count++].rrsets = 0;
	}
	t->runs[t->count - 1].rrsets++;
	return 0;
}

static uint64_t tallied(const struct tally *t, uint32_t zone)
{
	size_t low = 0;

	for (size_t high = t->count; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (t->runs[middle].zone < zone)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->count && t->runs[low].zone == zone ? t->runs[low].rrsets : 0;
}

static int compare_zone(const struct store_zone *z, void *arg)
{
	struct tally *t = arg;
	uint64_t rrsets = tallied(t, z->id);

	t->seen += rrsets > 0;
	return rrsets == z->rrsets ? 0
	                           : misfit(t->undo, "the number of RRsets of a zone");
}

static int verify(struct undo *u)
{
	struct tally t = {.undo = u};

	TRY(store_begin_read(u->store, &u->txn));
	int err = store_raw_each(u->txn, STORE_RRSET, tally_rrset, &t);
	if (err == 0)
		err = store_zone_each(u->txn, NULL, compare_zone, &t);
	if (err == 0 && t.seen != t.count)
		err = misfit(u, "what is in no zone");
	free(t.runs);
	store_abort(&u->txn);
	return err;
}

int undo_until(struct store *s, uint64_t stop, char text[static RESTORE_TEXT_SIZE])
{
	struct undo u = {.store = s, .text = text, .purges = true};

	text[0] = '\0';
	/* What removed zones have left is in nobody's log. */
	int err = commit(&u);
	if (err == 0)
		err = undo_all(&u, stop);
	if (err == 0)
		err = date_zones(&u);
	if (err == 0)
		err = verify(&u);
	store_abort(&u.txn);
	free(u.rows);
	if (err < 0 && !text[0])
		(void)snprintf(text, RESTORE_TEXT_SIZE,
		               "change %" PRIu64 " cannot be undone: %s", u.seq,
		               err_text(err));
	return err;
}
