/*
 * Memory and devices that leave the kernel: huge pages, IOMMU, VFIO.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/doctor/check.h"
#include "control/doctor/driver.h"
#include "control/doctor/machine.h"

struct pages {
	long long total; /* bytes */
	long long free;
};

/* Adds what a directory hugepages-NkB has, as " 2M 4/8 free". */
static void add_pages(const struct doctor_machine *m, const char *path, char *text,
                      size_t size, struct pages *sum)
{
	const char *name = strrchr(path, '-') + 1;
	long long kib = strtoll(name, NULL, 10);
	long long total = 0;
	long long unused = 0;

	path += strlen(m->root);
	if (!machine_number(m, &total, "%s/nr_hugepages", path) ||
	    !machine_number(m, &unused, "%s/free_hugepages", path))
		return;
	sum->total += total * kib * 1024;
	sum->free += unused * kib * 1024;
	text_add(text, size, " %lld%s %lld/%lld", kib >> 20 ? kib >> 20 : kib >> 10,
	         kib >> 20 ? "G" : "M", unused, total);
}

static struct pages node_pages(const struct doctor_machine *m, const char *directory,
                               char *text, size_t size)
{
	char pattern[128];
	struct pages sum = {0};
	glob_t found;

	(void)snprintf(pattern, sizeof pattern, "%s/hugepages-*kB", directory);
	size_t count = machine_glob(m, &found, pattern);
	for (size_t i = 0; i < count; i++)
		add_pages(m, found.gl_pathv[i], text, size, &sum);
	globfree(&found);
	return sum;
}

/* EAL gets along with this much for one port of a few queues. */
#define LEAST_PAGES (64LL << 20)

struct seen_nodes {
	struct pages all;
	unsigned nodes;
	unsigned bare; /* nodes without a page */
};

static void see_nodes(const struct doctor_machine *m, char *text, size_t size,
                      struct seen_nodes *seen)
{
	glob_t found;
	size_t count = machine_glob(m, &found, "/sys/devices/system/node/node[0-9]*");

	for (size_t i = 0; i < count; i++) {
		const char *path = found.gl_pathv[i] + strlen(m->root);
		char directory[96];

		(void)snprintf(directory, sizeof directory, "%s/hugepages", path);
		text_add(text, size, "%s%s:", i ? "; " : "", strrchr(path, '/') + 1);
		struct pages own = node_pages(m, directory, text, size);
		seen->all.total += own.total;
		seen->all.free += own.free;
		seen->nodes++;
		seen->bare += !own.total;
	}
	globfree(&found);
	if (!seen->nodes) {
		text_add(text, size, "all:");
		seen->all = node_pages(m, "/sys/kernel/mm/hugepages", text, size);
	}
}

void check_huge_pages(const struct doctor_machine *m, struct doctor_line *line)
{
	char text[sizeof line->found] = "";
	struct seen_nodes seen = {0};

	see_nodes(m, text, sizeof text, &seen);
	line_set(line, DOCTOR_OK, "free/all of each size: %s", text);
	if (!seen.all.total) {
		line->verdict = verdict_without(m, DOCTOR_DPDK);
		line_remedy(line,
		            "scripts/setup-nic.sh hugepages 512, on the NIC's node");
	} else if (seen.all.free < LEAST_PAGES) {
		line->verdict = DOCTOR_WARN;
		line_remedy(line, "less than 64 MiB are free: if no data plane holds the "
		                  "rest, scripts/setup-nic.sh hugepages COUNT");
	} else if (seen.bare) {
		line->verdict = DOCTOR_WARN;
		line_remedy(line, "a node has none; a NIC there would be served from "
		                  "afar: scripts/setup-nic.sh hugepages 512 --node N");
	}
}

void check_hugetlbfs(const struct doctor_machine *m, struct doctor_line *line)
{
	char at[128] = "";
	char known[MACHINE_TEXT_MAX];

	(void)machine_read(m, known, sizeof known, "/proc/filesystems");
	if (machine_mounted(m, "hugetlbfs", at, sizeof at)) {
		line_set(line, DOCTOR_OK, "mounted at %s", at);
	} else if (strstr(known, "\thugetlbfs")) {
		line_set(line, DOCTOR_WARN, "not mounted");
		line_remedy(line, "mount -t hugetlbfs none /dev/hugepages, or "
		                  "eal: \"--in-memory\", which needs no mount");
	} else {
		line_set(line, verdict_without(m, DOCTOR_DPDK),
		         "this kernel has no hugetlbfs");
		line_remedy(line, "a kernel with CONFIG_HUGETLBFS");
	}
}

