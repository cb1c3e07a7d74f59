/*
 * Public keys as DNSSEC writes them, and as OpenSSL has them:
 *
 *   RSA         length of the exponent (one octet, or 0 and two), exponent, modulus   RFC 3110 §2
 *   ECDSA       x, y; each as long as the curve's numbers                             RFC 6605 §4
 *   EdDSA       the key as it is                                                      RFC 8080 §3
 *
 * and their signatures: RSA's and EdDSA's are the same in both; ECDSA's is r and s side by side here,
 * and DER with OpenSSL.
 */
#include "control/sign/dnskey.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "control/must.h"
#include "control/sign/internal.h"
#include "shared/err.h"
#include "shared/wire.h"

struct dnskey {
	const struct sign_algorithm_facts *facts;
	EVP_PKEY *pkey;
	size_t signature_len;
	EVP_MD *md;          /* NULL: EdDSA */
	EVP_MD_CTX *digest;  /* of EdDSA, what verifies; else what digests */
	EVP_PKEY_CTX *check; /* NULL: EdDSA */
};

/* ---- writing ---- */

/* Gives a number of the key, or NULL. */
static BIGNUM *number_of(const EVP_PKEY *pkey, const char *name)
{
	BIGNUM *n = NULL;

	if (EVP_PKEY_get_bn_param(pkey, name, &n) != 1)
		return NULL;
	return n;
}

static bool rsa_is_taken(const BIGNUM *e, const BIGNUM *n)
{
	return BN_num_bits(n) >= SIGN_RSA_BITS_MIN &&
	       BN_num_bits(n) <= SIGN_RSA_BITS_MAX &&
	       BN_num_bytes(e) <= DNSKEY_EXPONENT_MAX && BN_is_odd(e) && !BN_is_one(e);
}

static int write_rsa(const EVP_PKEY *pkey, uint8_t *out)
{
	BIGNUM *e = number_of(pkey, OSSL_PKEY_PARAM_RSA_E);
	BIGNUM *n = number_of(pkey, OSSL_PKEY_PARAM_RSA_N);
	int len = ERR_INVALID;

	if (e && n)
		len = ERR_RANGE;
	if (e && n && rsa_is_taken(e, n)) {
		out[0] = (uint8_t)BN_num_bytes(e);
		len = 1;
		len += BN_bn2bin(e, out + len);
		len += BN_bn2bin(n, out + len);
	}
	BN_free(e);
	BN_free(n);
	return len;
}

static int write_ec(const struct sign_algorithm_facts *f, const EVP_PKEY *pkey,
                    uint8_t *out)
{
	BIGNUM *x = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_X);
	BIGNUM *y = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_Y);
	int half = f->public_len / 2;
	char group[32] = "";
	bool ok = x && y &&
	          EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
	          strcmp(group, f->group) == 0 && BN_bn2binpad(x, out, half) == half &&
	          BN_bn2binpad(y, out + half, half) == half;

	BN_free(x);
	BN_free(y);
	return ok ? f->public_len : ERR_INVALID;
}

static int write_raw(const struct sign_algorithm_facts *f, const EVP_PKEY *pkey,
                     uint8_t *out)
{
	size_t len = f->public_len;

	if (EVP_PKEY_get_raw_public_key(pkey, out, &len) != 1 || len != f->public_len)
		return ERR_INVALID;
	return (int)len;
}

int dnskey_write(uint8_t algorithm, uint16_t flags, const EVP_PKEY *pkey,
                 uint8_t out[static DNSKEY_MAX])
{
	const struct sign_algorithm_facts *f = sign_algorithm(algorithm);
	uint8_t *at = out + DNSKEY_HEADER;
	int len;

	if (!f || !EVP_PKEY_is_a(pkey, f->type))
		return ERR_INVALID;
	wire_store16(out, flags);
	out[2] = DNSKEY_PROTOCOL;
	out[3] = algorithm;
	if (!f->public_len)
		len = write_rsa(pkey, at);
	else if (f->group)
		len = write_ec(f, pkey, at);
	else
		len = write_raw(f, pkey, at);
	return len < 0 ? forget_noted(len) : DNSKEY_HEADER + len;
}

