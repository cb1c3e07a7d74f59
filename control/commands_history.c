/*
 * Commands about what a zone has been: "zone history" and "zone diff" tell it, "zone revert" brings
 * it back. Zones that whoever asks does not see are not there.
 */
#include <string.h>

#include "control/engine_internal.h"
#include "control/history/revert.h"
#include "control/history/told.h"
#include "shared/err.h"

static enum engine_outcome fail(const struct history *h, int err, json_t *result)
{
	return engine_fail(result, err == ERR_SYNTAX ? ENGINE_USAGE : ENGINE_REFUSED,
	                   "%s", history_why(h, err));
}

/* Tells one thing of a history. */
typedef int tell(struct history *h, const json_t *args, json_t *result);

static int tell_list(struct history *h, const json_t *args, json_t *result)
{
	return history_tell_list(h, args, engine_job()->actor, result);
}

static int make_revert(struct history *h, const json_t *args, json_t *result)
{
	struct job *j = engine_job();
	uint64_t version = 0;

	TRY(history_read_number(h, args, "if_version", INT64_MAX, &version));
	struct change *c = engine_change_new(args);
	change_zone(c, ZONE_EDIT, h->zone->name)->if_version = version;
	int err = revert_make(h, args, c, result);
	if (err < 0) {
		change_free(&c);
		return err;
	}
	j->change = c;
	j->report = engine_report_change;
	j->again = !version;
	return 0;
}

static enum engine_outcome with_zone(struct store_txn *t, const uint8_t *name, tell *fn,
                                     const json_t *args, json_t *result)
{
	struct store_zone z;
	struct history h = {0};

	int err = engine_find_zone(t, name, &z);
	if (err == ERR_NOTFOUND)
		return engine_fail(result, ENGINE_REFUSED, "no zone %s",
		                   json_string_value(json_object_get(args, "zone")));
	if (err == 0)
		err = history_open(t, &z, &h);
	if (err == 0)
		err = fn(&h, args, result);
	return err < 0 ? fail(&h, err, result) : ENGINE_OK;
}

static enum engine_outcome with_history(struct engine *e, tell *fn, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_txn *t;
	enum engine_outcome outcome = engine_zone_arg(args, result, name);

	if (outcome != ENGINE_OK)
		return outcome;
	int err = store_begin_read(e->committer.store, &t);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	outcome = with_zone(t, name, fn, args, result);
	store_abort(&t);
	return outcome;
}

enum engine_outcome command_zone_history(struct engine *e, const json_t *args,
                                         json_t *result)
{
	return with_history(e, tell_list, args, result);
}

enum engine_outcome command_zone_diff(struct engine *e, const json_t *args,
                                      json_t *result)
{
	return with_history(e, history_tell_difference, args, result);
}

enum engine_outcome command_zone_revert(struct engine *e, const json_t *args,
                                        json_t *result)
{
	return with_history(e, make_revert, args, result);
}
