/*
 * The sandbox has three walls, and each alone would hold most of what the others do: capabilities
 * (dataplane/privileges.h), a seccomp filter on all threads, and in release builds no debugger.
 *
 * The filter refuses rather than kills: a library that tries something on a path of its own which
 * nobody has seen yet gets an error and goes on, and queries go on being answered. Only another
 * architecture's system calls kill, which nothing but an attack makes.
 *
 * The kernel may slow down a thread with a filter, against speculative store bypass: it takes the
 * thread for one that runs code of others. None is run here, so that is declined.
 */
#include "dataplane/sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "dataplane/privileges.h"
#include "shared/err.h"

#if UNDER_ASAN || UNDER_TSAN || UNDER_COVERAGE
const bool sandbox_filters = false;
#else
const bool sandbox_filters = true;
#endif

enum { UDP = 1, XDP = 2, DPDK = 4, EVERY = UDP | XDP | DPDK };

#define NEW_NAMESPACES                                                                \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | \
	 CLONE_NEWUSER | CLONE_NEWUTS)

/* The kind of an ioctl() is its second byte; the highest two bits say what it passes. */
#define IOCTL_KIND    UINT32_C(0x0000ff00)
#define IOCTL_TUN     UINT32_C(0xc000ff00)
#define IOCTL_TUN_SET (UINT32_C(1) << 30 | 'T' << 8)
#define IOCTL_TUN_GET (UINT32_C(2) << 30 | 'T' << 8)

/* All bits of an argument that the kernel looks at. */
#define INT     UINT32_MAX
#define POINTER UINT64_MAX

struct rule {
	unsigned io;
	int number;
	unsigned conditions; /* 0 or 1 */
	struct scmp_arg_cmp condition;
};

static int complain(const char *what, int reason, char *text, size_t text_size)
{
	snprintf(text, text_size, "%s: %s", what, strerror(reason));
	return reason == ENOMEM ? ERR_NOMEM : ERR_SYSTEM;
}

static int add_rules(scmp_filter_ctx filter, unsigned io)
{
	scmp_datum_t own_pid = (scmp_datum_t)getpid();
	const struct rule rules[] = {
#define ALLOW(ios, name) {.io = (ios), .number = SCMP_SYS(name)},
#define ALLOW_IF(ios, name, argument, mask, value) \
	{ios, SCMP_SYS(name), 1, {argument, SCMP_CMP_MASKED_EQ, mask, value}},
#include "dataplane/sandbox.def"
#undef ALLOW
#undef ALLOW_IF
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *r = &rules[i];
		if (!(r->io & io))
			continue;
		int reason = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, r->number,
		                                    r->conditions, &r->condition);
		if (reason != 0)
			return reason;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int set_attributes(scmp_filter_ctx filter)
{
	static const struct {
		enum scmp_filter_attr attribute;
		uint32_t value;
	} settings[] = {
		{SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS},
		{SCMP_FLTATR_CTL_NNP, 1},
		{SCMP_FLTATR_CTL_TSYNC, 1},
		{SCMP_FLTATR_CTL_LOG, 0},
		{SCMP_FLTATR_CTL_SSB, 1},
		{SCMP_FLTATR_CTL_OPTIMIZE, 2}, /* a binary tree */
	};

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int reason = seccomp_attr_set(filter, settings[i].attribute,
		                              settings[i].value);
		if (reason != 0)
			return reason;
	}
	return 0;
}

static int load_filter(unsigned io, char *text, size_t text_size)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (filter == NULL)
		return complain("seccomp", ENOMEM, text, text_size);
	int reason = set_attributes(filter);
	if (reason == 0)
		reason = add_rules(filter, io);
	if (reason == 0)
		reason = seccomp_load(filter);
	seccomp_release(filter);
	return reason == 0 ? 0 : complain("seccomp", -reason, text, text_size);
}

static unsigned io_of(const char *name)
{
	static const struct {
		const char *name;
		unsigned io;
	} ios[] = {{"udp", UDP}, {"xdp", XDP}, {"dpdk", DPDK}};

	for (size_t i = 0; i < ARRAY_LEN(ios); i++) {
		if (strcmp(name, ios[i].name) == 0)
			return ios[i].io;
	}
	return 0;
}

int sandbox_enter(const struct sandbox_options *options, char *text, size_t text_size)
{
	unsigned io = io_of(options->io);

	if (io == 0) {
		snprintf(text, text_size, "no back end \"%s\"", options->io);
		return ERR_INVALID;
	}
	/* The C library loads it for the first thread that is cancelled, too late: its code could
	 * not be mapped any more. Where it is missing, nothing here was going to need it. */
	(void)dlopen("libgcc_s.so.1", RTLD_NOW);
	TRY(privileges_drop(text, text_size));
#ifdef ANSER_RELEASE
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return complain("PR_SET_DUMPABLE", errno, text, text_size);
#endif
	return sandbox_filters ? load_filter(io, text, text_size) : 0;
}
