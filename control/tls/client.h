/*
 * Our side of TLS towards a server that we ask: whom it has to prove to be, and who we are. Never less than TLS
 * 1.3, which RFC 9103 §7.1 wants for transfers.
 *
 * It keeps the session of the last connection, for the next one to begin with.
 */
#ifndef CONTROL_TLS_CLIENT_H
#define CONTROL_TLS_CLIENT_H

#include <stddef.h>

#include "shared/compiler.h"

struct tls_client;

/* All lent for the call; what is NULL or empty is not there. */
struct tls_client_terms {
	const char *ca; /* file of certificates that are trusted; none: the system's */
	const char *
		host; /* name in the other side's certificate, which comes from one of those */
	const char *
		pins; /* SHA-256 of public keys in base64, with blanks between: with one of them
	                   * it does not matter what else the certificate says */
	const char *certificate; /* ours, and its key: files */
	const char *key;
};

/* Without host and without pins whoever answers is taken, unverified: the caller has to want that. ERR_INVALID,
 * ERR_IO, with what is wrong as text; ERR_NOMEM. */
MUST_CHECK int tls_client_new(const struct tls_client_terms *terms,
                              struct tls_client **out, char *text, size_t text_size);

/* Gives c. */
struct tls_client *tls_client_hold(struct tls_client *c);
/* Takes; NULL is fine. */
void tls_client_release(struct tls_client **c);

#endif
