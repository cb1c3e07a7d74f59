/*
 * Signed messages from anybody, as a request and as an answer. Whatever of them is taken must be a whole
 * message without TSIG, and what is signed in its answer must be taken by the other side.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/tsig/tsig.h"
#include "control/wire/reader.h"
#include "shared/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t now = 1700000000;
static struct keyring *ring;
static struct tsig_key *key;
static uint8_t bytes[MESSAGE_MAX];

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void make_keys(void)
{
	static const uint8_t secret[] = "0123456789abcdefghijABCDEFGHIJ01";
	const struct tsig_key_parts parts = {.name = (const uint8_t *)"\1k\7example",
	                                     .algorithm = TSIG_SHA256,
	                                     .secret = secret,
	                                     .secret_len = sizeof secret - 1};
	struct tsig_keys *keys = tsig_keys_new();

	must(tsig_key_new(&parts, &key) == 0);
	ring = keyring_new();
	struct tsig_key *mine = tsig_key_hold(key);
	must(tsig_keys_add(keys, &mine));
	keyring_swap(ring, &keys);
}

static uint16_t copy(const uint8_t *data, size_t size)
{
	memcpy(bytes, data, size);
	return (uint16_t)size;
}

static void as_request(const uint8_t *data, size_t size)
{
	struct tsig_exchange x = {0};
	struct message m;
	uint16_t len = copy(data, size);
	int err = tsig_take_request(&x, ring, bytes, &len, now);

	if (err == 0 || err == ERR_DENIED) {
		must(len < size && x.name_len && message_open(bytes, len, &m) == 0);
		must((tsig_signer(&x) != NULL) == (err == 0));
		must((x.error == TSIG_OK) == (err == 0));
		len = tsig_sign_reply(&x, bytes, len, MESSAGE_MAX, now);
		must(len == 0 || message_open(bytes, len, &m) == 0);
	} else {
		must(x.key == NULL && (err == ERR_CORRUPT || len == size));
	}
	tsig_end(&x);
}

static void as_answer(const uint8_t *data, size_t size)
{
	uint8_t asked[12 + TSIG_ROOM_MAX] = {0};
	struct tsig_exchange x = {0};
	uint16_t asked_len = 12;
	uint16_t len = copy(data, size);

	must(tsig_ask(&x, key, asked, &asked_len, sizeof asked, now) == 0);
	/* Nobody guesses a MAC. */
	must(tsig_take_reply(&x, bytes, &len, now) < 0);
	tsig_end(&x);
}

/* The input is a message that is signed here. */
static void as_both(const uint8_t *data, size_t size)
{
	struct tsig_exchange client = {0};
	struct tsig_exchange server = {0};
	struct message m;
	uint16_t len = copy(data, size);

	if (message_open(bytes, len, &m) < 0 ||
	    tsig_ask(&client, key, bytes, &len, MESSAGE_MAX, now) < 0)
		return;
	if (tsig_take_request(&server, ring, bytes, &len, now) == 0) {
		must(len == size && memcmp(bytes, data, size) == 0);
		len = tsig_sign_reply(&server, bytes, len, MESSAGE_MAX, now);
		must(len == 0 || tsig_take_reply(&client, bytes, &len, now) == 0);
	}
	tsig_end(&client);
	tsig_end(&server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MESSAGE_MAX)
		return 0;
	if (!ring)
		make_keys();
	as_request(data, size);
	as_answer(data, size);
	as_both(data, size);
	return 0;
}
