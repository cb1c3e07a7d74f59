#include "control/zone/literal.h"

#include <time.h>

#include "shared/err.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int literal_number(const struct entry_token *t, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (t->len == 0)
		return ERR_SYNTAX;
	for (uint32_t i = 0; i < t->len; i++) {
		if (!is_digit(t->text[i]))
			return ERR_SYNTAX;
		n = n * 10 + (uint64_t)(t->text[i] - '0');
		if (n > max)
			return ERR_RANGE;
	}
	*out = (uint32_t)n;
	return 0;
}

/* Gives the seconds of a unit, or 0. */
static uint32_t unit_seconds(char c)
{
	switch (c) {
	case 'w':
	case 'W': return 7 * 86400;
	case 'd':
	case 'D': return 86400;
	case 'h':
	case 'H': return 3600;
	case 'm':
	case 'M': return 60;
	case 's':
	case 'S': return 1;
	default: return 0;
	}
}

int literal_period(const struct entry_token *t, uint32_t *out)
{
	const char *at = t->text;
	const char *end = at + t->len;
	uint64_t total = 0;

	if (at == end)
		return ERR_SYNTAX;
	while (at < end) {
		struct entry_token digits = {.text = at};
		uint32_t n;

		while (at < end && is_digit(*at))
			at++;
		digits.len = (uint32_t)(at - digits.text);
		TRY(literal_number(&digits, UINT32_MAX, &n));
		/* A number without a unit is seconds, and then it stands alone. */
		uint32_t unit = at < end ? unit_seconds(*at++) : digits.text == t->text;
		if (unit == 0)
			return ERR_SYNTAX;
		total += (uint64_t)n * unit;
		if (total > UINT32_MAX)
			return ERR_RANGE;
	}
	*out = (uint32_t)total;
	return 0;
}

static int two_digits(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

int literal_time(const struct entry_token *t, uint32_t *out)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *p = t->text;

	if (t->len != 14)
		return ERR_SYNTAX;
	for (uint32_t i = 0; i < t->len; i++)
		if (!is_digit(p[i]))
			return ERR_SYNTAX;

	int year = two_digits(p) * 100 + two_digits(p + 2);
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = two_digits(p + 4) - 1,
		.tm_mday = two_digits(p + 6),
		.tm_hour = two_digits(p + 8),
		.tm_min = two_digits(p + 10),
		.tm_sec = two_digits(p + 12),
	};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (year < 1970 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1)
		return ERR_SYNTAX;
	if (tm.tm_mday > days[tm.tm_mon] - (tm.tm_mon == 1 && !leap) || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 59)
		return ERR_SYNTAX;
	*out = (uint32_t)timegm(&tm);
	return 0;
}

/* Gives the octet of "\DDD" or "\c" at at and moves behind it, or ERR_SYNTAX. */
static int unescape(const char **at, const char *end)
{
	const char *p = *at + 1;

	if (p == end)
		return ERR_SYNTAX;
	if (!is_digit(*p)) {
		*at = p + 1;
		return (uint8_t)*p;
	}
	if (end - p < 3 || !is_digit(p[1]) || !is_digit(p[2]))
		return ERR_SYNTAX;

	int value = (p[0] - '0') * 100 + two_digits(p + 1);
	*at = p + 3;
	return value <= 255 ? value : ERR_SYNTAX;
}

int literal_string(const struct entry_token *t, uint8_t *out)
{
	const char *at = t->text;
	const char *end = at + t->len;
	int len = 0;

	if (!t->escaped) {
		memcpy(out, at, t->len);
		return (int)t->len;
	}
	while (at < end) {
		int c = *at == '\\' ? unescape(&at, end) : (uint8_t)*at++;
		TRY(c);
		out[len++] = (uint8_t)c;
	}
	return len;
}

/* Digits of a base-2^n notation, run into octets. */
struct bits {
	uint32_t value;
	unsigned count; /* bits in value that have not gone out */
};

static void bits_push(struct bits *b, uint8_t digit, unsigned width,
                      struct wire_writer *to)
{
	b->value = (b->value << width | digit) & 0xffff;
	b->count += width;
	if (b->count >= 8) {
		b->count -= 8;
		wire_write8(to, (uint8_t)(b->value >> b->count));
	}
}

/* Says whether nothing but zeros is left over. */
static bool bits_clean(const struct bits *b)
{
	return (b->value & ((1U << b->count) - 1)) == 0;
}

enum { NO_DIGIT = 0xff };

static uint8_t hex_digit(char c)
{
	if (is_digit(c))
		return (uint8_t)(c - '0');
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? (uint8_t)(c - 'a' + 10) : NO_DIGIT;
}

static uint8_t base32hex_digit(char c)
{
	if (is_digit(c))
		return (uint8_t)(c - '0');
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'v' ? (uint8_t)(c - 'a' + 10) : NO_DIGIT;
}

static uint8_t base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (is_digit(c))
		return (uint8_t)(c - '0' + 52);
	return c == '+' ? 62 : c == '/' ? 63 : NO_DIGIT;
}

int literal_hex(const struct entry_token *t, size_t count, struct wire_writer *to)
{
	struct bits bits = {0};

	for (size_t i = 0; i < count; i++) {
		for (uint32_t at = 0; at < t[i].len; at++) {
			uint8_t digit = hex_digit(t[i].text[at]);
			if (digit == NO_DIGIT)
				return ERR_SYNTAX;
			bits_push(&bits, digit, 4, to);
		}
	}
	return bits.count == 0 ? 0 : ERR_SYNTAX;
}

/* NOLINTNEXTLINE(readability-function-size): two loops over split text */
int literal_base64(const struct entry_token *t, size_t count, struct wire_writer *to)
{
	struct bits bits = {0};
	size_t chars = 0;
	size_t padding = 0;

	for (size_t i = 0; i < count; i++) {
		for (uint32_t at = 0; at < t[i].len; at++, chars++) {
			char c = t[i].text[at];
			if (c == '=') {
				padding++;
				continue;
			}
			uint8_t digit = base64_digit(c);
			if (digit == NO_DIGIT || padding)
				return ERR_SYNTAX;
			bits_push(&bits, digit, 6, to);
		}
	}
	if (chars % 4 || padding > 2 || !bits_clean(&bits))
		return ERR_SYNTAX;
	return 0;
}

int literal_base32hex(const struct entry_token *t, struct wire_writer *to)
{
	struct bits bits = {0};

	for (uint32_t at = 0; at < t->len; at++) {
		uint8_t digit = base32hex_digit(t->text[at]);
		if (digit == NO_DIGIT)
			return ERR_SYNTAX;
		bits_push(&bits, digit, 5, to);
	}
	return bits.count < 5 && bits_clean(&bits) ? 0 : ERR_SYNTAX;
}
