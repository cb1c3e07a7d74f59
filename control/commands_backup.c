/*
 * Backups by command: into a file of this machine, or, without one, into a file without a name
 * that is fetched piece by piece afterwards (or at once, over HTTP). One of those waits at a time,
 * until it was read to its end, the next one comes, or the server ends.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/audit/audit.h"
#include "control/backup/backup.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/must.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/hex.h"

enum { PIECE = 256 << 10, REASON_SIZE = 1024 };

struct backup_spool {
	struct backup_file file;
	uint64_t number;
	uint64_t size;
};

static void spool_free(struct backup_spool *s)
{
	if (!s)
		return;
	backup_file_close(&s->file);
	free(s);
}

static bool stops(void *arg)
{
	struct engine *e = arg;

	pthread_mutex_lock(&e->lock);
	bool stopping = e->stopping;
	pthread_mutex_unlock(&e->lock);
	return stopping;
}

/* ---- making one ---- */

static void describe(json_t *o, const struct backup_manifest *m, uint64_t bytes)
{
	json_put(o, "bytes", json_number(bytes));
	json_put(o, "change", json_number(m->seq));
	json_put(o, "zones", json_number(m->counts[STORE_ZONE]));
	json_put(o, "rrsets", json_number(m->counts[STORE_RRSET]));
	json_put(o, "events", json_number(m->audit.head.seq));
}

static enum engine_outcome fill(struct engine *e, struct backup_file *f,
                                const json_t *args, json_t *result)
{
	const struct backup_source source = {
		.store = e->committer.store,
		.book = audit_book(e->audit),
		.with_secrets = json_is_true(json_object_get(args, "with_secrets")),
		.stops = stops,
		.arg = e};
	struct backup_manifest m;
	char text[REASON_SIZE];
	uint64_t began = clock_now_ns();

	if (backup_make(&source, f->stream, &m, text, sizeof text) < 0)
		return engine_fail(result, ENGINE_REFUSED, "no backup was made: %s",
		                   text);
	describe(result, &m, (uint64_t)ftello(f->stream));
	json_put(result, "seconds", json_real((double)(clock_now_ns() - began) / 1e9));
	return ENGINE_OK;
}

