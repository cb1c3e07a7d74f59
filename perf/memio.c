/*
 * memio: what a UDP DNS server costs without the kernel.
 *
 * Loaded into an unmodified server with LD_PRELOAD. The server starts, binds and answers as usual,
 * until a query whose first label is "memio-start" arrives. From then on every receive on that
 * thread and socket is served from a pool of prepared queries in memory, every send is counted
 * and dropped, and waiting for the socket returns at once. What remains is the server's own
 * work: its receive loop, parsing, looking up, building the answer, its send loop. Each server
 * pays the same for the harness: one copy of the query and one address per message.
 *
 *      MEMIO_QUERIES=FILE   per query: length (16 bits, big endian), then the DNS message
 *      MEMIO_SECONDS=3      how long to measure, after a warm-up of a tenth of that
 *      MEMIO_RESULT=FILE    gets one line when it is over; then the process ends
 *
 * Works for servers that use recvmmsg, recvmsg or recvfrom with sendmmsg, sendmsg or sendto, and
 * poll, ppoll or epoll, called by those names in libc.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER = 12,
	EVENTS_MAX = 16,
	CHECK_EVERY = 4096, /* queries between two looks at the clock */
	RCODES = 16,
};

static const uint8_t start_label[] = "\x0bmemio-start";

/* Records as in the file, one behind the other. Read-only once loaded. */
static uint8_t *pool;
static size_t pool_size;
static double seconds = 3;
static FILE *result; /* opened before the server gives up the right to open files */

static struct libc {
	int (*recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);
	int (*sendmmsg)(int, struct mmsghdr *, unsigned, int);
	ssize_t (*recvmsg)(int, struct msghdr *, int);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
	ssize_t (*recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
	ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *,
	                  socklen_t);
	int (*epoll_wait)(int, struct epoll_event *, int, int);
	int (*poll)(struct pollfd *, nfds_t, int);
} libc;

/* One thread measures: the one that the start query reached. */
static atomic_bool taken;

struct run {
	int fd; /* -1: this thread does not measure */
	bool warm;
	size_t next; /* offset in pool */
	uint32_t client;
	uint64_t got;
	uint64_t sent;
	uint64_t bytes;
	uint64_t truncated;
	uint64_t empty; /* answers without any record in answer and authority */
	uint64_t rcodes[RCODES];
	uint64_t check_at;
	double since;
	struct epoll_event events[EVENTS_MAX];
	int nevents;
};

static _Thread_local struct run run = {.fd = -1};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void load_pool(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END) != 0)
		return;
	long size = ftell(f);
	rewind(f);
	pool = size > 2 ? malloc((size_t)size) : NULL;
	if (pool && fread(pool, 1, (size_t)size, f) == (size_t)size)
		pool_size = (size_t)size;
	fclose(f);
}

static void *next_of(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		abort();
	return p;
}

static void begin(void)
{
	const char *queries = getenv("MEMIO_QUERIES");
	const char *duration = getenv("MEMIO_SECONDS");
	const char *path = getenv("MEMIO_RESULT");

	/* POSIX, not ISO C, lets a function be found as an object's address. */
	*(void **)&libc.recvmmsg = next_of("recvmmsg");
	*(void **)&libc.sendmmsg = next_of("sendmmsg");
	*(void **)&libc.recvmsg = next_of("recvmsg");
	*(void **)&libc.sendmsg = next_of("sendmsg");
	*(void **)&libc.recvfrom = next_of("recvfrom");
	*(void **)&libc.sendto = next_of("sendto");
	*(void **)&libc.epoll_wait = next_of("epoll_wait");
	*(void **)&libc.poll = next_of("poll");
	if (queries)
		load_pool(queries);
	if (duration)
		seconds = strtod(duration, NULL);
	result = path ? fopen(path, "we") : stderr;
}

/* The real functions; a thread that measures does not come here. */
static const struct libc *real(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, begin);
	return &libc;
}

static void report(double elapsed)
{
	double sent = run.sent ? (double)run.sent : 1;

	if (result) {
		fprintf(result,
		        "ns=%.1f answered=%.2f bytes=%.1f noerror=%.2f nxdomain=%.2f "
		        "refused=%.2f servfail=%.2f truncated=%.2f empty=%.2f\n",
		        1e9 * elapsed / sent, 100 * (double)run.sent / (double)run.got,
		        (double)run.bytes / sent, 100 * (double)run.rcodes[0] / sent,
		        100 * (double)run.rcodes[3] / sent,
		        100 * (double)run.rcodes[5] / sent,
		        100 * (double)run.rcodes[2] / sent,
		        100 * (double)run.truncated / sent,
		        100 * (double)run.empty / sent);
		fclose(result);
	}
	_exit(EXIT_SUCCESS);
}

static void start_counting(void)
{
	run.got = run.sent = run.bytes = run.truncated = run.empty = 0;
	memset(run.rcodes, 0, sizeof run.rcodes);
	run.check_at = CHECK_EVERY;
	run.since = now();
}

/* Called between bursts. */
static void look_at_clock(void)
{
	if (run.got < run.check_at)
		return;
	run.check_at = run.got + CHECK_EVERY;
	double elapsed = now() - run.since;
	if (!run.warm && elapsed > seconds / 10) {
		run.warm = true;
		start_counting();
	} else if (run.warm && elapsed > seconds) {
		report(elapsed);
	}
}

static bool is_start(const void *message, size_t len)
{
	return len >= HEADER + sizeof start_label &&
	       memcmp((const uint8_t *)message + HEADER, start_label,
	              sizeof start_label - 1) == 0;
}

