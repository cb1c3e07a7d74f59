#include "control/catalog/produce.h"

#include "control/catalog/testing.h"
#include "shared/err.h"

/* Splits "name/group>catalog": what stands between a mark and the next. */
static void read_part(const char *text, char mark, char *to, size_t size)
{
	const char *at = strchr(text, mark);
	size_t len = at ? strcspn(at + 1, "/>=") : 0;

	assert_true(len < size);
	if (at)
		memcpy(to, at + 1, len);
}

/* What is done for a catalog of this text and zones that are members when they begin with "m", each "name" and
 * perhaps "/group", ">catalog" that it moves to, "=label" where it came from one; edits as text. */
static int produce(const char *text, const char *const *zones,
                   char out[static SHOWN_SIZE])
{
	const struct config *config =
		config_of("templates: [{name: in, catalog: example.}, {name: default}]\n"
	                  "zones: [{name: example., kind: producer}]\n");
	struct store_txn *t = begin_write();
	struct store_zone z = put_catalog(t, "example.", text);
	struct catalog_report report;
	struct catalog_steps steps;
	size_t at = 0;

	for (size_t i = 0; zones[i]; i++) {
		struct store_zone one = {.added = true};
		char name[64];

		(void)sscanf(zones[i], "%63[^/>=]", name);
		read_part(zones[i], '/', one.attrs.group, sizeof one.attrs.group);
		read_part(zones[i], '>', one.attrs.catalog_to,
		          sizeof one.attrs.catalog_to);
		read_part(zones[i], '=', one.attrs.member, sizeof one.attrs.member);
		memcpy(one.name, test_name(name).wire, sizeof one.name);
		if (name[0] == 'm')
			(void)snprintf(one.attrs.template_name,
			               sizeof one.attrs.template_name, "in");
		assert_int_equal(store_zone_put(t, &one), 0);
	}
	assert_int_equal(catalog_produce(t, config, &z, &steps, &report), 0);
	assert_int_equal(report.state, CATALOG_OK);
	assert_null(steps.second);
	out[0] = 0;
	for (size_t i = 0; steps.first && i < steps.first->zones[0].edit_count; i++) {
		const struct edit *e = &steps.first->zones[0].edits[i];
		char owner[NAME_TEXT_MAX];

		at += (size_t)snprintf(out + at, SHOWN_SIZE - at, "%c%s ",
		                       e->kind == EDIT_DELETE ? '-' : '+',
		                       name_to_text(e->owner, owner));
	}
	change_free(&steps.first);
	store_abort(&t);
	config_release(config);
	return (int)report.members;
}

/* Labels follow from the numbers of zones: the catalog's is 1. */
#define M1 "mh7hu1laarjf5"
#define N1 "q9siudjai29ic" /* of n.test. */

static void a_catalog_has_its_members_and_no_others(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *zones[3];
		int members;
		const char *edits;
	} cases[] = {
		{HEAD VERSION, {NULL}, 0, ""},
		{HEAD VERSION, {"other."}, 0, ""},
		{HEAD, {"other."}, 0, "+version.example. "},
		{HEAD "version 0 TXT 1\n", {NULL}, 0, "+version.example. "},
		{HEAD VERSION, {"m.test."}, 1, "+" M1 ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\n", {"m.test."}, 1, ""},
		{HEAD VERSION M1 ".zones 0 PTR n.test.\n",
	         {"m.test."},
	         1,
	         "+" M1 ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\nx.zones 0 PTR m.test.\n"
	                         "zones 0 TXT kept\nzonest 0 TXT kept\n",
	         {"m.test."},
	         1,
	         "-x.zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\n",
	         {"m.test./fast"},
	         1,
	         "+group." M1 ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\ngroup." M1 ".zones 0 TXT fast\n",
	         {"m.test./fast"},
	         1,
	         ""},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\ngroup." M1 ".zones 0 TXT fast\n",
	         {"m.test."},
	         1,
	         "-group." M1 ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\n",
	         {"other."},
	         0,
	         "-" M1 ".zones.example. "},
	};
	char edits[SHOWN_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(produce(cases[i].text, cases[i].zones, edits),
		                 cases[i].members);
		assert_string_equal(edits, cases[i].edits);
	}
}

