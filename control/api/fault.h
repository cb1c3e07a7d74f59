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
};

/* Fills in what is wrong, unless something was before. Gives ERR_REFUSED. */
int api_refuse(struct api_fault *f, unsigned status, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The same without a text. */
int api_refuse_plainly(struct api_fault *f, unsigned status);

void api_fault_fini(struct api_fault *f);

#endif
