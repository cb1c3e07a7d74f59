/*
 * Transactions as a stream: a line each (transaction.h), done in order and answered in order, by a
 * line each, while further ones come.
 */
#ifndef CONTROL_API_BATCH_STREAM_H
#define CONTROL_API_BATCH_STREAM_H

#include "control/api/internal.h"

/* Loop thread. Takes on a request whose body is of lines. */
void batch_stream_begin(struct api *a, struct http_request *r);

#endif
