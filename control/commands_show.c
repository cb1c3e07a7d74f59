/* "status", "stats" and "version": how the server is, and what it has done. */
#include <stdlib.h>
#include <unistd.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/qlog/figures.h"
#include "shared/clock.h"
#include "shared/histogram.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

enum { STUCK_ALARM_MB = 64, DAY = 86400 };

static json_t *counters_json(const uint64_t values[static COUNTER_COUNT])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < COUNTER_NAMED; i++)
		json_put(o, counter_name((enum counter_index)i), json_number(values[i]));
	return o;
}

static json_t *types_json(const uint64_t values[static COUNTER_COUNT])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < COUNTED_TYPES; i++)
		json_put(o, counter_type_name((enum counted_type)i),
		         json_number(values[COUNTER_TYPE + i]));
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
		json_put(o, "up_to",
		         last ? json_null() : json_number(histogram_limit(i, low)));
		json_put(o, "count", json_number(counts[i]));
		json_array_append_new(list, o);
	}
	return list;
}

/* What has no name among the counters. */
static void add_distributions(json_t *o, const uint64_t values[static COUNTER_COUNT])
{
	json_put(o, "types", types_json(values));
	json_put(o, "burst_sizes",
	         histogram_json(values + COUNTER_BURST_SIZE, BURST_SIZES, 0, false));
	json_put(o, "burst_ns",
	         histogram_json(values + COUNTER_BURST_TIME, BURST_TIMES, BURST_TIME_LOW,
	                        true));
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

	json_put(o, "name", plane_text(p->name));
	json_put(o, "up", json_boolean(p->up));
	json_put(o, "speed_mbit", p->speed ? json_number(p->speed) : json_null());
	json_put(o, "rx_packets", json_number(p->rx_packets));
	json_put(o, "rx_bytes", json_number(p->rx_bytes));
	json_put(o, "rx_missed", json_number(p->rx_missed));
	json_put(o, "rx_errors", json_number(p->rx_errors));
	json_put(o, "rx_no_buffer", json_number(p->rx_nobuf));
	json_put(o, "tx_packets", json_number(p->tx_packets));
	json_put(o, "tx_bytes", json_number(p->tx_bytes));
	json_put(o, "tx_errors", json_number(p->tx_errors));
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

	json_put(o, "pid", json_number(a->pid));
	json_put(o, "io", plane_text(a->started.io));
	json_put(o, "reason", plane_text(a->started.text));
	json_put(o, "workers", json_number(a->workers));
	json_put(o, "generation", json_number(a->generation));
	json_put(o, "answered", json_number(a->answered));
	json_put(o, "silent_ms", json_number(a->silent_ms));
	json_put(o, "stopped", json_boolean(a->stopped));
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
		json_put(o, "ports", ports_json(e, info[i].pid));
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
		json_put(o, "counters", counters_json(values));
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
		json_put(o, "counters", counters_json(info[i].counters));
		add_distributions(o, info[i].counters);
		json_put(o, "per_worker", workers_json(e, &info[i]));
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

	json_put(zones, "served", json_number(n.served));
	json_put(zones, "failed", json_number(n.failed));
	json_put(zones, "total", json_number(shown->zones));
	json_put(result, "zones", zones);
	json_put(result, "records", json_number(n.records));
	json_put(result, "rrsets", json_number(n.rrsets));
	if (n.failed > 0)
		json_array_append_new(
			alarms, json_sprintf("the last load of %llu zones was refused",
		                             (unsigned long long)n.failed));
}

static void add_table(const struct writer_usage *usage, json_t *result, json_t *alarms)
{
	const struct writer_usage u = *usage;
	json_t *table = json_object();

	json_put(table, "bytes_used", json_number(u.used));
	json_put(table, "bytes_free", json_number(u.free));
	json_put(table, "bytes_retired", json_number(u.retired));
	json_put(table, "bytes_limit", json_number(u.limit));
	json_put(table, "resident", json_number(u.resident));
	json_put(table, "names", json_number(u.names));
	json_put(table, "buckets", json_number(u.buckets));
	json_put(result, "table", table);
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
		json_put(store, "bytes_used", json_number(u.bytes_used));
		json_put(store, "bytes_reserved", json_number(u.bytes_reserved));
	}
	json_put(result, "store", store);
}

static uint64_t uptime(const struct engine *e)
{
	return (clock_now_ms() - e->started_ms) / 1000;
}

