/*
 * What an update makes of a zone.
 *
 * Unlike edits, steps cannot be sorted by RRset: whether a CNAME comes depends on what the steps
 * before it have left at its name. So the owners are sorted, each once; an owner is read from the
 * store whole when the first step gets to it, and its RRsets go from step to step in memory that
 * grows with them. What differs in the end is the view.
 *
 * Some steps are passed over in silence (§3.4.2.2 to §3.4.2.4): a CNAME beside other data and the other
 * way round, an SOA that is not newer, and whatever would leave the apex without SOA or NS. One
 * that is done to an RRset gives it its TTL. An RRset of which there can be one record only has it
 * replaced. Disabled records are not there for an update, but one that it brings is disabled no more.
 */
#include "control/change/update.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/zone/rdata.h"
#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	BLOB_MAX = RRSET_HEADER + 65535,
	TYPE_WKS = 11,
	WKS_NAMED =
		5, /* address and protocol: what tells one WKS of a name from another */
};

/* An RRset on its way through the steps. */
struct set {
	uint16_t type;
	struct rrset now; /* count 0: there is none */
	size_t room;      /* of what it points to; 0: that is lent from the store */
	const uint8_t *before;
	size_t before_size;
	struct overlay_set extra; /* key NULL: not looked at */
};

struct node {
	const uint8_t *key;
	uint16_t key_len;
	bool read, outside;
	struct set *sets; /* by type; those that went stay, with no record */
	size_t count, room;
};

struct evaluation {
	struct store_txn *txn;
	const struct store_zone *zone;
	const struct update *update;
	struct contents_arena *arena;
	struct store_cursor *cursor;
	struct node *nodes; /* by key */
	size_t node_count;
	size_t *node_of; /* of each step */
	uint8_t rcode;
};

/* ---- making one ---- */

struct update *update_new(struct change *c)
{
	struct update *u = arena_aligned(c->arena, sizeof *u);

	*u = (struct update){0};
	return u;
}

static bool has_rdata(enum update_verb v)
{
	return v == PREREQ_SET_IS || v == UPDATE_ADD || v == UPDATE_DROP;
}

int update_add(struct change *c, struct update *u, const struct update_step *s)
{
	size_t owner_len = name_len(s->owner, NAME_MAX_LEN);

	if (s->verb >= UPDATE_ADD && rrtype_is_of_signing(s->type))
		return ERR_REFUSED;
	if (has_rdata(s->verb) && rdata_check(s->type, s->rdata, s->rdata_len) < 0)
		return ERR_CORRUPT;
	u->steps = arena_room(c->arena, u->steps, u->count, &u->room, sizeof u->steps[0]);
	struct update_step *to = &u->steps[u->count++];
	uint8_t *owner = arena_copy(c->arena, s->owner, owner_len);
	name_fold(owner, owner_len);
	*to = *s;
	to->owner = owner;
	to->rdata =
		has_rdata(s->verb) ? arena_copy(c->arena, s->rdata, s->rdata_len) : NULL;
	return 0;
}

/* ---- who may ---- */

/* Says whether an RRset at the apex is one that a zone has to have. */
static bool must_stay(size_t key_len, uint16_t type)
{
	return key_len == 0 && (type == RRTYPE_SOA || type == RRTYPE_NS);
}

