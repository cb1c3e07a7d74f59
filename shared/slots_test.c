#include "shared/slots.h"

#include <string.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"

static void reader_maps_what_was_made_and_its_counts_are_seen(void **state)
{
	uint64_t sum[COUNTER_COUNT] = {0};
	struct segment made;
	struct segment mapped;
	struct slots *maker;
	struct slots *reader;

	(void)state;
	assert_int_equal(slots_create(&made), 0);
	assert_int_equal(slots_attach(&made, &maker), 0);
	assert_int_equal(segment_map(dup(made.fd), true, &mapped), 0);
	assert_int_equal(slots_attach(&mapped, &reader), 0);
	assert_int_equal(reader->header.instance, maker->header.instance);
	counter_add(&reader->attachments[3].workers[0], COUNTER_queries, 5);
	counter_add(&reader->attachments[3].workers[WORKERS_MAX - 1], COUNTER_queries, 6);
	counter_add(&reader->attachments[3].carried, COUNTER_queries, 7);
	counter_add(&reader->attachments[4].workers[0], COUNTER_queries, 100);
	slots_add(&maker->attachments[3], sum);
	assert_int_equal(sum[COUNTER_queries], 18);
	assert_int_equal(sum[COUNTER_responses], 0);
	segment_close(&mapped);
	segment_close(&made);
}

static void clear_zeroes_one_attachment_only(void **state)
{
	uint64_t sum[COUNTER_COUNT] = {0};
	struct segment made;
	struct slots *s;

	(void)state;
	assert_int_equal(slots_create(&made), 0);
	assert_int_equal(slots_attach(&made, &s), 0);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		counter_add(&s->attachments[i].workers[7], COUNTER_bytes_out, 1);
		counter_add(&s->attachments[i].carried, COUNTER_bytes_out, 1);
	}
	slots_clear(&s->attachments[5]);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		slots_add(&s->attachments[i], sum);
	assert_int_equal(sum[COUNTER_bytes_out], 2 * (ATTACHMENTS_MAX - 1));
	segment_close(&made);
}

static void two_starts_have_different_instances(void **state)
{
	struct segment segments[2];
	struct slots *s[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(slots_create(&segments[i]), 0);
		assert_int_equal(slots_attach(&segments[i], &s[i]), 0);
	}
	assert_int_not_equal(s[0]->header.instance, s[1]->header.instance);
	segment_close(&segments[0]);
	segment_close(&segments[1]);
}

static void header_that_does_not_add_up_is_refused(void **state)
{
	static const struct {
		size_t at;
		int err;
	} cases[] = {
		{offsetof(struct slots_header, magic), ERR_CORRUPT},
		{offsetof(struct slots_header, layout), ERR_VERSION},
		{offsetof(struct slots_header, header_size), ERR_CORRUPT},
		{offsetof(struct slots_header, size), ERR_CORRUPT},
		{offsetof(struct slots_header, attachments), ERR_CORRUPT},
		{offsetof(struct slots_header, workers), ERR_CORRUPT},
		{offsetof(struct slots_header, counters), ERR_CORRUPT},
	};
	struct segment made;
	struct slots *s;

	(void)state;
	assert_int_equal(slots_create(&made), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		made.base[cases[i].at] ^= 1;
		assert_int_equal(slots_attach(&made, &s), cases[i].err);
		made.base[cases[i].at] ^= 1;
	}
	assert_int_equal(slots_attach(&made, &s), 0);
	segment_close(&made);
}

static void segment_of_another_size_is_refused(void **state)
{
	static const uint64_t sizes[] = {sizeof(struct slots_header) - 1, 4096,
	                                 sizeof(struct slots) - 1,
	                                 sizeof(struct slots) + 1};
	struct segment made;
	struct slots *s;

	(void)state;
	assert_int_equal(slots_create(&made), 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct segment other;
		assert_int_equal(segment_create("other", sizes[i], false, &other), 0);
		memcpy(other.base, made.base, sizeof(struct slots_header) - 1);
		if (sizes[i] >= sizeof(struct slots_header))
			memcpy(other.base, made.base, sizeof(struct slots_header));
		assert_int_equal(slots_attach(&other, &s), ERR_CORRUPT);
		segment_close(&other);
	}
	segment_close(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_maps_what_was_made_and_its_counts_are_seen),
		cmocka_unit_test(clear_zeroes_one_attachment_only),
		cmocka_unit_test(two_starts_have_different_instances),
		cmocka_unit_test(header_that_does_not_add_up_is_refused),
		cmocka_unit_test(segment_of_another_size_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
