#include "control/api/cryptokey_json.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/json_put.h"
#include "control/must.h"
#include "control/sign/ds.h"
#include "control/sign/keyfile.h"
#include "shared/wire.h"

enum { DNSKEY_HEAD = 4, BASE64_SIZE = (DNSKEY_MAX + 2) / 3 * 4 + 1 };

/* ---- what it is ---- */

/* Of curves what PowerDNS says of them. */
static unsigned bits_of(const struct life_key *k, const struct sign_algorithm_facts *a)
{
	if (k->bits || !a)
		return k->bits;
	return (a->group ? 4U : 8U) * a->public_len; /* of a point there are two halves */
}

/* A zone that is not signed has its keys in use with its signatures; those put aside are left out of that. */
static bool waits_for_zone(const struct orders *o, const struct life_key *k)
{
	return !o->is_signed && !k->retired;
}

static bool is_active(const struct orders *o, const struct life_key *k)
{
	return waits_for_zone(o, k) ||
	       (k->role & LIFE_ZSK ? life_signs(k) : life_publishes(k));
}

/* ---- records of it ---- */

static json_t *dnskey_text(struct rdata d)
{
	char key[BASE64_SIZE];

	(void)EVP_EncodeBlock((uint8_t *)key, d.bytes + DNSKEY_HEAD,
	                      (int)d.len - DNSKEY_HEAD);
	return json_sprintf("%u %u %u %s", wire_load16(d.bytes), d.bytes[2], d.bytes[3],
	                    key);
}

static json_t *ds_text(const struct orders *o, struct rdata dnskey, uint8_t digest)
{
	uint8_t ds[DS_MAX];
	char hex[2 * DS_DIGEST_MAX + 1] = "";
	int len = ds_make(o->keys->zone, dnskey, digest, ds);

	for (size_t i = 0; len > 0 && i < (size_t)len - DS_HEADER; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", ds[DS_HEADER + i]);
	return json_sprintf("%u %u %u %s", wire_load16(ds), ds[2], ds[3], hex);
}

static void put_ds(const struct orders *o, size_t key, json_t *to)
{
	struct rdata dnskey = sign_stored_dnskey(&o->keys->keys[key].stored);

	json_put(to, "ds",
	         json_pack("[o, o]", ds_text(o, dnskey, DS_SHA256),
	                   ds_text(o, dnskey, DS_SHA384)));
	if (life_wants_ds(&o->keys->lives[key]))
		json_put(to, "cds", json_pack("[o]", ds_text(o, dnskey, DS_SHA256)));
}

/* ---- all of it ---- */

json_t *cryptokey_json(const struct orders *o, size_t key)
{
	const struct sign_stored *s = &o->keys->keys[key].stored;
	const struct life_key *k = &o->keys->lives[key];
	const struct sign_algorithm_facts *a = sign_algorithm(k->algorithm);
	json_t *to = must(json_object());

	json_put(to, "active", json_boolean(is_active(o, k)));
	json_put(to, "algorithm",
	         a ? json_string(a->name) : json_sprintf("%u", k->algorithm));
	json_put(to, "bits", json_number(bits_of(k, a)));
	json_put(to, "dnskey", dnskey_text(sign_stored_dnskey(s)));
	if (life_has(k, LIFE_DS))
		put_ds(o, key, to);
	json_put(to, "flags", json_number(sign_stored_flags(s)));
	json_put(to, "id", json_number(o->keys->keys[key].number));
	json_put(to, "keytype", json_string(life_role_name(k->role)));
	json_put(to, "published",
	         json_boolean(waits_for_zone(o, k) || life_publishes(k)));
	json_put(to, "type", json_string("Cryptokey"));
	return to;
}

json_t *cryptokey_private_json(const struct orders *o, size_t key,
                               struct sign_secrets *secrets)
{
	const struct zone_key *k = &o->keys->keys[key];
	const struct sign_stored_name name = {.zone = o->keys->zone, .number = k->number};
	char why[VAULT_WHY_SIZE];
	char text[KEYFILE_TEXT_SIZE];
	struct sign_key *opened;
	const struct vault *v = sign_secrets_vault(secrets, false, why);
	json_t *out = NULL;

	if (!v || sign_stored_open(v, &name, &k->stored, &opened, why) < 0)
		return NULL;
	int len = keyfile_write_private(opened, NULL, text);
	if (len > 0)
		out = json_stringn(text, (size_t)len);
	OPENSSL_cleanse(text, sizeof text);
	sign_key_free(&opened);
	return out;
}
