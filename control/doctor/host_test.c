#include "control/doctor/testing.h"

#define RELEASE "/proc/sys/kernel/osrelease"
#define STATUS  "/proc/self/status"
#define LIMITS  "/proc/self/limits"

static void kernel_is_judged_by_what_it_lacks(void **state)
{
	static const struct test_case cases[] = {
		{"kernel", DOCTOR_OK, "Linux 6.1.0-18-amd64",
	         .files = {RELEASE, "6.1.0-18-amd64\n"}},
		{"kernel", DOCTOR_OK, "5.11.0", .files = {RELEASE, "5.11.0\n"}},
		{"kernel", DOCTOR_WARN, "5.10.99", .files = {RELEASE, "5.10.99\n"}},
		{"kernel", DOCTOR_OK, "5.10", .files = {RELEASE, "5.10\n"},
	         .modes = DOCTOR_DPDK},
		{"kernel", DOCTOR_WARN, "5.4.0", .files = {RELEASE, "5.4.0\n"}},
		{"kernel", DOCTOR_FAIL, "5.4.0", .files = {RELEASE, "5.4.0\n"},
	         .modes = DOCTOR_XDP},
		{"kernel", DOCTOR_FAIL, "4.18.0", .files = {RELEASE, "4.18.0\n"}},
		{"kernel", DOCTOR_FAIL, "unknown version", .files = {NULL}},
	};

	(void)state;
	test_run_all(cases);
}

/* NET_ADMIN is bit 12, NET_RAW 13, SYS_ADMIN 21, BPF 39. */
static void capabilities_of_the_caller_are_named(void **state)
{
	static const struct test_case cases[] = {
		{"capabilities", DOCTOR_OK,
	         "has CAP_NET_ADMIN CAP_NET_RAW CAP_BPF, and lacks",
	         .files = {STATUS, "Name:\tx\nCapEff:\t0000008000003000\nCapBnd:\t0\n"}},
		{"capabilities", DOCTOR_OK, "lacks CAP_BPF",
	         .files = {STATUS, "CapEff:\t203000\n"}},
		{"capabilities", DOCTOR_WARN, "lacks CAP_BPF CAP_SYS_ADMIN",
	         .files = {STATUS, "CapEff:\t3000\n"}},
		{"capabilities", DOCTOR_OK, "lacks CAP_BPF CAP_SYS_ADMIN",
	         .files = {STATUS, "CapEff:\t3000\n"}, .modes = DOCTOR_DPDK},
		{"capabilities", DOCTOR_FAIL, "lacks CAP_BPF CAP_SYS_ADMIN",
	         .files = {STATUS, "CapEff:\t3000\n"}, .modes = DOCTOR_XDP},
		{"capabilities", DOCTOR_FAIL, "lacks CAP_NET_RAW",
	         .files = {STATUS, "CapEff:\t8000001000\n"}},
		{"capabilities", DOCTOR_FAIL, "has none",
	         .files = {STATUS, "CapEff:\t0\n"}},
		{"capabilities", DOCTOR_FAIL, "has none", .files = {NULL}},
	};

	(void)state;
	test_run_all(cases);
}

