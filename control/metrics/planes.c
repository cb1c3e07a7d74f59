/* Who answers: data planes with their workers and ports, and the control plane itself. */
#include <inttypes.h>
#include <stddef.h>

#include "control/metrics/format.h"
#include "control/metrics/internal.h"

static void put_worker(FILE *to, const char *name, uint32_t pid, const char *io,
                       unsigned worker)
{
	fprintf(to, "anser_%s{pid=\"%" PRIu32 "\",backend=\"", name, pid);
	metric_put_foreign(to, io);
	fprintf(to, "\",worker=\"%u\"}", worker);
}

static void write_worker_counter(const struct metrics *m, FILE *to, const char *name,
                                 enum counter_index counter, const char *help)
{
	metric_family(to, name, "counter", help);
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
	metric_family(to, name, "gauge", help);
	for (unsigned i = 0; i < m->plane_count; i++) {
		const struct metrics_plane *p = &m->planes[i];
		fprintf(to, "anser_%s{pid=\"%" PRIu32 "\",backend=\"", name, p->pid);
		metric_put_foreign(to, p->io);
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
	metric_put_foreign(to, port->name);
	(void)fputs("\"}", to);
}

static void write_port_counter(const struct metrics *m, FILE *to, unsigned counter)
{
	const char *name = port_counters[counter].name;

	metric_family(to, name, "counter", port_counters[counter].help);
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
	metric_family(to, "port_up", "gauge", "Whether a port has a link.");
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

void metrics_write_planes(const struct metrics *m, FILE *to)
{
	metric_single(to, "data_planes", "gauge", m->plane_count,
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
