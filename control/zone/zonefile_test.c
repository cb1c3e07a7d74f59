#include "control/zone/zonefile.h"

#include <sys/stat.h>
#include <unistd.h>

#include "control/zone/testing.h"
#include "control/zone/zonefile_reader.h"
#include "shared/rrtype.h"

#define SOA "@ 3600 SOA ns hostmaster 1 2h 30m 2w 1h\n"

/* ---- what is accepted ---- */

static void accept(struct test_zone *z, const char *text)
{
	test_zone_of(z, text, strlen(text));
	test_expect(&z->diag, NULL, text);
	assert_int_equal(z->err, 0);
}

static void expect_address(const struct contents *c, const char *owner, uint32_t ttl,
                           const char *address)
{
	struct rrset s = test_rrset(c, owner, RRTYPE_A);
	const uint8_t *at = rrset_first(&s);

	assert_int_equal(s.count, 1);
	assert_int_equal(s.ttl, ttl);
	assert_memory_equal(rrset_next(&at).bytes, address, 4);
}

static void every_way_to_write_one_record_is_the_same(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"a 60 IN A 192.0.2.1\n",
		"a IN 60 A 192.0.2.1\n",
		"a 60 A 192.0.2.1\n",
		"a 1m A 192.0.2.1",
		"a\t60\tin\ta\t192.0.2.1\r\n",
		"$TTL 60\na A 192.0.2.1\n",
		"$ttl 1M\na IN A 192.0.2.1\n",
		"a.example. 60 CLASS1 TYPE1 192.0.2.1\n",
		"A.EXAMPLE. 60 A \\# 4 c0000201\n",
		"$ORIGIN a\n@ 60 A 192.0.2.1\n",
		"$ORIGIN a.example.\n@ 60 A 192.0.2.1\n",
		"$ORIGIN .\na.example 60 A 192.0.2.1\n",
		"$ORIGIN b\n$ORIGIN a.example.\n@ 60 A 192.0.2.1\n",
		"( a 60\n IN ; comment\n A\n 192.0.2.1 )\n",
		"\\097 60 A 192.0.2.1\n",
		"\"a\" 60 A 192.0.2.1\n",
		"; first\n\n  \n\t; second\na 60 A 192.0.2.1\n",
		"$GENERATE 1-1 a 60 A 192.0.2.$\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct test_zone z;
		accept(&z, texts[i]);
		assert_int_equal(z.contents->records, 1);
		expect_address(z.contents, "a", 60, "\300\0\2\1");
		test_zone_fini(&z);
	}
}

static void owner_and_ttl_are_taken_from_before(void **state)
{
	(void)state;
	struct test_zone z;

	accept(&z, "a 60 A 192.0.2.1\n"
	           " AAAA 2001:db8::1\n"
	           "b A 192.0.2.2\n" /* the last stated TTL, RFC 1035 §5.1 */
	           "$TTL 2h\n"
	           "c A 192.0.2.3\n" /* $TTL goes before it, RFC 2308 §4 */
	           "d 30 A 192.0.2.4\n"
	           "e A 192.0.2.5\n"
	           "$ORIGIN sub\n"
	           "f A 192.0.2.6\n"
	           "\t300 TXT x\n");
	assert_int_equal(test_rrset(z.contents, "a", RRTYPE_AAAA).ttl, 60);
	expect_address(z.contents, "b", 60, "\300\0\2\2");
	expect_address(z.contents, "c", 7200, "\300\0\2\3");
	expect_address(z.contents, "d", 30, "\300\0\2\4");
	expect_address(z.contents, "e", 7200, "\300\0\2\5");
	expect_address(z.contents, "f.sub", 7200, "\300\0\2\6");
	assert_int_equal(test_rrset(z.contents, "f.sub", RRTYPE_TXT).ttl, 300);
	test_zone_fini(&z);
}

static void without_any_ttl_the_minimum_of_the_soa_serves_with_a_warning(void **state)
{
	(void)state;
	static const char text[] = "@ SOA ns hostmaster 1 2h 30m 2w 10m\na A 192.0.2.1\n";
	struct test_zone z;

	test_zone_of(&z, text, strlen(text));
	assert_int_equal(z.err, 0);
	assert_int_equal(z.diag.kept, 1);
	test_expect(&z.diag, "ttl-missing", text);
	assert_int_equal(z.diag.entries[0].line, 1);
	assert_int_equal(test_rrset(z.contents, "example.", RRTYPE_SOA).ttl, 600);
	test_zone_fini(&z);
}

