/* The configuration over HTTP: what is in effect, options set one by one, and the file read again. */
#include "control/api/resource.h"
#include "shared/compiler.h"

#define CONFIG "/api/anser/v1/config"

static void reply_settings(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	http_reply_json(
		r, 200,
		json_pack("{s:O}", "settings", json_object_get(result, "settings")));
}

static void serve_settings(void *arg, struct http_request *r)
{
	resource_run(arg, r, "conf show", NULL, reply_settings);
}

/* An object of options; null lets the file say again what one is. */
static void change_settings(void *arg, struct http_request *r)
{
	resource_run(
		arg, r, "conf set",
		json_pack("{s:O, s:b}", "values", r->body, "dry_run", api_is_trial(r)),
		resource_show);
}

static void reload(void *arg, struct http_request *r)
{
	resource_run(arg, r, "conf reload",
	             json_pack("{s:b}", "dry_run", api_is_trial(r)), resource_show);
}

void configuration_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", CONFIG, 0, serve_settings},
		{"PATCH", CONFIG, HTTP_JSON, change_settings},
		{"POST", CONFIG "/reload", 0, reload},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
