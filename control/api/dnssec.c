/*
 * How zones are signed, below /api/anser/v1: what PowerDNS's paths for it (cryptokeys.c) have no words for.
 */
#include <string.h>

#include "control/api/names.h"
#include "control/api/resource.h"
#include "control/json_put.h"
#include "shared/compiler.h"
#include "shared/name.h"

#define POLICIES "/api/anser/v1/dnssec-policies"
#define DNSSEC   "/api/anser/v1/zones/{}/dnssec"

enum { POLICY_SEGMENT = 4, ZONE_SEGMENT = 4 };

/* ---- policies ---- */

static void serve_policies(void *arg, struct http_request *r)
{
	resource_run(arg, r, "dnssec policies", resource_args(NULL, NULL), resource_show);
}

static void reply_policy(struct api *a, struct http_request *r, const json_t *result)
{
	const json_t *list = json_object_get(result, "policies");

	resource_show(a, r, json_array_get(list, 0));
}

static void serve_policy(void *arg, struct http_request *r)
{
	const char *name = r->target.segments[POLICY_SEGMENT];

	resource_run(arg, r, "dnssec policies", resource_args("policy", name),
	             reply_policy);
}

/* ---- zones ---- */

/* Runs a command about the zone in the path; args is taken. */
static void run_on_zone(struct api *a, struct http_request *r, const char *command,
                        json_t *args)
{
	const char *wait = target_parameter(&r->target, "wait");
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	if (api_zone_from_id(r->target.segments[ZONE_SEGMENT], name) < 0) {
		http_reply_error(r, 404, NULL);
		json_decref(args);
		return;
	}
	json_put(args, "zone", json_string(name_to_text(name, text)));
	if (api_is_trial(r))
		json_put(args, "dry_run", json_true());
	if (wait && strcmp(wait, "stored") == 0)
		json_put(args, "wait", json_false());
	resource_run(a, r, command, args, resource_show);
}

static void serve_status(void *arg, struct http_request *r)
{
	run_on_zone(arg, r, "dnssec status", resource_args(NULL, NULL));
}

static void serve_put(void *arg, struct http_request *r)
{
	const json_t *policy = json_object_get(r->body, "policy");

	if (json_is_null(policy))
		run_on_zone(arg, r, "dnssec disable", resource_args(NULL, NULL));
	else if (json_is_string(policy))
		run_on_zone(arg, r, "dnssec enable",
		            resource_args("policy", json_string_value(policy)));
	else
		http_reply_error(r, 400, "\"policy\" must be a text or null");
}

/* A command with those members of the body, none of which must be there. */
static void run_with(struct api *a, struct http_request *r, const char *command,
                     const char *const members[])
{
	json_t *body = resource_body(r);
	json_t *args = json_object();

	for (size_t i = 0; body && members[i]; i++) {
		json_t *value = json_object_get(body, members[i]);
		if (value)
			json_put(args, members[i], json_incref(value));
	}
	if (body)
		run_on_zone(a, r, command, json_incref(args));
	json_decref(args);
	json_decref(body);
}

static void serve_roll(void *arg, struct http_request *r)
{
	static const char *const members[] = {"key", NULL};

	run_with(arg, r, "dnssec roll", members);
}

static void serve_saw_ds(void *arg, struct http_request *r)
{
	static const char *const members[] = {"key", "present", NULL};

	run_with(arg, r, "dnssec saw-ds", members);
}

static void serve_resign(void *arg, struct http_request *r)
{
	static const char *const members[] = {NULL};

	run_with(arg, r, "dnssec resign", members);
}

static void serve_ksr(void *arg, struct http_request *r)
{
	static const char *const members[] = {"seconds", NULL};

	run_with(arg, r, "dnssec ksr", members);
}

static void serve_skr(void *arg, struct http_request *r)
{
	run_on_zone(arg, r, "dnssec skr", resource_args(NULL, NULL));
}

static void serve_import_skr(void *arg, struct http_request *r)
{
	static const char *const members[] = {"response", NULL};

	run_with(arg, r, "dnssec import-skr", members);
}

void dnssec_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", POLICIES, 0, serve_policies},
		{"GET", POLICIES "/{}", 0, serve_policy},
		{"GET", DNSSEC, 0, serve_status},
		{"PUT", DNSSEC, HTTP_JSON, serve_put},
		{"POST", DNSSEC "/roll", HTTP_JSON, serve_roll},
		{"POST", DNSSEC "/saw-ds", HTTP_JSON, serve_saw_ds},
		{"POST", DNSSEC "/resign", HTTP_JSON, serve_resign},
		{"POST", DNSSEC "/ksr", HTTP_JSON, serve_ksr},
		{"GET", DNSSEC "/skr", 0, serve_skr},
		{"POST", DNSSEC "/skr", HTTP_JSON, serve_import_skr},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
