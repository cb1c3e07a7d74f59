/*
 * What a zone must still obey after a change. It obeyed it before, so only what the change touches
 * is looked at: the names with RRsets in the view, what their ancestors make of them, and what lies
 * below where a delegation went or a DNAME came.
 *
 * The same rules, under the same names, as the errors of control/zone/contents_check.c:
 *
 *   soa-missing, soa-multiple, soa-not-at-apex, ns-missing, cname-multiple,
 *   cname-and-other-data, dname-multiple, dname-and-ns, data-below-dname, too-many-types,
 *   rrset-too-large
 *
 * What edits may not bring, although a zone file may, and a transfer (view.foreign) the first of them:
 *
 *   type-of-signing     NSEC, NSEC3, NSEC3PARAM and RRSIG are the signer's to make
 *   too-many-targets    more names to look addresses up for than the table takes of an RRset
 *
 * Those of single edits, "out-of-zone" and "meta-type", are in view.c. The
 * store has room for the key of any name.
 *
 * Below a delegation nobody is answered from this zone, so that a DNAME there is none; see
 * check_node() of contents_check.c. Hence the walk below a delegation that went.
 */
#include "control/change/check.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/walk.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/table.h"

enum {
	MESSAGE_MAX = 65535,
	MESSAGE_HEADER = 12,
	QUESTION_TAIL = 4,
	RR_HEADER = 12,     /* owner as a pointer, type, class, TTL, length */
	TARGETS_MAX = 2048, /* of one RRset, in the table */
	TARGET_BYTES = 2048 * 64,
};

/* All RRsets of one owner. */
struct node {
	const uint8_t *key; /* lent from the view, or copied by whoever walks */
	size_t key_len;
	struct view_set *sets; /* the checker's, used again for the next node */
	size_t count, room;
};

struct check {
	const struct change_view *view;
	struct change_problems *problems;
	size_t problems_before;
	struct view_walk walk;
	struct node node;
	uint8_t key[NAME_KEY_MAX]; /* of the node below something that is looked at */
};

/* ---- saying it ---- */

static void refuse(struct check *c, const struct node *n, const struct view_set *s,
                   const char *rule, const char *text)
{
	uint8_t name[NAME_MAX_LEN];
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	int edit = s->touched ? s->touched->edit : -1;

	/* What is refused for what it finds there is laid to whatever touched that name. */
	for (size_t i = 0; i < n->count && edit < 0; i++)
		if (n->sets[i].touched)
			edit = n->sets[i].touched->edit;
	if (name_from_key(n->key, n->key_len, c->view->zone->name, name) < 0)
		name[0] = 0;
	change_problem_add(c->problems, edit, rule, NULL, "%s %s: %s",
	                   name_to_text(name, owner), rrtype_to_text(s->set.type, type),
	                   text);
}

static void refuse_zone(struct check *c, const char *rule, const char *text)
{
	char apex[NAME_TEXT_MAX];

	change_problem_add(c->problems, -1, rule, NULL, "%s: %s",
	                   name_to_text(c->view->zone->name, apex), text);
}

/* ---- walking ---- */

static void node_add(struct node *n, const struct view_set *s)
{
	n->sets = array_room(n->sets, n->count, &n->room, sizeof n->sets[0]);
	n->sets[n->count++] = *s;
}

/* Gathers what the owner at which the walk stands will have; moves behind it. n->key is copied to
 * c->key. */
static int read_node(struct check *c)
{
	const uint8_t *key;
	size_t key_len;
	struct view_set s;

	TRY(view_walk_peek(&c->walk, &key, &key_len, &s));
	memcpy(c->key, key, key_len);
	c->node.key = c->key;
	c->node.key_len = key_len;
	c->node.count = 0;
	for (;;) {
		if (s.set.size)
			node_add(&c->node, &s);
		TRY(view_walk_step(&c->walk));
		int err = view_walk_peek(&c->walk, &key, &key_len, &s);
		if (err == ERR_NOTFOUND ||
		    (err == 0 &&
		     (key_len != c->node.key_len || memcmp(key, c->key, key_len) != 0)))
			return 0;
		TRY(err);
	}
}

/* ---- finding ---- */

/* Gives the RRset of a type if it has any record, not signatures alone. */
static const struct view_set *node_get(const struct node *n, uint16_t type)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->sets[i].set.type == type && n->sets[i].set.count)
			return &n->sets[i];
	return NULL;
}

/* Denial, and signatures without what they sign, are no data. */
static bool is_data(const struct view_set *s)
{
	return s->set.type != RRTYPE_NSEC && s->set.type != RRTYPE_NSEC3 && s->set.count;
}

/* ---- one RRset ---- */

