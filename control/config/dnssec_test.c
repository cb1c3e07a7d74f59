/* Policies of signing: which go together, who names them, and where the master secret is. */
#include "control/config/dnssec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

enum { LINE_SIZE = 1024 };

/* Gives the configuration, or NULL, and its first diagnostic, or an empty line. */
static struct config *parse(const char *text, char line[static LINE_SIZE])
{
	struct config *c = NULL;
	struct diag d;

	diag_init(&d);
	int err = config_parse(text, strlen(text), "/d/f", NULL, &c, &d);
	line[0] = 0;
	if (d.kept)
		diag_format(&d.entries[0], line, LINE_SIZE);
	assert_true(d.kept <= 1);
	assert_true(err == 0 || err == ERR_REFUSED);
	assert_int_equal(err == 0, c != NULL);
	diag_fini(&d);
	return c;
}

#define TOKENS(uris)     "dnssec:\n  tokens: [" uris "]\n"
#define POLICY(settings) "dnssec-policies:\n  - {name: p, " settings "}\n"

static void policies_that_could_not_work_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{"dnssec-policies:\n  - name: no\n",
	         "/d/f:2:5: error: name: \"no\" is what unsigned zones say [bad-name]"},
		{POLICY("ksk: offline"),
	         "/d/f:2:5: error: ksk: a CSK signs everything and cannot be offline: csk: no "
	         "[bad-policy]"},
		{POLICY("csk: no, ksk: offline, zsk-roll: double-signature"),
	         "/d/f:2:5: error: zsk-roll: bundles are made for ZSKs that are published "
	         "before they sign [bad-policy]"},
		{POLICY("zsk-roll: double"),
	         "/d/f:2:25: error: zsk-roll: expected pre-publication or double-signature, "
	         "found \"double\" [bad-value]"},
		{POLICY("ksk-roll: double-ds"),
	         "/d/f:2:5: error: ksk-roll: double-ds is for a KSK beside ZSKs [bad-policy]"},
		{POLICY("csk: no, zsk-lifetime: 2h"),
	         "/d/f:2:5: error: zsk-lifetime: is shorter than what a rollover takes with "
	         "these TTLs and delays [bad-policy]"},
		{POLICY("ksk-lifetime: 1d"),
	         "/d/f:2:5: error: ksk-lifetime: is shorter than what a rollover takes with "
	         "these TTLs and delays [bad-policy]"},
		{POLICY("nsec3-opt-out: yes"),
	         "/d/f:2:5: error: nsec3-opt-out: is for NSEC3 only [bad-policy]"},
		{POLICY("signatures-refresh: 4m"),
	         "/d/f:2:5: error: signatures-refresh: signatures end before all servers have "
	         "the next ones [bad-policy]"},
		{POLICY("token: pkcs11:token=A"),
	         "/d/f:2:5: error: token: \"pkcs11:token=A\" is not one of dnssec.tokens: "
	         "pkcs11:token=LABEL is wanted [unknown-name]"},
		{POLICY("token: A") TOKENS("pkcs11:token=A?module-path=/a"),
	         "/d/f:2:5: error: token: \"A\" is not one of dnssec.tokens: "
	         "pkcs11:token=LABEL is wanted [unknown-name]"},
		{TOKENS("pkcs11:token=A"),
	         "/d/f:2:12: error: tokens: \"pkcs11:token=A\": module-path=/PATH of its "
	         "PKCS#11 library is wanted [bad-value]"},
		{TOKENS("pkcs11:token=A?module-path=/a&pin-value=1"),
	         "/d/f:2:12: error: tokens: \"pkcs11:token=A?module-path=/a&pin-value=1\": a "
	         "PIN belongs in a file: pin-source=file:/PATH [bad-value]"},
		{TOKENS("pkcs11:token=A?module-path=/a, pkcs11:token=A?module-path=/a"),
	         "/d/f:2:43: error: tokens: \"pkcs11:token=A?module-path=/a\" is there twice "
	         "[duplicate-value]"},
		{POLICY("parental-agents: nobody"),
	         "/d/f:2:5: error: parental-agents: \"nobody\" is neither an address nor one "
	         "of remotes [unknown-name]"},
		{POLICY("parental-agents: r") "tls-profiles:\n  - name: t\nremotes:\n"
	                                      "  - {name: r, addresses: [192.0.2.1], tls: t}\n",
	         "/d/f:2:5: error: parental-agents: \"r\" is reached over TLS, and servers are "
	         "asked for DS records without [unfit-remote]"},
	};
	char line[LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(parse(cases[i].text, line));
		assert_string_equal(line, cases[i].want);
	}
}

static void policies_that_are_merely_unwise_are_warned_of(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{POLICY("nsec3: yes, nsec3-iterations: 1"),
	         "/d/f:2:5: warning: nsec3-iterations: above 0 they cost servers and resolvers, "
	         "hide nothing, and make some resolvers take the zone for unsigned (RFC 9276) "
	         "[nsec3-costs]"},
		{POLICY("nsec3: yes, nsec3-salt-length: 1"),
	         "/d/f:2:5: warning: nsec3-salt-length: salt hides nothing (RFC 9276) "
	         "[nsec3-costs]"},
		{POLICY("nsec3: yes, nsec3-opt-out: yes"), ""},
		{POLICY("keys: manual"), ""},
		{POLICY("token: pkcs11:token=A") TOKENS("pkcs11:token=A?module-path=/a"),
	         ""},
		{POLICY("keys: manual, csk: no, zsk-lifetime: 30d"),
	         "/d/f:2:5: warning: keys: nothing is begun by time: the lifetimes count for "
	         "nothing [not-used]"},
		{POLICY("csk: no, ksk: offline, zsk-lifetime: 30d"), ""},
		{POLICY("csk: no, ksk: offline, ksk-lifetime: 52w"),
	         "/d/f:2:5: warning: ksk-lifetime: a KSK that is offline is replaced where it "
	         "is [not-used]"},
	};
	char line[LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config *c = parse(cases[i].text, line);
		assert_string_equal(line, cases[i].want);
		assert_non_null(c);
		config_release(c);
	}
}

