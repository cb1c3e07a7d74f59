/*
 * Whether RDATA in wire form is what its type's RFC says. Everything that enters a zone passes
 * here, text as well as transfers, so that neither the compiler nor a printer ever meets a length
 * that does not add up.
 */
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

/* NOLINTNEXTLINE(readability-function-size): one case for each type */
const char *rdata_fields(uint16_t type)
{
	switch (type) {
#define RDATA(number, fields) \
	case number:          \
		return fields;
#include "control/zone/rdata_fields.def"
#undef RDATA
	default: return NULL;
	}
}

static void refuse_unless(struct wire_reader *r, bool good)
{
	if (!good)
		r->ok = false;
}

static void skip_name(struct wire_reader *r)
{
	size_t len = name_len(r->at, wire_left(r));

	refuse_unless(r, len > 0);
	wire_read_bytes(r, len);
}

/* Length octet and that many octets, at least least. */
static void skip_counted(struct wire_reader *r, unsigned least)
{
	unsigned len = wire_read8(r);

	refuse_unless(r, len >= least);
	wire_read_bytes(r, len);
}

static void skip_rest(struct wire_reader *r, size_t least)
{
	refuse_unless(r, wire_left(r) >= least);
	wire_read_bytes(r, wire_left(r));
}

static void skip_strings(struct wire_reader *r)
{
	do
		skip_counted(r, 0);
	while (r->ok && wire_left(r));
}

static void skip_optional_string(struct wire_reader *r)
{
	if (wire_left(r))
		skip_counted(r, 0);
}

static void skip_names(struct wire_reader *r)
{
	while (r->ok && wire_left(r))
		skip_name(r);
}

/* RFC 4034 §4.1.2: windows in rising order, 1 to 32 octets each. */
static void skip_bitmap(struct wire_reader *r)
{
	int last = -1;

	while (r->ok && wire_left(r)) {
		int window = wire_read8(r);
		unsigned len = wire_read8(r);

		refuse_unless(r, window > last && len >= 1 && len <= 32);
		wire_read_bytes(r, len);
		last = window;
	}
}

/* RFC 3123 §4: family, prefix length, negation and length of the address part, address part. */
static void skip_apl(struct wire_reader *r)
{
	while (r->ok && wire_left(r)) {
		unsigned family = wire_read16(r);
		unsigned prefix = wire_read8(r);
		unsigned len = wire_read8(r) & 0x7f;
		const uint8_t *part = wire_read_bytes(r, len);

		if (!part)
			return;
		refuse_unless(r, len == 0 || part[len - 1] != 0);
		if (family == 1)
			refuse_unless(r, prefix <= 32 && len <= 4);
		if (family == 2)
			refuse_unless(r, prefix <= 128 && len <= 16);
	}
}

enum {
	SVC_MANDATORY = 0,
	SVC_ALPN = 1,
	SVC_NO_DEFAULT_ALPN = 2,
	SVC_PORT = 3,
	SVC_IPV4HINT = 4,
	SVC_IPV6HINT = 6,
};

static bool svc_mandatory_good(struct wire_reader value)
{
	int last = -1;

	while (value.ok && wire_left(&value)) {
		int key = wire_read16(&value);
		/* RFC 9460 §8: rising, and never "mandatory" itself. */
		refuse_unless(&value, key > last && key != SVC_MANDATORY);
		last = key;
	}
	return value.ok && last >= 0;
}

static bool svc_alpn_good(struct wire_reader value)
{
	refuse_unless(&value, wire_left(&value) > 0);
	while (value.ok && wire_left(&value))
		skip_counted(&value, 1);
	return value.ok;
}

static bool svc_value_good(unsigned key, const uint8_t *bytes, size_t len)
{
	switch (key) {
	case SVC_MANDATORY: return svc_mandatory_good(wire_reader_on(bytes, len));
	case SVC_ALPN: return svc_alpn_good(wire_reader_on(bytes, len));
	case SVC_NO_DEFAULT_ALPN: return len == 0;
	case SVC_PORT: return len == 2;
	case SVC_IPV4HINT: return len > 0 && len % 4 == 0;
	case SVC_IPV6HINT: return len > 0 && len % 16 == 0;
	default: return true;
	}
}

/* RFC 9460 §2.2: keys in strictly rising order. */
static void skip_svcparams(struct wire_reader *r)
{
	int last = -1;

	while (r->ok && wire_left(r)) {
		int key = wire_read16(r);
		size_t len = wire_read16(r);
		const uint8_t *value = wire_read_bytes(r, len);

		refuse_unless(r, key > last);
		refuse_unless(r, value && svc_value_good((unsigned)key, value, len));
		last = key;
	}
}

