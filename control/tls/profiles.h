/*
 * What the configuration's tls-profiles mean: whom we ask over TLS, and who asks us. Loop thread.
 */
#ifndef CONTROL_TLS_PROFILES_H
#define CONTROL_TLS_PROFILES_H

#include <stdbool.h>

#include "control/config/config.h"
#include "control/tls/client.h"
#include "control/tls/link.h"
#include "shared/compiler.h"

struct tls_profiles;

struct tls_profiles *tls_profiles_new(void);
/* Takes; NULL is fine. */
void tls_profiles_free(struct tls_profiles **p);

/* Files are read anew, and sessions forgotten: after another configuration. */
void tls_profiles_forget(struct tls_profiles *p);

/* Gives how a server with that profile is asked, lent until the next forgetting; hold it for longer. Errors as
 * of tls_client_new(): it is tried again at the next call, and what is wrong is logged once. */
MUST_CHECK int tls_profiles_get(struct tls_profiles *p, const struct config_tls *profile,
                                struct tls_client **out);

/* Any thread. Says whether a client that asks us is one with that profile: TLS 1.3 (RFC 9103 §7.1), and a certificate
 * with one of its pins, or with its name and from its authority; a profile without any of these asks for TLS
 * alone. */
bool tls_profile_fits(const struct tls_peer *peer, const struct config_tls *profile);

#endif
