#include "control/cli/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

#include "control/cli/transport.h"
#include "shared/clock.h"

uint64_t client_now(void)
{
	return clock_now_ms();
}

enum engine_outcome client_open(const struct client_target *target, uint64_t deadline,
                                struct client **out, char *text, size_t text_size)
{
	const struct client_ops *ops =
		target->url ? &client_over_http : &client_over_socket;

	return ops->open(target, deadline, out, text, text_size);
}

void client_close(struct client **client)
{
	struct client *c = *client;

	*client = NULL;
	if (c)
		c->ops->close(c);
}

enum engine_outcome client_exchange(struct client *c, const char *request,
                                    uint64_t deadline, json_t **result, char *text,
                                    size_t text_size)
{
	*result = NULL;
	return c->ops->exchange(c, request, deadline, result, text, text_size);
}

enum engine_outcome client_wait(int fd, short events, uint64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		uint64_t now = client_now();
		uint64_t left = deadline > now ? deadline - now : 0;
		int ready = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (ready > 0)
			return ENGINE_OK;
		if (ready == 0 && client_now() >= deadline)
			return ENGINE_TIMED_OUT;
		if (ready < 0 && errno != EINTR)
			return ENGINE_NOT_RUNNING;
	}
}

enum engine_outcome client_say(enum engine_outcome outcome, char *text, size_t text_size)
{
	(void)snprintf(text, text_size, "%s",
	               outcome == ENGINE_TIMED_OUT ? "the server has not answered in time"
	               : outcome == ENGINE_REFUSED
	                       ? "the server's answer is not understood"
	                       : "the server has gone away");
	return outcome;
}
