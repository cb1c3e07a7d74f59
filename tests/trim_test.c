/* How long the log of changes is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shared/clock.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum { CHANGES = 900 };

#define DAY_US UINT64_C(86400000000)

static struct change *a_change(unsigned number)
{
	const char value[] = {(char)number, (char)(number >> 8)};
	struct change *c = change_new(actor_self());

	c->why = "test";
	(void)change_item(c, STORE_CONFIG, "k", 1, value, sizeof value);
	return c;
}

/* Makes the changes with these numbers, in as few commits as it takes. */
static void make(struct harness *h, unsigned from, unsigned to)
{
	static struct commit_item items[CHANGES];
	static struct change_result results[CHANGES];
	size_t count = to - from + 1;

	for (unsigned i = 0; i < count; i++)
		items[i] = (struct commit_item){a_change(from + i), &results[i]};
	for (size_t done = 0; done < count;)
		done += commit_group(&h->committer, items + done, count - done);
	assert_int_equal(results[count - 1].seq, to);
	for (unsigned i = 0; i < count; i++)
		change_free(&items[i].change);
}

static struct harness *with_changes(void)
{
	struct harness *h = harness_open();

	make(h, 1, CHANGES);
	return h;
}

static int note_first(uint64_t seq, const void *header, size_t size, void *arg)
{
	(void)header;
	(void)size;
	*(uint64_t *)arg = seq;
	return 1;
}

/* Trims until there is nothing more to trim. Gives the oldest change there is. */
static uint64_t trim(struct harness *h, uint64_t followed, uint64_t now_us)
{
	struct store_txn *t;
	uint64_t first = 0;
	int more;

	do {
		more = committer_trim(&h->committer, followed, now_us);
		assert_true(more >= 0);
	} while (more > 0);
	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(store_log_each(t, 0, UINT64_MAX, note_first, &first), 1);
	store_abort(&t);
	return first;
}

static void without_limits_all_is_kept(void **unused)
{
	struct harness *h = with_changes();

	(void)unused;
	assert_int_equal(trim(h, CHANGES, clock_wall_us() + 36500 * DAY_US), 1);
	harness_close(h);
}

static void as_many_are_kept_as_are_asked_for(void **unused)
{
	struct harness *h = with_changes();

	(void)unused;
	h->config.history_changes = 50;
	assert_int_equal(trim(h, CHANGES, clock_wall_us()), CHANGES - 49);
	make(h, CHANGES + 1, CHANGES + 1);
	assert_int_equal(trim(h, CHANGES + 1, clock_wall_us()), CHANGES - 48);
	harness_close(h);
}

static void one_step_is_bounded(void **unused)
{
	struct harness *h = with_changes();

	(void)unused;
	h->config.history_changes = 1;
	assert_int_equal(committer_trim(&h->committer, CHANGES, clock_wall_us()), 1);
	h->config.history_changes = CHANGES;
	assert_in_range(trim(h, CHANGES, clock_wall_us()), 200, 300);
	harness_close(h);
}

static void the_audit_log_is_waited_for(void **unused)
{
	struct harness *h = with_changes();

	(void)unused;
	h->config.history_changes = 10;
	assert_int_equal(trim(h, 0, clock_wall_us()), 1);
	assert_int_equal(trim(h, 30, clock_wall_us()), 31);
	harness_close(h);
}

static void old_ones_go_but_for_the_newest(void **unused)
{
	struct harness *h = with_changes();
	uint64_t now = clock_wall_us();

	(void)unused;
	h->config.history_days = 7;
	assert_int_equal(trim(h, CHANGES, now + 6 * DAY_US), 1);
	assert_int_equal(trim(h, CHANGES, now + 8 * DAY_US), CHANGES - 99);
	assert_int_equal(trim(h, CHANGES, 0), CHANGES - 99);
	harness_close(h);
}

static uint64_t log_size(struct harness *h)
{
	struct store_txn *t;
	uint64_t size;

	assert_int_equal(store_begin_read(h->committer.store, &t), 0);
	assert_int_equal(store_log_size(t, &size), 0);
	store_abort(&t);
	return size;
}

/* Changes with values of 10 KB each. */
static void make_large(struct harness *h, unsigned count)
{
	static char value[10000];
	struct commit_item item;
	struct change_result result;

	for (unsigned i = 0; i < count; i++) {
		item = (struct commit_item){change_new(actor_self()), &result};
		item.change->why = "test";
		value[0] = (char)i;
		(void)change_item(item.change, STORE_CONFIG, "k", 1, value, sizeof value);
		assert_int_equal(commit_group(&h->committer, &item, 1), 1);
		assert_int_equal(result.err, 0);
		change_free(&item.change);
	}
}

static void the_oldest_go_when_there_is_too_much(void **unused)
{
	struct harness *h = with_changes();
	unsigned newest = CHANGES + 200;

	(void)unused;
	make_large(h, 200);
	h->config.history_mb = 2;
	assert_true(log_size(h) > 2 << 20);
	assert_in_range(trim(h, newest, 0), 2, newest - 10);
	assert_true(log_size(h) <= 2 << 20);
	h->config.history_mb = 1;
	make_large(h, 200);
	newest += 200;
	assert_in_range(trim(h, newest, 0), 2, newest - 10);
	assert_true(log_size(h) <= 1 << 20);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_limits_all_is_kept),
		cmocka_unit_test(as_many_are_kept_as_are_asked_for),
		cmocka_unit_test(one_step_is_bounded),
		cmocka_unit_test(the_audit_log_is_waited_for),
		cmocka_unit_test(old_ones_go_but_for_the_newest),
		cmocka_unit_test(the_oldest_go_when_there_is_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
