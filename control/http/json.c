#include "control/http/json.h"

#include <stdio.h>

#include "control/json_depth.h"

static json_t *read(const char *text, size_t len, json_error_t *error)
{
	if (!json_is_too_deep(text, len))
		return json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
		                  error);
	error->line = 0;
	return NULL;
}

json_t *http_json_read(const char *body, size_t len, char *text, size_t text_size)
{
	json_error_t error;
	json_t *value = read(body, len, &error);

	if (!value && !error.line)
		(void)snprintf(text, text_size, "the body is nested too deeply");
	else if (!value)
		(void)snprintf(text, text_size,
		               "the body is not JSON: line %d, column %d: %s", error.line,
		               error.column, error.text);
	return value;
}

json_t *http_json_read_line(const char *line, size_t len, char *text, size_t text_size)
{
	json_error_t error;
	json_t *value = read(line, len, &error);

	if (!value && !error.line)
		(void)snprintf(text, text_size, "the line is nested too deeply");
	else if (!value)
		(void)snprintf(text, text_size, "the line is not JSON: column %d: %s",
		               error.column, error.text);
	return value;
}

char *http_json_write(const json_t *value)
{
	return json_dumps(value, JSON_SORT_KEYS | JSON_ENCODE_ANY);
}
