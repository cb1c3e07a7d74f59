#include "control/audit/audit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/audit/event.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	NOTES_MAX = 1024,
	BATCH_MAX = 256,   /* changes in one transaction */
	IDLE_MS = 1000,    /* without being woken */
	GATHER_MS = 20,    /* for more to come: one write to disk for all of them */
	TROUBLE_MS = 1000, /* before the next try */
	DIR_SIZE = 4096,
};

struct note {
	struct actor *who;
	const char *what;
	json_t *detail;
	uint64_t time_us;
};

struct audit {
	struct store *store;
	struct book *book;
	pthread_t thread;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t wake;
	struct note notes[NOTES_MAX];
	struct note taken[NOTES_MAX]; /* the thread's own */
	size_t note_count;
	uint64_t lost;
	uint64_t lost_told;
	bool woken;
	bool stopping;
	char problem[128];
};

/* ---- writing ---- */

static int append(struct book_writer *w, uint64_t change, json_t *event)
{
	size_t len;
	char *body = event_body(event, &len);
	int err = book_append(w, change, body, len);

	free(body);
	json_decref(event);
	return err;
}

struct following {
	struct store_txn *txn;
	struct book_writer *writer;
	uint64_t followed;
	size_t count;
};

/* The log was trimmed past what was followed. */
static int notice_gap(struct following *f, uint64_t seq)
{
	json_t *detail;

	if (seq == f->followed + 1)
		return 0;
	detail = json_pack("{s:I,s:I}", "from", (json_int_t)f->followed + 1, "to",
	                   (json_int_t)seq - 1);
	return append(
		f->writer, 0,
		event_of_note(actor_self(), "changes missing", detail, clock_wall_us()));
}

static int follow_change(uint64_t seq, const void *header, size_t size, void *arg)
{
	struct following *f = arg;

	TRY(notice_gap(f, seq));
	TRY(append(f->writer, seq, event_of_change(f->txn, seq, header, size)));
	f->followed = seq;
	return ++f->count == BATCH_MAX;
}

/* A store that is behind what was followed is another one, or an older copy of it. */
static int notice_older_store(struct following *f, uint64_t last)
{
	json_t *detail;

	if (last >= f->followed)
		return 0;
	detail = json_pack("{s:I,s:I}", "followed", (json_int_t)f->followed, "store",
	                   (json_int_t)last);
	f->followed = last;
	f->count++;
	return append(
		f->writer, 0,
		event_of_note(actor_self(), "store replaced", detail, clock_wall_us()));
}

/* Gives in *more whether there may be more than one batch took. */
static int follow_in(struct following *f, bool *more)
{
	uint64_t next;

	TRY(store_log_next(f->txn, &next));
	TRY(notice_older_store(f, next - 1));
	int stop = store_log_each(f->txn, f->followed + 1, UINT64_MAX, follow_change, f);
	if (stop < 0)
		return stop;
	*more = stop > 0;
	return book_set_followed(f->writer, f->followed);
}

/* Without anything to write it costs a look. */
static int nothing_new(struct audit *a, const struct book_state *s, bool *out)
{
	struct store_txn *t;
	uint64_t next;

	TRY(store_begin_read(a->store, &t));
	int err = store_log_next(t, &next);
	store_abort(&t);
	*out = err == 0 && next == s->followed + 1;
	return err;
}

static int follow_store(struct audit *a, bool *more)
{
	struct following f = {0};
	struct book_state state;
	bool none;

	*more = false;
	TRY(book_look(a->book, &state));
	TRY(nothing_new(a, &state, &none));
	if (none)
		return 0;
	f.followed = state.followed;
	TRY(book_begin(a->book, &f.writer));
	int err = store_begin_read(a->store, &f.txn);
	if (err == 0)
		err = follow_in(&f, more);
	store_abort(&f.txn);
	if (err < 0) {
		book_abort(&f.writer);
		return err;
	}
	return book_commit(&f.writer);
}

/* ---- notes ---- */

static int write_note(struct book_writer *w, const struct note *n)
{
	return append(w, 0,
	              event_of_note(n->who, n->what, json_incref(n->detail), n->time_us));
}

static int write_lost(struct book_writer *w, uint64_t lost)
{
	if (lost == 0)
		return 0;
	json_t *detail = json_pack("{s:I}", "count", (json_int_t)lost);
	return append(w, 0,
	              event_of_note(actor_self(), "notes lost", detail, clock_wall_us()));
}

static int write_taken(struct audit *a, const struct note *notes, size_t count,
                       uint64_t lost)
{
	struct book_writer *w;

	TRY(book_begin(a->book, &w));
	int err = 0;
	for (size_t i = 0; i < count && err == 0; i++)
		err = write_note(w, &notes[i]);
	if (err == 0)
		err = write_lost(w, lost);
	if (err < 0) {
		book_abort(&w);
		return err;
	}
	return book_commit(&w);
}

