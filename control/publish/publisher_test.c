#include "control/publish/publisher.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "control/publish/supervise.h"
#include "control/publish/test_peer.h"
#include "shared/clock.h"

enum { SOON_MS = 5000, NEVER_MS = 300, PEERS_MAX = 4 };
enum { WATCHED_PAST_KERNEL = 1, WATCHED_BY_KERNEL = 2 };

/* What the test asks the loop's thread to wait for. */
struct wish {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t number;
	unsigned timeout_ms;
	unsigned count; /* of equal waits at once */
	bool open;      /* not asked yet */
	unsigned ended;
	int err; /* worst of them */
};

/* A publisher on a loop in a thread of its own; the test is the "any thread". */
struct fixture {
	char directory[32];
	char socket[64];
	struct config config;
	uv_loop_t loop;
	uv_async_t stop;
	uv_async_t ask;
	struct wish wish;
	pthread_t thread;
	bool running;
	struct publisher *publisher;
	struct supervisor *supervisor;
	struct segment table;
	atomic_int watched; /* what the watcher was told last: a sum of WATCHED_... */
	atomic_uint told;   /* how often */
	struct {
		atomic_ullong
			newest; /* highest number of an attachment that it was told of */
		atomic_uint taken; /* messages */
		atomic_uint ended; /* attachments */
	} punts;
	pid_t peers[PEERS_MAX];
	unsigned npeers;
};

static void on_visible(void *arg, int err)
{
	struct wish *w = &((struct fixture *)arg)->wish;

	pthread_mutex_lock(&w->lock);
	w->ended++;
	w->err = err < 0 ? err : w->err;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void on_ask(uv_async_t *handle)
{
	struct fixture *f = handle->data;
	struct wish *w = &f->wish;

	pthread_mutex_lock(&w->lock);
	unsigned count = w->open ? w->count : 0;
	w->open = false;
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < count; i++)
		publisher_when_visible(f->publisher, w->number, w->timeout_ms, on_visible,
		                       f);
}

static void wish(struct fixture *f, uint64_t number, unsigned timeout_ms, unsigned count)
{
	struct wish *w = &f->wish;

	pthread_mutex_lock(&w->lock);
	w->number = number;
	w->timeout_ms = timeout_ms;
	w->count = count;
	w->open = true;
	w->ended = 0;
	w->err = 0;
	pthread_mutex_unlock(&w->lock);
	uv_async_send(&f->ask);
}

static bool has_asked(struct fixture *f)
{
	pthread_mutex_lock(&f->wish.lock);
	bool asked = !f->wish.open;
	pthread_mutex_unlock(&f->wish.lock);
	return asked;
}

static int wish_result(struct fixture *f)
{
	struct wish *w = &f->wish;

	pthread_mutex_lock(&w->lock);
	while (w->ended < w->count)
		pthread_cond_wait(&w->changed, &w->lock);
	int err = w->err;
	pthread_mutex_unlock(&w->lock);
	return err;
}

static int wait_visible(struct fixture *f, uint64_t number, unsigned timeout_ms)
{
	wish(f, number, timeout_ms, 1);
	return wish_result(f);
}

static void on_stop(uv_async_t *handle)
{
	struct fixture *f = handle->data;

	if (f->supervisor)
		supervisor_close(&f->supervisor);
	publisher_close(&f->publisher);
	uv_close((uv_handle_t *)&f->ask, NULL);
	uv_close((uv_handle_t *)handle, NULL);
}

static void *run_loop(void *arg)
{
	struct fixture *f = arg;

	uv_run(&f->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void set_config(struct fixture *f)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5300)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5300)};

	f->config.dataplane_socket = f->socket;
	f->config.workers = 3;
	atomic_init(&f->config.references, 1); /* never the last one */
	f->config.stopped_after_ms = 60000;
	f->config.listen_count = 2;
	memcpy(&f->config.listen[0], &in, sizeof in);
	memcpy(&f->config.listen[1], &in6, sizeof in6);
}

static void watch(void *arg, bool past_kernel, bool by_kernel)
{
	struct fixture *f = arg;

	atomic_store_explicit(&f->watched,
	                      (past_kernel ? WATCHED_PAST_KERNEL : 0) |
	                              (by_kernel ? WATCHED_BY_KERNEL : 0),
	                      memory_order_relaxed);
	atomic_fetch_add_explicit(&f->told, 1, memory_order_relaxed);
}

