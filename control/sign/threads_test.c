#include "control/sign/threads.h"

#include <stdatomic.h>
#include <stdint.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

static void *count_one(void *arg)
{
	atomic_uint *count = arg;

	atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
	return NULL;
}

static unsigned count_with(unsigned threads)
{
	atomic_uint count = 0;

	threads_run(threads, count_one, &count);
	return atomic_load_explicit(&count, memory_order_relaxed);
}

static void each_thread_takes_part_once(void **state)
{
	(void)state;
	assert_int_equal(count_with(1), 1);
	assert_int_equal(count_with(7), 7);
	assert_int_equal(count_with(65), 65);
}

static void none_asked_for_is_the_callers(void **state)
{
	(void)state;
	assert_int_equal(count_with(0), 1);
}

static void there_is_an_end_to_how_many_there_are(void **state)
{
	(void)state;
	assert_int_equal(count_with(66), 65);
	assert_int_equal(count_with(UINT32_MAX), 65);
}

static void a_machine_has_a_processor(void **state)
{
	(void)state;
	assert_in_range(threads_of_machine(), 1, 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_takes_part_once),
		cmocka_unit_test(none_asked_for_is_the_callers),
		cmocka_unit_test(there_is_an_end_to_how_many_there_are),
		cmocka_unit_test(a_machine_has_a_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
