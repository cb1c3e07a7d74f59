/*
 * What a zone's new contents change in the store: computed by one merge of both in canonical
 * order, then applied.
 */
#ifndef CONTROL_COMMIT_DIFF_H
#define CONTROL_COMMIT_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "control/compile/compile.h"
#include "control/store/store.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

struct diff_step;

struct diff {
	size_t added; /* RRsets */
	size_t removed;
	size_t changed;
	/* The zone held nothing, and gets all of these: there are no steps and no changes. */
	const struct contents *all;
	size_t names;                   /* concerned */
	uint64_t bytes;                 /* of all these, with their keys */
	struct compile_change *changes; /* one per owner, in canonical order */
	size_t change_count;
	struct diff_step *steps;
	size_t step_count;
	size_t step_room;
	uint8_t *
		keys; /* of removed RRsets: the store's own are gone by the time they are needed */
	size_t keys_len;
	size_t keys_room;
};

void diff_init(struct diff *d);
void diff_fini(struct diff *d);

/* contents is lent until diff_fini(). */
MUST_CHECK int diff_compute(struct diff *d, struct store_txn *t, uint32_t zone,
                            const struct contents *contents);
MUST_CHECK int diff_apply(const struct diff *d, struct store_txn *t, uint32_t zone);

/* *out: the zone has these contents already, octet for octet. Reads up to the first difference. */
MUST_CHECK int diff_is_none(struct store_txn *t, uint32_t zone,
                            const struct contents *contents, bool *out);

/* Where each step is shown before it is applied, unless there are more than so many. */
struct diff_log {
	int (*row)(void *arg, const uint8_t *key, size_t key_len, uint16_t type,
	           const struct contents_rrset *put);
	size_t most;
	void *arg;
};
MUST_CHECK int diff_show(const struct diff *d, const struct diff_log *log);

#endif
