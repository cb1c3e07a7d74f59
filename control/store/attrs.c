/*
 * Attributes of zones as bytes: u16 number, u16 length, value, for each that is not zero. The
 * numbers are those of enum zone_attr and stay what they are for ever; what is a number or a flag in
 * memory is one octet here.
 */
#include <assert.h>
#include <string.h>

#include "control/store/store.h"
#include "shared/err.h"
#include "shared/wire.h"

struct attr {
	size_t at; /* in struct zone_attrs */
	size_t size;
	unsigned most; /* of a number; 0: it is a text */
	bool flag;
};

#define TEXT(member)                                          \
	{                                                     \
		.at = offsetof(struct zone_attrs, member),    \
		.size = sizeof((struct zone_attrs){0}.member) \
	}
#define NUMBER(member, last)                                                  \
	{                                                                     \
		.at = offsetof(struct zone_attrs, member),                    \
		.size = sizeof((struct zone_attrs){0}.member), .most = (last) \
	}
#define FLAG(member)                                                             \
	{                                                                        \
		.at = offsetof(struct zone_attrs, member), .size = sizeof(bool), \
		.most = 1, .flag = true                                          \
	}

static const struct attr attrs[ZONE_ATTRS] = {
	[ATTR_KIND] = NUMBER(kind, ZONE_KIND_CONSUMER),
	[ATTR_SERIAL] = NUMBER(serial, SERIAL_UNIXTIME),
	[ATTR_TENANT] = TEXT(tenant),
	[ATTR_ACCOUNT] = TEXT(account),
	[ATTR_CATALOG] = TEXT(catalog),
	[ATTR_SOA_EDIT] = TEXT(soa_edit),
	[ATTR_SOA_EDIT_API] = TEXT(soa_edit_api),
	[ATTR_MASTERS] = TEXT(masters),
	[ATTR_RECTIFY] = FLAG(api_rectify),
	[ATTR_NSEC3PARAM] = TEXT(nsec3param),
	[ATTR_NSEC3NARROW] = FLAG(nsec3narrow),
	[ATTR_TEMPLATE] = TEXT(template_name),
	[ATTR_GROUP] = TEXT(group),
	[ATTR_MEMBER] = TEXT(member),
	[ATTR_ZONEMD] = NUMBER(zonemd, ZONEMD_MAKE),
	[ATTR_CATALOG_TO] = TEXT(catalog_to),
	[ATTR_DNSSEC] = TEXT(dnssec),
};

void store_attrs_merge(struct zone_attrs *to, const struct zone_attrs *from, uint32_t set)
{
	for (unsigned i = 0; i < ZONE_ATTRS; i++)
		if (set & UINT32_C(1) << i)
			memcpy((uint8_t *)to + attrs[i].at,
			       (const uint8_t *)from + attrs[i].at, attrs[i].size);
}

static unsigned get_number(const struct attr *a, const uint8_t *at)
{
	unsigned number = 0;

	if (a->flag)
		return *at;
	assert(a->size == sizeof number);
	memcpy(&number, at, sizeof number);
	return number;
}

static void set_number(const struct attr *a, uint8_t *at, unsigned number)
{
	if (a->flag)
		*at = (uint8_t)number;
	else
		memcpy(at, &number, sizeof number);
}

static void encode_one(struct wire_writer *w, unsigned number, const uint8_t *from)
{
	const struct attr *a = &attrs[number];
	uint8_t small = a->most ? (uint8_t)get_number(a, from) : 0;
	const uint8_t *value = a->most ? &small : from;
	size_t size = a->most ? small != 0 : strnlen((const char *)from, a->size - 1);

	if (size == 0)
		return;
	wire_write16(w, (uint16_t)number);
	wire_write16(w, (uint16_t)size);
	wire_write_bytes(w, value, size);
}

size_t store_attrs_encode(const struct zone_attrs *a,
                          uint8_t bytes[static STORE_ATTRS_SIZE])
{
	struct wire_writer w = wire_writer_on(bytes, STORE_ATTRS_SIZE);

	for (unsigned i = 0; i < ZONE_ATTRS; i++)
		encode_one(&w, i, (const uint8_t *)a + attrs[i].at);
	assert(w.ok);
	return wire_written(&w);
}

static int decode_one(const struct attr *a, const uint8_t *value, size_t size,
                      uint8_t *to)
{
	if (!a->most) {
		if (size >= a->size || memchr(value, 0, size))
			return ERR_CORRUPT;
		memcpy(to, value, size);
		return 0;
	}
	if (size != 1 || value[0] > a->most)
		return ERR_CORRUPT;
	set_number(a, to, value[0]);
	return 0;
}

int store_attrs_decode(const void *bytes, size_t size, struct zone_attrs *out)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct zone_attrs a = {0};

	while (wire_left(&r) > 0) {
		unsigned number = wire_read16(&r);
		size_t len = wire_read16(&r);
		const uint8_t *value = wire_read_bytes(&r, len);

		if (!value)
			return ERR_CORRUPT;
		if (number < ZONE_ATTRS)
			TRY(decode_one(&attrs[number], value, len,
			               (uint8_t *)&a + attrs[number].at));
	}
	*out = a;
	return 0;
}
