#include "control/api/api.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/internal.h"
#include "control/must.h"
#include "control/tls/identity.h"
#include "shared/err.h"
#include "shared/log.h"

/* Of the answers to a batch, for a client that reads them only when it has sent all. */
enum { BACKLOG_MAX = 16 << 20 };

/* ---- the engine ---- */

static void api_release(struct api *a)
{
	if (!a->closed || a->handling)
		return;
	rates_free(a->rates);
	free(a);
}

void api_enter(struct api *a)
{
	a->handling++;
}

void api_leave(struct api *a)
{
	a->handling--;
	api_release(a);
}

static unsigned status_of(enum engine_outcome outcome)
{
	switch (outcome) {
	case ENGINE_OK: return 200;
	case ENGINE_REFUSED: return 422;
	case ENGINE_USAGE: return 400;
	case ENGINE_NOT_RUNNING: return 503;
	case ENGINE_TIMED_OUT: return 504;
	}
	return 500;
}

static unsigned status_of_refusal(const json_t *result)
{
	static const struct {
		const char *reason;
		unsigned status;
	} known[] = {
		{"not-found", 404}, {"denied", 403}, {"exists", 409}, {"in-use", 409}};
	const char *reason = json_string_value(json_object_get(result, "reason"));

	for (size_t i = 0; reason && i < ARRAY_LEN(known); i++)
		if (strcmp(reason, known[i].reason) == 0)
			return known[i].status;
	return 422;
}

/* Whoever sent values is told which one is wrong. */
static void reply_failure(const struct api_call *call, enum engine_outcome outcome,
                          const json_t *result)
{
	unsigned status = outcome == ENGINE_REFUSED && call->on_path
	                          ? status_of_refusal(result)
	                          : status_of(outcome);
	const json_t *error = json_object_get(result, "error");
	const json_t *field = json_object_get(result, "field");

	if (field)
		http_reply_json(call->request, status,
		                json_pack("{s:O, s:O}", "error", error, "field", field));
	else
		http_reply_error(call->request, status, json_string_value(error));
}

static void on_done(void *arg, enum engine_outcome outcome, const json_t *result)
{
	struct api_call *call = arg;
	struct api *a = call->api;

	if (!call->reply)
		http_reply_json(call->request, status_of(outcome),
		                json_deep_copy(result));
	else if (outcome == ENGINE_OK)
		call->reply(a, call->request, result);
	else
		reply_failure(call, outcome, result);
	free(call);
	api_leave(a);
}

static void run(const struct api_call *as, const char *command, const json_t *args)
{
	struct api_call *call = must(calloc(1, sizeof *call));

	*call = *as;
	api_enter(call->api);
	engine_run(call->api->engine, call->request->actor, command, json_deep_copy(args),
	           on_done, call);
}

void api_run(struct api *a, struct http_request *r, const char *command,
             const json_t *args, api_reply *reply)
{
	run(&(struct api_call){.api = a, .request = r, .reply = reply}, command, args);
}

void api_run_on_path(struct api *a, struct http_request *r, const char *command,
                     const json_t *args, api_reply *reply)
{
	run(&(struct api_call){.api = a, .request = r, .reply = reply, .on_path = true},
	    command, args);
}

bool api_is_trial(const struct http_request *r)
{
	return target_flag(&r->target, "dry-run");
}

/* ---- opening ---- */

static int read_identity(const struct config *c, struct tls_identity *out, char *text,
                         size_t text_size)
{
	char directory[PATH_MAX];

	if (!c->api_tls_listen.count)
		return 0;
	if (c->api_tls_certificate[0]) {
		TRY(tls_identity_read(c->api_tls_certificate, c->api_tls_key, out, text,
		                      text_size));
	} else {
		if (snprintf(directory, sizeof directory, "%s/tls", c->store) >=
		    (int)sizeof directory)
			return ERR_TOOBIG;
		TRY(tls_identity_own(directory, c->api_tls_listen.at,
		                     c->api_tls_listen.count, out, text, text_size));
	}
	return 0;
}

static struct http_settings settings_of(const struct config *c)
{
	return (struct http_settings){
		.socket = c->api_socket,
		.listen = c->api_listen.at,
		.listen_count = c->api_listen.count,
		.tls_listen = c->api_tls_listen.at,
		.tls_listen_count = c->api_tls_listen.count,
		.max_connections = c->api_max_connections,
		.max_per_client = c->api_max_per_client,
		.timeout_ms = c->api_timeout_ms,
		.max_body = c->api_max_body,
		.max_backlog = BACKLOG_MAX,
	};
}

