/*
 * What an RRset has besides the records that are served: disabled records and comments. The store
 * keeps both as one value per RRset (store_extra_put()), whose form is known here only.
 */
#ifndef CONTROL_CHANGE_EXTRA_H
#define CONTROL_CHANGE_EXTRA_H

#include <stddef.h>
#include <stdint.h>

#include "control/zone/arena.h"
#include "shared/compiler.h"

struct comment {
	const char *account, *content;
	uint64_t modified_at; /* seconds since 1970 */
};

struct extra {
	const uint8_t
		*hidden; /* disabled records, see control/zone/rrset.h; NULL: none */
	size_t hidden_size;
	struct comment *comments;
	size_t comment_count;
};

/* Writes it into the arena. Gives the value's size: 0, and no value, when there is nothing in it.
 * ERR_TOOBIG: a text or all of it is beyond what a value holds. */
MUST_CHECK int extra_encode(const struct extra *x, struct contents_arena *a,
                            const uint8_t **value, size_t *size);

/* hidden is lent from value, all else lies in the arena. A value of no octets is an extra with
 * nothing in it. ERR_CORRUPT. */
MUST_CHECK int extra_decode(const void *value, size_t size, struct contents_arena *a,
                            struct extra *out);

#endif
