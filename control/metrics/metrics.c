#include "control/metrics/metrics.h"

#include <inttypes.h>

#include "control/metrics/format.h"
#include "control/metrics/internal.h"

enum { NS_PER_S = 1000000000 };

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
	{COUNTER_handed_over, "handed_over_total",
         "Messages handed to the control plane: NOTIFY, UPDATE, transfers, signed ones."},
	{COUNTER_relayed, "relayed_answers_total",
         "Answers of the control plane sent by data planes and over UDP."},
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
	{"hand", COUNTER_dropped_hand},
	{"relay", COUNTER_dropped_relay},
};

static void write_parts(const struct metrics *m, FILE *to, const char *name,
                        const char *label, const struct part parts[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		metric_labelled(to, name, label, parts[i].label,
		                m->counters[parts[i].counter]);
}

static void write_queries(const struct metrics *m, FILE *to)
{
	const uint64_t *c = m->counters;
	const char *by_type = "queries_by_type_total";

	for (unsigned i = 0; i < ARRAY_LEN(plain); i++)
		metric_single(to, plain[i].name, "counter", c[plain[i].counter],
		              plain[i].help);
	metric_family(to, "queries_by_protocol_total", "counter", "Queries received.");
	metric_labelled(to, "queries_by_protocol_total", "protocol", "udp",
	                c[COUNTER_queries] - c[COUNTER_tcp]);
	metric_labelled(to, "queries_by_protocol_total", "protocol", "tcp",
	                c[COUNTER_tcp]);
	metric_family(to, "queries_by_family_total", "counter", "Queries received.");
	metric_labelled(to, "queries_by_family_total", "family", "ipv4", c[COUNTER_ipv4]);
	metric_labelled(to, "queries_by_family_total", "family", "ipv6", c[COUNTER_ipv6]);
	metric_family(to, by_type, "counter",
	              "Queries received; none: without a question that can be read.");
	for (unsigned i = 0; i < COUNTED_TYPES; i++)
		metric_labelled(to, by_type, "type",
		                counter_type_name((enum counted_type)i),
		                c[COUNTER_TYPE + i]);
	metric_family(to, "responses_by_rcode_total", "counter", "Responses made.");
	write_parts(m, to, "responses_by_rcode_total", "rcode", rcodes,
	            ARRAY_LEN(rcodes));
	metric_family(to, "dropped_total", "counter",
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

	metric_histogram(to, "burst_queries", &sizes, "Queries answered at once.");
	metric_histogram(to, "burst_duration_seconds", &times,
	                 "Time to answer a burst, of one burst in 16.");
}

/* ---- the control plane ---- */

static void write_process(const struct metrics *m, FILE *to)
{
	metric_family(to, "build_info", "gauge", "The version that runs.");
	metric_labelled(to, "build_info", "version", m->version, 1);
	metric_single(to, "start_time_seconds", "gauge", m->started_at,
	              "When the control plane began, since 1970.");
	metric_single(to, "tcp_connections", "gauge", m->tcp_connections,
	              "Clients connected over TCP, with TLS or without.");
	metric_single(to, "control_udp_sockets", "gauge", m->udp_sockets,
	              "UDP sockets of the control plane's own.");
}

static void put_handshakes(FILE *to, const struct metrics_tls *t, const char *kind,
                           uint64_t value)
{
	fprintf(to,
	        "anser_tls_handshakes_total{direction=\"%s\",kind=\"%s\"} %" PRIu64 "\n",
	        t->direction, kind, value);
}

static void write_tls(const struct metrics *m, FILE *to)
{
	const struct metrics_tls *end = m->tls + METRICS_DIRECTIONS;

	metric_family(
		to, "tls_handshakes_total", "counter",
		"Connections of DNS that have agreed on TLS, in: of clients, out: to other "
		"servers.");
	for (const struct metrics_tls *t = m->tls; t < end; t++) {
		put_handshakes(to, t, "full", t->full);
		put_handshakes(to, t, "resumed", t->resumed);
	}
	metric_family(to, "tls_handshakes_failed_total", "counter",
	              "Connections of DNS that have not agreed on TLS.");
	for (const struct metrics_tls *t = m->tls; t < end; t++)
		for (unsigned i = 0; i < METRICS_TLS_FAILURES; i++)
			fprintf(to,
			        "anser_tls_handshakes_failed_total{direction=\"%s\","
			        "reason=\"%s\"} %" PRIu64 "\n",
			        t->direction, t->failed[i].reason, t->failed[i].count);
	metric_family(to, "tls_connections", "gauge", "Connections of DNS with TLS.");
	for (const struct metrics_tls *t = m->tls; t < end; t++)
		metric_labelled(to, "tls_connections", "direction", t->direction,
		                t->connections);
	metric_family(to, "certificate_expiry_timestamp_seconds", "gauge",
	              "When a certificate of this server expires, since 1970.");
	for (unsigned i = 0; i < METRICS_CERTIFICATES; i++)
		if (m->certificates[i].ends)
			metric_labelled(to, "certificate_expiry_timestamp_seconds", "use",
			                m->certificates[i].use, m->certificates[i].ends);
}

static void write_requests(const struct metrics *m, FILE *to)
{
	static const char name[] = "api_requests_total";

	metric_family(
		to, name, "counter",
		"Requests over HTTP that need a key or came without, by what came of that.");
	metric_labelled(to, name, "access", "let_in", m->requests.let_in);
	metric_labelled(to, name, "access", "no_key", m->requests.no_key);
	metric_labelled(to, name, "access", "foreign_page", m->requests.foreign);
	metric_labelled(to, name, "access", "locked_out", m->requests.locked_out);
	metric_labelled(to, name, "access", "too_many", m->requests.too_many);
	metric_labelled(to, name, "access", "unknown", m->requests.unknown);
}

static void write_zones(const struct metrics *m, FILE *to)
{
	metric_single(to, "zones_loaded", "gauge", m->loaded,
	              "Whether the configured zones have been tried once.");
	metric_single(to, "zones", "gauge", m->zones.total, "Zones.");
	metric_single(to, "zones_served", "gauge", m->zones.served,
	              "Zones with contents.");
	metric_single(to, "zones_failed", "gauge", m->zones.failed,
	              "Zones whose last load was refused.");
	metric_single(to, "records", "gauge", m->zones.records, "Records in all zones.");
	metric_single(to, "rrsets", "gauge", m->zones.rrsets, "RRsets in all zones.");
}

static void write_table(const struct metrics *m, FILE *to)
{
	metric_single(to, "table_generation", "gauge", m->table.generation,
	              "Number of the table's segment.");
	metric_single(to, "table_commits_total", "counter", m->table.commits,
	              "Changes made visible.");
	metric_single(to, "table_changed_timestamp_seconds", "gauge", m->table.changed_at,
	              "When the table changed last, since 1970.");
	metric_single(to, "table_names", "gauge", m->table.names, "Names in the table.");
	metric_single(to, "table_buckets", "gauge", m->table.buckets,
	              "Buckets of its hash.");
	metric_single(to, "table_used_bytes", "gauge", m->table.used,
	              "Bytes of live objects.");
	metric_single(to, "table_free_bytes", "gauge", m->table.free,
	              "Bytes freed and not used again yet.");
	metric_single(to, "table_retired_bytes", "gauge", m->table.retired,
	              "Bytes that wait for a grace period.");
	metric_single(to, "table_resident_bytes", "gauge", m->table.resident,
	              "Memory that the table occupies.");
	metric_single(to, "table_limit_bytes", "gauge", m->table.limit,
	              "How large the table can become.");
	metric_durations(to, "grace_period_seconds", &m->grace,
	                 "Time until a data plane had left what it was asked to leave.");
}

static void write_store(const struct metrics *m, FILE *to)
{
	metric_single(to, "store_used_bytes", "gauge", m->store.used,
	              "Bytes of the store that hold data.");
	metric_single(to, "store_reserved_bytes", "gauge", m->store.reserved,
	              "Size of the store's file.");
	metric_durations(to, "store_commit_duration_seconds", &m->store.commits,
	                 "Time until a change was on disk.");
}

/* ---- the query log ---- */

static void write_taps(const struct metrics *m, FILE *to)
{
	metric_family(to, "dnstap_frames_total", "counter",
	              "Frames of dnstap handed over.");
	for (unsigned i = 0; i < METRICS_TAPS; i++)
		metric_labelled(to, "dnstap_frames_total", "output", m->taps[i].output,
		                m->taps[i].sent);
	metric_family(to, "dnstap_lost_total", "counter",
	              "Frames of dnstap that nobody took in time.");
	for (unsigned i = 0; i < METRICS_TAPS; i++)
		metric_labelled(to, "dnstap_lost_total", "output", m->taps[i].output,
		                m->taps[i].lost);
	metric_family(to, "dnstap_connected", "gauge",
	              "Whether frames of dnstap are taken.");
	for (unsigned i = 0; i < METRICS_TAPS; i++)
		metric_labelled(to, "dnstap_connected", "output", m->taps[i].output,
		                m->taps[i].connected);
}

static void put_estimate(FILE *to, const struct metrics_zone *z, const char *rcode,
                         uint64_t value)
{
	fputs("anser_zone_queries_estimated_total{zone=\"", to);
	metric_put_zone(to, z->name);
	fprintf(to, "\",rcode=\"%s\"} %" PRIu64 "\n", rcode, value);
}

static void write_counted_zones(const struct metrics *m, FILE *to)
{
	metric_family(
		to, "zone_queries_estimated_total", "counter",
		"Queries of some zones, estimated from the sample of the query log.");
	for (unsigned i = 0; i < m->counted_count; i++) {
		const struct metrics_zone *z = &m->counted[i];
		put_estimate(to, z, "NOERROR", z->noerror);
		put_estimate(to, z, "NXDOMAIN", z->nxdomain);
		put_estimate(to, z, "other", z->other);
	}
}

void metrics_write(const struct metrics *m, FILE *to)
{
	write_process(m, to);
	write_tls(m, to);
	write_requests(m, to);
	write_zones(m, to);
	write_table(m, to);
	write_store(m, to);
	write_queries(m, to);
	write_bursts(m, to);
	metrics_write_planes(m, to);
	metrics_write_transfers(m, to);
	metrics_write_catalogs(m, to);
	metrics_write_signing(m, to);
	write_taps(m, to);
	write_counted_zones(m, to);
}
