#include "control/wire/opt.h"

#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { DNSSEC_OK = 0x8000 };

static int read_expire(struct message_opt *o, const uint8_t *value, uint16_t len)
{
	if (len != 0 && len != 4)
		return ERR_CORRUPT;
	o->expire_asked = len == 0;
	o->has_expire = len == 4;
	o->expire = len ? wire_load32(value) : 0;
	return 0;
}

static int read_ede(struct message_opt *o, const uint8_t *value, uint16_t len)
{
	if (len < 2)
		return ERR_CORRUPT;
	o->has_ede = true;
	o->ede = wire_load16(value);
	return 0;
}

int opt_read(const struct message_record *r, struct message_opt *out)
{
	struct message_opt o = {
		.there = true,
		.dnssec_ok = r->ttl & DNSSEC_OK,
		.version = (uint8_t)(r->ttl >> 16),
		.rcode_high = (uint8_t)(r->ttl >> 24),
		.udp_size = r->rrclass,
	};
	struct wire_reader in = wire_reader_on(r->rdata, r->rdata_len);

	if (r->owner_len != 1 || r->type != RRTYPE_OPT)
		return ERR_CORRUPT;
	while (in.ok && wire_left(&in)) {
		uint16_t code = wire_read16(&in);
		uint16_t len = wire_read16(&in);
		const uint8_t *value = wire_read_bytes(&in, len);
		if (value && code == OPTION_EXPIRE)
			TRY(read_expire(&o, value, len));
		else if (value && code == OPTION_EDE)
			TRY(read_ede(&o, value, len));
	}
	if (!in.ok)
		return ERR_CORRUPT;
	*out = o;
	return 0;
}

uint16_t opt_write(const struct message_opt *o, uint8_t out[static OPT_SIZE_MAX])
{
	struct wire_writer to = wire_writer_on(out, OPT_SIZE_MAX);

	wire_write8(&to, 0);
	wire_write16(&to, RRTYPE_OPT);
	wire_write16(&to, o->udp_size);
	wire_write8(&to, o->rcode_high);
	wire_write8(&to, o->version);
	wire_write16(&to, o->dnssec_ok ? DNSSEC_OK : 0);
	uint8_t *size = wire_write_room(&to, 2);
	if (o->has_expire || o->expire_asked) {
		wire_write16(&to, OPTION_EXPIRE);
		wire_write16(&to, o->has_expire ? 4 : 0);
	}
	if (o->has_expire)
		wire_write32(&to, o->expire);
	if (o->has_ede) {
		wire_write16(&to, OPTION_EDE);
		wire_write16(&to, 2);
		wire_write16(&to, o->ede);
	}
	wire_store16(size, (uint16_t)(wire_written(&to) - OPT_FIXED));
	return (uint16_t)wire_written(&to);
}
