/*
 * One thread, many connections. What they share is large, what each of them has is small: bytes
 * are received into one buffer and messages lent from there. A stream holds memory only for a begun
 * message and for what the kernel did not take; an idle one holds a few hundred bytes.
 *
 * A stream lives through these states:
 *
 *      CONNECTING --> HANDSHAKE --> OPEN --(the other side shut down, or sent nonsense)--> LAST
 *                                 LAST --(all sent)--> LEAVING --> CLOSED
 *
 * and in each of them it waits for exactly one thing with a time limit (waits.h). The sockets are
 * polled and used directly, not as uv streams, whose writes do not show progress.
 *
 * Whatever the owner calls from outside only notes what has changed and asks libuv to call back at
 * once, by polling for room in a socket that has some: on_stream() alone draws conclusions.
 */
#include "control/net/stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "control/must.h"
#include "control/net/byte_queue.h"
#include "control/net/framing.h"
#include "control/net/waits.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	HANDSHAKES_AT_ONCE =
		32, /* that go on in one millisecond: they cost more than answers */
	READ_SIZE = 16384, /* received at a time: nobody holds up the others for long */
	FRAME_MAX = STREAM_PREFIX + STREAM_MESSAGE_MAX,
	LEAVE_TIMEOUT = 1000, /* ms */
	UNSENT_MAX = 131072,  /* bytes that the kernel queues beyond the window */
};

/* Longer than any process lives, and no overflow when added to the time. */
#define FOREVER (UINT64_MAX / 4)

/* Why LEAVING: closing with unread input would reset the connection, and with it go messages
 * that the other side has not read (RFC 1122 §4.2.2.13). */
enum stream_state {
	STREAM_CONNECTING,
	STREAM_HANDSHAKE,
	STREAM_OPEN,
	STREAM_LAST,    /* nothing more is read; what is queued still goes out */
	STREAM_LEAVING, /* all is sent; input is thrown away until the other side closes */
	STREAM_CLOSED,  /* only libuv still holds it */
};

struct stream {
	struct wait wait; /* first */
	uv_poll_t poll;
	struct streams *all;
	struct stream_owner owner;
	struct tls_link *link; /* NULL: no TLS */
	struct framing in;
	struct byte_queue out;
	int fd;
	int events; /* polled for */
	enum stream_state state;
	int err;         /* why it ends; 0: not known yet, or finished by the owner */
	const char *why; /* of err */
	enum tls_failure failure; /* of a handshake that comes to nothing */
	int unacked;              /* bytes that the kernel held when the wait began */
	bool unwanted;            /* the owner does not want to be given messages */
	bool expected;            /* the owner has more to send */
	bool stalled;             /* has too much queued to be read from */
	bool near_end;            /* the other side has been told that this was all */
	bool far_end;             /* the other side has shut down its side */
	bool lost;                /* nothing can be sent any more */
	bool again;               /* what is kept is to be looked at once more */
	bool shaking;             /* has begun to agree on TLS */
	bool agreed;              /* on it */
	bool took;                /* a message since the last look at the wait */
	bool sent;                /* a byte since then */
};
STATIC_ASSERT(offsetof(struct stream, wait) == 0, "stream_of_wait()");

struct streams {
	uv_loop_t *loop;
	struct stream_limits limits;
	struct tls_figures *tls; /* NULL: nobody counts */
	struct waits waits;
	uv_timer_t wait_timer;   /* the next end of a wait, or before it */
	uint64_t wait_timer_end; /* UINT64_MAX: not started */
	unsigned handles; /* of libuv, not yet closed: the memory must outlive them */
	uint64_t
		handshake_ms; /* when the last handshake went on, and how many did then */
	unsigned handshakes;
	uint8_t read_buffer[READ_SIZE];
	uint8_t clear[READ_SIZE]; /* what was in it, of TLS */
	uint8_t frame[FRAME_MAX]; /* one for TLS, in one piece */
};

