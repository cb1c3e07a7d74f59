/*
 * $GENERATE start-stop[/step] owner [ttl] [class] type rdata
 *
 * In owner and rdata, "$" stands for the number of the round, and "${offset,width,base}" for the
 * number plus offset, filled up with zeros to width, in base d, o, x or X; n and N give the
 * nibbles of the hexadecimal number, lowest first, with dots between, as ip6.arpa names want them
 * (width counts the dots). "\$" and "$$" stand for a dollar sign. Each round is put together as
 * text and read like any entry.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/zone/arena.h"
#include "control/zone/literal.h"
#include "control/zone/zonefile_reader.h"
#include "shared/err.h"

enum {
/* Fuzzing looks for what breaks, not for what takes long. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	ROUNDS_MAX = 100,
#else
	ROUNDS_MAX = 1000000,
#endif
	NUMBER_MAX = 0x7fffffff,
	WIDTH_MAX = 255,
	ROUND_TEXT_MAX = 1 << 17,
};

struct range {
	uint32_t start;
	uint32_t stop;
	uint32_t step;
};

static int bad_range(struct zone_reader *r, const struct entry_token *t)
{
	return reader_refuse(r, t, "generate-range",
	                     "\"%.*s\" is not a range like 1-100 or 0-254/2",
	                     t->len > 80 ? 80 : (int)t->len, t->text);
}

/* Reads the number in from..to. */
static int read_part(const char *from, const char *to, uint32_t *out)
{
	struct entry_token part = {.text = from, .len = (uint32_t)(to - from)};

	return literal_number(&part, NUMBER_MAX, out);
}

static int read_range(struct zone_reader *r, const struct entry_token *t,
                      struct range *out)
{
	const char *end = t->text + t->len;
	const char *dash = memchr(t->text, '-', t->len);
	const char *slash = memchr(t->text, '/', t->len);
	const char *stop_end = slash ? slash : end;
	struct range range = {.step = 1};

	if (!dash || stop_end < dash || read_part(t->text, dash, &range.start) < 0 ||
	    read_part(dash + 1, stop_end, &range.stop) < 0)
		return bad_range(r, t);
	if (slash && read_part(slash + 1, end, &range.step) < 0)
		return bad_range(r, t);
	if (range.step == 0 || range.stop < range.start)
		return bad_range(r, t);
	if ((range.stop - range.start) / range.step >= ROUNDS_MAX)
		return reader_refuse(r, t, "generate-range",
		                     "more than %d records from one line", ROUNDS_MAX);
	*out = range;
	return 0;
}

/* ---- one round ---- */

/* Text under construction; too_long sticks. */
struct round {
	uint32_t number;
	size_t len;
	bool too_long;
	char text[ROUND_TEXT_MAX];
};

static void put(struct round *to, const char *bytes, size_t len)
{
	if (to->too_long || sizeof to->text - to->len < len) {
		to->too_long = true;
		return;
	}
	memcpy(to->text + to->len, bytes, len);
	to->len += len;
}

/* What stands in "${...}". */
struct modifier {
	int64_t offset;
	uint32_t width;
	char base;
};

static void put_nibbles(struct round *to, uint64_t value, const struct modifier *m)
{
	const char *digits = m->base == 'N' ? "0123456789ABCDEF" : "0123456789abcdef";
	uint32_t width = m->width;

	do {
		put(to, &digits[value & 15], 1);
		value >>= 4;
		width -= width > 0;
		if (width == 0 && value == 0)
			break;
		put(to, ".", 1);
		width -= width > 0;
	} while (width > 0 || value > 0);
}

/* False when the number is negative in a base that has no sign. */
static bool put_number(struct round *to, const struct modifier *m)
{
	int64_t value = (int64_t)to->number + m->offset;
	char text[WIDTH_MAX + 32];
	int width = (int)m->width;
	int len;

	if (value < 0)
		return false;
	switch (m->base) {
	case 'd':
		len = snprintf(text, sizeof text, "%0*lld", width, (long long)value);
		break;
	case 'o':
		len = snprintf(text, sizeof text, "%0*llo", width,
		               (unsigned long long)value);
		break;
	case 'x':
		len = snprintf(text, sizeof text, "%0*llx", width,
		               (unsigned long long)value);
		break;
	case 'X':
		len = snprintf(text, sizeof text, "%0*llX", width,
		               (unsigned long long)value);
		break;
	default: put_nibbles(to, (uint64_t)value, m); return true;
	}
	put(to, text, (size_t)len);
	return true;
}

