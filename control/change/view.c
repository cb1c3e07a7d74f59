/*
 * What edits make of a zone's RRsets.
 *
 * Edits are sorted by what they are of, with those of one RRset in the order in which they came;
 * then each RRset is read once, goes through its edits, and is compared with what it was. It is
 * held as three parts meanwhile: served records, disabled ones, and comments. A record is never
 * both served and disabled.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/check.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* An edit, and the RRset that it is of. */
struct keyed {
	const uint8_t *key;
	uint16_t key_len;
	uint16_t type;
	unsigned index;
};

/* An RRset on its way through its edits. */
struct state {
	uint16_t type;
	uint32_t ttl;
	bool there; /* it has records of either kind, and so a TTL */
	const uint8_t *served;
	size_t served_size;
	const uint8_t *hidden;
	size_t hidden_size;
	struct comment *comments;
	size_t comment_count;
};

struct making {
	struct store_txn *txn;
	const struct store_zone *zone;
	const struct zone_change *change;
	struct contents_arena *arena;
	struct change_problems *problems;
	struct change_view *view;
};

/* ---- problems ---- */

void change_problems_fini(struct change_problems *p)
{
	free(p->list);
	p->list = NULL;
	p->count = p->room = 0;
}

static char *copy_text(struct contents_arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text) + 1);
}