static void limits_are_held_against_what_is_wanted(void **state)
{
	static const struct test_case cases[] = {
		{"memlock", DOCTOR_OK, "CAP_IPC_LOCK",
	         .files = {STATUS, "CapEff:\t4000\n"}},
		{"memlock", DOCTOR_OK, "unlimited",
	         .files = {LIMITS, "Max locked memory  unlimited  unlimited  bytes\n"}},
		{"memlock", DOCTOR_OK, "24576 KiB; 24576 KiB",
	         .files = {LIMITS, "Max locked memory  25165824  unlimited  bytes\n"}},
		{"memlock", DOCTOR_WARN, "98304 KiB are wanted (server.workers is 4)",
	         .files = {LIMITS, "Max locked memory  25165824  unlimited  bytes\n"},
	         .workers = 4},
		{"memlock", DOCTOR_WARN, "8192 KiB",
	         .files = {LIMITS, "Max locked memory  8388608  8388608  bytes\n"}},
		{"memlock", DOCTOR_FAIL, "64 KiB",
	         .files = {LIMITS, "Max locked memory  65536  65536  bytes\n"}},
		{"memlock", DOCTOR_WARN, "cannot be read", .files = {NULL}},
		{"files", DOCTOR_OK, "4096 at most; 4096 are wanted",
	         .files = {LIMITS, "Max open files  64  4096  files\n"},
	         .files_wanted = 4096},
		{"files", DOCTOR_OK, "at most",
	         .files = {LIMITS, "Max open files  64  unlimited  files\n"},
	         .files_wanted = 4096},
		{"files", DOCTOR_WARN, "4095 at most",
	         .files = {LIMITS, "Max open files  4095  4095  files\n"},
	         .files_wanted = 4096},
		{"files", DOCTOR_FAIL, "64 at most",
	         .files = {LIMITS, "Max open files  64  64  files\n"}},
		{"files", DOCTOR_WARN, "cannot be read", .files = {LIMITS, "nonsense\n"}},
	};

	(void)state;
	test_run_all(cases);
}

static void devices_and_bpf_are_looked_for(void **state)
{
	static const struct test_case cases[] = {
		{"tun", DOCTOR_OK, "is there", .files = {"/dev/net/tun", ""}},
		{"tun", DOCTOR_WARN, "no exception interface", .files = {NULL}},
		{"vhost-net", DOCTOR_OK, "is there", .files = {"/dev/vhost-net", ""}},
		{"vhost-net", DOCTOR_WARN, "only TAP", .files = {NULL}},
		{"bpffs", DOCTOR_OK, "mounted at /sys/fs/bpf",
	         .files = {"/proc/mounts",
	                   "proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n"}},
		{"bpffs", DOCTOR_WARN, "not mounted",
	         .files = {"/proc/mounts", "bpf /bpf proc rw 0 0\n"}},
		{"bpffs", DOCTOR_WARN, "not mounted",
	         .files = {"/proc/mounts", "bpf\n\nx y\n"}},
		{"bpffs", DOCTOR_WARN, "not mounted", .files = {NULL}},
		{"bpf-jit", DOCTOR_OK, "compiled",
	         .files = {"/proc/sys/net/core/bpf_jit_enable", "1\n"}},
		{"bpf-jit", DOCTOR_WARN, "dumped",
	         .files = {"/proc/sys/net/core/bpf_jit_enable", "2\n"}},
		{"bpf-jit", DOCTOR_WARN, "interpreted",
	         .files = {"/proc/sys/net/core/bpf_jit_enable", "0\n"}},
		{"bpf-jit", DOCTOR_WARN, "to be seen", .files = {NULL}},
	};

	(void)state;
	test_run_all(cases);
}

static void irqbalance_is_found_by_its_name(void **state)
{
	static const struct test_case cases[] = {
		{"irqbalance", DOCTOR_WARN, "pid 812:",
	         .files = {"/proc/1/comm", "systemd\n", "/proc/812/comm",
	                   "irqbalance\n"}},
		{"irqbalance", DOCTOR_OK, "does not run",
	         .files = {"/proc/1/comm", "systemd\n", "/proc/812/comm",
	                   "irqbalance-ui\n"}},
		{"irqbalance", DOCTOR_OK, "does not run", .files = {NULL}},
	};

	(void)state;
	test_run_all(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_is_judged_by_what_it_lacks),
		cmocka_unit_test(capabilities_of_the_caller_are_named),
		cmocka_unit_test(limits_are_held_against_what_is_wanted),
		cmocka_unit_test(devices_and_bpf_are_looked_for),
		cmocka_unit_test(irqbalance_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
