/* What the files of the API share. Everything belongs to the loop thread. */
#ifndef CONTROL_API_INTERNAL_H
#define CONTROL_API_INTERNAL_H

#include "control/access/gate.h"
#include "control/api/api.h"

enum { API_KEY_HASH_SIZE = 32 };

struct api {
	const struct config *config;
	struct engine *engine;
	struct publisher *publisher;
	struct http_server *server;
	struct gate *gate;
	bool loaded;
	bool has_key;
	uint8_t key_hash[API_KEY_HASH_SIZE]; /* SHA-256 of the key */
	unsigned handling;                   /* requests that the engine works on */
	uint64_t started;                    /* uv_hrtime() in s */
	bool closed;
};

/* Answers a request with what a command has given. */
typedef void api_reply(const struct api *a, struct http_request *r, const json_t *result);

/* A request that waits for the engine, and who answers it then. */
struct api_call {
	struct api *api;
	struct http_request *request;
	api_reply *reply;
};

/* Runs a command; reply answers the request with its result. Failures are answered here. */
void api_run(struct api *a, struct http_request *r, const char *command,
             const json_t *args, api_reply *reply);

/* A request that waits for the engine keeps the API's memory. */
void api_enter(struct api *a);
void api_leave(struct api *a);

/* ---- access.c ---- */

/* Reads the file of the key. */
MUST_CHECK int access_open(struct api *a, char *text, size_t text_size);
/* Gives each request that it lets pass the actor in whose name it is done. */
http_guard access_guard;

/* ---- the tables of routes; arg: struct api ---- */

void health_routes(struct api *a);
void scrape_routes(struct api *a);
void native_routes(struct api *a);
void page_routes(struct api *a);
void servers_routes(struct api *a);
void zones_routes(struct api *a);
void batch_routes(struct api *a);
void metadata_routes(struct api *a);
void search_routes(struct api *a);

#endif
