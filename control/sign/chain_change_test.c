#include "control/sign/chain.h"
#include "control/sign/chain_testing.h"

enum { STEPS = 2500 }; /* of each random walk */

/* ---- a random walk ---- */

/* Few names, so that they meet: at the apex, below delegations, above nothing, hashes as labels. */
static struct chain_key random_name(void)
{
	static const char *const labels[] = {"a",
	                                     "b",
	                                     "c",
	                                     "*",
	                                     "\\000",
	                                     "\\001",
	                                     "\\255",
	                                     "ns",
	                                     "00000000000000000000000000000000",
	                                     "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
	                                     "h\\000",
	                                     "zz"};
	char text[NAME_TEXT_MAX] = "";
	unsigned depth = pick(9) < 1 ? 0 : 1 + pick(4);

	if (depth == 0)
		return key_of("example.");
	for (unsigned i = 0; i < depth; i++) {
		unsigned range = i + 1 == depth ? ARRAY_LEN(labels) : 4;
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof text - len, "%s%s", i ? "." : "",
		               labels[pick(range)]);
	}
	return key_of(text);
}

static void random_edit(void)
{
	static const uint16_t types[] = {
		RRTYPE_A,  RRTYPE_A,  RRTYPE_TXT, RRTYPE_NS,   RRTYPE_NS,     RRTYPE_NS,
		RRTYPE_DS, RRTYPE_DS, RRTYPE_MX,  RRTYPE_SRV,  RRTYPE_DNSKEY, 65280,
		RRTYPE_DS, RRTYPE_NS, RRTYPE_TXT, RRTYPE_DNAME};
	struct chain_key k = random_name();
	uint16_t type = types[pick((unsigned)ARRAY_LEN(types) - (pick(8) > 0))];

	if (pick(2))
		edit_key(k.bytes, k.len, type, NULL, 0);
	else
		put_of(&k, type, pick(16) == 0);
}

static void random_edits(uint32_t serial)
{
	unsigned edits = pick(12) ? 1 + pick(4) : pick(120);

	if (pick(60) == 0)
		take_away(12);
	for (unsigned i = 0; i < edits; i++)
		random_edit();
	put_soa(TTL, serial, MINIMUM);
}

static size_t stored_rrsets(void)
{
	struct store_cursor *c;
	struct store_entry e;
	size_t n = 0;

	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &c), 0);
	while (store_cursor_next(c, &e) == 0)
		n++;
	store_cursor_close(&c);
	return n;
}

static void walk(struct chain_params params, uint64_t seed)
{
	struct chain_sets changed;
	struct chain_sets whole;
	size_t total = 0;

	begin(seed);
	f.params = params;
	put_soa(TTL, 0, MINIMUM);
	put("example.", RRTYPE_NS);
	apply_whole();
	for (uint32_t step = 1; step <= STEPS; step++) {
		random_edits(step);
		int err = chain_change(&f.view, &f.params, f.arena, &changed);
		if (err != 0)
			fail_msg("step %u: %s", step, err_text(err));
		assert_int_equal(chain_rebuild(&f.view, &f.params, f.arena, &whole), 0);
		expect_same(&changed, &whole);
		total += changed.count;
		apply(&changed);
	}
	assert_int_equal(stored_rrsets(), f.zone.rrsets);
	assert_true(total > STEPS);
	end();
}

static void nsec_follows_any_change(void **state)
{
	(void)state;
	walk((struct chain_params){.kind = CHAIN_NSEC}, 88172645463325252U);
	walk((struct chain_params){.kind = CHAIN_NSEC}, 3);
}

static void nsec3_follows_any_change(void **state)
{
	(void)state;
	walk((struct chain_params){.kind = CHAIN_NSEC3}, 88172645463325252U);
	walk((struct chain_params){.kind = CHAIN_NSEC3,
	                           .iterations = 3,
	                           .salt_len = 2,
	                           .salt = {1, 2}},
	     5);
}

static void nsec3_with_opt_out_follows_any_change(void **state)
{
	(void)state;
	walk((struct chain_params){.kind = CHAIN_NSEC3, .opt_out = true},
	     88172645463325252U);
	walk((struct chain_params){.kind = CHAIN_NSEC3, .opt_out = true}, 7);
}

/* ---- single changes ---- */

static const struct chain_params nsec = {.kind = CHAIN_NSEC};
static const struct chain_params nsec3 = {.kind = CHAIN_NSEC3};
static const struct chain_params opt_out = {.kind = CHAIN_NSEC3, .opt_out = true};

/* Gives how many RRsets of the chain change, and applies it all. */
static size_t changes(void)
{
	struct chain_sets sets;

	assert_int_equal(chain_change(&f.view, &f.params, f.arena, &sets), 0);
	apply(&sets);
	return sets.count;
}

