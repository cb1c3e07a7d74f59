/*
 * The short cut against ldns, which is asked directly here and not by way of our own preparation
 * of its input: whatever the short cut takes, ldns must read to the same octets.
 */
#include <ldns/ldns.h>

#include "control/zone/rdata_text.h"
#include "control/zone/testing.h"
#include "shared/rrtype.h"

/* Gives the length of the RDATA that ldns makes of a text, or -1. */
static int by_ldns(const char *type, const char *text, uint8_t *out)
{
	char line[4096];
	ldns_rdf *origin = ldns_dname_new_frm_str("example.");
	ldns_rr *rr = NULL;
	int len = 0;

	(void)snprintf(line, sizeof line, ". 0 IN %s %s", type, text);
	ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, origin, NULL);
	ldns_rdf_deep_free(origin);
	if (status != LDNS_STATUS_OK)
		return -1;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		memcpy(out + len, ldns_rdf_data(field), ldns_rdf_size(field));
		len += (int)ldns_rdf_size(field);
	}
	ldns_rr_free(rr);
	return len;
}

/* Gives the length, or the error. */
static int by_fields(struct rdata_text *x, const char *type, const char *text)
{
	struct entry e = test_entry(text);
	int number = rrtype_from_text(type, strlen(type));

	assert_true(number > 0);
	int err = rdata_read_fields(x, (uint16_t)number, e.tokens, e.count, test_apex);
	if (err == 0)
		err = rdata_check((uint16_t)number, x->bytes, x->len);
	entry_fini(&e);
	return err < 0 ? err : (int)x->len;
}

struct spelling {
	const char *type;
	const char *text;
};

#define HASH_   "AAECAwQFBgcICQoLDA0ODw=="
#define SHA1_   "00112233445566778899aabbccddeeff00112233"
#define SHA256_ SHA1_ "445566778899AABBCCDDEEFF"

static const struct spelling taken[] = {
	{"A", "192.0.2.1"},
	{"A", "0.0.0.0"},
	{"A", "255.255.255.255"},
	{"AAAA", "::"},
	{"AAAA", "2001:DB8::1"},
	{"AAAA", "::ffff:192.0.2.1"},
	{"AAAA", "1:2:3:4:5:6:7:8"},
	{"NS", "ns"},
	{"NS", "ns.example."},
	{"NS", "NS.Sub.Example."},
	{"NS", "@"},
	{"NS", "."},
	{"NS", "a\\.b.c"},
	{"NS", "a\\046b"},
	{"NS", "\\000\\255\\032x."},
	{"NS", "*._tcp"},
	{"NS", "_25._tcp.1-2"},
	{"CNAME", "\\097"},
	{"CNAME", "x.\\\"y\\\"."},
	{"PTR", "host.example.com."},
	{"DNAME", "elsewhere.test."},
	{"MX", "10 mail"},
	{"MX", "0 ."},
	{"MX", "65535 mail.example.net."},
	{"MX", "00010 mail"},
	{"AFSDB", "1 afs"},
	{"KX", "2 kx"},
	{"RT", "3 rt"},
	{"RP", "admin\\.dot people"},
	{"MINFO", "a b"},
	{"PX", "10 a b"},
	{"SRV", "0 5 5060 sip"},
	{"SRV", "65535 65535 65535 ."},
	{"SOA", "ns hostmaster 2017082100 1800 900 604800 86400"},
	{"SOA", "ns hostmaster 4294967295 1h 15M 1w 1d"},
	{"SOA", "@ . 0 0 0 0 1h30m"},
	{"TXT", "plain"},
	{"TXT", "\"quoted string\""},
	{"TXT", "\"one\" two \"three\""},
	{"TXT", "\"v=spf1 -all\""},
	{"TXT", "\"semi;colon (paren)\""},
	{"TXT", "\"a\\\"b\\\\c\""},
	{"TXT", "\"\\000\\127\\200\\255\""},
	{"TXT", "\"tab\there\""},
	{"TXT", "CaseKept"},
	{"SPF", "\"v=spf1 a mx -all\""},
	{"HINFO", "PC \"Linux 6\""},
	{"X25", "311061700956"},
	{"GPOS", "-32.6882 116.8652 10.0"},
	{"NAPTR", "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@example!\" ."},
	{"NAPTR", "1 2 s \"\" \"x\" target"},
	{"DS", "12345 8 2 " SHA256_},
	{"DS",
         "12345 8 2 ( 00112233 44556677 8899aabbccddeeff00112233445566778899AABBCCDDEEFF )"},
	{"DS", "65535 255 255 00"},
	{"CDS", "0 0 0 00"},
	{"DLV", "1 5 1 " SHA1_},
	{"SSHFP", "1 1 " SHA1_},
	{"TLSA", "3 1 1 " SHA256_},
	{"SMIMEA", "0 0 0 0102"},
	{"ZONEMD", "2018031500 1 1 " SHA256_ SHA256_},
	{"DNSKEY", "257 3 8 " HASH_},
	{"DNSKEY", "256 3 13 AAEC AwQF BgcI"},
	{"CDNSKEY", "0 3 0 AA=="},
	{"OPENPGPKEY", HASH_},
	{"DHCID", HASH_},
	{"RRSIG", "A 8 2 3600 20170903050000 20170821040000 15768 example. " HASH_},
	{"RRSIG", "TYPE65280 13 0 60 20380119031408 20200229000000 0 @ AA=="},
	{"RRSIG", "NSEC 8 1 86400 21060207062815 19700101000000 65535 . AAEC"},
	{"NSEC", "host A MX RRSIG NSEC TYPE1234"},
	{"NSEC", "\\000.@ NS SOA RRSIG NSEC DNSKEY"},
	{"NSEC", "example. a aaaa"},
	{"NSEC", "example. TYPE65535 A TYPE256 CAA"},
	{"NSEC3", "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG"},
	{"NSEC3", "1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S"},
	{"NSEC3PARAM", "1 0 0 -"},
	{"NSEC3PARAM", "1 0 65535 00"},
	{"CSYNC", "66 3 A NS AAAA"},
	{"L32", "10 10.1.2.0"},
	{"LP", "10 l64"},
	{"TALINK", "a b"},
};

