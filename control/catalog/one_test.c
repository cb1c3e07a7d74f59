#include "control/catalog/one.h"

#include "control/catalog/testing.h"
#include "control/json_put.h"

static struct catalog_one one_of(const char *name)
{
	struct catalog_one one = {.id = 1, .kind = ZONE_KIND_CONSUMER};

	memcpy(one.name, test_name(name).wire, sizeof one.name);
	return one;
}

static void report(struct catalog_one *one, enum catalog_state state, uint32_t serial,
                   uint64_t now)
{
	const struct catalog_report r = {
		.state = state, .serial = serial, .members = 7, .gone = 5};

	catalog_one_report(one, &r, now);
}

static uint64_t kept_by(const struct catalog_one *one)
{
	struct catalog_figures *f = calloc(1, sizeof *f);

	catalog_one_count(one, f);
	uint64_t gone = f->one[0].gone;
	free(f);
	return gone;
}

/* It is looked at again whenever any zone comes or goes. */
static void a_version_is_refused_once(void **state)
{
	(void)state;
	struct catalog_one one = one_of("example.");

	report(&one, CATALOG_BROKEN, 0, 100);
	report(&one, CATALOG_BROKEN, 0, 101);
	assert_int_equal(one.refused, 1);
	report(&one, CATALOG_BROKEN, 5, 102);
	report(&one, CATALOG_BROKEN, 5, 103);
	assert_int_equal(one.refused, 2);
	report(&one, CATALOG_HELD, 6, 104);
	report(&one, CATALOG_FAILED, 7, 105);
	report(&one, CATALOG_EMPTY, 8, 106);
	report(&one, CATALOG_OK, 9, 107);
	assert_int_equal(one.refused, 2);
}

static void only_what_is_as_the_catalog_says_is_followed(void **state)
{
	(void)state;
	static const enum catalog_state others[] = {CATALOG_EMPTY, CATALOG_BROKEN,
	                                            CATALOG_HELD, CATALOG_FAILED};
	struct catalog_one one = one_of("example.");

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		report(&one, others[i], 1, 100);
	assert_int_equal(one.followed_at, 0);
	report(&one, CATALOG_OK, 2, 200);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		report(&one, others[i], 3, 300);
	assert_int_equal(one.followed_at, 200);
}

static void zones_are_kept_by_a_catalog_that_is_held_only(void **state)
{
	(void)state;
	struct catalog_one one = one_of("example.");

	report(&one, CATALOG_OK, 1, 100);
	assert_int_equal(kept_by(&one), 0);
	report(&one, CATALOG_HELD, 2, 100);
	assert_int_equal(kept_by(&one), 5);
}

static void all_are_counted_and_the_first_are_told(void **state)
{
	(void)state;
	struct catalog_figures *f = calloc(1, sizeof *f);
	struct catalog_one one = one_of("example.");

	catalog_one_count(&one, f);
	assert_string_equal(f->one[0].name, "example.");
	assert_false(f->one[0].is_made);
	assert_int_equal(f->one[0].followed_at, 0);
	one.kind = ZONE_KIND_PRODUCER;
	report(&one, CATALOG_OK, UINT32_MAX, 100);
	for (unsigned i = 0; i < CATALOG_FIGURES_MAX; i++)
		catalog_one_count(&one, f);
	assert_int_equal(f->count, CATALOG_FIGURES_MAX);
	assert_int_equal(f->states[CATALOG_UNREAD], 1);
	assert_int_equal(f->states[CATALOG_OK], CATALOG_FIGURES_MAX);
	assert_int_equal(f->states[CATALOG_BROKEN], 0);
	assert_true(f->one[1].is_made);
	assert_int_equal(f->one[1].serial, UINT32_MAX);
	assert_int_equal(f->one[1].members, 7);
	assert_int_equal(f->one[1].followed_at, 100);
	free(f);
}

static void what_was_never_followed_says_so(void **state)
{
	(void)state;
	struct catalog_one one = one_of("example.");
	json_t *o = catalog_one_json(&one);

	assert_true(json_is_null(json_object_get(o, "followed_at")));
	assert_true(json_is_null(json_object_get(o, "alarm")));
	assert_string_equal(json_string_value(json_object_get(o, "state")), "unread");
	json_decref(o);
	report(&one, CATALOG_BROKEN, 1, 100);
	o = catalog_one_json(&one);
	assert_true(json_is_null(json_object_get(o, "followed_at")));
	assert_true(json_is_string(json_object_get(o, "alarm")));
	assert_int_equal(json_integer_value(json_object_get(o, "refused")), 1);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_is_refused_once),
		cmocka_unit_test(only_what_is_as_the_catalog_says_is_followed),
		cmocka_unit_test(zones_are_kept_by_a_catalog_that_is_held_only),
		cmocka_unit_test(all_are_counted_and_the_first_are_told),
		cmocka_unit_test(what_was_never_followed_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
