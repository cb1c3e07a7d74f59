/*
 * The engine: the one place where changes happen. It owns the store, the table and the commit
 * thread on which every command that changes something runs, one after the other. Whoever only
 * looks does so on another thread, in a snapshot of the store: it neither waits for a change nor
 * holds one up. That a change is visible on every core is waited for on the loop.
 *
 * Commands take and give JSON; the control socket and its client are thin shells around them.
 * docs/CONTROL.md lists commands, arguments and results.
 */
#ifndef CONTROL_ENGINE_H
#define CONTROL_ENGINE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include "control/access/actor.h"
#include "control/change/change.h"
#include "control/config/config.h"
#include "control/publish/publisher.h"
#include "control/store/store.h"
#include "shared/compiler.h"
#include "shared/qlog.h"
#include "shared/table.h"

/* Exit codes of anserctl and outcome of every command. */
enum engine_outcome {
	ENGINE_OK = 0,
	ENGINE_REFUSED = 1,
	ENGINE_USAGE = 2,
	ENGINE_NOT_RUNNING = 3,
	ENGINE_TIMED_OUT = 4,
};

struct engine;

/* The table that readers inside this process use: an RCU-protected pointer (shared/rcu.h). Read with
 * rcu_look() while online; never kept across bursts. */
struct table_source {
	struct table *current;
	struct counters *counters; /* where they count; one writer, the loop thread */
	struct qlog_ring *log;     /* where they log; one writer, likewise */
	/* Written by the loop thread. */
	atomic_uint connections; /* open over TCP */
	atomic_uint udp_sockets; /* of the control plane's own */
};

/* Opens the store and builds the first segment from it. config and publisher are lent for the
 * engine's life. The configuration's zones are loaded by the command "zone sync". */
MUST_CHECK int engine_open(uv_loop_t *loop, const struct config *config,
                           struct publisher *p, struct engine **out, char *text,
                           size_t text_size);
void engine_close(struct engine **e);

struct table_source *engine_table(struct engine *e);

/* To look into it in passing; any thread. */
struct store *engine_store(struct engine *e);

/* Any thread. Notes in the audit log what is no change; detail, an object, is taken, or NULL. what
 * is lent for ever. */
void engine_note(struct engine *e, struct actor *who, const char *what, json_t *detail);

/* Runs on the loop thread when a command is done. result is lent during the call. */
typedef void engine_done(void *arg, enum engine_outcome outcome, const json_t *result);

/* Loop thread. Begins a command in the name of an actor, who is held meanwhile; takes args (a JSON
 * object, may be NULL). Unknown commands and bad arguments end in ENGINE_USAGE. result always is an
 * object; when the outcome is not ENGINE_OK it has "error" (text) and may have "diagnostics". */
void engine_run(struct engine *e, struct actor *actor, const char *command, json_t *args,
                engine_done *done, void *arg);

/* Runs on the loop thread when a change is done with. change and result are lent during the call. */
typedef void change_done(void *arg, const struct change *change,
                         const struct change_result *result);

/* Any thread. Queues a change, which is taken. All changes that wait share a commit; what is in
 * the store when done is called is durable, and with change->wait_visible served by every core. */
void engine_change(struct engine *e, struct change **change, change_done *done,
                   void *arg);

/* Loop thread. Runs work on another thread with a snapshot of the store, which ends with it, then
 * done on the loop: err is what work gave, or ERR_GONE when the engine closed first. A snapshot
 * keeps old pages from being used again: work must end within seconds. */
typedef int read_work(struct store_txn *t, void *arg);
void engine_read(struct engine *e, read_work *work, void (*done)(void *arg, int err),
                 void *arg);

/* Any thread. A number that rises as long as the commit thread lives: with each of its turns, and
 * with the processor time that it takes for long ones. */
uint64_t engine_pulse(struct engine *e);

#endif
