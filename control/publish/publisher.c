#include "control/publish/publisher.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/publish/attachment.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/ipc.h"
#include "shared/log.h"

enum {
	HELLO_TIMEOUT_MS = 5000,
	TICK_MIN_MS = 20,
	TICK_MAX_MS = 1000,
	MESSAGES_PER_WAKEUP = 32, /* of one data plane, before others get their turn */
};

/* An attachment and its event loop handle, which watches the socket, then perhaps the pidfd. */
struct peer {
	struct attachment a;
	uv_poll_t poll;
	bool polling;      /* the handle is open or being closed */
	uint64_t asked_at; /* clock_now_ns() of the open question */
	uint64_t number;   /* of the attachment; 0: none yet */
	uint64_t told;     /* of that which the punted callback knows of */
	struct publisher *publisher;
	const struct config
		*welcomed; /* what it was told to be, held; NULL: nobody was */
};

/* Somebody who wants to know when a grace number has become visible. */
struct visible_wait {
	struct visible_wait *next;
	uint64_t number;
	uint64_t deadline; /* ms */
	int err;           /* once it is over */
	visible_done *done;
	void *arg;
};

struct publisher {
	const struct config *config; /* the loop thread's, and others' with the lock */
	uv_loop_t *loop;
	uv_poll_t listener;
	uv_async_t wake;
	uv_timer_t tick;
	uv_timer_t deadline;        /* of the wait that ends first */
	struct visible_wait *waits; /* the loop thread's */
	unsigned handles; /* open on the loop; the memory goes with the last one */
	bool closing;
	int listen_fd;
	dev_t socket_dev; /* of the name in the file system, so that only our own is removed */
	ino_t socket_ino;
	publisher_watcher *watcher;
	void *watcher_arg;
	publisher_punted *punted;
	void *punted_arg;
	uint64_t attached; /* data planes so far */
	bool past_kernel;  /* what the watcher was told last */
	bool by_kernel;

	/* lock guards what is below. */
	pthread_mutex_t lock;
	struct segment slots_segment;
	struct slots *slots;
	struct attachment_goal goal;
	struct durations grace;
	uint64_t ended
		[COUNTER_COUNT]; /* counted by attachments whose slot was used again */
	struct peer peers[ATTACHMENTS_MAX];
};

static void lock(struct publisher *p)
{
	int err = pthread_mutex_lock(&p->lock);
	assert(err == 0);
	(void)err;
}

static void unlock(struct publisher *p)
{
	int err = pthread_mutex_unlock(&p->lock);
	assert(err == 0);
	(void)err;
}

/* ---- the end of the publisher ---- */

static void free_publisher(struct publisher *p)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		config_release(p->peers[i].welcomed);
	segment_close(&p->slots_segment);
	close(p->goal.segment_fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void handle_closed(struct publisher *p)
{
	if (--p->handles == 0 && p->closing)
		free_publisher(p);
}

static void on_handle_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_handle_closed);
}

/* ---- the watcher ---- */

static bool is_attached(const struct attachment *a)
{
	return a->state != ATTACHMENT_FREE && a->state != ATTACHMENT_GREETING &&
	       a->pid != 0;
}

static bool runs(const struct publisher *p, const char *io)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &p->peers[i].a;
		if (is_attached(a) && strcmp(a->started.io, io) == 0)
			return true;
	}
	return false;
}

/* On the loop thread, with the lock not held: the watcher may ask the publisher. */
static void tell_watcher(struct publisher *p)
{
	lock(p);
	bool past_kernel = runs(p, "dpdk") || runs(p, "xdp");
	bool by_kernel = runs(p, "udp");
	unlock(p);
	if (p->closing || !p->watcher ||
	    (past_kernel == p->past_kernel && by_kernel == p->by_kernel))
		return;
	p->past_kernel = past_kernel;
	p->by_kernel = by_kernel;
	p->watcher(p->watcher_arg, past_kernel, by_kernel);
}

/* ---- punting ---- */

static uint64_t number_of(const struct peer *peer)
{
	return peer->a.state == ATTACHMENT_ATTACHED ? peer->number : 0;
}

