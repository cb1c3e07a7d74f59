/*
 * How deeply JSON from outside may be nested: a limit before the parser, which recurses.
 */
#ifndef CONTROL_JSON_DEPTH_H
#define CONTROL_JSON_DEPTH_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_DEPTH_MAX = 32 };

/* Counts brackets outside of strings. */
static inline bool json_is_too_deep(const char *line, size_t len)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && line[i] == '\\')
			i++;
		else if (line[i] == '"')
			quoted = !quoted;
		else if (!quoted && (line[i] == '[' || line[i] == '{') &&
		         ++depth > JSON_DEPTH_MAX)
			return true;
		else if (!quoted && (line[i] == ']' || line[i] == '}') && depth)
			depth--;
	}
	return false;
}

#endif
