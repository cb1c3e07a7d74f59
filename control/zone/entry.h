/*
 * Splits zone text into entries (RFC 1035 §5.1): the tokens of one logical line, with comments,
 * parentheses and quotes resolved. Knows nothing of what the tokens mean.
 *
 * Tokens point into the text; escapes in them are left as written, since "\." means something
 * else in a name than in a character-string.
 */
#ifndef CONTROL_ZONE_ENTRY_H
#define CONTROL_ZONE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"

struct entry_token {
	const char *text; /* without the quotes of a quoted token */
	uint32_t len;
	uint32_t line;
	bool quoted;
	bool escaped; /* has a backslash in it */
	bool pair; /* key="value": the quotes and what they hold are part of the token */
};

struct entry {
	struct entry_token *tokens;
	size_t count;
	size_t room;
	unsigned line;
	bool blank; /* begins with white space: the owner is the last one stated */
};

/* The text is lent for the source's life. */
struct entry_source {
	const char *start;
	const char *at;
	const char *end;
	unsigned line;
};

struct entry_error {
	const char *rule;
	const char *reason;
	const char *at;
	unsigned line;
};

/* An entry longer than this is a parenthesis that was never closed. */
enum { ENTRY_TOKENS_MAX = 140000 };

static inline struct entry_source entry_source_on(const char *text, size_t len)
{
	return (struct entry_source){
		.start = text, .at = text, .end = text + len, .line = 1};
}

/* Gives 1 with the next entry that has any token, or 0 at the end. ERR_SYNTAX with error filled
 * in: the next call goes on behind the line that the error names. */
MUST_CHECK int entry_next(struct entry_source *s, struct entry *entry,
                          struct entry_error *error);

void entry_fini(struct entry *entry);

/* Gives the column, from 1, of something in the source's text. */
unsigned entry_column(const struct entry_source *s, const char *at);

/* Compares an unquoted token with a word in upper case, without regard to case. */
bool entry_token_is(const struct entry_token *t, const char *word);

#endif