uint16_t dnskey_tag(struct rdata rdata)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < rdata.len; i++)
		sum += i & 1 ? rdata.bytes[i] : (uint32_t)rdata.bytes[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

/* ---- reading ---- */

/* Makes a key of what params say; NULL: they say none. */
static EVP_PKEY *key_from(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = must(EVP_PKEY_CTX_new_from_name(NULL, type, NULL));

	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *rsa_from(const BIGNUM *e, const BIGNUM *n)
{
	OSSL_PARAM_BLD *build = must(OSSL_PARAM_BLD_new());
	EVP_PKEY *pkey = NULL;

	if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1) {
		OSSL_PARAM *params = must(OSSL_PARAM_BLD_to_param(build));
		pkey = key_from("RSA", params);
		OSSL_PARAM_free(params);
	}
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

static int read_rsa(struct wire_reader *in, EVP_PKEY **out)
{
	size_t e_len = wire_read8(in);

	if (e_len == 0)
		e_len = wire_read16(in);
	const uint8_t *e_at = wire_read_bytes(in, e_len);
	size_t n_len = wire_left(in);
	const uint8_t *n_at = wire_read_bytes(in, n_len);
	if (!in->ok || e_len == 0 || n_len == 0 || e_at[0] == 0 || n_at[0] == 0)
		return ERR_CORRUPT;
	if (e_len > DNSKEY_EXPONENT_MAX || n_len > SIGN_RSA_BITS_MAX / 8)
		return ERR_RANGE;

	BIGNUM *e = must(BN_bin2bn(e_at, (int)e_len, NULL));
	BIGNUM *n = must(BN_bin2bn(n_at, (int)n_len, NULL));
	int err = ERR_RANGE;
	if (rsa_is_taken(e, n)) {
		*out = rsa_from(e, n);
		err = *out ? 0 : ERR_CORRUPT;
	}
	BN_free(e);
	BN_free(n);
	return err;
}

/* The point without compression (SEC 1 §2.3.3): OpenSSL refuses what is not on the curve. */
static EVP_PKEY *ec_from(const struct sign_algorithm_facts *f, const uint8_t *xy)
{
	uint8_t point[1 + 96] = {0x04};
	char group[16];
	OSSL_PARAM params[3];

	assert(f->public_len < sizeof point);
	memcpy(point + 1, xy, f->public_len);
	(void)snprintf(group, sizeof group, "%s", f->group);
	params[0] =
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
	                                              1 + (size_t)f->public_len);
	params[2] = OSSL_PARAM_construct_end();
	return key_from(f->type, params);
}

static int read_public(const struct sign_algorithm_facts *f, struct wire_reader *in,
                       EVP_PKEY **out)
{
	if (!f->public_len)
		return read_rsa(in, out);
	const uint8_t *bytes = wire_read_bytes(in, f->public_len);
	if (!bytes || wire_left(in) > 0)
		return ERR_CORRUPT;
	if (f->group)
		*out = ec_from(f, bytes);
	else
		*out = EVP_PKEY_new_raw_public_key_ex(NULL, f->type, NULL, bytes,
		                                      f->public_len);
	return *out ? 0 : ERR_CORRUPT;
}

/* Sets up what verifies. */
static bool prepare(struct dnskey *k)
{
	k->digest = must(EVP_MD_CTX_new());
	if (!k->facts->digest)
		return true;
	k->md = EVP_MD_fetch(NULL, k->facts->digest, NULL);
	k->check = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	return k->md && k->check && EVP_PKEY_verify_init(k->check) == 1 &&
	       (k->facts->public_len ||
	        EVP_PKEY_CTX_set_rsa_padding(k->check, RSA_PKCS1_PADDING) == 1) &&
	       EVP_PKEY_CTX_set_signature_md(k->check, k->md) == 1;
}

int dnskey_open(struct rdata rdata, struct dnskey **out)
{
	struct wire_reader in = wire_reader_on(rdata.bytes, rdata.len);

	(void)wire_read16(&in);
	uint8_t protocol = wire_read8(&in);
	const struct sign_algorithm_facts *f = sign_algorithm(wire_read8(&in));
	EVP_PKEY *pkey = NULL;
	if (!in.ok || protocol != DNSKEY_PROTOCOL)
		return ERR_CORRUPT;
	if (!f)
		return ERR_NOTFOUND;
	int err = read_public(f, &in, &pkey);
	if (err < 0)
		return forget_noted(err);

	struct dnskey *k = must(calloc(1, sizeof *k));
	k->facts = f;
	k->pkey = pkey;
	k->signature_len =
		f->signature_len ? f->signature_len : (size_t)EVP_PKEY_get_size(pkey);
	if (!prepare(k)) {
		dnskey_free(&k);
		return forget_noted(ERR_SYSTEM);
	}
	*out = k;
	return 0;
}

void dnskey_free(struct dnskey **key)
{
	struct dnskey *k = *key;

	*key = NULL;
	if (!k)
		return;
	EVP_PKEY_CTX_free(k->check);
	EVP_MD_CTX_free(k->digest);
	EVP_MD_free(k->md);
	EVP_PKEY_free(k->pkey);
	free(k);
}

EVP_PKEY *dnskey_pkey(struct dnskey *k)
{
	if (EVP_PKEY_up_ref(k->pkey) != 1)
		abort();
	return k->pkey;
}

size_t dnskey_signature_len(const struct dnskey *k)
{
	return k->signature_len;
}

/* ---- verifying ---- */

/* Gives the length of the DER form, 0: it does not fit. */
static size_t to_der(const uint8_t *rs, size_t len, uint8_t der[static DER_SIGNATURE_MAX])
{
	ECDSA_SIG *sig = must(ECDSA_SIG_new());
	int half = (int)(len / 2);

	if (ECDSA_SIG_set0(sig, must(BN_bin2bn(rs, half, NULL)),
	                   must(BN_bin2bn(rs + half, half, NULL))) != 1)
		abort();
	int size = i2d_ECDSA_SIG(sig, NULL);
	if (size > 0 && size <= DER_SIGNATURE_MAX)
		size = i2d_ECDSA_SIG(sig, &der);
	else
		size = 0;
	ECDSA_SIG_free(sig);
	return (size_t)size;
}

static bool verify_digest(struct dnskey *k, const uint8_t *digest, size_t digest_len,
                          const uint8_t *signature)
{
	uint8_t der[DER_SIGNATURE_MAX];
	size_t len = k->signature_len;

	if (k->facts->group) {
		len = to_der(signature, len, der);
		signature = der;
	}
	return EVP_PKEY_verify(k->check, signature, len, digest, digest_len) == 1;
}

int dnskey_verify(struct dnskey *k, const uint8_t *data, size_t len,
                  const uint8_t *signature, size_t signature_len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	bool good;

	if (signature_len != k->signature_len)
		return ERR_INVALID;
	if (!k->md)
		good = EVP_DigestVerifyInit(k->digest, NULL, NULL, NULL, k->pkey) == 1 &&
		       EVP_DigestVerify(k->digest, signature, signature_len, data, len) ==
		               1;
	else
		good = EVP_DigestInit_ex2(k->digest, k->md, NULL) == 1 &&
		       EVP_DigestUpdate(k->digest, data, len) == 1 &&
		       EVP_DigestFinal_ex(k->digest, digest, &digest_len) == 1 &&
		       verify_digest(k, digest, digest_len, signature);
	return good ? 0 : forget_noted(ERR_REFUSED);
}
