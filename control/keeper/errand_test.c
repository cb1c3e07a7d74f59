/*
 * What follows from a look at a zone, without a loop: the look comes to what a test says, and its change to what the test
 * says too. Others are asked at once, and nobody waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/keeper/internal.h"
#include "control/keeper/step.h"
#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

enum { NOW = 1800000000, RETRY = 60, STALE = 20, ROW = 100 };

static struct config config;
static struct keeper keeper;
static uint8_t name[] = "\7example";
static struct kept zone;
/* What a look comes to. */
static enum step_outcome outcome;
static uint64_t again;
static const char *trouble;
static int look_err;
static bool asked_meanwhile; /* for another look */
/* What a change comes to. */
static struct change_result result;
/* What came of it all. */
static uint64_t due;
static unsigned looks, changes, forgotten;

/* ---- others ---- */

/* NOLINTBEGIN(readability-identifier-naming): they are called so */
const struct config *__wrap_engine_config(struct engine *e);
struct sign_secrets *__wrap_engine_secrets(struct engine *e);
void __wrap_engine_read(struct engine *e, int (*work)(struct store_txn *t, void *arg),
                        void (*done)(void *arg, int err), void *arg);
void __wrap_engine_change(struct engine *e, struct change **change, change_done *done,
                          void *arg);
int __wrap_step_look(struct store_txn *t, struct step *s);
void __wrap_keeper_at(struct keeper *k, struct kept *one, uint64_t then);
void __wrap_keeper_forget(struct keeper *k, struct kept *one);
void __wrap_keeper_go_on(struct keeper *k);
void __wrap_keeper_free_if_over(struct keeper *k);
uint64_t __wrap_keeper_now(void);

const struct config *__wrap_engine_config(struct engine *e)
{
	(void)e;
	return config_hold(&config);
}

struct sign_secrets *__wrap_engine_secrets(struct engine *e)
{
	(void)e;
	return NULL;
}

void __wrap_engine_read(struct engine *e, int (*work)(struct store_txn *t, void *arg),
                        void (*done)(void *arg, int err), void *arg)
{
	(void)e;
	done(arg, work(NULL, arg));
}

void __wrap_engine_change(struct engine *e, struct change **change, change_done *done,
                          void *arg)
{
	struct change *c = *change;

	(void)e;
	*change = NULL;
	changes++;
	done(arg, c, &result);
	change_free(&c);
}

int __wrap_step_look(struct store_txn *t, struct step *s)
{
	(void)t;
	looks++;
	s->outcome = outcome;
	s->again = again;
	(void)snprintf(s->trouble, sizeof s->trouble, "%s", trouble);
	if (outcome == STEP_CHANGE)
		s->change = change_new(actor_self());
	zone.again = asked_meanwhile;
	return look_err;
}

void __wrap_keeper_at(struct keeper *k, struct kept *one, uint64_t then)
{
	assert_ptr_equal(k, &keeper);
	assert_ptr_equal(one, &zone);
	due = then;
}

void __wrap_keeper_forget(struct keeper *k, struct kept *one)
{
	(void)k;
	assert_ptr_equal(one, &zone);
	forgotten++;
}

void __wrap_keeper_go_on(struct keeper *k)
{
	(void)k;
}

void __wrap_keeper_free_if_over(struct keeper *k)
{
	(void)k;
}

uint64_t __wrap_keeper_now(void)
{
	return NOW;
}
/* NOLINTEND(readability-identifier-naming) */

static int begin(void **state)
{
	(void)state;
	memset(&keeper, 0, sizeof keeper);
	memset(&result, 0, sizeof result);
	atomic_store_explicit(&config.references, 1, memory_order_relaxed);
	zone = (struct kept){.name = name, .ask_at = UINT64_MAX};
	outcome = STEP_NONE;
	again = NOW + 1000;
	trouble = "";
	look_err = 0;
	asked_meanwhile = false;
	due = 0;
	looks = changes = forgotten = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(zone.trouble);
	return 0;
}

/* One errand, of which nothing is left. */
static void run(void)
{
	due = 0;
	errand_begin(&keeper, &zone);
	assert_null(zone.errand);
	assert_int_equal(keeper.errands, 0);
	assert_int_equal(atomic_load_explicit(&config.references, memory_order_relaxed),
	                 1);
}

/* ---- cases ---- */

