#include "control/access/actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/rrtype.h"

struct name {
	uint8_t wire[NAME_MAX_LEN];
};

static struct name name_of(const char *text)
{
	struct name n;

	assert_true(name_from_text(text, strlen(text), NULL, n.wire) > 0);
	return n;
}

static struct actor *writer_with(unsigned grants)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_WRITER, "test");

	a->grants = calloc(grants, sizeof *a->grants);
	a->grant_count = grants;
	return a;
}

static void grant(struct grant *g, const char *zone, bool below, const char *names)
{
	struct name n = name_of(zone);

	*g = (struct grant){.below = below, .write = true};
	memcpy(g->zone, n.wire, sizeof n.wire);
	(void)snprintf(g->names, sizeof g->names, "%s", names);
}

static bool edits(const struct actor *a, const char *zone, const char *owner,
                  uint16_t type)
{
	return actor_may_edit(a, name_of(zone).wire, name_of(owner).wire, type);
}

static bool sees(const struct actor *a, const char *zone, const char *tenant)
{
	return actor_sees(a, name_of(zone).wire, tenant);
}

static void each_role_may_what_the_ones_before_it_may(void **state)
{
	static const enum permission first_of[] = {
		[ROLE_READER] = MAY_LOOK,
		[ROLE_WRITER] = MAY_EDIT,
		[ROLE_OPERATOR] = MAY_MANAGE_ZONES,
		[ROLE_ADMIN] = MAY_ADMINISTER,
	};

	(void)state;
	for (unsigned role = ROLE_NONE; role <= ROLE_ADMIN; role++) {
		struct actor *a = actor_new(ACTOR_KEY, (enum role)role, "test");

		for (unsigned other = ROLE_READER; other <= ROLE_ADMIN; other++)
			assert_int_equal(actor_may(a, first_of[other]), other <= role);
		assert_int_equal(actor_may(a, MAY_OPERATE), role >= ROLE_OPERATOR);
		assert_false(actor_may(a, PERMISSIONS));
		actor_release(&a);
	}
}

static void roles_have_names(void **state)
{
	(void)state;
	for (unsigned role = ROLE_READER; role <= ROLE_ADMIN; role++)
		assert_int_equal(role_from_name(role_name((enum role)role)), role);
	assert_null(role_name(ROLE_NONE));
	assert_int_equal(role_from_name("root"), ROLE_NONE);
	assert_int_equal(role_from_name(""), ROLE_NONE);
}

static void the_program_itself_may_everything_and_never_ends(void **state)
{
	struct actor *a = actor_hold(actor_self());

	(void)state;
	for (unsigned p = 0; p < PERMISSIONS; p++)
		assert_true(actor_may(a, (enum permission)p));
	assert_true(sees(a, "example.", "someone"));
	assert_true(edits(a, "example.", "www.example.", RRTYPE_A));
	actor_release(&a);
	assert_null(a);
	assert_int_equal(actor_self()->role, ROLE_ADMIN);
}

static void an_actor_lives_until_its_last_reference_goes(void **state)
{
	struct actor *a = writer_with(1);
	struct actor *b = actor_hold(a);
	struct actor *none = NULL;

	(void)state;
	actor_release(&a);
	assert_null(a);
	assert_string_equal(b->name, "test");
	actor_release(&b);
	actor_release(&none);
}

static void long_names_are_cut(void **state)
{
	char name[ACTOR_NAME_SIZE + 10];

	(void)state;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	struct actor *a = actor_new(ACTOR_KEY, ROLE_READER, name);
	assert_int_equal(strlen(a->name), ACTOR_NAME_SIZE - 1);
	actor_release(&a);
}

static void tenants_do_not_see_each_other(void **state)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_ADMIN, "test");

	(void)state;
	assert_true(sees(a, "example.", "red"));
	assert_true(sees(a, "example.", ""));
	(void)snprintf(a->tenant, sizeof a->tenant, "red");
	assert_true(sees(a, "example.", "red"));
	assert_false(sees(a, "example.", "re"));
	assert_false(sees(a, "example.", "redder"));
	assert_false(sees(a, "example.", ""));
	actor_release(&a);
}

