#include <string.h>

#include "control/compile/internal.h"
#include "shared/err.h"

int owner_named(struct owner *o, const struct compile_zone *z,
                const struct name_hash_key *hash_key, const uint8_t *key, size_t key_len)
{
	if (key_len > sizeof o->key)
		return ERR_CORRUPT;
	int len = name_from_key(key, key_len, z->apex, o->name);
	TRY(len);
	memmove(o->key, key, key_len);
	o->key_len = key_len;
	memset(o->name + len, 0, NAME_PAD);
	o->name_len = (uint8_t)len;
	o->labels = (uint8_t)name_labels(o->name);
	o->hash = name_hash(hash_key, o->name);
	o->count = 0;
	return 0;
}

const struct rrset *owner_set(const struct owner *o, uint16_t type)
{
	for (unsigned i = 0; i < o->count; i++)
		if (o->sets[i].type == type)
			return &o->sets[i];
	return NULL;
}

/* Collects the sets of the owner that *entry stands at and moves on to the next owner's first;
 * *found becomes ERR_NOTFOUND at the end of the zone. */
int owner_read(struct owner *o, struct store_cursor *cursor, struct store_entry *entry,
               int *found)
{
	do {
		if (o->count == OWNER_SETS_MAX)
			return ERR_TOOBIG;
		o->sets[o->count++] = entry->set;
		*found = store_cursor_next(cursor, entry);
	} while (*found == 0 && entry->key_len == o->key_len &&
	         memcmp(entry->key, o->key, o->key_len) == 0);
	return *found == 0 || *found == ERR_NOTFOUND ? 0 : *found;
}