static void look_for_start(int fd, const void *message, size_t len)
{
	if (run.fd >= 0 || !pool_size || !is_start(message, len))
		return;
	if (atomic_exchange_explicit(&taken, true, memory_order_relaxed))
		return;
	run.fd = fd;
	start_counting();
}

static void fill_address(struct msghdr *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	if (!h->msg_name)
		return;
	run.client++;
	a.sin_addr.s_addr = htonl(UINT32_C(0x7f000002) + (run.client & 0xffff));
	a.sin_port = htons((uint16_t)(1024 + (run.client & 0x3fff)));
	memcpy(h->msg_name, &a, sizeof a);
	h->msg_namelen = sizeof a;
}

static size_t fill(struct msghdr *h)
{
	const uint8_t *record = pool + run.next;
	size_t len = (size_t)(record[0] << 8 | record[1]);

	run.next += 2 + len;
	if (run.next + 2 + HEADER > pool_size)
		run.next = 0;
	if (len > h->msg_iov[0].iov_len)
		len = h->msg_iov[0].iov_len;
	memcpy(h->msg_iov[0].iov_base, record + 2, len);
	fill_address(h);
	h->msg_controllen = 0;
	h->msg_flags = 0;
	run.got++;
	return len;
}

static size_t note_sent(const struct iovec *iov, size_t count)
{
	const uint8_t *header = iov[0].iov_base;
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += iov[i].iov_len;
	run.sent++;
	run.bytes += len;
	if (iov[0].iov_len < HEADER)
		return len;
	run.truncated += header[2] >> 1 & 1;
	run.empty += !(header[6] | header[7] | header[8] | header[9]);
	run.rcodes[header[3] & 15]++;
	return len;
}

/* ---- what the server calls ---- */

int recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *timeout)
{
	if (fd != run.fd) {
		int r = real()->recvmmsg(fd, v, n, flags, timeout);
		for (int i = 0; i < r; i++)
			look_for_start(fd, v[i].msg_hdr.msg_iov[0].iov_base,
			               v[i].msg_len);
		return r;
	}
	look_at_clock();
	for (unsigned i = 0; i < n; i++)
		v[i].msg_len = (unsigned)fill(&v[i].msg_hdr);
	return (int)n;
}

int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	if (fd != run.fd)
		return real()->sendmmsg(fd, v, n, flags);
	for (unsigned i = 0; i < n; i++)
		v[i].msg_len = (unsigned)note_sent(v[i].msg_hdr.msg_iov,
		                                   v[i].msg_hdr.msg_iovlen);
	return (int)n;
}

ssize_t recvmsg(int fd, struct msghdr *h, int flags)
{
	if (fd != run.fd) {
		ssize_t r = real()->recvmsg(fd, h, flags);
		if (r > 0)
			look_for_start(fd, h->msg_iov[0].iov_base, (size_t)r);
		return r;
	}
	look_at_clock();
	return (ssize_t)fill(h);
}

ssize_t sendmsg(int fd, const struct msghdr *h, int flags)
{
	if (fd != run.fd)
		return real()->sendmsg(fd, h, flags);
	return (ssize_t)note_sent(h->msg_iov, h->msg_iovlen);
}

ssize_t recvfrom(int fd, void *restrict bytes, size_t n, int flags,
                 struct sockaddr *restrict from, socklen_t *restrict from_len)
{
	if (fd != run.fd) {
		ssize_t r = real()->recvfrom(fd, bytes, n, flags, from, from_len);
		if (r > 0)
			look_for_start(fd, bytes, (size_t)r);
		return r;
	}
	struct iovec iov = {.iov_base = bytes, .iov_len = n};
	struct msghdr h = {.msg_name = from, .msg_iov = &iov, .msg_iovlen = 1};
	look_at_clock();
	size_t len = fill(&h);
	if (from_len)
		*from_len = h.msg_namelen;
	return (ssize_t)len;
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
	if (fd != run.fd)
		return real()->sendto(fd, bytes, n, flags, to, to_len);
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
	return (ssize_t)note_sent(&iov, 1);
}

/* The events that the start query brought are those that say the socket can be read. */
int epoll_wait(int ep, struct epoll_event *events, int max, int timeout)
{
	if (run.fd >= 0 && run.nevents > 0) {
		memcpy(events, run.events, sizeof *events * (size_t)run.nevents);
		return run.nevents;
	}
	int r = real()->epoll_wait(ep, events, max, timeout);
	if (r > 0 && r <= EVENTS_MAX) {
		memcpy(run.events, events, sizeof *events * (size_t)r);
		run.nevents = r;
	}
	return r;
}

int epoll_pwait(int ep, struct epoll_event *events, int max, int timeout,
                const sigset_t *mask)
{
	(void)mask;
	return epoll_wait(ep, events, max, timeout);
}

int poll(struct pollfd *p, nfds_t n, int timeout)
{
	nfds_t found = n;

	for (nfds_t i = 0; run.fd >= 0 && i < n; i++) {
		p[i].revents = 0;
		if (p[i].fd == run.fd)
			found = i;
	}
	if (found == n)
		return real()->poll(p, n, timeout);
	p[found].revents = POLLIN;
	return 1;
}

int ppoll(struct pollfd *p, nfds_t n, const struct timespec *timeout,
          const sigset_t *mask)
{
	(void)mask;
	return poll(p, n,
	            timeout ? (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000)
	                    : -1);
}
