/*
 * Texts too long for one line of the control socket, which come in pieces, each with a command of
 * its own. They wait in files without a name in the store's directory; what nobody goes on with is
 * forgotten when the next one begins. Whoever knows an upload's name may add to it: names are
 * random.
 *
 * Any thread.
 */
#ifndef CONTROL_UPLOADS_H
#define CONTROL_UPLOADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	UPLOADS_MAX = 8,
	UPLOAD_NAME_SIZE = 33,
	UPLOAD_IDLE_MS = 300000, /* after which one is forgotten */
};

/* Of one upload. */
#define UPLOAD_SIZE_MAX (UINT64_C(1) << 31)

struct upload {
	char name[UPLOAD_NAME_SIZE]; /* empty: none is here */
	bool busy;                   /* a piece is being written */
	int fd;
	uint64_t size;
	uint64_t used_at_ms;
};

struct uploads {
	pthread_mutex_t lock;
	const char *dir;
	struct upload items[UPLOADS_MAX];
};

/* dir: lent. */
void uploads_init(struct uploads *u, const char *dir);
void uploads_fini(struct uploads *u);

/* Begins one and gives its name. ERR_LIMITED: too many are under way; ERR_IO. */
MUST_CHECK int uploads_begin(struct uploads *u, char name[static UPLOAD_NAME_SIZE]);

/* Adds a piece. ERR_NOTFOUND; ERR_BUSY: another piece is being added; ERR_TOOBIG, ERR_IO: the upload
 * is gone. */
MUST_CHECK int uploads_add(struct uploads *u, const char *name, const char *text,
                           size_t len);

/* Gives an upload's file, which then is the caller's to close, and ends the upload. ERR_NOTFOUND,
 * ERR_BUSY. */
MUST_CHECK int uploads_take(struct uploads *u, const char *name, int *fd, size_t *size);

#endif
