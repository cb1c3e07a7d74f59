/*
 * TSIG keys in text, as a file that somebody imports, and as a value of the store. Whatever is read has a
 * name and a secret, and what is read of a value is written as the same value again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/tsig/keytext.h"
#include "control/tsig/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int check_key(const struct keytext *k, void *arg)
{
	int *count = arg;

	++*count;
	must(name_len(k->name, NAME_MAX_LEN) > 1 && k->secret_len > 0 &&
	     k->secret_len <= TSIG_SECRET_MAX && k->algorithm < TSIG_ALGORITHMS);
	return 0;
}

static void check_text(const uint8_t *data, size_t size)
{
	char why[KEYTEXT_WHY_SIZE] = "";
	int seen = 0;
	int count = keytext_each((const char *)data, size, check_key, &seen, why);

	must(count < 0 ? why[0] != '\0' : count == seen);
}

static void check_value(const uint8_t *data, size_t size)
{
	uint8_t again[TSIG_STORED_MAX];
	struct tsig_stored k;

	if (tsig_stored_decode("k.", 2, data, size, &k) < 0)
		return;
	must(tsig_stored_encode(&k, again) == size && memcmp(again, data, size) == 0);
	must(tsig_stored_without_secret(data, size, again) == size - k.secret_len);
	tsig_stored_fini(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text(data, size);
	check_value(data, size);
	return 0;
}
