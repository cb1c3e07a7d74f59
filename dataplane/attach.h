/*
 * The connection to the control plane: made when there is one, made again when it was lost, with
 * pauses that grow. Moves messages; what they mean is the housekeeper's business.
 */
#ifndef DATAPLANE_ATTACH_H
#define DATAPLANE_ATTACH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/ipc.h"

struct attach {
	const char *path; /* of the socket; lent */
	bool supervised;
	int fd;                /* -1: not connected */
	_Atomic bool welcomed; /* by whom it is connected to; other threads may look */
	uint64_t retry_at;     /* ms on the monotonic clock */
	unsigned pause_ms;
	char complaint[256]; /* logged last: the same is not logged again and again */
};

void attach_init(struct attach *a, const char *path, bool supervised);
void attach_fini(struct attach *a);

/* Milliseconds until attach_try() has something to do; -1: connected. */
int attach_timeout(const struct attach *a);

/* Connects and says HELLO if it is time to. io: name of the back end. */
void attach_try(struct attach *a, const char *io);

/* As ipc_receive(), but anything other than success and ERR_BUSY ends the connection. */
MUST_CHECK int attach_receive(struct attach *a, struct ipc_message *m, int *fd);

/* Sends a message without a descriptor; a failure ends the connection. */
void attach_send(struct attach *a, const struct ipc_message *m);

/* It was welcomed: the next pause is short again. */
void attach_succeeded(struct attach *a);

/* Logs why, once, and ends the connection; the next try comes after a pause. */
void attach_drop(struct attach *a, const char *why);

#endif
