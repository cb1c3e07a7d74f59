#include "control/metrics/metrics.h"

#include <inttypes.h>

enum { NS_PER_S = 1000000000, MS_PER_S = 1000, FIGURE_PARTS_MAX = 6 };

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

/* The name of a zone as text, which has no octet but printable ones. */
static void put_zone(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
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
	       "Clients connected over TCP, with TLS or without.");
	single(to, "control_udp_sockets", "gauge", m->udp_sockets,
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

	family(to, "tls_handshakes_total", "counter",
	       "Connections of DNS that have agreed on TLS, in: of clients, out: to other "
	       "servers.");
	for (const struct metrics_tls *t = m->tls; t < end; t++) {
		put_handshakes(to, t, "full", t->full);
		put_handshakes(to, t, "resumed", t->resumed);
	}
	family(to, "tls_handshakes_failed_total", "counter",
	       "Connections of DNS that have not agreed on TLS.");
	for (const struct metrics_tls *t = m->tls; t < end; t++)
		for (unsigned i = 0; i < METRICS_TLS_FAILURES; i++)
			fprintf(to,
			        "anser_tls_handshakes_failed_total{direction=\"%s\","
			        "reason=\"%s\"} %" PRIu64 "\n",
			        t->direction, t->failed[i].reason, t->failed[i].count);
	family(to, "tls_connections", "gauge", "Connections of DNS with TLS.");
	for (const struct metrics_tls *t = m->tls; t < end; t++)
		labelled(to, "tls_connections", "direction", t->direction,
		         t->connections);
	family(to, "certificate_expiry_timestamp_seconds", "gauge",
	       "When a certificate of this server expires, since 1970.");
	for (unsigned i = 0; i < METRICS_CERTIFICATES; i++)
		if (m->certificates[i].ends)
			labelled(to, "certificate_expiry_timestamp_seconds", "use",
			         m->certificates[i].use, m->certificates[i].ends);
}

