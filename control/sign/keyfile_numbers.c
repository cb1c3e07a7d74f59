#include "control/sign/keyfile_numbers.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "control/must.h"
#include "control/sign/internal.h"
#include "shared/err.h"

/* OpenSSL's names of RSA's parts. */
static const char *const rsa_params[KEYFILE_PRIVATE_KEY] = {
	[KEYFILE_MODULUS] = OSSL_PKEY_PARAM_RSA_N,
	[KEYFILE_PUBLIC_EXPONENT] = OSSL_PKEY_PARAM_RSA_E,
	[KEYFILE_PRIVATE_EXPONENT] = OSSL_PKEY_PARAM_RSA_D,
	[KEYFILE_PRIME_1] = OSSL_PKEY_PARAM_RSA_FACTOR1,
	[KEYFILE_PRIME_2] = OSSL_PKEY_PARAM_RSA_FACTOR2,
	[KEYFILE_EXPONENT_1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
	[KEYFILE_EXPONENT_2] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
	[KEYFILE_COEFFICIENT] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static BIGNUM *number_of(const struct keyfile_number *n)
{
	BIGNUM *b = must(BN_secure_new());

	return must(BN_bin2bn(n->octets, n->len, b));
}

/* ---- to a key ---- */

static EVP_PKEY *pkey_of(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *ctx = must(EVP_PKEY_CTX_new_from_name(NULL, type, NULL));
	OSSL_PARAM *params = must(OSSL_PARAM_BLD_to_param(build));
	EVP_PKEY *pkey = NULL;

	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *rsa_of(const struct keyfile_text *k)
{
	OSSL_PARAM_BLD *build = must(OSSL_PARAM_BLD_new());
	BIGNUM *numbers[KEYFILE_PRIVATE_KEY];
	bool pushed = true;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		numbers[i] = number_of(&k->parts[i]);
		pushed = pushed &&
		         OSSL_PARAM_BLD_push_BN(build, rsa_params[i], numbers[i]) == 1;
	}
	EVP_PKEY *pkey = pushed ? pkey_of("RSA", build) : NULL;
	OSSL_PARAM_BLD_free(build);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		BN_clear_free(numbers[i]);
	return pkey;
}

/* The public half, as a point without compression. Gives its length, or 0: there is none. */
static size_t point_of(const char *group_name, const BIGNUM *private, uint8_t *out,
                       size_t room)
{
	EC_GROUP *group = must(EC_GROUP_new_by_curve_name(OBJ_sn2nid(group_name)));
	EC_POINT *point = must(EC_POINT_new(group));
	size_t len = 0;

	if (!BN_is_zero(private) && BN_cmp(private, EC_GROUP_get0_order(group)) < 0 &&
	    EC_POINT_mul(group, point, private, NULL, NULL, NULL) == 1)
		len = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out,
		                         room, NULL);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return len;
}

static EVP_PKEY *ec_of(const struct sign_algorithm_facts *f,
                       const struct keyfile_number *n)
{
	OSSL_PARAM_BLD *build = must(OSSL_PARAM_BLD_new());
	BIGNUM *private = number_of(n);
	uint8_t point[1 + 96];
	size_t len = point_of(f->group, private, point, sizeof point);
	EVP_PKEY *pkey = NULL;

	if (len > 0 &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, f->group,
	                                    0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
	                                     len) == 1 &&
	    OSSL_PARAM_BLD_push_BN_pad(build, OSSL_PKEY_PARAM_PRIV_KEY, private,
	                               f->public_len / 2U) == 1)
		pkey = pkey_of(f->type, build);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(private);
	return pkey;
}

int keyfile_to_pkey(const struct keyfile_text *k, EVP_PKEY **out)
{
	const struct sign_algorithm_facts *f = sign_algorithm(k->algorithm);
	const struct keyfile_number *n = &k->parts[KEYFILE_PRIVATE_KEY];
	EVP_PKEY *pkey;

	if (!f->public_len)
		pkey = rsa_of(k);
	else if (f->group)
		pkey = ec_of(f, n);
	else
		pkey = EVP_PKEY_new_raw_private_key_ex(NULL, f->type, NULL, n->octets,
		                                       n->len);
	if (!pkey)
		return forget_noted(ERR_REFUSED);
	*out = pkey;
	return 0;
}

/* ---- from a key ---- */

/* len: octets to be filled; 0: as few as it takes. */
static int take_number(const EVP_PKEY *pkey, const char *param, size_t len,
                       struct keyfile_number *out)
{
	BIGNUM *b = NULL;
	int err = ERR_SYSTEM;

	if (EVP_PKEY_get_bn_param(pkey, param, &b) == 1) {
		len = len ? len : (size_t)BN_num_bytes(b);
		if (len <= sizeof out->octets &&
		    BN_bn2binpad(b, out->octets, (int)len) >= 0)
			err = 0;
	}
	if (err == 0)
		out->len = (uint16_t)len;
	BN_clear_free(b);
	return err;
}

static int take_raw(const EVP_PKEY *pkey, struct keyfile_number *out)
{
	size_t len = sizeof out->octets;

	if (EVP_PKEY_get_raw_private_key(pkey, out->octets, &len) != 1)
		return ERR_SYSTEM;
	out->len = (uint16_t)len;
	return 0;
}

int keyfile_from_pkey(const EVP_PKEY *pkey, struct keyfile_text *out)
{
	const struct sign_algorithm_facts *f = sign_algorithm(out->algorithm);
	struct keyfile_number *n = &out->parts[KEYFILE_PRIVATE_KEY];
	int err = 0;

	if (f->public_len && f->group)
		err = take_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, f->public_len / 2U, n);
	else if (f->public_len)
		err = take_raw(pkey, n);
	else
		for (size_t i = 0; i < ARRAY_LEN(rsa_params) && err == 0; i++)
			err = take_number(pkey, rsa_params[i], 0, &out->parts[i]);
	return err < 0 ? forget_noted(err) : 0;
}
