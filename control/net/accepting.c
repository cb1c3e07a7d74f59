#include "control/net/accepting.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_TURN = 64, /* others want the loop, too */
	PAUSE_MS = 200,        /* after accept() has failed for want of descriptors */
};

static void on_connectable(uv_poll_t *poll, int status, int events);
static void on_pause_over(uv_timer_t *timer);

/* Clients stay in the queue meanwhile, and the descriptor ready. */
static void pause_accepting(struct accepting *a)
{
	(void)uv_poll_stop(&a->poll);
	(void)uv_timer_start(&a->pause, on_pause_over, PAUSE_MS, 0);
}

static void on_pause_over(uv_timer_t *timer)
{
	accepting_start(timer->data);
}

/* accept() takes a descriptor before it looks: with none left it fails even if nobody waits. */
static bool has_client(const struct accepting *a)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* After a failed accept(): says whether to go on with the next connection. */
static bool recover(struct accepting *a, int err)
{
	switch (err) {
	case EAGAIN: return false;
	/* Of one connection, or of the network that it came by (accept(2)). */
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EPERM: return true;
	case EMFILE:
		if (!has_client(a))
			return false;
		if (a->make_room && a->make_room(a->arg))
			return true;
		break;
	default: break;
	}
	pause_accepting(a);
	return false;
}

static void on_connectable(uv_poll_t *poll, int status, int events)
{
	struct accepting *a = poll->data;

	(void)events;
	if (status < 0) {
		pause_accepting(a);
		return;
	}
	if (a->before)
		a->before(a->arg);
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage address = {.ss_family = AF_UNIX};
		socklen_t len = sizeof address;
		int fd = accept4(a->fd, (struct sockaddr *)&address, &len,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			a->take(a->arg, fd, &address, len);
		else if (!recover(a, errno))
			return;
	}
}

int accepting_open(struct accepting *a, uv_loop_t *loop)
{
	int err = uv_poll_init(loop, &a->poll, a->fd);

	if (err < 0)
		return err;
	(void)uv_timer_init(loop, &a->pause);
	a->poll.data = a;
	a->pause.data = a;
	return 0;
}

void accepting_start(struct accepting *a)
{
	if (uv_poll_start(&a->poll, UV_READABLE, on_connectable) < 0)
		pause_accepting(a);
}

void accepting_stop(struct accepting *a, uv_close_cb closed, void *arg)
{
	a->poll.data = arg;
	a->pause.data = arg;
	uv_close((uv_handle_t *)&a->poll, closed);
	uv_close((uv_handle_t *)&a->pause, closed);
	(void)close(a->fd);
}
