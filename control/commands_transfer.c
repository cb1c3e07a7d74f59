/*
 * "zone notify" and "zone transfers": who is told of zones, and who is being given them. The pool finds
 * the zone and whether whoever asks may know of it; those who do it are asked on the loop's thread.
 */
#include "control/engine_internal.h"
#include "control/json_put.h"

static enum engine_outcome notify(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_notifier *n = &e->notifier;
	struct store_zone z;
	enum engine_outcome outcome = engine_zone_wanted(e, args, result, &z);

	if (outcome != ENGINE_OK)
		return outcome;
	if (n->notify)
		n->notify(n->arg, z.id, z.name);
	json_put(result, "zone", json_copy(json_object_get(args, "zone")));
	return ENGINE_OK;
}

enum engine_outcome command_zone_notify(struct engine *e, const json_t *args,
                                        json_t *result)
{
	struct store_zone z;
	enum engine_outcome outcome = engine_zone_wanted(e, args, result, &z);

	if (outcome == ENGINE_OK)
		engine_continue(ON_LOOP, notify);
	return outcome;
}

static enum engine_outcome list(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_transfers *t = &e->transfers;
	const struct engine_notifier *n = &e->notifier;

	(void)args;
	json_put(result, "transfers", t->list ? t->list(t->arg) : json_array());
	json_put(result, "notify", n->figures ? n->figures(n->arg) : json_object());
	return ENGINE_OK;
}

enum engine_outcome command_zone_transfers(struct engine *e, const json_t *args,
                                           json_t *result)
{
	(void)e;
	(void)args;
	(void)result;
	engine_continue(ON_LOOP, list);
	return ENGINE_OK;
}
