#include "control/http/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/http/stream.h"
#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

enum {
	MAX_BODY = 4096,
	MAX_BACKLOG = 100000,
	TIMEOUT_MS = 300,
	PATIENCE_S = 5,
	TEXT_SIZE = 65536
};

/*
 * A server on a loop in a thread of its own, on a Unix socket, with these routes:
 *   GET  /echo/{}   the segment and the parameter q
 *   POST /body      what was sent; needs the header X-Key
 *   GET  /later     answered after a turn of a timer
 *   GET  /hold      answered when another is held, or after the server has been closed
 *   POST /lines     what is sent comes back as it comes; refused with the parameter no; with the
 *                   parameter times as often as that
 */
struct fixture {
	char dir[32];
	char path[64];
	uv_loop_t loop;
	uv_async_t stop;
	struct http_server *server;
	struct http_request *held;
	unsigned handled;
	atomic_uint gone; /* clients of streams */
	size_t echoed;    /* octets */
	pthread_t thread;
	int left;      /* a client's connection for the end, or 0 */
	int left_over; /* what uv_loop_close() said in the end */
};

static void serve_echo(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	const char *q = target_parameter(&r->target, "q");

	f->handled++;
	http_set_header(r, "X-Extra", "yes");
	http_reply_json(
		r, 200,
		json_pack("{s:s, s:s?}", "segment", r->target.segments[1], "q", q));
}

static void serve_body(void *arg, struct http_request *r)
{
	struct fixture *f = arg;

	f->handled++;
	http_reply_json(r, 201, json_incref(r->body));
}

struct later {
	uv_timer_t timer;
	struct http_request *request;
};

static void on_later_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
	struct later *later = timer->data;

	http_reply_json(later->request, 200, json_pack("{s:b}", "late", 1));
	uv_close((uv_handle_t *)timer, on_later_closed);
}

static void serve_later(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	struct later *later = calloc(1, sizeof *later);

	assert_non_null(later);
	later->request = r;
	assert_int_equal(uv_timer_init(&f->loop, &later->timer), 0);
	later->timer.data = later;
	assert_int_equal(uv_timer_start(&later->timer, on_later, 30, 0), 0);
}

static void release(struct fixture *f)
{
	if (f->held)
		http_reply_error(f->held, 503, "released");
	f->held = NULL;
}

static void serve_hold(void *arg, struct http_request *r)
{
	struct fixture *f = arg;

	release(f);
	f->held = r;
}

struct lines {
	struct fixture *fixture;
	struct http_request *request;
	unsigned long times;
};

static bool on_lines_piece(void *arg, const char *octets, size_t len)
{
	struct lines *l = arg;

	for (unsigned long i = 0; i < l->times; i++)
		http_stream_write(l->request, octets, len);
	l->fixture->echoed += len * l->times;
	return memchr(octets, '\n', len) != NULL;
}

static void on_lines_end(void *arg)
{
	struct lines *l = arg;

	http_stream_write(l->request, "end\n", 4);
	http_stream_end(l->request);
	free(l);
}

static void on_lines_gone(void *arg)
{
	struct lines *l = arg;

	(void)atomic_fetch_add_explicit(&l->fixture->gone, 1, memory_order_relaxed);
	http_stream_end(l->request);
	free(l);
}

