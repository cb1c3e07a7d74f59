/*
 * A year in the life of a zone that is signed here: the keeper's steps, a parent that follows the zone's CDS when it likes,
 * and validators with caches of all ages. The zone is looked at whenever its last look has said, and at odd times between.
 *
 * That keys live as they should is known from life_world_test.c. Here it is what comes of it in the zone: at each
 * look, before and after it, the zone as it is served is valid by every DS that a cache may have; every DNSKEY
 * RRset that a cache may have goes with each signature that one may have; and it all is found again after a start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/sign/check.h"
#include "control/sign/ds.h"
#include "control/sign/rrsig.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"
#include "tests/signing.h"

enum {
	HOUR = SIGNING_HOUR,
	DAY = SIGNING_DAY,
	YEAR = 365 * DAY,
	VERSIONS_MAX = 64,
	TAGS_MAX = 16,
	DS_ROOM = TAGS_MAX * (2 + DS_MAX) + RRSET_HEADER,
	TWO_HOURS = 2 * HOUR,
	ZONE_TTL = TWO_HOURS,
	DNSKEY_TTL = HOUR,
	DS_TTL = DAY,
	PARENT_LAG = 6 * HOUR, /* at most, from the CDS to the DS */
	LOOKS_MAX = 20000,
};

static const char zone_text[] =
	"@ 7200 SOA ns host 1 3600 600 86400 7200\n@ 7200 NS ns\nns 7200 A 192.0.2.1\n"
	"*.w 7200 TXT x\nsub 7200 NS ns.sub\nns.sub 7200 A 192.0.2.2\n"
	"safe 7200 NS ns\nsafe 7200 DS 1 13 2 "
	"D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A\n";

static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 16) % below);
}

/* ---- what caches have ---- */

/* Algorithm and tag of each key that is in an RRset, or has signed it. */
struct tags {
	uint32_t keys[TAGS_MAX];
	unsigned count;
};

struct version {
	uint64_t until; /* it was served; UINT64_MAX: it is */
	struct tags tags;
	uint8_t ds[DS_ROOM]; /* of DS, the RRset */
	size_t size;
};

struct history {
	struct version versions[VERSIONS_MAX]; /* the last is served */
	unsigned count;
	uint32_t ttl;
};

static struct history dnskeys, signatures, parent;

static bool is_cached(const struct history *h, const struct version *v)
{
	return v->until == UINT64_MAX || v->until + h->ttl > signing_now;
}

static bool is_same(const struct version *a, const struct version *b)
{
	return a->tags.count == b->tags.count &&
	       memcmp(a->tags.keys, b->tags.keys,
	              a->tags.count * sizeof a->tags.keys[0]) == 0 &&
	       a->size == b->size && memcmp(a->ds, b->ds, a->size) == 0;
}

static void serve(struct history *h, struct version v)
{
	unsigned kept = 0;

	v.until = UINT64_MAX;
	if (h->count && is_same(&h->versions[h->count - 1], &v))
		return;
	if (h->count)
		h->versions[h->count - 1].until = signing_now;
	for (unsigned i = 0; i < h->count; i++)
		if (is_cached(h, &h->versions[i]))
			h->versions[kept++] = h->versions[i];
	assert_true(kept < VERSIONS_MAX);
	h->versions[kept] = v;
	h->count = kept + 1;
}

static void add_tag(struct tags *t, uint32_t key)
{
	assert_true(t->count < TAGS_MAX);
	t->keys[t->count++] = key;
}

static struct tags keys_of(const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);
	struct tags t = {.count = 0};

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);
		add_tag(&t, (uint32_t)d.bytes[3] << 16 | dnskey_tag(d));
	}
	return t;
}

static struct tags signers_of(const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);
	struct tags t = {.count = 0};
	struct rrsig r;

	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	for (unsigned i = 0; i < set->sig_count; i++) {
		assert_int_equal(rrsig_open(rrset_next(&at), &r), 0);
		add_tag(&t, (uint32_t)r.algorithm << 16 | r.tag);
	}
	return t;
}

/* For an algorithm, some key of one is in the other. */
static bool meet(const struct tags *a, const struct tags *b)
{
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned k = 0; k < b->count; k++)
			if (a->keys[i] == b->keys[k])
				return true;
	return false;
}

static void expect_caches_agree(const char *what)
{
	for (unsigned i = 0; i < dnskeys.count; i++)
		for (unsigned k = 0; k < signatures.count; k++) {
			const struct version *d = &dnskeys.versions[i];
			const struct version *s = &signatures.versions[k];
			if (is_cached(&dnskeys, d) && is_cached(&signatures, s) &&
			    d->tags.count && s->tags.count && !meet(&d->tags, &s->tags))
				fail_msg("%s, day %u: a cache has keys and signatures "
				         "that do not go together",
				         what,
				         (unsigned)((signing_now - SIGNING_BEGIN) / DAY));
		}
}

