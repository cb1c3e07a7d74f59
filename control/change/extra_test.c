#include "control/change/extra.h"

#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "control/zone/rrset.h"
#include "shared/err.h"

static struct contents_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static size_t make_hidden(uint8_t *blob)
{
	struct rrset head = {.ttl = 60, .count = 2};
	uint8_t *at = blob + RRSET_HEADER;

	rrset_write_header(blob, &head);
	at = rrset_write_rdata(at, (const uint8_t *)"\xc0\0\2\1", 4);
	at = rrset_write_rdata(at, (const uint8_t *)"\xc0\0\2\2", 4);
	return (size_t)(at - blob);
}

static size_t make_value(const uint8_t **value)
{
	static uint8_t hidden[64];
	struct comment comments[] = {
		{"someone", "a word", UINT64_C(1) << 40},
		{"", "", 0},
		{"else", "", 7},
	};
	struct extra x = {
		.hidden = hidden,
		.hidden_size = make_hidden(hidden),
		.comments = comments,
		.comment_count = 3,
	};
	size_t size = 0;

	assert_int_equal(extra_encode(&x, arena, value, &size), 0);
	return size;
}

static void all_of_it_comes_back(void **state)
{
	uint8_t hidden[64];
	const uint8_t *value;
	struct extra x;

	(void)state;
	size_t size = make_value(&value);
	assert_int_equal(extra_decode(value, size, arena, &x), 0);
	assert_int_equal(x.hidden_size, make_hidden(hidden));
	assert_memory_equal(x.hidden, hidden, x.hidden_size);
	assert_int_equal(x.comment_count, 3);
	assert_string_equal(x.comments[0].account, "someone");
	assert_string_equal(x.comments[0].content, "a word");
	assert_true(x.comments[0].modified_at == UINT64_C(1) << 40);
	assert_string_equal(x.comments[1].content, "");
	assert_string_equal(x.comments[2].account, "else");
}

static void nothing_takes_no_value(void **state)
{
	struct extra none = {0};
	struct extra back = {.comment_count = 9};
	const uint8_t *value;
	size_t size = 9;

	(void)state;
	assert_int_equal(extra_encode(&none, arena, &value, &size), 0);
	assert_int_equal(size, 0);
	assert_int_equal(extra_decode(NULL, 0, arena, &back), 0);
	assert_null(back.hidden);
	assert_int_equal(back.comment_count, 0);
}

/* Four parts: a cut between two of them gives those before it. */
static void cut_off_value_is_corrupt_unless_cut_between_parts(void **state)
{
	const uint8_t *value;
	struct extra x;
	unsigned whole = 0;

	(void)state;
	size_t size = make_value(&value);
	for (size_t cut = 0; cut < size; cut++)
		whole += extra_decode(value, cut, arena, &x) == 0;
	assert_int_equal(whole, 4);
}

static void values_that_none_can_have_are_corrupt(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{"\3\0\0\0\0", 5},    /* an unknown part */
		{"\1\0\0\0\3abc", 8}, /* no blob */
		{"\2\0\0\0\x9"
	         "12345678\0",
	         14}, /* a comment cut short */
		{"\2\0\0\0\xa"
	         "12345678\0\1",
	         15}, /* its account too */
		{"\2\0\0\0\xb"
	         "12345678\0\1\0",
	         16}, /* a NUL in one */
		{"\2\xff\xff\xff\xff"
	         "12345678\0\0",
	         15},
		{"\1\0\0\0\xf"
	         "\0\0\0\0\0\0\0\0\1\0\0\0\1\0x"
	         "\1\0\0\0\xf"
	         "\0\0\0\0\0\0\0\0\1\0\0\0\1\0x",
	         40}, /* two blobs */
	};
	struct extra x;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(extra_decode(cases[i].bytes, cases[i].size, arena, &x),
		                 ERR_CORRUPT);
}

static void texts_have_bounds(void **state)
{
	static char account[65537];
	static char content[(16 << 20) + 1];
	struct comment c = {account, "", 0};
	struct extra x = {.comments = &c, .comment_count = 1};
	const uint8_t *value;
	size_t size;

	(void)state;
	memset(account, 'a', sizeof account - 1);
	assert_int_equal(extra_encode(&x, arena, &value, &size), ERR_TOOBIG);
	account[65535] = 0;
	assert_int_equal(extra_encode(&x, arena, &value, &size), 0);
	memset(content, 'c', sizeof content - 1);
	c.content = content;
	assert_int_equal(extra_encode(&x, arena, &value, &size), ERR_TOOBIG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_comes_back),
		TEST(nothing_takes_no_value),
		TEST(cut_off_value_is_corrupt_unless_cut_between_parts),
		TEST(values_that_none_can_have_are_corrupt),
		TEST(texts_have_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
