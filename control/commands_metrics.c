/* "metrics": the figures of all parts, gathered for metrics_write(). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/metrics/metrics.h"
#include "control/must.h"
#include "control/qlog/figures.h"
#include "shared/clock.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

/* ---- data planes ---- */

/* Ports with the same name could not be told apart. */
static bool has_port(const struct ipc_ports *ports, const char *name)
{
	for (unsigned i = 0; i < ports->count; i++)
		if (strcmp(ports->port[i].name, name) == 0)
			return true;
	return false;
}

static void gather_ports(struct publisher *publisher, struct metrics_plane *p)
{
	struct ipc_ports ports;

	publisher_ports(publisher, p->pid, &ports);
	for (unsigned i = 0; i < ports.count; i++)
		if (!has_port(&p->ports, ports.port[i].name))
			p->ports.port[p->ports.count++] = ports.port[i];
}

static void gather_plane(struct publisher *publisher, const struct attachment_info *a,
                         struct metrics_plane *p)
{
	p->pid = a->pid;
	p->workers = a->workers;
	p->stopped = a->stopped;
	p->silent_ms = a->silent_ms;
	p->generation = a->generation;
	memcpy(p->io, a->started.io, sizeof p->io);
	p->counts = must(calloc(a->workers, sizeof *p->counts));
	for (unsigned i = 0; i < a->workers; i++)
		publisher_worker_counters(publisher, p->pid, i, p->counts[i]);
	gather_ports(publisher, p);
}

static bool has_plane(const struct metrics *m, uint32_t pid)
{
	for (unsigned i = 0; i < m->plane_count; i++)
		if (m->planes[i].pid == pid)
			return true;
	return false;
}

static void gather_planes(struct engine *e, struct metrics *m)
{
	struct attachment_info *all = must(calloc(ATTACHMENTS_MAX, sizeof *all));
	unsigned n = publisher_attachments(e->publisher, all);

	m->planes = must(calloc(ATTACHMENTS_MAX, sizeof *m->planes));
	for (unsigned i = 0; i < n; i++)
		if (!has_plane(m, all[i].pid))
			gather_plane(e->publisher, &all[i], &m->planes[m->plane_count++]);
	free(all);
	publisher_grace_times(e->publisher, &m->grace);
	publisher_counters(e->publisher, m->counters);
	counters_add(e->committer.source.counters, m->own);
	counters_add(e->committer.source.counters, m->counters);
}

/* ---- the control plane ---- */

static void gather_zones(struct engine *e, struct metrics *m)
{
	struct shown_figures shown;

	shown_look(&e->shown, &shown);
	m->loaded = shown.synced;
	m->zones.total = shown.zones;
	m->zones.served = shown.totals.served;
	m->zones.failed = shown.totals.failed;
	m->zones.records = shown.totals.records;
	m->zones.rrsets = shown.totals.rrsets;
}

static void gather_table(const struct committer *c, struct metrics *m)
{
	struct writer_usage u;

	writer_usage(c->writer, &u);
	m->table.generation = c->generation;
	m->table.commits = c->commits;
	m->table.changed_at = c->changed_at ? c->changed_at : m->started_at;
	m->table.names = u.names;
	m->table.buckets = u.buckets;
	m->table.used = u.used;
	m->table.free = u.free;
	m->table.retired = u.retired;
	m->table.resident = u.resident;
	m->table.limit = u.limit;
	m->signed_with_changes = c->rrsets_signed;
}

static void gather_store(const struct committer *c, struct metrics *m)
{
	struct store_usage u;

	m->store.commits = c->store_commits;
	if (store_usage(c->store, &u) < 0)
		return;
	m->store.used = u.bytes_used;
	m->store.reserved = u.bytes_reserved;
}

/* ---- the query log ---- */

STATIC_ASSERT((int)METRICS_ZONES_MAX == (int)CONFIG_COUNTED_ZONES_MAX, "room for all");

static void gather_tap(const struct tap_figures *f, const char *output,
                       struct metrics_tap *to)
{
	to->output = output;
	to->sent = atomic_load_explicit(&f->sent, memory_order_relaxed);
	to->lost = atomic_load_explicit(&f->lost, memory_order_relaxed);
	to->connected = atomic_load_explicit(&f->connected, memory_order_relaxed);
}

static void gather_query_log(struct qlog_figures *f, struct metrics *m)
{
	struct zone_count zones[CONFIG_COUNTED_ZONES_MAX];

	gather_tap(&f->socket, "socket", &m->taps[0]);
	gather_tap(&f->file, "file", &m->taps[1]);
	m->counted_count = zone_counts_look(&f->zones, zones);
	for (unsigned i = 0; i < m->counted_count; i++) {
		struct metrics_zone *z = &m->counted[i];
		(void)name_to_text(zones[i].name, z->name);
		z->noerror = zones[i].noerror;
		z->nxdomain = zones[i].nxdomain;
		z->other = zones[i].other;
	}
}

