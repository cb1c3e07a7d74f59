/*
 * A zone that came from a catalog has attributes that say from which, by which label, and in which group.
 * Those of one catalog and the members that it names now, both in order, are walked side by side:
 *
 *      in the catalog   here                        what is done
 *      yes              not at all                  made
 *      yes              of it, the same label       its group and template follow
 *      yes              of it, another label        removed and made anew (RFC 9432 §5.4)
 *      yes              of another catalog that     it is this one's from now on; with another label it is
 *                       gives it away (coo)         made anew as well
 *      yes              for any other reason        left alone, and told
 *      no               of it                       removed
 *
 * What is removed is so in the first step, what is made in the second.
 */
#include "control/catalog/consume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/policy/policy.h"
#include "control/policy/words.h"
#include "shared/err.h"

/* What a zone has from its catalog. */
struct membership {
	const char *catalog, *label, *group, *template_name;
};

/* A zone that came from the catalog. */
struct own {
	const uint8_t *name;
	struct membership is;
};

struct consuming {
	struct store_txn *t;
	const struct config *config;
	const struct store_zone *zone; /* the catalog */
	struct zone_policy policy;     /* its */
	struct contents_arena *arena;
	struct catalog catalog;
	struct own *own;
	size_t own_count, own_room;
	bool removing; /* zones may go */
	const uint8_t
		*other_name; /* of the catalog that other was read from; NULL: none was */
	struct catalog other;
	char name[NAME_TEXT_MAX];
	struct catalog_steps *steps;
	struct catalog_report *report;
};

static bool is_named(struct consuming *c, const char *text, const uint8_t *name)
{
	const uint8_t *wire = word_name(c->arena, text);

	return wire && name_equal(wire, name);
}

static int add_own(const struct store_zone *z, void *arg)
{
	struct consuming *c = arg;

	if (!z->attrs.member[0] || !is_named(c, z->attrs.catalog, c->zone->name))
		return 0;
	size_t len = name_len(z->name, NAME_MAX_LEN);
	uint8_t *name = arena_alloc(c->arena, len);
	memcpy(name, z->name, len);
	c->own = array_room(c->own, c->own_count, &c->own_room, sizeof *c->own);
	c->own[c->own_count++] = (struct own){
		.name = name,
		.is = {.catalog = word_copy(c->arena, z->attrs.catalog),
	               .label = word_copy(c->arena, z->attrs.member),
	               .group = word_copy(c->arena, z->attrs.group),
	               .template_name = word_copy(c->arena, z->attrs.template_name)},
	};
	return 0;
}

/* ---- what is done ---- */

/* Gives the step's change, made when it is NULL; NULL: it is full. */
static struct change *room_in(struct consuming *c, struct change **step)
{
	char why[CATALOG_WHY_SIZE];

	if (!*step) {
		*step = change_new(actor_self());
		(void)snprintf(why, sizeof why, "catalog %s", c->name);
		(*step)->why = change_text(*step, why);
	}
	if ((*step)->zone_count < CATALOG_ZONES_AT_ONCE)
		return *step;
	c->steps->more = true;
	return NULL;
}

static void put(char *to, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(to, text, len);
	to[len] = 0;
}

/* What a zone has from its catalog. A label too long to be kept is known by how it begins. */
static void fill_attrs(const struct consuming *c, const struct catalog_member *m,
                       struct zone_attrs *a)
{
	const char *template = policy_group_template(c->config, &c->policy, m->group);

	put(a->catalog, sizeof a->catalog, c->name);
	put(a->member, sizeof a->member, m->unique);
	put(a->group, sizeof a->group, m->group);
	put(a->template_name, sizeof a->template_name, template ? template : "");
}

enum {
	MEMBER_ATTRS = 1U << ATTR_CATALOG | 1U << ATTR_MEMBER | 1U << ATTR_GROUP |
	               1U << ATTR_TEMPLATE
};

