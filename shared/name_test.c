// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/name.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/err.h"

static uint64_t random_state = 0x243f6a8885a308d3;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d;
}

static unsigned random_below(unsigned n)
{
	return (unsigned)(random64() >> 33) % n;
}

struct padded {
	uint8_t bytes[NAME_MAX_LEN + NAME_PAD];
};

static size_t parse(const char *text, struct padded *out)
{
	memset(out, 0xa5, sizeof *out);
	int len = name_from_text(text, strlen(text), NULL, out->bytes);
	assert_true(len > 0);
	return (size_t)len;
}

/* Octets that matter to order and escapes come up often. */
static uint8_t random_octet(void)
{
	static const uint8_t odd[] = {0,   1,   2,   255,  'a', 'A',
	                              'z', 'Z', '.', '\\', '@', '['};
	unsigned pick = random_below(2 * ARRAY_LEN(odd));
	return pick < ARRAY_LEN(odd) ? odd[pick] : (uint8_t)random_below(256);
}

static size_t random_name(struct padded *out, unsigned max_labels, unsigned max_label)
{
	unsigned labels = random_below(max_labels + 1);
	size_t at = 0;

	memset(out, 0x5a, sizeof *out);
	while (labels-- > 0) {
		unsigned n = 1 + random_below(max_label);
		if (at + n + 2 > NAME_MAX_LEN)
			break;
		out->bytes[at++] = (uint8_t)n;
		while (n-- > 0)
			out->bytes[at++] = random_octet();
	}
	out->bytes[at++] = 0;
	return at;
}