/* ---- the zone as it is served ---- */

static struct rrset set_in(const struct contents *c, const char *owner, uint16_t type)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX];
	struct rrset set = {.type = type};

	assert_true(name_from_text(owner, strlen(owner), signing_zone, name) > 0);
	size_t len = name_to_key(name, SIGNING_ZONE_LEN, key);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		if (r->type == type && r->key_len == len && memcmp(r->key, key, len) == 0)
			assert_int_equal(rrset_open(type, r->blob, r->size, &set), 0);
	}
	return set;
}

/* ds NULL: the parent has none. */
static void expect_valid(const struct contents *c, const struct version *ds,
                         const char *what)
{
	struct sign_check how = {.now = signing_now, .one_in = 1};
	struct rrset set;
	struct diag d;

	if (ds) {
		assert_int_equal(rrset_open(RRTYPE_DS, ds->ds, ds->size, &set), 0);
		how.ds = &set;
	}
	diag_init(&d);
	if (sign_check_contents(c, &how, &d) < 0) {
		diag_print(&d, stderr);
		fail_msg("%s, day %u: the zone is bogus", what,
		         (unsigned)((signing_now - SIGNING_BEGIN) / DAY));
	}
	diag_fini(&d);
}

/* By each DS RRset that a cache may have. */
static void expect_valid_for_all(const struct contents *c, const char *what)
{
	bool is_signed = set_in(c, "example.", RRTYPE_SOA).sig_count > 0;

	if (is_signed)
		expect_valid(c, NULL, what);
	for (unsigned i = 0; i < parent.count; i++) {
		const struct version *v = &parent.versions[i];
		if (v->tags.count && is_cached(&parent, v))
			expect_valid(c, v, what);
	}
}

static void look_at_zone(struct signing *s, const char *what)
{
	struct contents *c = signing_load_contents(s);
	struct version v = {.until = 0};
	struct rrset keys = set_in(c, "example.", RRTYPE_DNSKEY);
	struct rrset data = set_in(c, "ns", RRTYPE_A);

	v.tags = keys.count ? keys_of(&keys) : (struct tags){.count = 0};
	serve(&dnskeys, v);
	v.tags = signers_of(&data);
	serve(&signatures, v);
	expect_valid_for_all(c, what);
	expect_caches_agree(what);
	contents_free(c);
}

/* ---- the parent ---- */

static uint64_t parent_due; /* 0: it has nothing to do */

/* The DS that the zone's CDS ask for. Gives false when they ask for nothing. */
static bool asked_for(const struct contents *c, struct version *out)
{
	struct rrset cds = set_in(c, "example.", RRTYPE_CDS);
	struct rrset head = {.count = cds.count, .ttl = DS_TTL};
	const uint8_t *at = cds.count ? rrset_first(&cds) : NULL;

	*out = (struct version){.until = 0};
	if (cds.count == 0)
		return false;
	uint8_t *end = out->ds + RRSET_HEADER;
	for (unsigned i = 0; i < cds.count; i++) {
		struct rdata d = rrset_next(&at);
		if (d.bytes[2] == 0) /* none, please */
			return true;
		add_tag(&out->tags, (uint32_t)d.bytes[2] << 16 | wire_load16(d.bytes));
		end = rrset_write_rdata(end, d.bytes, d.len);
	}
	rrset_write_header(out->ds, &head);
	out->size = (size_t)(end - out->ds);
	return true;
}

static void parent_acts(struct signing *s)
{
	struct contents *c = signing_load_contents(s);
	struct version wanted;
	bool asks = asked_for(c, &wanted);

	contents_free(c);
	if (!asks || is_same(&parent.versions[parent.count - 1], &wanted)) {
		parent_due = 0;
	} else if (parent_due == 0) {
		parent_due = signing_now + pick(PARENT_LAG);
	} else if (parent_due <= signing_now) {
		serve(&parent, wanted);
		parent_due = 0;
	}
}

static bool parent_has(struct rdata dnskey)
{
	const struct version *v = &parent.versions[parent.count - 1];
	struct rrset set;

	if (v->tags.count == 0)
		return false;
	assert_int_equal(rrset_open(RRTYPE_DS, v->ds, v->size, &set), 0);
	const uint8_t *at = rrset_first(&set);
	for (unsigned i = 0; i < set.count; i++)
		if (ds_is_of(rrset_next(&at), signing_zone, dnskey))
			return true;
	return false;
}

