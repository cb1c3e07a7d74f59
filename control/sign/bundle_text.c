/*
 * The text is cut at its header lines first, and what stands between two of them is read as records. It is not
 * read as a zone file is: that has directives, one of which opens other files.
 */
#include "control/sign/bundle_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/sign/times.h"
#include "control/zone/contents.h"
#include "control/zone/entry.h"
#include "control/zone/literal.h"
#include "control/zone/rdata_text.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"

#ifndef ANSER_VERSION
#define ANSER_VERSION "0"
#endif

static const char *const titles[] = {
	[BUNDLE_REQUEST] = "KeySigningRequest",
	[BUNDLE_RESPONSE] = "SignedKeyResponse",
};

struct reader {
	struct bundles *out;
	struct rdata_text *x;
	struct entry entry;
	char *why;
	const char *at; /* of the text that is left */
	const char *end;
	unsigned line;
};

static int complain(const struct reader *r, unsigned line, const char *format, ...)
	PRINTF_LIKE(3, 4);

static int complain(const struct reader *r, unsigned line, const char *format, ...)
{
	char what[BUNDLE_WHY_SIZE - 20];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof what, format, args);
	va_end(args);
	(void)snprintf(r->why, BUNDLE_WHY_SIZE, "line %u: %s", line, what);
	return ERR_SYNTAX;
}

/* ---- headers ---- */

enum { WORDS_MAX = 5 };

/* The first words of a line, as tokens. */
struct words {
	struct entry_token tokens[WORDS_MAX];
	size_t count;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void split(const char *at, const char *end, struct words *out)
{
	out->count = 0;
	while (out->count < WORDS_MAX) {
		while (at < end && is_blank(*at))
			at++;
		if (at == end)
			return;
		struct entry_token *t = &out->tokens[out->count++];
		*t = (struct entry_token){.text = at};
		while (at < end && !is_blank(*at))
			at++;
		t->len = (uint32_t)(at - t->text);
	}
}

static bool is_word(const struct words *w, size_t i, const char *word)
{
	return i < w->count && w->tokens[i].len == strlen(word) &&
	       memcmp(w->tokens[i].text, word, w->tokens[i].len) == 0;
}

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline ? newline : end;
}

/* Says whether a line is a header of either kind, and splits it then. */
static bool is_header(const char *at, const char *end, struct words *out)
{
	if (end - at < 2 || at[0] != ';' || at[1] != ';')
		return false;
	split(at, line_end(at, end), out);
	return is_word(out, 0, ";;") && (is_word(out, 1, titles[BUNDLE_REQUEST]) ||
	                                 is_word(out, 1, titles[BUNDLE_RESPONSE]));
}

static bool read_time(const struct entry_token *t, uint64_t *out)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < t->len; i++) {
		unsigned digit = (unsigned)(t->text[i] - '0');
		if (digit > 9 || n > BUNDLE_TIME_MAX)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return t->len > 0;
}

/* Begins a bundle. Gives it, or NULL when the line is the last one. */
static int read_header(const struct reader *r, const struct words *w, struct bundle **out)
{
	uint64_t from;

	*out = NULL;
	if (!is_word(w, 1, titles[r->out->kind]))
		return complain(r, r->line, "this is a %s, not a %s",
		                titles[!r->out->kind], titles[r->out->kind]);
	if (!is_word(w, 2, "1.0"))
		return complain(r, r->line, "this is not version 1.0");
	if (is_word(w, 3, "generated"))
		return 0;
	if (w->count < 4 || !read_time(&w->tokens[3], &from))
		return complain(r, r->line, "the time has to be in seconds since 1970");
	switch (bundles_add(r->out, from, out)) {
	case 0: return 0;
	case ERR_INVALID:
		return complain(r, r->line, "this time is not later than the one before");
	case ERR_TOOBIG:
		return complain(r, r->line, "there are more than %d times", BUNDLES_MAX);
	default: return complain(r, r->line, "no such time will come");
	}
}

/* ---- records ---- */

static bool is_wanted(const struct reader *r, int type)
{
	if (r->out->kind == BUNDLE_REQUEST)
		return type == RRTYPE_DNSKEY;
	return rrtype_is_of_keys((uint16_t)type) || type == RRTYPE_RRSIG;
}

