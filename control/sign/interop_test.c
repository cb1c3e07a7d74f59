/*
 * Signing as others do it: what is signed here ldns and BIND find good, and what BIND signs is good here.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "control/sign/rrsig.h"
#include "control/sign/testing.h"
#include "control/sign/verifier.h"

static const uint8_t apex[] = "\7example";

#define RECORDS                                                              \
	"@ 3600 SOA NS.Example. Host.example. 1 3600 600 86400 300\n"        \
	"@ 3600 NS NS.example.\n"                                            \
	"Alias 600 CNAME B.Example.\n"                                       \
	"cut 600 NS ns.Cut\n"                                                \
	"cut 600 DS 1 13 2 "                                                 \
	"D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A\n" \
	"many 600 MX 10 B.Example.\n"                                        \
	"many 600 MX 5 a\n"                                                  \
	"many 600 SRV 1 2 3 B.Example.\n"                                    \
	"many 600 RP A.Example. B.Example.\n"                                \
	"many 600 AFSDB 1 A.Example.\n"                                      \
	"many 600 KX 1 A.Example.\n"                                         \
	"many 600 NAPTR 1 2 \"U\" \"\" \"\" A.Example.\n"                    \
	"many 600 TXT \"Case Counts\" \"\"\n"                                \
	"many 600 TYPE65280 \\# 3 414243\n"                                  \
	"many 600 SVCB 1 A.Example. port=53\n"                               \
	"ns 600 A 192.0.2.2\n"                                               \
	"ns 600 A 192.0.2.1\n"                                               \
	"ns 600 AAAA 2001:db8::1\n"                                          \
	"red 600 DNAME Other.Example.\n"                                     \
	"*.Wild 600 TXT x\n"

/* The chain that goes with them. */
#define CHAIN                                                                       \
	"@ 300 NSEC alias NS SOA RRSIG NSEC DNSKEY\n"                               \
	"alias 300 NSEC cut CNAME RRSIG NSEC\n"                                     \
	"cut 300 NSEC many NS DS RRSIG NSEC\n"                                      \
	"many 300 NSEC ns MX TXT RP AFSDB SRV NAPTR KX RRSIG NSEC SVCB TYPE65280\n" \
	"ns 300 NSEC red A AAAA RRSIG NSEC\n"                                       \
	"red 300 NSEC *.wild DNAME RRSIG NSEC\n"                                    \
	"*.wild 300 NSEC @ TXT RRSIG NSEC\n"

