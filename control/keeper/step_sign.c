/*
 * A zone's contents get their signatures. Of a large zone they are kept as they are made, and the log tells from time
 * to time how far it is.
 */
#include <stdio.h>

#include "control/keeper/journals.h"
#include "control/keeper/step.h"
#include "control/sign/check.h"
#include "control/sign/zone_contents.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum { TELL_MS = 10000 };

/* What those who sign tell. */
struct telling {
	const struct bulk_progress *progress;
	struct sign_journal *journal; /* NULL: there is none */
	char zone[NAME_TEXT_MAX];
	atomic_ullong next_ms;
};

uint64_t step_signing_rate(const struct bulk_progress *p)
{
	uint64_t done = atomic_load_explicit(&p->done, memory_order_relaxed);
	uint64_t since = atomic_load_explicit(&p->since_ns, memory_order_relaxed);
	uint64_t ms = since ? (clock_now_ns() - since) / 1000000 : 0;

	return ms ? done * 1000 / ms : 0;
}

static void tell(const struct telling *t)
{
	size_t done = atomic_load_explicit(&t->progress->done, memory_order_relaxed);
	size_t total = atomic_load_explicit(&t->progress->total, memory_order_relaxed);
	uint64_t rate = step_signing_rate(t->progress);

	if (rate > 0)
		log_info("zone %s: signing: %zu of %zu RRsets, %llu a second, %llu s to "
		         "go",
		         t->zone, done, total, (unsigned long long)rate,
		         (unsigned long long)((total - done) / rate));
}

static void made(void *arg, const struct contents_rrset *sets, size_t count)
{
	struct telling *t = arg;
	unsigned long long now = clock_now_ms();
	unsigned long long next = atomic_load_explicit(&t->next_ms, memory_order_relaxed);

	if (t->journal)
		sign_journal_add(t->journal, sets, count);
	if (now >= next && atomic_compare_exchange_strong_explicit(
				   &t->next_ms, &next, now + TELL_MS,
				   memory_order_relaxed, memory_order_relaxed))
		tell(t);
}

static int sign_large(struct step *s, struct contents *c, unsigned threads,
                      struct bulk_progress *progress)
{
	struct telling t = {.progress = progress,
	                    .journal = journals_open(s->config, s->keys)};
	const struct bulk_watcher watcher = {.made = made, .arg = &t};
	size_t found = t.journal ? sign_journal_take(t.journal, c, s->keys) : 0;

	(void)name_to_text(s->name, t.zone);
	if (found > 0)
		log_info("zone %s: signing goes on: %zu of %zu RRsets have been signed "
		         "before",
		         t.zone, found, c->count);
	atomic_store_explicit(&progress->found, found, memory_order_relaxed);
	atomic_store_explicit(&progress->since_ns, clock_now_ns(), memory_order_relaxed);
	atomic_init(&t.next_ms, clock_now_ms() + TELL_MS);
	int err = zone_contents_sign(c, s->keys, threads, progress, &watcher);
	if (sign_journal_close(&t.journal) < 0)
		log_warning(
			"zone %s: not all signatures could be kept: a signing that is "
			"interrupted makes them again",
			t.zone);
	return err;
}

static int check(struct step *s, unsigned threads, const struct bulk_progress *progress)
{
	const struct sign_check how = {.now = s->now,
	                               .seed = (uint32_t)s->keys->state.version,
	                               .threads = threads,
	                               .stop = &progress->stop};

	return sign_check_sample(s->change->zones[0].contents, &how, s->trouble,
	                         sizeof s->trouble);
}

int step_sign(struct step *s, unsigned threads, struct bulk_progress *progress)
{
	struct zone_change *zc = &s->change->zones[0];
	bool large = zc->contents->count > ZONE_SIGN_AT_ONCE;

	TRY(large ? sign_large(s, zc->contents, threads, progress)
	          : zone_contents_sign(zc->contents, s->keys, threads, progress, NULL));
	int err = check(s, threads, progress);
	if (err == ERR_REFUSED) /* perhaps by what was kept */
		journals_remove(s->config, s->id);
	if (err == 0) {
		zc->signed_by = s->keys->state.version;
		zc->catches_up = true;
	}
	return err;
}
