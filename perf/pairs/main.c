/*
 * anser-pairs: whether what is changed together is seen together, while a server is asked as fast as it
 * can answer, or at a rate. perf/README.md says more.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "perf/pairs/asker.h"
#include "perf/pairs/record.h"
#include "perf/pairs/writer.h"
#include "shared/address.h"
#include "shared/clock.h"

enum { EXIT_USAGE = 2, SOCKETS_MAX = 64, TURNS = 64 };

static const char usage_text[] =
	"usage: anser-pairs --zone pairs|other [--writers N]   the zone file, on standard output\n"
	"       anser-pairs --port PORT [OPTION...]\n"
	"\n"
	"  --address ADDRESS   of the server (127.0.0.1)\n"
	"  --sockets N         to ask over (8)\n"
	"  --rate R            queries a second (as fast as answers come)\n"
	"  --window N          without a rate: unanswered queries on each socket (8)\n"
	"  --seconds S         for so long, at least (3)\n"
	"  --control SOCKET    and change the records, by the control socket there\n"
	"  --writers N         clients that do, and that the zones are made for (4)\n"
	"  --change-rate R     changes a second, all together (as fast as they are made)\n"
	"  --changes N         and until so many are made\n"
	"  --cpu N             to ask from\n";

struct options {
	struct pairs_asking asking;
	const char *zone;
	const char *address;
	const char *control;
	double seconds;
	double change_rate;
	unsigned port;
	unsigned changes;
	int cpu;
};

/* Gives a number from 0 on, or ends the program. */
static double number(const char *text, double most)
{
	char *end;
	double n = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(n >= 0 && n <= most)) {
		(void)fprintf(stderr, "anser-pairs: %s is no number up to %g\n", text,
		              most);
		exit(EXIT_USAGE);
	}
	return n;
}

static bool read_option(struct options *o, int option)
{
	switch (option) {
	case 'z': o->zone = optarg; break;
	case 'p': o->port = (unsigned)number(optarg, UINT16_MAX); break;
	case 'a': o->address = optarg; break;
	case 's': o->asking.sockets = (unsigned)number(optarg, SOCKETS_MAX); break;
	case 'r': o->asking.rate = number(optarg, 1e9); break;
	case 'w': o->asking.window = (unsigned)number(optarg, UINT16_MAX); break;
	case 't': o->seconds = number(optarg, 1e6); break;
	case 'c': o->control = optarg; break;
	case 'n':
		o->asking.writer_count = (unsigned)number(optarg, PAIRS_WRITERS_MAX);
		break;
	case 'R': o->change_rate = number(optarg, 1e9); break;
	case 'N': o->changes = (unsigned)number(optarg, PAIRS_VERSION_MAX); break;
	case 'C': o->cpu = (int)number(optarg, CPU_SETSIZE - 1); break;
	default: return false;
	}
	return true;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	static const struct option words[] = {
		{"zone", required_argument, NULL, 'z'},
		{"port", required_argument, NULL, 'p'},
		{"address", required_argument, NULL, 'a'},
		{"sockets", required_argument, NULL, 's'},
		{"rate", required_argument, NULL, 'r'},
		{"window", required_argument, NULL, 'w'},
		{"seconds", required_argument, NULL, 't'},
		{"control", required_argument, NULL, 'c'},
		{"writers", required_argument, NULL, 'n'},
		{"change-rate", required_argument, NULL, 'R'},
		{"changes", required_argument, NULL, 'N'},
		{"cpu", required_argument, NULL, 'C'},
		{0},
	};
	int option = 0;

	while ((option = getopt_long(argc, argv, "", words, NULL)) != -1)
		if (!read_option(o, option))
			return false;
	return optind == argc && o->asking.writer_count > 0 && o->asking.sockets > 0 &&
	       (o->zone || (o->port > 0 && address_read(o->address, (uint16_t)o->port,
	                                                &o->asking.server)));
}

/* ---- the run ---- */

struct run {
	struct pairs_writer writers[PAIRS_WRITERS_MAX];
	unsigned writer_count; /* that are at work */
	_Atomic bool stop;     /* main thread writes, writers read */
	double seconds;        /* that it took */
};

