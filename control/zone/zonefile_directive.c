/*
 * Control entries: $ORIGIN and $INCLUDE (RFC 1035 §5.1), $TTL (RFC 2308 §4), $GENERATE (BIND).
 */
#include <stdlib.h>

#include "control/zone/arena.h"
#include "control/zone/literal.h"
#include "control/zone/zonefile_reader.h"
#include "shared/err.h"

/* Refuses a directive that has fewer or more arguments than it may. */
static int check_arguments(struct zone_reader *r, size_t least, size_t most)
{
	const struct entry *e = &r->entry;
	size_t count = e->count - 1;

	if (count >= least && count <= most)
		return 0;
	return reader_refuse(r, &e->tokens[0], "directive-arguments",
	                     "too %s words behind %.*s", count < least ? "few" : "many",
	                     (int)e->tokens[0].len, e->tokens[0].text);
}

static int take_origin(struct zone_reader *r)
{
	uint8_t name[NAME_MAX_LEN];

	TRY(check_arguments(r, 1, 1));
	TRY(reader_name(r, &r->entry.tokens[1], name));
	memcpy(r->origin, name, name_len(name, sizeof name));
	return 0;
}

static int take_ttl(struct zone_reader *r)
{
	uint32_t seconds;

	TRY(check_arguments(r, 1, 1));
	TRY(reader_ttl(r, &r->entry.tokens[1], &seconds));
	r->ttl_directive = (struct maybe_ttl){.known = true, .seconds = seconds};
	return 0;
}

/* Gives, owned, the path of an included file: relative ones start at the including file's. */
static char *included_path(const struct zone_text *from, const uint8_t *name, size_t len)
{
	const char *slash = strrchr(from->path, '/');
	size_t folder = slash && name[0] != '/' ? (size_t)(slash - from->path) + 1 : 0;
	char *path = memory_get(folder + len + 1);

	memcpy(path, from->path, folder);
	memcpy(path + folder, name, len);
	path[folder + len] = '\0';
	return path;
}

static int open_included(struct zone_reader *r, const struct entry_token *t)
{
	uint8_t *name = memory_get((size_t)t->len + 1);
	int len = literal_string(t, name);
	int err = ERR_SYNTAX;

	if (len <= 0 || memchr(name, '\0', (size_t)len)) {
		(void)reader_refuse(r, t, "include-path", "this cannot be a path");
	} else {
		char *path = included_path(reader_text(r), name, (size_t)len);
		err = reader_open(r, path, t);
		free(path);
	}
	free(name);
	return err;
}

static int take_include(struct zone_reader *r)
{
	const struct entry *e = &r->entry;
	uint8_t origin[NAME_MAX_LEN];

	TRY(check_arguments(r, 1, 2));
	/* Whoever sends text does not choose files of this machine. */
	if (!reader_text(r)->from_file)
		return reader_refuse(r, &e->tokens[0], "include-from-memory",
		                     "$INCLUDE works in files only");
	if (e->count == 3)
		TRY(reader_name(r, &e->tokens[2], origin));
	TRY(open_included(r, &e->tokens[1]));
	if (e->count == 3)
		memcpy(r->origin, origin, name_len(origin, sizeof origin));
	return 0;
}

static int take_directive(struct zone_reader *r)
{
	const struct entry_token *t = &r->entry.tokens[0];

	if (entry_token_is(t, "$ORIGIN"))
		return take_origin(r);
	if (entry_token_is(t, "$TTL"))
		return take_ttl(r);
	if (entry_token_is(t, "$INCLUDE"))
		return take_include(r);
	if (entry_token_is(t, "$GENERATE")) {
		TRY(check_arguments(r, 4, SIZE_MAX));
		reader_generate(r);
		return 0;
	}
	return reader_refuse(r, t, "directive-unknown",
	                     "no directive has the name \"%.*s\"",
	                     t->len > 80 ? 80 : (int)t->len, t->text);
}

void reader_directive(struct zone_reader *r)
{
	(void)!take_directive(r);
}
