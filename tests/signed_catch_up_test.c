/*
 * A zone that others change while all of it is signed: what was signed catches up with what the zone has become when it
 * is committed, or is of no use any more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/sign/zone_contents.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/signing.h"

enum { NAMES = ZONE_SIGN_AT_ONCE + 10, LINE = 32, LITTLE = 100 };

static const char policies[] = "  - {name: p, algorithm: ED25519, csk: no}\n"
			       "  - {name: q, algorithm: ED25519, csk: no}\n"
			       "  - {name: h, algorithm: ED25519, nsec3: yes}\n";

static char *large;

static int make_text(void **state)
{
	size_t room = (size_t)(NAMES + 8) * LINE;
	size_t len;

	(void)state;
	large = calloc(1, room);
	assert_non_null(large);
	len = (size_t)snprintf(large, room,
	                       "@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\n"
	                       "ns 3600 A 192.0.2.1\n");
	for (unsigned i = 0; i < NAMES; i++)
		len += (size_t)snprintf(large + len, room - len, "h%u 60 A 192.0.2.1\n",
		                        i);
	return 0;
}

static int free_text(void **state)
{
	(void)state;
	free(large);
	return 0;
}

/* ---- the signing that is under way ---- */

static struct signing *s;
static struct step step;

/* Comes to where all is signed, and not committed. */
static void begin_signing(const char *policy)
{
	struct bulk_progress progress = {0};

	s = signing_open(policies);
	signing_load(s, large, policy);
	assert_int_equal(signing_step(s), STEP_CHANGE); /* the keys */
	signing_look(s, &step);
	assert_int_equal(step.outcome, STEP_SIGN);
	assert_int_equal(step_sign(&step, 1, &progress), 0);
}

static int finish_signing(void)
{
	struct change *c = step.change;

	step.change = NULL;
	s->committer.rrsets_signed = 0;
	int err = signing_commit(s, c, NULL);
	step_fini(&step);
	return err;
}

static void end(void)
{
	signing_close(s);
}

/* All of it is made anew once the zone rests. */
static void expect_stale(void)
{
	struct store_zone before = signing_stored(s);
	struct store_zone after;

	assert_int_equal(finish_signing(), ERR_STALE);
	after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
}

static void expect_done(const char *what)
{
	assert_int_equal(finish_signing(), 0);
	signing_expect_good(s, what, 64);
}

/* ---- what others do meanwhile ---- */

static struct edit *add_edit(struct change *c, struct zone_change *z, const char *owner,
                             enum edit_kind kind)
{
	uint8_t name[NAME_MAX_LEN];

	assert_true(name_from_text(owner, strlen(owner), signing_zone, name) > 0);
	return change_edit(c, z, kind, name, RRTYPE_A);
}

static void put_address(struct change *c, struct zone_change *z, const char *owner,
                        uint8_t last)
{
	const uint8_t address[] = {192, 0, 2, last};
	struct edit *e = add_edit(c, z, owner, EDIT_REPLACE);

	e->set_records = true;
	e->ttl = 60;
	assert_int_equal(change_edit_record(c, e, address, sizeof address, false), 0);
}

static void commit(struct change *c)
{
	assert_int_equal(signing_commit(s, c, NULL), 0);
}

static void put_one(const char *owner, uint8_t last)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_EDIT, &z);

	put_address(c, z, owner, last);
	commit(c);
}

static void put_many(unsigned count)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_EDIT, &z);
	char owner[LINE];

	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(owner, sizeof owner, "more%u", i);
		put_address(c, z, owner, 9);
	}
	commit(c);
}

static void remove_one(const char *owner)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_EDIT, &z);

	(void)add_edit(c, z, owner, EDIT_DELETE);
	commit(c);
}

static void load(struct contents *contents)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_CONTENTS, &z);

	z->contents = contents;
	commit(c);
}

/* Gives the last octet of an owner's address, or -1. */
static int address_of(const char *owner)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct store_txn *t;
	struct rrset set;
	int last = -1;

	assert_true(name_from_text(owner, strlen(owner), signing_zone, name) > 0);
	size_t len = name_to_key(name, sizeof signing_zone, key);
	uint32_t id = signing_stored(s).id;
	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	int err = store_rrset_get(t, id, key, len, RRTYPE_A, &set);
	if (err == 0)
		last = rrset_first_record(&set).bytes[3];
	else
		assert_int_equal(err, ERR_NOTFOUND);
	store_abort(&t);
	return last;
}

/* ---- cases ---- */