void change_problem_add(struct change_problems *p, int edit, const char *rule,
                        const char *member, const char *format, ...)
{
	char text[NAME_TEXT_MAX + 512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	p->list = array_room(p->list, p->count, &p->room, sizeof p->list[0]);
	p->list[p->count++] = (struct change_problem){
		.zone = p->zone,
		.edit = edit,
		.rule = rule,
		.member = member ? copy_text(p->arena, member) : NULL,
		.text = copy_text(p->arena, text),
	};
}

/* ---- which RRset an edit is of ---- */

int change_sets_compare(const uint8_t *a, size_t a_len, uint16_t a_type, const uint8_t *b,
                        size_t b_len, uint16_t b_type)
{
	int order = name_key_compare(a, a_len, b, b_len);

	return order ? order : (a_type > b_type) - (a_type < b_type);
}

static int compare_keyed(const void *left, const void *right)
{
	const struct keyed *a = left;
	const struct keyed *b = right;
	int order = change_sets_compare(a->key, a->key_len, a->type, b->key, b->key_len,
	                                b->type);

	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Gives the RRset of an edit. ERR_REFUSED: no zone, or not this one, can hold it. */
static int key_of(struct making *m, unsigned index, struct keyed *out)
{
	const struct edit *e = &m->change->edits[index];
	uint8_t key[NAME_KEY_MAX];
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	(void)rrtype_to_text(e->type, type);
	(void)name_to_text(e->owner, owner);
	if (!name_is_under(e->owner, m->zone->name, NULL)) {
		change_problem_add(m->problems, (int)index, "out-of-zone", "name",
		                   "%s %s: outside of the zone", owner, type);
		return ERR_REFUSED;
	}
	if (e->type == 0 || rrtype_is_meta(e->type)) {
		change_problem_add(m->problems, (int)index, "meta-type", "type",
		                   "%s %s: no zone holds this type", owner, type);
		return ERR_REFUSED;
	}
	size_t len = name_to_key(e->owner, name_len(m->zone->name, NAME_MAX_LEN), key);
	*out = (struct keyed){
		.key = arena_copy(m->arena, key, len),
		.key_len = (uint16_t)len,
		.type = e->type,
		.index = index,
	};
	return 0;
}

/* ---- sets of records ---- */

static struct rrset open_blob(uint16_t type, const uint8_t *blob, size_t size)
{
	struct rrset s = {.type = type};

	if (size == 0)
		return s;
	int err = rrset_open(type, blob, size, &s);
	assert(err == 0);
	return s;
}

/* Records on their way into a blob, which has room for all that may come. */
struct building {
	uint8_t *blob;
	uint8_t *at;
	unsigned count;
};

static struct building building_new(struct contents_arena *a, size_t room)
{
	uint8_t *blob = arena_alloc(a, RRSET_HEADER + room);

	return (struct building){.blob = blob, .at = blob + RRSET_HEADER};
}

static void add_record(struct building *b, struct rdata d)
{
	b->at = rrset_write_rdata(b->at, d.bytes, d.len);
	b->count++;
}

/* Gives the blob, or no size when it has no record. */
static const uint8_t *building_end(const struct building *b, size_t *size)
{
	struct rrset head = {.count = (uint16_t)b->count};

	rrset_write_header(b->blob, &head);
	*size = b->count ? (size_t)(b->at - b->blob) : 0;
	return b->count ? b->blob : NULL;
}

/* A walk through a set's records, without its signatures. */
struct records {
	const uint8_t *at;
	struct rdata now;
	unsigned left; /* the present one included */
};

static struct records records_of(const struct rrset *s)
{
	struct records r = {.left = s->count};

	if (r.left) {
		r.at = rrset_first(s);
		r.now = rrset_next(&r.at);
	}
	return r;
}

static void records_next(struct records *r)
{
	if (--r->left)
		r->now = rrset_next(&r->at);
}

static int records_compare(uint16_t type, const struct records *a,
                           const struct records *b)
{
	if (!a->left || !b->left)
		return !a->left - !b->left;
	return rdata_compare(type, a->now.bytes, a->now.len, b->now.bytes, b->now.len);
}

/* Gives those of the first, or of the second as well, or those of the first that the second has
 * not. */
static const uint8_t *combine(struct contents_arena *arena, const struct rrset *first,
                              const struct rrset *second, bool both, size_t *size)
{
	struct building to = building_new(arena, first->size + (both ? second->size : 0));
	struct records a = records_of(first);
	struct records b = records_of(second);

	while (a.left || (b.left && both)) {
		int order = records_compare(first->type, &a, &b);

		if (order <= 0) {
			if (order < 0 || both)
				add_record(&to, a.now);
			records_next(&a);
		} else if (both) {
			add_record(&to, b.now);
		}
		if (order >= 0)
			records_next(&b);
	}
	return building_end(&to, size);
}

/* ---- edits ---- */

static void set_ttl(struct state *s, const struct edit *e)
{
	if (!e->keep_ttl || !s->there)
		s->ttl = e->ttl;
}

static void take_away(struct making *m, const uint8_t **blob, size_t *size,
                      const struct rrset *what)
{
	struct rrset from = open_blob(what->type, *blob, *size);

	*blob = combine(m->arena, &from, what, false, size);
}

/* Gives ERR_TOOBIG when there are too many. */
static int add_to(struct making *m, const uint8_t **blob, size_t *size,
                  const struct rrset *what)
{
	struct rrset to = open_blob(what->type, *blob, *size);

	if (to.count + what->count > UINT16_MAX)
		return ERR_TOOBIG;
	*blob = combine(m->arena, &to, what, true, size);
	return 0;
}

static void replace(struct state *s, const struct edit *e)
{
	if (e->set_records) {
		set_ttl(s, e);
		s->served = e->blob;
		s->served_size = e->blob_size;
		s->hidden = e->hidden;
		s->hidden_size = e->hidden_size;
	}
	if (e->set_comments) {
		s->comments = e->comments;
		s->comment_count = e->comment_count;
	}
}

/* A record that is there as the other kind becomes this one. */
static int extend(struct making *m, struct state *s, const struct edit *e)
{
	struct rrset served = open_blob(s->type, e->blob, e->blob_size);
	struct rrset hidden = open_blob(s->type, e->hidden, e->hidden_size);

	set_ttl(s, e);
	take_away(m, &s->hidden, &s->hidden_size, &served);
	take_away(m, &s->served, &s->served_size, &hidden);
	TRY(add_to(m, &s->served, &s->served_size, &served));
	return add_to(m, &s->hidden, &s->hidden_size, &hidden);
}

static void prune(struct making *m, struct state *s, const struct edit *e)
{
	struct rrset served = open_blob(s->type, e->blob, e->blob_size);
	struct rrset hidden = open_blob(s->type, e->hidden, e->hidden_size);

	set_ttl(s, e);
	take_away(m, &s->served, &s->served_size, &served);
	take_away(m, &s->served, &s->served_size, &hidden);
	take_away(m, &s->hidden, &s->hidden_size, &served);
	take_away(m, &s->hidden, &s->hidden_size, &hidden);
}

static int apply(struct making *m, struct state *s, const struct edit *e)
{
	int err = 0;

	switch (e->kind) {
	case EDIT_REPLACE: replace(s, e); break;
	case EDIT_DELETE: *s = (struct state){.type = s->type, .ttl = s->ttl}; break;
	case EDIT_EXTEND: err = extend(m, s, e); break;
	case EDIT_PRUNE: prune(m, s, e); break;
	}
	s->there = s->served_size || s->hidden_size;
	return err;
}

/* ---- from the store and to the view ---- */

static int read_before(struct making *m, const struct keyed *k, struct overlay_set *set,
                       struct overlay_set *extra)
{
	struct store_extra x = {.key = k->key, .key_len = k->key_len, .type = k->type};
	struct rrset found;

	*set = *extra = (struct overlay_set){
		.key = k->key, .key_len = k->key_len, .type = k->type};
	int err =
		store_rrset_get(m->txn, m->zone->id, k->key, k->key_len, k->type, &found);
	if (err == 0) {
		set->before = arena_copy(m->arena, found.bytes, found.size);
		set->before_size = found.size;
	} else if (err != ERR_NOTFOUND) {
		return err;
	}
	err = store_extra_get(m->txn, m->zone->id, &x);
	if (err == 0) {
		extra->before = arena_copy(m->arena, x.value, x.size);
		extra->before_size = x.size;
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

static int state_from(struct making *m, const struct overlay_set *set,
                      const struct overlay_set *extra, struct state *out)
{
	struct extra x;

	TRY(extra_decode(extra->before, extra->before_size, m->arena, &x));
	struct rrset served = open_blob(set->type, set->before, set->before_size);
	struct rrset hidden = open_blob(set->type, x.hidden, x.hidden_size);
	*out = (struct state){
		.type = set->type,
		.ttl = served.size ? served.ttl : hidden.ttl,
		.there = served.size || hidden.size,
		.served = set->before,
		.served_size = set->before_size,
		.hidden = x.hidden,
		.hidden_size = x.hidden_size,
		.comments = x.comments,
		.comment_count = x.comment_count,
	};
	return 0;
}

/* Gives a copy with this TTL, for the blobs of edits have any. */
static const uint8_t *with_ttl(struct making *m, const uint8_t *blob, size_t size,
                               uint32_t ttl)
{
	if (size == 0)
		return NULL;
	uint8_t *copy = arena_copy(m->arena, blob, size);
	memcpy(copy, &ttl, sizeof ttl);
	return copy;
}

static bool differs(const struct overlay_set *s)
{
	return s->size != s->before_size ||
	       (s->size && memcmp(s->blob, s->before, s->size) != 0);
}

static void count_set(struct change_view *v, const struct overlay_set *s, int sign)
{
	struct rrset after = open_blob(s->type, s->blob, s->size);
	struct rrset before = open_blob(s->type, s->before, s->before_size);

	int came = (s->size > 0) - (s->before_size > 0);

	v->rrsets += (int64_t)sign * came;
	v->records += sign * ((int64_t)after.count + after.sig_count - before.count -
	                      before.sig_count);
}

void change_view_append(struct change_view *v, const struct overlay_set *set)
{
	if (!differs(set))
		return;
	v->sets[v->count++] = *set;
	count_set(v, set, 1);
}

static int end_state(struct making *m, const struct state *s, struct overlay_set *set,
                     struct overlay_set *extra)
{
	struct extra x = {
		.hidden = with_ttl(m, s->hidden, s->hidden_size, s->ttl),
		.hidden_size = s->hidden_size,
		.comments = s->comments,
		.comment_count = s->comment_count,
	};

	set->blob = with_ttl(m, s->served, s->served_size, s->ttl);
	set->size = s->served_size;
	TRY(extra_encode(&x, m->arena, &extra->blob, &extra->size));
	change_view_append(m->view, set);
	if (differs(extra))
		m->view->extras[m->view->extra_count++] = *extra;
	return 0;
}

static int refuse_size(struct making *m, const struct keyed *k)
{
	const struct edit *e = &m->change->edits[k->index];
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	change_problem_add(m->problems, (int)k->index, "rrset-too-large", NULL,
	                   "%s %s: more than an RRset and its comments may hold",
	                   name_to_text(e->owner, owner), rrtype_to_text(e->type, type));
	return ERR_REFUSED;
}

/* All edits of one RRset. */
static int make_set(struct making *m, const struct keyed *k, size_t count)
{
	struct overlay_set set;
	struct overlay_set extra;
	struct state s;
	int err = 0;

	TRY(read_before(m, k, &set, &extra));
	TRY(state_from(m, &set, &extra, &s));
	for (size_t i = 0; i < count && err == 0; i++) {
		const struct edit *e = &m->change->edits[k[i].index];

		err = apply(m, &s, e);
		m->view->changed |= e->even_unchanged;
	}
	set.edit = extra.edit = (int)k[count - 1].index;
	if (err == 0)
		err = end_state(m, &s, &set, &extra);
	return err == ERR_TOOBIG ? refuse_size(m, &k[count - 1]) : err;
}

static bool same_set(const struct keyed *a, const struct keyed *b)
{
	return change_sets_compare(a->key, a->key_len, a->type, b->key, b->key_len,
	                           b->type) == 0;
}

static int make_sets(struct making *m, const struct keyed *keyed, size_t count)
{
	int refused = 0;

	for (size_t at = 0; at < count;) {
		size_t end = at + 1;
		while (end < count && same_set(&keyed[at], &keyed[end]))
			end++;
		int err = make_set(m, keyed + at, end - at);
		if (err < 0 && err != ERR_REFUSED)
			return err;
		refused |= err;
		at = end;
	}
	return refused ? ERR_REFUSED : 0;
}

int change_view_make(struct store_txn *t, const struct store_zone *zone,
                     const struct zone_change *z, struct contents_arena *a,
                     struct change_view *out, struct change_problems *problems)
{
	size_t count = z->edit_count;
	struct change_view v = {
		.txn = t,
		.zone = zone,
		.sets = arena_aligned(a, count * sizeof v.sets[0]),
		.extras = arena_aligned(a, count * sizeof v.extras[0]),
	};
	struct making m = {.txn = t,
	                   .zone = zone,
	                   .change = z,
	                   .arena = a,
	                   .problems = problems,
	                   .view = &v};
	struct keyed *keyed = arena_aligned(a, count * sizeof *keyed);
	int refused = 0;

	for (unsigned i = 0; i < count; i++)
		refused |= key_of(&m, i, &keyed[i]);
	if (refused)
		return ERR_REFUSED;
	if (count > 1)
		qsort(keyed, count, sizeof *keyed, compare_keyed);
	TRY(make_sets(&m, keyed, count));
	v.changed |= v.count || v.extra_count;
	*out = v;
	return 0;
}

/* ---- what is looked up ---- */

static size_t lower_bound(const struct change_view *v, const uint8_t *key, size_t key_len,
                          uint16_t type)
{
	size_t low = 0;
	size_t high = v->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct overlay_set *s = &v->sets[middle];

		if (change_sets_compare(s->key, s->key_len, s->type, key, key_len, type) <
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_set_at(const struct change_view *v, size_t at, const uint8_t *key,
                      size_t key_len, uint16_t type)
{
	return at < v->count &&
	       change_sets_compare(v->sets[at].key, v->sets[at].key_len, v->sets[at].type,
	                           key, key_len, type) == 0;
}

int change_view_get(const struct change_view *v, const uint8_t *key, size_t key_len,
                    uint16_t type, struct rrset *out)
{
	size_t at = lower_bound(v, key, key_len, type);

	if (!is_set_at(v, at, key, key_len, type))
		return store_rrset_get(v->txn, v->zone->id, key, key_len, type, out);
	if (v->sets[at].size == 0)
		return ERR_NOTFOUND;
	return rrset_open(type, v->sets[at].blob, v->sets[at].size, out);
}

/* Makes room for one more at an index. */
static void insert_at(struct change_view *v, struct contents_arena *a, size_t at)
{
	struct overlay_set *more = arena_aligned(a, (v->count + 1) * sizeof *more);

	if (at)
		memcpy(more, v->sets, at * sizeof *more);
	if (at < v->count)
		memcpy(more + at + 1, v->sets + at, (v->count - at) * sizeof *more);
	v->sets = more;
	v->count++;
}

int change_view_set(struct change_view *v, struct contents_arena *a,
                    const struct overlay_set *set)
{
	struct keyed k = {.key_len = set->key_len, .type = set->type};
	struct making m = {.txn = v->txn, .zone = v->zone, .arena = a, .view = v};
	size_t at = lower_bound(v, set->key, set->key_len, set->type);
	struct overlay_set unused;
	struct overlay_set s;

	if (is_set_at(v, at, set->key, set->key_len, set->type)) {
		s = v->sets[at];
		count_set(v, &s, -1);
	} else {
		k.key = arena_copy(a, set->key, set->key_len);
		TRY(read_before(&m, &k, &s, &unused));
		s.edit = -1;
		insert_at(v, a, at);
	}
	s.size = set->size;
	s.blob = s.size ? arena_copy(a, set->blob, s.size) : NULL;
	v->sets[at] = s;
	count_set(v, &s, 1);
	v->changed = true;
	return 0;
}

size_t change_view_owner_end(const struct change_view *v, size_t at)
{
	const struct overlay_set *first = &v->sets[at];

	for (at++; at < v->count && v->sets[at].key_len == first->key_len &&
	           memcmp(v->sets[at].key, first->key, first->key_len) == 0;
	     at++)
		;
	return at;
}

void change_view_merge(struct change_view *v, struct contents_arena *a,
                       const struct overlay_set *sets, size_t count)
{
	struct overlay_set *merged =
		arena_aligned(a, (v->count + count) * sizeof *merged);
	size_t old = 0;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		const struct overlay_set *s = &sets[i];
		int order = 1;

		while (old < v->count &&
		       (order = change_sets_compare(
				v->sets[old].key, v->sets[old].key_len, v->sets[old].type,
				s->key, s->key_len, s->type)) < 0)
			merged[at++] = v->sets[old++];
		if (old < v->count && order == 0)
			count_set(v, &v->sets[old++], -1);
		merged[at++] = *s;
		count_set(v, s, 1);
	}
	if (old < v->count)
		memcpy(merged + at, v->sets + old, (v->count - old) * sizeof *merged);
	v->count += at - old;
	v->sets = merged;
	v->changed |= count > 0;
}
