#include <openssl/evp.h>
#include <openssl/sha.h>

#include "control/must.h"
#include "control/sign/zone_keys.h"
#include "shared/err.h"

int zone_keys_salt(const struct zone_keys *k, struct chain_params *to)
{
	uint8_t sum[SHA512_DIGEST_LENGTH];
	EVP_MD_CTX *md = must(EVP_MD_CTX_new());
	uint64_t version = k->state.version;
	bool ok = EVP_DigestInit_ex(md, EVP_sha512(), NULL) == 1 &&
	          EVP_DigestUpdate(md, &version, sizeof version) == 1;

	for (size_t i = 0; ok && i < k->count; i++)
		ok = EVP_DigestUpdate(md, k->keys[i].stored.dnskey,
		                      k->keys[i].stored.dnskey_len) == 1;
	ok = ok && EVP_DigestFinal_ex(md, sum, NULL) == 1;
	EVP_MD_CTX_free(md);
	for (size_t i = 0; i < to->salt_len; i++)
		to->salt[i] = sum[i % sizeof sum];
	return ok ? 0 : ERR_SYSTEM;
}
