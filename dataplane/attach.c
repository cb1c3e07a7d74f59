#include "dataplane/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/slots.h"
#include "shared/table.h"

/* A control plane that starts again waits a second for the data planes of the one before, before it
 * starts another (control/publish/supervise.c): the longest pause is well below. */
enum { PAUSE_MIN_MS = 200, PAUSE_MAX_MS = 500 };

void attach_init(struct attach *a, const char *path, bool supervised)
{
	*a = (struct attach){.path = path,
	                     .supervised = supervised,
	                     .fd = -1,
	                     .pause_ms = PAUSE_MIN_MS};
}

void attach_fini(struct attach *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	atomic_store_explicit(&a->welcomed, false, memory_order_relaxed);
}

int attach_timeout(const struct attach *a)
{
	uint64_t now = clock_now_ms();

	if (a->fd >= 0)
		return -1;
	return a->retry_at > now ? (int)(a->retry_at - now) : 0;
}

static void complain(struct attach *a, const char *why)
{
	if (strncmp(a->complaint, why, sizeof a->complaint - 1) == 0)
		return;
	snprintf(a->complaint, sizeof a->complaint, "%s", why);
	log_warning("%s: %s", a->path, why);
}

void attach_drop(struct attach *a, const char *why)
{
	attach_fini(a);
	complain(a, why);
	a->retry_at = clock_now_ms() + a->pause_ms;
	a->pause_ms = a->pause_ms * 2 < PAUSE_MAX_MS ? a->pause_ms * 2 : PAUSE_MAX_MS;
}

void attach_succeeded(struct attach *a)
{
	a->pause_ms = PAUSE_MIN_MS;
	atomic_store_explicit(&a->welcomed, true, memory_order_relaxed);
	complain(a, "attached");
}

void attach_send(struct attach *a, const struct ipc_message *m)
{
	int err = a->fd >= 0 ? ipc_send(a->fd, m, -1) : 0;

	if (err != 0)
		attach_drop(a, err_text(err));
}

void attach_try(struct attach *a, const char *io)
{
	struct ipc_message m = {.type = IPC_HELLO};

	if (a->fd >= 0 || clock_now_ms() < a->retry_at)
		return;
	int err = ipc_connect(a->path, &a->fd);
	if (err != 0) {
		a->fd = -1;
		attach_drop(a, err == ERR_GONE     ? "no control plane listens there yet"
		               : err == ERR_SYSTEM ? strerror(errno)
		                                   : err_text(err));
		return;
	}
	m.hello = (struct ipc_hello){.table_layout = TABLE_LAYOUT,
	                             .slots_layout = SLOTS_LAYOUT,
	                             .supervised = a->supervised};
	snprintf(m.hello.io, sizeof m.hello.io, "%s", io);
	attach_send(a, &m);
}

int attach_receive(struct attach *a, struct ipc_message *m, int *fd)
{
	int err = ipc_receive(a->fd, m, fd);

	if (err == ERR_GONE)
		attach_drop(
			a,
			"the control plane went away; serving on from the table that is here");
	else if (err != 0 && err != ERR_BUSY)
		attach_drop(a, err_text(err));
	return err;
}
