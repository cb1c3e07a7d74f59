/*
 * What clients of PowerDNS may ask for and this server has not: keys that sign zones, transfers
 * with whatever begins them, views, caches. To look is answered with the nothing that there is, one
 * thing by its name is not found, and to add one is refused with 501, since nothing would come of it.
 */
#include "control/api/call.h"
#include "control/api/names.h"
#include "shared/compiler.h"
#include "shared/err.h"

#define SERVER "/api/v1/servers/localhost"
#define KEYS   SERVER "/zones/{}/cryptokeys"

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

/* ---- keys of zones ---- */

static int keys_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	(void)fputs("[]", c->out);
	return 0;
}

static void serve_keys(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, keys_work, NULL);
}

static int new_key_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	return api_refuse(&c->fault, 501,
	                  "This server does not sign zones: load them signed instead");
}

static void refuse_key(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, new_key_work, NULL);
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
		{"GET", KEYS, 0, serve_keys},
		{"POST", KEYS, 0, refuse_key},
		{"GET", KEYS "/{}", 0, serve_not_found},
		{"PUT", KEYS "/{}", 0, serve_not_found},
		{"DELETE", KEYS "/{}", 0, serve_not_found},
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
