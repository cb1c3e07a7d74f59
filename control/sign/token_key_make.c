#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "control/sign/token_key.h"
#include "control/sign/token_objects.h"
#include "shared/err.h"

/* ---- making ---- */

/* How a token is told which curve. */
struct curve {
	uint8_t algorithm;
	uint8_t len;
	uint8_t der[24];
};

/* OIDs first (RFC 5480 §2.1.1.1, RFC 8410 §3), then, for tokens that know nothing else, the names that PKCS#11 3.0 had
 * for curves of Edwards. */
static const struct curve curves[] = {
	{SIGN_ECDSAP256SHA256, 10, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"},
	{SIGN_ECDSAP384SHA384, 7, "\x06\x05\x2b\x81\x04\x00\x22"},
	{SIGN_ED25519, 5, "\x06\x03\x2b\x65\x70"},
	{SIGN_ED448, 5, "\x06\x03\x2b\x65\x71"},
	{SIGN_ED25519, 14,
         "\x13\x0c"
         "edwards25519"},
	{SIGN_ED448, 12,
         "\x13\x0a"
         "edwards448"},
};

struct making {
	const struct token_key_wanted *wanted;
	uint8_t id[TOKEN_ID_SIZE];
	CK_OBJECT_HANDLE public, private;
};

/* What both halves have, and what says which key is to be made. */
static CK_RV make_with(const struct token_session *s, struct making *m,
                       CK_MECHANISM_TYPE type, CK_ATTRIBUTE *kind, CK_ULONG kinds)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	const char *label = m->wanted->label;
	CK_MECHANISM mechanism = {.mechanism = type};
	CK_ATTRIBUTE public[6] = {
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_VERIFY, &yes, sizeof yes},
		{CKA_ID, m->id, sizeof m->id},
		{CKA_LABEL, token_bytes(label), strlen(label)},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_PRIVATE, &yes, sizeof yes},
		{CKA_SENSITIVE, &yes, sizeof yes},
		{CKA_EXTRACTABLE, &no, sizeof no},
		{CKA_SIGN, &yes, sizeof yes},
		{CKA_ID, m->id, sizeof m->id},
		{CKA_LABEL, token_bytes(label), strlen(label)},
	};

	memcpy(public + 4, kind, kinds * sizeof *kind);
	return s->f->C_GenerateKeyPair(s->handle, &mechanism, public, 4 + kinds, private,
	                               ARRAY_LEN(private), &m->public, &m->private);
}

static CK_RV make_rsa(const struct token_session *s, struct making *m)
{
	static uint8_t exponent[] = {1, 0, 1};
	CK_ULONG bits = m->wanted->bits;
	CK_ATTRIBUTE kind[] = {
		{CKA_MODULUS_BITS, &bits, sizeof bits},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
	};

	return make_with(s, m, CKM_RSA_PKCS_KEY_PAIR_GEN, kind, ARRAY_LEN(kind));
}

static CK_RV make_ec(const struct token_session *s, struct making *m)
{
	const struct sign_algorithm_facts *f = m->wanted->facts;
	CK_MECHANISM_TYPE type =
		f->group ? CKM_EC_KEY_PAIR_GEN : CKM_EC_EDWARDS_KEY_PAIR_GEN;
	CK_RV rv = CKR_MECHANISM_INVALID;

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		CK_ATTRIBUTE kind = {CKA_EC_PARAMS, token_bytes(curves[i].der),
		                     curves[i].len};
		if (curves[i].algorithm != f->number)
			continue;
		rv = make_with(s, m, type, &kind, 1);
		if (rv == CKR_OK || token_was_lost(rv))
			break;
	}
	return rv;
}

/* In a session that may write, beside that of the caller. */
static CK_RV make_in(struct token_session s, struct making *m)
{
	CK_RV rv = s.f->C_OpenSession(s.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
	                              NULL, &s.handle);

	if (rv != CKR_OK)
		return rv;
	/* Another for each try: what a token was lost at may be there none the less. */
	if (RAND_bytes(m->id, sizeof m->id) != 1)
		abort();
	rv = m->wanted->facts->public_len ? make_ec(&s, m) : make_rsa(&s, m);
	(void)s.f->C_CloseSession(s.handle);
	return rv;
}

