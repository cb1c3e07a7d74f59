#include "control/tsig/keytext.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "shared/err.h"

/*
 * All three forms are read as one row of words: what stands between blanks, quotes and the marks of
 * BIND's form. "key" and "- id:" begin a key, "algorithm" and "secret" say what the next word is, and a
 * word "hmac-" with two colons is a whole key. So Knot's indentation means nothing here.
 */

enum { WORD_MAX = 1024 + TSIG_SECRET_TEXT_SIZE };

struct words {
	const char *at;
	const char *end;
	unsigned line;
	bool quoted;
	size_t len;
	char word[WORD_MAX];
};

struct reading {
	struct words words;
	struct keytext key;
	bool has_name;
	bool has_algorithm;
	bool has_secret;
	int count;
	int (*fn)(const struct keytext *, void *);
	void *arg;
	char *why;
};

static int complain(struct reading *r, const char *what)
{
	(void)snprintf(r->why, KEYTEXT_WHY_SIZE, "line %u: %s", r->words.line, what);
	return ERR_SYNTAX;
}

static bool begins(const struct words *w, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(w->end - w->at) >= len && memcmp(w->at, with, len) == 0;
}

static void skip_to(struct words *w, const char *mark)
{
	while (w->at < w->end && !begins(w, mark)) {
		w->line += *w->at == '\n';
		w->at++;
	}
}

static void skip_blanks(struct words *w)
{
	while (w->at < w->end) {
		if (*w->at == '#' || begins(w, "//")) {
			skip_to(w, "\n");
		} else if (begins(w, "/*")) {
			skip_to(w, "*/");
			w->at += w->at < w->end ? 2 : 0;
		} else if (strchr(" \t\r\n;", *w->at) && *w->at) {
			w->line += *w->at == '\n';
			w->at++;
		} else {
			return;
		}
	}
}

static bool ends_word(const struct words *w)
{
	char c = *w->at;

	if (w->quoted)
		return c == '"' || c == '\n';
	return c == '\0' || strchr(" \t\r\n;{}\"", c) != NULL;
}

/* Reads the next word; false: there is none. */
static bool next_word(struct words *w)
{
	skip_blanks(w);
	if (w->at == w->end)
		return false;
	w->len = 0;
	w->quoted = *w->at == '"';
	if (w->quoted || *w->at == '{' || *w->at == '}' || *w->at == '\0')
		w->word[w->len++] = *w->at++;
	if (w->quoted)
		w->len = 0;
	else if (w->len)
		return true;
	while (w->at < w->end && !ends_word(w)) {
		if (w->len < WORD_MAX - 1)
			w->word[w->len++] = *w->at;
		w->at++;
	}
	w->at += w->quoted && w->at < w->end && *w->at == '"';
	return true;
}

static bool is(const struct words *w, const char *word)
{
	return !w->quoted && w->len == strlen(word) && memcmp(w->word, word, w->len) == 0;
}

/* ---- parts of a key ---- */

static int end_key(struct reading *r)
{
	int err = 0;

	if (r->has_name && !r->has_secret)
		return complain(r, "the key before this has no secret");
	if (r->has_name && !r->has_algorithm)
		return complain(r, "the key before this has no algorithm");
	if (r->has_name) {
		r->count++;
		err = r->fn(&r->key, r->arg);
	}
	r->has_name = r->has_algorithm = r->has_secret = false;
	return err;
}

static int set_name(struct reading *r, const char *text, size_t len)
{
	static const uint8_t root[] = {0};
	int name_len = name_from_text(text, len, root, r->key.name);

	if (name_len < 2)
		return complain(r, "what should be the name of a key is no domain name");
	name_fold(r->key.name, (size_t)name_len);
	r->key.line = r->words.line;
	r->has_name = true;
	return 0;
}

static int set_algorithm(struct reading *r, const char *text, size_t len)
{
	char word[64] = "";

	if (len < sizeof word)
		memcpy(word, text, len);
	int algorithm = tsig_algorithm_from_text(word);
	if (algorithm < 0)
		return complain(r, "the algorithm is not known");
	r->key.algorithm = (enum tsig_algorithm)algorithm;
	r->has_algorithm = true;
	return 0;
}

static int set_secret(struct reading *r, const char *text, size_t len)
{
	if (tsig_secret_from_text(text, len, r->key.secret, &r->key.secret_len) < 0)
		return complain(r, "the secret is not base64, or too long");
	r->has_secret = true;
	return 0;
}

/* "algorithm:name:secret". */
static int read_whole_key(struct reading *r, const char *first, const char *second)
{
	const char *end = r->words.word + r->words.len;

	TRY(end_key(r));
	TRY(set_algorithm(r, r->words.word, (size_t)(first - r->words.word)));
	TRY(set_name(r, first + 1, (size_t)(second - first - 1)));
	TRY(set_secret(r, second + 1, (size_t)(end - second - 1)));
	return end_key(r);
}

typedef int set_part(struct reading *r, const char *text, size_t len);

static int read_part(struct reading *r, set_part *set)
{
	if (!next_word(&r->words))
		return complain(r, "the text ends in a key");
	return set(r, r->words.word, r->words.len);
}

/* BIND's "key": in its files the word stands elsewhere as well, before the name of a key that is used. */
static int read_bind_key(struct reading *r)
{
	TRY(end_key(r));
	if (!next_word(&r->words))
		return complain(r, "the text ends in a key");

	struct words name = r->words;
	if (!next_word(&r->words) || !is(&r->words, "{")) {
		r->words = name;
		return 0;
	}
	return set_name(r, name.word, name.len);
}

/* Says whether it is a whole key, and not an address. */
static bool is_whole_key(const struct words *w, const char **first, const char **second)
{
	static const char hmac[] = {'h', 'm', 'a', 'c', '-'};

	*first = memchr(w->word, ':', w->len);
	if (w->quoted || !*first || w->len < sizeof hmac ||
	    strncasecmp(w->word, hmac, sizeof hmac) != 0)
		return false;
	*second = memchr(*first + 1, ':', (size_t)(w->word + w->len - *first - 1));
	return *second != NULL;
}

static int read_word(struct reading *r)
{
	struct words *w = &r->words;
	const char *first;
	const char *second;

	if (is_whole_key(w, &first, &second))
		return read_whole_key(r, first, second);
	if (is(w, "key"))
		return read_bind_key(r);
	if (is(w, "}"))
		return end_key(r);
	if (is(w, "id:")) {
		TRY(end_key(r));
		return read_part(r, set_name);
	}
	if (r->has_name && (is(w, "algorithm") || is(w, "algorithm:")))
		return read_part(r, set_algorithm);
	if (r->has_name && (is(w, "secret") || is(w, "secret:")))
		return read_part(r, set_secret);
	return 0;
}

int keytext_each(const char *text, size_t len, int (*fn)(const struct keytext *, void *),
                 void *arg, char why[static KEYTEXT_WHY_SIZE])
{
	struct reading r = {.words = {.at = text, .end = text + len, .line = 1},
	                    .fn = fn,
	                    .arg = arg};
	int err = 0;

	r.why = why;
	while (err == 0 && next_word(&r.words))
		err = read_word(&r);
	if (err == 0)
		err = end_key(&r);
	int count = r.count;
	OPENSSL_cleanse(&r, sizeof r);
	return err == 0 ? count : err;
}
