#include "shared/io_settings.h"

#include <string.h>

bool io_names_next(const char **at, char name[static IO_NAMES_SIZE])
{
	const char *word = *at + strspn(*at, " ");
	size_t len = strcspn(word, " ");

	if (len == 0 || len >= IO_NAMES_SIZE)
		return false;
	memcpy(name, word, len);
	name[len] = '\0';
	*at = word + len;
	return true;
}

bool io_names_have(const char *list, const char *name)
{
	char word[IO_NAMES_SIZE];

	while (io_names_next(&list, word))
		if (strcmp(word, name) == 0)
			return true;
	return false;
}