/* It is asked for all that the last look has listed. */
static void ask_parent(struct signing *s)
{
	struct step_seen *seen = &s->seen;

	seen->count = 0;
	for (size_t i = 0; i < s->asked_count; i++) {
		struct rdata d = {.bytes = s->asked[i].dnskey, .len = s->asked[i].len};
		seen->numbers[i] = s->asked[i].number;
		seen->seen[i] = parent_has(d) ? LIFE_PRESENT : LIFE_ABSENT;
		seen->count++;
	}
	seen->ttl = parent.versions[parent.count - 1].tags.count ? DS_TTL : 0;
}

/* ---- time ---- */

static void begin_world(uint64_t seed)
{
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
	dnskeys = (struct history){.ttl = DNSKEY_TTL};
	signatures = (struct history){.ttl = ZONE_TTL};
	parent = (struct history){.ttl = DS_TTL};
	serve(&parent, (struct version){.until = 0});
	parent_due = 0;
}

static uint64_t next_look(const struct signing *s, uint64_t end)
{
	uint64_t next = s->again < end ? s->again : end;
	uint64_t early = signing_now + pick(DAY);

	if (s->ask && signing_now + TWO_HOURS < next)
		next = signing_now + TWO_HOURS;
	if (parent_due && parent_due < next)
		next = parent_due;
	if (pick(8) == 0 && early < next)
		next = early;
	return next > signing_now ? next : signing_now + 1;
}

static void live_until(struct signing *s, uint64_t end, const char *what)
{
	unsigned looks = 0;

	while (signing_now < end) {
		assert_true(looks++ < LOOKS_MAX);
		parent_acts(s);
		if (s->ask)
			ask_parent(s);
		signing_settle(s);
		if (s->trouble[0])
			fail_msg("%s: %s", what, s->trouble);
		look_at_zone(s, what);
		if (pick(50) == 0)
			signing_reopen(s);
		signing_now = next_look(s, end);
		look_at_zone(s, what);
	}
}

/* ---- keys that the zone has ---- */

/* How many it has had so far: the highest number. */
static uint32_t keys_so_far(struct signing *s)
{
	struct store_zone z = signing_stored(s);
	struct zone_keys *k = NULL;
	struct store_txn *t;
	uint32_t most = 0;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(zone_keys_look(t, &z, &k), 0);
	for (size_t i = 0; i < k->count; i++)
		most = k->keys[i].number > most ? k->keys[i].number : most;
	zone_keys_free(&k);
	store_abort(&t);
	return most;
}

static bool is_secure(void)
{
	return parent.versions[parent.count - 1].tags.count > 0;
}

#define TIMES \
	"propagation: 5m, safety: 1h, dnskey-ttl: 1h, parent-ds-ttl: 1d, purge-after: 10d"

static void csk_lives_for_years(void **state)
{
	struct signing *s = signing_open(
		"  - {name: p, algorithm: ED25519, ksk-lifetime: 40d, " TIMES "}\n");

	(void)state;
	begin_world(1);
	signing_load(s, zone_text, "p");
	live_until(s, SIGNING_BEGIN + YEAR, "CSK");
	assert_true(is_secure());
	assert_in_range(keys_so_far(s), 8, 12);
	signing_expect_good(s, "CSK", 1);
	signing_close(s);
}

static void two_keys_live_for_years(void **state)
{
	struct signing *s =
		signing_open("  - {name: p, algorithm: ED25519, csk: no, nsec3: yes,\n"
	                     "     ksk-lifetime: 90d, zsk-lifetime: 30d, " TIMES "}\n");

	(void)state;
	begin_world(2);
	signing_load(s, zone_text, "p");
	live_until(s, SIGNING_BEGIN + YEAR, "two keys");
	assert_true(is_secure());
	assert_in_range(keys_so_far(s), 14, 20);
	signing_expect_good(s, "two keys", 1);
	signing_close(s);
}

static void ds_comes_before_its_key(void **state)
{
	struct signing *s =
		signing_open("  - {name: p, algorithm: ED25519, csk: no, nsec3: yes,\n"
	                     "     nsec3-opt-out: yes, ksk-roll: double-ds,\n"
	                     "     ksk-lifetime: 30d, zsk-lifetime: 20d, " TIMES "}\n");

	(void)state;
	begin_world(3);
	signing_load(s, zone_text, "p");
	live_until(s, SIGNING_BEGIN + YEAR / 2, "double DS");
	assert_true(is_secure());
	assert_in_range(keys_so_far(s), 12, 18);
	signing_close(s);
}

