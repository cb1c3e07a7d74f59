/*
 * Metadata of zones, and those of their attributes that PowerDNS has among it.
 */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/api/zone_json.h"
#include "control/policy/meta.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"
#include "shared/err.h"

#define METADATA "/api/v1/servers/localhost/zones/{}/metadata"

enum { KIND_SEGMENT = 7 };

/* ---- kinds ---- */

/* What is an attribute of the zone; only a PUT of the zone sets it. NULL: no such kind. */
static const char *attribute(const struct zone_call *c, const char *kind)
{
	if (strcmp(kind, "SOA-EDIT") == 0)
		return c->zone.attrs.soa_edit;
	if (strcmp(kind, "SOA-EDIT-API") == 0)
		return c->zone.attrs.soa_edit_api;
	if (strcmp(kind, "API-RECTIFY") == 0)
		return c->zone.attrs.api_rectify ? "1" : "";
	if (strcmp(kind, "NSEC3PARAM") == 0)
		return c->zone.attrs.nsec3param;
	if (strcmp(kind, "NSEC3NARROW") == 0)
		return c->zone.attrs.nsec3narrow ? "1" : "";
	return NULL;
}

static int refuse_kind(struct zone_call *c, const char *kind)
{
	return api_refuse(&c->fault, 422, "Unsupported metadata kind '%s'", kind);
}

/* ---- looking ---- */

static void write_begin(FILE *to, const char *kind)
{
	(void)fputs("{\"kind\": ", to);
	zone_json_text(to, kind);
	(void)fputs(", \"metadata\": [", to);
}

static void write_end(FILE *to)
{
	(void)fputs("], \"type\": \"Metadata\"}", to);
}

static void write_metadata(FILE *to, const char *kind, const char *texts, size_t size)
{
	const char *between = "";

	write_begin(to, kind);
	for (const char *at = texts; at < texts + size; at += strlen(at) + 1) {
		(void)fputs(between, to);
		zone_json_text(to, at);
		between = ", ";
	}
	write_end(to);
}

static void write_attribute(FILE *to, const char *kind, const char *text)
{
	write_metadata(to, kind, text, text[0] ? strlen(text) + 1 : 0);
}

static int list_kind(const char *kind, const char *texts, size_t size, void *arg)
{
	struct zone_call *c = arg;

	(void)fputs(ftell(c->out) > 1 ? ", " : "", c->out);
	write_metadata(c->out, kind, texts, size);
	return 0;
}

static int list_work(struct zone_call *c, struct store_txn *t)
{
	static const char *const attributes[] = {
		"API-RECTIFY", "NSEC3NARROW", "NSEC3PARAM", "SOA-EDIT", "SOA-EDIT-API"};

	TRY(call_find_zone(c, t));
	(void)putc('[', c->out);
	TRY(meta_kinds(t, c->zone.id, list_kind, c));
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		const char *text = attribute(c, attributes[i]);
		if (!text[0])
			continue;
		(void)fputs(ftell(c->out) > 1 ? ", " : "", c->out);
		write_attribute(c->out, attributes[i], text);
	}
	(void)putc(']', c->out);
	return 0;
}

/* The texts of a kind, each once; lent by the request and by the transaction. */
struct texts {
	const char **list;
	size_t count, room;
};

static int add_text(const char *text, void *arg)
{
	struct texts *t = arg;

	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i], text) == 0)
			return 0;
	t->list = array_room(t->list, t->count, &t->room, sizeof *t->list);
	t->list[t->count++] = text;
	return 0;
}

static void write_texts(FILE *to, const char *kind, const struct texts *t)
{
	write_begin(to, kind);
	for (size_t i = 0; i < t->count; i++) {
		(void)fputs(i ? ", " : "", to);
		zone_json_text(to, t->list[i]);
	}
	write_end(to);
}

static int show_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = c->request->target.segments[KIND_SEGMENT];
	struct texts texts = {0};

	TRY(call_find_zone(c, t));
	const char *text = attribute(c, kind);
	if (text) {
		write_attribute(c->out, kind, text);
		return 0;
	}
	if (!meta_is_kind(kind))
		return refuse_kind(c, kind);
	int err = meta_texts(t, c->zone.id, kind, add_text, &texts);
	if (err == 0)
		write_texts(c->out, kind, &texts);
	free(texts.list);
	return err;
}

/* ---- changing ---- */

static int add_texts(struct zone_call *c, struct texts *to)
{
	const json_t *list = json_object_get(c->request->body, "metadata");
	size_t i;
	const json_t *value;

	if (!json_is_array(list))
		return api_refuse(&c->fault, 422,
		                  "metadata is not specified or not an array");
	json_array_foreach(list, i, value)
	{
		if (!json_is_string(value))
			return api_refuse(&c->fault, 422, "metadata must be strings");
		(void)add_text(json_string_value(value), to);
	}
	return 0;
}

static int begin_change(struct zone_call *c, struct store_txn *t, const char *kind)
{
	TRY(call_find_zone(c, t));
	if (!actor_may(c->actor, MAY_MANAGE_ZONES))
		return ERR_DENIED;
	if (!meta_is_kind(kind))
		return refuse_kind(c, kind);
	(void)call_change(c, ZONE_EDIT, "API: metadata of a zone");
	return 0;
}

static void put_texts(struct zone_call *c, const char *kind, const struct texts *texts)
{
	meta_change(c->change, c->zone.id, kind, texts->list, texts->count);
	write_texts(c->out, kind, texts);
}

static int post_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = json_string_value(json_object_get(c->request->body, "kind"));
	struct texts texts = {0};

	if (!kind)
		return api_refuse(&c->fault, 422,
		                  "Key 'kind' not present or not a String");
	TRY(begin_change(c, t, kind));
	int err = meta_texts(t, c->zone.id, kind, add_text, &texts);
	if (err == 0)
		err = add_texts(c, &texts);
	if (err == 0)
		put_texts(c, kind, &texts);
	free(texts.list);
	return err;
}

static int put_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = c->request->target.segments[KIND_SEGMENT];
	struct texts texts = {0};

	TRY(begin_change(c, t, kind));
	int err = add_texts(c, &texts);
	if (err == 0)
		put_texts(c, kind, &texts);
	free(texts.list);
	return err;
}

static int delete_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = c->request->target.segments[KIND_SEGMENT];

	TRY(begin_change(c, t, kind));
	meta_change(c->change, c->zone.id, kind, NULL, 0);
	return 0;
}

/* ---- routes ---- */

static void serve_list(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, list_work, NULL);
}

static void serve_show(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, show_work, NULL);
}

static void serve_post(void *arg, struct http_request *r)
{
	call_begin(arg, r, 201, post_work, NULL);
}

static void serve_put(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, put_work, NULL);
}

static void serve_delete(void *arg, struct http_request *r)
{
	call_begin(arg, r, 204, delete_work, NULL);
}

void metadata_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", METADATA, 0, serve_list},
		{"POST", METADATA, HTTP_JSON, serve_post},
		{"GET", METADATA "/{}", 0, serve_show},
		{"PUT", METADATA "/{}", HTTP_JSON, serve_put},
		{"DELETE", METADATA "/{}", 0, serve_delete},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
