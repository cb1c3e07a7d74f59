/* Key files of other programs, read here; and ours, read by them. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/sign/keyfile.h"
#include "control/sign/peers_testing.h"
#include "shared/err.h"

/* RSA as small as it may be: larger keys take the tools seconds. */
static const struct {
	uint8_t algorithm;
	const char *name;
	const char *bits;
} kinds[] = {
	{SIGN_RSASHA256, "RSASHA256", "-b 1024"},
	{SIGN_RSASHA512, "RSASHA512", "-b 1024"},
	{SIGN_ECDSAP256SHA256, "ECDSAP256SHA256", ""},
	{SIGN_ECDSAP384SHA384, "ECDSAP384SHA384", ""},
	{SIGN_ED25519, "ED25519", ""},
	{SIGN_ED448, "ED448", ""},
};

struct text {
	size_t len;
	char at[4096];
};

static void slurp(const char *path, struct text *out)
{
	FILE *from = fopen(path, "r");

	if (!from)
		fail_msg("%s: cannot open", path);
	out->len = fread(out->at, 1, sizeof out->at - 1, from);
	out->at[out->len] = '\0';
	assert_int_equal(fclose(from), 0);
}

/* What a program says in a line, without its end. */
static void line_in(const char *path, struct text *out)
{
	slurp(path, out);
	out->len = strcspn(out->at, "\r\n");
	out->at[out->len] = '\0';
}

static void write_text(const char *name, const char *end, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s%s", name, end);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
}

/* Reads the pair of files of a name, fails when it cannot. */
static struct keyfile read_pair(const char *name, struct keyfile_public *p)
{
	const struct keyfile_expected expected = {.public = p};
	char why[KEYFILE_WHY_SIZE] = "";
	struct text text;
	char path[256];
	struct keyfile k = {0};

	(void)snprintf(path, sizeof path, "%s.key", name);
	slurp(path, &text);
	if (keyfile_read_public(text.at, text.len, p, why) < 0)
		fail_msg("%s: %s", path, why);
	(void)snprintf(path, sizeof path, "%s.private", name);
	slurp(path, &text);
	if (keyfile_read_private(text.at, text.len, &expected, &k, why) < 0)
		fail_msg("%s: %s", path, why);
	return k;
}

static void assert_file_is(const char *name, const char *end, const char *want)
{
	struct text text;
	char path[256];

	(void)snprintf(path, sizeof path, "%s%s", name, end);
	slurp(path, &text);
	assert_string_equal(text.at, want);
}

/* ---- theirs ---- */

static void files_of_bind_are_written_as_they_were(void **state)
{
	static char ours[KEYFILE_TEXT_SIZE]; /* with the texts of others on the stack */
	char name[KEYFILE_NAME_SIZE];
	struct keyfile_public p;
	struct text theirs;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		run_peer(
			"TZ=UTC0 dnssec-keygen -q -a %s %s %s -A +1d -I +30d -D +60d -P sync "
			"+2d a/b.example >name",
			kinds[i].name, kinds[i].bits, i % 2 ? "-f KSK -L 3600" : "");
		line_in("name", &theirs);
		struct keyfile k = read_pair(theirs.at, &p);
		assert_string_equal(keyfile_name(k.key, p.owner, name), theirs.at);
		assert_true(keyfile_write_private(k.key, k.times, ours) > 0);
		assert_file_is(name, ".private", ours);
		(void)keyfile_write_public(
			k.key, p.owner, p.has_ttl ? (int64_t)p.ttl : -1, k.times, ours);
		assert_file_is(name, ".key", ours);
		sign_key_free(&k.key);
	}
}

static void files_of_ldns_are_read(void **state)
{
	struct keyfile_public p;
	struct text name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		run_peer("ldns-keygen -a %s %s example >name", kinds[i].name,
		         kinds[i].bits);
		line_in("name", &name);
		struct keyfile k = read_pair(name.at, &p);
		assert_int_equal(sign_key_algorithm(k.key), kinds[i].algorithm);
		sign_key_free(&k.key);
	}
}

