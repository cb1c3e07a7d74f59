/*
 * What is being sent of zones to other servers: each version is packed once, on a thread of the pool,
 * into a spool that all who want this version at a time read from (control/spool/growing.h), the first
 * while it is being written. Whole zones that are in files are kept some seconds after their last reader,
 * for secondaries that were told of a version at the same time and ask one after the other. All else
 * goes with its last reader, and nothing more is packed of it.
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_CACHE_H
#define CONTROL_TRANSFER_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/engine.h"
#include "control/spool/growing.h"
#include "shared/name.h"

/* What is wanted. A newer version may be given: whoever asks gets what is there when it is packed. */
struct packed_wanted {
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint32_t id;
	uint64_t version;
	bool whole;
	uint32_t
		from; /* else: what differs since this serial; where that is not known the spool ends with
	               * ERR_NOTFOUND, and nothing in it */
};

struct pack_cache;
struct packed;

/* grew: called on any thread when somebody may read more; arg is theirs until pack_cache_free(), which is
 * for when nothing is held or packed any more: pack_cache_idle(). */
struct pack_cache *pack_cache_new(struct engine *e, void (*grew)(void *arg), void *arg);
void pack_cache_free(struct pack_cache *c);
bool pack_cache_idle(const struct pack_cache *c);
/* To be called now and then: lets go what has been kept for long enough. */
void pack_cache_tidy(struct pack_cache *c);
/* Keeps nothing from here on. Calls idle(arg) once when it is, or becomes, idle. */
void pack_cache_when_idle(struct pack_cache *c, void (*idle)(void *arg));

struct packed *packed_get(struct pack_cache *c, const struct packed_wanted *w);
/* Of whole messages, each behind its length: two octets in the host's order. */
struct growing *packed_spool(struct packed *p);
/* NULL is fine. */
void packed_release(struct packed **packed);

#endif