static void what_the_short_cut_takes_ldns_reads_alike(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();
	uint8_t expected[4096];

	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		int len = by_fields(x, taken[i].type, taken[i].text);
		int expected_len = by_ldns(taken[i].type, taken[i].text, expected);

		if (len < 0 || len != expected_len ||
		    memcmp(x->bytes, expected, (size_t)len) != 0)
			fail_msg("%s %s: %d octets, ldns %d", taken[i].type,
			         taken[i].text, len, expected_len);
	}
	rdata_text_free(x);
}

static const struct spelling left[] = {
	{"A", ""},
	{"A", "192.0.2"},
	{"A", "192.0.2.256"},
	{"A", "192.0.2.1.1"},
	{"A", "192.0.2.01"},
	{"A", "192.0.2.1 192.0.2.2"},
	{"A", "\"192.0.2.1\""},
	{"A", "0xc0000201"},
	{"A", "192.0.2.1111111111111111111111111111111111111111111111111111111111111111"},
	{"A", "::1"},
	{"AAAA", "192.0.2.1"},
	{"AAAA", ":::"},
	{"AAAA", "1:2:3:4:5:6:7:8:9"},
	{"AAAA", "fe80::1%eth0"},
	{"AAAA", "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"},
	{"NS", ""},
	{"NS", "a..b"},
	{"NS", ".a"},
	{"NS", "a b"},
	{"NS", "\\256"},
	{"NS", "1234567890123456789012345678901234567890123456789012345678901234"},
	{"MX", "mail"},
	{"MX", "65536 mail"},
	{"MX", "-1 mail"},
	{"MX", "10 mail extra"},
	{"SRV", "0 0 65536 x"},
	{"SRV", "0 0 x"},
	{"SOA", "a b 4294967296 1 1 1 1"},
	{"SOA", "a b 1 1 1 1"},
	{"SOA", "a b 1 1 1 1 1h30"},
	{"TXT", ""},
	{"TXT", "\"\\300\""},
	{"HINFO", "only"},
	{"DS", "1 2 3 "},
	{"DS", "1 2 3 abc"},
	{"DS", "1 256 3 ab"},
	{"DS", "65536 2 3 ab"},
	{"DS", "1 RSASHA256 2 ab"}, /* right, but not simple */
	{"DNSKEY", "257 3 8 AAE"},
	{"DNSKEY", "257 3 8 A*AA"},
	{"DNSKEY", "257 3 8"},
	{"RRSIG", "A 8 2 3600 20170230000000 20170821040000 1 . AAEC"},
	{"RRSIG", "A 8 2 3600 1504414800 1503288000 1 . AAEC"},
	{"RRSIG", "NOTYPE 8 2 3600 20170903050000 20170821040000 1 . AAEC"},
	{"RRSIG", "A 8 2 1h 20170903050000 20170821040000 1 . AAEC"},
	{"NSEC", "host A NOTYPE"},
	{"NSEC", "host TYPE65536"},
	{"NSEC3", "1 1 12 aabbccd 2vptu5timamqttgl4luu9kg21e0aor3s A"},
	{"NSEC3", "1 1 12 - 2vptu5timamqttgl4luu9kg21e0aor3w A"},
	{"NSEC3", "1 1 12 - "},
	{"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"},
	{"SVCB", "1 . alpn=h2"},
	{"TYPE65280", "\\# 0"},
};

