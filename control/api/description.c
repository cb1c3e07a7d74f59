/*
 * What the API says of itself: the description that the build has put into the program, and the table
 * of routes as it is, against which tests hold the description.
 */
#include <string.h>

#include "control/api/internal.h"
#include "control/api/page_files.h"
#include "shared/compiler.h"

static void serve_json(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_constant(r, 200, "application/json", page_openapi_json,
	                    page_openapi_json_size);
}

/* JSON for whoever names it, and does not name YAML before it. */
static bool wants_json(const struct http_request *r)
{
	const char *accept = http_header(r, "Accept");
	const char *json = accept ? strstr(accept, "json") : NULL;
	const char *yaml = accept ? strstr(accept, "yaml") : NULL;

	return json && (!yaml || json < yaml);
}

static void serve_docs(void *arg, struct http_request *r)
{
	if (wants_json(r))
		serve_json(arg, r);
	else
		http_reply_constant(r, 200, "application/yaml", page_openapi_yaml,
		                    page_openapi_yaml_size);
}

static void serve_routes(void *arg, struct http_request *r)
{
	const struct api *a = arg;
	struct router_place at = {0};
	json_t *list = json_array();
	const struct http_route *route;

	while ((route = router_next(http_router(a->server), &at)))
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:b}", "method",
		                                route->method, "path", route->pattern,
		                                "open", (route->flags & HTTP_OPEN) != 0));
	http_reply_json(r, 200, list);
}

void description_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/api/docs", 0, serve_docs},
		{"GET", "/api/anser/v1/openapi.json", HTTP_OPEN, serve_json},
		{"GET", "/api/anser/v1/routes", 0, serve_routes},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
