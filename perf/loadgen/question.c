#include "perf/loadgen/question.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/rrtype.h"

enum { LINE_MAX_LEN = 2048, RANDOM_LABEL = 12, DIGITS_MAX = 10 };

struct question_source {
	bool random_subdomain;

	/* From a file. */
	struct question *lines;
	size_t count, capacity, at;

	/* From a pattern: what stands before and after the number. */
	char before[NAME_TEXT_MAX], after[NAME_TEXT_MAX];
	bool numbered;
	unsigned width;
	uint16_t type;
	uint32_t range;
	double *weights; /* of all up to and including each; NULL: all alike */
};

uint64_t question_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

double question_random_share(uint64_t *state)
{
	return (double)(question_random(state) >> 11) / 9007199254740992.0; /* 2^53 */
}

/* Parses "name type flags". */
static bool parse_line(char *line, struct question *out, char why[static WHY_MAX])
{
	char *rest = NULL;
	const char *name = strtok_r(line, " \t\r\n", &rest);
	const char *type = strtok_r(NULL, " \t\r\n", &rest);
	const char *flags = strtok_r(NULL, " \t\r\n", &rest);

	*out = (struct question){.type = 0};
	if (!name || !type || strtok_r(NULL, " \t\r\n", &rest)) {
		(void)snprintf(why, WHY_MAX, "not \"name type\"");
		return false;
	}
	static const uint8_t root[1] = {0};
	int len = name_from_text(name, strlen(name), root, out->name);
	int number = rrtype_from_text(type, strlen(type));
	if (len <= 0 || number < 0) {
		(void)snprintf(why, WHY_MAX, "\"%.100s\" is no %s",
		               len <= 0 ? name : type, len <= 0 ? "name" : "type");
		return false;
	}
	out->name_len = (uint16_t)len;
	out->type = (uint16_t)number;
	for (out->has_flags = flags; flags && *flags; flags++) {
		if (*flags != 'E' && *flags != 'D') {
			(void)snprintf(why, WHY_MAX, "flag '%c' is neither E nor D",
			               *flags);
			return false;
		}
		out->edns = true;
		out->dnssec_ok |= *flags == 'D';
	}
	return true;
}

static void keep(struct question_source *s, const struct question *q)
{
	if (s->count == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 1024;
		s->lines = realloc(s->lines, s->capacity * sizeof *s->lines);
		if (!s->lines)
			abort();
	}
	s->lines[s->count++] = *q;
}

static bool read_lines(struct question_source *s, FILE *f, const char *path,
                       char why[static WHY_MAX])
{
	char line[LINE_MAX_LEN];
	char reason[WHY_MAX];
	struct question q;

	for (unsigned number = 1; fgets(line, sizeof line, f); number++) {
		const char *first = line + strspn(line, " \t\r\n");
		if (*first == '\0' || *first == '#' || *first == ';')
			continue;
		if (!parse_line(line, &q, reason)) {
			(void)snprintf(why, WHY_MAX, "%.80s:%u: %.150s", path, number,
			               reason);
			return false;
		}
		keep(s, &q);
	}
	if (ferror(f) || s->count == 0) {
		(void)snprintf(why, WHY_MAX, "%.80s: %s", path,
		               ferror(f) ? strerror(errno) : "no line in it");
		return false;
	}
	return true;
}

static bool open_file(struct question_source *s, const char *path,
                      char why[static WHY_MAX])
{
	FILE *f = fopen(path, "r");

	if (!f) {
		(void)snprintf(why, WHY_MAX, "%.80s: %s", path, strerror(errno));
		return false;
	}
	bool ok = read_lines(s, f, path, why);
	(void)fclose(f);
	return ok;
}

/* Takes "%07u" apart. Gives what follows it, or NULL. */
static const char *parse_number_format(struct question_source *s, const char *percent)
{
	const char *p = percent + 1;

	s->numbered = true;
	if (isdigit((unsigned char)*p) && *p != '0')
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		s->width = s->width * 10 + (unsigned)(*p - '0');
		if (s->width > DIGITS_MAX)
			return NULL;
	}
	return *p == 'u' ? p + 1 : NULL;
}

