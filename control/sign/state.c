#include "control/sign/state.h"

#include <assert.h>
#include <string.h>

#include "shared/err.h"
#include "shared/wire.h"

/*
 * Field by field in network order:
 *
 *      u8 version, u64 version, text policy, u8 leaving, u8 chain, u8 opt-out, u16 iterations,
 *              u32 validity, jitter, refresh, skew, of DNSKEY validity, u32 DNSKEY TTL,
 *              u8 length, salt, TTLs (life_stored.c), since version 2 u64 renew, since 3
 *              u64 bundle
 */
enum { VALUE_VERSION = 3, KEY_SIZE = 4 };

size_t sign_state_encode(const struct sign_state *s, uint8_t out[static SIGN_STATE_SIZE])
{
	struct wire_writer w = wire_writer_on(out, SIGN_STATE_SIZE);
	uint8_t ttls[LIFE_TTLS_SIZE];

	wire_write8(&w, VALUE_VERSION);
	wire_write64(&w, s->version);
	wire_write_text(&w, s->policy, sizeof s->policy);
	wire_write8(&w, s->leaving);
	wire_write8(&w, (uint8_t)s->chain.kind);
	wire_write8(&w, s->chain.opt_out);
	wire_write16(&w, s->chain.iterations);
	wire_write32(&w, s->periods.validity);
	wire_write32(&w, s->periods.jitter);
	wire_write32(&w, s->periods.refresh);
	wire_write32(&w, s->periods.skew);
	wire_write32(&w, s->dnskey_validity);
	wire_write32(&w, s->dnskey_ttl);
	wire_write8(&w, s->chain.salt_len);
	wire_write_bytes(&w, s->chain.salt, s->chain.salt_len);
	life_ttls_encode(s->ttl, ttls);
	wire_write_bytes(&w, ttls, sizeof ttls);
	wire_write64(&w, s->renew);
	wire_write64(&w, s->bundle);
	assert(w.ok);
	return wire_written(&w);
}

static void read_chain(struct wire_reader *r, struct sign_state *s)
{
	s->chain.kind = (enum chain_kind)wire_read8(r);
	s->chain.opt_out = wire_read8(r);
	s->chain.iterations = wire_read16(r);
}

static void read_periods(struct wire_reader *r, struct sign_state *s)
{
	s->periods.validity = wire_read32(r);
	s->periods.jitter = wire_read32(r);
	s->periods.refresh = wire_read32(r);
	s->periods.skew = wire_read32(r);
	s->dnskey_validity = wire_read32(r);
	s->dnskey_ttl = wire_read32(r);
}

static void read_salt(struct wire_reader *r, struct sign_state *s)
{
	s->chain.salt_len = wire_read8(r);
	const uint8_t *salt = wire_read_bytes(r, s->chain.salt_len);
	if (salt)
		memcpy(s->chain.salt, salt, s->chain.salt_len);
}

int sign_state_decode(const void *bytes, size_t size, struct sign_state *out)
{
	struct wire_reader r = wire_reader_on(bytes, size);

	uint8_t version = wire_read8(&r);

	*out = (struct sign_state){0};
	if (version < 1 || version > VALUE_VERSION)
		return r.ok ? ERR_VERSION : ERR_CORRUPT;
	out->version = wire_read64(&r);
	wire_read_text(&r, out->policy, sizeof out->policy);
	out->leaving = wire_read8(&r);
	read_chain(&r, out);
	read_periods(&r, out);
	read_salt(&r, out);
	const uint8_t *ttls = wire_read_bytes(&r, LIFE_TTLS_SIZE);
	if (version > 1)
		out->renew = wire_read64(&r);
	if (version > 2)
		out->bundle = wire_read64(&r);
	if (!r.ok || wire_left(&r) || out->chain.kind > CHAIN_NSEC3)
		return ERR_CORRUPT;
	return life_ttls_decode(ttls, LIFE_TTLS_SIZE, out->ttl);
}

int sign_state_get(struct store_txn *t, uint32_t zone, struct sign_state *out)
{
	uint8_t key[KEY_SIZE];
	const void *value;
	size_t size;

	wire_store32(key, zone);
	TRY(store_item_get(t, STORE_SIGNING, key, sizeof key, &value, &size));
	return sign_state_decode(value, size, out);
}

struct each {
	int (*fn)(uint32_t zone, const struct sign_state *, void *);
	void *arg;
};

static int give_one(const struct store_item *item, void *arg)
{
	const struct each *e = arg;
	struct sign_state s;

	if (item->key_len != KEY_SIZE)
		return ERR_CORRUPT;
	TRY(sign_state_decode(item->value, item->size, &s));
	return e->fn(wire_load32(item->key), &s, e->arg);
}

int sign_state_each(struct store_txn *t,
                    int (*fn)(uint32_t zone, const struct sign_state *, void *),
                    void *arg)
{
	struct each e = {.fn = fn, .arg = arg};

	return store_item_each(t, STORE_SIGNING, NULL, 0, give_one, &e);
}

void sign_state_change(struct change *c, uint32_t zone, const struct sign_state *s)
{
	uint8_t value[SIGN_STATE_SIZE];
	uint8_t key[KEY_SIZE];

	wire_store32(key, zone);
	(void)change_item(c, STORE_SIGNING, key, sizeof key, s ? value : NULL,
	                  s ? sign_state_encode(s, value) : 0);
}

/* Gives the last item of a change about a zone, or NULL. */
static const struct item_change *find_item(const struct change *c, uint32_t zone)
{
	uint8_t key[KEY_SIZE];

	wire_store32(key, zone);
	for (size_t i = c->item_count; i-- > 0;) {
		const struct item_change *item = &c->items[i];
		if (item->list == STORE_SIGNING && item->key_len == sizeof key &&
		    memcmp(item->key, key, sizeof key) == 0)
			return item;
	}
	return NULL;
}

int sign_state_item(const struct change *c, uint32_t zone, struct sign_state *out)
{
	const struct item_change *item = find_item(c, zone);

	return item && item->value ? sign_state_decode(item->value, item->size, out)
	                           : ERR_NOTFOUND;
}

int sign_state_after(struct store_txn *t, uint32_t zone, const struct change *c,
                     struct sign_state *out)
{
	return find_item(c, zone) ? sign_state_item(c, zone, out)
	                          : sign_state_get(t, zone, out);
}
