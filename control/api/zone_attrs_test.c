#include "control/api/zone_attrs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/err.h"

static int read_text(const char *text, struct zone_attrs *a, uint32_t *set,
                     struct api_fault *f)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	int err = zone_attrs_read(object, NULL, a, set, f);
	json_decref(object);
	return err;
}

static void kinds_have_old_names_and_new_ones(void **state)
{
	static const struct {
		const char *text;
		enum zone_kind kind;
	} cases[] = {
		{"{\"kind\": \"Native\"}", ZONE_KIND_NATIVE},
		{"{\"kind\": \"MASTER\"}", ZONE_KIND_PRIMARY},
		{"{\"kind\": \"primary\"}", ZONE_KIND_PRIMARY},
		{"{\"kind\": \"slave\"}", ZONE_KIND_SECONDARY},
		{"{\"kind\": \"Secondary\"}", ZONE_KIND_SECONDARY},
		{"{\"kind\": \"Producer\"}", ZONE_KIND_PRODUCER},
		{"{\"kind\": \"Consumer\"}", ZONE_KIND_CONSUMER},
		{"{\"kind\": \"anything\"}", ZONE_KIND_NATIVE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct zone_attrs a = {0};
		uint32_t set = 0;
		struct api_fault f = {0};
		assert_int_equal(read_text(cases[i].text, &a, &set, &f), 0);
		assert_int_equal(a.kind, cases[i].kind);
		assert_int_equal(set, 1U << ATTR_KIND);
	}
}

static void masters_are_addresses_with_ports_that_are_not_53(void **state)
{
	static const struct {
		const char *text, *masters;
	} cases[] = {
		{"{\"masters\": []}", ""},
		{"{\"masters\": [\"192.0.2.1\", \"192.0.2.2:5300\", \"192.0.2.3:53\"]}",
	         "192.0.2.1 192.0.2.2:5300 192.0.2.3"},
		{"{\"masters\": [\"2001:DB8::1\", \"[2001:db8::2]:5300\", \"[::1]\"]}",
	         "2001:db8::1 [2001:db8::2]:5300 ::1"},
		{"{\"masters\": [\"host\"]}", NULL},
		{"{\"masters\": [5]}", NULL},
		{"{\"masters\": [\"\"]}", NULL},
		{"{\"masters\": [\"[::1\"]}", NULL},
		{"{\"masters\": [\"[\"]}", NULL},
		{"{\"masters\": [\"[]\"]}", NULL},
		{"{\"masters\": [\"192.0.2.1:\"]}", NULL},
		{"{\"masters\": [\"192.0.2.1:70000\"]}", NULL},
		{"{\"masters\": [\"192.0.2.1:5x\"]}", NULL},
		{"{\"masters\": "
	         "[\"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111\"]}",
	         NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct zone_attrs a = {.masters = "before"};
		uint32_t set = 0;
		struct api_fault f = {0};
		int err = read_text(cases[i].text, &a, &set, &f);
		assert_int_equal(err, cases[i].masters ? 0 : ERR_REFUSED);
		if (cases[i].masters)
			assert_string_equal(a.masters, cases[i].masters);
		api_fault_fini(&f);
	}
}

static void more_masters_than_fit_are_refused(void **state)
{
	json_t *object = json_object();
	json_t *list = json_array();
	struct zone_attrs a = {0};
	uint32_t set = 0;
	struct api_fault f = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		json_array_append_new(list, json_string("2001:db8:1111:2222:3333::4444"));
	json_object_set_new(object, "masters", list);
	assert_int_equal(zone_attrs_read(object, NULL, &a, &set, &f), ERR_REFUSED);
	api_fault_fini(&f);
	json_decref(object);
}

static void serials_follow_soa_edit_api(void **state)
{
	static const struct {
		const char *text;
		enum serial_policy serial;
	} cases[] = {
		{"{\"soa_edit_api\": \"DEFAULT\"}", SERIAL_DATE},
		{"{\"soa_edit_api\": \"INCREASE\"}", SERIAL_INCREMENT},
		{"{\"soa_edit_api\": \"epoch\"}", SERIAL_UNIXTIME},
		{"{\"soa_edit_api\": \"\"}", SERIAL_KEEP},
		{"{\"soa_edit_api\": \"OFF\"}", SERIAL_KEEP},
		{"{\"soa_edit_api\": \"SOA-EDIT\", \"soa_edit\": \"EPOCH\"}",
	         SERIAL_UNIXTIME},
		{"{\"soa_edit_api\": \"SOA-EDIT\", \"soa_edit\": \"INCEPTION-INCREMENT\"}",
	         SERIAL_DATE},
		{"{\"soa_edit_api\": \"SOA-EDIT-INCREASE\"}", SERIAL_INCREMENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct zone_attrs a = {0};
		uint32_t set = 0;
		struct api_fault f = {0};
		assert_int_equal(read_text(cases[i].text, &a, &set, &f), 0);
		assert_int_equal(a.serial, cases[i].serial);
		assert_true(set & 1U << ATTR_SERIAL);
	}
}

static void what_is_absent_or_of_another_type_stays(void **state)
{
	struct zone_attrs a = {.account = "me", .kind = ZONE_KIND_PRIMARY};
	uint32_t set = 0;
	struct api_fault f = {0};

	(void)state;
	assert_int_equal(read_text("{\"account\": null, \"kind\": 5, \"masters\": \"x\", "
	                           "\"api_rectify\": \"yes\", \"rrsets\": 1}",
	                           &a, &set, &f),
	                 0);
	assert_int_equal(set, 0);
	assert_string_equal(a.account, "me");
	assert_int_equal(a.kind, ZONE_KIND_PRIMARY);
}

static void long_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"{\"account\": "
		"\"0123456789012345678901234567890123456789012345678901234567890123\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct zone_attrs a = {0};
		uint32_t set = 0;
		struct api_fault f = {0};
		assert_int_equal(read_text(texts[i], &a, &set, &f), ERR_REFUSED);
		assert_int_equal(f.status, 422);
		api_fault_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_old_names_and_new_ones),
		cmocka_unit_test(masters_are_addresses_with_ports_that_are_not_53),
		cmocka_unit_test(more_masters_than_fit_are_refused),
		cmocka_unit_test(serials_follow_soa_edit_api),
		cmocka_unit_test(what_is_absent_or_of_another_type_stays),
		cmocka_unit_test(long_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
