/* Who may what: a table of rules, of those who ask, and of which rule lets them in. */
#include "control/policy/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/tsig/key.h"
#include "shared/name.h"
#include "shared/rrtype.h"

static const uint8_t key_one[] = "\3one";
static const uint8_t key_two[] = "\3two";
static const uint8_t *const keys_one[] = {key_one};
static const uint8_t *const keys_both[] = {key_one, key_two};
static const struct config_tls profile = {0};

/* What a connection over TLS has shown: an address is all that is looked at. */
static const int good_peer, other_peer;

static bool fits(const struct tls_peer *peer, const struct config_tls *p)
{
	assert_ptr_equal(p, &profile);
	return (const void *)peer == &good_peer;
}

static struct address_prefix prefixes[2];

static const struct address_prefix *prefix(unsigned i, const char *text)
{
	assert_true(address_prefix_read(text, &prefixes[i]));
	return &prefixes[i];
}

struct ask {
	const char *address;
	const uint8_t *key;
	const char *key_tenant;
	const void *peer;
	const char *tenant; /* the zone's */
	enum acl_action what;
};

/* Gives the number of the rule that lets in, or -1. */
static int asked(const struct acl_rule *rules, unsigned count, const struct ask *a)
{
	struct tsig_key key = {0};
	struct sockaddr_storage address;
	uint8_t bytes[16];
	struct policy_asker who = {.address = bytes, .peer = a->peer, .tls_fits = fits};

	assert_true(address_read(a->address, 0, &address));
	address_bytes(&address, bytes);
	if (a->key) {
		memcpy(key.name, a->key, name_len(a->key, NAME_MAX_LEN));
		strcpy(key.tenant, a->key_tenant ? a->key_tenant : "");
		who.key = &key;
	}
	const struct acl_rule *r =
		acl_allows(rules, count, a->tenant ? a->tenant : "", a->what, &who);
	return r ? (int)(r - rules) : -1;
}

#define TRANSFER (1U << ACL_TRANSFER)
#define UPDATE   (1U << ACL_UPDATE)

static void nobody_is_let_in_by_no_rule(void **state)
{
	const struct ask a = {"192.0.2.1", key_one, NULL, NULL, NULL, ACL_TRANSFER};

	(void)state;
	assert_int_equal(asked(NULL, 0, &a), -1);
}

