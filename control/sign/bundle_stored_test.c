/* Responses as values, and as items of the store. */
#include "control/sign/bundle_stored.h"

#include "control/access/actor.h"
#include "control/sign/bundle_testing.h"
#include "control/store/testing.h"

enum { ZONE = 7, OTHER = 8 };

static int begin_ring(void **state)
{
	(void)fresh_ring(state);
	return setup(state);
}

static struct bundles *some_response(void)
{
	return response_of(request_of(START, START + 20 * DAY), 2);
}

/* ---- values ---- */

static void value_comes_back_and_no_other_form_does(void **state)
{
	struct bundles *b = some_response();
	struct bundles *again = bundles_new(test_apex, BUNDLE_RESPONSE);
	size_t size;

	(void)state;
	for (size_t i = 0; i < b->count; i++) {
		uint8_t *value = bundle_encode(&b->list[i], &size);
		assert_int_equal(bundle_decode(value, size, b->list[i].from, again), 0);
		for (size_t len = 0; i == 1 && len < size; len++)
			assert_int_equal(
				bundle_decode(value, len, BUNDLE_TIME_MAX, again),
				ERR_CORRUPT);
		assert_int_equal(bundle_decode(value, size, b->list[i].from, again),
		                 ERR_CORRUPT);
		value[0]++;
		assert_int_equal(bundle_decode(value, size, BUNDLE_TIME_MAX, again),
		                 ERR_VERSION);
		free(value);
	}
	assert_same_bundles(b, again);
	bundles_free(&b);
	bundles_free(&again);
}

static void octets_that_are_no_value_are_refused(void **state)
{
	static const struct {
		size_t len;
		uint8_t bytes[40];
	} cases[] = {
		{0, {0}},
		/* no DNSKEY */
		{19, {1}},
		/* a TTL of what is not there */
		{30, {1, 0, 0, 0, 9, 1, 0, 0, 5, 1, 0, 3, 13, 1, 0, 0, 0, 1}},
		/* a signature of what is not there */
		{31, {1, 0, 0, 0, 9, 1, 0, 0, 5, 1, 0, 3, 13, 1, 0, 0, 0, 0, 0, 1}},
		/* too short for a DNSKEY */
		{24, {1, 0, 0, 0, 9, 1, 0, 0, 3, 1, 0, 3}},
		/* more behind it */
		{27, {1, 0, 0, 0, 9, 1, 0, 0, 5, 1, 0, 3, 13, 1}},
		/* a TTL beyond 2^31 */
		{26, {1, 128, 0, 0, 9, 1, 0, 0, 5, 1, 0, 3, 13, 1}},
	};
	static const uint8_t good[26] = {1, 0, 0, 0, 9, 1, 0, 0, 5, 1, 0, 3, 13, 1};
	struct bundles *b = bundles_new(test_apex, BUNDLE_RESPONSE);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(bundle_decode(cases[i].bytes, cases[i].len, START, b),
		                 ERR_CORRUPT);
	assert_int_equal(b->count, 0);
	assert_int_equal(bundle_decode(good, sizeof good, 0, b), ERR_CORRUPT);
	assert_int_equal(bundle_decode(good, sizeof good, START, b), 0);
	assert_int_equal(b->list[0].sets[BUNDLE_DNSKEY].ttl, 9);
	bundles_free(&b);
}

/* ---- in the store ---- */

/* Does what the commit thread does with items. */
static void write_change(const struct change *c)
{
	struct store_txn *t;

	assert_int_equal(store_begin_write(store, &t), 0);
	for (size_t i = 0; i < c->item_count; i++) {
		const struct item_change *x = &c->items[i];
		assert_int_equal(x->list, STORE_BUNDLE);
		if (x->value)
			assert_int_equal(store_item_put(t, x->list, x->key, x->key_len,
			                                x->value, x->size),
			                 0);
		else
			assert_int_equal(
				store_item_delete(t, x->list, x->key, x->key_len), 0);
	}
	assert_int_equal(store_commit(&t), 0);
}

