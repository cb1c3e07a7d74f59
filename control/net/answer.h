/*
 * Bursts of queries answered inside the control plane, for whatever transport they came by.
 */
#ifndef CONTROL_NET_ANSWER_H
#define CONTROL_NET_ANSWER_H

#include "control/engine.h"
#include "dataplane/respond/respond.h"
#include "shared/compiler.h"

/* Loop thread, a registered RCU reader that is offline. Answers the whole burst, n <= BURST_MAX,
 * from one table that nobody can free meanwhile. Says whether there is a table yet. */
MUST_CHECK bool answer_burst(struct responder *responder,
                             const struct table_source *source, struct pkt pkts[],
                             unsigned n);

#endif
