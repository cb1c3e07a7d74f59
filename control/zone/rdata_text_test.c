#include "control/zone/rdata_text.h"

#include "control/zone/testing.h"
#include "shared/rrtype.h"

struct sample {
	const char *type;
	const char *text;
};

#define SHA1_ "00112233445566778899aabbccddeeff00112233"
#define KEY_  "AAECAwQFBgcICQoLDA0ODw=="

/* One record, or a few, of every type that has a text form. */
static const struct sample samples[] = {
	{"A", "192.0.2.1"},
	{"NS", "ns"},
	{"MD", "md"},
	{"MF", "mf"},
	{"CNAME", "elsewhere.test."},
	{"SOA", "ns host\\.master 1 2h 30m 2w 1h"},
	{"MB", "mb"},
	{"MG", "mg"},
	{"MR", "mr"},
	{"WKS", "192.0.2.1 tcp 25 80"},
	{"PTR", "@"},
	{"HINFO", "\"\" \"a b\""},
	{"MINFO", "a b"},
	{"MX", "10 mail"},
	{"TXT", "\"one\" \"\" \"t\\\"w\\\\o\\000\\255;\" three"},
	{"RP", "a b"},
	{"AFSDB", "1 a"},
	{"X25", "311061700956"},
	{"ISDN", "150862028003217 004"},
	{"ISDN", "150862028003217"},
	{"RT", "2 relay"},
	{"NSAP", "0x47000580005a0000000001e133ffffff00016100"},
	{"NSAP-PTR", "host"},
	{"SIG", "A 8 2 3600 20380119031408 20200229000000 1 @ AA=="},
	{"KEY", "256 3 5 AAEC"},
	{"PX", "10 map822 mapx400"},
	{"GPOS", "-32.6882 116.8652 10.0"},
	{"AAAA", "2001:db8::1"},
	{"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"},
	{"LOC", "0 S 180 W 100m"},
	{"SRV", "0 5 5060 sip"},
	{"NAPTR", "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" ."},
	{"KX", "10 kx"},
	{"CERT", "PKIX 12345 RSASHA256 AAEC"},
	{"CERT", "0 0 0 AAEC"},
	{"CERT", "65535 1 8 AAEC"},
	{"DNAME", "elsewhere.test."},
	{"APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32"},
	{"DS", "12345 RSASHA256 2 " SHA1_ "445566778899AABBCCDDEEFF"},
	{"SSHFP", "1 1 " SHA1_},
	{"IPSECKEY",
         "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="},
	{"IPSECKEY", "10 2 2 2001:db8::1 AAEC"},
	{"IPSECKEY", "10 3 2 gateway AAEC"},
	{"IPSECKEY", "10 0 2 . AAEC"},
	{"RRSIG", "A 8 2 3600 1504414800 20170821040000 15768 example. AAEC"},
	{"NSEC", "host A MX RRSIG NSEC TYPE1234 DSYNC"},
	{"DNSKEY", "257 3 RSASHA256 AAEC"},
	{"DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
	{"NSEC3", "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG"},
	{"NSEC3", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s"},
	{"NSEC3PARAM", "1 0 10 aabb"},
	{"TLSA", "3 1 1 " SHA1_},
	{"SMIMEA", "0 0 0 0102"},
	{"HIP",
         "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI"
         "vM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1sl"
         "ImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D rvs.example.com."},
	{"HIP", "2 200100107B1A74DF365639CC39F1D578 AAEC rvs1 rvs2.test."},
	{"TALINK", "a b"},
	{"CDS", "12345 8 2 " SHA1_},
	{"CDNSKEY", "0 3 0 AA=="},
	{"OPENPGPKEY", "AAEC"},
	{"CSYNC", "66 3 A NS AAAA"},
	{"ZONEMD", "2018031500 1 1 " SHA1_ SHA1_},
	{"SVCB", "0 alias"},
	{"SVCB", "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"},
	{"HTTPS", "1 svc alpn=\"h2,h3\" no-default-alpn ech=AAEC"},
	{"HTTPS",
         "16 foo.example.org. mandatory=alpn,ipv4hint alpn=h2 ipv4hint=192.0.2.1"},
	{"HTTPS", "1 . key667=hello"},
	{"SPF", "\"v=spf1 -all\""},
	{"NID", "10 0014:4fff:ff20:ee64"},
	{"L32", "10 10.1.2.0"},
	{"L64", "10 2001:0DB8:1140:1000"},
	{"LP", "10 l64"},
	{"EUI48", "00-00-5e-00-53-2a"},
	{"EUI64", "00-00-5e-ef-10-00-00-2a"},
	{"URI", "10 1 \"ftp://ftp1.example.com/public\""},
	{"CAA", "0 issue \"ca.example.net; account=230123\""},
	{"CAA", "128 iodef \"mailto:a@example.\""},
	{"CAA", "0 issue \"\""},
	{"DLV", "12345 8 2 " SHA1_},
	{"RESINFO", "qnamemin exterr=15"},
	{"WALLET", "\"BTC\" \"addr\""},
	{"DSYNC", "\\# 11 003b 01 0035 04 74657374 00"},
	{"DSYNC", "CDS 1 53 target"},
	{"AMTRELAY", "\\# 6 0a 01 c0000201"},
	{"A6", "\\# 17 00 20010db8000000000000000000000001"},
	{"NULL", "\\# 3 010203"},
	{"TYPE65280", "\\# 0"},
	{"TYPE65280", "\\# 4 de ad BEEF"},
	{"A", "\\# 4 c0000201"},
	{"MX", "\\# 9 000a 0570 6574 6572 00"},
	{"TXT", "\\# 1 00"},
	{"NSEC", "\\# 10 04686f737400 0002 4001"},
};

static int from_text(struct rdata_text *x, uint16_t type, const char *text)
{
	struct entry e = test_entry(text);
	int err = rdata_from_text(x, type, e.tokens, e.count, test_apex);

	if (err < 0 && x->rule == NULL)
		fail_msg("%s: refused without a rule", text);
	entry_fini(&e);
	return err;
}

/* Gives, owned, what is written for RDATA. */
static char *to_text(struct rdata_text *x, uint16_t type, const uint8_t *rdata,
                     size_t len)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(rdata_to_text(x, type, rdata, len, to), 0);
	assert_int_equal(fclose(to), 0);
	return text;
}

static uint16_t type_of(const char *name)
{
	int type = rrtype_from_text(name, strlen(name));

	assert_true(type > 0);
	return (uint16_t)type;
}

static void every_type_reads_back_what_was_written(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();
	static uint8_t first[RDATA_MAX];

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		uint16_t type = type_of(samples[i].type);
		if (from_text(x, type, samples[i].text) < 0)
			fail_msg("%s %s: %s", samples[i].type, samples[i].text,
			         x->reason);
		size_t len = x->len;
		memcpy(first, x->bytes, len);
		assert_int_equal(rdata_check(type, first, len), 0);

		char *text = to_text(x, type, first, len);
		if (from_text(x, type, text) < 0)
			fail_msg("%s %s: %s", samples[i].type, text, x->reason);
		if (x->len != len || memcmp(x->bytes, first, len) != 0)
			fail_msg("%s %s: reads back differently", samples[i].type, text);
		free(text);
	}
	rdata_text_free(x);
}

/* Any octets whatever under any type: what passes the check is written and reads back. */
static void wire_form_that_no_text_makes_reads_back(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();
	uint8_t rdata[48];
	unsigned seed = 1;
	unsigned tried = 0;

	for (unsigned round = 0; round < 40000; round++) {
		uint16_t type = (uint16_t)(round % 270);
		size_t len;
		for (len = 0; len < sizeof rdata; len++) {
			seed = seed * 1103515245 + 12345;
			/* Many small octets, or no name and no length would ever add up. */
			rdata[len] = (uint8_t)(seed >> 16);
			if (seed & 0x10000000)
				rdata[len] %= 4;
		}
		len = seed >> 8 & 31;
		if (type == 0 || rrtype_is_meta(type) ||
		    rdata_check(type, rdata, len) < 0)
			continue;
		tried++;
		char *text = to_text(x, type, rdata, len);
		if (from_text(x, type, text) < 0 || x->len != len ||
		    memcmp(x->bytes, rdata, len) != 0)
			fail_msg("type %u: %s", type, text);
		free(text);
	}
	assert_true(tried > 5000);
	rdata_text_free(x);
}

static const struct {
	const char *type;
	const char *text;
	const char *rule;
} refused[] = {
	{"A", "", "rdata-syntax"},
	{"A", "192.0.2.256", "rdata-syntax"},
	{"A", "192.0.2.1 extra", "rdata-syntax"},
	{"A", "\\# 5 0102030405", "rdata-format"},
	{"A", "\\# 4 010203", "rdata-length"},
	{"A", "\\# 4 0102030405", "rdata-length"},
	{"A", "\\# 4 0102030", "rdata-generic"},
	{"A", "\\# 4 0102030x", "rdata-generic"},
	{"A", "\\#", "rdata-generic"},
	{"A", "\\# x", "rdata-generic"},
	{"A", "\\# 65536 00", "rdata-generic"},
	{"AAAA", "1::2::3", "rdata-syntax"},
	{"NS", "a..b", "name-syntax"},
	{"NS", "\\1", "name-syntax"},
	{"NS", "1234567890123456789012345678901234567890123456789012345678901234",
         "name-too-long"},
	{"MX", "65536 mail", "number-range"},
	{"MX", "ten mail", "number-syntax"},
	{"MX", "-1 mail", "number-syntax"},
	{"SRV", "1 2 70000 x", "number-range"},
	{"NAPTR", "65536 1 a b c .", "number-range"},
	{"TXT", "\"\\256\"", "escape-syntax"},
	{"TXT", "a=\"b\"", "quote-in-word"},
	{"SOA", "a b 1 1 1 1 1x", "ttl-syntax"},
	{"SOA", "a b 5000000000 1 1 1 1", "number-range"},
	{"DS", "1 256 1 00", "number-range"},
	{"DS", "1 -1 1 00", "number-syntax"},
	{"DS", "1 8 1 0", "hexadecimal"},
	{"DS", "1 8 1 \"\"", "hexadecimal"},
	{"SSHFP", "1 1 0g", "hexadecimal"},
	{"DNSKEY", "257 3 RSASHA256 AAE", "base64"},
	{"CERT", "PKIX 1 8 A*==", "base64"},
	{"RRSIG", "A 8 2 1 20170230000000 20170101000000 1 . AAEC", "time-syntax"},
	{"RRSIG", "A 8 2 1 5000000000 20170101000000 1 . AAEC", "time-syntax"},
	{"RRSIG", "NOTYPE 8 2 1 20170201000000 20170101000000 1 . AAEC", "type-unknown"},
	{"NSEC", "host A NOTYPE", "type-unknown"},
	{"NSEC3", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s NOTYPE", "type-unknown"},
	{"SVCB", "1 . alpn=h2 alpn=h3", "rdata-"},
	{"SVCB", "1 . port=99999", "number-range"},
	{"SVCB", "1 . port=\"65536\"", "number-range"},
	{"SVCB", "1 . port=\"65535\"", NULL},
	{"SVCB", "1 . key65536=a", "rdata-"},
	{"SVCB", "1 . mandatory=mandatory", "rdata-"},
	{"HTTPS", "1 . \\# 0", "rdata-"},
	{"HTTPS", "\\# 7 0001 00 0001 0000", "rdata-format"},
	{"SVCB", "\\# 12 0001 00 0003 0002 01bb 0001 00", "rdata-"},
	{"SVCB", "\\# 16 0001 00 0003 0002 01bb 0001 0003 026832", "rdata-format"},
	{"APL", "1:192.168.32.0/33", "rdata-"},
	{"APL", "3:x/1", "rdata-"},
	{"APL", "\\# 8 0001 20 84 c0000201", NULL},
	{"APL", "\\# 9 0001 20 85 c000020101", "rdata-format"},
	{"APL", "\\# 8 0001 20 84 c0000200", "rdata-format"},
	{"APL", "\\# 7 0001 20 84 c00002", "rdata-format"},
	{"CAA", "256 issue \"ca\"", "number-range"},
	{"CAA", "\\# 2 00 00", "rdata-format"},
	{"CAA", "\\# 3 00 05 69", "rdata-format"},
	{"CAA", "\\# 4 00 01 20 00", "rdata-format"},
	{"HIP", "2 2001 ", "rdata-"},
	{"HIP", "\\# 4 10 02 0001", "rdata-format"},
	{"HIP", "\\# 6 01 02 0001 aa bb", NULL},
	{"HIP", "\\# 7 01 02 0001 aa bb 05", "rdata-format"},
	{"IPSECKEY", "10 4 2 x AAEC", "rdata-"},
	{"IPSECKEY", "10 3 2", "rdata-format"},
	{"LOC", "91 N 0 E 0m", "rdata-"},
	{"LOC", "0 N 181 E 0m", "rdata-"},
	{"LOC", "\\# 16 00000000 6CB02700 59604E00 00989680", NULL},
	{"LOC", "\\# 16 00000000 6CB026FF 59604E00 00989680", "rdata-format"},
	{"LOC", "\\# 16 000a0000 80000000 80000000 00989680", "rdata-format"},
	{"LOC", "\\# 16 01000000 00000000 00000000 00000000", "rdata-format"},
	{"EUI48", "00-00-5e-00-53", "rdata-"},
	{"URI", "1 1", "rdata-"},
	{"DNSKEY", "257 3 8", "rdata-"},
	{"DSYNC", "NOTIFY 1", "type-without-text"},
	{"AMTRELAY", "10 0 1 192.0.2.1", "type-without-text"},
	{"TYPE65280", "anything", "type-without-text"},
	{"TYPE65280", "", "type-without-text"},
};

static void bad_data_is_refused_by_name_of_the_rule(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		int err = from_text(x, type_of(refused[i].type), refused[i].text);
		const char *rule = refused[i].rule;

		if (!rule) {
			assert_int_equal(err, 0);
			continue;
		}
		if (err >= 0 || strncmp(x->rule, rule, strlen(rule)) != 0)
			fail_msg("%s %s: %d %s, not %s", refused[i].type, refused[i].text,
			         err, err < 0 ? x->rule : "", rule);
	}
	rdata_text_free(x);
}

/* A text of n times piece, after some beginning. */
static char *long_text(const char *start, const char *piece, size_t n)
{
	size_t len = strlen(piece);
	char *text = malloc(strlen(start) + n * len + 1);

	assert_non_null(text);
	char *at = stpcpy(text, start);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, piece);
	return text;
}