static void on_wait_timer(uv_timer_t *timer);
static void stream_flush(struct stream *s);
static void on_stream(uv_poll_t *poll, int status, int events);

/* ---- counting TLS ---- */

static void count_agreed(struct stream *s)
{
	struct tls_figures *to = s->all->tls;

	s->agreed = true;
	if (!to)
		return;
	(void)atomic_fetch_add_explicit(tls_link_peer(s->link)->resumed ? &to->resumed
	                                                                : &to->full,
	                                1, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&to->connections, 1, memory_order_relaxed);
}

static void count_end(const struct stream *s)
{
	struct tls_figures *to = s->all->tls;

	if (!to || !s->shaking)
		return;
	if (s->agreed)
		(void)atomic_fetch_sub_explicit(&to->connections, 1,
		                                memory_order_relaxed);
	else
		(void)atomic_fetch_add_explicit(&to->failed[s->failure], 1,
		                                memory_order_relaxed);
}

/* ---- closing ---- */

static void streams_release(struct streams *all)
{
	assert(all->handles > 0);
	if (--all->handles == 0)
		free(all);
}

static void on_stream_closed(uv_handle_t *handle)
{
	struct stream *s = handle->data;
	struct streams *all = s->all;

	/* Not before: what is told of the end may be a text of its own. */
	tls_link_free(&s->link);
	free(s);
	streams_release(all);
}

/* Frees the kernel's memory at once. */
static void reset_on_close(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void stream_refuse(int fd)
{
	reset_on_close(fd);
	close(fd);
}

/* What is sent but not acknowledged is the kernel's to deliver after the close. To somebody with a
 * window of zero it would try for minutes. */
static void limit_delivery(int fd, unsigned timeout_ms)
{
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
	                 sizeof timeout_ms);
}

/* Whether what can be said with TLS in so many words is worth saying (RFC 7858 §3.4). */
static bool can_say_end(const struct stream *s)
{
	return s->link && !s->near_end && !s->lost && !byte_queue_len(&s->out) &&
	       (s->state == STREAM_OPEN || s->state == STREAM_LAST);
}

static void stream_close(struct stream *s)
{
	struct streams *all = s->all;

	count_end(s);
	if (can_say_end(s)) {
		tls_link_finish(s->link);
		stream_flush(s);
	}
	s->state = STREAM_CLOSED;
	waits_stop(&all->waits, &s->wait);
	framing_fini(&s->in);
	if (byte_queue_len(&s->out))
		reset_on_close(s->fd);
	else
		limit_delivery(s->fd, all->limits.write_ms);
	byte_queue_fini(&s->out);
	uv_close((uv_handle_t *)&s->poll, on_stream_closed);
	close(s->fd);
}

/* Notes the first reason why it ends. */
static void stream_blame(struct stream *s, int err, const char *why)
{
	if (!s->why) {
		s->err = err;
		s->why = why;
	}
}

static void stream_end(struct stream *s, int err, const char *why)
{
	if (s->state == STREAM_CLOSED)
		return;
	stream_blame(s, err, why);
	stream_close(s);
	s->owner.ended(s->owner.arg, s, s->err, s->why);
}

/* Nothing can be sent any more: what follows from it is not for here. */
static void stream_lose(struct stream *s, int err, const char *why)
{
	stream_blame(s, err, why);
	s->lost = true;
}

void stream_drop(struct stream **stream)
{
	struct stream *s = *stream;

	*stream = NULL;
	if (s && s->state != STREAM_CLOSED)
		stream_close(s);
}

static struct stream *stream_of_wait(struct wait *w)
{
	return (struct stream *)(void *)w;
}

struct stream *streams_idlest(const struct streams *all)
{
	struct wait *w = all->waits.of[WAIT_LEAVE].first;

	if (!w)
		w = all->waits.of[WAIT_QUERY].first;
	if (!w)
		w = all->waits.of[WAIT_HANDSHAKE].first;
	return w ? stream_of_wait(w) : NULL;
}

