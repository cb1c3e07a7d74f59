/*
 * What the workers of data planes could not answer: taken from their rings (shared/punt.h) as requests for
 * the dispatcher, whose answers go down to the same worker and leave by the way they came.
 *
 * A data plane may have been taken over by whoever sends it packets, and packets have any address. So nothing
 * here believes what is in a ring, only so much is taken in a turn of the loop, and few requests are under way
 * at a time; what waits in the rings beyond that is lost to its sender, and counted by the worker. All on the
 * loop's thread.
 */
#ifndef CONTROL_NET_PUNTED_H
#define CONTROL_NET_PUNTED_H

#include <uv.h>

#include "control/net/dispatch.h"
#include "control/publish/publisher.h"
#include "shared/compiler.h"
#include "shared/counters.h"

struct punted;

/* All are lent for its life. counters: where this side counts. ERR_NOMEM, ERR_SYSTEM. */
MUST_CHECK int punted_open(uv_loop_t *loop, struct publisher *publisher,
                           struct dispatch *dispatch, struct counters *counters,
                           struct punted **out);

/* Requests under way have no way back any more. The loop must run on until it has called back for the closed
 * handle. */
void punted_close(struct punted **p);

#endif