static void zone_that_rests_is_committed_as_it_was_signed(void **state)
{
	(void)state;
	begin_signing("p");
	expect_done("as it was");
	assert_true(s->committer.rrsets_signed <= 1); /* the SOA, whose serial rose */
	end();
}

static void edits_meanwhile_are_signed_when_it_is_committed(void **state)
{
	(void)state;
	begin_signing("p");
	put_one("h7", 77);
	put_one("aa", 78);
	remove_one("h8");
	expect_done("after edits");
	assert_int_equal(address_of("h7"), 77);
	assert_int_equal(address_of("aa"), 78);
	assert_int_equal(address_of("h8"), -1);
	assert_int_equal(address_of("h9"), 1);
	/* Only what they touched: data, and what links it. */
	assert_true(s->committer.rrsets_signed >= 5);
	assert_true(s->committer.rrsets_signed < 20);
	end();
}

static void edits_meanwhile_are_in_a_chain_of_hashes(void **state)
{
	(void)state;
	begin_signing("h");
	put_one("aa.bb", 78);
	remove_one("h8");
	expect_done("hashed");
	assert_int_equal(address_of("aa.bb"), 78);
	assert_int_equal(address_of("h8"), -1);
	end();
}

static void zone_that_becomes_smaller_is_caught_up_with(void **state)
{
	struct zone_change *z;
	char owner[LINE];

	(void)state;
	begin_signing("p");
	struct change *c = signing_change(ZONE_EDIT, &z);
	for (unsigned i = 0; i < LITTLE; i++) {
		(void)snprintf(owner, sizeof owner, "h%u", i);
		(void)add_edit(c, z, owner, EDIT_DELETE);
	}
	commit(c);
	expect_done("smaller");
	assert_int_equal(address_of("h0"), -1);
	end();
}

static void too_much_that_is_new_makes_it_stale(void **state)
{
	(void)state;
	begin_signing("p");
	put_many(ZONE_SIGN_AT_ONCE);
	expect_stale();
	signing_expect_bare(s);
	/* The next one finds it as it is. */
	signing_settle(s);
	signing_expect_good(s, "anew", 64);
	assert_int_equal(address_of("more0"), 9);
	end();
}

static void other_contents_make_it_stale(void **state)
{
	(void)state;
	begin_signing("p");
	load(signing_contents_of("@ 60 SOA ns host 99 1 1 1 60\n@ 60 NS ns\n"
	                         "ns 60 A 192.0.2.7\n"));
	expect_stale();
	signing_expect_bare(s);
	assert_int_equal(signing_stored(s).serial, 99);
	end();
}

static void zone_that_is_not_to_be_signed_any_more_makes_it_stale(void **state)
{
	(void)state;
	begin_signing("p");
	signing_attribute(s, "");
	expect_stale();
	signing_settle(s);
	signing_expect_bare(s);
	end();
}

static void another_policy_makes_it_stale(void **state)
{
	(void)state;
	begin_signing("p");
	signing_attribute(s, "q");
	expect_stale();
	signing_expect_bare(s);
	end();
}

/* Even if nothing but that has happened to the zone. */
static void signatures_of_others_make_it_stale(void **state)
{
	struct signing *other = signing_open(policies);

	(void)state;
	signing_load(other, large, "p");
	signing_settle(other);
	struct contents *c = signing_load_contents(other);
	signing_close(other);
	begin_signing("p");
	load(c);
	expect_stale();
	end();
}

static void zone_that_became_a_secondary_is_not_signed(void **state)
{
	struct zone_change *z;

	(void)state;
	begin_signing("p");
	struct change *c = signing_change(ZONE_EDIT, &z);
	z->attrs_set = UINT32_C(1) << ATTR_KIND;
	z->attrs.kind = ZONE_KIND_SECONDARY;
	commit(c);
	char why[64];
	c = step.change;
	step.change = NULL;
	assert_true(signing_commit(s, c, why) < 0);
	step_fini(&step);
	signing_expect_bare(s);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zone_that_rests_is_committed_as_it_was_signed),
		cmocka_unit_test(edits_meanwhile_are_signed_when_it_is_committed),
		cmocka_unit_test(edits_meanwhile_are_in_a_chain_of_hashes),
		cmocka_unit_test(zone_that_becomes_smaller_is_caught_up_with),
		cmocka_unit_test(too_much_that_is_new_makes_it_stale),
		cmocka_unit_test(other_contents_make_it_stale),
		cmocka_unit_test(zone_that_is_not_to_be_signed_any_more_makes_it_stale),
		cmocka_unit_test(another_policy_makes_it_stale),
		cmocka_unit_test(signatures_of_others_make_it_stale),
		cmocka_unit_test(zone_that_became_a_secondary_is_not_signed),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
