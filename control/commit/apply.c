/*
 * Changes on their way into the commit under way.
 *
 * A change is planned first: for each of its zones, who asks is allowed to, the edits are laid
 * over what the store holds, the serial is raised, and what comes out is checked. Nothing is
 * written before all of its zones have passed, so a change that is refused leaves the transaction
 * as it was, and the others of its group go on.
 *
 * What is written goes to the store's transaction alone: RRsets, the zone's record, and the log's
 * rows and header beside them, so that there is no change without its entry. Which owners it
 * touched is remembered, and commit_compile() gives them to the compiler, each once, when the
 * group is complete. Until then nothing but the transaction would have to be taken back.
 */
#include <stdlib.h>
#include <string.h>

#include "control/change/delta.h"
#include "control/change/digest.h"
#include "control/change/serial.h"
#include "control/change/update.h"
#include "control/commit/plan.h"
#include "control/commit/ring.h"
#include "control/policy/policy.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* Owners of one zone that changes of the commit under way have touched. */
struct commit_touched {
	struct zone *zone;
	struct compile_change *changes;
	size_t count;
	size_t room;
};

/* ---- what is touched ---- */

struct commit_touched *touched_zone(struct committer *c, struct zone *z)
{
	for (size_t i = 0; i < c->touched_count; i++)
		if (c->touched[i].zone == z)
			return &c->touched[i];
	c->touched = array_room(c->touched, c->touched_count, &c->touched_room,
	                        sizeof *c->touched);
	struct commit_touched *t = &c->touched[c->touched_count++];
	*t = (struct commit_touched){.zone = z};
	return t;
}

void touch(struct committer *c, struct commit_touched *t, const struct overlay_set *s)
{
	bool presence = (s->size == 0) != (s->before_size == 0);

	c->growth += (int64_t)s->size - (int64_t)s->before_size;
	if (!c->arena)
		c->arena = arena_new();
	uint8_t *key = arena_alloc(c->arena, s->key_len + 1U);
	memcpy(key, s->key, s->key_len);
	t->changes = array_room(t->changes, t->count, &t->room, sizeof *t->changes);
	t->changes[t->count++] = (struct compile_change){
		.key = key,
		.key_len = s->key_len,
		.cut_changed = presence && s->key_len > 0 &&
	                       (s->type == RRTYPE_NS || s->type == RRTYPE_DNAME),
		.stays = !presence,
	};
}

void commit_forget_touched(struct committer *c)
{
	for (size_t i = 0; i < c->touched_count; i++)
		free(c->touched[i].changes);
	free(c->touched);
	if (c->arena)
		arena_free(c->arena);
	c->touched = NULL;
	c->touched_count = c->touched_room = 0;
	c->growth = 0;
	c->arena = NULL;
}

static int by_key(const void *a, const void *b)
{
	const struct compile_change *x = a;
	const struct compile_change *y = b;

	return name_key_compare(x->key, x->key_len, y->key, y->key_len);
}

static void sort_touched(struct commit_touched *t)
{
	size_t kept = 0;

	if (t->count == 0) /* comments or disabled records only */
		return;
	qsort(t->changes, t->count, sizeof *t->changes, by_key);
	for (size_t i = 0; i < t->count; i++) {
		if (kept == 0 || by_key(&t->changes[kept - 1], &t->changes[i]) != 0) {
			t->changes[kept++] = t->changes[i];
			continue;
		}
		t->changes[kept - 1].cut_changed |= t->changes[i].cut_changed;
		t->changes[kept - 1].stays &= t->changes[i].stays;
	}
	t->count = kept;
}

/* The registry says what the store says. */
static int follow_store(struct committer *c, struct zone *z)
{
	struct store_zone s;

	TRY(store_zone_get(c->txn, z->table.apex, &s));
	registry_touch(c->registry, z);
	z->serial = s.serial;
	z->records = s.records;
	z->rrsets = s.rrsets;
	z->changed_at = s.changed_at;
	z->edited = s.edited;
	return 0;
}

int commit_compile(struct committer *c)
{
	int err = 0;

	writer_use_reserve(c->writer, c->growth < 0);
	for (size_t i = 0; i < c->touched_count && err == 0; i++) {
		struct commit_touched *t = &c->touched[i];
		size_t names;

		sort_touched(t);
		err = follow_store(c, t->zone);
		if (err == 0 && t->count > 0)
			err = compile_changes(c->compiler, &t->zone->table, c->txn,
			                      t->changes, t->count, &names);
	}
	writer_use_reserve(c->writer, false);
	commit_forget_touched(c);
	return err;
}

