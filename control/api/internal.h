/* What the files of the API share. Everything belongs to the loop thread. */
#ifndef CONTROL_API_INTERNAL_H
#define CONTROL_API_INTERNAL_H

#include "control/access/gate.h"
#include "control/access/rates.h"
#include "control/api/api.h"
#include "control/tls/certificate.h"

enum { API_KEY_HASH_SIZE = 32 };

/* What the file of the key says. */
struct file_key {
	bool is_there;
	uint8_t hash[API_KEY_HASH_SIZE]; /* SHA-256 */
};

struct api {
	const struct config *config;
	struct engine *engine;
	struct publisher *publisher;
	struct http_server *server;
	struct gate *gate;
	struct rates *rates; /* NULL: any number of requests */
	bool loaded;
	struct file_key key;
	char fingerprint[TLS_FINGERPRINT_SIZE]; /* of the certificate; empty: none */
	/* Of the configuration that is prepared. */
	struct file_key next_key;
	char next_fingerprint[TLS_FINGERPRINT_SIZE];
	int64_t next_ends; /* its certificate, s since 1970; 0: there is none */
	unsigned handling; /* requests that the engine works on */
	unsigned streams;  /* batches of lines under way */
	uint64_t started;  /* uv_hrtime() in s */
	bool closed;
};

/* Answers a request with what a command has given. */
typedef void api_reply(struct api *a, struct http_request *r, const json_t *result);

/* A request that waits for the engine, and who answers it then. */
struct api_call {
	struct api *api;
	struct http_request *request;
	api_reply *reply;
	bool on_path; /* a refusal may say that there is no such path */
};

/* Runs a command; reply answers the request with its result, and failures are answered here. reply
 * NULL: the answer is the result as it is, also of failures, which may say more than an error. */
void api_run(struct api *a, struct http_request *r, const char *command,
             const json_t *args, api_reply *reply);

/* The same for a path that stands for one thing: refusals for known reasons have statuses of their
 * own, 403, 404 and 409. */
void api_run_on_path(struct api *a, struct http_request *r, const char *command,
                     const json_t *args, api_reply *reply);

/* Whether a request only wants to know what it would do (?dry-run). */
bool api_is_trial(const struct http_request *r);

/* A request that waits for the engine keeps the API's memory. */
void api_enter(struct api *a);
void api_leave(struct api *a);

/* ---- access.c ---- */

/* Reads the file of the key, if the configuration has one. */
MUST_CHECK int access_read_key(const struct config *c, struct file_key *out, char *text,
                               size_t text_size);
/* Gives each request that it lets pass the actor in whose name it is done. */
http_guard access_guard;

/* ---- the tables of routes; arg: struct api ---- */

void health_routes(struct api *a);
void scrape_routes(struct api *a);
void native_routes(struct api *a);
void page_routes(struct api *a);
void description_routes(struct api *a);
void servers_routes(struct api *a);
void zones_routes(struct api *a);
void batch_routes(struct api *a);
void metadata_routes(struct api *a);
void cryptokeys_routes(struct api *a);
void dnssec_routes(struct api *a);
void history_routes(struct api *a);
void search_routes(struct api *a);
void absent_routes(struct api *a);
void keys_routes(struct api *a);
void tsigkeys_routes(struct api *a);
void tenants_routes(struct api *a);
void audit_routes(struct api *a);
void backup_routes(struct api *a);
void configuration_routes(struct api *a);

#endif
