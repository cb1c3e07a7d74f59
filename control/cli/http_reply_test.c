#include "control/cli/http_reply.h"

#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

enum { MOST = 1000 };

struct good {
	const char *octets;
	bool ends; /* the connection, behind the octets */
	unsigned status;
	const char *body; /* NULL: none */
	unsigned retry_after;
	bool closes;
	const char *rest; /* what is not of this response */
};

static const struct good good[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, 200, "{}", 0, false,
         ""},
	{"HTTP/1.1 200 OK\r\ncontent-length:2  \r\n\r\n{}HTTP", false, 200, "{}", 0,
         false, "HTTP"},
	{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, 200, NULL, 0, false, ""},
	{"HTTP/1.1 204 No Content\r\n\r\n", false, 204, NULL, 0, false, ""},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, 304, NULL, 0,
         false, ""},
	{"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", false, 200, "{}", 0, false, ""},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
         false, 200, "x", 0, false, ""},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n"
         "Trailer: x\r\n\r\n.",
         false, 200, "abc0123456789", 0, false, "."},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 200,
         NULL, 0, false, ""},
	{"HTTP/1.1 200 OK\r\n\r\nabc", true, 200, "abc", 0, true, ""},
	{"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false, 200, "a", 0, true, ""},
	{"HTTP/1.1 401 Unauthorized\r\nConnection: Close\r\nContent-Length: 1\r\n\r\na",
         false, 401, "a", 0, true, ""},
	{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n",
         false, 429, NULL, 30, false, ""},
	{"HTTP/1.1 503 x\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
         false, 503, NULL, 0, false, ""},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", false,
         200, "{}", 0, false, ""},
};

struct bad {
	const char *octets;
	bool ends;
};

static const struct bad bad[] = {
	{"HTTP/2 200 OK\r\n", false},
	{"HTTP/1.2 200 OK\r\n", false},
	{"HTTP/1.1 20 OK\r\n", false},
	{"HTTP/1.1 2000 OK\r\n", false},
	{"HTTP/1.1 099 OK\r\n", false},
	{"SSH-2.0-OpenSSH_9.2\r\n", false},
	{"\r\n", false},
	{"HTTP/1.1 101 Switching Protocols\r\n\r\n", false},
	{"HTTP/1.1 200 OK\r\nno colon\r\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length:\r\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
         false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
         false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", true},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", true},
	{"HTTP/1.1 2", true},
};

/* All at once, or an octet at a time. Gives how many octets were taken. */
static size_t feed(struct http_reply *r, const char *octets, size_t step, bool ends)
{
	size_t len = strlen(octets);
	size_t used = 0;

	http_reply_init(r, MOST);
	while (used < len) {
		size_t part = len - used < step ? len - used : step;
		size_t took = http_reply_feed(r, octets + used, part);
		used += took;
		if (took < part)
			break;
	}
	if (ends)
		http_reply_end(r);
	return used;
}

static void responses_are_read_in_parts_of_any_size(void **state)
{
	struct http_reply r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const struct good *g = &good[i];
		for (size_t step = 1; step < 400; step += 1 + step) {
			size_t used = feed(&r, g->octets, step, g->ends);
			assert_int_equal(r.state, REPLY_DONE);
			assert_int_equal(r.status, g->status);
			assert_int_equal(r.retry_after, g->retry_after);
			assert_int_equal(r.closes, g->closes);
			assert_string_equal(g->octets + used, g->rest);
			assert_string_equal(r.body ? r.body : "", g->body ? g->body : "");
			http_reply_fini(&r);
		}
	}
}

static void what_is_no_response_is_refused(void **state)
{
	struct http_reply r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		for (size_t step = 1; step < 400; step += 1 + step) {
			(void)feed(&r, bad[i].octets, step, bad[i].ends);
			if (r.state != REPLY_BROKEN)
				print_message("%s\n", bad[i].octets);
			assert_int_equal(r.state, REPLY_BROKEN);
			http_reply_fini(&r);
		}
	}
}

static void what_has_no_end_is_cut_off(void **state)
{
	static const char *const endless[] = {"x", "a: b\r\n",
	                                      "HTTP/1.1 100 Continue\r\n"};
	struct http_reply r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
		http_reply_init(&r, MOST);
		(void)http_reply_feed(&r, "HTTP/1.1 200 OK\r\n", i == 1 ? 17 : 0);
		for (unsigned n = 0; n < 20000 && r.state != REPLY_BROKEN; n++)
			(void)http_reply_feed(&r, endless[i], strlen(endless[i]));
		assert_int_equal(r.state, REPLY_BROKEN);
		http_reply_fini(&r);
	}
	http_reply_init(&r, MOST);
	(void)http_reply_feed(&r, "HTTP/1.1 200 OK\r\n\r\n", 19);
	for (unsigned n = 0; n <= MOST; n++)
		(void)http_reply_feed(&r, "x", 1);
	assert_int_equal(r.state, REPLY_BROKEN);
	http_reply_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_are_read_in_parts_of_any_size),
		cmocka_unit_test(what_is_no_response_is_refused),
		cmocka_unit_test(what_has_no_end_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