/* From each of them to the next: another chain, another number of keys, another algorithm, and all at once. */
static void policies_are_changed_while_it_is_signed(void **state)
{
	static const char *const policies[] = {
		"algorithm: ED25519",
		"algorithm: ED25519, csk: no",
		"algorithm: ED25519, csk: no, nsec3: yes, nsec3-salt-length: 3",
		"algorithm: ECDSAP256SHA256, csk: no, nsec3: yes",
		"algorithm: ED25519, nsec3: yes, nsec3-opt-out: yes",
		"algorithm: ECDSAP256SHA256, signatures-validity: 20d",
		"algorithm: ED25519, csk: no, signatures-validity: 10d",
	};
	char text[512];
	struct signing *s = NULL;

	(void)state;
	begin_world(4);
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		(void)snprintf(text, sizeof text, "  - {name: p, %s, " TIMES "}\n",
		               policies[i]);
		if (s) {
			signing_configure(s, text);
		} else {
			s = signing_open(text);
			signing_load(s, zone_text, "p");
		}
		/* Once in the middle of things. */
		uint64_t end = signing_now + (i == 3 ? 3 : 30) * (uint64_t)DAY;
		live_until(s, end, policies[i]);
		assert_true(is_secure());
	}
	signing_expect_good(s, "in the end", 1);
	signing_close(s);
}

static void zone_leaves_and_comes_back(void **state)
{
	struct signing *s =
		signing_open("  - {name: p, algorithm: ED25519, csk: no, " TIMES "}\n");

	(void)state;
	begin_world(5);
	signing_load(s, zone_text, "p");
	for (unsigned i = 0; i < 3; i++) {
		live_until(s, signing_now + 30 * (uint64_t)DAY, "signed");
		assert_true(is_secure());
		signing_attribute(s, "no");
		if (i == 1) { /* it is wanted again before it has left */
			live_until(s, signing_now + 3 * (uint64_t)HOUR, "about to leave");
			signing_attribute(s, "p");
			continue;
		}
		live_until(s, signing_now + 30 * (uint64_t)DAY, "leaving");
		assert_false(is_secure());
		signing_expect_bare(s);
		signing_attribute(s, "p");
	}
	signing_close(s);
}

/* A clock that is set: signatures that do not hold yet, or no more, are made anew at once, and none of the keys is lost. What
 * caches have hangs on clocks that are right, and is not looked at. */
static void clock_is_set_back_and_forth(void **state)
{
	static const int days[] = {20, -15, 3, -300, 400, -100, 30, 30};
	struct signing *s =
		signing_open("  - {name: p, algorithm: ED25519, csk: no, nsec3: yes,\n"
	                     "     zsk-lifetime: 30d, " TIMES "}\n");

	(void)state;
	begin_world(6);
	signing_load(s, zone_text, "p");
	live_until(s, SIGNING_BEGIN + 10 * (uint64_t)DAY, "a right clock");
	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		signing_now += (uint64_t)((int64_t)days[i] * DAY);
		for (unsigned looks = 0; looks < 40; looks++) {
			signing_settle(s);
			assert_string_equal(s->trouble, "");
			signing_expect_good(s, "a clock that is set", 1);
			assert_true(s->again > signing_now);
			signing_now += SIGNING_HOUR;
		}
	}
	assert_in_range(keys_so_far(s), 4, 12);
	signing_close(s);
}

/* Years pass in which nobody looks: the machine was off. */
static void zone_is_found_again_after_years(void **state)
{
	struct signing *s = signing_open(
		"  - {name: p, algorithm: ED25519, ksk-lifetime: 30d, " TIMES "}\n");

	(void)state;
	begin_world(7);
	signing_load(s, zone_text, "p");
	for (unsigned i = 0; i < 3; i++) {
		live_until(s, signing_now + 35 * (uint64_t)DAY, "while it runs");
		assert_true(is_secure());
		signing_now += 3 * (uint64_t)YEAR + pick(DAY);
		signing_reopen(s);
		signing_settle(s);
		assert_string_equal(s->trouble, "");
		signing_expect_good(s, "after years", 1);
		struct contents *c = signing_load_contents(s);
		expect_valid_for_all(c, "after years");
		contents_free(c);
	}
	signing_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csk_lives_for_years),
		cmocka_unit_test(two_keys_live_for_years),
		cmocka_unit_test(ds_comes_before_its_key),
		cmocka_unit_test(policies_are_changed_while_it_is_signed),
		cmocka_unit_test(zone_leaves_and_comes_back),
		cmocka_unit_test(clock_is_set_back_and_forth),
		cmocka_unit_test(zone_is_found_again_after_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
