#include "control/api/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/api/names.h"
#include "control/api/transaction.h"
#include "control/must.h"
#include "control/pool.h"
#include "control/presign.h"
#include "shared/err.h"

/* Where the zone stands in paths, in PowerDNS's and in those of Anser's own. */
enum { ZONE_SEGMENT = 5, OWN_ZONE_SEGMENT = 4, TRIES_MAX = 30, NO_CONTENT = 204 };

static void etag_of(const struct zone_call *c, char text[static CALL_HEADER_MAX])
{
	(void)snprintf(text, CALL_HEADER_MAX, "\"%" PRIu32 "-%" PRIu64 "\"", c->zone.id,
	               c->zone.version);
}

/* ---- the end ---- */

static void call_free(struct zone_call *c)
{
	struct api *a = c->api;

	spool_free(c->spool);
	free(c->link);
	json_decref(c->result);
	free(c->if_match);
	change_free(&c->change);
	api_fault_fini(&c->fault);
	actor_release(&c->actor);
	config_release(c->config);
	free(c);
	api_leave(a);
}

static void set_headers(struct zone_call *c)
{
	char number[16];

	if (c->etag[0])
		http_set_header(c->request, "ETag", c->etag);
	if (c->link)
		http_set_header(c->request, "Link", c->link);
	if (!c->serial_changed)
		return;
	(void)snprintf(number, sizeof number, "%" PRIu32, c->old_serial);
	http_set_header(c->request, "X-PDNS-Old-Serial", number);
	(void)snprintf(number, sizeof number, "%" PRIu32, c->new_serial);
	http_set_header(c->request, "X-PDNS-New-Serial", number);
}

static void answer(struct zone_call *c)
{
	int err = spool_end(c->spool);

	if (err == ERR_LIMITED)
		(void)api_refuse(&c->fault, 503, "Too many large answers at once");
	else if (err < 0)
		(void)api_refuse(&c->fault, 507, "There is no room for the answer");
	if (c->fault.status) {
		http_reply_error_at(c->request, c->fault.status, c->fault.text,
		                    c->shows_field ? c->fault.field : NULL);
	} else {
		set_headers(c);
		if (c->status == NO_CONTENT) {
			http_reply_json(c->request, c->status, NULL);
		} else {
			http_reply_spool(c->request, c->status, c->type, c->spool);
			c->spool = NULL;
		}
	}
	call_free(c);
}

/* ---- steps ---- */

static int run_then(struct store_txn *t, void *arg)
{
	struct zone_call *c = arg;

	return c->then(c, t);
}

static void on_then(void *arg, int err)
{
	struct zone_call *c = arg;

	if (err < 0)
		(void)api_refuse_for(&c->fault, err);
	answer(c);
}

/* Says what a change that was only tried would have done. */
static void write_trial(struct zone_call *c, const struct change_result *r)
{
	const struct zone_result *z = &r->zones[0];

	rewind(c->out); /* what the change would have been answered with */
	c->status = 200;
	c->type = "application/json";
	(void)fprintf(c->out,
	              "{\"changed\": %s, \"dry_run\": true, \"new_serial\": %" PRIu32
	              ", \"old_serial\": %" PRIu32 "}",
	              z->changed ? "true" : "false", z->new_serial, z->old_serial);
}

static void take_result(struct zone_call *c, const struct change *change,
                        const struct change_result *r)
{
	if (r->err < 0)
		transaction_refuse(change, r, &c->fault);
	else if (c->report)
		c->report(c, change, r);
	else if (change->dry_run && r->zone_count)
		write_trial(c, r);
	if (r->err < 0 || c->report || change->dry_run || !r->zone_count)
		return;
	c->old_serial = r->zones[0].old_serial;
	c->new_serial = r->zones[0].new_serial;
	c->serial_changed = c->old_serial != c->new_serial;
	c->zone.id = r->zones[0].id;
	c->zone.version = r->zones[0].version;
	if (change->zones[0].kind != ZONE_REMOVE)
		call_set_etag(c);
}

static int run_work(struct store_txn *t, void *arg)
{
	struct zone_call *c = arg;

	return c->work(c, t);
}

static void on_work(void *arg, int err);

static bool try_again(struct zone_call *c, const struct change_result *r)
{
	if (r->err != ERR_STALE || !c->again || ++c->tries > TRIES_MAX)
		return false;
	json_decref(c->result);
	c->result = NULL;
	engine_read(c->api->engine, run_work, on_work, c);
	return true;
}

