#include "dataplane/respond/cookie.h"

#include <endian.h>
#include <string.h>

#include "shared/wire.h"

enum {
	VERSION = 1,
	HASH_AT = 8, /* what precedes it in the cookie is hashed */
	ADDR_MAX = 16,
	HASHED_MAX = COOKIE_CLIENT_LEN + HASH_AT + ADDR_MAX,
};

/* ---- SipHash-2-4 (Aumasson and Bernstein, 2012) ---- */

struct sip {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static inline uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void sip_rounds(struct sip *s, unsigned n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v0 += s->v3;
		s->v2 += s->v1;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

static uint64_t load64le(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* bytes: len of them, and room for the last word to be filled up with zeros. */
static uint64_t siphash(const uint8_t *secret, uint8_t *bytes, size_t len)
{
	uint64_t k0 = load64le(secret);
	uint64_t k1 = load64le(secret + 8);
	struct sip s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t at = 0;

	for (; len - at >= 8; at += 8)
		sip_word(&s, load64le(bytes + at));
	memset(bytes + len, 0, 8 - (len - at));
	sip_word(&s, load64le(bytes + at) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* ---- cookies ---- */

/* The hash as it stands in the cookie, read in the machine's order. */
static uint64_t hash_of(const uint8_t *secret, const uint8_t *client,
                        const uint8_t *server, const uint8_t *addr, size_t addr_len)
{
	uint8_t bytes[HASHED_MAX + 8];

	assert(addr_len == 4 || addr_len == ADDR_MAX);
	memcpy(bytes, client, COOKIE_CLIENT_LEN);
	memcpy(bytes + COOKIE_CLIENT_LEN, server, HASH_AT);
	memcpy(bytes + COOKIE_CLIENT_LEN + HASH_AT, addr, addr_len);
	return htole64(siphash(secret, bytes, COOKIE_CLIENT_LEN + HASH_AT + addr_len));
}

void cookie_make(const uint8_t secret[static COOKIE_SECRET_LEN],
                 const uint8_t client[static COOKIE_CLIENT_LEN], uint32_t now,
                 const uint8_t *addr, size_t addr_len, uint8_t out[static COOKIE_LEN])
{
	wire_store32(out, (uint32_t)VERSION << 24);
	wire_store32(out + 4, now);
	uint64_t hash = hash_of(secret, client, out, addr, addr_len);
	memcpy(out + HASH_AT, &hash, sizeof hash);
}

bool cookie_check(const uint8_t secret[static COOKIE_SECRET_LEN],
                  const uint8_t client[static COOKIE_CLIENT_LEN], uint32_t now,
                  const uint8_t *addr, size_t addr_len,
                  const uint8_t server[static COOKIE_LEN])
{
	uint64_t given;

	if (server[0] != VERSION)
		return false;
	/* RFC 1982 arithmetic: right across 2106 as well. */
	int32_t age = (int32_t)(now - wire_load32(server + 4));
	if (age > COOKIE_MAX_AGE || age < -COOKIE_MAX_AHEAD)
		return false;
	/* The reserved octets are hashed as received (RFC 9018 §4.2), not as we write them. */
	memcpy(&given, server + HASH_AT, sizeof given);
	/* One comparison of a whole word: its time says nothing about where they differ. */
	return given == hash_of(secret, client, server, addr, addr_len);
}
