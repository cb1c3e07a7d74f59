/*
 * "zone notify" and "zone transfers": who is told of zones, and who is being given them. The pool finds
 * the zone and whether whoever asks may know of it; those who do it are asked on the loop's thread.
 */
#include "control/engine_internal.h"
#include "control/json_put.h"

static enum engine_outcome notify(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_notifier *n = &e->notifier;
	const struct store_zone *z = engine_job()->state;

	if (n->notify)
		n->notify(n->arg, z->id, z->name);
	json_put(result, "zone", json_copy(json_object_get(args, "zone")));
	return ENGINE_OK;
}

enum engine_outcome command_zone_notify(struct engine *e, const json_t *args,
                                        json_t *result)
{
	return engine_continue_with_zone(e, args, result, notify);
}

enum engine_outcome command_zone_transfers(struct engine *e, const json_t *args,
                                           json_t *result)
{
	const struct engine_transfers *t = &e->transfers;
	const struct engine_notifier *n = &e->notifier;

	(void)args;
	json_put(result, "transfers", t->list ? t->list(t->arg) : json_array());
	json_put(result, "notify", n->figures ? n->figures(n->arg) : json_object());
	return ENGINE_OK;
}
