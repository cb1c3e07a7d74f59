/*
 * TSIG keys as PowerDNS's API has them, done by the commands of the engine. Names stand there without the
 * final dot, ids with it. A list has no secrets; a single key has its own. What is wrong with a secret is
 * said without showing it, which PowerDNS does.
 */
#include <string.h>

#include "control/api/names.h"
#include "control/api/resource.h"
#include "control/json_put.h"
#include "control/tsig/key.h"
#include "shared/compiler.h"

#define TSIGKEYS "/api/v1/servers/localhost/tsigkeys"

enum { KEY_SEGMENT = 5, WHY_SIZE = 160 };

/* secret: NULL shows none. */
static json_t *key_json(const json_t *key, const char *secret)
{
	const char *id = json_string_value(json_object_get(key, "name"));
	size_t len = strlen(id);

	return json_pack("{s:O, s:s, s:s, s:s%, s:s}", "algorithm",
	                 json_object_get(key, "algorithm"), "id", id, "key",
	                 secret ? secret : "", "name", id, len - 1, "type", "TSIGKey");
}

static const char *secret_of(const json_t *key)
{
	return json_string_value(json_object_get(key, "secret"));
}

static void reply_list(struct api *a, struct http_request *r, const json_t *result)
{
	json_t *list = json_array();
	size_t i;
	json_t *key;

	(void)a;
	json_array_foreach(json_object_get(result, "keys"), i, key)
		json_array_append_new(list, key_json(key, NULL));
	http_reply_json(r, 200, list);
}

static void reply_one(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	http_reply_json(r, 200, key_json(result, secret_of(result)));
}

static void reply_created(struct api *a, struct http_request *r, const json_t *result)
{
	(void)a;
	http_reply_json(r, 201, key_json(result, secret_of(result)));
}

static void show(struct api *a, struct http_request *r, const char *name)
{
	json_t *args = resource_args("key", name);

	json_put(args, "secret", json_true());
	resource_run(a, r, "tsig show", args, reply_one);
}

/* What a key is now that it has changed. */
static void reply_changed(struct api *a, struct http_request *r, const json_t *result)
{
	show(a, r, json_string_value(json_object_get(result, "name")));
}

/* ---- what requests say ---- */

/* Writes the name of the key in the path; false after an answer. */
static bool name_in_path(struct http_request *r, char text[static NAME_TEXT_MAX])
{
	uint8_t name[NAME_MAX_LEN];

	if (api_zone_from_id(r->target.segments[KEY_SEGMENT], name) < 0) {
		http_reply_error(r, 404, NULL);
		return false;
	}
	name_to_text(name, text);
	return true;
}

static bool take_required(struct http_request *r, const char *member, const char *as,
                          json_t *args)
{
	const char *text = json_string_value(json_object_get(r->body, member));
	char why[WHY_SIZE];

	if (!text) {
		(void)snprintf(why, sizeof why, "Key '%s' not present or not a String",
		               member);
		http_reply_error(r, 422, why);
		return false;
	}
	json_put(args, as, json_string(text));
	return true;
}

/* False after an answer. */
static bool algorithm_fits(struct http_request *r, const json_t *args)
{
	const char *text = json_string_value(json_object_get(args, "algorithm"));
	char why[WHY_SIZE];

	if (!text || tsig_algorithm_from_text(text) >= 0)
		return true;
	(void)snprintf(why, sizeof why, "Unknown TSIG algorithm: %.100s", text);
	http_reply_error(r, 422, why);
	return false;
}

static bool name_fits(struct http_request *r, const json_t *args, const char *member)
{
	const char *text = json_string_value(json_object_get(args, member));
	uint8_t name[NAME_MAX_LEN];

	if (!text || name_read(text, name) > 1)
		return true;
	http_reply_error(r, 422, "The name of a TSIG key must be a domain name");
	return false;
}

/* An empty one is none. */
static bool take_secret(struct http_request *r, json_t *args)
{
	const json_t *value = json_object_get(r->body, "key");
	const char *text = json_string_value(value);
	uint8_t secret[TSIG_SECRET_MAX];
	size_t len;

	if (!text || !text[0])
		return true;
	if (tsig_secret_from_text(text, json_string_length(value), secret, &len) < 0) {
		http_reply_error(r, 422, "TSIG content cannot be base64-decoded");
		return false;
	}
	json_put(args, "secret", json_string(text));
	return true;
}

static void take_optional(const struct http_request *r, const char *member,
                          const char *as, json_t *args)
{
	const char *text = json_string_value(json_object_get(r->body, member));

	if (text)
		json_put(args, as, json_string(text));
}

/* ---- requests ---- */

static void serve_list(void *arg, struct http_request *r)
{
	resource_run(arg, r, "tsig list", resource_args(NULL, NULL), reply_list);
}

static void serve_show(void *arg, struct http_request *r)
{
	char name[NAME_TEXT_MAX];

	if (name_in_path(r, name))
		show(arg, r, name);
}

static void serve_create(void *arg, struct http_request *r)
{
	json_t *args = json_object();

	if (take_required(r, "name", "key", args) &&
	    take_required(r, "algorithm", "algorithm", args) && algorithm_fits(r, args) &&
	    name_fits(r, args, "key") && take_secret(r, args))
		resource_run(arg, r, "tsig create", args, reply_created);
	else
		json_decref(args);
}

static void serve_change(void *arg, struct http_request *r)
{
	char name[NAME_TEXT_MAX];

	if (!name_in_path(r, name))
		return;
	json_t *args = resource_args("key", name);
	take_optional(r, "name", "new_name", args);
	take_optional(r, "algorithm", "algorithm", args);
	if (algorithm_fits(r, args) && name_fits(r, args, "new_name") &&
	    take_secret(r, args))
		resource_run(arg, r, "tsig set", args, reply_changed);
	else
		json_decref(args);
}

static void serve_remove(void *arg, struct http_request *r)
{
	char name[NAME_TEXT_MAX];

	if (name_in_path(r, name))
		resource_run(arg, r, "tsig remove", resource_args("key", name),
		             resource_gone);
}

void tsigkeys_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", TSIGKEYS, 0, serve_list},
		{"POST", TSIGKEYS, HTTP_JSON, serve_create},
		{"GET", TSIGKEYS "/{}", 0, serve_show},
		{"PUT", TSIGKEYS "/{}", HTTP_JSON, serve_change},
		{"DELETE", TSIGKEYS "/{}", 0, serve_remove},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
