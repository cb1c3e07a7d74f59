/*
 * The check against those of others: what is good here is good for Knot, BIND and ldns; what is broken is refused
 * here, and by two of them at least: each lets something pass.
 */
#include <time.h>

#include "control/sign/check.h"
#include "control/sign/check_testing.h"
#include "control/sign/peers_testing.h"

/* Nothing that somebody refuses for other reasons. */
#define PLAIN                                                         \
	"@ 3600 SOA ns.example. host.example. 1 3600 600 86400 300\n" \
	"@ 3600 NS ns.example.\n"                                     \
	"alias 600 CNAME ns.example.\n"                               \
	"cut 600 NS ns.cut\n"                                         \
	"cut 600 " DS_OF_13 "ns.cut 600 A 192.0.2.3\n"                \
	"deep.empty 600 TXT x\n"                                      \
	"ns 600 A 192.0.2.1\n"                                        \
	"ns 600 TYPE65280 \\# 3 414243\n"                             \
	"plain 600 NS ns\n"                                           \
	"one.plains 600 NS ns\n"                                      \
	"two.plains 600 NS ns\n"                                      \
	"red 600 DNAME other.example.\n"                              \
	"*.wild 600 TXT x\n"

/* ---- others ---- */

static const char *const peers[] = {
	"kzonecheck -d on -o example. zone",
	"dnssec-verify -x -q -o example zone",
	"ldns-verify-zone zone",
};

static void write_zone(const struct contents *c)
{
	FILE *to = fopen("zone", "w");

	assert_non_null(to);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;

		assert_true(name_from_key(r->key, r->key_len, c->apex, owner) > 0);
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		assert_int_equal(zonefile_write_rrset(to, owner, &set), 0);
	}
	assert_int_equal(fclose(to), 0);
}

static bool takes(const char *peer)
{
	char command[128];

	(void)snprintf(command, sizeof command, "%s >out 2>&1", peer);
	return system(command) == 0; /* NOLINT(cert-env33-c) */
}

/* ldns does not know of opt-out: it wants an NSEC3 for every delegation. */
static void expect_taken(struct fixture *f, size_t count)
{
	expect_good(f);
	write_zone(f->zone.contents);
	for (size_t i = 0; i < count; i++)
		if (!takes(peers[i])) {
			(void)system("cat out"); /* NOLINT(cert-env33-c) */
			fail_msg("%s", peers[i]);
		}
}

static void expect_refused(struct fixture *f, const char *what)
{
	unsigned refused = 0;

	assert_int_equal(check(f), ERR_REFUSED);
	write_zone(f->zone.contents);
	for (size_t i = 0; i < ARRAY_LEN(peers); i++)
		refused += !takes(peers[i]);
	if (refused < 2)
		fail_msg("%s: refused by %u others", what, refused);
}

static int begin(void **state)
{
	if (setup(state) != 0)
		return -1;
	struct fixture *f = *state;
	f->terms.now = f->how.now = (uint64_t)time(NULL);
	return 0;
}

static void put_nsec(struct fixture *f)
{
	const struct chain_params p = {.kind = CHAIN_NSEC};

	read_zone(f, PLAIN, 2);
	assert_int_equal(chain_put(f->zone.contents, &p), 0);
}

/* ---- tests ---- */

static void all_agree_on_what_is_good(void **state)
{
	struct fixture *f = *state;

	put_nsec(f);
	sign_zone(f);
	expect_taken(f, 3);
	hashed_zone_of(f, PLAIN, false);
	sign_zone(f);
	expect_taken(f, 3);
	hashed_zone_of(f, PLAIN, true);
	sign_zone(f);
	expect_taken(f, 2);
}

/* One way to break a zone. */
struct breaking {
	const char *owner;
	uint16_t type;
	enum { STRIP, DROP, FLIP } how; /* FLIP: bits of an octet of the record */
	unsigned octet;
	uint8_t bits;
};

static void break_set(struct fixture *f, const struct breaking *b,
                      struct contents_rrset *r)
{
	if (b->how == STRIP)
		strip(r);
	else if (b->how == DROP)
		drop(f, r);
	else
		octets_of_record(r)[b->octet] ^= b->bits;
}

static void signatures_that_are_wrong_are_refused(void **state)
{
	static const struct breaking ways[] = {
		{"ns", RRTYPE_A, STRIP, 0, 0},
		{"cut", RRTYPE_DS, STRIP, 0, 0},
		{"example.", RRTYPE_SOA, STRIP, 0, 0},
		{"example.", RRTYPE_DNSKEY, STRIP, 0, 0},
		{"red", RRTYPE_NSEC, STRIP, 0, 0},
		{"ns", RRTYPE_A, FLIP, 3, 1},
		{"cut", RRTYPE_DS, FLIP, 9, 1},
		{"*.wild", RRTYPE_TXT, FLIP, 1, 1},
		{"cut", RRTYPE_NSEC, FLIP, 3, 1},
		{"red", RRTYPE_NSEC, DROP, 0, 0},
		{"ns", RRTYPE_NSEC, DROP, 0, 0},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		char what[64];

		put_nsec(f);
		sign_zone(f);
		break_set(f, &ways[i], at(f, ways[i].owner, ways[i].type));
		(void)snprintf(what, sizeof what, "%s type %u", ways[i].owner,
		               ways[i].type);
		expect_refused(f, what);
	}
}

static void a_chain_that_is_wrong_is_refused(void **state)
{
	enum { NEXT = 7, TYPES = NEXT + NSEC3_HASH_LEN + 2 };
	static const struct breaking ways[] = {
		{"ns", 0, DROP, 0, 0},         {"empty", 0, DROP, 0, 0},
		{"cut", 0, DROP, 0, 0},        {"example.", 0, DROP, 0, 0},
		{"*.wild", 0, DROP, 0, 0},     {"ns", 0, FLIP, NEXT, 1},
		{"red", 0, FLIP, TYPES, 0x40}, {"plain", 0, FLIP, TYPES, 0x40},
		{"ns", 0, FLIP, TYPES, 0x40},  {"ns", 0, FLIP, 3, 1},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		char what[64];

		hashed_zone_of(f, PLAIN, false);
		break_set(f, &ways[i], link_of(f, ways[i].owner));
		sign_zone(f);
		(void)snprintf(what, sizeof what, "NSEC3 of %s, way %zu", ways[i].owner,
		               i);
		expect_refused(f, what);
	}
}

static void keys_and_times_that_are_wrong_are_refused(void **state)
{
	struct fixture *f = *state;

	f->terms.now -= 30ULL * DAY;
	put_nsec(f);
	sign_zone(f);
	expect_refused(f, "expired");
	f->terms.now += 60ULL * DAY;
	put_nsec(f);
	sign_zone(f);
	expect_refused(f, "not yet valid");
	f->terms.now -= 30ULL * DAY;
	f->with[0].parts = 0;
	f->with[1].parts = SIGN_KEYS | SIGN_ZONE;
	put_nsec(f);
	sign_zone(f);
	expect_refused(f, "no KSK has signed");
	read_zone(f, PLAIN, 0);
	expect_refused(f, "not signed");
}

#define PEERS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEERS_TEST(all_agree_on_what_is_good),
		PEERS_TEST(signatures_that_are_wrong_are_refused),
		PEERS_TEST(a_chain_that_is_wrong_is_refused),
		PEERS_TEST(keys_and_times_that_are_wrong_are_refused),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
