/*
 * The server as clients of PowerDNS see it: /api and /api/v1, the one server "localhost", its
 * settings and its statistics. Members, types and names are those that clients look for; what
 * is shown is Anser's own.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/internal.h"
#include "control/must.h"
#include "shared/address.h"
#include "shared/compiler.h"

#define SERVER "/api/v1/servers/localhost"

static void serve_versions(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 200,
	                json_pack("[{s:s, s:i}]", "url", "/api/v1", "version", 1));
}

static void serve_v1(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 200,
	                json_pack("[{s:s, s:[]}]", "server_url",
	                          "/api/v1/servers{/server}", "api_features"));
}

static json_t *server_json(const struct api *a)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type", "Server",
	                 "id", "localhost", "daemon_type", "authoritative", "version",
	                 a->config->api_powerdns_version, "url", SERVER, "config_url",
	                 SERVER "/config{/config_setting}", "zones_url",
	                 SERVER "/zones{/zone}", "autoprimaries_url",
	                 SERVER "/autoprimaries{/autoprimary}");
}

static void serve_servers(void *arg, struct http_request *r)
{
	http_reply_json(r, 200, json_pack("[o]", server_json(arg)));
}

static void serve_server(void *arg, struct http_request *r)
{
	http_reply_json(r, 200, server_json(arg));
}

/* ---- settings ---- */

static void add_setting(json_t *list, const char *name, const char *value)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "type",
	                                      "ConfigSetting", "value", value));
}

static void add_number(json_t *list, const char *name, unsigned value)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%u", value);
	add_setting(list, name, text);
}

/* "192.0.2.1:53, [2001:db8::1]:53" */
static void add_addresses(json_t *list, const char *name,
                          const struct sockaddr_storage *addresses, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = must_open_text(&text, &size);

	for (size_t i = 0; i < count; i++) {
		char address[ADDRESS_TEXT_MAX];
		bool ipv6 = addresses[i].ss_family == AF_INET6;

		address_text(&addresses[i], address, sizeof address);
		char *at = strchr(address, '@');
		if (at)
			*at = '\0';
		(void)fprintf(to, ipv6 ? "%s[%s]:%s" : "%s%s:%s", i ? ", " : "", address,
		              at ? at + 1 : "");
	}
	must_close_text(to);
	add_setting(list, name, text);
	free(text);
}

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

/* In the order of their names, under those that PowerDNS has for the same. */
static void serve_config(void *arg, struct http_request *r)
{
	const struct api *a = arg;
	const struct config *c = a->config;
	json_t *list = json_array();

	add_setting(list, "api", "yes");
	add_setting(list, "api-key", a->key.is_there ? "***" : "");
	add_setting(list, "config-dir", c->path);
	add_setting(list, "daemon", "no");
	add_setting(list, "enable-lua-records", "no");
	add_setting(list, "expand-alias", "no");
	add_setting(list, "launch", "anser");
	add_addresses(list, "local-address", c->listen, c->listen_count);
	add_number(list, "max-tcp-connections", c->tcp_max_connections);
	add_number(list, "max-tcp-connections-per-client", c->tcp_max_per_client);
	add_number(list, "receiver-threads", c->workers);
	add_setting(list, "server-id", c->id);
	add_number(list, "udp-truncation-threshold", c->udp_max_ipv4);
	add_setting(list, "version-string", c->version);
	add_setting(list, "webserver", yes_no(c->api_listen.count));
	add_addresses(list, "webserver-address", c->api_listen.at, c->api_listen.count);
	add_number(list, "webserver-max-bodysize", c->api_max_body >> 20);
	http_reply_json(r, 200, list);
}

/* ---- statistics ---- */

static void add_item(json_t *list, const char *name, json_int_t value)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", name, "type",
	                                      "StatisticItem", "value",
	                                      json_sprintf("%lld", value)));
}

static json_int_t counter(const json_t *counters, const char *name)
{
	return json_integer_value(json_object_get(counters, name));
}

/* Names that PowerDNS has for what Anser counts, over all transports where it does not tell them
 * apart. */
