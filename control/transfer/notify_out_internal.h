/*
 * What the files of notify_out share, and nobody else includes.
 *
 * A zone is a task, which goes through the lists below. When it has been read, there is one thing more for each
 * server that is to be told of it: it waits or is asked, and is gone when that one has answered or was given up.
 *
 *      FRESH --+--> READING --> SENDING --> RESTING --> gone
 *      AGAIN --+                   |           |
 *        ^                         |           |  the zone has changed again
 *        +-------------------------+-----------+
 *
 * FRESH and AGAIN are in the order in which they are due. A task leaves SENDING when all servers are done with, or
 * when the zone changes: those that have answered are then told anew, and those that are still asked or wait hear of
 * the newer serial from then on, as if they had been asked of that one all the time.
 *
 * Each thing that is to be told knows the change in the log before which nothing of that was; the least of these is as
 * far as all is told.
 *
 *      notify_out.c         opens and closes, and hears of commits and commands
 *      notify_out_tasks.c   the lists that tasks go through
 *      notify_out_read.c    reads whom to tell of those that are due
 *      notify_out_told.c    has each server told, not too many at a time
 *      notify_out_recall.c  how far all is told, from one run to the next
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_NOTIFY_OUT_INTERNAL_H
#define CONTROL_TRANSFER_NOTIFY_OUT_INTERNAL_H

#include <jansson.h>
#include <uv.h>

#include "control/engine.h"
#include "control/transfer/notice.h"
#include "control/transfer/notified.h"
#include "control/transfer/notify_out.h"
#include "control/transfer/notify_targets.h"
#include "control/transfer/resolver.h"

enum task_state {
	TASK_FRESH,
	TASK_AGAIN,
	TASK_READING,
	TASK_SENDING,
	TASK_RESTING,
	TASK_STATES
};

struct task {
	struct task *prev; /* in the list of its state */
	struct task *next;
	struct task *chain; /* in its bucket */
	enum task_state state;
	struct notify_list list; /* as it was read last */
	uint64_t due_ms;
	uint64_t told_ms;     /* when it was sent last */
	uint64_t after;       /* up to this change there was nothing to be told */
	bool again;           /* it has changed while it was read, */
	uint64_t again_after; /* and likewise for that */
	struct told *told;    /* servers that have not answered */
	size_t lookups;       /* names of servers, under way */
	struct notifier *notifier;
};

/* One server that is to be told of one zone. */
struct told {
	struct told *prev; /* in waiting or asked */
	struct told *next;
	struct told *sibling; /* of the same task */
	struct notifier *notifier;
	struct task *task;
	struct notify_target target;
	struct notice *notice; /* NULL: it waits */
	uint64_t after;        /* as the task's */
	bool renewed; /* the zone has a newer serial than the one it was asked of first, */
	uint64_t renewed_after; /* and up to this change there was nothing newer */
	bool by_name;           /* its address was looked up */
	bool wanted;            /* by the list that was read last */
};

struct task_list {
	struct task *first;
	struct task *last;
};

struct told_list {
	struct told *first;
	struct told *last;
	size_t count;
};

struct notifier {
	const struct transfer_parts *parts;
	struct task_list lists[TASK_STATES];
	struct task **buckets; /* by id */
	size_t bucket_count;
	size_t task_count;
	struct told_list waiting;
	struct told_list asked;
	struct resolver *resolver;
	struct notified notified;
	uint64_t newest; /* change in the log that has been heard of */
	uint64_t floor;  /* all is told up to this one, whatever tasks say */
	uint64_t noted;  /* what is written down */
	bool knows_past;
	uv_timer_t timer;
	uv_timer_t note;
	unsigned handles; /* open */
	bool reading, recalling;
	bool closing;
};

/* ---- notify_out.c ---- */

/* Has those who are to know of a zone told. after: the change up to which there was nothing to be told. now: without
 * waiting for further changes. */
void notifier_tell(struct notifier *n, uint32_t id, const uint8_t *name, uint64_t after,
                   bool now);

/* After notifier_close() the last thing that was under way comes here. */
void notifier_end_if_over(struct notifier *n);

/* ---- notify_out_tasks.c ---- */

/* Gives NULL when there is none. */
struct task *notifier_find_task(const struct notifier *n, uint32_t id);

/* Makes one, or has the one that there is begin again; as notifier_tell() says. */
void notifier_begin_task(struct notifier *n, uint32_t id, const uint8_t *name,
                         uint64_t after, bool now);

void notifier_move_task(struct notifier *n, struct task *t, enum task_state state);

/* It was told before, and is to be again. */
void notifier_wait_again(struct notifier *n, struct task *t, uint64_t after);

/* One that is SENDING rests when nobody is left who is to be told. */
void notifier_rest_if_done(struct notifier *n, struct task *t);

/* Nobody is being told of it. */
void notifier_free_task(struct notifier *n, struct task *t);

/* ---- notify_out_read.c ---- */

/* Reads whom to tell of what is due, unless that is being done. */
void notifier_read_more(struct notifier *n);

/* ---- notify_out_told.c ---- */

/* Has those told who are on the task's list, and no others any more. */
void notifier_tell_all(struct notifier *n, struct task *t);

/* Asks those who wait, as far as may be. */
void notifier_ask_more(struct notifier *n);

/* Nobody is to be told of this task any more, */
void notifier_drop_told(struct notifier *n, struct task *t);
/* nor of any, as the notifier closes: their tasks may only be freed after that. */
void notifier_forget_told(struct notifier *n);

/* What "status" shows. arg: the notifier. */
json_t *notifier_figures(void *arg);

/* ---- notify_out_recall.c ---- */

/* Reads what the last run has not told, and has it told. */
void notifier_recall(struct notifier *n);

/* Writes down how far all is told. */
void notifier_write_note(struct notifier *n);

#endif
