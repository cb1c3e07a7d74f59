/*
 * The check of a view is right when it says what the check of all of the zone says: both look at the same zones,
 * which change at random, and whose changes are then spoilt at random.
 */
#include "control/sign/check.h"
#include "control/sign/ds.h"
#include "control/sign/rrsig.h"
#include "control/sign/view_sign.h"
#include "control/sign/view_testing.h"

enum { ZONES = 3, STEPS = 25, SPOILT = 10 /* ways to spoil each step */ };

static const struct chain_key apex_key;

static struct sign_check how;
static struct diag found;

/* ---- asking ---- */

static int check_view(void)
{
	diag_fini(&found);
	return sign_check_view(&f.view, &how, &found);
}

/* Gives the zone as the view makes it. */
static struct contents *contents_of_view(void)
{
	struct contents *c = calloc(1, sizeof *c);
	struct view_walk w = {.view = &f.view};
	const uint8_t *key;
	size_t len, room = 0;
	struct view_set v;

	assert_non_null(c);
	memcpy(c->apex, zone_name, sizeof zone_name);
	c->apex_len = sizeof zone_name;
	c->arena = arena_new();
	assert_int_equal(store_cursor_open(f.txn, f.zone.id, &w.cursor), 0);
	assert_int_equal(view_walk_to(&w, (const uint8_t *)"", 0), 0);
	for (; view_walk_peek(&w, &key, &len, &v) == 0;
	     assert_int_equal(view_walk_step(&w), 0)) {
		if (v.set.size == 0)
			continue;
		c->rrsets = array_room(c->rrsets, c->count, &room, sizeof *c->rrsets);
		c->rrsets[c->count++] = (struct contents_rrset){
			.key = arena_copy(c->arena, key, len),
			.key_len = (uint16_t)len,
			.type = v.set.type,
			.size = (uint32_t)v.set.size,
			.blob = arena_copy(c->arena, v.set.bytes, v.set.size)};
	}
	store_cursor_close(&w.cursor);
	return c;
}

static int check_all(void)
{
	struct contents *c = contents_of_view();

	diag_fini(&found);
	int err = sign_check_contents(c, &how, &found);
	contents_free(c);
	return err;
}

static void expect_said(const char *rule)
{
	bool said = rule == NULL && found.kept == 0;

	for (size_t i = 0; rule && i < found.kept; i++)
		said |= strcmp(found.entries[i].rule, rule) == 0;
	if (said)
		return;
	diag_print(&found, stderr);
	fail_msg("%s was expected", rule ? rule : "nothing");
}

static void expect_good(void)
{
	int err = check_all();

	expect_said(NULL);
	assert_int_equal(err, 0);
	err = check_view();
	expect_said(NULL);
	assert_int_equal(err, 0);
}

/* ---- signing ---- */

static void write_down(void)
{
	test_put_view(f.txn, &f.zone, &f.view);
	new_view();
}

static void begin_signed(struct chain_params params, uint64_t seed)
{
	how = (struct sign_check){.now = NOW, .one_in = 1};
	begin(seed);
	f.params = params;
	put_soa(TTL, 0, MINIMUM);
	put_record(&apex_key, RRTYPE_NS);
	edit_key(apex_key.bytes, 0, RRTYPE_DNSKEY, by.dnskeys, by.dnskeys_size);
	(void)sign_view(true);
	expect_good();
	write_down();
}

static void edit_at_random(uint32_t serial)
{
	for (unsigned edits = 1 + pick(4); edits; edits--)
		random_edit();
	put_soa(TTL, serial, MINIMUM);
	by.terms.serial = serial;
	(void)sign_view(false);
}

/* ---- spoiling ---- */

static bool is_link(const struct overlay_set *s)
{
	return s->type == RRTYPE_NSEC || s->type == RRTYPE_NSEC3;
}

/* Gives the view sets of its own, as another has them. */
static void copy_sets(const struct change_view *from)
{
	size_t size = from->count * sizeof from->sets[0];

	f.view.sets = arena_aligned(f.arena, size);
	memcpy(f.view.sets, from->sets, size);
}

/* Takes an RRset out of the view: it stays as it was. */
static void forget(size_t i)
{
	f.view.count--;
	memmove(&f.view.sets[i], &f.view.sets[i + 1],
	        (f.view.count - i) * sizeof f.view.sets[0]);
}

/* Gives an RRset of the view octets of its own. */
static uint8_t *own_octets(struct overlay_set *s)
{
	uint8_t *blob = arena_copy(f.arena, s->blob, s->size);

	s->blob = blob;
	return blob;
}