/* Both catalogs have it, with one label, and the old one says where it goes. */
static void a_zone_that_moves_is_in_both_catalogs(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *zones[2];
		int members;
		const char *edits;
	} cases[] = {
		{HEAD VERSION M1 ".zones 0 PTR m.test.\n",
	         {"m.test.>next."},
	         1,
	         "+coo." M1 ".zones.example. "},
		{HEAD VERSION,
	         {"m.test./fast>next."},
	         1,
	         "+" M1 ".zones.example. +coo." M1 ".zones.example. +group." M1
	         ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\ncoo." M1 ".zones 0 PTR next.\n",
	         {"m.test.>next."},
	         1,
	         ""},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\ncoo." M1 ".zones 0 PTR next.\n",
	         {"m.test.>other."},
	         1,
	         "+coo." M1 ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\ncoo." M1 ".zones 0 PTR next.\n",
	         {"m.test."},
	         1,
	         "-coo." M1 ".zones.example. "},
		/* It comes, and when it is here nothing changes. */
		{HEAD VERSION, {"n.test.>example."}, 1, "+" N1 ".zones.example. "},
		{HEAD VERSION M1 ".zones 0 PTR m.test.\n", {"m.test.>example."}, 1, ""},
		/* What came from a catalog is not ours to be moved. */
		{HEAD VERSION, {"n.test.>example.=label"}, 0, ""},
		{HEAD VERSION, {"m.test.>next.=label"}, 0, ""},
		{HEAD VERSION, {"n.test.>next."}, 0, ""},
	};
	char edits[SHOWN_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(produce(cases[i].text, cases[i].zones, edits),
		                 cases[i].members);
		assert_string_equal(edits, cases[i].edits);
	}
}

static void where_a_zone_moves_is_a_name_or_an_error(void **state)
{
	(void)state;
	const struct config *config =
		config_of("zones: [{name: example., kind: producer}]\n");
	struct store_txn *t = begin_write();
	struct store_zone z = put_catalog(t, "example.", HEAD VERSION);
	struct store_zone one = {
		.added = true,
		.attrs = {.catalog = "example.", .catalog_to = "two..dots."}};
	struct catalog_report report;
	struct catalog_steps steps;

	memcpy(one.name, test_name("m.test.").wire, sizeof one.name);
	assert_int_equal(store_zone_put(t, &one), 0);
	assert_int_equal(catalog_produce(t, config, &z, &steps, &report), ERR_CORRUPT);
	assert_null(steps.first);
	store_abort(&t);
	config_release(config);
}

/* The same name under another number has another label. */
static void a_zone_that_is_made_anew_has_another_label(void **state)
{
	(void)state;
	static const char *const second[] = {"other.", "m.test.", NULL};
	static const char text[] = HEAD VERSION M1 ".zones 0 PTR m.test.\n";
	char edits[SHOWN_SIZE];

	assert_int_equal(produce(text, second, edits), 1);
	assert_non_null(strstr(edits, "-" M1 ".zones.example. "));
	assert_non_null(strchr(edits, '+'));
}

static void a_catalog_that_is_empty_is_begun(void **state)
{
	(void)state;
	const struct config *config =
		config_of("zones: [{name: example., kind: producer}]\n");
	struct store_txn *t = begin_write();
	struct store_zone z = {0};
	struct catalog_report report;
	struct catalog_steps steps;

	memcpy(z.name, test_apex, sizeof test_apex);
	assert_int_equal(store_zone_put(t, &z), 0);
	assert_int_equal(catalog_produce(t, config, &z, &steps, &report), 0);
	assert_true(steps.more);
	assert_int_equal(steps.first->zones[0].kind, ZONE_CONTENTS);
	const struct contents *made = steps.first->zones[0].contents;
	assert_int_equal(made->records, 3);
	assert_int_equal(made->rrsets[0].type, RRTYPE_NS);
	assert_int_equal(made->rrsets[1].type, RRTYPE_SOA);
	assert_int_equal(made->rrsets[2].type, RRTYPE_TXT);
	change_free(&steps.first);
	store_abort(&t);
	config_release(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_catalog_has_its_members_and_no_others,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(a_zone_that_moves_is_in_both_catalogs,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(where_a_zone_moves_is_a_name_or_an_error,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_zone_that_is_made_anew_has_another_label, setup, teardown),
		cmocka_unit_test_setup_teardown(a_catalog_that_is_empty_is_begun, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
