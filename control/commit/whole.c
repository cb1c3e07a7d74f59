/*
 * Zones that come, go, or get other contents. The log has their RRsets as well, up to a number:
 * a large load would be written twice.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/commit/diff.h"
#include "control/commit/plan.h"
#include "control/must.h"
#include "control/policy/policy.h"
#include "control/zone/zonemd.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { LOGGED_RRSETS_MAX = 100000 };

static int log_zone(struct rows *rows, const struct store_zone *before,
                    const struct store_zone *after)
{
	uint8_t was[STORE_ZONE_SIZE];
	uint8_t is[STORE_ZONE_SIZE];
	struct record_row row = {.kind = ROW_ZONE,
	                         .type = rows->left_out ? ROW_ZONE_ALONE : 0};

	if (before) {
		row.before = was;
		row.before_size = store_zone_encode(before, was);
	}
	if (after) {
		row.after = is;
		row.after_size = store_zone_encode(after, is);
	}
	return rows_add(rows, &row);
}

/* ---- gone ---- */

static int log_rrsets(struct rows *rows, struct store_cursor *cursor)
{
	struct store_entry e;
	int found = store_cursor_seek(cursor, NULL, 0, &e);

	while (found == 0) {
		struct record_row row = {
			.kind = ROW_RRSET,
			.key = e.key,
			.key_len = e.key_len,
			.type = e.set.type,
			.before = e.set.bytes,
			.before_size = e.set.size,
		};
		record_part_add(&rows->part, &row);
		found = store_cursor_next(cursor, &e);
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

static int log_extra(const struct store_extra *x, void *arg)
{
	struct rows *rows = arg;
	struct record_row row = {
		.kind = ROW_EXTRA,
		.key = x->key,
		.key_len = x->key_len,
		.type = x->type,
		.before = x->value,
		.before_size = x->size,
	};

	record_part_add(&rows->part, &row);
	return 0;
}

/* All rows in memory before the first is put: what a cursor lends does not outlive a write. */
static int log_contents(struct rows *rows, const struct store_zone *z)
{
	struct store_cursor *cursor;

	if (rows->left_out)
		return 0;
	TRY(store_cursor_open(rows->plan->c->txn, z->id, &cursor));
	int err = log_rrsets(rows, cursor);
	store_cursor_close(&cursor);
	return err < 0 ? err
	               : store_extra_each(rows->plan->c->txn, z->id, NULL, 0, log_extra,
	                                  rows);
}

static int remove_zone(struct plan *p, struct planned *z, struct zone_result *r,
                       struct rows *rows)
{
	rows->left_out = z->before.rrsets > LOGGED_RRSETS_MAX;
	TRY(log_zone(rows, &z->before, NULL));
	TRY(log_contents(rows, &z->before));
	r->report.removed = z->before.rrsets;
	r->loaded = false;
	return commit_zone_remove(p->c, z->zone);
}

/* ---- new or other contents ---- */

/* One step of the difference, before it is applied. */
static int log_step(void *arg, const uint8_t *key, size_t key_len, uint16_t type,
                    const struct contents_rrset *put)
{
	struct rows *rows = arg;
	struct plan *p = rows->plan;
	struct rrset before = {0};
	int err = store_rrset_get(p->c->txn, rows->zone, key, key_len, type, &before);
	struct record_row row = {
		.kind = ROW_RRSET,
		.key = key,
		.key_len = key_len,
		.type = type,
		.before = before.bytes,
		.before_size = before.size,
		.after = put ? put->blob : NULL,
		.after_size = put ? put->size : 0,
	};

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	return rows_add(rows, &row);
}

static int set_serial(struct plan *p, struct planned *z, const struct contents *contents,
                      uint32_t serial)
{
	struct contents_rrset *soa = contents_at_apex(contents, RRTYPE_SOA);

	if (!soa)
		return ERR_CORRUPT;
	uint8_t *blob = arena_copy(p->change->arena, soa->blob, soa->size);

	TRY(serial_write(blob, soa->size, serial));
	soa->blob = blob;
	z->after.serial = serial;
	return 0;
}

/* A change that does more than put contents there is one, whatever they are. */
static bool is_contents_alone(const struct zone_change *zc, const struct planned *z)
{
	return zc->kind == ZONE_CONTENTS && zc->edit_count == 0 && !zc->source &&
	       !z->zone->error;
}

/* One that is signed has its digest from whoever signs it. */
static int renew_digest(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	const struct contents_rrset *r = contents_at_apex(zc->contents, RRTYPE_SOA);
	struct store_zone zone = z->after;
	struct rrset soa;

	memcpy(zone.name, zc->name, sizeof zone.name);
	if (!zone_policy_makes_zonemd(p->c->config, &zone))
		return 0;
	TRY(rrset_open(r->type, r->blob, r->size, &soa));
	return soa.sig_count > 0 ? 0 : zonemd_put(zc->contents);
}

static int find_same_contents(struct plan *p, const struct zone_change *zc,
                              struct planned *z)
{
	TRY(renew_digest(p, zc, z));
	return diff_is_none(p->c->txn, z->before.id, zc->contents, &z->same_contents);
}

static int refuse_presigned(struct plan *p, const struct planned *z)
{
	change_problem_add(&p->problems, -1, "presigned", NULL,
	                   "the zone is presigned: whoever signs it raises its "
	                   "serial above %" PRIu32,
	                   z->before.serial);
	return ERR_REFUSED;
}

/* The serial of the contents is not newer than the zone's. */
static int give_next_serial(struct plan *p, const struct zone_change *zc,
                            struct planned *z, bool is_signed)
{
	uint32_t next = serial_next(z->after.attrs.serial, z->before.serial,
	                            p->time_us / 1000000);

	if (is_signed && next != z->before.serial)
		return refuse_presigned(p, z);
	return set_serial(p, z, zc->contents, next);
}

/* Whoever wrote a file knows nothing of the serials that signing has used up: its own counts where it is newer. Contents
 * that bring nothing new leave the zone as it is, with its serial and signatures. */
static int plan_signed(struct plan *p, const struct zone_change *zc, struct planned *z,
                       bool newer)
{
	if (newer || !z->before.loaded)
		return signing_contents(p, zc, z);
	TRY(set_serial(p, z, zc->contents, z->before.serial));
	TRY(signing_contents(p, zc, z));
	TRY(diff_is_none(p->c->txn, z->before.id, zc->contents, &z->same_contents));
	if (z->same_contents) {
		z->same_contents = is_contents_alone(zc, z);
		return 0;
	}
	TRY(give_next_serial(p, zc, z, false));
	return signing_serial(zc, z);
}

/*
 * Contents whose serial is not newer than the zone's get one that is, where that is the policy. But
 * those that differ in nothing else are no change: they may be given again and again.
 */
int plan_contents(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	const struct contents_rrset *r =
		zc->contents ? contents_at_apex(zc->contents, RRTYPE_SOA) : NULL;
	struct rrset soa;
	uint32_t serial;

	if (!r)
		return 0;
	TRY(rrset_open(r->type, r->blob, r->size, &soa));
	TRY(serial_read(&soa, &serial));
	z->after.serial = serial;
	bool newer = serial_newer(serial, z->before.serial);
	TRY(signing_keys(p, z));
	if (z->keys)
		return plan_signed(p, zc, z, newer);
	if (zc->serial == SERIAL_AS_GIVEN || !z->before.loaded || newer)
		return renew_digest(p, zc, z);
	TRY(set_serial(p, z, zc->contents, z->before.serial));
	if (is_contents_alone(zc, z))
		TRY(find_same_contents(p, zc, z));
	if (z->same_contents)
		return 0;
	TRY(give_next_serial(p, zc, z, soa.sig_count > 0));
	return renew_digest(p, zc, z);
}

static int load(struct plan *p, struct planned *z, const struct zone_change *zc,
                struct zone_result *r, struct rows *rows)
{
	const struct diff_log log = {
		.row = log_step, .most = LOGGED_RRSETS_MAX, .arg = rows};

	bool from_elsewhere = z->zone->source && !zc->source;

	if (!from_elsewhere)
		memcpy(z->zone->source_mark, zc->source_mark, sizeof zc->source_mark);
	free(z->zone->error);
	z->zone->error = NULL;
	TRY(commit_zone_contents(p->c, z->zone, zc->contents, &log, &r->report));
	rows->left_out = r->report.added + r->report.removed + r->report.changed >
	                 LOGGED_RRSETS_MAX;
	z->zone->edited = from_elsewhere;
	r->new_serial = z->zone->serial;
	r->loaded = true;
	return 0;
}

static int make_zone(struct plan *p, const struct zone_change *zc, struct planned *z,
                     struct zone_result *r)
{
	TRY(commit_zone_add(p->c, zc->name, !zc->configured, &z->zone));
	r->id = z->zone->table.id;
	return 0;
}

/* Fills in what a row's value is now. */
static int read_before(struct store_txn *t, uint32_t zone, struct record_row *row)
{
	struct store_extra x = {
		.key = row->key, .key_len = row->key_len, .type = row->type};
	int err = store_extra_get(t, zone, &x);

	if (err == 0) {
		row->before = x.value;
		row->before_size = x.size;
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* Edits of a zone that gets contents bring what those have no place for: comments and disabled
 * records. One that brings neither takes away what there is. */
static int put_extra_of(struct plan *p, const struct edit *e, struct planned *z,
                        struct rows *rows)
{
	const struct extra content = {
		.hidden = e->hidden,
		.hidden_size = e->hidden_size,
		.comments = e->comments,
		.comment_count = e->comment_count,
	};
	struct store_txn *t = p->c->txn;
	const uint8_t *apex = z->zone->table.apex;
	uint8_t key[NAME_KEY_MAX];
	const uint8_t *value;
	struct store_extra x = {.key = key, .type = e->type};

	TRY(extra_encode(&content, p->change->arena, &value, &x.size));
	x.key_len = name_to_key(e->owner, name_len(apex, NAME_MAX_LEN), key);
	x.value = x.size ? value : NULL;
	struct record_row row = {
		.kind = ROW_EXTRA,
		.key = key,
		.key_len = x.key_len,
		.type = e->type,
		.after = x.value,
		.after_size = x.size,
	};
	TRY(read_before(t, rows->zone, &row));
	if (!row.before && !row.after)
		return 0;
	TRY(rows_add(rows, &row));
	return x.size ? store_extra_put(t, rows->zone, &x)
	              : store_extra_delete(t, rows->zone, key, x.key_len, x.type);
}

static int put_extras(struct plan *p, const struct zone_change *zc, struct planned *z,
                      struct rows *rows)
{
	for (size_t i = 0; i < zc->edit_count; i++)
		TRY(put_extra_of(p, &zc->edits[i], z, rows));
	return 0;
}

/* What the registry does not know of a zone is written behind it. */
static int write_rest(struct plan *p, struct planned *z, struct zone_result *r,
                      struct rows *rows, bool fresh)
{
	struct store_zone s;

	TRY(store_zone_get(p->c->txn, r->name, &s));
	s.attrs = z->after.attrs;
	s.edited = z->zone->edited;
	s.version = r->version = p->seq;
	TRY(store_zone_put(p->c->txn, &s));
	return log_zone(rows, fresh ? NULL : &z->before, &s);
}

static int put_zone(struct plan *p, const struct zone_change *zc, struct planned *z,
                    struct zone_result *r, struct rows *rows)
{
	bool fresh = zc->kind == ZONE_CREATE;

	if (fresh)
		TRY(make_zone(p, zc, z, r));
	rows->zone = r->id;
	registry_touch(p->c->registry, z->zone);
	if (zc->source)
		must_set_text(&z->zone->source, zc->source);
	TRY(zc->contents ? load(p, z, zc, r, rows) : commit_zone_state(p->c, z->zone));
	TRY(put_extras(p, zc, z, rows));
	return write_rest(p, z, r, rows, fresh);
}

int write_whole(struct plan *p, size_t i)
{
	const struct zone_change *zc = &p->change->zones[i];
	struct planned *z = &p->zones[i];
	struct zone_result *r = &p->result->zones[i];
	struct rows rows = {.plan = p, .zone = z->before.id};

	/* The compiler reads the store: what was edited before goes first. */
	int err = commit_compile(p->c);
	if (err == 0)
		err = zc->kind == ZONE_REMOVE ? remove_zone(p, z, r, &rows)
		                              : put_zone(p, zc, z, r, &rows);
	if (err == 0)
		err = rows_put(&rows);
	record_part_fini(&rows.part);
	r->parts = rows.parts;
	return err;
}
