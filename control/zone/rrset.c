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
	struct rrset s = {.type = type, .bytes = bytes, .size = size};

	if (size < RRSET_HEADER)
		return ERR_CORRUPT;
	memcpy(&s.ttl, bytes, sizeof s.ttl);
	memcpy(&s.sig_ttl, bytes + 4, sizeof s.sig_ttl);
	memcpy(&s.count, bytes + 8, sizeof s.count);
	memcpy(&s.sig_count, bytes + 10, sizeof s.sig_count);

	unsigned n = (unsigned)s.count + s.sig_count;
	if (n == 0 || skip_records(bytes + RRSET_HEADER, bytes + size, n) != bytes + size)
		return ERR_CORRUPT;
	*out = s;
	return 0;
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