static void start_writers(struct run *run, const struct options *o)
{
	unsigned count = o->asking.writer_count;

	run->writer_count = o->control ? count : 0;
	for (unsigned i = 0; i < run->writer_count; i++) {
		struct pairs_writer *w = &run->writers[i];
		w->path = o->control;
		w->number = i;
		w->interval = o->change_rate > 0 ? count / o->change_rate : 0;
		w->last = o->changes ? PAIRS_SLOTS - 1 + (o->changes + count - 1) / count
		                     : PAIRS_VERSION_MAX;
		w->stop = &run->stop;
		pairs_writer_start(w);
	}
}

static bool have_ended(const struct run *run)
{
	for (unsigned i = 0; i < run->writer_count; i++)
		if (!atomic_load_explicit(&run->writers[i].ended, memory_order_acquire))
			return false;
	return true;
}

/* Gives how many changes were made; false when one was not. */
static bool join_writers(struct run *run, uint64_t *changes)
{
	bool good = true;

	*changes = 0;
	for (unsigned i = 0; i < run->writer_count; i++) {
		pairs_writer_join(&run->writers[i]);
		good &= !run->writers[i].failed;
		*changes += atomic_load_explicit(&run->writers[i].shown,
		                                 memory_order_relaxed) -
		            (PAIRS_SLOTS - 1);
	}
	return good;
}

static void work(struct run *run, struct pairs_asker *asker, const struct options *o)
{
	uint64_t begun = clock_now_ns();
	uint64_t until = begun + (uint64_t)(o->seconds * 1e9);

	while (clock_now_ns() < until || (o->changes && !have_ended(run)))
		for (unsigned i = 0; i < TURNS; i++)
			pairs_asker_turn(asker);
	run->seconds = (double)(clock_now_ns() - begun) / 1e9;
	atomic_store_explicit(&run->stop, true, memory_order_relaxed);
}

static bool is_good(const struct pairs_counts *c)
{
	return c->answered > 0 &&
	       c->lost + c->wrong + c->mixed + c->back + c->hidden + c->early == 0;
}

static void print(const struct run *run, const struct pairs_counts *c, uint64_t changes)
{
	(void)printf(
		"pairs seconds=%.3f asked=%" PRIu64 " answered=%" PRIu64
		" rate=%.0f skipped=%" PRIu64 " lost=%" PRIu64 " wrong=%" PRIu64
		" mixed=%" PRIu64 " back=%" PRIu64 " hidden=%" PRIu64 " early=%" PRIu64
		" slowest_ms=%.3f changes=%" PRIu64 " change_rate=%.0f\n",
		run->seconds, c->asked, c->answered, (double)c->answered / run->seconds,
		c->skipped, c->lost, c->wrong, c->mixed, c->back, c->hidden, c->early,
		(double)c->slowest / 1e6, changes, (double)changes / run->seconds);
}

static bool pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	return sched_setaffinity(0, sizeof set, &set) == 0;
}

static int check_pairs(struct options *o)
{
	static struct run run;
	uint64_t changes;

	start_writers(&run, o); /* before pinning: their threads go where there is room */
	if (o->cpu >= 0 && !pin(o->cpu)) {
		(void)fprintf(stderr, "anser-pairs: processor %d: %s\n", o->cpu,
		              strerror(errno));
		return EXIT_USAGE;
	}
	o->asking.writers = run.writer_count ? run.writers : NULL;
	struct pairs_asker *asker = pairs_asker_open(&o->asking);
	if (!asker) {
		(void)fprintf(stderr, "anser-pairs: a socket: %s\n", strerror(errno));
		return EXIT_USAGE;
	}
	work(&run, asker, o);
	pairs_asker_settle(asker);
	bool good = join_writers(&run, &changes) && is_good(pairs_asker_counts(asker));
	print(&run, pairs_asker_counts(asker), changes);
	pairs_asker_close(&asker);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options o = {
		.address = "127.0.0.1",
		.seconds = 3,
		.cpu = -1,
		.asking = {.sockets = 8, .window = 8, .writer_count = 4},
	};

	if (!read_options(&o, argc, argv)) {
		(void)fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	if (!o.zone)
		return check_pairs(&o);
	pairs_write_zone(stdout, strcmp(o.zone, "other") == 0, o.asking.writer_count);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
