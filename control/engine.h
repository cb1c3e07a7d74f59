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
#include <stdio.h>
#include <uv.h>

#include "control/access/actor.h"
#include "control/catalog_figures.h"
#include "control/change/change.h"
#include "control/commit/note.h"
#include "control/config/config.h"
#include "control/keeper_figures.h"
#include "control/publish/publisher.h"
#include "control/store/store.h"
#include "control/tls/figures.h"
#include "control/transfer_figures.h"
#include "control/zone_marks.h"
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
struct sign_secrets;

/* The table that readers inside this process use: an RCU-protected pointer (shared/rcu.h). Read with
 * rcu_look() while online; never kept across bursts. */
enum certificate_use { CERTIFICATE_DNS, CERTIFICATE_HTTPS, CERTIFICATE_USES };

struct table_source {
	struct table *current;
	struct counters *counters; /* where they count; one writer, the loop thread */
	struct qlog_ring *log;     /* where they log; one writer, likewise */
	struct qlog_figures *log_figures; /* control/qlog/figures.h */
	/* Written by the loop thread. */
	atomic_uint connections;    /* open over TCP */
	atomic_uint udp_sockets;    /* of the control plane's own */
	struct tls_figures tls_in;  /* of those who have come */
	struct tls_figures tls_out; /* of those whom we ask */
	atomic_llong
		certificate_ends[CERTIFICATE_USES]; /* s since 1970; 0: there is none */
	struct transfer_figures transfers;
};

/* Opens the store and builds the first segment from it. config is held, publisher lent for the
 * engine's life. The configuration's zones are loaded by the command "zone sync". */
MUST_CHECK int engine_open(uv_loop_t *loop, const struct config *config,
                           struct publisher *p, struct engine **out, char *text,
                           size_t text_size);
void engine_close(struct engine **e);

/* What goes by the configuration outside of the engine. prepare opens what next names and may fail;
 * exactly one of the other two follows, of which neither fails: apply makes next what counts, and
 * abandon closes what prepare opened. next is held by the engine as long as it counts. All run on
 * the loop thread. */
struct engine_configured {
	int (*prepare)(void *arg, const struct config *next, char *text,
	               size_t text_size);
	void (*apply)(void *arg, const struct config *next);
	void (*abandon)(void *arg);
	void *arg;
};

/* Loop thread, before the first command. */
void engine_configures(struct engine *e, const struct engine_configured *what);

/* Who keeps secondaries, on the loop thread, for the commands about them. */
struct engine_secondaries {
	/* Looks at one at once; transfer: all of it is fetched, although its serial is no newer; may_fall:
	 * even when it is older. False: no secondary has this number. */
	bool (*refresh)(void *arg, uint32_t zone, bool transfer, bool may_fall);
	/* Gives an array of what is known of them, of at most so many. zone: of this one; 0: of all. */
	json_t *(*list)(void *arg, uint32_t zone, size_t most);
	void *arg;
};

/* Loop thread, before the first command. */
void engine_has_secondaries(struct engine *e, const struct engine_secondaries *who);

/* Who tells other servers of zones, and who gives zones to them; on the loop thread, for the commands about
 * them. */
struct engine_notifier {
	void (*notify)(void *arg, uint32_t zone, const uint8_t *name);
	json_t *(*figures)(void *arg); /* an object */
	void *arg;
};
struct engine_transfers {
	json_t *(*list)(void *arg); /* an array: those that are under way */
	void *arg;
};

/* Who keeps catalog zones, and the zones that come from them; on the loop thread, for the commands about
 * them. */
struct engine_catalogs {
	json_t *(*list)(void *arg); /* an array */
	/* Counts all of them into *to, which is zero. */
	void (*count)(void *arg, struct catalog_figures *to);
	/* However many zones the catalog with this number, as it is now, takes away: they go. False: it takes
	 * none away that are kept. */
	bool (*accept)(void *arg, uint32_t zone);
	void *arg;
};

/* Who keeps zones signed; on the loop thread, for the commands about them. */
struct engine_keeper {
	/* Looks at a zone at once, which may be signed, or be to be. */
	void (*look)(void *arg, uint32_t zone, const uint8_t *name);
	/* Gives an array of what is known of them, of at most so many. zone: of this one; 0: of all. */
	json_t *(*list)(void *arg, uint32_t zone, size_t most);
	void (*count)(void *arg, struct keeper_figures *to);
	void *arg;
};

/* Any thread. The vault of keys. */
struct sign_secrets *engine_secrets(struct engine *e);

/* Loop thread. All zero: there is nobody any more. */
void engine_has_keeper(struct engine *e, const struct engine_keeper *who);
void engine_has_catalogs(struct engine *e, const struct engine_catalogs *who);
void engine_has_notifier(struct engine *e, const struct engine_notifier *who);
void engine_has_transfers(struct engine *e, const struct engine_transfers *who);

/* Any thread. The configuration that counts; config_release() it. */
const struct config *engine_config(struct engine *e);

struct table_source *engine_table(struct engine *e);

/* Any thread. */
struct zone_marks *engine_marks(struct engine *e);

/* What came of a request to the API, as far as who asks is concerned. */
enum api_verdict {
	API_LET_IN,
	API_NO_KEY,     /* or a wrong one */
	API_FOREIGN,    /* sent by a page from elsewhere */
	API_LOCKED_OUT, /* an address with too many wrong keys */
	API_TOO_MANY,   /* a key with too many requests */
	API_UNKNOWN,    /* keys could not be read */
	API_VERDICTS
};

/* Loop thread. Counts a request, for the metrics. */
void engine_count_request(struct engine *e, enum api_verdict verdict);

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

/* Any thread. Queues a change of items alone, which is taken: they are written with the next commit,
 * without an entry in the log, and so without one in a history or the audit log. For what this
 * program notes down for itself, and can do without. done: NULL for nobody. */
void engine_note_items(struct engine *e, struct change **change, change_done *done,
                       void *arg);

/* Loop thread. From now on fn is called, on the loop thread, for every commit that changed something,
 * after it is published and before anybody is told that its changes are done. note is lent during
 * the call. */
typedef void watch_fn(void *arg, const struct change_note *note);
void engine_watch(struct engine *e, watch_fn *fn, void *arg);
/* fn is not called any more. To be done before engine_close(), or never. */
void engine_unwatch(struct engine *e, watch_fn *fn, const void *arg);

/* Loop thread. Runs work on another thread with a snapshot of the store, which ends with it, then
 * done on the loop: err is what work gave, or ERR_GONE when the engine closed first. A snapshot
 * keeps old pages from being used again: work must end within seconds. */
typedef int read_work(struct store_txn *t, void *arg);
void engine_read(struct engine *e, read_work *work, void (*done)(void *arg, int err),
                 void *arg);

/* Any thread. Takes the backup that the command "backup" has left under this number: a descriptor,
 * which is the caller's to close, or -1. Gives in *size how large it is. */
int engine_take_backup(struct engine *e, uint64_t number, uint64_t *size);

/* Any thread, not the loop's. Writes the audit log from an event on, a line for each, as the command
 * "audit export" gives them. Errors of to are left to who closes it. */
MUST_CHECK int engine_write_audit(struct engine *e, uint64_t from, FILE *to);

/* Any thread. A number that rises as long as the commit thread lives: with each of its turns, and
 * with the processor time that it takes for long ones. */
uint64_t engine_pulse(struct engine *e);

#endif
