#include "control/sign/stored.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "control/sign/key_token.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/wire.h"

/*
 * A value, field by field in network order:
 *
 *      u8 version, u64 created, u16 length, DNSKEY RDATA, u16 length, life, u8 form, u16 length, private half
 *
 * The form says how the private half is put: sealed, or as the URI of what lies in a token.
 */
enum { VALUE_VERSION = 1 };
enum private_form { PRIVATE_SEALED = 1, PRIVATE_IN_TOKEN = 2 };

uint8_t sign_stored_algorithm(const struct sign_stored *s)
{
	return s->dnskey[3];
}

uint16_t sign_stored_flags(const struct sign_stored *s)
{
	return wire_load16(s->dnskey);
}

uint16_t sign_stored_tag(const struct sign_stored *s)
{
	return dnskey_tag(sign_stored_dnskey(s));
}

struct rdata sign_stored_dnskey(const struct sign_stored *s)
{
	return (struct rdata){.bytes = s->dnskey, .len = s->dnskey_len};
}

/* ---- sealing ---- */

/* What a seal is about, as octets: the list, the zone, the number. */
struct sealed_name {
	size_t len;
	uint8_t bytes[1 + NAME_MAX_LEN + 4];
};

static struct vault_bytes name_of(const struct sign_stored_name *n,
                                  struct sealed_name *out)
{
	struct wire_writer w = wire_writer_on(out->bytes, sizeof out->bytes);

	wire_write8(&w, STORE_CRYPTOKEY);
	wire_write_bytes(&w, n->zone, name_len(n->zone, NAME_MAX_LEN));
	wire_write32(&w, n->number);
	assert(w.ok);
	return (struct vault_bytes){out->bytes, wire_written(&w)};
}

static int seal(const struct vault *v, const struct sign_stored_name *n,
                struct vault_bytes secret, struct sign_stored *s)
{
	struct sealed_name name;

	if (secret.size + VAULT_OVERHEAD > SIGN_SEALED_MAX)
		return ERR_TOOBIG;
	TRY(vault_seal(v, name_of(n, &name), secret, s->sealed));
	s->sealed_len = (uint16_t)(secret.size + VAULT_OVERHEAD);
	return 0;
}

static int seal_key(const struct vault *v, const struct sign_stored_name *n,
                    const struct sign_key *k, struct sign_stored *s)
{
	uint8_t *pkcs8;
	size_t len;

	TRY(sign_key_encode(k, &pkcs8, &len));
	int err = seal(v, n, (struct vault_bytes){pkcs8, len}, s);
	OPENSSL_cleanse(pkcs8, len);
	free(pkcs8);
	return err == ERR_TOOBIG ? ERR_SYSTEM : err;
}

int sign_stored_seal(const struct vault *v, const struct sign_stored_name *n,
                     const struct sign_key *k, uint64_t now, struct sign_stored *out)
{
	struct sign_stored s = {.created_at = now};
	struct rdata rdata = sign_key_dnskey(k);
	const char *uri = sign_key_uri(k);

	s.dnskey_len = rdata.len;
	memcpy(s.dnskey, rdata.bytes, rdata.len);
	if (uri)
		memcpy(s.uri, uri, strlen(uri) + 1); /* as long as it may be */
	else
		TRY(seal_key(v, n, k, &s));
	*out = s;
	return 0;
}

/* Puts the key's name before what is wrong, which may stand in why already. Gives err. */
static int complain(const struct sign_stored_name *n, const struct sign_stored *s,
                    char *why, const char *what, int err)
{
	char zone[NAME_TEXT_MAX];
	char text[VAULT_WHY_SIZE];

	(void)snprintf(text, sizeof text, "key %u (tag %u) of %.128s: %.300s", n->number,
	               sign_stored_tag(s), name_to_text(n->zone, zone), what);
	memcpy(why, text, sizeof text);
	return err;
}

static int open_sealed(const struct vault *v, const struct sign_stored_name *n,
                       const struct sign_stored *s, uint8_t out[static SIGN_SEALED_MAX],
                       char *why)
{
	struct sealed_name name;
	struct vault_bytes sealed = {s->sealed, s->sealed_len};

	if (!s->sealed_len)
		return complain(n, s, why,
		                "its private half was left out of the backup that this "
		                "store comes from; it has to be imported again",
		                ERR_NOTFOUND);
	int err = vault_unseal(v, name_of(n, &name), sealed, out, why);
	return err < 0 ? complain(n, s, why, why, err) : 0;
}

