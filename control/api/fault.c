#include "control/api/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
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

int api_fault_within(struct api_fault *f, const char *format, ...)
{
	char *inner = f->field;
	char *outer;
	va_list args;

	va_start(args, format);
	if (vasprintf(&outer, format, args) < 0)
		abort();
	va_end(args);
	f->field = outer;
	if (!inner)
		return ERR_REFUSED;
	if (asprintf(&f->field, "%s.%s", outer, inner) < 0)
		abort();
	free(outer);
	free(inner);
	return ERR_REFUSED;
}

void api_fault_in_zone(struct api_fault *f, const char *zone)
{
	must_set_text(&f->zone, zone);
}

int api_refuse_for(struct api_fault *f, int err)
{
	switch (err) {
	case ERR_REFUSED: return api_refuse_plainly(f, 422);
	case ERR_NOTFOUND: return api_refuse_plainly(f, 404);
	case ERR_EXISTS: return api_refuse_plainly(f, 409);
	case ERR_DENIED: return api_refuse_plainly(f, 403);
	case ERR_STALE: return api_refuse(f, 412, "The zone has changed meanwhile");
	case ERR_TOOBIG: return api_refuse(f, 422, "%s", err_text(err));
	case ERR_FULL: return api_refuse(f, 507, "The store is full");
	case ERR_TABLE_FULL: return api_refuse(f, 507, "The response table is full");
	case ERR_TIMEOUT:
		return api_refuse(f, 504, "Stored, but not yet served by every worker");
	case ERR_GONE: return api_refuse(f, 503, "Shutting down");
	default: return api_refuse(f, 500, "%s", err_text(err));
	}
}

void api_fault_fini(struct api_fault *f)
{
	free(f->text);
	free(f->field);
	free(f->zone);
	*f = (struct api_fault){0};
}
