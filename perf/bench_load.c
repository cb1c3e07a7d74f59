/*
 * bench_load: from zone text to an answer, and from changed zone text to the changed answer.
 *
 * Loads a zone file of N hosts, then the same with a few hosts' addresses changed (and the serial
 * with them), by the road that the server takes. Says how long it took, how many names were
 * compiled anew, and checks by asking that the changes, and nothing else, are served.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/respond/respond.h"
#include "perf/bench.h"
#include "perf/queries.h"
#include "shared/cacheline.h"
#include "shared/rcu.h"
#include "shared/wire.h"

enum { EXIT_USAGE = 2, ROOM = 1500, CHANGED_OCTET = 99 };

static const char origin[] = "example.com.";

/* The zone of zone_write_hosts(), except that every step-th host has an address of its own. */
static void write_zone(const char *path, uint32_t names, uint32_t serial, uint32_t step)
{
	FILE *f = fopen(path, "w");

	if (!f)
		bench_fail("cannot write %s", path);
	zone_write_hosts(f, origin, 0, serial);
	for (uint32_t i = 0; i < names; i++)
		fprintf(f, "h%07u A %u.%u.%u.%u\n", i,
		        step && i % step == 0 ? CHANGED_OCTET : 10U, i >> 16 & 255,
		        i >> 8 & 255, i & 255);
	if (fclose(f) != 0)
		bench_fail("cannot write %s", path);
}

/* Gives the first octet of the host's address as served now. */
static unsigned ask(struct responder *r, const struct table *table, uint32_t host)
{
	uint8_t m[ROOM + NAME_PAD] = {[5] = 1};
	struct wire_writer w = wire_writer_on(m + 12, ROOM - 12);
	struct pkt p = {.dns = m, .room = ROOM, .client = {.port = 1024, .is_ipv4 = 1}};
	char label[16];

	(void)snprintf(label, sizeof label, "%ch%07u", 8, host);
	wire_write_bytes(&w, label, 9);
	wire_write_bytes(&w, "\7example\3com\0\0\1\0\1", 17);
	p.len = (uint16_t)(12 + wire_written(&w));
	size_t question_end = p.len;
	respond_burst(r, table, 1700000000, &p, 1);
	if (p.len != question_end + 16 || wire_load16(m + 6) != 1)
		bench_fail("h%07u: not an answer: %u bytes, rcode %u", host, p.len,
		           m[3] & 15U);
	return m[question_end + 12];
}

static void check(struct bench *b, uint32_t names, uint32_t step)
{
	struct counters *counters = cacheline_new(sizeof *counters);
	struct responder *r = responder_new(counters);
	rcu_reader_begin();
	for (uint32_t i = 0; i < names; i++) {
		unsigned want = step && i % step == 0 ? CHANGED_OCTET : 10;
		if (ask(r, bench_table(b), i) != want)
			bench_fail("h%07u is served with an old address, or a wrong one",
			           i);
	}
	rcu_reader_end();
	responder_free(r);
	free(counters);
}

static void print(const char *what, uint32_t names, const struct bench_load *l)
{
	printf("%s names=%u records=%lu read=%.3f commit=%.3f records_per_second=%.0f "
	       "compiled=%zu added=%zu removed=%zu changed=%zu\n",
	       what, names, l->records, l->read, l->commit,
	       (double)l->records / (l->read + l->commit), l->report.names,
	       l->report.added, l->report.removed, l->report.changed);
	fflush(stdout);
}

static void run(uint32_t names, uint32_t changes, const char *work)
{
	struct bench b;
	struct bench_load l = {0};
	char path[300];
	uint32_t step = names / changes;

	bench_open(&b, work);
	(void)snprintf(path, sizeof path, "%s/zone", b.dir);
	write_zone(path, names, 1, 0);
	bench_load_file(&b, origin, path, &l);
	print("load", names, &l);
	check(&b, names, 0);
	write_zone(path, names, 2, step);
	bench_load_file(&b, origin, path, &l);
	print("reload", names, &l);
	check(&b, names, step);
	(void)remove(path);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4) {
		fprintf(stderr,
		        "usage: bench_load NAMES CHANGES [DIRECTORY]\n"
		        "\n"
		        "CHANGES must divide NAMES; the store is made in DIRECTORY "
		        "(/var/tmp).\n");
		return EXIT_USAGE;
	}
	uint32_t names = bench_number(argv[1]);
	uint32_t changes = bench_number(argv[2]);
	if (changes == 0 || names % changes != 0)
		bench_fail("%u does not divide %u", changes, names);
	run(names, changes, argc == 4 ? argv[3] : "/var/tmp");
	return EXIT_SUCCESS;
}
