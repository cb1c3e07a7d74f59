/*
 * The zones that this server hosts, by name, and which names have hosted zones below them.
 *
 * A change of it can be taken back. Between registry_begin() and registry_keep() or
 * registry_undo() it takes notes: which zones were added and removed, and what a zone was before
 * its first registry_touch(). Taking back costs what was noted.
 *
 * Belongs to the commit thread.
 */
#ifndef CONTROL_COMMIT_REGISTRY_H
#define CONTROL_COMMIT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/compile/compile.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum zone_state {
	ZONE_STATE_EMPTY, /* no contents yet: SERVFAIL */
	ZONE_STATE_SERVED,
	ZONE_STATE_FAILED, /* last load refused; the version before it, if any, is served */
};

struct zone {
	struct compile_zone table; /* name, id, and where it is in the table */
	enum zone_state state;
	bool loaded;  /* has contents in the store */
	bool expired; /* which are not in the table: SERVFAIL */
	bool added;   /* by command, not by the configuration */
	bool wanted;  /* mark of a configuration sync */
	bool edited;  /* since its zone file was read */
	/* The registry's own, about the change under way: has a note; was removed. */
	bool noted;
	bool gone;
	uint32_t serial;
	uint64_t records;
	uint64_t rrsets;
	uint64_t changed_at;
	char *source; /* zone file, or NULL */
	char *error;  /* of the last load, or NULL */
	uint8_t source_mark[32];
};

struct registry;

struct registry *registry_new(void);
void registry_free(struct registry *r); /* zones included */

/* Begins a change; one at a time. */
void registry_begin(struct registry *r);

/* Ends it. What was removed is freed; or else everything is as it was, the zones at the same
 * addresses, and those that were added are freed. */
void registry_keep(struct registry *r);
void registry_undo(struct registry *r);

/* To be called before anything of a zone is changed. */
void registry_touch(struct registry *r, struct zone *z);

/* Adds a zone with that folded name, which must not be there. Both only within a change. */
struct zone *registry_add(struct registry *r, const uint8_t *name);
void registry_remove(struct registry *r, struct zone *z);

struct zone *registry_find(const struct registry *r, const uint8_t *name);

/* The nearest hosted zone strictly above a name, or NULL. */
struct zone *registry_parent(const struct registry *r, const uint8_t *name);

/* Whether any hosted zone lies strictly below a name. */
bool registry_hosts_below(const struct registry *r, const uint8_t *name);

size_t registry_count(const struct registry *r);

/* Sums over all zones, as of the last change that was kept. */
struct registry_totals {
	uint64_t served; /* zones with contents */
	uint64_t failed; /* zones whose last load was refused */
	uint64_t records;
	uint64_t rrsets;
};
void registry_totals(const struct registry *r, struct registry_totals *out);

/* All zones in canonical order. NULL follows the last; the caller frees the array. */
struct zone **registry_sorted(const struct registry *r);

/* All zones, those of most labels first and among them in the order in which the store holds their
 * records. NULL follows the last; the caller frees the array. */
struct zone **registry_deepest_first(const struct registry *r);

#endif
