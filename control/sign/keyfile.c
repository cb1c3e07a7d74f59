#include "control/sign/keyfile.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "control/must.h"
#include "control/sign/internal.h"
#include "control/sign/keyfile_numbers.h"
#include "shared/err.h"
#include "shared/wire.h"

static int refuse(char *why, const char *what)
{
	(void)snprintf(why, KEYFILE_WHY_SIZE, "%s", what);
	return ERR_REFUSED;
}

/* ---- PEM ---- */

static const char *skip_blanks(const char *text, const char *end)
{
	while (text < end &&
	       (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n'))
		text++;
	return text;
}

static bool is_pem(const char *text, size_t len)
{
	static const char mark[] = "-----BEGIN ";
	const char *end = text + len;

	text = skip_blanks(text, end);
	return (size_t)(end - text) >= sizeof mark - 1 &&
	       memcmp(text, mark, sizeof mark - 1) == 0;
}

/* Nobody is here to be asked. */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is what OpenSSL calls */
static int has_no_passphrase(char *to, int room, int writes, void *arg)
{
	(void)to;
	(void)room;
	(void)writes;
	(void)arg;
	return -1;
}

static int read_pem(const char *text, size_t len, EVP_PKEY **out, char *why)
{
	BIO *from = len <= INT32_MAX ? must(BIO_new_mem_buf(text, (int)len)) : NULL;
	EVP_PKEY *pkey =
		from ? PEM_read_bio_PrivateKey(from, NULL, has_no_passphrase, NULL)
		     : NULL;

	BIO_free(from);
	if (!pkey) {
		(void)snprintf(why, KEYFILE_WHY_SIZE,
		               "the PEM text has no private key, or one under a "
		               "passphrase");
		return forget_noted(ERR_SYNTAX);
	}
	*out = pkey;
	return 0;
}

/* 0: the key does not say. */
static uint8_t algorithm_of(const EVP_PKEY *pkey)
{
	static const uint8_t told[] = {SIGN_ECDSAP256SHA256, SIGN_ECDSAP384SHA384,
	                               SIGN_ED25519, SIGN_ED448};
	uint8_t rdata[DNSKEY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		if (dnskey_write(told[i], SIGN_FLAGS_ZSK, pkey, rdata) > 0)
			return told[i];
	return 0;
}

/* ---- the private half ---- */

/* A key on its way in. */
struct incoming {
	const struct keyfile_expected *expected;
	uint8_t algorithm; /* that is expected; 0: any */
	uint16_t flags;
	char *why;
};

static int set_expected(struct incoming *in)
{
	const struct keyfile_public *public = in->expected->public;

	in->algorithm = in->expected->algorithm;
	in->flags = in->expected->flags;
	if (public) {
		in->algorithm = public->rdata[3];
		in->flags = wire_load16(public->rdata);
	}
	if (in->algorithm && !sign_algorithm(in->algorithm)) {
		(void)snprintf(in->why, KEYFILE_WHY_SIZE,
		               "zones are not signed with algorithm %u here",
		               in->algorithm);
		return ERR_REFUSED;
	}
	if (in->flags == SIGN_FLAGS_ZSK || in->flags == SIGN_FLAGS_KSK)
		return 0;
	(void)snprintf(in->why, KEYFILE_WHY_SIZE,
	               "flags %u: only keys with 256 (ZSK) or 257 (KSK) sign here",
	               in->flags);
	return ERR_REFUSED;
}

/* Whether RSA's primes are, and everything else follows from them: a signature made with a part that is wrong may give
 * the key away. */
static bool is_sound(EVP_PKEY *pkey)
{
	if (!EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_get_bits(pkey) > SIGN_RSA_BITS_MAX)
		return true; /* a larger one is refused before it is used */

	EVP_PKEY_CTX *ctx = must(EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL));
	bool sound = EVP_PKEY_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return sound;
}

static bool is_expected(const struct incoming *in, const struct sign_key *k)
{
	const struct keyfile_public *public = in->expected->public;
	struct rdata rdata = sign_key_dnskey(k);

	return !public || (rdata.len == public->rdata_len &&
	                   memcmp(rdata.bytes, public->rdata, rdata.len) == 0);
}

/* Takes pkey. */
static int make_key(struct incoming *in, uint8_t algorithm, EVP_PKEY *pkey,
                    struct sign_key **out)
{
	struct sign_key *k = NULL;
	bool sound = is_sound(pkey);
	int err = sign_key_new(algorithm, in->flags, pkey, &k);

	if (err == ERR_RANGE)
		return refuse(
			in->why,
			"RSA keys have from 1024 to 4096 bits, and an odd exponent of "
			"at most 64");
	if (err < 0 || !sound) {
		sign_key_free(&k);
		(void)forget_noted(err);
		return refuse(in->why,
		              "it is not a private key of its algorithm, or its parts do "
		              "not belong together");
	}
	if (!is_expected(in, k)) {
		sign_key_free(&k);
		return refuse(in->why,
		              "the private key is not that of the DNSKEY record");
	}
	*out = k;
	return 0;
}

static int read_from_pem(struct incoming *in, const char *text, size_t len,
                         struct keyfile *out)
{
	EVP_PKEY *pkey;

	TRY(read_pem(text, len, &pkey, in->why));
	uint8_t algorithm = algorithm_of(pkey);
	if (!algorithm)
		algorithm = in->algorithm;
	if (algorithm && (!in->algorithm || in->algorithm == algorithm))
		return make_key(in, algorithm, pkey, &out->key);
	EVP_PKEY_free(pkey);
	return refuse(in->why,
	              algorithm ? "it is not a key of the algorithm that is expected"
	                        : "the PEM text does not say which algorithm the key "
	                          "is for: it has to be given");
}

static int read_from_text(struct incoming *in, const char *text, size_t len,
                          struct keyfile *out)
{
	struct keyfile_text k;
	EVP_PKEY *pkey;

	TRY(keyfile_text_read(text, len, &k, in->why));
	int err = 0;
	if (in->algorithm && k.algorithm != in->algorithm)
		err = refuse(in->why,
		             "it is not a key of the algorithm that is expected");
	else if (keyfile_to_pkey(&k, &pkey) < 0)
		err = refuse(in->why, "its numbers are those of no key");
	else
		err = make_key(in, k.algorithm, pkey, &out->key);
	if (err == 0)
		memcpy(out->times, k.times, sizeof out->times);
	OPENSSL_cleanse(&k, sizeof k);
	return err;
}

int keyfile_read_private(const char *text, size_t len,
                         const struct keyfile_expected *expected, struct keyfile *out,
                         char why[static KEYFILE_WHY_SIZE])
{
	struct incoming in = {.expected = expected};
	struct keyfile k = {0};

	in.why = why;
	TRY(set_expected(&in));
	if (is_pem(text, len))
		TRY(read_from_pem(&in, text, len, &k));
	else
		TRY(read_from_text(&in, text, len, &k));
	*out = k;
	return 0;
}

int keyfile_write_private(const struct sign_key *key, const uint32_t *times,
                          char out[static KEYFILE_TEXT_SIZE])
{
	struct keyfile_text k = {.algorithm = sign_key_algorithm(key)};
	int err = keyfile_from_pkey(sign_key_pkey(key), &k);
	int len = err;

	if (times)
		memcpy(k.times, times, sizeof k.times);
	if (err == 0)
		len = (int)keyfile_text_write(&k, out);
	OPENSSL_cleanse(&k, sizeof k);
	return len;
}
