#include "control/doctor/testing.h"

#define NODES    "/sys/devices/system/node/"
#define PAGES_2M "/hugepages/hugepages-2048kB/"
#define PAGES_1G "/hugepages/hugepages-1048576kB/"
#define SHMEM    "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define RELEASE  "/proc/sys/kernel/osrelease"
#define MLX5     "->../../../bus/pci/drivers/mlx5_core"
#define NOIOMMU  "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

static void huge_pages_are_counted_by_node_and_size(void **state)
{
	static const struct test_case cases[] = {
		{"huge-pages", DOCTOR_OK, "node0: 1G 1/2 2M 8/16",
	         .files = {NODES "node0" PAGES_2M "nr_hugepages", "16\n",
	                   NODES "node0" PAGES_2M "free_hugepages", "8\n",
	                   NODES "node0" PAGES_1G "nr_hugepages", "2\n",
	                   NODES "node0" PAGES_1G "free_hugepages", "1\n"}},
		{"huge-pages", DOCTOR_WARN, "node0: 2M 64/64; node1: 2M 0/0",
	         .files = {NODES "node0" PAGES_2M "nr_hugepages", "64\n",
	                   NODES "node0" PAGES_2M "free_hugepages", "64\n",
	                   NODES "node1" PAGES_2M "nr_hugepages", "0\n",
	                   NODES "node1" PAGES_2M "free_hugepages", "0\n"}},
		{"huge-pages", DOCTOR_WARN, "node0: 2M 31/64",
	         .files = {NODES "node0" PAGES_2M "nr_hugepages", "64\n",
	                   NODES "node0" PAGES_2M "free_hugepages", "31\n"}},
		{"huge-pages", DOCTOR_WARN, "node0: 2M 0/0",
	         .files = {NODES "node0" PAGES_2M "nr_hugepages", "0\n",
	                   NODES "node0" PAGES_2M "free_hugepages", "0\n"}},
		{"huge-pages", DOCTOR_FAIL, "node0: 2M 0/0",
	         .files = {NODES "node0" PAGES_2M "nr_hugepages", "0\n",
	                   NODES "node0" PAGES_2M "free_hugepages", "0\n"},
	         .modes = DOCTOR_DPDK},
		{"huge-pages", DOCTOR_OK, "all: 2M 32/32",
	         .files = {"/sys/kernel/mm" PAGES_2M "nr_hugepages", "32\n",
	                   "/sys/kernel/mm" PAGES_2M "free_hugepages", "32\n"}},
		{"huge-pages", DOCTOR_FAIL, "all:", .files = {NULL},
	         .modes = DOCTOR_DPDK},
	};

	(void)state;
	test_run_all(cases);
}

static void hugetlbfs_is_mounted_known_or_missing(void **state)
{
	static const struct test_case cases[] = {
		{"hugetlbfs", DOCTOR_OK, "/dev/hugepages",
	         .files = {"/proc/mounts",
	                   "hugetlbfs /dev/hugepages hugetlbfs rw 0 0\n"}},
		{"hugetlbfs", DOCTOR_WARN, "not mounted",
	         .files = {"/proc/filesystems", "nodev\ttmpfs\nnodev\thugetlbfs\n"}},
		{"hugetlbfs", DOCTOR_WARN, "has no hugetlbfs",
	         .files = {"/proc/filesystems", "nodev\ttmpfs\n"}},
		{"hugetlbfs", DOCTOR_FAIL, "has no hugetlbfs",
	         .files = {"/proc/filesystems", "nodev\ttmpfs\n"}, .modes = DOCTOR_DPDK},
	};

	(void)state;
	test_run_all(cases);
}

