/*
 * A zone whose KSK is elsewhere (control/sign/bundle.h): what it asks for, what it takes of what comes back, and how it goes
 * from bundle to bundle. The safe is here, too: a key that the server has never seen.
 */
#include <stdio.h>
#include <string.h>

#include "control/keeper/request.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/orders.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/signing.h"

enum { DAY = SIGNING_DAY };

static const char zone_text[] =
	"@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n"
	"www 3600 A 192.0.2.2\n";

#define OFF "algorithm: ED25519, csk: no, ksk: offline, dnskey-ttl: 1h, "

static const char policies[] =
	"  - {name: off, " OFF "zsk-lifetime: 20d}\n"
	"  - {name: here, algorithm: ED25519, csk: no, dnskey-ttl: 1h}\n"
	"  - {name: one, algorithm: ED25519, dnskey-ttl: 1h}\n"
	"  - {name: other, algorithm: ECDSAP256SHA256, csk: no, ksk: offline}\n";

static struct signing *s;
static struct sign_key *safe[2];

static int make_safe(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		if (sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &safe[i]) < 0)
			return -1;
	return 0;
}

static int free_safe(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		sign_key_free(&safe[i]);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	s = signing_open(policies);
	return 0;
}

static int end(void **state)
{
	(void)state;
	signing_close(s);
	return 0;
}

/* ---- what commands do ---- */

struct asking {
	struct store_zone zone;
	struct store_txn *txn;
	struct orders orders;
	struct request_zone of;
	char why[ZONE_KEYS_WHY_SIZE];
};

static void open_zone(struct asking *a, const char *policy)
{
	a->why[0] = '\0';
	a->zone = signing_stored(s);
	assert_int_equal(store_begin_read(s->committer.store, &a->txn), 0);
	assert_int_equal(orders_open(a->txn, &a->zone, signing_now, &a->orders), 0);
	a->of = (struct request_zone){
		.txn = a->txn,
		.policy = config_dnssec_policy_find(s->config, policy),
		.secrets = s->committer.secrets,
		.keys = a->orders.keys,
		.now = signing_now};
	assert_non_null(a->of.policy);
}

static void close_zone(struct asking *a)
{
	orders_close(&a->orders);
	store_abort(&a->txn);
}

/* Gives the request, and has its plan written down. */
static struct bundles *ask(unsigned days, unsigned *made)
{
	struct change *c = change_new(actor_self());
	struct request r;
	struct asking a;

	open_zone(&a, "off");
	if (request_make(&a.of, signing_now + (uint64_t)days * DAY, &r, a.why) < 0)
		fail_msg("%s", a.why);
	*made = r.made;
	assert_int_equal(r.planned, true);
	orders_write(&a.orders, c);
	close_zone(&a);
	assert_int_equal(signing_commit(s, c, NULL), 0);
	return r.bundles;
}

static void expect_no_request(const char *policy, const char *why)
{
	struct request r;
	struct asking a;

	open_zone(&a, policy);
	assert_int_equal(request_make(&a.of, signing_now + 60 * (uint64_t)DAY, &r, a.why),
	                 ERR_REFUSED);
	if (!strstr(a.why, why))
		fail_msg("%s", a.why);
	assert_null(r.bundles);
	close_zone(&a);
}

/* Signs a request, which it takes. */
static struct bundles *respond_with(struct bundles *request,
                                    const struct bundle_ksk *ksks, size_t count)
{
	const struct config_dnssec_policy *p =
		config_dnssec_policy_find(s->config, "off");
	const struct bundle_safe with = {
		.ksks = ksks, .count = count, .policy = &p->policy};
	char why[BUNDLE_WHY_SIZE] = "";
	struct bundles *b = NULL;

	if (bundle_respond(request, &with, &b, why) < 0)
		fail_msg("%s", why);
	bundles_free(&request);
	return b;
}

/* The same with that key of the safe. */
static struct bundles *respond(struct bundles *request, unsigned key)
{
	const struct bundle_ksk ksk = {safe[key], 0, BUNDLE_FOREVER, 0, BUNDLE_FOREVER};

	return respond_with(request, &ksk, 1);
}

static int check(struct asking *a, const struct bundles *response, bool *in_use)
{
	struct bundle_span span;

	return response_check(&a->of, response, &span, in_use, a->why);
}