static uint64_t started_at(const struct engine *e)
{
	return (clock_wall_us() / 1000 - (clock_now_ms() - e->started_ms)) / 1000;
}

static uint64_t requests(const struct engine *e, enum api_verdict verdict)
{
	return atomic_load_explicit(&e->requests[verdict], memory_order_relaxed);
}

static void gather_requests(const struct engine *e, struct metrics *m)
{
	m->requests.let_in = requests(e, API_LET_IN);
	m->requests.no_key = requests(e, API_NO_KEY);
	m->requests.foreign = requests(e, API_FOREIGN);
	m->requests.locked_out = requests(e, API_LOCKED_OUT);
	m->requests.too_many = requests(e, API_TOO_MANY);
	m->requests.unknown = requests(e, API_UNKNOWN);
}

static void gather_transfers(const struct transfer_figures *f, struct metrics *m)
{
	for (unsigned i = 0; i < TRANSFER_FIGURES; i++)
		m->transfers[i] = figure_look(f, (enum transfer_figure)i);
}

STATIC_ASSERT((int)METRICS_TLS_FAILURES == (int)TLS_FAILURES, "all of them");

static void gather_tls(const struct tls_figures *f, const char *direction,
                       struct metrics_tls *to)
{
	static const char *const reasons[TLS_FAILURES] = {
		[TLS_FAILURE_BROKEN_OFF] = "broken_off",
		[TLS_FAILURE_TIMEOUT] = "timeout",
		[TLS_FAILURE_PROTOCOL] = "protocol",
		[TLS_FAILURE_CERTIFICATE] = "certificate",
	};

	to->direction = direction;
	to->full = atomic_load_explicit(&f->full, memory_order_relaxed);
	to->resumed = atomic_load_explicit(&f->resumed, memory_order_relaxed);
	to->connections = atomic_load_explicit(&f->connections, memory_order_relaxed);
	for (unsigned i = 0; i < TLS_FAILURES; i++) {
		to->failed[i].reason = reasons[i];
		to->failed[i].count =
			atomic_load_explicit(&f->failed[i], memory_order_relaxed);
	}
}

static uint64_t certificate_end(const struct table_source *source,
                                enum certificate_use use)
{
	long long ends = atomic_load_explicit(&source->certificate_ends[use],
	                                      memory_order_relaxed);

	return ends > 0 ? (uint64_t)ends : 0;
}

static void gather(struct engine *e, struct metrics *m)
{
	const struct table_source *source = &e->committer.source;

	m->version = ANSER_VERSION;
	m->started_at = started_at(e);
	m->pid = (uint32_t)getpid();
	m->tcp_connections =
		atomic_load_explicit(&source->connections, memory_order_relaxed);
	m->udp_sockets = atomic_load_explicit(&source->udp_sockets, memory_order_relaxed);
	gather_tls(&source->tls_in, "in", &m->tls[0]);
	gather_tls(&source->tls_out, "out", &m->tls[1]);
	m->certificates[0].use = "dns";
	m->certificates[0].ends = certificate_end(source, CERTIFICATE_DNS);
	m->certificates[1].use = "https";
	m->certificates[1].ends = certificate_end(source, CERTIFICATE_HTTPS);
	gather_requests(e, m);
	gather_planes(e, m);
	gather_zones(e, m);
	gather_table(&e->committer, m);
	gather_store(&e->committer, m);
	gather_transfers(&source->transfers, m);
	gather_query_log(source->log_figures, m);
}

static void metrics_free(struct metrics *m)
{
	for (unsigned i = 0; i < m->plane_count; i++)
		free(m->planes[i].counts);
	free(m->planes);
	free(m);
}

static void state_free(void *state)
{
	metrics_free(state);
}

static enum engine_outcome end_metrics(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct metrics *m = engine_job()->state;
	char *text = NULL;
	size_t size = 0;
	FILE *to = must(open_memstream(&text, &size));

	(void)args;
	gather(e, m);
	metrics_write(m, to);
	if (fclose(to) != 0)
		abort();
	json_put(result, "text", json_stringn(text, size));
	free(text);
	return ENGINE_OK;
}

/* Of catalogs, and of what is kept signed, only the loop's thread knows; all else, and the text, is the commit thread's. */
enum engine_outcome command_metrics(struct engine *e, const json_t *args, json_t *result)
{
	struct metrics *m = must(calloc(1, sizeof *m));
	struct job *j = engine_job();

	(void)args;
	(void)result;
	j->state = m;
	j->state_free = state_free;
	if (e->catalogs.count)
		e->catalogs.count(e->catalogs.arg, &m->catalogs);
	m->signing.first_expiry = UINT64_MAX;
	if (e->keeper.count)
		e->keeper.count(e->keeper.arg, &m->signing);
	engine_continue(ON_COMMIT, end_metrics);
	return ENGINE_OK;
}
