/*
 * For load balancers and supervisors. /healthz: the control plane's loop turns, which this answer
 * proves. /readyz: queries are answered as they should be: the configured zones have been loaded
 * into the table once, and a data plane that has not stopped looks at it. A control plane that is
 * ending has closed its sockets, so there is no answer for that.
 */
#include "control/api/internal.h"
#include "shared/compiler.h"

static void serve_healthz(void *arg, struct http_request *r)
{
	static const char text[] = "ok\n";

	(void)arg;
	http_reply_constant(r, 200, "text/plain; charset=utf-8", text, sizeof text - 1);
}

/* Gives how many data planes answer from the newest segment. */
static unsigned working_data_planes(struct api *a)
{
	struct attachment_info info[ATTACHMENTS_MAX];
	unsigned n = publisher_attachments(a->publisher, info);
	unsigned working = 0;

	for (unsigned i = 0; i < n; i++)
		working += !info[i].stopped && info[i].holds && info[i].generation;
	return working;
}

static void serve_readyz(void *arg, struct http_request *r)
{
	struct api *a = arg;
	json_t *waits = json_array();

	if (!a->loaded)
		json_array_append_new(waits, json_string("zones are being loaded"));
	if (!working_data_planes(a))
		json_array_append_new(waits, json_string("no data plane is at work"));
	bool ready = json_array_size(waits) == 0;
	http_reply_json(r, ready ? 200 : 503,
	                json_pack("{s:b, s:o}", "ready", ready, "waits_for", waits));
}

void health_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/healthz", HTTP_OPEN, serve_healthz},
		{"GET", "/readyz", HTTP_OPEN, serve_readyz},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
