#include "control/doctor/machine.h"

#include "control/doctor/testing.h"

static void lists_are_read_as_the_kernel_writes_them(void **state)
{
	static const struct {
		const char *list;
		int number;
		bool in;
	} cases[] = {
		{"0-3", 0, true},     {"0-3", 3, true},  {"0-3", 4, false},
		{"2,5", 5, true},     {"2,5", 3, false}, {"0,2-4", 3, true},
		{"0,2-4", 1, false},  {"12", 1, false},  {"", 0, false},
		{"(null)", 0, false}, {"-1", 1, false},  {"0-", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (list_has(cases[i].list, cases[i].number) != cases[i].in)
			fail_msg("%d in \"%s\"", cases[i].number, cases[i].list);
}

static void kernel_versions_compare_by_their_parts(void **state)
{
	static const struct {
		const char *text;
		unsigned version;
	} cases[] = {
		{"6.1.0-18-amd64\n", KERNEL(6, 1, 0)},
		{"5.15.167.4-x\n", KERNEL(5, 15, 167)},
		{"6.12\n", KERNEL(6, 12, 0)},
		{"4.9.337\n", KERNEL(4, 9, 255)},
		{"next\n", 0},
		{"\n", 0},
	};
	char root[] = "/tmp/anser-doctor-XXXXXX";
	const struct doctor_machine machine = {.root = root};

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(machine_kernel(&machine), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_make_file(root, "/proc/sys/kernel/osrelease", cases[i].text);
		assert_int_equal(machine_kernel(&machine), cases[i].version);
	}
	assert_int_equal(nftw(root, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void fields_begin_a_line(void **state)
{
	char root[] = "/tmp/anser-doctor-XXXXXX";
	const struct doctor_machine machine = {.root = root};
	char text[16] = "kept";

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_false(machine_field(&machine, "/x", "A", text, sizeof text));
	test_make_file(root, "/x", "BA:\t1\n A: 2\nA:\t 3 4\n");
	assert_true(machine_field(&machine, "/x", "A", text, sizeof text));
	assert_string_equal(text, "3 4");
	assert_false(machine_field(&machine, "/x", "C", text, sizeof text));
	assert_string_equal(text, "3 4");
	assert_int_equal(nftw(root, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_as_the_kernel_writes_them),
		cmocka_unit_test(kernel_versions_compare_by_their_parts),
		cmocka_unit_test(fields_begin_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
