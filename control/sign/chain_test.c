#include "control/sign/chain.h"

#include <unistd.h>

#include "control/sign/chain_internal.h"
#include "control/zone/rdata_text.h"
#include "control/zone/testing.h"
#include "shared/wire.h"

enum { TEXT_MAX = 65536 };

#define SHA256_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* What there is to get wrong. */
static const char fixture_zone[] = "@ 7200 SOA ns hostmaster 1 3600 600 86400 1800\n"
				   "@ NS ns\n"
				   "@ MX 10 mail\n"
				   "ns A 192.0.2.1\n"
				   "mail A 192.0.2.2\n"
				   "* TXT \"wild\"\n"
				   "*.w.x TXT \"wild below nothing\"\n"
				   "*.alias CNAME mail\n"
				   "www CNAME mail\n"
				   "a.b.c TXT \"below nothing\"\n"
				   "insecure NS ns.insecure\n"
				   "ns.insecure A 192.0.2.3\n"
				   "x.y.insecure A 192.0.2.4\n"
				   "insecure TXT \"hidden\"\n"
				   "deeper.insecure NS ns\n"
				   "deeper.insecure DS 1 13 2 " SHA256_ZEROS "\n"
				   "secure NS ns.secure\n"
				   "secure DS 1 13 2 " SHA256_ZEROS "\n"
				   "ns.secure A 192.0.2.5\n"
				   "one.only-insecure NS ns\n"
				   "two.only-insecure NS ns\n"
				   "three.deep.only-insecure NS ns\n"
				   "one.mixed NS ns\n"
				   "two.mixed NS ns\n"
				   "two.mixed DS 1 13 2 " SHA256_ZEROS "\n"
				   "data-above TXT \"x\"\n"
				   "one.data-above NS ns\n"
				   "moved DNAME other.\n"
				   "moved TXT \"beside\"\n"
				   "odd TYPE65280 \\# 1 00\n"
				   "odd TYPE1234 \\# 1 00\n"
				   "odd SVCB 1 . alpn=h2\n"
				   "odd CAA 0 issue \"x\"\n"
				   "odd TLSA 3 1 1 " SHA256_ZEROS "\n"
				   "h\\000x A 192.0.2.1\n"
				   "h\\001x A 192.0.2.1\n"
				   "h\\255x A 192.0.2.1\n";

/* ---- chains compared ---- */

/* Gives the RRsets of a chain as text, one a line; NSEC3PARAM without its TTL. */
static char *chain_text(const struct contents *c)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t name[NAME_MAX_LEN];
		struct rrset set;

		if (!chain_is_denial(r->key_len, r->type))
			continue;
		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		assert_true(name_from_key(r->key, r->key_len, c->apex, name) > 0);
		set.sig_count = 0;
		if (r->type == RRTYPE_NSEC3PARAM)
			set.ttl = 0;
		assert_int_equal(zonefile_write_rrset(to, name, &set), 0);
	}
	assert_int_equal(fclose(to), 0);
	return text;
}

static struct contents *read_zone(const char *text)
{
	static char whole[TEXT_MAX];
	struct test_zone z;

	int len = snprintf(whole, sizeof whole, "$ORIGIN example.\n$TTL 3600\n%s", text);
	assert_true(len > 0 && (size_t)len < sizeof whole);
	test_zone_of(&z, whole, (size_t)len);
	if (z.err)
		diag_print(&z.diag, stderr);
	diag_fini(&z.diag);
	assert_int_equal(z.err, 0);
	return z.contents;
}

static void expect_chain(const char *zone, const struct chain_params *p,
                         const char *expected)
{
	struct contents *c = read_zone(zone);

	assert_int_equal(chain_put(c, p), 0);
	char *text = chain_text(c);
	assert_string_equal(text, expected);
	free(text);
	contents_free(c);
}

/* ---- without anybody else ---- */

#define SOA "@ 7200 SOA ns . 1 3600 600 86400 1800\n@ NS ns\n"

static void nsec_names_what_the_zone_answers_for(void **state)
{
	(void)state;
	expect_chain(SOA "a.b A 192.0.2.1\n"
	                 "sub NS ns.sub\n"
	                 "sub A 192.0.2.1\n"
	                 "ns.sub A 192.0.2.1\n"
	                 "sub DS 1 13 2 " SHA256_ZEROS "\n",
	             &(struct chain_params){.kind = CHAIN_NSEC},
	             "example.\t1800\tIN\tNSEC\ta.b.example. NS SOA RRSIG NSEC\n"
	             "a.b.example.\t1800\tIN\tNSEC\tsub.example. A RRSIG NSEC\n"
	             "sub.example.\t1800\tIN\tNSEC\texample. NS DS RRSIG NSEC\n");
}

