#include "control/api/search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/api/call.h"
#include "control/api/content.h"
#include "control/api/names.h"
#include "control/api/zone_json.h"
#include "control/change/extra.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	MOST = 100,
	MOST_MAX = 100000,
	SECONDS = 3, /* a snapshot of the store is not to be held for long */
	LOOK_AT_CLOCK = 256
};

/* ---- matching ---- */

static size_t length_without_dot(const char *text)
{
	size_t len = strlen(text);

	return len > 1 && text[len - 1] == '.' ? len - 1 : len;
}

static int folded(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool same(char a, char b)
{
	return folded(a) == folded(b);
}

/* The last "*" takes in one more octet whenever what follows it does not fit. */
bool search_matches(const char *pattern, const char *text)
{
	const char *pattern_end = pattern + length_without_dot(pattern);
	const char *end = text + length_without_dot(text);
	const char *star = NULL;
	const char *retry = NULL;

	while (text < end) {
		if (pattern < pattern_end && *pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (pattern < pattern_end &&
		           (*pattern == '?' || same(*pattern, *text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (pattern < pattern_end && *pattern == '*')
		pattern++;
	return pattern == pattern_end;
}

/* ---- the walk ---- */

struct search {
	struct zone_call *call;
	struct store_txn *txn;
	const char *pattern;
	size_t most; /* of each kind */
	size_t count;
	const char *between;
	struct content_writer writer;
	time_t until;
	unsigned steps;

	const struct store_zone *zone; /* where it is */
	uint8_t owner[NAME_MAX_LEN];
	char owner_text[NAME_TEXT_MAX];
	bool owner_matches;
};

static int look_at_clock(struct search *s)
{
	if (++s->steps % LOOK_AT_CLOCK || time(NULL) < s->until)
		return 0;
	return api_refuse(&s->call->fault, 503,
	                  "The search takes too long: ask for less, or for zones only");
}

static void write_zone_members(struct search *s)
{
	char id[API_ID_MAX];
	char name[NAME_TEXT_MAX];

	(void)fputs(", \"zone\": ", s->call->out);
	zone_json_text(s->call->out, name_to_text(s->zone->name, name));
	(void)fputs(", \"zone_id\": ", s->call->out);
	zone_json_text(s->call->out, api_zone_id(s->zone->name, id));
	(void)putc('}', s->call->out);
	s->between = ", ";
	s->count++;
}

static int take_owner(struct search *s, const uint8_t *key, size_t key_len)
{
	TRY(name_from_key(key, key_len, s->zone->name, s->owner));
	name_to_text(s->owner, s->owner_text);
	s->owner_matches = search_matches(s->pattern, s->owner_text);
	return 0;
}

/* ---- zones ---- */

static int look_at_zone(struct search *s)
{
	FILE *to = s->call->out;
	char name[NAME_TEXT_MAX];
	char id[API_ID_MAX];

	if (!search_matches(s->pattern, name_to_text(s->zone->name, name)))
		return 0;
	(void)fprintf(to, "%s{\"name\": ", s->between);
	zone_json_text(to, name);
	(void)fputs(", \"object_type\": \"zone\", \"zone_id\": ", to);
	zone_json_text(to, api_zone_id(s->zone->name, id));
	(void)putc('}', to);
	s->between = ", ";
	s->count++;
	return 0;
}

/* ---- records ---- */

static void write_record(struct search *s, const struct rrset *set, bool disabled)
{
	FILE *to = s->call->out;
	char type[RRTYPE_TEXT_MAX];

	(void)fprintf(to, "%s{\"content\": ", s->between);
	zone_json_text(to, s->writer.text);
	(void)fprintf(to, ", \"disabled\": %s, \"name\": ", disabled ? "true" : "false");
	zone_json_text(to, s->owner_text);
	(void)fprintf(to, ", \"object_type\": \"record\", \"ttl\": %u, \"type\": \"%s\"",
	              set->ttl, rrtype_to_text(set->type, type));
	write_zone_members(s);
}

static int look_at_set(struct search *s, const struct rrset *set, bool disabled)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count && s->count < s->most; i++) {
		TRY(look_at_clock(s));
		TRY(content_write(&s->writer, set->type, rrset_next(&at)));
		if (s->owner_matches || search_matches(s->pattern, s->writer.text))
			write_record(s, set, disabled);
	}
	return 0;
}

static int look_at_hidden(const struct store_extra *x, void *arg)
{
	struct search *s = arg;
	struct contents_arena *arena = arena_new();
	struct extra extra;
	struct rrset set;
	int err = extra_decode(x->value, x->size, arena, &extra);

	if (err == 0 && extra.hidden_size) {
		err = rrset_open(x->type, extra.hidden, extra.hidden_size, &set);
		if (err == 0)
			err = take_owner(s, x->key, x->key_len);
		if (err == 0)
			err = look_at_set(s, &set, true);
	}
	arena_free(arena);
	return err;
}

static int walk_records(struct search *s, struct store_cursor *cursor)
{
	struct store_entry entry;
	int found = store_cursor_next(cursor, &entry);

	while (found == 0 && s->count < s->most) {
		TRY(take_owner(s, entry.key, entry.key_len));
		TRY(look_at_set(s, &entry.set, false));
		found = store_cursor_next(cursor, &entry);
	}
	return found < 0 && found != ERR_NOTFOUND ? found : 0;
}

static int look_at_records(struct search *s)
{
	struct store_cursor *cursor;

	TRY(store_cursor_open(s->txn, s->zone->id, &cursor));
	int err = walk_records(s, cursor);
	store_cursor_close(&cursor);
	if (err < 0)
		return err;
	return store_extra_each(s->txn, s->zone->id, NULL, 0, look_at_hidden, s);
}

/* ---- comments ---- */

static void write_comment(struct search *s, const struct comment *c, uint16_t type)
{
	FILE *to = s->call->out;
	char text[RRTYPE_TEXT_MAX];

	(void)fprintf(to, "%s{\"content\": ", s->between);
	zone_json_text(to, c->content);
	(void)fputs(", \"name\": ", to);
	zone_json_text(to, s->owner_text);
	(void)fprintf(to, ", \"object_type\": \"comment\", \"type\": \"%s\"",
	              rrtype_to_text(type, text));
	write_zone_members(s);
}

static int look_at_extra(const struct store_extra *x, void *arg)
{
	struct search *s = arg;
	struct contents_arena *arena = arena_new();
	struct extra extra = {0};
	int err = extra_decode(x->value, x->size, arena, &extra);

	if (err == 0)
		err = take_owner(s, x->key, x->key_len);
	for (size_t i = 0; err == 0 && i < extra.comment_count && s->count < s->most; i++)
		if (s->owner_matches ||
		    search_matches(s->pattern, extra.comments[i].content))
			write_comment(s, &extra.comments[i], x->type);
	arena_free(arena);
	return err < 0 ? err : look_at_clock(s);
}

static int look_at_comments(struct search *s)
{
	return store_extra_each(s->txn, s->zone->id, NULL, 0, look_at_extra, s);
}

/* ---- all of it ---- */

struct pass {
	struct search *search;
	int (*look)(struct search *s);
};

static int pass_zone(const struct store_zone *z, void *arg)
{
	const struct pass *p = arg;
	struct search *s = p->search;

	if (s->count >= s->most)
		return 1;
	if (!actor_sees(s->call->actor, z->name, z->attrs.tenant))
		return 0;
	TRY(look_at_clock(s));
	s->zone = z;
	return p->look(s);
}

static int run_pass(struct search *s, int (*look)(struct search *s))
{
	struct pass p = {s, look};

	s->count = 0;
	int err = store_zone_each(s->txn, NULL, pass_zone, &p);
	return err < 0 ? err : 0;
}

static int run(struct search *s, const char *type)
{
	bool all = strcmp(type, "all") == 0;

	(void)putc('[', s->call->out);
	if (all || strcmp(type, "zone") == 0)
		TRY(run_pass(s, look_at_zone));
	if (all || strcmp(type, "record") == 0)
		TRY(run_pass(s, look_at_records));
	if (all || strcmp(type, "comment") == 0)
		TRY(run_pass(s, look_at_comments));
	(void)putc(']', s->call->out);
	return 0;
}

static bool is_type(const char *type)
{
	return strcmp(type, "all") == 0 || strcmp(type, "zone") == 0 ||
	       strcmp(type, "record") == 0 || strcmp(type, "comment") == 0;
}

static int search_work(struct zone_call *c, struct store_txn *t)
{
	const struct target *target = &c->request->target;
	const char *most = target_parameter(target, "max");
	const char *type = target_parameter(target, "object_type");
	struct search s = {.call = c, .txn = t, .most = MOST, .between = ""};
	char *end = NULL;

	s.pattern = target_parameter(target, "q");
	if (!s.pattern || !s.pattern[0])
		return api_refuse(&c->fault, 422, "Query q can't be blank");
	if (type && !is_type(type))
		return api_refuse(
			&c->fault, 422,
			"object_type must be one of the following options: all, "
			"zone, record, comment");
	if (most)
		s.most = strtoul(most, &end, 10);
	if (s.most == 0 || s.most > MOST_MAX || (end && *end))
		return api_refuse(&c->fault, 422, "max must be a number from 1 to %d",
		                  MOST_MAX);
	s.until = time(NULL) + SECONDS;
	content_writer_init(&s.writer);
	int err = run(&s, type ? type : "all");
	content_writer_fini(&s.writer);
	return err;
}

static void serve_search(void *arg, struct http_request *r)
{
	call_begin(arg, r, 200, search_work, NULL);
}

void search_routes(struct api *a)
{
	static const struct http_route routes[] = {
		{"GET", "/api/v1/servers/localhost/search-data", 0, serve_search},
	};

	api_routes(a, routes, ARRAY_LEN(routes), a);
}
