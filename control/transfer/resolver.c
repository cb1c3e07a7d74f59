/*
 * A name that was asked for is an entry, which waits, is being looked up, or is known for a while. A lookup is a
 * thread's; when it is over it goes into a box, from where the loop takes it. The box is what
 * remains when the resolver closes before its threads are done.
 */
#include "control/transfer/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "shared/clock.h"
#include "shared/name.h"

enum {
	AT_ONCE = 2,
	ENTRIES_MAX = 1024,
	KEEP_MS = 300000,
	KEEP_NONE_MS = 60000, /* of a name without addresses */
};

struct waiter {
	struct waiter *next;
	resolved_fn *fn;
	void *arg;
};

enum entry_state { ENTRY_WAITS, ENTRY_BUSY, ENTRY_KNOWN };

struct entry {
	struct entry *next;
	enum entry_state state;
	uint8_t name[NAME_MAX_LEN];
	uint8_t name_len;
	struct sockaddr_storage addresses[RESOLVED_MAX];
	unsigned count;
	uint64_t until_ms;
	struct waiter *waiters;
};

struct box {
	pthread_mutex_t lock;
	unsigned holders;
	uv_async_t *async; /* NULL: closed */
	struct lookup *done;
};

/* A thread's own until it is in the box. */
struct lookup {
	struct lookup *next;
	struct box *box;
	struct entry *entry; /* the loop's alone */
	char host[NAME_TEXT_MAX];
	struct sockaddr_storage addresses[RESOLVED_MAX];
	unsigned count;
};

struct resolver {
	uv_async_t async;
	struct box *box;
	struct entry *entries;
	unsigned entry_count;
	unsigned busy;
};

/* ---- threads ---- */

/* Gives how many there are then. */
static unsigned count_holder(struct box *b, bool more)
{
	(void)pthread_mutex_lock(&b->lock);
	unsigned holders = more ? ++b->holders : --b->holders;
	(void)pthread_mutex_unlock(&b->lock);
	return holders;
}

