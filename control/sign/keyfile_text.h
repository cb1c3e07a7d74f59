/*
 * The text of private keys that BIND has in its .private files and PowerDNS in its API, as the numbers in it:
 *
 *      Private-key-format: v1.3
 *      Algorithm: 13 (ECDSAP256SHA256)
 *      PrivateKey: BASE64
 *      Created: 20261122081646
 *
 * v1.2 is the same without times. What the numbers are worth is a matter of keyfile.h.
 */
#ifndef CONTROL_SIGN_KEYFILE_TEXT_H
#define CONTROL_SIGN_KEYFILE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/algorithm.h"
#include "shared/compiler.h"

/* Of RSA the first eight, of the others the last. */
enum keyfile_part {
	KEYFILE_MODULUS,
	KEYFILE_PUBLIC_EXPONENT,
	KEYFILE_PRIVATE_EXPONENT,
	KEYFILE_PRIME_1,
	KEYFILE_PRIME_2,
	KEYFILE_EXPONENT_1,
	KEYFILE_EXPONENT_2,
	KEYFILE_COEFFICIENT,
	KEYFILE_PRIVATE_KEY,
	KEYFILE_PARTS
};

/* Of the key's life, in the order in which BIND writes them. */
enum keyfile_time {
	KEYFILE_CREATED,
	KEYFILE_PUBLISH,
	KEYFILE_ACTIVATE,
	KEYFILE_REVOKE,
	KEYFILE_INACTIVE,
	KEYFILE_DELETE,
	KEYFILE_DS_PUBLISH,
	KEYFILE_SYNC_PUBLISH, /* of CDS and CDNSKEY */
	KEYFILE_SYNC_DELETE,
	KEYFILE_TIMES
};

extern const char *const keyfile_time_names[KEYFILE_TIMES];

enum { KEYFILE_NUMBER_MAX = SIGN_RSA_BITS_MAX / 8 };

struct keyfile_number {
	uint16_t len; /* 0: not there */
	uint8_t octets[KEYFILE_NUMBER_MAX];
};

/* Secret: whoever has one overwrites it. */
struct keyfile_text {
	uint8_t algorithm; /* one of algorithms.def */
	struct keyfile_number parts[KEYFILE_PARTS];
	uint32_t times[KEYFILE_TIMES]; /* seconds since 1970; 0: not said */
};

enum {
	KEYFILE_WHY_SIZE = 256,
	KEYFILE_TEXT_SIZE = 8192, /* of any such text, with a NUL */
};

/* Reads one. Lines that are not known are passed over, as BIND does with what comes after v1.3. What out gets has
 * all the parts that its algorithm needs and no other. ERR_SYNTAX, with *out all zero: why says on which line and
 * what, and nothing of a secret. */
MUST_CHECK int keyfile_text_read(const char *text, size_t len, struct keyfile_text *out,
                                 char why[static KEYFILE_WHY_SIZE]);

/* Gives the length: v1.3, or v1.2 when there are no times. Numbers are written as they are. */
size_t keyfile_text_write(const struct keyfile_text *k,
                          char out[static KEYFILE_TEXT_SIZE]);

/* "20261122081646". */
enum { KEYFILE_TIME_SIZE = 15 };
const char *keyfile_time_text(uint32_t time, char text[static KEYFILE_TIME_SIZE]);

#endif