/* Only this thread takes notes away, so that those copied stay what they are. */
static int write_notes(struct audit *a)
{
	struct note *notes = a->taken;

	pthread_mutex_lock(&a->lock);
	size_t count = a->note_count;
	uint64_t lost = a->lost - a->lost_told;
	memcpy(notes, a->notes, count * sizeof *notes);
	pthread_mutex_unlock(&a->lock);
	if (count == 0 && lost == 0)
		return 0;
	TRY(write_taken(a, notes, count, lost));
	for (size_t i = 0; i < count; i++) {
		actor_release(&notes[i].who);
		json_decref(notes[i].detail);
	}
	pthread_mutex_lock(&a->lock);
	a->note_count -= count;
	a->lost_told += lost;
	memmove(a->notes, a->notes + count, a->note_count * sizeof *a->notes);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

void audit_note(struct audit *a, struct actor *who, const char *what, json_t *detail)
{
	pthread_mutex_lock(&a->lock);
	if (a->note_count < NOTES_MAX) {
		a->notes[a->note_count++] = (struct note){
			.who = actor_hold(who),
			.what = what,
			.detail = detail,
			.time_us = clock_wall_us(),
		};
		detail = NULL;
	} else {
		a->lost++;
	}
	a->woken = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	json_decref(detail);
}

/* ---- the thread ---- */

static void note_problem(struct audit *a, int err)
{
	pthread_mutex_lock(&a->lock);
	bool news = err < 0 && !a->problem[0];
	(void)snprintf(a->problem, sizeof a->problem, "%s", err < 0 ? err_text(err) : "");
	pthread_mutex_unlock(&a->lock);
	if (news)
		log_error("audit log: %s", err_text(err));
}

/* Writes all there is. */
static int write_all(struct audit *a)
{
	bool more = true;

	while (more)
		TRY(follow_store(a, &more));
	return write_notes(a);
}

/* With the lock held. */
static void sleep_until_stopped(struct audit *a, unsigned ms)
{
	struct timespec until = clock_wall_in(ms);

	while (!a->stopping && pthread_cond_timedwait(&a->wake, &a->lock, &until) == 0)
		;
}

/* Gives false when it is time to end. */
static bool wait_for_work(struct audit *a, int err)
{
	struct timespec until = clock_wall_in(IDLE_MS);
	int late = 0;

	pthread_mutex_lock(&a->lock);
	if (err < 0)
		sleep_until_stopped(a, TROUBLE_MS);
	while (err == 0 && !a->woken && !a->stopping && late == 0)
		late = pthread_cond_timedwait(&a->wake, &a->lock, &until);
	if (err == 0 && a->woken)
		sleep_until_stopped(a, GATHER_MS);
	a->woken = false;
	bool go_on = !a->stopping;
	pthread_mutex_unlock(&a->lock);
	return go_on;
}

static void *follow(void *arg)
{
	struct audit *a = arg;
	int err = 0;

	do {
		err = write_all(a);
		note_problem(a, err);
	} while (wait_for_work(a, err));
	note_problem(a, write_all(a));
	return NULL;
}

void audit_wake(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->woken = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

/* ---- life ---- */

int audit_open(const char *dir, struct store *store, struct audit **out, char *text,
               size_t text_size)
{
	char path[DIR_SIZE];
	struct audit *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	int len = snprintf(path, sizeof path, "%s/audit", dir);
	int err = len < 0 || (size_t)len >= sizeof path
	                  ? ERR_TOOBIG
	                  : book_open(path, &a->book, text, text_size);
	if (err < 0) {
		free(a);
		return err;
	}
	a->store = store;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	if (pthread_create(&a->thread, NULL, follow, a) != 0)
		abort();
	*out = a;
	return 0;
}

void audit_close(struct audit **audit)
{
	struct audit *a = *audit;

	*audit = NULL;
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	for (size_t i = 0; i < a->note_count; i++) {
		actor_release(&a->notes[i].who);
		json_decref(a->notes[i].detail);
	}
	book_close(&a->book);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->wake);
	free(a);
}

/* ---- looking ---- */

void audit_look(struct audit *a, struct audit_state *out)
{
	struct audit_state s = {0};
	int err = book_look(a->book, &s.book);

	pthread_mutex_lock(&a->lock);
	s.lost = a->lost;
	memcpy(s.problem, a->problem, sizeof s.problem);
	pthread_mutex_unlock(&a->lock);
	if (err < 0 && !s.problem[0])
		(void)snprintf(s.problem, sizeof s.problem, "%s", err_text(err));
	*out = s;
}

struct book *audit_book(struct audit *a)
{
	return a->book;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool names_zone(const json_t *event, const char *zone)
{
	size_t i;
	json_t *z;

	json_array_foreach(json_object_get(event, "zones"), i, z)
	{
		if (strcmp(text_of(z, "zone"), zone) == 0)
			return true;
	}
	return false;
}

bool audit_fits(const struct audit_filter *f, const json_t *event)
{
	const json_t *actor = json_object_get(event, "actor");
	const char *time = text_of(event, "time");

	if (f->tenant && strcmp(text_of(actor, "tenant"), f->tenant) != 0)
		return false;
	if (f->actor && strcmp(text_of(actor, "name"), f->actor) != 0 &&
	    strcmp(text_of(actor, "key"), f->actor) != 0)
		return false;
	if (f->what && strcmp(text_of(event, "what"), f->what) != 0)
		return false;
	if (f->since && strcmp(time, f->since) < 0)
		return false;
	if (f->until && strncmp(time, f->until, strlen(f->until)) > 0)
		return false;
	return !f->zone || names_zone(event, f->zone);
}
