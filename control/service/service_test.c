#include "control/service/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/service/notify.h"
#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

/* The manager is a socket of this test; engine and publisher are what it says they are. */
struct engine {
	uint64_t pulse;
	bool beats;
};

struct publisher {
	unsigned serving;
};

uint64_t engine_pulse(struct engine *e)
{
	e->pulse += e->beats;
	return e->pulse;
}

unsigned publisher_serving(struct publisher *p)
{
	return p->serving;
}

struct fixture {
	int manager;
	struct engine engine;
	struct publisher publisher;
	uv_loop_t loop;
	struct service *service;
};

/* A name that is not in the file system; gives the socket. */
static int listen_on(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	strcpy(a.sun_path + 1, name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&a,
	             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)),
		0);
	return fd;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char name[64];

	snprintf(name, sizeof name, "@anser-service-test-%d", getpid());
	f->manager = listen_on(name + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	f->engine.beats = true;
	assert_int_equal(uv_loop_init(&f->loop), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->service)
		service_close(&f->service);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	close(f->manager);
	free(f);
	return 0;
}

static void open_service(struct fixture *f, bool runs_data_plane)
{
	service_open(&f->loop, &f->engine, &f->publisher, runs_data_plane, &f->service);
}

static void on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
	uv_close((uv_handle_t *)timer, NULL);
}

/* Gives all that has been said meanwhile, each followed by a blank. */
static const char *heard_in(struct fixture *f, unsigned ms)
{
	static char all[4096];
	uv_timer_t timer;
	size_t len = 0;
	ssize_t n;

	uv_timer_init(&f->loop, &timer);
	uv_timer_start(&timer, on_time, ms, 0);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	uv_run(&f->loop, UV_RUN_NOWAIT); /* the timer's end */
	while ((n = recv(f->manager, all + len, sizeof all - len - 2, 0)) > 0) {
		len += (size_t)n;
		all[len++] = ' ';
	}
	all[len] = 0;
	return all;
}

static void ready_once_zones_are_loaded_and_served(void **state)
{
	struct fixture *f = *state;

	open_service(f, true);
	assert_string_equal(heard_in(f, 200), "");
	service_loaded(f->service);
	assert_string_equal(heard_in(f, 200), "");
	f->publisher.serving = 1;
	assert_string_equal(heard_in(f, 200), "READY=1 ");
	assert_string_equal(heard_in(f, 200), "");
}

static void data_plane_of_others_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	open_service(f, false);
	assert_string_equal(heard_in(f, 200), "");
	service_loaded(f->service);
	assert_string_equal(heard_in(f, 200), "READY=1 ");
}

static void reload_begins_and_ends(void **state)
{
	struct fixture *f = *state;

	open_service(f, false);
	service_loaded(f->service);
	assert_string_equal(heard_in(f, 200), "READY=1 ");
	service_reloading(f->service);
	const char *heard = heard_in(f, 200);
	assert_memory_equal(heard, "RELOADING=1\nMONOTONIC_USEC=", 27);
	assert_null(strstr(heard, "READY"));
	service_loaded(f->service);
	assert_string_equal(heard_in(f, 200), "READY=1 ");
	service_close(&f->service);
	assert_string_equal(heard_in(f, 50), "STOPPING=1 ");
}

static void ready_waits_for_the_last_of_several_loads(void **state)
{
	struct fixture *f = *state;

	open_service(f, false);
	service_reloading(f->service);
	service_loaded(f->service);
	assert_null(strstr(heard_in(f, 200), "READY"));
	service_loaded(f->service);
	assert_string_equal(heard_in(f, 200), "READY=1 ");
}

static void watchdog_hears_nothing_of_a_dead_commit_thread(void **state)
{
	struct fixture *f = *state;

	setenv("WATCHDOG_USEC", "100000", 1);
	open_service(f, false);
	assert_non_null(strstr(heard_in(f, 400), "WATCHDOG=1 WATCHDOG=1 "));
	f->engine.beats = false;
	(void)heard_in(f, 100); /* it may have turned since the last look */
	assert_string_equal(heard_in(f, 400), "");
	f->engine.beats = true;
	assert_non_null(strstr(heard_in(f, 400), "WATCHDOG=1"));
}

static void watchdog_of_another_process_is_not_ours(void **state)
{
	struct fixture *f = *state;
	char pid[32];

	setenv("WATCHDOG_USEC", "100000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_us(), 0);
	snprintf(pid, sizeof pid, "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_us(), 100000);
	setenv("WATCHDOG_USEC", "100000s", 1);
	assert_int_equal(notify_watchdog_us(), 0);
	open_service(f, false);
	assert_string_equal(heard_in(f, 200), "");
}

static void names_that_are_no_socket_are_refused(void **state)
{
	char *long_name = calloc(1, 200);

	(void)state;
	memset(long_name, 'a', 150);
	long_name[0] = '/';
	unsetenv("NOTIFY_SOCKET");
	assert_false(notify_is_wanted());
	assert_int_equal(notify_send("READY=1"), ERR_NOTFOUND);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_send("READY=1"), ERR_NOTFOUND);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_send("READY=1"), ERR_INVALID);
	setenv("NOTIFY_SOCKET", "@", 1);
	assert_int_equal(notify_send("READY=1"), ERR_INVALID);
	setenv("NOTIFY_SOCKET", long_name, 1);
	assert_int_equal(notify_send("READY=1"), ERR_INVALID);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(notify_send("READY=1"), ERR_SYSTEM);
	free(long_name);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ready_once_zones_are_loaded_and_served),
		T(data_plane_of_others_is_not_waited_for),
		T(reload_begins_and_ends),
		T(ready_waits_for_the_last_of_several_loads),
		T(watchdog_hears_nothing_of_a_dead_commit_thread),
		T(watchdog_of_another_process_is_not_ours),
		T(names_that_are_no_socket_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
