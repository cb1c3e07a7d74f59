/*
 * Which names to compile: all of a zone's, a subtree's, or those that a set of changes concerns.
 *
 * Names are visited in canonical order, so that a name's ancestors are known before it is. An
 * ancestor without records of its own is an empty non-terminal and gets a node as well.
 */
#include <stdlib.h>
#include <string.h>

#include "control/compile/internal.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static table_ref space_alloc(void *ctx, size_t bytes)
{
	struct compiler *c = ctx;
	void *room;

	return writer_alloc(c->w, bytes, &room);
}

static void space_retire(void *ctx, table_ref ref, size_t bytes)
{
	struct compiler *c = ctx;

	writer_retire(c->w, ref, bytes);
}

struct compiler *compiler_new(struct table_writer *w,
                              bool (*hosts_below)(void *arg, const uint8_t *name),
                              void *arg)
{
	struct compiler *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->w = w;
	c->hosts_below = hosts_below;
	c->arg = arg;
	c->space = (struct index_space){
		.base = writer_base(w),
		.alloc = space_alloc,
		.retire = space_retire,
		.free_now = space_retire, /* an undone change wants all it made */
		.ctx = c,
	};
	return c;
}

void compiler_free(struct compiler *c)
{
	free(c);
}

/* ---- where a name stands ---- */

static const struct table_node *suffix_node(struct compiler *c, const uint8_t *suffix)
{
	uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD] = {0};
	size_t len = name_len(suffix, NAME_MAX_LEN);

	memcpy(name, suffix, len);
	return writer_find(c->w, name_hash(writer_hash_key(c->w), name), name, len, 0);
}

/* Asks the table about the parent, which was compiled before. */
static struct place place_of(struct compiler *c, const struct compile_zone *z)
{
	const struct owner *o = &c->owner;
	struct place place = {0};

	if (o->name_len == z->apex_len)
		return place;
	if (z->hosts_children) {
		const struct table_node *n = suffix_node(c, o->name);
		place.hosted_apex = n && (n->flags & NODE_APEX) && n->zone != z->stub;
		for (const uint8_t *s = o->name + o->name[0] + 1;
		     (size_t)(s - o->name) + z->apex_len < o->name_len; s += *s + 1) {
			n = suffix_node(c, s);
			place.hidden |= n && (n->flags & NODE_APEX) && n->zone != z->stub;
		}
	}
	const struct table_node *parent = suffix_node(c, o->name + o->name[0] + 1);
	if (!parent || parent->zone != z->stub)
		return place;
	if (parent->flags & NODE_CUT)
		place.below_cut = o->labels; /* the parent's labels, plus one */
	else if (parent->flags & NODE_BELOW_CUT)
		place.below_cut = (uint8_t)((parent->flags >> NODE_CUT_SHIFT) + 1);
	return place;
}

/* An NSEC3 owner is no name of the zone (RFC 5155 §7.2.8). */
static bool only_nsec3(const struct owner *o)
{
	for (unsigned i = 0; i < o->count; i++)
		if (o->sets[i].type != RRTYPE_NSEC3)
			return false;
	return o->count > 0;
}

static int compile_owner(struct compiler *c, struct compile_zone *z)
{
	table_ref unused;

	if (only_nsec3(&c->owner))
		return denial_compile(c, z, &unused);
	return node_compile(c, z, place_of(c, z));
}

/* The length of the key's part for its first labels labels. */
static size_t key_prefix(const uint8_t *key, size_t key_len, unsigned labels)
{
	size_t at = 0;

	while (labels > 0 && at < key_len)
		if (key[at++] == 0)
			labels--;
	return at;
}

static unsigned key_labels(const uint8_t *key, size_t key_len)
{
	unsigned labels = 0;

	for (size_t i = 0; i < key_len; i++)
		labels += key[i] == 0;
	return labels;
}

static unsigned common_labels(const uint8_t *a, size_t a_len, const uint8_t *b,
                              size_t b_len)
{
	unsigned labels = 0;

	for (size_t i = 0; i < a_len && i < b_len && a[i] == b[i]; i++)
		labels += a[i] == 0;
	return labels;
}

/* ---- walking the store ---- */

