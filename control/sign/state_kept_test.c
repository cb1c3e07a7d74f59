#include <string.h>

#include "control/access/actor.h"
#include "control/sign/state.h"
#include "control/store/testing.h"
#include "shared/err.h"
#include "shared/wire.h"

/* Of all fields another value, and none that is nought. */
static struct sign_state full(void)
{
	struct sign_state s = {
		.version = UINT64_C(0x0102030405060708),
		.policy = "careful",
		.leaving = true,
		.chain = {.kind = CHAIN_NSEC3,
	                  .opt_out = true,
	                  .iterations = 513,
	                  .salt_len = 3,
	                  .salt = {7, 8, 9}},
		.periods = {.validity = 1209600,
	                    .jitter = 43200,
	                    .refresh = 432000,
	                    .skew = 3600},
		.dnskey_validity = 864000,
		.dnskey_ttl = 7200,
	};

	for (size_t i = 0; i < LIFE_KINDS; i++)
		s.ttl[i] = (struct life_ttl){.ttl = 60 + (uint32_t)i,
		                             .older = 600 + (uint32_t)i,
		                             .until = UINT64_C(1) << (33 + i)};
	return s;
}

static void expect_same(const struct sign_state *a, const struct sign_state *b)
{
	assert_true(a->version == b->version);
	assert_string_equal(a->policy, b->policy);
	assert_int_equal(a->leaving, b->leaving);
	assert_int_equal(a->chain.kind, b->chain.kind);
	assert_int_equal(a->chain.opt_out, b->chain.opt_out);
	assert_int_equal(a->chain.iterations, b->chain.iterations);
	assert_int_equal(a->chain.salt_len, b->chain.salt_len);
	assert_memory_equal(a->chain.salt, b->chain.salt, sizeof a->chain.salt);
	assert_memory_equal(&a->periods, &b->periods, sizeof a->periods);
	assert_int_equal(a->dnskey_validity, b->dnskey_validity);
	assert_int_equal(a->dnskey_ttl, b->dnskey_ttl);
	for (size_t i = 0; i < LIFE_KINDS; i++) {
		assert_int_equal(a->ttl[i].ttl, b->ttl[i].ttl);
		assert_int_equal(a->ttl[i].older, b->ttl[i].older);
		assert_true(a->ttl[i].until == b->ttl[i].until);
	}
}

/* ---- octets ---- */

static void what_is_encoded_is_decoded(void **state)
{
	uint8_t bytes[SIGN_STATE_SIZE];
	struct sign_state out;
	struct sign_state s = full();

	(void)state;
	size_t size = sign_state_encode(&s, bytes);
	assert_int_equal(sign_state_decode(bytes, size, &out), 0);
	expect_same(&out, &s);
	s = (struct sign_state){0};
	size = sign_state_encode(&s, bytes);
	assert_int_equal(sign_state_decode(bytes, size, &out), 0);
	expect_same(&out, &s);
}

static void longest_state_has_room(void **state)
{
	uint8_t bytes[SIGN_STATE_SIZE];
	struct sign_state s = full();
	struct sign_state out;

	(void)state;
	memset(s.policy, 'x', sizeof s.policy - 1);
	s.chain.salt_len = UINT8_MAX;
	memset(s.chain.salt, 5, sizeof s.chain.salt);
	size_t size = sign_state_encode(&s, bytes);
	assert_true(size <= sizeof bytes);
	assert_int_equal(sign_state_decode(bytes, size, &out), 0);
	expect_same(&out, &s);
}

/* From an exact allocation: a sanitizer sees what is read beyond it. */
static int decode(const uint8_t *bytes, size_t size)
{
	struct sign_state out;
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	int err = sign_state_decode(copy, size, &out);
	free(copy);
	return err;
}

static void truncated_and_lengthened_states_are_corrupt(void **state)
{
	uint8_t bytes[SIGN_STATE_SIZE + 1] = {0};
	struct sign_state s = full();

	(void)state;
	size_t size = sign_state_encode(&s, bytes);
	for (size_t i = 0; i < size; i++)
		if (decode(bytes, i) != ERR_CORRUPT)
			fail_msg("%zu octets of %zu are taken", i, size);
	assert_int_equal(decode(bytes, size + 1), ERR_CORRUPT);
	assert_int_equal(decode(bytes, size), 0);
}

static void other_versions_and_chains_are_refused(void **state)
{
	uint8_t bytes[SIGN_STATE_SIZE];
	struct sign_state s = full();

	(void)state;
	size_t size = sign_state_encode(&s, bytes);
	bytes[0]++;
	assert_int_equal(decode(bytes, size), ERR_VERSION);
	s.chain.kind = (enum chain_kind)(CHAIN_NSEC3 + 1);
	size = sign_state_encode(&s, bytes);
	assert_int_equal(decode(bytes, size), ERR_CORRUPT);
}

