#include "control/api/transaction.h"

#include <inttypes.h>
#include <time.h>

#include "control/api/names.h"
#include "control/api/patch.h"
#include "control/api/zone_json.h"
#include "shared/err.h"

enum { ZONES_MAX = 1000 };

static int read_name(struct store_txn *t, const json_t *object, struct change *c,
                     struct api_fault *f)
{
	const char *text = json_string_value(json_object_get(object, "name"));
	uint8_t name[NAME_MAX_LEN];
	struct store_zone zone;

	if (!text)
		return api_refuse(f, 422, "Key 'name' not present or not a String");
	TRY(api_name_read(text, name, f));
	int err = store_zone_get(t, name, &zone);
	if (err == ERR_NOTFOUND ||
	    (err == 0 && !actor_sees(c->actor, name, zone.attrs.tenant)))
		return api_refuse(f, 404, "There is no zone '%s'", text);
	TRY(err);
	(void)change_zone(c, ZONE_EDIT, name);
	return 0;
}

static int read_zone(struct store_txn *t, const json_t *object, struct change *c,
                     struct api_fault *f)
{
	int err = read_name(t, object, c, f);

	if (err < 0) {
		(void)api_fault_within(f, "name");
		return err;
	}
	return patch_read(object, PATCH_CHANGES, c, (uint64_t)time(NULL), f);
}

int transaction_read(struct store_txn *t, const json_t *object, struct change *c,
                     struct api_fault *f)
{
	const json_t *zones = json_object_get(object, "zones");
	size_t i;
	const json_t *zone;

	if (json_array_size(zones) == 0 || json_array_size(zones) > ZONES_MAX) {
		(void)api_refuse(f, 422, "'zones' must be a list of 1 to %d", ZONES_MAX);
		return api_fault_within(f, "zones");
	}
	json_array_foreach(zones, i, zone)
	{
		int err = read_zone(t, zone, c, f);
		if (err < 0) {
			(void)api_fault_within(f, "zones[%zu]", i);
			api_fault_in_zone(
				f, json_string_value(json_object_get(zone, "name")));
			return err;
		}
	}
	return 0;
}

void transaction_refuse(const struct change *c, const struct change_result *r,
                        struct api_fault *f)
{
	int zone = c->zone_count == 1 ? 0 : -1;
	char name[NAME_TEXT_MAX];

	if (r->err == ERR_REFUSED) {
		(void)patch_refuse(c, r, f);
		zone = r->problem_count ? r->problems[0].zone : -1;
	} else {
		(void)api_refuse_for(f, r->err);
	}
	if (zone < 0)
		return;
	(void)api_fault_within(f, "zones[%d]", zone);
	api_fault_in_zone(f, name_to_text(c->zones[zone].name, name));
}

void transaction_write_zones(FILE *to, const struct change_result *r)
{
	char name[NAME_TEXT_MAX];

	(void)putc('[', to);
	for (size_t i = 0; i < r->zone_count; i++) {
		const struct zone_result *z = &r->zones[i];
		(void)fprintf(to, "%s{\"changed\": %s, \"name\": ", i ? ", " : "",
		              z->changed ? "true" : "false");
		zone_json_text(to, name_to_text(z->name, name));
		(void)fprintf(
			to, ", \"new_serial\": %" PRIu32 ", \"old_serial\": %" PRIu32 "}",
			z->new_serial, z->old_serial);
	}
	(void)putc(']', to);
}