/* ---- planning ---- */

int plan_refuse(struct plan *p, const char *rule, const char *text)
{
	change_problem_add(&p->problems, -1, rule, NULL, "%s", text);
	return ERR_REFUSED;
}

/* What a secondary holds is what its primaries say, and this program brings it; nobody else. */
static int check_whose(struct plan *p, const struct zone_change *zc,
                       const struct planned *z)
{
	bool contents =
		zc->kind == ZONE_EDIT ? zc->edit_count > 0 : zc->kind != ZONE_REMOVE;

	if (!contents || p->change->actor->kind == ACTOR_SELF ||
	    !zone_kind_is_secondary(zone_policy_kind(p->c->config, &z->after)))
		return 0;
	return plan_refuse(p, "zone-is-secondary",
	                   "the zone is a secondary: it is changed at its primary");
}

static int check_allowed(struct plan *p, const struct zone_change *zc)
{
	const struct actor *a = p->change->actor;
	bool whole = zc->kind != ZONE_EDIT && zc->kind != ZONE_UPDATE;

	if ((zc->attrs_set || zc->kind == ZONE_REMOVE) && !actor_may(a, MAY_MANAGE_ZONES))
		return ERR_DENIED;
	if ((zc->attrs_set || whole) && !actor_may_edit_all(a, zc->name))
		return ERR_DENIED;
	/* Who has a tenant gives no zone away. */
	if (zc->attrs_set & 1U << ATTR_TENANT && a->tenant[0] &&
	    strcmp(a->tenant, zc->attrs.tenant) != 0)
		return ERR_DENIED;
	if ((zc->kind == ZONE_CONTENTS || zc->kind == ZONE_DELTA) &&
	    !actor_may(a, MAY_OPERATE))
		return ERR_DENIED;
	for (size_t i = 0; i < zc->edit_count; i++)
		if (name_is_under(zc->edits[i].owner, zc->name, NULL) &&
		    !actor_may_edit(a, zc->name, zc->edits[i].owner, zc->edits[i].type))
			return ERR_DENIED;
	return 0;
}

static int find_zone(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	z->zone = registry_find(p->c->registry, zc->name);
	if (!z->zone)
		return ERR_NOTFOUND;
	TRY(store_zone_get(p->c->txn, zc->name, &z->before));
	if (!actor_sees(p->change->actor, zc->name, z->before.attrs.tenant))
		return ERR_NOTFOUND;
	if (zc->if_version && zc->if_version != z->before.version && !zc->catches_up)
		return ERR_STALE;
	return 0;
}

/* A serial that the change itself has raised is kept. */
static int raise_serial(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	struct rrset soa;
	uint32_t serial;

	if (change_view_get(&z->view, (const uint8_t *)"", 0, RRTYPE_SOA, &soa) < 0 ||
	    soa.count != 1)
		return 0; /* change_check() says so */
	TRY(serial_read(&soa, &serial));
	z->after.serial = serial;
	if (zc->serial == SERIAL_AS_GIVEN || serial_newer(serial, z->before.serial))
		return 0;
	enum serial_policy policy = zc->kind == ZONE_UPDATE && zc->update->serial_said
	                                    ? zc->update->serial
	                                    : z->after.attrs.serial;
	/* Who updates a zone cannot be expected to raise it, and secondaries would learn nothing. */
	if (zc->kind == ZONE_UPDATE && policy == SERIAL_KEEP)
		policy = SERIAL_INCREMENT;
	z->after.serial = serial_next(policy, z->before.serial, p->time_us / 1000000);
	if (z->after.serial == serial)
		return 0;
	uint8_t *blob = arena_copy(p->change->arena, soa.bytes, soa.size);
	TRY(serial_write(blob, soa.size, z->after.serial));
	const struct overlay_set raised = {.key = (const uint8_t *)"",
	                                   .type = RRTYPE_SOA,
	                                   .blob = blob,
	                                   .size = soa.size};
	return change_view_set(&z->view, p->change->arena, &raised);
}