/* ---- store and changes ---- */

static void put(uint32_t zone, const void *value, size_t size)
{
	struct store_txn *t = begin_write();
	uint8_t key[4];

	wire_store32(key, zone);
	assert_int_equal(store_item_put(t, STORE_SIGNING, key, sizeof key, value, size),
	                 0);
	commit(t);
}

static void put_state(uint32_t zone, uint64_t version)
{
	uint8_t bytes[SIGN_STATE_SIZE];
	struct sign_state s = full();

	s.version = version;
	put(zone, bytes, sign_state_encode(&s, bytes));
}

static void zones_without_one_are_not_signed(void **state)
{
	struct sign_state out;
	struct store_txn *t;

	(void)state;
	put_state(7, 1);
	t = begin_read();
	assert_int_equal(sign_state_get(t, 6, &out), ERR_NOTFOUND);
	assert_int_equal(sign_state_get(t, 7, &out), 0);
	assert_int_equal(out.version, 1);
	store_abort(&t);
}

static int list(uint32_t zone, const struct sign_state *s, void *arg)
{
	uint32_t *last = arg;

	assert_true(zone > *last);
	assert_int_equal(s->version, zone + 1);
	*last = zone;
	return zone == 256 ? 42 : 0;
}

static void all_are_given_by_rising_id(void **state)
{
	static const uint32_t ids[] = {256, 1, 255, 2};
	struct store_txn *t;
	uint32_t last = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		put_state(ids[i], ids[i] + 1);
	put_state(1000, 1);
	t = begin_read();
	assert_int_equal(sign_state_each(t, list, &last), 42); /* handed through */
	assert_int_equal(last, 256);
	store_abort(&t);
}

static void corrupt_state_is_said(void **state)
{
	struct sign_state out;
	struct store_txn *t;
	uint32_t last = 0;

	(void)state;
	put(3, "x", 1);
	t = begin_read();
	assert_int_equal(sign_state_get(t, 3, &out), ERR_VERSION);
	assert_int_equal(sign_state_each(t, list, &last), ERR_VERSION);
	store_abort(&t);
	put(3, "\1", 1);
	t = begin_read();
	assert_int_equal(sign_state_get(t, 3, &out), ERR_CORRUPT);
	store_abort(&t);
}

static void change_says_what_will_be(void **state)
{
	struct change *c = change_new(actor_self());
	struct sign_state s = full();
	struct sign_state out;
	struct store_txn *t;

	(void)state;
	put_state(7, 1);
	t = begin_read();
	assert_int_equal(sign_state_item(c, 7, &out), ERR_NOTFOUND);
	assert_int_equal(sign_state_after(t, 7, c, &out), 0);
	assert_int_equal(out.version, 1);
	s.version = 2;
	sign_state_change(c, 7, &s);
	assert_int_equal(sign_state_item(c, 7, &out), 0);
	assert_int_equal(out.version, 2);
	assert_int_equal(sign_state_after(t, 7, c, &out), 0);
	assert_int_equal(out.version, 2);
	assert_int_equal(sign_state_item(c, 8, &out), ERR_NOTFOUND);
	assert_int_equal(sign_state_after(t, 8, c, &out), ERR_NOTFOUND);
	store_abort(&t);
	change_free(&c);
}

/* The last word counts, also where it takes away. */
static void change_may_take_it_away(void **state)
{
	struct change *c = change_new(actor_self());
	struct sign_state s = full();
	struct sign_state out;
	struct store_txn *t;

	(void)state;
	put_state(7, 1);
	t = begin_read();
	sign_state_change(c, 7, &s);
	sign_state_change(c, 7, NULL);
	assert_int_equal(sign_state_item(c, 7, &out), ERR_NOTFOUND);
	assert_int_equal(sign_state_after(t, 7, c, &out), ERR_NOTFOUND);
	sign_state_change(c, 7, &s);
	assert_int_equal(sign_state_after(t, 7, c, &out), 0);
	assert_true(out.version == s.version);
	store_abort(&t);
	change_free(&c);
}

#define WITH_STORE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(longest_state_has_room),
		cmocka_unit_test(truncated_and_lengthened_states_are_corrupt),
		cmocka_unit_test(other_versions_and_chains_are_refused),
		WITH_STORE(zones_without_one_are_not_signed),
		WITH_STORE(all_are_given_by_rising_id),
		WITH_STORE(corrupt_state_is_said),
		WITH_STORE(change_says_what_will_be),
		WITH_STORE(change_may_take_it_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