static void check_size(struct check *c, const struct node *n, const struct view_set *s)
{
	uint8_t owner[NAME_MAX_LEN];
	char text[80];
	size_t records = (size_t)s->set.count + s->set.sig_count;
	size_t rdata = s->set.size - RRSET_HEADER - records * sizeof(uint16_t);

	int owner_len = name_from_key(n->key, n->key_len, c->view->zone->name, owner);
	size_t size = MESSAGE_HEADER + (size_t)(owner_len > 0 ? owner_len : 0) +
	              QUESTION_TAIL + records * RR_HEADER + rdata;
	if (size <= MESSAGE_MAX)
		return;
	(void)snprintf(text, sizeof text, "takes %zu octets in a message, which holds %d",
	               size, MESSAGE_MAX);
	refuse(c, n, s, "rrset-too-large", text);
}

/* Names that addresses may have to be looked up for; those named twice are counted twice. */
static void check_targets(struct check *c, const struct node *n, const struct view_set *s)
{
	const struct rrtype *type = rrtype_by_number(s->set.type);
	struct rdata_name names[RDATA_NAMES_MAX];
	size_t targets = 0;
	size_t bytes = 0;

	if (!type || !type->targets || s->set.count < TARGETS_MAX / 8)
		return;
	const uint8_t *at = rrset_first(&s->set);
	for (unsigned i = 0; i < s->set.count; i++) {
		struct rdata d = rrset_next(&at);
		int found = rrtype_rdata_names(s->set.type, d.bytes, d.len, names);

		for (int j = 0; j < found; j++) {
			if (!name_is_under(d.bytes + names[j].at, c->view->zone->name,
			                   NULL))
				continue;
			targets++;
			bytes +=
				(offsetof(struct table_target, name) + names[j].len + 7) &
				~(size_t)7;
		}
	}
	if (targets > TARGETS_MAX || bytes > TARGET_BYTES)
		refuse(c, n, s, "too-many-targets",
		       "names more hosts of this zone than the table takes");
}

static void check_set(struct check *c, const struct node *n, const struct view_set *s)
{
	check_size(c, n, s);
	check_targets(c, n, s);
	if (rrtype_is_of_signing(s->set.type) && !c->view->foreign)
		refuse(c, n, s, "type-of-signing", "is made by whoever signs the zone");
	if (s->set.type != RRTYPE_SOA)
		return;
	if (n->key_len)
		refuse(c, n, s, "soa-not-at-apex", "an SOA below the apex");
	if (s->set.count > 1)
		refuse(c, n, s, "soa-multiple", "more than one SOA");
}

/* ---- one owner ---- */

static void check_cname(struct check *c, const struct node *n)
{
	const struct view_set *cname = node_get(n, RRTYPE_CNAME);

	if (!cname)
		return;
	if (cname->set.count > 1)
		refuse(c, n, cname, "cname-multiple", "more than one CNAME at a name");
	for (size_t i = 0; i < n->count; i++) {
		const struct view_set *other = &n->sets[i];

		if (other == cname || other->set.type == RRTYPE_NSEC || !other->set.count)
			continue;
		refuse(c, n, other, "cname-and-other-data", "beside a CNAME");
		return;
	}
}

static void check_dname(struct check *c, const struct node *n)
{
	const struct view_set *dname = node_get(n, RRTYPE_DNAME);

	if (!dname)
		return;
	if (dname->set.count > 1)
		refuse(c, n, dname, "dname-multiple", "more than one DNAME at a name");
	if (n->key_len && node_get(n, RRTYPE_NS))
		refuse(c, n, dname, "dname-and-ns", "a DNAME at a delegation");
}

/* Gives whether there was any. */
static bool check_below_dname(struct check *c, const struct node *n)
{
	for (size_t i = 0; i < n->count; i++) {
		if (!is_data(&n->sets[i]))
			continue;
		refuse(c, n, &n->sets[i], "data-below-dname", "below a DNAME");
		return true;
	}
	return false;
}

static void check_apex(struct check *c, const struct node *n)
{
	if (!node_get(n, RRTYPE_SOA))
		refuse_zone(c, "soa-missing", "the zone has no SOA");
	if (!node_get(n, RRTYPE_NS))
		refuse_zone(c, "ns-missing", "the zone has no NS at its apex");
}

/* ---- below one owner ---- */

static bool key_below(const uint8_t *key, size_t key_len, const uint8_t *above,
                      size_t above_len)
{
	return key_len > above_len && memcmp(key, above, above_len) == 0;
}

/* What the walk below an owner knows. */
struct below {
	uint8_t key[NAME_KEY_MAX]; /* of the owner */
	size_t key_len;
	bool dname; /* the owner has one, or is below one: the first data is too much */
	uint8_t cut[NAME_KEY_MAX];   /* the last delegation met */
	size_t cut_len;              /* 0: none */
	uint8_t alias[NAME_KEY_MAX]; /* the last DNAME met */
	size_t alias_len;            /* 0: none */
};