/* On the loop thread, with the lock not held: who is told asks the publisher. */
static void tell_punted(struct peer *peer)
{
	struct publisher *p = peer->publisher;
	uint64_t number = number_of(peer);

	if (p->closing || !p->punted || (!peer->a.nudged && number == peer->told))
		return;
	peer->a.nudged = false;
	peer->told = number;
	p->punted(p->punted_arg, (unsigned)(peer - p->peers));
}

/* ---- those who wait until something is visible, on the loop thread ---- */

static bool is_visible(const struct publisher *p, uint64_t number, uint64_t now)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &p->peers[i].a;
		if (attachment_behind(a, p->goal.generation, number) &&
		    attachment_silence(a, now) <= p->config->stopped_after_ms)
			return false;
	}
	return true;
}

/* Takes those whose wait is over out of the list. */
static struct visible_wait *take_over(struct publisher *p)
{
	struct visible_wait *over = NULL;
	struct visible_wait **end = &over;
	uint64_t now = clock_now_ms();

	lock(p);
	for (struct visible_wait **link = &p->waits; *link;) {
		struct visible_wait *w = *link;
		bool visible = is_visible(p, w->number, now);
		if (!visible && !p->closing && now < w->deadline) {
			link = &w->next;
			continue;
		}
		w->err = visible ? 0 : p->closing ? ERR_GONE : ERR_TIMEOUT;
		*link = w->next;
		w->next = NULL;
		*end = w;
		end = &w->next;
	}
	unlock(p);
	return over;
}

static void on_deadline(uv_timer_t *timer);

static void set_deadline(struct publisher *p)
{
	uint64_t now = clock_now_ms();
	uint64_t first = UINT64_MAX;

	if (p->closing)
		return;
	for (const struct visible_wait *w = p->waits; w; w = w->next)
		first = w->deadline < first ? w->deadline : first;
	if (first == UINT64_MAX) {
		(void)uv_timer_stop(&p->deadline);
		return;
	}
	/* One more, so that the clock of the timer and ours agree that it has passed. */
	uv_update_time(p->loop);
	(void)uv_timer_start(&p->deadline, on_deadline, first > now ? first - now + 1 : 1,
	                     0);
}

/* With the lock not held: who waited may ask the publisher. */
static void tell_waits(struct publisher *p)
{
	struct visible_wait *over = take_over(p);

	if (!over)
		return;
	set_deadline(p);
	while (over) {
		struct visible_wait *w = over;
		over = w->next;
		w->done(w->arg, w->err);
		free(w);
	}
}

static void on_deadline(uv_timer_t *timer)
{
	struct publisher *p = timer->data;

	tell_waits(p);
	set_deadline(p);
}

void publisher_when_visible(struct publisher *p, uint64_t number, unsigned timeout_ms,
                            visible_done *done, void *arg)
{
	struct visible_wait *w = malloc(sizeof *w);

	if (!w)
		abort();
	*w = (struct visible_wait){
		.next = p->waits,
		.number = number,
		.deadline = clock_now_ms() + timeout_ms,
		.done = done,
		.arg = arg,
	};
	p->waits = w;
	tell_waits(p);
	set_deadline(p);
}

/* ---- the end of an attachment ---- */

static void on_process_ended(uv_poll_t *handle, int status, int events);

static bool start_polling(struct peer *peer, int fd, uv_poll_cb callback)
{
	struct publisher *p = peer->publisher;

	if (uv_poll_init(p->loop, &peer->poll, fd) != 0)
		return false;
	peer->poll.data = peer;
	peer->polling = true;
	p->handles++;
	int err = uv_poll_start(&peer->poll, UV_READABLE, callback);
	assert(err == 0);
	(void)err;
	return true;
}

