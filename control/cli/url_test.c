#include "control/cli/url.h"

#include <string.h>

#include "shared/compiler.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

struct address {
	const char *text;
	struct url url;
};

static const struct address addresses[] = {
	{"https://ns1.example", {true, false, "ns1.example", "8081", ""}},
	{"HTTPS://ns1.example/", {true, false, "ns1.example", "8081", ""}},
	{"https://192.0.2.1:8443", {true, true, "192.0.2.1", "8443", ""}},
	{"https://[2001:db8::1]:8443//", {true, true, "2001:db8::1", "8443", ""}},
	{"http://localhost:80/dns/one/", {false, false, "localhost", "80", "/dns/one"}},
};

static const char *const no_addresses[] = {
	"",
	"ns1.example",
	"ftp://ns1.example",
	"https://",
	"https://:8081",
	"https://ns1.example:",
	"https://ns1.example:0",
	"https://ns1.example:65536",
	"https://ns1.example:123456",
	"https://ns1.example:80x",
	"https://user@ns1.example",
	"https://ns1.example/a b",
	"https://ns1.example/a?b",
	"https://ns1.example/\r\nX: y",
	"https://ns1.example\r\n",
	"https://[2001:db8::1",
	"https://[2001:db8::g]",
	"https://[192.0.2.1]",
	"https://[]",
};

static void parts_of_an_address_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		const struct url *wanted = &addresses[i].url;
		struct url u;

		assert_true(url_parse(addresses[i].text, &u));
		assert_int_equal(u.tls, wanted->tls);
		assert_int_equal(u.literal, wanted->literal);
		assert_string_equal(u.host, wanted->host);
		assert_string_equal(u.port, wanted->port);
		assert_string_equal(u.path, wanted->path);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	char text[URL_PATH_MAX * 2];
	struct url u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no_addresses); i++)
		assert_false(url_parse(no_addresses[i], &u));
	memset(text, 'a', sizeof text);
	memcpy(text, "https://", 8);
	text[sizeof text - 1] = 0;
	assert_false(url_parse(text, &u));
	text[20] = '/';
	assert_false(url_parse(text, &u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_an_address_are_found),
		cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
