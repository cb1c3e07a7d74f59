/*
 * Commands that edit records: "record set", "record add" and "record del" for one RRset, "change" for
 * any number of them in one transaction. On the pool, text becomes a change; what the commit thread
 * made of it becomes the result, on the loop. Many transactions are transactions.c.
 */
#include "control/engine_internal.h"
#include "control/making.h"
#include "control/transactions.h"
#include "shared/err.h"

/* op: of the one edit that args are, or NULL: they have many. */
static enum engine_outcome make(struct engine *e, const json_t *args, json_t *result,
                                const char *op)
{
	struct job *j = engine_job();
	struct making m = {.result = result, .many = !op};

	int err = making_open(&m, e);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	m.change = engine_change_new(args);
	enum engine_outcome outcome =
		op ? making_add_edit(&m, args, op) : making_add_edits(&m, args);
	making_close(&m);
	if (outcome != ENGINE_OK) {
		change_free(&m.change);
		return outcome;
	}
	j->change = m.change;
	j->report = engine_report_change;
	return ENGINE_OK;
}

enum engine_outcome command_record_set(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return make(e, args, result, "set");
}

enum engine_outcome command_record_add(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return make(e, args, result, "add");
}

enum engine_outcome command_record_del(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return make(e, args, result, "del");
}

enum engine_outcome command_change(struct engine *e, const json_t *args, json_t *result)
{
	const json_t *list = json_object_get(args, "transactions");

	return list ? transactions_make(e, list, args, result)
	            : make(e, args, result, NULL);
}
