#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"

/* ---- status ---- */

static const struct column status_columns[] = {
	{"state", "state", COLUMN_STATE},
	{"version", "version", COLUMN_TEXT},
	{"pid", "pid", COLUMN_NUMBER},
	{"up for", "uptime_s", COLUMN_SECONDS},
	{"configuration", "config", COLUMN_TEXT},
	{"generation", "generation", COLUMN_NUMBER},
	{"commit", "commit", COLUMN_NUMBER},
	{"zones", "zones.total", COLUMN_NUMBER},
	{"zones served", "zones.served", COLUMN_NUMBER},
	{"zones failed", "zones.failed", COLUMN_NUMBER},
	{"records", "records", COLUMN_NUMBER},
	{"RRsets", "rrsets", COLUMN_NUMBER},
	{"names", "table.names", COLUMN_NUMBER},
	{"table used", "table.bytes_used", COLUMN_BYTES},
	{"table free", "table.bytes_free", COLUMN_BYTES},
	{"table retired", "table.bytes_retired", COLUMN_BYTES},
	{"table resident", "table.resident", COLUMN_BYTES},
	{"table buckets", "table.buckets", COLUMN_NUMBER},
	{"store used", "store.bytes_used", COLUMN_BYTES},
	{"store reserved", "store.bytes_reserved", COLUMN_BYTES},
	{"TCP connections", "tcp_connections", COLUMN_NUMBER},
	{"UDP sockets", "udp_sockets", COLUMN_NUMBER},
	{"DNS cert days", "certificates.dns.days_left", COLUMN_NUMBER},
	{"HTTPS cert days", "certificates.https.days_left", COLUMN_NUMBER},
};

static const struct column attachment_columns[] = {
	{"DATA PLANE", "pid", COLUMN_NUMBER},
	{"IO", "io", COLUMN_TEXT},
	{"WORKERS", "workers", COLUMN_NUMBER},
	{"GENERATION", "generation", COLUMN_NUMBER},
	{"GRACE", "answered", COLUMN_NUMBER},
	{"SILENT MS", "silent_ms", COLUMN_NUMBER},
	{"STOPPED", "stopped", COLUMN_TEXT},
};

static const struct column reason_columns[] = {
	{"DATA PLANE", "pid", COLUMN_NUMBER},
	{"WHY THIS IO", "reason", COLUMN_TEXT},
};

static const struct column port_columns[] = {
	{"DATA PLANE", "pid", COLUMN_NUMBER},
	{"PORT", "name", COLUMN_TEXT},
	{"LINK", "link", COLUMN_TEXT},
	{"MBIT/S", "speed_mbit", COLUMN_NUMBER},
	{"RX PACKETS", "rx_packets", COLUMN_NUMBER},
	{"TX PACKETS", "tx_packets", COLUMN_NUMBER},
	{"MISSED", "rx_missed", COLUMN_NUMBER},
	{"NO BUFFER", "rx_no_buffer", COLUMN_NUMBER},
	{"RX ERRORS", "rx_errors", COLUMN_NUMBER},
	{"TX ERRORS", "tx_errors", COLUMN_NUMBER},
};

/* Makes one row of each port of each data plane. */
static json_t *port_rows(const json_t *attachments)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < json_array_size(attachments); i++) {
		const json_t *a = json_array_get(attachments, i);
		const json_t *ports = json_object_get(a, "ports");
		for (size_t n = 0; n < json_array_size(ports); n++) {
			json_t *row = json_copy(json_array_get(ports, n));
			bool up = json_is_true(json_object_get(row, "up"));
			if (!row ||
			    json_object_set(row, "pid", json_object_get(a, "pid")) < 0 ||
			    json_object_set_new(row, "link",
			                        json_string(up ? "up" : "down")) < 0 ||
			    json_array_append_new(rows, row) < 0)
				abort();
		}
	}
	return rows;
}

static void show_attachments(struct cli *c, const json_t *attachments)
{
	json_t *ports = port_rows(attachments);

	print_grid(c, attachment_columns, ARRAY_LEN(attachment_columns), attachments);
	(void)fputc('\n', stdout);
	print_grid(c, reason_columns, ARRAY_LEN(reason_columns), attachments);
	if (json_array_size(ports)) {
		(void)fputc('\n', stdout);
		print_grid(c, port_columns, ARRAY_LEN(port_columns), ports);
	}
	json_decref(ports);
}

static void show_status(struct cli *c, const json_t *result)
{
	const json_t *attachments = json_object_get(result, "attachments");
	const json_t *alarms = json_object_get(result, "alarms");

	print_fields(c, status_columns, ARRAY_LEN(status_columns), result);
	for (size_t i = 0; i < json_array_size(alarms); i++) {
		const char *text = json_string_value(json_array_get(alarms, i));
		(void)fputs(c->plain ? "alarm\t" : "ALARM: ", stdout);
		print_text(text ? text : "", stdout);
		(void)fputc('\n', stdout);
	}
	if (c->plain)
		return;
	(void)fputc('\n', stdout);
	if (json_array_size(attachments))
		show_attachments(c, attachments);
	else if (json_integer_value(json_object_get(result, "udp_sockets")) > 0)
		(void)puts(
			"No data plane is attached: the control plane answers over UDP, "
			"slowly.");
	else
		(void)puts("No data plane is attached: nothing answers over UDP.");
}

static bool is_ready(const json_t *result)
{
	const char *state = json_string_value(json_object_get(result, "state"));

	return state && strcmp(state, "loading") != 0 &&
	       json_array_size(json_object_get(result, "attachments")) > 0;
}

