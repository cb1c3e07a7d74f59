#include "control/zone/records.h"

#include "control/zone/testing.h"
#include "shared/rrtype.h"

enum { KEYS = 50 };

struct input {
	struct record *records;
	uint8_t (*keys)[8];
	size_t count;
};

/* Records whose line is the place in which they came. rank says how their keys go. */
static struct input records_of(size_t count, unsigned (*rank)(size_t i, size_t count))
{
	static const uint8_t rdata[4];
	struct input in = {
		.records = calloc(count + 1, sizeof(struct record)),
		.keys = calloc(count + 1, sizeof in.keys[0]),
		.count = count,
	};

	assert_non_null(in.records);
	assert_non_null(in.keys);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf((char *)in.keys[i], sizeof in.keys[i], "%07u",
		               rank(i, count));
		in.records[i] = (struct record){
			.head = record_head(in.keys[i], 8),
			.key = in.keys[i],
			.key_len = 8,
			.rdata = rdata,
			.rdata_len = sizeof rdata,
			.type = RRTYPE_A,
			.line = (uint32_t)i,
		};
	}
	return in;
}

static unsigned rising(size_t i, size_t count)
{
	(void)count;
	return (unsigned)i;
}

static unsigned falling(size_t i, size_t count)
{
	return (unsigned)(count - i);
}

static unsigned constant(size_t i, size_t count)
{
	(void)i;
	(void)count;
	return 7;
}

static unsigned scattered(size_t i, size_t count)
{
	(void)count;
	return (unsigned)(i * 2654435761U % 1000003);
}

static unsigned few(size_t i, size_t count)
{
	return scattered(i, count) % KEYS;
}

static unsigned last_first(size_t i, size_t count)
{
	return i + 1 == count ? 0 : (unsigned)i + 1;
}

static unsigned saw(size_t i, size_t count)
{
	(void)count;
	return (unsigned)(i % 100);
}

static void any_order_is_sorted_and_equal_ones_keep_theirs(void **state)
{
	(void)state;
	static unsigned (*const ranks[])(size_t, size_t) = {
		rising, falling, constant, scattered, few, last_first, saw,
	};
	static const size_t counts[] = {0,  1,  2,  31,  32,   33,
	                                63, 64, 65, 100, 1000, 20011};

	for (size_t r = 0; r < ARRAY_LEN(ranks); r++) {
		for (size_t n = 0; n < ARRAY_LEN(counts); n++) {
			struct input in = records_of(counts[n], ranks[r]);
			uint64_t lines = 0;

			records_sort(in.records, in.count);
			for (size_t i = 0; i < in.count; i++) {
				lines += in.records[i].line;
				if (i == 0)
					continue;
				int order = record_compare(&in.records[i - 1],
				                           &in.records[i]);
				assert_true(order <= 0);
				assert_true(order < 0 ||
				            in.records[i - 1].line < in.records[i].line);
			}
			/* None got lost and none came twice. */
			assert_int_equal(lines,
			                 in.count ? in.count * (in.count - 1) / 2 : 0);
			free(in.records);
			free(in.keys);
		}
	}
}

static void heads_order_like_keys(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
	} keys[] = {
		{"", 0},
		{"\1\1\0", 3},
		{"*\0", 2},
		{"a\0", 2},
		{"a\0*\0", 4},
		{"a\0b\0c\0", 6},
		{"a\0b\0c\0d\0", 8},
		{"aa\0", 3},
		{"aaaaaaaa\0", 9},
		{"aaaaaaaa\0b\0", 11},
		{"b\0", 2},
		{"\377\0", 2},
	};

	for (size_t i = 1; i < ARRAY_LEN(keys); i++) {
		const uint8_t *before = (const uint8_t *)keys[i - 1].bytes;
		const uint8_t *key = (const uint8_t *)keys[i].bytes;

		assert_true(name_key_compare(before, keys[i - 1].len, key, keys[i].len) <
		            0);
		assert_true(record_head(before, keys[i - 1].len) <=
		            record_head(key, keys[i].len));
	}
}

static void signatures_follow_what_they_cover(void **state)
{
	(void)state;
	static const uint8_t key[] = "a";
	static const uint8_t a[] = {9, 9, 9, 9};
	static const uint8_t over_a[] = {0, RRTYPE_A, 0};
	static const uint8_t over_txt[] = {0, RRTYPE_TXT, 0};
	struct record r[] = {
		{.key = key,
	         .key_len = 2,
	         .type = RRTYPE_RRSIG,
	         .rdata = over_txt,
	         .rdata_len = 3},
		{.key = key,
	         .key_len = 2,
	         .type = RRTYPE_RRSIG,
	         .rdata = over_a,
	         .rdata_len = 3},
		{.key = key, .key_len = 2, .type = RRTYPE_NS, .rdata = a, .rdata_len = 4},
		{.key = key, .key_len = 2, .type = RRTYPE_A, .rdata = a, .rdata_len = 4},
	};

	records_sort(r, ARRAY_LEN(r));
	assert_int_equal(r[0].type, RRTYPE_A);
	assert_ptr_equal(r[1].rdata, over_a);
	assert_int_equal(record_set_type(&r[1]), RRTYPE_A);
	assert_int_equal(r[2].type, RRTYPE_NS);
	assert_ptr_equal(r[3].rdata, over_txt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_is_sorted_and_equal_ones_keep_theirs),
		cmocka_unit_test(heads_order_like_keys),
		cmocka_unit_test(signatures_follow_what_they_cover),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