static void zone_that_is_right_rests_until_its_next_look(void **state)
{
	(void)state;
	zone.in_a_row = 7;
	run();
	assert_int_equal(due, again);
	assert_int_equal(zone.in_a_row, 0);
	assert_int_equal(changes, 0);
	assert_null(zone.trouble);
}

static void what_was_asked_for_meanwhile_is_looked_at_at_once(void **state)
{
	(void)state;
	asked_meanwhile = true;
	run();
	assert_int_equal(due, NOW);
	assert_false(zone.again);
}

static void trouble_is_kept_until_it_is_over(void **state)
{
	(void)state;
	trouble = "no key";
	run();
	assert_string_equal(zone.trouble, "no key");
	trouble = "";
	run();
	assert_null(zone.trouble);
}

static void store_that_fails_is_trouble_for_a_minute(void **state)
{
	(void)state;
	look_err = ERR_STORE;
	run();
	assert_int_equal(due, NOW + RETRY);
	assert_string_equal(zone.trouble, err_text(ERR_STORE));
}

static void change_is_followed_by_a_look_at_once(void **state)
{
	(void)state;
	outcome = STEP_CHANGE;
	run();
	assert_int_equal(changes, 1);
	assert_int_equal(due, NOW);
	assert_null(zone.trouble);
}

/* The change has been made, and is only not seen everywhere yet. */
static void change_that_is_seen_late_is_made(void **state)
{
	(void)state;
	outcome = STEP_CHANGE;
	result.err = ERR_TIMEOUT;
	run();
	assert_int_equal(due, NOW);
	assert_null(zone.trouble);
}

static void change_that_is_refused_says_why_and_waits(void **state)
{
	(void)state;
	outcome = STEP_CHANGE;
	result.err = ERR_REFUSED;
	run();
	assert_int_equal(due, NOW + RETRY);
	assert_string_equal(zone.trouble, err_text(ERR_REFUSED));
}

static void changes_of_others_in_between_are_no_trouble_at_first(void **state)
{
	(void)state;
	outcome = STEP_CHANGE;
	result.err = ERR_STALE;
	for (unsigned i = 1; i < STALE; i++) {
		run();
		assert_int_equal(due, NOW);
		assert_null(zone.trouble);
	}
	run();
	assert_int_equal(due, NOW + RETRY);
	assert_non_null(zone.trouble);
}

static void steps_that_lead_to_each_other_come_to_an_end(void **state)
{
	(void)state;
	outcome = STEP_CHANGE;
	for (unsigned i = 1; i < ROW; i++) {
		run();
		assert_int_equal(due, NOW);
	}
	run();
	assert_int_equal(due, NOW + RETRY);
	assert_non_null(strstr(zone.trouble, "leads to another"));
	run(); /* and then begin anew */
	assert_int_equal(due, NOW);
}

static void zone_that_is_not_signed_is_forgotten(void **state)
{
	(void)state;
	outcome = STEP_FORGET;
	run();
	assert_int_equal(forgotten, 1);
}

static void zone_is_not_forgotten_when_somebody_asks_for_it(void **state)
{
	(void)state;
	outcome = STEP_FORGET;
	asked_meanwhile = true;
	run();
	assert_int_equal(forgotten, 0);
	assert_int_equal(due, NOW);
}

static void nothing_is_done_once_the_server_ends(void **state)
{
	(void)state;
	outcome = STEP_CHANGE;
	keeper.closed = true;
	run();
	assert_int_equal(changes, 0);
	assert_int_equal(due, 0);
	assert_null(zone.trouble);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zone_that_is_right_rests_until_its_next_look),
		TEST(what_was_asked_for_meanwhile_is_looked_at_at_once),
		TEST(trouble_is_kept_until_it_is_over),
		TEST(store_that_fails_is_trouble_for_a_minute),
		TEST(change_is_followed_by_a_look_at_once),
		TEST(change_that_is_seen_late_is_made),
		TEST(change_that_is_refused_says_why_and_waits),
		TEST(changes_of_others_in_between_are_no_trouble_at_first),
		TEST(steps_that_lead_to_each_other_come_to_an_end),
		TEST(zone_that_is_not_signed_is_forgotten),
		TEST(zone_is_not_forgotten_when_somebody_asks_for_it),
		TEST(nothing_is_done_once_the_server_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
