/*
 * "zone refresh", "zone retransfer" and "zone secondaries": what has its contents from other servers. The
 * pool finds the zone and whether whoever asks may know of it; who keeps secondaries is asked on the
 * loop's thread.
 */
#include "control/engine_internal.h"
#include "control/json_put.h"

enum { LISTED_DEFAULT = 1000, LISTED_MAX = 100000 };

static bool is_set(const json_t *args, const char *name)
{
	return json_is_true(json_object_get(args, name));
}

static enum engine_outcome look_at(struct engine *e, const json_t *args, json_t *result,
                                   bool transfer)
{
	const struct engine_secondaries *s = &e->secondaries;
	const struct store_zone *z = engine_job()->state;

	if (!s->refresh ||
	    !s->refresh(s->arg, z->id, transfer, is_set(args, "serial_may_fall")))
		return engine_fail(result, ENGINE_REFUSED, "%s is no secondary",
		                   json_string_value(json_object_get(args, "zone")));
	json_put(result, "zone", json_copy(json_object_get(args, "zone")));
	return ENGINE_OK;
}

static enum engine_outcome refresh(struct engine *e, const json_t *args, json_t *result)
{
	return look_at(e, args, result, false);
}

static enum engine_outcome retransfer(struct engine *e, const json_t *args,
                                      json_t *result)
{
	return look_at(e, args, result, true);
}

enum engine_outcome command_zone_refresh(struct engine *e, const json_t *args,
                                         json_t *result)
{
	return engine_continue_with_zone(e, args, result, refresh);
}

enum engine_outcome command_zone_retransfer(struct engine *e, const json_t *args,
                                            json_t *result)
{
	return engine_continue_with_zone(e, args, result, retransfer);
}

enum engine_outcome command_zone_secondaries(struct engine *e, const json_t *args,
                                             json_t *result)
{
	const struct engine_secondaries *s = &e->secondaries;
	json_int_t most = json_integer_value(json_object_get(args, "limit"));
	struct store_zone z = {0};

	if (json_object_get(args, "zone")) {
		enum engine_outcome outcome = engine_zone_wanted(e, args, result, &z);
		if (outcome != ENGINE_OK)
			return outcome;
	}
	if (most <= 0 || most > LISTED_MAX)
		most = LISTED_DEFAULT;
	json_put(result, "secondaries",
	         s->list ? s->list(s->arg, z.id, (size_t)most) : json_array());
	return ENGINE_OK;
}
