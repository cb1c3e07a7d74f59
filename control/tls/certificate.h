/*
 * What a certificate is known by, for people and for those who pin it.
 */
#ifndef CONTROL_TLS_CERTIFICATE_H
#define CONTROL_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

struct x509_st;

enum {
	TLS_FINGERPRINT_SIZE = 96, /* SHA-256 in hex, with colons */
	TLS_PIN_SIZE = 32,
};

/* Of the whole certificate. */
void tls_fingerprint(const struct x509_st *x, char out[static TLS_FINGERPRINT_SIZE]);

/* SHA-256 of its public key (RFC 7858 appendix A). false: OpenSSL does not give it. */
MUST_CHECK bool tls_pin_of(const struct x509_st *x, uint8_t pin[static TLS_PIN_SIZE]);

#endif
