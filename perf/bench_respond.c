/*
 * bench_respond: what an answer costs, from query bytes to response bytes.
 *
 * The table is made by the server's own code. Queries lie in a ring of packet buffers much larger
 * than the last-level cache, as a network card would have left them: each burst comes from memory,
 * and each answer is written over its query. A round is one pass over the ring; only the passes
 * are timed. After each pass every response is checked, because a REFUSED is not an answer.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/respond/respond.h"
#include "perf/bench.h"
#include "perf/queries.h"
#include "shared/cacheline.h"
#include "shared/rcu.h"
#include "shared/wire.h"

enum {
	EXIT_USAGE = 2,
	/* As the buffers of a packet pool: room for 1232 bytes and headers, and not a power of two,
	 * or the first lines of all buffers would compete for one set of the first-level cache. */
	STRIDE = 2048 + 5 * CACHE_LINE,
	ROOM = 1500,
	ROUNDS_MAX = 101,
	HEADER = 12,
};

struct options {
	const char *origin;
	const char *file;
	const char *work;
	uint32_t names;
	uint32_t zones;
	uint32_t burst;
	uint32_t ring_mib;
	uint32_t rounds;
	uint32_t beside;
	const char *beside_kind; /* NULL: the same */
};

struct ring {
	uint8_t *buffers;
	uint16_t *lens; /* of the query, then of the response */
	uint32_t count;
};

/* What every response to a kind of query must at least be. */
struct expected {
	unsigned rcode; /* 16: NOERROR or NXDOMAIN */
	bool authoritative;
	unsigned answers;
	unsigned authority;
	unsigned authority_signed; /* with DO */
	unsigned additional;
};

static const struct expected expectations[QUERY_KINDS] = {
	[QUERY_POSITIVE] = {0, true, 1, 0, 0, 1},  [QUERY_HOT] = {0, true, 1, 0, 0, 1},
	[QUERY_NXDOMAIN] = {3, true, 0, 1, 4, 1},  [QUERY_RANDOM] = {3, true, 0, 1, 4, 1},
	[QUERY_REFERRAL] = {0, false, 0, 2, 2, 3}, [QUERY_MIX] = {16, true, 0, 0, 0, 1},
};

static void ring_open(struct ring *r, uint32_t mib, uint32_t burst)
{
	size_t size = (size_t)mib << 20;

	r->count = (uint32_t)(size / STRIDE) / burst * burst;
	r->buffers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                  -1, 0);
	r->lens = malloc(r->count * sizeof *r->lens);
	if (r->buffers == MAP_FAILED || !r->lens || r->count == 0)
		bench_fail("no memory for a ring of %u MiB", mib);
	(void)madvise(r->buffers, size, MADV_HUGEPAGE);
}

static void ring_close(struct ring *r, uint32_t mib)
{
	munmap(r->buffers, (size_t)mib << 20);
	free(r->lens);
}

static uint8_t *ring_at(const struct ring *r, uint32_t i)
{
	return r->buffers + (size_t)i * STRIDE;
}

static void ring_fill(struct ring *r, const struct query_space *space, uint64_t *random)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->lens[i] = (uint16_t)query_make(space, random, ring_at(r, i));
}

/* One pass. Gives seconds. */
static double ring_run(struct ring *r, struct responder *responder,
                       const struct table *table, uint32_t burst)
{
	struct pkt pkts[BURST_MAX];
	double began = bench_now();

	for (uint32_t at = 0; at < r->count; at += burst) {
		for (uint32_t i = 0; i < burst; i++) {
			struct pkt *p = &pkts[i];
			*p = (struct pkt){
				.dns = ring_at(r, at + i),
				.len = r->lens[at + i],
				.room = ROOM,
				.io = i,
				.client = {.addr = {[10] = 0xff, 0xff, 127, 0, 0, 1},
			                   .port = (uint16_t)(1024 + i),
			                   .transport = TRANSPORT_UDP,
			                   .is_ipv4 = 1}};
		}
		respond_burst(responder, table, 1700000000, pkts, burst);
		for (uint32_t i = 0; i < burst; i++)
			r->lens[at + i] = pkts[i].len;
		rcu_reader_quiet();
	}
	return bench_now() - began;
}

static bool is_expected(const uint8_t *m, size_t len, const struct query_space *space)
{
	const struct expected *e = &expectations[space->kind];
	unsigned authority = space->dnssec_ok ? e->authority_signed : e->authority;
	unsigned rcode;

	if (len < HEADER)
		return false;
	rcode = m[3] & 15U;
	if (e->rcode == 16 ? rcode != 0 && rcode != 3 : rcode != e->rcode)
		return false;
	return (m[2] & 0x80) && !(m[2] & 2) && !!(m[2] & 4) == e->authoritative &&
	       wire_load16(m + 6) >= e->answers && wire_load16(m + 8) >= authority &&
	       wire_load16(m + 6) + wire_load16(m + 8) > 0 &&
	       wire_load16(m + 10) >= e->additional;
}

