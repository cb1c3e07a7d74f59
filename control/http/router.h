/*
 * Which handler answers which method on which path. Tables are registered by those whose handlers
 * they name; the first route that fits counts.
 */
#ifndef CONTROL_HTTP_ROUTER_H
#define CONTROL_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "control/http/target.h"

struct http_request;

/* Loop thread. Answers now or later, exactly once (http.h). arg: as given with the table. */
typedef void http_handler(void *arg, struct http_request *r);

enum {
	HTTP_OPEN = 1, /* needs no key from this machine */
	HTTP_JSON = 2, /* takes a body, which must be JSON */
	/* Takes a body of application/x-ndjson as it comes (stream.h). */
	HTTP_LINES = 4,
};

struct http_route {
	const char *method;
	const char *
		pattern; /* "/api/v1/servers/{}": {} is any one segment that is not empty */
	unsigned flags;
	http_handler *run;
};

enum { ROUTER_TABLES_MAX = 32, ROUTER_METHODS_MAX = 96 };

struct router {
	struct {
		const struct http_route *routes;
		size_t count;
		void *arg;
	} tables[ROUTER_TABLES_MAX];
	unsigned table_count;
};

struct router_match {
	const struct http_route *route; /* NULL: none with that method */
	void *arg;
	bool known; /* the path has a route with some method */
};

/* routes: lent for the router's life. */
void router_add(struct router *r, const struct http_route *routes, size_t count,
                void *arg);

/* Where a walk over all routes is; all zero: before the first. */
struct router_place {
	unsigned table;
	size_t route;
};

/* Gives the next route in the order in which they are tried, or NULL. at->table is its table. */
const struct http_route *router_next(const struct router *r, struct router_place *at);

/* HEAD is GET. */
struct router_match router_find(const struct router *r, const char *method,
                                const struct target *t);

/* Writes the methods of a path, and OPTIONS: "GET, PATCH, OPTIONS". */
void router_methods(const struct router *r, const struct target *t,
                    char text[static ROUTER_METHODS_MAX]);

#endif
