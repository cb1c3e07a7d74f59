#include <string.h>

#include "control/store/testing.h"
#include "shared/err.h"

static struct zone_attrs full(void)
{
	struct zone_attrs a = {
		.kind = ZONE_KIND_CONSUMER,
		.serial = SERIAL_UNIXTIME,
		.account = "an account",
		.catalog = "catalog.example.",
		.soa_edit = "INCEPTION-INCREMENT",
		.soa_edit_api = "DEFAULT",
		.api_rectify = true,
		.nsec3param = "1 0 0 -",
		.nsec3narrow = true,
		.template_name = "secondaries",
		.group = "europe",
		.member = "qnbr6",
		.zonemd = ZONEMD_MAKE,
		.catalog_to = "next.example.",
		.dnssec = "careful",
	};
	memset(a.tenant, 't', sizeof a.tenant - 1);
	memset(a.masters, 'm', sizeof a.masters - 1);
	return a;
}

static void attributes_come_back(void **state)
{
	uint8_t bytes[STORE_ATTRS_SIZE];
	struct zone_attrs a = full();
	struct zone_attrs back;

	(void)state;
	size_t size = store_attrs_encode(&a, bytes);
	assert_int_equal(store_attrs_decode(bytes, size, &back), 0);
	assert_memory_equal(&back, &a, sizeof a);
}

static void attributes_that_are_zero_take_no_room(void **state)
{
	uint8_t bytes[STORE_ATTRS_SIZE];
	struct zone_attrs none = {0};
	struct zone_attrs back = full();

	(void)state;
	assert_int_equal(store_attrs_encode(&none, bytes), 0);
	assert_int_equal(store_attrs_decode(bytes, 0, &back), 0);
	assert_memory_equal(&back, &none, sizeof none);
	struct zone_attrs one = {.serial = SERIAL_DATE};
	assert_int_equal(store_attrs_encode(&one, bytes), 5);
}

static void cut_off_attributes_are_corrupt_unless_cut_between_two(void **state)
{
	uint8_t bytes[STORE_ATTRS_SIZE];
	struct zone_attrs a = full();
	struct zone_attrs back;
	size_t whole = 0;

	(void)state;
	size_t size = store_attrs_encode(&a, bytes);
	for (size_t cut = 0; cut <= size; cut++)
		whole += store_attrs_decode(bytes, cut, &back) == 0;
	assert_int_equal(whole, ZONE_ATTRS + 1);
}

static void values_that_none_can_have_are_corrupt(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{"\0\0\0\1\5", 5},   /* kind beyond the last */
		{"\0\0\0\0", 4},     /* kind of no octet */
		{"\0\0\0\2\1\1", 6}, /* kind of two */
		{"\0\1\0\1\4", 5},   /* serial beyond the last */
		{"\0\x8\0\1\2", 5},  /* a flag of 2 */
		{"\0\3\0\3a\0b", 7}, /* a text with a NUL in it */
		{"\0\x9\0\x40"       /* as long as its room */
	         "1234567890123456789012345678901234567890123456789012345678901234",
	         68},
	};
	struct zone_attrs back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(store_attrs_decode(cases[i].bytes, cases[i].size, &back),
		                 ERR_CORRUPT);
}

static void unknown_attributes_are_skipped(void **state)
{
	static const char bytes[] = "\1\0\0\3new\0\1\0\1\2";
	struct zone_attrs back;

	(void)state;
	assert_int_equal(store_attrs_decode(bytes, sizeof bytes - 1, &back), 0);
	assert_int_equal(back.serial, SERIAL_DATE);
}

static void merging_sets_those_in_the_set_only(void **state)
{
	struct zone_attrs a = full();
	struct zone_attrs to = {.soa_edit = "OLD", .kind = ZONE_KIND_PRIMARY};

	(void)state;
	store_attrs_merge(&to, &a,
	                  1U << ATTR_SERIAL | 1U << ATTR_RECTIFY | 1U << ATTR_TENANT);
	assert_int_equal(to.serial, SERIAL_UNIXTIME);
	assert_true(to.api_rectify);
	assert_string_equal(to.tenant, a.tenant);
	assert_string_equal(to.soa_edit, "OLD");
	assert_int_equal(to.kind, ZONE_KIND_PRIMARY);
	assert_false(to.nsec3narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_come_back),
		cmocka_unit_test(attributes_that_are_zero_take_no_room),
		cmocka_unit_test(cut_off_attributes_are_corrupt_unless_cut_between_two),
		cmocka_unit_test(values_that_none_can_have_are_corrupt),
		cmocka_unit_test(unknown_attributes_are_skipped),
		cmocka_unit_test(merging_sets_those_in_the_set_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
