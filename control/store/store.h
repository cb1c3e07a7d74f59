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

#include "control/access/actor.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct store;
struct store_txn;

/* What a restore (control/backup/restore.h) puts together in the directory of a store. */
#define STORE_RESTORING "restoring"

/* dir is made when missing (mode 0700); a store of an older format is brought to today's, or left as it
 * is when that fails. text, when not NULL, receives a reason in words.
 * ERR_BUSY: another process (or this one) has it open. ERR_VERSION: written by another version.
 * ERR_REFUSED: a restore into it was not finished.
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

/* Writes which value was found damaged last: "database rrset, key ..., in DIR/data.mdb"; empty: none
 * was since the store was opened. Any thread. */
enum { STORE_DAMAGE_SIZE = 512 };
void store_damage(struct store *s, char text[static STORE_DAMAGE_SIZE]);

/* A transaction ends with exactly one of commit or abort, which take it (abort: NULL is fine).
 * The map grows by itself between transactions. After any error of a write but ERR_NOTFOUND,
 * ERR_EXISTS, ERR_INVALID and ERR_TOOBIG a transaction can only be aborted; ERR_FULL (64 GiB at
 * least in one transaction, or the disk) may be tried again from its beginning. */
MUST_CHECK int store_begin_read(struct store *s, struct store_txn **out);
MUST_CHECK int store_begin_write(struct store *s, struct store_txn **out);
MUST_CHECK int store_commit(struct store_txn **txn);
void store_abort(struct store_txn **txn);

/* What people say about a zone. Those that nothing acts upon are kept and shown. */
enum zone_kind {
	ZONE_KIND_NATIVE,
	ZONE_KIND_PRIMARY,
	ZONE_KIND_SECONDARY,
	ZONE_KIND_PRODUCER,
	ZONE_KIND_CONSUMER,
};

/* What a change does to the SOA's serial (control/change/serial.h). */
enum serial_policy { SERIAL_INCREMENT, SERIAL_KEEP, SERIAL_DATE, SERIAL_UNIXTIME };

/* Message digests (RFC 8976). */
enum zone_zonemd { ZONEMD_UNSAID, ZONEMD_NO, ZONEMD_CHECK, ZONEMD_MAKE };

/* Named by ATTR_..., of which bits 1 << ATTR_... make sets. */
enum zone_attr {
	ATTR_KIND,
	ATTR_SERIAL,
	ATTR_TENANT,
	ATTR_ACCOUNT,
	ATTR_CATALOG,
	ATTR_SOA_EDIT,
	ATTR_SOA_EDIT_API,
	ATTR_MASTERS,
	ATTR_RECTIFY,
	ATTR_NSEC3PARAM,
	ATTR_NSEC3NARROW,
	ATTR_TEMPLATE,
	ATTR_GROUP,
	ATTR_MEMBER,
	ATTR_ZONEMD,
	ATTR_CATALOG_TO,
	ATTR_DNSSEC,
	ZONE_ATTRS
};

/* All zero is what a zone has that nobody has said anything about. */
struct zone_attrs {
	enum zone_kind kind;
	enum serial_policy serial;
	char tenant[TENANT_SIZE]; /* empty: none */
	char account[64];
	char catalog[256];
	char soa_edit[32];
	char soa_edit_api[32];
	char masters[1024]; /* addresses, or names of remotes, with blanks between them */
	bool api_rectify;
	char nsec3param[64];
	bool nsec3narrow;
	char template_name[64]; /* of the configuration's; empty: as its entry says */
	char group[256];        /* in the catalog that the zone is, or comes, from */
	char member
		[64]; /* the zone's label in the catalog that it comes from; empty: from none */
	enum zone_zonemd zonemd;
	char catalog_to[256]; /* the catalog that it moves to; empty: it stays */
	char dnssec[64];      /* name of a policy, or "no"; empty: as its entry says */
};

/* Sets in *to those attributes of from that are in a set. */
void store_attrs_merge(struct zone_attrs *to, const struct zone_attrs *from,
                       uint32_t set);

/* The attributes as bytes, those that are not zero. Gives how many. */
enum { STORE_ATTRS_SIZE = sizeof(struct zone_attrs) + (size_t)ZONE_ATTRS * 4 };
size_t store_attrs_encode(const struct zone_attrs *a,
                          uint8_t bytes[static STORE_ATTRS_SIZE]);
/* Attributes that this code does not know are skipped. ERR_CORRUPT. */
MUST_CHECK int store_attrs_decode(const void *bytes, size_t size, struct zone_attrs *out);

/* What is known of a zone besides its RRsets. */
enum { STORE_SOURCE_MAX = 1024 };

