#include "control/api/zone_json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "control/api/content.h"
#include "control/api/key_ids.h"
#include "control/api/names.h"
#include "control/change/extra.h"
#include "control/policy/policy.h"
#include "control/sign/stored.h"
#include "control/sign/zone_keys.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* ---- texts ---- */

static void write_escaped(FILE *to, unsigned char c)
{
	if (c == '"' || c == '\\')
		(void)fprintf(to, "\\%c", c);
	else if (c == '\n')
		(void)fputs("\\n", to);
	else if (c == '\t')
		(void)fputs("\\t", to);
	else if (c < 0x20)
		(void)fprintf(to, "\\u%04x", c);
	else
		(void)putc_unlocked(c, to);
}

void zone_json_text(FILE *to, const char *text)
{
	(void)putc('"', to);
	for (; *text; text++)
		write_escaped(to, (unsigned char)*text);
	(void)putc('"', to);
}

static ssize_t escape(void *to, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		write_escaped(to, (unsigned char)text[i]);
	return (ssize_t)len;
}

FILE *zone_json_escaping(FILE *to)
{
	static const cookie_io_functions_t functions = {.write = escape};
	FILE *escaping = fopencookie(to, "w", functions);

	if (!escaping)
		abort();
	return escaping;
}

static void member(FILE *to, const char *before, const char *text)
{
	(void)fputs(before, to);
	zone_json_text(to, text);
}

static void flag(FILE *to, const char *before, bool value)
{
	(void)fprintf(to, "%s%s", before, value ? "true" : "false");
}

const char *zone_json_kind(enum zone_kind kind)
{
	switch (kind) {
	case ZONE_KIND_NATIVE: return "Native";
	case ZONE_KIND_PRIMARY: return "Master";
	case ZONE_KIND_SECONDARY: return "Slave";
	case ZONE_KIND_PRODUCER: return "Producer";
	case ZONE_KIND_CONSUMER: return "Consumer";
	}
	return "Native";
}

static int stop_at_key(const struct sign_stored_item *item, void *arg)
{
	(void)item;
	(void)arg;
	return 1;
}

bool zone_json_comes_signed(struct store_txn *t, const struct store_zone *z)
{
	struct rrset keys;

	return store_rrset_get(t, z->id, (const uint8_t *)"", 0, RRTYPE_DNSKEY, &keys) ==
	               0 &&
	       sign_stored_each(t, z->id, stop_at_key, NULL) == 0;
}

/* ---- zones ---- */

/* Of zones that are signed here it is what somebody wants: a client that has changed it finds it changed, although a
 * zone takes a moment to be signed, and days not to be. */
static void write_dnssec(FILE *to, const struct zone_json_source *s,
                         const struct store_zone *z)
{
	flag(to, ", \"dnssec\": ",
	     zone_policy_dnssec(s->config, z)[0] || zone_json_comes_signed(s->txn, z));
}

/* Texts with blanks between them become a list. */
static void write_masters(FILE *to, const char *masters)
{
	char one[sizeof((struct store_zone *)NULL)->attrs.masters];
	const char *between = "";

	(void)fputs(", \"masters\": [", to);
	while (*masters) {
		size_t len = strcspn(masters, " ");
		(void)snprintf(one, sizeof one, "%.*s", (int)len, masters);
		if (len)
			member(to, between, one);
		between = len ? ", " : between;
		masters += len + (masters[len] == ' ');
	}
	(void)putc(']', to);
}

/* What both forms have in the middle: from the id to the name. */
static int write_middle(FILE *to, const struct zone_json_source *s,
                        const struct store_zone *z, bool detail)
{
	char id[API_ID_MAX];
	char name[NAME_TEXT_MAX];
	enum zone_kind kind = zone_policy_kind(s->config, z);

	member(to, ", \"id\": ", api_zone_id(z->name, id));
	member(to, ", \"kind\": ", zone_json_kind(kind));
	struct zone_mark mark = zone_marks_look(s->marks, z->id);
	(void)fprintf(to, ", \"last_check\": %" PRIu64, mark.last_check);
	if (detail) {
		(void)fputs(", \"master_tsig_key_ids\": ", to);
		TRY(key_ids_write(to, s->txn, z, KEY_IDS_MASTER));
	}
	write_masters(to, zone_kind_is_secondary(kind)
	                          ? zone_policy_primaries(s->config, z)
	                          : z->attrs.masters);
	member(to, ", \"name\": ", name_to_text(z->name, name));
	(void)fprintf(to, ", \"notified_serial\": %" PRIu32, mark.notified_serial);
	return 0;
}

static void write_url(FILE *to, const struct store_zone *z)
{
	char id[API_ID_MAX];

	(void)fprintf(to, ", \"url\": \"/api/v1/servers/localhost/zones/%s\"",
	              api_zone_id(z->name, id));
}

