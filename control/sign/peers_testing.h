/* What tests with files and other programs share: a directory of their own, in which both are. */
#ifndef CONTROL_SIGN_PEERS_TESTING_H
#define CONTROL_SIGN_PEERS_TESTING_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/sign/testing.h"

static char directory[] = "/tmp/anser-test.XXXXXX";

UNUSED static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

UNUSED static int remove_directory(void **state)
{
	char command[sizeof directory + 16];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -r %s", directory);
	return chdir("/") == 0 ? system(command) : -1; /* NOLINT(cert-env33-c) */
}

UNUSED static void run_peer(const char *format, ...) PRINTF_LIKE(1, 2);

/* Runs a program of somebody else's, in the directory. */
static void run_peer(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof command, format, args);
	va_end(args);
	if (system(command) !=
	    0) /* NOLINT(cert-env33-c): none of it comes from outside */
		fail_msg("%s failed", command);
}

#endif
