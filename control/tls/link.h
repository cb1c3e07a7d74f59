/*
 * TLS between two memories, with no socket: what the other side has sent is fed in and read in clear, what
 * is written in clear comes out to be sent. For both sides of a connection alike.
 *
 * An idle link holds no buffers. One thread at a time.
 */
#ifndef CONTROL_TLS_LINK_H
#define CONTROL_TLS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/tls/certificate.h"
#include "control/tls/figures.h"
#include "shared/compiler.h"

struct tls_client;
struct tls_link;
struct tls_proof;
struct tls_server;

enum { TLS_TEXT_SIZE = 160 };

/* What is known of the other side, once the handshake is done. */
struct tls_peer {
	uint16_t version;          /* 0x0303 is TLS 1.2, 0x0304 is TLS 1.3 */
	bool dot;                  /* both have agreed on DNS over TLS, by ALPN */
	bool resumed;              /* an earlier session */
	bool verified;             /* it is who our client was to ask */
	bool has_pin;              /* it has shown a certificate */
	uint8_t pin[TLS_PIN_SIZE]; /* tls_pin_of() it */
	struct tls_proof *proof;   /* whose name a client has proved to have; or NULL */
};

/* A copy for another thread, or for longer than the link. */
void tls_peer_init(struct tls_peer *p, const struct tls_peer *from);
void tls_peer_fini(struct tls_peer *p);

/* Takes octets that are to be sent, copied. 0, or what is given on by the call that led to it. */
typedef int tls_put(void *arg, const void *octets, size_t n);

/* Of one of the two, which the link holds. put is not called from here. ERR_NOMEM. */
MUST_CHECK int tls_link_to_client(struct tls_server *server, tls_put *put, void *arg,
                                  struct tls_link **out);
MUST_CHECK int tls_link_to_server(struct tls_client *client, tls_put *put, void *arg,
                                  struct tls_link **out);
/* NULL is fine. */
void tls_link_free(struct tls_link **l);

/* Octets of the other side, lent until nothing more is read from them, or until the next call. */
void tls_link_feed(struct tls_link *l, const void *octets, size_t n);

/* Goes on with the handshake; of a client the first call begins it. 0: it is done. ERR_BUSY: more has to come.
 * ERR_REFUSED: it has failed, tls_link_trouble() says why, and what was put tells the other side. */
MUST_CHECK int tls_link_handshake(struct tls_link *l);

/* After the handshake. Gives how many octets were read; 0: no more for now. ERR_GONE: the other side has said
 * that this was all. ERR_CORRUPT. */
MUST_CHECK ssize_t tls_link_read(struct tls_link *l, void *to, size_t room);

/* After the handshake. All or nothing. ERR_CORRUPT, ERR_NOMEM: nothing can be written any more. */
MUST_CHECK int tls_link_write(struct tls_link *l, const void *from, size_t n);

/* Says that this was all. */
void tls_link_finish(struct tls_link *l);

const struct tls_peer *tls_link_peer(const struct tls_link *l);

/* Of a handshake that has failed: what is to be counted. */
enum tls_failure tls_link_failure(const struct tls_link *l);

/* Of a client, when the configuration is another one: its certificate is judged anew. */
void tls_link_judge(struct tls_link *l);

/* A text for people, lent as long as the link; of a client whose handshake is done: why no rule knows the
 * certificate that it has shown, or empty. */
const char *tls_link_trouble(const struct tls_link *l);

#endif