/* Keeps a response, which it takes, whatever it is. */
static void keep(struct bundles *response, bool checked)
{
	struct change *c = change_new(actor_self());
	struct asking a;
	bool in_use = false;

	open_zone(&a, "off");
	if (checked && check(&a, response, &in_use) < 0)
		fail_msg("%s", a.why);
	orders_write(&a.orders, c);
	c->zones[0].signed_anew |= in_use;
	assert_int_equal(bundle_stored_change(c, a.txn, a.zone.id, response, signing_now),
	                 0);
	close_zone(&a);
	assert_int_equal(signing_commit(s, c, NULL), 0);
	bundles_free(&response);
}

static void expect_refused(struct bundles *response, const char *why)
{
	struct asking a;
	bool in_use;

	open_zone(&a, "off");
	assert_int_equal(check(&a, response, &in_use), ERR_REFUSED);
	if (!strstr(a.why, why))
		fail_msg("%s", a.why);
	close_zone(&a);
	bundles_free(&response);
}

/* A zone that is signed by responses for so many days. */
static void sign_for(unsigned days)
{
	unsigned made;

	signing_load(s, zone_text, "off");
	struct bundles *b = respond(ask(days, &made), 0);
	assert_true(made > 0);
	keep(b, true);
	signing_settle(s);
	assert_string_equal(s->trouble, "");
	signing_expect_good(s, "at first", 1);
}

static bool is_in_zone(const struct sign_key *k)
{
	const uint8_t *apex = (const uint8_t *)"";
	struct rdata dnskey = sign_key_dnskey(k);
	uint32_t id = signing_stored(s).id;
	struct store_txn *t;
	struct rrset set;
	bool found = false;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(store_rrset_get(t, id, apex, 0, RRTYPE_DNSKEY, &set), 0);
	const uint8_t *at = rrset_first(&set);
	for (unsigned i = 0; i < set.count; i++) {
		struct rdata d = rrset_next(&at);
		found |= d.len == dnskey.len && memcmp(d.bytes, dnskey.bytes, d.len) == 0;
	}
	store_abort(&t);
	return found;
}

static void expect_trouble(const char *what)
{
	if (!strstr(s->trouble, what))
		fail_msg("trouble: %s", s->trouble);
}

/* ---- a zone that waits ---- */

static void zone_waits_for_its_first_response(void **state)
{
	(void)state;
	signing_load(s, zone_text, "off");
	struct store_zone before = signing_stored(s);
	assert_int_equal(signing_step(s), STEP_NONE);
	expect_trouble("no signed response");
	assert_true(s->again > signing_now && s->again != UINT64_MAX);
	struct store_zone after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
	signing_expect_bare(s);
}

/* It is not in force so far. */
static void zone_waits_for_a_response_to_begin(void **state)
{
	unsigned made;

	(void)state;
	signing_load(s, zone_text, "off");
	struct bundles *request = ask(40, &made);
	uint64_t from = request->list[0].from;
	keep(respond(request, 0), true);
	signing_now = from - 1;
	signing_settle(s);
	expect_trouble("no signed response");
	signing_expect_bare(s);
	signing_now = from;
	signing_settle(s);
	assert_string_equal(s->trouble, "");
	signing_expect_good(s, "in force", 1);
}

/* ---- requests ---- */

static void second_request_has_the_keys_of_the_first(void **state)
{
	unsigned first;
	unsigned second;

	(void)state;
	signing_load(s, zone_text, "off");
	struct bundles *a = ask(60, &first);
	struct asking again;
	struct request r;
	open_zone(&again, "off");
	assert_int_equal(
		request_make(&again.of, signing_now + 60 * (uint64_t)DAY, &r, again.why),
		0);
	assert_int_equal(r.made, 0);
	assert_false(r.planned);
	assert_int_equal(r.bundles->count, a->count);
	close_zone(&again);
	bundles_free(&r.bundles);
	bundles_free(&a);
	/* A longer one has more of them. */
	a = ask(120, &second);
	assert_true(first >= 3);
	assert_in_range(second, 2, first + 1);
	bundles_free(&a);
}

static void zone_with_a_csk_asks_for_nothing(void **state)
{
	(void)state;
	signing_load(s, zone_text, "one");
	signing_settle(s);
	expect_no_request("off", "CSK");
}

static void zone_of_another_algorithm_asks_for_nothing(void **state)
{
	(void)state;
	signing_load(s, zone_text, "here");
	signing_settle(s);
	expect_no_request("other", "algorithm");
}

