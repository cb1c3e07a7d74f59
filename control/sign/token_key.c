/*
 * Keys in tokens by what DNSSEC and PKCS#11 have for the same thing:
 *
 *             mechanism       signs                           gives
 *   RSA       CKM_RSA_PKCS    DigestInfo (RFC 8017 §9.2)      as long as the modulus
 *   ECDSA     CKM_ECDSA       the digest                      r and s side by side, as DNSSEC has them
 *   EdDSA     CKM_EDDSA       the data itself                 as DNSSEC has it
 *
 * Digests are made here: a token across a network gets a few dozen octets a signature, and not the records.
 */
#include "control/sign/token_key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/token_objects.h"
#include "shared/err.h"
#include "shared/wire.h"

struct token_key {
	struct token *token; /* a reference */
	const struct sign_algorithm_facts *facts;
	P11KitUri *uri;
	char text[TOKEN_KEY_URI_SIZE];

	pthread_mutex_t lock; /* of these two */
	unsigned epoch;       /* of the token, in which the handle is good */
	CK_OBJECT_HANDLE handle;
};

/* ---- URIs ---- */

static int refuse(char *why, const char *what)
{
	(void)snprintf(why, TOKEN_WHY_SIZE, "%s", what);
	return ERR_INVALID;
}

/* Says whether its type, if it says one, is that of what signs. */
static bool is_private(P11KitUri *uri)
{
	const CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	CK_OBJECT_CLASS class;

	if (!a || a->ulValueLen != sizeof class)
		return !a;
	memcpy(&class, a->pValue, sizeof class);
	return class == CKO_PRIVATE_KEY;
}

static int parse_key(const char *text, P11KitUri **out, char *why)
{
	P11KitUri *uri = NULL;
	int err = 0;

	if (strlen(text) >= TOKEN_KEY_URI_SIZE)
		return refuse(why, "it is too long");
	TRY(token_parse(text, &uri, why));
	if (strchr(text, '?'))
		err = refuse(why,
		             "how a token is reached is for the configuration to say: "
		             "nothing may follow a \"?\"");
	else if (!p11_kit_uri_get_attribute(uri, CKA_ID) &&
	         !p11_kit_uri_get_attribute(uri, CKA_LABEL))
		err = refuse(why, "it says of no key: id=%.. or object=LABEL is wanted");
	else if (!is_private(uri))
		err = refuse(why, "its type is not \"private\"");
	if (err < 0)
		p11_kit_uri_free(uri);
	else
		*out = uri;
	return err;
}

int token_key_check(const char *uri, char why[static TOKEN_WHY_SIZE])
{
	P11KitUri *u = NULL;

	TRY(parse_key(uri, &u, why));
	p11_kit_uri_free(u);
	return 0;
}

/* ---- keys ---- */

/* Looks for the private half, unless it was found in this epoch. */
static int find_private(struct token_key *k, const struct token_session *s,
                        struct token_objects *out)
{
	(void)pthread_mutex_lock(&k->lock);
	*out = (struct token_objects){.count = 1, .handle = k->handle};
	if (k->handle == CK_INVALID_HANDLE || k->epoch != s->epoch) {
		*out = token_objects_find(s, CKO_PRIVATE_KEY, k->uri);
		k->handle = out->count == 1 ? out->handle : CK_INVALID_HANDLE;
		k->epoch = s->epoch;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return out->count == 1 ? 0 : ERR_NOTFOUND;
}

static int look_for(struct token_key *k, char *why)
{
	struct token_session s;
	struct token_objects found;

	TRY(token_acquire(k->token, &s, why));
	int err = find_private(k, &s, &found);
	token_put_back(k->token, &s, found.rv);
	return err < 0 ? token_objects_complain(k->token, &found, k->text, why) : 0;
}

int token_key_open(const char *uri, const struct sign_algorithm_facts *f,
                   struct token_key **out, char why[static TOKEN_WHY_SIZE])
{
	P11KitUri *parsed = NULL;

