#include "control/api/patch.h"

#include <limits.h>
#include <stdlib.h>
#include <strings.h>

#include "control/api/content.h"
#include "control/api/names.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { UNPROCESSABLE = 422, TTL_DEFAULT = 3600 };

/* One RRset of the request on its way. */
struct patch {
	struct change *change;
	enum patch_form form;
	struct content_writer writer;
	json_t *seen; /* "name type changetype" of those before */
	uint64_t now;
	struct api_fault *fault;

	const json_t *object;
	enum edit_kind kind;
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type;
	char owner_text[NAME_TEXT_MAX];
	char type_text[RRTYPE_TEXT_MAX];
};

static const char *const kinds[] = {
	[EDIT_REPLACE] = "REPLACE",
	[EDIT_DELETE] = "DELETE",
	[EDIT_EXTEND] = "EXTEND",
	[EDIT_PRUNE] = "PRUNE",
};

static struct zone_change *zone_of(const struct patch *p)
{
	return &p->change->zones[p->change->zone_count - 1];
}

/* ---- members ---- */

/* NULL: refused. */
static const char *text_of(struct patch *p, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text) {
		(void)api_refuse(p->fault, UNPROCESSABLE,
		                 "Key '%s' not present or not a String", key);
		(void)api_fault_within(p->fault, "%s", key);
	}
	return text;
}

/* A number may come as text. Gives it, or ERR_REFUSED. */
static int64_t number_of(struct patch *p, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);
	char *end = NULL;
	long long n = text ? strtoll(text, &end, 10) : json_integer_value(value);

	if (text ? (end == text || *end) : !json_is_integer(value))
		(void)api_refuse(p->fault, UNPROCESSABLE,
		                 "Key '%s' not an Integer or not present", key);
	else if (n < 0 || n > INT32_MAX)
		(void)api_refuse(p->fault, UNPROCESSABLE,
		                 "Key '%s' is not a positive Integer", key);
	else
		return n;
	return api_fault_within(p->fault, "%s", key);
}

/* ---- records ---- */

static int refuse_rrset(struct patch *p, const char *why)
{
	return api_refuse(p->fault, UNPROCESSABLE, "RRset %s IN %s%s", p->owner_text,
	                  p->type_text, why);
}

/* Hosts that others are sent to have the names of hosts. */
static int check_target(struct patch *p)
{
	struct rdata_name names[RDATA_NAMES_MAX];
	const struct rdata_text *x = p->writer.x;
	char text[NAME_TEXT_MAX];

	if (p->type != RRTYPE_MX && p->type != RRTYPE_NS && p->type != RRTYPE_SRV)
		return 0;
	if (rrtype_rdata_names(p->type, x->bytes, x->len, names) != 1 ||
	    api_is_hostname(x->bytes + names[0].at))
		return 0;
	return api_refuse(p->fault, UNPROCESSABLE,
	                  "RRset %s IN %s non-hostname content %s", p->owner_text,
	                  p->type_text, name_to_text(x->bytes + names[0].at, text));
}

static int read_content(struct patch *p, struct edit *e, const json_t *record,
                        const char *content)
{
	TRY(content_read(&p->writer, p->owner_text, p->type, content, p->fault));
	TRY(check_target(p));

	int err = change_edit_record(p->change, e, p->writer.x->bytes, p->writer.x->len,
	                             json_is_true(json_object_get(record, "disabled")));
	if (err == ERR_EXISTS)
		return api_refuse(
			p->fault, UNPROCESSABLE,
			"Duplicate record in RRset %s IN %s with content \"%s\"",
			p->owner_text, p->type_text, content);
	return err < 0 ? refuse_rrset(p, ": too many records") : 0;
}

static int read_record(struct patch *p, struct edit *e, const json_t *record)
{
	const char *content = text_of(p, record, "content");

	if (!content)
		return ERR_REFUSED;
	if (json_object_get(record, "priority")) {
		(void)api_refuse(p->fault, UNPROCESSABLE,
		                 "`priority` element is not allowed in record");
		return api_fault_within(p->fault, "priority");
	}
	if (read_content(p, e, record, content) < 0)
		return api_fault_within(p->fault, "content");
	return 0;
}

static bool is_single(uint16_t type)
{
	return type == RRTYPE_CNAME || type == RRTYPE_DNAME || type == RRTYPE_SOA;
}

static bool is_for_apex(uint16_t type)
{
	return type == RRTYPE_SOA || type == RRTYPE_DNSKEY;
}

static int check_records(struct patch *p, const json_t *records)
{
	if (json_array_size(records) > 1 && is_single(p->type))
		return refuse_rrset(p, " has more than one record");
	if (json_array_size(records) && is_for_apex(p->type) &&
	    !name_equal(p->owner, zone_of(p)->name))
		return api_refuse(p->fault, UNPROCESSABLE,
		                  "Record %s IN %s is only allowed at apex",
		                  p->owner_text, p->type_text);
	return 0;
}