/* ---- time limits ---- */

static void set_wait_timer(struct streams *all, uint64_t end)
{
	uint64_t now = uv_now(all->loop);

	all->wait_timer_end = end;
	(void)uv_timer_start(&all->wait_timer, on_wait_timer, end > now ? end - now : 0,
	                     0);
}

/* Bytes that the kernel holds because the other side has not acknowledged them. */
static int unacked(const struct stream *s)
{
	int n = 0;

	return ioctl(s->fd, SIOCOUTQ, &n) < 0 ? 0 : n;
}

/* The timer is moved only to come earlier: one that comes too early finds out what is next. */
static void stream_wait(struct stream *s, enum wait_kind kind)
{
	struct streams *all = s->all;
	uint64_t now = uv_now(all->loop);

	if (kind == WAIT_TAKEN)
		s->unacked = unacked(s);
	waits_start(&all->waits, &s->wait, kind, now);
	if (now + all->waits.of[kind].timeout < all->wait_timer_end)
		set_wait_timer(all, now + all->waits.of[kind].timeout);
}

static const char *what_was_late(enum wait_kind kind)
{
	switch (kind) {
	case WAIT_HANDSHAKE: return "TLS was not agreed on in time";
	case WAIT_CONNECT: return "no connection in time";
	case WAIT_MESSAGE: return "a message was not completed in time";
	case WAIT_TAKEN: return "nothing was taken in time";
	case WAIT_QUERY: return "idle for too long";
	case WAIT_LEAVE: return "finished";
	case WAIT_ANSWER:
	case WAIT_NONE:
	case WAIT_KINDS: break;
	}
	return "too late";
}

/* The socket becomes writable only when much has been taken; who is slow has taken little. */
static void wait_is_over(struct stream *s)
{
	enum wait_kind kind = s->wait.kind;

	if (kind == WAIT_HANDSHAKE)
		s->failure = TLS_FAILURE_TIMEOUT;
	if (kind == WAIT_TAKEN && unacked(s) < s->unacked)
		stream_wait(s, WAIT_TAKEN);
	else
		stream_end(s, kind == WAIT_LEAVE ? 0 : ERR_TIMEOUT, what_was_late(kind));
}

static void on_wait_timer(uv_timer_t *timer)
{
	struct streams *all = timer->data;
	uint64_t end;
	struct wait *w;

	while ((w = waits_over(&all->waits, uv_now(all->loop))) != NULL)
		wait_is_over(stream_of_wait(w));
	all->wait_timer_end = UINT64_MAX;
	end = waits_next_end(&all->waits);
	if (end != UINT64_MAX)
		set_wait_timer(all, end);
}

/* A wait goes on when what it waits for has not come: a byte of a begun message, or a query while
 * answers are not taken, buys no time. */
static void stream_update_wait(struct stream *s)
{
	enum wait_kind kind = WAIT_QUERY;
	bool came = s->took;

	if (s->state == STREAM_CONNECTING) {
		kind = WAIT_CONNECT;
		came = false;
	} else if (s->state == STREAM_HANDSHAKE) {
		kind = WAIT_HANDSHAKE;
		came = false;
	} else if (byte_queue_len(&s->out)) {
		kind = WAIT_TAKEN;
		came = s->sent;
	} else if (s->state == STREAM_LEAVING) {
		kind = WAIT_LEAVE;
		came = false;
	} else if (s->unwanted) {
		kind = WAIT_ANSWER;
	} else if (framing_begun(&s->in)) {
		kind = WAIT_MESSAGE;
	} else if (s->expected) {
		kind = WAIT_ANSWER;
	}
	if (kind != s->wait.kind || came)
		stream_wait(s, kind);
	s->took = false;
	s->sent = false;
}

/* ---- being called back ---- */

/* Says whether there is something to conclude from, whatever the socket does. */
static bool is_due(const struct stream *s)
{
	return s->lost || s->again ||
	       (s->state == STREAM_LAST && !byte_queue_len(&s->out) && !s->expected);
}