/* The loop has let go of the descriptor: it can be closed. */
static void on_poll_closed(uv_handle_t *handle)
{
	struct peer *peer = handle->data;
	struct publisher *p = peer->publisher;
	struct attachment *a = &peer->a;

	lock(p);
	peer->polling = false;
	if (a->fd >= 0) {
		close(a->fd);
		a->fd = -1;
	}
	if (p->closing || a->state != ATTACHMENT_CLOSING || a->offered == 0 ||
	    attachment_process_ended(a) ||
	    !start_polling(peer, a->pidfd, on_process_ended)) {
		attachment_end(a);
	} else {
		a->state = ATTACHMENT_LINGERING;
		a->quiet_since = clock_now_ms();
	}
	unlock(p);
	tell_watcher(p);
	tell_punted(peer);
	tell_waits(p);
	handle_closed(p);
}

/* From here on the attachment only waits for the loop. With the lock held. */
static void hang_up(struct peer *peer, const char *why)
{
	if (why != NULL)
		log_warning("data plane %u: %s: connection closed", peer->a.pid, why);
	peer->a.state = ATTACHMENT_CLOSING;
	if (!uv_is_closing((uv_handle_t *)&peer->poll))
		uv_close((uv_handle_t *)&peer->poll, on_poll_closed);
}

/* Lets go of a lingering process: it ended, or it is tracked by a newer attachment. */
static void forget_lingering(struct peer *peer)
{
	if (!uv_is_closing((uv_handle_t *)&peer->poll))
		uv_close((uv_handle_t *)&peer->poll, on_poll_closed);
}

static void on_process_ended(uv_poll_t *handle, int status, int events)
{
	struct peer *peer = handle->data;

	(void)status;
	(void)events;
	lock(peer->publisher);
	forget_lingering(peer);
	unlock(peer->publisher);
}

/* ---- talking to an attachment, with the lock held ---- */

static void on_socket(uv_poll_t *handle, int status, int events);

static void ask(struct publisher *p, struct peer *peer)
{
	uint64_t open = peer->a.open_grace;
	int err = attachment_ask(&peer->a, &p->goal, clock_now_ms());

	if (peer->a.open_grace != open)
		peer->asked_at = clock_now_ns();
	if (err == 0 || err == ERR_BUSY) {
		int events = UV_READABLE | (err == ERR_BUSY ? UV_WRITABLE : 0);
		uv_poll_start(&peer->poll, events, on_socket);
		return;
	}
	/* One that is gone says so by its hang-up, which also ends with hang_up(). */
	hang_up(peer, err == ERR_GONE ? NULL : err_text(err));
}

static void ask_all(struct publisher *p)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		if (p->peers[i].a.state == ATTACHMENT_ATTACHED)
			ask(p, &p->peers[i]);
	}
}

static void refuse(int fd, const char *text)
{
	struct ipc_message m = {.type = IPC_REFUSED};

	snprintf(m.text, sizeof m.text, "%s", text);
	if (ipc_send(fd, &m, -1) != 0)
		log_warning("a data plane was not told why: %s", text);
}

static struct ipc_address address_of(const struct sockaddr_storage *ss)
{
	struct ipc_address a = {0};

	if (ss->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, ss, sizeof in);
		a.is_ipv4 = 1;
		memcpy(a.addr, &in.sin_addr, sizeof in.sin_addr);
		a.port = ntohs(in.sin_port);
	} else {
		struct sockaddr_in6 in6;
		memcpy(&in6, ss, sizeof in6);
		memcpy(a.addr, &in6.sin6_addr, sizeof in6.sin6_addr);
		a.port = ntohs(in6.sin6_port);
		a.scope = in6.sin6_scope_id;
	}
	return a;
}

static unsigned worker_count(const struct config *c)
{
	if (c->workers == 0)
		return 1;
	return c->workers < WORKERS_MAX ? c->workers : WORKERS_MAX;
}

STATIC_ASSERT((int)CONFIG_LISTEN_MAX <= (int)IPC_LISTEN_MAX,
              "WELCOME holds every address");
STATIC_ASSERT((int)CONFIG_CPUS_MAX <= (int)IPC_CPUS_MAX, "WELCOME holds every processor");

