/* Clients without a descriptor for them wait, and cost nothing. */
#include "control/net/accepting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENTS = 3, TURN_MS = 100 };

struct fixture {
	uv_loop_t loop;
	uv_timer_t end; /* of a turn */
	struct accepting accepting;
	struct sockaddr_un address;
	socklen_t len;
	int clients[CLIENTS];
	unsigned taken;
	unsigned looks;
	unsigned closed;
};

static void take(void *arg, int fd, const struct sockaddr_storage *address, socklen_t len)
{
	struct fixture *f = arg;

	(void)len;
	assert_int_equal(address->ss_family, AF_UNIX);
	f->taken++;
	(void)close(fd);
}

static void look(void *arg)
{
	((struct fixture *)arg)->looks++;
}

static void on_closed(uv_handle_t *handle)
{
	((struct fixture *)handle->data)->closed++;
}

static void on_end(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void turn(struct fixture *f, unsigned ms)
{
	assert_int_equal(uv_timer_start(&f->end, on_end, ms, 0), 0);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
}

static int listen_abstract(struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	f->address.sun_family = AF_UNIX;
	f->len = sizeof f->address;
	/* A name of the kernel's choice. */
	assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(sa_family_t)),
	                 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&f->address, &f->len), 0);
	assert_int_equal(listen(fd, CLIENTS), 0);
	return fd;
}

/* All below the first free descriptor are in use. */
static struct rlimit take_descriptors_away(void)
{
	struct rlimit before;
	int lowest = dup(STDERR_FILENO);

	assert_true(lowest > 0);
	(void)close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = {(rlim_t)lowest, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

static void who_finds_no_descriptor_waits_for_one(void **state)
{
	struct fixture f = {.taken = 0};

	(void)state;
	assert_int_equal(uv_loop_init(&f.loop), 0);
	assert_int_equal(uv_timer_init(&f.loop, &f.end), 0);
	f.accepting = (struct accepting){
		.fd = listen_abstract(&f), .take = take, .before = look, .arg = &f};
	assert_int_equal(accepting_open(&f.accepting, &f.loop), 0);
	accepting_start(&f.accepting);
	turn(&f, 1); /* libuv takes descriptors of its own */
	for (unsigned i = 0; i < CLIENTS; i++) {
		f.clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(
			connect(f.clients[i], (struct sockaddr *)&f.address, f.len), 0);
	}
	struct rlimit before = take_descriptors_away();
	turn(&f, TURN_MS);
	assert_int_equal(f.taken, 0);
	assert_int_equal(f.looks, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned i = 0; i < 50 && f.taken < CLIENTS; i++)
		turn(&f, TURN_MS);
	assert_int_equal(f.taken, CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++)
		(void)close(f.clients[i]);
	accepting_stop(&f.accepting, on_closed, &f);
	uv_close((uv_handle_t *)&f.end, NULL);
	(void)uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_int_equal(f.closed, 2);
	assert_int_equal(uv_loop_close(&f.loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_finds_no_descriptor_waits_for_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
