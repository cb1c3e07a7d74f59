#include "control/ctl/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

/*
 * A server on a loop in a thread of its own, over an engine of four commands:
 *   echo      ends at once, result: its arguments
 *   later     ends after a turn of a timer
 *   hold      ends when some client says release (outcome 1)
 *   big       ends at once with a text of args.size octets
 */
struct engine {
	uv_loop_t *loop;
	engine_done *held;
	void *held_arg;
	unsigned held_ended;
};

struct fixture {
	char dir[32];
	char path[64];
	uv_loop_t loop;
	uv_async_t stop;
	struct engine engine;
	struct ctl_server *server;
	pthread_t thread;
	int left_over; /* what uv_loop_close() said in the end */
};

struct later {
	uv_timer_t timer;
	engine_done *done;
	void *arg;
};

static void on_later_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
	struct later *later = timer->data;
	json_t *result = json_pack("{s:b}", "late", 1);

	later->done(later->arg, ENGINE_OK, result);
	json_decref(result);
	uv_close((uv_handle_t *)timer, on_later_closed);
}

static void run_later(struct engine *e, engine_done *done, void *arg)
{
	struct later *later = calloc(1, sizeof *later);

	assert_non_null(later);
	later->done = done;
	later->arg = arg;
	assert_int_equal(uv_timer_init(e->loop, &later->timer), 0);
	later->timer.data = later;
	assert_int_equal(uv_timer_start(&later->timer, on_later, 30, 0), 0);
}

static void release_held(struct engine *e)
{
	if (!e->held)
		return;
	json_t *result = json_pack("{s:s}", "error", "released");
	e->held(e->held_arg, ENGINE_REFUSED, result);
	json_decref(result);
	e->held = NULL;
	e->held_ended++;
}

static void done_with(engine_done *done, void *arg, enum engine_outcome outcome,
                      json_t *result)
{
	done(arg, outcome, result);
	json_decref(result);
}

static void run_big(const json_t *args, engine_done *done, void *arg)
{
	size_t size = (size_t)json_integer_value(json_object_get(args, "size"));
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = 0;
	done_with(done, arg, ENGINE_OK, json_pack("{s:s}", "text", text));
	free(text);
}

static json_t *actor_json(const struct actor *a)
{
	return json_pack("{s:s, s:i, s:i, s:b}", "name", a->name, "uid", (int)a->uid,
	                 "pid", (int)a->pid, "admin", (int)(a->role == ROLE_ADMIN));
}

void engine_run(struct engine *e, struct actor *actor, const char *command, json_t *args,
                engine_done *done, void *arg)
{
	if (!strcmp(command, "echo")) {
		done_with(done, arg, ENGINE_OK, args ? json_incref(args) : json_object());
	} else if (!strcmp(command, "who")) {
		done_with(done, arg, ENGINE_OK, actor_json(actor));
	} else if (!strcmp(command, "later")) {
		run_later(e, done, arg);
	} else if (!strcmp(command, "hold")) {
		e->held = done;
		e->held_arg = arg;
	} else if (!strcmp(command, "release")) {
		release_held(e);
		done_with(done, arg, ENGINE_OK,
		          json_pack("{s:i}", "ended", (int)e->held_ended));
	} else if (!strcmp(command, "big")) {
		run_big(args, done, arg);
	} else {
		done_with(done, arg, ENGINE_USAGE,
		          json_pack("{s:s}", "error", "unknown command"));
	}
	json_decref(args);
}

/* ---- server side ---- */

static void on_stop(uv_async_t *stop)
{
	struct fixture *f = stop->data;

	ctl_server_close(&f->server);
	release_held(&f->engine);
	uv_close((uv_handle_t *)stop, NULL);
}

static void *run_loop(void *arg)
{
	struct fixture *f = arg;

	while (uv_run(&f->loop, UV_RUN_DEFAULT)) {
	}
	f->left_over = uv_loop_close(&f->loop);
	return NULL;
}

