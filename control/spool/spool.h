/*
 * An answer that is written whole before it is sent: in memory while it is short, in a file without
 * a name when it gets long. So whoever writes it is done soon, however slowly the client reads, and
 * what waits for slow clients is on the disk. One that is sent while it is written is a growing one
 * (control/spool/growing.h).
 */
#ifndef CONTROL_SPOOL_SPOOL_H
#define CONTROL_SPOOL_SPOOL_H

#include <stdio.h>

#include "shared/compiler.h"

enum {
	SPOOL_MEMORY = 1 << 20, /* octets; more are in a file */
	SPOOL_STEP = 64 << 10,  /* in which files are written, and best read */
};

/* Octets in files, of all spools together. */
#define SPOOLED_MAX (UINT64_C(4) << 30)

struct spool;

/* dir: for the file. Never fails. */
struct spool *spool_new(const char *dir);

/* NULL is fine. */
void spool_free(struct spool *s);

/* Lent until spool_end(). One thread at a time. Going back in it forgets what was behind. */
FILE *spool_writer(struct spool *s);

/* All is written. ERR_FULL: not all of it was, the disk has no room; ERR_LIMITED: too much waits
 * already. */
MUST_CHECK int spool_end(struct spool *s);

/* Octets, after spool_end(). */
size_t spool_size(const struct spool *s);

/* Gives the text, the caller's to free(), of one that is in memory; NULL when it is empty. */
char *spool_take_text(struct spool *s);

/* Gives the file, lent, or -1: it is in memory. */
int spool_fd(const struct spool *s);

#endif