static bool wants_input(const struct stream *s)
{
	return s->state == STREAM_LEAVING || s->state == STREAM_HANDSHAKE ||
	       (s->state == STREAM_OPEN && !s->stalled && !s->unwanted);
}

/* Brings what is polled for and the wait into line with the state. */
static void stream_watch(struct stream *s)
{
	int events = 0;

	if (s->state == STREAM_CLOSED)
		return;
	if (s->state == STREAM_CONNECTING || byte_queue_len(&s->out) || is_due(s))
		events |= UV_WRITABLE;
	if (wants_input(s))
		events |= UV_READABLE;
	if (events != s->events && uv_poll_start(&s->poll, events, on_stream) < 0)
		/* The end of what it waits for ends it. */
		stream_lose(s, ERR_NOMEM, "polling failed");
	else
		s->events = events;
	stream_update_wait(s);
}

/* ---- sending ---- */

/* Gives how many bytes the kernel took, 0 when none now, or -1: the connection is lost. */
static ssize_t transmit(const struct stream *s, const struct iovec *iov, size_t n)
{
	/* sendmsg() only reads from there; msghdr has no const. */
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
	ssize_t sent = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent;
}

/* Sends from the queue. */
static void stream_flush(struct stream *s)
{
	struct iovec iov = {.iov_base = s->out.bytes + s->out.at,
	                    .iov_len = byte_queue_len(&s->out)};
	ssize_t sent = transmit(s, &iov, 1);

	if (sent < 0) {
		stream_lose(s, ERR_GONE, "connection lost");
		return;
	}
	if (sent > 0) {
		byte_queue_consume(&s->out, (size_t)sent);
		s->sent = true;
	}
	if (byte_queue_len(&s->out) <= s->all->limits.pending_max / 2)
		s->stalled = false;
}

/* Queues what is left after the first skip bytes. */
static void queue(struct stream *s, const struct iovec *iov, size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
		const uint8_t *bytes = iov[i].iov_base;

		skip -= from;
		if (byte_queue_append(&s->out, bytes + from, iov[i].iov_len - from) < 0) {
			stream_lose(s, ERR_NOMEM, "out of memory");
			return;
		}
	}
	s->stalled = byte_queue_len(&s->out) >= s->all->limits.pending_max;
}

static bool can_be_sent_to(const struct stream *s)
{
	return (s->state == STREAM_OPEN || s->state == STREAM_LAST) && !s->lost;
}

/* Of the link: all that it says goes into the queue, and from there when it is done with speaking. */
static int put_cipher(void *arg, const void *octets, size_t n)
{
	struct stream *s = arg;

	return byte_queue_append(&s->out, octets, n);
}

/* Sends what the link has said, unless earlier things wait to be taken: was_empty. */
static void link_said(struct stream *s, bool was_empty)
{
	if (was_empty && byte_queue_len(&s->out))
		stream_flush(s);
	s->stalled = byte_queue_len(&s->out) >= s->all->limits.pending_max;
}

static void send_ciphered(struct stream *s, const struct iovec *frames, size_t n)
{
	bool was_empty = !byte_queue_len(&s->out);

	for (size_t i = 0; i < n; i++) {
		if (tls_link_write(s->link, frames[i].iov_base, frames[i].iov_len) < 0) {
			stream_lose(s, ERR_GONE, "TLS failed");
			return;
		}
	}
	link_said(s, was_empty);
}

void stream_send_frames(struct stream *s, const struct iovec *frames, size_t n)
{
	ssize_t sent = 0;

	if (!n || !can_be_sent_to(s))
		return;
	if (s->link) {
		send_ciphered(s, frames, n);
		stream_watch(s);
		return;
	}
	if (!byte_queue_len(&s->out))
		sent = transmit(s, frames, n);
	if (sent < 0)
		stream_lose(s, ERR_GONE, "connection lost");
	else
		queue(s, frames, n, (size_t)sent);
	stream_watch(s);
}