/* Where files are written. */
struct place {
	char directory[32];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	assert_non_null(p);
	(void)strcpy(p->directory, "/tmp/anser-sign-XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	*state = p;
	return 0;
}

static void run(const struct place *p, const char *format, ...) PRINTF_LIKE(2, 3);
static void run(const struct place *p, const char *format, ...)
{
	char command[512];
	va_list args;
	int len = snprintf(command, sizeof command, "cd %s && { ", p->directory);

	va_start(args, format);
	len += vsnprintf(command + len, sizeof command - (size_t)len, format, args);
	va_end(args);
	(void)snprintf(command + len, sizeof command - (size_t)len,
	               "; } >out 2>&1 || { cat out; false; }");
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int teardown(void **state)
{
	struct place *p = *state;

	run(p, "rm -f ./*");
	assert_int_equal(rmdir(p->directory), 0);
	free(p);
	return 0;
}

static FILE *open_file(const struct place *p, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%s/%s", p->directory, name);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	return to;
}

/* ---- signed here ---- */

struct signing {
	struct sign_key *ksk;
	struct sign_key *zsk;
	struct signer *by_ksk;
	struct signer *by_zsk;
	struct rrsig_room room;
};

static void begin(struct signing *s, uint8_t algorithm)
{
	*s = (struct signing){0};
	assert_int_equal(
		sign_key_generate(algorithm, TEST_RSA_BITS, SIGN_FLAGS_KSK, &s->ksk), 0);
	assert_int_equal(
		sign_key_generate(algorithm, TEST_RSA_BITS, SIGN_FLAGS_ZSK, &s->zsk), 0);
	assert_int_equal(signer_new(s->ksk, &s->by_ksk), 0);
	assert_int_equal(signer_new(s->zsk, &s->by_zsk), 0);
}

static void end(struct signing *s)
{
	signer_free(&s->by_ksk);
	signer_free(&s->by_zsk);
	sign_key_free(&s->ksk);
	sign_key_free(&s->zsk);
	rrsig_room_fini(&s->room);
}

static void put_dnskey(FILE *to, struct rdata dnskey)
{
	(void)fprintf(to, "@ 3600 DNSKEY \\# %u ", dnskey.len);
	for (unsigned i = 0; i < dnskey.len; i++)
		(void)fprintf(to, "%02x", dnskey.bytes[i]);
	(void)fprintf(to, "\n");
}

/* Reads the zone with its keys in it. */
static void read_zone(const struct signing *s, struct test_zone *z)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	(void)fputs(RECORDS CHAIN, to);
	put_dnskey(to, sign_key_dnskey(s->ksk));
	put_dnskey(to, sign_key_dnskey(s->zsk));
	(void)fclose(to);
	test_zone_of(z, text, size);
	test_expect(&z->diag, NULL, text);
	free(text);
}

/* Gives the RRset signed, in a blob to be freed. */
static uint8_t *sign_set(struct signing *s, const uint8_t *owner, const struct rrset *set,
                         uint32_t now, struct rrset *out)
{
	const struct signed_set what = {.owner = owner, .zone = apex, .set = set};
	const struct rrsig_times times = {now - 3600, now + 86400};
	uint8_t bytes[2][RRSIG_MAX];
	struct rdata signatures[2];
	unsigned count = set->type == RRTYPE_DNSKEY ? 2 : 1;

	for (unsigned i = 0; i < count; i++) {
		int len = rrsig_make(i == 0 ? s->by_zsk : s->by_ksk, &s->room, &what,
		                     times, bytes[i]);
		assert_true(len > 0);
		signatures[i] = (struct rdata){.bytes = bytes[i], .len = (uint16_t)len};
	}
	size_t size = rrsig_blob_size(set, signatures, count);
	uint8_t *blob = malloc(size);
	assert_non_null(blob);
	rrsig_blob_write(set, signatures, count, blob);
	assert_int_equal(rrset_open(set->type, blob, size, out), 0);
	return blob;
}

static void write_signed(struct signing *s, const struct contents *c, FILE *to)
{
	uint32_t now = (uint32_t)time(NULL);

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;

		assert_true(name_from_key(r->key, r->key_len, apex, owner) > 0);
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		if (r->type == RRTYPE_NS && r->key_len) { /* the cut's are not signed */
			assert_int_equal(zonefile_write_rrset(to, owner, &set), 0);
			continue;
		}
		uint8_t *blob = sign_set(s, owner, &set, now, &set);
		assert_int_equal(zonefile_write_rrset(to, owner, &set), 0);
		free(blob);
	}
}

static void ldns_and_bind_find_it_good(void **state)
{
	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signing s;
		struct test_zone z;

		begin(&s, test_algorithms[i]);
		read_zone(&s, &z);
		FILE *to = open_file(p, "zone");
		write_signed(&s, z.contents, to);
		(void)fclose(to);
		run(p, "ldns-verify-zone zone");
		run(p, "dnssec-verify -x -o example zone");
		test_zone_fini(&z);
		end(&s);
	}
}

/* ---- signed by BIND ---- */

static char *slurp(const struct place *p, const char *name, size_t *len)
{
	enum { ROOM = 1 << 20 };
	char path[64];
	char *text = malloc(ROOM);

	(void)snprintf(path, sizeof path, "%s/%s", p->directory, name);
	FILE *from = fopen(path, "r");
	assert_non_null(text);
	assert_non_null(from);
	*len = fread(text, 1, ROOM, from);
	assert_true(*len > 0 && *len < ROOM);
	(void)fclose(from);
	return text;
}

