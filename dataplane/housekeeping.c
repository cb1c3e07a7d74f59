#include "dataplane/housekeeping.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "dataplane/attach.h"
#include "dataplane/choose.h"
#include "dataplane/io/io.h"
#include "dataplane/io/nudge.h"
#include "dataplane/punting.h"
#include "dataplane/sandbox.h"
#include "dataplane/view.h"
#include "dataplane/worker.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rcu.h"

struct housekeeper {
	struct attach attach;
	struct views views;
	int signals;
	int wake; /* eventfd: readable once stop is true */
	int bell; /* eventfd: a worker has punted something while the control plane slept */
	_Atomic bool stop;

	bool opened; /* the settings below are in force, and stay so */
	bool started;
	struct ipc_welcome settings;
	struct ipc_message started_io; /* which back end runs, and why */
	const struct io_ops *ops;
	struct io_device *device;
	struct io_config io;
	uint64_t ports_due; /* ms: when the control plane is told of the ports again */
	struct sockaddr_storage listen[IPC_LISTEN_MAX];
	unsigned nworkers;
	struct worker workers[WORKERS_MAX];
	unsigned nnudges;
	int nudges
		[WORKERS_MAX]; /* eventfds: something has come down while the worker slept */
};

/* ---- settings ---- */

static struct sockaddr_storage sockaddr_of(const struct ipc_address *a)
{
	struct sockaddr_storage ss = {0};

	if (a->is_ipv4) {
		struct sockaddr_in in = {.sin_family = AF_INET,
		                         .sin_port = htons(a->port)};
		memcpy(&in.sin_addr, a->addr, sizeof in.sin_addr);
		memcpy(&ss, &in, sizeof in);
	} else {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		                           .sin6_port = htons(a->port),
		                           .sin6_scope_id = a->scope};
		memcpy(&in6.sin6_addr, a->addr, sizeof in6.sin6_addr);
		memcpy(&ss, &in6, sizeof in6);
	}
	return ss;
}

static int open_worker(struct housekeeper *h, unsigned i)
{
	const struct ipc_welcome *s = &h->settings;
	struct worker *w = &h->workers[i];
	char text[256];

	*w = (struct worker){
		.index = i,
		.cpu = s->cpu_count ? s->cpus[i % s->cpu_count] : WORKER_ANY_CPU,
		.ops = h->ops,
		.views = &h->views,
		.stop = &h->stop,
		.bell = h->bell,
		.attended = &h->attach.welcomed,
	};
	h->nudges[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->nudges[i] < 0) {
		log_error("worker %u: %s", i, strerror(errno));
		return ERR_SYSTEM;
	}
	h->nnudges++;
	views_hand_to(&h->views, i, punting_up, w);
	int err = w->ops->open(&h->io, h->device, i, &w->io, text, sizeof text);
	if (err != 0)
		log_error("%s", text);
	return err;
}

static bool can_serve(const struct ipc_welcome *w)
{
	return w->workers != 0 && w->workers <= WORKERS_MAX && w->slot < ATTACHMENTS_MAX;
}

static int start_io(struct housekeeper *h, struct ipc_started *started)
{
	char why[1024];
	int err = io_choose(&h->io, &h->ops, &h->device, why, sizeof why);

	if (err != 0) {
		log_error("no way in: %s", why);
		return err;
	}
	log_info("%s", why);
	snprintf(started->io, sizeof started->io, "%s", h->ops->name);
	snprintf(started->text, sizeof started->text, "%.*s", IPC_TEXT_SIZE - 1, why);
	return 0;
}

/* The first WELCOME: opens everything, so that what cannot be served is known at once. */
static int open_workers(struct housekeeper *h, const struct ipc_welcome *w)
{
	h->started_io.type = IPC_STARTED;
	h->settings = *w;
	for (unsigned i = 0; i < w->listen_count; i++)
		h->listen[i] = sockaddr_of(&w->listen[i]);
	h->io = (struct io_config){.listen = h->listen,
	                           .listen_count = w->listen_count,
	                           .workers = w->workers,
	                           .settings = &h->settings.io,
	                           .wake_fd = h->wake,
	                           .nudge_fds = h->nudges};
	TRY(start_io(h, &h->started_io.started));
	for (; h->nworkers < w->workers; h->nworkers++)
		TRY(open_worker(h, h->nworkers));
	h->opened = true;
	return 0;
}