static void start(struct fixture *f, const struct ctl_limits *limits)
{
	char text[256] = "";

	memset(f, 0, sizeof *f);
	strcpy(f->dir, "/tmp/anser-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	f->stop.data = f;
	f->engine.loop = &f->loop;
	int err = ctl_server_open(&f->loop, f->path, &f->engine, &f->server, text,
	                          sizeof text);
	assert_string_equal(text, "");
	assert_int_equal(err, 0);
	if (limits)
		ctl_server_limit(f->server, limits);
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f), 0);
}

static void stop(struct fixture *f)
{
	assert_int_equal(uv_async_send(&f->stop), 0);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->left_over, 0);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
}

/* ---- client side ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit),
	                 0);
	return fd;
}

static void say_bytes(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return;
		assert_true(sent > 0);
		bytes += sent;
		len -= (size_t)sent;
	}
}

static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* Reads one line, lent until the next call; "" when the server has hung up. */
static const char *hear(int fd)
{
	static char line[4096];
	size_t len = 0;

	while (len < sizeof line - 1) {
		ssize_t got = recv(fd, line + len, 1, 0);
		assert_true(got >= 0 || errno == ECONNRESET);
		if (got <= 0 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = 0;
	return line;
}

static void bye(int fd)
{
	assert_int_equal(close(fd), 0);
}

/* ---- tests ---- */

static void command_gets_one_line_back(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	say(fd, "{\"command\":\"echo\",\"args\":{\"a\":[1,\"\\n\"]}}\n");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{\"a\":[1,\"\\n\"]}}");
	say(fd, "{\"command\":\"no such thing\"}\n");
	assert_string_equal(hear(fd),
	                    "{\"outcome\":2,\"result\":{\"error\":\"unknown command\"}}");
	bye(fd);
	stop(&f);
}

static void commands_are_given_in_the_name_of_the_process_at_the_other_end(void **state)
{
	struct fixture f;
	char expected[256];

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	say(fd, "{\"command\":\"who\"}\n");
	(void)snprintf(
		expected, sizeof expected,
		"{\"outcome\":0,\"result\":{\"name\":\"uid %u%s\",\"uid\":%u,\"pid\":%d,"
		"\"admin\":true}}",
		getuid(), getuid() == 0 ? " (root)" : "", getuid(), getpid());
	assert_string_equal(hear(fd), expected);
	bye(fd);
	stop(&f);
}

static void lines_that_are_no_command_are_refused_and_reading_goes_on(void **state)
{
	static const struct {
		const char *line;
		const char *why;
	} cases[] = {
		{"{\"command\":", "not JSON: column"},
		{"nonsense", "not JSON: column 8"},
		{"{\"command\":\"echo\"} x", "not JSON: column"},
		{"{\"command\":\"echo\",\"command\":\"echo\"}", "not JSON: column"},
		{"{\"command\":\"\xff\"}", "not JSON: column"},
		{"[]", "a command is a JSON object"},
		{"{}", "\\\"command\\\" is missing"},
		{"{\"command\":1}", "\\\"command\\\" must be a string"},
		{"{\"command\":\"echo\",\"args\":[]}", "\\\"args\\\" must be an object"},
		{"{\"command\":\"echo\",\"arg\":{}}", "unknown member"},
		{"{\"command\":\"echo\",\"args\":{\"a\":"
	         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}",
	         "nested too deeply"},
	};
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char want[256];
		(void)snprintf(want, sizeof want,
		               "{\"outcome\":2,\"result\":{\"error\":\"%s", cases[i].why);
		say(fd, cases[i].line);
		say(fd, "\n");
		assert_memory_equal(hear(fd), want, strlen(want));
	}
	say(fd,
	    "{\"command\":\"echo\",\"args\":{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"}}\n");
	assert_memory_equal(hear(fd), "{\"outcome\":0,", 13);
	bye(fd);
	stop(&f);
}

static void commands_of_one_client_run_in_order(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	say(fd,
	    "\n{\"command\":\"later\"}\n \t\r\n{\"command\":\"echo\",\"args\":{\"n\":1}}\n"
	    "{\"command\":\"later\"}\n{\"command\":\"echo\",\"args\":{\"n\":2}}\n{\"comm");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{\"late\":true}}");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{\"n\":1}}");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{\"late\":true}}");
	say(fd, "and\":\"echo\"}\n");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{\"n\":2}}");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{}}");
	bye(fd);
	stop(&f);
}

