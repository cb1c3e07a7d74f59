/*
 * Commands that edit records: "record set", "record add" and "record del" for one RRset, "change"
 * for any number of them in one transaction. On the pool, text becomes a change; what the commit
 * thread made of it becomes the result, on the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/zone/entry.h"
#include "control/zone/rdata_text.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { TTL_DEFAULT = 3600, TTL_MAX = INT32_MAX, EDITS_MAX = 20000 };

static const uint8_t root[] = {0};

/* A change being made from a command's arguments. */
struct making {
	struct engine *engine;
	struct store_txn *txn;
	struct change *change;
	struct rdata_text *text;
	json_t *result;
	size_t where; /* index of the edit */
	bool many;    /* it is told which one is wrong */
};

static enum engine_outcome usage(struct making *m, const char *what, const char *text)
{
	if (m->many)
		return engine_fail(m->result, ENGINE_USAGE, "edits[%zu]: %s%s%s",
		                   m->where, what, text ? ": " : "", text ? text : "");
	return engine_fail(m->result, ENGINE_USAGE, "%s%s%s", what, text ? ": " : "",
	                   text ? text : "");
}

/* ---- names ---- */

static enum engine_outcome read_name(struct making *m, const json_t *edit,
                                     const char *key, const uint8_t *origin,
                                     uint8_t name[static NAME_MAX_LEN])
{
	const json_t *value = json_object_get(edit, key);
	const char *text = json_string_value(value);

	if (!text)
		return usage(m, key, "a name is needed here");
	bool apex = strcmp(text, "@") == 0;
	int len = name_from_text(apex ? "" : text, apex ? 0 : json_string_length(value),
	                         origin, name);
	if (apex) {
		len = (int)name_len(origin, NAME_MAX_LEN);
		memcpy(name, origin, (size_t)len);
	}
	if (len < 0)
		return usage(m, text, "not a domain name");
	name_fold(name, (size_t)len);
	return ENGINE_OK;
}

/* The zone with the longest name at or above owner. */
static bool find_zone(struct making *m, const uint8_t *owner,
                      uint8_t zone[static NAME_MAX_LEN])
{
	struct store_zone found;

	for (const uint8_t *at = owner;; at += *at + 1) {
		memcpy(zone, at, name_len(at, NAME_MAX_LEN));
		if (store_zone_get(m->txn, zone, &found) == 0)
			return true;
		if (*at == 0)
			return false;
	}
}

/* "zone", if it is given, is where names begin, too. */
static enum engine_outcome read_names(struct making *m, const json_t *edit,
                                      uint8_t zone[static NAME_MAX_LEN],
                                      uint8_t origin[static NAME_MAX_LEN],
                                      uint8_t owner[static NAME_MAX_LEN])
{
	enum engine_outcome outcome = ENGINE_OK;
	bool given = json_object_get(edit, "zone");

	origin[0] = 0;
	if (given)
		outcome = read_name(m, edit, "zone", root, origin);
	if (outcome == ENGINE_OK)
		outcome = read_name(m, edit, "name", origin, owner);
	if (outcome != ENGINE_OK)
		return outcome;
	if (given)
		memcpy(zone, origin, NAME_MAX_LEN);
	else if (!find_zone(m, owner, zone))
		return engine_fail(m->result, ENGINE_REFUSED,
		                   "no zone here holds the name %s",
		                   json_string_value(json_object_get(edit, "name")));
	return ENGINE_OK;
}

/* ---- records ---- */

/* One entry of zone text, and nothing behind it. */
static int read_rdata(struct rdata_text *x, uint16_t type, const json_t *text,
                      const uint8_t *origin)
{
	struct entry_source source =
		entry_source_on(json_string_value(text), json_string_length(text));
	struct entry entry = {0};
	struct entry rest = {0};
	struct entry_error error = {0};

	x->reason[0] = 0;
	int found = entry_next(&source, &entry, &error);
	int more = found == 1 ? entry_next(&source, &rest, &error) : 0;
	int err = found == 1 && more == 0
	                  ? rdata_from_text(x, type, entry.tokens, entry.count, origin)
	                  : ERR_SYNTAX;
	if (error.reason)
		(void)snprintf(x->reason, sizeof x->reason, "%s", error.reason);
	else if (err < 0 && !x->reason[0])
		(void)snprintf(x->reason, sizeof x->reason, "%s",
		               found == 1 ? "more than one record" : "no record");
	entry_fini(&entry);
	entry_fini(&rest);
	return err;
}