static bool has_dnskey(const struct sign_stored *s, const struct sign_key *k)
{
	struct rdata rdata = sign_key_dnskey(k);

	return rdata.len == s->dnskey_len &&
	       memcmp(rdata.bytes, s->dnskey, rdata.len) == 0;
}

static int open_in_token(const struct sign_stored_name *n, const struct sign_stored *s,
                         struct sign_key **out, char *why)
{
	char what[TOKEN_WHY_SIZE];
	int err = sign_key_from_token(s->uri, sign_stored_dnskey(s), out, what);

	return err < 0 ? complain(n, s, why, what, err) : 0;
}

int sign_stored_open(const struct vault *v, const struct sign_stored_name *n,
                     const struct sign_stored *s, struct sign_key **out,
                     char why[static VAULT_WHY_SIZE])
{
	uint8_t pkcs8[SIGN_SEALED_MAX];
	struct sign_key *k = NULL;

	if (s->uri[0])
		return open_in_token(n, s, out, why);
	TRY(open_sealed(v, n, s, pkcs8, why));
	int err = sign_key_open(sign_stored_algorithm(s), sign_stored_flags(s), pkcs8,
	                        (size_t)s->sealed_len - VAULT_OVERHEAD, &k);
	OPENSSL_cleanse(pkcs8, sizeof pkcs8);
	if (err == 0 && has_dnskey(s, k)) {
		*out = k;
		return 0;
	}
	sign_key_free(&k);
	return complain(n, s, why,
	                "its private half is not that of the DNSKEY stored with it",
	                ERR_CORRUPT);
}

int sign_stored_reseal(const struct vault *v, const struct sign_stored_name *n,
                       struct sign_stored *s, char why[static VAULT_WHY_SIZE])
{
	uint8_t secret[SIGN_SEALED_MAX];
	struct vault_bytes sealed = {s->sealed, s->sealed_len};

	if (!s->sealed_len || vault_is_current(v, sealed))
		return 0;
	TRY(open_sealed(v, n, s, secret, why));
	int err = seal(
		v, n,
		(struct vault_bytes){secret, (size_t)s->sealed_len - VAULT_OVERHEAD}, s);
	OPENSSL_cleanse(secret, sizeof secret);
	if (err < 0)
		return complain(n, s, why, "OpenSSL does not seal it", err);
	return 1;
}

/* ---- values ---- */

static void write_bytes(struct wire_writer *w, const uint8_t *bytes, uint16_t len)
{
	wire_write16(w, len);
	wire_write_bytes(w, bytes, len);
}

size_t sign_stored_encode(const struct sign_stored *s,
                          uint8_t out[static SIGN_STORED_MAX])
{
	struct wire_writer w = wire_writer_on(out, SIGN_STORED_MAX);

	wire_write8(&w, VALUE_VERSION);
	wire_write64(&w, s->created_at);
	write_bytes(&w, s->dnskey, s->dnskey_len);
	write_bytes(&w, s->life, s->life_len);
	wire_write8(&w, s->uri[0] ? PRIVATE_IN_TOKEN : PRIVATE_SEALED);
	if (s->uri[0])
		write_bytes(&w, (const uint8_t *)s->uri, (uint16_t)strlen(s->uri));
	else
		write_bytes(&w, s->sealed, s->sealed_len);
	assert(w.ok);
	return wire_written(&w);
}

static uint16_t read_bytes(struct wire_reader *r, uint8_t *to, size_t room)
{
	uint16_t len = wire_read16(r);
	const uint8_t *bytes = wire_read_bytes(r, len);

	if (!bytes || len > room) {
		r->ok = false;
		return 0;
	}
	memcpy(to, bytes, len);
	return len;
}

/* Says whether the form is one that is known. */
static bool read_private(struct wire_reader *r, struct sign_stored *s)
{
	uint8_t form = wire_read8(r);
	uint16_t len;

	switch (form) {
	case PRIVATE_SEALED:
		s->sealed_len = read_bytes(r, s->sealed, sizeof s->sealed);
		r->ok &= !s->sealed_len || s->sealed_len >= VAULT_OVERHEAD;
		return true;
	case PRIVATE_IN_TOKEN:
		len = read_bytes(r, (uint8_t *)s->uri, sizeof s->uri - 1);
		r->ok &= len > 0 && strlen(s->uri) == len;
		return true;
	default: return !r->ok;
	}
}

