/* The road by the control socket: a line out, a line in (docs/CONTROL.md). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/cli/transport.h"

enum { READ_STEP = 65536 };

struct socket_client {
	struct client client;
	int fd;
	char *buffer; /* received */
	size_t len;
	size_t room;
	size_t used; /* by the answer that was given out last */
};

static enum engine_outcome socket_open(const struct client_target *target,
                                       uint64_t deadline, struct client **out, char *text,
                                       size_t text_size)
{
	const char *path = target->socket;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)deadline; /* connecting to a Unix socket takes no time */
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
	struct socket_client *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->client.ops = &client_over_socket;
	c->fd = fd;
	*out = &c->client;
	return ENGINE_OK;
}

static void socket_close(struct client *client)
{
	struct socket_client *c = (struct socket_client *)client;

	(void)close(c->fd);
	free(c->buffer);
	free(c);
}

/* A server that hangs up may have said why first: reading goes on after a failed write. */
static enum engine_outcome write_line(struct socket_client *c, const char *line,
                                      uint64_t deadline)
{
	size_t left = strlen(line);

	while (left) {
		enum engine_outcome outcome = client_wait(c->fd, POLLOUT, deadline);
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

static void make_room(struct socket_client *c)
{
	if (c->room - c->len > READ_STEP)
		return;
	c->room = (c->room + READ_STEP) * 2;
	c->buffer = realloc(c->buffer, c->room);
	if (!c->buffer)
		abort();
}

static enum engine_outcome read_line(struct socket_client *c, uint64_t deadline,
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
		enum engine_outcome outcome = client_wait(c->fd, POLLIN, deadline);
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

/* Takes the answer apart. Gives NULL when it is none. */
static json_t *parse_answer(const char *answer, enum engine_outcome *outcome)
{
	json_t *whole = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
	json_t *result = json_object_get(whole, "result");
	json_t *number = json_object_get(whole, "outcome");
	json_int_t n = json_integer_value(number);

	if (!json_is_integer(number) || !json_is_object(result) || n < ENGINE_OK ||
	    n > ENGINE_TIMED_OUT) {
		json_decref(whole);
		return NULL;
	}
	(void)json_incref(result);
	json_decref(whole);
	*outcome = (enum engine_outcome)n;
	return result;
}

static enum engine_outcome socket_exchange(struct client *client, const char *request,
                                           uint64_t deadline, json_t **result, char *text,
                                           size_t text_size)
{
	struct socket_client *c = (struct socket_client *)client;
	const char *answer = NULL;

	if (c->used) {
		memmove(c->buffer, c->buffer + c->used, c->len - c->used);
		c->len -= c->used;
		c->used = 0;
	}
	enum engine_outcome outcome = write_line(c, request, deadline);
	if (outcome == ENGINE_OK)
		outcome = read_line(c, deadline, &answer);
	if (outcome != ENGINE_OK)
		return client_say(outcome, text, text_size);
	*result = parse_answer(answer, &outcome);
	return *result ? outcome : client_say(ENGINE_REFUSED, text, text_size);
}

const struct client_ops client_over_socket = {socket_open, socket_exchange, socket_close};
