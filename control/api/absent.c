/*
 * What clients of PowerDNS may ask for and this server has not: zones that primaries add by
 * themselves, views, caches. To look is answered with the nothing that there is, one
 * thing by its name is not found, and to add one is refused with 501, since nothing would come of it.
 */
#include "control/api/internal.h"
#include "control/api/names.h"
#include "shared/compiler.h"
#include "shared/err.h"

#define SERVER "/api/v1/servers/localhost"

static void serve_none(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 200, json_array());
}

static void serve_not_found(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_error(r, 404, NULL);
}

/* ---- the server's ---- */

static void refuse_autoprimary(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_error(r, 501, "This server does not take zones from primaries");
}

static void refuse_view(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_error(r, 501, "This server has no views: a zone is the same for all");
}

static void serve_views(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 200, json_pack("{s:[]}", "views"));
}

static void serve_networks(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 200, json_pack("{s:[]}", "networks"));
}

/* Answers come from a table that changes with the zones: there is nothing stale to flush. */
static void serve_flush(void *arg, struct http_request *r)
{
	const char *domain = target_parameter(&r->target, "domain");
	uint8_t name[NAME_MAX_LEN];
	struct api_fault fault = {0};

	(void)arg;
	if (api_name_read(domain ? domain : "", name, &fault) < 0)
		http_reply_error(r, fault.status, fault.text);
	else
		http_reply_json(
			r, 200,
			json_pack("{s:i, s:s}", "count", 0, "result", "Flushed cache."));
	api_fault_fini(&fault);
}

void absent_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", SERVER "/autoprimaries", 0, serve_none},
		{"POST", SERVER "/autoprimaries", 0, refuse_autoprimary},
		{"DELETE", SERVER "/autoprimaries/{}/{}", 0, serve_not_found},
		{"GET", SERVER "/views", 0, serve_views},
		{"GET", SERVER "/views/{}", 0, serve_not_found},
		{"POST", SERVER "/views/{}", 0, refuse_view},
		{"DELETE", SERVER "/views/{}/{}", 0, serve_not_found},
		{"GET", SERVER "/networks", 0, serve_networks},
		{"GET", SERVER "/networks/{}/{}", 0, serve_not_found},
		{"PUT", SERVER "/networks/{}/{}", 0, refuse_view},
		{"PUT", SERVER "/cache/flush", 0, serve_flush},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
