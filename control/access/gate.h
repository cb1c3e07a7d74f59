/*
 * The gate of the API: who shows which key becomes which actor. A key is looked up in the store
 * with every request, so that one that has just been revoked opens nothing any more.
 */
#ifndef CONTROL_ACCESS_GATE_H
#define CONTROL_ACCESS_GATE_H

#include <stdint.h>
#include <uv.h>

#include "control/access/actor.h"
#include "control/engine.h"
#include "shared/compiler.h"

struct gate;

/* Loop thread, as all that follows. engine is lent for the gate's life. */
MUST_CHECK int gate_open(uv_loop_t *loop, struct engine *engine, struct gate **out);

/* Before the engine is closed. What it knows about the last use of keys is written. */
void gate_close(struct gate **g);

/* Gives for how many seconds an address is locked out yet; 0: it is not. */
unsigned gate_locked(struct gate *g, const uint8_t address[16]);

/* How a request was let in, or why it was not. */
struct gate_answer {
	unsigned status;      /* 0: let in; 401; 429: the address is locked out; 503 */
	unsigned retry_after; /* seconds, with 429 */
};

/* Gives an actor, with a reference for the caller, or NULL. secret: what was shown as a key, or
 * NULL. address: of the client, an IPv4 one as ::ffff:a.b.c.d. */
struct actor *gate_by_secret(struct gate *g, const char *secret,
                             const uint8_t address[16], struct gate_answer *answer);

#endif
