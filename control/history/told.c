#include "control/history/told.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/audit.h"
#include "control/audit/event.h"
#include "control/audit/row.h"
#include "control/zone/rdata_text.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	LIMIT_DEFAULT = 100,
	LIMIT_MAX = 1000,
	FULL_DEFAULT = 10,
	FULL_MAX = 20,
	SCAN_MAX = 20000,  /* changes for one page */
	SETS_MAX = 300000, /* RRsets for one page, and what the last change has more */
	LINES_DEFAULT = 10000,
	LINES_MAX = 100000,
};

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

const char *history_why(const struct history *h, int err)
{
	return (err == ERR_REFUSED || err == ERR_SYNTAX) && h->text[0] ? h->text
	                                                               : err_text(err);
}

/* ---- arguments ---- */

int history_read_number(struct history *h, const json_t *args, const char *key,
                        uint64_t most, uint64_t *out)
{
	const json_t *value = json_object_get(args, key);
	json_int_t n = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value) || n < 0 || (uint64_t)n > most) {
		(void)history_refuse(h, "\"%s\" must be a number up to %" PRIu64, key,
		                     most);
		return ERR_SYNTAX;
	}
	*out = (uint64_t)n;
	return 0;
}

static int read_text(struct history *h, const json_t *args, const char *key,
                     const char **out)
{
	const json_t *value = json_object_get(args, key);

	if (value && !json_is_string(value)) {
		(void)history_refuse(h, "\"%s\" must be a text", key);
		return ERR_SYNTAX;
	}
	*out = json_string_value(value);
	return 0;
}

int history_read_state(struct history *h, const json_t *args, const char *key,
                       const char *otherwise, struct history_state *out)
{
	const json_t *value = json_object_get(args, key);
	const char *text;
	char digits[32];

	if (json_is_integer(value)) {
		(void)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT,
		               json_integer_value(value));
		return history_state_find(h, digits, out);
	}
	TRY(read_text(h, args, key, &text));
	return history_state_find(h, text ? text : otherwise, out);
}

/* ---- one change ---- */

/* A page of the list. */
struct listing {
	struct history *history;
	const struct actor *who;
	struct audit_filter filter;
	uint64_t from, limit;
	bool full;
	json_t *list;
	uint64_t next; /* where the next page begins */
	size_t scanned;
	size_t sets; /* compared */
};

/* Who is confined knows itself, and those of its tenant unless it has grants. */
static bool may_know(const struct actor *who, const struct actor *did)
{
	if (!actor_is_confined(who) ||
	    (who->key_id[0] && !strcmp(who->key_id, did->key_id)))
		return true;
	return who->grant_count == 0 && strcmp(who->tenant, did->tenant) == 0;
}

struct counts {
	size_t added, removed;
};

static void count_line(const struct history_line *l, void *arg)
{
	struct counts *c = arg;

	if (l->kind == LINE_RECORD)
		*(l->came ? &c->added : &c->removed) += 1;
}

static void add_counts(json_t *change, const struct difference *d)
{
	struct counts c = {0};
	size_t extra = 0;

	for (size_t i = 0; i < d->count; i++) {
		extra += d->sets[i].kind == ROW_EXTRA;
		if (!history_only_serial(&d->sets[i]))
			history_set_lines(&d->sets[i], count_line, &c);
	}
	set(change, "records_added", number(c.added));
	set(change, "records_removed", number(c.removed));
	set(change, "extra", number(extra));
	set(change, "attributes", json_boolean(d->attrs));
}

static int add_what(struct listing *l, json_t *change, uint64_t seq)
{
	struct difference d;
	int err = difference_between(l->history, seq - 1, seq, &d);

	if (err == ERR_REFUSED) {
		set(change, "incomplete", json_string(l->history->text));
		return 0;
	}
	TRY(err);
	l->sets += d.count;
	add_counts(change, &d);
	difference_fini(&d);
	return 0;
}

/* ---- its rows ---- */

struct row_telling {
	const struct listing *listing;
	struct row_teller *teller;
};