static void names_of_all_sorts_are_owners(void **state)
{
	(void)state;
	static const char *const owners[] = {
		"*",
		"_sip._tcp",
		"a/b",
		"\\\"q\\\"",
		"\\..x",
		"\\.\\./\\.\\.",
		"\\010newline",
		"\\$dollar",
		"\\@",
		"\\000\\001\\255",
		"-",
		"xn--bcher-kva",
		"1",
		"\303\274",
		"a'b",
	};

	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		char text[128];
		struct test_zone z;

		(void)snprintf(text, sizeof text, "%s 60 A 192.0.2.1\n", owners[i]);
		accept(&z, text);
		expect_address(z.contents, owners[i], 60, "\300\0\2\1");
		test_zone_fini(&z);
	}
}

static void generate_counts(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		size_t records;
		const char *owner; /* that is there */
		const char *address;
	} cases[] = {
		{"$GENERATE 1-3 h$ A 10.0.0.$", 3, "h3", "\12\0\0\3"},
		{"$GENERATE 0-10/5 h$ 60 IN A 10.0.0.$", 3, "h10", "\12\0\0\12"},
		{"$GENERATE 0-9/5 h$ A 10.0.0.$", 2, "h5", "\12\0\0\5"},
		{"$GENERATE 7-7 $ CLASS1 60 A 10.0.0.$", 1, "7", "\12\0\0\7"},
		{"$GENERATE 1-1 h${0,3} A 10.0.0.${9}", 1, "h001", "\12\0\0\12"},
		{"$GENERATE 11-11 h${-10,2,d} A 10.0.0.${-1}", 1, "h01", "\12\0\0\12"},
		{"$GENERATE 255-255 h${0,4,x} A 10.0.0.$", 1, "h00ff", "\12\0\0\377"},
		{"$GENERATE 255-255 ${0,0,X}-${0,0,o} A 10.0.0.$", 1, "FF-377",
	         "\12\0\0\377"},
		{"$GENERATE 18-18 ${0,0,n} A 10.0.0.$", 1, "2.1", "\12\0\0\22"},
		{"$GENERATE 171-171 ${0,5,n} A 10.0.0.$", 1, "b.a.0", "\12\0\0\253"},
		{"$GENERATE 171-171 ${0,7,N} A 10.0.0.$", 1, "B.A.0.0", "\12\0\0\253"},
		{"$GENERATE 1-2 a$$b\\$$ A 10.0.0.$", 2, "a\\$b\\$2", "\12\0\0\2"},
		{"$GENERATE 1-1 x ( A\n10.0.0.$ )", 1, "x", "\12\0\0\1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[128];
		struct test_zone z;

		(void)snprintf(text, sizeof text, "$TTL 60\n%s\n", cases[i].line);
		accept(&z, text);
		assert_int_equal(z.contents->records, cases[i].records);
		expect_address(z.contents, cases[i].owner, 60, cases[i].address);
		test_zone_fini(&z);
	}
}

static void generate_makes_records_of_any_type(void **state)
{
	(void)state;
	struct test_zone z;

	accept(&z,
	       "$TTL 60\n$GENERATE 1-2 $ CNAME $.sub\n$GENERATE 3-4 $ TXT \"a b $\" c$\n"
	       "$GENERATE 5-6 $ MX $0 mail$\n 30 TXT last\n");
	assert_int_equal(z.contents->records, 7);
	struct rrset s = test_rrset(z.contents, "4", RRTYPE_TXT);
	const uint8_t *at = rrset_first(&s);
	assert_memory_equal(rrset_next(&at).bytes, "\5a b 4\2c4", 9);
	s = test_rrset(z.contents, "5", RRTYPE_MX);
	at = rrset_first(&s);
	assert_memory_equal(rrset_next(&at).bytes, "\0\62\5mail5\7example", 17);
	assert_int_equal(test_rrset(z.contents, "6", RRTYPE_TXT).ttl, 30);
	test_zone_fini(&z);
}

/* ---- what is refused ---- */

