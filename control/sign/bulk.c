#include "control/sign/bulk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum { RUN = 64 }; /* RRsets; a few milliseconds of P-256 */

/* An RRset, and where it is to be with its signatures. */
struct task {
	struct contents_rrset *set;
	uint8_t *blob;
	uint32_t size;
	unsigned part;
};

struct work {
	const struct bulk *bulk;
	struct task *tasks;
	size_t count, room;
	atomic_size_t next;
	atomic_int err; /* the first that one has met */
};

/* ---- what is to be signed ---- */

/* The last delegation or DNAME in canonical order, below which nothing is the zone's own. */
struct roof {
	const uint8_t *key; /* NULL: none yet */
	size_t len;
};

static bool is_below(const struct roof *r, const struct contents_rrset *s)
{
	return r->key && s->key_len > r->len && memcmp(s->key, r->key, r->len) == 0;
}

/* Looks through the types of the owner at i, which nothing covers. Gives whether it is a delegation. */
static bool look_at_owner(const struct contents *c, size_t i, struct roof *roof)
{
	const struct contents_rrset *first = &c->rrsets[i];
	bool cut = false;
	bool dname = false;

	for (; i < c->count && c->rrsets[i].key_len == first->key_len &&
	       memcmp(c->rrsets[i].key, first->key, first->key_len) == 0;
	     i++) {
		cut |= c->rrsets[i].type == RRTYPE_NS && first->key_len > 0;
		dname |= c->rrsets[i].type == RRTYPE_DNAME;
	}
	if (cut || dname)
		*roof = (struct roof){.key = first->key, .len = first->key_len};
	return cut;
}

static bool is_signed_at_cut(uint16_t type)
{
	return type == RRTYPE_DS || type == RRTYPE_NSEC;
}

static unsigned part_of(const struct contents_rrset *s)
{
	bool keys = s->type == RRTYPE_DNSKEY || s->type == RRTYPE_CDS ||
	            s->type == RRTYPE_CDNSKEY;

	return keys && s->key_len == 0 ? BULK_KEYS : BULK_ZONE;
}

static uint32_t signature_size(const struct sign_key *k, size_t apex_len)
{
	const struct sign_algorithm_facts *f = sign_algorithm(sign_key_algorithm(k));
	uint32_t len = f->signature_len ? f->signature_len : (sign_key_bits(k) + 7) / 8;

	return (uint32_t)(sizeof(uint16_t) + RRSIG_FIXED + apex_len) + len;
}

/* Octets of the blob of an RRset with its signatures, which are as long as their keys say. */
static uint32_t signed_size(const struct bulk *b, const struct rrset *set, unsigned part)
{
	uint32_t size = (uint32_t)rrsig_blob_size(set, NULL, 0);

	for (size_t i = 0; i < b->key_count; i++)
		if (b->keys[i].parts & part)
			size += signature_size(b->keys[i].key, b->contents->apex_len);
	return size;
}

static int add_task(struct work *w, struct contents_rrset *s)
{
	struct rrset set;

	TRY(rrset_open(s->type, s->blob, s->size, &set));
	if (set.count == 0)
		return ERR_INVALID;
	w->tasks = array_room(w->tasks, w->count, &w->room, sizeof *w->tasks);
	struct task *t = &w->tasks[w->count++];
	*t = (struct task){.set = s, .part = part_of(s)};
	t->size = signed_size(w->bulk, &set, t->part);
	t->blob = arena_alloc(w->bulk->contents->arena, t->size);
	return 0;
}

static int find_tasks(struct work *w)
{
	struct contents *c = w->bulk->contents;
	const struct contents_rrset *owner = NULL;
	struct roof roof = {.key = NULL};
	bool cut = false;

	for (size_t i = 0; i < c->count; i++) {
		struct contents_rrset *s = &c->rrsets[i];
		if (is_below(&roof, s))
			continue;
		if (!owner || s->key_len != owner->key_len ||
		    memcmp(s->key, owner->key, s->key_len) != 0) {
			cut = look_at_owner(c, i, &roof);
			owner = s;
		}
		if (!cut || is_signed_at_cut(s->type))
			TRY(add_task(w, s));
	}
	atomic_store_explicit(&w->bulk->progress->total, w->count, memory_order_relaxed);
	return 0;
}

/* ---- one thread ---- */

struct hand {
	struct work *work;
	struct signer *signers[BULK_KEYS_MAX]; /* one for each key */
	struct rrsig_room room;
	uint8_t rdata[BULK_KEYS_MAX][RRSIG_MAX];
};