/* Those that the update itself brings are allowed where it brings them. */
static int may_drop_all(struct store_cursor *c, const struct store_zone *zone,
                        const struct update_step *s, const struct actor *who)
{
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_to_key(s->owner, name_len(zone->name, NAME_MAX_LEN), key);
	struct store_entry e;
	int err = store_cursor_seek(c, key, len, &e);

	while (err == 0 && name_key_compare(e.key, e.key_len, key, len) == 0) {
		if (!must_stay(len, e.set.type) &&
		    !actor_may_edit(who, zone->name, s->owner, e.set.type))
			return ERR_DENIED;
		err = store_cursor_next(c, &e);
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

static int may_do(struct store_txn *t, const struct store_zone *zone,
                  const struct update_step *s, const struct actor *who)
{
	struct store_cursor *c;

	if (s->verb < UPDATE_ADD || !name_is_under(s->owner, zone->name, NULL) ||
	    actor_may_edit(who, zone->name, s->owner, s->type))
		return 0;
	if (s->verb != UPDATE_DROP_NAME)
		return ERR_DENIED;
	TRY(store_cursor_open(t, zone->id, &c));
	int err = may_drop_all(c, zone, s, who);
	store_cursor_close(&c);
	return err;
}

int update_allowed(struct store_txn *t, const struct store_zone *zone,
                   const struct update *u, const struct actor *who)
{
	for (size_t i = 0; i < u->count; i++)
		TRY(may_do(t, zone, &u->steps[i], who));
	return 0;
}

/* ---- owners ---- */

static int refuse(struct evaluation *e, enum update_rcode rcode)
{
	e->rcode = (uint8_t)rcode;
	return ERR_REFUSED;
}

static int compare_nodes(const void *left, const void *right)
{
	const struct node *a = left;
	const struct node *b = right;

	if (a->outside || b->outside)
		return (a->outside ? 1 : 0) - (b->outside ? 1 : 0);
	return name_key_compare(a->key, a->key_len, b->key, b->key_len);
}

/* Gives the owner of a step, not read; all those outside of the zone are one. */
static struct node node_of(const struct evaluation *e, const struct update_step *s,
                           uint8_t key[static NAME_KEY_MAX])
{
	if (!name_is_under(s->owner, e->zone->name, NULL))
		return (struct node){.outside = true};
	size_t len = name_to_key(s->owner, name_len(e->zone->name, NAME_MAX_LEN), key);
	return (struct node){.key = key, .key_len = (uint16_t)len};
}

/* Gives each owner once, and for each step which it is. */
static void find_nodes(struct evaluation *e)
{
	size_t count = e->update->count;
	uint8_t key[NAME_KEY_MAX];

	e->nodes = arena_aligned(e->arena, (count + 1) * sizeof e->nodes[0]);
	e->node_of = arena_aligned(e->arena, (count + 1) * sizeof e->node_of[0]);
	for (size_t i = 0; i < count; i++) {
		e->nodes[i] = node_of(e, &e->update->steps[i], key);
		e->nodes[i].key = arena_copy(e->arena, key, e->nodes[i].key_len);
	}
	if (count > 1)
		qsort(e->nodes, count, sizeof e->nodes[0], compare_nodes);
	for (size_t i = 0; i < count; i++)
		if (e->node_count == 0 ||
		    compare_nodes(&e->nodes[e->node_count - 1], &e->nodes[i]) != 0)
			e->nodes[e->node_count++] = e->nodes[i];
	for (size_t i = 0; i < count; i++) {
		struct node n = node_of(e, &e->update->steps[i], key);
		const struct node *at =
			bsearch(&n, e->nodes, e->node_count, sizeof n, compare_nodes);
		e->node_of[i] = (size_t)(at - e->nodes);
	}
}

/* Where the RRset of a type stands, or belongs. */
static size_t place_of(const struct node *n, uint16_t type)
{
	size_t at = 0;

	while (at < n->count && n->sets[at].type < type)
		at++;
	return at;
}

static struct set *insert_set(struct evaluation *e, struct node *n, size_t at,
                              uint16_t type)
{
	n->sets = arena_room(e->arena, n->sets, n->count, &n->room, sizeof *n->sets);
	memmove(n->sets + at + 1, n->sets + at, (n->count - at) * sizeof *n->sets);
	n->sets[at] = (struct set){.type = type, .now = {.type = type}};
	n->count++;
	return &n->sets[at];
}

/* Gives the RRset of a type, which may be without records. */
static struct set *set_of(struct evaluation *e, struct node *n, uint16_t type)
{
	size_t at = place_of(n, type);

	if (at < n->count && n->sets[at].type == type)
		return &n->sets[at];
	return insert_set(e, n, at, type);
}

static int read_node(struct evaluation *e, struct node *n)
{
	struct store_entry entry;

	if (n->read)
		return 0;
	n->read = true;
	int err = store_cursor_seek(e->cursor, n->key, n->key_len, &entry);
	while (err == 0 &&
	       name_key_compare(entry.key, entry.key_len, n->key, n->key_len) == 0) {
		struct set *s = insert_set(e, n, n->count, entry.set.type);

		s->now = entry.set;
		s->before = entry.set.bytes;
		s->before_size = entry.set.size;
		err = store_cursor_next(e->cursor, &entry);
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* Gives the owner of a step, read. */
static int owner_of(struct evaluation *e, size_t step, struct node **out)
{
	*out = &e->nodes[e->node_of[step]];
	if ((*out)->outside)
		return refuse(e, UPDATE_NOTZONE);
	return read_node(e, *out);
}

static bool has_set(const struct node *n, uint16_t type)
{
	size_t at = place_of(n, type);

	return at < n->count && n->sets[at].type == type && n->sets[at].now.count > 0;
}

/* Says whether there is any RRset but of one type (RRTYPE_ANY: none to leave out) and denial. */
static bool has_other_than(const struct node *n, uint16_t type)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->sets[i].type != type && n->sets[i].now.count > 0 &&
		    n->sets[i].type != RRTYPE_NSEC)
			return true;
	return false;
}

/* ---- prerequisites ---- */

static int check_one(struct evaluation *e, size_t step)
{
	const struct update_step *s = &e->update->steps[step];
	struct node *n;

	TRY(owner_of(e, step, &n));
	bool set = has_set(n, s->type);
	switch (s->verb) {
	case PREREQ_NAME:
		return has_other_than(n, RRTYPE_ANY) ? 0 : refuse(e, UPDATE_NXDOMAIN);
	case PREREQ_NO_NAME:
		return has_other_than(n, RRTYPE_ANY) ? refuse(e, UPDATE_YXDOMAIN) : 0;
	case PREREQ_SET: return set ? 0 : refuse(e, UPDATE_NXRRSET);
	case PREREQ_NO_SET: return set ? refuse(e, UPDATE_YXRRSET) : 0;
	case PREREQ_SET_IS:
	case UPDATE_ADD:
	case UPDATE_DROP_SET:
	case UPDATE_DROP_NAME:
	case UPDATE_DROP: break;
	}
	return 0;
}

/* A record that an RRset must have. */
struct wanted {
	struct node *node;
	const struct update_step *step;
};

static bool same_set(const struct wanted *a, const struct wanted *b)
{
	return a->node == b->node && a->step->type == b->step->type;
}

static int compare_wanted(const void *left, const void *right)
{
	const struct wanted *a = left;
	const struct wanted *b = right;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->step->type != b->step->type)
		return a->step->type < b->step->type ? -1 : 1;
	return rdata_compare(a->step->type, a->step->rdata, a->step->rdata_len,
	                     b->step->rdata, b->step->rdata_len);
}

/* Says whether an RRset has these records, in canonical order, and no others. */
static bool set_is(const struct set *s, const struct wanted *w, size_t count)
{
	const uint8_t *at = s->now.count ? rrset_first(&s->now) : NULL;

	if (s->now.count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct rdata d = rrset_next(&at);

		if (rdata_compare(s->type, d.bytes, d.len, w[i].step->rdata,
		                  w[i].step->rdata_len) != 0)
			return false;
	}
	return true;
}

/* Leaves out what is wanted twice. */
static size_t each_once(struct wanted *w, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || compare_wanted(&w[kept - 1], &w[i]) != 0)
			w[kept++] = w[i];
	return kept;
}