static bool watched(struct fixture *f, int what, unsigned told)
{
	return atomic_load_explicit(&f->told, memory_order_relaxed) == told &&
	       atomic_load_explicit(&f->watched, memory_order_relaxed) == what;
}

/* On the loop's thread: sends back what has come up, as it is. */
static void punted(void *arg, unsigned slot)
{
	struct fixture *f = arg;
	struct publisher_punts rings;
	struct punt_record r;
	uint64_t number = publisher_punts(f->publisher, slot, &rings);

	if (number > atomic_load(&f->punts.newest))
		atomic_store(&f->punts.newest, number);
	if (number == 0)
		atomic_fetch_add(&f->punts.ended, 1);
	for (unsigned w = 0; number != 0 && w < rings.workers; w++) {
		struct punt *punt = &rings.of[w];
		do {
			while (punt_take(&punt->up, &r)) {
				struct punt_record *to = punt_reserve(&punt->down);
				assert(to != NULL);
				*to = r;
				atomic_fetch_add(&f->punts.taken, 1);
				if (punt_commit(&punt->down))
					publisher_nudge(f->publisher, slot);
			}
		} while (!punt_sleep(&punt->up));
	}
}

static void start(struct fixture *f)
{
	char text[256] = "";

	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->stop.data = f;
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	f->ask.data = f;
	assert_int_equal(uv_async_init(&f->loop, &f->ask, on_ask), 0);
	assert_int_equal(
		publisher_open(&f->loop, &f->config, &f->publisher, text, sizeof text),
		0);
	publisher_watch_punts(f->publisher, punted, f);
	publisher_watch(f->publisher, watch, f);
	if (f->config.supervise)
		supervisor_open(&f->loop, &f->config, f->publisher, &f->supervisor);
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f), 0);
	f->running = true;
}

/* As a control plane that ends; the loop must have nothing left. */
static void stop(struct fixture *f)
{
	f->running = false;
	uv_async_send(&f->stop);
	pthread_join(f->thread, NULL);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->directory, "/tmp/publisher_test.XXXXXX");
	if (mkdtemp(f->directory) == NULL)
		return -1;
	snprintf(f->socket, sizeof f->socket, "%s/socket", f->directory);
	set_config(f);
	pthread_mutex_init(&f->wish.lock, NULL);
	pthread_cond_init(&f->wish.changed, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->running)
		stop(f);
	for (unsigned i = 0; i < f->npeers; i++)
		peer_kill(f->peers[i]);
	segment_close(&f->table);
	unlink(f->socket);
	rmdir(f->directory);
	free(f);
	return 0;
}

static pid_t add_peer(struct fixture *f, const char *behaviour)
{
	pid_t pid = peer_start(behaviour, f->socket, false);

	assert_true(pid > 0);
	f->peers[f->npeers++] = pid;
	return pid;
}

static void publish(struct fixture *f, uint8_t generation)
{
	segment_close(&f->table);
	assert_int_equal(segment_create("table", 4096, true, &f->table), 0);
	f->table.base[0] = generation;
	publisher_set_segment(f->publisher, f->table.fd, generation);
}

#define WAIT_UNTIL(condition)                                \
	do {                                                 \
		uint64_t end = clock_now_ms() + SOON_MS;     \
		while (!(condition) && clock_now_ms() < end) \
			usleep(2000);                        \
		assert_true(condition);                      \
	} while (0)

#define STAYS_FALSE(condition)                            \
	do {                                              \
		uint64_t end = clock_now_ms() + NEVER_MS; \
		while (clock_now_ms() < end) {            \
			assert_false(condition);          \
			usleep(2000);                     \
		}                                         \
	} while (0)

/* What is known of the process; false: it is not attached. */
static bool find(struct fixture *f, pid_t pid, struct attachment_info *out)
{
	static struct attachment_info all[ATTACHMENTS_MAX];
	unsigned n = publisher_attachments(f->publisher, all);

	for (unsigned i = 0; i < n; i++) {
		if (all[i].pid == (uint32_t)pid) {
			*out = all[i];
			return true;
		}
	}
	return false;
}

static bool is_on(struct fixture *f, pid_t pid, uint64_t generation)
{
	struct attachment_info a;

	return find(f, pid, &a) && a.generation == generation;
}

