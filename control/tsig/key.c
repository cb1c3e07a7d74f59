#include "control/tsig/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/zone/literal.h"
#include "shared/err.h"

const struct tsig_algorithm_facts tsig_algorithms[TSIG_ALGORITHMS] = {
#define TSIG_ALGORITHM(name, text, wire, digest, octets) \
	{text, (const uint8_t *)(wire), digest, octets},
#include "control/tsig/algorithms.def"
#undef TSIG_ALGORITHM
};

static const char long_md5[] = "hmac-md5.sig-alg.reg.int";

int tsig_algorithm_from_text(const char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '.')
		len--;
	for (int i = 0; i < TSIG_ALGORITHMS; i++)
		if (strlen(tsig_algorithms[i].text) == len &&
		    strncasecmp(text, tsig_algorithms[i].text, len) == 0)
			return i;
	if (len == sizeof long_md5 - 1 && strncasecmp(text, long_md5, len) == 0)
		return TSIG_MD5;
	return ERR_NOTFOUND;
}

/* The MAC with everything in it but a message. NULL: OpenSSL has it not. */
static EVP_MAC_CTX *make_ready(const struct tsig_key_parts *p)
{
	OSSL_PARAM params[2];
	char digest[16];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	(void)snprintf(digest, sizeof digest, "%s", tsig_algorithms[p->algorithm].digest);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (ctx && EVP_MAC_init(ctx, p->secret, p->secret_len, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

int tsig_key_new(const struct tsig_key_parts *p, struct tsig_key **out)
{
	if (p->secret_len == 0 || p->secret_len > TSIG_SECRET_MAX)
		return ERR_INVALID;
	EVP_MAC_CTX *ready = make_ready(p);
	if (!ready)
		return ERR_SYSTEM;

	struct tsig_key *k = calloc(1, sizeof *k);
	if (!k)
		abort();
	atomic_init(&k->references, 1);
	k->name_len = (uint8_t)name_len(p->name, NAME_MAX_LEN);
	memcpy(k->name, p->name, k->name_len);
	name_fold(k->name, k->name_len);
	k->algorithm = p->algorithm;
	k->configured = p->configured;
	k->secret_len = (uint16_t)p->secret_len;
	memcpy(k->secret, p->secret, p->secret_len);
	(void)snprintf(k->tenant, sizeof k->tenant, "%s", p->tenant ? p->tenant : "");
	k->ready = ready;
	*out = k;
	return 0;
}

struct tsig_key *tsig_key_hold(struct tsig_key *k)
{
	atomic_fetch_add_explicit(&k->references, 1, memory_order_relaxed);
	return k;
}

void tsig_key_release(struct tsig_key **key)
{
	struct tsig_key *k = *key;

	*key = NULL;
	/* Pairs with itself: who frees sees all that the others did with it. */
	if (!k || atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) > 1)
		return;
	EVP_MAC_CTX_free(k->ready);
	OPENSSL_cleanse(k->secret, sizeof k->secret);
	free(k);
}

void tsig_secret_to_text(const uint8_t *secret, size_t len,
                         char text[static TSIG_SECRET_TEXT_SIZE])
{
	(void)EVP_EncodeBlock((unsigned char *)text, secret, (int)len);
}

int tsig_secret_from_text(const char *text, size_t text_len,
                          uint8_t secret[static TSIG_SECRET_MAX], size_t *len)
{
	char joined[TSIG_SECRET_TEXT_SIZE];
	uint8_t bytes[TSIG_SECRET_MAX];
	struct wire_writer to = wire_writer_on(bytes, sizeof bytes);
	struct entry_token token = {.text = joined};
	int err = 0;

	for (size_t i = 0; i < text_len && err == 0; i++) {
		if (strchr(" \t\r\n", text[i]) && text[i])
			continue;
		if (token.len == sizeof joined)
			err = ERR_SYNTAX;
		else
			joined[token.len++] = text[i];
	}
	if (err == 0)
		err = literal_base64(&token, 1, &to);
	if (err == 0 && to.ok && wire_written(&to)) {
		*len = wire_written(&to);
		memcpy(secret, bytes, *len);
	} else {
		err = ERR_SYNTAX;
	}
	OPENSSL_cleanse(joined, sizeof joined);
	OPENSSL_cleanse(bytes, sizeof bytes);
	return err;
}

int tsig_secret_new(enum tsig_algorithm a, uint8_t secret[static TSIG_SECRET_MAX])
{
	size_t len = tsig_algorithms[a].octets;

	return getrandom(secret, len, 0) == (ssize_t)len ? (int)len : ERR_SYSTEM;
}
