#include "control/sign/bulk.h"

#include <stdlib.h>
#include <string.h>

#include "control/sign/roof.h"
#include "control/sign/threads.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { RUN = 64 }; /* RRsets; a few milliseconds of P-256 */

/* An RRset, and where it is to be with its signatures, or without any. */
struct task {
	struct contents_rrset *set;
	uint8_t *blob;
	uint32_t size;
	bool own;
};

struct work {
	const struct bulk *bulk;
	struct task *tasks;
	size_t count, room;
	atomic_size_t next;
	atomic_int err; /* the first that one has met */
};

/* ---- what is to be signed ---- */

/* Looks through the types of the owner at i, which nothing covers. Gives whether it is a delegation. */
static bool look_at_owner(const struct contents *c, size_t i, struct roof *roof)
{
	const struct contents_rrset *first = &c->rrsets[i];
	bool cut = false;
	bool dname = false;

	for (; i < c->count && contents_same_owner(&c->rrsets[i], first); i++) {
		cut |= c->rrsets[i].type == RRTYPE_NS && first->key_len > 0;
		dname |= c->rrsets[i].type == RRTYPE_DNAME;
	}
	if (cut || dname)
		*roof = (struct roof){.key = first->key, .len = first->key_len};
	return cut;
}

static bool is_right(const struct bulk *b, const struct rrset *set, bool apex, bool own)
{
	return own ? b->keep && sign_is_current(b->terms, set, apex)
	           : set->sig_count == 0;
}

static int add_task(struct work *w, struct contents_rrset *s, bool own)
{
	struct rrset set;
	bool apex = s->key_len == 0;

	TRY(rrset_open(s->type, s->blob, s->size, &set));
	if (set.count == 0)
		return ERR_INVALID;
	if (is_right(w->bulk, &set, apex, own))
		return 0;
	w->tasks = array_room(w->tasks, w->count, &w->room, sizeof *w->tasks);
	struct task *t = &w->tasks[w->count++];
	*t = (struct task){.set = s, .own = own};
	t->size = own ? sign_blob_size(w->bulk->terms, &set, apex)
	              : (uint32_t)rrsig_blob_size(&set, NULL, 0);
	t->blob = arena_alloc(w->bulk->contents->arena, t->size);
	return 0;
}

static int find_tasks(struct work *w)
{
	struct contents *c = w->bulk->contents;
	struct roof roof = {.key = NULL};
	bool hidden = false;
	bool cut = false;

	for (size_t i = 0; i < c->count; i++) {
		struct contents_rrset *s = &c->rrsets[i];
		if (i == 0 || !contents_same_owner(s, s - 1)) {
			hidden = roof_is_above(&roof, s->key, s->key_len);
			cut = !hidden && look_at_owner(c, i, &roof);
		}
		TRY(add_task(w, s, sign_is_own(s->type, hidden, cut)));
	}
	atomic_store_explicit(&w->bulk->progress->total, w->count, memory_order_relaxed);
	return 0;
}

/* ---- one thread ---- */

static int sign_task(struct set_signer *s, const struct work *w, const struct task *t)
{
	uint8_t owner[NAME_MAX_LEN];
	struct rrset set;

	TRY(rrset_open(t->set->type, t->set->blob, t->set->size, &set));
	if (!t->own) {
		rrsig_blob_write(&set, NULL, 0, t->blob);
		return 0;
	}
	TRY(name_from_key(t->set->key, t->set->key_len, w->bulk->contents->apex, owner));
	return set_signer_sign(s, owner, &set, t->blob);
}

/* Says whether all is well so far, and nobody wants it to end. */
static bool goes_on(const struct work *w)
{
	return atomic_load_explicit(&w->err, memory_order_relaxed) == 0 &&
	       !atomic_load_explicit(&w->bulk->progress->stop, memory_order_relaxed);
}

static void tell(const struct work *w, const struct task *tasks, size_t count)
{
	const struct bulk_watcher *watcher = w->bulk->watcher;
	struct contents_rrset sets[RUN];
	size_t made = 0;

	for (size_t i = 0; i < count; i++) {
		if (!tasks[i].own)
			continue;
		sets[made] = *tasks[i].set;
		sets[made].blob = tasks[i].blob;
		sets[made++].size = tasks[i].size;
	}
	if (made)
		watcher->made(watcher->arg, sets, made);
}

static int sign_run(struct set_signer *s, const struct work *w, size_t from)
{
	size_t end = w->count - from < RUN ? w->count : from + RUN;

	for (size_t i = from; i < end; i++)
		TRY(sign_task(s, w, &w->tasks[i]));
	if (w->bulk->watcher)
		tell(w, &w->tasks[from], end - from);
	atomic_fetch_add_explicit(&w->bulk->progress->done, end - from,
	                          memory_order_relaxed);
	return 0;
}

static void *take_part(void *arg)
{
	struct work *w = arg;
	struct set_signer *s = NULL;
	int none = 0;
	int err = set_signer_new(w->bulk->terms, &s);

	while (err == 0 && goes_on(w)) {
		size_t from =
			atomic_fetch_add_explicit(&w->next, RUN, memory_order_relaxed);
		if (from >= w->count)
			break;
		err = sign_run(s, w, from);
	}
	if (err < 0)
		(void)atomic_compare_exchange_strong_explicit(
			&w->err, &none, err, memory_order_relaxed, memory_order_relaxed);
	set_signer_free(&s);
	return NULL;
}

/* ---- all of it ---- */

static void put_all(const struct work *w)
{
	size_t records = 0;

	for (size_t i = 0; i < w->count; i++) {
		const struct task *t = &w->tasks[i];
		struct rrset was;
		struct rrset is;

		if (rrset_open(t->set->type, t->set->blob, t->set->size, &was) < 0 ||
		    rrset_open(t->set->type, t->blob, t->size, &is) < 0)
			abort(); /* both have been opened, or written, before */
		records += (size_t)is.sig_count - was.sig_count;
		t->set->blob = t->blob;
		t->set->size = t->size;
	}
	w->bulk->contents->records += records;
}

int bulk_sign(const struct bulk *b)
{
	struct work w = {.bulk = b};

	TRY(sign_terms_check(b->terms));
	int err = find_tasks(&w);
	if (err == 0) {
		threads_run(b->threads, take_part, &w);
		err = atomic_load_explicit(&w.err, memory_order_relaxed);
	}
	if (err == 0 && atomic_load_explicit(&b->progress->stop, memory_order_relaxed))
		err = ERR_STOPPED;
	if (err == 0)
		put_all(&w);
	free(w.tasks);
	return err;
}