/* RFC 8659 §4.1: the tag is at least one letter or digit. */
static void skip_caa_tag(struct wire_reader *r)
{
	unsigned len = wire_read8(r);
	const uint8_t *tag = wire_read_bytes(r, len);

	refuse_unless(r, len > 0);
	for (unsigned i = 0; tag && i < len; i++) {
		uint8_t lower = tag[i] | 0x20;
		refuse_unless(r, (lower >= 'a' && lower <= 'z') ||
		                         (tag[i] >= '0' && tag[i] <= '9'));
	}
}

/* A coordinate of LOC: thousandths of seconds of arc from 2^31, not beyond so many degrees. */
static void skip_arc(struct wire_reader *r, uint32_t degrees)
{
	uint32_t most = degrees * 3600 * 1000;
	uint32_t middle = UINT32_C(1) << 31;
	uint32_t at = wire_read32(r);

	refuse_unless(r, at >= middle - most && at <= middle + most);
}

/* RFC 1876 §2: a nibble of a precision is at most 9. */
static void skip_loc(struct wire_reader *r)
{
	refuse_unless(r, wire_read8(r) == 0);
	for (int i = 0; i < 3; i++) {
		uint8_t precision = wire_read8(r);
		refuse_unless(r, precision >> 4 <= 9 && (precision & 15) <= 9);
	}
	skip_arc(r, 90);
	skip_arc(r, 180);
	wire_read_bytes(r, 4);
}

/* RFC 8005 §5: HIT length, algorithm, public key length, HIT, public key. */
static void skip_hip(struct wire_reader *r)
{
	size_t hit = wire_read8(r);

	wire_read8(r);
	size_t key = wire_read16(r);
	refuse_unless(r, hit > 0 && key > 0);
	wire_read_bytes(r, hit);
	wire_read_bytes(r, key);
}

/* A gateway or relay of the kinds that RFC 4025 §2.3 and RFC 8777 §4.2.3 share. */
static void skip_gateway(struct wire_reader *r, unsigned kind)
{
	switch (kind) {
	case 0: break;
	case 1: wire_read_bytes(r, 4); break;
	case 2: wire_read_bytes(r, 16); break;
	case 3: skip_name(r); break;
	default: r->ok = false;
	}
}

static void skip_ipseckey(struct wire_reader *r)
{
	wire_read8(r);
	unsigned kind = wire_read8(r);
	unsigned algorithm = wire_read8(r);
	skip_gateway(r, kind);
	skip_rest(r, algorithm ? 1 : 0);
}

static void skip_amtrelay(struct wire_reader *r)
{
	wire_read8(r);
	skip_gateway(r, wire_read8(r) & 0x7f);
}

/* RFC 2874 §3.1: the suffix holds what the prefix length leaves; a name unless that is all. */
static void skip_a6(struct wire_reader *r)
{
	unsigned prefix = wire_read8(r);

	refuse_unless(r, prefix <= 128);
	if (!r->ok)
		return;
	wire_read_bytes(r, (128 - prefix + 7) / 8);
	if (prefix)
		skip_name(r);
}

static void skip_field(struct wire_reader *r, char field)
{
	switch (field) {
	case '1':
	case 'g': wire_read_bytes(r, 1); break;
	case '2':
	case 't': wire_read_bytes(r, 2); break;
	case '4':
	case 'a':
	case 'p':
	case 'T': wire_read_bytes(r, 4); break;
	case '6': wire_read_bytes(r, 6); break;
	case '8': wire_read_bytes(r, 8); break;
	case 'A': wire_read_bytes(r, 16); break;
	case 'n': skip_name(r); break;
	case 'N': skip_names(r); break;
	case 's':
	case 'k': skip_counted(r, 0); break;
	case 'h': skip_counted(r, 1); break;
	case 'S': skip_strings(r); break;
	case 'O': skip_optional_string(r); break;
	case 'x':
	case 'b':
	case 'o': skip_rest(r, 1); break;
	case '.': skip_rest(r, 0); break;
	case 'm': skip_bitmap(r); break;
	case 'l': skip_apl(r); break;
	case 'v': skip_svcparams(r); break;
	case 'c': skip_caa_tag(r); break;
	case 'L': skip_loc(r); break;
	case 'H': skip_hip(r); break;
	case 'I': skip_ipseckey(r); break;
	case 'R': skip_amtrelay(r); break;
	case '?': skip_a6(r); break;
	default: assert(false && "a field letter without a meaning");
	}
}

int rdata_check(uint16_t type, const uint8_t *rdata, size_t len)
{
	const char *fields = rdata_fields(type);
	struct wire_reader r = wire_reader_on(rdata, len);
	struct rdata_name names[RDATA_NAMES_MAX];

	if (len > RDATA_MAX)
		return ERR_CORRUPT;
	if (!fields)
		return rrtype_rdata_names(type, rdata, len, names) < 0 ? ERR_CORRUPT : 0;
	for (; *fields; fields++)
		skip_field(&r, *fields);
	return r.ok && wire_left(&r) == 0 ? 0 : ERR_CORRUPT;
}
