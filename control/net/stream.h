/*
 * A connection over which DNS messages come and go, each preceded by its length (RFC 7766 §8), over TCP
 * or TLS (RFC 7858): one that a
 * client has made to us, or that we make to somebody. What it waits for has a time limit, and what is
 * queued for the other side has a size limit, so that whoever is slow or hostile costs what the limits
 * say and no more.
 *
 * All on the loop's thread. The owner is told what happens by calls from the loop, never from inside
 * a call of its own.
 */
#ifndef CONTROL_NET_STREAM_H
#define CONTROL_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <uv.h>

#include "control/tls/client.h"
#include "control/tls/link.h"
#include "control/tls/server.h"
#include "shared/compiler.h"

struct stream;
struct streams;

/* STREAM_BURST: messages that are given one after the other before gathered(). */
enum { STREAM_BURST = 8, STREAM_PREFIX = 2, STREAM_MESSAGE_MAX = UINT16_MAX };

/* Of each stream. Milliseconds; 0: no limit. */
struct stream_limits {
	unsigned connect_ms; /* to connect */
	unsigned idle_ms;    /* with nothing begun, queued or expected */
	unsigned read_ms;    /* to complete a message that is begun */
	unsigned write_ms;   /* to take anything of what is queued */
	size_t pending_max;  /* octets queued; at least two frames */
};

/* Streams of one kind: what they share. Lives until it is closed and libuv has called back for all of them. */
struct streams *streams_new(uv_loop_t *loop, const struct stream_limits *limits);
/* Counts their TLS from now on; to is lent for their life. */
void streams_count_tls(struct streams *all, struct tls_figures *to);
/* Those that are there go by the new limits as well. */
void streams_configure(struct streams *all, const struct stream_limits *limits);
/* Drops all that are left; no owner is told. */
void streams_close(struct streams **streams);

/* Gives the one that has done nothing for the longest time, or NULL: all are busy. */
struct stream *streams_idlest(const struct streams *all);

/* Any of the calls may be NULL but took and ended; each of them may drop the stream. */
struct stream_owner {
	/* A message, lent for the call. */
	void (*took)(void *arg, struct stream *s, const uint8_t *message, uint16_t len);
	/* After one to STREAM_BURST messages: the time to send what came of them. */
	void (*gathered)(void *arg, struct stream *s);
	/* It can be sent to: connected, and TLS is agreed on. Not for those that are taken without TLS. */
	void (*up)(void *arg, struct stream *s);
	/* After pending_max was reached: what is queued is below half of it again. */
	void (*room)(void *arg, struct stream *s);
	/* Once, unless the owner has dropped it; the stream is gone with that. 0: it was finished, else
	 * ERR_GONE, ERR_TIMEOUT, ERR_CORRUPT (no messages),
	 * ERR_REFUSED (TLS is not agreed on), ERR_NOMEM. why: a text for people. */
	void (*ended)(void *arg, struct stream *s, int err, const char *why);
	void *arg;
};

/* Takes fd, which is connected and does not block, also when it fails: ERR_NOMEM. tls: NULL: none. */
MUST_CHECK int stream_take(struct streams *all, int fd, struct tls_server *tls,
                           const struct stream_owner *owner, struct stream **out);

/* Closes a connection that has become no stream: the other side gets a reset, and the kernel frees its memory at once. */
void stream_refuse(int fd);

/* The other side, as long as the stream lives; NULL: no TLS, or not yet. */
const struct tls_peer *stream_peer(const struct stream *s);

/* Of a stream that was taken: the other side's certificate is judged anew, after another configuration. */
void stream_judge(struct stream *s);

/* Why no rule knows the certificate that the other side has shown; or empty. Lent as long as the stream. */
const char *stream_stranger(const struct stream *s);

/* Gives arg of its owner. */
void *stream_owner_arg(const struct stream *s);

struct stream_target {
	struct sockaddr_storage to;
	struct sockaddr_storage from; /* all zero: any address of ours */
	struct tls_client *tls;       /* held by the stream as well; NULL: no TLS */
};

/* Begins to connect; what comes of it is told by up() or ended(). ERR_SYSTEM: it cannot even begin, and
 * errno says why. */
MUST_CHECK int stream_make(struct streams *all, const struct stream_target *target,
                           const struct stream_owner *owner, struct stream **out);

/* Sends a message of at most STREAM_MESSAGE_MAX octets, copied where it has to wait. ERR_FULL: pending_max are
 * queued, or it is not up; nothing is taken, and room() or up() follows. ERR_GONE: ended() follows. */
MUST_CHECK int stream_send(struct stream *s, const uint8_t *message, uint16_t len);

/* The same beyond pending_max as well. */
void stream_send_anyway(struct stream *s, const uint8_t *message, uint16_t len);

/* The same for whole frames, each with its prefix: for what answers the messages of one burst. */
void stream_send_frames(struct stream *s, const struct iovec *frames, size_t n);

/* Says whether stream_send() would not say ERR_FULL. */
bool stream_has_room(const struct stream *s);

/* Octets that the other side has not taken yet. */
size_t stream_pending(const struct stream *s);

/* Whether messages are wanted: at first they are. */
void stream_read(struct stream *s, bool wanted);

/* Says that something of ours is still to be sent: until that is taken back the stream is not idle, and does
 * not end because the other side has sent its last message. Not for who waits for a message. */
void stream_expect(struct stream *s, bool expected);

/* Sends what is queued, and ends; ended() follows. */
void stream_finish(struct stream *s);

/* Ends it at once. *s becomes NULL, no call follows. NULL is fine. */
void stream_drop(struct stream **s);

#endif
