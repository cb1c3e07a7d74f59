/* What zones have been, and bringing that back: below /api/anser/v1/zones. */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/api/resource.h"
#include "control/history/revert.h"
#include "control/history/told.h"
#include "control/http/json.h"
#include "control/json_put.h"
#include "control/must.h"
#include "shared/compiler.h"
#include "shared/err.h"

static int refuse(struct zone_call *c, const struct history *h, int err)
{
	unsigned status = err == ERR_SYNTAX ? 400 : 422;
	const json_t *problem = json_array_get(json_object_get(c->result, "problems"), 0);
	const char *rule = json_string_value(json_object_get(problem, "rule"));

	if (err != ERR_REFUSED && err != ERR_SYNTAX)
		return err;
	if (rule && strcmp(rule, "changed-since") == 0)
		status = 409;
	else if (rule && strcmp(rule, "not-yours") == 0)
		status = 403;
	return api_refuse(&c->fault, status, "%s", history_why(h, err));
}

static void write_result(struct zone_call *c)
{
	char *text = must(http_json_write(c->result));

	(void)fputs(text, c->out);
	free(text);
}

static int open_history(struct zone_call *c, struct store_txn *t, struct history *h)
{
	TRY(call_find_zone(c, t));
	call_set_etag(c);
	c->result = json_object();
	return history_open(t, &c->zone, h);
}

/* ---- looking ---- */

static json_t *list_args(const struct http_request *r)
{
	static const char *const numbers[] = {"from", "limit", NULL};
	static const char *const texts[] = {"actor", "since", "until", NULL};
	json_t *args = resource_args(NULL, NULL);

	resource_numbers(r, numbers, args);
	resource_texts(r, texts, args);
	json_put(args, "full", json_boolean(target_flag(&r->target, "full")));
	return args;
}

static json_t *difference_args(const struct http_request *r)
{
	static const char *const numbers[] = {"limit", "after", NULL};
	static const char *const texts[] = {"from", "to", NULL};
	json_t *args = resource_args(NULL, NULL);

	resource_numbers(r, numbers, args);
	resource_texts(r, texts, args);
	return args;
}

static int list_work(struct zone_call *c, struct store_txn *t)
{
	struct history h;

	TRY(open_history(c, t, &h));
	json_t *args = list_args(c->request);
	int err = history_tell_list(&h, args, c->actor, c->result);
	json_decref(args);
	if (err < 0)
		return refuse(c, &h, err);
	write_result(c);
	return 0;
}

static int difference_work(struct zone_call *c, struct store_txn *t)
{
	struct history h;

	TRY(open_history(c, t, &h));
	json_t *args = difference_args(c->request);
	int err = history_tell_difference(&h, args, c->result);
	json_decref(args);
	if (err < 0)
		return refuse(c, &h, err);
	write_result(c);
	return 0;
}

static void serve_list(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, list_work, NULL);
}

static void serve_difference(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, difference_work, NULL);
}

/* ---- going back ---- */

static void report(struct zone_call *c, const struct change *change,
                   const struct change_result *r)
{
	const struct zone_result *z = &r->zones[0];

	json_put(c->result, "changed", json_boolean(z->changed));
	json_put(c->result, "dry_run", json_boolean(change->dry_run));
	json_put(c->result, "change", r->seq ? json_number(r->seq) : json_null());
	json_put(c->result, "old_serial", json_integer(z->old_serial));
	json_put(c->result, "new_serial", json_integer(z->new_serial));
	c->zone.version = z->version;
	call_set_etag(c);
	write_result(c);
}

static int revert_work(struct zone_call *c, struct store_txn *t)
{
	struct history h;

	TRY(open_history(c, t, &h));
	if (!actor_may(c->actor, MAY_EDIT))
		return ERR_DENIED;
	if (!json_is_object(c->request->body))
		return api_refuse(&c->fault, 400, "\"to\" or \"change\" is needed");
	const struct zone_change *z = call_change(c, ZONE_EDIT, "API: revert of a zone");
	c->again = !z->if_version;
	c->report = report;
	int err = revert_make(&h, c->request->body, c->change, c->result);
	return err < 0 ? refuse(c, &h, err) : 0;
}

static void serve_revert(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, revert_work, NULL);
}

void history_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/api/anser/v1/zones/{}/history", 0, serve_list},
		{"GET", "/api/anser/v1/zones/{}/diff", 0, serve_difference},
		{"POST", "/api/anser/v1/zones/{}/revert", HTTP_JSON, serve_revert},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
