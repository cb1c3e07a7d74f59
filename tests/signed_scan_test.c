/* What of a signed zone in the store is found to be due, by a zone that keeps itself signed. */
#include <string.h>

#include "control/sign/rrsig.h"
#include "control/sign/zone_scan.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/signing.h"

enum { MOST = 100 };

static const uint64_t day = SIGNING_DAY;

static const char zone_text[] =
	"@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\nns 7200 A 192.0.2.1\n"
	"ns 60 TXT x\nsub 9000 NS ns.sub\nsub 60 DS 1 13 2 "
	"D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A\n"
	"ns.sub 60 A 192.0.2.3\n";

static const char policies[] =
	"  - {name: p, algorithm: ED25519, csk: no, signatures-jitter: 0s}\n";

struct look {
	struct zone_scan scan;
	struct contents_arena *arena;
};

static struct look look_at(struct signing *s, uint64_t now, uint64_t soon, size_t most)
{
	struct look l = {.arena = arena_new()};
	struct store_zone zone = signing_stored(s);
	char why[ZONE_KEYS_WHY_SIZE] = "";
	struct zone_keys *keys;
	struct store_txn *t;

	l.scan = (struct zone_scan){
		.now = now, .soon = soon, .most = most, .arena = l.arena};
	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	if (zone_keys_read(t, &zone, NULL, s->committer.secrets, &keys, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(zone_scan(t, keys, &l.scan), 0);
	assert_true(keys->terms.now == now);
	zone_keys_free(&keys);
	store_abort(&t);
	return l;
}

static int begin(void **state)
{
	struct signing *s = signing_open(policies);

	signing_load(s, zone_text, "p");
	signing_settle(s);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	signing_close(*state);
	return 0;
}

static size_t signed_sets(struct signing *s)
{
	struct contents *c = signing_load_contents(s);
	struct rrset set;
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		count += set.sig_count > 0;
	}
	contents_free(c);
	return count;
}

static void nothing_is_due_after_signing(void **state)
{
	struct signing *s = *state;
	struct look l = look_at(s, signing_now, signing_now, MOST);

	assert_int_equal(l.scan.due_count, 0);
	assert_int_equal(l.scan.signed_count, signed_sets(s));
	assert_false(l.scan.lapsed);
	assert_int_equal(l.scan.ends, signing_now + 14 * day);
	assert_int_equal(l.scan.next, signing_now + 9 * day);
	assert_int_equal(l.scan.longest_ttl, 9000);
	arena_free(l.arena);
}

/* By the time that is looked forward to, and in the order of names and types. */
static void all_is_due_once_its_time_comes(void **state)
{
	struct signing *s = *state;
	uint64_t due = signing_now + 9 * day;
	struct look l = look_at(s, due - 2, due - 1, MOST);

	assert_int_equal(l.scan.due_count, 0);
	arena_free(l.arena);
	l = look_at(s, due - 2, due, MOST);
	assert_int_equal(l.scan.due_count, signed_sets(s));
	assert_int_equal(l.scan.due.count, l.scan.due_count);
	assert_true(l.scan.next == UINT64_MAX);
	assert_false(l.scan.lapsed);
	for (size_t i = 1; i < l.scan.due.count; i++) {
		const struct again_set *a = &l.scan.due.sets[i - 1];
		const struct again_set *b = &l.scan.due.sets[i];
		assert_true(change_sets_compare(a->key, a->key_len, a->type, b->key,
		                                b->key_len, b->type) < 0);
	}
	arena_free(l.arena);
}

static void no_more_are_listed_than_are_asked_for(void **state)
{
	struct signing *s = *state;
	uint64_t due = signing_now + 9 * day;
	struct look l = look_at(s, due, due, 3);

	assert_int_equal(l.scan.due.count, 3);
	assert_int_equal(l.scan.due_count, signed_sets(s));
	assert_int_equal(l.scan.due.sets[0].key_len, 0);
	arena_free(l.arena);
}

static void signatures_that_do_not_hold_are_told(void **state)
{
	struct signing *s = *state;
	uint64_t now = signing_now;
	struct look l = look_at(s, now + 14 * day - 1, now + 14 * day - 1, MOST);

	assert_false(l.scan.lapsed);
	arena_free(l.arena);
	l = look_at(s, now + 14 * day, now + 14 * day, MOST);
	assert_true(l.scan.lapsed);
	arena_free(l.arena);
	l = look_at(s, now - SIGNING_HOUR - 1, now - SIGNING_HOUR - 1, MOST);
	assert_true(l.scan.lapsed); /* they do not hold yet */
	assert_int_equal(l.scan.due_count, signed_sets(s));
	arena_free(l.arena);
}

/* ---- what is not as it should be ---- */

/* Puts an RRset's blob without signatures, or with those of another, into the store. */
static void put_blob(struct signing *s, const char *owner, uint16_t type, bool bare)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	uint8_t blob[2048];
	struct store_zone zone = signing_stored(s);
	struct store_txn *t;
	struct rrset soa;
	struct rrset set;

