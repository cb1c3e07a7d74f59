#include "control/api/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/err.h"

int api_refuse(struct api_fault *f, unsigned status, const char *format, ...)
{
	va_list args;

	if (f->status)
		return ERR_REFUSED;
	f->status = status;
	va_start(args, format);
	if (vasprintf(&f->text, format, args) < 0)
		abort();
	va_end(args);
	return ERR_REFUSED;
}

int api_refuse_plainly(struct api_fault *f, unsigned status)
{
	if (!f->status)
		f->status = status;
	return ERR_REFUSED;
}

void api_fault_fini(struct api_fault *f)
{
	free(f->text);
	*f = (struct api_fault){0};
}
