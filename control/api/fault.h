/*
 * Why a request cannot be done: a status and a text. The texts are what clients of PowerDNS know,
 * some by heart, so they are not polished.
 */
#ifndef CONTROL_API_FAULT_H
#define CONTROL_API_FAULT_H

#include "shared/compiler.h"

struct api_fault {
	unsigned status; /* of HTTP; 0: nothing is wrong */
	char *text;      /* owned; NULL: the usual text of the status */
	char *field; /* owned; what of the request it is about, "rrsets[2].ttl"; or NULL */
	char *zone;  /* owned; which of several zones it is about; or NULL */
};

/* Fills in what is wrong, unless something was before. Gives ERR_REFUSED. */
int api_refuse(struct api_fault *f, unsigned status, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The same without a text. */
int api_refuse_plainly(struct api_fault *f, unsigned status);

/* Says in which part of the body the field is that has been said so far: "rrsets[2]" around "ttl".
 * Gives ERR_REFUSED. */
int api_fault_within(struct api_fault *f, const char *format, ...) PRINTF_LIKE(2, 3);

/* Says which zone it is about; NULL: that is not known. */
void api_fault_in_zone(struct api_fault *f, const char *zone);

/* What an error of a change or of the store means to the client. */
int api_refuse_for(struct api_fault *f, int err);

void api_fault_fini(struct api_fault *f);

#endif