/* Flips a bit of the one record, behind so many octets. */
static void flip(struct overlay_set *s, unsigned from)
{
	uint8_t *blob = own_octets(s);
	uint16_t len;

	memcpy(&len, blob + RRSET_HEADER, sizeof len);
	if (len > from)
		blob[RRSET_HEADER + sizeof len + from + pick(len - from)] ^=
			(uint8_t)(1U << pick(8));
}

static void strip(struct overlay_set *s)
{
	struct rrset set;

	assert_int_equal(rrset_open(s->type, s->blob, s->size, &set), 0);
	rrsig_take_out(&set, f.arena);
	s->blob = set.bytes;
	s->size = set.size;
}

/* Does something to one RRset of the view that is not the SOA. */
static void spoil(void)
{
	size_t i = pick((unsigned)f.view.count);
	struct overlay_set *s = &f.view.sets[i];

	if (s->key_len == 0 && s->type != RRTYPE_NSEC)
		return;
	switch (pick(4)) {
	case 0: forget(i); break;
	case 1:
		if (s->size)
			strip(s);
		break;
	case 2:
		/* Behind hash, flags, iterations and salt, or the labels of the zone. */
		if (s->size && is_link(s))
			flip(s, s->type == RRTYPE_NSEC3 ? 6 : 0);
		break;
	default: s->size = 0;
	}
}

/* Gives whether it is refused: by both, or by none. */
static bool both_refuse(void)
{
	int all = check_all();

	if (all != 0)
		assert_int_equal(all, ERR_REFUSED);
	int view = check_view();
	if (view == all)
		return view < 0;
	diag_print(&found, stderr);
	(void)check_all();
	diag_print(&found, stderr);
	fail_msg("the view: %d, all: %d", view, all);
	return false;
}

/* ---- tests ---- */

/* Gives how many were refused. */
static unsigned walk(struct chain_params params, uint64_t seed)
{
	unsigned refused = 0;

	begin_signed(params, seed);
	for (uint32_t step = 1; step <= STEPS; step++) {
		edit_at_random(step);
		expect_good();
		struct change_view good = f.view;
		for (unsigned i = 0; i < SPOILT; i++) {
			f.view = good;
			copy_sets(&good);
			/* Signatures would tell of anything. */
			how.one_in = i % 2;
			spoil();
			refused += both_refuse();
		}
		how.one_in = 1;
		f.view = good;
		write_down();
	}
	end();
	return refused;
}

static void walk_all(struct chain_params params, uint64_t seed)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < ZONES; i++)
		refused += walk(params, seed + 7919ULL * i);
	assert_in_range(refused, ZONES * STEPS * SPOILT / 5, ZONES * STEPS * SPOILT);
}

static void it_says_of_nsec_what_the_check_of_all_says(void **state)
{
	(void)state;
	walk_all((struct chain_params){.kind = CHAIN_NSEC}, 1);
}

static void it_says_of_nsec3_what_the_check_of_all_says(void **state)
{
	(void)state;
	walk_all((struct chain_params){.kind = CHAIN_NSEC3}, 2);
}

static void it_says_of_opt_out_what_the_check_of_all_says(void **state)
{
	(void)state;
	walk_all((struct chain_params){.kind = CHAIN_NSEC3,
	                               .opt_out = true,
	                               .salt_len = 2,
	                               .salt = {1, 2}},
	         3);
}

static const struct chain_params chains[] = {
	{.kind = CHAIN_NSEC},
	{.kind = CHAIN_NSEC3},
	{.kind = CHAIN_NSEC3, .opt_out = true},
	{.kind = CHAIN_NSEC3, .iterations = 1},
	{.kind = CHAIN_NSEC3, .salt_len = 1, .salt = {9}},
};

static void expect_refused(const char *rule)
{
	assert_int_equal(check_all(), ERR_REFUSED);
	assert_int_equal(check_view(), ERR_REFUSED);
	expect_said(rule);
}

/* Any chain becomes any other, and that is good only if all of it does. */
static void another_chain_takes_the_place_of_all_of_the_old_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chains) * ARRAY_LEN(chains); i++) {
		size_t from = i / ARRAY_LEN(chains);
		size_t to = i % ARRAY_LEN(chains);

		begin_signed(chains[from], 11 + i);
		for (uint32_t step = 1; step < 5; step++) {
			edit_at_random(step);
			write_down();
		}
		f.params = chains[to];
		(void)sign_view(true);
		expect_good();
		how.one_in = 0;
		for (size_t n = 0; n < f.view.count && from != to; n++) {
			struct change_view good = f.view;

			copy_sets(&good);
			forget(n);
			/* Of two chains that differ in opt-out alone the whole check
			 * does not mind which flag a link has. */
			int all = check_all();
			int view = check_view();
			assert_true(view == ERR_REFUSED || view == all);
			assert_true(view == ERR_REFUSED || f.view.count == 0 ||
			            !is_link(&good.sets[n]));
			f.view = good;
		}
		end();
	}
}

