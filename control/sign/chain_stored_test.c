#include "control/sign/chain.h"
#include "control/sign/chain_testing.h"

static int compare_keys(const void *left, const void *right)
{
	const struct chain_key *a = left;
	const struct chain_key *b = right;

	return name_key_compare(a->bytes, a->len, b->bytes, b->len);
}

/* Gives the keys of all links, in order; malloced. */
static struct chain_key *all_links(size_t *count)
{
	struct chain_key *keys = memory_get(f.zone.rrsets * sizeof *keys);
	struct store_cursor *c;
	struct store_entry e;

	*count = 0;
	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &c), 0);
	while (store_cursor_next(c, &e) == 0)
		if (e.set.type == RRTYPE_NSEC3 || e.set.type == RRTYPE_NSEC)
			chain_key_set(&keys[(*count)++], e.key, e.key_len);
	store_cursor_close(&c);
	return keys;
}

static void expect_before(const struct chain_key *k, const struct chain_key *keys,
                          size_t count, const struct chain_stored *s)
{
	struct chain_key found;
	size_t at = 0;

	while (at < count && compare_keys(&keys[at], k) < 0)
		at++;
	const struct chain_key *expected = &keys[at ? at - 1 : count - 1];
	assert_int_equal(chain_stored_before(s, k, &found), 0);
	assert_int_equal(found.len, expected->len);
	assert_memory_equal(found.bytes, expected->bytes, found.len);
}

/* Every link itself, and hashes all over, with some at either end. */
static void expect_all_before(void)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	struct chain c = {.params = &f.params, .apex = zone_name};
	struct chain_stored s = {.chain = &c, .txn = f.txn, .zone = &f.zone};
	struct chain_key k;
	size_t count;
	struct chain_key *keys = all_links(&count);

	c.apex_len = sizeof zone_name;
	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &s.cursor), 0);
	for (size_t i = 0; i < count; i++)
		expect_before(&keys[i], keys, count, &s);
	k.len = 33;
	k.bytes[32] = 0;
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned j = 0; j < 32; j++)
			k.bytes[j] = (uint8_t)digits[i == 0 ? 0 : i == 1 ? 31 : pick(32)];
		expect_before(&k, keys, count, &s);
	}
	store_cursor_close(&s.cursor);
	free(keys);
}

/* Names that stand between two hashes that are next to each other. */
static void a_crowd_of_names_is_no_obstacle(void **state)
{
	char text[64];

	(void)state;
	begin_zone((struct chain_params){.kind = CHAIN_NSEC3});
	for (unsigned i = 0; i < 600; i++) {
		(void)snprintf(text, sizeof text, "host%u", i);
		put(text, RRTYPE_A);
		put(text, RRTYPE_TXT);
	}
	apply_whole();
	expect_all_before();
}

/* Many names, and few that have a link; among them names that look like hashes. */
static void few_links_among_many_names_are_found(void **state)
{
	char text[64];

	(void)state;
	begin_zone((struct chain_params){.kind = CHAIN_NSEC3, .opt_out = true});
	for (unsigned i = 0; i < 600; i++) {
		(void)snprintf(text, sizeof text, "%08x%08x%08x%08x", pick(1U << 31), i,
		               i, i);
		put(text, RRTYPE_NS);
		if (i % 100 == 0)
			put(text, RRTYPE_DS);
		(void)snprintf(text, sizeof text, "%c%u.example.", 'a' + (int)pick(22),
		               i);
		put(text, RRTYPE_NS);
	}
	apply_whole();
	expect_all_before();
	/* And in the end only the apex. */
	take_away(0);
	apply_whole();
	expect_all_before();
}

/* Of NSEC: links are found past names that have none. */
static void what_is_below_delegations_is_no_link(void **state)
{
	static const char *const names[] = {"b",     "a.m", "ns.m", "z.a.ns.m",
	                                    "z.z.m", "n",   "zz"};
	struct chain c = {.params = &f.params, .apex = zone_name};
	struct chain_stored s = {.chain = &c, .txn = f.txn, .zone = &f.zone};
	struct chain_key *keys;
	size_t count;

	(void)state;
	begin_zone((struct chain_params){.kind = CHAIN_NSEC});
	put("m", RRTYPE_NS);
	put("ns.m", RRTYPE_A);
	put("ns.m", RRTYPE_NS);
	put("y.ns.m", RRTYPE_A);
	put("y.z.m", RRTYPE_A);
	apply_whole();
	keys = all_links(&count);
	assert_int_equal(count, 4);
	s.txn = f.txn;
	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &s.cursor), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct chain_key k = key_of(names[i]);

		expect_before(&k, keys, count, &s);
	}
	store_cursor_close(&s.cursor);
	free(keys);
}

static void keys_that_are_no_hashes_are_refused(void **state)
{
	struct chain c = {.params = &f.params, .apex = zone_name};
	struct chain_stored s = {.chain = &c, .zone = &f.zone};
	struct chain_key k = key_of("www");
	struct chain_key found;

	(void)state;
	begin_zone((struct chain_params){.kind = CHAIN_NSEC3});
	s.txn = f.txn;
	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &s.cursor), 0);
	assert_int_equal(chain_stored_before(&s, &k, &found), ERR_INVALID);
	k = key_of("w0000000000000000000000000000000"); /* w is no digit */
	assert_int_equal(chain_stored_before(&s, &k, &found), ERR_INVALID);
	store_cursor_close(&s.cursor);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, end_and_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_crowd_of_names_is_no_obstacle),
		TEST(few_links_among_many_names_are_found),
		TEST(what_is_below_delegations_is_no_link),
		TEST(keys_that_are_no_hashes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