struct store_zone {
	uint32_t id; /* given by the store, never used again for another zone */
	uint8_t name[NAME_MAX_LEN];
	bool loaded;     /* has contents */
	bool expired;    /* which are not served: no primary has answered for too long */
	bool added;      /* added by command, not by the configuration file */
	uint32_t serial; /* of the loaded SOA */
	uint64_t rrsets;
	uint64_t records;
	uint64_t changed_at;           /* seconds since 1970 of the last commit to it */
	char source[STORE_SOURCE_MAX]; /* path of its zone file, or empty */
	uint8_t source_mark
		[32]; /* what the reader saw of its files (size, times); all zero: unknown */
	uint64_t version; /* number in the log of its last change; 0: none is known */
	bool edited;      /* changed since its zone file was read */
	struct zone_attrs attrs;
};

/* A zone as bytes, all but its name. Gives how many. */
enum { STORE_ZONE_SIZE = 256 + STORE_SOURCE_MAX + STORE_ATTRS_SIZE };
size_t store_zone_encode(const struct store_zone *z,
                         uint8_t bytes[static STORE_ZONE_SIZE]);
/* ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int store_zone_decode(const uint8_t *name, const void *bytes, size_t size,
                                 struct store_zone *out);

/* Gives the zone, or ERR_NOTFOUND. name: folded. */
MUST_CHECK int store_zone_get(struct store_txn *t, const uint8_t *name,
                              struct store_zone *out);
/* Adds (id == 0: a new id is written to zone->id; ERR_EXISTS when the name is there) or replaces
 * (ERR_INVALID when the zone of that name has another id). */
MUST_CHECK int store_zone_put(struct store_txn *t, struct store_zone *zone);
/* Removes the zone with all of its RRsets and what they have besides; its history stays. What a
 * large zone has stays, out of reach, until store_purge() has taken it away. */
MUST_CHECK int store_zone_delete(struct store_txn *t, const uint8_t *name);
/* Puts the zone with its id, whether it is there or not: one that is what it was before. */
MUST_CHECK int store_zone_restore(struct store_txn *t, const struct store_zone *zone);
/* Removes what a zone has in it as store_zone_delete() does: not all of it at once. */
MUST_CHECK int store_zone_clear(struct store_txn *t, const struct store_zone *zone);
/* Removes some of what deleted zones have left, in a transaction of its own that is short enough not
 * to keep a commit waiting. Gives 1 when it did, 0 when nothing is left. */
MUST_CHECK int store_purge(struct store *s);
/* Calls back in canonical order of zone names, for those behind a name (NULL: all), until it gives
 * non-zero, which is handed through. fn must not write. */
MUST_CHECK int store_zone_each(struct store_txn *t, const uint8_t *after,
                               int (*fn)(const struct store_zone *, void *), void *arg);

/* Stores set->bytes under the owner's key and set->type (never RRSIG). ERR_TOOBIG when the key is beyond
 * what LMDB takes (names of about 250 zero or one octets). */
MUST_CHECK int store_rrset_put(struct store_txn *t, uint32_t zone, const uint8_t *key,
                               size_t key_len, const struct rrset *set);
MUST_CHECK int store_rrset_delete(struct store_txn *t, uint32_t zone, const uint8_t *key,
                                  size_t key_len, uint16_t type);
MUST_CHECK int store_rrset_get(struct store_txn *t, uint32_t zone, const uint8_t *key,
                               size_t key_len, uint16_t type, struct rrset *out);

/* Gives the RRset at the apex that has the SOA. ERR_NOTFOUND: there is none. */
MUST_CHECK int store_soa_get(struct store_txn *t, uint32_t zone, struct rrset *out);

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
/* Positions at the last RRset before those of the owner with this key. ERR_NOTFOUND: there is none. */
MUST_CHECK int store_cursor_before(struct store_cursor *c, const uint8_t *key,
                                   size_t key_len, struct store_entry *out);

/* What an RRset has besides the records that are served, which may be there without any. The value
 * is a matter of control/change/extra.h. */
struct store_extra {
	const uint8_t *key; /* sort key of the owner */
	size_t key_len;
	uint16_t type;
	const void *value;
	size_t size;
};

MUST_CHECK int store_extra_put(struct store_txn *t, uint32_t zone,
                               const struct store_extra *x);
/* Gives the value of the RRset that x names, lent. */
MUST_CHECK int store_extra_get(struct store_txn *t, uint32_t zone, struct store_extra *x);
MUST_CHECK int store_extra_delete(struct store_txn *t, uint32_t zone, const uint8_t *key,
                                  size_t key_len, uint16_t type);

/* Calls back in canonical order, from the owner with key from on, until it gives non-zero, which is
 * handed through. fn must not write. */
MUST_CHECK int store_extra_each(struct store_txn *t, uint32_t zone, const uint8_t *from,
                                size_t from_len,
                                int (*fn)(const struct store_extra *, void *), void *arg);

/* Lists of named items: all that is kept besides zones. The numbers are on disk. */
enum store_list {
	STORE_CONFIG,
	STORE_APIKEY,
	STORE_TENANT,
	STORE_ZONEMETA,
	STORE_TSIG,
	STORE_CRYPTOKEY,
	STORE_REFRESH, /* what is known of each secondary's primaries, and what others were told of */
	STORE_SIGNING, /* how each zone that is signed here is signed: control/sign/state.h */
	STORE_BUNDLE, /* the DNSKEYs and their signatures to come, by keys that are kept elsewhere */
	STORE_LISTS
};

