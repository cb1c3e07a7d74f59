/*
 * What cannot be done to a zone that is signed here: it is refused, says why, and leaves nothing behind, neither in the store
 * nor in memory; what comes next finds the zone, its keys and its signatures as they were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/change/serial.h"
#include "control/sign/stored.h"
#include "control/sign/zone_view.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/signing.h"

enum { WHY = 64 };

static const char zone_text[] =
	"@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n"
	"www 3600 A 192.0.2.2\nsub 3600 NS ns.sub\nns.sub 3600 A 192.0.2.3\n";

static const char policies[] = "  - {name: p, algorithm: ED25519, csk: no}\n"
			       "  - {name: h, algorithm: ED25519, nsec3: yes}\n";

static int begin(void **state)
{
	struct signing *s = signing_open(policies);

	signing_load(s, zone_text, "p");
	signing_settle(s);
	signing_expect_good(s, "at first", 1);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	signing_close(*state);
	return 0;
}

/* ---- changes ---- */

static void add_edit(struct change *c, struct zone_change *z, const char *owner,
                     uint16_t type, struct rdata r)
{
	uint8_t name[NAME_MAX_LEN];

	assert_true(name_from_text(owner, strlen(owner), signing_zone, name) > 0);
	struct edit *e = change_edit(c, z, EDIT_REPLACE, name, type);
	e->set_records = true;
	e->ttl = 3600;
	assert_int_equal(change_edit_record(c, e, r.bytes, r.len, false), 0);
}

static struct change *edit(const char *owner, uint16_t type, struct rdata r)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_EDIT, &z);

	add_edit(c, z, owner, type, r);
	return c;
}

static struct change *set_address(const char *owner, uint8_t last)
{
	const uint8_t address[] = {192, 0, 2, last};

	return edit(owner, RRTYPE_A, (struct rdata){address, sizeof address});
}

static void expect_refused(struct signing *s, struct change *c, const char *rule)
{
	struct store_zone before = signing_stored(s);
	struct store_zone after;
	char why[WHY];

	assert_int_equal(signing_commit(s, c, why), ERR_REFUSED);
	assert_string_equal(why, rule);
	after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
}

static void expect_done(struct signing *s, struct change *c)
{
	uint64_t before = signing_stored(s).version;

	assert_int_equal(signing_commit(s, c, NULL), 0);
	assert_true(signing_stored(s).version > before);
	signing_expect_good(s, "after an edit", 1);
}

/* ---- keys that are not at hand ---- */

static void move_secret(const struct signing *s, bool away)
{
	char other[sizeof s->secret + 8];

	(void)snprintf(other, sizeof other, "%s.away", s->secret);
	assert_int_equal(away ? rename(s->secret, other) : rename(other, s->secret), 0);
}

static void without_the_secret_nothing_is_edited(void **state)
{
	struct signing *s = *state;

	move_secret(s, true);
	signing_reopen(s);
	expect_refused(s, set_address("www", 9), "keys");
	expect_refused(s, set_address("www", 9), "keys");
	move_secret(s, false);
	expect_done(s, set_address("www", 9));
}

/* Sealed keys would be lost for good with another one in its place. */
static void lost_secret_is_not_made_anew(void **state)
{
	struct signing *s = *state;
	struct stat is;

	move_secret(s, true);
	signing_configure(s, "  - {name: p, algorithm: ECDSAP256SHA256, csk: no}\n");
	signing_reopen(s);
	struct store_zone before = signing_stored(s);
	assert_int_equal(signing_step(s), STEP_NONE);
	assert_true(s->trouble[0] != '\0');
	assert_true(s->again > signing_now && s->again != UINT64_MAX);
	assert_int_not_equal(stat(s->secret, &is), 0);
	struct store_zone after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
	move_secret(s, false);
	signing_settle(s);
	assert_string_equal(s->trouble, "");
	signing_expect_good(s, "with the secret again", 1);
}

static void key_of_another_secret_does_not_sign(void **state)
{
	struct signing *s = *state;
	char why[VAULT_WHY_SIZE];

	move_secret(s, true);
	assert_int_equal(vault_make(s->secret, why), 0);
	signing_reopen(s);
	expect_refused(s, set_address("www", 9), "keys");
	assert_int_equal(unlink(s->secret), 0);
	move_secret(s, false);
	signing_reopen(s);
	expect_done(s, set_address("www", 9));
}

