/*
 * What the control plane says and takes over HTTP (docs/API.md): health, the status page, the API
 * with the paths and shapes of PowerDNS, and what is Anser's own beside it. Handlers put requests
 * to the engine and its results into words; the server itself is control/http.
 */
#ifndef CONTROL_API_API_H
#define CONTROL_API_API_H

#include <stddef.h>
#include <uv.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "control/http/server.h"
#include "control/publish/publisher.h"
#include "shared/compiler.h"

struct api;

/* What it asks, and is lent for its life; config until the next one. */
struct api_parts {
	const struct config *config;
	struct engine *engine;
	struct publisher *publisher;
};

/* Loop thread. Opens what the section api of the configuration names. */
MUST_CHECK int api_open(uv_loop_t *loop, const struct api_parts *parts, struct api **out,
                        char *text, size_t text_size);

/* Loop thread. To go by another configuration: prepare reads the files of the key and of the certificate again
 * and opens what is new to listen on, and says in text what is wrong; then one of the other two follows,
 * which do not fail. Its Unix socket and the addresses of HTTPS stay as they are. */
MUST_CHECK int api_prepare(struct api *a, const struct config *next, char *text,
                           size_t text_size);
void api_configure(struct api *a, const struct config *next);
void api_abandon(struct api *a);

/* Loop thread. Before the engine is closed: requests under way are answered to nobody then. The
 * memory goes when the engine has answered them. */
void api_close(struct api **a);

/* Loop thread. The zones of the configuration have been loaded once: from now on /readyz may say
 * so. */
void api_loaded(struct api *a);

/* Loop thread. Adds routes, lent for its life; their handlers get arg. Those that the guard lets
 * through without a key have HTTP_OPEN. */
void api_routes(struct api *a, const struct http_route *routes, size_t count, void *arg);

#endif
