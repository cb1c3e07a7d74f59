#include "control/sign/keyfile_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/zone/literal.h"
#include "shared/err.h"

static const char *const part_names[KEYFILE_PARTS] = {
	[KEYFILE_MODULUS] = "Modulus",
	[KEYFILE_PUBLIC_EXPONENT] = "PublicExponent",
	[KEYFILE_PRIVATE_EXPONENT] = "PrivateExponent",
	[KEYFILE_PRIME_1] = "Prime1",
	[KEYFILE_PRIME_2] = "Prime2",
	[KEYFILE_EXPONENT_1] = "Exponent1",
	[KEYFILE_EXPONENT_2] = "Exponent2",
	[KEYFILE_COEFFICIENT] = "Coefficient",
	[KEYFILE_PRIVATE_KEY] = "PrivateKey",
};

const char *const keyfile_time_names[KEYFILE_TIMES] = {
	[KEYFILE_CREATED] = "Created",        [KEYFILE_PUBLISH] = "Publish",
	[KEYFILE_ACTIVATE] = "Activate",      [KEYFILE_REVOKE] = "Revoke",
	[KEYFILE_INACTIVE] = "Inactive",      [KEYFILE_DELETE] = "Delete",
	[KEYFILE_DS_PUBLISH] = "DSPublish",   [KEYFILE_SYNC_PUBLISH] = "SyncPublish",
	[KEYFILE_SYNC_DELETE] = "SyncDelete",
};

/* Each part fills it, and so does its name. */
STATIC_ASSERT(KEYFILE_TEXT_SIZE > KEYFILE_PARTS * (KEYFILE_NUMBER_MAX * 4 / 3 + 32) +
                                          KEYFILE_TIMES * 40 + 128,
              "any key has room");

/* ---- reading ---- */

struct reading {
	struct entry_token name; /* of the line, without its colon */
	struct entry_token value;
	bool has_format;
	struct keyfile_text *key;
	char *why;
};

static int complain(const struct reading *r, const char *format, ...) PRINTF_LIKE(2, 3);

static int complain(const struct reading *r, const char *format, ...)
{
	va_list args;
	int len = snprintf(r->why, KEYFILE_WHY_SIZE, "line %u: ", r->name.line);

	va_start(args, format);
	(void)vsnprintf(r->why + len, KEYFILE_WHY_SIZE - (size_t)len, format, args);
	va_end(args);
	return ERR_SYNTAX;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct entry_token *t)
{
	while (t->len && is_blank(t->text[0])) {
		t->text++;
		t->len--;
	}
	while (t->len && is_blank(t->text[t->len - 1]))
		t->len--;
}

/* Finds a name of a list; fewer: there is none. */
static size_t find(const struct entry_token *t, const char *const *names, size_t count)
{
	size_t i = 0;

	while (i < count && !entry_token_is(t, names[i]))
		i++;
	return i;
}

static int read_format(struct reading *r)
{
	struct entry_token minor = r->value;
	uint32_t n;

	if (r->has_format)
		return complain(r, "another key begins here; one is taken at a time");
	if (minor.len < 4 || memcmp(minor.text, "v1.", 3) != 0)
		return complain(r, "this is not version 1 of the format");
	minor.text += 3;
	minor.len -= 3;
	if (literal_number(&minor, UINT16_MAX, &n) < 0)
		return complain(r, "this is not version 1 of the format");
	r->has_format = true;
	return 0;
}

/* "13 (ECDSAP256SHA256)": the number counts. */
static int read_algorithm(struct reading *r)
{
	struct entry_token number = r->value;
	uint32_t n;

	number.len = 0;
	while (number.len < r->value.len && !is_blank(number.text[number.len]))
		number.len++;
	if (r->key->algorithm)
		return complain(r, "there is a second algorithm");
	if (literal_number(&number, UINT8_MAX, &n) < 0)
		return complain(r, "an algorithm is a number up to 255");
	if (!sign_algorithm((uint8_t)n))
		return complain(r, "zones are not signed with algorithm %u here", n);
	r->key->algorithm = (uint8_t)n;
	return 0;
}

static int read_part(struct reading *r, size_t part)
{
	struct keyfile_number *n = &r->key->parts[part];
	struct wire_writer to = wire_writer_on(n->octets, sizeof n->octets);

	if (n->len)
		return complain(r, "%s is there twice", part_names[part]);
	if (literal_base64(&r->value, 1, &to) < 0)
		return complain(r, "%s is not base64", part_names[part]);
	if (!to.ok)
		return complain(r, "%s has more than %d octets", part_names[part],
		                KEYFILE_NUMBER_MAX);
	n->len = (uint16_t)wire_written(&to);
	return n->len ? 0 : complain(r, "%s is empty", part_names[part]);
}