/* response NULL: forget. */
static void change_store(uint32_t id, const struct bundles *response, uint64_t now)
{
	struct actor *somebody = actor_new(ACTOR_SELF, ROLE_ADMIN, "test");
	struct change *c = change_new(somebody);
	struct store_txn *t;

	assert_int_equal(store_begin_read(store, &t), 0);
	if (response)
		assert_int_equal(bundle_stored_change(c, t, id, response, now), 0);
	else
		assert_int_equal(bundle_stored_forget(c, t, id), 0);
	store_abort(&t);
	write_change(c);
	change_free(&c);
	actor_release(&somebody);
}

static struct bundles *stored(uint32_t id)
{
	struct bundles *b = NULL;
	struct store_txn *t;

	assert_int_equal(store_begin_read(store, &t), 0);
	assert_int_equal(bundle_stored_all(t, id, test_apex, &b), 0);
	store_abort(&t);
	return b;
}

static void response_is_stored_and_forgotten(void **state)
{
	struct bundles *b = some_response();
	struct bundles *got;

	(void)state;
	change_store(ZONE, b, START);
	change_store(OTHER, b, START);
	got = stored(ZONE);
	assert_same_bundles(got, b);
	bundles_free(&got);
	change_store(ZONE, NULL, START);
	got = stored(ZONE);
	assert_int_equal(got->count, 0);
	bundles_free(&got);
	got = stored(OTHER);
	assert_same_bundles(got, b);
	bundles_free(&got);
	bundles_free(&b);
}