static bool is_stopped(struct fixture *f, pid_t pid)
{
	struct attachment_info a;

	return find(f, pid, &a) && a.stopped;
}

static bool is_attached(struct fixture *f, pid_t pid)
{
	struct attachment_info a;

	return find(f, pid, &a);
}

static bool has_passed(struct fixture *f, uint64_t number)
{
	return publisher_passed(f->publisher) >= number;
}

/* ---- the rule ---- */

static void without_data_planes_every_grace_has_passed(void **state)
{
	struct fixture *f = *state;

	start(f);
	uint64_t first = publisher_request_grace(f->publisher);
	uint64_t second = publisher_request_grace(f->publisher);
	assert_true(second > first);
	assert_true(has_passed(f, second));
	assert_int_equal(wait_visible(f, second, 0), 0);
	stop(f);
}

static void data_plane_gets_the_segment_and_answers_grace(void **state)
{
	struct fixture *f = *state;
	struct attachment_info a;

	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, pid, 1));
	for (unsigned i = 0; i < 100; i++) {
		uint64_t number = publisher_request_grace(f->publisher);
		assert_int_equal(wait_visible(f, number, SOON_MS), 0);
		assert_true(has_passed(f, number));
	}
	assert_true(find(f, pid, &a));
	assert_string_equal(a.started.io, "udp");
	assert_string_equal(a.started.text, "for the test");
	assert_int_equal(a.workers, 3);
	assert_false(a.stopped);
	stop(f);
}

static void data_plane_that_came_first_gets_the_segment_later(void **state)
{
	struct fixture *f = *state;

	start(f);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_attached(f, pid));
	publish(f, 1);
	WAIT_UNTIL(is_on(f, pid, 1));
	stop(f);
}

static void all_data_planes_switch_to_a_new_segment(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t one = add_peer(f, "answers");
	pid_t two = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, one, 1) && is_on(f, two, 1));
	publish(f, 2);
	uint64_t number = publisher_request_grace(f->publisher);
	assert_int_equal(wait_visible(f, number, SOON_MS), 0);
	assert_true(is_on(f, one, 2) && is_on(f, two, 2));
	stop(f);
}

static void grace_waits_for_the_slowest_and_passes_when_it_is_killed(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t quick = add_peer(f, "answers");
	pid_t mute = add_peer(f, "mute");
	WAIT_UNTIL(is_on(f, quick, 1) && is_on(f, mute, 1));
	uint64_t number = publisher_request_grace(f->publisher);
	STAYS_FALSE(has_passed(f, number));
	assert_int_equal(wait_visible(f, number, 50), ERR_TIMEOUT);
	assert_int_equal(kill(mute, SIGKILL), 0);
	assert_int_equal(wait_visible(f, number, SOON_MS), 0);
	assert_true(has_passed(f, number));
	WAIT_UNTIL(!is_attached(f, mute));
	assert_true(is_attached(f, quick));
	stop(f);
}

static void many_wait_at_once_and_none_outlives_the_publisher(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t quick = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, quick, 1));
	wish(f, publisher_request_grace(f->publisher), SOON_MS, 100);
	assert_int_equal(wish_result(f), 0);
	pid_t mute = add_peer(f, "mute");
	WAIT_UNTIL(is_on(f, mute, 1));
	wish(f, publisher_request_grace(f->publisher), 20, 100);
	assert_int_equal(wish_result(f), ERR_TIMEOUT);
	wish(f, publisher_request_grace(f->publisher), SOON_MS, 100);
	WAIT_UNTIL(has_asked(f));
	stop(f);
	assert_int_equal(wish_result(f), ERR_GONE);
}

/* ---- stopped ones ---- */

static void stopped_data_plane_is_named_and_not_waited_for_but_holds_memory(void **state)
{
	struct fixture *f = *state;

	f->config.stopped_after_ms = 1000;
	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, pid, 1));
	assert_int_equal(kill(pid, SIGSTOP), 0);
	uint64_t number = publisher_request_grace(f->publisher);
	assert_int_equal(wait_visible(f, number, 20), ERR_TIMEOUT);
	WAIT_UNTIL(is_stopped(f, pid));
	assert_int_equal(wait_visible(f, number, SOON_MS), 0);
	STAYS_FALSE(has_passed(f, number));
	assert_int_equal(kill(pid, SIGCONT), 0);
	WAIT_UNTIL(has_passed(f, number) && !is_stopped(f, pid));
	stop(f);
}

