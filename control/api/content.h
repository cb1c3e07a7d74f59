/*
 * The content of records between PowerDNS's JSON and RDATA.
 *
 * What a client sends must be what it would get back: content is parsed, written again and
 * compared without regard to case, so that relative names, unquoted texts and bad escapes are
 * found out instead of being taken for something else. Types of which several notations are in
 * use (addresses of IPv6, parameters of services) are compared by what they mean.
 */
#ifndef CONTROL_API_CONTENT_H
#define CONTROL_API_CONTENT_H

#include <stdint.h>
#include <stdio.h>

#include "control/api/fault.h"
#include "control/zone/rdata_text.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

/* Work space of one thread for writing contents. */
struct content_writer {
	struct rdata_text *x;
	FILE *to;
	char *text; /* what was written last, up to len */
	size_t room;
	size_t len;
};

void content_writer_init(struct content_writer *w);
void content_writer_fini(struct content_writer *w);

/* Leaves the content in w->text, NUL-terminated; lent until the next call. */
MUST_CHECK int content_write(struct content_writer *w, uint16_t type, struct rdata d);

/* Reads the content of a record; RDATA is in w->x->bytes, w->x->len octets, until the next call.
 * owner and type_text are for the fault. ERR_REFUSED. */
MUST_CHECK int content_read(struct content_writer *w, const char *owner, uint16_t type,
                            const char *text, struct api_fault *f);

#endif