/* RFC 2136 §3.2.3: gathered first, compared at the end. */
static int check_sets(struct evaluation *e)
{
	const struct update *u = e->update;
	struct wanted *w = arena_aligned(e->arena, (u->count + 1) * sizeof *w);
	size_t count = 0;

	for (size_t i = 0; i < u->count; i++)
		if (u->steps[i].verb == PREREQ_SET_IS)
			w[count++] =
				(struct wanted){&e->nodes[e->node_of[i]], &u->steps[i]};
	if (count > 1)
		qsort(w, count, sizeof *w, compare_wanted);
	count = each_once(w, count);
	for (size_t at = 0; at < count;) {
		size_t end = at + 1;

		while (end < count && same_set(&w[at], &w[end]))
			end++;
		if (!set_is(set_of(e, w[at].node, w[at].step->type), w + at, end - at))
			return refuse(e, UPDATE_NXRRSET);
		at = end;
	}
	return 0;
}

static int check_prerequisites(struct evaluation *e)
{
	for (size_t i = 0; i < e->update->count; i++)
		if (e->update->steps[i].verb < UPDATE_ADD)
			TRY(check_one(e, i));
	return check_sets(e);
}

/* §3.4.1: whatever is wrong with a step is said before anything is done. */
static int check_steps(struct evaluation *e)
{
	for (size_t i = 0; i < e->update->count; i++)
		if (e->nodes[e->node_of[i]].outside)
			return refuse(e, UPDATE_NOTZONE);
	return 0;
}

