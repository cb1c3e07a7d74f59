/*
 * Waking one worker that waits in idle(): an eventfd that is in its set beside the one that ends it.
 */
#ifndef DATAPLANE_IO_NUDGE_H
#define DATAPLANE_IO_NUDGE_H

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "dataplane/io/io.h"

/* What a worker's idle() is to poll for; a descriptor of -1 is ignored by poll(). */
static inline struct pollfd nudge_poll(const struct io_config *config, unsigned worker)
{
	return (struct pollfd){.fd = config->nudge_fds ? config->nudge_fds[worker] : -1,
	                       .events = POLLIN};
}

/* After poll(): so that the next one waits again. */
static inline void nudge_taken(const struct pollfd *p)
{
	uint64_t count;

	while (p->revents != 0 && read(p->fd, &count, sizeof count) < 0 && errno == EINTR)
		continue;
}

/* From any thread: fd is that of a worker, or any eventfd that does not block. */
static inline void nudge(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

#endif
