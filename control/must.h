/*
 * Memory that the control plane cannot go on without: when the system has none for a few octets, the
 * process ends and starts again from the store, rather than carry a way out of every line.
 */
#ifndef CONTROL_MUST_H
#define CONTROL_MUST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gives p, which is not NULL. */
static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* Frees the text in *field and puts a copy of another there; NULL: none. */
static inline void must_set_text(char **field, const char *text)
{
	char *copy = text ? must(strdup(text)) : NULL;

	free(*field);
	*field = copy;
}

/* A stream into memory: when it is closed, *text is all of it, with a NUL, and the caller's to free. */
static inline FILE *must_open_text(char **text, size_t *size)
{
	return must(open_memstream(text, size));
}

static inline void must_close_text(FILE *to)
{
	if (fclose(to) != 0)
		abort();
}

#endif
