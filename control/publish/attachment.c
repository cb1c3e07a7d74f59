#include "control/publish/attachment.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/slots.h"
#include "shared/table.h"

void attachment_begin(struct attachment *a, int fd, uint64_t now)
{
	*a = (struct attachment){
		.state = ATTACHMENT_GREETING, .fd = fd, .pidfd = -1, .quiet_since = now};
}

void attachment_end(struct attachment *a)
{
	if (a->fd >= 0)
		close(a->fd);
	if (a->pidfd >= 0)
		close(a->pidfd);
	*a = (struct attachment){.state = ATTACHMENT_FREE, .fd = -1, .pidfd = -1};
}

/* A pidfd is for the process that connected only if that process cannot have ended, and its
 * number passed to another, before the pidfd was opened: so its end of the socket must still
 * be open afterwards. */
static int hold_process(struct attachment *a)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	struct pollfd socket_end = {.fd = a->fd};

	if (getsockopt(a->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.pid <= 0)
		return ERR_SYSTEM;
	int pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	if (pidfd < 0)
		return ERR_SYSTEM;
	if (poll(&socket_end, 1, 0) != 0) {
		close(pidfd);
		return ERR_GONE;
	}
	a->pidfd = pidfd;
	a->pid = (uint32_t)peer.pid;
	return 0;
}

int attachment_greet(struct attachment *a, const struct ipc_hello *hello, char *text,
                     size_t size)
{
	if (hello->table_layout != TABLE_LAYOUT || hello->slots_layout != SLOTS_LAYOUT) {
		snprintf(text, size,
		         "table layout %u and slots layout %u are needed, not %u and %u",
		         (unsigned)TABLE_LAYOUT, (unsigned)SLOTS_LAYOUT,
		         hello->table_layout, hello->slots_layout);
		return ERR_VERSION;
	}
	int err = hold_process(a);
	if (err != 0) {
		snprintf(text, size, "the process at the other end cannot be watched");
		return err;
	}
	memset(&a->started, 0, sizeof a->started);
	memset(&a->ports, 0, sizeof a->ports);
	memcpy(a->started.io, hello->io, sizeof a->started.io);
	a->supervised = hello->supervised != 0;
	a->state = ATTACHMENT_ATTACHED;
	return 0;
}

static int ask(struct attachment *a, const struct ipc_message *m, int fd, uint64_t now)
{
	TRY(ipc_send(a->fd, m, fd));
	a->quiet_since = now;
	return 0;
}

int attachment_ask(struct attachment *a, const struct attachment_goal *goal, uint64_t now)
{
	struct ipc_message m;

	if (a->state != ATTACHMENT_ATTACHED)
		return 0;
	if (a->nudge) {
		m.type = IPC_NUDGE;
		TRY(ipc_send(a->fd, &m, -1));
		a->nudge = false;
	}
	if (a->open_offer || a->open_grace)
		return 0;
	if (a->offered != goal->generation && a->refused != goal->generation) {
		m.type = IPC_SEGMENT;
		m.number = goal->generation;
		TRY(ask(a, &m, goal->segment_fd, now));
		a->open_offer = goal->generation;
		a->offered = goal->generation;
		/* Whatever was unlinked before this moment it will not find. */
		a->answered = goal->requested;
		return 0;
	}
	if (a->answered < goal->requested) {
		m.type = IPC_GRACE;
		m.number = goal->requested;
		TRY(ask(a, &m, -1, now));
		a->open_grace = goal->requested;
	}
	return 0;
}

/* What it says unasked is no sign that it answers. */
static bool take_news(struct attachment *a, const struct ipc_message *m)
{
	if (m->type == IPC_STARTED)
		a->started = m->started;
	else if (m->type == IPC_PORTS)
		a->ports = m->ports;
	else if (m->type == IPC_NUDGE)
		a->nudged = true;
	else
		return false;
	return true;
}

int attachment_answer(struct attachment *a, const struct ipc_message *m, uint64_t now)
{
	if (take_news(a, m))
		return 0;
	a->quiet_since = now;
	if (m->type == IPC_GRACE_DONE && a->open_grace && m->number == a->open_grace) {
		a->answered = a->open_grace;
		a->open_grace = 0;
		return 0;
	}
	if (!a->open_offer || m->number != a->open_offer)
		return ERR_CORRUPT;
	if (m->type == IPC_SEGMENT_DONE) {
		a->mapped = a->open_offer;
	} else if (m->type == IPC_SEGMENT_REFUSED) {
		a->refused = a->open_offer;
		a->offered = a->mapped;
	} else {
		return ERR_CORRUPT;
	}
	a->open_offer = 0;
	return 0;
}

bool attachment_process_ended(const struct attachment *a)
{
	struct pollfd p = {.fd = a->pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static bool is_present(const struct attachment *a)
{
	return a->state == ATTACHMENT_ATTACHED || a->state == ATTACHMENT_CLOSING ||
	       a->state == ATTACHMENT_LINGERING;
}

bool attachment_holds(const struct attachment *a, uint64_t generation)
{
	return is_present(a) && generation != 0 && a->offered == generation;
}

bool attachment_behind(const struct attachment *a, uint64_t generation, uint64_t number)
{
	if (!is_present(a))
		return false;
	if (a->offered !=
	    generation) /* one that refused shows what it had before, if anything */
		return a->refused != generation || a->mapped != 0;
	return a->answered < number || a->mapped != generation;
}

uint64_t attachment_silence(const struct attachment *a, uint64_t now)
{
	bool owes = a->open_offer || a->open_grace || a->state == ATTACHMENT_LINGERING;

	return owes && is_present(a) && now > a->quiet_since ? now - a->quiet_since : 0;
}
