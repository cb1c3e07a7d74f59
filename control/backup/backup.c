#include "control/backup/backup.h"

#include <errno.h>
#include <string.h>

#include "control/backup/redact.h"
#include "shared/clock.h"
#include "shared/err.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

enum { ASK_EVERY = 4096 };

struct making {
	const struct backup_source *source;
	struct backup_writer *writer;
	size_t entries;
	FILE *to;
	unsigned kind;
	uint64_t last_event;
	struct redaction redaction;
};

static int survey(struct store_txn *t, struct backup_manifest *m)
{
	for (unsigned i = 0; i < STORE_DATABASES; i++)
		TRY(store_raw_count(t, (enum store_database)i, &m->counts[i]));
	TRY(store_log_next(t, &m->seq));
	m->seq--;
	return 0;
}

/* A disk that is full is noticed at once, not at the end of a terabyte. */
static int write_entry(const struct store_raw *raw, void *arg)
{
	struct making *m = arg;
	struct backup_entry e = {.kind = m->kind, .raw = *raw};

	if (m->kind < STORE_DATABASES && !m->source->with_secrets)
		TRY(redact(&m->redaction, (enum store_database)m->kind, raw, &e.raw));
	backup_write(m->writer, &e);
	if (++m->entries % ASK_EVERY == 0 && m->source->stops &&
	    m->source->stops(m->source->arg))
		return ERR_GONE;
	return ferror(m->to) ? ERR_IO : 0;
}

static int write_event(const struct book_event *event, void *arg)
{
	struct making *m = arg;
	uint8_t key[8];
	const struct store_raw raw = {
		.key = key,
		.key_len = sizeof key,
		/* The hash and the text lie behind each other. */
		.value = event->hash,
		.size = CHAIN_HASH_SIZE + event->len,
	};

	if (event->seq > m->last_event)
		return 1;
	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(event->seq >> (56 - 8 * i));
	return write_entry(&raw, m);
}

static int write_all(struct making *m, struct store_txn *t)
{
	for (m->kind = 0; m->kind < STORE_DATABASES; m->kind++)
		TRY(store_raw_each(t, (enum store_database)m->kind, write_entry, m));
	m->kind = BACKUP_AUDIT;
	int stop = book_each(m->source->book, 0, false, write_event, m);
	return stop < 0 ? stop : backup_writer_end(m->writer);
}

static int fail(struct store *s, int err, char *text, size_t size)
{
	char damage[STORE_DAMAGE_SIZE];

	store_damage(s, damage);
	if (err == ERR_CORRUPT && damage[0])
		(void)snprintf(text, size, "the store is damaged: %s", damage);
	else if (err == ERR_IO && errno)
		(void)snprintf(text, size, "cannot write: %s", strerror(errno));
	else
		(void)snprintf(text, size, "%s", err_text(err));
	return err;
}

/* The audit log is looked at first: it follows the store, and so what the backup has of it is not
 * ahead of what it has of the store. */
int backup_make(const struct backup_source *source, FILE *to, struct backup_manifest *out,
                char *text, size_t text_size)
{
	struct backup_manifest manifest = {.program = ANSER_VERSION,
	                                   .store_format = store_format()};
	struct making m = {.source = source, .to = to};
	struct store_txn *t = NULL;

	errno = 0;
	int err = book_look(source->book, &manifest.audit);
	if (err == 0)
		err = store_begin_read(source->store, &t);
	if (err < 0)
		return fail(source->store, err, text, text_size);
	manifest.time_us = clock_wall_us();
	err = survey(t, &manifest);
	if (err == 0) {
		m.last_event = manifest.audit.head.seq;
		m.writer = backup_writer_new(to, &manifest);
		err = write_all(&m, t);
		backup_writer_free(&m.writer);
		redaction_fini(&m.redaction);
	}
	store_abort(&t);
	if (err < 0)
		return fail(source->store, err, text, text_size);
	*out = manifest;
	return 0;
}
