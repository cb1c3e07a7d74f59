/*
 * Checks of the machine that kernel bypass is to run on: what is there, whether it is right, and
 * what to do when it is not. Nothing is changed, and no server is asked.
 *
 * A check that finds something missing judges by what it is missing for: without huge pages there
 * is no DPDK, but AF_XDP runs. So it is a failure where it stands in the way of every back end
 * that the caller means to use, and a warning where another one of them is left.
 */
#ifndef CONTROL_DOCTOR_DOCTOR_H
#define CONTROL_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

/* Back ends, as bits. */
enum {
	DOCTOR_XDP = 1 << 0,
	DOCTOR_DPDK = 1 << 1,
	DOCTOR_ANY = DOCTOR_XDP | DOCTOR_DPDK,
};

/* What the kernel tells of an interface by ioctl and netlink, not by files. Where known is false,
 * driver or kernel do not tell. */
struct nic_facts {
	char driver[32]; /* empty: not known */
	struct {
		bool known;
		unsigned queues; /* that receive */
		unsigned max;
	} channels;
	struct {
		bool known;
		unsigned rx; /* descriptors */
		unsigned tx;
		unsigned max_rx;
	} rings;
	struct {
		bool known;
		bool ports; /* hashed beside the addresses */
	} hash[2];          /* of UDP over IPv4, over IPv6 */
	struct {
		bool known;
		uint64_t bits; /* enum netdev_xdp_act of the kernel */
	} xdp;
	struct {
		bool known;
		unsigned id; /* of the program that is attached; 0: none */
	} program;
};

/* Fills facts, which come zeroed. */
typedef void nic_ask(const char *interface, struct nic_facts *facts);

/* Asks the running kernel. */
void nic_ask_kernel(const char *interface, struct nic_facts *facts);

/* What is looked at. Everything is lent until doctor_run() returns. */
struct doctor_machine {
	const char *root; /* of /sys, /proc and /dev; "" is this machine */
	nic_ask *ask;
	const char *const
		*interfaces;    /* names, or PCI addresses of what is behind them */
	size_t interface_count; /* 0: every one with a device behind it */
	const int *cpus;        /* that the workers are pinned to */
	size_t cpu_count;       /* 0: not pinned */
	unsigned workers;
	unsigned files; /* descriptors that the server wants to open */
	unsigned modes; /* back ends that are meant */
};

struct doctor_line {
	const char *check;
	char subject[32]; /* an interface, or empty */
	enum doctor_verdict verdict;
	char found[256];
	char remedy[256]; /* empty with DOCTOR_OK */
};

struct doctor_report {
	struct doctor_line *lines;
	size_t count;
	size_t verdicts[DOCTOR_FAIL + 1]; /* how many lines have each */
};

/* Gives a report, in the order of rows.def: one line for each row, those of interfaces once for
 * each interface. Release with doctor_fini(). */
void doctor_run(const struct doctor_machine *machine, struct doctor_report *report);
void doctor_fini(struct doctor_report *report);

/* Says whether a name is a PCI address: "0000:01:00.0", or "01:00.0". */
bool doctor_is_device(const char *name);

/* "ok", "warn" or "fail". */
const char *doctor_verdict_text(enum doctor_verdict verdict);

#endif
