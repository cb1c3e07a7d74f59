/* "metrics": the figures of all parts, gathered for metrics_write(). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/engine_internal.h"
#include "control/metrics/metrics.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

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
	p->counts = need(calloc(a->workers, sizeof *p->counts));
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
	struct attachment_info *all = need(calloc(ATTACHMENTS_MAX, sizeof *all));
	unsigned n = publisher_attachments(e->publisher, all);

	m->planes = need(calloc(ATTACHMENTS_MAX, sizeof *m->planes));
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

static uint64_t started_at(const struct engine *e)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(time(NULL) - (now.tv_sec - e->started.tv_sec));
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
	gather_planes(e, m);
	gather_zones(e, m);
	gather_table(&e->committer, m);
	gather_store(&e->committer, m);
}

static void metrics_free(struct metrics *m)
{
	for (unsigned i = 0; i < m->plane_count; i++)
		free(m->planes[i].counts);
	free(m->planes);
	free(m);
}

enum engine_outcome command_metrics(struct engine *e, const json_t *args, json_t *result)
{
	struct metrics *m = need(calloc(1, sizeof *m));
	char *text = NULL;
	size_t size = 0;
	FILE *to = need(open_memstream(&text, &size));

	(void)args;
	gather(e, m);
	metrics_write(m, to);
	metrics_free(m);
	if (fclose(to) != 0)
		abort();
	engine_set(result, "text", json_stringn(text, size));
	free(text);
	return ENGINE_OK;
}