static int read_time(struct reading *r, size_t which)
{
	static const char last[] = "21060207062815"; /* of what 32 bits hold */
	uint32_t *time = &r->key->times[which];

	if (*time)
		return complain(r, "%s is there twice", keyfile_time_names[which]);
	if (literal_time(&r->value, time) < 0 || *time == 0 ||
	    memcmp(r->value.text, last, sizeof last - 1) > 0)
		return complain(r,
		                "%s is not a time from 1970 to 2106 in the form "
		                "YYYYMMDDHHMMSS",
		                keyfile_time_names[which]);
	return 0;
}

static int read_value(struct reading *r)
{
	size_t part = find(&r->name, part_names, KEYFILE_PARTS);
	size_t time = find(&r->name, keyfile_time_names, KEYFILE_TIMES);

	if (entry_token_is(&r->name, "Private-key-format"))
		return read_format(r);
	if (!r->has_format)
		return complain(r, "a private key begins with \"Private-key-format\"");
	if (entry_token_is(&r->name, "Algorithm"))
		return read_algorithm(r);
	if (part < KEYFILE_PARTS)
		return read_part(r, part);
	if (time < KEYFILE_TIMES)
		return read_time(r, time);
	if (entry_token_is(&r->name, "Engine") || entry_token_is(&r->name, "Label"))
		return complain(
			r, "the key is in a device, of which this has only the name");
	return 0;
}

static int read_line(struct reading *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	r->name.line++;
	r->name.text = line;
	r->name.len = (uint32_t)(colon ? colon - line : (ptrdiff_t)len);
	trim(&r->name);
	if (!colon)
		return r->name.len ? complain(r, "there is no colon") : 0;
	r->value.text = colon + 1;
	r->value.len = (uint32_t)(line + len - colon - 1);
	trim(&r->value);
	return read_value(r);
}

static bool needs(uint8_t algorithm, size_t part)
{
	bool rsa = !sign_algorithm(algorithm)->public_len;

	return rsa == (part != KEYFILE_PRIVATE_KEY);
}

static int check_parts(const struct reading *r)
{
	const struct keyfile_text *k = r->key;

	if (!r->has_format)
		return complain(r, "there is no private key");
	if (!k->algorithm)
		return complain(r, "the key has no algorithm");
	for (size_t i = 0; i < KEYFILE_PARTS; i++) {
		bool needed = needs(k->algorithm, i);
		if (needed && !k->parts[i].len)
			return complain(r, "the key has no %s", part_names[i]);
		if (!needed && k->parts[i].len)
			return complain(r, "keys of algorithm %u have no %s",
			                k->algorithm, part_names[i]);
	}
	return 0;
}

int keyfile_text_read(const char *text, size_t len, struct keyfile_text *out,
                      char why[static KEYFILE_WHY_SIZE])
{
	struct reading r = {.key = out};
	const char *end = text + len;
	int err = len > UINT32_MAX ? ERR_SYNTAX : 0;

	r.why = why;
	memset(out, 0, sizeof *out);
	while (err == 0 && text < end) {
		const char *next = memchr(text, '\n', (size_t)(end - text));
		err = read_line(&r, text, (size_t)((next ? next : end) - text));
		text = next ? next + 1 : end;
	}
	if (err == 0)
		err = check_parts(&r);
	if (err < 0)
		OPENSSL_cleanse(out, sizeof *out);
	return err;
}

/* ---- writing ---- */

const char *keyfile_time_text(uint32_t time, char text[static KEYFILE_TIME_SIZE])
{
	time_t seconds = time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    strftime(text, KEYFILE_TIME_SIZE, "%Y%m%d%H%M%S", &tm) != 14)
		abort();
	return text;
}

static bool has_times(const struct keyfile_text *k)
{
	for (size_t i = 0; i < KEYFILE_TIMES; i++)
		if (k->times[i])
			return true;
	return false;
}

static char *put(char *at, const char *format, ...) PRINTF_LIKE(2, 3);

/* There is room for whatever a key has, as is asserted above. */
static char *put(char *at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(at, 64, format, args);
	va_end(args);
	assert(len >= 0 && len < 64);
	return at + len;
}

size_t keyfile_text_write(const struct keyfile_text *k,
                          char out[static KEYFILE_TEXT_SIZE])
{
	char time[KEYFILE_TIME_SIZE];
	char *at =
		put(out, "Private-key-format: v1.%d\nAlgorithm: ", has_times(k) ? 3 : 2);

	at = put(at, "%u (%s)\n", k->algorithm, sign_algorithm(k->algorithm)->name);
	for (size_t i = 0; i < KEYFILE_PARTS; i++) {
		const struct keyfile_number *n = &k->parts[i];
		if (!n->len)
			continue;
		at = put(at, "%s: ", part_names[i]);
		at += EVP_EncodeBlock((unsigned char *)at, n->octets, n->len);
		*at++ = '\n';
	}
	for (size_t i = 0; i < KEYFILE_TIMES; i++)
		if (k->times[i])
			at = put(at, "%s: %s\n", keyfile_time_names[i],
			         keyfile_time_text(k->times[i], time));
	*at = '\0';
	return (size_t)(at - out);
}