static void zone_whose_zsk_leaves_asks_for_nothing(void **state)
{
	struct change *c = change_new(actor_self());
	struct asking a;

	(void)state;
	signing_load(s, zone_text, "here");
	signing_settle(s);
	open_zone(&a, "here");
	assert_int_equal(orders_roll_role(&a.orders, LIFE_ZSK), 0);
	orders_write(&a.orders, c);
	close_zone(&a);
	assert_int_equal(signing_commit(s, c, NULL), 0);
	signing_settle(s);
	expect_no_request("off", "on its way out");
}

static void request_that_ends_before_it_begins_is_none(void **state)
{
	struct request r;
	struct asking a;

	(void)state;
	signing_load(s, zone_text, "off");
	open_zone(&a, "off");
	assert_true(request_make(&a.of, signing_now, &r, a.why) < 0);
	assert_null(r.bundles);
	close_zone(&a);
}

/* ---- responses ---- */

static void response_without_our_keys_is_refused(void **state)
{
	unsigned made;
	struct signing *ours = s;

	(void)state;
	/* That of a zone of the same name elsewhere. */
	s = signing_open(policies);
	signing_load(s, zone_text, "off");
	struct bundles *theirs = respond(ask(40, &made), 0);
	signing_close(s);
	s = ours;
	signing_now = SIGNING_BEGIN;
	sign_for(40);
	expect_refused(theirs, "is not one of this zone's");
	signing_expect_good(s, "as before", 1);
}

static void response_that_is_over_is_refused(void **state)
{
	unsigned made;

	(void)state;
	signing_load(s, zone_text, "off");
	struct bundles *b = respond(ask(10, &made), 0);
	signing_now += 100 * (uint64_t)DAY;
	expect_refused(b, "cannot be used any more");
}

static void parent_takes_the_ds(void)
{
	signing_now += 2 * (uint64_t)DAY;
	signing_settle(s);
	assert_true(s->ask);
	assert_int_equal(s->asked_count, 1);
	s->seen = (struct step_seen){.numbers = {s->asked[0].number},
	                             .seen = {LIFE_PRESENT},
	                             .count = 1,
	                             .ttl = SIGNING_HOUR};
	signing_settle(s);
	assert_false(s->ask);
}

/* Whoever signs them decides which KSKs there are, as long as no validator minds. */
static void ksk_is_the_one_that_the_response_has(void **state)
{
	unsigned made;

	(void)state;
	sign_for(40);
	assert_true(is_in_zone(safe[0]));
	keep(respond(ask(60, &made), 1), true);
	signing_settle(s);
	assert_string_equal(s->trouble, "");
	assert_true(is_in_zone(safe[1]));
	assert_false(is_in_zone(safe[0]));
	signing_expect_good(s, "after another safe", 1);
}

static void response_without_the_ksk_of_the_ds_is_refused(void **state)
{
	struct bundles *b;
	unsigned made;

	(void)state;
	sign_for(40);
	parent_takes_the_ds();
	b = ask(60, &made);
	expect_refused(respond(b, 1), "the DS at the parent is of none of its KSKs");
	assert_true(is_in_zone(safe[0]));
	signing_expect_good(s, "as before", 1);
}

static void response_with_the_ksk_of_the_ds_is_taken(void **state)
{
	unsigned made;

	(void)state;
	sign_for(40);
	parent_takes_the_ds();
	keep(respond(ask(60, &made), 0), true);
	signing_settle(s);
	assert_string_equal(s->trouble, "");
	assert_false(s->ask);
	signing_expect_good(s, "the same safe", 1);
}

/* ---- from bundle to bundle ---- */

static void zone_goes_from_bundle_to_bundle(void **state)
{
	(void)state;
	sign_for(90);
	assert_true(is_in_zone(safe[0]));
	for (unsigned day = 0; day < 75; day++) {
		signing_now += DAY;
		signing_settle(s);
		assert_string_equal(s->trouble, "");
		signing_expect_good(s, "on its way", 1);
	}
	assert_true(is_in_zone(safe[0]));
}

static void end_is_spoken_of_in_time_and_the_zone_stays(void **state)
{
	struct store_zone before;
	struct store_zone after;
	bool warned = false;

	(void)state;
	sign_for(30);
	for (unsigned day = 0; day < 60 && !strstr(s->trouble, "which is over"); day++) {
		warned |= strstr(s->trouble, "another request") != NULL;
		signing_expect_good(s, "to the end", 1);
		signing_now += DAY;
		signing_settle(s);
	}
	assert_true(warned);
	expect_trouble("which is over");
	before = signing_stored(s);
	signing_now += DAY;
	signing_settle(s);
	after = signing_stored(s);
	assert_int_equal(before.rrsets, after.rrsets);
	assert_true(is_in_zone(safe[0]));
}

