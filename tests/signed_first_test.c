/*
 * The first signing of a zone that is too large to be signed at once: its keys are written down before that, and what
 * becomes of them, and of the signatures that were made, when it does not come to an end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/sign/orders.h"
#include "control/sign/zone_contents.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "tests/signing.h"

enum { NAMES = ZONE_SIGN_AT_ONCE + 10, LINE = 32, KEYS_MAX = 4 };

static const char policies[] = "  - {name: p, algorithm: ED25519, csk: no}\n";

static char *large;

static int make_text(void **state)
{
	size_t room = (size_t)(NAMES + 8) * LINE;
	size_t len;

	(void)state;
	large = calloc(1, room);
	assert_non_null(large);
	len = (size_t)snprintf(large, room,
	                       "@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\n"
	                       "ns 3600 A 192.0.2.1\n");
	for (unsigned i = 0; i < NAMES; i++)
		len += (size_t)snprintf(large + len, room - len, "h%u 60 A 192.0.2.1\n",
		                        i);
	return 0;
}

static int free_text(void **state)
{
	(void)state;
	free(large);
	return 0;
}

/* ---- keys in the store ---- */

struct stored_keys {
	uint16_t tags[KEYS_MAX];
	bool waiting[KEYS_MAX];
	size_t count;
};

static int take_key(const struct sign_stored_item *i, void *arg)
{
	struct stored_keys *k = arg;
	struct life_key life;

	assert_true(k->count < KEYS_MAX);
	assert_int_equal(life_key_get(&i->stored, &life), 0);
	k->waiting[k->count] = life.waiting;
	k->tags[k->count++] = sign_stored_tag(&i->stored);
	return 0;
}

static struct stored_keys keys_of(struct signing *s)
{
	struct stored_keys k = {.count = 0};
	struct store_txn *t;
	uint32_t id = signing_stored(s).id;

	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(sign_stored_each(t, id, take_key, &k), 0);
	store_abort(&t);
	return k;
}

/* As a command does it. */
static void give_key(struct signing *s)
{
	struct change *c = change_new(actor_self());
	struct store_zone zone = signing_stored(s);
	struct sign_key *key = NULL;
	struct store_txn *t;
	struct orders o;
	size_t at;

	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_ZSK, &key), 0);
	assert_int_equal(store_begin_read(s->committer.store, &t), 0);
	assert_int_equal(orders_open(t, &zone, signing_now, &o), 0);
	if (orders_add(&o, s->committer.secrets, &(struct order_key){.key = key}, &at) <
	    0)
		fail_msg("%s", o.why);
	orders_write(&o, c);
	orders_close(&o);
	store_abort(&t);
	sign_key_free(&key);
	assert_int_equal(signing_commit(s, c, NULL), 0);
}

/* Comes to where its keys are there, and its signatures are not. */
static struct signing *begin(void)
{
	struct signing *s = signing_open(policies);

	signing_load(s, large, "p");
	assert_int_equal(signing_step(s), STEP_CHANGE);
	assert_int_equal(keys_of(s).count, 2);
	signing_expect_bare(s);
	return s;
}

/* Contents with signatures by somebody else. */
static struct contents *signed_elsewhere(void)
{
	struct signing *s = signing_open(policies);

	signing_load(s,
	             "@ 3600 SOA ns host 7 3600 600 86400 300\n@ 3600 NS ns\n"
	             "ns 3600 A 192.0.2.1\n",
	             "p");
	signing_settle(s);
	struct contents *c = signing_load_contents(s);
	signing_close(s);
	return c;
}

static void load(struct signing *s, struct contents *contents)
{
	struct zone_change *z;
	struct change *c = signing_change(ZONE_CONTENTS, &z);

	z->contents = contents;
	assert_int_equal(signing_commit(s, c, NULL), 0);
}

static void expect_not_signed_over(struct signing *s)
{
	struct store_zone before = signing_stored(s);
	struct store_zone after;

	assert_int_equal(signing_step(s), STEP_NONE);
	assert_non_null(strstr(s->trouble, "import"));
	after = signing_stored(s);
	assert_memory_equal(&before, &after, sizeof before);
}

