/*
 * Connections to primaries: with TLS to those whose profile asks for it, and never without it then. Loop
 * thread.
 */
#ifndef CONTROL_TRANSFER_CONNECT_H
#define CONTROL_TRANSFER_CONNECT_H

#include "control/net/parts.h"
#include "control/net/stream.h"
#include "control/transfer/source.h"
#include "shared/compiler.h"

/* As stream_make(). What is wrong with a profile is logged: ERR_INVALID, ERR_IO. */
MUST_CHECK int transfer_connect(const struct transfer_parts *p,
                                const struct transfer_source *s,
                                const struct stream_owner *owner, struct stream **out);

/* Of a stream that is up. Gives what keeps it from being one for transfers, for ever, or NULL: nothing. */
const char *transfer_stream_trouble(const struct stream *s);

/* Why nothing could be asked, of an error of question_make() or transfer_connect(); for ever. */
const char *transfer_begin_text(int err);

#endif
