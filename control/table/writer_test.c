#include "control/table/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "control/table/internal.h"
#include "shared/table.h"

enum {
	SEGMENT = 256 << 20,
	STEP_MAX = 256,   /* buckets that one name may cause to be added */
	CLEAN_MAX = 1024, /* buckets cleaned between two commits */
};

struct fixture {
	struct table_writer *w;
	uint64_t grace;
};

struct test_name {
	uint8_t bytes[NAME_MAX_LEN + 1 + NAME_PAD];
	size_t len;
	uint64_t hash;
};

static struct test_name name_number(const struct table_writer *w, unsigned i)
{
	struct test_name n = {.bytes = {0}};
	char label[16];
	int len = snprintf(label, sizeof label, "n%u", i);

	n.bytes[0] = (uint8_t)len;
	memcpy(n.bytes + 1, label, (size_t)len);
	n.len = (size_t)len + 2;
	n.hash = name_hash(writer_hash_key(w), n.bytes);
	return n;
}

static void put_number(struct table_writer *w, unsigned i)
{
	struct test_name name = name_number(w, i);
	void *room;
	table_ref ref = writer_alloc(w, sizeof(struct table_node) + name.len, &room);

	assert_int_not_equal(ref, 0);
	struct table_node *n = room;
	n->name_len = (uint8_t)name.len;
	memcpy(n->name, name.bytes, name.len);
	writer_put_node(w, name.hash, ref);
}

static struct fixture open_with(unsigned names)
{
	struct fixture f = {.grace = 0};

	assert_int_equal(writer_open(SEGMENT, 1, names, &f.w), 0);
	for (unsigned i = 0; i < names; i++)
		put_number(f.w, i);
	writer_share(f.w);
	return f;
}

static void publish(struct fixture *f)
{
	writer_publish(f->w);
	writer_wait_for(f->w, ++f->grace);
}

static void tick(struct fixture *f)
{
	writer_passed(f->w, f->grace);
	if (writer_wants_grace(f->w))
		writer_wait_for(f->w, ++f->grace);
}

static uint64_t buckets_of(const struct table_writer *w)
{
	struct writer_usage u;

	writer_usage(w, &u);
	return u.buckets;
}

static uint64_t slots_in_use(const struct table_writer *w)
{
	uint64_t used = 0;

	for (uint64_t i = 0; i < w->buckets.count; i++) {
		const struct table_bucket *b = &w->buckets.at[i];
		while (b) {
			for (unsigned s = 0; s < BUCKET_SLOTS; s++)
				used += (atomic_load_explicit(&b->tags[s / 4],
				                              memory_order_relaxed) >>
				                 (s % 4 * 16) &
				         0xffff) != 0;
			table_ref more = table_bucket_overflow(b);
			b = more ? table_at(w->buckets.base, more) : NULL;
		}
	}
	return used;
}

static void expect_names(struct table_writer *w, unsigned count)
{
	struct snapshot s;

	table_snapshot(writer_table(w), &s);
	for (unsigned i = 0; i <= count; i++) {
		struct test_name n = name_number(w, i);
		const struct table_node *found =
			table_find(&s, n.hash, n.bytes, n.len, 0);
		assert_int_equal(found != NULL, i < count);
	}
}

/* All that growth left behind is gone: each name is in one slot. */
static void expect_clean(struct fixture *f, unsigned count)
{
	struct writer_usage u;

	for (unsigned i = 0; i < 200; i++)
		tick(f);
	writer_usage(f->w, &u);
	assert_int_equal(u.retired, 0);
	assert_int_equal(u.names, count);
	assert_int_equal(slots_in_use(f->w), count);
}

static void a_name_makes_a_large_hash_grow_a_little(void **unused)
{
	enum { BEFORE = 150000, AFTER = 260000 };
	struct fixture f = open_with(BEFORE);
	uint64_t first = buckets_of(f.w);
	unsigned steps = 0;

	(void)unused;
	for (unsigned i = BEFORE; i < AFTER; i++) {
		uint64_t before = buckets_of(f.w);
		writer_reserve(f.w, 1);
		put_number(f.w, i);
		publish(&f);
		tick(&f);
		uint64_t added = buckets_of(f.w) - before;
		assert_in_range(added, 0, STEP_MAX + 1);
		steps += added > 0;
		/* Otherwise buckets would run over. */
		assert_true(f.w->names <= buckets_limit(f.w->buckets.count));
	}
	assert_true(buckets_of(f.w) > first);
	assert_true(steps > 10);
	expect_names(f.w, AFTER);
	expect_clean(&f, AFTER);
	writer_close(&f.w);
}

