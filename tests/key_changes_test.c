/*
 * Changes of how a zone is signed, on their way through a commit: those that were made for what was before
 * somebody else's change come too late, and when the zone goes its keys go with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/sign/life_stored.h"
#include "control/sign/state.h"
#include "control/sign/stored.h"
#include "shared/err.h"
#include "tests/harness.h"

static const char zone_text[] = "@ 60 SOA ns h 7 1 1 1 60\n@ 60 NS ns\n";

static struct harness *with_zone(void)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "x.example", zone_text, NULL, NULL), 0);
	return h;
}

static struct change *a_change(enum zone_change_kind kind)
{
	uint8_t name[NAME_MAX_LEN];
	struct change *c = change_new(actor_self());

	harness_name("x.example", name);
	(void)change_zone(c, kind, name);
	return c;
}

static uint32_t zone_id(struct harness *h)
{
	uint8_t name[NAME_MAX_LEN];

	harness_name("x.example", name);
	return registry_find(h->committer.registry, name)->table.id;
}

static int run(struct harness *h, struct change *c)
{
	struct change_result r;
	struct commit_item item = {c, &r};

	assert_int_equal(commit_group(&h->committer, &item, 1), 1);
	change_free(&c);
	return r.err;
}

/* A key without a private half, of which `which` is told apart from others. */
static struct sign_stored some_key(uint8_t which)
{
	const struct life_key life = {.role = LIFE_ZSK, .algorithm = SIGN_ED25519};
	struct sign_stored s = {.dnskey_len = DNSKEY_HEADER + 32,
	                        .dnskey = {1, 0, 3, SIGN_ED25519, which}};

	life_key_put(&life, &s);
	return s;
}

static int put_key(struct harness *h, uint32_t number, uint8_t which)
{
	struct change *c = a_change(ZONE_EDIT);
	const struct sign_stored s = some_key(which);

	sign_stored_change(c, zone_id(h), number, &s);
	return run(h, c);
}

static int put_state(struct harness *h, uint64_t version)
{
	struct change *c = a_change(ZONE_EDIT);
	const struct sign_state s = {.version = version};

	sign_state_change(c, zone_id(h), &s);
	return run(h, c);
}

static int count_one(const struct sign_stored_item *i, void *arg)
{
	(void)i;
	++*(unsigned *)arg;
	return 0;
}

static unsigned count_keys(struct harness *h)
{
	unsigned count = 0;
	struct store_txn *t;

	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(sign_stored_each(t, 0, count_one, &count), 0);
	store_abort(&t);
	return count;
}

static void number_of_a_key_is_no_others(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	assert_int_equal(put_key(h, 1, 1), 0);
	assert_int_equal(put_key(h, 1, 2), ERR_STALE);
	assert_int_equal(put_key(h, 1, 1), 0);
	assert_int_equal(put_key(h, 2, 2), 0);
	assert_int_equal(count_keys(h), 2);
	harness_close(h);
}

static void key_for_unsigned_zone_is_too_late_once_it_is_signed(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	assert_int_equal(put_state(h, 1), 0);
	assert_int_equal(put_key(h, 1, 1), ERR_STALE);
	assert_int_equal(count_keys(h), 0);
	harness_close(h);
}

static void version_that_does_not_follow_is_stale(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	assert_int_equal(put_state(h, 2), ERR_STALE);
	assert_int_equal(put_state(h, 1), 0);
	assert_int_equal(put_state(h, 1), ERR_STALE);
	assert_int_equal(put_state(h, 3), ERR_STALE);
	assert_int_equal(put_state(h, 2), 0);
	harness_close(h);
}

static void keys_go_with_their_zone_signed_or_not(void **unused)
{
	struct harness *h = with_zone();

	(void)unused;
	assert_int_equal(put_key(h, 1, 1), 0);
	assert_int_equal(run(h, a_change(ZONE_REMOVE)), 0);
	assert_int_equal(count_keys(h), 0);
	assert_int_equal(harness_load(h, "x.example", zone_text, NULL, NULL), 0);
	assert_int_equal(put_key(h, 1, 1), 0);
	assert_int_equal(put_state(h, 1), 0);
	assert_int_equal(run(h, a_change(ZONE_REMOVE)), 0);
	assert_int_equal(count_keys(h), 0);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_of_a_key_is_no_others),
		cmocka_unit_test(key_for_unsigned_zone_is_too_late_once_it_is_signed),
		cmocka_unit_test(version_that_does_not_follow_is_stale),
		cmocka_unit_test(keys_go_with_their_zone_signed_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
