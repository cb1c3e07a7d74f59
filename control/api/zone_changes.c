/*
 * Requests that change zones: each becomes one change, committed whole, and is answered when every
 * worker serves what it says.
 */
#include <string.h>
#include <time.h>

#include "control/api/call.h"
#include "control/api/key_ids.h"
#include "control/api/names.h"
#include "control/api/patch.h"
#include "control/api/zone_attrs.h"
#include "control/api/zone_contents.h"
#include "control/api/zone_json.h"
#include "control/api/zone_signing.h"
#include "control/api/zones.h"
#include "control/policy/meta.h"
#include "shared/err.h"

static const uint32_t all_attrs = (UINT32_C(1) << ZONE_ATTRS) - 1;

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

/* ---- PATCH ---- */

static int patch_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	(void)call_change(c, ZONE_EDIT, "API: PATCH of a zone");
	return patch_read(c->request->body, PATCH_CHANGES, c->change, now_s(), &c->fault);
}

void zones_patch(void *arg, struct http_request *r)
{
	call_begin(arg, r, 204, patch_work, NULL);
}

/* Whose remotes the client may name as masters. Those of the configuration come with its keys, which are
 * not for everybody's zones. */
static const struct config *remotes_for(const struct zone_call *c)
{
	return actor_is_confined(c->actor) ? NULL : c->config;
}

/* ---- PUT ---- */

/* Takes away comments and disabled records for which the request has nothing in their place. */
static int clear_extra(const struct store_extra *x, void *arg)
{
	struct zone_call *c = arg;
	struct zone_change *z = &c->change->zones[0];
	uint8_t owner[NAME_MAX_LEN];

	TRY(name_from_key(x->key, x->key_len, c->name, owner));
	for (size_t i = 0; i < z->edit_count; i++)
		if (z->edits[i].type == x->type && name_equal(z->edits[i].owner, owner))
			return 0;
	struct edit *e = change_edit(c->change, z, EDIT_REPLACE, owner, x->type);
	e->set_comments = true;
	return 0;
}

static int put_contents(struct zone_call *c, struct store_txn *t)
{
	struct zone_attrs attrs = c->change->zones[0].attrs;

	TRY(zone_contents_read(c->request->body, c->change, false, &attrs, now_s(),
	                       &c->fault));
	return store_extra_each(t, c->zone.id, NULL, 0, clear_extra, c);
}

static int put_signing(struct zone_call *c, struct store_txn *t, struct zone_change *z)
{
	struct store_zone zone = c->zone;
	const struct zone_signing s = {c->config, &zone,
	                               zone_json_comes_signed(t, &c->zone)};

	zone.attrs = z->attrs;
	TRY(zone_signing_change(c->request->body, &s, z, &c->fault));
	return zone_signing_nsec3param(c->request->body, &s, z, &c->fault);
}

static int put_work(struct zone_call *c, struct store_txn *t)
{
	const json_t *body = c->request->body;
	bool contents = json_is_array(json_object_get(body, "rrsets"));

	TRY(call_find_zone(c, t));
	struct zone_change *z = call_change(c, contents ? ZONE_CONTENTS : ZONE_EDIT,
	                                    "API: PUT of a zone");
	z->attrs = c->zone.attrs;
	TRY(zone_attrs_read(body, remotes_for(c), &z->attrs, &z->attrs_set, &c->fault));
	TRY(put_signing(c, t, z));
	TRY(key_ids_read(c, t, c->zone.id));
	return contents ? put_contents(c, t) : 0;
}

void zones_put(void *arg, struct http_request *r)
{
	call_begin(arg, r, 204, put_work, NULL);
}

/* ---- POST ---- */

static int read_new(struct zone_call *c, struct store_txn *t)
{
	const json_t *body = c->request->body;
	const char *name = json_string_value(json_object_get(body, "name"));
	struct store_zone there;

	if (!name)
		return api_refuse(&c->fault, 422,
		                  "Key 'name' not present or not a String");
	TRY(api_new_name_read(name, c->name, &c->fault));
	if (!json_is_string(json_object_get(body, "kind")))
		return api_refuse(&c->fault, 422,
		                  "Key 'kind' not present or not a String");
	int err = store_zone_get(t, c->name, &there);
	return err == 0 ? ERR_EXISTS : err == ERR_NOTFOUND ? 0 : err;
}

static int create_signing(struct zone_call *c, struct zone_change *z)
{
	struct store_zone zone = {.attrs = z->attrs};
	const struct zone_signing s = {c->config, &zone, false};

	memcpy(zone.name, c->name, sizeof zone.name);
	TRY(zone_signing_create(c->request->body, &s, z, &c->fault));
	return zone_signing_nsec3param(c->request->body, &s, z, &c->fault);
}

static int create_work(struct zone_call *c, struct store_txn *t)
{
	const json_t *body = c->request->body;

	TRY(read_new(c, t));
	struct zone_change *z = call_change(c, ZONE_CREATE, "API: POST of a zone");
	z->attrs_set = all_attrs;
	(void)snprintf(z->attrs.soa_edit_api, sizeof z->attrs.soa_edit_api, "DEFAULT");
	z->attrs.serial = SERIAL_DATE;
	if (c->actor->tenant[0])
		(void)snprintf(z->attrs.tenant, sizeof z->attrs.tenant, "%s",
		               c->actor->tenant);
	TRY(zone_attrs_read(body, remotes_for(c), &z->attrs, &z->attrs_set, &c->fault));
	TRY(create_signing(c, z));
	TRY(key_ids_read(c, t, 0));
	struct zone_attrs attrs = z->attrs;
	if (attrs.kind == ZONE_KIND_SECONDARY || attrs.kind == ZONE_KIND_CONSUMER)
		return 0; /* its contents come from elsewhere */
	return zone_contents_read(body, c->change, true, &attrs, now_s(), &c->fault);
}

void zones_create(void *arg, struct http_request *r)
{
	call_begin(arg, r, 201, create_work, zones_show);
}

/* ---- DELETE ---- */

static int delete_work(struct zone_call *c, struct store_txn *t)
{
	TRY(call_find_zone(c, t));
	if (!c->zone.added)
		return api_refuse(
			&c->fault, 422,
			"The zone is in the configuration file: remove it there");
	(void)call_change(c, ZONE_REMOVE, "API: DELETE of a zone");
	return meta_forget(c->change, t, c->zone.id);
}

void zones_delete(void *arg, struct http_request *r)
{
	call_begin(arg, r, 204, delete_work, NULL);
}
