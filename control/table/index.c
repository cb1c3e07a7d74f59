#include "control/table/index.h"

#include <string.h>

#include "shared/err.h"
#include "shared/name.h"
#include "shared/table_index.h"

enum {
	LEVELS_MAX = 16,
	/* A node that falls below a third joins a neighbour if both fit with room to spare, or
	 * the next insertion would split them again. */
	MERGE_BELOW = INDEX_FANOUT / 3,
	MERGE_MAX = INDEX_FANOUT - 4,
};

/* The way from the root (of[0]) to a leaf. */
struct step {
	table_ref ref;
	unsigned
		at; /* the child that was followed; in the leaf, the number of keys <= the key */
};

struct path {
	struct step of[LEVELS_MAX];
	unsigned depth;
};

/* What a node holds at one position; in a leaf both are the record. */
struct entry {
	table_ref ref;
	table_ref record;
};

/* ---- nodes ---- */

static struct table_index *node_at(const struct index_space *space, table_ref ref)
{
	return (struct table_index *)(void *)(space->base + (uint64_t)ref * TABLE_UNIT);
}

static const struct table_denial *record_at(const uint8_t *base,
                                            const struct table_index *n, unsigned i)
{
	return table_at(base, table_index_record(n, i));
}

static size_t node_size(unsigned level)
{
	return sizeof(struct table_index) +
	       (level ? INDEX_FANOUT * sizeof(table_ref) : 0);
}

static int new_node(const struct index_space *space, uint8_t level, table_ref *out)
{
	table_ref ref = space->alloc(space->ctx, node_size(level));

	if (!ref)
		return ERR_FULL;
	struct table_index *n = node_at(space, ref);
	memset(n, 0, node_size(level));
	n->born = space->commit;
	n->level = level;
	*out = ref;
	return 0;
}

static void drop_node(const struct index_space *space, table_ref ref)
{
	const struct table_index *n = node_at(space, ref);
	size_t size = node_size(n->level);

	if (n->born == space->commit)
		space->free_now(space->ctx, ref, size);
	else
		space->retire(space->ctx, ref, size);
}

/* Makes *ref a node that may be changed: itself, or a copy. */
static int own_node(const struct index_space *space, table_ref *ref)
{
	const struct table_index *old = node_at(space, *ref);
	table_ref copy;

	if (old->born == space->commit)
		return 0;
	TRY(new_node(space, old->level, &copy));
	struct table_index *n = node_at(space, copy);
	memcpy(n, old, node_size(old->level));
	n->born = space->commit;
	drop_node(space, *ref);
	*ref = copy;
	return 0;
}

static void set_head(const uint8_t *base, struct table_index *n, unsigned i)
{
	const struct table_denial *d = record_at(base, n, i);
	n->heads[i] = table_index_head(table_denial_key(d), d->key_len, n->skip);
}

/* Brings prefix, skip and heads up to date after a change of contents; on entry the heads suit
 * the old skip. In a sorted node the first and the last key share what all of them share. */
static void refresh(const uint8_t *base, struct table_index *n)
{
	for (unsigned i = n->count; i < INDEX_FANOUT; i++)
		n->heads[i] = INT32_MAX;
	if (n->count == 0)
		return;
	const struct table_denial *low = record_at(base, n, 0);
	const struct table_denial *high = record_at(base, n, n->count - 1U);
	size_t end = low->key_len < high->key_len ? low->key_len : high->key_len;
	uint8_t skip = 0;

	if (end > INDEX_PREFIX_MAX)
		end = INDEX_PREFIX_MAX;
	while (skip < end && table_denial_key(low)[skip] == table_denial_key(high)[skip])
		skip++;
	memcpy(n->prefix, table_denial_key(low), skip);
	if (skip == n->skip)
		return;
	n->skip = skip;
	for (unsigned i = 0; i < n->count; i++)
		set_head(base, n, i);
}

