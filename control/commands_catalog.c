/*
 * "catalog list" and "catalog accept": zones that say which zones there are. Who keeps them is asked on the
 * loop's thread.
 */
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "shared/err.h"

enum engine_outcome command_catalog_list(struct engine *e, const json_t *args,
                                         json_t *result)
{
	const struct engine_catalogs *c = &e->catalogs;

	(void)args;
	json_put(result, "catalogs", c->list ? c->list(c->arg) : json_array());
	return ENGINE_OK;
}

static enum engine_outcome let_go(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_catalogs *c = &e->catalogs;
	const struct store_zone *z = engine_job()->state;

	if (!c->accept || !c->accept(c->arg, z->id))
		return engine_fail(result, ENGINE_REFUSED,
		                   "%s is no catalog for which zones are kept",
		                   json_string_value(json_object_get(args, "zone")));
	json_put(result, "zone", json_copy(json_object_get(args, "zone")));
	return ENGINE_OK;
}

enum engine_outcome command_catalog_accept(struct engine *e, const json_t *args,
                                           json_t *result)
{
	return engine_continue_with_zone(e, args, result, let_go);
}
