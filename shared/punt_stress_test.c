/*
 * Eight workers punt to one control plane that answers each message, all of them going to sleep whenever
 * there is nothing to do. A wake-up that was lost would leave both sides waiting; a record read before it
 * was written would be seen by its contents, and by ThreadSanitizer.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/punt.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

enum { NWORKERS = 8, MESSAGES = 4000, AT_ONCE = 48, PATIENCE_MS = 30000, LEN = 512 };

struct pair {
	struct punt *punt;
	int bell;  /* of the control plane */
	int nudge; /* of the worker */
	pthread_t thread;
	_Atomic unsigned lost; /* wake-ups that never came */
	unsigned wrong;
	unsigned full;
};

struct stress {
	struct pair pairs[NWORKERS];
	int bell;
};

static void ring(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

/* Says whether it was woken. */
static bool wait_for(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return false;
	return read(fd, &n, sizeof n) == (ssize_t)sizeof n;
}

static void fill(struct punt_record *r, unsigned number)
{
	r->port = (uint16_t)number;
	r->len = LEN;
	r->room = LEN;
	r->is_ipv4 = 0;
	r->way_len = 2;
	r->way[0] = (uint8_t)number;
	r->way[1] = (uint8_t)(number >> 8);
	memset(r->message, (int)(number & 0xff), LEN);
}

static bool is_filled(const struct punt_record *r, unsigned number)
{
	return r->port == (uint16_t)number && r->len == LEN && r->way_len == 2 &&
	       r->way[0] == (uint8_t)number && r->way[1] == (uint8_t)(number >> 8) &&
	       r->message[0] == (uint8_t)number && r->message[LEN - 1] == (uint8_t)number;
}

/* Sends as long as there is room, then takes answers; sleeps when it can do neither. */
static void *work(void *arg)
{
	struct pair *p = arg;
	unsigned sent = 0;
	unsigned taken = 0;
	struct punt_record r;

	while (taken < MESSAGES) {
		bool idle = true;
		while (sent < MESSAGES && sent - taken < AT_ONCE) {
			struct punt_record *to = punt_reserve(&p->punt->up);
			p->full += to == NULL;
			if (!to)
				break;
			fill(to, sent++);
			if (punt_commit(&p->punt->up))
				ring(p->bell);
			idle = false;
		}
		if (punt_waits(&p->punt->down) && punt_take(&p->punt->down, &r)) {
			p->wrong += !is_filled(&r, taken++);
			idle = false;
		}
		if (!idle || !punt_sleep(&p->punt->down))
			continue;
		if (!wait_for(p->nudge)) {
			atomic_fetch_add(&p->lost, 1);
			return NULL;
		}
		punt_awake(&p->punt->down);
	}
	return NULL;
}

/* Answers what it can, as long as the way down has room. Gives how many. */
static unsigned answer(struct pair *p)
{
	struct punt_record r;
	unsigned n = 0;

	for (;; n++) {
		struct punt_record *to = punt_reserve(&p->punt->down);
		if (!to || !punt_take(&p->punt->up, &r))
			return n;
		*to = r;
		if (punt_commit(&p->punt->down))
			ring(p->nudge);
	}
}

static unsigned answer_all(struct stress *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NWORKERS; i++)
		n += answer(&s->pairs[i]);
	return n;
}

/* Says whether all of the rings have nothing, having said of each that nobody looks at it. */
static bool sleep_over_all(struct stress *s)
{
	bool sleeps = true;

	for (unsigned i = 0; i < NWORKERS; i++)
		sleeps &= punt_sleep(&s->pairs[i].punt->up);
	return sleeps;
}

static void no_message_and_no_wake_up_is_lost(void **state)
{
	static struct stress s;
	unsigned answered = 0;

	(void)state;
	s.bell = eventfd(0, EFD_NONBLOCK);
	for (unsigned i = 0; i < NWORKERS; i++) {
		struct pair *p = &s.pairs[i];
		p->punt = aligned_alloc(CACHE_LINE, sizeof *p->punt);
		memset(p->punt, 0, sizeof *p->punt);
		punt_reset(p->punt);
		p->bell = s.bell;
		p->nudge = eventfd(0, EFD_NONBLOCK);
		assert_int_equal(pthread_create(&p->thread, NULL, work, p), 0);
	}
	while (answered < NWORKERS * MESSAGES) {
		unsigned n = answer_all(&s);
		answered += n;
		if (n == 0 && sleep_over_all(&s) && answered < NWORKERS * MESSAGES)
			assert_true(wait_for(s.bell));
	}
	for (unsigned i = 0; i < NWORKERS; i++) {
		struct pair *p = &s.pairs[i];
		assert_int_equal(pthread_join(p->thread, NULL), 0);
		assert_int_equal(atomic_load(&p->lost), 0);
		assert_int_equal(p->wrong, 0);
		close(p->nudge);
		free(p->punt);
	}
	close(s.bell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_message_and_no_wake_up_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