static void add_config(struct engine *e, json_t *result, json_t *alarms)
{
	pthread_mutex_lock(&e->lock);
	json_put(result, "config", json_string(e->config->path));
	if (e->config_error)
		json_array_append_new(alarms,
		                      json_sprintf("the configuration was refused: %s",
		                                   e->config_error));
	pthread_mutex_unlock(&e->lock);
}

static void add_alarm(json_t *alarms, uint64_t count, const char *one, const char *many)
{
	if (count > 0)
		json_array_append_new(alarms,
		                      json_sprintf("%llu %s", (unsigned long long)count,
		                                   count == 1 ? one : many));
}

static void add_transfer_alarms(const struct transfer_figures *f, json_t *alarms)
{
	add_alarm(alarms, figure_look(f, FIGURE_ZONES_EXPIRED),
	          "secondary zone has expired: zone secondaries tells why",
	          "secondary zones have expired: zone secondaries tells why");
	add_alarm(alarms, figure_look(f, FIGURE_PRIMARIES_DOWN),
	          "primary does not answer", "primaries do not answer");
	add_alarm(
		alarms, figure_look(f, FIGURE_ZONES_NO_IXFR),
		"secondary zone is fetched whole because its IXFR is wrong or refused: zone "
		"secondaries tells why",
		"secondary zones are fetched whole because their IXFR is wrong or refused: "
		"zone secondaries tells why");
}

/* Catalogs are other people's zones to actors that are confined. */
static void add_catalogs(struct engine *e, json_t *alarms)
{
	json_t *list = e->catalogs.list && !actor_is_confined(engine_job()->actor)
	                       ? e->catalogs.list(e->catalogs.arg)
	                       : NULL;
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_t *alarm = json_object_get(one, "alarm");
		if (json_is_string(alarm))
			(void)json_array_append(alarms, alarm);
	}
	json_decref(list);
}

static void add_signing(const struct engine *e, json_t *alarms)
{
	struct keeper_figures f = {0};

	if (e->keeper.count)
		e->keeper.count(e->keeper.arg, &f);
	add_alarm(alarms, f.troubled,
	          "zone is not kept signed as it should be: dnssec status tells why",
	          "zones are not kept signed as they should be: dnssec status tells why");
}

/* What is asked on the loop's thread, and what follows from all. */
static enum engine_outcome end_status(struct engine *e, const json_t *args,
                                      json_t *result)
{
	json_t *alarms = json_incref(json_object_get(result, "alarms"));
	struct shown_figures shown;

	(void)args;
	shown_look(&e->shown, &shown);
	(void)json_object_del(result, "alarms");
	add_signing(e, alarms);
	add_catalogs(e, alarms);
	const char *state = !shown.synced             ? "loading"
	                    : json_array_size(alarms) ? "degraded"
	                                              : "ok";
	json_put(result, "state", json_string(state));
	json_put(result, "alarms", alarms);
	return ENGINE_OK;
}

/* One that is about to be of no use is an alarm: who renews it has forgotten to, or to reload. */
static void add_certificates(struct engine *e, json_t *result, json_t *alarms)
{
	static const struct {
		const char *key;
		const char *name;
	} uses[CERTIFICATE_USES] = {
		[CERTIFICATE_DNS] = {"dns", "DNS over TLS"},
		[CERTIFICATE_HTTPS] = {"https", "HTTPS"},
	};
	long long now = (long long)(clock_wall_us() / 1000000);
	json_t *all = json_object();

	for (unsigned i = 0; i < CERTIFICATE_USES; i++) {
		long long ends = atomic_load_explicit(
			&e->committer.source.certificate_ends[i], memory_order_relaxed);

		if (!ends)
			continue;
		json_put(all, uses[i].key,
		         json_pack("{sIsI}", "expires_at", (json_int_t)ends, "days_left",
		                   (json_int_t)((ends - now) / DAY)));
		if (ends - now < DAY)
			json_array_append_new(
				alarms,
				json_sprintf("the certificate for %s %s", uses[i].name,
			                     ends < now ? "has expired"
			                                : "expires within a day"));
	}
	json_put(result, "certificates", all);
}

enum engine_outcome command_status(struct engine *e, const json_t *args, json_t *result)
{
	json_t *alarms = json_array();
	struct shown_figures shown;

