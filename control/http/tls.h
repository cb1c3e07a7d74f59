/*
 * The server's certificate for HTTPS: one that the operator gives, or one of its own, made once
 * and kept. Its own is for whoever is told which to trust (curl --cacert, a pinned fingerprint).
 */
#ifndef CONTROL_HTTP_TLS_H
#define CONTROL_HTTP_TLS_H

#include <stddef.h>
#include <sys/socket.h>

#include "shared/compiler.h"

enum { TLS_FINGERPRINT_SIZE = 96 }; /* SHA-256 in hex, with colons */

struct tls_identity {
	char *certificate; /* PEM */
	char *key;
	char fingerprint[TLS_FINGERPRINT_SIZE]; /* of the certificate */
};

/* Reads both; ERR_REFUSED when the key is not that of the certificate. text: what is wrong. */
MUST_CHECK int tls_read(const char *certificate, const char *key,
                        struct tls_identity *out, char *text, size_t text_size);

/* The same with cert.pem and key.pem of directory, which are made when one of them is missing: P-256,
 * signed by itself, for this host's name, localhost and addresses. */
MUST_CHECK int tls_own(const char *directory, const struct sockaddr_storage *addresses,
                       size_t count, struct tls_identity *out, char *text,
                       size_t text_size);

void tls_fini(struct tls_identity *t);

#endif
