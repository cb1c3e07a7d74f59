/*
 * Who watches the engine is told of each commit once, after it is in the store and before whoever
 * asked for it; and of what is noted without an entry in the log, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/engine.h"
#include "shared/err.h"
#include "tests/harness.h"
#include "tests/live.h"

enum { TOLD_MAX = 64 };

struct fixture {
	struct live live;
	/* What was told, in order. */
	char told[TOLD_MAX][320];
	unsigned count;
	unsigned waits; /* for so many changes that are not done */
};

static void add(struct fixture *f, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct fixture *f, const char *format, ...)
{
	va_list args;

	assert_true(f->count < TOLD_MAX);
	va_start(args, format);
	(void)vsnprintf(f->told[f->count++], sizeof f->told[0], format, args);
	va_end(args);
}

static void watch(void *arg, const struct change_note *n)
{
	char text[NAME_TEXT_MAX];

	for (size_t i = 0; i < n->count; i++) {
		const struct noted_zone *z = &n->zones[i];
		add(arg, "%s kind %d serial %u -> %u%s", name_to_text(z->name, text),
		    (int)z->kind, z->old_serial, z->new_serial, z->attrs ? " attrs" : "");
		assert_true(z->id > 0);
	}
	if (n->lists)
		add(arg, "lists %x", n->lists);
}

static void done(void *arg, const struct change *change,
                 const struct change_result *result)
{
	struct fixture *f = arg;

	(void)change;
	add(f, "done %d", result->err);
	if (--f->waits == 0)
		uv_stop(&f->live.loop);
}

static void wait_for_all(struct fixture *f)
{
	(void)uv_run(&f->live.loop, UV_RUN_DEFAULT);
	assert_int_equal(f->waits, 0);
}

static struct fixture *fixture_open(void)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	live_open(&f->live);
	return f;
}

static void fixture_close(struct fixture *f)
{
	live_close(&f->live);
	free(f);
}

static void change_it(struct fixture *f, struct change *c)
{
	f->waits++;
	engine_change(f->live.engine, &c, done, f);
}

static struct change *zone_change_of(enum zone_change_kind kind, const char *zone)
{
	uint8_t name[NAME_MAX_LEN];
	struct change *c = change_new(actor_self());

	harness_name(zone, name);
	struct zone_change *z = change_zone(c, kind, name);
	if (kind == ZONE_EDIT) {
		z->attrs_set = 1U << ATTR_ACCOUNT;
		strcpy(z->attrs.account, "somebody");
	}
	return c;
}

static void each_change_is_told_once_and_before_it_is_done(void **unused)
{
	struct fixture *f = fixture_open();

	(void)unused;
	engine_watch(f->live.engine, watch, f);
	change_it(f, zone_change_of(ZONE_CREATE, "x.example"));
	wait_for_all(f);
	assert_int_equal(f->count, 2);
	assert_string_equal(f->told[0], "x.example. kind 1 serial 0 -> 0");
	assert_string_equal(f->told[1], "done 0");
	change_it(f, zone_change_of(ZONE_EDIT, "x.example"));
	wait_for_all(f);
	assert_string_equal(f->told[2], "x.example. kind 0 serial 0 -> 0 attrs");
	assert_string_equal(f->told[3], "done 0");
	change_it(f, zone_change_of(ZONE_REMOVE, "x.example"));
	wait_for_all(f);
	assert_int_equal(f->count, 6);
	assert_string_equal(f->told[4], "x.example. kind 2 serial 0 -> 0");
	fixture_close(f);
}

static void what_is_refused_or_changes_nothing_is_not_told(void **unused)
{
	struct fixture *f = fixture_open();

	(void)unused;
	engine_watch(f->live.engine, watch, f);
	change_it(f, zone_change_of(ZONE_REMOVE, "x.example"));
	wait_for_all(f);
	change_it(f, zone_change_of(ZONE_CREATE, "x.example"));
	change_it(f, zone_change_of(ZONE_CREATE, "x.example"));
	wait_for_all(f);
	change_it(f, zone_change_of(ZONE_EDIT, "x.example"));
	wait_for_all(f);
	unsigned before = f->count;
	change_it(f, zone_change_of(ZONE_EDIT, "x.example"));
	wait_for_all(f);
	assert_int_equal(f->count, before + 1);
	assert_string_equal(f->told[before], "done 0");
	unsigned zones = 0;
	for (unsigned i = 0; i < f->count; i++)
		zones += strstr(f->told[i], "x.example.") != NULL;
	assert_int_equal(zones, 2);
	fixture_close(f);
}

static void who_does_not_watch_any_more_is_not_told(void **unused)
{
	struct fixture *f = fixture_open();

	(void)unused;
	engine_watch(f->live.engine, watch, f);
	engine_unwatch(f->live.engine, watch, f);
	change_it(f, zone_change_of(ZONE_CREATE, "x.example"));
	wait_for_all(f);
	assert_int_equal(f->count, 1);
	fixture_close(f);
}

static uint64_t log_next(struct fixture *f)
{
	struct store_txn *t;
	uint64_t seq;

	assert_int_equal(store_begin_read(engine_store(f->live.engine), &t), 0);
	assert_int_equal(store_log_next(t, &seq), 0);
	store_abort(&t);
	return seq;
}

static bool has_item(struct fixture *f, const char *value)
{
	struct store_txn *t;
	const void *bytes;
	size_t size;

	assert_int_equal(store_begin_read(engine_store(f->live.engine), &t), 0);
	int err = store_item_get(t, STORE_REFRESH, "key", 3, &bytes, &size);
	bool same = err == 0 && size == strlen(value) && !memcmp(bytes, value, size);
	store_abort(&t);
	return same;
}

static void note(struct fixture *f, const char *value)
{
	struct change *c = change_new(actor_self());

	(void)change_item(c, STORE_REFRESH, "key", 3, value, value ? strlen(value) : 0);
	f->waits++;
	engine_note_items(f->live.engine, &c, done, f);
	wait_for_all(f);
}

static void noted_items_are_kept_without_an_entry_in_the_log(void **unused)
{
	struct fixture *f = fixture_open();
	uint64_t next = log_next(f);

	(void)unused;
	engine_watch(f->live.engine, watch, f);
	note(f, "first");
	assert_true(has_item(f, "first"));
	note(f, "second");
	assert_true(has_item(f, "second"));
	note(f, NULL);
	assert_false(has_item(f, "second"));
	note(f, NULL); /* which is not there */
	assert_int_equal(log_next(f), next);
	assert_int_equal(f->count, 8);
	assert_string_equal(f->told[0], "lists 40");
	assert_string_equal(f->told[7], "done 0");
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_told_once_and_before_it_is_done),
		cmocka_unit_test(what_is_refused_or_changes_nothing_is_not_told),
		cmocka_unit_test(who_does_not_watch_any_more_is_not_told),
		cmocka_unit_test(noted_items_are_kept_without_an_entry_in_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
