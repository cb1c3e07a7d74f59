/* What "dnssec" in a request does to a zone, by what the zone is. */
#include "control/api/zone_signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/err.h"

static const char settings[] =
	"dnssec-policies:\n  - {name: careful}\n"
	"templates:\n  - {name: signed, dnssec: careful}\n"
	"zones:\n  - {name: entry.example, file: f, dnssec: careful}\n";

typedef int reading(const json_t *object, const struct zone_signing *s,
                    struct zone_change *out, struct api_fault *f);

struct wanted {
	reading *read;
	const char *body;
	const char *zone;
	struct zone_attrs attrs;
	bool comes_signed;
	const char *policy; /* that the change says; NULL: nothing */
};

static struct config *config;

static int read_config(void **state)
{
	struct diag diag;

	(void)state;
	diag_init(&diag);
	int err =
		config_parse(settings, strlen(settings), "/f.yaml", NULL, &config, &diag);
	diag_fini(&diag);
	return err;
}

static int release_config(void **state)
{
	(void)state;
	config_release(config);
	return 0;
}

static int run(const struct wanted *w, struct zone_change *change, struct api_fault *f)
{
	static const uint8_t root[] = {0};
	struct store_zone zone = {.attrs = w->attrs};
	const struct zone_signing s = {config, &zone, w->comes_signed};
	json_t *object = json_loads(w->body, 0, NULL);

	assert_non_null(object);
	assert_true(name_from_text(w->zone, strlen(w->zone), root, zone.name) > 0);
	change->attrs = w->attrs;
	int err = w->read(object, &s, change, f);
	json_decref(object);
	return err;
}

static void assert_all(const struct wanted *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct zone_change change = {0};
		struct api_fault f = {0};

		assert_int_equal(run(&cases[i], &change, &f), 0);
		assert_int_equal(f.status, 0);
		assert_int_equal(change.attrs_set,
		                 cases[i].policy ? 1U << ATTR_DNSSEC : 0);
		if (cases[i].policy)
			assert_string_equal(change.attrs.dnssec, cases[i].policy);
	}
}

#define TRUE_BODY  "{\"dnssec\": true}"
#define FALSE_BODY "{\"dnssec\": false}"

static void true_is_the_policy_default_where_there_is_none(void **state)
{
	static const struct wanted cases[] = {
		{zone_signing_create, TRUE_BODY, "a.example", {0}, false, "default"},
		{zone_signing_change, TRUE_BODY, "a.example", {0}, false, "default"},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.dnssec = "no"},
	         false,
	         "default"},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.dnssec = "careful"},
	         false,
	         NULL},
		{zone_signing_change, TRUE_BODY, "entry.example", {0}, false, NULL},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.template_name = "signed"},
	         true,
	         NULL},
	};

	(void)state;
	assert_all(cases, ARRAY_LEN(cases));
}

static void false_ends_signing_where_there_is_a_policy(void **state)
{
	static const struct wanted cases[] = {
		{zone_signing_change, FALSE_BODY, "a.example", {0}, false, NULL},
		{zone_signing_change,
	         FALSE_BODY,
	         "a.example",
	         {.dnssec = "careful"},
	         true,
	         "no"},
		{zone_signing_change, FALSE_BODY, "entry.example", {0}, true, "no"},
		{zone_signing_change,
	         FALSE_BODY,
	         "entry.example",
	         {.dnssec = "no"},
	         true,
	         NULL},
	};

	(void)state;
	assert_all(cases, ARRAY_LEN(cases));
}

static void new_zones_are_signed_as_the_configuration_says(void **state)
{
	static const struct wanted cases[] = {
		{zone_signing_create, FALSE_BODY, "entry.example", {0}, false, NULL},
		{zone_signing_create, TRUE_BODY, "entry.example", {0}, false, NULL},
		{zone_signing_create, "{}", "a.example", {0}, false, NULL},
	};

	(void)state;
	assert_all(cases, ARRAY_LEN(cases));
}

static void zones_that_come_signed_stay_as_they_are(void **state)
{
	static const struct wanted cases[] = {
		{zone_signing_change, TRUE_BODY, "a.example", {0}, true, NULL},
		{zone_signing_change, FALSE_BODY, "a.example", {0}, true, NULL},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.kind = ZONE_KIND_SECONDARY},
	         true,
	         NULL},
	};

	(void)state;
	assert_all(cases, ARRAY_LEN(cases));
}