static void fill_io(struct io_settings *s, const struct config *c)
{
	s->kind = c->io;
	s->idle = c->dpdk_idle;
	s->exception = c->dpdk_exception;
	s->xdp_mode = c->xdp_mode;
	s->zero_copy = c->xdp_zero_copy;
	s->busy_poll = c->xdp_busy_poll;
	s->descriptors = (uint16_t)c->dpdk_descriptors;
	(void)snprintf(s->eal, sizeof s->eal, "%s", c->dpdk_eal);
	(void)snprintf(s->ports, sizeof s->ports, "%s", c->dpdk_ports);
	(void)snprintf(s->interfaces, sizeof s->interfaces, "%s", c->xdp_interfaces);
}

static int send_welcome(struct publisher *p, unsigned slot)
{
	const struct config *c = p->config;
	struct ipc_message m = {.type = IPC_WELCOME};
	struct ipc_welcome *w = &m.welcome;

	memset(w, 0, sizeof *w);
	w->slot = (uint16_t)slot;
	w->workers = (uint16_t)worker_count(c);
	fill_io(&w->io, c);
	w->sandbox = c->sandbox;
	w->cpu_count = (uint16_t)c->cpu_count;
	for (size_t i = 0; i < c->cpu_count; i++)
		w->cpus[i] = (uint16_t)c->cpus[i];
	w->listen_count = (uint16_t)c->listen_count;
	for (size_t i = 0; i < c->listen_count; i++)
		w->listen[i] = address_of(&c->listen[i]);
	return ipc_send(p->peers[slot].a.fd, &m, p->slots_segment.fd);
}

static int greet(struct publisher *p, struct peer *peer, const struct ipc_hello *hello)
{
	char text[IPC_TEXT_SIZE];
	unsigned slot = (unsigned)(peer - p->peers);
	int err = attachment_greet(&peer->a, hello, text, sizeof text);

	if (err != 0) {
		refuse(peer->a.fd, text);
		return err;
	}
	slots_add(&p->slots->attachments[slot], p->ended);
	slots_clear(&p->slots->attachments[slot]);
	for (unsigned i = 0; i < worker_count(p->config); i++)
		punt_reset(&p->slots->punts[slot][i]);
	peer->number = ++p->attached;
	config_release(peer->welcomed);
	peer->welcomed = config_hold(p->config);
	return send_welcome(p, slot);
}

/* A process that hung up and attached again reads nothing but what its new attachment says, once
 * it has switched. The pid is certain: the old process has not ended. */
static void forget_earlier_self(struct publisher *p, const struct attachment *now)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		struct peer *peer = &p->peers[i];
		if (peer->a.state == ATTACHMENT_LINGERING && peer->a.pid == now->pid)
			forget_lingering(peer);
	}
}

static int handle_message(struct publisher *p, struct peer *peer,
                          const struct ipc_message *m)
{
	struct attachment *a = &peer->a;

	if (a->state == ATTACHMENT_GREETING)
		return m->type == IPC_HELLO ? greet(p, peer, &m->hello) : ERR_CORRUPT;
	bool asked = a->open_grace != 0;
	TRY(attachment_answer(a, m, clock_now_ms()));
	if (asked && a->open_grace == 0)
		durations_add(&p->grace, clock_now_ns() - peer->asked_at);
	if (m->type == IPC_SEGMENT_DONE)
		forget_earlier_self(p, a);
	if (m->type == IPC_SEGMENT_REFUSED)
		log_error("data plane %u refused segment %" PRIu64 ": %s", a->pid,
		          m->number, m->text);
	return 0;
}

static int receive(struct publisher *p, struct peer *peer)
{
	struct ipc_message m;
	int fd;

	for (unsigned i = 0; i < MESSAGES_PER_WAKEUP; i++) {
		TRY(ipc_receive(peer->a.fd, &m, &fd));
		if (fd >= 0) {
			close(fd);
			return ERR_CORRUPT;
		}
		TRY(handle_message(p, peer, &m));
	}
	return 0;
}