/* Copies entries with their heads, overlapping or not. */
static void move_entries(struct table_index *to, unsigned to_at,
                         const struct table_index *from, unsigned from_at, unsigned n)
{
	memmove(to->heads + to_at, from->heads + from_at, n * sizeof to->heads[0]);
	memmove(to->refs + to_at, from->refs + from_at, n * sizeof to->refs[0]);
	if (to->level)
		memmove(to->first + to_at, from->first + from_at,
		        n * sizeof to->first[0]);
}

static void insert_entry(const uint8_t *base, struct table_index *n, unsigned at,
                         struct entry e)
{
	move_entries(n, at + 1, n, at, n->count - at);
	n->refs[at] = e.ref;
	if (n->level)
		n->first[at] = e.record;
	n->count++;
	set_head(base, n, at);
	refresh(base, n);
}

/* The caller refreshes. */
static void remove_entry(struct table_index *n, unsigned at)
{
	n->count--;
	move_entries(n, at, n, at + 1, n->count - at);
}

/* The caller refreshes. */
static void set_first(const uint8_t *base, struct table_index *n, unsigned at,
                      table_ref record)
{
	n->first[at] = record;
	set_head(base, n, at);
}

/* ---- paths ---- */

static void find_path(const struct index_space *space, table_ref root, const uint8_t *key,
                      size_t key_len, struct path *path)
{
	table_ref ref = root;

	path->depth = 0;
	for (;;) {
		const struct table_index *n = node_at(space, ref);
		unsigned rank = table_index_rank(space->base, n, key, key_len);
		assert(path->depth < LEVELS_MAX);
		struct step *s = &path->of[path->depth++];
		*s = (struct step){.ref = ref, .at = rank};
		if (n->level == 0)
			return;
		if (rank > 0)
			s->at--;
		ref = n->refs[s->at];
	}
}

/* Gives the place in the path's leaf of the record with this key, or -1. */
static int find_exact(const struct index_space *space, const struct path *path,
                      const uint8_t *key, size_t key_len)
{
	const struct step *leaf = &path->of[path->depth - 1];

	if (leaf->at == 0)
		return -1;
	const struct table_denial *d =
		record_at(space->base, node_at(space, leaf->ref), leaf->at - 1);
	if (name_key_compare(table_denial_key(d), d->key_len, key, key_len) != 0)
		return -1;
	return (int)leaf->at - 1;
}

/* From the root down, since a copy's place is written into its parent. */
static int own_path(const struct index_space *space, table_ref *root, struct path *path)
{
	for (unsigned i = 0; i < path->depth; i++) {
		struct step *s = &path->of[i];
		TRY(own_node(space, &s->ref));
		if (i == 0)
			*root = s->ref;
		else
			node_at(space, path->of[i - 1].ref)->refs[path->of[i - 1].at] =
				s->ref;
	}
	return 0;
}

/* ---- insertion ---- */

/* The record in place of one with the same key: heads stay, references to it do not. */
static void replace(const struct index_space *space, const struct path *path, unsigned at,
                    table_ref record)
{
	unsigned i = path->depth - 1;

	node_at(space, path->of[i].ref)->refs[at] = record;
	while (at == 0 && i-- > 0) {
		at = path->of[i].at;
		node_at(space, path->of[i].ref)->first[at] = record;
	}
}

/* The record is below all others: it becomes the smallest of all on the left edge. */
static void lower_firsts(const struct index_space *space, const struct path *path,
                         table_ref record)
{
	for (unsigned i = 0; i + 1 < path->depth; i++) {
		struct table_index *n = node_at(space, path->of[i].ref);
		set_first(space->base, n, 0, record);
		refresh(space->base, n);
	}
}

/* Inserts e into a full node by way of a new right neighbour. */
static int split_insert(const struct index_space *space, struct table_index *left,
                        unsigned at, struct entry e, table_ref *right_ref)
{
	unsigned keep = at == INDEX_FANOUT ? INDEX_FANOUT : INDEX_FANOUT / 2;

	TRY(new_node(space, left->level, right_ref));
	struct table_index *right = node_at(space, *right_ref);
	right->skip = left->skip;
	move_entries(right, 0, left, keep, INDEX_FANOUT - keep);
	right->count = (uint8_t)(INDEX_FANOUT - keep);
	left->count = (uint8_t)keep;
	if (at <= keep && keep < INDEX_FANOUT) {
		insert_entry(space->base, left, at, e);
		refresh(space->base, right);
	} else {
		insert_entry(space->base, right, at - keep, e);
		refresh(space->base, left);
	}
	return 0;
}

