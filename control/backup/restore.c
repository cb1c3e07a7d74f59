/*
 * The directory. All is put together in DIR/restoring, and what has come out of it is moved to where
 * the server looks for it, the store itself last: that is the moment from which there is one. A server
 * does not start on a directory that has restoring but no store; a restore begun again throws
 * away what the first one has left.
 */
#include "control/backup/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/change/record.h"
#include "shared/clock.h"
#include "shared/err.h"

enum { COMMIT_BYTES = 64 << 20 };

static const char data_name[] = "data.mdb";
static const char lock_name[] = "lock.mdb";
static const char audit_name[] = "audit";

struct restoring {
	const char *dir;
	int fd;              /* of it, locked */
	char path[PATH_MAX]; /* of DIR/restoring */
	struct store *store;
	struct store_txn *txn;
	struct book *book;
	struct book_writer *writer;
	size_t pending; /* bytes since the last commit */
	char *text;
};

static int fail(struct restoring *r, const char *what, const char *name)
{
	(void)snprintf(r->text, RESTORE_TEXT_SIZE, "cannot %s %s/%s: %s", what, r->dir,
	               name, strerror(errno));
	return ERR_SYSTEM;
}

/* ---- the directory ---- */

/* What may be there: the certificate that the server made for itself, what a file system has, and
 * what an earlier restore has left. */
static bool may_be_there(const char *name, bool unfinished)
{
	return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "tls") ||
	       !strcmp(name, "lost+found") || !strcmp(name, STORE_RESTORING) ||
	       (unfinished && !strcmp(name, audit_name));
}

static int check_empty(struct restoring *r)
{
	bool unfinished = faccessat(r->fd, STORE_RESTORING, F_OK, 0) == 0;
	DIR *list = opendir(r->dir);
	int err = 0;

	if (!list)
		return fail(r, "read", ".");
	for (const struct dirent *e; err == 0 && (e = readdir(list));)
		if (!may_be_there(e->d_name, unfinished)) {
			(void)snprintf(
				r->text, RESTORE_TEXT_SIZE,
				"%s is not empty: it has %s. Restore into an empty "
				"directory",
				r->dir, e->d_name);
			err = ERR_EXISTS;
		}
	(void)closedir(list);
	return err;
}

