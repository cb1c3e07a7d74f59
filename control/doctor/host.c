/*
 * The kernel and the caller: version, rights, limits, and what the kernel has besides.
 *
 * Rights and limits are those of the process that looks. A service has its own: they are judged
 * rightly only when the check runs as the service does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "control/doctor/check.h"
#include "control/doctor/machine.h"

void check_kernel(const struct doctor_machine *m, struct doctor_line *line)
{
	char release[128];
	unsigned version = machine_kernel(m);

	(void)machine_read(m, release, sizeof release, "/proc/sys/kernel/osrelease");
	line_set(line, DOCTOR_OK, "Linux %s",
	         release[0] ? release : "of unknown version");
	if (version < KERNEL(5, 3, 0)) {
		line->verdict = DOCTOR_FAIL;
		line_remedy(line, "Linux 5.3 is needed for any back end, 5.11 for all of "
		                  "AF_XDP");
	} else if (version < KERNEL(5, 9, 0)) {
		line->verdict = verdict_without(m, DOCTOR_XDP);
		line_remedy(line,
		            "Linux 5.9 is needed to attach an XDP program that goes "
		            "with its process");
	} else if (version < KERNEL(5, 11, 0) && (m->modes & DOCTOR_XDP)) {
		line->verdict = DOCTOR_WARN;
		line_remedy(line, "Linux 5.11 is needed to poll AF_XDP sockets busily");
	}
}

static uint64_t effective_capabilities(const struct doctor_machine *m)
{
	char text[64] = "";

	(void)machine_field(m, "/proc/self/status", "CapEff", text, sizeof text);
	return strtoull(text, NULL, 16);
}

static bool has_capability(uint64_t set, unsigned bit)
{
	return set >> bit & 1;
}

void check_capabilities(const struct doctor_machine *m, struct doctor_line *line)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
		{"CAP_NET_ADMIN", CAP_NET_ADMIN},
		{"CAP_NET_RAW", CAP_NET_RAW},
		{"CAP_BPF", CAP_BPF},
		{"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
	};
	uint64_t set = effective_capabilities(m);
	bool bpf = has_capability(set, CAP_BPF) || has_capability(set, CAP_SYS_ADMIN);
	char has[128] = "";
	char lacks[128] = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		text_add(has_capability(set, names[i].bit) ? has : lacks, sizeof has,
		         " %s", names[i].name);
	line_set(line, DOCTOR_OK, "this process has%s%s%s", has[0] ? has : " none",
	         lacks[0] ? ", and lacks" : "", lacks);
	if (has_capability(set, CAP_NET_ADMIN) && has_capability(set, CAP_NET_RAW) &&
	    (bpf || !(m->modes & DOCTOR_XDP)))
		return;
	line->verdict =
		has_capability(set, CAP_NET_ADMIN) && has_capability(set, CAP_NET_RAW)
			? verdict_without(m, DOCTOR_XDP)
			: DOCTOR_FAIL;
	line_remedy(line, "run this as the data plane's user, whose unit needs "
	                  "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_BPF");
}

/* A soft or hard limit of this process; UINT64_MAX is "unlimited". */
static bool read_limit(const struct doctor_machine *m, const char *name, bool hard,
                       uint64_t *out)
{
	char text[128];
	char soft_text[32];
	char hard_text[32];

	if (!machine_field(m, "/proc/self/limits", name, text, sizeof text) ||
	    sscanf(text, "%31s %31s", soft_text, hard_text) != 2)
		return false;
	const char *limit = hard ? hard_text : soft_text;
	*out = strcmp(limit, "unlimited") ? strtoull(limit, NULL, 10) : UINT64_MAX;
	return true;
}

/* Frames that the driver may write to are locked: 4096 of 4096 bytes for each worker, and the
 * rings, and half of that again for what else is locked. */
enum { WORKER_LOCKS = 24 << 20, LEAST_LOCKED = 1 << 20 };

void check_memlock(const struct doctor_machine *m, struct doctor_line *line)
{
	uint64_t limit = 0;
	uint64_t wanted = (uint64_t)m->workers * WORKER_LOCKS;

	if (has_capability(effective_capabilities(m), CAP_IPC_LOCK)) {
		line_set(line, DOCTOR_OK, "this process has CAP_IPC_LOCK: no limit");
		return;
	}
	if (!read_limit(m, "Max locked memory", false, &limit)) {
		line_set(line, DOCTOR_WARN, "the limit cannot be read");
	} else if (limit == UINT64_MAX) {
		line_set(line, DOCTOR_OK, "unlimited");
		return;
	} else {
		line_set(line,
		         limit < LEAST_LOCKED ? DOCTOR_FAIL
		         : limit < wanted     ? DOCTOR_WARN
		                              : DOCTOR_OK,
		         "this process may lock %llu KiB; %llu KiB are wanted "
		         "(server.workers is %u)",
		         (unsigned long long)(limit >> 10),
		         (unsigned long long)(wanted >> 10), m->workers);
	}
	if (line->verdict != DOCTOR_OK)
		line_remedy(line, "LimitMEMLOCK=infinity in the data plane's unit");
}