#define L63_ "l23456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *text;
	const char *rule;
	unsigned line;
	unsigned column;
} refused[] = {
	{"a 60 A 192.0.2.256\n", "rdata-syntax", 1, 0},
	{"a 60 A 192.0.2.11111111111111111111111111111111111111111111111111111\n",
         "rdata-syntax", 1, 0},
	{"a 60 AAAA 1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8\n", "rdata-syntax", 1,
         0},
	{"a 60 NOTYPE x\n", "type-unknown", 1, 6},
	{"a 60 TYPE65536 \\# 0\n", "type-unknown", 1, 6},
	{"a 60 TYPE65280 x\n", "type-without-text", 1, 16},
	{"a 60 AMTRELAY 10 0 1 192.0.2.1\n", "type-without-text", 1, 15},
	{"a 60 OPT \\# 0\n", "meta-type", 1, 6},
	{"a 60 ANY \\# 0\n", "meta-type", 1, 6},
	{"a 60 AXFR\n", "meta-type", 1, 6},
	{"a 60 TYPE0 \\# 0\n", "meta-type", 1, 6},
	{"a 60\n", "type-missing", 1, 0},
	{"a\n", "type-missing", 1, 0},
	{"a 60 IN\n", "type-missing", 1, 0},
	{"a 60 \"A\" 192.0.2.1\n", "type-unknown", 1, 7},
	{"a 60 IN IN A 192.0.2.1\n", "type-unknown", 1, 9},
	{"a 60 60 A 192.0.2.1\n", "type-unknown", 1, 6},
	{"a 60 CH A 192.0.2.1\n", "class-not-in", 1, 6},
	{"a HS 60 A 192.0.2.1\n", "class-not-in", 1, 3},
	{"a CLASS3 60 A 192.0.2.1\n", "class-not-in", 1, 3},
	{"a CLASS65536 60 A 192.0.2.1\n", "type-unknown", 1, 3},
	{"a 2147483648 A 192.0.2.1\n", "ttl-range", 1, 3},
	{"a 99999999999 A 192.0.2.1\n", "ttl-range", 1, 3},
	{"a 1h30 A 192.0.2.1\n", "ttl-syntax", 1, 3},
	{"a 1y A 192.0.2.1\n", "ttl-syntax", 1, 3},
	{"a A 192.0.2.1\n", "ttl-missing", 1, 0},
	{" 60 A 192.0.2.1\n", "owner-missing", 1, 2},
	{"a..b 60 A 192.0.2.1\n", "name-syntax", 1, 1},
	{"a\\400 60 A 192.0.2.1\n", "name-syntax", 1, 1},
	{L63_ "x 60 A 192.0.2.1\n", "name-too-long", 1, 1},
	{L63_ "." L63_ "." L63_ "." L63_ " 60 A 192.0.2.1\n", "name-too-long", 1, 1},
	{"a 60 NS " L63_ "x\n", "name-too-long", 1, 9},
	{"a.test. 60 A 192.0.2.1\n", "out-of-zone", 1, 0},
	{"a 60 TXT \"open\nb 60 A 192.0.2.1\n", "unbalanced-quotes", 1, 10},
	{"\n@ 60 SOA a b ( 1 2\n3 4 5\n", "unbalanced-parentheses", 2, 14},
	{"a 60 A 192.0.2.1 )\n", "unbalanced-parentheses", 1, 18},
	{"a 60 A (\n\n192.0.2.1 x )\n", "rdata-syntax", 1, 0},
	{"a 60 MX (\n70000\nx )\n", "number-range", 2, 1},
	{"a 60 TXT a=\"b\"\n", "quote-in-word", 1, 10},
	{"a 60 A \\# 5 0102030405\n", "rdata-format", 1, 8},
	{"a 60 RRSIG RRSIG 8 2 1 20380101000000 20200101000000 1 @ AAEC\n",
         "rrsig-covers-rrsig", 1, 0},

	{"$TTL\n", "directive-arguments", 1, 1},
	{"$TTL 1 2\n", "directive-arguments", 1, 1},
	{"$TTL x\n", "ttl-syntax", 1, 6},
	{"$TTL 4294967295\n", "ttl-range", 1, 6},
	{"$ORIGIN\n", "directive-arguments", 1, 1},
	{"$ORIGIN a..b\n", "name-syntax", 1, 9},
	{"$ORIGIN a b\n", "directive-arguments", 1, 1},
	{"$ORIGIN test.\na 60 A 192.0.2.1\n", "out-of-zone", 2, 0},
	{"$UNKNOWN x\n", "directive-unknown", 1, 1},
	{"$DATE x\n", "directive-unknown", 1, 1},
	{"$INCLUDE /etc/passwd\n", "include-from-memory", 1, 1},
	{"$INCLUDE\n", "directive-arguments", 1, 1},
	{"$GENERATE 1-2 a\n", "directive-arguments", 1, 1},
	{"$GENERATE 1 a$ A 10.0.0.$\n", "generate-range", 1, 11},
	{"$GENERATE 2-1 a$ A 10.0.0.$\n", "generate-range", 1, 11},
	{"$GENERATE 1-2/0 a$ A 10.0.0.$\n", "generate-range", 1, 11},
	{"$GENERATE 1/2-3 a$ A 10.0.0.$\n", "generate-range", 1, 11},
	{"$GENERATE -1-2 a$ A 10.0.0.$\n", "generate-range", 1, 11},
	{"$GENERATE 1-2x a$ A 10.0.0.$\n", "generate-range", 1, 11},
	{"$GENERATE 1-1000001 a$ 60 A 10.0.0.1\n", "generate-range", 1, 11},
	{"$GENERATE 0-2147483647 a$ 60 A 10.0.0.1\n", "generate-range", 1, 11},
	{"$GENERATE 0-4294967296 a$ 60 A 10.0.0.1\n", "generate-range", 1, 11},
	{"$GENERATE 1-2 a${ 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a${} 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a${0,1,q} 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a${0,1,} 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a${0,1,dd} 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a${0,256} 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a${-2} 60 A 10.0.0.1\n", "generate-modifier", 1, 15},
	{"$GENERATE 1-2 a$ 60 A 10.0.0.${x}\n", "generate-modifier", 1, 23},
	{"$GENERATE 1-2 ${0,255} 60 A 10.0.0.1\n", "name-too-long", 1, 0},
	{"$GENERATE 1-400 a 60 A 10.0.0.$\n", "rdata-syntax", 1, 0},
	{"$GENERATE 1-2 a$ 60 $INCLUDE x\n", "type-unknown", 1, 0},
	{"$GENERATE 1-2 \\$INCLUDE /etc/passwd x\n", "type-unknown", 1, 0},
};

