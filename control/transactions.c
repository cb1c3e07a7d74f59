#include "control/transactions.h"

#include <stdlib.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/making.h"
#include "control/must.h"
#include "shared/err.h"

enum { TRANSACTIONS_MAX = 1000 };

/* A command's transactions: those that can be made become changes, in order. */
struct transactions {
	struct change_chain chain;
	bool keep_going; /* behind what is refused */
	size_t count;
	size_t made;
	size_t *places;    /* of the made ones among all */
	json_t **refusals; /* of each of all, or NULL */
	size_t done;
	bool late; /* not every core was seen to serve all that was done */
	double visible_ms;
	uint64_t change, commit, generation;
};

static void transactions_free(void *state)
{
	struct transactions *t = state;

	for (size_t i = 0; i < t->count; i++)
		json_decref(t->refusals[i]);
	free(t->refusals);
	free(t->places);
	free(t);
}

static struct transactions *transactions_new(const json_t *args, size_t count)
{
	struct transactions *t = must(calloc(1, sizeof *t));

	t->places = must(calloc(count, sizeof *t->places));
	t->refusals = must(calloc(count, sizeof(json_t *)));
	t->count = count;
	t->visible_ms = -1;
	t->keep_going = json_is_true(json_object_get(args, "keep_going"));
	return t;
}

/* Makes of why it failed, which it takes, why the transaction of that place is refused. */
static void refuse_transaction(struct transactions *t, size_t place, json_t *why)
{
	json_put(why, "transaction", json_number(place));
	t->refusals[place] = why;
}

static void transaction_took(struct job *j, size_t place,
                             const struct change_result *changed,
                             enum engine_outcome outcome, json_t *result)
{
	struct transactions *t = j->state;

	if (changed->err == ERR_SKIPPED)
		return;
	if (outcome == ENGINE_REFUSED || outcome == ENGINE_USAGE) {
		refuse_transaction(t, t->places[place], json_incref(result));
		return;
	}
	t->done++;
	t->late = t->late || outcome == ENGINE_TIMED_OUT;
	if (changed->visible_ms > t->visible_ms)
		t->visible_ms = changed->visible_ms;
	if (changed->seq > t->change)
		t->change = changed->seq;
	t->commit = changed->commit;
	t->generation = changed->generation;
}

/* The refusals in order: all of them, or the first one, which is where it ended. */
static json_t *list_refusals(struct transactions *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->count; i++) {
		if (!t->refusals[i])
			continue;
		json_array_append(list, t->refusals[i]);
		if (!t->keep_going)
			break;
	}
	return list;
}

static enum engine_outcome transactions_took(struct job *j)
{
	struct transactions *t = j->state;
	json_t *refused = list_refusals(t);
	size_t count = json_array_size(refused);

	json_put(j->result, "done", json_number(t->done));
	json_put(j->result, "refused", refused);
	json_put(j->result, "skipped", json_number(t->count - t->done - count));
	json_put(j->result, "change", t->change ? json_number(t->change) : json_null());
	json_put(j->result, "commit", json_number(t->commit));
	json_put(j->result, "generation", json_number(t->generation));
	json_put(j->result, "visible_ms",
	         t->visible_ms >= 0 ? json_real(t->visible_ms) : json_null());
	if (count > 0) {
		const json_t *first = json_array_get(refused, 0);
		return engine_fail(
			j->result, ENGINE_REFUSED, "transactions[%d]: %s",
			(int)json_integer_value(json_object_get(first, "transaction")),
			json_string_value(json_object_get(first, "error")));
	}
	return t->late ? engine_fail(j->result, ENGINE_TIMED_OUT, "%s",
	                             err_text(ERR_TIMEOUT))
	               : ENGINE_OK;
}

/* Gives a transaction as a change, or NULL when it is refused. */
static struct change *make_transaction(struct making *m, struct transactions *t,
                                       size_t place, const json_t *transaction,
                                       const json_t *args)
{
	m->result = json_object();
	m->where = 0;
	m->change = engine_change_new(args);
	m->change->chain = t->keep_going ? NULL : &t->chain;
	m->change->link = place + 1;
	if (making_add_edits(m, transaction) == ENGINE_OK) {
		json_decref(m->result);
		return m->change;
	}
	json_put(m->result, "edit", json_number(m->where));
	refuse_transaction(t, place, m->result);
	change_free(&m->change);
	return NULL;
}

static struct change **make_transactions(struct making *m, struct transactions *t,
                                         const json_t *list, const json_t *args)
{
	struct change **changes = must(calloc(t->count, sizeof(struct change *)));
	json_t *transaction;
	size_t i;

	json_array_foreach(list, i, transaction)
	{
		struct change *c = make_transaction(m, t, i, transaction, args);
		if (c) {
			t->places[t->made] = i;
			changes[t->made++] = c;
		} else if (!t->keep_going) {
			break;
		}
	}
	return changes;
}

static size_t count_edits(const json_t *list)
{
	size_t count = 0;
	const json_t *transaction;
	size_t i;

	json_array_foreach(list, i, transaction) count +=
		json_array_size(json_object_get(transaction, "edits"));
	return count;
}

enum engine_outcome transactions_make(struct engine *e, const json_t *list,
                                      const json_t *args, json_t *result)
{
	struct job *j = engine_job();
	struct making m = {.many = true};

	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > TRANSACTIONS_MAX || count_edits(list) > EDITS_MAX)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"transactions\" is not an array of 1 to %d objects "
		                   "with up to %d edits in all",
		                   TRANSACTIONS_MAX, EDITS_MAX);
	int err = making_open(&m, e);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	struct transactions *t = transactions_new(args, json_array_size(list));
	j->state = t;
	j->state_free = transactions_free;
	struct change **changes = make_transactions(&m, t, list, args);
	making_close(&m);
	if (t->made > 0) {
		engine_make_changes(changes, t->made, engine_report_change,
		                    transaction_took, transactions_took);
		return ENGINE_OK;
	}
	free(changes);
	return transactions_took(j);
}
