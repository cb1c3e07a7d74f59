#include "perf/bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/zone/zonefile.h"
#include "perf/queries.h"
#include "shared/err.h"

enum { ZONES_PER_COMMIT = 10000, SERIAL = 1 };

void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static void must(int err, const char *what)
{
	if (err < 0)
		bench_fail("%s: %s", what, err_text(err));
}

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

uint32_t bench_number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > UINT32_MAX)
		bench_fail("%s is no number", text);
	return (uint32_t)n;
}

void bench_name(const char *text, uint8_t name[static NAME_MAX_LEN])
{
	if (name_from_text(text, strlen(text), NULL, name) < 0)
		bench_fail("%s is no absolute name", text);
	name_fold(name, name_len(name, NAME_MAX_LEN));
}

void bench_open(struct bench *b, const char *parent)
{
	char text[1024];
	struct diag diag;

	(void)snprintf(b->dir, sizeof b->dir, "%s/bench.XXXXXX", parent);
	if (!mkdtemp(b->dir))
		bench_fail("%s: %s", parent, strerror(errno));
	diag_init(&diag);
	int len = snprintf(text, sizeof text,
	                   "control:\n  store: %s/store\n  table-limit: 16G\n", b->dir);
	int err = config_parse(text, (size_t)len, "bench", NULL, &b->config, &diag);
	diag_print(&diag, stderr);
	diag_fini(&diag);
	must(err, "configuration");
	err = committer_open(&b->committer, b->config, NULL, text, sizeof text);
	if (err < 0)
		bench_fail("%s", text);
}

double bench_reopen(struct bench *b)
{
	char text[1024];

	committer_close(&b->committer);
	double began = bench_now();
	if (committer_open(&b->committer, b->config, NULL, text, sizeof text) < 0)
		bench_fail("%s", text);
	return bench_now() - began;
}

void bench_close(struct bench *b)
{
	static const char *const files[] = {"store/data.mdb", "store/lock.mdb"};
	char path[300];

	committer_close(&b->committer);
	config_release(b->config);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", b->dir, files[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof path, "%s/store", b->dir);
	(void)rmdir(path);
	(void)rmdir(b->dir);
}

static void check(struct contents *contents, struct diag *diag, int err)
{
	if (err == 0)
		err = contents_check(contents, diag);
	if (err < 0)
		diag_print(diag, stderr);
	must(err, "zone");
}

static struct zone *find_or_add(struct bench *b, const uint8_t *name)
{
	struct zone *z = registry_find(b->committer.registry, name);

	if (!z)
		must(commit_zone_add(&b->committer, name, true, &z), "add");
	return z;
}

void bench_load_file(struct bench *b, const char *origin, const char *path,
                     struct bench_load *out)
{
	uint8_t name[NAME_MAX_LEN + NAME_PAD] = {0};
	struct contents *contents;
	struct diag diag;
	double began = bench_now();

	bench_name(origin, name);
	diag_init(&diag);
	int err = zonefile_read(path, name, &contents, &diag);
	check(contents, &diag, err);
	diag_fini(&diag);
	double read = bench_now();
	must(commit_begin(&b->committer), "commit");
	struct zone *z = find_or_add(b, name);
	must(commit_zone_contents(&b->committer, z, contents, NULL, &out->report),
	     "contents");
	must(commit_finish(&b->committer), "commit");
	out->commit = bench_now() - read;
	out->read = read - began;
	out->records = contents->records;
	contents_free(contents);
}

static void load_generated(struct bench *b, const char *origin, uint32_t names,
                           struct bench_load *out)
{
	uint8_t name[NAME_MAX_LEN + NAME_PAD] = {0};
	struct contents *contents;
	struct diag diag;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		bench_fail("%s", strerror(errno));
	zone_write_hosts(f, origin, names, SERIAL);
	fclose(f);
	double began = bench_now();
	bench_name(origin, name);
	diag_init(&diag);
	int err = zonefile_parse(text, size, origin, name, &contents, &diag);
	check(contents, &diag, err);
	diag_fini(&diag);
	free(text);
	double read = bench_now();
	struct zone *z = find_or_add(b, name);
	must(commit_zone_contents(&b->committer, z, contents, NULL, &out->report),
	     "contents");
	out->commit += bench_now() - read;
	out->read += read - began;
	out->records += contents->records;
	contents_free(contents);
}

/* What the server's commit thread does between commits: old versions go, huge pages come. */
static void settle(struct bench *b)
{
	enum { GRACE_PERIODS = 4 }; /* the last of them has nothing left to wait for */

	for (unsigned i = 0; i < GRACE_PERIODS; i++)
		must(committer_tick(&b->committer), "housekeeping");
	int more;
	do {
		more = committer_rest(&b->committer);
		must(more, "housekeeping");
	} while (more > 0);
}

void bench_load_zones(struct bench *b, const char *origin, uint32_t zones, uint32_t names,
                      struct bench_load *out)
{
	char name[NAME_TEXT_MAX];

	*out = (struct bench_load){0};
	for (uint32_t i = 0; i < zones; i++) {
		if (i % ZONES_PER_COMMIT == 0)
			must(commit_begin(&b->committer), "commit");
		(void)snprintf(name, sizeof name, "z%07u.%s", i, origin);
		load_generated(b, name, names, out);
		if (i % ZONES_PER_COMMIT == ZONES_PER_COMMIT - 1 || i == zones - 1) {
			double began = bench_now();
			must(commit_finish(&b->committer), "commit");
			settle(b);
			out->commit += bench_now() - began;
		}
	}
}

const struct table *bench_table(struct bench *b)
{
	settle(b);
	return b->committer.source.current;
}