static void on_socket(uv_poll_t *handle, int status, int events)
{
	struct peer *peer = handle->data;
	struct publisher *p = peer->publisher;
	int err = status == 0 ? ERR_BUSY : ERR_GONE;

	lock(p);
	if (status == 0 && (events & UV_READABLE))
		err = receive(p, peer);
	if (err == 0 || err == ERR_BUSY)
		ask(p, peer);
	else
		hang_up(peer, err == ERR_GONE ? NULL : err_text(err));
	unlock(p);
	tell_watcher(p);
	tell_punted(peer);
	tell_waits(p);
}

/* ---- loop callbacks ---- */

static struct peer *free_peer(struct publisher *p)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		if (p->peers[i].a.state == ATTACHMENT_FREE && !p->peers[i].polling)
			return &p->peers[i];
	}
	return NULL;
}

static void accept_one(struct publisher *p, int fd)
{
	struct peer *peer = free_peer(p);

	if (peer == NULL) {
		refuse(fd, "too many data planes");
		close(fd);
		return;
	}
	attachment_begin(&peer->a, fd, clock_now_ms());
	if (!start_polling(peer, fd, on_socket))
		attachment_end(&peer->a);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct publisher *p = handle->data;
	int fd;

	(void)status;
	(void)events;
	lock(p);
	while ((fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
	       0)
		accept_one(p, fd);
	/* Without a descriptor for it, who waits does so until the next tick looks again. */
	if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		(void)uv_poll_stop(handle);
	unlock(p);
}

static void on_wake(uv_async_t *handle)
{
	struct publisher *p = handle->data;

	lock(p);
	ask_all(p);
	unlock(p);
}

static void check_silence(struct publisher *p, struct peer *peer, uint64_t now)
{
	struct attachment *a = &peer->a;
	bool stopped = attachment_silence(a, now) > p->config->stopped_after_ms;

	if (a->state == ATTACHMENT_GREETING && now - a->quiet_since > HELLO_TIMEOUT_MS)
		hang_up(peer, "no HELLO");
	if (stopped == a->alarmed)
		return;
	a->alarmed = stopped;
	log_warning("data plane %u %s", a->pid,
	            !stopped ? "answers again"
	            : a->state == ATTACHMENT_LINGERING
	                    ? "has hung up but not ended"
	                    : "is stopped: it does not answer");
}

/* A question now and then, so that one that stopped is noticed when nothing changes, too. */
static void on_tick(uv_timer_t *handle)
{
	struct publisher *p = handle->data;
	uint64_t now = clock_now_ms();

	lock(p);
	uv_poll_start(&p->listener, UV_READABLE, on_connection);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		check_silence(p, &p->peers[i], now);
	p->goal.requested++;
	ask_all(p);
	unlock(p);
	tell_waits(p);
}

/* ---- opening and closing ---- */

static int open_socket(struct publisher *p, char *text, size_t text_size)
{
	const char *path = p->config->dataplane_socket;
	struct stat st;
	int err = ipc_listen(path, &p->listen_fd);

	if (err == 0 && stat(path, &st) != 0) {
		close(p->listen_fd);
		err = ERR_SYSTEM;
	}
	if (err == ERR_BUSY)
		snprintf(text, text_size, "%s: another process listens there", path);
	else if (err == ERR_SYSTEM)
		snprintf(text, text_size, "%s: %s", path, strerror(errno));
	else if (err != 0)
		snprintf(text, text_size, "%s: %s", path, err_text(err));
	if (err != 0)
		return err;
	p->socket_dev = st.st_dev;
	p->socket_ino = st.st_ino;
	return 0;
}

static int start_ticking(struct publisher *p)
{
	uint64_t tick = p->config->stopped_after_ms / 4;

	if (tick < TICK_MIN_MS)
		tick = TICK_MIN_MS;
	if (tick > TICK_MAX_MS)
		tick = TICK_MAX_MS;
	return uv_timer_start(&p->tick, on_tick, tick, tick);
}

static void open_handles(struct publisher *p)
{
	p->handles = 4;
	p->listener.data = p;
	p->wake.data = p;
	p->tick.data = p;
	p->deadline.data = p;
	int err = uv_poll_init(p->loop, &p->listener, p->listen_fd);
	err = err ? err : uv_async_init(p->loop, &p->wake, on_wake);
	err = err ? err : uv_timer_init(p->loop, &p->tick);
	err = err ? err : uv_timer_init(p->loop, &p->deadline);
	err = err ? err : uv_poll_start(&p->listener, UV_READABLE, on_connection);
	err = err ? err : start_ticking(p);
	assert(err == 0); /* the loop is up and the descriptor is new */
	(void)err;
}

static void init_peers(struct publisher *p)
{
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		p->peers[i].publisher = p;
		p->peers[i].a = (struct attachment){.fd = -1, .pidfd = -1};
	}
}

