#include "control/history/difference.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { SETS_MAX = 1000000 };

/* ---- sets ---- */

bool history_same_value(const void *a, size_t a_size, const void *b, size_t b_size)
{
	if (!a || !b)
		return !a && !b;
	return a_size == b_size && memcmp(a, b, a_size) == 0;
}

int history_set_order(const struct history_set *a, const struct history_set *b)
{
	int order = name_key_compare(a->key, a->key_len, b->key, b->key_len);

	if (order == 0)
		order = (a->type > b->type) - (a->type < b->type);
	return order ? order : (a->kind > b->kind) - (a->kind < b->kind);
}

static int by_set_and_order(const void *left, const void *right)
{
	const struct history_set *a = left;
	const struct history_set *b = right;
	int order = history_set_order(a, b);

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int refuse_gap(struct history *h, uint64_t seq)
{
	char name[NAME_TEXT_MAX];

	return history_refuse(h,
	                      "the log does not hold the RRsets of all changes of zone "
	                      "%s up to change %" PRIu64,
	                      name_to_text(h->zone->name, name), seq);
}

/* Makes one of those that are of the same RRset: the first before, the last after. */
static int condense(struct history *h, struct difference *d)
{
	size_t kept = 0;

	if (d->count)
		qsort(d->sets, d->count, sizeof d->sets[0], by_set_and_order);
	for (size_t i = 0; i < d->count; i++) {
		const struct history_set *s = &d->sets[i];
		struct history_set *to = kept ? &d->sets[kept - 1] : NULL;

		if (!to || history_set_order(to, s) != 0) {
			d->sets[kept++] = *s;
			continue;
		}
		if (!history_same_value(to->after, to->after_size, s->before,
		                        s->before_size))
			return refuse_gap(h, s->last);
		to->after = s->after;
		to->after_size = s->after_size;
		to->last = s->last;
	}
	d->count = kept;
	return 0;
}

static void leave_out_unchanged(struct difference *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		const struct history_set *s = &d->sets[i];
		if (!history_same_value(s->before, s->before_size, s->after,
		                        s->after_size))
			d->sets[kept++] = *s;
	}
	d->count = kept;
}