static void what_comes_and_goes_costs_its_own_link_and_one_before(void **state)
{
	static const struct chain_params *const kinds[] = {&nsec, &nsec3};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		begin_zone(*kinds[i]);
		put("b", RRTYPE_A);
		assert_int_equal(changes(), 2);
		gone("b", RRTYPE_A);
		put_soa(TTL, 2, MINIMUM);
		assert_int_equal(changes(), 2);
		put("m", RRTYPE_TXT);
		assert_int_equal(changes(), 1);
		end();
	}
}

static void records_and_serials_change_no_chain(void **state)
{
	uint8_t blob[RRSET_HEADER + sizeof(uint16_t) + 1];
	const struct rrset head = {.count = 1, .ttl = 7};
	struct chain_key k = key_of("m");

	(void)state;
	begin_zone(nsec);
	put_soa(TTL, 2, MINIMUM);
	rrset_write_header(blob, &head);
	(void)rrset_write_rdata(blob + RRSET_HEADER, (const uint8_t *)"x", 1);
	edit_key(k.bytes, k.len, RRTYPE_A, blob, sizeof blob);
	assert_int_equal(changes(), 0);
}

static void insecure_delegations_are_opted_out(void **state)
{
	(void)state;
	begin_zone(opt_out);
	put("deep.below.cut", RRTYPE_NS);
	put("ns.deep.below.cut", RRTYPE_A);
	assert_int_equal(changes(), 0);
	put("deep.below.cut", RRTYPE_DS);
	size_t came = changes(); /* three names, and as many before them at most */
	assert_in_range(came, 4, 6);
	gone("deep.below.cut", RRTYPE_DS);
	assert_int_equal(changes(), came);
}

static void a_delegation_hides_what_is_below_it_from_nsec(void **state)
{
	(void)state;
	begin_zone(nsec);
	put("x.m", RRTYPE_A);
	put("y.x.m", RRTYPE_A);
	assert_int_equal(changes(), 3);
	put("m", RRTYPE_NS);
	assert_int_equal(changes(), 3);
	put("w.m", RRTYPE_A);
	assert_int_equal(changes(), 0);
	gone("m", RRTYPE_NS);
	assert_int_equal(changes(), 4);
}

/* ---- refused ---- */

static void expect_refused(const struct chain_params *p)
{
	struct chain_sets sets;

	assert_int_equal(chain_change(&f.view, p, f.arena, &sets), ERR_INVALID);
}

static void another_chain_is_not_changed(void **state)
{
	static const struct chain_params salted = {
		.kind = CHAIN_NSEC3, .salt_len = 1, .salt = {1}};
	static const struct chain_params iterated = {.kind = CHAIN_NSEC3,
	                                             .iterations = 1};
	static const struct chain_params none = {.kind = CHAIN_NONE};

	(void)state;
	begin_zone(nsec3);
	put("b", RRTYPE_A);
	expect_refused(&nsec);
	expect_refused(&salted);
	expect_refused(&iterated);
	expect_refused(&opt_out);
	expect_refused(&none);
	assert_int_equal(changes(), 2);
	end();
	begin_zone(nsec);
	expect_refused(&nsec3);
	end();
	begin_zone(none);
	expect_refused(&nsec);
	expect_refused(&nsec3);
}

static void another_ttl_takes_the_whole_chain(void **state)
{
	struct chain_sets sets;

	(void)state;
	begin_zone(nsec3);
	put_soa(TTL, 2, MINIMUM + 1);
	expect_refused(&nsec3);
	assert_int_equal(chain_rebuild(&f.view, &nsec3, f.arena, &sets), 0);
	assert_int_equal(sets.count, 5);
	for (size_t i = 0; i < sets.count; i++)
		assert_true(sets.sets[i].size && sets.sets[i].before_size);
	new_view();
	put_soa(TTL * 2, 2, MINIMUM);
	assert_int_equal(changes(), 0);
	put_soa(MINIMUM - 1, 3, MINIMUM);
	expect_refused(&nsec3);
}

static void change_within_a_chain_has_its_ttl(void **state)
{
	static const struct chain_params *const kinds[] = {&nsec, &nsec3};
	struct chain_sets sets;
	struct rrset set;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		begin_zone(*kinds[i]);
		put_soa(TTL, 2, MINIMUM + 1);
		assert_int_equal(chain_change_within(&f.view, kinds[i], f.arena, &sets),
		                 0);
		assert_int_equal(sets.count, 0);
		put("b", RRTYPE_A);
		assert_int_equal(chain_change_within(&f.view, kinds[i], f.arena, &sets),
		                 0);
		assert_int_equal(sets.count, 2);
		for (size_t n = 0; n < sets.count; n++) {
			const struct overlay_set *one = &sets.sets[n];
			assert_int_equal(
				rrset_open(one->type, one->blob, one->size, &set), 0);
			assert_int_equal(set.ttl, MINIMUM);
		}
		assert_int_equal(chain_change_within(&f.view, kinds[!i], f.arena, &sets),
		                 ERR_INVALID);
		end();
	}
}