/* One that nobody has checked, as a backup may bring it. */
static void bundle_without_a_key_in_use_is_not_taken(void **state)
{
	struct sign_key *key = NULL;
	struct bundles *request = NULL;

	(void)state;
	sign_for(60);
	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_ZSK, &key), 0);
	const struct bundle_zsk zsk = {sign_key_dnskey(key), SIGNING_BEGIN,
	                               BUNDLE_FOREVER};
	const struct bundle_wish wish = {.zone = signing_zone,
	                                 .zsks = &zsk,
	                                 .count = 1,
	                                 .ttl = SIGNING_HOUR,
	                                 .from = signing_now + DAY,
	                                 .until = signing_now + 40 * (uint64_t)DAY};
	assert_int_equal(bundle_request(&wish, &request), 0);
	keep(respond(request, 0), false);
	signing_now += 2 * (uint64_t)DAY;
	signing_settle(s);
	expect_trouble("lacks key");
	assert_false(is_in_zone(key));
	signing_expect_good(s, "as before", 1);
	sign_key_free(&key);
}

static void live_on(unsigned days)
{
	for (unsigned day = 0; day < days; day++) {
		signing_now += DAY;
		signing_settle(s);
		signing_expect_good(s, "on its way", 1);
	}
}

/* The safe has a calendar, and the parent has another. */
static void ksk_stays_until_the_parent_has_the_ds_of_the_next(void **state)
{
	unsigned made;

	(void)state;
	sign_for(60);
	parent_takes_the_ds();
	const struct bundle_ksk ksks[] = {
		{safe[0], 0, signing_now + 20 * (uint64_t)DAY, 0,
	         signing_now + 10 * (uint64_t)DAY},
		{safe[1], signing_now + 5 * (uint64_t)DAY, BUNDLE_FOREVER,
	         signing_now + 10 * (uint64_t)DAY, BUNDLE_FOREVER},
	};
	keep(respond_with(ask(80, &made), ksks, ARRAY_LEN(ksks)), true);
	signing_settle(s);
	live_on(22);
	expect_trouble("lacks the KSK with tag");
	assert_true(is_in_zone(safe[0]) && is_in_zone(safe[1]));
	assert_true(s->ask);
	s->seen = (struct step_seen){.numbers = {s->asked[0].number},
	                             .seen = {LIFE_PRESENT},
	                             .count = 1,
	                             .ttl = SIGNING_HOUR};
	signing_settle(s);
	assert_true(is_in_zone(safe[0]));
	live_on(2);
	assert_string_equal(s->trouble, "");
	assert_false(is_in_zone(safe[0]));
	assert_true(is_in_zone(safe[1]));
}

/* Its KSK was here until then. */
static void ksk_that_is_here_does_not_go_because_of_a_response(void **state)
{
	unsigned made;

	(void)state;
	signing_load(s, zone_text, "here");
	signing_settle(s);
	signing_attribute(s, "off");
	signing_settle(s);
	expect_trouble("no signed response");
	signing_expect_good(s, "with its own KSK", 1);
	keep(respond(ask(40, &made), 0), true);
	signing_settle(s);
	expect_trouble("lacks key");
	assert_false(is_in_zone(safe[0]));
	signing_expect_good(s, "with its own KSK still", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zone_waits_for_its_first_response),
		TEST(zone_waits_for_a_response_to_begin),
		TEST(second_request_has_the_keys_of_the_first),
		TEST(zone_with_a_csk_asks_for_nothing),
		TEST(zone_of_another_algorithm_asks_for_nothing),
		TEST(zone_whose_zsk_leaves_asks_for_nothing),
		TEST(request_that_ends_before_it_begins_is_none),
		TEST(response_without_our_keys_is_refused),
		TEST(response_that_is_over_is_refused),
		TEST(ksk_is_the_one_that_the_response_has),
		TEST(response_without_the_ksk_of_the_ds_is_refused),
		TEST(response_with_the_ksk_of_the_ds_is_taken),
		TEST(zone_goes_from_bundle_to_bundle),
		TEST(end_is_spoken_of_in_time_and_the_zone_stays),
		TEST(ksk_stays_until_the_parent_has_the_ds_of_the_next),
		TEST(bundle_without_a_key_in_use_is_not_taken),
		TEST(ksk_that_is_here_does_not_go_because_of_a_response),
	};

	return cmocka_run_group_tests(tests, make_safe, free_safe);
}
