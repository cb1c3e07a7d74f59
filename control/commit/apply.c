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

#include "control/change/serial.h"
#include "control/commit/plan.h"
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

	for (size_t i = 0; i < c->touched_count && err == 0; i++) {
		struct commit_touched *t = &c->touched[i];
		size_t names;

		sort_touched(t);
		err = follow_store(c, t->zone);
		if (err == 0 && t->count > 0)
			err = compile_changes(c->compiler, &t->zone->table, c->txn,
			                      t->changes, t->count, &names);
	}
	commit_forget_touched(c);
	return err;
}

/* ---- planning ---- */

static int refuse_zone(struct plan *p, const char *rule, const char *text)
{
	change_problem_add(&p->problems, -1, rule, NULL, "%s", text);
	return ERR_REFUSED;
}

/* An edit of a signed zone would leave it with signatures that do not fit. */
static int check_unsigned(struct plan *p, const struct zone *z)
{
	struct rrset soa;

	TRY(store_rrset_get(p->c->txn, z->table.id, (const uint8_t *)"", 0, RRTYPE_SOA,
	                    &soa));
	if (z->table.denial != 0 || soa.sig_count > 0)
		return refuse_zone(p, "presigned",
		                   "the zone is presigned: whoever signs it edits it");
	return 0;
}

static int check_allowed(struct plan *p, const struct zone_change *zc)
{
	const struct actor *a = p->change->actor;

	if ((zc->attrs_set || zc->kind == ZONE_REMOVE) && !actor_may(a, MAY_MANAGE_ZONES))
		return ERR_DENIED;
	if ((zc->attrs_set || zc->kind != ZONE_EDIT) && !actor_may_edit_all(a, zc->name))
		return ERR_DENIED;
	/* Who has a tenant gives no zone away. */
	if (zc->attrs_set & 1U << ATTR_TENANT && a->tenant[0] &&
	    strcmp(a->tenant, zc->attrs.tenant) != 0)
		return ERR_DENIED;
	if (zc->kind == ZONE_CONTENTS && !actor_may(a, MAY_OPERATE))
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
	if (zc->if_version && zc->if_version != z->before.version)
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
	z->after.serial = serial_next(z->after.attrs.serial, z->before.serial,
	                              p->time_us / 1000000);
	if (z->after.serial == serial)
		return 0;
	uint8_t *blob = arena_alloc(p->change->arena, soa.size);
	memcpy(blob, soa.bytes, soa.size);
	TRY(serial_write(blob, soa.size, z->after.serial));
	const struct overlay_set raised = {.key = (const uint8_t *)"",
	                                   .type = RRTYPE_SOA,
	                                   .blob = blob,
	                                   .size = soa.size};
	return change_view_set(&z->view, p->change->arena, &raised);
}

static int plan_edits(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	if (zc->edit_count == 0)
		return 0;
	if (!z->zone->loaded)
		return refuse_zone(p, "no-contents", "the zone has no contents");
	TRY(check_unsigned(p, z->zone));
	TRY(change_view_make(p->c->txn, &z->before, zc, p->change->arena, &z->view,
	                     &p->problems));
	if (!z->view.changed)
		return 0;
	TRY(raise_serial(p, zc, z));
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
			return refuse_zone(p, "edits-of-new-zone",
			                   "a new zone is edited by a change of its own");
	return 0;
}

static bool attrs_differ(const struct planned *z)
{
	uint8_t before[STORE_ATTRS_SIZE];
	uint8_t after[STORE_ATTRS_SIZE];
	size_t size = store_attrs_encode(&z->before.attrs, before);

	return store_attrs_encode(&z->after.attrs, after) != size ||
	       memcmp(before, after, size) != 0;
}

static int plan_zone(struct plan *p, size_t i)
{
	const struct zone_change *zc = &p->change->zones[i];
	struct planned *z = &p->zones[i];

	p->problems.zone = (int)i;
	for (size_t k = 0; k < i; k++)
		if (name_equal(p->change->zones[k].name, zc->name))
			return refuse_zone(p, "zone-twice", "the zone is named twice");
	if (zc->kind == ZONE_CREATE)
		return plan_new(p, zc, z);
	TRY(find_zone(p, zc, z));
	TRY(check_allowed(p, zc));
	z->after = z->before;
	store_attrs_merge(&z->after.attrs, &zc->attrs, zc->attrs_set);
	z->attrs_changed = attrs_differ(z);
	return zc->kind == ZONE_EDIT ? plan_edits(p, zc, z) : 0;
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
		r->changed = z->view.changed || z->attrs_changed ||
		             p->change->zones[i].kind != ZONE_EDIT;
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
	return plan_write(&p);
}
