#include "control/metrics/metrics.h"

#include <inttypes.h>

enum { NS_PER_S = 1000000000 };

/* ---- the format ---- */

static void family(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP anser_%s %s\n# TYPE anser_%s %s\n", name, help, name, type);
}

/* A metric without labels. */
static void single(FILE *to, const char *name, const char *type, uint64_t value,
                   const char *help)
{
	family(to, name, type, help);
	fprintf(to, "anser_%s %" PRIu64 "\n", name, value);
}

static void labelled(FILE *to, const char *name, const char *label, const char *text,
                     uint64_t value)
{
	fprintf(to, "anser_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, text, value);
}

/* A name that somebody else has chosen: what has a meaning in the format, or is not ASCII, is not
 * passed on. */
static void put_foreign(FILE *to, const char *text)
{
	for (; *text; text++) {
		bool safe = *text >= ' ' && *text <= '~' && *text != '"' && *text != '\\';
		(void)fputc(safe ? *text : '?', to);
	}
}

/* Powers of two from 2^low on, each in parts of the metric's unit; open_ended: the last bucket is for
 * all that is larger. */
struct distribution {
	const uint64_t *counts;
	unsigned buckets;
	unsigned low;
	bool open_ended;
	double unit;
	uint64_t sum;
};

static void histogram(FILE *to, const char *name, const struct distribution *d,
                      const char *help)
{
	uint64_t count = 0;

	family(to, name, "histogram", help);
	for (unsigned i = 0; i < d->buckets; i++) {
		count += d->counts[i];
		if (d->open_ended && i + 1 == d->buckets)
			break;
		fprintf(to, "anser_%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name,
		        (double)histogram_limit(i, d->low) / d->unit, count);
	}
	fprintf(to, "anser_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
	fprintf(to, "anser_%s_sum %.9f\n", name, (double)d->sum / d->unit);
	fprintf(to, "anser_%s_count %" PRIu64 "\n", name, count);
}

static void durations(FILE *to, const char *name, const struct durations *d,
                      const char *help)
{
	const struct distribution times = {.counts = d->count,
	                                   .buckets = DURATIONS,
	                                   .low = DURATION_LOW,
	                                   .open_ended = true,
	                                   .unit = NS_PER_S,
	                                   .sum = d->sum};

	histogram(to, name, &times, help);
}

/* ---- queries and responses ---- */

/* Counters that are metrics of their own. */
static const struct {
	enum counter_index counter;
	const char *name;
	const char *help;
} plain[] = {
	{COUNTER_queries, "queries_total", "Queries received."},
	{COUNTER_responses, "responses_total", "Responses made."},
	{COUNTER_bytes_in, "query_bytes_total", "Bytes of queries."},
	{COUNTER_bytes_out, "response_bytes_total", "Bytes of responses."},
	{COUNTER_truncated, "truncated_responses_total", "Responses with TC."},
	{COUNTER_referrals, "referrals_total", "Referrals to other servers."},
	{COUNTER_edns, "edns_queries_total", "Queries with OPT."},
	{COUNTER_dnssec_ok, "dnssec_ok_queries_total", "Queries with DO."},
	{COUNTER_cookies, "cookie_queries_total", "Queries with a cookie."},
	{COUNTER_cookies_valid, "valid_cookie_queries_total",
         "Queries with a valid server cookie."},
	{COUNTER_log_lost, "query_log_lost_total",
         "Queries that the query log had no room for."},
	{COUNTER_to_kernel, "frames_to_kernel_total", "Frames handed to the kernel."},
	{COUNTER_from_kernel, "frames_from_kernel_total", "Frames sent for the kernel."},
};

/* What one counter each has of a metric with one label. */
struct part {
	const char *label;
	enum counter_index counter;
};

static const struct part rcodes[] = {
	{"NOERROR", COUNTER_rcode_noerror},   {"FORMERR", COUNTER_rcode_formerr},
	{"SERVFAIL", COUNTER_rcode_servfail}, {"NXDOMAIN", COUNTER_rcode_nxdomain},
	{"NOTIMP", COUNTER_rcode_notimp},     {"REFUSED", COUNTER_rcode_refused},
	{"other", COUNTER_rcode_other},
};

static const struct part drops[] = {
	{"runt", COUNTER_dropped_runt},
	{"response", COUNTER_dropped_response},
	{"unsent", COUNTER_dropped_io},
	{"checksum", COUNTER_dropped_checksum},
	{"malformed", COUNTER_dropped_malformed},
	{"source", COUNTER_dropped_source},
	{"kernel_full", COUNTER_dropped_to_kernel},
};

static void write_parts(const struct metrics *m, FILE *to, const char *name,
                        const char *label, const struct part parts[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		labelled(to, name, label, parts[i].label, m->counters[parts[i].counter]);
}

static void write_queries(const struct metrics *m, FILE *to)
{
	const uint64_t *c = m->counters;
	const char *by_type = "queries_by_type_total";

	for (unsigned i = 0; i < ARRAY_LEN(plain); i++)
		single(to, plain[i].name, "counter", c[plain[i].counter], plain[i].help);
	family(to, "queries_by_protocol_total", "counter", "Queries received.");
	labelled(to, "queries_by_protocol_total", "protocol", "udp",
	         c[COUNTER_queries] - c[COUNTER_tcp]);
	labelled(to, "queries_by_protocol_total", "protocol", "tcp", c[COUNTER_tcp]);
	family(to, "queries_by_family_total", "counter", "Queries received.");
	labelled(to, "queries_by_family_total", "family", "ipv4", c[COUNTER_ipv4]);
	labelled(to, "queries_by_family_total", "family", "ipv6", c[COUNTER_ipv6]);
	family(to, by_type, "counter",
	       "Queries received; none: without a question that can be read.");
	for (unsigned i = 0; i < COUNTED_TYPES; i++)
		labelled(to, by_type, "type", counter_type_name((enum counted_type)i),
		         c[COUNTER_TYPE + i]);
	family(to, "responses_by_rcode_total", "counter", "Responses made.");
	write_parts(m, to, "responses_by_rcode_total", "rcode", rcodes,
	            ARRAY_LEN(rcodes));
	family(to, "dropped_total", "counter",
	       "Messages and frames that came to nothing.");
	write_parts(m, to, "dropped_total", "reason", drops, ARRAY_LEN(drops));
}

static void write_bursts(const struct metrics *m, FILE *to)
{
	const struct distribution sizes = {.counts = m->counters + COUNTER_BURST_SIZE,
	                                   .buckets = BURST_SIZES,
	                                   .unit = 1,
	                                   .sum = m->counters[COUNTER_queries]};
	const struct distribution times = {.counts = m->counters + COUNTER_BURST_TIME,
	                                   .buckets = BURST_TIMES,
	                                   .low = BURST_TIME_LOW,
	                                   .open_ended = true,
	                                   .unit = NS_PER_S,
	                                   .sum = m->counters[COUNTER_timed_ns]};

	histogram(to, "burst_queries", &sizes, "Queries answered at once.");
	histogram(to, "burst_duration_seconds", &times,
	          "Time to answer a burst, of one burst in 16.");
}

/* ---- who answers ---- */

static void put_worker(FILE *to, const char *name, uint32_t pid, const char *io,
                       unsigned worker)
{
	fprintf(to, "anser_%s{pid=\"%" PRIu32 "\",backend=\"", name, pid);
	put_foreign(to, io);
	fprintf(to, "\",worker=\"%u\"}", worker);
}

static void write_worker_counter(const struct metrics *m, FILE *to, const char *name,
                                 enum counter_index counter, const char *help)
{
	family(to, name, "counter", help);
	put_worker(to, name, m->pid, "control", 0);
	fprintf(to, " %" PRIu64 "\n", m->own[counter]);
	for (unsigned i = 0; i < m->plane_count; i++) {
		const struct metrics_plane *p = &m->planes[i];
		for (unsigned w = 0; w < p->workers; w++) {
			put_worker(to, name, p->pid, p->io, w);
			fprintf(to, " %" PRIu64 "\n", p->counts[w][counter]);
		}
	}
}

static void write_workers(const struct metrics *m, FILE *to)
{
	write_worker_counter(m, to, "worker_queries_total", COUNTER_queries,
	                     "Queries received by a worker.");
	write_worker_counter(m, to, "worker_responses_total", COUNTER_responses,
	                     "Responses made by a worker.");
	write_worker_counter(m, to, "worker_bursts_total", COUNTER_bursts,
	                     "Bursts answered by a worker.");
	write_worker_counter(m, to, "worker_unsent_total", COUNTER_dropped_io,
	                     "Responses of a worker that could not be sent.");
}

static void write_plane_gauge(const struct metrics *m, FILE *to, const char *name,
                              double (*value)(const struct metrics_plane *p),
                              const char *help)
{
	family(to, name, "gauge", help);
	for (unsigned i = 0; i < m->plane_count; i++) {
		const struct metrics_plane *p = &m->planes[i];
		fprintf(to, "anser_%s{pid=\"%" PRIu32 "\",backend=\"", name, p->pid);
		put_foreign(to, p->io);
		fprintf(to, "\"} %.15g\n", value(p));
	}
}

static double plane_stopped(const struct metrics_plane *p)
{
	return p->stopped;
}

static double plane_silence(const struct metrics_plane *p)
{
	return (double)p->silent_ms / 1000;
}

static double plane_generation(const struct metrics_plane *p)
{
	return (double)p->generation;
}

static const struct {
	size_t offset; /* of a uint64_t in struct ipc_port */
	const char *name;
	const char *help;
} port_counters[] = {
	{offsetof(struct ipc_port, rx_packets), "port_received_packets_total",
         "Packets received by a port."},
	{offsetof(struct ipc_port, rx_bytes), "port_received_bytes_total",
         "Bytes received by a port."},
	{offsetof(struct ipc_port, rx_missed), "port_missed_packets_total",
         "Packets lost because no worker took them in time."},
	{offsetof(struct ipc_port, rx_errors), "port_receive_errors_total",
         "Packets received with errors."},
	{offsetof(struct ipc_port, rx_nobuf), "port_no_buffer_packets_total",
         "Packets lost for lack of buffers."},
	{offsetof(struct ipc_port, tx_packets), "port_sent_packets_total",
         "Packets sent by a port."},
	{offsetof(struct ipc_port, tx_bytes), "port_sent_bytes_total",
         "Bytes sent by a port."},
	{offsetof(struct ipc_port, tx_errors), "port_send_errors_total",
         "Packets that a port failed to send."},
};

static void put_port(FILE *to, const char *name, const struct metrics_plane *p,
                     const struct ipc_port *port)
{
	fprintf(to, "anser_%s{pid=\"%" PRIu32 "\",port=\"", name, p->pid);
	put_foreign(to, port->name);
	(void)fputs("\"}", to);
}

static void write_port_counter(const struct metrics *m, FILE *to, unsigned counter)
{
	const char *name = port_counters[counter].name;

	family(to, name, "counter", port_counters[counter].help);
	for (unsigned i = 0; i < m->plane_count; i++) {
		const struct metrics_plane *p = &m->planes[i];
		for (unsigned n = 0; n < p->ports.count; n++) {
			const struct ipc_port *port = &p->ports.port[n];
			const void *at =
				(const char *)port + port_counters[counter].offset;
			put_port(to, name, p, port);
			fprintf(to, " %" PRIu64 "\n", *(const uint64_t *)at);
		}
	}
}

static void write_ports(const struct metrics *m, FILE *to)
{
	family(to, "port_up", "gauge", "Whether a port has a link.");
	for (unsigned i = 0; i < m->plane_count; i++) {
		const struct metrics_plane *p = &m->planes[i];
		for (unsigned n = 0; n < p->ports.count; n++) {
			put_port(to, "port_up", p, &p->ports.port[n]);
			fprintf(to, " %d\n", p->ports.port[n].up != 0);
		}
	}
	for (unsigned i = 0; i < ARRAY_LEN(port_counters); i++)
		write_port_counter(m, to, i);
}

static void write_planes(const struct metrics *m, FILE *to)
{
	single(to, "data_planes", "gauge", m->plane_count,
	       "Data planes that are attached.");
	write_plane_gauge(m, to, "data_plane_stopped", plane_stopped,
	                  "Whether a data plane does not answer the control plane.");
	write_plane_gauge(m, to, "data_plane_silence_seconds", plane_silence,
	                  "For how long a data plane has owed an answer.");
	write_plane_gauge(m, to, "data_plane_table_generation", plane_generation,
	                  "Generation of the table that a data plane serves.");
	write_workers(m, to);
	write_ports(m, to);
}

/* ---- the control plane ---- */

static void write_process(const struct metrics *m, FILE *to)
{
	family(to, "build_info", "gauge", "The version that runs.");
	labelled(to, "build_info", "version", m->version, 1);
	single(to, "start_time_seconds", "gauge", m->started_at,
	       "When the control plane began, since 1970.");
	single(to, "tcp_connections", "gauge", m->tcp_connections,
	       "Clients connected over TCP.");
	single(to, "control_udp_sockets", "gauge", m->udp_sockets,
	       "UDP sockets of the control plane's own.");
}

static void write_zones(const struct metrics *m, FILE *to)
{
	single(to, "zones_loaded", "gauge", m->loaded,
	       "Whether the configured zones have been tried once.");
	single(to, "zones", "gauge", m->zones.total, "Zones.");
	single(to, "zones_served", "gauge", m->zones.served, "Zones with contents.");
	single(to, "zones_failed", "gauge", m->zones.failed,
	       "Zones whose last load was refused.");
	single(to, "records", "gauge", m->zones.records, "Records in all zones.");
	single(to, "rrsets", "gauge", m->zones.rrsets, "RRsets in all zones.");
}

static void write_table(const struct metrics *m, FILE *to)
{
	single(to, "table_generation", "gauge", m->table.generation,
	       "Number of the table's segment.");
	single(to, "table_commits_total", "counter", m->table.commits,
	       "Changes made visible.");
	single(to, "table_changed_timestamp_seconds", "gauge", m->table.changed_at,
	       "When the table changed last, since 1970.");
	single(to, "table_names", "gauge", m->table.names, "Names in the table.");
	single(to, "table_buckets", "gauge", m->table.buckets, "Buckets of its hash.");
	single(to, "table_used_bytes", "gauge", m->table.used, "Bytes of live objects.");
	single(to, "table_free_bytes", "gauge", m->table.free,
	       "Bytes freed and not used again yet.");
	single(to, "table_retired_bytes", "gauge", m->table.retired,
	       "Bytes that wait for a grace period.");
	single(to, "table_resident_bytes", "gauge", m->table.resident,
	       "Memory that the table occupies.");
	single(to, "table_limit_bytes", "gauge", m->table.limit,
	       "How large the table can become.");
	durations(to, "grace_period_seconds", &m->grace,
	          "Time until a data plane had left what it was asked to leave.");
}

static void write_store(const struct metrics *m, FILE *to)
{
	single(to, "store_used_bytes", "gauge", m->store.used,
	       "Bytes of the store that hold data.");
	single(to, "store_reserved_bytes", "gauge", m->store.reserved,
	       "Size of the store's file.");
	durations(to, "store_commit_duration_seconds", &m->store.commits,
	          "Time until a change was on disk.");
}

void metrics_write(const struct metrics *m, FILE *to)
{
	write_process(m, to);
	write_zones(m, to);
	write_table(m, to);
	write_store(m, to);
	write_queries(m, to);
	write_bursts(m, to);
	write_planes(m, to);
}
