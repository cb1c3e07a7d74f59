/*
 * Backups back into stores. A backup holds the store as one change left it, and the log of the
 * changes up to there, each with what was before it. So it goes back to any earlier change in its
 * log: what it holds is put into an empty directory, and the changes after the chosen one are
 * undone, the last one first. Undoing checks that what it takes back is what the log says that the
 * change has put there; where it is not, nothing is restored.
 *
 * It cannot go back beyond where the log was trimmed, nor beyond a change that was too large for
 * the log to have what it took away.
 */
#ifndef CONTROL_BACKUP_RESTORE_H
#define CONTROL_BACKUP_RESTORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/backup/format.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum { RESTORE_TEXT_SIZE = 1024 };

/* Where to stop. {0}: at the end. */
struct restore_until {
	enum { UNTIL_END, UNTIL_CHANGE, UNTIL_TIME } kind;
	uint64_t seq;
	uint64_t time_us;
};

/* Reads a number, or a time in UTC: 2026-11-21T18:03:04.5Z, the fraction and the Z being optional.
 * ERR_SYNTAX. */
MUST_CHECK int restore_until_read(const char *text, struct restore_until *out);

/* What is in a backup. */
struct backup_survey {
	struct backup_manifest manifest;
	uint64_t first;    /* the oldest change in its log; 0: none */
	uint64_t first_us; /* its time */
	uint64_t last;
	uint64_t last_us;
	uint64_t oldest; /* it can be restored as this change left it, or any later one */
	uint64_t stop;   /* the change that until means */
	bool stop_known;
};

/* Checks all of a backup and looks what is in it. name: for texts. Errors have a text,
 * "FILE: offset N: what is wrong". */
MUST_CHECK int backup_check(FILE *from, const char *name,
                            const struct restore_until *until, struct backup_survey *out,
                            char text[static RESTORE_TEXT_SIZE]);

/* Restores into a directory that is empty or not there. Cut short, it leaves nothing that would be
 * taken for a store, and can be begun again. */
MUST_CHECK int restore(const char *file, const char *dir,
                       const struct restore_until *until, struct backup_survey *out,
                       char text[static RESTORE_TEXT_SIZE]);

/* ---- undo.c ---- */

/* Undoes all changes after one, the newest first, and takes them from the log. */
MUST_CHECK int undo_until(struct store *s, uint64_t stop,
                          char text[static RESTORE_TEXT_SIZE]);

#endif
