#include "control/http/spooled.h"

#include <stdlib.h>
#include <unistd.h>

#include "control/http/internal.h"
#include "control/must.h"

/* A file that is being sent. */
struct sending {
	struct spool *spool; /* whose file it is; NULL: it is its own */
	int fd;
	struct exchange *exchange;
	uint64_t step; /* where the client gets more time */
};

static ssize_t read_file(void *arg, uint64_t at, char *to, size_t room)
{
	struct sending *s = arg;
	struct connection *c = s->exchange->connection;

	if (at >= s->step) {
		connection_wait(c, c->server->timeout_ms);
		s->step = at + SPOOL_STEP;
	}
	ssize_t got = pread(s->fd, to, room, (off_t)at);
	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void end_sending(void *arg)
{
	struct sending *s = arg;

	if (s->spool)
		spool_free(s->spool);
	else
		(void)close(s->fd);
	free(s);
}

static void reply(struct http_request *r, unsigned status, const char *type,
                  uint64_t size, const struct sending *what)
{
	struct sending *s = must(malloc(sizeof *s));

	*s = *what;
	s->exchange = (struct exchange *)(void *)r;
	response_reply(r, status, type,
	               MHD_create_response_from_callback(size, SPOOL_STEP, read_file, s,
	                                                 end_sending));
}

void http_reply_spool(struct http_request *r, unsigned status, const char *type,
                      struct spool *s)
{
	struct sending what = {.spool = s, .fd = spool_fd(s)};

	if (what.fd >= 0) {
		reply(r, status, type, spool_size(s), &what);
		return;
	}
	http_reply_text(r, status, type, spool_take_text(s), spool_size(s));
	spool_free(s);
}

void http_reply_file(struct http_request *r, unsigned status, const char *type, int fd,
                     uint64_t size)
{
	struct sending what = {.fd = fd};

	reply(r, status, type, size, &what);
}
