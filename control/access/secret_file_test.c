#include "control/access/secret_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

static char directory[] = "/tmp/secret_file_test.XXXXXX";
static char path[sizeof directory + 8];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(path, sizeof path, "%s/secret", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void write_secret(const char *octets, size_t len, mode_t mode)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_int_equal(fwrite(octets, 1, len, to), len);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void secrets_that_others_may_read_are_refused(void **state)
{
	static const struct {
		mode_t mode;
		int want;
	} cases[] = {{0600, 0},           {0640, 0},           {0400, 0},
	             {0604, ERR_REFUSED}, {0644, ERR_REFUSED}, {0660, ERR_REFUSED},
	             {0602, ERR_REFUSED}};
	char text[256] = "";
	char *secret = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_secret("s3cret\n", 7, cases[i].mode);
		assert_int_equal(secret_file_read(path, &secret, text, sizeof text),
		                 cases[i].want);
		assert_int_equal(unlink(path), 0);
		if (cases[i].want)
			continue;
		assert_string_equal(secret, "s3cret\n");
		free(secret);
	}
	assert_int_equal(secret_file_read(path, &secret, text, sizeof text), ERR_IO);
	assert_int_equal(secret_file_read(directory, &secret, text, sizeof text),
	                 ERR_REFUSED);
}

static void secret_has_a_size_and_no_nul(void **state)
{
	static char large[SECRET_FILE_MAX + 1];
	char text[256] = "";
	char *secret = NULL;

	(void)state;
	memset(large, 'x', sizeof large);
	write_secret(large, sizeof large, 0600);
	assert_int_equal(secret_file_read(path, &secret, text, sizeof text), ERR_TOOBIG);
	write_secret(large, SECRET_FILE_MAX, 0600);
	assert_int_equal(secret_file_read(path, &secret, text, sizeof text), 0);
	assert_int_equal(strlen(secret), SECRET_FILE_MAX);
	free(secret);
	write_secret("a\0b", 3, 0600);
	assert_int_equal(secret_file_read(path, &secret, text, sizeof text), ERR_IO);
	assert_int_equal(unlink(path), 0);
}

#define LINE "0123456789abcdef" /* as short as it may be */

static void line_of_a_key_is_one_and_printable(void **state)
{
	static const struct {
		const char *octets;
		int want;
	} cases[] = {
		{LINE, 0},
		{LINE "\n", 0},
		{LINE "\r\n", 0},
		{LINE "\n\n", 0},
		{"", ERR_REFUSED},
		{"\n" LINE "\n", ERR_REFUSED},
		{"0123456789abcde\n", ERR_REFUSED},
		{LINE "\n" LINE "\n", ERR_REFUSED},
		{LINE " \n", ERR_REFUSED},
		{LINE "\x7f\n", ERR_REFUSED},
		{LINE "\xc3\xa9\n", ERR_REFUSED},
	};
	char text[256] = "";
	char *line = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_secret(cases[i].octets, strlen(cases[i].octets), 0600);
		assert_int_equal(secret_file_read_line(path, &line, text, sizeof text),
		                 cases[i].want);
		if (cases[i].want)
			continue;
		assert_string_equal(line, LINE);
		free(line);
	}
	assert_int_equal(unlink(path), 0);
}

static void line_of_a_key_has_a_length(void **state)
{
	char octets[SECRET_LINE_MAX + 1];
	char text[256] = "";
	char *line = NULL;

	(void)state;
	memset(octets, 'x', sizeof octets);
	write_secret(octets, SECRET_LINE_MAX, 0600);
	assert_int_equal(secret_file_read_line(path, &line, text, sizeof text), 0);
	free(line);
	write_secret(octets, SECRET_LINE_MAX + 1, 0600);
	assert_int_equal(secret_file_read_line(path, &line, text, sizeof text),
	                 ERR_REFUSED);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_that_others_may_read_are_refused),
		cmocka_unit_test(secret_has_a_size_and_no_nul),
		cmocka_unit_test(line_of_a_key_is_one_and_printable),
		cmocka_unit_test(line_of_a_key_has_a_length),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
