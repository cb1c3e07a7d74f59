#include "dataplane/view.h"

#include <dirent.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/test_table.h"
#include "shared/err.h"

enum { NWORKERS = 3 };

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static struct segment make_table(uint64_t generation)
{
	struct segment s;

	assert_true(test_table_make(generation, &s));
	return s;
}

static int set_table(struct views *v, uint64_t generation)
{
	struct segment s = make_table(generation);
	int err = views_set_table(v, dup(s.fd), generation);

	segment_close(&s);
	return err;
}

static struct slots *make_slots(struct segment *s)
{
	struct slots *slots;

	assert_int_equal(slots_create(s), 0);
	assert_int_equal(slots_attach(s, &slots), 0);
	return slots;
}

static void view_is_shown_once_there_are_table_and_slots(void **state)
{
	struct segment s;
	struct slots *slots = make_slots(&s);
	struct views v;

	(void)state;
	unsigned before = open_fds();
	for (int table_first = 0; table_first < 2; table_first++) {
		views_init(&v);
		assert_null(views_get(&v));
		if (table_first)
			assert_int_equal(set_table(&v, 5), 0);
		else
			assert_int_equal(views_set_slots(&v, dup(s.fd), 2, NWORKERS), 0);
		assert_null(views_get(&v));
		if (table_first)
			assert_int_equal(views_set_slots(&v, dup(s.fd), 2, NWORKERS), 0);
		else
			assert_int_equal(set_table(&v, 5), 0);
		const struct view *view = views_get(&v);
		assert_non_null(view);
		assert_int_equal(test_table_mark(&view->table), 5);
		counter_add(view->workers[1].counters, COUNTER_queries, 1);
		views_fini(&v);
		assert_null(views_get(&v));
		assert_int_equal(open_fds(), before);
	}
	assert_int_equal(counter_read(&slots->attachments[2].workers[1], COUNTER_queries),
	                 2);
	segment_close(&s);
}

static void new_table_replaces_the_old_one(void **state)
{
	struct segment s;
	struct views v;

	(void)state;
	make_slots(&s);
	views_init(&v);
	assert_int_equal(views_set_slots(&v, dup(s.fd), 0, NWORKERS), 0);
	for (uint64_t generation = 1; generation < 10; generation++) {
		assert_int_equal(set_table(&v, generation), 0);
		assert_int_equal(test_table_mark(&views_get(&v)->table), generation);
	}
	views_fini(&v);
	segment_close(&s);
}

static void refused_table_leaves_the_old_one_serving(void **state)
{
	static const struct {
		size_t at;
		int err;
	} cases[] = {
		{offsetof(struct table_header, magic), ERR_CORRUPT},
		{offsetof(struct table_header, layout), ERR_VERSION},
		{offsetof(struct table_header, header_size), ERR_CORRUPT},
		{offsetof(struct table_header, generation), ERR_CORRUPT},
		{offsetof(struct table_header, nbuckets), ERR_CORRUPT},
	};
	struct segment s;
	struct views v;

	(void)state;
	make_slots(&s);
	views_init(&v);
	assert_int_equal(views_set_slots(&v, dup(s.fd), 0, NWORKERS), 0);
	assert_int_equal(set_table(&v, 1), 0);
	unsigned before = open_fds();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct segment bad = make_table(2);
		bad.base[cases[i].at] ^= 1;
		assert_int_equal(views_set_table(&v, dup(bad.fd), 2), cases[i].err);
		segment_close(&bad);
		assert_int_equal(test_table_mark(&views_get(&v)->table), 1);
		assert_int_equal(v.parts.generation, 1);
	}
	/* The slots segment is no table, though it is a memfd. */
	assert_int_equal(views_set_table(&v, dup(s.fd), 2), ERR_REFUSED);
	assert_int_equal(open_fds(), before);
	views_fini(&v);
	segment_close(&s);
}

static void refused_slots_leave_the_old_ones_counting(void **state)
{
	static const struct {
		unsigned slot;
		unsigned nworkers;
		size_t damage_at; /* of the header; none when 0 */
		int err;
	} cases[] = {
		{ATTACHMENTS_MAX, NWORKERS, 0, ERR_RANGE},
		{0, 0, 0, ERR_RANGE},
		{0, WORKERS_MAX + 1, 0, ERR_RANGE},
		{0, NWORKERS, offsetof(struct slots_header, layout), ERR_VERSION},
		{0, NWORKERS, offsetof(struct slots_header, counters), ERR_CORRUPT},
	};
	struct segment s;
	struct segment other;
	struct slots *slots = make_slots(&s);
	struct views v;

	(void)state;
	make_slots(&other);
	views_init(&v);
	assert_int_equal(views_set_slots(&v, dup(s.fd), 1, NWORKERS), 0);
	assert_int_equal(set_table(&v, 1), 0);
	unsigned before = open_fds();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t damage = cases[i].damage_at != 0;
		other.base[cases[i].damage_at] ^= damage;
		assert_int_equal(views_set_slots(&v, dup(other.fd), cases[i].slot,
		                                 cases[i].nworkers),
		                 cases[i].err);
		other.base[cases[i].damage_at] ^= damage;
		assert_int_equal(open_fds(), before);
	}
	counter_add(views_get(&v)->workers[0].counters, COUNTER_queries, 9);
	assert_int_equal(counter_read(&slots->attachments[1].workers[0], COUNTER_queries),
	                 9);
	views_fini(&v);
	segment_close(&s);
	segment_close(&other);
}

static uint64_t queries_of(const struct slots *s, unsigned slot)
{
	uint64_t sum[COUNTER_COUNT] = {0};

	slots_add(&s->attachments[slot], sum);
	return sum[COUNTER_queries];
}

static void counts_are_carried_to_another_segment_but_not_within_one(void **state)
{
	struct segment segments[2];
	struct slots *slots[2];
	struct views v;

	(void)state;
	slots[0] = make_slots(&segments[0]);
	slots[1] = make_slots(&segments[1]);
	views_init(&v);
	assert_int_equal(set_table(&v, 1), 0);
	assert_int_equal(views_set_slots(&v, dup(segments[0].fd), 0, NWORKERS), 0);
	counter_add(views_get(&v)->workers[0].counters, COUNTER_queries, 3);
	counter_add(views_get(&v)->workers[2].counters, COUNTER_queries, 4);

	/* The same control plane adds up all slots of its segment itself. */
	assert_int_equal(views_set_slots(&v, dup(segments[0].fd), 1, NWORKERS), 0);
	assert_int_equal(queries_of(slots[0], 0), 7);
	assert_int_equal(queries_of(slots[0], 1), 0);
	counter_add(views_get(&v)->workers[0].counters, COUNTER_queries, 10);

	assert_int_equal(views_set_slots(&v, dup(segments[1].fd), 5, NWORKERS), 0);
	counter_add(views_get(&v)->workers[0].counters, COUNTER_queries, 1);
	assert_int_equal(queries_of(slots[1], 5), 11);
	views_fini(&v);
	segment_close(&segments[0]);
	segment_close(&segments[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(view_is_shown_once_there_are_table_and_slots),
		cmocka_unit_test(new_table_replaces_the_old_one),
		cmocka_unit_test(refused_table_leaves_the_old_one_serving),
		cmocka_unit_test(refused_slots_leave_the_old_ones_counting),
		cmocka_unit_test(
			counts_are_carried_to_another_segment_but_not_within_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