static void on_changed(void *arg, const struct change *change,
                       const struct change_result *r)
{
	struct zone_call *c = arg;
	bool trial = change->dry_run;

	if (try_again(c, r))
		return;
	take_result(c, change, r);
	if (c->then && !c->fault.status && !trial)
		engine_read(c->api->engine, run_then, on_then, c);
	else
		answer(c);
}

static void presign_work(void *arg)
{
	struct zone_call *c = arg;

	presign_change(c->api->engine, c->change);
}

static void on_presigned(void *arg, bool ran)
{
	struct zone_call *c = arg;

	(void)ran; /* the change will not be made either */
	engine_change(c->api->engine, &c->change, on_changed, c);
}

static void on_work(void *arg, int err)
{
	struct zone_call *c = arg;

	if (err < 0)
		(void)api_refuse_for(&c->fault, err);
	if (!c->change || c->fault.status)
		answer(c);
	else if (presign_is_wanted(c->change))
		pool_run(c->api->engine, presign_work, on_presigned, c);
	else
		engine_change(c->api->engine, &c->change, on_changed, c);
}

void call_begin(struct api *a, struct http_request *r, unsigned status, zone_work *work,
                zone_work *then)
{
	struct zone_call *c = must(calloc(1, sizeof *c));
	const char *accept = http_header(r, "Accept");

	*c = (struct zone_call){
		.api = a,
		.request = r,
		.actor = actor_hold(r->actor),
		.config = engine_config(a->engine),
		.work = work,
		.then = then,
		.wants_json = accept && strcasestr(accept, "application/json"),
		.status = status,
		.type = "application/json",
	};
	must_set_text(&c->if_match, http_header(r, "If-Match"));
	c->spool = spool_new(a->config->store);
	c->out = spool_writer(c->spool);
	api_enter(a);
	engine_read(a->engine, run_work, on_work, c);
}

/* ---- for work ---- */

int call_name_zone(struct zone_call *c)
{
	const struct target *t = &c->request->target;
	bool own = t->segment_count > 1 && strcmp(t->segments[1], "anser") == 0;
	unsigned at = own ? OWN_ZONE_SEGMENT : ZONE_SEGMENT;

	if (t->segment_count <= at || api_zone_from_id(t->segments[at], c->name) < 0)
		return api_refuse_plainly(&c->fault, 404);
	return 0;
}

int call_find_zone(struct zone_call *c, struct store_txn *t)
{
	TRY(call_name_zone(c));
	TRY(store_zone_get(t, c->name, &c->zone));
	if (!actor_sees(c->actor, c->name, c->zone.attrs.tenant))
		return ERR_NOTFOUND;
	return 0;
}

/* One of a list, compared strongly: a weak one is none of ours (RFC 9110 §8.8.3.2). */
static bool names_version(const char *list, const char *own)
{
	for (const char *at = strstr(list, own); at; at = strstr(at + 1, own))
		if (at == list || at[-1] != '/')
			return true;
	return false;
}

/* If-Match: the version that the client has seen, RFC 9110 §13.1.1. */
static uint64_t wanted_version(const struct zone_call *c)
{
	char own[CALL_HEADER_MAX];

	if (!c->if_match || strcmp(c->if_match, "*") == 0)
		return 0;
	etag_of(c, own);
	/* What no zone has; and the commit looks again whether it is still this one. */
	return names_version(c->if_match, own) ? c->zone.version : UINT64_MAX;
}

void call_new_change(struct zone_call *c, const char *why)
{
	const char *wait = target_parameter(&c->request->target, "wait");

	c->change = change_new(c->actor);
	c->change->why = change_text(c->change, why);
	c->change->dry_run = api_is_trial(c->request);
	c->change->wait_visible = !wait || strcmp(wait, "stored") != 0;
	c->change->timeout_ms = CALL_VISIBLE_MS;
}

struct zone_change *call_change(struct zone_call *c, enum zone_change_kind kind,
                                const char *why)
{
	call_new_change(c, why);
	struct zone_change *z = change_zone(c->change, kind, c->name);
	z->if_version = wanted_version(c);
	return z;
}

int call_flag(struct zone_call *c, const char *name, bool *out)
{
	const char *value = target_parameter(&c->request->target, name);

	if (!value)
		return 0;
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return api_refuse(&c->fault, 422,
		                  "'%s' request parameter value '%s' is not supported",
		                  name, value);
	*out = value[0] == 't';
	return 0;
}

void call_set_etag(struct zone_call *c)
{
	etag_of(c, c->etag);
}
