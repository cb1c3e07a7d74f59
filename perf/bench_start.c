/*
 * bench_start: from a store full of zones to answers.
 *
 * Loads generated zones, closes the store and opens it again as a server does that starts: the
 * list of zones is read and a table built. Says how long that took, and checks by asking every
 * zone for its SOA that it is served.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/respond/respond.h"
#include "perf/bench.h"
#include "perf/queries.h"
#include "shared/rcu.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { EXIT_USAGE = 2, ROOM = 1500, RCODE_MASK = 15 };

static const char origin[] = "example.";

static void ask(struct responder *r, const struct table *table, uint32_t zone)
{
	uint8_t m[ROOM + NAME_PAD] = {[5] = 1};
	struct wire_writer w = wire_writer_on(m + 12, ROOM - 12);
	struct pkt p = {.dns = m, .room = ROOM, .client = {.port = 1024, .is_ipv4 = 1}};
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	(void)snprintf(text, sizeof text, "z%07u.%s", zone, origin);
	bench_name(text, name);
	wire_write_bytes(&w, name, name_len(name, NAME_MAX_LEN));
	wire_write16(&w, RRTYPE_SOA);
	wire_write16(&w, 1);
	p.len = (uint16_t)(12 + wire_written(&w));
	respond_burst(r, table, 1700000000, &p, 1);
	if (p.len == 0 || (m[3] & RCODE_MASK) != 0 || wire_load16(m + 6) != 1)
		bench_fail("%s is not answered: rcode %u", text,
		           m[3] & (unsigned)RCODE_MASK);
}

static void check(struct bench *b, uint32_t zones)
{
	struct counters *counters = aligned_alloc(CACHE_LINE, sizeof *counters);

	memset(counters, 0, sizeof *counters);
	struct responder *r = responder_new(counters);
	const struct table *table = bench_table(b);
	rcu_reader_begin();
	for (uint32_t i = 0; i < zones; i++)
		ask(r, table, i);
	rcu_reader_end();
	responder_free(r);
	free(counters);
}

/* Delegates every zone. */
static void load_parent(struct bench *b, uint32_t zones)
{
	struct bench_load l;
	char path[300];

	(void)snprintf(path, sizeof path, "%s/zone", b->dir);
	FILE *f = fopen(path, "w");
	if (!f)
		bench_fail("cannot write %s", path);
	zone_write_hosts(f, origin, 0, 1);
	for (uint32_t i = 0; i < zones; i++)
		fprintf(f, "z%07u NS ns.z%07u\n", i, i);
	if (fclose(f) != 0)
		bench_fail("cannot write %s", path);
	bench_load_file(b, origin, path, &l);
	(void)remove(path);
}

static void run(uint32_t zones, uint32_t names, bool with_parent, const char *work)
{
	struct bench b;
	struct bench_load l;
	struct writer_usage usage;

	bench_open(&b, work);
	if (with_parent)
		load_parent(&b, zones);
	bench_load_zones(&b, origin, zones, names, &l);
	double took = bench_reopen(&b);
	check(&b, zones);
	writer_usage(b.committer.writer, &usage);
	printf("start zones=%u names=%u parent=%s records=%lu loading=%.3f starting=%.3f "
	       "zones_per_second=%.0f table_bytes=%lu\n",
	       zones, names, with_parent ? "yes" : "no", l.records, l.read + l.commit,
	       took, (double)zones / took, usage.used);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	bool with_parent = argc > 1 && strcmp(argv[1], "--parent") == 0;

	argc -= with_parent;
	argv += with_parent;
	if (argc != 3 && argc != 4) {
		fprintf(stderr,
		        "usage: bench_start [--parent] ZONES NAMES [DIRECTORY]\n"
		        "\n"
		        "--parent hosts the zone that delegates them as well; the store is "
		        "made in DIRECTORY (/var/tmp).\n");
		return EXIT_USAGE;
	}
	run(bench_number(argv[1]), bench_number(argv[2]), with_parent,
	    argc == 4 ? argv[3] : "/var/tmp");
	return EXIT_SUCCESS;
}
