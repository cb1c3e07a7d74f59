#include "control/api/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shared/err.h"
#include "shared/rrtype.h"

struct sample {
	const char *type;
	const char *text;
	const char *fault; /* what it ends with; NULL: none */
	const char *back;  /* when it comes back otherwise */
};

static const struct sample samples[] = {
	{.type = "A", .text = "192.0.2.1"},
	{.type = "A", .text = "192.0.2.1 ", .back = "192.0.2.1"},
	{.type = "AAAA", .text = "2001:0DB8:0:0::1", .back = "2001:db8::1"},
	{.type = "MX", .text = "10 mx.example.com."},
	{.type = "MX", .text = "10 \t mx.example.com.", .back = "10 mx.example.com."},
	{.type = "CNAME", .text = "WWW.example.com."},
	{.type = "TXT", .text = "\"one two\" \"three\""},
	{.type = "TXT", .text = "\"a  b\""},
	{.type = "TXT", .text = "\"a\\\"b\\\\c\""},
	{.type = "TXT", .text = "\"\\195\\188\""},
	{.type = "TXT", .text = "\"\xc3\xbc\"", .back = "\"\\195\\188\""},
	{.type = "SRV", .text = "0 5 5060 sip.example.com."},
	{.type = "CAA", .text = "0 issue \"ca.example.net\""},
	{.type = "SSHFP", .text = "1 1 00112233445566778899aabbccddeeff00112233"},
	{.type = "TLSA",
         .text = "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
	{.type = "DS",
         .text = "12345 8 2 00112233445566778899AABBCCDDEEFF001122334455667788"
                 "99AABBCCDDEEFF",
         .back = "12345 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddee"
                 "ff"},
	{.type = "NAPTR",
         .text = "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@example.com!\" ."},
	{.type = "SOA",
         .text = "ns.example.com. host.example.com. 1 10800 3600 604800 3600"},
	{.type = "TYPE65280", .text = "\\# 2 abcd"},
	{.type = "A", .text = "192.0.2", .fault = "Parsing record content"},
	{.type = "A", .text = "", .fault = "Parsing record content: it is empty"},
	{.type = "A",
         .text = "192.0.2.1\n192.0.2.2",
         .fault = "it has more than one line"},
	{.type = "A", .text = "192.0.2.1 ; comment", .fault = "(parsed as '192.0.2.1')"},
	{.type = "A", .text = "( 192.0.2.1 )", .fault = "(parsed as '192.0.2.1')"},
	{.type = "CNAME", .text = "www", .fault = "expected format (parsed as 'www.')"},
	{.type = "CNAME", .text = "@", .fault = "expected format (parsed as '.')"},
	{.type = "MX", .text = "mx.example.com.", .fault = "Parsing record content"},
	{.type = "MX",
         .text = "010 mx.example.com.",
         .fault = "(parsed as '10 mx.example.com.')"},
	{.type = "TXT",
         .text = "word",
         .fault = "expected format (parsed as '\"word\"')"},
	{.type = "TXT", .text = "\"open", .fault = "Parsing record content"},
	{.type = "SVCB", .text = "1 svc port=53", .fault = "Not in expected format"},
};

static void check(struct content_writer *w, const struct sample *s)
{
	struct api_fault fault = {0};
	int type = rrtype_from_text(s->type, strlen(s->type));
	assert_true(type > 0);
	int err = content_read(w, "a.test.", (uint16_t)type, s->text, &fault);

	if (s->fault) {
		assert_int_equal(err, ERR_REFUSED);
		assert_int_equal(fault.status, 422);
		assert_non_null(strstr(fault.text, s->fault));
		assert_ptr_equal(strstr(fault.text, "Record a.test./"), fault.text);
	} else {
		assert_null(fault.text);
		assert_int_equal(err, 0);
		struct rdata d = {.bytes = w->x->bytes, .len = (uint16_t)w->x->len};
		assert_int_equal(content_write(w, (uint16_t)type, d), 0);
		assert_string_equal(w->text, s->back ? s->back : s->text);
		assert_int_equal(w->len, strlen(w->text));
	}
	api_fault_fini(&fault);
}

static void content_is_what_would_be_given_back(void **state)
{
	struct content_writer w;

	(void)state;
	content_writer_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		check(&w, &samples[i]);
	content_writer_fini(&w);
}

static void services_may_be_written_in_several_ways(void **state)
{
	static const char *const same[] = {
		"1 . alpn=h2,h3 port=443",
		"1 . alpn=\"h2,h3\" port=\"443\"",
		"1 .  alpn=h2,h3  port=443",
	};
	struct content_writer w;
	struct api_fault fault = {0};
	uint8_t first[64];
	size_t len = 0;

	(void)state;
	content_writer_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		assert_int_equal(
			content_read(&w, "a.test.", RRTYPE_HTTPS, same[i], &fault), 0);
		assert_in_range(w.x->len, 1, sizeof first);
		if (i == 0)
			memcpy(first, w.x->bytes, len = w.x->len);
		assert_int_equal(w.x->len, len);
		assert_memory_equal(w.x->bytes, first, len);
	}
	content_writer_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_what_would_be_given_back),
		cmocka_unit_test(services_may_be_written_in_several_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
