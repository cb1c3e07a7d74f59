#include "control/policy/words.h"

#include <string.h>

#include "shared/name.h"

char *word_copy(struct contents_arena *arena, const char *word)
{
	return arena_copy(arena, word, strlen(word) + 1);
}

const uint8_t *word_name(struct contents_arena *arena, const char *word)
{
	uint8_t name[NAME_MAX_LEN];
	int len = word && word[0] ? name_read(word, name) : -1;

	if (len < 0)
		return NULL;
	return arena_copy(arena, name, (size_t)len);
}
