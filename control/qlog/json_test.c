#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/qlog/reader.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static const struct qlog_record sound = {
	.time = UINT64_C(1700000000123456789),
	.addr = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1},
	.port = 4711,
	.qtype = 28,
	.qclass = 1,
	.rcode = 3,
	.len = 99,
	.flags = QLOG_TCP | QLOG_DO | QLOG_EDNS | QLOG_AA,
	.name_len = 13,
	.name = "\3a\"b\7example",
};

static char *written(const struct qlog_record *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_true(qlog_is_sound(r));
	qlog_write(r, "0/1", to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void record_becomes_a_line(void **state)
{
	char *line = written(&sound);

	(void)state;
	assert_string_equal(
		line,
		"{\"time\":\"2023-11-14T22:13:20.123456Z\",\"client\":\"192.0.2.1\","
		"\"port\":4711,\"protocol\":\"tcp\",\"name\":\"a\\\\\\\"b.example.\","
		"\"type\":\"AAAA\",\"class\":\"IN\",\"rcode\":\"NXDOMAIN\","
		"\"edns\":true,\"do\":true,\"rd\":false,\"aa\":true,\"tc\":false,"
		"\"size\":99,\"by\":\"0/1\"}\n");
	free(line);
}

static void numbers_without_a_name_are_numbers(void **state)
{
	struct qlog_record r = sound;

	(void)state;
	r.qtype = 65280;
	r.qclass = 4711;
	r.rcode = 4711;
	r.addr[0] = 0x20;
	r.time = UINT64_MAX;
	char *line = written(&r);
	assert_non_null(strstr(line, "\"type\":\"TYPE65280\",\"class\":\"CLASS4711\","
	                             "\"rcode\":\"RCODE4711\""));
	assert_non_null(strstr(line, "\"client\":\"2000::ffff:c000:201\""));
	free(line);
}

static void message_without_a_question_has_no_name(void **state)
{
	struct qlog_record r = sound;

	(void)state;
	r.name_len = 0;
	char *line = written(&r);
	assert_non_null(strstr(line, "\"name\":null,\"rcode\""));
	free(line);
}

static void every_octet_of_a_name_can_be_shown(void **state)
{
	struct qlog_record r = sound;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		r.name[2] = (uint8_t)c;
		char *line = written(&r);
		json_t *o = json_loads(line, 0, NULL);
		assert_non_null(json_string_value(json_object_get(o, "name")));
		json_decref(o);
		free(line);
	}
}

/* Whatever a data plane has written. */
static void names_that_are_none_are_not_sound(void **state)
{
	struct qlog_record r = sound;

	(void)state;
	r.name_len = 12;
	assert_false(qlog_is_sound(&r));
	r.name_len = 255;
	assert_false(qlog_is_sound(&r));
	r.name_len = 13;
	r.name[0] = 0xc0;
	assert_false(qlog_is_sound(&r));
	memset(r.name, 1, sizeof r.name);
	r.name_len = 255;
	assert_false(qlog_is_sound(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_becomes_a_line),
		cmocka_unit_test(numbers_without_a_name_are_numbers),
		cmocka_unit_test(message_without_a_question_has_no_name),
		cmocka_unit_test(every_octet_of_a_name_can_be_shown),
		cmocka_unit_test(names_that_are_none_are_not_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
