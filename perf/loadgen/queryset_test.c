// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "perf/loadgen/queryset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/rrtype.h"

static char path[64];

static void write_file(const char *text)
{
	(void)snprintf(path, sizeof path, "/tmp/queryset_test.XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static struct question_source *open_text(const char *text, char why[static WHY_MAX])
{
	write_file(text);
	struct question_options o = {.file = path};
	struct question_source *s = question_open(&o, why);
	(void)unlink(path);
	return s;
}

static const char *next_name(struct question_source *s, uint64_t *random)
{
	static char text[NAME_TEXT_MAX];
	struct question q;

	assert_true(question_next(s, random, &q));
	return name_to_text(q.name, text);
}

static void file_is_read_round_and_round(void **state)
{
	char why[WHY_MAX];
	uint64_t random = 1;
	struct question q;

	(void)state;
	struct question_source *s = open_text(
		"# names\nwww.example. A\n\n mail.example\taaaa\n; end\nx. TYPE65280 D\n",
		why);
	assert_non_null(s);
	assert_int_equal(question_count(s), 3);
	assert_string_equal(next_name(s, &random), "www.example.");
	assert_true(question_next(s, &random, &q));
	assert_int_equal(q.type, RRTYPE_AAAA);
	assert_false(q.has_flags);
	assert_true(question_next(s, &random, &q));
	assert_int_equal(q.type, 65280);
	assert_true(q.has_flags && q.edns && q.dnssec_ok);
	assert_string_equal(next_name(s, &random), "www.example.");
	question_close(&s);
	assert_null(s);
}

static void bad_files_are_refused_with_the_line(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"a. A\nb.\n", ":2: not \"name type\""},
		{"a. A\n\nb. NOTATYPE\n", ":3: \"NOTATYPE\" is no type"},
		{"a..b. A\n", ":1: \"a..b.\" is no name"},
		{"a. A X\n", ":1: flag 'X' is neither E nor D"},
		{"a. A E more\n", ":1: not \"name type\""},
		{"# nothing\n", ": no line in it"},
	};
	char why[WHY_MAX];
	struct question_options missing = {.file = "/nonexistent/file"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(open_text(cases[i].text, why));
		assert_non_null(strstr(why, cases[i].why));
	}
	assert_null(question_open(&missing, why));
	assert_string_equal(why, "/nonexistent/file: No such file or directory");
}

static void patterns_number_their_names(void **state)
{
	static const struct {
		const char *pattern, *name;
	} cases[] = {
		{"n%07u.example. A", "n0000000.example."},
		{"n%u.example A", "n0.example."},
		{"%u. A", "0."},
		{"fixed.example. A", "fixed.example."},
	};
	char why[WHY_MAX];
	uint64_t random = 1;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct question_options o = {.pattern = cases[i].pattern, .range = 1};
		struct question_source *s = question_open(&o, why);
		assert_non_null(s);
		assert_string_equal(next_name(s, &random), cases[i].name);
		question_close(&s);
	}
}

static void bad_patterns_are_refused(void **state)
{
	static const struct {
		struct question_options o;
		const char *why;
	} cases[] = {
		{{.pattern = "n%s. A", .range = 9}, "one %u or %07u"},
		{{.pattern = "n%7u. A", .range = 9}, "one %u or %07u"},
		{{.pattern = "n%099u. A", .range = 9}, "one %u or %07u"},
		{{.pattern = "n%u.%u. A", .range = 9}, "one %u or %07u"},
		{{.pattern = "n%", .range = 9}, "one %u or %07u"},
		{{.pattern = "n%u.", .range = 9}, "is no type"},
		{{.pattern = "n%u. NOPE", .range = 9}, "\"NOPE\" is no type"},
		{{.pattern = "n..%u. A", .range = 9}, "does not make a name"},
		{{.pattern = "n%u. A", .range = 0}, "the range is empty"},
		{{.pattern = "n%u. A", .range = 1U << 30, .zipf = 1},
	         "zipf is for ranges"},
	};
	char why[WHY_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(question_open(&cases[i].o, why));
		assert_non_null(strstr(why, cases[i].why));
	}
}

enum { RANGE = 100, DRAWS = 200000 };

static void count_draws(double zipf, unsigned counts[RANGE])
{
	struct question_options o = {.pattern = "%u. A", .range = RANGE, .zipf = zipf};
	char why[WHY_MAX];
	uint64_t random = 42;
	struct question_source *s = question_open(&o, why);

	assert_non_null(s);
	memset(counts, 0, RANGE * sizeof counts[0]);
	for (unsigned i = 0; i < DRAWS; i++) {
		unsigned long n = strtoul(next_name(s, &random), NULL, 10);
		assert_true(n < RANGE);
		counts[n]++;
	}
	question_close(&s);
}

static void assert_near(double got, double want)
{
	assert_true(got > 0.9 * want && got < 1.1 * want);
}

static void numbers_are_drawn_alike_or_by_zipf(void **state)
{
	unsigned counts[RANGE];
	double sum = 0;

	(void)state;
	count_draws(0, counts);
	for (unsigned i = 0; i < RANGE; i++)
		assert_near(counts[i], (double)DRAWS / RANGE);
	count_draws(1, counts);
	for (unsigned i = 0; i < RANGE; i++)
		sum += 1.0 / (i + 1);
	assert_near(counts[0], DRAWS / sum);
	assert_near(counts[1], DRAWS / sum / 2);
	assert_near(counts[9], DRAWS / sum / 10);
	assert_true(counts[RANGE - 1] > 0);
}