/* ---- what is the signer's ---- */

static void what_signing_makes_is_not_edited(void **state)
{
	static const uint8_t nsec[] = {0, 0, 1, 0x40};
	static const uint8_t param[] = {1, 0, 0, 0, 0};
	struct signing *s = *state;
	struct zone_change *z;
	char why[WHY];

	expect_refused(s, edit("www", RRTYPE_NSEC, (struct rdata){nsec, sizeof nsec}),
	               "type-of-signing");
	expect_refused(
		s,
		edit("example.", RRTYPE_NSEC3PARAM, (struct rdata){param, sizeof param}),
		"type-of-signing");
	/* Nor with others that would do. */
	struct change *c = signing_change(ZONE_EDIT, &z);
	const uint8_t address[] = {192, 0, 2, 9};
	add_edit(c, z, "www", RRTYPE_A, (struct rdata){address, sizeof address});
	add_edit(c, z, "ns", RRTYPE_NSEC, (struct rdata){nsec, sizeof nsec});
	expect_refused(s, c, "type-of-signing");
	c = signing_change(ZONE_EDIT, &z);
	(void)change_edit(c, z, EDIT_DELETE, (const uint8_t *)"\3www\7example",
	                  RRTYPE_NSEC);
	assert_int_equal(signing_commit(s, c, why), ERR_REFUSED);
	assert_string_equal(why, "type-of-signing");
	signing_expect_good(s, "after refusals", 1);
}

/* Whoever has it would have to sign all of the zone by it. */
static void foreign_key_of_another_algorithm_is_refused(void **state)
{
	static const uint8_t key[4 + 64] = {1, 0, 3, 13, 7};
	struct signing *s = *state;

	expect_refused(s,
	               edit("example.", RRTYPE_DNSKEY, (struct rdata){key, sizeof key}),
	               "bogus");
	expect_done(s, set_address("www", 8));
}

static void foreign_key_of_the_same_algorithm_stays(void **state)
{
	static const uint8_t key[4 + 32] = {1, 0, 3, 15, 7};
	struct signing *s = *state;
	struct store_txn *t;
	struct rrset set;

	expect_done(s, edit("example.", RRTYPE_DNSKEY, (struct rdata){key, sizeof key}));
	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(
		store_rrset_get(t, signing_stored(s).id, key, 0, RRTYPE_DNSKEY, &set), 0);
	assert_int_equal(set.count, 3);
	store_abort(&t);
}

/* TTLs that the link at the apex and the SOA have. */
static void expect_ttls(struct signing *s, uint32_t link, uint32_t soa)
{
	struct store_zone zone = signing_stored(s);
	struct store_txn *t;
	struct rrset set;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(
		store_rrset_get(t, zone.id, (const uint8_t *)"", 0, RRTYPE_NSEC, &set),
		0);
	assert_int_equal(set.ttl, link);
	assert_int_equal(store_soa_get(t, zone.id, &set), 0);
	assert_int_equal(set.ttl, soa);
	store_abort(&t);
}

static void load_large(struct signing *s)
{
	size_t room = (size_t)ZONE_CHAIN_AT_ONCE * 32;
	char *text = calloc(1, room);

	assert_non_null(text);
	size_t len = (size_t)snprintf(text, room, "%s", zone_text);
	for (unsigned i = 0; i < ZONE_CHAIN_AT_ONCE / 2; i++)
		len += (size_t)snprintf(text + len, room - len, "h%u 60 A 192.0.2.1\n",
		                        i);
	signing_load(s, text, "p");
	signing_settle(s);
	free(text);
}

static void chain_of_large_zone_gets_another_ttl_behind_the_edit(void **unused)
{
	static const uint8_t soa[] = {2,  'n', 's', 0,  1,   'h', 0, 0, 0,
	                              0,  9,   0,   0,  14,  16,  0, 0, 2,
	                              88, 0,   1,   81, 128, 0,   0, 0, 44};
	struct signing *s = signing_open(policies);

	(void)unused;
	load_large(s);
	expect_ttls(s, 300, 3600);
	struct change *c = edit("example.", RRTYPE_SOA, (struct rdata){soa, sizeof soa});
	assert_int_equal(signing_commit(s, c, NULL), 0);
	expect_ttls(s, 300, 3600);
	/* Nor do edits in between wait for that. */
	assert_int_equal(signing_commit(s, set_address("new.h1", 7), NULL), 0);
	assert_int_equal(signing_step(s), STEP_SIGN);
	expect_ttls(s, 44, 3600);
	signing_settle(s);
	signing_expect_good(s, "large", 64);
	signing_close(s);
}