static void a_chain_of_one_names_itself(void **state)
{
	(void)state;
	expect_chain(SOA, &(struct chain_params){.kind = CHAIN_NSEC},
	             "example.\t1800\tIN\tNSEC\texample. NS SOA RRSIG NSEC\n");
}

static void ttl_is_the_soas_when_that_is_less(void **state)
{
	(void)state;
	expect_chain("@ 60 SOA ns . 1 3600 600 86400 1800\n@ NS ns\n",
	             &(struct chain_params){.kind = CHAIN_NSEC},
	             "example.\t60\tIN\tNSEC\texample. NS SOA RRSIG NSEC\n");
}

static void what_there_was_is_replaced(void **state)
{
	static const char old[] = SOA "@ NSEC3PARAM 1 0 5 abcd\n"
				      "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 5 abcd "
				      "2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
				      "@ NSEC www A\n"
				      "gone NSEC @ A\n";
	struct contents *c = read_zone(old);

	(void)state;
	assert_int_equal(chain_put(c, &(struct chain_params){.kind = CHAIN_NSEC}), 0);
	char *text = chain_text(c);
	assert_string_equal(text,
	                    "example.\t1800\tIN\tNSEC\texample. NS SOA RRSIG NSEC\n");
	free(text);
	assert_int_equal(c->count, 3);
	assert_int_equal(c->records, 3);
	assert_int_equal(chain_put(c, &(struct chain_params){.kind = CHAIN_NONE}), 0);
	assert_int_equal(c->count, 2);
	assert_int_equal(c->records, 2);
	contents_free(c);
}

static void contents_stay_in_order(void **state)
{
	static const enum chain_kind kinds[] = {CHAIN_NSEC, CHAIN_NSEC3, CHAIN_NONE};
	struct contents *c = read_zone(fixture_zone);

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		assert_int_equal(chain_put(c, &(struct chain_params){.kind = kinds[k]}),
		                 0);
		for (size_t i = 1; i < c->count; i++)
			assert_true(change_sets_compare(
					    c->rrsets[i - 1].key,
					    c->rrsets[i - 1].key_len,
					    c->rrsets[i - 1].type, c->rrsets[i].key,
					    c->rrsets[i].key_len, c->rrsets[i].type) < 0);
	}
	contents_free(c);
}

static void a_zone_without_soa_has_no_chain(void **state)
{
	struct contents *c = read_zone("@ NS ns\n");

	(void)state;
	assert_int_equal(chain_put(c, &(struct chain_params){.kind = CHAIN_NSEC}),
	                 ERR_INVALID);
	assert_int_equal(c->count, 1);
	contents_free(c);
}

/* Of 255 octets a label of 32 digits leaves 222 for the zone's name. */
static void a_hash_must_fit_before_the_zones_name(void **state)
{
	static const struct {
		unsigned last; /* octets of the first label */
		int expected;
	} cases[] = {{28, 0}, {29, ERR_TOOBIG}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct contents *c = read_zone(SOA);
		uint8_t *at = c->apex;

		*at = (uint8_t)cases[i].last;
		memset(at + 1, 'a', cases[i].last);
		at += 1 + cases[i].last;
		for (unsigned j = 0; j < 3; j++, at += 64) {
			*at = 63;
			memset(at + 1, 'b', 63);
		}
		*at = 0;
		c->apex_len = (uint8_t)(at + 1 - c->apex);
		assert_int_equal(
			chain_put(c, &(struct chain_params){.kind = CHAIN_NSEC3}),
			cases[i].expected);
		assert_int_equal(c->count, cases[i].expected ? 2 : 4);
		assert_int_equal(chain_put(c, &(struct chain_params){.kind = CHAIN_NSEC}),
		                 0);
		contents_free(c);
	}
}

/* ---- what others make of the same zone ---- */

