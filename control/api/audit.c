/* The audit log: docs/CONTROL.md has what an event is. */
#include <stdlib.h>

#include "control/api/call.h"
#include "control/api/resource.h"
#include "control/json_put.h"
#include "control/must.h"
#include "shared/compiler.h"
#include "shared/err.h"

#define AUDIT "/api/anser/v1/audit"
#define LINES "application/x-ndjson"

enum { LINK_MAX = 96 };

/* RFC 8288. What else the query says is the client's to repeat. */
static void link_next(struct http_request *r, const char *path, const json_t *result)
{
	const json_t *next = json_object_get(result, "next");
	char link[LINK_MAX];

	if (!json_is_integer(next))
		return;
	(void)snprintf(link, sizeof link,
	               "<%s?from=%" JSON_INTEGER_FORMAT ">; rel=\"next\"", path,
	               json_integer_value(next));
	http_set_header(r, "Link", link);
}

static void reply_list(struct api *a, struct http_request *r, const json_t *result)
{
	link_next(r, AUDIT, result);
	resource_show(a, r, result);
}

static void serve_list(void *arg, struct http_request *r)
{
	static const char *const numbers[] = {"from", "limit", NULL};
	static const char *const texts[] = {"actor", "tenant", "zone", "what",
	                                    "since", "until",  NULL};
	json_t *args = resource_args(NULL, NULL);

	resource_numbers(r, numbers, args);
	resource_texts(r, texts, args);
	resource_run(arg, r, "audit list", args, reply_list);
}

static void serve_verify(void *arg, struct http_request *r)
{
	static const char *const numbers[] = {"seq", NULL};
	static const char *const texts[] = {"hash", NULL};
	json_t *args = resource_args(NULL, NULL);

	resource_numbers(r, numbers, args);
	resource_texts(r, texts, args);
	resource_run(arg, r, "audit verify", args, resource_show);
}

static void reply_lines(struct api *a, struct http_request *r, const json_t *result)
{
	const json_t *lines = json_object_get(result, "lines");
	char *text = NULL;
	size_t size;
	FILE *to = must_open_text(&text, &size);

	(void)a;
	for (size_t i = 0; i < json_array_size(lines); i++)
		(void)fprintf(to, "%s\n", json_string_value(json_array_get(lines, i)));
	must_close_text(to);
	link_next(r, AUDIT "/export", result);
	http_reply_text(r, 200, LINES, text, size);
}

static int export_work(struct zone_call *c, struct store_txn *t)
{
	const char *from = target_parameter(&c->request->target, "from");

	(void)t;
	c->type = LINES;
	int err = engine_write_audit(c->api->engine, from ? strtoull(from, NULL, 10) : 1,
	                             c->out);
	return err < 0 ? api_refuse(&c->fault, 422, "audit log: %s", err_text(err)) : 0;
}

/* The command has said that this one may see the log, and that the query is good. */
static void reply_all(struct api *a, struct http_request *r, const json_t *result)
{
	(void)result;
	call_begin(a, r, 200, export_work, NULL);
}

static void serve_export(void *arg, struct http_request *r)
{
	static const char *const numbers[] = {"from", "limit", NULL};
	json_t *args = resource_args(NULL, NULL);

	resource_numbers(r, numbers, args);
	bool all = !json_object_get(args, "limit");
	if (all)
		json_put(args, "limit", json_integer(1));
	resource_run(arg, r, "audit export", args, all ? reply_all : reply_lines);
}

void audit_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", AUDIT, 0, serve_list},
		{"GET", AUDIT "/verify", 0, serve_verify},
		{"GET", AUDIT "/export", 0, serve_export},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
