/*
 * Changes of several zones as one transaction: all of them are made and served, or none.
 */
#include <inttypes.h>
#include <time.h>

#include "control/api/call.h"
#include "control/api/names.h"
#include "control/api/patch.h"
#include "control/api/zone_json.h"
#include "shared/compiler.h"
#include "shared/err.h"

enum { ZONES_MAX = 1000 };

static int read_name(struct zone_call *c, struct store_txn *t, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "name"));

	if (!name)
		return api_refuse(&c->fault, 422,
		                  "Key 'name' not present or not a String");
	TRY(api_name_read(name, c->name, &c->fault));
	int err = store_zone_get(t, c->name, &c->zone);
	if (err == ERR_NOTFOUND ||
	    (err == 0 && !actor_sees(c->actor, c->name, c->zone.attrs.tenant)))
		return api_refuse(&c->fault, 404, "There is no zone '%s'", name);
	return err;
}

static int add_zone(struct zone_call *c, struct store_txn *t, const json_t *object)
{
	const json_t *rrsets = json_object_get(object, "rrsets");

	TRY(read_name(c, t, object));
	if (!json_is_array(rrsets))
		return api_refuse(&c->fault, 422, "No rrsets given in update request");
	if (c->change)
		(void)change_zone(c->change, ZONE_EDIT, c->name);
	else
		(void)call_change(c, ZONE_EDIT, "API: changes of several zones");
	return patch_read(rrsets, PATCH_CHANGES, c->change, (uint64_t)time(NULL),
	                  &c->fault);
}

static void report(struct zone_call *c, const struct change *change,
                   const struct change_result *r)
{
	char name[NAME_TEXT_MAX];

	(void)fprintf(c->out, "{\"dry_run\": %s, \"zones\": [",
	              change->dry_run ? "true" : "false");
	for (size_t i = 0; i < r->zone_count; i++) {
		const struct zone_result *z = &r->zones[i];
		(void)fprintf(c->out, "%s{\"changed\": %s, \"name\": ", i ? ", " : "",
		              z->changed ? "true" : "false");
		zone_json_text(c->out, name_to_text(z->name, name));
		(void)fprintf(c->out,
		              ", \"new_serial\": %" PRIu32 ", \"old_serial\": %" PRIu32
		              "}",
		              z->new_serial, z->old_serial);
	}
	(void)fputs("]}", c->out);
}

static int batch_work(struct zone_call *c, struct store_txn *t)
{
	const json_t *zones = json_object_get(c->request->body, "zones");
	size_t i;
	const json_t *zone;

	if (c->if_match)
		return api_refuse(&c->fault, 422, "If-Match is for one zone");
	if (json_array_size(zones) == 0 || json_array_size(zones) > ZONES_MAX)
		return api_refuse(&c->fault, 422, "'zones' must be a list of 1 to %d",
		                  ZONES_MAX);
	c->report = report;
	json_array_foreach(zones, i, zone) TRY(add_zone(c, t, zone));
	return 0;
}

static void serve_batch(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, batch_work, NULL);
}

void batch_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"POST", "/api/anser/v1/batch", HTTP_JSON, serve_batch},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
