/*
 * "catalog list" and "catalog accept": zones that say which zones there are. Who keeps them is asked on the
 * loop's thread.
 */
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "shared/err.h"

static enum engine_outcome list(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_catalogs *c = &e->catalogs;

	(void)args;
	json_put(result, "catalogs", c->list ? c->list(c->arg) : json_array());
	return ENGINE_OK;
}

enum engine_outcome command_catalog_list(struct engine *e, const json_t *args,
                                         json_t *result)
{
	(void)e;
	(void)args;
	(void)result;
	engine_continue(ON_LOOP, list);
	return ENGINE_OK;
}

static enum engine_outcome let_go(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_catalogs *c = &e->catalogs;
	struct store_zone z;
	enum engine_outcome outcome = engine_zone_wanted(e, args, result, &z);

	if (outcome != ENGINE_OK)
		return outcome;
	if (!c->accept || !c->accept(c->arg, z.id))
		return engine_fail(result, ENGINE_REFUSED,
		                   "%s is no catalog for which zones are kept",
		                   json_string_value(json_object_get(args, "zone")));
	json_put(result, "zone", json_copy(json_object_get(args, "zone")));
	return ENGINE_OK;
}

enum engine_outcome command_catalog_accept(struct engine *e, const json_t *args,
                                           json_t *result)
{
	struct store_zone z;
	enum engine_outcome outcome = engine_zone_wanted(e, args, result, &z);

	if (outcome == ENGINE_OK)
		engine_continue(ON_LOOP, let_go);
	return outcome;
}