static void random_labels_stand_in_front_where_they_fit(void **state)
{
	static const char label[] =
		"123456789012345678901234567890123456789012345678901234567890.";
	char why[WHY_MAX];
	char text[NAME_TEXT_MAX + 4];
	uint64_t random = 7;
	struct question a, b;
	struct question_options o = {
		.pattern = "example. A", .range = 1, .random_subdomain = true};

	(void)state;
	struct question_source *s = question_open(&o, why);
	assert_non_null(s);
	assert_true(question_next(s, &random, &a) && question_next(s, &random, &b));
	assert_int_equal(name_len(a.name, a.name_len), a.name_len);
	assert_int_equal(name_labels(a.name), 2);
	assert_memory_equal(a.name + 13, "\7example", 9);
	assert_memory_not_equal(a.name, b.name, 13);
	question_close(&s);

	(void)snprintf(text, sizeof text, "%s%s%s%s A", label, label, label, label);
	o.pattern = text;
	s = question_open(&o, why);
	assert_non_null(s);
	assert_true(!question_next(s, &random, &a));
	question_close(&s);
}

static struct queryset_options set_options(void)
{
	return (struct queryset_options){
		.questions = {.pattern = "n%u.example. AAAA", .range = 1000},
		.ends = {.sources = 10,
	                 .vlan = -1,
	                 .dest_port = 53,
	                 .first_port = 1000,
	                 .ports = 8},
		.count = 20000,
		.ipv6 = 0.25,
		.edns = 0.5,
		.dnssec_ok = 0.5,
		.seed = 3,
	};
}

static void sets_have_the_shares_asked_for(void **state)
{
	struct queryset_options o = set_options();
	struct queryset set;
	char why[WHY_MAX];
	unsigned ipv6 = 0;
	unsigned edns = 0;
	unsigned dnssec_ok = 0;
	size_t at = 0;
	size_t dns_bytes = 0;

	(void)state;
	assert_true(queryset_make(&set, &o, why));
	assert_int_equal(set.count, o.count);
	const struct frame *first = queryset_next(&set, &at);
	at = 0;
	for (unsigned i = 0; i < o.count; i++) {
		const struct frame *f = queryset_next(&set, &at);
		const uint8_t *dns = f->bytes + f->udp + FRAME_UDP;
		ipv6 += f->udp - f->ip == FRAME_IPV6;
		edns += dns[11];
		dnssec_ok += dns[11] && f->bytes[f->size - 4] == 0x80;
		dns_bytes += (size_t)f->size - f->udp - FRAME_UDP;
		assert_int_equal(dns[5], 1);
		assert_int_equal(f->question, name_len(dns + 12, 64) + 4);
	}
	assert_ptr_equal(queryset_next(&set, &at), first);
	assert_int_equal(dns_bytes, set.dns_bytes);
	assert_near(ipv6, 5000);
	assert_near(edns, 10000);
	assert_near(dnssec_ok, 5000);
	queryset_fini(&set);
}

static void sets_are_as_long_as_their_file(void **state)
{
	struct queryset_options o = set_options();
	struct queryset set;
	char why[WHY_MAX];

	(void)state;
	write_file("a. A\nb. A E\nc. A\n");
	o.questions = (struct question_options){.file = path};
	o.count = 0;
	o.edns = 0;
	assert_true(queryset_make(&set, &o, why));
	(void)unlink(path);
	assert_int_equal(set.count, 3);
	size_t at = queryset_stride((const void *)set.bytes);
	const struct frame *second = queryset_next(&set, &at);
	assert_int_equal(second->bytes[second->udp + FRAME_UDP + 11],
	                 1); /* its own EDNS */
	queryset_fini(&set);
}

static void queries_are_what_rfc_1035_and_6891_say(void **state)
{
	static const uint8_t plain[] = "\0\0\0\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
	static const uint8_t with_do[] = "\0\0\0\0\0\1\0\0\0\0\0\1\1a\0\0\1\0\1"
					 "\0\0\x29\4\xd0\0\0\x80\0\0\0";
	struct question q = {.name = {1, 'a', 0}, .name_len = 3, .type = RRTYPE_A};
	uint8_t out[QUERYSET_DNS_MAX];

	(void)state;
	assert_int_equal(queryset_write_dns(&q, false, false, out), sizeof plain - 1);
	assert_memory_equal(out, plain, sizeof plain - 1);
	assert_int_equal(queryset_write_dns(&q, true, true, out), sizeof with_do - 1);
	assert_memory_equal(out, with_do, sizeof with_do - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_read_round_and_round),
		cmocka_unit_test(bad_files_are_refused_with_the_line),
		cmocka_unit_test(patterns_number_their_names),
		cmocka_unit_test(bad_patterns_are_refused),
		cmocka_unit_test(numbers_are_drawn_alike_or_by_zipf),
		cmocka_unit_test(random_labels_stand_in_front_where_they_fit),
		cmocka_unit_test(sets_have_the_shares_asked_for),
		cmocka_unit_test(sets_are_as_long_as_their_file),
		cmocka_unit_test(queries_are_what_rfc_1035_and_6891_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
