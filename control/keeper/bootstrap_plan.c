/*
 * Nothing is noted down about what was said where: what was made here bears a comment that says so, beside the
 * records, and goes with them, into histories and backups too. So records find their end whatever became of the zone
 * that they are about, and those that somebody else has put there stay.
 */
#include "control/keeper/bootstrap_plan.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/extra.h"
#include "control/keeper/bootstrap_internal.h"
#include "control/policy/policy.h"
#include "shared/err.h"
#include "shared/rrtype.h"

#define MARK_ACCOUNT "anser"
#define MARK_TEXT \
	"made for bootstrapping (RFC 9615): follows the zone, and goes by itself"

/* ---- lists ---- */

void boot_watch(struct boot *b, uint32_t zone)
{
	struct bootstrap_plan *p = b->plan;

	p->watched = array_room(p->watched, p->watched_count, &p->watched_room,
	                        sizeof *p->watched);
	p->watched[p->watched_count++] = zone;
}

void boot_add(struct boot *b, struct boot_sets *to, const struct boot_set *s)
{
	to->list = array_room(to->list, to->count, &to->room, sizeof *to->list);
	struct boot_set *own = &to->list[to->count++];
	*own = *s;
	own->key = arena_copy(b->arena, s->key, s->key_len);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

static int compare_sets(const void *a, const void *b)
{
	const struct boot_set *one = a, *other = b;
	int order = compare_ids(&one->host, &other->host);

	if (order == 0)
		order = name_key_compare(one->key, one->key_len, other->key,
		                         other->key_len);
	return order ? order : (int)one->type - (int)other->type;
}

static void sort_watched(struct bootstrap_plan *p)
{
	size_t kept = 0;

	if (!p->watched_count)
		return;
	qsort(p->watched, p->watched_count, sizeof *p->watched, compare_ids);
	for (size_t i = 0; i < p->watched_count; i++)
		if (!kept || p->watched[kept - 1] != p->watched[i])
			p->watched[kept++] = p->watched[i];
	p->watched_count = kept;
}

static void sort_sets(struct boot_sets *s)
{
	if (s->count)
		qsort(s->list, s->count, sizeof *s->list, compare_sets);
}

/* ---- what is there ---- */

struct marks {
	struct boot *boot;
	const struct store_zone *zone;
	const uint8_t *name; /* of it, in the arena; NULL: none was found so far */
};

static bool is_mark(const struct comment *c)
{
	return strcmp(c->account, MARK_ACCOUNT) == 0 &&
	       strcmp(c->content, MARK_TEXT) == 0;
}

static int look_at_extra(const struct store_extra *x, void *arg)
{
	struct marks *m = arg;
	struct contents_arena *arena;
	struct extra e;
	bool marked = false;

	if ((x->type != RRTYPE_CDS && x->type != RRTYPE_CDNSKEY) || !x->key_len)
		return 0;
	arena = arena_new();
	int err = extra_decode(x->value, x->size, arena, &e);
	for (size_t i = 0; err == 0 && i < e.comment_count; i++)
		marked |= is_mark(&e.comments[i]);
	arena_free(arena);
	if (err < 0 || !marked)
		return err;
	if (!m->name) {
		m->name = arena_copy(m->boot->arena, m->zone->name,
		                     name_len(m->zone->name, NAME_MAX_LEN));
		boot_watch(m->boot, m->zone->id);
	}
	boot_add(m->boot, &m->boot->there,
	         &(struct boot_set){
			 m->zone->id, m->name, x->key, x->key_len, x->type, {0}});
	return 0;
}

static int look_at_zone(const struct store_zone *z, void *arg)
{
	struct boot *b = arg;
	struct marks m = {.boot = b, .zone = z};

	if (zone_kind_is_secondary(zone_policy_kind(b->config, z)))
		return 0;
	TRY(boot_want(b, z));
	return store_extra_each(b->t, z->id, NULL, 0, look_at_extra, &m);
}

/* ---- changes ---- */

struct making {
	struct boot *boot;
	struct change *change; /* the last of the plan's; NULL: there is none */
	struct zone_change *edits;
	uint32_t host;
};

static void begin_change(struct making *m, const struct boot_set *s)
{
	struct bootstrap_plan *p = m->boot->plan;

	m->change = change_new(actor_self());
	m->change->why = "signalling records for bootstrapping";
	m->edits = change_zone(m->change, ZONE_EDIT, s->host_name);
	m->host = s->host;
	p->changes = array_room(p->changes, p->count, &p->room, sizeof(struct change *));
	p->changes[p->count++] = m->change;
}

/* Gives NULL when there are enough for now. */
static struct edit *add_edit(struct making *m, enum edit_kind kind,
                             const struct boot_set *s)
{
	uint8_t owner[NAME_MAX_LEN];
	bool is_full = m->change && m->edits->edit_count == BOOTSTRAP_EDITS_MAX;

	if (name_from_key(s->key, s->key_len, s->host_name, owner) < 0)
		return NULL;
	if (!m->change || m->host != s->host || is_full) {
		if (m->boot->plan->count == BOOTSTRAP_CHANGES_MAX) {
			m->boot->plan->more = true;
			return NULL;
		}
		begin_change(m, s);
	}
	return change_edit(m->change, m->edits, kind, owner, s->type);
}

static int put(struct making *m, const struct boot_set *s)
{
	struct edit *e = add_edit(m, EDIT_REPLACE, s);
	const uint8_t *at = rrset_first(&s->data);

	if (!e)
		return 0;
	e->set_records = e->set_comments = true;
	e->ttl = s->data.ttl;
	for (unsigned i = 0; i < s->data.count; i++) {
		const struct rdata r = rrset_next(&at);
		TRY(change_edit_record(m->change, e, r.bytes, r.len, false));
	}
	change_edit_comment(m->change, e, MARK_ACCOUNT, MARK_TEXT, m->boot->now);
	return 0;
}

static bool is_same(const struct rrset *a, const struct rrset *b)
{
	const uint8_t *a_at = rrset_first(a), *b_at = rrset_first(b);

	if (a->ttl != b->ttl || a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		const struct rdata one = rrset_next(&a_at), other = rrset_next(&b_at);
		if (one.len != other.len || memcmp(one.bytes, other.bytes, one.len) != 0)
			return false;
	}
	return true;
}

/* What is there already, by whomever, needs nothing. */
static int put_unless_there(struct making *m, const struct boot_set *s)
{
	struct rrset now;
	int err = store_rrset_get(m->boot->t, s->host, s->key, s->key_len, s->type, &now);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	return err == 0 && is_same(&now, &s->data) ? 0 : put(m, s);
}

/* Both lists are in order, and walked side by side. */
static int make_changes(struct boot *b)
{
	struct making m = {.boot = b};
	size_t w = 0, t = 0;

	while ((w < b->wanted.count || t < b->there.count) && !b->plan->more) {
		int order = w == b->wanted.count ? 1
		            : t == b->there.count
		                    ? -1
		                    : compare_sets(&b->wanted.list[w], &b->there.list[t]);
		if (order > 0)
			(void)add_edit(&m, EDIT_DELETE, &b->there.list[t]);
		else
			TRY(put_unless_there(&m, &b->wanted.list[w]));
		w += order <= 0;
		t += order >= 0;
	}
	return 0;
}

int bootstrap_plan_make(struct store_txn *t, const struct config *c, uint64_t now,
                        struct bootstrap_plan *out)
{
	struct boot *b = memory_get(sizeof *b);

	*out = (struct bootstrap_plan){0};
	*b = (struct boot){
		.t = t, .config = c, .now = now, .arena = arena_new(), .plan = out};
	int err = store_zone_each(t, NULL, look_at_zone, b);
	sort_sets(&b->wanted);
	sort_sets(&b->there);
	sort_watched(out);
	if (err == 0)
		err = make_changes(b);
	free(b->wanted.list);
	free(b->there.list);
	arena_free(b->arena);
	free(b);
	return err;
}

void bootstrap_plan_fini(struct bootstrap_plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		change_free(&p->changes[i]);
	free(p->changes);
	free(p->watched);
	free(p->homeless);
}
