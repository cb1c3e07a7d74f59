#include "control/net/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/testing.h"

/* Addresses for documentation: no machine has them. */
static void absent_address_is_refused_unless_early(void **state)
{
	struct sockaddr_storage absent[] = {test_address("192.0.2.99", 0),
	                                    test_address("2001:db8::99", 0)};
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
	struct sockaddr_storage addr = test_address("127.0.0.1", 0);
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
