/*
 * The publisher: hands the table's segment to data planes, and finds out when every one of them
 * has stopped looking at anything older than a given moment.
 *
 * liburcu does not span processes. So the publisher posts a grace number to each attached
 * data plane, whose housekeeping thread runs synchronize_rcu() for its own workers and answers with
 * that number. A number that every live attachment has answered has passed: what was unlinked
 * before it was asked for can be freed, what was published before it is seen by every core.
 * A data plane is gone when its socket has hung up and its process has ended (a pidfd says so,
 * never a pid): one that hung up but lives may still be reading.
 *
 * Lives on the libuv loop of the control plane; the functions marked "any thread" may be called
 * from the commit thread as well.
 */
#ifndef CONTROL_PUBLISH_PUBLISHER_H
#define CONTROL_PUBLISH_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "control/config/config.h"
#include "shared/compiler.h"
#include "shared/counters.h"
#include "shared/histogram.h"
#include "shared/ipc.h"
#include "shared/slots.h"

struct publisher;

/* Loop thread. Listens on config->dataplane_socket for data planes. config is lent until the next
 * one, or for the publisher's life; held for data planes that go by it. text: what is wrong, on
 * failure. */
MUST_CHECK int publisher_open(uv_loop_t *loop, const struct config *config,
                              struct publisher **out, char *text, size_t text_size);

/* Loop thread. Goes by another configuration, lent as above; data planes that are attached go on as
 * they were told. */
void publisher_configure(struct publisher *p, const struct config *next);

/* Any thread. Calls back, with a lock held, with the configuration that each data plane goes by. */
void publisher_each_welcomed(struct publisher *p,
                             void (*fn)(const struct config *, void *), void *arg);

/* Loop thread. Hangs up on everybody; data planes serve on from what they have, so the table must
 * not be written any more. The memory goes when the loop has run once more. */
void publisher_close(struct publisher **p);

/* Loop thread. From now on calls the watcher, on the loop thread, whenever one of the two has changed:
 * whether any data plane that is attached, or has hung up but not ended, takes packets past the
 * kernel, and whether any has UDP sockets. Both are false at first. */
typedef void publisher_watcher(void *arg, bool past_kernel, bool by_kernel);
void publisher_watch(struct publisher *p, publisher_watcher *watcher, void *arg);

/* Any thread. Makes fd (lent; duplicated inside) of generation the segment that new attachments
 * get and that present ones are told to switch to. */
void publisher_set_segment(struct publisher *p, int fd, uint64_t generation);

/* Any thread. Asks every attachment for a grace period; gives its number, always rising. */
uint64_t publisher_request_grace(struct publisher *p);

/* Any thread. The highest number that every attachment mapping the newest segment has answered;
 * with no attachment at all, the highest number requested. Attachments that still map an older
 * segment do not count: nothing in the newest one is theirs. */
uint64_t publisher_passed(struct publisher *p);

/* Loop thread. Calls done, on the loop thread and perhaps before this returns, once number has
 * passed and no live attachment is still on an older segment; attachments that have been silent
 * for longer than the configured stopped_after_ms are not waited for. err is 0, ERR_TIMEOUT after
 * timeout_ms, or ERR_GONE when the publisher is closed before. Any number may wait at once. */
typedef void visible_done(void *arg, int err);
void publisher_when_visible(struct publisher *p, uint64_t number, unsigned timeout_ms,
                            visible_done *done, void *arg);

/* Any thread. A copy of what is known of each attachment. Gives how many were written. */
struct attachment_info {
	uint32_t pid;
	uint64_t generation; /* mapped now */
	uint64_t answered;   /* newest grace number it answered */
	uint64_t silent_ms;  /* for how long it has owed an answer without a word */
	bool stopped; /* silent for longer than stopped_after_ms: an alarm is raised */
	bool holds; /* it may be looking at the newest segment, mapped or only offered */
	unsigned workers;
	struct ipc_started started;       /* its back end and why; empty: not known yet */
	uint64_t counters[COUNTER_COUNT]; /* summed over its workers */
};
unsigned publisher_attachments(struct publisher *p,
                               struct attachment_info out[static ATTACHMENTS_MAX]);

/* Any thread. For how long data planes were asked for each grace period before they said that it had
 * passed. */
void publisher_grace_times(struct publisher *p, struct durations *out);

/* Any thread. The rings of all workers that there can be, lent for the publisher's life; one reader. */
struct publisher_rings {
	struct qlog_ring (*of)[WORKERS_MAX]; /* by attachment */
	unsigned workers;                    /* of each that can be in use */
};
void publisher_rings(struct publisher *p, struct publisher_rings *out);

/* Loop thread. From now on calls punted, on the loop thread, when a data plane says that there is something in
 * its rings, and when there is another one in the slot or none any more. */
typedef void publisher_punted(void *arg, unsigned slot);
void publisher_watch_punts(struct publisher *p, publisher_punted *punted, void *arg);

/* Loop thread. Who is attached in a slot, and the rings of its workers, lent until somebody else is; this side
 * has one reader and one writer. Gives a number that no other attachment has ever had, 0 for nobody. */
struct publisher_punts {
	struct punt *of; /* by worker */
	unsigned workers;
};
uint64_t publisher_punts(struct publisher *p, unsigned slot, struct publisher_punts *out);

/* Loop thread. Wakes the workers of a slot that have something to send. */
void publisher_nudge(struct publisher *p, unsigned slot);

/* Any thread. What one worker of the attached process has counted for this control plane; zeros when
 * there is none such. What its process counted for an earlier one is in the attachment's sum only. */
void publisher_worker_counters(struct publisher *p, uint32_t pid, unsigned worker,
                               uint64_t out[static COUNTER_COUNT]);

/* Any thread. The ports of the attached process, as last heard; none: count is 0. */
void publisher_ports(struct publisher *p, uint32_t pid, struct ipc_ports *out);

/* Any thread. How many attached data planes have mapped a table. */
unsigned publisher_serving(struct publisher *p);

/* Loop thread. How many data planes that a control plane started (ipc_hello.supervised), by this
 * start of it or an earlier one, are attached or have hung up but not ended. */
unsigned publisher_supervised(struct publisher *p);

/* Loop thread. Sends SIGTERM to each of them. */
void publisher_terminate_supervised(struct publisher *p);

/* Any thread. Counters of all workers of all attachments so far, ended ones included. */
void publisher_counters(struct publisher *p, uint64_t out[static COUNTER_COUNT]);

#endif
