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
#include "control/backup/format.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* What goes into a backup. */
struct backup_source {
	struct store *store;
	struct book *book;
	bool with_secrets;        /* of TSIG keys, which are left out otherwise */
	bool (*stops)(void *arg); /* asked from time to time: true ends it; or NULL */
	void *arg;
};

/* Writes one to a stream, from any thread but that of the commits. Nothing waits for it, but the
 * pages of its snapshot are not used again before it ends. */
MUST_CHECK int backup_make(const struct backup_source *source, FILE *to,
                           struct backup_manifest *out, char *text, size_t text_size);

/* A file on its way: it has no name before all of it is on disk, so that nobody finds half of one,
 * whatever becomes of this process. */
struct backup_file {
	FILE *stream;
	int directory;
	char *name;      /* in the directory */
	char *temporary; /* where files cannot be without a name; else NULL */
};

/* Begins a file that is to be path: readable by its owner only. ERR_EXISTS unless force. */
MUST_CHECK int backup_file_open(const char *path, bool force, struct backup_file *out,
                                char *text, size_t text_size);
/* Puts it on disk and gives it its name. */
MUST_CHECK int backup_file_keep(struct backup_file *f, bool force, char *text,
                                size_t text_size);
void backup_file_close(struct backup_file *f);

#endif
