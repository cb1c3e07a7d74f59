/* What tests of the check share: a zone in which there is all that matters to signing, signed, and ways to break it. */
#ifndef CONTROL_SIGN_CHECK_TESTING_H
#define CONTROL_SIGN_CHECK_TESTING_H

#include "control/sign/bulk.h"
#include "control/sign/chain_internal.h"
#include "control/sign/check.h"
#include "control/sign/rrsig.h"
#include "control/sign/testing.h"

enum { NOW = 1700000000, DAY = 86400 };

#define DS_OF_13 \
	"DS 1 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A\n"

#define DATA                                                          \
	"@ 3600 SOA ns.example. host.example. 1 3600 600 86400 300\n" \
	"@ 3600 NS ns.example.\n"                                     \
	"alias 600 CNAME ns.example.\n"                               \
	"cut 600 NS ns.cut\n"                                         \
	"cut 600 " DS_OF_13 /*                                     */ \
	"cut 600 TXT hidden\n"                                        \
	"ns.cut 600 A 192.0.2.3\n"                                    \
	"deep.empty 600 TXT x\n"                                      \
	"ns 600 A 192.0.2.1\n"                                        \
	"ns 600 TYPE65280 \\# 3 414243\n"                             \
	"plain 600 NS ns\n"                                           \
	"one.plains 600 NS ns\n"                                      \
	"two.plains 600 NS ns\n"                                      \
	"red 600 DNAME other.example.\n"                              \
	"below.red 600 A 192.0.2.5\n"                                 \
	"*.wild 600 TXT x\n"

/* The chain that goes with them. */
#define NSEC_APEX  "@ 300 NSEC alias NS SOA RRSIG NSEC DNSKEY\n"
#define NSEC_ALIAS "alias 300 NSEC cut CNAME RRSIG NSEC\n"
#define NSEC_CUT   "cut 300 NSEC deep.empty NS DS RRSIG NSEC\n"
#define NSEC_DEEP  "deep.empty 300 NSEC ns TXT RRSIG NSEC\n"
#define NSEC_NS    "ns 300 NSEC plain A RRSIG NSEC TYPE65280\n"
#define NSEC_PLAIN "plain 300 NSEC one.plains NS RRSIG NSEC\n"
#define NSEC_PLAINS                                      \
	"one.plains 300 NSEC two.plains NS RRSIG NSEC\n" \
	"two.plains 300 NSEC red NS RRSIG NSEC\n"
#define NSEC_RED  "red 300 NSEC *.wild DNAME RRSIG NSEC\n"
#define NSEC_WILD "*.wild 300 NSEC @ TXT RRSIG NSEC\n"
#define CHAIN                                                                           \
	NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAIN NSEC_PLAINS NSEC_RED \
		NSEC_WILD

static const struct sign_periods periods = {.validity = 14 * DAY, .skew = 3600};

/* ---- a zone that is signed ---- */

struct fixture {
	struct test_zone zone;
	struct sign_key *keys[3]; /* KSK, ZSK, another */
	struct sign_with with[3];
	struct sign_terms terms;
	struct bulk_progress progress;
	struct sign_check how;
	struct diag found;
};

UNUSED static int setup(void **state)
{
	static const unsigned parts[] = {SIGN_KEYS, SIGN_ZONE, 0};
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &f->keys[0]),
	                 0);
	f->keys[1] = new_key(SIGN_ED25519);
	f->keys[2] = new_key(SIGN_ECDSAP256SHA256);
	for (size_t i = 0; i < ARRAY_LEN(f->keys); i++)
		f->with[i] = (struct sign_with){.key = f->keys[i], .parts = parts[i]};
	f->terms = (struct sign_terms){.zone = test_apex,
	                               .keys = f->with,
	                               .key_count = 2,
	                               .periods = &periods,
	                               .now = NOW};
	f->how = (struct sign_check){.now = NOW, .one_in = 1, .threads = 2};
	diag_init(&f->found);
	diag_init(&f->zone.diag);
	*state = f;
	return 0;
}

static void drop_zone(struct fixture *f)
{
	test_zone_fini(&f->zone);
	diag_fini(&f->found);
}

UNUSED static int teardown(void **state)
{
	struct fixture *f = *state;

	drop_zone(f);
	for (size_t i = 0; i < ARRAY_LEN(f->keys); i++)
		sign_key_free(&f->keys[i]);
	free(f);
	return 0;
}

/* Reads a zone and the first DNSKEYs. */
static void read_zone(struct fixture *f, const char *text, size_t keys)
{
	char *all = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&all, &size);

	assert_non_null(to);
	(void)fputs(text, to);
	for (size_t i = 0; i < keys; i++) {
		struct rdata d = sign_key_dnskey(f->keys[i]);
		(void)fprintf(to, "@ 3600 DNSKEY \\# %u ", d.len);
		for (unsigned n = 0; n < d.len; n++)
			(void)fprintf(to, "%02x", d.bytes[n]);
		(void)fprintf(to, "\n");
	}
	(void)fclose(to);
	drop_zone(f);
	test_zone_of(&f->zone, all, size);
	if (f->zone.err < 0)
		test_expect(&f->zone.diag, NULL, all);
	free(all);
}

