/*
 * Commands that read the audit log. Who has a tenant sees what was done in that tenant's name;
 * the whole of the log, which the chain is about, is for those who have none.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/audit.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "shared/err.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, SCAN_MAX = 20000, REASON_SIZE = 256 };

/* How long the log may hang behind before that is an alarm. */
enum { BEHIND_MAX = 10000 };

/* ---- arguments ---- */

static enum engine_outcome refuse_bounded(const struct actor *a, bool whole,
                                          json_t *result)
{
	if (a->grant_count > 0)
		return engine_refuse(result, ERR_DENIED,
		                     "%s is confined by grants and may not do that",
		                     a->name);
	if (whole && a->tenant[0])
		return engine_refuse(result, ERR_DENIED,
		                     "%s has a tenant and may not see the whole log",
		                     a->name);
	return ENGINE_OK;
}

static enum engine_outcome read_number(const json_t *args, const char *key, uint64_t most,
                                       uint64_t *out, json_t *result)
{
	const json_t *value = json_object_get(args, key);
	json_int_t n = json_integer_value(value);

	if (!value)
		return ENGINE_OK;
	if (!json_is_integer(value) || n < 1 || (uint64_t)n > most)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"%s\" must be a number from 1 to %" PRIu64, key,
		                   most);
	*out = (uint64_t)n;
	return ENGINE_OK;
}

/* What is asked for: a page of events. */
struct page {
	uint64_t from, limit;
	struct audit_filter filter;
	char zone[NAME_TEXT_MAX];
	json_t *list;
	uint64_t next; /* where the next page begins; 0: there is none */
	size_t scanned;
};

static enum engine_outcome read_filter(const json_t *args, struct page *p, json_t *result)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{"actor", &p->filter.actor}, {"tenant", &p->filter.tenant},
		{"what", &p->filter.what},   {"since", &p->filter.since},
		{"until", &p->filter.until},
	};
	uint8_t name[NAME_MAX_LEN];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const json_t *value = json_object_get(args, texts[i].key);

		if (value && !json_is_string(value))
			return engine_fail(result, ENGINE_USAGE, "\"%s\" must be a text",
			                   texts[i].key);
		*texts[i].to = json_string_value(value);
	}
	if (!json_object_get(args, "zone"))
		return ENGINE_OK;
	enum engine_outcome outcome = engine_zone_arg(args, result, name);
	if (outcome == ENGINE_OK)
		p->filter.zone = name_to_text(name, p->zone);
	return outcome;
}

static enum engine_outcome read_page(const json_t *args, struct page *p, json_t *result)
{
	enum engine_outcome outcome =
		read_number(args, "from", INT64_MAX, &p->from, result);

	if (outcome == ENGINE_OK)
		outcome = read_number(args, "limit", LIMIT_MAX, &p->limit, result);
	return outcome;
}

/* ---- list ---- */

static json_t *event_json(const struct book_event *e)
{
	char hex[CHAIN_HEX_SIZE];
	json_t *event = json_loadb(e->text, e->len, 0, NULL);

	if (!event)
		event = json_pack("{s:I,s:b}", "seq", (json_int_t)e->seq, "damaged", 1);
	chain_hex(e->hash, hex);
	json_put(event, "hash", json_string(hex));
	return event;
}

static int list_event(const struct book_event *e, void *arg)
{
	struct page *p = arg;

	p->next = e->seq;
	if (json_array_size(p->list) == p->limit || p->scanned++ == SCAN_MAX)
		return 1;
	json_t *event = event_json(e);
	if (audit_fits(&p->filter, event))
		json_array_append_new(p->list, event);
	else
		json_decref(event);
	return 0;
}

static enum engine_outcome give_page(struct engine *e, struct page *p, bool backwards,
                                     int (*fn)(const struct book_event *, void *),
                                     const char *member, json_t *result)
{
	p->list = json_array();
	json_put(result, member, p->list);
	int err = book_each(audit_book(e->audit), p->from, backwards, fn, p);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "audit log: %s",
		                   err_text(err));
	json_put(result, "next", err > 0 ? json_number(p->next) : json_null());
	return ENGINE_OK;
}

enum engine_outcome command_audit_list(struct engine *e, const json_t *args,
                                       json_t *result)
{
	const struct actor *a = engine_job()->actor;
	struct page p = {.from = UINT64_MAX, .limit = LIMIT_DEFAULT};
	enum engine_outcome outcome = refuse_bounded(a, false, result);

	if (outcome == ENGINE_OK)
		outcome = read_page(args, &p, result);
	if (outcome == ENGINE_OK)
		outcome = read_filter(args, &p, result);
	if (outcome != ENGINE_OK)
		return outcome;
	if (a->tenant[0])
		p.filter.tenant = a->tenant;
	return give_page(e, &p, true, list_event, "events", result);
}

/* ---- export ---- */

/* The text of the event stands as it was hashed, from the 84th character on up to the last but
 * one. */
