/*
 * Contents of a zone that is signed here are signed before they come to the commit thread (control/presign.h), which then has
 * next to nothing left to sign. Where that cannot be done nothing is said, and the commit speaks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/presign.h"
#include "control/sign/zone_contents.h"
#include "shared/err.h"
#include "tests/signing.h"

enum { NAMES = ZONE_SIGN_AT_ONCE + 10, LINE = 32, SERIAL = 99 };

static const char policies[] = "  - {name: p, algorithm: ED25519, csk: no}\n";

static const char small[] = "@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\n"
			    "ns 3600 A 192.0.2.1\n";

static char *large;
static struct signing *s;

/* ---- of an engine there is what it is asked for ---- */

/* NOLINTBEGIN(readability-identifier-naming): they are called so */
struct store *__wrap_engine_store(struct engine *e);
struct sign_secrets *__wrap_engine_secrets(struct engine *e);
const struct config *__wrap_engine_config(struct engine *e);

struct store *__wrap_engine_store(struct engine *e)
{
	(void)e;
	return s->committer.store;
}

struct sign_secrets *__wrap_engine_secrets(struct engine *e)
{
	(void)e;
	return s->committer.secrets;
}

const struct config *__wrap_engine_config(struct engine *e)
{
	(void)e;
	return config_hold(s->config);
}
/* NOLINTEND(readability-identifier-naming) */

/* ---- contents ---- */

static int make_text(void **state)
{
	size_t room = (size_t)(NAMES + 8) * LINE;
	size_t len;

	(void)state;
	large = calloc(1, room);
	assert_non_null(large);
	len = (size_t)snprintf(large, room,
	                       "@ 3600 SOA ns host %d 3600 600 86400 300\n@ 3600 NS ns\n"
	                       "ns 3600 A 192.0.2.1\n",
	                       SERIAL);
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

static int begin(void **state)
{
	(void)state;
	s = signing_open(policies);
	signing_load(s, small, "p");
	signing_settle(s);
	signing_expect_good(s, "at first", 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	signing_close(s);
	return 0;
}

static size_t count_signed(const struct contents *c)
{
	size_t count = 0;
	struct rrset set;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		count += set.sig_count > 0;
	}
	return count;
}

static uint64_t signing_version(void)
{
	uint32_t id = signing_stored(s).id;
	struct sign_state state;
	struct store_txn *t;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(sign_state_get(t, id, &state), 0);
	store_abort(&t);
	return state.version;
}

static struct change *replace(const char *text, struct zone_change **z)
{
	struct change *c = signing_change(ZONE_CONTENTS, z);

	(*z)->contents = signing_contents_of(text);
	return c;
}

/* Gives how many RRsets the commit signed. */
static uint64_t commit(struct change *c)
{
	uint64_t before = s->committer.rrsets_signed;

	assert_int_equal(signing_commit(s, c, NULL), 0);
	return s->committer.rrsets_signed - before;
}

static void expect_left_alone(const uint8_t *name, const char *text)
{
	struct contents *c = signing_contents_of(text);
	size_t before = c->count;

	assert_int_equal(presign(NULL, name, c), 0);
	assert_int_equal(count_signed(c), 0);
	assert_int_equal(c->count, before);
	contents_free(c);
}

/* ---- cases ---- */

static void commit_has_no_more_than_the_serial_to_sign(void **state)
{
	struct zone_change *z;
	struct change *c = replace(large, &z);

	(void)state;
	presign_change(NULL, c);
	assert_int_equal(z->signed_by, signing_version());
	assert_true(count_signed(z->contents) > NAMES);
	assert_true(commit(c) <= 1);
	assert_int_equal(signing_stored(s).serial, SERIAL);
	signing_expect_good(s, "presigned", 64);
}

static void contents_that_were_not_signed_before_are_by_the_commit(void **state)
{
	struct zone_change *z;

	(void)state;
	assert_true(commit(replace(large, &z)) > NAMES);
	signing_expect_good(s, "at once", 64);
}

static void little_is_left_to_the_commit(void **state)
{
	(void)state;
	expect_left_alone(signing_zone, small);
}

static void zone_that_is_not_there_is_left_alone(void **state)
{
	(void)state;
	expect_left_alone((const uint8_t *)"\5other", large);
}

static void zone_that_is_not_signed_here_is_left_alone(void **state)
{
	(void)state;
	signing_close(s);
	s = signing_open(policies);
	signing_load(s, small, NULL);
	expect_left_alone(signing_zone, large);
	/* Nor one that is to be signed, and is not so far. */
	signing_attribute(s, "p");
	expect_left_alone(signing_zone, large);
}

static void commit_speaks_of_keys_that_cannot_be_opened(void **state)
{
	struct zone_change *z;
	struct change *c = replace(large, &z);
	char away[sizeof s->secret + 8];
	char why[64];

	(void)state;
	(void)snprintf(away, sizeof away, "%s.away", s->secret);
	assert_int_equal(rename(s->secret, away), 0);
	signing_reopen(s);
	presign_change(NULL, c);
	assert_int_equal(z->signed_by, 0);
	assert_int_equal(count_signed(z->contents), 0);
	assert_int_equal(signing_commit(s, c, why), ERR_REFUSED);
	assert_string_equal(why, "keys");
}

static void what_is_signed_is_not_signed_twice(void **state)
{
	struct zone_change *z;
	struct change *c = replace(large, &z);

	(void)state;
	z->signed_by = 12345;
	presign_change(NULL, c);
	assert_int_equal(z->signed_by, 12345);
	assert_int_equal(count_signed(z->contents), 0);
	change_free(&c);
}

static void changes_without_contents_are_none_of_it(void **state)
{
	static const enum zone_change_kind kinds[] = {ZONE_EDIT, ZONE_REMOVE, ZONE_UPDATE,
	                                              ZONE_CONTENTS};
	struct change *c = change_new(actor_self());

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		(void)change_zone(c, kinds[i], signing_zone);
	presign_change(NULL, c);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		assert_int_equal(c->zones[i].signed_by, 0);
	change_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commit_has_no_more_than_the_serial_to_sign),
		TEST(contents_that_were_not_signed_before_are_by_the_commit),
		TEST(little_is_left_to_the_commit),
		TEST(zone_that_is_not_there_is_left_alone),
		TEST(zone_that_is_not_signed_here_is_left_alone),
		TEST(commit_speaks_of_keys_that_cannot_be_opened),
		TEST(what_is_signed_is_not_signed_twice),
		TEST(changes_without_contents_are_none_of_it),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
