#include "control/http/router.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void router_add(struct router *r, const struct http_route *routes, size_t count,
                void *arg)
{
	assert(r->table_count < ROUTER_TABLES_MAX);
	r->tables[r->table_count].routes = routes;
	r->tables[r->table_count].count = count;
	r->tables[r->table_count].arg = arg;
	r->table_count++;
}

static bool segment_fits(const char *pattern, size_t len, const char *segment)
{
	if (len == 2 && !strncmp(pattern, "{}", len))
		return segment[0] != '\0';
	return strlen(segment) == len && !strncmp(pattern, segment, len);
}

static bool fits(const char *pattern, const struct target *t)
{
	unsigned i = 0;

	while (*pattern == '/' && pattern[1]) {
		size_t len = strcspn(++pattern, "/");
		if (i == t->segment_count || !segment_fits(pattern, len, t->segments[i]))
			return false;
		i++;
		pattern += len;
	}
	return i == t->segment_count;
}

const struct http_route *router_next(const struct router *r, struct router_place *at)
{
	while (at->table < r->table_count && at->route == r->tables[at->table].count)
		*at = (struct router_place){.table = at->table + 1};
	return at->table < r->table_count ? &r->tables[at->table].routes[at->route++]
	                                  : NULL;
}

struct router_match router_find(const struct router *r, const char *method,
                                const struct target *t)
{
	struct router_match match = {0};
	struct router_place at = {0};
	const struct http_route *route;

	if (!strcmp(method, "HEAD"))
		method = "GET";
	while ((route = router_next(r, &at))) {
		if (!fits(route->pattern, t))
			continue;
		match.known = true;
		if (strcmp(route->method, method) != 0)
			continue;
		match.route = route;
		match.arg = r->tables[at.table].arg;
		return match;
	}
	return match;
}

static void add_method(char text[static ROUTER_METHODS_MAX], const char *method)
{
	size_t len = strlen(text);

	if (!strstr(text, method))
		(void)snprintf(text + len, ROUTER_METHODS_MAX - len, "%s%s",
		               len ? ", " : "", method);
}

void router_methods(const struct router *r, const struct target *t,
                    char text[static ROUTER_METHODS_MAX])
{
	struct router_place at = {0};
	const struct http_route *route;

	text[0] = '\0';
	while ((route = router_next(r, &at)))
		if (fits(route->pattern, t))
			add_method(text, route->method);
	add_method(text, "OPTIONS");
}
