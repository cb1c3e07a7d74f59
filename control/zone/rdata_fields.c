/*
 * The short cut: reads RDATA whose fields are simple, by the letters of rdata_fields.def. It
 * takes only what it fully understands; at anything else, wrong or merely unusual, it steps aside
 * (ERR_NOTFOUND) and the slow road decides and words the error.
 */
#include <arpa/inet.h>
#include <string.h>

#include "control/zone/literal.h"
#include "control/zone/rdata_text.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { NOT_SURE = ERR_NOTFOUND, STRING_MAX = 255 };

/* What is left to read. */
struct tokens {
	const struct entry_token *at;
	size_t count;
	const uint8_t *origin;
};

static int read_number(const struct entry_token *t, unsigned octets,
                       struct wire_writer *to)
{
	uint32_t n;
	uint32_t max = octets == 4 ? UINT32_MAX : (1U << (8 * octets)) - 1;

	if (t->quoted || literal_number(t, max, &n) < 0)
		return NOT_SURE;
	if (octets == 1)
		wire_write8(to, (uint8_t)n);
	else if (octets == 2)
		wire_write16(to, (uint16_t)n);
	else
		wire_write32(to, n);
	return 0;
}

static int read_period(const struct entry_token *t, struct wire_writer *to)
{
	uint32_t n;

	if (t->quoted || literal_period(t, &n) < 0)
		return NOT_SURE;
	wire_write32(to, n);
	return 0;
}

static int read_time(const struct entry_token *t, struct wire_writer *to)
{
	uint32_t n;

	if (t->quoted || literal_time(t, &n) < 0)
		return NOT_SURE;
	wire_write32(to, n);
	return 0;
}

static int read_type(const struct entry_token *t, struct wire_writer *to)
{
	int type = t->quoted ? ERR_NOTFOUND : rrtype_from_text(t->text, t->len);

	if (type < 0)
		return NOT_SURE;
	wire_write16(to, (uint16_t)type);
	return 0;
}

static int read_address(const struct entry_token *t, int family, struct wire_writer *to)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (t->quoted || t->len >= sizeof text)
		return NOT_SURE;
	memcpy(text, t->text, t->len);
	text[t->len] = '\0';
	if (inet_pton(family, text, address) != 1)
		return NOT_SURE;
	wire_write_bytes(to, address, family == AF_INET ? 4 : 16);
	return 0;
}

static int read_name(const struct entry_token *t, const uint8_t *origin,
                     struct wire_writer *to)
{
	uint8_t name[NAME_MAX_LEN];
	int len = rdata_read_name(t, origin, name);

	if (len < 0)
		return NOT_SURE;
	wire_write_bytes(to, name, (size_t)len);
	return 0;
}

static int read_string(const struct entry_token *t, struct wire_writer *to)
{
	uint8_t string[4 * STRING_MAX];

	if (t->len > sizeof string)
		return NOT_SURE;
	int len = literal_string(t, string);
	if (len < 0 || len > STRING_MAX)
		return NOT_SURE;
	wire_write8(to, (uint8_t)len);
	wire_write_bytes(to, string, (size_t)len);
	return 0;
}

/* "-" is the empty salt. */
static int read_salt(const struct entry_token *t, struct wire_writer *to)
{
	if (t->quoted || t->len == 0 || t->len > 2 * STRING_MAX)
		return NOT_SURE;
	if (t->len == 1 && t->text[0] == '-') {
		wire_write8(to, 0);
		return 0;
	}
	wire_write8(to, (uint8_t)(t->len / 2));
	return literal_hex(t, 1, to) < 0 ? NOT_SURE : 0;
}

static int read_hash(const struct entry_token *t, struct wire_writer *to)
{
	size_t octets = (size_t)t->len * 5 / 8;

	if (t->quoted || octets == 0 || octets > STRING_MAX)
		return NOT_SURE;
	wire_write8(to, (uint8_t)octets);
	return literal_base32hex(t, to) < 0 ? NOT_SURE : 0;
}