static void what_growth_leaves_is_cleaned_in_steps(void **unused)
{
	enum { BEFORE = 1000, AFTER = 60000 };
	struct fixture f = open_with(BEFORE);
	unsigned ticks = 0;

	(void)unused;
	writer_reserve(f.w, AFTER - BEFORE);
	for (unsigned i = BEFORE; i < AFTER; i++)
		put_number(f.w, i);
	publish(&f);
	expect_names(f.w, AFTER);
	while (f.w->first) {
		uint64_t before = 0;
		uint64_t after = 0;
		const struct batch *b = f.w->first;
		for (size_t i = 0; i < b->split_count; i++)
			before += b->splits[i].high - b->splits[i].low;
		tick(&f);
		for (size_t i = 0; f.w->first && i < f.w->first->split_count; i++)
			after += f.w->first->splits[i].high - f.w->first->splits[i].low;
		assert_true(before - after <= CLEAN_MAX);
		ticks++;
	}
	assert_true(ticks > 3);
	expect_names(f.w, AFTER);
	expect_clean(&f, AFTER);
	writer_close(&f.w);
}

/* Cleaning is under way when the next change comes, and when that is taken back. */
static void changes_go_on_while_buckets_are_cleaned(void **unused)
{
	enum { BEFORE = 1000, MORE = 30000, AFTER = 90000 };
	struct fixture f = open_with(BEFORE);

	(void)unused;
	for (unsigned i = BEFORE; i < MORE; i++)
		put_number(f.w, i);
	publish(&f);
	for (unsigned i = MORE; i < AFTER; i += 500) {
		for (unsigned k = i; k < i + 500; k++)
			put_number(f.w, k);
		writer_undo(f.w);
		writer_wait_for(f.w, ++f.grace);
		for (unsigned k = i; k < i + 500; k++)
			put_number(f.w, k);
		publish(&f);
		tick(&f);
	}
	expect_names(f.w, AFTER);
	expect_clean(&f, AFTER);
	writer_close(&f.w);
}

static void settings_put_twice_are_taken_back(void **unused)
{
	struct fixture f = {.grace = 0};
	table_ref first;
	void *room;

	(void)unused;
	assert_int_equal(writer_open(SEGMENT, 1, 1, &f.w), 0);
	first = writer_alloc(f.w, sizeof(struct table_settings), &room);
	writer_put_settings(f.w, first);
	writer_share(f.w);
	for (unsigned i = 0; i < 2; i++) {
		table_ref more = writer_alloc(f.w, sizeof(struct table_settings), &room);
		assert_int_not_equal(more, 0);
		writer_put_settings(f.w, more);
	}
	writer_undo(f.w);
	assert_int_equal(
		atomic_load_explicit(&f.w->header->settings, memory_order_relaxed),
		first);
	writer_wait_for(f.w, ++f.grace);
	tick(&f);
	expect_clean(&f, 0);
	assert_int_equal(f.w->room.used, room_size(sizeof(struct table_settings)));
	writer_close(&f.w);
}

static void fill(struct table_writer *w)
{
	static const size_t sizes[] = {1 << 20, 4096, TABLE_UNIT};
	void *room;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		while (writer_alloc(w, sizes[i], &room))
			;
}

static void a_full_segment_has_room_for_what_makes_room(void **unused)
{
	struct fixture f = {0};
	void *room;

	(void)unused;
	assert_int_equal(writer_open(SEGMENT, 1, 1, &f.w), 0);
	writer_share(f.w);
	fill(f.w);
	assert_int_equal(writer_alloc(f.w, 512, &room), 0);
	assert_true(writer_failed(f.w));
	writer_use_reserve(f.w, true);
	for (unsigned i = 0; i < 100; i++)
		assert_int_not_equal(writer_alloc(f.w, 512, &room), 0);
	writer_use_reserve(f.w, false);
	assert_int_equal(writer_alloc(f.w, 512, &room), 0);
	writer_undo(f.w);
	writer_close(&f.w);
}

static void a_private_segment_is_filled_to_the_end(void **unused)
{
	struct fixture f = {0};
	void *room;

	(void)unused;
	assert_int_equal(writer_open(SEGMENT, 1, 1, &f.w), 0);
	fill(f.w);
	writer_use_reserve(f.w, true);
	assert_int_equal(writer_alloc(f.w, 512, &room), 0);
	writer_close(&f.w);
}

static uint64_t resident(const struct table_writer *w)
{
	struct writer_usage usage;

	writer_usage(w, &usage);
	return usage.resident;
}

static void what_is_expected_has_memory_before_it_comes(void **unused)
{
	enum { BYTES = 8 << 20 };
	struct fixture f = open_with(1);
	uint64_t before = resident(f.w);

	(void)unused;
	writer_expect(f.w, BYTES);
	while (resident(f.w) < before + BYTES - (1 << 16))
		usleep(1000);
	writer_expect(f.w, UINT64_C(1) << 40); /* more than there is: no more than that */
	put_number(f.w, 1);
	publish(&f);
	writer_close(&f.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_makes_a_large_hash_grow_a_little),
		cmocka_unit_test(what_growth_leaves_is_cleaned_in_steps),
		cmocka_unit_test(changes_go_on_while_buckets_are_cleaned),
		cmocka_unit_test(settings_put_twice_are_taken_back),
		cmocka_unit_test(a_full_segment_has_room_for_what_makes_room),
		cmocka_unit_test(a_private_segment_is_filled_to_the_end),
		cmocka_unit_test(what_is_expected_has_memory_before_it_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
