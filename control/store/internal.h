/*
 * What the files of the store share: the open environment, transactions, sealed values.
 *
 * A sealed value is followed by the CRC-32C of its key and its bytes, because LMDB's pages carry
 * no checksum: a value that was damaged on disk, or that lies under the wrong key, is found when
 * it is read.
 *
 *      +-----------+------------------+
 *      | value ... | u32 crc(key|value) |
 *      +-----------+------------------+
 */
#ifndef CONTROL_STORE_INTERNAL_H
#define CONTROL_STORE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <lmdb.h>

#include "control/store/store.h"

enum {
	STORE_FORMAT = 2, /* bump when keys or values change in a way old code misreads */
	STORE_FORMAT_OLDEST = 1, /* that store_open() brings to today's */
	STORE_DATABASES_MAX = 24,
	STORE_KEY_MAX = 511, /* what LMDB is built with */
	STORE_READERS = 512,
	STORE_SEAL = 4, /* bytes of checksum behind each value */
	STORE_VALUE_MAX = 1 << 30,
};

struct store {
	MDB_env *env;
	MDB_dbi meta;
	MDB_dbi zone;
	MDB_dbi rrset;
	MDB_dbi extra;
	MDB_dbi item;
	MDB_dbi log;
	MDB_dbi history;
	int dir; /* descriptor of the directory, locked for as long as the store is open */
	uint64_t map_least; /* bytes of address space taken from the start */
	pthread_mutex_t lock;
	unsigned open_txns; /* under lock: the map may only move when there are none */
	bool full;          /* under lock: a transaction found the map full */
	char damage[STORE_DAMAGE_SIZE]; /* under lock: the value found damaged last */
	bool purged; /* the writing thread's: nothing is on the list of what is to be purged */
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
};

/* store_open() with a map of another size, so that tests see it grow. */
MUST_CHECK int store_open_sized(const char *dir, uint64_t map_least, struct store **out,
                                char *text, size_t text_size);

/* Turns a code of LMDB's into one of ours. */
MUST_CHECK int store_error(int mdb);

/* The same for a code that a write gave: a full map is remembered, to be grown afterwards. */
MUST_CHECK int store_write_error(struct store *s, int mdb);

/* Puts a value under a key. flags: MDB_NOOVERWRITE, MDB_APPEND. cursor may be NULL. */
MUST_CHECK int store_sealed_put(struct store_txn *t, MDB_dbi dbi, MDB_cursor *cursor,
                                MDB_val key, MDB_val value, unsigned flags);

/* Checks the seal and takes it off: value is what was put. ERR_CORRUPT: which one is damaged is
 * logged, and remembered for store_damage(). */
MUST_CHECK int store_sealed_open(struct store *s, MDB_dbi dbi, const MDB_val *key,
                                 MDB_val *value);

/* Gives the value, its seal checked and taken off, lent. */
MUST_CHECK int store_sealed_get(struct store_txn *t, MDB_dbi dbi, MDB_val key,
                                MDB_val *value);

/* Removes the value of a key. ERR_NOTFOUND. */
MUST_CHECK int store_delete(struct store_txn *t, MDB_dbi dbi, MDB_val key);

/* LMDB's keys and values are not const, but it only reads those that it is given. */
static inline MDB_val store_val(const void *bytes, size_t size)
{
	return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
}

/*
 * The key of whatever belongs to an RRset:
 *
 *      0      4                    n     n+1    n+3
 *      +------+--------------------+------+------+
 *      | zone | sort key of owner  | 0x00 | type |     zone and type big endian
 *      +------+--------------------+------+------+
 */
struct set_key {
	uint8_t bytes[STORE_KEY_MAX];
};

/* Gives the key in *out, lent from k. ERR_TOOBIG: LMDB takes none that long. */
MUST_CHECK int set_key_make(struct set_key *k, uint32_t zone, const uint8_t *key,
                            size_t key_len, uint16_t type, MDB_val *out);

/* Says whether something is such a key, and of this zone. */
bool set_key_is_of(const MDB_val *key, uint32_t zone);

/* Gives the sort key in one, lent. */
const uint8_t *set_key_owner(const MDB_val *key, size_t *len);
uint16_t set_key_type(const MDB_val *key);

/* Removes what a database with such keys has of a zone, so many at most. ERR_NOTFOUND: none is
 * left. */
MUST_CHECK int store_sets_delete(struct store_txn *t, MDB_dbi dbi, uint32_t zone,
                                 uint64_t most);

/* Removes all that belongs to RRsets of a zone that has so many: at once, or by and by. */
MUST_CHECK int store_purge_zone(struct store_txn *t, uint32_t zone, uint64_t rrsets);

#endif
