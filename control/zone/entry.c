#include "control/zone/entry.h"

#include <stdlib.h>
#include <strings.h>

#include "control/zone/arena.h"
#include "shared/err.h"

enum kind { ORDINARY, NUL, SPACE, NEWLINE, COMMENT, OPEN, CLOSE, QUOTE, BACKSLASH };

static const uint8_t kinds[256] = {
	[0] = NUL,        [' '] = SPACE,      ['\t'] = SPACE, ['\r'] = SPACE,
	['\n'] = NEWLINE, [';'] = COMMENT,    ['('] = OPEN,   [')'] = CLOSE,
	['"'] = QUOTE,    ['\\'] = BACKSLASH,
};

static enum kind kind_of(char c)
{
	return (enum kind)kinds[(uint8_t)c];
}

/* Fills in the error and moves on behind the line in which it stands. */
static int fail(struct entry_source *s, struct entry_error *error, const char *at,
                unsigned line)
{
	const char *newline = memchr(at, '\n', (size_t)(s->end - at));

	error->at = at;
	error->line = line;
	s->at = newline ? newline + 1 : s->end;
	s->line = newline ? line + 1 : line;
	return ERR_SYNTAX;
}

static int fail_here(struct entry_source *s, struct entry_error *error, const char *rule,
                     const char *reason)
{
	error->rule = rule;
	error->reason = reason;
	return fail(s, error, s->at, s->line);
}

static struct entry_token *add_token(struct entry_source *s, struct entry *e)
{
	e->tokens = array_room(e->tokens, e->count, &e->room, sizeof e->tokens[0]);
	if (e->count == 0)
		e->line = s->line;

	struct entry_token *t = &e->tokens[e->count++];
	*t = (struct entry_token){.text = s->at, .line = s->line};
	return t;
}

/* Steps over a backslash and what it escapes. */
static int skip_escape(struct entry_source *s, struct entry_error *error)
{
	if (s->end - s->at < 2 || s->at[1] == '\n')
		return fail_here(s, error, "escape-at-line-end",
		                 "a backslash ends the line");
	if (s->at[1] == '\0')
		return fail_here(s, error, "nul-byte", "a NUL byte in zone text");
	s->at += 2;
	return 0;
}

/* Steps over the text between two quotes and the second one; s->at is behind the first. */
/* NOLINTNEXTLINE(readability-function-size): TRY counts as two levels */
static int skip_quoted(struct entry_source *s, bool *escaped, struct entry_error *error)
{
	const char *open = s->at - 1;

	while (s->at < s->end && *s->at != '"') {
		switch (kind_of(*s->at)) {
		case BACKSLASH:
			*escaped = true;
			TRY(skip_escape(s, error));
			break;
		case NEWLINE:
			s->at = open;
			return fail_here(s, error, "unbalanced-quotes",
			                 "the quoted string does not end on its line");
		case NUL:
			return fail_here(s, error, "nul-byte", "a NUL byte in zone text");
		case ORDINARY:
		case SPACE:
		case COMMENT:
		case OPEN:
		case CLOSE:
		case QUOTE: s->at++; break;
		}
	}
	if (s->at == s->end) {
		s->at = open;
		return fail_here(s, error, "unbalanced-quotes",
		                 "the quoted string does not end before the file does");
	}
	s->at++;
	return 0;
}

static int take_quoted(struct entry_source *s, struct entry *e, struct entry_error *error)
{
	s->at++;
	struct entry_token *t = add_token(s, e);
	bool escaped = false;

	t->quoted = true;
	TRY(skip_quoted(s, &escaped, error));
	t->escaped = escaped;
	t->len = (uint32_t)(s->at - 1 - t->text);
	return 0;
}

/* A quote right behind "=" belongs to the word: SvcParams, RFC 9460 §2.1. */
static bool opens_value(const struct entry_source *s, const struct entry_token *t)
{
	return s->at > t->text && s->at[-1] == '=';
}

/* NOLINTNEXTLINE(readability-function-size): TRY counts as two levels */
static int take_word(struct entry_source *s, struct entry *e, struct entry_error *error)
{
	struct entry_token *t = add_token(s, e);
	bool escaped = false;

	while (s->at < s->end) {
		enum kind kind = kind_of(*s->at);

		if (likely(kind == ORDINARY)) {
			s->at++;
		} else if (kind == BACKSLASH) {
			escaped = true;
			TRY(skip_escape(s, error));
		} else if (kind == QUOTE && opens_value(s, t)) {
			s->at++;
			t->pair = true;
			TRY(skip_quoted(s, &escaped, error));
		} else {
			break;
		}
	}
	t->escaped = escaped;
	t->len = (uint32_t)(s->at - t->text);
	return 0;
}

static int skip_comment(struct entry_source *s, struct entry_error *error)
{
	const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at));
	const char *stop = newline ? newline : s->end;

	if (memchr(s->at, '\0', (size_t)(stop - s->at)))
		return fail_here(s, error, "nul-byte", "a NUL byte in zone text");
	s->at = stop;
	return 0;
}

/* Parentheses that are open; they may nest. */
struct group {
	unsigned depth;
	unsigned line;
	const char *at;
};

static int take_parenthesis(struct entry_source *s, struct group *group,
                            struct entry_error *error)
{
	if (*s->at == '(') {
		if (group->depth++ == 0) {
			group->line = s->line;
			group->at = s->at;
		}
	} else if (group->depth-- == 0) {
		return fail_here(s, error, "unbalanced-parentheses",
		                 "a closing parenthesis without an opening one");
	}
	s->at++;
	return 0;
}

static int take_one(struct entry_source *s, struct entry *e, struct group *group,
                    struct entry_error *error)
{
	switch (kind_of(*s->at)) {
	case SPACE: s->at++; return 0;
	case NEWLINE:
		s->at++;
		s->line++;
		return 0;
	case COMMENT: return skip_comment(s, error);
	case OPEN:
	case CLOSE: return take_parenthesis(s, group, error);
	case QUOTE: return take_quoted(s, e, error);
	case NUL: return fail_here(s, error, "nul-byte", "a NUL byte in zone text");
	case ORDINARY:
	case BACKSLASH: break;
	}
	return take_word(s, e, error);
}

static int take_line(struct entry_source *s, struct entry *e, struct entry_error *error)
{
	struct group group = {0};

	e->count = 0;
	e->blank = kind_of(*s->at) == SPACE;
	while (s->at < s->end && e->count <= ENTRY_TOKENS_MAX) {
		bool newline = *s->at == '\n';

		TRY(take_one(s, e, &group, error));
		if (newline && group.depth == 0)
			return 0;
	}
	if (group.depth) {
		error->rule = "unbalanced-parentheses";
		error->reason = "the parenthesis opened here is never closed";
		return fail(s, error, group.at, group.line);
	}
	if (s->at < s->end)
		return fail_here(s, error, "entry-too-long",
		                 "too many words in one record");
	return 0;
}

int entry_next(struct entry_source *s, struct entry *entry, struct entry_error *error)
{
	while (s->at < s->end) {
		TRY(take_line(s, entry, error));
		if (entry->count)
			return 1;
	}
	return 0;
}

void entry_fini(struct entry *entry)
{
	free(entry->tokens);
	*entry = (struct entry){0};
}

unsigned entry_column(const struct entry_source *s, const char *at)
{
	const char *line = at;

	while (line > s->start && line[-1] != '\n')
		line--;
	return (unsigned)(at - line) + 1;
}

bool entry_token_is(const struct entry_token *t, const char *word)
{
	return !t->quoted && t->len == strlen(word) &&
	       strncasecmp(t->text, word, t->len) == 0;
}