/* ---- cases ---- */

static void signing_goes_on_with_the_keys_that_it_began_with(void **state)
{
	struct signing *s = begin();
	struct stored_keys first = keys_of(s);

	(void)state;
	signing_reopen(s);
	signing_settle(s);
	struct stored_keys now = keys_of(s);
	assert_int_equal(now.count, first.count);
	for (size_t i = 0; i < now.count; i++) {
		assert_int_equal(now.tags[i], first.tags[i]);
		assert_true(first.waiting[i]);
		assert_false(now.waiting[i]);
	}
	signing_expect_good(s, "signed", 64);
	signing_close(s);
}

static void keys_go_with_a_signing_that_is_given_up(void **state)
{
	struct signing *s = begin();

	(void)state;
	signing_attribute(s, "");
	assert_int_equal(signing_step(s), STEP_CHANGE);
	assert_int_equal(keys_of(s).count, 0);
	assert_int_equal(signing_step(s), STEP_FORGET);
	signing_expect_bare(s);
	signing_close(s);
}

static void keys_that_were_given_stay_without_a_signing(void **state)
{
	struct signing *s = signing_open(policies);

	(void)state;
	signing_load(s, large, NULL);
	give_key(s);
	assert_int_equal(signing_step(s), STEP_FORGET);
	struct stored_keys given = keys_of(s);
	assert_int_equal(given.count, 1);
	assert_false(given.waiting[0]);
	/* A KSK is made beside it, and is the only one to go. */
	signing_attribute(s, "p");
	assert_int_equal(signing_step(s), STEP_CHANGE);
	assert_int_equal(keys_of(s).count, 2);
	signing_attribute(s, "");
	signing_settle(s);
	struct stored_keys left = keys_of(s);
	assert_int_equal(left.count, 1);
	assert_int_equal(left.tags[0], given.tags[0]);
	signing_close(s);
}

static void presigned_zone_is_not_signed_over_after_a_signing_was_given_up(void **state)
{
	struct signing *s = begin();

	(void)state;
	signing_attribute(s, "");
	load(s, signed_elsewhere());
	signing_settle(s);
	assert_int_equal(keys_of(s).count, 0);
	signing_attribute(s, "p");
	expect_not_signed_over(s);
	signing_close(s);
}

/* Nobody looked while it was not to be signed. */
static void
presigned_zone_is_not_signed_over_with_keys_made_for_other_contents(void **state)
{
	struct signing *s = begin();

	(void)state;
	load(s, signed_elsewhere());
	assert_int_equal(keys_of(s).count, 2);
	expect_not_signed_over(s);
	signing_close(s);
}

/* ---- signatures ---- */

static struct step step;
static struct bulk_progress progress;

static size_t done(void)
{
	return atomic_load_explicit(&progress.done, memory_order_relaxed);
}

static size_t found(void)
{
	return atomic_load_explicit(&progress.found, memory_order_relaxed);
}

/* Signs anew what has not been committed. */
static int sign_again(struct signing *s)
{
	bool stops = atomic_load_explicit(&progress.stop, memory_order_relaxed);

	progress = (struct bulk_progress){.stop = stops};
	signing_look(s, &step);
	assert_int_equal(step.outcome, STEP_SIGN);
	return step_sign(&step, 2, &progress);
}

static bool is_journal_kept(struct signing *s)
{
	char path[96];

	(void)snprintf(path, sizeof path, "%s/signing-%u", s->dir, signing_stored(s).id);
	return access(path, F_OK) == 0;
}

static void signatures_that_were_not_committed_are_not_made_again(void **state)
{
	struct signing *s = begin();

	(void)state;
	assert_false(is_journal_kept(s));
	assert_int_equal(sign_again(s), 0);
	size_t all = done();
	assert_true(all > NAMES);
	assert_int_equal(found(), 0);
	assert_true(step.change->zones[0].catches_up);
	assert_int_equal(step.change->zones[0].signed_by, step.keys->state.version);
	step_fini(&step);
	assert_true(is_journal_kept(s));
	signing_reopen(s);
	assert_int_equal(sign_again(s), 0);
	assert_int_equal(done(), 0);
	assert_int_equal(found(), all);
	step_fini(&step);
	signing_settle(s);
	signing_expect_good(s, "of what was kept", 64);
	signing_close(s);
}

