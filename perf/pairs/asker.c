#include "perf/pairs/asker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/pairs/record.h"
#include "perf/queries.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/wire.h"

enum {
	BURST = 32,
	REPLY_MAX = 512,
	IDS = 65536,
	BUFFER = 8 << 20,       /* octets of replies that may wait on a socket */
	LATE_NS = 2000000,      /* what is later due than that is skipped */
	SETTLE_NS = 1000000000, /* without a reply, and no more will come */
	PAUSE_NS = 1000000,     /* the longest without a look at the clock */
};

struct query {
	uint8_t bytes[PAIRS_QUERY_MAX];
	uint8_t len;
};

/* A query that is not answered. */
struct flight {
	uint64_t sent; /* ns; 0: the ID is free */
	uint32_t query;
	uint32_t told;  /* newest version of its writer that the socket had seen */
	uint32_t shown; /* and that was reported visible */
};

struct asking_socket {
	int fd;
	uint16_t next_id;
	unsigned open;
	uint32_t told[PAIRS_WRITERS_MAX];
	struct flight flights[IDS];
};

struct pairs_asker {
	struct pairs_asking asking;
	struct pairs_counts counts;
	struct query *queries; /* by kind, writer and slot */
	uint64_t random;
	double due; /* ns; when the next query is */
	unsigned turn;
	struct pollfd polled[64];
	struct asking_socket *sockets;
	uint8_t out[BURST][PAIRS_QUERY_MAX];
	uint8_t in[BURST][REPLY_MAX];
};

static unsigned query_count(const struct pairs_asker *a)
{
	return PAIRS_KINDS * a->asking.writer_count * PAIRS_SLOTS;
}

static struct pairs_record record_of(const struct pairs_asker *a, unsigned query)
{
	return (struct pairs_record){
		.kind = query / PAIRS_SLOTS / a->asking.writer_count,
		.writer = query / PAIRS_SLOTS % a->asking.writer_count,
		.slot = query % PAIRS_SLOTS,
	};
}

static void *take_zeroed(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		abort();
	return p;
}

/* A larger buffer than everybody may have, where it is allowed, and else as large as may be. */
static void enlarge(int fd, int forced, int option)
{
	int size = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof size);
}

