/*
 * What a catalog zone says (RFC 9432): which zones are its members, each with a label that is its own
 * there, and what is said of each. A catalog that is broken anywhere says nothing at all.
 */
#ifndef CONTROL_CATALOG_CATALOG_H
#define CONTROL_CATALOG_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "control/catalog_figures.h"
#include "control/change/change.h"
#include "control/store/store.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct catalog_member {
	const uint8_t *name; /* folded */
	const char *unique;  /* its label in the catalog, as text, folded */
	const char *group;   /* the first that is said; empty: none */
	const uint8_t *coo; /* the catalog that it is to move to, folded; NULL: to none */
};

struct catalog {
	struct catalog_member *members; /* in canonical order of their names */
	size_t count;
};

enum { CATALOG_WHY_SIZE = NAME_TEXT_MAX + 64 };

/* How it went with a catalog when it was looked at. */
struct catalog_report {
	enum catalog_state state;
	uint32_t serial;
	size_t members;
	size_t gone;    /* zones of it that it has no more, or has anew */
	size_t foreign; /* members that are here for another reason, and left alone */
	uint8_t first_foreign[NAME_MAX_LEN];
	char why[CATALOG_WHY_SIZE]; /* it is broken, or what has failed */
};

/* What is to be done then: first, and after that second; either may be NULL. */
struct catalog_steps {
	struct change *first;
	struct change *second;
	bool more; /* it is to be looked at again after that: this is not all yet */
};

/* All of *out is in the arena. ERR_REFUSED: it is broken, and why says how. ERR_LIMITED: it has more than
 * max members. Costs as much as the catalog is large. */
MUST_CHECK int catalog_read(struct store_txn *t, const struct store_zone *z, size_t max,
                            struct contents_arena *a, struct catalog *out,
                            char why[static CATALOG_WHY_SIZE]);

#endif