bool stream_has_room(const struct stream *s)
{
	return s->state != STREAM_CONNECTING && s->state != STREAM_HANDSHAKE &&
	       !s->stalled;
}

int stream_send(struct stream *s, const uint8_t *message, uint16_t len)
{
	if (!stream_has_room(s))
		return ERR_FULL;
	if (!can_be_sent_to(s))
		return ERR_GONE;
	stream_send_anyway(s, message, len);
	return s->lost ? ERR_GONE : 0;
}

void stream_send_anyway(struct stream *s, const uint8_t *message, uint16_t len)
{
	uint8_t prefix[STREAM_PREFIX];
	/* iovec has no const; nothing is written there. */
	const struct iovec parts[] = {{prefix, sizeof prefix},
	                              {(void *)(uintptr_t)message, len}};

	wire_store16(prefix, len);
	if (!s->link) {
		stream_send_frames(s, parts, 2);
		return;
	}
	/* A record each for the length and the rest would tell more than it has to. */
	memcpy(s->all->frame, prefix, sizeof prefix);
	memcpy(s->all->frame + sizeof prefix, message, len);
	const struct iovec whole = {s->all->frame, sizeof prefix + len};
	stream_send_frames(s, &whole, 1);
}

size_t stream_pending(const struct stream *s)
{
	return byte_queue_len(&s->out);
}

/* ---- messages ---- */

/* As many messages as what answers them, however large, fits into the queue; at least one. */
static unsigned burst_max(const struct stream *s)
{
	size_t limit = s->all->limits.pending_max;
	size_t pending = byte_queue_len(&s->out);
	size_t n = pending < limit ? (limit - pending) / FRAME_MAX : 0;

	if (n > STREAM_BURST)
		return STREAM_BURST;
	return n ? (unsigned)n : 1;
}

static bool gives_messages(const struct stream *s)
{
	return s->state == STREAM_OPEN && !s->stalled && !s->unwanted && !s->lost;
}

/* Gives the owner the next messages. Says whether there were any. */
static bool give_burst(struct stream *s, struct wire_reader *in)
{
	enum framing_verdict verdict = FRAMING_MESSAGE;
	unsigned max = burst_max(s);
	struct framing_message m;
	unsigned n = 0;

	while (n < max && gives_messages(s) &&
	       (verdict = framing_next(&s->in, in, &m)) == FRAMING_MESSAGE) {
		n++;
		s->owner.took(s->owner.arg, s, m.bytes, m.len);
	}
	if (s->state == STREAM_CLOSED)
		return false;
	if (n && s->owner.gathered)
		s->owner.gathered(s->owner.arg, s);
	if (s->state == STREAM_CLOSED)
		return false;
	if (verdict == FRAMING_BAD) {
		stream_blame(s, ERR_CORRUPT, "a length that no message has");
		s->state = STREAM_LAST;
	} else if (verdict == FRAMING_NO_MEMORY) {
		stream_lose(s, ERR_NOMEM, "out of memory");
	}
	s->took |= n > 0;
	return n > 0;
}

/* Gives away what is whole, unless answers are not taken or no more is wanted: then all is kept for
 * later, and what is kept at most is one message and one READ_SIZE. */
static void stream_feed(struct stream *s, const uint8_t *bytes, size_t n)
{
	struct wire_reader in = wire_reader_on(bytes, n);

	s->again = false;
	while (gives_messages(s)) {
		if (!give_burst(s, &in))
			break;
	}
	if (s->state == STREAM_OPEN && framing_keep(&s->in, &in) < 0)
		stream_lose(s, ERR_NOMEM, "out of memory");
}

/* ---- TLS ---- */

static void handshake_failed(struct stream *s)
{
	stream_blame(s, ERR_REFUSED, tls_link_trouble(s->link));
	s->failure = tls_link_failure(s->link);
	s->near_end = true;
	s->expected = false; /* whatever it is, it cannot be sent */
	s->state = STREAM_LAST;
}

