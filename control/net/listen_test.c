#include "control/net/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static struct sockaddr_storage address(int family, const char *text)
{
	struct sockaddr_storage ss = {.ss_family = (sa_family_t)family};
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (family == AF_INET) {
		assert_int_equal(inet_pton(family, text, &in.sin_addr), 1);
		memcpy(&ss, &in, sizeof in);
	} else {
		assert_int_equal(inet_pton(family, text, &in6.sin6_addr), 1);
		memcpy(&ss, &in6, sizeof in6);
	}
	return ss;
}

/* Addresses for documentation: no machine has them. */
static void absent_address_is_refused_unless_early(void **state)
{
	struct sockaddr_storage absent[] = {address(AF_INET, "192.0.2.99"),
	                                    address(AF_INET6, "2001:db8::99")};
	static const char *const texts[] = {"TCP 192.0.2.99@0: bind: ",
	                                    "TCP 2001:db8::99@0: bind: "};
	char text[128];
	int fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		assert_int_equal(listen_open(&absent[i], false, &fd, text, sizeof text),
		                 ERR_SYSTEM);
		assert_memory_equal(text, texts[i], strlen(texts[i]));
		assert_int_equal(listen_open(&absent[i], true, &fd, text, sizeof text),
		                 0);
		close(fd);
	}
}

static void address_that_another_listens_on_is_refused_early_or_not(void **state)
{
	struct sockaddr_storage addr = address(AF_INET, "127.0.0.1");
	socklen_t size = sizeof addr;
	char text[128];
	int first;
	int second;

	(void)state;
	assert_int_equal(listen_open(&addr, false, &first, text, sizeof text), 0);
	assert_int_equal(getsockname(first, (struct sockaddr *)&addr, &size), 0);
	assert_int_equal(listen_open(&addr, false, &second, text, sizeof text),
	                 ERR_SYSTEM);
	assert_int_equal(listen_open(&addr, true, &second, text, sizeof text),
	                 ERR_SYSTEM);
	assert_non_null(strstr(text, "Address already in use"));
	close(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_address_is_refused_unless_early),
		cmocka_unit_test(address_that_another_listens_on_is_refused_early_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