static void a_rule_fits_when_all_that_it_names_does(void **state)
{
	const struct acl_rule rules[] = {
		{.prefixes = prefix(0, "192.0.2.0/24"),
	         .prefix_count = 1,
	         .keys = keys_one,
	         .key_count = 1,
	         .actions = TRANSFER},
		{.prefixes = prefix(1, "2001:db8::/32"),
	         .prefix_count = 1,
	         .actions = TRANSFER},
		{.keys = keys_both, .key_count = 2, .tls = &profile, .actions = TRANSFER},
		{.tls = &profile, .actions = UPDATE},
	};
	const struct {
		struct ask ask;
		int rule;
	} cases[] = {
		{{"192.0.2.1", key_one, NULL, NULL, NULL, ACL_TRANSFER}, 0},
		{{"::ffff:192.0.2.1", key_one, NULL, NULL, NULL, ACL_TRANSFER}, 0},
		{{"192.0.2.1", NULL, NULL, NULL, NULL, ACL_TRANSFER}, -1},
		{{"192.0.2.1", key_two, NULL, NULL, NULL, ACL_TRANSFER}, -1},
		{{"192.0.3.1", key_one, NULL, NULL, NULL, ACL_TRANSFER}, -1},
		{{"192.0.2.1", key_one, NULL, NULL, NULL, ACL_UPDATE}, -1},
		{{"192.0.2.1", key_one, NULL, NULL, NULL, ACL_NOTIFY}, -1},
		{{"2001:db8::1", NULL, NULL, NULL, NULL, ACL_TRANSFER}, 1},
		{{"2001:db8::1", key_two, NULL, NULL, NULL, ACL_TRANSFER}, 1},
		{{"2001:db9::1", NULL, NULL, NULL, NULL, ACL_TRANSFER}, -1},
		{{"192.0.3.1", key_one, NULL, &good_peer, NULL, ACL_TRANSFER}, 2},
		{{"192.0.3.1", key_one, NULL, &other_peer, NULL, ACL_TRANSFER}, -1},
		{{"192.0.3.1", NULL, NULL, &good_peer, NULL, ACL_TRANSFER}, -1},
		{{"192.0.3.1", NULL, NULL, &good_peer, NULL, ACL_UPDATE}, 3},
		{{"192.0.3.1", NULL, NULL, NULL, NULL, ACL_UPDATE}, -1},
		/* keys of tenants */
		{{"192.0.2.1", key_one, "t", NULL, "t", ACL_TRANSFER}, 0},
		{{"192.0.2.1", key_one, "t", NULL, "u", ACL_TRANSFER}, -1},
		{{"192.0.2.1", key_one, "t", NULL, NULL, ACL_TRANSFER}, -1},
		{{"192.0.2.1", key_one, NULL, NULL, "t", ACL_TRANSFER}, 0},
		{{"2001:db8::1", key_one, "t", NULL, "u", ACL_TRANSFER}, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(asked(rules, ARRAY_LEN(rules), &cases[i].ask),
		                 cases[i].rule);
}

static void the_first_that_fits_decides(void **state)
{
	const struct acl_rule deny_first[] = {
		{.prefixes = prefix(0, "192.0.2.1"),
	         .prefix_count = 1,
	         .actions = TRANSFER,
	         .deny = true},
		{.prefixes = prefix(1, "192.0.2.0/24"),
	         .prefix_count = 1,
	         .actions = TRANSFER},
	};
	const struct acl_rule deny_last[] = {deny_first[1], deny_first[0]};
	const struct ask one = {"192.0.2.1", NULL, NULL, NULL, NULL, ACL_TRANSFER};
	const struct ask two = {"192.0.2.2", NULL, NULL, NULL, NULL, ACL_TRANSFER};
	const struct ask other = {"192.0.2.1", NULL, NULL, NULL, NULL, ACL_NOTIFY};

	(void)state;
	assert_int_equal(asked(deny_first, 2, &one), -1);
	assert_int_equal(asked(deny_first, 2, &two), 1);
	assert_int_equal(asked(deny_last, 2, &one), 0);
	assert_int_equal(asked(deny_last, 2, &two), 0);
	assert_int_equal(asked(deny_last, 2, &other), -1);
}

static void without_a_judge_of_tls_no_rule_with_tls_fits(void **state)
{
	const struct acl_rule rule = {.tls = &profile, .actions = TRANSFER};
	const uint8_t address[16] = {0};
	const struct policy_asker who = {.address = address,
	                                 .peer = (const void *)&good_peer};

	(void)state;
	assert_null(acl_allows(&rule, 1, "", ACL_TRANSFER, &who));
}

/* ---- what may be updated ---- */

static struct tsig_key a_key(const uint8_t *name)
{
	struct tsig_key key = {0};

	memcpy(key.name, name, name_len(name, NAME_MAX_LEN));
	return key;
}

static unsigned grants(const char *names, const char *types, const struct tsig_key *key,
                       struct grant out[static ACL_GRANTS_MAX])
{
	static const uint8_t zone[] = "\1x\7example";
	struct config_acl entry = {.update_names = strdup(names),
	                           .update_types = strdup(types)};
	const struct acl_rule rule = {.entry = &entry};
	unsigned count = acl_grants(&rule, zone, key, out);

	for (unsigned i = 0; i < count; i++)
		assert_true(name_equal(out[i].zone, zone));
	free(entry.update_names);
	free(entry.update_types);
	return count;
}

static void updates_are_of_all_or_of_what_is_named(void **state)
{
	struct grant g[ACL_GRANTS_MAX];

	(void)state;
	assert_int_equal(grants("", "", NULL, g), 0);
	assert_int_equal(acl_grants(&(struct acl_rule){0}, key_one, NULL, g), 0);
	assert_int_equal(grants("", "TXT AAAA", NULL, g), 1);
	assert_true(g[0].write);
	assert_string_equal(g[0].names, "");
	assert_int_equal(g[0].type_count, 2);
	assert_int_equal(g[0].types[0], RRTYPE_TXT);
	assert_int_equal(grants("*.dyn @", "", NULL, g), 1);
	assert_string_equal(g[0].names, "*.dyn @");
	assert_int_equal(g[0].type_count, 0);
}

static void self_is_the_name_that_is_the_keys(void **state)
{
	const struct tsig_key host = a_key((const uint8_t *)"\1h\3sub\1x\7example");
	const struct tsig_key apex = a_key((const uint8_t *)"\1x\7example");
	const struct tsig_key elsewhere = a_key((const uint8_t *)"\1h\1y\7example");
	const struct tsig_key asterisk = a_key((const uint8_t *)"\1*\1x\7example");
	struct grant g[ACL_GRANTS_MAX];

	(void)state;
	assert_int_equal(grants("self", "A", &host, g), 1);
	assert_true(g[0].write);
	assert_string_equal(g[0].names, "h.sub");
	assert_int_equal(g[0].type_count, 1);
	assert_int_equal(grants("self", "", &apex, g), 1);
	assert_string_equal(g[0].names, "@");
	assert_int_equal(grants("self *.dyn", "", &host, g), 2);
	assert_string_equal(g[0].names, "*.dyn");
	assert_string_equal(g[1].names, "h.sub");
	/* A key that has no name there may nothing. */
	const struct tsig_key *const none[] = {&elsewhere, &asterisk, NULL};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		assert_int_equal(grants("self", "", none[i], g), 1);
		assert_false(g[0].write);
		assert_int_equal(grants("self *.dyn", "", none[i], g), 1);
		assert_string_equal(g[0].names, "*.dyn");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_let_in_by_no_rule),
		cmocka_unit_test(a_rule_fits_when_all_that_it_names_does),
		cmocka_unit_test(the_first_that_fits_decides),
		cmocka_unit_test(without_a_judge_of_tls_no_rule_with_tls_fits),
		cmocka_unit_test(updates_are_of_all_or_of_what_is_named),
		cmocka_unit_test(self_is_the_name_that_is_the_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
