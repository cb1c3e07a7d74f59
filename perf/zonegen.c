/*
 * zonegen: zones and queries for the benchmarks (perf/README.md).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "perf/queries.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { EXIT_USAGE = 2, HEADER = 12, SERIAL = 2024010100 };

static int usage(void)
{
	fprintf(stderr,
	        "usage: zonegen hosts ORIGIN NAMES FILE\n"
	        "       zonegen tld ORIGIN NAMES FILE\n"
	        "       zonegen zones ORIGIN ZONES NAMES DIRECTORY\n"
	        "       zonegen queries KIND[+do] ORIGIN ZONES NAMES COUNT BASE\n"
	        "\n"
	        "queries writes BASE.txt (for dnsperf) and BASE.bin (for memio); ZONES is 0 for\n"
	        "names below ORIGIN itself. KIND: ");
	for (unsigned i = 0; i < QUERY_KINDS; i++)
		fprintf(stderr, "%s ", query_kind_name((enum query_kind)i));
	fprintf(stderr, "\n");
	return EXIT_USAGE;
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > UINT32_MAX) {
		fprintf(stderr, "zonegen: %s is no number\n", text);
		exit(EXIT_USAGE);
	}
	return (uint32_t)n;
}

static FILE *create(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		fprintf(stderr, "zonegen: %s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	return f;
}

static void finish(FILE *f, const char *path)
{
	if (ferror(f) || fclose(f) != 0) {
		fprintf(stderr, "zonegen: %s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
}

static void write_zones(const char *origin, uint32_t zones, uint32_t names,
                        const char *dir)
{
	char name[NAME_TEXT_MAX];
	char path[4096];

	if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
		fprintf(stderr, "zonegen: %s: %s\n", dir, strerror(errno));
		exit(EXIT_FAILURE);
	}
	for (uint32_t i = 0; i < zones; i++) {
		(void)snprintf(name, sizeof name, "z%07u.%s", i, origin);
		(void)snprintf(path, sizeof path, "%s/%szone", dir, name);
		FILE *f = create(path);
		zone_write_hosts(f, name, names, SERIAL);
		finish(f, path);
	}
}

/* One line of dnsperf's input: name and type. */
static void write_text(FILE *to, const uint8_t *query)
{
	char name[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	size_t len = name_len(query + HEADER, NAME_MAX_LEN);

	fprintf(to, "%s %s\n", name_to_text(query + HEADER, name),
	        rrtype_to_text(wire_load16(query + HEADER + len), type));
}

static void write_queries(const struct query_space *space, uint32_t count,
                          const char *base)
{
	char path[4096];
	uint8_t query[2 + QUERY_MAX];
	uint64_t random = 1;

	(void)snprintf(path, sizeof path, "%s.txt", base);
	FILE *text = create(path);
	(void)snprintf(path, sizeof path, "%s.bin", base);
	FILE *binary = create(path);
	for (uint32_t i = 0; i < count; i++) {
		size_t len = query_make(space, &random, query + 2);
		wire_store16(query, (uint16_t)len);
		fwrite(query, 1, 2 + len, binary);
		write_text(text, query + 2);
	}
	finish(text, "queries");
	finish(binary, path);
}

static int queries(char **args)
{
	uint8_t apex[NAME_MAX_LEN];
	struct query_space space = {.apex = apex};
	char *flag = strchr(args[0], '+');

	if (flag) {
		*flag = '\0';
		space.dnssec_ok = strcmp(flag + 1, "do") == 0;
	}
	if (!query_kind_from_name(args[0], &space.kind) ||
	    name_from_text(args[1], strlen(args[1]), NULL, apex) < 0)
		return usage();
	space.zones = number(args[2]);
	space.names = number(args[3]);
	write_queries(&space, number(args[4]), args[5]);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "hosts") == 0) {
		FILE *f = create(argv[4]);
		zone_write_hosts(f, argv[2], number(argv[3]), SERIAL);
		finish(f, argv[4]);
		return EXIT_SUCCESS;
	}
	if (argc == 5 && strcmp(argv[1], "tld") == 0) {
		FILE *f = create(argv[4]);
		zone_write_tld(f, argv[2], number(argv[3]), SERIAL);
		finish(f, argv[4]);
		return EXIT_SUCCESS;
	}
	if (argc == 6 && strcmp(argv[1], "zones") == 0) {
		write_zones(argv[2], number(argv[3]), number(argv[4]), argv[5]);
		return EXIT_SUCCESS;
	}
	if (argc == 8 && strcmp(argv[1], "queries") == 0)
		return queries(argv + 2);
	return usage();
}
