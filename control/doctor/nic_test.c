#include "control/doctor/testing.h"

#define NIC           "/sys/class/net/eth0/"
#define DEVICE        NIC "device/"
#define DRIVER(d)     DEVICE "driver", "->/bus/pci/drivers/" d
#define RELEASE(r)    "/proc/sys/kernel/osrelease", r "\n"
#define QUEUES(n, of) .channels = {.known = true, .queues = (n), .max = (of)}
#define RINGS(n, of)  .rings = {.known = true, .rx = (n), .tx = 512, .max_rx = (of)}
#define FEATURES(b)   .xdp = {.known = true, .bits = (b)}

static void driver_is_named_with_its_bus(void **state)
{
	static const struct test_case cases[] = {
		{"driver", DOCTOR_OK, "ice on pci",
	         .files = {DRIVER("ice"), DEVICE "subsystem", "->/bus/pci"}},
		{"driver", DOCTOR_OK, "stays bound", .files = {DRIVER("mlx5_core")}},
		{"driver", DOCTOR_OK, "virtio_net on virtio",
	         .files = {DRIVER("virtio_net"), DEVICE "subsystem", "->/bus/virtio"}},
		{"driver", DOCTOR_WARN, "no interface has a device",
	         .files = {NIC "mtu", "1500\n"}},
	};

	(void)state;
	test_run_all(cases);
}

