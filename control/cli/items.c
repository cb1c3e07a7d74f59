#include "control/cli/items.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/zone/arena.h"

enum { READ_STEP = 1 << 16 };

struct items {
	char **args;
	unsigned left;
	bool from_stdin;
	char *line;
	size_t room;
};

/* Cuts blanks off both ends. */
static char *trimmed(char *line)
{
	while (isspace((unsigned char)*line))
		line++;
	size_t len = strlen(line);
	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = 0;
	return line;
}

/* Gives the next one, lent until the next call, or NULL. */
static char *next_item(struct items *i)
{
	if (!i->from_stdin) {
		if (!i->left)
			return NULL;
		i->left--;
		return *i->args++;
	}
	while (getline(&i->line, &i->room, stdin) >= 0) {
		char *item = trimmed(i->line);
		if (*item && *item != '#')
			return item;
	}
	return NULL;
}

enum engine_outcome items_each(struct cli *c, items_run *run)
{
	struct items items = {
		.args = c->args,
		.left = c->arg_count,
		.from_stdin = c->arg_count == 1 && !strcmp(c->args[0], "-"),
	};
	enum engine_outcome outcome = ENGINE_OK;
	char *item;

	while (outcome < ENGINE_NOT_RUNNING && (item = next_item(&items))) {
		enum engine_outcome one = run(c, item);
		if (one > outcome)
			outcome = one;
	}
	free(items.line);
	return outcome;
}

char *read_to_end(FILE *from, size_t *len)
{
	char *text = NULL;
	size_t room = 0;
	size_t got;

	*len = 0;
	do {
		if (room - *len < READ_STEP) {
			room = (room + READ_STEP) * 2;
			text = memory_resize(text, room);
		}
		got = fread(text + *len, 1, room - *len - 1, from);
		*len += got;
	} while (got > 0);
	text[*len] = '\0';
	if (!ferror(from))
		return text;
	free(text);
	return NULL;
}

char *read_path(const char *path, size_t *len)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *from = from_stdin ? stdin : fopen(path, "re");
	char *text = from ? read_to_end(from, len) : NULL;
	int why = errno;

	if (from && !from_stdin)
		(void)fclose(from);
	errno = why;
	return text;
}

bool absolute_path(const char *path, char out[static PATH_MAX])
{
	char cwd[PATH_MAX] = "";
	int len;

	if (path[0] == '/')
		len = snprintf(out, PATH_MAX, "%s", path);
	else if (getcwd(cwd, sizeof cwd))
		len = snprintf(out, PATH_MAX, "%s/%s", strcmp(cwd, "/") ? cwd : "", path);
	else
		len = -1;
	if (len >= 0 && len < PATH_MAX && path[0])
		return true;
	(void)fprintf(stderr, "anserctl: \"%s\" cannot be made an absolute path\n", path);
	return false;
}