static void stopped_data_plane_is_noticed_when_nothing_changes(void **state)
{
	struct fixture *f = *state;

	f->config.stopped_after_ms = 600;
	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, pid, 1));
	STAYS_FALSE(is_stopped(f, pid));
	assert_int_equal(kill(pid, SIGSTOP), 0);
	WAIT_UNTIL(is_stopped(f, pid));
	stop(f);
}

static void stopped_data_plane_holds_nothing_of_a_segment_made_since(void **state)
{
	struct fixture *f = *state;

	f->config.stopped_after_ms = 100;
	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, pid, 1));
	assert_int_equal(kill(pid, SIGSTOP), 0);
	WAIT_UNTIL(is_stopped(f, pid));
	publish(f, 2);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(has_passed(f, publisher_request_grace(f->publisher)));
		usleep(5000);
	}
	assert_int_equal(kill(pid, SIGCONT), 0);
	WAIT_UNTIL(is_on(f, pid, 2));
	stop(f);
}

/* ---- those that leave without ending ---- */

/* It may have mapped the segment, so it holds memory like one that has said so. */
static void data_plane_that_stops_while_it_switches_holds_the_new_segment(void **state)
{
	struct fixture *f = *state;
	struct attachment_info a;

	f->config.stopped_after_ms = 2000;
	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, pid, 1));
	assert_true(find(f, pid, &a) && a.holds);
	do { /* until no question was open at that moment */
		assert_int_equal(kill(pid, SIGCONT), 0);
		usleep(20000);
		assert_int_equal(kill(pid, SIGSTOP), 0);
		usleep(20000);
		assert_true(find(f, pid, &a));
	} while (a.silent_ms > 0);
	publish(f, 2);
	WAIT_UNTIL(is_stopped(f, pid));
	assert_true(find(f, pid, &a) && a.generation == 1 && a.holds);
	assert_false(has_passed(f, publisher_request_grace(f->publisher)));
	publish(f, 3);
	assert_true(find(f, pid, &a) && !a.holds);
	assert_int_equal(kill(pid, SIGCONT), 0);
	WAIT_UNTIL(is_on(f, pid, 3));
	stop(f);
}

static void process_that_hung_up_but_lives_holds_memory_until_it_ends(void **state)
{
	struct fixture *f = *state;

	f->config.stopped_after_ms = 100;
	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "hangs-up");
	WAIT_UNTIL(is_on(f, pid, 1));
	uint64_t number = publisher_request_grace(f->publisher);
	STAYS_FALSE(has_passed(f, number));
	WAIT_UNTIL(is_stopped(f, pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
	WAIT_UNTIL(has_passed(f, number));
	WAIT_UNTIL(!is_attached(f, pid));
	stop(f);
}

static void process_that_attaches_again_is_counted_once(void **state)
{
	struct fixture *f = *state;
	static struct attachment_info all[ATTACHMENTS_MAX];

	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "returns");
	WAIT_UNTIL(is_on(f, pid, 1));
	usleep(100000); /* by now it has hung up, and is back */
	WAIT_UNTIL(publisher_attachments(f->publisher, all) == 1 && is_on(f, pid, 1));
	uint64_t number = publisher_request_grace(f->publisher);
	assert_int_equal(wait_visible(f, number, SOON_MS), 0);
	assert_true(has_passed(f, number));
	stop(f);
}

/* ---- refusals ---- */

static void other_layout_is_refused_with_a_reason(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(peer_status(peer_start("old-layout", f->socket, false)),
	                 PEER_REFUSED);
	assert_true(has_passed(f, publisher_request_grace(f->publisher)));
	stop(f);
}

static void malformed_message_costs_its_sender_the_connection_only(void **state)
{
	static const char *const behaviours[] = {"garbage", "future", "descriptor",
	                                         "reversed"};
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t good = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, good, 1));
	for (size_t i = 0; i < ARRAY_LEN(behaviours); i++) {
		pid_t bad = peer_start(behaviours[i], f->socket, false);
		assert_int_equal(peer_status(bad), PEER_HUNG_UP_ON);
		uint64_t number = publisher_request_grace(f->publisher);
		assert_int_equal(wait_visible(f, number, SOON_MS), 0);
		assert_true(is_on(f, good, 1));
	}
	stop(f);
}

