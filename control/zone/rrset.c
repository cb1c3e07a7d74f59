#include "control/zone/rrset.h"

#include "shared/err.h"

/* Gives where n records that start at at end, or NULL when they do not end within the blob. */
static const uint8_t *skip_records(const uint8_t *at, const uint8_t *end, unsigned n)
{
	for (; n; n--) {
		uint16_t len;

		if ((size_t)(end - at) < sizeof len)
			return NULL;
		memcpy(&len, at, sizeof len);
		at += sizeof len;
		if ((size_t)(end - at) < len)
			return NULL;
		at += len;
	}
	return at;
}

int rrset_open(uint16_t type, const void *blob, size_t size, struct rrset *out)
{
	const uint8_t *bytes = blob;
	uint32_t ttl;
	uint32_t sig_ttl;
	uint16_t count;
	uint16_t sig_count;

	if (size < RRSET_HEADER)
		return ERR_CORRUPT;
	memcpy(&ttl, bytes, sizeof ttl);
	memcpy(&sig_ttl, bytes + 4, sizeof sig_ttl);
	memcpy(&count, bytes + 8, sizeof count);
	memcpy(&sig_count, bytes + 10, sizeof sig_count);

	unsigned n = (unsigned)count + sig_count;
	if (n == 0 || skip_records(bytes + RRSET_HEADER, bytes + size, n) != bytes + size)
		return ERR_CORRUPT;
	/* One by one: a copy in wide pieces of what has just been put together waits for that. */
	out->type = type;
	out->count = count;
	out->sig_count = sig_count;
	out->ttl = ttl;
	out->sig_ttl = sig_ttl;
	out->bytes = bytes;
	out->size = size;
	return 0;
}

bool rrset_has(const struct rrset *s, struct rdata record)
{
	const uint8_t *at = s->count ? rrset_first(s) : NULL;

	for (unsigned i = 0; i < s->count; i++)
		if (rdata_same(rrset_next(&at), record))
			return true;
	return false;
}

void rrset_write_header(uint8_t *blob, const struct rrset *s)
{
	memcpy(blob, &s->ttl, sizeof s->ttl);
	memcpy(blob + 4, &s->sig_ttl, sizeof s->sig_ttl);
	memcpy(blob + 8, &s->count, sizeof s->count);
	memcpy(blob + 10, &s->sig_count, sizeof s->sig_count);
}

uint8_t *rrset_write_rdata(uint8_t *at, const uint8_t *rdata, uint16_t len)
{
	memcpy(at, &len, sizeof len);
	memcpy(at + sizeof len, rdata, len);
	return at + sizeof len + len;
}