/* Once everything is open, and before the first packet is looked at. */
static int confine(const struct housekeeper *h)
{
	struct sandbox_options options = {.io = h->ops->name};
	char text[256];

	if (!h->settings.sandbox) {
		log_warning("not confined (control.sandbox: no)");
		return 0;
	}
	int err = sandbox_enter(&options, text, sizeof text);
	if (err != 0)
		log_error("cannot confine itself: %s; control.sandbox: no "
		          "does without",
		          text);
	return err;
}

static bool same_settings(const struct ipc_welcome *a, const struct ipc_welcome *b)
{
	return a->workers == b->workers && a->sandbox == b->sandbox &&
	       memcmp(&a->io, &b->io, sizeof a->io) == 0 &&
	       a->cpu_count == b->cpu_count && a->listen_count == b->listen_count &&
	       memcmp(a->cpus, b->cpus, sizeof a->cpus) == 0 &&
	       memcmp(a->listen, b->listen, sizeof a->listen) == 0;
}

/* ---- messages ---- */

/* What the control plane sent makes no sense: give it up until it is asked for anew. */
static void drop(struct housekeeper *h, const char *what, int err)
{
	char why[128];

	snprintf(why, sizeof why, "%s: %s", what, err_text(err));
	attach_drop(&h->attach, why);
}

/* The control plane that asks for other settings than an earlier one is told that it does not have
 * them. */
static void say_started(struct housekeeper *h, bool as_wanted)
{
	struct ipc_message m = h->started_io;
	size_t len = strlen(m.started.text);

	if (!as_wanted) {
		log_warning("the settings have changed; the new ones take a restart of "
		            "this process");
		(void)snprintf(m.started.text + len, sizeof m.started.text - len,
		               "; its settings have changed since: they take a restart "
		               "of it");
	}
	attach_send(&h->attach, &m);
}

/* Only what this process cannot serve at all is an error. */
static int on_welcome(struct housekeeper *h, const struct ipc_welcome *w, int fd)
{
	if (!can_serve(w)) {
		close(fd);
		attach_drop(&h->attach,
		            "WELCOME asks for what this data plane does not have");
		return 0;
	}
	if (!h->opened) {
		int err = open_workers(h, w);
		if (err == 0)
			err = confine(h);
		if (err != 0) {
			close(fd);
			return err;
		}
	}
	say_started(h, same_settings(w, &h->settings));
	int err = views_set_slots(&h->views, fd, w->slot, h->nworkers);
	if (err != 0)
		drop(h, "slots segment", err);
	else
		attach_succeeded(&h->attach);
	return 0;
}

static int start_workers(struct housekeeper *h)
{
	for (unsigned i = 0; i < h->nworkers; i++) {
		int err = worker_start(&h->workers[i]);
		if (err != 0) {
			log_error("worker %u: %s", i, err_text(err));
			h->nworkers = i; /* what was started is what will be joined */
			return err;
		}
		h->started = true;
	}
	return 0;
}

static int on_segment(struct housekeeper *h, uint64_t generation, int fd)
{
	struct ipc_message reply = {.type = IPC_SEGMENT_DONE, .number = generation};
	int err = views_set_table(&h->views, fd, generation);

	if (err != 0) {
		reply.type = IPC_SEGMENT_REFUSED;
		snprintf(reply.text, sizeof reply.text, "%s", err_text(err));
		log_error("segment %" PRIu64 ": %s", generation, err_text(err));
	} else if (!h->started) {
		TRY(start_workers(h));
	}
	attach_send(&h->attach, &reply);
	return 0;
}

static void on_grace(struct housekeeper *h, uint64_t number)
{
	struct ipc_message reply = {.type = IPC_GRACE_DONE, .number = number};

	rcu_wait();
	attach_send(&h->attach, &reply);
}

/* Those that have something to send; whether they sleep they know best. */
static void nudge_workers(const struct housekeeper *h)
{
	for (unsigned i = 0; i < h->nworkers; i++) {
		if (punt_waits(&h->views.parts.workers[i].punt->down))
			nudge(h->nudges[i]);
	}
}