static void data_plane_that_refuses_a_segment_stays_on_the_one_before(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "refuses-2");
	WAIT_UNTIL(is_on(f, pid, 1));
	publish(f, 2);
	uint64_t number = publisher_request_grace(f->publisher);
	/* It still shows what is old, and says so; but it holds nothing of what is new. */
	assert_int_equal(wait_visible(f, number, NEVER_MS), ERR_TIMEOUT);
	assert_true(has_passed(f, number));
	publish(f, 3);
	WAIT_UNTIL(is_on(f, pid, 3));
	stop(f);
}

static void data_plane_that_serves_nothing_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "refuses");
	WAIT_UNTIL(is_attached(f, pid));
	uint64_t number = publisher_request_grace(f->publisher);
	assert_int_equal(wait_visible(f, number, SOON_MS), 0);
	assert_true(is_on(f, pid, 0));
	stop(f);
}

static void connection_beyond_the_last_slot_is_refused(void **state)
{
	struct fixture *f = *state;
	int socks[ATTACHMENTS_MAX + 1];
	struct ipc_message m;
	int fd;
	int err = ERR_BUSY;

	start(f);
	for (unsigned i = 0; i < ARRAY_LEN(socks); i++)
		assert_int_equal(ipc_connect(f->socket, &socks[i]), 0);
	for (unsigned i = 0; i < SOON_MS && err == ERR_BUSY; i++) {
		usleep(1000);
		err = ipc_receive(socks[ATTACHMENTS_MAX], &m, &fd);
	}
	assert_int_equal(err, 0);
	assert_int_equal(m.type, IPC_REFUSED);
	for (unsigned i = 0; i < ARRAY_LEN(socks); i++)
		close(socks[i]);
	/* The slots come free one by one, as the loop gets to know: until then it is refused,
	 * and as a data plane does it tries again. */
	pid_t pid = peer_start("answers", f->socket, false);
	uint64_t end = clock_now_ms() + SOON_MS;
	while (!is_attached(f, pid) && clock_now_ms() < end) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			pid = peer_start("answers", f->socket, false);
		usleep(2000);
	}
	assert_true(is_attached(f, pid));
	f->peers[f->npeers++] = pid;
	stop(f);
}

static void second_publisher_does_not_steal_the_socket(void **state)
{
	struct fixture *f = *state;
	struct publisher *second;
	uv_loop_t loop;
	char text[256];

	start(f);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(publisher_open(&loop, &f->config, &second, text, sizeof text),
	                 ERR_BUSY);
	assert_non_null(strstr(text, f->socket));
	assert_int_equal(uv_loop_close(&loop), 0);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_attached(f, pid));
	stop(f);
	assert_int_equal(access(f->socket, F_OK), -1);
}

/* ---- counters ---- */

static void counts_of_ended_data_planes_stay_in_the_sum(void **state)
{
	struct fixture *f = *state;
	uint64_t sum[COUNTER_COUNT];
	struct attachment_info a;

	start(f);
	publish(f, 1);
	/* More than there are slots, one after the other. */
	for (unsigned i = 1; i <= ATTACHMENTS_MAX + 4; i++) {
		pid_t pid = peer_start("answers", f->socket, false);
		WAIT_UNTIL(is_on(f, pid, 1));
		assert_true(find(f, pid, &a));
		assert_int_equal(a.counters[COUNTER_queries], 5);
		publisher_counters(f->publisher, sum);
		assert_int_equal(sum[COUNTER_queries], 5 * i);
		peer_kill(pid);
		WAIT_UNTIL(!is_attached(f, pid));
	}
	publisher_counters(f->publisher, sum);
	assert_int_equal(sum[COUNTER_queries], 5 * (ATTACHMENTS_MAX + 4));
	assert_int_equal(sum[COUNTER_responses], 0);
	stop(f);
}

