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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_and_written),
		cmocka_unit_test(other_text_is_no_address),
		cmocka_unit_test(addresses_that_are_equal_are_equal_bytes),
		cmocka_unit_test(addresses_of_one_host_are_fit_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