static enum engine_outcome add_record(struct making *m, struct edit *e,
                                      const json_t *text, const uint8_t *origin)
{
	char type[RRTYPE_TEXT_MAX];

	if (!json_is_string(text))
		return usage(m, "\"rdata\" is not an array of strings", NULL);
	int err = read_rdata(m->text, e->type, text, origin);
	if (err < 0) {
		rrtype_to_text(e->type, type);
		return usage(m, type, m->text->reason);
	}
	err = change_edit_record(m->change, e, m->text->bytes, m->text->len, false);
	if (err < 0)
		return usage(m, json_string_value(text), err_text(err));
	return ENGINE_OK;
}

static enum engine_outcome add_records(struct making *m, struct edit *e,
                                       const json_t *rdata, const uint8_t *origin)
{
	size_t i;
	json_t *text;

	json_array_foreach(rdata, i, text)
	{
		enum engine_outcome bad = add_record(m, e, text, origin);
		if (bad != ENGINE_OK)
			return bad;
	}
	return ENGINE_OK;
}

/* ---- edits ---- */

static bool read_kind(const char *op, bool records, enum edit_kind *out)
{
	if (op && strcmp(op, "set") == 0)
		*out = EDIT_REPLACE;
	else if (op && strcmp(op, "add") == 0)
		*out = EDIT_EXTEND;
	else if (op && strcmp(op, "del") == 0)
		*out = records ? EDIT_PRUNE : EDIT_DELETE;
	else
		return false;
	return true;
}

static struct zone_change *zone_of(struct change *c, const uint8_t *name)
{
	for (size_t i = c->zone_count; i > 0; i--)
		if (name_equal(c->zones[i - 1].name, name))
			return &c->zones[i - 1];
	return change_zone(c, ZONE_EDIT, name);
}

static enum engine_outcome read_type(struct making *m, const json_t *edit, uint16_t *out)
{
	const json_t *value = json_object_get(edit, "type");

	if (!json_is_string(value))
		return usage(m, "\"type\" is missing", NULL);
	int type = rrtype_from_text(json_string_value(value), json_string_length(value));
	if (type <= 0 || rrtype_is_meta((uint16_t)type))
		return usage(m, json_string_value(value),
		             "not a type that a zone can hold");
	*out = (uint16_t)type;
	return ENGINE_OK;
}

static enum engine_outcome read_ttl(struct making *m, const json_t *edit,
                                    struct edit *out)
{
	const json_t *ttl = json_object_get(edit, "ttl");
	json_int_t value = json_integer_value(ttl);

	out->keep_ttl = !ttl;
	out->ttl = TTL_DEFAULT;
	if (!ttl)
		return ENGINE_OK;
	if (!json_is_integer(ttl) || value < 0 || value > TTL_MAX)
		return usage(m, "\"ttl\" is not a number of seconds up to 2147483647",
		             NULL);
	out->ttl = (uint32_t)value;
	return ENGINE_OK;
}

static enum engine_outcome add_edit(struct making *m, const json_t *edit, const char *op)
{
	uint8_t zone[NAME_MAX_LEN];
	uint8_t origin[NAME_MAX_LEN];
	uint8_t owner[NAME_MAX_LEN] = {0};
	const json_t *rdata = json_object_get(edit, "rdata");
	enum edit_kind kind;
	uint16_t type = 0;

	if (rdata && !json_is_array(rdata))
		return usage(m, "\"rdata\" is not an array of strings", NULL);
	if (!read_kind(op, json_array_size(rdata) > 0, &kind))
		return usage(m, "\"op\" is none of set, add, del", NULL);
	if (json_array_size(rdata) == 0 && kind != EDIT_DELETE)
		return usage(m, "\"rdata\" is missing", NULL);
	enum engine_outcome outcome = read_type(m, edit, &type);
	if (outcome == ENGINE_OK)
		outcome = read_names(m, edit, zone, origin, owner);
	if (outcome != ENGINE_OK)
		return outcome;
	struct edit *e =
		change_edit(m->change, zone_of(m->change, zone), kind, owner, type);
	e->where = (unsigned)m->where;
	e->set_records = kind == EDIT_REPLACE;
	outcome = read_ttl(m, edit, e);
	return outcome == ENGINE_OK ? add_records(m, e, rdata, origin) : outcome;
}

/* ---- results, on the loop ---- */

static json_t *problem_json(const struct change *c, const struct change_problem *p)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();
	const struct zone_change *z = p->zone >= 0 ? &c->zones[p->zone] : NULL;

	engine_set(o, "rule", json_string(p->rule));
	engine_set(o, "text", json_string(p->text));
	if (z)
		engine_set(o, "zone", json_string(name_to_text(z->name, text)));
	if (z && p->edit >= 0) {
		const struct edit *e = &z->edits[p->edit];
		engine_set(o, "edit", engine_number(e->where));
		engine_set(o, "name", json_string(name_to_text(e->owner, text)));
	}
	if (p->member)
		engine_set(o, "member", json_string(p->member));
	return o;
}