static void a_zone_without_soa_is_refused(void **state)
{
	struct chain_sets sets;

	(void)state;
	begin_zone(nsec);
	gone("example.", RRTYPE_SOA);
	expect_refused(&nsec);
	assert_int_equal(chain_rebuild(&f.view, &nsec, f.arena, &sets), ERR_INVALID);
}

static void a_chain_with_a_hole_is_refused(void **state)
{
	(void)state;
	begin_zone(nsec3);
	struct chain_key hash;
	struct chain_key name = key_of("m");
	struct chain c = {.params = &nsec3, .apex = zone_name};
	chain_link_key(&c, &name, &hash);
	assert_int_equal(
		store_rrset_delete(f.txn, f.zone.id, hash.bytes, hash.len, RRTYPE_NSEC3),
		0);
	/* Any number of names: one of them comes behind the hole. */
	put("n1", RRTYPE_A);
	put("n2", RRTYPE_A);
	put("n3", RRTYPE_A);
	put("n4", RRTYPE_A);
	put("n5", RRTYPE_A);
	put("n6", RRTYPE_A);
	put("n7", RRTYPE_A);
	expect_refused(&nsec3);
}

static void links_of_another_form_are_refused(void **state)
{
	static const struct {
		const char *rdata;
		uint16_t len;
	} cases[] = {
		{"", 0},                    /* nothing */
		{"\1a\5other\0\0\1\1", 11}, /* another zone's */
		{"\3www\7example", 8},      /* half a name */
		{"\1\0\0\0\0\24", 6},       /* an NSEC3 */
	};
	uint8_t blob[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rrset set = {.count = 1, .ttl = MINIMUM};

		begin_zone(nsec);
		rrset_write_header(blob, &set);
		uint8_t *stop =
			rrset_write_rdata(blob + RRSET_HEADER,
		                          (const uint8_t *)cases[i].rdata, cases[i].len);
		assert_int_equal(
			rrset_open(RRTYPE_NSEC, blob, (size_t)(stop - blob), &set), 0);
		assert_int_equal(
			store_rrset_put(f.txn, f.zone.id, (const uint8_t *)"m", 2, &set),
			0);
		put("n", RRTYPE_A);
		expect_refused(&nsec);
		end();
	}
}

/* ---- the whole chain over a view ---- */

static void a_chain_ends_and_begins_anew(void **state)
{
	static const struct chain_params none = {.kind = CHAIN_NONE};
	struct chain_sets sets;

	(void)state;
	begin_zone(nsec);
	uint64_t with = f.zone.rrsets;
	f.params = none;
	put_soa(TTL, 2, MINIMUM);
	apply_whole();
	assert_int_equal(f.zone.rrsets, with - 4);
	assert_int_equal(chain_rebuild(&f.view, &none, f.arena, &sets), 0);
	assert_int_equal(sets.count, 0);
	f.params = opt_out;
	apply_whole();
	assert_int_equal(f.zone.rrsets, with + 1); /* NSEC3PARAM */
	f.params = nsec3;
	apply_whole();
	assert_int_equal(f.zone.rrsets, with + 1);
	put("b", RRTYPE_A);
	assert_int_equal(changes(), 2);
}

static void what_is_right_already_stays(void **state)
{
	struct chain_sets sets;

	(void)state;
	begin_zone(nsec3);
	assert_int_equal(chain_rebuild(&f.view, &nsec3, f.arena, &sets), 0);
	assert_int_equal(sets.count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, end_and_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nsec_follows_any_change),
		TEST(nsec3_follows_any_change),
		TEST(nsec3_with_opt_out_follows_any_change),
		TEST(what_comes_and_goes_costs_its_own_link_and_one_before),
		TEST(records_and_serials_change_no_chain),
		TEST(insecure_delegations_are_opted_out),
		TEST(a_delegation_hides_what_is_below_it_from_nsec),
		TEST(another_chain_is_not_changed),
		TEST(another_ttl_takes_the_whole_chain),
		TEST(change_within_a_chain_has_its_ttl),
		TEST(a_zone_without_soa_is_refused),
		TEST(a_chain_with_a_hole_is_refused),
		TEST(links_of_another_form_are_refused),
		TEST(a_chain_ends_and_begins_anew),
		TEST(what_is_right_already_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
