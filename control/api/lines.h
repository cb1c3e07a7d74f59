/*
 * Lines out of octets that come in pieces. Of a line that is too long only so much is kept that it
 * can be told: what is kept is bounded, however long nobody ends a line.
 */
#ifndef CONTROL_API_LINES_H
#define CONTROL_API_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
	char *octets;
	size_t len, room;
	size_t whole; /* octets up to the end of the last whole line */
	size_t most; /* octets of a line without its end; of a longer one that many and one more are
	               * kept */
};

/* All zero with most set is an empty one. */
void lines_fini(struct lines *l);

/* Adds a piece. Says whether a line became whole. */
bool lines_add(struct lines *l, const char *piece, size_t len);

/* Ends the last line, if it has not ended. */
void lines_end(struct lines *l);

/* Gives all whole lines, to be freed, and keeps the rest. NULL: none. */
char *lines_take(struct lines *l, size_t *len);

/* Gives the length of the line that begins at *at, without its end, and moves *at behind it. There
 * must be one before end. */
size_t lines_next(const char **at, const char *end);

#endif
