#include "shared/address.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_one_host_are_fit_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
