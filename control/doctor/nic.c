/*
 * The interfaces: what their driver can do, and how they are set.
 */
#include <string.h>

#include "control/doctor/check.h"
#include "control/doctor/driver.h"
#include "control/doctor/machine.h"

/* enum netdev_xdp_act; Linux 6.3. */
enum {
	XDP_ACT_BASIC = 1 << 0,
	XDP_ACT_REDIRECT = 1 << 1,
	XDP_ACT_XSK_ZEROCOPY = 1 << 3,
};

void check_driver(const struct doctor_machine *m, const struct nic *nic,
                  struct doctor_line *line)
{
	const struct driver *driver = driver_find(nic->driver);
	char bus[32] = "-";

	(void)machine_link(m, bus, sizeof bus, "/sys/class/net/%s/device/subsystem",
	                   nic->name);
	if (!nic->device) {
		line_set(line, verdict_without(m, DOCTOR_DPDK),
		         "%s, with no device behind it", nic->driver);
		line_remedy(line,
		            "DPDK takes it by eal: \"--vdev net_af_packet0,"
		            "iface=%s\" or net_af_xdp0 only",
		            nic->name);
	} else if (driver && driver->bifurcated) {
		line_set(line, DOCTOR_OK, "%s on %s, bifurcated: stays bound under DPDK",
		         nic->driver, bus);
	} else {
		line_set(line, DOCTOR_OK, "%s on %s", nic->driver, bus);
	}
}

/* Can the driver do that? By what the kernel says, else by the table; *source tells which. */
static bool has_mode(const struct doctor_machine *m, const struct nic *nic,
                     enum xdp_mode mode, const char **source)
{
	uint64_t bits = XDP_ACT_BASIC | XDP_ACT_REDIRECT;
	const struct driver *driver = driver_find(nic->driver);

	if (mode == ZERO_COPY)
		bits |= XDP_ACT_XSK_ZEROCOPY;
	if (nic->facts.xdp.known) {
		*source = "the kernel says";
		return (nic->facts.xdp.bits & bits) == bits;
	}
	*source = driver ? "by the driver's name" : "driver not known";
	return driver &&
	       machine_kernel(m) >= (mode == NATIVE ? driver->native : driver->zero_copy);
}

void check_xdp(const struct doctor_machine *m, const struct nic *nic,
               struct doctor_line *line)
{
	const char *source;
	const char *problem = driver_problem(nic->driver, NATIVE, machine_kernel(m));

	if (!has_mode(m, nic, NATIVE, &source)) {
		line_set(line, DOCTOR_WARN, "%s: no native XDP (%s)", nic->driver,
		         source);
		line_remedy(line,
		            "xdp mode: generic, which is little faster than io: udp");
	} else if (problem) {
		line_set(line, DOCTOR_WARN, "%s: native XDP (%s), but %s", nic->driver,
		         source, problem);
		line_remedy(line, "try it under load before you rely on it, or "
		                  "xdp mode: generic");
	} else {
		line_set(line, DOCTOR_OK, "%s: native XDP (%s)", nic->driver, source);
	}
}

void check_zero_copy(const struct doctor_machine *m, const struct nic *nic,
                     struct doctor_line *line)
{
	const char *source;
	const char *problem = driver_problem(nic->driver, ZERO_COPY, machine_kernel(m));

	if (!has_mode(m, nic, ZERO_COPY, &source)) {
		line_set(line, DOCTOR_WARN, "%s: no zero copy (%s)", nic->driver, source);
		line_remedy(line, "xdp zero-copy: auto or no; every packet is copied");
	} else if (problem) {
		line_set(line, DOCTOR_WARN, "%s: zero copy (%s), but %s", nic->driver,
		         source, problem);
		line_remedy(line, "xdp zero-copy: no");
	} else {
		line_set(line, DOCTOR_OK, "%s: zero copy (%s)", nic->driver, source);
	}
}

void check_program(const struct doctor_machine *m, const struct nic *nic,
                   struct doctor_line *line)
{
	if (!nic->facts.program.known) {
		line_set(line, DOCTOR_WARN, "the kernel does not tell");
		line_remedy(line, "see: ip -d link show dev %s", nic->name);
	} else if (nic->facts.program.id) {
		line_set(line, verdict_without(m, DOCTOR_XDP),
		         "XDP program %u is attached", nic->facts.program.id);
		line_remedy(line,
		            "unless a data plane of yours runs: ip link set dev %s "
		            "xdp off, or bpftool link detach",
		            nic->name);
	} else {
		line_set(line, DOCTOR_OK, "no XDP program is attached");
	}
}

void check_numa(const struct doctor_machine *m, const struct nic *nic,
                struct doctor_line *line)
{
	char list[MACHINE_TEXT_MAX];
	char far[128] = "";
	long long node = -1;

