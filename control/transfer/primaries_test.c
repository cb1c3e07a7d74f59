/* Who does not answer is left alone, for longer and longer, but for one who asks now and then. */
#include "control/transfer/primaries.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/compiler.h"

static struct sockaddr_storage primary(uint16_t port)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in *in = (void *)&s;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return s;
}

static void who_does_not_ask_lets_the_next_one(UNUSED void **state)
{
	const struct sockaddr_storage a = primary(1);
	struct primaries *p = primaries_new();

	primaries_untried(p, &a);
	assert_false(primaries_is_down(p, &a, 1000));
	assert_int_equal(primaries_tried(p, &a, false, 1000), PRIMARY_DOWN);
	assert_false(primaries_is_down(p, &a, 3000));
	assert_true(primaries_is_down(p, &a, 3000));
	primaries_untried(p, &a);
	assert_false(primaries_is_down(p, &a, 3000));
	assert_true(primaries_is_down(p, &a, 3000));
	primaries_free(p);
}

static void one_asks_after_each_pause_and_pauses_grow(UNUSED void **state)
{
	const struct sockaddr_storage a = primary(1);
	const struct sockaddr_storage b = primary(2);
	struct primaries *p = primaries_new();
	uint64_t now = 1000;
	uint64_t pause = 2000;

	assert_false(primaries_is_down(p, &a, now));
	assert_int_equal(primaries_tried(p, &a, false, now), PRIMARY_DOWN);
	assert_int_equal(primaries_down(p), 1);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(primaries_is_down(p, &a, now + pause - 1));
		assert_false(primaries_is_down(p, &b, now));
		now += pause;
		assert_false(primaries_is_down(p, &a, now)); /* this one asks */
		assert_true(primaries_is_down(p, &a, now));  /* and nobody else */
		assert_int_equal(primaries_tried(p, &a, false, now), PRIMARY_AS_BEFORE);
		pause = pause * 2 > 4000 ? 4000 : pause * 2;
	}
	assert_int_equal(primaries_tried(p, &a, true, now),
	                 PRIMARY_UP); /* it is up again */
	assert_false(primaries_is_down(p, &a, now));
	assert_int_equal(primaries_tried(p, &a, true, now), PRIMARY_AS_BEFORE);
	assert_int_equal(primaries_down(p), 0);
	/* And down anew. */
	assert_int_equal(primaries_tried(p, &a, false, now), PRIMARY_DOWN);
	primaries_free(p);
}

static void who_asked_before_it_was_down_makes_no_pause_longer(UNUSED void **state)
{
	const struct sockaddr_storage a = primary(1);
	struct primaries *p = primaries_new();

	for (unsigned i = 0; i < 32; i++)
		assert_false(primaries_is_down(p, &a, 1000));
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(primaries_tried(p, &a, false, 6000 + i),
		                 i ? PRIMARY_AS_BEFORE : PRIMARY_DOWN);
	assert_true(primaries_is_down(p, &a, 7999));
	assert_false(primaries_is_down(p, &a, 8000));
	assert_int_equal(primaries_tried(p, &a, false, 13000), PRIMARY_AS_BEFORE);
	/* Nor do those who ask in spite of it. */
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(primaries_tried(p, &a, false, 14000 + i),
		                 PRIMARY_AS_BEFORE);
	assert_true(primaries_is_down(p, &a, 16999));
	assert_false(primaries_is_down(p, &a, 17000));
	primaries_free(p);
}

static void of_too_many_the_others_are_asked(UNUSED void **state)
{
	struct primaries *p = primaries_new();

	for (uint16_t i = 1; i <= 2000; i++) {
		const struct sockaddr_storage a = primary(i);
		assert_int_equal(primaries_tried(p, &a, false, 0),
		                 i <= 1024 ? PRIMARY_DOWN : PRIMARY_AS_BEFORE);
		assert_int_equal(primaries_is_down(p, &a, 1), i <= 1024);
	}
	primaries_free(p);
}

static void a_primary_gives_so_many_transfers_at_a_time(UNUSED void **state)
{
	const struct sockaddr_storage a = primary(1);
	const struct sockaddr_storage b = primary(2);
	struct primaries *p = primaries_new();

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < PRIMARY_TRANSFERS_MAX; i++)
			assert_true(primaries_enter(p, &a));
		assert_false(primaries_enter(p, &a));
		assert_true(primaries_enter(p, &b));
		primaries_leave(p, &a);
		assert_true(primaries_enter(p, &a));
		assert_false(primaries_enter(p, &a));
		for (unsigned i = 0; i < PRIMARY_TRANSFERS_MAX; i++)
			primaries_leave(p, &a);
		primaries_leave(p, &b);
	}
	primaries_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_asks_after_each_pause_and_pauses_grow),
		cmocka_unit_test(who_does_not_ask_lets_the_next_one),
		cmocka_unit_test(who_asked_before_it_was_down_makes_no_pause_longer),
		cmocka_unit_test(of_too_many_the_others_are_asked),
		cmocka_unit_test(a_primary_gives_so_many_transfers_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