struct front {
	uint32_t ttl;
	uint16_t type;
	size_t words;
};

/* Reads "owner TTL [class] type", TTL and class in either order. */
static int read_front(const struct reader *r, struct front *out)
{
	const struct entry *e = &r->entry;
	bool has_class = false;
	bool has_ttl = false;
	size_t i = 1;

	for (; i < e->count; i++) {
		const struct entry_token *t = &e->tokens[i];
		if (!has_class && entry_token_is(t, "IN"))
			has_class = true;
		else if (!has_ttl && literal_period(t, &out->ttl) == 0 &&
		         out->ttl <= TTL_MAX)
			has_ttl = true;
		else
			break;
	}
	if (!has_ttl || i == e->count)
		return complain(r, e->line, "a record has its owner, TTL and type first");
	int type = rrtype_from_text(e->tokens[i].text, e->tokens[i].len);
	if (!is_wanted(r, type))
		return complain(r, e->line, "records of this type have no place in a %s",
		                titles[r->out->kind]);
	out->type = (uint16_t)type;
	out->words = i + 1;
	return 0;
}

static int check_owner(const struct reader *r)
{
	static const uint8_t root[] = {0};
	const struct entry_token *t = &r->entry.tokens[0];
	uint8_t owner[NAME_MAX_LEN];
	char zone[NAME_TEXT_MAX];

	if (!r->entry.blank && name_from_text(t->text, t->len, root, owner) > 0 &&
	    name_equal(owner, r->out->zone))
		return 0;
	return complain(r, r->entry.line, "the record is not of the zone %.150s",
	                name_to_text(r->out->zone, zone));
}

static int read_record(const struct reader *r, struct contents_builder *to)
{
	const struct entry *e = &r->entry;
	static const uint8_t root[] = {0};
	struct front front = {0};
	struct diag diag;

	TRY(check_owner(r));
	TRY(read_front(r, &front));
	if (rdata_from_text(r->x, front.type, e->tokens + front.words,
	                    e->count - front.words, root) < 0)
		return complain(r, e->line, "%.200s", r->x->reason);
	diag_init(&diag);
	int err = contents_builder_add(to, r->out->zone, front.type, front.ttl,
	                               r->x->bytes, r->x->len, 0, e->line, &diag);
	if (err < 0)
		(void)complain(r, e->line, "%.200s",
		               diag.kept ? diag.entries[0].text : "no such record");
	diag_fini(&diag);
	return err < 0 ? ERR_SYNTAX : 0;
}

/* Reads all records up to a place in the text, which stand below no header when to is NULL. */
static int read_records(struct reader *r, const char *until, struct contents_builder *to)
{
	struct entry_source s = entry_source_on(r->at, (size_t)(until - r->at));
	struct entry_error error;
	int got;

	s.line = r->line;
	while ((got = entry_next(&s, &r->entry, &error)) > 0) {
		if (!to)
			return complain(r, r->entry.line,
			                "this record stands below no time");
		TRY(read_record(r, to));
	}
	return got < 0 ? complain(r, error.line, "%s", error.reason) : 0;
}

/* ---- RRsets ---- */

static int take_set(const struct reader *r, const struct contents_rrset *from,
                    struct bundle *to)
{
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
		struct rrset *set = &to->sets[part];

		if (from->type != bundle_type(part))
			continue;
		TRY(rrset_open(from->type,
		               arena_copy(r->out->arena, from->blob, from->size),
		               from->size, set));
		if (set->count > BUNDLE_KEYS_MAX || set->sig_count > BUNDLE_KEYS_MAX)
			return complain(r, from->line, "there are more than %d records",
			                BUNDLE_KEYS_MAX);
		if (set->count)
			return 0;
	}
	return complain(r, from->line, "this is the signature of what is not there");
}

static int take_sets(const struct reader *r, struct contents_builder **from,
                     struct bundle *to)
{
	struct contents *c = NULL;
	struct diag diag;

