/*
 * What a client of the HTTP server chooses freely: the target of a request, on the first line, and
 * a body of JSON, the rest. Whatever comes, the parts of a target are text without NUL, a route is
 * found for a path that is known or for none, and JSON that is read is no deeper than allowed
 * and reads back as itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/json.h"
#include "control/http/router.h"
#include "control/json_depth.h"
#include "shared/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static const struct http_route routes[] = {
	{"GET", "/", 0, NULL},
	{"GET", "/api/v1/servers/{}/zones/{}", 0, NULL},
	{"PATCH", "/api/v1/servers/{}/zones/{}", HTTP_JSON, NULL},
	{"POST", "/api/anser/v1/run", HTTP_JSON, NULL},
};

static void look_at_target(const char *raw)
{
	static struct router router;
	char methods[ROUTER_METHODS_MAX];
	struct target t;

	if (!router.table_count)
		router_add(&router, routes, ARRAY_LEN(routes), NULL);
	if (target_parse(raw, &t) < 0)
		return;
	for (unsigned i = 0; i < t.segment_count; i++)
		check(strlen(t.segments[i]) <= strlen(raw));
	for (unsigned i = 0; i < t.parameter_count; i++)
		check(target_parameter(&t, t.parameters[i].name) != NULL);
	struct router_match m = router_find(&router, "GET", &t);
	check(!m.route || m.known);
	router_methods(&router, &t, methods);
	check(m.known == (strstr(methods, "GET") || strstr(methods, "POST")));
	target_fini(&t);
}

static unsigned depth_of(const char *json)
{
	unsigned depth = 0;
	unsigned deepest = 0;
	int quoted = 0;

	for (; *json; json++) {
		if (quoted && *json == '\\')
			json++;
		else if (*json == '"')
			quoted = !quoted;
		else if (!quoted && (*json == '[' || *json == '{'))
			depth++;
		else if (!quoted && (*json == ']' || *json == '}'))
			depth--;
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest;
}

static void look_at_body(const char *body, size_t len)
{
	char text[256] = "";
	json_t *value = http_json_read(body, len, text, sizeof text);

	if (!value) {
		check(text[0] != 0);
		return;
	}
	char *written = http_json_write(value);
	check(written != NULL && depth_of(written) <= JSON_DEPTH_MAX);
	json_t *again = http_json_read(written, strlen(written), text, sizeof text);
	check(json_equal(value, again));
	json_decref(again);
	json_decref(value);
	free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;
	char *target = strndup((const char *)data, len);
	size_t body_len = end ? size - len - 1 : 0;
	char *body = malloc(body_len ? body_len : 1);

	check(target != NULL && body != NULL);
	if (body_len)
		memcpy(body, end + 1, body_len);
	look_at_target(target);
	look_at_body(body, body_len);
	free(target);
	free(body);
	return 0;
}