static void write_requests(const struct metrics *m, FILE *to)
{
	static const char name[] = "api_requests_total";

	family(to, name, "counter",
	       "Requests over HTTP that need a key or came without, by what came of that.");
	labelled(to, name, "access", "let_in", m->requests.let_in);
	labelled(to, name, "access", "no_key", m->requests.no_key);
	labelled(to, name, "access", "foreign_page", m->requests.foreign);
	labelled(to, name, "access", "locked_out", m->requests.locked_out);
	labelled(to, name, "access", "too_many", m->requests.too_many);
	labelled(to, name, "access", "unknown", m->requests.unknown);
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

/* ---- transfers, notifications, updates ---- */

static const struct {
	const char *name;
	const char *type;
	const char *label;
	const char *help;
	struct {
		const char *label;
		enum transfer_figure figure;
	} parts[FIGURE_PARTS_MAX];
} transfers[] = {
	{"transfers_out_total",
         "counter",
         "result",
         "Transfers to other servers; single: an answer of one message, mostly that "
         "nothing is newer.",
         {{"whole", FIGURE_OUT_WHOLE},
          {"differences", FIGURE_OUT_DIFFERENCES},
          {"single", FIGURE_OUT_SINGLE},
          {"refused", FIGURE_OUT_REFUSED},
          {"busy", FIGURE_OUT_BUSY},
          {"failed", FIGURE_OUT_FAILED}}},
	{"transfers_in_total",
         "counter",
         "result",
         "Transfers from primaries; refused: by them, or for what they sent.",
         {{"whole", FIGURE_IN_WHOLE},
          {"differences", FIGURE_IN_DIFFERENCES},
          {"current", FIGURE_IN_CURRENT},
          {"refused", FIGURE_IN_REFUSED},
          {"failed", FIGURE_IN_FAILED}}},
	{"notifications_sent_total",
         "counter",
         "result",
         "Servers that were told of new contents of a zone.",
         {{"told", FIGURE_NOTIFY_TOLD},
          {"refused", FIGURE_NOTIFY_REFUSED},
          {"unanswered", FIGURE_NOTIFY_UNANSWERED}}},
	{"notifications_received_total",
         "counter",
         "result",
         "Notifications; failed: malformed, or too many at once.",
         {{"taken", FIGURE_NOTIFIED_TAKEN},
          {"refused", FIGURE_NOTIFIED_REFUSED},
          {"failed", FIGURE_NOTIFIED_FAILED}}},
	{"tsig_errors_total",
         "counter",
         "error",
         "Signed requests that were refused; answer: answers of primaries that were "
         "not signed as they should be.",
         {{"BADSIG", FIGURE_TSIG_BADSIG},
          {"BADKEY", FIGURE_TSIG_BADKEY},
          {"BADTIME", FIGURE_TSIG_BADTIME},
          {"BADTRUNC", FIGURE_TSIG_BADTRUNC},
          {"answer", FIGURE_TSIG_ANSWERS}}},
	{"updates_forwarded_total",
         "counter",
         "result",
         "Updates of secondaries that were handed on to a primary.",
         {{"answered", FIGURE_UPDATES_FORWARDED},
          {"failed", FIGURE_UPDATES_NOT_FORWARDED}}},
	{"secondary_zones",
         "gauge",
         "state",
         "Secondaries; empty: not fetched yet, failing: the last check failed.",
         {{"empty", FIGURE_ZONES_EMPTY},
          {"current", FIGURE_ZONES_CURRENT},
          {"failing", FIGURE_ZONES_FAILING},
          {"expired", FIGURE_ZONES_EXPIRED}}},
};

static void write_transfer_parts(const struct metrics *m, FILE *to, unsigned which)
{
	const char *name = transfers[which].name;

	family(to, name, transfers[which].type, transfers[which].help);
	for (unsigned i = 0; i < FIGURE_PARTS_MAX && transfers[which].parts[i].label; i++)
		labelled(to, name, transfers[which].label,
		         transfers[which].parts[i].label,
		         m->transfers[transfers[which].parts[i].figure]);
}

static void write_seconds(FILE *to, const char *name, uint64_t ms, const char *help)
{
	family(to, name, "counter", help);
	fprintf(to, "anser_%s %.3f\n", name, (double)ms / MS_PER_S);
}

static void write_updates(const struct metrics *m, FILE *to)
{
	static const char *const names[FIGURE_RCODES] = {
		"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};

	family(to, "updates_total", "counter", "Updates that were answered here.");
	for (unsigned i = 0; i < FIGURE_RCODES && names[i]; i++)
		labelled(to, "updates_total", "rcode", names[i],
		         m->transfers[FIGURE_UPDATES + i]);
}

static void write_transfers(const struct metrics *m, FILE *to)
{
	const uint64_t *t = m->transfers;

	for (unsigned i = 0; i < ARRAY_LEN(transfers); i++)
		write_transfer_parts(m, to, i);
	single(to, "transfer_out_bytes_total", "counter", t[FIGURE_OUT_OCTETS],
	       "Bytes of transfers to other servers.");
	write_seconds(to, "transfer_out_seconds_total", t[FIGURE_OUT_MS],
	              "Time that transfers to other servers took.");
	single(to, "transfer_in_bytes_total", "counter", t[FIGURE_IN_OCTETS],
	       "Bytes of transfers from primaries.");
	write_seconds(to, "transfer_in_seconds_total", t[FIGURE_IN_MS],
	              "Time that transfers from primaries took, until all had come.");
	write_updates(m, to);
	single(to, "secondary_checks", "gauge", t[FIGURE_CHECKS],
	       "Secondaries that are being looked at.");
	single(to, "primaries_down", "gauge", t[FIGURE_PRIMARIES_DOWN],
	       "Primaries that have not answered lately.");
	single(to, "secondary_zones_without_ixfr", "gauge", t[FIGURE_ZONES_NO_IXFR],
	       "Secondaries that are fetched whole because IXFR was wrong or refused.");
}

/* ---- the query log ---- */

static void write_taps(const struct metrics *m, FILE *to)
{
	family(to, "dnstap_frames_total", "counter", "Frames of dnstap handed over.");
	for (unsigned i = 0; i < METRICS_TAPS; i++)
		labelled(to, "dnstap_frames_total", "output", m->taps[i].output,
		         m->taps[i].sent);
	family(to, "dnstap_lost_total", "counter",
	       "Frames of dnstap that nobody took in time.");
	for (unsigned i = 0; i < METRICS_TAPS; i++)
		labelled(to, "dnstap_lost_total", "output", m->taps[i].output,
		         m->taps[i].lost);
	family(to, "dnstap_connected", "gauge", "Whether frames of dnstap are taken.");
	for (unsigned i = 0; i < METRICS_TAPS; i++)
		labelled(to, "dnstap_connected", "output", m->taps[i].output,
		         m->taps[i].connected);
}

static void put_estimate(FILE *to, const struct metrics_zone *z, const char *rcode,
                         uint64_t value)
{
	fputs("anser_zone_queries_estimated_total{zone=\"", to);
	put_zone(to, z->name);
	fprintf(to, "\",rcode=\"%s\"} %" PRIu64 "\n", rcode, value);
}

static void write_counted_zones(const struct metrics *m, FILE *to)
{
	family(to, "zone_queries_estimated_total", "counter",
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
	write_planes(m, to);
	write_transfers(m, to);
	write_taps(m, to);
	write_counted_zones(m, to);
}