int withdraw_digest(struct plan *p, struct planned *z)
{
	const struct overlay_set gone = {
		.key = (const uint8_t *)"", .type = RRTYPE_ZONEMD, .edit = -1};
	struct rrset set;
	int err = change_view_get(&z->view, gone.key, 0, RRTYPE_ZONEMD, &set);

	z->undigested = true;
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	return change_view_set(&z->view, p->change->arena, &gone);
}

/* Of a zone whose digest is made here (RFC 8976). Better none than one that is wrong. */
static int renew_digest(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	if (zc->digested || !zone_policy_makes_zonemd(p->c->config, &z->after))
		return 0;
	if (z->before.rrsets > DIGEST_AT_ONCE)
		return withdraw_digest(p, z);
	return digest_make(&z->view, p->change->arena);
}

/* Says whether a zone is to have a digest from now on. */
static bool asks_for_digest(const struct plan *p, const struct zone_change *zc,
                            const struct planned *z)
{
	return zc->attrs_set & 1U << ATTR_ZONEMD && z->zone->loaded &&
	       zone_policy_makes_zonemd(p->c->config, &z->after) &&
	       !zone_policy_makes_zonemd(p->c->config, &z->before);
}

static int plan_edits(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	bool digest = asks_for_digest(p, zc, z);

	if (zc->kind == ZONE_EDIT && zc->edit_count == 0 && !digest && !zc->signed_anew)
		return 0;
	if (!z->zone->loaded)
		return plan_refuse(p, "no-contents", "the zone has no contents");
	TRY(signing_begin(p, z));
	TRY(zc->kind == ZONE_UPDATE
	            ? update_view(p->c->txn, &z->before, zc->update, p->change->arena,
	                          &z->view, &p->result->rcode)
	            : change_view_make(p->c->txn, &z->before, zc, p->change->arena,
	                               &z->view, &p->problems));
	z->view.changed |= digest;
	if (z->keys)
		TRY(signing_bare(p, zc, z));
	if (!z->view.changed)
		return 0;
	TRY(raise_serial(p, zc, z));
	if (!z->keys)
		TRY(renew_digest(p, zc, z));
	TRY(change_check(&z->view, &p->problems));
	return z->keys ? signing_end(p, zc, z) : 0;
}

/* The serial and all else is what the primary says. */
static int plan_delta(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	TRY(delta_view(p->c->txn, &z->before, zc->delta, p->change->arena, &z->view));
	if (!z->view.changed)
		return 0;
	z->after.serial = zc->delta->to;
	return change_check(&z->view, &p->problems);
}

/* A new zone belongs to the tenant of whoever makes it. */
static int plan_new(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	const struct actor *a = p->change->actor;

	if (!actor_may(a, MAY_MANAGE_ZONES))
		return ERR_DENIED;
	if (registry_find(p->c->registry, zc->name))
		return ERR_EXISTS;
	store_attrs_merge(&z->after.attrs, &zc->attrs, zc->attrs_set);
	if (a->tenant[0])
		memcpy(z->after.attrs.tenant, a->tenant, sizeof z->after.attrs.tenant);
	if (!actor_sees(a, zc->name, z->after.attrs.tenant) ||
	    !actor_may_edit_all(a, zc->name))
		return ERR_DENIED;
	for (size_t k = 0; k < zc->edit_count; k++)
		if (zc->edits[k].kind != EDIT_REPLACE || zc->edits[k].blob_size > 0 ||
		    !name_is_under(zc->edits[k].owner, zc->name, NULL))
			return plan_refuse(p, "edits-of-new-zone",
			                   "a new zone is edited by a change of its own");
	return plan_contents(p, zc, z);
}

static bool attrs_differ(const struct planned *z)
{
	uint8_t before[STORE_ATTRS_SIZE];
	uint8_t after[STORE_ATTRS_SIZE];
	size_t size = store_attrs_encode(&z->before.attrs, before);

	return store_attrs_encode(&z->after.attrs, after) != size ||
	       memcmp(before, after, size) != 0;
}

/* What is no secondary does not expire. */
static void plan_expiry(const struct plan *p, const struct zone_change *zc,
                        struct planned *z)
{
	if (zc->expiry == EXPIRY_NOW)
		z->after.expired = z->before.loaded;
	if (zc->expiry == EXPIRY_OVER || z->view.changed ||
	    !zone_kind_is_secondary(zone_policy_kind(p->c->config, &z->after)))
		z->after.expired = false;
}

