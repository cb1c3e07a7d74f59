#include "control/sign/times.h"

#include "control/sign/testing.h"

#define DAYS(n) (UINT64_C(86400) * (n))

enum { HOUR = 3600 };

static const uint64_t now = 1800000000;
static const struct sign_periods usual = {
	.validity = DAYS(14),
	.jitter = DAYS(2),
	.refresh = DAYS(5),
	.skew = HOUR,
};

static struct rrsig_times times_for(const struct sign_periods *p, const char *owner,
                                    uint16_t type, uint32_t serial)
{
	struct test_name name = test_name(owner);
	const struct sign_occasion o = {
		.owner = name.wire, .type = type, .serial = serial};

	return sign_times(p, &o, now);
}

static void periods_that_leave_no_time_are_refused(void **state)
{
	static const struct {
		struct sign_periods periods;
		int err;
	} cases[] = {
		{{DAYS(14), DAYS(2), DAYS(5), HOUR}, 0},
		{{2, 0, 1, 0}, 0},
		{{1, 0, 0, 0}, 0},
		{{INT32_MAX, 0, 0, 0}, 0},
		{{INT32_MAX - 5, 0, 0, 5}, 0},
		{{0, 0, 0, 0}, ERR_INVALID},
		{{1, 0, 1, 0}, ERR_INVALID},
		{{1, 1, 0, 0}, ERR_INVALID},
		{{DAYS(10), DAYS(5), DAYS(5), 0}, ERR_INVALID},
		{{DAYS(10), UINT32_MAX, UINT32_MAX, 0}, ERR_INVALID},
		{{(uint32_t)INT32_MAX + 1, 0, 0, 0}, ERR_RANGE},
		{{INT32_MAX - 5, 0, 0, 6}, ERR_RANGE},
		{{UINT32_MAX, 0, 0, UINT32_MAX}, ERR_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(sign_periods_check(&cases[i].periods), cases[i].err);
}

static void without_jitter_all_expire_together(void **state)
{
	struct sign_periods p = usual;

	(void)state;
	p.jitter = 0;
	for (uint32_t serial = 0; serial < 1000; serial++) {
		struct rrsig_times t = times_for(&p, "www", RRTYPE_A, serial);

		assert_int_equal(t.inception, now - HOUR);
		assert_int_equal(t.expiration, now + DAYS(14));
	}
}

static void the_spread_is_even(void **state)
{
	enum { NAMES = 20000, BINS = 16 };
	unsigned bins[BINS] = {0};
	uint32_t latest = (uint32_t)now + usual.validity;

	(void)state;
	for (unsigned i = 0; i < NAMES; i++) {
		char owner[32];

		(void)snprintf(owner, sizeof owner, "host%u", i);
		struct rrsig_times t = times_for(&usual, owner, RRTYPE_A, 1);
		uint32_t earlier = latest - t.expiration;
		assert_true(earlier <= usual.jitter);
		assert_int_equal(t.inception, now - HOUR);
		bins[(uint64_t)earlier * BINS / (usual.jitter + 1)]++;
	}
	for (unsigned i = 0; i < BINS; i++)
		assert_in_range(bins[i], NAMES / BINS * 9 / 10, NAMES / BINS * 11 / 10);
}

/* Both ends are reached, and nothing past them. */
static void a_spread_of_a_second_is_no_second_or_one(void **state)
{
	struct sign_periods p = usual;
	unsigned seen[2] = {0};

	(void)state;
	p.jitter = 1;
	for (uint32_t serial = 0; serial < 100; serial++) {
		struct rrsig_times t = times_for(&p, "www", RRTYPE_A, serial);
		uint32_t earlier = (uint32_t)now + p.validity - t.expiration;

		assert_true(earlier <= 1);
		seen[earlier]++;
	}
	assert_true(seen[0] > 30 && seen[1] > 30);
}

static void the_same_is_spread_the_same_and_anything_else_is_not(void **state)
{
	(void)state;
	uint32_t www = times_for(&usual, "www", RRTYPE_A, 7).expiration;

	assert_int_equal(times_for(&usual, "www", RRTYPE_A, 7).expiration, www);
	assert_int_equal(times_for(&usual, "WWW.Example.", RRTYPE_A, 7).expiration, www);
	assert_int_not_equal(times_for(&usual, "www", RRTYPE_AAAA, 7).expiration, www);
	assert_int_not_equal(times_for(&usual, "www", RRTYPE_A, 8).expiration, www);
	assert_int_not_equal(times_for(&usual, "ww", RRTYPE_A, 7).expiration, www);
	assert_int_not_equal(
		times_for(&usual, "www.example.net.", RRTYPE_A, 7).expiration, www);
}

static void a_signature_is_due_before_it_expires(void **state)
{
	struct rrsig_times t = times_for(&usual, "www", RRTYPE_A, 7);
	uint64_t due = sign_times_due(&usual, t, now);

	(void)state;
	assert_int_equal(due, t.expiration - usual.refresh);
	assert_true(due > now);
	/* It does not depend on when one asks. */
	assert_int_equal(sign_times_due(&usual, t, now + DAYS(5)), due);
	assert_int_equal(sign_times_due(&usual, t, due), due);
	assert_int_equal(sign_times_due(&usual, t, now + DAYS(30)), due);
}

static void a_signature_that_is_not_valid_yet_is_due_at_once(void **state)
{
	struct rrsig_times t = times_for(&usual, "www", RRTYPE_A, 7);

	(void)state;
	assert_int_not_equal(sign_times_due(&usual, t, t.inception), 0);
	assert_int_equal(sign_times_due(&usual, t, t.inception - 1), 0);
	assert_int_equal(sign_times_due(&usual, t, now - DAYS(300)), 0);
}

static void times_go_on_past_2106(void **state)
{
	const uint64_t wrap = UINT64_C(1) << 32;
	const uint64_t then = wrap - DAYS(1);
	struct test_name name = test_name("www");
	const struct sign_occasion o = {.owner = name.wire, .type = RRTYPE_A};
	struct sign_periods p = usual;

	(void)state;
	p.jitter = 0;
	struct rrsig_times t = sign_times(&p, &o, then);
	assert_int_equal(t.inception, then - HOUR);
	assert_int_equal(t.expiration, DAYS(13));
	assert_int_equal(sign_times_due(&p, t, then), wrap + DAYS(8));
	assert_int_equal(sign_times_due(&p, t, wrap + DAYS(10)), wrap + DAYS(8));

	t = sign_times(&p, &o, 3 * wrap);
	assert_int_equal(t.inception, UINT32_MAX - HOUR + 1);
	assert_int_equal(sign_times_due(&p, t, 3 * wrap), 3 * wrap + DAYS(9));
}

static void a_time_is_the_nearest_one(void **state)
{
	static const struct {
		uint32_t time;
		uint64_t now, want;
	} cases[] = {
		{5, 5, 5},
		{0, 5, 0},
		{0xffffffff, 5, 0}, /* before 1970 there is nothing */
		{0x7fffffff, 0, 0x7fffffff},
		{5, UINT64_C(0x100000000), UINT64_C(0x100000005)},
		{0xffffffff, UINT64_C(0x100000000), 0xffffffff},
		{0xffffffff, UINT64_C(0x200000005), UINT64_C(0x1ffffffff)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(sign_time_near(cases[i].time, cases[i].now),
		                 cases[i].want);
}

static void times_are_written_for_people(void **state)
{
	char text[SIGN_TIME_SIZE];

	(void)state;
	assert_string_equal(sign_time_text(1796210257, text), "2026-12-02T11:17:37Z");
	assert_string_equal(sign_time_text(UINT64_C(253402300799), text),
	                    "9999-12-31T23:59:59Z");
	assert_string_equal(sign_time_text(UINT64_C(253402300800), text),
	                    "in another age");
	assert_string_equal(sign_time_text(UINT64_MAX, text), "in another age");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_that_leave_no_time_are_refused),
		cmocka_unit_test(without_jitter_all_expire_together),
		cmocka_unit_test(the_spread_is_even),
		cmocka_unit_test(a_spread_of_a_second_is_no_second_or_one),
		cmocka_unit_test(the_same_is_spread_the_same_and_anything_else_is_not),
		cmocka_unit_test(a_signature_is_due_before_it_expires),
		cmocka_unit_test(a_signature_that_is_not_valid_yet_is_due_at_once),
		cmocka_unit_test(times_go_on_past_2106),
		cmocka_unit_test(a_time_is_the_nearest_one),
		cmocka_unit_test(times_are_written_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
