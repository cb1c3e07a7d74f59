/*
 * The slots segment: where data planes count. One per start of the control plane, which makes it
 * and reads it; each attached data plane is given one attachment's part of it and writes
 * nothing else.
 *
 *      0 +----------------+
 *        | header         |  64 bytes, written by control before anybody else has the descriptor
 *        +----------------+
 *        | attachment 0   |  carried: written by the data plane's housekeeping thread
 *        |                |  workers[i]: written by its worker i
 *        +----------------+
 *        | attachment 1   |
 *        |      ...       |
 *        +----------------+
 *        | rings          |  of each attachment's workers, for the query log (shared/qlog.h); memory is
 *        |      ...       |  taken as they are used
 *        +----------------+
 *        | punts          |  of each attachment's workers, for what they cannot answer (shared/punt.h);
 *        |      ...       |  memory likewise
 *
 * Any data plane could scribble on all of it, so control takes nothing from here but numbers and
 * names to show, and messages as anybody could send; which memory may be freed is agreed over the socket (shared/ipc.h).
 */
#ifndef SHARED_SLOTS_H
#define SHARED_SLOTS_H

#include <stdint.h>

#include "shared/compiler.h"
#include "shared/counters.h"
#include "shared/punt.h"
#include "shared/qlog.h"
#include "shared/segment.h"

#define SLOTS_MAGIC UINT64_C(0x544f4c5345534e41) /* "ANSESLOT" read as little endian */

enum {
	SLOTS_LAYOUT = 6,     /* bump with any change below or in counters.{h,def} */
	ATTACHMENTS_MAX = 16, /* data planes attached at once */
	WORKERS_MAX = 64,     /* of one data plane */
};

struct slots_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t header_size;
	uint64_t size; /* of the whole segment */
	uint64_t
		instance; /* random: tells one start of the control plane from the next */
	uint32_t attachments;
	uint32_t workers;
	uint32_t counters;
	uint8_t pad[20];
};
STATIC_ASSERT(sizeof(struct slots_header) == CACHE_LINE, "layout");

struct slots_attachment {
	struct counters carried; /* what it had counted before it got this segment */
	struct counters workers[WORKERS_MAX];
};
STATIC_ASSERT(sizeof(struct counters) % CACHE_LINE == 0,
              "no two writers on one cache line");

struct slots {
	struct slots_header header;
	struct slots_attachment attachments[ATTACHMENTS_MAX];
	struct qlog_ring rings[ATTACHMENTS_MAX][WORKERS_MAX];
	struct punt punts[ATTACHMENTS_MAX][WORKERS_MAX];
};
STATIC_ASSERT(offsetof(struct slots, attachments) == CACHE_LINE, "layout");
STATIC_ASSERT(sizeof(struct slots_attachment) ==
                      (WORKERS_MAX + 1) * sizeof(struct counters),
              "layout");
STATIC_ASSERT(sizeof(struct slots) ==
                      CACHE_LINE + ATTACHMENTS_MAX * sizeof(struct slots_attachment) +
                              (size_t)ATTACHMENTS_MAX * WORKERS_MAX *
                                      (sizeof(struct qlog_ring) + sizeof(struct punt)),
              "layout");

/* Makes a slots segment, ready to be handed out. ERR_SYSTEM. */
MUST_CHECK int slots_create(struct segment *out);

/* Gives the slots in a mapped segment, lent until it is closed.
 * ERR_VERSION for another layout, ERR_CORRUPT for anything else that does not add up. */
MUST_CHECK int slots_attach(const struct segment *s, struct slots **out);

/* Adds all counters of an attachment to sum. */
void slots_add(const struct slots_attachment *a, uint64_t sum[static COUNTER_COUNT]);

/* Zeroes the counters of an attachment that no data plane writes any more. */
void slots_clear(struct slots_attachment *a);

#endif