static enum engine_outcome back_up_to(struct engine *e, const char *path,
                                      const json_t *args, json_t *result)
{
	bool force = json_is_true(json_object_get(args, "force"));
	struct backup_file file;
	char text[REASON_SIZE];

	if (backup_file_open(path, force, &file, text, sizeof text) < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", text);
	enum engine_outcome outcome = fill(e, &file, args, result);
	if (outcome == ENGINE_OK && backup_file_keep(&file, force, text, sizeof text) < 0)
		outcome = engine_fail(result, ENGINE_REFUSED, "%s", text);
	backup_file_close(&file);
	json_put(result, "file", json_string(path));
	return outcome;
}

static void keep_spool(struct engine *e, struct backup_spool *s)
{
	pthread_mutex_lock(&e->lock);
	struct backup_spool *old = e->spool;
	e->spool = s;
	pthread_mutex_unlock(&e->lock);
	spool_free(old);
}

void backup_forget(struct engine *e)
{
	keep_spool(e, NULL);
}

static enum engine_outcome spool(struct engine *e, const json_t *args, json_t *result)
{
	char path[4096];
	char text[REASON_SIZE];
	struct backup_spool *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	(void)snprintf(path, sizeof path, "%s/backup", e->config->store);
	if (backup_file_open(path, true, &s->file, text, sizeof text) < 0) {
		free(s);
		return engine_fail(result, ENGINE_REFUSED, "%s", text);
	}
	enum engine_outcome outcome = fill(e, &s->file, args, result);
	if (outcome != ENGINE_OK) {
		spool_free(s);
		return outcome;
	}
	s->number = clock_now_ns();
	s->size = (uint64_t)ftello(s->file.stream);
	json_put(result, "number", json_number(s->number));
	keep_spool(e, s);
	return ENGINE_OK;
}

static void note(struct engine *e, const json_t *result, const char *path)
{
	json_t *detail = json_object();

	json_put(detail, "to", path ? json_string(path) : json_string("the client"));
	json_put(detail, "last_change", json_incref(json_object_get(result, "change")));
	json_put(detail, "bytes", json_incref(json_object_get(result, "bytes")));
	engine_note(e, engine_job()->actor, "backup", detail);
}

enum engine_outcome command_backup(struct engine *e, const json_t *args, json_t *result)
{
	const json_t *file = json_object_get(args, "file");
	const char *path = json_string_value(file);

	if (file && !path)
		return engine_fail(result, ENGINE_USAGE, "\"file\" must be a text");
	if (path && path[0] != '/')
		return engine_fail(result, ENGINE_USAGE,
		                   "\"file\" must be an absolute path");
	if (atomic_flag_test_and_set_explicit(&e->backing_up, memory_order_acquire))
		return engine_fail(result, ENGINE_REFUSED,
		                   "another backup is being made");
	enum engine_outcome outcome =
		path ? back_up_to(e, path, args, result) : spool(e, args, result);
	atomic_flag_clear_explicit(&e->backing_up, memory_order_release);
	if (outcome == ENGINE_OK)
		note(e, result, path);
	return outcome;
}

/* ---- fetching it ---- */

/* Gives a descriptor of the spool with this number, or -1. */
static int look_at_spool(struct engine *e, uint64_t number, uint64_t *size)
{
	int fd = -1;

	pthread_mutex_lock(&e->lock);
	if (e->spool && e->spool->number == number) {
		fd = dup(fileno(e->spool->file.stream));
		*size = e->spool->size;
	}
	pthread_mutex_unlock(&e->lock);
	return fd;
}

static void drop_spool(struct engine *e, uint64_t number)
{
	pthread_mutex_lock(&e->lock);
	struct backup_spool *s = e->spool && e->spool->number == number ? e->spool : NULL;
	if (s)
		e->spool = NULL;
	pthread_mutex_unlock(&e->lock);
	spool_free(s);
}

int engine_take_backup(struct engine *e, uint64_t number, uint64_t *size)
{
	int fd = look_at_spool(e, number, size);

	drop_spool(e, number);
	return fd;
}

static json_t *hex(const uint8_t *bytes, size_t size)
{
	char *text = must(malloc(2 * size + 1));

	(void)hex_write(text, bytes, size);
	json_t *value = json_stringn(text, 2 * size);
	free(text);
	return value;
}

enum engine_outcome command_backup_read(struct engine *e, const json_t *args,
                                        json_t *result)
{
	const json_t *number = json_object_get(args, "number");
	const json_t *offset = json_object_get(args, "offset");
	uint64_t size = 0;

	if (!json_is_integer(number) || !json_is_integer(offset) ||
	    json_integer_value(offset) < 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"number\" and \"offset\" must be numbers");
	uint64_t from = (uint64_t)json_integer_value(offset);
	int fd = look_at_spool(e, (uint64_t)json_integer_value(number), &size);
	if (fd < 0)
		return engine_fail(result, ENGINE_REFUSED, "no such backup is waiting");
	uint8_t *bytes = malloc(PIECE);
	if (!bytes)
		abort();
	ssize_t got = pread(fd, bytes, PIECE, (off_t)from);
	(void)close(fd);
	json_t *text = got < 0 ? NULL : hex(bytes, (size_t)got);
	free(bytes);
	if (!text)
		return engine_fail(result, ENGINE_REFUSED, "the backup cannot be read");
	json_put(result, "hex", text);
	json_put(result, "more", json_boolean(from + (uint64_t)got < size && got > 0));
	if (from + (uint64_t)got >= size)
		drop_spool(e, (uint64_t)json_integer_value(number));
	return ENGINE_OK;
}