static int read_records(struct patch *p, struct edit *e, const json_t *records)
{
	size_t i;
	const json_t *record;

	json_array_foreach(records, i, record)
	{
		if (read_record(p, e, record) < 0)
			return api_fault_within(p->fault, "records[%zu]", i);
	}
	if (check_records(p, records) < 0)
		return api_fault_within(p->fault, "records");
	return 0;
}

/* ---- comments ---- */

static int read_comment(struct patch *p, struct edit *e, const json_t *comment)
{
	const char *account = text_of(p, comment, "account");
	const char *content = text_of(p, comment, "content");
	int64_t at = (int64_t)p->now;

	if (!account || !content)
		return ERR_REFUSED;
	if (json_object_get(comment, "modified_at"))
		at = number_of(p, comment, "modified_at");
	if (at < 0)
		return ERR_REFUSED;
	change_edit_comment(p->change, e, account, content, (uint64_t)at);
	return 0;
}

static int read_comments(struct patch *p, struct edit *e, const json_t *comments)
{
	size_t i;
	const json_t *comment;

	json_array_foreach(comments, i, comment)
	{
		if (read_comment(p, e, comment) < 0)
			return api_fault_within(p->fault, "comments[%zu]", i);
	}
	return 0;
}

/* ---- RRsets ---- */

static struct edit *add_edit(struct patch *p, size_t where)
{
	struct edit *e = change_edit(p->change, zone_of(p), p->kind, p->owner, p->type);

	e->where = (unsigned)where;
	e->even_unchanged = json_is_true(json_object_get(p->object, "write_unchanged"));
	return e;
}

static int read_replacement(struct patch *p, size_t where)
{
	const json_t *records = json_object_get(p->object, "records");
	const json_t *comments = json_object_get(p->object, "comments");

	if (!json_is_array(records) && !json_is_array(comments))
		return api_refuse(p->fault, UNPROCESSABLE, "No change for RRset %s IN %s",
		                  p->owner_text, p->type_text);
	struct edit *e = add_edit(p, where);
	e->set_records = json_is_array(records);
	/* Comments go with the last record. */
	e->set_comments = json_is_array(comments) ||
	                  (e->set_records && json_array_size(records) == 0);
	if (e->set_records) {
		int64_t ttl =
			json_array_size(records) > 0 ? number_of(p, p->object, "ttl") : 0;
		if (ttl < 0)
			return ERR_REFUSED;
		e->ttl = (uint32_t)ttl;
		TRY(read_records(p, e, records));
		if (p->type == RRTYPE_SOA && json_array_size(records) > 0)
			zone_of(p)->serial = SERIAL_AS_GIVEN;
	}
	return e->set_comments ? read_comments(p, e, comments) : 0;
}

/* EXTEND and PRUNE. */
static int read_single(struct patch *p, size_t where)
{
	const json_t *records = json_object_get(p->object, "records");
	const json_t *ttl = json_object_get(p->object, "ttl");

	if (json_array_size(records) != 1)
		return api_refuse(
			p->fault, UNPROCESSABLE,
			"Changetype '%s' of RRset %s IN %s needs exactly one record",
			kinds[p->kind], p->owner_text, p->type_text);
	struct edit *e = add_edit(p, where);
	int64_t seconds = ttl ? number_of(p, p->object, "ttl") : TTL_DEFAULT;
	if (seconds < 0)
		return ERR_REFUSED;
	e->ttl = (uint32_t)seconds;
	e->keep_ttl = !ttl;
	return read_records(p, e, records);
}

static int read_kind(struct patch *p)
{
	p->kind = EDIT_REPLACE;
	if (p->form == PATCH_CONTENTS)
		return 0;
	const char *text = text_of(p, p->object, "changetype");
	if (!text)
		return ERR_REFUSED;
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(text, kinds[i]) == 0) {
			p->kind = (enum edit_kind)i;
			return 0;
		}
	(void)api_refuse(p->fault, UNPROCESSABLE, "Changetype '%s' is not a valid value",
	                 text);
	return api_fault_within(p->fault, "changetype");
}

static int read_type(struct patch *p)
{
	const char *text = text_of(p, p->object, "type");

	if (!text)
		return ERR_REFUSED;
	int type = rrtype_from_text(text, strlen(text));
	if (type <= 0) {
		(void)api_refuse(p->fault, UNPROCESSABLE,
		                 "RRset %s IN %s: unknown type given", p->owner_text,
		                 text);
		return api_fault_within(p->fault, "type");
	}
	p->type = (uint16_t)type;
	rrtype_to_text(p->type, p->type_text);
	if (!rrtype_is_meta(p->type) || p->kind == EDIT_DELETE)
		return 0;
	(void)refuse_rrset(p, ": invalid type given");
	return api_fault_within(p->fault, "type");
}

