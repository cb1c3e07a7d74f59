#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

enum { RRTYPE_A6 = 38, RRSIG_SIGNER_AT = 18 };

/* Where one name begins and ends in RDATA. */
struct span {
	size_t from;
	size_t to;
};

struct spans {
	unsigned count;
	struct span of[RDATA_NAMES_MAX];
};

/* The types whose names are compared in lower case: RFC 4034 §6.2, without NSEC (RFC 6840 §5.1)
 * and HINFO (which has none), A6 and the signatures apart. */
static bool type_folds(uint16_t type)
{
	switch (type) {
	case RRTYPE_NS:
	case 3: /* MD */
	case 4: /* MF */
	case RRTYPE_CNAME:
	case RRTYPE_SOA:
	case 7: /* MB */
	case 8: /* MG */
	case 9: /* MR */
	case RRTYPE_PTR:
	case 14: /* MINFO */
	case RRTYPE_MX:
	case 17: /* RP */
	case 18: /* AFSDB */
	case 21: /* RT */
	case 26: /* PX */
	case 30: /* NXT */
	case RRTYPE_SRV:
	case 35: /* NAPTR */
	case 36: /* KX */
	case RRTYPE_DNAME: return true;
	default: return false;
	}
}

static struct spans name_at(size_t at, const uint8_t *rdata, size_t len)
{
	size_t name = at < len ? name_len(rdata + at, len - at) : 0;

	return (struct spans){.count = name > 0, .of = {{.from = at, .to = at + name}}};
}

static struct spans folded_spans(uint16_t type, const uint8_t *rdata, size_t len)
{
	struct rdata_name names[RDATA_NAMES_MAX];
	struct spans spans = {0};

	if (type == RRTYPE_RRSIG || type == RRTYPE_SIG)
		return name_at(RRSIG_SIGNER_AT, rdata, len);
	if (type == RRTYPE_A6)
		return name_at(1 + ((size_t)128 - rdata[0] + 7) / 8, rdata, len);
	if (!type_folds(type))
		return spans;

	int n = rrtype_rdata_names(type, rdata, len, names);
	for (int i = 0; i < n; i++)
		spans.of[spans.count++] = (struct span){
			.from = names[i].at,
			.to = (size_t)names[i].at + names[i].len,
		};
	return spans;
}

/* Folding a whole name octet by octet is right: a length octet is never a letter. */
static uint8_t folded_octet(const struct spans *spans, const uint8_t *rdata, size_t at)
{
	uint8_t c = rdata[at];

	if (c < 'A' || c > 'Z')
		return c;
	for (unsigned i = 0; i < spans->count; i++)
		if (at >= spans->of[i].from && at < spans->of[i].to)
			return c | 0x20;
	return c;
}

int rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b,
                  size_t b_len)
{
	size_t common = a_len < b_len ? a_len : b_len;
	size_t at = 0;

	while (at < common && a[at] == b[at])
		at++;
	if (at < common) {
		struct spans a_spans = folded_spans(type, a, a_len);
		struct spans b_spans = folded_spans(type, b, b_len);

		for (; at < common; at++) {
			int order = (int)folded_octet(&a_spans, a, at) -
			            (int)folded_octet(&b_spans, b, at);
			if (order)
				return order;
		}
	}
	return a_len < b_len ? -1 : a_len > b_len;
}

const uint8_t *rdata_canonical(uint16_t type, const uint8_t *rdata, size_t len,
                               uint8_t scratch[static RDATA_MAX])
{
	struct spans spans = folded_spans(type, rdata, len);

	if (!spans.count)
		return rdata;
	for (size_t at = 0; at < len; at++)
		scratch[at] = folded_octet(&spans, rdata, at);
	return scratch;
}
