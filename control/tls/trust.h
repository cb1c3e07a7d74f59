/*
 * The certificates by which rules know clients that ask us over TLS: public keys, or names from an authority.
 * The authorities' files are read with the configuration; what a client has shown is judged when its
 * handshake is done, and once more when the configuration has changed, never while somebody waits for a zone.
 *
 * Loop thread.
 */
#ifndef CONTROL_TLS_TRUST_H
#define CONTROL_TLS_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config/config.h"
#include "shared/compiler.h"

struct tls_trust;

/* One that trusts nobody, and asks for no certificate. */
struct tls_trust *tls_trust_new(void);
/* Gives t. */
struct tls_trust *tls_trust_hold(struct tls_trust *t);
/* Takes; NULL is fine. */
void tls_trust_release(struct tls_trust **t);

/* Reads what next needs, for tls_trust_take() or tls_trust_abandon(). ERR_IO: an authority that a rule goes by
 * cannot be read, so that the rule fits nobody: text says which. It can be taken all the same. */
MUST_CHECK int tls_trust_prepare(struct tls_trust *t, const struct config *next,
                                 char *text, size_t text_size);
void tls_trust_take(struct tls_trust *t);
void tls_trust_abandon(struct tls_trust *t);

/* Says whether there is a rule that goes by a client's certificate. */
bool tls_trust_asks(const struct tls_trust *t);

#endif
