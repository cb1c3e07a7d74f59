/*
 * bench_sign: a zone is signed in memory, as it is when it comes or is signed from now on.
 *
 * Makes a zone of N hosts and a key, a CSK of an algorithm; puts the chain of NSEC in; signs all of it on so many
 * threads, and says how long each took. With a file as its last argument it writes what came out, for others
 * to verify.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/sign/bulk.h"
#include "control/sign/chain.h"
#include "control/sign/times.h"
#include "control/zone/zonefile.h"
#include "perf/bench.h"
#include "perf/queries.h"

enum { EXIT_USAGE = 2, RSA_BITS = 2048 };

static const char origin[] = "example.com.";

/* As text, with the key in the form of RFC 3597. */
static char *zone_text(uint32_t names, const struct sign_key *k, size_t *len)
{
	struct rdata key = sign_key_dnskey(k);
	char *text = NULL;
	FILE *to = open_memstream(&text, len);

	if (!to)
		bench_fail("no memory for the zone");
	zone_write_hosts(to, origin, names, 1);
	(void)fprintf(to, "@ 3600 TYPE48 \\# %u ", key.len);
	for (unsigned i = 0; i < key.len; i++)
		(void)fprintf(to, "%02x", key.bytes[i]);
	(void)fprintf(to, "\n");
	if (fclose(to) != 0)
		bench_fail("no memory for the zone");
	return text;
}

static struct contents *make_contents(uint32_t names, const struct sign_key *k)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *c = NULL;
	struct diag diag;
	size_t len;
	char *text = zone_text(names, k, &len);

	bench_name(origin, apex);
	diag_init(&diag);
	if (zonefile_parse(text, len, "zone", apex, &c, &diag) < 0)
		bench_fail("the zone is refused");
	diag_fini(&diag);
	free(text);
	return c;
}

static void write_zone(const struct contents *c, const char *path)
{
	FILE *to = fopen(path, "w");

	if (!to)
		bench_fail("cannot write %s", path);
	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;

		if (name_from_key(r->key, r->key_len, c->apex, owner) < 0 ||
		    rrset_open(r->type, r->blob, r->size, &set) < 0 ||
		    zonefile_write_rrset(to, owner, &set) < 0)
			bench_fail("cannot write %s", path);
	}
	if (fclose(to) != 0)
		bench_fail("cannot write %s", path);
}

/* Seconds of processors that the process has had. */
static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sign(struct contents *c, const struct sign_key *k, uint32_t threads)
{
	const struct sign_periods periods = {
		.validity = 1209600, .jitter = 43200, .refresh = 604800, .skew = 3600};
	const struct chain_params chain = {.kind = CHAIN_NSEC};
	const struct sign_with key = {.key = k, .parts = SIGN_KEYS | SIGN_ZONE};
	struct bulk_progress progress = {0};
	const struct sign_terms terms = {
		.zone = c->apex,
		.keys = &key,
		.key_count = 1,
		.periods = &periods,
		.serial = 1,
		.now = (uint64_t)time(NULL),
	};
	const struct bulk bulk = {.contents = c,
	                          .terms = &terms,
	                          .threads = threads,
	                          .progress = &progress};
	double begin = bench_now();

	if (chain_put(c, &chain) < 0)
		bench_fail("the chain cannot be made");
	double chained = bench_now();
	double busy = processor_time();
	if (bulk_sign(&bulk) < 0)
		bench_fail("the zone cannot be signed");
	double end = bench_now();
	busy = processor_time() - busy;
	size_t signatures = atomic_load_explicit(&progress.done, memory_order_relaxed);
	printf("sign algorithm=%u threads=%u signatures=%zu chain=%.3f sign=%.3f "
	       "signatures_per_second=%.0f processor_us=%.2f\n",
	       sign_key_algorithm(k), threads, signatures, chained - begin, end - chained,
	       (double)signatures / (end - chained), busy * 1e6 / (double)signatures);
}

int main(int argc, char **argv)
{
	struct sign_key *k;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: bench_sign NAMES ALGORITHM THREADS [FILE]\n"
		                "\n"
		                "FILE: where the signed zone is written.\n");
		return EXIT_USAGE;
	}
	uint32_t names = bench_number(argv[1]);
	uint32_t algorithm = bench_number(argv[2]);
	if (algorithm > UINT8_MAX ||
	    sign_key_generate((uint8_t)algorithm, RSA_BITS, SIGN_FLAGS_KSK, &k) < 0)
		bench_fail("no key of algorithm %s", argv[2]);
	struct contents *c = make_contents(names, k);
	sign(c, k, bench_number(argv[3]));
	if (argc == 5)
		write_zone(c, argv[4]);
	contents_free(c);
	sign_key_free(&k);
	return EXIT_SUCCESS;
}
