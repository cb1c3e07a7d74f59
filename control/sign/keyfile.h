/*
 * Keys in the files of other programs, both ways:
 *
 *      Kexample.+013+12345.key        a DNSKEY record                       BIND, ldns, and whoever reads theirs
 *      Kexample.+013+12345.private    "Private-key-format: v1.3"            the same; alone, PowerDNS
 *      "-----BEGIN PRIVATE KEY-----"  PKCS#8, or what was before it         Knot, pdnsutil export-zone-key-pem
 *
 * The first says whose key it is and what for, the others have its private half.
 */
#ifndef CONTROL_SIGN_KEYFILE_H
#define CONTROL_SIGN_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sign/dnskey.h"
#include "control/sign/key.h"
#include "control/sign/keyfile_text.h"
#include "shared/compiler.h"
#include "shared/name.h"

/* What stands in a .key file. */
struct keyfile_public {
	uint8_t owner[NAME_MAX_LEN]; /* folded */
	bool has_ttl;
	uint32_t ttl;
	uint16_t rdata_len;
	uint8_t rdata[DNSKEY_MAX];
};

/* Reads one record and nothing else but comments; an owner without a final dot is below the root. ERR_SYNTAX: why
 * says on which line and what. */
MUST_CHECK int keyfile_read_public(const char *text, size_t len,
                                   struct keyfile_public *out,
                                   char why[static KEYFILE_WHY_SIZE]);

/* What is known of a private key before it is read. */
struct keyfile_expected {
	const struct keyfile_public *public; /* lent; NULL: only what follows */
	uint8_t algorithm; /* 0: as the text says, which of RSA in PEM it does not */
	uint16_t flags;
};

struct keyfile {
	struct sign_key *key;          /* the caller's */
	uint32_t times[KEYFILE_TIMES]; /* seconds since 1970; 0: not said */
};

/* Reads the private half, in either form. ERR_SYNTAX: it is not one of a zone's keys. ERR_REFUSED: it is not what
 * was expected, or its parts do not belong together. why says what is wrong, and nothing of a secret. */
MUST_CHECK int keyfile_read_private(const char *text, size_t len,
                                    const struct keyfile_expected *expected,
                                    struct keyfile *out,
                                    char why[static KEYFILE_WHY_SIZE]);

/* Writes both as BIND does. times: KEYFILE_TIMES of them, or NULL, which PowerDNS wants: the private text is v1.2 then.
 * Each gives the text's length. The private text is for the caller to overwrite. ERR_SYSTEM: OpenSSL does not give
 * the key away. */
MUST_CHECK int keyfile_write_private(const struct sign_key *k, const uint32_t *times,
                                     char out[static KEYFILE_TEXT_SIZE]);
/* ttl: seconds; less than 0: none is written. */
size_t keyfile_write_public(const struct sign_key *k, const uint8_t *owner, int64_t ttl,
                            const uint32_t *times, char out[static KEYFILE_TEXT_SIZE]);

/* "Kexample.+013+12345", as BIND names files; what is no letter, digit, "-" or "_" becomes %XX. */
enum { KEYFILE_NAME_SIZE = 1 + 3 * NAME_MAX_LEN + 10 + 1 };
const char *keyfile_name(const struct sign_key *k, const uint8_t *owner,
                         char out[static KEYFILE_NAME_SIZE]);

#endif
