/*
 * Zones as clients of PowerDNS see and handle them: the routes, and those that only look.
 */
#include "control/api/zones.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/api/names.h"
#include "control/api/zone_json.h"
#include "control/must.h"
#include "control/zone/zonefile.h"
#include "shared/compiler.h"
#include "shared/err.h"
#include "shared/rrtype.h"

#define ZONES "/api/v1/servers/localhost/zones"

/* ---- the list ---- */

/* What of the list is wanted, and how far it has got. */
struct listing {
	struct zone_call *call;
	struct store_txn *txn;
	bool dnssec;
	const char *account;
	const char *part; /* of the name */
	uint8_t after[NAME_MAX_LEN];
	bool has_after;
	size_t most; /* 0: all */
	size_t count;
	uint8_t last[NAME_MAX_LEN];
	bool more;
};

static bool is_listed(const struct listing *l, const struct store_zone *z)
{
	char name[NAME_TEXT_MAX];

	if (l->account && strcmp(l->account, z->attrs.account) != 0)
		return false;
	if (l->part && !strcasestr(name_to_text(z->name, name), l->part))
		return false;
	return actor_sees(l->call->actor, z->name, z->attrs.tenant);
}

static int list_zone(const struct store_zone *z, void *arg)
{
	struct listing *l = arg;

	if (!is_listed(l, z))
		return 0;
	if (l->most && l->count == l->most) {
		l->more = true;
		return 1;
	}
	(void)fputs(l->count++ ? ", " : "", l->call->out);
	const struct zone_json_source source = {l->txn, l->call->config,
	                                        engine_marks(l->call->api->engine)};
	TRY(zone_json_summary(l->call->out, &source, z, l->dnssec));
	memcpy(l->last, z->name, sizeof l->last);
	return 0;
}

static int list_one(struct listing *l, const char *text)
{
	struct store_zone z;
	uint8_t name[NAME_MAX_LEN];

	TRY(api_name_read(text, name, &l->call->fault));
	int err = store_zone_get(l->txn, name, &z);
	if (err == 0)
		err = list_zone(&z, l);
	return err == ERR_NOTFOUND ? 0 : err;
}

static int read_page(struct listing *l)
{
	const struct target *t = &l->call->request->target;
	const char *limit = target_parameter(t, "limit");
	const char *cursor = target_parameter(t, "cursor");
	char *end = NULL;

	l->account = target_parameter(t, "account");
	l->part = target_parameter(t, "name");
	if (limit) {
		unsigned long n = strtoul(limit, &end, 10);
		if (*end || n == 0 || n > 1000000)
			return api_refuse(&l->call->fault, 422,
			                  "'limit' must be a number from 1 to 1000000");
		l->most = n;
	}
	l->has_after = cursor != NULL;
	if (cursor && api_zone_from_id(cursor, l->after) < 0)
		return api_refuse(&l->call->fault, 422, "'cursor' must be a zone id");
	return 0;
}

/* RFC 8288. The parameters that filter are the client's to repeat. */
static void link_next(struct listing *l)
{
	char id[API_ID_MAX];

	if (l->more &&
	    asprintf(&l->call->link, "<" ZONES "?limit=%zu&cursor=%s>; rel=\"next\"",
	             l->most, api_zone_id(l->last, id)) < 0)
		abort();
}

static int list_work(struct zone_call *c, struct store_txn *t)
{
	struct listing l = {.call = c, .txn = t, .dnssec = true};
	const char *zone = target_parameter(&c->request->target, "zone");

	TRY(call_flag(c, "dnssec", &l.dnssec));
	TRY(read_page(&l));
	(void)putc('[', c->out);
	int err = zone ? list_one(&l, zone)
	               : store_zone_each(t, l.has_after ? l.after : NULL, list_zone, &l);
	if (err < 0)
		return err;
	(void)putc(']', c->out);
	link_next(&l);
	return 0;
}

static void serve_list(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, list_work, NULL);
}

/* ---- one zone ---- */

static int read_filter(struct zone_call *c, struct rrset_filter *f,
                       uint8_t owner[static NAME_MAX_LEN])
{
	const struct target *t = &c->request->target;
	const char *name = target_parameter(t, "rrset_name");
	const char *type = target_parameter(t, "rrset_type");
	bool rrsets = true;
	bool disabled = true;
	char dotted[NAME_TEXT_MAX];

	TRY(call_flag(c, "rrsets", &rrsets));
	TRY(call_flag(c, "include_disabled", &disabled));
	f->none = !rrsets;
	f->no_disabled = !disabled;
	if (!name)
		return 0;
	size_t len = strlen(name);
	(void)snprintf(dotted, sizeof dotted, "%s%s", name,
	               len && name[len - 1] == '.' ? "" : ".");
	TRY(api_name_read(dotted, owner, &c->fault));
	f->owner = owner;
	f->one_owner = true;
	f->none |= !name_is_under(owner, c->zone.name, NULL);
	int number = type ? rrtype_from_text(type, strlen(type)) : 0;
	f->type = number > 0 ? (uint16_t)number : 0;
	f->none |= number < 0;
	return 0;
}