/* Reads the certificate, which is the caller's, into settings; what it is known by is kept for
 * take_identity(). */
static int prepare_identity(struct api *a, const struct config *c,
                            struct tls_identity *out, struct http_settings *settings,
                            char *text, size_t text_size)
{
	TRY(read_identity(c, out, text, text_size));
	settings->certificate = out->certificate;
	settings->key = out->key;
	memcpy(a->next_fingerprint, out->fingerprint, sizeof a->next_fingerprint);
	a->next_ends = out->ends;
	return 0;
}

static void take_identity(struct api *a)
{
	if (strcmp(a->fingerprint, a->next_fingerprint) != 0)
		log_info("HTTPS: certificate with SHA-256 fingerprint %s",
		         a->next_fingerprint);
	memcpy(a->fingerprint, a->next_fingerprint, sizeof a->fingerprint);
	atomic_store_explicit(
		&engine_table(a->engine)->certificate_ends[CERTIFICATE_HTTPS],
		a->next_ends, memory_order_relaxed);
}

/* Also where nothing listens: addresses may come. */
static int open_server(uv_loop_t *loop, struct api *a, char *text, size_t text_size)
{
	struct http_settings settings = settings_of(a->config);
	struct tls_identity identity = {0};

	TRY(prepare_identity(a, a->config, &identity, &settings, text, text_size));
	settings.guard = access_guard;
	settings.guard_arg = a;
	int err = http_server_open(loop, &settings, &a->server, text, text_size);
	tls_identity_fini(&identity);
	if (err == 0)
		take_identity(a);
	return err;
}

/* Who has asked much begins anew. */
static void set_rates(struct api *a)
{
	rates_free(a->rates);
	a->rates = a->config->api_max_rate
	                   ? rates_new(a->config->api_max_rate, a->config->api_max_burst)
	                   : NULL;
}

int api_open(uv_loop_t *loop, const struct api_parts *parts, struct api **out, char *text,
             size_t text_size)
{
	struct api *a = must(calloc(1, sizeof *a));

	a->config = parts->config;
	a->engine = parts->engine;
	a->publisher = parts->publisher;
	a->started = uv_hrtime() / 1000000000;
	set_rates(a);
	int err = access_read_key(a->config, &a->key, text, text_size);
	if (err == 0)
		err = gate_open(loop, a->engine, &a->gate);
	if (err == 0)
		err = open_server(loop, a, text, text_size);
	if (err < 0) {
		gate_close(&a->gate);
		rates_free(a->rates);
		free(a);
		return err;
	}
	health_routes(a);
	scrape_routes(a);
	page_routes(a);
	description_routes(a);
	native_routes(a);
	servers_routes(a);
	zones_routes(a);
	batch_routes(a);
	metadata_routes(a);
	cryptokeys_routes(a);
	dnssec_routes(a);
	history_routes(a);
	search_routes(a);
	absent_routes(a);
	keys_routes(a);
	tsigkeys_routes(a);
	tenants_routes(a);
	audit_routes(a);
	backup_routes(a);
	configuration_routes(a);
	*out = a;
	return 0;
}

int api_prepare(struct api *a, const struct config *next, char *text, size_t text_size)
{
	struct http_settings settings = settings_of(next);
	struct tls_identity identity = {0};

	TRY(access_read_key(next, &a->next_key, text, text_size));
	TRY(prepare_identity(a, next, &identity, &settings, text, text_size));
	int err = http_server_prepare(a->server, &settings, text, text_size);
	tls_identity_fini(&identity);
	return err;
}

void api_configure(struct api *a, const struct config *next)
{
	const struct http_settings settings = settings_of(next);
	bool rates = a->config->api_max_rate != next->api_max_rate ||
	             a->config->api_max_burst != next->api_max_burst;

	a->config = next;
	if (rates)
		set_rates(a);
	a->key = a->next_key;
	take_identity(a);
	http_server_configure(a->server, &settings);
}

void api_abandon(struct api *a)
{
	http_server_abandon(a->server);
}

void api_loaded(struct api *a)
{
	a->loaded = true;
}

void api_routes(struct api *a, const struct http_route *routes, size_t count, void *arg)
{
	http_routes(a->server, routes, count, arg);
}

void api_close(struct api **ap)
{
	struct api *a = *ap;

	*ap = NULL;
	if (!a)
		return;
	http_server_close(&a->server);
	gate_close(&a->gate);
	a->closed = true;
	api_release(a);
}
