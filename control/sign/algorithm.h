/*
 * What is to be known of each algorithm that zones are signed with (algorithms.def).
 */
#ifndef CONTROL_SIGN_ALGORITHM_H
#define CONTROL_SIGN_ALGORITHM_H

#include <stdint.h>

#include "shared/compiler.h"

enum sign_algorithm {
#define SIGN_ALGORITHM(number, name, text, type, group, digest, public, signature) \
	SIGN_##name = (number),
#include "control/sign/algorithms.def"
#undef SIGN_ALGORITHM
};

enum {
	SIGN_RSA_BITS_MIN = 1024,
	SIGN_RSA_BITS_MAX = 4096, /* RFC 3110 §2, RFC 5702 §2 */
	SIGN_SIGNATURE_MAX = SIGN_RSA_BITS_MAX / 8,
};

struct sign_algorithm_facts {
	uint8_t number;
	uint8_t public_len;    /* 0: RSA */
	uint8_t signature_len; /* 0: RSA, as long as the modulus */
	const char *name;      /* as IANA has it */
	const char *type;      /* OpenSSL's, as are the next two */
	const char *group;     /* NULL: the type says it */
	const char *digest;    /* NULL: the data itself is signed, in one piece */
};

/* NULL: none that is known here. */
const struct sign_algorithm_facts *sign_algorithm(uint8_t number);

/* A name in any case, or the number. Gives the number, or ERR_NOTFOUND. */
MUST_CHECK int sign_algorithm_from_text(const char *text);

#endif
