/*
 * A backup: all that the store and the audit log hold at one moment, while changes go on. It is
 * read from one snapshot, so that it is what one change has left and nothing of the next.
 */
#ifndef CONTROL_BACKUP_BACKUP_H
#define CONTROL_BACKUP_BACKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/audit/book.h"
#include "control/backup/file.h"
#include "control/backup/format.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* What goes into a backup. */
struct backup_source {
	struct store *store;
	struct book *book;
	bool with_secrets; /* of TSIG keys and zones' keys, which are left out otherwise */
	bool (*stops)(void *arg); /* asked from time to time: true ends it; or NULL */
	void *arg;
};

/* Writes one to a stream, from any thread but that of the commits. Nothing waits for it, but the
 * pages of its snapshot are not used again before it ends. */
MUST_CHECK int backup_make(const struct backup_source *source, FILE *to,
                           struct backup_manifest *out, char *text, size_t text_size);

#endif
