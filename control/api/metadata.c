#include "control/api/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/zone_json.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"
#include "shared/err.h"

#define METADATA "/api/v1/servers/localhost/zones/{}/metadata"

/*
 * Items of STORE_ZONEMETA: u32 zone id (big endian) and kind -> the texts, each with its NUL.
 */
enum { KIND_SEGMENT = 7, KIND_MAX = 64, ID_SIZE = 4, KEY_MAX = ID_SIZE + KIND_MAX };

struct meta_key {
	uint8_t bytes[KEY_MAX];
	size_t len;
};

static struct meta_key key_of(const struct zone_call *c, const char *kind)
{
	struct meta_key k = {.len = ID_SIZE + strlen(kind)};

	for (unsigned i = 0; i < ID_SIZE; i++)
		k.bytes[i] = (uint8_t)(c->zone.id >> (24 - 8 * i));
	memcpy(k.bytes + ID_SIZE, kind, strlen(kind));
	return k;
}

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

static bool is_kept(const char *kind)
{
	static const char *const kinds[] = {
		"ALLOW-AXFR-FROM",
		"ALLOW-DNSUPDATE-FROM",
		"ALSO-NOTIFY",
		"AXFR-SOURCE",
		"FORWARD-DNSUPDATE",
		"GSS-ACCEPTOR-PRINCIPAL",
		"GSS-ALLOW-AXFR-PRINCIPAL",
		"IXFR",
		"NOTIFY-DNSUPDATE",
		"PUBLISH-CDNSKEY",
		"PUBLISH-CDS",
		"RFC1123-CONFORMANCE",
		"SIGNALING-ZONE",
		"SLAVE-RENOTIFY",
		"SOA-EDIT-DNSUPDATE",
		"TSIG-ALLOW-AXFR",
		"TSIG-ALLOW-DNSUPDATE",
	};

	if (strlen(kind) > KIND_MAX)
		return false;
	if (strncmp(kind, "X-", 2) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static int refuse_kind(struct zone_call *c, const char *kind)
{
	return api_refuse(&c->fault, 422, "Unsupported metadata kind '%s'", kind);
}

/* ---- looking ---- */

static void write_metadata(FILE *to, const char *kind, const char *texts, size_t size)
{
	const char *between = "";

	(void)fputs("{\"kind\": ", to);
	zone_json_text(to, kind);
	(void)fputs(", \"metadata\": [", to);
	for (const char *at = texts; at < texts + size; at += strlen(at) + 1) {
		(void)fputs(between, to);
		zone_json_text(to, at);
		between = ", ";
	}
	(void)fputs("], \"type\": \"Metadata\"}", to);
}

static void write_attribute(FILE *to, const char *kind, const char *text)
{
	write_metadata(to, kind, text, text[0] ? strlen(text) + 1 : 0);
}

static int list_item(const struct store_item *item, void *arg)
{
	struct zone_call *c = arg;
	char kind[KIND_MAX + 1];

	if (item->key_len > KEY_MAX || item->key_len < ID_SIZE)
		return ERR_CORRUPT;
	size_t len = item->key_len - ID_SIZE;
	memcpy(kind, (const char *)item->key + ID_SIZE, len);
	kind[len] = '\0';
	(void)fputs(ftell(c->out) > 1 ? ", " : "", c->out);
	write_metadata(c->out, kind, item->value, item->size);
	return 0;
}

static int list_work(struct zone_call *c, struct store_txn *t)
{
	static const char *const attributes[] = {
		"API-RECTIFY", "NSEC3NARROW", "NSEC3PARAM", "SOA-EDIT", "SOA-EDIT-API"};

	TRY(call_find_zone(c, t));
	struct meta_key k = key_of(c, "");
	(void)putc('[', c->out);
	TRY(store_item_each(t, STORE_ZONEMETA, k.bytes, k.len, list_item, c));
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

static int show_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = c->request->target.segments[KIND_SEGMENT];
	const void *texts = NULL;
	size_t size = 0;

	TRY(call_find_zone(c, t));
	const char *text = attribute(c, kind);
	if (text) {
		write_attribute(c->out, kind, text);
		return 0;
	}
	if (!is_kept(kind))
		return refuse_kind(c, kind);
	struct meta_key k = key_of(c, kind);
	int err = store_item_get(t, STORE_ZONEMETA, k.bytes, k.len, &texts, &size);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	write_metadata(c->out, kind, texts, size);
	return 0;
}

/* ---- changing ---- */

/* The texts of a kind under way; each once. */
struct texts {
	char *bytes;
	size_t size;
};

static void add_text(struct texts *t, const char *text)
{
	size_t len = strlen(text) + 1;

	for (size_t at = 0; at < t->size; at += strlen(t->bytes + at) + 1)
		if (strcmp(t->bytes + at, text) == 0)
			return;
	t->bytes = memory_resize(t->bytes, t->size + len);
	memcpy(t->bytes + t->size, text, len);
	t->size += len;
}

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
		add_text(to, json_string_value(value));
	}
	return 0;
}

static int begin_change(struct zone_call *c, struct store_txn *t, const char *kind)
{
	TRY(call_find_zone(c, t));
	if (!actor_may(c->actor, MAY_MANAGE_ZONES))
		return ERR_DENIED;
	if (!is_kept(kind))
		return refuse_kind(c, kind);
	(void)call_change(c, ZONE_EDIT, "API: metadata of a zone");
	return 0;
}

static void put_texts(struct zone_call *c, const char *kind, const struct texts *texts)
{
	struct meta_key k = key_of(c, kind);

	(void)change_item(c->change, STORE_ZONEMETA, k.bytes, k.len,
	                  texts->size ? texts->bytes : NULL, texts->size);
	write_metadata(c->out, kind, texts->bytes, texts->size);
}

static int merge(struct zone_call *c, struct store_txn *t, const char *kind,
                 struct texts *texts)
{
	struct meta_key k = key_of(c, kind);
	const void *before = NULL;
	size_t size = 0;

	int err = store_item_get(t, STORE_ZONEMETA, k.bytes, k.len, &before, &size);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	const char *end = (const char *)before + size;
	for (const char *at = before; at < end; at += strlen(at) + 1)
		add_text(texts, at);
	return add_texts(c, texts);
}

static int post_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = json_string_value(json_object_get(c->request->body, "kind"));
	struct texts texts = {0};

	if (!kind)
		return api_refuse(&c->fault, 422,
		                  "Key 'kind' not present or not a String");
	TRY(begin_change(c, t, kind));
	int err = merge(c, t, kind, &texts);
	if (err == 0)
		put_texts(c, kind, &texts);
	free(texts.bytes);
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
	free(texts.bytes);
	return err;
}

static int delete_work(struct zone_call *c, struct store_txn *t)
{
	const char *kind = c->request->target.segments[KIND_SEGMENT];

	TRY(begin_change(c, t, kind));
	struct meta_key k = key_of(c, kind);
	(void)change_item(c->change, STORE_ZONEMETA, k.bytes, k.len, NULL, 0);
	return 0;
}

static int forget_item(const struct store_item *item, void *arg)
{
	struct zone_call *c = arg;

	(void)change_item(c->change, STORE_ZONEMETA, item->key, item->key_len, NULL, 0);
	return 0;
}

int metadata_forget(struct zone_call *c, struct store_txn *t)
{
	struct meta_key k = key_of(c, "");

	return store_item_each(t, STORE_ZONEMETA, k.bytes, k.len, forget_item, c);
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
