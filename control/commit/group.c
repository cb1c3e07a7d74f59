/*
 * Group commit: all changes that wait share one transaction, one write to disk, one publication.
 *
 * A change that is refused has written nothing and leaves the rest alone. When the group fails as
 * a whole, at the compiler or at the disk, its changes are tried one by one, so that each stands
 * or falls by itself. In a chain those after one that falls are not done: then at the latest
 * it is known which.
 */
#include <string.h>

#include "control/change/update.h"
#include "control/commit/commit.h"
#include "shared/clock.h"
#include "shared/err.h"

enum {
	GROUP_US =
		5000, /* of applying: those in front do not wait longer for those behind */
	GROUP_EDITS = 20000,
};

static size_t edits_of(const struct change *c)
{
	size_t count = c->item_count + 1;

	for (size_t i = 0; i < c->zone_count; i++) {
		const struct zone_change *z = &c->zones[i];

		count += z->kind == ZONE_UPDATE ? z->update->count : z->edit_count;
	}
	return count;
}

/* ---- chains ---- */

static bool is_stopped(const struct change *c)
{
	return c->chain && c->chain->failed && c->chain->failed < c->link;
}

static void stop_chain(const struct change *c)
{
	if (c->chain && (!c->chain->failed || c->link < c->chain->failed))
		c->chain->failed = c->link;
}

/* It is tried once more, whatever was wrong before. */
static void mend_chain(const struct change *c)
{
	if (c->chain && c->chain->failed >= c->link)
		c->chain->failed = 0;
}

/* ---- groups ---- */

static int apply_one(struct committer *c, const struct commit_item *item)
{
	if (is_stopped(item->change)) {
		*item->result =
			(struct change_result){.err = ERR_SKIPPED, .visible_ms = -1};
		return 0;
	}
	TRY(commit_change(c, item->change, item->result));
	if (item->result->err < 0)
		stop_chain(item->change);
	return 0;
}

/* Applies changes until the group is full. Gives in *done how many it looked at. An error spoils
 * the transaction. */
static int apply(struct committer *c, const struct commit_item *items, size_t count,
                 size_t *done)
{
	uint64_t until = clock_now_ns() + c->group_us * 1000;
	size_t edits = 0;

	*done = 0;
	while (*done < count) {
		const struct commit_item *item = &items[(*done)++];
		TRY(apply_one(c, item));
		edits += edits_of(item->change);
		if (edits >= GROUP_EDITS || clock_now_ns() >= until)
			break;
	}
	return 0;
}

static bool wrote(const struct commit_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].result->seq != 0 || items[i].result->noted)
			return true;
	return false;
}

static void note_position(const struct committer *c, const struct commit_item *items,
                          size_t count, double ms)
{
	for (size_t i = 0; i < count; i++) {
		struct change_result *r = items[i].result;
		r->commit = c->commits;
		r->generation = c->generation;
		r->grace = c->grace;
		r->store_ms = r->seq ? ms : 0;
	}
}

/* Gives in *done how many were looked at; on error nothing of them was done. */
static int try_group(struct committer *c, const struct commit_item *items, size_t count,
                     size_t *done)
{
	*done = count;
	TRY(commit_begin(c));
	uint64_t start = clock_now_ns();
	int err = apply(c, items, count, done);
	if (err == 0 && wrote(items, *done))
		err = commit_compile(c);
	else if (err == 0) {
		commit_abandon(c);
		note_position(c, items, *done, 0);
		return 0;
	}
	err = err < 0 ? commit_fail(c, err) : commit_finish(c);
	note_position(c, items, *done, clock_ms_since(start));
	return err;
}

static void fail(const struct commit_item *item, int err)
{
	stop_chain(item->change);
	item->result->err = err;
	item->result->seq = 0;
	for (size_t i = 0; i < item->result->zone_count; i++)
		item->result->zones[i].changed = false;
}

static void one_by_one(struct committer *c, const struct commit_item *items, size_t count)
{
	size_t done;

	for (size_t i = 0; i < count; i++) {
		mend_chain(items[i].change);
		int err = try_group(c, &items[i], 1, &done);
		/* The store has no room until it has grown, which it does between transactions. */
		if (err == ERR_FULL)
			err = try_group(c, &items[i], 1, &done);
		if (err < 0)
			fail(&items[i], err);
	}
}

size_t commit_group(struct committer *c, const struct commit_item *items, size_t count)
{
	size_t done;
	int err = try_group(c, items, count, &done);

	if (err < 0)
		one_by_one(c, items, done);
	return done;
}
