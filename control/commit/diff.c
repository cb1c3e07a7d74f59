#include "control/commit/diff.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* Where a step takes its key from: an RRset of the new contents, or d->keys. */
struct diff_step {
	const struct contents_rrset *put; /* NULL: delete */
	size_t key_at;                    /* delete: offset in d->keys */
	uint16_t key_len;
	uint16_t type;
	bool presence; /* the RRset came or went, rather than changed */
};

void diff_init(struct diff *d)
{
	*d = (struct diff){0};
}

void diff_fini(struct diff *d)
{
	free(d->changes);
	free(d->steps);
	free(d->keys);
	*d = (struct diff){0};
}

static void add_step(struct diff *d, struct diff_step step)
{
	if (d->step_count == d->step_room) {
		d->step_room = d->step_room ? d->step_room * 2 : 64;
		d->steps = must(realloc(d->steps, d->step_room * sizeof *d->steps));
	}
	d->steps[d->step_count++] = step;
}

static size_t keep_key(struct diff *d, const uint8_t *key, size_t len)
{
	size_t at = d->keys_len;

	/* One more, so that the empty key of the apex has a place, too. */
	while (d->keys_len + len >= d->keys_room) {
		d->keys_room = d->keys_room ? d->keys_room * 2 : 4096;
		d->keys = must(realloc(d->keys, d->keys_room));
	}
	memcpy(d->keys + at, key, len);
	d->keys_len += len;
	return at;
}

static int compare(const struct contents_rrset *a, const struct store_entry *b)
{
	int c = name_key_compare(a->key, a->key_len, b->key, b->key_len);

	return c ? c : (int)a->type - (int)b->set.type;
}

static bool is_same(const struct contents_rrset *a, const struct store_entry *b)
{
	return a->size == b->set.size && memcmp(a->blob, b->set.bytes, a->size) == 0;
}

static void step_put(struct diff *d, const struct contents_rrset *r, bool presence)
{
	add_step(d, (struct diff_step){
			    .put = r,
			    .key_len = r->key_len,
			    .type = r->type,
			    .presence = presence,
		    });
}

static void step_delete(struct diff *d, const struct store_entry *e)
{
	add_step(d, (struct diff_step){
			    .key_at = keep_key(d, e->key, e->key_len),
			    .key_len = (uint16_t)e->key_len,
			    .type = e->set.type,
			    .presence = true,
		    });
}

