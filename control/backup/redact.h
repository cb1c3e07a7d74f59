/*
 * A store without the secrets of TSIG keys and the private halves of zones' keys, entry by entry: the keys stay, as
 * ones that have none. What the log says of them before and after a change is treated in the same way, so that
 * changes can still be undone.
 */
#ifndef CONTROL_BACKUP_REDACT_H
#define CONTROL_BACKUP_REDACT_H

#include "control/change/record.h"
#include "control/sign/stored.h"
#include "control/store/store.h"
#include "control/tsig/stored.h"
#include "shared/compiler.h"

enum { REDACTED_MAX = SIGN_STORED_MAX };
STATIC_ASSERT((int)REDACTED_MAX > (int)TSIG_STORED_MAX, "there is room for either");

/* Holds what the last entry became. All zero at first. */
struct redaction {
	struct record_part part;
	uint8_t item[REDACTED_MAX];
};

/* Gives the entry without secrets: the same, or one that lends what r has until the next call. ERR_CORRUPT,
 * ERR_VERSION. */
MUST_CHECK int redact(struct redaction *r, enum store_database db,
                      const struct store_raw *raw, struct store_raw *out);

void redaction_fini(struct redaction *r);

#endif
