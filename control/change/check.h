/*
 * What the edits of one zone make of it, and whether that may be served.
 *
 * A view is the zone in a store transaction with the RRsets that the edits touch laid over it. It
 * costs what the edits and the names around them cost, whatever the size of the zone: nothing here
 * walks a zone. Nothing is written.
 */
#ifndef CONTROL_CHANGE_CHECK_H
#define CONTROL_CHANGE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* A value of the zone that becomes another one. Both, and the key, lie in the view's arena. */
struct overlay_set {
	const uint8_t *key;
	uint16_t key_len, type;
	const uint8_t *blob; /* what it will be; size 0: gone */
	size_t size;
	const uint8_t *before; /* what it is; before_size 0: not there */
	size_t before_size;
	int edit; /* index of the last edit of it; -1: none */
};

struct change_view {
	struct store_txn *txn;
	const struct store_zone *zone; /* its id and count of RRsets are those in txn */
	struct overlay_set *sets;      /* RRsets, sorted by key and type */
	size_t count;
	struct overlay_set *extras; /* values of store_extra_put(), the same way */
	size_t extra_count;
	bool changed; /* something differs, or an edit counts even so */
	bool foreign; /* whoever signs the zone has made the change, elsewhere */
	int64_t rrsets,
		records; /* what the zone's counts grow by; records with signatures */
};

/* Problems found so far. */
struct change_problems {
	struct contents_arena *arena;
	int zone; /* index of the zone that is being looked at, or -1 */
	struct change_problem *list; /* change_problems_fini() frees it */
	size_t count, room;
};

void change_problems_fini(struct change_problems *p);

/* edit: an index, or -1. member: NULL, or what of the edit; copied. */
void PRINTF_LIKE(5, 6)
	change_problem_add(struct change_problems *p, int edit, const char *rule,
                           const char *member, const char *format, ...);

/* Works out what the edits, in order, make of each RRset. Sets that become what they are already
 * are left out. A zone without contents (no RRset in the store) works the same way. ERR_REFUSED: an
 * edit cannot be done at all (owner outside of the zone, a type that no zone holds), see problems.
 * The view is lent from the transaction and the arena. */
MUST_CHECK int change_view_make(struct store_txn *t, const struct store_zone *zone,
                                const struct zone_change *z, struct contents_arena *a,
                                struct change_view *out,
                                struct change_problems *problems);

/* Gives the index behind the last RRset of the view with the owner that the one at an index has. */
size_t change_view_owner_end(const struct change_view *v, size_t at);

/* Orders RRsets by owner and then type, as views and the store have them. */
int change_sets_compare(const uint8_t *a, size_t a_len, uint16_t a_type, const uint8_t *b,
                        size_t b_len, uint16_t b_type);

/* Puts an RRset behind those of a view, which sort before it and leave room for it, and counts it. One
 * that becomes what it is already is left out. Nothing is copied. */
void change_view_append(struct change_view *v, const struct overlay_set *set);

/* Puts one more RRset over the view, or another one in place of what the edits made of it: an SOA
 * with its new serial. set: key, type and blob, all copied; size 0: gone. */
MUST_CHECK int change_view_set(struct change_view *v, struct contents_arena *a,
                               const struct overlay_set *set);

/* Puts RRsets over the view, or in place of what it makes of the same ones: those of who signs. They are sorted as
 * the view's, their keys and blobs lie in its arena, and what they were before is said as what it is in
 * the store. */
void change_view_merge(struct change_view *v, struct contents_arena *a,
                       const struct overlay_set *sets, size_t count);

/* Gives what an RRset of the zone will be, lent from view and store. ERR_NOTFOUND. */
MUST_CHECK int change_view_get(const struct change_view *v, const uint8_t *key,
                               size_t key_len, uint16_t type, struct rrset *out);

/* Checks the rules listed on top of check.c where the view differs from the store, which obeys
 * them. ERR_REFUSED when there is a problem. */
MUST_CHECK int change_check(const struct change_view *v, struct change_problems *out);

#endif