/* ---- records of an RRset ---- */

static uint8_t *bytes_of(struct set *s)
{
	return (uint8_t *)(uintptr_t)s->now.bytes;
}

/* Makes the RRset one of our own, without signatures, with room for so many octets, and for what it has. */
static void own(struct evaluation *e, struct set *s, size_t wanted)
{
	size_t size = s->now.count ? s->now.size : RRSET_HEADER;
	size_t room = s->room ? s->room : 64;

	if (s->room >= wanted && s->room)
		return;
	if (!s->room && s->before_size)
		s->before = arena_copy(e->arena, s->before, s->before_size);
	while (room < wanted || room < size)
		room *= 2;
	uint8_t *blob = arena_alloc(e->arena, room);
	if (s->now.count)
		memcpy(blob, s->now.bytes, size);
	s->now.bytes = blob;
	s->room = room;
	if (s->now.sig_count) {
		const uint8_t *at = rrset_first(&s->now);
		for (unsigned i = 0; i < s->now.count; i++)
			(void)rrset_next(&at);
		size = (size_t)(at - s->now.bytes);
		s->now.sig_count = 0;
	}
	s->now.sig_ttl = 0;
	s->now.size = size;
}

/* Gives where a record stands, or belongs. */
static size_t find_record(const struct set *s, const uint8_t *rdata, size_t len,
                          bool *there)
{
	const uint8_t *at = s->now.count ? rrset_first(&s->now) : NULL;
	size_t place = RRSET_HEADER;

	*there = false;
	for (unsigned i = 0; i < s->now.count; i++) {
		struct rdata d = rrset_next(&at);
		int order = rdata_compare(s->type, rdata, len, d.bytes, d.len);

		*there = order == 0;
		if (order <= 0)
			break;
		place = (size_t)(at - s->now.bytes);
	}
	return place;
}

static void write_head(struct set *s)
{
	rrset_write_header(bytes_of(s), &s->now);
}

static void empty(struct evaluation *e, struct set *s)
{
	if (s->now.count == 0)
		return;
	own(e, s, RRSET_HEADER);
	s->now.count = 0;
	s->now.size = RRSET_HEADER;
}

static int insert_record(struct evaluation *e, struct set *s, size_t at,
                         const struct update_step *step)
{
	size_t more = sizeof(uint16_t) + step->rdata_len;
	size_t size = s->now.count ? s->now.size : RRSET_HEADER;

	if (size + more > BLOB_MAX)
		return refuse(e, UPDATE_REFUSED);
	own(e, s, size + more);
	uint8_t *blob = bytes_of(s);
	memmove(blob + at + more, blob + at, s->now.size - at);
	(void)rrset_write_rdata(blob + at, step->rdata, step->rdata_len);
	s->now.size += more;
	s->now.count++;
	return 0;
}

static void remove_record(struct evaluation *e, struct set *s, size_t at)
{
	uint16_t len;

	own(e, s, s->now.size);
	uint8_t *blob = bytes_of(s);
	memcpy(&len, blob + at, sizeof len);
	size_t less = sizeof len + len;
	memmove(blob + at, blob + at + less, s->now.size - at - less);
	s->now.size -= less;
	s->now.count--;
	write_head(s);
}

/* ---- what an RRset has besides ---- */