static int tell_row(const struct record_row *row, void *arg)
{
	const struct row_telling *t = arg;

	if (!actor_is_confined(t->listing->who) ||
	    (row->kind != ROW_ZONE && row->kind != ROW_ATTRS))
		row_tell(t->teller, row);
	return 0;
}

static int tell_part(const struct store_rows *part, void *arg)
{
	const struct row_telling *t = arg;
	const struct store_zone *zone = t->listing->history->zone;

	if (part->zone != zone->id)
		return 0;
	row_teller_part(t->teller, zone->name, part);
	return record_each_row(part->rows, part->size, tell_row, arg);
}

static int add_rows(struct listing *l, json_t *change, uint64_t seq)
{
	char hex[CHAIN_HEX_SIZE];
	struct row_telling t = {.listing = l, .teller = row_teller_new()};

	int err = store_log_each_rows(l->history->txn, seq, tell_part, &t);
	size_t omitted = row_teller_omitted(t.teller);
	set(change, "rows", row_teller_end(&t.teller, hex));
	if (omitted)
		set(change, "rows_omitted", number(omitted));
	return err;
}

/* ---- the list ---- */

static json_t *change_json(const struct listing *l, const struct history_change *c)
{
	const struct record_header *header = &c->header;
	bool known = may_know(l->who, &header->actor);
	json_t *o = json_object();

	set(o, "change", number(c->seq));
	set(o, "time", event_time(header->time_us));
	set(o, "kind", json_string(event_change_name(c->zone.kind)));
	set(o, "why", known ? row_text(header->why) : json_null());
	set(o, "actor", known ? event_actor(&header->actor) : json_null());
	set(o, "serial_before", number(c->zone.old_serial));
	set(o, "serial", number(c->zone.new_serial));
	return o;
}

static int list_change(const struct history_change *c, void *arg)
{
	struct listing *l = arg;
	int err = 0;

	l->next = c->seq;
	if (json_array_size(l->list) == l->limit || l->scanned++ == SCAN_MAX ||
	    l->sets > SETS_MAX)
		return 1;
	json_t *change = change_json(l, c);
	if (!audit_fits(&l->filter, change)) {
		json_decref(change);
		return 0;
	}
	(void)json_array_append_new(l->list, change);
	err = add_what(l, change, c->seq);
	if (err == 0 && l->full)
		err = add_rows(l, change, c->seq);
	return err;
}

static int read_listing(struct listing *l, const json_t *args)
{
	struct history *h = l->history;

	l->full = json_is_true(json_object_get(args, "full"));
	l->limit = l->full ? FULL_DEFAULT : LIMIT_DEFAULT;
	TRY(history_read_number(h, args, "from", INT64_MAX, &l->from));
	TRY(history_read_number(h, args, "limit", l->full ? FULL_MAX : LIMIT_MAX,
	                        &l->limit));
	TRY(read_text(h, args, "actor", &l->filter.actor));
	TRY(read_text(h, args, "since", &l->filter.since));
	return read_text(h, args, "until", &l->filter.until);
}

static void tell_zone(const struct history *h, json_t *result)
{
	char name[NAME_TEXT_MAX];

	set(result, "zone", json_string(name_to_text(h->zone->name, name)));
	set(result, "serial", number(h->zone->serial));
	set(result, "version", number(h->zone->version));
}

int history_tell_list(struct history *h, const json_t *args, const struct actor *who,
                      json_t *result)
{
	struct listing l = {.history = h, .who = who, .from = UINT64_MAX};

	TRY(read_listing(&l, args));
	tell_zone(h, result);
	l.list = json_array();
	set(result, "changes", l.list);
	int err = history_each(h, l.from, list_change, &l);
	if (err < 0)
		return err;
	set(result, "next", err > 0 && l.next ? number(l.next) : json_null());
	/* What happened before the oldest change is told by nobody any more. */
	set(result, "oldest", h->oldest ? number(h->oldest) : json_null());
	set(result, "complete", json_boolean(h->made));
	return 0;
}

/* ---- a difference ---- */

struct lines {
	const struct history *history;
	const struct line_page *page;
	const struct history_set *set; /* whose lines come */
	struct rdata_text *text;
	json_t *list;
	struct counts counts;
	size_t seen;
};