static void nobody_sees_nothing(void **state)
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_NONE, "test");

	(void)state;
	assert_false(sees(a, "example.", ""));
	assert_false(edits(a, "example.", "www.example.", RRTYPE_A));
	actor_release(&a);
}

static void grants_confine_to_their_zones(void **state)
{
	struct actor *a = writer_with(2);

	(void)state;
	grant(&a->grants[0], "one.example.", false, "");
	grant(&a->grants[1], "two.example.", true, "");
	assert_true(sees(a, "one.example.", ""));
	assert_true(sees(a, "ONE.Example.", ""));
	assert_false(sees(a, "sub.one.example.", ""));
	assert_true(sees(a, "two.example.", ""));
	assert_true(sees(a, "sub.two.example.", ""));
	assert_false(sees(a, "xtwo.example.", ""));
	assert_false(sees(a, "example.", ""));
	assert_true(edits(a, "one.example.", "a.one.example.", RRTYPE_A));
	assert_true(edits(a, "sub.two.example.", "sub.two.example.", RRTYPE_A));
	assert_false(edits(a, "example.", "one.example.", RRTYPE_A));
	actor_release(&a);
}

static void root_with_below_is_every_zone(void **state)
{
	struct actor *a = writer_with(1);

	(void)state;
	grant(&a->grants[0], ".", true, "");
	assert_true(sees(a, "example.", ""));
	assert_true(sees(a, ".", ""));
	assert_true(edits(a, ".", "example.", RRTYPE_NS));
	grant(&a->grants[0], ".", false, "");
	assert_false(sees(a, "example.", ""));
	assert_true(sees(a, ".", ""));
	actor_release(&a);
}

static void owner_outside_of_the_zone_is_never_edited(void **state)
{
	struct actor *a = writer_with(1);

	(void)state;
	grant(&a->grants[0], ".", true, "");
	assert_false(edits(a, "example.", "other.", RRTYPE_A));
	assert_false(edits(a, "a.example.", "example.", RRTYPE_A));
	assert_false(edits(actor_self(), "example.", "other.", RRTYPE_A));
	actor_release(&a);
}

static void grants_without_write_show_and_roles_are_a_ceiling(void **state)
{
	struct actor *a = writer_with(1);

	(void)state;
	grant(&a->grants[0], "example.", false, "");
	a->grants[0].write = false;
	assert_true(sees(a, "example.", ""));
	assert_false(edits(a, "example.", "example.", RRTYPE_A));
	a->grants[0].write = true;
	a->role = ROLE_READER;
	assert_false(edits(a, "example.", "example.", RRTYPE_A));
	actor_release(&a);
}

static void grants_confine_to_their_types(void **state)
{
	struct actor *a = writer_with(2);

	(void)state;
	grant(&a->grants[0], "example.", false, "_acme-challenge");
	a->grants[0].types[0] = RRTYPE_TXT;
	a->grants[0].type_count = 1;
	grant(&a->grants[1], "example.", false, "www");
	a->grants[1].types[0] = RRTYPE_A;
	a->grants[1].types[1] = RRTYPE_AAAA;
	a->grants[1].type_count = 2;
	assert_true(edits(a, "example.", "_acme-challenge.example.", RRTYPE_TXT));
	assert_false(edits(a, "example.", "_acme-challenge.example.", RRTYPE_A));
	assert_true(edits(a, "example.", "www.example.", RRTYPE_AAAA));
	assert_false(edits(a, "example.", "www.example.", RRTYPE_TXT));
	assert_false(edits(a, "example.", "www.example.", 0));
	actor_release(&a);
}