/* Shares its last labels with a name, so that comparisons go deep. */
static size_t random_relative(const struct padded *of, struct padded *out)
{
	struct padded left;
	size_t at = random_name(&left, 2, 3) - 1;
	const uint8_t *rest = of->bytes;

	for (unsigned skip = random_below(3); skip > 0 && *rest; skip--)
		rest += *rest + 1;
	size_t rest_len = name_len(rest, NAME_MAX_LEN);
	if (at + rest_len > NAME_MAX_LEN)
		at = 0;
	memset(out, 0x5a, sizeof *out);
	memcpy(out->bytes, left.bytes, at);
	memcpy(out->bytes + at, rest, rest_len);
	return at + rest_len;
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* ---- wire form ---- */

static void length_is_that_of_a_whole_valid_name_only(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		size_t len;
	} cases[] = {
		{"", 0, 0},        {"\0", 1, 1},          {"\0rest", 5, 1},
		{"\1a\0", 3, 3},   {"\1a", 2, 0},         {"\1", 1, 0},
		{"\2a\0", 3, 0},   {"\1a\1b\0\1c", 7, 5}, {"\100a\0", 3, 0},
		{"\300\14", 2, 0}, {"\1a\300\0\0", 5, 0}, {"\3\0\0\0\0", 5, 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(name_len((const uint8_t *)cases[i].bytes, cases[i].size),
		                 cases[i].len);
}

/* labels of n octets and a last one of last, if not 0. */
static size_t build(uint8_t *to, unsigned labels, unsigned n, unsigned last)
{
	size_t at = 0;

	for (unsigned i = 0; i < labels; i++, at += n + 1) {
		to[at] = (uint8_t)n;
		memset(to + at + 1, 'x', n);
	}
	if (last) {
		to[at] = (uint8_t)last;
		memset(to + at + 1, 'y', last);
		at += last + 1;
	}
	to[at++] = 0;
	return at;
}

static void length_ends_at_255(void **state)
{
	uint8_t bytes[512];

	(void)state;
	assert_int_equal(build(bytes, 3, 63, 61), 255);
	assert_int_equal(name_len(bytes, sizeof bytes), 255);
	assert_int_equal(name_len(bytes, 254), 0);
	assert_int_equal(build(bytes, 3, 63, 62), 256);
	assert_int_equal(name_len(bytes, sizeof bytes), 0);
	assert_int_equal(build(bytes, 127, 1, 0), 255);
	assert_int_equal(name_len(bytes, sizeof bytes), 255);
	assert_int_equal(name_labels(bytes), NAME_MAX_LABELS);
	assert_int_equal(build(bytes, 128, 1, 0), 257);
	assert_int_equal(name_len(bytes, sizeof bytes), 0);
	assert_int_equal(build(bytes, 1, 63, 0), 65);
	assert_int_equal(name_len(bytes, sizeof bytes), 65);
	assert_int_equal(build(bytes, 1, 64, 0), 66);
	assert_int_equal(name_len(bytes, sizeof bytes), 0);
	assert_int_equal(name_labels((const uint8_t *)""), 0);
}

/* ---- folding ---- */

static uint8_t fold_plainly(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static void folding_touches_ascii_capitals_only(void **state)
{
	uint8_t name[256];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		name[i] = (uint8_t)i;
	name_fold(name, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(name[i], fold_plainly((uint8_t)i));
}

static void folding_touches_no_more_than_it_is_told_to(void **state)
{
	uint8_t name[NAME_MAX_LEN + 1];

	(void)state;
	for (size_t len = 0; len <= NAME_MAX_LEN; len++) {
		memset(name, 'Q', sizeof name);
		name_fold(name, len);
		for (size_t i = 0; i < sizeof name; i++)
			assert_int_equal(name[i], i < len ? 'q' : 'Q');
	}
}

static void names_are_equal_without_regard_to_case(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool equal;
	} cases[] = {
		{".", ".", true},
		{"example.", "EXAMPLE.", true},
		{"a.example.", "A.eXample.", true},
		/* RFC 4343 §3: only the 26 letters; 0x5b and 0x7b stay apart. */
		{"[.example.", "{.example.", false},
		{"@.example.", "`.example.", false},
		{"\\193.example.", "\\225.example.", false},
		{"a.example.", "example.", false},
		{"a.example.", "b.example.", false},
		{"a\\.b.", "a.b.", false},
		{"ab.c.", "a.bc.", false},
		{"\\000.a.", "\\000.b.", false},
		{"\\000.a.", "\\000.A.", true},
		{".", "\\000.", false},
	};
	struct padded a;
	struct padded b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse(cases[i].a, &a);
		parse(cases[i].b, &b);
		assert_int_equal(name_equal(a.bytes, b.bytes), cases[i].equal);
		assert_int_equal(name_compare(a.bytes, b.bytes) == 0, cases[i].equal);
	}
}

static void a_name_is_under_its_suffixes_only(void **state)
{
	static const struct {
		const char *name;
		const char *suffix;
		int prefix; /* -1: not under */
	} cases[] = {
		{".", ".", 0},
		{"a.", ".", 2},
		{".", "a.", -1},
		{"example.", "example.", 0},
		{"a.EXAMPLE.", "example.", 2},
		{"b.a.example.", "Example.", 4},
		{"b.a.example.", "a.example.", 2},
		{"example.", "a.example.", -1},
		{"aexample.", "example.", -1},
		{"a.example.", "xample.", -1},
		{"b.example.", "a.example.", -1},
		/* The octets of the suffix, but not at a label's start. */
		{"x\\007example.", "example.", -1},
	};
	struct padded name;
	struct padded suffix;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t prefix = 99;
		parse(cases[i].name, &name);
		parse(cases[i].suffix, &suffix);
		bool under = name_is_under(name.bytes, suffix.bytes, &prefix);
		assert_int_equal(under, cases[i].prefix >= 0);
		assert_int_equal(prefix, under ? cases[i].prefix : 99);
		assert_int_equal(name_is_under(name.bytes, suffix.bytes, NULL), under);
	}
}

/* ---- order ---- */

/* RFC 4034 §6.1, with what the escapes there stand for. */
static const char *const rfc4034_order[] = {
	"example.",         "a.example.",      "yljkjljk.a.example.",
	"Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
	"\\001.z.example.", "*.z.example.",    "\\200.z.example.",
};

static void order_is_that_of_rfc_4034(void **state)
{
	struct padded a;
	struct padded b;
	struct padded apex;
	uint8_t key_a[NAME_KEY_MAX];
	uint8_t key_b[NAME_KEY_MAX];

	(void)state;
	size_t apex_len = parse("example.", &apex);
	for (int i = 0; i < (int)ARRAY_LEN(rfc4034_order); i++) {
		parse(rfc4034_order[i], &a);
		size_t len_a = name_to_key(a.bytes, apex_len, key_a);
		for (int j = 0; j < (int)ARRAY_LEN(rfc4034_order); j++) {
			parse(rfc4034_order[j], &b);
			size_t len_b = name_to_key(b.bytes, apex_len, key_b);
			assert_int_equal(sign(name_compare(a.bytes, b.bytes)),
			                 sign(i - j));
			assert_int_equal(
				sign(name_key_compare(key_a, len_a, key_b, len_b)),
				sign(i - j));
		}
	}
}

static void keys_order_as_names_do(void **state)
{
	struct padded a;
	struct padded b;
	uint8_t key_a[NAME_KEY_MAX];
	uint8_t key_b[NAME_KEY_MAX];
	unsigned seen[3] = {0};

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		random_name(&a, 4, 4);
		random_relative(&a, &b);
		int order = sign(name_compare(a.bytes, b.bytes));
		size_t len_a = name_to_key(a.bytes, 1, key_a);
		size_t len_b = name_to_key(b.bytes, 1, key_b);
		assert_int_equal(sign(name_key_compare(key_a, len_a, key_b, len_b)),
		                 order);
		assert_int_equal(sign(name_compare(b.bytes, a.bytes)), -order);
		assert_int_equal(name_equal(a.bytes, b.bytes), order == 0);
		seen[order + 1]++;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_true(seen[i] > 1000);
}

/* ---- keys ---- */

static void keys_look_as_the_header_says(void **state)
{
	static const struct {
		const char *name;
		const char *key;
		size_t len;
	} cases[] = {
		{"example.", "", 0},
		{"A.example.", "a\0", 2},
		{"b.A.example.", "a\0b\0", 4},
		{"\\000.example.", "\1\1\0", 3},
		{"\\001x.example.", "\1\2x\0", 4},
		{"\\002.example.", "\2\0", 2},
	};
	struct padded name;
	struct padded apex;
	uint8_t key[NAME_KEY_MAX];

	(void)state;
	size_t apex_len = parse("example.", &apex);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse(cases[i].name, &name);
		assert_int_equal(name_to_key(name.bytes, apex_len, key), cases[i].len);
		assert_memory_equal(key, cases[i].key, cases[i].len);
	}
}

