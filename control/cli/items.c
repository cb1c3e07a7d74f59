#include "control/cli/items.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void items_init(struct items *i, const struct cli *c)
{
	*i = (struct items){
		.args = c->args,
		.left = c->arg_count,
		.from_stdin = c->arg_count == 1 && !strcmp(c->args[0], "-"),
	};
}

void items_fini(struct items *i)
{
	free(i->line);
	i->line = NULL;
}

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

char *items_next(struct items *i)
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
