/*
 * One check of a secondary: asks its primaries, in their order, which serial they have, and when that is
 * newer fetches what is new and has it committed. Who fails, or sends what is refused, makes the next one be asked; until a
 * change has passed whole the zone is what it was. Loop thread.
 */
#ifndef CONTROL_TRANSFER_CHECK_H
#define CONTROL_TRANSFER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "control/net/parts.h"
#include "control/transfer/secondary.h"
#include "shared/compiler.h"

struct check_asked {
	const uint8_t *name; /* folded; copied */
	uint32_t id;
	bool transfer; /* all of it, whatever the serial, as long as it does not fall */
	bool may_fall; /* with transfer: and even then */
	bool notified; /* begin with the primary at this address: */
	struct sockaddr_storage by;
	/* Primaries that are not to be asked, as they have been down lately; NULL: all are. */
	bool (*is_down)(void *arg, const struct sockaddr_storage *primary);
	/* What became of asking one: silence says why it has not answered, or is NULL; and of one that is_down()
	 * has let through, and could not be asked after all, as for want of its key. */
	void (*tried)(void *arg, const struct sockaddr_storage *primary,
	              const char *silence);
	void (*untried)(void *arg, const struct sockaddr_storage *primary);
	/* Before a transfer, which is not to be now when this gives false, and after it. */
	bool (*enter)(void *arg, const struct sockaddr_storage *primary);
	void (*leave)(void *arg, const struct sockaddr_storage *primary);
};

enum check_outcome {
	CHECK_NONE,    /* the zone is gone, or no secondary any more */
	CHECK_CURRENT, /* a primary has nothing newer */
	CHECK_CHANGED, /* and now nor has it */
	CHECK_FAILED,
	CHECK_BUSY, /* there is something to be fetched, but not now */
};

struct check_result {
	enum check_outcome outcome;
	bool has_contents;
	uint32_t serial;       /* that the zone has now */
	uint32_t their_serial; /* that the primary has said, unless it failed */
	struct secondary_timers timers;
	bool has_expire; /* in so many seconds it expires for the primary */
	uint32_t expire;
	bool whole; /* CHECK_CHANGED: by AXFR */
	const char *
		source; /* which primary; "" when none; lent for the call like what follows */
	const char *why;         /* of CHECK_FAILED */
	bool transfer, may_fall; /* as asked for */
	const char *ixfr_error;  /* why AXFR was asked for instead; "": it was not */
	bool ixfr_wrong;         /* because of what IXFR had brought */
	bool no_key;             /* because a key is not known, which may be on its way */
	uint64_t octets;         /* of a transfer */
	uint64_t records;
};

typedef void check_done(void *arg, const struct check_result *result);

struct check;

/* Never fails: done follows, from the loop, unless it is dropped. parts are lent until then. */
struct check *check_begin(const struct transfer_parts *parts,
                          const struct check_asked *asked, check_done *done, void *arg);
/* Not to be called in done, nor after it. */
void check_drop(struct check **c);

#endif