	(void)machine_number(m, &node, "/sys/class/net/%s/device/numa_node", nic->name);
	if (node < 0) {
		line_set(line, DOCTOR_OK, "belongs to no node");
		return;
	}
	(void)machine_read(m, list, sizeof list,
	                   "/sys/devices/system/node/node%lld/cpulist", node);
	for (size_t i = 0; i < m->cpu_count; i++)
		if (!list_has(list, m->cpus[i]))
			text_add(far, sizeof far, "%s%d", far[0] ? "," : "", m->cpus[i]);
	if (far[0]) {
		line_set(line, DOCTOR_WARN, "on node %lld, but not processors %s", node,
		         far);
		line_remedy(line, "server.cpus of node %lld: %.100s", node, list);
	} else {
		line_set(line, DOCTOR_OK, "on node %lld%s", node,
		         m->cpu_count ? ", as all processors of workers" : "");
	}
}

void check_queues(const struct doctor_machine *m, const struct nic *nic,
                  struct doctor_line *line)
{
	unsigned queues = nic->facts.channels.known ? nic->facts.channels.queues : 1;
	unsigned max = nic->facts.channels.known ? nic->facts.channels.max : 1;

	line_set(line, queues == m->workers ? DOCTOR_OK : verdict_without(m, DOCTOR_XDP),
	         "%u of %u queues%s; server.workers is %u", queues, max,
	         nic->facts.channels.known ? "" : " (the driver does not tell)",
	         m->workers);
	if (queues == m->workers)
		return;
	if (m->workers > max)
		line_remedy(line, "server.workers: %u, as many as there can be queues",
		            max);
	else
		line_remedy(line,
		            "scripts/setup-nic.sh queues %s %u, or "
		            "server.workers: %u",
		            nic->name, m->workers, queues);
}

/* Below: bursts are lost while a worker is busy. Above: the working set leaves the cache, and the
 * fill ring of a socket has to cover the ring. */
enum { RING_LOW = 512, RING_HIGH = 4096 };

void check_rings(const struct doctor_machine *m, const struct nic *nic,
                 struct doctor_line *line)
{
	unsigned rx = nic->facts.rings.rx;
	unsigned max = nic->facts.rings.max_rx;

	(void)m;
	if (!nic->facts.rings.known) {
		line_set(line, DOCTOR_OK, "the driver does not tell");
		return;
	}
	line_set(line, DOCTOR_OK, "%u receive and %u send descriptors, %u at most", rx,
	         nic->facts.rings.tx, max);
	if (rx >= RING_LOW && rx <= RING_HIGH)
		return;
	if (rx < RING_LOW && rx == max)
		return;
	line->verdict = DOCTOR_WARN;
	line_remedy(line, "ethtool -G %s rx %u", nic->name,
	            max && max < 2048 ? max : 2048);
}

void check_hash(const struct doctor_machine *m, const struct nic *nic,
                struct doctor_line *line)
{
	const char *texts[2];
	bool good = true;

	(void)m;
	if (nic->facts.channels.known ? nic->facts.channels.max < 2 : true) {
		line_set(line, DOCTOR_OK, "one queue: nothing to spread");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		texts[i] = !nic->facts.hash[i].known  ? "unknown"
		           : nic->facts.hash[i].ports ? "addresses and ports"
		                                      : "addresses only";
		good &= nic->facts.hash[i].known && nic->facts.hash[i].ports;
	}
	line_set(line, good ? DOCTOR_OK : DOCTOR_WARN, "UDP over IPv4: %s, IPv6: %s",
	         texts[0], texts[1]);
	if (!good)
		line_remedy(line,
		            "ethtool -N %s rx-flow-hash udp4 sdfn, and udp6; or "
		            "scripts/setup-nic.sh queues %s COUNT",
		            nic->name, nic->name);
}

/* A frame of 4096 bytes less the kernel's headroom and tail, and the Ethernet header with a tag. */
enum { MTU_LOW = 1280, MTU_USUAL = 1500, MTU_XDP = 3498 };

void check_mtu(const struct doctor_machine *m, const struct nic *nic,
               struct doctor_line *line)
{
	long long mtu = 0;

	(void)machine_number(m, &mtu, "/sys/class/net/%s/mtu", nic->name);
	line_set(line, DOCTOR_OK, "%lld bytes", mtu);
	if (mtu > MTU_XDP && (m->modes & DOCTOR_XDP)) {
		line->verdict = verdict_without(m, DOCTOR_XDP);
		line_remedy(line, "AF_XDP takes %d at most: ip link set dev %s mtu %d",
		            MTU_XDP, nic->name, MTU_USUAL);
	} else if (mtu > MTU_USUAL) {
		line->verdict = DOCTOR_WARN;
		line_remedy(line,
		            "many drivers have no native XDP above 1500: ip link set "
		            "dev %s mtu %d",
		            nic->name, MTU_USUAL);
	} else if (mtu < MTU_LOW) {
		line->verdict = DOCTOR_WARN;
		line_remedy(line, "IPv6 needs 1280: ip link set dev %s mtu %d", nic->name,
		            MTU_USUAL);
	}
}
