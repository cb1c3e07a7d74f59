/*
 * How catalog zones are, for the metrics. Whoever keeps them fills it in; of how many are in which state it
 * counts all, of each by itself it has the first ones only, so that the metrics stay bounded.
 */
#ifndef CONTROL_CATALOG_FIGURES_H
#define CONTROL_CATALOG_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/name.h"

enum { CATALOG_FIGURES_MAX = 32 };

enum catalog_state {
	CATALOG_UNREAD, /* not looked at since the start */
	CATALOG_EMPTY,  /* has no contents */
	CATALOG_OK,     /* what is here is as it says, but for foreign members */
	CATALOG_BROKEN, /* nothing was changed for it */
	CATALOG_HELD, /* too many zones would be removed, and stay until that is accepted */
	CATALOG_FAILED, /* the store; or it could not be changed */
	CATALOG_STATES
};

struct catalog_figure {
	char name[NAME_TEXT_MAX];
	bool is_made; /* here; else it comes from elsewhere, and is followed */
	enum catalog_state state;
	uint32_t serial; /* that was looked at last */
	uint64_t members;
	uint64_t gone;    /* zones that it has no more, and that are kept */
	uint64_t foreign; /* members that are zones here for another reason */
	uint64_t refused; /* versions of it, since the start */
	uint64_t
		followed_at; /* when all was as it says, s since 1970; 0: not since the start */
};

struct catalog_figures {
	uint64_t states[CATALOG_STATES]; /* of all catalogs: how many are in each */
	struct catalog_figure one[CATALOG_FIGURES_MAX]; /* no two of one name */
	unsigned count;
};

/* A word in lower case. */
static inline const char *catalog_state_text(enum catalog_state state)
{
	static const char *const texts[CATALOG_STATES] = {
		[CATALOG_UNREAD] = "unread", [CATALOG_EMPTY] = "empty",
		[CATALOG_OK] = "ok",         [CATALOG_BROKEN] = "broken",
		[CATALOG_HELD] = "held",     [CATALOG_FAILED] = "failed",
	};

	return texts[state];
}

static inline const char *catalog_kind_text(bool is_made)
{
	return is_made ? "producer" : "consumer";
}

#endif
