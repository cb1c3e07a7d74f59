#include "dataplane/io/dpdk/eal.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "shared/err.h"

/* An argument that is added unless one of the others is given. A word of one letter may have its
 * value attached ("-l0"), a long one behind "=". */
struct addition {
	const char *words; /* separated by blanks */
	const char *unless[5];
};

static const struct addition additions[] = {
	/* Several data planes side by side, nothing left behind in the file system. */
	{"--in-memory",
         {"--in-memory", "--file-prefix", "--huge-dir", "--huge-unlink", "--no-huge"}},
	/* The same where there are no huge pages, which EAL will not have together. */
	{"--no-shconf",
         {"--no-shconf", "--in-memory", "--file-prefix", "--huge-dir", "--huge-unlink"}},
	/* A socket that anybody on the host could ask for everything. */
	{"--no-telemetry", {"--telemetry", "--no-telemetry"}},
};

/* Workers bring their own threads, so one lcore is enough. */
static const char *const lcore_words[5] = {"-l", "-c", "--lcores", "-s"};

static bool is_word(const char *given, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(given, word, len) != 0)
		return false;
	return word[1] != '-' || given[len] == '\0' || given[len] == '=';
}

static bool has_any(const struct eal_args *a, const char *const words[5])
{
	for (int i = 1; i < a->count; i++) {
		for (unsigned w = 0; w < 5 && words[w] != NULL; w++) {
			if (is_word(a->words[i], words[w]))
				return true;
		}
	}
	return false;
}

/* Adds the words of more, which lie in the vector's text from there on. */
static int add(struct eal_args *a, const char *more)
{
	const char *last = a->count > 0 ? a->words[a->count - 1] : NULL;
	char *at = last ? a->text + (last - a->text) + strlen(last) + 1 : a->text;
	size_t room = sizeof a->text - (size_t)(at - a->text);
	char *rest = NULL;

	if (strlen(more) >= room)
		return ERR_TOOBIG;
	memcpy(at, more, strlen(more) + 1);
	for (char *word = strtok_r(at, " \t\n", &rest); word != NULL;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (a->count == EAL_ARGS_MAX)
			return ERR_TOOBIG;
		a->words[a->count++] = word;
	}
	return 0;
}

int eal_make_args(struct eal_args *args, const char *given, int cpu)
{
	char lcore[32];

	memset(args, 0, sizeof *args);
	TRY(add(args, "anser-dataplane"));
	TRY(add(args, given));
	for (size_t i = 0; i < ARRAY_LEN(additions); i++) {
		if (!has_any(args, additions[i].unless))
			TRY(add(args, additions[i].words));
	}
	if (!has_any(args, lcore_words)) {
		snprintf(lcore, sizeof lcore, "-l %d", cpu);
		TRY(add(args, lcore));
	}
	return 0;
}

static int first_cpu(const cpu_set_t *cpus)
{
	for (size_t i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, cpus))
			return (int)i;
	}
	return 0;
}

int eal_start(const char *given, char *text, size_t text_size)
{
	/* EAL and its drivers keep pointers into it. */
	static struct eal_args args;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	(void)pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus);
	if (eal_make_args(&args, given, first_cpu(&cpus)) != 0) {
		snprintf(text, text_size,
		         "more than %d arguments for EAL, or too long ones",
		         EAL_ARGS_MAX);
		return ERR_REFUSED;
	}
	(void)rte_openlog_stream(stderr);
	if (rte_eal_init(args.count, args.words) < 0) {
		snprintf(
			text, text_size,
			"EAL: %s (its own messages say more; without huge pages it takes "
			"--no-huge in dpdk.eal)",
			rte_strerror(rte_errno));
		return ERR_REFUSED;
	}
	(void)pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
	return 0;
}

void eal_stop(void)
{
	(void)rte_eal_cleanup();
}
