/*
 * What the tests of PKCS#11 tokens share: SoftHSM, with a directory of tokens that is the test's own, and in it the
 * token "Anser".
 */
#ifndef CONTROL_SIGN_TOKEN_TESTING_H
#define CONTROL_SIGN_TOKEN_TESTING_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/sign/key_token.h"
#include "control/sign/testing.h"
#include "control/sign/tokens.h"
#include "shared/err.h"

#define SOFTHSM   "/usr/lib/softhsm/libsofthsm2.so"
#define TEST_PIN  "a pin of 18 chars."
#define TEST_SKIP 77 /* ctest: not to be tried here */

static char token_dir[] = "/tmp/token_test.XXXXXX";
static char token_uri[256];
static char token_why[TOKEN_WHY_SIZE];

static void token_run(const char *format, ...) PRINTF_LIKE(1, 2);

/* Runs a program of somebody else's, in the directory. */
UNUSED static void token_run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof command, format, args);
	va_end(args);
	if (system(command) != 0) /* NOLINT(cert-env33-c): our own words */
		fail_msg("%s failed", command);
}

UNUSED static void token_write(const char *name, const char *text, unsigned mode)
{
	FILE *to = fopen(name, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(name, mode), 0);
}

UNUSED static void token_make(const char *label)
{
	token_run("softhsm2-util --init-token --free --label '%s' --pin '" TEST_PIN
	          "' --so-pin 12345678 >log 2>&1",
	          label);
}

/* The URI of a token in SoftHSM, with the PIN in a file of the directory. */
UNUSED static const char *token_uri_of(const char *label, const char *pin_file)
{
	(void)snprintf(token_uri, sizeof token_uri,
	               "pkcs11:token=%s?module-path=" SOFTHSM "&pin-source=file:%s/%s",
	               label, token_dir, pin_file);
	return token_uri;
}

UNUSED static void token_configure(const char *uri)
{
	if (tokens_set(&uri, 1, token_why) < 0)
		fail_msg("%s: %s", uri, token_why);
}

UNUSED static int token_setup(void **state)
{
	char line[64];

	(void)state;
	if (!mkdtemp(token_dir) || chdir(token_dir) != 0 || mkdir("tokens", 0700) != 0)
		return -1;
	(void)snprintf(line, sizeof line, "directories.tokendir = %s/tokens\n",
	               token_dir);
	token_write("softhsm2.conf", line, 0600);
	token_write("pin", TEST_PIN "\n", 0600);
	if (setenv("SOFTHSM2_CONF", "softhsm2.conf", 1) != 0)
		return -1;
	token_make("Anser");
	token_configure(token_uri_of("Anser", "pin"));
	return 0;
}

UNUSED static int token_teardown(void **state)
{
	(void)state;
	tokens_forget();
	assert_int_equal(chdir("/"), 0);
	token_run("rm -r %s", token_dir);
	return 0;
}

UNUSED static struct sign_key *token_new_key(uint8_t algorithm)
{
	const struct sign_key_wanted wanted = {
		.token = "pkcs11:token=Anser",
		.algorithm = algorithm,
		.flags = SIGN_FLAGS_ZSK,
		.bits = TEST_RSA_BITS,
		.label = "example. ZSK",
	};
	struct sign_key *k = NULL;

	if (sign_key_generate_in_token(&wanted, &k, token_why) < 0)
		fail_msg("%u: %s", algorithm, token_why);
	return k;
}

#endif