static void data_at_the_limit_of_64_kib(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		const char *start;
		const char *piece;
		size_t count;
		bool good;
	} cases[] = {
		{"TXT", "", "\"\" ", 65535, true},
		{"TXT", "", "\"\" ", 65536, false},
		{"TXT", "", "a ", 32767, true},
		{"TXT", "", "a ", 32768, false},
		{"TYPE65280", "\\# 65535 ", "00 ", 65535, true},
		{"TYPE65280", "\\# 65535 ", "00 ", 65536, false},
		{"OPENPGPKEY", "", "AAEC ", 21845, true},
		{"OPENPGPKEY", "", "AAEC ", 21846, false},
		{"DS", "1 1 1 ", "00", 65531, true},
		{"DS", "1 1 1 ", "00", 65532, false},
		{"A", "", "1", 100000, false},
		{"A", "", "1.", 50000, false},
		{"AAAA", "", "0:", 50000, false},
		{"NS", "", "a.", 127, true},
		{"NS", "", "a.", 128, false},
		{"NS", "", "a.", 60000, false},
		{"MX", "", "0", 100000, false},
		{"CERT", "PKIX 1 8 ", "AAEC", 30000, false},
		{"APL", "", "1:10.0.0.0/8 ", 20000, false},
		{"SVCB", "1 . alpn=", "h2,", 30000, false},
		{"SVCB", "1 . ", "key7=a ", 30000, false},
		{"HIP", "2 ", "00", 300, false},
		{"LOC", "", "1 ", 30000, false},
		{"CAA", "0 ", "a", 300, false},
		{"CAA", "0 issue ", "a", 70000, false},
		{"URI", "1 1 ", "a", 70000, false},
		{"NSAP", "0x", "00", 70000, false},
		{"NSEC", "host ", "A ", 30000, true},
		{"WKS", "192.0.2.1 tcp ", "25 ", 30000, false},
		{"NAPTR", "1 1 a b ", "c", 256, false},
		{"EUI64", "", "00-", 1000, false},
	};
	struct rdata_text *x = rdata_text_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = long_text(cases[i].start, cases[i].piece, cases[i].count);
		int err = from_text(x, type_of(cases[i].type), text);
		if ((err == 0) != cases[i].good)
			fail_msg("%s %s times %zu: %d", cases[i].type, cases[i].piece,
			         cases[i].count, err);
		free(text);
	}
	rdata_text_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_reads_back_what_was_written),
		cmocka_unit_test(wire_form_that_no_text_makes_reads_back),
		cmocka_unit_test(bad_data_is_refused_by_name_of_the_rule),
		cmocka_unit_test(data_at_the_limit_of_64_kib),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
