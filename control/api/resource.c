#include "control/api/resource.h"

#include <stdlib.h>
#include <string.h>

#include "control/json_put.h"

enum { DIGITS_MAX = 18 }; /* fit a number of JSON */

json_t *resource_args(const char *name, const char *text)
{
	json_t *args = json_object();

	if (name)
		json_put(args, name, json_string(text));
	return args;
}

json_t *resource_body(struct http_request *r)
{
	if (json_is_object(r->body))
		return json_copy(r->body);
	http_reply_error(r, 400, "the body must be a JSON object");
	return NULL;
}

static json_t *number_of(const char *text)
{
	size_t len = strlen(text);

	if (len > 0 && len <= DIGITS_MAX && strspn(text, "0123456789") == len)
		return json_integer(strtoll(text, NULL, 10));
	return json_string(text);
}

void resource_texts(const struct http_request *r, const char *const names[], json_t *args)
{
	for (size_t i = 0; names[i]; i++) {
		const char *text = target_parameter(&r->target, names[i]);
		if (text)
			json_put(args, names[i], json_string(text));
	}
}

void resource_numbers(const struct http_request *r, const char *const names[],
                      json_t *args)
{
	for (size_t i = 0; names[i]; i++) {
		const char *text = target_parameter(&r->target, names[i]);
		if (text)
			json_put(args, names[i], number_of(text));
	}
}

void resource_run(struct api *a, struct http_request *r, const char *command,
                  json_t *args, api_reply *reply)
{
	api_run_on_path(a, r, command, args, reply);
	json_decref(args);
}

void resource_show(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	http_reply_json(r, 200, json_deep_copy(result));
}

void resource_created(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	http_reply_json(r, 201, json_deep_copy(result));
}

void resource_gone(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	(void)result;
	http_reply_json(r, 204, NULL);
}