static int sign_task(struct hand *h, const struct task *t)
{
	const struct bulk *b = h->work->bulk;
	uint8_t owner[NAME_MAX_LEN];
	struct rdata signatures[BULK_KEYS_MAX];
	unsigned count = 0;
	struct rrset set;

	TRY(rrset_open(t->set->type, t->set->blob, t->set->size, &set));
	TRY(name_from_key(t->set->key, t->set->key_len, b->contents->apex, owner));
	const struct signed_set what = {
		.owner = owner, .zone = b->contents->apex, .set = &set};
	const struct sign_occasion occasion = {
		.owner = owner, .type = t->set->type, .serial = b->serial};
	struct rrsig_times times = sign_times(b->periods, &occasion, b->now);
	for (size_t i = 0; i < b->key_count; i++) {
		if (!(b->keys[i].parts & t->part))
			continue;
		int len = rrsig_make(h->signers[i], &h->room, &what, times,
		                     h->rdata[count]);
		TRY(len);
		signatures[count] =
			(struct rdata){.bytes = h->rdata[count], .len = (uint16_t)len};
		count++;
	}
	if (rrsig_blob_size(&set, signatures, count) != t->size)
		return ERR_SYSTEM; /* a signature of another length than its kind has */
	rrsig_blob_write(&set, signatures, count, t->blob);
	return 0;
}

/* Says whether all is well so far, and nobody wants it to end. */
static bool goes_on(const struct work *w)
{
	return atomic_load_explicit(&w->err, memory_order_relaxed) == 0 &&
	       !atomic_load_explicit(&w->bulk->progress->stop, memory_order_relaxed);
}

static int sign_run(struct hand *h, size_t from)
{
	struct work *w = h->work;
	size_t end = w->count - from < RUN ? w->count : from + RUN;

	for (size_t i = from; i < end; i++)
		TRY(sign_task(h, &w->tasks[i]));
	atomic_fetch_add_explicit(&w->bulk->progress->done, end - from,
	                          memory_order_relaxed);
	return 0;
}

static int open_signers(struct hand *h)
{
	const struct bulk *b = h->work->bulk;

	for (size_t i = 0; i < b->key_count; i++)
		TRY(signer_new(b->keys[i].key, &h->signers[i]));
	return 0;
}

static void *take_part(void *arg)
{
	struct work *w = arg;
	struct hand *h = must(calloc(1, sizeof *h));

	h->work = w;
	int err = open_signers(h);
	while (err == 0 && goes_on(w)) {
		size_t from =
			atomic_fetch_add_explicit(&w->next, RUN, memory_order_relaxed);
		if (from >= w->count)
			break;
		err = sign_run(h, from);
	}
	int none = 0;
	if (err < 0)
		(void)atomic_compare_exchange_strong_explicit(
			&w->err, &none, err, memory_order_relaxed, memory_order_relaxed);
	for (size_t i = 0; i < BULK_KEYS_MAX; i++)
		signer_free(&h->signers[i]);
	rrsig_room_fini(&h->room);
	free(h);
	return NULL;
}

/* ---- all of it ---- */

static void sign_all(struct work *w)
{
	pthread_t threads[BULK_THREADS_MAX];
	unsigned count = 0;

	while (count + 1 < w->bulk->threads && count < BULK_THREADS_MAX &&
	       pthread_create(&threads[count], NULL, take_part, w) == 0)
		count++;
	(void)take_part(w); /* alone, if need be */
	for (unsigned i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
}

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

static bool has_keys(const struct bulk *b)
{
	unsigned parts = 0;

	if (b->key_count > BULK_KEYS_MAX)
		return false;
	for (size_t i = 0; i < b->key_count; i++)
		parts |= b->keys[i].parts;
	return parts == (BULK_KEYS | BULK_ZONE);
}

int bulk_sign(const struct bulk *b)
{
	struct work w = {.bulk = b};

	if (!has_keys(b))
		return ERR_INVALID;
	int err = find_tasks(&w);
	if (err == 0) {
		sign_all(&w);
		err = atomic_load_explicit(&w.err, memory_order_relaxed);
	}
	if (err == 0 && atomic_load_explicit(&b->progress->stop, memory_order_relaxed))
		err = ERR_STOPPED;
	if (err == 0)
		put_all(&w);
	free(w.tasks);
	return err;
}
