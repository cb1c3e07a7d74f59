// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/rrtype.h"

#include <string.h>

#include "shared/err.h"

static const uint16_t numbers[] = {
#define RRTYPE(number, name, layout, targets) number,
#include "shared/rrtypes.def"
#undef RRTYPE
};

static int from_text(const char *text)
{
	return rrtype_from_text(text, strlen(text));
}

static void lines_are_in_rising_order_and_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		assert_true(i == 0 || numbers[i] > numbers[i - 1]);
		const struct rrtype *t = rrtype_by_number(numbers[i]);
		assert_non_null(t);
		assert_int_equal(t->number, numbers[i]);
		assert_int_equal(from_text(t->name), numbers[i]);
		assert_true(strlen(t->name) < RRTYPE_TEXT_MAX);
	}
	assert_null(rrtype_by_number(0));
	assert_null(rrtype_by_number(54));
	assert_null(rrtype_by_number(65280));
	assert_null(rrtype_by_number(65535));
}

static void layouts_use_the_letters_of_the_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const char *layout = rrtype_by_number(numbers[i])->layout;
		unsigned names = 0;
		assert_true(*layout != '\0');
		assert_int_equal(strspn(layout, "Nn12468s*"), strlen(layout));
		for (const char *c = layout; *c; c++) {
			assert_true(*c != '*' || c[1] == '\0');
			names += *c == 'N' || *c == 'n';
		}
		assert_true(names <= RDATA_NAMES_MAX);
	}
}

static void only_types_of_rfc_1035_are_compressed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		bool has = strchr(rrtype_by_number(numbers[i])->layout, 'N') != NULL;
		assert_int_equal(rrtype_is_compressible(numbers[i]), has);
		assert_true(!has || numbers[i] <= 15);
	}
	assert_false(rrtype_is_compressible(0));
	assert_false(rrtype_is_compressible(65280));
}