static void shake_hands(struct stream *s)
{
	bool was_empty = !byte_queue_len(&s->out);
	int err = tls_link_handshake(s->link);

	s->shaking = true;
	if (err == 0) {
		s->state = STREAM_OPEN;
		count_agreed(s);
	} else if (err != ERR_BUSY) {
		handshake_failed(s);
	}
	link_said(s, was_empty);
	if (err == 0 && s->owner.up)
		s->owner.up(s->owner.arg, s);
}

/* Reads all that was fed, whether it is wanted or not: the link keeps nothing, the framing does. */
static void read_clear(struct stream *s)
{
	struct streams *all = s->all;
	bool was_empty = !byte_queue_len(&s->out);
	ssize_t n;

	while (s->state == STREAM_OPEN && !s->lost) {
		n = tls_link_read(s->link, all->clear, sizeof all->clear);
		if (n > 0) {
			stream_feed(s, all->clear, (size_t)n);
			continue;
		}
		if (n < 0) {
			stream_blame(s, n == ERR_GONE ? ERR_GONE : ERR_CORRUPT,
			             n == ERR_GONE ? "closed by the other side"
			                           : "TLS was broken off");
			s->state = STREAM_LAST;
		}
		break;
	}
	if (s->state == STREAM_CLOSED)
		return;
	tls_link_feed(s->link, NULL, 0);
	/* Reading may have made it say something. */
	link_said(s, was_empty);
}

static void take_cipher(struct stream *s, const uint8_t *bytes, size_t n)
{
	tls_link_feed(s->link, bytes, n);
	if (s->state == STREAM_HANDSHAKE)
		shake_hands(s);
	if (s->state == STREAM_OPEN)
		read_clear(s);
}

/* Says whether this one may go on now; if not, the loop comes back to it. */
static bool may_shake_hands(struct streams *all)
{
	uint64_t now = uv_now(all->loop);

	if (now != all->handshake_ms) {
		all->handshake_ms = now;
		all->handshakes = 0;
	}
	return all->handshakes++ < HANDSHAKES_AT_ONCE;
}

/* ---- receiving ---- */

static void stream_receive(struct stream *s)
{
	struct streams *all = s->all;

	if (s->state == STREAM_HANDSHAKE && !may_shake_hands(all))
		return;
	ssize_t n = recv(s->fd, all->read_buffer, sizeof all->read_buffer, MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			stream_lose(s, ERR_GONE, "connection lost");
		return;
	}
	if (n == 0) {
		s->far_end = true;
		stream_blame(s, ERR_GONE, "closed by the other side");
		if (s->state == STREAM_OPEN || s->state == STREAM_HANDSHAKE)
			s->state = STREAM_LAST;
		return;
	}
	if (s->link)
		take_cipher(s, all->read_buffer, (size_t)n);
	else if (s->state == STREAM_OPEN)
		stream_feed(s, all->read_buffer, (size_t)n);
}

/* ---- events ---- */

/* Gives what the kernel has found wrong with the socket, an errno; 0: nothing. */
static int socket_error(const struct stream *s)
{
	int err = 0;
	socklen_t size = sizeof err;

	return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 ? errno : err;
}

static void stream_connected(struct stream *s)
{
	int err = socket_error(s);

	if (err) {
		stream_end(s, ERR_GONE, strerrordesc_np(err));
		return;
	}
	s->state = s->link ? STREAM_HANDSHAKE : STREAM_OPEN;
	if (s->link)
		shake_hands(s);
	else if (s->owner.up)
		s->owner.up(s->owner.arg, s);
}

static void stream_writable(struct stream *s)
{
	bool stalled = s->stalled;

	if (byte_queue_len(&s->out))
		stream_flush(s);
	if (stalled && !s->stalled) {
		s->again = true;
		if (s->owner.room)
			s->owner.room(s->owner.arg, s);
	}
	if (s->again && gives_messages(s))
		stream_feed(s, s->all->read_buffer, 0);
	s->again = false;
}