static void patterns_fit_owners(void **state)
{
	static const struct {
		const char *names;
		const char *owner; /* in the zone example. */
		bool fits;
	} cases[] = {
		{"", "example.", true},
		{"", "a.b.example.", true},
		{"  ", "a.example.", true},
		{"@", "example.", true},
		{"@", "a.example.", false},
		{"@", "@.example.", false},
		{"\\@", "@.example.", true},
		{"\\@", "example.", false},
		{"@ www", "www.example.", true},
		{"@ www", "example.", true},
		{"www", "WWW.example.", true},
		{"WWW", "www.example.", true},
		{"www", "example.", false},
		{"www", "www2.example.", false},
		{"www", "www.www.example.", false},
		{"a www  mail ", "mail.example.", true},
		{"*", "a.example.", true},
		{"*", "a.b.example.", true},
		{"*", "*.example.", true},
		{"*", "example.", false},
		{"*.dyn", "a.dyn.example.", true},
		{"*.dyn", "a.b.dyn.example.", true},
		{"*.dyn", "*.dyn.example.", true},
		{"*.dyn", "dyn.example.", false},
		{"*.dyn", "xdyn.example.", false},
		{"*.dyn", "a.dyn.b.example.", false},
		{"*.dyn", "x\\.dyn.example.", false},
		{"*.dyn", "x.y\\.dyn.example.", false},
		{"\\*.dyn", "*.dyn.example.", true},
		{"\\*.dyn", "a.dyn.example.", false},
		{"\\042.dyn", "*.dyn.example.", true},
		{"_acme-challenge*", "_acme-challenge.www.example.", true},
		{"_acme-challenge.*", "_acme-challenge.example.", false},
		{"_acme-challenge.*", "_acme-challenge.www.example.", true},
		{"a*b*c", "axxbyybzzc.example.", true},
		{"a*b*c", "a.b.c.example.", true},
		{"a*b*c", "abcd.example.", false},
		{"**a", "bbba.example.", true},
		{"x\\.y", "x\\.y.example.", true},
		{"x.y", "x\\.y.example.", false},
		{"x\\.y", "x.y.example.", false},
		{"\\000", "\\000.example.", true},
		{"\\065", "a.example.", true},
		{"\\256", "a.example.", false},
		{"\\25", "\\025.example.", false},
		{"\\", "\\\\.example.", false},
		{"\\\\", "\\\\.example.", true},
		{"bad\\ www", "www.example.", true},
	};
	struct actor *a = writer_with(1);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		grant(&a->grants[0], "example.", false, cases[i].names);
		if (edits(a, "example.", cases[i].owner, RRTYPE_A) != cases[i].fits)
			fail_msg("'%s' and %s", cases[i].names, cases[i].owner);
	}
	actor_release(&a);
}

/* Each asterisk could be tried at each octet: it must not take all combinations of them. */
static void many_asterisks_take_no_time(void **state)
{
	struct actor *a = writer_with(1);
	char owner[256] = "";

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		memset(owner + 64 * i, 'a', 63);
		owner[64 * i + 63] = '.';
	}
	grant(&a->grants[0], ".", true, "");
	for (size_t i = 0; i + 2 < 200; i += 2)
		memcpy(a->grants[0].names + i, "*a", 2);
	strcat(a->grants[0].names, "b");
	assert_false(edits(a, ".", owner, RRTYPE_A));
	actor_release(&a);
}

static void longest_pattern_ends_with_its_room(void **state)
{
	struct actor *a = writer_with(1);

	(void)state;
	grant(&a->grants[0], "example.", false, "");
	memset(a->grants[0].names, 'x', sizeof a->grants[0].names - 1);
	assert_false(edits(a, "example.", "x.example.", RRTYPE_A));
	actor_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_may_what_the_ones_before_it_may),
		cmocka_unit_test(roles_have_names),
		cmocka_unit_test(the_program_itself_may_everything_and_never_ends),
		cmocka_unit_test(an_actor_lives_until_its_last_reference_goes),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(tenants_do_not_see_each_other),
		cmocka_unit_test(nobody_sees_nothing),
		cmocka_unit_test(grants_confine_to_their_zones),
		cmocka_unit_test(root_with_below_is_every_zone),
		cmocka_unit_test(owner_outside_of_the_zone_is_never_edited),
		cmocka_unit_test(grants_without_write_show_and_roles_are_a_ceiling),
		cmocka_unit_test(grants_confine_to_their_types),
		cmocka_unit_test(patterns_fit_owners),
		cmocka_unit_test(many_asterisks_take_no_time),
		cmocka_unit_test(longest_pattern_ends_with_its_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
