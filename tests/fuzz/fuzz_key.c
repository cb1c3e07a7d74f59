/*
 * What the store keeps of API keys, and grants as clients write them. A key that decodes must encode
 * to the same octets; grants that are taken from JSON must come back from it the same. The
 * first octet says which of them it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/access/grants.h"
#include "control/access/keys.h"
#include "control/access/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_key(const uint8_t *data, size_t size)
{
	struct key k;
	uint8_t *bytes;

	if (key_decode("0123456789abcdef", KEY_ID_SIZE - 1, data, size, &k) < 0)
		return;
	size_t len = key_encode(&k, &bytes);
	struct key again;
	must(key_decode("0123456789abcdef", KEY_ID_SIZE - 1, bytes, len, &again) == 0);
	must(again.grant_count == k.grant_count && again.role == k.role);
	must(strcmp(again.label, k.label) == 0 && strcmp(again.tenant, k.tenant) == 0);
	key_fini(&again);
	key_fini(&k);
	free(bytes);
}

static void check_grants(const uint8_t *data, size_t size)
{
	char text[256];
	struct grant *grants;
	struct grant *again;
	size_t count;
	size_t count_again;
	json_t *list = json_loadb((const char *)data, size, 0, NULL);

	if (grants_from_json(list, &grants, &count, text, sizeof text) == 0) {
		json_t *shown = grants_json(grants, count);
		must(grants_from_json(shown, &again, &count_again, text, sizeof text) ==
		     0);
		must(count == count_again);
		must(memcmp(grants, again, count * sizeof *grants) == 0);
		json_decref(shown);
		free(again);
		free(grants);
	}
	json_decref(list);
}

static void check_secret(const uint8_t *data, size_t size)
{
	char id[KEY_ID_SIZE];
	char *text = malloc(size + 1);

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (secret_key_id(text, id))
		must(strlen(text) == SECRET_TEXT_SIZE - 1 &&
		     strlen(id) == KEY_ID_SIZE - 1);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'k': check_key(data + 1, size - 1); break;
	case 'g': check_grants(data + 1, size - 1); break;
	default: check_secret(data + 1, size - 1); break;
	}
	return 0;
}