int zones_show(struct zone_call *c, struct store_txn *t)
{
	struct rrset_filter filter = {0};
	uint8_t owner[NAME_MAX_LEN];

	TRY(store_zone_get(t, c->name, &c->zone));
	TRY(read_filter(c, &filter, owner));
	call_set_etag(c);
	const struct zone_json_source source = {t, c->config,
	                                        engine_marks(c->api->engine)};
	return zone_json_detail(c->out, &source, &c->zone, &filter);
}

static int show_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	return zones_show(c, t);
}

static void serve_zone(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, show_work, NULL);
}

/* ---- export ---- */

static int export_rrsets(struct zone_call *c, struct store_cursor *cursor, FILE *to)
{
	struct store_entry entry;
	uint8_t owner[NAME_MAX_LEN];
	int found = store_cursor_next(cursor, &entry);

	for (; found == 0; found = store_cursor_next(cursor, &entry)) {
		TRY(name_from_key(entry.key, entry.key_len, c->zone.name, owner));
		TRY(zonefile_write_rrset(to, owner, &entry.set));
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

static int export_to(struct zone_call *c, struct store_txn *t, FILE *to)
{
	struct store_cursor *cursor;

	TRY(store_cursor_open(t, c->zone.id, &cursor));
	int err = export_rrsets(c, cursor, to);
	store_cursor_close(&cursor);
	return err;
}

static int export_as_json(struct zone_call *c, struct store_txn *t)
{
	(void)fputs("{\"zone\": \"", c->out);
	FILE *to = zone_json_escaping(c->out);
	int err = export_to(c, t, to);
	if (fclose(to) != 0)
		abort();
	(void)fputs("\"}", c->out);
	return err;
}

static int export_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	call_set_etag(c);
	if (c->wants_json)
		return export_as_json(c, t);
	c->type = "text/plain; charset=us-ascii";
	return export_to(c, t, c->out);
}

static void serve_export(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, export_work, NULL);
}

/* ---- what there is nothing to do for ---- */

static int rectify_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	/* Denial of existence is compiled with each change: it is never out of order. */
	(void)fputs("{\"result\": \"Rectified\"}", c->out);
	return 0;
}

static void serve_rectify(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, rectify_work, NULL);
}

static void reply_retrieve(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	(void)result;
	http_reply_json(r, 200,
	                json_pack("{s:s}", "result", "The zone is being fetched"));
}

static void reply_notify(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	(void)result;
	http_reply_json(r, 200, json_pack("{s:s}", "result", "Notification queued"));
}

/* A command for the zone that the path names, after a look whether the asker may know of it: who may
 * not gets the same answer as for a zone that is not there, whatever else he may do. */
struct zone_command {
	struct api *api;
	struct http_request *request;
	const char *command;
	api_reply *reply;
	uint8_t name[NAME_MAX_LEN];
};

static int look_for_zone(struct store_txn *t, void *arg)
{
	const struct zone_command *c = arg;
	struct store_zone zone;

	TRY(store_zone_get(t, c->name, &zone));
	return actor_sees(c->request->actor, c->name, zone.attrs.tenant) ? 0
	                                                                 : ERR_NOTFOUND;
}

static void on_looked(void *arg, int err)
{
	struct zone_command *c = arg;
	struct api *a = c->api;
	char text[NAME_TEXT_MAX];
	struct api_fault fault = {0};

	if (err < 0) {
		(void)api_refuse_for(&fault, err);
		http_reply_error(c->request, fault.status, fault.text);
		api_fault_fini(&fault);
	} else {
		json_t *args = json_pack("{s:s}", "zone", name_to_text(c->name, text));
		api_run_on_path(a, c->request, c->command, args, c->reply);
		json_decref(args);
	}
	free(c);
	api_leave(a);
}

static void run_on_zone(struct api *a, struct http_request *r, const char *command,
                        api_reply *reply)
{
	const struct target *t = &r->target;
	struct zone_command *c = must(calloc(1, sizeof *c));

	c->api = a;
	c->request = r;
	c->command = command;
	c->reply = reply;
	/* Servers, one of them, zones, and one of those. */
	if (api_zone_from_id(t->segments[t->segment_count - 2], c->name) < 0) {
		http_reply_error(r, 404, "Not Found");
		free(c);
		return;
	}
	api_enter(a);
	engine_read(a->engine, look_for_zone, on_looked, c);
}

static void serve_notify(void *arg, struct http_request *r)
{
	run_on_zone(arg, r, "zone notify", reply_notify);
}

static void serve_retrieve(void *arg, struct http_request *r)
{
	run_on_zone(arg, r, "zone retransfer", reply_retrieve);
}

void zones_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", ZONES, 0, serve_list},
		{"POST", ZONES, HTTP_JSON, zones_create},
		{"GET", ZONES "/{}", 0, serve_zone},
		{"PATCH", ZONES "/{}", HTTP_JSON, zones_patch},
		{"PUT", ZONES "/{}", HTTP_JSON, zones_put},
		{"DELETE", ZONES "/{}", 0, zones_delete},
		{"GET", ZONES "/{}/export", 0, serve_export},
		{"PUT", ZONES "/{}/rectify", 0, serve_rectify},
		{"PUT", ZONES "/{}/notify", 0, serve_notify},
		{"PUT", ZONES "/{}/axfr-retrieve", 0, serve_retrieve},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
