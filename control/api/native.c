/*
 * What is Anser's own, below /api/anser/v1: the commands of the control socket. Those that look
 * have paths; run takes any. A command that names a file has the server read it: over TCP, where
 * the caller is not known to have any right on this machine, that is refused.
 */
#include <string.h>

#include "control/api/internal.h"
#include "shared/compiler.h"

static void serve_status(void *arg, struct http_request *r)
{
	api_run(arg, r, "status", NULL, NULL);
}

static void serve_stats(void *arg, struct http_request *r)
{
	api_run(arg, r, "stats", NULL, NULL);
}

/* Gives what is wrong with the body, or NULL. */
static const char *check_command(const json_t *body)
{
	const json_t *args = json_object_get(body, "args");

	if (!json_is_object(body))
		return "a command is a JSON object";
	if (!json_is_string(json_object_get(body, "command")))
		return "\"command\" must be a string";
	if (args && !json_is_object(args))
		return "\"args\" must be an object";
	if (json_object_size(body) != (args ? 2 : 1))
		return "unknown member beside \"command\" and \"args\"";
	return NULL;
}

static void serve_run(void *arg, struct http_request *r)
{
	const char *wrong = check_command(r->body);
	const json_t *args = json_object_get(r->body, "args");

	if (wrong)
		http_reply_error(r, 400, wrong);
	else if (!r->peer.unix_socket && json_object_get(args, "file"))
		http_reply_error(r, 403,
		                 "a file is only read for who comes by the Unix "
		                 "socket");
	else
		api_run(arg, r, json_string_value(json_object_get(r->body, "command")),
		        args, NULL);
}

void native_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/api/anser/v1/status", 0, serve_status},
		{"GET", "/api/anser/v1/stats", 0, serve_stats},
		{"POST", "/api/anser/v1/run", HTTP_JSON, serve_run},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