static int read_owner(struct patch *p)
{
	const char *text = text_of(p, p->object, "name");

	if (!text)
		return ERR_REFUSED;
	if ((p->kind == EDIT_DELETE ? api_name_read(text, p->owner, p->fault)
	                            : api_new_name_read(text, p->owner, p->fault)) < 0)
		return api_fault_within(p->fault, "name");
	name_to_text(p->owner, p->owner_text);
	return 0;
}

static int check_once(struct patch *p)
{
	char key[NAME_TEXT_MAX + 40];

	(void)snprintf(key, sizeof key, "%s %s %s", p->owner_text, p->type_text,
	               kinds[p->kind]);
	if (json_object_get(p->seen, key))
		return api_refuse(p->fault, UNPROCESSABLE,
		                  "Duplicate RRset %s IN %s with changetype: %s",
		                  p->owner_text, p->type_text, kinds[p->kind]);
	return json_object_set_new(p->seen, key, json_true());
}

static int read_rrset(struct patch *p, size_t where)
{
	TRY(read_kind(p));
	TRY(read_owner(p));
	TRY(read_type(p));
	TRY(check_once(p));
	bool inside = name_is_under(p->owner, zone_of(p)->name, NULL);
	if (p->kind == EDIT_DELETE) {
		/* What cannot be there is gone already: a way to clean up. */
		if (inside && !rrtype_is_meta(p->type))
			(void)add_edit(p, where);
		return 0;
	}
	if (!inside) {
		(void)refuse_rrset(p, ": Name is out of zone");
		return api_fault_within(p->fault, "name");
	}
	return p->kind == EDIT_REPLACE ? read_replacement(p, where)
	                               : read_single(p, where);
}

int patch_read(const json_t *object, enum patch_form form, struct change *c, uint64_t now,
               struct api_fault *f)
{
	const json_t *rrsets = json_object_get(object, "rrsets");
	struct patch *p;
	size_t i;
	int err = 0;

	if (form == PATCH_CHANGES && !json_is_array(rrsets)) {
		(void)api_refuse(f, UNPROCESSABLE, "No rrsets given in update request");
		return api_fault_within(f, "rrsets");
	}
	p = memory_get(sizeof *p);
	*p = (struct patch){
		.change = c, .form = form, .now = now, .fault = f, .seen = json_object()};
	content_writer_init(&p->writer);
	json_array_foreach(rrsets, i, p->object)
	{
		err = read_rrset(p, i);
		if (err < 0) {
			(void)api_fault_within(f, "rrsets[%zu]", i);
			break;
		}
	}
	content_writer_fini(&p->writer);
	json_decref(p->seen);
	free(p);
	return err;
}

/* ---- refusals ---- */

/* What PowerDNS calls it. NULL: it has no name for it. */
static const char *words_for(const char *rule)
{
	static const struct {
		const char *rule, *words;
	} known[] = {
		{"cname-and-other-data", ": Conflicts with pre-existing RRset"},
		{"dname-and-ns", ": Conflicts with pre-existing RRset"},
		{"data-below-dname", ": Conflicts with pre-existing RRset"},
		{"cname-multiple", " has more than one record"},
		{"dname-multiple", " has more than one record"},
		{"soa-multiple", " has more than one record"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(rule, known[i].rule) == 0)
			return known[i].words;
	return NULL;
}

static int refuse_edit(const struct edit *e, const struct change_problem *problem,
                       struct api_fault *f)
{
	const char *words = words_for(problem->rule);
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];

	name_to_text(e->owner, owner);
	rrtype_to_text(e->type, type);
	(void)api_refuse(f, UNPROCESSABLE, "RRset %s IN %s%s%s", owner, type,
	                 words ? words : ": ", words ? "" : problem->text);
	if (problem->member)
		(void)api_fault_within(f, "%s", problem->member);
	return api_fault_within(f, "rrsets[%u]", e->where);
}

int patch_refuse(const struct change *c, const struct change_result *r,
                 struct api_fault *f)
{
	if (r->problem_count == 0)
		return api_refuse(f, UNPROCESSABLE, "The change is refused");

	const struct change_problem *first = &r->problems[0];
	const struct zone_change *z =
		first->zone >= 0 && (size_t)first->zone < c->zone_count
			? &c->zones[first->zone]
			: NULL;
	if (z && first->edit >= 0 && (size_t)first->edit < z->edit_count)
		return refuse_edit(&z->edits[first->edit], first, f);
	return api_refuse(f, UNPROCESSABLE, "%s", first->text);
}