static void release_box(struct box *b)
{
	if (count_holder(b, false) > 0)
		return;
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

static void look_up(struct lookup *l)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
	                               .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;

	if (getaddrinfo(l->host, "53", &hints, &found) != 0)
		return;
	for (const struct addrinfo *a = found; a && l->count < RESOLVED_MAX;
	     a = a->ai_next)
		memcpy(&l->addresses[l->count++], a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
}

static void *run(void *arg)
{
	struct lookup *l = arg;
	struct box *b = l->box;

	look_up(l);
	(void)pthread_mutex_lock(&b->lock);
	if (b->async) {
		l->next = b->done;
		b->done = l;
		(void)uv_async_send(b->async);
		l = NULL;
	}
	(void)pthread_mutex_unlock(&b->lock);
	free(l);
	release_box(b);
	return NULL;
}

/* Gives false when there is no thread for it. */
static bool begin(struct resolver *r, struct entry *e)
{
	struct lookup *l = must(calloc(1, sizeof *l));
	pthread_attr_t attr;
	pthread_t thread;

	l->box = r->box;
	l->entry = e;
	(void)name_to_text(e->name, l->host);
	/* Without the dot at its end, which a hosts file does not have. */
	l->host[strlen(l->host) - 1] = '\0';
	(void)count_holder(r->box, true);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int err = pthread_create(&thread, &attr, run, l);
	(void)pthread_attr_destroy(&attr);
	if (err == 0)
		return true;
	(void)count_holder(r->box, false); /* we are one */
	free(l);
	return false;
}

/* ---- entries ---- */

static void become_known(struct entry *e)
{
	e->state = ENTRY_KNOWN;
	e->until_ms = clock_now_ms() + (e->count ? KEEP_MS : KEEP_NONE_MS);
	while (e->waiters) {
		struct waiter *w = e->waiters;
		e->waiters = w->next;
		w->fn(w->arg, e->addresses, e->count);
		free(w);
	}
}

static struct entry *next_waiting(const struct resolver *r)
{
	struct entry *e = r->entries;

	while (e && e->state != ENTRY_WAITS)
		e = e->next;
	return e;
}

/* From the list's head each time: whoever is told may ask for more, which throws out what is old. */
static void begin_more(struct resolver *r)
{
	struct entry *e;

	while (r->busy < AT_ONCE && (e = next_waiting(r))) {
		if (begin(r, e)) {
			e->state = ENTRY_BUSY;
			r->busy++;
		} else {
			become_known(e);
		}
	}
}

static void on_done(uv_async_t *async)
{
	struct resolver *r = async->data;

	(void)pthread_mutex_lock(&r->box->lock);
	struct lookup *l = r->box->done;
	r->box->done = NULL;
	(void)pthread_mutex_unlock(&r->box->lock);
	while (l) {
		struct lookup *next = l->next;
		struct entry *e = l->entry;
		r->busy--;
		e->count = l->count;
		memcpy(e->addresses, l->addresses, sizeof e->addresses);
		free(l);
		become_known(e);
		l = next;
	}
	begin_more(r);
}

static void free_entry(struct entry *e)
{
	while (e->waiters) {
		struct waiter *w = e->waiters;
		e->waiters = w->next;
		free(w);
	}
	free(e);
}

/* Gives the one with a name, or NULL, and removes those that are known no longer. */
static struct entry *find(struct resolver *r, const uint8_t *name, size_t len)
{
	uint64_t now_ms = clock_now_ms();
	struct entry *found = NULL;

	for (struct entry **at = &r->entries; *at;) {
		struct entry *e = *at;
		if (e->state == ENTRY_KNOWN && e->until_ms <= now_ms) {
			*at = e->next;
			r->entry_count--;
			free_entry(e);
			continue;
		}
		if (e->name_len == len && memcmp(e->name, name, len) == 0)
			found = e;
		at = &e->next;
	}
	return found;
}

static struct entry *add(struct resolver *r, const uint8_t *name, size_t len)
{
	struct entry *e = must(calloc(1, sizeof *e));

	memcpy(e->name, name, len);
	e->name_len = (uint8_t)len;
	e->next = r->entries;
	r->entries = e;
	r->entry_count++;
	return e;
}

void resolver_ask(struct resolver *r, const uint8_t *name, resolved_fn *fn, void *arg)
{
	size_t len = name_len(name, NAME_MAX_LEN);
	struct entry *e = find(r, name, len);

	if (e && e->state == ENTRY_KNOWN) {
		fn(arg, e->addresses, e->count);
		return;
	}
	if (len <= 1 || (!e && r->entry_count == ENTRIES_MAX)) {
		fn(arg, NULL, 0);
		return;
	}
	if (!e)
		e = add(r, name, len);
	struct waiter *w = must(calloc(1, sizeof *w));
	*w = (struct waiter){.next = e->waiters, .fn = fn, .arg = arg};
	e->waiters = w;
	begin_more(r);
}

/* ---- opening and closing ---- */

struct resolver *resolver_open(uv_loop_t *loop)
{
	struct resolver *r = must(calloc(1, sizeof *r));

	r->box = must(calloc(1, sizeof *r->box));
	(void)pthread_mutex_init(&r->box->lock, NULL);
	r->box->holders = 1;
	r->box->async = &r->async;
	(void)uv_async_init(loop, &r->async, on_done);
	r->async.data = r;
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void resolver_close(struct resolver **resolver)
{
	struct resolver *r = *resolver;

	*resolver = NULL;
	if (!r)
		return;
	(void)pthread_mutex_lock(&r->box->lock);
	struct lookup *l = r->box->done;
	r->box->done = NULL;
	r->box->async = NULL;
	(void)pthread_mutex_unlock(&r->box->lock);
	while (l) {
		struct lookup *next = l->next;
		free(l);
		l = next;
	}
	while (r->entries) {
		struct entry *next = r->entries->next;
		free_entry(r->entries);
		r->entries = next;
	}
	release_box(r->box);
	uv_close((uv_handle_t *)&r->async, on_closed);
}
