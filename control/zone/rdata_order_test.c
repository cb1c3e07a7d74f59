#include "control/zone/rdata.h"
#include "control/zone/rdata_text.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"

struct bytes {
	uint8_t at[512];
	size_t len;
};

static struct bytes rdata_of(uint16_t type, const char *text)
{
	struct rdata_text *x = rdata_text_new();
	struct entry e = test_entry(text);
	struct bytes b;

	assert_int_equal(rdata_from_text(x, type, e.tokens, e.count, test_apex), 0);
	assert_true(x->len <= sizeof b.at);
	memcpy(b.at, x->bytes, x->len);
	b.len = x->len;
	entry_fini(&e);
	rdata_text_free(x);
	return b;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void canonical_order(void **state)
{
	(void)state;
	enum { SAME = 0, LESS = -1 };
	static const struct {
		const char *type;
		const char *a;
		const char *b;
		int order;
	} cases[] = {
		{"A", "1.2.3.4", "1.2.3.4", SAME},
		{"A", "1.2.3.4", "1.2.3.200", LESS},
		{"A", "9.0.0.0", "10.0.0.0", LESS},
		{"TXT", "a", "A", -LESS},
		{"TXT", "a", "b", LESS},
		{"TXT", "b", "aa", LESS}, /* the length octet comes first */
		{"TYPE65280", "\\# 1 00", "\\# 2 0000", LESS},
		{"TYPE65280", "\\# 0", "\\# 1 00", LESS},
		{"NS", "A.Example.", "a.eXAMPLE.", SAME},
		{"NS", "B.test.", "a.test.", -LESS},
		{"NS", "a\\.b", "A\\.B", SAME},
		{"CNAME", "x", "X", SAME},
		{"DNAME", "x", "X", SAME},
		{"PTR", "x", "X", SAME},
		{"SOA", "NS h 1 1 1 1 1", "ns H 1 1 1 1 1", SAME},
		{"SOA", "ns h 1 1 1 1 1", "ns h 2 1 1 1 1", LESS},
		{"SOA", "ns h 65 1 1 1 1", "ns h 97 1 1 1 1", LESS},
		{"MX", "65 a", "97 a", LESS}, /* "A" and "a" outside of any name */
		{"MX", "10 A", "10 a", SAME},
		{"MX", "10 b", "10 A", -LESS},
		{"SRV", "1 1 1 T", "1 1 1 t", SAME},
		{"RP", "A B", "a b", SAME},
		{"NAPTR", "1 1 s X Y Z.", "1 1 s X Y z.", SAME},
		{"NAPTR", "1 1 S X Y z.", "1 1 s X Y z.", LESS},
		{"KX", "1 K", "1 k", SAME},
		{"RRSIG", "A 8 2 1 20200101000000 20200101000000 1 Example. AAEC",
	         "A 8 2 1 20200101000000 20200101000000 1 example. AAEC", SAME},
		{"RRSIG", "A 8 2 1 20200101000000 20200101000000 1 . QQ==",
	         "A 8 2 1 20200101000000 20200101000000 1 . YQ==", LESS},
		/* RFC 6840 §5.1, and types younger than RFC 3597: as they stand. */
		{"NSEC", "A A", "a A", LESS},
		{"SVCB", "1 A", "1 a", LESS},
		{"HIP", "1 00 AA== A.", "1 00 AA== a.", LESS},
		{"HINFO", "A x", "a x", LESS},
		{"A6", "\\# 4 80 01 41 00", "\\# 4 80 01 61 00", SAME},
		{"A6", "\\# 5 78 41 01 41 00", "\\# 5 78 61 01 41 00", LESS},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int type = rrtype_from_text(cases[i].type, strlen(cases[i].type));
		struct bytes a = rdata_of((uint16_t)type, cases[i].a);
		struct bytes b = rdata_of((uint16_t)type, cases[i].b);

		int order = sign(rdata_compare((uint16_t)type, a.at, a.len, b.at, b.len));
		int back = sign(rdata_compare((uint16_t)type, b.at, b.len, a.at, a.len));
		if (order != cases[i].order || back != -order)
			fail_msg("%s: %s and %s: %d", cases[i].type, cases[i].a,
			         cases[i].b, order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