struct walk {
	struct compiler *c;
	struct compile_zone *z;
	struct store_cursor *cursor;
	struct store_entry entry;
	int found; /* whether entry is one: 0 or ERR_NOTFOUND */
	uint8_t last[NAME_KEY_MAX];
	size_t last_len;
	uint64_t rrsets; /* read so far */
	bool versioned;  /* the zone's version has been made */
};

/* Names between the last owner and this one that only exist because this one does. */
static int walk_nonterminals(struct walk *w)
{
	const struct store_entry *e = &w->entry;
	unsigned common = common_labels(w->last, w->last_len, e->key, e->key_len);
	unsigned labels = key_labels(e->key, e->key_len);

	for (unsigned i = common + 1; i < labels; i++) {
		size_t len = key_prefix(e->key, e->key_len, i);
		TRY(owner_named(&w->c->owner, w->z, writer_hash_key(w->c->w), e->key,
		                len));
		TRY(node_compile(w->c, w->z, place_of(w->c, w->z)));
	}
	return 0;
}

static int walk_owner(struct walk *w)
{
	struct owner *o = &w->c->owner;

	TRY(walk_nonterminals(w));
	TRY(owner_named(o, w->z, writer_hash_key(w->c->w), w->entry.key,
	                w->entry.key_len));
	TRY(owner_read(o, w->cursor, &w->entry, &w->found));
	w->rrsets += o->count;
	memcpy(w->last, o->key, o->key_len);
	w->last_len = o->key_len;
	if (o->key_len == 0)
		version_read_apex(w->z, o);
	TRY(compile_owner(w->c, w->z));
	if (o->key_len > 0 || w->z->denial)
		return 0;
	/* No index of denial records is to come, and here the apex is at hand. */
	w->versioned = true;
	return version_compile(w->c, w->z, o);
}

/* Compiles every owner whose key starts with prefix, but the one that is prefix itself only
 * when inclusive. */
static int walk_subtree(struct walk *w, const uint8_t *prefix, size_t len, bool inclusive)
{
	memcpy(w->last, prefix, len);
	w->last_len = len;
	w->found = store_cursor_seek(w->cursor, prefix, len, &w->entry);
	if (w->found < 0 && w->found != ERR_NOTFOUND)
		return w->found;
	while (w->found == 0 && !inclusive && w->entry.key_len == len &&
	       memcmp(w->entry.key, prefix, len) == 0)
		w->found = store_cursor_next(w->cursor, &w->entry);
	while (w->found == 0 && w->entry.key_len >= len &&
	       memcmp(w->entry.key, prefix, len) == 0)
		TRY(walk_owner(w));
	return w->found == ERR_NOTFOUND ? 0 : w->found;
}

static int read_apex(struct compiler *c, struct compile_zone *z,
                     struct store_cursor *cursor)
{
	struct store_entry entry;
	int found = store_cursor_seek(cursor, NULL, 0, &entry);

	TRY(found);
	TRY(owner_named(&c->owner, z, writer_hash_key(c->w), (const uint8_t *)"", 0));
	if (entry.key_len != 0)
		return ERR_CORRUPT;
	return owner_read(&c->owner, cursor, &entry, &found);
}

/* The version of a signed zone goes last: it names the finished index. */
static int finish_zone(struct walk *w)
{
	if (w->versioned)
		return 0;
	TRY(read_apex(w->c, w->z, w->cursor));
	return version_compile(w->c, w->z, &w->c->owner);
}

static int make_stub(struct compiler *c, struct compile_zone *z)
{
	void *room;

	if (z->stub)
		return 0;
	table_ref ref = writer_alloc(c->w, sizeof(struct table_zone), &room);
	if (!ref)
		return ERR_FULL;
	((struct table_zone *)room)->id = z->id;
	z->stub = ref;
	return 0;
}

int compile_zone(struct compiler *c, struct compile_zone *z, struct store_txn *t,
                 uint64_t *rrsets)
{
	struct walk w = {.c = c, .z = z};

	c->names = 0;
	TRY(make_stub(c, z));
	TRY(store_cursor_open(t, z->id, &w.cursor));
	int err = walk_subtree(&w, (const uint8_t *)"", 0, true);
	if (err == 0)
		err = finish_zone(&w);
	store_cursor_close(&w.cursor);
	if (err == 0)
		*rrsets = w.rrsets;
	return err;
}

