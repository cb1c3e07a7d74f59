/*
 * What is known of secondaries is right whatever comes first: what the pool has found of them comes back
 * here newest first, and checks end when and as the test says.
 */
#include "control/transfer/refresh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "control/net/dispatch.h"
#include "control/transfer/check.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "tests/harness.h"
#include "tests/live.h"

enum { READS_MAX = 16 };

/* One that the pool is done with, or not yet. */
struct held {
	read_work *work;
	void (*done)(void *arg, int err);
	void *arg;
	int err;
};

static struct {
	unsigned under_way; /* on the pool */
	struct held *back[READS_MAX];
	unsigned count;
} reads;

static struct {
	check_done *done; /* NULL: none is under way */
	void *arg;
} check;

struct fixture {
	struct live live;
	struct dispatch *dispatch;
	struct refresh *refresh;
	unsigned changes; /* that are not done */
};

/* ---- what stands between the parts ---- */

static int work_held(struct store_txn *t, void *arg)
{
	struct held *h = arg;

	return h->work(t, h->arg);
}

static void is_back(void *arg, int err)
{
	struct held *h = arg;

	h->err = err;
	reads.under_way--;
	assert_true(reads.count < READS_MAX);
	reads.back[reads.count++] = h;
}

void __real_engine_read(struct engine *e, read_work *work,
                        void (*done)(void *arg, int err), void *arg);
void __wrap_engine_read(struct engine *e, read_work *work,
                        void (*done)(void *arg, int err), void *arg);

void __wrap_engine_read(struct engine *e, read_work *work,
                        void (*done)(void *arg, int err), void *arg)
{
	struct held *h = malloc(sizeof *h);

	assert_non_null(h);
	*h = (struct held){.work = work, .done = done, .arg = arg};
	reads.under_way++;
	__real_engine_read(e, work_held, is_back, h);
}

struct check *__wrap_check_begin(const struct transfer_parts *parts,
                                 const struct check_asked *asked, check_done *done,
                                 void *arg);
void __wrap_check_drop(struct check **c);

struct check *__wrap_check_begin(UNUSED const struct transfer_parts *parts,
                                 UNUSED const struct check_asked *asked, check_done *done,
                                 void *arg)
{
	assert_null(check.done);
	check.done = done;
	check.arg = arg;
	return (struct check *)(void *)&check;
}

void __wrap_check_drop(struct check **c)
{
	if (*c)
		check.done = NULL;
	*c = NULL;
}

/* ---- the parts ---- */

static void wait_for_reads(struct fixture *f)
{
	while (reads.under_way || f->changes)
		(void)uv_run(&f->live.loop, UV_RUN_ONCE);
}

/* All that is asked for meanwhile, too. */
static void give_back(struct fixture *f)
{
	wait_for_reads(f);
	while (reads.count) {
		while (reads.count) {
			struct held *h = reads.back[--reads.count];
			h->done(h->arg, h->err);
			free(h);
		}
		wait_for_reads(f);
	}
}

static struct fixture *fixture_open(void)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	live_open(&f->live);
	assert_int_equal(dispatch_open(&f->live.loop, f->live.config,
	                               engine_table(f->live.engine), NULL, &f->dispatch),
	                 0);
	const struct transfer_parts parts = {.loop = &f->live.loop,
	                                     .engine = f->live.engine,
	                                     .dispatch = f->dispatch,
	                                     .config = f->live.config};
	refresh_open(&parts, &f->refresh);
	give_back(f);
	return f;
}

static void fixture_close(struct fixture *f)
{
	refresh_close(&f->refresh);
	give_back(f);
	dispatch_close(&f->dispatch);
	live_close(&f->live);
	free(f);
}

static void changed(void *arg, UNUSED const struct change *change,
                    const struct change_result *result)
{
	struct fixture *f = arg;

	assert_int_equal(result->err, 0);
	f->changes--;
}

static void change_it(struct fixture *f, struct change *c)
{
	f->changes++;
	engine_change(f->live.engine, &c, changed, f);
	wait_for_reads(f);
}

static struct zone_change *change_kind(struct change *c, enum zone_change_kind how,
                                       enum zone_kind kind)
{
	uint8_t name[NAME_MAX_LEN];

	harness_name("x.example", name);
	struct zone_change *z = change_zone(c, how, name);
	z->attrs_set = 1U << ATTR_KIND;
	z->attrs.kind = kind;
	return z;
}

static void change_zone_to(struct fixture *f, enum zone_change_kind how,
                           enum zone_kind kind)
{
	struct change *c = change_new(actor_self());

	(void)change_kind(c, how, kind);
	change_it(f, c);
}

static struct store_zone zone_now(struct fixture *f)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_txn *t;
	struct store_zone z;

	harness_name("x.example", name);
	assert_int_equal(store_begin_read(engine_store(f->live.engine), &t), 0);
	assert_int_equal(store_zone_get(t, name, &z), 0);
	store_abort(&t);
	return z;
}

