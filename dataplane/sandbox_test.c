/*
 * Every case is a process of its own, which enters the sandbox with a thread beside it that was
 * there before, and tells by its exit status what it saw.
 */
#include "dataplane/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"
#include "shared/ipc.h"
#include "shared/rcu.h"
#include "shared/segment.h"

enum { FAILED = 99, SEGMENT_SIZE = 4 << 20 };

static const char *const ios[] = {"udp", "xdp", "dpdk"};

/* In a child: what does not hold ends it. */
#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			dprintf(2, "line %d: %s (%s)\n", __LINE__, #condition, \
			        strerror(errno));                              \
			_exit(FAILED);                                         \
		}                                                              \
	} while (0)

static void enter(const char *io)
{
	struct sandbox_options options = {.io = io};
	char text[256] = "";

	if (sandbox_enter(&options, text, sizeof text) != 0) {
		dprintf(2, "%s\n", text);
		_exit(FAILED);
	}
}

static int status_of(pid_t child)
{
	int status;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define NEEDS_FILTER()                                               \
	do {                                                         \
		if (!sandbox_filters) {                              \
			print_message("this build has no filter\n"); \
			skip();                                      \
		}                                                    \
	} while (0)

/* ---- a thread that was there before ---- */

struct old_thread {
	pthread_t thread;
	sem_t go;
	int (*act)(void);
	int result;
};

static void *run_old_thread(void *arg)
{
	struct old_thread *t = arg;

	while (sem_wait(&t->go) != 0)
		continue;
	t->result = t->act();
	return NULL;
}

static void old_thread_start(struct old_thread *t, int (*act)(void))
{
	t->act = act;
	MUST(sem_init(&t->go, 0, 0) == 0);
	MUST(pthread_create(&t->thread, NULL, run_old_thread, t) == 0);
}

static int old_thread_act(struct old_thread *t)
{
	MUST(sem_post(&t->go) == 0);
	MUST(pthread_join(t->thread, NULL) == 0);
	return t->result;
}

/* ---- what is refused: each gives 0 or errno ---- */

static int reason(long result)
{
	return result < 0 ? errno : 0;
}

/* A child that comes to be is ended and counts as success. */
static int born(long child)
{
	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid((pid_t)child, NULL, 0);
	return reason(child);
}

/* Gives back what was opened. */
static int opened(long fd)
{
	int why = reason(fd);

	if (fd >= 0)
		close((int)fd);
	return why;
}

static int do_execve(void)
{
	char *none[] = {NULL};

	return reason(execve("/nonexistent", none, none));
}

static int do_execveat(void)
{
	char *none[] = {NULL};

	return reason(syscall(SYS_execveat, -1, "", none, none, 0));
}

static int do_fork(void)
{
	return born(fork());
}

static int do_clone_process(void)
{
	return born(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int do_clone_files(void)
{
	return born(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
}

/* Refused by the kernel itself with EINVAL; the filter comes first. */
static int do_clone_thread_in_namespace(void)
{
	return born(syscall(SYS_clone, CLONE_THREAD | CLONE_NEWUSER, 0, 0, 0, 0));
}

static int do_socket_inet(void)
{
	return opened(socket(AF_INET, SOCK_DGRAM, 0));
}

static int do_socket_inet6(void)
{
	return opened(socket(AF_INET6, SOCK_STREAM, 0));
}

static int do_socket_netlink(void)
{
	return opened(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int do_socket_packet(void)
{
	return opened(socket(AF_PACKET, SOCK_RAW, 0));
}

static int do_bind(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	return reason(bind(-1, (struct sockaddr *)&address, sizeof address));
}

static int do_open_for_writing(void)
{
	return opened(open("/dev/null", O_WRONLY));
}

static int do_open_for_both(void)
{
	return opened(open("/dev/null", O_RDWR));
}

static int do_create(void)
{
	return opened(open("/nonexistent/file", O_RDONLY | O_CREAT, 0600));
}

static int do_truncate_by_open(void)
{
	return opened(open("/nonexistent/file", O_RDONLY | O_TRUNC));
}

static int do_unlink(void)
{
	return reason(unlink("/nonexistent/file"));
}

static int do_rename(void)
{
	return reason(rename("/nonexistent/file", "/nonexistent/other"));
}

static int do_chmod(void)
{
	return reason(chmod("/nonexistent/file", 0600));
}

static int do_ptrace(void)
{
	return reason(ptrace(PTRACE_PEEKDATA, getppid(), NULL, NULL));
}

static int do_process_vm_readv(void)
{
	return reason(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
}

static int do_process_vm_writev(void)
{
	return reason(syscall(SYS_process_vm_writev, getpid(), NULL, 0, NULL, 0, 0));
}

static int do_mount(void)
{
	return reason(syscall(SYS_mount, NULL, "/nonexistent", NULL, 0, NULL));
}

static int do_setns(void)
{
	return reason(setns(-1, 0));
}

static int do_unshare(void)
{
	return reason(unshare(0));
}

static int do_bpf(void)
{
	return reason(syscall(SYS_bpf, 9999, NULL, 0));
}

static int do_keyctl(void)
{
	return reason(syscall(SYS_keyctl, 9999, 0, 0, 0, 0));
}

static int do_perf_event_open(void)
{
	return reason(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int do_io_uring_setup(void)
{
	return reason(syscall(SYS_io_uring_setup, 0, NULL));
}

static int do_userfaultfd(void)
{
	return reason(syscall(SYS_userfaultfd, ~0U));
}

static int do_mmap_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	                -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int do_mprotect_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                -1, 0);

	MUST(at != MAP_FAILED);
	return reason(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int do_kill_parent(void)
{
	return reason(kill(getppid(), 0));
}

static int do_tgkill_parent(void)
{
	return reason(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int do_sigqueue_parent(void)
{
	return reason(sigqueue(getppid(), 0, (union sigval){0}));
}

static int do_signals_by_descriptor(void)
{
	return reason(fcntl(0, F_SETOWN, getppid()));
}

static int do_dumpable(void)
{
	return reason(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int do_setrlimit(void)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	return reason(setrlimit(RLIMIT_NOFILE, &limit));
}

static int do_type_into_terminal(void)
{
	return reason(ioctl(0, TIOCSTI, "x"));
}

static int do_setuid(void)
{
	return reason(setuid(getuid()));
}

/* free: any process may, in a container too, so that the sandbox alone can be what refuses. */
static const struct attempt {
	const char *name;
	int (*act)(void);
	bool free;
} attempts[] = {
	{"execve", do_execve, true},
	{"execveat", do_execveat, true},
	{"fork", do_fork, true},
	{"clone of a process", do_clone_process, true},
	{"clone with shared files", do_clone_files, true},
	{"clone into a namespace", do_clone_thread_in_namespace, false},
	{"socket(AF_INET)", do_socket_inet, true},
	{"socket(AF_INET6)", do_socket_inet6, true},
	{"socket(AF_NETLINK)", do_socket_netlink, true},
	{"socket(AF_PACKET)", do_socket_packet, false},
	{"bind", do_bind, true},
	{"open for writing", do_open_for_writing, true},
	{"open for both", do_open_for_both, true},
	{"open with O_CREAT", do_create, true},
	{"open with O_TRUNC", do_truncate_by_open, true},
	{"unlink", do_unlink, true},
	{"rename", do_rename, true},
	{"chmod", do_chmod, true},
	{"ptrace", do_ptrace, false},
	{"process_vm_readv", do_process_vm_readv, false},
	{"process_vm_writev", do_process_vm_writev, false},
	{"mount", do_mount, false},
	{"setns", do_setns, false},
	{"unshare", do_unshare, false},
	{"bpf", do_bpf, false},
	{"keyctl", do_keyctl, false},
	{"perf_event_open", do_perf_event_open, false},
	{"io_uring_setup", do_io_uring_setup, false},
	{"userfaultfd", do_userfaultfd, false},
	{"mmap of code", do_mmap_code, true},
	{"mprotect of code", do_mprotect_code, true},
	{"kill of the parent", do_kill_parent, true},
	{"tgkill of the parent", do_tgkill_parent, true},
	{"sigqueue to the parent", do_sigqueue_parent, true},
	{"F_SETOWN", do_signals_by_descriptor, true},
	{"PR_SET_DUMPABLE", do_dumpable, true},
	{"setrlimit", do_setrlimit, true},
	{"TIOCSTI", do_type_into_terminal, false},
	{"setuid", do_setuid, true},
};

static pid_t try_without(const struct attempt *a)
{
	pid_t child = fork();

	if (child == 0)
		_exit(a->act());
	return child;
}

static pid_t try_inside(const struct attempt *a, const char *io, bool from_old_thread)
{
	pid_t child = fork();
	struct old_thread t = {0};

	if (child != 0)
		return child;
	old_thread_start(&t, a->act);
	enter(io);
	_exit(from_old_thread ? old_thread_act(&t) : a->act());
}

static void what_is_not_needed_is_refused(void **state)
{
	(void)state;
	NEEDS_FILTER();
	for (size_t i = 0; i < ARRAY_LEN(attempts) * ARRAY_LEN(ios); i++) {
		const struct attempt *a = &attempts[i / ARRAY_LEN(ios)];
		const char *io = ios[i % ARRAY_LEN(ios)];
		for (int old = 0; old < 2; old++) {
			int got = status_of(try_inside(a, io, old));
			if (got != EPERM)
				fail_msg("%s, %s, %s thread: %d", a->name, io,
				         old ? "old" : "main", got);
		}
	}
}

static void nothing_else_than_the_sandbox_refuses_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		int got = attempts[i].free ? status_of(try_without(&attempts[i])) : 0;
		if (got == EPERM || got == FAILED)
			fail_msg("%s: %d", attempts[i].name, got);
	}
}

static int do_ioctl_of_a_link(void)
{
	return reason(ioctl(0, 0x8913 /* SIOCGIFFLAGS */, NULL));
}

static int do_ioctl_of_tun(void)
{
	return reason(ioctl(0, 0x400454ca /* TUNSETIFF */, NULL));
}

static void ioctl_is_for_those_back_ends_that_need_it(void **state)
{
	static const struct {
		struct attempt attempt;
		const char *io;
		bool refused;
	} cases[] = {
		{{"link", do_ioctl_of_a_link, true}, "udp", true},
		{{"link", do_ioctl_of_a_link, true}, "xdp", false},
		{{"link", do_ioctl_of_a_link, true}, "dpdk", false},
		{{"tun", do_ioctl_of_tun, true}, "udp", true},
		{{"tun", do_ioctl_of_tun, true}, "xdp", true},
		{{"tun", do_ioctl_of_tun, true}, "dpdk", false},
	};

	(void)state;
	NEEDS_FILTER();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got = status_of(try_inside(&cases[i].attempt, cases[i].io, false));
		if ((got == EPERM) != cases[i].refused || got == FAILED)
			fail_msg("%s, %s: %d", cases[i].attempt.name, cases[i].io, got);
	}
}

/* The kernel has a second table of system calls for programs of the other word size. */
#ifdef __x86_64__
static void another_architectures_system_call_kills(void **state)
{
	(void)state;
	NEEDS_FILTER();
	pid_t child = fork();
	if (child == 0) {
		enter("udp");
		_exit((int)syscall(0x40000000L | SYS_getpid)); /* x32 */
	}
	assert_int_equal(status_of(child), -SIGSYS);
}
#endif

/* ---- capabilities ---- */

/* Checks one thread: /proc/PID/task/TID/status. */
static void assert_holds_nothing(const char *path, bool was_root)
{
	FILE *status = fopen(path, "r");
	char line[256];
	unsigned sets = 0;
	unsigned long long value;

	assert_non_null(status);
	while (fgets(line, sizeof line, status) != NULL) {
		if (sscanf(line, "Cap%*3s: %llx", &value) == 1) {
			if (was_root || strncmp(line, "CapBnd", 6) != 0)
				assert_int_equal(value, 0);
			sets++;
		}
		if (sscanf(line, "NoNewPrivs: %llu", &value) == 1)
			assert_int_equal(value, 1);
		if (sandbox_filters && sscanf(line, "Seccomp: %llu", &value) == 1)
			assert_int_equal(value, 2);
	}
	fclose(status);
	assert_int_equal(sets, 5);
}

/* Gives how many threads the process has; each is checked. */
static unsigned check_threads(pid_t pid, bool was_root)
{
	char path[300];
	unsigned threads = 0;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	assert_non_null(tasks);
	for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid,
		         task->d_name);
		assert_holds_nothing(path, was_root);
		threads++;
	}
	closedir(tasks);
	return threads;
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		poll(NULL, 0, *(int *)arg);
	return NULL;
}

static void *spin_for_ever(void *arg)
{
	for (;;)
		__atomic_load_n((int *)arg, __ATOMIC_RELAXED);
	return NULL;
}

static void no_thread_keeps_a_capability(void **state)
{
	enum { THREADS_BEFORE = 4 };
	int ready[2];
	char octet;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		static int ever = -1;
		pthread_t t;
		for (unsigned i = 0; i < THREADS_BEFORE; i++)
			MUST(pthread_create(&t, NULL,
			                    i & 1 ? wait_for_ever : spin_for_ever,
			                    &ever) == 0);
		enter("udp");
		MUST(pthread_create(&t, NULL, wait_for_ever, &ever) == 0);
		MUST(write(ready[1], "", 1) == 1);
		wait_for_ever(&ever);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	unsigned threads = check_threads(child, geteuid() == 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(status_of(child), -SIGKILL);
	assert_int_equal(threads, 1 + THREADS_BEFORE + 1);
}

static void thread_that_blocks_the_signal_is_named(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		static int ever = -1;
		struct sandbox_options options = {.io = "udp"};
		char text[256] = "";
		pthread_t t;
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGURG);
		MUST(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
		MUST(pthread_create(&t, NULL, wait_for_ever, &ever) == 0);
		MUST(sandbox_enter(&options, text, sizeof text) == ERR_TIMEOUT);
		MUST(strncmp(text, "thread ", 7) == 0);
		_exit(0);
	}
	assert_int_equal(status_of(child), 0);
}

static void unknown_back_end_is_refused(void **state)
{
	struct sandbox_options options = {.io = "mem"};
	char text[256] = "";

	(void)state;
	assert_int_equal(sandbox_enter(&options, text, sizeof text), ERR_INVALID);
	assert_string_equal(text, "no back end \"mem\"");
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

/* ---- what is needed works ---- */

static void *read_in_new_thread(void *arg)
{
	int *looked_at = arg;
	int **shared = &looked_at;

	rcu_reader_begin();
	int *seen = rcu_look(*shared);
	(*seen)++;
	rcu_reader_quiet();
	rcu_reader_offline();
	rcu_reader_online();
	rcu_reader_end();
	return arg;
}

static void threads_start_and_read_and_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ios); i++) {
		pid_t child = fork();
		if (child == 0) {
			int n = 0;
			void *result;
			pthread_t t;
			cpu_set_t cpus;
			enter(ios[i]);
			MUST(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
			MUST(pthread_create(&t, NULL, read_in_new_thread, &n) == 0);
			int set = pthread_setaffinity_np(t, sizeof cpus, &cpus);
			MUST(set == 0 || set == ESRCH); /* it may have ended */
			rcu_wait();
			MUST(pthread_join(t, &result) == 0 && result == &n && n == 1);
			_exit(0);
		}
		assert_int_equal(status_of(child), 0);
	}
}

/* The C library loads code for this that could not be mapped any more. */
static void thread_can_be_cancelled(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		static int ever = -1;
		void *result;
		pthread_t t;
		enter("dpdk");
		MUST(pthread_create(&t, NULL, wait_for_ever, &ever) == 0);
		MUST(pthread_cancel(t) == 0);
		MUST(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
		_exit(0);
	}
	assert_int_equal(status_of(child), 0);
}

static void abort_still_ends_the_process(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct rlimit none = {0};
		(void)setrlimit(RLIMIT_CORE, &none);
		enter("udp");
		abort();
	}
	assert_int_equal(status_of(child), -SIGABRT);
}

/* The control plane of the test: welcomes whoever connects, with a segment. */
static void serve_segment(const char *path, unsigned times)
{
	struct ipc_message m = {.type = IPC_SEGMENT, .number = 7};
	struct segment segment;
	int listener;

	assert_int_equal(ipc_listen(path, &listener), 0);
	assert_int_equal(segment_create("sandbox-test", SEGMENT_SIZE, true, &segment), 0);
	segment.base[SEGMENT_SIZE - 1] = 42;
	while (times-- > 0) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 5000), 1);
		int sock = accept(listener, NULL, NULL);
		assert_true(sock >= 0);
		assert_int_equal(ipc_send(sock, &m, segment.fd), 0);
		close(sock);
	}
	segment_close(&segment);
	close(listener);
	unlink(path);
}

static void fetch_segment(const char *path)
{
	struct pollfd p = {.events = POLLIN};
	struct ipc_message m;
	struct segment segment;
	int fd;
	int err;

	while ((err = ipc_connect(path, &p.fd)) == ERR_GONE)
		usleep(1000);
	MUST(err == 0);
	MUST(poll(&p, 1, 5000) == 1);
	MUST(ipc_receive(p.fd, &m, &fd) == 0);
	MUST(m.type == IPC_SEGMENT && m.number == 7);
	MUST(segment_map(fd, false, &segment) == 0);
	segment_prefault(&segment);
	MUST(segment.base[SEGMENT_SIZE - 1] == 42);
	segment_close(&segment);
	close(p.fd);
}

static void control_plane_is_met_again_and_its_segment_mapped(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "/tmp/sandbox_test.%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_LEN(ios); i++) {
		pid_t child = fork();
		if (child == 0) {
			enter(ios[i]);
			fetch_segment(path);
			fetch_segment(path);
			_exit(0);
		}
		serve_segment(path, 2);
		assert_int_equal(status_of(child), 0);
	}
}

static void segment_cannot_be_mapped_as_code(void **state)
{
	(void)state;
	NEEDS_FILTER();
	pid_t child = fork();
	if (child == 0) {
		struct segment s;
		MUST(segment_create("sandbox-test", SEGMENT_SIZE, true, &s) == 0);
		enter("udp");
		MUST(mmap(NULL, SEGMENT_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, s.fd,
		          0) == MAP_FAILED);
		_exit(errno);
	}
	assert_int_equal(status_of(child), EPERM);
}

static void packets_come_and_go_on_sockets_opened_before(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct sockaddr_in in = {.sin_family = AF_INET,
		                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof in;
		char sent[2][8] = {"one", "two"};
		struct iovec iov[2] = {{sent[0], 4}, {sent[1], 4}};
		char got[2][8] = {"", ""};
		struct iovec room[2] = {{got[0], 8}, {got[1], 8}};
		struct mmsghdr out[2] = {0};
		struct mmsghdr back[2] = {0};
		int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		struct pollfd p = {.fd = s, .events = POLLIN};
		MUST(bind(s, (struct sockaddr *)&in, sizeof in) == 0);
		MUST(getsockname(s, (struct sockaddr *)&in, &len) == 0);
		for (unsigned i = 0; i < 2; i++) {
			out[i].msg_hdr = (struct msghdr){.msg_name = &in,
			                                 .msg_namelen = sizeof in,
			                                 .msg_iov = &iov[i],
			                                 .msg_iovlen = 1};
			back[i].msg_hdr =
				(struct msghdr){.msg_iov = &room[i], .msg_iovlen = 1};
		}
		enter("udp");
		MUST(sendmmsg(s, out, 2, MSG_DONTWAIT) == 2);
		MUST(poll(&p, 1, 5000) == 1);
		MUST(recvmmsg(s, back, 2, MSG_DONTWAIT, NULL) == 2);
		MUST(strcmp(got[0], "one") == 0 && strcmp(got[1], "two") == 0);
		_exit(0);
	}
	assert_int_equal(status_of(child), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_needed_is_refused),
		cmocka_unit_test(nothing_else_than_the_sandbox_refuses_it),
		cmocka_unit_test(ioctl_is_for_those_back_ends_that_need_it),
#ifdef __x86_64__
		cmocka_unit_test(another_architectures_system_call_kills),
#endif
		cmocka_unit_test(no_thread_keeps_a_capability),
		cmocka_unit_test(thread_that_blocks_the_signal_is_named),
		cmocka_unit_test(unknown_back_end_is_refused),
		cmocka_unit_test(threads_start_and_read_and_end),
		cmocka_unit_test(thread_can_be_cancelled),
		cmocka_unit_test(abort_still_ends_the_process),
		cmocka_unit_test(control_plane_is_met_again_and_its_segment_mapped),
		cmocka_unit_test(segment_cannot_be_mapped_as_code),
		cmocka_unit_test(packets_come_and_go_on_sockets_opened_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
