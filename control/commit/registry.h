/*
 * The zones that this server hosts, by name, and which names have hosted zones below them.
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
	bool loaded; /* has contents in the store */
	bool added;  /* by command, not by the configuration */
	bool wanted; /* mark of a configuration sync */
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

/* Adds a zone with that folded name, which must not be there. */
struct zone *registry_add(struct registry *r, const uint8_t *name);
void registry_remove(struct registry *r, struct zone *z);

struct zone *registry_find(const struct registry *r, const uint8_t *name);

/* The nearest hosted zone strictly above a name, or NULL. */
struct zone *registry_parent(const struct registry *r, const uint8_t *name);

/* Whether any hosted zone lies strictly below a name. */
bool registry_hosts_below(const struct registry *r, const uint8_t *name);

size_t registry_count(const struct registry *r);

/* All zones in canonical order, so that parents precede children; the caller frees the array. */
struct zone **registry_sorted(const struct registry *r);

#endif
