/* zone export: a zone as text, in pages, each from a snapshot of its own. */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"

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
	char text[2 * NAME_KEY_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < e->key_len; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%02x", e->key[i]);
	return json_stringn(text, n);
}

static int export_from(struct store_cursor *cursor, const struct store_zone *z,
                       const uint8_t *key, size_t key_len, FILE *to, json_t *result)
{
	struct store_entry entry;
	uint8_t last[NAME_KEY_MAX];
	size_t last_len = 0;
	int found = store_cursor_seek(cursor, key, key_len, &entry);

	while (found == 0) {
		uint8_t owner[NAME_MAX_LEN];
		bool same = entry.key_len == last_len &&
		            memcmp(entry.key, last, last_len) == 0;
		if (!same && ftell(to) > EXPORT_PAGE) {
			engine_set(result, "next", write_place(&entry));
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

static int export_page(struct store_txn *t, const struct store_zone *z,
                       const json_t *args, FILE *to, json_t *result)
{
	uint8_t key[NAME_KEY_MAX + 2];
	size_t key_len =
		read_place(json_string_value(json_object_get(args, "after")), key);
	struct store_cursor *cursor;

	TRY(store_cursor_open(t, z->id, &cursor));
	int err = export_from(cursor, z, key, key_len, to, result);
	store_cursor_close(&cursor);
	return err;
}

static enum engine_outcome export_zone(struct store_txn *t, const struct store_zone *z,
                                       const json_t *args, json_t *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	int err = export_page(t, z, args, to, result);
	if (fclose(to) != 0)
		abort();
	engine_set(result, "serial", engine_number(z->serial));
	engine_set(result, "text", json_stringn(text, size));
	free(text);
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
	err = store_zone_get(t, name, &z);
	(void)shown_failed(&e->shown, name, &failure);
	if (err < 0 || !z.loaded || !failure.loaded)
		outcome = engine_fail(result, ENGINE_REFUSED,
		                      err < 0 ? "no zone %s" : "zone %s has no contents",
		                      json_string_value(json_object_get(args, "zone")));
	else
		outcome = export_zone(t, &z, args, result);
	store_abort(&t);
	return outcome;
}