static void errors_name_file_line_column_and_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct test_zone z;

		test_zone_of(&z, refused[i].text, strlen(refused[i].text));
		assert_int_equal(z.err, ERR_SYNTAX);
		assert_null(z.contents);
		test_expect(&z.diag, refused[i].rule, refused[i].text);
		const struct diag_entry e = test_found(&z.diag, refused[i].rule);
		assert_string_equal(e.file, "test.zone");
		if (e.line != refused[i].line || e.column != refused[i].column)
			fail_msg("%s: at %u:%u", refused[i].text, e.line, e.column);
		test_zone_fini(&z);
	}
}

static void nul_bytes_are_refused_wherever_they_are(void **state)
{
	(void)state;
	static const char text[] = "ab 60 A 192.0.2.1 ; x\nc 60 TXT \"de\"\n";

	for (size_t at = 0; at < sizeof text - 1; at++) {
		char copy[sizeof text];
		struct test_zone z;

		memcpy(copy, text, sizeof text);
		copy[at] = '\0';
		test_zone_of(&z, copy, sizeof text - 1);
		assert_int_equal(z.err, ERR_SYNTAX);
		assert_non_null(test_rule(&z.diag, "nul-byte"));
		test_zone_fini(&z);
	}
}

static void reading_goes_on_after_an_error(void **state)
{
	(void)state;
	static const char text[] =
		"a 60 A x\nb 60 A 192.0.2.1\nc 60 NOTYPE x\n\nd 60 TXT \"open\n"
		"e 60 A (\nf.test. 60 A 192.0.2.1\n";
	static const struct {
		const char *rule;
		unsigned line;
	} expected[] = {
		{"rdata-syntax", 1},      {"type-unknown", 3},
		{"unbalanced-quotes", 5}, {"unbalanced-parentheses", 6},
		{"out-of-zone", 7},
	};
	struct test_zone z;

	test_zone_of(&z, text, strlen(text));
	assert_int_equal(z.err, ERR_SYNTAX);
	assert_int_equal(z.diag.errors, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_string_equal(z.diag.entries[i].rule, expected[i].rule);
		assert_int_equal(z.diag.entries[i].line, expected[i].line);
	}
	test_zone_fini(&z);
}

/* Each unclosed parenthesis reads on to the end of the file: there must be an end to that. */
static void reading_stops_when_no_more_errors_are_kept(void **state)
{
	(void)state;
	enum { LINES = 20000 };
	char *text = malloc(2 * LINES);
	struct test_zone z;

	assert_non_null(text);
	for (size_t i = 0; i < LINES; i++)
		memcpy(text + 2 * i, "(\n", 2);
	test_zone_of(&z, text, 2 * LINES);
	assert_int_equal(z.err, ERR_SYNTAX);
	assert_int_equal(z.diag.errors, DIAG_KEEP);
	test_zone_fini(&z);
	free(text);
}