static unsigned long number_of(const struct http_request *r, const char *name,
                               unsigned long otherwise)
{
	const char *text = target_parameter(&r->target, name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void serve_lines(void *arg, struct http_request *r)
{
	static const struct http_sink sink = {on_lines_piece, on_lines_end,
	                                      on_lines_gone};
	struct lines *l;

	if (!r->lines || target_parameter(&r->target, "no")) {
		http_reply_error(r, r->lines ? 422 : 415, NULL);
		return;
	}
	l = malloc(sizeof *l);
	assert_non_null(l);
	*l = (struct lines){arg, r, number_of(r, "times", 1)};
	http_stream(r, "application/x-ndjson", &sink, l);
}

static unsigned guard(void *arg, struct http_request *r, bool open)
{
	(void)arg;
	assert_true(r->peer.unix_socket && r->peer.local);
	assert_int_equal(r->peer.uid, getuid());
	return open || http_header(r, "X-Key") ? 0 : 401;
}

static const struct http_route routes[] = {
	{"GET", "/echo/{}", HTTP_OPEN, serve_echo},
	{"POST", "/body", HTTP_JSON, serve_body},
	{"GET", "/later", HTTP_OPEN, serve_later},
	{"GET", "/hold", HTTP_OPEN, serve_hold},
	{"POST", "/lines", HTTP_OPEN | HTTP_LINES | HTTP_JSON, serve_lines},
};

static void on_stop(uv_async_t *async)
{
	struct fixture *f = async->data;

	http_server_close(&f->server);
	release(f);
	uv_close((uv_handle_t *)async, NULL);
}

static void *loop_thread(void *arg)
{
	struct fixture *f = arg;

	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	f->left_over = uv_loop_close(&f->loop);
	return NULL;
}

static int open_at(struct fixture *f, const char *path, char *text, size_t size)
{
	const struct http_settings settings = {
		.socket = path,
		.max_connections = 8,
		.max_per_client = 4,
		.timeout_ms = TIMEOUT_MS,
		.max_body = MAX_BODY,
		.max_backlog = MAX_BACKLOG,
		.guard = guard,
	};

	return http_server_open(&f->loop, &settings, &f->server, text, size);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char text[256] = "";

	assert_non_null(f);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)strcpy(f->dir, "/tmp/http_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	f->stop.data = f;
	assert_int_equal(open_at(f, f->path, text, sizeof text), 0);
	http_routes(f->server, routes, ARRAY_LEN(routes), f);
	assert_int_equal(pthread_create(&f->thread, NULL, loop_thread, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)uv_async_send(&f->stop);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->left_over, 0);
	if (f->left)
		assert_int_equal(close(f->left), 0);
	assert_int_not_equal(access(f->path, F_OK), 0);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int dial(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)strcpy(address.sun_path, f->path);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
	                 (ssize_t)strlen(text));
}

/* All until the server hangs up. */
static void hear(int fd, char text[static TEXT_SIZE])
{
	size_t len = 0;
	ssize_t got;

	while ((got = recv(fd, text + len, TEXT_SIZE - 1 - len, 0)) > 0)
		len += (size_t)got;
	/* It need not have read all that was sent. */
	assert_true(got == 0 || errno == ECONNRESET);
	text[len] = 0;
	assert_int_equal(close(fd), 0);
}

#define HEAD " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"

static void ask(const struct fixture *f, const char *request, char text[static TEXT_SIZE])
{
	int fd = dial(f);

	say(fd, request);
	hear(fd, text);
}

static void requests_are_answered_as_they_deserve(void **state)
{
	static const struct {
		const char *request;
		const char *status;
		const char *body; /* how the answer ends */
	} cases[] = {
		{"GET /echo/a%2Fb?q=1+2" HEAD "\r\n", "200 OK",
	         "{\"q\": \"1 2\", \"segment\": \"a/b\"}"},
		{"GET http://x/echo/y" HEAD "\r\n", "200 OK",
	         "{\"q\": null, \"segment\": \"y\"}"},
		{"HEAD /echo/x" HEAD "\r\n", "200 OK", "\r\n\r\n"},
		{"GET /later" HEAD "\r\n", "200 OK", "{\"late\": true}"},
		{"GET /echo" HEAD "\r\n", "404 Not Found", "{\"error\": \"Not Found\"}"},
		{"GET /echo/%zz" HEAD "\r\n", "400 Bad Request",
	         "{\"error\": \"Bad Request\"}"},
		{"POST /echo/x" HEAD "Content-Length: 2\r\n\r\n{}",
	         "405 Method Not Allowed", "{\"error\": \"Method Not Allowed\"}"},
		{"OPTIONS /body" HEAD "\r\n", "200 OK", "\r\n\r\n"},
		{"OPTIONS /nothing" HEAD "\r\n", "404 Not Found", "}"},
		{"GET /x" HEAD "Accept: text/html\r\n\r\n", "404 Not Found",
	         "<title>Not Found</title>\n"},
		{"GET /x" HEAD "Accept: text/plain\r\n\r\n", "404 Not Found",
	         "Not Found\n"},
		{"POST /body" HEAD "Content-Length: 2\r\n\r\n{}", "401 Unauthorized",
	         "{\"error\": \"Unauthorized\"}"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length: 13\r\n\r\n{\"b\":1,"
	         "\"a\":2}",
	         "201 Created", "{\"a\": 2, \"b\": 1}"},
		{"POST /body" HEAD "X-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n"
	         "3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
	         "201 Created", "[1, 2]"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length: 1\r\n\r\n{",
	         "400 Bad Request", "near end of file\"}"},
		{"POST /body" HEAD "X-Key: k\r\n\r\n", "400 Bad Request", "}"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length: 33\r\n\r\n"
	         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	         "400 Bad Request", "nested too deeply\"}"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length: 4097\r\n\r\n[",
	         "413 Content Too Large", "{\"error\": \"Content Too Large\"}"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length: 2\r\n"
	         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	         "400 Bad Request", "}"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length: 2\r\n"
	         "Content-Length: 2\r\n\r\n{}",
	         "400 Bad Request", "}"},
		{"POST /body" HEAD "X-Key: k\r\nContent-Length : 2\r\n\r\n{}",
	         "400 Bad Request", "}"},
		{"GET /later" HEAD "Host: other\r\n\r\n", "400 Bad Request", "}"},
		{"POST /body" HEAD "X-Key: k\r\nTransfer-Encoding: gzip\r\n\r\n",
	         "501 Not Implemented", "}"},
	};
	static char text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask(*state, cases[i].request, text);
		size_t len = strlen(text);
		size_t end = strlen(cases[i].body);
		if (strncmp(text, "HTTP/1.1 ", 9) != 0 ||
		    strncmp(text + 9, cases[i].status, strlen(cases[i].status)) != 0 ||
		    len < end || strcmp(text + len - end, cases[i].body) != 0)
			fail_msg("%s\n-> %s", cases[i].request, text);
	}
}

static void answers_tell_browsers_nothing_but_to_show_them(void **state)
{
	static char text[TEXT_SIZE];

	ask(*state, "GET /echo/x" HEAD "\r\n", text);
	assert_non_null(strstr(text, "\r\nX-Extra: yes\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(text, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Security-Policy: default-src 'none'"));
	assert_null(strstr(text, "Access-Control-Allow-Origin"));
	ask(*state, "POST /body" HEAD "\r\n", text);
	assert_non_null(strstr(text, "\r\nWWW-Authenticate: X-API-Key realm=\"Anser\", "
	                             "Bearer realm=\"Anser\"\r\n"));
	ask(*state, "PUT /body" HEAD "\r\n", text);
	assert_non_null(strstr(text, "\r\nAllow: POST, OPTIONS\r\n"));
}

/* Only what the framing says is the next request; what follows a refused body is not looked at. */
static void pipelined_requests_are_answered_in_order(void **state)
{
	static char text[TEXT_SIZE];
	const struct fixture *f = *state;

	ask(f,
	    "GET /echo/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n"
	    "GET /echo/3" HEAD "\r\n",
	    text);
	const char *one = strstr(text, "\"segment\": \"1\"");
	const char *two = strstr(text, "\"late\": true");
	const char *three = strstr(text, "\"segment\": \"3\"");
	assert_true(one && two && three && one < two && two < three);

	unsigned before = f->handled;
	ask(f,
	    "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n"
	    "GET /echo/smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
	    text);
	assert_non_null(strstr(text, "401 Unauthorized"));
	assert_null(strstr(text, "smuggled"));
	assert_int_equal(f->handled, before);
}

static void chunked_body_beyond_the_limit_is_refused(void **state)
{
	static char text[TEXT_SIZE];
	int fd = dial(*state);
	char piece[1024 + 8];

	(void)memset(piece, ' ', sizeof piece);
	(void)memcpy(piece, "400\r\n", 5);
	(void)memcpy(piece + 5 + 1024, "\r\n", 3);
	say(fd, "POST /body" HEAD "X-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (unsigned i = 0; i < 5; i++)
		say(fd, piece);
	say(fd, "0\r\n\r\n");
	hear(fd, text);
	assert_non_null(strstr(text, "413 Content Too Large"));
}

static void head_beyond_the_limit_is_refused(void **state)
{
	static char text[TEXT_SIZE];
	static char request[HTTP_HEAD_MAX * 2];
	size_t head = (size_t)sprintf(request, "GET /echo/x" HEAD "X-Long: ");

	(void)memset(request + head, 'x', sizeof request - head - 5);
	(void)strcpy(request + sizeof request - 5, "\r\n\r\n");
	ask(*state, request, text);
	assert_non_null(strstr(text, "HTTP/1.1 431"));
}

static void slow_clients_are_hung_up_on(void **state)
{
	static const char *const begun[] = {
		"",
		"GET /ec",
		"GET /echo/x HTTP/1.1\r\nHost: h\r\n",
		"POST /body HTTP/1.1\r\nHost: h\r\nX-Key: k\r\nContent-Length: 9\r\n\r\n{",
		"GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(begun); i++) {
		static char text[TEXT_SIZE];
		uint64_t start = uv_hrtime();
		int fd = dial(*state);

		say(fd, begun[i]);
		hear(fd, text); /* fails after PATIENCE_S */
		uint64_t ms = (uv_hrtime() - start) / 1000000;
		assert_true(ms >= TIMEOUT_MS - 50);
	}
}

static void connections_of_the_unix_socket_are_limited(void **state)
{
	static char text[TEXT_SIZE];
	int fds[HTTP_UNIX_CONNECTIONS];
	unsigned i;

	for (i = 0; i < HTTP_UNIX_CONNECTIONS; i++)
		fds[i] = dial(*state);
	int more = dial(*state);
	hear(more, text);
	assert_string_equal(text, "");
	for (i = 0; i < HTTP_UNIX_CONNECTIONS; i++)
		assert_int_equal(close(fds[i]), 0);
	/* Their places are free again as soon as the server has seen them go. */
	for (i = 0; i < 100 && !strstr(text, "200 OK"); i++) {
		int fd = dial(*state);
		(void)usleep(10000);
		(void)send(fd, "GET /echo/x" HEAD "\r\n",
		           strlen("GET /echo/x" HEAD "\r\n"), MSG_NOSIGNAL);
		ssize_t got = recv(fd, text, sizeof text - 1, 0);
		text[got > 0 ? got : 0] = 0;
		assert_int_equal(close(fd), 0);
	}
	assert_non_null(strstr(text, "200 OK"));
}

/* Three are held: the first one's client goes, the second one's waits longer than a client may
 * take, and the third one is answered when the server has been closed. */
static void handler_may_outlive_client_and_server(void **state)
{
	static char text[TEXT_SIZE];
	struct fixture *f = *state;
	int gone = dial(f);
	int waits = dial(f);

	say(gone, "GET /hold" HEAD "\r\n");
	(void)usleep(50000);
	assert_int_equal(close(gone), 0);
	say(waits, "GET /hold" HEAD "\r\n");
	ask(f, "GET /echo/x" HEAD "\r\n", text);
	assert_non_null(strstr(text, "200 OK"));
	(void)usleep(TIMEOUT_MS * 2000);
	f->left = dial(f);
	say(f->left, "GET /hold" HEAD "\r\n");
	hear(waits, text);
	assert_non_null(strstr(text, "503 Service Unavailable"));
}

#define LINES(query, framing)                          \
	"POST /lines" query " HTTP/1.1\r\nHost: h\r\n" \
	"Content-Type: application/x-ndjson\r\n" framing "\r\n"

/* Until that much has come. */
static void hear_until(int fd, const char *wanted, char text[static TEXT_SIZE])
{
	size_t len = 0;

	text[0] = 0;
	while (!strstr(text, wanted)) {
		ssize_t got = recv(fd, text + len, TEXT_SIZE - 1 - len, 0);
		if (got <= 0)
			fail_msg("%s is missing after:\n%s", wanted, text);
		len += (size_t)got;
		text[len] = 0;
	}
}

static void lines_are_answered_while_they_come(void **state)
{
	static char text[TEXT_SIZE];
	int fd = dial(*state);

	say(fd, LINES("", "Transfer-Encoding: chunked\r\nX-A: b\r\n") "4\r\none\n\r\n");
	hear_until(fd, "one\n\r\n", text);
	assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(text, "\r\nX-Content-Type-Options: nosniff\r\n"));
	/* Beyond the whole time that a body has, as long as each line is in time. */
	for (unsigned i = 0; i < 4; i++) {
		(void)usleep(TIMEOUT_MS * 1000 / 2);
		say(fd, "4\r\ntwo\n\r\n");
		hear_until(fd, "4\r\ntwo\n\r\n", text);
	}
	say(fd, "0\r\n\r\n");
	hear(fd, text);
	assert_string_equal(text, "4\r\nend\n\r\n0\r\n\r\n");
}

static void bodies_of_lines_come_whole_or_not(void **state)
{
	static const struct {
		const char *request;
		const char *status;
		const char *end;
	} cases[] = {
		{LINES("", "Content-Length: 2\r\n") "a\n", "200 OK",
	         "2\r\na\n\r\n4\r\nend\n\r\n0\r\n\r\n"},
		{LINES("", "Content-Length: 0\r\n"), "200 OK",
	         "\r\n\r\n4\r\nend\n\r\n0\r\n\r\n"},
		{LINES("", "Expect: 100-continue\r\nContent-Length: 2\r\n") "a\n",
	         "100 Continue", "4\r\nend\n\r\n0\r\n\r\n"},
		{LINES("?no", "Content-Length: 2\r\n") "a\n", "422 ", "}"},
		{LINES("?no", "Content-Length: 99999\r\n") "a\n", "422 ", "}"},
		{"POST /lines" HEAD "Content-Length: 2\r\n\r\n{}", "415 ", "}"},
		{"POST /lines HTTP/1.0\r\nContent-Type: application/x-ndjson\r\n"
	         "Content-Length: 2\r\n\r\na\n",
	         "505 ", "}"},
	};
	static char text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask(*state, cases[i].request, text);
		size_t len = strlen(text);
		size_t end = strlen(cases[i].end);
		if (strncmp(text + 9, cases[i].status, strlen(cases[i].status)) != 0 ||
		    len < end || strcmp(text + len - end, cases[i].end) != 0)
			fail_msg("%s\n-> %s", cases[i].request, text);
	}
}

/* The handler has been told that its client has gone. */
static void wait_for_goodbye(const struct fixture *f)
{
	for (unsigned i = 0;
	     i < 100 && !atomic_load_explicit(&f->gone, memory_order_relaxed); i++)
		(void)usleep(10000);
	assert_int_equal(atomic_load_explicit(&f->gone, memory_order_relaxed), 1);
}

static void slow_lines_are_hung_up_on(void **state)
{
	static char text[TEXT_SIZE];
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, LINES("", "Transfer-Encoding: chunked\r\n") "3\r\none\r\n");
	for (unsigned i = 0; i < 3; i++) {
		(void)usleep(TIMEOUT_MS * 1000 / 4);
		say(fd, "1\r\nx\r\n");
	}
	hear(fd, text);
	assert_null(strstr(text, "end"));
	wait_for_goodbye(f);
}

/* Sends as much as is taken, and reads nothing. */
static void flood(int fd)
{
	static char piece[32768];

	memset(piece, '\n', sizeof piece);
	for (unsigned i = 0; i < 10000; i++)
		if (send(fd, piece, sizeof piece, MSG_NOSIGNAL) < 0)
			return;
	fail_msg("all of it was taken");
}

static void who_takes_no_answer_is_not_read_for_long(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	struct timeval patience = {.tv_usec = TIMEOUT_MS * 4000};

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	say(fd, LINES("?times=3", "Content-Length: 400000000\r\n"));
	flood(fd);
	assert_int_equal(close(fd), 0);
	wait_for_goodbye(f);
	assert_in_range(f->echoed, MAX_BACKLOG, MAX_BACKLOG + 1000000);
}

static void streams_end_with_the_server(void **state)
{
	static char text[TEXT_SIZE];
	struct fixture *f = *state;

	f->left = dial(f);
	say(f->left, LINES("", "Transfer-Encoding: chunked\r\n") "4\r\none\n\r\n");
	hear_until(f->left, "one\n\r\n", text);
}

static void socket_of_another_server_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct fixture other = {0};
	char text[256] = "";
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(uv_loop_init(&other.loop), 0);
	assert_int_equal(open_at(&other, f->path, text, sizeof text), ERR_EXISTS);
	assert_non_null(strstr(text, "another server"));
	(void)uv_run(&other.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&other.loop), 0);
	assert_int_equal(access(f->path, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(requests_are_answered_as_they_deserve),
		TEST(answers_tell_browsers_nothing_but_to_show_them),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(chunked_body_beyond_the_limit_is_refused),
		TEST(head_beyond_the_limit_is_refused),
		TEST(slow_clients_are_hung_up_on),
		TEST(connections_of_the_unix_socket_are_limited),
		TEST(handler_may_outlive_client_and_server),
		TEST(lines_are_answered_while_they_come),
		TEST(bodies_of_lines_come_whole_or_not),
		TEST(slow_lines_are_hung_up_on),
		TEST(who_takes_no_answer_is_not_read_for_long),
		TEST(streams_end_with_the_server),
		TEST(socket_of_another_server_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