static json_t *export_line(const struct book_event *e)
{
	char hex[CHAIN_HEX_SIZE];

	chain_hex(e->hash, hex);
	json_t *line = json_sprintf("{\"hash\":\"%s\",\"event\":%.*s}", hex, (int)e->len,
	                            e->text);
	return line ? line : json_sprintf("{\"hash\":\"%s\",\"event\":null}", hex);
}

static int export_event(const struct book_event *e, void *arg)
{
	struct page *p = arg;

	p->next = e->seq;
	if (json_array_size(p->list) == p->limit)
		return 1;
	json_array_append_new(p->list, export_line(e));
	return 0;
}

enum engine_outcome command_audit_export(struct engine *e, const json_t *args,
                                         json_t *result)
{
	struct page p = {.from = 1, .limit = LIMIT_DEFAULT};
	enum engine_outcome outcome = refuse_bounded(engine_job()->actor, true, result);

	if (outcome == ENGINE_OK)
		outcome = read_page(args, &p, result);
	if (outcome != ENGINE_OK)
		return outcome;
	return give_page(e, &p, false, export_event, "lines", result);
}

static int write_event(const struct book_event *e, void *arg)
{
	FILE *to = arg;
	json_t *line = export_line(e);

	(void)fprintf(to, "%s\n", json_string_value(line));
	json_decref(line);
	return ferror(to);
}

int engine_write_audit(struct engine *e, uint64_t from, FILE *to)
{
	int err = book_each(audit_book(e->audit), from, false, write_event, to);

	return err < 0 ? err : 0;
}

/* ---- verify ---- */

struct anchor {
	uint64_t seq;
	const char *hash;
	bool found;
};

static int look_at_anchor(const struct book_event *e, void *arg)
{
	struct anchor *a = arg;
	char hex[CHAIN_HEX_SIZE];

	chain_hex(e->hash, hex);
	a->found = e->seq == a->seq && strcmp(hex, a->hash) == 0;
	return 1;
}

/* A hash that was kept elsewhere is still that of the same event. */
static enum engine_outcome check_anchor(struct engine *e, const json_t *args,
                                        json_t *result)
{
	struct anchor a = {.hash = json_string_value(json_object_get(args, "hash"))};
	enum engine_outcome outcome = read_number(args, "seq", INT64_MAX, &a.seq, result);

	if (outcome != ENGINE_OK || (!a.seq && !a.hash))
		return outcome;
	if (!a.seq || !a.hash)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"seq\" and \"hash\" belong together");
	int err = book_each(audit_book(e->audit), a.seq, false, look_at_anchor, &a);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "audit log: %s",
		                   err_text(err));
	if (a.found)
		return ENGINE_OK;
	json_put(result, "damaged", json_number(a.seq));
	return engine_fail(result, ENGINE_REFUSED,
	                   "event %" PRIu64 ": it has not that hash", a.seq);
}

enum engine_outcome command_audit_verify(struct engine *e, const json_t *args,
                                         json_t *result)
{
	struct book_state s;
	char text[REASON_SIZE] = "";
	char hex[CHAIN_HEX_SIZE];
	uint64_t damaged = 0;
	enum engine_outcome outcome = refuse_bounded(engine_job()->actor, true, result);

	if (outcome != ENGINE_OK)
		return outcome;
	int err = book_verify(audit_book(e->audit), &s, &damaged, text, sizeof text);
	if (err == ERR_CORRUPT && damaged) {
		json_put(result, "damaged", json_number(damaged));
		return engine_fail(result, ENGINE_REFUSED, "%s", text);
	}
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "audit log: %s",
		                   err_text(err));
	outcome = check_anchor(e, args, result);
	if (outcome != ENGINE_OK)
		return outcome;
	chain_hex(s.head.hash, hex);
	json_put(result, "events", json_number(s.head.seq));
	json_put(result, "hash", json_string(hex));
	json_put(result, "change", json_number(s.followed));
	return ENGINE_OK;
}

/* ---- for status ---- */

static uint64_t last_change(struct engine *e)
{
	struct store_txn *t;
	uint64_t next = 1;

	if (store_begin_read(e->committer.store, &t) < 0)
		return 0;
	int err = store_log_next(t, &next);
	store_abort(&t);
	return err < 0 ? 0 : next - 1;
}

void audit_status(struct engine *e, json_t *result, json_t *alarms)
{
	struct audit_state s;
	json_t *o = json_object();
	uint64_t last = last_change(e);

	audit_look(e->audit, &s);
	uint64_t behind = last > s.book.followed ? last - s.book.followed : 0;
	json_put(o, "events", json_number(s.book.head.seq));
	json_put(o, "behind", json_number(behind));
	json_put(o, "lost", json_number(s.lost));
	json_put(result, "audit", o);
	if (s.problem[0])
		json_array_append_new(
			alarms,
			json_sprintf("the audit log does not get on: %s", s.problem));
	if (behind > BEHIND_MAX)
		json_array_append_new(alarms, json_sprintf("the audit log is %" PRIu64
		                                           " changes behind",
		                                           behind));
}