/* Gives the average bytes of a response. */
static double ring_check(const struct ring *r, const struct query_space *space)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		const uint8_t *m = ring_at(r, i);
		if (!is_expected(m, r->lens[i], space))
			bench_fail(
				"%s: not the response that was asked for: %u bytes, flags "
				"%02x%02x, counts %u %u %u",
				query_kind_name(space->kind), r->lens[i], m[2], m[3],
				wire_load16(m + 6), wire_load16(m + 8),
				wire_load16(m + 10));
		bytes += r->lens[i];
	}
	return (double)bytes / r->count;
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

/* What is asked of a table. */
struct subject {
	const struct table *table;
	struct query_space space;
	struct counters *counters;
	struct responder *responder;
	uint64_t random;
	double bytes; /* of an average response */
	double ns[ROUNDS_MAX];
};

static void subject_init(struct subject *j, const struct table *table,
                         const struct query_space *space)
{
	memset(j, 0, sizeof *j);
	j->table = table;
	j->space = *space;
	j->random = 88172645463325252;
	j->counters = cacheline_new(sizeof *j->counters);
	j->responder = responder_new(j->counters);
}

static void subject_fini(struct subject *j)
{
	responder_free(j->responder);
	free(j->counters);
}

/* The first round warms up: round 0. */
static void subject_round(struct subject *j, struct ring *ring, uint32_t burst,
                          uint32_t round)
{
	ring_fill(ring, &j->space, &j->random);
	double seconds = ring_run(ring, j->responder, j->table, burst);
	j->bytes = ring_check(ring, &j->space);
	if (round > 0)
		j->ns[round - 1] = seconds * 1e9 / ring->count;
}

static void measure(const struct options *o, struct ring *ring, const struct table *table,
                    const struct query_space *space)
{
	struct subject j;

	subject_init(&j, table, space);
	for (uint32_t i = 0; i <= o->rounds; i++)
		subject_round(&j, ring, o->burst, i);
	qsort(j.ns, o->rounds, sizeof j.ns[0], compare);
	printf("respond kind=%s%s zones=%u names=%u ns=%.1f least=%.1f most=%.1f bytes=%.1f "
	       "burst=%u ring_mib=%u rounds=%u\n",
	       query_kind_name(space->kind), space->dnssec_ok ? "+do" : "", o->zones,
	       o->names, j.ns[o->rounds / 2], j.ns[0], j.ns[o->rounds - 1], j.bytes,
	       o->burst, o->ring_mib, o->rounds);
	fflush(stdout);
	subject_fini(&j);
}

/* The two tables take turns, so that what else the machine does meets both: the median of the
 * rounds' ratios. */
static void measure_beside(const struct options *o, struct ring *ring,
                           struct subject *one, struct subject *other)
{
	double ratios[ROUNDS_MAX];

	for (uint32_t i = 0; i <= o->rounds; i++) {
		subject_round(one, ring, o->burst, i);
		subject_round(other, ring, o->burst, i);
		if (i > 0)
			ratios[i - 1] = one->ns[i - 1] / other->ns[i - 1];
	}
	qsort(ratios, o->rounds, sizeof ratios[0], compare);
	qsort(one->ns, o->rounds, sizeof one->ns[0], compare);
	qsort(other->ns, o->rounds, sizeof other->ns[0], compare);
	printf("beside kind=%s%s zones=%u names=%u beside=%u ratio=%.3f least=%.3f most=%.3f "
	       "ns=%.1f beside_ns=%.1f rounds=%u\n",
	       query_kind_name(one->space.kind), one->space.dnssec_ok ? "+do" : "",
	       o->zones, o->names, o->beside, ratios[o->rounds / 2], ratios[0],
	       ratios[o->rounds - 1], one->ns[o->rounds / 2], other->ns[o->rounds / 2],
	       o->rounds);
	fflush(stdout);
}

static void load(struct bench *b, const struct options *o)
{
	struct writer_usage usage;
	struct bench_load l = {0};
	char path[300];

	if (o->file) {
		bench_load_file(b, o->origin, o->file, &l);
	} else if (o->zones) {
		bench_load_zones(b, o->origin, o->zones, o->names, &l);
	} else {
		(void)snprintf(path, sizeof path, "%s/zone", b->dir);
		FILE *f = fopen(path, "w");
		if (!f)
			bench_fail("%s: %s", path, strerror(errno));
		zone_write_hosts(f, o->origin, o->names, 1);
		fclose(f);
		bench_load_file(b, o->origin, path, &l);
		(void)remove(path);
	}
	writer_usage(b->committer.writer, &usage);
	printf("table zones=%u names=%lu records=%lu used=%lu resident=%lu bytes_per_name=%.1f "
	       "resident_per_name=%.1f read=%.2f commit=%.2f records_per_second=%.0f\n",
	       o->zones, usage.names, l.records, usage.used, usage.resident,
	       (double)usage.used / (double)usage.names,
	       (double)usage.resident / (double)usage.names, l.read, l.commit,
	       (double)l.records / (l.read + l.commit));
	fflush(stdout);
}