static void each_worker_has_counters_of_its_own(void **state)
{
	struct fixture *f = *state;
	uint64_t sum[COUNTER_COUNT];

	start(f);
	publish(f, 1);
	assert_int_equal(publisher_serving(f->publisher), 0);
	pid_t pid = add_peer(f, "answers");
	WAIT_UNTIL(is_on(f, pid, 1));
	assert_int_equal(publisher_serving(f->publisher), 1);
	publisher_worker_counters(f->publisher, (uint32_t)pid, 2, sum);
	assert_int_equal(sum[COUNTER_queries], 5);
	publisher_worker_counters(f->publisher, (uint32_t)pid, 1, sum);
	assert_int_equal(sum[COUNTER_queries], 0);
	publisher_worker_counters(f->publisher, (uint32_t)pid, WORKERS_MAX, sum);
	assert_int_equal(sum[COUNTER_queries], 0);
	publisher_worker_counters(f->publisher, 1, 2, sum);
	assert_int_equal(sum[COUNTER_queries], 0);
	stop(f);
}

/* ---- punting ---- */

static uint64_t relayed(struct fixture *f, pid_t pid)
{
	uint64_t sum[COUNTER_COUNT];

	publisher_worker_counters(f->publisher, (uint32_t)pid, 1, sum);
	return sum[COUNTER_relayed];
}

/* Each wakes the other, and the ring of one that ends goes to the next with another number. */
static void what_is_punted_comes_up_and_back_down(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (unsigned i = 1; i <= 3; i++) {
		pid_t pid = peer_start("punts", f->socket, false);
		WAIT_UNTIL(relayed(f, pid) == 3);
		assert_int_equal(atomic_load(&f->punts.taken), 3 * i);
		assert_int_equal(atomic_load(&f->punts.newest), i);
		assert_int_equal(atomic_load(&f->punts.ended), i - 1);
		peer_kill(pid);
		WAIT_UNTIL(atomic_load(&f->punts.ended) == i);
	}
	stop(f);
}

/* ---- back ends ---- */

static void watcher_is_told_when_the_back_ends_change(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t undecided = add_peer(f, "undecided");
	WAIT_UNTIL(is_on(f, undecided, 1));
	assert_true(watched(f, 0, 0));
	pid_t one = add_peer(f, "xdp");
	WAIT_UNTIL(watched(f, WATCHED_PAST_KERNEL, 1));
	pid_t two = add_peer(f, "xdp");
	WAIT_UNTIL(is_on(f, two, 1));
	pid_t three = add_peer(f, "answers");
	WAIT_UNTIL(watched(f, WATCHED_PAST_KERNEL | WATCHED_BY_KERNEL, 2));
	peer_kill(one);
	WAIT_UNTIL(!is_attached(f, one));
	assert_true(watched(f, WATCHED_PAST_KERNEL | WATCHED_BY_KERNEL, 2));
	peer_kill(two);
	WAIT_UNTIL(watched(f, WATCHED_BY_KERNEL, 3));
	peer_kill(three);
	WAIT_UNTIL(watched(f, 0, 4));
	stop(f);
	assert_true(watched(f, 0, 4));
}

/* Its sockets, too, are open as long as it lives. */
static void back_end_of_one_that_hung_up_counts_until_it_ends(void **state)
{
	struct fixture *f = *state;

	start(f);
	publish(f, 1);
	pid_t pid = add_peer(f, "hangs-up");
	WAIT_UNTIL(watched(f, WATCHED_BY_KERNEL, 1));
	STAYS_FALSE(!watched(f, WATCHED_BY_KERNEL, 1));
	peer_kill(pid);
	WAIT_UNTIL(watched(f, 0, 2));
	stop(f);
}

static bool has_ports(struct fixture *f, pid_t pid, struct ipc_ports *ports)
{
	publisher_ports(f->publisher, (uint32_t)pid, ports);
	return ports->count > 0;
}

static void ports_are_kept_for_each_data_plane(void **state)
{
	struct fixture *f = *state;
	struct ipc_ports ports;

	start(f);
	publish(f, 1);
	pid_t without = add_peer(f, "answers");
	pid_t with = add_peer(f, "xdp");
	WAIT_UNTIL(is_on(f, without, 1) && has_ports(f, with, &ports));
	assert_int_equal(ports.count, 2);
	assert_string_equal(ports.port[0].name, "veth0");
	assert_int_equal(ports.port[0].speed, 10000);
	assert_int_equal(ports.port[0].rx_missed, 3);
	assert_int_equal(ports.port[0].tx_errors, 4);
	assert_string_equal(ports.port[1].name, "veth1");
	assert_int_equal(ports.port[1].up, 0);
	assert_false(has_ports(f, without, &ports));
	peer_kill(with);
	WAIT_UNTIL(!is_attached(f, with));
	assert_false(has_ports(f, with, &ports));
	stop(f);
}

