/*
 * What lies in a PKCS#11 token: finding it, and reading what is public of it.
 */
#ifndef CONTROL_SIGN_TOKEN_OBJECTS_H
#define CONTROL_SIGN_TOKEN_OBJECTS_H

#include <stdint.h>

#include "control/sign/algorithm.h"
#include "control/sign/token_internal.h"

/* What was found: rv is not CKR_OK when nothing could be. */
struct token_objects {
	CK_RV rv;
	CK_ULONG count; /* 2: or more */
	CK_OBJECT_HANDLE handle;
};

/* Looks for keys of a class by the id and the label that a URI has. */
struct token_objects token_objects_find(const struct token_session *s,
                                        CK_OBJECT_CLASS class, P11KitUri *uri);

/* Says why there is not one. Gives ERR_NOTFOUND, ERR_EXISTS, ERR_GONE. */
int token_objects_complain(const struct token *t, const struct token_objects *found,
                           const char *uri, char why[static TOKEN_WHY_SIZE]);

/* Writes the public half as it stands in DNSKEY RDATA behind the algorithm, in up to DNSKEY_MAX -
 * DNSKEY_HEADER octets. Gives its length. ERR_INVALID: it is not one of that algorithm. */
MUST_CHECK int token_public_read(const struct token_session *s, CK_OBJECT_HANDLE key,
                                 const struct sign_algorithm_facts *f, uint8_t *out);

#endif
