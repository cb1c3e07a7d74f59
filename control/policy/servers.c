#include "control/policy/servers.h"

#include <string.h>

#include "shared/err.h"
#include "shared/rrtype.h"

int servers_each(struct store_txn *t, const struct store_zone *z,
                 int (*fn)(const uint8_t *name, void *arg), void *arg)
{
	uint8_t name[NAME_MAX_LEN];
	struct rrset set;
	int err = store_rrset_get(t, z->id, (const uint8_t *)"", 0, RRTYPE_NS, &set);

	if (err == ERR_NOTFOUND)
		return 0;
	TRY(err);
	const uint8_t *at = rrset_first(&set);
	for (unsigned i = 0; i < set.count; i++) {
		struct rdata d = rrset_next(&at);
		if (d.len == 0 || d.len > sizeof name)
			return ERR_CORRUPT;
		memcpy(name, d.bytes, d.len);
		name_fold(name, d.len);
		TRY(fn(name, arg));
	}
	return 0;
}

/* The hosted zone that a name is in. ERR_NOTFOUND. */
static int find_zone(struct store_txn *t, const uint8_t *name, struct store_zone *out)
{
	for (const uint8_t *at = name;; at += *at + 1) {
		int err = store_zone_get(t, at, out);
		if (err != ERR_NOTFOUND || *at == 0)
			return err;
	}
}

static int each_address(struct store_txn *t, const struct store_zone *z,
                        const uint8_t *name, uint16_t type,
                        int (*fn)(const uint8_t address[static 16], void *arg), void *arg)
{
	uint8_t key[NAME_KEY_MAX];
	uint8_t address[16] = {[10] = 0xff, [11] = 0xff};
	size_t size = type == RRTYPE_A ? 4 : 16;
	size_t len = name_to_key(name, name_len(z->name, NAME_MAX_LEN), key);
	struct rrset set;
	int err = store_rrset_get(t, z->id, key, len, type, &set);

	if (err == ERR_NOTFOUND)
		return 0;
	TRY(err);
	const uint8_t *at = rrset_first(&set);
	for (unsigned i = 0; i < set.count; i++) {
		struct rdata d = rrset_next(&at);
		if (d.len != size)
			return ERR_CORRUPT;
		memcpy(address + sizeof address - size, d.bytes, size);
		TRY(fn(address, arg));
	}
	return 0;
}

int servers_addresses(struct store_txn *t, const uint8_t *name,
                      int (*fn)(const uint8_t address[static 16], void *arg), void *arg)
{
	struct store_zone z;

	TRY(find_zone(t, name, &z));
	TRY(each_address(t, &z, name, RRTYPE_A, fn, arg));
	return each_address(t, &z, name, RRTYPE_AAAA, fn, arg);
}