static void sign_zone(struct fixture *f)
{
	const struct bulk b = {.contents = f->zone.contents,
	                       .terms = &f->terms,
	                       .threads = 1,
	                       .progress = &f->progress};

	assert_int_equal(bulk_sign(&b), 0);
}

UNUSED static void signed_zone(struct fixture *f, const char *text)
{
	read_zone(f, text, 2);
	sign_zone(f);
}

static const struct chain_params hashing = {
	.kind = CHAIN_NSEC3, .iterations = 2, .salt_len = 1, .salt = {7}};

/* Reads a zone and puts a chain of NSEC3 into it, which can be broken before it is signed. */
UNUSED static void hashed_zone_of(struct fixture *f, const char *text, bool opt_out)
{
	struct chain_params p = hashing;

	p.opt_out = opt_out;
	read_zone(f, text, 2);
	assert_int_equal(chain_put(f->zone.contents, &p), 0);
}

UNUSED static void hashed_zone(struct fixture *f, bool opt_out)
{
	hashed_zone_of(f, DATA, opt_out);
}

/* ---- what is found ---- */

static int check(struct fixture *f)
{
	diag_fini(&f->found);
	return sign_check_contents(f->zone.contents, &f->how, &f->found);
}

UNUSED static void expect_good(struct fixture *f)
{
	int err = check(f);

	test_expect(&f->found, NULL, "a good zone");
	assert_int_equal(err, 0);
}

/* Fails unless there are findings, and all are of this rule. */
static void expect(struct fixture *f, const char *rule)
{
	int err = check(f);

	test_expect(&f->found, rule, "a broken zone");
	assert_int_equal(err, f->found.errors ? ERR_REFUSED : 0);
	for (size_t i = 0; i < f->found.kept; i++)
		if (strcmp(f->found.entries[i].rule, rule) != 0) {
			diag_print(&f->found, stderr);
			fail_msg("%s beside %s", f->found.entries[i].rule, rule);
		}
}

/* Gives the first that was said by a rule; fails when there is none. */
UNUSED static const char *said(const struct fixture *f, const char *rule)
{
	const struct diag_entry *e = test_rule(&f->found, rule);

	test_expect(&f->found, rule, "a broken zone");
	return e && e->text ? e->text : "";
}

UNUSED static void expect_said(const struct fixture *f, const char *rule,
                               const char *text)
{
	const char *is = said(f, rule);

	if (!strstr(is, text))
		fail_msg("\"%s\" has no \"%s\"", is, text);
}

UNUSED static void expect_error(struct fixture *f, const char *rule)
{
	expect(f, rule);
	assert_true(f->found.errors > 0);
	assert_int_equal(f->found.warnings, 0);
}

UNUSED static void expect_warning(struct fixture *f, const char *rule)
{
	expect(f, rule);
	assert_int_equal(f->found.errors, 0);
}

/* ---- breaking it ---- */

static struct contents_rrset *at_key(const struct fixture *f, const uint8_t *key,
                                     size_t len, uint16_t type)
{
	struct contents *c = f->zone.contents;

	for (size_t i = 0; i < c->count; i++)
		if (c->rrsets[i].type == type && c->rrsets[i].key_len == len &&
		    (len == 0 || memcmp(c->rrsets[i].key, key, len) == 0))
			return &c->rrsets[i];
	fail_msg("no RRset of type %u", type);
	return NULL;
}

UNUSED static struct contents_rrset *at(const struct fixture *f, const char *owner,
                                        uint16_t type)
{
	struct test_name name = test_name(owner);
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_to_key(name.wire, f->zone.contents->apex_len, key);

	return at_key(f, key, len, type);
}

/* The NSEC3 of a name. */
UNUSED static struct contents_rrset *link_of(const struct fixture *f, const char *owner)
{
	const struct chain c = {
		.params = &hashing, .apex = test_apex, .apex_len = sizeof test_apex};
	struct test_name name = test_name(owner);
	struct chain_key key;
	struct chain_key hash;

	key.len = name_to_key(name.wire, sizeof test_apex, key.bytes);
	chain_link_key(&c, &key, &hash);
	return at_key(f, hash.bytes, hash.len, RRTYPE_NSEC3);
}

UNUSED static void drop(struct fixture *f, const struct contents_rrset *r)
{
	struct contents *c = f->zone.contents;
	size_t i = (size_t)(r - c->rrsets);

	memmove(&c->rrsets[i], &c->rrsets[i + 1], (c->count - i - 1) * sizeof *r);
	c->count--;
}

/* The octets of an RRset, to be changed: an arena's are nobody else's. */
static uint8_t *octets(struct contents_rrset *r)
{
	uint8_t *blob;

	memcpy(&blob, &r->blob, sizeof blob);
	return blob;
}

/* The first record's. */
UNUSED static uint8_t *octets_of_record(struct contents_rrset *r)
{
	return octets(r) + RRSET_HEADER + sizeof(uint16_t);
}

/* Those of its last signature. */
UNUSED static uint8_t *last_signature(struct contents_rrset *r)
{
	return octets(r) + r->size - (RRSIG_FIXED + sizeof test_apex + 64);
}

UNUSED static void strip(struct contents_rrset *r)
{
	struct rrset set;

	assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
	rrsig_blob_write(&set, NULL, 0, octets(r));
	r->size = (uint32_t)rrsig_blob_size(&set, NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
