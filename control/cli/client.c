#include "control/cli/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/clock.h"

enum { READ_STEP = 65536 };

struct client {
	int fd;
	char *buffer; /* received */
	size_t len;
	size_t room;
	size_t used; /* by the answer that was given out last */
};

uint64_t client_now(void)
{
	return clock_now_ms();
}

enum engine_outcome client_open(const char *path, struct client **out, char *text,
                                size_t text_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path) {
		(void)snprintf(text, text_size, "%s: longer than a socket's path may be",
		               path);
		return ENGINE_USAGE;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		bool nobody =
			errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;
		(void)snprintf(text, text_size, "%s %s: %s",
		               nobody ? "no server on" : "cannot connect to", path,
		               strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return nobody ? ENGINE_NOT_RUNNING : ENGINE_REFUSED;
	}
	struct client *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->fd = fd;
	*out = c;
	return ENGINE_OK;
}

void client_close(struct client **client)
{
	struct client *c = *client;

	*client = NULL;
	if (!c)
		return;
	(void)close(c->fd);
	free(c->buffer);
	free(c);
}

static enum engine_outcome wait_for(const struct client *c, short events,
                                    uint64_t deadline)
{
	for (;;) {
		struct pollfd fd = {.fd = c->fd, .events = events};
		uint64_t now = client_now();
		uint64_t left = deadline > now ? deadline - now : 0;
		int ready = poll(&fd, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (ready > 0)
			return ENGINE_OK;
		if (ready == 0 && client_now() >= deadline)
			return ENGINE_TIMED_OUT;
		if (ready < 0 && errno != EINTR)
			return ENGINE_NOT_RUNNING;
	}
}

/* A server that hangs up may have said why first: reading goes on after a failed write. */
static enum engine_outcome write_line(struct client *c, const char *line,
                                      uint64_t deadline)
{
	size_t left = strlen(line);

	while (left) {
		enum engine_outcome outcome = wait_for(c, POLLOUT, deadline);
		if (outcome != ENGINE_OK)
			return outcome;
		ssize_t sent = send(c->fd, line, left, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			return ENGINE_OK;
		if (sent > 0) {
			line += sent;
			left -= (size_t)sent;
		}
	}
	return ENGINE_OK;
}

static void make_room(struct client *c)
{
	if (c->room - c->len > READ_STEP)
		return;
	c->room = (c->room + READ_STEP) * 2;
	c->buffer = realloc(c->buffer, c->room);
	if (!c->buffer)
		abort();
}

static enum engine_outcome read_line(struct client *c, uint64_t deadline,
                                     const char **line)
{
	size_t scanned = 0;

	for (;;) {
		char *end = c->len > scanned
		                    ? memchr(c->buffer + scanned, '\n', c->len - scanned)
		                    : NULL;
		if (end) {
			*end = 0;
			c->used = (size_t)(end - c->buffer) + 1;
			*line = c->buffer;
			return ENGINE_OK;
		}
		scanned = c->len;
		enum engine_outcome outcome = wait_for(c, POLLIN, deadline);
		if (outcome != ENGINE_OK)
			return outcome;
		make_room(c);
		ssize_t got =
			recv(c->fd, c->buffer + c->len, c->room - c->len, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			return ENGINE_NOT_RUNNING;
		if (got > 0)
			c->len += (size_t)got;
	}
}

enum engine_outcome client_exchange(struct client *c, const char *line, uint64_t deadline,
                                    const char **answer)
{
	if (c->used) {
		memmove(c->buffer, c->buffer + c->used, c->len - c->used);
		c->len -= c->used;
		c->used = 0;
	}
	enum engine_outcome outcome = write_line(c, line, deadline);
	return outcome == ENGINE_OK ? read_line(c, deadline, answer) : outcome;
}
