/*
 * Class CHAOS: who answers here. TXT at id.server. and hostname.bind. (RFC 4892), version.bind.
 * and version.server.; anything else, and whatever the operator left empty, is REFUSED.
 */
#ifndef DATAPLANE_RESPOND_CHAOS_H
#define DATAPLANE_RESPOND_CHAOS_H

#include "dataplane/respond/emit.h"
#include "dataplane/respond/query.h"
#include "shared/table.h"

/* Appends the answer to e. Gives the rcode. */
enum rcode chaos_answer(struct emit *e, const struct query *q,
                        const struct table_settings *settings);

#endif
