/*
 * anser-load: asks a DNS server as fast as a DPDK port and one processor can, and says what came
 * back (perf/README.md).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/loadgen/options.h"
#include "perf/loadgen/result.h"
#include "perf/loadgen/run.h"

enum { EXIT_USAGE = 2 };

static void on_signal(int number)
{
	(void)number;
	run_interrupted = 1;
}

static bool make_step(struct run *run, const struct options_step *step,
                      struct result *out)
{
	bool whole = run_step(run, step, out);

	result_print(stdout, out);
	(void)fflush(stdout);
	return whole;
}

/* Gives how many steps were made. */
static size_t make_steps(struct run *run, const struct options *o,
                         struct result results[])
{
	double peak = 0;
	size_t n = 0;

	result_print_head(stdout);
	for (; n < o->step_count; n++) {
		if (!make_step(run, &o->steps[n], &results[n]))
			return n + 1;
		double rate = result_rate(&results[n]);
		peak = rate > peak ? rate : peak;
	}
	for (size_t i = 0; i < o->curve_count && peak >= 1; i++, n++) {
		const struct options_step step = {.rate = o->curve[i] * peak};
		if (!make_step(run, &step, &results[n]))
			return n + 1;
	}
	return n;
}

static bool write_json(const char *path, const struct result results[], size_t n)
{
	FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

	if (to)
		result_print_json(to, results, n);
	if (!to || ferror(to) || (to == stdout ? fflush(to) : fclose(to)) != 0) {
		fprintf(stderr, "anser-load: %s: %s\n", path, strerror(errno));
		return false;
	}
	return true;
}

/* A step without replies, or with replies that are wrong, is no measurement. */
static bool all_good(const struct result results[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (results[i].answered == 0 || result_flawed(&results[i])) {
			fprintf(stderr, "anser-load: %s\n",
			        results[i].answered
			                ? "replies that are not as they must be"
			                : "no reply at all");
			return false;
		}
	}
	return true;
}

static int measure(const struct options *o, const struct queryset *set)
{
	char why[WHY_MAX];
	struct run *run = run_open(o, set, why);

	if (!run) {
		fprintf(stderr, "anser-load: %s\n", why);
		return EXIT_FAILURE;
	}
	struct result *results = calloc(OPTIONS_STEPS_MAX, sizeof *results);
	if (!results)
		abort();
	size_t n = make_steps(run, o, results);
	run_close(&run);
	bool good = all_good(results, n);
	if (o->json && !write_json(o->json, results, n))
		good = false;
	free(results);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options;
	struct queryset set;
	char why[WHY_MAX];

	if (!options_parse(&options, argc, argv, why)) {
		fprintf(stderr, "anser-load: %s; --help says more\n", why);
		return EXIT_USAGE;
	}
	if (options.help) {
		printf("%s", options_usage);
		return EXIT_SUCCESS;
	}
	if (!queryset_make(&set, &options.queries, why)) {
		fprintf(stderr, "anser-load: %s\n", why);
		return EXIT_USAGE;
	}
	printf("# %zu queries of %.1f octets\n", set.count,
	       (double)set.dns_bytes / (double)set.count);
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	int status = measure(&options, &set);
	queryset_fini(&set);
	return status;
}