static void client_that_shuts_its_side_still_gets_its_answers(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	say(fd, "{\"command\":\"later\"}\n{\"command\":\"echo\"}\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{\"late\":true}}");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{}}");
	assert_string_equal(hear(fd), "");
	bye(fd);
	stop(&f);
}

static void one_waiting_client_does_not_hold_up_another(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int idle = connect_to(f.path);
	int first = connect_to(f.path);
	int second = connect_to(f.path);
	say(first, "{\"command\":\"hold\"}\n");
	say(second, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(second), "{\"outcome\":0,\"result\":{}}");
	say(second, "{\"command\":\"release\"}\n");
	assert_string_equal(hear(first),
	                    "{\"outcome\":1,\"result\":{\"error\":\"released\"}}");
	say(idle, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(idle), "{\"outcome\":0,\"result\":{}}");
	bye(idle);
	bye(first);
	bye(second);
	stop(&f);
}

static void client_may_go_away_while_its_command_runs(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int first = connect_to(f.path);
	int second = connect_to(f.path);
	say(first, "{\"command\":\"later\"}\n{\"command\":\"hold\"}\n");
	assert_string_equal(hear(first), "{\"outcome\":0,\"result\":{\"late\":true}}");
	bye(first);
	say(second,
	    "{\"command\":\"later\"}\n{\"command\":\"release\"}\n{\"command\":\"echo\"}\n");
	(void)hear(second);
	assert_string_equal(hear(second), "{\"outcome\":0,\"result\":{\"ended\":1}}");
	assert_string_equal(hear(second), "{\"outcome\":0,\"result\":{}}");
	bye(second);
	stop(&f);
}

static void server_may_close_while_a_command_runs(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	say(fd, "{\"command\":\"later\"}\n{\"command\":\"hold\"}\n");
	(void)hear(fd);
	stop(&f); /* releases what is held after the server's end */
	assert_string_equal(hear(fd), "");
	bye(fd);
}

static void line_over_the_limit_ends_the_client_only(void **state)
{
	enum { LIMIT = 20000 };
	static const struct ctl_limits limits = {8, LIMIT, 20000};
	struct fixture f;
	char *junk = malloc(LIMIT * 4);

	(void)state;
	assert_non_null(junk);
	memset(junk, ' ', LIMIT * 4);
	start(&f, &limits);
	int fd = connect_to(f.path);
	say_bytes(fd, junk, LIMIT - 100);
	say(fd, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{}}");
	say_bytes(fd, junk, LIMIT * 4);
	assert_string_equal(
		hear(fd),
		"{\"outcome\":2,\"result\":{\"error\":\"the command is too long\"}}");
	assert_string_equal(hear(fd), "");
	bye(fd);
	fd = connect_to(f.path);
	say(fd, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{}}");
	bye(fd);
	free(junk);
	stop(&f);
}

static void clients_beyond_the_limit_are_told_so(void **state)
{
	static const struct ctl_limits limits = {2, 1000, 20000};
	struct fixture f;
	int fds[2];

	(void)state;
	start(&f, &limits);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_to(f.path);
		say(fds[i], "{\"command\":\"echo\"}\n");
		assert_string_equal(hear(fds[i]), "{\"outcome\":0,\"result\":{}}");
	}
	int third = connect_to(f.path);
	assert_string_equal(
		hear(third),
		"{\"outcome\":1,\"result\":{\"error\":\"too many clients\"}}");
	assert_string_equal(hear(third), "");
	bye(third);
	bye(fds[0]);
	say(fds[1], "{\"command\":\"later\"}\n");
	(void)hear(fds[1]);
	third = connect_to(f.path);
	say(third, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(third), "{\"outcome\":0,\"result\":{}}");
	bye(third);
	bye(fds[1]);
	stop(&f);
}