static json_t *comment_json(const struct comment *c)
{
	json_t *o = json_object();

	set(o, "account", row_text(c->account));
	set(o, "content", row_text(c->content));
	set(o, "modified_at", number(c->modified_at));
	return o;
}

static json_t *line_json(const struct lines *l, const struct history_line *line)
{
	uint8_t owner[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	set(o, "op", json_string(line->came ? "+" : "-"));
	if (name_from_key(l->set->key, l->set->key_len, l->history->zone->name, owner) >=
	    0)
		set(o, "name", json_string(name_to_text(owner, text)));
	set(o, "type", json_string(rrtype_to_text(line->type, text)));
	if (line->kind == LINE_COMMENT) {
		set(o, "comment", comment_json(line->comment));
		return o;
	}
	set(o, "ttl", number(line->ttl));
	set(o, "rdata", row_rdata(l->text, line->type, line->rdata));
	if (line->kind == LINE_DISABLED)
		set(o, "disabled", json_true());
	return o;
}

static void add_line(const struct history_line *line, void *arg)
{
	struct lines *l = arg;
	const struct line_page *p = l->page;

	count_line(line, &l->counts);
	if (l->seen >= p->after && l->seen - p->after < p->limit)
		(void)json_array_append_new(l->list, line_json(l, line));
	l->seen++;
}

/* What goes is told before what comes, in either direction. */
static struct history_set turned(const struct history_set *s)
{
	struct history_set t = *s;

	t.before = s->after;
	t.before_size = s->after_size;
	t.after = s->before;
	t.after_size = s->before_size;
	return t;
}

void history_tell_lines(const struct history *h, const struct difference *d,
                        const struct line_page *page, json_t *result)
{
	struct lines l = {.history = h, .page = page, .text = rdata_text_new()};

	l.list = json_array();
	for (size_t i = 0; i < d->count; i++) {
		struct history_set one =
			page->backwards ? turned(&d->sets[i]) : d->sets[i];
		l.set = &one;
		history_set_lines(&one, add_line, &l);
	}
	rdata_text_free(l.text);
	set(result, "removed", number(l.counts.removed));
	set(result, "added", number(l.counts.added));
	set(result, "lines", l.list);
	bool more = l.seen > page->after && l.seen - page->after > page->limit;
	set(result, "next", more ? number(page->after + page->limit) : json_null());
}

json_t *history_tell_state(const struct history_state *s)
{
	json_t *o = json_object();

	set(o, "change", s->seq ? number(s->seq) : json_null());
	set(o, "serial", number(s->serial));
	set(o, "time", s->time_us ? event_time(s->time_us) : json_null());
	return o;
}

/* Without a state to begin with it is the newest change that is asked for. */
static int read_states(struct history *h, const json_t *args, struct history_state *from,
                       struct history_state *to)
{
	TRY(history_read_state(h, args, "to", "now", to));
	if (json_object_get(args, "from"))
		return history_read_state(h, args, "from", "now", from);
	if (to->seq)
		return history_state_before(h, to->seq, from);
	*from = *to;
	return 0;
}

int history_tell_difference(struct history *h, const json_t *args, json_t *result)
{
	struct line_page page = {.limit = LINES_DEFAULT};
	struct history_state from;
	struct history_state to;
	struct difference d;

	TRY(history_read_number(h, args, "after", INT64_MAX, &page.after));
	TRY(history_read_number(h, args, "limit", LINES_MAX, &page.limit));
	TRY(read_states(h, args, &from, &to));
	page.backwards = from.after > to.after;
	TRY(page.backwards ? difference_between(h, to.after, from.after, &d)
	                   : difference_between(h, from.after, to.after, &d));
	tell_zone(h, result);
	set(result, "from", history_tell_state(&from));
	set(result, "to", history_tell_state(&to));
	set(result, "changes", number(d.changes));
	set(result, "attributes", json_boolean(d.attrs));
	history_tell_lines(h, &d, &page, result);
	difference_fini(&d);
	return 0;
}
