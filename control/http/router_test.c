#include "control/http/router.h"

#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

static void handler(void *arg, struct http_request *r)
{
	(void)arg;
	(void)r;
}

static const struct http_route first[] = {
	{"GET", "/", 0, handler},
	{"GET", "/zones", 0, handler},
	{"POST", "/zones", HTTP_JSON, handler},
	{"GET", "/zones/{}", 0, handler},
	{"PATCH", "/zones/{}", 0, handler},
	{"PUT", "/zones/{}/notify", 0, handler},
};
static const struct http_route second[] = {
	{"DELETE", "/zones/{}", 0, handler},
	{"GET", "/metrics", HTTP_OPEN, handler},
};

static void make(struct router *r)
{
	static int one;
	static int two;

	*r = (struct router){0};
	router_add(r, first, ARRAY_LEN(first), &one);
	router_add(r, second, ARRAY_LEN(second), &two);
}

static void path_and_method_choose_the_route(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		const struct http_route *route;
		bool known;
	} cases[] = {
		{"GET", "/", &first[0], true},
		{"GET", "/zones", &first[1], true},
		{"HEAD", "/zones/", &first[1], true},
		{"POST", "/zones", &first[2], true},
		{"GET", "/zones/a%2Fb", &first[3], true},
		{"GET", "/zones/{}", &first[3], true},
		{"DELETE", "/zones/a", &second[0], true},
		{"GET", "/metrics", &second[1], true},
		{"DELETE", "/zones", NULL, true},
		{"get", "/zones", NULL, true},
		{"GET", "/zones/a/notify", NULL, true},
		{"GET", "/zones//notify", NULL, false},
		{"PUT", "/zones/a/notify/b", NULL, false},
		{"GET", "/zone", NULL, false},
		{"GET", "/zonesa", NULL, false},
		{"GET", "/Zones", NULL, false},
		{"GET", "/zones%2Fa", NULL, false},
		{"GET", "//", NULL, false},
	};
	struct router r;

	(void)state;
	make(&r);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct target t;

		assert_int_equal(target_parse(cases[i].path, &t), 0);
		struct router_match m = router_find(&r, cases[i].method, &t);
		assert_ptr_equal(m.route, cases[i].route);
		assert_int_equal(m.known, cases[i].known);
		assert_true(!m.route || m.arg);
		target_fini(&t);
	}
}

static void methods_of_a_path_are_told_once_each(void **state)
{
	static const char *const cases[][2] = {
		{"/zones/a", "GET, PATCH, DELETE, OPTIONS"},
		{"/zones", "GET, POST, OPTIONS"},
		{"/nothing", "OPTIONS"},
	};
	struct router r;

	(void)state;
	make(&r);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[ROUTER_METHODS_MAX];
		struct target t;

		assert_int_equal(target_parse(cases[i][0], &t), 0);
		router_methods(&r, &t, text);
		assert_string_equal(text, cases[i][1]);
		target_fini(&t);
	}
}

static void a_walk_gives_every_route_once_and_in_order(void **state)
{
	struct router r;
	struct router_place at = {0};
	size_t count = 0;
	const struct http_route *route;

	(void)state;
	make(&r);
	router_add(&r, first, 0, NULL);
	while ((route = router_next(&r, &at))) {
		assert_ptr_equal(route, count < ARRAY_LEN(first)
		                                ? &first[count]
		                                : &second[count - ARRAY_LEN(first)]);
		count++;
	}
	assert_int_equal(count, ARRAY_LEN(first) + ARRAY_LEN(second));
	assert_null(router_next(&r, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_and_method_choose_the_route),
		cmocka_unit_test(a_walk_gives_every_route_once_and_in_order),
		cmocka_unit_test(methods_of_a_path_are_told_once_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
