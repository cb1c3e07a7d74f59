/*
 * What tests on both sides share: addresses from text, and ports that nobody has.
 */
#ifndef SHARED_TESTING_H
#define SHARED_TESTING_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/address.h"
#include "shared/compiler.h"

UNUSED static struct sockaddr_storage test_address(const char *text, uint16_t port)
{
	struct sockaddr_storage ss = {0};

	if (!address_read(text, port, &ss))
		fail_msg("no address: %s", text);
	return ss;
}

enum { TEST_PORT_FIRST = 10000, TEST_PORTS = 20000 };

/* Keeps other tests away from a port while this program runs. Gives whether it had not been claimed. */
UNUSED static bool test_claim_port(uint16_t port)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1,
	                   "anser-test-port-%u", port);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (bind(fd, (const struct sockaddr *)&name,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) ==
	    0)
		return true;
	close(fd);
	return false;
}

/*
 * Gives a port that no socket of a type (SOCK_DGRAM, SOCK_STREAM) has at any address of IPv4. The kernel
 * gives it to no client either: one that had it would reach itself while the server is away.
 */
UNUSED static uint16_t test_free_port(int type)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	for (;;) {
		uint16_t random;

		assert_int_equal(getrandom(&random, sizeof random, 0), sizeof random);
		uint16_t port = (uint16_t)(TEST_PORT_FIRST + random % TEST_PORTS);
		int fd = socket(AF_INET, type, 0);
		in.sin_port = htons(port);
		assert_true(fd >= 0);
		bool free = bind(fd, (const struct sockaddr *)&in, sizeof in) == 0;
		close(fd);
		if (free && test_claim_port(port))
			return port;
	}
}

#endif
