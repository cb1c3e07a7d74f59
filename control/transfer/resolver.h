/*
 * Addresses of servers by name, from the system's resolver. It blocks, and for as long as it likes when the
 * network is away, so it is asked by threads that nobody waits for, two at a time; what it has said is kept
 * for minutes.
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_RESOLVER_H
#define CONTROL_TRANSFER_RESOLVER_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct resolver;

enum { RESOLVED_MAX = 8 };

/* Addresses with port 53, lent for the call; none when the name has none, or nobody knows. */
typedef void resolved_fn(void *arg, const struct sockaddr_storage *addresses,
                         unsigned count);

struct resolver *resolver_open(uv_loop_t *loop);
/* Nobody is called back any more. The loop must run on until it has called back for what is closed. *r becomes NULL.
 * NULL is fine. */
void resolver_close(struct resolver **r);

/* name: in wire form, folded. fn may be called before this returns. */
void resolver_ask(struct resolver *r, const uint8_t *name, resolved_fn *fn, void *arg);

#endif