/* The word in brackets of "always [never] deny". */
static void chosen_word(const char *text, char *out, size_t size)
{
	const char *at = strchr(text, '[');

	(void)snprintf(out, size, "%.*s", at ? (int)strcspn(at + 1, "]") : 0,
	               at ? at + 1 : "");
}

void check_table_pages(const struct doctor_machine *m, struct doctor_line *line)
{
	char text[128];
	char word[32];

	(void)machine_read(m, text, sizeof text,
	                   "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
	chosen_word(text, word, sizeof word);
	if (!text[0]) {
		line_set(line, DOCTOR_WARN, "no transparent huge pages for the table");
		line_remedy(line, "a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
	} else if (!strcmp(word, "deny")) {
		line_set(line, DOCTOR_WARN, "shmem_enabled is deny: none for the table");
		line_remedy(line, "echo never >"
		                  "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
	} else if (machine_kernel(m) < KERNEL(6, 1, 0)) {
		line_set(line, DOCTOR_WARN,
		         "this kernel cannot collapse the table's pages");
		line_remedy(line, "Linux 6.1");
	} else {
		line_set(line, DOCTOR_OK, "shmem_enabled is %s: the table may have them",
		         word);
	}
}

static size_t count_paths(const struct doctor_machine *m, const char *pattern)
{
	glob_t found;
	size_t count = machine_glob(m, &found, pattern);

	globfree(&found);
	return count;
}

/* Whether every interface that is named keeps its driver under DPDK: then nothing is bound. */
static bool nothing_to_bind(const struct doctor_machine *m)
{
	for (size_t i = 0; i < m->interface_count; i++) {
		char name[32] = "";

		(void)machine_link(m, name, sizeof name,
		                   "/sys/class/net/%s/device/driver", m->interfaces[i]);
		const struct driver *driver = driver_find(name);
		if (!driver || !driver->bifurcated)
			return false;
	}
	return m->interface_count > 0;
}

static bool is_noiommu(const struct doctor_machine *m)
{
	char text[8];

	return machine_read(m, text, sizeof text,
	                    "/sys/module/vfio/parameters/"
	                    "enable_unsafe_noiommu_mode") &&
	       text[0] == 'Y';
}

void check_iommu(const struct doctor_machine *m, struct doctor_line *line)
{
	size_t groups = count_paths(m, "/sys/kernel/iommu_groups/[0-9]*");

	if (groups) {
		line_set(line, DOCTOR_OK, "%zu groups", groups);
		return;
	}
	if (nothing_to_bind(m)) {
		line_set(line, DOCTOR_OK,
		         "no groups, and a bifurcated driver needs none");
		return;
	}
	line_remedy(line, "switch on VT-d or AMD-Vi in the firmware, and "
	                  "intel_iommu=on iommu=pt on the kernel's command line");
	if (is_noiommu(m))
		line_set(line, DOCTOR_WARN,
		         "no groups, VFIO in no-IOMMU mode: the NIC can write to all "
		         "memory");
	else
		line_set(line, verdict_without(m, DOCTOR_DPDK), "no groups");
}

void check_vfio(const struct doctor_machine *m, struct doctor_line *line)
{
	size_t vfio = count_paths(m, "/sys/bus/pci/drivers/vfio-pci/*:*:*.*");
	size_t uio = count_paths(m, "/sys/bus/pci/drivers/uio_pci_generic/*:*:*.*");

	if (machine_exists(m, "/sys/module/vfio_pci")) {
		line_set(line, DOCTOR_OK, "vfio-pci is loaded, %zu devices bound", vfio);
	} else if (nothing_to_bind(m)) {
		line_set(line, DOCTOR_OK,
		         "not loaded, and a bifurcated driver needs it "
		         "not");
	} else if (uio) {
		line_set(line, DOCTOR_WARN, "not loaded; uio_pci_generic has %zu devices",
		         uio);
		line_remedy(line, "vfio-pci keeps a device to its own memory: "
		                  "scripts/setup-nic.sh bind PCI vfio-pci");
	} else {
		line_set(line, verdict_without(m, DOCTOR_DPDK), "vfio-pci is not loaded");
		line_remedy(line, "modprobe vfio-pci; scripts/setup-nic.sh bind does it");
	}
}
