#include "control/access/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/access/grants.h"
#include "control/json_put.h"
#include "shared/err.h"
#include "shared/wire.h"

/*
 * A value, field by field in network order:
 *
 *      u8 version, 32 octets hash, u8 role, u64 created, u64 expires, u64 revoked,
 *      u8 length of label, label, u8 length of tenant, tenant, u8 grants, each as grant_write()
 *
 * The version tells a disabled key from others: a program that does not know of such keys lets
 * nobody in by them, and reads all others.
 */
enum {
	KEY_VALUE_VERSION = 1,
	KEY_VALUE_DISABLED = 2,
	KEY_VALUE_MAX = 1 + SECRET_HASH_SIZE + 1 + 3 * 8 + 1 + ACTOR_NAME_SIZE + 1 +
	                TENANT_SIZE + 1 + GRANTS_MAX * GRANT_SIZE,
};

STATIC_ASSERT(ACTOR_NAME_SIZE < 256 && TENANT_SIZE < 256, "lengths take an octet");
STATIC_ASSERT(GRANTS_MAX < 256, "the count takes an octet");

static const char use_mark = '+';

void key_fini(struct key *k)
{
	free(k->grants);
	*k = (struct key){0};
}

size_t key_encode(const struct key *k, uint8_t **out)
{
	uint8_t *bytes = malloc(KEY_VALUE_MAX);

	if (!bytes)
		abort();
	struct wire_writer w = wire_writer_on(bytes, KEY_VALUE_MAX);
	wire_write8(&w, k->disabled ? KEY_VALUE_DISABLED : KEY_VALUE_VERSION);
	wire_write_bytes(&w, k->hash, sizeof k->hash);
	wire_write8(&w, (uint8_t)k->role);
	wire_write64(&w, k->created_at);
	wire_write64(&w, k->expires_at);
	wire_write64(&w, k->revoked_at);
	wire_write_text(&w, k->label, sizeof k->label);
	wire_write_text(&w, k->tenant, sizeof k->tenant);
	wire_write8(&w, (uint8_t)k->grant_count);
	for (size_t i = 0; i < k->grant_count; i++)
		grant_write(&w, &k->grants[i]);
	assert(w.ok);
	*out = bytes;
	return wire_written(&w);
}

static int read_grants(struct wire_reader *r, struct key *k)
{
	size_t count = wire_read8(r);

	if (!r->ok || count > GRANTS_MAX)
		return ERR_CORRUPT;
	k->grants = count ? calloc(count, sizeof *k->grants) : NULL;
	if (count && !k->grants)
		abort();
	for (k->grant_count = 0; k->grant_count < count; k->grant_count++)
		TRY(grant_read(r, &k->grants[k->grant_count]));
	return wire_left(r) ? ERR_CORRUPT : 0;
}

int key_decode(const void *id, size_t id_len, const void *bytes, size_t size,
               struct key *out)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct key k = {0};
	uint8_t version = wire_read8(&r);

	if (!r.ok || id_len != sizeof k.id - 1)
		return ERR_CORRUPT;
	if (version != KEY_VALUE_VERSION && version != KEY_VALUE_DISABLED)
		return ERR_VERSION;
	k.disabled = version == KEY_VALUE_DISABLED;
	memcpy(k.id, id, id_len);
	const uint8_t *hash = wire_read_bytes(&r, sizeof k.hash);
	k.role = (enum role)wire_read8(&r);
	k.created_at = wire_read64(&r);
	k.expires_at = wire_read64(&r);
	k.revoked_at = wire_read64(&r);
	wire_read_text(&r, k.label, sizeof k.label);
	wire_read_text(&r, k.tenant, sizeof k.tenant);
	if (!r.ok || !role_name(k.role))
		return ERR_CORRUPT;
	memcpy(k.hash, hash, sizeof k.hash);
	int err = read_grants(&r, &k);
	if (err < 0) {
		key_fini(&k);
		return err;
	}
	*out = k;
	return 0;
}

void key_use_id(const char *id, char out[static KEY_USE_ID_SIZE + 1])
{
	memcpy(out, id, KEY_ID_SIZE - 1);
	out[KEY_ID_SIZE - 1] = use_mark;
	out[KEY_ID_SIZE] = '\0';
}

bool key_is_use(const void *item_key, size_t len)
{
	return len == KEY_USE_ID_SIZE &&
	       ((const char *)item_key)[KEY_USE_ID_SIZE - 1] == use_mark;
}

void key_use_encode(uint64_t used_at, uint8_t out[static KEY_USE_SIZE])
{
	struct wire_writer w = wire_writer_on(out, KEY_USE_SIZE);

	wire_write64(&w, used_at);
}

uint64_t key_use_decode(const void *bytes, size_t size)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	uint64_t used_at = wire_read64(&r);

	return r.ok ? used_at : 0;
}

bool key_works(const struct key *k, uint64_t now)
{
	return !k->revoked_at && !k->disabled && (!k->expires_at || now < k->expires_at);
}

const char *key_state(const struct key *k, uint64_t now)
{
	if (k->revoked_at)
		return "revoked";
	if (k->disabled)
		return "disabled";
	return key_works(k, now) ? "active" : "expired";
}

/* ---- shown ---- */

static json_t *time_json(uint64_t seconds)
{
	return seconds ? json_integer((json_int_t)seconds) : json_null();
}

json_t *key_json(const struct key *k, uint64_t now)
{
	json_t *o = json_object();

	json_put(o, "id", json_string(k->id));
	json_put(o, "label", json_string(k->label));
	json_put(o, "role", json_string(role_name(k->role)));
	json_put(o, "tenant", json_string(k->tenant));
	json_put(o, "state", json_string(key_state(k, now)));
	json_put(o, "created_at", time_json(k->created_at));
	json_put(o, "expires_at", time_json(k->expires_at));
	json_put(o, "revoked_at", time_json(k->revoked_at));
	json_put(o, "disabled", json_boolean(k->disabled));
	json_put(o, "used_at", time_json(k->used_at));
	json_put(o, "grants", grants_json(k->grants, k->grant_count));
	return o;
}

bool key_label_is_valid(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= ACTOR_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

bool tenant_is_valid(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                          "0123456789._-");

	return len > 0 && len < TENANT_SIZE && !text[len];
}
