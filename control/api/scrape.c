/* GET /metrics: what Prometheus scrapes, from this machine without a key. */
#include <stdlib.h>
#include <string.h>

#include "control/api/internal.h"
#include "shared/compiler.h"

static void reply_text(struct api *a, struct http_request *r, const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));
	char *copy = text ? strdup(text) : NULL;

	(void)a;
	if (!copy)
		abort();
	http_reply_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", copy,
	                strlen(copy));
}

static void serve_metrics(void *arg, struct http_request *r)
{
	api_run(arg, r, "metrics", NULL, reply_text);
}

void scrape_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/metrics", HTTP_OPEN, serve_metrics},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