static void lifetimes_count_for_nothing_where_keys_are_manual(void **state)
{
	char line[LINE_SIZE];
	struct config *c = parse(
		"dnssec-policies:\n"
		"  - {name: a, csk: no, ksk-lifetime: 52w, zsk-lifetime: 30d}\n"
		"  - {name: m, csk: no, ksk-lifetime: 52w, zsk-lifetime: 30d, keys: manual}\n",
		line);

	(void)state;
	assert_non_null(c);
	struct sign_policy p =
		config_dnssec_policy_numbers(config_dnssec_policy_find(c, "a"));
	assert_int_equal(p.ksk_lifetime, 52 * 7 * 86400);
	assert_int_equal(p.zsk_lifetime, 30 * 86400);
	struct sign_policy m =
		config_dnssec_policy_numbers(config_dnssec_policy_find(c, "m"));
	assert_int_equal(m.ksk_lifetime, 0);
	assert_int_equal(m.zsk_lifetime, 0);
	assert_int_equal(m.dnskey_ttl, p.dnskey_ttl);
	config_release(c);
}

static void what_names_no_policy_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{"zones:\n  - {name: a, file: f, dnssec: yes}\n",
	         "/d/f:2:5: error: dnssec: \"yes\" is not one of dnssec-policies; \"default\" "
	         "always is [unknown-name]"},
		{"templates:\n  - {name: t, dnssec: Default}\n",
	         "/d/f:2:5: error: dnssec: \"Default\" is not one of dnssec-policies; "
	         "\"default\" always is [unknown-name]"},
		{"zones:\n  - {name: a, kind: secondary, primaries: [192.0.2.1], dnssec: default}\n",
	         "/d/f:2:5: error: dnssec: what comes from primaries is signed there "
	         "[signed-secondary]"},
		{"templates:\n  - {name: t, kind: consumer, primaries: [192.0.2.1]}\n"
	         "zones:\n  - {name: a, template: t, dnssec: default}\n",
	         "/d/f:4:5: error: dnssec: what comes from primaries is signed there "
	         "[signed-secondary]"},
	};
	char line[LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(parse(cases[i].text, line));
		assert_string_equal(line, cases[i].want);
	}
}

static void secondaries_may_have_a_template_that_signs_others(void **state)
{
	char line[LINE_SIZE];
	struct config *c = parse(
		"templates:\n  - {name: default, dnssec: default}\n"
		"zones:\n  - {name: a, kind: secondary, primaries: [192.0.2.1]}\n"
		"  - {name: b, kind: secondary, primaries: [192.0.2.1], dnssec: no}\n"
		"  - {name: c, file: c, dnssec: no}\n",
		line);

	(void)state;
	assert_string_equal(line, "");
	config_release(c);
}

/* ---- the master secret ---- */

static void assert_secret(const char *text, const char *want)
{
	char line[LINE_SIZE];
	struct config *c = parse(text, line);

	assert_string_equal(line, "");
	assert_string_equal(c->dnssec_master_secret, want);
	config_release(c);
}

static void master_secret_is_beside_the_store_or_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_secret("server:\n", "/var/lib/anser.secret");
	assert_secret("control: {store: /s/}\n", "/s.secret");
	assert_secret("control: {store: s}\n", "/d/s.secret");
	assert_secret("control: {store: /}\n", "/.secret");
	assert_secret("dnssec: {master-secret: m}\n", "/d/m");
	assert_secret("dnssec: {master-secret: /m}\ncontrol: {store: /s}\n", "/m");
}

static void credential_counts_before_what_is_said(void **state)
{
	char dir[] = "/tmp/anser-credentials-XXXXXX";
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/anser-master-secret", dir);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	assert_secret("dnssec: {master-secret: /m}\n", "/m");
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_secret("dnssec: {master-secret: /m}\n", path);
	assert_secret("server:\n", path);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir + 1, 1), 0);
	assert_secret("server:\n", "/var/lib/anser.secret");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void path_beside_the_store_must_fit(void **state)
{
	static const char start[] = "control:\n  store: ";
	char text[sizeof start + PATH_MAX] = "";
	char line[LINE_SIZE];

	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	memcpy(text, start, sizeof start);
	memset(text + sizeof start - 1, 'x', PATH_MAX - 2);
	text[sizeof start - 1] = '/';
	assert_null(parse(text, line));
	assert_non_null(strstr(line, "master-secret: the path beside the store"));
}

static void empty_path_of_the_master_secret_is_refused(void **state)
{
	char line[LINE_SIZE];

	(void)state;
	assert_null(parse("dnssec:\n  master-secret: \"\"\n", line));
	assert_string_equal(
		line, "/d/f:2:18: error: master-secret: expected a path, found nothing "
		      "[bad-value]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_that_could_not_work_are_refused),
		cmocka_unit_test(policies_that_are_merely_unwise_are_warned_of),
		cmocka_unit_test(lifetimes_count_for_nothing_where_keys_are_manual),
		cmocka_unit_test(what_names_no_policy_is_refused),
		cmocka_unit_test(secondaries_may_have_a_template_that_signs_others),
		cmocka_unit_test(master_secret_is_beside_the_store_or_elsewhere),
		cmocka_unit_test(credential_counts_before_what_is_said),
		cmocka_unit_test(path_beside_the_store_must_fit),
		cmocka_unit_test(empty_path_of_the_master_secret_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