/* Gives where the part of a modifier that starts at at ends: its comma, or the brace. */
static const char *part_end(const char *at, const char *brace)
{
	const char *comma = memchr(at, ',', (size_t)(brace - at));

	return comma ? comma : brace;
}

static bool read_offset(const char *at, const char *end, int64_t *out)
{
	bool minus = at < end && *at == '-';
	bool sign = minus || (at < end && *at == '+');
	uint32_t n;

	if (read_part(at + sign, end, &n) < 0)
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

/* at..brace is what stands between the braces. */
static bool read_modifier(const char *at, const char *brace, struct modifier *out)
{
	const char *end = part_end(at, brace);

	if (!read_offset(at, end, &out->offset))
		return false;
	if (end == brace)
		return true;
	at = end + 1;
	end = part_end(at, brace);
	if (read_part(at, end, &out->width) < 0 || out->width > WIDTH_MAX)
		return false;
	if (end == brace)
		return true;
	at = end + 1;
	out->base = '\0';
	if (at < brace)
		out->base = *at;
	return brace - at == 1 && strchr("doxXnN", out->base);
}

/* *at is behind a "$". False when what follows makes no sense. */
static bool put_dollar(struct round *to, const char **at, const char *end)
{
	struct modifier m = {.base = 'd'};

	if (*at < end && **at == '$') {
		put(to, "\\$", 2);
		(*at)++;
		return true;
	}
	if (*at < end && **at == '{') {
		const char *brace = memchr(*at, '}', (size_t)(end - *at));
		if (!brace || !read_modifier(*at + 1, brace, &m))
			return false;
		*at = brace + 1;
	}
	return put_number(to, &m);
}

/* Adds a token with its dollars replaced. */
static bool put_template(struct round *to, const struct entry_token *t)
{
	const char *at = t->text;
	const char *end = at + t->len;
	bool good = true;

	if (t->quoted)
		put(to, "\"", 1);
	while (at < end && good) {
		const char *start = at++;
		if (*start == '\\' && at < end)
			put(to, start, (size_t)(++at - start));
		else if (*start == '$')
			good = put_dollar(to, &at, end);
		else
			put(to, start, 1);
	}
	if (t->quoted)
		put(to, "\"", 1);
	return good;
}

static int put_round(struct zone_reader *r, struct round *to)
{
	const struct entry *e = &r->entry;

	to->len = 0;
	for (size_t i = 2; i < e->count; i++) {
		if (i > 2)
			put(to, " ", 1);
		if (!put_template(to, &e->tokens[i]))
			return reader_refuse(
				r, &e->tokens[i], "generate-modifier",
				"${...} wants offset, width up to %d and one of "
				"d o x X n N, and a number that is not negative",
				WIDTH_MAX);
	}
	if (to->too_long)
		return reader_refuse(r, &e->tokens[1], "entry-too-long",
		                     "one round of $GENERATE makes too long a record");
	return 0;
}

/* Reads the text of one round as a record. */
static int take_round(struct zone_reader *r, struct round *round, struct entry *entry)
{
	struct entry_source source = entry_source_on(round->text, round->len);
	struct entry_error error;
	size_t errors = r->diag->errors;

	source.line = r->entry.line;
	int got = entry_next(&source, entry, &error);
	if (got < 0)
		return reader_refuse(r, NULL, error.rule, "$GENERATE makes: %s",
		                     error.reason);
	if (got == 0)
		return reader_refuse(r, NULL, "generate-empty",
		                     "$GENERATE makes nothing");
	entry->blank = false;
	reader_record_of(r, entry);
	return r->diag->errors > errors ? ERR_SYNTAX : 0;
}

/* The first error ends the directive: a thousand rounds would tell the same. */
static int run_rounds(struct zone_reader *r, const struct range *range)
{
	struct round *round = memory_get(sizeof *round);
	struct entry entry = {0};
	int err = 0;

	round->too_long = false;
	for (uint64_t n = range->start; n <= range->stop && err == 0; n += range->step) {
		round->number = (uint32_t)n;
		err = put_round(r, round);
		if (err == 0)
			err = take_round(r, round, &entry);
	}
	entry_fini(&entry);
	free(round);
	return err;
}

void reader_generate(struct zone_reader *r)
{
	struct range range = {0};

	if (read_range(r, &r->entry.tokens[1], &range) == 0)
		(void)!run_rounds(r, &range);
}