static bool is_known(struct fixture *f)
{
	return refresh_now(f->refresh, zone_now(f).id, &(struct refresh_wanted){0});
}

/* ---- who is a secondary ---- */

static void looks_of_changes_come_back_in_any_order(UNUSED void **state)
{
	struct fixture *f = fixture_open();

	change_zone_to(f, ZONE_CREATE, ZONE_KIND_NATIVE);
	give_back(f);
	assert_false(is_known(f));
	change_zone_to(f, ZONE_EDIT, ZONE_KIND_PRIMARY);
	change_zone_to(f, ZONE_EDIT, ZONE_KIND_SECONDARY);
	give_back(f);
	assert_true(is_known(f));
	fixture_close(f);
}

static void a_look_at_all_zones_knows_of_no_later_change(UNUSED void **state)
{
	struct fixture *f = fixture_open();

	change_zone_to(f, ZONE_CREATE, ZONE_KIND_NATIVE);
	give_back(f);
	refresh_configure(f->refresh, f->live.config);
	wait_for_reads(f);
	change_zone_to(f, ZONE_EDIT, ZONE_KIND_SECONDARY);
	give_back(f);
	assert_true(is_known(f));
	fixture_close(f);
}

static void what_changes_during_a_look_is_looked_at_after_it(UNUSED void **state)
{
	struct fixture *f = fixture_open();

	change_zone_to(f, ZONE_CREATE, ZONE_KIND_SECONDARY);
	refresh_configure(f->refresh, f->live.config);
	change_zone_to(f, ZONE_EDIT, ZONE_KIND_NATIVE);
	refresh_configure(f->refresh, f->live.config);
	change_zone_to(f, ZONE_EDIT, ZONE_KIND_SECONDARY);
	refresh_configure(f->refresh, f->live.config);
	give_back(f);
	assert_true(is_known(f));
	fixture_close(f);
}

/* ---- expiry ---- */

static void create_with_contents(struct fixture *f, const char *text)
{
	struct change *c = change_new(actor_self());

	change_kind(c, ZONE_CREATE, ZONE_KIND_SECONDARY)->contents =
		harness_contents("x.example", text);
	change_it(f, c);
	give_back(f);
}

static void begin_check(struct fixture *f)
{
	static const struct sockaddr_storage by;

	if (!check.done)
		assert_true(refresh_now(f->refresh, zone_now(f).id,
		                        &(struct refresh_wanted){.by = &by}));
	assert_non_null(check.done);
}

static void end_check(enum check_outcome outcome)
{
	const struct check_result result = {.outcome = outcome,
	                                    .has_contents = true,
	                                    .serial = 1,
	                                    .timers = {3600, 3600, 3600},
	                                    .source = "",
	                                    .why = "",
	                                    .ixfr_error = ""};
	check_done *done = check.done;

	check.done = NULL;
	done(check.arg, &result);
}

static void wait_for_changes(struct fixture *f)
{
	change_zone_to(f, ZONE_EDIT, ZONE_KIND_SECONDARY);
	give_back(f);
}

static void wait_seconds(unsigned seconds)
{
	uint64_t until_us = clock_wall_us() + seconds * 1000000ULL;

	while (clock_wall_us() < until_us)
		(void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void what_is_expired_is_served_when_a_primary_answers(UNUSED void **state)
{
	struct fixture *f = fixture_open();

	create_with_contents(f, "@ 60 SOA ns hostmaster 1 3600 600 1 60\n@ 60 NS ns\n");
	begin_check(f);
	wait_seconds(2);
	end_check(CHECK_FAILED);
	wait_for_changes(f);
	assert_true(zone_now(f).expired);
	begin_check(f);
	end_check(CHECK_CURRENT);
	wait_for_changes(f);
	assert_false(zone_now(f).expired);
	fixture_close(f);
}

/* The commit thread has had no time to say that it is expired. */
static void what_is_good_before_its_expiry_is_written_is_served(UNUSED void **state)
{
	struct fixture *f = fixture_open();

	create_with_contents(f, "@ 60 SOA ns hostmaster 1 3600 600 1 60\n@ 60 NS ns\n");
	begin_check(f);
	wait_seconds(2);
	end_check(CHECK_FAILED);
	begin_check(f);
	end_check(CHECK_CURRENT);
	wait_for_changes(f);
	assert_false(zone_now(f).expired);
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_of_changes_come_back_in_any_order),
		cmocka_unit_test(a_look_at_all_zones_knows_of_no_later_change),
		cmocka_unit_test(what_changes_during_a_look_is_looked_at_after_it),
		cmocka_unit_test(what_is_expired_is_served_when_a_primary_answers),
		cmocka_unit_test(what_is_good_before_its_expiry_is_written_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
