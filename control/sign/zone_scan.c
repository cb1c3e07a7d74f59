#include "control/sign/zone_scan.h"

#include <string.h>

#include "control/sign/roof.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { TYPES_MAX = RRSET_TYPES_MAX + 6 };

/* All RRsets of one owner, lent by the transaction. */
struct owner {
	struct store_entry sets[TYPES_MAX];
	size_t count;
};

struct walk {
	struct zone_scan *scan;
	struct zone_keys *keys;
	size_t room;
	struct roof roof;
	struct owner owner;
};

static bool has(const struct owner *o, uint16_t type)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->sets[i].set.type == type)
			return true;
	return false;
}

static void list(struct walk *w, const struct store_entry *e)
{
	struct zone_scan *s = w->scan;

	s->due_count++;
	if (s->due.count == s->most)
		return;
	s->due.sets = arena_room(s->arena, s->due.sets, s->due.count, &s->due.room,
	                         sizeof *s->due.sets);
	s->due.sets[s->due.count++] =
		(struct again_set){.key = arena_copy(s->arena, e->key, e->key_len),
	                           .key_len = (uint16_t)e->key_len,
	                           .type = e->set.type};
}

static void look_at_set(struct walk *w, const struct store_entry *e, bool own)
{
	struct zone_scan *s = w->scan;
	const struct sign_terms *terms = &w->keys->terms;
	bool apex = e->key_len == 0;

	if (!own) {
		if (e->set.sig_count)
			list(w, e);
		return;
	}
	s->signed_count++;
	s->lapsed |= !sign_holds(&e->set, s->now);
	uint64_t ends = sign_ends(terms, &e->set);
	s->ends = ends < s->ends ? ends : s->ends;
	if (!sign_is_current(terms, &e->set, apex)) {
		list(w, e);
		return;
	}
	uint64_t due = sign_due(terms, &e->set, apex);
	s->next = due < s->next ? due : s->next;
}

static void look_at_owner(struct walk *w)
{
	const struct owner *o = &w->owner;
	const struct store_entry *first = &o->sets[0];
	bool hidden = roof_is_above(&w->roof, first->key, first->key_len);
	bool cut = !hidden && first->key_len > 0 && has(o, RRTYPE_NS);

	if (cut || (!hidden && has(o, RRTYPE_DNAME)))
		w->roof = (struct roof){.key = first->key, .len = first->key_len};
	for (size_t i = 0; i < o->count; i++) {
		const struct store_entry *e = &o->sets[i];
		if (e->set.count == 0)
			continue;
		if (e->set.ttl > w->scan->longest_ttl)
			w->scan->longest_ttl = e->set.ttl;
		look_at_set(w, e, sign_is_own(e->set.type, hidden, cut));
	}
}

static void take(struct walk *w, const struct store_entry *e)
{
	struct owner *o = &w->owner;

	if (o->count && (o->sets[0].key_len != e->key_len ||
	                 memcmp(o->sets[0].key, e->key, e->key_len) != 0)) {
		look_at_owner(w);
		o->count = 0;
	}
	if (o->count < TYPES_MAX)
		o->sets[o->count++] = *e;
}

static int walk_all(struct walk *w, struct store_cursor *cursor)
{
	struct store_entry e;
	int err;

	while ((err = store_cursor_next(cursor, &e)) == 0)
		take(w, &e);
	if (w->owner.count)
		look_at_owner(w);
	return err == ERR_NOTFOUND ? 0 : err;
}

int zone_scan(struct store_txn *t, struct zone_keys *keys, struct zone_scan *s)
{
	struct walk w = {.scan = s, .keys = keys};
	struct store_cursor *cursor;

	s->next = s->ends = UINT64_MAX;
	keys->terms.now = s->soon;
	TRY(store_cursor_open(t, keys->id, &cursor));
	int err = walk_all(&w, cursor);
	store_cursor_close(&cursor);
	keys->terms.now = s->now;
	return err;
}

int zone_has_signatures(struct store_txn *t, uint32_t zone, bool *out)
{
	struct rrset soa;
	int err = store_soa_get(t, zone, &soa);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	*out = err == 0 && soa.sig_count > 0;
	return 0;
}

int zone_longest_ttl(struct store_txn *t, uint32_t zone, uint32_t *out)
{
	struct store_cursor *cursor;
	struct store_entry e;

	*out = 0;
	TRY(store_cursor_open(t, zone, &cursor));
	int err;
	while ((err = store_cursor_next(cursor, &e)) == 0)
		*out = e.set.ttl > *out ? e.set.ttl : *out;
	store_cursor_close(&cursor);
	return err == ERR_NOTFOUND ? 0 : err;
}
