#include "control/cli/differences.h"

#include "control/zone/testing.h"

#define SOA    "@ 60 SOA ns1 hostmaster 1 7200 3600 1209600 60\n"
#define SOA_2  "@ 60 SOA ns1 hostmaster 2 7200 3600 1209600 60\n"
#define SOA_UP "@ 60 SOA NS1 hostmaster 2 7200 3600 1209600 60\n"

/* What is printed of the difference between two texts. */
static char *difference(const char *before, const char *after, enum differences_mode mode)
{
	static char text[4096];
	struct test_zone a;
	struct test_zone b;
	struct differences d;
	FILE *to = fmemopen(text, sizeof text, "w");

	assert_non_null(to);
	text[0] = '\0';
	test_zone_of(&a, before, strlen(before));
	test_zone_of(&b, after, strlen(after));
	assert_int_equal(a.err, 0);
	assert_int_equal(b.err, 0);
	differences_find(&d, a.contents, b.contents, mode);
	differences_print(&d, false, to);
	differences_free(&d);
	assert_int_equal(fclose(to), 0);
	test_zone_fini(&a);
	test_zone_fini(&b);
	return text;
}

static void records_that_stay_are_not_shown(void **state)
{
	(void)state;
	assert_string_equal(
		difference("a 60 A 192.0.2.1\na 60 A 192.0.2.2\nc 1 A 192.0.2.1\n",
	                   "a 60 A 192.0.2.2\na 60 A 192.0.2.3\nb 1 TXT \"x y\"\n",
	                   DIFFERENCES_ALL),
		"-a.example. 60 IN A 192.0.2.1\n"
		"+a.example. 60 IN A 192.0.2.3\n"
		"+b.example. 1 IN TXT \"x y\"\n"
		"-c.example. 1 IN A 192.0.2.1\n");
	assert_string_equal(difference(SOA, SOA, DIFFERENCES_ALL), "");
}

static void ttl_is_of_every_record(void **state)
{
	(void)state;
	assert_string_equal(difference("a 60 A 192.0.2.1\na 60 A 192.0.2.2\n",
	                               "a 61 A 192.0.2.1\na 61 A 192.0.2.2\n",
	                               DIFFERENCES_BUT_SERIAL),
	                    "-a.example. 60 IN A 192.0.2.1\n"
	                    "-a.example. 60 IN A 192.0.2.2\n"
	                    "+a.example. 61 IN A 192.0.2.1\n"
	                    "+a.example. 61 IN A 192.0.2.2\n");
}

static void serial_and_case_count_where_they_are_to(void **state)
{
	(void)state;
	assert_string_not_equal(difference(SOA, SOA_2, DIFFERENCES_ALL), "");
	assert_string_not_equal(difference(SOA, SOA_2, DIFFERENCES_OF_VALUE), "");
	assert_string_equal(difference(SOA, SOA_2, DIFFERENCES_BUT_SERIAL), "");
	assert_string_not_equal(difference(SOA_2, SOA_UP, DIFFERENCES_ALL), "");
	assert_string_equal(difference(SOA_2, SOA_UP, DIFFERENCES_OF_VALUE), "");
	assert_string_not_equal(
		difference("a 1 TXT a\n", "a 1 TXT A\n", DIFFERENCES_OF_VALUE), "");
	/* Another number of the SOA is not its serial. */
	assert_string_not_equal(
		difference(SOA, "@ 60 SOA ns1 hostmaster 1 7201 3600 1209600 60\n",
	                   DIFFERENCES_BUT_SERIAL),
		"");
	assert_string_not_equal(
		difference(SOA, "@ 60 SOA ns2 hostmaster 1 7200 3600 1209600 60\n",
	                   DIFFERENCES_BUT_SERIAL),
		"");
}

static void nothing_is_a_side_too(void **state)
{
	struct test_zone z;
	struct differences d;

	(void)state;
	test_zone_of(&z, SOA, strlen(SOA));
	differences_find(&d, NULL, z.contents, DIFFERENCES_ALL);
	assert_int_equal(d.count, 1);
	assert_null(d.list[0].before);
	json_t *edits = differences_edits(&d);
	json_t *told = differences_json(&d);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(edits, 0), "op")),
		"set");
	assert_true(json_is_null(json_object_get(json_array_get(told, 0), "before")));
	json_decref(edits);
	json_decref(told);
	differences_free(&d);
	differences_find(&d, z.contents, NULL, DIFFERENCES_ALL);
	edits = differences_edits(&d);
	const json_t *edit = json_array_get(edits, 0);
	assert_string_equal(json_string_value(json_object_get(edit, "op")), "del");
	assert_string_equal(json_string_value(json_object_get(edit, "zone")), "example.");
	assert_null(json_object_get(edit, "rdata"));
	json_decref(edits);
	differences_free(&d);
	test_zone_fini(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_that_stay_are_not_shown),
		cmocka_unit_test(ttl_is_of_every_record),
		cmocka_unit_test(serial_and_case_count_where_they_are_to),
		cmocka_unit_test(nothing_is_a_side_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