static void opt_out_is_the_same_in_all_of_the_chain(void **state)
{
	(void)state;
	begin_signed(chains[1], 3);
	put("a", RRTYPE_A);
	(void)sign_view(false);
	for (size_t i = 0; i < f.view.count; i++) {
		struct overlay_set *s = &f.view.sets[i];

		if (is_link(s) && s->before_size == 0)
			own_octets(s)[RRSET_HEADER + 2 + 1] ^= 1;
	}
	how.one_in = 0;
	assert_int_equal(check_all(), 0);
	assert_int_equal(check_view(), ERR_REFUSED);
	expect_said("nsec3-opt-out");
	end();
}

static void a_zone_without_keys_is_refused(void **state)
{
	(void)state;
	begin_signed(chains[0], 3);
	edit_key(apex_key.bytes, 0, RRTYPE_DNSKEY, NULL, 0);
	(void)sign_view(false);
	expect_refused("dnskey-missing");
	end();
}

/* All RRsets of the apex are asked whether they hold by the new keys. */
static void keys_that_the_zone_is_not_signed_by_are_refused(void **state)
{
	(void)state;
	begin_signed(chains[0], 3);
	by.dnskeys[by.dnskeys_size - 1] ^= 1;
	edit_key(apex_key.bytes, 0, RRTYPE_DNSKEY, by.dnskeys, by.dnskeys_size);
	by.dnskeys[by.dnskeys_size - 1] ^= 1;
	(void)sign_view(false);
	expect_refused("rrsig-bogus");
	assert_true(found.errors > 3); /* DNSKEY, NS, SOA, NSEC */
	end();
}

static void signatures_in_the_view_hold_in_their_time_only(void **state)
{
	(void)state;
	begin_signed(chains[0], 3);
	put("a", RRTYPE_A);
	(void)sign_view(false);
	how.now = NOW + 30 * 86400;
	expect_refused("rrsig-bogus");
	how.now = NOW;
	expect_good();
	end();
}

/* After a while in which nobody has signed anything, the keys are the first that are signed again. */
static void what_has_expired_elsewhere_is_not_held_against_a_change(void **state)
{
	(void)state;
	begin_signed(chains[0], 3);
	by.terms.now = how.now = NOW + 30 * 86400;
	by.dnskeys[0]++; /* TTL */
	edit_key(apex_key.bytes, 0, RRTYPE_DNSKEY, by.dnskeys, by.dnskeys_size);
	by.dnskeys[0]--;
	(void)sign_view(false);
	assert_int_equal(check_all(), ERR_REFUSED);
	assert_int_equal(check_view(), 0);
	by.terms.now = NOW;
	end();
}

/* What the parent has is asked for with any change, if it is known. */
static void what_the_parent_has_counts(void **state)
{
	uint8_t blob[RRSET_HEADER + 2 + DS_MAX];
	struct rrset ds = {.type = RRTYPE_DS, .count = 1, .bytes = blob};
	uint8_t rdata[DS_MAX];

	(void)state;
	begin_signed(chains[0], 3);
	int len = ds_make(zone_name, sign_key_dnskey(by.key), DS_SHA256, rdata);
	assert_true(len > 0);
	how.ds = &ds;
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		rdata[len - 1] ^= (uint8_t)wrong;
		rrset_write_header(blob, &ds);
		ds.size = (size_t)(rrset_write_rdata(blob + RRSET_HEADER, rdata,
		                                     (uint16_t)len) -
		                   blob);
		put_soa(TTL, 1 + wrong, MINIMUM);
		(void)sign_view(false);
		if (wrong)
			expect_refused("ds-without-dnskey");
		else
			expect_good();
	}
	end();
}

static int end_of_test(void **state)
{
	diag_fini(&found);
	return end_and_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_of_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_says_of_nsec_what_the_check_of_all_says),
		TEST(it_says_of_nsec3_what_the_check_of_all_says),
		TEST(it_says_of_opt_out_what_the_check_of_all_says),
		TEST(another_chain_takes_the_place_of_all_of_the_old_one),
		TEST(opt_out_is_the_same_in_all_of_the_chain),
		TEST(a_zone_without_keys_is_refused),
		TEST(keys_that_the_zone_is_not_signed_by_are_refused),
		TEST(signatures_in_the_view_hold_in_their_time_only),
		TEST(what_has_expired_elsewhere_is_not_held_against_a_change),
		TEST(what_the_parent_has_counts),
	};

	return cmocka_run_group_tests(tests, open_keys, close_keys);
}
