/*
 * What covers names, on a walk through a zone in canonical order: the last delegation or DNAME that one came to, below
 * which nothing is the zone's own (RFC 4035 §2.2).
 */
#ifndef CONTROL_SIGN_ROOF_H
#define CONTROL_SIGN_ROOF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct roof {
	const uint8_t *key; /* lent by who walks; NULL: none yet */
	size_t len;
};

static inline bool roof_is_above(const struct roof *r, const uint8_t *key, size_t len)
{
	return r->key && len > r->len && memcmp(key, r->key, r->len) == 0;
}

#endif
