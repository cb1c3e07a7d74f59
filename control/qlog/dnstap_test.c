#include "control/qlog/dnstap.h"

#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static const struct dnstap_sender sender = {"ns1", "anser 1"};

static const struct qlog_record record = {
	.time = UINT64_C(1700000000123456789),
	.addr = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1},
	.port = 4711,
	.qtype = 28,
	.qclass = 1,
	.rcode = 3,
	.flags = QLOG_TCP | QLOG_DO | QLOG_EDNS | QLOG_AA | QLOG_RD,
	.name_len = 3,
	.name = "\1a",
};

static void frame_is_what_the_schema_says(void **state)
{
	static const uint8_t want[] = {
		0x0a, 3, 'n', 's', '1', 0x12, 7, 'a', 'n', 's', 'e', 'r', ' ', '1',
		/* message */
		0x72, 93, 0x08, 2, 0x10, 1, 0x18, 2, 0x22, 4, 192, 0, 2, 1, 0x30, 0xe7,
		0x24,
		/* query_message */
		0x52, 30, 0, 0, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1, 1, 'a', 0, 0, 28, 0,
		1, 0, 0, 41, 2, 0, 0, 0, 0x80, 0, 0, 0,
		/* query_zone, response_time */
		0x5a, 1, 0, 0x60, 0x80, 0xe2, 0xcf, 0xaa, 0x06, 0x6d, 0x15, 0xcd, 0x5b,
		0x07,
		/* response_message */
		0x72, 30, 0, 0, 0x85, 0x03, 0, 1, 0, 0, 0, 0, 0, 1, 1, 'a', 0, 0, 28, 0,
		1, 0, 0, 41, 2, 0, 0, 0, 0x80, 0, 0, 0,
		/* type */
		0x78, 1};
	uint8_t frame[DNSTAP_FRAME_SIZE];
	size_t len = dnstap_encode(&record, (const uint8_t *)"", &sender, frame);

	(void)state;
	assert_int_equal(len, sizeof want);
	assert_memory_equal(frame, want, sizeof want);
}

/* Without what is not there: a question, a zone, OPT. */
static void frame_is_shorter_without_a_question(void **state)
{
	struct qlog_record r = {.addr = {0x20, 1}, .rcode = 1};
	uint8_t frame[DNSTAP_FRAME_SIZE];
	static const uint8_t response[] = {0x72, 12, 0, 0, 0x80, 1, 0,    0,
	                                   0,    0,  0, 0, 0,    0, 0x78, 1};
	size_t len = dnstap_encode(&r, NULL, &sender, frame);

	(void)state;
	assert_memory_equal(frame + len - sizeof response, response, sizeof response);
	assert_int_equal(len, 14 + 2 + 2 * 3 + 18 + 2 + 14 + 2 + 5 + 14 + 2);
}

/* The longest of everything fits, and a data plane that scribbles changes nothing of that. */
static void largest_frame_fits(void **state)
{
	struct qlog_record r;
	char text[DNSTAP_TEXT_MAX + 2];
	const struct dnstap_sender long_sender = {text, text};
	uint8_t zone[NAME_MAX_LEN] = {0};
	uint8_t frame[DNSTAP_FRAME_SIZE];

	(void)state;
	memset(&r, 0xff, sizeof r);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	for (unsigned i = 0; i + 1 < NAME_MAX_LEN; i += 2)
		memcpy(zone + i, "\1a", 2);
	r.name_len = NAME_MAX_LEN;
	memcpy(r.name, zone, sizeof zone);
	assert_true(qlog_is_sound(&r));
	size_t len = dnstap_encode(&r, zone, &long_sender, frame);
	assert_true(len > 4 * NAME_MAX_LEN && len < DNSTAP_FRAME_SIZE);
	/* What was left out for want of room would be missed at the end. */
	assert_int_equal(frame[len - 1], 1);
	assert_int_equal(frame[len - 2], 0x78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_is_what_the_schema_says),
		cmocka_unit_test(frame_is_shorter_without_a_question),
		cmocka_unit_test(largest_frame_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