static void assert_same_key(const struct keyfile *k, const struct keyfile_public *p)
{
	struct rdata rdata = sign_key_dnskey(k->key);

	assert_int_equal(rdata.len, p->rdata_len);
	assert_memory_equal(rdata.bytes, p->rdata, rdata.len);
}

static struct keyfile_public public_in(const char *path)
{
	struct keyfile_public p;
	char why[KEYFILE_WHY_SIZE];
	struct text text;

	line_in(path, &text);
	if (keyfile_read_public(text.at, text.len, &p, why) < 0)
		fail_msg("%s: %s", text.at, why);
	return p;
}

/* Knot has PEM, named by an id, and no file for the public half. */
static void keys_of_knot_are_read(void **state)
{
	char path[256];
	char why[KEYFILE_WHY_SIZE] = "";
	struct text text;

	(void)state;
	run_peer(
		"printf 'database:\\n  storage: %s\\nzone:\\n  - domain: example\\n' >knot.conf",
		directory);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		run_peer(
			"keymgr -c knot.conf example generate algorithm=%u %s ksk=yes >id 2>/dev/null",
			kinds[i].algorithm, i < 2 ? "size=1024" : "");
		line_in("id", &text);
		run_peer("keymgr -c knot.conf example dnskey %s >public", text.at);
		(void)snprintf(path, sizeof path, "keys/keys/%.64s.pem", text.at);
		slurp(path, &text);
		const struct keyfile_public p = public_in("public");
		const struct keyfile_expected expected = {
			.algorithm = i < 2 ? kinds[i].algorithm : 0, .flags = 257};
		struct keyfile k;
		assert_int_equal(
			keyfile_read_private(text.at, text.len, &expected, &k, why), 0);
		assert_same_key(&k, &p);
		sign_key_free(&k.key);
	}
}

/* ---- ours ---- */

/* Makes a key, and both its files under the name that it gives. */
static struct sign_key *write_pair(size_t kind, uint16_t flags, const char *owner,
                                   char name[static KEYFILE_NAME_SIZE])
{
	static const uint32_t times[KEYFILE_TIMES] = {[KEYFILE_CREATED] = 1767323045,
	                                              [KEYFILE_PUBLISH] = 1767323045,
	                                              [KEYFILE_ACTIVATE] = 1767323045};
	struct test_name wire = test_name(owner);
	char text[KEYFILE_TEXT_SIZE];
	struct sign_key *k = NULL;

	assert_int_equal(sign_key_generate(kinds[kind].algorithm, 1024, flags, &k), 0);
	(void)keyfile_name(k, wire.wire, name);
	assert_true(keyfile_write_private(k, times, text) > 0);
	write_text(name, ".private", text);
	(void)keyfile_write_public(k, wire.wire, 3600, times, text);
	write_text(name, ".key", text);
	return k;
}

static void our_files_sign_zones_elsewhere(void **state)
{
	char ksk[KEYFILE_NAME_SIZE];
	char zsk[KEYFILE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct sign_key *k = write_pair(i, 257, "signed.example.", ksk);
		struct sign_key *z = write_pair(i, 256, "signed.example.", zsk);
		run_peer("printf '$TTL 60\\n@ SOA a. b. 1 2 3 4 5\\n@ NS a.\\n$INCLUDE "
		         "%s.key\\n$INCLUDE %s.key\\n' >zone",
		         ksk, zsk);
		run_peer(
			"dnssec-signzone -q -o signed.example -k %s.private -f signed zone "
			"%s.private >/dev/null 2>&1",
			ksk, zsk);
		run_peer(
			"printf '$ORIGIN signed.example.\\n$TTL 60\\n@ SOA a. b. 1 2 3 4 "
			"5\\n@ NS a.\\n' >zone");
		run_peer("ldns-signzone -o signed.example -f signed zone %s %s", ksk,
		         zsk);
		run_peer("ldns-verify-zone signed >/dev/null");
		sign_key_free(&k);
		sign_key_free(&z);
	}
}

static char upper(char c)
{
	if (c < 'a' || c > 'z')
		return c;
	return (char)(c - ('a' - 'A'));
}