static void it_leaves_all_else_to_others(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();

	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		if (by_fields(x, left[i].type, left[i].text) != ERR_NOTFOUND)
			fail_msg("took %s %s", left[i].type, left[i].text);
	rdata_text_free(x);
}

/* Here ldns 1.8 is wrong, and takes it for the origin (RFC 1035 §5.1). */
static void an_escaped_at_sign_is_a_label(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();

	assert_int_equal(by_fields(x, "NS", "\\@"), 11);
	assert_memory_equal(x->bytes, "\1@\7example", 11);
	rdata_text_free(x);
}

/* Every octet, written raw where it may be, as \c and as \DDD, in names and in strings. */
static void escapes_of_every_octet_read_alike(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();
	uint8_t expected[4096];
	char text[32];

	for (unsigned c = 0; c < 256; c++) {
		for (unsigned form = 0; form < 4; form++) {
			bool digit = c >= '0' && c <= '9';
			bool plain = c > 0x20 && c < 0x7f && !digit;
			if ((form & 1) && !plain)
				continue;
			(void)snprintf(text, sizeof text,
			               form == 0   ? "a\\%03d.b"
			               : form == 1 ? "a\\%c.b"
			               : form == 2 ? "\"a\\%03db\""
			                           : "\"a\\%cb\"",
			               (int)c);
			const char *type = form < 2 ? "NS" : "TXT";
			int len = by_fields(x, type, text);
			assert_int_equal(len, by_ldns(type, text, expected));
			assert_memory_equal(x->bytes, expected, (size_t)len);
		}
	}
	rdata_text_free(x);
}

static void a_name_or_string_at_its_limit(void **state)
{
	(void)state;
	struct rdata_text *x = rdata_text_new();
	uint8_t expected[4096];
	char text[600];

	for (int n = 250; n <= 256; n++) {
		(void)snprintf(
			text, sizeof text, "\"%.*s\"", n,
			"ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
			"ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
			"ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
			"ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss");
		int len = by_fields(x, "TXT", text);
		assert_int_equal(len, n <= 255 ? n + 1 : ERR_NOTFOUND);
		assert_int_equal(by_ldns("TXT", text, expected), n <= 255 ? n + 1 : -1);
	}
	for (int n = 1; n <= 64; n++) {
		(void)snprintf(
			text, sizeof text, "%.*s", n,
			"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
		int len = by_fields(x, "NS", text);
		assert_int_equal(len, n <= 63 ? n + 10 : ERR_NOTFOUND);
		assert_int_equal(by_ldns("NS", text, expected), n <= 63 ? n + 10 : -1);
	}
	rdata_text_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_short_cut_takes_ldns_reads_alike),
		cmocka_unit_test(it_leaves_all_else_to_others),
		cmocka_unit_test(an_escaped_at_sign_is_a_label),
		cmocka_unit_test(escapes_of_every_octet_read_alike),
		cmocka_unit_test(a_name_or_string_at_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
