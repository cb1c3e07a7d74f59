#include "control/zone/rdata_text.h"

#include <stdarg.h>
#include <stdlib.h>

#include "control/zone/arena.h"
#include "control/zone/literal.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

struct rdata_text *rdata_text_new(void)
{
	struct rdata_text *x = memory_get(sizeof *x);

	memset(x, 0, offsetof(struct rdata_text, bytes));
	return x;
}

void rdata_text_free(struct rdata_text *x)
{
	while (x) {
		struct rdata_text *again = x->again;
		free(x->line);
		free(x);
		x = again;
	}
}

int rdata_refuse(struct rdata_text *x, const char *rule, const struct entry_token *at,
                 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(x->reason, sizeof x->reason, format, args);
	va_end(args);
	x->rule = rule;
	x->at = at;
	return ERR_SYNTAX;
}

int rdata_read_name(const struct entry_token *t, const uint8_t *origin, uint8_t *out)
{
	if (t->len == 1 && t->text[0] == '@' && !t->quoted) {
		size_t len = name_len(origin, NAME_MAX_LEN);
		memcpy(out, origin, len);
		return (int)len;
	}
	return name_from_text(t->text, t->len, origin, out);
}

int rdata_refuse_name(struct rdata_text *x, const struct entry_token *t, int err)
{
	if (err == ERR_TOOBIG)
		(void)rdata_refuse(
			x, "name-too-long", t,
			"a label has at most 63 octets and a name 255 (RFC 1035 section 3.1)");
	else
		(void)rdata_refuse(x, "name-syntax", t, "\"%.*s\" is not a domain name",
		                   t->len > 80 ? 80 : (int)t->len, t->text);
	return err;
}

int rdata_read_generic(struct rdata_text *x, uint16_t type,
                       const struct entry_token *tokens, size_t count)
{
	struct wire_writer to = wire_writer_on(x->bytes, RDATA_MAX);
	uint32_t len;

	if (count < 2 || literal_number(&tokens[1], RDATA_MAX, &len) < 0)
		return rdata_refuse(
			x, "rdata-generic", &tokens[count < 2 ? 0 : 1],
			"\\# needs a length from 0 to 65535 (RFC 3597 section 5)");
	if (literal_hex(tokens + 2, count - 2, &to) < 0)
		return rdata_refuse(x, "rdata-generic", &tokens[1],
		                    "\\# needs an even number of hexadecimal digits "
		                    "(RFC 3597 section 5)");
	if (!to.ok || wire_written(&to) != len)
		return rdata_refuse(x, "rdata-length", &tokens[1],
		                    "\\# says %u octets, but that is not what follows",
		                    len);

	char text[RRTYPE_TEXT_MAX];
	if (rdata_check(type, x->bytes, len) < 0)
		return rdata_refuse(x, "rdata-format", &tokens[0],
		                    "these octets do not have the format of type %s",
		                    rrtype_to_text(type, text));
	x->len = len;
	return 0;
}

static int refuse_textless(struct rdata_text *x, uint16_t type,
                           const struct entry_token *at)
{
	char text[RRTYPE_TEXT_MAX];

	return rdata_refuse(
		x, "type-without-text", at,
		"the data of type %s can be written in the form of RFC 3597 only: "
		"TYPE%u \\# length hexadecimal-digits",
		rrtype_to_text(type, text), type);
}

/* Words in which a quote begins behind "=" are SvcParams and nothing else. */
static int check_pairs(struct rdata_text *x, uint16_t type,
                       const struct entry_token *tokens, size_t count)
{
	if (type == RRTYPE_SVCB || type == RRTYPE_HTTPS)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (tokens[i].pair)
			return rdata_refuse(x, "quote-in-word", &tokens[i],
			                    "a quote inside a word; quote all of it");
	return 0;
}

int rdata_from_text(struct rdata_text *x, uint16_t type, const struct entry_token *tokens,
                    size_t count, const uint8_t *origin)
{
	if (count && !tokens[0].quoted && tokens[0].len == 2 &&
	    memcmp(tokens[0].text, "\\#", 2) == 0)
		return rdata_read_generic(x, type, tokens, count);
	TRY(check_pairs(x, type, tokens, count));

	int err = rdata_read_fields(x, type, tokens, count, origin);
	if (err != ERR_NOTFOUND)
		return err;
	err = rdata_read_ldns(x, type, tokens, count, origin);
	if (err == ERR_NOTFOUND)
		return refuse_textless(x, type, count ? &tokens[0] : NULL);
	if (err < 0)
		return err;
	if (rdata_check(type, x->bytes, x->len) < 0)
		return rdata_refuse(x, "rdata-format", NULL,
		                    "the data does not have the format of its type");
	return 0;
}

/* ---- to text ---- */

/* Says whether x->line reads back to the same octets. */
static bool reads_back(struct rdata_text *x, uint16_t type, const uint8_t *rdata,
                       size_t len)
{
	static const uint8_t root[1];
	struct entry_source source = entry_source_on(x->line, x->line_len);
	struct entry entry = {0};
	struct entry_error error;
	bool same = false;

	if (!x->again)
		x->again = rdata_text_new();
	if (entry_next(&source, &entry, &error) == 1 && source.at == source.end &&
	    rdata_from_text(x->again, type, entry.tokens, entry.count, root) == 0)
		same = x->again->len == len && memcmp(x->again->bytes, rdata, len) == 0;
	entry_fini(&entry);
	return same;
}

static int write_generic(const uint8_t *rdata, size_t len, FILE *to)
{
	static const char digits[] = "0123456789abcdef";

	if (fprintf(to, "\\# %zu%s", len, len ? " " : "") < 0)
		return ERR_IO;
	for (size_t i = 0; i < len; i++)
		if (putc_unlocked(digits[rdata[i] >> 4], to) == EOF ||
		    putc_unlocked(digits[rdata[i] & 15], to) == EOF)
			return ERR_IO;
	return 0;
}

int rdata_to_text(struct rdata_text *x, uint16_t type, const uint8_t *rdata, size_t len,
                  FILE *to)
{
	/* Printers have been wrong about data that nobody expected: trust what reads back. */
	if (rdata_print_ldns(x, type, rdata, len) < 0 || !reads_back(x, type, rdata, len))
		return write_generic(rdata, len, to);
	return fwrite(x->line, 1, x->line_len, to) == x->line_len ? 0 : ERR_IO;
}
