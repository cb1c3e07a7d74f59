#include "control/doctor/device.h"

#include "control/doctor/testing.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0/"

static void pci_addresses_are_told_from_names(void **state)
{
	static const struct {
		const char *name;
		bool is_device;
	} cases[] = {
		{"0000:01:00.0", true},    {"01:00.1", true},
		{"10000:e1:00.0", true},   {"0000:01:00", false},
		{"eth0", false},           {"", false},
		{"0000:01:00.0x", false},  {"net_tap0", false},
		{"01:00.0,x=1", false},    {"beef", false},
		{"auxiliary:mlx5", false}, {"fe80::1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (doctor_is_device(cases[i].name) != cases[i].is_device)
			fail_msg("%s", cases[i].name);
}

/* What a machine of these files says when the device is named. */
static void run_machine(const struct test_case *t, const char *name,
                        struct doctor_report *report)
{
	char root[] = "/tmp/anser-doctor-XXXXXX";
	struct doctor_machine machine = {.root = root,
	                                 .ask = test_ask,
	                                 .interfaces = &name,
	                                 .interface_count = 1,
	                                 .workers = 1,
	                                 .modes = t->modes ? t->modes : DOCTOR_ANY};

	test_now = t;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i + 1 < ARRAY_LEN(t->files) && t->files[i]; i += 2)
		test_make_file(root, t->files[i], t->files[i + 1]);
	doctor_run(&machine, report);
	assert_int_equal(nftw(root, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void device_is_looked_at_by_its_interfaces(void **state)
{
	static const struct test_case machine = {
		.files = {DEVICE "net/eth5/mtu", "1500\n", DEVICE "net/eth6/mtu",
	                  "1500\n", "/sys/class/net/eth5/mtu", "1500\n",
	                  "/sys/class/net/eth6/mtu", "9000\n"}};
	static const char *const names[] = {"0000:01:00.0", "01:00.0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct doctor_report report;
		char mtus[64] = "";

		run_machine(&machine, names[i], &report);
		for (size_t j = 0; j < report.count; j++)
			if (!strcmp(report.lines[j].check, "mtu"))
				text_add(mtus, sizeof mtus, "%s:%s ",
				         report.lines[j].subject, report.lines[j].found);
		assert_string_equal(mtus, "eth5:1500 bytes eth6:9000 bytes ");
		doctor_fini(&report);
	}
}

static void device_without_an_interface_is_dpdks_or_nobodys(void **state)
{
	static const struct test_case cases[] = {
		{"driver", DOCTOR_OK, "bound to vfio-pci",
	         .files = {DEVICE "driver", "->../drivers/vfio-pci"}},
		{"driver", DOCTOR_OK, "bound to vfio-pci", .modes = DOCTOR_DPDK,
	         .files = {DEVICE "driver", "->../drivers/vfio-pci"}},
		{"driver", DOCTOR_FAIL, "bound to vfio-pci", .modes = DOCTOR_XDP,
	         .files = {DEVICE "driver", "->../drivers/vfio-pci"}},
		{"driver", DOCTOR_WARN, "bound to uio_pci_generic",
	         .files = {DEVICE "driver", "->../drivers/uio_pci_generic"}},
		{"driver", DOCTOR_FAIL, "has no interface, and ice",
	         .files = {DEVICE "driver", "->../drivers/ice"}},
		{"driver", DOCTOR_FAIL, "has no interface, and no driver",
	         .files = {DEVICE "vendor", "0x8086\n"}},
		{"driver", DOCTOR_FAIL, "there is no such device", .files = {NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct doctor_report report;

		run_machine(&cases[i], "01:00.0", &report);
		const struct doctor_line *line = test_line(&report, "driver");
		assert_string_equal(line->subject, "0000:01:00.0");
		assert_int_equal(line->verdict, cases[i].verdict);
		assert_non_null(strstr(line->found, cases[i].found));
		assert_int_equal(line->remedy[0] != 0, line->verdict != DOCTOR_OK);
		assert_int_equal(report.verdicts[DOCTOR_OK] +
		                         report.verdicts[DOCTOR_WARN] +
		                         report.verdicts[DOCTOR_FAIL],
		                 report.count);
		doctor_fini(&report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pci_addresses_are_told_from_names),
		cmocka_unit_test(device_is_looked_at_by_its_interfaces),
		cmocka_unit_test(device_without_an_interface_is_dpdks_or_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
