#include "control/audit/chain.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "shared/hex.h"

void chain_hash(const char *text, size_t len, uint8_t hash[static CHAIN_HASH_SIZE])
{
	unsigned size = 0;

	if (!EVP_Digest(text, len, hash, &size, EVP_sha256(), NULL) ||
	    size != CHAIN_HASH_SIZE)
		abort();
}

void chain_hex(const uint8_t hash[static CHAIN_HASH_SIZE],
               char hex[static CHAIN_HEX_SIZE])
{
	*hex_write(hex, hash, CHAIN_HASH_SIZE) = '\0';
}

size_t chain_head(const struct chain *c, uint64_t change,
                  char text[static CHAIN_HEAD_SIZE])
{
	char prev[CHAIN_HEX_SIZE];

	chain_hex(c->hash, prev);
	int len = snprintf(text, CHAIN_HEAD_SIZE,
	                   "{\"seq\":%" PRIu64 ",\"prev\":\"%s\",\"change\":%" PRIu64 ",",
	                   c->seq + 1, prev, change);
	return (size_t)len;
}

/* Reads the number of the change. Gives false when it is not written as chain_head() does. */
static bool read_change(const char *text, size_t len, size_t at, uint64_t *out)
{
	char digits[24] = "";
	size_t count = 0;

	while (at + count < len && count + 1 < sizeof digits && text[at + count] >= '0' &&
	       text[at + count] <= '9') {
		digits[count] = text[at + count];
		count++;
	}
	*out = strtoull(digits, NULL, 10);
	return count > 0;
}

const char *chain_follow(struct chain *c, const char *text, size_t len,
                         const uint8_t hash[static CHAIN_HASH_SIZE])
{
	uint8_t real[CHAIN_HASH_SIZE];
	char head[CHAIN_HEAD_SIZE];
	uint64_t change;

	chain_hash(text, len, real);
	if (memcmp(real, hash, sizeof real) != 0)
		return "its text is not what was hashed";
	/* What it has to begin with, up to the number of the change. */
	size_t fixed = chain_head(c, 0, head) - strlen("0,");
	if (len < fixed || memcmp(text, head, fixed) != 0)
		return "it does not follow the event before it";
	if (!read_change(text, len, fixed, &change))
		return "it has not the form of an event";
	size_t head_len = chain_head(c, change, head);
	if (len <= head_len || memcmp(text, head, head_len) != 0 || text[len - 1] != '}')
		return "it has not the form of an event";
	c->seq++;
	memcpy(c->hash, hash, sizeof c->hash);
	if (change > c->change)
		c->change = change;
	return NULL;
}
