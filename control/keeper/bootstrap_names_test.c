/* What is said of a zone in other zones: under which names, and when. */
#include "control/keeper/bootstrap_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/err.h"
#include "shared/rrtype.h"

struct name {
	uint8_t wire[NAME_MAX_LEN];
};

static struct name name(const char *text)
{
	struct name n;

	assert_true(name_from_text(text, strlen(text), (const uint8_t *)"", n.wire) > 0);
	return n;
}

static void assert_owner(const char *zone, const char *ns, const char *want)
{
	const struct name z = name(zone), n = name(ns);
	uint8_t out[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	int len = bootstrap_owner(z.wire, n.wire, out);

	assert_true(len > 0);
	assert_int_equal((size_t)len, name_len(out, NAME_MAX_LEN));
	assert_string_equal(name_to_text(out, text), want);
}

static void names_are_those_of_the_rfc(void **state)
{
	(void)state;
	/* RFC 9615 §4.1.1 */
	assert_owner("example.co.uk.", "ns1.example.net.",
	             "_dsboot.example.co.uk._signal.ns1.example.net.");
	assert_owner("Example.COM.", "NS.Other.",
	             "_dsboot.example.com._signal.ns.other.");
	assert_owner("a.example.", "ns.example.",
	             "_dsboot.a.example._signal.ns.example.");
	assert_owner("a.example.", "xa.example.",
	             "_dsboot.a.example._signal.xa.example.");
}

static void servers_inside_of_the_zone_have_none(void **state)
{
	static const char *const cases[][2] = {
		{"example.", "ns.example."},
		{"example.", "example."},
		{"example.", "NS.a.b.EXAMPLE."},
		{"a.example.", "a.example."},
		{"a.example.", "ns1.A.example."},
		{".", "ns.example."},
		{".", "."},
	};
	uint8_t out[NAME_MAX_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct name z = name(cases[i][0]), n = name(cases[i][1]);
		assert_int_equal(bootstrap_owner(z.wire, n.wire, out), ERR_REFUSED);
	}
}

/* A name of so many octets. */
static struct name name_of(size_t len)
{
	struct name n;
	size_t at = 0;

	while (len - at > 1) {
		size_t label =
			len - at - 2 < LABEL_MAX_LEN ? len - at - 2 : LABEL_MAX_LEN;
		if (len - at - 2 == label + 1) /* the root would be all of the next one */
			label--;
		n.wire[at] = (uint8_t)label;
		memset(n.wire + at + 1, 'x', label);
		at += 1 + label;
	}
	n.wire[at] = 0;
	assert_int_equal(name_len(n.wire, sizeof n.wire), len);
	return n;
}

static void names_that_become_too_long_are_left_out(void **state)
{
	enum { LABELS = 2 * 8, ROOT = 1 };
	const struct name ns = name("ns.example.");
	size_t ns_len = name_len(ns.wire, NAME_MAX_LEN);
	size_t fits = NAME_MAX_LEN - LABELS - ns_len + ROOT;
	struct name zone = name_of(fits);
	uint8_t out[NAME_MAX_LEN];

	(void)state;
	assert_int_equal(bootstrap_owner(zone.wire, ns.wire, out), NAME_MAX_LEN);
	assert_int_equal(name_len(out, sizeof out), NAME_MAX_LEN);
	zone = name_of(fits + 1);
	assert_int_equal(bootstrap_owner(zone.wire, ns.wire, out), ERR_TOOBIG);
	zone = name_of(NAME_MAX_LEN);
	assert_int_equal(bootstrap_owner(ns.wire, zone.wire, out), ERR_TOOBIG);
	assert_int_equal(bootstrap_signal(zone.wire, out), ERR_TOOBIG);
	zone = name_of(NAME_MAX_LEN - 8);
	assert_int_equal(bootstrap_signal(zone.wire, out), NAME_MAX_LEN);
	zone = name_of(NAME_MAX_LEN - 7);
	assert_int_equal(bootstrap_signal(zone.wire, out), ERR_TOOBIG);
}

/* ---- whether ---- */

static bool is_over(struct life_key *keys, size_t count)
{
	const struct life l = {.keys = keys, .count = count};

	return bootstrap_is_over(&l);
}

static void it_is_over_when_a_ds_was_seen_and_not_before(void **state)
{
	const struct sign_policy p = sign_policy_default();
	struct life_key keys[2] = {life_key_new(LIFE_CSK, &p, 100),
	                           life_key_new(LIFE_CSK, &p, 100)};
	struct life_record *ds = &keys[1].records[LIFE_DS];

	(void)state;
	assert_false(is_over(keys, 0));
	assert_false(is_over(keys, 2));
	*ds = (struct life_record){.from = 200, .until = LIFE_NEVER}; /* asked for */
	assert_false(is_over(keys, 2));
	life_saw_ds(&keys[1], LIFE_ABSENT, 210);
	assert_false(is_over(keys, 2));
	life_saw_ds(&keys[1], LIFE_SOME, 220);
	assert_false(is_over(keys, 2));
	life_saw_ds(&keys[1], LIFE_PRESENT, 230);
	assert_true(is_over(keys, 2));
	assert_false(is_over(keys, 1));
	life_saw_ds(&keys[1], LIFE_ABSENT, 240); /* somebody took it away */
	assert_false(is_over(keys, 2));
}

static void a_zone_that_was_taken_over_needs_nobody_to_be_told(void **state)
{
	struct life_key known = life_key_known(LIFE_CSK, 13, 0, 100);

	(void)state;
	assert_true(is_over(&known, 1));
	known = life_key_known(LIFE_ZSK, 13, 0, 100);
	assert_false(is_over(&known, 1));
}

static void a_ds_on_its_way_out_counts_where_it_was_there(void **state)
{
	struct life_key k = life_key_known(LIFE_KSK, 13, 0, 100);
	struct life_record *ds = &k.records[LIFE_DS];

	(void)state;
	*ds = (struct life_record){.from = 0, .until = 500};
	assert_true(is_over(&k, 1));
	ds->done = 510; /* gone */
	assert_false(is_over(&k, 1));
	*ds = (struct life_record){.from = 400, .until = 500}; /* never seen */
	assert_false(is_over(&k, 1));
}

static bool names_keys(uint16_t type, const void *rdata, uint16_t len)
{
	uint8_t blob[128];
	struct rrset set = {
		.type = type, .ttl = 60, .count = rdata ? 1 : 0, .bytes = blob};

	rrset_write_header(blob, &set);
	if (rdata)
		(void)rrset_write_rdata(blob + RRSET_HEADER, rdata, len);
	return bootstrap_names_keys(&set);
}

static void what_asks_for_no_ds_is_not_passed_on(void **state)
{
	(void)state;
	assert_true(names_keys(RRTYPE_CDS, "\0\5\15\2abc", 7));
	assert_true(names_keys(RRTYPE_CDNSKEY, "\1\1\3\15abc", 7));
	/* RFC 8078 §4 */
	assert_false(names_keys(RRTYPE_CDS, "\0\0\0\0\0", 5));
	assert_false(names_keys(RRTYPE_CDNSKEY, "\0\0\3\0\0", 5));
	assert_false(names_keys(RRTYPE_CDS, NULL, 0));
	assert_false(names_keys(RRTYPE_CDNSKEY, "\1\1\3", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_rfc),
		cmocka_unit_test(servers_inside_of_the_zone_have_none),
		cmocka_unit_test(names_that_become_too_long_are_left_out),
		cmocka_unit_test(it_is_over_when_a_ds_was_seen_and_not_before),
		cmocka_unit_test(a_zone_that_was_taken_over_needs_nobody_to_be_told),
		cmocka_unit_test(a_ds_on_its_way_out_counts_where_it_was_there),
		cmocka_unit_test(what_asks_for_no_ds_is_not_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
