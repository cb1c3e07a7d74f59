#include "control/tsig/stored.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "shared/err.h"
#include "shared/wire.h"

/*
 * A value, field by field in network order:
 *
 *      u8 version, u8 algorithm, u64 created, u8 length of tenant, tenant, u8 form, u16 length, secret
 *
 * The form says how the secret is put: as it is, so far. Whoever may read the store may use every key;
 * its directory is the server's alone.
 */
enum { VALUE_VERSION = 1 };
enum secret_form { SECRET_PLAIN = 0 };

STATIC_ASSERT(TENANT_SIZE < 256, "the length takes an octet");

void tsig_stored_fini(struct tsig_stored *k)
{
	OPENSSL_cleanse(k, sizeof *k);
}

static void seal_secret(struct wire_writer *w, const struct tsig_stored *k)
{
	wire_write8(w, SECRET_PLAIN);
	wire_write16(w, k->secret_len);
	wire_write_bytes(w, k->secret, k->secret_len);
}

static int open_secret(struct wire_reader *r, struct tsig_stored *k)
{
	uint8_t form = wire_read8(r);
	uint16_t len = wire_read16(r);
	const uint8_t *secret = wire_read_bytes(r, len);

	if (!secret || len > TSIG_SECRET_MAX || form != SECRET_PLAIN)
		return ERR_CORRUPT;
	k->secret_len = len;
	memcpy(k->secret, secret, len);
	return 0;
}

size_t tsig_stored_encode(const struct tsig_stored *k,
                          uint8_t out[static TSIG_STORED_MAX])
{
	struct wire_writer w = wire_writer_on(out, TSIG_STORED_MAX);

	wire_write8(&w, VALUE_VERSION);
	wire_write8(&w, (uint8_t)k->algorithm);
	wire_write64(&w, k->created_at);
	wire_write_text(&w, k->tenant, sizeof k->tenant);
	seal_secret(&w, k);
	assert(w.ok);
	return wire_written(&w);
}

static int decode_value(const void *bytes, size_t size, struct tsig_stored *k)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	uint8_t version = wire_read8(&r);
	uint8_t algorithm = wire_read8(&r);

	if (r.ok && version != VALUE_VERSION)
		return ERR_VERSION;
	k->created_at = wire_read64(&r);
	wire_read_text(&r, k->tenant, sizeof k->tenant);
	if (!r.ok || algorithm >= TSIG_ALGORITHMS)
		return ERR_CORRUPT;
	k->algorithm = (enum tsig_algorithm)algorithm;
	TRY(open_secret(&r, k));
	return wire_left(&r) ? ERR_CORRUPT : 0;
}

int tsig_stored_decode(const void *key, size_t key_len, const void *bytes, size_t size,
                       struct tsig_stored *out)
{
	struct tsig_stored k = {0};
	int len = name_from_text(key, key_len, NULL, k.name);
	int err = len < 0 ? ERR_CORRUPT : decode_value(bytes, size, &k);

	if (err == 0) {
		name_fold(k.name, (size_t)len);
		*out = k;
	}
	tsig_stored_fini(&k);
	return err;
}

int tsig_stored_key(const uint8_t *name, char out[static NAME_TEXT_MAX])
{
	uint8_t folded[NAME_MAX_LEN];
	size_t len = name_len(name, NAME_MAX_LEN);

	memcpy(folded, name, len);
	name_fold(folded, len);
	size_t text_len = strlen(name_to_text(folded, out));
	return text_len <= STORE_ITEM_KEY_MAX ? (int)text_len : ERR_TOOBIG;
}

int tsig_stored_get(struct store_txn *t, const uint8_t *name, struct tsig_stored *out)
{
	char key[NAME_TEXT_MAX];
	const void *value;
	size_t size;
	int len = tsig_stored_key(name, key);

	if (len < 0)
		return ERR_NOTFOUND;
	TRY(store_item_get(t, STORE_TSIG, key, (size_t)len, &value, &size));
	return tsig_stored_decode(key, (size_t)len, value, size, out);
}

size_t tsig_stored_without_secret(const void *bytes, size_t size,
                                  uint8_t out[static TSIG_STORED_MAX])
{
	struct tsig_stored k = {0};
	size_t len = 0;

	if (decode_value(bytes, size, &k) == 0) {
		k.secret_len = 0;
		len = tsig_stored_encode(&k, out);
	}
	tsig_stored_fini(&k);
	return len;
}

/* ---- into a set ---- */

struct adding {
	const struct tsig_keys *old;
	struct tsig_keys *to;
};

static bool is_same(const struct tsig_key *a, const struct tsig_stored *b)
{
	return !a->configured && a->algorithm == b->algorithm &&
	       strcmp(a->tenant, b->tenant) == 0 && a->secret_len == b->secret_len &&
	       CRYPTO_memcmp(a->secret, b->secret, b->secret_len) == 0;
}

/* NULL: OpenSSL does not have what it takes. */
static struct tsig_key *key_of(const struct adding *a, const struct tsig_stored *k)
{
	struct tsig_key *key = a->old ? tsig_keys_get(a->old, k->name) : NULL;
	const struct tsig_key_parts parts = {.name = k->name,
	                                     .algorithm = k->algorithm,
	                                     .secret = k->secret,
	                                     .secret_len = k->secret_len,
	                                     .tenant = k->tenant};

	if (key && is_same(key, k))
		return tsig_key_hold(key);
	return tsig_key_new(&parts, &key) == 0 ? key : NULL;
}

static int add_item(const struct store_item *item, void *arg)
{
	const struct adding *a = arg;
	struct tsig_stored k;

	TRY(tsig_stored_decode(item->key, item->key_len, item->value, item->size, &k));
	struct tsig_key *key = k.secret_len ? key_of(a, &k) : NULL;
	if (key)
		(void)tsig_keys_add(a->to, &key);
	tsig_stored_fini(&k);
	return 0;
}

int tsig_stored_add_all(struct store_txn *t, const struct tsig_keys *old,
                        struct tsig_keys *to)
{
	struct adding a = {.old = old, .to = to};

	return store_item_each(t, STORE_TSIG, "", 0, add_item, &a);
}
