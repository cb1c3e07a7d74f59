/*
 * Capabilities belong to a thread, and only a thread itself can give up its own. By the time that
 * this process needs none any more there are threads that it did not write: packet libraries
 * start them. libpsx reaches those whose pthread_create() was wrapped when the program was
 * linked, which those of shared libraries are not. So every thread that the kernel lists is sent
 * a signal, whose handler drops what the thread has, until the kernel says of each that it has
 * nothing left. SIGURG, because one that arrives late is ignored by default.
 */
#include "dataplane/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "shared/err.h"

enum { PASSES_MAX = 2000, PAUSE_NS = 1000000 };

/* Async-signal-safe. Failures show in what the kernel says of the thread afterwards; only the
 * bounding set may stay, which means nothing to a thread that cannot gain privileges. */
static void drop_mine(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)syscall(SYS_capset, &header, none);
}

static void on_signal(int number)
{
	int before = errno;

	(void)number;
	drop_mine();
	errno = before;
}

/* True when a line of /proc/PID/status tells of something to give up. */
static bool is_privilege(const char *line)
{
	static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};

	if (strncmp(line, "NoNewPrivs:", strlen("NoNewPrivs:")) == 0)
		return strtoul(line + strlen("NoNewPrivs:"), NULL, 10) == 0;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		if (strncmp(line, sets[i], strlen(sets[i])) == 0)
			return strtoull(line + strlen(sets[i]), NULL, 16) != 0;
	}
	return false;
}

/* A thread that has ended holds nothing. */
static bool is_privileged(long tid)
{
	char path[64];
	char line[256];
	bool found = false;

	snprintf(path, sizeof path, "/proc/self/task/%ld/status", tid);
	FILE *status = fopen(path, "re");
	if (status == NULL)
		return errno != ENOENT && errno != ESRCH;
	while (!found && fgets(line, sizeof line, status) != NULL)
		found = is_privilege(line);
	(void)fclose(status);
	return found;
}

/* Has every thread that holds something drop it; gives how many there were, one of them in
 * *last. */
static int pass(long *last)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	int privileged = 0;

	if (tasks == NULL)
		return ERR_SYSTEM;
	while ((task = readdir(tasks)) !=
	       NULL) { // NOLINT(concurrency-mt-unsafe): own stream
		long tid = strtol(task->d_name, NULL, 10);
		if (tid <= 0 || !is_privileged(tid))
			continue;
		privileged++;
		*last = tid;
		if (tid == syscall(SYS_gettid))
			drop_mine();
		else
			(void)syscall(SYS_tgkill, getpid(), tid, SIGURG);
	}
	closedir(tasks);
	return privileged;
}

static int pass_until_none(char *text, size_t text_size)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};
	long last = 0;

	for (int i = 0; i < PASSES_MAX; i++) {
		int privileged = pass(&last);
		if (privileged < 0) {
			snprintf(text, text_size, "/proc/self/task: %s", strerror(errno));
			return privileged;
		}
		if (privileged == 0)
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	snprintf(text, text_size, "thread %ld does not give up its capabilities", last);
	return ERR_TIMEOUT;
}

int privileges_drop(char *text, size_t text_size)
{
	struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction before;

	sigemptyset(&ours.sa_mask);
	if (sigaction(SIGURG, &ours, &before) != 0) {
		snprintf(text, text_size, "sigaction: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	int err = pass_until_none(text, text_size);
	(void)sigaction(SIGURG, &before, NULL);
	return err;
}
