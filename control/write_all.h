/*
 * Writing all of something, however little of it the system takes at a time.
 */
#ifndef CONTROL_WRITE_ALL_H
#define CONTROL_WRITE_ALL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "shared/compiler.h"
#include "shared/err.h"

/* fd: one that waits. ERR_IO: not all of it was written, and errno says why. */
MUST_CHECK static inline int write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

#endif
