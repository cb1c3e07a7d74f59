/*
 * What the commit thread shows of itself to everybody who only looks: copies, made between
 * commits, of what is not in the store. Any thread may look.
 */
#ifndef CONTROL_SHOWN_H
#define CONTROL_SHOWN_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/commit/registry.h"
#include "control/table/writer.h"

struct committer;

struct shown_figures {
	uint64_t generation;
	uint64_t commits;
	struct writer_usage table;
	uint64_t zones;
	struct registry_totals totals; /* over all of them */
	bool synced;          /* the configuration's zones have been loaded once */
	char sync_error[256]; /* of the last such load, or empty */
	uint64_t
		overtaken; /* zones that it left alone: edited, and their files changed */
};

struct shown {
	pthread_mutex_t lock;
	struct shown_figures figures;
	json_t *failed; /* by name: zones whose last load was refused */
};

void shown_init(struct shown *s);
void shown_fini(struct shown *s);

/* Commit thread, after each command: the figures; every zone when a new segment was built, as
 * after a failure. */
void shown_update(struct shown *s, const struct committer *c);
/* Commit thread: a zone whose state may have changed, and one that is gone. */
void shown_zone(struct shown *s, const struct zone *z);
void shown_zone_gone(struct shown *s, const uint8_t *name);
/* Commit thread: how the configuration's zones were loaded. */
void shown_sync(struct shown *s, const char *error, uint64_t overtaken);

void shown_look(struct shown *s, struct shown_figures *out);

/* The failure of the zone with that folded name, or false. */
struct shown_failure {
	bool loaded; /* the version before it is served */
	char text[1024];
};
bool shown_failed(struct shown *s, const uint8_t *name, struct shown_failure *out);

#endif
