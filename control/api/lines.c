#include "control/api/lines.h"

#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"

void lines_fini(struct lines *l)
{
	free(l->octets);
	*l = (struct lines){.most = l->most};
}

static void keep(struct lines *l, const char *octets, size_t len)
{
	if (!l->octets || l->len + len > l->room) {
		l->room = (l->len + len) * 2;
		l->octets = memory_resize(l->octets, l->room);
	}
	memcpy(l->octets + l->len, octets, len);
	l->len += len;
}

/* Octets of the line that has not ended. */
static void extend(struct lines *l, const char *octets, size_t len)
{
	size_t left = l->most + 1 - (l->len - l->whole);

	keep(l, octets, len < left ? len : left);
}

bool lines_add(struct lines *l, const char *piece, size_t len)
{
	const char *end = piece + len;
	size_t before = l->whole;

	while (piece < end) {
		const char *newline = memchr(piece, '\n', (size_t)(end - piece));
		const char *stop = newline ? newline : end;
		extend(l, piece, (size_t)(stop - piece));
		piece = stop;
		if (!newline)
			break;
		keep(l, "\n", 1);
		l->whole = l->len;
		piece++;
	}
	return l->whole > before;
}

void lines_end(struct lines *l)
{
	if (l->len > l->whole)
		(void)lines_add(l, "\n", 1);
}

char *lines_take(struct lines *l, size_t *len)
{
	struct lines rest = {.most = l->most};
	char *taken = l->octets;

	if (l->whole == 0)
		return NULL;
	*len = l->whole;
	if (l->len > l->whole)
		keep(&rest, l->octets + l->whole, l->len - l->whole);
	*l = rest;
	return taken;
}

size_t lines_next(const char **at, const char *end)
{
	const char *line = *at;
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	*at = newline + 1;
	return (size_t)(newline - line);
}