/* ERR_TOOBIG: a key of no octet or of more than STORE_ITEM_KEY_MAX. */
enum { STORE_ITEM_KEY_MAX = 510 };
MUST_CHECK int store_item_put(struct store_txn *t, enum store_list l, const void *key,
                              size_t key_len, const void *value, size_t size);
MUST_CHECK int store_item_get(struct store_txn *t, enum store_list l, const void *key,
                              size_t key_len, const void **value, size_t *size);
MUST_CHECK int store_item_delete(struct store_txn *t, enum store_list l, const void *key,
                                 size_t key_len);

struct store_item {
	const void *key; /* all is lent */
	size_t key_len;
	const void *value;
	size_t size;
};

/* Calls back for the items whose keys begin with a prefix, in order of their octets, until it gives
 * non-zero, which is handed through. fn must not write. */
MUST_CHECK int store_item_each(struct store_txn *t, enum store_list l, const void *prefix,
                               size_t len, int (*fn)(const struct store_item *, void *),
                               void *arg);

/*
 * The log of changes: a header for each, by number, and its rows, in parts, by zone. What both hold
 * is a matter of control/change/record.h. Numbers rise by one and are never used again.
 */

/* Gives the number of the next change, 1 for the first. It is taken by store_log_put(). */
MUST_CHECK int store_log_next(struct store_txn *t, uint64_t *seq);
/* Rising order of seq, and of zone and part within it, is the fast way. */
MUST_CHECK int store_log_put(struct store_txn *t, uint64_t seq, const void *header,
                             size_t size);
MUST_CHECK int store_log_put_rows(struct store_txn *t, uint32_t zone, uint64_t seq,
                                  uint32_t part, const void *rows, size_t size);

/* Calls back for the headers from one number to another, both included, until it gives non-zero,
 * which is handed through. fn must not write. */
MUST_CHECK int store_log_each(struct store_txn *t, uint64_t from, uint64_t to,
                              int (*fn)(uint64_t seq, const void *header, size_t size,
                                        void *arg),
                              void *arg);

/* A part of a change's rows. */
struct store_rows {
	uint64_t seq;
	uint32_t zone;
	uint32_t part;
	const void *rows; /* lent */
	size_t size;
};

/* The same for all rows of one change, and for those of one zone from a number on: upwards, or down
 * from it with the parts of each change still in rising order. */
MUST_CHECK int store_log_each_rows(struct store_txn *t, uint64_t seq,
                                   int (*fn)(const struct store_rows *, void *),
                                   void *arg);
MUST_CHECK int store_history_each(struct store_txn *t, uint32_t zone, uint64_t from,
                                  bool backwards,
                                  int (*fn)(const struct store_rows *, void *),
                                  void *arg);

/* Removes up to most headers and parts of the oldest changes with numbers below one, whole changes
 * but for the last, and never the newest change of all. Gives in *done how many it removed. */
MUST_CHECK int store_log_trim(struct store_txn *t, uint64_t below, size_t most,
                              size_t *done);

/* Gives the octets of the pages that hold the log and the history. */
MUST_CHECK int store_log_size(struct store_txn *t, uint64_t *out);

/* Removes the newest change from the log, with its rows: one that has been undone. */
MUST_CHECK int store_log_drop(struct store_txn *t, uint64_t seq);

/* Small named values (cookie secret, format marks). ERR_NOTFOUND. lent like the rest. */
MUST_CHECK int store_meta_get(struct store_txn *t, const char *name, const void **value,
                              size_t *size);
MUST_CHECK int store_meta_put(struct store_txn *t, const char *name, const void *value,
                              size_t size);

/* ---- all of it, for copies ---- */

/* What a copy is made of; the history follows from the log. The numbers are in backups. */
enum store_database {
	STORE_META,
	STORE_ZONE,
	STORE_RRSET,
	STORE_EXTRA,
	STORE_ITEM,
	STORE_LOG,
	STORE_DATABASES
};

struct store_raw {
	const void *key; /* all is lent */
	size_t key_len;
	const void *value;
	size_t size;
};

uint32_t store_format(void);

/* How many entries store_raw_each() shows. */
MUST_CHECK int store_raw_count(struct store_txn *t, enum store_database db,
                               uint64_t *out);

/* Calls back for all that a database has, in order of the keys' octets, until it gives non-zero, which
 * is handed through. fn must not write. */
MUST_CHECK int store_raw_each(struct store_txn *t, enum store_database db,
                              int (*fn)(const struct store_raw *, void *), void *arg);
/* Puts the same into an empty store, in the same order (ERR_EXISTS otherwise). ERR_CORRUPT. */
MUST_CHECK int store_raw_put(struct store_txn *t, enum store_database db,
                             const struct store_raw *raw);

#endif