int publisher_open(uv_loop_t *loop, const struct config *config, struct publisher **out,
                   char *text, size_t text_size)
{
	struct publisher *p = calloc(1, sizeof *p);
	int err = p ? slots_create(&p->slots_segment) : ERR_NOMEM;

	if (err != 0) {
		snprintf(text, text_size, "slots segment: %s", err_text(err));
		free(p);
		return err;
	}
	p->loop = loop;
	p->config = config;
	/* Holds the number of the segment's descriptor, so that later dup3() cannot run out. */
	p->goal.segment_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_mutex_init(&p->lock, NULL);
	init_peers(p);
	err = slots_attach(&p->slots_segment, &p->slots);
	assert(err == 0);
	if (p->goal.segment_fd < 0) {
		snprintf(text, text_size, "/dev/null: %s", strerror(errno));
		err = ERR_SYSTEM;
	}
	err = err ? err : open_socket(p, text, text_size);
	if (err != 0) {
		free_publisher(p);
		return err;
	}
	open_handles(p);
	*out = p;
	return 0;
}

void publisher_configure(struct publisher *p, const struct config *next)
{
	lock(p);
	p->config = next;
	unlock(p);
	int err = start_ticking(p);
	assert(err == 0);
	(void)err;
}

void publisher_watch(struct publisher *p, publisher_watcher *watcher, void *arg)
{
	p->watcher = watcher;
	p->watcher_arg = arg;
}

void publisher_watch_punts(struct publisher *p, publisher_punted *punted, void *arg)
{
	p->punted = punted;
	p->punted_arg = arg;
}

uint64_t publisher_punts(struct publisher *p, unsigned slot, struct publisher_punts *out)
{
	const struct peer *peer = &p->peers[slot];

	lock(p);
	out->of = p->slots->punts[slot];
	out->workers = peer->welcomed ? worker_count(peer->welcomed) : 0;
	uint64_t number = number_of(peer);
	unlock(p);
	return number;
}

void publisher_nudge(struct publisher *p, unsigned slot)
{
	struct peer *peer = &p->peers[slot];

	lock(p);
	if (peer->a.state == ATTACHMENT_ATTACHED) {
		peer->a.nudge = true;
		ask(p, peer);
	}
	unlock(p);
}

static void remove_socket(const struct publisher *p)
{
	const char *path = p->config->dataplane_socket;
	struct stat st;

	if (stat(path, &st) == 0 && st.st_dev == p->socket_dev &&
	    st.st_ino == p->socket_ino)
		(void)unlink(path);
}

void publisher_close(struct publisher **pp)
{
	struct publisher *p = *pp;

	*pp = NULL;
	lock(p);
	p->closing = true;
	remove_socket(p);
	close_handle((uv_handle_t *)&p->wake);
	close_handle((uv_handle_t *)&p->tick);
	close_handle((uv_handle_t *)&p->deadline);
	close_handle((uv_handle_t *)&p->listener);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		if (p->peers[i].polling)
			hang_up(&p->peers[i], NULL);
	}
	unlock(p);
	/* A poll handle lets go of its descriptor in uv_close() already. */
	close(p->listen_fd);
	tell_waits(p);
}

/* ---- any thread ---- */

void publisher_set_segment(struct publisher *p, int fd, uint64_t generation)
{
	lock(p);
	while (dup3(fd, p->goal.segment_fd, O_CLOEXEC) < 0)
		assert(errno == EINTR || errno == EBUSY);
	p->goal.generation = generation;
	unlock(p);
	uv_async_send(&p->wake);
}