/* All has been sent, and now that is said. TLS has a word of its own for that, which may have to wait in the queue. */
static void say_end(struct stream *s)
{
	if (s->link && !s->near_end) {
		s->near_end = true;
		tls_link_finish(s->link);
		if (byte_queue_len(&s->out))
			stream_flush(s);
		if (byte_queue_len(&s->out) || s->lost)
			return;
	}
	framing_fini(&s->in);
	s->state = STREAM_LEAVING;
	if (s->far_end || shutdown(s->fd, SHUT_WR) < 0)
		s->far_end = true;
}

/* Draws the conclusions of what has happened. */
static void stream_settle(struct stream *s)
{
	if (s->state == STREAM_CLOSED)
		return;
	if (s->state == STREAM_LAST && !byte_queue_len(&s->out) && !s->expected &&
	    !s->lost)
		say_end(s);
	if (s->lost)
		stream_end(s, ERR_GONE, "connection lost");
	else if (s->state == STREAM_LEAVING && s->far_end)
		stream_end(s, 0, "finished");
	else
		stream_watch(s);
}

static void on_stream(uv_poll_t *poll, int status, int events)
{
	struct stream *s = poll->data;

	if (status < 0) {
		/* libuv says EBADF of all that poll(2) has errors of. */
		int err = socket_error(s);
		stream_end(s, ERR_GONE, err ? strerrordesc_np(err) : "connection lost");
		return;
	}
	if (s->state == STREAM_CONNECTING && !s->lost)
		stream_connected(s);
	else if ((events & UV_WRITABLE) && !s->lost)
		stream_writable(s);
	if ((events & UV_READABLE) && wants_input(s) && !s->lost)
		stream_receive(s);
	stream_settle(s);
}

/* ---- what the owner says ---- */

void stream_read(struct stream *s, bool wanted)
{
	if (s->unwanted == !wanted)
		return;
	s->unwanted = !wanted;
	s->again |= wanted;
	stream_watch(s);
}

void stream_expect(struct stream *s, bool expected)
{
	if (s->expected == expected)
		return;
	s->expected = expected;
	s->took = true; /* the idle time begins anew */
	stream_watch(s);
}

void stream_finish(struct stream *s)
{
	stream_blame(s, 0, "finished");
	s->expected = false;
	if (s->state == STREAM_OPEN)
		s->state = STREAM_LAST;
	else if (s->state == STREAM_CONNECTING || s->state == STREAM_HANDSHAKE)
		s->lost = true;
	stream_watch(s);
}

/* ---- opening ---- */

