/*
 * The log of changes is kept for as long as the configuration says. What is older goes in steps of a few
 * milliseconds, each a transaction of its own, when there is nothing else to do; under changes that
 * never stop, a step now and then. What the audit log has not seen yet stays, and so do the newest
 * changes, however old they are and whatever the clock says.
 */
#include <stdlib.h>

#include "control/change/record.h"
#include "control/commit/commit.h"
#include "shared/err.h"

enum {
	STEP = 500,         /* entries of the log in one transaction */
	LOOK = 1000,        /* changes whose age is looked at for it */
	NEVER_BY_AGE = 100, /* newest changes */
	NEVER_BY_SIZE = 10,
};

#define DAY_US UINT64_C(86400000000)

struct age {
	uint64_t before_us;
	uint64_t below; /* all changes below this one are older than that */
	unsigned looked;
};

static int look_at_age(uint64_t seq, const void *header, size_t size, void *arg)
{
	struct age *a = arg;
	struct record_header h;

	TRY(record_decode_header(header, size, &h));
	if (h.time_us >= a->before_us || a->looked++ == LOOK)
		return 1;
	a->below = seq + 1;
	return 0;
}

static int take_number(uint64_t seq, const void *header, size_t size, void *arg)
{
	(void)header;
	(void)size;
	*(uint64_t *)arg = seq;
	return 1;
}

/* Octets are not counted by change: while there are too many, the oldest changes go. */
static int look_at_size(const struct committer *c, struct store_txn *t, uint64_t next,
                        uint64_t *below)
{
	uint64_t kept = (uint64_t)c->config->history_mb << 20;
	uint64_t first = 0;
	uint64_t size;

	TRY(store_log_size(t, &size));
	if (kept == 0 || size <= kept || next <= NEVER_BY_SIZE)
		return 0;
	int err = store_log_each(t, 0, UINT64_MAX, take_number, &first);
	first += STEP;
	if (first > next - NEVER_BY_SIZE)
		first = next - NEVER_BY_SIZE;
	if (first > *below)
		*below = first;
	return err < 0 ? err : 0;
}

/* Gives in *below which changes may go: those with numbers below it. */
static int find_old(const struct committer *c, struct store_txn *t, uint64_t now_us,
                    uint64_t *below)
{
	uint64_t kept = c->config->history_changes;
	uint64_t days = c->config->history_days;
	uint64_t next;

	*below = 0;
	TRY(store_log_next(t, &next));
	if (kept && next > kept)
		*below = next - kept;
	TRY(look_at_size(c, t, next, below));
	if (days == 0 || now_us < days * DAY_US || next <= NEVER_BY_AGE)
		return 0;
	struct age a = {.before_us = now_us - days * DAY_US};
	int err = store_log_each(t, 0, next - NEVER_BY_AGE - 1, look_at_age, &a);
	if (err >= 0 && a.below > *below)
		*below = a.below;
	return err < 0 ? err : 0;
}

static int look(const struct committer *c, uint64_t now_us, uint64_t *below)
{
	struct store_txn *t;

	TRY(store_begin_read(c->store, &t));
	int err = find_old(c, t, now_us, below);
	store_abort(&t);
	return err;
}

int committer_trim(struct committer *c, uint64_t followed, uint64_t now_us)
{
	struct store_txn *t;
	uint64_t below;
	size_t done = 0;

	TRY(look(c, now_us, &below));
	if (below > followed + 1)
		below = followed + 1;
	if (below == 0)
		return 0;
	TRY(store_begin_write(c->store, &t));
	int err = store_log_trim(t, below, STEP, &done);
	if (err < 0 || done == 0) {
		store_abort(&t);
		return err;
	}
	TRY(store_commit(&t));
	return done == STEP;
}