int zone_json_summary(FILE *to, const struct zone_json_source *s,
                      const struct store_zone *z, bool dnssec)
{
	member(to, "{\"account\": ", z->attrs.account);
	member(to, ", \"catalog\": ", z->attrs.catalog);
	if (dnssec) {
		write_dnssec(to, s, z);
		(void)fprintf(to, ", \"edited_serial\": %u", z->serial);
	}
	TRY(write_middle(to, s, z, false));
	(void)fprintf(to, ", \"serial\": %u", z->serial);
	write_url(to, z);
	(void)putc('}', to);
	return 0;
}

/* ---- RRsets ---- */

/* What an RRset has besides its records, in order. */
struct extras {
	struct store_extra *list;
	size_t count;
	size_t room;
	const uint8_t *key; /* of the only owner wanted; NULL: all */
	size_t key_len;
};

/* One walk over RRsets and extras, both in canonical order. */
struct walk {
	FILE *to;
	const struct store_zone *zone;
	const struct rrset_filter *filter;
	struct content_writer writer;
	struct contents_arena *arena;
	struct zone_keys *keys; /* NULL: the zone is not signed here */
	struct extras extras;
	size_t at; /* the first extra that has not been written */
	const char *between;
};

static int take_extra(const struct store_extra *x, void *arg)
{
	struct extras *e = arg;

	if (e->key &&
	    (x->key_len != e->key_len || memcmp(x->key, e->key, e->key_len) != 0))
		return 1;
	e->list = array_room(e->list, e->count, &e->room, sizeof *e->list);
	e->list[e->count++] = *x;
	return 0;
}

/* What the signer has made is no client's affair: it would want to take away what it did not put there. */
static bool is_made(const struct walk *w, uint16_t type, struct rdata r)
{
	return w->keys && zone_keys_made(w->keys, type, r);
}

static bool is_all_made(const struct walk *w, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		if (!is_made(w, set->type, rrset_next(&at)))
			return false;
	return true;
}

static int write_records(struct walk *w, const struct rrset *set, bool disabled,
                         const char **between)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata r = rrset_next(&at);
		if (!disabled && is_made(w, set->type, r))
			continue;
		TRY(content_write(&w->writer, set->type, r));
		member(w->to, *between, w->writer.text);
		flag(w->to, ", \"disabled\": ", disabled);
		(void)putc('}', w->to);
		*between = ", {\"content\": ";
	}
	return 0;
}

static void write_comments(struct walk *w, const struct extra *x)
{
	const char *between = "{\"account\": ";

	(void)fprintf(w->to, "%s{\"comments\": [", w->between);
	w->between = ", ";
	for (size_t i = 0; i < x->comment_count; i++) {
		member(w->to, between, x->comments[i].account);
		member(w->to, ", \"content\": ", x->comments[i].content);
		(void)fprintf(w->to, ", \"modified_at\": %llu}",
		              (unsigned long long)x->comments[i].modified_at);
		between = ", {\"account\": ";
	}
}

