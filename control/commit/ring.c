#include "control/commit/ring.h"

#include <stdlib.h>

#include "control/must.h"
#include "shared/err.h"
#include "shared/wire.h"

enum { SLOTS = 256 };

struct key_ring {
	struct sign_secrets *secrets;
	struct zone_keys *slots[SLOTS]; /* by the zone's id */
	struct zone_keys *passing;      /* as a change will leave them; or NULL */
};

struct key_ring *key_ring_new(struct sign_secrets *secrets)
{
	struct key_ring *r = must(calloc(1, sizeof *r));

	r->secrets = secrets;
	return r;
}

void key_ring_forget(struct key_ring *r)
{
	for (size_t i = 0; i < SLOTS; i++)
		zone_keys_free(&r->slots[i]);
	zone_keys_free(&r->passing);
}

void key_ring_free(struct key_ring **r)
{
	if (*r)
		key_ring_forget(*r);
	free(*r);
	*r = NULL;
}

/* Says whether a change has its own word about how a zone is signed. */
static bool is_of_signing(const struct item_change *i)
{
	return i->list == STORE_SIGNING || i->list == STORE_CRYPTOKEY;
}

static bool speaks_of(const struct change *c, uint32_t zone)
{
	for (size_t i = 0; i < c->item_count; i++) {
		const struct item_change *item = &c->items[i];
		if (is_of_signing(item) && !item->of_zone &&
		    wire_load32(item->key) == zone)
			return true;
	}
	return false;
}

int key_ring_get(struct key_ring *r, struct store_txn *t, const struct store_zone *zone,
                 const struct change *with, struct zone_keys **out,
                 char why[static ZONE_KEYS_WHY_SIZE])
{
	struct zone_keys **slot = &r->slots[zone->id % SLOTS];

	zone_keys_free(&r->passing);
	if (speaks_of(with, zone->id)) {
		TRY(zone_keys_read(t, zone, with, r->secrets, &r->passing, why));
		*out = r->passing;
		return 0;
	}
	if (!*slot || (*slot)->id != zone->id) {
		zone_keys_free(slot);
		TRY(zone_keys_read(t, zone, NULL, r->secrets, slot, why));
	}
	*out = *slot;
	return 0;
}

void key_ring_changed(struct key_ring *r, const struct change *c)
{
	for (size_t i = 0; i < c->item_count; i++) {
		const struct item_change *item = &c->items[i];
		if (is_of_signing(item) && !item->of_zone)
			zone_keys_free(&r->slots[wire_load32(item->key) % SLOTS]);
	}
}