static void other_types_mean_nothing(void **state)
{
	static const struct wanted cases[] = {
		{zone_signing_change, "{\"dnssec\": 1}", "a.example", {0}, false, NULL},
		{zone_signing_change,
	         "{\"dnssec\": \"no\"}",
	         "entry.example",
	         {0},
	         false,
	         NULL},
		{zone_signing_change,
	         "{\"dnssec\": null}",
	         "entry.example",
	         {0},
	         false,
	         NULL},
		{zone_signing_change, "{}", "entry.example", {0}, false, NULL},
	};

	(void)state;
	assert_all(cases, ARRAY_LEN(cases));
}

static void unsigned_secondaries_are_not_signed_here(void **state)
{
	static const struct wanted cases[] = {
		{zone_signing_create,
	         TRUE_BODY,
	         "a.example",
	         {.kind = ZONE_KIND_SECONDARY},
	         false,
	         NULL},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.kind = ZONE_KIND_SECONDARY},
	         false,
	         NULL},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.kind = ZONE_KIND_CONSUMER},
	         false,
	         NULL},
		{zone_signing_change,
	         TRUE_BODY,
	         "a.example",
	         {.kind = ZONE_KIND_SECONDARY, .dnssec = "careful"},
	         false,
	         NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct zone_change change = {0};
		struct api_fault f = {0};

		assert_int_equal(run(&cases[i], &change, &f), ERR_REFUSED);
		assert_int_equal(f.status, 422);
		assert_int_equal(change.attrs_set, 0);
		api_fault_fini(&f);
	}
}

static int read_nsec3param(const char *body, const char *dnssec, bool comes_signed,
                           struct api_fault *f)
{
	static const uint8_t root[] = {0};
	struct store_zone zone = {0};
	struct zone_change change = {0};
	const struct zone_signing s = {config, &zone, comes_signed};
	json_t *object = json_loads(body, 0, NULL);

	assert_non_null(object);
	assert_true(name_from_text("a.example", 9, root, zone.name) > 0);
	(void)snprintf(zone.attrs.dnssec, sizeof zone.attrs.dnssec, "%s", dnssec);
	int err = zone_signing_change(object, &s, &change, f);
	assert_int_equal(err, 0);
	err = zone_signing_nsec3param(object, &s, &change, f);
	json_decref(object);
	return err;
}

static void nsec3param_is_for_zones_that_are_to_be_signed(UNUSED void **state)
{
	static const struct {
		const char *body;
		const char *dnssec;
		bool comes_signed;
		bool is_taken;
	} cases[] = {
		{"{}", "", false, true},
		{"{\"nsec3param\": \"\"}", "", false, true},
		{"{\"nsec3param\": 1}", "", false, true},
		{"{\"nsec3param\": \"1 0 0 -\"}", "careful", false, true},
		{"{\"nsec3param\": \"1 0 0 -\"}", "", true, true},
		{"{\"nsec3param\": \"1 0 0 -\", \"dnssec\": true}", "", false, true},
		{"{\"nsec3param\": \"1 0 0 -\"}", "", false, false},
		{"{\"nsec3param\": \"1 0 0 -\"}", "no", false, false},
		{"{\"nsec3param\": \"1 0 0 -\", \"dnssec\": false}", "careful", false,
	         false},
		{"{\"nsec3param\": \"1 0 51 -\"}", "careful", false, false},
		{"{\"nsec3param\": \"nsec\"}", "careful", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_fault f = {0};
		int err = read_nsec3param(cases[i].body, cases[i].dnssec,
		                          cases[i].comes_signed, &f);
		assert_int_equal(err, cases[i].is_taken ? 0 : ERR_REFUSED);
		assert_int_equal(f.status, cases[i].is_taken ? 0 : 422);
		api_fault_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_is_the_policy_default_where_there_is_none),
		cmocka_unit_test(false_ends_signing_where_there_is_a_policy),
		cmocka_unit_test(new_zones_are_signed_as_the_configuration_says),
		cmocka_unit_test(zones_that_come_signed_stay_as_they_are),
		cmocka_unit_test(other_types_mean_nothing),
		cmocka_unit_test(unsigned_secondaries_are_not_signed_here),
		cmocka_unit_test(nsec3param_is_for_zones_that_are_to_be_signed),
	};
	return cmocka_run_group_tests(tests, read_config, release_config);
}
