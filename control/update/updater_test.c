/* What a rule lets whom change. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/update/updater.h"

#include <string.h>

#include "control/tsig/key.h"
#include "shared/rrtype.h"

static const uint8_t zone[] = "\7example";

static const struct client from = {
	.addr = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .port = 4711, .is_ipv4 = 1};

static uint8_t name[NAME_MAX_LEN];

static const uint8_t *wire(const char *text)
{
	assert_true(name_from_text(text, strlen(text), zone, name) > 0);
	return name;
}

static struct tsig_key key_named(const char *text)
{
	struct tsig_key k = {.tenant = "red"};

	(void)wire(text);
	memcpy(k.name, name, sizeof k.name);
	return k;
}

static bool may(const struct actor *a, const char *owner, uint16_t type)
{
	return actor_may(a, MAY_EDIT) && actor_may_edit(a, zone, wire(owner), type);
}

static void a_rule_without_grants_is_of_the_whole_zone_and_no_other(void **state)
{
	struct tsig_key k = key_named("key.");
	struct acl_rule rule = {.actions = 1U << ACL_UPDATE};
	struct actor *a = updater_new(&rule, &k, &from, zone);

	(void)state;
	assert_int_equal(a->kind, ACTOR_DNS);
	assert_string_equal(a->name, "key");
	assert_string_equal(a->tenant, "red");
	assert_int_equal(a->port, 4711);
	assert_true(may(a, "www", RRTYPE_A));
	assert_true(may(a, "example.", RRTYPE_NS));
	assert_true(actor_sees(a, zone, "red"));
	assert_false(actor_sees(a, (const uint8_t *)"\5other", "red"));
	assert_false(actor_sees(a, (const uint8_t *)"\3sub\7example", "red"));
	assert_false(actor_may(a, MAY_MANAGE_ZONES));
	actor_release(&a);
}

static void what_the_rule_says_is_all_that_it_may(void **state)
{
	struct config_acl entry = {.update_names = (char[]){"self *.dyn"},
	                           .update_types = (char[]){"A"}};
	struct acl_rule rule = {.entry = &entry};
	struct tsig_key k = key_named("host");
	struct actor *a = updater_new(&rule, &k, &from, zone);

	(void)state;
	assert_true(may(a, "host", RRTYPE_A));
	assert_true(may(a, "x.dyn", RRTYPE_A));
	assert_false(may(a, "host", RRTYPE_TXT));
	assert_false(may(a, "www", RRTYPE_A));
	actor_release(&a);
	a = updater_new(&rule, NULL, &from, zone);
	assert_string_equal(a->name, "192.0.2.1");
	assert_true(may(a, "x.dyn", RRTYPE_A));
	assert_false(may(a, "host", RRTYPE_A));
	assert_false(actor_sees(a, (const uint8_t *)"\5other", ""));
	actor_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_without_grants_is_of_the_whole_zone_and_no_other),
		cmocka_unit_test(what_the_rule_says_is_all_that_it_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