static void table_pages_follow_shmem_enabled(void **state)
{
	static const struct test_case cases[] = {
		{"table-pages", DOCTOR_OK, "is never",
	         .files = {RELEASE, "6.1.0\n", SHMEM,
	                   "always within_size advise [never] deny force\n"}},
		{"table-pages", DOCTOR_OK, "is advise",
	         .files = {RELEASE, "6.1.0\n", SHMEM,
	                   "always within_size [advise] never deny force\n"}},
		{"table-pages", DOCTOR_WARN, "is deny",
	         .files = {RELEASE, "6.1.0\n", SHMEM,
	                   "always advise never [deny] force\n"}},
		{"table-pages", DOCTOR_WARN, "cannot collapse",
	         .files = {RELEASE, "6.0.9\n", SHMEM, "always [never] deny\n"}},
		{"table-pages", DOCTOR_WARN, "no transparent",
	         .files = {RELEASE, "6.1.0\n"}},
	};

	(void)state;
	test_run_all(cases);
}

static void iommu_is_needed_unless_the_kernel_keeps_the_nic(void **state)
{
	static const struct test_case cases[] = {
		{"iommu", DOCTOR_OK, "2 groups",
	         .files = {"/sys/kernel/iommu_groups/0/type", "",
	                   "/sys/kernel/iommu_groups/1/type", ""}},
		{"iommu", DOCTOR_WARN, "no groups", .files = {NULL}},
		{"iommu", DOCTOR_FAIL, "no groups", .files = {NULL},
	         .modes = DOCTOR_DPDK},
		{"iommu", DOCTOR_WARN, "no-IOMMU mode", .files = {NOIOMMU, "Y\n"},
	         .modes = DOCTOR_DPDK},
		{"iommu", DOCTOR_FAIL, "no groups", .files = {NOIOMMU, "N\n"},
	         .modes = DOCTOR_DPDK},
		{"vfio", DOCTOR_OK, "1 devices bound",
	         .files = {"/sys/module/vfio_pci/refcnt", "1\n",
	                   "/sys/bus/pci/drivers/vfio-pci/0000:01:00.0", "",
	                   "/sys/bus/pci/drivers/vfio-pci/bind", ""}},
		{"vfio", DOCTOR_WARN, "not loaded", .files = {NULL}},
		{"vfio", DOCTOR_FAIL, "not loaded", .files = {NULL},
	         .modes = DOCTOR_DPDK},
		{"vfio", DOCTOR_WARN, "uio_pci_generic has 1",
	         .files = {"/sys/bus/pci/drivers/uio_pci_generic/0000:01:00.0", ""},
	         .modes = DOCTOR_DPDK},
	};

	(void)state;
	test_run_all(cases);
}

/* Named interfaces only: what others are there does not matter. */
static void bifurcated_driver_needs_neither(void **state)
{
	static const struct {
		const char *link;
		enum doctor_verdict verdict;
	} cases[] = {
		{MLX5, DOCTOR_OK},
		{"->../../../bus/pci/drivers/ice", DOCTOR_FAIL},
		{"->../../../bus/pci/drivers/unheard_of", DOCTOR_FAIL},
	};
	static const char *const names[] = {"eth7"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char root[] = "/tmp/anser-doctor-XXXXXX";
		struct doctor_machine machine = {.root = root,
		                                 .ask = test_ask,
		                                 .interfaces = names,
		                                 .interface_count = 1,
		                                 .workers = 1,
		                                 .modes = DOCTOR_DPDK};
		static const struct test_case no_facts = {.check = ""};
		struct doctor_report report;

		test_now = &no_facts;
		assert_non_null(mkdtemp(root));
		test_make_file(root, "/sys/class/net/eth7/device/driver", cases[i].link);
		doctor_run(&machine, &report);
		assert_int_equal(test_line(&report, "iommu")->verdict, cases[i].verdict);
		assert_int_equal(test_line(&report, "vfio")->verdict, cases[i].verdict);
		doctor_fini(&report);
		assert_int_equal(nftw(root, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_pages_are_counted_by_node_and_size),
		cmocka_unit_test(hugetlbfs_is_mounted_known_or_missing),
		cmocka_unit_test(table_pages_follow_shmem_enabled),
		cmocka_unit_test(iommu_is_needed_unless_the_kernel_keeps_the_nic),
		cmocka_unit_test(bifurcated_driver_needs_neither),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
