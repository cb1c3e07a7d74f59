/* What the files of this directory share, and nobody else includes. */
#ifndef CONTROL_TLS_INTERNAL_H
#define CONTROL_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "control/tls/client.h"
#include "control/tls/link.h"
#include "control/tls/server.h"
#include "control/tls/trust.h"

/* Of ALPN, RFC 7858 and IANA's registry. */
#define TLS_ALPN_DOT "\3dot"
enum { TLS_ALPN_DOT_SIZE = sizeof TLS_ALPN_DOT - 1 };

/* What holds for either side. NULL: OpenSSL does not give one. */
SSL_CTX *tls_context_new(const SSL_METHOD *method, int least_version);

/* Shows the other side this certificate, with those behind it. false: OpenSSL does not take them. */
bool tls_context_use(SSL_CTX *c, const struct tls_identity *identity);

/* Writes the reason for OpenSSL's last failure, and forgets it. */
void tls_say_failure(const char *what, char *text, size_t text_size);

/* Give an object for one connection, or NULL. */
SSL *tls_server_session(struct tls_server *s);
SSL *tls_client_session(struct tls_client *c);

/* Gives what a client has proved, or NULL: nothing. text: why no rule knows its certificate, or empty. */
struct tls_proof *tls_server_judge(const struct tls_server *s, SSL *ssl,
                                   const struct tls_peer *peer, char *text,
                                   size_t text_size);
struct tls_proof *tls_trust_judge(const struct tls_trust *t, SSL *ssl,
                                  const struct tls_peer *peer, char *text,
                                  size_t text_size);

/* Of what a client has proved. Any thread. Gives p, which may be NULL. */
struct tls_proof *tls_proof_hold(struct tls_proof *p);
/* Takes; NULL is fine. */
void tls_proof_release(struct tls_proof **p);
/* Whether it has a certificate from that authority with that name. p may be NULL. */
bool tls_proof_has(const struct tls_proof *p, const char *ca, const char *host);

/* Whether the other side is one that the client accepts. peer: with its pin. */
bool tls_client_accepts(const struct tls_client *c, const SSL *ssl,
                        const struct tls_peer *peer);
/* Whether that says anything. */
bool tls_client_verifies(const struct tls_client *c);

/* Whether a name is asked for. */
bool tls_client_has_name(const struct tls_client *c);

/* Whether one of pins, as texts with blanks between, is that one. */
bool tls_pins_have(const char *pins, const uint8_t pin[static TLS_PIN_SIZE]);

/* Notes the session of a connection that ends, for the next one. */
void tls_client_keep(struct tls_client *c, SSL *ssl);

#endif
