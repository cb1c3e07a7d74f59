/*
 * Which primaries are down: who does not answer is left alone for a while, which grows, so that a thousand
 * zones of a dead primary cost one question now and then. Loop thread.
 */
#ifndef CONTROL_TRANSFER_PRIMARIES_H
#define CONTROL_TRANSFER_PRIMARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct primaries;

struct primaries *primaries_new(void);
/* NULL is fine. */
void primaries_free(struct primaries *p);

/* Says whether a primary is not to be asked at a time (ms, of a clock that only rises). Of one that is down
 * the first who asks after its pause is let through, and the others are not until it is known what came of it. */
bool primaries_is_down(struct primaries *p, const struct sockaddr_storage *primary,
                       uint64_t now_ms);

/* What is new about a primary. */
enum primary_news {
	PRIMARY_AS_BEFORE,
	PRIMARY_DOWN, /* it was up */
	PRIMARY_UP,   /* again */
};

/* What became of asking one. Its pause grows only by who was let through: many may have asked before it was known
 * to be down. */
enum primary_news primaries_tried(struct primaries *p,
                                  const struct sockaddr_storage *primary, bool answered,
                                  uint64_t now_ms);

/* Who was let through has not asked: the next one is. */
void primaries_untried(struct primaries *p, const struct sockaddr_storage *primary);

/* Before a transfer from a primary, and after it. False: it has PRIMARY_TRANSFERS_MAX under way already, so
 * that one that is slow does not keep those of others waiting. */
enum { PRIMARY_TRANSFERS_MAX = 8 };
bool primaries_enter(struct primaries *p, const struct sockaddr_storage *primary);
void primaries_leave(struct primaries *p, const struct sockaddr_storage *primary);

/* How many are down. */
size_t primaries_down(const struct primaries *p);

#endif