/* Reads what a tool has signed, puts a chain into it, and expects the one that it had. */
static void expect_file(const char *path, struct chain_params p, const char *who)
{
	struct contents *c;
	struct diag diag;

	diag_init(&diag);
	if (zonefile_read(path, test_apex, &c, &diag) != 0)
		diag_print(&diag, stderr);
	assert_int_equal(diag.errors, 0);
	diag_fini(&diag);
	if (p.kind == CHAIN_NSEC3) {
		struct rrset set = test_rrset(c, "example.", RRTYPE_NSEC3PARAM);
		static const uint8_t nothing[5];
		struct rdata d = {nothing, 0};

		assert_int_equal(set.count, 1);
		if (set.bytes)
			d = rrset_first_record(&set);
		if (d.len < 5)
			fail_msg("%s: no NSEC3PARAM", who);
		p.iterations = wire_load16(d.bytes + 2);
		p.salt_len = d.bytes[4];
		memcpy(p.salt, d.bytes + 5, p.salt_len);
	}
	char *theirs = chain_text(c);
	assert_int_equal(chain_put(c, &p), 0);
	char *ours = chain_text(c);
	if (strlen(theirs) < 100 || strcmp(theirs, ours) != 0)
		print_error("%s\n%s has\n%s\nand we\n%s", path, who, theirs, ours);
	assert_true(strlen(theirs) >= 100);
	assert_string_equal(ours, theirs);
	free(ours);
	free(theirs);
	contents_free(c);
}

static char dir[] = "/tmp/chain_test.XXXXXX";

/* Runs a command in the directory. Gives whether it went well. */
static bool run(const char *command)
{
	char line[2048];

	(void)snprintf(line, sizeof line, "cd %s && { %s; } >log 2>&1", dir, command);
	return system(line) == 0; /* NOLINT(cert-env33-c): our own words */
}

static void must_run(const char *command)
{
	char log[1024] = "";
	char path[64];

	if (run(command))
		return;
	(void)snprintf(path, sizeof path, "%s/log", dir);
	FILE *from = fopen(path, "r");
	if (from) {
		log[fread(log, 1, sizeof log - 1, from)] = 0;
		(void)fclose(from);
	}
	fail_msg("%s: %s", command, log);
}

static void write_file(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	(void)fputs(text, to);
	assert_int_equal(fclose(to), 0);
}

/* A zone of few names at random: delegations above and below others, and names below nothing. */
static void write_random(char *text, size_t size, unsigned seed)
{
	static const char *const labels[] = {"a", "b", "c", "d", "*", "e"};
	static const char secure[] = "NS ns\n DS 1 13 2 " SHA256_ZEROS;
	static const char *const data[] = {"A 192.0.2.1", "TXT \"x\"", "MX 1 a",
	                                   "NS ns",       "NS other.", secure};
	size_t len = (size_t)snprintf(text, size, "%s", SOA "ns A 192.0.2.1\n");

	for (unsigned i = 0; i < 60; i++) {
		unsigned depth;
		unsigned kinds = ARRAY_LEN(data);

		seed = seed * 1103515245 + 12345;
		depth = 1 + (seed >> 16) % 4;
		for (unsigned j = 0; j < depth; j++) {
			seed = seed * 1103515245 + 12345;
			unsigned range = j ? 4 : ARRAY_LEN(labels);
			const char *label = labels[(seed >> 16) % range];

			if (*label == '*')
				kinds = 3; /* BIND refuses delegations there */
			len += (size_t)snprintf(text + len, size - len, "%s%s",
			                        j ? "." : "", label);
		}
		seed = seed * 1103515245 + 12345;
		len += (size_t)snprintf(text + len, size - len, " %s\n",
		                        data[(seed >> 16) % kinds]);
	}
}

struct way {
	const char *flags;
	struct chain_params params;
};

/* Has each of several zones signed in each of several ways; the command makes "signed"
 * of "zone" by what is in "flags". */
static void compare(const char *who, const char *command, const struct way *ways,
                    size_t count)
{
	enum { ZONES = 4 };
	static char zone[TEXT_MAX];
	static char text[TEXT_MAX + 64];
	char path[64];

	(void)snprintf(path, sizeof path, "%s/signed", dir);
	for (unsigned i = 0; i < ZONES; i++) {
		if (i == 0)
			(void)snprintf(zone, sizeof zone, "%s", fixture_zone);
		else
			write_random(zone, sizeof zone, i);
		(void)snprintf(text, sizeof text, "$ORIGIN example.\n$TTL 3600\n%s",
		               zone);
		write_file("zone", text);
		for (size_t j = 0; j < count; j++) {
			write_file("flags", ways[j].flags);
			must_run(command);
			expect_file(path, ways[j].params, who);
		}
	}
}

