#include "perf/queries.h"

#include <string.h>

#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	HOT_NAMES = 100,
	EDNS_SIZE = 1232,
	RANDOM_LABELS_LEAST = 2,
	RANDOM_LABELS_MOST = 12,
};

static const char *const kind_names[QUERY_KINDS] = {
	[QUERY_POSITIVE] = "positive", [QUERY_HOT] = "hot",
	[QUERY_NXDOMAIN] = "nxdomain", [QUERY_RANDOM] = "random",
	[QUERY_REFERRAL] = "referral", [QUERY_MIX] = "mix",
};

const char *query_kind_name(enum query_kind kind)
{
	return kind_names[kind];
}

bool query_kind_from_name(const char *name, enum query_kind *out)
{
	for (unsigned i = 0; i < QUERY_KINDS; i++) {
		if (strcmp(name, kind_names[i]) == 0) {
			*out = (enum query_kind)i;
			return true;
		}
	}
	return false;
}

uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

/* A letter and seven digits. */
static void write_numbered(struct wire_writer *w, char letter, uint32_t number)
{
	uint8_t digits[7];

	for (size_t i = sizeof digits; i-- > 0; number /= 10)
		digits[i] = (uint8_t)('0' + number % 10);
	wire_write8(w, 1 + sizeof digits);
	wire_write8(w, (uint8_t)letter);
	wire_write_bytes(w, digits, sizeof digits);
}

static void write_random(struct wire_writer *w, uint64_t *random, unsigned len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	uint64_t r = 0;

	wire_write8(w, (uint8_t)len);
	for (unsigned i = 0; i < len; i++) {
		if (i % 12 == 0)
			r = random_next(random);
		wire_write8(w, (uint8_t)letters[r & 31]);
		r >>= 5;
	}
}

static void write_random_labels(struct wire_writer *w, uint64_t *random)
{
	unsigned labels =
		RANDOM_LABELS_LEAST +
		random_below(random, RANDOM_LABELS_MOST - RANDOM_LABELS_LEAST + 1);

	while (labels-- > 0)
		write_random(w, random, 4 + random_below(random, 9));
}

/* Writes what stands before the apex. Gives the type asked for. */
static uint16_t write_owner(const struct query_space *s, uint64_t *random,
                            struct wire_writer *w)
{
	enum query_kind kind = s->kind;
	uint16_t type = RRTYPE_A;

	if (kind == QUERY_MIX) {
		uint32_t share = random_below(random, 10);
		kind = share < 3 ? QUERY_NXDOMAIN : QUERY_POSITIVE;
		type = share < 8 ? RRTYPE_A : RRTYPE_AAAA;
	}
	switch (kind) {
	case QUERY_NXDOMAIN: write_random(w, random, 12); break;
	case QUERY_RANDOM: write_random_labels(w, random); break;
	case QUERY_REFERRAL:
		wire_write_bytes(w, "\3www", 4);
		write_numbered(w, 'd', random_below(random, s->names));
		break;
	case QUERY_HOT: write_numbered(w, 'h', random_below(random, HOT_NAMES)); break;
	case QUERY_POSITIVE:
	case QUERY_MIX:
	case QUERY_KINDS:
	default: write_numbered(w, 'h', random_below(random, s->names)); break;
	}
	return type;
}

size_t query_make(const struct query_space *s, uint64_t *random, uint8_t *out)
{
	static const uint8_t header[12] = {[5] = 1, [11] = 1}; /* QDCOUNT, ARCOUNT */
	struct wire_writer w = wire_writer_on(out, QUERY_MAX);

	wire_write_bytes(&w, header, sizeof header);
	uint16_t type = write_owner(s, random, &w);
	if (s->zones)
		write_numbered(&w, 'z', random_below(random, s->zones));
	wire_write_bytes(&w, s->apex, name_len(s->apex, NAME_MAX_LEN));
	wire_write16(&w, type);
	wire_write16(&w, 1); /* IN */
	wire_write8(&w, 0);  /* OPT, RFC 6891 §6.1.2 */
	wire_write16(&w, RRTYPE_OPT);
	wire_write16(&w, EDNS_SIZE);
	wire_write32(&w, s->dnssec_ok ? 0x8000 : 0);
	wire_write16(&w, 0);
	assert(w.ok);
	wire_store16(out, (uint16_t)random_next(random)); /* ID */
	return wire_written(&w);
}

static void write_apex(FILE *to, const char *origin, uint32_t serial)
{
	fprintf(to,
	        "$ORIGIN %s\n"
	        "$TTL 3600\n"
	        "@ SOA ns1 hostmaster %u 7200 900 1209600 300\n"
	        "@ NS ns1\n"
	        "@ NS ns2\n"
	        "ns1 A 192.0.2.1\n"
	        "ns1 AAAA 2001:db8::1\n"
	        "ns2 A 192.0.2.2\n"
	        "ns2 AAAA 2001:db8::2\n",
	        origin, serial);
}

void zone_write_hosts(FILE *to, const char *origin, uint32_t names, uint32_t serial)
{
	write_apex(to, origin, serial);
	for (uint32_t i = 0; i < names; i++)
		fprintf(to, "h%07u A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255,
		        i & 255);
}

void zone_write_tld(FILE *to, const char *origin, uint32_t names, uint32_t serial)
{
	static const char digest[] =
		"2bb183af5f22588179a53b0a98631fad1a292118f4b6b3d7d2c3a1f0e5c6b7a8";

	write_apex(to, origin, serial);
	for (uint32_t i = 0; i < names; i++) {
		fprintf(to, "d%07u NS ns1.d%07u\n", i, i);
		fprintf(to, "d%07u NS ns2.d%07u\n", i, i);
		if (i % 5 == 0)
			fprintf(to, "d%07u DS %u 13 2 %s\n", i, i & 0xffff, digest);
		fprintf(to, "ns1.d%07u A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255,
		        i & 255);
		fprintf(to, "ns2.d%07u A 11.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255,
		        i & 255);
	}
}