int compile_unloaded(struct compiler *c, struct compile_zone *z)
{
	TRY(make_stub(c, z));
	z->denial = 0;
	TRY(owner_named(&c->owner, z, writer_hash_key(c->w), (const uint8_t *)"", 0));
	TRY(node_compile(c, z, (struct place){0}));
	return version_compile(c, z, NULL);
}

/* ---- changes ---- */

static bool is_at_or_below(const struct store_entry *e, const uint8_t *key, size_t len)
{
	return e->key_len >= len && memcmp(e->key, key, len) == 0;
}

/* Whether any record has this key or one below it. */
static int exists(struct store_cursor *cursor, const uint8_t *key, size_t len, bool *out)
{
	struct store_entry e;
	int found = store_cursor_seek(cursor, key, len, &e);

	if (found < 0 && found != ERR_NOTFOUND)
		return found;
	*out = found == 0 && is_at_or_below(&e, key, len);
	return 0;
}

/* A node that names nothing, only so that the path to a hosted zone has no gap. */
static int put_void(struct compiler *c, uint64_t hash, const uint8_t *name, size_t len)
{
	void *room;
	table_ref ref = writer_alloc(c->w, sizeof(struct table_node) + len, &room);

	if (!ref)
		return ERR_FULL;
	struct table_node *n = room;
	n->flags = NODE_VOID;
	n->name_len = (uint8_t)len;
	memcpy(n->name, name, len);
	writer_put_node(c->w, hash, ref);
	return writer_failed(c->w) ? ERR_FULL : 0;
}

/* Takes the node of c->owner away, or leaves a void one on the path to another zone. */
static int drop_node(struct compiler *c, struct compile_zone *z)
{
	const struct owner *o = &c->owner;
	const struct table_node *n = writer_find(c->w, o->hash, o->name, o->name_len, 0);

	writer_delete_node(c->w, o->hash ^ TABLE_PARENT_SALT, o->name, o->name_len,
	                   NODE_PARENT_SIDE);
	if (!n || n->zone != z->stub)
		return writer_failed(c->w) ? ERR_FULL : 0;
	if (o->name_len > 1 && !c->hosts_below(c->arg, o->name)) {
		writer_delete_node(c->w, o->hash, o->name, o->name_len, 0);
		return writer_failed(c->w) ? ERR_FULL : 0;
	}
	return put_void(c, o->hash, o->name, o->name_len);
}

/* Pass one over a changed owner: names that are gone go, ancestors that only existed because
 * of them too. */
static int drop_if_gone(struct compiler *c, struct compile_zone *z,
                        struct store_cursor *cursor, const struct compile_change *change)
{
	table_ref unused;

	for (size_t len = change->key_len; len > 0;) {
		bool is_there;
		TRY(exists(cursor, change->key, len, &is_there));
		if (is_there)
			return 0;
		TRY(owner_named(&c->owner, z, writer_hash_key(c->w), change->key, len));
		TRY(denial_compile(c, z, &unused));
		TRY(drop_node(c, z));
		c->names++;
		len = key_prefix(change->key, len, key_labels(change->key, len) - 1);
	}
	return 0;
}

static bool is_wildcard_key(const struct compile_change *change)
{
	unsigned labels = key_labels(change->key, change->key_len);
	size_t at = labels ? key_prefix(change->key, change->key_len, labels - 1) : 0;

	return labels > 0 && change->key_len == at + 2 && change->key[at] == '*';
}

/* Compiles one name, whether it has records or not, as long as it exists, and says whether. */
static int compile_key(struct walk *w, const uint8_t *key, size_t len, bool *is_there)
{
	struct owner *o = &w->c->owner;
	int found = store_cursor_seek(w->cursor, key, len, &w->entry);

	if (found < 0 && found != ERR_NOTFOUND)
		return found;
	*is_there = found == 0 && is_at_or_below(&w->entry, key, len);
	if (!*is_there)
		return 0;
	TRY(owner_named(o, w->z, writer_hash_key(w->c->w), key, len));
	if (w->entry.key_len == len)
		TRY(owner_read(o, w->cursor, &w->entry, &w->found));
	if (only_nsec3(o)) {
		table_ref unused;
		TRY(drop_node(w->c, w->z));
		return denial_compile(w->c, w->z, &unused);
	}
	return node_compile(w->c, w->z, place_of(w->c, w->z));
}