static void chains_are_those_of_bind(void **state)
{
	static const struct way ways[] = {
		{"", {.kind = CHAIN_NSEC}},
		{"-3 - -H 0", {.kind = CHAIN_NSEC3}},
		{"-3 abcdef -H 3", {.kind = CHAIN_NSEC3}},
		{"-3 - -H 0 -A", {.kind = CHAIN_NSEC3, .opt_out = true}},
	};

	(void)state;
	if (!run("command -v dnssec-signzone"))
		skip();
	must_run("dnssec-keygen -q -a ECDSAP256SHA256 -f KSK example >ksk &&"
	         "dnssec-keygen -q -a ECDSAP256SHA256 example >zsk");
	compare("dnssec-signzone",
	        "cat zone K*.key >with-keys &&"
	        "dnssec-signzone -P -o example $(cat flags) -f signed with-keys $(cat ksk) $(cat zsk)",
	        ways, ARRAY_LEN(ways));
}

/* With opt-out it makes NSEC3 of delegations all the same. */
static void chains_are_those_of_ldns(void **state)
{
	static const struct way ways[] = {
		{"", {.kind = CHAIN_NSEC}},
		{"-n -t 0", {.kind = CHAIN_NSEC3}},
		{"-n -t 5 -s abcdef", {.kind = CHAIN_NSEC3}},
	};

	(void)state;
	if (!run("command -v ldns-signzone"))
		skip();
	must_run("ldns-keygen -a ECDSAP256SHA256 -k example >ldns-ksk &&"
	         "ldns-keygen -a ECDSAP256SHA256 example >ldns-zsk");
	compare("ldns-signzone",
	        "ldns-signzone $(cat flags) -f signed -o example zone $(cat ldns-ksk) $(cat ldns-zsk)",
	        ways, ARRAY_LEN(ways));
}

static void chains_are_those_of_knot(void **state)
{
	static const struct way ways[] = {
		{"nsec3: off", {.kind = CHAIN_NSEC}},
		{"nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0",
	         {.kind = CHAIN_NSEC3}},
		{"nsec3: on\n    nsec3-iterations: 2\n    nsec3-salt-length: 4",
	         {.kind = CHAIN_NSEC3}},
		{"nsec3: on\n    nsec3-iterations: 0\n    nsec3-opt-out: on",
	         {.kind = CHAIN_NSEC3, .opt_out = true}},
	};

	(void)state;
	if (!run("command -v kzonesign"))
		skip();
	compare("kzonesign",
	        "rm -rf knot && mkdir knot && cat >knot/knot.conf <<END\n"
	        "server:\n  rundir: $PWD/knot\n"
	        "database:\n  storage: $PWD/knot\n"
	        "policy:\n  - id: p\n    cds-cdnskey-publish: none\n    $(cat flags)\n"
	        "zone:\n  - domain: example\n    file: $PWD/zone\n    semantic-checks: off\n"
	        "    dnssec-signing: on\n    dnssec-policy: p\n"
	        "END\n"
	        "kzonesign -c knot/knot.conf -o knot/out example && cp knot/out/zone signed",
	        ways, ARRAY_LEN(ways));
}

static int make_dir(void **state)
{
	const char *path = getenv("PATH");
	char with[4096];

	(void)state;
	(void)snprintf(with, sizeof with, "%s:/usr/sbin", path ? path : "/usr/bin:/bin");
	return setenv("PATH", with, 1) == 0 && mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char line[64];

	(void)state;
	(void)snprintf(line, sizeof line, "rm -rf %s", dir);
	return system(line); /* NOLINT(cert-env33-c): our own words */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nsec_names_what_the_zone_answers_for),
		cmocka_unit_test(a_chain_of_one_names_itself),
		cmocka_unit_test(ttl_is_the_soas_when_that_is_less),
		cmocka_unit_test(what_there_was_is_replaced),
		cmocka_unit_test(contents_stay_in_order),
		cmocka_unit_test(a_zone_without_soa_has_no_chain),
		cmocka_unit_test(a_hash_must_fit_before_the_zones_name),
		cmocka_unit_test(chains_are_those_of_bind),
		cmocka_unit_test(chains_are_those_of_ldns),
		cmocka_unit_test(chains_are_those_of_knot),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