	assert_true(name_from_text(owner, strlen(owner), signing_zone, name) > 0);
	size_t len = name_to_key(name, SIGNING_ZONE_LEN, key);
	assert_int_equal(store_begin_write(s->committer.store, &t), 0);
	assert_int_equal(store_rrset_get(t, zone.id, key, len, type, &set), 0);
	assert_int_equal(store_soa_get(t, zone.id, &soa), 0);
	const uint8_t *at = rrset_first(&soa);
	(void)rrset_next(&at);
	struct rdata signature = rrset_next(&at);
	unsigned count = bare ? 0 : 1;
	size_t size = rrsig_blob_size(&set, &signature, count);
	assert_true(size <= sizeof blob);
	rrsig_blob_write(&set, &signature, count, blob);
	assert_int_equal(rrset_open(type, blob, size, &set), 0);
	assert_int_equal(store_rrset_put(t, zone.id, key, len, &set), 0);
	assert_int_equal(store_commit(&t), 0);
}

static void expect_one_due(struct signing *s, uint16_t type)
{
	struct look l = look_at(s, signing_now, signing_now, MOST);

	assert_int_equal(l.scan.due_count, 1);
	assert_int_equal(l.scan.due.sets[0].type, type);
	arena_free(l.arena);
}

static void set_that_lost_its_signature_is_due(void **state)
{
	struct signing *s = *state;

	put_blob(s, "ns", RRTYPE_TXT, true);
	expect_one_due(s, RRTYPE_TXT);
	assert_int_equal(signing_step(s), STEP_AGAIN);
	struct look l = look_at(s, signing_now, signing_now, MOST);
	assert_int_equal(l.scan.due_count, 0);
	arena_free(l.arena);
}

static void glue_with_a_signature_is_due(void **state)
{
	struct signing *s = *state;

	put_blob(s, "ns.sub", RRTYPE_A, false);
	expect_one_due(s, RRTYPE_A);
}

static void delegation_with_a_signature_is_due(void **state)
{
	struct signing *s = *state;

	put_blob(s, "sub", RRTYPE_NS, false);
	expect_one_due(s, RRTYPE_NS);
}

static void link_without_a_signature_is_due(void **state)
{
	struct signing *s = *state;

	put_blob(s, "sub", RRTYPE_NSEC, true);
	expect_one_due(s, RRTYPE_NSEC);
	assert_int_equal(signing_step(s), STEP_AGAIN);
	struct look l = look_at(s, signing_now, signing_now, MOST);
	assert_int_equal(l.scan.due_count, 0);
	arena_free(l.arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_due_after_signing),
		TEST(all_is_due_once_its_time_comes),
		TEST(no_more_are_listed_than_are_asked_for),
		TEST(signatures_that_do_not_hold_are_told),
		TEST(set_that_lost_its_signature_is_due),
		TEST(glue_with_a_signature_is_due),
		TEST(delegation_with_a_signature_is_due),
		TEST(link_without_a_signature_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