/* Ancestors that have come to exist as empty non-terminals. */
static int compile_new_ancestors(struct walk *w, const struct compile_change *change)
{
	unsigned labels = key_labels(change->key, change->key_len);

	for (unsigned i = 1; i < labels; i++) {
		size_t len = key_prefix(change->key, change->key_len, i);
		TRY(owner_named(&w->c->owner, w->z, writer_hash_key(w->c->w), change->key,
		                len));
		const struct table_node *n = suffix_node(w->c, w->c->owner.name);
		bool is_there;
		if (!n || (n->flags & NODE_VOID))
			TRY(compile_key(w, change->key, len, &is_there));
	}
	return 0;
}

/* Pass two: what the change concerns is compiled anew. */
static int compile_change(struct walk *w, const struct compile_change *change)
{
	bool is_there;

	if (!change->stays)
		TRY(compile_new_ancestors(w, change));
	TRY(compile_key(w, change->key, change->key_len, &is_there));
	if (is_wildcard_key(change) && !is_there) {
		size_t len = key_prefix(change->key, change->key_len,
		                        key_labels(change->key, change->key_len) - 1);
		return compile_key(w, change->key, len, &is_there);
	}
	if (!is_there || !change->cut_changed)
		return 0;
	return walk_subtree(w, change->key, change->key_len, false);
}

/* The apex comes first. While c->owner still is what read_apex() left, nothing need be read
 * again; and as no index of denial records is to be finished, nor need the version wait. */
static int compile_apex(struct walk *w, const struct compile_change *change, bool read)
{
	if (read)
		TRY(node_compile(w->c, w->z, (struct place){0}));
	else
		TRY(compile_change(w, change));
	return w->z->denial ? 0 : version_compile(w->c, w->z, &w->c->owner);
}

static bool same_denial(const struct compile_zone *a, const struct compile_zone *b)
{
	return a->denial == b->denial && a->iterations == b->iterations &&
	       a->salt_len == b->salt_len && memcmp(a->salt, b->salt, a->salt_len) == 0;
}

static int apply_changes(struct walk *w, const struct compile_change *changes,
                         size_t count)
{
	bool apex_read = true;

	for (size_t i = 0; i < count; i++) {
		if (changes[i].stays)
			continue;
		TRY(drop_if_gone(w->c, w->z, w->cursor, &changes[i]));
		apex_read = false;
	}
	for (size_t i = 0; i < count; i++)
		TRY(changes[i].key_len == 0 ? compile_apex(w, &changes[i], apex_read)
		                            : compile_change(w, &changes[i]));
	return w->z->denial ? finish_zone(w) : 0;
}

/* A zone that is signed in another way now: every node and the whole index are different. */
static int recompile_all(struct walk *w, const struct compile_change *changes,
                         size_t count)
{
	denial_drop_all(w->c, w->z);
	w->z->denial = 0;
	for (size_t i = 0; i < count; i++)
		TRY(drop_if_gone(w->c, w->z, w->cursor, &changes[i]));
	TRY(walk_subtree(w, (const uint8_t *)"", 0, true));
	return finish_zone(w);
}

int compile_changes(struct compiler *c, struct compile_zone *z, struct store_txn *t,
                    const struct compile_change *changes, size_t count, size_t *names)
{
	struct walk w = {.c = c, .z = z};
	struct compile_zone now = *z;

	c->names = 0;
	TRY(store_cursor_open(t, z->id, &w.cursor));
	int err = read_apex(c, z, w.cursor);
	version_read_apex(&now, &c->owner);
	if (err == 0)
		err = same_denial(&now, z) ? apply_changes(&w, changes, count)
		                           : recompile_all(&w, changes, count);
	store_cursor_close(&w.cursor);
	if (err == 0)
		*names = c->names;
	return err;
}

int compile_subtree(struct compiler *c, struct compile_zone *z, struct store_txn *t,
                    const uint8_t *key, size_t key_len, size_t *names)
{
	struct compile_change change = {
		.key = key,
		.key_len = (uint16_t)key_len,
		.cut_changed = true,
	};

	return compile_changes(c, z, t, &change, 1, names);
}

