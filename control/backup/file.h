/*
 * Files that appear whole or not at all.
 */
#ifndef CONTROL_BACKUP_FILE_H
#define CONTROL_BACKUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "shared/compiler.h"

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
