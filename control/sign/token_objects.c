#include "control/sign/token_objects.h"

#include <stdio.h>
#include <string.h>

#include "control/sign/dnskey.h"
#include "shared/err.h"

/* ---- finding ---- */

struct token_objects token_objects_find(const struct token_session *s,
                                        CK_OBJECT_CLASS class, P11KitUri *uri)
{
	static const CK_ATTRIBUTE_TYPE known_by[] = {CKA_ID, CKA_LABEL};
	CK_ATTRIBUTE wanted[1 + ARRAY_LEN(known_by)] = {
		{CKA_CLASS, &class, sizeof class}};
	CK_OBJECT_HANDLE handles[2] = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
	struct token_objects found = {.count = 0};
	CK_ULONG n = 1;

	for (size_t i = 0; i < ARRAY_LEN(known_by); i++) {
		const CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, known_by[i]);
		if (a)
			wanted[n++] = *a;
	}
	found.rv = s->f->C_FindObjectsInit(s->handle, wanted, n);
	if (found.rv != CKR_OK)
		return found;
	found.rv = s->f->C_FindObjects(s->handle, handles, 2, &found.count);
	(void)s->f->C_FindObjectsFinal(s->handle);
	if (found.rv != CKR_OK)
		found.count = 0;
	found.handle = handles[0];
	return found;
}

int token_objects_complain(const struct token *t, const struct token_objects *found,
                           const char *uri, char why[static TOKEN_WHY_SIZE])
{
	if (found->rv != CKR_OK)
		return token_complain(t, "it cannot be searched", found->rv, ERR_GONE,
		                      why);
	(void)snprintf(why, TOKEN_WHY_SIZE, "token %s: %s %.400s", t->label,
	               found->count ? "more than one key is" : "no key is", uri);
	return found->count ? ERR_EXISTS : ERR_NOTFOUND;
}

/* ---- public halves ---- */

static int read_rsa(const struct token_session *s, CK_OBJECT_HANDLE key, uint8_t *out)
{
	uint8_t e[DNSKEY_EXPONENT_MAX];
	CK_ATTRIBUTE wanted[] = {
		{CKA_PUBLIC_EXPONENT, e, sizeof e},
		{CKA_MODULUS, out + 1 + sizeof e, SIGN_RSA_BITS_MAX / 8},
	};

	if (s->f->C_GetAttributeValue(s->handle, key, wanted, 2) != CKR_OK ||
	    wanted[0].ulValueLen > sizeof e ||
	    wanted[1].ulValueLen > SIGN_RSA_BITS_MAX / 8)
		return ERR_INVALID;
	size_t e_len = wanted[0].ulValueLen;
	size_t n_len = wanted[1].ulValueLen;
	out[0] = (uint8_t)e_len;
	memcpy(out + 1, e, e_len);
	memmove(out + 1 + e_len, wanted[1].pValue, n_len);
	return (int)(1 + e_len + n_len);
}

/* Where the key begins in what a token says is the point. By PKCS#11 that is in a DER OCTET STRING, which some leave out,
 * or, of EdDSA, have a BIT STRING instead. Gives less than 0 when it is none of these. */
static int start_of_point(const struct sign_algorithm_facts *f, const uint8_t *point,
                          size_t len)
{
	enum { OCTET_STRING = 4, UNCOMPRESSED = 4, BIT_STRING = 3 };
	size_t mark = f->group ? 1 : 0; /* that there are both numbers */
	size_t before = len - f->public_len;

	if (len < f->public_len + mark || before > 3)
		return ERR_INVALID;
	if (mark && point[before - 1] != UNCOMPRESSED)
		return ERR_INVALID;
	if (before == mark || (before == mark + 2 && point[0] == OCTET_STRING) ||
	    (!mark && before == 3 && point[0] == BIT_STRING))
		return (int)before;
	return ERR_INVALID;
}

static int read_point(const struct token_session *s, CK_OBJECT_HANDLE key,
                      const struct sign_algorithm_facts *f, uint8_t *out)
{
	uint8_t point[3 + 96];
	CK_ATTRIBUTE wanted = {CKA_EC_POINT, point, sizeof point};

	if (s->f->C_GetAttributeValue(s->handle, key, &wanted, 1) != CKR_OK ||
	    wanted.ulValueLen > sizeof point)
		return ERR_INVALID;
	int start = start_of_point(f, point, wanted.ulValueLen);
	if (start < 0)
		return start;
	memcpy(out, point + start, f->public_len);
	return f->public_len;
}

int token_public_read(const struct token_session *s, CK_OBJECT_HANDLE key,
                      const struct sign_algorithm_facts *f, uint8_t *out)
{
	return f->public_len ? read_point(s, key, f, out) : read_rsa(s, key, out);
}