static void keys_give_back_the_folded_name(void **state)
{
	struct padded name;
	uint8_t folded[NAME_MAX_LEN];
	uint8_t back[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		size_t len = random_name(&name, 127, i % 63 + 1);
		unsigned above = random_below(name_labels(name.bytes) + 1);
		const uint8_t *suffix = name.bytes;
		/* Most names have no octet that is escaped. */
		for (size_t at = 0; i % 4 && name.bytes[at]; at += name.bytes[at] + 1U)
			for (unsigned o = 1; o <= name.bytes[at]; o++)
				name.bytes[at + o] |= 2;
		while (above-- > 0)
			suffix += *suffix + 1;
		size_t suffix_len = len - (size_t)(suffix - name.bytes);
		size_t key_len = name_to_key(name.bytes, suffix_len, key);
		assert_true(key_len < NAME_KEY_MAX);
		memcpy(folded, name.bytes, len);
		name_fold(folded, len);
		assert_int_equal(name_from_key(key, key_len, suffix, back), len);
		assert_memory_equal(back, folded, len);
	}
}

static void the_key_of_a_folded_name_is_the_same(void **state)
{
	struct padded name;
	uint8_t label_at[NAME_MAX_LABELS + 1];
	uint8_t key[NAME_KEY_MAX];
	uint8_t expected[NAME_KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		size_t len = random_name(&name, 127, i % 63 + 1);
		unsigned above = random_below(name_labels(name.bytes) + 1);
		size_t at = 0;
		for (unsigned d = 0; d < above; d++) {
			label_at[d] = (uint8_t)at;
			/* Most names have no octet that is escaped. */
			for (unsigned o = 1; i % 4 && o <= name.bytes[at]; o++)
				name.bytes[at + o] |= 2;
			at += name.bytes[at] + 1U;
		}
		name_fold(name.bytes, len);
		size_t key_len = name_to_key(name.bytes, len - at, expected);
		assert_int_equal(
			name_folded_to_key(name.bytes, label_at, above, len - at, key),
			key_len);
		assert_memory_equal(key, expected, key_len);
	}
}