static void make(struct consuming *c, const struct catalog_member *m)
{
	struct change *to = room_in(c, &c->steps->second);

	if (!to)
		return;
	struct zone_change *zc = change_zone(to, ZONE_CREATE, m->name);
	fill_attrs(c, m, &zc->attrs);
	zc->attrs.kind = ZONE_KIND_SECONDARY;
	put(zc->attrs.tenant, sizeof zc->attrs.tenant, c->zone->attrs.tenant);
	zc->attrs_set = MEMBER_ATTRS | 1U << ATTR_KIND | 1U << ATTR_TENANT;
}

static void drop(struct consuming *c, const uint8_t *name)
{
	struct change *to = c->removing ? room_in(c, &c->steps->first) : NULL;

	if (to)
		(void)change_zone(to, ZONE_REMOVE, name);
}

/* Its state goes, and it begins anew. */
static void reset(struct consuming *c, const struct catalog_member *m)
{
	if (!c->removing || !room_in(c, &c->steps->first) ||
	    !room_in(c, &c->steps->second))
		return;
	drop(c, m->name);
	make(c, m);
}

static void adjust(struct consuming *c, const struct catalog_member *m,
                   const struct membership *old)
{
	struct zone_attrs a = {0};

	fill_attrs(c, m, &a);
	if (strcmp(a.member, old->label) == 0 && strcmp(a.group, old->group) == 0 &&
	    strcmp(a.template_name, old->template_name) == 0 &&
	    strcmp(a.catalog, old->catalog) == 0)
		return;
	struct change *to = room_in(c, &c->steps->first);
	if (!to)
		return;
	struct zone_change *zc = change_zone(to, ZONE_EDIT, m->name);
	zc->attrs = a;
	zc->attrs_set = MEMBER_ATTRS;
}

static bool has_label(const struct membership *is, const struct catalog_member *m)
{
	enum { KEPT = sizeof((struct zone_attrs *)NULL)->member - 1 };

	return strncmp(is->label, m->unique, KEPT) == 0;
}

/* ---- other catalogs ---- */

/* Another catalog that is followed here, or an empty one: not there, broken, of another kind. */
static int read_other(struct consuming *c, const uint8_t *name)
{
	char why[CATALOG_WHY_SIZE];
	struct store_zone z;

	if (c->other_name && name_equal(c->other_name, name))
		return 0;
	c->other_name = name;
	c->other = (struct catalog){0};
	int err = store_zone_get(c->t, name, &z);
	if (err == 0 && z.loaded && zone_policy_kind(c->config, &z) == ZONE_KIND_CONSUMER)
		err = catalog_read(c->t, &z, c->config->catalog_max_members, c->arena,
		                   &c->other, why);
	return err == ERR_NOTFOUND || err == ERR_REFUSED || err == ERR_LIMITED ? 0 : err;
}

static int compare_member(const void *name, const void *member)
{
	return name_compare(name, ((const struct catalog_member *)member)->name);
}

/* Says whether the catalog that a zone came from gives it to this one. */
static int is_given(struct consuming *c, const struct store_zone *z, bool *out)
{
	const uint8_t *from = word_name(c->arena, z->attrs.catalog);

	*out = false;
	if (!z->attrs.member[0] || !from)
		return 0;
	TRY(read_other(c, from));
	if (!c->other.count)
		return 0;
	const struct catalog_member *m =
		bsearch(z->name, c->other.members, c->other.count,
	                sizeof *c->other.members, compare_member);
	*out = m && m->coo && name_equal(m->coo, c->zone->name);
	return 0;
}

static void leave(struct consuming *c, const struct catalog_member *m)
{
	struct catalog_report *r = c->report;

	if (r->foreign++ == 0)
		memcpy(r->first_foreign, m->name, name_len(m->name, NAME_MAX_LEN));
}

