/*
 * The server's certificate, for HTTPS and for DNS over TLS: one that the operator gives, or one of its own, made once
 * and kept. Its own is for whoever is told which to trust (curl --cacert, a pinned fingerprint).
 */
#ifndef CONTROL_TLS_IDENTITY_H
#define CONTROL_TLS_IDENTITY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "control/tls/certificate.h"
#include "shared/compiler.h"

struct tls_identity {
	char *certificate; /* PEM */
	char *key;
	char fingerprint[TLS_FINGERPRINT_SIZE]; /* of the certificate */
	int64_t ends;                           /* when it expires, s since 1970 */
};

/* Reads both; ERR_REFUSED when the key is not that of the certificate. text: what is wrong. */
MUST_CHECK int tls_identity_read(const char *certificate, const char *key,
                                 struct tls_identity *out, char *text, size_t text_size);

/* The same with cert.pem and key.pem of directory, which are made when one of them is missing: P-256,
 * signed by itself, for this host's name, localhost and addresses. */
MUST_CHECK int tls_identity_own(const char *directory,
                                const struct sockaddr_storage *addresses, size_t count,
                                struct tls_identity *out, char *text, size_t text_size);

void tls_identity_fini(struct tls_identity *t);

#endif