/* set: NULL when nothing of it is served. */
static int write_rrset(struct walk *w, const uint8_t *key, size_t key_len, uint16_t type,
                       const struct rrset *set, const struct extra *x)
{
	uint8_t owner[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	char type_text[RRTYPE_TEXT_MAX];
	struct rrset hidden = {0};
	const char *between = "{\"content\": ";

	TRY(name_from_key(key, key_len, w->zone->name, owner));
	if (x->hidden_size && !w->filter->no_disabled)
		TRY(rrset_open(type, x->hidden, x->hidden_size, &hidden));
	write_comments(w, x);
	member(w->to, "], \"name\": ", name_to_text(owner, text));
	(void)fputs(", \"records\": [", w->to);
	if (set)
		TRY(write_records(w, set, false, &between));
	if (hidden.count)
		TRY(write_records(w, &hidden, true, &between));
	(void)fprintf(w->to, "], \"ttl\": %u, \"type\": \"%s\"}",
	              set ? set->ttl : hidden.ttl, rrtype_to_text(type, type_text));
	return 0;
}

static int order(const struct store_extra *x, const uint8_t *key, size_t key_len,
                 uint16_t type)
{
	int by_key = name_key_compare(x->key, x->key_len, key, key_len);

	return by_key ? by_key : (int)x->type - (int)type;
}

static bool is_wanted(const struct walk *w, uint16_t type)
{
	return !w->filter->type || w->filter->type == type;
}

static int write_extra(struct walk *w, const struct store_extra *x)
{
	struct extra extra;

	if (!is_wanted(w, x->type))
		return 0;
	TRY(extra_decode(x->value, x->size, w->arena, &extra));
	if (w->filter->no_disabled && !extra.comment_count)
		return 0;
	return write_rrset(w, x->key, x->key_len, x->type, NULL, &extra);
}

/* Writes the extras that stand before an RRset. */
static int write_extras_before(struct walk *w, const struct store_entry *e)
{
	while (w->at < w->extras.count &&
	       order(&w->extras.list[w->at], e->key, e->key_len, e->set.type) < 0)
		TRY(write_extra(w, &w->extras.list[w->at++]));
	return 0;
}

/* Gives what the RRset has besides its records; nothing in most cases. */
static int take_extra_of(struct walk *w, const struct store_entry *e, struct extra *out)
{
	*out = (struct extra){0};
	if (w->at == w->extras.count)
		return 0;
	const struct store_extra *x = &w->extras.list[w->at];
	if (order(x, e->key, e->key_len, e->set.type) != 0)
		return 0;
	w->at++;
	return extra_decode(x->value, x->size, w->arena, out);
}

static int write_entry(struct walk *w, const struct store_entry *e)
{
	struct extra extra;

	TRY(write_extras_before(w, e));
	TRY(take_extra_of(w, e, &extra));
	if (!is_wanted(w, e->set.type))
		return 0;
	/* Some have signatures only, some come with them. */
	bool has = e->set.count && !is_all_made(w, &e->set);
	if (!has && !extra.hidden_size && !extra.comment_count)
		return 0;
	return write_rrset(w, e->key, e->key_len, e->set.type, has ? &e->set : NULL,
	                   &extra);
}

static int walk_entries(struct walk *w, struct store_cursor *cursor, const uint8_t *key,
                        size_t key_len)
{
	struct store_entry entry;
	int found = store_cursor_seek(cursor, key, key_len, &entry);

	while (found == 0) {
		if (w->filter->one_owner &&
		    (entry.key_len != key_len || memcmp(entry.key, key, key_len) != 0))
			break;
		TRY(write_entry(w, &entry));
		found = store_cursor_next(cursor, &entry);
	}
	if (found < 0 && found != ERR_NOTFOUND)
		return found;
	while (w->at < w->extras.count)
		TRY(write_extra(w, &w->extras.list[w->at++]));
	return 0;
}

static int walk_zone(struct walk *w, struct store_txn *t)
{
	uint8_t key[NAME_KEY_MAX];
	size_t key_len = 0;
	struct store_cursor *cursor;

	if (w->filter->one_owner) {
		key_len = name_to_key(w->filter->owner,
		                      name_len(w->zone->name, NAME_MAX_LEN), key);
		w->extras.key = key;
		w->extras.key_len = key_len;
	}
	int err = store_extra_each(t, w->zone->id, key, key_len, take_extra, &w->extras);
	if (err < 0)
		return err;
	TRY(store_cursor_open(t, w->zone->id, &cursor));
	err = walk_entries(w, cursor, key, key_len);
	store_cursor_close(&cursor);
	return err;
}

static int write_rrsets(FILE *to, struct store_txn *t, const struct store_zone *z,
                        const struct rrset_filter *f)
{
	struct walk w = {.to = to, .zone = z, .filter = f, .between = ""};

	content_writer_init(&w.writer);
	w.arena = arena_new();
	(void)fputs(", \"rrsets\": [", to);
	int err = zone_keys_look(t, z, &w.keys);
	if (err == 0 || err == ERR_NOTFOUND)
		err = walk_zone(&w, t);
	(void)putc(']', to);
	zone_keys_free(&w.keys);
	free(w.extras.list);
	arena_free(w.arena);
	content_writer_fini(&w.writer);
	return err;
}

int zone_json_detail(FILE *to, const struct zone_json_source *s,
                     const struct store_zone *z, const struct rrset_filter *f)
{
	member(to, "{\"account\": ", z->attrs.account);
	flag(to, ", \"api_rectify\": ", z->attrs.api_rectify);
	member(to, ", \"catalog\": ", z->attrs.catalog);
	write_dnssec(to, s, z);
	(void)fprintf(to, ", \"edited_serial\": %u", z->serial);
	TRY(write_middle(to, s, z, true));
	flag(to, ", \"nsec3narrow\": ", z->attrs.nsec3narrow);
	member(to, ", \"nsec3param\": ", z->attrs.nsec3param);
	if (!f->none)
		TRY(write_rrsets(to, s->txn, z, f));
	(void)fprintf(to, ", \"serial\": %u, \"slave_tsig_key_ids\": ", z->serial);
	TRY(key_ids_write(to, s->txn, z, KEY_IDS_SLAVE));
	member(to, ", \"soa_edit\": ", z->attrs.soa_edit);
	member(to, ", \"soa_edit_api\": ", z->attrs.soa_edit_api);
	write_url(to, z);
	(void)putc('}', to);
	return 0;
}
