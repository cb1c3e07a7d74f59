#include "control/sign/key.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "control/must.h"
#include "control/sign/internal.h"
#include "control/sign/signer.h"
#include "control/sign/token_key.h"
#include "shared/err.h"

bool sign_key_is_role(uint16_t flags)
{
	return flags == SIGN_FLAGS_ZSK || flags == SIGN_FLAGS_KSK;
}

static int sign_sample(const struct sign_key *k, const uint8_t *data, size_t len,
                       uint8_t signature[static SIGN_SIGNATURE_MAX])
{
	struct signer *s = NULL;

	if (signer_new(k, &s) < 0)
		return ERR_INVALID;
	int size = signer_sign(s, data, len, signature);
	signer_free(&s);
	return size < 0 && size != ERR_GONE ? ERR_INVALID : size;
}

int sign_key_prove(const struct sign_key *k)
{
	static const uint8_t sample[] = "a key is what it signs";
	uint8_t signature[SIGN_SIGNATURE_MAX];
	struct dnskey *public = NULL;
	int size = sign_sample(k, sample, sizeof sample, signature);

	TRY(size);
	TRY(dnskey_open(sign_key_dnskey(k), &public));
	int err = dnskey_verify(public, sample, sizeof sample, signature, (size_t)size);
	dnskey_free(&public);
	return err < 0 ? ERR_INVALID : 0;
}

int sign_key_new(uint8_t algorithm, uint16_t flags, EVP_PKEY *pkey, struct sign_key **out)
{
	struct sign_key *k = must(calloc(1, sizeof *k));
	int len = sign_key_is_role(flags) ? 0 : ERR_INVALID;

	k->pkey = pkey;
	k->flags = flags;
	k->facts = sign_algorithm(algorithm);
	if (len == 0)
		len = dnskey_write(algorithm, flags, pkey, k->dnskey);
	if (len > 0) {
		k->dnskey_len = (uint16_t)len;
		k->tag = dnskey_tag(sign_key_dnskey(k));
		len = sign_key_prove(k);
	}
	if (len < 0) {
		sign_key_free(&k);
		return len;
	}
	*out = k;
	return 0;
}

int sign_key_check_wanted(uint8_t algorithm, unsigned bits, uint16_t flags)
{
	const struct sign_algorithm_facts *f = sign_algorithm(algorithm);

	if (!f || !sign_key_is_role(flags))
		return ERR_INVALID;
	if (!f->public_len && (bits < SIGN_RSA_BITS_MIN || bits > SIGN_RSA_BITS_MAX))
		return ERR_RANGE;
	return 0;
}

int sign_key_generate(uint8_t algorithm, unsigned bits, uint16_t flags,
                      struct sign_key **out)
{
	const struct sign_algorithm_facts *f = sign_algorithm(algorithm);
	EVP_PKEY *pkey;

	TRY(sign_key_check_wanted(algorithm, bits, flags));
	if (!f->public_len)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, f->type, (size_t)bits);
	else if (f->group)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, f->type, f->group);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, f->type);
	if (!pkey)
		return forget_noted(ERR_SYSTEM);
	return sign_key_new(algorithm, flags, pkey, out);
}

int sign_key_open(uint8_t algorithm, uint16_t flags, const uint8_t *pkcs8, size_t len,
                  struct sign_key **out)
{
	const uint8_t *at = pkcs8;
	PKCS8_PRIV_KEY_INFO *info =
		len <= INT32_MAX ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len) : NULL;
	EVP_PKEY *pkey = NULL;

	if (info && at == pkcs8 + len)
		pkey = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (!pkey)
		return forget_noted(ERR_CORRUPT);
	return sign_key_new(algorithm, flags, pkey, out);
}

int sign_key_encode(const struct sign_key *k, uint8_t **pkcs8, size_t *len)
{
	PKCS8_PRIV_KEY_INFO *info = k->token ? NULL : EVP_PKEY2PKCS8(k->pkey);
	int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	if (size > 0) {
		uint8_t *bytes = must(malloc((size_t)size));
		uint8_t *at = bytes;
		size = i2d_PKCS8_PRIV_KEY_INFO(info, &at);
		*pkcs8 = bytes;
		*len = (size_t)size;
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return size > 0 ? 0 : forget_noted(ERR_SYSTEM);
}

void sign_key_free(struct sign_key **key)
{
	struct sign_key *k = *key;

	*key = NULL;
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	token_key_free(&k->token);
	free(k);
}

uint8_t sign_key_algorithm(const struct sign_key *k)
{
	return k->facts->number;
}

uint16_t sign_key_flags(const struct sign_key *k)
{
	return k->flags;
}

unsigned sign_key_bits(const struct sign_key *k)
{
	return (unsigned)EVP_PKEY_get_bits(k->pkey);
}

const EVP_PKEY *sign_key_pkey(const struct sign_key *k)
{
	return k->pkey;
}

struct rdata sign_key_dnskey(const struct sign_key *k)
{
	return (struct rdata){.bytes = k->dnskey, .len = k->dnskey_len};
}

uint16_t sign_key_tag(const struct sign_key *k)
{
	return k->tag;
}
