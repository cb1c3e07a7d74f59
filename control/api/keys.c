/* API keys: docs/CONTROL.md has the members of each. */
#include "control/api/resource.h"
#include "control/json_put.h"
#include "shared/compiler.h"

#define KEYS "/api/anser/v1/keys"

enum { KEY_SEGMENT = 4 };

static const char *key_of(const struct http_request *r)
{
	return r->target.segments[KEY_SEGMENT];
}

static void serve_list(void *arg, struct http_request *r)
{
	resource_run(arg, r, "key list", resource_args(NULL, NULL), resource_show);
}

static void reply_created(struct api *a, struct http_request *r, const json_t *result)
{
	char location[64];

	(void)snprintf(location, sizeof location, KEYS "/%s",
	               json_string_value(json_object_get(result, "id")));
	http_set_header(r, "Location", location);
	resource_created(a, r, result);
}

static void serve_create(void *arg, struct http_request *r)
{
	json_t *args = resource_body(r);

	if (args)
		resource_run(arg, r, "key create", args, reply_created);
}

static void serve_show(void *arg, struct http_request *r)
{
	resource_run(arg, r, "key show", resource_args("key", key_of(r)), resource_show);
}

static void change_key(struct api *a, struct http_request *r, const char *command)
{
	json_t *args = resource_body(r);

	if (!args)
		return;
	json_put(args, "key", json_string(key_of(r)));
	resource_run(a, r, command, args, resource_show);
}

static void serve_change(void *arg, struct http_request *r)
{
	change_key(arg, r, "key set");
}

static void serve_grants(void *arg, struct http_request *r)
{
	change_key(arg, r, "key grant");
}

static void serve_revoke(void *arg, struct http_request *r)
{
	resource_run(arg, r, "key revoke", resource_args("key", key_of(r)),
	             resource_show);
}

void keys_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", KEYS, 0, serve_list},
		{"POST", KEYS, HTTP_JSON, serve_create},
		{"GET", KEYS "/{}", 0, serve_show},
		{"PATCH", KEYS "/{}", HTTP_JSON, serve_change},
		{"DELETE", KEYS "/{}", 0, serve_revoke},
		{"PUT", KEYS "/{}/grants", HTTP_JSON, serve_grants},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