static bool open_socket(struct pairs_asker *a, struct asking_socket *s)
{
	const struct sockaddr_storage *to = &a->asking.server;

	s->fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return false;
	enlarge(s->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	for (unsigned i = 0; i < PAIRS_WRITERS_MAX; i++)
		s->told[i] = PAIRS_SLOTS - 1;
	return connect(s->fd, (const struct sockaddr *)to,
	               address_size(to->ss_family == AF_INET)) == 0;
}

struct pairs_asker *pairs_asker_open(const struct pairs_asking *asking)
{
	struct pairs_asker *a = take_zeroed(1, sizeof *a);

	a->asking = *asking;
	a->random = 1;
	a->sockets = take_zeroed(asking->sockets, sizeof *a->sockets);
	a->queries = take_zeroed(query_count(a), sizeof *a->queries);
	for (unsigned i = 0; i < query_count(a); i++) {
		struct pairs_record record = record_of(a, i);
		a->queries[i].len =
			(uint8_t)pairs_write_query(a->queries[i].bytes, &record);
	}
	bool good = true;
	for (unsigned i = 0; i < asking->sockets && good; i++) {
		good = open_socket(a, &a->sockets[i]);
		a->polled[i] = (struct pollfd){.fd = a->sockets[i].fd, .events = POLLIN};
	}
	a->due = (double)clock_now_ns();
	if (!good)
		pairs_asker_close(&a);
	return a;
}

void pairs_asker_close(struct pairs_asker **a)
{
	for (unsigned i = 0; i < (*a)->asking.sockets; i++)
		if ((*a)->sockets[i].fd > 0)
			(void)close((*a)->sockets[i].fd);
	free((*a)->queries);
	free((*a)->sockets);
	free(*a);
	*a = NULL;
}

/* ---- asking ---- */

static uint32_t shown_by(const struct pairs_asker *a, unsigned writer)
{
	/* The pair is writer.c:make_change(). */
	return a->asking.writers ? atomic_load_explicit(&a->asking.writers[writer].shown,
	                                                memory_order_acquire)
	                         : PAIRS_SLOTS - 1;
}

/* Makes a random query in a buffer, and remembers it. Gives its length. */
static size_t prepare(struct pairs_asker *a, struct asking_socket *s, uint64_t now,
                      uint8_t *out)
{
	unsigned number = (unsigned)(random_next(&a->random) % query_count(a));
	unsigned writer = record_of(a, number).writer;
	const struct query *q = &a->queries[number];
	uint16_t id = s->next_id++;
	struct flight *f = &s->flights[id];

	if (f->sent)
		a->counts.lost++;
	else
		s->open++;
	*f = (struct flight){.sent = now,
	                     .query = number,
	                     .told = s->told[writer],
	                     .shown = shown_by(a, writer)};
	memcpy(out, q->bytes, q->len);
	wire_store16(out, id);
	return q->len;
}

/* The last so many have not been taken by the kernel. */
static void take_back(struct asking_socket *s, unsigned count)
{
	for (; count > 0; count--) {
		s->flights[--s->next_id].sent = 0;
		s->open--;
	}
}

/* Gives how many queries were sent. */
static unsigned ask(struct pairs_asker *a, struct asking_socket *s, unsigned count,
                    uint64_t now)
{
	struct mmsghdr messages[BURST] = {0};
	struct iovec pieces[BURST];

	for (unsigned i = 0; i < count; i++) {
		pieces[i].iov_base = a->out[i];
		pieces[i].iov_len = prepare(a, s, now, a->out[i]);
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int sent = count ? sendmmsg(s->fd, messages, count, 0) : 0;
	unsigned done = sent < 0 ? 0 : (unsigned)sent;
	take_back(s, count - done);
	a->counts.asked += done;
	return done;
}

static void ask_at_rate(struct pairs_asker *a, uint64_t now)
{
	double interval = 1e9 / a->asking.rate;
	double late = (double)now - a->due;

	if (late < 0)
		return;
	if (late > LATE_NS) {
		double skipped = (double)(uint64_t)((late - LATE_NS) / interval);
		a->counts.skipped += (uint64_t)skipped;
		a->due += skipped * interval;
		late -= skipped * interval;
	}
	double count = late / interval + 1;
	struct asking_socket *s = &a->sockets[a->turn++ % a->asking.sockets];
	a->due += interval * ask(a, s, count > BURST ? BURST : (unsigned)count, now);
}

static void fill_window(struct pairs_asker *a, struct asking_socket *s, uint64_t now)
{
	unsigned room = a->asking.window - s->open;

	if (a->asking.window > s->open)
		(void)ask(a, s, room > BURST ? BURST : room, now);
}

/* ---- replies ---- */

static void judge_version(struct pairs_asker *a, struct asking_socket *s,
                          const struct flight *f, uint32_t version)
{
	struct pairs_record record = record_of(a, f->query);

	a->counts.back += version < pairs_version(f->told, record.slot);
	a->counts.hidden += version < pairs_version(f->shown, record.slot);
	/* The pair is writer.c:make_change(). */
	if (a->asking.writers)
		a->counts.early +=
			version >
			atomic_load_explicit(&a->asking.writers[record.writer].begun,
		                             memory_order_acquire);
	if (version > s->told[record.writer])
		s->told[record.writer] = version;
}

static void judge(struct pairs_asker *a, struct asking_socket *s, const uint8_t *reply,
                  size_t len, uint64_t now)
{
	struct flight *f = len >= 2 ? &s->flights[wire_load16(reply)] : NULL;
	uint32_t version = 0;

	if (!f || !f->sent) {
		a->counts.wrong++;
		return;
	}
	const struct query *q = &a->queries[f->query];
	enum pairs_verdict verdict =
		pairs_read_reply(reply, len, q->bytes, q->len, &version);
	a->counts.answered++;
	a->counts.wrong += verdict == PAIRS_WRONG;
	a->counts.mixed += verdict == PAIRS_MIXED;
	if (verdict == PAIRS_WHOLE)
		judge_version(a, s, f, version);
	if (now - f->sent > a->counts.slowest)
		a->counts.slowest = now - f->sent;
	f->sent = 0;
	s->open--;
}

static unsigned take(struct pairs_asker *a, struct asking_socket *s)
{
	struct mmsghdr messages[BURST] = {0};
	struct iovec pieces[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		pieces[i] = (struct iovec){.iov_base = a->in[i], .iov_len = REPLY_MAX};
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int got = recvmmsg(s->fd, messages, BURST, MSG_DONTWAIT, NULL);
	uint64_t now = clock_now_ns();
	for (int i = 0; i < got; i++)
		judge(a, s, a->in[i], messages[i].msg_len, now);
	return got < 0 ? 0 : (unsigned)got;
}

/* Waits so long for replies at most, and takes those that are there. Gives how many. */
static unsigned take_all(struct pairs_asker *a, uint64_t ns)
{
	struct timespec pause = {.tv_nsec = (long)(ns < PAUSE_NS ? ns : PAUSE_NS)};
	unsigned taken = 0;

	if (ppoll(a->polled, a->asking.sockets, &pause, NULL) <= 0)
		return 0;
	for (unsigned i = 0; i < a->asking.sockets; i++)
		if (a->polled[i].revents)
			taken += take(a, &a->sockets[i]);
	return taken;
}

void pairs_asker_turn(struct pairs_asker *a)
{
	uint64_t now = clock_now_ns();

	if (a->asking.rate > 0)
		ask_at_rate(a, now);
	else
		for (unsigned i = 0; i < a->asking.sockets; i++)
			fill_window(a, &a->sockets[i], now);
	if (a->asking.rate > 0 && a->due <= (double)now)
		(void)take_all(a, 0);
	else
		(void)take_all(a, a->asking.rate > 0 ? (uint64_t)(a->due - (double)now)
		                                     : PAUSE_NS);
}

static uint64_t unanswered(const struct pairs_asker *a)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < a->asking.sockets; i++)
		count += a->sockets[i].open;
	return count;
}

void pairs_asker_settle(struct pairs_asker *a)
{
	uint64_t last = clock_now_ns();

	while (unanswered(a) > 0 && clock_now_ns() - last < SETTLE_NS)
		if (take_all(a, PAUSE_NS) > 0)
			last = clock_now_ns();
	a->counts.lost += unanswered(a);
}

const struct pairs_counts *pairs_asker_counts(const struct pairs_asker *a)
{
	return &a->counts;
}
