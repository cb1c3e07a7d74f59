/*
 * Keeps secondaries as their primaries have them: looks at each when its SOA says so, when a primary says that
 * something is new, and when somebody asks for it. One timer for all of them.
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_REFRESH_H
#define CONTROL_TRANSFER_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "control/net/parts.h"
#include "shared/compiler.h"

struct refresh;

/* parts: copied; what they name is lent until refresh_close(). Never fails. */
void refresh_open(const struct transfer_parts *parts, struct refresh **out);

/* Another configuration counts: other zones may be secondaries. */
void refresh_configure(struct refresh *r, const struct config *next);

/* Before the engine and the streams are closed. Checks under way are dropped. The loop must run on until it has called back
 * for what is closed. NULL is fine. */
void refresh_close(struct refresh **r);

struct refresh_wanted {
	bool transfer; /* all of the zone, though the serial is no newer */
	bool may_fall; /* even when it is older */
	const struct sockaddr_storage
		*by; /* the primary that has said something is new; or NULL */
};

/* Looks at a secondary at once, or again when it is being looked at. False: no secondary has this number. */
bool refresh_now(struct refresh *r, uint32_t zone, const struct refresh_wanted *wanted);

/* Gives in how many seconds a secondary expires if no primary answers, 0 when it is about to. False: it has expired, or
 * has nothing, or no secondary has this number. */
bool refresh_expire(const struct refresh *r, uint32_t zone, uint32_t *seconds);

#endif