/* A name that was below a delegation, or below no DNAME, before the change. Gives whether the walk
 * is over. */
static bool check_lower_node(struct check *c, const struct node *n, struct below *b)
{
	if (b->dname)
		return check_below_dname(c, n);
	if (b->cut_len && key_below(n->key, n->key_len, b->cut, b->cut_len))
		return false;
	if (b->alias_len && key_below(n->key, n->key_len, b->alias, b->alias_len)) {
		if (check_below_dname(c, n))
			return true;
	} else {
		check_dname(c, n);
		if (node_get(n, RRTYPE_DNAME)) {
			memcpy(b->alias, n->key, n->key_len);
			b->alias_len = n->key_len;
		}
	}
	if (node_get(n, RRTYPE_NS)) {
		memcpy(b->cut, n->key, n->key_len);
		b->cut_len = n->key_len;
	}
	return false;
}

static int check_below(struct check *c, struct below *b)
{
	TRY(view_walk_to(&c->walk, b->key, b->key_len));
	for (;;) {
		int err = read_node(c);

		if (err == ERR_NOTFOUND)
			return 0;
		TRY(err);
		if (c->node.key_len == b->key_len &&
		    memcmp(c->node.key, b->key, b->key_len) == 0)
			continue;
		if (!key_below(c->node.key, c->node.key_len, b->key, b->key_len))
			return 0;
		if (check_lower_node(c, &c->node, b))
			return 0;
	}
}

/* Says whether a type's records were there before, and whether they are now. */
struct presence {
	bool before, now;
};

static struct presence presence_of(const struct overlay_set *sets, size_t count,
                                   const struct node *n, uint16_t type)
{
	struct presence p = {.now = node_get(n, type) != NULL};
	struct rrset was;

	p.before = p.now;
	for (size_t i = 0; i < count; i++)
		if (sets[i].type == type)
			p.before = sets[i].before_size &&
			           rrset_open(type, sets[i].before, sets[i].before_size,
			                      &was) == 0 &&
			           was.count;
	return p;
}

/* ---- the zone ---- */

/* One owner that the change touches, by its RRsets in the view. */
static int check_owner(struct check *c, const struct overlay_set *sets, size_t count)
{
	struct below below = {.key_len = sets->key_len};
	enum view_above above;
	char text[64];

	memcpy(below.key, sets->key, sets->key_len);
	TRY(view_walk_to(&c->walk, sets->key, sets->key_len));
	TRY(read_node(c));
	const struct node *n = &c->node;
	for (size_t i = 0; i < n->count; i++)
		if (n->sets[i].touched)
			check_set(c, n, &n->sets[i]);
	if (n->count > RRSET_TYPES_MAX) {
		(void)snprintf(text, sizeof text, "%zu types at one name, of at most %d",
		               n->count, RRSET_TYPES_MAX);
		refuse(c, n, &n->sets[RRSET_TYPES_MAX], "too-many-types", text);
	}
	check_cname(c, n);
	if (n->key_len == 0)
		check_apex(c, n);
	TRY(view_look_above(c->view, n->key, n->key_len, &above));
	if (above == VIEW_ABOVE_CUT)
		return 0;
	if (above == VIEW_ABOVE_DNAME)
		(void)check_below_dname(c, n);
	else
		check_dname(c, n);

	struct presence ns = presence_of(sets, count, n, RRTYPE_NS);
	struct presence dname = presence_of(sets, count, n, RRTYPE_DNAME);
	below.dname = above == VIEW_ABOVE_DNAME || dname.now;
	if ((dname.now && !dname.before) || (n->key_len && ns.before && !ns.now))
		return check_below(c, &below);
	return 0;
}

static int check_all(struct check *c)
{
	const struct change_view *v = c->view;

	for (size_t at = 0; at < v->count;) {
		size_t end = change_view_owner_end(v, at);

		TRY(check_owner(c, &v->sets[at], end - at));
		at = end;
	}
	/* The first contents of a zone bring an apex. */
	if (v->count && v->zone->rrsets == 0 && v->sets[0].key_len)
		check_apex(c, &(struct node){0});
	return 0;
}

int change_check(const struct change_view *v, struct change_problems *out)
{
	struct check c = {.view = v,
	                  .problems = out,
	                  .problems_before = out->count,
	                  .walk = {.view = v}};

	if (v->count == 0)
		return 0;
	TRY(store_cursor_open(v->txn, v->zone->id, &c.walk.cursor));
	int err = check_all(&c);
	store_cursor_close(&c.walk.cursor);
	free(c.node.sets);
	if (err < 0)
		return err;
	return out->count > c.problems_before ? ERR_REFUSED : 0;
}
