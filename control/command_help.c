/* What commands share: how they refuse, and what they read of their arguments. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/access/keys.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/must.h"
#include "shared/err.h"

enum { WAIT_DEFAULT_MS = 5000 };

/* ---- results ---- */

enum engine_outcome engine_fail(json_t *result, enum engine_outcome outcome,
                                const char *format, ...)
{
	va_list args;

	va_start(args, format);
	json_put(result, "error", json_vsprintf(format, args));
	va_end(args);
	return outcome;
}

static const char *reason_of(int err)
{
	switch (err) {
	case ERR_NOTFOUND: return "not-found";
	case ERR_DENIED: return "denied";
	case ERR_EXISTS: return "exists";
	case ERR_BUSY: return "in-use";
	default: return NULL;
	}
}

enum engine_outcome engine_refuse(json_t *result, int err, const char *format, ...)
{
	const char *reason = reason_of(err);
	va_list args;

	va_start(args, format);
	json_put(result, "error", json_vsprintf(format, args));
	va_end(args);
	if (reason)
		json_put(result, "reason", json_string(reason));
	return ENGINE_REFUSED;
}

/* ---- zones ---- */

enum engine_outcome engine_refuse_grants(json_t *result)
{
	const struct actor *a = engine_job()->actor;

	return a->grant_count == 0
	               ? ENGINE_OK
	               : engine_refuse(result, ERR_DENIED,
	                               "%s is confined by grants and may not do that",
	                               a->name);
}

enum engine_outcome engine_zone_arg(const json_t *args, json_t *result,
                                    uint8_t name[static NAME_MAX_LEN])
{
	const char *text = json_string_value(json_object_get(args, "zone"));

	if (!text)
		return engine_fail(result, ENGINE_USAGE, "\"zone\" is missing");
	int len = name_read(text, name);
	if (len < 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"%s\" is not a domain name: %s", text,
		                   err_text(len));
	return ENGINE_OK;
}

int engine_find_zone(struct store_txn *t, const uint8_t *name, struct store_zone *out)
{
	struct store_zone z;

	TRY(store_zone_get(t, name, &z));
	if (!actor_sees(engine_job()->actor, name, z.attrs.tenant))
		return ERR_NOTFOUND;
	*out = z;
	return 0;
}

int engine_look_up_zone(struct engine *e, const uint8_t *name, struct store_zone *out)
{
	struct store_txn *t;

	TRY(store_begin_read(e->committer.store, &t));
	int err = engine_find_zone(t, name, out);
	store_abort(&t);
	return err;
}

enum engine_outcome engine_zone_wanted(struct engine *e, const json_t *args,
                                       json_t *result, struct store_zone *out)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome outcome = engine_zone_arg(args, result, name);

	if (outcome != ENGINE_OK)
		return outcome;
	int err = engine_look_up_zone(e, name, out);
	if (err == ERR_NOTFOUND)
		return engine_refuse(result, err, "no zone %s",
		                     json_string_value(json_object_get(args, "zone")));
	if (err < 0)
		return engine_refuse(result, err, "%s", err_text(err));
	return ENGINE_OK;
}

enum engine_outcome engine_continue_with_zone(struct engine *e, const json_t *args,
                                              json_t *result, engine_command *part)
{
	struct job *j = engine_job();
	struct store_zone *z = must(malloc(sizeof *z));
	enum engine_outcome outcome = engine_zone_wanted(e, args, result, z);

	if (outcome == ENGINE_OK)
		engine_continue(ON_LOOP, part);
	j->state = z;
	j->state_free = free;
	return outcome;
}

enum engine_outcome engine_tenant_of_key(const json_t *args, json_t *result,
                                         char tenant[static TENANT_SIZE])
{
	const struct actor *a = engine_job()->actor;
	const json_t *value = json_object_get(args, "tenant");
	const char *text = value ? json_string_value(value) : a->tenant;

	if (!text || (text[0] && !tenant_is_valid(text)))
		return engine_fail(
			result, ENGINE_USAGE,
			"\"tenant\" must be a word of letters, digits, '.', '_' "
			"and '-', up to %d of them",
			TENANT_SIZE - 1);
	if (a->tenant[0] && strcmp(a->tenant, text) != 0)
		return engine_refuse(result, ERR_DENIED,
		                     "%s may keep keys of the tenant %s only", a->name,
		                     a->tenant);
	memcpy(tenant, text, strlen(text) + 1);
	return ENGINE_OK;
}

/* ---- changes ---- */

enum engine_outcome engine_commit(struct engine *e, struct change **c, json_t *result)
{
	struct change_result changed;
	struct commit_item item = {*c, &changed};

	(void)commit_group(&e->committer, &item, 1);
	int err = changed.err;
	if (err == 0)
		json_put(result, "change",
		         changed.seq ? json_number(changed.seq) : json_null());
	change_free(c);
	return err < 0 ? engine_refuse(result, err, "%s", err_text(err)) : ENGINE_OK;
}

void engine_read_wait(const json_t *args, bool *waits, unsigned *timeout_ms)
{
	const json_t *wait = json_object_get(args, "wait");
	const json_t *timeout = json_object_get(args, "timeout_ms");

	*waits = !wait || json_is_true(wait);
	*timeout_ms = timeout ? (unsigned)json_integer_value(timeout) : WAIT_DEFAULT_MS;
}

struct change *engine_change_new(const json_t *args)
{
	const struct job *j = engine_job();
	struct change *c = change_new(j->actor);

	c->why = change_text(c, j->name);
	c->dry_run = json_is_true(json_object_get(args, "dry_run"));
	engine_read_wait(args, &c->wait_visible, &c->timeout_ms);
	return c;
}