	diag_init(&diag);
	int err = contents_builder_finish(from, &c, &diag);
	if (err < 0)
		err = complain(r, r->line, "these records do not go together");
	for (size_t i = 0; err == 0 && i < c->count; i++)
		err = take_set(r, &c->rrsets[i], to);
	contents_free(c);
	diag_fini(&diag);
	return err;
}

static int read_bundle(struct reader *r, const char *until, struct bundle *to)
{
	struct contents_builder *b = contents_builder_new(r->out->zone);
	int err = read_records(r, until, b);

	if (err == 0)
		err = take_sets(r, &b, to);
	contents_builder_free(b);
	if (err == 0 && !to->sets[BUNDLE_DNSKEY].count)
		return complain(r, r->line, "there is no DNSKEY below this line");
	return err;
}

/* ---- all of it ---- */

static unsigned lines_between(const char *at, const char *end)
{
	unsigned n = 0;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		n++;
		at++;
	}
	return n;
}

/* Gives where the next header is, or the end, and splits it. */
static const char *find_header(const char *at, const char *end, struct words *out)
{
	while (at < end && !is_header(at, end, out)) {
		at = line_end(at, end);
		if (at < end)
			at++;
	}
	return at;
}

/* Reads what stands from r->at to the next header, below that of a bundle (NULL: of none). */
static int read_part(struct reader *r, struct bundle *below, struct words *next)
{
	const char *until = find_header(r->at, r->end, next);

	if (below)
		TRY(read_bundle(r, until, below));
	else
		TRY(read_records(r, until, NULL));
	r->line += lines_between(r->at, until);
	r->at = until;
	return 0;
}

static void skip_line(struct reader *r)
{
	const char *end = line_end(r->at, r->end);

	r->line += end < r->end;
	r->at = end < r->end ? end + 1 : end;
}

static int read_all(struct reader *r)
{
	struct bundle *bundle = NULL;
	bool ended = false;
	struct words header = {.count = 0};

	TRY(read_part(r, NULL, &header));
	while (r->at < r->end) {
		if (ended)
			return complain(r, r->line, "there is more behind the last line");
		TRY(read_header(r, &header, &bundle));
		ended = !bundle;
		skip_line(r);
		TRY(read_part(r, bundle, &header));
	}
	if (!ended)
		return complain(r, r->line,
		                "the last line, \";; %s 1.0 generated ...\", is missing: "
		                "this is not all of it",
		                titles[r->out->kind]);
	return r->out->count ? 0 : complain(r, r->line, "there is nothing in it");
}

int bundles_read(const char *text, size_t len, const uint8_t *zone, enum bundle_kind kind,
                 struct bundles **out, char why[static BUNDLE_WHY_SIZE])
{
	struct reader r = {
		.out = bundles_new(zone, kind),
		.x = rdata_text_new(),
		.why = why,
		.at = text,
		.end = text + len,
		.line = 1,
	};
	int err;

	why[0] = '\0';
	err = read_all(&r);

	entry_fini(&r.entry);
	rdata_text_free(r.x);
	if (err < 0)
		bundles_free(&r.out);
	else
		*out = r.out;
	return err < 0 ? ERR_SYNTAX : 0;
}

/* ---- writing ---- */

static int write_bundle(FILE *to, const struct bundles *b, const struct bundle *from)
{
	char time[SIGN_TIME_SIZE];

	if (fprintf(to, ";; %s 1.0 %llu (%s) =========\n", titles[b->kind],
	            (unsigned long long)from->from, sign_time_text(from->from, time)) < 0)
		return ERR_IO;
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++)
		if (from->sets[part].count)
			TRY(zonefile_write_rrset(to, b->zone, &from->sets[part]));
	return 0;
}

int bundles_write(FILE *to, const struct bundles *b, uint64_t now)
{
	char time[SIGN_TIME_SIZE];

	for (size_t i = 0; i < b->count; i++)
		TRY(write_bundle(to, b, &b->list[i]));
	return fprintf(to, ";; %s 1.0 generated at %s by Anser " ANSER_VERSION "\n",
	               titles[b->kind], sign_time_text(now, time)) < 0
	               ? ERR_IO
	               : 0;
}