	(void)args;
	shown_look(&e->shown, &shown);
	json_put(result, "version", json_string(ANSER_VERSION));
	json_put(result, "pid", json_number((uint64_t)getpid()));
	json_put(result, "uptime_s", json_number(uptime(e)));
	add_config(e, result, alarms);
	json_put(result, "generation", json_number(shown.generation));
	json_put(result, "commit", json_number(shown.commits));
	add_zone_counts(&shown, result, alarms);
	add_table(&shown.table, result, alarms);
	add_store(e, result);
	audit_status(e, result, alarms);
	add_transfer_alarms(&e->committer.source.transfers, alarms);
	json_put(result, "tcp_connections",
	         json_number(atomic_load_explicit(&e->committer.source.connections,
	                                          memory_order_relaxed)));
	json_put(result, "udp_sockets", json_number(udp_sockets(e)));
	add_certificates(e, result, alarms);
	json_put(result, "attachments", attachments_status(e, alarms));
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
	json_put(result, "alarms", alarms);
	engine_continue(ON_LOOP, end_status);
	return ENGINE_OK;
}

static json_t *zone_count_json(const struct zone_count *z)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	json_put(o, "zone", json_string(name_to_text(z->name, text)));
	json_put(o, "queries", json_number(z->noerror + z->nxdomain + z->other));
	json_put(o, "noerror", json_number(z->noerror));
	json_put(o, "nxdomain", json_number(z->nxdomain));
	json_put(o, "other", json_number(z->other));
	return o;
}

/* Of all zones that are counted, or of the one with that folded name. */
static json_t *counted_zones(struct engine *e, const uint8_t *name)
{
	struct zone_count zones[CONFIG_COUNTED_ZONES_MAX];
	unsigned n = zone_counts_look(&e->committer.source.log_figures->zones, zones);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		if (!name ||
		    memcmp(zones[i].name, name, name_len(name, NAME_MAX_LEN)) == 0)
			json_array_append_new(list, zone_count_json(&zones[i]));
	return list;
}

static json_t *tap_stats(const struct tap_figures *f)
{
	json_t *o = json_object();

	json_put(o, "sent",
	         json_number(atomic_load_explicit(&f->sent, memory_order_relaxed)));
	json_put(o, "lost",
	         json_number(atomic_load_explicit(&f->lost, memory_order_relaxed)));
	json_put(o, "connected",
	         json_boolean(atomic_load_explicit(&f->connected, memory_order_relaxed)));
	return o;
}

static void add_query_log(struct engine *e, json_t *result)
{
	const struct qlog_figures *f = e->committer.source.log_figures;
	json_t *dnstap = json_object();

	json_put(dnstap, "socket", tap_stats(&f->socket));
	json_put(dnstap, "file", tap_stats(&f->file));
	json_put(result, "dnstap", dnstap);
	if (!actor_is_confined(engine_job()->actor))
		json_put(result, "zones", counted_zones(e, NULL));
}

static enum engine_outcome stats_of_zone(struct engine *e, const json_t *args,
                                         json_t *result)
{
	uint8_t name[NAME_MAX_LEN] = {0};
	enum engine_outcome bad = engine_zone_arg(args, result, name);

	if (bad != ENGINE_OK)
		return bad;
	if (actor_is_confined(engine_job()->actor))
		return engine_fail(result, ENGINE_REFUSED, "%s may not do that",
		                   engine_job()->actor->name);
	json_t *zones = counted_zones(e, name);
	bool found = json_array_size(zones) > 0;
	json_put(result, "zones", zones);
	return found ? ENGINE_OK
	             : engine_fail(result, ENGINE_REFUSED,
	                           "%s is not counted: query-log.count-zones",
	                           json_string_value(json_object_get(args, "zone")));
}

enum engine_outcome command_stats(struct engine *e, const json_t *args, json_t *result)
{
	uint64_t values[COUNTER_COUNT];

	if (json_object_get(args, "zone"))
		return stats_of_zone(e, args, result);
	publisher_counters(e->publisher, values);
	counters_add(e->committer.source.counters, values);
	json_put(result, "counters", counters_json(values));
	add_distributions(result, values);
	json_put(result, "attachments", attachments_stats(e));
	add_query_log(e, result);
	return ENGINE_OK;
}

enum engine_outcome command_version(struct engine *e, const json_t *args, json_t *result)
{
	(void)e;
	(void)args;
	json_put(result, "version", json_string(ANSER_VERSION));
	json_put(result, "layout", json_number(TABLE_LAYOUT));
	return ENGINE_OK;
}
