/* Commands that only look. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/engine_internal.h"
#include "shared/err.h"
#include "shared/histogram.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

enum { STUCK_ALARM_MB = 64 };

static json_t *counters_json(const uint64_t values[static COUNTER_COUNT])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < COUNTER_NAMED; i++)
		engine_set(o, counter_name((enum counter_index)i),
		           engine_number(values[i]));
	return o;
}

static json_t *types_json(const uint64_t values[static COUNTER_COUNT])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < COUNTED_TYPES; i++)
		engine_set(o, counter_type_name((enum counted_type)i),
		           engine_number(values[COUNTER_TYPE + i]));
	return o;
}

/* open_ended: the last bucket has no limit. */
static json_t *histogram_json(const uint64_t counts[], unsigned n, unsigned low,
                              bool open_ended)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		json_t *o = json_object();
		bool last = open_ended && i + 1 == n;
		engine_set(o, "up_to",
		           last ? json_null() : engine_number(histogram_limit(i, low)));
		engine_set(o, "count", engine_number(counts[i]));
		json_array_append_new(list, o);
	}
	return list;
}

/* What has no name among the counters. */
static void add_distributions(json_t *o, const uint64_t values[static COUNTER_COUNT])
{
	engine_set(o, "types", types_json(values));
	engine_set(o, "burst_sizes",
	           histogram_json(values + COUNTER_BURST_SIZE, BURST_SIZES, 0, false));
	engine_set(o, "burst_ns",
	           histogram_json(values + COUNTER_BURST_TIME, BURST_TIMES,
	                          BURST_TIME_LOW, true));
}

/* From a data plane: what is not UTF-8 has no JSON. */
static json_t *plane_text(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_string("?");
}

static json_t *port_json(const struct ipc_port *p)
{
	json_t *o = json_object();

	engine_set(o, "name", plane_text(p->name));
	engine_set(o, "up", json_boolean(p->up));
	engine_set(o, "speed_mbit", p->speed ? engine_number(p->speed) : json_null());
	engine_set(o, "rx_packets", engine_number(p->rx_packets));
	engine_set(o, "rx_bytes", engine_number(p->rx_bytes));
	engine_set(o, "rx_missed", engine_number(p->rx_missed));
	engine_set(o, "rx_errors", engine_number(p->rx_errors));
	engine_set(o, "rx_no_buffer", engine_number(p->rx_nobuf));
	engine_set(o, "tx_packets", engine_number(p->tx_packets));
	engine_set(o, "tx_bytes", engine_number(p->tx_bytes));
	engine_set(o, "tx_errors", engine_number(p->tx_errors));
	return o;
}

static json_t *ports_json(struct engine *e, uint32_t pid)
{
	json_t *list = json_array();
	struct ipc_ports ports;

	publisher_ports(e->publisher, pid, &ports);
	for (unsigned i = 0; i < ports.count; i++)
		json_array_append_new(list, port_json(&ports.port[i]));
	return list;
}

/* Gives their number, and the list, which the caller frees. */
static unsigned attachments(struct engine *e, struct attachment_info **out)
{
	*out = calloc(ATTACHMENTS_MAX, sizeof **out);
	if (!*out)
		abort();
	return publisher_attachments(e->publisher, *out);
}

static json_t *attachment_json(const struct attachment_info *a)
{
	json_t *o = json_object();

	engine_set(o, "pid", engine_number(a->pid));
	engine_set(o, "io", plane_text(a->started.io));
	engine_set(o, "reason", plane_text(a->started.text));
	engine_set(o, "workers", engine_number(a->workers));
	engine_set(o, "generation", engine_number(a->generation));
	engine_set(o, "answered", engine_number(a->answered));
	engine_set(o, "silent_ms", engine_number(a->silent_ms));
	engine_set(o, "stopped", json_boolean(a->stopped));
	return o;
}

static unsigned udp_sockets(const struct engine *e)
{
	return atomic_load_explicit(&e->committer.source.udp_sockets,
	                            memory_order_relaxed);
}

static void add_alarms(const struct engine *e, const struct attachment_info *info,
                       unsigned n, json_t *alarms)
{
	for (unsigned i = 0; i < n; i++) {
		if (info[i].stopped)
			json_array_append_new(
				alarms,
				json_sprintf("data plane %u has not answered for %llu ms",
			                     info[i].pid,
			                     (unsigned long long)info[i].silent_ms));
	}
	if (n == 0)
		json_array_append_new(
			alarms,
			json_string(udp_sockets(e) ? "no data plane is attached: the "
		                                     "control plane answers over "
		                                     "UDP, slowly"
		                                   : "no data plane is attached"));
}

