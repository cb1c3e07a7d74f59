#include "control/api/api.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/internal.h"
#include "control/http/tls.h"
#include "shared/err.h"
#include "shared/log.h"

/* ---- the engine ---- */

static void api_release(struct api *a)
{
	if (a->closed && !a->handling)
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

static void on_done(void *arg, enum engine_outcome outcome, const json_t *result)
{
	struct api_call *call = arg;
	struct api *a = call->api;

	if (outcome == ENGINE_OK)
		call->reply(a, call->request, result);
	else
		http_reply_error(call->request, status_of(outcome),
		                 json_string_value(json_object_get(result, "error")));
	free(call);
	api_leave(a);
}

void api_run(struct api *a, struct http_request *r, const char *command,
             const json_t *args, api_reply *reply)
{
	struct api_call *call = calloc(1, sizeof *call);

	if (!call)
		abort();
	*call = (struct api_call){a, r, reply};
	api_enter(a);
	engine_run(a->engine, r->actor, command, json_deep_copy(args), on_done, call);
}

/* ---- opening ---- */

static int read_identity(const struct config *c, struct tls_identity *out, char *text,
                         size_t text_size)
{
	char directory[PATH_MAX];

	if (!c->api_tls_listen.count)
		return 0;
	if (c->api_tls_certificate[0]) {
		TRY(tls_read(c->api_tls_certificate, c->api_tls_key, out, text,
		             text_size));
	} else {
		if (snprintf(directory, sizeof directory, "%s/tls", c->store) >=
		    (int)sizeof directory)
			return ERR_TOOBIG;
		TRY(tls_own(directory, c->api_tls_listen.at, c->api_tls_listen.count, out,
		            text, text_size));
	}
	log_info("HTTPS: certificate with SHA-256 fingerprint %s", out->fingerprint);
	return 0;
}

static int open_server(uv_loop_t *loop, struct api *a, char *text, size_t text_size)
{
	const struct config *c = a->config;
	struct tls_identity identity = {0};

	if (!c->api_socket[0] && !c->api_listen.count && !c->api_tls_listen.count)
		return 0;
	TRY(read_identity(c, &identity, text, text_size));
	const struct http_settings settings = {
		.socket = c->api_socket,
		.listen = c->api_listen.at,
		.listen_count = c->api_listen.count,
		.tls_listen = c->api_tls_listen.at,
		.tls_listen_count = c->api_tls_listen.count,
		.certificate = identity.certificate,
		.key = identity.key,
		.max_connections = c->api_max_connections,
		.max_per_client = c->api_max_per_client,
		.timeout_ms = c->api_timeout_ms,
		.max_body = c->api_max_body,
		.guard = access_guard,
		.guard_arg = a,
	};
	int err = http_server_open(loop, &settings, &a->server, text, text_size);
	tls_fini(&identity);
	return err;
}

int api_open(uv_loop_t *loop, const struct api_parts *parts, struct api **out, char *text,
             size_t text_size)
{
	struct api *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	a->config = parts->config;
	a->engine = parts->engine;
	a->publisher = parts->publisher;
	a->started = uv_hrtime() / 1000000000;
	int err = access_open(a, text, text_size);
	if (err == 0)
		err = gate_open(loop, a->engine, &a->gate);
	if (err == 0)
		err = open_server(loop, a, text, text_size);
	if (err < 0) {
		gate_close(&a->gate);
		free(a);
		return err;
	}
	health_routes(a);
	scrape_routes(a);
	page_routes(a);
	native_routes(a);
	servers_routes(a);
	zones_routes(a);
	batch_routes(a);
	metadata_routes(a);
	search_routes(a);
	*out = a;
	return 0;
}

void api_loaded(struct api *a)
{
	a->loaded = true;
}

void api_routes(struct api *a, const struct http_route *routes, size_t count, void *arg)
{
	if (a->server)
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