/* Removes a store with its audit log, as far as it is there. */
static int remove_part(struct restoring *r, const char *name)
{
	static const char *const files[] = {data_name, lock_name};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", name, files[i]);
		if (unlinkat(r->fd, path, 0) < 0 && errno != ENOENT)
			return fail(r, "remove", path);
	}
	if (unlinkat(r->fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(r, "remove", name);
	return 0;
}

static int remove_leftovers(struct restoring *r)
{
	TRY(remove_part(r, STORE_RESTORING "/audit"));
	TRY(remove_part(r, STORE_RESTORING));
	return remove_part(r, audit_name);
}

static int take_directory(struct restoring *r)
{
	if (mkdir(r->dir, 0700) < 0 && errno != EEXIST)
		return fail(r, "make", ".");
	r->fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return fail(r, "open", ".");
	if (flock(r->fd, LOCK_EX | LOCK_NB) < 0) {
		(void)snprintf(r->text, RESTORE_TEXT_SIZE,
		               "%s is in use by another process", r->dir);
		return ERR_BUSY;
	}
	TRY(check_empty(r));
	TRY(remove_leftovers(r));
	if (snprintf(r->path, sizeof r->path, "%s/%s", r->dir, STORE_RESTORING) >=
	    (int)sizeof r->path)
		return ERR_TOOBIG;
	if (mkdirat(r->fd, STORE_RESTORING, 0700) < 0)
		return fail(r, "make", STORE_RESTORING);
	return 0;
}

/* ---- filling ---- */

static int open_parts(struct restoring *r)
{
	char path[PATH_MAX + 8];

	TRY(store_open(r->path, &r->store, r->text, RESTORE_TEXT_SIZE));
	(void)snprintf(path, sizeof path, "%s/%s", r->path, audit_name);
	return book_open(path, &r->book, r->text, RESTORE_TEXT_SIZE);
}

static int commit_parts(struct restoring *r)
{
	r->pending = 0;
	if (r->txn)
		TRY(store_commit(&r->txn));
	return r->writer ? book_commit(&r->writer) : 0;
}

static int put_event(struct restoring *r, const struct store_raw *raw)
{
	uint64_t seq = 0;
	const uint8_t *key = raw->key;
	const uint8_t *value = raw->value;

	if (!r->writer)
		TRY(book_begin(r->book, &r->writer));
	for (size_t i = 0; i < raw->key_len; i++)
		seq = seq << 8 | key[i];
	const struct book_event e = {
		.seq = seq,
		.hash = value,
		.text = (const char *)value + CHAIN_HASH_SIZE,
		.len = raw->size - CHAIN_HASH_SIZE,
	};
	return book_put(r->writer, &e);
}

static int put_entry(const struct backup_entry *e, void *arg)
{
	struct restoring *r = arg;

	if (e->kind != BACKUP_AUDIT && !r->txn)
		TRY(store_begin_write(r->store, &r->txn));
	TRY(e->kind == BACKUP_AUDIT
	            ? put_event(r, &e->raw)
	            : store_raw_put(r->txn, (enum store_database)e->kind, &e->raw));
	r->pending += e->raw.key_len + e->raw.size;
	return r->pending < COMMIT_BYTES ? 0 : commit_parts(r);
}

static int fill(struct restoring *r, FILE *from, const char *file,
                const struct backup_survey *s)
{
	const struct backup_visitor v = {.entry = put_entry, .arg = r};
	struct backup_damage damage = {0};

	int err = backup_read(from, &v, &damage);
	if (err < 0 && damage.text[0])
		(void)snprintf(r->text, RESTORE_TEXT_SIZE, "%s: offset %" PRIu64 ": %s",
		               file, damage.offset, damage.text);
	if (err == 0 && !r->writer)
		err = book_begin(r->book, &r->writer);
	if (err == 0)
		err = book_set_state(r->writer, &s->manifest.audit);
	return err == 0 ? commit_parts(r) : err;
}

/* The restore is a change of its own, behind all that the backup has: no number is used again for
 * another change. */
static int log_restore(struct restoring *r, const char *file,
                       const struct backup_survey *s)
{
	struct change *change = change_new(actor_self());
	struct change_result result = {.seq = s->manifest.seq + 1};
	char why[PATH_MAX + 128];
	const char *name = strrchr(file, '/');
	uint8_t *header;

	(void)snprintf(why, sizeof why, "restore of %s up to change %" PRIu64,
	               name ? name + 1 : file, s->stop);
	change->why = change_text(change, why);
	size_t size = record_encode_header(change, &result, clock_wall_us(), &header);
	change_free(&change);
	int err = store_begin_write(r->store, &r->txn);
	if (err == 0)
		err = store_log_put(r->txn, result.seq, header, size);
	free(header);
	return err == 0 ? commit_parts(r) : err;
}

/* ---- the end ---- */

static void close_parts(struct restoring *r)
{
	store_abort(&r->txn);
	if (r->writer)
		book_abort(&r->writer);
	if (r->store)
		store_close(r->store);
	r->store = NULL;
	if (r->book)
		book_close(&r->book);
}

static int move_out(struct restoring *r, const char *name)
{
	char from[64];

	(void)snprintf(from, sizeof from, "%s/%s", STORE_RESTORING, name);
	if (renameat(r->fd, from, r->fd, name) < 0)
		return fail(r, "move", from);
	return fsync(r->fd) < 0 ? fail(r, "write", ".") : 0;
}

static int finish(struct restoring *r)
{
	close_parts(r);
	TRY(move_out(r, audit_name));
	TRY(move_out(r, data_name));
	return remove_part(r, STORE_RESTORING);
}

static int run(struct restoring *r, FILE *from, const char *file,
               const struct backup_survey *s)
{
	TRY(take_directory(r));
	int err = open_parts(r);
	if (err == 0)
		err = fill(r, from, file, s);
	if (err == 0 && s->stop < s->last)
		err = undo_until(r->store, s->stop, r->text);
	if (err == 0)
		err = log_restore(r, file, s);
	if (err == 0)
		return finish(r);
	close_parts(r);
	char *text = r->text;
	char ignored[RESTORE_TEXT_SIZE];
	r->text = ignored;
	(void)remove_leftovers(r);
	r->text = text;
	return err;
}

static int restore_from(FILE *from, const char *file, const char *dir,
                        const struct restore_until *until, struct backup_survey *out,
                        char *text)
{
	struct restoring r = {.dir = dir, .fd = -1, .text = text};

	TRY(backup_check(from, file, until, out, text));
	rewind(from);
	int err = run(&r, from, file, out);
	if (r.fd >= 0)
		(void)close(r.fd);
	if (err < 0 && !text[0])
		(void)snprintf(text, RESTORE_TEXT_SIZE, "%s: %s", dir, err_text(err));
	return err;
}

int restore(const char *file, const char *dir, const struct restore_until *until,
            struct backup_survey *out, char text[static RESTORE_TEXT_SIZE])
{
	FILE *from = fopen(file, "re");

	text[0] = '\0';
	if (!from) {
		(void)snprintf(text, RESTORE_TEXT_SIZE, "%s: %s", file, strerror(errno));
		return ERR_SYSTEM;
	}
	int err = restore_from(from, file, dir, until, out, text);
	(void)fclose(from);
	return err;
}