/* ---- supervision ---- */

static pid_t first_pid(struct fixture *f)
{
	static struct attachment_info all[ATTACHMENTS_MAX];

	return publisher_attachments(f->publisher, all) ? (pid_t)all[0].pid : 0;
}

static void set_supervise(struct fixture *f, const char *path, char buffer[64])
{
	snprintf(buffer, 64, "%s", path);
	f->config.supervise = buffer;
}

static bool has_ended(pid_t pid)
{
	return kill(pid, 0) != 0;
}

static void supervised_data_plane_is_started_restarted_and_ended(void **state)
{
	struct fixture *f = *state;
	char path[64];
	pid_t first;
	pid_t second;

	set_supervise(f, "/proc/self/exe", path);
	start(f);
	publish(f, 1);
	WAIT_UNTIL((first = first_pid(f)) != 0 && is_on(f, first, 1));
	assert_int_equal(getsid(first), first); /* it outlives our session */
	assert_int_equal(kill(first, SIGKILL), 0);
	WAIT_UNTIL((second = first_pid(f)) != 0 && second != first &&
	           is_on(f, second, 1));
	stop(f);
	WAIT_UNTIL(waitpid(second, NULL, WNOHANG) == second || has_ended(second));
}

static void data_plane_of_an_earlier_control_plane_is_kept_and_ended(void **state)
{
	struct fixture *f = *state;
	static struct attachment_info all[ATTACHMENTS_MAX];
	char path[64];
	int status;

	set_supervise(f, "/proc/self/exe", path);
	pid_t pid = peer_start("answers", f->socket, true);
	start(f);
	WAIT_UNTIL(is_attached(f, pid));
	usleep(1500000); /* longer than a new one would take to be started */
	assert_int_equal(publisher_attachments(f->publisher, all), 1);
	stop(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void data_plane_that_somebody_else_runs_is_not_ended(void **state)
{
	struct fixture *f = *state;
	char path[64];

	set_supervise(f, "/nonexistent/program", path);
	pid_t pid = peer_start("answers", f->socket, false);
	start(f);
	WAIT_UNTIL(is_attached(f, pid));
	usleep(1500000); /* it tries to start one of its own, in vain, and lives */
	assert_true(is_attached(f, pid));
	stop(f);
	assert_int_equal(peer_status(pid), PEER_HUNG_UP_ON);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return peer_main(argc, argv);

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(without_data_planes_every_grace_has_passed),
		T(data_plane_gets_the_segment_and_answers_grace),
		T(data_plane_that_came_first_gets_the_segment_later),
		T(all_data_planes_switch_to_a_new_segment),
		T(many_wait_at_once_and_none_outlives_the_publisher),
		T(grace_waits_for_the_slowest_and_passes_when_it_is_killed),
		T(stopped_data_plane_is_named_and_not_waited_for_but_holds_memory),
		T(stopped_data_plane_is_noticed_when_nothing_changes),
		T(stopped_data_plane_holds_nothing_of_a_segment_made_since),
		T(data_plane_that_stops_while_it_switches_holds_the_new_segment),
		T(process_that_hung_up_but_lives_holds_memory_until_it_ends),
		T(process_that_attaches_again_is_counted_once),
		T(other_layout_is_refused_with_a_reason),
		T(malformed_message_costs_its_sender_the_connection_only),
		T(data_plane_that_refuses_a_segment_stays_on_the_one_before),
		T(data_plane_that_serves_nothing_is_not_waited_for),
		T(connection_beyond_the_last_slot_is_refused),
		T(second_publisher_does_not_steal_the_socket),
		T(counts_of_ended_data_planes_stay_in_the_sum),
		T(each_worker_has_counters_of_its_own),
		T(what_is_punted_comes_up_and_back_down),
		T(watcher_is_told_when_the_back_ends_change),
		T(back_end_of_one_that_hung_up_counts_until_it_ends),
		T(ports_are_kept_for_each_data_plane),
		T(supervised_data_plane_is_started_restarted_and_ended),
		T(data_plane_of_an_earlier_control_plane_is_kept_and_ended),
		T(data_plane_that_somebody_else_runs_is_not_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
