/*
 * The one road for every change: validate -> store -> compile what changed -> publish.
 *
 * A commit begins a store transaction and prepares table versions beside it. Finishing writes
 * the store durably, then makes the table's change visible by one store; whoever sees an answer
 * from a commit can rely on its being on disk. When anything fails before that, the transaction is
 * aborted, and what was prepared in the table and the registry is taken back, at the cost of what
 * had been prepared: nothing half-done is ever visible or kept.
 *
 * Belongs to the commit thread.
 */
#ifndef CONTROL_COMMIT_COMMIT_H
#define CONTROL_COMMIT_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/commit/note.h"
#include "control/commit/registry.h"
#include "control/config/config.h"
#include "control/diag.h"
#include "control/engine.h"
#include "control/publish/publisher.h"
#include "control/store/store.h"
#include "control/table/writer.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"
#include "shared/histogram.h"

struct key_ring;
struct sign_secrets;

struct committer {
	const struct config *config; /* lent; see commit_configure() */
	uint8_t cookie_secret[COOKIE_SECRET_LEN];
	struct publisher
		*publisher; /* NULL: nobody but this process reads (tests, benchmarks) */
	struct store *store;
	struct registry *registry;
	struct table_writer *writer;
	struct compiler *compiler;
	struct table_source source;
	struct store_txn *txn; /* of the commit under way, or NULL */
	uint64_t grace;        /* number of the newest grace period asked for */
	uint64_t generation;
	uint64_t commits;    /* since start, over all segments */
	uint64_t changed_at; /* s since 1970: the newest of them; 0: none yet */
	struct durations store_commits; /* until they were on disk */
	struct sign_secrets *secrets;   /* of keys; any thread may ask it */
	struct key_ring *ring;          /* keys in use */
	uint64_t rrsets_signed;         /* with changes, since the start */
	bool store_ails; /* a purge failed: none before a commit has succeeded */
	/* How long a group may be applied: those in front do not wait longer for those behind. */
	uint64_t group_us;
	/* Of the commit under way, from here on. */
	struct contents_arena *arena;   /* keys of what is touched, or NULL */
	struct commit_touched *touched; /* by changes, and not compiled yet */
	size_t touched_count;
	size_t touched_room;
	int64_t growth;            /* octets that the RRsets of what is touched grow by */
	struct change_note *note;  /* what it changes; NULL: nothing yet */
	struct change_note *notes; /* of finished commits, until they are taken */
	struct change_note **notes_end;
};

/* Opens the store, reads the list of zones and builds the first segment. */
MUST_CHECK int committer_open(struct committer *c, const struct config *config,
                              struct publisher *p, char *text, size_t text_size);
void committer_close(struct committer *c);

/* A commit: begin, any number of changes, then exactly one of finish and abandon; a finish that
 * fails has abandoned. Before the caller itself changes anything of a zone: registry_touch(). An
 * abandoned commit leaves zones where they were, except that those it added are gone. */
MUST_CHECK int commit_begin(struct committer *c);
MUST_CHECK int commit_finish(struct committer *c);
void commit_abandon(struct committer *c);
/* Abandons for an error, and gives it: ERR_TABLE_FULL instead of ERR_FULL when it is not the store that
 * is full. */
int commit_fail(struct committer *c, int err);

/* Checks a change against the store and the changes before it in this commit, and applies it to the
 * transaction. Refused or without effect, it has written nothing: result->seq is 0 and result->err
 * says what is wrong, if anything. An error spoils the commit, which can only be abandoned. What
 * result points to lies in the change's arena. Dry runs end before anything is written. */
MUST_CHECK int commit_change(struct committer *c, struct change *change,
                             struct change_result *result);

/* Gives what commits have changed since the last call, oldest first, or NULL; change_note_free() it. */
struct change_note *committer_take_notes(struct committer *c);

/* Prepares in the table what the changes since the last call have touched. */
MUST_CHECK int commit_compile(struct committer *c);
void commit_forget_touched(struct committer *c);

/* A whole commit of changes, all lent: begins, applies and finishes it. Gives how many of the
 * changes, from the first one on, it dealt with; the others are for the next group. */
struct commit_item {
	struct change *change;
	struct change_result *result;
};
size_t commit_group(struct committer *c, const struct commit_item *items, size_t count);

/* Makes next, lent until the next one, what the commits go by: what answers say of it is changed, and
 * the change's items are written, in one commit, if there is anything to it. When it fails all is as
 * before. */
MUST_CHECK int commit_configure(struct committer *c, const struct config *next,
                                struct change *change, struct change_result *result);

/* Adds a zone without contents (SERVFAIL until it has some). */
MUST_CHECK int commit_zone_add(struct committer *c, const uint8_t *name, bool added,
                               struct zone **out);
/* Takes a zone's contents out of the table, or puts them there again; they stay in the store. */
MUST_CHECK int commit_zone_expire(struct committer *c, struct zone *z, bool expired);

MUST_CHECK int commit_zone_remove(struct committer *c, struct zone *z);

/* Gives a zone new contents, which have passed contents_check(). log: NULL for none. */
struct diff_log;
MUST_CHECK int commit_zone_contents(struct committer *c, struct zone *z,
                                    const struct contents *contents,
                                    const struct diff_log *log,
                                    struct commit_report *report);

/* Writes down what the registry says about a zone. */
MUST_CHECK int commit_zone_state(struct committer *c, struct zone *z);

/* Housekeeping, between commits: frees what no reader sees any more; leaves a stopped reader
 * behind by moving to a fresh segment when too much waits for it. */
MUST_CHECK int committer_tick(struct committer *c);

/* Does a few milliseconds of what has time until nobody waits for a commit: huge pages for the
 * table, removal of what removed zones have left in the store. Gives 1 when it did something, 0
 * when there was nothing to do. An error is given once, and not met again before a commit. */
MUST_CHECK int committer_rest(struct committer *c);

/* Does a few milliseconds of removing from the log of changes what need not be kept any longer, but
 * nothing behind the change that the audit log has followed to. Gives 1 when there is more of it. */
MUST_CHECK int committer_trim(struct committer *c, uint64_t followed, uint64_t now_us);

/* Builds a fresh segment from the store and moves all readers there. When that fails, the one there
 * is goes on being served and changed. */
MUST_CHECK int committer_rebuild(struct committer *c);

#endif
