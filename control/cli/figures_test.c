#include "control/cli/figures.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/print.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static struct look look_at(uint64_t at, const char *status, const char *stats)
{
	struct look l = {json_loads(status, 0, NULL), json_loads(stats, 0, NULL), at};

	assert_non_null(l.status);
	assert_non_null(l.stats);
	return l;
}

static json_t *between(uint64_t ms, const char *status, const char *before,
                       const char *after)
{
	struct look then = look_at(1000, status, before);
	struct look now = look_at(1000 + ms, status, after);
	json_t *f = figures_between(&then, &now);

	look_fini(&then);
	look_fini(&now);
	return f;
}

static void assert_figure(const json_t *f, const char *path, double wanted)
{
	const json_t *value = print_member(f, path);

	assert_true(json_is_number(value));
	assert_true(json_number_value(value) > wanted - 0.001);
	assert_true(json_number_value(value) < wanted + 0.001);
}

/* The text for people, lent until the next call. */
static const char *lines_of(const json_t *f, enum figures_order order)
{
	static char *text;
	size_t size;

	free(text);
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	figures_write(f, order, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void rates_are_by_the_second(void **state)
{
	(void)state;
	json_t *f = between(
		2000, "{\"pid\":1}",
		"{\"counters\":{\"queries\":100,\"tcp\":10,\"rcode_nxdomain\":5,\"dropped_io\":1},"
		"\"types\":{\"A\":50}}",
		"{\"counters\":{\"queries\":500,\"tcp\":30,\"rcode_nxdomain\":7,\"dropped_io\":9},"
		"\"types\":{\"A\":60}}");
	assert_figure(f, "seconds", 2);
	assert_figure(f, "rates.queries", 200);
	assert_figure(f, "rates.tcp", 10);
	assert_figure(f, "rates.udp", 190);
	assert_figure(f, "rcodes.NXDOMAIN", 1);
	assert_figure(f, "drops.io", 4);
	assert_figure(f, "types.A", 5);
	assert_null(print_member(f, "rates.rcode_nxdomain"));
	json_decref(f);
}

static void another_process_is_not_compared(void **state)
{
	struct look a = look_at(1000, "{\"pid\":1}", "{}");
	struct look b = look_at(2000, "{\"pid\":2}", "{}");

	(void)state;
	assert_null(figures_between(&a, &b));
	assert_null(figures_between(&a, &a));
	look_fini(&a);
	look_fini(&b);
}

static void counters_that_began_anew_count_from_zero(void **state)
{
	(void)state;
	json_t *f = between(1000, "{\"pid\":1}", "{\"counters\":{\"queries\":100}}",
	                    "{\"counters\":{\"queries\":30}}");
	assert_figure(f, "rates.queries", 30);
	json_decref(f);
}

static void times_are_of_what_came_between(void **state)
{
	(void)state;
	json_t *f = between(
		1000, "{\"pid\":1}",
		"{\"burst_ns\":[{\"up_to\":1000,\"count\":9000},{\"up_to\":2000,\"count\":5},"
		"{\"up_to\":null,\"count\":3}]}",
		"{\"burst_ns\":[{\"up_to\":1000,\"count\":9060},{\"up_to\":2000,\"count\":44},"
		"{\"up_to\":null,\"count\":4}]}");
	assert_figure(f, "burst_us.p50", 1);
	assert_figure(f, "burst_us.p90", 2);
	assert_figure(f, "burst_us.p99", 2);
	json_decref(f);
	f = between(1000, "{\"pid\":1}", "{\"burst_ns\":[{\"up_to\":1000,\"count\":9}]}",
	            "{\"burst_ns\":[{\"up_to\":1000,\"count\":9}]}");
	assert_true(json_is_null(print_member(f, "burst_us.p50")));
	json_decref(f);
}

static void workers_are_told_apart_and_sorted(void **state)
{
	(void)state;
	json_t *f =
		between(1000, "{\"pid\":1}",
	                "{\"attachments\":[{\"pid\":7,\"per_worker\":["
	                "{\"counters\":{\"queries\":10,\"bursts\":10}},"
	                "{\"counters\":{\"queries\":10,\"bursts\":10}}]}]}",
	                "{\"attachments\":[{\"pid\":8,\"per_worker\":["
	                "{\"counters\":{\"queries\":5,\"bursts\":5,\"dropped_io\":9}}]},"
	                "{\"pid\":7,\"per_worker\":["
	                "{\"counters\":{\"queries\":20,\"bursts\":15}},"
	                "{\"counters\":{\"queries\":40,\"bursts\":10}}]}]}");
	const json_t *workers = print_member(f, "workers");
	assert_int_equal(json_array_size(workers), 3);
	assert_figure(json_array_get(workers, 0), "queries", 5);
	assert_figure(json_array_get(workers, 1), "queries_per_burst", 2);
	assert_figure(json_array_get(workers, 2), "queries", 30);
	assert_true(json_is_null(
		print_member(json_array_get(workers, 2), "queries_per_burst")));

	const char *text = lines_of(f, BY_QUERIES);
	const char *first = strstr(text, "         7      1           30");
	const char *second = strstr(text, "         7      0           10");
	const char *third = strstr(text, "         8      0            5");
	assert_true(first && second && third && first < second && second < third);
	text = lines_of(f, BY_DROPS);
	assert_true(strstr(text, "         8 ") < strstr(text, "         7 "));
	json_decref(f);
}

static void what_a_strange_server_says_is_shown_safely(void **state)
{
	(void)state;
	json_t *f = between(
		1000,
		"{\"pid\":1,\"version\":\"\\u001b[2J\",\"state\":7,"
		"\"alarms\":[\"a\\u0007b\",5],\"zones\":\"x\"}",
		"{}",
		"{\"counters\":[],\"types\":{\"\\u001b\":5},"
		"\"attachments\":[1,{\"per_worker\":[null,{}]}],\"burst_ns\":{}}");
	assert_non_null(f);
	const char *text = lines_of(f, BY_LATENCY);
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\a'));
	json_decref(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_by_the_second),
		cmocka_unit_test(another_process_is_not_compared),
		cmocka_unit_test(counters_that_began_anew_count_from_zero),
		cmocka_unit_test(times_are_of_what_came_between),
		cmocka_unit_test(workers_are_told_apart_and_sorted),
		cmocka_unit_test(what_a_strange_server_says_is_shown_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