static void expect_all_good(const struct contents *c)
{
	struct rrset dnskeys = test_rrset(c, "example.", RRTYPE_DNSKEY);
	struct verifier *v = verifier_new(apex, &dnskeys);
	unsigned signatures = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;

		assert_true(name_from_key(r->key, r->key_len, apex, owner) > 0);
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		signatures += set.sig_count;
		enum rrsig_fault fault =
			verifier_check_set(v, owner, &set, (uint64_t)time(NULL));
		if (fault)
			fail_msg("type %u %s", r->type, rrsig_fault_text(fault));
	}
	assert_int_equal(signatures, 26); /* 17 RRsets, 7 NSEC, the DNSKEYs by two */
	verifier_free(&v);
}

static void what_bind_signs_is_good(void **state)
{
	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		const char *bits = is_rsa(test_algorithms[i]) ? "-b 1024" : "";
		struct test_zone z;
		size_t len;

		FILE *to = open_file(p, "plain");
		(void)fputs(RECORDS, to);
		(void)fclose(to);
		run(p,
		    "rm -f K*; dnssec-keygen -q -a %u %s example && "
		    "dnssec-keygen -q -f KSK -a %u %s example",
		    test_algorithms[i], bits, test_algorithms[i], bits);
		run(p, "dnssec-signzone -S -P -O full -o example -f signed plain");
		char *text = slurp(p, "signed", &len);
		test_zone_of(&z, text, len);
		test_expect(&z.diag, NULL, text);
		expect_all_good(z.contents);
		test_zone_fini(&z);
		free(text);
	}
}

/* ---- the root zone ---- */

/* The day on which the root zone of the test data was published: 2017-08-21, at noon. */
enum { ITS_DAY = 1503316800 };

/* Counts what is wrong with the signatures of a whole zone. */
static void count_faults(const struct contents *c, uint64_t now,
                         unsigned faults[static RRSIG_WRONG + 1])
{
	const struct rrset none = {0};
	struct rrset set = none;
	const struct contents_rrset *r;

	for (r = c->rrsets; r < c->rrsets + c->count && r->key_len == 0; r++)
		if (r->type == RRTYPE_DNSKEY)
			assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
	assert_true(set.count > 0);
	struct verifier *v = verifier_new(c->apex, &set);
	for (r = c->rrsets; r < c->rrsets + c->count; r++) {
		uint8_t owner[NAME_MAX_LEN];

		assert_true(name_from_key(r->key, r->key_len, c->apex, owner) > 0);
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		if (set.sig_count)
			faults[verifier_check_set(v, owner, &set, now)]++;
	}
	verifier_free(&v);
}

static void the_root_zone_of_2017_is_good_in_its_time_only(void **state)
{
	enum { ROOM = 4 << 20, SIGNED = 2950, DAY = 86400 };
	static const uint8_t root[] = {0};
	unsigned faults[3][RRSIG_WRONG + 1] = {{0}};
	FILE *from = popen("gzip -dc " ANSER_SOURCE_DIR "/tests/data/root.zone.gz", "r");
	char *text = malloc(ROOM);
	struct contents *c = NULL;
	struct diag diag;

	(void)state;
	assert_non_null(from);
	assert_non_null(text);
	size_t len = fread(text, 1, ROOM, from);
	assert_int_equal(pclose(from), 0);
	diag_init(&diag);
	assert_int_equal(zonefile_parse(text, len, "root.zone", root, &c, &diag), 0);
	count_faults(c, ITS_DAY, faults[0]);
	count_faults(c, ITS_DAY - 60 * DAY, faults[1]);
	count_faults(c, ITS_DAY + 60 * DAY, faults[2]);
	assert_int_equal(faults[0][RRSIG_GOOD], SIGNED);
	assert_int_equal(faults[1][RRSIG_NOT_YET], SIGNED);
	assert_int_equal(faults[2][RRSIG_EXPIRED], SIGNED);
	contents_free(c);
	diag_fini(&diag);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ldns_and_bind_find_it_good),
		cmocka_unit_test(what_bind_signs_is_good),
		cmocka_unit_test(the_root_zone_of_2017_is_good_in_its_time_only),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