/* A member that is here, but not as one of this catalog. */
static int take_other(struct consuming *c, const struct catalog_member *m,
                      const struct store_zone *z)
{
	const struct membership is = {z->attrs.catalog, z->attrs.member, z->attrs.group,
	                              z->attrs.template_name};
	bool given;

	if (m->coo && z->attrs.member[0] && is_named(c, z->attrs.catalog, m->coo))
		return 0; /* this one has given it away */
	TRY(is_given(c, z, &given));
	if (!given)
		leave(c, m);
	else if (has_label(&is, m))
		adjust(c, m, &is);
	else
		reset(c, m);
	return 0;
}

static int take_new(struct consuming *c, const struct catalog_member *m)
{
	struct store_zone z;
	int err = store_zone_get(c->t, m->name, &z);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (err == ERR_NOTFOUND) {
		if (config_zone_find(c->config, m->name))
			leave(c, m);
		else
			make(c, m);
		return 0;
	}
	return take_other(c, m, &z);
}

/* ---- side by side ---- */

/* Where both lists are: which of them has the next name, or 0: both. */
static int side(const struct consuming *c, size_t in, size_t here)
{
	if (in == c->catalog.count)
		return 1;
	if (here == c->own_count)
		return -1;
	return name_compare(c->catalog.members[in].name, c->own[here].name);
}

/* How many zones would go. */
static size_t count_gone(const struct consuming *c)
{
	size_t gone = 0;

	for (size_t in = 0, here = 0; in < c->catalog.count || here < c->own_count;) {
		int s = side(c, in, here);
		gone += s > 0 ||
		        (s == 0 && !has_label(&c->own[here].is, &c->catalog.members[in]));
		in += s <= 0;
		here += s >= 0;
	}
	return gone;
}

static int take_all(struct consuming *c)
{
	for (size_t in = 0, here = 0; in < c->catalog.count || here < c->own_count;) {
		const struct catalog_member *m = &c->catalog.members[in];
		const struct own *own = &c->own[here];
		int s = side(c, in, here);

		if (s < 0)
			TRY(take_new(c, m));
		else if (s > 0)
			drop(c, own->name);
		else if (has_label(&own->is, m))
			adjust(c, m, &own->is);
		else
			reset(c, m);
		in += s <= 0;
		here += s >= 0;
	}
	return 0;
}

/* One zone may always go: it is what an operator has just done. */
static bool are_too_many(const struct consuming *c, size_t gone)
{
	return gone > 1 && gone * 100 > c->own_count * c->config->catalog_max_removed;
}

static int follow(struct consuming *c, bool accepted)
{
	TRY(store_zone_each(c->t, NULL, add_own, c));
	c->report->members = c->catalog.count;
	c->report->gone = count_gone(c);
	c->removing = accepted || !are_too_many(c, c->report->gone);
	c->report->state = c->removing ? CATALOG_OK : CATALOG_HELD;
	return take_all(c);
}

static int consume(struct consuming *c, bool accepted)
{
	int err = catalog_read(c->t, c->zone, c->config->catalog_max_members, c->arena,
	                       &c->catalog, c->report->why);

	if (err == ERR_REFUSED || err == ERR_LIMITED) {
		c->report->state = CATALOG_BROKEN;
		return 0;
	}
	TRY(err);
	TRY(zone_policy_read(c->t, c->config, c->zone, c->arena, &c->policy));
	return follow(c, accepted);
}

int catalog_consume(struct store_txn *t, const struct config *config,
                    const struct store_zone *z, bool accepted, struct catalog_steps *out,
                    struct catalog_report *report)
{
	struct contents_arena *arena = arena_new();
	struct consuming c = {
		.t = t,
		.config = config,
		.zone = z,
		.arena = arena,
		.steps = out,
		.report = report,
	};

	*out = (struct catalog_steps){0};
	*report = (struct catalog_report){.state = CATALOG_EMPTY, .serial = z->serial};
	int err = strlen(name_to_text(z->name, c.name)) < sizeof z->attrs.catalog
	                  ? 0
	                  : ERR_TOOBIG;
	if (err == 0 && z->loaded)
		err = consume(&c, accepted);
	free(c.own);
	arena_free(arena);
	if (err < 0) {
		change_free(&out->first);
		change_free(&out->second);
	}
	return err;
}
