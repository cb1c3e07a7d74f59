#include "control/zone/zonefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/zone/arena.h"
#include "control/zone/zonefile_reader.h"
#include "shared/err.h"

int reader_refuse(struct zone_reader *r, const struct entry_token *at, const char *rule,
                  const char *format, ...)
{
	const struct zone_text *text = reader_text(r);
	const struct entry_source *source = &text->source;
	/* A token of $GENERATE's own making stands nowhere in the file. */
	bool placed = at && (uintptr_t)at->text >= (uintptr_t)source->start &&
	              (uintptr_t)at->text <= (uintptr_t)source->end;
	char reason[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	diag_add(r->diag, DIAG_ERROR, rule, text->path, placed ? at->line : r->entry.line,
	         placed ? entry_column(source, at->text) : 0, "%s", reason);
	return ERR_SYNTAX;
}

/* ---- texts ---- */

static char *copy_string(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(memory_get(size), s, size);
}

static struct zone_text *push_text(struct zone_reader *r, const char *path)
{
	struct zone_text *t = &r->texts[r->depth++];

	*t = (struct zone_text){
		.path = copy_string(path),
		.index = contents_builder_file(r->builder, path),
		.outer_has_owner = r->has_owner,
	};
	memcpy(t->outer_origin, r->origin, sizeof t->outer_origin);
	memcpy(t->outer_owner, r->owner, sizeof t->outer_owner);
	return t;
}

static void pop_text(struct zone_reader *r)
{
	struct zone_text *t = reader_text(r);

	memcpy(r->origin, t->outer_origin, sizeof r->origin);
	memcpy(r->owner, t->outer_owner, sizeof r->owner);
	r->has_owner = t->outer_has_owner;
	if (t->from_file)
		free(t->text);
	free(t->path);
	r->depth--;
}

/* Gives all of a regular file; *len may be less than its size when it shrinks meanwhile. */
static int read_whole(int fd, size_t size, char **out, size_t *len)
{
	char *bytes = memory_get(size);
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, bytes + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(bytes);
			return ERR_IO;
		}
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*out = bytes;
	*len = got;
	return 0;
}

static int refuse_file(struct zone_reader *r, const char *path,
                       const struct entry_token *at, const char *reason)
{
	if (r->depth)
		(void)reader_refuse(r, at, "include-file", "cannot read %s: %s", path,
		                    reason);
	else
		diag_add(r->diag, DIAG_ERROR, "zone-file", path, 0, 0,
		         "cannot read it: %s", reason);
	return ERR_IO;
}

static bool is_being_read(const struct zone_reader *r, const struct stat *st)
{
	for (unsigned i = 0; i < r->depth; i++)
		if (r->texts[i].from_file && r->texts[i].device == st->st_dev &&
		    r->texts[i].inode == st->st_ino)
			return true;
	return false;
}

/* Reads an open file and puts it on top. */
static int push_file(struct zone_reader *r, int fd, const char *path,
                     const struct entry_token *at)
{
	struct stat st;
	char *bytes;
	size_t len;

	if (fstat(fd, &st) < 0)
		return refuse_file(r, path, at, strerror(errno));
	/* A pipe or a device would block, or never end. */
	if (!S_ISREG(st.st_mode))
		return refuse_file(r, path, at, "not a regular file");
	if (is_being_read(r, &st))
		return reader_refuse(r, at, "include-loop", "%s includes itself", path);
	if (read_whole(fd, (size_t)st.st_size, &bytes, &len) < 0)
		return refuse_file(r, path, at, strerror(errno));

	struct zone_text *t = push_text(r, path);
	t->text = bytes;
	t->from_file = true;
	t->device = st.st_dev;
	t->inode = st.st_ino;
	t->source = entry_source_on(bytes, len);
	return 0;
}

int reader_open(struct zone_reader *r, const char *path, const struct entry_token *at)
{
	if (r->depth == INCLUDE_DEPTH_MAX)
		return reader_refuse(r, at, "include-depth",
		                     "$INCLUDE goes deeper than %d files",
		                     INCLUDE_DEPTH_MAX);
	if (r->files_read == INCLUDE_FILES_MAX)
		return reader_refuse(r, at, "include-files",
		                     "more than %d files in one zone", INCLUDE_FILES_MAX);
	r->files_read++;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse_file(r, path, at, strerror(errno));
	int err = push_file(r, fd, path, at);
	(void)close(fd);
	return err;
}

/* ---- reading ---- */

static bool gave_up(const struct zone_reader *r)
{
	return r->diag->errors - r->errors_before >= DIAG_KEEP;
}

static void refuse_entry(struct zone_reader *r, const struct entry_error *e)
{
	const struct zone_text *t = reader_text(r);

	diag_add(r->diag, DIAG_ERROR, e->rule, t->path, e->line,
	         entry_column(&t->source, e->at), "%s", e->reason);
}

/* Reads the next entry of the text on top. */
static void read_entry(struct zone_reader *r)
{
	struct entry_error error;
	int got = entry_next(&reader_text(r)->source, &r->entry, &error);

	if (got < 0) {
		refuse_entry(r, &error);
		return;
	}
	if (got == 0) {
		pop_text(r);
		return;
	}

	const struct entry_token *first = &r->entry.tokens[0];
	if (!r->entry.blank && !first->quoted && first->len > 1 && first->text[0] == '$')
		reader_directive(r);
	else
		reader_record(r);
}

static struct zone_reader *reader_new(const uint8_t *apex, struct diag *diag)
{
	struct zone_reader *r = memory_get(sizeof *r);

	*r = (struct zone_reader){
		.builder = contents_builder_new(apex),
		.diag = diag,
		.errors_before = diag->errors,
		.rdata = rdata_text_new(),
	};
	memcpy(r->origin, apex, name_len(apex, NAME_MAX_LEN));
	return r;
}

static void reader_free(struct zone_reader *r)
{
	while (r->depth)
		pop_text(r);
	contents_builder_free(r->builder);
	rdata_text_free(r->rdata);
	entry_fini(&r->entry);
	free(r);
}

/* Reads all there is and frees the reader. */
static int read_all(struct zone_reader *r, struct contents **out)
{
	int err = 0;

	while (r->depth && !gave_up(r))
		read_entry(r);
	if (r->diag->errors > r->errors_before)
		err = ERR_SYNTAX;
	else
		err = contents_builder_finish(&r->builder, out, r->diag);
	reader_free(r);
	return err;
}

int zonefile_read(const char *path, const uint8_t *apex, struct contents **out,
                  struct diag *diag)
{
	struct zone_reader *r = reader_new(apex, diag);
	int err = reader_open(r, path, NULL);

	if (err < 0) {
		reader_free(r);
		return err;
	}
	return read_all(r, out);
}

int zonefile_parse(const char *text, size_t len, const char *name, const uint8_t *apex,
                   struct contents **out, struct diag *diag)
{
	struct zone_reader *r = reader_new(apex, diag);

	push_text(r, name)->source = entry_source_on(text, len);
	return read_all(r, out);
}
