#include "control/http/json.h"

#include <stdio.h>

#include "control/json_depth.h"

json_t *http_json_read(const char *body, size_t len, char *text, size_t text_size)
{
	json_error_t error;

	if (json_is_too_deep(body, len)) {
		(void)snprintf(text, text_size, "the body is nested too deeply");
		return NULL;
	}
	json_t *value =
		json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value)
		(void)snprintf(text, text_size,
		               "the body is not JSON: line %d, column %d: %s", error.line,
		               error.column, error.text);
	return value;
}

char *http_json_write(const json_t *value)
{
	return json_dumps(value, JSON_SORT_KEYS | JSON_ENCODE_ANY);
}
