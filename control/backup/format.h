/*
 * The form of a backup: a stream of frames, each with its number and a checksum over all of it, from
 * a manifest to an end that says how much there was. docs/BACKUP.md describes every octet.
 *
 * Neither side holds more in memory than a frame, which is as large as its largest entry or a
 * quarter of a megabyte, whichever is more.
 */
#ifndef CONTROL_BACKUP_FORMAT_H
#define CONTROL_BACKUP_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/audit/book.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum { BACKUP_VERSION = 1, BACKUP_PROGRAM_SIZE = 64 };

/* What entries are of: a database of the store (enum store_database), or the audit log, whose
 * entries have the number of an event as key, and its hash and text as value. */
enum { BACKUP_AUDIT = STORE_DATABASES, BACKUP_KINDS };

struct backup_manifest {
	char program[BACKUP_PROGRAM_SIZE]; /* version that wrote it */
	uint32_t store_format;
	uint64_t time_us; /* when its snapshot was taken */
	uint64_t seq;     /* the last change in it */
	uint64_t counts[STORE_DATABASES];
	struct book_state audit;
};

struct backup_entry {
	unsigned kind;
	struct store_raw raw; /* lent during the call */
};

/* ---- writing ---- */

struct backup_writer;

/* to is lent until the end. Errors stay and are given at the end. */
struct backup_writer *backup_writer_new(FILE *to, const struct backup_manifest *m);
void backup_write(struct backup_writer *w, const struct backup_entry *e);
/* Writes the end. ERR_IO: something could not be written, errno says why. */
MUST_CHECK int backup_writer_end(struct backup_writer *w);
void backup_writer_free(struct backup_writer **w);

/* ---- reading ---- */

/* What is wrong with a backup, and where. */
struct backup_damage {
	uint64_t offset; /* of the frame, or of where more was expected */
	char text[160];
};

struct backup_visitor {
	int (*manifest)(const struct backup_manifest *m, void *arg); /* may be NULL */
	int (*entry)(const struct backup_entry *e, void *arg);
	void *arg;
};

/* Reads all of it and calls back until one gives non-zero, which is handed through. Each frame is
 * checked before any of it is shown, but only at the end is known that none is missing.
 * ERR_CORRUPT, ERR_VERSION, ERR_IO: *damage says what and where. */
MUST_CHECK int backup_read(FILE *from, const struct backup_visitor *v,
                           struct backup_damage *damage);

/* ---- both sides ---- */

enum { BACKUP_MAGIC = 0x416e426b, BACKUP_HEADER = 20, BACKUP_FRAME_FULL = 256 << 10 };

enum backup_frame { BACKUP_MANIFEST = 1, BACKUP_ENTRIES, BACKUP_END };

/* What the end frame says. */
struct backup_totals {
	uint64_t frames; /* before it */
	uint64_t bytes;
	uint64_t counts[BACKUP_KINDS];
};

#endif