static int read_extra(struct evaluation *e, const struct node *n, struct set *s)
{
	struct store_extra x = {.key = n->key, .key_len = n->key_len, .type = s->type};

	if (s->extra.key)
		return 0;
	int err = store_extra_get(e->txn, e->zone->id, &x);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	s->extra = (struct overlay_set){
		.key = n->key, .key_len = n->key_len, .type = s->type, .edit = -1};
	if (err == 0) {
		s->extra.before = s->extra.blob = arena_copy(e->arena, x.value, x.size);
		s->extra.before_size = s->extra.size = x.size;
	}
	return 0;
}

/* Gives the disabled records without one of them, and with the TTL of the served ones. */
static void rewrite_hidden(struct evaluation *e, const struct set *s, struct extra *x,
                           const struct update_step *without)
{
	struct rrset hidden;
	unsigned count = 0;

	if (rrset_open(s->type, x->hidden, x->hidden_size, &hidden) < 0)
		return;
	uint8_t *blob = arena_alloc(e->arena, hidden.size);
	uint8_t *to = blob + RRSET_HEADER;
	const uint8_t *at = rrset_first(&hidden);
	for (unsigned i = 0; i < hidden.count; i++) {
		struct rdata d = rrset_next(&at);

		if (rdata_compare(s->type, d.bytes, d.len, without->rdata,
		                  without->rdata_len) == 0)
			continue;
		to = rrset_write_rdata(to, d.bytes, d.len);
		count++;
	}
	hidden.count = (uint16_t)count;
	hidden.ttl = s->now.ttl;
	rrset_write_header(blob, &hidden);
	x->hidden = count ? blob : NULL;
	x->hidden_size = count ? (size_t)(to - blob) : 0;
}

static int enable(struct evaluation *e, const struct node *n, struct set *s,
                  const struct update_step *step)
{
	struct extra x;

	TRY(read_extra(e, n, s));
	if (s->extra.size == 0)
		return 0;
	TRY(extra_decode(s->extra.blob, s->extra.size, e->arena, &x));
	if (x.hidden_size == 0)
		return 0;
	rewrite_hidden(e, s, &x, step);
	return extra_encode(&x, e->arena, &s->extra.blob, &s->extra.size);
}

/* ---- steps ---- */

static bool holds_one_only(uint16_t type)
{
	return type == RRTYPE_CNAME || type == RRTYPE_DNAME || type == RRTYPE_SOA;
}

static bool is_newer_soa(struct evaluation *e, struct node *n,
                         const struct update_step *step)
{
	uint32_t serial;

	return has_set(n, RRTYPE_SOA) &&
	       serial_read(&set_of(e, n, RRTYPE_SOA)->now, &serial) == 0 &&
	       /* rdata_check() has passed it. */
	       serial_newer(soa_number(step->rdata, step->rdata_len, SOA_SERIAL), serial);
}

static bool is_passed_over(struct evaluation *e, struct node *n,
                           const struct update_step *step)
{
	if (step->type == RRTYPE_CNAME ? has_other_than(n, RRTYPE_CNAME)
	                               : has_set(n, RRTYPE_CNAME))
		return true;
	return step->type == RRTYPE_SOA && !is_newer_soa(e, n, step);
}

/* The WKS of this address and protocol goes, whatever its services (RFC 2136 §3.4.2.2). */
static void drop_same_wks(struct evaluation *e, struct set *s,
                          const struct update_step *step)
{
	const uint8_t *at = s->now.count ? rrset_first(&s->now) : NULL;

	for (unsigned i = 0; i < s->now.count; i++) {
		size_t place = (size_t)(at - s->now.bytes);
		struct rdata d = rrset_next(&at);

		if (memcmp(d.bytes, step->rdata, WKS_NAMED) == 0) {
			remove_record(e, s, place);
			return;
		}
	}
}

static int add(struct evaluation *e, struct node *n, const struct update_step *step)
{
	bool there;

	if (is_passed_over(e, n, step))
		return 0;
	struct set *s = set_of(e, n, step->type);
	if (step->type == TYPE_WKS)
		drop_same_wks(e, s, step);
	size_t at = find_record(s, step->rdata, step->rdata_len, &there);
	if (there && s->now.ttl == step->ttl && !holds_one_only(step->type))
		return 0;
	if (holds_one_only(step->type)) {
		empty(e, s);
		there = false;
		at = RRSET_HEADER;
	}
	if (there)
		own(e, s, s->now.size);
	else
		TRY(insert_record(e, s, at, step));
	s->now.ttl = step->ttl;
	write_head(s);
	int err = enable(e, n, s, step);
	return err == ERR_TOOBIG ? refuse(e, UPDATE_REFUSED) : err;
}