static void add_known_items(json_t *list, const json_t *counters)
{
	static const struct {
		const char *name;
		const char *counter;
	} known[] = {
		{"noerror-packets", "rcode_noerror"},
		{"nxdomain-packets", "rcode_nxdomain"},
		{"servfail-packets", "rcode_servfail"},
		{"tcp-queries", "tcp"},
		{"unauth-packets", "rcode_refused"},
	};

	add_item(list, "udp-queries",
	         counter(counters, "queries") - counter(counters, "tcp"));
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		add_item(list, known[i].name, counter(counters, known[i].counter));
}

/* Each of Anser's own, under its own name. */
static void add_own_items(json_t *list, const json_t *counters)
{
	char name[64];
	const char *own;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)counters, own, value)
	{
		if (!json_is_integer(value))
			continue;
		(void)snprintf(name, sizeof name, "anser-%s", own);
		for (char *c = strchr(name, '_'); c; c = strchr(c, '_'))
			*c = '-';
		add_item(list, name, json_integer_value(value));
	}
}

static void add_rcodes(json_t *list, const json_t *counters)
{
	static const struct {
		const char *name;
		const char *counter;
	} rcodes[] = {
		{"No Error", "rcode_noerror"},
		{"Form Error", "rcode_formerr"},
		{"Server Failure", "rcode_servfail"},
		{"Non-Existent domain", "rcode_nxdomain"},
		{"Not Implemented", "rcode_notimp"},
		{"Query Refused", "rcode_refused"},
	};
	json_t *values = json_array();

	for (size_t i = 0; i < ARRAY_LEN(rcodes); i++)
		json_array_append_new(
			values,
			json_pack("{s:s, s:o}", "name", rcodes[i].name, "value",
		                  json_sprintf("%lld",
		                               counter(counters, rcodes[i].counter))));
	json_array_append_new(list,
	                      json_pack("{s:s, s:s, s:o}", "name", "response-by-rcode",
	                                "type", "MapStatisticItem", "value", values));
}

/* Estimates of the zones that are counted. */
static void add_zones(json_t *list, const json_t *zones)
{
	json_t *values = json_array();
	json_t *zone;
	size_t i;

	json_array_foreach(zones, i, zone)
	{
		json_array_append_new(
			values,
			json_pack("{s:O, s:o}", "name", json_object_get(zone, "zone"),
		                  "value",
		                  json_sprintf("%lld", counter(zone, "queries"))));
	}
	json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name",
	                                      "anser-zone-queries-estimated", "type",
	                                      "MapStatisticItem", "value", values));
}

/* Keeps only those of that name. */
static json_t *only(json_t *list, const char *name)
{
	json_t *kept = json_array();
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (!strcmp(json_string_value(json_object_get(item, "name")), name))
			json_array_append(kept, item);
	}
	json_decref(list);
	return kept;
}

static void reply_statistics(struct api *a, struct http_request *r, const json_t *stats)
{
	const json_t *counters = json_object_get(stats, "counters");
	const char *name = target_parameter(&r->target, "statistic");
	json_t *list = json_array();

	add_item(list, "uptime", (json_int_t)(uv_hrtime() / 1000000000 - a->started));
	add_known_items(list, counters);
	add_own_items(list, counters);
	add_rcodes(list, counters);
	add_zones(list, json_object_get(stats, "zones"));
	if (name)
		list = only(list, name);
	if (json_array_size(list)) {
		http_reply_json(r, 200, list);
	} else {
		json_decref(list);
		http_reply_error(r, 422, "Unknown statistic name");
	}
}

static void serve_statistics(void *arg, struct http_request *r)
{
	api_run(arg, r, "stats", NULL, reply_statistics);
}

void servers_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/api", 0, serve_versions},
		{"GET", "/api/v1", 0, serve_v1},
		{"GET", "/api/v1/servers", 0, serve_servers},
		{"GET", SERVER, 0, serve_server},
		{"GET", SERVER "/config", 0, serve_config},
		{"GET", SERVER "/statistics", 0, serve_statistics},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