/* Fails unless it gives one and, if there is any, the one behind it. */
static void assert_in_force(struct store_txn *t, uint64_t now, const struct bundles *of,
                            size_t which)
{
	size_t count = which + 1 < of->count ? 2 : 1;
	struct bundles *got;

	if (bundle_stored_at(t, ZONE, test_apex, now, &got) < 0) {
		fail_msg("there is none");
		return;
	}
	assert_int_equal(got->count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(got->list[i].from, of->list[which + i].from);
	bundles_free(&got);
}

static void bundle_in_force_is_found_with_the_next(void **state)
{
	struct bundles *b = some_response();
	struct bundles *got = NULL;
	struct store_txn *t;

	(void)state;
	change_store(ZONE - 1, b, START);
	change_store(ZONE, b, START);
	change_store(ZONE + 1, b, START);
	assert_int_equal(store_begin_read(store, &t), 0);
	assert_int_equal(bundle_stored_at(t, ZONE, test_apex, START - 1, &got),
	                 ERR_NOTFOUND);
	assert_int_equal(bundle_stored_at(t, ZONE + 2, test_apex, START, &got),
	                 ERR_NOTFOUND);
	for (size_t i = 0; i < b->count; i++) {
		bool last = i + 1 == b->count;
		assert_in_force(t, b->list[i].from, b, i);
		assert_in_force(t, last ? BUNDLE_FOREVER : b->list[i + 1].from - 1, b, i);
	}
	store_abort(&t);
	bundles_free(&b);
}

/* As a change will leave it. */
static void one_is_found_by_its_time(void **state)
{
	struct actor *somebody = actor_new(ACTOR_SELF, ROLE_ADMIN, "test");
	struct change *c = change_new(somebody);
	struct bundles *b = some_response();
	struct bundles *got = NULL;
	uint64_t from = b->list[1].from;
	struct store_txn *t;

	(void)state;
	assert_int_equal(store_begin_read(store, &t), 0);
	assert_int_equal(bundle_stored_change(c, t, ZONE, b, START), 0);
	assert_int_equal(bundle_stored_get(t, NULL, ZONE, test_apex, from, &got),
	                 ERR_NOTFOUND);
	assert_int_equal(bundle_stored_get(t, c, ZONE + 1, test_apex, from, &got),
	                 ERR_NOTFOUND);
	assert_int_equal(bundle_stored_get(t, c, ZONE, test_apex, from + 1, &got),
	                 ERR_NOTFOUND);
	assert_int_equal(bundle_stored_get(t, c, ZONE, test_apex, from, &got), 0);
	assert_true(got->count == 1 && got->list[0].from == from);
	bundles_free(&got);
	store_abort(&t);
	write_change(c);
	change_free(&c);

	c = change_new(somebody);
	assert_int_equal(store_begin_read(store, &t), 0);
	assert_int_equal(bundle_stored_get(t, NULL, ZONE, test_apex, from, &got), 0);
	assert_true(got->count == 1 && got->list[0].from == from);
	bundles_free(&got);
	assert_int_equal(bundle_stored_forget(c, t, ZONE), 0);
	assert_int_equal(bundle_stored_get(t, c, ZONE, test_apex, from, &got),
	                 ERR_NOTFOUND);
	store_abort(&t);
	change_free(&c);
	actor_release(&somebody);
	bundles_free(&b);
}

static void assert_times(const uint64_t *times, size_t count)
{
	struct bundles *got = stored(ZONE);

	assert_int_equal(got->count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(got->list[i].from, times[i]);
	bundles_free(&got);
}

/* The first has bundles after 0, 9, 10, 11 and 20 days. */
static void next_response_follows_the_one_in_force(void **state)
{
	static const uint64_t later[] = {START + 10 * DAY, START + 11 * DAY,
	                                 START + 15 * DAY, START + 24 * DAY,
	                                 START + 25 * DAY};
	static const uint64_t at_once[] = {START + 12 * DAY, START + 13 * DAY};
	struct bundles *b = some_response();

	(void)state;
	change_store(ZONE, b, START);
	bundles_free(&b);
	b = response_of(request_of(START + 15 * DAY, START + 25 * DAY), 1);
	change_store(ZONE, b, START + 10 * DAY + 5);
	bundles_free(&b);
	assert_times(later, ARRAY_LEN(later));
	b = response_of(request_of(START + 12 * DAY, START + 13 * DAY), 1);
	change_store(ZONE, b, START + 12 * DAY);
	assert_times(at_once, ARRAY_LEN(at_once));
	change_store(ZONE, b, START + 12 * DAY);
	assert_times(at_once, ARRAY_LEN(at_once));
	bundles_free(&b);
}

static void items_that_are_no_bundles_are_found(void **state)
{
	static const uint8_t key[] = {0, 0, 0, ZONE, 0, 0, 0, 0, 0, 0, 0, 1};
	struct bundles *b = NULL;
	struct store_txn *t;

	(void)state;
	for (size_t len = sizeof key - 1; len <= sizeof key; len++) {
		assert_int_equal(store_begin_write(store, &t), 0);
		assert_int_equal(store_item_put(t, STORE_BUNDLE, key, len, "?", 1), 0);
		assert_int_equal(bundle_stored_at(t, ZONE, test_apex, START, &b),
		                 len < sizeof key ? ERR_CORRUPT : ERR_VERSION);
		assert_int_equal(bundle_stored_all(t, ZONE, test_apex, &b),
		                 len < sizeof key ? ERR_CORRUPT : ERR_VERSION);
		store_abort(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(value_comes_back_and_no_other_form_does,
	                               fresh_ring),
		cmocka_unit_test(octets_that_are_no_value_are_refused),
		cmocka_unit_test_setup_teardown(response_is_stored_and_forgotten,
	                                        begin_ring, teardown),
		cmocka_unit_test_setup_teardown(bundle_in_force_is_found_with_the_next,
	                                        begin_ring, teardown),
		cmocka_unit_test_setup_teardown(one_is_found_by_its_time, begin_ring,
	                                        teardown),
		cmocka_unit_test_setup_teardown(next_response_follows_the_one_in_force,
	                                        begin_ring, teardown),
		cmocka_unit_test_setup_teardown(items_that_are_no_bundles_are_found,
	                                        begin_ring, teardown),
	};

	return cmocka_run_group_tests(tests, make_ring, free_ring);
}