static void a_key_of_the_worst_name_fits(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t back[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];

	(void)state;
	assert_int_equal(build(name, 3, 63, 61), 255);
	for (size_t at = 0; name[at]; at += (size_t)name[at] + 1)
		memset(name + at + 1, 0, name[at]);
	size_t len = name_to_key(name, 1, key);
	assert_int_equal(len, 2 * 250 + 4);
	assert_int_equal(name_from_key(key, len, (const uint8_t *)"", back), 255);
	assert_memory_equal(back, name, 255);
}

static void damaged_keys_are_refused(void **state)
{
	static const struct {
		const char *key;
		size_t len;
	} cases[] = {
		{"a", 1},      /* no end */
		{"\0", 1},     /* empty label */
		{"a\0\0", 3},  /* empty label */
		{"\1\0", 2},   /* escape of nothing */
		{"\1", 1},     /* escape cut off */
		{"\1\3\0", 3}, /* no such escape */
		{"A\0", 2},    /* not folded */
		{"a\0b", 3},   /* second one without an end */
		{"abcdefghA\0", 10},
		{"abcdefgh\0i", 10},
		{"abcdefgh\0\0", 10},
	};
	uint8_t out[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	uint8_t long_suffix[NAME_MAX_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(name_from_key((const uint8_t *)cases[i].key,
		                               cases[i].len, (const uint8_t *)"", out),
		                 ERR_CORRUPT);
	memset(key, 'a', sizeof key);
	key[64] = 0;
	assert_int_equal(name_from_key(key, 65, (const uint8_t *)"", out), ERR_CORRUPT);
	key[63] = 0;
	assert_int_equal(name_from_key(key, 64, (const uint8_t *)"", out), 65);
	build(long_suffix, 3, 63, 59);
	assert_int_equal(name_from_key((const uint8_t *)"a\0", 2, long_suffix, out), 255);
	assert_int_equal(name_from_key((const uint8_t *)"ab\0", 3, long_suffix, out),
	                 ERR_CORRUPT);
}

/* ---- text ---- */

static void text_becomes_a_name(void **state)
{
	static const struct {
		const char *text;
		const char *name;
		int len;
	} cases[] = {
		{".", "\0", 1},
		{"example.", "\7example\0", 9},
		{"Ab.cD.", "\2Ab\2cD\0", 7},
		{"a\\.b.c.", "\3a.b\1c\0", 7},
		{"\\\\.", "\1\\\0", 3},
		{"\\000\\255.", "\2\0\377\0", 4},
		{"\\046.", "\1.\0", 3},
		{"\\@\\ \\;.", "\3@ ;\0", 5},
		{"@.", "\1@\0", 3},
		{"*.a.", "\1*\1a\0", 5},
		{"\\065.", "\1A\0", 3},
		{"\xc3\xa9.", "\2\xc3\xa9\0", 4},
		{"a", "\1a\7example\0", 11},
		{"a\\.", "\2a.\7example\0", 12},
	};
	uint8_t out[NAME_MAX_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int len = name_from_text(cases[i].text, strlen(cases[i].text),
		                         (const uint8_t *)"\7example", out);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(out, cases[i].name, (size_t)len);
	}
}

static void bad_text_is_refused(void **state)
{
	static const char *const cases[] = {
		"",      "..",   ".a.",    "a..",    "a..b.",  "\\",     "a\\",
		"\\1",   "\\12", "\\1a2.", "\\12x.", "\\256.", "\\999.", "a b.",
		"a\tb.", "a\n.", "a;b.",   "(a.",    "a).",    "\"a\".", "a\x7f.",
	};
	uint8_t out[NAME_MAX_LEN] = "\1u";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(name_from_text(cases[i], strlen(cases[i]),
		                                (const uint8_t *)"\7example", out),
		                 ERR_SYNTAX);
	assert_int_equal(name_from_text("a", 1, NULL, out), ERR_SYNTAX);
	assert_int_equal(name_from_text("a\0.", 3, NULL, out), ERR_SYNTAX);
	/* What ends the text in memory is not part of it. */
	assert_int_equal(name_from_text("\\123", 3, (const uint8_t *)"", out),
	                 ERR_SYNTAX);
	assert_memory_equal(out, "\1u", 3);
}

static void long_text_is_refused(void **state)
{
	char text[600];
	uint8_t out[NAME_MAX_LEN];
	uint8_t origin[NAME_MAX_LEN];

	(void)state;
	memset(text, 'a', sizeof text);
	text[63] = '.';
	assert_int_equal(name_from_text(text, 64, NULL, out), 65);
	text[63] = 'a';
	text[64] = '.';
	assert_int_equal(name_from_text(text, 65, NULL, out), ERR_TOOBIG);

	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = i % 2 ? '.' : 'a';
	assert_int_equal(name_from_text(text, 254, NULL, out), 255);
	assert_int_equal(name_from_text(text, 256, NULL, out), ERR_TOOBIG);
	assert_int_equal(name_from_text(text, sizeof text, NULL, out), ERR_TOOBIG);

	build(origin, 3, 63, 59);
	assert_int_equal(name_from_text("a", 1, origin, out), 255);
	assert_int_equal(name_from_text("ab", 2, origin, out), ERR_TOOBIG);
}

static void an_origin_may_be_completed_in_place(void **state)
{
	uint8_t name[NAME_MAX_LEN] = "\7example";

	(void)state;
	assert_int_equal(name_from_text("www", 3, name, name), 13);
	assert_memory_equal(name, "\3www\7example", 13);
}

static void text_is_escaped_where_it_must_be(void **state)
{
	static const struct {
		const char *name;
		const char *text;
	} cases[] = {
		{"", "."},
		{"\7Example", "Example."},
		{"\3a.b\1c", "a\\.b.c."},
		{"\12\\\"();@$ ~!", "\\\\\\\"\\(\\)\\;\\@\\$\\032~!."},
		{"\4\1\177\200\377", "\\001\\127\\128\\255."},
		{"\1*\3_-/", "*._-/."},
	};
	char text[NAME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *given = name_to_text((const uint8_t *)cases[i].name, text);
		assert_ptr_equal(given, text);
		assert_string_equal(given, cases[i].text);
	}
}

static void text_gives_back_every_name(void **state)
{
	struct padded name;
	uint8_t back[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = random_name(&name, 127, i % 63 + 1);
		name_to_text(name.bytes, text);
		assert_int_equal(name_from_text(text, strlen(text), NULL, back), len);
		assert_memory_equal(back, name.bytes, len);
	}
	assert_int_equal(build(name.bytes, 3, 63, 61), 255);
	for (size_t at = 0; name.bytes[at]; at += (size_t)name.bytes[at] + 1)
		memset(name.bytes + at + 1, 0xee, name.bytes[at]);
	assert_int_equal(strlen(name_to_text(name.bytes, text)), 1004);
	assert_int_equal(name_from_text(text, strlen(text), NULL, back), 255);
}

static void what_people_call_a_name_is_absolute_and_folded(void **state)
{
	static const uint8_t want[] = "\3www\7example";
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	assert_int_equal(name_read("WWW.Example", name), sizeof want);
	assert_memory_equal(name, want, sizeof want);
	assert_int_equal(name_read("www.example.", name), sizeof want);
	assert_memory_equal(name, want, sizeof want);
	assert_int_equal(name_read(".", name), 1);
	assert_int_equal(name_read("a..b", name), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_people_call_a_name_is_absolute_and_folded),
		cmocka_unit_test(length_is_that_of_a_whole_valid_name_only),
		cmocka_unit_test(length_ends_at_255),
		cmocka_unit_test(folding_touches_ascii_capitals_only),
		cmocka_unit_test(folding_touches_no_more_than_it_is_told_to),
		cmocka_unit_test(names_are_equal_without_regard_to_case),
		cmocka_unit_test(a_name_is_under_its_suffixes_only),
		cmocka_unit_test(order_is_that_of_rfc_4034),
		cmocka_unit_test(keys_order_as_names_do),
		cmocka_unit_test(keys_look_as_the_header_says),
		cmocka_unit_test(keys_give_back_the_folded_name),
		cmocka_unit_test(the_key_of_a_folded_name_is_the_same),
		cmocka_unit_test(a_key_of_the_worst_name_fits),
		cmocka_unit_test(damaged_keys_are_refused),
		cmocka_unit_test(text_becomes_a_name),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(long_text_is_refused),
		cmocka_unit_test(an_origin_may_be_completed_in_place),
		cmocka_unit_test(text_is_escaped_where_it_must_be),
		cmocka_unit_test(text_gives_back_every_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
