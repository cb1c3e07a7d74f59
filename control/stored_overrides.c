#include "control/stored_overrides.h"

#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

/* One that a newer version put there is told, not refused, where it is laid over the file. */
static int add_stored(const struct store_item *item, void *arg)
{
	char *name = strndup(item->key, item->key_len);
	char *text = strndup(item->size ? item->value : "", item->size);

	if (!name || !text)
		abort();
	overrides_set(arg, name, text);
	free(name);
	free(text);
	return 0;
}

int stored_overrides_get(struct store *s, struct overrides *out)
{
	struct store_txn *t;

	TRY(store_begin_read(s, &t));
	int err = store_item_each(t, STORE_CONFIG, "", 0, add_stored, out);
	store_abort(&t);
	return err;
}

int stored_overrides_read(const char *dir, struct overrides *out, char *text,
                          size_t text_size)
{
	struct store *s;

	TRY(store_open(dir, &s, text, text_size));
	int err = stored_overrides_get(s, out);
	if (err < 0)
		(void)snprintf(text, text_size, "%s: %s", dir, err_text(err));
	store_close(s);
	return err;
}

static void add_item(struct change *change, const char *name, const char *text)
{
	(void)change_item(change, STORE_CONFIG, name, strlen(name), text,
	                  text ? strlen(text) : 0);
}

void stored_overrides_change(const struct overrides *before,
                             const struct overrides *after, struct change *change)
{
	for (size_t i = 0; i < before->count; i++)
		if (!overrides_get(after, before->items[i].name))
			add_item(change, before->items[i].name, NULL);
	for (size_t i = 0; i < after->count; i++) {
		const struct override *item = &after->items[i];
		const char *old = overrides_get(before, item->name);

		if (!old || strcmp(old, item->text) != 0)
			add_item(change, item->name, item->text);
	}
}