static int plan_whole(struct plan *p, struct zone_change *zc, struct planned *z)
{
	TRY(signing_catch_up(p, zc, z));
	return plan_contents(p, zc, z);
}

static int plan_zone(struct plan *p, size_t i)
{
	const struct zone_change *zc = &p->change->zones[i];
	struct planned *z = &p->zones[i];

	p->problems.zone = (int)i;
	for (size_t k = 0; k < i; k++)
		if (name_equal(p->change->zones[k].name, zc->name))
			return plan_refuse(p, "zone-twice", "the zone is named twice");
	if (zc->kind == ZONE_CREATE)
		return plan_new(p, zc, z);
	TRY(find_zone(p, zc, z));
	TRY(check_allowed(p, zc));
	if (zc->kind == ZONE_UPDATE)
		TRY(update_allowed(p->c->txn, &z->before, zc->update, p->change->actor));
	z->after = z->before;
	store_attrs_merge(&z->after.attrs, &zc->attrs, zc->attrs_set);
	z->attrs_changed = attrs_differ(z);
	TRY(check_whose(p, zc, z));
	TRY(signing_check(p, zc, z));
	if (!zone_change_is_partial(zc->kind))
		return plan_whole(p, &p->change->zones[i], z);
	TRY(zc->kind == ZONE_DELTA ? plan_delta(p, zc, z) : plan_edits(p, zc, z));
	plan_expiry(p, zc, z);
	return 0;
}

static int plan_all(struct plan *p)
{
	int err = 0;

	/* Every zone's problems are told, not the first one's only. */
	for (size_t i = 0; i < p->change->zone_count; i++) {
		int one = plan_zone(p, i);
		if (one < 0 && one != ERR_REFUSED)
			return one;
		err = err < 0 ? err : one;
	}
	return err;
}

/* ---- the whole ---- */

/* Says whether there is anything to write. */
static bool fill_results(struct plan *p)
{
	bool any = p->change->item_count > 0;

	for (size_t i = 0; i < p->change->zone_count; i++) {
		const struct planned *z = &p->zones[i];
		struct zone_result *r = &p->result->zones[i];
		r->id = z->before.id;
		r->old_serial = z->before.serial;
		r->new_serial = z->after.serial;
		r->version = z->before.version;
		r->loaded = z->before.loaded;
		r->undigested = z->undigested;
		r->chain_lags = z->chain_lags;
		r->changed = z->view.changed || z->attrs_changed ||
		             z->after.expired != z->before.expired ||
		             (!zone_change_is_partial(p->change->zones[i].kind) &&
		              !z->same_contents);
		any |= r->changed;
	}
	return any;
}

static void give_problems(struct plan *p)
{
	size_t count = p->problems.count;

	if (count > 0) {
		p->result->problems = arena_aligned(p->change->arena,
		                                    count * sizeof *p->result->problems);
		memcpy(p->result->problems, p->problems.list,
		       count * sizeof *p->result->problems);
		p->result->problem_count = count;
	}
	change_problems_fini(&p->problems);
}

static void prepare_result(struct plan *p)
{
	size_t count = p->change->zone_count;
	struct contents_arena *arena = p->change->arena;

	*p->result = (struct change_result){.visible_ms = -1, .zone_count = count};
	p->zones = arena_aligned(arena, (count + 1) * sizeof *p->zones);
	memset(p->zones, 0, (count + 1) * sizeof *p->zones);
	p->result->zones = arena_aligned(arena, (count + 1) * sizeof *p->result->zones);
	memset(p->result->zones, 0, (count + 1) * sizeof *p->result->zones);
	for (size_t i = 0; i < count; i++)
		memcpy(p->result->zones[i].name, p->change->zones[i].name, NAME_MAX_LEN);
}

int commit_change(struct committer *c, struct change *change,
                  struct change_result *result)
{
	struct plan p = {
		.c = c,
		.change = change,
		.result = result,
		.problems = {.arena = change->arena, .zone = -1},
		.time_us = clock_wall_us(),
	};

	prepare_result(&p);
	result->err = plan_all(&p);
	give_problems(&p);
	if (result->err < 0 || !fill_results(&p) || change->dry_run)
		return 0;
	key_ring_changed(c->ring, change);
	TRY(plan_write(&p));
	change_note_add(&c->note, change, result);
	return 0;
}
