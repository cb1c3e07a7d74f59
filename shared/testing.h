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
#include <sys/socket.h>
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

/* Gives a port that no socket of a type (SOCK_DGRAM, SOCK_STREAM) has at any address of IPv4. */
UNUSED static uint16_t test_free_port(int type)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	close(fd);
	return ntohs(in.sin_port);
}

#endif
