/*
 * Our side of TLS towards clients: the certificate, and what they may do. Sessions are resumed by tickets,
 * under keys that change every hour and are never written anywhere (RFC 5077, RFC 8446 §2.2). There are no
 * early data, and no renegotiation.
 *
 * A client is asked for its certificate where a rule goes by that, and may have none.
 */
#ifndef CONTROL_TLS_SERVER_H
#define CONTROL_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "control/tls/identity.h"
#include "control/tls/trust.h"
#include "shared/compiler.h"

struct tls_server;

/* trust: by whose certificates clients are known; held. ERR_INVALID, with what is wrong as text; ERR_NOMEM. */
MUST_CHECK int tls_server_new(const struct tls_identity *identity,
                              struct tls_trust *trust, struct tls_server **out,
                              char *text, size_t text_size);

/* Says whether s has that certificate: then it may as well be kept, and with it its ticket keys. */
bool tls_server_has(const struct tls_server *s, const struct tls_identity *identity);

/* When its certificate expires, s since 1970. */
int64_t tls_server_ends(const struct tls_server *s);

/* Gives s. */
struct tls_server *tls_server_hold(struct tls_server *s);
/* Takes; NULL is fine. */
void tls_server_release(struct tls_server **s);

#endif
