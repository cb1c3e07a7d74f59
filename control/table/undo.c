/*
 * Takes a prepared change back.
 *
 * A version is put by making it the head of its name's, zone's or the settings' chain, with the
 * head before it as prev. So each is undone by putting prev there again. Readers never used the
 * version, being of an older commit, but may be looking at it this moment on their way to prev:
 * its memory goes after a grace period, like that of a version that was seen and lost.
 *
 * What the change had retired was not its to free after all, and stays. What it had made goes,
 * whether it was put, retired again or never reached.
 */
#include "control/table/internal.h"

static void withdraw_node(struct table_writer *w, table_ref ref)
{
	const struct table_node *n = writer_node_at(w, ref);
	table_ref prev = atomic_load_explicit(&n->prev, memory_order_relaxed);
	struct slot slot =
		buckets_find(&w->buckets, buckets_hash_of(&w->buckets, n), n->name,
	                     n->name_len, n->flags & NODE_PARENT_SIDE);

	/* It is in no slot when the same change replaced it, or had no room for it. */
	if (!slot.bucket || slot_ref(slot) != ref)
		return;
	if (!prev) {
		slot_clear(slot);
		w->names--;
		return;
	}
	const struct table_node *old = writer_node_at(w, prev);
	w->retired -= room_size(writer_node_size(old));
	slot_set(slot, prev);
	/* The name was gone, and its slot would have been cleared but for this change. */
	if ((old->flags & NODE_DELETED) &&
	    atomic_load_explicit(&old->born, memory_order_relaxed) == 0)
		writer_batch_add(w->current,
		                 (struct item){.kind = ITEM_NODE, .ref = prev});
}

static void withdraw_zone(struct table_writer *w, const struct item *it)
{
	struct table_zone *z = writer_at(w->segment.base, it->stub);
	const struct table_zone_version *v = table_at(w->segment.base, it->ref);

	if (atomic_load_explicit(&z->head, memory_order_relaxed) == it->ref)
		atomic_store_explicit(
			&z->head, atomic_load_explicit(&v->prev, memory_order_relaxed),
			memory_order_release);
}

static void withdraw_settings(struct table_writer *w, table_ref ref)
{
	const struct table_settings *s = table_at(w->segment.base, ref);

	atomic_store_explicit(&w->header->settings,
	                      atomic_load_explicit(&s->prev, memory_order_relaxed),
	                      memory_order_release);
}

static void withdraw(struct table_writer *w, const struct item *it)
{
	switch (it->kind) {
	case ITEM_FREE: w->retired -= room_size(it->bytes); break;
	case ITEM_NODE: withdraw_node(w, it->ref); break;
	case ITEM_ZONE: withdraw_zone(w, it); break;
	case ITEM_SETTINGS: withdraw_settings(w, it->ref); break;
	}
}

static void give_back_made(struct table_writer *w)
{
	for (size_t i = 0; i < w->made_count; i++) {
		const struct made *m = &w->made[i];
		w->retired += room_size(m->bytes);
		writer_batch_add(w->current, (struct item){.kind = ITEM_FREE,
		                                           .ref = m->ref,
		                                           .bytes = m->bytes});
	}
}

void writer_undo(struct table_writer *w)
{
	struct batch *undone = w->current;

	assert(w->shared);
	w->current = writer_batch_new();
	/* The number of buckets is out already: readers go by it. */
	w->current->splits = undone->splits;
	w->current->split_count = undone->split_count;
	undone->splits = NULL;
	/* Backwards: settings that were put twice hang one off the other. */
	for (size_t i = undone->count; i > 0; i--)
		withdraw(w, &undone->items[i - 1]);
	give_back_made(w);
	writer_batch_free(undone);
	w->failed = false;
	if (w->current->count > 0 || w->current->split_count > 0)
		writer_batch_end(w);
}
