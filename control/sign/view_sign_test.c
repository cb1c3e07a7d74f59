#include "control/sign/view_sign.h"

#include "control/sign/view_testing.h"

enum { STEPS = 150 };

/* Chain and signatures for what the view is, and it is written down. Gives how many were signed. */
static size_t write_down(bool whole)
{
	size_t made = sign_view(whole);

	test_put_view(f.txn, &f.zone, &f.view);
	new_view();
	return made;
}

/* ---- what is in the store ---- */

static bool has_at(const uint8_t *key, size_t len, uint16_t type)
{
	struct rrset set;

	return store_rrset_get(f.txn, f.zone.id, key, len, type, &set) == 0;
}

static bool is_hidden(const uint8_t *key, size_t len)
{
	if (len > 0 && has_at(key, 0, RRTYPE_DNAME))
		return true;
	for (size_t at = chain_label_end(key, 0); at < len; at = chain_label_end(key, at))
		if (has_at(key, at, RRTYPE_NS) || has_at(key, at, RRTYPE_DNAME))
			return true;
	return false;
}

static void check_set(const struct store_entry *e)
{
	const struct rrset *s = &e->set;
	bool cut = e->key_len > 0 && has_at(e->key, e->key_len, RRTYPE_NS);
	bool own = s->type == RRTYPE_NSEC3 ||
	           ((e->key_len == 0 || !is_hidden(e->key, e->key_len)) &&
	            (!cut || s->type == RRTYPE_DS || s->type == RRTYPE_NSEC));
	uint8_t owner[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	assert_true(name_from_key(e->key, e->key_len, zone_name, owner) > 0);
	enum rrsig_fault fault = verifier_check_set(by.verifier, owner, s, NOW);
	if (s->sig_count == own && fault == RRSIG_GOOD)
		return;
	fail_msg("%s, type %u: %u signatures, %s", name_to_text(owner, text), s->type,
	         s->sig_count, rrsig_fault_text(fault));
}

/* Gives how many RRsets there are. */
static size_t check_all(void)
{
	struct store_cursor *c;
	struct store_entry e;
	size_t count = 0;

	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &c), 0);
	for (int err = store_cursor_seek(c, NULL, 0, &e); err == 0;
	     err = store_cursor_next(c, &e)) {
		check_set(&e);
		count++;
	}
	store_cursor_close(&c);
	return count;
}

/* ---- tests ---- */

static void begin_signed(struct chain_params params, uint64_t seed)
{
	struct chain_key apex = {.len = 0};

	begin(seed);
	f.params = params;
	put_soa(TTL, 0, MINIMUM);
	put_record(&apex, RRTYPE_NS);
	assert_int_equal(write_down(true), params.kind == CHAIN_NSEC ? 3 : 4);
	(void)check_all();
}

static void walk(struct chain_params params, uint64_t seed)
{
	begin_signed(params, seed);
	for (uint32_t step = 1; step <= STEPS; step++) {
		for (unsigned edits = 1 + pick(4); edits; edits--)
			random_edit();
		put_soa(TTL, step, MINIMUM);
		by.terms.serial = step;
		(void)write_down(false);
		(void)check_all();
	}
	assert_true(check_all() > 20);
	end();
}

static void all_is_signed_after_any_change(void **state)
{
	(void)state;
	walk((struct chain_params){.kind = CHAIN_NSEC}, 88172645463325252U);
	walk((struct chain_params){.kind = CHAIN_NSEC}, 5);
}

static void all_is_signed_with_nsec3_too(void **state)
{
	(void)state;
	walk((struct chain_params){.kind = CHAIN_NSEC3}, 7);
	walk((struct chain_params){.kind = CHAIN_NSEC3, .opt_out = true}, 9);
}

/* As many RRsets get signatures in a small zone as in a large one. */
static void what_is_not_touched_keeps_its_signatures(void **state)
{
	static const unsigned sizes[] = {3, 300};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		begin_signed((struct chain_params){.kind = CHAIN_NSEC}, 1);
		for (unsigned n = 0; n < sizes[i]; n++) {
			char text[16];
			(void)snprintf(text, sizeof text, "n%u", n);
			struct chain_key k = key_of(text);
			put_record(&k, RRTYPE_A);
		}
		put_soa(TTL, 1, MINIMUM);
		assert_int_equal(write_down(false), 2 * sizes[i] + 2);
		/* Another record at a name: it, the SOA, and the types that the name has. */
		struct chain_key n1 = key_of("n1");
		put_record(&n1, RRTYPE_TXT);
		put_soa(TTL, 2, MINIMUM);
		assert_int_equal(write_down(false), 3);
		/* A name that goes: the SOA, and the name before it names another next one. */
		edit_key(n1.bytes, n1.len, RRTYPE_A, NULL, 0);
		edit_key(n1.bytes, n1.len, RRTYPE_TXT, NULL, 0);
		put_soa(TTL, 3, MINIMUM);
		assert_int_equal(write_down(false), 2);
		(void)check_all();
		end();
	}
}

/* What was the zone's own is glue then, and the other way round. */
static void a_delegation_takes_signatures_away_and_gives_them_back(void **state)
{
	struct chain_key cut = key_of("cut");
	struct chain_key glue = key_of("ns.cut");

	(void)state;
	begin_signed((struct chain_params){.kind = CHAIN_NSEC}, 1);
	put_record(&cut, RRTYPE_TXT);
	put_record(&glue, RRTYPE_A);
	put_soa(TTL, 1, MINIMUM);
	assert_int_equal(write_down(false), 6);
	put_record(&cut, RRTYPE_NS);
	put_soa(TTL, 2, MINIMUM);
	assert_int_equal(write_down(false), 2); /* SOA, and NSEC at the delegation */
	(void)check_all();
	edit_key(cut.bytes, cut.len, RRTYPE_NS, NULL, 0);
	put_soa(TTL, 3, MINIMUM);
	assert_int_equal(write_down(false), 5); /* SOA, two records, two NSEC */
	(void)check_all();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_is_signed_after_any_change, setup,
	                                        end_and_teardown),
		cmocka_unit_test_setup_teardown(all_is_signed_with_nsec3_too, setup,
	                                        end_and_teardown),
		cmocka_unit_test_setup_teardown(what_is_not_touched_keeps_its_signatures,
	                                        setup, end_and_teardown),
		cmocka_unit_test_setup_teardown(
			a_delegation_takes_signatures_away_and_gives_them_back, setup,
			end_and_teardown),
	};

	return cmocka_run_group_tests(tests, open_keys, close_keys);
}
