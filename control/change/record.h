/*
 * The log's form of a change: a header that says who did what to which zones, and rows, each a
 * value before and after. Audit, history, revert and restore all read this one form.
 *
 * Headers are kept by store_log_put(). The rows of a zone go into parts of bounded size, which
 * store_log_put_rows() keeps under the zone's id and the numbers 0, 1, ...; those of items go
 * under the zone id 0, which no zone has.
 */
#ifndef CONTROL_CHANGE_RECORD_H
#define CONTROL_CHANGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "shared/compiler.h"
#include "shared/wire.h"

/* A header opened. Texts are copied, why and zones lent. */
struct record_header {
	uint64_t seq;
	uint64_t time_us;   /* since 1970 */
	struct actor actor; /* without grants and references */
	const char *why;    /* never NULL */
	uint32_t zone_count;
	uint32_t item_parts;
	const uint8_t *zones; /* see record_next_zone() */
	size_t zones_size;
};

struct record_zone {
	enum zone_change_kind kind;
	uint32_t id;
	const uint8_t *name; /* lent */
	uint32_t old_serial, new_serial;
	uint32_t parts;
};

/* Zones of r that did not change are left out. Gives the size; *out is the caller's to free().
 * r->zones stand in the order of c->zones. */
size_t record_encode_header(const struct change *c, const struct change_result *r,
                            uint64_t time_us, uint8_t **out);

/* Checks everything. ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int record_decode_header(const void *bytes, size_t size,
                                    struct record_header *out);

/* Walks the zones: start with record_zones(), call zone_count times. */
struct wire_reader record_zones(const struct record_header *h);
struct record_zone record_next_zone(struct wire_reader *r);

/* What a row is of, and what its key is. */
enum record_kind {
	ROW_RRSET, /* sort key of the owner; a blob of control/zone/rrset.h */
	ROW_EXTRA, /* the same; a value of control/change/extra.h */
	ROW_ATTRS, /* no key; store_attrs_encode() */
	ROW_ZONE,  /* no key; store_zone_encode(); no before: came, no after: went */
	ROW_ITEM,  /* u8 list, key of the item; its value */
};

/* What the zone had or has in it was too much for the log: there are no rows of it. */
enum { ROW_ZONE_ALONE = 1 };

struct record_row {
	enum record_kind kind;
	const uint8_t *key;
	size_t key_len;
	uint16_t type;              /* of ROW_ZONE: 0, or ROW_ZONE_ALONE */
	const void *before, *after; /* NULL: not there */
	size_t before_size, after_size;
	bool secret;
};

/* Rows on their way into a part. {0} is one without rows. */
struct record_part {
	uint8_t *bytes; /* as store_log_put_rows() takes them; none: there is no row */
	size_t size, room;
};

/* A part of this size or more is full: put it, empty it and go on with the next. */
enum { RECORD_PART_FULL = 256 << 10 };

void record_part_add(struct record_part *p, const struct record_row *row);
void record_part_empty(struct record_part *p);
void record_part_fini(struct record_part *p);

/* Calls back for each row, until it gives non-zero, which is handed through. What a row points to
 * is lent from part. ERR_CORRUPT, ERR_VERSION: after the rows that could be read. */
MUST_CHECK int record_each_row(const void *part, size_t size,
                               int (*fn)(const struct record_row *, void *), void *arg);

#endif