static void presigned_zone_is_not_edited(void **state)
{
	struct signing *s = *state;
	struct contents *c = signing_load_contents(s);
	struct signing *other = signing_open(policies);
	struct zone_change *z;
	struct change *change = signing_change(ZONE_CREATE, &z);

	z->contents = c;
	assert_int_equal(signing_commit(other, change, NULL), 0);
	expect_refused(other, set_address("www", 9), "presigned");
	/* Nor is it signed over: whoever signs it has the keys. */
	signing_attribute(other, "p");
	struct store_zone before = signing_stored(other);
	assert_int_equal(signing_step(other), STEP_NONE);
	assert_non_null(strstr(other->trouble, "import"));
	struct store_zone after = signing_stored(other);
	assert_memory_equal(&before, &after, sizeof before);
	signing_close(other);
}

static void signed_zone_does_not_become_a_secondary(void **state)
{
	struct signing *s = *state;
	struct zone_change *z;
	struct change *c = signing_change(ZONE_EDIT, &z);

	z->attrs_set = UINT32_C(1) << ATTR_KIND;
	z->attrs.kind = ZONE_KIND_SECONDARY;
	expect_refused(s, c, "zone-is-signed");
}

/* ---- changes of keys that meet ---- */

/* A change of the zone's keys, which changes nothing about them but their version. */
static struct change *touch_keys(struct signing *s)
{
	struct store_zone zone = signing_stored(s);
	struct zone_keys *k = NULL;
	struct zone_change *z;
	struct store_txn *t;
	struct change *c = signing_change(ZONE_EDIT, &z);

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(zone_keys_look(t, &zone, &k), 0);
	store_abort(&t);
	zone_keys_change(k, c);
	zone_keys_free(&k);
	return c;
}

static void second_change_of_the_same_keys_is_stale(void **state)
{
	struct signing *s = *state;
	struct change *first = touch_keys(s);
	struct change *second = touch_keys(s);
	char why[WHY];

	assert_int_equal(signing_commit(s, first, NULL), 0);
	assert_int_equal(signing_commit(s, second, why), ERR_STALE);
	assert_int_equal(signing_commit(s, touch_keys(s), NULL), 0);
	expect_done(s, set_address("www", 9));
}

/* Two in one group are no different. */
static void keys_in_one_group_are_stale_likewise(void **state)
{
	struct signing *s = *state;
	struct change *c[2] = {touch_keys(s), touch_keys(s)};
	struct change_result r[2] = {0};
	struct commit_item items[2] = {{c[0], &r[0]}, {c[1], &r[1]}};

	assert_int_equal(commit_group(&s->committer, items, 2), 2);
	assert_int_equal(r[0].err, 0);
	assert_int_equal(r[1].err, ERR_STALE);
	change_free(&c[0]);
	change_free(&c[1]);
	assert_int_equal(committer_tick(&s->committer), 0);
	expect_done(s, set_address("www", 9));
}

/* A change of keys that is refused is not in use afterwards. */
static void refused_keys_are_forgotten(void **state)
{
	struct signing *s = *state;
	struct store_zone zone = signing_stored(s);
	struct zone_keys *k = NULL;
	struct store_txn *t;
	struct change *c =
		edit("www", RRTYPE_NSEC, (struct rdata){(const uint8_t *)"", 1});

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(zone_keys_look(t, &zone, &k), 0);
	store_abort(&t);
	zone_keys_remove(k, 0);
	zone_keys_change(k, c);
	sign_stored_change(c, zone.id, 1, NULL);
	zone_keys_free(&k);
	char why[WHY];
	assert_true(signing_commit(s, c, why) < 0);
	expect_done(s, set_address("www", 9));
}

static uint64_t signing_version(struct signing *s)
{
	uint32_t id = signing_stored(s).id;
	struct sign_state state;
	struct store_txn *t;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(sign_state_get(t, id, &state), 0);
	store_abort(&t);
	return state.version;
}