/* For status: with ports, and with alarms. */
static json_t *attachments_status(struct engine *e, json_t *alarms)
{
	struct attachment_info *info;
	unsigned n = attachments(e, &info);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		json_t *o = attachment_json(&info[i]);
		engine_set(o, "ports", ports_json(e, info[i].pid));
		json_array_append_new(list, o);
	}
	add_alarms(e, info, n, alarms);
	free(info);
	return list;
}

static json_t *workers_json(struct engine *e, const struct attachment_info *a)
{
	uint64_t values[COUNTER_COUNT];
	json_t *list = json_array();

	for (unsigned i = 0; i < a->workers; i++) {
		json_t *o = json_object();
		publisher_worker_counters(e->publisher, a->pid, i, values);
		engine_set(o, "counters", counters_json(values));
		add_distributions(o, values);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *attachments_stats(struct engine *e)
{
	struct attachment_info *info;
	unsigned n = attachments(e, &info);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		json_t *o = attachment_json(&info[i]);
		engine_set(o, "counters", counters_json(info[i].counters));
		add_distributions(o, info[i].counters);
		engine_set(o, "per_worker", workers_json(e, &info[i]));
		json_array_append_new(list, o);
	}
	free(info);
	return list;
}

static void add_zone_counts(const struct shown_figures *shown, json_t *result,
                            json_t *alarms)
{
	const struct registry_totals n = shown->totals;
	json_t *zones = json_object();

	engine_set(zones, "served", engine_number(n.served));
	engine_set(zones, "failed", engine_number(n.failed));
	engine_set(zones, "total", engine_number(shown->zones));
	engine_set(result, "zones", zones);
	engine_set(result, "records", engine_number(n.records));
	engine_set(result, "rrsets", engine_number(n.rrsets));
	if (n.failed > 0)
		json_array_append_new(
			alarms, json_sprintf("the last load of %llu zones was refused",
		                             (unsigned long long)n.failed));
}

static void add_table(const struct writer_usage *usage, json_t *result, json_t *alarms)
{
	const struct writer_usage u = *usage;
	json_t *table = json_object();

	engine_set(table, "bytes_used", engine_number(u.used));
	engine_set(table, "bytes_free", engine_number(u.free));
	engine_set(table, "bytes_retired", engine_number(u.retired));
	engine_set(table, "bytes_limit", engine_number(u.limit));
	engine_set(table, "resident", engine_number(u.resident));
	engine_set(table, "names", engine_number(u.names));
	engine_set(table, "buckets", engine_number(u.buckets));
	engine_set(result, "table", table);
	if (u.retired > (uint64_t)STUCK_ALARM_MB << 20)
		json_array_append_new(
			alarms,
			json_sprintf("%llu bytes of the table wait for a grace period",
		                     (unsigned long long)u.retired));
}

static void add_store(struct engine *e, json_t *result)
{
	struct store_usage u;
	json_t *store = json_object();

	if (store_usage(e->committer.store, &u) == 0) {
		engine_set(store, "bytes_used", engine_number(u.bytes_used));
		engine_set(store, "bytes_reserved", engine_number(u.bytes_reserved));
	}
	engine_set(result, "store", store);
}

static uint64_t uptime(const struct engine *e)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - e->started.tv_sec);
}

enum engine_outcome command_status(struct engine *e, const json_t *args, json_t *result)
{
	json_t *alarms = json_array();
	struct shown_figures shown;

	(void)args;
	shown_look(&e->shown, &shown);
	engine_set(result, "version", json_string(ANSER_VERSION));
	engine_set(result, "pid", engine_number((uint64_t)getpid()));
	engine_set(result, "uptime_s", engine_number(uptime(e)));
	engine_set(result, "config", json_string(e->config->path));
	engine_set(result, "generation", engine_number(shown.generation));
	engine_set(result, "commit", engine_number(shown.commits));
	add_zone_counts(&shown, result, alarms);
	add_table(&shown.table, result, alarms);
	add_store(e, result);
	audit_status(e, result, alarms);
	engine_set(result, "tcp_connections",
	           engine_number(atomic_load_explicit(&e->committer.source.connections,
	                                              memory_order_relaxed)));
	engine_set(result, "udp_sockets", engine_number(udp_sockets(e)));
	engine_set(result, "attachments", attachments_status(e, alarms));
	if (shown.sync_error[0])
		json_array_append_new(
			alarms, json_sprintf("loading zones: %s", shown.sync_error));
	if (shown.overtaken > 0)
		json_array_append_new(
			alarms,
			json_sprintf(
				"%llu zones were edited and their files have changed "
				"since: zone reload NAME reads them",
				(unsigned long long)shown.overtaken));
	const char *state = !shown.synced             ? "loading"
	                    : json_array_size(alarms) ? "degraded"
	                                              : "ok";
	engine_set(result, "state", json_string(state));
	engine_set(result, "alarms", alarms);
	return ENGINE_OK;
}