/* One that has no device behind it has to be named. */
static void virtual_interface_is_not_for_dpdk(void **state)
{
	static const struct {
		unsigned modes;
		enum doctor_verdict verdict;
	} cases[] = {
		{DOCTOR_XDP, DOCTOR_OK},
		{DOCTOR_ANY, DOCTOR_WARN},
		{DOCTOR_DPDK, DOCTOR_FAIL},
	};
	static const struct test_case veth = {.check = "", .facts = {.driver = "veth"}};
	static const char *const names[] = {"eth0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char root[] = "/tmp/anser-doctor-XXXXXX";
		struct doctor_machine machine = {.root = root,
		                                 .ask = test_ask,
		                                 .interfaces = names,
		                                 .interface_count = 1,
		                                 .workers = 1,
		                                 .modes = cases[i].modes};
		struct doctor_report report;

		test_now = &veth;
		assert_non_null(mkdtemp(root));
		test_make_file(root, NIC "mtu", "1500\n");
		doctor_run(&machine, &report);
		const struct doctor_line *line = test_line(&report, "driver");
		assert_int_equal(line->verdict, cases[i].verdict);
		assert_string_equal(line->found, "veth, with no device behind it");
		assert_int_equal(line->remedy[0] != 0, line->verdict != DOCTOR_OK);
		doctor_fini(&report);
		assert_int_equal(nftw(root, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	}
}

static void abilities_come_from_the_kernel_or_the_table(void **state)
{
	static const struct test_case cases[] = {
		{"xdp", DOCTOR_OK, "ice: native XDP (the kernel says)",
	         .files = {DRIVER("ice")}, .facts = {FEATURES(3)}},
		{"xdp", DOCTOR_WARN, "ice: no native XDP (the kernel says)",
	         .files = {DRIVER("ice"), RELEASE("6.1.0")}, .facts = {FEATURES(1)}},
		{"xdp", DOCTOR_OK, "by the driver's name",
	         .files = {DRIVER("ena"), RELEASE("5.6.0")}},
		{"xdp", DOCTOR_WARN, "no native XDP (by",
	         .files = {DRIVER("ena"), RELEASE("5.5.19")}},
		{"xdp", DOCTOR_WARN, "driver not known",
	         .files = {DRIVER("zeta"), RELEASE("6.9.0")}},
		{"xdp", DOCTOR_WARN, "fill the receive ring",
	         .files = {DRIVER("igb"), RELEASE("6.14.2")}, .facts = {FEATURES(3)}},
		{"zero-copy", DOCTOR_OK, "mlx5_core: zero copy (the kernel says)",
	         .files = {DRIVER("mlx5_core")}, .facts = {FEATURES(0xb)}},
		{"zero-copy", DOCTOR_WARN, "mlx5_core: no zero copy (the kernel says)",
	         .files = {DRIVER("mlx5_core"), RELEASE("6.1.0")},
	         .facts = {FEATURES(3)}},
		{"zero-copy", DOCTOR_OK, "by the driver's name",
	         .files = {DRIVER("mlx5_core"), RELEASE("5.3.0")}},
		{"zero-copy", DOCTOR_WARN, "no zero copy (by",
	         .files = {DRIVER("ena"), RELEASE("6.9.0")}},
		{"zero-copy", DOCTOR_WARN, "before 6.10.4",
	         .files = {DRIVER("ice"), RELEASE("6.10.3")}},
		{"zero-copy", DOCTOR_OK, "ice: zero copy",
	         .files = {DRIVER("ice"), RELEASE("6.10.4")}},
		{"zero-copy", DOCTOR_WARN, "does not announce",
	         .files = {DRIVER("i40e"), RELEASE("6.5.9")}},
		{"zero-copy", DOCTOR_OK, "i40e: zero copy",
	         .files = {DRIVER("i40e"), RELEASE("6.6.0")}},
		{"zero-copy", DOCTOR_WARN, "loses packets",
	         .files = {DRIVER("igc"), RELEASE("6.12.0")}, .facts = {FEATURES(0xb)}},
		{"zero-copy", DOCTOR_WARN, "hold back",
	         .files = {DRIVER("ixgbe"), RELEASE("6.18.5")}},
		{"zero-copy", DOCTOR_OK, "ixgbe: zero copy",
	         .files = {DRIVER("ixgbe"), RELEASE("6.13.0")}},
	};

	(void)state;
	test_run_all(cases);
}

static void other_program_is_in_the_way(void **state)
{
	static const struct test_case cases[] = {
		{"program", DOCTOR_OK, "no XDP program", .files = {DEVICE "x", ""},
	         .facts = {.program = {.known = true}}},
		{"program", DOCTOR_WARN, "program 17", .files = {DEVICE "x", ""},
	         .facts = {.program = {.known = true, .id = 17}}},
		{"program", DOCTOR_FAIL, "program 17", .files = {DEVICE "x", ""},
	         .modes = DOCTOR_XDP, .facts = {.program = {.known = true, .id = 17}}},
		{"program", DOCTOR_WARN, "does not tell", .files = {DEVICE "x", ""}},
	};

	(void)state;
	test_run_all(cases);
}

static void workers_should_be_on_the_nics_node(void **state)
{
	static const struct test_case cases[] = {
		{"numa", DOCTOR_OK, "as all processors",
	         .files = {DEVICE "numa_node", "1\n",
	                   "/sys/devices/system/node/node1/cpulist", "8-15\n"},
	         .cpus = {8, 9}, .cpu_count = 2},
		{"numa", DOCTOR_WARN, "not processors 2",
	         .files = {DEVICE "numa_node", "1\n",
	                   "/sys/devices/system/node/node1/cpulist", "8-15\n"},
	         .cpus = {8, 2}, .cpu_count = 2},
		{"numa", DOCTOR_OK, "on node 1", .files = {DEVICE "numa_node", "1\n"}},
		{"numa", DOCTOR_OK, "no node", .files = {DEVICE "numa_node", "-1\n"},
	         .cpus = {2}, .cpu_count = 1},
		{"numa", DOCTOR_OK, "no node", .files = {DEVICE "x", ""}},
	};

	(void)state;
	test_run_all(cases);
}

static void queues_are_as_many_as_workers(void **state)
{
	static const struct test_case cases[] = {
		{"queues", DOCTOR_OK, "4 of 16 queues; server.workers is 4",
	         .files = {DEVICE "x", ""}, .workers = 4, .facts = {QUEUES(4, 16)}},
		{"queues", DOCTOR_WARN, "16 of 16 queues; server.workers is 4",
	         .files = {DEVICE "x", ""}, .workers = 4, .facts = {QUEUES(16, 16)}},
		{"queues", DOCTOR_FAIL, "16 of 16 queues; server.workers is 4",
	         .files = {DEVICE "x", ""}, .workers = 4, .modes = DOCTOR_XDP,
	         .facts = {QUEUES(16, 16)}},
		{"queues", DOCTOR_FAIL, "1 of 2 queues; server.workers is 4",
	         .files = {DEVICE "x", ""}, .workers = 4, .modes = DOCTOR_XDP,
	         .facts = {QUEUES(1, 2)}},
		{"queues", DOCTOR_OK, "does not tell", .files = {DEVICE "x", ""}},
		{"queues", DOCTOR_WARN, "does not tell", .files = {DEVICE "x", ""},
	         .workers = 2},
	};

	(void)state;
	test_run_all(cases);
}

static void rings_are_neither_small_nor_vast(void **state)
{
	static const struct test_case cases[] = {
		{"rings", DOCTOR_OK, "1024 receive", .files = {DEVICE "x", ""},
	         .facts = {RINGS(1024, 8192)}},
		{"rings", DOCTOR_OK, "256 receive", .files = {DEVICE "x", ""},
	         .facts = {RINGS(256, 256)}},
		{"rings", DOCTOR_WARN, "256 receive", .files = {DEVICE "x", ""},
	         .facts = {RINGS(256, 1024)}},
		{"rings", DOCTOR_WARN, "8192 receive", .files = {DEVICE "x", ""},
	         .facts = {RINGS(8192, 8192)}},
		{"rings", DOCTOR_OK, "does not tell", .files = {DEVICE "x", ""}},
	};

	(void)state;
	test_run_all(cases);
}

static void hash_takes_ports_of_both_protocols(void **state)
{
	static const struct test_case cases[] = {
		{"hash", DOCTOR_OK,
	         "IPv4: addresses and ports, IPv6: addresses and ports",
	         .files = {DEVICE "x", ""},
	         .facts = {QUEUES(4, 4), .hash = {{true, true}, {true, true}}}},
		{"hash", DOCTOR_WARN, "IPv4: addresses only", .files = {DEVICE "x", ""},
	         .facts = {QUEUES(4, 4), .hash = {{true, false}, {true, true}}}},
		{"hash", DOCTOR_WARN, "IPv6: addresses only", .files = {DEVICE "x", ""},
	         .facts = {QUEUES(4, 4), .hash = {{true, true}, {true, false}}}},
		{"hash", DOCTOR_WARN, "IPv4: unknown", .files = {DEVICE "x", ""},
	         .facts = {QUEUES(2, 4)}},
		{"hash", DOCTOR_OK, "one queue", .files = {DEVICE "x", ""},
	         .facts = {QUEUES(1, 1)}},
		{"hash", DOCTOR_OK, "one queue", .files = {DEVICE "x", ""}},
	};

	(void)state;
	test_run_all(cases);
}

static void mtu_fits_a_frame(void **state)
{
	static const struct test_case cases[] = {
		{"mtu", DOCTOR_OK, "1500",
	         .files = {DEVICE "x", "", NIC "mtu", "1500\n"}},
		{"mtu", DOCTOR_WARN, "1501",
	         .files = {DEVICE "x", "", NIC "mtu", "1501\n"}},
		{"mtu", DOCTOR_WARN, "3498",
	         .files = {DEVICE "x", "", NIC "mtu", "3498\n"}, .modes = DOCTOR_XDP},
		{"mtu", DOCTOR_FAIL, "3499",
	         .files = {DEVICE "x", "", NIC "mtu", "3499\n"}, .modes = DOCTOR_XDP},
		{"mtu", DOCTOR_WARN, "9000",
	         .files = {DEVICE "x", "", NIC "mtu", "9000\n"}},
		{"mtu", DOCTOR_WARN, "9000",
	         .files = {DEVICE "x", "", NIC "mtu", "9000\n"}, .modes = DOCTOR_DPDK},
		{"mtu", DOCTOR_WARN, "1279",
	         .files = {DEVICE "x", "", NIC "mtu", "1279\n"}},
	};

	(void)state;
	test_run_all(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(driver_is_named_with_its_bus),
		cmocka_unit_test(virtual_interface_is_not_for_dpdk),
		cmocka_unit_test(abilities_come_from_the_kernel_or_the_table),
		cmocka_unit_test(other_program_is_in_the_way),
		cmocka_unit_test(workers_should_be_on_the_nics_node),
		cmocka_unit_test(queues_are_as_many_as_workers),
		cmocka_unit_test(rings_are_neither_small_nor_vast),
		cmocka_unit_test(hash_takes_ports_of_both_protocols),
		cmocka_unit_test(mtu_fits_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
