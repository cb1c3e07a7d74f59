/*
 * The target of a request (RFC 9112 §3.2), taken apart: segments of the path, parameters of the
 * query, each percent-decoded on its own, so that an encoded slash stays part of its segment.
 */
#ifndef CONTROL_HTTP_TARGET_H
#define CONTROL_HTTP_TARGET_H

#include <stdbool.h>

#include "shared/compiler.h"

enum { TARGET_SEGMENTS_MAX = 12, TARGET_PARAMETERS_MAX = 32 };

struct target_parameter {
	const char *name;
	const char *value;
};

struct target {
	char *text; /* what the others point into */
	const char *segments[TARGET_SEGMENTS_MAX];
	unsigned segment_count; /* of "/": none */
	struct target_parameter parameters[TARGET_PARAMETERS_MAX];
	unsigned parameter_count;
};

/* raw: as received, in origin form or absolute form. One slash at the end of the path does not
 * count. ERR_SYNTAX: a bad escape, an encoded NUL, what is not UTF-8, neither of the two forms.
 * ERR_TOOBIG: more segments or parameters than fit. */
MUST_CHECK int target_parse(const char *raw, struct target *out);
void target_fini(struct target *t);

/* The value of the first parameter of that name, lent for the target's life, or NULL. */
const char *target_parameter(const struct target *t, const char *name);

/* Whether the parameter is there and says anything but "false": "?dry-run", "?dry-run=true". */
bool target_flag(const struct target *t, const char *name);

#endif
