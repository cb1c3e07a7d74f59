/*
 * Answers from spools (control/spool/spool.h).
 */
#ifndef CONTROL_HTTP_SPOOLED_H
#define CONTROL_HTTP_SPOOLED_H

#include "control/http/http.h"
#include "control/spool/spool.h"

/* Loop thread. Answers with it; s is taken. type: a media type, lent for ever. The client has the
 * server's timeout for each 64 KiB of a long one. */
void http_reply_spool(struct http_request *r, unsigned status, const char *type,
                      struct spool *s);

#endif
