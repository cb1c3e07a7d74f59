/* The public half of a key, as a DNSKEY record in a file of its own, and what such files are named. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "control/sign/keyfile.h"
#include "control/zone/literal.h"
#include "control/zone/rdata_text.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

/* ---- reading ---- */

static int complain(char *why, unsigned line, const char *what)
{
	(void)snprintf(why, KEYFILE_WHY_SIZE, "line %u: %s", line, what);
	return ERR_SYNTAX;
}

/* Of "owner [TTL] [class] DNSKEY", all but the owner, TTL and class in either order. Gives how many words these
 * are, or 0: something else stands there. */
static size_t read_front(const struct entry *e, struct keyfile_public *out)
{
	bool has_class = false;

	for (size_t i = 1; i < e->count; i++) {
		const struct entry_token *t = &e->tokens[i];
		if (entry_token_is(t, "DNSKEY"))
			return i + 1;
		if (!has_class && entry_token_is(t, "IN"))
			has_class = true;
		else if (!out->has_ttl && literal_period(t, &out->ttl) == 0 &&
		         out->ttl <= TTL_MAX)
			out->has_ttl = true;
		else
			return 0;
	}
	return 0;
}

static int check_rdata(const struct rdata_text *x, char *why, unsigned line)
{
	if (x->len > DNSKEY_MAX)
		return complain(why, line, "the key is larger than any that signs here");
	if (x->len <= DNSKEY_HEADER || x->bytes[2] != DNSKEY_PROTOCOL)
		return complain(why, line, "this is not a key of DNSSEC");
	if (!sign_algorithm(x->bytes[3]))
		return complain(why, line,
		                "zones are not signed with its algorithm here");
	return 0;
}

static int read_rdata(const struct entry *e, size_t front, struct keyfile_public *out,
                      char *why)
{
	static const uint8_t root[] = {0};
	struct rdata_text *x = rdata_text_new();
	int err = rdata_from_text(x, RRTYPE_DNSKEY, e->tokens + front, e->count - front,
	                          root);

	if (err < 0)
		(void)snprintf(why, KEYFILE_WHY_SIZE, "line %u: %.200s", e->line,
		               x->reason);
	else
		err = check_rdata(x, why, e->line);
	if (err == 0) {
		out->rdata_len = (uint16_t)x->len;
		memcpy(out->rdata, x->bytes, x->len);
	}
	rdata_text_free(x);
	return err < 0 ? ERR_SYNTAX : 0;
}

static int read_record(const struct entry *e, struct keyfile_public *out, char *why)
{
	static const uint8_t root[] = {0};
	const struct entry_token *owner = &e->tokens[0];
	int len = e->blank ? ERR_SYNTAX
	                   : name_from_text(owner->text, owner->len, root, out->owner);

	if (len < 0)
		return complain(why, e->line, "the record has no owner");
	name_fold(out->owner, (size_t)len);
	size_t front = read_front(e, out);
	if (!front)
		return complain(why, e->line, "this is not a DNSKEY record");
	return read_rdata(e, front, out, why);
}

static int read_entries(struct entry_source *s, struct entry *e,
                        struct keyfile_public *out, char *why)
{
	struct entry_error error = {0};
	int got = entry_next(s, e, &error);

	if (got < 0)
		return complain(why, error.line, error.reason);
	if (got == 0)
		return complain(why, s->line, "there is no DNSKEY record");
	TRY(read_record(e, out, why));
	got = entry_next(s, e, &error);
	if (got < 0)
		return complain(why, error.line, error.reason);
	return got ? complain(why, e->line, "there is a second record") : 0;
}

int keyfile_read_public(const char *text, size_t len, struct keyfile_public *out,
                        char why[static KEYFILE_WHY_SIZE])
{
	struct entry_source s = entry_source_on(text, len);
	struct entry e = {0};
	struct keyfile_public p = {0};
	int err = read_entries(&s, &e, &p, why);

	entry_fini(&e);
	if (err == 0)
		*out = p;
	return err;
}

/* ---- writing ---- */

static char *put(char *at, const char *end, const char *format, ...) PRINTF_LIKE(3, 4);

/* There is room: a name takes a kilobyte and a key less. */
static char *put(char *at, const char *end, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(at, (size_t)(end - at), format, args);
	va_end(args);
	assert(len >= 0 && len < end - at);
	return at + len;
}

static char *put_time(char *at, const char *end, const char *name, uint32_t time)
{
	char digits[KEYFILE_TIME_SIZE];
	char words[32] = "";
	time_t seconds = time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(words, sizeof words, "%a %b %e %H:%M:%S %Y", &tm))
		abort();
	return put(at, end, "; %s: %s (%s)\n", name, keyfile_time_text(time, digits),
	           words);
}

/* In pieces of 56 characters, as BIND has it. */
static char *put_base64(char *at, const char *end, const uint8_t *bytes, size_t len)
{
	enum { PIECE = 56 / 4 * 3 };

	for (; len > 0; at = put(at, end, len ? " " : "")) {
		size_t piece = len < PIECE ? len : PIECE;
		assert(end - at > 64);
		at += EVP_EncodeBlock((unsigned char *)at, bytes, (int)piece);
		bytes += piece;
		len -= piece;
	}
	return at;
}

size_t keyfile_write_public(const struct sign_key *k, const uint8_t *owner, int64_t ttl,
                            const uint32_t *times, char out[static KEYFILE_TEXT_SIZE])
{
	const char *end = out + KEYFILE_TEXT_SIZE;
	struct rdata rdata = sign_key_dnskey(k);
	unsigned flags = sign_key_flags(k);
	char name[NAME_TEXT_MAX];
	char *at = out;

	(void)name_to_text(owner, name);
	at = put(at, end, "; This is a %s-signing key, keyid %u, for %s\n",
	         flags & DNSKEY_SEP ? "key" : "zone", sign_key_tag(k), name);
	for (size_t i = 0; times && i < KEYFILE_TIMES; i++)
		if (times[i] && i != KEYFILE_DS_PUBLISH) /* as BIND does */
			at = put_time(at, end, keyfile_time_names[i], times[i]);
	at = put(at, end, "%s ", name);
	if (ttl >= 0)
		at = put(at, end, "%u ", (unsigned)ttl);
	at = put(at, end, "IN DNSKEY %u %u %u ", flags, rdata.bytes[2], rdata.bytes[3]);
	at = put_base64(at, end, rdata.bytes + DNSKEY_HEADER,
	                (size_t)rdata.len - DNSKEY_HEADER);
	at = put(at, end, "\n");
	return (size_t)(at - out);
}

/* ---- names of files ---- */

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static char *put_octet(char *at, uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_plain(c)) {
		*at++ = (char)c;
		return at;
	}
	*at++ = '%';
	*at++ = digits[c >> 4];
	*at++ = digits[c & 15];
	return at;
}

const char *keyfile_name(const struct sign_key *k, const uint8_t *owner,
                         char out[static KEYFILE_NAME_SIZE])
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(owner, NAME_MAX_LEN);
	char *at = out;

	memcpy(name, owner, len);
	name_fold(name, len);
	*at++ = 'K';
	for (const uint8_t *label = name; *label; label += 1 + *label) {
		for (unsigned i = 1; i <= *label; i++)
			at = put_octet(at, label[i]);
		*at++ = '.';
	}
	if (len == 1)
		*at++ = '.';
	(void)snprintf(at, 11, "+%03u+%05u", sign_key_algorithm(k), sign_key_tag(k));
	return out;
}
