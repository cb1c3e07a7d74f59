#include "control/sign/ds.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "control/must.h"
#include "control/sign/dnskey.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/wire.h"

static const EVP_MD *digest_of(uint8_t number)
{
	switch (number) {
	case DS_SHA1: return EVP_sha1();
	case DS_SHA256: return EVP_sha256();
	case DS_SHA384: return EVP_sha384();
	default: return NULL;
	}
}

/* The digest is over the owner's name in canonical form, and the RDATA. */
static unsigned digest(const EVP_MD *md, const uint8_t *owner, struct rdata dnskey,
                       uint8_t out[static EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *ctx = must(EVP_MD_CTX_new());
	size_t len = name_len(owner, NAME_MAX_LEN);
	uint8_t name[NAME_MAX_LEN];
	unsigned size = 0;

	memcpy(name, owner, len);
	name_fold(name, len);
	if (EVP_DigestInit_ex(ctx, md, NULL) != 1 ||
	    EVP_DigestUpdate(ctx, name, len) != 1 ||
	    EVP_DigestUpdate(ctx, dnskey.bytes, dnskey.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, out, &size) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return size;
}

/* Gives the length, 0: no such digest, or no DNSKEY. */
static size_t make(const uint8_t *owner, struct rdata dnskey, uint8_t number,
                   uint8_t out[static DS_MAX])
{
	const EVP_MD *md = digest_of(number);
	uint8_t bytes[EVP_MAX_MD_SIZE];

	if (!md || dnskey.len <= DNSKEY_HEADER)
		return 0;
	unsigned size = digest(md, owner, dnskey, bytes);
	wire_store16(out, dnskey_tag(dnskey));
	out[2] = dnskey.bytes[3];
	out[3] = number;
	memcpy(out + DS_HEADER, bytes, size);
	return DS_HEADER + size;
}

int ds_make(const uint8_t *owner, struct rdata dnskey, uint8_t number,
            uint8_t out[static DS_MAX])
{
	size_t len = number == DS_SHA1 ? 0 : make(owner, dnskey, number, out);

	return len ? (int)len : ERR_INVALID;
}

bool ds_is_of(struct rdata ds, const uint8_t *owner, struct rdata dnskey)
{
	uint8_t own[DS_MAX];

	if (ds.len <= DS_HEADER)
		return false;
	size_t len = make(owner, dnskey, ds.bytes[3], own);
	return len > 0 && len == ds.len && memcmp(own, ds.bytes, len) == 0;
}
