/* Tenants, and which zones are theirs: docs/CONTROL.md. */
#include <string.h>

#include "control/api/names.h"
#include "control/api/resource.h"
#include "control/json_put.h"
#include "shared/compiler.h"
#include "shared/name.h"

#define TENANTS "/api/anser/v1/tenants"

enum { TENANT_SEGMENT = 4, ZONE_SEGMENT = 6 };

static const char *tenant_of(const struct http_request *r)
{
	return r->target.segments[TENANT_SEGMENT];
}

static void serve_list(void *arg, struct http_request *r)
{
	resource_run(arg, r, "tenant list", resource_args(NULL, NULL), resource_show);
}

static void reply_one(struct api *a, struct http_request *r, const json_t *result)
{
	const json_t *list = json_object_get(result, "tenants");

	resource_show(a, r, json_array_get(list, 0));
}

static void serve_show(void *arg, struct http_request *r)
{
	resource_run(arg, r, "tenant list", resource_args("tenant", tenant_of(r)),
	             reply_one);
}

/* Gives the member "name" of the body, or NULL after an answer. */
static const char *name_in_body(struct http_request *r)
{
	const char *name = json_string_value(json_object_get(r->body, "name"));

	if (!name)
		http_reply_error(r, 400, "\"name\" must be a text");
	return name;
}

static void serve_add(void *arg, struct http_request *r)
{
	const char *name = name_in_body(r);

	if (name)
		resource_run(arg, r, "tenant add", resource_args("tenant", name),
		             resource_created);
}

static void serve_rename(void *arg, struct http_request *r)
{
	const char *name = name_in_body(r);
	json_t *args = resource_args("tenant", tenant_of(r));

	if (name) {
		json_put(args, "to", json_string(name));
		resource_run(arg, r, "tenant rename", args, resource_show);
	} else {
		json_decref(args);
	}
}

static void serve_remove(void *arg, struct http_request *r)
{
	resource_run(arg, r, "tenant remove", resource_args("tenant", tenant_of(r)),
	             resource_gone);
}

/* member: whether the path's tenant is the one that gets the zone or the one that has it. */
static void assign(struct api *a, struct http_request *r, const char *member)
{
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	if (api_zone_from_id(r->target.segments[ZONE_SEGMENT], name) < 0) {
		http_reply_error(r, 404, NULL);
		return;
	}
	json_t *args = resource_args(member, tenant_of(r));
	json_put(args, "zone", json_string(name_to_text(name, text)));
	resource_run(a, r, "tenant assign", args, resource_gone);
}

static void serve_assign(void *arg, struct http_request *r)
{
	assign(arg, r, "tenant");
}

static void serve_release(void *arg, struct http_request *r)
{
	assign(arg, r, "from");
}

void tenants_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", TENANTS, 0, serve_list},
		{"POST", TENANTS, HTTP_JSON, serve_add},
		{"GET", TENANTS "/{}", 0, serve_show},
		{"PATCH", TENANTS "/{}", HTTP_JSON, serve_rename},
		{"DELETE", TENANTS "/{}", 0, serve_remove},
		{"PUT", TENANTS "/{}/zones/{}", 0, serve_assign},
		{"DELETE", TENANTS "/{}/zones/{}", 0, serve_release},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
