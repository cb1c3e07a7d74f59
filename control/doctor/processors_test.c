#include "control/doctor/testing.h"

#define CPU "/sys/devices/system/cpu/"
#define TWO .cpus = {2, 3}, .cpu_count = 2, .workers = 2

static void nothing_is_judged_without_pinning(void **state)
{
	static const struct test_case cases[] = {
		{"cpus", DOCTOR_WARN, "not pinned", .files = {CPU "online", "0-3\n"}},
		{"isolcpus", DOCTOR_WARN, "not pinned",
	         .files = {CPU "isolated", "0-3\n"}},
		{"nohz-full", DOCTOR_WARN, "not pinned",
	         .files = {CPU "nohz_full", "0-3\n"}},
		{"rcu-nocbs", DOCTOR_WARN, "not pinned",
	         .files = {"/proc/cmdline", "rcu_nocbs=all\n"}},
	};

	(void)state;
	test_run_all(cases);
}

static void processors_are_there_and_enough(void **state)
{
	static const struct test_case cases[] = {
		{"cpus", DOCTOR_OK, "is 2)", .files = {CPU "online", "0-3\n"}, TWO},
		{"cpus", DOCTOR_OK, "is 2)", .files = {CPU "online", "0,2-3\n"}, TWO},
		{"cpus", DOCTOR_FAIL, "not online: 3 (online are 0-2)",
	         .files = {CPU "online", "0-2\n"}, TWO},
		{"cpus", DOCTOR_FAIL, "not online: 2,3",
	         .files = {CPU "online", "0-1,4-22,30\n"}, TWO},
		{"cpus", DOCTOR_FAIL, "not online: 2,3", .files = {NULL}, TWO},
		{"cpus", DOCTOR_WARN, "3 workers share 2",
	         .files = {CPU "online", "0-3\n"}, .cpus = {2, 3}, .cpu_count = 2,
	         .workers = 3},
	};

	(void)state;
	test_run_all(cases);
}

static void lists_must_cover_the_processors_in_use(void **state)
{
	static const struct test_case cases[] = {
		{"isolcpus", DOCTOR_OK, "covers processors 2,3",
	         .files = {CPU "isolated", "2-3\n"}, TWO},
		{"isolcpus", DOCTOR_WARN, "does not cover processors 3",
	         .files = {CPU "isolated", "2\n"}, TWO},
		{"isolcpus", DOCTOR_WARN, "not cover processors 2,3",
	         .files = {CPU "isolated", "\n"}, TWO},
		{"isolcpus", DOCTOR_WARN, "not cover processors 2,3", .files = {NULL},
	         TWO},
		{"isolcpus", DOCTOR_OK, "covers processors 2",
	         .files = {CPU "isolated", "2\n"}, .cpus = {2, 3}, .cpu_count = 2,
	         .workers = 1},
		{"nohz-full", DOCTOR_OK, "covers processors 2,3",
	         .files = {CPU "nohz_full", "1-7\n"}, TWO},
		{"nohz-full", DOCTOR_WARN, "not cover processors 2,3",
	         .files = {CPU "nohz_full", "(null)\n"}, TWO},
		{"nohz-full", DOCTOR_WARN, "its tick", .files = {NULL}, TWO},
		{"rcu-nocbs", DOCTOR_OK, "covers processors 2,3",
	         .files = {"/proc/cmdline", "ro quiet rcu_nocbs=2-3 x\n"}, TWO},
		{"rcu-nocbs", DOCTOR_OK, "covers all",
	         .files = {"/proc/cmdline", "rcu_nocbs=all\n"}, TWO},
		{"rcu-nocbs", DOCTOR_OK, "covers processors 2,3",
	         .files = {"/proc/cmdline", "ro\n", CPU "nohz_full", "2-3\n"}, TWO},
		{"rcu-nocbs", DOCTOR_WARN, "not cover processors 2",
	         .files = {"/proc/cmdline", "rcu_nocbs=3\n", CPU "nohz_full", "2-3\n"},
	         TWO},
		{"rcu-nocbs", DOCTOR_WARN, "not cover processors 2,3",
	         .files = {"/proc/cmdline", "my.rcu_nocbs=2-3\n"}, TWO},
		{"rcu-nocbs", DOCTOR_WARN, "not cover processors 2,3", .files = {NULL},
	         TWO},
	};

	(void)state;
	test_run_all(cases);
}

static void governor_must_be_performance(void **state)
{
	static const struct test_case cases[] = {
		{"governor", DOCTOR_OK, "2 processors",
	         .files = {CPU "cpu2/cpufreq/scaling_governor", "performance\n",
	                   CPU "cpu3/cpufreq/scaling_governor", "performance\n",
	                   CPU "cpu0/cpufreq/scaling_governor", "powersave\n"},
	         TWO},
		{"governor", DOCTOR_WARN, "processors 3 (powersave)",
	         .files = {CPU "cpu2/cpufreq/scaling_governor", "performance\n",
	                   CPU "cpu3/cpufreq/scaling_governor", "powersave\n"},
	         TWO},
		{"governor", DOCTOR_WARN, "processors 0 (schedutil)",
	         .files = {CPU "cpu0/cpufreq/scaling_governor", "schedutil\n"}},
		{"governor", DOCTOR_OK, "does not scale",
	         .files = {CPU "cpu0/online", "1\n"}},
	};

	(void)state;
	test_run_all(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_judged_without_pinning),
		cmocka_unit_test(processors_are_there_and_enough),
		cmocka_unit_test(lists_must_cover_the_processors_in_use),
		cmocka_unit_test(governor_must_be_performance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