static void usage(void)
{
	fprintf(stderr,
	        "usage: bench_respond [OPTION...] KIND[+do]...\n"
	        "\n"
	        "  --origin NAME     apex, or what is above the zones (example.com.)\n"
	        "  --names N         hosts in each zone (100000)\n"
	        "  --zones N         that many zones below the origin\n"
	        "  --file FILE       a zone file instead of generated zones\n"
	        "  --burst N         queries handed over at once, up to %d (64)\n"
	        "  --ring N          MiB of packet buffers (256)\n"
	        "  --rounds N        passes over the ring (9)\n"
	        "  --beside N        in turns with one zone of N names, and the ratio\n"
	        "  --beside-kind KIND  what that zone is asked (the same)\n"
	        "  --work DIRECTORY  where the store is made (/var/tmp)\n"
	        "\n"
	        "KIND: ",
	        BURST_MAX);
	for (unsigned i = 0; i < QUERY_KINDS; i++)
		fprintf(stderr, "%s ", query_kind_name((enum query_kind)i));
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

static const struct option long_options[] = {
	{"origin", required_argument, NULL, 'o'},
	{"names", required_argument, NULL, 'n'},
	{"zones", required_argument, NULL, 'z'},
	{"file", required_argument, NULL, 'f'},
	{"burst", required_argument, NULL, 'b'},
	{"ring", required_argument, NULL, 'r'},
	{"rounds", required_argument, NULL, 'k'},
	{"work", required_argument, NULL, 'w'},
	{"beside", required_argument, NULL, 's'},
	{"beside-kind", required_argument, NULL, 'd'},
	{0},
};

static void read_options(struct options *o, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'o': o->origin = optarg; break;
		case 'n': o->names = bench_number(optarg); break;
		case 'z': o->zones = bench_number(optarg); break;
		case 'f': o->file = optarg; break;
		case 'b': o->burst = bench_number(optarg); break;
		case 'r': o->ring_mib = bench_number(optarg); break;
		case 'k': o->rounds = bench_number(optarg); break;
		case 'w': o->work = optarg; break;
		case 's': o->beside = bench_number(optarg); break;
		case 'd': o->beside_kind = optarg; break;
		default: usage();
		}
	}
	if (o->burst < 1 || o->burst > BURST_MAX || o->rounds < 1 ||
	    o->rounds > ROUNDS_MAX || optind == argc)
		usage();
}

/* The queries of a kind, as it is named on the command line, for what o loads. apex is lent to
 * them. */
static struct query_space queries_of(const struct options *o, const char *name,
                                     uint8_t apex[static NAME_MAX_LEN + NAME_PAD])
{
	struct query_space space = {.apex = apex, .names = o->names, .zones = o->zones};
	size_t len = strcspn(name, "+");
	char kind[32] = "";

	memset(apex, 0, NAME_MAX_LEN + NAME_PAD);
	bench_name(o->origin, apex);
	if (len < sizeof kind)
		memcpy(kind, name, len);
	space.dnssec_ok = strcmp(name + len, "+do") == 0;
	if (!query_kind_from_name(kind, &space.kind))
		usage();
	return space;
}

static void run_kinds(const struct options *o, struct bench *b, struct ring *ring,
                      char *const kinds[])
{
	uint8_t apex[NAME_MAX_LEN + NAME_PAD];

	for (; *kinds; kinds++) {
		struct query_space space = queries_of(o, *kinds, apex);
		measure(o, ring, bench_table(b), &space);
	}
}

static void run_beside(const struct options *o, struct bench *b, struct ring *ring,
                       char *const kinds[])
{
	const struct options single = {
		.origin = "example.com.", .work = o->work, .names = o->beside};
	uint8_t apex[NAME_MAX_LEN + NAME_PAD];
	uint8_t single_apex[NAME_MAX_LEN + NAME_PAD];
	struct bench other;

	bench_open(&other, o->work);
	load(&other, &single);
	for (; *kinds; kinds++) {
		const char *beside = o->beside_kind ? o->beside_kind : *kinds;
		struct query_space spaces[] = {queries_of(o, *kinds, apex),
		                               queries_of(&single, beside, single_apex)};
		struct subject one;
		struct subject two;
		subject_init(&one, bench_table(b), &spaces[0]);
		subject_init(&two, bench_table(&other), &spaces[1]);
		measure_beside(o, ring, &one, &two);
		subject_fini(&one);
		subject_fini(&two);
	}
	bench_close(&other);
}

int main(int argc, char **argv)
{
	struct options o = {.origin = "example.com.",
	                    .work = "/var/tmp",
	                    .names = 100000,
	                    .burst = BURST_MAX,
	                    .ring_mib = 256,
	                    .rounds = 9};
	struct bench b;
	struct ring ring;

	read_options(&o, argc, argv);
	bench_open(&b, o.work);
	load(&b, &o);
	ring_open(&ring, o.ring_mib, o.burst);
	rcu_reader_begin();
	if (o.beside)
		run_beside(&o, &b, &ring, argv + optind);
	else
		run_kinds(&o, &b, &ring, argv + optind);
	rcu_reader_end();
	ring_close(&ring, o.ring_mib);
	bench_close(&b);
	return EXIT_SUCCESS;
}