	TRY(parse_key(uri, &parsed, why));
	struct token_key *k = must(calloc(1, sizeof *k));
	k->uri = parsed;
	k->facts = f;
	memcpy(k->text, uri, strlen(uri) + 1);
	if (pthread_mutex_init(&k->lock, NULL) != 0)
		abort();
	int err = token_find(parsed, &k->token, why);
	if (err == 0)
		err = look_for(k, why);
	if (err < 0)
		token_key_free(&k);
	else
		*out = k;
	return err;
}

void token_key_free(struct token_key **key)
{
	struct token_key *k = *key;

	*key = NULL;
	if (!k)
		return;
	token_release(&k->token);
	(void)pthread_mutex_destroy(&k->lock);
	p11_kit_uri_free(k->uri);
	free(k);
}

const char *token_key_uri(const struct token_key *k)
{
	return k->text;
}

int token_key_dnskey(struct token_key *k, uint16_t flags, uint8_t out[static DNSKEY_MAX],
                     char why[static TOKEN_WHY_SIZE])
{
	struct token_session s;

	wire_store16(out, flags);
	out[2] = DNSKEY_PROTOCOL;
	out[3] = k->facts->number;
	TRY(token_acquire(k->token, &s, why));
	struct token_objects found = token_objects_find(&s, CKO_PUBLIC_KEY, k->uri);
	if (found.rv == CKR_OK && found.count == 0 && !k->facts->public_len)
		(void)find_private(k, &s, &found); /* of RSA it has the public numbers */
	int len = found.count == 1 ? token_public_read(&s, found.handle, k->facts,
	                                               out + DNSKEY_HEADER)
	                           : ERR_NOTFOUND;
	token_put_back(k->token, &s, found.rv);
	if (found.count != 1)
		return token_objects_complain(k->token, &found, k->text, why);
	if (len < 0)
		(void)snprintf(why, TOKEN_WHY_SIZE, "%.300s is not a key of %s", k->text,
		               k->facts->name);
	return len < 0 ? len : DNSKEY_HEADER + len;
}

/* ---- signing ---- */

enum { DIGEST_INFO = 19, DIGEST_MAX = 64 };

/* RFC 8017 §9.2, note 1. */
static size_t write_digest_info(uint8_t algorithm, const uint8_t *digest, size_t len,
                                uint8_t out[static DIGEST_INFO + DIGEST_MAX])
{
	static const uint8_t sha256[DIGEST_INFO] = {
		0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	static const uint8_t sha512[DIGEST_INFO] = {
		0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};

	memcpy(out, algorithm == SIGN_RSASHA256 ? sha256 : sha512, DIGEST_INFO);
	memcpy(out + DIGEST_INFO, digest, len);
	return DIGEST_INFO + len;
}

static CK_MECHANISM mechanism_of(const struct sign_algorithm_facts *f)
{
	CK_MECHANISM m = {.mechanism = CKM_EDDSA};

	if (f->digest)
		m.mechanism = f->group ? CKM_ECDSA : CKM_RSA_PKCS;
	return m;
}

struct to_sign {
	const uint8_t *bytes; /* lent */
	size_t len;
};

/* One try, in one session. */
static CK_RV sign_in(struct token_key *k, const struct token_session *s,
                     const struct to_sign *what, CK_ULONG *len, uint8_t *signature)
{
	CK_MECHANISM mechanism = mechanism_of(k->facts);
	struct token_objects found;

	*len = SIGN_SIGNATURE_MAX;
	if (find_private(k, s, &found) < 0)
		return found.rv == CKR_OK ? CKR_KEY_HANDLE_INVALID : found.rv;
	CK_RV rv = s->f->C_SignInit(s->handle, &mechanism, found.handle);
	if (rv == CKR_OK)
		rv = s->f->C_Sign(s->handle, token_bytes(what->bytes), what->len,
		                  signature, len);
	return rv;
}

/* Once more when the token was lost: it is reached anew then. */
static int sign(struct token_key *k, const struct to_sign *what, uint8_t *signature)
{
	char why[TOKEN_WHY_SIZE];
	CK_RV rv = CKR_DEVICE_ERROR;
	CK_ULONG len = 0;

	for (int i = 0; i < 2 && token_was_lost(rv); i++) {
		struct token_session s;
		if (token_acquire(k->token, &s, why) < 0)
			return ERR_GONE;
		rv = sign_in(k, &s, what, &len, signature);
		token_put_back(k->token, &s, rv);
	}
	if (rv == CKR_OK)
		return (int)len;
	return token_was_lost(rv) ? ERR_GONE : ERR_SYSTEM;
}

int token_key_sign(struct token_key *k, const uint8_t *data, size_t len,
                   uint8_t signature[static SIGN_SIGNATURE_MAX])
{
	const struct sign_algorithm_facts *f = k->facts;
	uint8_t info[DIGEST_INFO + DIGEST_MAX];
	struct to_sign what = {data, len};

	if (!f->public_len) {
		assert(len <= DIGEST_MAX);
		what.len = write_digest_info(f->number, data, len, info);
		what.bytes = info;
	}
	int size = sign(k, &what, signature);
	if (size >= 0 && f->signature_len && size != f->signature_len)
		return ERR_SYSTEM;
	return size;
}
