#include "control/making.h"

#include <string.h>

#include "control/engine_internal.h"
#include "control/zone/entry.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { TTL_DEFAULT = 3600 };

static const uint8_t root[] = {0};

int making_open(struct making *m, struct engine *e)
{
	TRY(store_begin_read(e->committer.store, &m->txn));
	m->text = rdata_text_new();
	return 0;
}

void making_close(struct making *m)
{
	rdata_text_free(m->text);
	store_abort(&m->txn);
}

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

/* The zone with the longest name at or above owner, of those that the actor sees. */
static bool find_zone(struct making *m, const uint8_t *owner,
                      uint8_t zone[static NAME_MAX_LEN])
{
	struct store_zone found;

	for (const uint8_t *at = owner;; at += *at + 1) {
		memcpy(zone, at, name_len(at, NAME_MAX_LEN));
		if (engine_find_zone(m->txn, zone, &found) == 0)
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

enum engine_outcome making_add_edit(struct making *m, const json_t *edit, const char *op)
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

/* "if_version" has a version for some of the zones: the one that each must still have. */
static enum engine_outcome read_versions(struct making *m, const json_t *args)
{
	json_t *versions = json_object_get(args, "if_version");
	uint8_t name[NAME_MAX_LEN];
	const char *text;
	json_t *version;

	if (versions && !json_is_object(versions))
		return engine_fail(m->result, ENGINE_USAGE,
		                   "\"if_version\" is not an object");
	json_object_foreach(versions, text, version)
	{
		int len = name_from_text(text, strlen(text), root, name);
		if (len < 0 || !json_is_integer(version) ||
		    json_integer_value(version) < 0)
			return engine_fail(m->result, ENGINE_USAGE,
			                   "\"if_version\": %s: not a zone and a version",
			                   text);
		name_fold(name, (size_t)len);
		zone_of(m->change, name)->if_version =
			(uint64_t)json_integer_value(version);
	}
	return ENGINE_OK;
}

enum engine_outcome making_add_edits(struct making *m, const json_t *args)
{
	const json_t *edits = json_object_get(args, "edits");
	json_t *edit;

	if (!json_is_array(edits) || json_array_size(edits) == 0 ||
	    json_array_size(edits) > EDITS_MAX)
		return engine_fail(m->result, ENGINE_USAGE,
		                   "\"edits\" is not an array of 1 to %d edits",
		                   EDITS_MAX);
	json_array_foreach(edits, m->where, edit)
	{
		const json_t *kind = json_object_get(edit, "op");
		enum engine_outcome bad =
			making_add_edit(m, edit, json_string_value(kind));
		if (bad != ENGINE_OK)
			return bad;
	}
	return read_versions(m, args);
}
