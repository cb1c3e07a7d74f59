#include "shared/rrtype.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"
#include "shared/name.h"
#include "shared/wire.h"

/* In rising order of their numbers, as the .def file has them. */
static const struct rrtype types[] = {
#define RRTYPE(type_number, type_name, type_layout, type_targets) \
	{.number = (type_number),                                 \
	 .name = (type_name),                                     \
	 .layout = (type_layout),                                 \
	 .targets = (type_targets)},
#include "shared/rrtypes.def"
#undef RRTYPE
};

/* Most candidates for a text differ in length already. */
static const uint8_t name_lens[] = {
#define RRTYPE(type_number, type_name, type_layout, type_targets) sizeof(type_name) - 1,
#include "shared/rrtypes.def"
#undef RRTYPE
};

const struct rrtype *rrtype_by_number(uint16_t number)
{
	size_t low = 0;
	size_t high = ARRAY_LEN(types);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (types[middle].number == number)
			return &types[middle];
		if (types[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int upper(char c)
{
	return c >= 'a' && c <= 'z' ? c - 0x20 : c;
}

static bool same_text(const char *text, const char *capitals, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (upper(text[i]) != capitals[i])
			return false;
	return true;
}

/* RFC 3597 §5: "TYPE" and a decimal number. */
static int generic_from_text(const char *text, size_t len)
{
	static const char word[] = {'T', 'Y', 'P', 'E'};
	unsigned number = 0;

	if (len <= sizeof word || len > sizeof word + 5 ||
	    !same_text(text, word, sizeof word))
		return ERR_NOTFOUND;
	for (size_t i = sizeof word; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return ERR_NOTFOUND;
		number = number * 10 + (unsigned)(text[i] - '0');
	}
	return number <= UINT16_MAX ? (int)number : ERR_NOTFOUND;
}

int rrtype_from_text(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (name_lens[i] == len && same_text(text, types[i].name, len))
			return types[i].number;
	return generic_from_text(text, len);
}

const char *rrtype_to_text(uint16_t number, char text[static RRTYPE_TEXT_MAX])
{
	const struct rrtype *t = rrtype_by_number(number);

	if (t)
		(void)snprintf(text, RRTYPE_TEXT_MAX, "%s", t->name);
	else
		(void)snprintf(text, RRTYPE_TEXT_MAX, "TYPE%u", (unsigned)number);
	return text;
}

bool rrtype_is_meta(uint16_t number)
{
	/* 0 marks SIG(0) and what else has no type; 128 to 255 are set aside for Q and meta
	 * types, assigned or not; OPT is the one below. */
	return number == 0 || number == RRTYPE_OPT || (number >= 128 && number <= 255);
}

bool rrtype_is_of_signing(uint16_t number)
{
	return number == RRTYPE_NSEC || number == RRTYPE_NSEC3 ||
	       number == RRTYPE_NSEC3PARAM || number == RRTYPE_RRSIG;
}

bool rrtype_is_of_keys(uint16_t number)
{
	return number == RRTYPE_DNSKEY || number == RRTYPE_CDS ||
	       number == RRTYPE_CDNSKEY;
}

bool rrtype_is_compressible(uint16_t number)
{
	/* One condition for each type that has such a name; compilers make one test of all. */
#define RRTYPE(type_number, type_name, type_layout, type_targets) \
	|| (number == (type_number) && strchr((type_layout), 'N'))
	return false
#include "shared/rrtypes.def"
		;
#undef RRTYPE
}

static bool read_name(struct wire_reader *r, struct rdata_name *out)
{
	size_t len = r->ok ? name_len(r->at, wire_left(r)) : 0;

	if (len == 0)
		return false;
	out->len = (uint16_t)len;
	return wire_read_bytes(r, len) != NULL;
}

int rrtype_rdata_names(uint16_t type, const uint8_t *rdata, size_t len,
                       struct rdata_name names[static RDATA_NAMES_MAX])
{
	const struct rrtype *t = rrtype_by_number(type);
	struct wire_reader r = wire_reader_on(rdata, len);
	struct rdata_name found[RDATA_NAMES_MAX];
	unsigned count = 0;

	if (len > UINT16_MAX)
		return ERR_CORRUPT;
	if (!t)
		return 0;
	for (const char *field = t->layout; *field; field++) {
		switch (*field) {
		case 'N':
		case 'n':
			found[count].at = (uint16_t)(r.at - rdata);
			found[count].compressible = *field == 'N';
			if (!read_name(&r, &found[count++]))
				return ERR_CORRUPT;
			break;
		case 's': wire_read_bytes(&r, wire_read8(&r)); break;
		case '*': wire_read_bytes(&r, wire_left(&r)); break;
		default: wire_read_bytes(&r, (size_t)(*field - '0')); break;
		}
	}
	if (!r.ok || wire_left(&r) > 0)
		return ERR_CORRUPT;
	for (unsigned i = 0; i < count; i++)
		names[i] = found[i];
	return (int)count;
}