static void drop(struct evaluation *e, struct node *n, const struct update_step *step)
{
	bool there;

	if (!has_set(n, step->type))
		return;
	struct set *s = set_of(e, n, step->type);
	size_t at = find_record(s, step->rdata, step->rdata_len, &there);
	if (!there || (must_stay(n->key_len, step->type) &&
	               (step->type == RRTYPE_SOA || s->now.count == 1)))
		return;
	remove_record(e, s, at);
}

static void drop_set(struct evaluation *e, struct node *n, uint16_t type)
{
	if (has_set(n, type) && !must_stay(n->key_len, type))
		empty(e, set_of(e, n, type));
}

static void drop_name(struct evaluation *e, struct node *n)
{
	for (size_t i = 0; i < n->count; i++)
		drop_set(e, n, n->sets[i].type);
}

static int do_step(struct evaluation *e, size_t i)
{
	const struct update_step *step = &e->update->steps[i];
	struct node *n;

	TRY(owner_of(e, i, &n));
	switch (step->verb) {
	case UPDATE_ADD: return add(e, n, step);
	case UPDATE_DROP_SET: drop_set(e, n, step->type); break;
	case UPDATE_DROP_NAME: drop_name(e, n); break;
	case UPDATE_DROP: drop(e, n, step); break;
	case PREREQ_NAME:
	case PREREQ_NO_NAME:
	case PREREQ_SET:
	case PREREQ_NO_SET:
	case PREREQ_SET_IS: break;
	}
	return 0;
}

/* ---- the view ---- */

static bool differs(const struct overlay_set *s)
{
	return s->size != s->before_size ||
	       (s->size && memcmp(s->blob, s->before, s->size) != 0);
}

static void gather_set(const struct node *n, const struct set *s, struct change_view *v)
{
	const struct overlay_set o = {
		.key = n->key,
		.key_len = n->key_len,
		.type = s->type,
		.blob = s->now.bytes,
		.size = s->now.count ? s->now.size : 0,
		.before = s->before,
		.before_size = s->before_size,
		.edit = -1,
	};

	if (s->room)
		change_view_append(v, &o);
	if (s->extra.key && differs(&s->extra))
		v->extras[v->extra_count++] = s->extra;
}

static void gather(struct evaluation *e, struct change_view *v)
{
	size_t sets = 0;

	for (size_t i = 0; i < e->node_count; i++)
		sets += e->nodes[i].count;
	v->sets = arena_aligned(e->arena, (sets + 1) * sizeof v->sets[0]);
	v->extras = arena_aligned(e->arena, (sets + 1) * sizeof v->extras[0]);
	for (size_t i = 0; i < e->node_count; i++)
		for (size_t k = 0; k < e->nodes[i].count; k++)
			gather_set(&e->nodes[i], &e->nodes[i].sets[k], v);
	v->changed = v->count || v->extra_count;
}

static int evaluate(struct evaluation *e, struct change_view *v)
{
	TRY(check_prerequisites(e));
	TRY(check_steps(e));
	for (size_t i = 0; i < e->update->count; i++)
		if (e->update->steps[i].verb >= UPDATE_ADD)
			TRY(do_step(e, i));
	gather(e, v);
	return 0;
}

int update_view(struct store_txn *t, const struct store_zone *zone,
                const struct update *u, struct contents_arena *a, struct change_view *out,
                uint8_t *rcode)
{
	struct change_view v = {.txn = t, .zone = zone};
	struct evaluation e = {
		.txn = t,
		.zone = zone,
		.update = u,
		.arena = a,
	};

	find_nodes(&e);
	TRY(store_cursor_open(t, zone->id, &e.cursor));
	int err = evaluate(&e, &v);
	store_cursor_close(&e.cursor);
	*rcode = e.rcode;
	if (err == 0)
		*out = v;
	return err;
}
