// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/namehash.h"

#include <stdio.h>
#include <stdlib.h>

static const struct name_hash_key test_key = {
	.seed = 0x13198a2e03707344,
	.mix = 0xa4093822299f31d1,
};

struct padded {
	uint8_t bytes[NAME_MAX_LEN + NAME_PAD];
};

static uint64_t random_state = 0x243f6a8885a308d3;

static unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

/* A name of len octets, any but 2, that has any octets in its labels. */
static void build(struct padded *out, size_t len)
{
	size_t at = 0;

	memset(out, (int)random_below(256), sizeof *out);
	while (at + 1 < len) {
		unsigned left = (unsigned)(len - 1 - at);
		unsigned n = 2 + random_below(left < LABEL_MAX_LEN + 1 ? left - 1
		                                                       : LABEL_MAX_LEN);
		if (left - n == 1) /* no label is that short */
			n = n > 2 ? n - 1 : n + 1;
		out->bytes[at] = (uint8_t)(n - 1);
		for (unsigned i = 1; i < n; i++)
			out->bytes[at + i] = (uint8_t)random_below(256);
		at += n;
	}
	out->bytes[at] = 0;
	assert_int_equal(name_len(out->bytes, NAME_MAX_LEN), len);
}

static void parse(const char *text, struct padded *out)
{
	memset(out, 0xa5, sizeof *out);
	assert_true(name_from_text(text, strlen(text), NULL, out->bytes) > 0);
}

static void folds_as_it_hashes(void **state)
{
	struct padded name;
	struct padded plain;
	struct padded folded;
	struct name_steps steps;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = i % NAME_MAX_LEN + 1;
		if (len == 2)
			continue;
		build(&name, len);
		memset(&folded, '#', sizeof folded);
		uint64_t h = name_fold_and_hash(&test_key, folded.bytes, name.bytes, len,
		                                &steps);
		plain = name;
		name_fold(plain.bytes, len);
		assert_memory_equal(folded.bytes, plain.bytes, len);
		assert_int_equal(folded.bytes[len + NAME_PAD - 1], '#');
		assert_int_equal(name_hash(&test_key, plain.bytes), h);
		assert_int_equal(name_hash(&test_key, name.bytes), h);
	}
}

static void each_suffix_has_the_hash_of_its_own_name(void **state)
{
	struct padded name;
	struct padded suffix;
	struct padded folded;
	struct name_steps steps;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		size_t len = 3 + random_below(NAME_MAX_LEN - 2);
		build(&name, len);
		(void)name_fold_and_hash(&test_key, folded.bytes, name.bytes, len,
		                         &steps);
		for (size_t at = 0; at < len; at += name.bytes[at] + 1U) {
			/* Other octets behind it: padding must not matter. */
			memset(&suffix, (int)random_below(256), sizeof suffix);
			memcpy(suffix.bytes, name.bytes + at, len - at);
			assert_int_equal(name_hash_suffix(&test_key, &steps,
			                                  folded.bytes + at, len - at),
			                 name_hash(&test_key, suffix.bytes));
		}
	}
}

static void hashes_of_different_names_differ(void **state)
{
	enum { BITS = 20, NAMES = 1 << 16 };
	static const char *const before[] = {"host", "", "a.label.of.some.length."};
	static const char *const behind[] = {".example.", ".0.192.in-addr.arpa.",
	                                     ".and.more.example.com."};
	static uint8_t low[1 << BITS];
	static uint8_t high[1 << BITS];
	struct padded name;
	char text[64];

	(void)state;
	for (size_t form = 0; form < ARRAY_LEN(before); form++) {
		unsigned low_shared = 0;
		unsigned high_shared = 0;
		memset(low, 0, sizeof low);
		memset(high, 0, sizeof high);
		for (unsigned i = 0; i < NAMES; i++) {
			(void)snprintf(text, sizeof text, "%s%u%s", before[form], i,
			               behind[form]);
			parse(text, &name);
			uint64_t h = name_hash(&test_key, name.bytes);
			low_shared += low[h & ((1 << BITS) - 1)]++ != 0;
			high_shared += high[h >> (64 - BITS)]++ != 0;
		}
		/* 65536 balls into 2^20 bins: about 2006 share one. */
		assert_in_range(low_shared, 1600, 2400);
		assert_in_range(high_shared, 1600, 2400);
	}
}

/* What fills a step up with zero octets must not be taken for octets of the name. */
static void zero_octets_count(void **state)
{
	static const uint8_t octets[NAME_STEP] = {5, 'a', 'b'};
	const struct name_steps steps = {.after = {1}};
	uint64_t before = 0;

	(void)state;
	for (size_t len = 3; len < NAME_STEP; len++) {
		uint64_t h = name_hash_suffix(&test_key, &steps, octets, len);
		assert_true(h != before);
		before = h;
	}
}

static void hashes_depend_on_the_key(void **state)
{
	const struct name_hash_key other_seed = {.seed = 1, .mix = test_key.mix};
	const struct name_hash_key other_mix = {.seed = test_key.seed,
	                                        .mix = test_key.mix ^ 2};
	struct padded name;

	(void)state;
	parse("www.example.", &name);
	uint64_t h = name_hash(&test_key, name.bytes);
	assert_true(h != name_hash(&other_seed, name.bytes));
	assert_true(h != name_hash(&other_mix, name.bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_as_it_hashes),
		cmocka_unit_test(each_suffix_has_the_hash_of_its_own_name),
		cmocka_unit_test(hashes_of_different_names_differ),
		cmocka_unit_test(zero_octets_count),
		cmocka_unit_test(hashes_depend_on_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