/* From the zone's first entry on. */
static int merge(struct diff *d, struct store_cursor *cursor, struct store_entry e,
                 const struct contents *contents)
{
	int found = 0;
	size_t i = 0;

	while (i < contents->count || found == 0) {
		const struct contents_rrset *r = &contents->rrsets[i];
		int c = found != 0 ? -1 : i == contents->count ? 1 : compare(r, &e);
		if (c < 0) {
			step_put(d, r, true);
			d->added++;
		} else if (c > 0) {
			step_delete(d, &e);
			d->removed++;
		} else if (!is_same(r, &e)) {
			step_put(d, r, false);
			d->changed++;
		}
		i += c <= 0;
		if (c >= 0)
			found = store_cursor_next(cursor, &e);
		if (found < 0 && found != ERR_NOTFOUND)
			return found;
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

static const uint8_t *step_key(const struct diff *d, const struct diff_step *s)
{
	return s->put ? s->put->key : d->keys + s->key_at;
}

static void collect_changes(struct diff *d)
{
	d->changes = must(calloc(d->step_count + 1, sizeof *d->changes));
	for (size_t i = 0; i < d->step_count; i++) {
		const struct diff_step *s = &d->steps[i];
		const uint8_t *key = step_key(d, s);
		struct compile_change *last = &d->changes[d->change_count];
		bool same = d->change_count > 0 && last[-1].key_len == s->key_len &&
		            memcmp(last[-1].key, key, s->key_len) == 0;
		if (!same) {
			*last = (struct compile_change){
				.key = key, .key_len = s->key_len, .stays = true};
			d->change_count++;
		}
		if (s->presence)
			d->changes[d->change_count - 1].stays = false;
		if (s->presence && s->key_len > 0 &&
		    (s->type == RRTYPE_NS || s->type == RRTYPE_DNAME))
			d->changes[d->change_count - 1].cut_changed = true;
	}
	d->names = d->change_count;
}

/* Nothing to compare with. */
static void take_all(struct diff *d, const struct contents *contents)
{
	const struct contents_rrset *r = contents->rrsets;

	d->all = contents;
	d->added = contents->count;
	for (size_t i = 0; i < contents->count; i++) {
		d->bytes += r[i].key_len + r[i].size;
		d->names += i == 0 || !contents_same_owner(&r[i], &r[i - 1]);
	}
}

int diff_compute(struct diff *d, struct store_txn *t, uint32_t zone,
                 const struct contents *contents)
{
	struct store_cursor *cursor;

	struct store_entry e;

	TRY(store_cursor_open(t, zone, &cursor));
	int found = store_cursor_seek(cursor, NULL, 0, &e);
	int err = found == 0 ? merge(d, cursor, e, contents) : found;
	store_cursor_close(&cursor);
	if (err == ERR_NOTFOUND)
		take_all(d, contents);
	else if (err == 0)
		collect_changes(d);
	return err == ERR_NOTFOUND ? 0 : err;
}

int diff_is_none(struct store_txn *t, uint32_t zone, const struct contents *contents,
                 bool *out)
{
	struct store_cursor *cursor;
	struct store_entry e;
	size_t i = 0;

	TRY(store_cursor_open(t, zone, &cursor));
	int found = store_cursor_seek(cursor, NULL, 0, &e);
	while (found == 0 && i < contents->count &&
	       compare(&contents->rrsets[i], &e) == 0 &&
	       is_same(&contents->rrsets[i], &e)) {
		i++;
		found = store_cursor_next(cursor, &e);
	}
	store_cursor_close(&cursor);
	if (found < 0 && found != ERR_NOTFOUND)
		return found;
	*out = found == ERR_NOTFOUND && i == contents->count;
	return 0;
}

static int load_all(struct store_txn *t, uint32_t zone, const struct contents *contents)
{
	struct store_loader *loader;
	int err = 0;

	TRY(store_load_begin(t, zone, &loader));
	for (size_t i = 0; i < contents->count && err == 0; i++) {
		const struct contents_rrset *r = &contents->rrsets[i];
		err = store_load_put(loader, r->key, r->key_len, r->type, r->blob,
		                     r->size);
	}
	store_load_end(&loader);
	return err;
}

static int put_set(struct store_txn *t, uint32_t zone, const struct contents_rrset *r)
{
	struct rrset set = {.type = r->type, .bytes = r->blob, .size = r->size};

	return store_rrset_put(t, zone, r->key, r->key_len, &set);
}

int diff_apply(const struct diff *d, struct store_txn *t, uint32_t zone)
{
	if (d->all)
		return load_all(t, zone, d->all);
	for (size_t i = 0; i < d->step_count; i++) {
		const struct diff_step *s = &d->steps[i];
		const uint8_t *key = step_key(d, s);
		TRY(s->put ? put_set(t, zone, s->put)
		           : store_rrset_delete(t, zone, key, s->key_len, s->type));
	}
	return 0;
}

static int show_all(const struct contents *all, const struct diff_log *log)
{
	for (size_t i = 0; i < all->count && all->count <= log->most; i++) {
		const struct contents_rrset *r = &all->rrsets[i];
		TRY(log->row(log->arg, r->key, r->key_len, r->type, r));
	}
	return 0;
}

int diff_show(const struct diff *d, const struct diff_log *log)
{
	if (d->all)
		return show_all(d->all, log);
	for (size_t i = 0; i < d->step_count && d->step_count <= log->most; i++) {
		const struct diff_step *s = &d->steps[i];
		TRY(log->row(log->arg, step_key(d, s), s->key_len, s->type, s->put));
	}
	return 0;
}