int history_set_now(const struct history *h, const struct history_set *s,
                    const void **value, size_t *size)
{
	struct store_extra x = {.key = s->key, .key_len = s->key_len, .type = s->type};
	struct rrset set;
	int err;

	*value = NULL;
	*size = 0;
	if (s->kind == ROW_RRSET) {
		err = store_rrset_get(h->txn, h->zone->id, s->key, s->key_len, s->type,
		                      &set);
		if (err == 0) {
			*value = set.bytes;
			*size = set.size;
		}
	} else {
		err = store_extra_get(h->txn, h->zone->id, &x);
		if (err == 0) {
			*value = x.value;
			*size = x.size;
		}
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* What the newest changes left must be what is there. */
static int check_now(struct history *h, const struct difference *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct history_set *s = &d->sets[i];
		const void *value;
		size_t size;

		TRY(history_set_now(h, s, &value, &size));
		if (!history_same_value(s->after, s->after_size, value, size))
			return refuse_gap(h, s->last);
	}
	return 0;
}

/* ---- rows ---- */

/* Rows on their way into a difference, and how those of one change add up. */
struct gathering {
	struct history *history;
	struct difference *difference;
	uint64_t to;
	uint64_t seq; /* the change whose rows come; 0: none yet */
	size_t order;
	size_t rows; /* of RRsets */
	int64_t grown;
	bool whole; /* the zone was loaded; what it was and became: */
	struct store_zone before, after;
};

/* The log leaves out the RRsets of very large loads. */
static int end_change(struct gathering *g)
{
	const struct store_zone *was = &g->before;
	const struct store_zone *is = &g->after;
	char name[NAME_TEXT_MAX];

	if (!g->whole ||
	    (g->grown == (int64_t)(is->rrsets - was->rrsets) &&
	     (g->rows > 0 || (was->serial == is->serial && was->records == is->records &&
	                      was->changed_at == is->changed_at))))
		return 0;
	return history_refuse(g->history,
	                      "change %" PRIu64
	                      " loaded zone %s with more new RRsets than the log "
	                      "holds of one change: what was before that is not known",
	                      g->seq, name_to_text(g->history->zone->name, name));
}

/* Room is only made where condensing does not give half of it. */
static int make_room(struct gathering *g)
{
	struct difference *d = g->difference;

	if (d->count < d->room)
		return 0;
	TRY(condense(g->history, d));
	if (d->count > SETS_MAX)
		return history_refuse(g->history, "more than %d RRsets differ", SETS_MAX);
	if (d->count >= d->room / 2)
		d->sets = array_room(d->sets, d->room, &d->room, sizeof d->sets[0]);
	return 0;
}

static int gather_set(struct gathering *g, const struct record_row *row)
{
	TRY(make_room(g));
	g->difference->sets[g->difference->count++] = (struct history_set){
		.kind = row->kind,
		.key = row->key,
		.key_len = row->key_len,
		.type = row->type,
		.before = row->before,
		.before_size = row->before_size,
		.after = row->after,
		.after_size = row->after_size,
		.last = g->seq,
		.order = g->order++,
	};
	if (row->kind == ROW_RRSET) {
		g->rows++;
		g->grown += (row->after != NULL) - (row->before != NULL);
	}
	return 0;
}

static bool attrs_differ(const struct zone_attrs *a, const struct zone_attrs *b)
{
	uint8_t a_bytes[STORE_ATTRS_SIZE];
	uint8_t b_bytes[STORE_ATTRS_SIZE];
	size_t a_size = store_attrs_encode(a, a_bytes);

	return !history_same_value(a_bytes, a_size, b_bytes,
	                           store_attrs_encode(b, b_bytes));
}

static int gather_zone(struct gathering *g, const struct record_row *row)
{
	const uint8_t *name = g->history->zone->name;

	if (row->before)
		TRY(store_zone_decode(name, row->before, row->before_size, &g->before));
	if (row->after)
		TRY(store_zone_decode(name, row->after, row->after_size, &g->after));
	g->whole = true;
	g->difference->attrs |=
		row->before && attrs_differ(&g->before.attrs, &g->after.attrs);
	return 0;
}

static int gather_row(const struct record_row *row, void *arg)
{
	struct gathering *g = arg;

	switch (row->kind) {
	case ROW_RRSET:
	case ROW_EXTRA: return gather_set(g, row);
	case ROW_ATTRS: g->difference->attrs = true; break;
	case ROW_ZONE: return gather_zone(g, row);
	case ROW_ITEM: break;
	}
	return 0;
}

static int begin_change(struct gathering *g, uint64_t seq)
{
	TRY(end_change(g));
	g->seq = seq;
	g->rows = 0;
	g->grown = 0;
	g->whole = false;
	memset(&g->before, 0, sizeof g->before);
	memset(&g->after, 0, sizeof g->after);
	g->difference->changes++;
	return 0;
}

static int gather_part(const struct store_rows *part, void *arg)
{
	struct gathering *g = arg;

	if (part->seq > g->to)
		return 1;
	if (part->seq != g->seq)
		TRY(begin_change(g, part->seq));
	return record_each_row(part->rows, part->size, gather_row, g);
}

int difference_between(struct history *h, uint64_t after, uint64_t to,
                       struct difference *out)
{
	struct difference d = {0};
	struct gathering g = {.history = h, .difference = &d, .to = to};

	int err = store_history_each(h->txn, h->zone->id, after + 1, false, gather_part,
	                             &g);
	if (err >= 0)
		err = end_change(&g);
	if (err == 0)
		err = condense(h, &d);
	if (err == 0 && to >= h->newest)
		err = check_now(h, &d);
	if (err < 0) {
		difference_fini(&d);
		return err;
	}
	leave_out_unchanged(&d);
	*out = d;
	return 0;
}

void difference_fini(struct difference *d)
{
	free(d->sets);
	*d = (struct difference){0};
}

/* ---- serials ---- */

bool history_only_serial(const struct history_set *s)
{
	struct rrset before;
	struct rrset after;
	uint32_t serial;

	if (s->kind != ROW_RRSET || s->type != RRTYPE_SOA || s->before_size == 0 ||
	    s->before_size != s->after_size ||
	    rrset_open(s->type, s->before, s->before_size, &before) < 0 ||
	    rrset_open(s->type, s->after, s->after_size, &after) < 0 ||
	    serial_read(&after, &serial) < 0)
		return false;
	uint8_t *copy = memory_get(s->before_size);
	memcpy(copy, s->before, s->before_size);
	bool same = serial_write(copy, s->before_size, serial) == 0 &&
	            memcmp(copy, s->after, s->after_size) == 0;
	free(copy);
	return same;
}

/* ---- lines ---- */

/* Where the lines of a set go, and what they have in common. */
struct telling {
	history_line_fn *fn;
	void *arg;
	struct history_line line;
};

/* A walk through a set's records, or its signatures. */
struct records {
	const uint8_t *at;
	struct rdata now;
	unsigned left; /* the present one included */
};

static struct records records_of(const struct rrset *s, bool signatures)
{
	struct records r = {.left = signatures ? s->sig_count : s->count};

	if (!r.left)
		return r;
	r.at = rrset_first(s);
	for (unsigned i = 0; signatures && i < s->count; i++)
		(void)rrset_next(&r.at);
	r.now = rrset_next(&r.at);
	return r;
}

static void records_next(struct records *r)
{
	if (--r->left)
		r->now = rrset_next(&r->at);
}

static int records_order(uint16_t type, const struct records *a, const struct records *b)
{
	if (!b->left)
		return -1;
	return rdata_compare(type, a->now.bytes, a->now.len, b->now.bytes, b->now.len);
}

/* Tells of the records of one set that the other has not; of all when their TTLs differ. */
static void tell_records(struct telling *t, const struct rrset *of,
                         const struct rrset *without, bool signatures)
{
	struct records a = records_of(of, signatures);
	struct records b = records_of(without, signatures);

	t->line.type = signatures ? RRTYPE_RRSIG : of->type;
	t->line.ttl = signatures ? of->sig_ttl : of->ttl;
	if (t->line.ttl != (signatures ? without->sig_ttl : without->ttl))
		b.left = 0;
	while (a.left) {
		int order = records_order(t->line.type, &a, &b);

		if (order > 0) {
			records_next(&b);
			continue;
		}
		/* One record may be written in two ways. */
		if (order < 0 || a.now.len != b.now.len ||
		    memcmp(a.now.bytes, b.now.bytes, a.now.len) != 0) {
			t->line.rdata = a.now;
			t->fn(&t->line, t->arg);
		}
		if (order == 0)
			records_next(&b);
		records_next(&a);
	}
}

static void tell_set(struct telling *t, const struct rrset *of,
                     const struct rrset *without)
{
	tell_records(t, of, without, false);
	tell_records(t, of, without, true);
}

static struct rrset open_set(uint16_t type, const void *blob, size_t size)
{
	struct rrset s = {.type = type};

	if (!blob || rrset_open(type, blob, size, &s) < 0)
		return (struct rrset){.type = type};
	return s;
}

static bool has_comment(const struct extra *x, const struct comment *c)
{
	for (size_t i = 0; i < x->comment_count; i++)
		if (strcmp(x->comments[i].account, c->account) == 0 &&
		    strcmp(x->comments[i].content, c->content) == 0)
			return true;
	return false;
}

static void tell_extra(struct telling *t, uint16_t type, const struct extra *of,
                       const struct extra *without)
{
	struct rrset a = open_set(type, of->hidden, of->hidden_size);
	struct rrset b = open_set(type, without->hidden, without->hidden_size);

	t->line.kind = LINE_DISABLED;
	tell_set(t, &a, &b);
	t->line.kind = LINE_COMMENT;
	t->line.type = type;
	for (size_t i = 0; i < of->comment_count; i++) {
		t->line.comment = &of->comments[i];
		if (!has_comment(without, t->line.comment))
			t->fn(&t->line, t->arg);
	}
}

static void tell_extras(struct telling *t, const struct history_set *s)
{
	struct contents_arena *arena = arena_new();
	struct extra before = {0};
	struct extra after = {0};

	if (extra_decode(s->before, s->before_size, arena, &before) == 0 &&
	    extra_decode(s->after, s->after_size, arena, &after) == 0) {
		tell_extra(t, s->type, &before, &after);
		t->line.came = true;
		tell_extra(t, s->type, &after, &before);
	}
	arena_free(arena);
}

void history_set_lines(const struct history_set *s, history_line_fn *fn, void *arg)
{
	struct telling t = {.fn = fn, .arg = arg};

	if (s->kind == ROW_EXTRA) {
		tell_extras(&t, s);
		return;
	}
	struct rrset before = open_set(s->type, s->before, s->before_size);
	struct rrset after = open_set(s->type, s->after, s->after_size);
	tell_set(&t, &before, &after);
	t.line.came = true;
	tell_set(&t, &after, &before);
}