int sign_stored_decode(const void *bytes, size_t size, struct sign_stored *out)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct sign_stored s = {0};

	if (wire_read8(&r) != VALUE_VERSION && r.ok)
		return ERR_VERSION;
	s.created_at = wire_read64(&r);
	s.dnskey_len = read_bytes(&r, s.dnskey, sizeof s.dnskey);
	s.life_len = read_bytes(&r, s.life, sizeof s.life);
	if (!read_private(&r, &s))
		return ERR_VERSION;
	if (!r.ok || wire_left(&r) || s.dnskey_len <= DNSKEY_HEADER)
		return ERR_CORRUPT;
	*out = s;
	return 0;
}

size_t sign_stored_without_secret(const void *bytes, size_t size,
                                  uint8_t out[static SIGN_STORED_MAX])
{
	struct sign_stored s;

	if (sign_stored_decode(bytes, size, &s) < 0)
		return 0;
	s.sealed_len = 0;
	return sign_stored_encode(&s, out);
}

/* ---- in the store ---- */

struct item_key {
	uint8_t bytes[SIGN_STORED_KEY_SIZE];
};

/* Big endian, so that the order of the octets is that of the numbers. */
static struct item_key key_of(uint32_t zone, uint32_t number)
{
	struct item_key k;

	wire_store32(k.bytes, zone);
	wire_store32(k.bytes + 4, number);
	return k;
}

int sign_stored_get(struct store_txn *t, uint32_t zone, uint32_t number,
                    struct sign_stored *out)
{
	struct item_key k = key_of(zone, number);
	const void *value;
	size_t size;

	TRY(store_item_get(t, STORE_CRYPTOKEY, k.bytes, sizeof k.bytes, &value, &size));
	return sign_stored_decode(value, size, out);
}

struct each {
	int (*fn)(const struct sign_stored_item *, void *);
	void *arg;
};

static int each_item(const struct store_item *item, void *arg)
{
	const struct each *e = arg;
	struct sign_stored_item i;

	if (item->key_len != SIGN_STORED_KEY_SIZE)
		return ERR_CORRUPT;
	i.zone = wire_load32(item->key);
	i.number = wire_load32((const uint8_t *)item->key + 4);
	TRY(sign_stored_decode(item->value, item->size, &i.stored));
	return e->fn(&i, e->arg);
}

int sign_stored_each(struct store_txn *t, uint32_t zone,
                     int (*fn)(const struct sign_stored_item *, void *), void *arg)
{
	struct item_key k = key_of(zone, 0);
	struct each e = {.fn = fn, .arg = arg};

	return store_item_each(t, STORE_CRYPTOKEY, k.bytes, zone ? 4 : 0, each_item, &e);
}

static int is_sealed(const struct sign_stored_item *i, void *arg)
{
	bool *any = arg;

	*any = i->stored.sealed_len > 0;
	return *any;
}

int sign_stored_any(struct store_txn *t, bool *out)
{
	*out = false;
	int err = sign_stored_each(t, 0, is_sealed, out);
	return err < 0 ? err : 0;
}

void sign_stored_change(struct change *c, uint32_t zone, uint32_t number,
                        const struct sign_stored *s)
{
	struct item_key k = key_of(zone, number);
	uint8_t value[SIGN_STORED_MAX];
	size_t size = s ? sign_stored_encode(s, value) : 0;
	struct item_change *i = change_item(c, STORE_CRYPTOKEY, k.bytes, sizeof k.bytes,
	                                    s ? value : NULL, size);

	assert(zone || c->zone_count > 0);
	i->secret = true;
	i->of_zone = zone ? 0 : c->zone_count;
}

bool sign_stored_is_item(const struct item_change *i, uint32_t zone, uint32_t *number)
{
	struct item_key k = key_of(zone, 0);

	if (i->list != STORE_CRYPTOKEY || i->of_zone || i->key_len != sizeof k.bytes ||
	    memcmp(i->key, k.bytes, 4) != 0)
		return false;
	*number = wire_load32(i->key + 4);
	return true;
}

static int forget_item(const struct store_item *item, void *arg)
{
	struct change *c = arg;
	struct item_change *i =
		change_item(c, STORE_CRYPTOKEY, item->key, item->key_len, NULL, 0);

	i->secret = true;
	return 0;
}

int sign_stored_forget(struct change *c, struct store_txn *t, uint32_t zone)
{
	struct item_key k = key_of(zone, 0);

	return store_item_each(t, STORE_CRYPTOKEY, k.bytes, 4, forget_item, c);
}