/* ---- removal ---- */

/* Drops the walk's owner and those of its ancestors that have at least from labels. */
static int drop_path(struct walk *w, unsigned from)
{
	const struct store_entry *e = &w->entry;
	unsigned labels = key_labels(e->key, e->key_len);

	for (unsigned i = from; i <= labels; i++) {
		TRY(owner_named(&w->c->owner, w->z, writer_hash_key(w->c->w), e->key,
		                key_prefix(e->key, e->key_len, i)));
		TRY(drop_node(w->c, w->z));
	}
	return 0;
}

static int drop_walk(struct walk *w)
{
	while (w->found == 0) {
		const struct store_entry *e = &w->entry;
		TRY(drop_path(w, common_labels(w->last, w->last_len, e->key, e->key_len) +
		                         1));
		memcpy(w->last, e->key, e->key_len);
		w->last_len = e->key_len;
		w->found = store_cursor_next(w->cursor, &w->entry);
	}
	return w->found == ERR_NOTFOUND ? 0 : w->found;
}

static void retire_stub(struct compiler *c, struct compile_zone *z)
{
	const struct table_zone *stub = table_at(writer_base(c->w), z->stub);
	table_ref ref = atomic_load_explicit(&stub->head, memory_order_relaxed);
	const struct table_zone_version *v = table_at(writer_base(c->w), ref);

	if (ref)
		writer_retire(c->w, ref, (size_t)v->units * TABLE_UNIT);
	writer_retire(c->w, z->stub, sizeof *stub);
	z->stub = 0;
}

int compile_remove(struct compiler *c, struct compile_zone *z, struct store_txn *t)
{
	struct walk w = {.c = c, .z = z};

	denial_drop_all(c, z);
	TRY(store_cursor_open(t, z->id, &w.cursor));
	w.found = store_cursor_seek(w.cursor, NULL, 0, &w.entry);
	int err = drop_walk(&w);
	store_cursor_close(&w.cursor);
	TRY(err);
	TRY(owner_named(&c->owner, z, writer_hash_key(c->w), (const uint8_t *)"", 0));
	TRY(drop_node(c, z));
	retire_stub(c, z);
	return 0;
}

static int hide_walk(struct walk *w, const uint8_t *key, size_t len)
{
	while (w->found == 0 && w->entry.key_len >= len &&
	       memcmp(w->entry.key, key, len) == 0) {
		TRY(drop_path(w, key_labels(key, len)));
		w->found = store_cursor_next(w->cursor, &w->entry);
	}
	return w->found == ERR_NOTFOUND ? 0 : w->found;
}

int compile_hide(struct compiler *c, struct compile_zone *z, struct store_txn *t,
                 const uint8_t *key, size_t key_len)
{
	struct walk w = {.c = c, .z = z};

	TRY(store_cursor_open(t, z->id, &w.cursor));
	w.found = store_cursor_seek(w.cursor, key, key_len, &w.entry);
	int err = hide_walk(&w, key, key_len);
	store_cursor_close(&w.cursor);
	return err;
}

/* ---- the path to a zone ---- */

int compile_path(struct compiler *c, const uint8_t *apex)
{
	for (const uint8_t *s = apex; *s;) {
		s += *s + 1;
		if (suffix_node(c, s))
			return 0; /* whoever put it saw to the rest */
		uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD] = {0};
		size_t len = name_len(s, NAME_MAX_LEN);
		memcpy(name, s, len);
		TRY(put_void(c, name_hash(writer_hash_key(c->w), name), name, len));
	}
	return 0;
}

void compile_unpath(struct compiler *c, const uint8_t *apex)
{
	for (const uint8_t *s = apex; *s;) {
		uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD] = {0};
		s += *s + 1;
		if (!*s)
			return; /* the root's node stays: every name has an encloser */
		size_t len = name_len(s, NAME_MAX_LEN);
		memcpy(name, s, len);
		const struct table_node *n = suffix_node(c, s);
		if (!n || !(n->flags & NODE_VOID) || c->hosts_below(c->arg, name))
			return;
		writer_delete_node(c->w, name_hash(writer_hash_key(c->w), name), name,
		                   len, 0);
	}
}