static void very_long_lines(void **state)
{
	(void)state;
	size_t room = 1 << 22;
	char *text = malloc(room);
	struct test_zone z;

	assert_non_null(text);
	/* Four megabytes of comment, white space, one word. */
	memset(text, ' ', room);
	memcpy(text, "a 60", 4);
	memcpy(text + room - 20, " A 192.0.2.1 ;      ", 20);
	test_zone_of(&z, text, room);
	assert_int_equal(z.err, 0);
	test_zone_fini(&z);
	memset(text, 'x', room);
	text[0] = ';';
	test_zone_of(&z, text, room);
	assert_int_equal(z.err, 0);
	test_zone_fini(&z);
	text[0] = 'x';
	test_zone_of(&z, text, room);
	assert_int_equal(z.err, ERR_SYNTAX);
	test_zone_fini(&z);
	free(text);
}

/* ---- files ---- */

struct folder {
	char path[64];
};

static int make_folder(void **state)
{
	struct folder *f = malloc(sizeof *f);

	assert_non_null(f);
	(void)strcpy(f->path, "/tmp/zonefile-test-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *f = *state;
	char command[128];

	(void)snprintf(command, sizeof command, "rm -r %s", f->path);
	int status = system(command); /* NOLINT(cert-env33-c): a name of our own making */
	free(f);
	return status;
}

static void write_file(const struct folder *f, const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", f->path, name);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
}

static void read_file(const struct folder *f, const char *name, struct test_zone *z)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", f->path, name);
	diag_init(&z->diag);
	z->contents = NULL;
	z->err = zonefile_read(path, test_apex, &z->contents, &z->diag);
}

static void includes_are_read_where_they_stand(void **state)
{
	const struct folder *f = *state;
	char absolute[512];
	char path[128];
	struct test_zone z;

	(void)snprintf(path, sizeof path, "%s/sub", f->path);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(
		f, "main",
		SOA
		"a 60 A 192.0.2.1\n$INCLUDE sub/one x ; comment\n TXT still-a\nb A 192.0.2.2\n"
		"$INCLUDE \"sub/t wo\"\nd A 192.0.2.4\n");
	(void)snprintf(
		absolute, sizeof absolute,
		"b 60 A 192.0.2.3\n$ORIGIN y\n@ A 192.0.2.9\n$INCLUDE %s/sub/deep\n",
		f->path);
	write_file(f, "sub/one", absolute);
	write_file(f, "sub/deep", "deep A 192.0.2.5"); /* no newline at its end */
	write_file(f, "sub/t wo", "$TTL 5\nc A 192.0.2.6\n");
	read_file(f, "main", &z);
	test_expect(&z.diag, NULL, "includes");
	assert_int_equal(z.err, 0);
	expect_address(z.contents, "b.x", 60, "\300\0\2\3");
	expect_address(z.contents, "y.x", 60, "\300\0\2\11");
	expect_address(z.contents, "deep.y.x", 60, "\300\0\2\5");
	assert_int_equal(test_rrset(z.contents, "a", RRTYPE_TXT).count, 1);
	expect_address(z.contents, "b", 60, "\300\0\2\2");
	expect_address(z.contents, "c", 5, "\300\0\2\6");
	expect_address(z.contents, "d", 5, "\300\0\2\4");
	assert_int_equal(z.contents->file_count, 4);
	test_zone_fini(&z);
}

static void errors_in_an_included_file_name_it(void **state)
{
	const struct folder *f = *state;
	struct test_zone z;

	write_file(f, "main", SOA "$INCLUDE other\na 60 A x\n");
	write_file(f, "other", "\nb 60 A x\n");
	read_file(f, "main", &z);
	assert_int_equal(z.err, ERR_SYNTAX);
	assert_int_equal(z.diag.errors, 2);
	assert_non_null(strstr(z.diag.entries[0].file, "/other"));
	assert_int_equal(z.diag.entries[0].line, 2);
	assert_non_null(strstr(z.diag.entries[1].file, "/main"));
	assert_int_equal(z.diag.entries[1].line, 3);
	test_zone_fini(&z);
}