static int on_message(struct housekeeper *h, const struct ipc_message *m, int fd)
{
	bool welcomed = h->views.parts.attachment != NULL;

	if (m->type == IPC_WELCOME)
		return on_welcome(h, &m->welcome, fd);
	if (m->type == IPC_SEGMENT && welcomed)
		return on_segment(h, m->number, fd);
	if (m->type == IPC_GRACE && welcomed) {
		on_grace(h, m->number);
		return 0;
	}
	if (m->type == IPC_NUDGE && welcomed) {
		nudge_workers(h);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	attach_drop(&h->attach,
	            m->type == IPC_REFUSED ? m->text : "message out of place");
	return 0;
}

/* ---- the loop ---- */

static int receive_all(struct housekeeper *h)
{
	struct ipc_message m;
	int fd;

	while (h->attach.fd >= 0 && attach_receive(&h->attach, &m, &fd) == 0)
		TRY(on_message(h, &m, fd));
	return 0;
}

enum { PORTS_EVERY_MS = 1000 };

static bool has_ports(const struct housekeeper *h)
{
	return h->opened && h->ops->ports != NULL && h->attach.fd >= 0;
}

static void tell_ports(struct housekeeper *h)
{
	struct ipc_message m = {.type = IPC_PORTS};
	uint64_t now = clock_now_ms();

	if (!has_ports(h) || now < h->ports_due)
		return;
	h->ports_due = now + PORTS_EVERY_MS;
	memset(&m.ports, 0, sizeof m.ports);
	h->ops->ports(h->device, &m.ports);
	attach_send(&h->attach, &m);
}

/* Without a control plane that has made it welcome, what was punted is for nobody. */
static void pass_on_bell(struct housekeeper *h, const struct pollfd *bell)
{
	const struct ipc_message m = {.type = IPC_NUDGE};

	nudge_taken(bell);
	if (bell->revents != 0 &&
	    atomic_load_explicit(&h->attach.welcomed, memory_order_relaxed))
		attach_send(&h->attach, &m);
}

/* Milliseconds until there is something to do unasked; -1: nothing. */
static int timeout(const struct housekeeper *h)
{
	return has_ports(h) ? PORTS_EVERY_MS : attach_timeout(&h->attach);
}

static int serve(struct housekeeper *h)
{
	struct pollfd fds[] = {{.fd = h->signals, .events = POLLIN},
	                       {.events = POLLIN},
	                       {.fd = h->bell, .events = POLLIN}};

	for (;;) {
		attach_try(&h->attach, h->opened ? h->ops->name : "");
		fds[1].fd = h->attach.fd; /* -1: ignored */
		if (poll(fds, ARRAY_LEN(fds), timeout(h)) < 0) {
			if (errno != EINTR)
				return ERR_SYSTEM;
			continue;
		}
		tell_ports(h);
		pass_on_bell(h, &fds[2]);
		if (fds[0].revents)
			return 0;
		if (fds[1].revents)
			TRY(receive_all(h));
	}
}

/* Blocked in every thread, so that a burst is always finished; the housekeeper reads them. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void stop_workers(struct housekeeper *h)
{
	atomic_store_explicit(&h->stop, true, memory_order_relaxed);
	nudge(h->wake);
	for (unsigned i = 0; i < h->nworkers; i++) {
		struct worker *w = &h->workers[i];
		if (h->started)
			worker_join(w);
		w->ops->close(&w->io);
	}
	if (h->device != NULL)
		h->ops->stop(&h->device);
}

/* The connection is closed last: until then the control plane keeps the table as it is. */
static void close_all(struct housekeeper *h)
{
	stop_workers(h);
	views_fini(&h->views);
	attach_fini(&h->attach);
	for (unsigned i = 0; i < h->nnudges; i++)
		close(h->nudges[i]);
	close(h->wake);
	close(h->bell);
	close(h->signals);
}

int housekeeping_run(const struct housekeeping_options *options)
{
	struct housekeeper *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	attach_init(&h->attach, options->control_socket, options->supervised);
	views_init(&h->views);
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->signals = open_signals();
	int err = h->wake >= 0 && h->bell >= 0 && h->signals >= 0 ? serve(h) : ERR_SYSTEM;
	close_all(h);
	free(h);
	return err;
}