uint64_t publisher_request_grace(struct publisher *p)
{
	lock(p);
	uint64_t number = ++p->goal.requested;
	unlock(p);
	uv_async_send(&p->wake);
	return number;
}

uint64_t publisher_passed(struct publisher *p)
{
	lock(p);
	uint64_t passed = p->goal.requested;
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &p->peers[i].a;
		if (attachment_holds(a, p->goal.generation) && a->answered < passed)
			passed = a->answered;
	}
	unlock(p);
	return passed;
}

static void describe(const struct publisher *p, unsigned i, struct attachment_info *out)
{
	const struct attachment *a = &p->peers[i].a;
	uint64_t silence = attachment_silence(a, clock_now_ms());

	*out = (struct attachment_info){
		.pid = a->pid,
		.generation = a->mapped,
		.answered = a->answered,
		.silent_ms = silence,
		.stopped = silence > p->config->stopped_after_ms,
		.holds = attachment_holds(a, p->goal.generation),
		.workers = worker_count(p->peers[i].welcomed),
		.started = a->started,
	};
	slots_add(&p->slots->attachments[i], out->counters);
}

unsigned publisher_attachments(struct publisher *p,
                               struct attachment_info out[static ATTACHMENTS_MAX])
{
	unsigned n = 0;

	lock(p);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		if (is_attached(&p->peers[i].a))
			describe(p, i, &out[n++]);
	}
	unlock(p);
	return n;
}

void publisher_counters(struct publisher *p, uint64_t out[static COUNTER_COUNT])
{
	lock(p);
	memcpy(out, p->ended, sizeof p->ended);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		slots_add(&p->slots->attachments[i], out);
	unlock(p);
}

void publisher_grace_times(struct publisher *p, struct durations *out)
{
	lock(p);
	*out = p->grace;
	unlock(p);
}

void publisher_rings(struct publisher *p, struct publisher_rings *out)
{
	lock(p);
	out->of = p->slots->rings;
	out->workers = worker_count(p->config);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct config *c = p->peers[i].welcomed;
		if (c && worker_count(c) > out->workers)
			out->workers = worker_count(c);
	}
	unlock(p);
}

void publisher_each_welcomed(struct publisher *p,
                             void (*fn)(const struct config *, void *), void *arg)
{
	lock(p);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		if (is_attached(&p->peers[i].a))
			fn(p->peers[i].welcomed, arg);
	}
	unlock(p);
}

void publisher_worker_counters(struct publisher *p, uint32_t pid, unsigned worker,
                               uint64_t out[static COUNTER_COUNT])
{
	memset(out, 0, COUNTER_COUNT * sizeof *out);
	lock(p);
	for (unsigned i = 0; worker < WORKERS_MAX && i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &p->peers[i].a;
		if (is_attached(a) && a->pid == pid)
			counters_add(&p->slots->attachments[i].workers[worker], out);
	}
	unlock(p);
}

void publisher_ports(struct publisher *p, uint32_t pid, struct ipc_ports *out)
{
	*out = (struct ipc_ports){0};
	lock(p);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &p->peers[i].a;
		if (is_attached(a) && a->pid == pid && a->ports.count)
			*out = a->ports;
	}
	unlock(p);
}

unsigned publisher_serving(struct publisher *p)
{
	unsigned n = 0;

	lock(p);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		n += p->peers[i].a.state == ATTACHMENT_ATTACHED &&
		     p->peers[i].a.mapped != 0;
	unlock(p);
	return n;
}

/* ---- supervision ---- */

unsigned publisher_supervised(struct publisher *p)
{
	unsigned n = 0;

	lock(p);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		n += is_attached(&p->peers[i].a) && p->peers[i].a.supervised;
	unlock(p);
	return n;
}

void publisher_terminate_supervised(struct publisher *p)
{
	lock(p);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &p->peers[i].a;
		/* One that has just ended needs no signal. */
		if (is_attached(a) && a->supervised)
			(void)syscall(SYS_pidfd_send_signal, a->pidfd, SIGTERM, NULL, 0);
	}
	unlock(p);
}
