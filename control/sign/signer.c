#include "control/sign/signer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rsa.h>

#include "control/must.h"
#include "control/sign/internal.h"
#include "control/sign/token_key.h"
#include "shared/err.h"
#include "shared/wire.h"

/* Tags of DER (X.690 §8). */
enum { DER_INTEGER = 0x02, DER_SEQUENCE = 0x30 };

struct signer {
	const struct sign_key *key;
	EVP_MD *md;         /* NULL: EdDSA */
	EVP_MD_CTX *digest; /* of EdDSA, what signs; else what digests */
	EVP_PKEY_CTX *sign; /* NULL: EdDSA, or a token signs */
};

static bool prepare_eddsa(struct signer *s)
{
	return EVP_DigestSignInit(s->digest, NULL, NULL, NULL, s->key->pkey) == 1;
}

static bool prepare(struct signer *s)
{
	const struct sign_algorithm_facts *f = s->key->facts;

	s->digest = must(EVP_MD_CTX_new());
	if (!f->digest)
		return s->key->token || prepare_eddsa(s);
	s->md = EVP_MD_fetch(NULL, f->digest, NULL);
	if (s->key->token)
		return s->md;
	s->sign = EVP_PKEY_CTX_new_from_pkey(NULL, s->key->pkey, NULL);
	return s->md && s->sign && EVP_PKEY_sign_init(s->sign) == 1 &&
	       (f->public_len ||
	        EVP_PKEY_CTX_set_rsa_padding(s->sign, RSA_PKCS1_PADDING) == 1) &&
	       EVP_PKEY_CTX_set_signature_md(s->sign, s->md) == 1;
}

int signer_new(const struct sign_key *k, struct signer **out)
{
	struct signer *s = must(calloc(1, sizeof *s));

	s->key = k;
	if (!prepare(s)) {
		signer_free(&s);
		return forget_noted(ERR_SYSTEM);
	}
	*out = s;
	return 0;
}

void signer_free(struct signer **signer)
{
	struct signer *s = *signer;

	*signer = NULL;
	if (!s)
		return;
	EVP_PKEY_CTX_free(s->sign);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->md);
	free(s);
}

const struct sign_key *signer_key(const struct signer *s)
{
	return s->key;
}

/* Gives its length, 0: OpenSSL has failed. */
static size_t sign_whole(struct signer *s, const uint8_t *data, size_t len,
                         uint8_t *signature)
{
	size_t size = SIGN_SIGNATURE_MAX;

	if (!prepare_eddsa(s) ||
	    EVP_DigestSign(s->digest, signature, &size, data, len) != 1)
		return 0;
	return size;
}

/* One of the two numbers, as so many octets. False: it is no such number. */
static bool read_number(struct wire_reader *in, uint8_t *out, unsigned octets)
{
	bool is_number = wire_read8(in) == DER_INTEGER;
	unsigned len = wire_read8(in);
	const uint8_t *bytes = wire_read_bytes(in, len);

	if (!in->ok || !is_number)
		return false;
	for (; len && *bytes == 0; len--) /* in front, so that it is not negative */
		bytes++;
	if (len > octets)
		return false;
	memset(out, 0, octets - len);
	memcpy(out + octets - len, bytes, len);
	return true;
}

/*
 * DNSSEC has the two numbers of ECDSA one behind the other (RFC 6605 §4), OpenSSL as a SEQUENCE of INTEGERs in DER.
 * OpenSSL's own reader makes numbers to reckon with of them, a fiftieth of the work of all of it;
 * here they are copied. Both are of curves so small that each length is one octet.
 */
static size_t from_der(const uint8_t *der, size_t size, uint8_t *signature, unsigned half)
{
	struct wire_reader in = wire_reader_on(der, size);
	bool is_sequence = wire_read8(&in) == DER_SEQUENCE;
	unsigned len = wire_read8(&in);

	if (!is_sequence || len != wire_left(&in) || !read_number(&in, signature, half) ||
	    !read_number(&in, signature + half, half))
		return 0;
	return wire_left(&in) == 0 ? 2 * (size_t)half : 0;
}

static size_t sign_digest(struct signer *s, const uint8_t *digest, size_t len,
                          uint8_t *signature)
{
	const struct sign_algorithm_facts *f = s->key->facts;
	uint8_t der[DER_SIGNATURE_MAX];
	size_t size = sizeof der;

	if (!f->group) {
		size = SIGN_SIGNATURE_MAX;
		return EVP_PKEY_sign(s->sign, signature, &size, digest, len) == 1 ? size
		                                                                  : 0;
	}
	if (EVP_PKEY_sign(s->sign, der, &size, digest, len) != 1)
		return 0;
	return from_der(der, size, signature, f->signature_len / 2);
}

static bool make_digest(struct signer *s, const uint8_t *data, size_t len,
                        uint8_t digest[static EVP_MAX_MD_SIZE], unsigned *digest_len)
{
	return EVP_DigestInit_ex2(s->digest, s->md, NULL) == 1 &&
	       EVP_DigestUpdate(s->digest, data, len) == 1 &&
	       EVP_DigestFinal_ex(s->digest, digest, digest_len) == 1;
}

static int let_token_sign(const struct signer *s, const uint8_t *data, size_t len,
                          uint8_t *signature)
{
	int size = token_key_sign(s->key->token, data, len, signature);

	if (!s->key->facts->public_len && size >= 0 &&
	    size != EVP_PKEY_get_size(s->key->pkey))
		return ERR_SYSTEM;
	return size;
}

int signer_sign(struct signer *s, const uint8_t *data, size_t len,
                uint8_t signature[static SIGN_SIGNATURE_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	size_t size = 0;

	if (s->md && !make_digest(s, data, len, digest, &digest_len))
		return forget_noted(ERR_SYSTEM);
	if (s->key->token)
		return s->md ? let_token_sign(s, digest, digest_len, signature)
		             : let_token_sign(s, data, len, signature);
	size = s->md ? sign_digest(s, digest, digest_len, signature)
	             : sign_whole(s, data, len, signature);
	return size ? (int)size : forget_noted(ERR_SYSTEM);
}