static void bad_includes_are_refused(void **state)
{
	const struct folder *f = *state;
	static const struct {
		const char *text;
		const char *rule;
	} cases[] = {
		{"$INCLUDE nothing-here\n", "include-file"},
		{"$INCLUDE .\n", "include-file"},
		{"$INCLUDE /dev/zero\n", "include-file"},
		{"$INCLUDE main\n", "include-loop"},
		{"$INCLUDE ./main\n", "include-loop"},
		{"$INCLUDE round\n", "include-loop"},
		{"$INCLUDE \"\"\n", "include-path"},
		{"$INCLUDE a\\000b\n", "include-path"},
		{"$INCLUDE a\\999b\n", "include-path"},
		{"$INCLUDE main a b\n", "directive-arguments"},
		{"$INCLUDE other a..b\n", "name-syntax"},
	};

	write_file(f, "round", "$INCLUDE round2\n");
	write_file(f, "round2", "$INCLUDE main\n");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct test_zone z;

		write_file(f, "main", cases[i].text);
		read_file(f, "main", &z);
		assert_int_equal(z.err, ERR_SYNTAX);
		test_expect(&z.diag, cases[i].rule, cases[i].text);
		test_zone_fini(&z);
	}
}

/* Writes n files, each of which includes the next one as often as said. */
static void write_chain(const struct folder *f, int n, int times)
{
	for (int i = 0; i < n; i++) {
		char name[16];
		char text[512];
		size_t at = 0;

		(void)snprintf(name, sizeof name, "f%d", i);
		text[0] = '\0';
		for (int t = 0; t < times && i + 1 < n; t++)
			at += (size_t)snprintf(text + at, sizeof text - at,
			                       "$INCLUDE f%d\n", i + 1);
		write_file(f, name, text);
	}
}

static void includes_go_only_so_deep(void **state)
{
	const struct folder *f = *state;
	struct test_zone z;

	write_chain(f, INCLUDE_DEPTH_MAX, 1);
	read_file(f, "f0", &z);
	assert_int_equal(z.err, 0);
	test_zone_fini(&z);
	write_chain(f, INCLUDE_DEPTH_MAX + 1, 1);
	read_file(f, "f0", &z);
	test_expect(&z.diag, "include-depth", "one deeper");
	test_zone_fini(&z);
}

static void includes_that_fan_out_come_to_an_end(void **state)
{
	const struct folder *f = *state;
	struct test_zone z;

	write_chain(f, INCLUDE_DEPTH_MAX, 10);
	read_file(f, "f0", &z);
	assert_int_equal(z.err, ERR_SYNTAX);
	test_expect(&z.diag, "include-files", "ten to the fifteenth files");
	test_zone_fini(&z);
}

static void a_zone_file_that_cannot_be_read_is_an_error(void **state)
{
	const struct folder *f = *state;
	static const char *const names[] = {"missing", ".", "../../dev/zero"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct test_zone z;

		read_file(f, names[i], &z);
		assert_int_equal(z.err, ERR_IO);
		test_expect(&z.diag, "zone-file", names[i]);
		test_zone_fini(&z);
	}
}

static void an_empty_file_is_an_empty_zone(void **state)
{
	const struct folder *f = *state;
	struct test_zone z;

	write_file(f, "main", "");
	read_file(f, "main", &z);
	assert_int_equal(z.err, 0);
	assert_int_equal(z.contents->count, 0);
	test_zone_fini(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_write_one_record_is_the_same),
		cmocka_unit_test(owner_and_ttl_are_taken_from_before),
		cmocka_unit_test(
			without_any_ttl_the_minimum_of_the_soa_serves_with_a_warning),
		cmocka_unit_test(names_of_all_sorts_are_owners),
		cmocka_unit_test(generate_counts),
		cmocka_unit_test(generate_makes_records_of_any_type),
		cmocka_unit_test(errors_name_file_line_column_and_rule),
		cmocka_unit_test(nul_bytes_are_refused_wherever_they_are),
		cmocka_unit_test(reading_goes_on_after_an_error),
		cmocka_unit_test(reading_stops_when_no_more_errors_are_kept),
		cmocka_unit_test(very_long_lines),
		cmocka_unit_test_setup_teardown(includes_are_read_where_they_stand,
	                                        make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(errors_in_an_included_file_name_it,
	                                        make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(bad_includes_are_refused, make_folder,
	                                        remove_folder),
		cmocka_unit_test_setup_teardown(includes_go_only_so_deep, make_folder,
	                                        remove_folder),
		cmocka_unit_test_setup_teardown(includes_that_fan_out_come_to_an_end,
	                                        make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_zone_file_that_cannot_be_read_is_an_error, make_folder,
			remove_folder),
		cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_zone,
	                                        make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
