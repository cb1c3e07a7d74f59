/*
 * What a removed zone leaves behind. Taking away millions of RRsets in the transaction that removes
 * the zone would hold up every other change for as long; so that one only puts the zone's id on a
 * list, among the small named values, and the RRsets go a few at a time. Nobody finds them
 * meanwhile: ids are never used again.
 *
 * The list is an array of ids, u32 each.
 */
#include <stdlib.h>
#include <string.h>

#include "control/store/internal.h"
#include "shared/err.h"

enum { PURGE_STEP = 2000 }; /* RRsets: a few milliseconds, the sync included */

static const char list_name[] = "purge";

/* Gives the ids on the list, lent until the transaction writes. */
static int read_list(struct store_txn *t, const uint8_t **ids, size_t *size)
{
	const void *value = NULL;
	int err = store_meta_get(t, list_name, &value, size);

	if (err == ERR_NOTFOUND)
		*size = 0;
	else if (err < 0)
		return err;
	*ids = value;
	return *size % sizeof(uint32_t) == 0 ? 0 : ERR_CORRUPT;
}

static int add_to_list(struct store_txn *t, uint32_t zone)
{
	const uint8_t *ids;
	size_t size;

	t->store->purged = false;
	TRY(read_list(t, &ids, &size));
	uint8_t *longer = malloc(size + sizeof zone);
	if (!longer)
		return ERR_NOMEM;
	if (size > 0)
		memcpy(longer, ids, size);
	memcpy(longer + size, &zone, sizeof zone);
	int err = store_meta_put(t, list_name, longer, size + sizeof zone);
	free(longer);
	return err;
}

/* ERR_NOTFOUND: none is left. */
static int delete_some(struct store_txn *t, uint32_t zone, uint64_t most)
{
	int err = store_sets_delete(t, t->store->rrset, zone, most);

	return err == ERR_NOTFOUND ? store_sets_delete(t, t->store->extra, zone, most)
	                           : err;
}

int store_purge_zone(struct store_txn *t, uint32_t zone, uint64_t rrsets)
{
	if (rrsets > PURGE_STEP)
		return add_to_list(t, zone);
	int err = delete_some(t, zone, UINT64_MAX);
	return err == ERR_NOTFOUND ? 0 : err;
}

/* The last id first: the list just becomes shorter. */
static int take_from_list(struct store_txn *t)
{
	const uint8_t *ids;
	size_t size;

	TRY(read_list(t, &ids, &size));
	uint8_t *shorter = malloc(size);
	if (!shorter)
		return ERR_NOMEM;
	memcpy(shorter, ids, size);
	int err = store_meta_put(t, list_name, shorter, size - sizeof(uint32_t));
	free(shorter);
	return err;
}

static int purge_some(struct store_txn *t)
{
	const uint8_t *ids;
	size_t size;
	uint32_t zone;

	TRY(read_list(t, &ids, &size));
	memcpy(&zone, ids + size - sizeof zone, sizeof zone);
	int err = delete_some(t, zone, PURGE_STEP);
	return err == ERR_NOTFOUND ? take_from_list(t) : err;
}

static int look(struct store *s)
{
	struct store_txn *t;
	const uint8_t *ids;
	size_t size;

	TRY(store_begin_read(s, &t));
	int err = read_list(t, &ids, &size);
	store_abort(&t);
	if (err == 0)
		s->purged = size == 0;
	return err;
}

int store_purge(struct store *s)
{
	struct store_txn *t;

	if (!s->purged)
		TRY(look(s));
	if (s->purged)
		return 0;
	TRY(store_begin_write(s, &t));
	int err = purge_some(t);
	if (err < 0) {
		store_abort(&t);
		return err;
	}
	TRY(store_commit(&t));
	return 1;
}
