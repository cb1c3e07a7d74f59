/* zone export: a zone as text, in pages, each from a snapshot of its own. */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/hex.h"

enum { EXPORT_PAGE = 1 << 20 };

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The place to go on from travels as hexadecimal. */
static size_t read_place(const char *text, uint8_t key[static NAME_KEY_MAX + 2])
{
	size_t n = 0;

	for (; text && text[0] && text[1] && n < NAME_KEY_MAX + 2; text += 2) {
		int high = nibble(text[0]);
		int low = nibble(text[1]);
		if (high < 0 || low < 0)
			return 0;
		key[n++] = (uint8_t)(high << 4 | low);
	}
	return n;
}

static json_t *write_place(const struct store_entry *e)
{
	char text[2 * NAME_KEY_MAX];
	const char *end = hex_write(text, e->key, e->key_len);

	return json_stringn(text, (size_t)(end - text));
}

/* The owners that are asked for: from one on, or that one alone. */
struct wanted {
	uint8_t key[NAME_KEY_MAX + 2];
	size_t key_len;
	bool only;
};

static bool is_wanted(const struct wanted *w, const struct store_entry *e)
{
	return !w->only ||
	       (e->key_len == w->key_len && memcmp(e->key, w->key, e->key_len) == 0);
}

static int export_from(struct store_cursor *cursor, const struct store_zone *z,
                       const struct wanted *w, FILE *to, json_t *result)
{
	struct store_entry entry;
	uint8_t last[NAME_KEY_MAX];
	size_t last_len = 0;
	int found = store_cursor_seek(cursor, w->key, w->key_len, &entry);

	while (found == 0 && is_wanted(w, &entry)) {
		uint8_t owner[NAME_MAX_LEN];
		bool same = entry.key_len == last_len &&
		            memcmp(entry.key, last, last_len) == 0;
		if (!same && ftell(to) > EXPORT_PAGE) {
			json_put(result, "next", write_place(&entry));
			return 0;
		}
		TRY(name_from_key(entry.key, entry.key_len, z->name, owner));
		TRY(zonefile_write_rrset(to, owner, &entry.set));
		memcpy(last, entry.key, entry.key_len);
		last_len = entry.key_len;
		found = store_cursor_next(cursor, &entry);
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

/* ERR_RANGE: "name" is none of the zone. */
static int read_wanted(const struct store_zone *z, const json_t *args, struct wanted *w)
{
	const json_t *name = json_object_get(args, "name");
	const char *text = json_string_value(name);
	uint8_t owner[NAME_MAX_LEN];

	w->only = name;
	if (!name) {
		w->key_len = read_place(json_string_value(json_object_get(args, "after")),
		                        w->key);
		return 0;
	}
	if (!text)
		return ERR_RANGE;
	w->key_len = 0;
	if (strcmp(text, "@") == 0)
		return 0;
	int len = name_from_text(text, strlen(text), z->name, owner);
	if (len < 0)
		return ERR_RANGE;
	name_fold(owner, (size_t)len);
	if (!name_is_under(owner, z->name, NULL))
		return ERR_RANGE;
	w->key_len = name_to_key(owner, name_len(z->name, NAME_MAX_LEN), w->key);
	return 0;
}

static int export_page(struct store_txn *t, const struct store_zone *z,
                       const json_t *args, FILE *to, json_t *result)
{
	struct wanted wanted;
	struct store_cursor *cursor;

	TRY(read_wanted(z, args, &wanted));
	TRY(store_cursor_open(t, z->id, &cursor));
	int err = export_from(cursor, z, &wanted, to, result);
	store_cursor_close(&cursor);
	return err;
}

static enum engine_outcome export_zone(struct store_txn *t, const struct store_zone *z,
                                       const json_t *args, json_t *result)
{
	char name[NAME_TEXT_MAX];
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	int err = export_page(t, z, args, to, result);
	if (fclose(to) != 0)
		abort();
	json_put(result, "zone", json_string(name_to_text(z->name, name)));
	json_put(result, "serial", json_number(z->serial));
	json_put(result, "version", json_number(z->version));
	json_put(result, "from_file", json_boolean(z->source[0]));
	json_put(result, "text", json_stringn(text, size));
	free(text);
	if (err == ERR_RANGE)
		return engine_fail(result, ENGINE_REFUSED,
		                   "\"name\" is not a name of the zone");
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return ENGINE_OK;
}

enum engine_outcome command_zone_export(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct shown_failure failure = {.loaded = true};
	struct store_zone z;
	struct store_txn *t;
	enum engine_outcome outcome = engine_zone_arg(args, result, name);

	if (outcome != ENGINE_OK)
		return outcome;
	int err = store_begin_read(e->committer.store, &t);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	const char *text = json_string_value(json_object_get(args, "zone"));
	err = engine_find_zone(t, name, &z);
	(void)shown_failed(&e->shown, name, &failure);
	if (err == ERR_NOTFOUND)
		outcome = engine_fail(result, ENGINE_REFUSED, "no zone %s", text);
	else if (err < 0)
		outcome = engine_fail(result, ENGINE_REFUSED, "zone %s: %s", text,
		                      err_text(err));
	else if (!z.loaded || !failure.loaded)
		outcome = engine_fail(result, ENGINE_REFUSED, "zone %s has no contents",
		                      text);
	else
		outcome = export_zone(t, &z, args, result);
	store_abort(&t);
	return outcome;
}
