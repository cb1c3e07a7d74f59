#include "perf/loadgen/queryset.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/rrtype.h"

enum {
	CLASS_IN = 1,
	FRAME_MAX = FRAME_HEADERS_MAX + QUERYSET_DNS_MAX + 2 * FRAME_COPY,
	DNSSEC_OK = 0x8000, /* RFC 3225 §3, in the OPT record's TTL */
};

size_t queryset_write_dns(const struct question *q, bool edns, bool dnssec_ok,
                          uint8_t out[static QUERYSET_DNS_MAX])
{
	const uint8_t header[FRAME_DNS_HEADER] = {
		[5] = 1, [11] = edns}; /* QDCOUNT, ARCOUNT */
	struct wire_writer w = wire_writer_on(out, QUERYSET_DNS_MAX);

	wire_write_bytes(&w, header, sizeof header);
	wire_write_bytes(&w, q->name, q->name_len);
	wire_write16(&w, q->type);
	wire_write16(&w, CLASS_IN);
	if (edns) { /* RFC 6891 §6.1.2 */
		wire_write8(&w, 0);
		wire_write16(&w, RRTYPE_OPT);
		wire_write16(&w, QUERYSET_EDNS_SIZE);
		wire_write32(&w, dnssec_ok ? DNSSEC_OK : 0);
		wire_write16(&w, 0);
	}
	assert(w.ok);
	return wire_written(&w);
}

/* Writes the next frame at out, which has room for FRAME_MAX. Gives the DNS query's size, 0 when
 * there is no question. */
static size_t make_frame(const struct queryset_options *o, struct question_source *source,
                         uint64_t *random, struct frame *out)
{
	uint8_t dns[QUERYSET_DNS_MAX];
	struct question q;

	if (!question_next(source, random, &q))
		return 0;
	bool edns = question_random_share(random) < o->edns;
	bool dnssec_ok = edns && question_random_share(random) < o->dnssec_ok;
	if (q.has_flags) {
		edns = q.edns;
		dnssec_ok = q.dnssec_ok;
	}
	bool ipv6 = question_random_share(random) < o->ipv6;
	uint32_t from = (uint32_t)(question_random_share(random) * o->ends.sources);
	size_t len = queryset_write_dns(&q, edns, dnssec_ok, dns);
	frame_build(out, &o->ends, ipv6, from, dns, len);
	return len;
}

static void grow(struct queryset *set, size_t *capacity)
{
	*capacity = *capacity ? 2 * *capacity : (size_t)1 << 20;
	set->bytes = realloc(set->bytes, *capacity);
	if (!set->bytes)
		abort();
}

static bool fill(struct queryset *set, const struct queryset_options *o,
                 struct question_source *source, size_t count)
{
	uint64_t random = o->seed;
	size_t capacity = 0;

	for (; set->count < count; set->count++) {
		if (capacity - set->size < FRAME_MAX)
			grow(set, &capacity);
		struct frame *f = (void *)(set->bytes + set->size);
		size_t dns = make_frame(o, source, &random, f);
		if (dns == 0)
			return false;
		set->dns_bytes += dns;
		set->size += queryset_stride(f);
	}
	return true;
}

bool queryset_make(struct queryset *set, const struct queryset_options *o,
                   char why[static WHY_MAX])
{
	struct question_source *source = question_open(&o->questions, why);

	if (!source)
		return false;
	*set = (struct queryset){.bytes = NULL};
	size_t count = o->count ? o->count : question_count(source);
	bool ok = fill(set, o, source, count < QUERYSET_MAX ? count : QUERYSET_MAX);
	if (!ok) {
		(void)snprintf(why, WHY_MAX,
		               "no room for a random label in one of the names");
		queryset_fini(set);
	}
	question_close(&source);
	return ok;
}

void queryset_fini(struct queryset *set)
{
	free(set->bytes);
	*set = (struct queryset){.bytes = NULL};
}
