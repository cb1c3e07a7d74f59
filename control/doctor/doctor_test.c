#include "control/doctor/doctor.h"

#include "control/doctor/testing.h"

static const struct {
	const char *id;
	unsigned modes;
	bool of_nics;
} rows[] = {
#define ROW(id, modes, function)     {id, modes, false},
#define NIC_ROW(id, modes, function) {id, modes, true},
#include "control/doctor/rows.def"
#undef ROW
#undef NIC_ROW
};

static size_t count_of(const struct doctor_report *report, const char *check,
                       const char *subject)
{
	size_t count = 0;

	for (size_t i = 0; i < report->count; i++)
		count += !strcmp(report->lines[i].check, check) &&
		         !strcmp(report->lines[i].subject, subject);
	return count;
}

/* Loopback is on every machine; so every row gives a line for it. */
static void this_machine_gives_a_line_for_each_row(void **state)
{
	static const char *const names[] = {"lo"};
	const struct doctor_machine machine = {.root = "",
	                                       .ask = nic_ask_kernel,
	                                       .interfaces = names,
	                                       .interface_count = 1,
	                                       .workers = 1,
	                                       .modes = DOCTOR_ANY};
	struct doctor_report report;

	(void)state;
	doctor_run(&machine, &report);
	assert_int_equal(report.count, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct doctor_line *line = test_line(&report, rows[i].id);

		assert_string_equal(line->subject, rows[i].of_nics ? "lo" : "");
		assert_true(line->found[0]);
		assert_int_equal(line->remedy[0] != 0, line->verdict != DOCTOR_OK);
	}
	assert_null(strstr(test_line(&report, "kernel")->found, "unknown"));
	assert_string_equal(test_line(&report, "program")->found,
	                    "no XDP program is attached");
	assert_int_equal(report.verdicts[DOCTOR_OK] + report.verdicts[DOCTOR_WARN] +
	                         report.verdicts[DOCTOR_FAIL],
	                 report.count);
	doctor_fini(&report);
}

static void rows_of_other_back_ends_are_left_out(void **state)
{
	static const unsigned modes[] = {DOCTOR_XDP, DOCTOR_DPDK};
	static const char *const names[] = {"lo"};

	(void)state;
	for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
		const struct doctor_machine machine = {.root = "",
		                                       .ask = nic_ask_kernel,
		                                       .interfaces = names,
		                                       .interface_count = 1,
		                                       .workers = 1,
		                                       .modes = modes[m]};
		struct doctor_report report;

		doctor_run(&machine, &report);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(test_find(&report, rows[i].id) != NULL,
			                 (rows[i].modes & modes[m]) != 0);
		doctor_fini(&report);
	}
}

static void missing_interface_fails_and_others_are_judged(void **state)
{
	static const char *const names[] = {"lo", "no-such-nic", "../net/lo", "", "."};
	const struct doctor_machine machine = {.root = "",
	                                       .ask = nic_ask_kernel,
	                                       .interfaces = names,
	                                       .interface_count = ARRAY_LEN(names),
	                                       .workers = 1,
	                                       .modes = DOCTOR_ANY};
	struct doctor_report report;

	(void)state;
	doctor_run(&machine, &report);
	for (size_t i = 0; i < report.count; i++) {
		const struct doctor_line *line = &report.lines[i];
		if (!strcmp(line->check, "mtu"))
			assert_int_equal(line->verdict == DOCTOR_FAIL,
			                 strcmp(line->subject, "lo") != 0);
	}
	assert_int_equal(count_of(&report, "driver", "lo"), 1);
	assert_int_equal(count_of(&report, "driver", "no-such-nic"), 1);
	assert_true(report.verdicts[DOCTOR_FAIL] >= 4);
	doctor_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_machine_gives_a_line_for_each_row),
		cmocka_unit_test(rows_of_other_back_ends_are_left_out),
		cmocka_unit_test(missing_interface_fails_and_others_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