/* Writes the URI of what was made: the token's label and the key's id, which stay what they are. */
static int write_uri(P11KitUri *token, const struct making *m, char *out, char *why)
{
	P11KitUri *uri = p11_kit_uri_new();
	CK_ATTRIBUTE id = {CKA_ID, token_bytes(m->id), sizeof m->id};
	char *text = NULL;
	int err = 0;

	if (!uri)
		abort();
	memcpy(p11_kit_uri_get_token_info(uri)->label,
	       p11_kit_uri_get_token_info(token)->label,
	       sizeof p11_kit_uri_get_token_info(uri)->label);
	if (p11_kit_uri_set_attribute(uri, &id) != P11_KIT_URI_OK ||
	    p11_kit_uri_format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, &text) !=
	            P11_KIT_URI_OK)
		abort(); /* only for want of memory */
	(void)snprintf(out, TOKEN_KEY_URI_SIZE, "%s", text);
	err = token_key_check(out, why);
	free(text);
	p11_kit_uri_free(uri);
	return err;
}

static int make_at(struct token *t, struct making *m, char *why)
{
	struct token_session s;
	CK_RV rv = CKR_DEVICE_ERROR;

	for (int i = 0; i < 2 && token_was_lost(rv); i++) {
		TRY(token_acquire(t, &s, why));
		rv = make_in(s, m);
		token_put_back(t, &s, rv);
	}
	if (rv == CKR_OK)
		return 0;
	return token_complain(t, "it makes no such key", rv,
	                      token_was_lost(rv) ? ERR_GONE : ERR_SYSTEM, why);
}

int token_key_make(const struct token_key_wanted *w, char uri[static TOKEN_KEY_URI_SIZE],
                   char why[static TOKEN_WHY_SIZE])
{
	struct making m = {.wanted = w};
	P11KitUri *parsed = NULL;
	struct token *t = NULL;

	TRY(token_parse(w->token, &parsed, why));
	int err = token_find(parsed, &t, why);
	if (err == 0)
		err = make_at(t, &m, why);
	if (err == 0)
		err = write_uri(parsed, &m, uri, why);
	token_release(&t);
	p11_kit_uri_free(parsed);
	return err;
}

/* ---- removing ---- */

static CK_RV remove_class(const struct token_session *s, CK_OBJECT_CLASS class,
                          P11KitUri *uri, struct token_objects *found)
{
	*found = token_objects_find(s, class, uri);
	if (found->rv != CKR_OK || found->count != 1)
		return found->rv;
	return s->f->C_DestroyObject(s->handle, found->handle);
}

/* The private half first: without it the other is nothing, and without the other it cannot be told what was lost. */
static CK_RV remove_in(struct token_session s, P11KitUri *uri,
                       struct token_objects *found)
{
	struct token_objects public;
	CK_RV rv = s.f->C_OpenSession(s.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
	                              NULL, &s.handle);

	*found = (struct token_objects){.rv = rv};
	if (rv != CKR_OK)
		return rv;
	rv = remove_class(&s, CKO_PRIVATE_KEY, uri, found);
	if (rv == CKR_OK && found->count == 1)
		rv = remove_class(&s, CKO_PUBLIC_KEY, uri, &public);
	(void)s.f->C_CloseSession(s.handle);
	return rv;
}

static int remove_at(struct token *t, P11KitUri *uri, const char *text, char *why)
{
	struct token_objects found;
	struct token_session s;

	TRY(token_acquire(t, &s, why));
	CK_RV rv = remove_in(s, uri, &found);
	token_put_back(t, &s, rv);
	if (found.count != 1)
		return token_objects_complain(t, &found, text, why);
	if (rv != CKR_OK)
		return token_complain(t, "it does not let go of the key", rv, ERR_SYSTEM,
		                      why);
	return 0;
}

int token_key_remove(const char *uri, char why[static TOKEN_WHY_SIZE])
{
	P11KitUri *parsed = NULL;
	struct token *t = NULL;

	TRY(token_key_check(uri, why));
	TRY(token_parse(uri, &parsed, why));
	int err = token_find(parsed, &t, why);
	if (err == 0)
		err = remove_at(t, parsed, uri, why);
	token_release(&t);
	p11_kit_uri_free(parsed);
	return err;
}
