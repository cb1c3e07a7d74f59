/*
 * Wire form as a hostile primary would send it. Most types are tested by way of text in
 * rdata_text_test.c ("\#"); here is what every type has in common.
 */
#include "control/zone/rdata.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"

struct wire {
	uint16_t type;
	size_t len;
	const char *bytes;
};

#define WIRE(type, bytes)                      \
	{                                      \
		type, sizeof(bytes) - 1, bytes \
	}

/* Each is whole, and refused when one octet is missing or one too many is there. */
static const struct wire exact[] = {
	WIRE(1, "\300\0\2\1"),
	WIRE(2, "\1a\7example\0"),
	WIRE(6, "\0\0"
                "12341234123412341234"),
	WIRE(13, "\1a\0"),
	WIRE(15, "\0\12\1a\0"),
	WIRE(16, "\1a\2bc"),
	WIRE(28, "0123456789abcdef"),
	WIRE(29, "\0\22\26\23\200\0\0\0\200\0\0\0\0\230\226\200"),
	WIRE(33, "\0\1\0\2\0\3\0"),
	WIRE(35, "\0\1\0\2\1a\1b\1c\0"),
	WIRE(39, "\1a\0"),
	WIRE(42, "\0\1\10\1\12"),
	WIRE(47, "\0\0\1\100"),
	WIRE(51, "\1\0\0\0\2ab"),
	WIRE(64, "\0\1\0\0\3\0\2\1\273"),
	WIRE(104, "\0\0"
                  "12345678"),
	WIRE(108, "123456"),
	WIRE(109, "12345678"),
};

static void one_octet_more_or_less_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[64];

	for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
		const struct wire *w = &exact[i];

		memcpy(bytes, w->bytes, w->len);
		bytes[w->len] = 1;
		assert_int_equal(rdata_check(w->type, bytes, w->len), 0);
		if (rdata_check(w->type, bytes, w->len + 1) != ERR_CORRUPT)
			fail_msg("type %u: one more", w->type);
		if (rdata_check(w->type, bytes, w->len - 1) != ERR_CORRUPT)
			fail_msg("type %u: one less", w->type);
	}
}

/* Gives whether a type may have no data at all. */
static bool may_be_empty(uint16_t type)
{
	return type == 42 || type == 10 || rdata_fields(type) == NULL;
}

static void no_data_at_all_is_refused(void **state)
{
	(void)state;
	uint8_t none[1] = {0};

	for (unsigned type = 1; type <= 65535; type++) {
		if (may_be_empty((uint16_t)type) || rrtype_is_meta((uint16_t)type))
			continue;
		if (rdata_check((uint16_t)type, none, 0) != ERR_CORRUPT)
			fail_msg("type %u", type);
	}
}

static void names_are_whole_and_uncompressed(void **state)
{
	(void)state;
	static const struct wire bad[] = {
		WIRE(2, "\300\14"),
		WIRE(2, "\1a\300\14"),
		WIRE(2, "\1a"),
		WIRE(2,
	             "\100"
	             "0123456789012345678901234567890123456789012345678901234567890123\0"),
		WIRE(15, "\0\12\300\14"),
		WIRE(46, "\0\1\10\2"
	                 "123456789012"
	                 "\0\1\300\14"
	                 "x"),
		WIRE(46, "\0\1\10\2"
	                 "123456789012"
	                 "\0\1\0"),
		WIRE(47, "\300\14\0\1\100"),
		WIRE(55, "\1\2\0\1ab\300\14"),
		WIRE(45, "\12\3\2\300\14x"),
		WIRE(64, "\0\1\300\14"),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (rdata_check(bad[i].type, (const uint8_t *)bad[i].bytes, bad[i].len) !=
		    ERR_CORRUPT)
			fail_msg("type %u, case %zu", bad[i].type, i);
}

static void bitmaps_rise_and_have_one_to_32_octets(void **state)
{
	(void)state;
	static const struct wire bad[] = {
		WIRE(47, "\0\0\0"),
		WIRE(47, "\0\0\2\1"),
		WIRE(47, "\0\0\41"
	                 "012345678901234567890123456789012"),
		WIRE(47, "\0\1\1\1\0\1\1"),
		WIRE(47, "\0\0\1\1\0\1\1"),
		WIRE(50, "\1\0\0\0\0\1x\0\0"),
		WIRE(50, "\1\0\0\0\0\0"),
		WIRE(62, "1234\0\0\0\0"),
	};
	static const struct wire good[] = {
		WIRE(47, "\0\0\40"
	                 "01234567890123456789012345678901\1\1\1"),
		WIRE(50, "\1\0\0\0\0\1x"),
		WIRE(62, "1234\0\0"),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (rdata_check(bad[i].type, (const uint8_t *)bad[i].bytes, bad[i].len) !=
		    ERR_CORRUPT)
			fail_msg("type %u, case %zu", bad[i].type, i);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(rdata_check(good[i].type, (const uint8_t *)good[i].bytes,
		                             good[i].len),
		                 0);
}

static void an_unknown_type_may_hold_anything(void **state)
{
	(void)state;
	static uint8_t bytes[RDATA_MAX + 1];

	assert_int_equal(rdata_check(65280, bytes, 0), 0);
	assert_int_equal(rdata_check(65280, bytes, RDATA_MAX), 0);
	assert_int_equal(rdata_check(65280, bytes, RDATA_MAX + 1), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_octet_more_or_less_is_refused),
		cmocka_unit_test(no_data_at_all_is_refused),
		cmocka_unit_test(names_are_whole_and_uncompressed),
		cmocka_unit_test(bitmaps_rise_and_have_one_to_32_octets),
		cmocka_unit_test(an_unknown_type_may_hold_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
