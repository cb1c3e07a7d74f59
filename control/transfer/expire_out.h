/*
 * Answers SOA with the EXPIRE option (RFC 7314), by which a secondary knows for how long what it is given is
 * good: as long as the SOA says, or, of a zone that comes from other servers itself, as long as is left of that.
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_EXPIRE_OUT_H
#define CONTROL_TRANSFER_EXPIRE_OUT_H

#include "control/net/parts.h"

struct expire_out;
struct refresh;

/* Takes DISPATCH_EXPIRE of the parts, which are lent like r, which knows what is left. */
void expire_out_open(const struct transfer_parts *p, const struct refresh *r,
                     struct expire_out **out);

/* Before r, the engine and the dispatcher are closed. *expire becomes NULL. NULL is fine. */
void expire_out_close(struct expire_out **expire);

#endif
