/*
 * The file of a Unix stream socket on which a server listens: made so that nobody but its owner and
 * group ever could open it, taken over from a server that has ended, and removed at the end
 * unless another server's has taken its place.
 */
#ifndef CONTROL_NET_UNIX_SOCKET_H
#define CONTROL_NET_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include "shared/compiler.h"

struct unix_socket {
	struct sockaddr_un address;
	dev_t dev;
	ino_t ino;
};

/* Gives a bound, non-blocking descriptor, the caller's to listen on and to close. A socket file
 * that nobody listens on is replaced; ERR_EXISTS when somebody does, or when the path is something
 * else; ERR_TOOBIG, ERR_SYSTEM. text: what is wrong. */
MUST_CHECK int unix_socket_bind(const char *path, struct unix_socket *out, int *fd,
                                char *text, size_t text_size);

void unix_socket_remove(const struct unix_socket *s);

#endif
