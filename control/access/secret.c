#include "control/access/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "shared/err.h"
#include "shared/hex.h"

enum { ID_LEN = KEY_ID_SIZE - 1, ID_BYTES = ID_LEN / 2 };

static const char prefix[] = "ans_";
static const char base64url[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

STATIC_ASSERT(sizeof prefix - 1 == SECRET_PREFIX, "the prefix has its length");

/* Without padding (RFC 4648 §5). */
static char *put_base64(char *to, const uint8_t *bytes, size_t count)
{
	uint32_t bits = 0;
	unsigned held = 0;

	for (size_t i = 0; i < count; i++) {
		bits = bits << 8 | bytes[i];
		for (held += 8; held >= 6; held -= 6)
			*to++ = base64url[bits >> (held - 6) & 63];
	}
	if (held)
		*to++ = base64url[bits << (6 - held) & 63];
	return to;
}

int secret_new(char text[static SECRET_TEXT_SIZE])
{
	uint8_t random[ID_BYTES + SECRET_BYTES];
	char *to = text + SECRET_PREFIX;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return ERR_SYSTEM;
	memcpy(text, prefix, SECRET_PREFIX);
	to = hex_write(to, random, ID_BYTES);
	*to++ = '_';
	to = put_base64(to, random + ID_BYTES, SECRET_BYTES);
	*to = '\0';
	secret_forget(random, sizeof random);
	return 0;
}

bool secret_key_id(const char *text, char id[static KEY_ID_SIZE])
{
	const char *at = text + SECRET_PREFIX;

	if (strncmp(text, prefix, SECRET_PREFIX) != 0 ||
	    strspn(at, "0123456789abcdef") != ID_LEN || at[ID_LEN] != '_' ||
	    strspn(at + ID_LEN + 1, base64url) != SECRET_BASE64 ||
	    at[ID_LEN + 1 + SECRET_BASE64])
		return false;
	memcpy(id, at, ID_LEN);
	id[ID_LEN] = '\0';
	return true;
}

void secret_hash(const char *text, uint8_t hash[static SECRET_HASH_SIZE])
{
	unsigned size = 0;

	if (!EVP_Digest(text, SECRET_TEXT_SIZE - 1, hash, &size, EVP_sha256(), NULL) ||
	    size != SECRET_HASH_SIZE)
		abort();
}

bool secret_hash_equal(const uint8_t a[static SECRET_HASH_SIZE],
                       const uint8_t b[static SECRET_HASH_SIZE])
{
	return CRYPTO_memcmp(a, b, SECRET_HASH_SIZE) == 0;
}

void secret_forget(void *bytes, size_t size)
{
	OPENSSL_cleanse(bytes, size);
}
