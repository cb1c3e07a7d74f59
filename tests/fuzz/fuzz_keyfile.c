/*
 * Key files that somebody imports: the private half in text and in PEM, and the public one. What is read of a private
 * text is written as one that reads the same, and a key that is made of it has both files in turn. And the value of
 * the store that keys end up in: what is read of one is written as the same octets. And URIs of keys in tokens, which
 * may say nothing of this machine.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/sign/keyfile.h"
#include "control/sign/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text, size_t size)
{
	static struct keyfile_text k;
	static struct keyfile_text again;
	static char written[KEYFILE_TEXT_SIZE];
	static char twice[KEYFILE_TEXT_SIZE];
	char why[KEYFILE_WHY_SIZE] = "";

	if (keyfile_text_read(text, size, &k, why) < 0) {
		must(why[0] != '\0' && k.algorithm == 0);
		return;
	}
	size_t len = keyfile_text_write(&k, written);
	must(strlen(written) == len);
	must(keyfile_text_read(written, len, &again, why) == 0);
	must(keyfile_text_write(&again, twice) == len &&
	     memcmp(written, twice, len) == 0);
}

static void check_files(const struct keyfile *k, const uint8_t *owner)
{
	char text[KEYFILE_TEXT_SIZE];
	char name[KEYFILE_NAME_SIZE];
	char why[KEYFILE_WHY_SIZE];
	struct keyfile_public p;
	const struct keyfile_expected expected = {.public = &p};
	struct keyfile again;

	must(keyfile_name(k->key, owner, name)[0] == 'K');
	size_t len = keyfile_write_public(k->key, owner, -1, k->times, text);
	must(keyfile_read_public(text, len, &p, why) == 0);
	must(memcmp(p.owner, owner, name_len(owner, NAME_MAX_LEN)) == 0);
	int private_len = keyfile_write_private(k->key, k->times, text);
	must(private_len > 0);
	must(keyfile_read_private(text, (size_t)private_len, &expected, &again, why) ==
	     0);
	must(memcmp(again.times, k->times, sizeof k->times) == 0);
	sign_key_free(&again.key);
}

/* Without primes that have to be found to be some, which takes longer than all the rest. */
static bool is_slow(const char *text, size_t size)
{
	return memmem(text, size, "odulus", 6) || memmem(text, size, "BEGIN RSA", 9);
}

static void check_private(const char *text, size_t size)
{
	static const uint8_t owner[] = "\3a.b\1*";
	const struct keyfile_expected expected = {.flags = SIGN_FLAGS_KSK};
	char why[KEYFILE_WHY_SIZE] = "";
	struct keyfile k;

	if (is_slow(text, size))
		return;
	if (keyfile_read_private(text, size, &expected, &k, why) < 0) {
		must(why[0] != '\0');
		return;
	}
	check_files(&k, owner);
	sign_key_free(&k.key);
}

static void check_public(const char *text, size_t size)
{
	char why[KEYFILE_WHY_SIZE] = "";
	struct keyfile_public p;

	if (keyfile_read_public(text, size, &p, why) < 0)
		must(why[0] != '\0');
	else
		must(p.rdata_len > DNSKEY_HEADER && sign_algorithm(p.rdata[3]) &&
		     name_len(p.owner, NAME_MAX_LEN) > 0);
}

static void check_value(const uint8_t *data, size_t size)
{
	static uint8_t again[SIGN_STORED_MAX];
	struct sign_stored s;

	if (sign_stored_decode(data, size, &s) < 0) {
		must(sign_stored_without_secret(data, size, again) == 0);
		return;
	}
	must(sign_stored_encode(&s, again) == size && memcmp(again, data, size) == 0);
	must(sign_stored_without_secret(data, size, again) == size - s.sealed_len);
}

static void check_uri(const char *bytes, size_t size)
{
	char text[TOKEN_KEY_URI_SIZE + 1];
	char why[TOKEN_WHY_SIZE];
	size_t len = size < sizeof text ? size : sizeof text - 1;

	memcpy(text, bytes, len);
	text[len] = '\0';
	bool key = token_key_check(text, why) == 0;
	must(!key || (strlen(text) < TOKEN_KEY_URI_SIZE && !strchr(text, '?')));
	must(token_check(text, why) < 0 || !key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_text(text, size);
	check_private(text, size);
	check_public(text, size);
	check_value(data, size);
	check_uri(text, size);
	return 0;
}