static void client_that_does_not_read_is_hung_up_on(void **state)
{
	static const struct ctl_limits limits = {8, 1000, 100};
	struct fixture f;
	char drain[8192];
	size_t heard = 0;
	ssize_t got;

	(void)state;
	start(&f, &limits);
	int fd = connect_to(f.path);
	int other = connect_to(f.path);
	say(fd, "{\"command\":\"big\",\"args\":{\"size\":8000000}}\n");
	for (int i = 0; i < 10; i++) {
		say(other, "{\"command\":\"later\"}\n");
		(void)hear(other);
	}
	while ((got = recv(fd, drain, sizeof drain, 0)) > 0)
		heard += (size_t)got;
	assert_true(heard < 8000000);
	bye(fd);
	bye(other);
	stop(&f);
}

static void large_response_arrives_whole(void **state)
{
	struct fixture f;
	char drain[8192];
	size_t heard = 0;

	(void)state;
	start(&f, NULL);
	int fd = connect_to(f.path);
	say(fd, "{\"command\":\"big\",\"args\":{\"size\":20000000}}\n");
	do {
		ssize_t got = recv(fd, drain, sizeof drain, 0);
		assert_true(got > 0);
		heard += (size_t)got;
		if (drain[got - 1] == '\n')
			break;
	} while (true);
	assert_int_equal(
		heard, 20000000 + strlen("{\"outcome\":0,\"result\":{\"text\":\"\"}}\n"));
	bye(fd);
	stop(&f);
}

static void socket_is_closed_to_others(void **state)
{
	struct fixture f;
	struct stat st;
	mode_t before = umask(0);

	(void)state;
	start(&f, NULL);
	assert_int_equal(stat(f.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(umask(before), 0);
	stop(&f);
}

static void path_in_use_is_left_alone(void **state)
{
	struct fixture f;
	struct ctl_server *second = NULL;
	uv_loop_t loop;
	char text[256] = "";

	(void)state;
	start(&f, NULL);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(
		ctl_server_open(&loop, f.path, &f.engine, &second, text, sizeof text),
		ERR_EXISTS);
	assert_non_null(strstr(text, "another server uses"));
	assert_null(second);
	assert_int_equal(uv_loop_close(&loop), 0);
	int fd = connect_to(f.path);
	say(fd, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(fd), "{\"outcome\":0,\"result\":{}}");
	bye(fd);
	stop(&f);
}

static int leave_stale_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return -1;
	return close(fd);
}

static void stale_socket_is_replaced_and_other_files_are_not(void **state)
{
	static struct engine engine;
	char dir[] = "/tmp/anser-ctl-XXXXXX";
	char path[64];
	char text[256] = "";
	struct ctl_server *s = NULL;
	uv_loop_t loop;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/sock", dir);
	assert_int_equal(leave_stale_socket(path), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ctl_server_open(&loop, path, &engine, &s, text, sizeof text), 0);
	ctl_server_close(&s);
	assert_null(s);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);

	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(ctl_server_open(&loop, path, &engine, &s, text, sizeof text),
	                 ERR_EXISTS);
	assert_non_null(strstr(text, "is no socket"));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);

	assert_int_equal(ctl_server_open(&loop, path, &engine, &s, text, sizeof text),
	                 ERR_SYSTEM);
	assert_non_null(strstr(text, "No such file or directory"));
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_gets_one_line_back),
		cmocka_unit_test(
			commands_are_given_in_the_name_of_the_process_at_the_other_end),
		cmocka_unit_test(
			lines_that_are_no_command_are_refused_and_reading_goes_on),
		cmocka_unit_test(commands_of_one_client_run_in_order),
		cmocka_unit_test(client_that_shuts_its_side_still_gets_its_answers),
		cmocka_unit_test(one_waiting_client_does_not_hold_up_another),
		cmocka_unit_test(client_may_go_away_while_its_command_runs),
		cmocka_unit_test(server_may_close_while_a_command_runs),
		cmocka_unit_test(line_over_the_limit_ends_the_client_only),
		cmocka_unit_test(clients_beyond_the_limit_are_told_so),
		cmocka_unit_test(client_that_does_not_read_is_hung_up_on),
		cmocka_unit_test(large_response_arrives_whole),
		cmocka_unit_test(socket_is_closed_to_others),
		cmocka_unit_test(path_in_use_is_left_alone),
		cmocka_unit_test(stale_socket_is_replaced_and_other_files_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