static int grow_root(const struct index_space *space, table_ref *root, struct entry e)
{
	const struct table_index *left = node_at(space, *root);
	struct entry whole = {.ref = *root, .record = table_index_record(left, 0)};
	table_ref top;

	TRY(new_node(space, (uint8_t)(left->level + 1), &top));
	insert_entry(space->base, node_at(space, top), 0, whole);
	insert_entry(space->base, node_at(space, top), 1, e);
	*root = top;
	return 0;
}

/* Inserts into the leaf of an own path, and each split's right half into the level above. */
static int insert_up(const struct index_space *space, table_ref *root,
                     const struct path *path, struct entry e)
{
	unsigned at = path->of[path->depth - 1].at;

	for (unsigned i = path->depth; i-- > 0;) {
		struct table_index *n = node_at(space, path->of[i].ref);
		table_ref right;
		if (n->count < INDEX_FANOUT) {
			insert_entry(space->base, n, at, e);
			return 0;
		}
		TRY(split_insert(space, n, at, e, &right));
		e.ref = right;
		e.record = table_index_record(node_at(space, right), 0);
		if (i > 0)
			at = path->of[i - 1].at + 1;
	}
	return grow_root(space, root, e);
}

static int put_first(const struct index_space *space, table_ref *root, struct entry e)
{
	TRY(new_node(space, 0, root));
	insert_entry(space->base, node_at(space, *root), 0, e);
	return 0;
}

int index_put(const struct index_space *space, table_ref *root, table_ref record,
              table_ref *old)
{
	const struct table_denial *d = table_at(space->base, record);
	struct entry e = {.ref = record, .record = record};
	struct path path;

	if (old)
		*old = 0;
	if (!*root)
		return put_first(space, root, e);
	find_path(space, *root, table_denial_key(d), d->key_len, &path);
	int same = find_exact(space, &path, table_denial_key(d), d->key_len);
	TRY(own_path(space, root, &path));
	if (same >= 0) {
		const struct step *leaf = &path.of[path.depth - 1];
		if (old)
			*old = node_at(space, leaf->ref)->refs[same];
		replace(space, &path, (unsigned)same, record);
		return 0;
	}
	if (path.of[path.depth - 1].at == 0)
		lower_firsts(space, &path, record);
	return insert_up(space, root, &path, e);
}

/* ---- deletion ---- */

/* Appends child left + 1 of an own node to child left. */
static int merge(const struct index_space *space, struct table_index *parent,
                 unsigned left)
{
	const struct table_index *from = node_at(space, parent->refs[left + 1]);

	TRY(own_node(space, &parent->refs[left]));
	struct table_index *to = node_at(space, parent->refs[left]);
	unsigned kept = to->count;
	move_entries(to, kept, from, 0, from->count);
	to->count = (uint8_t)(kept + from->count);
	for (unsigned i = kept; i < to->count; i++)
		set_head(space->base, to, i);
	refresh(space->base, to);
	drop_node(space, parent->refs[left + 1]);
	remove_entry(parent, left + 1);
	return 0;
}

static bool may_merge(const struct index_space *space, const struct table_index *parent,
                      unsigned left)
{
	return node_at(space, parent->refs[left])->count +
	               node_at(space, parent->refs[left + 1])->count <=
	       MERGE_MAX;
}

/* Joins child at, when it has become small, to a neighbour under the same parent. */
static int merge_small(const struct index_space *space, struct table_index *parent,
                       unsigned at)
{
	if (node_at(space, parent->refs[at])->count >= MERGE_BELOW)
		return 0;
	if (at > 0 && may_merge(space, parent, at - 1))
		return merge(space, parent, at - 1);
	if (at + 1 < parent->count && may_merge(space, parent, at))
		return merge(space, parent, at);
	return 0;
}

