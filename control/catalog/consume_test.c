#include "control/catalog/consume.h"

#include "control/catalog/testing.h"

/* Zones that are there, each "name=label/group@catalog", and others as "name". */
static void put_zones(struct store_txn *t, const char *const *zones)
{
	for (size_t i = 0; zones[i]; i++) {
		struct store_zone z = {.added = true};
		char name[64], label[64] = "", group[64] = "", catalog[64] = "";

		(void)sscanf(zones[i], "%63[^=]=%63[^/]/%63[^@]@%63s", name, label, group,
		             catalog);
		memcpy(z.name, test_name(name).wire, sizeof z.name);
		(void)snprintf(z.attrs.member, sizeof z.attrs.member, "%s", label);
		(void)snprintf(z.attrs.group, sizeof z.attrs.group, "%s",
		               strcmp(group, "-") != 0 ? group : "");
		(void)snprintf(z.attrs.catalog, sizeof z.attrs.catalog, "%s", catalog);
		assert_int_equal(store_zone_put(t, &z), 0);
	}
}

static struct catalog_report consume(const char *text, const char *const *zones,
                                     bool accepted, char out[static SHOWN_SIZE])
{
	const struct config *config = config_of(
		"templates:\n"
		"  - {name: quick}\n  - {name: default, groups: [fast=quick]}\n"
		"zones:\n  - {name: example., kind: consumer, primaries: [192.0.2.1]}\n"
		"  - {name: ours.test., kind: secondary, primaries: [192.0.2.1]}\n"
		"  - {name: other., kind: consumer, primaries: [192.0.2.1]}\n");
	struct store_txn *t = begin_write();
	struct store_zone z = put_catalog(t, "example.", text);
	struct catalog_report report;
	struct catalog_steps steps;

	(void)put_catalog(t, "other.",
	                  HEAD VERSION "a.zones 0 PTR given.test.\n"
	                               "coo.a.zones 0 PTR example.\n"
	                               "b.zones 0 PTR kept.test.\n");
	put_zones(t, zones);
	assert_int_equal(catalog_consume(t, config, &z, accepted, &steps, &report), 0);
	show_steps(&steps, out);
	store_abort(&t);
	config_release(config);
	return report;
}

static void zones_follow_the_catalog(void **state)
{
	(void)state;
	static const struct {
		const char *catalog;
		const char *zones[3];
		const char *steps;
		size_t foreign;
	} cases[] = {
		{"", {NULL}, "", 0},
		{"a.zones 0 PTR One.test.\n", {NULL}, "| +one.test.=a", 0},
		{"a.zones 0 PTR one.test.\ngroup.a.zones 0 TXT fast\n",
	         {NULL},
	         "| +one.test.=a/fast:quick",
	         0},
		{"a.zones 0 PTR one.test.\n", {"one.test.=a/-@example."}, "", 0},
		{"", {"one.test.=a/-@example."}, "-one.test.", 0},
		{"", {"one.test.=a/-@third.", "two.test."}, "", 0},
		/* Another label; another group. */
		{"b.zones 0 PTR one.test.\n",
	         {"one.test.=a/-@example."},
	         "-one.test. | +one.test.=b",
	         0},
		{"a.zones 0 PTR one.test.\ngroup.a.zones 0 TXT fast\n",
	         {"one.test.=a/-@example."},
	         "~one.test.=a/fast:quick",
	         0},
		/* Here for another reason. */
		{"a.zones 0 PTR one.test.\n", {"one.test."}, "", 1},
		{"a.zones 0 PTR ours.test.\n", {NULL}, "", 1},
		{"a.zones 0 PTR one.test.\n", {"one.test.=a/-@third."}, "", 1},
		{"b.zones 0 PTR kept.test.\n", {"kept.test.=b/-@other."}, "", 1},
		{"a.zones 0 PTR example.\n", {NULL}, "", 1},
		/* Given by another catalog, and to another one. */
		{"a.zones 0 PTR given.test.\n",
	         {"given.test.=a/-@other."},
	         "~given.test.=a",
	         0},
		{"x.zones 0 PTR given.test.\n",
	         {"given.test.=a/-@other."},
	         "-given.test. | +given.test.=x",
	         0},
		{"a.zones 0 PTR gone.test.\ncoo.a.zones 0 PTR other.\n",
	         {"gone.test.=a/-@other."},
	         "",
	         0},
	};
	char text[512];
	char steps[SHOWN_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(text, sizeof text, HEAD VERSION "%s", cases[i].catalog);
		const struct catalog_report r =
			consume(text, cases[i].zones, false, steps);
		assert_string_equal(steps, cases[i].steps);
		assert_int_equal(r.state, CATALOG_OK);
		assert_int_equal(r.foreign, cases[i].foreign);
	}
}

static void a_broken_catalog_changes_nothing(void **state)
{
	(void)state;
	static const char *const zones[] = {"one.test.=a/-@example.", NULL};
	char steps[SHOWN_SIZE];

	const struct catalog_report r =
		consume(HEAD "b.zones 0 PTR two.test.\n", zones, true, steps);
	assert_string_equal(steps, "");
	assert_int_equal(r.state, CATALOG_BROKEN);
	assert_string_equal(r.why, "version.example. has not one TXT record");
}

/* Two of three are more than half; one of one is not too many. */
static void too_many_stay_until_that_is_accepted(void **state)
{
	(void)state;
	static const char *const zones[] = {"a.test.=a/-@example.",
	                                    "b.test.=b/-@example.",
	                                    "c.test.=c/-@example.", NULL};
	static const char text[] =
		HEAD VERSION "a.zones 0 PTR a.test.\nx.zones 0 PTR b.test.\n"
			     "d.zones 0 PTR d.test.\n";
	char steps[SHOWN_SIZE];

	struct catalog_report r = consume(text, zones, false, steps);
	assert_int_equal(r.state, CATALOG_HELD);
	assert_int_equal(r.gone, 2);
	assert_string_equal(steps, "| +d.test.=d");
	r = consume(text, zones, true, steps);
	assert_int_equal(r.state, CATALOG_OK);
	assert_string_equal(steps, "-b.test. -c.test. | +b.test.=x +d.test.=d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(zones_follow_the_catalog, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_broken_catalog_changes_nothing, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(too_many_stay_until_that_is_accepted,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