enum { LEAST_FILES = 256 };

void check_files(const struct doctor_machine *m, struct doctor_line *line)
{
	uint64_t limit = 0;

	if (!read_limit(m, "Max open files", true, &limit)) {
		line_set(line, DOCTOR_WARN, "the limit cannot be read");
	} else {
		line_set(line,
		         limit < LEAST_FILES ? DOCTOR_FAIL
		         : limit < m->files  ? DOCTOR_WARN
		                             : DOCTOR_OK,
		         "%llu at most; %u are wanted", (unsigned long long)limit,
		         m->files);
	}
	if (line->verdict != DOCTOR_OK)
		line_remedy(line, "LimitNOFILE=%u in the control plane's unit",
		            m->files > 65536 ? m->files : 65536);
}

void check_tun(const struct doctor_machine *m, struct doctor_line *line)
{
	if (machine_exists(m, "/dev/net/tun")) {
		line_set(line, DOCTOR_OK, "/dev/net/tun is there");
		return;
	}
	line_set(line, DOCTOR_WARN, "no /dev/net/tun: no exception interface");
	line_remedy(line, "modprobe tun, or exception: none with a bifurcated driver");
}

void check_vhost_net(const struct doctor_machine *m, struct doctor_line *line)
{
	if (machine_exists(m, "/dev/vhost-net")) {
		line_set(line, DOCTOR_OK, "/dev/vhost-net is there");
		return;
	}
	line_set(line, DOCTOR_WARN, "no /dev/vhost-net: no virtio-user, only TAP");
	line_remedy(line, "modprobe vhost-net, or exception: tap");
}

void check_bpffs(const struct doctor_machine *m, struct doctor_line *line)
{
	char at[128] = "";

	if (machine_mounted(m, "bpf", at, sizeof at)) {
		line_set(line, DOCTOR_OK, "mounted at %s", at);
		return;
	}
	line_set(line, DOCTOR_WARN, "not mounted: tools cannot pin programs and maps");
	line_remedy(line, "mount -t bpf bpf /sys/fs/bpf");
}

void check_bpf_jit(const struct doctor_machine *m, struct doctor_line *line)
{
	long long enabled = 0;
	bool known = machine_number(m, &enabled, "/proc/sys/net/core/bpf_jit_enable");

	if (!known) {
		line_set(line, DOCTOR_WARN, "no net.core.bpf_jit_enable is to be seen");
		line_remedy(line, "look in the host's network namespace, or for a kernel "
		                  "with CONFIG_BPF_JIT");
	} else if (enabled == 1) {
		line_set(line, DOCTOR_OK, "programs are compiled");
	} else if (enabled == 2) {
		line_set(line, DOCTOR_WARN,
		         "programs are compiled, and dumped to the log");
		line_remedy(line, "sysctl -w net.core.bpf_jit_enable=1");
	} else {
		line_set(line, DOCTOR_WARN, "programs are interpreted");
		line_remedy(line, "sysctl -w net.core.bpf_jit_enable=1");
	}
}

void check_irqbalance(const struct doctor_machine *m, struct doctor_line *line)
{
	glob_t found;
	size_t count = machine_glob(m, &found, "/proc/[0-9]*/comm");
	const char *pid = NULL;

	for (size_t i = 0; i < count && !pid; i++) {
		char *path = found.gl_pathv[i];
		char comm[32];

		if (!machine_read(m, comm, sizeof comm, "%s", path + strlen(m->root)) ||
		    strcmp(comm, "irqbalance") != 0)
			continue;
		*strrchr(path, '/') = 0;
		pid = strrchr(path, '/') + 1;
	}
	if (pid) {
		line_set(line, DOCTOR_WARN,
		         "runs, pid %s: it moves the NIC's interrupts about", pid);
		line_remedy(line, "systemctl disable --now irqbalance, or have it leave "
		                  "the NIC alone (IRQBALANCE_BANNED_CPULIST)");
	} else {
		line_set(line, DOCTOR_OK, "does not run");
	}
	globfree(&found);
}
