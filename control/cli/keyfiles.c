#include "control/cli/keyfiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"

/* Gives the length of a path without its end. */
static size_t stem(const char *path)
{
	static const char *const ends[] = {".key", ".private"};
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t end_len = strlen(ends[i]);
		if (len > end_len && strcmp(path + len - end_len, ends[i]) == 0)
			return len - end_len;
	}
	return len;
}

bool keyfiles_is_one(const char *path)
{
	return path[stem(path)] != '\0';
}

char *keyfiles_name(const char *path, const char *end)
{
	char *name;

	if (asprintf(&name, "%.*s%s", (int)stem(path), path, end) < 0)
		abort();
	return name;
}
