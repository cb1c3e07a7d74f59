/*
 * Members of JSON objects that are always written: what cannot be is a mistake in the program, or
 * the end of memory (control/must.h).
 */
#ifndef CONTROL_JSON_PUT_H
#define CONTROL_JSON_PUT_H

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

/* Takes value. */
static inline void json_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

static inline json_t *json_number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

#endif
