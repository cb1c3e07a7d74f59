/*
 * The signatures of all of a zone, on as many threads as one gives it: RRsets are handed out in runs, whoever is free
 * takes the next, and each thread has its own verifier. What they find is said in the zone's order
 * once all have been looked at.
 */
#include <stdlib.h>

#include "control/must.h"
#include "control/sign/check_internal.h"
#include "control/sign/threads.h"
#include "shared/err.h"

enum { RUN = 64 }; /* RRsets */

struct work {
	const struct check_whole *whole;
	struct check_finding *findings; /* of each RRset */
	atomic_size_t next;
};

static bool is_stopped(const struct check_whole *w)
{
	const atomic_bool *stop = w->c.how->stop;

	return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

static void check_run(struct verifier *v, const struct work *w, size_t from)
{
	const struct contents *c = w->whole->contents;
	size_t end = c->count - from < RUN ? c->count : from + RUN;

	for (size_t i = from; i < end; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		struct rrset set = check_open(r);
		const struct check_set s = {.key = r->key,
		                            .key_len = r->key_len,
		                            .set = &set,
		                            .own = w->whole->own[i]};

		w->findings[i] = check_signatures(&w->whole->c, v, &s);
	}
}

static void *take_part(void *arg)
{
	struct work *w = arg;
	const struct checking *c = &w->whole->c;
	struct verifier *v = verifier_new(c->apex, &c->keys.set);

	while (!is_stopped(w->whole)) {
		size_t from =
			atomic_fetch_add_explicit(&w->next, RUN, memory_order_relaxed);
		if (from >= w->whole->contents->count)
			break;
		check_run(v, w, from);
	}
	verifier_free(&v);
	return NULL;
}

int check_verify(const struct check_whole *whole)
{
	const struct contents *c = whole->contents;
	struct work w = {.whole = whole,
	                 .findings = must(calloc(c->count + 1, sizeof *w.findings))};
	bool stopped;

	threads_run(whole->c.how->threads, take_part, &w);
	stopped = is_stopped(whole);
	for (size_t i = 0; i < c->count && !stopped; i++) {
		struct check_place at = check_place_of(whole, &c->rrsets[i]);
		check_say_finding(&whole->c, &at, w.findings[i]);
	}
	free(w.findings);
	return stopped ? ERR_STOPPED : 0;
}