/* Carries what became of the path's node i into its parent. */
static int settle(const struct index_space *space, const struct path *path, unsigned i)
{
	const struct table_index *n = node_at(space, path->of[i].ref);
	struct table_index *parent = node_at(space, path->of[i - 1].ref);
	unsigned at = path->of[i - 1].at;

	if (n->count == 0) {
		drop_node(space, path->of[i].ref);
		remove_entry(parent, at);
	} else {
		set_first(space->base, parent, at, table_index_record(n, 0));
		TRY(merge_small(space, parent, at));
	}
	refresh(space->base, parent);
	return 0;
}

/* A root without children goes, one with a single child gives way to it. */
static void shrink_root(const struct index_space *space, table_ref *root)
{
	const struct table_index *n = node_at(space, *root);

	while (n->level && n->count == 1) {
		table_ref child = n->refs[0];
		drop_node(space, *root);
		*root = child;
		n = node_at(space, child);
	}
	if (n->count == 0) {
		drop_node(space, *root);
		*root = 0;
	}
}

int index_delete(const struct index_space *space, table_ref *root, const uint8_t *key,
                 size_t key_len, table_ref *old)
{
	struct path path;

	if (!*root)
		return ERR_NOTFOUND;
	find_path(space, *root, key, key_len, &path);
	int at = find_exact(space, &path, key, key_len);
	if (at < 0)
		return ERR_NOTFOUND;
	TRY(own_path(space, root, &path));
	struct table_index *leaf = node_at(space, path.of[path.depth - 1].ref);
	if (old)
		*old = leaf->refs[at];
	remove_entry(leaf, (unsigned)at);
	refresh(space->base, leaf);
	for (unsigned i = path.depth - 1; i > 0; i--)
		TRY(settle(space, &path, i));
	shrink_root(space, root);
	return 0;
}

/* ---- walking ---- */

static void push_node(struct step stack[static LEVELS_MAX], unsigned *depth,
                      table_ref ref)
{
	assert(*depth < LEVELS_MAX);
	stack[(*depth)++] = (struct step){.ref = ref};
}

/* Calls fn for every node, children before their parent, until it gives other than 0. */
static int walk(const uint8_t *base, table_ref root,
                int (*fn)(table_ref ref, const struct table_index *n, void *arg),
                void *arg)
{
	struct step stack[LEVELS_MAX] = {{.ref = root}};
	unsigned depth = root ? 1 : 0;

	while (depth > 0) {
		struct step *top = &stack[depth - 1];
		const struct table_index *n = table_at(base, top->ref);
		if (n->level && top->at < n->count) {
			push_node(stack, &depth, n->refs[top->at++]);
			continue;
		}
		depth--;
		int result = fn(top->ref, n, arg);
		if (result)
			return result;
	}
	return 0;
}

static int drop_visited(table_ref ref, const struct table_index *n, void *arg)
{
	(void)n;
	drop_node(arg, ref);
	return 0;
}

void index_free(const struct index_space *space, table_ref root)
{
	struct index_space own = *space;

	(void)walk(space->base, root, drop_visited, &own);
}

struct each {
	int (*fn)(table_ref record, void *arg);
	void *arg;
};

static int each_record(table_ref ref, const struct table_index *n, void *arg)
{
	const struct each *e = arg;
	int result = 0;

	(void)ref;
	for (unsigned i = 0; n->level == 0 && i < n->count && !result; i++)
		result = e->fn(n->refs[i], e->arg);
	return result;
}

int index_each(const uint8_t *base, table_ref root,
               int (*fn)(table_ref record, void *arg), void *arg)
{
	struct each e = {.fn = fn, .arg = arg};

	return walk(base, root, each_record, &e);
}

static int count_leaf(table_ref ref, const struct table_index *n, void *arg)
{
	uint64_t *count = arg;

	(void)ref;
	*count += n->level == 0 ? n->count : 0;
	return 0;
}

uint64_t index_count(const uint8_t *base, table_ref root)
{
	uint64_t count = 0;

	(void)walk(base, root, count_leaf, &count);
	return count;
}