static void set_options(int fd)
{
	const int on = 1;
	const int unsent = UNSENT_MAX;

	/* Failing costs speed or memory, not answers. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static int stream_new(struct streams *all, int fd, enum stream_state state,
                      const struct stream_owner *owner, struct stream **out)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s || uv_poll_init(all->loop, &s->poll, fd) < 0) {
		free(s);
		stream_refuse(fd);
		return ERR_NOMEM;
	}
	all->handles++;
	s->poll.data = s;
	s->all = all;
	s->owner = *owner;
	s->fd = fd;
	s->state = state;
	set_options(fd);
	*out = s;
	return 0;
}

void *stream_owner_arg(const struct stream *s)
{
	return s->owner.arg;
}

const struct tls_peer *stream_peer(const struct stream *s)
{
	return s->link && s->state != STREAM_CONNECTING && s->state != STREAM_HANDSHAKE
	               ? tls_link_peer(s->link)
	               : NULL;
}

void stream_judge(struct stream *s)
{
	if (s->link)
		tls_link_judge(s->link);
}

const char *stream_stranger(const struct stream *s)
{
	return stream_peer(s) ? tls_link_trouble(s->link) : "";
}

int stream_take(struct streams *all, int fd, struct tls_server *tls,
                const struct stream_owner *owner, struct stream **out)
{
	struct stream *s = NULL;

	TRY(stream_new(all, fd, tls ? STREAM_HANDSHAKE : STREAM_OPEN, owner, &s));
	s->shaking = tls != NULL;
	if (tls && tls_link_to_client(tls, put_cipher, s, &s->link) < 0) {
		stream_close(s);
		return ERR_NOMEM;
	}
	stream_watch(s);
	*out = s;
	return 0;
}

static socklen_t address_len(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
	                                     : sizeof(struct sockaddr_in6);
}

static int begin_to_connect(int fd, const struct stream_target *target)
{
	const int on = 1;

	/* A port of its own for each destination, not for all of them together. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (target->from.ss_family != AF_UNSPEC &&
	    bind(fd, (const struct sockaddr *)&target->from, address_len(&target->from)) <
	            0)
		return ERR_SYSTEM;
	if (connect(fd, (const struct sockaddr *)&target->to, address_len(&target->to)) <
	            0 &&
	    errno != EINPROGRESS)
		return ERR_SYSTEM;
	return 0;
}

int stream_make(struct streams *all, const struct stream_target *target,
                const struct stream_owner *owner, struct stream **out)
{
	int fd = socket(target->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	                0);

	if (fd < 0)
		return ERR_SYSTEM;
	if (begin_to_connect(fd, target) < 0) {
		int reason = errno;
		close(fd);
		errno = reason;
		return ERR_SYSTEM;
	}
	struct stream *s = NULL;
	TRY(stream_new(all, fd, STREAM_CONNECTING, owner, &s));
	if (target->tls && tls_link_to_server(target->tls, put_cipher, s, &s->link) < 0) {
		stream_close(s);
		return ERR_NOMEM;
	}
	stream_watch(s);
	*out = s;
	return 0;
}

/* ---- all of them ---- */

static uint64_t limit_of(unsigned ms)
{
	return ms ? ms : FOREVER;
}

static void set_limits(struct streams *all, const struct stream_limits *limits)
{
	all->limits = *limits;
	all->waits.of[WAIT_CONNECT].timeout = limit_of(limits->connect_ms);
	all->waits.of[WAIT_HANDSHAKE].timeout = limit_of(limits->read_ms);
	all->waits.of[WAIT_QUERY].timeout = limit_of(limits->idle_ms);
	all->waits.of[WAIT_MESSAGE].timeout = limit_of(limits->read_ms);
	all->waits.of[WAIT_TAKEN].timeout = limit_of(limits->write_ms);
	all->waits.of[WAIT_ANSWER].timeout = FOREVER;
	all->waits.of[WAIT_LEAVE].timeout = LEAVE_TIMEOUT;
}

struct streams *streams_new(uv_loop_t *loop, const struct stream_limits *limits)
{
	struct streams *all = must(calloc(1, sizeof *all));

	all->loop = loop;
	set_limits(all, limits);
	all->wait_timer_end = UINT64_MAX;
	(void)uv_timer_init(loop, &all->wait_timer);
	all->wait_timer.data = all;
	all->handles = 1;
	return all;
}

void streams_count_tls(struct streams *all, struct tls_figures *to)
{
	all->tls = to;
}

void streams_configure(struct streams *all, const struct stream_limits *limits)
{
	set_limits(all, limits);
	/* A wait may end sooner than it would have. */
	if (waits_next_end(&all->waits) < all->wait_timer_end)
		set_wait_timer(all, waits_next_end(&all->waits));
}

static void on_timer_closed(uv_handle_t *handle)
{
	streams_release(handle->data);
}

void streams_close(struct streams **streams)
{
	struct streams *all = *streams;

	if (!all)
		return;
	*streams = NULL;
	for (size_t kind = 0; kind < WAIT_KINDS; kind++) {
		while (all->waits.of[kind].first)
			stream_close(stream_of_wait(all->waits.of[kind].first));
	}
	uv_close((uv_handle_t *)&all->wait_timer, on_timer_closed);
}