enum engine_outcome command_stats(struct engine *e, const json_t *args, json_t *result)
{
	uint64_t values[COUNTER_COUNT];

	(void)args;
	publisher_counters(e->publisher, values);
	counters_add(e->committer.source.counters, values);
	engine_set(result, "counters", counters_json(values));
	add_distributions(result, values);
	engine_set(result, "attachments", attachments_stats(e));
	return ENGINE_OK;
}

enum engine_outcome command_version(struct engine *e, const json_t *args, json_t *result)
{
	(void)e;
	(void)args;
	engine_set(result, "version", json_string(ANSER_VERSION));
	engine_set(result, "layout", engine_number(TABLE_LAYOUT));
	return ENGINE_OK;
}

enum engine_outcome command_conf_show(struct engine *e, const json_t *args,
                                      json_t *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)args;
	if (!to)
		abort();
	config_show(e->config, to);
	if (fclose(to) != 0)
		abort();
	engine_set(result, "text", json_stringn(text, size));
	free(text);
	return ENGINE_OK;
}

enum engine_outcome command_conf_check(struct engine *e, const json_t *args,
                                       json_t *result)
{
	const char *file = json_string_value(json_object_get(args, "file"));
	struct config *config = NULL;
	struct diag diag;

	diag_init(&diag);
	int err = config_read(file ? file : e->config->path, &config, &diag);
	engine_set(result, "diagnostics", engine_diagnostics(&diag));
	diag_fini(&diag);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s: %s",
		                   file ? file : e->config->path, err_text(err));
	config_free(config);
	return ENGINE_OK;
}

/* ---- zones ---- */

static json_t *zone_json(struct engine *e, const struct store_zone *z)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();
	struct shown_failure failure = {.loaded = true};
	bool failed = shown_failed(&e->shown, z->name, &failure);
	bool loaded = z->loaded && failure.loaded;

	engine_set(o, "name", json_string(name_to_text(z->name, text)));
	engine_set(o, "state",
	           json_string(failed   ? "failed"
	                       : loaded ? "served"
	                                : "empty"));
	engine_set(o, "serial", loaded ? engine_number(z->serial) : json_null());
	engine_set(o, "records", engine_number(z->records));
	engine_set(o, "rrsets", engine_number(z->rrsets));
	json_t *source = json_string(z->source); /* NULL: a path that is not UTF-8 */
	engine_set(o, "source", source ? source : json_string("?"));
	engine_set(o, "changed_at", engine_number(z->changed_at));
	if (failed && failure.text[0])
		engine_set(o, "error", json_string(failure.text));
	return o;
}

/* "*" stands for any run of characters. */
static bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == 0;
}

struct listing {
	struct engine *e;
	const char *match;
	json_t *zones;
};

static int list_zone(const struct store_zone *z, void *arg)
{
	struct listing *l = arg;
	char text[NAME_TEXT_MAX];

	if (!l->match || glob_match(l->match, name_to_text(z->name, text)))
		json_array_append_new(l->zones, zone_json(l->e, z));
	return 0;
}

enum engine_outcome command_zone_list(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct listing l = {
		.e = e,
		.match = json_string_value(json_object_get(args, "match")),
		.zones = json_array(),
	};
	struct store_txn *t;

	engine_set(result, "zones", l.zones);
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_zone_each(t, list_zone, &l);
		store_abort(&t);
	}
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return ENGINE_OK;
}

/* Commit thread: how a zone denies is the compiler's knowledge. */
enum engine_outcome command_zone_show(struct engine *e, const json_t *args,
                                      json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct store_zone stored = {0};
	struct store_txn *t;

	if (bad != ENGINE_OK)
		return bad;
	const struct zone *z = registry_find(e->committer.registry, name);
	if (!z)
		return engine_fail(result, ENGINE_REFUSED, "no zone %s",
		                   json_string_value(json_object_get(args, "zone")));
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_zone_get(t, name, &stored);
		store_abort(&t);
	}
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	json_t *o = zone_json(e, &stored);
	engine_set(o, "id", engine_number(z->table.id));
	engine_set(o, "added", json_boolean(z->added));
	engine_set(o, "denial",
	           json_string(z->table.denial == ZONE_NSEC    ? "nsec"
	                       : z->table.denial == ZONE_NSEC3 ? "nsec3"
	                                                       : "none"));
	json_object_update(result, o);
	json_decref(o);
	return ENGINE_OK;
}
