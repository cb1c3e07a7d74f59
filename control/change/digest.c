#include "control/change/digest.h"

#include "control/change/walk.h"
#include "control/zone/zonemd.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static int put_sets(struct view_walk *w, struct zonemd *z)
{
	const uint8_t *key;
	size_t key_len;
	struct view_set s;
	int err;

	TRY(view_walk_to(w, (const uint8_t *)"", 0));
	while ((err = view_walk_peek(w, &key, &key_len, &s)) == 0) {
		if (s.set.size)
			zonemd_set(z, key, key_len, &s.set);
		TRY(view_walk_step(w));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* What was lent is lent until the transaction ends, or writes. */
static int walk_view(const struct zonemd_zone *zone, struct zonemd *z)
{
	struct view_walk w = {.view = zone->arg};

	TRY(store_cursor_open(w.view->txn, w.view->zone->id, &w.cursor));
	int err = put_sets(&w, z);
	store_cursor_close(&w.cursor);
	return err;
}

static int apex_set(const struct change_view *v, uint16_t type, struct rrset *out)
{
	int err = change_view_get(v, (const uint8_t *)"", 0, type, out);

	if (err == ERR_NOTFOUND)
		*out = (struct rrset){.type = type};
	return err == ERR_NOTFOUND ? 0 : err;
}

static int zone_of(const struct change_view *v, struct zonemd_zone *out)
{
	*out = (struct zonemd_zone){
		.apex = v->zone->name, .file = "", .walk = walk_view, .arg = v};
	TRY(apex_set(v, RRTYPE_SOA, &out->soa));
	return apex_set(v, RRTYPE_ZONEMD, &out->zonemd);
}

int digest_check(const struct change_view *v, struct diag *diag)
{
	struct zonemd_zone zone;

	TRY(zone_of(v, &zone));
	return zonemd_check_zone(&zone, diag);
}

int digest_make(struct change_view *v, struct contents_arena *a)
{
	uint8_t blob[ZONEMD_BLOB_SIZE];
	struct zonemd_zone zone;
	const struct overlay_set made = {.key = (const uint8_t *)"",
	                                 .type = RRTYPE_ZONEMD,
	                                 .blob = blob,
	                                 .size = sizeof blob,
	                                 .edit = -1};

	TRY(zone_of(v, &zone));
	TRY(zonemd_make(&zone, blob));
	return change_view_set(v, a, &made);
}