static int read_token(struct tokens *from, char field, struct wire_writer *to)
{
	if (from->count == 0)
		return NOT_SURE;

	const struct entry_token *t = from->at++;
	from->count--;
	switch (field) {
	case '1':
	case 'g': return read_number(t, 1, to);
	case '2': return read_number(t, 2, to);
	case '4': return read_number(t, 4, to);
	case 'p': return read_period(t, to);
	case 'T': return read_time(t, to);
	case 't': return read_type(t, to);
	case 'a': return read_address(t, AF_INET, to);
	case 'A': return read_address(t, AF_INET6, to);
	case 'n': return read_name(t, from->origin, to);
	case 's': return read_string(t, to);
	case 'k': return read_salt(t, to);
	case 'h': return read_hash(t, to);
	default: return NOT_SURE;
	}
}

static int read_strings(struct tokens *from, struct wire_writer *to)
{
	if (from->count == 0)
		return NOT_SURE;
	for (; from->count; from->at++, from->count--)
		TRY(read_string(from->at, to));
	return 0;
}

/* Hexadecimal or base64, to the end. */
static int read_octets(struct tokens *from, char field, struct wire_writer *to)
{
	const uint8_t *start = to->at;

	for (size_t i = 0; i < from->count; i++)
		if (from->at[i].quoted)
			return NOT_SURE;
	int err = field == 'x' ? literal_hex(from->at, from->count, to)
	                       : literal_base64(from->at, from->count, to);
	if (err < 0 || to->at == start)
		return NOT_SURE;
	from->count = 0;
	return 0;
}

enum { WINDOWS = 256, WINDOW_OCTETS = 32 };

/* The windows in use, each with its 256 bits. Only those are cleared and looked at. */
struct bitmap {
	uint8_t used[WINDOWS]; /* octets in use in each window */
	uint8_t bits[WINDOWS][WINDOW_OCTETS];
	unsigned last;
};

static void bitmap_add(struct bitmap *b, uint16_t type)
{
	unsigned window = type >> 8;
	unsigned octet = (type & 0xffU) >> 3;

	if (b->used[window] == 0)
		memset(b->bits[window], 0, sizeof b->bits[window]);
	if (b->used[window] <= octet)
		b->used[window] = (uint8_t)(octet + 1);
	if (b->last < window)
		b->last = window;
	b->bits[window][octet] |= (uint8_t)(0x80 >> (type & 7));
}

static int read_bitmap(struct tokens *from, struct wire_writer *to)
{
	struct bitmap b;

	memset(b.used, 0, sizeof b.used);
	b.last = 0;
	for (; from->count; from->at++, from->count--) {
		int type = from->at->quoted
		                   ? ERR_NOTFOUND
		                   : rrtype_from_text(from->at->text, from->at->len);
		if (type < 0)
			return NOT_SURE;
		bitmap_add(&b, (uint16_t)type);
	}
	for (unsigned window = 0; window <= b.last; window++) {
		if (b.used[window] == 0)
			continue;
		wire_write8(to, (uint8_t)window);
		wire_write8(to, b.used[window]);
		wire_write_bytes(to, b.bits[window], b.used[window]);
	}
	return 0;
}

static int read_field(struct tokens *from, char field, struct wire_writer *to)
{
	switch (field) {
	case 'S': return read_strings(from, to);
	case 'x':
	case 'b': return read_octets(from, field, to);
	case 'm': return read_bitmap(from, to);
	default: return read_token(from, field, to);
	}
}

int rdata_read_fields(struct rdata_text *x, uint16_t type,
                      const struct entry_token *tokens, size_t count,
                      const uint8_t *origin)
{
	const char *fields = rdata_fields(type);
	struct tokens from = {.at = tokens, .count = count, .origin = origin};
	struct wire_writer to = wire_writer_on(x->bytes, RDATA_MAX);

	if (!fields)
		return NOT_SURE;
	for (; *fields; fields++)
		TRY(read_field(&from, *fields, &to));
	if (from.count || !to.ok)
		return NOT_SURE;
	x->len = wire_written(&to);
	return 0;
}