static bool make_weights(struct question_source *s, double zipf, char why[static WHY_MAX])
{
	double sum = 0;

	if (s->range > ZIPF_RANGE_MAX) {
		(void)snprintf(why, WHY_MAX, "zipf is for ranges up to %d",
		               ZIPF_RANGE_MAX);
		return false;
	}
	s->weights = calloc(s->range, sizeof *s->weights);
	if (!s->weights)
		abort();
	for (uint32_t i = 0; i < s->range; i++) {
		sum += pow(i + 1, -zipf);
		s->weights[i] = sum;
	}
	return true;
}

/* The first whose weights add up to more than a share of all. */
static uint32_t draw(const struct question_source *s, uint64_t *random)
{
	double share = question_random_share(random);
	uint32_t low = 0;
	uint32_t high = s->range - 1;

	if (!s->weights)
		return (uint32_t)(share * s->range);
	double wanted = share * s->weights[high];
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->weights[middle] > wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool make_from_pattern(const struct question_source *s, uint32_t number,
                              struct question *out)
{
	static const uint8_t root[1] = {0};
	char text[NAME_TEXT_MAX + DIGITS_MAX + 1];
	int len;

	if (s->numbered)
		len = snprintf(text, sizeof text, "%s%0*u%s", s->before, (int)s->width,
		               number, s->after);
	else
		len = snprintf(text, sizeof text, "%s", s->before);
	*out = (struct question){.type = s->type};
	len = name_from_text(text, (size_t)len, root, out->name);
	if (len <= 0)
		return false;
	out->name_len = (uint16_t)len;
	return true;
}

static bool open_pattern(struct question_source *s,
                         const struct question_options *options, char why[static WHY_MAX])
{
	const char *pattern = options->pattern;
	const char *name_end = pattern + strcspn(pattern, " \t");
	const char *type = name_end + strspn(name_end, " \t");
	const char *percent = memchr(pattern, '%', (size_t)(name_end - pattern));
	const char *before_end = percent ? percent : name_end;
	const char *after = percent ? parse_number_format(s, percent) : name_end;
	int number = rrtype_from_text(type, strlen(type));
	struct question q;

	if (!after || memchr(after, '%', (size_t)(name_end - after))) {
		(void)snprintf(why, WHY_MAX,
		               "the name of a pattern has one %%u or %%07u");
		return false;
	}
	if (number < 0) {
		(void)snprintf(why, WHY_MAX, "\"%.100s\" is no type", type);
		return false;
	}
	if (name_end - pattern >= NAME_TEXT_MAX || options->range == 0) {
		(void)snprintf(why, WHY_MAX, "%s",
		               options->range ? "the pattern is too long"
		                              : "the range is empty");
		return false;
	}
	memcpy(s->before, pattern, (size_t)(before_end - pattern));
	memcpy(s->after, after, (size_t)(name_end - after));
	s->type = (uint16_t)number;
	s->range = options->range;
	if (!make_from_pattern(s, s->range - 1, &q)) {
		(void)snprintf(why, WHY_MAX, "\"%.100s\" does not make a name", pattern);
		return false;
	}
	return options->zipf > 0 ? make_weights(s, options->zipf, why) : true;
}

struct question_source *question_open(const struct question_options *options,
                                      char why[static WHY_MAX])
{
	struct question_source *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->random_subdomain = options->random_subdomain;
	if (options->file ? !open_file(s, options->file, why)
	                  : !open_pattern(s, options, why))
		question_close(&s);
	return s;
}

void question_close(struct question_source **s)
{
	if (!*s)
		return;
	free((*s)->lines);
	free((*s)->weights);
	free(*s);
	*s = NULL;
}

size_t question_count(const struct question_source *s)
{
	return s->count;
}

static bool put_random_label(struct question *q, uint64_t *random)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	uint64_t r = question_random(random);

	if (q->name_len + 1 + RANDOM_LABEL > NAME_MAX_LEN)
		return false;
	memmove(q->name + 1 + RANDOM_LABEL, q->name, q->name_len);
	q->name_len = (uint16_t)(q->name_len + 1 + RANDOM_LABEL);
	q->name[0] = RANDOM_LABEL;
	for (unsigned i = 1; i <= RANDOM_LABEL; i++, r >>= 5)
		q->name[i] = (uint8_t)letters[r & 31];
	return true;
}

bool question_next(struct question_source *s, uint64_t *random, struct question *out)
{
	if (s->count) {
		*out = s->lines[s->at];
		s->at = s->at + 1 < s->count ? s->at + 1 : 0;
	} else if (!make_from_pattern(s, draw(s, random), out)) {
		return false;
	}
	return !s->random_subdomain || put_random_label(out, random);
}