/* Contents that were signed by keys that are others meanwhile are signed by those that are. */
static void contents_signed_by_former_keys_are_signed_anew(void **state)
{
	struct signing *s = *state;
	struct zone_change *z;
	struct change *c = signing_change(ZONE_CONTENTS, &z);

	z->contents = signing_contents_of("@ 60 SOA ns host 99 1 1 1 60\n@ 60 NS ns\n"
	                                  "ns 60 A 192.0.2.7\n");
	z->signed_by = signing_version(s);
	assert_int_equal(signing_commit(s, touch_keys(s), NULL), 0);
	expect_done(s, c);
	assert_int_equal(signing_stored(s).serial, 99);
}

/* ---- contents ---- */

static void contents_that_bring_nothing_new_are_no_change(void **state)
{
	struct signing *s = *state;
	struct store_zone before = signing_stored(s);

	for (unsigned i = 0; i < 3; i++) {
		struct zone_change *z;
		struct change *c = signing_change(ZONE_CONTENTS, &z);

		signing_now += SIGNING_HOUR;
		z->contents = signing_contents_of(zone_text);
		assert_int_equal(signing_commit(s, c, NULL), 0);
		struct store_zone after = signing_stored(s);
		assert_memory_equal(&before, &after, sizeof before);
	}
}

/* ---- all or nothing ---- */

static void change_of_two_zones_is_done_to_both_or_none(void **state)
{
	static const uint8_t other[] = "\5other";
	struct signing *s = *state;
	struct zone_change *z;
	struct change *c = set_address("www", 9);

	z = change_zone(c, ZONE_EDIT, other);
	z->attrs_set = 0;
	struct store_zone before = signing_stored(s);
	char why[WHY];
	assert_int_equal(signing_commit(s, c, why), ERR_NOTFOUND);
	struct store_zone after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
	expect_done(s, set_address("www", 9));
}

static int count_key(const struct sign_stored_item *i, void *arg)
{
	(void)i;
	++*(unsigned *)arg;
	return 0;
}

static void keys_go_with_their_zone(void **state)
{
	struct signing *s = *state;
	struct zone_change *z;
	struct sign_state unused;
	struct store_txn *t;
	uint32_t id = signing_stored(s).id;
	unsigned keys = 0;

	assert_int_equal(signing_commit(s, signing_change(ZONE_REMOVE, &z), NULL), 0);
	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(sign_state_get(t, id, &unused), ERR_NOTFOUND);
	assert_int_equal(sign_stored_each(t, 0, count_key, &keys), 0);
	assert_int_equal(keys, 0);
	store_abort(&t);
	/* One of the same name has nothing of it. */
	signing_load(s, zone_text, NULL);
	assert_int_equal(signing_step(s), STEP_FORGET);
	signing_expect_bare(s);
	assert_int_equal(signing_commit(s, set_address("www", 9), NULL), 0);
	signing_attribute(s, "h");
	signing_settle(s);
	signing_expect_good(s, "again", 1);
}

static void policy_that_is_lost_leaves_the_zone_as_it_is(void **state)
{
	struct signing *s = *state;

	signing_configure(s, "  - {name: other}\n");
	struct store_zone before = signing_stored(s);
	assert_int_equal(signing_step(s), STEP_NONE);
	assert_non_null(strstr(s->trouble, "policy"));
	struct store_zone after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
	expect_done(s, set_address("www", 9));
	signing_configure(s, policies);
	signing_settle(s);
	assert_string_equal(s->trouble, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_the_secret_nothing_is_edited),
		TEST(lost_secret_is_not_made_anew),
		TEST(key_of_another_secret_does_not_sign),
		TEST(what_signing_makes_is_not_edited),
		TEST(foreign_key_of_another_algorithm_is_refused),
		TEST(foreign_key_of_the_same_algorithm_stays),
		cmocka_unit_test(chain_of_large_zone_gets_another_ttl_behind_the_edit),
		TEST(presigned_zone_is_not_edited),
		TEST(signed_zone_does_not_become_a_secondary),
		TEST(second_change_of_the_same_keys_is_stale),
		TEST(keys_in_one_group_are_stale_likewise),
		TEST(refused_keys_are_forgotten),
		TEST(contents_signed_by_former_keys_are_signed_anew),
		TEST(contents_that_bring_nothing_new_are_no_change),
		TEST(change_of_two_zones_is_done_to_both_or_none),
		TEST(keys_go_with_their_zone),
		TEST(policy_that_is_lost_leaves_the_zone_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
