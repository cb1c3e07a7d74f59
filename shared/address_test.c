#include "shared/address.h"

#include <string.h>

#include "shared/compiler.h"
#include "shared/testing.h"

static void addresses_of_one_host_are_fit_and_no_others(void **state)
{
	static const struct {
		const char *address;
		const char *is; /* NULL: fit */
	} cases[] = {
		{"192.0.2.1", NULL},
		{"10.0.0.1", NULL},
		{"126.255.255.255", NULL},
		{"128.0.0.0", NULL},
		{"223.255.255.255", NULL},
		{"0.0.0.0", "a wildcard"},
		{"127.0.0.1", "a loopback address"},
		{"127.255.255.255", "a loopback address"},
		{"224.0.0.0", "a multicast address"},
		{"239.255.255.255", "a multicast address"},
		{"240.0.0.0", "a reserved address"},
		{"255.255.255.255", "a reserved address"},
		{"2001:db8::1", NULL},
		{"fd00::1", NULL},
		{"fec0::1", NULL},
		{"::", "a wildcard"},
		{"::1", "a loopback address"},
		{"ff02::1", "a multicast address"},
		{"fe80::1", "a link-local address"},
		{"febf::1", "a link-local address"},
		{"::ffff:192.0.2.1", "an IPv4-mapped address"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage address = test_address(cases[i].address, 0);
		const char *is = address_unfit(&address);
		if (is && cases[i].is)
			assert_string_equal(is, cases[i].is);
		else if (is || cases[i].is)
			fail_msg("%s is %s", cases[i].address, is ? is : "fit");
	}
}

static void text_is_read_and_written(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		const char *text;
	} cases[] = {
		{"192.0.2.1", 53, "192.0.2.1@53"},
		{"255.255.255.255", UINT16_MAX, "255.255.255.255@65535"},
		{"2001:DB8:0:0::1", 5300, "2001:db8::1@5300"},
		{"::ffff:192.0.2.1", 0, "::ffff:192.0.2.1@0"},
		{"2001:db8:1111:2222:3333:4444:5555:6666", UINT16_MAX,
	         "2001:db8:1111:2222:3333:4444:5555:6666@65535"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage address;
		char host[ADDRESS_HOST_MAX];
		char text[ADDRESS_TEXT_MAX];
		assert_true(address_read(cases[i].host, cases[i].port, &address));
		address_text(&address, text, sizeof text);
		assert_string_equal(text, cases[i].text);
		address_host(&address, host);
		assert_int_equal(strcspn(text, "@"), strlen(host));
		assert_memory_equal(host, text, strlen(host));
	}
}

static void other_text_is_no_address(void **state)
{
	static const char *const cases[] = {
		"",           "192.0.2",      "192.0.2.256",   "192.0.2.1 ",
		" 192.0.2.1", "192.0.2.1@53", "2001:db8::1::", "[::1]",
		"fe80::1%lo", "localhost",
	};
	struct sockaddr_storage address = {.ss_family = AF_UNIX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_false(address_read(cases[i], 53, &address));
	assert_int_equal(address.ss_family, AF_UNIX);
}

static void addresses_that_are_equal_are_equal_bytes(void **state)
{
	struct sockaddr_storage a;
	struct sockaddr_storage b;

	(void)state;
	memset(&a, 0x55, sizeof a);
	memset(&b, 0xaa, sizeof b);
	assert_true(address_read("2001:db8::1", 53, &a));
	assert_true(address_read("2001:DB8:0::1", 53, &b));
	assert_memory_equal(&a, &b, sizeof a);
	assert_true(address_read("192.0.2.1", 53, &a));
	assert_true(address_read("192.0.2.1", 54, &b));
	assert_memory_not_equal(&a, &b, sizeof a);
}

static void prefixes_fit_what_begins_with_them(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool fits;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/24", "192.0.1.255", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.4/31", "192.0.2.5", true},
		{"192.0.2.4/31", "192.0.2.6", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.2", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"128.0.0.0/1", "127.255.255.255", false},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"::ffff:192.0.2.0/120", "192.0.2.7", true},
		{"2001:db8::/32", "2001:db8:ffff::1", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"2001:db8::1", "2001:db8::1", true},
		{"2001:db8::1/128", "2001:db8::2", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address_prefix prefix;
		struct sockaddr_storage address;
		uint8_t bytes[16];

		assert_true(address_prefix_read(cases[i].prefix, &prefix));
		assert_true(address_read(cases[i].address, 0, &address));
		address_bytes(&address, bytes);
		assert_int_equal(address_prefix_has(&prefix, bytes), cases[i].fits);
	}
}

static void octets_give_the_address_again(void **state)
{
	static const char *const cases[][2] = {
		{"192.0.2.1", "192.0.2.1@53"},        {"0.0.0.0", "0.0.0.0@53"},
		{"2001:db8::1", "2001:db8::1@53"},    {"::", "::@53"},
		{"::ffff:192.0.2.1", "192.0.2.1@53"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage address;
		uint8_t bytes[16];
		char text[ADDRESS_TEXT_MAX];

		assert_true(address_read(cases[i][0], 0, &address));
		address_bytes(&address, bytes);
		address_from_bytes(bytes, 53, &address);
		address_text(&address, text, sizeof text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void a_client_is_an_ipv4_address_or_an_ipv6_64(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool same;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:0:0:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"::1", "0.0.0.0", false},
	};
	static const uint64_t secret[2] = {0x0123456789abcdef, 0xfedcba9876543210};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage address;
		uint8_t bytes[16];

		assert_true(address_read(cases[i].a, 0, &address));
		address_bytes(&address, bytes);
		struct address_client a = address_client(bytes);
		assert_true(address_read(cases[i].b, 0, &address));
		address_bytes(&address, bytes);
		struct address_client b = address_client(bytes);
		assert_int_equal(a.high == b.high && a.low == b.low, cases[i].same);
		assert_int_equal(address_client_hash(&a, secret) ==
		                         address_client_hash(&b, secret),
		                 cases[i].same);
	}
}

static void a_host_is_the_same_whatever_the_port_and_the_family(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "::192.0.2.1", false},
		{"2001:db8::1", "2001:db8::1", true},
		{"2001:db8::1", "2001:db8::2", false},
		{"2001:db8::1", "1:db8::1", false},
		{"::", "0.0.0.0", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage a;
		struct sockaddr_storage b;
		struct sockaddr_storage c;

		assert_true(address_read(cases[i].one, 53, &a));
		assert_true(address_read(cases[i].other, 53, &b));
		assert_true(address_read(cases[i].other, 5300, &c));
		assert_int_equal(address_same_host(&a, &b), cases[i].same);
		assert_int_equal(address_same_host(&a, &c), cases[i].same);
		assert_int_equal(address_equal(&a, &b), cases[i].same);
		assert_false(address_equal(&a, &c));
		assert_true(address_equal(&c, &c));
	}
}

static void other_text_is_no_prefix(void **state)
{
	static const char *const cases[] = {
		"",
		"/",
		"/24",
		"192.0.2.0/",
		"192.0.2.0/33",
		"192.0.2.1/24",
		"192.0.2.128/24",
		"0.0.0.1/0",
		"192.0.2.0/024",
		"192.0.2.0/ 24",
		"192.0.2.0/24 ",
		"192.0.2.0/24/24",
		"192.0.2/24",
		"192.0.2.0/-1",
		"2001:db8::/129",
		"2001:db8::1/32",
		"2001:db8:0:0:8000::/64",
		"host/24",
	};
	struct address_prefix prefix;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_false(address_prefix_read(cases[i], &prefix));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_and_written),
		cmocka_unit_test(other_text_is_no_address),
		cmocka_unit_test(addresses_that_are_equal_are_equal_bytes),
		cmocka_unit_test(prefixes_fit_what_begins_with_them),
		cmocka_unit_test(octets_give_the_address_again),
		cmocka_unit_test(a_client_is_an_ipv4_address_or_an_ipv6_64),
		cmocka_unit_test(a_host_is_the_same_whatever_the_port_and_the_family),
		cmocka_unit_test(other_text_is_no_prefix),
		cmocka_unit_test(addresses_of_one_host_are_fit_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