static void text_is_read_in_any_case(void **state)
{
	static const struct {
		const char *text;
		int number;
	} cases[] = {
		{"A", 1},
		{"a", 1},
		{"aaaa", 28},
		{"Nsec3Param", 51},
		{"NSAP-PTR", 23},
		{"HTTPS", 65},
		{"ANY", 255},
		{"TYPE0", 0},
		{"TYPE1", 1},
		{"type65280", 65280},
		{"TYPE65535", 65535},
		{"TYPE00001", 1},
		{"", ERR_NOTFOUND},
		{"AA", ERR_NOTFOUND},
		{"TYPE", ERR_NOTFOUND},
		{"TYPE65536", ERR_NOTFOUND},
		{"TYPE99999", ERR_NOTFOUND},
		{"TYPE000001", ERR_NOTFOUND},
		{"TYPE-1", ERR_NOTFOUND},
		{"TYPE+1", ERR_NOTFOUND},
		{"TYPE 1", ERR_NOTFOUND},
		{"TYPE1x", ERR_NOTFOUND},
		{"TYP1", ERR_NOTFOUND},
		{"IN", ERR_NOTFOUND},
		{"M\x18", ERR_NOTFOUND},
		{"NSAP\rPTR", ERR_NOTFOUND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(from_text(cases[i].text), cases[i].number);
	/* The length says where the text ends. */
	assert_int_equal(rrtype_from_text("AAAA", 1), 1);
	assert_int_equal(rrtype_from_text("TYPE12", 5), 1);
}

static void every_number_has_a_text_that_reads_back(void **state)
{
	char text[RRTYPE_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i <= UINT16_MAX; i++)
		assert_int_equal(from_text(rrtype_to_text((uint16_t)i, text)), i);
	assert_string_equal(rrtype_to_text(28, text), "AAAA");
	assert_string_equal(rrtype_to_text(65280, text), "TYPE65280");
}

static void meta_types_are_those_of_rfc_6895(void **state)
{
	static const uint16_t data[] = {1,  2,  6,   12,  40,  42,   46,
	                                64, 99, 127, 256, 257, 65534};
	static const uint16_t meta[] = {0,   41,  128, 248, 249, 250,
	                                251, 252, 253, 254, 255};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		assert_false(rrtype_is_meta(data[i]));
	for (size_t i = 0; i < ARRAY_LEN(meta); i++)
		assert_true(rrtype_is_meta(meta[i]));
}

/* RDATA, the names in it ("" for none), and whether they may be compressed. */
struct rdata_case {
	const char *type;
	const char *rdata;
	size_t len;
	int count;
	struct rdata_name names[RDATA_NAMES_MAX];
};

#define RDATA(text) (text), sizeof(text) - 1

static const struct rdata_case good[] = {
	{"A", RDATA("\300\0\2\1"), 0, {{0, 0, false}}},
	{"NS", RDATA("\2ns\0"), 1, {{0, 4, true}}},
	{"NS", RDATA("\0"), 1, {{0, 1, true}}},
	{"SOA",
         RDATA("\1a\0\1b\1c\0"
               "00001111222233334444"),
         2,
         {{0, 3, true}, {3, 5, true}}},
	{"MX", RDATA("\0\12\1m\0"), 1, {{2, 3, true}}},
	{"MINFO", RDATA("\0\1a\0"), 2, {{0, 1, true}, {1, 3, true}}},
	{"RP", RDATA("\1a\0\0"), 2, {{0, 3, false}, {3, 1, false}}},
	{"PX", RDATA("\0\1\1a\0\1b\0"), 2, {{2, 3, false}, {5, 3, false}}},
	{"SRV", RDATA("\0\1\0\2\0\3\1t\0"), 1, {{6, 3, false}}},
	{"NAPTR", RDATA("\0\1\0\2\1S\0\2!!\1r\0"), 1, {{10, 3, false}}},
	{"DNAME", RDATA("\1d\0"), 1, {{0, 3, false}}},
	{"RRSIG",
         RDATA("\0\1\10\2"
               "aaaabbbbcccckk"
               "\1s\0"
               "signature"),
         1,
         {{18, 3, false}}},
	{"NSEC", RDATA("\1n\0\0\1\100"), 1, {{0, 3, false}}},
	{"NSEC3", RDATA("\1\0\0\0\0\2hh\0\1\100"), 0, {{0, 0, false}}},
	{"NSEC3PARAM", RDATA("\1\0\0\0\2ss"), 0, {{0, 0, false}}},
	{"SVCB", RDATA("\0\1\1t\0\0\3\0\2\0\65"), 1, {{2, 3, false}}},
	{"HTTPS", RDATA("\0\0\1t\0"), 1, {{2, 3, false}}},
	{"DSYNC", RDATA("\0\73\1\0\65\1t\0"), 1, {{5, 3, false}}},
	{"LP", RDATA("\0\1\1t\0"), 1, {{2, 3, false}}},
	{"TALINK", RDATA("\1p\0\1n\0"), 2, {{0, 3, false}, {3, 3, false}}},
	{"HINFO", RDATA("\3cpu\2os"), 0, {{0, 0, false}}},
	{"EUI64", RDATA("12345678"), 0, {{0, 0, false}}},
	{"AAAA", RDATA("0123456789abcdef"), 0, {{0, 0, false}}},
	{"TXT", RDATA("\1a"), 0, {{0, 0, false}}},
	{"NULL", RDATA(""), 0, {{0, 0, false}}},
	{"IPSECKEY", RDATA("\1\3\2\1g\0key"), 0, {{0, 0, false}}},
	{"TYPE65280", RDATA("anything"), 0, {{0, 0, false}}},
	{"TYPE65280", RDATA(""), 0, {{0, 0, false}}},
};

static const struct rdata_case bad[] = {
	{"A", RDATA("\300\0\2"), 0, {{0}}},
	{"A", RDATA("\300\0\2\1\1"), 0, {{0}}},
	{"AAAA", RDATA("0123456789abcde"), 0, {{0}}},
	{"AAAA", RDATA("0123456789abcdefg"), 0, {{0}}},
	{"NS", RDATA(""), 0, {{0}}},
	{"NS", RDATA("\2ns"), 0, {{0}}},
	{"NS", RDATA("\2ns\0x"), 0, {{0}}},
	{"NS", RDATA("\300\14"), 0, {{0}}},
	{"CNAME",
         RDATA("\100"
               "aaaa\0"),
         0,
         {{0}}},
	{"SOA",
         RDATA("\1a\0\1b\0"
               "0000111122223333444"),
         0,
         {{0}}},
	{"SOA",
         RDATA("\1a\0\1b\0"
               "000011112222333344445"),
         0,
         {{0}}},
	{"SOA", RDATA("\1a\0\1b"), 0, {{0}}},
	{"MX", RDATA("\0"), 0, {{0}}},
	{"MX", RDATA("\0\12"), 0, {{0}}},
	{"MX", RDATA("\0\12\1m"), 0, {{0}}},
	{"SRV", RDATA("\0\1\0\2\0\3"), 0, {{0}}},
	{"SRV", RDATA("\0\1\0\2\0\3\1t\0\0"), 0, {{0}}},
	{"NAPTR", RDATA("\0\1\0\2\1S\0\5!!\1r\0"), 0, {{0}}},
	{"HINFO", RDATA("\3cpu\3os"), 0, {{0}}},
	{"HINFO", RDATA("\3cpu"), 0, {{0}}},
	{"RRSIG",
         RDATA("\0\1\10\2"
               "aaaabbbbcccckk"),
         0,
         {{0}}},
	{"RRSIG",
         RDATA("\0\1\10\2"
               "aaaabbbbcccckk"
               "\5s"),
         0,
         {{0}}},
	{"NSEC", RDATA("\1n"), 0, {{0}}},
	{"NSEC3", RDATA("\1\0\0\0\0\3hh"), 0, {{0}}},
	{"NSEC3PARAM", RDATA("\1\0\0\0\2sss"), 0, {{0}}},
	{"DS", RDATA("\0\1\10"), 0, {{0}}},
	{"SVCB", RDATA("\0\1\1t"), 0, {{0}}},
	{"DSYNC", RDATA("\0\73\1\0\65"), 0, {{0}}},
	{"EUI48", RDATA("12345"), 0, {{0}}},
};

/* Gives how many types there are for which it holds. */
static unsigned count_types(bool (*holds)(uint16_t number))
{
	unsigned count = 0;

	for (unsigned i = 0; i <= UINT16_MAX; i++)
		count += holds((uint16_t)i);
	return count;
}

static void types_of_signing_are_no_types_of_keys(void **state)
{
	static const char *const signing[] = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"};
	static const char *const keys[] = {"DNSKEY", "CDS", "CDNSKEY"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signing); i++)
		assert_true(rrtype_is_of_signing((uint16_t)from_text(signing[i])));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_true(rrtype_is_of_keys((uint16_t)from_text(keys[i])));
	assert_int_equal(count_types(rrtype_is_of_signing), ARRAY_LEN(signing));
	assert_int_equal(count_types(rrtype_is_of_keys), ARRAY_LEN(keys));
}

static int names_of(const struct rdata_case *c, struct rdata_name *names)
{
	/* A copy of just that size, so that a sanitizer sees a read past the end. */
	uint8_t *copy = test_malloc(c->len + 1);
	memcpy(copy + 1, c->rdata, c->len);
	int n = rrtype_rdata_names((uint16_t)from_text(c->type), copy + 1, c->len, names);
	test_free(copy);
	return n;
}

static void names_in_rdata_are_found(void **state)
{
	struct rdata_name names[RDATA_NAMES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(names_of(&good[i], names), good[i].count);
		for (int n = 0; n < good[i].count; n++) {
			assert_int_equal(names[n].at, good[i].names[n].at);
			assert_int_equal(names[n].len, good[i].names[n].len);
			assert_int_equal(names[n].compressible,
			                 good[i].names[n].compressible);
		}
	}
}

static void rdata_of_another_layout_is_refused(void **state)
{
	struct rdata_name names[RDATA_NAMES_MAX] = {{7, 7, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(names_of(&bad[i], names), ERR_CORRUPT);
	assert_int_equal(names[0].at, 7);
}

static void rdata_longer_than_a_record_can_be_is_refused(void **state)
{
	static uint8_t rdata[UINT16_MAX + 1];
	struct rdata_name names[RDATA_NAMES_MAX];

	(void)state;
	assert_int_equal(rrtype_rdata_names(10, rdata, UINT16_MAX, names), 0);
	assert_int_equal(rrtype_rdata_names(10, rdata, UINT16_MAX + 1, names),
	                 ERR_CORRUPT);
}

static void targets_are_marked(void **state)
{
	static const uint16_t with[] = {2, 15, 33, 64, 65};
	static const uint16_t without[] = {1, 5, 6, 12, 39, 46, 47};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(with); i++)
		assert_true(rrtype_by_number(with[i])->targets);
	for (size_t i = 0; i < ARRAY_LEN(without); i++)
		assert_false(rrtype_by_number(without[i])->targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_in_rising_order_and_found),
		cmocka_unit_test(layouts_use_the_letters_of_the_header),
		cmocka_unit_test(only_types_of_rfc_1035_are_compressed),
		cmocka_unit_test(text_is_read_in_any_case),
		cmocka_unit_test(every_number_has_a_text_that_reads_back),
		cmocka_unit_test(meta_types_are_those_of_rfc_6895),
		cmocka_unit_test(types_of_signing_are_no_types_of_keys),
		cmocka_unit_test(names_in_rdata_are_found),
		cmocka_unit_test(rdata_of_another_layout_is_refused),
		cmocka_unit_test(rdata_longer_than_a_record_can_be_is_refused),
		cmocka_unit_test(targets_are_marked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
