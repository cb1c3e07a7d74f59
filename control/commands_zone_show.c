/*
 * "zone list" and "zone show": which zones there are, of those that the actor sees. What the store
 * says of a zone, and what the commit thread shows of it.
 */
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "shared/err.h"

/* Files of this host, and what is wrong in them, are not for actors that are confined. */
static void add_source(const struct store_zone *z, const char *error, json_t *o)
{
	bool all = !actor_is_confined(engine_job()->actor);
	json_t *source = json_string(all ? z->source : "");

	/* NULL: a path that is not UTF-8 */
	json_put(o, "source", source ? source : json_string("?"));
	if (all && error[0])
		json_put(o, "error", json_string(error));
}

static json_t *zone_json(struct engine *e, const struct store_zone *z)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();
	struct shown_failure failure = {.loaded = true};
	bool failed = shown_failed(&e->shown, z->name, &failure);
	bool loaded = z->loaded && failure.loaded;

	json_put(o, "name", json_string(name_to_text(z->name, text)));
	json_put(o, "state",
	         json_string(failed       ? "failed"
	                     : !loaded    ? "empty"
	                     : z->expired ? "expired"
	                                  : "served"));
	json_put(o, "serial", loaded ? json_number(z->serial) : json_null());
	json_put(o, "records", json_number(z->records));
	json_put(o, "rrsets", json_number(z->rrsets));
	add_source(z, failed ? failure.text : "", o);
	json_put(o, "changed_at", json_number(z->changed_at));
	return o;
}

/* "*" stands for any run of characters. */
static bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == 0;
}

struct listing {
	struct engine *e;
	const struct actor *who;
	const char *match;
	json_t *zones;
};

static int list_zone(const struct store_zone *z, void *arg)
{
	struct listing *l = arg;
	char text[NAME_TEXT_MAX];

	if (!actor_sees(l->who, z->name, z->attrs.tenant))
		return 0;
	if (!l->match || glob_match(l->match, name_to_text(z->name, text)))
		json_array_append_new(l->zones, zone_json(l->e, z));
	return 0;
}

enum engine_outcome command_zone_list(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct listing l = {
		.e = e,
		.who = engine_job()->actor,
		.match = json_string_value(json_object_get(args, "match")),
		.zones = json_array(),
	};
	struct store_txn *t;

	json_put(result, "zones", l.zones);
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_zone_each(t, NULL, list_zone, &l);
		store_abort(&t);
	}
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return ENGINE_OK;
}

/* Commit thread: how a zone denies is the compiler's knowledge. */
enum engine_outcome command_zone_show(struct engine *e, const json_t *args,
                                      json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct store_zone stored;

	if (bad != ENGINE_OK)
		return bad;
	int err = engine_look_up_zone(e, name, &stored);
	const struct zone *z = registry_find(e->committer.registry, name);
	if (err == ERR_NOTFOUND || (err == 0 && !z))
		return engine_fail(result, ENGINE_REFUSED, "no zone %s",
		                   json_string_value(json_object_get(args, "zone")));
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	json_t *o = zone_json(e, &stored);
	json_put(o, "id", json_number(z->table.id));
	json_put(o, "added", json_boolean(z->added));
	json_put(o, "denial",
	         json_string(z->table.denial == ZONE_NSEC    ? "nsec"
	                     : z->table.denial == ZONE_NSEC3 ? "nsec3"
	                                                     : "none"));
	json_object_update(result, o);
	json_decref(o);
	return ENGINE_OK;
}