static json_t *zone_json(const struct zone_result *r)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	engine_set(o, "zone", json_string(name_to_text(r->name, text)));
	engine_set(o, "changed", json_boolean(r->changed));
	engine_set(o, "serial_before", engine_number(r->old_serial));
	engine_set(o, "serial", engine_number(r->new_serial));
	engine_set(o, "version", engine_number(r->version));
	engine_set(o, "names_changed", engine_number(r->report.names));
	engine_set(o, "rrsets_added", engine_number(r->report.added));
	engine_set(o, "rrsets_removed", engine_number(r->report.removed));
	engine_set(o, "rrsets_changed", engine_number(r->report.changed));
	return o;
}

static enum engine_outcome refuse(struct job *j)
{
	const struct change_result *r = &j->changed;
	json_t *problems = json_array();

	for (size_t i = 0; i < r->problem_count; i++)
		json_array_append_new(problems, problem_json(j->change, &r->problems[i]));
	if (r->problem_count > 0)
		engine_set(j->result, "problems", problems);
	else
		json_decref(problems);
	if (r->problem_count == 1)
		return engine_fail(j->result, ENGINE_REFUSED, "%s", r->problems[0].text);
	if (r->problem_count > 1)
		return engine_fail(j->result, ENGINE_REFUSED, "%s (and %zu more)",
		                   r->problems[0].text, r->problem_count - 1);
	return engine_fail(j->result, ENGINE_REFUSED, "%s",
	                   r->err == ERR_NOTFOUND ? "there is no such zone"
	                   : r->err == ERR_DENIED ? "that is not yours to change"
	                                          : err_text(r->err));
}

static enum engine_outcome report_change(struct job *j)
{
	const struct change_result *r = &j->changed;
	json_t *zones = json_array();

	if (r->err < 0 && r->err != ERR_TIMEOUT) {
		json_decref(zones);
		return refuse(j);
	}
	for (size_t i = 0; i < r->zone_count; i++)
		json_array_append_new(zones, zone_json(&r->zones[i]));
	engine_set(j->result, "zones", zones);
	engine_set(j->result, "change", r->seq ? engine_number(r->seq) : json_null());
	engine_set(j->result, "commit", engine_number(r->commit));
	engine_set(j->result, "generation", engine_number(r->generation));
	return engine_report_visible(j);
}

/* ---- commands ---- */

typedef enum engine_outcome make_edits(struct making *m, const json_t *args,
                                       const char *op);

static enum engine_outcome make(struct engine *e, const json_t *args, json_t *result,
                                make_edits *edits, const char *op)
{
	struct job *j = engine_job();
	struct making m = {.engine = e, .result = result, .many = !op};

	int err = store_begin_read(e->committer.store, &m.txn);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	m.change = engine_change_new(j, args);
	m.change->dry_run = json_is_true(json_object_get(args, "dry_run"));
	m.text = rdata_text_new();
	enum engine_outcome outcome = edits(&m, args, op);
	rdata_text_free(m.text);
	store_abort(&m.txn);
	if (outcome != ENGINE_OK) {
		change_free(&m.change);
		return outcome;
	}
	j->change = m.change;
	j->report = report_change;
	return ENGINE_OK;
}

enum engine_outcome command_record_set(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return make(e, args, result, add_edit, "set");
}

enum engine_outcome command_record_add(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return make(e, args, result, add_edit, "add");
}

enum engine_outcome command_record_del(struct engine *e, const json_t *args,
                                       json_t *result)
{
	return make(e, args, result, add_edit, "del");
}

static enum engine_outcome add_edits(struct making *m, const json_t *args, const char *op)
{
	const json_t *edits = json_object_get(args, "edits");
	json_t *edit;

	(void)op;
	if (!json_is_array(edits) || json_array_size(edits) == 0 ||
	    json_array_size(edits) > EDITS_MAX)
		return engine_fail(m->result, ENGINE_USAGE,
		                   "\"edits\" is not an array of 1 to %d edits",
		                   EDITS_MAX);
	json_array_foreach(edits, m->where, edit)
	{
		const json_t *kind = json_object_get(edit, "op");
		enum engine_outcome bad = add_edit(m, edit, json_string_value(kind));
		if (bad != ENGINE_OK)
			return bad;
	}
	return ENGINE_OK;
}

enum engine_outcome command_change(struct engine *e, const json_t *args, json_t *result)
{
	return make(e, args, result, add_edits, NULL);
}