static void signing_that_is_stopped_says_so_and_goes_on(void **state)
{
	struct signing *s = begin();

	(void)state;
	progress = (struct bulk_progress){.stop = true};
	assert_int_equal(sign_again(s), ERR_STOPPED);
	assert_int_equal(step.change->zones[0].signed_by, 0);
	assert_false(step.change->zones[0].catches_up);
	step_fini(&step);
	progress = (struct bulk_progress){0};
	signing_settle(s);
	signing_expect_good(s, "in the end", 64);
	signing_close(s);
}

/* Takes a link out of the chain, as a fault of ours would. */
static void break_chain(struct contents *c)
{
	size_t i = c->count / 2;

	while (c->rrsets[i].type != RRTYPE_NSEC)
		i++;
	memmove(&c->rrsets[i], &c->rrsets[i + 1],
	        (c->count - i - 1) * sizeof c->rrsets[0]);
	c->count--;
}

/* What was kept may be the cause, and does not count the next time. */
static void zone_that_would_be_bogus_is_not_signed(void **state)
{
	struct signing *s = begin();

	(void)state;
	progress = (struct bulk_progress){0};
	signing_look(s, &step);
	assert_int_equal(step.outcome, STEP_SIGN);
	break_chain(step.change->zones[0].contents);
	assert_int_equal(step_sign(&step, 2, &progress), ERR_REFUSED);
	assert_true(step.trouble[0] != '\0');
	assert_int_equal(step.change->zones[0].signed_by, 0);
	step_fini(&step);
	assert_false(is_journal_kept(s));
	assert_int_equal(sign_again(s), 0);
	assert_int_equal(found(), 0);
	step_fini(&step);
	signing_close(s);
}

static void small_zone_keeps_nothing(void **state)
{
	struct signing *s = signing_open(policies);

	(void)state;
	signing_load(s,
	             "@ 3600 SOA ns host 7 3600 600 86400 300\n@ 3600 NS ns\n"
	             "ns 3600 A 192.0.2.1\n",
	             "p");
	progress = (struct bulk_progress){0};
	assert_int_equal(sign_again(s), 0);
	assert_true(done() > 0);
	assert_false(is_journal_kept(s));
	step_fini(&step);
	assert_int_equal(keys_of(s).count, 0);
	signing_close(s);
}

static void rate_is_not_known_before_anything_is_signed(void **state)
{
	struct bulk_progress p = {0};

	(void)state;
	assert_int_equal(step_signing_rate(&p), 0);
	atomic_store_explicit(&p.done, 1000, memory_order_relaxed);
	assert_int_equal(step_signing_rate(&p), 0);
	atomic_store_explicit(&p.since_ns, 1, memory_order_relaxed);
	atomic_store_explicit(&p.done, 0, memory_order_relaxed);
	assert_int_equal(step_signing_rate(&p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_goes_on_with_the_keys_that_it_began_with),
		cmocka_unit_test(keys_go_with_a_signing_that_is_given_up),
		cmocka_unit_test(keys_that_were_given_stay_without_a_signing),
		cmocka_unit_test(
			presigned_zone_is_not_signed_over_after_a_signing_was_given_up),
		cmocka_unit_test(
			presigned_zone_is_not_signed_over_with_keys_made_for_other_contents),
		cmocka_unit_test(signatures_that_were_not_committed_are_not_made_again),
		cmocka_unit_test(signing_that_is_stopped_says_so_and_goes_on),
		cmocka_unit_test(zone_that_would_be_bogus_is_not_signed),
		cmocka_unit_test(small_zone_keeps_nothing),
		cmocka_unit_test(rate_is_not_known_before_anything_is_signed),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
