/*
 * The durable store: every zone's RRsets and what is known of each zone, in LMDB.
 *
 * Keys are in canonical order: zone id (big endian), sort key of the owner below the apex, a zero
 * byte, type (big endian). The zero byte keeps an owner's types together and before its children,
 * since no label part of a sort key begins with one. Values are RRset blobs
 * (control/zone/rrset.h).
 *
 * One write transaction is one commit. One thread writes at a time; readers are independent
 * snapshots. What a read gives is lent until the transaction ends or writes.
 */
#ifndef CONTROL_STORE_STORE_H
#define CONTROL_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct store;
struct store_txn;

/* dir is made when missing (mode 0700). text, when not NULL, receives a reason in words.
 * ERR_BUSY: another process (or this one) has it open. ERR_VERSION: written by another version.
 * Nothing of a store may be used after fork(). */
MUST_CHECK int store_open(const char *dir, struct store **out, char *text,
                          size_t text_size);
void store_close(struct store *s);

struct store_usage {
	uint64_t bytes_used; /* pages that hold data now */
	uint64_t
		bytes_reserved; /* size of the file: used pages and those free for reuse */
	uint64_t rrsets;
	uint64_t zones;
};
MUST_CHECK int store_usage(struct store *s, struct store_usage *out);

/* A transaction ends with exactly one of commit or abort, which take it (abort: NULL is fine).
 * The map grows by itself between transactions. After any error of a write but ERR_NOTFOUND,
 * ERR_EXISTS, ERR_INVALID and ERR_TOOBIG a transaction can only be aborted; ERR_FULL (64 GiB at
 * least in one transaction, or the disk) may be tried again from its beginning. */
MUST_CHECK int store_begin_read(struct store *s, struct store_txn **out);
MUST_CHECK int store_begin_write(struct store *s, struct store_txn **out);
MUST_CHECK int store_commit(struct store_txn **txn);
void store_abort(struct store_txn **txn);

/* What is known of a zone besides its RRsets. */
enum { STORE_SOURCE_MAX = 1024 };

struct store_zone {
	uint32_t id; /* given by the store, never used again for another zone */
	uint8_t name[NAME_MAX_LEN];
	bool loaded;     /* has contents */
	bool added;      /* added by command, not by the configuration file */
	uint32_t serial; /* of the loaded SOA */
	uint64_t rrsets;
	uint64_t records;
	uint64_t changed_at;           /* seconds since 1970 of the last commit to it */
	char source[STORE_SOURCE_MAX]; /* path of its zone file, or empty */
	uint8_t source_mark
		[32]; /* what the reader saw of its files (size, times); all zero: unknown */
};

/* Gives the zone, or ERR_NOTFOUND. name: folded. */
MUST_CHECK int store_zone_get(struct store_txn *t, const uint8_t *name,
                              struct store_zone *out);
/* Adds (id == 0: a new id is written to zone->id; ERR_EXISTS when the name is there) or replaces
 * (ERR_INVALID when the zone of that name has another id). */
MUST_CHECK int store_zone_put(struct store_txn *t, struct store_zone *zone);
/* Removes the zone and all of its RRsets. */
MUST_CHECK int store_zone_delete(struct store_txn *t, const uint8_t *name);
/* Calls back in canonical order of zone names until it gives non-zero, which is handed through.
 * fn must not write. */
MUST_CHECK int store_zone_each(struct store_txn *t,
                               int (*fn)(const struct store_zone *, void *), void *arg);

/* Stores set->bytes under the owner's key and set->type (never RRSIG). ERR_TOOBIG when the key is beyond
 * what LMDB takes (names of about 250 zero or one octets). */
MUST_CHECK int store_rrset_put(struct store_txn *t, uint32_t zone, const uint8_t *key,
                               size_t key_len, const struct rrset *set);
MUST_CHECK int store_rrset_delete(struct store_txn *t, uint32_t zone, const uint8_t *key,
                                  size_t key_len, uint16_t type);
MUST_CHECK int store_rrset_get(struct store_txn *t, uint32_t zone, const uint8_t *key,
                               size_t key_len, uint16_t type, struct rrset *out);

/* Puts RRsets in rising key order (ERR_INVALID otherwise) into a zone that has none (ERR_EXISTS):
 * the fast way to load. End it before its transaction. */
struct store_loader;
MUST_CHECK int store_load_begin(struct store_txn *t, uint32_t zone,
                                struct store_loader **out);
MUST_CHECK int store_load_put(struct store_loader *l, const uint8_t *key, size_t key_len,
                              uint16_t type, const void *blob, size_t size);
void store_load_end(struct store_loader **l);

/* Walks RRsets of one zone in canonical order. Close it before its transaction ends. Without a seek
 * the first next gives the first RRset. */
struct store_cursor;

struct store_entry {
	const uint8_t *key; /* sort key of the owner; lent */
	size_t key_len;
	struct rrset set;
};

MUST_CHECK int store_cursor_open(struct store_txn *t, uint32_t zone,
                                 struct store_cursor **out);
void store_cursor_close(struct store_cursor **c);
/* Positions at the first RRset at or after the owner with this key. ERR_NOTFOUND: none left. */
MUST_CHECK int store_cursor_seek(struct store_cursor *c, const uint8_t *key,
                                 size_t key_len, struct store_entry *out);
MUST_CHECK int store_cursor_next(struct store_cursor *c, struct store_entry *out);

/* Small named values (cookie secret, format marks). ERR_NOTFOUND. lent like the rest. */
MUST_CHECK int store_meta_get(struct store_txn *t, const char *name, const void **value,
                              size_t *size);
MUST_CHECK int store_meta_put(struct store_txn *t, const char *name, const void *value,
                              size_t size);

#endif
