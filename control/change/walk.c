#include "control/change/walk.h"

#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

/* Takes what the cursor gave. */
static int take_stored(struct view_walk *w, int err)
{
	w->has_stored = err == 0;
	return err == ERR_NOTFOUND ? 0 : err;
}

int view_walk_to(struct view_walk *w, const uint8_t *key, size_t key_len)
{
	size_t low = 0;
	size_t high = w->view->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct overlay_set *s = &w->view->sets[middle];

		if (name_key_compare(s->key, s->key_len, key, key_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	w->at = low;
	return take_stored(w, store_cursor_seek(w->cursor, key, key_len, &w->stored));
}

/* Gives the view's next RRset, or NULL, and how it is ordered against the store's: below 0 it comes next, at 0 in
 * place of that one, above 0 behind it. */
static const struct overlay_set *next_touched(const struct view_walk *w, int *order)
{
	const struct overlay_set *s =
		w->at < w->view->count ? &w->view->sets[w->at] : NULL;

	*order = s ? -1 : 1;
	if (s && w->has_stored)
		*order = change_sets_compare(s->key, s->key_len, s->type, w->stored.key,
		                             w->stored.key_len, w->stored.set.type);
	return s;
}

int view_walk_peek(const struct view_walk *w, const uint8_t **key, size_t *key_len,
                   struct view_set *out)
{
	int order;
	const struct overlay_set *s = next_touched(w, &order);

	if (!s && !w->has_stored)
		return ERR_NOTFOUND;
	if (order > 0) {
		*key = w->stored.key;
		*key_len = w->stored.key_len;
		*out = (struct view_set){.set = w->stored.set};
		return 0;
	}
	*key = s->key;
	*key_len = s->key_len;
	*out = (struct view_set){.set = {.type = s->type}, .touched = s};
	return s->size ? rrset_open(s->type, s->blob, s->size, &out->set) : 0;
}

int view_walk_step(struct view_walk *w)
{
	int order;

	(void)next_touched(w, &order);
	if (order <= 0)
		w->at++;
	return order < 0 ? 0 : take_stored(w, store_cursor_next(w->cursor, &w->stored));
}

static int has(const struct change_view *v, const uint8_t *key, size_t key_len,
               uint16_t type, bool *out)
{
	struct rrset set;
	int err = change_view_get(v, key, key_len, type, &set);

	*out = err == 0 && set.count > 0;
	return err == ERR_NOTFOUND ? 0 : err;
}

/* From the apex down, where NS is no delegation. */
int view_look_above(const struct change_view *v, const uint8_t *key, size_t key_len,
                    enum view_above *out)
{
	bool dname = false;

	for (size_t at = 0; at < key_len;) {
		bool cut = false;
		bool here = false;

		if (at > 0)
			TRY(has(v, key, at, RRTYPE_NS, &cut));
		if (cut) {
			*out = VIEW_ABOVE_CUT;
			return 0;
		}
		TRY(has(v, key, at, RRTYPE_DNAME, &here));
		dname |= here;
		while (key[at++])
			;
	}
	*out = dname ? VIEW_ABOVE_DNAME : VIEW_ABOVE_NOTHING;
	return 0;
}