/* "owner [TTL] IN DS tag algorithm digest-type digest" as tag and what follows, in upper case without blanks. */
static void ds_in(const char *path, struct text *out)
{
	struct text line;
	char *to = out->at;

	line_in(path, &line);
	const char *at = strstr(line.at, "DS");
	assert_non_null(at);
	for (at += 2; *at; at++)
		if (*at != ' ' && *at != '\t')
			*to++ = upper(*at);
	*to = '\0';
}

static void our_files_have_one_ds_elsewhere(void **state)
{
	char name[KEYFILE_NAME_SIZE];
	struct text bind;
	struct text ldns;
	char front[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct sign_key *k = write_pair(i, 257, "ds.example.", name);
		run_peer("dnssec-dsfromkey -2 %s.key >bind", name);
		run_peer("ldns-key2ds -n -2 %s.key >ldns", name);
		ds_in("bind", &bind);
		ds_in("ldns", &ldns);
		assert_string_equal(bind.at, ldns.at);
		(void)snprintf(front, sizeof front, "%u%u2", sign_key_tag(k),
		               sign_key_algorithm(k));
		assert_memory_equal(bind.at, front, strlen(front));
		sign_key_free(&k);
	}
}

/* keymgr takes files of BIND's. */
static void our_files_are_taken_by_knot(void **state)
{
	char name[KEYFILE_NAME_SIZE];
	struct text id;

	(void)state;
	run_peer(
		"printf 'database:\\n  storage: %s\\nzone:\\n  - domain: taken.example\\n' "
		">knot.conf",
		directory);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct sign_key *k = write_pair(i, 257, "taken.example.", name);
		run_peer("keymgr -c knot.conf taken.example import-bind %s.key >id",
		         name);
		line_in("id", &id);
		run_peer("keymgr -c knot.conf taken.example dnskey %s >public", id.at);
		const struct keyfile_public p = public_in("public");
		const struct keyfile same = {.key = k};
		assert_same_key(&same, &p);
		sign_key_free(&k);
	}
}

/* What PowerDNS is given it gives back, and so do we. */
static void keys_go_to_powerdns_and_come_back(void **state)
{
	static const char pdns[] = "pdnsutil --config-dir=.";
	char why[KEYFILE_WHY_SIZE] = "";
	char text[KEYFILE_TEXT_SIZE];
	struct text theirs;

	(void)state;
	run_peer(
		"printf 'launch=gsqlite3\\ngsqlite3-dnssec=yes\\ngsqlite3-database=%s/pdns.db\\n' "
		">pdns.conf",
		directory);
	run_peer(
		"python3 -c 'import sqlite3; sqlite3.connect(\"pdns.db\").executescript("
		"open(\"/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql\").read())'");
	run_peer("%s create-zone example >/dev/null 2>&1", pdns);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct keyfile_expected expected = {.flags = 256};
		struct sign_key *k = NULL;
		struct keyfile back;
		assert_int_equal(sign_key_generate(kinds[i].algorithm, 1024, 256, &k), 0);
		assert_true(keyfile_write_private(k, NULL, text) > 0);
		write_text("pdns", ".private", text);
		run_peer("%s import-zone-key example pdns.private zsk >id 2>/dev/null",
		         pdns);
		line_in("id", &theirs);
		run_peer("%s export-zone-key example %s >back", pdns, theirs.at);
		slurp("back", &theirs);
		assert_memory_equal(theirs.at, text, strlen(text));
		if (keyfile_read_private(theirs.at, theirs.len, &expected, &back, why) <
		    0)
			fail_msg("%s", why);
		assert_int_equal(sign_key_tag(back.key), sign_key_tag(k));
		sign_key_free(&back.key);
		sign_key_free(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_bind_are_written_as_they_were),
		cmocka_unit_test(files_of_ldns_are_read),
		cmocka_unit_test(keys_of_knot_are_read),
		cmocka_unit_test(our_files_sign_zones_elsewhere),
		cmocka_unit_test(our_files_have_one_ds_elsewhere),
		cmocka_unit_test(our_files_are_taken_by_knot),
		cmocka_unit_test(keys_go_to_powerdns_and_come_back),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
