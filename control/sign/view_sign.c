#include "control/sign/view_sign.h"

#include <string.h>

#include "control/change/walk.h"
#include "shared/err.h"
#include "shared/name.h"

struct signing {
	const struct change_view *view;
	struct set_signer *signer;
	struct contents_arena *arena;
	struct view_walk walk;    /* through what is below a name */
	struct overlay_set *sets; /* that get other signatures, in order; in the arena */
	size_t count, room;
	size_t made;
};

/* An owner, and what makes its RRsets the zone's own or not. */
struct where {
	const uint8_t *key;
	size_t key_len;
	uint8_t owner[NAME_MAX_LEN];
	bool hidden;
	bool cut;
};

static int look_where(const struct signing *s, const uint8_t *key, size_t key_len,
                      struct where *out)
{
	enum view_above above;
	struct rrset ns;

	out->key = arena_copy(s->arena, key, key_len);
	out->key_len = key_len;
	TRY(name_from_key(key, key_len, s->view->zone->name, out->owner));
	TRY(view_look_above(s->view, key, key_len, &above));
	out->hidden = above != VIEW_ABOVE_NOTHING;
	int err = key_len ? change_view_get(s->view, key, key_len, RRTYPE_NS, &ns)
	                  : ERR_NOTFOUND;
	out->cut = err == 0 && ns.count > 0;
	return err == ERR_NOTFOUND ? 0 : err;
}

/* ---- one RRset ---- */

static int sign_or_strip(struct signing *s, const struct where *at,
                         const struct rrset *set, bool own, struct overlay_set *out)
{
	struct rrset bare = *set;

	if (own) {
		out->size = set_signer_size(s->signer, set, at->key_len == 0);
		uint8_t *blob = arena_alloc(s->arena, out->size);
		out->blob = blob;
		return set_signer_sign(s->signer, at->owner, set, blob);
	}
	rrsig_take_out(&bare, s->arena);
	out->blob = bare.bytes;
	out->size = bare.size;
	return 0;
}

static int settle(struct signing *s, const struct where *at, const struct view_set *v)
{
	const struct rrset *set = &v->set;
	bool own = sign_is_own(set->type, at->hidden, at->cut);
	bool right = own ? !v->touched && set->sig_count > 0 : set->sig_count == 0;

	if (set->count == 0 || right)
		return 0;
	struct overlay_set other = {.key = at->key,
	                            .key_len = (uint16_t)at->key_len,
	                            .type = set->type,
	                            .edit = v->touched ? v->touched->edit : -1};
	other.before_size = v->touched ? v->touched->before_size : set->size;
	other.before = v->touched ? v->touched->before
	                          : arena_copy(s->arena, set->bytes, set->size);
	TRY(sign_or_strip(s, at, set, own, &other));
	s->made += own;
	s->sets = arena_room(s->arena, s->sets, s->count, &s->room, sizeof *s->sets);
	s->sets[s->count++] = other;
	return 0;
}

/* ---- names ---- */

/* All RRsets of the view at one name. */
static int settle_touched(struct signing *s, const struct overlay_set *sets, size_t count)
{
	struct where at;

	TRY(look_where(s, sets->key, sets->key_len, &at));
	for (size_t i = 0; i < count; i++) {
		struct view_set v = {.touched = &sets[i]};

		if (sets[i].size == 0)
			continue;
		TRY(rrset_open(sets[i].type, sets[i].blob, sets[i].size, &v.set));
		TRY(settle(s, &at, &v));
	}
	return 0;
}

static bool is_at_or_below(const uint8_t *key, size_t len, const uint8_t *above,
                           size_t above_len)
{
	return len >= above_len && memcmp(key, above, above_len) == 0;
}

/* All RRsets at a name and below it, whether the view has them or the store. */
static int settle_below(struct signing *s, const uint8_t *root, size_t root_len)
{
	struct where at = {.key = NULL};
	struct view_set v;
	const uint8_t *key;
	size_t len;
	int err;

	TRY(view_walk_to(&s->walk, root, root_len));
	while ((err = view_walk_peek(&s->walk, &key, &len, &v)) == 0 &&
	       is_at_or_below(key, len, root, root_len)) {
		if (!at.key || at.key_len != len || memcmp(at.key, key, len) != 0)
			TRY(look_where(s, key, len, &at));
		TRY(settle(s, &at, &v));
		TRY(view_walk_step(&s->walk));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* Says whether a name begins to cover what is below it, or covers it no longer. */
static bool covers_anew(const struct overlay_set *sets, size_t count)
{
	bool anew = false;

	for (size_t i = 0; i < count; i++) {
		bool roof = (sets[i].type == RRTYPE_NS && sets[i].key_len > 0) ||
		            sets[i].type == RRTYPE_DNAME;
		anew |= roof && (sets[i].size == 0) != (sets[i].before_size == 0);
	}
	return anew;
}

/* One name by its RRsets in the view. *root: the last name that is settled with all below it, or NULL. */
static int settle_name(struct signing *s, const struct overlay_set *sets, size_t count,
                       const struct overlay_set **root)
{
	const struct overlay_set *r = *root;

	if (r && is_at_or_below(sets->key, sets->key_len, r->key, r->key_len))
		return 0;
	if (!covers_anew(sets, count))
		return settle_touched(s, sets, count);
	*root = sets;
	return settle_below(s, sets->key, sets->key_len);
}

static int settle_view(struct signing *s)
{
	const struct change_view *v = s->view;
	const struct overlay_set *root = NULL;
	size_t end;

	for (size_t at = 0; at < v->count; at = end) {
		end = change_view_owner_end(v, at);
		TRY(settle_name(s, &v->sets[at], end - at, &root));
	}
	return 0;
}

int view_sign(struct change_view *v, struct set_signer *signer, struct contents_arena *a,
              size_t *made)
{
	struct signing s = {.view = v, .signer = signer, .arena = a, .walk = {.view = v}};

	TRY(store_cursor_open(v->txn, v->zone->id, &s.walk.cursor));
	int err = settle_view(&s);
	store_cursor_close(&s.walk.cursor);
	TRY(err);
	change_view_merge(v, a, s.sets, s.count);
	*made = s.made;
	return 0;
}
