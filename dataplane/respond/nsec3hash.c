#include "dataplane/respond/nsec3hash.h"

#include <string.h>

#include "dataplane/respond/sha1.h"
#include "shared/wire.h"

enum {
	SALT_MAX = 255,
	PADDING_MIN = 9, /* a one bit and the length in bits, FIPS 180-4 §5.1.1 */
	MESSAGE_MAX = NAME_MAX_LEN + SALT_MAX,
	BLOCKS_MAX = (MESSAGE_MAX + PADDING_MIN + SHA1_BLOCK - 1) / SHA1_BLOCK,
};

/* A message with the padding that SHA-1 hashes along. */
struct message {
	uint8_t bytes[BLOCKS_MAX * SHA1_BLOCK];
	size_t blocks;
};

/* Pads a message of which the first len octets are written. */
static void pad(struct message *m, size_t len)
{
	m->blocks = (len + PADDING_MIN + SHA1_BLOCK - 1) / SHA1_BLOCK;
	size_t end = m->blocks * SHA1_BLOCK;
	memset(m->bytes + len, 0, end - len);
	m->bytes[len] = 0x80;
	wire_store32(m->bytes + end - 4, (uint32_t)len * 8);
}

static void hash(const struct message *m, uint8_t *out)
{
	uint32_t state[SHA1_WORDS];

	sha1_init(state);
	sha1_blocks(state, m->bytes, m->blocks);
	for (unsigned i = 0; i < SHA1_WORDS; i++)
		wire_store32(out + 4 * (size_t)i, state[i]);
}

static void append_salt(struct message *m, size_t at, const uint8_t *salt,
                        size_t salt_len)
{
	if (salt_len)
		memcpy(m->bytes + at, salt, salt_len);
	pad(m, at + salt_len);
}

void nsec3_hash(const uint8_t *name, size_t name_len, const uint8_t *salt,
                size_t salt_len, unsigned iterations, uint8_t out[static NSEC3_HASH_LEN])
{
	struct message m;

	assert(name_len <= NAME_MAX_LEN && salt_len <= SALT_MAX);
	memcpy(m.bytes, name, name_len);
	append_salt(&m, name_len, salt, salt_len);
	hash(&m, out);
	if (iterations == 0)
		return;
	/* From now on only the hash in front of salt and padding changes. */
	append_salt(&m, NSEC3_HASH_LEN, salt, salt_len);
	while (iterations-- > 0) {
		memcpy(m.bytes, out, NSEC3_HASH_LEN);
		hash(&m, out);
	}
}