/* Asks until the server is there and ready. */
static enum engine_outcome wait_until_ready(struct cli *c, json_t **result)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	uint64_t deadline = client_now() + c->timeout_ms;

	for (;;) {
		enum engine_outcome outcome = cli_call(c, "status", NULL, result);
		uint64_t now = client_now();

		if (outcome == ENGINE_OK && is_ready(*result))
			return ENGINE_OK;
		if (outcome != ENGINE_OK && outcome != ENGINE_NOT_RUNNING)
			return outcome;
		if (now >= deadline)
			return ENGINE_TIMED_OUT;
		c->timeout_ms = (unsigned)(deadline - now);
		json_decref(*result);
		*result = NULL;
		(void)nanosleep(&pause, NULL);
	}
}

enum engine_outcome run_status(struct cli *c)
{
	json_t *result = NULL;

	if (c->wait != WAIT_YES)
		return cli_ask(c, "status", NULL, show_status);
	enum engine_outcome outcome = wait_until_ready(c, &result);
	if (c->json)
		print_json(result);
	else if (json_object_get(result, "error"))
		cli_report(result);
	else
		show_status(c, result);
	if (outcome == ENGINE_TIMED_OUT)
		(void)fputs("anserctl: not ready in time\n", stderr);
	json_decref(result);
	return outcome;
}

/* ---- stats ---- */

enum { PLANES_MAX = 16, HEADING_MAX = 24, PATH_LEN_MAX = 24 };

/* Makes rows {name, total, p0, p1, ...} of the counters' objects. */
static json_t *counter_rows(const json_t *result, const json_t *planes)
{
	json_t *counters = json_object_get(result, "counters");
	json_t *rows = json_array();
	const char *name;
	json_t *total;

	json_object_foreach(counters, name, total)
	{
		json_t *row = json_pack("{s:s,s:O}", "name", name, "total", total);
		for (size_t i = 0; row && i < json_array_size(planes) && i < PLANES_MAX;
		     i++) {
			char key[PATH_LEN_MAX];
			json_t *own =
				json_object_get(json_array_get(planes, i), "counters");
			(void)snprintf(key, sizeof key, "p%zu", i);
			(void)json_object_set(row, key, json_object_get(own, name));
		}
		if (!row || json_array_append_new(rows, row) < 0)
			abort();
	}
	return rows;
}

static void show_stats(struct cli *c, const json_t *result)
{
	const json_t *planes = json_object_get(result, "attachments");
	size_t count = json_array_size(planes) < PLANES_MAX ? json_array_size(planes)
	                                                    : PLANES_MAX;
	char headings[PLANES_MAX][HEADING_MAX];
	char paths[PLANES_MAX][PATH_LEN_MAX];
	struct column columns[PLANES_MAX + 2] = {
		{"COUNTER", "name", COLUMN_TEXT},
		{"TOTAL", "total", COLUMN_NUMBER},
	};

	for (size_t i = 0; i < count; i++) {
		const json_t *pid = json_object_get(json_array_get(planes, i), "pid");
		(void)snprintf(headings[i], sizeof headings[i],
		               "PID %" JSON_INTEGER_FORMAT, json_integer_value(pid));
		(void)snprintf(paths[i], sizeof paths[i], "p%zu", i);
		columns[i + 2] = (struct column){headings[i], paths[i], COLUMN_NUMBER};
	}
	json_t *rows = counter_rows(result, planes);
	print_grid(c, columns, count + 2, rows);
	json_decref(rows);
}

static void show_zone_stats(struct cli *c, const json_t *result)
{
	static const struct column columns[] = {
		{"ZONE", "zone", COLUMN_TEXT},
		{"QUERIES", "queries", COLUMN_NUMBER},
		{"NOERROR", "noerror", COLUMN_NUMBER},
		{"NXDOMAIN", "nxdomain", COLUMN_NUMBER},
		{"OTHER", "other", COLUMN_NUMBER},
	};

	print_grid(c, columns, ARRAY_LEN(columns), json_object_get(result, "zones"));
}

enum engine_outcome run_stats(struct cli *c)
{
	json_t *args = cli_args();

	if (c->arg_count && cli_put_text(args, "zone", c->args[0]))
		return cli_ask(c, "stats", args, show_zone_stats);
	json_decref(args);
	if (c->arg_count)
		return ENGINE_USAGE;
	return cli_ask(c, "stats", NULL, show_stats);
}

/* ---- metrics ---- */

static void show_metrics(struct cli *c, const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	(void)c;
	(void)fputs(text ? text : "", stdout);
}

enum engine_outcome run_metrics(struct cli *c)
{
	return cli_ask(c, "metrics", NULL, show_metrics);
}

/* ---- explain, version ---- */

static void show_lines(struct cli *c, const json_t *result)
{
	const json_t *lines = json_object_get(result, "lines");

	(void)c;
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *text = json_string_value(json_array_get(lines, i));
		print_text(text ? text : "", stdout);
		(void)fputc('\n', stdout);
	}
}

enum engine_outcome run_explain(struct cli *c)
{
	json_t *args = json_pack("{s:b}", "dnssec", c->dnssec);

	if (!args)
		abort();
	if (!cli_put_text(args, "name", c->args[0]) ||
	    !cli_put_text(args, "type", c->arg_count > 1 ? c->args[1] : "A")) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "explain", args, show_lines);
}

static const struct column version_columns[] = {
	{"version", "version", COLUMN_TEXT},
	{"table layout", "layout", COLUMN_NUMBER},
};

static void show_version(struct cli *c, const json_t *result)
{
	print_fields(c, version_columns, ARRAY_LEN(version_columns), result);
}

enum engine_outcome run_version(struct cli *c)
{
	return cli_ask(c, "version", NULL, show_version);
}
