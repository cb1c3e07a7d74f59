/* What a change that has passed puts into the store's transaction, and into the log beside it. */
#include <stdlib.h>
#include <string.h>

#include "control/commit/plan.h"
#include "shared/err.h"
#include "shared/wire.h"

static int put_overlay(struct store_txn *t, uint32_t zone, const struct overlay_set *s)
{
	struct rrset set;

	if (s->size == 0)
		return store_rrset_delete(t, zone, s->key, s->key_len, s->type);
	TRY(rrset_open(s->type, s->blob, s->size, &set));
	return store_rrset_put(t, zone, s->key, s->key_len, &set);
}

static int put_extra(struct store_txn *t, uint32_t zone, const struct overlay_set *s)
{
	const struct store_extra x = {
		.key = s->key,
		.key_len = s->key_len,
		.type = s->type,
		.value = s->blob,
		.size = s->size,
	};

	return s->size == 0 ? store_extra_delete(t, zone, s->key, s->key_len, s->type)
	                    : store_extra_put(t, zone, &x);
}

static void count_overlay(struct zone_result *r, const struct change_view *v, size_t i)
{
	const struct overlay_set *s = &v->sets[i];

	if (s->before_size == 0)
		r->report.added++;
	else if (s->size == 0)
		r->report.removed++;
	else
		r->report.changed++;
	if (i == 0 || s->key_len != s[-1].key_len ||
	    memcmp(s->key, s[-1].key, s->key_len) != 0)
		r->report.names++;
}

int rows_put(struct rows *r)
{
	if (r->part.size == 0)
		return 0;
	int err = store_log_put_rows(r->plan->c->txn, r->zone, r->plan->seq, r->parts,
	                             r->part.bytes, r->part.size);
	record_part_empty(&r->part);
	r->parts++;
	return err;
}

int rows_add(struct rows *r, const struct record_row *row)
{
	record_part_add(&r->part, row);
	return r->part.size < RECORD_PART_FULL ? 0 : rows_put(r);
}

static int rows_add_set(struct rows *r, enum record_kind kind,
                        const struct overlay_set *s)
{
	struct record_row row = {
		.kind = kind,
		.key = s->key,
		.key_len = s->key_len,
		.type = s->type,
		.before = s->before_size ? s->before : NULL,
		.before_size = s->before_size,
		.after = s->size ? s->blob : NULL,
		.after_size = s->size,
	};

	return rows_add(r, &row);
}

static int rows_add_attrs(struct rows *r, const struct planned *z)
{
	uint8_t before[STORE_ATTRS_SIZE];
	uint8_t after[STORE_ATTRS_SIZE];
	struct record_row row = {
		.kind = ROW_ATTRS,
		.before = before,
		.before_size = store_attrs_encode(&z->before.attrs, before),
		.after = after,
		.after_size = store_attrs_encode(&z->after.attrs, after),
	};

	return rows_add(r, &row);
}

static int write_sets(struct plan *p, struct planned *z, struct zone_result *r,
                      struct rows *rows)
{
	struct store_txn *t = p->c->txn;
	struct commit_touched *touched = touched_zone(p->c, z->zone);

	for (size_t i = 0; i < z->view.count; i++) {
		TRY(put_overlay(t, z->before.id, &z->view.sets[i]));
		TRY(rows_add_set(rows, ROW_RRSET, &z->view.sets[i]));
		touch(p->c, touched, &z->view.sets[i]);
		count_overlay(r, &z->view, i);
	}
	for (size_t i = 0; i < z->view.extra_count; i++) {
		TRY(put_extra(t, z->before.id, &z->view.extras[i]));
		TRY(rows_add_set(rows, ROW_EXTRA, &z->view.extras[i]));
	}
	return 0;
}

/* The compiler reads the store: what was edited before goes first. */
static int write_expiry(struct plan *p, struct planned *z)
{
	if (z->zone->expired == z->after.expired)
		return 0;
	TRY(commit_compile(p->c));
	return commit_zone_expire(p->c, z->zone, z->after.expired);
}

static int write_zone(struct plan *p, size_t i)
{
	struct planned *z = &p->zones[i];
	struct zone_result *r = &p->result->zones[i];
	struct rows rows = {.plan = p, .zone = z->before.id};

	if (!r->changed)
		return 0;
	if (!zone_change_is_partial(p->change->zones[i].kind))
		return write_whole(p, i);
	TRY(write_expiry(p, z));
	int err = write_sets(p, z, r, &rows);
	if (err == 0 && z->attrs_changed)
		err = rows_add_attrs(&rows, z);
	if (err == 0)
		err = rows_put(&rows);
	record_part_fini(&rows.part);
	TRY(err);
	r->parts = rows.parts;
	r->version = z->after.version = p->seq;
	z->after.changed_at = p->time_us / 1000000;
	z->after.edited |= z->view.changed && z->after.source[0];
	z->after.rrsets = (uint64_t)((int64_t)z->before.rrsets + z->view.rrsets);
	z->after.records = (uint64_t)((int64_t)z->before.records + z->view.records);
	return store_zone_put(p->c->txn, &z->after);
}

static int put_item(struct store_txn *t, const struct item_change *item)
{
	if (item->value)
		return store_item_put(t, item->list, item->key, item->key_len,
		                      item->value, item->size);
	int err = store_item_delete(t, item->list, item->key, item->key_len);
	return err == ERR_NOTFOUND ? 0 : err;
}

static int write_item(struct plan *p, const struct item_change *item, struct rows *rows)
{
	struct store_txn *t = p->c->txn;
	const void *before = NULL;
	size_t before_size = 0;
	uint8_t key[1 + STORE_ITEM_KEY_MAX];

	if (item->key_len > STORE_ITEM_KEY_MAX)
		return ERR_TOOBIG;
	struct item_change whole = *item;
	memcpy(key + 1, item->key, item->key_len);
	if (item->of_zone)
		wire_store32(key + 1, p->result->zones[item->of_zone - 1].id);
	whole.key = key + 1;
	if (p->change->unlogged)
		return put_item(t, &whole);
	key[0] = (uint8_t)item->list;
	int err = store_item_get(t, item->list, whole.key, item->key_len, &before,
	                         &before_size);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	struct record_row row = {
		.kind = ROW_ITEM,
		.key = key,
		.key_len = item->key_len + 1,
		.before = before,
		.before_size = before_size,
		.after = item->value,
		.after_size = item->size,
		.secret = item->secret,
	};
	TRY(rows_add(rows, &row)); /* before the write: before is lent until then */
	return put_item(t, &whole);
}

static int write_items(struct plan *p)
{
	struct rows rows = {.plan = p};
	int err = 0;

	for (size_t i = 0; i < p->change->item_count && err == 0; i++)
		err = write_item(p, &p->change->items[i], &rows);
	if (err == 0)
		err = rows_put(&rows);
	record_part_fini(&rows.part);
	p->result->item_parts = rows.parts;
	return err;
}

static int write_log(struct plan *p)
{
	uint8_t *header;

	p->result->seq = p->seq;
	size_t size = record_encode_header(p->change, p->result, p->time_us, &header);
	int err = store_log_put(p->c->txn, p->seq, header, size);
	free(header);
	return err;
}

int plan_write(struct plan *p)
{
	p->result->noted = p->change->unlogged;
	if (p->change->unlogged)
		return write_items(p);
	TRY(store_log_next(p->c->txn, &p->seq));
	for (size_t i = 0; i < p->change->zone_count; i++)
		TRY(write_zone(p, i));
	TRY(write_items(p));
	return write_log(p);
}
